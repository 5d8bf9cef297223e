"""The brand's clock: days since the first day (local wall time), and the seasons as a warp of time.

Seasons are a *time warp*: purchases happen in even "business time", which runs faster around 6.18 and 11.11 and slower
in the New Year week. A year of business time is a year, so a model without seasons stays about true.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

FIRST_DAY = date(2024, 1, 1)
DAYS = 731  # 2024-01-01 to 2025-12-31: the window that the tables show
FUTURE_DAYS = 365  # simulated beyond the window, for the truth only
NEW_YEARS = (date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17))


def day_number(iso: str) -> int:
    """Days from the first day to ``iso`` (YYYY-MM-DD)."""
    return (date.fromisoformat(iso) - FIRST_DAY).days


def _weight(day: date) -> float:
    """Relative pace of business on a day, before it is scaled to a mean of 1 over its year."""
    month, dom = day.month, day.day
    distance = min(((day - new_year).days for new_year in NEW_YEARS), key=abs)
    if 0 <= distance <= 6:
        return 0.5
    if -14 <= distance < 0:
        return 1.3
    if month == 6 and dom <= 20:
        return 2.2 if dom >= 16 else 1.3
    if month == 11 and dom <= 11:
        return 2.6 if dom >= 10 else 1.4
    if (month, dom) in {(3, 7), (3, 8), (12, 12)}:
        return 1.7
    return 1.15 if day.weekday() >= 5 else 0.95


def _day_weights() -> np.ndarray:
    """Pace per day, window and future, with mean exactly 1 in each calendar year."""
    days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS + FUTURE_DAYS)]
    pace, years = np.array([_weight(day) for day in days]), np.array([day.year for day in days])
    for year in np.unique(years):
        pace[years == year] /= pace[years == year].mean()
    return pace


PACE = _day_weights()
_BUSINESS = np.concatenate([[0.0], np.cumsum(PACE)]) / 7.0
END_OF_WINDOW = _BUSINESS[DAYS]  # business weeks
END_OF_FUTURE = _BUSINESS[-1]


def to_business(days: np.ndarray | float) -> np.ndarray:
    """Business time (weeks) at calendar time (days)."""
    return np.asarray(np.interp(days, np.arange(len(_BUSINESS)), _BUSINESS))


def to_calendar(weeks: np.ndarray) -> np.ndarray:
    """Calendar time (days) at business time (weeks)."""
    return np.interp(weeks, _BUSINESS, np.arange(len(_BUSINESS)))


def opening_hours(days: np.ndarray) -> np.ndarray:
    """Squeeze the time of day into 9:30 to 22:00, keeping the order of events within a day."""
    whole = np.floor(days)
    return whole + (9.5 + 12.5 * (days - whole)) / 24.0


def month_of(days: np.ndarray) -> np.ndarray:
    """Months since January 2024, as integers."""
    stamps = np.datetime64(FIRST_DAY) + np.floor(days).astype("timedelta64[D]")
    return stamps.astype("datetime64[M]").astype(int) - (2024 - 1970) * 12


def month_day(month: int) -> int:
    """Day number of the first of a month, counted from January 2024."""
    return (date(2024 + month // 12, month % 12 + 1, 1) - FIRST_DAY).days
