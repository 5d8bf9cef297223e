"""What intake still owed: files without headings, garbled text, merged cells of every workbook, calendars, months."""

from __future__ import annotations

import errno
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pytest
import yaml

from crmlib.client import load_client
from crmlib.contract import TABLES
from crmlib.intake.profiles import load_profiles
from crmlib.intake.proposal import new_client, propose
from crmlib.intake.proposal.headings import LEAST, PERHAPS, likeness
from crmlib.intake.readers import open_source
from crmlib.intake.workspace import take_in
from crmlib.problems import UnusableInput

ORDERS = "order_id,customer_id,ordered_at,amount\n"


def kept(client, table, *columns):
    """Some columns of a table as they were kept, and how many cells each repair changed."""
    taken = take_in(client, client.folder / "workspace")
    rows = duckdb.sql(f"SELECT {', '.join(columns)} FROM read_parquet('{taken.folder / table}.parquet')").fetchall()
    repairs = taken.kept["tables"][table]["repairs"]
    return rows, {(one["name"], one["column"]): one["cells"] for one in repairs}


def refused(client):
    with pytest.raises(UnusableInput) as refusal:
        take_in(client, client.folder / "workspace")
    return str(refusal.value)


# Headings alone


def _named_by_profiles():
    """Every column of every profile that headings fill as they are: table, column, headings."""
    return [
        (table, column, [heading for heading in filling.first if "*" not in heading])
        for profile in load_profiles().values() for part in profile.objects.values()
        for table, source in part.tables.items() for column, filling in source.columns.items()
        if filling.first and not filling.where
    ]  # fmt: skip


def _best(heading, table):
    scored = {c: likeness(heading, table, c).score for c in TABLES[table].names}
    most = max(scored.values())
    return most, {c for c, score in scored.items() if score == most} if most >= LEAST else set()


def test_the_headings_of_known_systems_are_known_by_their_words_alone():
    named = [one for one in _named_by_profiles() if one[2]]
    right = [one for one in named if any(one[1] in _best(heading, one[0])[1] for heading in one[2])]
    # Without synonyms for each language it was 85 %.
    assert len(right) >= 0.95 * len(named)


@pytest.mark.parametrize(
    ("heading", "table", "column"),
    [
        ("2、您的手机号码", "customers", "phone"),
        ("Q1_NPS", "surveys", "score"),
        ("properties.hs_ticket_priority", "tickets", "priority"),
        ("Bestellung #", "orders", "order_id"),
        ("KÃ¤uferland", "customers", ""),
        ("Descuento", "orders", "discount"),
        ("Verlustgrund", "leads", "lost_reason"),
        ("战败原因", "leads", "lost_reason"),
        ("Motif de perte", "leads", "lost_reason"),
    ],
)
def test_headings_in_other_languages_and_with_the_marks_of_systems(heading, table, column):
    assert _best(heading, table)[1] == ({column} if column else set())


@pytest.mark.parametrize("heading", ["Count", "Creator ID", "Owner user id", "Invoice status"])
def test_what_only_looks_alike_is_never_sure(heading):
    known = {"Invoice status": ("orders", "status"), "Count": ("customers", "region")}
    table, column = known.get(heading, ("leads", "customer_id"))
    assert likeness(heading, table, column).score <= PERHAPS


def test_of_two_names_the_one_that_is_filled_is_the_key_and_of_a_name_and_its_number_the_name_is_read(tmp_path):
    lines = "".join(
        f"#{n // 2},{'' if n % 2 else n},{n % 9 + 1}.50,2024-03-{n % 28 + 1:02d},Till {n % 3},{n % 3}\n"
        for n in range(120)
    )
    file = tmp_path / "orders.csv"
    file.write_text("Name,Id,Total,Created at,Location,Location id\n" + lines, encoding="utf-8")
    one = next(o for o in propose(tmp_path / "c", [str(file)]).suggested if o.table == "orders")
    found = {line.key: line.value for line in one.columns if not line.off}
    assert (found["order_id"], found["ordered_at"], found["store"]) == ("Name", "Created at", "Location")
    assert all("please check" in line.reason for line in one.columns if line.key in ("order_id", "store"))


