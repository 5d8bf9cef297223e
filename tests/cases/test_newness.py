"""Where the data begin, whom that makes new, and what a last year is worth: one rule, wherever it is used."""

import datetime as dt
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from crmlib import runner
from crmlib.answers import tally
from crmlib.calendar import months_before
from crmlib.finding import Finding
from crmlib.lifecycle import clv, retention, scorecard, segmentation
from crmlib.newcomers import customers_start, earlier_customers
from crmlib.purchases import data_begin, history_days
from crmlib.report.story import story
from crmlib.statistics import adjusted_wald
from crmlib.words import use
from tests.cases.test_newcomers import OPENS, first_days, last_day, registered, shop
from tests.conftest import write_client

END = dt.date(2025, 12, 31)


def monthly(first, last, *, a_month=8, seed=1, only=range(1, 13)):
    """``a_month`` orders on random days of each month from ``first`` to ``last`` ("2024-01"), of thirty customers."""
    random = np.random.default_rng(seed)
    months = [month for month in pd.period_range(first, last, freq="M") if month.month in only]
    days = [month.start_time + pd.Timedelta(days=int(n)) for month in months for n in random.integers(0, 28, a_month)]
    who = [f"c{n}" for n in random.integers(0, 30, len(days))]
    return pd.DataFrame({"customer_id": who, "amount": 10.0, "ordered_at": days})


def stray(months_before, *, first="2024-01"):
    """Orders of one month so long before the ``first`` one that ``months_before`` months between them are empty."""
    month = (pd.Period(first, freq="M") - months_before - 1).start_time
    return pd.DataFrame({"customer_id": ["c0", "c1"], "amount": 10.0, "ordered_at": [month, month]})


GAPS = [6, 13, 25, 36, 60]


# Where the data begin


@pytest.mark.parametrize("gap", GAPS)
def test_the_data_begin_after_a_gap_however_long_it_is(gap):
    whole = monthly("2024-01", "2025-12")
    orders = pd.concat([stray(gap), whole])
    assert data_begin(orders, as_of=END) == whole.ordered_at.min().date()


def test_a_gap_of_years_within_the_data_is_no_season():
    """A shop of 2018 that reopened in 2024: the same months are empty in other years, because all of them are."""
    old, new = monthly("2017-01", "2018-12"), monthly("2024-01", "2025-12", seed=2)
    assert data_begin(pd.concat([old, new]), as_of=END) == new.ordered_at.min().date()


@pytest.mark.parametrize("only", [range(4, 11), (11, 12), (12,)])
def test_a_shop_that_closes_for_the_same_months_each_year_keeps_all_its_years(only):
    orders = monthly("2021-01", "2025-12", only=only)
    assert data_begin(orders, as_of=END) == orders.ordered_at.min().date()


def test_months_without_orders_are_no_gap_where_they_are_usual():
    """Orders come in every second month, and once in the third: a rhythm, and no end of the data."""
    waves = [*range(1, 12, 2), *range(14, 25, 2)]
    days = [pd.Timestamp("2024-01-05") + pd.DateOffset(months=month - 1) for month in waves for _ in range(40)]
    orders = pd.DataFrame({"customer_id": [f"c{n % 90}" for n in range(len(days))], "amount": 9.0, "ordered_at": days})
    assert data_begin(orders, as_of=END) == dt.date(2024, 1, 5)
    old = orders[:20].assign(ordered_at=pd.Timestamp("2021-03-01"))
    assert data_begin(pd.concat([old, orders]), as_of=END) == dt.date(2024, 1, 5)


@pytest.mark.parametrize("gap", GAPS)
def test_stray_orders_of_long_before_change_no_measure_that_asks_since_when_the_data_are(gap):
    whole = monthly("2024-02", "2025-12")
    orders = pd.concat([stray(gap, first="2024-02"), whole], ignore_index=True)
    assert history_days(orders, as_of=END) == (END - whole.ordered_at.min().date()).days + 1
    assert segmentation.comparison_day(orders, as_of=END) == segmentation.comparison_day(whole, as_of=END)
    assert clv.calibration_end(orders, as_of=END) == clv.calibration_end(whole, as_of=END)
    pd.testing.assert_frame_equal(segmentation.seasons(orders, as_of=END), segmentation.seasons(whole, as_of=END))
    found, right = (scorecard.base_measures(orders=some, as_of=END, silent_days=90) for some in (orders, whole))
    asked = ["period", "revenue", "orders", "buyers", "active_customers", "active_at_start", "lapsed"]
    pd.testing.assert_frame_equal(found[asked], right[asked])
    assert right.active_at_start.isna().sum() == 4  # the first three months, and the one in which the data begin late


