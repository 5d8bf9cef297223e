"""Which rows of a source become rows of a contract table, and why the others do not: one SQL statement per table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmlib.client import TableSource
from crmlib.contract import Column, Table
from crmlib.intake.readers import FILE, ROW, Source

REASON = "_reason"
BLANKED = "_blanked"
FOUND = "_found"
EARLIEST_TIME = "1980-01-01"
EARLIEST_DATE = "1900-01-01"

_TRUE = "('true', 't', 'yes', 'y', '1', '1.0')"
_FALSE = "('false', 'f', 'no', 'n', '0', '0.0')"
_DATE = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = "[0-9]{1,2}:[0-9]{2}"
_SECONDS = "(:[0-9]{2}(?:[.][0-9]+)?)?"
_WALL_CLOCK = f"^{_DATE}([ T]{_CLOCK}{_SECONDS})?$"
_WITH_OFFSET = f"^({_DATE})[ T]({_CLOCK}){_SECONDS} ?(Z|z|UTC|GMT|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"
_SQL_TYPES = {
    "text": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "date": "DATE",
    "number": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
}


def looks_like_thousands(heading: str, source: Source) -> str:
    """SQL that answers whether every point in a column of at least 20 values parts three digits: 1.377, never 1.5."""
    cell = f"trim({source.names[heading]})"
    pointed = f"count(*) FILTER ({cell} LIKE '%.%')"
    parted = f"count(*) FILTER (regexp_matches({cell}, '^-?[0-9]{{1,3}}([.][0-9]{{3}})+$'))"
    return f"SELECT {pointed} >= 20 AND {pointed} = {parted} FROM ({source.sql})"


def columns_found(table: Table, source: TableSource, headings: Mapping[str, str]) -> dict[str, list[str]]:
    """For each contract column, the headings that fill it (the first that is filled counts).

    A column that the client's YAML names is looked up under that name, any other under the contract's own name.
    """
    names = list(table.names)
    if table.open_columns:
        further = dict.fromkeys((*source.columns, *headings))
        names += [name for name in further if name.startswith(table.open_columns) and name not in names]
    found = {}
    for name in names:
        wanted = source.columns.get(name, name)
        present = [c for c in ([wanted] if isinstance(wanted, str) else wanted) if c in headings]
        if present:
            found[name] = present
    return found


def column_of(table: Table, name: str) -> Column:
    """The contract's column, or the number that an open column (``item_…``) holds."""
    try:
        return table[name]
    except KeyError:
        return Column(name, "number", "further item")


