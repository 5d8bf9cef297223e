"""Pareto/NBD: the published numbers, oracles in high precision, properties, and recovery of the truth."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from crmlib.models import CustomerBaseInvalid, FitDidNotConverge, ParetoNBD
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import read_histories
from crmlib.models.maximum_likelihood import maximise

# Where the optimiser of R's BTYD stopped on CDNOW, as far as its eleven printed results tell; its earlier version
# stopped at EARLIER; and its manual rounds to MANUAL.
STOPPED = ParetoNBD(r=0.55337569, alpha=10.57954835, s=0.60589938, beta=11.65770196)
EARLIER = ParetoNBD(r=0.5533971, alpha=10.5801985, s=0.6060625, beta=11.6562237)
MANUAL = ParetoNBD(r=0.55, alpha=10.56, s=0.61, beta=11.64)


@pytest.fixture(scope="module")
def cdnow_pareto(cdnow: pd.DataFrame) -> ParetoNBD:
    return ParetoNBD.fit(cdnow)


# --- published numbers


def test_the_published_fit_is_reproduced(cdnow: pd.DataFrame, cdnow_pareto: ParetoNBD) -> None:
    assert cdnow_pareto.log_likelihood_ == pytest.approx(-9594.976, abs=5e-4)
    assert round(cdnow_pareto.r, 5) == 0.55328
    assert round(cdnow_pareto.alpha, 4) == 10.5777
    assert round(cdnow_pareto.s, 5) == 0.60624
    assert cdnow_pareto.beta == pytest.approx(11.6687, abs=1.5e-4)
    assert cdnow_pareto.converged
    # Where others stopped, it is less likely, though only just.
    x, t_x, T = (cdnow[name] for name in ("frequency", "recency", "T"))
    for stopped in (STOPPED, EARLIER):
        below = cdnow_pareto.log_likelihood_ - stopped.log_likelihood(x, t_x, T).sum()
        assert 0 < below < 1e-4


def test_published_expectations_for_new_customers() -> None:
    published = [0.0508, 0.0992, 0.1454, 0.1898, 0.2325, 0.2736, 0.3134, 0.3518, 0.3891]
    assert MANUAL.expected_orders_new(np.arange(1, 10)).round(4).tolist() == published
    assert MANUAL.p_alive(0, 0, 39) == pytest.approx(0.2924031, abs=5e-8)


def test_published_conditional_expectations() -> None:
    assert STOPPED.expected_orders(52, 26, 30.857143, 31) == pytest.approx(25.4565, abs=6e-5)
    assert STOPPED.p_alive(26, 30.857143, 31) == pytest.approx(0.99787, abs=5e-6)
    assert EARLIER.p_alive(0, 0, 39) == pytest.approx(0.29416, abs=5e-6)


def test_more_orders_long_ago_are_worth_less() -> None:
    paradox = STOPPED.expected_orders(52, [10, 15, 20, 25], 20, 39)
    assert [float(f"{value:.5g}") for value in paradox] == [0.70623, 0.14424, 0.022507, 0.0030927]


@pytest.mark.parametrize(("model", "off"), [("stopped", 6e-4), ("fitted", 5e-3)])
def test_published_orders_in_weeks_20_to_25(
    model: str, off: float, cdnow: pd.DataFrame, cdnow_pareto: ParetoNBD
) -> None:
    since = (cdnow["T"].max() - cdnow["T"]).to_numpy()
    by_week = (STOPPED if model == "stopped" else cdnow_pareto).expected_orders_new(
        np.maximum(np.arange(19, 26)[:, None] - since, 0.0)
    )
    published = [78.308, 76.419, 74.648, 72.983, 71.414, 69.933]
    np.testing.assert_allclose(np.diff(by_week.sum(axis=1)), published, atol=off)


# --- oracles


def oracle_odds_gone(r: float, alpha: float, s: float, beta: float, x: int, t_x: float, T: float) -> mp.mpf:
    """The published form: differences of two hypergeometric functions (Fader & Hardie 2005)."""
    r_, alpha_, s_, beta_, t_x_, T_ = (mp.mpf(float(v)) for v in (r, alpha, s, beta, t_x, T))
    A, z = r_ + x, abs(alpha_ - beta_)
    order, time = (s_ + 1, alpha_) if alpha >= beta else (A, beta_)
    term = lambda t: mp.hyp2f1(A + s_, order, A + s_ + 1, z / (time + t)) / (time + t) ** (A + s_)  # noqa: E731
    return s_ / (A + s_) * (term(t_x_) - term(T_)) * (alpha_ + T_) ** A * (beta_ + T_) ** s_


def fine_log_integral(log_density: Callable[[Numbers], Numbers], high: float) -> np.longdouble:
    """log ∫ exp(log_density(y)) dy over y < high, in 80 bits: 200 panels of 40 nodes wherever there is anything."""
    seen = high - np.concatenate([[0], np.geomspace(1e-9, 150, 20_000)])[::-1].astype(np.longdouble)
    height = log_density(seen)
    kept = np.flatnonzero(height > height.max() - 60)
    panels = np.linspace(seen[max(kept[0] - 2, 0)], seen[min(kept[-1] + 2, len(seen) - 1)], 201)
    place, weight = np.polynomial.legendre.leggauss(40)
    half, middle = (panels[1] - panels[0]) / 2, (panels[1:] + panels[:-1]) / 2
    values = log_density(middle[:, None] + half * place.astype(np.longdouble))
    return np.log(np.sum(np.exp(values - values.max()) * weight) * half) + values.max()


def fine_log_odds_gone(model: ParetoNBD, x: int, t_x: float, T: float) -> float:
    """log of s ∫ ((α+T)/(α+τ))^A ((β+T)/(β+τ))^s dτ/(β+τ), over log(τ − t_x)."""
    r, alpha, s, beta, t_x, T = (np.longdouble(v) for v in (model.r, model.alpha, model.s, model.beta, t_x, T))

    def log_density(y: Numbers) -> Numbers:
        later = np.exp(y)
        a, b, span = alpha + t_x, beta + t_x, T - t_x
        fall = (r + x) * (np.log1p(span / a) - np.log1p(later / a)) + s * (np.log1p(span / b) - np.log1p(later / b))
        return fall + y - np.log(b + later)

    return float(np.log(s) + fine_log_integral(log_density, np.log(T - t_x)))


@st.composite
def boxes(draw: st.DrawFn) -> tuple[ParetoNBD, int, float, float, float]:
    """A model, x, t_x, T and t from all over the wide box."""
    shape, time = st.floats(-3, 3), st.floats(-3, 5)
    r, s, alpha, beta = (10 ** draw(v) for v in (shape, shape, time, time))
    x = draw(st.one_of(st.integers(0, 3), st.floats(0, 5).map(lambda v: int(10**v))))
    T, t = 10 ** draw(time), 10 ** draw(time)
    t_x = T * draw(st.one_of(st.floats(0.001, 1), st.floats(-6, 0).map(lambda v: 10**v))) if x else 0.0
    return ParetoNBD(r=r, alpha=alpha, s=s, beta=beta), x, t_x, T, t


@given(boxes())
@settings(max_examples=150, deadline=None)
def test_p_alive_and_likelihood_agree_with_a_fine_quadrature(box) -> None:
    model, x, t_x, T, _ = box
    if t_x == T:
        assert model.p_alive(x, t_x, T) == 1
        return
    odds = fine_log_odds_gone(model, x, t_x, T)
    with mp.workdps(30):
        r, alpha, s, beta = (mp.mpf(v) for v in (model.r, model.alpha, model.s, model.beta))
        alive = mp.loggamma(r + x) - mp.loggamma(r) - x * mp.log(alpha + T)
        alive -= r * mp.log1p(T / alpha) + s * mp.log1p(T / beta)
        expected = float(alive + np.logaddexp(0, odds))
    assert model.log_odds_gone(x, t_x, T) == pytest.approx(odds, rel=1e-14, abs=1e-9)
    assert model.p_alive(x, t_x, T) == pytest.approx(special.expit(-odds), rel=1e-8, abs=1e-300)
    assert model.log_likelihood(x, t_x, T) == pytest.approx(expected, rel=1e-11, abs=1e-11)
    value, _, _ = ParetoNBD.row_likelihood([model.log_parameters], x, t_x, T)
    assert value[0] == pytest.approx(expected, rel=1e-11, abs=1e-11)


@given(
    st.floats(-2, 1.5), st.floats(-1, 2), st.floats(-2, 1.5), st.floats(-1, 2), st.integers(0, 40),
    st.floats(0.01, 0.99), st.floats(0, 2),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_p_alive_agrees_with_the_published_form_in_high_precision(
    log_r: float, log_alpha: float, log_s: float, log_beta: float, x: int, share: float, log_T: float
) -> None:
    r, alpha, s, beta, T = (10**v for v in (log_r, log_alpha, log_s, log_beta, log_T))
    t_x = share * T if x else 0.0
    with mp.workdps(60):
        expected = float(1 / (1 + oracle_odds_gone(r, alpha, s, beta, x, t_x, T)))
    model = ParetoNBD(r=r, alpha=alpha, s=s, beta=beta)
    assert model.p_alive(x, t_x, T) == pytest.approx(expected, rel=1e-10)


@given(boxes())
@settings(max_examples=300, deadline=None)
def test_expectations_of_living_customers_agree_with_closed_forms_in_high_precision(box) -> None:
    model, x, _, T, t = box
    with mp.workdps(80):
        s, b, t_ = mp.mpf(model.s), mp.mpf(model.beta) + T, mp.mpf(t)
        rate = (mp.mpf(model.r) + x) / (mp.mpf(model.alpha) + T)
        power = lambda c: mp.expm1(c * mp.log1p(t_ / b)) / c if c else mp.log1p(t_ / b)  # noqa: E731
        orders = float(rate * b * power(1 - s))
        pairs = float(rate * (rate + 1 / (mp.mpf(model.alpha) + T)) * 2 * b**2 * (power(2 - s) - power(1 - s)))
    assert model.expected_orders_if_alive(t, x, T) == pytest.approx(orders, rel=1e-11, abs=0)
    assert model.expected_order_pairs_if_alive(t, x, T) == pytest.approx(pairs, rel=1e-10, abs=0)


@given(boxes(), st.floats(-7, 1))
@settings(max_examples=60, deadline=None)
def test_residual_orders_agree_with_a_fine_quadrature(box, log_discount: float) -> None:
    model, x, _, T, _ = box
    z, s = np.longdouble(10**log_discount) * (np.longdouble(model.beta) + T), model.s
    high = np.log(150 / z)  # beyond, e^(−zu) is gone
    stay = np.exp(fine_log_integral(lambda y: -z * np.exp(y) - s * np.log1p(np.exp(y)) + y, high))
    expected = float((model.r + x) / (model.alpha + T) * (model.beta + T) * stay)
    assert model.residual_orders_if_alive(x, T, 10**log_discount) == pytest.approx(expected, rel=1e-10, abs=0)


@pytest.mark.parametrize("s", [0.01, 0.6, 1.0, 2.0, 7.5])
@pytest.mark.parametrize("discount", [1e-5, 0.0027, 0.5])
def test_residual_orders_agree_with_the_generalised_exponential_integral(s: float, discount: float) -> None:
    model = ParetoNBD(r=0.5, alpha=10.0, s=s, beta=12.0)
    with mp.workdps(40):
        z = mp.mpf(discount) * 32
        expected = float(2.5 / 30.0 * 32 * mp.exp(z) * mp.expint(s, z))
    assert model.residual_orders_if_alive(2, 20.0, discount) == pytest.approx(expected, rel=1e-12, abs=0)


def oracle_log_pmf(model: ParetoNBD, n: int, t: float) -> float:
    """log P(X(t) = n): those still there, and an integral over the log of the time at which the others left."""
    r, alpha, s, beta, t_ = (np.longdouble(v) for v in (model.r, model.alpha, model.s, model.beta, t))

    def log_density(y: Numbers) -> Numbers:
        tau = np.exp(y)
        return -n * np.log1p(alpha / tau) - r * np.log1p(tau / alpha) - (s + 1) * np.log1p(tau / beta) + y

    gone = fine_log_integral(log_density, np.log(t_)) + np.log(s / beta)
    alive = -n * np.log1p(alpha / t_) - r * np.log1p(t_ / alpha) - s * np.log1p(t_ / beta)
    with mp.workdps(30):
        ways = float(mp.loggamma(mp.mpf(model.r) + n) - mp.loggamma(model.r) - mp.loggamma(n + 1))
    return float(np.logaddexp(gone, alive)) + ways


@given(boxes(), st.one_of(st.integers(0, 3), st.floats(0, 5).map(lambda v: int(10**v))))
@settings(max_examples=60, deadline=None)
def test_the_chance_of_so_many_orders_agrees_with_a_fine_quadrature(box, n: int) -> None:
    model, _, _, _, t = box
    log_chance = oracle_log_pmf(model, n, t)
    if log_chance > -650:
        assert model.pmf(n, t) == pytest.approx(math.exp(log_chance), rel=1e-8, abs=0)
    else:
        assert 0 <= model.pmf(n, t) < 1e-280


@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0.0, 30.0), (1, 2.0, 10.0), (4, 12.5, 30.0), (12, 38.0, 39.0)])
def test_p_alive_and_likelihood_agree_with_the_integral_over_all_rates(x: int, t_x: float, T: float) -> None:
    model = ParetoNBD(r=0.7, alpha=5.0, s=0.8, beta=9.0)
    u = np.linspace(-60, 8, 1501)  # of log λ and log μ, where the trapezoid rule is exact to rounding
    rate, leaving = np.exp(u)[:, None], np.exp(u)
    density = lambda rate, shape, time: np.exp(  # noqa: E731
        shape * np.log(time * rate) - time * rate - special.gammaln(shape)
    )
    both = density(rate, model.r, model.alpha) * density(leaving, model.s, model.beta) * (u[1] - u[0]) ** 2
    alive = float(np.sum(both * rate**x * np.exp(-(rate + leaving) * T)))
    gone_from = np.exp(-(rate + leaving) * t_x) * -np.expm1(-(rate + leaving) * (T - t_x))
    gone = float(np.sum(both * rate**x * leaving / (rate + leaving) * gone_from))
    assert model.p_alive(x, t_x, T) == pytest.approx(alive / (alive + gone), rel=1e-9)
    assert model.log_likelihood(x, t_x, T) == pytest.approx(np.log(alive + gone), rel=1e-9)


@pytest.mark.parametrize("whole", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("t", [1e-6, 0.5, 30.0, 1e4])
def test_nothing_happens_where_s_is_whole(whole: float, t: float) -> None:
    def answers(s: float) -> list[float]:
        model = ParetoNBD(r=0.5, alpha=10.0, s=s, beta=12.0)
        return [
            float(model.expected_orders_if_alive(t, 2, 20.0)),
            float(model.expected_order_pairs_if_alive(t, 2, 20.0)),
            float(model.residual_orders_if_alive(2, 20.0, 0.003)),
        ]

    for off in (1e-12, 1e-9):
        np.testing.assert_allclose(answers(whole - off), answers(whole), rtol=30 * off + 1e-12)
        np.testing.assert_allclose(answers(whole + off), answers(whole), rtol=30 * off + 1e-12)


def test_huge_parameters_are_the_limit_of_equal_customers() -> None:
    # All order at rate 0.2 and leave at rate 0.05: the textbook's Poisson process with an exponential lifetime.
    rate, leaving, t, T = 0.2, 0.05, 13.0, 9.0
    model = ParetoNBD(r=rate * 1e13, alpha=1e13, s=leaving * 1e13, beta=1e13)
    stay = -math.expm1(-leaving * t) / leaving
    assert model.expected_orders_new(t) == pytest.approx(rate * stay, rel=1e-9)
    assert model.expected_orders_if_alive(t, 3, T) == pytest.approx(rate * stay, rel=1e-9)
    squared = 2 / leaving**2 * special.gammainc(2, leaving * t)
    assert model.expected_order_pairs_if_alive(t, 3, T) == pytest.approx(rate**2 * squared, rel=1e-9)
    assert model.residual_orders_if_alive(3, T, 0.01) == pytest.approx(rate / (leaving + 0.01), rel=1e-9)
    odds = leaving / (rate + leaving) * math.expm1((rate + leaving) * 5.0)
    assert model.p_alive(3, T - 5.0, T) == pytest.approx(1 / (1 + odds), rel=1e-9)


# --- derivatives


@given(
    st.lists(st.floats(-4, 7), min_size=4, max_size=4), st.integers(0, 60), st.floats(0.01, 1), st.floats(0.1, 60)
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_gradient_and_hessian_are_those_of_finite_differences(place, x: int, share: float, T: float) -> None:
    place, step = np.array(place), 1e-3
    t_x = share * T if x else 0.0
    # Differences of the fourth order: ±1 and ±2 steps along each log-parameter.
    offsets = np.concatenate([k * step * np.eye(4) for k in (-2, -1, 1, 2)])
    value, gradient, _ = ParetoNBD.row_likelihood(place + offsets, x * np.ones(16), t_x, T)
    _, slopes, curves = ParetoNBD.row_likelihood([place], x, t_x, T)
    difference = lambda f: (f[0:4] - 8 * f[4:8] + 8 * f[8:12] - f[12:16]) / (12 * step)  # noqa: E731
    size = 1 + np.abs(value).max()
    np.testing.assert_allclose(slopes[0], difference(value), rtol=1e-8, atol=1e-10 * size)
    np.testing.assert_allclose(curves[0], difference(gradient), rtol=1e-8, atol=1e-9 * (1 + np.abs(gradient).max()))


def test_the_merged_likelihood_is_the_sum_over_customers(cdnow: pd.DataFrame, cdnow_pareto: ParetoNBD) -> None:
    x, t_x, T = (cdnow[name].to_numpy() for name in ("frequency", "recency", "T"))
    place = cdnow_pareto.log_parameters + 0.1
    rows = ParetoNBD.row_likelihood(place[None, :], x, t_x, T)
    merged = ParetoNBD.likelihood(read_histories(cdnow))(place)
    for one, all_ in zip(rows, merged, strict=True):
        np.testing.assert_allclose(one.sum(axis=0), all_, rtol=1e-10)
    moved = cdnow_pareto.with_log_parameters(place)
    np.testing.assert_allclose(rows[0], moved.log_likelihood(x, t_x, T), rtol=1e-12)


def test_each_row_may_have_parameters_of_its_own() -> None:
    x, t_x, T = np.array([0.0, 3.0, 40.0]), np.array([0.0, 5.0, 30.0]), np.array([20.0, 9.0, 30.0])
    places = np.log([(0.5, 10.0, 0.6, 12.0), (250.0, 900.0, 2.0, 5.0), (99.0, 40.0, 300.0, 1e5)])
    together = ParetoNBD.row_likelihood(places, x, t_x, T)
    for i in range(3):
        alone = ParetoNBD.row_likelihood(places[[i]], x[i], t_x[i], T[i])
        for both, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(both[i], one[0], rtol=1e-11)


# --- the fit


def test_the_fit_knows_neither_row_order_nor_unit_nor_start(cdnow: pd.DataFrame, cdnow_pareto: ParetoNBD) -> None:
    shuffled = ParetoNBD.fit(cdnow.sample(frac=1, random_state=3))
    assert shuffled.log_parameters.tolist() == cdnow_pareto.log_parameters.tolist()
    in_days = ParetoNBD.fit(cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7, unit="days"), unit="days")
    np.testing.assert_allclose(
        in_days.log_parameters, cdnow_pareto.log_parameters + np.log([1, 7, 1, 7]), rtol=0, atol=1e-6
    )
    assert in_days.expected_orders_new(364) == pytest.approx(cdnow_pareto.expected_orders_new(52), rel=1e-7)
    likelihood = ParetoNBD.likelihood(read_histories(cdnow))
    heights = [maximise(likelihood, [start], ParetoNBD.symbols)[1] for start in ParetoNBD.starts]
    np.testing.assert_allclose(heights, cdnow_pareto.log_likelihood_, atol=1e-7)


def simulated(customers: int, *, seed: int, model: ParetoNBD, until: float) -> pd.DataFrame:
    """Customers of a Pareto/NBD base, first seen at some time in the first half, until ``until``; times in weeks."""
    random = np.random.default_rng(seed)
    T = until * random.uniform(0.5, 1.0, customers)
    rate = random.gamma(model.r, 1 / model.alpha, customers)
    leaving = random.gamma(model.s, 1 / model.beta, customers)
    stay = random.exponential(1.0, customers) / np.maximum(leaving, 1e-300)
    seen = np.minimum(stay, T)
    x = random.poisson(rate * seen).astype(float)
    # The last of x evenly spread times.
    t_x = np.where(x > 0, seen * random.random(customers) ** (1 / np.maximum(x, 1)), 0.0)
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": T, "alive": stay > T, "rate": rate, "left": stay - T})


TRUTH = ParetoNBD(r=0.8, alpha=10.0, s=0.7, beta=20.0)


def test_the_truth_is_recovered() -> None:
    customers = simulated(12_000, seed=5, model=TRUTH, until=100.0)
    model = ParetoNBD.fit(customers)
    off = (model.log_parameters - TRUTH.log_parameters) / np.sqrt(np.diag(model.covariance))
    assert np.abs(off).max() < 3
    np.testing.assert_allclose(model.log_parameters, TRUTH.log_parameters, atol=0.25)
    x, t_x, T = (customers[name].to_numpy() for name in ("frequency", "recency", "T"))
    # Of customers of whom 30 % are said to be alive, 30 % are; and they order as often as expected.
    p_alive = model.p_alive(x, t_x, T)
    share = customers.groupby(pd.cut(p_alive, np.linspace(0, 1, 6)))["alive"].agg(["mean", "size"])
    said = pd.Series(p_alive).groupby(pd.cut(p_alive, np.linspace(0, 1, 6))).mean()
    assert (np.abs(share["mean"] - said) < 4 * np.sqrt(0.25 / share["size"])).all()
    orders = customers["rate"] * np.clip(customers["left"], 0, 52)
    assert model.expected_orders(52, x, t_x, T).sum() == pytest.approx(orders.sum(), rel=0.03)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered = []
    for seed in range(40):
        params = ParetoNBD.fit(simulated(1500, seed=100 + seed, model=TRUTH, until=100.0)).params
        covered.append([params.low[s] <= getattr(TRUTH, s) <= params.high[s] for s in ParetoNBD.symbols])
    assert np.mean(covered) > 0.90  # of 160; 0.95 is meant


def test_a_base_where_nobody_leaves_has_no_maximum() -> None:
    customers = pd.DataFrame({"frequency": [19.0, 20.0] * 50, "recency": 20.0, "T": 20.0})
    with pytest.raises(FitDidNotConverge, match="no maximum of the likelihood was found"):
        ParetoNBD.fit(customers)
    model = ParetoNBD.fit(customers, prior_spread=2)
    assert model.expected_orders(10, 20, 20, 20) == pytest.approx(10, rel=0.1)


# --- simulation


def test_simulated_futures_have_the_expected_means() -> None:
    model, count = ParetoNBD(r=0.8, alpha=10.0, s=1.6, beta=20.0), 400_000
    for x, T in ((0.0, 0.0), (6.0, 40.0)):
        future = model.simulate_if_alive(
            30.0, np.full(count, x), np.full(count, T), np.random.default_rng(3), discount=0.01
        )
        orders, pairs = future.orders, future.orders * (future.orders - 1)
        for drawn, expected in (
            (orders, model.expected_orders_if_alive(30.0, x, T)),
            (pairs, model.expected_order_pairs_if_alive(30.0, x, T)),
            (future.residual_orders, model.residual_orders_if_alive(x, T, 0.01)),
        ):
            assert abs(drawn.mean() - expected) < 4 * drawn.std() / np.sqrt(count)
    none = model.pmf(np.arange(4), 30.0)
    new = model.simulate_if_alive(30.0, np.zeros(count), np.zeros(count), np.random.default_rng(4)).orders
    found = [(new == n).mean() for n in range(4)]
    assert np.abs(found - none).max() < 4 * np.sqrt(0.25 / count)


def test_customers_who_never_leave_are_simulated_without_infinities() -> None:
    model = ParetoNBD(r=0.5, alpha=10.0, s=1e-3, beta=1e5)
    future = model.simulate_if_alive(52.0, np.zeros(1000), np.zeros(1000), np.random.default_rng(1), discount=0.01)
    assert np.isfinite(future.orders).all()
    assert np.isfinite(future.residual_orders).all()
    undiscounted = model.simulate_if_alive(52.0, np.zeros(9), np.zeros(9), np.random.default_rng(1))
    assert undiscounted.residual_orders.tolist() == [0.0] * 9


# --- properties


@given(boxes())
@settings(max_examples=200, deadline=None)
def test_in_a_wide_box_answers_are_finite_possible_and_rise_with_the_horizon(box) -> None:
    model, x, t_x, T, t = box
    assert 0 <= model.p_alive(x, t_x, T) <= 1
    assert np.isfinite(model.log_likelihood(x, t_x, T))
    near, far = model.expected_orders([t, 1.5 * t], x, t_x, T)
    assert 0 <= near <= far * (1 + 1e-12)
    assert np.isfinite(far)
    surely = model.expected_orders_if_alive(t, x, T)
    assert surely <= (model.r + x) / (model.alpha + T) * t * (1 + 1e-9)
    assert 0 <= model.residual_orders_if_alive(x, T, 1 / t) <= (model.r + x) / (model.alpha + T) * t * (1 + 1e-9)
    value, gradient, hessian = ParetoNBD.row_likelihood([model.log_parameters], x, t_x, T)
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    assert np.isfinite(hessian).all()
    later = model.p_alive(x, t_x, [T, T * 1.1])
    assert later[1] <= later[0] * (1 + 1e-9)


def test_one_time_buyers_too_become_less_likely_alive_the_longer_they_are_silent() -> None:
    silent = STOPPED.p_alive(0, 0, np.array([0.0, 1, 5, 20, 80, 500]))
    assert silent[0] == 1
    assert (np.diff(silent) < 0).all()


def test_order_counts_are_a_distribution_with_the_expected_mean_and_pairs() -> None:
    model = ParetoNBD(r=0.9, alpha=10.0, s=0.7, beta=15.0)
    n = np.arange(800)
    chances = model.pmf(n, 39)
    assert (chances >= 0).all()
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert chances @ n == pytest.approx(model.expected_orders_new(39), rel=1e-10)
    assert chances @ (n * (n - 1)) == pytest.approx(model.expected_order_pairs_if_alive(39, 0, 0), rel=1e-10)
    assert model.pmf([0, 1, 5], 0.0).tolist() == [1, 0, 0]


def test_shapes_broadcast_and_empty_bases_are_answered() -> None:
    grid = STOPPED.p_alive(np.arange(1, 5)[:, None], 3.0, np.array([3.0, 10.0, 39.0]))
    assert grid.shape == (4, 3)
    assert grid[2, 1] == STOPPED.p_alive(3, 3.0, 10.0)
    assert STOPPED.residual_orders(np.arange(1, 5)[:, None], 3.0, np.array([3.0, 10.0]), 0.01).shape == (4, 2)
    assert STOPPED.p_alive([], [], []).shape == (0,)
    assert STOPPED.pmf([], 3.0).shape == (0,)
    assert STOPPED.expected_orders([], [], [], []).shape == (0,)


def test_impossible_histories_and_parameters_are_refused() -> None:
    with pytest.raises(CustomerBaseInvalid, match="position 1: T smaller than recency"):
        ParetoNBD.row_likelihood([[0, 0, 0, 0]], [1, 1], [1, 3], [2, 2])
    with pytest.raises(CustomerBaseInvalid, match="no repeat purchase but a recency"):
        STOPPED.p_alive(0, 1, 2)
    with pytest.raises(ValueError, match="parameter s must be a positive number"):
        ParetoNBD(r=1, alpha=1, s=0, beta=1)
