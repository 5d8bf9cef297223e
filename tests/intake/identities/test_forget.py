"""One person is forgotten everywhere, and nobody else loses anything."""

import gzip
import hashlib
import json
import stat
import zipfile

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmlib.intake.identities.forget import forget, plan_forget
from crmlib.intake.identities.pseudonyms import pseudonym
from crmlib.intake.identities.runs import register_run, registered_runs
from crmlib.intake.identities.traces import Person, rows_with, stands_in, without_rows
from crmlib.intake.identities.vault import Vault
from crmlib.intake.identities.vault_key import client_key
from crmlib.problems import UnusableInput

CUSTOMERS = """
    customer_id,name,email,phone,city
    C-1001,张三丰测试,zhang@example.cn,13800001234,上海
    C-1002,Anna Schmidt,anna@example.com,+49 170 1234567,Bonn
    7,Berta,berta@example.com,13900001111,Bonn
"""
ORDERS = '''
    order_id,customer_id,ordered_at,amount,quantity
    o1,C-1001,2025-01-01,10,7
    o2,C-1002,2025-01-02,20,7
    o3,"=""C-1001""",2025-01-03,30,1
    o4,7,2025-01-04,40,2
    o5,,2025-01-05,50,7
'''


@pytest.fixture
def client(make_client):
    return make_client(customers=CUSTOMERS, orders=ORDERS)


@pytest.fixture
def names(client):
    key = client_key(client.folder)
    return {c: pseudonym(key, c) for c in ("C-1001", "C-1002", "7")}


@pytest.fixture
def run(client, names, tmp_path):
    """A run as the intake and the chapters leave it, registered, with the vault filled."""
    frame = pd.read_csv(client.folder / "customers.csv", dtype=str)
    frame.insert(0, "pseudonym", frame.customer_id.map(names))
    Vault(client.folder, client_key(client.folder)).write(pa.Table.from_pandas(frame.astype(object)), "take in")
    folder = tmp_path / "run"
    workspace(folder / "workspace", names)
    for name in ("notebooks", "tables", ".work"):
        (folder / name).mkdir()
    one, two = names["C-1001"], names["C-1002"]
    (folder / "tables" / "03_list.csv").write_text(f"customer_id,value\n{one},3\n{two},4\n")
    (folder / "tables" / "03_other.csv").write_text(f"customer_id,value\n{two},4\n")
    (folder / "notebooks" / "03.ipynb").write_text(json.dumps({"outputs": ["张三丰测试 bought"]}))
    (folder / "notebooks" / "04.ipynb").write_text(json.dumps({"outputs": ["Anna bought 1001 of C-10012"]}))
    (folder / ".work" / "packed.csv.gz").write_bytes(gzip.compress(b"zhang@example.cn"))
    pq.write_table(pa.table({"who": [one]}), folder / "tables" / "05.parquet")
    pq.write_table(pa.table({"who": [two]}), folder / "tables" / "06.parquet")
    (folder / "index.html").write_text("<td>C-1001</td>")
    register_run(client.folder, folder)
    return folder


def workspace(folder, names):
    folder.mkdir(parents=True)
    one, two, seven = names["C-1001"], names["C-1002"], names["7"]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table, columns, rows in (
            ("customers", "customer_id, city", f"('{one}', 'a'), ('{two}', 'b'), ('{seven}', 'b')"),
            (
                "orders",
                "order_id, customer_id, ordered_at",
                f"('o1', '{one}', TIMESTAMPTZ '2025-01-01 00:30:00Z'), ('o2', '{two}', TIMESTAMPTZ '2025-01-02'), "
                f"('o3', '{one}', TIMESTAMPTZ '2025-01-03'), ('o5', NULL, TIMESTAMPTZ '2025-01-05')",
            ),
            ("order_lines", "order_id, product_id", "('o1', 'p'), ('o1', 'q'), ('o2', 'p'), ('o5', 'p'), (NULL, 'p')"),
        ):
            file = folder / f"{table}.parquet"
            connection.execute(f"COPY (FROM (VALUES {rows}) AS v({columns})) TO '{file}' (FORMAT parquet)")
    tables = {
        "customers": {"read": 4, "accepted": 3, "repaired": 0, "quarantined": 1, "checksum": "old"},
        "orders": {"read": 5, "accepted": 1, "repaired": 3, "quarantined": 1, "checksum": "old"},
        "order_lines": {"read": 5, "accepted": 5, "set_aside": 0, "checksum": "old"},
    }
    (folder / "account.json").write_text(json.dumps({"fingerprint": "abc", "tables": tables}))
    (folder / "set_aside").mkdir()
    (folder / "set_aside" / "orders.csv").write_text("file,row,reason,found,customer_id\norders.csv,3,x,,C-1001\n")


