"""The start of the data is not the start of the customers: shops whose true newcomers are known, cut and whole."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlib.engine import connect
from crmlib.lifecycle import clv, retention, scorecard, segmentation
from crmlib.newcomers import Start, customers_start, earlier_customers
from crmlib.purchases import purchases

OPENS = pd.Timestamp("2024-01-01")


def shop(*, opened_days_before=0, days=365, a_week=40.0, gap=60.0, alike=1.5, stay=600.0, growth=0.0, seed=1):
    """Orders of a shop within the data, and the true day (0: the data begin) of everybody's first order.

    ``a_week`` new customers at the end of the data, fewer before by ``growth`` a year; each orders at random times with
    a mean ``gap`` of their own (gamma with shape ``alike``), and leaves after ``stay`` days on average.
    """
    random = np.random.default_rng(seed)
    came = np.sort(random.uniform(-opened_days_before, days, random.poisson(a_week / 7 * (days + opened_days_before))))
    came = came[random.random(len(came)) < np.exp(growth * (came - days) / 365)]
    rate = random.gamma(alike, 1 / (alike * gap), len(came))
    until = np.minimum(came + random.exponential(stay, len(came)), days)
    again = random.poisson(rate * (until - came))
    who = np.repeat(np.arange(len(came)), again + 1)
    firsts = np.concatenate([[0], np.cumsum(again + 1)[:-1]])
    at = random.uniform(came[who], until[who])
    at[firsts] = came
    orders = pd.DataFrame({"customer_id": [f"c{n}" for n in who], "amount": 10.0, "day": np.floor(at)})
    orders = orders[(orders.day >= 0) & (orders.day < days)]
    orders = orders.assign(ordered_at=OPENS + pd.to_timedelta(orders.pop("day"), unit="D"))
    return orders.reset_index(drop=True), pd.Series(np.floor(came), index=[f"c{n}" for n in range(len(came))])


def last_day(days=365):
    return (OPENS + pd.Timedelta(days=days - 1)).date()


def first_days(orders):
    return (orders.groupby("customer_id").ordered_at.min() - OPENS).dt.days


CUTS = {
    "frequent": {"gap": 20.0, "alike": 0.5, "stay": 300.0},
    "usual": {"gap": 60.0, "stay": 300.0},
    "faithful": {"gap": 60.0, "stay": 1000.0},
    "seldom": {"gap": 150.0, "stay": 500.0},
    "growing": {"gap": 60.0, "stay": 1000.0, "growth": 0.4},
}


@pytest.mark.parametrize("days", [365, 730])
@pytest.mark.parametrize("kind", CUTS)
def test_a_business_older_than_its_data_is_recognised_and_its_newcomers_are_counted(kind, days):
    orders, came = shop(opened_days_before=3000, days=days, a_week=100.0, **CUTS[kind])
    start = customers_start(orders, as_of=last_day(days))
    assert (start.basis, start.cut) == ("cut", True)
    first, since = first_days(orders), (start.since - OPENS.date()).days
    called_new = first[first >= since]
    assert start.left_out == (first < since).sum()
    assert start.customers == len(first)
    is_new = came[called_new.index] >= 0
    # What share of those called new are old ones is estimated within six points (chance alone moves it by three).
    assert start.returning_share == pytest.approx(1 - is_new.mean(), abs=0.06)
    assert len(called_new) * (1 - start.returning_share) == pytest.approx((came[first.index] >= since).sum(), rel=0.1)
    if start.settled:
        late = first[first >= (start.settled - OPENS.date()).days]
        assert len(late) < 300 or (came[late.index] < 0).mean() < 0.14


OPENINGS = {
    "frequent": {"gap": 20.0, "alike": 0.5},
    "usual": {"gap": 60.0},
    "seldom": {"gap": 150.0, "stay": 1000.0},
    "growing": {"gap": 40.0, "growth": 0.6, "a_week": 80.0},
}


@pytest.mark.parametrize("kind", OPENINGS)
def test_in_a_shop_that_opens_with_its_data_everybody_is_new(kind):
    orders, _ = shop(days=730, a_week=OPENINGS[kind].get("a_week", 60.0), **{
        name: value for name, value in OPENINGS[kind].items() if name != "a_week"})  # fmt: skip
    start = customers_start(orders, as_of=last_day(730))
    assert (start.basis, start.cut, start.left_out) == ("begins", False, 0)
    assert start.since == start.settled == start.data_begin


def test_neither_a_cut_is_taken_for_an_opening_nor_an_opening_for_a_cut():
    """Twelve small shops of each kind: where chance leaves it open, the client is asked, and nobody is called new."""
    for seed in range(12):
        how = {"a_week": 8.0, "gap": 50.0, "stay": 400.0, "seed": seed}
        cut, _ = shop(opened_days_before=2500, **how)
        whole, _ = shop(**how)
        assert customers_start(cut, as_of=last_day()).basis in ("cut", "unclear")
        assert customers_start(whole, as_of=last_day()).basis in ("begins", "unclear")


def test_a_list_of_customers_who_came_in_one_quarter_is_asked_about_until_the_client_says_it():
    orders, came = shop(days=540, a_week=80.0, gap=60.0)
    chosen = orders[orders.customer_id.map(came) < 90]
    asked = customers_start(chosen, as_of=last_day(540))
    assert (asked.basis, asked.cut) == ("unclear", True)
    said = customers_start(chosen, as_of=last_day(540), said="with_data")
    assert (said.basis, said.cut, said.left_out, said.settled) == ("said", False, 0, said.data_begin)


def test_the_client_names_the_day_from_which_orders_are_complete():
    orders, _ = shop(opened_days_before=1000)
    day = dt.date(2024, 7, 1)
    start = customers_start(orders, as_of=last_day(), said=day)
    expected = (first_days(orders) < (day - OPENS.date()).days).sum()
    assert (start.since, start.settled, start.left_out, start.cut) == (day, day, expected, True)


def registered(came, *, before=0.0):
    seen = OPENS + pd.to_timedelta(came - before, unit="D")
    return pd.DataFrame({"customer_id": came.index, "first_seen_at": seen})


def test_first_seen_at_tells_old_customers_by_name():
    orders, came = shop(opened_days_before=3000, stay=1000.0)
    start = customers_start(orders, registered(came), as_of=last_day())
    old = came[first_days(orders).index] < 0
    assert (start.basis, start.left_out, start.settled) == ("first_seen", old.sum(), start.data_begin)
    earlier = earlier_customers(orders, registered(came), start=start, as_of=last_day())
    assert set(earlier.customer_id) == set(old.index[old])


def test_prospects_who_registered_long_before_they_bought_are_new_after_the_burn_in():
    orders, came = shop(days=730, gap=30.0)
    start = customers_start(orders, registered(came, before=100.0), as_of=last_day(730))
    assert (start.basis, start.registering_is_buying) == ("first_seen", False)
    first = first_days(orders)
    # They registered before the data and bought early: nobody can tell. Who buys first after the burn-in is new.
    assert start.left_out == ((first < 100) & (first < start.burn_in)).sum()


def test_a_day_on_which_all_customers_were_moved_to_a_new_system_tells_nothing():
    orders, came = shop(opened_days_before=3000, stay=1000.0)
    moved = registered(came.clip(lower=200.0))
    assert customers_start(orders, moved, as_of=last_day()).basis == "cut"


def test_with_few_customers_or_none_nobody_is_left_out():
    orders, _ = shop(opened_days_before=1000)
    few = orders[orders.customer_id.isin(orders.customer_id.unique()[:99])]
    assert customers_start(few, as_of=last_day()).left_out == 0
    assert customers_start(orders[:0], as_of=last_day()) == Start("none")


def test_where_hardly_anybody_comes_back_nobody_can_be_called_new():
    orders, _ = shop(opened_days_before=3000, gap=20_000.0, stay=4000.0)
    start = customers_start(orders, as_of=last_day())
    assert (start.basis, start.since, start.left_out) == ("unclear", None, start.customers)


def test_databases_and_frames_tell_the_same():
    orders, came = shop(opened_days_before=1000)
    connection = connect()
    for name, frame in (("orders", orders), ("customers", registered(came))):
        connection.con.register(name, frame)
    tables = [connection.table("orders"), connection.table("customers")]
    for more, known in ((), ()), ((registered(came),), (tables[1],)):
        start = customers_start(orders, *more, as_of=last_day())
        assert customers_start(tables[0], *known, as_of=last_day()) == start
        frame = earlier_customers(orders, *more, start=start, as_of=last_day())
        table = earlier_customers(tables[0], *known, start=start, as_of=last_day())
        pd.testing.assert_frame_equal(table.to_pandas(), frame)
    assert Start.of(start.kept()) == start


# What the chapters make of it


@pytest.mark.parametrize(("days", "stay"), [(365, 1000.0), (365, 300.0), (730, 1000.0)])
def test_no_comparison_of_newer_with_older_customers_comes_from_the_cut(days, stay):
    """Customers return alike whenever they came, and yet the first in the data seem to return more often."""
    orders, _ = shop(opened_days_before=3000, days=days, stay=stay, a_week=60.0, alike=0.5)
    end = last_day(days)
    naive = retention.compare_newer(retention.second_orders(orders, as_of=end), as_of=end)
    assert naive.difference.item() < -0.03
    start = customers_start(orders, as_of=end)
    earlier = earlier_customers(orders, start=start, as_of=end)
    returns = retention.second_orders(orders, as_of=end, earlier=earlier)
    compared = retention.compare_newer(returns, as_of=end, settled=start.settled)
    assert compared.empty or compared.low.item() < 0 < compared.high.item()
    counted = {"earlier": earlier, "returning_share_year": start.returning_share_year}
    worth = retention.value_of_second_orders(orders, as_of=end, **counted)
    assert worth.new_customers_a_year.item() == pytest.approx(60 / 7 * 365, rel=0.12)


def test_the_scorecard_counts_newcomers_only_where_it_can_tell_them():
    orders, came = shop(opened_days_before=3000, days=731, stay=1000.0)
    end = last_day(731)
    start = customers_start(orders, as_of=end)
    known = {"start": start, "earlier": earlier_customers(orders, start=start, as_of=end)}
    found = scorecard.base_measures(orders=orders, as_of=end, **known)
    told = found.period >= start.settled
    assert 0 < told.sum() < 24
    for name in ("new_customers", "new_customers_again", "returning_customers"):
        assert found.loc[~told, name].isna().all()
    assert found.loc[told, "new_customers"].notna().all()
    every = scorecard.base_measures(orders=orders, as_of=end)
    unchanged = ["revenue", "buyers", "active_customers", "lapsed", "known_customers", "silent_at_start", "won_back"]
    pd.testing.assert_frame_equal(found[unchanged], every[unchanged])
    # With the days of registration everybody is told, from the first month on.
    customers = registered(came)
    start = customers_start(orders, customers, as_of=end)
    known = {"start": start, "earlier": earlier_customers(orders, customers, start=start, as_of=end)}
    found = scorecard.base_measures(orders=orders, as_of=end, **known)
    bought = came[(came >= 0) & came.index.isin(orders.customer_id)]
    month = (OPENS + pd.to_timedelta(bought, unit="D")).dt.date.map(lambda day: day.replace(day=1))
    assert found.set_index("period").new_customers.astype(int).to_dict() == month.value_counts().to_dict()
    flow = found.active_at_start - found.lapsed + found.new_customers + found.won_back
    assert (flow.dropna() == found.active_customers[flow.notna()]).all()
    assert flow.notna().sum() > 12


def test_the_bridge_and_the_drivers_call_nobody_new_who_may_be_old():
    orders, came = shop(opened_days_before=3000, stay=1000.0)
    end = last_day()
    start = customers_start(orders, as_of=end)
    known = {"start": start, "earlier": earlier_customers(orders, start=start, as_of=end)}
    bridge = scorecard.revenue_bridge(orders, as_of=end, **known)
    assert "new" not in set(bridge.part)
    assert "new_or_returned" in set(bridge.part)
    assert "new or long away" in scorecard.plot_bridge(bridge).description
    drivers = set(scorecard.driver_tree(orders, as_of=end, **known).driver)
    assert "new_or_returned" in drivers
    assert "new_customers" not in drivers
    customers = registered(came)
    start = customers_start(orders, customers, as_of=end)
    known = {"start": start, "earlier": earlier_customers(orders, customers, start=start, as_of=end)}
    at = scorecard.revenue_bridge(orders, as_of=end, **known).set_index("part")
    changes = (pd.Timestamp(at.changes.iloc[0]) - OPENS).days
    first = first_days(orders)
    late = first.index[first >= changes]
    assert at.customers["new"] == (came[late] >= 0).sum()
    assert at.customers["returned"] == (came[late] < 0).sum()
    tree = scorecard.driver_tree(orders, as_of=end, **known).set_index("driver")
    assert tree.after["new_customers"] == at.customers["new"]
    assert tree.after["returned_customers"] == at.customers["returned"]


def test_what_a_newcomer_is_worth_is_read_from_newcomers():
    orders, came = shop(opened_days_before=3000, days=730, stay=400.0, a_week=80.0, alike=0.7)
    end, customers = last_day(730), registered(came).assign(channel="shop")
    start = customers_start(orders, customers, as_of=end)
    earlier = earlier_customers(orders, customers, start=start, as_of=end)
    base = clv.summary(orders, as_of=end)
    found = clv.value_by_group(base, customers, earlier=earlier, draws=20).iloc[0]
    naive = clv.value_by_group(base, customers, draws=20).iloc[0]
    young = base[~base.customer_id.isin(earlier.customer_id)]
    alone = clv.value_by_group(young, customers, draws=20).iloc[0]
    assert found.new_customer_value == pytest.approx(alone.new_customer_value, rel=1e-6)
    assert found.customer_equity == naive.customer_equity
    assert found.customers == len(base)
    # Who is still there after years buys more often than a newcomer does.
    assert found.new_customer_value < 0.97 * naive.new_customer_value


def test_nobody_is_won_at_a_cost_before_newcomers_can_be_told():
    orders, came = shop(opened_days_before=3000, stay=1000.0)
    end, customers = last_day(366), registered(came).assign(channel="shop")
    spend = pd.DataFrame({"spent_on": pd.date_range(OPENS, periods=12, freq="MS"), "channel": "shop", "cost": 1000.0})
    groups = pd.DataFrame({"channel": ["shop"], "new_customer_value": [60.0], "new_error": [3.0]})
    known = {"orders": orders, "customers": customers, "spend": spend, "as_of": end}
    start = customers_start(orders, customers, as_of=end)
    earlier = earlier_customers(orders, customers, start=start, as_of=end)
    row = clv.first_year_by_group(groups, **known, start=start, earlier=earlier).iloc[0]
    assert row.new_customers == (came[first_days(orders).index] >= 0).sum()
    assert row.cost_to_win == pytest.approx(12_000 / row.new_customers)
    untold = clv.first_year_by_group(groups, **known, start=Start("cut"), earlier=earlier).iloc[0]
    assert np.isnan(untold.cost_to_win)


def test_nobody_who_may_be_old_is_new_by_one_order():
    orders, came = shop(opened_days_before=3000, stay=1000.0, gap=150.0)
    end, customers = last_day(), registered(came[came < 365])
    start = customers_start(orders, customers, as_of=end)
    earlier = earlier_customers(orders, customers, start=start, as_of=end)
    activity = segmentation.customer_activity(orders, as_of=end, earlier=earlier)
    lines = segmentation.thresholds(activity, segmentation.purchase_rhythm(orders, as_of=end))
    new = segmentation.segments(activity, lines).query("stage == 'new'").customer_id
    assert len(new) > 30
    assert (came[new] >= 0).all()
    naive = segmentation.segments(segmentation.customer_activity(orders, as_of=end), lines)
    assert (came[naive.query("stage == 'new'").customer_id] < 0).sum() > 30


# The folder, and exports of the same kind


@pytest.fixture
def shared(repository):
    folder = Path(repository).parent / "shared"
    if not folder.is_dir():
        pytest.skip("the small inputs that fail are not beside this repository")
    return folder


def test_a_steady_business_of_which_the_last_year_was_exported(shared):
    orders = pd.read_csv(shared / "cases/left_truncation/exports/orders.csv.gz", parse_dates=["order_date"])
    orders = orders.rename(columns={"order_date": "ordered_at"})
    end = dt.date(2023, 12, 31)
    start = customers_start(orders, as_of=end)
    assert (start.basis, start.customers, start.left_out) == ("cut", 1698, 1175)
    earlier = earlier_customers(orders, start=start, as_of=end)
    returns = retention.second_orders(orders, as_of=end, earlier=earlier)
    assert retention.compare_newer(returns, as_of=end, settled=start.settled).empty
    counted = {"earlier": earlier, "returning_share_year": start.returning_share_year}
    worth = retention.value_of_second_orders(orders, as_of=end, **counted)
    # 494 customers are truly new in the year.
    assert 400 < worth.new_customers_a_year.item() < 600
    cohorts = retention.cohorts(orders, as_of=end, earlier=earlier)
    assert cohorts.cohort.min().date() == dt.date(2023, 6, 1)


def test_online_retail_begins_in_the_middle_of_a_business(shared):
    lines = pd.read_csv(shared / "data/online_retail.csv.gz", encoding="latin1", dtype={"InvoiceNo": str})
    lines = lines[(lines.Quantity > 0) & (lines.UnitPrice > 0)].dropna(subset=["CustomerID"])
    orders = pd.DataFrame({
        "customer_id": lines.CustomerID.astype(str), "amount": lines.Quantity * lines.UnitPrice,
        "ordered_at": pd.to_datetime(lines.InvoiceDate),
    })  # fmt: skip
    start = customers_start(orders, as_of="2011-12-09")
    assert (start.basis, start.data_begin, start.customers) == ("cut", dt.date(2010, 12, 1), 4338)
    early = purchases(orders).groupby("customer_id").day.min() < pd.Timestamp(start.since)
    assert start.left_out == early.sum() > 2000


def test_the_sample_brand_and_the_published_base_keep_all_their_customers(repository):
    folder = Path(repository) / "data"
    orders = pd.read_csv(folder / "aurora/orders.csv", parse_dates=["ordered_at"])
    customers = pd.read_csv(folder / "aurora/customers.csv", parse_dates=["first_seen_at"])
    assert customers_start(orders, customers, as_of="2025-12-31").basis == "first_seen"
    # Without the day of registration, the orders alone tell it.
    start = customers_start(orders, as_of="2025-12-31")
    assert (start.basis, start.left_out) == ("begins", 0)
    purchased = pd.read_csv(folder / "cdnow/orders.csv", dtype={"customer_id": str}, parse_dates=["ordered_at"])
    assert customers_start(purchased, as_of="1998-06-30", said="with_data").left_out == 0
    assert customers_start(purchased, as_of="1998-06-30").basis == "unclear"
