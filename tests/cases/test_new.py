"""``crmlib new`` never gives up: the nearest tables with their gaps, tables on evidence only, masked values."""

import re
from pathlib import Path

import pytest
import yaml

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.proposal import new_client
from crmlib.problems import UnusableInput

MONEY_AND_ZONE = {"currency": "EUR", "timezone": "Europe/Berlin"}


@pytest.fixture(autouse=True)
def _key_from_the_environment(monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", "5a" * 32)


@pytest.fixture
def case(repository):
    """The exports of one of the small inputs that fail."""

    def find(name):
        folder = Path(repository).parent / "shared" / "cases" / name
        if not folder.is_dir():
            pytest.skip("the shared cases are not beside this checkout")
        return folder / "exports"

    return find


@pytest.fixture
def propose_for(tmp_path):
    """Propose a client for texts by file name: its YAML, and the proposal."""

    def make(**files):
        folder = tmp_path / "exports"
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        return new_client(tmp_path / "client", [str(folder)], **MONEY_AND_ZONE)

    return make


def rows(header, count, line):
    return "\n".join([header, *(line(n) for n in range(count))]) + "\n"


def day(n):
    return f"2025-{n // 28 % 12 + 1:02d}-{n % 28 + 1:02d}"


def active(proposal):
    """What is proposed: table, column: headings; and how sure each is."""
    found = {}
    for one in proposal.suggested:
        for line in () if one.off else one.columns:
            if not line.off:
                sure = re.search(r"\((\d+)%\)$", line.reason)
                found[one.table, line.key] = (line.value, int(sure[1]) if sure else 0)
    return found


def tables(proposal):
    return {one.table for one in proposal.suggested if not one.off}


def taken_in(file):
    return take_in(load_client(file), file.parent / "w").account["tables"]


# Lines with headings in Chinese and English


@pytest.mark.parametrize("name", ["lines_as_orders_zh", "lines_as_orders_en"])
def test_a_line_for_each_product_is_lines_and_orders_in_both_languages(case, tmp_path, name):
    file, _ = new_client(tmp_path / "c", [str(case(name))], **MONEY_AND_ZONE)
    written = yaml.safe_load(file.read_text(encoding="utf-8"))["tables"]
    assert written["orders"]["one_row_per"] == "order_id"
    assert "amount" in written["orders"]["adds_up"]
    account = taken_in(file)
    assert (account["orders"]["rows"], account["order_lines"]["rows"]) == (100, 300)
    assert account["orders"]["sums"]["amount"]["accepted"] == account["order_lines"]["sums"]["amount"]["accepted"]


@pytest.mark.parametrize(
    "header",
    [
        "订单号,会员编号,下单时间,商品编号,购买数量,销售金额",
        "小票号,会员卡号,销售日期,货品编码,数量,实收金额",
        "basket_id,household_id,transaction_timestamp,product_id,quantity,sales_value",
        "Receipt No,Customer Key,Sale Date,UPC,Units,Net Sales",
    ],
)
def test_lines_are_recognised_by_what_shops_and_warehouses_call_them(propose_for, header):
    file, _ = propose_for(
        verkauf=rows(header, 60, lambda n: f"B{n // 3},K{n // 3 % 7},{day(n // 3)},P{n % 11},2,{n + 1}.5")
    )
    account = taken_in(file)
    assert (account["orders"]["rows"], account["order_lines"]["rows"], account["customers"]["rows"]) == (20, 60, 7)
    assert account["orders"]["sums"]["amount"]["accepted"] == sum(n + 1.5 for n in range(60))


def test_orders_take_up_several_rows_though_nothing_tells_their_products(propose_for):
    text = rows("Order No,Order Date,Customer ID,Thing,Qty,Total", 60, lambda n: f"{n // 3},{day(n // 3)},K1,x,1,{n}.5")
    file, proposal = propose_for(export=text)
    (lines,) = [one for one in proposal.suggested if one.table == "order_lines"]
    assert (lines.off, lines.open_columns) == (True, ("product_id",))
    account = taken_in(file)["orders"]
    assert (account["rows"], account["sums"]["amount"]["accepted"]) == (20, sum(n + 0.5 for n in range(60)))


# Two order numbers


def test_of_two_order_numbers_the_main_one_makes_orders_and_the_other_none(case, tmp_path):
    file, proposal = new_client(tmp_path / "c", [str(case("douyin_two_order_numbers"))], timezone="Asia/Shanghai")
    assert {(one.table, one.profile) for one in proposal.suggested} == {
        ("orders", "douyin/orders"),
        ("order_lines", "douyin/orders"),
    }
    account = taken_in(file)
    assert (account["orders"]["rows"], account["order_lines"]["rows"]) == (4, 5)
    assert account["orders"]["sums"]["amount"]["accepted"] == 50 + 100 + 80 + 80 + 200


@pytest.mark.parametrize(
    ("main", "sub"), [("主订单号", "子订单号"), ("Order ID", "Sub Order ID"), ("订单编号", "子单号")]
)
def test_the_number_of_a_part_of_an_order_is_no_order(propose_for, main, sub):
    text = rows(
        f"{sub},{main},下单时间,商品编码,数量,金额", 30, lambda n: f"S{n},M{n // 3},{day(n // 3)},P{n % 4},1,{n}.5"
    )
    file, _ = propose_for(明细=text)
    account = taken_in(file)
    assert (account["orders"]["rows"], account["order_lines"]["rows"]) == (10, 30)


# Masked values


def test_masked_phones_are_neither_keys_nor_numbers_to_call(case, tmp_path):
    file, proposal = new_client(tmp_path / "c", [str(case("masked_phone_as_key"))], **MONEY_AND_ZONE)
    assert {column for _, column in active(proposal)} == {"order_id", "ordered_at", "amount", "status"}
    assert tables(proposal) == {"orders"}
    assert [said for said in proposal.decisions if "'收件人手机号' are masked" in said]
    assert taken_in(file)["orders"]["rows"] == 60


@pytest.mark.parametrize(
    "masked", ["138****{:04d}", "1******{:04d}", "a***{}@example.com", "+49 171 •••{:04d}", "x{}***"]
)
@pytest.mark.parametrize("heading", ["Phone", "Email", "手机号", "Customer ID"])
def test_what_is_masked_is_no_key_whatever_it_is_called(propose_for, masked, heading):
    text = rows(f"Order No,Order Date,{heading},Total", 40, lambda n: f"{n},{day(n)},{masked.format(n % 9)},{n}.5")
    _, proposal = propose_for(orders=text)
    assert {column for _, column in active(proposal)} == {"order_id", "ordered_at", "amount"}
    assert [said for said in proposal.decisions if f"'{heading}' are masked" in said]


def test_a_client_whose_customers_are_keyed_by_masked_numbers_is_asked(propose_for):
    text = rows("Order No,Order Date,手机号,Total", 40, lambda n: f"{n},{day(n)},138****{n % 9:04d},{n}.5")
    file, _ = propose_for(orders=text)
    keyed = file.read_text(encoding="utf-8").replace("      amount:", "      customer_id: 手机号\n      amount:")
    file.write_text(keyed, encoding="utf-8")
    asked = [str(said) for said in taken_in(file)["orders"]["questions"]]
    assert [said for said in asked if "40 of 40 customer_ids are masked" in said]


@pytest.mark.parametrize("number", ["138{:08d}", "K-{}", "X*{}", "XXL{}"])
def test_whole_numbers_are_no_masks(propose_for, number):
    text = rows("Order No,Order Date,Customer ID,Total", 40, lambda n: f"{n},{day(n)},{number.format(n % 9)},{n}.5")
    file, proposal = propose_for(orders=text)
    assert active(proposal)["orders", "customer_id"][0] == "Customer ID"
    assert not [said for said in taken_in(file)["orders"]["questions"] if "masked" in str(said)]


# Gaps to be filled in


def test_what_was_found_is_written_and_the_gaps_are_named_with_their_line(propose_for):
    text = rows("Order No,Customer ID,Total,Store", 20, lambda n: f"A{n},K{n % 5},{n}.5,Bonn")
    file, proposal = propose_for(undated=text)
    assert active(proposal)["orders", "order_id"][0] == "Order No"
    assert active(proposal)["orders", "ordered_at"][0] == "FILL IN"
    with pytest.raises(UnusableInput) as unusable:
        load_client(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    (at,) = [n for n, line in enumerate(lines, 1) if line.strip().startswith("ordered_at: FILL IN")]
    (problem,) = unusable.value.problems
    assert problem.place == f"line {at}, column 7"
    assert problem.expected == "the heading in ../exports/undated.csv that says when the customer ordered"


def test_every_gap_of_every_table_is_said_at_once(propose_for):
    orders = rows("Order No,Customer ID,Store", 20, lambda n: f"A{n},K{n % 5},Bonn")
    tickets = rows("Ticket ID,Priority,Resolution", 20, lambda n: f"T{n},high,done")
    file, proposal = propose_for(verkauf=orders, hilfe=tickets)
    gaps = {key for key, (value, _) in active(proposal).items() if value == "FILL IN"}
    assert {("tickets", "opened_at")} <= gaps
    with pytest.raises(UnusableInput) as unusable:
        load_client(file)
    assert len(unusable.value.problems) == len(gaps)


def test_a_source_with_gaps_does_not_hold_up_a_client_whose_table_is_whole(propose_for):
    orders = rows("Order No,Order Date,Customer ID,Total", 20, lambda n: f"B{n},{day(n)},K{n % 5},{n}.5")
    undated = rows("Order No,Customer ID,Total,Store", 20, lambda n: f"A{n},K{n % 5},{n}.5,Bonn")
    file, proposal = propose_for(orders=orders, undated=undated)
    assert taken_in(file)["orders"]["rows"] == 20
    (gaps,) = [one for one in proposal.suggested if one.off and one.table == "orders"]
    assert gaps.open_columns == ("ordered_at",)
    assert "# " in file.read_text(encoding="utf-8")


# Positive evidence


@pytest.mark.parametrize(
    ("header", "line", "wrong"),
    [
        ("id,created_at,name,amount,stage,owner", lambda n: f"{n},{day(n)},Deal {n},{n}.5,won,Ann", "tickets"),
        ("id,created_at,email,status", lambda n: f"{n},{day(n)},a{n}@example.com,active", "tickets"),
        ("id,date", lambda n: f"{n},{day(n)}", "leads"),
        ("date,id", lambda n: f"{day(n)},{n}", "tickets"),
        ("customer_id,date,amount", lambda n: f"K{n % 5},{day(n)},{n}.5", "subscriptions"),
        ("id,name,category,price", lambda n: f"{n},Thing {n},toys,{n}.5", "customers"),
        ("customer_id,date,quantity", lambda n: f"K{n % 5},{day(n)},{n}", "usage"),
    ],
)
def test_a_table_is_not_proposed_on_a_number_and_a_date_alone(propose_for, header, line, wrong):
    _, proposal = propose_for(export=rows(header, 40, line))
    certain = {one.table for one in proposal.suggested if not one.off and one.confidence > 80}
    assert wrong not in certain
    assert [key for key, (_, sure) in active(proposal).items() if key[0] == wrong and sure > 80] == []


def test_a_list_that_is_called_after_the_customers_is_not_one_of_customers(propose_for):
    text = rows("客户编号,跟进时间,跟进方式,跟进内容", 60, lambda n: f"K{n % 9},{day(n)} 10:00,电话,已联系客户沟通报价")
    _, proposal = propose_for(客户跟进=text)
    assert tables(proposal) == {"touches"}
    assert active(proposal)["touches", "kind"][0] == "FILL IN"


def test_the_number_of_an_invoice_is_no_customer_and_a_name_is_asked_about(propose_for):
    text = rows("Number,Date,Customer Name,Net", 60, lambda n: f"R{n},{day(n)},Acme {n % 7} AG,{n}.50")
    file, proposal = propose_for(invoices=text)
    assert active(proposal)["orders", "customer_id"] == ("Customer Name", 60)
    assert [said for said in proposal.decisions if "who has the same name counts as one customer" in said]
    account = taken_in(file)
    assert (account["orders"]["rows"], account["customers"]["rows"]) == (60, 7)


def test_opportunities_are_leads_and_the_next_best_table_is_named(propose_for):
    text = rows(
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value",
        60,
        lambda n: f"O{n},Ann Lee,GTX,Acme,{['Won', 'Lost', 'Engaging'][n % 3]},{day(n)},{day(n + 9)},{n * 10}",
    )
    file, proposal = propose_for(sales_pipeline=text)
    assert tables(proposal) == {"leads"}
    found = {column: value for (_, column), (value, _) in active(proposal).items()}
    assert found["lead_id"] == "opportunity_id"
    assert found["stage"] == "deal_stage"
    assert found["created_at"] == "engage_date"
    assert "Next best: " in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("states", [["enabled", "disabled"], ["active", "closed"], ["启用", "停用"]])
def test_the_state_of_an_account_is_no_region(propose_for, states):
    text = rows("customer_id,email,first_name,state", 30, lambda n: f"K{n},a{n}@example.com,Ann,{states[n % 2]}")
    _, proposal = propose_for(customers=text)
    assert ("customers", "region") not in active(proposal)


def test_the_state_where_somebody_lives_is_one(propose_for):
    text = rows("customer_id,email,state", 30, lambda n: f"K{n},a{n}@example.com,{['CA', 'NY', 'TX'][n % 3]}")
    _, proposal = propose_for(customers=text)
    assert active(proposal)["customers", "region"][0] == "state"


def test_subscriptions_and_answers_are_known_by_their_own_words(propose_for):
    subscriptions = rows(
        "customer_id,plan,started_on,ended_on,monthly_fee", 30, lambda n: f"K{n},basic,{day(n)},{day(n + 99)},9.5"
    )
    answers = rows("id,customer,date,nps", 33, lambda n: f"{n},K{n % 9},{day(n)},{n % 11}")
    _, proposal = propose_for(abos=subscriptions, antworten=answers)
    found = {key: value for key, (value, _) in active(proposal).items()}
    assert found["subscriptions", "started_at"] == "started_on"
    assert found["subscriptions", "ended_at"] == "ended_on"
    assert found["subscriptions", "price"] == "monthly_fee"
    assert found["surveys", "kind"] == {"constant": "nps"}
    assert found["surveys", "score"] == "nps"
