"""Keys that files share: a column that is unique in one file and whose values recur in another file's column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crmlib.contract import TABLES
from crmlib.intake.lookups import comparable
from crmlib.intake.proposal.content import Looks
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.fitting import Fit, Match, fit
from crmlib.intake.proposal.headings import called_like
from crmlib.intake.proposal.rows import text
from crmlib.intake.proposal.suggestion import Line, Suggested
from crmlib.intake.source import Source
from crmlib.words import Words

_say = Words(__file__).say

RECURS = 0.5
"""Which share of the other file's values must be among those of the unique column."""
_NEARLY_UNIQUE = 0.95
_FILLED = 0.9
_FEWEST = 10
_SHORTEST = 4
_MOST_KEYS = 100_000
_MOST_COLUMNS = 12
_BY_KEYS = 75.0
_NAMED = 82.0
_WHO = ("email", "phone", "birthday", "gender", "consent_email", "consent_sms", "consent_phone", "first_seen_at")


@dataclass
class _File:
    export: Export
    fits: dict[str, Fit]
    values: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def people(self) -> bool:
        """Whether the file tells about people or companies one by one."""
        return called_like(self.export.name, "customers") or self.fits["customers"].has("name", "email") or (
            sum(name in self.fits["customers"].matches for name in _WHO) > 1
        )  # fmt: skip

    @property
    def orders(self) -> bool:
        return self.fits["orders"].has("ordered_at", "amount")

    @property
    def lines(self) -> bool:
        found = self.fits["order_lines"]
        return found.has("quantity") and (found.has("product_id") or found.has("product_name"))

    def keys(self, connection: Any, heading: str) -> frozenset[str]:
        if heading not in self.values:
            self.values[heading] = _keys(connection, self.export.source, heading)
        return self.values[heading]


def keys_across(connection: Any, exports: Sequence[Export]) -> dict[int, dict[tuple[str, str], Match]]:
    """Per export (its place in the list) what its key columns are by the values that the files share.

    A column that is unique in a file of customers and recurs in a file of orders is the customer's number, whatever it
    is called; one that is unique in a file of orders and recurs in a file of their lines is the order's. Keyed by table
    and column; at least half of the different values of the recurring column are among those of the unique one.
    """
    files = [_File(export, {name: fit(TABLES[name], export.looks) for name in _TABLES}) for export in exports]
    found: dict[int, dict[tuple[str, str], Match]] = {}
    for n, one in enumerate(files):
        for m, other in enumerate(files):
            key = _meant(one, other) if n != m else ""
            if not key or not (_open(one, key) or _open(other, key)):
                continue
            best = _best_pair(connection, one, other, key)
            if best:
                here, there, share = best
                _note(found.setdefault(n, {}), one, key, here, _unique_reason(share, there, other))
                _note(found.setdefault(m, {}), other, key, there, _among_reason(share, here, one))
    return found


_TABLES = ("customers", "orders", "order_lines")
_OF_KEY = {"customer_id": ("customers", "orders"), "order_id": ("orders", "order_lines")}


def with_keys(found: Fit, keys: Mapping[tuple[str, str], Match]) -> Fit:
    """A fit with the keys that were found by their values, where no heading tells them."""
    made = dict(found.matches)
    for (table, column), match in keys.items():
        if table != found.table or not _weak(found, column):
            continue
        for name in [name for name, other in made.items() if match.filling in other.headings and not other.rivals]:
            del made[name]
        made[column] = match
    return Fit(found.table, made)


def _meant(one: _File, other: _File) -> str:
    """Which key the unique column of a file is, beside the other file; empty where neither."""
    if one.orders and other.lines and not other.fits["orders"].has("ordered_at"):
        return "order_id"
    if one.people and not one.lines and other.orders:
        return "customer_id"
    return ""


def _weak(found: Fit, column: str) -> bool:
    """Whether no heading says clearly what fills a key."""
    match = found.matches.get(column)
    return match is None or not match.decided or match.score < _NAMED


def _open(one: _File, key: str) -> bool:
    return any(_weak(one.fits[table], key) for table in _OF_KEY[key] if one.fits[table].matches)


