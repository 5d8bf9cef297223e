"""Opening a source file as a DuckDB relation in which every row knows its number."""

from __future__ import annotations

import codecs
import csv
import glob
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.engine import file_pattern
from crmlib.problems import Problem

ROW = "_row"
FILE = "_file"
WRONG_LENGTH = "the line does not have the header's number of values"
BAD_QUOTES = "a quotation mark in the middle of a value"
_DELIMITERS = (",", ";", "\t", "|")
_READABLE = (".csv", ".tsv", ".txt", ".parquet")


@dataclass(frozen=True)
class Source:
    """One opened file: the relation's SQL, its headings, and lines that could not be split.

    The relation has the columns ``c1``, ``c2`` … and ``_row``; ``types`` and ``names`` answer type and column by
    heading. Rows of a CSV are counted as a spreadsheet shows them, the header being row 1; those of Parquet from 1.
    """

    file: str
    sql: str
    types: dict[str, str]
    names: dict[str, str]
    broken: tuple[tuple[int, str], ...] = ()
    twice: tuple[str, ...] = field(default=())


def find_files(pattern: str, folder: Path) -> list[Path]:
    """The files that a path, folder or glob means, relative to the folder of the client's YAML, in a fixed order.

    Hidden files and folders are passed over.

    >>> find_files("no_such_*.csv", Path("."))
    []
    """
    try:
        path = Path(pattern)
        path = path if path.is_absolute() else folder / path
        if path.is_file():
            return [path]
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.suffix.lower() in _READABLE and p.is_file())
            return sorted(p for p in inside if not _hidden(p.relative_to(path)))
        absolute = pattern if Path(pattern).is_absolute() else str(Path(glob.escape(str(folder))) / pattern)
        return sorted(Path(p) for p in glob.glob(absolute, recursive=True) if Path(p).is_file())
    except (OSError, ValueError):
        return []


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "~$")) for part in path.parts)


def open_source(connection: Any, file: Path, *, shown_as: str, name: str) -> Source | list[Problem]:
    """Open a CSV or Parquet file; answers the source, or the problems that keep it from being read.

    CSV is read as text with the separator that its header shows; lines that do not have the header's number of
    values are not dropped but handed back as ``broken``.
    """
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            return _open_parquet(connection, file, shown_as, name)
        if suffix in (".csv", ".tsv", ".txt"):
            return _open_csv(connection, file, shown_as, name)
    except OSError as error:
        return [Problem(shown_as, found=str(error.strerror or error).lower(), expected="a file that can be read")]
    return [
        Problem(
            shown_as,
            found=f"a file of type {suffix or 'none'!r}",
            expected=".csv or .parquet",
            remedy="save the export as CSV (UTF-8) or Parquet",
        )
    ]


def _open_parquet(connection: Any, file: Path, shown_as: str, table: str) -> Source | list[Problem]:
    import duckdb

    path = f"read_parquet({_quoted(file_pattern(file))})"
    try:
        described = [(column, kind) for column, kind, *_ in connection.execute(f"DESCRIBE FROM {path}").fetchall()]
        aliases = ", ".join(f"c{n}" for n in range(1, len(described) + 1))
        connection.execute(
            f"CREATE TEMP TABLE source_{table} AS SELECT *, row_number() OVER () AS {ROW} FROM {path} AS t({aliases})"
        )
    except duckdb.Error:
        found, remedy = "a file that is not Parquet, is cut off or is damaged", "export it again"
        return [Problem(shown_as, found=found, expected="Parquet", remedy=remedy)]
    names = {column: f"c{n}" for n, (column, _) in enumerate(described, 1)}
    return Source(shown_as, f"SELECT * FROM source_{table}", dict(described), names)


def _open_csv(connection: Any, file: Path, shown_as: str, table: str) -> Source | list[Problem]:
    problem, regular = _scan(file, shown_as)
    if problem:
        return [problem]
    header, delimiter = _header(file)
    headings = [name.strip() for name in header]
    if not any(headings):
        return [Problem(shown_as, "row 1", "no headings", "a heading for each column", "export with headings")]
    broken: list[tuple[int, str]] = []
    if not (regular and _read_fast(connection, file, table, len(headings), delimiter)):
        slow = _read_slowly(connection, file, table, len(headings), delimiter)
        if isinstance(slow, int):
            found = "a quotation mark that is never closed, so that the rows after it run together"
            return [Problem(shown_as, f"row {slow}", found, "quotation marks in pairs", "close or remove it")]
        broken = slow
    return Source(
        shown_as,
        f"SELECT * FROM source_{table}",
        {name: "VARCHAR" for name in headings if name},
        {name: f"c{n}" for n, name in enumerate(headings, 1) if name},
        tuple(broken),
        tuple(dict.fromkeys(name for name in headings if name and headings.count(name) > 1)),
    )


