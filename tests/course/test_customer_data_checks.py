"""The checks of chapter 01: right on any data, helpful when wrong, and never an error."""

import math

import pandas as pd
import pytest

from crmlib.course import customer_data as check

AS_OF = "2025-12-31"
COUNTS = {"by_rule": 0, "rows": 90}
ACCOUNT = {
    "tables": {"orders": {"read": 200, "accepted": 120, "repaired": 60, "quarantined": 20, **COUNTS}},
    "quality": {
        "coverage": {
            "orders": {"first": "2025-01-01", "last": "2025-12-31", "months": {"2025-01": 3650}},
            "tickets": {"first": "2025-01-01", "last": "2025-12-31", "months": {"2025-01": 365}},
            "spend": {"first": "2025-01-01", "last": "2025-12-31", "months": {"2025-01": 12}},
        }
    },
}
PEOPLE = pd.DataFrame(
    [("p1", "a@example.com", "13700010001"), ("p2", "A@example.com ", ""), ("p3", "", "13700010009")],
    columns=["customer_id", "email", "phone"],
)
CUSTOMERS = pd.DataFrame(
    {"customer_id": ["a", "b", "c"], "consent_sms": pd.array([True, False, None], dtype="boolean")}
)
SPENT = {"a": 100.0, "b": 60.0, "c": 30.0}


@pytest.fixture(scope="module")
def orders():
    """Three customers, and a guest with two orders of 10 together."""
    rows = [*SPENT.items(), (None, 4.0), (None, 6.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "amount"])
    return frame.assign(ordered_at=pd.Timestamp("2025-05-01"), order_id=[str(n) for n in range(5)])


def judged(answer, orders):
    return [
        check.check_usable_share(answer, ACCOUNT),
        check.check_amounts(answer),
        check.check_without_customer(answer, orders, as_of=AS_OF),
        check.check_reach(answer, CUSTOMERS, orders, as_of=AS_OF),
        check.check_pairs(answer, PEOPLE),
        check.check_shortest_gap(answer, ACCOUNT),
    ]


JUNK = ["text", [], object(), float("nan"), pd.DataFrame({"x": [1]}), 10**400]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_junk_is_not_yet_right_and_no_error(junk, orders):
    for answer in judged(junk, orders):
        assert answer.verdict == "not yet"
        assert answer.message


def test_a_blank_is_not_attempted(orders):
    assert {answer.verdict for answer in judged(..., orders)} == {"not attempted"}


@pytest.mark.parametrize(
    ("answer", "hint"),
    [(0.9, ""), (180, "divide by all rows"), (0.1, "quarantined"), (0.6, "Repaired rows"), (1.0, "Add up")],
)
def test_what_can_be_used_is_accepted_and_repaired(answer, hint):
    judgement = check.check_usable_share(answer, ACCOUNT)
    assert (judgement.verdict == "right") == (hint == "")
    assert hint in judgement.message


def test_a_handful_of_quarantined_rows_in_very_many_is_not_rounded_away():
    many = {"read": 100_000, "accepted": 99_990, "repaired": 0, "quarantined": 10, **COUNTS}
    assert check.check_usable_share(0.9999, {"tables": {"orders": many}}).verdict == "right"
    assert check.check_usable_share(1.0, {"tables": {"orders": many}}).verdict == "not yet"


def test_amounts_are_read_as_their_systems_mean_them():
    assert check.check_amounts([1299.5, -20, 80, 1250]).verdict == "right"
    assert "comma parts the thousands" in check.check_amounts([1.2995, -20, 80, 1250]).message
    assert "comma stands before the fraction" in check.check_amounts([1299.5, -20, 80, 125000]).message
    assert "four numbers" in check.check_amounts(5).message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.05, ""),
        (10.0, "This is the money"),
        (0.95, "has a customer"),
        (0.4, "of the orders"),
        (5 / 95, "all revenue"),
    ],
)
def test_revenue_without_a_customer(answer, hint, orders):
    judgement = check.check_without_customer(answer, orders, as_of=AS_OF)
    assert (judgement.verdict == "right") == (hint == "")
    assert hint in judgement.message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (50 / 95, ""),
        (0.526, ""),
        (65 / 95, "Unknown counts as no"),
        (50 / 80, "leave them in the whole"),
        (1 / 3, "share of the buyers"),
        (100.0, "This is the money"),
        (0.2, "whose answer is 'yes'"),
    ],
)
def test_who_may_get_a_text_message(answer, hint, orders):
    judgement = check.check_reach(answer, CUSTOMERS, orders, as_of=AS_OF)
    assert (judgement.verdict == "right") == (hint == "")
    assert hint in judgement.message


def test_without_consent_in_the_data_there_is_nothing_to_answer(orders):
    assert check.check_reach(0.5, None, orders, as_of=AS_OF).verdict == "not attempted"


def test_pairs_are_right_in_any_order_and_a_wrong_one_is_asked_about():
    assert check.check_pairs([("p2", "p1")], PEOPLE).verdict == "right"
    assert check.check_pairs([("p1", "p2"), ("p1", "p3")], PEOPLE).message.startswith("p1 and p3: what do they share")
    assert "pairs of ids" in check.check_pairs([("p1", "p2", "p3")], PEOPLE).message


def test_the_shortest_gap_is_the_first_day_on_which_chance_gives_up():
    expected = math.ceil(math.log(365 / 0.001))
    assert 365 * math.exp(-expected) < 0.001 <= 365 * math.exp(-(expected - 1))
    assert check.sparsest_table(ACCOUNT) == "tickets"
    assert check.check_shortest_gap(expected, ACCOUNT, table="tickets").verdict == "right"
    assert "round up" in check.check_shortest_gap(expected - 1, ACCOUNT, table="tickets").message
    assert "multiply the chance" in check.check_shortest_gap(7, ACCOUNT, table="tickets").message
    assert check.check_shortest_gap(3, ACCOUNT, table="surveys").verdict == "not attempted"
