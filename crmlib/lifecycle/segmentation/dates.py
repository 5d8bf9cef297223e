"""Twelve months back, and the month's end stays a month's end; shorter where the orders begin later."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any

from crmlib import text
from crmlib.lifecycle.purchases import as_day

_WHOLE_YEAR_DAYS = 350


def months_before(day: Any, months: int) -> dt.date:
    """The same day ``months`` earlier; the last day of a month answers the last day of a month.

    The twelve months up to ``day`` are the days after ``months_before(day, 12)``.

    >>> months_before("2025-12-31", 12), months_before("2025-02-28", 12), months_before("2025-03-30", 1)
    (datetime.date(2024, 12, 31), datetime.date(2024, 2, 29), datetime.date(2025, 2, 28))
    """
    end = as_day(day)
    year, month = divmod(12 * end.year + end.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    is_last = end.day == calendar.monthrange(end.year, end.month)[1]
    return dt.date(year, month + 1, last if is_last else min(end.day, last))


def is_whole_year(history_days: int | None) -> bool:
    """Whether the orders cover the twelve months that are looked at; not known (None) counts as yes.

    Two weeks are allowed for, because the first purchase is seldom on the first day of the data.

    >>> is_whole_year(None), is_whole_year(355), is_whole_year(84)
    (True, True, False)
    """
    return history_days is None or history_days >= _WHOLE_YEAR_DAYS


def period_in_words(history_days: int | None) -> str:
    """What "the last twelve months" truly are where the orders cover only ``history_days`` days.

    >>> period_in_words(400), period_in_words(213), period_in_words(84), period_in_words(9)
    ('last twelve months', 'last 7 months', 'last 12 weeks', 'last 9 days')
    """
    if history_days is None or is_whole_year(history_days):
        return text.say("last twelve months")
    if history_days < 21:
        return text.say("last {days} days", days=history_days)
    if history_days < 183:
        return text.say("last {weeks} weeks", weeks=round(history_days / 7))
    return text.say("last {months} months", months=round(history_days / 30.44))
