"""What only several rows together show, on hand-made cases and on any data."""

import math

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.client import load_client
from crmlib.intake import take_in
from tests.conftest import write_client

HEAD = "no,customer,product,day,pieces,price\n"
CANCELLING = """\
max_set_aside: 1
tables:
  orders:
    from: a.csv
    columns:
      order_id: no
      customer_id: customer
      ordered_at: day
      amount: {product: [pieces, price]}
    one_row_per: order_id
    adds_up: amount
    cancellations: {where: {no: "C*"}, match: [customer, product], quantity: pieces}
"""


def cancelled(make_client, tmp_path, lines, settings=CANCELLING):
    """Account and rows of orders, from lines such as ``1 a x 2025-01-05 3 10``."""
    export = HEAD + "".join(line.strip().replace(" ", ",") + "\n" for line in lines.strip().split("\n"))
    workspace = take_in(make_client(settings, a=export), tmp_path / "w")
    found = workspace.table("orders").to_pandas().set_index("order_id")
    return workspace.account["tables"]["orders"], found


def refunds(found) -> dict[str, float]:
    return {key: value for key, value in found.refunded_amount.items() if value and not math.isnan(value)}


CASES = {
    "a full cancellation refunds the order": (
        "1 a x 2025-01-01 3 10\nC1 a x 2025-01-02 -3 10",
        {"1": 30.0},
        {"1": "refunded"},
    ),
    "a part of it leaves the order paid": (
        "1 a x 2025-01-01 3 10\nC1 a x 2025-01-02 -1 10",
        {"1": 10.0},
        {"1": "paid"},
    ),
    "two cancellations of one purchase add up": (
        "1 a x 2025-01-01 3 10\nC1 a x 2025-01-02 -1 10\nC2 a x 2025-01-03 -2 10",
        {"1": 30.0},
        {"1": "refunded"},
    ),
    "the latest earlier purchase that has enough is taken": (
        "1 a x 2025-01-01 5 10\n2 a x 2025-01-02 2 10\n3 a x 2025-01-04 5 10\nC1 a x 2025-01-03 -4 10",
        {"1": 40.0},
        {"1": "paid", "2": "paid", "3": "paid"},
    ),
    "several purchases together are taken back, the latest first": (
        "1 a x 2025-01-01 3 10\n2 a x 2025-01-02 2 10\nC1 a x 2025-01-03 -4 10",
        {"1": 20.0, "2": 20.0},
        {"1": "paid", "2": "refunded"},
    ),
    "another line of the order is not taken back": (
        "1 a x 2025-01-01 3 10\n1 a y 2025-01-01 1 5\nC1 a x 2025-01-02 -3 10",
        {"1": 30.0},
        {"1": "paid"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_cancellation_is_counted_in_its_order(make_client, tmp_path, case):
    lines, expected, status = CASES[case]
    account, found = cancelled(make_client, tmp_path, lines)
    assert refunds(found) == expected
    assert found.status.to_dict() == status
    count = lines.count("C")
    assert (account["cancellations"]["rows"], account["cancellations"]["matched"]) == (count, count)
    assert account["cancellations"]["matched_amount"] == sum(expected.values())
    assert account["quarantined"] == 0


UNMATCHED = {
    "more than was bought": "1 a x 2025-01-01 3 10\nC1 a x 2025-01-02 -4 10",
    "more than is left": "1 a x 2025-01-01 3 10\nC0 a x 2025-01-02 -3 10\nC1 a x 2025-01-02 -1 10",
    "of somebody else": "1 a x 2025-01-01 3 10\nC1 b x 2025-01-02 -3 10",
    "of another product": "1 a x 2025-01-01 3 10\nC1 a y 2025-01-02 -3 10",
    "before the purchase": "1 a x 2025-01-02 3 10\nC1 a x 2025-01-01 -3 10",
    "of nobody": "1  x 2025-01-01 3 10\nC1  x 2025-01-02 -3 10",
    "of pieces that cannot be read": "1 a x 2025-01-01 3 10\nC1 a x 2025-01-02  10",
}


@pytest.mark.parametrize("case", UNMATCHED)
def test_a_cancellation_without_its_order_is_quarantined_and_takes_nothing_back(make_client, tmp_path, case):
    settings = CANCELLING
    if case == "of pieces that cannot be read":  # the amount is known by itself
        settings = CANCELLING.replace("{product: [pieces, price]}", "price")
    lines = UNMATCHED[case] if settings == CANCELLING else UNMATCHED[case].replace("  10", "  -10")
    account, found = cancelled(make_client, tmp_path, lines, settings)
    assert account["reasons"] == {"cancellation whose order is not in the data": 1}
    assert "1" in found.index
    assert not {key for key in found.index if key.startswith("C")}
    assert sum(refunds(found).values()) == (30.0 if "left" in case else 0.0)


def test_without_pieces_amounts_are_matched(make_client, tmp_path):
    settings = CANCELLING.replace(", quantity: pieces", "")
    lines = "1 a x 2025-01-01 3 10\n2 a x 2025-01-02 1 5\nC1 a x 2025-01-03 -2 10\nC2 a x 2025-01-03 -2 10"
    account, found = cancelled(make_client, tmp_path, lines, settings)
    assert refunds(found) == {"1": 20.0}
    assert (account["cancellations"]["rows"], account["cancellations"]["matched"]) == (2, 1)
    assert account["cancellations"]["amount"] == 40.0


def test_orders_with_one_line_each_need_no_one_row_per_and_repeat_no_key_by_being_cancelled(make_client, tmp_path):
    settings = CANCELLING.replace("    one_row_per: order_id\n    adds_up: amount\n", "").replace(
        'where: {no: "C*"}', 'where: {pieces: "-*"}'
    )
    lines = "1 a x 2025-01-01 3 10\n1 a x 2025-01-02 -3 10\n2 a y 2025-01-01 1 5\n2 a y 2025-01-01 1 5"
    account, found = cancelled(make_client, tmp_path, lines, settings)
    assert found.amount.to_dict() == {"1": 30.0, "2": 5.0}
    assert found.status.to_dict() == {"1": "refunded", "2": "paid"}
    assert account["reasons"] == {"exact duplicate of an earlier row": 1}


def test_a_cancellation_with_a_positive_amount_is_said_and_refunds_nothing(make_client, tmp_path):
    account, found = cancelled(make_client, tmp_path, "1 a x 2025-01-01 3 10\nC1 a x 2025-01-02 3 10")
    assert account["reasons"] == {"a cancellation whose amount is not negative": 1}
    assert refunds(found) == {}


def test_a_negative_quantity_that_nothing_marks_is_quarantined_unless_switched_off(make_client, tmp_path):
    lines = "1 a x 2025-01-01 3 10\n2 a x 2025-01-02 -2 10"
    account, found = cancelled(make_client, tmp_path, lines)
    assert account["reasons"] == {"a negative quantity that nothing marks as a cancellation": 1}
    assert account["sums"]["amount"] == {"read": 10.0, "accepted": 30.0, "quarantined": -20.0}
    account, found = cancelled(make_client, tmp_path, lines, CANCELLING + "    repairs: {negative_quantities: false}\n")
    assert found.amount.to_dict() == {"1": 30.0, "2": -20.0}


def test_a_source_without_cancellations_beside_one_with_them_keeps_its_rows(make_client, tmp_path):
    settings = (
        CANCELLING.replace("    from: a.csv", "  - from: a.csv")
        .replace("\n    ", "\n      ")
        .replace("  orders:\n    - from", "  orders:\n    - from")
    )
    settings = settings.replace("  - from", "    - from", 1) if "    - from" not in settings else settings
    settings += "    - {from: b.csv}\n"
    export = HEAD + "1,a,x,2025-01-01,3,10\nC1,a,x,2025-01-02,-3,10\n"
    other = "order_id,ordered_at,amount\n7,2025-01-01,70\n7,2025-01-01,70\n8,2025-01-01,80\n"
    workspace = take_in(make_client(settings, a=export, b=other), tmp_path / "w")
    found = workspace.table("orders").to_pandas().set_index("order_id")
    assert found.amount.to_dict() == {"1": 30.0, "7": 70.0, "8": 80.0}
    assert refunds(found) == {"1": 30.0}
    assert workspace.account["tables"]["orders"]["reasons"] == {"exact duplicate of an earlier row": 1}


def test_a_test_customers_cancellation_takes_nothing_from_anybody_elses_order(make_client, tmp_path):
    settings = CANCELLING.replace("match: [customer, product]", "match: [product]") + "  customers: {from: c.csv}\n"
    export = HEAD + "1,a,x,2025-01-01,3,10\nC1,t,x,2025-01-02,-3,10\n2,t,x,2024-12-31,3,10\n"
    client = make_client(settings, a=export, c="customer_id,is_test\na,no\nt,yes\n")
    workspace = take_in(client, tmp_path / "w")
    found = workspace.table("orders").to_pandas().set_index("order_id")
    assert found.amount.to_dict() == {"1": 30.0}
    assert refunds(found) == {}
    account = workspace.account["tables"]["orders"]
    assert account["reasons"] == {"test customer": 2}
    assert account["cancellations"]["rows"] == 0


# One row per


def test_rows_of_one_order_become_one_and_what_differs_is_stated_with_counts(make_client, tmp_path):
    settings = """\
tables:
  orders:
    from: a.csv
    one_row_per: order_id
    adds_up: [amount, discount]
    duplicates: keep
"""
    export = """
        order_id,ordered_at,amount,discount,store,channel
        1,2025-01-03 10:00,5,,,web
        1,2025-01-01 09:00,7,1,Ulm,web
        1,2025-01-02 08:00,0.1,0.2,Bonn,web
        2,2025-01-05,1,,Ulm,
        2,2025-01-05,1,,Ulm,
    """
    workspace = take_in(make_client(settings, a=export), tmp_path / "w")
    found = workspace.table("orders").to_pandas().set_index("order_id")
    assert found.amount.to_dict() == {"1": 12.1, "2": 2.0}
    assert found.discount.fillna(0).to_dict() == {"1": 1.2, "2": 0.0}
    assert found.store.to_dict() == {"1": "Ulm", "2": "Ulm"}
    assert found.ordered_at["1"] == pd.Timestamp("2025-01-01 09:00")
    account = workspace.account["tables"]["orders"]
    assert (account["read"], account["rows"]) == (5, 2)
    assert [said for said in account["decisions"] if "differs" in said] == [
        "ordered_at differs between the rows of 1 order_id: the earliest is taken",
        "store differs between the rows of 1 order_id: the first that is filled is taken",
    ]


# Duplicates, goods, test customers

LINES = "order_id,product_id,quantity,amount\n1,p,1,5\n1,p,1,5\n1,p,1,5\n1,P ,1,5\n2,POST,1,3\n2,q,1,2\n"


@pytest.mark.parametrize(("action", "out", "asked"), [("drop", 4, 0), ("keep", 6, 0), ("ask", 6, 2)])
def test_exact_duplicates_are_dropped_kept_or_asked_about(make_client, tmp_path, action, out, asked):
    settings = f"""\
tables:
  order_lines: {{from: lines.csv, duplicates: {action}}}
  orders: {{from: orders.csv}}
"""
    orders = "order_id,ordered_at,amount\n1,2025-01-01,10\n2,2025-01-01,10\n"
    account = take_in(make_client(settings, lines=LINES, orders=orders), tmp_path / "w").account["tables"][
        "order_lines"
    ]
    assert account["rows"] == out
    assert account.get("exact_duplicates", 0) == asked
    assert account["reasons"] == ({"exact duplicate of an earlier row": 2} if action == "drop" else {})
    assert len(account["questions"]) == (1 if asked else 0)


def test_sources_that_drop_and_sources_that_ask_are_each_taken_at_their_word(make_client, tmp_path):
    settings = """\
tables:
  order_lines:
    - {from: a.csv, duplicates: drop}
    - {from: b.csv}
  orders: {from: orders.csv}
"""
    orders = "order_id,ordered_at,amount\n1,2025-01-01,10\n2,2025-01-01,10\n"
    client = make_client(settings, a=LINES, b=LINES.replace("p,", "r,"), orders=orders)
    account = take_in(client, tmp_path / "w").account["tables"]["order_lines"]
    assert account["by_file"]["a.csv"]["quarantined"] == 2
    assert account["by_file"]["b.csv"]["quarantined"] == 0
    assert account["questions"][0].startswith("b.csv: 2 rows repeat an earlier row")


def test_a_key_that_comes_again_is_a_duplicate_if_all_else_is_the_same_and_a_conflict_otherwise(make_client, tmp_path):
    export = (
        "order_id,ordered_at,amount,discount\n1,2025-01-01,5,\n1,2025-01-01,5,\n1,2025-01-01,6,\n2,2025-01-01,1,x\n"
    )
    export += "2,2025-01-01,1,\n"
    client = make_client("max_set_aside: 1\n", orders=export)
    workspace = take_in(client, tmp_path / "w")
    account = workspace.account["tables"]["orders"]
    assert account["reasons"] == {"duplicate order_id": 2, "exact duplicate of an earlier row": 1}
    assert workspace.table("orders").to_pandas().amount.sort_values().tolist() == [1.0, 5.0]


def test_what_is_no_product_is_left_out_of_the_lines_whatever_its_case(make_client, tmp_path):
    settings = """\
tables:
  order_lines: {from: lines.csv, not_products: [post, Q], duplicates: keep}
  orders: {from: orders.csv}
"""
    orders = "order_id,ordered_at,amount\n1,2025-01-01,10\n2,2025-01-01,10\n"
    account = take_in(make_client(settings, lines=LINES, orders=orders), tmp_path / "w").account["tables"][
        "order_lines"
    ]
    assert account["reasons"] == {"left out: not a product": 2}
    assert account["sums"]["amount"] == {"read": 25.0, "accepted": 20.0, "quarantined": 5.0}


def test_everything_of_a_test_customer_goes_down_to_lines_and_stages(make_client, tmp_path):
    client = make_client(
        "max_set_aside: 1\n",
        customers="customer_id,is_test\na,0\nt,1\n",
        orders="order_id,customer_id,ordered_at,amount\n1,a,2025-01-01,1\n2,t,2025-01-01,2\n",
        order_lines="order_id,product_id,quantity,amount\n1,p,1,1\n2,p,1,2\n",
        leads="lead_id,customer_id,created_at\nL1,t,2025-01-01\nL2,,2025-01-01\n",
        lead_stages="lead_id,stage,entered_at\nL1,new,2025-01-01\nL2,new,2025-01-01\n",
        tickets="ticket_id,customer_id,opened_at\n1,t,2025-01-01\n2,,2025-01-01\n",
        touches="customer_id,touched_at,channel,kind\na,2025-01-01,e,sent\nt,2025-01-01,e,sent\n",
    )
    accounts = take_in(client, tmp_path / "w").account["tables"]
    assert {name: (one["rows"], one["reasons"]) for name, one in accounts.items()} == dict.fromkeys(
        accounts, (1, {"test customer": 1})
    )
    assert len(accounts) == 7


# Whatever the data

PURCHASES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(1, 9), st.integers(-6, 6), st.integers(1, 5)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PURCHASES)
def test_nobody_gets_back_more_than_was_bought_and_the_sums_account_for_every_amount(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("any")
    price = {"x": 10, "y": 7}
    lines = [
        f"{'C' if pieces < 0 else ''}{order},{who},{what},2025-01-0{day},{pieces},{price[what]}"
        for who, what, day, pieces, order in drawn
    ]
    export = HEAD + "\n".join([*lines, "99,z,x,2025-01-01,1,10", ""])
    client = load_client(write_client(folder, CANCELLING + "    duplicates: keep\n", a=export.encode()))
    workspace = take_in(client, folder / "w")
    found = workspace.table("orders").to_pandas()
    account = workspace.account["tables"]["orders"]
    back = found.refunded_amount.fillna(0)
    assert (back <= found.amount + 1e-9).all()
    assert (back >= 0).all()
    read = sum(pieces * price[what] for _, what, _, pieces, _ in drawn) + 10
    told = account["cancellations"]
    unmatched = told["amount"] - told["matched_amount"]
    assert found.amount.sum() - back.sum() - unmatched == pytest.approx(read)
    assert told["matched_amount"] == pytest.approx(back.sum())
    assert account["sums"]["amount"]["read"] == pytest.approx(read)
    assert account["sums"]["amount"]["quarantined"] == pytest.approx(-unmatched)
    assert told["rows"] == sum(pieces < 0 for *_, pieces, _ in drawn)
    assert found.status.eq("refunded").tolist() == ((back > 0) & (back >= found.amount - 0.005)).tolist()


CELLS = {
    "amount": ["1", "2.5", "-3", "1,200.50", "abc", "", "-", "1e3", " 7 ", "¥8"],
    "discount": ["", "1", "x", "-2", "0"],
    "day": ["2025-01-01", "2025-02-30", "", "2025-03-04 10:00", "1970-01-01"],
    "status": ["paid", "open", "PAID", "shipped", ""],
}
ROWS = st.lists(
    st.tuples(
        st.integers(1, 6),
        *(st.sampled_from(CELLS[name]) for name in ("amount", "discount", "day", "status")),
        st.sampled_from(["", "extra,cells", "t"]),
    ),
    max_size=15,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, ROWS, st.sampled_from(["", "one_row_per: order_id, adds_up: amount, duplicates: drop"]))
def test_read_is_accepted_repaired_and_quarantined_for_rows_and_for_sums_whatever_the_sources(
    tmp_path_factory, left, right, together
):
    folder = tmp_path_factory.mktemp("dirty")

    def lines(rows):
        return "".join(f'{n},"{a}",{d},{t},{s},{x}\n' for n, a, d, t, s, x in rows)

    head = "order_id,amount,discount,ordered_at,status,kind\n"
    other = head.replace("order_id", "No").replace("amount", "Total").replace("kind", "Sort")
    columns = "columns: {order_id: {text: 'B{No}'}, amount: {product: [Total]}}, leave_out: {Sort: t}"
    settings = f"""\
max_set_aside: 1
tables:
  orders:
    - {{from: a.csv, leave_out: {{kind: t}}, decimal: "."{", " + together if together else ""}}}
    - {{from: b.csv, {columns}, decimal: "."{", " + together if together else ""}}}
"""
    good = [(9, "5", "", "2025-01-01", "paid", "")]
    client = load_client(
        write_client(folder, settings, a=(head + lines(left + good)).encode(), b=(other + lines(right + good)).encode())
    )
    workspace = take_in(client, folder / "w")
    account = workspace.account["tables"]["orders"]
    assert account["read"] == len(left) + len(right) + 2
    for one in [account, *account["by_file"].values()]:
        assert one["read"] == one["accepted"] + one["repaired"] + one["quarantined"]
    assert {file: one["read"] for file, one in account["by_file"].items()} == {
        "a.csv": len(left) + 1,
        "b.csv": len(right) + 1,
    }
    assert sum(account["reasons"].values()) == account["quarantined"]
    for sums in account["sums"].values():
        assert sums["read"] == pytest.approx(sums["accepted"] + sums["quarantined"])
    found = workspace.table("orders").to_pandas()
    assert found.amount.sum() == pytest.approx(account["sums"]["amount"]["accepted"])
    worth = {"1": 1, "2.5": 2.5, "-3": -3, "1,200.50": 1200.5, "1e3": 1000, " 7 ": 7, "¥8": 8}
    whole = [a for _, a, _, _, _, x in left + right if x != "extra,cells"]
    assert account["sums"]["amount"]["read"] == pytest.approx(sum(worth.get(a, 0) for a in whole) + 10)
    quarantined = sum(len(pd.read_csv(file, dtype=str)) for file in (folder / "quarantine").rglob("*.csv"))
    assert quarantined == account["quarantined"]
