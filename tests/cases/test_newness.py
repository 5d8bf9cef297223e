"""Where the data begin, whom that makes new, and what a last year is worth: one rule, wherever it is used."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.finding import Finding
from crmlib.lifecycle import clv, retention, scorecard, segmentation
from crmlib.newcomers import customers_start, earlier_customers
from crmlib.purchases import data_begin, history_days
from crmlib.report.story import story
from tests.cases.test_newcomers import OPENS, first_days, last_day, shop

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
