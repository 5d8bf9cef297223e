"""Sums over customers, all or by group: what they may come out at, from parameters and from chance.

Expected sums are computed at each draw of the parameters. Chance is added to them as a normal with its exact
variance, as the central limit theorem allows for many customers; sums over few are simulated, customer by customer.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from crmlib.lifecycle.clv.age_grid import bounded_log
from crmlib.lifecycle.clv.history_values import (
    STEP,
    HistoryValues,
    check_finite,
    drawn_models,
    moved_models,
)
from crmlib.models.arrays import Numbers
from crmlib.models.gamma_gamma import GammaGamma
from crmlib.models.orders_model import MANY_HISTORIES, OrdersModel

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
    """Each of ``MEASURES`` (down) for each group (across), at the estimates."""
    orders = values.p_alive, values.orders_if_alive, values.residual_if_alive
    return _totals(values, cells, orders, values.spend_model)


def _totals(
    values: HistoryValues, cells: Cells, orders: tuple[Numbers, Numbers, Numbers], spend_model: GammaGamma
) -> Numbers:
    """The totals for P(alive), and orders and residual orders if alive, per history."""
    x, place = np.unique(values.base.x, return_inverse=True)
    own, weight = (of[place][cells.history] for of in spend_model.spend_line(x, when_undefined="observed_mean"))
    worth = cells.customers * own + cells.spent * weight  # the expected spend on one order of each customer, summed
    p_alive, if_alive, residual = orders
    at, alive = cells.history, p_alive[cells.history]
    value = worth * (values.per_order * if_alive)[at]
    return np.array([
        cells.summed(cells.customers * alive * if_alive[at]),
        cells.summed(value * alive),
        cells.summed(value * (1 - alive)),
        cells.summed(cells.customers * np.where(values.base.x[at] > 0, alive, 0.0)),
        cells.summed(cells.customers * alive),
        cells.summed(values.margin * worth * alive * residual[at]),
    ])  # fmt: skip


def possible_totals(values: HistoryValues, cells: Cells, *, draws: int, seed: int) -> Numbers:
    """What the totals may come out at: (future, measure, group), ``FUTURES`` futures for each of ``draws``.

    The share that discounting leaves of the orders within the horizon is held at its estimate: parameters and chance
    hardly move it. Value at risk is an expectation, never seen, and so without chance.
    """
    drawn = _drawn_totals(values, cells, draws, seed)
    noise = np.random.default_rng([seed, 3]).standard_normal((FUTURES, *drawn.shape))
    futures = drawn + noise * _chance(values, cells, seed)
    few = cells.size < FEW_CUSTOMERS
    if few.any():
        futures[..., few] = _simulated_totals(values, cells, drawn, few, draws, seed)
    futures = np.maximum(futures, 0.0).reshape(-1, *drawn.shape[1:])
    check_finite(futures)
    return futures


def _drawn_totals(values: HistoryValues, cells: Cells, draws: int, seed: int) -> Numbers:
    """The expected totals at each draw of the parameters; where histories are many, log-linear in log-parameters."""
    orders_models = drawn_models(values.orders_model, draws, seed)
    spend_models = drawn_models(values.spend_model, draws, seed + 1)
    if len(values.base) <= MANY_HISTORIES:
        last, totals = None, []
        for orders_model, spend_model in zip(orders_models, spend_models, strict=True):
            if orders_model is not last:  # resampling leaves likely draws several times in a row
                last, orders = orders_model, _orders_at(values, orders_model)
            totals.append(_totals(values, cells, orders, spend_model))
        drawn = np.array(totals)
    else:
        drawn = _log_linear_totals(values, cells, orders_models, spend_models)
    check_finite(drawn)
    return drawn


def _orders_at(values: HistoryValues, model: OrdersModel) -> tuple[Numbers, Numbers, Numbers]:
    """P(alive), orders and residual orders if alive, per history, at other parameters."""
    base, ages, residual = values.base, values.ages, values.residual_if_alive
    if values.discounting:
        at_ages = model.residual_orders_if_alive(ages.x, ages.T, values.discounting)
        residual = np.exp(ages.interpolate(bounded_log(at_ages)))
    return model.p_alive(base.x, base.t_x, base.T), ages.orders_if_alive(model, values.horizon), residual


def _log_linear_totals(
    values: HistoryValues, cells: Cells, orders_models: Sequence[OrdersModel], spend_models: Sequence[GammaGamma]
) -> Numbers:
    centre = expected_totals(values, cells)
    at_estimate = values.p_alive, values.orders_if_alive, values.residual_if_alive

    def of_orders(model: OrdersModel) -> Numbers:
        return bounded_log(_totals(values, cells, _orders_at(values, model), values.spend_model))

    def of_spend(model: GammaGamma) -> Numbers:
        return bounded_log(_totals(values, cells, at_estimate, model))

    moved = np.zeros((len(orders_models), *centre.shape))
    known: list[tuple[Any, Sequence[Any], Any]] = [
        (values.orders_model, orders_models, of_orders), (values.spend_model, spend_models, of_spend)
    ]  # fmt: skip
    for model, models, of in known:
        if model.estimate is not None:
            slopes = np.array([(of(ahead) - of(behind)) / (2 * STEP) for ahead, behind in moved_models(model)])
            away = np.array([drawn.log_parameters - model.log_parameters for drawn in models])
            moved += np.tensordot(away, slopes, axes=1)
    return centre * np.exp(moved)


def _chance(values: HistoryValues, cells: Cells, seed: int) -> Numbers:
    """The standard deviations of the totals that chance alone makes: measures down, groups across."""
    model, base, ages = values.orders_model, values.base, values.ages
    p_alive, mean = values.p_alive, values.orders
    pairs = p_alive * np.exp(
        ages.interpolate(bounded_log(model.expected_order_pairs_if_alive(values.horizon, ages.x, ages.T)))
    )
    left = p_alive * (1 - p_alive)
    nothing = np.zeros(cells.groups)
    residual = nothing
    if values.discounting:
        # Squares of discounted orders are orders discounted at twice the rate; only their sum's square is simulated.
        single = p_alive * np.exp(
            ages.interpolate(bounded_log(model.residual_orders_if_alive(ages.x, ages.T, 2 * values.discounting)))
        )
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
