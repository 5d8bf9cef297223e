"""The engine behind the measures: the one room that knows on which database they run.

Measures are Ibis expressions. What Ibis does not say for every engine alike (how a table is opened and kept, what a
clock shows) is here, once for each engine: :mod:`~crmlib.engine.duckdb` and :mod:`~crmlib.engine.spark`. Which of them
is asked is told by the connection behind a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crmlib.engine import duckdb
from crmlib.engine.addresses import ENGINES, is_address
from crmlib.engine.duckdb import connect, file_pattern
from crmlib.engine.failures import EngineFailed, engine_failure
from crmlib.engine.guard import TooManyRows, summaries_only
from crmlib.engine.rooms import connection_of, room_of
from crmlib.engine.serving import open_engine, serving
from crmlib.engine.shelf import keep_in, made_once
from crmlib.engine.sql import identifier, literal
from crmlib.engine.tables import AnyTable, same_kind, to_ibis, to_pandas

__all__ = [
    "ENGINES",
    "AnyTable",
    "EngineFailed",
    "TooManyRows",
    "connect",
    "empty_table",
    "engine_failure",
    "file_pattern",
    "identifier",
    "is_address",
    "keep_in",
    "literal",
    "made_once",
    "open_engine",
    "open_table",
    "quantile",
    "same_kind",
    "serving",
    "summaries_only",
    "to_ibis",
    "to_pandas",
    "wall_clock",
]


def empty_table(connection: Any, name: str, kinds: Mapping[str, str]) -> Any:
    """An empty table with columns of the contract's kinds: text, time, date, number, whole, flag.

    >>> empty_table(connect(), "orders", {"order_id": "text", "amount": "number"}).count().execute()
    0
    """
    return room_of(connection).empty_table(connection, name, kinds)


def open_table(connection: Any, file: Path, *, name: str, timezone: str, until: str | None, time: str | None) -> Any:
    """A workspace table as analyses see it: times as the client's wall clock, rows up to the end of ``until``.

    The Parquet file, or folder of Parquet files, stores UTC; each time column is shown in ``timezone`` without offset,
    so that a day, week or month is the client's. ``time`` names the column by which rows after the day ``until`` are
    left out.
    """
    return room_of(connection).open_table(connection, file, name=name, timezone=timezone, until=until, time=time)


def wall_clock(times: Any, zone: str) -> Any:
    """What a clock in the time ``zone`` shows at the times (an Ibis column in UTC), without a zone.

    >>> import ibis, pandas as pd
    >>> times = ibis.memtable({"at": [pd.Timestamp("2025-01-31 18:00", tz="UTC")]}).at
    >>> wall_clock(times, "Asia/Shanghai").execute()[0]
    Timestamp('2025-02-01 02:00:00')
    """
    connection = connection_of(times)
    return (duckdb if connection is None else room_of(connection)).wall_clock(times, zone)


def quantile(column: Any, share: float) -> Any:
    """The value below which a ``share`` of the column lies, between two values where it falls between them (Ibis).

    Exact, and with straight lines between neighbours (Hyndman and Fan 1996, definition 7), as in pandas.

    >>> import ibis
    >>> quantile(ibis.memtable({"days": [1.0, 2.0, 4.0]}).days, 0.75).execute()
    3.0
    """
    return column.quantile(share)
