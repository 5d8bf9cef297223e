"""The BdW model against the published example, an oracle in many digits, and the sBG, which it holds."""

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.models.beta_discrete_weibull import BetaDiscreteWeibull
from crmlib.models.errors import CustomerBaseInvalid, FitDidNotConverge, PredictionNotFinite
from crmlib.models.shifted_beta_geometric import ShiftedBetaGeometric

# Fader & Hardie (2007), table 1: percentages surviving in years 0 to 12; fitted on years 0 to 7.
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]


def fitted(percentages):
    return BetaDiscreteWeibull.fit(10 * np.array(percentages[:8]))


def log_survival(alpha, beta, c, t):
    """In as many digits as are set: Γ(β + t^c) needs many where t^c is large."""
    a, b, u = mp.mpf(alpha), mp.mpf(beta), mp.mpf(t) ** mp.mpf(c) if t else mp.mpf(0)
    log_beta = lambda z: mp.loggamma(z) - mp.loggamma(a + z)  # noqa: E731
    return log_beta(b + u) - log_beta(b)


@pytest.mark.parametrize(("percentages", "log_likelihood"), [(REGULAR, -1679.603), (HIGH_END, -1605.314)])
def test_the_published_likelihoods_are_found(percentages, log_likelihood):
    assert fitted(percentages).log_likelihood_ == pytest.approx(log_likelihood, abs=0.0006)


@pytest.mark.parametrize(("percentages", "points"), [(REGULAR, 0.5), (HIGH_END, 1.0)])
def test_the_projection_meets_the_years_that_were_held_out(percentages, points):
    projected = 100 * fitted(percentages).survival(range(8, 13))
    assert np.abs(projected - percentages[8:]).max() < points


def test_the_likelihood_is_that_of_each_contract_multiplied():
    model = BetaDiscreteWeibull(alpha=0.8, beta=2.5, c=1.3)
    by_contract = np.log(model.churn([1, 2, 2])).sum() + np.log(model.survival([1, 3])).sum()
    table = pd.DataFrame({"age": [1, 2, 3], "at_risk": [5, 3, 1], "lost": [1, 2, 0]})
    assert model.log_likelihood(table) == pytest.approx(by_contract, abs=1e-12)


