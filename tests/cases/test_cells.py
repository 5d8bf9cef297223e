"""Cells, encodings and hostile files: each case of ``shared/cases`` with the right value, and more of its kind."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pytest

from crmlib.client import Client, load_client
from crmlib.intake.workspace import Workspace, take_in
from crmlib.mapping import TableSource
from crmlib.problems import UnusableInput
from crmlib.settings import open_settings


@pytest.fixture
def case(repository, tmp_path):
    """A case folder, taken in from a copy: ``case("day_in_utc")``."""

    def taken(name: str) -> Workspace:
        folder = Path(repository).parent / "shared" / "cases" / name
        if not folder.exists():
            pytest.skip(f"{folder} is not beside this repository")
        shutil.copytree(folder, tmp_path / name)
        return workspace(load_client(tmp_path / name / "client.yaml"))

    return taken


def workspace(client: Client) -> Workspace:
    return take_in(client, client.folder / "workspace")


def rows(taken: Workspace, table: str, *columns: str) -> list[tuple]:
    """Some columns of a table as they were kept, in the order of the export."""
    listed = ", ".join(columns)
    return duckdb.sql(f"SELECT {listed} FROM read_parquet('{taken.folder / table}.parquet')").fetchall()


def repaired(taken: Workspace, table: str) -> dict[tuple[str, str], int]:
    """How many cells each repair changed, by its name and column."""
    return {(one["name"], one["column"]): one["cells"] for one in taken.kept["tables"][table]["repairs"]}


def refused(client: Client) -> str:
    with pytest.raises(UnusableInput) as refusal:
        workspace(client)
    return str(refusal.value)


# Settings


def levels(within: str) -> str:
    """Twenty anchors, each of which stands ten times in the next."""
    parts = (within.format(", ".join([f"*a{n - 1}"] * 10)) for n in range(1, 20))
    return "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {part}\n" for n, part in enumerate(parts, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (levels("[{}]"), "100,000"),
        (levels("{{<<: [{}]}}"), "100,000"),
        ("a: " + "[" * 5000, "more than 50 levels"),
        ("a: " + "{x: " * 200 + "}" * 200, "more than 50 levels"),
        ("".join(" " * n + f"k{n}:\n" for n in range(3000)), "more than 50 levels"),
        ("tables: &t {x: *t}\n", "an anchor that contains itself"),
    ],
)  # fmt: skip
def test_settings_are_bounded_before_anything_walks_them(tmp_path, text, said):
    (tmp_path / "client.yaml").write_text(text)
    with pytest.raises(UnusableInput, match=said):
        open_settings(tmp_path / "client.yaml")


def test_an_anchor_that_is_used_twice_is_read(tmp_path):
    (tmp_path / "client.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n")
    assert open_settings(tmp_path / "client.yaml").content == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1}}


# A query reads its database


@pytest.mark.parametrize(
    "source",
    [
        "read_text('/etc/passwd')",
        "read_csv('{folder}/exports/../../secret.csv', header = false)",
        "'{folder}/../secret.csv'",
        "glob('/etc/*')",
        "read_csv('https://example.com/orders.csv')",
    ],
)
def test_a_query_on_duckdb_reads_no_file_beside_database_and_exports(tmp_path, source):
    from crmlib.intake.databases import open_database

    folder = tmp_path / "client"
    (folder / "exports").mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("secret\n1\n")
    (folder / "exports" / "orders.csv").write_text("id,total\n1,2.5\n")
    duckdb.connect(folder / "shop.duckdb").close()

    def opened(source: str):
        wanted = TableSource(database="duckdb:///shop.duckdb", query=f"SELECT * FROM {source}")
        return open_database(
            duckdb.connect(), wanted, shown_as="shop", name="orders", folder=folder, scratch=tmp_path / "scratch"
        )

    sources, problems = opened(source.format(folder=folder))
    assert not sources
    assert "files or addresses other than the database" in str(problems[0])
    sources, problems = opened(f"'{folder}/exports/orders.csv'")
    assert not problems
    assert list(sources[0].types) == ["id", "total"]


# Within a cell


def test_amounts_with_a_no_break_space_before_the_currency_are_read(case):
    taken = case("amounts_nbsp_inside")
    assert rows(taken, "orders", "amount") == [(1234.56,), (99.0,), (-5.0,)]
    assert repaired(taken, "orders")["unseen", "amount"] == 3


BLANKS_INSIDE = """
    order_id,customer_id,ordered_at,amount
    1,a,2024-03-05\N{NO-BREAK SPACE}10:00:00,"1\N{NARROW NO-BREAK SPACE}234,50\N{NO-BREAK SPACE}€"
    2,b,2024-03-05\N{IDEOGRAPHIC SPACE}10:00,"12,\N{ZERO WIDTH SPACE}25"
    3,c,\N{LEFT-TO-RIGHT MARK}05.03.2024\N{THIN SPACE}10:00\N{LEFT-TO-RIGHT MARK},"1&nbsp;000,00 &euro;"
    4,d,"Mar 13,\N{NO-BREAK SPACE}2024 2:00\N{NARROW NO-BREAK SPACE}PM","-\N{FIGURE SPACE}7,00"