def test_the_horizon_of_the_rhythm_is_half_of_the_time_without_gaps():
    whole = monthly("2025-07", "2025-12", a_month=60)
    rhythm, right = (segmentation.purchase_rhythm(some, as_of=END)
                     for some in (pd.concat([stray(40, first="2025-07"), whole]), whole))  # fmt: skip
    assert right.horizon_days.iloc[0] == (END - whole.ordered_at.min().date()).days // 2
    pd.testing.assert_frame_equal(rhythm, right)


def test_what_half_a_year_of_newcomers_is_worth_in_a_year_does_not_depend_on_stray_orders():
    orders, _ = shop(days=182, a_week=60.0, gap=20.0)
    old = pd.DataFrame({"customer_id": ["old"], "amount": [10.0], "ordered_at": [OPENS - pd.DateOffset(years=4)]})
    found = retention.value_of_second_orders(pd.concat([old, orders]), as_of=last_day(182)).iloc[0]
    assert found.new_customers_a_year == pytest.approx(orders.customer_id.nunique() * 365 / 182)


def test_a_channel_has_no_cost_in_months_before_the_data_begin():
    orders = monthly("2025-07", "2025-12")
    customers = pd.DataFrame({"customer_id": [f"c{n}" for n in range(30)], "channel": "ads"})
    spend = pd.DataFrame({"spent_on": pd.date_range("2024-01-01", "2025-12-01", freq="MS"), "cost": 100.0})
    groups = pd.DataFrame({"channel": ["ads"], "new_customer_value": [60.0], "new_error": [3.0]})
    old = stray(40, first="2025-07").assign(customer_id="old")
    known = {"customers": customers, "spend": spend.assign(channel="ads"), "as_of": END}
    found = clv.first_year_by_group(groups, orders=pd.concat([old, orders]), **known)
    assert found.spent.item() == 600.0


def test_orders_of_two_months_are_young_whatever_stray_one_lies_long_before_them():
    orders = pd.concat([stray(30, first="2025-11"), monthly("2025-11", "2025-12", a_month=40)])
    first, last = (str(day.date()) for day in (orders.ordered_at.min(), orders.ordered_at.max()))
    start = customers_start(orders, as_of=END)
    account = {"as_of": str(END), "customers_start": start.kept()}
    account["tables"] = {"orders": {"rows": len(orders), "first_day": first, "last_day": last}}
    finding = Finding("scorecard.signals", headline="As usual", direction="neutral", certainty="", action="")
    begins = story(None, [finding], account)
    days = (orders.ordered_at.max().date() - start.data_begin).days + 1
    assert begins.is_young
    assert f"{days} days" in begins.lead or f"{days} days" in begins.headline


# How many of the last year's new customers are back after a longer silence


@pytest.mark.parametrize(
    ("days", "how"),
    [
        (730, {"gap": 60.0, "stay": 1000.0}),
        (1095, {"gap": 60.0, "stay": 1000.0}),
        (1095, {"gap": 150.0, "stay": 500.0}),
        (1460, {"gap": 60.0, "stay": 1000.0, "growth": 0.4}),
    ],
)
def test_the_share_of_returning_ones_is_that_of_the_year_in_which_it_is_used(days, how):
    orders, came = shop(opened_days_before=3000, days=days, a_week=100.0, **how)
    start, first = customers_start(orders, as_of=last_day(days)), first_days(orders)
    lately = first[first >= max(days - 365, (start.since - OPENS.date()).days)]
    truth = (came[lately.index] < 0).mean()
    error = np.sqrt(truth * (1 - truth) / len(lately))
    assert start.returning_share_year == pytest.approx(truth, abs=max(3 * error, 0.012))
    assert start.returning_share_year < 0.6 * start.returning_share
    earlier = earlier_customers(orders, start=start, as_of=last_day(days))
    worth = retention.value_of_second_orders(
        orders, as_of=last_day(days), earlier=earlier, returning_share_year=start.returning_share_year
    ).iloc[0]
    assert worth.new_customers_a_year == pytest.approx((came[lately.index] >= 0).sum(), rel=0.02)


