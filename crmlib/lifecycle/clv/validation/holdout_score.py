"""How likely a model held what then happened: the probability of every count of orders, given a history.

The logarithm of that probability is a proper score: nobody can improve it by saying anything but what they believe.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from crmlib.lifecycle.clv.validation.holdout import check_unit
from crmlib.models.arrays import Numbers
from crmlib.models.leaving_at_orders import LeavingAtOrders, so_many_or_more
from crmlib.models.maximum_likelihood import log_gamma_step
from crmlib.models.orders_model import OrdersModel, broadcast, check_counts, check_times, histories
from crmlib.models.pareto_nbd import ParetoNBD

# Of the Gauss–Legendre rule over the time at which a customer leaves; where more than so many orders are behind or
# ahead of a customer, each count has a narrow peak, and so many panels are taken.
NODES = 64
MANY = 100
PANELS = 12
# A count to which a model gives no chance at all would make every other count irrelevant.
LEAST_CHANCE = 1e-300


def count_probability(model: OrdersModel, n: Any, t: Any, x: Any, t_x: Any, T: Any) -> Numbers:
    """The probability that a customer with this history places exactly ``n`` orders in the next ``t``.

    Exact for BG/NBD, MBG/NBD and Pareto/NBD: given that they are alive, customers are like new ones from a base with
    other parameters. For another model, orders of those alive are taken as negative binomial with the model's mean
    and variance. ``t, t_x, T`` in the model's unit; arrays of one shape, or such as broadcast against each other.
    Raises ``CustomerBaseInvalid`` for histories that cannot be true, ``ValueError`` for an ``n`` that is no count and
    for a ``t`` that is negative or not finite.

    >>> from crmlib.models import BetaGeoNBD
    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> count_probability(model, [0, 1, 2], 39, x=2, t_x=30.43, T=38.86).round(3)
    array([0.445, 0.239, 0.144])
    """
    x, t_x, T = histories(x, t_x, T)
    n, t, x, t_x, T = broadcast(n, t, x, t_x, T)
    p_alive = model.p_alive(x, t_x, T)
    return p_alive * count_probability_if_alive(model, n, t, x, T) + (1 - p_alive) * (n == 0)


def count_probability_if_alive(model: OrdersModel, n: Any, t: Any, x: Any, T: Any) -> Numbers:
    """The probability that surely alive customers place exactly ``n`` orders in the next ``t``; see above."""
    check_counts(n=n, x=x)
    check_times(t=t, T=T)
    n, t, x, T = broadcast(n, t, x, T)
    given = {symbol: getattr(model, symbol) for symbol in model.symbols}
    if isinstance(model, LeavingAtOrders):
        return _leaving_at_orders(n, t, x, T, **given, occasions=x + model.occasions_at_first)
    if isinstance(model, ParetoNBD):
        return _leaving_any_time(n, t, x, T, **given)
    return _same_mean_and_variance(model, n, t, x, T)


def log_scores(frame: pd.DataFrame, model: OrdersModel) -> Numbers:
    """The log-probability that the model gave to each customer's holdout orders, before they were seen.

    ``frame``: a summary with a holdout. Parameters are held at their estimate.
    """
    check_unit(frame, model)
    columns = ["holdout_orders", "holdout_length", "frequency", "recency", "T"]
    group = frame.groupby(columns, sort=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    n, t, x, t_x, T = (frame[name].to_numpy(dtype=float)[first] for name in columns)
    return np.log(np.maximum(count_probability(model, n, t, x, t_x, T), LEAST_CHANCE))[group]


def _log_orders(n: Numbers, t: Numbers, x: Numbers, T: Numbers, r: float, alpha: float) -> Numbers:
    """The log-probability of n orders in ``t`` from those who stay, after x orders until T: negative binomial."""
    # Gamma functions step from r, not from r + x, because only a number can be exact where it is huge.
    steps = log_gamma_step(r, x + n) - log_gamma_step(r, x)
    late = np.log1p(t / (alpha + T))
    share = np.log(np.maximum(t, 1e-300)) - np.log(alpha + T) - late
    return steps - special.gammaln(n + 1) - (r + x) * late + np.where(n > 0, n * share, 0.0)


def _leaving_at_orders(
    n: Numbers, t: Numbers, x: Numbers, T: Numbers, *, r: float, alpha: float, a: float, b: float,
    occasions: Numbers,
) -> Numbers:  # fmt: skip
    """They stay for n orders, or leave right after the n-th of at least n (Fader, Hardie & Lee 2005, equation 8)."""

    def step(z: float, more: Numbers) -> Numbers:
        return log_gamma_step(z, occasions + more) - log_gamma_step(z, occasions)

    stay = np.exp(step(b, n) - step(a + b, n) + _log_orders(n, t, x, T, r, alpha))
    some = np.maximum(n, 1.0)
    leave = a * np.exp(step(b, some - 1) - step(a + b, some)) * so_many_or_more(some, r + x, t / (alpha + T))
    return stay + np.where(n > 0, leave, 0.0)


def _leaving_any_time(
    n: Numbers, t: Numbers, x: Numbers, T: Numbers, *, r: float, alpha: float, s: float, beta: float
) -> Numbers:
    """They stay for all of ``t``, or leave at some τ in it and place n orders until then: an integral over τ."""
    shape = n.shape
    n, t, x, T = (np.ravel(values) for values in (n, t, x, T))
    stay = np.exp(-s * np.log1p(t / (beta + T)) + _log_orders(n, t, x, T, r, alpha))
    # Over v = log(1 + τ/(β + T)) the chance to leave is s·e^(−sv), and all is smooth.
    leave = np.zeros(len(n))
    many = (r + x > MANY) | ((r + x) * t > MANY * (alpha + T))
    for rows, (nodes, weights) in ((np.flatnonzero(~many), _rule(1, 1)), (np.flatnonzero(many), _rule(PANELS, 4))):
        for start in range(0, len(rows), 5_000):
            some = rows[start : start + 5_000]
            n_, t_, x_, T_ = (values[some, None] for values in (n, t, x, T))
            end = np.log1p(t_ / (beta + T_))
            v = end * nodes
            log_chance = np.log(s) - s * v + _log_orders(n_, (beta + T_) * np.expm1(v), x_, T_, r, alpha)
            leave[some] = (np.exp(log_chance) @ weights) * end[:, 0]
    return (stay + leave).reshape(shape)


def _rule(panels: int, power: int) -> tuple[Numbers, Numbers]:
    """Nodes and weights on [0, 1], in panels and dense near 0, where many orders leave only a narrow peak."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    u = ((np.arange(panels)[:, None] + (nodes + 1) / 2) / panels).ravel()
    return u**power, np.tile(weights / 2 / panels, panels) * power * u ** (power - 1)


def _same_mean_and_variance(model: OrdersModel, n: Numbers, t: Numbers, x: Numbers, T: Numbers) -> Numbers:
    mean = np.maximum(model.expected_orders_if_alive(t, x, T), LEAST_CHANCE)
    pairs = model.expected_order_pairs_if_alive(t, x, T)
    # E[Y(Y − 1)] = mean² (1 + 1/shape); without excess it is a Poisson, which a huge shape is.
    shape = 1 / np.maximum(pairs / mean**2 - 1, 1e-9)
    return np.exp(
        special.gammaln(shape + n) - special.gammaln(shape) - special.gammaln(n + 1)
        - shape * np.log1p(mean / shape) + n * (np.log(mean) - np.log(shape + mean))
    )  # fmt: skip
