"""Weeks, months and quarters: where they begin, which of them are over, and what they are called."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from crmlib import text
from crmlib.lifecycle.purchases import as_day

Period = Literal["week", "month", "quarter"]

UNITS = {"week": "W", "month": "M", "quarter": "Q"}
A_YEAR = {"week": 52, "month": 12, "quarter": 4}
LONGEST = {"week": 7, "month": 31, "quarter": 92}

# Data that begin later than this share of a period do not tell of the whole period.
_LATE = 0.1


def period_start(day: Any, period: Period) -> dt.date:
    """The first day of the period in which a day lies; weeks begin on Monday.

    >>> period_start("2025-11-20", "quarter")
    datetime.date(2025, 10, 1)
    """
    day = as_day(day)
    if period not in UNITS:
        raise ValueError(f"period {period!r} is not known; use one of {', '.join(UNITS)}")
    if period == "week":
        return day - dt.timedelta(days=day.weekday())
    return dt.date(day.year, day.month if period == "month" else 3 * ((day.month - 1) // 3) + 1, 1)


def later(start: dt.date, period: Period, count: int = 1) -> dt.date:
    """The first day of the period ``count`` periods later (negative: earlier).

    >>> later(dt.date(2025, 11, 1), "month", 3), later(dt.date(2025, 12, 29), "week", -52)
    (datetime.date(2026, 2, 1), datetime.date(2024, 12, 30))
    """
    if period == "week":
        return start + dt.timedelta(weeks=count)
    months = 12 * start.year + start.month - 1 + count * (1 if period == "month" else 3)
    return dt.date(months // 12, months % 12 + 1, 1)


def between(first: dt.date, end: dt.date, period: Period) -> list[dt.date]:
    """The starts of all periods from the one that begins on ``first`` to the last that is over with the day ``end``.

    >>> between(dt.date(2025, 1, 1), dt.date(2025, 3, 30), "month")
    [datetime.date(2025, 1, 1), datetime.date(2025, 2, 1)]
    """
    starts = []
    while later(first, period) <= end + dt.timedelta(days=1):
        starts.append(first)
        first = later(first, period)
    return starts


def first_whole(first_day: dt.date, period: Period) -> dt.date:
    """The first period of which the data tell all: not the one in the middle of which they begin.

    >>> first_whole(dt.date(2025, 1, 2), "month"), first_whole(dt.date(2025, 1, 12), "month")
    (datetime.date(2025, 1, 1), datetime.date(2025, 2, 1))
    """
    start = period_start(first_day, period)
    late = (first_day - start).days > _LATE * (later(start, period) - start).days
    return later(start, period) if late else start


def period_name(start: Any, period: Period) -> str:
    """What a period is called in the language in use; ``–`` where there is none.

    >>> period_name(dt.date(2025, 10, 1), "month"), period_name(dt.date(2025, 10, 1), "quarter")
    ('Oct 2025', '2025 Q4')
    """
    if start is None or start != start:
        return text.UNKNOWN
    start = as_day(start)
    if period == "month":
        return text.month(start)
    if period == "week":
        return text.say("week of {day}", day=text.day(start))
    return text.say("{year} Q{quarter}", quarter=str((start.month + 2) // 3), year=str(start.year))
