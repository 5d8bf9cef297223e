"""MBG/NBD: the published fit, what the first order as an occasion to leave changes, and recovery of the truth.

That each answer agrees with an independent calculation is in test_leaving_at_orders.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special

from crmlib.models import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlib.models.customer_base import read_histories

PUBLISHED = ModifiedBetaGeoNBD(r=0.5248, alpha=6.1831, a=0.8914, b=1.6140, unit="weeks")


@pytest.fixture(scope="module")
def fitted(cdnow: pd.DataFrame) -> ModifiedBetaGeoNBD:
    return ModifiedBetaGeoNBD.fit(cdnow)


def test_the_published_fit_is_reproduced(fitted: ModifiedBetaGeoNBD) -> None:
    assert round(fitted.log_likelihood_, 3) == -9582.136
    for symbol in ("r", "alpha", "a", "b"):
        assert round(getattr(fitted, symbol), 4) == getattr(PUBLISHED, symbol)
    assert fitted.converged


def test_gradient_and_hessian_are_those_of_finite_differences(cdnow: pd.DataFrame) -> None:
    likelihood = ModifiedBetaGeoNBD.likelihood(read_histories(cdnow))
    place, step = np.array([0.1, 1.2, -0.3, 0.4]), 1e-5
    _, gradient, hessian = likelihood(place)
    ahead = [likelihood(place + step * direction) for direction in np.eye(4)]
    behind = [likelihood(place - step * direction) for direction in np.eye(4)]
    slopes = [(f[0] - g[0]) / (2 * step) for f, g in zip(ahead, behind, strict=True)]
    curves = [(f[1] - g[1]) / (2 * step) for f, g in zip(ahead, behind, strict=True)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6)
    np.testing.assert_allclose(hessian, curves, rtol=1e-6, atol=1e-6)


def test_one_time_buyers_may_be_gone_unlike_under_the_bg_nbd(fitted: ModifiedBetaGeoNBD) -> None:
    alive = fitted.p_alive(0, 0.0, [0.0, 10.0, 39.0])
    assert alive[0] == pytest.approx(fitted.b / (fitted.a + fitted.b), rel=1e-12)  # left at once, or not
    assert (np.diff(alive) < 0).all()
    same = {"r": fitted.r, "alpha": fitted.alpha, "a": fitted.a, "b": fitted.b}
    assert (BetaGeoNBD(**same).p_alive(0, 0.0, [0.0, 10.0, 39.0]) == 1).all()


@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0.0, 10.0), (1, 2.0, 10.0), (4, 12.5, 30.0)])
def test_p_alive_and_likelihood_agree_with_integrals_over_all_rates_and_chances(x: int, t_x: float, T: float) -> None:
    r, alpha, a, b = 0.7, 5.0, 0.8, 2.4
    model = ModifiedBetaGeoNBD(r=r, alpha=alpha, a=a, b=b)

    def rates(until: float) -> float:
        density = lambda s: np.exp(  # noqa: E731
            r * np.log(alpha) + (r + x) * s - np.exp(s) * (alpha + until) - special.gammaln(r)
        )
        return integrate.quad(density, -60, 8, epsabs=0, epsrel=1e-12, limit=400)[0]

    def chances(left: int, stayed: int) -> float:
        weights = (a - 1 + left, b - 1 + stayed)
        value = integrate.quad(lambda p: 1.0, 0, 1, weight="alg", wvar=weights, epsabs=0, epsrel=1e-12)[0]
        return value / special.beta(a, b)

    alive, gone = rates(T) * chances(0, x + 1), rates(t_x) * chances(1, x)
    assert model.p_alive(x, t_x, T) == pytest.approx(alive / (alive + gone), rel=1e-8)
    assert model.log_likelihood(x, t_x, T) == pytest.approx(np.log(alive + gone), rel=1e-8)


def test_order_counts_are_a_distribution_with_the_expected_mean() -> None:
    n = np.arange(2000.0)
    chances = PUBLISHED.pmf(n, 39)
    assert (chances >= 0).all()
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert chances @ n == pytest.approx(PUBLISHED.expected_orders_new(39), rel=1e-10)


def simulated(customers: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers who may leave after the first order already, and their orders in the 300 days after."""
    random = np.random.default_rng(seed)
    rate, leaving = random.gamma(0.8, 1 / 60, customers), random.beta(0.8, 2.5, customers)
    T = np.floor(random.uniform(100, 500, customers))
    clock, x, t_x, later = (np.zeros(customers) for _ in range(4))
    alive = np.flatnonzero(random.random(customers) > leaving)
    while len(alive):
        clock[alive] += random.exponential(1 / rate[alive])
        alive = alive[clock[alive] < T[alive] + 300]
        known = clock[alive] <= T[alive]
        x[alive[known]] += 1
        t_x[alive[known]] = clock[alive[known]]
        later[alive[~known]] += 1
        alive = alive[random.random(len(alive)) > leaving[alive]]
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": T}), later


def test_the_truth_is_recovered_and_forecasts_come_true() -> None:
    customers, later = simulated(40_000, seed=4)
    model = ModifiedBetaGeoNBD.fit(customers, unit="days")
    truth = {"r": 0.8, "alpha": 60.0, "a": 0.8, "b": 2.5}
    off = (model.log_parameters - np.log(list(truth.values()))) @ np.linalg.inv(model.covariance)
    assert off @ (model.log_parameters - np.log(list(truth.values()))) < 13.3  # 99 % of a chi-square with 4 degrees
    history = customers["frequency"], customers["recency"], customers["T"]
    expected = model.expected_orders(300, *history)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.02)
    # Of one-time buyers, too, for whom BG/NBD expects too much.
    once = (customers["frequency"] == 0).to_numpy()
    assert expected[once].sum() == pytest.approx(later[once].sum(), rel=0.05)
