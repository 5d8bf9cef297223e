"""Parquet as a view: nothing is copied, however many rows there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crmlib.engine import file_pattern, identifier, literal
from crmlib.intake.readers.headings import MOST_COLUMNS
from crmlib.intake.source import ROW, Source
from crmlib.problems import Problem
from crmlib.words import Words

words = Words(__file__)


def open_parquet(connection: Any, file: Path, *, shown_as: str, table: str, copied: bool = False) -> Source | Problem:
    """Open a Parquet file with its own types; rows are counted from 1.

    ``copied``: the rows are taken into memory, because the file will not stay where it is.
    """
    import duckdb

    path = literal(file_pattern(file))
    try:
        described = [(c, k) for c, k, *_ in connection.execute(f"DESCRIBE FROM read_parquet({path})").fetchall()]
        if len(described) > MOST_COLUMNS:
            return Problem.said(words, "many_columns", shown_as, n=len(described), most=MOST_COLUMNS)
        columns = [f"c{n}" for n in range(1, len(described) + 1)]
        if any(name.lower() == "file_row_number" for name, _ in described):
            number, relation = "row_number() OVER ()", f"read_parquet({path}) AS t({', '.join(columns)})"
        else:
            number = "file_row_number + 1"
            named = ", ".join([*columns, "file_row_number"])
            relation = f"read_parquet({path}, file_row_number = true) AS t({named})"
        kind = "TABLE" if copied else "VIEW"
        connection.execute(
            f"CREATE OR REPLACE TEMP {kind} {identifier(table)} AS "
            f"SELECT {', '.join(columns)}, {number} AS {ROW} FROM {relation}"
        )
    except duckdb.Error:
        return Problem.said(words, "not_parquet", shown_as)
    names = {column: f"c{n}" for n, (column, _) in enumerate(described, 1)}
    notes = (words.later("notes.parquet"),)
    return Source(shown_as, f"SELECT * FROM {identifier(table)}", dict(described), names, notes=notes)
