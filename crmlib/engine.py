"""The engine behind the measures: Ibis on DuckDB, and pandas in for pandas out."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

Answer = TypeVar("Answer", bound=Callable[..., Any])


def same_kind(measure: Answer) -> Answer:
    """Let a measure that is written on Ibis tables take pandas frames too, and answer in kind.

    Frames among the arguments become Ibis tables; if any was a frame, the answer becomes a pandas frame. A table
    argument that is ``None`` stays ``None``.

    >>> import pandas as pd
    >>> @same_kind
    ... def orders_per_customer(orders):
    ...     return orders.group_by("customer_id").agg(orders=orders.count()).order_by("customer_id")
    >>> orders_per_customer(pd.DataFrame({"customer_id": ["b", "a", "b"]}))
      customer_id  orders
    0           a       1
    1           b       2
    """

    @functools.wraps(measure)
    def answer(*args: Any, **kwargs: Any) -> Any:
        import ibis
        import pandas as pd

        frames = [v for v in (*args, *kwargs.values()) if isinstance(v, pd.DataFrame)]

        def as_table(value: Any) -> Any:
            return ibis.memtable(value) if isinstance(value, pd.DataFrame) else value

        result = measure(*map(as_table, args), **{k: as_table(v) for k, v in kwargs.items()})
        return to_pandas(result) if frames else result

    return answer  # type: ignore[return-value]


def to_pandas(table: Any) -> Any:
    """The table as a pandas frame, whichever kind it is.

    >>> import ibis
    >>> to_pandas(ibis.memtable({"n": [1, 2]})).n.sum().item()
    3
    """
    import pandas as pd

    return table if isinstance(table, pd.DataFrame) else table.to_pandas()


def to_ibis(table: Any) -> Any:
    """The table as an Ibis table, whichever kind it is.

    >>> import pandas as pd
    >>> to_ibis(pd.DataFrame({"n": [1, 2]})).n.sum().execute()
    3
    """
    import ibis
    import pandas as pd

    return ibis.memtable(table) if isinstance(table, pd.DataFrame) else table


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
    columns = ", ".join(f'NULL::{_KINDS[kind]} AS "{column}"' for column, kind in kinds.items())
    connection.raw_sql(f'CREATE OR REPLACE VIEW "{name}" AS SELECT {columns} LIMIT 0')
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
    path = file_pattern(file).replace("'", "''")
    columns = connection.raw_sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    shown = ", ".join(
        f'"{column}" AT TIME ZONE \'{timezone}\' AS "{column}"' if kind.startswith("TIMESTAMP WITH") else f'"{column}"'
        for column, kind, *_ in columns
    )
    rows = f"SELECT {shown} FROM '{path}'"
    if until and time:
        rows = f"SELECT * FROM ({rows}) WHERE \"{time}\" < DATE '{until}' + INTERVAL 1 DAY"
    connection.raw_sql(f'CREATE OR REPLACE VIEW "{name}" AS {rows}')
    return connection.table(name)
