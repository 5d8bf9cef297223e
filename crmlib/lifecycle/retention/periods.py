"""What periods and ages of cohorts are called."""

from __future__ import annotations

from typing import Any

from crmlib import text
from crmlib.calendar import Period, as_day


def ages_label(period: Period) -> str:
    """The heading of an axis that counts the age of cohorts."""
    labels = {
        "week": text.say("Weeks since the week of the first purchase"),
        "month": text.say("Months since the month of the first purchase"),
        "quarter": text.say("Quarters since the quarter of the first purchase"),
        "year": text.say("Years since the year of the first purchase"),
    }
    return labels[period]


def period_name(first_day: Any, period: Period) -> str:
    """A period in words, by its first day.

    >>> period_name("2025-04-01", "quarter"), period_name("2025-04-01", "year")
    ('2025 Q2', '2025')
    """
    day = as_day(first_day)
    if period == "week":
        return text.day(day)
    if period == "month":
        return text.month(day)
    if period == "quarter":
        return text.say("{year} Q{quarter}", year=str(day.year), quarter=(day.month + 2) // 3)
    return str(day.year)


def age_name(age: Any, period: Period) -> str:
    """An age in words.

    >>> age_name(3, "month")
    'month 3'
    """
    names = {
        "week": text.say("week {age}", age=int(age)),
        "month": text.say("month {age}", age=int(age)),
        "quarter": text.say("quarter {age}", age=int(age)),
        "year": text.say("year {age}", age=int(age)),
    }
    return names[period]


def period_word(period: Period) -> str:
    """The word for a period.

    >>> period_word("quarter")
    'quarter'
    """
    words = {
        "week": text.say("week"),
        "month": text.say("month"),
        "quarter": text.say("quarter"),
        "year": text.say("year"),
    }
    return words[period]
