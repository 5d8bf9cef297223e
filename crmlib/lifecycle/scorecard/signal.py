"""Signal against noise: natural process limits (XmR charts), so that nobody explains what is mere chance."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from crmlib.calendar import PERIODS_A_YEAR, Period, later
from crmlib.statistics.limits import FEWEST_FOR_LIMITS, RUN, process_limits, run_lengths
from crmlib.statistics.steps import Step, find_step

# A slope of as many standard errors is a trend (a stable series shows one about once in 200 times).
_TREND_FACTOR = 3
_FEWEST_FOR_TREND = 8
# A year resembles the one before if chance makes them as alike in fewer than one of so many stable series.
_CHANCE_OF_A_SEASON = 0.1
_FEWEST_FOR_SEASON = 5
# Changes over a year after a step, to tell it from growth.
_FEWEST_BEYOND = 2
# What the signal of a value may be where there are limits; the first two call for a cause.
MOVED = ("outside", "run")
EXPLAINED = ("season", "trend", "early")
JUDGED = ("", *MOVED, *EXPLAINED)


def natural_limits(values: Any, *, period: Period = "month") -> Any:
    """Which values are signals, by limits that the process itself sets.

    ``values``: a frame from :func:`~crmlib.lifecycle.scorecard.values.kpi_values`; only rows with ``judged`` count.
    The centre is the mean, the limits lie 2.66 mean moving ranges from it, both from all values but the last,
    which is judged by them. With fewer than six such values there are no limits. Three things make false alarms of
    these limits, and are taken out before anybody is alarmed:

    - **A step** (:func:`steps_in`): limits are set after it, not across it; values before it have none.
    - **A trend or a season.** Where a series grows or falls steadily, or each year resembles the one before, the change
      over a year (the ratio where all values are above 0, else the difference) has limits of its own, and only what
      is a signal by these is one. ``centre, lower, upper`` are then those of the change, put on the value a year ago.
    - **Too short a past.** Where fewer than seven changes over a year are known, a season cannot be told from
      news: what lies beyond the limits is ``early``, and the verdict is withheld.

    One row per KPI and value: ``kpi, period, value, centre, lower, upper``; ``moving_range``, the change against the
    value before without its sign, and ``change_signal``, whether that is above 3.268 mean moving ranges; ``signal`` of
    the level: ``outside`` (beyond a limit), ``run`` (the eighth or later of values on one side of the centre), or what
    would be one of these if nothing explained it: ``season`` (the same period a year ago was so, too, or the year
    resembles the one before), ``trend``, ``early``; empty for noise; ``side`` (1 above the centre, −1 below);
    ``since``, the period of the step after which limits were set (empty: none).

    Mind: moving ranges of few values make rough limits.

    Source: Wheeler (2000), "Understanding Variation", chapters 3 and 4.

    >>> usual = [50.0, 52, 49, 51, 50, 48, 50] * 3
    >>> values = pd.DataFrame({"kpi": "nps", "period": pd.date_range("2024-01-01", periods=22, freq="MS").date,
    ...                        "value": [*usual, 60], "judged": True})
    >>> natural_limits(values)[["centre", "lower", "upper", "signal"]].tail(1).round(2)
        centre  lower  upper   signal
    21    50.0  45.21  54.79  outside
    """
    columns = [
        "kpi", "period", "value", "centre", "lower", "upper", "moving_range", "change_signal", "signal", "side",
        "since", "step_before", "step_after",
    ]  # fmt: skip
    known = values[values["judged"]]
    parts = [_limits(part.reset_index(drop=True), period) for _, part in known.groupby("kpi", sort=False)]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def steps_in(values: Any, *, period: Period = "month") -> Any:
    """The KPIs whose level has changed once and for good: ``kpi, since, before, after, p_value``.

    ``values``: as for :func:`natural_limits`; ``since``: the first period after the step, ``before`` and ``after``: the
    means of both sides. A step is one that chance hardly makes (:func:`crmlib.statistics.find_step`), that fits
    better than a straight line, and that neither a season nor growth makes: over a year across the step the values
    change in its direction, by half of it at least; over a year after the step by less than half as much. Where these
    cannot be compared (two changes over a year after the step), no step is named.

    >>> rng = np.random.default_rng(1)
    >>> values = pd.DataFrame({"kpi": "churn_rate", "period": pd.date_range("2024-01-01", periods=24, freq="MS").date,
    ...                        "value": rng.normal(0, 1, 24) + np.repeat([40.0, 50], [6, 18]), "judged": True})
    >>> steps_in(values)[["kpi", "since", "before", "after"]].round(1)
              kpi       since  before  after
    0  churn_rate  2024-07-01    40.3   50.0
    """
    rows = []
    for kpi, part in values[values["judged"]].groupby("kpi", sort=False):
        step = _step(part["value"].to_numpy(dtype=float)[:-1], list(part["period"])[:-1], period)
        if step:
            rows.append((kpi, part["period"].iloc[step.at], step.before, step.after, step.p_value))
    return pd.DataFrame(rows, columns=["kpi", "since", "before", "after", "p_value"])


def _limits(values: Any, period: Period) -> Any:
    x, days = values["value"].to_numpy(dtype=float), list(values["period"])
    step = _step(x[:-1], days[:-1], period)
    begins = step.at if step else 0
    told = _judged(x[begins:], days[begins:], period)
    for name in told:
        before = np.full(begins, {"signal": "", "side": 0, "change_signal": False}.get(name, np.nan), told[name].dtype)
        told[name] = np.concatenate([before, told[name]])
    moving = np.abs(np.diff(x, prepend=np.nan))
    since = pd.Series([days[begins] if step else None] * len(x), dtype=object)
    ends = {"step_before": step.before if step else np.nan, "step_after": step.after if step else np.nan}
    return values.assign(**told, moving_range=moving, since=since, **ends)


def _judged(x: Any, days: list[dt.date], period: Period) -> dict[str, Any]:
    """Limits and signals of one level of a series: by itself, and by its changes over a year where it needs that."""
    level = _against_mean(x)
    ago = _years_ago(days, period)
    has_ago = ago >= 0
    is_log = bool((x > 0).all())
    y = np.log(x) if is_log else x
    changes = np.where(has_ago, y - y[ago], np.nan)
    enough = int(has_ago.sum()) > FEWEST_FOR_LIMITS and bool(has_ago[-1])
    trend = _has_trend(y[:-1])
    needs_year = trend or _has_season(y[:-1], ago[:-1])
    signal, side = level["signal"].copy(), level["side"].copy()
    fired = signal != ""
    seasonal = has_ago & (signal == "outside") & (signal[ago] == "outside") & (side == side[ago])
    if not enough:
        level["signal"][fired] = ("trend" if trend else "season") if needs_year else "early"
    elif needs_year:
        by_year = _against_mean(changes[has_ago])
        of_year, year_side = np.full(len(x), "", dtype=object), side.copy()
        of_year[has_ago], year_side[has_ago] = by_year["signal"], by_year["side"]
        level["signal"][fired] = "trend" if trend else "season"
        moved = (of_year != "") & ~seasonal
        level["signal"][moved], level["side"][moved] = of_year[moved], year_side[moved]
        level["change_signal"] &= moved
        for name in ("centre", "lower", "upper"):
            ends = y[ago][has_ago] + by_year[name]
            level[name] = np.full(len(x), np.nan)
            level[name][has_ago] = np.exp(ends) if is_log else ends
    level["signal"][seasonal] = "season"
    return level


def _against_mean(x: Any) -> dict[str, Any]:
    """The limits around the mean of all values but the last, and which values are signals by them."""
    limits = process_limits(x[:-1])
    # Equal values may differ in the last digit of their arithmetic; that is no signal.
    slack = 1e-9 * np.abs(x).max(initial=0.0)
    side = np.where(x > limits.centre + slack, 1, np.where(x < limits.centre - slack, -1, 0))
    signal = np.full(len(x), "", dtype=object)
    signal[np.array(run_lengths(side.tolist())) >= RUN] = "run"
    signal[(x > limits.upper + slack) | (x < limits.lower - slack)] = "outside"
    ends = {name: np.full(len(x), getattr(limits, name)) for name in ("centre", "lower", "upper")}
    large = np.abs(np.diff(x, prepend=np.nan)) > limits.largest_change + slack
    return {**ends, "change_signal": large, "signal": signal, "side": side}


def _years_ago(days: list[dt.date], period: Period) -> Any:
    """For each period the place of the same one a year before; −1 where that is not there."""
    at = {start: place for place, start in enumerate(days)}
    return np.array([at.get(later(start, period, -PERIODS_A_YEAR[period]), -1) for start in days], dtype=int)


def _step(x: Any, days: list[dt.date], period: Period) -> Step | None:
    """The step of a series that neither a line nor a season explains; None without."""
    step = find_step(x)
    if step is None:
        return None
    from scipy.stats import linregress  # takes long to load

    at = np.arange(len(x))
    line = linregress(at, x)
    around_line = float(((x - line.intercept - line.slope * at) ** 2).sum())
    if around_line <= x[: step.at].var() * step.at + x[step.at :].var() * (len(x) - step.at):
        return None
    ago = _years_ago(days, period)
    changes = (x - x[ago]) * np.sign(step.after - step.before)
    across, beyond = (ago >= 0) & (ago < step.at), ago >= step.at
    if not across.any() or beyond.sum() < _FEWEST_BEYOND:
        return None
    size = abs(step.after - step.before)
    lasts, ends = changes[across].mean() >= size / 2, changes[beyond].mean() < changes[across].mean() / 2
    return step if lasts and ends else None


def _has_trend(history: Any) -> bool:
    from scipy.stats import linregress

    if len(history) < _FEWEST_FOR_TREND:
        return False
    line = linregress(np.arange(len(history)), history)
    return bool(abs(line.slope) > _TREND_FACTOR * line.stderr + 1e-9 * np.abs(history).max())


def _has_season(history: Any, ago: Any) -> bool:
    """Whether each year resembles the one before more than chance makes it, once a straight line is taken out."""
    from scipy.special import stdtrit
    from scipy.stats import linregress

    now = np.flatnonzero(ago >= 0)
    if len(now) < _FEWEST_FOR_SEASON:
        return False
    line = linregress(np.arange(len(history)), history)
    rest = history - line.intercept - line.slope * np.arange(len(history))
    one, two = rest[now], rest[ago[now]]
    if min(one.std(), two.std()) <= 1e-9 * max(np.abs(history).max(), 1e-300):
        return False
    r, free = float(np.corrcoef(one, two)[0, 1]), len(now) - 2
    return bool(r * np.sqrt(free / max(1 - r * r, 1e-12)) > stdtrit(free, 1 - _CHANCE_OF_A_SEASON))
