import errno
import json
import os
import re

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.contract import TABLES
from crmlib.intake import take_in
from crmlib.intake.workspace import worded
from crmlib.problems import UnusableInput
from crmlib.words import use
from tests.conftest import write_client

ORDERS = """
    order_id,customer_id,ordered_at,amount,discount,status
    1,a,2025-01-01 00:30:00,10.5,x,paid
    1,a,2025-01-01 00:30:00,10.5,,paid
    2,b,2025-02-30,3,,paid
    3,b,2025-02-03,nan,,shipped
    4,b,2025-02-03T10:00:00Z,1e3,,
    5,c,2025-02-03,1,2,3,4,5,6
    6,,1970-01-01,3,,
    7,tt,2025-01-01,3,,
    ,a,2025-01-01,3,,
    8,,2025-01-05 12:00,abc,,paid
    9,,2025-01-05 12:00,0,,paid
"""
CUSTOMERS = """
    customer_id,name,email,is_test
    a,"Hans; DROP TABLE orders",hans@example.com,false
    tt,Tester,test@example.com,true
"""


def test_every_row_is_accepted_or_set_aside_with_its_reason(make_client, tmp_path):
    client = make_client("max_set_aside: 0.9\n", orders=ORDERS, customers=CUSTOMERS)
    account = take_in(client, tmp_path / "w").account["tables"]["orders"]
    assert (account["read"], account["accepted"], account["quarantined"]) == (11, 3, 8)
    assert account["reasons"] == {
        "amount is not a number": 1,
        "no amount; status is not one of paid, cancelled, refunded, open": 1,
        "duplicate order_id": 1,
        "no order_id": 1,
        "no ordered_at": 1,
        "ordered_at is not a date that exists and can be read": 1,
        "test customer": 1,
        "the line does not have the header's number of values": 1,
    }
    assert account["blanked"] == {"discount": 1}
    assert (account["of_unknown_customers"], account["without_customer"]) == (1, 1)


def test_the_same_workspace_is_told_in_the_language_in_use(make_client, tmp_path):
    client = make_client("max_set_aside: 0.9\n", orders=ORDERS, customers=CUSTOMERS)
    english = take_in(client, tmp_path / "w").account["tables"]["orders"]
    use("zh", "CNY")
    chinese = take_in(client, tmp_path / "w").account["tables"]["orders"]
    assert list(chinese["reasons"].values()) == list(english["reasons"].values())
    assert chinese["reasons"]["缺少amount；status不是paid、cancelled、refunded、open之一"] == 1
    told = [*chinese["reasons"], *chinese["decisions"], *chinese["notes"]["orders.csv"]]
    assert [said for said in told if not re.search("[一-鿿]", said)] == []
    assert (chinese["read"], chinese["by_file"]) == (english["read"], english["by_file"])


def test_rows_set_aside_are_written_beside_with_file_row_and_what_was_found(make_client, tmp_path):
    client = make_client("max_set_aside: 0.9\n", orders=ORDERS, customers=CUSTOMERS)
    take_in(client, tmp_path / "w")
    aside = pd.read_csv(tmp_path / "client" / "quarantine" / "orders.csv", dtype=str)
    assert aside._row.tolist() == ["3", "4", "5", "7", "8", "10", "11"]
    assert aside.ordered_at.fillna("").tolist()[:3] == ["2025-01-01 00:30:00", "2025-02-30", "2025-02-03"]
    assert aside._reason.iloc[0] == "orders: duplicate order_id"
    assert aside._reason.iloc[3] == "the line does not have the header's number of values"
    left_out = pd.read_csv(tmp_path / "client" / "quarantine" / "left_out" / "orders.csv", dtype=str)
    assert left_out[["_row", "_reason", "order_id"]].values.tolist() == [["9", "orders: test customer", "7"]]


def test_times_are_stored_in_utc_and_shown_as_the_clients_wall_clock(make_client, tmp_path):
    client = make_client("max_set_aside: 0.9\n", orders=ORDERS)
    workspace = take_in(client, tmp_path / "w")
    stored = duckdb.sql(f"SELECT epoch(ordered_at) FROM '{tmp_path}/w/orders.parquet' WHERE order_id = '1'").fetchone()
    assert stored[0] == pd.Timestamp("2024-12-31 16:30", tz="UTC").timestamp()
    shown = workspace.table("orders").to_pandas().set_index("order_id").ordered_at
    assert shown["1"] == pd.Timestamp("2025-01-01 00:30")
    assert shown["4"] == pd.Timestamp("2025-02-03 18:00")