def column(run, table, name):
    return pq.read_table(run / "workspace" / f"{table}.parquet")[name].to_pylist()


def snapshot(*folders):
    left_out = ("access.log", ".lock")
    return {p: p.read_bytes() for f in folders for p in sorted(f.rglob("*")) if p.is_file() and p.name not in left_out}


@pytest.mark.parametrize("by", ["own id", "pseudonym", "id in other writing"])
def test_the_person_is_in_no_table_any_more_and_everybody_else_is(client, run, names, by):
    forget(client, {"own id": "C-1001", "pseudonym": names["C-1001"], "id in other writing": " c-1001"}[by])
    two = names["C-1002"]
    assert column(run, "customers", "customer_id") == [two, names["7"]]
    assert column(run, "orders", "order_id") == ["o2", "o5"]
    assert column(run, "orders", "customer_id") == [two, None]
    assert column(run, "order_lines", "order_id") == ["o2", "o5", None]
    identities = Vault(client.folder, client_key(client.folder))
    assert identities.read("test")["customer_id"].to_pylist() == ["C-1002", "7"]
    assert identities.forgotten() == {names["C-1001"]}


def test_the_account_still_adds_up_and_the_data_are_taken_in_again(client, run):
    forget(client, "C-1001")
    account = json.loads((run / "workspace" / "account.json").read_text())
    assert account["fingerprint"] == ""
    orders = account["tables"]["orders"]
    assert (orders["read"], orders["accepted"], orders["repaired"], orders["quarantined"]) == (3, 0, 2, 1)
    assert (account["tables"]["customers"]["read"], account["tables"]["customers"]["accepted"]) == (3, 2)
    content = (run / "workspace" / "orders.parquet").read_bytes()
    assert orders["checksum"] == hashlib.sha256(content).hexdigest()


def test_times_and_kinds_of_the_columns_stay(client, run):
    before = pq.read_schema(run / "workspace" / "orders.parquet")
    forget(client, "C-1002")
    assert pq.read_schema(run / "workspace" / "orders.parquet").equals(before)
    first = pq.read_table(run / "workspace" / "orders.parquet")["ordered_at"][0].as_py()
    assert first.timestamp() == pd.Timestamp("2025-01-01 00:30", tz="UTC").timestamp()


def test_what_a_run_says_of_the_person_goes_and_the_rest_stays(client, run):
    forget(client, "C-1001")
    left = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    assert left == {
        "notebooks/04.ipynb",
        "tables/03_other.csv",
        "tables/06.parquet",
        "workspace/account.json",
        "workspace/customers.parquet",
        "workspace/order_lines.parquet",
        "workspace/orders.parquet",
        "workspace/set_aside/orders.csv",
    }
    assert (run / "workspace" / "set_aside" / "orders.csv").read_text() == "file,row,reason,found,customer_id\n"


def test_nothing_of_the_person_is_left_where_the_kit_writes(client, run, names):
    forget(client, "C-1001")
    person = Person(frozenset({"C-1001"}), names["C-1001"], {"name": frozenset({"张三丰测试"})})
    for file, content in snapshot(run, client.folder / ".crmlib").items():
        assert not stands_in(content, person), file
        assert b"zhang@example.cn" not in content


def test_a_file_that_no_run_made_stays_and_is_named(client, run):
    (run / "letter.txt").write_text("To Anna Schmidt, anna@example.com")
    (run / ".workspace-reading-4194999").mkdir()
    (run / ".workspace-reading-4194999" / "unpacked.csv").write_text("C-1002,Anna Schmidt,anna@example.com")
    report = forget(client, "C-1002")
    assert (run / "letter.txt").read_text() == "To Anna Schmidt, anna@example.com"
    assert any("letter.txt" in line for line in report.remains)
    assert not (run / ".workspace-reading-4194999" / "unpacked.csv").exists()


def test_a_run_of_chapters_beside_the_yaml_is_found_too(client, run, names):
    workspace(client.folder / ".crmlib" / "client", names)
    forget(client, "C-1001")
    kept = pq.read_table(client.folder / ".crmlib" / "client" / "customers.parquet")
    assert names["C-1001"] not in kept["customer_id"].to_pylist()