# The year whose last period is not over


def answers(*, customers, times=1, seed=3):
    """Answers to the NPS question on random days of two years and a half, each customer's ``times`` in one quarter."""
    random = np.random.default_rng(seed)
    starts = random.choice(pd.date_range("2023-01-01", "2025-07-01", freq="QS"), customers)
    who = np.repeat(np.arange(customers), times)
    days = pd.to_datetime(np.repeat(starts, times)) + pd.to_timedelta(random.integers(0, 90, len(who)), unit="D")
    score = np.repeat(random.choice([2, 8, 10], customers), times)
    return pd.DataFrame({"customer_id": who.astype(str), "answered_at": days, "kind": "nps", "score": score})


@pytest.mark.parametrize("as_of", ["2025-08-15", "2025-09-20", "2025-07-31", "2025-06-30"])
def test_the_nps_of_a_year_rests_on_all_answers_of_its_months_wherever_in_a_quarter_it_ends(as_of):
    surveys = answers(customers=1200)
    surveys = surveys[surveys.answered_at <= as_of]
    measures, kpis = scorecard.base_measures(surveys=surveys, as_of=as_of), {"nps": scorecard.load_kpis()["nps"]}
    row = scorecard.year_against_year(measures, kpis, pd.DataFrame()).iloc[0]
    end = pd.Timestamp(as_of) + pd.Timedelta(days=1)
    end = end.to_period("M").start_time
    year = surveys[(surveys.answered_at < end) & (surveys.answered_at >= end - pd.DateOffset(months=12))]
    promoters, detractors = (year.score == 10).mean(), (year.score == 2).mean()
    # Each customer answered once: all answers are independent.
    low, high = adjusted_wald(promoters, detractors, len(year))
    assert row["now"] == pytest.approx(100 * (promoters - detractors))
    assert [row["now_low"], row["now_high"]] == pytest.approx([100 * low, 100 * high])
    assert row["ends"] == (end - pd.Timedelta(days=1)).date()


def test_answers_of_one_customer_in_two_months_of_the_running_quarter_are_one():
    surveys = answers(customers=400, times=3)
    measures = scorecard.base_measures(surveys=surveys, as_of="2025-09-20").set_index("period")
    for months in (["2025-07-01", "2025-08-01"], ["2025-04-01", "2025-05-01", "2025-06-01"]):
        months = [dt.date.fromisoformat(month) for month in months]
        those = surveys[surveys.answered_at.dt.to_period("M").dt.start_time.dt.date.isin(months)]
        worth = tally(ibis.memtable(those.assign(respondent=those.customer_id))).effective_answers.execute()[0]
        assert worth < 0.6 * len(those)
        assert measures.nps_effective_answers_in_quarter[months].sum() == pytest.approx(worth)
    told = measures[measures.nps_answers > 0]
    assert (told.nps_effective_answers_in_quarter <= told.nps_answers + 1e-9).all()


@pytest.mark.parametrize(("period", "count"), [("week", 104), ("month", 24), ("quarter", 8)])
def test_how_many_periods_a_year_has_decides_how_sure_its_change_is(period, count):
    random = np.random.default_rng(7)
    freq = {"week": "W-MON", "month": "MS", "quarter": "QS"}[period]
    days = pd.date_range(end="2025-12-30", periods=count, freq=freq)
    contacts = random.poisson(400, count).astype(float)
    measures = pd.DataFrame({"period": [day.date() for day in days], "contacts": contacts})
    kpis = {"contacts": scorecard.load_kpis()["contacts"]}
    row = scorecard.year_against_year(measures, kpis, pd.DataFrame(), period=period).iloc[0]
    half = count // 2
    change = contacts[half:] - contacts[:half]
    reach = half**0.5 * change.std(ddof=1) * student.ppf(0.975, half - 1)
    assert [row["difference_low"], row["difference_high"]] == pytest.approx(
        [change.sum() - reach, change.sum() + reach]
    )
    assert row["months"] == 12


