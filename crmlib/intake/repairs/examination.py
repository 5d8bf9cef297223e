"""Whole columns are looked at before a cell is read: what is in them decides which SQL reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from crmlib.engine import literal
from crmlib.intake.repairs import characters, flags, numbers, texts, times, wholes
from crmlib.intake.repairs.blanks import cleaned, steps, surface_evidence
from crmlib.intake.repairs.cells import (
    DIFFERENT,
    HIDDEN,
    Cell,
    Habits,
    Lent,
    Mended,
    Plan,
    Repair,
    any_of,
    is_text,
    words,
)
from crmlib.intake.source import FILE, ROW
from crmlib.problems import Problem

_FAMILIES: Mapping[str, ModuleType] = {
    "text": texts,
    "time": times,
    "date": times,
    "number": numbers,
    "whole": numbers,
    "flag": flags,
}
Counts = dict[str, dict[str, int]]


def examine(
    connection: Any,
    relation: str,
    cells: Sequence[Cell],
    habits: Habits,
    *,
    place: str,
    beside: Sequence[tuple[str, Sequence[Cell]]] = (),
    among: str = "true",
) -> tuple[dict[str, Mended], list[Problem]]:
    """Look at whole columns, decide how each is read, and answer the SQL that reads it, with what it mends.

    One scan tells which columns are clean: those cost a cast and nothing more. Of the others a second scan counts the
    forms in which their cells are written, and a third what each repair changes, with its first example.

    Args:
        connection: DuckDB.
        relation: name of the relation with the raw cells, ``_file`` and ``_row``.
        cells: the columns to be read.
        habits: what the settings say.
        place: where settings are made, for messages: ``tables.orders in client.yaml``.
        beside: relations with columns that are not read. Where no column that is read tells what stands before the
            fraction, they do.
        among: SQL of the rows that are records. What stands in others keeps no file from being read.

    Returns:
        by cell name how it is read; and what only a person can decide (day or month first, thousands or decimals).

    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> _ = connection.sql("CREATE TABLE raw AS SELECT 'a.csv' AS _file, 2 AS _row, '¥1,299.50' AS amount")
    >>> mended, problems = examine(connection, "raw", [Cell("amount", "number", "amount")], Habits("UTC"), place="")
    >>> connection.sql(f"SELECT {mended['amount'].value} FROM raw").fetchone(), mended["amount"].repairs[0].name
    ((1299.5,), 'money')
    """
    cells = list(cells)
    characters.install(connection)
    counts = _screened(connection, relation, cells, habits)
    unclear = [cell for cell in cells if is_text(cell) and _needs_a_look(cell, habits, counts[cell.name])]
    for name, found in _evidence(connection, relation, unclear, habits).items():
        counts[name].update(found)
    lent = _lent(connection, cells, habits, counts, beside)
    plans = {cell.name: _plan(cell, habits, counts[cell.name], lent, place) for cell in cells}
    plans = {cell.name: wholes.judged(connection, relation, cell, plans[cell.name], habits) for cell in cells}
    repairs = _repairs(connection, relation, cells, plans, habits)
    mended = _mended(plans, repairs)
    kept = f"(SELECT * FROM {relation} WHERE {among})"
    refused = [one for cell in cells for one in _refused(connection, kept, cell, plans[cell.name], place)]
    return mended, [*(problem for plan in plans.values() for problem in plan.problems), *refused]


def read_as_written(
    connection: Any, relation: str, cells: Sequence[Cell], habits: Habits, *, place: str, among: str, most: int
) -> tuple[dict[str, Mended], list[Problem]]:
    """How cells are read on an engine that mends no text: those with a type, and text in the form that programs write.

    Other text is either unreadable by every rule, so that its row has the reason that it has anywhere, or it would have
    to be mended; then nothing of its column is read, and a problem says what stands there. Which of the two it is, is
    found out with all rules on the different cells of this kind, of which a column may have ``most``.

    Args: as in :func:`examine`.
    """
    counts = _screened(connection, relation, cells, habits)
    problems: list[Problem] = []
    texts_ = [cell for cell in cells if is_text(cell)]
    further = {cell.name: _FAMILIES[cell.kind].as_written(cell) for cell in texts_ if counts[cell.name]["dirty"]}
    for name, found in _counted(connection, further, relation).items():
        counts[name].update(found)
    for cell in texts_:
        if cell.kind in ("number", "whole") and numbers.needs_a_look(habits, counts[cell.name]):
            problems.append(Problem.said(words, "text_of_numbers", place, cell.shown, n=counts[cell.name]["three"]))
        elif counts[cell.name]["dirty"]:
            problems += _to_be_mended(connection, relation, cell, habits, place, among, most)
    plans = {cell.name: _plan(cell, habits, defaultdict(int, counts[cell.name]), Lent(), place) for cell in cells}
    plans = {cell.name: wholes.judged(connection, relation, cell, plans[cell.name], habits) for cell in cells}
    repairs = _repairs(connection, relation, cells, plans, habits)
    return _mended(plans, repairs), problems


def _to_be_mended(
    connection: Any, relation: str, cell: Cell, habits: Habits, place: str, among: str, most: int
) -> list[Problem]:
    """What is wrong with text that would have to be mended, or of which there is too much to find out."""
    import duckdb

    other = f"NOT ({_FAMILIES[cell.kind].is_as_written(cell)}) AND {cell.raw} <> ''"
    found = connection.execute(
        f"SELECT {cell.raw} AS cell, count(*) AS n, min({ROW}) FROM {relation} WHERE {among} AND {other} "
        f"GROUP BY 1 ORDER BY 2 DESC, 3 LIMIT {most + 1}"
    ).fetchall()
    if not found:
        return []
    number, row = sum(n for _, n, _ in found), found[0][2]
    said = {"n": number, "row": row, "example": HIDDEN if cell.private else found[0][0]}
    if len(found) > most:
        return [Problem.said(words, "text_unclear", place, cell.shown, **said | {"most": most})]
    with duckdb.connect() as here:
        here.execute(f"CREATE TABLE found ({FILE} VARCHAR, {ROW} BIGINT, cell VARCHAR)")
        here.executemany("INSERT INTO found VALUES ('', ?, ?)", [(at, text) for text, _, at in found])
        mended, problems = examine(here, "found", [replace(cell, raw="cell")], habits, place=place)
        read = mended[cell.name]
        same = f"{read.value} = cell" if cell.kind == "text" else f"{read.value} IS NULL"
        as_it_is = f"coalesce({read.filled} AND NOT {read.changed} AND ({same}), false)"
        wrong = here.execute(f"SELECT {ROW}, cell FROM found WHERE NOT {as_it_is}").fetchall()
    if not wrong and not problems:
        return []
    at = {row for row, _ in wrong} or {row for *_, row in found}
    said = {"n": sum(n for _, n, row in found if row in at), "row": min(at)}
    named = next((text for text, _, row in found if row in at), "")
    repairs = list(dict.fromkeys(words.name("repairs", repair.name) for repair in read.repairs))
    said |= {"example": HIDDEN if cell.private else named, "repairs": repairs}
    return [Problem.said(words, "text_to_mend" if repairs else "text_undecided", place, cell.shown, **said)]


def _mended(plans: Mapping[str, Plan], repairs: Mapping[str, Sequence[Repair]]) -> dict[str, Mended]:
    return {
        name: Mended(
            plan.value,
            plan.filled,
            any_of([condition for _, condition in plan.mendings]),
            tuple(repairs.get(name, ())),
            plan.decisions,
        )
        for name, plan in plans.items()
    }


def _refused(connection: Any, relation: str, cell: Cell, plan: Plan, place: str) -> list[Problem]:
    """What is wrong with cells that must not be read, and in which row the first of them stands."""
    if not plan.refused:
        return []
    count, file, row = connection.execute(
        f"SELECT count(*) OVER (), {FILE}, {ROW} FROM {relation} WHERE {plan.refused} ORDER BY {FILE}, {ROW} LIMIT 1"
    ).fetchone() or (0, "", 0)
    said = {"n": count, "file": file, "row": row}
    return [Problem.said(words, plan.because, place, cell.shown, **said)] if count else []


def _screened(connection: Any, relation: str, cells: Sequence[Cell], habits: Habits) -> Counts:
    """One scan over all columns: how many cells of each are not written in the strict form."""
    tests: dict[str, dict[str, str]] = {}
    for cell in cells:
        family = _FAMILIES[cell.kind]
        if is_text(cell):
            tests[cell.name] = family.screen(cell, habits)
        else:
            tests[cell.name] = times.screen_typed(cell, habits) if cell.kind in ("time", "date") else {}
    return _counted(connection, tests, relation)


def _needs_a_look(cell: Cell, habits: Habits, counts: Mapping[str, int]) -> bool:
    if cell.kind in ("number", "whole") and numbers.needs_a_look(habits, counts):
        return True
    return counts["dirty"] > 0


def _evidence(connection: Any, relation: str, cells: Sequence[Cell], habits: Habits) -> Counts:
    """One scan over the columns that are not clean: how their cells are written."""
    if not cells:
        return {}
    tests: dict[str, dict[str, str]] = {}
    source = f"SELECT {', '.join(f'{cell.raw} AS x{i}' for i, cell in enumerate(cells))} FROM {relation}"
    shown = [[f"x{i}"] for i in range(len(cells))]
    for depth in range(max(len(steps(cell, habits)) for cell in cells)):
        made = []
        for i, cell in enumerate(cells):
            for _, mended in steps(cell, habits)[depth : depth + 1]:
                made.append(f"{mended(shown[i][-1])} AS u{depth}_{i}")
                shown[i].append(f"u{depth}_{i}")
        source = f"SELECT *, {', '.join(made)} FROM ({source})"
    texts = [f"{cleaned(shown[i][-1], cell, habits)} AS t{i}" for i, cell in enumerate(cells)]
    source = f"SELECT *, {', '.join(texts)} FROM ({source})"
    layers: list[list[str]] = []
    for i, cell in enumerate(cells):
        names = {"t": f"t{i}"}
        for depth, (name, sql) in enumerate(_FAMILIES[cell.kind].layers(cell, habits, f"t{i}")):
            for known, column in names.items():
                sql = sql.replace("{" + known + "}", column)
            names[name] = f"{name}{i}"
            if depth == len(layers):
                layers.append([])
            layers[depth].append(f"{sql} AS {name}{i}")
        tests[cell.name] = {
            **surface_evidence(shown[i], cell, habits),
            **_FAMILIES[cell.kind].evidence(cell, habits, names),
        }
    for layer in layers:
        source = f"SELECT *, {', '.join(layer)} FROM ({source})"
    return _counted(connection, tests, f"({source})")


def _counted(connection: Any, tests: Mapping[str, Mapping[str, str]], relation: str) -> Counts:
    """How many rows meet each test, or how many different values they have, by column, in one scan."""
    flat = [(column, name, sql) for column, named in tests.items() for name, sql in named.items()]
    counts: Counts = {column: {} for column in tests}
    if not flat:
        return counts
    row = connection.execute(f"SELECT {', '.join(_count(sql) for *_, sql in flat)} FROM {relation}").fetchone()
    for (column, name, _), number in zip(flat, row, strict=True):
        counts[column][name] = int(number or 0)
    return counts


def _count(test: str) -> str:
    return f"count(DISTINCT {test.removeprefix(DIFFERENT)})" if test.startswith(DIFFERENT) else f"count_if({test})"


def _lent(
    connection: Any,
    cells: Sequence[Cell],
    habits: Habits,
    counts: Counts,
    beside: Sequence[tuple[str, Sequence[Cell]]],
) -> Lent:
    """What the columns that hold evidence decide for those without, where they agree."""
    sure_decimals = _decimals(cells, habits, counts)
    if not sure_decimals and any(numbers.leaves_open(counts[c.name]) for c in cells if c.kind in ("number", "whole")):
        for relation, others in beside:
            seen = _screened(connection, relation, others, habits)
            unclear = [cell for cell in others if _needs_a_look(cell, habits, seen[cell.name])]
            for name, found in _evidence(connection, relation, unclear, habits).items():
                seen[name].update(found)
            numeric = [cell for cell in others if numbers.are_numbers(seen[cell.name])]
            sure_decimals |= _decimals(numeric, habits, seen)
    dates = {c.name: times.own_dates(counts[c.name]) for c in cells if is_text(c) and c.kind in ("time", "date")}
    sure_dates = {name: d for name, d in dates.items() if d}
    lent = Lent(decimals_differ=len(set(sure_decimals.values())) > 1)
    if len(set(sure_decimals.values())) == 1:
        name, decimal = next(iter(sure_decimals.items()))
        lent = replace(lent, decimal=decimal, decimal_from=name)
    if len(set(sure_dates.values())) == 1:
        name, order = next(iter(sure_dates.items()))
        lent = replace(lent, dates=order, dates_from=name)
    return lent


def _decimals(cells: Sequence[Cell], habits: Habits, counts: Counts) -> dict[str, str]:
    """The columns whose own cells tell what stands before the fraction, and what."""
    texts = [cell for cell in cells if cell.kind in ("number", "whole") and is_text(cell)]
    found = {cell.name: numbers.own_decimal(habits, counts[cell.name]) for cell in texts}
    return {name: decimal for name, decimal in found.items() if decimal}


def _plan(cell: Cell, habits: Habits, counts: Mapping[str, int], lent: Lent, place: str) -> Plan:
    family = _FAMILIES[cell.kind]
    if is_text(cell):
        plan: Plan = family.plan(cell, habits, counts, lent, place)
        return plan
    if cell.kind in ("time", "date"):
        return times.typed(cell, habits, counts)
    typed: Plan = family.typed(cell)
    return typed


def _repairs(
    connection: Any, relation: str, cells: Sequence[Cell], plans: Mapping[str, Plan], habits: Habits
) -> dict[str, list[Repair]]:
    """What each repair changes: how many cells, and the first of them in the order of files and rows."""
    wanted = [(cell, name, condition) for cell in cells for name, condition in plans[cell.name].mendings]
    if not wanted:
        return {}
    tests = ", ".join(f"count_if({sql}), min({ROW}) FILTER ({sql})" for _, _, sql in wanted)
    rows = connection.execute(f"SELECT {FILE}, {tests} FROM {relation} GROUP BY {FILE} ORDER BY {FILE}").fetchall()
    repairs: dict[str, list[Repair]] = {}
    for i, (cell, name, condition) in enumerate(wanted):
        number = sum(row[1 + 2 * i] or 0 for row in rows)
        if not number:
            continue
        file, at = next((row[0], row[2 + 2 * i]) for row in rows if row[1 + 2 * i])
        before: Any = HIDDEN
        after: Any = HIDDEN
        if not cell.private:
            before, after = _example(connection, relation, cell, plans[cell.name], habits, (file, at, condition))
        repairs.setdefault(cell.name, []).append(
            Repair(name, cell.called, int(number), str(file), int(at), before, after)
        )
    return repairs


def _example(
    connection: Any, relation: str, cell: Cell, plan: Plan, habits: Habits, where: tuple[str, int, str]
) -> tuple[str, str]:
    """A cell as it stands in the export and as it is read; moments on the client's clock."""
    value = f"({plan.value}) AT TIME ZONE {literal(habits.timezone)}" if cell.kind == "time" else f"({plan.value})"
    file, row, condition = where
    before, after = connection.execute(
        f"SELECT CAST({cell.raw} AS VARCHAR), coalesce(CAST({value} AS VARCHAR), '') FROM {relation} "
        f"WHERE {ROW} = ? AND {FILE} = ? AND {condition} ORDER BY 1 LIMIT 1",
        [row, file],
    ).fetchone()
    return before, after
