"""What is counted: by hand, by brute force, and what cannot be known yet."""

from __future__ import annotations

import datetime as dt
import math

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.calendar import first_whole_period, later, period_start, whole_periods
from crmlib.lifecycle import clv, scorecard
from tests.lifecycle.scorecard.conftest import orders_of


def test_periods_are_whole_weeks_months_and_quarters():
    assert period_start("2025-01-01", "week") == dt.date(2024, 12, 30)
    assert later(dt.date(2025, 10, 1), "quarter", -4) == dt.date(2024, 10, 1)
    assert len(whole_periods(dt.date(2024, 1, 1), dt.date(2025, 12, 31), "month")) == 24
    assert whole_periods(dt.date(2025, 1, 1), dt.date(2025, 1, 30), "month") == []
    assert first_whole_period(dt.date(2025, 1, 4), "month") == dt.date(2025, 1, 1)
    assert first_whole_period(dt.date(2025, 1, 5), "month") == dt.date(2025, 2, 1)
    with pytest.raises(ValueError, match="use one of week, month, quarter, year"):
        period_start("2025-01-01", "decade")


def by_brute_force(orders, as_of, silent_days, period="month"):
    """Active, lapsed, silent and won back per period, straight from the definitions, one customer at a time."""
    days = {c: sorted(set(part["ordered_at"].dt.date)) for c, part in orders.groupby("customer_id")}
    first_day = min(min(d) for d in days.values())

    def active(moment):
        evening = moment - dt.timedelta(days=1)
        known = {c: [d for d in own if d <= evening] for c, own in days.items()}
        return {c for c, own in known.items() if own and own[-1] >= evening - dt.timedelta(days=silent_days)}

    rows = []
    for start in whole_periods(period_start(first_day, period), as_of, period):
        end = later(start, period)
        at_start, at_end = active(start), active(end)
        came = {c for c, own in days.items() if any(start <= d < end for d in own)}
        known = {c for c, own in days.items() if own[0] < start}
        rows.append(
            {
                "period": start,
                "buyers": len(came),
                "new_customers": len(came - known),
                "active_at_start": len(at_start),
                "active_customers": len(at_end),
                "lapsed": len(at_start - at_end),
                "silent_at_start": len(known - at_start),
                "won_back": len(came & (known - at_start)),
                "seen": start > first_day + dt.timedelta(days=silent_days),
                "seen_at_end": end > first_day + dt.timedelta(days=silent_days),
            }
        )
    return pd.DataFrame(rows)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 420), st.just(5.0)), min_size=1, max_size=60),
    st.sampled_from([("month", 31), ("month", 60), ("week", 10), ("quarter", 92), ("month", 180)]),
)
def test_who_is_active_lapses_and_comes_back_is_as_the_definitions_say(rows, how):
    period, silent_days = how
    first = dt.date(2024, 1, 1)
    orders = orders_of(*[(c, first + dt.timedelta(days=d), a) for c, d, a in rows])
    as_of = dt.date(2025, 3, 31)
    found = scorecard.order_measures(orders, as_of=as_of, period=period, silent_days=silent_days)
    found["period"] = [pd.Timestamp(start).date() for start in found["period"]]
    wanted = by_brute_force(orders, as_of, silent_days, period)
    wanted = wanted[wanted["period"].isin(found["period"])].reset_index(drop=True)
    assert len(found) == len(wanted)
    for name in ("buyers", "new_customers"):
        assert found[name].tolist() == wanted[name].tolist()
    for name in ("active_at_start", "lapsed", "silent_at_start", "won_back"):
        assert found[name].tolist() == pytest.approx(wanted[name].where(wanted["seen"]).tolist(), nan_ok=True)
    assert found["active_customers"].tolist() == pytest.approx(
        wanted["active_customers"].where(wanted["seen_at_end"]).tolist(), nan_ok=True
    )
    flow = found["active_at_start"] - found["lapsed"] + found["new_customers"] + found["won_back"]
    assert (flow.dropna() == found.loc[flow.notna(), "active_customers"]).all()


