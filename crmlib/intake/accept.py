"""Which rows of a source become rows of a contract table, and why the others do not: one SQL statement per table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmlib.client import TableSource
from crmlib.contract import Column, Table
from crmlib.intake.readers import FILE, ROW

REASON = "_reason"
BLANKED = "_blanked"
FOUND = "_found"
EARLIEST = "1980-01-01"
_OFFSET = r"(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0')"


def columns_found(table: Table, source: TableSource, types: Mapping[str, str]) -> dict[str, list[str]]:
    """For each contract column, the source columns that fill it (the first that is filled counts).

    A column that the client's YAML names is looked up under that name, any other under the contract's own name.
    """
    found = {}
    names = list(table.names)
    if table.open_columns:
        names += [n for n in types if n.startswith(table.open_columns) and n not in names]
    for name in names:
        wanted = source.columns.get(name, name)
        present = [c for c in ([wanted] if isinstance(wanted, str) else wanted) if c in types]
        if present:
            found[name] = present
    return found


def column_of(table: Table, name: str) -> Column:
    """The contract's column, or the number that an open column (``item_…``) holds."""
    try:
        return table[name]
    except KeyError:
        return Column(name, "number", "further item")


def acceptance_sql(
    table: Table,
    source: TableSource,
    *,
    relation: str,
    file: str,
    types: Mapping[str, str],
    columns: Sequence[str],
    timezone: str,
    tomorrow: str,
) -> str:
    """The SELECT that types a source's rows for a contract table and says what is wrong with each.

    Answers the contract's columns (identity columns left out), ``_file``, ``_row``, ``_reason`` (empty: accepted so
    far; duplicates are looked for later, over all files), ``_found`` (the values at fault) and ``_blanked`` (the
    optional columns whose value could not be read and is left empty).
    """
    found = columns_found(table, source, types)
    values, reasons, blanked, raws, at_fault = [], [], [], [], []
    for name in columns:
        column = column_of(table, name)
        if name not in found:
            values.append(f'CAST(NULL AS {_SQL_TYPES[column.kind]}) AS "{name}"')
            continue
        raws.append(f'{_raw(found[name], types, source.values.get(name, {}))} AS "raw {name}"')
        kind = types[found[name][0]] if len(found[name]) == 1 and name not in source.values else "VARCHAR"
        raw = f'"raw {name}"'
        value = _typed(column, raw, kind, timezone)
        good = _plausible(column, value, tomorrow)
        if column.required or column.allowed:
            reasons += _reasons(column, raw, value, good)
            at_fault.append(f"CASE WHEN {raw} IS NOT NULL AND NOT coalesce({good}, false) THEN '{name}=' || {raw} END")
            values.append(f'{value} AS "{name}"')
        else:
            values.append(f'CASE WHEN {good} THEN {value} END AS "{name}"')
            if column.kind != "text":
                blanked.append(f"CASE WHEN {raw} IS NOT NULL AND NOT coalesce({good}, false) THEN '{name}' END")
    for kind_value, low, high in table.score_range:
        if "score" in found and "kind" in found:
            score = _typed(table["score"], '"raw score"', types[found["score"][0]], timezone)
            reasons.append(
                f'CASE WHEN "raw kind" = \'{kind_value}\' AND "raw score" IS NOT NULL AND '
                f"NOT coalesce({score} BETWEEN {low} AND {high}, false) "
                f"THEN 'score of {kind_value} is not between {low:g} and {high:g}' END"
            )
            at_fault.append(
                f"CASE WHEN NOT coalesce({score} BETWEEN 0 AND 10, true) THEN 'score=' || \"raw score\" END"
            )
    reason = f"array_to_string(list_filter([{', '.join(reasons) or 'NULL'}], lambda r: r IS NOT NULL), '; ')"
    found_text = f"array_to_string(list_filter([{', '.join(at_fault) or 'NULL'}], lambda r: r IS NOT NULL), '; ')"
    blank = f"list_filter([{', '.join(blanked) or 'NULL'}], lambda r: r IS NOT NULL)"
    return (
        f"SELECT {', '.join(values)}, '{_escaped(file)}' AS {FILE}, {ROW}, {reason} AS {REASON}, "
        f"CAST({blank} AS VARCHAR[]) AS {BLANKED}, CAST({found_text} AS VARCHAR) AS {FOUND} "
        f"FROM (SELECT {', '.join([*raws, ROW])} FROM ({relation}))"
    )


