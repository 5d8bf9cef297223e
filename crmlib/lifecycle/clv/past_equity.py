"""What the customers of earlier days were expected to bring, as it would have been said then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.comparison import held_out, model_choice
from crmlib.lifecycle.clv.fitting import fit_models
from crmlib.lifecycle.clv.holdout import calibration_end, holdout_total
from crmlib.lifecycle.clv.prediction import customer_equity
from crmlib.lifecycle.clv.preparation import summary
from crmlib.lifecycle.clv.ranking import baseline_comparison
from crmlib.lifecycle.clv.season import find_season
from crmlib.lifecycle.clv.trust import Trust, trust_in_model
from crmlib.models.errors import CustomerBaseInvalid, FitDidNotConverge, MeanSpendUndefined, TooFewRepeatBuyers
from crmlib.models.orders_model import OrdersModel

_COLUMNS = ["as_of", "expected_value", "expected_value_low", "expected_value_high"]


def equity_on(
    orders: Any,
    *,
    days: Sequence[dt.date],
    margin: float = 1.0,
    discount_rate: float = 0.0,
    kind: type[OrdersModel] | None = None,
    holdout_weeks: int = 0,
    groups: Any = None,
    by: str = "channel",
) -> pd.DataFrame:
    """What the customers known on each of ``days`` were expected to bring in the 12 months after it.

    ``orders``: the contract's (pandas or Ibis); ``groups`` and ``by`` as for
    :func:`~crmlib.lifecycle.clv.fit_models`. Fits the model that chapter 04 takes (``kind``; None: that of
    :func:`~crmlib.lifecycle.clv.model_choice` on the last of the days) and gamma-gamma on the orders until each day, in
    the season's time where there is one by then: one kind of model for all days, so that values differ by what
    customers did. ``holdout_weeks``: of the test, as in chapter 04. A frame
    ``as_of, expected_value, expected_value_low, expected_value_high`` (95%): contribution at ``margin``, discounted by
    ``discount_rate`` a year. A day is missing where no model can be fitted, not even by
    :func:`~crmlib.lifecycle.clv.fit_models` with its weak prior (few customers came back), and where no money may be
    put on it (:func:`~crmlib.lifecycle.clv.trust_in_model`), so that no value is told here of which its own chapter
    says not to plan by it.

    Source: Fader, Hardie & Lee (2005); Fader & Hardie (2013).

    >>> one = pd.DataFrame({"customer_id": ["a"], "amount": 9.0, "ordered_at": pd.to_datetime(["2025-01-01"])})
    >>> equity_on(one, days=[dt.date(2025, 12, 31)]).empty
    True
    """
    rows = []
    if kind is None and days:
        try:
            kind = model_choice(orders, as_of=max(days), holdout_weeks=holdout_weeks).kind
        except CustomerBaseInvalid:
            return pd.DataFrame(columns=_COLUMNS)
    for day in days:
        try:
            season = find_season(orders, as_of=day)
            histories = to_pandas(summary(orders, as_of=day, season=season))
            if not _trust(orders, day, float(histories["T"].max()), kind, holdout_weeks).money:
                continue
            models = fit_models(histories, orders_model=kind, groups=groups, by=by, season=season).models
            equity = customer_equity(
                histories, **models, margin=margin, discount_rate=discount_rate, residual=False, draws=100
            )
        except (CustomerBaseInvalid, FitDidNotConverge, MeanSpendUndefined, TooFewRepeatBuyers):
            continue
        rows += [(day, *row) for row in equity.loc[equity["measure"] == "customer_equity", "value":"high"].to_numpy()]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _trust(
    orders: Any, day: dt.date, weeks: float, kind: type[OrdersModel] | None = None, holdout_weeks: int = 0
) -> Trust:
    """What a time held out said of the model on that day; ``weeks``: from the first order until then."""
    if calibration_end(orders, as_of=day, holdout_weeks=holdout_weeks) is None:
        return trust_in_model(history_weeks=weeks)
    past = held_out(orders, as_of=day, holdout_weeks=holdout_weeks)
    then = fit_models(past, orders_model=kind).orders_model
    if then is None:
        return trust_in_model(history_weeks=weeks)
    return trust_in_model(holdout_total(past, then), baseline_comparison(past, then), history_weeks=weeks)