def test_churn_by_hand():
    # a buys on 1 January and 20 March, b on 5 January only, c on 15 February; silent after 60 days.
    orders = orders_of(("a", "2025-01-01", 10), ("b", "2025-01-05", 20), ("c", "2025-02-15", 5), ("a", "2025-03-20", 5))
    found = scorecard.base_measures(orders=orders, as_of="2025-05-31", silent_days=60, repurchase_days=90)
    found = found.set_index("period").loc[:, ["active_at_start", "lapsed", "won_back", "silent_at_start"]]
    # First known on the evening of 2 March (60 days after the first purchase), so not at the starts before it.
    assert found.loc[dt.date(2025, 3, 1)].isna().all()
    # On the eve of April a (11 days) and c (44 days) are active, b (85 days) is silent; c lapses on 17 April.
    assert found.loc[dt.date(2025, 4, 1)].tolist() == [2, 1, 0, 1]
    # On the eve of May a (41 days) is active, and lapses on 20 May.
    assert found.loc[dt.date(2025, 5, 1)].tolist() == [1, 1, 0, 2]


def test_who_bought_again_is_counted_from_the_first_purchase_of_the_month_and_only_when_followed():
    orders = orders_of(
        ("a", "2025-01-10", 1), ("a", "2025-01-10", 1), ("b", "2025-01-31", 1), ("b", "2025-03-02", 1),
        ("c", "2025-01-05", 1), ("c", "2025-01-20", 1), ("d", "2025-02-28", 1), ("e", "2025-01-01", 1),
        ("e", "2025-02-01", 1),
    )  # fmt: skip
    found = scorecard.order_measures(orders, as_of="2025-03-31", silent_days=180, repurchase_days=30)
    # a bought twice on one day, b again on day 30, c within the month, e on day 31; March is not followed.
    assert found["buyers"].tolist() == [4, 2, 1]
    assert found["buyers_again"].tolist() == pytest.approx([2, 0, math.nan], nan_ok=True)


def test_revenue_follows_the_rule_for_purchases_and_holds_guests():
    orders = orders_of(
        ("a", "2025-01-02", 100), ("b", "2025-01-03", 50), ("c", "2025-01-04", 70), (None, "2025-01-05", 30)
    )  # fmt: skip
    orders["status"] = ["paid", "cancelled", "refunded", None]
    orders["refunded_amount"] = [None, None, 20.0, None]
    found = scorecard.order_measures(orders, as_of="2025-01-31").iloc[0]
    assert (found["revenue"], found["orders"], found["guest_revenue"], found["buyers"]) == (180, 3, 30, 2)


def test_a_month_that_is_not_over_and_one_in_which_the_data_begin_are_left_out():
    orders = orders_of(("a", "2025-01-15", 1), ("b", "2025-02-03", 1), ("c", "2025-03-03", 1))
    found = scorecard.order_measures(orders, as_of="2025-03-30")
    assert [str(start)[:10] for start in found["period"]] == ["2025-02-01"]
    assert found["known_customers"].tolist() == [2]


def test_a_month_without_orders_is_there_with_zeros():
    orders = orders_of(("a", "2025-01-01", 1), ("a", "2025-03-03", 1))
    assert scorecard.order_measures(orders, as_of="2025-04-30")["revenue"].tolist() == [1, 0, 1, 0]


def test_an_active_customer_must_not_be_able_to_lapse_within_the_period_of_the_purchase():
    with pytest.raises(ValueError, match="must not be shorter than a month"):
        scorecard.order_measures(orders_of(("a", "2025-01-01", 1)), as_of="2025-01-31", silent_days=30)


def test_pandas_and_a_database_answer_alike():
    rng = np.random.default_rng(1)
    first = dt.date(2024, 1, 1)
    days = [first + dt.timedelta(days=int(day)) for day in rng.integers(500, size=300)]
    orders = orders_of(*[(f"c{rng.integers(30)}", day, 9) for day in days])
    connection = ibis.duckdb.connect()
    connection.con.register("frame", orders)
    connection.raw_sql("CREATE TABLE orders AS SELECT * FROM frame")
    table = connection.table("orders")
    one = scorecard.order_measures(orders, as_of="2025-05-31")
    other = scorecard.order_measures(table, as_of="2025-05-31")
    assert isinstance(other, ibis.Table)
    pd.testing.assert_frame_equal(one, other.to_pandas())


