"""What Spark takes in is what DuckDB takes in of the same rows: tables, account, reasons and pseudonyms."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmlib.client import load_client
from crmlib.engine import open_engine, serving
from crmlib.engine.statements import Statements
from crmlib.intake.identities.pseudonyms import install, pseudonym
from crmlib.intake.identities.vault_key import Key
from crmlib.intake.on_spark import in_words_of_spark
from crmlib.intake.workspace import Workspace, take_in
from crmlib.problems import UnusableInput

pytest.importorskip("pyspark")
OTHERWISE = ("fingerprint", "checksum", "notes", "to_correct", "people", "questions", "sums")
"""What an account says otherwise: which files there are, what they are, and what is asked of money by its columns."""


@pytest.fixture(autouse=True)
def vault_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMLIB_VAULT_KEY", "5a" * 32)


def a_client(file: Path, tables: str, *, ids: str = "as they are", further: str = "") -> Any:
    file.parent.mkdir(exist_ok=True)
    text = f"name: A\ncurrency: EUR\ntimezone: Europe/Berlin\ncustomer_ids: {ids}\nmax_set_aside: 1.0\n{further}\n"
    file.write_text(f"{text}tables:\n{tables}")
    return load_client(file)


def rows_of(workspace: Workspace, table: str) -> list[tuple[Any, ...]]:
    found = workspace.folder / f"{table}.parquet"
    path = f"{found}/*.parquet" if found.is_dir() else str(found)
    described = sorted((c, kind) for c, kind, *_ in duckdb.sql(f"DESCRIBE FROM '{path}'").fetchall())
    cells = ", ".join(f"epoch_us({c})" if kind.startswith("TIMESTAMP") else c for c, kind in described)
    return [*described, *duckdb.sql(f"SELECT {cells} FROM '{path}' ORDER BY ALL").fetchall()]


def set_aside(folder: Path, source: str) -> dict[int, str]:
    """Row and reason of what stands in quarantine, of both kinds."""
    found: dict[int, str] = {}
    for place in (folder / "quarantine", folder / "quarantine" / "left_out"):
        for file in place.glob(f"{source}*"):
            query = f"'{file}/*.parquet'" if file.is_dir() else f"read_csv('{file}', all_varchar = true)"
            rows = duckdb.sql(f"SELECT CAST(_row AS INT), _reason FROM {query}").fetchall()
            assert not found.keys() & dict(rows).keys()
            found |= dict(rows)
    return found


def plain(kept: Any) -> Any:
    if isinstance(kept, dict):
        return {key: plain(value) for key, value in kept.items() if key not in OTHERWISE}
    return kept


WORDS = ["paid", "refunded", "bezahlt", "PAID", "who knows", None, ""]
START = dt.datetime(2024, 1, 1)
CLOCK_CHANGES = [dt.datetime(2024, 3, 31, 2, 30), dt.datetime(2024, 10, 27, 2, 30), dt.datetime(2024, 10, 27, 3, 0)]


def dirty(seed: int) -> dict[str, pa.Table]:
    """Orders, their lines and customers with all that a typed table can have wrong."""
    chance = random.Random(seed)
    customers = [f"K{n}" for n in range(30)]

    def moment() -> dt.datetime | None:
        kind = chance.random()
        if kind < 0.05:
            return None
        if kind < 0.10:
            return chance.choice([dt.datetime(1970, 1, 1), dt.datetime(1955, 2, 3), dt.datetime(2090, 1, 1)])
        if kind < 0.25:
            return chance.choice(CLOCK_CHANGES)
        return START + dt.timedelta(minutes=chance.randrange(700_000))

    orders: dict[str, list[Any]] = {
        name: [] for name in ("order_id", "buyer", "at", "cents", "status", "discount", "code")
    }
    for n in range(400):
        orders["order_id"].append(chance.choice([f"O{n}"] * 30 + [None, "", "Total"]))
        orders["buyer"].append(chance.choice([*customers, None, "K99", ""]))
        orders["at"].append(moment())
        orders["cents"].append(
            chance.choice([1999.0, 250.0, 0.0, -5.0, None, 1e17, float("nan"), float("inf"), 12345.0])
        )
        orders["status"].append(chance.choice(WORDS))
        orders["discount"].append(chance.choice(["0.5", "12.25", "1e1", "-3", "much", None, ""]))
        orders["code"].append(chance.choice(["EUR", "EUR", "eur", None]))
    for name in orders:
        again = [orders[name][n] for n in (5, 6, 7, 8)]  # as they are
        orders[name] += again
    for n in (9, 10, 11):  # of another amount
        for name in orders:
            orders[name].append(orders[name][n] if name != "cents" else 777.0)
    lines = {
        "order_line_id": [chance.choice([f"L{n}", f"L{n}", "L1", None]) for n in range(300)],
        "order_id": [f"O{chance.randrange(420)}" for _ in range(300)],
        "product_id": [chance.choice(["P1", "P2", "postage"]) for _ in range(300)],
        "quantity": [chance.choice([1, 2, 3, -1, None]) for _ in range(300)],
        "price": [chance.choice([1.5, 2.25, None]) for _ in range(300)],
    }
    people = {
        "customer_id": [*customers[:25], "K1", "K2", None],
        "since": [chance.choice(["2023-05-06T07:08:09Z", "2023/05/06 07:08", "2023-02-30", "2023-05-06 07:08:09+02:00",
                                 "2023-05-06", "soon", None]) for _ in range(28)],
        "birthday": [chance.choice([dt.date(1990, 2, 28), dt.date(1900, 1, 1), None, dt.date(2091, 1, 1)])
                     for _ in range(28)],
        "consent_email": [chance.choice(["yes", "No", "1", "perhaps", None]) for _ in range(28)],
        "email": [f"{n}@example.com" for n in range(28)],
    }  # fmt: skip
    return {"orders": pa.table(orders), "order_lines": pa.table(lines), "customers": pa.table(people)}


MAPPED = {
    "orders": "columns: {customer_id: buyer, ordered_at: at, amount: {first: cents, times: 0.01}, currency: code, "
    "channel: {constant: web}, discount: discount}, leave_out: {buyer: K7}, "
    "values: {status: {bezahlt: paid, '': paid}}",
    "order_lines": "columns: {amount: {product: [quantity, price]}}, not_products: [postage], duplicates: drop",
    "customers": "columns: {first_seen_at: since}",
}


def both(
    folder: Path, address: str, tables: dict[str, pa.Table], **more: Any
) -> list[tuple[Workspace, dict[str, Any]]]:
    """The same rows taken in by DuckDB from files and by Spark from folders of several files, and their quarantines."""
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
        parts = folder / f"{name}_parts"
        parts.mkdir(exist_ok=True)
        third = table.num_rows // 3 + 1
        for n in range(3):
            pq.write_table(table.slice(n * third, third), parts / f"part-{n}.parquet")
    told = {name: MAPPED[name] for name in tables}
    files = "".join(f"  {n}: {{from: ../{n}.parquet, {m}}}\n" for n, m in told.items())
    lake = "".join(f"  {n}: {{database: spark, from: ../{n}_parts/, {m}}}\n" for n, m in told.items())
    home = folder / "client"  # one client, whose key and salt are the same for both
    here = take_in(a_client(home / "duck.yaml", files, **more), folder / "here")
    left_here = {name: set_aside(home, f"up__{name}.parquet") for name in tables}
    client = a_client(home / "lake.yaml", lake, further="engine: spark", **more)
    there = take_in(client, folder / "there", engine=address)
    return [(here, left_here), (there, {name: set_aside(home, f"up__{name}_parts") for name in tables})]


@pytest.mark.parametrize(
    ("seed", "names", "ids"),
    [(1, ("orders", "order_lines", "customers"), "pseudonyms"), (2, ("orders",), "as they are")],
)
def test_dirty_tables_are_judged_alike(
    tmp_path: Path, spark_address: str, seed: int, names: tuple[str, ...], ids: str
) -> None:
    tables = {name: table for name, table in dirty(seed).items() if name in names}
    (here, left_here), (there, left_there) = both(tmp_path, spark_address, tables, ids=ids)
    for name in tables:
        assert rows_of(here, name) == rows_of(there, name), name
        kept, other = (plain(one.kept["tables"][name]) for one in (here, there))
        by_file = [list(one.pop("by_file").values()) for one in (kept, other)]
        assert by_file[0] == by_file[1]
        files = [one.pop("files") for one in (kept, other)]
        assert files == [[f"../{name}.parquet"], [f"../{name}_parts/"]]
        decisions = [one.pop("decisions") for one in (kept, other)]
        assert [d for d in decisions[1] if d["key"] != "decisions.left_on_spark"] == decisions[0]
        for one in (*kept["repairs"], *other["repairs"]):
            one.pop("file")
        kept["values"].pop("email", None)  # goes into the vault from files, and stays where it is on Spark
        assert kept == other, name
        assert kept["read"] == kept["accepted"] + kept["repaired"] + kept["quarantined"] == tables[name].num_rows
        assert left_here[name] == left_there[name], name
        assert len(left_here[name]) == kept["quarantined"] > 0
    assert plain(here.kept["quality"]) == plain(there.kept["quality"])


SUPPORTED_NOT = {
    "joins": "[{from: x.csv, on: {a: b}, take: {c: d}}]",
    "one_row_per": "[order_id]",
    "adds_up": "[amount], one_row_per: [order_id]",
    "latest_by": "changed, one_row_per: [order_id]",
    "first_by": "changed, one_row_per: [order_id]",
    "take": "{status: first}, one_row_per: [order_id]",
    "columns_to_rows": "{headings: ['q*'], name: a, value: b}",
    "cancellations": "{where: {order_id: 'C*'}, match: [customer_id]}",
    "fill_down": "[order_id]",
    "decimal": "','",
    "dates": "day first",
    "calendar": "buddhist",
    "repairs": "{money: false}",
    "columns": "{ordered_at: {after: [placed, hours]}}",
}


@pytest.mark.parametrize("key", SUPPORTED_NOT)
def test_what_is_kept_to_files_is_refused_with_its_key(tmp_path: Path, key: str) -> None:
    tables = f"  orders: {{database: spark, from: lake.shop.orders, {key}: {SUPPORTED_NOT[key]}}}\n"
    client = a_client(tmp_path / "c" / "client.yaml", tables, further="engine: spark")
    with pytest.raises(UnusableInput) as refused:
        take_in(client, tmp_path / "out")  # before any Spark is asked
    said = str(refused.value)
    assert key in said
    assert "engine: duckdb" in said
    assert "line" in said


@pytest.mark.parametrize(
    ("tables", "further", "said"),
    [
        ("  orders: {database: spark, from: a.b.c}\n", "", "while the engine is duckdb"),
        (
            "  orders: {database: spark, from: a.b.c}\n  spend: {from: spend.csv}\n",
            "engine: spark",
            "read from files: spend",
        ),
        ("  orders: {database: spark, from: a.b.c}\n", "engine: spark\nmerge: {rules: [same_email]}", "merge.rules"),
        (
            "  orders: {database: spark, from: a.b.c}\n",
            "engine: spark\nknown_names: {mask: [Rose]}",
            "known_names.mask",
        ),
        ("  orders: {database: spark, from: a.b.c, delimiter: ';'}\n", "engine: spark", "delimiter"),
    ],
)
def test_what_cannot_be_beside_spark_is_said(tmp_path: Path, tables: str, further: str, said: str) -> None:
    with pytest.raises(UnusableInput, match=said):
        take_in(a_client(tmp_path / "c" / "client.yaml", tables, further=further), tmp_path / "out")


ORDERS = pa.table(
    {
        "order_id": ["1", "2", "3", "4"],
        "customer_id": ["a", "b", "b", "anna@example.com"],
        "ordered_at": [dt.datetime(2024, 1, day) for day in (1, 2, 3, 4)],
        "amount": [10.0, 20.0, 30.0, 40.0],
    }
)


def refused(tmp_path: Path, address: str, source: str, rows: pa.Table = ORDERS, **more: Any) -> str:
    (tmp_path / "c").mkdir(exist_ok=True)
    pq.write_table(rows, tmp_path / "c" / "orders.parquet")
    client = a_client(
        tmp_path / "c" / "client.yaml", f"  orders: {{database: spark, {source}}}\n", further="engine: spark", **more
    )
    with pytest.raises(UnusableInput) as told:
        take_in(client, tmp_path / "out", engine=address)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
    return str(told.value)


def test_what_is_not_there_or_refused_is_said(tmp_path: Path, spark_address: str) -> None:
    assert "SHOW TABLES" in refused(tmp_path, spark_address, "from: no_such_table")
    assert "path of Parquet files" in refused(tmp_path, spark_address, "from: ./nowhere/")
    assert "Spark refuses it" in refused(tmp_path, spark_address, "query: DROP TABLE orders")
    assert "buyer" in refused(tmp_path, spark_address, "query: SELECT buyer FROM VALUES (1) AS t(customer)")


def test_text_that_would_be_mended_is_not_read(tmp_path: Path, spark_address: str) -> None:
    text = ORDERS.set_column(3, "amount", pa.array(["€ 10.00", "20.5", "30.25", "40.75"]))
    assert "€ 10.00" in refused(tmp_path, spark_address, "from: ./orders.parquet", text)
    spaced = ORDERS.append_column("store", pa.array([" Bern", "Bern", "Bern", "N/A"]))
    said = refused(tmp_path, spark_address, "from: ./orders.parquet", spaced)
    assert "nullif(trim" in said
    named = ORDERS.append_column("store", pa.array(["Anna 138 0000 1234", "Bern", "Bern", "Bern"]))
    assert "store" in refused(tmp_path, spark_address, "from: ./orders.parquet", named, ids="pseudonyms")


def test_a_query_is_read_and_unchanged_files_are_used_again(tmp_path: Path, spark_address: str) -> None:
    (tmp_path / "c").mkdir()
    file = tmp_path / "c" / "orders.parquet"
    pq.write_table(ORDERS, file)
    asked = f"query: 'SELECT order_id, customer_id, ordered_at, amount * 2 AS amount FROM parquet.`{file}`'"
    client = a_client(
        tmp_path / "c" / "query.yaml", f"  orders: {{database: spark, {asked}}}\n", further="engine: spark"
    )
    made = take_in(client, tmp_path / "asked", engine=spark_address)
    assert duckdb.sql(f"SELECT sum(amount) FROM '{made.folder}/orders.parquet/*.parquet'").fetchone() == (200.0,)
    client = a_client(
        tmp_path / "c" / "file.yaml", "  orders: {database: spark, from: ./orders.parquet}\n", further="engine: spark",
        ids="pseudonyms",
    )  # fmt: skip
    first = take_in(client, tmp_path / "read", engine=spark_address)
    written = sorted((first.folder / "orders.parquet").iterdir())
    again = take_in(client, tmp_path / "read", engine=spark_address)
    assert again.kept == first.kept
    assert sorted((again.folder / "orders.parquet").iterdir()) == written
    shown = duckdb.sql(f"SELECT order_id, customer_id FROM '{first.folder}/orders.parquet/*.parquet'").fetchall()
    assert not [cell for row in shown for cell in row if "@" in str(cell)]
    pq.write_table(ORDERS.slice(0, 3), file)
    assert take_in(client, tmp_path / "read", engine=spark_address).kept["tables"]["orders"]["rows"] == 3


def test_a_reading_that_spark_ends_leaves_nothing(tmp_path: Path) -> None:
    with serving("spark", tmp_path / "server") as address:
        lost = address
    assert "sc://localhost" in refused(tmp_path, lost, "from: ./orders.parquet")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (
            "org.apache.hadoop.security.AccessControlException: Permission denied: user=ann, access=READ",
            "right to read",
        ),
        ("[INSUFFICIENT_PERMISSIONS] User does not have SELECT on table lake.shop.orders", "right to read"),
        ("java.lang.OutOfMemoryError: Java heap space", "spark.driver.memory"),
        ("java.io.IOException: No space left on device", "spark.local.dir"),
        ("[INVALID_HANDLE.SESSION_CLOSED] The handle is invalid. Session was closed.", "run the same command again"),
    ],
)
def test_what_a_cluster_says_is_told_with_what_to_do(said: str, remedy: str) -> None:
    from pyspark.errors import PySparkException

    with pytest.raises(UnusableInput, match=remedy), in_words_of_spark("lake.shop.orders"):
        raise PySparkException(message=said)


def test_the_key_stands_in_no_plan(tmp_path: Path, spark_address: str) -> None:
    session = open_engine(spark_address, tmp_path)._session
    key = Key("a1", "nowhere", bytes(32))
    install(Statements(session, tmp_path), key)
    asked = session.sql("SELECT pseudonym(id) FROM VALUES ('张三-1'), (CAST(NULL AS STRING)) AS t(id)")
    assert [cell for (cell,) in asked.collect()] == [pseudonym(key, "张三-1"), None]
    block = key.derived("pseudonyms").ljust(64, b"\0")
    plan = asked._explain_string(extended=True).lower()
    assert "sha2" in plan
    for pad in (0x36, 0x5C):
        assert bytes(byte ^ pad for byte in block).hex()[:16] not in plan


def test_clocks_mean_the_same_moments_on_both(tmp_path: Path, spark_address: str) -> None:
    statements = Statements(open_engine(spark_address, tmp_path)._session, tmp_path)
    here = duckdb.connect()
    here.execute("SET TimeZone = 'UTC'")
    for zone, day in (
        ("Europe/Berlin", "2024-03-31"),
        ("Europe/Berlin", "2024-10-27"),
        ("America/New_York", "2024-11-03"),
        ("Australia/Lord_Howe", "2024-04-07"),  # by half an hour
        ("Australia/Lord_Howe", "2024-10-06"),
        ("Asia/Shanghai", "1940-06-01"),
    ):
        walls = ", ".join(f"'{day} {h:02}:{m:02}:00'" for h in range(5) for m in (0, 15, 30, 45))
        moment = f"CAST(CAST(c AS TIMESTAMP) AT TIME ZONE '{zone}' AT TIME ZONE 'UTC' AS VARCHAR)"
        query = f"SELECT c, {moment} FROM (SELECT unnest([{walls}]) AS c) ORDER BY 1"
        assert statements.execute(query).fetchall() == here.execute(query).fetchall(), (zone, day)