def _read_fast(connection: Any, file: Path, table: str, columns: int, delimiter: str) -> bool:
    """Let DuckDB read the file; answers whether every line of it was read."""
    import duckdb

    listed = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(1, columns + 1))
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE source_{table} AS SELECT *, row_number() OVER () + 1 AS {ROW} FROM read_csv("
            f"{_quoted(file_pattern(file))}, auto_detect = false, header = true, delim = {_quoted(delimiter)}, "
            f"quote = '\"', escape = '\"', columns = {{{listed}}}, max_line_size = 16777216)"
        )
    except duckdb.Error:
        return False
    return True


def _read_slowly(connection: Any, file: Path, table: str, columns: int, delimiter: str) -> list[tuple[int, str]] | int:
    """Read a file with irregular lines record by record: the broken ones, or the row of an unclosed quotation mark."""
    import pyarrow as pa

    listed = ", ".join(f"c{n} VARCHAR" for n in range(1, columns + 1))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE source_{table} ({listed}, {ROW} BIGINT)")
    broken: list[tuple[int, str]] = []
    good: list[list[Any]] = []

    def store() -> None:
        if good:
            names = [*(f"c{n}" for n in range(1, columns + 1)), ROW]
            batch = pa.table([pa.array(list(values)) for values in zip(*good, strict=True)], names=names)
            connection.register("batch", batch)
            connection.execute(f"INSERT INTO source_{table} SELECT * FROM batch")
            connection.unregister("batch")
            good.clear()

    for row, record, lines in _records(file, delimiter):
        if row == 1 or record == []:
            continue
        if record is None and lines > 1:
            return row
        if record is None:
            broken.append((row, BAD_QUOTES))
        elif len(record) != columns:
            broken.append((row, WRONG_LENGTH))
        else:
            good.append([*record, row])
            if len(good) >= 100_000:
                store()
    store()
    return broken


def _records(file: Path, delimiter: str) -> Iterator[tuple[int, list[str] | None, int]]:
    """Row number, values (none for a blank line, None for one that cannot be split) and lines of each record."""
    csv.field_size_limit(1 << 30)
    with file.open(encoding="utf-8-sig", newline=None) as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        row, before = 0, 0
        while True:
            try:
                record: list[str] | None = next(reader)
            except StopIteration:
                return
            except csv.Error:
                record = None
            row += 1
            yield row, record, reader.line_num - before
            before = reader.line_num


def _scan(file: Path, shown_as: str) -> tuple[Problem | None, bool]:
    """Whether the file is text, and whether all its lines are regular: one line ending, no blank lines."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    lines, returns, pairs, blank, last = 1, 0, 0, False, b""
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                row = f"row {lines + block[: error.start].count(bytes([10]))}"
                remedy = "save the file as “CSV UTF-8”"
                return Problem(shown_as, row, "a character that is not UTF-8", "UTF-8 text", remedy), False
            if b"\0" in block:
                remedy = "save the export as “CSV UTF-8”"
                return Problem(shown_as, found="binary data", expected="CSV text", remedy=remedy), False
            joined = last + block
            lines += block.count(b"\n")
            returns += block.count(b"\r")
            pairs += joined.count(b"\r\n")
            blank = blank or re.search(rb"\n\r?\n", joined) is not None
            last = block[-2:] if not block.endswith(b"\r\n") else b""
    if lines == 1 and not last:
        expected = "a row of headings and rows of data"
        return Problem(shown_as, found="an empty file", expected=expected, remedy="export it again"), False
    return None, not blank and returns in (0, pairs) and pairs in (0, lines - 1)


def _header(file: Path) -> tuple[list[str], str]:
    """The headings, and the separator that makes the most of them."""
    with file.open(encoding="utf-8-sig", newline=None) as stream:
        head = stream.read(1 << 20)
    best: tuple[list[str], str] = ([], ",")
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader(io.StringIO(head), delimiter=delimiter), [])
        except csv.Error:
            continue
        if len(cells) > len(best[0]):
            best = (cells, delimiter)
    return best


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
