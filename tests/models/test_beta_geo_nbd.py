"""BG/NBD: the published numbers, an independent calculation, properties, and recovery of the truth."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from crmlib.models import BetaGeoNBD, FitDidNotConverge
from crmlib.models import orders_model as module
from crmlib.models.customer_base import read_histories
from crmlib.models.maximum_likelihood import maximise

PUBLISHED = BetaGeoNBD(r=0.2425945, alpha=4.4136019, a=0.7929199, b=2.4258881, unit="weeks")


def test_the_published_fit_is_reproduced(cdnow_model: BetaGeoNBD) -> None:
    assert cdnow_model.log_likelihood_ == pytest.approx(-9582.429, abs=5e-4)
    for symbol in ("r", "alpha", "a", "b"):
        assert getattr(cdnow_model, symbol) == pytest.approx(getattr(PUBLISHED, symbol), rel=1e-5)
    assert cdnow_model.converged
    assert cdnow_model.aic == pytest.approx(2 * 4 + 2 * 9582.4292, abs=1e-3)
    assert cdnow_model.bic == pytest.approx(4 * np.log(2357) + 2 * 9582.4292, abs=1e-3)


def test_published_expectations_for_new_customers() -> None:
    expected = PUBLISHED.expected_orders_new([0.1429, 1, 3, 31.8571, 32, 78, 52])
    published = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.858, 1.444]
    digits = [4, 4, 4, 4, 4, 3, 3]
    assert [round(float(e), d) for e, d in zip(expected, digits, strict=True)] == published


def test_published_conditional_expectation() -> None:
    assert round(PUBLISHED.expected_orders(39, 2, 30.43, 38.86).item(), 3) == 1.226


# BTYD's walkthrough prints what follows from where R's L-BFGS-B stopped (from 1, 3, 1, 3 and twice from where it was;
# central differences of 1e-3 in log-parameters): 5e-8 of log-likelihood below the maximum, but four digits of b away.
STOPPED = BetaGeoNBD(r=0.24259672, alpha=4.41365893, a=0.79298687, b=2.42616428)


def test_the_walkthroughs_numbers_are_those_of_parameters_as_likely_as_the_fit(
    cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD
) -> None:
    below = cdnow_model.log_likelihood_ - STOPPED.log_likelihood(cdnow["frequency"], cdnow["recency"], cdnow["T"]).sum()
    assert 0 < below < 1e-7
    # Customer 1516: orders in the next 52 weeks, and P(alive); the latter also at the maximum.
    assert round(STOPPED.expected_orders(52, 26, 216 / 7, 31).item(), 4) == 25.7566
    assert round(STOPPED.p_alive(26, 216 / 7, 31).item(), 5) == 0.96885
    assert round(cdnow_model.p_alive(26, 216 / 7, 31).item(), 5) == 0.96885
    assert cdnow_model.expected_orders(52, 26, 216 / 7, 31) == pytest.approx(25.7566, rel=4e-5)


def test_more_orders_long_ago_are_worth_less(cdnow_model: BetaGeoNBD) -> None:
    paradox = STOPPED.expected_orders(52, [10, 15, 20, 25], 20, 39)
    assert [f"{value:#.5g}" for value in paradox] == ["0.34746", "0.042834", "0.0041590", "0.00035837"]
    at_maximum = cdnow_model.expected_orders(52, [10, 15, 20, 25], 20, 39)
    np.testing.assert_allclose(at_maximum, paradox, rtol=1e-4)


def test_published_orders_per_week(cdnow: pd.DataFrame, cdnow_orders: pd.DataFrame) -> None:
    # The published clock starts with the first customer's first order, T = 38.857 weeks before the end.
    ends = np.arange(19.0, 26)[:, None]
    ages = np.maximum(ends - (cdnow["T"].max() - cdnow["T"].to_numpy()), 0)
    weekly = np.diff(PUBLISHED.expected_orders_new(ages).sum(axis=1))
    assert weekly.round(3).tolist() == [76.865, 74.888, 73.046, 71.322, 69.704, 68.182]
    days = cdnow_orders.drop_duplicates(["customer_id", "day"])
    again = days[days["ordered_at"] > days.groupby("customer_id")["ordered_at"].transform("min")]
    week = (again["ordered_at"] - pd.Timestamp("1997-01-01")).dt.days // 7 + 1
    assert week.value_counts()[[20, 21, 22, 23, 24, 25]].tolist() == [73, 55, 70, 33, 56, 99]


def test_gradient_and_hessian_are_those_of_finite_differences(cdnow: pd.DataFrame) -> None:
    likelihood = BetaGeoNBD.likelihood(read_histories(cdnow))
    place, step = np.array([0.1, 1.2, -0.3, 0.4]), 1e-5
    _, gradient, hessian = likelihood(place)
    ahead = [likelihood(place + step * direction) for direction in np.eye(4)]
    behind = [likelihood(place - step * direction) for direction in np.eye(4)]
    slopes = [(f[0] - g[0]) / (2 * step) for f, g in zip(ahead, behind, strict=True)]
    curves = [(f[1] - g[1]) / (2 * step) for f, g in zip(ahead, behind, strict=True)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6)
    np.testing.assert_allclose(hessian, curves, rtol=1e-6, atol=1e-6)


def test_the_merged_likelihood_is_the_sum_over_customers(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    x, t_x, T = (cdnow[name] for name in ("frequency", "recency", "T"))
    summed = cdnow_model.log_likelihood(x, t_x, T).sum()
    merged = BetaGeoNBD.likelihood(read_histories(cdnow))(cdnow_model.log_parameters)[0]
    assert merged == pytest.approx(summed, rel=1e-12)
    assert cdnow_model.log_likelihood_ == pytest.approx(summed, rel=1e-12)


def test_the_fit_knows_neither_row_order_nor_kind_nor_start(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    shuffled = BetaGeoNBD.fit(cdnow.sample(frac=1, random_state=3))
    in_database = BetaGeoNBD.fit(ibis.memtable(cdnow))
    assert shuffled.log_parameters.tolist() == cdnow_model.log_parameters.tolist()
    assert in_database.log_parameters.tolist() == cdnow_model.log_parameters.tolist()
    likelihood = BetaGeoNBD.likelihood(read_histories(cdnow))
    heights = [maximise(likelihood, [start], BetaGeoNBD.symbols)[1] for start in BetaGeoNBD.starts]
    np.testing.assert_allclose(heights, cdnow_model.log_likelihood_, atol=1e-7)


def test_days_and_weeks_tell_the_same(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    in_days = BetaGeoNBD.fit(cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7, unit="days"))
    assert in_days.unit == "days"
    assert in_days.alpha == pytest.approx(7 * cdnow_model.alpha, rel=1e-7)
    assert in_days.b == pytest.approx(cdnow_model.b, rel=1e-7)
    assert in_days.expected_orders_new(364) == pytest.approx(cdnow_model.expected_orders_new(52), rel=1e-7)


def test_a_rough_fit_first_changes_nothing(
    cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY_HISTORIES", 100)
    np.testing.assert_allclose(BetaGeoNBD.fit(cdnow).log_parameters, cdnow_model.log_parameters, atol=1e-5)


def test_standard_errors_are_those_of_the_curvature(cdnow_model: BetaGeoNBD) -> None:
    params = cdnow_model.params
    assert params.index.tolist() == ["r", "alpha", "a", "b"]
    np.testing.assert_allclose(params["standard_error"], params["estimate"] * np.sqrt(np.diag(cdnow_model.covariance)))
    assert ((params["low"] < params["estimate"]) & (params["estimate"] < params["high"])).all()


def test_draws_are_checked_against_the_likelihood(cdnow_model: BetaGeoNBD) -> None:
    draws = cdnow_model.draws(400, seed=1)
    assert 200 < draws.effective_sample_size <= 400
    assert np.array_equal(draws.values, cdnow_model.draws(400, seed=1).values)
    np.testing.assert_allclose(np.log(draws.values).std(axis=0), np.sqrt(np.diag(cdnow_model.covariance)), rtol=0.25)


def test_a_base_where_nobody_leaves_has_no_maximum() -> None:
    # Orders on every one of 20 days for all, to the end: nobody ever leaves, nobody differs.
    customers = pd.DataFrame({"frequency": [19.0, 20.0] * 50, "recency": 20.0, "T": 20.0})
    with pytest.raises(FitDidNotConverge, match="no maximum of the likelihood was found"):
        BetaGeoNBD.fit(customers)


def test_a_weak_prior_finds_a_place_where_the_data_have_none(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    customers = pd.DataFrame({"frequency": [19.0, 20.0] * 50, "recency": 20.0, "T": 20.0})
    model = BetaGeoNBD.fit(customers, prior_spread=2)
    assert model.expected_orders(10, 20, 20, 20) == pytest.approx(10, rel=0.05)
    # Where the data speak, it changes next to nothing.
    with_prior = BetaGeoNBD.fit(cdnow, prior_spread=2)
    assert with_prior.log_likelihood_ == pytest.approx(cdnow_model.log_likelihood_, abs=0.01)
    assert with_prior.log_likelihood_ <= cdnow_model.log_likelihood_


def test_a_model_from_given_parameters_has_no_likelihood() -> None:
    assert not PUBLISHED.converged
    with pytest.raises(AttributeError, match="made from given parameters"):
        _ = PUBLISHED.log_likelihood_
    with pytest.raises(ValueError, match="parameter a must be a positive number"):
        BetaGeoNBD(r=1, alpha=1, a=0, b=1)


def alive_expectation(t: float, r: float, alpha: float, a: float, b: float) -> float:
    """E[(1 − e^(−λpt))/p], λ in closed form and p on a logistic line, where the trapezoid rule is exact to rounding."""
    y = np.linspace(-60 / min(a, 1) - 30, 60 / min(b, 1), 60001)
    log_p, log_q = -np.logaddexp(0, -y), -np.logaddexp(0, y)
    log_weight = a * log_p + b * log_q - special.betaln(a, b)
    p = np.exp(np.maximum(log_p, -600))
    orders = -np.expm1(-r * np.log1p(p * t / alpha)) / p
    return float(np.trapezoid(np.exp(log_weight) * orders, y))


LOG = st.floats


@given(
    log_r=LOG(-1.3, 1.0), log_alpha=LOG(-1, 2), log_a=LOG(-1, 1.0), log_b=LOG(-1, 2),
    x=st.integers(0, 500), log_T=LOG(-1, 2.5), log_t=LOG(-1, 3.5),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_expected_orders_agree_with_quadrature(
    log_r: float, log_alpha: float, log_a: float, log_b: float, x: int, log_T: float, log_t: float
) -> None:
    r, alpha, a, b, T, t = (10**v for v in (log_r, log_alpha, log_a, log_b, log_T, log_t))
    model = BetaGeoNBD(r=r, alpha=alpha, a=a, b=b)
    expected = alive_expectation(t, r + x, alpha + T, a, b + x)
    assert model.expected_orders_if_alive(t, x, T) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("a", [1 - 1e-3, 1 - 1e-4, 1 - 1e-6, 1 - 1e-12, 1.0, 1 + 1e-12, 1 + 1e-6, 1 + 1.01e-4])
@pytest.mark.parametrize("x", [0, 3, 200])
def test_nothing_happens_at_a_equal_one(a: float, x: int) -> None:
    model = BetaGeoNBD(r=0.3, alpha=5.0, a=a, b=2.0)
    expected = alive_expectation(100.0, 0.3 + x, 5.0 + 40.0, a, 2.0 + x)
    assert model.expected_orders_if_alive(100.0, x, 40.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("b", [0.1, 0.2, 0.3, 0.3 + 1e-9, 0.31, 0.4])
def test_nothing_happens_at_a_plus_b_equal_one(b: float) -> None:
    model = BetaGeoNBD(r=0.8, alpha=5.0, a=0.7, b=b)
    assert model.expected_orders_new(60.0) == pytest.approx(alive_expectation(60.0, 0.8, 5.0, 0.7, b), rel=1e-9)


@pytest.mark.parametrize(("x", "t_x", "T"), [(1, 2.0, 10.0), (4, 12.5, 30.0), (12, 38.0, 39.0)])
def test_p_alive_and_likelihood_agree_with_integrals_over_all_rates_and_chances(x: int, t_x: float, T: float) -> None:
    r, alpha, a, b = 0.7, 5.0, 0.8, 2.4
    model = BetaGeoNBD(r=r, alpha=alpha, a=a, b=b)

    def rates(until: float) -> float:
        density = lambda s: np.exp(  # noqa: E731
            r * np.log(alpha) + (r + x) * s - np.exp(s) * (alpha + until) - special.gammaln(r)
        )
        return integrate.quad(density, -60, 8, epsabs=0, epsrel=1e-12, limit=400)[0]

    def chances(left: int, stayed: int) -> float:
        value = integrate.quad(
            lambda p: 1.0, 0, 1, weight="alg", wvar=(a - 1 + left, b - 1 + stayed), epsabs=0, epsrel=1e-12
        )[0]
        return value / special.beta(a, b)

    alive, gone = rates(T) * chances(0, x), rates(t_x) * chances(1, x - 1)
    assert model.p_alive(x, t_x, T) == pytest.approx(alive / (alive + gone), rel=1e-8)
    assert model.log_likelihood(x, t_x, T) == pytest.approx(np.log(alive + gone), rel=1e-8)


def test_order_counts_are_a_distribution_with_the_expected_mean_and_pairs() -> None:
    n = np.arange(2000.0)
    chances = PUBLISHED.pmf(n, 39)
    assert (chances >= 0).all()
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert chances @ n == pytest.approx(PUBLISHED.expected_orders_new(39), rel=1e-10)
    pairs = PUBLISHED.expected_order_pairs_if_alive(39, 0, 0)
    assert chances @ (n * (n - 1)) == pytest.approx(pairs, rel=1e-10)


@given(
    log_r=LOG(-2, 2), log_alpha=LOG(-2, 3), log_a=LOG(-2, 2), log_b=LOG(-2, 2),
    x=st.integers(0, 5000), share=LOG(0.01, 1), log_T=LOG(-1, 3), log_t=LOG(-2, 5),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_in_a_wide_box_answers_are_finite_possible_and_rise_with_the_horizon(
    log_r: float, log_alpha: float, log_a: float, log_b: float, x: int, share: float, log_T: float, log_t: float
) -> None:
    r, alpha, a, b, T, t = (10**v for v in (log_r, log_alpha, log_a, log_b, log_T, log_t))
    model, t_x = BetaGeoNBD(r=r, alpha=alpha, a=a, b=b), share * T if x else 0.0
    assert 0 <= model.p_alive(x, t_x, T) <= 1
    assert np.isfinite(model.log_likelihood(x, t_x, T))
    near, far = model.expected_orders([t, 1.5 * t], x, t_x, T)
    assert 0 <= near <= far * (1 + 1e-9)
    assert np.isfinite(far)
    # Who is alive for sure and never leaves orders at their rate: nobody orders more.
    assert model.expected_orders_if_alive(t, x, T) <= (r + x) / (alpha + T) * t * (1 + 1e-9)


@given(x=st.integers(1, 60), t_x=LOG(0.5, 30), wait=LOG(0, 50), more=LOG(0.01, 50))
def test_a_customer_silent_for_longer_is_less_likely_alive(x: int, t_x: float, wait: float, more: float) -> None:
    sooner, later = PUBLISHED.p_alive(x, t_x, [t_x + wait, t_x + wait + more])
    assert later <= sooner


def test_intervals_cover_the_truth_as_often_as_they_say(simulate: Callable[..., pd.DataFrame]) -> None:
    truth = {"r": 0.8, "alpha": 60.0, "a": 0.8, "b": 2.5}
    covered = []
    for seed in range(30):
        params = BetaGeoNBD.fit(simulate(1500, seed=seed, holdout_days=0), unit="days").params
        covered.append([params.low[s] <= value <= params.high[s] for s, value in truth.items()])
    assert np.mean(covered) > 0.90  # of 120; 0.95 is meant


def test_forecasts_come_true_on_simulated_customers(simulate: Callable[..., pd.DataFrame]) -> None:
    customers = simulate(40_000, seed=99)
    model = BetaGeoNBD.fit(customers, unit="days")
    expected = model.expected_orders(365, customers["frequency"], customers["recency"], customers["T"])
    assert expected.sum() == pytest.approx(customers["holdout_orders"].sum(), rel=0.02)
    silent = pd.qcut(model.p_alive(customers["frequency"], customers["recency"], customers["T"]), 4, duplicates="drop")
    by = customers.assign(expected=expected).groupby(silent, observed=True)
    np.testing.assert_allclose(by["expected"].mean(), by["holdout_orders"].mean(), rtol=0.1, atol=0.02)
