"""Customers who may leave after each order: what is expected of one who is alive, exactly, for any parameters.

BG/NBD and MBG/NBD share this. A customer orders at rate λ ~ gamma (r, α) and after each order leaves with chance
p ~ beta (a, b); times come as w = t/α.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from crmlib.lifecycle.clv.maximum_likelihood import Numbers
from crmlib.lifecycle.clv.orders_model import Future

# Where customers hardly differ, parameters run to infinity: all leave with one chance p = a/(a + b), or all order at
# one rate r/α. Library functions fail long before, so beyond these sizes the limits are taken, which differ from the
# truth by 1e-9 at most.
NEARLY_ONE_CHANCE = 1e-10  # 1/a + 1/b: the variance of the logit of p
NEARLY_ONE_RATE = 1e10  # r
LARGEST_CLOSED = 1e6  # of a, b and r in the closed form with 2F1


def expected_orders(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
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
        answer[rest] = over_chances_to_leave(
            lambda p, w, r: -np.expm1(-r * np.log1p(p * w)) / p, w[rest], r[rest], a, b[rest]
        )
    return answer


def expected_order_pairs(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
    """E[X(t)(X(t) − 1)] of a new customer: 2∫ s E[λ²(1 − p) e^(−λps)] ds, because p acts between any two orders.

    With λ integrated out the integral is a negative binomial's chance of two or more, an incomplete beta.
    """
    answer = over_chances_to_leave(
        lambda p, w, r: 2 * (1 - p) * so_many_or_more(2.0, r, p * w) / p**2,
        np.ravel(w),
        np.ravel(r),
        a,
        np.ravel(b),
    )
    return answer.reshape(np.shape(w))


def so_many_or_more(n: Numbers | float, r: Numbers | float, w: Numbers) -> Numbers:
    """The chance of n > 0 orders or more in w = t/α, were nobody to leave: Poisson where all order at one rate."""
    r = np.asarray(r, float)
    one_rate = r > NEARLY_ONE_RATE
    differing = special.betainc(n, np.where(one_rate, 1.0, r), w / (1 + w))
    return np.where(one_rate, special.gammainc(n, r * w), differing) if one_rate.any() else differing


def over_chances_to_leave(
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


def residual_orders(w: Numbers, r: Numbers, a: float, b: Numbers) -> Numbers:
    """All orders that alive customers will ever place, discounted at w = discount · α: E[λ / (λp + discount)]."""
    raise NotImplementedError


def simulate(
    t: float, r: Numbers, alpha: Numbers, a: float, b: Numbers, random: np.random.Generator, discount: float
) -> Future:
    """One future of each alive customer: N orders would come in ``t``, and after the G-th they leave."""
    size = np.shape(r)
    rate = random.standard_gamma(r) / alpha
    # Of p = first / (first + second) as a ratio of gammas, so that it stays above 0 however small.
    leave, stay = random.standard_gamma(a, size), random.standard_gamma(b)
    p = np.clip(leave / np.maximum(leave + stay, 1e-300), 1e-12, 1.0)
    last = random.geometric(p).astype(float)
    orders = np.minimum(random.poisson(rate * t), last)
    if discount <= 0:
        return Future(orders, np.zeros(size))
    # Given when they leave, orders come evenly until then: λ(1 − e^(−δτ))/δ, with the last one at τ itself.
    lifetime = random.standard_gamma(last) / np.maximum(rate, 1e-300)
    return Future(orders, _discounted_until(last, lifetime, discount))


def _discounted_until(orders: Numbers, lifetime: Any, discount: float) -> Numbers:
    """So many orders, the last at ``lifetime`` and the others evenly before it, each discounted."""
    left = np.exp(-discount * lifetime)
    span = np.maximum(discount * lifetime, 1e-12)
    return (orders - 1) * -np.expm1(-span) / span + left
