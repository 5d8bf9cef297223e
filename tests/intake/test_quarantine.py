"""Rows that could not be used: written beside, corrected, and read again, each counted once."""

import io
import zipfile

import pandas as pd
import pytest

from crmlib.intake import take_in
from crmlib.problems import UnusableInput

EXPORT = """\
order_id,ordered_at,amount,store,_row
1,2025-01-01,5,Ulm,70
2,2025-02-30,6,Bonn,71
3,2025-01-03,abc,"Bad Wörishofen, Süd",72
4,2025-01-04
5,2025-01-05,8,,73
"""


def quarantined(client, name="orders.csv") -> pd.DataFrame:
    return pd.read_csv(client.folder / "quarantine" / name, dtype=str, keep_default_na=False)


def correct(client, content: str | bytes, name="orders.csv") -> None:
    folder = client.folder / "corrected"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def account(client, tmp_path) -> dict:
    return take_in(client, tmp_path / "w").account["tables"]["orders"]


def counts(one: dict) -> tuple[int, ...]:
    return tuple(one[key] for key in ("read", "accepted", "repaired", "quarantined"))


def test_the_quarantines_file_edited_and_saved_is_read_again_and_no_row_counts_twice(make_client, tmp_path):
    client = make_client("max_set_aside: 1\n", orders=EXPORT)
    assert counts(account(client, tmp_path)) == (5, 2, 0, 3)
    raw = (client.folder / "quarantine" / "orders.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf_row,_reason,order_id")
    written = raw.decode("utf-8-sig")
    corrected = written.replace("2025-02-30", "2025-02-28").replace(",abc,", ",7.5,")
    correct(client, corrected)
    assert counts(account(client, tmp_path)) == (5, 2, 2, 1)
    found = take_in(client, tmp_path / "w").table("orders").to_pandas().set_index("order_id")
    assert found.amount.to_dict() == {"1": 5.0, "2": 6.0, "3": 7.5, "5": 8.0}
    assert found.store["3"] == "Bad Wörishofen, Süd"
    assert quarantined(client)["_row"].tolist() == ["5"]
    broken = next(line for line in corrected.splitlines() if line.startswith("5,"))
    correct(client, corrected.replace(broken, '5,,4,2025-01-04,"9,50",Köln,'))
    assert counts(account(client, tmp_path)) == (5, 2, 3, 0)
    assert not (client.folder / "quarantine" / "orders.csv").exists()
    (client.folder / "corrected" / "orders.csv").unlink()
    assert counts(account(client, tmp_path)) == (5, 2, 0, 3)


HEAD = "_row,_reason,order_id,ordered_at,amount,store,_row\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEAD + "9,,2,2025-01-01,5,x,\n", "_row 9: found a row that the export does not have"),
        (HEAD + "3,,2,2025-01-01,5,x,\n3,,2,2025-01-01,5,x,\n", "row 3: found _row '3' again"),
        (HEAD + "three,,2,2025-01-01,5,x,\n", "row 2: found _row 'three'; expected the row's number"),
        (HEAD + "3,,2,2025-01-01,5,1,x,\n", "row 2: found more or fewer values than headings"),
        (HEAD.replace("amount", "amout") + "3,,2,2025-01-01,5,x,\n", "found the unknown heading 'amout'"),
        (HEAD.replace("store,", "") + "3,,2,2025-01-01,5,\n", "found no column 'store'"),
        (HEAD.replace(",", ";"), "found no column '_row'; expected the quarantine's headings"),
        ((HEAD + "3,,2,2025-01-01,5,Köln,\n").encode("cp1252"), "found a file that is not CSV in UTF-8"),
        ("", "found no column '_row'"),
    ],
)
def test_a_wrong_correction_is_said_in_words_and_nothing_is_read(make_client, tmp_path, content, said):
    client = make_client("max_set_aside: 1\n", orders=EXPORT)
    correct(client, content)
    with pytest.raises(UnusableInput) as unusable:
        take_in(client, tmp_path / "w")
    assert said in str(unusable.value)
    assert "corrected/orders.csv" in str(unusable.value)
    assert not (tmp_path / "w").exists()


def test_a_file_that_no_source_has_is_not_passed_over_in_silence(make_client, tmp_path):
    client = make_client("max_set_aside: 1\n", orders=EXPORT)
    correct(client, HEAD, "orders (1).csv")
    with pytest.raises(UnusableInput, match=r"orders \(1\)\.csv: found rows of no source.*did you mean 'orders\.csv'"):
        take_in(client, tmp_path / "w")