def _best_pair(connection: Any, one: _File, other: _File, key: str) -> tuple[str, str, float] | None:
    """The unique column here and the column there whose values recur the most, if at least half of them do."""
    known = [one.fits[t].heading(key) for t in _OF_KEY[key] if not _weak(one.fits[t], key)]
    unique = [h for h in known if h] or [
        h for h, looks in one.export.looks.items() if _may_be_key(looks) and looks.unique >= _NEARLY_UNIQUE
        and looks.filled >= _FILLED * looks.rows
    ]  # fmt: skip
    recurring = [h for h, looks in other.export.looks.items() if _may_be_key(looks) and not _product(other, h)]
    pairs = []
    for here in unique[:_MOST_COLUMNS]:
        for there in recurring[:_MOST_COLUMNS]:
            if not _alike(one.export.looks[here], other.export.looks[there]):
                continue
            values = other.keys(connection, there)
            share = len(values & one.keys(connection, here)) / len(values) if values else 0.0
            if share >= RECURS:
                pairs.append((share, len(values), here, there))
    if not pairs:
        return None
    share, _, here, there = max(pairs)
    return here, there, share


def _may_be_key(looks: Looks) -> bool:
    """Whether the values could be numbers that tell records apart: many, not dates, money, people or sentences."""
    return (
        looks.distinct >= _FEWEST
        and looks.longest >= _SHORTEST
        and not looks.person
        and not looks.masked
        and looks.share("with_digit") > 0.9
        and looks.share("dates", "sentences", "with_currency") < 0.1
        and (looks.share("fractions") < 0.1 or looks.share("wholes") > 0.9)
        and not looks.type.startswith(("DATE", "TIMESTAMP", "BOOL"))
    )


def _product(other: _File, heading: str) -> bool:
    match = other.fits["order_lines"].matches.get("product_id")
    return bool(match and heading in match.headings and match.score >= _NAMED)


def _alike(here: Looks, there: Looks) -> bool:
    return abs(here.longest - there.longest) <= 3 and abs(here.share("wholes") - there.share("wholes")) < 0.5


def _keys(connection: Any, source: Source, heading: str) -> frozenset[str]:
    """The different values as a join would compare them, without leading zeros, which one system may have dropped."""
    plain = f"ltrim(lower({comparable(text(source, heading))}), '0')"
    found = connection.execute(
        f"SELECT DISTINCT {plain} AS k FROM ({source.sql}) WHERE {plain} <> '' LIMIT {_MOST_KEYS}"
    ).fetchall()
    return frozenset(key for (key,) in found)


def _note(noted: dict[tuple[str, str], Match], one: _File, key: str, heading: str, reason: str) -> None:
    tables = _TABLES if key == "customer_id" else _OF_KEY[key]
    for table in tables:
        if key in TABLES[table].names:
            noted.setdefault((table, key), Match(key, heading, _BY_KEYS, reason, check=True))


def _unique_reason(share: float, there: str, other: _File) -> str:
    return _say("reasons.unique", share=share, heading=there, file=other.export.shown)


def _among_reason(share: float, here: str, one: _File) -> str:
    return _say("reasons.among", share=share, heading=here, file=one.export.shown)


def ask_about_other_numbers(connection: Any, made: Sequence[Suggested], decisions: list[str]) -> None:
    """Propose joins, commented out, where a file's customer number is another column of the customers than their key.

    So it is where a payment system counts customers its own way and the customers' file holds both numbers.
    """
    people = next((one for one in made if one.table == "customers" and one.main and one.key and not one.off), None)
    if people is None:
        return
    for one in made:
        line = next((x for x in one.columns if x.key == "customer_id" and not x.off), None)
        if one.off or one.export is people.export or line is None or not isinstance(line.value, str):
            continue
        other = _other_number(connection, one, line.value, people) if line.value in one.export.looks else ""
        if not other:
            continue
        taken = f"{people.key}/{other}"
        place = one.columns.index(line) + 1
        one.columns.insert(place, Line("customer_id", taken, _say("notes.with_joins"), off=True))
        on = {line.value: other}
        join = {"from": people.export.paths[0], "on": on, "take": {people.key: taken}}
        one.settings.append(Line("joins", [join], _say("notes.see_customer"), off=True))
        values = {"file": one.export.shown, "heading": line.value, "other": other}
        decisions.append(
            _say("decide.other_number", values, table=one.table, people=people.export.shown, key=people.key)
        )


def _other_number(connection: Any, one: Suggested, heading: str, people: Suggested) -> str:
    """The column of the customers that holds a file's numbers where their key does not; empty where none does."""
    if not _may_be_key(one.export.looks[heading]):
        return ""
    values = _keys(connection, one.export.source, heading)
    if len(values & _keys(connection, people.export.source, people.key)) >= RECURS * len(values):
        return ""
    for other, looks in people.export.looks.items():
        if other == people.key or not _may_be_key(looks) or looks.unique < _NEARLY_UNIQUE:
            continue
        if len(values & _keys(connection, people.export.source, other)) >= RECURS * len(values):
            return other
    return ""
