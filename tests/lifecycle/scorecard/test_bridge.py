"""The bridge from one time's revenue to the other's: cash that adds up."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlib
from crmlib.lifecycle import scorecard
from crmlib.lifecycle.scorecard.bridge import change_interval
from crmlib.purchases import purchases
from crmlib.statistics import skewed
from crmlib.words import use
from tests.lifecycle.scorecard.conftest import grown, orders_of

DAYS = {"starts": dt.date(2024, 1, 1), "changes": dt.date(2025, 1, 1), "as_of": dt.date(2025, 12, 31)}


def parts_of(bridge):
    return bridge.set_index("part").drop(index=["before", "after"])


def test_the_samples_bridge_adds_up_to_the_cent_and_is_counted_a_second_way(aurora):
    bridge = scorecard.revenue_bridge(aurora.table("orders"), as_of=aurora.as_of).set_index("part")
    assert bridge.amount.round(2).to_dict() == {
        "before": 2185204.89, "lost": -943957.70, "stayed": 356514.79, "new": 2716527.98, "guests": 10723.33,
        "after": 4325013.29,
    }  # fmt: skip
    assert bridge.customers.to_dict() == {
        "before": 3790, "lost": 1922, "stayed": 1868, "new": 3924, "guests": 0, "after": 5792,
    }  # fmt: skip
    bought = purchases(aurora.table("orders"), as_of=aurora.as_of, guests=True).to_pandas()
    bought["year"] = pd.to_datetime(bought.day).dt.year
    paid = bought.pivot_table(index="customer_id", columns="year", values="spend", aggfunc="sum")
    change = paid.fillna(0)[2025] - paid.fillna(0)[2024]
    by_hand = {
        "lost": change[paid[2025].isna()].sum(), "new": change[paid[2024].isna()].sum(),
        "stayed": change[paid.notna().all(axis=1)].sum(),
    }  # fmt: skip
    assert bridge.amount[list(by_hand)].to_dict() == pytest.approx(by_hand, abs=0.005)
    guests = bought[bought.customer_id.isna()].groupby("year").spend.sum()
    assert bridge.amount["guests"] == pytest.approx(guests[2025] - guests[2024], abs=0.005)


def test_who_had_bought_before_both_times_has_returned_and_is_not_new():
    orders = orders_of(
        ("old", "2023-03-01", 7), ("a", "2023-05-01", 3), ("a", "2024-05-01", 10), ("old", "2025-02-01", 20),
        ("b", "2025-03-01", 5), (None, "2024-06-01", 4), *[("a", f"2023-{m:02d}-02", 1) for m in range(1, 13)],
    )  # fmt: skip
    parts = parts_of(scorecard.revenue_bridge(orders, as_of="2025-12-31"))
    assert parts.amount.to_dict() == {"lost": -10, "stayed": 0, "returned": 20, "new": 5, "guests": -4}
    # Where the data begin with the earlier time, nobody can tell the returned from the new.
    from_then = orders[orders.ordered_at >= "2024-01-01"]
    begun = pd.concat([from_then, orders_of(("a", "2024-01-01", 1))])
    parts = parts_of(scorecard.revenue_bridge(begun, as_of="2025-12-31"))
    assert parts.amount.to_dict() == {"lost": -11, "stayed": 0, "new": 25, "guests": -4}


order = st.tuples(
    st.sampled_from(["a", "b", "c", "d", None]), st.dates(dt.date(2023, 1, 1), dt.date(2025, 12, 31)),
    st.integers(1, 99_999),
)  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(st.lists(order, min_size=1, max_size=20))
def test_parts_add_up_whatever_was_bought_and_nobody_is_in_two(drawn):
    orders = orders_of(*[(who, day, cents / 100) for who, day, cents in drawn])
    sums = scorecard.part_sums(orders, **DAYS, begins=dt.date(2023, 1, 1)).set_index("part")
    bought = orders[orders.ordered_at >= "2024-01-01"]
    is_later = bought.ordered_at >= "2025-01-01"
    assert sums.before.sum() == pytest.approx(bought.amount[~is_later].sum(), abs=0.001)
    assert sums.after.sum() == pytest.approx(bought.amount[is_later].sum(), abs=0.001)
    assert sums.customers.sum() == bought.customer_id.nunique()
    assert sums.after.get("lost", 0) == sums.before.get("new", 0) == sums.before.get("returned", 0) == 0
    bridge = scorecard.revenue_bridge(orders, as_of="2025-12-31")
    if len(bridge):
        at = bridge.set_index("part").amount
        assert at["before"] + parts_of(bridge).amount.sum() == pytest.approx(at["after"], abs=0.001)


def test_ibis_in_is_pandas_in():
    orders = orders_of(("a", "2024-01-01", 10), ("b", "2024-02-01", 5), ("b", "2025-02-01", 9), (None, "2025-03-01", 4))
    as_ibis = ibis.memtable(orders)
    known = scorecard.part_sums(orders, **DAYS, begins=dt.date(2024, 1, 1))
    same = scorecard.part_sums(as_ibis, **DAYS, begins=dt.date(2024, 1, 1))
    assert isinstance(same, ibis.Table)
    pd.testing.assert_frame_equal(known, same.to_pandas(), check_dtype=False)
    pd.testing.assert_frame_equal(
        scorecard.revenue_bridge(orders, as_of="2025-12-31"), scorecard.revenue_bridge(as_ibis, as_of="2025-12-31")
    )


def test_the_real_base_is_closed_and_its_bridge_holds_who_left_and_who_stayed(repository):
    cdnow = crmlib.begin("13_scorecard", client=repository / "data" / "cdnow" / "client.yaml", language="en")
    bridge = scorecard.revenue_bridge(cdnow.table("orders"), as_of=cdnow.as_of)
    at = bridge.set_index("part")
    assert at.amount.round(2)[["before", "lost", "stayed", "new", "after"]].tolist() == [
        1723354.50, -812146.58, -134337.22, 90.43, 776961.13,
    ]  # fmt: skip
    assert at.customers[["before", "lost", "stayed"]].tolist() == [23500, 16444, 7056]
    exhibit = scorecard.plot_bridge(bridge)
    assert [bar["label"] for bar in exhibit.fields["bars"]] == [
        "9 months before", "16,444 did not return", "7,056 who stayed", "2 new customers", "Last 9 months",
    ]  # fmt: skip
    finding = scorecard.finding_revenue_change(bridge)
    assert (finding.direction, finding.money, finding.owner) == ("neutral", None, "")
    assert "as they must without new customers" in finding.headline


def test_calendar_years_are_called_by_their_year_in_both_languages():
    bridge = scorecard.revenue_bridge(grown(1.5), as_of="2025-12-31")
    for language, first, last in (("en", "Sales 2024", "Sales 2025"), ("zh", "2024年销售额", "2025年销售额")):
        use(language, "CNY")
        labels = [bar["label"] for bar in scorecard.plot_bridge(bridge).fields["bars"]]
        assert (labels[0], labels[-1]) == (first, last)
    use("en", "CNY")
    moved = grown(1.5).assign(ordered_at=lambda o: o.ordered_at + pd.DateOffset(months=1))
    labels = [
        bar["label"]
        for bar in scorecard.plot_bridge(scorecard.revenue_bridge(moved, as_of="2026-01-31")).fields["bars"]
    ]
    assert (labels[0], labels[-1]) == ("12 months before", "Last 12 months")


def test_bars_begin_where_the_one_before_ends():
    bars = scorecard.plot_bridge(scorecard.revenue_bridge(grown(1.5), as_of="2025-12-31")).fields["bars"]
    assert [(bar["left"], bar["width"]) for bar in bars] == [
        (0, 66.67), (0, 66.67), (0, 0), (0, 100), (0, 100),
    ]  # fmt: skip
    assert [bar["tone"] for bar in bars] == ["", "bad", "good", "good", ""]


def test_there_is_no_bridge_without_two_times_and_it_says_so():
    for orders in (orders_of(), orders_of(("a", "2025-12-01", 5))):
        bridge = scorecard.revenue_bridge(orders, as_of="2025-12-31")
        assert bridge.empty
        assert scorecard.plot_bridge(bridge).kind == "nothing"
        assert scorecard.finding_revenue_change(bridge) is None


@pytest.mark.parametrize("spread", [1.2, 1.6])
@pytest.mark.parametrize("customers", [30, 100, 1000])
@pytest.mark.parametrize("grown", [1, 2])
def test_the_interval_of_a_change_holds_what_it_promises_and_a_skewed_one_holds_less(customers, spread, grown):
    """Of a change of money large amounts stand on both sides: Hall's interval, right for means, would do worse."""
    random, times = np.random.default_rng(4), 600
    expected = {"before": customers / (1 + grown), "after": grown * customers / (1 + grown)}
    right = (expected["after"] - expected["before"]) * np.exp(spread**2 / 2)
    plain = bent = 0
    for _ in range(times):
        paid = {time: np.exp(random.normal(0, spread, random.poisson(many))) for time, many in expected.items()}
        before, after = (float(paid[time].sum()) for time in ("before", "after"))
        changes = np.concatenate([paid["after"], -paid["before"]])
        error = float(np.sqrt((changes**2).sum()))
        bridge = pd.DataFrame({"part": ["before", "after"], "amount": [before, after], "error": [error, error]})
        low, high = change_interval(bridge)
        plain += low <= right <= high
        ends = skewed(after - before, error, (changes**3).sum() / error**3, max(len(changes) - 1, 1))
        bent += ends[0] <= right <= ends[1]
    assert plain / times >= 0.9
    assert plain > bent