"""


def test_blanks_of_every_kind_stand_in_numbers_days_and_times(make_client):
    taken = workspace(make_client(orders=BLANKS_INSIDE, settings="currency: EUR\ntimezone: UTC\n"))
    assert rows(taken, "orders", "amount", "strftime(ordered_at, '%m-%d %H:%M')") == [
        (1234.5, "03-05 10:00"), (12.25, "03-05 10:00"), (1000.0, "03-05 10:00"), (-7.0, "03-13 14:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "language", "said"),
    [
        ("12\N{NO-BREAK SPACE}pieces", "en", "amount=12‹no-break space›pieces"),
        ("12\N{ZERO WIDTH SPACE}pieces", "en", "amount=12‹zero-width space›pieces"),
        ("12\N{ZERO WIDTH SPACE}pieces", "zh", "amount=12‹零宽空格›pieces"),
        ("12\N{RIGHT-TO-LEFT ISOLATE}pieces", "en", "amount=12‹right-to-left isolate›pieces"),
    ],
)
def test_an_invisible_character_in_a_message_stands_by_its_name(make_client, cell, language, said):
    from crmlib.words import use

    orders = f"order_id,customer_id,ordered_at,amount\n1,a,2024-03-05,{cell}\n"
    client = make_client(orders=orders)
    use(language)
    try:
        assert said in refused(client)
    finally:
        use()


def test_entities_of_html_are_the_characters_that_they_mean(case):
    taken = case("html_entities")
    assert rows(taken, "order_lines", "product_name", "category") == [
        ("Scarf & Hat", "Men & Women"), ("Scarf & Hat", "Men & Women"), ("Café mug – large", "Home"),
    ]  # fmt: skip
    assert repaired(taken, "order_lines") == {("entities", "product_name"): 2, ("entities", "category"): 1}


LINES_OF_A_WEB_SHOP = """
    order_id,product_id,quantity,amount,category
    1,A&amp;B,1,5,Men &amp;amp; Women
    2,A&B,1,5,Men &#38; Women
    3,C,1,5,Men &#x26; Women
    4,C,1,5,Men & Women
    5,C,1,5,AT&T;
"""


def test_entities_written_twice_and_by_number_are_one_value_and_what_is_no_entity_stays(make_client):
    orders = "order_id,customer_id,ordered_at,amount\n" + "".join(f"{n},c{n},2024-03-0{n},5\n" for n in range(1, 6))
    taken = workspace(make_client(orders=orders, order_lines=LINES_OF_A_WEB_SHOP))
    found = rows(taken, "order_lines", "product_id", "category")
    assert found == [("A&B", "Men & Women")] * 2 + [("C", "Men & Women")] * 2 + [("C", "AT&T;")]
    assert repaired(taken, "order_lines") == {("entities", "product_id"): 1, ("entities", "category"): 3}


PEOPLE_WRITTEN_IN_TWO_WAYS = """
    order_id,customer_id,ordered_at,amount,channel
    1,Jose\N{COMBINING ACUTE ACCENT},2024-03-01,5,Cafe\N{COMBINING ACUTE ACCENT}
    2,José,2024-03-02,5,Café
    3,A\N{ZERO WIDTH SPACE}7,2024-03-03,5,In\N{SOFT HYPHEN}stagram
    4,A7,2024-03-04,5,Instagram
    5,A\N{ZERO WIDTH JOINER}7,2024-03-05,5,Insta\N{ZERO WIDTH NON-JOINER}gram
    6,\N{HANGUL CHOSEONG KIYEOK}\N{HANGUL JUNGSEONG A},2024-03-06,5,New\N{NO-BREAK SPACE}York
    7,가,2024-03-07,5,New York
