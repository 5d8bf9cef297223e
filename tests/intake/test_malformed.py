"""Malformed exports of many kinds: refused in words that say what to do, or read to exactly the right numbers.

The wrong numbers that each file invites are an amount times a hundred or a thousand, a row lost or counted twice, day
and month exchanged, two currencies added up, a total counted as an order.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import openpyxl
import pytest
import xlsxwriter

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.problems import UnusableInput
from tests.conftest import write_client

COLUMNS = ["order_id", "customer_id", "ordered_at", "amount"]
HEAD = ",".join(COLUMNS) + "\n"
Content = str | bytes | Callable[[Path], None]
Orders = list[tuple[str, str, float]]


def orders(first: int = 1, last: int = 10) -> Orders:
    """Orders, one a day in January 2025: (id, day, amount)."""
    return [(str(n), f"2025-01-{n:02d}", n + 0.5) for n in range(first, last + 1)]


def lines(rows: Orders, pattern: str = "{0},c{0},{1},{2}\n") -> str:
    return "".join(pattern.format(*row) for row in rows)


GOOD = HEAD + lines(orders())
TEN = lines(orders())


# Files


def workbook(*rows: list[object], change: Callable[[openpyxl.Workbook], None] | None = None) -> bytes:
    """An .xlsx of one sheet; a text that begins with ``#`` is a formula that ended in that error."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Orders")
    for number, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, str) and cell.startswith("#"):
                sheet.write_formula(number, column, "=1/0", None, cell)
            elif cell is not None:
                sheet.write(number, column, cell)
    book.close()
    if change is None:
        return stream.getvalue()
    changed, again = openpyxl.load_workbook(stream), io.BytesIO()
    change(changed)
    changed.save(again)
    return again.getvalue()


def typed(rows: Orders) -> list[list[object]]:
    return [[order, f"c{order}", dt.datetime.fromisoformat(day), amount] for order, day, amount in rows]