@pytest.mark.parametrize(("period", "count"), [("week", 104), ("month", 24), ("quarter", 8)])
def test_a_rate_is_told_of_twelve_months_whatever_its_periods_are(period, count):
    random = np.random.default_rng(8)
    freq = {"week": "W-MON", "month": "MS", "quarter": "QS"}[period]
    days = pd.date_range(end="2025-12-30", periods=count, freq=freq)
    due, half = np.full(count, 4000.0), count // 2
    # Periods differ by far more than their cases do, so that the range is that of the periods.
    resolved = np.round(due * random.uniform(0.3, 0.9, count))
    measures = pd.DataFrame({"period": [day.date() for day in days], "complaints_due": due})
    measures = measures.assign(complaints_resolved=resolved)
    kpis = {"complaint_resolution": scorecard.load_kpis()["complaint_resolution"]}
    row = scorecard.year_against_year(measures, kpis, pd.DataFrame(), period=period).iloc[0]
    change = (resolved[half:] - resolved[:half]) / 4000
    # With equal cases, the jackknife of a mean is its standard error.
    reach = change.std(ddof=1) / half**0.5 * student.ppf(0.975, half - 1)
    assert [row["difference_low"], row["difference_high"]] == pytest.approx(
        [change.mean() - reach, change.mean() + reach]
    )
    assert row["months"] == 12


def test_a_stock_of_some_time_ago_is_not_told_as_one_of_now():
    """Tickets are known until May, orders until December: nobody knows how many tickets are open now."""
    opened = pd.date_range("2024-01-01", "2025-05-31", freq="3D")
    tickets = pd.DataFrame({"opened_at": opened, "resolved_at": opened + pd.Timedelta(days=9), "is_complaint": False})
    kpis = {name: scorecard.load_kpis()[name] for name in ("open_tickets", "tickets")}
    known = {"tickets": tickets, "as_of": END}
    alone = scorecard.base_measures(**known)
    both = scorecard.base_measures(orders=monthly("2024-01", "2025-12"), **known)
    assert both.open_tickets.last_valid_index() == 16
    years = [scorecard.year_against_year(some, kpis, pd.DataFrame()).set_index("kpi") for some in (alone, both)]
    assert years[0].now["open_tickets"] == 3
    assert "open_tickets" not in years[1].index
    assert years[1].now["tickets"] == ((opened >= "2025-01-01") & (opened < "2025-06-01")).sum()


@pytest.mark.parametrize("came", ["new", "new_or_returned"])
@pytest.mark.parametrize(("newcomers", "said"), [(0, "hold only customers won"), (1, "hold hardly any customers")])
def test_a_closed_base_is_told_alike_where_newcomers_are_known_and_where_they_are_not(came, newcomers, said):
    days = {"starts": dt.date(2024, 1, 1), "changes": dt.date(2025, 1, 1), "ends": END}
    rows = [("before", 200, 2000.0, 9.0), ("lost", 50, -900.0, 9.0), ("stayed", 150 - newcomers, -5.0, 9.0),
            (came, newcomers, 5.0 * newcomers, 9.0), ("guests", 0, 0.0, 0.0), ("after", 150, 1100.0, 30.0)]  # fmt: skip
    bridge = pd.DataFrame(rows, columns=["part", "customers", "amount", "error"])
    bridge = bridge.assign(months=12, data_begin=dt.date(2020, 1, 1), **days)
    assert said in scorecard.finding_revenue_change(bridge).certainty
    kpis = {"average_order_value": scorecard.load_kpis()["average_order_value"]}
    verdicts = pd.DataFrame({"kpi": ["average_order_value"], "verdict": "usual", "since": None})
    assert said in scorecard.finding_signals(verdicts, kpis, bridge=bridge).certainty


