"""Gamma-gamma: the published numbers, gradients, and what happens where it has no mean."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from crmlib.lifecycle.clv import CustomerBaseInvalid, GammaGamma, MeanSpendUndefined, TooFewRepeatBuyers
from crmlib.lifecycle.clv import gamma_gamma as module


def test_the_published_fit_is_reproduced(cdnow_spend: GammaGamma) -> None:
    assert cdnow_spend.log_likelihood_ == pytest.approx(-4055.918, abs=5e-4)
    assert [round(getattr(cdnow_spend, symbol), 4) for symbol in "pqv"] == [6.2496, 3.7442, 15.4435]


def test_published_expected_spends_of_the_first_ten(cdnow: pd.DataFrame, cdnow_spend: GammaGamma) -> None:
    first = cdnow.head(10)
    spend = cdnow_spend.expected_spend(first["frequency"], first["monetary"])
    assert spend.round(2).tolist() == [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]


def test_gradient_and_hessian_are_those_of_finite_differences(cdnow: pd.DataFrame) -> None:
    repeat = cdnow[cdnow["frequency"] > 0]
    likelihood = module._likelihood(repeat["frequency"].to_numpy(dtype=float), repeat["monetary"].to_numpy())
    place, step = np.array([0.7, 1.2, 2.3]), 1e-5
    _, gradient, hessian = likelihood(place)
    ahead = [likelihood(place + step * direction) for direction in np.eye(3)]
    behind = [likelihood(place - step * direction) for direction in np.eye(3)]
    slopes = [(f[0] - g[0]) / (2 * step) for f, g in zip(ahead, behind, strict=True)]
    curves = [(f[1] - g[1]) / (2 * step) for f, g in zip(ahead, behind, strict=True)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6)
    np.testing.assert_allclose(hessian, curves, rtol=1e-6, atol=1e-6)


def test_the_fit_is_the_same_from_arrays_a_database_and_in_another_currency(
    cdnow: pd.DataFrame, cdnow_spend: GammaGamma
) -> None:
    fits = [GammaGamma.fit(cdnow["frequency"], cdnow["monetary"]), GammaGamma.fit(ibis.memtable(cdnow))]
    for fit in fits:
        assert fit.log_parameters.tolist() == cdnow_spend.log_parameters.tolist()
    in_cents = GammaGamma.fit(cdnow["frequency"], cdnow["monetary"] * 100)
    np.testing.assert_allclose([in_cents.p, in_cents.q, in_cents.v / 100],
                               [cdnow_spend.p, cdnow_spend.q, cdnow_spend.v], rtol=1e-6)  # fmt: skip
    assert cdnow_spend.log_likelihood(cdnow["frequency"], cdnow["monetary"]).sum() == pytest.approx(
        cdnow_spend.log_likelihood_, rel=1e-12
    )


@pytest.mark.parametrize(("x", "m"), [(1, 5.0), (3, 40.0), (10, 12.0)])
def test_likelihood_and_expected_spend_agree_with_integrals_over_customers(x: int, m: float) -> None:
    p, q, v = 6.25, 3.74, 15.44
    model = GammaGamma(p=p, q=q, v=v)

    def density(log_scale: float) -> float:  # of the mean spend, times the prior of ν, on log ν
        scale = np.exp(log_scale)
        of_mean = p * x * np.log(scale * x) + (p * x - 1) * np.log(m) - scale * x * m - special.gammaln(p * x)
        return np.exp(of_mean + q * (np.log(v) + log_scale) - scale * v - special.gammaln(q))

    likely = integrate.quad(density, -12, 6, epsabs=0, epsrel=1e-11, limit=300)[0]
    mean = integrate.quad(lambda s: density(s) * p / np.exp(s), -12, 6, epsabs=0, epsrel=1e-11, limit=300)[0]
    assert model.log_likelihood(x, m) == pytest.approx(np.log(likely), rel=1e-8)
    assert model.expected_spend(x, m) == pytest.approx(mean / likely, rel=1e-8)
    square = integrate.quad(lambda s: density(s) * (p / np.exp(s)) ** 2, -12, 6, epsabs=0, epsrel=1e-11, limit=300)[0]
    one, two = model.spend_squares(x, m)
    assert two == pytest.approx(square / likely, rel=1e-8)
    assert one == pytest.approx(square / likely * (p + 1) / p, rel=1e-8)


@given(x=st.integers(1, 1000), m=st.floats(0.01, 1e6), log_p=st.floats(-1, 2), q=st.floats(1.01, 20))
@settings(max_examples=100, deadline=None)
def test_expected_spend_lies_between_the_customers_mean_and_everybodys(
    x: int, m: float, log_p: float, q: float
) -> None:
    model = GammaGamma(p=10**log_p, q=q, v=20.0)
    spend, everybody = model.expected_spend([x, 0], [m, 0.0])
    assert min(m, everybody) * (1 - 1e-9) <= spend <= max(m, everybody) * (1 + 1e-9)


def test_no_mean_is_an_error_or_the_observed_mean_but_never_negative() -> None:
    model = GammaGamma(p=2.0, q=0.8, v=10.0, observed_mean=33.0)
    with pytest.raises(MeanSpendUndefined, match="2 customers have no finite expected spend"):
        model.expected_spend([0, 0, 1], [0.0, 0.0, 5.0])
    spend = model.expected_spend([0, 1], [0.0, 5.0], when_undefined="observed_mean")
    assert spend[0] == 33.0
    assert spend[1] == pytest.approx(2 * (10 + 5) / (2 + 0.8 - 1))


def test_free_repeat_orders_are_passed_over_in_the_fit(cdnow: pd.DataFrame, cdnow_spend: GammaGamma) -> None:
    free = pd.DataFrame({"customer_id": [9999], "frequency": [2], "monetary": [0.0]})
    assert GammaGamma.fit(pd.concat([cdnow, free])).v == cdnow_spend.v


def test_negative_and_missing_spends_are_named() -> None:
    customers = pd.DataFrame({"customer_id": list("abc"), "frequency": [1, 2, 3], "monetary": [5.0, -2.0, 3.0]})
    with pytest.raises(CustomerBaseInvalid, match="customer b: repeat purchases with a mean spend of 0 or less"):
        GammaGamma.fit(customers)
    with pytest.raises(CustomerBaseInvalid, match="customer c: a missing or infinite value"):
        GammaGamma.fit(customers.assign(monetary=[5.0, 2.0, np.nan]))


def test_equal_or_few_spends_are_refused() -> None:
    with pytest.raises(TooFewRepeatBuyers, match="3 customers with repeat spend"):
        GammaGamma.fit([1, 2, 3], [4.0, 5.0, 6.0])
    with pytest.raises(TooFewRepeatBuyers, match="1 different mean spends"):
        GammaGamma.fit(np.ones(50), np.full(50, 9.0))


def test_intervals_cover_the_truth_as_often_as_they_say(simulate: Callable[..., pd.DataFrame]) -> None:
    covered = []
    for seed in range(30):
        params = GammaGamma.fit(simulate(1500, seed=seed, holdout_days=0)).params
        covered.append([params.low[s] <= truth <= params.high[s] for s, truth in zip("pqv", (6, 4, 20), strict=True)])
    assert np.mean(covered) > 0.88
