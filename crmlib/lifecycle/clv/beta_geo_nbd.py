"""BG/NBD: how many orders a customer will still place, and whether they are still a customer.

While alive, a customer orders at random times at rate λ; after any order they leave for good with probability p.
λ differs between customers as a gamma (r, α), p as a beta (a, b). One who never came back has had no occasion to
leave, so that P(alive) is 1 for every one-time buyer: mind that when these are many.

Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model",
Marketing Science 24(2), 275–284; equation numbers below are theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from scipy import special

from crmlib.lifecycle.clv.customer_base import (
    CustomerBase,
    Numbers,
    check_enough,
    check_histories,
    merge_histories,
    read_histories,
)
from crmlib.lifecycle.clv.errors import FitDidNotConverge
from crmlib.lifecycle.clv.maximum_likelihood import (
    Estimate,
    FittedModel,
    Likelihood,
    log_gamma_step,
    maximise,
    positive,
    psi1_step,
    psi_step,
    with_prior,
)
from crmlib.lifecycle.clv.preparation import Unit, days_per_unit

# r, α (over the mean age), a, b: a typical base first, then ones with quicker, slower and rarer leaving.
STARTS = list(np.log([(0.5, 0.5, 0.8, 2.5), (1.0, 1.0, 0.5, 8.0), (3.0, 2.0, 2.0, 4.0), (0.2, 0.2, 0.1, 1.0)]))

# Beyond this many distinct histories a rough fit first saves time, and the normal approximation is so good that
# weighting its draws is not worth the time.
MANY_HISTORIES = 20_000

# Where customers hardly differ, parameters run to infinity: all leave with one chance p = a/(a + b), or all order at
# one rate r/α. Library functions fail long before, so beyond these sizes the limits are taken, which differ from the
# truth by 1e-9 at most.
NEARLY_ONE_CHANCE = 1e-10  # 1/a + 1/b: the variance of the logit of p
NEARLY_ONE_RATE = 1e10  # r
LARGEST_CLOSED = 1e6  # of a, b and r in the closed form with 2F1


class BetaGeoNBD(FittedModel):
    """The BG/NBD model: from known parameters, or ``BetaGeoNBD.fit(summary)``.

    r, alpha: how order rates differ (alpha in ``unit``); a, b: how the chance to leave after an order differs.

    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259, unit="weeks")
    >>> model
    BetaGeoNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)
    >>> model.expected_orders(39, x=2, t_x=30.43, T=38.86).round(3).item()
    1.226
    """

    symbols = ("r", "alpha", "a", "b")

    def __init__(
        self,
        *,
        r: float,
        alpha: float,
        a: float,
        b: float,
        unit: Unit = "weeks",
        estimate: Estimate | None = None,
    ) -> None:
        positive(r=r, alpha=alpha, a=a, b=b)
        days_per_unit(unit)
        self.r, self.alpha, self.a, self.b, self.unit, self.estimate = r, alpha, a, b, unit, estimate

    @classmethod
    def fit(cls, summary: Any, *, unit: Unit = "weeks", prior_spread: float | None = None) -> Self:
        """The model under which these customers' histories are most likely.

        ``summary`` (pandas or Ibis): ``frequency, recency, T`` with times in ``unit``; optionally ``customers``, how
        many customers a row stands for. Raises ``CustomerBaseInvalid`` for histories that cannot be true,
        ``TooFewRepeatBuyers`` and ``FitDidNotConverge``. Deterministic, whatever the order of rows.

        Small or uniform bases may have no maximum. ``prior_spread`` helps: each log-parameter then has a normal
        prior around a typical base with this standard deviation (2 is weak: a factor of 7 either way).
        """
        base = read_histories(summary)
        check_enough(base)
        customers = float(base.customers.sum())
        # Time in mean ages, so that starts and steps mean the same for days and weeks.
        scale = float(base.customers @ base.T) / customers
        scaled = CustomerBase(base.x, base.t_x / scale, base.T / scale, base.customers, base.row)
        likelihood = with_prior(_likelihood(scaled), STARTS[0], prior_spread)
        place, value, hessian, iterations = maximise(likelihood, [*_rough_start(scaled), *STARTS], cls.symbols)
        shift, height = (
            np.array([0.0, np.log(scale), 0.0, 0.0]),
            float(base.customers @ base.x) * np.log(scale),
        )

        def unscaled(log_parameters: Numbers) -> tuple[float, Numbers, Numbers]:
            value, gradient, hessian = likelihood(log_parameters - shift)
            return value - height, gradient, hessian

        estimate = Estimate(
            log_parameters=place + shift,
            covariance=np.linalg.inv(-hessian),
            log_likelihood=(value if prior_spread is None else _likelihood(scaled)(place)[0]) - height,
            customers=customers,
            iterations=iterations,
            likelihood=unscaled if len(base) <= MANY_HISTORIES else None,
        )
        r, alpha, a, b = np.exp(estimate.log_parameters).tolist()
        return cls(r=r, alpha=alpha, a=a, b=b, unit=unit, estimate=estimate)

    def with_log_parameters(self, log_parameters: Numbers) -> Self:
        """The same model at other parameters, in the order r, alpha, a, b."""
        r, alpha, a, b = np.exp(log_parameters).tolist()
        return type(self)(r=r, alpha=alpha, a=a, b=b, unit=self.unit)

    def log_likelihood(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The log-likelihood of each history (equation 6); arrays of one shape.

        >>> BetaGeoNBD(r=1, alpha=1, a=1, b=1).log_likelihood(0, 0, 1).round(4).item()
        -0.6931
        """
        x, t_x, T = _histories(x, t_x, T)
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        return (
            log_gamma_step(r, x) - x * np.log(alpha + T) - r * np.log1p(T / alpha)
            + log_gamma_step(b, x) - log_gamma_step(a + b, x)
            + np.logaddexp(0.0, self._log_odds_gone(x, t_x, T))
        )  # fmt: skip

    def p_alive(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The probability that a customer with this history has not left; arrays of one shape, in [0, 1].

        1 for x = 0 (see the module). Source: Fader & Hardie, "Computing P(alive) using the BG/NBD model" (2008).

        >>> BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259).p_alive(26, 30.857, 31).round(3).item()
        0.969
        """
        return special.expit(-self._log_odds_gone(*_histories(x, t_x, T)))

    def expected_orders(self, t: Any, x: Any, t_x: Any, T: Any) -> Numbers:
        """Expected orders in the next ``t`` (in ``unit``) of customers with this history (equation 10).

        Arrays of one shape, or broadcast against each other.
        """
        x, t_x, T = _histories(x, t_x, T)
        return self.p_alive(x, t_x, T) * self.expected_orders_if_alive(t, x, T)

    def expected_orders_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """Expected orders in the next ``t`` of customers who are surely alive after x repeat orders until T.

        Such a customer is like a new one from a base with r + x, α + T, a, b + x.
        """
        t, x, T = _broadcast(t, x, T)
        return _expected(t / (self.alpha + T), self.r + x, self.a, self.b + x)

    def expected_order_pairs_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """E[Y(Y − 1)] of the orders Y in the next ``t`` of customers who are surely alive: with it goes Var(Y)."""
        t, x, T = _broadcast(t, x, T)
        return _expected_pairs(t / (self.alpha + T), self.r + x, self.a, self.b + x)

    def expected_orders_new(self, t: Any) -> Numbers:
        """Expected repeat orders of a new customer in the time ``t`` since their first order (equation 9).

        >>> BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259).expected_orders_new([1, 52]).round(3)
        array([0.053, 1.444])
        """
        return self.expected_orders_if_alive(t, 0.0, 0.0)

    def pmf(self, n: Any, t: Any) -> Numbers:
        """The probability that a new customer places n repeat orders in the time ``t`` (equation 8).

        >>> BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259).pmf([0, 1, 2], 39).round(3)
        array([0.574, 0.199, 0.085])
        """
        n, t = _broadcast(n, t)
        r, a, b, z = self.r, self.a, self.b, t / (self.alpha + t)
        alive = np.exp(
            log_gamma_step(b, n) - log_gamma_step(a + b, n) + log_gamma_step(r, n)
            - special.gammaln(n + 1) - r * np.log1p(t / self.alpha) + special.xlogy(n, z)
        )  # fmt: skip
        # The finite sum of the paper is a negative binomial's tail, which the incomplete beta gives without cancelling.
        some = np.maximum(n, 1.0)
        left = a * np.exp(log_gamma_step(b, some - 1) - log_gamma_step(a + b, some))
        left = left * _so_many_or_more(some, r, t / self.alpha)
        return alive + np.where(n > 0, left, 0.0)

    def _log_odds_gone(self, x: Numbers, t_x: Numbers, T: Numbers) -> Numbers:
        with np.errstate(divide="ignore"):
            odds = np.log(self.a) - np.log(np.where(x > 0, self.b + (x - 1), 1.0))
            odds = odds + (self.r + x) * np.log1p((T - t_x) / (self.alpha + t_x))
        return np.where(x > 0, odds, -np.inf)


def _histories(x: Any, t_x: Any, T: Any) -> list[Numbers]:
    x, t_x, T = _broadcast(x, t_x, T)
    check_histories(x, t_x, T)
    return [x, t_x, T]


def _broadcast(*values: Any) -> list[Numbers]:
    return list(np.broadcast_arrays(*(np.asarray(value, float) for value in values)))


def _expected(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
    """E[X(t)] of a new customer with w = t/α.

    The closed form after Euler's transformation: with x repeat orders in r and b, the first two parameters of the
    hypergeometric function stay small, so that heavy buyers cannot overflow it. It is 0/0 at a = 1 and ∞·0 at
    a + b = 1, and library code for 2F1 near z = 1 fails where c − a − b is nearly whole or its first parameter
    is large, and it cancels where that is far below 0 or where parameters are huge. There E[(1 − e^(−λpt))/p] is
    integrated over p instead.
    """
    c, z = a + b - 1, w / (1 + w)
    d = 1 + r - a
    near_one_fails = (np.abs(d - np.round(d)) < 1e-3) | (c - r > 30)
    closed = (abs(a - 1) > 1e-4) & (c > 0.05) & (c - r > -5) & ((z < 0.9) | ~near_one_fails)
    closed &= (c < LARGEST_CLOSED) & (r < LARGEST_CLOSED)
    answer = np.full(np.shape(w), np.nan)
    if np.any(closed):
        r_, c_ = r[closed], c[closed]
        with np.errstate(all="ignore"):
            kept = np.log(special.hyp2f1(c_ - r_, a - 1, c_, z[closed])) - (a - 1) * np.log1p(w[closed])
            # Of a logarithm below 1e-6, too few digits are left.
            answer[closed] = np.where(np.abs(kept) > 1e-6, -c_ / (a - 1) * np.expm1(kept), np.nan)
    rest = ~(np.isfinite(answer) & (answer >= 0))
    if np.any(rest):
        # (1 − e^(−λpt))/p with λ integrated out: the chance of any order were leaving not to stop them, over p.
        answer[rest] = _over_chances_to_leave(
            lambda p, w, r: -np.expm1(-r * np.log1p(p * w)) / p, w[rest], r[rest], a, b[rest]
        )
    return answer


def _expected_pairs(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
    """E[X(t)(X(t) − 1)] of a new customer: 2∫ s E[λ²(1 − p) e^(−λps)] ds, because p acts between any two orders.

    With λ integrated out the integral is a negative binomial's chance of two or more, an incomplete beta.
    """
    answer = _over_chances_to_leave(
        lambda p, w, r: 2 * (1 - p) * _so_many_or_more(2.0, r, p * w) / p**2,
        np.ravel(w),
        np.ravel(r),
        a,
        np.ravel(b),
    )
    return answer.reshape(np.shape(w))


def _so_many_or_more(n: Numbers | float, r: Numbers | float, w: Numbers) -> Numbers:
    """The chance of n > 0 orders or more in w = t/α, were nobody to leave: Poisson where all order at one rate."""
    r = np.asarray(r, float)
    one_rate = r > NEARLY_ONE_RATE
    differing = special.betainc(n, np.where(one_rate, 1.0, r), w / (1 + w))
    return np.where(one_rate, special.gammainc(n, r * w), differing) if one_rate.any() else differing


def _over_chances_to_leave(
    of: Callable[[Numbers, Numbers, Numbers], Numbers], w: Numbers, r: Numbers, a: float, b: Numbers
) -> Numbers:
    """E[of(p, w, r)] over p ~ beta(a, b), by the double exponential rule on the logit of p around its centre.

    The density is taken relative to that at the centre, where it cannot cancel, and scaled to a sum of 1.
    """
    answer = np.empty(len(w))
    one_chance = 1 / a + 1 / b < NEARLY_ONE_CHANCE
    answer[one_chance] = of(a / (a + b[one_chance]), w[one_chance], r[one_chance])
    others = np.flatnonzero(~one_chance)
    for start in range(0, len(others), 2000):
        some = others[start : start + 2000]
        w_, r_, b_ = w[some, None], r[some, None], b[some, None]
        width = np.minimum(1.0, np.sqrt(1 / a + 1 / b_))
        reach = np.log1p(w_ * (1 + r_)) + 40 / np.minimum(a, b_) + 40 * width
        end = np.arcsinh(reach / width)
        grow = np.exp(end * np.linspace(-1, 1, 601))
        off = width * (grow - 1 / grow) / 2
        # Seen from the rarer of leaving and staying: log(share · e^off + 1 − share), exact also near 0.
        rarer, seen = np.minimum(a, b_), np.where(a <= b_, off, -off)
        share = rarer / (a + b_)
        grown = np.log1p(share * np.expm1(np.minimum(seen, 700.0))) + np.maximum(seen - 700.0, 0.0)
        log_p = np.where(a <= b_, np.log(share) + off, np.log1p(-share)) - grown
        weight = np.exp(rarer * seen - (a + b_) * grown) * (grow + 1 / grow)
        weight /= weight.sum(axis=1, keepdims=True)
        answer[some] = (weight * of(np.exp(np.maximum(log_p, -300.0)), w_, r_)).sum(axis=1)
    return answer


def _rough_start(base: CustomerBase) -> list[Numbers]:
    """Where the maximum lies for the same customers with rounded times: so few histories that it costs nothing."""
    if len(base) <= MANY_HISTORIES:
        return []
    grain = float(base.T.max()) / 32
    t_x, T = (np.ceil(time / grain) * grain for time in (base.t_x, base.T))
    try:
        return [maximise(_likelihood(merge_histories(base.x, t_x, T, base.customers)), STARTS, BetaGeoNBD.symbols)[0]]
    except FitDidNotConverge:
        return []


def _likelihood(base: CustomerBase) -> Likelihood:
    """The log-likelihood of the merged histories with gradient and Hessian, in log-parameters.

    Gamma functions are evaluated once per distinct x; what remains per history are logarithms and products. Written
    in differences that stay exact where r and alpha, or a and b, run to infinity together.
    """
    values, place = np.unique(base.x, return_inverse=True)
    per_value = np.bincount(place, base.customers)
    n, x, t_x, T = base.customers, base.x, base.t_x, base.T
    # Histories are sorted by x, so that those without a repeat order, who cannot have left, come first.
    first = int(np.searchsorted(x, 0.5))
    n1, x1, t1, T1, place1 = n[first:], x[first:], t_x[first:], T[first:], place[first:]
    n0, T0 = n[:first], T[:first]

    def likelihood(log_parameters: Numbers) -> tuple[float, Numbers, Numbers]:
        r, alpha, a, b = theta = np.exp(log_parameters)
        near, far = 1 / (alpha + t1), 1 / (alpha + T1)
        past = np.log1p(T1 / alpha)  # log(α + T) − log α
        gap, s = np.log1p((T1 - t1) * near), r + x1
        margin = np.where(values > 0, b + (values - 1), 1.0)
        odds = s * gap + (np.log(a) - np.log(margin))[place1]
        # One exponential gives both log(1 + e^odds) and the share gone, without overflow.
        small = np.exp(-np.abs(odds))
        either = np.maximum(odds, 0.0) + np.log(1 + small)
        gone = np.where(odds > 0, 1.0, small) / (1 + small)
        far0 = 1 / (alpha + T0)
        past0 = np.log1p(T0 / alpha)

        ng = n1 * gone
        spread = ng * (1 - gone)
        gone_at = np.bincount(place1, ng, minlength=len(values))
        spread_at = np.bincount(place1, spread, minlength=len(values))

        lost, lost0 = T1 / alpha * far, T0 / alpha * far0  # 1/α − 1/(α + T)
        value = (
            per_value @ (log_gamma_step(r, values) + log_gamma_step(b, values) - log_gamma_step(a + b, values))
            - r * (n0 @ past0) - n1 @ (s * past) - np.log(alpha) * (n1 @ x1) + n1 @ either
        )  # fmt: skip

        closer = (t1 - T1) * near * far  # 1/(α + T) − 1/(α + t)
        d_alpha = s * closer  # of the odds; of r it is the gap, of a 1/a, of b −1/(b + x − 1)
        d_b = np.where(values > 0, -1 / margin, 0.0)
        s_ng = s * ng
        left_total = ng.sum()
        gradient = np.array([
            per_value @ psi_step(r, values) - n0 @ past0 - n1 @ past + ng @ gap,
            r * (n0 @ lost0 + n1 @ lost) - n1 @ (x1 * far) + ng @ d_alpha,
            left_total / a - per_value @ psi_step(a + b, values),
            per_value @ (psi_step(b, values) - psi_step(a + b, values)) + gone_at @ d_b,
        ])  # fmt: skip

        mixed = -(per_value @ psi1_step(a + b, values))
        spread_gap, spread_alpha = spread * gap, spread * d_alpha
        d_b_at = d_b[place1]
        h = np.empty((4, 4))
        h[0, 0] = per_value @ psi1_step(r, values) + spread_gap @ gap
        h[0, 1] = n0 @ lost0 + n1 @ lost + ng @ closer + spread_gap @ d_alpha
        h[0, 2] = spread_gap.sum() / a
        h[0, 3] = spread_gap @ d_b_at
        h[1, 1] = (
            n1 @ (x1 * far**2) - r * (n0 @ (lost0 * (1 / alpha + far0)) + n1 @ (lost * (1 / alpha + far)))
            - s_ng @ (closer * (far + near)) + spread_alpha @ d_alpha
        )  # fmt: skip
        h[1, 2] = spread_alpha.sum() / a
        h[1, 3] = spread_alpha @ d_b_at
        h[2, 2] = mixed + (spread.sum() - left_total) / a**2
        h[2, 3] = mixed + spread_at @ d_b / a
        h[3, 3] = mixed + per_value @ psi1_step(b, values) + (gone_at + spread_at) @ d_b**2
        h = np.triu(h) + np.triu(h, 1).T
        return float(value), theta * gradient, np.outer(theta, theta) * h + np.diag(theta * gradient)

    return likelihood