"""


def test_letters_apart_from_their_accents_and_characters_nobody_sees_make_no_second_customer(make_client):
    taken = workspace(make_client(orders=PEOPLE_WRITTEN_IN_TWO_WAYS))
    found = rows(taken, "orders", "customer_id", "channel")
    assert found[:2] == [("José", "Café")] * 2
    assert found[2:5] == [("A7", "Instagram")] * 3
    assert found[5:] == [("가", "New York")] * 2
    assert repaired(taken, "orders") == {
        ("unseen", "customer_id"): 2, ("composed", "customer_id"): 2,
        ("unseen", "channel"): 3, ("composed", "channel"): 1,
    }  # fmt: skip
    assert (taken.kept["tables"]["orders"]["accepted"], taken.kept["tables"]["orders"]["repaired"]) == (3, 4)


def test_joiners_that_an_emoji_or_a_script_needs_stay_in_words(make_client):
    family, persian = "👩\N{ZERO WIDTH JOINER}👧", "می\N{ZERO WIDTH NON-JOINER}خواهم"
    orders = f"order_id,customer_id,ordered_at,amount,channel\n1,a,2024-03-01,5,{family}\n2,b,2024-03-01,5,{persian}\n"
    assert rows(workspace(make_client(orders=orders)), "orders", "channel") == [(family,), (persian,)]


def test_a_heading_with_an_invisible_character_is_found(make_client):
    orders = "order_id,customer\N{ZERO WIDTH SPACE}_id,ordered_at,amount\n1,a,2024-03-01,5\n"
    assert rows(workspace(make_client(orders=orders)), "orders", "customer_id") == [("a",)]


# Days and moments


def test_a_day_that_was_exported_as_midnight_utc_is_that_day_in_every_zone(case):
    taken = case("day_in_utc")
    assert rows(taken, "customers", "CAST(birthday AS VARCHAR)", "strftime(first_seen_at, '%m-%d %H:%M')") == [
        ("1990-05-17", "03-01 15:20"), ("1990-05-17", "03-02 15:20"), ("1985-12-01", "03-03 23:10"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "cells", "days"),
    [
        ("ordered_at", ["2024-03-05T00:00:00Z", "2024-03-06T00:00:00.000Z"], ["03-05 07:00", "03-06 07:00"]),
        ("ordered_at", ["2024-03-05T00:00:00+08:00", "2024-03-06T00:00+08:00"], ["03-05 07:00", "03-06 07:00"]),
        ("ordered_at", ["Tue 5 Mar 2024 00:00:00 GMT", "Wed 6 Mar 2024 00:00 GMT"], ["03-05 07:00", "03-06 07:00"]),
        ("ordered_at", ["1709596800", "1709683200"], ["03-05 07:00", "03-06 07:00"]),
        ("Date (UTC)", ["2024-03-05", "2024-03-06"], ["03-05 07:00", "03-06 07:00"]),
        ("ordered_at", ["2024-03-05T00:00:00Z", "2024-03-06T15:20:00Z"], ["03-05 00:00", "03-06 15:20"]),
        ("Date (UTC)", ["2024-03-05 00:00:00", "2024-03-06 15:20:00"], ["03-05 00:00", "03-06 15:20"]),
    ],
)
def test_only_a_column_of_midnights_holds_days(make_client, heading, cells, days):
    orders = f"order_id,customer_id,{heading},amount\n" + "".join(f"{n},a,{c},5\n" for n, c in enumerate(cells))
    settings = (
        f"timezone: America/Phoenix\ntables: {{orders: {{from: orders.csv, columns: {{ordered_at: '{heading}'}}}}}}\n"
    )
    taken = workspace(make_client(orders=orders, settings=settings))
    assert [at for (at,) in rows(taken, "orders", "strftime(ordered_at, '%m-%d %H:%M')")] == days


def test_midnights_of_a_typed_column_are_days_too(make_client):
    client = make_client(
        orders="", settings="timezone: America/Phoenix\ntables: {orders: {from: orders.parquet}}\n", folder="typed"
    )
    days = "unnest([TIMESTAMPTZ '2024-03-05 00:00:00+00', TIMESTAMPTZ '2024-03-06 00:00:00+00'])"
    columns = f"'1' AS order_id, 'a' AS customer_id, {days} AS ordered_at, 5 AS amount"
    duckdb.sql(
        f"SELECT row_number() OVER () || '' AS order_id, * EXCLUDE (order_id) FROM (SELECT {columns})"
    ).write_parquet(str(client.folder / "orders.parquet"))
    found = rows(workspace(client), "orders", "strftime(ordered_at, '%m-%d %H:%M')")
    assert sorted(found) == [("03-05 07:00",), ("03-06 07:00",)]


def test_day_numbers_of_a_workbook_that_counts_from_1904(case):
    taken = case("excel_1904_general")
    assert rows(taken, "orders", "strftime(ordered_at + INTERVAL 1 HOUR, '%Y-%m-%d')") == [
        ("2024-03-05",), ("2024-03-14",), ("2024-12-01",), ("2025-01-31",),
    ]  # fmt: skip
    assert "1904" in str(taken.account["tables"]["orders"]["notes"])


ORDERS = "tables: {orders: {from: orders.xlsx}}\n"
HEADINGS = ["order_id", "customer_id", "ordered_at", "amount"]


def workbook(
    client: Client, lines: list[list], *, name: str = "orders.xlsx", since_1904: bool = False, merged=()
) -> Client:
    """Write a sheet beside the client's YAML; ``merged`` are ranges such as ``A2:A3``."""
    import xlsxwriter

    with xlsxwriter.Workbook(client.folder / name, {"date_1904": since_1904}) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate([HEADINGS, *lines]):
            sheet.write_row(number, 0, cells)
        for area in merged:
            row, column = int(area.partition(":")[0][1:]) - 1, ord(area[0]) - ord("A")
            sheet.merge_range(area, lines[row - 1][column])
    return client


