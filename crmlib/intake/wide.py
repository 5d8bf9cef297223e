"""Columns that stand side by side for what should be rows: a column for each campaign, each month, each question."""

from __future__ import annotations

from dataclasses import replace

from crmlib.engine import literal
from crmlib.intake.shape import as_text, shown_headings
from crmlib.intake.source import Source
from crmlib.mapping import ColumnsToRows
from crmlib.problems import Problem, nearest
from crmlib.words import Words

words = Words(__file__)


def columns_to_rows(source: Source, rule: ColumnsToRows, place: str) -> tuple[Source, list[Problem]]:
    """A source in which each row has become one for each of some columns, with two headings more.

    Under ``rule.name`` stands the column's heading, under ``rule.value`` what the row holds there, as text; both are
    texts also where the file has types. The columns themselves stay. A row keeps the number that it has in the file.

    >>> wide = Source("a.csv", "SELECT 'x' AS c1, '1' AS c2, '0' AS c3, 2 AS _row",
    ...               dict.fromkeys(["id", "Mail", "Call"], "VARCHAR"), {"id": "c1", "Mail": "c2", "Call": "c3"})
    >>> rule = ColumnsToRows(headings=["Mail", "Call"], name="Campaign", value="Bought")
    >>> long, problems = columns_to_rows(wide, rule, "")
    >>> import duckdb
    >>> duckdb.sql(f"SELECT c1, {long.names['Campaign']}, {long.names['Bought']} FROM ({long.sql})").fetchall()
    [('x', 'Mail', '1'), ('x', 'Call', '0')]
    """
    known = shown_headings(source)
    problems = []
    turned: dict[str, None] = {}
    for wish in rule.headings:
        found = source.headings_like(wish)
        turned |= dict.fromkeys(found)
        if not found or (len(found) > 1 and "*" not in wish):
            key = "ambiguous" if found else "rule_column"
            said = {"wish": wish, "names": list(map(repr, found)), "rule": "columns_to_rows", "heading": wish}
            problems.append(Problem.said(words, key, source.file, place=place, nearest=nearest(wish, known), **said))
    for name in (rule.name, rule.value):
        if source.heading(name) or rule.name == rule.value:
            problems.append(Problem.said(words, "turned_name", source.file, heading=name, place=place))
    if problems:
        return source, problems
    first = len(source.names) + 1
    made = {rule.name: f"c{first}", rule.value: f"c{first + 1}"}
    texts = ", ".join(as_text(source.names[heading], source.types[heading]) for heading in turned)
    sql = (
        f"SELECT *, unnest([{', '.join(map(literal, turned))}]) AS {made[rule.name]}, "
        f"unnest([{texts}]) AS {made[rule.value]} FROM ({source.sql})"
    )
    note = words.later("notes.turned", n=len(turned), names=list(turned))
    return replace(
        source,
        sql=sql,
        types=source.types | dict.fromkeys(made, "VARCHAR"),
        names=source.names | made,
        notes=(*source.notes, note),
        looked_up=(*source.looked_up, *made),
        exported=source.exported or source.sql,
        part=made[rule.name],
    ), []
