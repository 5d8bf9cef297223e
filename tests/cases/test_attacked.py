"""Exports that an attacker of the intake wrote: what was read wrongly without a word is read rightly, or asked."""

from __future__ import annotations

import datetime as dt
import io
import textwrap

import duckdb
import pytest

from crmlib.client import load_client
from crmlib.intake.identities.forget import forget
from crmlib.intake.identities.pseudonyms import pseudonym
from crmlib.intake.identities.vault import Vault
from crmlib.intake.identities.vault_key import client_key
from crmlib.intake.proposal import propose
from crmlib.intake.repairs import Cell, Habits, examine
from crmlib.intake.workspace import Workspace, take_in
from crmlib.problems import UnusableInput


def taken(client) -> Workspace:
    return take_in(client, client.folder / "workspace")


def rows(workspace: Workspace, table: str, columns: str) -> list[tuple]:
    """Some columns of a table, in the order of its first column."""
    file = workspace.folder / f"{table}.parquet"
    return duckdb.sql(f"SELECT {columns} FROM read_parquet('{file}') ORDER BY 1").fetchall()


def asked(workspace: Workspace, table: str) -> str:
    return "\n".join(map(str, workspace.account["tables"][table]["questions"]))


def refused(client) -> str:
    with pytest.raises(UnusableInput) as refusal:
        taken(client)
    return str(refusal.value)


def column(kind, cells, **more):
    """A column read: its values, the problems, and what was decided."""
    connection = duckdb.connect()
    connection.sql("SET TimeZone = 'UTC'")
    connection.sql("CREATE TABLE raw (_file VARCHAR, _row BIGINT, cell VARCHAR)")
    connection.executemany("INSERT INTO raw VALUES ('a.csv', ?, ?)", list(enumerate(cells, 2)))
    cell = Cell("column", kind, "cell", **more)
    mended, problems = examine(connection, "raw", [cell], Habits("UTC"), place="tables.orders in client.yaml")
    value = f"({mended['column'].value})" + (" AT TIME ZONE 'UTC'" if kind == "time" else "")
    read = connection.sql(f"SELECT {value} FROM raw ORDER BY _row").fetchall()
    return [v for (v,) in read], list(map(str, problems)), list(map(str, mended["column"].decisions))


ORDERS = "order_id,customer_id,ordered_at,amount\n1,a,2024-01-01,10\n11,a,2024-02-01,7\n"


# Parts of the day


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("中午11:40", (5, 11, 40)),
        ("中午12:10", (5, 12, 10)),
        ("中午1点30分", (5, 13, 30)),
        ("晚上12:30", (6, 0, 30)),
        ("晚上11:05", (5, 23, 5)),
        ("晚上20:30", (5, 20, 30)),
        ("晚上8点", (5, 20, 0)),
        ("凌晨12:30", (5, 0, 30)),
        ("凌晨3:20", (5, 3, 20)),
        ("上午12:05", (5, 0, 5)),
        ("早上8:15", (5, 8, 15)),
        ("下午12:05", (5, 12, 5)),
        ("下午2时05分", (5, 14, 5)),
        ("傍晚6:10", (5, 18, 10)),
        ("半夜1:20", (5, 1, 20)),
        ("半夜11:20", (5, 23, 20)),
        ("深夜11:20", (5, 23, 20)),
    ],
)
def test_a_part_of_the_day_says_which_hour_is_meant(written, read):
    day, hour, minute = read
    for cell in (f"2024年3月5日 {written}", f"2024/3/5 {written}"):
        assert column("time", [cell])[0] == [dt.datetime(2024, 3, day, hour, minute)]


def test_the_part_of_the_day_may_stand_behind_the_clock_and_the_evening_may_end_a_year():
    values, *_ = column("time", ["2024-03-05 11:40中午", "2024-12-31 晚上12:15:07", "2024-03-05 12:00 晚上"])
    assert values == [
        dt.datetime(2024, 3, 5, 11, 40),
        dt.datetime(2025, 1, 1, 0, 15, 7),
        dt.datetime(2024, 3, 6),
    ]


