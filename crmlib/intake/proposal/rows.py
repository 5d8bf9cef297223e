"""What rows show that headings do not: cancellations, charges among products, states, the order of day and month."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crmlib.engine import literal
from crmlib.intake.proposal.content import Looks, most_alike, values_of, vocabulary
from crmlib.intake.proposal.headings import plain
from crmlib.intake.shape import as_text
from crmlib.intake.source import Source, plain_heading
from crmlib.words import Words

_say = Words(__file__).say

_MOST_CODES = 80


def text(source: Source, heading: str) -> str:
    """SQL of the trimmed text under a heading."""
    return f"trim({as_text(source.names[heading], source.types[heading])})"


def constant_within(connection: Any, source: Source, key: str, heading: str, *, least: int = 3) -> float | None:
    """In which share of the keys with several rows the value is the same in all of them; None: too few such keys.

    The total of an order is, the amount of a line is not. Where only one of the rows has a value it is the same as
    well: some shops write the total beside the first line. Keys without any value, or only 0, tell nothing.
    """
    value = f"nullif({text(source, heading)}, '')"
    keys, same = connection.execute(
        f"SELECT count(*), count_if(values = 1) FROM (SELECT count(DISTINCT {value}) AS values "
        f"FROM ({source.sql}) WHERE {text(source, key)} <> '' GROUP BY {text(source, key)} "
        f"HAVING count(*) > 1 AND bool_or(NOT regexp_full_match({value}, '-?0*[.,]?0*')))"
    ).fetchone()
    return same / keys if keys >= least else None


@dataclass(frozen=True)
class Cancelling:
    """Order ids that begin with a letter and whose quantities are all negative: ``pattern``, and the evidence."""

    pattern: str
    rows: int
    reason: str


def cancelling_orders(connection: Any, source: Source, order: str, quantity: str) -> Cancelling | None:
    """Whether orders whose number begins with a letter, unlike the others, take back earlier ones."""
    number = f"try_cast({text(source, quantity)} AS DOUBLE)"
    found = connection.execute(
        f"SELECT left({text(source, order)}, 1) AS first, count(*), count_if({number} < 0) FROM ({source.sql}) "
        f"WHERE {text(source, order)} <> '' GROUP BY 1"
    ).fetchall()
    whole = sum(count for _, count, _ in found)
    plain_ids = sum(count for first, count, _ in found if first.isdigit())
    letters = [(f, n, below) for f, n, below in found if f.isalpha() and f.isascii() and below == n and n > 0]
    if not letters or plain_ids < 0.7 * whole:
        return None
    first, count, _ = max(letters, key=lambda one: one[1])
    reason = _say("reasons.cancelling", n=count, order=order, first=first, quantity=quantity)
    return Cancelling(f"{first}*", count, reason)


@dataclass(frozen=True)
class Code:
    """A code of a shape that few have: what it is called, its rows, and whether a word says that it is no product."""

    code: str
    called: str
    rows: int
    sure: bool


def odd_codes(connection: Any, source: Source, product: str, name: str) -> list[Code]:
    """Codes whose shape differs from that of at least 95 % of the rows, such as POST among 85123A.

    Empty where codes have no common shape. ``name`` is the heading of the product's name, if there is one.
    """
    code = text(source, product)
    shape = f"regexp_replace(regexp_replace(upper({code}), '[0-9]+', '9', 'g'), '[A-Z]+', 'A', 'g')"
    shapes = connection.execute(
        f"SELECT {shape}, count(*), count(DISTINCT {code}) FROM ({source.sql}) WHERE {code} <> '' GROUP BY 1"
    ).fetchall()
    usual = most_alike([(s, n) for s, n, _ in shapes])
    codes = sum(different for s, _, different in shapes if s not in usual)
    if len(usual) > 3 or not all("9" in s for s in usual) or not 0 < codes <= _MOST_CODES:
        return []
    listed = ", ".join(literal(s) for s, _, _ in shapes if s not in usual)
    called = f"mode({text(source, name)}) FILTER ({text(source, name)} <> '')" if name else "NULL"
    found = connection.execute(
        f"SELECT min({code}), {called}, count(*) FROM ({source.sql}) WHERE {shape} IN ({listed}) "
        f"GROUP BY lower({code}) ORDER BY 3 DESC, 1"
    ).fetchall()
    return [Code(c, said or "", n, _no_product(c, said or "")) for c, said, n in found if not _private(c)]


def _no_product(code: str, called: str) -> bool:
    said = f" {plain(code)} {plain(called)} "
    return any(f" {w} " in said or (not w.isascii() and w in said) for w in map(plain, vocabulary()["no_product"]))


def _private(value: str) -> bool:
    return "@" in value or sum(c.isdigit() for c in value) >= 7


@dataclass(frozen=True)
class Mapped:
    """Values of a closed list: those that are known, and those that a person has to decide."""

    known: dict[str, str]
    unknown: dict[str, int]
    counted: bool = True


def mapped_values(connection: Any, source: Source, heading: str, column: str, allowed: Iterable[str]) -> Mapped:
    """What each value under a heading means in a closed list of the contract (``orders.status``)."""
    found = values_of(connection, source, heading, most=60)
    if found is None:
        return Mapped({}, {}, counted=False)
    meant = {plain_heading(w): state for state, listed in vocabulary()[column].items() for w in listed}
    known, unknown = {}, {}
    for value, count in found:
        if value in allowed:
            continue
        means = meant.get(plain_heading(value)) or meant.get(plain(value))
        if means:
            known[value] = means
        elif not _private(value):
            unknown[value] = count
    return Mapped(known, unknown)


def day_or_month(looks: Iterable[Looks]) -> tuple[str, str]:
    """``day first`` or ``month first`` with the evidence; ``?`` where no date tells; empty where it does not matter."""
    seen = list(looks)
    day = sum(one.counts["day_first"] for one in seen)
    month = sum(one.counts["month_first"] for one in seen)
    if day and not month:
        return "day first", _say("reasons.day_first", n=day)
    if month and not day:
        return "month first", _say("reasons.month_first", n=month)
    if not day and not month and any(one.counts["day_or_month"] for one in seen):
        return "?", ""
    return "", ""


def test_values(connection: Any, source: Source) -> dict[str, list[str]]:
    """The values of a column of test marks that mark a test row, by heading; ``livemode`` marks them by a no."""
    found: dict[str, list[str]] = {}
    tests, real = (set(map(plain, vocabulary()[kind])) for kind in ("test_marks", "live_marks"))
    for heading in source.types:
        if plain(heading) in tests | real:
            marks = {plain_heading(word) for word in vocabulary()["test" if plain(heading) in tests else "not_live"]}
            values = values_of(connection, source, heading, most=10) or []
            marked = [value for value, _ in values if plain_heading(value) in marks]
            if marked:
                found[heading] = marked
    return found


def shared_keys(connection: Any, one: tuple[Source, str], other: tuple[Source, str]) -> float:
    """Which share of the keys of the smaller of two files is in the other as well."""
    keys = [f"SELECT DISTINCT {text(s, h)} AS k FROM ({s.sql}) WHERE {text(s, h)} <> ''" for s, h in (one, other)]
    both, first, second = connection.execute(
        f"SELECT (SELECT count(*) FROM ({keys[0]} INTERSECT {keys[1]})), (SELECT count(*) FROM ({keys[0]})), "
        f"(SELECT count(*) FROM ({keys[1]}))"
    ).fetchone()
    return both / min(first, second) if first and second else 0.0


def score_kind(heading: str, looks: Looks) -> tuple[str, str, bool]:
    """Which question a column of scores answers: the kind, the reason, and whether that is certain."""
    called = plain(heading)
    for kind, marks in (
        ("nps", "nps|promoter|recommend|推荐"),
        ("csat", "csat|satisf|满意"),
        ("ces", "ces|effort|费力"),
    ):
        if re.search(rf"\b({marks})|[㐀-鿿]*({marks})", called):
            # Answers off its scale are asked about; they do not make the question another one.
            off = looks.ends is not None and looks.ends[1] > (10 if kind == "nps" else 7)
            return kind, _say("reasons.heading_says", heading=heading), not off
    if looks.ends is None:
        return "csat", _say("reasons.scores_in_words"), False
    low, high = looks.ends
    kind = "nps" if high > 7 or low == 0 else "ces" if high > 5 else "csat"
    return kind, _say("reasons.scores", low=low, high=high), False
