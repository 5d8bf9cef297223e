"""Signal against noise: natural process limits (XmR charts), so that nobody explains what is mere chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import linregress

from crmlib.calendar import PERIODS_A_YEAR, Period, later
from crmlib.statistics.limits import RUN, process_limits, run_lengths

FEWEST_FOR_TREND = 8
# A slope of as many standard errors is a trend (a stable series shows one about once in 200 times), and what lies no
# more standard deviations from the line is on it.
_TREND_FACTOR = 3
# What the signal of a value may be where there are limits; the first two call for a cause.
MOVED = ("outside", "run")
JUDGED = ("", *MOVED, "season", "trend")


def natural_limits(values: Any, *, period: Period = "month") -> Any:
    """Which values are signals, by limits that the process itself sets.

    ``values``: a frame from :func:`~crmlib.lifecycle.scorecard.values.kpi_values`; only rows with ``judged`` count.
    The centre is the mean, the limits lie 2.66 mean moving ranges from it, both from all values but the last,
    which is judged by them. With fewer than six such values there are no limits.

    One row per KPI and value: ``kpi, period, value, centre, lower, upper``; ``moving_range``, the change against the
    value before without its sign, and ``change_signal``, whether that is above 3.268 mean moving ranges; ``signal`` of
    the level: ``outside`` (beyond a limit), ``run`` (the eighth or later of values on one side of the centre),
    ``season`` (beyond a limit, as was the same period a year ago, on the same side), ``trend`` (``outside`` or ``run``,
    but where the series has grown or fallen steadily, and not more than three standard errors farther from the centre
    than that), empty for noise; ``side`` (1 above the centre, −1 below).

    A series has a trend if the slope of its history is three standard errors from zero, and a line fits it better than
    any single step. Mind: moving ranges of few values make rough limits.

    Source: Wheeler (2000), "Understanding Variation", chapters 3 and 4.

    >>> values = pd.DataFrame({"kpi": "nps", "period": pd.date_range("2025-01-01", periods=8, freq="MS").date,
    ...                        "value": [50.0, 52, 49, 51, 50, 48, 50, 60], "judged": True})
    >>> natural_limits(values)[["centre", "lower", "upper", "signal"]].tail(1)
       centre  lower  upper   signal
    7    50.0  44.68  55.32  outside
    """
    columns = [
        "kpi", "period", "value", "centre", "lower", "upper", "moving_range", "change_signal", "signal", "side",
    ]  # fmt: skip
    known = values[values["judged"]]
    parts = [_limits(part.reset_index(drop=True), period) for _, part in known.groupby("kpi", sort=False)]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _limits(values: Any, period: Period) -> Any:
    x = values["value"].to_numpy(dtype=float)
    history = x[:-1]
    moving = np.abs(np.diff(x, prepend=np.nan))
    limits = process_limits(history)
    # Equal values may differ in the last digit of their arithmetic; that is no signal.
    slack = 1e-9 * np.abs(x).max(initial=0.0)
    side = np.where(x > limits.centre + slack, 1, np.where(x < limits.centre - slack, -1, 0))
    outside = (x > limits.upper + slack) | (x < limits.lower - slack)
    signal = np.full(len(x), "", dtype=object)
    follows = _on_trend(x, len(history))
    signal[np.array(run_lengths(side.tolist())) >= RUN] = "run"
    signal[outside] = "outside"
    signal[follows & (signal != "")] = "trend"
    at = {start: i for i, start in enumerate(values["period"])}
    for start, i in at.items():
        j = at.get(later(start, period, -PERIODS_A_YEAR[period]))
        if signal[i] == "outside" and j is not None and outside[j] and side[j] == side[i]:
            signal[i] = "season"
    return values.assign(
        centre=limits.centre,
        lower=limits.lower,
        upper=limits.upper,
        moving_range=moving,
        change_signal=moving > limits.largest_change + slack,
        signal=signal,
        side=side,
    )


def _on_trend(x: Any, known: int) -> Any:
    """Which values a line through the first ``known`` of them explains; none if they show no trend.

    It does not explain those that lie farther from the mean than the line and its error reach.
    """
    if known < FEWEST_FOR_TREND:
        return np.zeros(len(x), dtype=bool)
    history, at = x[:known], np.arange(len(x))
    line = linregress(at[:known], history)
    rest = x - line.intercept - line.slope * at
    squares = float((rest[:known] ** 2).sum())
    one_step = min(history[:i].var() * i + history[i:].var() * (known - i) for i in range(1, known))
    slack = 1e-9 * np.abs(x).max()
    if abs(line.slope) <= _TREND_FACTOR * line.stderr + slack or squares > one_step:
        return np.zeros(len(x), dtype=bool)
    # Not moving ranges: stocks leave their line and come back slowly, in small steps. The error of prediction counts,
    # too: beyond the end of its history a line is less sure.
    away = line.stderr * (at - at[:known].mean())
    reach = _TREND_FACTOR * np.sqrt(squares / (known - 2) * (1 + 1 / known) + away**2)
    return rest * np.sign(x - history.mean()) <= reach + slack
