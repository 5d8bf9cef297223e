"""Sums over customers, all or by group: what they may come out at, from parameters and from chance.

Expected sums are computed at each draw of the parameters. Chance is added to them as a normal with its exact
variance, as the central limit theorem allows for many customers; sums over few are simulated, customer by customer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from crmlib.lifecycle.clv.age_grid import bounded_log
from crmlib.lifecycle.clv.history_values import STEP, HistoryValues, check_finite, drawn_models, moved_models
from crmlib.models.arrays import Numbers
from crmlib.models.orders_model import MANY_HISTORIES

MEASURES = ("expected_orders", "customer_equity", "value_at_risk", "came_back_alive", "alive", "residual_equity")

# A sum over fewer customers is not normal yet.
FEW_CUSTOMERS = 30
# Futures at each draw of the parameters.
FUTURES = 10
# Simulated at most to learn how much discounted orders vary.
MOST_SIMULATED = 1_000_000
SIMULATED_AT_ONCE = 100_000


@dataclass(frozen=True)
class Cells:
    """Customers of one history in one group: how many, and the sums of their mean spends m and of m²."""

    history: Numbers
    group: Numbers
    groups: int
    customers: Numbers
    spent: Numbers
    squares: Numbers

    @classmethod
    def of_all(cls, values: HistoryValues) -> Cells:
        """All customers as one group."""
        histories, count = values.histories, len(values.base)
        none = np.zeros(count, dtype=int)
        return cls(np.arange(count), none, 1, histories.base.customers, histories.spent, histories.squares)

    @classmethod
    def of_groups(cls, values: HistoryValues, code: Numbers, m: Numbers, groups: int) -> Cells:
        """``code``: the group of each customer; ``m``: their mean spend, 0 for none."""
        keys, cell = np.unique(values.base.row * groups + code, return_inverse=True)
        sums = (np.bincount(cell, of, minlength=len(keys)) for of in (np.ones(len(m)), m, m**2))
        return cls(keys // max(groups, 1), keys % max(groups, 1), groups, *sums)

    def summed(self, per_cell: Numbers) -> Numbers:
        """One number per group."""
        return np.bincount(self.group, per_cell, minlength=self.groups)

    @property
    def size(self) -> Numbers:
        """Customers per group."""
        return self.summed(self.customers)


def expected_totals(values: HistoryValues, cells: Cells) -> Numbers:
    """Each of ``MEASURES`` (down) for each group (across), at the parameters of ``values``."""
    at = cells.history
    # The expected spend on one order of each customer, summed.
    worth = cells.customers * values.spend_base[at] + cells.spent * values.spend_weight[at]
    alive, if_alive = values.p_alive[at], values.orders_if_alive[at]
    value = worth * (values.per_order * values.orders_if_alive)[at]
    return np.array([
        cells.summed(cells.customers * alive * if_alive),
        cells.summed(value * alive),
        cells.summed(value * (1 - alive)),
        cells.summed(cells.customers * np.where(values.base.x[at] > 0, alive, 0.0)),
        cells.summed(cells.customers * alive),
        cells.summed(values.margin * worth * alive * values.residual_if_alive[at]),
    ])  # fmt: skip


def possible_totals(values: HistoryValues, cells: Cells, *, draws: int, seed: int) -> Numbers:
    """What the totals may come out at: (future, measure, group), ``FUTURES`` futures for each of ``draws``.

    The share that discounting leaves of the orders within the horizon is held at its estimate: parameters and chance
    hardly move it. Value at risk is an expectation, never seen, and so without chance. No more customers can be alive
    than there are: the normal of many does not know that, so that its futures are cut off there, as they are at 0.
    """
    drawn = _drawn_totals(values, cells, draws, seed)
    noise = np.random.default_rng([seed, 3]).standard_normal((FUTURES, *drawn.shape))
    futures = drawn + noise * _chance(values, cells, seed)
    few = cells.size < FEW_CUSTOMERS
    if few.any():
        futures[..., few] = _simulated_totals(values, cells, drawn, few, draws, seed)
    check_finite(futures)
    most = np.full(drawn.shape[1:], np.inf)
    most[MEASURES.index("alive")] = cells.size
    most[MEASURES.index("came_back_alive")] = cells.summed(cells.customers * (values.base.x[cells.history] > 0))
    return np.clip(futures, 0.0, most).reshape(-1, *drawn.shape[1:])


def _drawn_totals(values: HistoryValues, cells: Cells, draws: int, seed: int) -> Numbers:
    """The expected totals at each draw of the parameters; where histories are many, log-linear in log-parameters."""
    orders_models = drawn_models(values.orders_model, draws, seed)
    spend_models = drawn_models(values.spend_model, draws, seed + 1)
    if len(values.base) <= MANY_HISTORIES:
        last, moved, totals = None, values, []
        for orders_model, spend_model in zip(orders_models, spend_models, strict=True):
            if orders_model is not last:  # resampling leaves likely draws several times in a row
                last, moved = orders_model, values.with_orders_of(orders_model)
            totals.append(expected_totals(moved.with_spend_of(spend_model), cells))
        drawn = np.array(totals)
    else:
        drawn = expected_totals(values, cells) * np.exp(
            _moved(cells, values.orders_model, orders_models, values.with_orders_of)
            + _moved(cells, values.spend_model, spend_models, values.with_spend_of)
        )
    check_finite(drawn)
    return drawn


def _moved(cells: Cells, model: Any, drawn: Sequence[Any], at: Callable[[Any], HistoryValues]) -> Any:
    """How far the logarithms of the totals move at each draw, to first order in the log-parameters."""
    if model.estimate is None:
        return 0.0
    of = [[bounded_log(expected_totals(at(one), cells)) for one in pair] for pair in moved_models(model)]
    slopes = np.array([(ahead - behind) / (2 * STEP) for ahead, behind in of])
    away = np.array([one.log_parameters - model.log_parameters for one in drawn])
    return np.tensordot(away, slopes, axes=1)


def _chance(values: HistoryValues, cells: Cells, seed: int) -> Numbers:
    """The standard deviations of the totals that chance alone makes: measures down, groups across."""
    model, base, ages = values.orders_model, values.base, values.ages
    p_alive, mean = values.p_alive, values.orders
    pairs = p_alive * ages.by_log(model.expected_order_pairs_if_alive(values.horizon, ages.x, ages.T))
    left = p_alive * (1 - p_alive)
    nothing = np.zeros(cells.groups)
    residual = nothing
    if values.discounting:
        # Squares of discounted orders are orders discounted at twice the rate; only their sum's square is simulated.
        single = p_alive * ages.by_log(model.residual_orders_if_alive(ages.x, ages.T, 2 * values.discounting))
        double = np.maximum(p_alive * _residual_squares(values, seed) - single, 0.0)
        residual = _value_variance(
            values, cells, p_alive * values.residual_if_alive, single, double, np.full(len(base), values.margin)
        )
    variances = np.array([
        cells.summed(cells.customers * np.maximum(mean + pairs - mean**2, 0.0)[cells.history]),
        _value_variance(values, cells, mean, mean, pairs, values.per_order),
        nothing,
        cells.summed(cells.customers * np.where(base.x > 0, left, 0.0)[cells.history]),
        cells.summed(cells.customers * left[cells.history]),
        residual,
    ])  # fmt: skip
    return np.sqrt(variances)


def _value_variance(
    values: HistoryValues, cells: Cells, mean: Numbers, single: Numbers, pairs: Numbers, per_order: Numbers
) -> Numbers:
    """The variance of total value per group: Σ over customers of E[Σ δ²]·E[M²] + E[Σ δδ′]·E[MM′] − (mean value)²."""
    x, place = np.unique(values.base.x, return_inverse=True)
    model, at = values.spend_model, cells.history
    # E[M²] and E[MM′] go with (v + x·m)², so that they are told by those at m = 0.
    square, product = (of[place][at] / model.v**2 for of in model.spend_squares(x, np.zeros(len(x))))

    def squared(base: Numbers, slope: Numbers) -> Numbers:
        """Σ (base + slope · m)² over the customers of each cell."""
        return base**2 * cells.customers + 2 * base * slope * cells.spent + slope**2 * cells.squares

    own = squared(np.full(len(at), model.v), values.base.x[at])
    expected = squared(values.spend_base[at], values.spend_weight[at])
    variance = (single[at] * square + pairs[at] * product) * own - mean[at] ** 2 * expected
    return cells.summed(per_order[at] ** 2 * np.maximum(variance, 0.0))


def _residual_squares(values: HistoryValues, seed: int) -> Numbers:
    """The mean square of the discounted orders to come of those alive, per history, from simulated futures."""
    x, T = values.ages.pairs
    count = max(len(x), 1)
    each = max(1, SIMULATED_AT_ONCE // count)
    rounds = int(np.clip(MOST_SIMULATED // (each * count), 1, 10))
    random = np.random.default_rng([seed, 4])
    squares = np.zeros(len(x))
    for _ in range(rounds):
        future = values.orders_model.simulate_if_alive(
            values.horizon, np.tile(x, each), np.tile(T, each), random, discount=values.discounting
        )
        squares += (future.residual_orders**2).reshape(each, -1).sum(axis=0) / (each * rounds)
    return squares[values.ages.pair]


def _simulated_totals(
    values: HistoryValues, cells: Cells, drawn: Numbers, few: Numbers, draws: int, seed: int
) -> Numbers:
    """Totals of groups of few customers, simulated one by one: (``FUTURES``, draw, measure, group)."""
    some = np.flatnonzero(few[cells.group])
    # Customers of one history and group are taken to spend alike.
    each = np.repeat(some, cells.customers[some].astype(int))
    at = np.tile(cells.history[each], FUTURES)
    m = np.tile((cells.spent / cells.customers)[each], FUTURES)
    column = np.cumsum(few) - 1
    place = (np.arange(FUTURES)[:, None] * few.sum() + column[cells.group[each]]).ravel()
    base, per_order, x = values.base, values.per_order, values.base.x
    seen = np.unique(at)
    orders_models = drawn_models(values.orders_model, draws, seed)
    spend_models = drawn_models(values.spend_model, draws, seed + 1)
    generators = np.random.default_rng([seed, 5]).spawn(draws)
    totals = np.zeros((FUTURES, draws, len(MEASURES), int(few.sum())))

    def simulate(draw: int) -> None:
        model, spend_model, random = orders_models[draw], spend_models[draw], generators[draw]
        p_alive = np.zeros(len(base))
        p_alive[seen] = model.p_alive(x[seen], base.t_x[seen], base.T[seen])
        here = np.flatnonzero(random.random(len(at)) < p_alive[at])
        # Who is gone has nothing, and who orders nothing spends nothing.
        for start in range(0, len(here), SIMULATED_AT_ONCE):
            some = here[start : start + SIMULATED_AT_ONCE]
            of, group = at[some], place[some]
            future = model.simulate_if_alive(values.horizon, x[of], base.T[of], random, discount=values.discounting)

            def add(measure: int, outcome: Numbers, group: Numbers = group) -> None:
                sums = np.bincount(group, outcome, minlength=FUTURES * int(few.sum()))
                totals[:, draw, measure] += sums.reshape(FUTURES, -1)

            def spent(orders: Numbers, some: Numbers = some, of: Numbers = of) -> Numbers:
                total, any_ = np.zeros(len(of)), np.flatnonzero(orders > 0)
                own = spend_model.v + x[of[any_]] * m[some[any_]]
                total[any_] = own * spend_model.simulate_total(orders[any_], x[of[any_]], random)
                return total

            add(0, future.orders)
            add(1, per_order[of] * spent(future.orders))
            add(3, (x[of] > 0).astype(float))
            add(4, np.ones(len(of)))
            if values.discounting:
                add(5, values.margin * spent(future.residual_orders))

    # Each draw has a random generator of its own, so that how many threads work does not show.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(simulate, range(draws)))
    totals[:, :, MEASURES.index("value_at_risk")] = drawn[:, MEASURES.index("value_at_risk")][:, few]
    return totals
