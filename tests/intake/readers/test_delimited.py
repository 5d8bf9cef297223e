import gzip
import itertools
from pathlib import Path

import pytest

from crmlib.intake.readers import find_files

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", "^", "~"])
def test_the_delimiter_is_found_though_values_hold_others(read, mark):
    text = "\n".join(mark.join(cells) for cells in [["id", "city", "amount"], ["1", '"a,;|b"', "2"], ["2", "c", "3"]])
    assert read.rows(read.one(text + "\n"))[2] == {"id": "1", "city": "a,;|b", "amount": "2"}


def test_decimal_commas_do_not_make_commas_the_delimiter(read):
    rows = "name;paid;open\n" + "".join(f"k{n};{n},50;{n},25\n" for n in range(9))
    source = read.one(rows)
    assert read.rows(source)[3] == {"name": "k1", "paid": "1,50", "open": "1,25"}
    assert "The values are separated by semicolons." in read.said(source.notes)


def test_a_character_within_quotation_marks_is_not_the_delimiter(read):
    source = read.one('"id","at","note"\n"","",";"\n"","",";"\n"","",";"\n"good","2025-01-01","5"\n')
    assert list(source.types) == ["id", "at", "note"]
    assert len(read.rows(source)) == 4


def test_a_set_delimiter_is_used_and_one_that_is_wrong_is_said(read):
    assert read.rows(read.one("id:name\n1:a,b\n", delimiter=":"))[2] == {"id": "1", "name": "a,b"}
    problem = read.problem("id,name\n1,a\n", delimiter=";")
    assert "one heading only with ';' as delimiter, but 2 with ','" in str(problem)


def test_a_title_row_above_the_headings_is_not_data(read):
    source = read.one("京东订单报表,,\n\n订单号,金额,状态\n1,5,完成\n2,6,取消\n")
    assert read.rows(source) == {
        4: {"订单号": "1", "金额": "5", "状态": "完成"},
        5: {"订单号": "2", "金额": "6", "状态": "取消"},
    }
    assert read.said(source.not_data) == [(1, "a title line above the headings")]
    assert "The headings are in row 3." in read.said(source.notes)


def test_labels_and_values_above_the_headings_are_titles(read):
    source = read.one("Report:,Sales\nFrom:,2025-01-01\n\nid,name,amount\n1,a,5\n2,b,6\n3,c,7\n4,d,8\n")
    assert (list(source.types), [row for row, _ in source.not_data]) == (["id", "name", "amount"], [1, 2])


def test_excels_line_that_names_the_delimiter_is_obeyed(read):
    source = read.one("sep=;\nid;name\n1;a\n")
    assert read.rows(source) == {3: {"id": "1", "name": "a"}}


def test_the_header_row_that_is_set_is_taken(read):
    source = read.one("a,b\nc,d\n1,2\n", header_row=2)
    assert read.rows(source) == {3: {"c": "1", "d": "2"}}
    assert read.said(source.not_data) == [(1, "a title line above the headings")]
    assert "row 9" in str(read.problem("a,b\n1,2\n", header_row=9))


def test_of_several_header_rows_one_names_the_columns(read):
    text = 'Q1,Q2\n"How likely,\nthen?",Why\n"{""ImportId"":1}",x\n9,good\n'
    source = read.one(text, header_rows=3)
    assert read.rows(source) == {4: {"Q1": "9", "Q2": "good"}}
    assert read.said(source.not_data) == [(2, "a further line of headings"), (3, "a further line of headings")]
    second = read.one(text, header_rows=3, heading_from=2)
    assert list(second.types) == ["How likely,\nthen?", "Why"]


@pytest.mark.parametrize("text", ["1,Eva,2025-01-03,5\n2,Udo,2025-01-04,6\n", "1,2\n3,4\n", "t\n1,2,3\n4,5,6\n"])
def test_a_file_without_headings_is_said_rather_than_losing_its_first_row(read, text):
    assert "no headings" in read.problem(text).found


def test_totals_and_legal_lines_end_a_salesforce_report(read):
    text = (
        "Name,Amount,Close Date\nA,5,2025-01-01\nTotal Gym,6,2025-01-02\n\nGrand Totals (2 records)\n"
        '\n"Confidential Information - Do Not Distribute"\nCopyright (c) 2000-2025 acme\n'
    )
    source = read.one(text)
    assert [row["Name"] for row in read.rows(source).values()] == ["A", "Total Gym"]
    assert read.said(source.not_data) == [(row, "a totals or footer line") for row in (5, 7, 8)]
    assert source.broken == ()


def test_a_sum_line_is_no_row_but_a_customer_named_total_is(read):
    source = read.one("channel,cost\nsearch,5\nTotal,5\n")
    assert [row["channel"] for row in read.rows(source).values()] == ["search"]
    source = read.one("product,city,cost\nTotal Gym,Rome,5\nTotalenergies,Paris,7\n")
    assert len(read.rows(source)) == 2
    source = read.one("订单号,买家,金额\n1,a,5\n合计:,,5\n共 1 条,,\n")
    assert (len(read.rows(source)), len(source.not_data)) == (1, 2)