@pytest.mark.parametrize("written", ["半夜12:30", "早上12:30", "晚上1:30", "中午8:00", "傍晚12:10"])
def test_an_hour_that_can_mean_two_moments_is_not_read(written):
    assert column("time", [f"2024年3月5日 {written}", "2024年3月6日 上午9:00"])[0] == [
        None,
        dt.datetime(2024, 3, 6, 9),
    ]


# What a cross means


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["x", "X", ""], [True, True, False]),
        (["x", "n/a", "-"], [True, False, False]),
        (["√", "x", "√", ""], [True, False, True, None]),
        (["✓", "X"], [True, False]),
        (["☑", "☒", "☐"], [True, False, False]),
        (["√", "×"], [True, False]),
        (["√", "x", "no"], [True, False, False]),
        (["x", "no", ""], [True, False, None]),
    ],
)
def test_a_cross_is_a_tick_only_where_no_tick_stands_beside_it(cells, values):
    read, problems, _ = column("flag", cells)
    assert (read, problems) == (values, [])


@pytest.mark.parametrize("cells", [["Y", "x", "Y"], ["x", "yes", "no"], ["是", "x"], ["x", "perhaps"], ["1", "x", "0"]])
def test_a_cross_beside_a_yes_is_asked_and_never_taken_for_consent(cells):
    read, problems, _ = column("flag", cells)
    assert read[cells.index("x")] is None
    assert 'values: {column: {x: "no"}}' in problems[0]


def test_what_is_typed_for_a_cross_is_obeyed(make_client):
    customers = "customer_id,consent_email,consent_wechat,first_seen_at\na,Y,√,2024-01-01\nb,x,x,2024-01-02\n"
    settings = "tables: {orders: {from: orders.csv}, customers: {from: customers.csv%s}}\n"
    said = refused(make_client(settings % "", customers=customers, orders=ORDERS))
    assert "consent_email" in said
    assert "consent_wechat" not in said
    answer = taken(
        make_client(settings % ", values: {consent_email: {x: no}}", folder="two", customers=customers, orders=ORDERS)
    )
    assert rows(answer, "customers", "customer_id, consent_email, consent_wechat") == [
        ("a", True, True),
        ("b", False, False),
    ]


# Numbers that are none, and times that have lost their digits


@pytest.mark.parametrize("written", ["5/-3", "5/-a", "12/-4/-", "1/-2.5"])
def test_a_slash_and_a_dash_end_a_price_or_the_cell_is_no_number(written):
    assert column("number", [written, "999/-", "1,250/- ", "Rs 80/-"])[0] == [None, 999.0, 1250.0, 80.0]


@pytest.mark.parametrize(
    "cells",
    [
        ["1.71456E+12", "1.71457E+12"],
        ["1.714564E+12", "2024-03-01"],
        ["1.71E+09", "1714564800"],
        ["2.02403E+13"],
        ["1.71456E12"],
        ["2E+12", ""],
    ],
)
def test_times_of_which_a_spreadsheet_dropped_the_digits_are_refused(cells):
    _, problems, _ = column("time", cells)
    assert len(problems) == 1
    assert "a.csv, row 2" in problems[0]
    assert "as text" in problems[0]


def test_times_with_an_exponent_and_all_their_digits_are_read():
    for cells in (["1.7145648E12", "1.71456E12"], ["1.714564800000E+12", "1.714560000000E+12"]):
        values, problems, _ = column("time", cells)
        assert values == [dt.datetime(2024, 5, 1, 12), dt.datetime(2024, 5, 1, 10, 40)]
        assert not problems


# Rules of several sources of one table

