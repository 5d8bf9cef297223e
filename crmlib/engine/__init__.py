"""The engine behind the measures: the one room that knows on which database they run.

Measures are Ibis expressions. What Ibis does not say for every engine alike (how a table is opened, what a clock
shows, an exact quantile) is here, once for each engine; now there is one, DuckDB.
"""

from typing import Literal

from crmlib.engine.duckdb import (
    TooManyRows,
    connect,
    empty_table,
    file_pattern,
    keep_in,
    made_once,
    open_table,
    quantile,
    summaries_only,
    wall_clock,
)
from crmlib.engine.sql import identifier, literal
from crmlib.engine.tables import AnyTable, same_kind, to_ibis, to_pandas

Engine = Literal["duckdb"]

__all__ = [
    "AnyTable",
    "Engine",
    "TooManyRows",
    "connect",
    "empty_table",
    "file_pattern",
    "identifier",
    "keep_in",
    "literal",
    "made_once",
    "open_table",
    "quantile",
    "same_kind",
    "summaries_only",
    "to_ibis",
    "to_pandas",
    "wall_clock",
]