@pytest.mark.parametrize(
    "rows", [[], [(None, "2025-01-01", 5)], [("a", "2025-01-01", 0)], [("a", "2025-01-01", 5)] * 2]
)
def test_odd_orders_do_not_stop_the_scorecard(rows):
    orders = orders_of(*rows)
    equity = clv.equity_on(orders, days=scorecard.value_days("2025-02-28"))
    measures = scorecard.base_measures(orders=orders, equity=equity, as_of="2025-02-28")
    kpis = scorecard.load_kpis()
    card = scorecard.scorecard(measures, kpis)
    assert len(card) == len(kpis)
    assert scorecard.finding_revenue_change(scorecard.revenue_bridge(orders, as_of="2025-02-28")) is None
    years = scorecard.year_against_year(measures, kpis, scorecard.revenue_bridge(orders, as_of="2025-02-28"))
    assert scorecard.finding_off_target(years, kpis, measures, card) is None
    assert len(scorecard.scorecard_table(card, kpis).fields["rows"]) == len(kpis)


def test_leads_are_counted_when_they_came_and_only_after_the_same_follow_up():
    leads = pd.DataFrame(
        {
            "created_at": pd.to_datetime(["2025-01-01", "2025-01-31", "2025-02-03", "2025-03-01"]),
            "converted_at": pd.to_datetime(["2025-01-31", "2025-03-03", "2025-02-04", "2025-03-02"]),
        }
    )
    found = scorecard.lead_measures(leads, as_of="2025-03-30", follow_up_days=30)
    assert found["leads"].tolist() == [2, 1]
    assert found["converted_leads"].tolist() == [1, 1]
    found = scorecard.lead_measures(leads, as_of="2025-03-29", follow_up_days=30)
    assert found["converted_leads"].tolist() == pytest.approx([1, math.nan], nan_ok=True)
    assert scorecard.lead_measures(leads[["created_at"]], as_of="2025-03-31")["converted_leads"].isna().all()


def test_a_table_that_ends_early_says_nothing_of_later_months():
    orders = orders_of(*[("a", f"2025-{month:02d}-01", 10) for month in range(1, 6)])
    spend = pd.DataFrame({"spent_on": pd.to_datetime(["2025-02-01", "2025-03-01"]), "cost": [7.0, 3.0]})
    found = scorecard.base_measures(orders=orders, spend=spend, as_of="2025-05-31")
    assert found["marketing_cost"].tolist() == pytest.approx([math.nan, 7, 3, math.nan, math.nan], nan_ok=True)


def test_costs_booked_by_the_month_say_nothing_of_a_week():
    spend = pd.DataFrame({"spent_on": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"]), "cost": 5.0})
    assert scorecard.spend_measures(spend, as_of="2025-03-31", period="week")["marketing_cost"].isna().all()
    assert scorecard.spend_measures(spend, as_of="2025-03-31", period="quarter")["marketing_cost"].tolist() == [15.0]


def test_a_complaint_counts_once_its_time_is_over_and_an_open_one_is_not_resolved():
    tickets = pd.DataFrame(
        {
            "opened_at": pd.to_datetime(["2025-01-02 10:00"] * 4 + ["2025-01-31 23:00"] * 2),
            "resolved_at": pd.to_datetime(
                ["2025-01-03 10:00", "2025-01-03 10:01", None, "2025-01-02 11:00", None, "2025-01-31 23:30"]
            ),
            "is_complaint": [True, True, True, False, True, None],
            "csat": [5, 4, 3, None, None, 1],
        }
    )
    found = scorecard.ticket_measures(tickets, as_of="2025-01-31", sla_hours=24).iloc[0]
    assert found[["complaints_opened", "complaints_due", "complaints_resolved"]].tolist() == [4, 3, 1]
    assert found[["service_csat_answers", "service_csat_sum", "service_csat_satisfied"]].tolist() == [4, 13, 2]
    bare = scorecard.ticket_measures(tickets[["opened_at"]], as_of="2025-01-31").iloc[0]
    assert bare["tickets"] == 6
    assert bare.drop(["period", "tickets"]).isna().all()


def test_nps_counts_nine_and_ten_as_promoters_and_up_to_six_as_detractors():
    scores = [0, 6, 7, 8, 9, 10, None]
    surveys = pd.DataFrame({"answered_at": pd.Timestamp("2025-01-03"), "kind": "nps", "score": scores})
    found = scorecard.survey_measures(surveys, as_of="2025-01-31").iloc[0]
    assert found[["nps_answers", "promoters", "detractors", "csat_answers"]].tolist() == [6, 2, 2, 0]
    assert scorecard.survey_measures(surveys.drop(columns="score"), as_of="2025-01-31").empty
