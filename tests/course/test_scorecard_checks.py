"""The checks of chapter 13: right answers, the usual mistakes by name, blanks and junk."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from crmlib.course import scorecard as check
from crmlib.engine import to_pandas
from crmlib.lifecycle import scorecard

AS_OF = "2025-12-31"
CHECKS = [
    check.check_order_value, check.check_churn_of_the_year, check.check_upper_limit, check.check_formula,
    check.check_last_observed, check.check_contribution,
]  # fmt: skip


@pytest.fixture(scope="module")
def orders():
    rng = np.random.default_rng(4)
    count = 1500
    days = np.sort(rng.integers(0, 731, count))
    days[0] = 0
    return pd.DataFrame(
        {
            "order_id": [str(i) for i in range(count)],
            "customer_id": [f"c{int(days[i]) // 4 + rng.integers(60)}" if i % 9 else None for i in range(count)],
            "ordered_at": [dt.datetime(2024, 1, 1) + dt.timedelta(days=int(d)) for d in days],
            "amount": rng.gamma(2, 40, count).round(2) + days / 20,
        }
    )


@pytest.fixture(scope="module")
def measures(orders):
    return to_pandas(scorecard.order_measures(orders, as_of=AS_OF))


@pytest.mark.parametrize("judge", CHECKS, ids=lambda judge: judge.__name__)
def test_a_blank_is_not_attempted_and_junk_is_not_yet(judge, orders):
    for blank in (..., None, ""):
        assert judge(blank, None, as_of=AS_OF).verdict == "not attempted"
    for junk in (pd.DataFrame({"a": [1]}), "seven"):
        assert judge(junk, orders, as_of=AS_OF).verdict == "not yet"


@pytest.mark.parametrize("judge", CHECKS, ids=lambda judge: judge.__name__)
def test_data_that_are_too_short_are_said_to_be_so(judge, orders):
    answer = "returning_customers / buyers" if judge is check.check_formula else 1.0
    said = judge(answer, orders.head(3), as_of="2024-01-05")
    assert (said.verdict, said.message) == ("not attempted", "These data are too short for this exercise.")


def test_order_value(orders, measures):
    last = measures.iloc[-1]
    assert check.check_order_value(round(last["revenue"] / last["orders"], 2), orders, as_of=AS_OF).verdict == "right"
    assert "per buyer" in check.check_order_value(last["revenue"] / last["buyers"], orders, as_of=AS_OF).message
    guests_out = (last["revenue"] - last["guest_revenue"]) / last["orders"]
    assert "guests" in check.check_order_value(guests_out, orders, as_of=AS_OF).message


def test_churn_of_the_year(orders, measures):
    year = measures.tail(12)
    right = year["lapsed"].sum() / year["active_at_start"].sum()
    assert check.check_churn_of_the_year(right, orders, as_of=AS_OF).verdict == "right"
    wrong = (year["lapsed"] / year["active_at_start"]).mean()
    assert "mean of the rates" in check.check_churn_of_the_year(wrong, orders, as_of=AS_OF).message
    for rounded in (round(right, 3), right + 4e-4):
        assert check.check_churn_of_the_year(rounded, orders, as_of=AS_OF).verdict == "right"
    assert check.check_churn_of_the_year(right + 7e-4, orders, as_of=AS_OF).verdict == "not yet"
    assert "retention" in check.check_churn_of_the_year(1 - right, orders, as_of=AS_OF).message
    assert "100 times" in check.check_churn_of_the_year(100 * right, orders, as_of=AS_OF).message


def test_upper_limit(orders, measures):
    values = measures["revenue"] / measures["orders"]
    history = values.iloc[:-1]
    mean, change = history.mean(), history.diff().abs().mean()
    said = {
        mean + 2.66 * change: "",
        mean - 2.66 * change: "lower limit",
        mean + 3 * history.std(): "three standard deviations",
        values.mean() + 2.66 * values.diff().abs().mean(): "leave the last one out",
    }
    for answer, part in said.items():
        found = check.check_upper_limit(answer, orders, as_of=AS_OF)
        assert part in found.message
        assert (found.verdict == "right") == (not part)


def test_formula(orders):
    for answer in ("returning_customers / buyers", "1 - new_customers / buyers"):
        assert check.check_formula(answer, orders, as_of=AS_OF).verdict == "right"
    assert "were new" in check.check_formula("new_customers / buyers", orders, as_of=AS_OF).message
    assert "looks ahead" in check.check_formula("buyers_again / buyers", orders, as_of=AS_OF).message
    assert "did you mean 'buyers'" in check.check_formula("new_customers / buyer", orders, as_of=AS_OF).message
    assert "only measures, numbers" in check.check_formula("open('x').read()", orders, as_of=AS_OF).message


def test_last_observed(orders):
    # September's last buyers have been followed for 92 days at the end of December, October's for 61.
    for answer in ("2025-09", pd.Timestamp("2025-09-01"), pd.Period("2025-09", "M")):
        assert check.check_last_observed(answer, orders, as_of=AS_OF).verdict == "right"
    assert "not had the time" in check.check_last_observed("2025-12-01", orders, as_of=AS_OF).message
    for format_ in ("September", "01.09.2025", "2025-09-30", 9):
        said = check.check_last_observed(format_, orders, as_of=AS_OF).message
        assert said == "Answer with the month's first day, such as 2025-03-01."
    assert "followed for 90 days" in check.check_last_observed("2025-10-01", orders, as_of=AS_OF).message


def test_contribution(orders):
    node = scorecard.driver_tree(orders, as_of=AS_OF).set_index("driver")
    factors = node.loc[["customers", "orders_per_customer", "order_value"], ["before", "after"]]
    before, after = factors["before"].prod(), factors["after"].prod()
    value = node.loc["order_value"]
    weight = scorecard.logarithmic_mean(after, before)
    right = weight * math.log(value["after"] / value["before"])
    assert check.check_contribution(right, orders, as_of=AS_OF).verdict == "right"
    first = value["change"] * before / value["before"]
    assert "order value first" in check.check_contribution(first, orders, as_of=AS_OF).message
    assert "sign" in check.check_contribution(-right, orders, as_of=AS_OF).message