def test_both_epochs_in_one_table_and_a_column_with_a_text_among_its_day_numbers(make_client):
    both = "timezone: UTC\ntables:\n  orders:\n    - {from: orders.xlsx}\n    - {from: mac.xlsx}\n"
    client = workbook(make_client(orders="", settings=both), [["1", "a", 45356, 5], ["2", "a", 45357.5, 5]])
    workbook(client, [["3", "a", 43894, 5], ["4", "a", "2024-03-06", 5]], name="mac.xlsx", since_1904=True)
    found = rows(workspace(client), "orders", "order_id", "strftime(ordered_at, '%m-%d %H:%M')")
    assert found == [("1", "03-05 00:00"), ("2", "03-06 12:00"), ("3", "03-05 00:00"), ("4", "03-06 00:00")]


# Merged cells


def test_a_cell_merged_downwards_stands_in_every_row_that_it_covers(case):
    taken = case("merged_cells")
    assert rows(taken, "orders", "order_id", "customer_id", "amount") == [
        ("O1", "c1", 15.0),
        ("O2", "c2", 22.5),
        ("O3", "c3", 7.0),
    ]
    account = taken.kept["tables"]["orders"]
    assert (account["read"], account["accepted"], account["repaired"], account["quarantined"]) == (7, 3, 2, 2)
    assert "one_row_per: order_id" in str(taken.account["tables"]["orders"]["questions"])
    assert repaired(taken, "orders") == {("merged", "Order"): 2, ("merged", "Client"): 2, ("merged", "Date"): 2}