def test_no_identity_is_in_the_workspace(make_client, tmp_path):
    client = make_client("max_set_aside: 0.9\n", orders=ORDERS, customers=CUSTOMERS)
    workspace = take_in(client, tmp_path / "w")
    assert set(workspace.table("customers").columns) == {"customer_id", "is_test"}
    everything = b"".join(p.read_bytes() for p in (tmp_path / "w").rglob("*") if p.is_file())
    assert b"example.com" not in everything
    assert b"DROP TABLE" not in everything


def test_what_was_taken_in_keeps_the_contract(make_client, tmp_path):
    client = make_client("max_set_aside: 0.9\n", orders=ORDERS, customers=CUSTOMERS)
    workspace = take_in(client, tmp_path / "w")
    for name in workspace.tables:
        frame, contract = workspace.table(name).to_pandas(), TABLES[name]
        assert len(frame) > 0
        assert set(contract.required) <= set(frame) <= set(contract.names)
        for column in map(contract.__getitem__, frame):
            values = frame[column.name].dropna()
            assert not column.identity
            assert not column.required or len(values) == len(frame)
            assert not column.allowed or set(values) <= set(column.allowed)
            assert column.low is None or (values >= column.low).all()
        assert contract.key is None or frame[contract.key].is_unique


def test_lines_of_a_test_customers_order_go_with_it(make_client, tmp_path):
    client = make_client(
        "max_set_aside: 0.9\n",
        orders=ORDERS,
        customers=CUSTOMERS,
        order_lines="order_id,product_id,quantity,amount\n7,p,1,3\n1,p,1,10.5\n",
    )
    account = take_in(client, tmp_path / "w").account["tables"]["order_lines"]
    assert (account["accepted"], account["reasons"]) == (1, {"test customer": 1})


def test_columns_values_and_semicolons_are_mapped(make_client, tmp_path):
    client = make_client(
        """
        tables:
          orders:
            from: orders.csv
            columns: {order_id: 订单编号, ordered_at: [付款时间, 创建时间], amount: 金额}
            values: {status: {交易成功: paid, 交易关闭: cancelled}}
        """,
        orders="订单编号;付款时间;创建时间;金额;status\nA1;;2025-01-02;5;交易成功\nA2;2025-01-03;2025-01-01;7;交易关闭\n",
    )
    rows = take_in(client, tmp_path / "w").table("orders").order_by("order_id").to_pandas()
    assert rows.status.tolist() == ["paid", "cancelled"]
    assert rows.ordered_at.dt.day.tolist() == [2, 3]


def test_parquet_and_csv_give_the_same_table(make_client, tmp_path):
    csv = make_client(orders="order_id,ordered_at,amount\n1,2025-01-02 10:00,5.5\n2,2025-01-03 11:00,7\n")
    frame = pd.DataFrame(
        {"order_id": [1, 2], "ordered_at": pd.to_datetime(["2025-01-02 10:00", "2025-01-03 11:00"]), "amount": [5.5, 7]}
    )
    other = make_client("tables: {orders: {from: orders.parquet}}\n", folder="parquet")
    frame.to_parquet(other.folder / "orders.parquet")
    left = take_in(csv, tmp_path / "w1").table("orders").to_pandas()
    right = take_in(other, tmp_path / "w2").table("orders").to_pandas()
    pd.testing.assert_frame_equal(left, right)


def test_a_glob_reads_all_its_files_and_the_account_names_them(make_client, tmp_path):
    client = make_client(
        "tables: {orders: {from: 'orders_*.csv'}}\n",
        orders_1="order_id,ordered_at,amount\n1,2025-01-02,5\n",
        orders_2="order_id,ordered_at,amount\n1,2025-01-02,5\n2,2025-01-02,6\n3,2025-01-02,6\n4,2025-01-02,1\n5,2025-01-02,1\n",
    )
    account = take_in(client, tmp_path / "w").account["tables"]["orders"]
    assert account["files"] == ["orders_1.csv", "orders_2.csv"]
    assert (account["read"], account["accepted"]) == (6, 5)
    assert account["reasons"] == {"exact duplicate of an earlier row": 1}


