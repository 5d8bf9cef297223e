"""What a client's YAML says and the kit cannot do, or would not heed: refused in words, with the line, all at once."""

import datetime as dt
import json
import re

import openpyxl
import pytest
import yaml

from crmlib.client import load_client
from crmlib.engine import connect
from crmlib.intake import take_in
from crmlib.intake.mapped_money import _may_be_money
from crmlib.intake.proposal import propose
from crmlib.intake.readers import open_source
from crmlib.problems import UnusableInput
from crmlib.words import use
from tests.conftest import write_client

COLUMNS = {"order_id": "id", "customer_id": "cust", "ordered_at": "day", "amount": "amt", "status": "state"}
HEADINGS = ["id", "cust", "day", "amt", "state", "qty"]
ROWS = [[f"O{n}", f"C{n % 5}", f"2024-03-{1 + n % 28:02d}", 10 + n, "paid", n % 3] for n in range(20)]


def text_of(rows=ROWS, headings=HEADINGS):
    return "\n".join(",".join(map(str, row)) for row in [headings, *rows]) + "\n"


@pytest.fixture
def client(tmp_path):
    """A client of one file of orders: made with further keys of its source, and of the client."""
    (tmp_path / "orders.csv").write_text(text_of(), encoding="utf-8")
    people = "cust,region\n" + "\n".join(f"C{n},R{n % 2}" for n in range(5)) + "\n"
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")

    def made(source=None, columns=None, table="orders", **top):
        settings = {"name": "X", "currency": "EUR", "timezone": "Europe/Berlin", "customer_ids": "as they are", **top}
        of_table = {"from": "orders.csv", "columns": {**COLUMNS, **(columns or {})}, **(source or {})}
        of_table = {key: value for key, value in of_table.items() if value is not None}
        file = tmp_path / "client.yaml"
        settings["tables"] = {table: of_table}
        file.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return file

    return made


def refused(file):
    """The problems for which a client's file is refused, each as one sentence."""
    with pytest.raises(UnusableInput) as unusable:
        taken(file)
    return [str(problem) for problem in unusable.value.problems]


def taken(file):
    workspace = take_in(load_client(file), file.parent / "workspace")
    return workspace.table("orders").to_pandas(), workspace.account["tables"]["orders"]


