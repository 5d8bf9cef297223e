"""How far ahead to look (days, weeks, calendar months or years, a date), and what later money is worth today."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Any

import numpy as np

from crmlib.calendar import as_day
from crmlib.models.arrays import Numbers
from crmlib.models.time_units import days_per_unit

Horizon = str | dt.date

DAYS_PER_YEAR = 365


class HorizonInvalid(ValueError):
    """The time to look ahead is not understood, does not lie ahead, or needs a day from which it counts."""


def horizon_days(horizon: Horizon, as_of: Horizon | None = None) -> int:
    """How many days a horizon has.

    ``horizon``: ``"365D"`` days, ``"52W"`` weeks of 7 days, ``"12M"`` calendar months, ``"2Y"`` calendar years, or a
    date (its own day included). Months have 28 to 31 days, so months, years and dates need ``as_of``, the last day
    that the summary knows. A month after the 31st ends with the month. Raises ``HorizonInvalid``.

    >>> horizon_days("52W"), horizon_days("1M", "2025-01-31"), horizon_days("2Y", "2023-12-31")
    (364, 28, 731)
    >>> horizon_days("2025-03-31", as_of="2025-01-31")
    59
    """
    count, kind = _parsed(horizon)
    if kind in ("D", "W"):
        days = count * (7 if kind == "W" else 1)
    elif as_of is None:
        raise HorizonInvalid(
            f"horizon {horizon!r} has no fixed number of days; say as_of, the day as of which the summary was made, or "
            'give days or weeks, such as "365D"'
        )
    else:
        start = as_day(as_of)
        end = as_day(horizon) if kind == "date" else _months_later(start, count * (12 if kind == "Y" else 1), horizon)
        days = (end - start).days
    if days <= 0:
        raise HorizonInvalid(f"horizon {horizon!r} ends before it begins; give a day after as_of, or at least 1 day")
    return days


def _parsed(horizon: Any) -> tuple[int, str]:
    if isinstance(horizon, dt.date):
        return 0, "date"
    found = re.fullmatch(r"(\d{1,6})([DWMY])", horizon) if isinstance(horizon, str) else None
    if found:
        return int(found[1]), found[2]
    try:
        if not isinstance(horizon, str):
            raise ValueError
        dt.date.fromisoformat(horizon)
    except ValueError:
        raise HorizonInvalid(
            f'horizon {horizon!r} is not understood; use "365D" (days), "52W" (weeks), "12M" (calendar months), "2Y" '
            '(calendar years) or a date such as "2026-12-31"'
        ) from None
    return 0, "date"


def _months_later(day: dt.date, months: int, horizon: Any) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > dt.MAXYEAR:
        raise HorizonInvalid(f"horizon {horizon!r} ends after the year {dt.MAXYEAR}; give a shorter one")
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def discount_factors(days: float, discount_rate: float) -> tuple[Numbers, Numbers]:
    """The ends of the steps of a horizon (days) and the factor by which each step is discounted from its middle.

    Steps are twelfths of a year of 365 days; the last one may be shorter.

    >>> ends, factors = discount_factors(365, 0.21)
    >>> len(ends), ends[-1].item(), factors[[0, -1]].round(4).tolist()
    (12, 365.0, [0.9921, 0.833])
    """
    steps = max(int(np.ceil(days / DAYS_PER_YEAR * 12 - 1e-9)), 1)
    ends = np.minimum(np.arange(1, steps + 1) * DAYS_PER_YEAR / 12, days)
    middles = (np.append(0.0, ends[:-1]) + ends) / 2
    return ends, (1 + discount_rate) ** (-middles / DAYS_PER_YEAR)


def discount_per_unit(discount_rate: float, unit: str) -> float:
    """The continuously compounded rate per time unit of a yearly rate.

    >>> round(discount_per_unit(0.15, "weeks"), 5)
    0.00268
    """
    return float(np.log1p(discount_rate)) * days_per_unit(unit) / DAYS_PER_YEAR
