"""Customers who hardly differ (a business that orders every month): parameters run to infinity, answers must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from crmlib.lifecycle.clv import (
    customer_equity,
    customer_values,
    equity_shares,
    fit_models,
    holdout_total,
    prediction,
    top_fifth,
)
from crmlib.models import BetaGeoNBD, GammaGamma
from crmlib.models.customer_base import read_histories
from crmlib.models.errors import PredictionNotFinite
from crmlib.models.maximum_likelihood import log_gamma_step, psi1_step, psi_step
from crmlib.models.orders_model import OrdersModel

CHANCE, R, ALPHA = 0.0122, 40.0, 190.0
X, RECENCY, AGE, HORIZON = np.array([3.0, 58.0, 58.0]), np.array([15.0, 258.0, 200.0]), 260.0, 52.0


def of_size(size: float) -> BetaGeoNBD:
    """The leaving chance is 0.0122 on average and differs between customers the less, the larger a + b."""
    return BetaGeoNBD(r=R, alpha=ALPHA, a=size * CHANCE, b=size * (1 - CHANCE))


def test_where_all_leave_with_one_chance_answers_are_those_of_a_geometric_number_of_orders() -> None:
    rates = (R + X, ALPHA + AGE)
    orders = -np.expm1(-rates[0] * np.log1p(CHANCE * HORIZON / rates[1])) / CHANCE
    odds = CHANCE / (1 - CHANCE) * ((ALPHA + AGE) / (ALPHA + RECENCY)) ** (R + X)
    height = (
        special.gammaln(R + X) - special.gammaln(R) + R * np.log(ALPHA) - (R + X) * np.log(ALPHA + AGE)
        + X * np.log(1 - CHANCE) + np.log1p(odds)
    )  # fmt: skip
    # Order n + 1 follows the last with the chance that n + 1 Poisson orders come and none of the first n was the last.
    n = np.arange(600.0)
    z = HORIZON / (rates[1] + HORIZON)
    more = np.array([(1 - CHANCE) ** n @ (n * special.betainc(n + 1, s, z)) for s in rates[0]])
    for size in (1e12, 1e15, 1e17, 1e19, 1e22, 1e40):
        model = of_size(size)
        np.testing.assert_allclose(model.expected_orders_if_alive(HORIZON, X, AGE), orders, rtol=1e-9)
        np.testing.assert_allclose(model.p_alive(X, RECENCY, AGE), 1 / (1 + odds), rtol=1e-9)
        np.testing.assert_allclose(model.log_likelihood(X, RECENCY, AGE), height, rtol=1e-9)
        np.testing.assert_allclose(model.expected_order_pairs_if_alive(HORIZON, X, AGE), 2 * more, rtol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_order_counts_at_one_chance_and_one_rate_are_poisson_stopped_by_chance(count: int) -> None:
    rate, size = 0.21, 1e18
    model = BetaGeoNBD(r=size * rate, alpha=size, a=size * CHANCE, b=size * (1 - CHANCE))
    waiting = stats.poisson(rate * HORIZON)
    truth = waiting.pmf(count) * (1 - CHANCE) ** count
    if count:
        truth += CHANCE * (1 - CHANCE) ** (count - 1) * waiting.sf(count - 1)
    assert model.pmf(count, HORIZON) == pytest.approx(truth, rel=1e-9)


def answers(model: BetaGeoNBD) -> np.ndarray:
    return np.concatenate([
        model.expected_orders_if_alive(HORIZON, X, AGE),
        model.expected_order_pairs_if_alive(HORIZON, X, AGE),
        model.p_alive(X, RECENCY, AGE),
        model.log_likelihood(X, RECENCY, AGE),
        model.pmf([0.0, 4.0, 12.0], HORIZON),
    ])  # fmt: skip


@pytest.mark.parametrize("of", ["leaving", "ordering"])
def test_answers_run_into_the_limit_without_a_jump(of: str) -> None:
    def at(size: float) -> np.ndarray:
        rate = R / ALPHA
        return answers(of_size(size) if of == "leaving" else BetaGeoNBD(r=size * rate, alpha=size, a=0.8, b=60.0))

    limit = at(1e20)
    sizes = 10.0 ** np.arange(2, 20)
    off = np.array([np.abs(at(size) / limit - 1).max() for size in sizes])
    assert (off[4:] <= 1.1 * off[4] * sizes[4] / sizes[4:] + 1e-8).all()  # it vanishes as 1/size
    switches = np.array([1e10 / CHANCE, 1e10 / CHANCE / (1 - CHANCE), 1e6 / CHANCE, 1e6, 1e10 * ALPHA / R, 1e2, 1e3])
    for switch in switches:
        np.testing.assert_allclose(at(switch * (1 - 1e-9)), at(switch * (1 + 1e-9)), rtol=1e-6)


def test_expected_orders_rise_as_the_same_mean_chance_differs_less_or_more() -> None:
    sizes = 10.0 ** np.arange(1, 12)
    orders = [of_size(size).expected_orders_if_alive(HORIZON, 0, AGE).item() for size in sizes]
    assert (np.diff(orders) <= 1e-9).all()  # (1 − e^(−λpt))/p is convex in p: alike customers order least


@given(
    log_z=st.floats(-2, 30), n=st.one_of(st.integers(0, 5000), st.floats(0, 50)),
)  # fmt: skip
def test_differences_of_gamma_functions_keep_their_digits(log_z: float, n: float) -> None:
    z = 10**log_z
    steps = z + np.arange(int(n))
    whole = np.array(float(int(n)))
    np.testing.assert_allclose(log_gamma_step(z, whole), np.log(steps).sum(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(psi_step(z, whole), (1 / steps).sum(), rtol=1e-9)
    np.testing.assert_allclose(psi1_step(z, whole), -(1 / steps**2).sum(), rtol=1e-9)


@given(
    log_r=st.floats(-12, 16), log_alpha=st.floats(-12, 16), log_a=st.floats(-12, 16), log_b=st.floats(-12, 16),
    x=st.integers(0, 5000), T=st.floats(1, 900), t=st.floats(0.1, 500),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_whatever_the_parameters_answers_are_finite_and_possible(
    log_r: float, log_alpha: float, log_a: float, log_b: float, x: int, T: float, t: float
) -> None:
    r, alpha, a, b = (10**v for v in (log_r, log_alpha, log_a, log_b))
    model, t_x = BetaGeoNBD(r=r, alpha=alpha, a=a, b=b), 0.9 * T if x else 0.0
    most = (r + x) / (alpha + T) * t
    assert 0 <= model.expected_orders_if_alive(t, x, T) <= most * (1 + 1e-7)
    assert 0 <= model.expected_order_pairs_if_alive(t, x, T) <= most * (most + t / (alpha + T)) * (1 + 1e-6)
    assert 0 <= model.p_alive(x, t_x, T) <= 1
    assert np.isfinite(model.log_likelihood(x, t_x, T))


def business(seed: int, years: int = 5, chance: float = 0.012) -> tuple[pd.DataFrame, float, float]:
    """150 firms that order about every month, all leaving with one chance after an order; and their next year."""
    random = np.random.default_rng(seed)
    end, rows, orders, value = 365 * years, [], 0, 0.0
    for firm in range(150):
        day = start = int(random.uniform(0, 30 if firm < 90 else 0.7 * end))
        mean, gap, known, paid = np.exp(random.normal(8.3, 0.8)), random.uniform(24, 40), [], []
        while day <= end + 365:
            spend = mean * random.gamma(8, 1 / 8)
            if day <= end:
                known.append(day)
                paid.append(spend)
            else:
                orders, value = orders + 1, value + spend
            if random.random() < chance:
                break
            day += max(int(gap * random.gamma(12, 1 / 12)), 1)
        monetary = float(np.mean(paid[1:])) if paid[1:] else 0.0
        rows.append((firm, len(known) - 1, (known[-1] - start) / 7, (end - start) / 7, monetary))
    return pd.DataFrame(rows, columns=["customer_id", "frequency", "recency", "T", "monetary"]), orders, value


@pytest.mark.parametrize("seed", [0, 4, 8])
def test_intervals_of_a_regular_business_are_told_and_cover_its_next_year(seed: int) -> None:
    customers, orders, value = business(seed)
    models = fit_models(customers).models
    equity = customer_equity(customers, **models).set_index("measure")
    assert np.isfinite(equity).all(axis=None)
    assert ((equity["low"] < equity["value"]) & (equity["value"] < equity["high"])).all()
    assert equity.loc["expected_orders", "low"] <= orders <= equity.loc["expected_orders", "high"]
    assert equity.loc["customer_equity", "low"] <= value <= equity.loc["customer_equity", "high"]
    assert equity.loc["expected_orders", "high"] < 1.3 * equity.loc["expected_orders", "value"]
    values = customer_values(customers, **models)
    assert np.isfinite(values.drop(columns="customer_id")).all(axis=None)
    shares = equity_shares(customers, top_fifth(values), **models)
    # Of 30 firms against 120, chance alone (who leaves) moves shares by several points either way.
    assert (shares["share_high"] - shares["share_low"] < 0.25).all()
    assert ((shares["share_low"] <= shares["share"]) & (shares["share"] <= shares["share_high"])).all()
    held = holdout_total(
        customers.assign(holdout_orders=1.0, holdout_length=52.0, last_period_orders=1.0), models["orders_model"]
    )
    assert np.isfinite(held).all(axis=None)


def test_draws_leave_the_chance_to_leave_nearly_as_open_as_counting_does() -> None:
    customers, _, _ = business(8)
    model = BetaGeoNBD.fit(customers)
    draws = model.draws(400)
    assert draws.effective_sample_size >= 80
    a, b = draws.values[:, 2], draws.values[:, 3]
    # Without a spread in p, it is a share of orders that were the last: standard error √(p/orders).
    last, orders = (customers["recency"] < customers["T"] - 15).sum(), (customers["frequency"] + 1).sum()
    # The vague prior of the draws leaves it open that firms differ, which these do not: well within two of these.
    assert np.median(a / (a + b)) == pytest.approx(last / orders, abs=1.5 * np.sqrt(last) / orders)
    assert 1 <= np.std(a / (a + b)) / (np.sqrt(last) / orders) < 2


def test_the_likelihood_has_its_slopes_where_parameters_are_huge() -> None:
    likelihood = BetaGeoNBD.likelihood(read_histories(business(2)[0]))
    for log_size in (3.0, 10.0, 20.0):
        place = np.log([R, ALPHA, CHANCE, 1 - CHANCE]) + log_size * np.array([0, 0, 1, 1])
        for shift in (0.0, log_size):
            there = place + shift * np.array([1, 1, 0, 0])
            value, gradient, hessian = likelihood(there)
            assert np.isfinite(value)
            for i, move in enumerate(np.eye(4) * 1e-4):
                ahead, behind = likelihood(there + move), likelihood(there - move)
                assert gradient[i] == pytest.approx((ahead[0] - behind[0]) / 2e-4, rel=1e-4, abs=2e-2)
                np.testing.assert_allclose(hessian[i], (ahead[1] - behind[1]) / 2e-4, rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_draw_that_is_no_number_is_an_error_not_an_empty_interval(
    bad: float, monkeypatch: pytest.MonkeyPatch, cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD, cdnow_spend: GammaGamma
) -> None:
    models = {"orders_model": cdnow_model, "spend_model": cdnow_spend}
    drawn = OrdersModel.with_log_parameters
    simulated, expected = BetaGeoNBD.simulate_if_alive, BetaGeoNBD.expected_orders_if_alive

    def one_bad(self: BetaGeoNBD, log_parameters: np.ndarray) -> BetaGeoNBD:
        model = drawn(self, log_parameters)
        model.bad = bad if log_parameters[0] > cdnow_model.log_parameters[0] else 1.0
        return model

    def of_bad(self: BetaGeoNBD, *args: Any) -> np.ndarray:
        return expected(self, *args) * getattr(self, "bad", 1.0)

    def future_of_bad(self: BetaGeoNBD, *args: Any, **options: Any) -> Any:
        future = simulated(self, *args, **options)
        return replace(future, orders=(future.orders + 1) * getattr(self, "bad", 1.0))

    monkeypatch.setattr(BetaGeoNBD, "with_log_parameters", one_bad)
    monkeypatch.setattr(BetaGeoNBD, "expected_orders_if_alive", of_bad)
    monkeypatch.setattr(BetaGeoNBD, "simulate_if_alive", future_of_bad)
    fifth = np.arange(len(cdnow)) % 5 == 0
    for interval in (
        lambda: customer_equity(cdnow, **models, draws=10),
        lambda: prediction.predict(cdnow, **models, draws=10),
        lambda: equity_shares(cdnow, fifth, **models, draws=10),
    ):
        with np.errstate(invalid="ignore"), pytest.raises(PredictionNotFinite, match="no finite numbers"):
            interval()
