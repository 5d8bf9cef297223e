"""What each customer, and the whole base, will be worth over a horizon, how sure that is, and what is at risk.

Value is contribution: margin × spend × orders. It is discounted by a yearly rate: expected orders are cut into
steps of a twelfth of a year (365 days), each discounted from its middle. It counts orders after the summary's
``as_of`` only, and ends with the horizon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy import special

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.customer_base import (
    CustomerBase,
    Numbers,
    check_spend,
    customer_names,
    read_histories,
)
from crmlib.lifecycle.clv.errors import CustomerBaseInvalid, PredictionNotFinite
from crmlib.lifecycle.clv.gamma_gamma import GammaGamma
from crmlib.lifecycle.clv.maximum_likelihood import Estimate, ParameterDraws
from crmlib.lifecycle.clv.preparation import days_per_unit

DAYS_PER_YEAR = 365

MOST_DRAWS_KEPT = 10_000_000

# Expected orders change so smoothly with a customer's age that these many ages tell all others, to 1e-6 or better.
AGES = 12


class OrdersModel(Protocol):
    """What a model of orders must answer to be used for predictions."""

    unit: Any
    estimate: Estimate | None

    def p_alive(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The probability of being alive."""

    def expected_orders_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """Expected orders of surely alive customers."""

    def expected_order_pairs_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """E[Y(Y − 1)] of surely alive customers."""

    def with_log_parameters(self, log_parameters: Numbers) -> OrdersModel:
        """The same model at other parameters."""

    def draws(self, count: int = 200, *, seed: int = 0) -> ParameterDraws:
        """Parameters that the data leave possible."""


