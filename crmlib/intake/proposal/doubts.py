"""What only a person can decide about a file's rows: amounts in cents, test customers, credit notes, no known table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crmlib.contract import TABLES
from crmlib.intake.proposal.content import Looks, words
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.fitting import Fit
from crmlib.intake.proposal.headings import called_like, likeness, plain
from crmlib.intake.proposal.rows import text
from crmlib.intake.proposal.suggestion import Line, Suggested
from crmlib.intake.questions import CENTS_FROM, ENDING_SHARE, FEWEST_AMOUNTS, PRICE_ENDINGS
from crmlib.intake.repairs.flags import STRICT_TRUE
from crmlib.intake.source import literal

_CALLED = 1.5
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
            reason = "to decide: instead of the line above, if these are cents"
            lines.append(Line(line.key, {"first": [line.value], "times": 0.01}, reason, off=True))
        if asked:
            one.columns = lines
            are = "is" if len(asked) == 1 else "are"
            shown = " and ".join(map(repr, asked))
            decisions.append(
                f"{one.table} from {export.shown}: {are} {shown} in cents? The values are whole "
                f"numbers{'' if any(map(says_cents, asked)) else ' that mostly end like prices in cents'}. Then "
                "`times: 0.01`: take the # away there, and the line above it out."
            )


def says_cents(heading: str) -> bool:
    """Whether a heading says that its numbers are hundredths.

    >>> says_cents("price_cents"), says_cents("Amount"), says_cents("percent")
    (True, False, False)
    """
    said = plain(heading).split()
    return any(word in said for word in words()["cents"])


def _whole(looks: Looks) -> bool:
    return bool(looks.filled) and looks.share("wholes") >= 1


def _like_cents(connection: Any, export: Export, looks: Looks) -> bool:
    if not _whole(looks) or looks.filled < FEWEST_AMOUNTS:
        return False
    number = f"abs(try_cast({text(export.source, looks.heading)} AS DOUBLE))"
    endings = ", ".join(map(str, PRICE_ENDINGS))
    count, ending, middle = connection.execute(
        f"SELECT count(*), count_if(CAST(n AS HUGEINT) % 100 IN ({endings})), median(n) "
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
            hits = [p for p in words()[kind] if _count(connection, export, {heading: [p]}, marked)]
            if hits:
                found[heading] = hits
        rows = _count(connection, export, found, marked) if found else 0
        if rows:
            settled = {
                key: value for line in one.settings if line.key == "leave_out" for key, value in line.value.items()
            }
            reason = f"to decide: {rows:,} row{'s look' if rows > 1 else ' looks'} like tests"
            one.settings.append(Line("leave_out", {**settled, **found}, reason, off=True))
            decisions.append(
                f"customers from {export.shown}: {rows:,} row{'s are' if rows > 1 else ' is'} called like tests "
                f"({' and '.join(map(repr, found))}). Look at them; if they are, take the # away before leave_out."
            )


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
    told = f"; {kind[0]!r} tells them apart ({kind[1]})" if kind else ""
    rule = f"{{{kind[0]}: [{kind[1]}]}}" if kind else "a column that tells them"
    decisions.append(
        f"orders from {export.shown}: {below:,} of {looks.filled:,} rows have a negative {amount}{told}. If they are "
        f"credit notes, they are no purchases: leave them out (leave_out: {rule}), or let them take back their order: "
        "add cancellations: with where and match, or refunded_amount looked up with joins."
    )


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


def nearest_table(export: Export, fits: Mapping[str, Fit]) -> str:
    """Which table a file that is none comes nearest to, and what is missing for it, in a sentence.

    Empty where nothing of any table is there.
    """
    ranked = sorted(
        (f for f in fits.values() if f.matches), key=lambda f: -f.points - _CALLED * called_like(export.name, f.table)
    )
    if not ranked:
        return ""
    found = ranked[0]
    table = TABLES[found.table]
    there = [f"{name} ({_shown(found, name)})" for name in table.required if name in found.matches]
    missing = [f"{name} ({table.about(name)})" for name in table.required if name not in found.matches]
    has = f"{', '.join(there)} {'are' if len(there) > 1 else 'is'} there" if there else "no required column is there"
    lacks = f"missing {'are' if len(missing) > 1 else 'is'} {', '.join(missing)}" if missing else (
        "but too little else speaks for it"
    )  # fmt: skip
    return f"It comes nearest to {found.table}: {has}; {lacks}."


def _shown(found: Fit, column: str) -> str:
    return " or ".join(map(repr, found.matches[column].headings)) or "the same for all rows"