def test_all_numbers_of_the_first_page_end_on_one_day_and_it_says_so_once(tmp_path):
    orders = monthly("2023-06", "2025-08", a_month=60).assign(order_id=lambda table: range(len(table)))
    orders = orders[orders.ordered_at < "2025-08-15"]
    orders = orders.assign(amount=np.random.default_rng(5).integers(5, 90, len(orders)))
    client = write_client(tmp_path / "client", "as_of: 2025-08-14\n", orders=orders.to_csv(index=False))
    done = runner.run(client, output=tmp_path / "run", language="en", chapters=["03", "05", "13"])
    end = pd.Timestamp("2025-08-01")
    year = orders[(orders.ordered_at < end) & (orders.ordered_at >= end - pd.DateOffset(months=12))]
    tables = {name: pd.read_csv(done.folder / "tables" / f"13_{name}.csv") for name in ("bridge", "year")}
    bridge = tables["bridge"].set_index("part")
    years = tables["year"].set_index("kpi")
    assert bridge.amount["after"] == years.now["revenue"] == year.amount.sum()
    assert years.now["buyers"] == year.customer_id.nunique()
    assert years.now["average_order_value"] == pytest.approx(year.amount.mean())
    assert set(bridge.ends) == set(years.ends) == {"2025-07-31"}
    page = (done.folder / "index.html").read_text()
    assert page.count("the year up to Jul 31, 2025") == 1
    sections = {part.split('"', 1)[0]: part for part in page.split('<section id="')[1:]}
    assert "Counted up to Jul 31, 2025" in sections["score"]
    assert "Counted up to Aug 14, 2025" in sections["back"]
    assert page.count("Counted up to") == len(sections) - 1
    assert "年度数字算到2025年7月31日" in chinese_kind()


def chinese_kind():
    from crmlib.report.page import words

    use("zh", "CNY")
    day = {"first": dt.date(2023, 6, 1), "last": dt.date(2025, 8, 14), "ends": months_before("2025-08-31", 1)}
    said = words.say("report.kind_until", client="A", currency="CNY", **day)
    use()
    return said


# Segments


@pytest.fixture(scope="module")
def cut():
    """A shop of which two years were exported, with its customers' days of registration, and the true days."""
    orders, came = shop(opened_days_before=3000, days=731, stay=1500.0, gap=200.0, a_week=60.0, alike=0.7)
    customers = registered(came[(came < 731) & came.index.isin(orders.customer_id)])
    start = customers_start(orders, customers, as_of=last_day(731))
    earlier = earlier_customers(orders, customers, start=start, as_of=last_day(731))
    return orders, came, customers, earlier


def test_purchases_are_those_in_the_data_also_of_customers_who_are_older(cut):
    orders, came, _, earlier = cut
    end = last_day(731)
    activity = segmentation.customer_activity(orders, as_of=end, earlier=earlier)
    days = orders.groupby("customer_id").ordered_at.nunique()
    found = activity.set_index("customer_id")
    assert found.purchases.to_dict() == days.to_dict()
    assert found.is_earlier.to_dict() == (came[days.index] < 0).to_dict()
    lines = segmentation.thresholds(activity, segmentation.purchase_rhythm(orders, as_of=end))
    segments = segmentation.segments(activity, lines)
    assert segments.purchases.tolist() == activity.purchases.tolist()
    none = pd.DataFrame({"customer_id": pd.Series(dtype=str)})
    groups = segmentation.counted(segments, orders, none, as_of=end).set_index("group").customers
    assert (groups["once"], groups["again"]) == ((days == 1).sum(), (days > 1).sum())
    assert not (segments.is_earlier & (segments.stage == "new")).any()


def test_who_may_be_older_than_the_data_is_no_newcomer_of_the_movement(cut):
    orders, came, _, earlier = cut
    end, since = last_day(731), segmentation.comparison_day(orders, as_of=last_day(731))
    activity = segmentation.customer_activity(orders, as_of=end, earlier=earlier)
    lines = segmentation.thresholds(activity, segmentation.purchase_rhythm(orders, as_of=end))
    then = segmentation.earlier_segments(orders, None, lines, on=since, earlier=earlier)
    moves = segmentation.migration(then, segmentation.segments(activity, lines), since=since)
    first = first_days(orders)
    late = came[first.index[first > (since - OPENS.date()).days]]
    assert (late < 0).sum() > 100
    sizes = moves.groupby("before").customers.sum()
    assert (sizes["newcomer"], sizes["earlier"]) == ((late >= 0).sum(), (late < 0).sum())
    assert moves.customers.sum() == len(first)
    picture = segmentation.plot_migration(moves, since=since)
    assert "Older than the data" in picture.picture.svg(label="moved")
    was = then[then.stage == "new"].customer_id
    assert not set(was) & set(earlier.customer_id)


