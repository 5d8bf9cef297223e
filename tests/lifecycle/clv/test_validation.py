"""The model's forecast for a time held out, against what happened and simple rules."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import (
    BetaGeoNBD,
    CustomerBaseInvalid,
    baseline_comparison,
    holdout_comparison,
    tracking,
)


def test_published_weeks_20_to_25_are_reproduced(cdnow_orders: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    weeks = tracking(cdnow_orders, cdnow_model, as_of="1998-06-30", calibration_end="1997-09-30")
    some = weeks[weeks["period"].between(20, 25)]
    np.testing.assert_allclose(some["expected_orders"], [76.865, 74.888, 73.046, 71.322, 69.704, 68.182], atol=1.1e-3)
    assert some["actual_orders"].tolist() == [73, 55, 70, 33, 56, 99]


def test_tracking_ends_in_the_known_totals(cdnow_orders: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    weeks = tracking(cdnow_orders, cdnow_model, as_of="1998-06-30", calibration_end="1997-09-30")
    assert len(weeks) == 78
    assert weeks["in_calibration"].sum() == 39
    assert weeks["ends_on"].iloc[-1] == pd.Timestamp("1998-06-30")
    assert weeks["actual_cumulative"].iloc[38] == 2457
    assert weeks["actual_cumulative"].iloc[-1] == 2457 + 1882
    np.testing.assert_allclose(weeks["expected_orders"].cumsum(), weeks["expected_cumulative"])
    from_database = tracking(ibis.memtable(cdnow_orders), cdnow_model, as_of="1998-06-30", calibration_end="1997-09-30")
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
    assert table.index.tolist() == ["BetaGeoNBD", "personal_rate", "last_period"]
    assert (table["actual_total"] == 1882).all()
    assert table.loc["last_period", "expected_total"] == 2457  # the holdout is as long as the whole calibration
    assert table.loc["BetaGeoNBD", "mean_absolute_error"] == table["mean_absolute_error"].min()
    assert table.loc["BetaGeoNBD", "correlation"] == table["correlation"].max()
    assert table["gini"].between(0, 1).all()


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
    assert np.isnan(table.loc["BetaGeoNBD", "correlation"])  # all alike: there is none


def test_a_summary_without_holdout_is_refused(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    with pytest.raises(CustomerBaseInvalid, match="has no holdout_length"):
        holdout_comparison(cdnow.drop(columns="holdout_length"), cdnow_model)