def test_discounts_with_a_minus_are_taken_off_before_anything_is_called_paid(tmp_path):
    lines = "".join(f"T{n},2024-03-{n % 28 + 1:02d},{n + 20}.00,-{n % 5}.00,{n + 20 - n % 5}.00\n" for n in range(60))
    file = tmp_path / "transactions.csv"
    file.write_text("Transaction ID,Date,Gross Sales,Discounts,Net Sales\n" + lines, encoding="utf-8")
    one = next(o for o in propose(tmp_path / "c", [str(file)]).suggested if o.table == "orders")
    assert {line.key: line.value for line in one.columns}["amount"] == "Net Sales"


@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("nps.csv", "Response ID,Submitted at,NPS,Email Address,First Name,Last Name",
         "{n},2024-03-01,{d},p{n}@example.com,Ann,Test{n}\n"),
        ("tickets.csv", "Ticket ID,Created time,Status,Priority,Requester ID,Full name,Email",
         "{n},2024-03-01,Open,High,K{d},Tom Test,t{d}@example.com\n"),
    ],
)  # fmt: skip
def test_answers_and_tickets_that_tell_who_somebody_is_give_customers(tmp_path, name, header, line):
    file = tmp_path / name
    file.write_text(header + "\n" + "".join(line.format(n=n, d=n % 11) for n in range(80)), encoding="utf-8")
    given = {one.table: one for one in propose(tmp_path / "c", [str(file)]).suggested if not one.off}
    filled = {line.key: line.value for line in given["customers"].columns}
    assert filled["email"] in ("Email", "Email Address")
    assert "name" in filled


# No headings at all

SALES = "".join(f"A{1000 + n},2024-{n % 12 + 1:02d}-{n % 28 + 1:02d},C{n % 20:03d},{n + 5}.90\n" for n in range(60))
PEOPLE = "".join(f"{n};p{n}@example.com;13800000{n:03d};2024-03-{n % 28 + 1:02d}\n" for n in range(60))


def drafted(tmp_path, name, content):
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    written, proposal = new_client(tmp_path / "c", [str(file)], currency="EUR", timezone="UTC")
    return written, yaml.safe_load(written.read_text(encoding="utf-8"))["tables"], proposal


@pytest.mark.parametrize(
    ("name", "content", "table", "columns", "open_"),
    [
        ("sales_2024.csv", SALES, "orders", 4, {"order_id", "ordered_at", "amount"}),
        ("people.csv", PEOPLE, "customers", 4, {"customer_id"}),
        ("leads.csv", "L1,2024-01-05 10:00:00,lp1,social\nL2,2024-01-06 10:00:00,lp2,email\n", "leads", 4,
         {"lead_id", "created_at"}),
    ],
)  # fmt: skip
def test_a_file_without_headings_gets_a_draft_with_its_columns_by_number(
    tmp_path, name, content, table, columns, open_
):
    written, tables, proposal = drafted(tmp_path, name, content)
    assert list(tables) == [table]
    assert tables[table]["headings"] == [f"column {n}" for n in range(1, columns + 1)]
    assert {c for c, value in tables[table]["columns"].items() if value == "FILL IN"} == open_
    assert any(f"{name} has no row of headings" in said for said in proposal.decisions)
    assert "FILL IN" in refused_by_check(written)


def refused_by_check(file):
    with pytest.raises(UnusableInput) as refusal:
        load_client(file)
    return str(refusal.value)


def test_the_draft_says_what_each_column_looks_like_and_shows_no_value(tmp_path):
    written, _, _ = drafted(tmp_path, "sales.csv", SALES)
    text = written.read_text(encoding="utf-8")
    assert "- column 2   # all 60 values are dates" in text
    assert "- column 4   # all 60 values are numbers from 5.9 to 64.9; every value is different" in text
    assert "# ordered_at: column 2   # to decide" in text
    assert "A1000" not in text


