"""The scorecard: for each KPI the actual, the target, what came before, what comes next, and signal or noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from crmlib.calendar import PERIODS_A_YEAR, Period, later
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.forecasting import forecast
from crmlib.lifecycle.scorecard.signal import MOVED, natural_limits
from crmlib.lifecycle.scorecard.values import kpi_over, kpi_values, worth_a_year
from crmlib.words import known

_COLUMNS = (
    "kpi", "state", "missing", "period", "value", "low", "high", "cases",
    "target", "status", "money", "money_low", "money_high",
    "previous_period", "previous", "year_ago", "over_a_year",
    "centre", "lower", "upper", "since", "step_before", "step_after", "signal", "side", "change_signal", "news",
    "forecast_period", "forecast", "forecast_low", "forecast_high", "method", "covered", "tries",
)  # fmt: skip


def scorecard(
    measures: Any,
    kpis: Mapping[str, Kpi],
    *,
    period: Period = "month",
    has: Callable[..., bool] | None = None,
) -> Any:
    """The state of every KPI, one row each, in the order of the definitions.

    Args:
        measures: a frame from :func:`~crmlib.lifecycle.scorecard.measures.base_measures`.
        has: ``has(table, column)`` says whether the client has it; None: everything is there.

    A frame. ``kpi``; ``state``: ``known``, or why not: ``missing`` (then ``missing`` lists what), ``unobserved``
    (no period has been followed long enough), ``no_cases`` (no whole period holds any), ``unfitted`` (the model
    could not be fitted), ``few`` (fewer cases than ``fewest`` in every period). ``period``, the
    last with a judged value; ``value``, its 95% interval ``low, high`` and ``cases``. ``target`` and ``status``:
    ``unclear`` (the interval holds the target, whichever the side of the value), else ``met`` or ``missed``; empty
    without target; ``money, money_low, money_high``: what it would be worth a year to close the gap of a target
    that the value does not reach (never below 0).
    ``previous_period, previous``: the judged value before; ``year_ago``: the same period
    a year before; ``over_a_year``: ratio of sums over the last year, where it can be had. ``centre, lower, upper,
    since, step_before, step_after, signal, side, change_signal``: see
    :func:`~crmlib.lifecycle.scorecard.signal.natural_limits` (``signal`` is ``none`` where values are too few for
    limits, ``stock`` for KPIs with ``signal: false``, which have none); ``news``: ``good`` or ``bad`` where there is a
    signal that nothing explains.
    ``forecast…, method, covered, tries``: see
    :func:`~crmlib.lifecycle.scorecard.forecasting.forecast`.

    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> kpis = {"nps": load_kpis(targets={"nps": 70})["nps"]}
    >>> measures = pd.DataFrame({"period": pd.date_range("2025-01-01", periods=2, freq="QS").date,
    ...                          "promoters": [60.0, 58], "detractors": [10.0, 12], "nps_answers": [100.0, 100],
    ...                          "nps_effective_answers": [100.0, 100]})
    >>> scorecard(measures, kpis, period="quarter")[["value", "previous", "target", "status", "signal"]]
       value  previous  target  status signal
    0   46.0      50.0      70  missed   none
    """
    values = kpi_values(measures, kpis, period=period)
    limits = natural_limits(values, period=period)
    ahead = forecast(values, kpis, steps=1, period=period)
    rows = []
    for key, kpi in kpis.items():
        own_values, own_limits, own_ahead = (frame[frame["kpi"] == key] for frame in (values, limits, ahead))
        missing = kpi.missing(has) if has else []
        rows.append(_row(kpi, measures, own_values, own_limits, own_ahead, period, missing))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _row(
    kpi: Kpi, measures: Any, values: Any, limits: Any, ahead: Any, period: Period, missing: list[str]
) -> dict[str, Any]:
    row: dict[str, Any] = {"kpi": kpi.key, "target": kpi.target, "missing": ", ".join(missing)}
    judged = values[values["judged"]]
    if missing or judged.empty:
        return row | {"state": "missing" if missing else _why_not(kpi, values, measures), "status": "", "signal": ""}
    last = judged.iloc[-1]
    year_ago = judged.loc[judged["period"] == later(last["period"], period, -PERIODS_A_YEAR[period]), "value"]
    row |= {
        "state": "known",
        **last[["period", "value", "low", "high", "cases"]],
        "year_ago": next(iter(year_ago), None),
        "over_a_year": _over_a_year(measures, kpi, period),
        **{"signal": "stock", "side": 0, "change_signal": False, "news": ""},
        **_against_target(kpi, last, measures, period),
    }
    if len(judged) > 1:
        row |= {"previous_period": judged["period"].iloc[-2], "previous": judged["value"].iloc[-2]}
    if kpi.signal:
        limit, (least, most) = limits.iloc[-1], kpi.possible
        row |= {
            **limit[["centre", "side", "since", "step_before", "step_after"]],
            "lower": max(limit["lower"], least),
            "upper": min(limit["upper"], most),
            "signal": limit["signal"] if known(limit["centre"]) else "none",
            "change_signal": bool(limit["change_signal"]),
            "news": _news(kpi, limit),
        }
    for step in ahead.to_dict("records"):
        own = {name: f"forecast_{name}" for name in ("period", "low", "high")}
        row |= {own.get(name, name): value for name, value in step.items() if name not in ("kpi", "step")}
    return row


def _why_not(kpi: Kpi, values: Any, measures: Any) -> str:
    if values["value"].notna().any():
        return "few"
    if "expected_value" in kpi.formula.measures:
        return "unfitted"
    cases = kpi.interval_parts.get("cases")
    if cases is None:
        return "unobserved"
    counted = cases.value(measures)
    # Empty counts of orders wait for their time (nobody can have lapsed yet); other tables hold nothing then.
    waits = counted.isna().all() and "orders" in kpi.needs
    return "unobserved" if waits or counted.gt(0).any() else "no_cases"


def _over_a_year(measures: Any, kpi: Kpi, period: Period) -> float:
    """A year's ratio of sums, for KPIs that are ratios of cases; sums of stocks would mean nothing."""
    if not kpi.adds_up:
        return float("nan")
    return kpi_over(measures, kpi, periods=PERIODS_A_YEAR[period])


def _news(kpi: Kpi, limit: Any) -> str:
    if limit["signal"] not in MOVED or not known(limit["centre"]):
        return ""
    improved = kpi.improved(limit["value"], limit["centre"])
    return "" if improved is None else "good" if improved else "bad"


def _against_target(kpi: Kpi, last: Any, measures: Any, period: Period) -> dict[str, Any]:
    target = kpi.target
    if target is None or kpi.better == "neither":
        return {"status": ""}
    unclear = last["low"] <= target <= last["high"]
    sign = 1 if kpi.better == "higher" else -1
    if sign * (last["value"] - target) >= 0:
        return {"status": "unclear" if unclear else "met"}
    worth = worth_a_year(measures, kpi, periods=PERIODS_A_YEAR[period])
    gaps = [sign * (target - last[end]) * worth for end in ("low", "value", "high")]
    low, high = sorted(max(gap, 0.0) for gap in (gaps[0], gaps[2]))
    return {"status": "unclear" if unclear else "missed", "money": gaps[1], "money_low": low, "money_high": high}
