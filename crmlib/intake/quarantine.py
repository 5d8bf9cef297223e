"""Rows that could not be used, written beside the exports to be corrected, and read again once they are."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crmlib.intake import rules
from crmlib.intake.accept import REASON
from crmlib.intake.identities.private import make_private
from crmlib.intake.source import FILE, ROW, Source, identifier, literal
from crmlib.problems import Problem, nearest

QUARANTINE = "quarantine"
LEFT_OUT = "left_out"
CORRECTED = "corrected"
_FACTS = ("_row", "_reason")


def quarantine_name(file: str) -> str:
    """The name under which the rows of a source file are kept.

    >>> quarantine_name("../exports/orders.csv.gz"), quarantine_name("shop.xlsx/Sheet 1")
    ('exports__orders.csv.gz.csv', 'shop.xlsx__Sheet 1.csv')
    """
    parts = [part for part in file.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    name = "__".join(parts)
    return name if name.lower().endswith(".csv") else f"{name}.csv"


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
    for old in [*folder.glob("*.csv"), *(folder / LEFT_OUT).glob("*.csv")]:
        old.unlink()
    by_file: dict[str, tuple[Source, list[str]]] = {}
    for table, sources in staged.items():
        for source in sources:
            by_file.setdefault(source.file, (source, []))[1].append(table)
    written = {}
    for file, (source, tables) in by_file.items():
        lines = [(row, why, False) for row, why in source.broken] + [(row, why, True) for row, why in source.not_data]
        reasons = _reasons(connection, file, tables)
        for by_rule in (False, True):
            wanted = {row: why for row, why, rule in lines if rule == by_rule}
            wanted |= {row: "; ".join(said) for row, rule, said in reasons if rule == by_rule}
            if not wanted:
                continue
            target = folder / LEFT_OUT if by_rule else folder
            make_private(target)
            _write(connection, source, wanted, target / quarantine_name(file))
            if not by_rule:
                written[file] = quarantine_name(file)
    return written


def _reasons(connection: Any, file: str, tables: Sequence[str]) -> list[tuple[int, bool, list[str]]]:
    """Row, whether only rules keep it out, and what each table says of it."""
    said: dict[int, list[tuple[bool, str]]] = {}
    for table in tables:
        for row, why in connection.execute(
            f"SELECT {ROW}, {REASON} FROM {identifier(table)} WHERE {REASON} <> '' AND {FILE} = {literal(file)}"
        ).fetchall():
            said.setdefault(row, []).append((rules.deliberate(why), f"{table}: {why}"))
    return [(row, all(rule for rule, _ in whys), [why for _, why in whys]) for row, whys in said.items()]


def _write(connection: Any, source: Source, wanted: Mapping[int, str], target: Path) -> None:
    import pyarrow as pa

    connection.register("wanted", pa.table({"r": list(wanted), "why": list(wanted.values())}))
    # Of a person who is to be forgotten, the number of the row is kept and nothing that stood in it.
    known = f"position({literal(rules.FORGOTTEN)} IN w.why) = 0"
    cells = "".join(
        f", CASE WHEN {known} THEN s.{cell} END AS {identifier(heading)}" for heading, cell in source.names.items()
    )
    connection.execute(
        f"COPY (SELECT w.r AS _row, w.why AS _reason{cells} FROM wanted AS w "
        f"LEFT JOIN ({source.sql}) AS s ON s.{ROW} = w.r ORDER BY w.r) TO {literal(str(target))} (HEADER)"
    )
    connection.unregister("wanted")
    target.chmod(0o600)


def with_corrections(connection: Any, source: Source, folder: Path, *, name: str) -> tuple[Source, list[Problem]]:
    """A source in which the rows of ``corrected/<file>.csv`` take the place of the rows with their numbers.

    The file is one of the quarantine, edited: the column ``_row`` and the export's headings; ``_reason`` is not read.
    """
    file = folder / CORRECTED / quarantine_name(source.file)
    if not file.is_file():
        return source, []
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            records = list(csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error, OSError):
        found, remedy = "a file that is not CSV in UTF-8", "save it as “CSV UTF-8”"
        return source, [Problem(f"{CORRECTED}/{file.name}", found=found, expected="CSV", remedy=remedy)]
    problems = _wrong_corrections(source, records, f"{CORRECTED}/{file.name}")
    if problems or not records:
        return source, problems
    import pyarrow as pa

    headings = [heading for heading in source.names if heading in records[0]]
    columns = {ROW: pa.array([int(record["_row"]) for record in records], pa.int64())}
    for heading in headings:
        columns[source.names[heading]] = pa.array([record[heading] or None for record in records], pa.string())
    connection.register("batch", pa.table(columns))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS SELECT * FROM batch")
    connection.unregister("batch")
    cells = ", ".join(
        f"try_cast({cell} AS {source.types[heading]}) AS {cell}"
        for heading, cell in source.names.items()
        if heading in headings
    )
    sql = (
        f"SELECT * FROM ({source.sql}) WHERE {ROW} NOT IN (SELECT {ROW} FROM {identifier(name)}) "
        f"UNION ALL BY NAME SELECT {cells}, {ROW} FROM {identifier(name)}"
    )
    rows = {int(record["_row"]) for record in records}
    broken = tuple(line for line in source.broken if line[0] not in rows)
    return replace(source, sql=sql, broken=broken, corrected=name), []


def _wrong_corrections(source: Source, records: Sequence[Mapping[str, Any]], file: str) -> list[Problem]:
    problems = []
    for heading in records[0] if records else ():
        if heading is not None and heading not in (*source.names, *_FACTS):
            remedy = nearest(heading, list(source.names))
            problems.append(Problem(file, "headings", f"the unknown heading {heading!r}", "the export's", remedy))
    seen: set[str] = set()
    for line, record in enumerate(records, 2):
        row = (record.get("_row") or "").strip()
        if not row.isdigit() or row in seen:
            found = f"_row {row!r}" + (" again" if row in seen else "")
            remedy = "keep the number that the quarantine gave the row"
            problems.append(Problem(file, f"row {line}", found, "the row's number in the export, once", remedy))
        elif None in record or None in record.values():
            expected = f"{len(records[0])} values"
            problems.append(Problem(file, f"row {line}", "more or fewer values than headings", expected))
        seen.add(row)
    return problems