def test_the_draft_is_taken_in_once_its_gaps_are_filled(tmp_path):
    written, _, _ = drafted(tmp_path, "sales.csv", SALES)
    text = written.read_text(encoding="utf-8")
    for column, number in (("order_id", 1), ("ordered_at", 2), ("amount", 4)):
        text = text.replace(f"{column}: FILL IN", f"{column}: column {number}")
    written.write_text(text, encoding="utf-8")
    rows, _ = kept(load_client(written), "orders", "count(*)", "round(sum(amount), 2)")
    assert rows == [(60, sum(range(5, 65)) + 54.0)]


def test_the_headings_of_a_workbook_without_any_are_numbered_too(tmp_path):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "orders.xlsx") as book:
        sheet = book.add_worksheet()
        for n in range(30):
            sheet.write_row(n, 0, [f"A{n}", f"2024-03-{n % 28 + 1:02d}", 10.5 + n])
    one = propose(tmp_path / "c", [str(tmp_path / "orders.xlsx")]).suggested[0]
    assert (one.table, [line.key for line in one.headings]) == ("orders", ["column 1", "column 2", "column 3"])


# Garbled, full-width


def misread(text, encoding):
    """UTF-8 as a program shows it that takes it for another encoding."""
    shown = []
    for byte in text.encode():
        try:
            shown.append(bytes([byte]).decode(encoding))
        except UnicodeDecodeError:  # Windows-1252 has no sign for five bytes; browsers show a control character
            shown.append(chr(byte))
    return "".join(shown)


@pytest.mark.parametrize("text", ["Café Zürich", "Señor Muñoz", "don’t – 12 €", "张三的店", "Škoda Łódź", "🎉 neu"])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("times", [1, 2])
def test_utf8_that_was_read_as_something_else_is_repaired_and_counted(make_client, text, encoding, times):
    garbled = text
    for _ in range(times):
        garbled = misread(garbled, encoding)
    client = make_client(orders=f"order_id,customer_id,ordered_at,amount,store\n1,a,2024-03-05,5,{garbled}\n")
    rows, repairs = kept(client, "orders", "store")
    assert rows == [(text,)]
    assert repairs["garbled", "store"] == 1


@pytest.mark.parametrize("text", ["São Ângelo", "MAÇÃ VERDE", "IRMÃ MARIA", "Größe “Å”", "Ÿ™ ©", "«Â» Ã©", "北京 Ã©"])
def test_text_that_was_read_right_is_left_alone(make_client, text):
    client = make_client(orders=f"order_id,customer_id,ordered_at,amount,store\n1,a,2024-03-05,5,{text}\n")
    rows, repairs = kept(client, "orders", "store")
    assert rows == [(text,)]
    assert ("garbled", "store") not in repairs


def test_garbled_and_right_are_one_customer_and_the_repair_can_be_switched_off(make_client):
    lines = "1,Zoë,2024-03-05,5\n2,ZoÃ«,2024-03-06,7\n"
    rows, _ = kept(make_client(orders=ORDERS + lines), "orders", "count(DISTINCT customer_id)")
    assert rows == [(1,)]
    off = "tables: {orders: {from: orders.csv, repairs: {garbled: false}}}\n"
    rows, _ = kept(make_client(orders=ORDERS + lines, settings=off), "orders", "count(DISTINCT customer_id)")
    assert rows == [(2,)]


@pytest.mark.parametrize("column", ["channel", "store", "coupon"])
def test_full_width_letters_and_digits_make_no_second_value(make_client, column):
    lines = f"order_id,customer_id,ordered_at,amount,{column}\n1,a,2024-03-05,5,Ａ店１\n2,Ｂ２,2024-03-06,5,A店1\n"
    rows, repairs = kept(make_client(orders=lines), "orders", column)
    assert rows == [("A店1",), ("A店1",)]
    assert (repairs["full_width", column], repairs["full_width", "customer_id"]) == (1, 1)