def test_scores_beyond_their_scale_are_set_aside(make_client, tmp_path):
    client = make_client(
        "max_set_aside: 0.9\n",
        surveys="response_id,answered_at,kind,score\n1,2025-01-02,nps,10\n2,2025-01-02,csat,6\n3,2025-01-02,nps,11\n",
    )
    assert take_in(client, tmp_path / "w").account["tables"]["surveys"]["reasons"] == {
        "score of csat is not between 1 and 5": 1,
        "score of nps is not between 0 and 10": 1,
    }


def test_what_is_unchanged_is_not_read_again_and_what_changed_is(make_client, tmp_path):
    client = make_client(orders="order_id,ordered_at,amount\n1,2025-01-02,5\n")
    take_in(client, tmp_path / "w")
    written = (tmp_path / "w" / "orders.parquet").stat().st_mtime_ns
    take_in(client, tmp_path / "w")
    assert (tmp_path / "w" / "orders.parquet").stat().st_mtime_ns == written
    (client.folder / "orders.csv").write_text("order_id,ordered_at,amount\n1,2025-01-02,6\n")
    assert take_in(client, tmp_path / "w").table("orders").to_pandas().amount.tolist() == [6]


def test_as_of_hides_what_came_later(make_client, tmp_path):
    client = make_client(
        "as_of: 2025-01-03\n", orders="order_id,ordered_at,amount\n1,2025-01-03 23:59,5\n2,2025-01-04 00:00,7\n"
    )
    workspace = take_in(client, tmp_path / "w")
    assert workspace.as_of.isoformat() == "2025-01-03"
    assert workspace.table("orders").to_pandas().order_id.tolist() == ["1"]


HEAD = "order_id,ordered_at,amount\n"


@pytest.mark.parametrize(
    ("settings", "tables", "said"),
    [
        ("", {"orders": ""}, "orders.csv: found an empty file"),
        ("", {"orders": HEAD}, "orders.csv: found no rows; expected rows of orders"),
        ("", {"orders": "order_id,ordered_at\n1,2025-01-01\n"}, "orders.csv, headings: found no column 'amount'"),
        (
            "",
            {"orders": HEAD + "1,2025-01-01,a\n2,2025-01-01,b\n"},
            r"amount is not a number in 2 rows \(row 2: amount=a\)",
        ),
        ("", {"orders": HEAD + "1,2025-01-01,5\n2,x,5\n"}, "1 of 2 rows that cannot be used"),
        (
            "",
            {"orders": HEAD.strip() + ",amount\n1,2025-01-01,2,3\n"},
            "orders.csv, headings: found the heading 'amount' twice",
        ),
        (
            "",
            {"orders": HEAD + '1,2025-01-01,"5\n2,2025-01-01,5\n'},
            "row 2: found a quotation mark that is never closed",
        ),
        ("", {"orders": b"PK\x03\x04\x00\x00"}, "orders.csv: found binary data"),
        (
            "as_of: 2099-06-30\n",
            {"orders": HEAD + "1,2025-01-01,5\n"},
            "as_of: found 2099-06-30; expected a day from 2025-01-01",
        ),
        ("as_of: 2020-06-30\n", {"orders": HEAD + "1,2025-01-01,5\n"}, "expected a day from 2025-01-01"),
        ("tables: {orders: {from: nothing.csv}}\n", {}, "found no file at 'nothing.csv'"),
        (
            "tables: {orders: {from: orders.csv, columns: {amount: sum}}}\n",
            {"orders": HEAD},
            "found no column 'sum', which tables.orders in client.yaml",
        ),
        ("", {"customers": "customer_id\na\n"}, "found no table with times"),
    ],
)
def test_what_cannot_be_used_is_said_with_place_and_remedy(make_client, tmp_path, settings, tables, said):
    client = make_client(settings, **tables)
    with pytest.raises(UnusableInput, match=said) as unusable:
        take_in(client, tmp_path / "w")
    assert all(problem.remedy for problem in unusable.value.problems)
    assert not (tmp_path / "w").exists()


def test_the_problems_of_all_tables_come_at_once(make_client, tmp_path):
    client = make_client(orders="order_id,ordered_at\n1,2025-01-01\n", surveys="", spend="spent_on,channel,cost\n")
    with pytest.raises(UnusableInput) as unusable:
        take_in(client, tmp_path / "w")
    assert {problem.file for problem in unusable.value.problems} == {"orders.csv", "surveys.csv", "spend.csv"}


