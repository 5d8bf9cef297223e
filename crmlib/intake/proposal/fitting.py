"""Which heading of a file fills which column of a contract table, with a score and the reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crmlib.contract import TABLES, Column, Table
from crmlib.intake.proposal.content import Looks, vocabulary
from crmlib.intake.proposal.headings import CHOICES, LEAST, PERHAPS, likeness, plain, quoted
from crmlib.intake.repairs.times import OF_A_PERIOD
from crmlib.words import Words

_say = Words(__file__).say

CLEARLY = 8.0
"""By how much the best heading must be better than the next one to be taken without asking."""
_FITS = 0.5
_EMPTY = 0.7
_TYPICAL = 0.9
_FEWEST_PEOPLE = 3
DOUBTED = 80.0
"""How sure at most a column is that a person is asked to check."""
_RARER = 0.8
"""A heading that is filled in less than this share of the rows of another one is the rarer of two."""
_QUESTIONS = ("surveys", "score")
_ANSWERS = ("score", "csat")


@dataclass(frozen=True)
class Match:
    """What fills a contract column, how sure that is (0 to 100), and why.

    ``rivals``: other headings that fit as well, with their reasons; the column is then left to a person.
    """

    column: str
    filling: Any
    score: float
    reason: str
    rivals: tuple[tuple[str, float, str], ...] = ()
    check: bool = False

    @property
    def decided(self) -> bool:
        """Whether the column is proposed rather than asked about."""
        return not self.rivals

    @property
    def headings(self) -> list[str]:
        """The headings that it reads."""
        if isinstance(self.filling, str):
            return [self.filling]
        if isinstance(self.filling, list):
            return list(self.filling)
        return [h for value in self.filling.values() if isinstance(value, list) for h in value]


@dataclass(frozen=True)
class Fit:
    """A contract table as one file could fill it."""

    table: str
    matches: dict[str, Match] = field(default_factory=dict)

    def heading(self, column: str) -> str:
        """The heading that is proposed for a column; empty where none or several are."""
        match = self.matches.get(column)
        return match.headings[0] if match and match.decided and match.headings else ""

    def has(self, *columns: str) -> bool:
        """Whether all these columns are proposed or asked about."""
        return all(column in self.matches for column in columns)

    def has_any(self, *columns: str) -> bool:
        """Whether one of these columns is proposed or asked about."""
        return any(column in self.matches for column in columns)

    @property
    def has_required(self) -> bool:
        """Whether any required column is proposed or asked about."""
        return self.has_any(*TABLES[self.table].required)

    @property
    def complete(self) -> bool:
        """Whether every required column is there."""
        return self.has(*TABLES[self.table].required)

    @property
    def points(self) -> float:
        """How much speaks for this table: required columns count twice."""
        required = TABLES[self.table].required
        return sum((2 if c in required else 1) * m.score / 100 for c, m in self.matches.items())


def fit(table: Table, looks: Mapping[str, Looks]) -> Fit:
    """What of a file could fill the columns of a contract table.

    A heading goes to the column that it is most like; where another heading fills that one clearly better, to the next
    one. Where several headings are about as good for one column, it is left undecided, unless one is filled in clearly
    more rows, or is the name to others' numbers; names, e-mails, phones and addresses of people are taken from the
    first of several that is filled.
    """
    wanted: dict[str, list[tuple[float, bool, str, str]]] = {}
    for heading, one in looks.items():
        if _somebodys(heading):
            continue
        scored = []
        for column in table.columns:
            like = likeness(heading, table.name, column.name)
            if like.score < LEAST:
                continue
            share, seen = content_fit(column, one, table)
            if column.name == "status" and like.score <= PERHAPS and one.share("states") <= _FITS:
                continue
            if column.name in _ANSWERS and like.score <= PERHAPS and not _within(one, 0, 10):
                continue
            if share >= _FITS:
                score = round(like.score * (0.7 + 0.3 * share if one.filled else _EMPTY), 1)
                near = _say("reasons.like", heading=heading, like=like.like)
                why = _say("reasons.joined", first=near, then=seen) if seen else near
                scored.append((score, column.required, column.name, why))
        if scored:
            wanted[heading] = sorted(scored, key=lambda one: (-one[0], not one[1]))
    matches = {
        name: _match(table, table[name], sorted(found, key=lambda one: -one[0]), looks)
        for name, found in _shared_out(wanted).items()
    }
    return Fit(table.name, _filled_up(table, matches, looks))


def _shared_out(
    wanted: Mapping[str, Sequence[tuple[float, bool, str, str]]],
) -> dict[str, list[tuple[float, str, str]]]:
    """Which headings each column is offered; a heading that another beats clearly goes to the next column it fits."""
    place = dict.fromkeys(wanted, 0)
    while True:
        offered: dict[str, list[tuple[float, str, str]]] = {}
        for heading, listed in wanted.items():
            if place[heading] < len(listed):
                score, _, name, reason = listed[place[heading]]
                offered.setdefault(name, []).append((score, heading, reason))
        best = {name: max(score for score, _, _ in found) for name, found in offered.items()}
        beaten = [
            heading for name, found in offered.items() for score, heading, _ in found
            if best[name] - score >= CLEARLY and place[heading] + 1 < len(wanted[heading])
        ]  # fmt: skip
        if not beaten:
            return offered
        for heading in beaten:
            place[heading] += 1


def by_content(table: Table, looks: Mapping[str, Looks]) -> Fit:
    """What of a file without headings could fill the columns of a table, by what stands there; none is decided."""
    free = {heading: one for heading, one in looks.items() if one.filled}
    matches: dict[str, Match] = {}
    wanted = [c for c in table.columns if c.required or c.name in ("customer_id", "email", "phone")]
    for column in sorted(wanted, key=lambda one: (one.name == "customer_id", one.name.endswith("_id"))):
        found = [heading for heading, one in free.items() if _looks_like(column, one, table)]
        if found:
            rivals = tuple((heading, 60.0, _say("reasons.by_content")) for heading in found)
            matches[column.name] = Match(column.name, found, 60.0, "", rivals)
        free = {h: one for h, one in free.items() if len(found) != 1 or h not in found}
    return Fit(table.name, matches)


def _looks_like(column: Column, one: Looks, table: Table) -> bool:
    """Whether the content under a heading is what a column holds, and little else."""
    if column.kind in ("time", "date"):
        return one.share("dates") > _TYPICAL
    if column.kind in ("number", "whole"):
        fractions = one.share("fractions") > 1 - _TYPICAL or column.unit != "money"
        return one.share("numbers") > _TYPICAL and one.share("dates", "stamps") < _FITS and fractions
    if column.identity:
        return one.share({"email": "emails", "phone": "phones"}[column.name]) > _TYPICAL
    if not column.name.endswith("_id") or one.share("dates", "sentences", "emails", "phones") > 1 - _TYPICAL:
        return False
    if one.share("fractions") > 1 - _TYPICAL or one.share("with_digit") < _TYPICAL:
        return False
    return one.unique == 1 if column.name == table.key else one.distinct >= _FEWEST_PEOPLE and one.unique < 1


def looks_in_words(one: Looks) -> str:
    """What stands in a column, said without any of its values."""
    if not one.filled:
        return _say("seen.empty")
    for kind in ("dates", "flags"):
        if one.share(kind) > _TYPICAL:
            return _seen(kind, one.counts[kind], one)
    if one.share("emails") > _TYPICAL or one.share("phones") > _TYPICAL:
        return _say("seen.addresses" if one.share("emails") > _TYPICAL else "seen.phones")
    different = _say("seen.all_different") if one.unique == 1 else _different(one)
    if one.share("numbers") > _TYPICAL:
        numbers = _seen("range" if one.ends else "numbers", one.counts["numbers"], one)
        return _say("reasons.joined", first=numbers, then=different)
    return _say("reasons.joined", first=_say("seen.text"), then=different)


def _match(table: Table, column: Column, found: Sequence[tuple[float, str, str]], looks: Mapping[str, Looks]) -> Match:
    """The match of a column, from the headings that it could be, best first; of questions all are kept."""
    several = (table.name, column.name) == _QUESTIONS
    better = _better_amount(found) if column.name == "amount" else None
    if better is not None:
        return better
    score, heading, reason = found[0]
    near = [one for one in found if several or score - one[0] < CLEARLY]
    if len(near) == 1:
        return _beside_another(table, column, Match(column.name, heading, score, reason), looks)
    if column.identity:
        return Match(column.name, [h for _, h, _ in near], score, _say("reasons.first_filled", why=reason))
    if not several and (one := _told_apart(table, column, near, looks)):
        return one
    return Match(column.name, [h for _, h, _ in near], score, "", tuple((h, s, why) for s, h, why in near))


def _beside_another(table: Table, column: Column, match: Match, looks: Mapping[str, Looks]) -> Match:
    """A match that is to be checked where a heading beside it means the same in another form.

    A record has an id of the system beside the number that people know, and either may stand in other files. Beside
    the id of an owner or a stage stands its name, which is what people read.
    """
    mine = plain(match.headings[0])
    for heading, one in looks.items():
        words = plain(heading)
        if heading == match.headings[0] or not one.filled or one.filled < _RARER * looks[match.headings[0]].filled:
            continue
        if column.name == table.key and words in _OWN_IDS and mine not in _OWN_IDS and one.unique == 1:
            why = _say("reasons.own_id", why=match.reason, heading=heading)
            return Match(column.name, match.filling, min(match.score, DOUBTED), why, check=True)
        if column.name in CHOICES and words in {f"{mine} {end}" for end in _NAMES} and one.share("numbers") < _FITS:
            why = _say("reasons.readable", why=match.reason, others=quoted(match.headings))
            return Match(column.name, heading, match.score, why, check=True)
    return match


_OWN_IDS = ("id", "record id", "internal id", "system id")
_NAMES = ("name", "r name", "r", "label", "title", "display name")


def _told_apart(
    table: Table, column: Column, near: Sequence[tuple[float, str, str]], looks: Mapping[str, Looks]
) -> Match | None:
    """The one of several headings that its content or its words set apart from the others, to be checked."""
    most = max(looks[h].filled for _, h, _ in near)
    kinds: dict[str, list[tuple[float, str, str]]] = {}
    if column.unit != "money" and (column.required or column.name == table.key):
        kinds["filled_most"] = [one for one in near if looks[one[1]].filled > _RARER * most]
    if column.name in CHOICES:
        kinds["readable"] = [one for one in near if not called_so(one[1], "numbers")]
    for kind, left in kinds.items():
        if len(left) == 1:
            score, heading, reason = left[0]
            others = quoted(other for _, other, _ in near if other != heading)
            why = _say(f"reasons.{kind}", why=reason, others=others)
            return Match(column.name, heading, min(score, DOUBTED), why, check=True)
    return None


def called_so(heading: str, kind: str) -> bool:
    """Whether a heading holds one of the words of a kind of the vocabulary.

    >>> called_so("MwSt. 19 %", "tax_words"), called_so("Contact Owner.id", "numbers"), called_so("Idea", "numbers")
    (True, True, False)
    """
    said = f" {plain(heading)} {plain(heading.casefold())} "
    return any(w in said if not w.isascii() else f" {w} " in said for w in map(plain, vocabulary()[kind]))


def _better_amount(found: Sequence[tuple[float, str, str]]) -> Match | None:
    """Of several amounts the one that was really paid, else the one without tax; None where no heading says so."""
    if len(found) < 2:
        return None
    for kind in ("really_paid", "without_tax"):
        named = [one for one in found if called_so(one[1], kind)]
        if len(named) == 1:
            score, heading, reason = named[0]
            others = quoted(other for _, other, _ in found if other != heading)
            why = _say(f"reasons.{kind}", why=reason, others=others)
            return Match("amount", heading, min(score, DOUBTED), why, check=True)
    return None


def content_fit(column: Column, looks: Looks, table: Table) -> tuple[float, str]:
    """Which share of a column's content is what the contract wants, and that in words."""
    if looks.nested:
        return 0.0, ""
    if not looks.filled:
        return _FITS, _say("seen.empty")
    if column.kind in ("time", "date"):
        dated = looks.filled if looks.type.startswith(("TIMESTAMP", "DATE")) else looks.counts["dates"]
        dated += looks.counts["months"] if column.name in OF_A_PERIOD else 0
        if dated < looks.filled:
            dated += looks.counts["stamps"] + looks.counts["serials"]
        return min(1.0, dated / looks.filled), _seen("dates", dated, looks)
    if column.kind in ("number", "whole"):
        return _number_fit(column, looks, table)
    if column.kind == "flag":
        return looks.share("flags"), _seen("flags", looks.counts["flags"], looks)
    if column.identity:
        return _identity_fit(column, looks)
    if column.name.endswith("_id"):
        return _id_fit(column, looks, table)
    return _text_fit(column, looks)