def line_of(file, key):
    """Where a key stands in the file, as a problem says it."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(f"line {number}, " for number, line in enumerate(lines, 1) if line.strip().startswith(key))


# Keys that nothing heeds


@pytest.mark.parametrize(
    ("source", "columns", "key", "said"),
    [
        ({"fill_down_within": "cust"}, {}, "fill_down_within", "expected fill_down beside fill_down_within"),
        ({"adds_up": ["amount"]}, {}, "adds_up", "one_row_per beside adds_up"),
        ({"query": "SELECT * FROM orders"}, {}, "query", "expected database beside query"),
        ({"query": "SELECT 1", "from": None}, {}, "query", "expected database beside query"),
        ({}, {"amount": {"first": ["amt"], "unit": "days"}}, "unit", "expected after or before beside unit"),
        ({}, {"amount": {"first": ["amt"], "part": 2}}, "part", "expected parts beside part"),
        ({}, {"amount": {"first": ["amt"], "by": ","}}, "by", "expected parts beside by"),
        ({}, {"status": {"first": ["state"], "times": 10}}, "times", "'status' holds none"),
        ({}, {"ordered_at": {"first": ["day"], "times": 10}}, "times", "'ordered_at' holds none"),
        ({"not_products": ["P1"]}, {}, "not_products", "orders has none"),
        ({"repairs": {"epoch": False}}, {}, "epoch", "did you mean 'epochs'?"),
        ({"timezone": "Mars/Phobos"}, {}, "timezone: Mars", "expected an IANA time zone"),
        ({"one_row_per": "customer_id", "adds_up": "status"}, {}, "adds_up", "expected a column of numbers"),
        ({"one_row_per": "customer_id", "adds_up": "ordered_at"}, {}, "adds_up", "expected a column of numbers"),
        ({"one_row_per": "customer_id", "adds_up": "amount", "take": {"amount": "first"}}, {}, "amount: first",
         "under take and under adds_up"),
        ({"one_row_per": "order_id", "take": {"order_id": "first"}}, {}, "order_id: first",
         "under take and under one_row_per"),
        ({"one_row_per": "channel"}, {}, "one_row_per", "'channel' under one_row_per, though nothing fills it"),
        ({"one_row_per": "customer_id", "adds_up": "discount"}, {}, "adds_up", "'discount' under adds_up"),
        ({"one_row_per": "customer_id", "take": {"channel": "first"}}, {}, "channel: first", "'channel' under take"),
        ({"values": {"channel": {"a": "b"}}}, {}, "channel:", "'channel' under values, though nothing fills it"),
        ({"sheet": "Orders"}, {}, "sheet", "sheet, which says nothing of orders.csv"),
        ({}, {"discount": {"constant": "abc"}}, "constant", "a value that can stand under orders.discount"),
        ({}, {"discount": {"constant": "ten"}}, "constant", "a value that can stand under orders.discount"),
        ({"joins": [{"from": "people.csv", "on": {"cust": "cust"}, "take": {"region": "Region"}}]}, {}, "- from",
         "a lookup in people.csv whose columns nothing reads: Region"),
        ({"joins": [{"from": "people.csv", "on": {"cust": "cust"}, "take": {"region": "Region"}, "sheet": 2}]},
         {"channel": "Region"}, "sheet", "sheet, which says nothing of people.csv"),
    ],
)  # fmt: skip
def test_a_key_that_nothing_heeds_is_refused_with_its_line(client, source, columns, key, said):
    file = client(source, columns)
    (problem,) = refused(file)
    assert said in problem
    assert line_of(file, key) in problem


def test_a_role_that_nobody_has_is_refused(client):
    file = client(owners={"boss": "Me", "sale": "You", "marketing": "We"})
    first, second = refused(file)
    assert line_of(file, "boss") in first
    assert "did you mean 'sales'?" in second


def test_everything_that_nothing_heeds_is_said_at_once(client):
    source = {"fill_down_within": "cust", "adds_up": ["amount"], "query": "SELECT 1", "timezone": "UTC"}
    said = refused(client(source, {"amount": {"first": ["amt"], "unit": "days"}}))
    assert len(said) == 1  # a filling that cannot be read keeps its source from being looked at
    assert len(refused(client(source))) == 3
    assert len(refused(client({"sheet": 2, "values": {"channel": {"a": "b"}, "store": {"a": "b"}}}))) == 3


def test_keys_that_nothing_heeds_are_said_in_chinese(client):
    file = client({"fill_down_within": "cust"}, language="zh")
    use("zh")
    try:
        (problem,) = refused(file)
    finally:
        use("en")
    assert "与`fill_down_within`一起写" in problem


@pytest.mark.parametrize("key", ["header_row", "header_rows", "ends_at", "delimiter", "sheet"])
def test_json_heeds_no_key_of_rows_and_sheets(client, key):
    value = {"header_row": 5, "header_rows": 3, "ends_at": ["O5"], "delimiter": ";", "sheet": 3}[key]
    file = client({"from": "orders.json", key: value})
    rows = [dict(zip(HEADINGS, row, strict=True)) for row in ROWS]
    (file.parent / "orders.json").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (problem,) = refused(file)
    assert line_of(file, key) in problem
    assert f"{key}, which says nothing of orders.json" in problem


@pytest.mark.parametrize(("key", "value"), [("delimiter", ";"), ("encoding", "cp1252")])
def test_a_workbook_heeds_no_key_of_text_files(client, key, value):
    file = client({"from": "orders.xlsx", key: value})
    book = openpyxl.Workbook()
    for row in [HEADINGS, *ROWS]:
        book.active.append(row)
    book.save(file.parent / "orders.xlsx")
    (problem,) = refused(file)
    assert f"{key}, which says nothing of orders.xlsx" in problem
    # Where a source means files of both kinds, the key is for the other one.
    both = file.parent / "both"
    both.mkdir()
    book.save(both / "orders.xlsx")
    other = text_of([["É" + row[0], *row[1:]] for row in ROWS])
    (both / "orders.csv").write_bytes(other.replace(",", value if key == "delimiter" else ",").encode("cp1252"))
    orders, _ = taken(client({"from": "both/*", key: value}))
    assert sorted(orders.order_id) == sorted(before + row[0] for before in ("", "É") for row in ROWS)


def test_what_is_heeded_is_no_problem(client):
    source = {"one_row_per": ["customer_id"], "adds_up": "amount", "take": {"status": "first"}, "encoding": "utf-8"}
    source |= {"joins": [{"from": "people.csv", "on": {"cust": "cust"}, "take": {"region": "Region"}}]}
    source |= {"repairs": {"epochs": False, "negative_quantities": False}, "timezone": "America/New_York"}
    orders, _ = taken(client(source, {"channel": "Region", "discount": {"constant": "0,5"}}))
    assert sorted(orders.amount) == sorted(sum(10 + n for n in range(20) if n % 5 == c) for c in range(5))
    assert set(orders.channel) == {"R0", "R1"}
    assert set(orders.discount) == {0.5}


# Characters and encodings


@pytest.mark.parametrize(("character", "name"), [("\\0", "\\u0000"), ("\\ud800", "\\ud800"), ("\\x00", "\\u0000")])
@pytest.mark.parametrize("place", ['values: {{status: {{"a{0}": paid}}}}', 'from: "a{0}.csv"', 'ends_at: ["x{0}"]'])
def test_a_character_that_is_no_text_is_refused_where_it_stands(client, place, character, name):
    file = client({"from": None} if place.startswith("from") else {})
    file.write_text(file.read_text(encoding="utf-8") + f"    {place.format(character)}\n", encoding="utf-8")
    (problem,) = refused(file)
    assert f"line {len(file.read_text().splitlines())}, " in problem
    assert f"the character '{name}', which is no text" in problem


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "UTF16"])
@pytest.mark.parametrize("joined", [False, True])
def test_an_encoding_that_the_file_is_not_in_is_refused_in_words(client, encoding, joined):
    join = {"from": "people.csv", "encoding": encoding, "on": {"cust": "cust"}, "take": {"region": "Region"}}
    file = client({"joins": [join]} if joined else {"encoding": encoding}, {"channel": "Region"} if joined else {})
    (problem,) = refused(file)
    assert "leave out `encoding:` or set another" in problem


@pytest.mark.parametrize("encoding", ["punycode", "idna", "hex", "klingon"])
def test_what_is_no_encoding_of_text_is_refused_in_words(client, encoding):
    (problem,) = refused(client({"encoding": encoding}))
    assert "expected the name of a text encoding" in problem


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_is_read_with_and_without_a_mark(client, codec):
    file = client({"encoding": "utf-16"})
    (file.parent / "orders.csv").write_bytes(text_of().replace("O1,", "单1,").encode(codec))
    orders, _ = taken(file)
    assert len(orders) == 20
    assert "单1" in set(orders.order_id)


# The day since when customers are recorded


@pytest.mark.parametrize("start", ["soon", "2024-13-01", 5])
def test_a_start_of_customers_that_is_no_day_is_said_once(client, start):
    (problem,) = refused(client(customers_start=start))
    assert "expected with_data, before_data, or the day since when customers are recorded" in problem


def test_a_start_of_customers_lies_not_in_the_future(client):
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2)
    (problem,) = refused(client(customers_start=day.isoformat()))
    assert "expected a day that is not in the future" in problem
    assert load_client(client(customers_start="2023-05-01")).customers_start == dt.date(2023, 5, 1)
    assert load_client(client(customers_start="before_data")).customers_start == "before_data"


def test_columns_that_may_be_money_are_told_among_any_number_of_columns(client):
    # 600 columns: every third holds sums, the others words or nothing; the one that differs contradicts the amount.
    headings = [f"column {n}" for n in range(600)]
    rows = [
        [*row, *(("12.50", "word", "")[n % 3] for n in range(599)), f"{2 * (10 + at)}.00"]
        for at, row in enumerate(ROWS)
    ]
    file = client()
    (file.parent / "orders.csv").write_text(text_of(rows, [*HEADINGS, *headings]), encoding="utf-8")
    connection = connect().con
    sources, _ = open_source(connection, file.parent / "orders.csv", shown_as="orders.csv", name="wide")
    found = _may_be_money(connection, sources[0], list(sources[0].types))
    assert found == ["amt", "qty", *headings[0:599:3], headings[599]]


# A percentage among sums


SUMS = [["1", "x", "2024-03-05", "10.00", "paid", 1], ["2", "x", "2024-03-06", "5%", "note", 1]]


@pytest.mark.parametrize(
    "rule", [{"leave_out": {"amt": ["*%"]}}, {"leave_out": {"state": "note"}}, {"keep_only": {"state": "paid"}}]
)
def test_a_percentage_in_a_row_that_is_left_out_refuses_nothing(client, rule):
    file = client()
    (file.parent / "orders.csv").write_text(text_of([*SUMS, ["3", "y", "2024-03-07", "7.50", "paid", 1]]))
    (problem,) = refused(file)
    assert "found 1 cell with a percent sign, the first in orders.csv, row 3" in problem
    orders, account = taken(client(rule))
    assert orders.amount.tolist() == [10.0, 7.5]
    assert account["quarantined"] == 1


def test_a_percentage_in_a_row_that_is_kept_is_counted_without_those_left_out(client):
    file = client({"leave_out": {"state": "note"}})
    (file.parent / "orders.csv").write_text(text_of([*SUMS, ["3", "y", "2024-03-07", "7%", "paid", 1]]))
    (problem,) = refused(file)
    assert "found 1 cell with a percent sign, the first in orders.csv, row 4" in problem


# A heading that stands there twice


TWICE = "Order,Customer,Date,Total,Total,Total 2\n" + "\n".join(
    f"{1000 + n},{n % 7},2024-03-{1 + n % 28:02d},{10 + n}.00,{n}.50,x" for n in range(40)
)


@pytest.mark.parametrize("above", [0, 2])
def test_a_heading_that_stands_twice_is_refused_with_settings_that_mend_it(client, above):
    columns = {"order_id": "Order", "customer_id": "Customer", "ordered_at": "Date", "amount": "Total", "status": None}
    columns = {key: value for key, value in columns.items() if value}
    file = client({"columns": columns})
    (file.parent / "orders.csv").write_text("A report\n" * above + TWICE + "\n")
    (problem,) = refused(file)
    row, names = re.search(r"header_row: (\d+) and headings: (\[.*\]), then", problem).groups()
    assert yaml.safe_load(names) == ["Order", "Customer", "Date", "Total", "Total 3", "Total 2"]
    for heading, first in (("Total", 10), ("Total 3", 0.5)):
        settled = {"header_row": int(row), "headings": yaml.safe_load(names), "columns": {**columns, "amount": heading}}
        orders, account = taken(client(settled))
        assert orders.amount.min() == first
        assert account["accepted"] + account["repaired"] == 40


def test_new_asks_which_column_is_meant_where_a_heading_stands_twice(tmp_path):
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "orders.csv").write_text(TWICE + "\n")
    found = propose(tmp_path / "client", [str(exports / "orders.csv")], currency="EUR", timezone="Europe/Berlin")
    (asked,) = [said for said in found.decisions if "more than once" in said]
    assert "'Total'" in asked
    assert "headings: [Order, Customer, Date, Total, Total 3, Total 2]" in asked
    assert "amount: Total   # to decide" in found.text
    assert "# header_row: 1" in found.text
    # With the # taken away the first column is read, and nothing is asked any more.
    settled = re.sub(r"# (header_row|headings): ", r"\1: ", found.text)
    settled = settled.replace("\ntables:", "\ncustomer_ids: as they are\n\ntables:", 1)
    orders, _ = taken(write_client(tmp_path / "client", settled))
    assert sorted(orders.amount) == [10.0 + n for n in range(40)]


@pytest.mark.parametrize("every", [1, 2])
def test_formulas_that_were_never_calculated_are_to_be_calculated(client, every):
    file = client({"from": "orders.xlsx"})
    book = openpyxl.Workbook()
    book.active.append(HEADINGS)
    for number, row in enumerate(ROWS, 2):
        book.active.append([*row[:3], f"=F{number}*2" if number % every == 0 else row[3], *row[4:]])
    book.save(file.parent / "orders.xlsx")
    (problem,) = refused(file)
    assert f"found {20 // every} of 20 rows with a formula that was never calculated" in problem
    assert "let it calculate (F9), save it" in problem
    assert "max_set_aside" not in problem


@pytest.mark.parametrize("solved", ["Solved", "Solved At", "Resolved"])
def test_new_finds_who_asked_and_when_it_was_solved_in_tickets(tmp_path, solved):
    days = [f"2024-05-{1 + n % 28:02d}" for n in range(40)]
    rows = [
        f"#{500 + n},requester{n % 9}@example.com,{day} 08:00,{day} 09:30,Chat,Billing" for n, day in enumerate(days)
    ]
    exports = tmp_path / "exports"
    exports.mkdir()
    heading = f"Ticket,Requester email,Created,{solved},Channel,Category"
    (exports / "tickets.csv").write_text("\n".join([heading, *rows]) + "\n")
    found = propose(tmp_path / "client", [str(exports / "tickets.csv")], currency="EUR", timezone="Europe/Berlin")
    made = yaml.safe_load(found.text)["tables"]["tickets"]["columns"]
    assert made["resolved_at"] == solved
    assert made["customer_id"] == ["Requester email"]
    assert any("customer_id" in said and "Requester email" in said for said in found.decisions)
