"""What only a person can decide about a file's rows: amounts in cents, test customers, credit notes, no known table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from crmlib.contract import TABLES
from crmlib.engine import literal
from crmlib.intake.profiles import find_profile
from crmlib.intake.proposal.content import Looks, vocabulary
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.fitting import Fit
from crmlib.intake.proposal.headings import likeness, plain, quoted
from crmlib.intake.proposal.rows import text
from crmlib.intake.proposal.suggestion import Line, Suggested
from crmlib.intake.questions import CENTS_FROM, ENDING_SHARE, FEWEST_AMOUNTS, PRICE_ENDINGS
from crmlib.intake.repairs.flags import STRICT_TRUE
from crmlib.mapping import Filling
from crmlib.settings import flow
from crmlib.words import Words

_say = Words(__file__).say

_NEGATIVE = 0.95
_FEW_KINDS = 12
_LONGEST = 30


def ask_about_cents(connection: Any, export: Export, made: Iterable[Suggested], decisions: list[str]) -> None:
    """Write ``times: 0.01`` as a comment under each amount that may be in cents, and list the question.

    A heading may say so (``price_cents``); else all amounts of a file with a column of currencies are whole numbers
    and most end like prices in cents do (00, 95, 99).
    """
    money = any(line.key == "currency" for one in made for line in one.columns) or any(
        plain(heading).startswith("currency") for heading in export.headings
    )
    for one in made:
        asked: list[str] = []
        lines: list[Line] = []
        for line in one.columns:
            lines.append(line)
            if line.off or not isinstance(line.value, str) or TABLES[one.table][line.key].unit != "money":
                continue
            looks = export.looks.get(line.value)
            if looks is None or not (
                says_cents(line.value)
                or (money and _like_cents(connection, export, looks))
                or (asked and _whole(looks))
            ):
                continue
            asked.append(line.value)
            lines.append(Line(line.key, {"first": [line.value], "times": 0.01}, _say("notes.cents"), off=True))
        if asked:
            one.columns = lines
            key = "decide.called_cents" if any(map(says_cents, asked)) else "decide.end_like_cents"
            decisions.append(_say(key, table=one.table, file=export.shown, headings=quoted(asked)))


def says_cents(heading: str) -> bool:
    """Whether a heading says that its numbers are hundredths.

    >>> says_cents("price_cents"), says_cents("Amount"), says_cents("percent")
    (True, False, False)
    """
    said = plain(heading).split()
    return any(word in said for word in vocabulary()["cents"])


def _whole(looks: Looks) -> bool:
    return bool(looks.filled) and looks.share("wholes") >= 1


def _like_cents(connection: Any, export: Export, looks: Looks) -> bool:
    if not _whole(looks) or looks.filled < FEWEST_AMOUNTS:
        return False
    number = f"abs(try_cast({text(export.source, looks.heading)} AS DOUBLE))"
    endings = ", ".join(map(str, PRICE_ENDINGS))
    count, ending, middle = connection.execute(
        f"SELECT count(*), count_if(n % 100 IN ({endings})), median(n) "
        f"FROM (SELECT {number} AS n FROM ({export.source.sql})) WHERE n > 0"
    ).fetchone()
    return bool(count >= FEWEST_AMOUNTS and ending >= ENDING_SHARE * count and middle >= CENTS_FROM)


def ask_about_test_people(connection: Any, export: Export, made: Iterable[Suggested], decisions: list[str]) -> None:
    """Propose ``leave_out``, commented out, for customers whose name or address is called like a test; with the count.

    Rows that a column marks as tests already are not asked about. Only patterns are written, never a row's content.
    """
    for one in made:
        if one.table != "customers" or one.off or not one.main:
            continue
        found: dict[str, list[str]] = {}
        marked = next((l.value for l in one.columns if l.key == "is_test" and l.value in export.looks), "")
        for heading, kind in _names_and_addresses(one, export):
            hits = [p for p in vocabulary()[kind] if _count(connection, export, {heading: [p]}, marked)]
            if hits:
                found[heading] = hits
        rows = _count(connection, export, found, marked) if found else 0
        if rows:
            settled = {
                key: value for line in one.settings if line.key == "leave_out" for key, value in line.value.items()
            }
            one.settings.append(Line("leave_out", {**settled, **found}, _say("notes.tests", n=rows), off=True))
            decisions.append(_say("decide.tests", file=export.shown, n=rows, headings=quoted(found)))


def _names_and_addresses(one: Suggested, export: Export) -> list[tuple[str, str]]:
    kinds = {"name": "test_names", "email": "test_addresses"}
    return list(dict.fromkeys(
        (heading, kinds[line.key]) for line in one.columns if line.key in kinds and not line.off
        for heading in ([line.value] if isinstance(line.value, str) else line.value)
        if heading in export.looks
    ))  # fmt: skip


def _count(connection: Any, export: Export, patterns: Mapping[str, list[str]], marked: str) -> int:
    """How many rows one of the patterns fits; ``marked`` is the heading whose yes says that the row is a test."""
    tests = [
        f"lower({text(export.source, heading)}) GLOB {literal(_globbed(pattern))}"
        for heading, listed in patterns.items() for pattern in listed
    ]  # fmt: skip
    known = "true"
    if marked:
        yes = ", ".join(map(literal, STRICT_TRUE))
        known = f"lower({text(export.source, marked)}) NOT IN ({yes})"
    found = connection.execute(
        f"SELECT count_if(({' OR '.join(tests)}) AND {known}) FROM ({export.source.sql})"
    ).fetchone()
    return int(found[0])


def _globbed(pattern: str) -> str:
    """A pattern of the YAML for GLOB, in which brackets and question marks mean something too."""
    return "".join(f"[{sign}]" if sign in "[?" else sign for sign in pattern.lower())


def ask_about_negative_amounts(connection: Any, export: Export, found: Fit, decisions: list[str]) -> None:
    """List how many orders are below zero, what tells them from the others, and what can be done."""
    amount = found.heading("amount")
    looks = export.looks.get(amount)
    if found.table != "orders" or looks is None:
        return
    below = max(looks.negative, looks.counts["minuses"] if looks.share("numbers") > _NEGATIVE else 0)
    if not below:
        return
    kind = _kind_of_negative(connection, export, amount)
    values = {"file": export.shown, "n": below, "rows": looks.filled, "amount": amount}
    if kind:
        values |= {"heading": kind[0], "value": kind[1]}
    decisions.append(_say("decide.negative.told" if kind else "decide.negative.not_told", values))


def _kind_of_negative(connection: Any, export: Export, amount: str) -> tuple[str, str] | None:
    """A column of few values of which one stands in all negative rows and in no other, and that value."""
    negative = f"regexp_matches({text(export.source, amount)}, '^[^0-9]*[-−(]|[-−]$')"
    for heading, looks in export.looks.items():
        if heading == amount or not 1 < looks.distinct <= _FEW_KINDS or looks.longest > _LONGEST or _of_people(looks):
            continue
        cell = text(export.source, heading)
        values = connection.execute(
            f"SELECT {cell}, count_if({negative}), count(*) FROM ({export.source.sql}) "
            f"GROUP BY 1 HAVING count_if({negative}) > 0"
        ).fetchall()
        if len(values) == 1 and values[0][0] and values[0][1] == values[0][2]:
            return heading, str(values[0][0])
    return None


def _of_people(looks: Looks) -> bool:
    """Whether a column may tell who somebody is, by its values or its heading; such values are not shown."""
    columns = ("customer_id", "owner", "name", "email", "phone", "address")
    return looks.person or any(likeness(looks.heading, "customers", column).score for column in columns)


def ask_about_masked(export: Export, made: Iterable[Suggested], decisions: list[str]) -> None:
    """List the columns that would tell customers apart or could be called if their values were not masked."""
    private = ("customer_id", "email", "phone")
    masked = [
        heading for heading, looks in export.looks.items()
        if looks.masked and any(likeness(heading, "customers", column).score for column in private)
    ]  # fmt: skip
    if masked:
        known = any(line.key == "customer_id" and not line.off for one in made for line in one.columns)
        key = "decide.masked.known" if known else "decide.masked.guests"
        decisions.append(_say(key, file=export.shown, headings=quoted(masked)))


def ask_about_twice(made: Iterable[Suggested], decisions: list[str]) -> None:
    """Ask which column is meant where a heading stands more than once, with the settings that tell them apart."""
    asked: dict[str, tuple[Export, list[str]]] = {}
    for one in made:
        source = one.export.source
        lines = [line for line in one.columns if not line.off]
        part = find_profile(one.profile) if one.profile else None
        fillings = [Filling.model_validate(line.value) for line in lines]
        fillings += part.tables[one.table].columns.values() if part else []
        read = {source.heading(heading) for filling in fillings for heading in filling.headings}
        twice = [heading for heading in source.twice if heading in read]
        if one.off or not twice:
            continue
        asked.setdefault(source.file, (one.export, []))[1].extend(twice)
        one.columns = [
            replace(line, reason=_say("notes.twice")) if set(Filling.model_validate(line.value).headings) & set(twice)
            else line for line in one.columns
        ]  # fmt: skip
        one.settings += [Line(key, value, off=True) for key, value in source.told_apart().items()]
    for export, twice in asked.values():
        row, names = map(flow, export.source.told_apart().values())
        said = {"headings": quoted(dict.fromkeys(twice)), "header_row": row, "headings_apart": names}
        decisions.append(_say("decide.twice", file=export.shown, **said))


def nearest_table(found: Fit) -> str:
    """What is there of a table that a file comes nearest to, and what is missing, in a sentence."""
    table = TABLES[found.table]
    there = [_there(found, name) for name in table.required if name in found.matches]
    missing = [
        _say("nearest.missing", column=name, about=table.about(name))
        for name in table.required
        if name not in found.matches
    ]
    key = "none" if not there else "some" if missing else "all"
    return _say(f"nearest.{key}", table=found.table, there=there, missing=missing)


def _there(found: Fit, column: str) -> str:
    headings = found.matches[column].headings
    return _say("nearest.there" if headings else "nearest.constant", column=column, headings=quoted(headings))
