"""Both models of a customer base at once, and what was done when the data alone did not suffice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.group_models import GroupModels, fit_group_models, labels_of
from crmlib.lifecycle.clv.opportunity_time import Season
from crmlib.models.beta_geo_nbd import BetaGeoNBD
from crmlib.models.customer_base import FEWEST_REPEAT_BUYERS
from crmlib.models.errors import FitDidNotConverge, TooFewRepeatBuyers
from crmlib.models.gamma_gamma import GammaGamma
from crmlib.models.maximum_likelihood import Estimate, FittedModel
from crmlib.models.orders_model import OrdersModel
from crmlib.models.time_units import Unit
from crmlib.words import Words, joined

words = Words(__file__)

# Each log-parameter then stays within a factor of 7 of a typical base, unless the data say otherwise.
WEAK_PRIOR = 2.0

# Parameters of a gamma-gamma whose customers all spend the same on every order.
ALL_ALIKE = 1e6


@dataclass(frozen=True)
class FittedModels:
    """The models of orders and of spend, None where none could be had; ``outcome`` says what was done, or why not.

    ``group_models``: groups of customers with models of their own, where groups were given and differ; None without.
    ``season``: in whose time the summary counts; None for calendar time.
    ``outcome``: ``fitted``; ``prior`` (the data alone did not settle all parameters); ``no_spend`` (orders can be
    predicted, value cannot); ``too_few`` repeat buyers; ``unsettled``. ``customers``, and of these ``repeaters``.
    """

    orders_model: OrdersModel | None
    spend_model: GammaGamma | None
    outcome: str = "fitted"
    customers: int = 0
    repeaters: int = 0
    weak_prior: bool = False
    group_models: GroupModels | None = None
    season: Season | None = None

    @property
    def complete(self) -> bool:
        """Whether there are both models, so that values can be predicted."""
        return self.orders_model is not None and self.spend_model is not None

    @property
    def models(self) -> dict[str, Any]:
        """Both models by the names under which ``predict`` and its kin take them."""
        of = {"group_models": self.group_models, "season": self.season}
        more = {name: one for name, one in of.items() if one is not None}
        return {"orders_model": self.orders_model, "spend_model": self.spend_model, **more}

    def of(self, customer_id: Any = None) -> FittedModels:
        """The models by which this customer is valued."""
        own = self.group_models
        return self if own is None else own.models.get(own.group.get(customer_id), self)

    @property
    def params(self) -> pd.DataFrame:
        """Parameters of both models: ``estimate, standard_error, low, high``; those of orders, then those of spend."""
        found = [model.params for model in (self.orders_model, self.spend_model) if model is not None]
        return pd.concat(found) if found else pd.DataFrame(columns=["estimate", "standard_error", "low", "high"])

    @property
    def message(self) -> str:
        """What was done, or why there is no model, in words."""
        counts = {"customers": self.customers, "repeaters": self.repeaters, "least": FEWEST_REPEAT_BUYERS}
        said = [words.say(f"fitting.{self.outcome}", counts)]
        if self.spend_model is not None and self.spend_model.q <= 1:
            said.append(words.say("fitting.unequal"))
        return joined(said)


def fit_models(
    summary: Any,
    *,
    unit: Unit = "weeks",
    orders_model: type[OrdersModel] | None = None,
    groups: Any = None,
    by: str = "channel",
    season: Season | None = None,
) -> FittedModels:
    """Models of orders and of spend for a customer summary, as far as these customers allow; no raise for too few.

    ``orders_model``: the class of the first, such as the ``kind`` of :func:`~crmlib.lifecycle.clv.compare`; None
    for BG/NBD. The second is gamma-gamma.

    Where the likelihood has no maximum, a weak prior holds the parameters near those of a typical base. Where every
    repeat order costs the same, there is nothing to model: that price is taken. Otherwise ``message`` says why a
    model is missing. ``summary``: from :func:`~crmlib.lifecycle.clv.summary` (pandas or Ibis).

    ``groups``: a table with ``customer_id`` and the column ``by``. Customers with equal histories are worth more in a
    group that comes more often, so groups that differ are valued by models of their own (``group_models``), all
    others together; see :func:`~crmlib.lifecycle.clv.group_models.fit_group_models`. ``season``: the one of the
    summary. Raises ``ValueError`` for unfit ``groups``.

    >>> three = pd.DataFrame({"frequency": [0, 1, 0], "recency": [0.0, 2.0, 0.0], "T": [5.0, 5.0, 3.0],
    ...                       "monetary": [0.0, 9.0, 0.0]})
    >>> fit_models(three).message
    'No model: 1 of 3 customers bought again. At least 10 who did, and not all alike, are needed to learn from.'
    """
    kind = orders_model or BetaGeoNBD
    frame = to_pandas(summary)
    fitted = replace(_fit_all(frame, unit, kind), season=season)
    if groups is None or not fitted.complete:
        return fitted
    label = labels_of(frame["customer_id"], groups, by)
    own = fit_group_models(frame, fitted, label, lambda some: _fit_all(some, unit, kind))
    return replace(fitted, group_models=own)


def _fit_all(frame: pd.DataFrame, unit: Unit, kind: type[OrdersModel]) -> FittedModels:
    """Models of all these customers together."""
    counts = (len(frame), int((frame["frequency"] > 0).sum()))
    try:
        of_orders, prior = with_prior_if_needed(lambda spread: kind.fit(frame, unit=unit, prior_spread=spread))
    except TooFewRepeatBuyers:
        return FittedModels(None, None, "too_few", *counts)
    except FitDidNotConverge:
        return FittedModels(None, None, "unsettled", *counts)
    try:
        spend_model, spend_prior = with_prior_if_needed(lambda spread: _spend_model(frame, spread))
    except (TooFewRepeatBuyers, FitDidNotConverge):
        return FittedModels(of_orders, None, "no_spend", *counts, weak_prior=prior)
    weak = prior or spend_prior
    return FittedModels(of_orders, spend_model, "prior" if weak else "fitted", *counts, weak_prior=weak)


def parameter_posterior(model: FittedModel | None, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Parameters that the data leave possible, all equally likely: one row a draw, a column per parameter.

    Empty without a model. Raises ``AttributeError`` for a model from given parameters, of which nothing is unknown.
    """
    if model is None:
        return pd.DataFrame()
    return pd.DataFrame(model.draws(draws, seed=seed).values, columns=list(model.symbols))


def with_prior_if_needed(fit: Callable[[float | None], Any]) -> tuple[Any, bool]:
    """What ``fit`` makes without a prior, else with a weak one, and whether it took that."""
    try:
        return fit(None), False
    except FitDidNotConverge:
        return fit(WEAK_PRIOR), True


def _spend_model(frame: pd.DataFrame, spread: float | None) -> GammaGamma:
    paid = frame["monetary"].to_numpy(dtype=float)[(frame["frequency"] > 0) & (frame["monetary"] > 0)]
    if len(paid) >= FEWEST_REPEAT_BUYERS and np.ptp(paid) < 1e-9 * paid.max():
        price = float(np.median(paid))
        v = price * (ALL_ALIKE - 1) / ALL_ALIKE
        estimate = Estimate(np.log([ALL_ALIKE, ALL_ALIKE, v]), np.eye(3) * 1e-16, float("nan"), len(paid), 0)
        return GammaGamma(p=ALL_ALIKE, q=ALL_ALIKE, v=v, observed_mean=price, estimate=estimate)
    return GammaGamma.fit(frame, prior_spread=spread)
