"""Intervals per distinct history: within what each customer's orders and contribution will lie.

Futures are simulated: each at parameters that the data leave possible, with a rate, an end and spends of the
customer's own. What is simulated is a customer who is surely alive; that one may be gone is then counted exactly, as
so much weight at 0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special
from scipy.optimize import elementwise

from crmlib.lifecycle.clv.history_values import STEP, HistoryValues, band, check_finite, drawn_models, moved_models
from crmlib.models.arrays import Numbers
from crmlib.models.gamma_gamma import GammaGamma
from crmlib.models.orders_model import MANY_HISTORIES, OrdersModel
from crmlib.statistics import delta_error, wald

Ends = tuple[Numbers, Numbers]

# So many kinds of customers are simulated at most; where there are more, ages are rounded, by 1 % or as little as does.
MOST_KINDS = 20_000
FINEST_AGES = 0.01
# Simulated at a time, which bounds memory; each chunk has a random generator of its own, so that how many threads work
# does not show in the results.
CHUNK = 2_000
# For expectations of a logistic function of a normal.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


@dataclass(frozen=True)
class Kinds:
    """Whom to simulate: (x, T), the mean spend m̄ of the customers who are meant; and of which kind a history is."""

    x: Numbers
    T: Numbers
    m: Numbers
    of: Numbers  # per history


def intervals(values: HistoryValues, *, confidence: float, draws: int, seed: int) -> dict[str, Ends]:
    """Within what each history's values lie with probability ``confidence``, from ``draws`` futures of each kind.

    Low and high per history, by column of the prediction; those of money as factors, times (v + x·m) of the customer.
    """
    orders_models = drawn_models(values.orders_model, draws, seed)
    spend_models = drawn_models(values.spend_model, draws, seed + 1)
    of_p_alive, weights = _alive(values, orders_models, confidence)
    kinds = _kinds(values)
    orders, clv, residual = _simulated(values, kinds, orders_models, spend_models, weights, confidence, seed)
    return {
        "p_alive": of_p_alive,
        "expected_orders": (orders[0], orders[1]),
        "expected_spend": _mean_spend(values, spend_models, confidence),
        "clv": (values.per_order * clv[0], values.per_order * clv[1]),
        "residual_clv": (values.margin * residual[0], values.margin * residual[1]),
    }


def _alive(values: HistoryValues, models: Sequence[OrdersModel], confidence: float) -> tuple[Ends, Numbers]:
    """The interval of P(alive) per history, and its weights in simulations: (history, draw), or one per history.

    Where histories are many, log-odds are taken as linear in the log-parameters and these as normal: the interval
    then needs no draws, and the weight is the mean of P(alive). That its draws go with those of orders is left out
    there; it would move an interval of orders by a product of two small numbers.
    """
    base, p_alive = values.base, values.p_alive
    if values.orders_model.estimate is None:
        return (p_alive, p_alive), p_alive[:, None]
    if len(base) <= MANY_HISTORIES:
        distinct, which = _distinct(models)
        drawn = np.array([model.p_alive(base.x, base.t_x, base.T) for model in distinct])[which]
        low, high = band(drawn, confidence)
        weights = np.ascontiguousarray(drawn.T)
    else:
        log_odds, slopes = _log_odds_plane(values)
        spread = np.cov([model.log_parameters for model in models], rowvar=False)
        error = delta_error(slopes, spread)
        check_finite(error)
        low, high = (special.expit(limit) for limit in wald(-log_odds, error, level=confidence))
        weights = np.zeros((len(base), 1))
        for node, weight in zip(NODES, WEIGHTS / WEIGHTS.sum(), strict=True):
            weights[:, 0] += weight * special.expit(-log_odds + node * error)
    # Weighed draws may miss the estimate by a hair; an interval holds it.
    return (np.minimum(low, p_alive), np.maximum(high, p_alive)), np.minimum(weights, 1.0)


def _log_odds_plane(values: HistoryValues) -> tuple[Numbers, Numbers]:
    """The log-odds of being gone per history, and their slopes in the log-parameters, by central differences."""
    base, model = values.base, values.orders_model
    log_odds = model.log_odds_gone(base.x, base.t_x, base.T)
    open_ = np.isfinite(log_odds)  # who is surely alive is so at all parameters
    some = base.x[open_], base.t_x[open_], base.T[open_]
    slopes = np.zeros((len(base), len(model.symbols)))
    for i, (ahead, behind) in enumerate(moved_models(model)):
        slopes[open_, i] = (ahead.log_odds_gone(*some) - behind.log_odds_gone(*some)) / (2 * STEP)
    return log_odds, slopes


def _distinct(models: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Models without the repetitions that resampling makes, and which is which."""
    distinct = {id(model): model for model in models}
    place = {key: at for at, key in enumerate(distinct)}
    return list(distinct.values()), [place[id(model)] for model in models]


def _kinds(values: HistoryValues) -> Kinds:
    """Each history as one kind; where histories are many, those of one (x, T) together, which behave alike if alive."""
    base, spent = values.base, values.histories.spent
    if len(base) <= MANY_HISTORIES:
        return Kinds(base.x, base.T, spent / base.customers, np.arange(len(base)))
    (x, T), of = values.ages.pairs, values.ages.pair
    width = FINEST_AGES
    while len(x) > MOST_KINDS:
        rounded = np.round(np.log(values.ages.shift + base.T) / width)
        kinds, of = np.unique(base.x + 1j * rounded, return_inverse=True)
        customers = np.bincount(of, base.customers)
        x, T = kinds.real, np.bincount(of, base.customers * base.T) / customers
        width *= 2
    return Kinds(x, T, np.bincount(of, spent) / np.bincount(of, base.customers), of)


