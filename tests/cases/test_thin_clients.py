"""Clients who have one table: what it says is right, counted a second time in plain pandas, and nothing is made up."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlib import runner
from crmlib.lifecycle import scorecard, segmentation
from crmlib.report.story import story
from crmlib.words import number, use
from tests.conftest import write_client
from tests.report.clients import ONE_TABLE

AS_OF = "2025-12-31"
TIMES = ("opened_at", "first_response_at", "resolved_at", "created_at", "converted_at", "spent_on", "touched_at")
TIMES += ("used_at", "at", "answered_at", "started_at", "ended_at")


def table(name: str) -> pd.DataFrame:
    """One of the invented tables, as a chapter gets it: times as times, empty cells empty."""
    made = ONE_TABLE[name]()
    times = {column: pd.to_datetime(made[column].replace("", None)) for column in made if column in TIMES}
    return made.assign(**times)


def counted(*names: str) -> pd.DataFrame:
    measures = measured(*names)
    return measures.set_index(pd.to_datetime(measures["period"]).dt.to_period("M"))


@functools.cache
def measured(*names: str) -> pd.DataFrame:
    """What is counted of these tables, in whatever language it is then told."""
    return scorecard.base_measures(**{name: table(name) for name in names}, as_of=AS_OF)


def findings(*names: str) -> list:
    measures = measured(*names).copy()
    kpis, nothing = scorecard.load_kpis(), pd.DataFrame()
    return scorecard.findings_of_counts(scorecard.year_against_year(measures, kpis, nothing), kpis, measures, nothing)


@pytest.fixture(autouse=True)
def in_english():
    use("en", "CNY")
    yield
    use()


def test_tickets_alone_are_counted_as_pandas_counts_them():
    tickets, found = table("tickets"), counted("tickets")
    month = tickets.opened_at.dt.to_period("M")
    assert found["tickets"].tolist() == month.value_counts().sort_index().tolist()
    end = pd.Timestamp("2026-01-01")
    open_then = [((tickets.opened_at < at.end_time) & ~(tickets.resolved_at < at.end_time)).sum() for at in found.index]
    assert found["open_tickets"].tolist() == open_then
    in_time = tickets.resolved_at - tickets.opened_at <= pd.Timedelta(hours=24)
    due = tickets.opened_at + pd.Timedelta(hours=24) <= end
    share = (in_time & due).groupby(month).sum() / due.groupby(month).sum()
    assert (found["tickets_resolved"] / found["tickets_due"]).tolist() == pytest.approx(share.tolist())


def test_the_median_time_to_resolve_counts_open_tickets_as_waiting():
    """Kaplan-Meier by hand, ticket by ticket; to leave the open ones out makes every month look quicker."""
    tickets, found = table("tickets"), counted("tickets")
    for month in found.index[[0, 11, 23]]:
        own = tickets[tickets.opened_at.dt.to_period("M") == month]
        waited = (own.resolved_at.fillna(pd.Timestamp("2026-01-01")) - own.opened_at).dt.total_seconds() // 60
        left, share = len(own), 1.0
        for until, is_done in sorted(
            zip(waited, own.resolved_at.notna(), strict=True), key=lambda one: (one[0], not one[1])
        ):
            share *= 1 - is_done / left
            left -= 1
            if share <= 0.5:
                minutes = until
                break
        assert found.loc[month, "resolution_hours"] == pytest.approx(minutes / 60)
        assert found.loc[month, "resolution_hours"] > waited[own.resolved_at.notna()].median() / 60
        assert found.loc[month, "resolution_hours_low"] < minutes / 60 < found.loc[month, "resolution_hours_high"]


def test_a_month_of_which_fewer_than_half_are_resolved_has_no_median():
    opened = pd.Series(pd.to_datetime(["2025-01-02"] * 40))
    tickets = pd.DataFrame({"opened_at": opened, "resolved_at": opened.where(opened.index < 10) + pd.Timedelta("1h")})
    assert np.isnan(scorecard.ticket_measures(tickets, as_of="2025-01-31")["resolution_hours"].item())


def test_contracts_alone_are_counted_as_pandas_counts_them():
    contracts, found = table("subscriptions"), counted("subscriptions")
    for at in found.index:
        starts, ends = at.start_time, at.end_time
        runs = (contracts.started_at <= ends) & ~(contracts.ended_at <= ends)
        began_before = (contracts.started_at < starts) & ~(contracts.ended_at < starts)
        left = began_before & (contracts.ended_at >= starts) & (contracts.ended_at <= ends)
        own = found.loc[at]
        assert own["active_contracts"] == runs.sum()
        assert own["recurring_revenue"] == pytest.approx(99.0 * runs.sum())
        assert own["contracts_at_start"] == began_before.sum()
        assert own["contracts_left"] == left.sum()
        assert own["new_contracts"] == ((contracts.started_at >= starts) & (contracts.started_at <= ends)).sum()
    assert found["renewals"].sum() == found["renewals_due"].sum() - contracts.ended_at.le(AS_OF).sum()


def test_recurring_revenue_takes_a_third_of_a_quarter_and_a_twelfth_of_a_year():
    contracts = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"], "price": [30.0, 30.0, 120.0, None],
            "period": ["month", "quarter", "year", "month"], "started_at": pd.to_datetime(["2025-01-01"] * 4),
        }
    )  # fmt: skip
    found = scorecard.contract_measures(contracts, as_of="2025-01-31")
    assert found["recurring_revenue"].tolist() == [50.0]
    assert found["active_contracts"].tolist() == [4.0]
    assert found["contracts_left"].isna().all()  # without a column of ends nobody knows who left


def test_leads_and_what_they_cost():
    leads, cost, found = table("leads"), table("spend"), counted("leads", "spend")
    month = leads.created_at.dt.to_period("M")
    assert found["leads"].tolist() == month.value_counts().sort_index().tolist()
    won = ((leads.converted_at - leads.created_at).dt.days <= 90).groupby(month).sum()
    known = found["converted_leads"].dropna()
    assert known.tolist() == won[known.index].tolist()
    assert known.index.max() == pd.Period("2025-09")  # leads of October have not had 90 days
    spent = cost.groupby(cost.spent_on.dt.to_period("M")).cost.sum()
    values = scorecard.kpi_values(found.reset_index(drop=True), scorecard.load_kpis())
    per_lead = values[values.kpi == "cost_per_lead"].value.tolist()
    assert per_lead == pytest.approx((spent / found["leads"]).tolist())


@pytest.mark.parametrize(
    ("name", "measure"),
    [("touches", "contacts"), ("usage", "users"), ("loyalty", "members"), ("spend", "marketing_cost")],
)
def test_what_else_happened_is_counted_by_the_month(name, measure):
    made, found = table(name), counted(name)
    time = {"touches": "touched_at", "usage": "used_at", "loyalty": "at", "spend": "spent_on"}[name]
    by_month = made.groupby(made[time].dt.to_period("M"))
    wanted = (
        by_month.cost.sum()
        if name == "spend"
        else by_month.size()
        if name == "touches"
        else by_month.customer_id.nunique()
    )
    assert found[measure].tolist() == pytest.approx(wanted.tolist())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("names", [*[(one,) for one in ONE_TABLE], *itertools.combinations(ONE_TABLE, 2)], ids="+".join)
def test_one_table_or_two_have_a_headline_of_their_own(names, language):
    use(language, "CNY")
    told = findings(*names)
    own = [one for one in names if one != "surveys"]
    assert len(told) == len(own)  # surveys speak in a chapter of their own
    account = {"as_of": AS_OF, "first_day": "2024-01-01", "last_day": AS_OF, "tables": {n: {"rows": 9} for n in names}}
    begins = story(pd.DataFrame(), told, account)
    assert begins.is_empty == (not own)
    assert begins.headline == (told[0].headline if own else begins.headline)
    for one in told:
        for text, most in ((one.headline, 12), (one.evidence, 25), (one.action, 18)):
            assert text
            assert len(text.split()) <= most if language == "en" else len(text) <= 2 * most, text
            assert "nan" not in text


def test_the_headline_of_tickets_says_how_many_and_how_many_more():
    months = table("tickets").opened_at.dt.year.value_counts()
    (told,) = findings("tickets")
    share = months[2025] / months[2024] - 1
    assert told.headline == f"{number(months[2025])} service tickets in 12 months, {share:.0%} more than before"
    assert told.direction == "neutral"  # more tickets are neither good nor bad


def test_a_stock_is_compared_with_a_year_ago_and_chance_is_no_news():
    contracts = table("subscriptions")
    at = {
        year: ((contracts.started_at <= f"{year}-12-31") & ~(contracts.ended_at <= f"{year}-12-31")).sum()
        for year in (2024, 2025)
    }
    (told,) = findings("subscriptions")
    assert f"{99 * at[2025] / 1000:.1f}k a month" in told.headline
    months = pd.DataFrame({"period": [day.date() for day in pd.date_range("2024-01-01", periods=24, freq="MS")]})
    wild = months.assign(users=[100.0, 300, 50, 260, 90, 310, 60, 280, 120, 250, 70, 200] * 2)
    kpis = {"users": scorecard.load_kpis()["users"]}
    row = scorecard.year_against_year(wild, kpis, pd.DataFrame()).iloc[0]
    assert (row["now"], row["before"], row["verdict"]) == (200, 200, "same")


def test_two_orders_are_too_few_and_said_to_be():
    account = {"as_of": AS_OF, "first_day": "2024-02-01", "last_day": "2025-06-01"}
    orders = {"rows": 2, "first_day": "2024-02-01", "last_day": "2025-06-01"}
    begins = story(None, [], account | {"tables": {"orders": orders}})
    assert begins.headline == "2 orders are too few to tell anything from chance"
    assert (begins.is_young, begins.is_few) == (True, True)
    # Where another table has news, these are told.
    begins = story(None, findings("tickets"), account | {"tables": {"orders": orders, "tickets": {"rows": 1500}}})
    assert "service tickets" in begins.headline
    assert not story(None, [], account | {"tables": {"orders": orders | {"rows": 30}}}).is_few


def guests_only(repository: Path) -> pd.DataFrame:
    file = Path(repository).parent / "shared" / "cases" / "guests_only" / "orders.csv"
    if not file.is_file():
        pytest.skip("the case folders stand beside the repository, and are not there")
    return pd.read_csv(file, parse_dates=["ordered_at"]).assign(customer_id=None)


def test_orders_without_a_customer_give_revenue_orders_order_value_and_seasons(repository):
    orders = guests_only(repository)
    as_of = orders.ordered_at.max().date()
    measures = scorecard.base_measures(orders=orders.astype({"customer_id": "string"}), as_of=as_of)
    by_month = orders.groupby(orders.ordered_at.dt.to_period("M")).amount
    at = pd.to_datetime(measures["period"]).dt.to_period("M")
    assert measures["revenue"].tolist() == pytest.approx(by_month.sum().reindex(at).fillna(0).tolist())
    assert measures["orders"].tolist() == by_month.size().reindex(at).fillna(0).tolist()
    assert measures["guest_revenue"].tolist() == measures["revenue"].tolist()
    shares = segmentation.orders_by_name(orders.astype({"customer_id": "string"}), as_of=as_of).set_index("buyer")
    year = orders[orders.ordered_at > pd.Timestamp(as_of) - pd.DateOffset(months=12)]
    assert shares.loc["guests", "revenue_share"] == 1.0
    assert shares.loc["guests", "order_value"] == pytest.approx(year.amount.mean())
    assert shares.loc["named", "orders"] == 0
    found = segmentation.seasons(orders.astype({"customer_id": "string"}), as_of=as_of)
    seen = pd.period_range(orders.ordered_at.min(), pd.Timestamp(as_of) + pd.Timedelta(days=1), freq="M")[:-1]
    whole = by_month.sum().reindex(seen).fillna(0)
    mean = whole.groupby(whole.index.month).mean()
    assert found.share.tolist() == pytest.approx((mean / mean.sum()).tolist())


def test_the_case_without_a_customer_column_has_its_report(repository, tmp_path):
    """From the file to the page: nothing fails, and the headline is that of the two times in plain pandas."""
    orders = guests_only(repository)
    client = write_client(tmp_path / "client", orders=orders.drop(columns="customer_id").to_csv(index=False))
    done = runner.run(client, output=tmp_path / "run", language="en", chapters=["01", "03", "05", "13"])
    assert [(one.file.name[:2], one.status) for one in done.chapters] == [
        ("01", "done"), ("03", "done"), ("05", "left out"), ("13", "done"),
    ]  # fmt: skip
    assert "orders.customer_id or subscriptions" in done.chapters[2].why
    days = pd.read_csv(done.folder / "tables" / "13_bridge.csv", parse_dates=["starts", "changes", "ends"]).iloc[0]
    now, then = (
        orders.amount[(orders.ordered_at >= first) & (orders.ordered_at < end)].sum()
        for first, end in ((days.changes, days.ends + pd.Timedelta(days=1)), (days.starts, days.changes))
    )
    years = pd.read_csv(done.folder / "tables" / "13_year.csv").set_index("kpi")
    assert years.loc["revenue", ["now", "before"]].tolist() == pytest.approx([now, then])
    # Orders come in every second month. Over eleven whole months of both years, their change is within chance.
    assert (days.starts, days.ends) == (pd.Timestamp("2022-02-01"), pd.Timestamp("2023-11-30"))
    assert abs(now - then) < 1.96 * (orders.amount[orders.ordered_at.between(days.starts, days.ends)] ** 2).sum() ** 0.5
    assert done.headline == "Sales held, and no order names its customer"
    assert done.exit_code == 0


def test_named_orders_and_guests_add_up_and_a_year_and_a_half_has_no_strong_half():
    days = pd.date_range("2024-07-01", "2025-12-31")
    orders = pd.DataFrame({"ordered_at": days, "amount": 10.0, "customer_id": ["a", None] * (len(days) // 2) + ["a"]})
    shares = segmentation.orders_by_name(orders, as_of=AS_OF)
    assert shares.orders.sum() == 365
    assert shares.revenue_share.sum() == pytest.approx(1)
    assert segmentation.seasons(orders, as_of=AS_OF).share.between(0.075, 0.086).all()
    young = segmentation.seasons(orders[orders.ordered_at > "2025-03-01"], as_of=AS_OF)
    assert "every month of a year" in segmentation.plot_seasons(young, shares).reading
