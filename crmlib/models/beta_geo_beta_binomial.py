"""BG/BB: for customers who can buy at known occasions only, once at each: how often they will, and until when.

While a customer, one buys at each opportunity with probability p; before each, one leaves for good with probability θ.
p differs between customers as a beta (α, β), θ as a beta (γ, δ). Opportunities are yearly appeals, concerts of a
season, or calendar months in which one may order: for these see
:func:`crmlib.lifecycle.clv.opportunities`.

Source: Fader, Hardie & Shang (2010), "Customer-base analysis in a discrete-time noncontractual setting", Marketing
Science 29(6), 1086–1108; equation numbers below are theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy import special

from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import (
    CustomerBase,
    Problem,
    check_enough,
    found_wrong,
    merge_histories,
    read_columns,
    refuse,
)
from crmlib.models.maximum_likelihood import FittedModel, log_gamma_step, most_likely, psi_step
from crmlib.models.orders_model import Future, broadcast
from crmlib.models.period_sums import block_length, sum_of_falling
from crmlib.models.posterior import Likelihood

# So many places at which a customer may have left are looked at in one go: enough for speed, little for memory.
_CHUNK = 1 << 20
# With more of them the likelihood costs too much to weigh draws by it; the normal approximation is good by then.
_MANY_CELLS = 50_000
# Nearer to 1 than this γ is too near for a difference, which is replaced by the mean of its slope.
_NEAR_ONE = 0.1


@dataclass(kw_only=True, repr=False, eq=False)
class BetaGeoBetaBinomial(FittedModel):
    """The BG/BB model: from known parameters, or ``BetaGeoBetaBinomial.fit(summary)``.

    alpha, beta: how the chance to buy at an opportunity differs; gamma, delta: how the chance to leave before one
    differs. Histories are (x, t_x, n): bought at x of n opportunities, the last time at the t_x-th (0 for never).
    Array functions take arrays that broadcast against each other and raise ``CustomerBaseInvalid`` for histories
    that cannot be true.

    >>> model = BetaGeoBetaBinomial(alpha=1.2035, beta=0.7497, gamma=0.6568, delta=2.7838)
    >>> model.expected_orders_new(10).round(4).item()
    3.1798
    >>> model.p_alive([0, 2, 6], [0, 4, 6], 6).round(2)
    array([0.11, 0.59, 0.93])
    >>> model.expected_orders(10, [0, 4], [0, 5], 6).round(3)
    array([0.13 , 3.628])
    """

    symbols = ("alpha", "beta", "gamma", "delta")

    # α, β, γ, δ: a typical base, then ones who buy more often or rarely, leave more rarely, or are more alike.
    starts = list(np.log([(1.0, 1.0, 0.7, 3.0), (0.5, 2.0, 0.5, 5.0), (2.0, 1.0, 0.3, 10.0), (3.0, 3.0, 2.0, 10.0)]))

    alpha: float
    beta: float
    gamma: float
    delta: float

    @classmethod
    def fit(cls, summary: Any, *, prior_spread: float | None = None) -> Self:
        """The model under which these customers' histories are most likely.

        ``summary`` (pandas or Ibis): ``frequency, recency, periods`` (x, t_x, n); optionally ``customers``, how many
        customers a row stands for. Equal histories are merged first, for an Ibis table in its database.
        Raises ``CustomerBaseInvalid`` for histories that cannot be true, ``TooFewRepeatBuyers`` and
        ``FitDidNotConverge``. Deterministic, whatever the order of rows.

        ``prior_spread``: each log-parameter has a normal prior around a typical base with this standard deviation
        (2 is weak), for small or uniform bases, which may have no maximum.
        """
        read = read_columns(summary, ["frequency", "recency", "periods"], _problems)
        x, t_x, n = read.columns
        base = merge_histories(x, t_x, n, read.customers)
        check_enough(base)
        estimate = most_likely(
            _likelihood(base), cls.starts, cls.symbols, customers=float(base.customers.sum()), prior_spread=prior_spread
        )
        if (base.T - base.t_x + 1).sum() > _MANY_CELLS:
            estimate = replace(estimate, likelihood=None)
        return cls.from_estimate(estimate)

    def log_likelihood(self, x: Any, t_x: Any, n: Any) -> Numbers:
        """The log-likelihood of each history (equation 5).

        >>> BetaGeoBetaBinomial(alpha=1, beta=1, gamma=1, delta=1).log_likelihood(1, 1, 1).round(4).item()
        -1.3863
        """
        x, t_x, n = _histories(x, t_x, n)
        return np.logaddexp(*self._alive_and_gone(x, t_x, n))

    def p_alive(self, x: Any, t_x: Any, n: Any) -> Numbers:
        """The probability that a customer with this history is still one at the next opportunity, n + 1 (equation 11).

        It thus holds the chance to leave between now and then, as in the paper.
        """
        x, t_x, n = _histories(x, t_x, n)
        alive, gone = self._alive_and_gone(x, t_x, n)
        return special.expit(alive - gone) * self._stay(n)

    def expected_orders_if_alive(self, t: Any, x: Any, n: Any) -> Numbers:
        """Expected orders at the next ``t`` opportunities of customers who are surely still there at the first."""
        t, x, n = broadcast(t, x, n)
        _check_opportunities(t)
        stays = _times_present(t, np.asarray(self.gamma), self.delta + n)
        return (self.alpha + x) / (self.alpha + self.beta + n) * stays / self._stay(n)

    def expected_orders(self, t: Any, x: Any, t_x: Any, n: Any) -> Numbers:
        """Expected orders at the next ``t`` opportunities of customers with this history (equation 13)."""
        t, x, t_x, n = broadcast(t, x, t_x, n)
        return self.p_alive(x, t_x, n) * self.expected_orders_if_alive(t, x, n)

    def expected_orders_new(self, t: Any) -> Numbers:
        """Expected orders of a new customer at their first ``t`` opportunities (equation 8)."""
        return self.expected_orders(t, 0.0, 0.0, 0.0)

    def residual_orders(self, x: Any, t_x: Any, n: Any, discount: float) -> Numbers:
        """DERT: all orders that customers with this history will ever place, discounted to now (equation 14).

        ``discount``: the rate per period, above 0; an order at the next opportunity counts 1 / (1 + discount), one at
        the opportunity after that 1 / (1 + discount)², and so on.
        """
        if not (np.isfinite(discount) and discount > 0):
            raise ValueError(f"discount must be above 0, not {discount!r}: undiscounted orders may have no end")
        x, t_x, n = _histories(x, t_x, n)
        rate = (self.alpha + x) / (self.alpha + self.beta + n)
        values, place = np.unique(np.ravel(n), return_inverse=True)
        present = self._discounted_presence(values, discount)[place].reshape(n.shape)
        return self.p_alive(x, t_x, n) * rate * present / self._stay(n)

    def pmf(self, x: Any, n: Any) -> Numbers:
        """The probability that a new customer buys at x of their first n opportunities (equation 7).

        >>> BetaGeoBetaBinomial(alpha=1, beta=1, gamma=1, delta=1).pmf([0, 1], 1).tolist()
        [0.75, 0.25]
        """
        x, n = broadcast(x, n)
        _check_opportunities(x, n)
        possible = x <= n
        flat = [np.ravel(np.where(possible, x, 0)), np.ravel(np.where(possible, x, 0)), np.ravel(n)]
        alive, gone = self._alive_and_gone(*flat, in_any_order=True)
        return np.where(possible, np.exp(np.logaddexp(alive, gone)).reshape(x.shape), 0.0)

    def simulate_if_alive(
        self, t: int, x: Numbers, n: Numbers, random: np.random.Generator, *, discount: float = 0.0
    ) -> Future:
        """One future of each customer who is surely still there at n + 1: own p and θ drawn given x and n.

        ``orders`` at the next ``t`` opportunities; ``residual_orders`` all orders, discounted per period.
        """
        x, n = (np.ravel(values) for values in broadcast(x, n))
        buys = random.beta(self.alpha + x, self.beta + n - x)
        leaves = random.beta(self.gamma, self.delta + n + 1)
        # The last opportunity at which they are there; the first is certain.
        last = 1 + np.floor(random.exponential(size=len(x)) / np.maximum(-np.log1p(-leaves), 1e-300))
        if not discount > 0:
            within = np.minimum(last, t).astype(np.int64)
            return Future(random.binomial(within, buys).astype(float), np.zeros(len(x)))
        orders, residual = np.zeros(len(x)), np.zeros(len(x))
        # What comes later is worth less than 1e-9 orders in all.
        horizon = max(t, int(np.ceil(np.log(1e9 * (1 + 1 / discount)) / np.log1p(discount))))
        there = np.arange(len(x))
        for k in range(1, horizon + 1):
            there = there[last[there] >= k]
            if not len(there):
                break
            bought = there[random.random(len(there)) < buys[there]]
            residual[bought] += (1 + discount) ** -k
            if k <= t:
                orders[bought] += 1
        return Future(orders, residual)

    def _stay(self, n: Numbers) -> Numbers:
        """The chance to be there at n + 1 of those who were at n."""
        return (self.delta + n) / (self.gamma + self.delta + n)

    def _alive_and_gone(
        self, x: Numbers, t_x: Numbers, n: Numbers, *, in_any_order: bool = False
    ) -> tuple[Numbers, Numbers]:
        """The log-likelihoods of each history together with being alive at n, and with having left before.

        ``in_any_order``: of all histories with x purchases, whenever they were.
        """
        shape = x.shape
        base = merge_histories(np.ravel(x), np.ravel(t_x), np.ravel(n), rows=True)
        alive, gone = np.empty(len(base)), np.full(len(base), -np.inf)
        for cells in _chunks(base):
            steps = _Steps.of(self.log_parameters, int(cells.n.max(initial=0)))
            values = steps.log_terms(cells)
            if in_any_order:
                values = values + _log_ways(cells.j, cells.x)
            alive[cells.histories] = values[cells.last]
            dead = np.where(cells.left, values, -np.inf)
            top = np.maximum.reduceat(dead, cells.first)
            top = np.where(np.isfinite(top), top, 0.0)
            with np.errstate(divide="ignore"):
                gone[cells.histories] = top + np.log(np.add.reduceat(np.exp(dead - top[cells.row]), cells.first))
        return alive[base.row].reshape(shape), gone[base.row].reshape(shape)

    def _discounted_presence(self, n: Numbers, discount: float) -> Numbers:
        """Σ P(there at n + k | there at n) / (1 + discount)^k over k = 1, 2, …"""
        gamma, near, rate = np.asarray(self.gamma), self.delta + n, float(np.log1p(discount))
        now = log_gamma_step(near, gamma)
        return sum_of_falling(
            lambda k, rows: now[rows, None] - log_gamma_step(near[rows, None] + k, gamma) - rate * k,
            lambda k, rows: block_length(near[rows] + k, lambda m: psi_step(near[rows] + m, gamma) + rate, k),
            np.ones(len(n)),
            remainder=(1 + discount) / discount,
        )


def _times_present(t: Numbers, gamma: Numbers, near: Numbers) -> Numbers:
    """Σ B(γ, D + k) / B(γ, D) over k = 1 … t, D = ``near``: at how many of t opportunities one is expected.

    In closed form D / (γ − 1) · (1 − Γ(D + 1 + t) Γ(γ + D) / (Γ(γ + D + t) Γ(D + 1))), which at γ = 1 is a logarithm.
    """
    if abs(float(gamma) - 1) >= _NEAR_ONE:
        slope = (log_gamma_step(near + 1, t) - log_gamma_step(near + gamma, t)) / (gamma - 1)
    else:
        nodes, weights = np.polynomial.legendre.leggauss(8)
        between = 1 + (gamma - 1) * (nodes + 1) / 2
        slope = -sum(w / 2 * psi_step(near + at, t) for at, w in zip(between, weights, strict=True))
    bend = slope * (gamma - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return -near * slope * np.where(bend == 0, 1.0, np.expm1(bend) / bend)


# --- the places at which a customer may have left


class _Cells:
    """For some histories, all that may have become of their customers, one cell each: left before opportunity j + 1,
    for j = t_x … n − 1, or, in the ``last`` cell, still there at j = n."""

    def __init__(self, base: CustomerBase, histories: slice) -> None:
        t_x, n = base.t_x[histories].astype(np.int64), base.T[histories].astype(np.int64)
        counts = n - t_x + 1
        ends = np.cumsum(counts)
        self.histories = histories
        self.first, self.last = ends - counts, ends - 1
        self.row = np.repeat(np.arange(len(counts)), counts)
        self.x = base.x[histories].astype(np.int64)[self.row]
        self.j = np.arange(len(self.row)) - (self.first - t_x)[self.row]
        self.n = n
        self.left = np.ones(len(self.row), dtype=bool)
        self.left[self.last] = False
        self.customers = base.customers[histories]


def _chunks(base: CustomerBase) -> Iterator[_Cells]:
    """The histories in portions that fit into memory, however many opportunities they had."""
    ends = np.cumsum(base.T - base.t_x + 1)
    start = 0
    while start < len(base):
        before = ends[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
        yield _Cells(base, slice(start, stop))
        start = stop


class _Steps:
    """log Γ(z + k) − log Γ(z) for k = 0, 1, …, n + 1, and its derivatives in z, for all z that the model needs."""

    def __init__(self, parameters: Numbers, most: int, derivative: int) -> None:
        alpha, beta, gamma, delta = parameters
        k = np.arange(most + 2.0)
        self.log_gamma = float(np.log(gamma))
        self.alpha, self.beta, self.buy, self.delta, self.leave = (
            _step(z, k, derivative) for z in (alpha, beta, alpha + beta, delta, gamma + delta)
        )

    @classmethod
    def of(cls, log_parameters: Numbers, most: int, derivative: int = 0) -> _Steps:
        return cls(np.exp(log_parameters), most, derivative)

    def log_terms(self, cells: _Cells) -> Numbers:
        """The logarithm of each cell's probability."""
        j = cells.j
        buys = self.alpha[cells.x] + self.beta[j - cells.x] - self.buy[j]
        return buys + self.delta[j] - self.leave[j + cells.left] + self.log_gamma * cells.left


