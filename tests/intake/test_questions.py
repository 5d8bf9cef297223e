"""What looks right and may be a grave mistake is asked about, and only then."""

import pytest

from crmlib.intake import take_in
from crmlib.words.forms import MINUS

ROWS = [(n, f"c{n % 37}", 100.0 + n) for n in range(1, 101)]


def asked(make_client, tmp_path, rows=ROWS, settings="", **tables):
    orders = "order_id,customer_id,ordered_at,amount\n" + "".join(f"{i},{c},2025-01-01,{a}\n" for i, c, a in rows)
    client = make_client(settings, orders=orders, **tables)
    return take_in(client, tmp_path / "w").account["tables"]["orders"]["questions"]


def test_plain_orders_raise_no_question(make_client, tmp_path):
    assert asked(make_client, tmp_path) == []


def test_negative_orders_may_be_credit_notes(make_client, tmp_path):
    (question,) = asked(make_client, tmp_path, [*ROWS, (101, "c1", -50.25), (102, "c2", -10)])
    assert question.startswith(f"orders: 2 of 102 orders have a negative amount, {MINUS}60.25 together")


def test_prices_in_cents_are_asked_about_and_not_where_the_currency_has_none(make_client, tmp_path):
    cents = [(n, f"c{n % 37}", (999, 1999, 9900, 450)[n % 4]) for n in range(100)]
    (question,) = asked(make_client, tmp_path, cents)
    assert "all 100 amounts are whole numbers" in question
    assert "times: 0.01" in question
    yen = asked(make_client, tmp_path, cents, settings="currency: JPY\n", folder="yen")
    assert yen == []


def test_whole_amounts_without_price_endings_are_no_cents(make_client, tmp_path):
    whole = [(n, f"c{n % 37}", 1000 + 7 * n) for n in range(100)]
    assert asked(make_client, tmp_path, whole) == []


def test_one_id_at_many_orders_may_stand_for_guests(make_client, tmp_path):
    rows = [(n, "walk-in" if n % 3 == 0 else f"c{n % 37}", 100.5 + n) for n in range(1, 101)]
    (question,) = asked(make_client, tmp_path, rows)
    assert question.startswith("orders: one customer_id stands at 33 of 100 orders")


@pytest.mark.parametrize(("prefix", "hint"), [("000", True), ("x-", False)])
def test_ids_of_another_system_are_asked_about_with_a_hint_where_only_zeros_differ(make_client, tmp_path, prefix, hint):
    numbered = [(n, f"{n % 37 + 1}", 100.5 + n) for n in range(1, 101)]
    known = "".join(f"{prefix}{n if hint else 'abcdefghij'[n % 10] * (n // 10 + 1)}\n" for n in range(1, 38))
    (question,) = asked(make_client, tmp_path, numbered, customers="customer_id\n" + known)
    assert question.startswith("orders: 100 of 100 values of customer_id are not in customers")
    assert ("Without zeros and letters before them, many agree, and joins compares them so" in question) == hint


def test_what_is_confirmed_is_not_asked_again(make_client, tmp_path):
    settings = "tables: {orders: {from: orders.csv, confirmed: true}}\n"
    assert asked(make_client, tmp_path, [*ROWS, (101, "c1", -50)], settings=settings) == []
