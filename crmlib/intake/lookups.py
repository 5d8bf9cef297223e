"""Columns of a source that stand in another file: looked up by keys that must be unique there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crmlib.intake.shape import as_text
from crmlib.intake.source import ROW, Source, identifier
from crmlib.layout import Join
from crmlib.problems import Problem, nearest


def with_lookup(
    connection: Any,
    source: Source,
    join: Join,
    opened: Callable[[Join], tuple[list[Source], list[Problem]]],
    *,
    name: str,
) -> tuple[Source, list[Problem]]:
    """A source with the columns that a join takes from another file.

    Rows without a match have empty cells there, and so have rows whose key stands for several different rows: which
    of them is meant cannot be told, and a note says how many such keys there are. Keys are compared as text without
    blanks around them.
    """
    others, problems = opened(join)
    if problems or not others:
        return source, problems
    pairs = [(source.heading(here), there) for here, there in join.on.items()]
    if not all(here for here, _ in pairs):
        missing = [here for here in join.on if source.heading(here) is None]
        remedy = nearest(missing[0], list(source.types))
        return source, [Problem(source.file, "headings", f"no column {missing[0]!r} to look up by", "it", remedy)]
    selects = []
    for other in others:
        wanted = [*(there for _, there in pairs), *join.take]
        found = {there: other.heading(there) for there in wanted}
        lacking = [there for there, heading in found.items() if heading is None]
        if lacking:
            remedy = nearest(lacking[0], list(other.types))
            problem = Problem(other.file, "headings", f"no column {lacking[0]!r}, which joins name", "it", remedy)
            return source, [problem]
        texts = [_text(other, found[there] or "") for there in wanted]
        cells = ", ".join(f"{text} AS t{n}" for n, text in enumerate(texts))
        selects.append(f"SELECT {cells} FROM ({other.sql})")
    keys = ", ".join(f"t{n}" for n in range(len(pairs)))
    filled = " AND ".join(f"t{n} IS NOT NULL" for n in range(len(pairs)))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS SELECT DISTINCT * FROM ({' UNION ALL '.join(selects)}) "
        f"WHERE {filled}"
    )
    twice = connection.execute(
        f"SELECT count(*) FROM (SELECT {keys} FROM {identifier(name)} GROUP BY ALL HAVING count(*) > 1)"
    ).fetchone()[0]
    notes = source.notes
    if twice:
        connection.execute(
            f"DELETE FROM {identifier(name)} WHERE ({keys}) IN "
            f"(SELECT ({keys}) FROM {identifier(name)} GROUP BY ALL HAVING count(*) > 1)"
        )
        looked_up = " and ".join(join.on.values())
        notes += (f"{twice} values of {looked_up} in {others[0].file} stand for several rows and are not looked up.",)
    conditions = " AND ".join(f"{_text(source, here or '', 's.')} = l.t{n}" for n, (here, _) in enumerate(pairs))
    first = len(source.names) + 1
    taken = {here: f"c{first + n}" for n, here in enumerate(join.take.values())}
    cells = ", ".join(f"l.t{len(pairs) + n} AS {cell}" for n, cell in enumerate(taken.values()))
    sql = f"SELECT s.*, {cells} FROM ({source.sql}) AS s LEFT JOIN {identifier(name)} AS l ON {conditions}"
    return (
        replace(
            source,
            sql=f"SELECT * FROM ({sql}) ORDER BY {ROW}",
            types=source.types | dict.fromkeys(taken, "VARCHAR"),
            names=source.names | taken,
            notes=notes,
            looked_up=(*source.looked_up, *taken),
        ),
        [],
    )


def _text(source: Source, heading: str, prefix: str = "") -> str:
    return f"nullif(trim({as_text(prefix + source.names[heading], source.types[heading])}), '')"
