"""All that only DuckDB understands: opening tables, keeping what was made of them, its clock, its quantiles."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.engine.sql import identifier, literal
from crmlib.files import hold, replacing


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

    >>> file_pattern(Path("orders[1].csv"))
    'orders[[]1].csv'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(file))


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


@dataclass(frozen=True)
class _Shelf:
    """Where a connection keeps tables, what data its own tables hold, and what it has found there."""

    folder: Path
    content: str
    known: dict[Any, Any] = field(default_factory=dict)


def keep_in(connection: Any, folder: Path, *, content: str, memory: str = "") -> None:
    """Let ``connection`` keep tables in ``folder`` (:func:`made_once`); ``content`` says what data its own tables hold.

    What does not fit into ``memory`` (``"2GB"``) goes to the folder, too.
    """
    connection.crmlib_shelf = _Shelf(folder, content)
    connection.raw_sql(f"SET temp_directory = {literal(str(folder / 'spilled'))}")
    if memory:
        connection.raw_sql(f"SET memory_limit = {literal(memory)}")


def made_once(table: Any) -> Any:
    """The same Ibis table, read from where it is kept: several measures, chapters and processes need it.

    Whoever asks first makes it, and others wait for that. Its name is made of what the data are and of the SQL that
    makes it, so that other data or another rule is another table. Where nothing can be kept (what is asked for is made
    of a frame, or the connection has no folder that can be written), it is the table as it was.

    >>> import ibis
    >>> table = ibis.memtable({"n": [1]})
    >>> made_once(table) is table
    True
    """
    import ibis.expr.operations as ops

    op = table.op()
    sources = {id(one.source): one.source for one in op.find(ops.DatabaseTable)}
    connection = next(iter(sources.values())) if len(sources) == 1 else None
    shelf = getattr(connection, "crmlib_shelf", None)
    if connection is None or shelf is None or op.find(ops.InMemoryTable):
        return table
    if op not in shelf.known:
        kept = _kept(connection, shelf, str(connection.compile(table)))
        # A sum of whole numbers is kept as a fraction.
        shelf.known[op] = table if kept is None else kept.cast(table.schema())
    return shelf.known[op]


def _kept(connection: Any, shelf: _Shelf, query: str) -> Any:
    """The table from its file, which is made if it is not there; None where the folder cannot be written."""
    import duckdb

    name = hashlib.sha256(f"{shelf.content}\0{query}".encode()).hexdigest()[:32]
    file = shelf.folder / f"{name}.parquet"
    if not file.is_file():
        try:
            shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (shelf.folder / ".lock").open("w") as lock:
                hold(lock)  # one table at a time: making it takes all cores, and much memory
                if not file.is_file():
                    with replacing(file) as staged:
                        connection.raw_sql(f"COPY ({query}) TO {literal(str(staged))} (FORMAT parquet)")
        except (OSError, duckdb.IOException):
            return None
    connection.raw_sql(f"CREATE OR REPLACE VIEW {identifier(name)} AS FROM {literal(file_pattern(file))}")
    return connection.table(name)


class TooManyRows(Exception):
    """A measure took more rows out of the engine than a summary has."""


@contextmanager
def summaries_only(most: int) -> Iterator[list[int]]:
    """As long as this lasts, refuse every result of more than ``most`` rows: what comes here is to be a summary.

    Answers a list that grows by the rows of each result.

    Raises:
        TooManyRows: where a larger result is asked for.

    >>> import ibis
    >>> with summaries_only(2):
    ...     ibis.memtable({"n": [1, 2, 3]}).execute()
    Traceback (most recent call last):
    crmlib.engine.duckdb.TooManyRows: 3 rows, where a summary has at most 2
    """
    from ibis.backends.duckdb import Backend

    execute = Backend.execute
    taken: list[int] = []

    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = execute(self, *args, **kwargs)
        rows = len(result) if hasattr(result, "__len__") else 1
        taken.append(rows)
        if rows > most:
            raise TooManyRows(f"{rows} rows, where a summary has at most {most}")
        return result

    Backend.execute = checked
    try:
        yield taken
    finally:
        Backend.execute = execute


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


def quantile(column: Any, share: float) -> Any:
    """The value below which a ``share`` of the column lies, between two values where it falls between them (Ibis).

    Exact, and with straight lines between neighbours (Hyndman and Fan 1996, definition 7), as in pandas.

    >>> import ibis
    >>> quantile(ibis.memtable({"days": [1.0, 2.0, 4.0]}).days, 0.75).execute()
    3.0
    """
    return column.quantile(share)
