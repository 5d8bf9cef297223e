"""From distinct histories to customers: one formula, for pandas in memory and for Ibis in the engine."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmlib.lifecycle.clv.predictions.futures import Intervals
from crmlib.lifecycle.clv.predictions.history_values import KEYS, HistoryValues
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import customer_names


def of_histories(values: HistoryValues, found: Intervals | None) -> dict[str, Numbers]:
    """What :func:`of_customers` needs to know of each history."""
    columns = {
        "p_alive": values.p_alive,
        "expected_orders": values.orders,
        "spend_base": values.spend_base,
        "spend_weight": values.spend_weight,
        "clv": values.per_order * values.orders,
        "clv_if_alive": values.per_order * values.orders_if_alive,
        "residual_clv": values.margin * values.p_alive * values.residual_if_alive,
    }
    if found is not None:
        columns |= {"p_alive_low": found.p_alive[0], "p_alive_high": found.p_alive[1]}
        columns |= {"expected_orders_low": found.orders[0], "expected_orders_high": found.orders[1]}
        columns |= {"expected_spend_low": found.spend[0], "expected_spend_high": found.spend[1]}
        columns |= {"clv_low": found.clv[0], "clv_high": found.clv[1]}
        columns |= {"residual_clv_low": found.residual[0], "residual_clv_high": found.residual[1]}
    return columns


def of_customers(history: Any, x: Any, m: Any, v: float, *, with_intervals: bool, residual: bool) -> dict[str, Any]:
    """The columns of a prediction, from those of the customer's history and the customer's own mean spend ``m``.

    Only + and ×, so that columns may be arrays or parts of an Ibis expression. ``v``: of the spend model.
    """
    own = v + x * m
    spend = history["spend_base"] + history["spend_weight"] * m
    by_column = {
        "p_alive": (1.0, 1.0),
        "expected_orders": (1.0, 1.0),
        "expected_spend": (None, own),
        "clv": (spend, own),
        "residual_clv": (spend, own),
    }
    columns = {}
    for name, (unit, unit_of_ends) in by_column.items():
        if name == "residual_clv" and not residual:
            continue
        columns[name] = spend if unit is None else history[name] * unit
        if with_intervals:
            for end in (f"{name}_low", f"{name}_high"):
                columns[end] = history[end] * unit_of_ends
    return columns


def spread(summary: Any, values: HistoryValues, history: dict[str, Numbers], formula: Any) -> Any:
    """A table with one row per row of ``summary`` and of its kind: ``customer_id`` and what ``formula`` makes.

    ``formula(history, x, m)`` answers columns. A pandas answer has the order and the index of ``summary``; for Ibis,
    the distinct histories go to the engine as a table and are joined there.
    """
    if not isinstance(summary, pd.DataFrame):
        return _joined(summary, values, history, formula)
    row = values.base.row
    x, m = (summary[name].to_numpy(dtype=float) for name in ("frequency", "monetary"))
    columns = formula({name: of[row] for name, of in history.items()}, x, m)
    return pd.DataFrame({"customer_id": customer_names(summary), **columns}, index=summary.index)


def _joined(summary: Any, values: HistoryValues, history: dict[str, Numbers], formula: Any) -> Any:
    import ibis

    base = values.base
    named = {f"history_{name}": of for name, of in history.items()}
    keys = {f"history_{name}": of for name, of in zip(KEYS, (base.x, base.t_x, base.T), strict=True)}
    # Equal numbers are equal keys: they came from the engine as these very floats.
    known = ibis.memtable(pd.DataFrame({**keys, **named}))
    wanted = ("frequency", "recency", "T", "monetary")
    customers = summary.select("customer_id", **{name: summary[name].cast("float64") for name in wanted})
    both = customers.inner_join(known, [customers[name] == known[f"history_{name}"] for name in KEYS])
    columns = formula({name: both[f"history_{name}"] for name in history}, both.frequency, both.monetary)
    return both.select("customer_id", **columns)


def at_risk(history: Any, x: Any, m: Any) -> dict[str, Any]:
    """The columns of :func:`~crmlib.lifecycle.clv.value_at_risk`, as :func:`of_customers` makes its own."""
    spend = history["spend_base"] + history["spend_weight"] * m
    if_alive, expected = history["clv_if_alive"] * spend, history["clv"] * spend
    return {
        "p_alive": history["p_alive"],
        "value_if_alive": if_alive,
        "expected_value": expected,
        "value_at_risk": if_alive - expected,
    }
