"""The BG/BB model against the paper's donations, an oracle in many digits, its own laws, and simulated customers."""

import importlib.util
from pathlib import Path

import ibis
import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.models import BetaGeoBetaBinomial, CustomerBaseInvalid, FitDidNotConverge, TooFewRepeatBuyers

PUBLISHED = BetaGeoBetaBinomial(alpha=1.2035, beta=0.7497, gamma=0.6568, delta=2.7838)


@pytest.fixture(scope="module")
def donations():
    origin = importlib.util.find_spec("lifetimes").origin
    table = pd.read_csv(Path(origin).parent / "datasets" / "donations.csv")
    return table.rename(columns={"weights": "customers"})


@pytest.fixture(scope="module")
def model(donations):
    return BetaGeoBetaBinomial.fit(donations)


def exactly(value):
    """A long double as a number of mpmath."""
    return mp.mpf(float(value)) + mp.mpf(float(value - np.longdouble(float(value))))


def oracle(parameters, x, t_x, n, t, discount):
    """Log-likelihood, P(alive at n + 1), expected orders and DERT, term by term, in 18 digits or more."""
    with mp.workdps(50):
        a, b, g, d = (mp.mpf(value) for value in parameters)
        log_beta = lambda p, q: mp.loggamma(p) + mp.loggamma(q) - mp.loggamma(p + q)  # noqa: E731
        new = log_beta(a, b) + log_beta(g, d)
        alive = mp.exp(log_beta(a + x, b + n - x) + log_beta(g, d + n) - new)
        first = mp.exp(log_beta(a + x, b + t_x - x) + log_beta(g + 1, d + t_x) - new)
        A, B, G, D = (np.longdouble(value) for value in parameters)
        j = np.arange(t_x, n).astype(np.longdouble)
        ratios = (B + j - x) / (A + B + j) * (D + j) / (G + 1 + D + j)
        gone = first * (1 + exactly(np.cumprod(ratios[:-1]).sum())) if n > t_x else mp.mpf(0)
        odds = alive / (alive + gone)
        rate = odds * (a + x) / (a + b + n)
        if g == 1:
            present = (d + n) * (mp.psi(0, d + n + 1 + t) - mp.psi(0, d + n + 1))
        else:
            log_gammas = mp.loggamma(1 + d + n + t) - mp.loggamma(1 + d + n)
            log_gammas += mp.loggamma(g + d + n) - mp.loggamma(g + d + n + t)
            present = (d + n) / (g - 1) * (1 - mp.exp(log_gammas))
        k = np.arange(5000).astype(np.longdouble)
        stays = np.cumprod((D + n + k) / (G + D + n + k) / (1 + np.longdouble(discount)))
        later = exactly(stays.sum())
        alive_next = odds * (d + n) / (g + d + n)
        return [float(value) for value in (mp.log(alive + gone), alive_next, rate * present, rate * later)]


def test_the_published_estimates_are_found(model):
    assert model.log_likelihood_ == pytest.approx(-33225.58, abs=0.006)
    # The likelihood is flat: the paper's optimiser stopped where four digits no longer moved.
    assert [model.alpha, model.beta] == pytest.approx([1.2035, 0.7497], abs=0.0001)
    assert [model.gamma, model.delta] == pytest.approx([0.6568, 2.7838], abs=0.0005)
    assert model.converged


def test_the_paper_s_likelihood_is_that_of_its_parameters(donations):
    each = PUBLISHED.log_likelihood(donations.frequency, donations.recency, donations.periods)
    assert donations.customers @ each == pytest.approx(-33225.58, abs=0.006)


def test_published_predictions():
    # With the digits that BTYD's test-suite prints; four do not suffice for the last of these.
    model = BetaGeoBetaBinomial(alpha=1.203522, beta=0.749714, gamma=0.656783, delta=2.783789)
    assert model.expected_orders_new(10) == pytest.approx(3.1798, abs=0.00006)
    assert model.expected_orders(10, 0, 0, 6) == pytest.approx(0.1302, abs=0.00006)
    assert model.expected_orders(10, 4, 5, 6) == pytest.approx(3.6279, abs=0.00006)
    assert model.p_alive([0, 2, 6], [0, 4, 6], 6) == pytest.approx([0.11, 0.59, 0.93], abs=0.005)


log_shape = st.floats(-3, 3)


