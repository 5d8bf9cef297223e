"""Models of customers who leave at orders: each answer against an independent calculation, in a wide box."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.models import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlib.models.customer_base import CustomerBase, read_histories
from crmlib.models.leaving_at_orders import (
    LeavingAtOrders,
    expected_order_pairs,
    expected_orders,
    mean_share,
    residual_orders,
    simulate,
)

MODELS = pytest.mark.parametrize("kind", [BetaGeoNBD, ModifiedBetaGeoNBD])


@MODELS
def test_the_likelihood_of_rows_is_that_of_the_model_at_each_rows_parameters(kind: type[LeavingAtOrders]) -> None:
    random = np.random.default_rng(1)
    log_parameters = random.uniform(-6, 9, (200, 4))
    x = np.where(random.random(200) < 0.3, 0.0, np.floor(10 ** random.uniform(0, 5, 200)))
    T = 10 ** random.uniform(-1, 5, 200)
    t_x = np.where(x > 0, T * random.random(200), 0.0)
    value, gradient, hessian = kind.row_likelihood(log_parameters, x, t_x, T)
    for i in range(200):
        # The merged likelihood is written otherwise, and tested on its own.
        base = CustomerBase(x[[i]], t_x[[i]], T[[i]], np.ones(1), np.empty(0))
        alone = kind.likelihood(base)(log_parameters[i])
        np.testing.assert_allclose(value[i], alone[0], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(gradient[i], alone[1], rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(hessian[i], alone[2], rtol=1e-8, atol=1e-10)


@MODELS
def test_the_likelihood_of_rows_has_its_slopes(kind: type[LeavingAtOrders]) -> None:
    random = np.random.default_rng(2)
    place = random.uniform(-2, 3, (60, 4))
    x = np.where(random.random(60) < 0.3, 0.0, np.floor(10 ** random.uniform(0, 2, 60)))
    T = 10 ** random.uniform(0, 2, 60)
    t_x = np.where(x > 0, T * random.random(60), 0.0)
    _, gradient, hessian = kind.row_likelihood(place, x, t_x, T)
    for j, move in enumerate(np.eye(4)):
        # Central differences of two steps, extrapolated to none (Richardson).
        found = []
        for step in (1e-2, 5e-3, 2.5e-3):
            ahead, behind = (kind.row_likelihood(place + sign * step * move, x, t_x, T) for sign in (1, -1))
            found.append([(f - g) / (2 * step) for f, g in zip(ahead[:2], behind[:2], strict=True)])
        (s1, h1), (s2, h2), (s3, h3) = found
        slope, curve = ((64 * c - 20 * b + a) / 45 for a, b, c in ((s1, s2, s3), (h1, h2, h3)))
        np.testing.assert_allclose(gradient[:, j], slope, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(hessian[:, :, j], curve, rtol=1e-9, atol=1e-9)


@MODELS
def test_rows_sum_to_the_merged_likelihood(kind: type[LeavingAtOrders], cdnow: pd.DataFrame) -> None:
    place = np.array([0.1, 1.2, -0.3, 0.4])
    rows = kind.row_likelihood(np.tile(place, (len(cdnow), 1)), cdnow["frequency"], cdnow["recency"], cdnow["T"])
    merged = kind.likelihood(read_histories(cdnow))(place)
    for row, total in zip(rows, merged, strict=True):
        np.testing.assert_allclose(row.sum(axis=0), total, rtol=1e-11)


# --- an independent calculation: Gauss–Legendre panels in 80-bit floats, over the chance and, apart, over the rate

Wide = np.longdouble
NODES, WEIGHTS = (values.astype(Wide) for values in np.polynomial.legendre.leggauss(24))


def panels(edges: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a rule over all intervals between the edges."""
    ends = np.array(edges, Wide)
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    return (middle[:, None] + half[:, None] * NODES).ravel(), (half[:, None] * WEIGHTS).ravel()


def wide(value: mpmath.mpf) -> np.longdouble:
    return Wide(mpmath.nstr(value, 25))