def _number_fit(column: Column, looks: Looks, table: Table) -> tuple[float, str]:
    numbers = max(0, looks.counts["numbers"] - looks.counts["dates"])
    share = numbers / looks.filled
    if column.name in _ANSWERS:
        # Answers off the scale are no other column: they are asked about.
        if not _within(looks, -100, 100):
            return 0.0, ""
        if looks.counts["answers"] > numbers:
            return looks.share("answers"), _seen("answers", looks.counts["answers"], looks)
    if column.unit == "money" and looks.share("stamps") > 0.9:
        return 0.0, ""
    return share, _seen("range" if looks.ends else "numbers", numbers, looks)


def _within(looks: Looks, low: float, high: float) -> bool:
    """Whether a column's numbers, if there are any, lie between two bounds."""
    return looks.ends is None or low <= looks.ends[0] <= looks.ends[1] <= high


def _seen(kind: str, count: int, looks: Looks) -> str:
    """How many of a column's values are of a kind, in words."""
    some = "some" if count < looks.filled else "all"
    low, high = looks.ends or (None, None)
    return _say(f"seen.{kind}.{some}", n=count, whole=looks.filled, low=low, high=high)


def _identity_fit(column: Column, looks: Looks) -> tuple[float, str]:
    if looks.type not in ("VARCHAR", "BIGINT"):
        return 0.0, ""
    if column.name in ("email", "phone") and looks.masked:
        return 0.0, ""
    if column.name == "email":
        return max(looks.share("emails"), 0.6 if looks.share("numbers") < 0.5 else 0.0), _say("seen.addresses")
    if column.name == "phone":
        return max(looks.share("phones"), 0.7 if looks.share("with_digit") > 0.5 else 0.0), _say("seen.phones")
    if looks.share("numbers", "dates") > 0.5 or looks.share("emails") > 0.5:
        return 0.0, ""
    return (max(0.7, looks.named) if column.name == "name" else 0.9), _say("seen.text")


