"""What it costs to win a customer, what the first year brings, and what is left over."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import first_year_by_group

GROUPS = pd.DataFrame({"channel": ["ads", "talk", None], "new_customer_value": [60.0, 90.0, np.nan], "new_error": 3.0})
PEOPLE = pd.DataFrame({"customer_id": list("abcde"), "channel": ["ads", "ads", "ads", "talk", None]})
ORDERS = pd.DataFrame(
    [("a", "2024-02-01", 500.0), ("b", "2025-02-01", 20.0), ("b", "2025-02-01", 20.0), ("b", "2025-03-01", 99.0),
     ("c", "2025-06-30", 60.0), ("d", "2025-05-05", 10.0), ("e", "2025-05-06", 10.0)],
    columns=["customer_id", "ordered_at", "amount"],
).assign(ordered_at=lambda table: pd.to_datetime(table["ordered_at"]))  # fmt: skip
SPEND = pd.DataFrame(
    {"spent_on": pd.to_datetime(["2024-01-01", "2025-01-01", "2025-12-01", "2026-01-01"]), "channel": "ads",
     "cost": [999.0, 30.0, 10.0, 999.0]}
)  # fmt: skip


def found(spend: Any = SPEND, **changed: Any) -> pd.DataFrame:
    how = {"orders": ORDERS, "customers": PEOPLE, "as_of": "2025-12-31", "margin": 0.5} | changed
    return first_year_by_group(GROUPS, spend=spend, **how).set_index("channel")


def test_the_cost_of_the_last_year_is_shared_by_those_won_in_it() -> None:
    ads = found().loc["ads"]
    assert (ads["new_customers"], ads["spent"], ads["cost_to_win"]) == (2, 40.0, 20.0)  # a came earlier
    assert ads["first_order"] == 25.0  # half of 40 (two orders on one day) and of 60, on average
    assert (ads["brings_in"], ads["left_over"]) == (85.0, 65.0)
    assert ads["left_error"] == pytest.approx(np.hypot(3.0, 5.0))  # 20 and 30: their mean is known to within 5


def test_of_groups_without_bookings_no_cost_is_known() -> None:
    talk = found().loc["talk"]
    assert (talk["new_customers"], talk["brings_in"]) == (1, 95.0)
    assert np.isnan([talk["spent"], talk["cost_to_win"], talk["left_over"]]).all()


def test_bookings_that_end_early_are_held_against_those_won_until_then() -> None:
    ads = found(SPEND[:2]).loc["ads"]  # the last booking is for January 2025
    assert (ads["new_customers"], ads["spent"], ads["cost_to_win"]) == (1, 30.0, 30.0)


def test_without_spend_or_orders_nothing_is_known_of_costs() -> None:
    for table in (found(SPEND[:0]), found(orders=ORDERS[:0]), found(SPEND.drop(columns="channel"))):
        assert table[["cost_to_win", "left_over"]].isna().all(axis=None)
        assert table["new_customer_value"].tolist()[:2] == [60.0, 90.0]


def test_the_engine_answers_as_pandas_does() -> None:
    tables = {"orders": ibis.memtable(ORDERS), "customers": ibis.memtable(PEOPLE)}
    pd.testing.assert_frame_equal(found(ibis.memtable(SPEND), **tables), found())
