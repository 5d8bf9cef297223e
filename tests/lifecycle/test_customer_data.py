"""Customer data: every row and every amount accounted for, silences told from chance, duplicates and consent."""

import datetime as dt
import re
from itertools import pairwise
from types import SimpleNamespace

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlib
from crmlib.contract.tables import TABLES
from crmlib.intake import take_in
from crmlib.intake.identities.merging import merge_effect
from crmlib.lifecycle import customer_data
from crmlib.lifecycle.customer_data.figures import words as WORDS
from crmlib.problems import UnusableInput
from crmlib.purchases import purchases
from crmlib.words import use
from tests.lengths import too_long

AS_OF = "2025-12-31"
JUNK = re.compile(r"\b(nan|none|inf|nat)\b|[{}]", re.IGNORECASE)
NOBODY = pd.DataFrame({"customer_id": pd.Series(dtype="str")})
"""The table of customers where the client has none."""


def orders_of(*rows, **columns):
    """Orders from (customer, day, amount)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]).assign(**columns)
    return frame.assign(
        order_id=[str(n) for n in range(len(frame))],
        ordered_at=pd.to_datetime(frame.ordered_at, format="mixed"),
        amount=frame.amount.astype(float),
    )


@pytest.fixture(scope="module")
def aurora(repository):
    return crmlib.begin("01_customer_data", client=repository / "data/aurora/client.yaml")


# The account


EXPORT = (
    "order_id,customer_id,ordered_at,amount\n"
    "1,a,2025-01-01,10\n2,a.0,2025-01-02,¥20.00\n2,a.0,2025-01-02,¥20.00\n,b,2025-01-03,5\n4,,2025-01-04,7\n"
)


@pytest.fixture
def small(make_client, tmp_path):
    settings = "max_set_aside: 1\ntables: {orders: {from: orders.csv, duplicates: drop}}\n"
    return take_in(make_client(settings, orders=EXPORT), tmp_path / "w")


def test_read_is_accepted_plus_repaired_plus_quarantined(small):
    row = customer_data.row_account(small.account).iloc[0]
    assert (row["read"], row.accepted, row.repaired, row.quarantined, row.by_rule) == (5, 2, 1, 2, 1)
    said = customer_data.rows_table(customer_data.row_account(small.account)).reading
    assert [int(number) for number in re.findall(r"\d+", said)] == [5, 2, 1, 2, 1]


def test_the_money_of_the_export_leads_step_by_step_to_that_of_the_table(small):
    bridge = customer_data.amount_bridge(small.table("orders"), small.account).set_index("step")
    assert bridge.amount.to_dict() == {
        "read": 62.0,
        "quarantined": -25.0,
        "made_into_orders": 0.0,
        "in_the_table": 37.0,
    }
    assert bridge.rows.to_dict() == {"read": 5, "quarantined": -2, "made_into_orders": 0, "in_the_table": 3}


def test_orders_after_the_day_looked_at_stand_in_the_bridge(make_client, tmp_path):
    late = "order_id,customer_id,ordered_at,amount\n1,a,2025-01-01,10\n2,a,2025-01-05,4\n"
    opened = take_in(make_client("as_of: 2025-01-03\n", orders=late), tmp_path / "w")
    bridge = customer_data.amount_bridge(opened.table("orders"), opened.account).set_index("step")
    assert (bridge.amount["made_into_orders"], bridge.rows["made_into_orders"]) == (-4.0, -1)
    assert bridge.amount.iloc[:3].sum() == bridge.amount["in_the_table"] == 10.0


def test_cancellations_leave_the_sum_and_lines_become_orders_without_changing_it(make_client, tmp_path):
    lines = (
        "order_id,customer_id,ordered_at,sku,pieces,amount\n"
        "1,a,2025-01-01,s,2,20\n1,a,2025-01-01,t,1,5\nC2,a,2025-01-02,s,-1,-10\nC3,a,2025-01-03,u,-1,-7\n"
    )
    settings = """
        max_set_aside: 1
        tables:
          orders:
            from: orders.csv
            one_row_per: order_id
            adds_up: amount
            cancellations: {where: {order_id: "C*"}, match: [customer_id, sku], quantity: pieces}
        """
    opened = take_in(make_client(settings, orders=lines), tmp_path / "w")
    bridge = customer_data.amount_bridge(opened.table("orders"), opened.account)
    assert bridge.step.tolist() == ["read", "quarantined", "cancelled", "made_into_orders", "in_the_table"]
    assert bridge.amount.tolist() == [8.0, 7.0, 10.0, 0.0, 25.0]
    assert bridge.rows.tolist() == [4, -1, -1, -1, 1]


def test_reasons_and_repairs_are_counted_and_no_cell_of_an_export_is_shown(small):
    why = customer_data.reasons(small.account).set_index("reason").rows
    assert why.to_dict() == {"exact duplicate of an earlier row": 1, "no order_id": 1}
    mended = customer_data.repairs(small.account)
    assert list(mended.columns) == ["table", "column", "repair", "cells"]
    told = "currencies, units, thousands separators and negatives in parentheses"
    assert ["orders", "amount", told, 2] in mended.values.tolist()


def test_prices_are_not_added_up(aurora):
    assert "unit_price" not in set(customer_data.amount_account(aurora.account).column)


@pytest.mark.parametrize(("quarantined", "direction"), [(0, "good"), (1, "neutral"), (30, "bad")])
def test_rows_that_had_to_be_given_up_decide_whether_the_finding_is_good_or_bad(quarantined, direction):
    counts = {"read": 1000, "accepted": 1000 - quarantined - 5, "repaired": 0, "quarantined": quarantined + 5}
    table = {**counts, "by_rule": 5, "rows": 1, "reasons": {"test customer": 5, "no order_id": quarantined}}
    found = customer_data.finding_quarantine({"tables": {"orders": table}})
    assert found.direction == direction
    assert "1,000 rows" in found.sentence


def test_a_reason_that_the_client_gave_on_purpose_is_not_what_is_amiss():
    counts = {"read": 1000, "accepted": 990, "repaired": 0, "quarantined": 10, "by_rule": 9, "rows": 990}
    why = {"reasons": {"test customer": 9, "no order_id": 1}, "reasons_by_rule": {"test customer": 9}}
    found = customer_data.finding_quarantine({"tables": {"orders": counts | why}})
    assert found.evidence.endswith("The most frequent reason is “no order_id”, in the table Orders.")


def test_intake_says_which_reasons_are_rules(aurora):
    orders = aurora.account["tables"]["orders"]
    assert orders["reasons_by_rule"] == {"test customer": orders["by_rule"]}


# One customer


def test_one_customers_events_come_from_all_tables_in_the_order_of_time():
    orders = orders_of(("a", "2025-01-02 10:00", 5), ("b", "2025-01-03", 6), (None, "2025-01-04", 7))
    lines = pd.DataFrame({"order_id": ["0"], "product_id": ["p"], "product_name": ["Soap"], "amount": [5.0]})
    tickets = pd.DataFrame(
        {
            "customer_id": ["a"],
            "opened_at": [pd.Timestamp("2025-01-01")],
            "category": ["delivery"],
            "text": ["private!"],
        }
    )
    happened = customer_data.events({"orders": orders, "order_lines": lines, "tickets": tickets}, as_of=AS_OF)
    one = customer_data.timeline(happened, "a")
    assert one[["kind", "what"]].values.tolist() == [["tickets", "delivery"], ["orders", ""], ["order_lines", "Soap"]]
    assert customer_data.best_known(happened) == "a"
    assert set(happened.customer_id) == {"a", "b"}
    assert "private!" not in happened.to_csv()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_contract_calls_by_codes_is_said_in_words(language):
    use(language, "CNY")
    day = pd.Timestamp("2025-03-01")
    statuses = ["paid", "cancelled", " Refunded", "open", None]
    orders = orders_of(*[("a", f"2025-01-0{i + 1}", 5) for i in range(5)]).assign(status=statuses, channel="shop")
    tables = {
        "orders": orders,
        "subscriptions": pd.DataFrame(
            {"customer_id": ["a"], "started_at": [day], "plan": ["Gold"], "period": ["year"]}
        ),
        "surveys": pd.DataFrame({"customer_id": ["a"], "answered_at": [day], "kind": ["nps"], "score": [9]}),
        "actions": pd.DataFrame({"customer_id": ["a"], "assigned_at": [day], "play": ["call"], "arm": ["control"]}),
    }
    one = customer_data.timeline(customer_data.events(tables, as_of=AS_OF), "a")
    shown = customer_data.timeline_table(one)
    at = shown.fields["headings"].index(WORDS.heading("what"))
    said = [row[at] for row in shown.fields["rows"]]
    assert said == (
        ["Paid · shop", "Cancelled · shop", "Refunded · shop", "Open · shop", "shop", "Yearly · Gold", "NPS · 9",
         "Control group · call"]
        if language == "en" else
        ["已付款 · shop", "已取消 · shop", "已退款 · shop", "未完成 · shop", "shop", "按年 · Gold",
         "NPS · 9", "对照组 · call"]
    )  # fmt: skip


def test_every_code_that_the_contract_fixes_is_said_in_both_languages():
    fixed = {("orders", "status"), ("surveys", "kind"), ("actions", "arm")}
    for table, column in fixed:
        allowed = next(one for one in TABLES[table].columns if one.name == column).allowed
        assert set(WORDS.names(f"codes_of_{table}")) == set(allowed)


def test_the_money_of_an_order_in_the_timeline_is_what_the_rule_of_purchases_leaves_of_it():
    orders = orders_of(*[("a", f"2025-01-0{i}", 10) for i in range(1, 8)])
    orders["status"] = ["paid", "refunded", "refunded", "Refunded ", "open", "cancelled", None]
    orders["refunded_amount"] = [2.0, None, 4.0, None, 1.0, None, 3.0]
    happened = customer_data.events({"orders": orders}, as_of=AS_OF).sort_values("at")
    assert happened.amount.fillna(-1).tolist() == [8.0, 0.0, 6.0, 0.0, -1.0, -1.0, 7.0]
    bought = purchases(orders).sort_values("ordered_at")
    assert bought.spend.tolist() == [amount for amount in happened.amount if amount > 0]
    # Without the column of statuses, and without that of refunds.
    assert customer_data.events({"orders": orders.drop(columns="status")}, as_of=AS_OF).amount.sum() == 60.0
    assert customer_data.events({"orders": orders.drop(columns="refunded_amount")}, as_of=AS_OF).amount.sum() == 20.0


def test_nothing_after_the_day_looked_at_is_known():
    orders = orders_of(("a", "2025-12-31 23:59", 5), ("a", "2026-01-01", 6))
    assert customer_data.events({"orders": orders}, as_of=AS_OF).amount.tolist() == [5.0]


def test_the_best_known_customer_is_known_from_most_kinds_and_of_equals_the_first_id():
    orders = orders_of(("b", "2025-01-01", 1), ("a", "2025-01-01", 1), ("c", "2025-01-01", 1), ("c", "2025-02-01", 1))
    assert customer_data.best_known(customer_data.events({"orders": orders}, as_of=AS_OF)) == "c"
    two = orders[orders.customer_id != "c"]
    assert customer_data.best_known(customer_data.events({"orders": two}, as_of=AS_OF)) == "a"
    uses = pd.DataFrame({"customer_id": ["b"], "used_at": [pd.Timestamp("2025-05-01")]})
    assert customer_data.best_known(customer_data.events({"orders": orders, "usage": uses}, as_of=AS_OF)) == "b"


def test_a_customer_of_whom_nothing_is_known_is_refused_without_naming_him():
    happened = customer_data.events({"orders": orders_of(("a", "2025-01-01", 1))}, as_of=AS_OF)
    with pytest.raises(UnusableInput, match="customer of whom no event is known") as refused:
        customer_data.timeline(happened, "secret")
    assert "secret" not in str(refused.value)


def test_where_no_event_has_a_customer_there_is_nobody_to_look_at():
    happened = customer_data.events({"orders": orders_of((None, "2025-01-01", 1))}, as_of=AS_OF)
    one = customer_data.timeline(happened, customer_data.best_known(happened))
    assert (len(one), list(one.columns)) == (0, ["at", "kind", "code", "what", "amount"])
    shown = [customer_data.timeline_table(one), customer_data.plot_timeline(one)]
    assert [exhibit.kind for exhibit in shown] == ["nothing", "nothing"]


def test_pandas_and_ibis_tell_the_same_story(aurora):
    tables = {name: aurora.table(name) for name in ("customers", "orders", "order_lines", "surveys")}
    frames = {name: table.to_pandas() for name, table in tables.items()}
    one = customer_data.best_known(customer_data.events(tables, as_of=aurora.as_of))
    stories = [customer_data.timeline(customer_data.events(t, as_of=aurora.as_of), one) for t in (tables, frames)]
    pd.testing.assert_frame_equal(stories[0], stories[1], check_dtype=False)
    assert len(stories[0]) > 5


# Quality


def test_faults_come_before_empty_cells_and_one_item_stands_for_a_questionnaire():
    columns = {
        "item_a": {"complete": 0.1, "score": 0.1},
        "item_b": {"complete": 0.2, "score": 0.2},
        "comment": {"complete": 0.5, "score": 0.5},
        "score": {"valid": 0.9, "score": 0.9},
    }
    scores = customer_data.quality_scores({"quality": {"columns": {"surveys": columns}}})
    assert scores.column.tolist() == ["item_a", "item_b", "comment", "score"]
    assert customer_data.worst_columns(scores).column.tolist() == ["score", "item_a", "comment"]


def test_an_unknown_birthday_costs_the_revenue_of_those_whose_it_is():
    customers = pd.DataFrame(
        {"customer_id": ["a", "b"], "birthday": [dt.date(1990, 1, 1), None], "industry": [None, None]}
    )
    orders = orders_of(
        ("a", "2025-05-01", 60), ("b", "2025-05-01", 30), ("x", "2025-05-01", 10), ("b", "2024-05-01", 99)
    )
    unknown = customer_data.unknown_of_buyers(customers, orders, as_of=AS_OF)
    row = unknown.set_index("column").loc["birthday"]
    assert (row.unknown_buyers, row.revenue_year, row.revenue_share) == (2, 40.0, pytest.approx(0.4))
    found = customer_data.finding_unknown(unknown)
    assert found.headline == "Birthday is unknown for 67% of buyers"
    assert found.evidence.startswith("2 customers who bought in the last twelve months brought")
    assert not found.decides
    assert (found.direction, found.money) == ("bad", None)
    nobody = customer_data.unknown_of_buyers(customers[:0], orders, as_of=AS_OF)
    assert (len(nobody), customer_data.finding_unknown(nobody)) == (0, None)


def test_a_column_that_may_be_empty_makes_no_finding():
    customers = pd.DataFrame({"customer_id": ["a"], "industry": [None], "birthday": [dt.date(1990, 1, 1)]})
    unknown = customer_data.unknown_of_buyers(customers, orders_of(("a", "2025-05-01", 1)), as_of=AS_OF)
    assert customer_data.finding_unknown(unknown) is None


# Revenue without a customer


def test_revenue_is_a_known_customers_a_strangers_or_a_guests():
    orders = orders_of(
        ("a", "2025-05-01", 70), ("x", "2025-05-01", 20), (None, "2025-05-01", 10), (None, "2024-05-01", 500)
    )
    shares = customer_data.attribution(
        customer_data.revenue_by_identity(orders, pd.DataFrame({"customer_id": ["a"]}), as_of=AS_OF)
    )
    assert shares.revenue_year.tolist() == [70.0, 20.0, 10.0]
    assert shares.revenue_share.tolist() == pytest.approx([0.7, 0.2, 0.1])
    found = customer_data.finding_unattributed(shares)
    # Sales are evidence: nobody can win back what has no name.
    assert (found.money, found.direction, found.owner, found.when) == (None, "bad", "data", "month")
    assert found.evidence.startswith("That is $30 in the last twelve months. 1 order has no customer, 1 has one who")
    assert "last 14 weeks" in customer_data.finding_unattributed(shares, history_days=100).evidence


def test_without_a_table_of_customers_every_id_is_taken_as_known():
    shares = customer_data.attribution(
        customer_data.revenue_by_identity(orders_of(("a", "2025-05-01", 70)), NOBODY, as_of=AS_OF)
    )
    assert shares.revenue_share.tolist() == [1.0, 0.0, 0.0]
    assert customer_data.finding_unattributed(shares) is None


def test_cancelled_orders_are_nobodys_revenue():
    orders = orders_of((None, "2025-05-01", 70), ("a", "2025-05-01", 30), status=["cancelled", "paid"])
    assert customer_data.revenue_by_identity(orders, NOBODY, as_of=AS_OF).revenue_year.tolist() == [30.0]


# Coverage


def account_of(days, gaps=(), as_of="2025-12-31", name="orders"):
    """An account in which a table has rows on these days (a day may come several times)."""
    days = sorted(days)
    first, last = days[0], days[-1]
    months = {str(p): 0 for p in pd.period_range(first, last, freq="M")}
    for day in days:
        months[f"{day:%Y-%m}"] += 1
    covered = {"first": first.isoformat(), "last": last.isoformat(), "months": months, "gaps": list(gaps)}
    return {"as_of": as_of, "quality": {"coverage": {name: covered}}}


def days_from(first, count, per_day=1):
    start = dt.date.fromisoformat(first)
    return [start + dt.timedelta(days=n) for n in range(count) for _ in range(per_day)]


def test_a_silence_in_the_middle_of_a_busy_table_is_a_gap():
    days = days_from("2025-01-01", 100, 5) + days_from("2025-05-01", 245, 5)
    gap = {"from": "2025-04-11", "to": "2025-04-30", "days": 20}
    row = customer_data.gaps(account_of(days, [gap])).iloc[0]
    assert (row.days, bool(row.at_end), bool(row.unexplained)) == (20, False, True)
    assert row.nearby_rows == pytest.approx(5 * 20)


def test_a_table_that_has_only_just_begun_has_no_gap_in_its_first_weeks():
    slow = [dt.date(2025, 1, 1), dt.date(2025, 1, 20), dt.date(2025, 2, 10)]
    days = slow + days_from("2025-03-01", 300, 20)
    gap = {"from": "2025-01-02", "to": "2025-01-19", "days": 18}
    row = customer_data.gaps(account_of(days, [gap], as_of="2025-12-25")).iloc[0]
    assert row.expected_rows > 250
    assert row.nearby_rows < 5
    assert not row.unexplained


def test_a_table_that_stops_before_the_others_is_a_silence_up_to_the_last_day():
    found = customer_data.gaps(account_of(days_from("2025-01-01", 200, 3)))
    assert found[["at_end", "unexplained", "days"]].values.tolist() == [[True, True, 165]]
    assert found.from_day.iloc[0] == dt.date(2025, 7, 20)
    coverage = customer_data.coverage_by_month(account_of(days_from("2025-01-01", 200)))
    finding = customer_data.finding_gaps(found, coverage)
    assert finding.direction == "bad"
    assert finding.headline == "The table Orders has had no rows since Jul 20, 2025"
    assert finding.evidence.startswith("That is 165 days, in which we would expect")
    assert (finding.decides, finding.owner) == (True, "data")
    drawn = customer_data.plot_coverage(coverage, found).picture.svg(label="")
    assert drawn.count("crm-frame") == 6  # July to December, of which the table has only July
    assert drawn.count("crm-cell") == 7


def test_few_rows_say_little_about_a_silence():
    assert not customer_data.gaps(account_of([dt.date(2025, 12, 1)])).unexplained.any()


def test_periods_of_spending_are_not_expected_daily():
    assert customer_data.gaps(account_of([dt.date(2025, 10, 1)], name="spend")).empty


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(20, 400))
def test_rows_spread_at_random_have_almost_never_a_gap(seed, rows):
    places = np.sort(np.random.default_rng(seed).integers(0, 365, rows))
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=int(n)) for n in places]
    steps = [(a, b) for a, b in pairwise(days) if (b - a).days > 1]
    longest = max(steps, key=lambda pair: pair[1] - pair[0], default=None)
    if longest is None:
        return
    start, end = longest[0] + dt.timedelta(days=1), longest[1] - dt.timedelta(days=1)
    gap = {"from": start.isoformat(), "to": end.isoformat(), "days": (end - start).days + 1}
    found = customer_data.gaps(account_of(days, [gap]))
    # Far from a proof, but a test that were blind to the number of places would cry gap here.
    assert found.by_chance.min() > 1e-6


# Identities


def test_two_ids_for_one_person_make_a_repeat_buyer_a_one_time_buyer():
    orders = orders_of(("a", "2025-01-01", 10), ("a", "2025-02-01", 20), ("b", "2025-01-01", 5))
    split = customer_data.split_customers(orders, share=1.0)
    assert split.orders.sort_values("order_id").customer_id.tolist() == ["a", "a~2", "b"]
    assert split.merges.values.tolist() == [["a~2", "a"]]
    assert customer_data.repeat_measures(split.orders)["repeat_rate"] == 0.0
    assert customer_data.repeat_measures(orders)["repeat_rate"] == 0.5


def test_merging_takes_the_split_back_exactly(aurora):
    orders = aurora.table("orders")
    split = customer_data.split_customers(orders, share=0.05, seed=3, as_of=aurora.as_of)
    back = customer_data.merged_orders(split.orders, split.merges)
    before, after = (t.order_by("order_id").select("order_id", "customer_id").to_pandas() for t in (orders, back))
    pd.testing.assert_frame_equal(before, after)
    truth = customer_data.repeat_measures(orders, as_of=aurora.as_of)
    distorted = customer_data.repeat_measures(split.orders, as_of=aurora.as_of)
    assert len(split.merges) == round(0.05 * truth["buyers"]) == distorted["buyers"] - truth["buyers"]
    assert distorted["repeat_rate"] < truth["repeat_rate"]


def test_the_effect_of_the_merge_is_that_of_the_database(aurora):
    orders = aurora.table("orders")
    split = customer_data.split_customers(orders, share=0.05, seed=3, as_of=aurora.as_of)
    ids = split.orders.filter(split.orders.customer_id.notnull()).select("customer_id").distinct()
    effect = merge_effect(duckdb.connect(), split.merges, split.orders.to_pyarrow(), ids.to_pyarrow()).to_pandas()
    row = effect.set_index("measure").loc["repeat_rate"]
    assert row.before == pytest.approx(customer_data.repeat_measures(split.orders)["repeat_rate"])
    assert row.after == pytest.approx(customer_data.repeat_measures(orders)["repeat_rate"])


def test_the_same_seed_draws_the_same_customers_and_a_larger_share_holds_the_smaller(aurora):
    orders = aurora.table("orders").to_pandas()
    few, again, many = (
        set(customer_data.split_customers(orders, share=share, seed=5).merges.merged_id) for share in (0.02, 0.02, 0.1)
    )
    assert few == again
    assert few < many


def test_where_nobody_came_back_nobody_can_be_split_and_merging_changes_nothing():
    orders = ibis.memtable(orders_of(("a", "2025-01-01", 10), ("b", "2025-01-01", 5)))
    split = customer_data.split_customers(orders, share=0.5)
    assert len(split.merges) == 0
    assert customer_data.merged_orders(split.orders, split.merges).to_pandas().customer_id.tolist() == ["a", "b"]
    assert "Too few buyers" in customer_data.plot_split_effect(customer_data.split_effect(orders)).reading


def test_duplicates_are_reported_only_where_identities_were_compared():
    rule = {"pairs": 2, "contradicted": 1, "shared_contacts": 0}
    people = {"people": 10, "duplicate_customers": 2, "merged": 0, "duplicates": {"same_email": rule}}
    found = customer_data.finding_duplicates({"people": people})
    assert (found.direction, found.evidence) == ("bad", "2 of 10 records; 0 are merged.")
    assert customer_data.finding_duplicates({"people": {**people, "merged": 2}}).direction == "neutral"
    assert customer_data.finding_duplicates({"people": {**people, "duplicates": {}}}) is None
    assert customer_data.finding_duplicates({}) is None
    assert customer_data.duplicates_found({"people": people}).values.tolist() == [["same_email", 2, 1, 0, 0]]
    assert customer_data.duplicates_found({}).empty


def nobody_merged(**counts):
    """The account where 1,462 ids were read, of which 12 are tests, and nobody was taken for somebody else."""
    none = {"pairs": 0, "contradicted": 0, "shared_contacts": 0, "sharing_customers": 0, "without_evidence": 0}
    people = {"people": 1462, "duplicate_customers": 0, "merged": 0, "duplicates": {"same_email": none | counts}}
    return {"people": people, "tables": {"customers": {"rows": 1450}}}


@pytest.mark.parametrize(
    ("counts", "direction", "sentence", "certainty"),
    [
        ({}, "good", "Among 1,450 customers, no two agree in e-mail.", "not found."),
        (
            {"shared_contacts": 50, "sharing_customers": 100}, "neutral",
            "share a contact that proves nothing by itself (100 by e-mail).", "office mailbox (100 by e-mail).",
        ),
        (
            {"contradicted": 40, "without_evidence": 7}, "neutral", "differ in another (40 by e-mail).",
            "gender or city (40 by e-mail), customers whose value is masked, made up or incomplete (7 by e-mail).",
        ),
    ],
)  # fmt: skip
def test_nobody_is_said_to_agree_with_nobody_only_where_it_is_so(counts, direction, sentence, certainty):
    found = customer_data.finding_duplicates(nobody_merged(**counts))
    assert found.direction == direction
    assert found.sentence.endswith(sentence)
    assert found.certainty.endswith(certainty)
    assert "phone" not in found.certainty
    assert ("1,450 customers" in found.sentence, "no two agree" in found.sentence) == (True, not counts)


def test_sharers_are_named_also_where_others_were_found_and_the_share_is_of_those_compared():
    account = nobody_merged(pairs=29, sharing_customers=4)
    account["people"] |= {"duplicate_customers": 29, "merged": 20}
    account["tables"]["customers"]["rows"] = 1430
    found = customer_data.finding_duplicates(account)
    assert found.headline.startswith("2.0% of customer records")
    assert found.evidence.startswith("29 of 1,450 records")
    assert "4 by e-mail" in found.certainty


# Consent


CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["yes", "no", "unknown", "other"],
        "consent_email": pd.array([True, False, None, False], dtype="boolean"),
        "consent_sms": pd.array([False, False, False, True], dtype="boolean"),
    }
)
BOUGHT = orders_of(*[(who, "2025-05-01", 10.0 * n) for n, who in enumerate(("yes", "no", "unknown", "other", "x"), 1)])


def test_unknown_consent_is_no_consent():
    reached = customer_data.reach(customer_data.consents(CUSTOMERS, BOUGHT, as_of=AS_OF)).set_index("reach_by")
    assert reached.loc["email", ["revenue_yes", "revenue_no", "revenue_unknown"]].tolist() == [10.0, 60.0, 80.0]
    assert reached.loc["any_channel", ["buyers_yes", "buyers_no", "buyers_unknown"]].tolist() == [2, 0, 3]
    assert reached.loc["any_channel", "revenue_share"] == pytest.approx(50 / 150)


def test_a_customer_stands_in_one_row_of_the_overlap():
    overlap = customer_data.reach_overlap(customer_data.consents(CUSTOMERS, BOUGHT, as_of=AS_OF))
    assert overlap.buyers_count.sum() == 5
    assert overlap.set_index("channels").revenue_year.to_dict() == {"none": 100.0, "sms": 40.0, "email": 10.0}


def test_what_nobody_may_be_asked_for_is_the_money_at_stake():
    reached = customer_data.reach(customer_data.consents(CUSTOMERS, BOUGHT, as_of=AS_OF))
    found = customer_data.finding_unreachable(reached)
    assert (found.money, found.direction, found.plays) == (None, "bad", ("ask_for_consent",))
    assert found.headline == "We may not contact 3 of 5 buyers"
    assert found.evidence.startswith("They bought in the last twelve months and brought $100, 66.7% of the sales")
    assert (found.owner, found.when) == ("data", "month")


def test_data_without_any_consent_put_no_money_at_stake():
    said = customer_data.consents(NOBODY, BOUGHT, as_of=AS_OF)
    reached, overlap = customer_data.reach(said), customer_data.reach_overlap(said)
    found = customer_data.finding_unreachable(reached)
    assert found.headline == "The data do not say whom we may contact"
    assert (found.money, found.direction) == (None, "neutral")
    shown = [customer_data.plot_reach(reached), customer_data.overlap_table(overlap)]
    assert [exhibit.kind for exhibit in shown] == ["nothing", "nothing"]


def test_where_everybody_agreed_no_list_is_made_and_the_news_are_good():
    everybody = customer_data.consents(CUSTOMERS[:1], BOUGHT[:1], as_of=AS_OF)
    found = customer_data.finding_unreachable(customer_data.reach(everybody))
    assert (found.direction, found.money, found.plays) == ("good", None, ())


def test_where_nobody_bought_there_is_nothing_to_say():
    nobody = customer_data.consents(CUSTOMERS, BOUGHT, as_of="2030-01-01")
    assert customer_data.finding_unreachable(customer_data.reach(nobody)) is None
    shares = customer_data.attribution(customer_data.revenue_by_identity(BOUGHT, CUSTOMERS, as_of="2030-01-01"))
    assert customer_data.finding_unattributed(shares) is None
    assert customer_data.attribution_table(shares).reading == "Nobody bought in the last twelve months."
    assert customer_data.unknown_of_buyers(CUSTOMERS, BOUGHT, as_of="2030-01-01").empty


# Auditing and what is possible


def test_no_error_among_a_hundred_still_leaves_room_for_nearly_four_in_a_hundred():
    row = customer_data.audit_intervals(checked=100, wrong=[0]).iloc[0]
    assert (row.error_low, round(row.error_high, 4)) == (0.0, 0.0370)
    with pytest.raises(ValueError, match="at least one"):
        customer_data.audit_intervals(checked=0)


def test_the_orders_to_be_checked_are_the_same_in_every_run_and_all_different(aurora):
    orders = aurora.table("orders")
    one, two = (customer_data.rows_to_check(orders, rows=40, seed=2) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert one.order_id.nunique() == 40
    assert customer_data.rows_to_check(orders, rows=40, seed=3).order_id.tolist() != one.order_id.tolist()


def test_an_analysis_that_lacks_a_column_runs_with_less_and_one_that_lacks_a_table_not_at_all():
    def chapter(title, missing=(), thinner=()):
        return SimpleNamespace(
            title=title, missing=lambda tables: [[*missing]] if missing else [], thinner=lambda tables: [*thinner]
        )

    chapters = [chapter("A"), chapter("B", thinner=["usage"]), chapter("C", ["surveys", "orders.cost"], ["usage"])]
    possible = customer_data.analyses(chapters, {"tables": {}})
    assert possible.state.tolist() == ["can_run", "runs_thinner", "cannot_run"]
    assert possible.lacks.tolist() == ["", "usage", "surveys, orders.cost"]
    shown = customer_data.analyses_table(possible)
    assert [row[2] for row in shown.fields["rows"]] == ["", "Usage", "Surveys, Orders: Cost"]
    assert [int(number) for number in re.findall(r"\d+", shown.reading)] == [3, 1, 1, 1]


# Words and figures


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_is_said_and_drawn_in_both_languages(aurora, language):
    use(language, "CNY")
    account, as_of = aurora.account, aurora.as_of
    orders, customers = aurora.table("orders"), aurora.table("customers")
    happened = customer_data.events({"orders": orders, "customers": customers}, as_of=as_of)
    one = customer_data.timeline(happened, customer_data.best_known(happened))
    silences, coverage = customer_data.gaps(account), customer_data.coverage_by_month(account)
    said = customer_data.consents(customers, orders, as_of=as_of)
    shares = customer_data.attribution(customer_data.revenue_by_identity(orders, customers, as_of=as_of))
    scores, reached = customer_data.quality_scores(account), customer_data.reach(said)
    exhibits = [
        customer_data.timeline_table(one), customer_data.plot_timeline(one), customer_data.plot_quality(scores),
        customer_data.plot_quality(scores[scores.quality_score == 1]), customer_data.plot_quality(scores.head(0)),
        customer_data.rows_table(customer_data.row_account(account)), customer_data.attribution_table(shares),
        customer_data.bridge_table(customer_data.amount_bridge(orders, account)),
        *(customer_data.plot_coverage(coverage, found) for found in (silences, silences.head(0))),
        customer_data.plot_coverage(coverage.head(0), silences.head(0)), customer_data.plot_reach(reached),
        customer_data.overlap_table(customer_data.reach_overlap(said)),
        customer_data.plot_split_effect(customer_data.split_effect(orders, shares=(0.0, 0.1))),
        customer_data.plot_split_effect(customer_data.split_effect(orders_of(), shares=(0.0, 0.1))),
    ]  # fmt: skip
    findings = [
        customer_data.finding_quarantine(account), customer_data.finding_unattributed(shares),
        customer_data.finding_unreachable(reached), customer_data.finding_gaps(silences, coverage),
        customer_data.finding_gaps(silences.head(0), coverage), customer_data.finding_duplicates(nobody_merged()),
        customer_data.finding_unknown(customer_data.unknown_of_buyers(customers, orders, as_of=as_of)),
    ]  # fmt: skip
    nobody, everybody = (
        customer_data.reach(customer_data.consents(*of, as_of=AS_OF))
        for of in ((NOBODY, BOUGHT), (CUSTOMERS[:1], BOUGHT[:1]))
    )
    findings += [
        customer_data.finding_unreachable(nobody), customer_data.finding_unreachable(everybody),
        *(customer_data.finding_gaps(silences.assign(at_end=at_end), coverage) for at_end in (True, False)),
        customer_data.finding_duplicates(nobody_merged(sharing_customers=4)),
        customer_data.finding_duplicates(nobody_merged(contradicted=9)),
    ]  # fmt: skip
    assert not [words for finding in findings for words in too_long(finding)]
    texts = [text for one in exhibits for text in (one.title, one.reading, one.description) if text]
    texts += [text for one in findings for text in (one.headline, one.evidence, one.certainty, one.action)]
    assert not [text for text in texts if JUNK.search(text)]
    assert all(exhibit.html().startswith("<div><p>") for exhibit in exhibits)
    assert sum(exhibit.kind == "nothing" for exhibit in exhibits) == 3
    assert len({found.key for found in findings}) == 6
    if language == "zh":
        assert not [text for text in texts if re.search(r"[a-z]{3,} [a-z]{3,}", text)]


def test_the_chapter_holds_the_account_of_its_workspace(aurora):
    assert aurora.account["tables"]["orders"]["read"] == 23_104
    assert customer_data.row_account(aurora.account).eval("accepted + repaired + quarantined == read").all()