def _id_fit(column: Column, looks: Looks, table: Table) -> tuple[float, str]:
    if (
        looks.masked
        or looks.share("dates") > 0.5
        or looks.share("sentences") > 0.5
        or looks.type.startswith(("DATE", "TIMESTAMP", "BOOL"))
    ):
        return 0.0, ""
    if column.name == table.key and looks.unique < 0.02 and looks.filled > 200:
        return 0.4, ""
    share = 1.0
    if looks.share("fractions") - (1 if looks.share("wholes") > 0.9 else 0) > 0.5:
        share = 0.4
    elif column.name == "customer_id" and looks.distinct < _FEWEST_PEOPLE <= looks.filled:
        share = 0.4 if column.name == table.key else 0.6
    if looks.unique == 1:
        return share, _say("seen.all_different")
    return share, _say("seen.different_in", n=looks.distinct, rows=looks.filled)


def _text_fit(column: Column, looks: Looks) -> tuple[float, str]:
    if looks.type.startswith(("DATE", "TIMESTAMP")) or looks.share("dates", "emails", "phones") > 0.5:
        return 0.0, ""
    if column.name in ("region", "city") and looks.share("states") > 0.5:
        return 0.0, ""
    if column.allowed:
        few = looks.distinct <= 60
        return (1.0 if few else 0.3), _different(looks)
    free = column.name in ("comment", "text", "resolution", "reason", "product_name")
    if not free and looks.share("fractions") > 0.9 and looks.share("numbers") > 0.9:
        return 0.4, ""
    if free or column.required:
        return 1.0, _different(looks)
    many = looks.distinct > max(200, 0.5 * looks.filled)
    return (0.5 if many and looks.filled > 50 else 1.0), _different(looks)


