"""How scores, periods, groups, drivers and categories are called in pictures and sentences."""

from __future__ import annotations

from typing import Any

from crmlib import text
from crmlib.calendar import Period
from crmlib.lifecycle.nps.themes import quotation


def points(value: float | None, *, digits: int = 0) -> str:
    """A score or a difference of scores in points, as a reader sees it.

    >>> points(38.4), points(-3.26, digits=1)
    ('38', '-3.3')
    """
    return text.number(value, digits=digits)


def times(ratio: float) -> str:
    """A ratio without needless digits.

    >>> times(2.0), times(1.25)
    ('2', '1.25')
    """
    return text.number(ratio, digits=next((d for d in (0, 1) if abs(round(ratio, d) - ratio) < 1e-9), 2))


def period_name(day: Any, period: Period) -> str:
    """A period in words, by its first day.

    >>> import datetime as dt
    >>> period_name(dt.date(2025, 4, 1), "quarter")
    '2025 Q2'
    """
    if period == "month":
        return text.month(day)
    if period == "year":
        return str(day.year)
    return text.say("{year} Q{quarter}", year=str(day.year), quarter=str((day.month + 2) // 3))


def dimension_name(dimension: str) -> str:
    """What a dimension of :func:`groups` is called.

    >>> dimension_name("channel")
    'Channel'
    """
    return text.label(dimension)


def group_name(dimension: str, group: str) -> str:
    """What a group is called: our own codes in words, the client's as they are, harmless."""
    ours = {
        "complaint": text.say("Complaint"),
        "service": text.say("Service request"),
        "purchase": text.say("Purchase"),
        "no contact": text.say("None in the 30 days before"),
    }
    if dimension == "last_contact" and group in ours:
        return ours[group]
    return quotation(group, length=24)


def driver_name(driver: str) -> str:
    """What an item of the questionnaire is called: by ``terms.yaml``, or its column in words.

    >>> driver_name("functional_ease")
    'Functional ease'
    """
    return quotation(text.label(driver), length=40)


def category_name(category: str) -> str:
    """Promoters, passives or detractors, in words."""
    names = {
        "promoter": text.say("Promoters"),
        "passive": text.say("Passives"),
        "detractor": text.say("Detractors"),
    }
    return names.get(category, category)


def assumption_name(assumption: str, odds: float) -> str:
    """A row of :func:`non_response` in words."""
    if assumption == "as answered":
        return text.say("As answered")
    if assumption == "weighted":
        return text.say("Weighted for who kept silent")
    return text.say("… and promoters {odds} times as ready to answer", odds=times(odds))