def test_the_core_that_came_from_before_the_data_is_told_apart_from_newcomers():
    rows = [("core", "core", 60, 900.0), ("core", "ordinary", 40, -900.0), ("ordinary", "core", 35, 800.0),
            ("newcomer", "core", 7, 70.0), ("earlier", "core", 5, 50.0)]  # fmt: skip
    moves = pd.DataFrame(rows, columns=["before", "after", "customers", "change"])
    moves = moves.assign(buyers=moves.customers, change_error=10.0, revenue_before=1000.0, revenue_after=1000.0)
    told = segmentation.finding_core_lost(moves, since="2024-12-31", as_of=END)
    assert "35 who rose" in told.evidence
    assert "7 newcomers" in told.evidence
    assert "5 older than the data" in told.evidence
    assert len(told.evidence.split()) <= 25
    without = segmentation.finding_core_lost(moves[:4], since="2024-12-31", as_of=END)
    assert "older than the data" not in without.evidence


def test_chapter_13_draws_the_line_of_silence_of_chapter_03_where_rules_read_it_from_customers(cut, tmp_path):
    orders, _, customers, earlier = cut
    end = last_day(731)
    kit = (Path(segmentation.__file__).parent / "rules.yaml").read_text(encoding="utf-8")
    line = next(one for one in kit.splitlines() if one.startswith("  sleeping_after:"))
    own = tmp_path / "rules.yaml"
    drawn = "  sleeping_after: {quantile: 0.5, of: tenure_days, among: [purchases >= 2], otherwise: 180}"
    own.write_text(kit.replace(line, drawn), encoding="utf-8")
    rules = segmentation.read_rules(own)
    activity = segmentation.customer_activity(orders, customers, as_of=end, earlier=earlier)
    rhythm = segmentation.purchase_rhythm(orders, as_of=end)
    lines = segmentation.thresholds(activity, rhythm, rules=rules).set_index("threshold").value
    found = segmentation.silent_after(orders, customers, as_of=end, rules=rules, earlier=earlier)
    days = orders.groupby("customer_id").ordered_at.agg(["nunique", "min"])
    chosen = days[days["nunique"] + days.index.isin(earlier.customer_id) >= 2]
    tenure = sorted((pd.Timestamp(end) - chosen["min"]).dt.days)
    assert found == round(lines["sleeping_after"]) == tenure[-(-len(tenure) // 2) - 1]
    assert found != segmentation.silent_after(orders, as_of=end, rules=rules)


# Contracts


def contracts_of(*rows):
    table = pd.DataFrame(rows, columns=["customer_id", "started_at", "ended_at", "price", "period"])
    return table.astype({"started_at": "datetime64[us]", "ended_at": "datetime64[us]"})


CHANGES = {
    "the next day": ("2025-03-31", "2025-04-01"),
    "over a month's end": ("2025-03-30", "2025-04-01"),
    "three days later": ("2025-03-29", "2025-04-01"),
    "with three days of both": ("2025-04-02", "2025-03-30"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_plan_takes_nothing_from_recurring_revenue_and_adds_nothing_twice(change):
    ends, begins = CHANGES[change]
    plans = contracts_of(("a", "2025-01-01", ends, 10.0, "month"), ("a", begins, None, 30.0, "month"))
    counted = scorecard.base_measures(subscriptions=plans, as_of="2025-06-30")
    assert counted.active_contracts.tolist() == [1.0] * 6
    # The old plan is paid until the new one begins.
    at_end = [
        30.0 if end >= pd.Timestamp(begins) else 10.0 for end in pd.date_range("2025-01-31", periods=6, freq="ME")
    ]
    assert counted.recurring_revenue.tolist() == at_end
    assert counted.ended_contracts.sum() == 0


def test_a_pause_of_four_days_is_a_pause_in_counts_and_in_money():
    plans = contracts_of(("a", "2025-01-01", "2025-03-29", 10.0, "month"), ("a", "2025-04-02", None, 30.0, "month"))
    counted = scorecard.base_measures(subscriptions=plans, as_of="2025-06-30")
    assert counted.active_contracts.tolist() == [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    assert counted.recurring_revenue.tolist() == [10.0, 10.0, 0.0, 30.0, 30.0, 30.0]


def test_contracts_side_by_side_count_as_one_and_pay_what_they_cost_together():
    plans = contracts_of(
        ("a", "2025-01-01", None, 10.0, "month"), ("a", "2025-02-10", "2025-05-10", 240.0, "year"),
        ("b", "2025-01-01", None, 7.0, "month"),
    )  # fmt: skip
    counted = scorecard.base_measures(subscriptions=plans, as_of="2025-06-30")
    assert counted.active_contracts.tolist() == [2.0] * 6
    assert counted.recurring_revenue.tolist() == [17.0, 37.0, 37.0, 37.0, 17.0, 17.0]
    # What chapters 04 and 05 say of those that run: the same money.
    for day, row in zip(pd.date_range("2025-01-31", periods=6, freq="ME"), counted.itertuples(), strict=True):
        running = retention.running_subscriptions(plans, as_of=day.date())
        assert running.revenue.sum() == row.recurring_revenue
        assert running.contracts.sum() == row.active_contracts


def test_a_plan_of_another_term_is_priced_by_the_term_in_which_it_is_counted():
    plans = contracts_of(("a", "2025-01-01", "2025-03-01", 10.0, "month"), ("a", "2025-03-01", None, 96.0, "year"))
    running = retention.running_subscriptions(plans, as_of="2025-04-30", term="month")
    assert running.revenue.tolist() == [8.0]


# Leads too young to be judged


def test_leads_too_young_to_be_judged_are_counted_in_words():
    random = np.random.default_rng(9)
    came = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(random.integers(0, 731, 900)), unit="D")
    won = pd.Series(came + pd.to_timedelta(random.integers(1, 80, 900), unit="D")).where(random.random(900) < 0.3)
    leads = pd.DataFrame({"created_at": came, "converted_at": won.where(won <= pd.Timestamp(END))})
    measures = scorecard.base_measures(leads=leads, as_of=END, follow_up_days=90)
    kpis = {name: scorecard.load_kpis()[name] for name in ("leads", "lead_conversion")}
    nothing = pd.DataFrame()
    years = scorecard.year_against_year(measures, kpis, nothing)
    young = (came >= "2025-10-01").sum()  # 90 days after September are over on December 29
    assert years.set_index("kpi").too_young["lead_conversion"] == young
    (told,) = scorecard.findings_of_counts(years, kpis, measures, nothing)
    assert f"; {young} too new to judge." in told.evidence
    values = scorecard.kpi_values(measures, kpis)
    tiles = scorecard.year_tiles(years, kpis, values, measures)
    assert f"too lately to be judged: {young} for" in tiles.reading
    notes = {tile["label"]: tile["note"] for tile in tiles.fields["tiles"]}
    assert notes["Enquiries that become customers"].endswith(f"; {young} too new to judge")
    assert sum("too new" in note for note in notes.values()) == 1
    use("zh")
    try:
        tiles = scorecard.year_tiles(years, scorecard.load_kpis(), values, measures).fields["tiles"]
    finally:
        use()
    assert any(tile["note"].endswith(f"；另有{young}个待观察") for tile in tiles)
    judged = leads[(came >= "2025-01-01") & (came < "2025-10-01")]
    share = (judged.converted_at.notna() & ((judged.converted_at - judged.created_at).dt.days <= 90)).mean()
    assert years.set_index("kpi").now["lead_conversion"] == pytest.approx(share)
    old = scorecard.base_measures(leads=leads, as_of=dt.date(2026, 3, 31), follow_up_days=90)
    assert not (scorecard.year_against_year(old, kpis, nothing).too_young > 0).any()