def test_a_sum_that_is_merged_over_the_rows_of_an_order_counts_once(make_client):
    lines = [["O1", "a", "2024-03-05", 30], ["", "", "2024-03-05", ""], ["O2", "b", "2024-03-06", 7]]
    client = workbook(make_client(orders="", settings=ORDERS), lines, merged=["A2:A3", "B2:B3", "D2:D3"])
    assert rows(workspace(client), "orders", "order_id", "amount") == [("O1", 30.0), ("O2", 7.0)]


def test_a_sum_that_is_merged_over_the_lines_of_an_order_is_nobodys_and_is_said_to_be_missing(make_client):
    lines = [["O1", "a", "2024-03-05", 30], ["", "b", "2024-03-05", ""], ["O2", "c", "2024-03-06", 7]]
    settings = (
        "tables:\n  orders: {from: orders.csv}\n"
        "  order_lines: {from: lines.xlsx, columns: {product_id: customer_id, quantity: {constant: 1}}}\n"
    )
    client = make_client(orders="order_id,customer_id,ordered_at,amount\nO1,a,2024-03-05,30\n", settings=settings)
    workbook(client, lines, name="lines.xlsx", merged=["A2:A3", "D2:D3"])
    assert "no amount in 1 row (row 3)" in refused(client)


# Quotation marks


def set_aside(client: Client, file: str) -> list[dict[str, str]]:
    with (client.folder / "quarantine" / file).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_with_a_stray_quotation_mark_is_set_aside_whole(case, tmp_path):
    taken = case("stray_quote")
    assert rows(taken, "orders", "order_id", "amount") == [("O1", 10.5), ("O2", 20.0), ("O4", 40.25)]
    (row,) = set_aside(load_client(tmp_path / "stray_quote" / "client.yaml"), "exports__orders.csv")
    assert (row["_row"], row["Order"], row["Total"], row["Product"]) == ("4", "O3", "30.25", '19" screen')
    assert row["_line"] == 'O3,c3,2024-12-01 12:00:00,30.25,"19" screen"'


def test_lines_of_another_length_and_totals_are_set_aside_as_they_were_read(make_client):
    orders = (
        "order_id,customer_id,ordered_at,amount\n1,a,2024-03-05,5\n2,b,2024-03-06\n3,c,2024-03-07,5,6,7\nTotal,,,10\n"
    )
    client = make_client(orders=orders, settings="max_set_aside: 1\n")
    workspace(client)
    assert [row["_line"] for row in set_aside(client, "orders.csv")] == ["2,b,2024-03-06", "3,c,2024-03-07,5,6,7"]
    assert [row["ordered_at"] for row in set_aside(client, "orders.csv")] == ["2024-03-06", "2024-03-07"]
    assert [row["_line"] or row["order_id"] for row in set_aside(client, "left_out/orders.csv")] == ["Total"]


def test_a_row_that_was_set_aside_whole_is_read_once_it_is_corrected(make_client):
    orders = 'order_id,customer_id,ordered_at,amount,channel\n1,a,2024-03-05,5,web\n2,b,2024-03-06,7,"the "new" shop"\n'
    client = make_client(orders=orders, settings="max_set_aside: 1\n")
    workspace(client)
    (client.folder / "corrected").mkdir()
    shutil.copy(client.folder / "quarantine" / "orders.csv", client.folder / "corrected" / "orders.csv")
    assert rows(workspace(client), "orders", "order_id", "amount", "channel") == [
        ("1", 5.0, "web"), ("2", 7.0, 'the "new" shop'),
    ]  # fmt: skip


def test_quotation_marks_behind_backslashes_are_read_as_mysql_writes_them(case):
    taken = case("backslash_quote")
    assert rows(taken, "orders", "order_id", "amount") == [("O1", 10.5), ("O2", 20.0), ("O3", 30.25)]
    assert "backslash" in str(taken.account["tables"]["orders"]["notes"])