# Merged cells of .ods and .xlsb

OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def ods(path, rows):
    """An .ods of rows of cells: a text, or (text, rows that it spans), or None for a covered cell."""

    def cell(one):
        if one is None:
            return "<table:covered-table-cell/>"
        text, spans = one if isinstance(one, tuple) else (one, 1)
        span = f' table:number-rows-spanned="{spans}" table:number-columns-spanned="1"' if spans > 1 else ""
        return f'<table:table-cell office:value-type="string"{span}><text:p>{text}</text:p></table:table-cell>'

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    content = (
        f'<office:document-content xmlns:office="{OFFICE}:office:1.0" xmlns:table="{OFFICE}:table:1.0" '
        f'xmlns:text="{OFFICE}:text:1.0"><office:body><office:spreadsheet><table:table table:name="A">{lines}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{OFFICE}:manifest:1.0"/>')


def test_a_cell_of_an_ods_that_is_merged_downwards_stands_in_every_row(make_client):
    client = make_client(
        orders="", settings="tables: {orders: {from: orders.ods, adds_up: [amount], one_row_per: order_id}}\n"
    )
    ods(client.folder / "orders.ods", [
        ["order_id", "customer_id", "ordered_at", "amount"],
        [("O1", 3), ("c1", 3), ("2024-03-05", 3), "5"], [None, None, None, "4"], [None, None, None, "6"],
        ["O2", "c2", "2024-03-06", "7"],
    ])  # fmt: skip
    rows, repairs = kept(client, "orders", "order_id", "customer_id", "amount")
    assert rows == [("O1", "c1", 15.0), ("O2", "c2", 7.0)]
    assert repairs["merged", "order_id"] == 2


def record(kind, body):
    head = bytes([kind & 0x7F | 0x80, kind >> 7]) if kind > 0x7F else bytes([kind])
    return head + bytes([len(body)]) + body


def test_merged_cells_of_an_xlsb_are_known(tmp_path):
    source = Path(__file__).parents[1] / "intake" / "readers" / "workbooks" / "orders.xlsb"
    file = tmp_path / "orders.xlsb"
    merged = record(177, struct.pack("<I", 1)) + record(176, struct.pack("<4I", 1, 2, 0, 0)) + record(178, b"")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.bin"):
                end = record(146, b"")  # BrtEndSheetData
                assert data.count(end) == 1
                data = data.replace(end, end + merged)
            new.writestr(name, data)
    (plain,), _ = open_source(duckdb.connect(), source, shown_as="o.xlsb", name="p", scratch=tmp_path)
    (one,), _ = open_source(duckdb.connect(), file, shown_as="o.xlsb", name="t", scratch=tmp_path)
    assert plain.merged == {}
    assert one.merged == {next(iter(one.types)): (1, 3)}


# Years of the Buddhist calendar, months

THAI = "1,a,2567-02-29,5\n2,a,29/2/2567,6\n3,b,2567/12/31 10:00,7\n"


def test_years_of_the_buddhist_calendar_are_asked_about(make_client):
    said = refused(make_client(orders=ORDERS + THAI))
    assert "3 of 3 dates with years such as 2567" in said
    assert "calendar: buddhist" in said


@pytest.mark.parametrize("lines", ["1,a,05.03.2567,5\n2,b,13.03.2567,5\n", "1,a,2567年3月5日,5\n2,b,2566年1月2日,5\n"])
def test_however_they_are_written(make_client, lines):
    assert "calendar: buddhist" in refused(make_client(orders=ORDERS + lines))


def test_once_the_calendar_is_named_they_are_read_and_counted(make_client):
    settings = "timezone: Asia/Bangkok\ntables: {orders: {from: orders.csv, calendar: buddhist, dates: day first}}\n"
    rows, repairs = kept(make_client(orders=ORDERS + THAI, settings=settings), "orders",
                         "strftime(ordered_at AT TIME ZONE 'Asia/Bangkok', '%Y-%m-%d')")  # fmt: skip
    assert rows == [("2024-02-29",), ("2024-02-29",), ("2024-12-31",)]
    assert repairs["buddhist_years", "ordered_at"] == 3


