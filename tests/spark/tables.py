"""Random tables of the contract: nulls, ties, leap days, days on which clocks change, duplicates, strange names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crmlib.contract import TABLES

KINDS = {
    "text": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "number": pa.float64(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
}
# The leap day, which in Shanghai is over; an hour that New York does not have, and one that it has twice; the last
# microsecond of the last day in Shanghai, and the first that is too late.
MOMENTS = [
    "2024-02-29T15:59:59.999999", "2024-02-29T16:00:00", "2024-03-10T07:30:00", "2024-11-03T05:30:00",
    "2024-11-03T06:30:00", "2025-12-31T15:59:59.999999", "2025-12-31T16:00:00", "2024-12-31T23:30:00",
]  # fmt: skip
WORDS = {
    "channel": ["search", "event", "门店", "O'Neil", "", None],
    "status": ["paid", " Paid ", "cancelled", "open", "REFUNDED", None],
    "stage": ["new", "qualified", "won", "lost"],
    "kind": ["nps", "nps", "nps", "csat", "ces", "needs"],
    "period": ["month", "month", "year", "quarter", None],
    "plan": ["basic", "plus", None],
    "tier": ["gold", "silver", "none", None],
    "arm": ["treat", "control"],
    "play": ["second_order", "winback"],
    "region": ["north", "south", None],
    "store": ["S1", "S2", "s1", None],
    "comment": ["good", "bad service, slow", "贵", "price too high", "", None],
    "feature": ["app", "web", None],
}
ITEMS = ("item_functional_ease", "item_social_trend", "item_speed")
ROWS = {"customers": 300, "orders": 2000, "touches": 900, "surveys": 500}


def arrow_table(name: str, rows: int, seed: int) -> pa.Table:
    """Random rows of a table of the contract."""
    random = np.random.default_rng([seed, *name.encode()])
    columns: dict[str, Any] = {}
    items = (
        dict.fromkeys(("item_functional_ease", "item_social_trend", "item_speed"), "number")
        if name == "surveys"
        else {}
    )
    for column, kind in (TABLES[name].kinds | items).items():
        required = column in TABLES[name].required
        columns[column] = pa.array(_values(column, kind, name, rows, required, random), KINDS[kind])
    table = pa.table(columns)
    if name == "touches":
        kinds = pa.array(random.choice(["survey_sent", "survey_sent", "sent", "call"], rows).tolist(), pa.string())
        table = table.set_column(table.column_names.index("kind"), "kind", [kinds])
    return table


def _values(column: str, kind: str, table: str, rows: int, required: bool, random: np.random.Generator) -> list[Any]:
    values: list[Any]
    if column == TABLES[table].key:
        return [f"{table}-{i}" for i in range(rows)] if column != "customer_id" else [f"C{i}" for i in range(rows)]
    if column == "customer_id":
        values = [f"C{int(i)}" for i in np.minimum(random.exponential(80, rows), 320)]
    elif column in WORDS:
        values = [str(one) if one is not None else None for one in random.choice(np.array(WORDS[column], object), rows)]
    elif kind == "time":
        at = np.datetime64("2022-11-01", "us") + random.integers(0, 1170 * 86_400, rows).astype("timedelta64[s]")
        at[random.random(rows) < 0.3] = np.datetime64("2025-03-03T10:00:00", "us")
        some = random.random(rows) < 0.15
        at[some] = random.choice(np.array(MOMENTS, "datetime64[us]"), some.sum())
        values = at.tolist()
    elif kind == "date":
        values = (np.datetime64("2023-01-01") + random.integers(0, 1095, rows)).tolist()
    elif kind in ("number", "whole"):
        values = list(random.choice([0.0, 1.0, 9.99, 10.0, 10.0, 0.1, 0.2, 25.5, 1234.56], rows))
        if column == "score":
            values = [float(one) for one in random.integers(0, 11, rows)]
        elif column == "amount":
            values = [-one if random.random() < 0.05 else one for one in values]
        elif kind == "whole":
            values = [int(one) for one in values]
    elif kind == "flag":
        values = [bool(one) for one in random.random(rows) < 0.5]
    else:
        values = [f"{column}-{int(i)}" for i in random.integers(0, 6, rows)]
    empty = random.random(rows) < (0.0 if required and column != "amount" else 0.12)
    return [None if none else one for none, one in zip(empty, values, strict=True)]


def write_tables(folder: Path, seed: int, share: float = 1.0) -> Path:
    """A folder with a Parquet file for each table of the contract; ``share`` of the usual rows."""
    folder.mkdir(parents=True)
    for name in TABLES:
        pq.write_table(arrow_table(name, round(share * ROWS.get(name, 120)), seed), folder / f"{name}.parquet")
    return folder
