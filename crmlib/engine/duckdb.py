"""All that only DuckDB understands: opening tables, keeping what was made of them, its clock."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crmlib.engine.sql import identifier, literal


def connect(*, threads: int | None = None, folder: Path | None = None, memory: str = "") -> Any:
    """A new DuckDB behind Ibis, whose clock shows UTC: in memory, or in a private ``folder`` for large data.

    ``memory`` bounds what it holds in memory (``"2GB"``); what is more goes to the folder.

    >>> connect().list_tables()
    []
    """
    import ibis

    settings: dict[str, Any] = {"threads": threads} if threads else {}
    if folder is not None:
        settings |= {"database": folder / "intake.duckdb", "temp_directory": str(folder)}
    if memory:
        settings["memory_limit"] = memory
    # DuckDB merges nested selects itself; that Ibis does so first takes a sixth of the time of a small chapter.
    ibis.options.sql.fuse_selects = False
    connection = ibis.duckdb.connect(**settings)
    connection.raw_sql("SET TimeZone = 'UTC'")
    return connection


_KINDS = {
    "text": "VARCHAR",
    "time": "TIMESTAMP",
    "date": "DATE",
    "number": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
}


def empty_table(connection: Any, name: str, kinds: Mapping[str, str]) -> Any:
    """An empty table with columns of the contract's kinds: text, time, date, number, whole, flag.

    >>> empty_table(connect(), "orders", {"order_id": "text", "amount": "number"}).count().execute()
    0
    """
    columns = ", ".join(f"NULL::{_KINDS[kind]} AS {identifier(column)}" for column, kind in kinds.items())
    connection.raw_sql(f"CREATE OR REPLACE VIEW {identifier(name)} AS SELECT {columns} LIMIT 0")
    return connection.table(name)


def file_pattern(file: Path) -> str:
    """The file's path for DuckDB, which reads paths as patterns: characters with a meaning there stand for themselves.

    Of a folder, it means the Parquet files in it.

    >>> file_pattern(Path("orders[1].csv"))
    'orders[[]1].csv'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(file)) + ("/*.parquet" if file.is_dir() else "")


def open_table(connection: Any, file: Path, *, name: str, timezone: str, until: str | None, time: str | None) -> Any:
    """A workspace table as analyses see it: times as the client's wall clock, rows up to the end of ``until``.

    The Parquet file stores UTC; each time column is shown in ``timezone`` without offset, so that a day, week or
    month is the client's. ``time`` names the column by which rows after the day ``until`` are left out.
    """
    path = literal(file_pattern(file))
    described = connection.raw_sql(f"DESCRIBE FROM {path}").fetchall()
    columns = [(identifier(column), kind) for column, kind, *_ in described]
    shown = ", ".join(
        f"{column} AT TIME ZONE {literal(timezone)} AS {column}" if kind.startswith("TIMESTAMP WITH") else column
        for column, kind in columns
    )
    rows = f"SELECT {shown} FROM {path}"
    if until and time:
        rows = f"SELECT * FROM ({rows}) WHERE {identifier(time)} < DATE {literal(until)} + INTERVAL 1 DAY"
    connection.raw_sql(f"CREATE OR REPLACE VIEW {identifier(name)} AS {rows}")
    return connection.table(name)


def spill_to(connection: Any, folder: Path, *, memory: str = "") -> None:
    """Let what does not fit into ``memory`` (``"2GB"``) go to a folder."""
    connection.raw_sql(f"SET temp_directory = {literal(str(folder))}")
    if memory:
        connection.raw_sql(f"SET memory_limit = {literal(memory)}")


def write(connection: Any, query: str, file: Path) -> None:
    """Write what a query answers as a Parquet file.

    Raises:
        OSError: it cannot be written.
    """
    import duckdb

    try:
        connection.raw_sql(f"COPY ({query}) TO {literal(str(file))} (FORMAT parquet)")
    except duckdb.IOException as error:
        raise OSError(str(error)) from error


def read(connection: Any, file: Path, *, name: str) -> Any:
    """The Parquet file, or folder of Parquet files, as an Ibis table."""
    connection.raw_sql(f"CREATE OR REPLACE VIEW {identifier(name)} AS FROM {literal(file_pattern(file))}")
    return connection.table(name)


def wall_clock(times: Any, zone: str) -> Any:
    """What a clock in the time ``zone`` shows at the times (an Ibis column in UTC), without a zone.

    >>> import ibis, pandas as pd
    >>> times = ibis.memtable({"at": [pd.Timestamp("2025-01-31 18:00", tz="UTC")]}).at
    >>> wall_clock(times, "Asia/Shanghai").execute()[0]
    Timestamp('2025-02-01 02:00:00')
    """
    return _timezone()(zone, times)


@functools.cache
def _timezone() -> Any:
    import ibis
    import ibis.expr.datatypes as types

    def timezone(zone, time): ...  # type: ignore[no-untyped-def]

    return ibis.udf.scalar.builtin(timezone, signature=((types.string, types.Timestamp("UTC")), types.timestamp))