def test_a_single_slip_of_the_year_is_no_calendar(make_client):
    lines = "".join(f"{n},a,2024-03-{n + 1:02d},5\n" for n in range(9)) + "9,a,2567-03-04,5\n"
    client = make_client(orders=ORDERS + lines, settings="max_set_aside: 0.5\ntables: {orders: {from: orders.csv}}\n")
    assert len(kept(client, "orders", "order_id")[0]) == 9


@pytest.mark.parametrize(
    "month", ["2024-03", "2024/3", "03/2024", "Mar 2024", "March 2024", "2024年3月", "202403", "2024 Mar"]
)
def test_what_was_spent_in_a_month_stands_on_its_first_day_and_that_is_said(make_client, month):
    client = make_client(
        orders=ORDERS + "1,a,2024-03-05,5\n", spend=f"spent_on,channel,cost\n{month},ads,310\n2024-03-15,mail,5\n",
        settings="timezone: UTC\ntables: {orders: {from: orders.csv}, spend: {from: spend.csv}}\n",
    )  # fmt: skip
    taken = take_in(client, client.folder / "workspace")
    rows = duckdb.sql(
        f"SELECT spent_on, cost FROM read_parquet('{taken.folder}/spend.parquet') ORDER BY cost"
    ).fetchall()
    assert [(str(day), cost) for day, cost in rows] == [("2024-03-15", 5.0), ("2024-03-01", 310.0)]
    assert "stands on its first day" in str(taken.account["tables"]["spend"]["decisions"])


def test_the_day_of_an_order_is_never_guessed_from_its_month(make_client):
    assert "ordered_at" in refused(make_client(orders=ORDERS + "1,a,2024-03,5\n2,a,2024-04,5\n"))


# Money that lies in two files


def two_files(make_client, line, order, *, settings=""):
    """Thirty orders of two lines each: ``line(n)`` and ``order(n)`` are amounts."""
    lines = "".join(f"{n},p{k},1,{line(n)}\n" for n in range(30) for k in (1, 2))
    orders = "".join(f"{n},c{n % 7},2024-01-{n % 28 + 1:02d},{order(n)}\n" for n in range(30))
    return make_client(
        orders="order_id,customer_id,ordered_at,amount,discount\n" + orders,
        order_lines="order_id,product_id,quantity,amount\n" + lines,
        settings=settings,
    )


def asked(client, table="orders"):
    return take_in(client, client.folder / "workspace").account["tables"][table]["questions"]


@pytest.mark.parametrize("order", [lambda n: f"{2 * n + 20}.00,0", lambda n: f"{2 * n + 15}.00,5"])
def test_lines_that_add_up_to_their_order_or_to_what_it_was_before_its_discount_are_not_asked_about(make_client, order):
    assert asked(two_files(make_client, lambda n: f"{n + 10}.00", order)) == []


def test_lines_that_add_up_to_another_sum_than_their_order_are_asked_about_with_both_sums(make_client):
    (said,) = asked(two_files(make_client, lambda n: f"{n + 10}.00", lambda n: f"{n + 10}.00,0"))
    whole = sum(n + 10 for n in range(30))
    assert "30 of 30 orders have another amount than their lines add up to" in said
    assert (f"{whole:,}.00 together, and {2 * whole:,}.00 in order_lines" in said, "cents" in said) == (True, False)


@pytest.mark.parametrize(("line", "order"), [("{}.00", "{}00.00,0"), ("{}00", "{}.00,0")])
def test_one_of_two_files_in_cents_is_said_to_be_so(make_client, line, order):
    said = asked(two_files(make_client, lambda n: line.format(n + 1), lambda n: order.format(2 * n + 2)))
    assert any("seems to be in cents" in one for one in said)


