"""Rows that could not be used, written beside the exports to be corrected, and read again once they are."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crmlib.engine import identifier, literal
from crmlib.intake.accept import REASON
from crmlib.intake.identities.private import keep_out_of_git, make_private
from crmlib.intake.reasons import deliberate, in_words, kept, together, words
from crmlib.intake.repairs.cells import matches
from crmlib.intake.rules import FORGOTTEN
from crmlib.intake.source import FILE, LINE, ROW, Source
from crmlib.problems import Problem, nearest

QUARANTINE = "quarantine"
LEFT_OUT = "left_out"
CORRECTED = "corrected"
MERGES = "duplicates.csv"
_FACTS = ("_row", "_reason", LINE)
BOM = "\ufeff"


def quarantine_name(file: str, *, ending: str = ".csv") -> str:
    """The name under which the rows of a source file are kept.

    >>> quarantine_name("../exports/orders.csv.gz"), quarantine_name("shop.xlsx/Sheet 1")
    ('up__exports__orders.csv.gz.csv', 'shop.xlsx__Sheet 1.csv')
    """
    parts = ["up" if part == ".." else part for part in file.replace("\\", "/").split("/") if part not in ("", ".")]
    name = "__".join(parts)
    return name if name.lower().endswith(ending) else f"{name}{ending}"


def write_quarantine(connection: Any, staged: Mapping[str, Sequence[Source]], folder: Path) -> dict[str, str]:
    """Write the quarantined rows of every source file, whole and as they were, with row and reason.

    What a rule leaves out on purpose (test customers, unpaid orders, totals) goes to ``left_out`` below it. Files of
    an earlier reading are removed.

    Args:
        connection: DuckDB with the staged tables.
        staged: the sources by table.
        folder: of the quarantine; only the user can open it.

    Returns:
        the written file by the source's name, for what is to be corrected.
    """
    clear_quarantine(folder)
    by_file: dict[str, tuple[Source, list[str]]] = {}
    for table, sources in staged.items():
        for source in sources:
            by_file.setdefault(source.file, (source, []))[1].append(table)
    written = {}
    for file, (source, tables) in by_file.items():
        wanted_by = {False: {row: str(why) for row, why in source.broken}}
        wanted_by[True] = {row: str(why) for row, why in source.not_data}
        reasons, forgotten = _reasons(connection, file, tables)
        for row, whys in reasons.items():
            said = [words.say("places.of_table", table=table, why=in_words(why)) for table, why in whys]
            wanted_by[all(deliberate(why) for _, why in whys)][row] = together(said)
        for by_rule, wanted in wanted_by.items():
            if not wanted:
                continue
            target = folder / LEFT_OUT if by_rule else folder
            make_private(target)
            keep_out_of_git(folder)
            _write(connection, source, wanted, forgotten, target / quarantine_name(file))
            if not by_rule:
                written[file] = quarantine_name(file)
    return written


def clear_quarantine(folder: Path) -> None:
    """Remove what an earlier reading has left in quarantine."""
    for old in [*folder.glob("*.csv"), *(folder / LEFT_OUT).glob("*.csv")]:
        # The list of duplicates lies here too, with the decisions that a person has made in it.
        if old.name != MERGES:
            old.unlink()
    for old in [*folder.glob("*.parquet"), *(folder / LEFT_OUT).glob("*.parquet")]:
        shutil.rmtree(old)


def _reasons(
    connection: Any, file: str, tables: Sequence[str]
) -> tuple[dict[int, list[tuple[str, str]]], frozenset[int]]:
    """Of each row of a file the tables and why it is not in them; and the rows of people who are to be forgotten."""
    said: dict[int, list[tuple[str, str]]] = {}
    for table in tables:
        for row, why in connection.execute(
            f"SELECT {ROW}, {REASON} FROM {identifier(table)} WHERE {REASON} <> '' AND {FILE} = {literal(file)}"
        ).fetchall():
            said.setdefault(row, []).append((table, why))
    gone = kept(FORGOTTEN)
    return said, frozenset(row for row, whys in said.items() if any(why == gone for _, why in whys))


def _write(connection: Any, source: Source, wanted: Mapping[int, str], forgotten: frozenset[int], target: Path) -> None:
    import pyarrow as pa

    known = [row not in forgotten for row in wanted]
    beside = bool({row for row, _ in (*source.broken, *source.not_data)} & set(wanted)) and source.beside
    connection.register("wanted", pa.table({"r": list(wanted), "why": list(wanted.values()), "known": known}))
    # Of a person who is to be forgotten, the number of the row is kept and nothing that stood in it.
    cells = "".join(
        f", CASE WHEN w.known THEN {_no_formula(f's.{cell}', 'VARCHAR' if beside else source.types[heading])} END "
        f"AS {identifier(_inert(heading))}"
        for heading, cell in source.names.items()
        if heading not in source.looked_up
    )
    rows = source.exported or source.sql
    rows += f" UNION ALL BY NAME SELECT * FROM {identifier(source.beside)}" if beside else ""
    line = f", CASE WHEN w.known THEN {_no_formula(f's.{LINE}', 'VARCHAR')} END AS {LINE}" if beside else ""
    # The mark before the first heading tells spreadsheets that the file is UTF-8.
    connection.execute(
        f"COPY (SELECT w.r AS {identifier(BOM + '_row')}, w.why AS _reason{cells}{line} FROM wanted AS w "
        f"LEFT JOIN ({rows}) AS s ON s.{ROW} = w.r ORDER BY w.r) TO {literal(str(target))} (HEADER)"
    )
    connection.unregister("wanted")
    target.chmod(0o600)


_FORMULA = "^[=+@\\t\\r]|^-[^0-9.,]"


def _no_formula(cell: str, kind: str) -> str:
    """SQL of a cell that a spreadsheet program does not run when the file is opened to be corrected."""
    if kind != "VARCHAR":
        return cell
    return f"CASE WHEN {matches(cell, _FORMULA)} THEN chr(39) || {cell} ELSE {cell} END"


def _inert(text: str) -> str:
    """A heading with the apostrophe that makes it text in a spreadsheet program."""
    return f"'{text}" if re.match(_FORMULA, text) else text


def _as_exported(text: str) -> str:
    """A cell without the apostrophe that keeps a formula from being run.

    >>> _as_exported("'=1+1"), _as_exported("'tis"), _as_exported("-5")
    ('=1+1', "'tis", '-5')
    """
    return text[1:] if text.startswith("'") and re.match(_FORMULA, text[1:]) else text


def with_corrections(connection: Any, source: Source, folder: Path, *, name: str) -> tuple[Source, list[Problem]]:
    """A source in which the rows of ``corrected/<file>.csv`` take the place of the rows with their numbers.

    The file is one of the quarantine, edited: the column ``_row`` and the export's headings; ``_reason`` is not read.
    A file that cannot be followed to the letter is a problem, and the source stays as it was.
    """
    file = folder / CORRECTED / quarantine_name(source.file)
    shown = f"{CORRECTED}/{file.name}"
    if not file.is_file():
        return source, []
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = [[_as_exported(cell) for cell in line] for line in csv.reader(stream)]
    except (UnicodeDecodeError, csv.Error, OSError):
        return source, [_problem("not_csv", shown)]
    problems = _wrong_headings(source, lines[0] if lines else [], shown)
    if problems:
        return source, problems
    records = [(number, _record(lines[0], line)) for number, line in enumerate(lines[1:], 2) if any(line)]
    problems = _wrong_rows(records, shown)
    if problems or not records:
        return source, problems
    import pyarrow as pa

    columns = {ROW: pa.array([int(record["_row"]) for _, record in records], pa.int64())}
    for heading, cell in source.names.items():
        columns[cell] = pa.array([record[heading] or None for _, record in records], pa.string())
    connection.register("batch", pa.table(columns))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS SELECT * FROM batch")
    connection.unregister("batch")
    problems = [*_unknown_rows(connection, source, name, shown), *_unfitting(connection, source, name, shown)]
    if problems:
        return source, problems
    cells = ", ".join(f"CAST({cell} AS {source.types[heading]}) AS {cell}" for heading, cell in source.names.items())
    sql = (
        f"SELECT * FROM ({source.sql}) WHERE {ROW} NOT IN (SELECT {ROW} FROM {identifier(name)}) "
        f"UNION ALL BY NAME SELECT {cells}, {ROW} FROM {identifier(name)}"
    )
    rows = {int(record["_row"]) for _, record in records}
    broken = tuple(line for line in source.broken if line[0] not in rows)
    not_data = tuple(line for line in source.not_data if line[0] not in rows)
    return replace(source, sql=sql, broken=broken, not_data=not_data, corrected=name), []


def unused_corrections(files: Iterable[str], folder: Path) -> list[Problem]:
    """Files in ``corrected`` that no source has: they would be passed over in silence.

    Args:
        files: all sources, as accounts show them.
        folder: the client's.
    """
    known = sorted({quarantine_name(file) for file in files})
    problems = []
    for file in sorted((folder / CORRECTED).glob("*")):
        # A spreadsheet's own lock and backup files are none.
        if file.is_file() and not file.name.startswith((".", "~$")) and file.name not in known:
            said = {"nearest": nearest(file.name, known)} if known else {}
            problems.append(_problem("no_source" if known else "nothing_known", f"{CORRECTED}/{file.name}", **said))
    return problems


def _problem(key: str, file: str, **values: Any) -> Problem:
    return Problem.said(words, f"corrected.{key}", file, **values)


def _record(headings: Sequence[str], line: Sequence[str]) -> dict[str, str]:
    """A line by its headings; of two equal headings the first: an export may have a ``_row`` of its own."""
    if headings[-1] == LINE and len(line) == len(headings) - 1:
        line = [*line, ""]  # a row that was written anew has no line of the export
    if len(line) != len(headings):
        return {}
    return dict(zip(reversed(headings), reversed(line), strict=True))


def _wrong_headings(source: Source, headings: Sequence[str], file: str) -> list[Problem]:
    if "_row" not in headings:
        return [_problem("no_row_column", file)]
    names = list(source.names)
    problems = [
        _problem("unknown_heading", file, heading=heading, nearest=nearest(heading, names))
        for heading in headings
        if heading not in (*names, *_FACTS)
    ]
    lacking = [heading for heading in names if heading not in headings and heading not in source.looked_up]
    return problems + [_problem("missing_heading", file, heading=heading) for heading in lacking]


def _wrong_rows(records: Sequence[tuple[int, Mapping[str, str]]], file: str) -> list[Problem]:
    problems = []
    seen: set[int] = set()
    for line, record in records:
        row = record.get("_row", "").strip()
        if not record:
            problems.append(_problem("length", file, row=line))
        elif not (row.isascii() and row.isdigit()) or int(row) in seen:
            problems.append(_problem("number_again" if row.isdigit() else "number", file, row=line, number=row))
        else:
            seen.add(int(row))
    return problems


def _unknown_rows(connection: Any, source: Source, name: str, file: str) -> list[Problem]:
    """Numbers of rows that the export does not have: they would be rows that nobody exported."""
    beside = {row for row, _ in (*source.broken, *source.not_data)}
    unknown = connection.execute(
        f"SELECT {ROW} FROM {identifier(name)} WHERE {ROW} NOT IN (SELECT {ROW} FROM ({source.sql})) ORDER BY 1"
    ).fetchall()
    return [_problem("unknown_row", file, row=row) for (row,) in unknown if row not in beside]


def _unfitting(connection: Any, source: Source, name: str, file: str) -> list[Problem]:
    """Cells that do not fit the type of their column, in exports whose columns have types."""
    problems = []
    for heading, cell in source.names.items():
        kind = source.types[heading]
        if kind == "VARCHAR":
            continue
        rows = connection.execute(
            f"SELECT {ROW} FROM {identifier(name)} "
            f"WHERE {cell} IS NOT NULL AND try_cast({cell} AS {kind}) IS NULL ORDER BY 1"
        ).fetchall()
        problems += [_problem("type", file, row=row, heading=heading, kind=kind) for (row,) in rows]
    return problems
