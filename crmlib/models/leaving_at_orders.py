"""Customers who may leave after an order: what BG/NBD and MBG/NBD share, exactly, for any parameters.

While alive, a customer orders at rate λ ~ gamma (r, α); at each occasion to leave they take it with chance
p ~ beta (a, b). BG/NBD counts only repeat orders as such occasions, MBG/NBD the first order, too. Of the functions
below the models, those of one alive customer are the same for both; times come as w = t/α there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import special

from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import CustomerBase
from crmlib.models.maximum_likelihood import log_gamma_step, steps
from crmlib.models.orders_model import Future, OrdersModel, broadcast, check_counts, check_times, futures, histories
from crmlib.models.posterior import NOT_ASKED, Likelihood

# Where customers hardly differ, parameters run to infinity: all leave with one chance p = a/(a + b), or all order at
# one rate r/α. Library functions fail long before, so beyond these sizes the limits are taken, which differ from the
# truth by 1e-9 at most.
NEARLY_ONE_CHANCE = 1e-10  # 1/a + 1/b: the variance of the logit of p
NEARLY_ONE_RATE = 1e10  # r
STEP = 0.3  # of the logit of p, with which the trapezoid rule errs by about e^(−π²/STEP)
ONE_BY_ONE = 8  # orders of a discounted future that are drawn one by one; the others together
NEVER = 1e15  # orders after which a customer leaves: as good as never
LARGEST_CLOSED = 1e6  # of a, b and r in the closed form with 2F1


@dataclass(kw_only=True, repr=False, eq=False)
class LeavingAtOrders(OrdersModel):
    """A model whose customers may leave after an order, at ``occasions_at_first`` already after the first (0 or 1).

    r, alpha: how order rates differ (alpha in ``unit``); a, b: how the chance to leave at an occasion differs.
    """

    symbols = ("r", "alpha", "a", "b")
    times = ("alpha",)
    # r, α (over the mean age), a, b: a typical base first, then ones with quicker, slower and rarer leaving.
    starts = list(np.log([(0.5, 0.5, 0.8, 2.5), (1.0, 1.0, 0.5, 8.0), (3.0, 2.0, 2.0, 4.0), (0.2, 0.2, 0.1, 1.0)]))

    occasions_at_first: ClassVar[int]
    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def likelihood(cls, base: CustomerBase) -> Likelihood:
        """The log-likelihood of the merged histories with gradient and Hessian, in log-parameters.

        Gamma functions are evaluated once per distinct x; what remains per history are logarithms and products. Written
        in differences that stay exact where r and alpha, or a and b, run to infinity together.
        """
        values, place = np.unique(base.x, return_inverse=True)
        per_value, stayed = np.bincount(place, base.customers), values + cls.occasions_at_first
        n, stayed_each = base.customers, base.x + cls.occasions_at_first

        def likelihood(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            theta = np.exp(log_parameters)
            counts = _counts_part(theta, values, stayed, curved=curved)
            times = _times_part(theta, base.x, stayed_each, base.t_x, base.T, curved=curved)
            value = float(counts[0] @ per_value + n @ times[0])
            if not curved:
                return value, NOT_ASKED, NOT_ASKED
            hessian, (_, slopes, spread, by_odds, bends) = counts[2] @ per_value, times
            gradient = theta * (counts[1] @ per_value + slopes @ n)
            hessian += (by_odds * (n * spread)) @ by_odds.T
            for i, j, bend in bends:
                hessian[[i, j], [j, i]] += n @ bend
            return value, gradient, np.outer(theta, theta) * hessian + np.diag(gradient)

        return likelihood

    @classmethod
    def row_likelihood(cls, log_parameters: Numbers, x: Any, t_x: Any, T: Any) -> tuple[Numbers, Numbers, Numbers]:
        """The log-likelihood of each history at its own parameters, with derivatives in their logarithms.

        ``log_parameters``: (n, 4), in the order of ``symbols``; ``x, t_x, T``: (n,), taken as true (not checked).
        Returns value (n,), gradient (n, 4) and Hessian (n, 4, 4).
        """
        x, t_x, T = broadcast(x, t_x, T)
        theta, stayed = np.exp(np.asarray(log_parameters, float)).T, x + cls.occasions_at_first
        value, gradient, hessian = _counts_part(theta, x, stayed)
        of_times, slopes, spread, by_odds, bends = _times_part(theta, x, stayed, t_x, T)
        gradient = theta * (gradient + slopes)
        hessian += spread * by_odds[:, None] * by_odds
        for i, j, bend in bends:
            hessian[[i, j], [j, i]] += bend
        hessian *= theta[:, None] * theta
        hessian[range(4), range(4)] += gradient
        return value + of_times, gradient.T, hessian.transpose(2, 0, 1)

    def log_likelihood(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The log-likelihood of each history; arrays of one shape."""
        x, t_x, T = histories(x, t_x, T)
        r, alpha, a, b, stayed = self.r, self.alpha, self.a, self.b, x + self.occasions_at_first
        return (
            log_gamma_step(r, x) - x * np.log(alpha + T) - r * np.log1p(T / alpha)
            + log_gamma_step(b, stayed) - log_gamma_step(a + b, stayed)
            + np.logaddexp(0.0, self.log_odds_gone(x, t_x, T))
        )  # fmt: skip

    def log_odds_gone(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The logarithm of P(gone) / P(alive) at T; −∞ for customers who have had no occasion to leave.

        Source: Fader & Hardie, "Computing P(alive) using the BG/NBD model" (2008).
        """
        x, t_x, T = histories(x, t_x, T)
        stayed = x + self.occasions_at_first
        odds = np.log(self.a) - np.log(np.where(stayed > 0, self.b + (stayed - 1), 1.0))
        odds = odds + (self.r + x) * np.log1p((T - t_x) / (self.alpha + t_x))
        return np.where(stayed > 0, odds, -np.inf)

    # A customer alive after x repeat orders until T is like a new one, at no occasion yet, from a base with the
    # parameters r + x, α + T, a and b + x + the occasions at the first order.

    def expected_orders_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """Expected orders in the next ``t`` of customers who are surely alive after x repeat orders until T."""
        t, x, T = futures(t, x, T)
        return expected_orders(t / (self.alpha + T), self.r + x, self.a, self._stayed(x))

    def expected_order_pairs_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """E[Y(Y − 1)] of the orders Y in the next ``t`` of customers who are surely alive: with it goes Var(Y)."""
        t, x, T = futures(t, x, T)
        return expected_order_pairs(t / (self.alpha + T), self.r + x, self.a, self._stayed(x))

    def residual_orders_if_alive(self, x: Any, T: Any, discount: float) -> Numbers:
        """All orders that surely alive customers will ever place, each discounted: E[λ / (λp + discount)]."""
        _, x, T = futures(0.0, x, T)
        return residual_orders(discount * (self.alpha + T), self.r + x, self.a, self._stayed(x))

    def simulate_if_alive(
        self, t: float, x: Numbers, T: Numbers, random: np.random.Generator, *, discount: float = 0.0
    ) -> Future:
        """One future of each surely alive customer, from their own λ and p given x and T."""
        check_times(t=t)
        return simulate(t, self.r + x, self.alpha + T, self.a, self._stayed(x), random, discount)

    def expected_orders_new(self, t: Any) -> Numbers:
        """Expected repeat orders of a new customer in the time ``t`` since their first order."""
        stay = 1.0 if self.occasions_at_first == 0 else self.b / (self.a + self.b)
        return stay * self.expected_orders_if_alive(t, 0.0, 0.0)

    def pmf(self, n: Any, t: Any) -> Numbers:
        """The probability that a new customer places n repeat orders in the time ``t``."""
        check_counts(n=n)
        check_times(t=t)
        n, t = broadcast(n, t)
        r, a, b, z = self.r, self.a, self.b, t / (self.alpha + t)
        occasions = n + self.occasions_at_first
        alive = np.exp(
            log_gamma_step(b, occasions) - log_gamma_step(a + b, occasions) + log_gamma_step(r, n)
            - special.gammaln(n + 1) - r * np.log1p(t / self.alpha) + special.xlogy(n, z)
        )  # fmt: skip
        # The finite sum of the papers is a negative binomial's tail, which the incomplete beta gives without
        # cancelling.
        some = np.maximum(occasions, 1.0)
        left = a * np.exp(log_gamma_step(b, some - 1) - log_gamma_step(a + b, some))
        left = left * np.where(n > 0, so_many_or_more(np.maximum(n, 1.0), r, t / self.alpha), 1.0)
        return alive + np.where(occasions > 0, left, 0.0)

    def _stayed(self, x: Numbers) -> Numbers:
        """b after x repeat orders at which the customer stayed."""
        return self.b + (x + self.occasions_at_first)


def _counts_part(
    theta: Numbers, x: Numbers, stayed: Numbers, *, curved: bool = True
) -> tuple[Numbers, Numbers, Numbers]:
    """Of the log-likelihood of each row what is made of gamma functions: value (n), gradient (4, n), Hessian."""
    r, _, a, b = theta
    if not curved:
        return log_gamma_step(r, x) + log_gamma_step(b, stayed) - log_gamma_step(a + b, stayed), NOT_ASKED, NOT_ASKED
    by_r, by_a, by_b = steps(r, x), steps(a + b, stayed), steps(b, stayed)
    hessian = np.zeros((4, 4, len(x)))
    hessian[0, 0] = by_r[2]
    hessian[2:, 2:] = -by_a[2]
    hessian[3, 3] += by_b[2]
    return by_r[0] + by_b[0] - by_a[0], np.stack([by_r[1], 0 * x, -by_a[1], by_b[1] - by_a[1]]), hessian


def _times_part(
    theta: Numbers, x: Numbers, stayed: Numbers, t_x: Numbers, T: Numbers, *, curved: bool = True
) -> tuple[Numbers, Numbers, Numbers, Numbers, list[tuple[int, int, Numbers]]]:
    """The rest of it: value (n), gradient (4, n); of the Hessian, spread · by_odds · by_oddsᵀ, and what is added to it.

    In differences that stay exact where r and alpha, or a and b, run to infinity together.
    """
    r, alpha, a, b = theta
    near, past, s = 1 / (alpha + t_x), np.log1p(T / alpha), r + x  # past: log(α + T) − log α
    gap, rarer = np.log1p((T - t_x) * near), 1 / np.where(stayed > 0, b + (stayed - 1), np.inf)
    with np.errstate(divide="ignore"):
        odds = s * gap + np.log(a * rarer)  # −∞ for those who have had no occasion to leave
    # One exponential gives both log(1 + e^odds) and the share gone, without overflow.
    small = np.exp(-np.abs(odds))
    value = np.maximum(odds, 0.0) + np.log(1 + small) - x * np.log(alpha) - s * past
    if not curved:
        return value, NOT_ASKED, NOT_ASKED, NOT_ASKED, []
    gone, far = np.where(odds > 0, 1.0, small) / (1 + small), 1 / (alpha + T)
    lost, closer = T / alpha * far, (t_x - T) * near * far  # 1/α − 1/(α + T); 1/(α + T) − 1/(α + t_x)
    by_odds = np.stack(np.broadcast_arrays(gap, s * closer, 1 / a, -rarer))
    gradient = gone * by_odds
    gradient[0] -= past
    gradient[1] += r * lost - x * far
    bends = [
        (0, 1, lost + gone * closer),
        (1, 1, x * far**2 - r * lost * (1 / alpha + far) - gone * s * closer * (far + near)),
        (2, 2, -gone / a**2),
        (3, 3, gone * rarer**2),
    ]
    return value, gradient, gone * (1 - gone), by_odds, bends


def expected_orders(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
    """E[X(t)] of a new customer with w = t/α.

    The closed form after Euler's transformation: with x repeat orders in r and b, the first two parameters of the
    hypergeometric function stay small, so that heavy buyers cannot overflow it. It is 0/0 at a = 1 and ∞·0 at
    a + b = 1, and library code for 2F1 near z = 1 fails where c − a − b is nearly whole or its first parameter
    is large, and it cancels where that is far below 0 or where parameters are huge; z itself keeps no digits of
    1 − z where w is large. There E[(1 − e^(−λpt))/p] is integrated over p instead.
    """
    c, z = a + b - 1, w / (1 + w)
    d = 1 + r - a
    near_one_fails = (np.abs(d - np.round(d)) < 1e-3) | (c - r > 30)
    closed = (abs(a - 1) > 1e-4) & (c > 0.05) & (c - r > -5) & ((z < 0.9) | ~near_one_fails)
    closed &= (w < 1e4) & (c < LARGEST_CLOSED) & (r < LARGEST_CLOSED)
    answer = np.full(np.shape(w), np.nan)
    if np.any(closed):
        r_, c_ = r[closed], c[closed]
        with np.errstate(all="ignore"):
            kept = np.log(special.hyp2f1(c_ - r_, a - 1, c_, z[closed])) - (a - 1) * np.log1p(w[closed])
            # Of a logarithm below 1e-4, too few digits are left.
            answer[closed] = np.where(np.abs(kept) > 1e-4, -c_ / (a - 1) * np.expm1(kept), np.nan)
    rest = ~(np.isfinite(answer) & (answer >= 0))
    if np.any(rest):
        # (1 − e^(−λpt))/p with λ integrated out: the chance of any order were leaving not to stop them, over p.
        answer[rest] = over_chances_to_leave(
            lambda p, w, r: -np.expm1(-r * np.log1p(p * w)) / p,
            w[rest],
            r[rest],
            a,
            b[rest],
            (w * (1 + r))[rest],
        )
    return answer


def expected_order_pairs(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
    """E[X(t)(X(t) − 1)] of a new customer: 2∫ s E[λ²(1 − p) e^(−λps)] ds, because p acts between any two orders.

    With λ integrated out the integral is a negative binomial's chance of two or more, an incomplete beta.
    """
    stay = b / (a + b)  # the density times 1 − p is that of b + 1, times this
    answer = over_chances_to_leave(
        lambda p, w, r: 2 * so_many_or_more(2.0, r, p * w) / p**2,
        np.ravel(w),
        np.ravel(r),
        a,
        np.ravel(b) + 1,
        np.ravel(w * (1 + r)),
    )
    return stay * answer.reshape(np.shape(w))


def so_many_or_more(n: Numbers | float, r: Numbers | float, w: Numbers) -> Numbers:
    """The chance of n > 0 orders or more in w = t/α, were nobody to leave: Poisson where all order at one rate."""
    r = np.asarray(r, float)
    one_rate = r > NEARLY_ONE_RATE
    differing = special.betainc(n, np.where(one_rate, 1.0, r), w / (1 + w))
    return np.where(one_rate, special.gammainc(n, r * w), differing) if one_rate.any() else differing


def over_chances_to_leave(
    of: Callable[[Numbers, Numbers, Numbers], Numbers],
    w: Numbers,
    r: Numbers,
    a: float,
    b: Numbers,
    steepness: Numbers,
) -> Numbers:
    """E[of(p, w, r)] over p ~ beta(a, b), by the trapezoid rule on the logit of p, which is exact to rounding here.

    ``of`` must fall with p, no faster than 1/p², and be flat where p is far below 1/``steepness``. The density is
    taken relative to that at the mean, where it cannot cancel, and scaled to a sum of 1. Where nothing but the
    density changes any more, both tails go on as geometric series, which are summed in closed form.
    """
    answer = np.empty(len(w))
    one_chance = 1 / a + 1 / b < NEARLY_ONE_CHANCE
    answer[one_chance] = of(a / (a + b[one_chance]), w[one_chance], r[one_chance])
    others = np.flatnonzero(~one_chance)
    low, high, step = _logits_of_chances(a, b[others], steepness[others])
    points = np.ceil((high - low) / step).astype(int) + 2
    # Rows of like length together, so that few points are wasted.
    order = np.argsort(points, kind="stable")
    for start in range(0, len(others), 200):
        some = order[start : start + 200]
        count = int(points[some].max())
        off = np.linspace(low[some], high[some], count, axis=1)
        step_ = off[:, 1:2] - off[:, :1]
        some = others[some]
        w_, r_, b_ = w[some, None], r[some, None], b[some, None]
        # Seen from the rarer of leaving and staying: log(share · e^off + 1 − share), exact also near 0.
        rarer, seen = np.minimum(a, b_), np.where(a <= b_, off, -off)
        share = rarer / (a + b_)
        grown = np.log1p(share * np.expm1(np.minimum(seen, 700.0))) + np.maximum(seen - 700.0, 0.0)
        log_p = np.where(a <= b_, np.log(share) + off, np.log1p(-share)) - grown
        weight = np.exp(rarer * seen - (a + b_) * grown)
        weight[:, :1] *= 1 + 1 / np.expm1(np.minimum(a * step_, 700.0))
        weight[:, -1:] *= 1 + 1 / np.expm1(np.minimum(b_ * step_, 700.0))
        weight /= weight.sum(axis=1, keepdims=True)
        answer[some] = (weight * of(np.exp(log_p), w_, r_)).sum(axis=1)
    return answer


def _logits_of_chances(a: float, b: Numbers, steepness: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """From where to where, around its mean, and in which steps to follow the logit of p ~ beta(a, b)."""
    centre, mean, width = np.log(a) - np.log(b), a / (a + b), np.sqrt(1 / a + 1 / b)
    # e^−30 of the density at the mean is left beyond, whatever the answer gains below the mean (its square root first).
    gain = 2 * np.log1p(steepness * mean)
    low = -(30 + gain) / a - (a + b) * np.log1p(a / b) / a
    high = 30 / b + (a + b) * np.log1p(b / a) / b
    # Nothing but the density's tail changes beyond: a relative e^−28.
    low = np.maximum(low, -28 - np.log(1 + a + b + steepness) - centre)
    high = np.minimum(high, 28 + np.log(3 + a + b) - centre)
    narrow = width < 0.05
    return (
        np.where(narrow, -11 * width, low),
        np.where(narrow, 11 * width, high),
        np.minimum(STEP, 0.6 * width),
    )


def residual_orders(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
    """All orders that alive customers will ever place, discounted at w = discount · α: E[λ / (λp + discount)]."""
    answer = over_chances_to_leave(
        lambda p, w, r: mean_share(w / p, r) / p, np.ravel(w), np.ravel(r), a, np.ravel(b), np.ravel((1 + r) / w)
    )
    return answer.reshape(np.shape(w))


def mean_share(q: Numbers, r: Numbers) -> Numbers:
    """E[g / (g + q)] of g ~ gamma (r, 1): r · e^q · E(r + 1; q), with the generalised exponential integral.

    By its continued fraction (DLMF 8.19.17, even part) or, where q and r are both small, from its series for an order
    near 1 (8.19.8, 8.19.10), raised to r + 1 by the recurrence 8.19.12.
    """
    q, r = np.broadcast_arrays(q, r)
    answer = np.empty(q.shape)
    quick = (q > 20) | (r > 200)
    slow = ~quick & ((q >= 1) | (r >= 20))
    for kind, terms in ((quick, 10), (slow, 60)):
        q_, r_ = q[kind], r[kind]
        down = q_ + r_ + (1 + 2 * terms)
        for k in range(terms, 0, -1):
            down = q_ + r_ + (2 * k - 1) - k * (r_ + k) / down
        answer[kind] = r_ / down
    few = ~quick & ~slow
    if few.any():
        answer[few] = r[few] * _scaled_exponential_integral(q[few], r[few])
    return answer


def _scaled_exponential_integral(q: Numbers, r: Numbers) -> Numbers:
    """e^q · E(r + 1; q) for q < 1 and r < 20."""
    steps = np.round(r)
    nu = r - steps
    # log Γ(1 − ν)/ν, by its series near ν = 0.
    near = np.abs(nu) < 1e-3
    zetas = special.zeta([2.0, 3.0, 4.0, 5.0]) / [2, 3, 4, 5]
    series = np.euler_gamma + nu * (zetas[0] + nu * (zetas[1] + nu * (zetas[2] + nu * zetas[3])))
    level = np.log(q) + np.where(near, series, special.gammaln(1 - nu) / np.where(near, 1.0, nu))
    total, power = -level * special.exprel(nu * level), np.ones_like(q)
    for k in range(1, 20):
        power = power * -q / k
        total = total - power / (k - nu)
    total = total * np.exp(q)
    for k in range(int(steps.max())):
        total = np.where(k < steps, (1 - q * total) / (1 + nu + k), total)
    return total


def simulate(
    t: float, r: Numbers, alpha: Numbers, a: float, b: Numbers, random: np.random.Generator, discount: float
) -> Future:
    """One future of each alive customer: after the order numbered ``last`` they leave."""
    # Rates and chances that differ widely may be smaller than any float.
    rate = np.maximum(random.standard_gamma(r) / alpha, 1e-200)
    p = np.clip(random.beta(a, b), 1e-200, 1 - 1e-16)
    # A geometric number that may be too large for a whole one.
    last = np.clip(np.ceil(random.standard_exponential(np.shape(r)) / -np.log1p(-p)), 1.0, NEVER)
    if discount <= 0:
        return Future(np.minimum(_poisson(rate * t, random), last), np.zeros(np.shape(r)))
    number = np.arange(1.0, ONE_BY_ONE + 1)[:, None]
    times = np.cumsum(random.standard_exponential((ONE_BY_ONE, len(r))), axis=0) / rate
    placed = number <= last
    orders = (placed & (times <= t)).sum(axis=0).astype(float)
    residual = np.where(placed, np.exp(-discount * times), 0.0).sum(axis=0)
    more = np.flatnonzero(last > ONE_BY_ONE)
    rest, since, rate = last[more] - ONE_BY_ONE, times[-1, more], rate[more]
    # Given when the last of the rest comes, the others come evenly before it, some of them in the time asked for.
    until = random.standard_gamma(rest) / rate
    left = np.clip(t - since, 0.0, until)
    within = random.binomial((rest - 1).astype(np.int64), left / until).astype(float)
    orders[more] += within + (until <= t - since)
    later = _discounted(rest - 1 - within, discount * (until - left), random) + np.exp(-discount * (until - left))
    sooner = _discounted(within, discount * left, random)
    residual[more] += np.exp(-discount * since) * (sooner + np.exp(-discount * left) * later)
    return Future(orders, residual)


def _discounted(orders: Numbers, span: Numbers, random: np.random.Generator) -> Numbers:
    """The discounted sum of so many orders that come evenly in ``span`` (discount · time).

    Drawn as a normal with its mean and variance.
    """
    mean = special.exprel(-span)
    variance = np.maximum(special.exprel(-2 * span) - mean**2, 0.0)
    return np.maximum(orders * mean + np.sqrt(orders * variance) * random.standard_normal(len(orders)), 0.0)


def _poisson(mean: Numbers, random: np.random.Generator) -> Numbers:
    """Poisson numbers, of means also beyond what the generator can count to."""
    large = mean > 1e9
    numbers = random.poisson(np.where(large, 0.0, mean)).astype(float)
    if large.any():
        numbers[large] = np.rint(mean[large] + np.sqrt(mean[large]) * random.standard_normal(int(large.sum())))
    return numbers
