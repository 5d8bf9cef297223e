"""What the models say of each distinct history (x, t_x, T): all that customers with equal histories share.

A customer's own mean spend m enters later and only by + and ×, so that a million customers cost no more than their
distinct histories do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.age_grid import AgeGrid
from crmlib.lifecycle.clv.opportunity_time import Season, even_pace
from crmlib.lifecycle.clv.options import (
    Horizon,
    check_mean_spend,
    check_money,
    discount_factors,
    discount_per_unit,
    horizon_days,
)
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import (
    CustomerBase,
    check_each_once,
    check_spend,
    customer_names,
    mean_spends,
    read_histories,
)
from crmlib.models.errors import CustomerBaseInvalid, PredictionNotFinite
from crmlib.models.gamma_gamma import GammaGamma
from crmlib.models.orders_model import OrdersModel
from crmlib.models.time_units import days_per_unit

KEYS = ("frequency", "recency", "T")

# The logarithm of a parameter is moved by so much to see what depends on it.
STEP = 1e-3


@dataclass(frozen=True)
class Histories:
    """Distinct histories and, of the customers who share each, the sums of their mean spends m and of m²."""

    base: CustomerBase
    spent: Numbers
    squares: Numbers


def read_spending_histories(summary: Any, *, unit: Any = None) -> Histories:
    """The distinct histories of a summary with what their customers spent, checked.

    pandas: ``base.row`` says for each customer which history is theirs. Ibis: counted and summed in the engine, so
    that only distinct histories come here. Raises ``CustomerBaseInvalid``.
    """
    if "customers" in summary.columns:
        raise CustomerBaseInvalid("predictions are per customer; give a summary without the column customers")
    if missing := [name for name in (*KEYS, "monetary") if name not in summary.columns]:
        raise CustomerBaseInvalid(
            f"the customer summary has no column {', '.join(missing)}; make it with summary(orders, as_of=…)"
        )
    if not isinstance(summary, pd.DataFrame):
        return _read_in_engine(summary, unit)
    base = read_histories(summary, rows=True, unit=unit)
    x = summary["frequency"].to_numpy(dtype=float, na_value=np.nan)
    m = mean_spends(summary)
    _check_spend(x, m, customer_names(summary))
    m = np.where(x > 0, m, 0.0)
    sums = (np.bincount(base.row, values, minlength=len(base)) for values in (m, m**2))
    return Histories(base, *sums)


def _read_in_engine(summary: Any, unit: Any) -> Histories:
    if "customer_id" not in summary.columns:
        raise CustomerBaseInvalid(
            "the customer summary has no column customer_id, by which predictions are told apart in a database; name "
            "the column so, or give a pandas frame, whose index serves"
        )
    check_each_once(summary)
    if not summary.monetary.type().is_numeric():
        mean_spends(to_pandas(summary.select("customer_id", "monetary").filter(summary.monetary.notnull()).limit(1000)))
    m = summary.monetary.cast("float64")
    measures = {
        "customers": summary.count(), "known": m.count(), "least": m.min(), "most": m.max(), "spent": m.sum(),
        "squares": (m * m).sum(),
        "customer_id": summary.customer_id.min(),  # one of them, to be named if something is wrong
    }  # fmt: skip
    keys = {name: summary[name].cast("float64") for name in KEYS}
    if "unit" in summary.columns:
        keys["unit"] = summary.unit
    frame = to_pandas(summary.group_by(**keys).agg(**measures))
    base = read_histories(frame, rows=True, unit=unit)
    x, known, customers, least, most, spent, squares = (
        frame[name].to_numpy(dtype=float, na_value=np.nan)
        for name in ("frequency", "known", "customers", "least", "most", "spent", "squares")
    )
    # A missing or infinite spend shows in the count or the sum, and in the most; a negative one in the least.
    shown = np.where(np.isinf(most), most, np.where(np.isfinite(spent) | np.isinf(least), least, np.nan))
    _check_spend(x, np.where(known == customers, shown, np.nan), customer_names(frame))
    sums = (np.bincount(base.row, np.where(x > 0, s, 0.0), minlength=len(base)) for s in (spent, squares))
    return Histories(base, *sums)


def _check_spend(x: Numbers, m: Numbers, names: Any) -> None:
    """Free repeat orders (spend 0) are possible, missing or negative spend is not."""
    check_spend(x, np.where((x > 0) & (m == 0), 1.0, m), names)


@dataclass(frozen=True)
class HistoryValues:
    """The distinct histories, and what the models say of these at their estimates."""

    histories: Histories
    orders_model: OrdersModel
    spend_model: GammaGamma
    margin: float
    horizon: float  # in the unit of the orders model
    discounting: float  # continuously compounded per unit; 0: residual values are not told
    ages: AgeGrid
    p_alive: Numbers
    orders_if_alive: Numbers  # over the horizon
    discount: Numbers  # discounted over undiscounted orders
    residual_if_alive: Numbers  # all orders to come, discounted
    spend_base: Numbers  # expected spend is base + weight · m
    spend_weight: Numbers

    @property
    def base(self) -> CustomerBase:
        return self.histories.base

    @property
    def orders(self) -> Numbers:
        """Expected orders over the horizon."""
        return self.p_alive * self.orders_if_alive

    def with_orders_of(self, model: OrdersModel) -> HistoryValues:
        """The same at other parameters of the orders model; the share that discounting leaves is held."""
        base, ages, residual = self.base, self.ages, self.residual_if_alive
        if self.discounting:
            residual = ages.by_log(model.residual_orders_if_alive(ages.x, ages.T, self.discounting))
        p_alive, if_alive = model.p_alive(base.x, base.t_x, base.T), ages.orders_if_alive(model, self.horizon)
        return replace(self, p_alive=p_alive, orders_if_alive=if_alive, residual_if_alive=residual)

    def with_spend_of(self, model: GammaGamma) -> HistoryValues:
        """The same at other parameters of the spend model."""
        own, weight = _spend_line(model, self.base.x)
        return replace(self, spend_base=own, spend_weight=weight)

    @property
    def per_order(self) -> Numbers:
        """Discounted margin of an expected order over the horizon, per unit of its spend."""
        return self.margin * self.discount


def value_histories(
    histories: Histories,
    *,
    horizon: Horizon,
    orders_model: OrdersModel,
    spend_model: GammaGamma,
    as_of: Horizon | None = None,
    margin: float = 1.0,
    discount_rate: float = 0.0,
    residual: bool = True,
    season: Season | None = None,
) -> HistoryValues:
    """What the models say of every distinct history, once the arguments have been checked.

    Without ``residual``, values end with the horizon: those beyond it cost most of the time.
    """
    check_money(margin, discount_rate)
    check_mean_spend(histories.base, spend_model)
    days = horizon_days(horizon, as_of)
    base, unit = histories.base, days_per_unit(orders_model.unit)
    length = even_pace(days, season) / unit
    ages = AgeGrid.of(base, orders_model, length)
    x, T = ages.pairs
    discounting = max(discount_per_unit(discount_rate, orders_model.unit), 0.0) if residual else 0.0
    beyond = orders_model.residual_orders_if_alive(x, T, discounting) if discounting else np.zeros(len(x))
    own, weight = _spend_line(spend_model, base.x)
    return HistoryValues(
        histories=histories,
        orders_model=orders_model,
        spend_model=spend_model,
        margin=margin,
        horizon=length,
        discounting=discounting,
        ages=ages,
        p_alive=orders_model.p_alive(base.x, base.t_x, base.T),
        orders_if_alive=orders_model.expected_orders_if_alive(length, x, T)[ages.pair],
        discount=_discount_share(orders_model, ages, days, discount_rate, season),
        residual_if_alive=beyond[ages.pair],
        spend_base=own,
        spend_weight=weight,
    )


def _spend_line(model: GammaGamma, x: Numbers) -> tuple[Numbers, Numbers]:
    """Expected spend as base + weight · m, per history; worked out once for each x."""
    values, place = np.unique(x, return_inverse=True)
    own, weight = model.spend_line(values, when_undefined="observed_mean")
    return own[place], weight[place]


def _discount_share(
    model: OrdersModel, ages: AgeGrid, days: int, discount_rate: float, season: Season | None
) -> Numbers:
    """Discounted over undiscounted expected orders of the horizon, per history: nearly the same at all ages."""
    if discount_rate == 0 or not len(ages.pair):
        return np.ones(len(ages.pair))
    ends, factors = discount_factors(days, discount_rate)
    until = [np.zeros_like(ages.x)]
    lengths = [even_pace(end, season) / days_per_unit(model.unit) for end in ends]
    until += [model.expected_orders_if_alive(length, ages.x, ages.T) for length in lengths]
    share = factors @ np.diff(until, axis=0) / np.maximum(until[-1], 1e-300)
    return ages.interpolate(np.clip(share, factors.min(), factors.max()))


def drawn_models(model: Any, draws: int, seed: int) -> list[Any]:
    """The model at each of the parameters that the data leave possible; itself where its parameters were given."""
    if model.estimate is None:
        return [model] * draws
    drawn, place = np.unique(model.draws(draws, seed=seed).values, axis=0, return_inverse=True)
    models = [model.with_log_parameters(np.log(parameters)) for parameters in drawn]
    return [models[at] for at in np.ravel(place)]


def moved_models(model: Any) -> Iterator[tuple[Any, Any]]:
    """For each parameter, the model with its logarithm a ``STEP`` ahead, and a step behind."""
    for move in np.eye(len(model.symbols)) * STEP:
        ahead, behind = model.log_parameters + move, model.log_parameters - move
        yield model.with_log_parameters(ahead), model.with_log_parameters(behind)


def band(drawn: Numbers, confidence: float) -> tuple[Numbers, Numbers]:
    """Between which values one more such draw lies with probability ``confidence``; draws down, quantities across.

    Raises :class:`PredictionNotFinite` rather than leave out, or be voided by, a draw that gave no number.

    >>> band(np.array([[1.0], [2.0], [3.0]]), 0.5)
    (array([1.]), array([3.]))
    """
    check_finite(drawn)
    # Weibull's quantiles, k of n + 1: others would be too narrow where draws are few.
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0, method="weibull")
    return low, high


def check_finite(drawn: Numbers) -> None:
    """Raise :class:`PredictionNotFinite` unless every drawn value is a finite number."""
    bad = ~np.isfinite(drawn)
    if bad.any():
        raise PredictionNotFinite(
            f"{int(bad.sum())} of {bad.size} predicted values are no finite numbers at parameters that the data leave "
            "possible, so that no interval can be told; look for customers or spends unlike all others, or fit with "
            "prior_spread=2"
        )
