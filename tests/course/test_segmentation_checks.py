"""The checks of chapter 03: right on any data, helpful when wrong, and never an error."""

import pandas as pd
import pytest

from crmlib.course import segmentation as check
from crmlib.lifecycle import segmentation

AS_OF = "2025-12-31"


@pytest.fixture(scope="module")
def orders():
    """Two years of orders: some come often, some stop, some come late."""
    rows = []
    for number in range(60):
        step = 20 + 3 * number
        until = "2025-05-01" if number % 3 == 1 else "2025-12-31"
        days = pd.date_range(pd.Timestamp("2024-01-01") + pd.Timedelta(days=number), until, freq=f"{step}D")
        rows += [(f"c{number:02d}", day, 100.0 + 7 * (number % 5)) for day in days]
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(order_id=[str(n) for n in range(len(frame))])


@pytest.fixture(scope="module")
def customers(orders):
    return segmentation.customer_activity(orders, as_of=AS_OF)


@pytest.fixture(scope="module")
def thresholds(orders, customers):
    return segmentation.thresholds(customers, segmentation.purchase_rhythm(orders, as_of=AS_OF))


@pytest.fixture(scope="module")
def segmented(customers, thresholds):
    return segmentation.segments(customers, thresholds)


JUNK = ["text", [], object(), float("nan"), pd.DataFrame({"x": [1]})]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_junk_is_not_yet_right_and_no_error(junk, orders, thresholds):
    for answer in (
        check.check_frequency_scores(junk, orders, as_of=AS_OF),
        check.check_first_rule(junk, thresholds),
        check.check_best_fifth(junk, orders, as_of=AS_OF),
        check.check_asleep(junk, orders, as_of=AS_OF),
        check.check_still_core(junk, orders, as_of=AS_OF),
    ):
        assert answer.verdict == "not yet"
        assert answer.message


def test_a_blank_is_not_attempted(orders, thresholds):
    for answer in (
        check.check_frequency_scores(..., orders, as_of=AS_OF),
        check.check_first_rule(..., thresholds),
        check.check_best_fifth(..., orders, as_of=AS_OF),
        check.check_asleep(..., orders, as_of=AS_OF),
        check.check_still_core(..., orders, as_of=AS_OF),
    ):
        assert answer.verdict == "not attempted"


def scores(customers, values):
    return pd.DataFrame({"customer_id": customers.customer_id, "f_score": values})


def test_frequency_scores(orders, customers):
    right = pd.cut(customers.purchases_year, [-1, 0, 2, 999], labels=[1, 2, 3]).astype(int)
    answer = check.check_frequency_scores(scores(customers, right), orders, as_of=AS_OF)
    assert answer.verdict == "right"
    backwards = check.check_frequency_scores(scores(customers, 4 - right), orders, as_of=AS_OF)
    assert "the other way" in backwards.message
    by_row = scores(customers, [1 + n // 20 for n in range(60)])
    assert "rank them by value, not by row" in check.check_frequency_scores(by_row, orders, as_of=AS_OF).message


def test_the_silent_big_spender_sleeps(thresholds):
    assert check.check_first_rule("sleeping", thresholds).verdict == "right"
    assert "the first that fits decides" in check.check_first_rule("core", thresholds).message


def test_the_best_fifth(orders, customers):
    spent = customers[customers.purchases_year > 0].revenue_year.sort_values(ascending=False)
    best = spent.head(len(spent) // 5).sum() / spent.sum()
    assert check.check_best_fifth(best, orders, as_of=AS_OF).verdict == "right"
    assert check.check_best_fifth(round(best, 3), orders, as_of=AS_OF).verdict == "right"
    assert check.check_best_fifth(best + 0.002, orders, as_of=AS_OF).verdict == "not yet"
    worst = spent.tail(len(spent) // 5).sum() / spent.sum()
    assert "worst fifth" in check.check_best_fifth(worst, orders, as_of=AS_OF).message


def test_money_asleep(orders, segmented):
    asleep = segmented[segmented.tier == "sleeping"]
    assert len(asleep) > 5
    assert check.check_asleep(asleep.revenue_year.sum(), orders, as_of=AS_OF).verdict == "right"
    assert "everything they ever spent" in check.check_asleep(asleep.revenue.sum(), orders, as_of=AS_OF).message
    assert "how many customers" in check.check_asleep(len(asleep), orders, as_of=AS_OF).message


def test_still_core(orders, segmented, thresholds):
    past = segmentation.segments(segmentation.customer_activity(orders, as_of="2024-12-31"), thresholds)
    both = past[past.tier == "core"].merge(segmented, on="customer_id")
    share = (both.tier_y == "core").mean()
    assert 0 < share < 1
    assert check.check_still_core(share, orders, as_of=AS_OF).verdict == "right"
    assert check.check_still_core(round(share, 3), orders, as_of=AS_OF).verdict == "right"
    assert "left the core" in check.check_still_core(1 - share, orders, as_of=AS_OF).message
    assert "100 times" in check.check_still_core(100 * share, orders, as_of=AS_OF).message


def test_data_that_do_not_hold_the_answer_are_no_failure(orders):
    short = orders[orders.ordered_at > "2025-06-01"]
    answer = check.check_still_core(0.5, short, as_of=AS_OF)
    assert answer.verdict == "not attempted"
    assert "do not hold" in answer.message