LINES_A = "order_id,customer_id,ordered_at,amount,discount\nA1,a,2024-03-01,10,1\nA1,a,2024-03-01,20,2\n"
LINES_B = "order_id,customer_id,ordered_at,amount,discount\nB1,b,2024-04-01,10,1\nB1,b,2024-04-01,20,2\n"


def two_sources(one: str, two: str) -> str:
    return textwrap.dedent(f"""
        tables:
          orders:
          - {{from: a.csv, {one}}}
          - {{from: b.csv, {two}}}
    """)


@pytest.mark.parametrize(
    ("one", "two", "differs"),
    [
        ("one_row_per: order_id, adds_up: amount", "one_row_per: order_id, adds_up: [amount, discount]", "adds_up"),
        ("one_row_per: order_id", "one_row_per: order_id, latest_by: discount", "latest_by"),
        ("one_row_per: order_id, first_by: amount", "one_row_per: order_id, latest_by: amount", "first_by"),
        ("one_row_per: order_id", "one_row_per: [order_id, customer_id]", "one_row_per"),
        ("one_row_per: order_id, take: {discount: count}", "one_row_per: order_id", "take"),
    ],
)
def test_two_sources_of_one_table_with_different_rules_are_refused(make_client, one, two, differs):
    said = refused(make_client(two_sources(one, two), a=LINES_A, b=LINES_B))
    assert "b.csv than in a.csv" in said
    assert differs in said


def test_two_sources_with_one_rule_add_up_both(make_client):
    client = make_client(
        two_sources("one_row_per: order_id, adds_up: [amount, discount]",
                    "one_row_per: order_id, adds_up: [discount, amount]"),
        a=LINES_A, b=LINES_B,
    )  # fmt: skip
    assert rows(taken(client), "orders", "order_id, amount, discount") == [("A1", 30.0, 3.0), ("B1", 30.0, 3.0)]


def test_what_is_no_product_in_one_source_is_one_in_another(make_client):
    settings = """
        tables:
          orders: {from: orders.csv}
          order_lines:
          - {from: a.csv, not_products: [x]}
          - {from: b.csv}
    """
    client = make_client(
        settings,
        orders=ORDERS,
        a="order_id,product_id,quantity,amount\n1,X,1,5\n1,Y,1,5\n",
        b="order_id,product_id,quantity,amount\n11,X,1,7\n",
    )
    assert rows(taken(client), "order_lines", "order_id, product_id, amount") == [("1", "Y", 5.0), ("11", "X", 7.0)]


def test_negative_quantities_that_one_source_allows_are_set_aside_in_another(make_client):
    cancels = "cancellations: {where: {order_id: 'C*'}, match: [customer_id, product], quantity: quantity}"
    settings = textwrap.dedent(f"""
        tables:
          orders:
          - {{from: a.csv, {cancels}, repairs: {{negative_quantities: false}}, one_row_per: order_id}}
          - {{from: b.csv, {cancels}, one_row_per: order_id}}
    """)
    text = (
        "order_id,customer_id,product,ordered_at,amount,quantity\n{0}1,a,p,2024-01-01,10,1\n{0}2,a,p,2024-01-02,-3,-1\n"
    )
    answer = taken(make_client(settings + "max_set_aside: 0.9\n", a=text.format("A"), b=text.format("B")))
    assert [order for (order,) in rows(answer, "orders", "order_id")] == ["A1", "A2", "B1"]


# Keys with zeros before them

CUSTOMERS = "nr,city\n" + "".join(f"{n:05},Bonn\n" for n in range(40))
SHOP = "id,kunde,day,total\n" + "".join(f"A{n},{n % 40},2024-01-{n % 28 + 1:02},{n + 1}\n" for n in range(80))
JOINED = """
    tables:
      customers: {from: customers.csv, columns: {customer_id: nr}}
      orders:
        from: orders.csv
        columns: {order_id: id, customer_id: CUSTOMER, ordered_at: day, amount: total}
        JOINS
"""