def test_more_than_a_fifth_set_aside_runs_where_the_configuration_allows_it(make_client, tmp_path):
    rows = HEAD + "1,2025-01-01,5\n2,x,5\n"
    assert (
        take_in(make_client("max_set_aside: 0.5\n", orders=rows), tmp_path / "w").account["tables"]["orders"][
            "quarantined"
        ]
        == 1
    )


# A file in which many characters are control characters is no text and is refused, in words, as a whole.
controls = "".join(chr(code) for code in range(32) if chr(code) not in "\t\n\v\f\x1a\x1b")
cells = st.text(alphabet=st.characters(codec="utf-8", exclude_characters=controls), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8))
def test_whatever_the_cells_hold_accepted_and_set_aside_add_up_to_the_rows_written(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("any")
    frame = pd.DataFrame([*rows, ("good", "2025-01-01", "5")], columns=["order_id", "ordered_at", "amount"])
    from crmlib.client import load_client

    content = frame.to_csv(index=False, quoting=1, lineterminator="\n").encode()
    client = load_client(write_client(folder, "max_set_aside: 1\n", orders=content))
    account = take_in(client, folder / "w").account["tables"]["orders"]
    assert account["read"] == len(frame)
    assert account["accepted"] + account["quarantined"] == account["read"]
    assert sum(account["reasons"].values()) == account["quarantined"]
    assert worded(json.loads((folder / "w" / "account.json").read_text()))["tables"]["orders"] == account


def taken_in(make_client, tmp_path, settings="max_set_aside: 1\n", **tables):
    workspace = take_in(make_client(settings, **tables), tmp_path / "w")
    aside = tmp_path / "client" / "quarantine" / "orders.csv"
    return workspace, pd.read_csv(aside, dtype=str) if aside.exists() else None


def test_rows_are_counted_as_a_spreadsheet_does_whatever_lies_between(make_client, tmp_path):
    rows = HEAD + '1,2025-01-01,5\n\n\n2,2025-01-02,x\n3,2025-01-03\n"4",2025-01-04,"5\n6"\n5,2025-01-05,y\n'
    workspace, aside = taken_in(make_client, tmp_path, orders=rows)
    assert aside._row.tolist() == ["5", "6", "7", "8"]
    assert workspace.account["tables"]["orders"]["read"] == 5


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_one_short_row_is_set_aside_and_the_others_are_read_whatever_the_line_ending(make_client, tmp_path, ending):
    rows = ending.join([HEAD.strip(), "1,2025-01-01,5", "2,2025-01-01", "3,2025-01-01,5", ""])
    workspace, aside = taken_in(make_client, tmp_path, orders=rows.encode())
    assert workspace.table("orders").to_pandas().order_id.tolist() == ["1", "3"]
    assert aside[["_row", "_reason"]].values.tolist() == [["3", "the line does not have the header's number of values"]]


def test_mixed_line_endings_are_read(make_client, tmp_path):
    rows = HEAD.replace("\n", "\r\n") + "1,2025-01-01,5\n2,2025-01-01,6\r\n"
    workspace, _ = taken_in(make_client, tmp_path, orders=rows.encode())
    assert workspace.table("orders").to_pandas().amount.tolist() == [5, 6]


def test_times_with_a_zone_keep_their_moment_and_junk_is_no_date(make_client, tmp_path):
    moments = {
        "1": "2025-01-05T10:00+08:00", "2": "2025-01-05T02:00Z", "3": "2025-01-05 02:00:00 UTC",
        "4": "2025-01-04 21:00:00 -0500", "5": "2025-01-05 10:00", "6": "2025/1/5 10:00:00.0",
        "7": "2025-01-05xyz", "8": "2025-01-05 junk", "9": "2025-02-30 10:00", "10": "epoch",
    }  # fmt: skip
    rows = HEAD + "".join(f"{key},{moment},5\n" for key, moment in moments.items())
    workspace, aside = taken_in(make_client, tmp_path, orders=rows)
    shown = workspace.table("orders").to_pandas().set_index("order_id").ordered_at
    assert set(shown.index) == set("123456")
    assert set(shown) == {pd.Timestamp("2025-01-05 10:00")}
    assert aside.order_id.tolist() == ["7", "8", "9", "10"]


def test_a_day_with_an_offset_is_the_clients_day(make_client, tmp_path):
    rows = "spent_on,channel,cost\n2025-01-05T23:30:00Z,a,1\n2025-01-05,b,1\n2025-01-05 x,c,1\n"
    orders = HEAD + "1,2025-01-31,5\n"
    workspace, _ = taken_in(make_client, tmp_path, orders=orders, spend=rows)
    spend = workspace.table("spend").order_by("channel").to_pandas()
    assert spend.spent_on.astype(str).tolist() == ["2025-01-06", "2025-01-05"]


def test_names_with_pattern_characters_mean_themselves(make_client, tmp_path):
    client = make_client(
        "tables: {orders: {from: 'orders[1].csv'}}\n",
        folder="client [a]*",
        **{"orders[1]": HEAD + "1,2025-01-01,5\n", "orders1": HEAD + "2,2025-01-01,5\n"},
    )
    workspace = take_in(client, tmp_path / "w[1]")
    take_in(make_client(orders=HEAD + "9,2025-01-01,5\n"), tmp_path / "w1")
    assert workspace.table("orders").to_pandas().order_id.tolist() == ["1"]


def test_ids_and_flags_that_pandas_made_fractions_are_whole_again(make_client, tmp_path):
    client = make_client("tables: {orders: {from: o.parquet}, customers: {from: c.parquet}}\n")
    pd.DataFrame(
        {"order_id": [1, 2, 3], "customer_id": [7.0, None, 8.0], "ordered_at": pd.Timestamp("2025-01-01"), "amount": 5}
    ).to_parquet(client.folder / "o.parquet")
    pd.DataFrame({"customer_id": [7.0, 8.0], "is_test": [0.0, 1.0]}).to_parquet(client.folder / "c.parquet")
    workspace = take_in(client, tmp_path / "w")
    assert workspace.table("orders").order_by("order_id").to_pandas().customer_id.tolist()[0] == "7"
    assert workspace.account["tables"]["orders"]["reasons"] == {"test customer": 1}
    assert workspace.account["tables"]["orders"]["of_unknown_customers"] == 0


def test_headings_may_hold_anything(make_client, tmp_path):
    rows = 'or"der,ordered_at,amount,Amount,_row,"a, b, c"\n1,2025-01-01,5,6,7,8\n2,2025-01-01,x,6,70,8\n'
    settings = "max_set_aside: 1\ntables: {orders: {from: orders.csv, columns: {order_id: 'or\"der'}}}\n"
    workspace, aside = taken_in(make_client, tmp_path, settings, orders=rows)
    assert workspace.table("orders").to_pandas()[["order_id", "amount"]].values.tolist() == [["1", 5.0]]
    assert aside._row.tolist() == ["3"]


def test_further_survey_items_are_mapped(make_client, tmp_path):
    settings = "tables: {surveys: {from: surveys.csv, columns: {item_wait: 'Q1: wait'}}}\n"
    rows = "response_id,answered_at,kind,score,Q1: wait\n1,2025-01-01,nps,9,4\n"
    workspace, _ = taken_in(make_client, tmp_path, settings, surveys=rows)
    assert workspace.table("surveys").to_pandas().item_wait.tolist() == [4.0]


def test_values_are_mapped_as_they_are_written(make_client, tmp_path):
    settings = "tables: {orders: {from: orders.csv, values: {status: {yes: paid, 7: cancelled, true: open}}}}\n"
    rows = "order_id,ordered_at,amount,status\n1,2025-01-01,5,yes\n2,2025-01-01,5,7\n3,2025-01-01,5,true\n"
    workspace, _ = taken_in(make_client, tmp_path, settings, orders=rows)
    assert workspace.table("orders").order_by("order_id").to_pandas().status.tolist() == ["paid", "cancelled", "open"]


def test_people_are_not_named_in_messages_nor_let_in_by_another_name(make_client, tmp_path):
    people = "a,Hans Müller,hans@example.com,+49 170 1234567\nb,Eva,eva@example.com,1\n"
    with pytest.raises(UnusableInput, match="no heading that is known") as unusable:
        take_in(make_client(customers=people), tmp_path / "w")
    assert "Hans" not in str(unusable.value)
    settings = "tables: {customers: {from: customers.csv, columns: {customer_id: email, owner: name}}}\n"
    client = make_client(settings, customers="name,email\nHans,hans@example.com\n")
    with pytest.raises(UnusableInput, match=r"the identity column 'email' given as customers\.customer_id") as unusable:
        take_in(client, tmp_path / "w")
    assert len(unusable.value.problems) == 2


def test_a_damaged_workspace_is_made_anew_and_another_folder_is_left_alone(make_client, tmp_path):
    client = make_client(orders=HEAD + "1,2025-01-01,5\n")
    take_in(client, tmp_path / "w")
    (tmp_path / "w" / "orders.parquet").unlink()
    assert take_in(client, tmp_path / "w").table("orders").count().to_pandas() == 1
    (tmp_path / "w" / "account.json").write_text("{")
    assert take_in(client, tmp_path / "w").table("orders").count().to_pandas() == 1
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UnusableInput, match="files that no run has put there"):
        take_in(client, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_what_a_killed_run_left_half_done_is_cleared_away(make_client, tmp_path):
    (tmp_path / ".w-999999999").mkdir()
    take_in(make_client(orders=HEAD + "1,2025-01-01,5\n"), tmp_path / "w")
    assert not (tmp_path / ".w-999999999").exists()


def test_what_a_killed_reading_left_is_cleared_away_even_if_nothing_is_read_again(make_client, tmp_path):
    client = make_client(orders=HEAD + "1,2025-01-01,5\n")
    take_in(client, tmp_path / "w")
    (tmp_path / ".w-reading-999999999").mkdir()
    (tmp_path / ".w-reading-999999999" / "unpacked.csv").write_text("anna@example.com")
    take_in(client, tmp_path / "w")
    assert not (tmp_path / ".w-reading-999999999").exists()


def test_a_full_disk_is_said_in_words_and_leaves_nothing_half_done(make_client, tmp_path, monkeypatch):

    client = make_client(orders=HEAD + "1,2025-01-01,5\n")

    def full(*_):
        raise duckdb.IOException(f'IO Error: Could not write file "x": {os.strerror(errno.ENOSPC)}')

    monkeypatch.setattr("crmlib.intake.staging.Staging.write", full)
    with pytest.raises(UnusableInput, match="found a full disk"):
        take_in(client, tmp_path / "w")
    assert not list(tmp_path.glob(".w-*"))


def test_the_quarantine_is_kept_out_of_version_control_wherever_the_client_lies(make_client, tmp_path):
    client = make_client(orders=HEAD + "".join(f"{n},2025-01-01,5\n" for n in range(9)) + "9,never,5\n")
    take_in(client, tmp_path / "w")
    assert (client.folder / "quarantine" / "orders.csv").exists()
    assert (client.folder / "quarantine" / ".gitignore").read_text() == "*\n"


def test_nested_parquet_values_are_refused_in_words(make_client, tmp_path):
    client = make_client("tables: {orders: {from: o.parquet}}\n")
    pd.DataFrame({"order_id": [1], "ordered_at": pd.Timestamp("2025-01-01"), "amount": [[1, 2]]}).to_parquet(
        client.folder / "o.parquet"
    )
    with pytest.raises(UnusableInput, match=r"o\.parquet, amount: found values of type BIGINT"):
        take_in(client, tmp_path / "w")


def test_the_decimal_sign_is_asked_for_where_points_may_part_thousands(make_client, tmp_path):
    rows = "order_id;ordered_at;amount\n" + "".join(f"{n};2025-01-01;{n + 1}.377\n" for n in range(30))
    with pytest.raises(UnusableInput, match=r"decimal"):
        take_in(make_client(orders=rows), tmp_path / "w")
    for sign, first in ((",", 1377.0), (".", 1.377)):
        client = make_client(f"tables: {{orders: {{from: orders.csv, decimal: '{sign}'}}}}\n", orders=rows)
        assert take_in(client, tmp_path / "w").table("orders").order_by("amount").to_pandas().amount[0] == first


def test_german_numbers_are_read_where_the_configuration_says_so(make_client, tmp_path):
    rows = "order_id;ordered_at;amount\n1;2025-01-01;1.377,50\n2;2025-01-01;-12,5\n3;2025-01-01;7\n"
    client = make_client("tables: {orders: {from: orders.csv, decimal: ','}}\n", orders=rows)
    assert take_in(client, tmp_path / "w").table("orders").order_by("order_id").to_pandas().amount.tolist() == [
        1377.5,
        -12.5,
        7,
    ]
