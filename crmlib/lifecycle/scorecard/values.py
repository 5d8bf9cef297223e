"""The values of KPIs: per period with their intervals, and over several periods as ratios of sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.calendar import Period, later, period_start
from crmlib.lifecycle.scorecard.definitions import Kpi
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
    independent answers, as in the chapter on it; a mean from the spread of its amounts; a cost per case as if the
    cases were Poisson.

    >>> import pandas as pd
    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> counts = {"promoters": [60.0], "detractors": [10.0], "nps_answers": [100.0], "nps_effective_answers": [100.0]}
    >>> measures = pd.DataFrame({"period": ["2025-01-01"], **counts})
    >>> kpi_values(measures, {"nps": load_kpis()["nps"]}, period="quarter").round(1)[["value", "low", "high", "judged"]]
       value   low  high  judged
    0   50.0  35.5  61.6    True
    """
    import pandas as pd

    columns = ["kpi", "period", "value", "low", "high", "cases", "judged"]
    parts = [_values(_counted_by(measures, kpi, period), kpi) for kpi in kpis.values()]
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


def _values(measures: Any, kpi: Kpi) -> Any:
    import numpy as np
    import pandas as pd

    value = kpi.formula.value(measures).astype(float).to_numpy()
    low, high, cases = _interval(measures, kpi)
    known = np.isfinite(value)
    low, high, cases = (np.where(known, part, np.nan) for part in (low, high, cases))
    enough = ~(cases < kpi.fewest)
    return pd.DataFrame(
        {
            "kpi": kpi.key,
            "period": measures["period"].to_numpy(),
            "value": np.where(known, value, np.nan),
            "low": low,
            "high": high,
            "cases": cases,
            "judged": known & enough,
        }
    )


def _interval(measures: Any, kpi: Kpi) -> tuple[Any, Any, Any]:
    import numpy as np

    part = {name: np.asarray(f.value(measures), dtype=float) for name, f in kpi.interval_parts.items()}
    nothing = np.full(len(measures), np.nan)
    if kpi.interval is None:
        return nothing, nothing, nothing
    if kpi.interval == "given":
        return part["low"], part["high"], nothing
    cases = part["cases"]
    n = np.where(cases > 0, cases, np.nan)
    if kpi.interval == "proportion":
        limits = wilson(part["successes"], n)
    elif kpi.interval == "net_score":
        low, high = adjusted_wald(part["up"] / n, part["down"] / n, part["effective"])
        limits = 100 * low, 100 * high
    elif kpi.interval == "mean":
        limits = mean_of_sums(part["sum"], part["squares"], n)
    else:
        limits = per_count(part["amount"], n)
    return *limits, cases


def kpi_over(measures: Any, kpi: Kpi, *, periods: int) -> float:
    """A KPI over the last ``periods`` in which all its measures are known: the ratio of sums, not a mean of ratios.

    Measures are summed first and the formula taken then, so that a period counts by its cases. For stocks (active
    customers) and for the CLV this is their sum: take the last period instead. NaN if there are fewer periods.

    >>> import pandas as pd
    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> sums = {"revenue": [100.0, 900.0], "orders": [10.0, 30.0]}
    >>> measures = pd.DataFrame({"period": ["2025-01-01", "2025-02-01"], **sums})
    >>> kpi_over(measures, load_kpis()["average_order_value"], periods=2)
    25.0
    """
    used = measures[list(kpi.formula.measures)].dropna()
    if len(used) < periods:
        return float("nan")
    return float(kpi.formula.value(used.tail(periods).sum().to_dict()))


def worth_a_year(measures: Any, kpi: Kpi, *, periods: int) -> float:
    """What one unit of the KPI is worth in a year, by its ``worth``, over sums of the last ``periods``; NaN: unknown.

    A rate's unit is 1, that is 100 points: multiply by the gap.
    """
    if kpi.worth is None:
        return float("nan")
    used = measures[list(kpi.worth.formula.measures)].dropna()
    return float(kpi.worth.formula.value(used.tail(periods).sum().to_dict())) if len(used) >= periods else float("nan")