def test_a_dump_of_mysql_keeps_its_empty_cells_and_backslashes(make_client):
    lines = ['"order_id","customer_id","ordered_at","amount","channel"']
    lines += [
        '"1","a","2024-03-05","5","the \\"new\\" shop, web"',
        '"2","b","2024-03-06","6",\\N',
        '"3","c","2024-03-07","7","C:\\\\"',
    ]
    taken = workspace(make_client(orders="\n".join(lines).encode()))
    assert rows(taken, "orders", "channel") == [('the "new" shop, web',), (None,), ("C:\\",)]


# Encodings


def test_two_encodings_in_one_file_are_told_apart_by_line_and_by_word(repository, tmp_path, case):
    taken = case("mixed_encoding")
    assert rows(taken, "surveys", "comment") == [
        ("caisse trop encombrée",), ("j'ai échangé, très bien",), ("payé 7€ en espéces",),
    ]  # fmt: skip
    said = str(taken.account["tables"]["surveys"]["notes"])
    assert "CP850" in said
    assert "Windows-1252" in said


@pytest.mark.parametrize(
    ("comments", "codecs"),
    [
        (["très bien, merci", "à bientôt, déjà payé"], ["cp850", "cp850"]),
        (["schöne Grüße", "Die Größe ist für mich in Ordnung"], ["cp850", "cp1252"]),
        (["„ja“ – l’été… c’est fini", "bien… mais cher"], ["cp1252", "cp1252"]),
        (["cœur à cœur", "50 € – très cher"], ["cp1252", "cp1252"]),
    ],
)
def test_words_of_dos_are_read_and_signs_of_windows_stay_signs(make_client, comments, codecs):
    lines = [
        f'{n},2024-03-0{n},9,nps,"{c}"'.encode(codec)
        for n, (c, codec) in enumerate(zip(comments, codecs, strict=True), 1)
    ]
    surveys = b"\n".join([b"response_id,answered_at,score,kind,comment", *lines])
    assert rows(workspace(make_client(surveys=surveys)), "surveys", "comment") == [(c,) for c in comments]


# Telephone and mail by country


ONE_ORDER = "order_id,customer_id,ordered_at,amount\n1,a,2024-03-05,5\n"


def pairs(client: Client) -> set[tuple[str, str, str]]:
    workspace(client)
    return {(row["customer_id"], row["merge_into"], row["rules"]) for row in set_aside(client, "duplicates.csv")}


def test_numbers_of_germany_meet_with_and_without_their_code_and_nobody_is_merged(case, tmp_path):
    taken = case("phones_german")
    client = load_client(tmp_path / "phones_german" / "client.yaml")
    alike = {(f"{kind}_b", f"{kind}_a", "same_phone") for kind in ("mob", "land", "same", "zz")}
    assert pairs(client) == alike
    assert len(rows(taken, "customers", "customer_id")) == 8
    assert "merged" not in taken.kept["people"]


@pytest.mark.parametrize(
    ("settings", "one", "other", "met"),
    [
        ("timezone: America/New_York\ncurrency: USD\n", "(415) 555-2671", "+1 415 555 2671", True),
        ("timezone: America/New_York\ncurrency: USD\n", "1-415-555-2671", "415.555.2671", True),
        ("timezone: UTC\ncurrency: CHF\n", "079 345 67 21", "+41 79 345 67 21", True),
        ("timezone: UTC\ncurrency: EUR\n", "0171 2345678", "+49 171 2345678", False),
        ("timezone: UTC\ncurrency: EUR\ncountry: DE\n", "0171 2345678", "491712345678", True),
        ("timezone: Asia/Shanghai\ncurrency: CNY\n", "0171 2345678", "+49 171 2345678", False),
        ("timezone: Asia/Shanghai\ncurrency: CNY\n", "138 1234 5679", "+86 13812345679", True),
        ("timezone: Europe/Moscow\ncurrency: RUB\n", "8 912 345-67-21", "+7 912 345 67 21", True),
    ],
)
def test_the_calling_code_is_that_of_the_clients_country(make_client, settings, one, other, met):
    customers = f"customer_id,phone,first_seen_at\na,{one},2024-01-01\nb,{other},2024-01-02\nc,0301234567,2024-01-03\n"
    client = make_client(customers=customers, orders=ONE_ORDER, settings=f"customer_ids: pseudonyms\n{settings}")
    workspace(client)
    written = (client.folder / "quarantine" / "duplicates.csv").is_file()
    assert written == met