_SQL_TYPES = {
    "text": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "date": "DATE",
    "number": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
}


def _raw(sources: Sequence[str], types: Mapping[str, str], mapped: Mapping[str, str]) -> str:
    """The cell as it stands: text without blanks around it, empty as NULL; typed columns of Parquet unchanged."""
    if len(sources) == 1 and types[sources[0]] != "VARCHAR" and not mapped:
        return f'"{sources[0]}"'
    cells = ", ".join(f"nullif(trim(CAST(\"{name}\" AS VARCHAR)), '')" for name in sources)
    cell = f"coalesce({cells})" if len(sources) > 1 else cells
    if not mapped:
        return cell
    cases = " ".join(f"WHEN '{_escaped(old)}' THEN '{_escaped(new)}'" for old, new in mapped.items())
    return f"CASE {cell} {cases} ELSE {cell} END"


def _typed(column: Column, raw: str, kind: str, timezone: str) -> str:
    if column.kind == "text":
        return raw if kind == "VARCHAR" else f"CAST({raw} AS VARCHAR)"
    if column.kind in ("number", "whole"):
        cast = f"try_cast({raw} AS DOUBLE)"
        return f"CASE WHEN isfinite({cast}) THEN {cast} END"
    if column.kind == "flag":
        text = f"lower(CAST({raw} AS VARCHAR))"
        return f"CASE WHEN {text} IN {_TRUE} THEN true WHEN {text} IN {_FALSE} THEN false END"
    if column.kind == "date":
        return f"try_cast({raw} AS DATE)"
    if kind.startswith("TIMESTAMP WITH"):
        return raw
    wall_clock = f"try_cast({raw} AS TIMESTAMP) AT TIME ZONE '{timezone}'"
    if kind != "VARCHAR":
        return wall_clock
    return (
        f"CASE WHEN regexp_matches({raw}, '{_OFFSET}') AND length({raw}) > 10 THEN try_cast({raw} AS TIMESTAMPTZ) "
        f"ELSE {wall_clock} END"
    )


def _plausible(column: Column, value: str, tomorrow: str) -> str:
    tests = [f"{value} IS NOT NULL"]
    if column.low is not None:
        tests.append(f"{value} >= {column.low}")
    if column.high is not None:
        tests.append(f"{value} <= {column.high}")
    if column.kind in ("time", "date"):
        earliest = EARLIEST if column.kind == "time" else "1900-01-01"
        latest = tomorrow if column.happened else "2200-01-01"
        tests.append(f"{value} >= '{earliest}' AND {value} < '{latest}'")
    if column.allowed:
        tests.append(f"{value} IN ({', '.join(repr(v) for v in column.allowed)})")
    return "(" + " AND ".join(tests) + ")"


def _reasons(column: Column, raw: str, value: str, good: str) -> list[str]:
    bad = {
        "text": f"is not one of {', '.join(column.allowed)}",
        "time": "is not a date that exists",
        "date": "is not a date that exists",
        "number": "is not a number",
        "whole": "is not a whole number",
        "flag": "is neither true nor false",
    }[column.kind]
    reasons = []
    if column.required:
        reasons.append(f"WHEN {raw} IS NULL THEN 'no {column.name}'")
    if column.kind != "text":
        reasons.append(f"WHEN {raw} IS NOT NULL AND {value} IS NULL THEN '{column.name} {bad}'")
        out_of_range = "is in the future or before 1980" if column.kind in ("time", "date") else "is out of range"
        reasons.append(f"WHEN {raw} IS NOT NULL AND NOT {good} THEN '{column.name} {out_of_range}'")
    elif column.allowed:
        reasons.append(f"WHEN {raw} IS NOT NULL AND NOT {good} THEN '{column.name} {bad}'")
    return [f"CASE {' '.join(reasons)} END"] if reasons else []


def _escaped(value: str) -> str:
    return str(value).replace("'", "''")
