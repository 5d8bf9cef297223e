"""Money that came out wrong: shapes that people reported elsewhere, and others of their kind."""

import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.proposal.propose import propose
from crmlib.lifecycle import customer_data
from crmlib.problems import UnusableInput
from crmlib.purchases import purchases


@pytest.fixture
def case(repository, tmp_path):
    """A copy of a reported input: ``case("swiss_dash")`` is its folder."""

    def copied(name: str) -> Path:
        there = Path(repository).parent / "shared" / "cases" / name
        if not there.is_dir():
            pytest.skip("the reported inputs lie in ../shared, which is not here")
        return Path(shutil.copytree(there, tmp_path / name))

    return copied


def taken(client, tmp_path):
    return take_in(client, tmp_path / "workspace")


def amounts(client, tmp_path):
    orders = taken(client, tmp_path).table("orders").to_pandas()
    return dict(zip(orders.order_id, orders.amount, strict=True))


# Numbers as shops write them


def test_a_dash_in_place_of_cents_is_no_minus(case, tmp_path):
    client = load_client(case("swiss_dash") / "client.yaml")
    assert amounts(client, tmp_path) == {"O1": 12.0, "O2": 5.0, "O3": 99.0, "O4": 1200.0, "O5": 7.5}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("CHF 12.-", 12.0), ("12,-", 12.0), ("5,--", 5.0), ("12.- CHF", 12.0), ("€ 1.250,–", 1250.0),
        ("-12.-", -12.0), ("(12.-)", -12.0), ("12.50-", -12.5), ("12-", -12.0),
    ],
)  # fmt: skip
def test_a_minus_stays_one_beside_dashes_for_no_cents(make_client, tmp_path, written, read):
    client = make_client(orders=f'order_id,customer_id,ordered_at,amount\n1,a,2024-01-05,"{written}"\n')
    assert amounts(client, tmp_path) == {"1": read}


FILLED = "order_id: Nr, customer_id: Kunde, ordered_at: Tag, amount: Summe"


def test_the_neighbouring_column_tells_what_a_point_parts(case, tmp_path):
    folder = case("point_thousands")
    (folder / "client.yaml").write_text(
        "name: P\ncurrency: EUR\ntimezone: Europe/Berlin\ncustomer_ids: as they are\ntables: {orders: {from: "
        "exports/orders.csv, columns: {order_id: Bestellnr, customer_id: Kunde, ordered_at: Datum, amount: Gesamt, "
        "discount: Rabatt}}}\n"
    )
    client = load_client(folder / "client.yaml")
    assert amounts(client, tmp_path) == {"O1": 1000.0, "O2": 2500.0, "O3": 999.0, "O4": 12000.0}


@pytest.mark.parametrize("beside", ["4,9", "0,50", "1.204,75"])
def test_one_neighbour_with_a_comma_is_enough(make_client, tmp_path, beside):
    rows = f"Nr;Kunde;Tag;Summe;Rabatt\n1;a;2024-01-05;1.000;{beside}\n2;a;2024-01-06;2.000;0\n"
    client = make_client(
        f"tables: {{orders: {{from: orders.csv, columns: {{{FILLED}, discount: Rabatt}}}}}}\n", orders=rows
    )
    assert amounts(client, tmp_path) == {"1": 1000.0, "2": 2000.0}


# Numbers that are none


@pytest.mark.parametrize("written", ["1e24", "1e28", "1e30", "1e308", "9" * 41, "-1e30", "13800138000123456"])
def test_an_amount_beyond_belief_is_set_aside_with_its_reason_and_not_added_up(make_client, tmp_path, written):
    rows = "".join(f"{n},c{n},2024-01-05,{n}\n" for n in range(1, 10))
    client = make_client(orders=f"order_id,customer_id,ordered_at,amount\n{rows}x,c1,2024-01-05,{written}\n")
    account = taken(client, tmp_path).account["tables"]["orders"]
    assert account["reasons"] == {"amount is a number too large for money or pieces": 1}
    assert account["sums"]["amount"] == {"read": 45.0, "accepted": 45.0, "quarantined": 0.0}


def test_an_optional_sum_beyond_belief_is_emptied(make_client, tmp_path):
    client = make_client(
        orders="order_id,customer_id,ordered_at,amount,discount\n1,a,2024-01-05,9,1\n2,a,2024-01-05,9,1e30\n"
    )
    account = taken(client, tmp_path).account["tables"]["orders"]
    assert (account["rows"], account["blanked"]) == (2, {"discount": 1})