def _somebodys(heading: str) -> bool:
    """Whether a heading may be somebody's data, as where the headings are missing: such are not shown."""
    return "@" in heading or sum(sign.isdigit() for sign in heading) >= 5


def _different(looks: Looks) -> str:
    return _say("seen.one_value") if looks.distinct == 1 else _say("seen.different", n=looks.distinct)


def _filled_up(table: Table, matches: dict[str, Match], looks: Mapping[str, Looks]) -> dict[str, Match]:
    """The required columns that no heading names, where the content of a single column can only mean them."""
    used = {h for match in matches.values() for h in match.headings}
    free = {heading: one for heading, one in looks.items() if heading not in used and one.filled}
    made = dict(matches)
    if table.time and table.time not in made and len(matches) >= 2:
        dated = [h for h, one in free.items() if content_fit(table[table.time], one, table)[0] > 0.9
                 and one.share("stamps", "serials") < 0.5]  # fmt: skip
        made |= _only(table.time, dated, _say("reasons.only_dates"))
    if table.name == "orders" and "amount" not in made and made.keys() >= {"order_id", "ordered_at"}:
        money = [h for h, one in free.items() if one.share("numbers") > 0.9 and one.share("fractions") > 0.2
                 and one.share("dates") < 0.5]  # fmt: skip
        made |= _only("amount", money, _say("reasons.only_amounts"))
    if (
        "customer_id" in table.names
        and "customer_id" not in made
        and table.name in ("customers", "orders", "surveys", "tickets")
    ):
        people = [m.headings for c in ("email", "phone") if (m := made.get(c))]
        people = people or [[h] for h, one in free.items() if one.share("emails") > 0.8 and not one.masked]
        if not people and table.name == "orders":
            named = [
                h for h, one in free.items() if likeness(h, "customers", "name").score > PERHAPS and not one.masked
            ]
            if len(named) == 1:
                made["customer_id"] = Match("customer_id", named[0], 60.0, _say("reasons.by_name"), check=True)
        if people:
            filling = [h for headings in people for h in headings]
            made["customer_id"] = Match("customer_id", filling, 60.0, _say("reasons.by_contact"), check=True)
    return made


def _only(column: str, headings: Sequence[str], reason: str) -> dict[str, Match]:
    if not headings:
        return {}
    if len(headings) == 1:
        return {column: Match(column, headings[0], 60.0, reason, check=True)}
    return {
        column: Match(column, list(headings), 60.0, "", tuple((h, 60.0, _say("reasons.by_content")) for h in headings))
    }
