"""Twelve months back, and the month's end stays a month's end."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any

from crmlib.lifecycle.purchases import as_day


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