@given(
    shapes=st.tuples(log_shape, log_shape, log_shape, log_shape),
    near_one=st.sampled_from([None, None, 1.0, 1 + 1e-12, 1 - 1e-6, 1.001, 0.901, 1.1]),
    n=st.integers(1, 1500),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    log_t=st.floats(0, 5),
)
@settings(max_examples=80, deadline=None)
def test_every_answer_is_exact(shapes, near_one, n, shares, log_t):
    parameters = [10**shape for shape in shapes]
    parameters[2] = near_one or parameters[2]
    t_x = round(shares[0] * n)
    x = max(1, round(shares[1] * t_x)) if t_x else 0
    t = round(10**log_t)
    tested = BetaGeoBetaBinomial(**dict(zip(BetaGeoBetaBinomial.symbols, parameters, strict=True)))
    log_likelihood, p_alive, orders, residual = oracle(parameters, x, t_x, n, t, 0.02)
    assert tested.log_likelihood(x, t_x, n).item() == pytest.approx(log_likelihood, rel=1e-9, abs=1e-9)
    assert tested.p_alive(x, t_x, n).item() == pytest.approx(p_alive, rel=1e-8, abs=1e-300)
    assert tested.expected_orders(t, x, t_x, n).item() == pytest.approx(orders, rel=1e-8, abs=1e-300)
    assert tested.residual_orders(x, t_x, n, 0.02).item() == pytest.approx(residual, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize(("x", "t_x"), [(0, 0), (1, 1), (40_000, 99_000), (3, 60_000), (100_000, 100_000)])
def test_a_hundred_thousand_opportunities_are_as_exact(x, t_x):
    parameters, n = [0.4, 30.0, 0.2, 500.0], 100_000
    tested = BetaGeoBetaBinomial(**dict(zip(BetaGeoBetaBinomial.symbols, parameters, strict=True)))
    log_likelihood, p_alive, orders, residual = oracle(parameters, x, t_x, n, n, 0.01)
    assert tested.log_likelihood(x, t_x, n).item() == pytest.approx(log_likelihood, rel=1e-10)
    assert tested.p_alive(x, t_x, n).item() == pytest.approx(p_alive, rel=1e-8)
    assert tested.expected_orders(n, x, t_x, n).item() == pytest.approx(orders, rel=1e-8)
    assert tested.residual_orders(x, t_x, n, 0.01).item() == pytest.approx(residual, rel=1e-8)


@given(shapes=st.tuples(log_shape, log_shape, log_shape, log_shape), n=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_counts_are_a_distribution_with_the_expected_mean(shapes, n):
    tested = BetaGeoBetaBinomial(**dict(zip(BetaGeoBetaBinomial.symbols, (10**s for s in shapes), strict=True)))
    counts = np.arange(n + 1)
    chances = tested.pmf(counts, n)
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    assert chances @ counts == pytest.approx(tested.expected_orders_new(n).item(), rel=1e-8)
    assert tested.pmf([n + 1, n + 5], n).tolist() == [0.0, 0.0]


def test_a_distribution_over_a_hundred_thousand_opportunities_adds_up():
    counts = np.arange(0, 100_001, 25_000)
    tested = BetaGeoBetaBinomial(alpha=0.5, beta=2.0, gamma=0.5, delta=100.0)
    few = tested.pmf(counts, 100_000)
    assert (few > 0).all()
    assert few.sum() < 1


def test_all_histories_together_are_certain():
    n = 7
    every = [(0, 0, 1.0)] + [
        (x, t, np.exp(_log_choose(t - 1, x - 1))) for t in range(1, n + 1) for x in range(1, t + 1)
    ]
    x, t_x, ways = (np.array(column) for column in zip(*every, strict=True))
    assert np.exp(PUBLISHED.log_likelihood(x, t_x, n)) @ ways == pytest.approx(1.0, abs=1e-12)


def _log_choose(n, k):
    return float(mp.log(mp.binomial(n, k)))


def test_a_customer_silent_for_longer_is_less_likely_alive():
    alive = PUBLISHED.p_alive(3, [3, 4, 5, 6, 7, 8], 8)
    assert (np.diff(alive) > 0).all()
    orders = PUBLISHED.expected_orders([1, 2, 10, 1000, 100_000], 3, 5, 8)
    assert (np.diff(orders) > 0).all()


def test_gradient_and_hessian_are_those_of_the_likelihood(model):
    likelihood = model.estimate.likelihood
    place, step = np.log([0.9, 1.5, 0.8, 4.0]), 1e-5
    _, gradient, hessian = likelihood(place)
    for i in range(4):
        ahead, behind = place.copy(), place.copy()
        ahead[i] += step
        behind[i] -= step
        assert gradient[i] == pytest.approx((likelihood(ahead)[0] - likelihood(behind)[0]) / (2 * step), rel=1e-6)
        slope = (likelihood(ahead)[1] - likelihood(behind)[1]) / (2 * step)
        assert hessian[i] == pytest.approx(slope, rel=1e-6, abs=1e-3)


def simulated(customers, n, random, alpha=1.2, beta=2.0, gamma=1.5, delta=8.0):
    """Histories of so many customers over n opportunities, with what they do at 10 more."""
    buys, leaves = random.beta(alpha, beta, customers), random.beta(gamma, delta, customers)
    alive, x, t_x = np.ones(customers, bool), np.zeros(customers), np.zeros(customers)
    later = np.zeros(customers)
    for k in range(1, n + 11):
        alive &= random.random(customers) >= leaves
        bought = alive & (random.random(customers) < buys)
        if k <= n:
            x += bought
            t_x[bought] = k
        else:
            later += bought
    return pd.DataFrame({"frequency": x, "recency": t_x, "periods": n, "later": later})


def test_the_parameters_of_simulated_customers_are_found_as_surely_as_said():
    random = np.random.default_rng(2)
    truth, inside = np.array([1.2, 2.0, 1.5, 8.0]), np.zeros(4)
    for _ in range(60):
        params = BetaGeoBetaBinomial.fit(simulated(4000, 12, random)).params
        inside += (params.low.to_numpy() < truth) & (truth < params.high.to_numpy())
    # 95 % of 60 is 57; each number is known to ±1.7.
    assert (inside >= 52).all()


def test_the_orders_of_a_time_to_come_are_foretold():
    customers = simulated(200_000, 8, np.random.default_rng(4))
    tested = BetaGeoBetaBinomial(alpha=1.2, beta=2.0, gamma=1.5, delta=8.0)
    expected = tested.expected_orders(10, customers.frequency, customers.recency, customers.periods)
    table = customers.assign(expected=expected).groupby(["frequency", "recency"])
    means, counts, spread = table[["expected", "later"]].mean(), table.size(), table.later.std()
    large = counts > 2000
    off = (means.expected - means.later)[large] / (spread / np.sqrt(counts))[large]
    assert large.sum() > 10
    assert np.abs(off).max() < 3.5
    assert expected.sum() == pytest.approx(customers.later.sum(), rel=0.01)


def test_simulated_futures_of_the_alive_are_as_expected():
    random, n = np.random.default_rng(6), 6.0
    x = np.full(100_000, 3.0)
    tested = BetaGeoBetaBinomial(alpha=1.2, beta=2.0, gamma=1.5, delta=8.0)
    expected = tested.expected_orders_if_alive(10, 3, n).item()
    assert tested.simulate_if_alive(10, x, n, random).orders.mean() == pytest.approx(expected, rel=0.015)
    future = tested.simulate_if_alive(10, x, n, random, discount=0.1)
    assert future.orders.mean() == pytest.approx(expected, rel=0.015)
    residual = (tested.residual_orders(3, 6, n, 0.1) / tested.p_alive(3, 6, n)).item()
    assert future.residual_orders.mean() == pytest.approx(residual, rel=0.015)


def test_rows_pandas_and_duckdb_give_the_same_model(donations, model):
    rows = donations.loc[donations.index.repeat(donations.customers), ["frequency", "recency", "periods"]]
    table = ibis.duckdb.connect().create_table("summary", ibis.memtable(rows.reset_index(drop=True)))
    for other in (rows.sample(frac=1, random_state=1), table):
        assert BetaGeoBetaBinomial.fit(other).log_parameters == pytest.approx(model.log_parameters, abs=1e-10)


def test_bases_without_a_maximum_say_so_and_a_prior_helps():
    always = pd.DataFrame({"frequency": [5, 4], "recency": [5, 5], "periods": [5, 5], "customers": [500, 20]})
    with pytest.raises(FitDidNotConverge, match="prior_spread=2"):
        BetaGeoBetaBinomial.fit(always)
    assert BetaGeoBetaBinomial.fit(always, prior_spread=2).p_alive(5, 5, 5) > 0.9
    with pytest.raises(TooFewRepeatBuyers, match="0 of 40"):
        BetaGeoBetaBinomial.fit(pd.DataFrame({"frequency": [0] * 40, "recency": 0, "periods": 5}))


@pytest.mark.parametrize(
    ("x", "t_x", "n", "words"),
    [
        (1, 7, 6, "after the last opportunity.*recency 7.*periods 6"),
        (4, 3, 6, "more purchases than opportunities"),
        (0, 3, 6, "no purchase but a recency"),
        (2, 0, 6, "purchases but recency 0"),
        (1.5, 2, 6, "fractional.*BetaGeoNBD"),
        (-1, 2, 6, "negative"),
        (1, np.nan, 6, "missing"),
        (1, 1, np.inf, "missing or infinite"),
    ],
)
def test_impossible_histories_are_refused_by_name(x, t_x, n, words):
    table = pd.DataFrame({"customer_id": ["good", "bad"], "frequency": [1, x], "recency": [1, t_x], "periods": [6, n]})
    with pytest.raises(CustomerBaseInvalid, match=f"customer bad: .*{words}"):
        BetaGeoBetaBinomial.fit(table)
    with pytest.raises(CustomerBaseInvalid, match=words):
        PUBLISHED.p_alive(x, t_x, n)


def test_all_that_is_wrong_is_said_at_once():
    table = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [-1, 4], "recency": [1, 3], "periods": [6, 6]})
    with pytest.raises(CustomerBaseInvalid, match=r"(?s)2 things.*customer a: a negative.*customer b: more"):
        BetaGeoBetaBinomial.fit(table)
    with pytest.raises(CustomerBaseInvalid, match="no column periods"):
        BetaGeoBetaBinomial.fit(table.drop(columns="periods"))


def test_what_is_asked_is_checked():
    with pytest.raises(ValueError, match="discount must be above 0"):
        PUBLISHED.residual_orders(1, 1, 6, 0.0)
    with pytest.raises(ValueError, match="whole numbers"):
        PUBLISHED.expected_orders(1.5, 1, 1, 6)
    with pytest.raises(ValueError, match="gamma"):
        BetaGeoBetaBinomial(alpha=1.0, beta=1.0, gamma=-1.0, delta=1.0)
