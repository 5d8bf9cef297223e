"""Which raw cells become rows of a contract table, and why the others do not: one SQL statement per source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmlib.contract import Column, Table
from crmlib.engine import identifier, literal
from crmlib.intake.reasons import kept, words
from crmlib.intake.repairs import Mended
from crmlib.intake.repairs.cells import Cell, is_text, let, matches
from crmlib.intake.shape import CANCELS, LEFT, MATCH, ORDER, PIECES, SAME, SHAPED, Shaped, cell_names, column_of
from crmlib.intake.source import FILE, ROW
from crmlib.mapping import Filling

REASON = "_reason"
BLANKED = "_blanked"
FOUND = "_found"
REPAIRED = "_repaired"
NO_CUSTOMER = words.later("reasons.left_out.no_customer")
TOTALS_LINE = words.later("reasons.left_out.totals")
_TOTALS = ("total", "totals", "grand total", "subtotal", "sub-total", "sum", "summe", "gesamt", "gesamtsumme")
_TOTALS_WORDS = tuple(
    word + colon
    for total in _TOTALS
    for word in (total, total.title(), total.capitalize(), total.upper())
    for colon in ("", ":")
) + tuple(word + colon for word in ("合计", "总计", "小计", "共计", "本页小计") for colon in ("", ":", "："))
EARLIEST_TIME = "1980-01-01"
EARLIEST_DATE = "1900-01-01"
LARGEST = 1e13
"""From here on no cent of a sum is exact any more, and no order is: it is a number of something else."""
SQL_TYPES = {
    "text": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "date": "DATE",
    "number": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
}


def acceptance_sql(
    table: Table,
    shaped: Shaped,
    mended: Mapping[str, Mended],
    *,
    columns: Sequence[str],
    timezone: str,
    tomorrow: str,
    guests: bool = False,
) -> str:
    """The SELECT that types a source's rows for a contract table and says what is wrong with each.

    Answers ``columns`` and ``_file``, ``_row``, ``_reason`` (empty: accepted so far; what only several rows together
    show is looked for later), ``_found`` (the values at fault), ``_blanked`` (the optional columns whose value could
    not be read and is left empty; NULL: none), ``_repaired`` (whether a repair changed the row), ``_same``,
    ``_order`` where a heading orders the rows of one record, and with cancellations ``_match``, ``_cancels`` and
    ``_pieces``. ``guests``: rows without a customer are no error but no record of this table (customers that are made
    from a file of orders).
    """
    inner: list[str] = []
    values: list[str] = []
    reasons: list[str] = []
    blanked: list[str] = []
    at_fault: list[str] = []
    changed = [SHAPED]
    for name in columns:
        column = column_of(table, name)
        filling = shaped.fillings.get(name)
        if filling is None:
            values.append(f"CAST(NULL AS {SQL_TYPES[column.kind]}) AS {identifier(name)}")
            continue
        cells_of = [cell for cell in shaped.cells if cell.name in cell_names(name, filling)]
        cells = [mended[cell] for cell in cell_names(name, filling)]
        value, filled = identifier(f"value {name}"), identifier(f"filled {name}")
        inner += [f"{_together(filling, cells, column, timezone)} AS {value}", f"{_any(cells)} AS {filled}"]
        changed += [cell.changed for cell in cells if cell.changed != "false"]
        good = _plausible(column, value, tomorrow)
        if column.required or column.allowed:
            reasons += _reasons(column, value, filled, good, _is_band(cells_of) if column.kind == "number" else "")
            # What is too large is not added up with the rows in quarantine either.
            shown = f"CASE WHEN {_credible(value)} THEN {value} END" if column.kind == "number" else value
            values.append(f"{shown} AS {identifier(name)}")
            if name != "customer_id":
                at_fault.append(_fault(name, filling, f"{filled} AND NOT coalesce({good}, false)"))
        elif good == f"({value} IS NOT NULL)":
            values.append(f"{value} AS {identifier(name)}")
        else:
            values.append(f"CASE WHEN {good} THEN {value} END AS {identifier(name)}")
        if not (column.required or column.allowed) and (column.kind != "text" or name.endswith("_id")):
            blanked.append(f"CASE WHEN {filled} AND NOT coalesce({good}, false) THEN {literal(name)} END")
    if {"score", "kind"} <= shaped.fillings.keys():
        for kind, low, high in table.score_range:
            outside = (
                f'"value kind" = \'{kind}\' AND "filled score" '
                f'AND NOT coalesce("value score" BETWEEN {low} AND {high}, false)'
            )
            said = words.later("reasons.cell.score", column="score", kind=kind, low=low, high=high)
            reasons.append(f"CASE WHEN {outside} THEN {literal(kept(said))} END")
            at_fault.append(_fault("score", shaped.fillings["score"], outside))
    left = f"WHEN {LEFT} <> '' THEN {LEFT}"
    texts = {cell.name for cell in shaped.cells if cell.key and cell.type == "VARCHAR"}
    for name in (n for n in columns if n.endswith("_id") and n in texts):
        totals = ", ".join(map(literal, dict.fromkeys(_TOTALS_WORDS)))
        left += f" WHEN {identifier(f'value {name}')} IN ({totals}) THEN {literal(kept(TOTALS_LINE))}"
    if guests and "customer_id" in shaped.fillings:
        left += f' WHEN NOT "filled customer_id" THEN {literal(kept(NO_CUSTOMER))}'
    reason = f"CASE {left} ELSE {_joined(reasons, 'chr(10)')} END"
    facts = [FILE, ROW, f"{reason} AS {REASON}", f"{_listed(blanked)} AS {BLANKED}"]
    fault = _joined(at_fault, "'; '", empty="NULL")
    facts += [f"{fault} AS {FOUND}", REPAIRED, SAME]
    if any(cell.name == PIECES for cell in shaped.cells):
        inner.append(f"{mended[PIECES].value} AS {identifier('value ' + PIECES)}")
        facts.append(f"{identifier('value ' + PIECES)} AS {PIECES}")
    order = next((cell for cell in shaped.cells if cell.name == ORDER), None)
    if order is not None:
        value = mended[ORDER].value
        facts.append(f"{f'epoch({value})' if order.kind == 'time' else value} AS {ORDER}")
    inner.append(f"({' OR '.join(changed)}) AS {REPAIRED}")
    facts += [MATCH, CANCELS] if shaped.cancels else []
    return (
        f"SELECT {', '.join([*values, *facts])} FROM (SELECT *, {', '.join(inner)} FROM {identifier(shaped.relation)})"
    )


def _together(filling: Filling, cells: Sequence[Mended], column: Column, timezone: str) -> str:
    """One value out of the cells that a column is put together from."""
    if filling.times is not None and column.kind in ("number", "whole"):
        whole = _together(filling.model_copy(update={"times": None}), cells, column, timezone)
        # Multiplying by 0.01 is not dividing by 100: of a cent nothing may be lost.
        size = abs(filling.times)
        divided = size < 1 and (1 / size).is_integer()
        if size != 1:
            whole = f"({whole} / {1 / size!r})" if divided else f"({whole} * {size!r})"
        # Taken from 0, for 0 times -1 would be -0.
        return f"(0 - {whole})" if filling.times < 0 else whole
    if filling.elapsed is not None:
        moment = _elapsed(filling, cells[0].value, cells[1].value, timezone)
        return moment if column.kind == "time" else f"CAST({moment} AT TIME ZONE {literal(timezone)} AS DATE)"
    if filling.less is not None:
        whole = _together(filling.model_copy(update={"less": None}), cells[:-1], column, timezone)
        return f"({whole} - CASE WHEN NOT {cells[-1].filled} THEN 0 ELSE {cells[-1].value} END)"
    sign = " * " if filling.product else " + " if filling.sum else " - "
    if len(cells) == 1:
        return cells[0].value
    if filling.sum or filling.difference:
        # A part that is not filled adds nothing; one that cannot be read makes the whole unreadable.
        parts = [f"CASE WHEN NOT {cell.filled} THEN 0 ELSE {cell.value} END" for cell in cells]
        return f"CASE WHEN {_any(cells)} THEN {sign.join(parts)} END"
    return f"({sign.join(cell.value for cell in cells)})"


_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}
_DAYS = {"days": 1, "weeks": 7}
_MONTHS = {"months": 1, "years": 12}
_DAYS_OF_A_MONTH = 365.2425 / 12
_LONGEST_DAYS = 400 * 366
"""Longer than any time that a table of customers knows; more would leave the calendar."""


def _elapsed(filling: Filling, begin: str, long: str, timezone: str) -> str:
    """A moment so much later or earlier than another: days and months are those of the client's calendar.

    The 31st and a month is the last day of the next one. What is left of a whole number of months is counted by a
    month's mean length.
    """
    sign = "+" if filling.after is not None else "-"
    if filling.unit in _SECONDS:
        return f"({begin} {sign} to_seconds({long} * {_SECONDS[filling.unit]}))"
    clock = f"({begin} AT TIME ZONE {literal(timezone)})"
    if filling.unit in _MONTHS:
        number, whole, day, most = _MONTHS[filling.unit], "to_months", _DAYS_OF_A_MONTH, _LONGEST_DAYS / 31
    else:
        number, whole, day, most = _DAYS[filling.unit], "to_days", 1.0, _LONGEST_DAYS
    rest = f"to_seconds((n - trunc(n)) * {day * 86400!r})"
    moment = f"{clock} {sign} {whole}(CAST(trunc(n) AS INTEGER)) {sign} {rest}"
    said = let("n", f"({long}) * {number}", f"CASE WHEN abs(n) < {most!r} THEN {moment} END")
    return f"({said} AT TIME ZONE {literal(timezone)})"


def _any(cells: Sequence[Mended]) -> str:
    return "(" + " OR ".join(cell.filled for cell in cells) + ")"


def _fault(name: str, filling: Filling, condition: str) -> str:
    cells = cell_names(name, filling)
    raws = " || ' / ' || ".join(f"coalesce(CAST({identifier(cell)} AS VARCHAR), '–')" for cell in cells)
    return f"CASE WHEN {condition} THEN {literal(name)} || '=' || {raws} END"


def _listed(cases: Sequence[str]) -> str:
    """A list of texts, NULL where it would be empty: most rows have nothing to say."""
    if not cases:
        return "CAST(NULL AS VARCHAR[])"
    any_said = " OR ".join(f"({case}) IS NOT NULL" for case in cases)
    return f"CASE WHEN {any_said} THEN list_filter([{', '.join(cases)}], lambda r: r IS NOT NULL) END"


def _joined(cases: Sequence[str], between: str, *, empty: str = "''") -> str:
    if not cases:
        return empty
    return f"coalesce(nullif(concat_ws({between}, {', '.join(cases)}), ''), {empty})"


def _credible(number: str) -> str:
    """SQL: whether a number is small enough to be money or a count."""
    return f"abs({number}) < {LARGEST!r}"


def _plausible(column: Column, value: str, tomorrow: str) -> str:
    tests = [f"{value} IS NOT NULL"]
    if column.kind == "number":
        tests.append(_credible(value))
    if column.low is not None:
        tests.append(f"{value} >= {column.low}")
    if column.high is not None:
        tests.append(f"{value} <= {column.high}")
    if column.kind in ("time", "date"):
        earliest = EARLIEST_TIME if column.kind == "time" else EARLIEST_DATE
        latest = tomorrow if column.happened else "2200-01-01"
        kind = "TIMESTAMPTZ" if column.kind == "time" else "DATE"
        tests.append(f"{value} >= {kind} '{earliest}' AND {value} < {kind} '{latest}'")
    if column.allowed:
        tests.append(f"{value} IN ({', '.join(map(literal, column.allowed))})")
    return "(" + " AND ".join(tests) + ")"


_END = r"\D{0,4}\d[\d,.]*\s*[kKmM]?"
_BAND = rf"^{_END}\s*(?:-|–|—|~|至|到)\s*{_END}\D{{0,4}}$|^{_END}\s*\+$"


def _is_band(cells: Sequence[Cell]) -> str:
    """SQL: whether a band of values stands where a number should, such as $100 - $200 or 65+."""
    tests = [matches(f"trim({identifier(cell.name)})", _BAND) for cell in cells if is_text(cell)]
    return " OR ".join(tests)


def _reasons(column: Column, value: str, filled: str, good: str, band: str = "") -> list[str]:
    earliest = EARLIEST_TIME if column.kind == "time" else EARLIEST_DATE
    of_time = column.kind in ("time", "date")

    def said(key: str, **values: object) -> str:
        return literal(kept(words.later(f"reasons.{key}", column=column.name, **values)))

    if column.allowed:
        unreadable = said("cell.one_of", allowed=list(column.allowed))
    else:
        unreadable = said("cell.time" if of_time else f"cell.{column.kind}")
    reasons = []
    if column.required:
        reasons.append(f"WHEN NOT {filled} THEN {said('missing')}")
    if band:
        reasons.append(f"WHEN {filled} AND {value} IS NULL AND ({band}) THEN {said('cell.band')}")
    reasons.append(f"WHEN {filled} AND {value} IS NULL THEN {unreadable}")
    if column.kind == "number":
        reasons.append(f"WHEN NOT {_credible(value)} THEN {said('cell.too_large')}")
    if column.kind != "text":
        beyond = said("cell.beyond_time", year=int(earliest[:4])) if of_time else said("cell.beyond")
        reasons.append(f"WHEN {filled} AND NOT {good} THEN {beyond}")
    elif column.allowed:
        reasons.append(f"WHEN {filled} AND NOT {good} THEN {unreadable}")
    return [f"CASE {' '.join(reasons)} END"]
