"""What to expect next: simple forecasts that compete on the KPI's own past, with an interval that was tried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from crmlib.calendar import PERIODS_A_YEAR, Period, later
from crmlib.lifecycle.scorecard.definitions import Kpi

FEWEST_TO_LEARN = 6  # values before the first forecast that is tried out
FEWEST_ERRORS = 5  # errors before an interval is made of them
_REGULAR = 4  # values that must lie equally far apart for the next period to be named
_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # weights of the newest value in smoothing


def forecast(
    values: Any, kpis: Mapping[str, Kpi], *, steps: int = 3, period: Period = "month", level: float = 0.8
) -> Any:
    """The next ``steps`` values of each KPI, with an interval that should hold ``level`` of them.

    ``values``: a frame from :func:`~crmlib.lifecycle.scorecard.values.kpi_values`; only rows with ``judged`` count.
    Simple methods compete: ``mean`` of all values, ``last`` value, ``smoothed`` (simple exponential smoothing),
    ``trend`` (last value and mean change), ``season`` (same period a year ago) and ``season_growth`` (that, times
    the last three values over the same three a year ago). Each forecasts the KPI's past as if it did not know what
    came (rolling origin); the one with the smallest mean absolute error is used, the simplest if several are alike.
    The interval is made of its errors at the same distance, by Student's t.

    One row per KPI and step: ``kpi, step, period`` (empty where values come irregularly), ``forecast, low, high,
    method``; and how the whole procedure would have done: ``covered`` of ``tries`` past values fell into the
    interval that it gave one step before. KPIs with fewer than eleven values are not there.

    Source: rolling origins: Tashman (2000), International Journal of Forecasting 16(4).

    >>> import pandas as pd
    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> values = pd.DataFrame({"kpi": "nps", "period": pd.date_range("2024-01-01", periods=14, freq="MS").date,
    ...                        "value": [50.0, 52, 49, 51, 50, 48, 50, 52, 48, 50, 49, 51, 50, 50], "judged": True})
    >>> forecast(values, load_kpis(), steps=1).round(1)[["period", "forecast", "low", "high", "method"]]
           period  forecast   low  high method
    0  2025-03-01      50.0  48.2  51.8   mean
    """
    import pandas as pd

    columns = ["kpi", "step", "period", "forecast", "low", "high", "method", "covered", "tries"]
    rows = []
    for key, part in values[values["judged"]].groupby("kpi", sort=False):
        if key in kpis:
            rows += _forecast(key, part, kpis[key].possible, steps, period, level)
    return pd.DataFrame(rows, columns=columns)


def _forecast(
    key: Any, part: Any, possible: tuple[float, float], steps: int, period: Period, level: float
) -> list[tuple[Any, ...]]:
    import numpy as np

    y = part["value"].to_numpy(dtype=float)
    if len(y) < FEWEST_TO_LEARN + FEWEST_ERRORS:
        return []
    gap = _gap(list(part["period"]), period)
    season = _season(list(part["period"]), gap, period)
    tried = _try_out(y, season, steps)
    method = _best(tried, len(y))
    covered, tries = _coverage(y, tried, possible, level)
    ahead = _METHODS[method](y, season or 0, steps)
    rows = []
    for step in range(1, steps + 1):
        errors = tried[method][:, step - 1]
        half = _half(errors[np.isfinite(errors)], level)
        expected = float(np.clip(ahead[step - 1], *possible))
        low, high = (float(np.clip(expected + side * half, *possible)) for side in (-1, 1))
        start = later(part["period"].iloc[-1], period, gap * step) if gap else None
        rows.append((key, step, start, expected, low, high, method, covered, tries))
    return rows


def _gap(periods: list[Any], period: Period) -> int:
    """How many periods lie between any two values of late; 0 if not always as many."""
    recent = periods[-_REGULAR:]
    for gap in range(1, PERIODS_A_YEAR[period] + 1):
        if all(later(first, period, gap) == then for first, then in pairwise(recent)):
            return gap
    return 0


def _season(periods: list[Any], gap: int, period: Period) -> int | None:
    """How many values make a year; None where values are missing or a year is no whole number of gaps."""
    whole = gap and all(later(first, period, gap) == then for first, then in pairwise(periods))
    return PERIODS_A_YEAR[period] // gap if whole and PERIODS_A_YEAR[period] % gap == 0 else None


def _try_out(y: Any, season: int | None, steps: int) -> dict[str, Any]:
    """For each method and origin i the errors of forecasts of y[i], y[i + 1] … that know y[:i] only."""
    import numpy as np

    tried = {}
    for name, method in _METHODS.items():
        needs = FEWEST_TO_LEARN
        if name.startswith("season"):
            if not season:
                continue
            needs = max(needs, season + (_RECENT if name == "season_growth" else 0))
        errors = np.full((len(y), steps), np.nan)
        for i in range(needs, len(y)):
            known = min(steps, len(y) - i)
            errors[i, :known] = y[i : i + known] - method(y[:i], season or 0, steps)[:known]
        tried[name] = errors
    return tried


def _best(tried: Mapping[str, Any], before: int) -> str:
    """The method with the smallest mean absolute error over the one-step forecasts of y[:before] that all made."""
    import numpy as np

    one_step = {name: np.abs(errors[:before, 0]) for name, errors in tried.items()}
    one_step = {name: e for name, e in one_step.items() if np.isfinite(e).sum() >= FEWEST_ERRORS}
    together = np.all([np.isfinite(e) for e in one_step.values()], axis=0)
    means = {name: float(e[together].mean()) for name, e in one_step.items()}
    least = min(means.values())
    return next(name for name, mean in means.items() if mean <= least * (1 + 1e-9))


def _coverage(y: Any, tried: Mapping[str, Any], possible: tuple[float, float], level: float) -> tuple[int, int]:
    """Of how many past values the procedure, knowing what came before only, gave an interval that held them."""
    import numpy as np

    covered = tries = 0
    for i in range(FEWEST_TO_LEARN + FEWEST_ERRORS, len(y)):
        errors = tried[_best(tried, i)][:, 0]
        past = errors[:i][np.isfinite(errors[:i])]
        tries += 1
        covered += bool(abs(errors[i]) <= _half(past, level) * (1 + 1e-9))
    return covered, tries


def _half(errors: Any, level: float) -> float:
    """Half the width of the interval that past errors give for the next one."""
    import numpy as np
    from scipy.special import stdtrit

    count = len(errors)
    if count < FEWEST_ERRORS:
        return float("nan")
    spread = np.sqrt(np.mean(errors**2) * (1 + 1 / count))
    return float(stdtrit(count, 0.5 + level / 2) * spread)


# Methods: from y, the length of a season and the number of steps to that many forecasts. Simplest first.

_RECENT = 3


def _mean(y: Any, season: int, steps: int) -> Any:
    import numpy as np

    return np.full(steps, y.mean())


def _last(y: Any, season: int, steps: int) -> Any:
    import numpy as np

    return np.full(steps, y[-1])


def _smoothed(y: Any, season: int, steps: int) -> Any:
    """Simple exponential smoothing; the weight is the one with the smallest squared one-step errors so far."""
    import numpy as np

    weight = np.array(_LEVELS)
    level, squares = np.full(len(weight), y[0]), np.zeros(len(weight))
    for value in y[1:]:
        squares += (value - level) ** 2
        level = level + weight * (value - level)
    return np.full(steps, level[int(np.argmin(squares))])


def _trend(y: Any, season: int, steps: int) -> Any:
    import numpy as np

    return y[-1] + (y[-1] - y[0]) / (len(y) - 1) * np.arange(1, steps + 1)


def _year_ago(y: Any, season: int, steps: int) -> Any:
    import numpy as np

    return np.array([y[len(y) - season + step % season] for step in range(steps)])


def _year_ago_grown(y: Any, season: int, steps: int) -> Any:
    before = y[-season - _RECENT : -season].sum()
    growth = y[-_RECENT:].sum() / before if before > 0 else 1.0
    return _year_ago(y, season, steps) * growth


_METHODS: dict[str, Callable[[Any, int, int], Any]] = {
    "mean": _mean,
    "last": _last,
    "smoothed": _smoothed,
    "trend": _trend,
    "season": _year_ago,
    "season_growth": _year_ago_grown,
}
