"""The model's forecast for a time held out, against what happened and simple rules."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import (
    baseline_comparison,
    calibration_by_decile,
    calibration_end,
    compare,
    holdout_comparison,
    holdout_total,
    lift,
    tracking,
)
from crmlib.lifecycle.clv.ranking import baseline_forecasts, captured, gini, longest_usual_gap
from crmlib.models import BetaGeoNBD, CustomerBaseInvalid, ModifiedBetaGeoNBD, ParetoNBD

PUBLISHED: Any = {"as_of": "1998-06-30", "calibration_end": "1997-09-30", "free_orders": "count"}


def test_published_weeks_20_to_25_are_reproduced(cdnow_orders: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    weeks = tracking(cdnow_orders, cdnow_model, **PUBLISHED)
    some = weeks[weeks["period"].between(20, 25)]
    np.testing.assert_allclose(some["expected_orders"], [76.865, 74.888, 73.046, 71.322, 69.704, 68.182], atol=1.1e-3)
    assert some["actual_orders"].tolist() == [73, 55, 70, 33, 56, 99]


def test_published_weeks_of_pareto_are_reproduced(cdnow_orders: pd.DataFrame) -> None:
    model = ParetoNBD(r=0.55328, alpha=10.5777, s=0.60624, beta=11.6687)
    weeks = tracking(cdnow_orders, model, **PUBLISHED)
    some = weeks[weeks["period"].between(20, 25)]
    np.testing.assert_allclose(some["expected_orders"], [78.308, 76.419, 74.648, 72.983, 71.414, 69.933], rtol=1e-4)


def test_tracking_counts_with_who_leaves_after_the_first_order(cdnow_orders: pd.DataFrame, cdnow: pd.DataFrame) -> None:
    model = ModifiedBetaGeoNBD.fit(cdnow)
    weeks = tracking(cdnow_orders, model, **PUBLISHED)
    # Seen from the first order, or from the end of the calibration: nearly the same holdout.
    held = weeks.loc[~weeks["in_calibration"], "expected_orders"].sum()
    assert held == pytest.approx(
        model.expected_orders(39, cdnow["frequency"], cdnow["recency"], cdnow["T"]).sum(), rel=0.02
    )


def test_tracking_ends_in_the_known_totals(cdnow_orders: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    weeks = tracking(cdnow_orders, cdnow_model, **PUBLISHED)
    assert len(weeks) == 78
    assert weeks["in_calibration"].sum() == 39
    assert weeks["ends_on"].iloc[-1] == pd.Timestamp("1998-06-30")
    assert weeks["actual_cumulative"].iloc[38] == 2457
    assert weeks["actual_cumulative"].iloc[-1] == 2457 + 1882
    np.testing.assert_allclose(weeks["expected_orders"].cumsum(), weeks["expected_cumulative"])
    from_database = tracking(ibis.memtable(cdnow_orders), cdnow_model, **PUBLISHED)
    pd.testing.assert_frame_equal(weeks, from_database)


def test_tracking_needs_purchases(cdnow_orders: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    with pytest.raises(ValueError, match="no purchase until 1996-12-31"):
        tracking(cdnow_orders, cdnow_model, as_of="1998-06-30", calibration_end="1996-12-31")


def test_holdout_by_frequency_sums_to_the_whole(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    table = holdout_comparison(cdnow, cdnow_model)
    assert table["frequency"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert table["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert table["actual_orders"].sum() == 1882
    expected = cdnow_model.expected_orders(39, cdnow["frequency"], cdnow["recency"], cdnow["T"])
    assert table["expected_orders"].sum() == pytest.approx(expected.sum(), rel=1e-12)
    np.testing.assert_allclose(table["expected_mean"], table["expected_orders"] / table["customers"])
    assert table["actual_mean"].iloc[0] == pytest.approx(334 / 1411)


def test_the_model_beats_simple_rules_on_cdnow(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    table = baseline_comparison(cdnow, cdnow_model).set_index("method")
    assert table.index.tolist() == ["BetaGeoNBD", "personal_rate", "last_period", "recency_rule", "overall_mean"]
    assert (table["actual_total"] == 1882).all()
    assert table.loc["last_period", "expected_total"] == 2457  # the holdout is as long as the whole calibration
    assert table.loc["BetaGeoNBD", "mean_absolute_error"] == table["mean_absolute_error"].min()
    assert table.loc["BetaGeoNBD", "correlation"] == table["correlation"].max()
    assert table["gini"].between(0, 1).all()
    # All together order at the rate of all: Σx/ΣT, for 39 weeks each.
    total = 2457 / cdnow["T"].sum() * 39 * 2357
    assert table.loc["overall_mean", "expected_total"] == pytest.approx(total)
    assert table.loc["overall_mean", "top_fifth_share"] == pytest.approx(0.2)


def test_a_perfect_and_a_useless_ranking() -> None:
    actual = pd.Series([0.0, 0, 0, 0, 0, 0, 0, 0, 1, 4])
    customers = pd.DataFrame(
        {"frequency": 0, "recency": 0.0, "T": 10.0, "holdout_orders": actual, "holdout_length": 10.0,
         "last_period_orders": actual}
    )  # fmt: skip
    model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    table = baseline_comparison(customers, model).set_index("method")
    assert table.loc["last_period", "gini"] == pytest.approx(1)
    assert table.loc["last_period", "top_fifth_share"] == pytest.approx(1)
    assert table.loc["last_period", "mean_absolute_error"] == 0
    assert table.loc["BetaGeoNBD", "gini"] == pytest.approx(0)
    assert table.loc["BetaGeoNBD", "top_fifth_share"] == pytest.approx(0.2)
    assert table.loc["BetaGeoNBD", "correlation"] == 0  # all alike: there is none
    assert table.loc["last_period", "error_saved"] == -np.inf  # the rule made no error, the model did
    assert np.isfinite(table.drop(index="last_period").to_numpy(dtype=float)).all()


def test_a_summary_without_holdout_is_refused(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    with pytest.raises(CustomerBaseInvalid, match="has no holdout_length"):
        holdout_comparison(cdnow.drop(columns="holdout_length"), cdnow_model)


@pytest.mark.parametrize("model", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD])
def test_deciles_sum_to_the_totals(cdnow: pd.DataFrame, model) -> None:
    model = model.fit(cdnow)
    table, total = calibration_by_decile(cdnow, model), holdout_total(cdnow, model).iloc[0]
    assert table["decile"].tolist() == list(range(1, 11))
    assert table["customers"].sum() == 2357
    assert table["customers"].between(200, 260).all()
    assert table["actual_orders"].sum() == total["actual_orders"] == 1882
    assert table["expected_orders"].sum() == pytest.approx(total["expected_orders"], rel=1e-12)
    assert table["expected_mean"].is_monotonic_increasing
    assert (table["expected_low"] <= table["expected_mean"]).all()
    # What varies by chance and is independent between customers is less in the sum than in the parts.
    assert (
        total["expected_high"] - total["expected_low"]
        < ((table["expected_high"] - table["expected_low"]) * table["customers"]).sum()
    )


def test_equal_forecasts_are_in_one_decile() -> None:
    customers = pd.DataFrame(
        {"frequency": [0] * 9 + [3], "recency": [0.0] * 9 + [9.0], "T": 10.0, "holdout_orders": [0] * 9 + [2],
         "holdout_length": 10.0, "last_period_orders": 0}
    )  # fmt: skip
    table = calibration_by_decile(customers, BetaGeoNBD(r=0.24, alpha=4.4, a=0.8, b=2.4))
    assert table["customers"].tolist() == [9, 1]
    assert table["actual_mean"].tolist() == [0, 2]


def test_the_interval_of_a_decile_is_that_of_chance_alone_where_parameters_are_given(simulate) -> None:
    held = []
    for seed in range(6):
        customers = simulate(2000, seed=seed, holdout_days=180).assign(holdout_length=180.0, last_period_orders=0)
        truth = BetaGeoNBD(r=0.8, alpha=60.0, a=0.8, b=2.5, unit="days")
        table = calibration_by_decile(customers, truth)
        held += list(table["actual_mean"].between(table["expected_low"], table["expected_high"]))
    assert 0.88 <= np.mean(held) <= 0.995  # of 60; 0.95 is meant


def test_intervals_add_up_over_holdouts_of_different_length(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    alike = holdout_total(cdnow, cdnow_model).iloc[0]
    nearly = np.where(np.arange(len(cdnow)) % 2, 39.0, 39.0 + 1e-9)
    mixed = holdout_total(cdnow.assign(holdout_length=nearly), cdnow_model).iloc[0]
    assert mixed["expected_high"] == pytest.approx(alike["expected_high"], rel=1e-6)
    assert mixed["expected_low"] == pytest.approx(alike["expected_low"], rel=1e-6)


def test_no_baseline_sees_the_holdout(cdnow: pd.DataFrame) -> None:
    other = cdnow.assign(holdout_orders=cdnow["holdout_orders"].sample(frac=1, random_state=1).to_numpy() + 5)
    before, after = baseline_forecasts(cdnow), baseline_forecasts(other)
    assert list(before) == ["personal_rate", "last_period", "recency_rule", "overall_mean"]
    for rule in before:
        np.testing.assert_array_equal(before[rule], after[rule])


def test_the_recency_rule_expects_nothing_of_the_long_silent(cdnow: pd.DataFrame) -> None:
    own = baseline_forecasts(cdnow)["personal_rate"]
    told = baseline_forecasts(cdnow, recency_threshold=10.0)["recency_rule"]
    silent = (cdnow["T"] - cdnow["recency"]).to_numpy() > 10
    assert (told[silent] == 0).all()
    np.testing.assert_array_equal(told[~silent], own[~silent])
    x, gap = cdnow["frequency"], cdnow["recency"] / cdnow["frequency"].clip(lower=1)
    longer = (x * np.exp(-longest_usual_gap(cdnow) / gap[x > 0])).sum() / x.sum()
    assert longer == pytest.approx(0.1)


def test_lift_tells_what_the_best_ranked_placed(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    table = lift(cdnow, cdnow_model, shares=(0.2, 1.0)).set_index(["method", "share_contacted"])
    expected = cdnow_model.expected_orders(39, cdnow["frequency"], cdnow["recency"], cdnow["T"])
    best = np.sort(np.round(expected, 12))[::-1][int(0.2 * 2357) - 1]
    placed = cdnow.loc[expected > best, "holdout_orders"].sum() / 1882
    assert table.loc[("BetaGeoNBD", 0.2), "share_captured"] == pytest.approx(placed, abs=0.01)
    assert table.loc[("BetaGeoNBD", 0.2), "lift"] == pytest.approx(placed / 0.2, abs=0.05)
    assert (table.xs(1.0, level="share_contacted")["lift"] == 1).all()
    assert table.loc[("overall_mean", 0.2), "lift"] == pytest.approx(1)
    top = np.sort(cdnow["holdout_orders"])[::-1][:471].sum() / 1882
    assert table.loc[("actual_orders", 0.2), "share_captured"] == pytest.approx(top, abs=2e-3)


def test_a_holdout_without_orders_ranks_nobody() -> None:
    nothing = pd.DataFrame(
        {"frequency": [0, 2, 1], "recency": [0.0, 5.0, 3.0], "T": 10.0, "holdout_orders": 0, "holdout_length": 10.0,
         "last_period_orders": [0, 1, 0]}
    )  # fmt: skip
    model = BetaGeoNBD(r=0.24, alpha=4.4, a=0.8, b=2.4)
    table = baseline_comparison(nothing, model)
    assert (table["gini"] == 0).all()
    assert not table.isna().any(axis=None)
    np.testing.assert_allclose(lift(nothing, model)["lift"], 1.0)
    np.testing.assert_allclose(table["top_fifth_share"], 0.2)


def test_ties_count_as_in_random_order() -> None:
    actual, score = np.array([3.0, 0.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])
    at, found = captured(actual, score)
    assert at.tolist() == [0, 0.5, 1]
    assert found.tolist() == [0, 0.75, 1]
    # Area of the curve less that of the diagonal, over the best that could be had.
    assert gini(actual, score) == pytest.approx((0.375 / 2 + 0.875 / 2 - 0.5) / (0.75 / 8 + 1.75 / 8 + 0.5 - 0.5))


@pytest.mark.parametrize("of", [calibration_by_decile, holdout_total, baseline_comparison, lift])
def test_an_empty_or_broken_holdout_is_refused(of, cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    with pytest.raises(CustomerBaseInvalid, match="no customers"):
        of(cdnow[:0], cdnow_model)
    named = f"customer {cdnow['customer_id'].iloc[3]}: a missing or infinite holdout_orders .* 0 for none"
    with pytest.raises(CustomerBaseInvalid, match=named):
        of(cdnow.assign(holdout_orders=cdnow["holdout_orders"].where(cdnow.index != 3)), cdnow_model)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("holdout_length", 0.0, "a holdout_length that is not above 0 .first: holdout_length 0.; it is the time from"),
        ("holdout_length", -39.0, "a holdout_length that is not above 0"),
        ("holdout_length", np.nan, "a missing or infinite holdout_length"),
        ("holdout_length", np.inf, "a missing or infinite holdout_length"),
        (
            "holdout_orders",
            1.5,
            "negative or fractional holdout_orders .first: holdout_orders 1.5.; count whole orders",
        ),
        ("holdout_orders", -1, "negative or fractional holdout_orders"),
        ("holdout_orders", np.inf, "a missing or infinite holdout_orders"),
        ("holdout_orders", "two", "text in the column holdout_orders"),
        ("last_period_orders", -2.0, "negative or fractional last_period_orders"),
        ("last_period_orders", np.nan, "a missing or infinite last_period_orders"),
    ],
)
def test_a_holdout_that_cannot_be_true_is_refused_by_name(
    column: str, value: object, words: str, cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD
) -> None:
    broken = cdnow.assign(**{column: value})
    for of in (holdout_total, holdout_comparison, calibration_by_decile, baseline_comparison, lift):
        with pytest.raises(CustomerBaseInvalid, match=words):
            of(broken, cdnow_model)
    with pytest.raises(CustomerBaseInvalid, match=words):
        baseline_forecasts(broken)
    with pytest.raises(CustomerBaseInvalid, match=words):
        compare([BetaGeoNBD, ModifiedBetaGeoNBD], broken)


def test_whole_counts_of_any_type_of_number_are_accepted(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    nullable = cdnow.assign(holdout_orders=cdnow["holdout_orders"].astype("Int64"))
    pd.testing.assert_frame_equal(holdout_total(nullable, cdnow_model), holdout_total(cdnow, cdnow_model))


def test_numbers_of_groups_and_days_that_cannot_be_are_refused(
    cdnow: pd.DataFrame, cdnow_orders: pd.DataFrame, cdnow_model: BetaGeoNBD
) -> None:
    end, how = "1997-09-30", {"as_of": "1998-06-30", "calibration_end": "1997-09-30"}
    for groups in (0, -1, 2.5, np.nan, True):
        with pytest.raises(ValueError, match="groups must be a whole number, 1 or more, not"):
            calibration_by_decile(cdnow, cdnow_model, groups=groups)
    for most in (-1, 1.5, np.nan):
        with pytest.raises(ValueError, match="most must be a whole number, 0 or more, not"):
            holdout_comparison(cdnow, cdnow_model, most=most)
    for days in (0, -7, 3.5):
        with pytest.raises(ValueError, match="period_days must be a whole number, 1 or more, not"):
            tracking(cdnow_orders, cdnow_model, period_days=days, **how)
    for weeks in (-1, 2.5):
        with pytest.raises(ValueError, match="holdout_weeks must be a whole number, 0 or more, not"):
            calibration_end(cdnow_orders, as_of=end, holdout_weeks=weeks)
    for silence in (np.nan, np.inf, -1.0):
        with pytest.raises(ValueError, match="recency_threshold is a time of silence, 0 or more, not"):
            baseline_comparison(cdnow, cdnow_model, recency_threshold=silence)


def test_the_least_numbers_of_groups_hold_all_customers(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    of_all = holdout_total(cdnow, cdnow_model).iloc[0]
    for one in (
        calibration_by_decile(cdnow, cdnow_model, groups=np.int64(1)),
        holdout_comparison(cdnow, cdnow_model, most=0),
    ):
        assert one["customers"].tolist() == [2357]
        assert one["expected_orders"].item() == pytest.approx(of_all["expected_orders"], rel=1e-12)
        assert one["expected_high"].item() * 2357 == pytest.approx(of_all["expected_high"], rel=1e-9)


def test_times_in_another_unit_are_refused(cdnow: pd.DataFrame) -> None:
    days = BetaGeoNBD(r=0.24, alpha=31.0, a=0.8, b=2.4, unit="days")
    with pytest.raises(CustomerBaseInvalid, match="times are in weeks, the model's in days"):
        holdout_total(cdnow.assign(unit="weeks"), days)
