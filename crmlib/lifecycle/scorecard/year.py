"""The last year against the year before it: each KPI over the same months of both, and whether it really moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from crmlib.calendar import PERIODS_A_YEAR, Period, as_day, later
from crmlib.lifecycle.scorecard.bridge import is_closed, is_filling
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.measures import OF_QUARTER
from crmlib.lifecycle.scorecard.values import values_of
from crmlib.statistics import bonferroni, difference, standard_errors, wald

# Fewer months than these, seen in both years, are no comparison.
FEWEST_MONTHS = 3
# Of fewer orders (of buyers: customers) in either year nobody can say what is chance.
FEWEST_CASES = 10
# What the bridge counts.
_IN_HEADLINE = frozenset({"revenue", "buyers"})


def year_against_year(measures: Any, kpis: Mapping[str, Kpi], bridge: Any, *, period: Period = "month") -> Any:
    """Every KPI of the last year beside that of the year before, one row each.

    Args:
        measures: from :func:`~crmlib.lifecycle.scorecard.measures.base_measures`, counted by ``period``.
        kpis: as :func:`~crmlib.lifecycle.scorecard.definitions.load_kpis` answers.
        bridge: from :func:`~crmlib.lifecycle.scorecard.bridge.revenue_bridge`: the revenue and the buyers of two years.

    A frame: ``kpi`` (``buyers``, too: customers who bought within the year); ``now, now_low, now_high, before,
    before_low, before_high`` in the KPI's unit (full counts have no interval of their own);
    ``months`` that are compared; ``ends``, the last day of the last period; ``at``, the period of ``now`` where that is
    a last value and no sum; ``month_error``, how uncertain the difference is because periods differ (the wider of the
    two ranges counts; of full counts, because customers come by chance); ``too_young``, how many cases came in too
    lately to be judged, and are left out; ``difference_low, difference_high``; ``verdict``; ``target``;
    ``against_target`` (``met``, ``missed``, ``unclear``, or empty). A KPI is summed over those
    periods of the last year, and the same of the year before, of which everything is known, so that seasons do not
    differ. A stock is that of the last period, and left out where it is known of earlier ones only. Where a target is
    set, a KPI that has neither a sum nor ``a_year`` (active customers, the median of hours, the CLV) stands here by its
    last value, too. A target of revenue, and of any other KPI that is summed, is one of a period, and stands here as
    often as there are periods.

    ``verdict`` is ``better`` or ``worse`` where the interval of the difference leaves 0 out (95% for all KPIs at once,
    Bonferroni; for full counts each), ``more`` or ``less`` where neither is better, else ``same``; ``closed``: hardly
    anybody was won of late, so that what is counted of orders moves by itself; ``filling``: the data begin with the
    earlier year, so that rates over all known customers do; ``few``: too few orders or buyers;
    ``alone``: nothing to compare with, or no telling how
    uncertain it is.

    Source of the interval of the difference: Zou & Donner (2008), MOVER, Statistics in Medicine 27, 1693–1702.

    >>> import pandas as pd
    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> months = [day.date() for day in pd.date_range("2024-01-01", periods=24, freq="MS")]
    >>> measures = pd.DataFrame({"period": months, "complaints_resolved": [30.0] * 12 + [20.0] * 12,
    ...                          "complaints_due": 40.0})
    >>> kpis = {"complaint_resolution": load_kpis()["complaint_resolution"]}
    >>> year_against_year(measures, kpis, pd.DataFrame())[["kpi", "now", "before", "verdict"]]
                        kpi  now  before verdict
    0  complaint_resolution  0.5    0.75   worse
    """
    import pandas as pd

    columns = [
        "kpi", "now", "now_low", "now_high", "before", "before_low", "before_high", "months", "ends", "at",
        "month_error", "too_young", "difference_low", "difference_high", "verdict", "target", "against_target",
    ]  # fmt: skip
    rows: list[dict[str, Any] | None] = [*_counted(bridge)]
    few = _few(measures, bridge)
    others = [kpi for name, kpi in kpis.items() if name not in _IN_HEADLINE]
    rows += [_of_sums(measures, kpi, period) for kpi in others if kpi.adds_up]
    rows += [_of_counts(measures, kpi, period) for kpi in others if kpi.a_year]
    for kpi in others:
        if kpi.target is not None and not (kpi.adds_up or kpi.a_year):
            rows.append((_of_last if kpi.interval else _of_counts)(measures, kpi, period))
    table = pd.DataFrame([row for row in rows if row], columns=[*columns[:12], "periods"])
    targets = {name: kpi.target for name, kpi in kpis.items()}
    ends = None if measures.empty else later(as_day(measures["period"].iloc[-1]), period) - dt.timedelta(days=1)
    table = table.assign(target=table.kpi.map(targets).astype(float), ends=ends)
    # Full counts are what the page begins with: judged each for itself, as its headline judges them.
    counted = table.kpi.map(lambda name: _is_counted(name, kpis))
    summed = table.kpi.map(lambda name: name == "revenue" or (name in kpis and kpis[name].a_year == "sum")).astype(bool)
    # Nobody is twice among the buyers of a year, so that no target of a period can be held against them.
    table.loc[table.kpi.eq("buyers"), "target"] = float("nan")
    table.loc[summed, "target"] *= table.months[summed] * PERIODS_A_YEAR[period] / PERIODS_A_YEAR["month"]
    level = bonferroni(max(int((~counted).sum()), 1))
    judged = [
        row
        | _judged(row, kpis.get(row["kpi"]), bridge, 0.95 if full else level, full)
        | ({"verdict": "few"} if row["kpi"] in few else {})
        for row, full in zip(table.to_dict("records"), counted, strict=True)
    ]
    return pd.DataFrame(judged, columns=columns)


def _counted(bridge: Any) -> list[dict[str, Any]]:
    """Revenue and buyers, of which the bridge counts two years."""
    if bridge.empty or bridge.months.iloc[0] < FEWEST_MONTHS:
        return []
    at = bridge.set_index("part")
    people = at.drop(index=["before", "after", "guests"])
    spread = {
        "revenue": float(at.error["after"]),
        "buyers": float(people.customers.drop("stayed").sum()) ** 0.5,
    }
    column = {"revenue": "amount", "buyers": "customers"}
    rows = []
    for kpi, error in spread.items():
        now, before = float(at[column[kpi]]["after"]), float(at[column[kpi]]["before"])
        months = int(bridge.months.iloc[0])
        if now or before:
            rows.append({"kpi": kpi, "now": now, "before": before, "months": months, "month_error": error})
    return rows


def _few(measures: Any, bridge: Any) -> set[str]:
    """Revenue where either year has too few orders, and buyers where it has too few of them."""
    if bridge.empty:
        return set()
    at = bridge.set_index("part")
    few = {"buyers"} if min(at.customers["before"], at.customers["after"]) < FEWEST_CASES else set()
    if "orders" in measures.columns:
        days = [as_day(day) for day in measures["period"]]
        is_later = [day >= as_day(at.changes["after"]) for day in days]
        is_earlier = [as_day(at.starts["after"]) <= day < as_day(at.changes["after"]) for day in days]
        if min(measures["orders"][is_later].sum(), measures["orders"][is_earlier].sum()) < FEWEST_CASES:
            few.add("revenue")
    return few


def _is_counted(name: str, kpis: Mapping[str, Kpi]) -> bool:
    return name in _IN_HEADLINE or kpis[name].interval is None


def _of_counts(measures: Any, kpi: Kpi, period: Period) -> dict[str, Any] | None:
    """A full count that no bridge explains: its sum over the year, or the last period's value (a stock).

    How uncertain the change is follows from the months: a sum changes by the differences of the same months, a stock
    by what each month adds; the standard error of such a sum of n parts is the square root of n times their spread.
    """
    import numpy as np

    if measures.empty or not set(kpi.formula.measures) <= set(measures.columns):
        return None
    values = kpi.formula.value(measures).astype(float).set_axis([as_day(day) for day in measures["period"]]).dropna()
    length = PERIODS_A_YEAR[period]
    values = values[values.index >= later(as_day(measures["period"].iloc[-1]), period, 1 - 2 * length)]
    if values.empty:
        return None
    at = None
    if kpi.a_year != "sum":
        at = as_day(measures["period"].iloc[-1])
        if values.index[-1] != at:  # what a stock was some time ago is not what it is now
            return None
        start = later(at, period, -length)
        periods = int(start in values.index) * length or len(values)
        before = float(values[start]) if start in values.index else float("nan")
        parts, now = values[values.index >= start].diff().dropna(), float(values.iloc[-1])
    else:
        lately = values[values.index >= later(as_day(measures["period"].iloc[-1]), period, 1 - length)]
        year_ago = {day: later(day, period, -length) for day in lately.index}
        both = [day for day, before in year_ago.items() if before in values.index]
        if _months(len(both), period) >= FEWEST_MONTHS:
            lately = lately[both]
            parts = lately - values[[year_ago[day] for day in both]].to_numpy()
            before = float(values[[year_ago[day] for day in both]].sum())
        else:
            parts, before = lately.iloc[:0], float("nan")
        now, periods = float(lately.sum()), len(lately)
        if lately.empty:
            return None
    spread = float(np.sqrt(len(parts)) * parts.std(ddof=1)) if len(parts) > 1 else float("nan")
    told = {"months": _months(periods, period), "month_error": spread, "periods": len(parts)}
    return {"kpi": kpi.key, "now": now, "before": before, "at": at, **told}


def _months(periods: int, period: Period) -> int:
    """How many months so many periods are."""
    return round(periods * PERIODS_A_YEAR["month"] / PERIODS_A_YEAR[period])


def _of_last(measures: Any, kpi: Kpi, period: Period) -> dict[str, Any] | None:
    """A KPI with an interval, whose periods cannot be added up: its last value of the year beside that a year before.

    By how much such a change varies by itself is read from those of the other periods of the year, where there are
    three and more; else the ranges of both values tell alone.
    """
    if measures.empty or not set(kpi.formula.measures) <= set(measures.columns):
        return None
    length, last = PERIODS_A_YEAR[period], as_day(measures["period"].iloc[-1])
    values = values_of(measures, kpi)
    values = values[values.judged].set_index(values.period[values.judged].map(as_day))
    lately = values[values.index >= later(last, period, 1 - length)]
    if lately.empty:
        return None
    at = lately.index[-1]
    told: dict[str, Any] = {}
    for time, day in (("now", at), ("before", later(at, period, -length))):
        row = values.loc[day] if day in values.index else dict.fromkeys(("value", "low", "high"), float("nan"))
        told |= {time: row["value"], f"{time}_low": row["low"], f"{time}_high": row["high"]}
    year_ago = values["value"].reindex([later(day, period, -length) for day in lately.index]).to_numpy()
    changes = (lately["value"] - year_ago).dropna()
    spread = float(changes.std(ddof=1)) if len(changes) >= FEWEST_MONTHS else 0.0
    told |= {"months": PERIODS_A_YEAR["month"], "month_error": spread, "periods": len(changes)}
    return {"kpi": kpi.key, "at": at, **told}


def _of_sums(measures: Any, kpi: Kpi, period: Period) -> dict[str, Any] | None:
    import pandas as pd

    names = sorted({name for formula in (kpi.formula, *kpi.interval_parts.values()) for name in formula.measures})
    if measures.empty or not set(names) <= set(measures.columns):
        return None
    # Months without an answer have no share of what their quarter's answers are worth.
    read = {name: OF_QUARTER[name] if period == "month" and name in OF_QUARTER else name for name in names}
    frame = measures[list(dict.fromkeys(read.values()))].rename(columns={place: name for name, place in read.items()})
    frame = frame.set_axis([as_day(day) for day in measures["period"]])
    waves = [name for name in names if read[name] != name]
    frame[waves] = frame[waves].fillna(0.0)
    last = later(frame.index[-1], period, 1 - PERIODS_A_YEAR[period])
    known = frame.dropna()
    too_young = _too_young(measures, kpi, known.index)
    now = known[known.index >= last]
    year_ago = {later(day, period, -PERIODS_A_YEAR[period]): day for day in now.index}
    both = [(before, day) for before, day in year_ago.items() if before in known.index]
    sums, spread = [], 0.0
    if _months(len(both), period) >= FEWEST_MONTHS:
        now = known.loc[[day for _, day in both]]
        before = known.loc[[before for before, _ in both]]
        sums.append(before.sum())
        spread = _jackknife(kpi, now, before)
    if now.empty:
        return None
    values = values_of(pd.DataFrame([now.sum(), *sums]).assign(period=last), kpi)
    values.loc[~values.judged, ["value", "low", "high"]] = float("nan")
    told: dict[str, Any] = {}
    for time, place in (("now", 0), ("before", 1)):
        row = values.iloc[place] if place < len(values) else dict.fromkeys(("value", "low", "high"), float("nan"))
        told |= {time: row["value"], f"{time}_low": row["low"], f"{time}_high": row["high"]}
    told |= {"months": _months(len(now), period), "month_error": spread, "periods": len(now), "too_young": too_young}
    return {"kpi": kpi.key, **told} if told["now"] == told["now"] else None


def _too_young(measures: Any, kpi: Kpi, known: Any) -> int:
    """How many cases of a share came in too lately for it to be known what becomes of them.

    ``known``: the periods of which everything is known.
    """
    if kpi.interval != "proportion" or known.empty:
        return 0
    cases = kpi.interval_parts["cases"].value(measures).astype(float)
    return round(cases[[as_day(day) > known[-1] for day in measures["period"]]].sum())


def _jackknife(kpi: Kpi, now: Any, before: Any) -> float:
    """Standard error of the difference from how it changes when a month is left out of both years.

    Months differ by more than the chance of single cases (campaigns, staff, weather). What both years' same months
    share cancels out. Months without which there are no cases say nothing; with fewer than two others the error is 0,
    so that the range of cases counts alone.

    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, eq. 11.5.
    """
    import numpy as np

    without = kpi.formula.value(now.sum() - now) - kpi.formula.value(before.sum() - before).to_numpy()
    left_out = np.asarray(without, dtype=float)
    left_out = left_out[np.isfinite(left_out)]
    n = len(left_out)
    if n < 2:
        return 0.0
    return float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))


def _judged(row: Mapping[str, Any], kpi: Kpi | None, bridge: Any, level: float, full: bool) -> dict[str, Any]:
    """The interval of the difference, the verdict, and how it stands to the target."""
    import numpy as np
    from scipy.stats import t as student

    change, higher_is_better = row["now"] - row["before"], kpi is None or kpi.better == "higher"
    # Each period, whatever its length, is one observation of how much they differ.
    of_periods = row["month_error"] * float(student.ppf((1 + level) / 2, max(row["periods"] - 1, 1)))
    if row["kpi"] in _IN_HEADLINE:
        low, high = wald(change, row["month_error"], level=level)
    elif full:
        low, high = change - of_periods, change + of_periods
    else:
        ends = (row["now_low"], row["now_high"]), (row["before_low"], row["before_high"])
        low, high = difference(row["now"], ends[0], row["before"], ends[1])
        wider = standard_errors(level) / standard_errors()
        low = change - np.maximum(wider * (change - low), of_periods)
        high = change + np.maximum(wider * (high - change), of_periods)
    if not (np.isfinite(low) and np.isfinite(high)):
        verdict = "alone"
    elif (kpi is None or "orders" in kpi.needs) and is_closed(bridge):
        verdict = "closed"
    elif kpi is not None and kpi.key not in _IN_HEADLINE and kpi.of_the_base and is_filling(bridge):
        verdict = "filling"
    elif low <= 0 <= high:
        verdict = "same"
    elif kpi is not None and kpi.better == "neither":
        verdict = "more" if change > 0 else "less"
    else:
        verdict = "better" if (change > 0) == higher_is_better else "worse"
    return {
        "difference_low": low,
        "difference_high": high,
        "verdict": verdict,
        "against_target": _against(row, kpi, full),
    }


def _against(row: Mapping[str, Any], kpi: Kpi | None, full: bool) -> str:
    """How the value stands to the target: ``met``, ``missed``, ``unclear`` within its interval; empty without one."""
    target, now = row["target"], row["now"]
    if target != target or kpi is None or kpi.better == "neither":
        return ""
    if not full and not row["now_low"] <= row["now_high"]:
        return ""
    if row["now_low"] <= target <= row["now_high"]:
        return "unclear"
    return "met" if (now >= target if kpi.better == "higher" else now <= target) else "missed"
