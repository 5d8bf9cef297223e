"""Opportunity time: a clock that runs faster in a year's strong months."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib.models.arrays import Numbers

MONTHS = 12
# With fewer whole months, growth and season cannot be told apart.
FEWEST_MONTHS = 18
MONTH_DAYS = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True)
class Season:
    """How fast the customers' time runs in each month of the year.

    ``pace``: from January, on average 1 over the days of a year; ``as_of``: the last day that was known; ``effect``: by
    what share the orders of the coming year would be forecast too high (negative: too low) in calendar time.
    """

    pace: tuple[float, ...]
    as_of: dt.date
    effect: float

    def elapsed(self, since: Any, until: Any) -> Numbers:
        """Days of even pace from the end of the days ``since`` to the end of the days ``until`` (arrays of days).

        >>> strong_december = Season((0.8,) * 11 + (3.158,), dt.date(2025, 12, 31), 0.1)
        >>> strong_december.elapsed(["2025-11-30", "2024-12-31"], "2025-12-31").round(1).tolist()
        [97.9, 365.3]
        """
        return self._clock(until) - self._clock(since)

    def ahead(self, days: float) -> float:
        """Days of even pace in so many calendar days after ``as_of``."""
        whole = np.floor(days)
        ends = self._clock([self.as_of + dt.timedelta(days=int(whole) + more) for more in (0, 1)])
        return float(ends[0] + (days - whole) * (ends[1] - ends[0]) - self._clock(self.as_of))

    def _clock(self, days: Any) -> Numbers:
        day = np.asarray(pd.to_datetime(days), dtype="datetime64[D]")
        month = day.astype("datetime64[M]")
        pace = np.array(self.pace)
        until = np.append(0.0, np.cumsum(pace * MONTH_DAYS))
        year, place = np.divmod(month.astype(np.int64), MONTHS)
        of_month = (day - month).astype(np.int64) + 1
        # February has its mean length: a day of it runs a little faster or slower, so that all years are equally long.
        length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
        return year * until[-1] + until[place] + pace[place] * of_month * MONTH_DAYS[place] / length


def even_pace(days: float, season: Season | None) -> float:
    """So many calendar days ahead, in days of even pace."""
    return days if season is None else season.ahead(days)