def test_the_remedy_for_zeros_before_ids_works_when_it_is_typed(make_client):
    plain = JOINED.replace("JOINS", "").replace("CUSTOMER", "kunde")
    said = asked(taken(make_client(plain, customers=CUSTOMERS, orders=SHOP)), "orders")
    assert 'joins: [{from: customers, "on": {' in said
    assert "columns: {customer_id: own_id}" in said
    joins = 'joins: [{from: customers, "on": {kunde: nr}, take: {nr: own_id}}]'
    joined = JOINED.replace("JOINS", joins).replace("CUSTOMER", "own_id")
    answer = taken(make_client(joined, folder="two", customers=CUSTOMERS, orders=SHOP))
    assert answer.kept["tables"]["orders"]["of_unknown_customers"] == 0
    assert rows(answer, "orders", "order_id, customer_id")[:3] == [("A0", "00000"), ("A1", "00001"), ("A10", "00010")]
    assert "found no match" not in asked(answer, "orders")


def test_letters_before_ids_are_looked_up_as_well(make_client):
    joins = 'joins: [{from: customers.csv, "on": {kunde: nr}, take: {nr: own_id}}]'
    settings = JOINED.replace("JOINS", joins).replace("CUSTOMER", "own_id")
    client = make_client(settings, customers=CUSTOMERS.replace("\n0", "\nK-0"), orders=SHOP)
    assert rows(taken(client), "orders", "order_id, customer_id")[1] == ("A1", "K-00001")


def test_a_join_that_matches_next_to_nothing_is_asked(make_client):
    joins = 'joins: [{from: customers.csv, "on": {kunde: nr}, take: {nr: own_id}}]'
    settings = JOINED.replace("JOINS", joins).replace("CUSTOMER", "own_id")
    others = "nr,city\n" + "".join(f"{n:05},Bonn\n" for n in range(1000, 1040))
    # Two customers whose digits are the same: what 5 means cannot be told.
    doubled = "nr,city\n" + "".join(f"A-{n},Bonn\nB-{n},Bonn\n" for n in range(40))
    for folder, customers in (("one", others), ("two", doubled)):
        said = asked(taken(make_client(settings, folder=folder, customers=customers, orders=SHOP)), "orders")
        assert "80 of 80 rows found no match" in said


# Whom to forget

PEOPLE = """
    customer_id,name,email,phone,city
    C-1001,Max Muster,max@ex.de,0171 2345603,Bonn
    C-1002,Max Muster,other@ex.de,0171 2345604,Bonn
"""
BOUGHT = "order_id,customer_id,ordered_at,amount\no1,C-1001,2025-01-01,10\no2,C-1002,2025-01-02,20\n"


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ("Max Muster", ["C-1001", "C-1002"]),
        ("max muster", ["C-1001", "C-1002"]),
        ("MAX@ex.de", ["C-1001"]),
        ("+49 171 2345604", []),
        ("0171/2345604", ["C-1002"]),
    ],
)
def test_a_name_or_an_address_forgets_nobody_and_says_whose_it_is(make_client, given, ids):
    client = make_client("customer_ids: pseudonyms\n", customers=PEOPLE, orders=BOUGHT)
    taken(client)
    before = (client.folder / ".crmlib" / "vault" / "identities.sealed").read_bytes()
    with pytest.raises(UnusableInput) as refusal:
        forget(client, given)
    assert [i for i in ("C-1001", "C-1002") if i in str(refusal.value)] == ids
    assert (client.folder / ".crmlib" / "vault" / "identities.sealed").read_bytes() == before
    assert not Vault(client.folder, client_key(client.folder)).forgotten()


def test_before_anything_is_taken_in_only_what_stands_under_the_heading_of_ids_is_an_id(make_client):
    client = make_client("customer_ids: pseudonyms\n", customers=PEOPLE, orders=BOUGHT)
    with pytest.raises(UnusableInput, match="nobody with this id"):
        forget(client, "max@ex.de")
    forget(client, "C-1001")
    assert Vault(client.folder, key := client_key(client.folder)).forgotten() == {pseudonym(key, "C-1001")}