def test_the_largest_amounts_are_named_where_they_are_out_of_line(make_client, tmp_path):
    rows = "".join(f"{n},c{n},2024-01-05,{100 + n}\n" for n in range(30))
    client = make_client(orders=f"order_id,customer_id,ordered_at,amount\n{rows}x,c1,2024-01-05,500000\n")
    (asked,) = taken(client, tmp_path).account["tables"]["orders"]["questions"]
    assert "500,000.00 (orders.csv, row 32)" in asked
    plain = make_client(orders=f"order_id,customer_id,ordered_at,amount\n{rows}x,c1,2024-01-05,5000\n", folder="plain")
    assert take_in(plain, tmp_path / "plain-w").account["tables"]["orders"]["questions"] == []


# Orders that cost nothing


def test_orders_of_amount_zero_are_no_purchases_and_are_counted(case, tmp_path):
    workspace = taken(load_client(case("zero_orders") / "client.yaml"), tmp_path)
    bought = purchases(workspace.table("orders"), as_of=workspace.as_of).to_pandas()
    assert (len(bought), bought.spend.mean()) == (481, 100.0)
    (asked,) = workspace.account["tables"]["orders"]["questions"]
    assert "480 of 961 orders have the amount 0" in asked


def test_free_orders_can_be_asked_for_as_visits(make_client, tmp_path):
    client = make_client(orders="order_id,customer_id,ordered_at,amount\n1,a,2024-01-05,0\n2,a,2024-01-06,8\n")
    orders = taken(client, tmp_path).table("orders")
    assert purchases(orders).to_pandas().spend.tolist() == [8.0]
    assert sorted(purchases(orders, free_orders="count").to_pandas().spend) == [0.0, 8.0]


# Reasons


def test_the_most_frequent_reason_is_one_of_the_unusable_rows(case, tmp_path):
    workspace = taken(load_client(case("most_frequent_reason") / "client.yaml"), tmp_path)
    said = customer_data.finding_quarantine(workspace.account).evidence
    assert said.startswith("2 of 300 rows")
    assert "ordered_at is not a date that exists" in said
    assert "left out" not in said


def test_rows_left_out_by_several_rules_are_no_reason_either(make_client, tmp_path):
    rows = "".join(f"{n},c{n},2024-01-05,{n},{'test' if n % 2 else 'demo'}\n" for n in range(1, 9))
    settings = "tables: {orders: {from: orders.csv, leave_out: {kind: [test, demo]}}}\n"
    orders = f"order_id,customer_id,ordered_at,amount,kind\n{rows}" + "".join(
        f"x{n},c,2024-01-05,{5 if n else 'five'},sale\n" for n in range(20)
    )
    said = customer_data.finding_quarantine(taken(make_client(settings, orders=orders), tmp_path).account).evidence
    assert "“amount is not a number”" in said


# Columns tested against each other


def proposed(folder, tmp_path):
    """The proposal for a folder of exports, as the YAML's tables and the questions."""
    made = propose(tmp_path / "client", [str(folder)], currency="CNY", timezone="Asia/Shanghai")
    return yaml.safe_load(made.text)["tables"], made.decisions


def checked(folder, tmp_path, *, extra=""):
    """The workspace of a client as it is proposed, with its currency and zone."""
    made = propose(tmp_path / "client", [str(folder)], currency="CNY", timezone="Asia/Shanghai")
    (tmp_path / "client").mkdir(exist_ok=True)
    (tmp_path / "client" / "client.yaml").write_text(made.text + "\ncustomer_ids: as they are\n" + extra)
    return taken(load_client(tmp_path / "client" / "client.yaml"), tmp_path)


def revenue(workspace):
    orders = workspace.table("orders").to_pandas()
    back = orders.refunded_amount.fillna(0).sum() if "refunded_amount" in orders else 0.0
    return round(float(orders.amount.sum() - back), 2)


@pytest.mark.parametrize("name", ["list_price_zh", "list_price_en"])
def test_what_is_price_times_pieces_less_discount_was_paid(case, tmp_path, name):
    workspace = checked(case(name) / "exports", tmp_path)
    assert revenue(workspace) == 245.0
    lines = workspace.table("order_lines").to_pandas()
    assert (lines.amount.sum(), lines.discount.sum()) == (245.0, 35.0)


def test_an_amount_that_is_net_of_the_refund_gets_it_back_before_it_is_taken_off(case, tmp_path):
    exports = case("net_minus_refund") / "exports"
    tables, _ = proposed(exports, tmp_path)
    assert tables["orders"]["columns"]["amount"] == {"sum": ["买家实际支付金额", "退款金额"]}
    assert revenue(checked(exports, tmp_path)) == 676.9