def identifier(name: str) -> str:
    """A name as an SQL identifier, whatever characters it holds.

    >>> identifier('or"der')
    '"or""der"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as an SQL literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def acceptance_sql(
    table: Table,
    wanted: TableSource,
    source: Source,
    *,
    columns: Sequence[str],
    timezone: str,
    tomorrow: str,
) -> str:
    """The SELECT that types a source's rows for a contract table and says what is wrong with each.

    Answers the contract's columns (identity columns left out), ``_file``, ``_row``, ``_reason`` (empty: accepted so
    far; duplicates are looked for later, over all files), ``_found`` (the values at fault) and ``_blanked`` (the
    optional columns whose value could not be read and is left empty).
    """
    found = columns_found(table, wanted, source.types)
    values, reasons, blanked, raws, at_fault = [], [], [], [], []
    for name in columns:
        column = column_of(table, name)
        if name not in found:
            values.append(f"CAST(NULL AS {_SQL_TYPES[column.kind]}) AS {identifier(name)}")
            continue
        raw = identifier(f"raw {name}")
        raws.append(f"{_raw(found[name], source, wanted.values.get(name, {}))} AS {raw}")
        kind = _kind(found[name], source, wanted.values.get(name, {}))
        value = _typed(column, raw, kind, timezone, wanted.decimal)
        good = _plausible(column, value, tomorrow)
        if column.required or column.allowed:
            reasons += _reasons(column, raw, value, good)
            values.append(f"{value} AS {identifier(name)}")
            at_fault.append(_fault(name, raw, f"NOT coalesce({good}, false)"))
        else:
            values.append(f"CASE WHEN {good} THEN {value} END AS {identifier(name)}")
            if column.kind != "text":
                blanked.append(f"CASE WHEN {raw} IS NOT NULL AND NOT coalesce({good}, false) THEN {literal(name)} END")
    if {"score", "kind"} <= found.keys():
        score = _typed(table["score"], '"raw score"', _kind(found["score"], source, {}), timezone, wanted.decimal)
        for kind, low, high in table.score_range:
            outside = f"\"raw kind\" = '{kind}' AND NOT coalesce({score} BETWEEN {low} AND {high}, false)"
            reasons.append(
                f'CASE WHEN "raw score" IS NOT NULL AND {outside} '
                f"THEN 'score of {kind} is not between {low:g} and {high:g}' END"
            )
            at_fault.append(_fault("score", '"raw score"', outside))
    return (
        f"SELECT {', '.join(values)}, {literal(source.file)} AS {FILE}, {ROW}, {_joined(reasons)} AS {REASON}, "
        f"CAST({_listed(blanked)} AS VARCHAR[]) AS {BLANKED}, {_joined(at_fault)} AS {FOUND} "
        f"FROM (SELECT {', '.join([*raws, ROW])} FROM ({source.sql}))"
    )


def _fault(name: str, raw: str, condition: str) -> str:
    return f"CASE WHEN {raw} IS NOT NULL AND {condition} THEN {literal(name)} || '=' || CAST({raw} AS VARCHAR) END"


def _listed(cases: Sequence[str]) -> str:
    return f"list_filter([{', '.join(cases) or 'NULL'}], lambda r: r IS NOT NULL)"


def _joined(cases: Sequence[str]) -> str:
    return f"coalesce(CAST(array_to_string({_listed(cases)}, '; ') AS VARCHAR), '')"


def _kind(headings: Sequence[str], source: Source, mapped: Mapping[str, str]) -> str:
    """The type of the cell that :func:`_raw` makes."""
    return source.types[headings[0]] if len(headings) == 1 and not mapped else "VARCHAR"


def _raw(headings: Sequence[str], source: Source, mapped: Mapping[str, str]) -> str:
    """The cell as it stands: text without blanks around it, empty as NULL; typed columns of Parquet unchanged."""
    if _kind(headings, source, mapped) != "VARCHAR":
        return source.names[headings[0]]
    cells = ", ".join(
        f"nullif(trim({_as_text(source.names[heading], source.types[heading])}), '')" for heading in headings
    )
    cell = f"coalesce({cells})" if len(headings) > 1 else cells
    if not mapped:
        return cell
    cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in mapped.items())
    return f"CASE {cell} {cases} ELSE {cell} END"


def _as_text(value: str, kind: str) -> str:
    """A value as text; a whole number that was stored as a fraction (an id beside empty cells) without the ``.0``."""
    if kind.startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        whole = f"{value} = trunc({value}) AND abs({value}) < 1e18"
        return f"CASE WHEN {whole} THEN CAST(CAST({value} AS HUGEINT) AS VARCHAR) ELSE CAST({value} AS VARCHAR) END"
    return f"CAST({value} AS VARCHAR)"


def _typed(column: Column, raw: str, kind: str, timezone: str, decimal: str | None) -> str:
    if column.kind == "text":
        return raw if kind == "VARCHAR" else _as_text(raw, kind)
    if column.kind in ("number", "whole"):
        if decimal and kind == "VARCHAR":
            thousands = "," if decimal == "." else "."
            raw = f"replace(replace({raw}, '{thousands}', ''), '{decimal}', '.')"
        cast = f"try_cast({raw} AS DOUBLE)"
        return f"CASE WHEN isfinite({cast}) THEN {cast} END"
    if column.kind == "flag":
        text = f"lower(CAST({raw} AS VARCHAR))"
        return f"CASE WHEN {text} IN {_TRUE} THEN true WHEN {text} IN {_FALSE} THEN false END"
    time = _time(raw, kind, timezone)
    if column.kind == "time":
        return time
    if kind == "DATE":
        return raw
    return f"CAST({time} AT TIME ZONE {literal(timezone)} AS DATE)"


def _time(raw: str, kind: str, timezone: str) -> str:
    """A moment: what carries an offset by its offset, anything else as the client's wall clock."""
    if kind.startswith("TIMESTAMP WITH"):
        return raw
    zone = literal(timezone)
    if kind != "VARCHAR":
        return f"try_cast({raw} AS TIMESTAMP) AT TIME ZONE {zone}"
    date, clock, seconds, offset = (f"regexp_extract({raw}, '{_WITH_OFFSET}', {group})" for group in (1, 2, 3, 4))
    shift = (
        f"CASE WHEN upper({offset}) IN ('Z', 'UTC', 'GMT') THEN '+00' "
        f"ELSE regexp_replace({offset}, '^([+-][0-9]{{2}}):?([0-9]{{2}})$', '\\1:\\2') END"
    )
    moment = f"{date} || ' ' || {clock} || coalesce(nullif({seconds}, ''), ':00') || {shift}"
    return (
        f"CASE WHEN regexp_matches({raw}, '{_WITH_OFFSET}') THEN try_cast({moment} AS TIMESTAMPTZ) "
        f"WHEN regexp_matches({raw}, '{_WALL_CLOCK}') THEN try_cast({raw} AS TIMESTAMP) AT TIME ZONE {zone} END"
    )


def _plausible(column: Column, value: str, tomorrow: str) -> str:
    tests = [f"{value} IS NOT NULL"]
    if column.low is not None:
        tests.append(f"{value} >= {column.low}")
    if column.high is not None:
        tests.append(f"{value} <= {column.high}")
    if column.kind in ("time", "date"):
        earliest = EARLIEST_TIME if column.kind == "time" else EARLIEST_DATE
        latest = tomorrow if column.happened else "2200-01-01"
        tests.append(f"{value} >= '{earliest}' AND {value} < '{latest}'")
    if column.allowed:
        tests.append(f"{value} IN ({', '.join(map(literal, column.allowed))})")
    return "(" + " AND ".join(tests) + ")"


def _reasons(column: Column, raw: str, value: str, good: str) -> list[str]:
    unreadable = {
        "text": f"is not one of {', '.join(column.allowed)}",
        "time": "is not a date that exists and can be read",
        "date": "is not a date that exists and can be read",
        "number": "is not a number",
        "whole": "is not a whole number",
        "flag": "is neither true nor false",
    }[column.kind]
    earliest = EARLIEST_TIME if column.kind == "time" else EARLIEST_DATE
    reasons = []
    if column.required:
        reasons.append(f"WHEN {raw} IS NULL THEN 'no {column.name}'")
    if column.kind != "text":
        reasons.append(f"WHEN {raw} IS NOT NULL AND {value} IS NULL THEN '{column.name} {unreadable}'")
        beyond = f"is in the future or before {earliest[:4]}" if column.kind in ("time", "date") else "is out of range"
        reasons.append(f"WHEN {raw} IS NOT NULL AND NOT {good} THEN '{column.name} {beyond}'")
    elif column.allowed:
        reasons.append(f"WHEN {raw} IS NOT NULL AND NOT {good} THEN '{column.name} {unreadable}'")
    return [f"CASE {' '.join(reasons)} END"] if reasons else []