def test_the_exports_are_named_by_row_and_not_changed(client, run):
    before = snapshot(client.folder)
    report = forget(client, "C-1001")
    after = snapshot(client.folder)
    assert {p: c for p, c in after.items() if p.suffix == ".csv"} == {
        p: c for p, c in before.items() if p.suffix == ".csv"
    }
    customers, orders = (next(r for r in report.remains if r.startswith(n)) for n in ("customers.csv", "orders.csv"))
    assert customers.endswith("the person stands in row 2")
    assert orders.endswith("the person stands in rows 2, 4")
    assert "not changed" in orders


def test_a_short_id_is_not_confused_with_a_quantity(client, run):
    report = forget(client, "7")
    orders = next(r for r in report.remains if r.startswith("orders.csv"))
    assert orders.endswith("the person stands in row 5")
    assert (run / "tables" / "03_list.csv").exists()
    assert (run / "notebooks" / "04.ipynb").exists()


def test_quarantined_and_corrected_rows_go_and_every_other_byte_stays(client, run):
    rows = '_row,_reason,Kunde,customer_id\r\n2,x,"a\r\nb",C-1002\r\n3,y,"c\nd",C-1001\r\n4,z,,7\r\n'
    for name in ("quarantine/left_out", "corrected"):
        (client.folder / name).mkdir(parents=True)
        (client.folder / name / "orders.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    report = forget(client, "C-1001")
    expected = b"\xef\xbb\xbf" + b'_row,_reason,Kunde,customer_id\r\n2,x,"a\r\nb",C-1002\r\n4,z,,7\r\n'
    for name in ("quarantine/left_out", "corrected"):
        assert (client.folder / name / "orders.csv").read_bytes() == expected
        assert stat.S_IMODE((client.folder / name / "orders.csv").stat().st_mode) == 0o600
    assert {s.file: s.rows for s in report.done if s.file.endswith("orders.csv") and "run" not in s.file} == {
        "quarantine/left_out/orders.csv": 1,
        "corrected/orders.csv": 1,
    }


def test_a_quarantined_row_with_only_the_same_name_stays_and_is_said(client, run):
    (client.folder / "quarantine").mkdir()
    file = client.folder / "quarantine" / "leads.csv"
    file.write_text("_row,name,mail\n2,Anna Schmidt,\n3,,ANNA@example.com\n", encoding="utf-8")
    report = forget(client, "C-1002")
    assert file.read_text() == "_row,name,mail\n2,Anna Schmidt,\n"
    assert any(r.startswith("quarantine/leads.csv: other rows") for r in report.remains)


def test_a_plan_changes_nothing_and_says_the_same(client, run):
    before = snapshot(client.folder, run)
    planned = plan_forget(client, "C-1001")
    assert snapshot(client.folder, run) == before
    assert forget(client, "C-1001") == planned


def test_forgetting_again_is_no_mistake(client, run):
    forget(client, "C-1001")
    again = forget(client, "C-1001")
    assert [step.file for step in again.done] == [".crmlib/vault"]


def test_an_unknown_customer_is_a_problem_and_nothing_changes(client, run):
    before = snapshot(client.folder, run)
    with pytest.raises(UnusableInput, match="nobody with this id"):
        forget(client, "C-100")
    assert snapshot(client.folder, run) == before


def test_others_with_the_same_telephone_are_pointed_to_by_pseudonym(client, run, names):
    vault = Vault(client.folder, client_key(client.folder))
    frame = vault.read("test").to_pandas()
    frame.loc[frame.customer_id == "7", "phone"] = "13800001234"
    vault.write(pa.Table.from_pandas(frame, preserve_index=False), "test")
    report = forget(client, "C-1001")
    (said,) = [r for r in report.remains if r.startswith("the vault")]
    assert names["7"] in said
    assert names["C-1002"] not in said


def test_where_customers_are_merged_the_whole_workspace_goes(make_client, tmp_path):
    merging = make_client("merge: {rules: [same_email]}\n", customers=CUSTOMERS, orders=ORDERS)
    key = client_key(merging.folder)
    workspace(tmp_path / "run" / "workspace", {c: pseudonym(key, c) for c in ("C-1001", "C-1002", "7")})
    register_run(merging.folder, tmp_path / "run")
    forget(merging, "C-1001")
    assert not list((tmp_path / "run" / "workspace").glob("*.parquet"))
    assert not (tmp_path / "run" / "workspace" / "account.json").exists()


def test_the_report_names_nobody(client, run):
    said = str(forget(client, "C-1001"))
    assert not [v for v in ("C-1001", "张三丰测试", "zhang@example.cn", "13800001234") if v in said]


def test_links_are_not_followed_into_others_files(client, run, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "notes.txt").write_text("C-1001")
    (run / "linked").symlink_to(tmp_path / "others")
    (run / "linked.txt").symlink_to(tmp_path / "others" / "notes.txt")
    forget(client, "C-1001")
    assert (tmp_path / "others" / "notes.txt").read_text() == "C-1001"


# Where a person stands

ANNA = Person(frozenset({"17850"}), "P0123456789abcdef", {"email": frozenset({"anna@example.com"})})


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", "id;customer_id\n1;17850\n2;17850.0\n3;178501\n4;'17850\n", [2, 3, 5]),
        ("b.csv", "Orders of May\n\ncustomer_id\tn\n17850\t1\n5\t17850\n", [4]),
        ("c.csv", "when,who\nx,17850\n", [2]),
        ("d.jsonl", '{"a": {"customer": 17850}}\n{"a": [178501]}\n{"m": "Anna@Example.com"}\n', [1, 3]),
        ("e.csv", 'note,mail\n"two\nlines",x\nb,<ANNA@example.com>\n', [3]),
        ("f.csv", "", []),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_rows_are_counted_as_a_spreadsheet_shows_them(tmp_path, name, content, rows, encoding):
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert rows_with(tmp_path / name, ANNA) == rows
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode(encoding)))
    assert rows_with(tmp_path / f"{name}.gz", ANNA) == rows


