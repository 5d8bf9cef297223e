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
from crmlib.lifecycle.clv.maximum_likelihood import Estimate, FittedModel, Likelihood, maximise, positive, with_prior
from crmlib.lifecycle.clv.preparation import Unit, days_per_unit

# r, α (over the mean age), a, b: a typical base first, then ones with quicker, slower and rarer leaving.
STARTS = list(np.log([(0.5, 0.5, 0.8, 2.5), (1.0, 1.0, 0.5, 8.0), (3.0, 2.0, 2.0, 4.0), (0.2, 0.2, 0.1, 1.0)]))

# Beyond this many distinct histories a rough fit first saves time, and the normal approximation is so good that
# weighting its draws is not worth the time.
MANY_HISTORIES = 20_000


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
            special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
            + special.gammaln(a + b) - special.gammaln(b) + special.gammaln(b + x) - special.gammaln(a + b + x)
            - (r + x) * np.log(alpha + T) + np.logaddexp(0.0, self._log_odds_gone(x, t_x, T))
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
        log_beta = special.betaln(a, b)
        alive = np.exp(
            special.betaln(a, b + n) - log_beta + special.gammaln(r + n) - special.gammaln(r)
            - special.gammaln(n + 1) - r * np.log1p(t / self.alpha) + special.xlogy(n, z)
        )  # fmt: skip
        # The finite sum of the paper is a negative binomial's tail, which the incomplete beta gives without cancelling.
        some = np.maximum(n, 1.0)
        left = np.exp(special.betaln(a + 1, b + some - 1) - log_beta) * special.betainc(some, r, z)
        return alive + np.where(n > 0, left, 0.0)

    def _log_odds_gone(self, x: Numbers, t_x: Numbers, T: Numbers) -> Numbers:
        with np.errstate(divide="ignore"):
            odds = np.log(self.a) - np.log(np.where(x > 0, self.b + x - 1, 1.0))
            odds = odds + (self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + t_x))
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
    is large, and it cancels where that is far below 0. There E[(1 − e^(−λpt))/p] is integrated over p instead.
    """
    c, z = a + b - 1, w / (1 + w)
    d = 1 + r - a
    near_one_fails = (np.abs(d - np.round(d)) < 1e-3) | (c - r > 30)
    closed = (abs(a - 1) > 1e-4) & (c > 0.05) & (c - r > -5) & ((z < 0.9) | ~near_one_fails)
    answer = np.full(np.shape(w), np.nan)
    if np.any(closed):
        r_, c_ = r[closed], c[closed]
        with np.errstate(all="ignore"):
            kept = np.log(special.hyp2f1(c_ - r_, a - 1, c_, z[closed])) - (a - 1) * np.log1p(w[closed])
            answer[closed] = -c_ / (a - 1) * np.expm1(kept)
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
        lambda p, w, r: 2 * (1 - p) * special.betainc(2.0, r, p * w / (1 + p * w)) / p**2,
        np.ravel(w),
        np.ravel(r),
        a,
        np.ravel(b),
    )
    return answer.reshape(np.shape(w))


def _over_chances_to_leave(
    of: Callable[[Numbers, Numbers, Numbers], Numbers], w: Numbers, r: Numbers, a: float, b: Numbers
) -> Numbers:
    """E[of(p, w, r)] over p ~ beta(a, b), by the double exponential rule on the logit of p around its centre."""
    answer = np.empty(len(w))
    for start in range(0, len(w), 2000):
        some = slice(start, start + 2000)
        w_, r_, b_ = w[some, None], r[some, None], b[some, None]
        width = np.minimum(1.0, np.sqrt(1 / a + 1 / b_))
        reach = np.log1p(w_ * (1 + r_)) + 40 / np.minimum(a, b_) + 40 * width
        end = np.arcsinh(reach / width)
        s = end * np.linspace(-1, 1, 601)
        logit = np.log(a / b_) + width * np.sinh(s)
        log_p, log_stay = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        weight = np.exp(a * log_p + b_ * log_stay - special.betaln(a, b_)) * width * np.cosh(s) * end / 300
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

    Gamma functions are evaluated once per distinct x; what remains per history are logarithms and products.
    """
    values, place = np.unique(base.x, return_inverse=True)
    per_value = np.bincount(place, base.customers)
    total = float(base.customers.sum())
    n, x, t_x, T = base.customers, base.x, base.t_x, base.T
    # Histories are sorted by x, so that those without a repeat order, who cannot have left, come first.
    first = int(np.searchsorted(x, 0.5))
    n1, x1, t1, T1, place1 = n[first:], x[first:], t_x[first:], T[first:], place[first:]
    n0, T0 = n[:first], T[:first]

    def likelihood(log_parameters: Numbers) -> tuple[float, Numbers, Numbers]:
        r, alpha, a, b = theta = np.exp(log_parameters)
        psi, psi1 = special.psi, lambda v: special.polygamma(1, v)

        until_T = np.log(alpha + T1)
        near, far = 1 / (alpha + t1), 1 / (alpha + T1)
        gap, s = until_T - np.log(alpha + t1), r + x1
        margin = np.where(values > 0, b + values - 1, 1.0)
        odds = s * gap + (np.log(a) - np.log(margin))[place1]
        # One exponential gives both log(1 + e^odds) and the share gone, without overflow.
        small = np.exp(-np.abs(odds))
        either = np.maximum(odds, 0.0) + np.log(1 + small)
        gone = np.where(odds > 0, 1.0, small) / (1 + small)
        far0 = 1 / (alpha + T0)
        until_T0 = np.log(alpha + T0)

        ng = n1 * gone
        spread = ng * (1 - gone)
        gone_at = np.bincount(place1, ng, minlength=len(values))
        spread_at = np.bincount(place1, spread, minlength=len(values))

        r_x, b_x, ab_x = r + values, b + values, a + b + values
        value = (
            per_value @ (special.gammaln(r_x) + special.gammaln(b_x) - special.gammaln(ab_x))
            + total * (r * np.log(alpha) - special.gammaln(r) + special.gammaln(a + b) - special.gammaln(b))
            - r * (n0 @ until_T0) - n1 @ (s * until_T) + n1 @ either
        )  # fmt: skip

        d_alpha = s * (far - near)  # of the odds; of r it is the gap, of a 1/a, of b −1/(b + x − 1)
        d_b = np.where(values > 0, -1 / margin, 0.0)
        s_ng = s * ng
        left_total = ng.sum()
        gradient = np.array([
            per_value @ psi(r_x) + total * (np.log(alpha) - psi(r)) - n0 @ until_T0 - n1 @ until_T + ng @ gap,
            total * r / alpha - r * (n0 @ far0) - n1 @ (s * far) + ng @ d_alpha,
            total * psi(a + b) - per_value @ psi(ab_x) + left_total / a,
            total * (psi(a + b) - psi(b)) + per_value @ (psi(b_x) - psi(ab_x)) + gone_at @ d_b,
        ])  # fmt: skip

        mixed = total * psi1(a + b) - per_value @ psi1(ab_x)
        spread_gap, spread_alpha = spread * gap, spread * d_alpha
        d_b_at = d_b[place1]
        h = np.empty((4, 4))
        h[0, 0] = per_value @ psi1(r_x) - total * psi1(r) + spread_gap @ gap
        h[0, 1] = total / alpha - n0 @ far0 - n1 @ far + ng @ (far - near) + spread_gap @ d_alpha
        h[0, 2] = spread_gap.sum() / a
        h[0, 3] = spread_gap @ d_b_at
        h[1, 1] = (
            -total * r / alpha**2 + r * (n0 @ far0**2) + n1 @ (s * far**2)
            - s_ng @ (far**2 - near**2) + spread_alpha @ d_alpha
        )  # fmt: skip
        h[1, 2] = spread_alpha.sum() / a
        h[1, 3] = spread_alpha @ d_b_at
        h[2, 2] = mixed + (spread.sum() - left_total) / a**2
        h[2, 3] = mixed + spread_at @ d_b / a
        h[3, 3] = mixed + per_value @ psi1(b_x) - total * psi1(b) + (gone_at + spread_at) @ d_b**2
        h = np.triu(h) + np.triu(h, 1).T
        return float(value), theta * gradient, np.outer(theta, theta) * h + np.diag(theta * gradient)

    return likelihood