def test_a_value_that_does_not_fit_a_typed_column_is_said_and_not_lost(make_client, tmp_path):
    client = make_client("max_set_aside: 1\ntables: {orders: {from: o.parquet}}\n")
    frame = pd.DataFrame(
        {"order_id": [1, 2], "ordered_at": pd.to_datetime(["2025-01-01", None]), "amount": 5.0, "discount": [0.0, 1.0]}
    )
    frame.to_parquet(client.folder / "o.parquet")
    take_in(client, tmp_path / "w")
    written = (client.folder / "quarantine" / "o.parquet.csv").read_text(encoding="utf-8-sig")
    head, row = written.splitlines()[:2]
    cells = dict(zip(head.split(","), row.split(","), strict=True)) | {"ordered_at": "2025-01-02"}
    correct(client, f"{head}\n{','.join((cells | {'discount': 'one'}).values())}\n", "o.parquet.csv")
    with pytest.raises(UnusableInput, match="_row 2, discount: found no DOUBLE"):
        take_in(client, tmp_path / "w")
    correct(client, f"{head}\n{','.join((cells | {'discount': '3'}).values())}\n", "o.parquet.csv")
    found = take_in(client, tmp_path / "w").table("orders").to_pandas().set_index("order_id")
    assert found.discount.to_dict() == {"1": 0.0, "2": 3.0}


def test_members_of_a_zip_and_files_beside_the_folder_have_names_of_their_own(make_client, tmp_path):
    client = make_client("max_set_aside: 1\ntables: {orders: [{from: o.zip}, {from: ../a.csv}, {from: a.csv}]}\n")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/x.csv", "order_id,ordered_at,amount\n1,2025-01-01,5\n2,never,5\n")
        archive.writestr("y.csv", "order_id,ordered_at,amount\n3,never,5\n")
    (client.folder / "o.zip").write_bytes(packed.getvalue())
    (client.folder / "a.csv").write_text("order_id,ordered_at,amount\n4,never,5\n")
    (tmp_path / "a.csv").write_text("order_id,ordered_at,amount\n5,never,7\n")
    one = account(client, tmp_path)
    files = sorted((client.folder / "quarantine").glob("*.csv"))
    assert len(files) == 4
    assert sorted(one["to_correct"].values()) == [file.name for file in files]
    for file in files:
        correct(client, file.read_text(encoding="utf-8-sig").replace("never", "2025-01-09"), file.name)
    assert counts(account(client, tmp_path)) == (5, 1, 4, 0)
    found = take_in(client, tmp_path / "w").table("orders").to_pandas().set_index("order_id").amount
    assert found.to_dict() == {"1": 5.0, "2": 5.0, "3": 5.0, "4": 5.0, "5": 7.0}


def test_sheets_of_a_workbook_are_quarantined_and_corrected_each_under_its_name(make_client, tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, which writes the workbook, is not installed")
    client = make_client(
        "max_set_aside: 1\ntables: {orders: [{from: b.xlsx, sheet: 一月}, {from: b.xlsx, sheet: Feb}]}\n"
    )
    book = openpyxl.Workbook()
    for name, key in (("一月", "1"), ("Feb", "2")):
        sheet = book.create_sheet(name)
        for line in (["order_id", "ordered_at", "amount"], [key, "2025-01-01", 5], [f"{key}x", "never", 6]):
            sheet.append(line)
    book.remove(book["Sheet"])
    book.save(client.folder / "b.xlsx")
    assert counts(account(client, tmp_path)) == (4, 2, 0, 2)
    names = sorted(file.name for file in (client.folder / "quarantine").glob("*.csv"))
    assert names == ["b.xlsx__Feb.csv", "b.xlsx__一月.csv"]
    written = (client.folder / "quarantine" / names[0]).read_text(encoding="utf-8-sig")
    correct(client, written.replace("never", "2025-02-02"), names[0])
    assert counts(account(client, tmp_path)) == (4, 2, 1, 1)
    found = take_in(client, tmp_path / "w").table("orders").to_pandas().order_id
    assert sorted(found) == ["1", "2", "2x"]


def test_columns_that_were_looked_up_do_not_stand_in_the_quarantine(make_client, tmp_path):
    settings = """\
max_set_aside: 1
tables:
  orders:
    from: orders.csv
    joins: [{from: shops.csv, on: {store: no}, take: {town: Town}}]
    columns: {channel: Town}
"""
    client = make_client(
        settings,
        orders="order_id,ordered_at,amount,store\n1,2025-01-01,5,7\n2,never,5,7\n",
        shops="no,town\n7,Ulm\n",
    )
    account(client, tmp_path)
    assert list(quarantined(client).columns) == ["_row", "_reason", "order_id", "ordered_at", "amount", "store"]
    written = (client.folder / "quarantine" / "orders.csv").read_text(encoding="utf-8-sig")
    correct(client, written.replace("never", "2025-01-02"))
    assert counts(account(client, tmp_path)) == (2, 1, 1, 0)
    assert take_in(client, tmp_path / "w").table("orders").to_pandas().channel.tolist() == ["Ulm", "Ulm"]
    stamp = (tmp_path / "w" / "orders.parquet").stat().st_mtime_ns
    take_in(client, tmp_path / "w")
    assert (tmp_path / "w" / "orders.parquet").stat().st_mtime_ns == stamp
    (client.folder / "shops.csv").write_text("no,town\n7,Bonn\n")
    assert take_in(client, tmp_path / "w").table("orders").to_pandas().channel.tolist() == ["Bonn", "Bonn"]


def test_only_the_owner_reads_what_is_in_quarantine(make_client, tmp_path):
    client = make_client("max_set_aside: 1\n", orders=EXPORT)
    account(client, tmp_path)
    folder = client.folder / "quarantine"
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert oct((folder / "orders.csv").stat().st_mode)[-3:] == "600"