def _step(z: float, k: Numbers, derivative: int) -> Numbers:
    if derivative == 0:
        return log_gamma_step(z, k)
    if derivative == 1:
        return psi_step(np.full(len(k), z), k)
    return special.polygamma(1, z + k) - special.polygamma(1, z)


def _likelihood(base: CustomerBase) -> Likelihood:
    """The log-likelihood of the merged histories with gradient and Hessian, in log-parameters.

    Each history is a mixture of what may have become of its customers: the gradient is the mean of theirs, and the
    Hessian adds how they differ.
    """
    most = int(base.T.max(initial=0))
    portions = list(_chunks(base)) if (base.T - base.t_x + 1).sum() <= 4 * _CHUNK else None

    def likelihood(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
        theta = np.exp(log_parameters)
        steps = [_Steps.of(log_parameters, most, derivative) for derivative in range(3)]
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for cells in portions or _chunks(base):
            added = _portion(cells, theta, *steps)
            value, gradient, hessian = value + added[0], gradient + added[1], hessian + added[2]
        gradient = theta * gradient
        return value, gradient, np.outer(theta, theta) * hessian + np.diag(gradient)

    return likelihood


def _portion(
    cells: _Cells, theta: Numbers, steps: _Steps, slopes: _Steps, bends: _Steps
) -> tuple[float, Numbers, Numbers]:
    terms = steps.log_terms(cells)
    top = np.maximum.reduceat(terms, cells.first)
    weights = np.exp(terms - top[cells.row])
    totals = np.add.reduceat(weights, cells.first)
    weights *= (cells.customers / totals)[cells.row]
    x, j, left, after = cells.x, cells.j, cells.left, cells.j + cells.left
    slope = np.array([
        slopes.alpha[x] - slopes.buy[j],
        slopes.beta[j - x] - slopes.buy[j],
        left / theta[2] - slopes.leave[after],
        slopes.delta[j] - slopes.leave[after],
    ])  # fmt: skip
    weighted = slope * weights
    per_history = np.add.reduceat(weighted, cells.first, axis=1)
    hessian = weighted @ slope.T - (per_history / cells.customers) @ per_history.T
    buy, leave = weights @ bends.buy[j], weights @ bends.leave[after]
    hessian[:2, :2] -= buy
    hessian[2:, 2:] -= leave
    hessian[0, 0] += weights @ bends.alpha[x]
    hessian[1, 1] += weights @ bends.beta[j - x]
    hessian[2, 2] -= (weights @ left) / theta[2] ** 2
    hessian[3, 3] += weights @ bends.delta[j]
    return float(cells.customers @ (top + np.log(totals))), weighted.sum(axis=1), hessian


def _log_ways(n: Numbers, x: Numbers) -> Numbers:
    """log C(n, x)."""
    return special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)


