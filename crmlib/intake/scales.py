"""Whether answers can be of the scale that they are taken for: 1 to 5 counted on 0 to 10 would only mislead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crmlib.contract import TABLES
from crmlib.engine import identifier, literal
from crmlib.intake.accept import BLANKED, FOUND, REASON
from crmlib.intake.reasons import kept
from crmlib.intake.reasons import words as reasons
from crmlib.intake.source import FILE, plain_heading
from crmlib.words import Saying, Words

words = Words(__file__)

SCALES = {kind: (low, high) for kind, low, high in TABLES["surveys"].score_range}
"""The scale of each kind of question: lowest and highest answer."""
_STATED = re.compile(r"(?<![a-z0-9.])([01])\s*(?:-|–|—|~|/|to|bis|à|a|al|至|到)\s*(3|4|5|6|7|9|10|100)(?![0-9.])")
_RANGE = re.compile(r"(?<![a-z0-9.-])(\d{1,2})\s*(?:-|–|—|~|to|bis|à|al|至|到)\s*(\d{1,3})(?![0-9.-])")
"""Any other range; it may be a day and a month as well, so that the answers have to agree with it."""
_OUT_OF = re.compile(r"(?:out of|(?<![0-9])/|满分)\s*(3|4|5|6|7|9|10|100)(?![0-9.])|(?<![0-9])(3|5|7|10|100)\s*分制")
_BEST_FIRST = re.compile(
    r"(?<![0-9])1\s*(?:=|:|–|是|为|代表|表示)\s*"
    r"(?:(?:very|extremely|completely|fully|highly) (?:satisfied|likely|good|happy)|best\b|excellent"
    r"|sehr (?:gut|zufrieden|wahrscheinlich)|très (?:satisfait|bien|probable)"
    r"|(?:非常|很|十分|最|完全)(?:满意|愿意|好))"
)
"""A scale on which 1 is the best answer, as school grades are in some countries."""
_FEW, _SOME, _MANY = 10, 20, 100
_ELSEWHERE = 0.05
"""From this share of answers on that lie off the scale, they are no slips of the pen."""
_SLIPS = 0.01


@dataclass(frozen=True)
class Seen:
    """What stands in a column of answers: how many, between which values, how many beyond the scale's ends."""

    answers: int
    low: float
    high: float
    distinct: int
    below: int = 0
    above: int = 0
    kinds_above: int = 0
    zeros: int = 0
    ones: int = 0
    fractions: int = 0


@dataclass(frozen=True)
class Doubt:
    """Why answers may be of another scale, as a key of ``questions.scale``, and whether they cannot be of this one."""

    key: str
    certain: bool


def doubt(kind: str, seen: Seen, heading: str = "") -> Doubt | None:
    """What speaks against the scale of a kind of question; None: nothing does.

    Certain: the heading states another scale; more than slips lie beyond its ends; or at least ten answers stay in its
    lower part, on which a scale of five, seven or three points would end. Not certain, and only asked: no answer is at
    an end where some are usual.

    >>> doubt("nps", Seen(60, 1, 5, 5)).key, doubt("nps", Seen(60, 0, 10, 11)), doubt("csat", Seen(60, 1, 5, 5))
    ('low', None, None)
    >>> doubt("nps", Seen(60, 1, 10, 10), "How likely? (1-10)").certain
    True
    >>> doubt("csat", Seen(60, 1, 5, 5), "Satisfaction (1 = very satisfied)").key
    'turned'
    """
    low, high = SCALES[kind]
    if kind != "ces" and _BEST_FIRST.search(plain_heading(heading)):
        return Doubt("turned", True)
    stated = _stated(heading, seen)
    if stated and stated[1] != high:
        return Doubt("stated", True)
    if stated and stated[0] is not None and stated[0] != low and seen.low >= stated[0]:
        return Doubt("stated", True)
    if seen.answers < _FEW:
        return None
    if seen.kinds_above == 1 and seen.high == high + 1 and seen.above > _SLIPS * seen.answers:
        return Doubt("one_above", seen.above > _ELSEWHERE * seen.answers)
    beyond = seen.above if seen.kinds_above > 1 else 0  # one value alone, such as 99, stands for no answer
    if max(beyond, seen.below) > _ELSEWHERE * seen.answers:
        return Doubt("beyond", True)
    inside = seen.high <= high
    if kind == "nps" and inside and seen.distinct > 2:
        if seen.high <= 5 or (seen.high <= 7 and seen.answers >= _SOME):
            return Doubt("low", True)
        if seen.high < high and seen.answers >= _SOME:
            return Doubt("no_top", seen.answers >= _MANY)
        if not seen.zeros and seen.ones >= 5:
            return Doubt("no_zero", False)
    if kind == "csat" and seen.high <= 3 and seen.answers >= _SOME and seen.distinct > 1:
        return Doubt("low", True)
    if kind == "ces" and seen.high <= 5 and seen.answers >= _SOME and seen.distinct > 2:
        return Doubt("low", True)
    return None


def seen_of(kind: str, scores: Mapping[float, int]) -> Seen:
    """What is seen of answers, each with its count, on the scale of a kind of question.

    >>> seen_of("nps", {0: 3, 1: 2, 10: 4, 11: 1})
    Seen(answers=10, low=0, high=11, distinct=4, below=0, above=1, kinds_above=1, zeros=3, ones=2, fractions=0)
    """
    low, high = SCALES[kind]
    above = {score: n for score, n in scores.items() if score > high}
    return Seen(
        sum(scores.values()),
        min(scores, default=0.0),
        max(scores, default=0.0),
        len(scores),
        below=sum(n for score, n in scores.items() if score < low),
        above=sum(above.values()),
        kinds_above=len(above),
        zeros=scores.get(0, 0),
        ones=scores.get(1, 0),
        fractions=sum(n for score, n in scores.items() if score != int(score)),
    )


