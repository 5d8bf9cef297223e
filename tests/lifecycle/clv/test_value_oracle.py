"""Customer lifetime value from first principles: what one customer would do, averaged over all whom it may be.

Nothing here knows a closed form of a model. What one customer does, if rate, leaving and spend were known, is written
down; it is then averaged over all rates, leavings and spends with their prior and likelihood, by the trapezoid rule on
logarithmic axes, where that rule is exact to rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import special

from crmlib.lifecycle.clv import predict
from crmlib.models import BetaGeoNBD, GammaGamma, ModifiedBetaGeoNBD, ParetoNBD

P, Q, V = 3.0, 4.5, 30.0
SPEND = GammaGamma(p=P, q=Q, v=V)
HISTORIES = [(0, 0.0, 30.0), (1, 4.0, 38.0), (3, 20.0, 39.0), (12, 38.5, 39.0), (40, 25.0, 26.0)]
MEAN_SPENDS = [0.0, 12.0, 35.0, 90.0, 21.0]
MARGIN, RATE = 0.4, 0.15

STEP = 0.11
log_rate = np.arange(-40, 4, STEP)[:, None]  # a week
log_odds = np.arange(-45, 25, STEP)[None, :]  # of leaving after an order
log_leaving = np.arange(-50, 4, STEP)[None, :]  # a week


class Customers(NamedTuple):
    """What customers may be, with weights (their sum is the likelihood), and what such a customer does."""

    alive: np.ndarray
    gone: np.ndarray
    rate: np.ndarray
    leaves: np.ndarray  # a week, while alive

    def mean_if_alive(self, of: np.ndarray) -> float:
        return float((self.alive * of).sum() / self.alive.sum())

    @property
    def p_alive(self) -> float:
        return float(self.alive.sum() / (self.alive.sum() + self.gone.sum()))

    def expected_orders(self, weeks: float) -> float:
        """In a time t a customer who leaves at rate μ is there for (1 − e^(−μt)) / μ."""
        there = -np.expm1(-self.leaves * weeks) / self.leaves
        return self.p_alive * self.mean_if_alive(self.rate * there)

    def residual_orders(self, discount: float) -> float:
        return self.p_alive * self.mean_if_alive(self.rate / (self.leaves + discount))


def leaving_at_orders(model: Any, x: int, t_x: float, T: float, first: int) -> Customers:
    """Customers who leave with chance p after an order; ``first``: 1 where also after the very first."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    rate, p = np.exp(log_rate), special.expit(log_odds)
    log_p, log_stays = special.log_expit(log_odds), special.log_expit(-log_odds)
    prior = (r * log_rate - alpha * rate + r * np.log(alpha) - special.gammaln(r)) + (
        a * log_p + b * log_stays - special.betaln(a, b)
    )
    chances = x + first  # so many times they might have left
    alive = np.exp(prior + x * log_rate - rate * T + chances * log_stays)
    gone = np.exp(prior + x * log_rate - rate * t_x + log_p + (chances - 1) * log_stays) if chances else 0 * alive
    return Customers(alive, gone, rate, rate * p)


def leaving_at_any_time(model: ParetoNBD, x: int, t_x: float, T: float) -> Customers:
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    rate, leaves = np.exp(log_rate), np.exp(log_leaving)
    prior = (r * log_rate - alpha * rate + r * np.log(alpha) - special.gammaln(r)) + (
        s * log_leaving - beta * leaves + s * np.log(beta) - special.gammaln(s)
    )
    both = rate + leaves
    alive = np.exp(prior + x * log_rate - both * T)
    # Left at some time between the last order and now: ∫ μ e^(−(λ + μ) τ) dτ.
    gone = np.exp(prior + x * log_rate - both * t_x) * leaves * -np.expm1(-both * (T - t_x)) / both
    return Customers(alive, gone, rate, leaves)


def expected_spend(x: int, mean_spend: float) -> float:
    """A customer's orders are gamma (p, ν), ν is gamma (q, v), and p / ν is what they spend on average."""
    log_scale = np.linspace(-60, 12, 20_001)
    weight = np.exp((P * x + Q) * log_scale - (V + x * mean_spend) * np.exp(log_scale))
    return float((weight * P / np.exp(log_scale)).sum() / weight.sum())


MODELS = [
    (BetaGeoNBD(r=0.8, alpha=6.0, a=0.9, b=2.5), lambda model, *history: leaving_at_orders(model, *history, first=0)),
    (
        ModifiedBetaGeoNBD(r=0.8, alpha=6.0, a=0.9, b=2.5),
        lambda model, *history: leaving_at_orders(model, *history, first=1),
    ),
    (ParetoNBD(r=0.7, alpha=9.0, s=0.6, beta=12.0), leaving_at_any_time),
]
each_model = pytest.mark.parametrize(("model", "customers"), MODELS, ids=[type(model).__name__ for model, _ in MODELS])


@each_model
def test_each_answer_of_a_model_is_the_average_over_all_customers(model: Any, customers: Any) -> None:
    discount = np.log1p(RATE) * 7 / 365
    for x, t_x, T in HISTORIES:
        known = customers(model, x, t_x, T)
        likelihood = (known.alive.sum() + known.gone.sum()) * STEP**2
        assert model.log_likelihood(x, t_x, T) == pytest.approx(np.log(likelihood), abs=1e-8)
        assert model.p_alive(x, t_x, T) == pytest.approx(known.p_alive, rel=1e-8)
        for weeks in (1.0, 52.0, 2000.0):
            assert model.expected_orders(weeks, x, t_x, T) == pytest.approx(known.expected_orders(weeks), rel=1e-8)
        assert model.residual_orders(x, t_x, T, discount) == pytest.approx(known.residual_orders(discount), rel=1e-8)


@each_model
def test_lifetime_value_is_margin_times_spend_times_discounted_orders(model: Any, customers: Any) -> None:
    table = pd.DataFrame(HISTORIES, columns=["frequency", "recency", "T"])
    table = table.assign(customer_id=list("abcde"), monetary=MEAN_SPENDS)
    predicted = predict(
        table, "730D", orders_model=model, spend_model=SPEND, margin=MARGIN, discount_rate=RATE, confidence=None
    ).set_index("customer_id")
    for name, (x, t_x, T), m in zip("abcde", HISTORIES, MEAN_SPENDS, strict=True):
        known, spend = customers(model, x, t_x, T), expected_spend(x, m)
        # Twenty-four steps of a twelfth of a year, each discounted from its middle.
        until = [known.expected_orders(step * 365 / 12 / 7) for step in range(25)]
        discounted = sum((1 + RATE) ** (-(step + 0.5) / 12) * (until[step + 1] - until[step]) for step in range(24))
        row = predicted.loc[name]
        assert row["expected_spend"] == pytest.approx(spend, rel=1e-9)
        assert row["expected_orders"] == pytest.approx(until[-1], rel=1e-6)
        assert row["clv"] == pytest.approx(MARGIN * spend * discounted, rel=1e-6)
        without_end = MARGIN * spend * known.residual_orders(np.log1p(RATE) * 7 / 365)
        assert row["residual_clv"] == pytest.approx(without_end, rel=1e-6)
