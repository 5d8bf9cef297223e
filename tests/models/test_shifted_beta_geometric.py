"""The sBG model against the published example, brute force, and its own laws."""

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.models.errors import CustomerBaseInvalid, FitDidNotConverge, PredictionNotFinite
from crmlib.models.shifted_beta_geometric import ShiftedBetaGeometric

# Fader & Hardie (2007), table 1: percentages surviving in years 0 to 12; fitted on years 0 to 7.
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]


def fitted(percentages):
    return ShiftedBetaGeometric.fit(10 * np.array(percentages[:8]))


@pytest.mark.parametrize(
    ("percentages", "alpha", "beta", "log_likelihood"),
    [(REGULAR, 0.704, 1.182, -1680.27), (HIGH_END, 0.668, 3.806, -1611.16)],
)
def test_the_published_estimates_are_found(percentages, alpha, beta, log_likelihood):
    model = fitted(percentages)
    assert model.alpha == pytest.approx(alpha, abs=0.0006)
    assert model.beta == pytest.approx(beta, abs=0.0006)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=0.006)


@pytest.mark.parametrize(("percentages", "points"), [(REGULAR, 1.0), (HIGH_END, 2.0)])
def test_the_projection_meets_the_years_that_were_held_out(percentages, points):
    projected = 100 * fitted(percentages).survival(range(8, 13))
    assert np.abs(projected - percentages[8:]).max() < points


def test_a_maximum_has_no_neighbour_that_is_likelier():
    model = fitted(REGULAR)
    counts = 10 * np.array(REGULAR[:8])
    for step in (0.999, 1.001):
        for alpha, beta in ((model.alpha * step, model.beta), (model.alpha, model.beta * step)):
            assert ShiftedBetaGeometric(alpha=alpha, beta=beta).log_likelihood(counts) < model.log_likelihood_


def test_the_likelihood_is_that_of_each_contract_multiplied():
    model = ShiftedBetaGeometric(alpha=0.8, beta=2.5)
    # Lost at their first, second and second renewal; running after one, and after three renewals.
    by_contract = np.log(model.churn([1, 2, 2])).sum() + np.log(model.survival([1, 3])).sum()
    table = pd.DataFrame({"age": [1, 2, 3], "at_risk": [5, 3, 1], "lost": [1, 2, 0]})
    assert model.log_likelihood(table) == pytest.approx(by_contract, abs=1e-12)


def test_a_contract_that_just_began_says_nothing():
    model = ShiftedBetaGeometric(alpha=0.8, beta=2.5)
    table = pd.DataFrame({"age": [1, 2], "at_risk": [5, 3], "lost": [1, 2]})
    padded = pd.DataFrame({"age": [1, 2, 3], "at_risk": [5, 3, 0], "lost": [1, 2, 0]})
    assert model.log_likelihood(padded) == model.log_likelihood(table)


def test_gradient_and_hessian_are_those_of_the_likelihood():
    likelihood = fitted(HIGH_END).estimate.likelihood
    place, step = np.log([0.9, 2.0]), 1e-5
    _, gradient, hessian = likelihood(place)
    for i in range(2):
        ahead, behind = place.copy(), place.copy()
        ahead[i] += step
        behind[i] -= step
        assert gradient[i] == pytest.approx((likelihood(ahead)[0] - likelihood(behind)[0]) / (2 * step), rel=1e-5)
        slope = (likelihood(ahead)[1] - likelihood(behind)[1]) / (2 * step)
        assert hessian[i] == pytest.approx(slope, rel=1e-5)


positive_numbers = st.floats(0.05, 50)


@given(alpha=positive_numbers, beta=positive_numbers)
@settings(max_examples=60, deadline=None)
def test_survival_is_the_product_of_retention_and_falls_while_retention_rises(alpha, beta):
    model = ShiftedBetaGeometric(alpha=alpha, beta=beta)
    age = np.arange(1, 40)
    survival, retention = model.survival(age), model.retention(age)
    assert np.allclose(survival, np.cumprod(retention))
    assert (np.diff(survival) < 0).all()
    assert (np.diff(retention) > 0).all()
    assert model.churn(age).sum() + survival[-1] == pytest.approx(1.0)