def _stated(heading: str, seen: Seen) -> tuple[int | None, int] | None:
    """The scale that a heading states: lowest (None: it says only the highest) and highest answer.

    >>> seen = Seen(60, 5, 11, 7)
    >>> headings = ("Rate us (1-5)", "您的评分（5分制）", "Score 2024-01", "推荐意愿0到10分", "5–11")
    >>> [_stated(heading, seen) for heading in headings]
    [(1, 5), (None, 5), None, (0, 10), (5, 11)]
    """
    said = plain_heading(heading)
    if found := _STATED.search(said):
        return int(found[1]), int(found[2])
    if found := _OUT_OF.search(said):
        return None, int(found[1] or found[2])
    if (found := _RANGE.search(said)) and seen.answers and int(found[1]) <= seen.low <= seen.high <= int(found[2]):
        return int(found[1]), int(found[2])
    return None


def question(found: Doubt, kind: str, seen: Seen, heading: str, files: Sequence[str]) -> Saying:
    """A doubt about the answers under a heading, as a question."""
    low, high = SCALES[kind]
    said = {"heading": heading, "kind": kind, "n": seen.answers, "low": seen.low, "high": seen.high}
    return words.later(f"questions.scale.{found.key}", **said, **{"from": low, "to": high, "files": list(files)})


def questions_of_scale(
    connection: Any, files: Sequence[str], heading: str, *, stated: bool, confirmed: bool
) -> list[Saying]:
    """Questions about the scores of a source of ``surveys``; scores that cannot be of their scale are left empty.

    Rows whose score lies off such a scale come back among the accepted ones, without a score: it is the scale that is
    wrong, not the row. Of answers between two whole numbers the question says how they count.

    Args:
        connection: DuckDB with the staged table ``surveys``.
        files: of the source.
        heading: that fills the score.
        stated: whether the answers stand as under the heading, so that what it says of the scale holds.
        confirmed: a person has confirmed the source: nothing is asked.
    """
    if confirmed:
        return []
    asked = []
    mine = f"{FILE} IN ({', '.join(map(literal, files))})"
    for kind in SCALES:
        seen = _seen(connection, mine, kind)
        if seen is None:
            continue
        found = doubt(kind, seen, heading if stated else "")
        if found:
            asked.append(question(found, kind, seen, heading, files))
        if found and found.certain:
            asked[-1] = words.later("questions.scale.not_counted", asked=asked[-1])
            _leave_empty(connection, mine, kind)
        elif kind == "nps" and seen.fractions:
            said = {"heading": heading, "n": seen.fractions, "files": list(files)}
            asked.append(words.later("questions.scale.fractions", **said))
    return [words.later("questions.confirm", about="surveys", asked=one) for one in asked]


def _off_scale(kind: str) -> str:
    """The reason of a row whose score lies off its scale."""
    low, high = SCALES[kind]
    return kept(reasons.later("reasons.cell.score", column="score", kind=kind, low=low, high=high))


def _seen(connection: Any, mine: str, kind: str) -> Seen | None:
    low, high = SCALES[kind]
    row = connection.execute(
        f"""SELECT count(*), min(score), max(score), count(DISTINCT score), count_if(score < {low}),
            count_if(score > {high}), count(DISTINCT score) FILTER (score > {high}), count_if(score = 0),
            count_if(score = 1), count_if(score <> trunc(score))
        FROM surveys WHERE {mine} AND kind = {literal(kind)} AND score IS NOT NULL
            AND {REASON} IN ('', {literal(_off_scale(kind))})"""
    ).fetchone()
    return Seen(*row) if row[0] else None


def _leave_empty(connection: Any, mine: str, kind: str) -> None:
    reason = literal(_off_scale(kind))
    connection.execute(
        f"""UPDATE {identifier("surveys")} SET score = NULL,
            {BLANKED} = list_append(coalesce({BLANKED}, []), 'score'),
            {FOUND} = CASE WHEN {REASON} = {reason} THEN NULL ELSE {FOUND} END,
            {REASON} = CASE WHEN {REASON} = {reason} THEN '' ELSE {REASON} END
        WHERE {mine} AND kind = {literal(kind)} AND score IS NOT NULL AND {REASON} IN ('', {reason})"""
    )


def questions_of_tickets(connection: Any, files: Sequence[str], *, confirmed: bool) -> list[Saying]:
    """A question where many of the answers beside tickets are none from 1 to 5, so that the others may mean another
    scale, too; all of them are then left empty."""
    mine = f"{FILE} IN ({', '.join(map(literal, files))}) AND {REASON} = ''"
    off, kept_values = connection.execute(
        f"SELECT count(*) FILTER (list_contains({BLANKED}, 'csat')), count(csat) FROM tickets WHERE {mine}"
    ).fetchone()
    if confirmed or off + kept_values < _FEW or off <= _ELSEWHERE * (off + kept_values):
        return []
    connection.execute(
        f"""UPDATE tickets SET csat = NULL, {BLANKED} = list_append(coalesce({BLANKED}, []), 'csat')
        WHERE {mine} AND csat IS NOT NULL"""
    )
    asked = words.later("questions.scale.tickets", files=list(files), n=off, all=off + kept_values)
    asked = words.later("questions.scale.not_counted", asked=asked)
    return [words.later("questions.confirm", about="tickets", asked=asked)]
