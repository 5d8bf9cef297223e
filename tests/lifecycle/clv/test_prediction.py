"""Value per customer and in total: what it is made of, how sure it is, and whether it comes true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import (
    BetaGeoNBD,
    CustomerBaseInvalid,
    GammaGamma,
    customer_equity,
    predict,
    prediction,
    value_at_risk,
)


@pytest.fixture(scope="module")
def options(cdnow_model: BetaGeoNBD, cdnow_spend: GammaGamma) -> dict[str, Any]:
    return {"orders_model": cdnow_model, "spend_model": cdnow_spend, "margin": 0.5, "discount_rate": 0.1}


def test_value_is_margin_times_spend_times_discounted_orders(
    cdnow: pd.DataFrame, options: dict[str, Any], cdnow_model: BetaGeoNBD, cdnow_spend: GammaGamma
) -> None:
    table = predict(cdnow, **options)
    assert list(table.columns) == [
        "customer_id", "p_alive", "expected_orders", "expected_spend", "clv", "clv_low", "clv_high"
    ]  # fmt: skip
    x, t_x, T, m = (cdnow[name].to_numpy() for name in ("frequency", "recency", "T", "monetary"))
    np.testing.assert_allclose(table["p_alive"], cdnow_model.p_alive(x, t_x, T), rtol=1e-12)
    np.testing.assert_allclose(table["expected_orders"], cdnow_model.expected_orders(365 / 7, x, t_x, T), rtol=1e-12)
    np.testing.assert_allclose(table["expected_spend"], cdnow_spend.expected_spend(x, m), rtol=1e-12)
    ends = np.arange(13) * 365 / 12
    orders = np.diff([cdnow_model.expected_orders(end / 7, x, t_x, T) for end in ends], axis=0)
    factors = 1.1 ** (-(ends[1:] + ends[:-1]) / 2 / 365)
    np.testing.assert_allclose(table["clv"], 0.5 * table["expected_spend"] * (factors @ orders), rtol=1e-9)


def test_without_discounting_value_is_orders_times_spend(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    table = predict(cdnow, **{**options, "margin": 1.0, "discount_rate": 0.0}, horizon_days=100)
    np.testing.assert_allclose(table["clv"], table["expected_orders"] * table["expected_spend"], rtol=1e-12)


def test_rows_keep_their_order_and_index(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    shuffled = cdnow.sample(frac=1, random_state=5)
    table = predict(shuffled, **options)
    assert table.index.equals(shuffled.index)
    assert (table["customer_id"] == shuffled["customer_id"]).all()
    pd.testing.assert_frame_equal(table.sort_index(), predict(cdnow, **options), rtol=1e-12)


def test_an_ibis_summary_gives_the_same(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    pd.testing.assert_frame_equal(predict(ibis.memtable(cdnow), **options), predict(cdnow, **options))


def test_a_model_in_days_and_one_in_weeks_value_customers_alike(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    in_days = cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7)
    table = predict(in_days, **{**options, "orders_model": BetaGeoNBD.fit(in_days, unit="days")})
    np.testing.assert_allclose(table["clv"], predict(cdnow, **options)["clv"], rtol=1e-6)


def test_intervals_are_those_of_simulated_parameters(
    cdnow: pd.DataFrame, options: dict[str, Any], cdnow_model: BetaGeoNBD, cdnow_spend: GammaGamma
) -> None:
    some = cdnow.iloc[[0, 2, 5, 8]]
    table = predict(some, **{**options, "discount_rate": 0.0}, draws=2000)
    x, t_x, T, m = (some[name].to_numpy() for name in ("frequency", "recency", "T", "monetary"))
    orders = cdnow_model.draws(2000, seed=7).values
    spends = cdnow_spend.draws(2000, seed=8).values
    values = [
        0.5
        * cdnow_model.with_log_parameters(np.log(o)).expected_orders(365 / 7, x, t_x, T)
        * cdnow_spend.with_log_parameters(np.log(s)).expected_spend(x, m)
        for o, s in zip(orders, spends, strict=True)
    ]
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    width = np.log(high / low)
    np.testing.assert_allclose(np.log(table["clv_high"] / table["clv_low"]), width, rtol=0.1)
    np.testing.assert_allclose(table["clv_low"], low, rtol=0.05)
    np.testing.assert_allclose(table["clv_high"], high, rtol=0.05)


def test_given_parameters_have_no_interval(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    given = {**options, "orders_model": BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)}
    assert predict(cdnow, **given)[["clv_low", "clv_high"]].isna().all(axis=None)
    assert customer_equity(cdnow, **given)[["low", "high"]].isna().all(axis=None)


def test_equity_is_the_sum_of_customers(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    equity = customer_equity(cdnow, **options).set_index("measure")
    table, risk = predict(cdnow, **options), value_at_risk(cdnow, **options)
    assert equity.loc["customer_equity", "value"] == pytest.approx(table["clv"].sum(), rel=1e-12)
    assert equity.loc["expected_orders", "value"] == pytest.approx(table["expected_orders"].sum(), rel=1e-12)
    assert equity.loc["value_at_risk", "value"] == pytest.approx(risk["value_at_risk"].sum(), rel=1e-12)
    assert ((equity["low"] < equity["value"]) & (equity["value"] < equity["high"])).all()
    pd.testing.assert_frame_equal(equity, customer_equity(cdnow, **options).set_index("measure"))


def test_value_at_risk_is_what_certainty_would_add(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    risk = value_at_risk(cdnow, **options)
    np.testing.assert_allclose(risk["expected_value"], predict(cdnow, **options)["clv"], rtol=1e-12)
    np.testing.assert_allclose(risk["expected_value"], risk["value_if_alive"] * risk["p_alive"], rtol=1e-12)
    assert (risk["value_at_risk"] >= 0).all()
    assert (risk.loc[cdnow["frequency"] == 0, "value_at_risk"] == 0).all()  # BG/NBD: no occasion to leave


def test_chance_is_as_large_as_in_simulated_futures() -> None:
    random = np.random.default_rng(4)
    orders_model = BetaGeoNBD(r=0.8, alpha=60.0, a=0.8, b=2.5, unit="days")
    spend_model = GammaGamma(p=6.0, q=6.0, v=40.0)
    x, t_x, T, m, futures = 3, 200.0, 300.0, 9.0, 400_000
    customer = pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T], "monetary": [m]})
    known = prediction.known_values(customer, orders_model, spend_model, 0.5, 0.0, 365)

    alive = random.random(futures) < orders_model.p_alive(x, t_x, T)
    rate = random.gamma(0.8 + x, 1 / (60 + T), futures)
    leaving = rate * random.beta(0.8, 2.5 + x, futures)
    left_after = random.exponential(1 / leaving)
    orders = random.poisson((rate - leaving) * np.minimum(left_after, 365)) + (left_after < 365)
    orders = np.where(alive, orders, 0)
    scale = random.gamma(6.0 * x + 6.0, 1 / (40.0 + x * m), futures)
    value = 0.5 * random.gamma(np.maximum(6.0 * orders, 1e-9), 1 / scale) * (orders > 0)
    assert known.value(known.p_alive * known.if_alive)[0] == pytest.approx(value.mean(), rel=0.01)
    np.testing.assert_allclose(known.chance(), [orders.std(), value.std()], rtol=0.01)


def test_equity_intervals_hold_what_then_happens(simulate: Callable[..., pd.DataFrame]) -> None:
    held = []
    for seed in range(20):
        customers = simulate(1500, seed=200 + seed)
        orders_model, spend_model = BetaGeoNBD.fit(customers, unit="days"), GammaGamma.fit(customers)
        equity = customer_equity(customers, orders_model=orders_model, spend_model=spend_model, draws=100)
        happened = [customers["holdout_orders"].sum(), customers["holdout_spend"].sum()]
        held += [low <= value <= high for low, value, high in zip(equity.low, happened, equity.high, strict=False)]
    assert np.mean(held) >= 0.85  # of 40; 0.95 is meant


def test_interpolation_over_ages_is_exact_enough(simulate: Callable[..., pd.DataFrame]) -> None:
    customers = simulate(3000, seed=1).assign(T=lambda frame: frame["T"] + np.linspace(0, 0.9, 3000))
    customers.loc[:50, ["frequency", "recency", "T"]] = [0.0, 0.0, 0.0]  # some came today
    model = BetaGeoNBD.fit(customers, unit="days")
    known = prediction.known_values(customers, model, GammaGamma(p=6, q=4, v=20), 1.0, 0.0, 365)
    np.testing.assert_allclose(known.ages.orders_if_alive(model, 365.0), known.if_alive, rtol=1e-6)


def test_one_customer_is_enough_to_ask_about(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    alone = predict(cdnow.iloc[[5]], **options)
    together = predict(cdnow, **options).iloc[[5]]
    pd.testing.assert_frame_equal(alone, together, rtol=1e-6)


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("horizon_days", 0, "horizon_days must be above 0"),
        ("margin", 55, "margin is a share of spend between 0 and 1"),
        ("discount_rate", -1, "discount_rate is a yearly rate"),
    ],
)
def test_options_out_of_range_are_refused(
    option: str, value: float, complaint: str, cdnow: pd.DataFrame, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=complaint):
        predict(cdnow, **{**options, option: value})


def test_merged_summaries_cannot_be_predicted(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    with pytest.raises(CustomerBaseInvalid, match="predictions are per customer"):
        predict(cdnow.assign(customers=1), **options)