# --- what cannot be


def _histories(x: Any, t_x: Any, n: Any) -> list[Numbers]:
    """The three as float arrays of one shape, checked."""
    x, t_x, n = broadcast(x, t_x, n)
    refuse(_problems(x, t_x, n))
    return [x, t_x, n]


def _check_opportunities(*counts: Numbers) -> None:
    for count in counts:
        if np.any(~np.isfinite(count) | (count < 0) | (count != np.floor(count))):
            raise ValueError(f"opportunities are counted: whole numbers from 0 on, not {count!r}")


def _problems(x: Numbers, t_x: Numbers, n: Numbers) -> list[Problem]:
    """All that is wrong with histories of opportunities, if anything is."""
    every = "frequency recency periods"
    return found_wrong(
        {"frequency": x, "recency": t_x, "periods": n},
        ((x < 0) | (t_x < 0) | (n < 0), "a negative number", "count opportunities, from 0", every),
        ((x != np.floor(x)) | (t_x != np.floor(t_x)) | (n != np.floor(n)), "a fractional number",
         "count whole opportunities; for times in continuous time take BetaGeoNBD or ParetoNBD", every),
        (t_x > n, "the last purchase after the last opportunity",
         "recency is the number of the opportunity at which the last purchase was made", "recency periods"),
        ((x > t_x) & (t_x > 0), "more purchases than opportunities until the last of them",
         "count at most one purchase per opportunity, and none before the first", "frequency recency"),
        ((x == 0) & (t_x > 0), "no purchase but a recency above 0", "recency is 0 without a purchase",
         "frequency recency"),
        ((x > 0) & (t_x == 0), "purchases but recency 0",
         "recency is the number of the opportunity at which the last purchase was made, from 1", "frequency recency"),
    )  # fmt: skip