def test_survival_is_the_mean_over_contracts_of_their_own_chances():
    theta = np.random.default_rng(3).beta(0.9, 4.5, 400_000)
    simulated = [((1 - theta) ** t).mean() for t in (1, 6, 24)]
    assert ShiftedBetaGeometric(alpha=0.9, beta=4.5).survival([1, 6, 24]) == pytest.approx(simulated, abs=0.003)


def renewal_by_renewal(alpha, beta, renewals, discount):
    """The discounted sum of survival, term by term, in 30 digits."""
    with mp.workdps(30):
        a, b, factor = mp.mpf(alpha), mp.mpf(beta) + renewals, 1 / (1 + mp.mpf(discount))
        total, term, k = mp.mpf(0), mp.mpf(1), 0
        while term > total * mp.mpf(10) ** -20:
            term *= (b + k) / (a + b + k)
            total += term
            term *= factor
            k += 1
        return float(total)


@given(
    log_alpha=st.floats(-3, 3),
    log_beta=st.floats(-3, 3),
    renewals=st.integers(0, 100_000),
    discount=st.sampled_from([0.005, 0.1, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_residual_lifetime_is_the_sum_that_it_stands_for(log_alpha, log_beta, renewals, discount):
    alpha, beta = 10**log_alpha, 10**log_beta
    found = ShiftedBetaGeometric(alpha=alpha, beta=beta).residual_lifetime(renewals, discount)
    assert found.item() == pytest.approx(renewal_by_renewal(alpha, beta, renewals, discount), rel=1e-9, abs=0)


@pytest.mark.parametrize("renewals", range(5))
def test_residual_lifetime_is_the_direct_sum_to_the_last_digits(renewals):
    model = ShiftedBetaGeometric(alpha=3.80, beta=15.20)
    exact = renewal_by_renewal(3.80, 15.20, renewals, 0.1)
    assert model.residual_lifetime(renewals, 0.1).item() == pytest.approx(exact, rel=1e-12)


def test_residual_lifetime_is_as_published():
    # Fader & Hardie (2010), table 4, years 1 to 5.
    found = ShiftedBetaGeometric(alpha=3.80, beta=15.20).residual_lifetime(range(5), 0.1)
    assert found == pytest.approx([3.31, 3.45, 3.59, 3.72, 3.84], abs=0.006)


@given(log_alpha=st.floats(-3, 3), log_beta=st.floats(-3, 3), age=st.integers(0, 100_000))
@settings(max_examples=60, deadline=None)
def test_survival_and_churn_are_exact(log_alpha, log_beta, age):
    alpha, beta = 10**log_alpha, 10**log_beta
    model = ShiftedBetaGeometric(alpha=alpha, beta=beta)
    with mp.workdps(40):
        exact = mp.beta(mp.mpf(alpha), mp.mpf(beta) + age) / mp.beta(mp.mpf(alpha), mp.mpf(beta))
        ended = exact * mp.mpf(alpha) / (mp.mpf(alpha) + mp.mpf(beta) + age)
    assert model.survival(age).item() == pytest.approx(float(exact), rel=1e-8, abs=1e-300)
    assert model.churn(age + 1).item() == pytest.approx(float(ended), rel=1e-8, abs=1e-300)


def test_undiscounted_lifetimes_are_the_limit_where_they_end_and_refused_where_not():
    model = ShiftedBetaGeometric(alpha=3.0, beta=4.0)
    assert model.residual_lifetime([0, 2], 0.0).tolist() == [2.0, 3.0]
    assert model.residual_lifetime([0, 2], 1e-9) == pytest.approx([2.0, 3.0], rel=1e-7)
    with pytest.raises(PredictionNotFinite, match="Give a discount above 0"):
        ShiftedBetaGeometric(alpha=1.0, beta=4.0).residual_lifetime(0, 0.0)


def test_running_contracts_of_all_ages_are_used_without_bias():
    # Contracts that started over two years; the fit must not mistake the short-lived for the typical.
    random = np.random.default_rng(11)
    n = 20_000
    lifetime = random.geometric(random.beta(0.9, 4.5, n))
    observed = random.integers(0, 25, n)
    seen, lost = np.minimum(lifetime, observed), lifetime <= observed
    age = np.arange(1, 25)
    table = pd.DataFrame(
        {
            "age": age,
            "at_risk": [(seen >= t).sum() for t in age],
            "lost": [(lost & (seen == t)).sum() for t in age],
        }
    )
    params = ShiftedBetaGeometric.fit(table).params
    assert params.low["alpha"] < 0.9 < params.high["alpha"]
    assert params.low["beta"] < 4.5 < params.high["beta"]
    assert params.standard_error["alpha"] < 0.05


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(5)
    truth = ShiftedBetaGeometric(alpha=0.9, beta=4.5).survival(24).item()
    covered = 0
    for _ in range(60):
        lifetime = random.geometric(random.beta(0.9, 4.5, 800))
        row = ShiftedBetaGeometric.fit([(lifetime > t).sum() for t in range(13)]).projection([24], draws=400).iloc[0]
        covered += row.low <= truth <= row.high
    assert 52 <= covered <= 60


def test_a_projection_is_the_same_every_time_and_holds_its_estimate():
    one, two = (fitted(REGULAR).projection(range(0, 13)) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert ((one.low <= one.survival) & (one.survival <= one.high)).all()
    assert one.survival[0] == one.low[0] == one.high[0] == 1.0


def test_pandas_and_ibis_tables_give_the_same_model():
    import ibis

    table = pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 631, 468], "lost": [369, 163, 86]})
    assert ShiftedBetaGeometric.fit(ibis.memtable(table)).alpha == ShiftedBetaGeometric.fit(table).alpha


@pytest.mark.parametrize(
    ("survivors", "words"),
    [
        ([100, 100, 100], "none of 100 contracts has ended.*Wait"),
        ([100, 0, 0], "renewals.*Wait for more renewals"),
        (pd.DataFrame({"age": [1, 2], "at_risk": [9, 5], "lost": [9, 5]}), "all of 9 contracts ended.*Check"),
        ([100, 50], "seen at 1 renewals.*take a shorter period"),
        ([100, 90, 60, 10], "no maximum"),
        ([100], "seen at 0 renewals"),
    ],
    ids=["nobody left", "all left at once", "all left", "one renewal", "leaving gets likelier", "no renewal"],
)
def test_where_no_parameters_are_best_the_fit_says_so_and_what_to_do(survivors, words):
    with pytest.raises(FitDidNotConverge, match=words):
        ShiftedBetaGeometric.fit(survivors)


def test_a_prior_holds_what_the_data_leave_open():
    model = ShiftedBetaGeometric.fit([100, 90, 60, 10], prior_spread=2)
    assert model.converged
    assert 1 < model.alpha < 1000


@pytest.mark.parametrize(
    ("survivors", "words"),
    [
        ([100, 50, 60], "renewal 2"),
        (pd.DataFrame({"age": [1, 2.5], "at_risk": [-5, 4], "lost": [0, 9]}), "from 1 on.*fewer than no.*2.5"),
        ([100, np.nan, 20], "missing"),
        (pd.DataFrame({"age": [1], "at_risk": [5]}), "no column lost"),
        (pd.DataFrame({"age": [1, 1], "at_risk": [5, 4], "lost": [1, 1]}), "each once"),
        (pd.DataFrame({"age": [0, 1], "at_risk": [5, 4], "lost": [1, 1]}), "from 1 on"),
        (pd.DataFrame({"age": [1, 2], "at_risk": [5, 4], "lost": [1, 9]}), "renewal 2"),
    ],
)
def test_impossible_numbers_are_refused_by_name(survivors, words):
    with pytest.raises(CustomerBaseInvalid, match=words):
        ShiftedBetaGeometric.fit(survivors)


def test_parameters_and_ages_are_checked():
    with pytest.raises(ValueError, match="alpha"):
        ShiftedBetaGeometric(alpha=0.0, beta=1.0)
    with pytest.raises(ValueError, match="whole numbers"):
        ShiftedBetaGeometric(alpha=1.0, beta=1.0).survival(1.5)
    with pytest.raises(ValueError, match="rate per period"):
        ShiftedBetaGeometric(alpha=1.0, beta=1.0).residual_lifetime(0, -0.1)
    with pytest.raises(ValueError, match="whole numbers"):
        ShiftedBetaGeometric(alpha=1.0, beta=1.0).residual_lifetime(0.5, 0.1)
