"""The checks of the practice notebook on retention: right is right, usual mistakes are named, junk is survived."""

import numpy as np
import pandas as pd
import pytest

from crmlib.course import retention as check
from crmlib.lifecycle import retention

AS_OF = "2025-06-30"
JUNK = [None, ..., "", "a third", [], {}, object(), np.array([1, 2]), pd.DataFrame(), float("nan"), 10**400, pd.NA]


@pytest.fixture(scope="module")
def orders():
    """Eighty customers, ten each week; those of even number return, the later the higher the number."""
    rows = []
    for n in range(80):
        first = pd.Timestamp("2025-01-03") + pd.Timedelta(weeks=2 * (n // 8))
        rows.append((str(n), first, 20.0 + n))
        if n % 2 == 0:
            rows.append((str(n), first + pd.Timedelta(days=5 + n), 10.0 + n))
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(order_id=[str(n) for n in range(len(frame))])


@pytest.fixture(scope="module")
def returns(orders):
    return retention.second_orders(orders, as_of=AS_OF, by="amount")


def all_checks(answer, orders):
    return [
        check.check_pooled_retention(answer, orders, as_of=AS_OF, age=2),
        check.check_repeat_rate(answer, orders, as_of=AS_OF),
        check.check_returned_by(answer, orders, as_of=AS_OF),
        check.check_survival(answer, alpha=0.668, beta=3.806, renewals=12),
        check.check_one_point(answer, orders, as_of=AS_OF, margin=0.5),
    ]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_nothing_raises_and_junk_is_never_right(junk, orders):
    for answer in all_checks(junk, orders):
        blank = junk is None or junk is ... or (isinstance(junk, str) and junk == "")
        assert answer.verdict == ("not attempted" if blank else "not yet")


def test_pooled_retention(orders):
    cohorts = retention.cohorts(orders, as_of=AS_OF)
    two = cohorts[cohorts.age == 2]
    right = two.customers.sum() / two.cohort_customers.sum()

    def judge(answer):
        return check.check_pooled_retention(answer, orders, as_of=AS_OF, age=2)

    assert judge(right).verdict == "right"
    assert judge(round(right, 4)).verdict == "right"
    zeros = two.customers.sum() / cohorts[cohorts.age == 0].cohort_customers.sum()
    assert "not observed" in judge(zeros).message or zeros == right
    assert "percentages" in judge(two.retention.mean()).message
    assert "100 times" in judge(100 * right).message
    assert "sum of their customers" in judge(0.987).message


def test_repeat_rate(orders, returns):
    followed = returns[returns.followed_days >= 60]
    quick = returns.returned & (returns.days <= 60)

    def judge(answer):
        return check.check_repeat_rate(answer, orders, as_of=AS_OF, within=60)

    assert judge(quick[followed.index].mean()).verdict == "right"
    assert "have not been followed" in judge(quick.mean()).message
    assert "after more than 60 days" in judge(followed.returned.mean()).message
    assert "did not return" in judge(1 - quick[followed.index].mean()).message


def test_returned_by(orders, returns):
    curve = retention.return_curves(returns, by=None, least_at_risk=1)
    right = curve[curve.day <= 30].share.iloc[-1]
    assert check.check_returned_by(right, orders, as_of=AS_OF).verdict == "right"
    assert check.check_returned_by(round(right, 3), orders, as_of=AS_OF).verdict == "right"
    assert "still waiting" in check.check_returned_by(1 - right, orders, as_of=AS_OF).message


def test_survival():
    def judge(answer):
        return check.check_survival(answer, alpha=0.668, beta=3.806, renewals=12)

    assert judge(0.378).verdict == "right"
    assert "alike" in judge((3.806 / 4.474) ** 12).message
    assert "share renewed at renewal 12" in judge(14.806 / 15.474).message
    assert judge(0.3948).message == "One renewal too few."


def test_a_rate_rounded_to_three_digits_is_right_and_a_typical_mistake_as_near_is_still_named():
    expected, mistake = 0.03348, 0.03371

    def judge(answer):
        return check._judge(answer, expected, hint="Think.", mistakes={"A mistake.": mistake})

    assert judge(0.033).verdict == "right"
    assert judge(expected).verdict == "right"
    assert judge(mistake).message == "A mistake."
    assert judge(0.0345).message == "Think."
    assert "100 times" in judge(3.3).message


def test_a_rounded_answer_is_right_where_it_happens_to_equal_a_mistake():
    assert check._judge(0.033, 0.0333, hint="", mistakes={"A mistake.": 0.033}).verdict == "right"


def test_one_point(orders):
    worth = retention.value_of_second_orders(orders, as_of=AS_OF, margin=0.5).iloc[0]

    def judge(answer):
        return check.check_one_point(answer, orders, as_of=AS_OF, margin=0.5)

    assert judge(worth.one_point).verdict == "right"
    assert "100 times" in judge(100 * worth.one_point).message or "hundredth" in judge(100 * worth.one_point).message
    assert "revenue" in judge(2 * worth.one_point).message
    assert "How many" in judge(worth.value).message


def test_data_that_are_too_short_are_not_the_trainee_s_fault(orders):
    few = orders[:3]
    assert check.check_pooled_retention(0.3, few, as_of="2025-01-20").verdict == "not attempted"
    assert check.check_repeat_rate(0.3, few, as_of="2025-01-20").verdict == "not attempted"
    assert check.check_one_point(3.0, few, as_of="2025-01-20").verdict == "not attempted"