def predict(
    summary: Any,
    *,
    orders_model: OrdersModel,
    spend_model: GammaGamma,
    margin: float = 1.0,
    discount_rate: float = 0.0,
    horizon_days: float = DAYS_PER_YEAR,
    confidence: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """What each customer will be worth over the horizon: alive?, how many orders, how much each, value, how sure.

    ``summary``: from :func:`~crmlib.lifecycle.clv.preparation.summary` (pandas or Ibis), in the unit of
    ``orders_model``. ``margin``: contribution per unit of spend, 0 to 1. ``discount_rate``: per year.

    One row per row of ``summary``, in its order and with its index: ``customer_id``; ``p_alive`` at as_of;
    ``expected_orders`` over the horizon, not discounted; ``expected_spend`` per order, before margin; an order is a
    day with purchases here, however many they were; ``clv``,
    discounted contribution; ``clv_low, clv_high``.

    The interval holds what is not known of the *expected* value because parameters are estimated (from ``draws`` of
    the orders model's parameters and the delta method for spend, joined on the log-scale). It does not hold chance:
    a single customer with an expected 0.3 orders will place none or one. It is NaN if a model was made from given
    parameters. Where gamma-gamma has no mean, the observed mean spend is used.

    Raises ``CustomerBaseInvalid``, ``MeanSpendUndefined`` (unfitted models with q ≤ 1), ``PredictionNotFinite``,
    ``ValueError``.

    >>> from crmlib.lifecycle.clv import BetaGeoNBD
    >>> customers = pd.DataFrame({"customer_id": [1, 3], "frequency": [2, 0], "recency": [30.43, 0.0],
    ...                           "T": [38.86, 38.86], "monetary": [22.35, 0.0]})
    >>> table = predict(customers, orders_model=BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259),
    ...                 spend_model=GammaGamma(p=6.25, q=3.74, v=15.44), margin=0.5, discount_rate=0.1)
    >>> table[["customer_id", "p_alive", "expected_orders", "expected_spend", "clv"]].round(2)
       customer_id  p_alive  expected_orders  expected_spend    clv
    0            1     0.73             1.56           24.66  18.44
    1            3     1.00             0.25           35.22   4.25
    """
    known = known_values(summary, orders_model, spend_model, margin, discount_rate, horizon_days)
    clv = known.value(known.p_alive * known.if_alive)
    low = high = np.full(len(clv), np.nan)
    if orders_model.estimate is not None and spend_model.estimate is not None:
        below, above = known.log_orders_band(draws, seed, confidence)
        of_spend = special.ndtri(0.5 + confidence / 2) * spend_model.log_spend_spread(known.x, known.m)
        low = clv * np.exp(-np.hypot(below[known.base.row], of_spend))
        high = clv * np.exp(np.hypot(above[known.base.row], of_spend))
    return known.table(
        p_alive=known.p_alive[known.base.row],
        expected_orders=(known.p_alive * known.if_alive)[known.base.row],
        expected_spend=known.spend,
        clv=clv,
        clv_low=low,
        clv_high=high,
    )


def value_at_risk(
    summary: Any,
    *,
    orders_model: OrdersModel,
    spend_model: GammaGamma,
    margin: float = 1.0,
    discount_rate: float = 0.0,
    horizon_days: float = DAYS_PER_YEAR,
) -> pd.DataFrame:
    """How much value is lost because customers may already be gone: what they would be worth if surely alive, less.

    Arguments and errors as for :func:`predict`. One row per customer: ``customer_id, p_alive, value_if_alive,
    expected_value, value_at_risk`` (the difference of the two; all discounted contribution over the horizon). It is
    what winning a customer back for sure would bring, so the most that one may spend on it; those worth calling are
    at the top of this column, not at the bottom of ``p_alive``. The total with its interval is in
    :func:`customer_equity`.

    >>> from crmlib.lifecycle.clv import BetaGeoNBD
    >>> customers = pd.DataFrame({"customer_id": [1], "frequency": [2], "recency": [30.43], "T": [38.86],
    ...                           "monetary": [22.35]})
    >>> value_at_risk(customers, orders_model=BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259),
    ...               spend_model=GammaGamma(p=6.25, q=3.74, v=15.44)).round(1)
       customer_id  p_alive  value_if_alive  expected_value  value_at_risk
    0            1      0.7            53.0            38.5           14.5
    """
    known = known_values(summary, orders_model, spend_model, margin, discount_rate, horizon_days)
    if_alive, expected = known.value(known.if_alive), known.value(known.p_alive * known.if_alive)
    return known.table(
        p_alive=known.p_alive[known.base.row],
        value_if_alive=if_alive,
        expected_value=expected,
        value_at_risk=if_alive - expected,
    )


def customer_equity(
    summary: Any,
    *,
    orders_model: OrdersModel,
    spend_model: GammaGamma,
    margin: float = 1.0,
    discount_rate: float = 0.0,
    horizon_days: float = DAYS_PER_YEAR,
    confidence: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """What the whole customer base will bring over the horizon, with intervals.

    Arguments and errors as for :func:`predict`. Four rows, ``measure, value, low, high``: ``expected_orders`` (days
    with purchases, as there);
    ``customer_equity``, the sum of all ``clv``; ``value_at_risk``, what is lost of it because customers may be gone;
    ``came_back_alive``, how many of those who came back are still customers. Who bought once is not counted in it:
    BG/NBD takes all of them for alive by construction, so it cannot tell.

    The intervals of orders, equity and those alive hold both what is not known of the parameters and chance (who
    orders, how often, how much: exact variances under the model, summed over customers). That of value at risk, which
    is an expectation and never seen, holds parameters only. NaN if a model was made from given parameters.
    """
    known = known_values(summary, orders_model, spend_model, margin, discount_rate, horizon_days)
    expected = known.p_alive * known.if_alive
    values = np.array([
        known.base.customers @ expected,
        known.value(expected).sum(),
        known.value((1 - known.p_alive) * known.if_alive).sum(),
        known.came_back @ known.p_alive,
    ])  # fmt: skip
    low = high = np.full(4, np.nan)
    if orders_model.estimate is not None and spend_model.estimate is not None:
        totals = known.drawn_totals(draws, seed)
        leaving = float(np.sqrt(known.came_back @ (known.p_alive * (1 - known.p_alive))))
        chance = np.append(known.chance(), [0.0, leaving])
        noise = np.random.default_rng(seed + 2).standard_normal((10, len(totals), 4))
        low, high = band((totals + noise * chance).reshape(-1, 4), confidence)
    measures = ["expected_orders", "customer_equity", "value_at_risk", "came_back_alive"]
    return pd.DataFrame({"measure": measures, "value": values, "low": np.maximum(low, 0.0), "high": high})


@dataclass(frozen=True)
class KnownValues:
    """The customers, their distinct histories, and what the models say of these at their estimates."""

    frame: pd.DataFrame
    base: CustomerBase
    x: Numbers  # per customer
    m: Numbers  # per customer
    spend: Numbers  # per customer
    p_alive: Numbers  # per history
    if_alive: Numbers  # orders over the horizon, per history
    discount: Numbers  # discounted over undiscounted orders, per history
    ages: AgeGrid
    horizon: float
    margin: float
    orders_model: OrdersModel
    spend_model: GammaGamma

    @property
    def came_back(self) -> Numbers:
        """Customers per history who bought again; 0 where they bought once."""
        return np.where(self.base.x > 0, self.base.customers, 0)

    def value(self, orders: Numbers) -> Numbers:
        """Each customer's discounted contribution from orders per history."""
        return self.margin * (orders * self.discount)[self.base.row] * self.spend

    def table(self, **columns: Numbers) -> pd.DataFrame:
        return pd.DataFrame({"customer_id": customer_names(self.frame), **columns}, index=self.frame.index)

    def drawn_orders(self, draws: int, seed: int) -> Iterator[tuple[Numbers, Numbers]]:
        """(p_alive, orders if alive) per history, for each draw of the orders model's parameters."""
        base, last = self.base, np.empty(0)
        for parameters in self.orders_model.draws(draws, seed=seed).values:
            # Resampling leaves likely draws several times in a row.
            if not np.array_equal(parameters, last):
                model = self.orders_model.with_log_parameters(np.log(parameters))
                answer = model.p_alive(base.x, base.t_x, base.T), self.ages.orders_if_alive(model, self.horizon)
                last = parameters
            yield answer

    def log_orders_band(self, draws: int, seed: int, confidence: float) -> tuple[Numbers, Numbers]:
        """How far log expected orders may lie below and above their estimate, per history.

        Quantiles of the draws; where histories are very many, and so the parameters nearly normal, as many standard
        deviations, which need no memory.
        """
        centre = bounded_log(self.p_alive * self.if_alive)
        offsets = (bounded_log(p_alive * if_alive) - centre for p_alive, if_alive in self.drawn_orders(draws, seed))
        if len(self.base) * draws <= MOST_DRAWS_KEPT:
            low, high = band(np.array(list(offsets)), confidence)
            return np.maximum(-low, 0.0), np.maximum(high, 0.0)
        first, second = np.zeros(len(self.base)), np.zeros(len(self.base))
        for offset in offsets:
            first += offset
            second += offset**2
        check_finite(second)
        variance = np.maximum(second - first**2 / draws, 0.0) / max(draws - 1, 1)
        width = special.ndtri(0.5 + confidence / 2) * np.sqrt(variance)
        return width, width

    def drawn_totals(self, draws: int, seed: int) -> Numbers:
        """Orders, value and value at risk of all customers, and how many who came back are alive, one row a draw.

        The share that discounting leaves is held at its estimate: parameters hardly move it.
        """
        base = self.base
        spent = np.bincount(base.row, self.m, minlength=len(base))
        values, place = np.unique(base.x, return_inverse=True)
        totals = []
        spends = self.spend_model.draws(draws, seed=seed + 1).values
        for (p_alive, if_alive), parameters in zip(self.drawn_orders(draws, seed), spends, strict=True):
            spend_model = self.spend_model.with_log_parameters(np.log(parameters))
            own, weight = spend_model.spend_line(values, when_undefined="observed_mean")
            worth = (base.customers * own[place] + spent * weight[place]) * self.discount * if_alive * self.margin
            totals.append([
                base.customers @ (p_alive * if_alive), worth @ p_alive, worth @ (1 - p_alive), self.came_back @ p_alive
            ])  # fmt: skip
        return np.array(totals)

    def chance(self) -> Numbers:
        """The standard deviations of total orders and total value that chance alone makes."""
        row, base = self.base.row, self.base
        pairs = self.p_alive * np.exp(
            self.ages.interpolate(
                bounded_log(self.orders_model.expected_order_pairs_if_alive(self.horizon, self.ages.x, self.ages.T))
            )
        )
        mean = self.p_alive * self.if_alive
        orders = base.customers @ np.maximum(mean + pairs - mean**2, 0.0)
        square, product = self.spend_model.spend_squares(self.x, self.m)
        value = mean[row] * square + pairs[row] * product - (mean[row] * self.spend) ** 2
        return np.sqrt([orders, float((self.margin * self.discount[row]) ** 2 @ np.maximum(value, 0.0))])


@dataclass(frozen=True)
class AgeGrid:
    """Chebyshev interpolation over the age T, for every distinct x: a few ages stand for all.

    What is interpolated is a logarithm, over log(mean age / 10 + T), in which expected orders are nearly straight.
    """

    x: Numbers  # distinct x down, ages across
    T: Numbers
    line: Numbers  # per (x, T) pair: which x
    weights: Numbers  # per (x, T) pair: how much of each age
    pair: Numbers  # per history: which pair

    @classmethod
    def of(cls, base: CustomerBase) -> AgeGrid:
        values, line = np.unique(base.x, return_inverse=True)
        ages, age = np.unique(base.T, return_inverse=True)
        pairs, pair = np.unique(line * len(ages) + age, return_inverse=True)
        shift = max(float(ages.mean()) / 10, 1e-9)
        u = np.log(shift + ages)
        if u[-1] - u[0] < 1e-9:
            nodes, weights = u[:1], np.ones((len(ages), 1))
        else:
            k = np.arange(AGES)
            nodes = (u[0] + u[-1]) / 2 + (u[-1] - u[0]) / 2 * np.cos(np.pi * k / (AGES - 1))
            signs = np.where(k % 2, -1.0, 1.0) * np.where((k == 0) | (k == AGES - 1), 0.5, 1.0)
            gaps = u[:, None] - nodes
            with np.errstate(divide="ignore", invalid="ignore"):
                weights = signs / gaps
                weights /= weights.sum(axis=1, keepdims=True)
            exact = np.abs(gaps) < 1e-12
            weights = np.where(exact.any(axis=1, keepdims=True), exact.astype(float), weights)
        x, T = np.meshgrid(values, np.maximum(np.exp(nodes) - shift, 0.0), indexing="ij")
        return cls(x, T, pairs // len(ages), weights[pairs % len(ages)], pair)

    def interpolate(self, at_nodes: Numbers) -> Numbers:
        """From values at ``x, T`` to values per history."""
        return np.einsum("ij,ij->i", at_nodes[self.line], self.weights)[self.pair]

    def orders_if_alive(self, model: OrdersModel, t: float) -> Numbers:
        """Expected orders per history of those alive, over the time ``t``."""
        return np.exp(self.interpolate(bounded_log(model.expected_orders_if_alive(t, self.x, self.T))))


def band(drawn: Numbers, confidence: float) -> tuple[Numbers, Numbers]:
    """Between which values the middle ``confidence`` of the draws lie; draws down, quantities across.

    Raises :class:`PredictionNotFinite` rather than leave out, or be voided by, a draw that gave no number.

    >>> band(np.array([[1.0], [2.0], [3.0]]), 0.5)
    (array([1.5]), array([2.5]))
    """
    check_finite(drawn)
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
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


def discount_factors(horizon_days: float, discount_rate: float) -> tuple[Numbers, Numbers]:
    """The ends of the steps of a horizon (days) and the factor by which each step is discounted from its middle.

    >>> ends, factors = discount_factors(365, 0.21)
    >>> len(ends), ends[-1].item(), factors[[0, -1]].round(4).tolist()
    (12, 365.0, [0.9921, 0.833])
    """
    steps = max(int(np.ceil(horizon_days / DAYS_PER_YEAR * 12 - 1e-9)), 1)
    ends = np.minimum(np.arange(1, steps + 1) * DAYS_PER_YEAR / 12, horizon_days)
    middles = (np.append(0.0, ends[:-1]) + ends) / 2
    return ends, (1 + discount_rate) ** (-middles / DAYS_PER_YEAR)


def known_values(
    summary: Any,
    orders_model: OrdersModel,
    spend_model: GammaGamma,
    margin: float,
    discount_rate: float,
    horizon_days: float,
) -> KnownValues:
    """What the models say of every customer of the summary, once the arguments have been checked."""
    if not horizon_days > 0:
        raise ValueError(f"horizon_days must be above 0, not {horizon_days!r}")
    if not discount_rate > -1:
        raise ValueError(f"discount_rate is a yearly rate such as 0.10, not {discount_rate!r}")
    if not 0 <= margin <= 1:
        raise ValueError(f"margin is a share of spend between 0 and 1, not {margin!r}")
    frame = to_pandas(summary)
    if "customers" in frame.columns:
        raise CustomerBaseInvalid("predictions are per customer; give a summary without the column customers")
    base = read_histories(frame, rows=True)
    x, m = (frame[name].to_numpy(dtype=float, na_value=np.nan) for name in ("frequency", "monetary"))
    # Free repeat orders (spend 0) are possible, missing or negative spend is not.
    check_spend(x, np.where((x > 0) & (m == 0), 1.0, m), customer_names(frame))
    m = np.where(x > 0, m, 0.0)

    horizon = horizon_days / days_per_unit(orders_model.unit)
    pairs, pair = np.unique(base.x + 1j * base.T, return_inverse=True)
    if_alive = orders_model.expected_orders_if_alive(horizon, pairs.real, pairs.imag)[pair]
    ages = AgeGrid.of(base)
    discount = np.ones(len(base))
    if discount_rate != 0 and len(base):
        ends, factors = discount_factors(horizon_days, discount_rate)
        until = [np.zeros_like(ages.x)] + [
            orders_model.expected_orders_if_alive(end / days_per_unit(orders_model.unit), ages.x, ages.T)
            for end in ends
        ]
        share = np.einsum("i,ijk->jk", factors, np.diff(until, axis=0)) / until[-1]
        discount = ages.interpolate(share)
    return KnownValues(
        frame=frame,
        base=base,
        x=x,
        m=m,
        spend=spend_model.expected_spend(x, m, when_undefined="observed_mean"),
        p_alive=orders_model.p_alive(base.x, base.t_x, base.T),
        if_alive=if_alive,
        discount=discount,
        ages=ages,
        horizon=horizon,
        margin=margin,
        orders_model=orders_model,
        spend_model=spend_model,
    )


def bounded_log(values: Numbers) -> Numbers:
    """The logarithm of numbers that may be 0, which count as 1e-300."""
    return np.log(np.maximum(values, 1e-300))
