"""The values of KPIs: per period with their intervals, and over several periods as ratios of sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlib.calendar import Period, later, period_start
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.formula import Formula
from crmlib.lifecycle.scorecard.measures import OF_QUARTER
from crmlib.statistics import adjusted_wald, mean_of_sums, per_count, wilson


def kpi_values(measures: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Any:
    """Every KPI in every period, with a 95% interval where it rests on a sample of cases.

    ``measures``: a frame from :func:`~crmlib.lifecycle.scorecard.measures.base_measures`, counted by ``period``. A
    KPI that has a longer period of its own (NPS: the quarter, so that a survey's wave is not cut in two) is taken from
    the sums over its whole periods.

    A frame, one row per KPI and period: ``kpi, period, value`` (in the KPI's unit; empty: not known), ``low, high``
    (empty for full counts), ``cases`` (what it rests on; empty for full counts), ``judged`` (known,
    and at least ``fewest`` cases).

    Intervals, from :mod:`crmlib.statistics`: a share by Wilson; NPS by the adjusted Wald interval for the number of
    independent answers, as in the chapter on it; a mean from the spread and the skewness of its amounts;
    a cost per case as if the cases were Poisson.

    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> counts = {"promoters": [60.0], "detractors": [10.0], "nps_answers": [100.0], "nps_effective_answers": [100.0]}
    >>> measures = pd.DataFrame({"period": ["2025-01-01"], **counts})
    >>> kpi_values(measures, {"nps": load_kpis()["nps"]}, period="quarter").round(1)[["value", "low", "high", "judged"]]
       value   low  high  judged
    0   50.0  35.5  61.6    True
    """
    columns = ["kpi", "period", "value", "low", "high", "cases", "judged"]
    parts = [values_of(_counted_by(measures, kpi, period), kpi) for kpi in kpis.values()]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _counted_by(measures: Any, kpi: Kpi, period: Period) -> Any:
    """The measures by the KPI's own period: sums over those of its periods that are covered whole."""
    longer = kpi.period_in(period)
    if longer == period or measures.empty:
        return measures
    starts = [period_start(start, longer) for start in measures["period"]]
    whole = [
        start
        for start in dict.fromkeys(starts)
        if start >= measures["period"].iloc[0] and later(start, longer) <= later(measures["period"].iloc[-1], period)
    ]
    # Months without any answer known (after the last survey, say) add nothing.
    sums = measures.drop(columns="period").groupby(starts).sum(min_count=1)
    for name, of_quarter in OF_QUARTER.items():
        if of_quarter in sums.columns:
            sums[name] = sums[of_quarter]
    return sums.loc[whole].rename_axis("period").reset_index()


def values_of(measures: Any, kpi: Kpi) -> Any:
    """One KPI in every row of ``measures``: the frame of :func:`kpi_values`."""
    value = kpi.formula.value(measures).astype(float).to_numpy()
    known = np.isfinite(value)
    low, high, cases = _interval(measures, kpi)
    table = pd.DataFrame({"value": value, "low": low, "high": high, "cases": cases})
    table.loc[~known] = np.nan
    enough = ~(table["cases"] < kpi.fewest)
    return table.assign(kpi=kpi.key, period=measures["period"].to_numpy(), judged=known & enough)


# From the parts of an interval and the number of cases to its ends.
_LIMITS: dict[str, Callable[[Mapping[str, Any], Any], Any]] = {
    "proportion": lambda of, n: wilson(of["successes"], n),
    "net_score": lambda of, n: 100 * np.array(adjusted_wald(of["up"] / n, of["down"] / n, of["effective"])),
    "mean": lambda of, n: mean_of_sums(of["sum"], of["squares"], n, cubes=of.get("cubes")),
    "per_count": lambda of, n: per_count(of["amount"], n),
    "given": lambda of, n: (of["low"], of["high"]),
    "median": lambda of, n: (of["low"], of["high"]),
}


def _interval(measures: Any, kpi: Kpi) -> tuple[Any, Any, Any]:
    """Low and high ends, and cases: one of each per period, or NaN for all."""
    if kpi.interval is None:
        return np.nan, np.nan, np.nan
    parts = {name: np.asarray(part.value(measures), dtype=float) for name, part in kpi.interval_parts.items()}
    cases = parts.get("cases", np.array(np.nan))
    low, high = _LIMITS[kpi.interval](parts, np.where(cases > 0, cases, np.nan))
    return low, high, cases


def kpi_over(measures: Any, kpi: Kpi, *, periods: int) -> float:
    """A KPI over the last ``periods`` in which all its measures are known: the ratio of sums, not a mean of ratios.

    Measures are summed first and the formula taken then, so that a period counts by its cases. For stocks (active
    customers) and for the CLV this is their sum: take the last period instead. NaN if there are fewer periods.

    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> sums = {"revenue": [100.0, 900.0], "orders": [10.0, 30.0]}
    >>> measures = pd.DataFrame({"period": ["2025-01-01", "2025-02-01"], **sums})
    >>> kpi_over(measures, load_kpis()["average_order_value"], periods=2)
    25.0
    """
    return _of_sums(kpi.formula, measures, periods)


def worth_a_year(measures: Any, kpi: Kpi, *, periods: int) -> float:
    """What one unit of the KPI is worth in a year, by its ``worth``, over sums of the last ``periods``; NaN: unknown.

    A rate's unit is 1, that is 100 points: multiply by the gap.
    """
    return _of_sums(kpi.worth.formula, measures, periods) if kpi.worth else float("nan")


def _of_sums(formula: Formula, measures: Any, periods: int) -> float:
    used = measures[list(formula.measures)].dropna()
    return float(formula.value(used.tail(periods).sum().to_dict())) if len(used) >= periods else float("nan")
