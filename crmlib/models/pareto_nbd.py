"""Pareto/NBD: how many orders a customer will still place, and whether they are still a customer.

While alive, a customer orders at random times at rate λ; they leave for good at a random time, at rate μ, whether they
order or not. λ differs between customers as a gamma (r, α), μ as a gamma (s, β), independently. So one-time buyers,
too, may have left, and become less likely alive the longer they are silent.

Given that a customer is alive at T after x repeat orders, λ ~ gamma (r + x, α + T) and μ ~ gamma (s, β + T), still
independent: everything about the future of living customers follows from this. About the past, one integral is needed:
over the time τ in (t_x, T] at which a customer may have left.

Source: Schmittlein, Morrison & Colombo (1987), "Counting your customers: who are they and what will they do next?",
Management Science 33(1), 1–24; in the form of Fader & Hardie (2005), "A note on deriving the Pareto/NBD model and
related expressions".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import special

from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import CustomerBase, check_histories
from crmlib.models.maximum_likelihood import log_gamma_step, steps
from crmlib.models.orders_model import Future, OrdersModel, broadcast, check_counts, check_times, futures, histories
from crmlib.models.posterior import NOT_ASKED, Likelihood

# What lies so far below the top of an integrand, as a logarithm, does not change the integral.
NEGLIGIBLE = 40.0
# From such an s on, all leave at one rate s/β: the limit differs from the truth by 1e-9 at most.
NEARLY_ONE_RATE = 1e10
# How many numbers are worked on at once: few enough to stay in the processor's cache.
AT_ONCE = 1 << 15
ROWS_AT_ONCE = 1 << 13


@dataclass(kw_only=True, repr=False, eq=False)
class ParetoNBD(OrdersModel):
    """The Pareto/NBD model: from known parameters, or ``ParetoNBD.fit(summary)``.

    r, alpha: how order rates differ (alpha in ``unit``); s, beta: how rates of leaving differ (beta in ``unit``).

    >>> model = ParetoNBD(r=0.5533971, alpha=10.5801985, s=0.6060625, beta=11.6562237, unit="weeks")
    >>> model
    ParetoNBD(r=0.5534, alpha=10.58, s=0.6061, beta=11.66)
    >>> model.p_alive([0, 26], [0, 30.857143], [39, 31]).round(5)
    array([0.29416, 0.99787])
    """

    symbols = ("r", "alpha", "s", "beta")
    times = ("alpha", "beta")
    # r, α (over the mean age), s, β (over the mean age): a typical base first, then ones with quicker, slower and rarer
    # leaving.
    starts = list(np.log([(0.5, 0.4, 0.6, 0.5), (1.0, 1.0, 0.5, 2.0), (3.0, 2.0, 2.0, 1.0), (0.2, 0.2, 0.3, 5.0)]))

    r: float
    alpha: float
    s: float
    beta: float
    # The integrals over the time of leaving take far longer than the sums of other models.
    most_histories: ClassVar[int | None] = 30_000

    @classmethod
    def likelihood(cls, base: CustomerBase) -> Likelihood:
        """The log-likelihood of the merged histories with gradient and Hessian, in log-parameters.

        Gamma functions are evaluated once per distinct x.
        """
        values, place = np.unique(base.x, return_inverse=True)
        per_value = np.bincount(place, base.customers)

        def likelihood(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            theta = np.exp(log_parameters)
            gradient, hessian = np.zeros(4), np.zeros((4, 4))
            value, gradient[0], hessian[0, 0] = (float(per_value @ each) for each in _counts_part(theta[0], values))
            for start in range(0, len(base), ROWS_AT_ONCE):
                rows = slice(start, start + ROWS_AT_ONCE)
                n, x, t_x, T = base.customers[rows], base.x[rows], base.t_x[rows], base.T[rows]
                r, alpha, s, beta = (np.broadcast_to(parameter, n.shape) for parameter in theta)
                each = _times_part(r, alpha, s, beta, x, t_x, T, curved=curved)
                value += float(n @ each[0])
                if not curved:
                    continue
                gradient += each[1] @ n
                hessian += each[2] @ n
            return value, gradient, hessian

        return likelihood

    @classmethod
    def row_likelihood(cls, log_parameters: Any, x: Any, t_x: Any, T: Any) -> tuple[Numbers, Numbers, Numbers]:
        """The log-likelihood of each history at its own parameters, with its derivatives by their logarithms.

        ``log_parameters``: one row a history (or one for all), columns in the order of ``symbols``. Answers value
        (n), gradient (n, 4) and Hessian (n, 4, 4). Raises ``CustomerBaseInvalid``.

        >>> value, gradient, hessian = ParetoNBD.row_likelihood([[0, 0, 0, 0]], [0, 2], [0, 1], [1, 1])
        >>> value.round(4)
        array([-0.47  , -2.0794])
        """
        x, t_x, T = (np.atleast_1d(values) for values in broadcast(x, t_x, T))
        check_histories(x, t_x, T)
        log_parameters = np.broadcast_to(np.asarray(log_parameters, float), (len(x), 4))
        value, gradient, hessian = np.empty(len(x)), np.empty((len(x), 4)), np.empty((len(x), 4, 4))
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            r, alpha, s, beta = np.exp(log_parameters[rows]).T
            value[rows], slopes, curves = _times_part(r, alpha, s, beta, x[rows], t_x[rows], T[rows])
            gradient[rows], hessian[rows] = slopes.T, curves.transpose(2, 0, 1)
            of_count, slope, curve = _counts_part(r, x[rows])
            value[rows] += of_count
            gradient[rows, 0] += slope
            hessian[rows, 0, 0] += curve
        return value, gradient, hessian

    def log_likelihood(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The log-likelihood of each history; arrays of one shape.

        >>> ParetoNBD(r=1, alpha=1, s=1, beta=1).log_likelihood(0, 0, 1).round(4).item()
        -0.47
        """
        x, t_x, T = histories(x, t_x, T)
        return (
            log_gamma_step(self.r, x) - x * np.log(self.alpha + T)
            - self.r * np.log1p(T / self.alpha) - self.s * np.log1p(T / self.beta)
            + np.logaddexp(0.0, self.log_odds_gone(x, t_x, T))
        )  # fmt: skip

    def log_odds_gone(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The logarithm of P(gone) / P(alive) at T; −∞ where T is t_x.

        One integral over the time of leaving, of positive terms, instead of the paper's differences.
        """
        x, t_x, T = histories(x, t_x, T)
        shape = x.shape
        x, t_x, T = (np.ravel(values) for values in (x, t_x, T))
        A, a, b, span = self.r + x, self.alpha + t_x, self.beta + t_x, T - t_x
        total = np.zeros(len(x))
        for rows, weight, *_ in leaving_times(A, np.broadcast_to(self.s, x.shape), a, b, span):
            total[rows] = weight.sum(axis=1)
        with np.errstate(divide="ignore"):
            odds = np.log(self.s) + np.log(total) + A * np.log1p(span / a) + self.s * np.log1p(span / b)
        return odds.reshape(shape)

    def expected_orders_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """Expected orders in the next ``t`` of customers who are surely alive: E[λ] times the time they will stay.

        That is ∫ of P(still alive after u) = (1 + u / (β + T))^−s, in a form that also holds at s = 1.
        """
        t, x, T = futures(t, x, T)
        later = np.log1p(t / (self.beta + T))
        stay = (self.beta + T) * later * special.exprel((1 - self.s) * later)
        return (self.r + x) / (self.alpha + T) * stay

    def expected_order_pairs_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """E[Y(Y − 1)] of the orders Y in the next ``t`` of surely alive customers: E[λ²] E[(time they will stay)²]."""
        t, x, T = futures(t, x, T)
        A, rate = self.r + x, 1 / (self.alpha + T)
        squared = (self.beta + T) ** 2 * _squared_stay(t / (self.beta + T), self.s)
        return A * rate * (A + 1) * rate * squared

    def residual_orders_if_alive(self, x: Any, T: Any, discount: float) -> Numbers:
        """All orders that surely alive customers will ever place, each discounted: E[λ] E[1 / (μ + discount)].

        Source: Fader, Hardie & Lee (2005), "RFM and CLV", appendix, where the second is a confluent hypergeometric Ψ.
        """
        _, x, T = futures(0.0, x, T)
        ages, place = np.unique(T, return_inverse=True)
        stay = (self.beta + ages) * _discounted_stay(discount * (self.beta + ages), self.s)
        return (self.r + x) / (self.alpha + T) * stay[place].reshape(T.shape)

    def expected_orders_new(self, t: Any) -> Numbers:
        """Expected repeat orders of a new customer in the time ``t`` since their first order.

        >>> ParetoNBD(r=0.55, alpha=10.56, s=0.61, beta=11.64).expected_orders_new([1, 9]).round(4)
        array([0.0508, 0.3891])
        """
        return self.expected_orders_if_alive(t, 0.0, 0.0)

    def pmf(self, n: Any, t: Any) -> Numbers:
        """The probability that a new customer places n repeat orders in the time ``t``.

        Those still alive at ``t``, plus an integral over the time of leaving for the others.

        >>> ParetoNBD(r=0.55328, alpha=10.5777, s=0.60624, beta=11.6687).pmf([0, 1, 2], 39).round(3)
        array([0.594, 0.166, 0.083])
        """
        check_counts(n=n)
        check_times(t=t)
        n, t = broadcast(n, t)
        shape = n.shape
        n, t = np.ravel(n), np.ravel(t)
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        ways = log_gamma_step(r, n) - special.gammaln(n + 1)
        with np.errstate(divide="ignore"):
            orders = -special.xlog1py(n, np.where(n > 0, alpha / t, 0.0))
        alive = orders - r * np.log1p(t / alpha) - s * np.log1p(t / beta)
        left = np.full(len(n), -np.inf)
        none = n == 0
        left[none] = (
            self.log_odds_gone(0.0, 0.0, t[none]) - r * np.log1p(t[none] / alpha) - s * np.log1p(t[none] / beta)
        )
        some = ~none & (t > 0)
        if np.any(some):
            left[some] = np.log(s) + _orders_then_gone(n[some], t[some], r, alpha, s, beta)
        return np.exp(ways + np.logaddexp(alive, left)).reshape(shape)

    def simulate_if_alive(
        self, t: float, x: Numbers, T: Numbers, random: np.random.Generator, *, discount: float = 0.0
    ) -> Future:
        """One future of each surely alive customer, from their own λ and time of leaving given x and T."""
        check_times(t=t)
        A = self.r + x
        size = np.shape(A)
        rate = random.standard_gamma(A) / (self.alpha + T)
        # A rate of leaving below the smallest number is that of someone who never leaves.
        leaving = random.standard_gamma(self.s, size) / (self.beta + T)
        stay = random.standard_exponential(size) / np.maximum(leaving, 1e-300)
        orders = random.poisson(rate * np.minimum(stay, t)).astype(float)
        if discount <= 0:
            return Future(orders, np.zeros(size))
        return Future(orders, rate * -np.expm1(-discount * stay) / discount)


def _counts_part(r: Numbers | float, x: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """log Γ(r + x) − log Γ(r) of each row, with its first and second derivative by log r."""
    value, slope, curve = steps(r, x)
    return value, r * slope, r * slope + r**2 * curve


def _times_part(
    r: Numbers, alpha: Numbers, s: Numbers, beta: Numbers, x: Numbers, t_x: Numbers, T: Numbers, *, curved: bool = True
) -> tuple[Numbers, Numbers, Numbers]:
    """The log-likelihood of each row but for its gamma functions, with derivatives by the log-parameters.

    It is that of a customer alive at T plus log(1 + odds of being gone). The derivatives of the odds are moments, over
    the possible times τ of leaving, of the derivatives of what is integrated: of −A log(α + τ) these are −A p and
    −A p(1 − p) with p = α/(α + τ). All are taken in differences that stay exact for huge parameters.
    """
    A, a, b, span = r + x, alpha + t_x, beta + t_x, T - t_x
    size = len(x)
    # Over all times τ of leaving: the integral, and means and products of (log, share) for α and for β.
    total, means, products = np.zeros(size), np.zeros((4, size)), np.zeros((4, 4, size))
    for rows, weight, offset, log_a, log_b in leaving_times(A, s, a, b, span):
        total[rows] = summed = weight.sum(axis=1)
        if not curved:
            continue
        weight /= summed[:, None]
        share_a, share_b = offset / (a[rows, None] + offset), offset / (b[rows, None] + offset)
        features = (log_a, share_a, log_b, share_b)
        for i, first in enumerate(features):
            weighed = weight * first
            means[i, rows] = weighed.sum(axis=1)
            for j in range(i, 4):
                products[i, j, rows] = products[j, i, rows] = np.einsum("ij,ij->i", weighed, features[j])

    far_a, far_b = np.log1p(span / a), np.log1p(span / b)
    with np.errstate(divide="ignore"):
        odds = np.log(s) + np.log(total) + A * far_a + s * far_b
    past_a, past_b = np.log1p(T / alpha), np.log1p(T / beta)
    value = -x * np.log(alpha + T) - r * past_a - s * past_b + np.logaddexp(0.0, odds)
    if not curved:
        return value, NOT_ASKED, NOT_ASKED

    gone = special.expit(odds)
    log_a_mean, share_a_mean, log_b_mean, share_b_mean = means
    whole_a, whole_b, scale_a, scale_b = span / (a + span), span / (b + span), alpha / a, beta / b
    # Of p = scale · (1 − share): what p(1 − p) is more at τ than at T, and for β also p(1 − p) at τ itself.
    more_a = scale_a * _more(scale_a, whole_a, share_a_mean, products[1, 1])
    more_b = scale_b * _more(scale_b, whole_b, share_b_mean, products[3, 3])
    spread_b = scale_b * (1 - share_b_mean - scale_b * (1 - 2 * share_b_mean + products[3, 3]))
    by_odds = np.stack([
        r * (far_a - log_a_mean),
        A * scale_a * (share_a_mean - whole_a),
        1 + s * (far_b - log_b_mean),
        scale_b * (s * (share_b_mean - whole_b) - (1 - share_b_mean)),
    ])  # fmt: skip
    factor = np.stack([-r, A * scale_a, -s, (s + 1) * scale_b])
    lost_a, lost_b, end_a, end_b = T / (alpha + T), T / (beta + T), alpha / (alpha + T), beta / (beta + T)
    gradient = gone * by_odds
    gradient += np.stack([-r * past_a, r * lost_a - x * end_a, -s * past_b, s * lost_b])
    # Of the odds: the second derivatives of what is integrated, averaged, and the covariances of the first.
    second = {
        (0, 0): (by_odds[0], -r * past_a),
        (0, 1): (r * scale_a * (share_a_mean - whole_a), r * lost_a),
        (1, 1): (-A * more_a, -A * end_a * lost_a),
        (2, 2): (by_odds[2] - 1, -s * past_b),
        (2, 3): (s * scale_b * (share_b_mean - whole_b), s * lost_b),
        (3, 3): (-s * more_b - spread_b, -s * end_b * lost_b),
    }
    hessian = np.empty((4, 4, size))
    for i in range(4):
        for j in range(i, 4):
            of_odds, of_alive = second.get((i, j), (0.0, 0.0))
            curve = (products[i, j] - means[i] * means[j]) * factor[i] * factor[j] + of_odds
            curve += (1 - gone) * by_odds[i] * by_odds[j]
            hessian[i, j] = hessian[j, i] = gone * curve + of_alive
    return value, gradient, hessian


def _more(scale: Numbers, whole: Numbers, share: Numbers, square: Numbers) -> Numbers:
    """E[(p − p_T)(1 − p − p_T)] / scale of p = scale · (1 − share), where the share at T is ``whole``."""
    rest = 1 - scale * (2 - whole)
    return (whole - share) * rest + scale * (whole * share - square)


def leaving_times(
    A: Numbers, s: Numbers, a: Numbers, b: Numbers, span: Numbers
) -> Iterator[tuple[Numbers, Numbers, Numbers, Numbers, Numbers]]:
    """Nodes and weights for (1 + δ/a)^−A (1 + δ/b)^−(s+1) dδ/b over 0 < δ < span: of those who left δ after t_x.

    Yields for some rows at a time: which, and per node weight, δ, log(1 + δ/a) and log(1 + δ/b). With m the smaller of
    a and b and δ = m(e^y − 1), what is integrated is log-concave in y and its singularities are π away, so that a few
    Gauss–Legendre nodes are exact to rounding on the part that is not negligible; how many, says ``_nodes_needed``.
    """
    a_is_near = a <= b
    near, far = np.where(a_is_near, a, b), np.where(a_is_near, b, a)
    power_near, power_far = np.where(a_is_near, A, s + 1), np.where(a_is_near, s + 1, A)
    end, fall = _where_negligible(power_near, power_far, near / far, np.log1p(span / near))
    kind = 2 * _nodes_needed(end, fall) + a_is_near
    kind[span <= 0] = -1
    for which in np.unique(kind[kind >= 0]):
        nodes, weights = RULES[which // 2]
        members = np.flatnonzero(kind == which)
        step = max(1, AT_ONCE // len(nodes))
        for start in range(0, len(members), step):
            rows = members[start : start + step]
            y = end[rows, None] * nodes
            offset = np.expm1(y)
            grown = weights * (end * near / b)[rows, None] * (1 + offset)
            offset *= near[rows, None]
            log_far = np.log1p(offset / far[rows, None])
            grown *= np.exp(-power_near[rows, None] * y - power_far[rows, None] * log_far)
            yield (rows, grown, offset, *((y, log_far) if which % 2 else (log_far, y)))


def _where_negligible(power_near: Numbers, power_far: Numbers, ratio: Numbers, end: Numbers) -> tuple[Numbers, Numbers]:
    """Up to which y to integrate, and how far the logarithm of what is integrated has changed until there.

    Newton's method on a concave function from the right stays right of the root.
    """
    end, power_near, power_far, ratio = (np.array(v, float) for v in (end, power_near, power_far, ratio))
    grown = np.expm1(end)
    height = end - power_near * end - power_far * np.log1p(ratio * grown)
    late = np.flatnonzero(height < -NEGLIGIBLE - 1)
    for _ in range(100):
        if not len(late):
            break
        grown = ratio[late] * np.expm1(end[late])
        slope = 1 - power_near[late] - power_far[late] * (grown + ratio[late]) / (1 + grown)
        end[late] -= (height[late] + NEGLIGIBLE) / slope
        y = end[late]
        height[late] = y - power_near[late] * y - power_far[late] * np.log1p(ratio[late] * np.expm1(y))
        late = late[height[late] < -NEGLIGIBLE - 1]
    return end, np.abs(height)


def _nodes_needed(end: Numbers, fall: Numbers) -> Numbers:
    """Which rule is exact to 1e-12, by the length of the interval and by how far the integrand falls on it.

    Measured over the wide box against many panels of 40 nodes.
    """
    wide = [(1.0, 2.0), (2.0, 10.0), (3.0, 20.0), (4.0, 60.0), (8.0, 60.0)]
    rule = np.full(np.shape(end), len(wide))
    for place in reversed(range(len(wide))):
        rule[(end <= wide[place][0]) & (fall <= wide[place][1])] = place
    return rule


def _squared_stay(w: Numbers, s: float) -> Numbers:
    """E[min(τ, w)²] where a customer is still there after u with chance (1 + u)^−s: 2∫ u (1 + u)^−s du.

    For large s an incomplete beta; else the closed form, which cancels for small w, where nodes are exact.
    """
    later = np.log1p(w)
    if s > 3:
        # Scaled so that s may be huge: then it is an exponential's, an incomplete gamma.
        whole = 2 / ((s - 1) * (s - 2))
        return whole * (
            special.gammainc(2.0, s * w) if s > NEARLY_ONE_RATE else special.betainc(2.0, s - 2, w / (1 + w))
        )
    closed = 2 * later * (special.exprel((2 - s) * later) - special.exprel((1 - s) * later))
    summed = np.zeros(np.shape(later))
    for node, weight in zip(*RULES[2], strict=True):  # one at a time, so that memory stays that of the rows
        summed += 2 * weight * later * np.expm1(later * node) * np.exp((1 - s) * later * node)
    return np.where(later > 1.0, closed, summed)


def _discounted_stay(z: Numbers, s: float) -> Numbers:
    """∫ e^(−zu) (1 + u)^−s du over u > 0, which is e^z times the generalised exponential integral of order s.

    With 1 + u = e^y it is log-concave in y and has no singularity at all.
    """

    def height(y: Any) -> Any:
        return (1 - s) * y - z * np.expm1(y)

    top = height(np.log(np.maximum((1 - s) / z, 1.0)))
    # From where it is surely negligible, Newton's method comes down to where it just is.
    end = np.minimum(np.log1p(80 / z) + 2, 2 * NEGLIGIBLE / (s - 1 + z)) if s >= 1 else np.log1p(80 / z) + 2
    for _ in range(100):
        below = height(end) - top + NEGLIGIBLE
        if np.all(below > -1):
            break
        end = np.where(below < -1, end - below / (1 - s - z * np.exp(end)), end)
    answer = np.empty(len(z))
    for rows, y, weights in _panels(np.zeros(len(z)), end):
        answer[rows] = np.exp((1 - s) * y - z[rows, None] * np.expm1(y) - top[rows, None]) @ weights * end[rows]
    return answer * np.exp(top)


def _orders_then_gone(n: Numbers, t: Numbers, r: float, alpha: float, s: float, beta: float) -> Numbers:
    """log ∫ (τ/(α+τ))^n (1 + τ/α)^−r (1 + τ/β)^−(s+1) dτ/β over 0 < τ < t, for n > 0.

    Log-concave in y = log τ: integrated from where it becomes to where it ceases to be seen, around its mode.
    """

    def height(y: Numbers, n: Numbers) -> Numbers:
        tau = np.exp(y)
        return -n * np.log1p(alpha / tau) - r * np.log1p(tau / alpha) - (s + 1) * np.log1p(tau / beta) + y

    def slope(y: Numbers) -> Numbers:
        tau = np.exp(y)
        return 1 + (n * alpha - r * tau) / (alpha + tau) - (s + 1) * tau / (beta + tau)

    last = np.log(t)
    # Here and before, it surely rises; log 2 before, by at least (n + 1)/2 per unit of y.
    rising = np.minimum(np.log(n + 1) - np.log((r + n) / alpha + (s + 1) / beta), last)
    mode = _crossing(slope, rising, last)
    top = height(mode, n)
    start = _crossing(lambda y: top - NEGLIGIBLE - height(y, n), rising - np.log(2) - 2.5 * NEGLIGIBLE / (n + 1), mode)
    end = _crossing(lambda y: height(y, n) - top + NEGLIGIBLE, mode, last)
    answer = np.empty(len(n))
    for rows, y, weights in _panels(start, end):
        seen = np.exp(height(y, n[rows, None]) - top[rows, None]) @ weights
        answer[rows] = np.log(seen * (end - start)[rows])
    return answer + top - np.log(beta)


def _crossing(falling: Callable[[Numbers], Numbers], low: Numbers, high: Numbers) -> Numbers:
    """Where a falling function crosses 0 between two bounds, by bisection; ``high`` where it does not."""
    low, high = np.array(low), np.array(high)
    high_enough = falling(high) >= 0
    low[high_enough] = high[high_enough]
    for _ in range(60):
        middle = (low + high) / 2
        above = falling(middle) >= 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high


def _panels(start: Numbers, end: Numbers) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """Rows, their nodes between start and end, and weights of mean 1: panels shorter than 3."""
    length, lowest = end - start, 0.0
    for panels in (4, 12, 40):
        nodes, weights = LONG_RULES[panels]
        members = np.flatnonzero((length >= lowest) & ((length < 2.5 * panels) | (panels == 40)))
        lowest = 2.5 * panels
        step = max(1, AT_ONCE // len(nodes))
        for first in range(0, len(members), step):
            rows = members[first : first + step]
            yield rows, start[rows, None] + length[rows, None] * nodes, weights


def _rule(nodes: int, panels: int = 1) -> tuple[Numbers, Numbers]:
    """Gauss–Legendre nodes and weights on (0, 1), on so many panels."""
    place, weight = np.polynomial.legendre.leggauss(nodes)
    starts = np.arange(panels)[:, None]
    return ((place + 1) / 2 + starts).ravel() / panels, np.tile(weight / 2, panels) / panels


RULES = [_rule(8), _rule(12), _rule(16), _rule(24), _rule(32), _rule(24, 3)]
LONG_RULES = {panels: _rule(24, panels) for panels in (4, 12, 40)}
