"""Days, weeks, months, quarters and years: where they begin, which are over, and how many lie between."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ibis import Value

Period = Literal["week", "month", "quarter", "year"]

PERIODS_A_YEAR = {"week": 52, "month": 12, "quarter": 4, "year": 1}
LONGEST_DAYS = {"week": 7, "month": 31, "quarter": 92, "year": 366}

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_UNITS = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}
_WHOLE_YEAR_DAYS = 350
# Data that begin later than this share of a period do not tell of the whole period.
_LATE = 0.1


# Days


def as_day(day: Any) -> dt.date:
    """The calendar day of a date, a timestamp or an ISO string; ``ValueError`` for anything else.

    >>> as_day("2015-02-07")
    datetime.date(2015, 2, 7)
    """
    try:
        if isinstance(day, dt.datetime) and day == day:  # a missing time equals nothing
            return day.date()
        if isinstance(day, dt.date) and day == day:
            return day
        return dt.date.fromisoformat(str(day)[:10])
    except ValueError:
        raise ValueError(f"{day!r} is no day; give a date, or text written YYYY-MM-DD, such as '2015-02-07'") from None


def end_of(day: Any) -> dt.datetime:
    """The moment at which a day is over: midnight, the first moment of the next day.

    >>> end_of("2025-12-31")
    datetime.datetime(2026, 1, 1, 0, 0)
    """
    return dt.datetime.combine(as_day(day), dt.time()) + dt.timedelta(days=1)


def months_before(day: Any, months: int) -> dt.date:
    """The same day ``months`` earlier; the last day of a month answers the last day of a month.

    The twelve months up to ``day`` are the days after ``months_before(day, 12)``: :func:`first_of_months`.

    >>> months_before("2025-12-31", 12), months_before("2025-02-28", 12), months_before("2025-03-30", 1)
    (datetime.date(2024, 12, 31), datetime.date(2024, 2, 29), datetime.date(2025, 2, 28))
    >>> months_before("2025-06-30", 6), months_before("2024-02-29", 12), months_before("2025-01-31", -1)
    (datetime.date(2024, 12, 31), datetime.date(2023, 2, 28), datetime.date(2025, 2, 28))
    """
    end = as_day(day)
    year, month = divmod(12 * end.year + end.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    is_last = end.day == calendar.monthrange(end.year, end.month)[1]
    return dt.date(year, month + 1, last if is_last else min(end.day, last))


def first_of_months(day: Any, months: int) -> dt.date:
    """The first day of the ``months`` that end with ``day``: one rule for all that looks back.

    >>> first_of_months("2025-12-31", 12), first_of_months("2025-02-27", 12), first_of_months("2024-02-28", 12)
    (datetime.date(2025, 1, 1), datetime.date(2024, 2, 28), datetime.date(2023, 3, 1))
    """
    return months_before(day, months) + dt.timedelta(days=1)


def is_whole_year(history_days: int | None) -> bool:
    """Whether the orders cover the twelve months that are looked at; not known (None) counts as yes.

    Two weeks are allowed for, because the first purchase is seldom on the first day of the data.

    >>> is_whole_year(None), is_whole_year(355), is_whole_year(84)
    (True, True, False)
    """
    return history_days is None or history_days >= _WHOLE_YEAR_DAYS


def last_span(history_days: int | None) -> tuple[str, int]:
    """How far "the last twelve months" truly reach where the orders cover only ``history_days`` days.

    A code of the unit (``months``, ``weeks``, ``days``) and how many of them.

    >>> last_span(400), last_span(213), last_span(84), last_span(9)
    (('months', 12), ('months', 7), ('weeks', 12), ('days', 9))
    """
    if history_days is None or is_whole_year(history_days):
        return "months", 12
    if history_days < 21:
        return "days", history_days
    if history_days < 183:
        return "weeks", round(history_days / 7)
    return "months", round(history_days / 30.44)


# Periods


def unit_of(period: str) -> str:
    """The letter by which Ibis and pandas know a period; ``ValueError`` for one that is not known.

    >>> unit_of("quarter")
    'Q'
    """
    if period not in _UNITS:
        raise ValueError(f"period {period!r} is not known; use one of {', '.join(_UNITS)}")
    return _UNITS[period]


def period_start(day: Any, period: Period) -> dt.date:
    """The first day of the period in which a day lies; weeks begin on Monday.

    >>> period_start("2025-11-20", "quarter")
    datetime.date(2025, 10, 1)
    """
    day = as_day(day)
    if unit_of(period) == "W":
        return day - dt.timedelta(days=day.weekday())
    return dt.date(day.year, day.month - (day.month - 1) % _MONTHS[period], 1)


def later(start: dt.date, period: Period, count: int = 1) -> dt.date:
    """The first day of the period ``count`` periods later (negative: earlier).

    >>> later(dt.date(2025, 11, 1), "month", 3), later(dt.date(2025, 12, 29), "week", -52)
    (datetime.date(2026, 2, 1), datetime.date(2024, 12, 30))
    """
    if period == "week":
        return start + dt.timedelta(weeks=count)
    months = 12 * start.year + start.month - 1 + count * _MONTHS[period]
    return dt.date(months // 12, months % 12 + 1, 1)


def whole_periods(first: dt.date, end: dt.date, period: Period) -> list[dt.date]:
    """The starts of all periods from the one that begins on ``first`` to the last that is over with the day ``end``.

    >>> whole_periods(dt.date(2025, 1, 1), dt.date(2025, 3, 30), "month")
    [datetime.date(2025, 1, 1), datetime.date(2025, 2, 1)]
    """
    starts = []
    while later(first, period) <= end + dt.timedelta(days=1):
        starts.append(first)
        first = later(first, period)
    return starts


def first_whole_period(first_day: dt.date, period: Period) -> dt.date:
    """The first period of which the data tell all: not the one in the middle of which they begin.

    >>> first_whole_period(dt.date(2025, 1, 2), "month"), first_whole_period(dt.date(2025, 1, 12), "month")
    (datetime.date(2025, 1, 1), datetime.date(2025, 2, 1))
    """
    start = period_start(first_day, period)
    late = (first_day - start).days > _LATE * (later(start, period) - start).days
    return later(start, period) if late else start


def periods_between(first: Value, second: Value, period: Period) -> Value:
    """How many periods lie between two first days of periods, as an Ibis expression.

    >>> import ibis
    >>> days = [ibis.date(day) for day in ("2024-11-01", "2025-02-01")]
    >>> periods_between(*days, "month").execute(), periods_between(*days, "quarter").execute()
    (3, 1)
    """
    start: Any = first
    end: Any = second
    if unit_of(period) == "W":
        return (end.delta(start, unit="day") // 7).cast("int64")
    years = end.year() - start.year()
    if period == "month":
        years = 12 * years + end.month() - start.month()
    elif period == "quarter":
        years = 4 * years + end.quarter() - start.quarter()
    return years.cast("int64")


def days_apart(start: Any, end: Any) -> Any:
    """Days, with their parts, from one time to another (Ibis columns), to the second.

    >>> import ibis, pandas as pd
    >>> times = ibis.memtable({"a": [pd.Timestamp("2025-01-01 12:00")], "b": [pd.Timestamp("2025-01-02 18:00:00.7")]})
    >>> days_apart(times.a, times.b).execute()[0].item()
    1.25
    """
    # Of parts of seconds, one engine counts those that have begun and another those that are over.
    return end.truncate("s").delta(start.truncate("s"), unit="second") / 86400.0
