"""Which KPIs left their usual range in their last period: the one verdict that the page and the finding tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.lifecycle.scorecard.bridge import is_closed, is_filling
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.signal import MOVED

# A verdict that says whether the last value is usual; of the others no verdict can be given.
MOVED_VERDICTS = ("better", "worse", "neither")
GIVEN = (*MOVED_VERDICTS, "usual", "season", "trend")


def last_verdicts(card: Any, kpis: Mapping[str, Kpi], bridge: Any) -> Any:
    """The last value of each KPI against its usual range, one row each.

    ``card``: from :func:`~crmlib.lifecycle.scorecard.overview.scorecard`; ``bridge``: from
    :func:`~crmlib.lifecycle.scorecard.bridge.revenue_bridge`. KPIs without a value are left out; and where no target is
    set for them, stocks and those with ``chart: false`` (which say the same as another one).

    A frame: ``kpi, period, value, year_ago, centre, lower, upper, since, step_before, step_after, signal, side,
    verdict``. ``verdict``: ``better`` or ``worse`` than usual (``neither`` where the KPI is neither); ``usual``;
    ``season`` and ``trend`` (usual for it); ``early`` (beyond its range, but a season may explain it) and ``none`` (too
    few values for a range); ``stock`` (a level, which has no range); ``closed``: hardly anybody was won of late, so
    that what is counted of orders moves by itself; ``filling``: it moved, but so do rates over all known customers
    while the data hold more and more of them.

    >>> import pandas as pd
    >>> from crmlib.lifecycle.scorecard.definitions import load_kpis
    >>> from crmlib.lifecycle.scorecard.overview import scorecard
    >>> kpis = {"cac": load_kpis()["cac"]}
    >>> cost = [2000.0, 2100, 1900, 2050, 1950, 2000] * 4
    >>> measures = pd.DataFrame({"period": pd.date_range("2024-01-01", periods=25, freq="MS").date,
    ...                          "marketing_cost": [*cost, 3000.0], "new_customers": 100.0})
    >>> last_verdicts(scorecard(measures, kpis), kpis, pd.DataFrame())[["kpi", "value", "verdict"]]
       kpi  value verdict
    0  cac   30.0   worse
    """
    columns = [
        "kpi", "period", "value", "year_ago", "centre", "lower", "upper", "since", "step_before", "step_after",
        "signal", "side",
    ]  # fmt: skip
    told = [key for key, kpi in kpis.items() if (kpi.chart and kpi.signal) or kpi.target is not None]
    shown = card.loc[card["kpi"].isin(told) & (card["state"] == "known"), [*columns, "news"]]
    closed, filling = is_closed(bridge), is_filling(bridge)

    def verdict(row: Any) -> str:
        if closed and "orders" in kpis[row.kpi].needs:
            return "closed"
        if row.signal not in MOVED:
            return str(row.signal) or "usual"
        if filling and kpis[row.kpi].of_the_base:
            return "filling"
        return {"good": "better", "bad": "worse"}.get(row.news, "neither")

    verdicts = [verdict(row) for row in shown.itertuples(index=False)]
    return shown[columns].assign(verdict=verdicts).reset_index(drop=True)
