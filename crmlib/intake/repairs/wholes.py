"""What only the values of a whole column show, once they are read: a sign that is turned, a day that means none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crmlib.engine import literal
from crmlib.intake.repairs.cells import Cell, Habits, Plan, any_of

PLACEHOLDERS = ("1900-01-01", "1901-01-01", "1970-01-01")
"""Days that systems write where no birthday is known."""

_AT_LEAST = 5
_SHARE = 0.01
_TIMES_ITS_NEIGHBOURS = 10
_TIMES_OTHER_NEW_YEARS = 3
_DAYS_AROUND = 30
_YEARS_AROUND = 5


def judged(connection: Any, relation: str, cell: Cell, plan: Plan, habits: Habits) -> Plan:
    """How a column is read after a look at its values.

    Args:
        connection: DuckDB.
        relation: name of the relation with the raw cells.
        cell: the column; of money with ``low`` 0 the sign is judged, of days that are not required the placeholders.
        plan: how it is read so far.
        habits: what the settings say.

    Returns:
        the same plan, or one in which the sign is turned or placeholders are empty, with the decision.
    """
    if cell.kind in ("number", "whole") and cell.unit == "money" and cell.low == 0 and habits.mends("sign"):
        return _with_turned_sign(connection, relation, cell, plan)
    if cell.kind == "date" and not cell.required and habits.mends("epoch_blank"):
        return _without_placeholders(connection, relation, cell, plan)
    if cell.kind == "time" and cell.zone:
        return _as_days(connection, relation, cell, plan, habits)
    return plan


def _as_days(connection: Any, relation: str, cell: Cell, plan: Plan, habits: Habits) -> Plan:
    """Times of a zone that the heading says, all of them midnights there: days, which no other zone moves."""
    wall = f"({plan.value}) AT TIME ZONE coalesce({cell.zone}, {literal(habits.timezone)})"
    number, clocks = connection.execute(
        f"SELECT count(wall), count_if(CAST(wall AS TIME) <> TIME '00:00') FROM (SELECT {wall} AS wall FROM {relation})"
    ).fetchone()
    if clocks or not number:
        return plan
    said = cell.decision("days", n=number)
    days = f"({wall}) AT TIME ZONE {literal(habits.timezone)}"
    return replace(plan, value=days, decisions=(*plan.decisions, said))


def _with_turned_sign(connection: Any, relation: str, cell: Cell, plan: Plan) -> Plan:
    """Sums that count from 0 but are all written as negatives: what was paid back as -12.50."""
    below, above = connection.execute(
        f"SELECT count_if(value < 0), count_if(value > 0) FROM (SELECT {plan.value} AS value FROM {relation})"
    ).fetchone()
    if not below or above:
        return plan
    negative = f"(({plan.value}) < 0)"
    return replace(
        plan,
        value=f"CASE WHEN {negative} THEN -({plan.value}) ELSE {plan.value} END",
        mendings=(*plan.mendings, ("sign", negative)),
        decisions=(*plan.decisions, cell.decision("sign", n=below)),
    )


def _without_placeholders(connection: Any, relation: str, cell: Cell, plan: Plan) -> Plan:
    """Birthdays without the days that stand for an unknown one, where far more have them than are born on a day."""
    found = _placeholders(connection, relation, plan)
    if not found:
        return plan
    days = ", ".join(f"DATE '{day}'" for day in found)
    empty = f"coalesce(({plan.value}) IN ({days}), false)"
    older = [condition for name, condition in plan.mendings if name == "epoch_blank"]
    others = tuple((name, condition) for name, condition in plan.mendings if name != "epoch_blank")
    said = [cell.decision("placeholder", day=day, n=number) for day, number in found.items()]
    return replace(
        plan,
        value=f"CASE WHEN NOT {empty} THEN {plan.value} END",
        filled=f"({plan.filled} AND NOT {empty})",
        mendings=(*others, ("epoch_blank", any_of([*older, empty]))),
        decisions=(*plan.decisions, *said),
    )


def _placeholders(connection: Any, relation: str, plan: Plan) -> dict[str, int]:
    """Each placeholder that stands too often to be a birthday, and how often.

    Too often: at least five times, and in a hundredth of the filled cells or more than ten times as often as a day
    of the month before and after. Where only years are known every 1 January is that frequent: then it is none.
    """
    days = ", ".join(f"DATE '{day}'" for day in PLACEHOLDERS)
    rows = connection.execute(
        f"""WITH days AS (SELECT CAST({plan.value} AS DATE) AS day, count(*) AS n FROM {relation} GROUP BY 1),
            placeholders AS (SELECT unnest([{days}]) AS placeholder),
            pairs AS (SELECT day, n, placeholder, abs(date_diff('day', placeholder, day)) AS apart,
                    month(day) = 1 AND day(day) = 1 AND abs(year(day) - year(placeholder)) <= {_YEARS_AROUND}
                    AND day NOT IN ({days}) AS new_year
                FROM days, placeholders WHERE day IS NOT NULL)
        SELECT CAST(placeholder AS VARCHAR), coalesce(sum(n) FILTER (apart = 0), 0),
            coalesce(sum(n) FILTER (apart BETWEEN 1 AND {_DAYS_AROUND}), 0) / {2 * _DAYS_AROUND},
            coalesce(sum(n) FILTER (new_year), 0) / {2 * _YEARS_AROUND}, sum(n)
        FROM pairs GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    return {
        day: int(number)
        for day, number, around, new_years, filled in rows
        if number >= _AT_LEAST
        and (number >= _SHARE * filled or number > _TIMES_ITS_NEIGHBOURS * around)
        and number > _TIMES_OTHER_NEW_YEARS * new_years
    }
