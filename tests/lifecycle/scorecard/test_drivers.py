"""Contributions to the change of revenue that add up."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.lifecycle import scorecard, segmentation
from crmlib.lifecycle.scorecard.drivers import _contributions, comparable_times
from crmlib.purchases import purchases
from tests.lifecycle.scorecard.conftest import orders_of

totals = st.tuples(
    st.integers(1, 5000), st.integers(0, 3000), st.integers(0, 500), st.floats(1, 5), st.floats(1, 5),
    st.floats(1, 900), st.floats(1, 900), st.floats(0, 1),
)  # fmt: skip


def as_totals(drawn):
    a0, new, returned, frequency0, frequency1, value0, value1, share_lost = drawn
    lost = min(a0, int(share_lost * a0))
    a1 = a0 + new + returned - lost
    o0, o1 = a0 * frequency0, a1 * frequency1
    return (a0, a1, new, returned, lost, o0, o1, o0 * value0, o1 * value1)


@given(totals)
def test_contributions_add_up_to_the_change_whatever_happened(drawn):
    t = as_totals(drawn)
    if t[1]:
        parts = _contributions(t)
        assert parts.sum() == pytest.approx(t[8] - t[7], rel=1e-9, abs=1e-6 * max(t[7], t[8]))


@given(totals)
def test_backwards_every_contribution_changes_its_sign_only(drawn):
    t = as_totals(drawn)
    if t[1]:
        a0, a1, new, returned, lost, o0, o1, r0, r1 = t
        back = _contributions((a1, a0, lost, 0, new + returned, o1, o0, r1, r0))
        forth = _contributions(t)
        assert back[0] == pytest.approx(-forth[2])
        assert back[2] == pytest.approx(-(forth[0] + forth[1]))
        assert back[3:].tolist() == pytest.approx((-forth[3:]).tolist(), abs=1e-6)


def test_the_driver_tree_by_hand():
    # Two customers with one order of 10 each; later one of them, with two orders of 10: revenue does not change,
    # half as many customers and twice as many orders per customer weigh alike.
    orders = orders_of(
        ("a", "2024-01-01", 10), ("b", "2024-06-01", 10), ("a", "2025-02-01", 10), ("a", "2025-03-01", 10)
    )  # fmt: skip
    tree = scorecard.driver_tree(orders, as_of="2025-12-31").set_index("driver")["contribution"]
    assert tree["revenue"] == 0
    assert tree["customers"] == pytest.approx(-20 * math.log(2))
    assert tree["lost_customers"] == pytest.approx(tree["customers"])
    assert tree["orders_per_customer"] == pytest.approx(20 * math.log(2))
    assert tree["order_value"] == pytest.approx(0)
    assert "returned_customers" not in tree


def test_the_trees_revenue_is_that_of_all_purchases_guests_included(aurora):
    orders = aurora.table("orders")
    tree = scorecard.driver_tree(orders, as_of=aurora.as_of).set_index("driver")
    bought = purchases(orders, as_of=aurora.as_of, guests=True).to_pandas()
    year = pd.to_datetime(bought["day"]).dt.year
    assert tree.loc["revenue", "after"] == pytest.approx(bought.loc[year == 2025, "spend"].sum())
    assert tree.loc["revenue", "before"] == pytest.approx(bought.loc[year == 2024, "spend"].sum())
    children = tree[tree["parent"] == "revenue"]["contribution"].sum()
    assert children == pytest.approx(tree.loc["revenue", "contribution"], abs=1e-6)
    heads = tree[tree["parent"] == "customers"]
    assert heads["contribution"].sum() == pytest.approx(tree.loc["customers", "contribution"], abs=1e-6)
    assert heads["change"].sum() == tree.loc["customers", "change"]


def test_those_who_pause_for_a_time_are_returned_not_new_where_the_data_reach_back():
    orders = orders_of(
        ("a", "2022-06-01", 10), ("b", "2024-03-01", 10), ("a", "2025-03-01", 10), ("c", "2025-03-01", 10)
    )
    tree = scorecard.driver_tree(orders, as_of="2025-12-31").set_index("driver")["change"]
    assert tree[["new_customers", "returned_customers", "lost_customers"]].tolist() == [1, 1, -1]


def test_short_data_are_compared_over_shorter_equal_times():
    assert comparable_times(dt.date(2024, 1, 9), dt.date(2025, 12, 31), 12)[3] == 11
    assert comparable_times(dt.date(2025, 12, 10), dt.date(2025, 12, 31), 12) is None
    start, middle, *_ = comparable_times(dt.date(2020, 1, 1), dt.date(2024, 2, 29), 12)
    assert (start, middle) == (dt.date(2022, 3, 1), dt.date(2023, 3, 1))
    start, middle, *_ = comparable_times(dt.date(2020, 1, 1), dt.date(2025, 8, 30), 6)
    assert (start, middle) == (dt.date(2024, 8, 31), dt.date(2025, 3, 1))


@pytest.mark.parametrize(
    "as_of", [dt.date(2024, 2, 28), dt.date(2025, 2, 27), dt.date(2025, 2, 28), dt.date(2025, 8, 30)]
)
def test_the_last_twelve_months_are_the_same_days_in_every_chapter(as_of):
    days = pd.date_range(as_of - dt.timedelta(days=800), as_of)
    orders = orders_of(*((f"c{at}", day, 1.0) for at, day in enumerate(days)))
    bridge = scorecard.revenue_bridge(orders, as_of=as_of).set_index("part")
    activity = segmentation.customer_activity(orders, as_of=as_of)
    assert bridge.after["after"] == activity.revenue_year.sum() == (activity.revenue_year > 0).sum()
    assert bridge.after["after"] in (365, 366)


def test_the_intervals_of_contributions_are_those_of_resampled_customers(aurora):
    orders = aurora.table("orders")
    tree = scorecard.driver_tree(orders, as_of=aurora.as_of).set_index("driver")
    bought = purchases(orders, as_of=aurora.as_of).to_pandas()
    bought["later"] = pd.to_datetime(bought["day"]).dt.year == 2025
    each = bought.pivot_table(index="customer_id", columns="later", values="spend", aggfunc=["count", "sum"]).fillna(0)
    o0, o1 = (each["count"][is_later].to_numpy() for is_later in (False, True))
    r0, r1 = (each["sum"][is_later].to_numpy() for is_later in (False, True))
    came, left = (o0 == 0) & (o1 > 0), (o0 > 0) & (o1 == 0)
    table = np.column_stack([o0 > 0, o1 > 0, came, 0 * o0, left, o0, o1, r0, r1]).astype(float)
    weights = np.random.default_rng(0).poisson(1, (300, len(table)))
    drawn = np.array([_contributions(total) for total in weights @ table])
    names = ["new_customers", "lost_customers", "orders_per_customer", "order_value"]
    spread = (tree["contribution_high"] - tree["contribution"])[names] / 1.959964
    assert drawn[:, [0, 2, 3, 4]].std(axis=0) == pytest.approx(spread.to_numpy(dtype=float), rel=0.15)


def test_drilling_down_neither_loses_nor_adds_revenue():
    rng = np.random.default_rng(2)
    first = dt.date(2024, 1, 1)
    rows = [(f"c{rng.integers(40)}", first + dt.timedelta(days=d), 5 + d % 7) for d in range(0, 731, 2)]
    orders = orders_of(("c1", "2024-01-01", 3), *rows).assign(store=lambda o: "S" + (o.index % 9).astype(str))
    orders.loc[5, "store"], orders.loc[7, "customer_id"] = None, None
    tree = scorecard.driver_tree(orders, as_of="2025-12-31").set_index("driver")
    for most in (3, 20):
        groups = scorecard.drill_down(orders, by="store", as_of="2025-12-31", most=most)
        assert len(groups) == min(most, 10)
        assert groups["change"].sum() == pytest.approx(tree.loc["revenue", "contribution"])
    whole = groups.dropna()
    parts = whole[["through_customers", "through_frequency", "through_order_value", "through_guests"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(whole["change"].to_numpy())
    assert scorecard.drill_down(orders, by="colour", as_of="2025-12-31").empty


def test_stray_orders_of_long_ago_make_no_half_observed_year_a_comparison():
    first = dt.date(2024, 7, 1)
    rows = [(f"c{i % 90}", first + dt.timedelta(days=2 * i), 10) for i in range(274)]
    stray = [("old", "2023-02-03", 99), ("c1", "2023-12-03", 99)]
    begun, strayed = (
        scorecard.driver_tree(orders_of(*some, *rows), as_of="2025-12-31").set_index("driver") for some in ([], stray)
    )
    assert begun.loc["revenue", "months"] == 9
    pd.testing.assert_frame_equal(begun, strayed)
    groups = scorecard.drill_down(
        orders_of(*stray, *rows).assign(store="S"), by="store", as_of="2025-12-31"
    )  # fmt: skip
    assert groups["change"].sum() == pytest.approx(begun.loc["revenue", "contribution"])
    # A shop that opens for the summer only is no such case, nor is one with an order now and then.
    summers = [
        (f"c{i % 50}", dt.date(y, 6, 1) + dt.timedelta(days=i), 10) for y in (2023, 2024, 2025) for i in range(90)
    ]
    assert scorecard.driver_tree(orders_of(*summers), as_of="2025-12-31")["months"].iloc[0] == 12
    rare = [("a", "2024-01-03", 9), ("b", "2024-06-03", 9), ("a", "2025-01-03", 9), ("b", "2025-08-03", 9)]
    assert scorecard.driver_tree(orders_of(*rare), as_of="2025-12-31")["months"].iloc[0] == 12
