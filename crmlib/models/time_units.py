"""The units of time that customers' histories are counted in, and how many days each has."""

from __future__ import annotations

from typing import Literal

Unit = Literal["days", "weeks", "months"]

# A month as a unit is a twelfth of the calendar's mean year, so that time runs evenly and 12 months are a year; 30
# days would make a year of 360.
DAYS_PER_UNIT: dict[str, float] = {"days": 1, "weeks": 7, "months": 365.25 / 12}


def days_per_unit(unit: str) -> float:
    """How many days a time unit has; a month has 365.25 / 12. Raises ``ValueError`` for any other unit.

    >>> days_per_unit("weeks"), days_per_unit("months")
    (7, 30.4375)
    """
    if unit not in DAYS_PER_UNIT:
        raise ValueError(f"unit {unit!r} is not known; use one of {', '.join(DAYS_PER_UNIT)}")
    return DAYS_PER_UNIT[unit]