def test_what_stands_below_the_set_end_is_no_data(read):
    for stray in ("", '3,"x" y,z\n'):
        source = read.one(f"id,a,b\n1,x,y\nEND of list,,\n2,x,y\n{stray}", ends_at=["END"])
        assert list(read.rows(source)) == [2]
        assert [row for row, _ in source.not_data] == ([3, 4, 5] if stray else [3, 4])
        assert source.broken == ()


def test_headings_that_come_again_are_no_row(read):
    source = read.one("id,name\n1,a\nid,name\n2,b\n")
    assert (list(read.rows(source)), read.said(source.not_data)) == ([2, 4], [(3, "the headings again")])


def test_a_line_of_another_length_is_broken_and_empty_cells_at_its_end_do_not_matter(read):
    source = read.one("id,name\n1,a\n2\n3,b,c\n4,d,,\n\n5,e\n")
    assert [row["id"] for row in read.rows(source).values()] == ["1", "4", "5"]
    assert [row for row, _ in source.broken] == [3, 4]


def test_empty_lines_at_the_end_are_nothing(read):
    source = read.one("id,name\n1,a\n2,b\n,\n,\n\n\n")
    assert (list(read.rows(source)), source.not_data, source.broken) == ([2, 3], (), ())


def test_a_column_without_heading_is_known_by_its_place_if_it_holds_anything(read):
    source = read.one(",id,,name\n0,1,,a\n1,2,,b\n")
    assert list(source.types) == ["column 1", "id", "name"]
    assert read.rows(source)[3] == {"column 1": "1", "id": "2", "name": "b"}
    assert any("column 1" in note for note in read.said(source.notes))


def test_a_heading_that_is_there_twice_is_told(read):
    assert read.one("id,amount,amount\n1,2,3\n").twice == ("amount",)


def test_rows_are_counted_the_same_whichever_way_the_file_is_read(read):
    regular = "title,,\nid,name,note\n" + "".join(f'{n},"a\nb",c\n' for n in range(5))
    irregular = regular + "9,x\n"
    fast, slow = read.one(regular), read.one(irregular)
    assert read.rows(fast) == read.rows(slow)
    assert list(read.rows(fast)) == [3, 4, 5, 6, 7]
    assert slow.broken[0][0] == 8


def test_every_mixture_of_blank_lines_and_line_ends_gives_the_same_rows(read):
    for ending, blank, title in itertools.product(["\n", "\r\n", "\r"], [0, 1, 3], [0, 1]):
        lines = ["a title"] * title + [""] * title + ["id,name,city", "1,a,x", *[""] * blank, "2,b,y", *[""] * blank]
        source = read.one((ending.join(lines) + ending).encode())
        assert list(read.rows(source)) == [2 + 2 * title, 3 + 2 * title + blank]


def test_too_many_columns_and_too_long_lines_are_said(read):
    wide = ",".join(f"h{n}" for n in range(10_000)) + "\n" + ",".join("1" * 10_000) + "\n"
    assert "10,000 columns" in read.problem(wide).found
    assert "16 MB" in read.problem(b"id,name\n1," + b"x" * (17 << 20) + b"\n").found


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_file_with_nothing_in_it_is_an_empty_file(read, content):
    assert read.problem(content).found == "an empty file"


def test_headings_alone_are_a_table_without_rows(read):
    source = read.one("id,name\n")
    assert (read.rows(source), list(source.types)) == ({}, ["id", "name"])
    assert "There is no row below the headings." in read.said(source.notes)


def test_a_stray_nul_is_said_with_its_row(read):
    assert read.problem("id,name\n" + "1,abcdefgh\n" * 30 + "2,a\0b\n").place == "row 32"


def test_a_quotation_mark_that_is_never_closed_is_said(read):
    assert "never closed" in read.problem('id,name\n1,"a\n2,b\n').found


def test_hidden_files_and_lock_files_are_passed_over_and_workbooks_are_found(tmp_path):
    for name in ("b.XLSX", "a.csv.gz", "~$b.xlsx", ".c.csv", "d.pdf", "e.jsonl"):
        (tmp_path / name).write_text("x")
    assert [p.name for p in find_files(".", tmp_path)] == ["a.csv.gz", "b.XLSX", "e.jsonl"]
    assert [p.name for p in find_files("*.xlsx", tmp_path)] == []
    assert [p.name for p in find_files("*XLSX", tmp_path)] == ["b.XLSX"]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not beside the repository")
def test_the_online_retail_file_adds_up(read):
    source = read.one(SHARED / "data" / "online_retail.csv.gz")
    sums = "count(*), min(_row), max(_row), sum(c4::BIGINT), round(sum(c4::BIGINT * c6::DECIMAL(18, 3)), 3)"
    found = read.connection.execute(f"SELECT {sums} FROM ({source.sql})").fetchone()
    assert tuple(map(float, found)) == (541_909, 2, 541_910, 5_176_450, 9_747_747.934)
    assert (source.broken, source.not_data) == ((), ())


def test_gzip_under_another_name_is_unpacked(read):
    assert read.rows(read.one(gzip.compress(b"id,name\n1,a\n"))) == {2: {"id": "1", "name": "a"}}