def test_a_country_that_does_not_exist_is_refused_with_its_line(make_client):
    with pytest.raises(UnusableInput, match=r"line 5, column 1: found country: 'GERMANY'.*two letters"):
        make_client(orders="", settings="country: GERMANY\n")


@pytest.mark.parametrize(("merge", "met"), [("", False), ("merge: {same_gmail: true}\n", True)])
def test_points_and_tags_in_addresses_of_gmail_are_a_setting(make_client, merge, met):
    customers = "customer_id,email,first_seen_at\na,an.na+shop@gmail.com,2024-01-01\nb,anna@googlemail.com,2024-01-02\n"
    client = make_client(customers=customers, orders=ONE_ORDER, settings=f"customer_ids: pseudonyms\n{merge}")
    workspace(client)
    assert (client.folder / "quarantine" / "duplicates.csv").is_file() == met


# Ids of Salesforce


def test_ids_of_salesforce_with_15_and_18_characters_are_named_as_that(case):
    asked = str(case("salesforce_15").account["tables"]["orders"]["questions"])
    assert "ids of Salesforce, with 15 characters on one side and 18 on the other" in asked
    assert "zeros" not in asked


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["0011t000003Tj91AAC", "0011t000003TJ92AAO"], "Salesforce"),
        (["C-0017", "C-0018"], "Without zeros and letters"),
        (["0011t00000XXXXXAAC", "0011t00000YYYYYAAO"], "two systems with ids of their own"),
    ],
)
def test_keys_of_two_systems_are_told_apart_by_what_they_are(make_client, ids, said):
    customers = "customer_id\n0011t000003Tj91\n0011t000003TJ92\n17\n18\n"
    orders = "order_id,customer_id,ordered_at,amount\n" + "".join(f"{n},{i},2024-03-05,5\n" for n, i in enumerate(ids))
    taken = workspace(make_client(customers=customers, orders=orders))
    assert said in str(taken.account["tables"]["orders"]["questions"])


# Hostile files


def test_an_archive_of_thousands_of_files_is_refused_before_they_are_opened(make_client):
    client = make_client(orders="", settings="tables: {orders: {from: days.zip}}\n")
    with zipfile.ZipFile(client.folder / "days.zip", "w") as archive:
        for day in range(1001):
            archive.writestr(f"{day}.csv", "order_id,customer_id,ordered_at,amount\n")
    assert "days.zip: found 1,001 files in an archive; expected at most 1,000" in refused(client)


def test_too_little_memory_is_said_in_words(make_client):
    """A process that may have 2.5 GB reads a file of some million cells in one line."""
    client = make_client(orders="", settings="tables: {orders: {from: orders.json}}\n")
    with (client.folder / "orders.json").open("w") as stream:
        rows = (f'{{"order_id": "{n}", "note": "{"x" * 900}"}}' for n in range(600_000))
        stream.write("[" + ",\n".join(rows) + "]")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)\n"
        "from crmlib.cli import app; app()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "check", str(client.path)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert "more data than the free memory of this computer holds" in ended.stdout + ended.stderr


def test_a_cell_of_five_thousand_characters_is_kept_whole(make_client):
    long = "很长的评价" * 1000
    surveys = f'response_id,answered_at,score,kind,comment\n1,2024-03-05,9,nps,"{long}"\n2,2024-03-06,x,nps,"{long}"\n'
    client = make_client(surveys=surveys, settings="max_set_aside: 1\n")
    assert rows(workspace(client), "surveys", "comment") == [(long,)]
    assert set_aside(client, "surveys.csv")[0]["comment"] == long


@pytest.mark.parametrize("cell", ["9" * 5000, "x" * 5000])
def test_a_message_shows_the_beginning_of_a_very_long_cell(make_client, cell):
    said = refused(make_client(orders=f"order_id,customer_id,ordered_at,amount\n1,a,{cell},5\n"))
    assert f"ordered_at={cell[:20]}" in said
    assert len(said) < 1000
