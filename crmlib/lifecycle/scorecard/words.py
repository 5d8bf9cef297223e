"""How the scorecard speaks: changes, targets, signals, drivers and methods in words."""

from __future__ import annotations

from typing import Any

from crmlib import text
from crmlib.calendar import Period, as_day
from crmlib.lifecycle.scorecard.definitions import Kpi


def known(value: Any) -> bool:
    """Whether there is a value: neither None nor NaN."""
    return value is not None and value == value


def signed(words: str, value: float) -> str:
    """A formatted number with a plus sign if it is above zero."""
    return f"+{words}" if value > 0 else words


def change_in_words(kpi: Kpi, new: float, old: float) -> str:
    """The change of a KPI: in points for rates and scores, else in per cent of the old value."""
    if kpi.unit.startswith("percent") or kpi.unit == "score":
        points = (new - old) * (1 if kpi.unit == "score" else 100)
        return text.say("{change} points", change=signed(text.number(points, digits=1), round(points, 1)))
    if not old:
        return signed(kpi.form(new - old), new - old)
    share = new / old - 1
    return signed(text.percent(share, digits=1), round(share, 3))


def target_in_words(kpi: Kpi, status: str) -> str:
    """Whether the target is met; empty without target."""
    if status == "met":
        return text.say("target {target}: met", target=kpi.form(kpi.target))
    if status == "missed":
        return text.say("target {target}: missed", target=kpi.form(kpi.target))
    if status == "unclear":
        return text.say("target {target}: too close to tell", target=kpi.form(kpi.target))
    return ""


def signal_in_words(signal: str, side: int) -> str:
    """What the limits say of the last value's level."""
    if signal == "outside":
        return text.say("signal: above its usual range") if side > 0 else text.say("signal: below its usual range")
    if signal == "run":
        return (
            text.say("signal: eight or more in a row above average")
            if side > 0
            else text.say("signal: eight or more in a row below average")
        )
    if signal == "season":
        return text.say("season: beyond its usual range, as a year ago")
    if signal == "trend":
        return (
            text.say("growing beyond its average: compare with a year ago")
            if side > 0
            else text.say("falling below its average: compare with a year ago")
        )
    if signal == "none":
        return text.say("too few values to tell")
    if signal == "stock":
        return text.say("a stock, not judged by limits")
    return text.say("noise: within its usual range")


def why_not_in_words(row: Any, kpi: Kpi) -> str:
    """Why a KPI has no value."""
    if row.state == "missing":
        return text.say("not available: needs {missing}", missing=row.missing)
    if row.state == "few":
        return text.say("not judged: fewer than {fewest} cases in every period", fewest=kpi.fewest)
    if row.state == "unfitted":
        return text.say("not available: the model could not be fitted, too few customers came back")
    if row.state == "no_cases":
        return text.say("not available: no whole period holds any such cases")
    return text.say("not available: no period has been observed long enough")


def compared_in_words(kpi: Kpi, row: Any, period: Period) -> str:
    """The change against the value before, and whether it means something.

    A change within the usual ones is noise. But if the value's own interval leaves the value before out, it is real,
    though small: then it is called what it may be, a season.
    """
    if not known(row.previous):
        return text.say("first value")
    values = {
        "change": change_in_words(kpi, row.value, row.previous),
        "period": period_name(row.previous_period, period),
    }
    if row.signal in ("none", "stock"):
        return text.say("{change} against {period}", **values)
    if row.change_signal:
        return text.say("{change} against {period}, more than noise", **values)
    if not known(row.low) or row.low <= row.previous <= row.high:
        return text.say("{change} against {period}, which is noise", **values)
    if _as_a_year_ago(row):
        return text.say(
            "{change} against {period}, as a year ago ({year_ago})", year_ago=kpi.form(row.year_ago), **values
        )
    return text.say("{change} against {period}, no more than it usually changes", **values)


def _as_a_year_ago(row: Any) -> bool:
    """Whether the same period last year lay on the same side of the mean, at least half as far from it."""
    if not known(row.year_ago) or not known(row.centre):
        return False
    return (row.year_ago - row.centre) * row.side >= abs(row.value - row.centre) / 2 > 0


def since_last_year_in_words(kpi: Kpi, row: Any) -> str:
    """The change of a KPI on a trend against the same period a year ago; empty where that is not known."""
    if not known(row.year_ago):
        return ""
    return text.say(
        "{change} against a year ago ({year_ago})",
        change=change_in_words(kpi, row.value, row.year_ago),
        year_ago=kpi.form(row.year_ago),
    )


def with_seasons(words: str) -> str:
    """The words, and the caution that belongs to times that are not whole years."""
    return text.say(
        "{words} The two times lie in different months of the year, so seasons may be part of it.", words=words
    )


def driver_name(driver: str) -> str:
    """A driver of revenue in words."""
    names = {
        "revenue": text.say("Revenue"),
        "customers": text.say("Customers who bought"),
        "new_customers": text.say("New customers"),
        "returned_customers": text.say("Returned customers"),
        "lost_customers": text.say("Lost customers"),
        "orders_per_customer": text.say("Orders per customer"),
        "order_value": text.say("Average order value"),
        "guests": text.say("Guests"),
    }
    return names[driver]


def method_in_words(method: str) -> str:
    """A forecasting method in words."""
    names = {
        "mean": text.say("the mean of all values"),
        "last": text.say("the last value"),
        "smoothed": text.say("a smoothed level"),
        "trend": text.say("the last value and the mean change"),
        "season": text.say("the same period a year ago"),
        "season_growth": text.say("the same period a year ago and the growth since"),
    }
    return names[method]


def period_name(start: Any, period: Period) -> str:
    """What a period is called in the language in use; ``–`` where there is none.

    >>> period_name("2025-10-01", "month"), period_name("2025-10-01", "quarter")
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