def mean_over_chances(of: Callable[[np.ndarray], np.ndarray], a: float, b: float, steepness: float) -> float:
    """∫ of(p) p^(a−1) (1−p)^(b−1) dp / B(a, b): panels over the logit of p, closed ends where ``of`` is flat."""
    with mpmath.workdps(40):
        log_beta = wide(mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(mpmath.mpf(a) + b))
    centre, width = np.log(a) - np.log(b), np.sqrt(1 / a + 1 / b)
    low, high = min(-45 - np.log(1 + a + b + steepness), centre - 1), max(45 + np.log(3 + a + b), centre + 1)
    edges = set(np.arange(low, high + 1, 1))
    if width < 1.5:
        edges |= {edge for edge in centre + width * np.arange(-24, 24, 2) if low < edge < max(edges)}
    logit, weights = panels(sorted(edges))
    log_p = -np.logaddexp(Wide(0), -logit)
    density = np.exp(a * log_p - b * np.logaddexp(Wide(0), logit) - log_beta) * weights
    values = of(np.exp(log_p))
    left, right = np.exp(a * Wide(low) - log_beta) / a, np.exp(-b * Wide(max(edges)) - log_beta) / b
    return float((density * values).sum() + left * values[0] + right * values[-1])


def rates(r: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes g and weights for means over g ~ gamma (r, 1) of what vanishes with g at least as fast as g."""
    centre, width = np.log(r + 1), 1 / np.sqrt(r + 1)
    edges = np.arange(centre - 45, centre + 6, 1.5) if width > 0.3 else centre + width * np.arange(-18, 18, 2)
    log_g, weights = panels(list(edges))
    with mpmath.workdps(40):
        log_gamma = wide(mpmath.loggamma(r))
    return np.exp(log_g), weights * np.exp(r * log_g - np.exp(log_g) - log_gamma)


def two_or_more(y: np.ndarray, r: float) -> np.ndarray:
    """The chance that a negative binomial of size r and odds y is above 1."""
    z, none = y / (1 + y), np.exp(-r * np.log1p(y))
    term = r * (r + 1) / 2 * z**2
    series = term
    for k in range(3, 90):
        term = term * (r + k - 1) / k * z
        series = series + term
    return np.where((z < 0.5) & (r * z < 1), series * none, -np.expm1(-r * np.log1p(y)) - r * z * none)


def orders_by_quadrature(w: float, r: float, a: float, b: float) -> float:
    return mean_over_chances(lambda p: -np.expm1(-r * np.log1p(p * w)) / p, a, b, w * (1 + r))


def pairs_by_quadrature(w: float, r: float, a: float, b: float) -> float:
    return b / (a + b) * mean_over_chances(lambda p: 2 * two_or_more(p * w, r) / p**2, a, b + 1, w * (1 + r))


def residual_by_quadrature(w: float, r: float, a: float, b: float) -> float:
    g, weights = rates(r)
    of = lambda p: np.array([(weights * g / (g * one + w)).sum() for one in p])  # noqa: E731
    return mean_over_chances(of, a, b, (1 + r) / w)


SHAPE = st.one_of(st.floats(-3, 3).map(lambda v: 10**v), st.sampled_from([1.0, 1 + 1e-12, 1 - 1e-9, 1 + 2e-4, 2.0]))
TIME = st.floats(-3, 5).map(lambda v: 10**v)
COUNT = st.one_of(st.just(0), st.floats(0, 5).map(lambda v: int(10**v)))


def model_of(kind: type[LeavingAtOrders], r: float, alpha: float, a: float, b: float) -> LeavingAtOrders:
    return kind(r=r, alpha=alpha, a=a, b=b)


@MODELS
@given(r=SHAPE, alpha=TIME, a=SHAPE, b=SHAPE, x=COUNT, T=st.one_of(st.just(0.0), TIME), t=TIME)
@settings(max_examples=60, deadline=None)
def test_orders_and_their_pairs_agree_with_quadrature_in_the_wide_box(
    kind: type[LeavingAtOrders], r: float, alpha: float, a: float, b: float, x: int, T: float, t: float
) -> None:
    model, stayed, w = model_of(kind, r, alpha, a, b), b + x + kind.occasions_at_first, t / (alpha + T)
    orders = orders_by_quadrature(w, r + x, a, stayed)
    assert model.expected_orders_if_alive(t, x, T) == pytest.approx(orders, rel=1e-8, abs=0)
    if x == 0 and T == 0:
        stay = b / (a + b) if kind.occasions_at_first else 1
        assert model.expected_orders_new(t) == pytest.approx(stay * orders, rel=1e-8, abs=0)
    pairs = pairs_by_quadrature(w, r + x, a, stayed)
    assert model.expected_order_pairs_if_alive(t, x, T) == pytest.approx(pairs, rel=1e-8, abs=0)


@given(r=SHAPE, alpha=TIME, a=SHAPE, b=SHAPE, x=COUNT, T=TIME, log_discount=st.floats(-8, 1))
@settings(max_examples=20, deadline=None)
def test_residual_orders_agree_with_quadrature_over_rates_and_chances_in_the_wide_box(
    r: float, alpha: float, a: float, b: float, x: int, T: float, log_discount: float
) -> None:
    discount = 10**log_discount
    for kind in (BetaGeoNBD, ModifiedBetaGeoNBD):
        found = model_of(kind, r, alpha, a, b).residual_orders_if_alive(x, T, discount)
        expected = residual_by_quadrature(discount * (alpha + T), r + x, a, b + x + kind.occasions_at_first)
        assert found == pytest.approx(expected, rel=1e-8, abs=0)


@given(log_q=st.floats(-12, 9), r=st.one_of(st.floats(-4, 5).map(lambda v: 10**v), st.integers(1, 30).map(float)))
@settings(max_examples=100, deadline=None)
def test_mean_shares_are_generalised_exponential_integrals(log_q: float, r: float) -> None:
    q = 10**log_q
    with mpmath.workdps(40):
        if q < 100:
            truth = mpmath.mpf(r) * mpmath.exp(q) * mpmath.expint(mpmath.mpf(r) + 1, q)
        else:
            # r ∫ e^(−qs) (1 + s)^(−r−1) ds, scaled to where the integrand falls
            scale = q + mpmath.mpf(r) + 1
            tail = lambda s: mpmath.exp(-q * s / scale - (r + 1) * mpmath.log1p(s / scale))  # noqa: E731
            truth = r / scale * mpmath.quad(tail, [0, 1, 4, 10, 30, 80, 300])
    assert mean_share(np.array(q), np.array(r)) == pytest.approx(float(truth), rel=1e-11, abs=0)


@pytest.mark.parametrize(("r", "a", "b"), [(0.2, 0.8, 2.4), (3.4, 1.0, 1.0), (40.0, 5.0, 60.0)])
def test_orders_and_pairs_agree_with_integrals_over_rates_and_chances_apart(r: float, a: float, b: float) -> None:
    g, weights = rates(r)
    w = 3.0

    def over_rates(of: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        return lambda p: np.array([(weights * of(g * one * w)).sum() for one in p])

    once = over_rates(lambda mean: -np.expm1(-mean))
    series = lambda mean: mean**2 * (1 / 2 - mean * (1 / Wide(3) - mean * (1 / 8 - mean / 30)))  # noqa: E731
    twice = over_rates(lambda mean: np.where(mean > 1e-3, -np.expm1(-mean) - mean * np.exp(-mean), series(mean)))
    orders = mean_over_chances(lambda p: once(p) / p, a, b, w * (1 + r))
    pairs = b / (a + b) * mean_over_chances(lambda p: 2 * twice(p) / p**2, a, b + 1, w * (1 + r))
    arguments = np.array([w]), np.array([r]), a, np.array([b])
    assert expected_orders(*arguments) == pytest.approx(orders, rel=1e-10)
    assert expected_order_pairs(*arguments) == pytest.approx(pairs, rel=1e-9)


def likelihoods(
    first: int, r: float, alpha: float, a: float, b: float, x: int, t_x: float, T: float
) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Of the orders and of being alive, and of the orders and of being gone, as the model's definition has it."""
    r, alpha, a, b, t_x, T = (mpmath.mpf(v) for v in (r, alpha, a, b, t_x, T))
    ordering = lambda until: mpmath.rf(r, x) * (alpha / (alpha + until)) ** r / (alpha + until) ** x  # noqa: E731
    stayed = x + first
    alive = ordering(T) * mpmath.rf(b, stayed) / mpmath.rf(a + b, stayed)
    gone = ordering(t_x) * a * mpmath.rf(b, stayed - 1) / mpmath.rf(a + b, stayed) if stayed else mpmath.mpf(0)
    return alive, gone


@MODELS
@given(r=SHAPE, alpha=TIME, a=SHAPE, b=SHAPE, x=COUNT, share=st.floats(0.001, 1), T=TIME)
@settings(max_examples=100, deadline=None)
def test_likelihood_and_p_alive_are_those_of_the_definition_in_the_wide_box(
    kind: type[LeavingAtOrders], r: float, alpha: float, a: float, b: float, x: int, share: float, T: float
) -> None:
    model, t_x = model_of(kind, r, alpha, a, b), share * T if x else 0.0
    with mpmath.workdps(40):
        alive, gone = likelihoods(kind.occasions_at_first, r, alpha, a, b, x, t_x, T)
        log_likelihood, p_alive = float(mpmath.log(alive + gone)), float(alive / (alive + gone))
    # Near a likelihood of 1 its logarithm keeps no relative digits, but the likelihood does.
    assert model.log_likelihood(x, t_x, T) == pytest.approx(log_likelihood, rel=1e-8, abs=1e-12)
    assert model.p_alive(x, t_x, T) == pytest.approx(p_alive, rel=1e-8, abs=1e-300)


@MODELS
@given(r=SHAPE, alpha=TIME, a=SHAPE, b=SHAPE, n=st.integers(0, 300), t=TIME)
@settings(max_examples=100, deadline=None)
def test_order_counts_have_the_chances_of_the_definition_in_the_wide_box(
    kind: type[LeavingAtOrders], r: float, alpha: float, a: float, b: float, n: int, t: float
) -> None:
    first = kind.occasions_at_first
    with mpmath.workdps(120):
        none, z = (alpha / (mpmath.mpf(alpha) + t)) ** mpmath.mpf(r), t / (mpmath.mpf(alpha) + t)
        counts = [none]
        for k in range(n):
            counts.append(counts[-1] * z * (r + mpmath.mpf(k)) / (k + 1))
        if z > 0.5:
            more = 1 - mpmath.fsum(counts[:n])
        else:
            term = more = counts[n]
            for k in range(n, n + 1200):
                term = term * z * (r + mpmath.mpf(k)) / (k + 1)
                more += term
        _a, _b = mpmath.mpf(a), mpmath.mpf(b)
        truth = counts[n] * mpmath.rf(_b, n + first) / mpmath.rf(_a + _b, n + first)
        if n + first:
            truth += more * _a * mpmath.rf(_b, n + first - 1) / mpmath.rf(_a + _b, n + first)
    assert model_of(kind, r, alpha, a, b).pmf(n, t) == pytest.approx(float(truth), rel=1e-8, abs=1e-300)


@MODELS
@given(r=SHAPE, alpha=TIME, a=SHAPE, b=SHAPE, x=COUNT, share=st.floats(0.001, 1), T=TIME, t=TIME)
@settings(max_examples=100, deadline=None)
def test_in_the_wide_box_answers_are_possible_and_rise_with_the_horizon(
    kind: type[LeavingAtOrders], r: float, alpha: float, a: float, b: float, x: int, share: float, T: float, t: float
) -> None:
    model, t_x = model_of(kind, r, alpha, a, b), share * T if x else 0.0
    assert 0 <= model.p_alive(x, t_x, T) <= 1
    assert np.isfinite(model.log_likelihood(x, t_x, T))
    near, far = model.expected_orders([t, 1.5 * t], x, t_x, T)
    assert 0 <= near <= far * (1 + 1e-9)
    new, newer = model.expected_orders_new([t, 1.5 * t])
    assert 0 < new <= newer * (1 + 1e-9)
    # Discounting less leaves more, and never more than all orders at the customer's rate.
    soon, late = (model.residual_orders(x, t_x, T, discount) for discount in (2 / t, 1 / t))
    assert 0 <= soon <= late * (1 + 1e-9)
    assert late <= (r + x) / (alpha + T) * t * (1 + 1e-9)


@MODELS
def test_residual_orders_without_discount_are_all_orders_of_those_who_leave(kind: type[LeavingAtOrders]) -> None:
    # After a stay, 1/p orders are still to come, of which E[1/p] = (a + b − 1)/(a − 1).
    model = kind(r=3.0, alpha=2.0, a=4.0, b=3.0)
    b = 3.0 + 5 + kind.occasions_at_first
    assert model.residual_orders_if_alive(5, 10.0, 1e-13) == pytest.approx((4.0 + b - 1) / 3.0, rel=1e-9)


# --- simulation

BASES = pytest.mark.parametrize(
    ("r", "alpha", "a", "b", "t", "discount"),
    [
        (0.5, 5.0, 0.8, 2.5, 50.0, 0.01),
        (12.0, 30.0, 0.8, 14.0, 50.0, 0.002),
        (3.0, 1.0, 0.05, 0.1, 20.0, 0.05),
        (0.3, 10.0, 3.0, 1.0, 10.0, 0.5),
        (5.0, 5.0, 1e-3, 1e-3, 10.0, 0.5),
        (1e6, 1e6, 30.0, 1000.0, 20.0, 0.01),
    ],
)


@BASES
def test_simulated_futures_have_the_expected_means(
    r: float, alpha: float, a: float, b: float, t: float, discount: float
) -> None:
    size, random = 200_000, np.random.default_rng(5)
    arguments = np.full(size, r), np.full(size, alpha), a, np.full(size, b), random
    now, whole = simulate(t, *arguments, 0.0), simulate(t, *arguments, discount)
    one = np.array([r]), a, np.array([b])
    expected = [f(np.array([t / alpha]), *one)[0] for f in (expected_orders, expected_order_pairs)]
    residual = residual_orders(np.array([discount * alpha]), *one)[0]
    for future in (now, whole):
        for drawn, mean in zip((future.orders, future.orders * (future.orders - 1)), expected, strict=True):
            assert abs(drawn.mean() - mean) < 4 * drawn.std() / np.sqrt(size)
    assert abs(whole.residual_orders.mean() - residual) < 4 * whole.residual_orders.std() / np.sqrt(size)
    assert (now.residual_orders == 0).all()


def test_simulated_futures_are_spread_as_orders_drawn_one_by_one() -> None:
    size, random = 40_000, np.random.default_rng(6)
    r, alpha, a, b, t, discount = 6.0, 10.0, 1.5, 40.0, 30.0, 0.02
    future = simulate(t, np.full(size, r), np.full(size, alpha), a, np.full(size, b), random, discount)
    rate, p = random.gamma(r, 1 / alpha, size), random.beta(a, b, size)
    clock, orders, residual, alive = np.zeros(size), np.zeros(size), np.zeros(size), np.arange(size)
    while len(alive):
        clock[alive] += random.exponential(1 / rate[alive])
        orders[alive] += clock[alive] <= t
        residual[alive] += np.exp(-discount * clock[alive])
        alive = alive[(random.random(len(alive)) > p[alive]) & (clock[alive] < 25 / discount)]
    for ours, theirs in ((future.orders, orders), (future.residual_orders, residual)):
        assert ours.mean() == pytest.approx(theirs.mean(), rel=0.02)
        np.testing.assert_allclose(np.quantile(ours, [0.1, 0.5, 0.9]), np.quantile(theirs, [0.1, 0.5, 0.9]), rtol=0.05)
    # Who orders more in the time is who orders more in all: both are of one future.
    together = [np.corrcoef(*pair)[0, 1] for pair in ((future.orders, future.residual_orders), (orders, residual))]
    assert together[0] == pytest.approx(together[1], abs=0.01)


def test_futures_are_finite_whatever_the_parameters() -> None:
    random = np.random.default_rng(7)
    sizes = (1e-12, 1e-3, 1e3, 1e16)
    for r, alpha, a, b in itertools.product(sizes, sizes, (*sizes, 1e40), (*sizes, 1e40)):
        for discount in (0.0, 1e-8, 10.0):
            with np.errstate(all="raise", under="ignore"):
                future = simulate(1e5, np.full(20, r), np.full(20, alpha), a, np.full(20, b), random, discount)
            for values in (future.orders, future.residual_orders):
                assert np.isfinite(values).all()
                assert (values >= 0).all()