@pytest.mark.parametrize(
    ("cost", "is_asked"), [(lambda n: 40 * n + 400, True), (lambda n: f"{0.4 * n + 4:.2f}", False)]
)
def test_a_cost_in_cents_beside_amounts_in_whole_units_is_asked_about(make_client, cost, is_asked):
    lines = "".join(f"{n},c{n % 7},2024-01-{n % 28 + 1:02d},{n + 10}.50,{cost(n)}\n" for n in range(30))
    said = asked(make_client(orders="order_id,customer_id,ordered_at,amount,cost\n" + lines))
    assert [("in 30 of 30 rows with a cost it is above the amount" in one, "times: 0.01" in one) for one in said] == (
        [(True, True)] if is_asked else []
    )


@pytest.mark.parametrize(("sign", "form"), [("", "sum"), ("-", "difference")])
def test_the_remedy_adds_a_refund_back_that_stands_with_or_without_a_minus(make_client, sign, form):
    lines = "".join(f"{n},c{n % 7},2024-01-{n + 1:02d},{n % 4 + 1},{sign}{n % 4 * 9}\n" for n in range(28))
    header = "order_id,customer_id,ordered_at,amount,refunded_amount\n"
    (said,) = [one for one in asked(make_client(orders=header + lines)) if "more refunded than paid" in one]
    assert f"columns: {{amount: {{{form}: [the amount's heading, the refund's heading]}}}}" in said
    settings = f"tables: {{orders: {{from: orders.csv, columns: {{amount: {{{form}: [amount, refunded_amount]}}}}}}}}\n"
    rows, _ = kept(make_client(orders=header + lines, settings=settings, folder="b"), "orders", "sum(amount)")
    assert rows == [(sum(n % 4 + 1 + n % 4 * 9 for n in range(28)),)]


def test_the_unset_margin_stands_in_the_account_as_a_page_too(make_client):
    from crmlib.chapters import chapter_files
    from crmlib.report.intake import write_intake

    for settings, is_asked in (("", True), ("margin: 0.4\n", False)):
        client = make_client(orders=ORDERS + "1,a,2024-01-05,10\n", settings=settings)
        account = take_in(client, client.folder / "workspace").account
        write_intake(client, account, chapter_files(), client.folder)
        page = (client.folder / "intake.html").read_text(encoding="utf-8")
        assert ("Set margin: 0.4" in page) is is_asked


# Logs

LOG = "ticket_id,opened_at,priority,changed\nT1,2024-01-05,low,1\nT1,2024-01-05,high,2\nT2,2024-01-06,low,1\n"


@pytest.mark.parametrize(
    ("keys", "is_asked"),
    [("", True), (", latest_by: changed", False), (", first_by: changed", False),
     (", take: {priority: first}", False), (", confirmed: true", False)],
)  # fmt: skip
def test_a_log_that_does_not_say_which_row_counts_is_asked_about(make_client, keys, is_asked):
    settings = f"tables: {{tickets: {{from: tickets.csv, one_row_per: ticket_id{keys}}}}}\n"
    said = asked(make_client(tickets=LOG, settings=settings), "tickets")
    assert ["differ in priority" in one and "latest_by:" in one for one in said] == ([True] if is_asked else [])


def test_rows_of_a_record_that_agree_are_not_asked_about(make_client):
    settings = "tables: {tickets: {from: tickets.csv, one_row_per: ticket_id}}\n"
    assert asked(make_client(tickets=LOG.replace("high", "low"), settings=settings), "tickets") == []


# The console


def test_an_intake_that_waits_for_another_says_so(make_client):
    from crmlib.intake.identities.private import private_folder

    client = make_client(orders=ORDERS + "1,a,2024-01-05,10\n")
    lock, told = private_folder(client.folder) / ".intake.lock", []
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import time; from crmlib.files import hold; h = open({str(lock)!r}, 'a+'); hold(h); "
         "print('held', flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"

    def waits():
        told.append("waits")
        holder.kill()
        holder.wait()

    assert take_in(client, client.folder / "workspace", waits=waits).account["tables"]["orders"]["rows"] == 1
    assert told == ["waits"]


