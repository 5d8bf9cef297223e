"""A loaded table as a Source: names of its columns, of those without a heading too, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from crmlib.engine import identifier, literal
from crmlib.intake.readers.headings import Headings, example
from crmlib.intake.source import Source
from crmlib.words import Saying, Words

words = Words(__file__)
_FEWEST_AMONG = 2
_LOOKED_AT = 1000


def make_room(connection: Any, table: str) -> None:
    """Drop the temporary table or view that has this name, if there is one."""
    known = "SELECT table_type FROM information_schema.tables WHERE table_name = ?"
    for (kind,) in connection.execute(known, [table]).fetchall():
        connection.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} IF EXISTS {identifier(table)}")


def finished(
    connection: Any,
    table: str,
    *,
    shown_as: str,
    headings: Headings,
    notes: Sequence[Saying] = (),
    broken: Sequence[tuple[int, Saying]] = (),
    not_data: Sequence[tuple[int, Saying]] = (),
    types: Sequence[str] = (),
) -> Source:
    """The Source of a table with the columns ``c1`` … and ``_row``.

    A column without heading is passed over if it is empty; otherwise it is known as ``column 3`` and a note says so.
    """
    names = _named(connection, table, headings)
    kinds = types or ["VARCHAR"] * len(names)
    given = [f"column {n}" for n, name in enumerate(headings.names, 1) if not name and names[n - 1]]
    said = [*notes, words.later("notes.headings", row=headings.row) if headings.row else words.later("notes.given")]
    if given:
        said.append(words.later("notes.unnamed", names=given))
    count = connection.execute(f"SELECT count(*) FROM {identifier(table)}").fetchone()[0]
    if not count and not broken:
        said.append(words.later("notes.no_rows"))
    return Source(
        shown_as,
        f"SELECT * FROM {identifier(table)}",
        {name: kind for name, kind in zip(names, kinds, strict=True) if name},
        {name: f"c{n}" for n, name in enumerate(names, 1) if name},
        broken=tuple(sorted(broken, key=itemgetter(0))),
        not_data=tuple(sorted((*headings.not_data, *not_data), key=itemgetter(0))),
        twice=headings.twice,
        headings_at=headings.last,
        apart=headings.apart if headings.twice else (),
        notes=tuple(said),
        numbered=not headings.row,
        asked=headings.asked or _headings_among_values(connection, table, shown_as, headings),
    )


def _named(connection: Any, table: str, headings: Headings) -> list[str]:
    names = list(headings.names)
    empty = [n for n, name in enumerate(names, 1) if not name]
    if empty:
        counts = ", ".join(f"count(nullif(trim(CAST(c{n} AS VARCHAR)), ''))" for n in empty)
        found = connection.execute(f"SELECT {counts} FROM {identifier(table)}").fetchone()
        for n, count in zip(empty, found, strict=True):
            if count and f"column {n}" not in names:
                names[n - 1] = f"column {n}"
    return names


def _headings_among_values(connection: Any, table: str, shown_as: str, headings: Headings) -> tuple[Saying, ...]:
    """A question where two headings or more stand among the values below them: the first row may be a row of data."""
    named = [(n, name) for n, name in enumerate(headings.names, 1) if name]
    if not headings.row or len(named) < _FEWEST_AMONG:
        return ()
    tests = ", ".join(f"bool_or(trim(CAST(c{n} AS VARCHAR)) = {literal(name)})" for n, name in named)
    first = f"SELECT * FROM {identifier(table)} LIMIT {_LOOKED_AT}"
    found = connection.execute(f"SELECT {tests} FROM ({first})").fetchone()
    among = [name for (_, name), there in zip(named, found, strict=True) if there]
    if len(among) < _FEWEST_AMONG:
        return ()
    said = {"file": shown_as, "row": headings.row, "n": len(among), "example": example(len(headings.names))}
    return (words.later("questions.headings_among", **said),)