def archive(**files: str | bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def with_password() -> bytes:
    """A zip archive in which the file is marked as encrypted."""
    packed = bytearray(archive(**{"orders.csv": GOOD}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def slipping() -> bytes:
    return archive(**{"..__..__orders.csv": GOOD})


def parquet(query: str, folder: Path) -> bytes:
    target = folder / "made.parquet"
    duckdb.sql(f"COPY ({query}) TO '{target}' (FORMAT parquet)")
    content = target.read_bytes()
    target.unlink()
    return content


def parquet_orders(query: str, change: Callable[[bytes], bytes] = bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "orders.parquet").write_bytes(change(parquet(query, folder)))

    return write


def damaged_inside(content: bytes) -> bytes:
    return content[:1000] + bytes(byte ^ 0x5A for byte in content[1000:1400]) + content[1400:]


MANY = (
    "SELECT i AS order_id, 'c' || i AS customer_id, TIMESTAMP '2025-01-01' AS ordered_at, i * 1.5 AS amount "
    "FROM range(20000) AS t(i)"
)
MAC_DAYS = openpyxl.utils.datetime.CALENDAR_MAC_1904


def since_1904() -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.epoch = MAC_DAYS
    for row in [COLUMNS, *typed(orders())]:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def not_calculated() -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.append([*COLUMNS, "refunded_amount"])
    for number, row in enumerate(typed(orders()), 2):
        book.active.append([*row, f"=D{number}/2"])
    book.save(stream)
    return stream.getvalue()


# Kinds that cannot be used


@dataclasses.dataclass(frozen=True)
class Refused:
    """Files by name; what the message calls the file, what it says was found, and what it says to do."""

    files: Mapping[str, Content]
    names: str
    found: str
    remedy: str
    settings: str = ""


def one(name: str, content: Content, found: str, remedy: str, names: str = "", settings: str = "") -> Refused:
    return Refused({name: content}, names or name, found, remedy, settings or f"tables: {{orders: {{from: {name}}}}}\n")


YAML = "tables.orders in client.yaml"
REFUSED = {
    "a gzip file that is cut off": one(
        "orders.csv.gz", gzip.compress(GOOD.encode() * 50)[:-30], "cut off or damaged", "export or copy it again"
    ),
    "a gzip file with something behind it": one(
        "orders.csv.gz", gzip.compress(GOOD.encode()) + b"junk" * 9, "cut off or damaged", "export or copy it again"
    ),
    "a zip archive within gzip": one(
        "orders.gz", gzip.compress(archive(**{"a.csv": GOOD})), "an archive within an archive", "unpack the outer one"
    ),
    "a zip archive with a password": one(
        "orders.zip", with_password(), "with a password", "unpack it with the password", "orders.zip/orders.csv"
    ),
    "a zip archive of two different tables": one(
        "orders.zip", archive(**{"a.csv": GOOD, "b.csv": "x,y\n1,2\n"}), "no heading that is known",
        "name them under columns", "orders.zip/b.csv",
    ),
    "a zip archive that writes outside of itself": one(
        "orders.zip", slipping(), "leads outside of it", "do not trust it"
    ),
    "a zip archive with nothing in it": one("orders.zip", archive(), "without a file that can be read", "pack CSV"),
    "an .xls that is a web page": one(
        "orders.xls", "<html><body><table><tr><td>order_id</td></tr></table></body></html>", "a web page", "save it as"
    ),
    "a workbook with a password": one(
        "orders.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600,
        "a workbook with a password", "save it without the password",
    ),
    "a workbook with an empty sheet only": one("orders.xlsx", workbook(), "no sheet with a table", "export it again"),
    "a workbook that is cut off": one(
        "orders.xlsx", workbook(COLUMNS, *typed(orders()))[:-600], "cut off or damaged", "export or copy it again"
    ),
    "a workbook with errors of formulas in ids and amounts": one(
        "orders.xlsx",
        workbook(COLUMNS, *typed(orders(1, 3)), ["#VALUE!", "c", dt.datetime(2025, 1, 4), 1], ["5", "c", None, "#N/A"]),
        "order_id cannot be read in 1 row (row 5", "correct the rows",
    ),
    "identifiers that a workbook stored as long numbers": one(
        "orders.xlsx",
        workbook(COLUMNS, *([6217001234567890123 + n, "c", dt.datetime(2025, 1, 1), 10] for n in range(6))),
        "order_id cannot be read in 6 rows", "export it again",
    ),
    "dates of which a spreadsheet has exchanged day and month": one(
        "orders.xlsx",
        workbook(
            COLUMNS,
            *([str(n), "c", dt.datetime(2025, n, 4), 1] for n in range(1, 9)),
            *([f"a{n}", "c", f"{n}/04/2025", 1] for n in range(13, 20)),
        ),
        "swapped day and month where it could", "export with the dates as text", YAML,
    ),
    "a quotation mark that is never closed": one(
        "orders.csv", HEAD + '1,"a,2025-01-01,10\n' + TEN, "never closed", "close or remove it"
    ),
    "a quotation mark in one row that closes in a later one": one(
        "orders.csv",
        "order_id,customer_id,ordered_at,amount,channel\n1,a,2025-01-01,10,web\n2,b,2025-01-02,20,\"bad\n"
        "3,c,2025-01-03,30,web\n4,c,2025-01-04,40,web\n5,c,2025-01-05,50,fine\"\n6,a,2025-01-06,60,web\n",
        "a cell that holds whole rows", "close or remove the quotation mark",
    ),
    "two rows that a pair of stray quotation marks made one": one(
        "orders.csv", HEAD + '1,a,2025-01-01,10\n2,"b,2025-01-02,20\n3,c",2025-01-03,30\n4,a,2025-01-04,40\n',
        "a cell that holds whole rows", "close or remove the quotation mark",
    ),
    "two rows of headings of which the second is meant": one(
        "orders.csv", "订单号,客户,下单时间,金额\n" + GOOD, "no heading that is known", "name them under columns"
    ),
    "ten thousand columns": one(
        "orders.csv", ",".join([*COLUMNS, *(f"h{n}" for n in range(10_000))]) + "\n", "10,004 columns",
        "only the columns that are needed",
    ),
    "an empty file": one("orders.csv", "", "an empty file", "export it again"),
    "headings and nothing else": one("orders.csv", HEAD, "no rows", "export it again, or take the table out"),
    "blank lines and nothing else": one("orders.csv", "\n\r\n  \n\n", "an empty file", "export it again"),
    "binary junk": one("orders.csv", bytes(range(256)) * 40, "binary data", "CSV UTF-8"),
    "a PDF": one("orders.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF document", "as CSV or .xlsx"),
    "a picture": one("orders.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "a picture", "as CSV or .xlsx"),
    "JSON that is no list of records": one(
        "orders.json", '{"a": 1, "b": {"c": 2}}', "no heading that is known", "name them under columns"
    ),
    "JSON that is cut off": one(
        "orders.json", json.dumps([dict(zip(COLUMNS, row, strict=False)) for row in orders()])[:-40],
        "text that is not JSON from here on", "export it again",
    ),
    "a delimiter that is set wrong": one(
        "orders.csv", GOOD, "one heading only with ';'", "correct or drop it",
        settings='tables: {orders: {from: orders.csv, delimiter: ";"}}\n',
    ),
    "two delimiters in one file": one(
        "orders.csv", HEAD + lines(orders(1, 5)) + lines(orders(6, 10)).replace(",", ";"),
        "5 of 10 rows that cannot be used", "correct the rows",
    ),
    "numbers that a decimal comma without quotation marks splits": one(
        "orders.csv", HEAD[:-1] + ",\n" + lines(orders()).replace(".5", ",5"), "splits them over two columns",
        "export with semicolons",
    ),
    "commas that may part thousands or fractions": one(
        "orders.csv", HEAD + lines(orders(), '{0},c,{1},"{0},250"\n'), 
        "none that tells whether the comma parts", "add decimal:", YAML,
    ),
    "days that may be months": one(
        "orders.csv", HEAD + lines(orders(), "{0},c,{0}/02/2025,{2}\n"),
        "whether the day or the month", "day first", YAML
    ),
    "days first and months first in one column": one(
        "orders.csv", HEAD + lines(orders(), "{0},c,{0}/02/2025,1\n") + "11,c,13/02/2025,1\n12,c,02/13/2025,1\n",
        "1 date with the day first, 1 with the month first", "write dates:", YAML,
    ),
    "NUL characters within the text": one("orders.csv", GOOD.replace("c3", "c\0003"), "a NUL character", "CSV UTF-8"),
    "a line of twenty megabytes": one(
        "orders.csv", GOOD.encode() + b"x" * 20_000_000 + b"\n", "a line longer than 16 MB", "correct the line"
    ),
    "a heading that is there twice": one(
        "orders.csv", HEAD[:-1] + ",amount\n1,a,2025-01-01,10,20\n", "the heading 'amount' twice", "headings: "
    ),
    "headings that are blank": one(
        "orders.csv", " , , , \n" + TEN, "no headings, but numbers or dates", "set header_row"
    ),
    "no headings at all": one("orders.csv", TEN, "no headings, but numbers or dates", "export with headings"),
    "identifiers in scientific notation": one(
        "orders.csv", HEAD + "1.23E+17,a,2025-01-01,10\n1.23E+17,a,2025-01-02,20\n3,x,2025-01-02,30\n",
        "order_id cannot be read in 2 rows (row 2", "correct the rows",
    ),
    "yuan and dollars in one column": one(
        "orders.csv", HEAD + "1,a,2025-01-01,¥100.00\n2,b,2025-01-02,$100.00\n3,c,2025-01-03,¥50.00\n",
        "money in several currencies: ¥ in 2 rows, $ in 1 row", 'leave_out: {"amount": ["$*"]}', YAML,
    ),
    "orders in two currencies": one(
        "orders.csv", HEAD[:-1] + ",currency\n1,a,2025-01-01,100,CNY\n2,b,2025-01-02,100,usd\n",
        "orders in several currencies: CNY in 1 row, USD in 1 row", "convert the amounts to CNY",
    ),
    "dates in the years 25, 20025 and 2099": one(
        "orders.csv",
        HEAD + "1,a,20025-01-01,1\n2,a,0025-01-01,1\n3,a,2099-01-01,1\n4,a,2025-02-30,1\n5,a,2025-01-05,1\n",
        "4 of 5 rows that cannot be used", "correct the rows",
    ),
    "Parquet that is cut off": Refused(
        {"": parquet_orders(MANY, lambda content: content[:-2000])}, "orders.parquet", "is cut off or is damaged",
        "export it again", "tables: {orders: {from: orders.parquet}}\n",
    ),
    "Parquet with damage in the middle": Refused(
        {"": parquet_orders(MANY, damaged_inside)}, "orders.parquet", "cannot be read to the end",
        "export or copy it again", "tables: {orders: {from: orders.parquet}}\n",
    ),
    "Parquet with a nested column": Refused(
        {"": parquet_orders("SELECT 1 AS order_id, {'v': 1} AS amount, now() AS ordered_at")}, "orders.parquet",
        "STRUCT", "export it as plain text", "tables: {orders: {from: orders.parquet}}\n",
    ),
    "Parquet with a column of lists": Refused(
        {"": parquet_orders("SELECT 1 AS order_id, [1, 2] AS amount, now() AS ordered_at")}, "orders.parquet",
        "INTEGER[]", "export it as plain text", "tables: {orders: {from: orders.parquet}}\n",
    ),
    "Parquet with truth values as amounts": Refused(
        {"": parquet_orders("SELECT 1 AS order_id, true AS amount, TIMESTAMP '2025-01-01' AS ordered_at")},
        "orders.parquet", "amount is not a number", "export it again", "tables: {orders: {from: orders.parquet}}\n",
    ),
    "a folder in place of a file": one(
        "", lambda folder: (folder / "orders.csv").mkdir(), "no file at 'orders.csv'", "correct the path",
        "client.yaml",
        "tables: {orders: {from: orders.csv}}\n",
    ),
    "a link to nowhere": one(
        "", lambda folder: (folder / "orders.csv").symlink_to(folder / "gone"), "no file at", "correct the path",
        "client.yaml", "tables: {orders: {from: orders.csv}}\n",
    ),
    "a link to itself": one(
        "", lambda folder: (folder / "orders.csv").symlink_to(folder / "orders.csv"), "no file at", "correct the path",
        "client.yaml", "tables: {orders: {from: orders.csv}}\n",
    ),
    "a pipe in place of a file": one(
        "", lambda folder: os.mkfifo(folder / "orders.csv"), "no file at", "correct the path", "client.yaml",
        "tables: {orders: {from: orders.csv}}\n",
    ),
    "a file that is listed twice": one(
        "orders.csv", GOOD, "the file 'orders.csv' twice", "take one of them out", "client.yaml",
        "tables: {orders: [{from: orders.csv}, {from: 'ord*.csv'}]}\n",
    ),
    "an export that was downloaded twice": Refused(
        {"lines.csv": "order_id,product_id,quantity,amount\n1,p,1,10\n1,q,2,20\n",
         "lines (1).csv": "order_id,product_id,quantity,amount\n1,p,1,10\n1,q,2,20\n", "orders.csv": GOOD},
        "client.yaml", "whose rows would count twice", "take one of them out",
        "tables: {orders: {from: orders.csv}, order_lines: {from: 'lines*.csv'}}\n",
    ),
    "files of a glob with different headings": Refused(
        {"orders1.csv": GOOD, "orders2.csv": GOOD.replace("amount", "total").replace("\n1,", "\n11,")}, "orders2.csv",
        "no column 'amount'", "name it under columns", "tables: {orders: {from: 'orders*.csv'}}\n",
    ),
    "a download that is not finished": Refused(
        {"orders1.csv": GOOD, "orders2.csv.crdownload": HEAD}, "orders2.csv.crdownload", "is not finished",
        "wait until", "tables: {orders: {from: 'orders*'}}\n",
    ),
    "a download that is not finished, in a folder": Refused(
        {"exports/orders1.csv": GOOD, "exports/orders2.csv.part": HEAD}, "exports/orders2.csv.part", "is not finished",
        "wait until", "tables: {orders: {from: exports}}\n",
    ),
    "a file name that is not UTF-8": one(
        "", lambda folder: (folder / os.fsdecode(b"o\xff.csv")).write_text(GOOD), "in another encoding", "a plain name",
        "o\ufffd.csv", "tables: {orders: {from: 'o*.csv'}}\n",
    ),
    "a database that is none": one(
        "shop.db", "order_id " * 100, "not a SQLite database", "copy it again", "shop.db",
        "tables: {orders: {database: 'sqlite:///shop.db', from: orders}}\n",
    ),
}  # fmt: skip


def write(folder: Path, files: Mapping[str, Content], settings: str) -> Path:
    """The client.yaml of a new client with these files beside it."""
    path = write_client(folder, settings)
    for name, content in files.items():
        if callable(content):
            content(folder)
            continue
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_with_its_name_what_was_found_and_what_to_do(kind, tmp_path):
    case = REFUSED[kind]
    path = write(tmp_path / "client", case.files, case.settings)
    with pytest.raises(UnusableInput) as refused:
        take_in(load_client(path), tmp_path / "workspace")
    assert all(problem.file and problem.found and problem.remedy for problem in refused.value.problems)
    sentences = [
        s for s in map(str, refused.value.problems) if case.names in s and case.found in s and case.remedy in s
    ]
    assert len(sentences) == 1, str(refused.value)
    assert not any(word in str(refused.value) for word in ("Error", "Traceback", "Exception", "/tmp/"))
    assert not (tmp_path / "workspace").exists()
    assert not list(tmp_path.glob(".workspace*"))


# Kinds that are read


@dataclasses.dataclass(frozen=True)
class Read:
    """Files by name; the orders that must come out; the reasons for which others do not; rows that were repaired."""

    files: Mapping[str, Content]
    orders: Orders
    reasons: Mapping[str, int] = dataclasses.field(default_factory=dict)
    repaired: int = 0
    said: str = ""
    settings: str = ""


def single(
    content: Content, wanted: Orders | None = None, reasons: Mapping[str, int] | None = None, *,
    name: str = "orders.csv", repaired: int = 0, said: str = "", settings: str = "",
) -> Read:  # fmt: skip
    settings = f"max_set_aside: 0.9\n{settings or f'tables: {{orders: {{from: {name}}}}}'}\n"
    return Read({name: content}, orders() if wanted is None else wanted, reasons or {}, repaired, said, settings)


FOOTER = "a totals or footer line"
TOTALS = "left out: a totals line among the rows"
LENGTH = "the line does not have the header's number of values"
TITLE = "a title line above the headings"
SUM = sum(amount for *_, amount in orders())
READ = {
    "an .xls that is text with tabs in UTF-16": single(
        GOOD.replace(",", "\t").encode("utf-16"), name="orders.xls", said="UTF-16"
    ),
    "an .xlsx that is CSV": single(GOOD, name="orders.xlsx"),
    "a .csv that is a workbook": single(workbook(COLUMNS, *typed(orders()))),
    "a workbook with days since 1904": single(since_1904(), name="orders.xlsx"),
    "a workbook with dates as text in some rows": single(
        workbook(COLUMNS, *typed(orders(1, 5)), *([str(n), "c", f"{n}.1.2025", n + 0.5] for n in range(6, 11))),
        repaired=5, name="orders.xlsx", said="day before month",
    ),
    "a workbook with a title and a total": single(
        workbook(["Orders of January"], [], COLUMNS, *typed(orders()), ["合计", None, None, SUM]),
        reasons={TITLE: 1, FOOTER: 1}, name="orders.xlsx",
    ),
    "a workbook whose formulas nobody has calculated": single(
        not_calculated(), name="orders.xlsx", said="refunded_amount: 10 left empty"
    ),
    "a quotation mark in the middle of a value": single(
        GOOD + '11,b"x"y,2025-01-11,11\n12,"c"z,2025-01-12,12\n', [*orders(), ("11", "2025-01-11", 11)],
        {"a quotation mark in the middle of a value": 1},
    ),
    "text of several lines in quotation marks": single(
        HEAD[:-1] + ",channel\n" + lines(orders(), '{0},c,{1},{2},"first, line\nsecond, line, too"\n')
    ),
    "a second row of headings in another language": single(
        HEAD + "订单号,客户,下单时间,金额\n" + TEN,
        reasons={"ordered_at is not a date that exists and can be read; amount is not a number": 1},
    ),
    "headings that come again in the middle": single(
        GOOD + HEAD + lines(orders(11, 12)), orders(1, 12), {"the headings again": 1}
    ),
    "JSON lines of which one is broken": single(
        "".join(
            json.dumps(dict(zip(("order_id", "ordered_at", "amount"), row, strict=True))) + "\n" for row in orders()
        ) + '{"order_id": "11", "amo\n',
        reasons={"the line is not a JSON object": 1}, name="orders.jsonl",
    ),
    "JSON with half of a character": single(
        '{"order_id":"1","customer_id":"a\\ud83d","ordered_at":"2025-01-01","amount":1.5}\n'
        '{"order_id":"2","customer_id":"b","ordered_at":"2025-01-02","amount":2.5}\n', orders(1, 2),
        name="orders.jsonl",
    ),
    "decimal commas that are not declared": single(
        GOOD.replace(",", ";").replace(".", ","), repaired=10, said="the comma stands before the fraction"
    ),
    "thousands with points and fractions with commas": single(
        HEAD + '1,a,2025-01-01,"1.234,50"\n2,a,2025-01-02,"2.000,00"\n',
        [("1", "2025-01-01", 1234.5), ("2", "2025-01-02", 2000)], repaired=2,
    ),
    "a few numbers with three digits after the point": single(
        HEAD + lines(orders(), "{0},c,{1},{0}.250\n"), [(n, day, float(n) + 0.25) for n, day, _ in orders()],
        said="if it parts thousands, add decimal",
    ),
    "UTF-16 without a byte order mark": single(GOOD.encode("utf-16-le"), said="UTF-16 without"),
    "lines of UTF-8 and of GB18030 in one file": single(
        (HEAD + lines(orders(1, 5), "{0},李雷,{1},{2}\n")).encode()
        + lines(orders(6, 10), "{0},韩梅梅,{1},{2}\n").encode("gb18030"), said="mixes encodings",
    ),
    "a byte in one line that is no UTF-8": single(
        GOOD.encode().replace(b"c3", b"c\xed\xa0\x803"), repaired=1, said="set `encoding:`"
    ),
    "emoji and rare characters in GB18030": single(
        (HEAD[:-1] + ",channel\n" + lines(orders(), "{0},𠮷野,{1},{2},😀渠道\n")).encode("gb18030"), said="GB18030"
    ),
    "lines that end as on an old Macintosh": single(GOOD.replace("\n", "\r")),
    "a byte order mark twice": single(b"\xef\xbb\xbf" * 2 + GOOD.encode()),
    "quotation marks after blanks": single(
        '"order_id", "customer_id", "ordered_at", "amount"\n' + lines(orders(), '"{0}", "Li, {0}", "{1}", "{2}"\n')
    ),
    "comments above the headings": single("# made by the CRM\n# a, b\n" + GOOD, reasons={TITLE: 2}),
    "Excel's line that names the delimiter": single("sep=;\n" + GOOD.replace(",", ";"), reasons={"sep= line": 1}),
    "a total at the end that would double the revenue": single(GOOD + f"合计,,,{SUM}\n", reasons={FOOTER: 1}),
    "a total at the end with a date": single(GOOD + f"Total,,2025-01-31,{SUM}\n", reasons={TOTALS: 1}),
    "a total after each group": single(
        HEAD + lines(orders(1, 5)) + "小计,,2025-01-05,17.5\n" + lines(orders(6, 10))
        + "小计,,2025-01-10,42.5\n合计,,,60\n",
        reasons={TOTALS: 2, FOOTER: 1},
    ),
    "legal lines at the end": single(GOOD + "\nConfidential - do not copy\n© ACME\n", reasons={FOOTER: 2}),
    "a value too few and a value too many": single(
        GOOD + "11,a,2025-01-11\n12,a,2025-01-12,12,5\n", reasons={LENGTH: 2}
    ),
    "customers whose ids Excel destroyed": single(
        HEAD + lines(orders(), "{0},1.23E+17,{1},{2}\n"), said="customer_id: 10 left empty"
    ),
    "customers whose ids are errors of formulas": single(
        HEAD + lines(orders(), "{0},#REF!,{1},{2}\n"), said="customer_id: 10 left empty"
    ),
    "ids of twenty digits that Excel has rounded": single(
        HEAD + lines(orders(), "621700123456{0:0>3}00000,c,{1},{2}\n"),
        [(f"621700123456{n:0>3}00000", day, amount) for n, day, amount in orders()], said="Excel has rounded them",
    ),
    "negative amounts in parentheses and with the sign behind": single(
        HEAD + "1,a,2025-01-01,(10.00)\n2,a,2025-01-02,20-\n3,a,2025-01-03,-5\n",
        [("1", "2025-01-01", -10), ("2", "2025-01-02", -20), ("3", "2025-01-03", -5)], repaired=2,
    ),
    "amounts in ten thousands": single(
        HEAD + "1,a,2025-01-01,1.2万\n2,a,2025-01-02,35\n", [("1", "2025-01-01", 12000), ("2", "2025-01-02", 35)],
        repaired=1, said="万 is 10,000",
    ),
    "a heading that counts in ten thousands": single(
        GOOD.replace("amount", "金额（万元）"), said="which seems to count in 万元",
        settings="tables: {orders: {from: orders.csv, columns: {amount: 金额（万元）}}}",
    ),
    "a heading that counts in cents": single(
        GOOD.replace("amount", "amount_cents"), said="which seems to count in cents",
        settings="tables: {orders: {from: orders.csv, columns: {amount: amount_cents}}}",
    ),
    "money in another currency than the client's": single(
        HEAD + lines(orders(), "{0},c,{1},€{2}\n"), repaired=10, said="which is EUR, taken as CNY"
    ),
    "one of two currencies, with the other left out": single(
        GOOD.replace("1.5", "¥1.5") + "11,a,2025-01-11,$99\n", reasons={"left out: amount is $…": 1}, repaired=1,
        settings='tables: {orders: {from: orders.csv, leave_out: {amount: ["$*"]}}}',
    ),
    "1970-01-01 for an empty date": single(GOOD + "11,a,1970-01-01,10\n", reasons={"no ordered_at": 1}),
    "Excel's day numbers": single(
        HEAD + lines([(n, str(45657 + int(n)), amount) for n, _, amount in orders()]), repaired=10, said="day number"
    ),
    "a lock file and hidden files beside the export": Read(
        {"orders.csv": GOOD, "~$orders.csv": "x", ".orders.csv": "y"}, orders(),
        settings="tables: {orders: {from: '*.csv'}}\n",
    ),
    "a folder that contains itself": Read(
        {"orders.csv": GOOD, "": lambda folder: (folder / "again").symlink_to(folder)}, orders(),
        settings="tables: {orders: {from: '**/*.csv'}}\n",
    ),
    "a file name of odd characters": single(
        GOOD, name="o's [1] 订单\n\"; DROP x*.csv", settings="tables: {orders: {from: 'o*.csv'}}"
    ),
    "formulas in headings and cells": single(
        f"{HEAD[:-1]},=cmd|' /C calc'!A0\n" + lines(orders(), "{0},=cmd|' /C calc'!A0,{1},{2},=1+1\n")
    ),
    "a heading that holds SQL": single(
        f'{HEAD[:-1]},"x""; DROP TABLE orders; --"\n' + lines(orders(), "{0},c,{1},{2},1\n")
    ),
    "a cell of a megabyte": single(
        HEAD[:-1] + ",channel\n" + lines(orders(1, 9), "{0},c,{1},{2},web\n")
        + f"10,c,2025-01-10,10.5,{'x' * 1_000_000}\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_a_file_that_can_be_read_gives_exactly_its_orders_and_accounts_for_every_row(kind, tmp_path):
    case = READ[kind]
    client = load_client(write(tmp_path / "client", case.files, case.settings))
    account = take_in(client, tmp_path / "workspace").account["tables"]["orders"]
    found = duckdb.sql(
        "SELECT order_id, strftime(ordered_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d %H:%M') AS at, amount "
        f"FROM read_parquet('{tmp_path}/workspace/orders.parquet') ORDER BY ordered_at, order_id"
    ).fetchall()
    assert found == [(order, f"{day} 00:00", amount) for order, day, amount in case.orders]
    assert account["reasons"] == case.reasons
    out = sum(case.reasons.values())
    counts = (account["read"], account["accepted"], account["repaired"], account["quarantined"])
    assert counts == (len(found) + out, len(found) - case.repaired, case.repaired, out)
    assert account["sums"]["amount"]["accepted"] == pytest.approx(sum(a for *_, a in case.orders), abs=1e-9)
    said = [*account["decisions"], *account["questions"], *(s for notes in account["notes"].values() for s in notes)]
    said += [f"{column}: {count} left empty" for column, count in account["blanked"].items()]
    assert case.said in "\n".join(said)


def test_texts_in_rare_characters_come_out_as_they_are(tmp_path):
    case = READ["emoji and rare characters in GB18030"]
    take_in(load_client(write(tmp_path / "client", case.files, case.settings)), tmp_path / "workspace")
    found = duckdb.sql(f"SELECT DISTINCT customer_id, channel FROM read_parquet('{tmp_path}/workspace/orders.parquet')")
    assert found.fetchall() == [("𠮷野", "😀渠道")]


def test_a_second_customer_of_the_same_id_is_set_aside_and_not_counted(tmp_path):
    customers = "customer_id,city\n1,Beijing\n2,Shanghai\n1,Shenzhen\n"
    settings = "max_set_aside: 0.5\ntables: {orders: {from: o.csv}, customers: {from: c.csv}}\n"
    path = write(tmp_path / "client", {"o.csv": GOOD, "c.csv": customers}, settings)
    account = take_in(load_client(path), tmp_path / "workspace").account["tables"]["customers"]
    assert (account["rows"], account["reasons"]) == (2, {"duplicate customer_id": 1})


def test_rows_to_correct_hold_no_formula_that_runs_and_are_read_again_as_they_were(tmp_path):
    formula = "=cmd|' /C calc'!A0"
    content = f"{HEAD[:-1]},channel,{formula}\n" + lines(orders(), "{0},c,{1},{2},web,x\n") + f"11,-c,,1,{formula},@x\n"
    path = write(tmp_path / "client", {"orders.csv": content}, "tables: {orders: {from: orders.csv}}\n")
    account = take_in(load_client(path), tmp_path / "workspace").account["tables"]["orders"]
    assert account["reasons"] == {"no ordered_at": 1}
    written = (tmp_path / "client/quarantine/orders.csv").read_text(encoding="utf-8-sig")
    assert f",'{formula}\n" in written
    assert written.endswith(f",11,'-c,,1.0,'{formula},'@x\n") or written.endswith(f",11,'-c,,1,'{formula},'@x\n")
    corrected = tmp_path / "client/corrected/orders.csv"
    corrected.parent.mkdir()
    corrected.write_text(written.replace(",11,'-c,,", ",11,'-c,2025-01-11,"), encoding="utf-8")
    workspace = take_in(load_client(path), tmp_path / "workspace")
    assert workspace.account["tables"]["orders"]["quarantined"] == 0
    found = duckdb.sql(
        f"SELECT customer_id, channel FROM read_parquet('{tmp_path}/workspace/orders.parquet') WHERE order_id = '11'"
    )
    assert found.fetchall() == [("-c", formula)]


# The command line


def check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crmlib.cli", "check", str(path), "--out", str(path.parent / "runs")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


ON_THE_COMMAND_LINE = {
    "customers": "a gzip file that is cut off",
    "orders": "an .xls that is a web page",
    "order_lines": "a workbook with a password",
    "leads": "a quotation mark that is never closed",
    "lead_stages": "ten thousand columns",
    "spend": "an empty file",
    "touches": "binary junk",
    "surveys": "no headings at all",
    "tickets": "a zip archive that writes outside of itself",
    "usage": "NUL characters within the text",
    "subscriptions": "a PDF",
    "loyalty": "JSON that is cut off",
    "actions": "a line of twenty megabytes",
}


def test_the_command_line_names_all_malformed_files_at_once_and_ends_without_a_traceback(tmp_path):
    files, tables = {}, ""
    for table, kind in ON_THE_COMMAND_LINE.items():
        name, content = next(iter(REFUSED[kind].files.items()))
        files[f"{table}_{name}"] = content
        tables += f"  {table}: {{from: {table}_{name}}}\n"
    done = check(write(tmp_path / "client", files, f"tables:\n{tables}"))
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    for table, kind in ON_THE_COMMAND_LINE.items():
        told = [line for line in done.stderr.splitlines() if f"{table}_{REFUSED[kind].names}" in line]
        assert len(told) == 1, (table, done.stderr)
        assert REFUSED[kind].found in told[0]
        assert REFUSED[kind].remedy in told[0]


@pytest.mark.parametrize(
    "kind", ["a pipe in place of a file", "Parquet with damage in the middle", "a file name that is not UTF-8"]
)
def test_the_command_line_neither_waits_nor_ends_in_a_traceback(kind, tmp_path):
    case = REFUSED[kind]
    done = check(write(tmp_path / "client", case.files, case.settings))
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert case.found in done.stderr
    assert case.remedy in done.stderr