@pytest.mark.parametrize(("name", "heading"), [("lines_as_orders_zh", "折扣"), ("lines_as_orders_en", "discount")])
def test_a_rate_is_no_money(case, tmp_path, name, heading):
    tables, decisions = proposed(case(name) / "exports", tmp_path)
    assert all(heading != one["columns"].get("discount") for one in tables.values())
    assert any(f"'{heading}'" in said for said in decisions)


def test_check_names_the_key_to_add_and_not_a_wider_limit(case, tmp_path):
    folder = case("lines_as_orders_zh")
    columns = "order_id: 订单 ID, customer_id: 客户 ID, ordered_at: 订单日期, amount: 销售额, discount: 折扣"
    (folder / "client.yaml").write_text(
        "name: L\ncurrency: CNY\ntimezone: Asia/Shanghai\ncustomer_ids: as they are\n"
        f"tables: {{orders: {{from: exports/订单.csv, columns: {{{columns}}}}}}}\n"
    )
    with pytest.raises(UnusableInput) as refused:
        taken(load_client(folder / "client.yaml"), tmp_path)
    assert "add one_row_per: order_id, adds_up: [amount, discount]" in str(refused.value)
    assert "max_set_aside" not in str(refused.value)


def file_of(folder, head, rows):
    folder.mkdir()
    (folder / "orders.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder


def test_a_discount_in_per_cent_becomes_money(tmp_path):
    rows = [f"o{n},p{n % 3},c{n},2024-01-{n + 1:02d},{n},10,20,{n * 8}" for n in range(1, 21)]
    folder = file_of(tmp_path / "e", "Order No,SKU,Client,Date,Qty,Unit Price,Discount,Payable", rows)
    workspace = checked(folder, tmp_path)
    orders = workspace.table("orders").to_pandas()
    assert (orders.amount.sum(), orders.discount.sum()) == (1680.0, 420.0)


def test_a_total_before_discount_gives_way_to_what_was_paid(tmp_path):
    rows = [f"o{n},c{n},2024-01-{n + 1:02d},{100 + n},{n},{100}" for n in range(1, 21)]
    folder = file_of(tmp_path / "e", "Order No,Client,Order Date,Total,Discount,Charged", rows)
    tables, _ = proposed(folder, tmp_path)
    assert tables["orders"]["columns"]["amount"] == "Charged"
    assert revenue(checked(folder, tmp_path)) == 2000.0


def test_an_amount_and_a_refund_alone_are_asked_about(tmp_path):
    rows = [f"o{n},c{n},2024-01-{n + 1:02d},{100 + n},{n % 2}" for n in range(1, 21)]
    folder = file_of(tmp_path / "e", "Order No,Client,Order Date,Total,Refunded Amount", rows)
    _, decisions = proposed(folder, tmp_path)
    assert any("before or after 'Refunded Amount'" in said and "10 rows" in said for said in decisions)


def test_check_asks_where_the_mapping_contradicts_the_data(make_client, tmp_path):
    rows = "".join(f"{n},c{n},2024-01-05,{n},10,{n % 3},{10 * n - n % 3}\n" for n in range(1, 31))
    orders = f"order_id,customer_id,ordered_at,Qty,Unit Price,Discount,Payable\n{rows}"
    columns = "amount: {product: [Qty, Unit Price]}, discount: Discount"
    client = make_client(f"tables: {{orders: {{from: orders.csv, columns: {{{columns}}}}}}}\n", orders=orders)
    (asked,) = taken(client, tmp_path).account["tables"]["orders"]["questions"]
    assert "'Payable' = 'Qty' × 'Unit Price' − 'Discount' in 20 of 20 rows" in asked
    assert "columns: {amount: 'Payable'}" in asked


def test_check_asks_where_the_refund_is_taken_off_twice(make_client, tmp_path):
    rows = "".join(f"{n},c{n},2024-01-05,{100 + n},{100 + n - n % 4},{n % 4}\n" for n in range(1, 31))
    columns = "amount: Left, refunded_amount: Back"
    client = make_client(
        f"tables: {{orders: {{from: orders.csv, columns: {{{columns}}}}}}}\n",
        orders=f"order_id,customer_id,ordered_at,Whole,Left,Back\n{rows}",
    )
    (asked,) = taken(client, tmp_path).account["tables"]["orders"]["questions"]
    assert "'Left' = 'Whole' − 'Back' in 23 of 23 rows" in asked


def test_more_refunded_than_paid_is_asked_about(make_client, tmp_path):
    client = make_client(
        orders="order_id,customer_id,ordered_at,amount,refunded_amount\n1,a,2024-01-05,2,10\n2,a,2024-01-06,8,0\n"
    )
    (asked,) = taken(client, tmp_path).account["tables"]["orders"]["questions"]
    assert "1 of 1 order with a refund has more refunded than paid" in asked


# Keys that are none


def test_a_key_of_several_customers_is_asked_about_with_the_one_that_would_do(make_client, tmp_path):
    rows = "".join(f"{n % 40},c{n},2024-01-05,{10 + n},s{n // 40}\n" for n in range(80))
    settings = "tables: {orders: {from: orders.csv, one_row_per: order_id, adds_up: amount}}\n"
    client = make_client(settings, orders=f"order_id,customer_id,ordered_at,amount,store\n{rows}")
    workspace = taken(client, tmp_path)
    (asked,) = workspace.account["tables"]["orders"]["questions"]
    assert "40 of 40 values of order_id belong to several customers" in asked
    assert 'columns: {order_id: {text: "{order_id}-{store}"}}' in asked
    assert workspace.account["quality"]["columns"]["orders"]["order_id"]["score"] == 0.0


def test_the_composite_key_does(make_client, tmp_path):
    rows = "".join(f"{n % 40},c{n},2024-01-05,{10 + n},s{n // 40}\n" for n in range(80))
    settings = (
        'tables: {orders: {from: orders.csv, columns: {order_id: {text: "{order_id}-{store}"}}, '
        "one_row_per: order_id, adds_up: amount}}\n"
    )
    client = make_client(settings, orders=f"order_id,customer_id,ordered_at,amount,store\n{rows}")
    account = taken(client, tmp_path).account
    assert (account["tables"]["orders"]["rows"], account["tables"]["orders"]["questions"]) == (80, [])
    assert account["quality"]["columns"]["orders"]["order_id"]["score"] == 1.0


# Whatever columns a file has: the right revenue, or a question


@st.composite
def money_tables(draw):
    """Orders whose true payments are known, written with some columns of money: headings, rows, and the truth."""
    count = draw(st.integers(12, 20))
    discount = draw(st.sampled_from(["", "amount", "rate", "percent"]))
    refund = draw(st.sampled_from(["", "gross", "net"]))
    tax = draw(st.sampled_from(["", "included", "beside"]))
    lists, pieces = draw(st.booleans()), draw(st.booleans())
    shown = draw(st.sampled_from(["paid", "list"])) if discount else "paid"
    columns: dict[str, list[float]] = {}
    truth = 0.0
    for _ in range(count):
        price, quantity = draw(st.integers(20, 90)), draw(st.integers(1, 4))
        whole = float(price * quantity)
        share = draw(st.sampled_from([0, 10, 20, 25])) if discount else 0
        paid = round(whole * (1 - share / 100), 2)
        back = round(paid * draw(st.sampled_from([0, 0, 0.25, 0.5])), 2) if refund else 0.0
        due = round(paid * 0.19, 2)
        left = paid + (due if tax == "beside" else 0)
        truth += left - back
        row = {
            **({"Qty": quantity, "Unit Price": price} if pieces else {}),
            **({"Subtotal": whole} if lists and discount else {}),
            **({"Discount": {"amount": whole - paid, "rate": share / 100, "percent": share}[discount]}
               if discount else {}),
            "Total": (whole if shown == "list" else paid) - (back if refund == "net" else 0),
            **({"Refunded Amount": back} if refund else {}),
            **({"VAT": due if tax == "beside" else round(paid - paid / 1.19, 2)} if tax else {}),
        }  # fmt: skip
        for heading, value in row.items():
            columns.setdefault(heading, []).append(round(value, 2))
    return columns, round(truth, 2)


@given(money_tables())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_proposals_revenue_is_the_truth_or_a_question_is_asked(tmp_path_factory, table):
    columns, truth = table
    folder = tmp_path_factory.mktemp("property")
    names = list(columns)
    head = ",".join(["Order No", "Client", "Order Date", *names])
    rows = [
        f"o{n},c{n % 5},2024-01-{n % 28 + 1:02d},{','.join(str(columns[name][n]) for name in names)}"
        for n in range(len(columns[names[0]]))
    ]
    made = propose(folder / "client", [str(file_of(folder / "e", head, rows))], currency="EUR", timezone="UTC")
    about_money = [said for said in made.decisions if ".amount" in said]
    if about_money or "FILL IN" in made.text:
        return
    (folder / "client").mkdir(exist_ok=True)
    (folder / "client" / "client.yaml").write_text(made.text + "\ncustomer_ids: as they are\nmax_set_aside: 0\n")
    workspace = take_in(load_client(folder / "client" / "client.yaml"), folder / "w")
    assert revenue(workspace) == pytest.approx(truth, abs=0.02)