def test_the_file_that_keeps_a_client_out_of_git_is_no_export(make_client):
    client = make_client("customer_ids: pseudonyms\n", customers=PEOPLE, orders=BOUGHT)
    (client.folder / ".gitignore").write_text("*\n")
    taken(client)
    assert not [line for line in forget(client, "C-1001").remains if "gitignore" in line]
    (client.folder / ".gitignore").write_text("C-1002.csv\n")
    assert [line for line in forget(client, "C-1002").remains if "gitignore" in line]


# Consent that is turned round

CONTACTS = (
    "Contact ID,Full Name,Email Opt Out,Do Not Call,短信退订,Unsubscribed,WeChat consent,Created Date\n"
    "000,Ann Lee,true,1,是,Yes,√,2023-01-01\n"
    "001,Bob Ray,false,0,否,No,x,2023-01-02\n"
    "002,Cy Moss,FALSE,0,否,No,x,2023-01-03\n"
)
PLACED = (
    "Order Number,Contact ID,Order Date,Order Total\n1,000,2024-01-01,10\n2,001,2024-01-02,20\n3,002,2024-02-02,25\n"
)
BY_HAND = """\
    tables:
      orders:
        from: orders.csv
        columns: {order_id: Order Number, customer_id: Contact ID, ordered_at: Order Date, amount: Order Total}
      customers:
        from: contacts.csv
        columns:
          {customer_id: Contact ID, consent_email: Email Opt Out, consent_phone: Do Not Call, consent_sms: 短信退订,
           consent_wechat: WeChat consent}
"""
VALUES = """\
        values:
          consent_email: {"true": "no", "false": "yes"}
          consent_phone: {"1": "no", "0": "yes"}
          consent_sms: {"是": "no", "否": "yes"}
"""


def test_a_heading_that_says_the_opposite_is_no_consent_until_it_is_turned(make_client):
    said = refused(make_client(BY_HAND, contacts=CONTACTS, orders=PLACED))
    assert 'values: {consent_email: {"FALSE": "yes", "false": "yes", "true": "no"}}' in said
    assert 'values: {consent_phone: {"0": "yes", "1": "no"}}' in said
    assert 'values: {consent_sms: {"否": "yes", "是": "no"}}' in said
    assert "consent_wechat" not in said
    answer = taken(make_client(BY_HAND + VALUES, folder="two", contacts=CONTACTS, orders=PLACED))
    columns = "customer_id, consent_email, consent_phone, consent_sms, consent_wechat"
    assert rows(answer, "customers", columns) == [
        ("000", False, False, False, True),
        ("001", True, True, True, False),
        ("002", True, True, True, False),
    ]


def test_a_word_that_values_leave_out_is_no_consent_either(make_client):
    contacts = "customer_id,Abmeldung,first_seen_at\na,ja,2024-01-01\nb,nein,2024-01-01\nc,Y,2024-01-01\n"
    settings = """
        tables:
          orders: {from: orders.csv}
          customers:
            from: contacts.csv
            columns: {consent_email: Abmeldung}
            values: {consent_email: {ja: "no", nein: "yes"}}
    """
    said = refused(make_client(settings, contacts=contacts, orders=ORDERS))
    assert 'values: {consent_email: {"Y": "no"}}' in said


@pytest.mark.parametrize("word", ["subscribed", "unsubscribed"])
def test_a_word_that_tells_it_itself_needs_no_turning(make_client, word):
    contacts = f"customer_id,Unsubscribed,first_seen_at\na,{word},2024-01-01\n"
    settings = """
        tables:
          orders: {from: orders.csv}
          customers: {from: contacts.csv, columns: {consent_email: Unsubscribed}}
    """
    answer = taken(make_client(settings, contacts=contacts, orders=ORDERS))
    assert rows(answer, "customers", "customer_id, consent_email") == [("a", word == "subscribed")]


