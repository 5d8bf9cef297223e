import datetime as dt
import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

WORKBOOKS = Path(__file__).parent / "workbooks"
HEAD = ["order_id", "ordered_at", "amount"]


def workbook(**sheets):
    """An .xlsx of sheets, each a list of rows; a cell may be a formula that ends in an error."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"default_date_format": "yyyy-mm-dd hh:mm"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, str) and cell.startswith("#"):
                    sheet.write_formula(number, column, "=1/0", None, cell)
                elif cell is not None:
                    sheet.write(number, column, cell)
    book.close()
    return stream.getvalue()


def test_an_old_workbook_is_read_with_its_title_and_totals_told_apart(read):
    source = read.one(WORKBOOKS / "orders.xls")
    assert read.rows(source) == {
        4: {"order_id": 17850, "ordered_at": dt.datetime(2025, 3, 1, 9, 30), "amount": 12.5},
        5: {"order_id": 17851, "ordered_at": dt.datetime(2025, 3, 2, 10, 0), "amount": 7.0},
    }
    assert read.said(source.not_data) == [(1, "a title line above the headings"), (6, "a totals or footer line")]
    assert source.types == {"order_id": "BIGINT", "ordered_at": "TIMESTAMP", "amount": "DOUBLE"}


def test_open_document_and_binary_workbooks_are_read(read):
    source = read.one(WORKBOOKS / "orders.ods")
    assert read.rows(source)[5] == {"order_id": 17851, "ordered_at": dt.date(2025, 3, 2), "amount": 7.0}
    source = read.one(WORKBOOKS / "orders.xlsb")
    assert read.rows(source)[3] == {"order_id": 17851, "customer": "Müller", "amount": 7.0}


def test_a_column_of_one_kind_keeps_its_type_and_a_mixed_one_becomes_text(read):
    day, moment = dt.datetime(2025, 1, 2), dt.datetime(2025, 1, 2, 10, 30)
    rows = [["id", "at", "paid", "mixed", "vip"], [17850, moment, 1, 17850, True], ["A1", day, 2.5, moment, False]]
    source = read.one(workbook(Orders=rows), "orders.xlsx")
    assert source.types == {
        "id": "VARCHAR", "at": "TIMESTAMP", "paid": "DOUBLE", "mixed": "VARCHAR", "vip": "BOOLEAN"
    }  # fmt: skip
    assert read.rows(source) == {
        2: {"id": "17850", "at": moment, "paid": 1.0, "mixed": "17850", "vip": True},
        3: {"id": "A1", "at": day, "paid": 2.5, "mixed": "2025-01-02 10:30:00", "vip": False},
    }


def test_formula_errors_are_text_and_not_empty(read):
    rows = [HEAD, ["1", "2025-01-01", "#DIV/0!"], ["2", "2025-01-02", 5], ["#N/A", "2025-01-02", 5]]
    source = read.one(workbook(Orders=rows), "orders.xlsx")
    assert [list(row.values()) for row in read.rows(source).values()] == [
        ["1", "2025-01-01", "#DIV/0!"],
        ["2", "2025-01-02", "5"],
        ["#N/A", "2025-01-02", "5"],
    ]


def test_rows_are_counted_as_the_sheet_shows_them_and_blank_ones_are_none(read):
    rows = [[], [None, *HEAD], [None, "1", "2025-01-01", 5], [], [None, "2", "2025-01-02", 6], [" "]]
    source = read.one(workbook(Orders=rows), "orders.xlsx")
    assert {row: cells["order_id"] for row, cells in read.rows(source).items()} == {3: "1", 5: "2"}
    assert list(source.types) == HEAD


def test_the_sheet_is_taken_by_name_or_number(read):
    book = workbook(Notes=[["a note"]], Orders=[HEAD, ["1", "x", 5]], Lines=[["line_id", "order"], ["9", "1"]])
    for wanted in ("Lines", "lines ", 3, "3"):
        assert read.rows(read.one(book, "o.xlsx", sheet=wanted)) == {2: {"line_id": "9", "order": "1"}}
    assert read.problem(book, "o.xlsx", sheet="Line").remedy == "did you mean 'Lines'?"
    assert read.problem(book, "o.xlsx", sheet=4).expected == "a number from 1 to 3"


def test_sheets_with_different_tables_are_asked_about_and_all_are_read_where_wanted(read):
    book = workbook(Notes=[["a note"]], Orders=[HEAD, ["1", "x", 5]], Lines=[["line_id", "order"], ["9", "1"]])
    problem = read.problem(book, "o.xlsx")
    assert "Orders, Lines" in problem.found
    assert "`sheet:`" in problem.remedy
    sources, problems = read.all(read.write("o.xlsx", book), sheet="*")
    assert (problems, [source.file for source in sources]) == ([], ["o.xlsx/Orders", "o.xlsx/Lines"])
    assert read.rows(sources[0])[2]["amount"] == 5
    assert read.rows(sources[1])[2]["line_id"] == "9"


def test_a_table_that_goes_on_in_a_further_sheet_is_read_to_its_end(read):
    book = workbook(Orders=[HEAD, ["1", "x", 5]], More=[HEAD, ["2", "x", 6]], Empty=[])
    sources, problems = read.all(read.write("o.xlsx", book))
    assert problems == []
    assert [row["order_id"] for source in sources for row in read.rows(source).values()] == ["1", "2"]


def test_a_sheet_without_a_table_beside_the_table_does_not_matter(read):
    source = read.one(workbook(Cover=[["Report of May"], ["by Eva"]], Orders=[HEAD, ["1", "x", 5]]), "o.xlsx")
    assert read.rows(source)[2]["order_id"] == "1"
    assert "The sheet is 'Orders'." in read.said(source.notes)


def test_merged_headings_stand_for_all_that_they_cover(read):
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    sheet = book.add_worksheet("Orders")
    sheet.merge_range("A1:D1", "Orders of May")
    sheet.merge_range("A2:A3", "order_id")
    sheet.merge_range("B2:C2", "customer")
    sheet.merge_range("D2:D3", "amount")
    sheet.write_row("B3", ["number", "name"])
    sheet.merge_range("A4:A5", "S1")
    sheet.write_row("B4", [7, "a", 5])
    sheet.write_row("B5", [8, "b", 6])
    book.close()
    source = read.one(stream.getvalue(), "o.xlsx")
    assert read.rows(source) == {
        4: {"order_id": "S1", "number": 7, "name": "a", "amount": 5},
        5: {"order_id": "S1", "number": 8, "name": "b", "amount": 6},
    }
    assert [row for row, _ in source.not_data] == [1, 2]


def test_totals_headings_again_and_set_ends_are_no_rows(read):
    rows = [HEAD, ["1", "x", 5], HEAD, ["2", "x", 6], ["合计", None, 11]]
    source = read.one(workbook(Orders=rows), "o.xlsx")
    assert (list(read.rows(source)), source.types["amount"]) == ([2, 4], "BIGINT")
    assert read.said(source.not_data) == [(3, "the headings again"), (5, "a totals or footer line")]
    source = read.one(workbook(Orders=[*rows[:2], ["End of report", "y", 1], ["3", "x", 6]]), "o.xlsx", ends_at=["End"])
    assert (list(read.rows(source)), [row for row, _ in source.not_data]) == ([2], [3, 4])


def test_a_cell_far_away_does_not_fill_the_memory(read):
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    sheet = book.add_worksheet("Orders")
    sheet.write_row(0, 0, HEAD)
    sheet.write(1_048_575, 16_000, "x")
    book.close()
    assert "far away" in read.problem(stream.getvalue(), "o.xlsx").found


def test_a_workbook_under_a_wrong_name_is_read_by_what_it_is(read):
    book = workbook(Orders=[HEAD, ["1", "x", 5]])
    assert read.rows(read.one(book, "orders.csv"))[2]["amount"] == 5
    assert read.rows(read.one("id\tname\n1\t张\n".encode("utf-16"), "orders.xls"))[2]["name"] == "张"
    assert read.rows(read.one("id,name\n1,a\n", "orders.xlsx"))[2]["name"] == "a"


def test_a_workbook_without_any_table_is_said(read):
    assert "no sheet with a table" in read.problem(workbook(Empty=[]), "o.xlsx").found
    assert "no headings" in read.problem(workbook(Data=[[1, 2], [3, 4]]), "o.xlsx").found


def test_a_workbook_with_a_password_or_cut_off_is_said(read):
    encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    assert "password" in read.problem(encrypted, "o.xlsx").found
    assert "cut off" in read.problem(workbook(Orders=[HEAD])[:-200], "o.xlsx").found
    old = (WORKBOOKS / "orders.xls").read_bytes()
    assert "cut off or damaged" in read.problem(old[:512] + old[4096:], "o.xls").found


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_with_a_damaged_part_is_said(read, part):
    whole, damaged = zipfile.ZipFile(io.BytesIO(workbook(Orders=[HEAD, ["1", "x", 5]]))), io.BytesIO()
    with zipfile.ZipFile(damaged, "w") as copy:
        for name in whole.namelist():
            copy.writestr(name, whole.read(name)[:80] if name == part else whole.read(name))
    assert "cut off or damaged" in read.problem(damaged.getvalue(), "o.xlsx").found


def test_an_open_document_workbook_that_is_cut_off_inside_is_said(read):
    whole, damaged = zipfile.ZipFile(WORKBOOKS / "orders.ods"), io.BytesIO()
    with zipfile.ZipFile(damaged, "w") as copy:
        for name in whole.namelist():
            content = whole.read(name)
            copy.writestr(name, content[: len(content) // 2] if name == "content.xml" else content)
    assert "cut off or damaged" in read.problem(damaged.getvalue(), "o.ods").found


def test_a_damaged_workbook_that_ends_its_readers_process_is_said(read):
    assert "cut off or damaged" in read.problem(WORKBOOKS / "damaged.xlsb").found