@given(log_alpha=st.floats(-3, 3), log_beta=st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_with_c_of_1_it_is_the_sbg(log_alpha, log_beta):
    parameters = {"alpha": 10**log_alpha, "beta": 10**log_beta}
    one, other = BetaDiscreteWeibull(**parameters, c=1.0), ShiftedBetaGeometric(**parameters)
    age = np.array([1, 2, 7, 50, 10_000])
    for answer in ("survival", "retention", "churn"):
        assert getattr(one, answer)(age) == pytest.approx(getattr(other, answer)(age), rel=1e-9, abs=1e-300)
    assert one.residual_lifetime(age, 0.01) == pytest.approx(other.residual_lifetime(age, 0.01), rel=1e-10, abs=0)
    counts = 10 * np.array(REGULAR)
    assert one.log_likelihood(counts) == pytest.approx(other.log_likelihood(counts), rel=1e-11)
    if parameters["alpha"] > 1.001:
        assert one.residual_lifetime(age, 0.0) == pytest.approx(other.residual_lifetime(age, 0.0), rel=1e-9)


@given(
    log_alpha=st.floats(-3, 3),
    log_beta=st.floats(-3, 3),
    log_c=st.floats(-1.5, 1),
    age=st.integers(0, 100_000),
)
@settings(max_examples=80, deadline=None)
def test_survival_retention_and_churn_are_exact(log_alpha, log_beta, log_c, age):
    parameters = 10**log_alpha, 10**log_beta, 10**log_c
    model = BetaDiscreteWeibull(alpha=parameters[0], beta=parameters[1], c=parameters[2])
    with mp.workdps(90):
        now, then = log_survival(*parameters, age), log_survival(*parameters, age + 1)
        ended = float(mp.exp(now) - mp.exp(then))
    assert model.survival(age).item() == pytest.approx(float(mp.exp(now)), rel=1e-8, abs=1e-300)
    assert model.retention(age + 1).item() == pytest.approx(float(mp.exp(then - now)), rel=1e-8, abs=0)
    # A difference of two shares: where hardly any end, it is exact to the last digits of these.
    assert model.churn(age + 1).item() == pytest.approx(ended, rel=1e-8, abs=1e-14)


@given(
    log_alpha=st.floats(-2, 2),
    log_beta=st.floats(-2, 3),
    log_c=st.floats(-2, 1),
    renewals=st.sampled_from([0, 1, 12, 500]),
    discount=st.sampled_from([0.01, 0.1]),
)
@settings(max_examples=60, deadline=None)
def test_residual_lifetime_is_the_direct_sum(log_alpha, log_beta, log_c, renewals, discount):
    model = BetaDiscreteWeibull(alpha=10**log_alpha, beta=10**log_beta, c=10**log_c)
    k = np.arange(1.0, 6000.0)
    summed = np.cumprod(model.retention(renewals + k)) / (1 + discount) ** (k - 1)
    assert model.residual_lifetime(renewals, discount).item() == pytest.approx(summed.sum(), rel=1e-10, abs=0)


@pytest.mark.parametrize(
    ("alpha", "beta", "c"), [(4.0, 2.0, 0.5), (30.0, 2.0, 0.05), (3.0, 50.0, 0.4), (0.7, 2.0, 1.6), (1.3, 2.0, 0.8)]
)
@pytest.mark.parametrize("renewals", [0, 5])
def test_undiscounted_lifetimes_are_exact_however_slow_the_tail(alpha, beta, c, renewals):
    """Against 400 terms, and Euler and Maclaurin's formula for the rest, in 60 digits."""
    with mp.workdps(60):
        now, late = log_survival(alpha, beta, c, renewals), mp.mpf(renewals + 400)
        share = lambda t: mp.exp(log_survival(alpha, beta, c, t) - now)  # noqa: E731
        height = lambda s: mp.exp(s / c) * share(mp.exp(s / c)) / c  # noqa: E731
        early = mp.fsum(share(renewals + k) for k in range(1, 400))
        start = mp.mpf(c) * mp.log(late)
        bounds = [start + 2 * j for j in range(26)]
        rest = mp.quad(height, bounds, method="gauss-legendre", maxdegree=5)
        rest += height(bounds[-1]) / (mp.mpf(alpha) - 1 / mp.mpf(c))
        exact = early + rest + share(late) / 2 - mp.diff(share, late) / 12 + mp.diff(share, late, 3) / 720
    found = BetaDiscreteWeibull(alpha=alpha, beta=beta, c=c).residual_lifetime(renewals, 0.0)
    assert found.item() == pytest.approx(float(exact), rel=1e-10)


def test_undiscounted_lifetimes_without_a_mean_are_refused():
    with pytest.raises(PredictionNotFinite, match="Give a discount above 0"):
        BetaDiscreteWeibull(alpha=2.0, beta=1.0, c=0.5).residual_lifetime(3, 0.0)
    with pytest.raises(PredictionNotFinite, match="Give a discount above 0"):
        BetaDiscreteWeibull(alpha=1e3, beta=1e3, c=1.001e-3).residual_lifetime(0, 0.0)


def test_gradient_and_hessian_are_those_of_the_likelihood():
    likelihood = fitted(HIGH_END).estimate.likelihood
    place, step = np.log([0.9, 2.0, 0.7]), 1e-5
    _, gradient, hessian = likelihood(place)
    for i in range(3):
        ahead, behind = place.copy(), place.copy()
        ahead[i] += step
        behind[i] -= step
        assert gradient[i] == pytest.approx((likelihood(ahead)[0] - likelihood(behind)[0]) / (2 * step), rel=1e-5)
        slope = (likelihood(ahead)[1] - likelihood(behind)[1]) / (2 * step)
        assert hessian[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(5)
    truth = BetaDiscreteWeibull(alpha=0.6, beta=3.0, c=1.5)
    later, covered = truth.survival(20).item(), 0
    chances = np.append(truth.churn(range(1, 13)), truth.survival(12))
    for _ in range(30):
        ends = random.multinomial(20_000, chances / chances.sum())
        left = np.append(20_000, 20_000 - np.cumsum(ends[:-1]))
        row = BetaDiscreteWeibull.fit(left).projection([20], draws=200).iloc[0]
        covered += row.low <= later <= row.high
    # 95 % of 30 is 28.5; the number itself is known to ±1.2.
    assert 26 <= covered <= 30


def test_a_large_cohort_gives_the_truth_back():
    truth = BetaDiscreteWeibull(alpha=0.6, beta=3.0, c=1.5)
    model = BetaDiscreteWeibull.fit(1e7 * truth.survival(range(13)))
    assert [model.alpha, model.beta, model.c] == pytest.approx([0.6, 3.0, 1.5], rel=1e-6)


@pytest.mark.parametrize(
    ("survivors", "words"),
    [
        ([100, 100, 100, 100], "none of 100 contracts has ended.*Wait"),
        ([100, 50, 30], "seen at 2 renewals, and BetaDiscreteWeibull has 3.*fewer parameters"),
        (pd.DataFrame({"age": [1, 2, 3], "at_risk": [9, 5, 2], "lost": [9, 5, 2]}), "all of 9 contracts ended.*Check"),
    ],
)
def test_where_no_parameters_are_best_the_fit_says_so_and_what_to_do(survivors, words):
    with pytest.raises(FitDidNotConverge, match=words):
        BetaDiscreteWeibull.fit(survivors)


def test_impossible_input_is_refused_by_name():
    with pytest.raises(CustomerBaseInvalid, match="renewal 2"):
        BetaDiscreteWeibull.fit([100, 50, 60, 20])
    with pytest.raises(ValueError, match="parameter c"):
        BetaDiscreteWeibull(alpha=1.0, beta=1.0, c=0.0)
    with pytest.raises(ValueError, match="whole numbers"):
        BetaDiscreteWeibull(alpha=1.0, beta=1.0, c=1.0).survival(1.5)