def test_a_proposal_turns_such_columns_and_finds_ticks(tmp_path):
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (exports / "orders.csv").write_text(PLACED)
    proposal = propose(
        tmp_path / "c", [exports], name="C", currency="CNY", timezone="Asia/Shanghai", language="en", file="client.yaml"
    )
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "client.yaml").write_text(proposal.text, encoding="utf-8")
    assert "'Email Opt Out' says who does not want it" in " ".join(proposal.text.replace("#", " ").split())
    answer = taken(load_client(tmp_path / "c" / "client.yaml"))
    columns = "consent_email, consent_phone, consent_sms, consent_wechat"
    refusing, willing = (False, False, False, True), (True, True, True, False)
    assert rows(answer, "customers", columns) == [refusing, willing, willing]


# What only the number format of a cell says


def workbook(amounts, formats, heading="amount"):
    """The bytes of a workbook of orders whose amounts have these number formats."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["order_id", "customer_id", "ordered_at", heading])
    for number, (amount, code) in enumerate(zip(amounts, formats, strict=True), 1):
        sheet.append([f"o{number}", f"c{number}", dt.datetime(2024, 1, number), amount])
        sheet.cell(number + 1, 4).number_format = code
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def of_workbook(make_client, content, currency="CNY", columns=""):
    client = make_client(f"currency: {currency}\ntables: {{orders: {{from: orders.xlsx{columns}}}}}\n")
    (client.folder / "orders.xlsx").write_bytes(content)
    return client


def test_two_currencies_that_stand_in_number_formats_only_are_not_added_up(make_client):
    formats = ['"€"#,##0.00', "[$$-409]#,##0.00", '"€"#,##0.00']
    said = refused(of_workbook(make_client, workbook([10, 11.5, 12], formats)))
    assert "€ in 2 rows" in said
    assert "$ in 1 row" in said
    assert "into a column of its own and keep one of them with keep_only" in said  # no cell begins with a sign
    assert "leave_out" not in said


@pytest.mark.parametrize(
    "code", ['"€"#,##0.00', "#,##0.00 [$€-407]", "[$EUR] 0.00", '_-* 0.00\\ "€"_-;-* 0.00\\ "€"_-']
)
def test_another_currency_than_the_clients_in_number_formats_is_asked(make_client, code):
    content = workbook([10, 11.5, 12], [code] * 3)
    assert "in 3 rows" in asked(taken(of_workbook(make_client, content)), "orders")
    own = make_client("tables: {orders: {from: orders.xlsx}}\ncurrency: EUR\n", folder="own")
    (own.folder / "orders.xlsx").write_bytes(content)
    answer = taken(own)
    assert "in 3 rows" not in asked(answer, "orders")
    assert rows(answer, "orders", "order_id, amount") == [("o1", 10.0), ("o2", 11.5), ("o3", 12.0)]


@pytest.mark.parametrize("code", ["0%", "0.00%", "0.0 %"])
def test_an_amount_that_is_shown_as_a_percentage_is_refused_as_in_a_csv(make_client, code):
    said = refused(of_workbook(make_client, workbook([0.1, 0.25, 12], ["General", code, code])))
    assert "2 cells with a percent sign, the first in orders.xlsx, row 3" in said


def test_number_formats_without_a_currency_say_nothing(make_client):
    formats = ["[Red]0.00", "#,##0_);(#,##0)", '[$-409]0.00" pcs"']
    answer = taken(of_workbook(make_client, workbook([10, 11.5, 12], formats)))
    assert rows(answer, "orders", "order_id, amount") == [("o1", 10.0), ("o2", 11.5), ("o3", 12.0)]
    assert "rows" not in asked(answer, "orders")
