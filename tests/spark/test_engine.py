"""What is Spark's own: its clock, its numbers, tables that are opened and kept, and what stops it."""

from __future__ import annotations

import datetime as dt
import gc
import weakref

import ibis
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crmlib.engine import (
    TooManyRows,
    keep_in,
    made_once,
    open_engine,
    open_table,
    quantile,
    summaries_only,
    wall_clock,
)
from tests.spark.tables import arrow_table

AS_OF = "2025-12-31"


@pytest.fixture(scope="module")
def spark(spark_address, tmp_path_factory):
    connection = open_engine(spark_address, tmp_path_factory.mktemp("engine"))
    yield connection
    connection._session.stop()


def opened(connection, file, zone="Asia/Shanghai", name="orders"):
    return open_table(connection, file, name=name, timezone=zone, until=AS_OF, time="ordered_at")


def in_order(table):
    return table.to_pandas().sort_values("order_id", ignore_index=True)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize("parts", [False, True])
def test_a_table_opens_as_on_duckdb_with_the_clock_of_its_zone(zone, parts, spark, tmp_path):
    file = tmp_path / "or[d]ers {1}.parquet"
    rows = arrow_table("orders", 400, seed=7)
    if parts:
        file.mkdir()
    for number, part in enumerate((rows[:150], rows[150:]) if parts else (rows,)):
        pq.write_table(part, file / f"part-{number}.parquet" if parts else file)
    here, there = (in_order(opened(one, file, zone)) for one in (open_engine("duckdb", tmp_path), spark))
    pd.testing.assert_frame_equal(here, there, check_dtype=False)
    assert 0 < len(here) < 400
    assert here.ordered_at.max() < pd.Timestamp("2026-01-01")


def test_a_wall_clock_and_a_quantile_are_those_of_duckdb(spark, tmp_path):
    pq.write_table(arrow_table("orders", 300, seed=8), tmp_path / "orders.parquet")
    found = []
    for connection in (open_engine("duckdb", tmp_path), spark):
        orders = opened(connection, tmp_path / "orders.parquet", "UTC")
        shown = orders.select("order_id", at=wall_clock(orders.ordered_at.cast("timestamp('UTC')"), "Europe/Berlin"))
        found.append((in_order(shown), [quantile(orders.amount, share).execute() for share in (0.1, 0.5, 0.77)]))
    pd.testing.assert_frame_equal(found[0][0], found[1][0], check_dtype=False)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-12)


def test_a_number_is_a_fraction_and_no_decimal_of_six_places(spark):
    table = spark.create_view("one", ibis.memtable({"n": [7]}), overwrite=True)
    z = ibis.literal(1.959963984540054)
    assert table.select(x=z * z / table.n).x.execute()[0] == pytest.approx(1.959963984540054**2 / 7, rel=1e-15)


def test_a_session_that_nobody_holds_any_more_stops_no_other(spark, spark_address, tmp_path):
    session = weakref.ref(open_engine(spark_address, tmp_path)._session)
    gc.collect()
    assert session() is not None  # or it would close what all share, in the middle of another one's query
    assert spark.create_view("two", ibis.memtable({"n": [7, 8]}), overwrite=True).n.sum().execute() == 15


def test_what_is_kept_is_made_once_and_nothing_half_written_is_left(spark, tmp_path):
    pq.write_table(arrow_table("orders", 300, seed=9), tmp_path / "orders.parquet")
    keep_in(spark, tmp_path / "made", content="2025")
    orders = opened(spark, tmp_path / "orders.parquet")
    asked = orders.group_by(day=orders.ordered_at.cast("date")).agg(spend=orders.amount.sum(), n=orders.count())
    kept = made_once(asked)
    assert kept is not asked
    pd.testing.assert_frame_equal(*(one.order_by("day").to_pandas() for one in (asked, kept)))
    names = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "made").iterdir()}
    assert sorted(name.rpartition(".")[2] for name in names) == ["lock", "parquet"]
    spark.crmlib_shelf.known.clear()
    made_once(asked)
    assert {file.name: file.stat().st_mtime_ns for file in (tmp_path / "made").iterdir()} == names
    with pytest.raises(Exception, match="CAST_INVALID_INPUT"):  # Spark stops in the middle of writing
        made_once(orders.mutate(day=orders.store.cast("int64")))
    assert {file.name for file in (tmp_path / "made").iterdir()} == set(names)


def test_the_guard_counts_what_spark_would_hand_over(spark, tmp_path):
    pq.write_table(arrow_table("orders", 300, seed=9), tmp_path / "orders.parquet")
    orders = opened(spark, tmp_path / "orders.parquet")
    with summaries_only(50) as rows:
        assert orders.count().execute() > 200
        with pytest.raises(TooManyRows, match=f"{orders.count().execute()} rows"):
            orders.order_id.execute()
    assert max(rows) > 200
    assert orders.filter(orders.ordered_at < dt.datetime(2023, 1, 1)).count().execute() >= 0
