"""What to expect next: simple forecasts that compete on the KPI's own past, with an interval that was tried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from crmlib.calendar import PERIODS_A_YEAR, Period, later
from crmlib.lifecycle.scorecard.definitions import Kpi

LEVEL = 0.8  # share of the coming values that the intervals should hold
FEWEST_TO_LEARN = 6  # values before the first forecast that is tried out
FEWEST_ERRORS = 5  # errors before an interval is made of them
FEWEST_TRIED = 5  # intervals tried out before it is told how many of them held
_REGULAR = 4  # values that must lie equally far apart for the next period to be named
_RECENT = 3  # values whose growth over a year is carried on
_LARGEST_RATIO = 10  # of the largest to the smallest value, for errors to be told as ratios
_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # weights of the newest value in smoothing


def forecast(values: Any, kpis: Mapping[str, Kpi], *, steps: int = 3, period: Period = "month") -> Any:
    """The next ``steps`` values of each KPI, with an interval that should hold ``LEVEL`` (80%) of them.

    ``values``: a frame from :func:`~crmlib.lifecycle.scorecard.values.kpi_values`; only rows with ``judged`` count.
    Simple methods compete: ``mean`` of all values, ``last`` value, ``smoothed`` (simple exponential smoothing),
    ``trend`` (last value and mean change), ``season`` (same period a year ago), ``season_trend`` (that, and the change
    of the last three values against the same three a year ago) and ``season_growth`` (the same as a ratio). Each
    forecasts the KPI's past as if it did not know what came (rolling origin); the one with the smallest mean absolute
    error over one step is used, the simplest if several are alike. The interval is made of its errors at the same
    distance, by Student's t. Where all values are above 0, and the largest is at most ten times the smallest, errors
    are ratios (differences of logarithms): a series that grows is missed by more as it grows.

    One row per KPI and step: ``kpi, step, period`` (empty where values come irregularly), ``forecast, low, high,
    method``; and how the whole procedure would have done at this distance: ``covered`` of ``tries`` past values fell
    into the interval that it gave as many steps before. KPIs with fewer than eleven values are not there.

    Source: rolling origins: Tashman (2000), International Journal of Forecasting 16(4).

    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> values = pd.DataFrame({"kpi": "nps", "period": pd.date_range("2024-01-01", periods=14, freq="MS").date,
    ...                        "value": [50.0, 52, 49, 51, 50, 48, 50, 52, 48, 50, 49, 51, 50, 50], "judged": True})
    >>> forecast(values, load_kpis(), steps=1).round(1)[["period", "forecast", "low", "high", "method"]]
           period  forecast   low  high method
    0  2025-03-01      50.0  48.3  51.8   mean
    """
    columns = ["kpi", "step", "period", "forecast", "low", "high", "method", "covered", "tries"]
    rows = []
    for key, part in values[values["judged"]].groupby("kpi", sort=False):
        if key in kpis and len(part) >= FEWEST_TO_LEARN + FEWEST_ERRORS:
            rows += [(key, *row) for row in _forecast(part, kpis[key].possible, steps, period)]
    return pd.DataFrame(rows, columns=columns)


def _forecast(part: Any, possible: tuple[float, float], steps: int, period: Period) -> Any:
    y, periods = part["value"].to_numpy(dtype=float), list(part["period"])
    gap = _gap(periods, period)
    season = _season(periods, gap, period)
    is_log = bool((y > 0).all() and y.max() <= _LARGEST_RATIO * y.min())
    tried = _try_out(y, season, steps, is_log=is_log)
    best = _best(tried[:, :, 0])
    method = [*_METHODS][best]
    ahead = np.broadcast_to(_METHODS[method](y, season, np.arange(1, steps + 1)), steps)
    for step, expected in enumerate(np.clip(ahead, *possible).tolist(), start=1):
        half = _half(tried[best, :, step - 1])
        ends = [expected * np.exp(-half), expected * np.exp(half)] if is_log else [expected - half, expected + half]
        low, high = np.clip(ends, *possible).tolist()
        start = later(periods[-1], period, gap * step) if gap else None
        yield step, start, expected, low, high, method, *_coverage(tried, step - 1)


def _gap(periods: list[Any], period: Period) -> int:
    """How many periods lie between any two values of late; 0 if not always as many."""
    recent = periods[-_REGULAR:]
    for gap in range(1, PERIODS_A_YEAR[period] + 1):
        if all(later(first, period, gap) == then for first, then in pairwise(recent)):
            return gap
    return 0


def _season(periods: list[Any], gap: int, period: Period) -> int:
    """How many values make a year; 0 where values are missing or a year is no whole number of gaps."""
    whole = gap and all(later(first, period, gap) == then for first, then in pairwise(periods))
    return PERIODS_A_YEAR[period] // gap if whole and PERIODS_A_YEAR[period] % gap == 0 else 0


def _try_out(y: Any, season: int, steps: int, *, is_log: bool) -> Any:
    """For each method and origin i the errors of forecasts of y[i], y[i + 1] … that know y[:i] only; NaN without.

    ``is_log``: errors are differences of logarithms; none (NaN) for a forecast of 0 or below.
    """
    tried = np.full((len(_METHODS), len(y), steps), np.nan)
    for errors, (name, method) in zip(tried, _METHODS.items(), strict=True):
        longer = season + _RECENT * (name != "season") if season else len(y)
        needs = longer if name.startswith("season") else 0
        for i in range(max(FEWEST_TO_LEARN, needs), len(y)):
            coming = y[i : i + steps]
            expected = method(y[:i], season, np.arange(1, len(coming) + 1))
            if is_log:
                coming, expected = np.log(coming), np.log(np.where(expected > 0, expected, np.nan))
            errors[i, : len(coming)] = coming - expected
    return tried


def _best(one_step: Any) -> int:
    """The first method with the smallest mean absolute error over the one-step forecasts that all made."""
    able = np.isfinite(one_step).sum(axis=1) >= FEWEST_ERRORS
    together = np.isfinite(one_step[able]).all(axis=0)
    means = np.where(able, np.abs(one_step[:, together]).mean(axis=1), np.inf)
    return int(np.argmax(means <= means.min() * (1 + 1e-9)))


def _coverage(tried: Any, beyond: int) -> tuple[int, int]:
    """Of how many past values the procedure, knowing what came before only, gave an interval that held them.

    ``beyond``: how many steps beyond the first. A forecast made at i knows of errors so far ahead only those made
    until i − ``beyond``.
    """
    origins = range(FEWEST_TO_LEARN + FEWEST_ERRORS + beyond, tried.shape[1] - beyond)
    errors = [(tried[_best(tried[:, :i, 0]), :, beyond], i) for i in origins]
    halves = [(abs(of[i]), _half(of[: i - beyond])) for of, i in errors]
    told = [error <= half * (1 + 1e-9) for error, half in halves if np.isfinite(half)]
    return sum(map(bool, told)), len(told)


def _half(errors: Any) -> float:
    """Half the width of the interval that past errors give for the next one."""
    from scipy.special import stdtrit

    known = errors[np.isfinite(errors)]
    if len(known) < FEWEST_ERRORS:
        return float("nan")
    spread = np.sqrt(np.mean(known**2) * (1 + 1 / len(known)))
    return float(stdtrit(len(known), 0.5 + LEVEL / 2) * spread)


def _smoothed(y: Any, season: int, steps: Any) -> Any:
    """Simple exponential smoothing; the weight is the one with the smallest squared one-step errors so far."""
    weight = np.array(_LEVELS)
    level, squares = np.full(len(weight), y[0]), np.zeros(len(weight))
    for value in y[1:]:
        squares += (value - level) ** 2
        level = level + weight * (value - level)
    return level[int(np.argmin(squares))]


def _year_ago(y: Any, season: int, steps: Any) -> Any:
    return y[len(y) - season + (steps - 1) % season]


def _change(y: Any, season: int) -> float:
    return float(y[-_RECENT:].mean() - y[-season - _RECENT : -season].mean())


def _growth(y: Any, season: int) -> float:
    before = y[-season - _RECENT : -season].sum()
    return y[-_RECENT:].sum() / before if before > 0 else 1.0


# From y, the length of a season and the steps ahead (1, 2 …) to a forecast for each, or one for all. Simplest first.
_METHODS: dict[str, Callable[[Any, int, Any], Any]] = {
    "mean": lambda y, season, steps: y.mean(),
    "last": lambda y, season, steps: y[-1],
    "smoothed": _smoothed,
    "trend": lambda y, season, steps: y[-1] + (y[-1] - y[0]) / (len(y) - 1) * steps,
    "season": _year_ago,
    "season_trend": lambda y, season, steps: _year_ago(y, season, steps) + _change(y, season),
    "season_growth": lambda y, season, steps: _year_ago(y, season, steps) * _growth(y, season),
}