def _simulated(
    values: HistoryValues,
    kinds: Kinds,
    orders_models: Sequence[OrdersModel],
    spend_models: Sequence[GammaGamma],
    weights: Numbers,
    confidence: float,
    seed: int,
) -> Numbers:
    """Low and high per history of orders, of what they bring and of what all orders to come bring, over (v + x·m)."""
    v, t, discounting = values.spend_model.v, values.horizon, values.discounting
    by_kind = np.argsort(kinds.of, kind="stable")
    starts = np.arange(0, len(kinds.x), CHUNK)
    edges = np.searchsorted(kinds.of[by_kind], np.append(starts, len(kinds.x)))
    generators = np.random.default_rng([seed, 2]).spawn(len(starts))
    found = np.zeros((3, 2, len(kinds.of)))

    def simulate(chunk: int) -> None:
        random, start = generators[chunk], starts[chunk]
        x, T, m = (of[start : start + CHUNK] for of in (kinds.x, kinds.T, kinds.m))
        drawn = np.zeros((3, len(x), len(orders_models)))
        for draw, (orders_model, spend_model) in enumerate(zip(orders_models, spend_models, strict=True)):
            future = orders_model.simulate_if_alive(t, x, T, random, discount=discounting)
            # What a spend model says goes with its own v + x·m, what is told with that of the estimate.
            scale = (spend_model.v + x * m) / (v + x * m)
            drawn[0, :, draw] = future.orders
            drawn[1, :, draw] = spend_model.simulate_total(future.orders, x, random) * scale
            if discounting:
                drawn[2, :, draw] = spend_model.simulate_total(future.residual_orders, x, random) * scale
        check_finite(drawn)
        histories = by_kind[edges[chunk] : edges[chunk + 1]]
        for kind in range(3 if discounting else 2):
            found[kind][:, histories] = _ends(drawn[kind], kinds.of[histories] - start, weights[histories], confidence)

    with ThreadPoolExecutor(max(os.cpu_count() or 1, 1)) as threads:
        list(threads.map(simulate, range(len(starts))))
    return found


def _ends(drawn: Numbers, kind: Numbers, weights: Numbers, confidence: float) -> Ends:
    """Low and high per history, from draws per kind as if alive, and the probability of being so in each draw.

    The actual value is one more such draw: of D + 1, as many may lie beyond an end as the confidence leaves. So ends
    are draws themselves, whole numbers for orders, and hold at least the confidence.
    """
    draws = drawn.shape[1]
    beyond = (draws + 1) * (1 - confidence) / 2 + 1e-9
    if weights.shape[1] == 1:
        order = None
        sorted_ = np.sort(drawn, axis=1)
        alive = weights[:, 0]
        gone = draws * (1 - alive)
        share = np.maximum(alive, 1e-300)
        from_above = np.minimum(beyond / share, draws).astype(int)
        from_below = np.clip((beyond - gone) / share, 0, draws).astype(int)
    else:
        # Numbers of orders are often equal: which of these comes first is not left to the processor.
        order = np.argsort(drawn, axis=1, kind="stable")
        sorted_ = np.take_along_axis(drawn, order, axis=1)
        weight = np.take_along_axis(weights, order[kind], axis=1)
        gone = draws - weight.sum(axis=1)
        from_above = (np.cumsum(weight[:, ::-1], axis=1) <= beyond).sum(axis=1)
        from_below = (np.cumsum(weight, axis=1) + gone[:, None] <= beyond).sum(axis=1)
    low = np.where(from_below > 0, sorted_[kind, from_below - 1], np.where(gone > 1e-9, 0.0, sorted_[kind, 0]))
    high = np.where(from_above < draws, sorted_[kind, draws - np.maximum(from_above, 1)], 0.0)
    return low, high


def _mean_spend(values: HistoryValues, models: Sequence[GammaGamma], confidence: float) -> Ends:
    """The interval of a customer's true mean spend per order, over (v + x·m), per history.

    At given parameters the mean is p (v + x·m) over a gamma; where parameters are open, quantiles are those of the
    mixture of these. For m, the mean of the customers with equal x is taken, exact to first order.
    """
    x, place = np.unique(values.base.x, return_inverse=True)
    if values.spend_model.estimate is None or not len(x):
        low, high = values.spend_model.spend_interval_factors(x, confidence)
        return low[place], high[place]
    own = values.spend_model.v + np.bincount(place, values.histories.spent * x[place]) / np.maximum(
        np.bincount(place, values.base.customers), 1
    )
    models, which = _distinct(models)
    counts = np.bincount(which).astype(float)
    p, q, v = (np.array([getattr(model, symbol) for model in models]) for symbol in ("p", "q", "v"))
    scale = (v[:, None] + own - values.spend_model.v) / own  # models down, x across
    each = np.array([model.spend_interval_factors(x, confidence) for model in models]) * scale[:, None]
    check_finite(each)
    shape, rate = p[:, None] * x + q[:, None], p[:, None] * scale

    def quantile(end: int, probability: float) -> Numbers:
        def excess(log_y: Numbers, at: Numbers) -> Numbers:
            return counts @ special.gammaincc(shape[:, at], rate[:, at] * np.exp(-log_y)) / counts.sum() - probability

        # It lies between the least and the largest of the quantiles that are mixed.
        log_each = np.log(each[:, end])
        bracket = log_each.min(axis=0) - 1e-6, log_each.max(axis=0) + 1e-6
        found = elementwise.find_root(excess, bracket, args=(np.arange(len(x)),), tolerances={"xatol": 1e-10})
        return np.exp(found.x)

    low, high = quantile(0, 0.5 - confidence / 2), quantile(1, 0.5 + confidence / 2)
    return low[place], high[place]
