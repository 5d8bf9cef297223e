import gzip
import io
import zipfile

import pandas as pd
import pytest

from crmlib.intake.readers import open_source

TABLE = b"id,name\n1,a\n"


def archive(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("o.xls", b"\xef\xbb\xbf<html><body><table><tr><td>id</td></tr></table>", "a web page (HTML)"),
        ("o.csv", b"\n<!DOCTYPE html><title>Sign in</title>", "a web page (HTML)"),
        ("o.xls", "<table><tr><td>订单</td></tr></table>".encode("utf-16"), "a web page (HTML)"),
        ("o.xls", b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>', "XML of Excel 2003"),
        ("o.csv", b"<?xml version='1.0'?><orders/>", "an XML file"),
        ("o.xls", b"MIME-Version: 1.0\nX-Document-Type: Workbook", "a web archive"),
        ("o.csv", b"%PDF-1.7 ...", "a PDF document"),
        ("o.csv", b"\x89PNG\r\n\x1a\n....", "a picture"),
        ("o.csv", b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
        ("o.csv", b"SQLite format 3\0" + b"\0" * 90, "an SQLite database"),
        ("o.csv", bytes(range(256)) * 40, "binary data"),
        ("o.csv", b"PK\x03\x04\x00\x00", "cut off or damaged"),
        ("o.parquet", b"PAR1" + b"x" * 40, "not Parquet"),
        ("o.csv.gz", gzip.compress(TABLE * 500, mtime=0)[:-20], "a gzip file that is cut off"),
        ("o.csv.gz", b"\x1f\x8b" + b"nonsense" * 9, "a gzip file that is cut off or damaged"),
        ("o.zip", archive(**{"../../evil.csv": TABLE}), "leads outside"),
        ("o.zip", archive(**{"C:\\evil.csv": TABLE}), "leads outside"),
        ("o.zip", archive(**{"inner.zip": archive(a=TABLE)}), "an archive within an archive"),
        ("o.zip", archive(**{"a.csv": gzip.compress(TABLE, mtime=0)}), "an archive within an archive"),
        ("o.gz", gzip.compress(gzip.compress(TABLE, mtime=0), mtime=0), "an archive within an archive"),
        ("o.zip", archive(**{"photo.jpg": b"x"}), "an archive without a file that can be read"),
        ("o.docx", archive(**{"word/document.xml": "x"}), "a document, not a workbook"),
        ("o.json", b'{"id": 1', "text that is not JSON"),
        ("o.json", b"[1, 2, 3]", "JSON that is no list of objects"),
        ("o.json", b'{"a": [{"x": 1}], "b": [{"x": 1}]}', "several lists: a, b"),
        ("o.jsonl", b"{}\n{}\n", "no record"),
    ],
)
def test_what_cannot_be_read_is_said_by_what_it_is(read, name, content, said):
    assert said in read.problem(content, name).found


def test_an_archive_with_a_password_is_said(read):
    locked = bytearray(archive(**{"orders.csv": TABLE}))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in read.problem(bytes(locked), "o.zip").found


def test_a_damaged_file_in_an_archive_does_not_keep_the_others_from_being_read(read):
    packed = bytearray(archive(**{"a.csv": TABLE, "b.csv": b"id,name\n2,b\n"}))
    at = packed.index(b"b.csv") + 5
    packed[at : at + 6] = b"\xff" * 6
    sources, problems = read.all(read.write("o.zip", bytes(packed)))
    assert [source.file for source in sources] == ["o.zip/a.csv"]
    assert [problem.file for problem in problems] == ["o.zip/b.csv"]


def test_every_file_of_an_archive_is_a_source(read):
    content = archive(
        **{
            "2025/orders_002.csv": b"id,name\n2,b\n",
            "2025/orders_001.csv": "id;name\n1;张\n".encode("gbk"),
            "more.jsonl": b'{"id": "3", "name": "c"}\n',
            "__MACOSX/._more.csv": b"\0",
            "how to.pdf": b"%PDF",
        }
    )
    sources, problems = read.all(read.write("o.zip", content))
    assert problems == []
    assert [source.file for source in sources] == [
        "o.zip/2025/orders_001.csv",
        "o.zip/2025/orders_002.csv",
        "o.zip/more.jsonl",
    ]
    assert [list(row.values()) for source in sources for row in read.rows(source).values()] == [
        ["1", "张"],
        ["2", "b"],
        ["3", "c"],
    ]
    assert any("how to.pdf" in note for note in read.said(sources[0].notes))


def test_chinese_names_in_an_archive_are_shown_as_they_are(read):
    name = "订单.csv"
    packed = archive(**{"xxxx.csv": TABLE}).replace(b"xxxx.csv", name.encode("gbk"))
    assert read.one(packed, "o.zip").file == "o.zip/" + name


def test_json_lines_become_columns_with_points_and_lines_that_are_none_are_broken(read):
    lines = [
        '{"id": 1, "properties": {"amount": 2.50, "tags": ["a", "b"]}, "closed": null}',
        "",
        "{oops}",
        '{"id": "007", "vip": true, "lines": [{"sku": "x"}]}',
    ]
    source = read.one("\n".join(lines), "deals.jsonl")
    assert read.rows(source) == {
        1: {
            "id": "1",
            "properties.amount": "2.50",
            "properties.tags": "a;b",
            "closed": None,
            "vip": None,
            "lines.sku": None,
        },
        4: {
            "id": "007",
            "properties.amount": None,
            "properties.tags": None,
            "closed": None,
            "vip": "true",
            "lines.sku": "x",
        },
    }
    assert read.said(source.broken) == [(3, "the line is not a JSON object")]


@pytest.mark.parametrize(
    "content",
    [
        '[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]',
        '{"data": [{"id": 1, "name": "a"},\n {"id": 2, "name": "b"}], "paging": {"next": 2}}',
        '[\n  {"id": 1, "name": "a"},\n  {"id": 2, "name": "b"}\n]\n',
    ],
)
@pytest.mark.parametrize("name", ["o.json", "o.txt"])
def test_a_list_of_objects_is_a_table_whatever_it_is_called(read, content, name):
    assert read.rows(read.one(content, name)) == {1: {"id": "1", "name": "a"}, 2: {"id": "2", "name": "b"}}


def test_parquet_keeps_its_types_counts_rows_from_one_and_is_not_copied(read, tmp_path):
    frame = pd.DataFrame(
        {
            "order_id": [7, 8],
            "file": ["a", "b"],
            "at": pd.to_datetime(["2025-01-02", "2025-01-03"]).astype("datetime64[us]"),
        }
    )
    frame.to_parquet(tmp_path / "o.parquet")
    source = read.one(tmp_path / "o.parquet")
    assert source.types == {"order_id": "BIGINT", "file": "VARCHAR", "at": "TIMESTAMP"}
    assert [(row, cells["order_id"]) for row, cells in read.rows(source).items()] == [(1, 7), (2, 8)]
    views = read.connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    assert views == [("source_t1",)]


def test_parquet_in_an_archive_stays_readable_after_the_copy_is_gone(read, tmp_path):
    pd.DataFrame({"order_id": [7, 8], "file_row_number": [70, 80]}).to_parquet(tmp_path / "o.parquet")
    source = read.one(archive(**{"o.parquet": (tmp_path / "o.parquet").read_bytes()}), "o.zip")
    assert read.rows(source)[2] == {"order_id": 8, "file_row_number": 80}


def test_a_file_that_is_not_there_is_a_problem_and_no_exception(read, tmp_path):
    assert "no such file" in read.problem(tmp_path / "nothing.csv").found


def test_a_name_can_be_used_again_for_a_file_of_another_kind(read, tmp_path):
    pd.DataFrame({"id": [7]}).to_parquet(tmp_path / "o.parquet")
    table = read.write("o.csv", TABLE)
    for file in (table, tmp_path / "o.parquet", table):
        (source,), problems = open_source(read.connection, file, shown_as="o", name="same")
        assert (problems, next(iter(source.types))) == ([], "id")