def test_a_disk_that_fills_meanwhile_is_not_said_to_have_kept_the_run_from_starting(make_client, monkeypatch):
    from typer.testing import CliRunner

    from crmlib import cli
    from crmlib.intake import workspace

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    client = make_client(orders=ORDERS + "1,a,2024-01-05,10\n")
    monkeypatch.setattr(workspace.Staging, "write", full)
    done = CliRunner().invoke(cli.app, ["check", str(client.path), "--out", str(client.folder.parent / "out")])
    assert done.exit_code == 2
    assert "Stopped: 1 problem to mend. What was finished before is kept." in done.stderr
    assert "a full disk" in done.stderr
    missing = CliRunner().invoke(cli.app, ["check", str(client.folder / "none.yaml")])
    assert missing.stderr.startswith("Cannot start:")


# Words that may be names

NAMED = "customer_id,name\nC1,Rose\nC2,Mark\nC3,高兴\nC4,Anna Schmidt\n"
SAID = (
    "response_id,customer_id,answered_at,kind,score,comment\nr1,C4,2025-01-01,nps,9,Rose's dog and Mark\n"
    "r2,C4,2025-01-02,nps,9,Mark my words\nr3,C4,2025-01-03,nps,9,我很高兴\nr4,C2,2025-01-04,nps,9,Anna Schmidt rose\n"
)


@pytest.fixture
def named(make_client, monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", "5a" * 32)

    def made(known_names, folder="client"):
        tables = "tables: {customers: {from: customers.csv}, surveys: {from: surveys.csv}}\n"
        settings = f"customer_ids: pseudonyms\n{known_names}{tables}"
        return make_client(customers=NAMED, surveys=SAID, settings=settings, folder=folder)

    return made


def comments(client):
    taken = take_in(client, client.folder / "workspace")
    rows = duckdb.sql(f"SELECT comment FROM read_parquet('{taken.folder}/surveys.parquet') ORDER BY response_id")
    doubts = [row for one in taken.account["people"].get("names_in_doubt", []) for row in one["rows"]]
    return [said for (said,) in rows.fetchall()], doubts


def test_a_word_in_doubt_is_masked_or_kept_as_the_client_says(named):
    assert comments(named("")) == (["Rose's dog and Mark", "Mark my words", "我很高兴", "[name] rose"], ["1", "2", "3"])
    decided = named("known_names: {mask: [Rose, 高兴], keep: [Mark, Anna Schmidt]}\n", folder="b")
    assert comments(decided) == (["[name] dog and Mark", "Mark my words", "我很[name]", "[name] rose"], [])


def decide(client, known_names):
    settings = client.path.read_text(encoding="utf-8")
    client.path.write_text(f"known_names: {known_names}\n{settings}", encoding="utf-8")


def test_a_decision_is_read_anew_though_the_exports_have_not_changed(named):
    client = named("")
    assert comments(client)[1] == ["1", "2", "3"]
    decide(client, "{mask: [Rose], keep: [高兴, Mark]}")
    left = ["[name] dog and Mark", "Mark my words", "我很高兴", "[name] rose"]
    assert comments(load_client(client.path)) == (left, [])


def test_forgetting_somebody_takes_the_word_out_that_is_said_to_be_the_name_and_names_the_yaml(named, tmp_path):
    from crmlib.intake.identities.forget import forget
    from crmlib.run_folder import writing_to

    client, out = named(""), tmp_path / "out"
    with writing_to(out, client):
        take_in(client, out / "workspace")
    decide(client, "{mask: [Rose, Mark]}")
    report = forget(load_client(client.path), "C1")
    assert any(client.path.name in line for line in report.remains)
    rows = duckdb.sql(f"SELECT comment FROM read_parquet('{out}/workspace/surveys.parquet') ORDER BY response_id")
    # Mark is somebody else, who is not forgotten.
    assert [said for (said,) in rows.fetchall()][:2] == ["[name] dog and Mark", "Mark my words"]