def test_rows_of_parquet_are_found_by_number_and_by_text(tmp_path):
    table = pa.table({"customer_id": [17850.0, 1.0, None], "mail": ["", "Anna@example.com", None], "n": [1, 17850, 1]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert rows_with(tmp_path / "a.parquet", ANNA) == [1, 2]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet", "a.xlsx", "a.zip", "a.db"])
def test_a_file_that_cannot_be_searched_is_not_passed_off_as_clean(tmp_path, name):
    start = {"a.csv.gz": b"\x1f\x8b\x08", "a.zip": b"PK\x03\x04"}.get(name, b"PAR1")
    (tmp_path / name).write_bytes(start + b"broken")
    assert rows_with(tmp_path / name, ANNA) is None


def test_rows_of_a_workbook_are_found_by_number_and_by_text(tmp_path):
    """A spreadsheet of OpenDocument, written by hand: calamine reads it, nothing here writes one."""
    cells = [["customer_id", "n"], [17850.0, 1.0], ["x", 17850.0], ["17850", 2.0]]

    def cell(value):
        if isinstance(value, float):
            return f'<table:table-cell office:value-type="float" office:value="{value:g}"/>'
        return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'

    rows = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in cells)
    names = "".join(f' xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = (
        f'<office:document-content{names}><office:body><office:spreadsheet><table:table table:name="a">{rows}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    assert rows_with(tmp_path / "a.ods", ANNA) == [2, 4]


def test_the_texts_of_a_zip_are_searched_and_anything_else_in_it_is_not_passed_off_as_clean(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("orders.csv", "customer_id,n\n1,2\n17850,3\n")
    assert rows_with(tmp_path / "a.zip", ANNA) == [3]
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("orders.xlsx", b"anything")
    assert rows_with(tmp_path / "a.zip", ANNA) is None


def test_a_file_without_the_person_is_not_written_anew():
    content = "a,b\r\n1,ä\n\n".encode("gb18030")
    assert without_rows(content, ANNA) == (content, 0)


def test_the_encoding_of_a_corrected_file_stays():
    content = "customer_id,名\n17850,张\n5,三\n".encode("gb18030")
    assert without_rows(content, ANNA) == ("customer_id,名\n5,三\n".encode("gb18030"), 1)


def test_a_telephone_is_found_however_it_is_grouped():
    person = Person(frozenset({"x-77"}), "P0123456789abcdef", {"phone": frozenset({"+86 138 0000 1234"})})
    content = b"who,tel\na,138-0000-1234\nb,13800001235\nc,8613800001234\n"
    assert without_rows(content, person) == (b"who,tel\nb,13800001235\n", 2)


def test_runs_are_noted_once_and_privately(tmp_path):
    for name in ("a", "b", "a"):
        register_run(tmp_path / "client", tmp_path / name)
    assert registered_runs(tmp_path / "client") == [tmp_path / "a", tmp_path / "b"]
    assert stat.S_IMODE((tmp_path / "client" / ".crmlib" / "runs.json").stat().st_mode) == 0o600
    (tmp_path / "client" / ".crmlib" / "runs.json").write_text("{")
    with pytest.raises(UnusableInput, match="damaged list"):
        registered_runs(tmp_path / "client")
