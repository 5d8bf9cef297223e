"""Columns of a source that stand in another file: looked up by keys that must be unique there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from crmlib.engine import identifier, literal
from crmlib.intake.repairs.blanks import SHOP_MARKS, trimmed
from crmlib.intake.repairs.cells import cases, let, matches
from crmlib.intake.repairs.characters import seen_key
from crmlib.intake.shape import as_text, one_width_sql
from crmlib.intake.source import ROW, Source, plain_heading
from crmlib.mapping import Join
from crmlib.problems import Problem, nearest
from crmlib.words import Words

words = Words(__file__)


def with_lookup(
    connection: Any,
    source: Source,
    join: Join,
    opened: Callable[[Join], tuple[list[Source], list[Problem]]],
    *,
    name: str,
    calling_code: str = "86",
) -> tuple[Source, list[Problem]]:
    """A source with the columns that a join takes from another file.

    Rows without a match have empty cells there, and so have rows whose key stands for several different rows: which
    of them is meant cannot be told. Notes say how many rows found no match and how many such keys there are; where most
    found none, it is asked. Keys are compared as :func:`comparable` writes them, with the ``calling_code`` of the
    client's country; where fewer than half agree so, by their digits alone (5 and K-00005), if that makes no two keys
    one and most then agree. So it is for each of several keys.
    """
    others, problems = opened(join)
    if problems:
        return _with_empty(source, join), problems
    if not others:
        said = words.later("notes.not_joined", path=join.source, names=[*join.on.values(), *join.take])
        return replace(source, notes=(*source.notes, said)), []
    problems = [*_unknown_here(source, others, join), *_unknown_there(others, join)]
    if problems:
        return _with_empty(source, join), problems
    pairs = [(source.heading(here), there) for here, there in join.on.items()]
    numbers = [_tells_phones(here) or _tells_phones(there) for here, there in join.on.items()]
    selects = []
    for other in others:
        wanted = [*(there for _, there in pairs), *join.take]
        found = {there: other.heading(there) for there in wanted}
        texts = [
            _key(other, found[there] or "", calling_code if n else None)
            for (_, there), n in zip(pairs, numbers, strict=True)
        ]
        texts += [_text(other, found[there] or "") for there in join.take]
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
        notes += (words.later("notes.keys_twice", n=twice, names=list(join.on.values()), file=others[0].file),)
    wished = [
        f"{_key(source, here or '', calling_code if numbers[n] else None)} AS k{n}" for n, (here, _) in enumerate(pairs)
    ]
    keyed = f"SELECT *, {', '.join(wished)} FROM ({source.sql})"
    conditions = " AND ".join(f"s.k{n} = l.t{n}" for n in range(len(pairs)))
    matched = _matched(connection, keyed, conditions, name, join)
    plainer = [n for n in range(len(pairs)) if matched.few and not numbers[n]]
    by_digits = [n for n in plainer if _agree_by_digits(connection, keyed, name, n)]
    if by_digits:
        for n in by_digits:
            connection.execute(f"UPDATE {identifier(name)} SET t{n} = {DIGITS.format(f't{n}')}")
        digits = ", ".join(f"{DIGITS.format(f'k{n}')} AS k{n}" for n in by_digits)
        keyed = f"SELECT * REPLACE ({digits}) FROM ({keyed})"
        by_them = {"names": [list(join.on)[n] for n in by_digits], "files": [other.file for other in others]}
        notes += (words.later("notes.by_digits", **by_them),)
        matched = _matched(connection, keyed, conditions, name, join)
    counted: dict[str, Any] = {"n": matched.without, "all": matched.rows, "blank": matched.blank}
    counted |= {"files": [other.file for other in others], "names": list(join.on)}
    notes += (words.later("notes.matched_blank" if matched.blank else "notes.matched", **counted),)
    asked = (words.later("questions.few_matched", file=source.file, **counted),) if matched.few else ()
    first = len(source.names) + 1
    taken = {here: f"c{first + n}" for n, here in enumerate(join.take.values())}
    cells = ", ".join(f"l.t{len(pairs) + n} AS {cell}" for n, cell in enumerate(taken.values()))
    own = f"s.* EXCLUDE ({', '.join(f'k{n}' for n in range(len(pairs)))})"
    sql = f"SELECT {own}, {cells} FROM ({keyed}) AS s LEFT JOIN {identifier(name)} AS l ON {conditions}"
    return (
        replace(
            source,
            sql=f"SELECT * FROM ({sql}) ORDER BY {ROW}",
            types=source.types | dict.fromkeys(taken, "VARCHAR"),
            names=source.names | taken,
            notes=notes,
            asked=(*source.asked, *asked),
            looked_up=(*source.looked_up, *taken),
        ),
        [],
    )


def _with_empty(source: Source, join: Join) -> Source:
    """The source with empty columns where a join cannot be made, so that each is reported once, at the join."""
    first = len(source.names) + 1
    lacking = [heading for heading in dict.fromkeys([*join.take.values(), *join.take]) if not source.heading(heading)]
    taken = {heading: f"c{first + n}" for n, heading in enumerate(lacking)}
    cells = ", ".join(["*", *(f"CAST(NULL AS VARCHAR) AS {cell}" for cell in taken.values())])
    return replace(
        source,
        sql=f"SELECT {cells} FROM ({source.sql})",
        types=source.types | dict.fromkeys(taken, "VARCHAR"),
        names=source.names | taken,
    )


def _unknown_here(source: Source, others: list[Source], join: Join) -> Iterator[Problem]:
    """The headings of ``on`` that this file lacks, and whether they are the wrong way round."""
    for here, there in join.on.items():
        if source.heading(here) is None:
            turned = source.heading(there) and all(other.heading(here) for other in others)
            said = {"heading": here, "there": there, "nearest": nearest(here, list(source.types))}
            yield Problem.said(words, "join_turned" if turned else "join_here", source.file, **said)


def _unknown_there(others: list[Source], join: Join) -> Iterator[Problem]:
    """The headings of ``on`` and ``take`` that the other files lack, and whether ``take`` is the wrong way round."""
    for other in others:
        for there in [*join.on.values(), *join.take]:
            if other.heading(there) is None:
                here = join.take.get(there, "")
                turned = there in join.take and other.heading(here)
                said = {"heading": there, "here": here, "nearest": nearest(there, list(other.types))}
                yield Problem.said(words, "take_turned" if turned else "join_there", other.file, **said)


@dataclass(frozen=True)
class _Matched:
    """How many rows there are, how many of them found no match, and how many of those have nothing to look up by."""

    rows: int
    without: int
    blank: int

    @property
    def few(self) -> bool:
        """Whether of the rows with something to look up by fewer than half found a match."""
        return 2 * (self.rows - self.without) < self.rows - self.blank


DIGITS = "nullif(regexp_replace(regexp_replace({0}, '[^0-9]', '', 'g'), '^0+([0-9])', '\\1'), '')"
"""SQL of a key without its letters and the zeros before it."""


def _agree_by_digits(connection: Any, keyed: str, name: str, n: int) -> bool:
    """Whether most values of a key of a join agree by their digits alone, while fewer than half do as they are written.

    No two values of one side may become the same so.
    """
    digits, there = DIGITS.format("k"), f"SELECT DISTINCT t{n} AS k FROM {identifier(name)}"
    keys, different, plainly, agree, others, different_there = connection.execute(
        f"""WITH here AS (SELECT k, {digits} AS d FROM (SELECT DISTINCT k{n} AS k FROM ({keyed}) WHERE k IS NOT NULL)),
            there AS (SELECT k, {digits} AS d FROM ({there}))
        SELECT (SELECT count(*) FROM here), (SELECT count(DISTINCT d) FROM here),
            (SELECT count(*) FROM here WHERE k IN (SELECT k FROM there)),
            (SELECT count(*) FROM here WHERE d IN (SELECT d FROM there)),
            (SELECT count(d) FROM there), (SELECT count(DISTINCT d) FROM there)"""
    ).fetchone()
    return 2 * plainly < keys <= 2 * agree and keys == different and others == different_there


def _matched(connection: Any, keyed: str, conditions: str, name: str, join: Join) -> _Matched:
    """How many rows found no match, and how many of them have nothing to look up by."""
    keys = [f"s.k{n}" for n in range(len(join.on))]
    empty = " OR ".join(f"{key} IS NULL" for key in keys)
    rows, without, blank = connection.execute(
        f"SELECT count(*), count(*) FILTER (l.t0 IS NULL), count(*) FILTER ({empty}) "
        f"FROM ({keyed}) AS s LEFT JOIN {identifier(name)} AS l ON {conditions}"
    ).fetchone()
    return _Matched(rows, without, blank)


_PHONE_HEADING = "phone|mobile|cellular|handy|telefon|tel[eé]fono|telefone|手机|电话|联系方式"
_EMAIL = "^[^@ ]+@[^@ ]+[.][^@ .]+$"
_FLOAT = "^([+]?[0-9]+)[.]0+$"
_DESTROYED = "^[0-9]([.][0-9]+)?[eE][+][0-9]{2,}$"
_NUMBER = "^[(]?[+(]?[0-9][-0-9 ()./]{6,}$"
_MOBILE = "^(?:(?:[+]|00)?86|0)?(1[3-9][0-9]{9})$"
_ABROAD = "^(?:[+]|00)0*([1-9][0-9]{6,})$"


def comparable(text: str, *, calling_code: str | None = None) -> str:
    """SQL of a key as it is compared, whichever system wrote it; NULL where nothing is left of it.

    Without blanks, invisible characters and Excel's marks of text, in one width; identifiers stored as fractions
    without ``.0``; e-mail addresses in small letters; mobile numbers of China without +86, and numbers with another
    country's code, as digits. Where a heading tells that they are telephone numbers, ``calling_code`` says whose, and
    every number is written as digits, those of this country without its code. What Excel
    has destroyed (1.38E+10) is no key.

    >>> import duckdb
    >>> keys = "['+86 138-1234-5678', '13812345678.0', 'Anna@X.example ', '007.0', 'A-7', '1.38E+10']"
    >>> found = duckdb.sql(f"SELECT {comparable('k')} FROM (SELECT unnest({keys}) AS k)").fetchall()
    >>> [key for key, in found]
    ['13812345678', '13812345678', 'anna@x.example', '007', 'A-7', None]
    """
    digits = "regexp_replace(k, '[(]0[)]|[^0-9+]', '', 'g')"
    number = [(matches("d", _MOBILE), f"regexp_extract(d, {literal(_MOBILE)}, 1)")]
    phones = calling_code is not None
    if calling_code:
        own = f"^(?:[+]|00){calling_code}"
        number.append((matches("d", own), f"ltrim(regexp_replace(d, {literal(own)}, ''), '0')"))
        # A spreadsheet takes the plus for a sign and drops it.
        number.append((matches("d", f"^{calling_code}[1-9][0-9]{{8,}}$"), f"substr(d, {len(calling_code) + 1})"))
    number.append((matches("d", _ABROAD), f"'+' || regexp_extract(d, {literal(_ABROAD)}, 1)"))
    number.append(("true", "ltrim(d, '0')" if phones else "k"))
    written = [
        (matches("k", _DESTROYED), "NULL"),
        (matches("k", _EMAIL), "lower(k)"),
        (matches("k", _NUMBER), let("d", digits, cases(number))),
        ("true", "k"),
    ]
    bare = f"regexp_replace(t, {literal(SHOP_MARKS)}, {literal(chr(92) + '1' + chr(92) + '2')})"
    bare = f"regexp_replace(trim({bare}), {literal(_FLOAT)}, {literal(chr(92) + '1')})"
    # A plain key of letters and digits that is no long number stays as it is: most are, and this is cheap.
    usual = matches("t", "^([A-Za-z][-A-Za-z0-9_]*|[0-9]{1,9})$")
    return let(
        "t",
        one_width_sql(trimmed(seen_key(text))),
        f"CASE WHEN {usual} THEN t ELSE nullif({let('k', bare, cases(written))}, '') END",
    )


def _tells_phones(heading: str) -> bool:
    return re.search(_PHONE_HEADING, plain_heading(heading)) is not None


def _key(source: Source, heading: str, calling_code: str | None) -> str:
    return comparable(as_text(source.names[heading], source.types[heading]), calling_code=calling_code)


def _text(source: Source, heading: str, prefix: str = "") -> str:
    return f"nullif(trim({as_text(prefix + source.names[heading], source.types[heading])}), '')"
