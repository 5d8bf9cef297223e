"""Opening a source file as a DuckDB relation in which every row knows its file and its number."""

from __future__ import annotations

import codecs
import csv
import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlib.problems import Problem

ROW = "_row"
FILE = "_file"
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Source:
    """One opened file: the relation's SQL, its columns with their types, and lines that could not be split.

    Rows are counted as a spreadsheet shows them: the header is row 1.
    """

    file: str
    sql: str
    types: dict[str, str]
    broken: tuple[tuple[int, str], ...] = ()


def find_files(pattern: str, folder: Path) -> list[Path]:
    """The files that a path or glob means, relative to the folder of the client's YAML, in a fixed order.

    >>> find_files("no_such_*.csv", Path("."))
    []
    """
    path = Path(pattern)
    if not path.is_absolute():
        path = folder / path
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.suffix.lower() in (".csv", ".parquet") and p.is_file())
    return sorted(Path(p) for p in glob.glob(str(path), recursive=True) if Path(p).is_file())


def open_source(connection: Any, file: Path, *, shown_as: str, name: str) -> Source | list[Problem]:
    """Open a CSV or Parquet file; answers the source, or the problems that keep it from being read.

    CSV is read as text with the separator that its header shows; lines that do not have the header's number of
    values are not dropped but handed back as ``broken``.
    """
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        return _open_parquet(connection, file, shown_as)
    if suffix in (".csv", ".tsv", ".txt"):
        return _open_csv(connection, file, shown_as, name)
    return [
        Problem(
            shown_as,
            found=f"a file of type {suffix or 'none'!r}",
            expected=".csv or .parquet",
            remedy="save the export as CSV (UTF-8) or Parquet",
        )
    ]


def _open_parquet(connection: Any, file: Path, shown_as: str) -> Source | list[Problem]:
    import duckdb

    path = _quoted(str(file))
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({path})").fetchall()
    except duckdb.Error:
        return [
            Problem(
                shown_as,
                found="a file that is not Parquet or is cut off",
                expected="Parquet",
                remedy="export it again",
            )
        ]
    sql = f"SELECT *, file_row_number + 1 AS {ROW} FROM read_parquet({path}, file_row_number = true)"
    return Source(shown_as, sql, {name: kind for name, kind, *_ in described})


def _open_csv(connection: Any, file: Path, shown_as: str, table: str) -> Source | list[Problem]:
    import duckdb

    problem = _not_text(file, shown_as)
    if problem:
        return [problem]
    header, delimiter = _header(file)
    names = [name.strip() for name in header]
    problems = [
        Problem(
            shown_as,
            "row 1",
            f"the heading {name!r} twice",
            "each heading once",
            "rename or remove one of the columns",
        )
        for name in dict.fromkeys(n for n in names if n and names.count(n) > 1)
    ]
    if not any(names):
        problems.append(Problem(shown_as, "row 1", "no headings", "a heading for each column", "export with headings"))
    if problems:
        return problems
    names = [name or f"_unnamed_{position}" for position, name in enumerate(names, 1)]
    columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in names)
    rejects = f"rejects_{table}"
    try:
        connection.execute(
            f"CREATE TEMP TABLE source_{table} AS SELECT *, row_number() OVER () + 1 AS {ROW} FROM read_csv("
            f"{_quoted(str(file))}, auto_detect = false, header = true, delim = {_quoted(delimiter)}, quote = '\"', "
            f"escape = '\"', columns = {{{columns}}}, store_rejects = true, rejects_table = '{rejects}', "
            f"rejects_scan = '{rejects}_scan', rejects_limit = 0, max_line_size = 16777216)"
        )
        broken = connection.execute(
            f"SELECT min(line), bool_or(csv_line LIKE '%' || chr(10) || '%') FROM {rejects} "
            "GROUP BY line_byte_position ORDER BY 1"
        ).fetchall()
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0]
        return [
            Problem(
                shown_as,
                found=first_line,
                expected="CSV text",
                remedy="open the file in an editor and compare the rows",
            )
        ]
    swallowed = [row for row, several_lines in broken if several_lines]
    if swallowed:
        found = "a quotation mark that is never closed, so that the rows after it run together"
        return [Problem(shown_as, f"row {swallowed[0]}", found, "quotation marks in pairs", "close or remove it")]
    broken_rows = [row for row, _ in broken]
    if broken_rows:
        _count_broken_rows(connection, table, broken_rows)
    return Source(
        shown_as,
        f"SELECT * FROM source_{table}",
        dict.fromkeys(names, "VARCHAR"),
        tuple((row, "the line does not have the header's number of values") for row in broken_rows),
    )


def _count_broken_rows(connection: Any, table: str, broken: list[int]) -> None:
    """Broken lines are not in the table, so the rows behind the n-th of them are n further down in the file."""
    thresholds = ", ".join(f"({row - n}, {n + 1})" for n, row in enumerate(broken))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE source_{table} AS SELECT s.* REPLACE ({ROW} + coalesce(shift, 0) AS {ROW}) "
        f"FROM source_{table} s ASOF LEFT JOIN (SELECT threshold, max(shift) AS shift FROM (VALUES {thresholds}) "
        f"AS t(threshold, shift) GROUP BY 1) ON {ROW} >= threshold"
    )


def _not_text(file: Path, shown_as: str) -> Problem | None:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    lines = 1
    with file.open("rb") as stream:
        if not stream.read(1):
            return Problem(
                shown_as,
                found="an empty file",
                expected="a row of headings and rows of data",
                remedy="export it again",
            )
        stream.seek(0)
        while block := stream.read(1 << 20):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                lines += block[: error.start].count(b"\n")
                return Problem(
                    shown_as,
                    f"row {lines}",
                    "a character that is not UTF-8",
                    "UTF-8 text",
                    "save the file as “CSV UTF-8”",
                )
            if b"\0" in block:
                return Problem(
                    shown_as,
                    found="binary data",
                    expected="CSV text",
                    remedy="save the export as “CSV UTF-8”",
                )
            lines += block.count(b"\n")
    return None


def _header(file: Path) -> tuple[list[str], str]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        line = stream.readline()
        delimiter = max(_DELIMITERS, key=line.count)
        stream.seek(0)
        try:
            return next(csv.reader(stream, delimiter=delimiter)), delimiter
        except (StopIteration, csv.Error):
            return [], delimiter


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
