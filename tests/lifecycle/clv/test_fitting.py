"""Both models at once, and what happens with bases too small, too even or too odd for them; margins; holdout days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import (
    baseline_comparison,
    calibration_end,
    contribution_margin,
    fit_models,
    holdout_comparison,
    holdout_total,
    independence_table,
    predict,
    spend_and_frequency,
)
from crmlib.models import BetaGeoNBD, GammaGamma


def test_good_data_need_no_prior_and_give_the_same_as_the_single_models(cdnow: pd.DataFrame) -> None:
    fitted = fit_models(cdnow)
    assert fitted.complete
    assert not fitted.weak_prior
    pd.testing.assert_frame_equal(fitted.orders_model.params, BetaGeoNBD.fit(cdnow).params)
    pd.testing.assert_frame_equal(fitted.spend_model.params, GammaGamma.fit(cdnow).params)
    assert fitted.message == "Fitted to 2,357 customers, of whom 946 bought again."


def test_customers_who_never_leave_need_a_weak_prior_and_it_is_said() -> None:
    weeks = np.arange(1.0, 101.0)
    loyal = pd.DataFrame(
        {"frequency": 19, "recency": 50.0 + weeks / 7, "T": 53.0 + weeks / 7, "monetary": 5 + weeks % 9}
    )
    fitted = fit_models(loyal)
    assert fitted.weak_prior
    assert "weak prior" in fitted.message
    assert fitted.orders_model.p_alive(19, 50.0, 53.0) > 0.9


@pytest.mark.parametrize("frequency", [[0, 0, 0], [0, 1, 0], []])
def test_too_few_repeat_buyers_give_a_message_instead_of_a_model(frequency: list[int]) -> None:
    x = np.array(frequency, float)
    fitted = fit_models(pd.DataFrame({"frequency": x, "recency": x, "T": x + 5, "monetary": x}))
    assert not fitted.complete
    assert fitted.message.startswith("No model: ")


def test_orders_that_cost_nothing_can_be_counted_but_not_valued(cdnow: pd.DataFrame) -> None:
    fitted = fit_models(cdnow.assign(monetary=0.0))
    assert fitted.orders_model is not None
    assert fitted.spend_model is None
    assert "value cannot" in fitted.message


def test_one_price_for_everything_needs_no_model_of_spend(cdnow: pd.DataFrame) -> None:
    flat = cdnow.assign(monetary=np.where(cdnow["frequency"] > 0, 99.0, 0.0))
    fitted = fit_models(flat)
    table = predict(flat, **fitted.models)
    np.testing.assert_allclose(table["expected_spend"], 99.0, rtol=1e-5)
    # Ends of intervals are values of simulated futures: on the brink between two counts, a few may be orders apart.
    apart = (table["clv_high"] - 99.0 * table["expected_orders_high"]).abs() / 99.0
    assert (apart < 0.01 * table["expected_orders_high"] + 1e-9).mean() > 0.99
    assert (apart < 1.01).mean() > 0.995


def test_spend_without_a_mean_falls_back_to_the_observed_one(cdnow: pd.DataFrame) -> None:
    orders_model = BetaGeoNBD.fit(cdnow)
    spend_model = GammaGamma(p=6, q=0.9, v=15, observed_mean=40.0)
    table = predict(cdnow, orders_model=orders_model, spend_model=spend_model)
    assert (table.loc[cdnow["frequency"] == 0, "expected_spend"] == 40.0).all()
    assert np.isfinite(table["clv"]).all()


def test_spend_too_unequal_for_a_mean_is_said(cdnow: pd.DataFrame) -> None:
    random = np.random.default_rng(2)
    huge = np.where(cdnow["frequency"] > 0, 10 * random.pareto(0.6, len(cdnow)) + 10, 0.0)
    fitted = fit_models(cdnow.assign(monetary=huge))
    assert fitted.spend_model.q <= 1
    assert "so unequal" in fitted.message


def orders_on(*days: str, amount: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": "a", "ordered_at": pd.to_datetime(list(days)), "amount": amount})


def test_the_last_third_is_held_out_but_never_more_than_a_year() -> None:
    assert calibration_end(orders_on("1997-01-01"), as_of="1998-06-30") == dt.date(1997, 12, 30)  # 26 of 78 weeks
    assert calibration_end(orders_on("2015-01-01"), as_of="2025-12-31") == dt.date(2025, 1, 1)  # 52 weeks
    assert calibration_end(orders_on("2024-01-01"), as_of="2025-12-31", holdout_weeks=10) == dt.date(2025, 10, 22)
    assert calibration_end(ibis.memtable(orders_on("2024-01-01")), as_of="2025-12-31") is not None


def test_too_short_a_time_is_not_split() -> None:
    assert calibration_end(orders_on("2025-08-01"), as_of="2025-12-31") is None
    assert calibration_end(orders_on("2025-01-01"), as_of="2025-12-31", holdout_weeks=45) is None
    assert calibration_end(orders_on("2025-01-01")[:0], as_of="2025-12-31") is None


def test_margin_takes_refunds_off_and_needs_cost_on_half_of_the_money() -> None:
    orders = orders_on("2025-01-01", "2025-01-02", "2025-01-03", amount=100.0).assign(
        cost=[40.0, 40.0, None], status="paid", refunded_amount=[0.0, 50.0, 0.0]
    )
    found = contribution_margin(orders, as_of="2025-12-31", fallback=0.2).iloc[0]
    assert found["margin"] == pytest.approx((100 + 50 - 80) / 150)
    assert found["priced_share"] == pytest.approx(150 / 250)
    assert found["priced_orders"] == 2
    few = contribution_margin(orders.assign(cost=[40.0, None, None]), as_of="2025-12-31", fallback=0.2).iloc[0]
    assert (few["source"], few["margin"]) == ("client", 0.2)
    dear = contribution_margin(orders.assign(cost=400.0), as_of="2025-12-31", fallback=0.2).iloc[0]
    assert (dear["source"], dear["margin"]) == ("client", 0.2)
    none = contribution_margin(orders[:0], as_of="2025-12-31", fallback=0.2).iloc[0]
    assert (none["source"], none["margin"], none["priced_orders"]) == ("client", 0.2, 0)


@pytest.mark.parametrize("fallback", [np.nan, 2, -0.1, 1.0001, np.inf])
def test_a_margin_that_is_no_share_is_refused_even_where_cost_is_known(fallback: float) -> None:
    for cost in (40.0, None):
        orders = orders_on("2025-01-01", amount=100.0).assign(cost=cost)
        with pytest.raises(ValueError, match="fallback is a margin, a share of the price from 0 to 1, not"):
            contribution_margin(orders, as_of="2025-12-31", fallback=fallback)


@pytest.mark.parametrize("fallback", [0, 1])
def test_no_margin_and_all_of_it_are_shares_too(fallback: int) -> None:
    found = contribution_margin(orders_on("2025-01-01", amount=100.0), as_of="2025-12-31", fallback=fallback).iloc[0]
    assert (found["margin"], found["source"]) == (fallback, "client")


def test_spend_and_frequency_of_cdnow_are_nearly_independent(cdnow: pd.DataFrame) -> None:
    found = spend_and_frequency(cdnow).iloc[0]
    assert found["customers"] == 946
    assert found["correlation"] == pytest.approx(0.1137, abs=5e-4)  # Fader, Hardie & Lee (2005) give 0.11
    assert found["low"] < found["correlation"] < found["high"]


def test_a_correlation_that_cannot_be_known_is_not_given() -> None:
    same = pd.DataFrame({"frequency": [1] * 20, "monetary": np.arange(1.0, 21)})
    assert spend_and_frequency(same).iloc[0].tolist() == [20, 0, -1, 1]
    assert spend_and_frequency(same[:0]).iloc[0].tolist() == [0, 0, -1, 1]
    assert "we cannot say" in independence_table(spend_and_frequency(same)).reading


@pytest.mark.parametrize(
    ("correlation", "low", "high", "said"),
    [
        (0.45, 0.4, 0.5, "values frequent buyers too low"),
        (-0.45, -0.5, -0.4, "values frequent buyers too high"),
        (-0.1, -0.15, -0.05, "a little less on an order"),
        (0.02, -0.1, 0.14, "No link between spend and frequency is seen"),
        (0.35, -0.1, 0.7, "too few customers to rule out a strong one"),
    ],
)
def test_what_a_link_of_spend_and_frequency_means_is_said(
    correlation: float, low: float, high: float, said: str
) -> None:
    link = pd.DataFrame({"customers": [50], "correlation": [correlation], "low": [low], "high": [high]})
    assert said in independence_table(link).reading


def test_holdout_intervals_hold_what_they_promise(simulate: Callable[..., pd.DataFrame]) -> None:
    held, groups = [], []
    for seed in range(15):
        customers = simulate(600, seed=seed, holdout_days=180).assign(holdout_length=180.0, last_period_orders=0)
        model = BetaGeoNBD.fit(customers, unit="days", prior_spread=2)
        total = holdout_total(customers, model).iloc[0]
        held.append(total["expected_low"] <= total["actual_orders"] <= total["expected_high"])
        each = holdout_comparison(customers, model)
        groups += list(each["actual_mean"].between(each["expected_low"], each["expected_high"]))
        assert total["expected_orders"] == pytest.approx(each["expected_orders"].sum())
    assert np.mean(held) >= 0.8  # of 15; 0.95 is meant
    assert np.mean(groups) >= 0.9


def test_the_interval_of_given_parameters_is_that_of_chance(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    given = {symbol: getattr(cdnow_model, symbol) for symbol in cdnow_model.symbols}
    total, fitted = (holdout_total(cdnow, model).iloc[0] for model in (BetaGeoNBD(**given), cdnow_model))
    each = cdnow_model.expected_order_pairs_if_alive(39, cdnow["frequency"], cdnow["T"])
    mean = cdnow_model.expected_orders(39, cdnow["frequency"], cdnow["recency"], cdnow["T"])
    alive = cdnow_model.p_alive(cdnow["frequency"], cdnow["recency"], cdnow["T"])
    width = 1.96 * np.sqrt((alive * each + mean - mean**2).sum())
    assert total["expected_high"] - total["expected_orders"] == pytest.approx(width, rel=1e-5)
    assert fitted["expected_high"] - fitted["expected_orders"] > 1.1 * width
    assert total["actual_orders"] == 1882


def test_error_saved_is_that_of_the_squared_errors(cdnow: pd.DataFrame) -> None:
    table = baseline_comparison(cdnow, BetaGeoNBD.fit(cdnow)).set_index("method")
    squares = table["root_mean_squared_error"] ** 2
    for rule in ("personal_rate", "last_period"):
        assert table.loc[rule, "error_saved"] == pytest.approx(1 - squares["BetaGeoNBD"] / squares[rule])
        assert table.loc[rule, "saved_low"] < table.loc[rule, "error_saved"] < table.loc[rule, "saved_high"]
    assert table.loc["BetaGeoNBD", ["error_saved", "saved_low", "saved_high"]].tolist() == [0, 0, 0]
