"""BG/NBD: how many orders a customer will still place, and whether they are still a customer.

While alive, a customer orders at random times at rate λ; after any order they leave for good with probability p.
λ differs between customers as a gamma (r, α), p as a beta (a, b). One who never came back has had no occasion to
leave, so that P(alive) is 1 for every one-time buyer: mind that when these are many.

Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model",
Marketing Science 24(2), 275–284; equation numbers below are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from crmlib.lifecycle.clv import leaving_at_orders
from crmlib.lifecycle.clv.customer_base import CustomerBase, Numbers
from crmlib.lifecycle.clv.maximum_likelihood import (
    Estimate,
    Likelihood,
    log_gamma_step,
    positive,
    psi1_step,
    psi_step,
)
from crmlib.lifecycle.clv.orders_model import Future, OrdersModel, broadcast, histories
from crmlib.lifecycle.clv.preparation import Unit, days_per_unit

# r, α (over the mean age), a, b: a typical base first, then ones with quicker, slower and rarer leaving.
STARTS = list(np.log([(0.5, 0.5, 0.8, 2.5), (1.0, 1.0, 0.5, 8.0), (3.0, 2.0, 2.0, 4.0), (0.2, 0.2, 0.1, 1.0)]))


class BetaGeoNBD(OrdersModel):
    """The BG/NBD model: from known parameters, or ``BetaGeoNBD.fit(summary)``.

    r, alpha: how order rates differ (alpha in ``unit``); a, b: how the chance to leave after an order differs.

    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259, unit="weeks")
    >>> model
    BetaGeoNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)
    >>> model.expected_orders(39, x=2, t_x=30.43, T=38.86).round(3).item()
    1.226
    """

    symbols = ("r", "alpha", "a", "b")
    times = ("alpha",)

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
    def starts(cls) -> Sequence[Numbers]:
        return STARTS

    @classmethod
    def likelihood(cls, base: CustomerBase) -> Likelihood:
        return _likelihood(base)

    def log_likelihood(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The log-likelihood of each history (equation 6); arrays of one shape.

        >>> BetaGeoNBD(r=1, alpha=1, a=1, b=1).log_likelihood(0, 0, 1).round(4).item()
        -0.6931
        """
        x, t_x, T = histories(x, t_x, T)
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        return (
            log_gamma_step(r, x) - x * np.log(alpha + T) - r * np.log1p(T / alpha)
            + log_gamma_step(b, x) - log_gamma_step(a + b, x)
            + np.logaddexp(0.0, self.log_odds_gone(x, t_x, T))
        )  # fmt: skip

    def expected_orders_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """Expected orders in the next ``t`` of customers who are surely alive after x repeat orders until T.

        Such a customer is like a new one from a base with r + x, α + T, a, b + x.
        """
        t, x, T = broadcast(t, x, T)
        return leaving_at_orders.expected_orders(t / (self.alpha + T), self.r + x, self.a, self.b + x)

    def expected_order_pairs_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """E[Y(Y − 1)] of the orders Y in the next ``t`` of customers who are surely alive: with it goes Var(Y)."""
        t, x, T = broadcast(t, x, T)
        return leaving_at_orders.expected_order_pairs(t / (self.alpha + T), self.r + x, self.a, self.b + x)

    def residual_orders_if_alive(self, x: Any, T: Any, discount: float) -> Numbers:
        """All orders that surely alive customers will ever place, each discounted: E[λ / (λp + discount)]."""
        x, T = broadcast(x, T)
        return leaving_at_orders.residual_orders(discount * (self.alpha + T), self.r + x, self.a, self.b + x)

    def simulate_if_alive(
        self, t: float, x: Numbers, T: Numbers, random: np.random.Generator, *, discount: float = 0.0
    ) -> Future:
        """One future of each surely alive customer, from their own λ and p given x and T."""
        return leaving_at_orders.simulate(t, self.r + x, self.alpha + T, self.a, self.b + x, random, discount)

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
        n, t = broadcast(n, t)
        r, a, b, z = self.r, self.a, self.b, t / (self.alpha + t)
        alive = np.exp(
            log_gamma_step(b, n) - log_gamma_step(a + b, n) + log_gamma_step(r, n)
            - special.gammaln(n + 1) - r * np.log1p(t / self.alpha) + special.xlogy(n, z)
        )  # fmt: skip
        # The finite sum of the paper is a negative binomial's tail, which the incomplete beta gives without cancelling.
        some = np.maximum(n, 1.0)
        left = a * np.exp(log_gamma_step(b, some - 1) - log_gamma_step(a + b, some))
        left = left * leaving_at_orders.so_many_or_more(some, r, t / self.alpha)
        return alive + np.where(n > 0, left, 0.0)

    def log_odds_gone(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The logarithm of P(gone) / P(alive) at T; −∞ for x = 0 (see the module).

        Source: Fader & Hardie, "Computing P(alive) using the BG/NBD model" (2008).
        """
        x, t_x, T = histories(x, t_x, T)
        with np.errstate(divide="ignore"):
            odds = np.log(self.a) - np.log(np.where(x > 0, self.b + (x - 1), 1.0))
            odds = odds + (self.r + x) * np.log1p((T - t_x) / (self.alpha + t_x))
        return np.where(x > 0, odds, -np.inf)


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
