"""Gamma-gamma: the published numbers, gradients, and what happens where it has no mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ibis
import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from crmlib.engine import to_pandas
from crmlib.models import (
    CustomerBaseInvalid,
    FitDidNotConverge,
    GammaGamma,
    MeanSpendUndefined,
    TooFewRepeatBuyers,
    customer_base,
)
from crmlib.models import gamma_gamma as module


def test_the_published_fit_is_reproduced(cdnow_spend: GammaGamma) -> None:
    assert cdnow_spend.log_likelihood_ == pytest.approx(-4055.918, abs=5e-4)
    assert [round(getattr(cdnow_spend, symbol), 4) for symbol in "pqv"] == [6.2496, 3.7442, 15.4435]


def test_published_expected_spends_of_the_first_ten(cdnow: pd.DataFrame, cdnow_spend: GammaGamma) -> None:
    first = cdnow.head(10)
    spend = cdnow_spend.expected_spend(first["frequency"], first["monetary"])
    assert spend.round(2).tolist() == [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]


def test_gradient_and_hessian_are_those_of_finite_differences(cdnow: pd.DataFrame) -> None:
    repeat = cdnow[cdnow["frequency"] > 0]
    x, m = repeat["frequency"].to_numpy(dtype=float), repeat["monetary"].to_numpy()
    likelihood = module._likelihood(*module._merged(x, m, np.ones(len(x))))
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
    assert cdnow_spend.passed_over == 0
    free = pd.DataFrame({"customer_id": [9998, 9999], "frequency": [2, 1], "monetary": [0.0, 0.0]})
    with_free = pd.concat([cdnow, free])
    for table in (with_free, ibis.memtable(with_free)):
        fit = GammaGamma.fit(table)
        assert fit.passed_over == 2
        assert fit.v == cdnow_spend.v


def test_negative_and_missing_spends_are_named() -> None:
    customers = pd.DataFrame({"customer_id": list("abc"), "frequency": [1, 2, 3], "monetary": [5.0, -2.0, 3.0]})
    wrong = customers.assign(monetary=[np.nan, -2.0, 3.0])
    for kind in (lambda frame: frame, ibis.memtable):
        with pytest.raises(CustomerBaseInvalid, match="customer b: repeat purchases with a mean spend of 0 or less"):
            GammaGamma.fit(kind(customers))
        with pytest.raises(CustomerBaseInvalid, match="customer c: a missing or infinite value"):
            GammaGamma.fit(kind(customers.assign(monetary=[5.0, 2.0, np.nan])))
        with pytest.raises(CustomerBaseInvalid) as refused:
            GammaGamma.fit(kind(wrong))
        assert str(refused.value).splitlines() == [
            "2 things are wrong:",
            "- customer a: a missing or infinite value (frequency 1, monetary nan); leave such rows out",
            "- customer b: repeat purchases with a mean spend of 0 or less (monetary -2); take refunds off before the "
            "summary, and leave out customers who only ever received free goods",
        ]
        with pytest.raises(CustomerBaseInvalid, match="no column monetary; make it with summary"):
            GammaGamma.fit(kind(customers[["customer_id", "frequency"]]))
        with pytest.raises(CustomerBaseInvalid, match="customer c: text in the column monetary"):
            GammaGamma.fit(kind(customers.assign(monetary=["5", "2", "much"])))


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


def log_density(p: float, q: float, v: float, x: float, m: float) -> mpmath.mpf:
    """Equation 1a as it is printed, with 60 digits."""
    p, q, v, x, m = map(mpmath.mpf, (p, q, v, x, m))
    return (
        mpmath.loggamma(p * x + q) - mpmath.loggamma(p * x) - mpmath.loggamma(q) + q * mpmath.log(v)
        + (p * x - 1) * mpmath.log(m) + p * x * mpmath.log(x) - (p * x + q) * mpmath.log(x * m + v)
    )  # fmt: skip


TENS = st.floats(-3, 6)


@given(log_p=TENS, log_q=TENS, log_v=TENS, log_m=TENS, log_x=st.floats(0, 5), near=st.none() | st.floats(-3, 3))
@settings(max_examples=400, deadline=None)
def test_every_number_is_exact_for_any_parameters(
    log_p: float, log_q: float, log_v: float, log_m: float, log_x: float, near: float | None
) -> None:
    p, q, v, m = (10.0**log for log in (log_p, log_q, log_v, log_m))
    x = float(np.floor(10**log_x))
    if near is not None:  # where the density is high, so that large terms cancel
        m = p * v / q * np.exp(near / np.sqrt(max(min(p * x, q), 1.0)))
    model = GammaGamma(p=p, q=q, v=v)
    with mpmath.workdps(60):
        exact = log_density(p, q, v, x, m)
        assert abs(model.log_likelihood(x, m).item() - exact) <= 1e-10 * abs(exact) + 1e-12
        below = mpmath.mpf(p) * x + mpmath.mpf(q) - 1
        own = mpmath.mpf(v) + mpmath.mpf(x) * m
        if below > 1e-6:
            assert abs(model.expected_spend(x, m).item() / (p * own / below) - 1) < 1e-8
        if below > 1.1:
            square = own**2 / (below * (below - 1))
            one, two = model.spend_squares(x, m)
            assert abs(one.item() / (mpmath.mpf(p) * (mpmath.mpf(p) + 1) * square) - 1) < 1e-10
            assert abs(two.item() / (mpmath.mpf(p) ** 2 * square) - 1) < 1e-10


@given(log_p=st.floats(-3, 12), log_q=st.floats(-3, 12), log_v=st.floats(-9, 9))
@settings(max_examples=100, deadline=None)
def test_the_likelihood_of_a_fit_is_that_of_its_customers_up_to_the_limits(
    log_p: float, log_q: float, log_v: float
) -> None:
    x, m = np.array([1.0, 1.0, 3.0, 40.0]), np.array([0.5, 2.0, 1.0, 1.3])
    weights = np.array([1.0, 2.0, 3.0, 1.0])
    place = np.log(10.0) * np.array([log_p, log_q, log_v])
    value, gradient, hessian = module._likelihood(x, m, weights)(place)
    with mpmath.workdps(60):
        p, q, v = (mpmath.exp(mpmath.mpf(log)) for log in place.tolist())
        exact, slope, curve = mpmath.mpf(0), mpmath.zeros(3, 1), mpmath.zeros(3, 3)
        for n, a, b in zip(weights.tolist(), x.tolist(), m.tolist(), strict=True):
            s = mpmath.mpf(a) * mpmath.mpf(b)
            exact += n * log_density(p, q, v, a, b)
            A, N, psi, psi1 = p * a, p * a + q, partial(mpmath.psi, 0), partial(mpmath.psi, 1)
            first = [
                A * (psi(N) - psi(A) + mpmath.log(s / (s + v))),
                q * (psi(N) - psi(q) + mpmath.log(v / (s + v))),
                q - N * v / (s + v),
            ]
            pp, pq, pv = first[0] + A**2 * (psi1(N) - psi1(A)), A * q * psi1(N), -A * v / (s + v)
            qq, qv, vv = first[1] + q**2 * (psi1(N) - psi1(q)), q * s / (s + v), -N * v * s / (s + v) ** 2
            slope += n * mpmath.matrix(first)
            curve += n * mpmath.matrix([[pp, pq, pv], [pq, qq, qv], [pv, qv, vv]])
    slopes = np.array(slope.tolist(), dtype=float).ravel()
    curves = np.array(curve.tolist(), dtype=float)
    assert abs(value - exact) <= 1e-10 * abs(exact) + 1e-10
    # Logarithms near 0 are exact to 1e-16, and are multiplied by shapes.
    size = np.abs(np.diag(curves)).max()
    np.testing.assert_allclose(gradient, slopes, rtol=1e-10, atol=1e-13 + 1e-15 * size)
    np.testing.assert_allclose(hessian, curves, rtol=1e-10, atol=1e-13 + 1e-15 * size)


def test_a_fit_without_maximum_says_what_is_so_in_the_data() -> None:
    random = np.random.default_rng(0)
    x = random.integers(1, 8, 2000).astype(float)
    alike = random.gamma(6 * x, 1 / (0.3 * x))
    with pytest.raises(
        FitDidNotConverge, match=r"as if all customers spent alike \(q and v run to infinity\). The data:"
    ):
        GammaGamma.fit(x, alike)
    with pytest.raises(FitDidNotConverge, match="as if all orders of a customer cost the same") as refused:
        GammaGamma.fit(x, random.choice([10.0, 20.0], 2000))
    assert refused.value.runs_to == {"p": "infinity", "v": "0"}
    with pytest.raises(FitDidNotConverge, match="everybody spends nearly the same on every order"):
        GammaGamma.fit(x, 20 * (1 + 1e-6 * random.normal(size=2000)))
    assert GammaGamma.fit(x, alike, prior_spread=2.0).p == pytest.approx(6, rel=0.2)


def test_a_row_may_stand_for_several_customers(cdnow: pd.DataFrame, cdnow_spend: GammaGamma) -> None:
    counted = cdnow.groupby(["frequency", "monetary"], as_index=False).agg(customers=("customer_id", "size"))
    assert len(counted) < len(cdnow) / 2
    for table in (counted, ibis.memtable(counted)):
        fit = GammaGamma.fit(table)
        assert fit.log_parameters.tolist() == cdnow_spend.log_parameters.tolist()
        assert fit.observed_mean == cdnow_spend.observed_mean
    twice = GammaGamma.fit(pd.concat([cdnow, cdnow]).drop(columns="customer_id"))
    np.testing.assert_allclose(twice.log_parameters, cdnow_spend.log_parameters, atol=1e-6)
    assert twice.log_likelihood_ == pytest.approx(2 * cdnow_spend.log_likelihood_, rel=1e-12)


def test_only_the_distinct_spends_of_repeat_buyers_leave_a_database(
    cdnow: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[pd.DataFrame] = []

    def watched(table: object) -> pd.DataFrame:
        fetched.append(to_pandas(table))
        return fetched[-1]

    monkeypatch.setattr(customer_base, "to_pandas", watched)
    GammaGamma.fit(ibis.memtable(cdnow))
    (frame,) = fetched
    repeat = cdnow[cdnow["frequency"] > 0]
    assert set(frame.columns) == {"frequency", "monetary", "rows_alike"}
    assert len(frame) == len(repeat[["frequency", "monetary"]].drop_duplicates())
    assert frame["rows_alike"].sum() == len(repeat) == 946


# The next orders' spend


def test_simulated_totals_have_the_distribution_of_the_model() -> None:
    p, q, v, x, m = 2.5, 5.0, 15.0, 2, 30.0
    model = GammaGamma(p=p, q=q, v=v)
    orders = np.tile([0, 1, 4], 100_000)
    totals = (v + x * m) * model.simulate_total(orders, x, np.random.default_rng(5))
    assert (totals[orders == 0] == 0).all()
    square, product = model.spend_squares(x, m)
    for n in (1, 4):
        some = totals[orders == n]
        variance = n * square + n * (n - 1) * product - (n * model.expected_spend(x, m)) ** 2
        standard_error = np.sqrt(variance / len(some))
        assert abs(some.mean() - n * model.expected_spend(x, m)) < 4 * standard_error
        # w = total / (total + v + x·m) is a beta (p·n, p·x + q).
        shares = some / (some + v + x * m)
        assert stats.kstest(shares, stats.beta(p * n, p * x + q).cdf).pvalue > 0.01


def test_a_customers_true_mean_lies_in_its_interval_as_often_as_said() -> None:
    p, q, v, x = 6.0, 4.0, 20.0, 3
    random = np.random.default_rng(8)
    scale = random.gamma(q, 1 / v, 200_000)
    m = random.gamma(p * x, 1 / (scale * x))
    low, high = GammaGamma(p=p, q=q, v=v).spend_interval_factors(x, 0.8)
    own = v + x * m
    assert np.mean(p / scale < own * low) == pytest.approx(0.1, abs=0.003)
    assert np.mean(p / scale > own * high) == pytest.approx(0.1, abs=0.003)


@given(log_p=st.floats(-6, 9), log_q=st.floats(-6, 9), x=st.integers(0, 100_000), confidence=st.floats(0.01, 0.999))
@settings(max_examples=150, deadline=None)
def test_intervals_of_mean_spend_are_quantiles_of_the_inverse_gamma(
    log_p: float, log_q: float, x: int, confidence: float
) -> None:
    p, q = 10.0**log_p, 10.0**log_q
    low, high = GammaGamma(p=p, q=q, v=1.0).spend_interval_factors([x], confidence)
    assert 0 < low[0] <= high[0] <= 1e100
    beyond = (1 - confidence) / 2
    if low[0] < 1e100:
        assert stats.gamma(p * x + q).sf(p / low[0]) == pytest.approx(beyond, rel=1e-8)
    if high[0] < 1e100:
        assert stats.gamma(p * x + q).cdf(p / high[0]) == pytest.approx(beyond, rel=1e-8)


@given(log_p=st.floats(-12, 12), log_q=st.floats(-12, 12))
@settings(max_examples=100, deadline=None)
def test_simulated_totals_are_numbers_whatever_the_parameters(log_p: float, log_q: float) -> None:
    model = GammaGamma(p=10**log_p, q=10**log_q, v=1.0)
    orders, x = np.meshgrid([0, 1, 7, 100_000], [0, 1, 12, 100_000])
    totals = model.simulate_total(orders, x, np.random.default_rng(1))
    assert totals.shape == (4, 4)
    assert np.isfinite(totals).all()
    assert (totals >= 0).all()
    assert (totals <= 1.001e100).all()
    assert (totals[:, 0] == 0).all()


def test_a_confidence_is_a_share() -> None:
    with pytest.raises(ValueError, match=r"confidence must be between 0 and 1, such as 0\.9, not 90"):
        GammaGamma(p=6.0, q=4.0, v=20.0).spend_interval_factors([1], 90)
