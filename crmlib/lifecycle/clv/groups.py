"""Value by customer and by group: who holds it, how it is spread, and what a channel's customers are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.fitting import FittedModels, fit_models
from crmlib.lifecycle.clv.group_models import labels_of, sorted_labels
from crmlib.lifecycle.clv.history_values import band, check_finite, drawn_models
from crmlib.lifecycle.clv.options import (
    Horizon,
    check_draws,
    check_interval,
    check_money,
    discount_factors,
    horizon_days,
)
from crmlib.lifecycle.clv.prediction import Part, customer_equity, predict, totals, value_at_risk, valued_parts
from crmlib.lifecycle.clv.totals import MEASURES, Cells
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import customer_names
from crmlib.models.errors import CustomerBaseInvalid
from crmlib.models.time_units import days_per_unit
from crmlib.statistics import standard_errors

# Whoever is less likely still there is lost: calling them is no plan.
LOST = 0.05
# Whoever is as likely still there is not in doubt: they come without a call.
SURE = 0.9
# Upper ends of the classes of weeks without a purchase, and lower ends of those of repeat orders.
SILENCES = (4, 8, 13, 26, 52)
FREQUENCIES = (0, 1, 2, 3, 4, 6, 10)


def customer_values(summary: Any, horizon: Horizon = "365D", **options: Any) -> pd.DataFrame:
    """Everything that is predicted of each customer, in one table to keep and to act on.

    ``summary``, ``horizon`` and ``options`` as for :func:`~crmlib.lifecycle.clv.predict`; every customer is
    read. Adds to its columns ``frequency``, days with repeat purchases; ``silence_weeks`` since the last purchase;
    ``value_if_alive`` and ``value_at_risk`` (money). Under BG/NBD, P(alive) of customers with frequency 0 is 1 by
    construction, and says nothing about them. Empty without both models.
    """
    frame = to_pandas(summary)
    table = predict(frame, horizon, **options)
    risk_options = {key: value for key, value in options.items() if key not in ("confidence", "draws", "seed")}
    risk = value_at_risk(frame, horizon, **risk_options)  # type: ignore[arg-type]
    if table.empty:
        columns = ["customer_id", "frequency", "silence_weeks", *table.columns[1:], "value_if_alive", "value_at_risk"]
        return table.reindex(columns=columns).astype(dict.fromkeys(columns[1:], float))
    weeks = days_per_unit(options["orders_model"].unit) / 7
    table.insert(1, "frequency", frame["frequency"])
    silence = frame["silence"] if "silence" in frame else frame["T"] - frame["recency"]
    table.insert(2, "silence_weeks", silence * weeks)
    return table.assign(value_if_alive=risk["value_if_alive"], value_at_risk=risk["value_at_risk"])


def to_cents(values: pd.DataFrame) -> pd.DataFrame:
    """The predictions of each customer as they are kept in a file: money to the cent, all else to six digits."""
    money = ("clv", "residual", "value", "expected_spend")
    return values.round({name: 2 if str(name).startswith(money) else 6 for name in values})


def equity_shares(
    summary: Any,
    groups: Sequence[Any],
    horizon: Horizon = "365D",
    *,
    confidence: float = 0.95,
    draws: int = 100,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """How much of the customer equity each group of customers holds, with intervals.

    ``groups``: a label for each row of ``summary``; the rest as for
    :func:`~crmlib.lifecycle.clv.customer_equity`. One row per label, sorted: ``group, customers, equity,
    equity_low, equity_high, share, share_low, share_high``. Intervals hold parameters and chance: between what the
    contribution of the group, and its share in that of all, will lie. Groups of fewer than 30 customers are simulated
    one by one. A share of nothing is 0. Customers without a label (None, NaN) are a group of their own, the last row,
    whose label is None. Empty without both models. Raises ``ValueError`` for labels that are not one per row, and for
    nobody; else as there.
    """
    check_interval(confidence, draws, seed)
    frame = to_pandas(summary)
    if not (parts := valued_parts(frame, horizon, residual=False, **options)):
        return pd.DataFrame(columns=list(_SHARES))
    code, labels = _coded(groups, len(frame))
    x, m = (frame[name].to_numpy(dtype=float) for name in ("frequency", "monetary"))
    m = np.where(x > 0, m, 0.0)

    def cells(part: Part) -> Cells:
        return Cells.of_groups(part.values, code[part.places], m[part.places], len(labels))

    measure = MEASURES.index("customer_equity")
    expected, futures = totals(parts, cells, draws=draws, seed=seed)
    equity, possible = expected[measure], futures[:, measure]
    share = equity / equity.sum() if equity.sum() > 0 else np.zeros(len(labels))
    total = possible.sum(axis=1, keepdims=True)
    shares = np.divide(possible, total, out=np.broadcast_to(share, possible.shape).copy(), where=total > 0)
    group = pd.Series(labels, dtype=object) if labels[-1] is None else labels
    columns = (group, np.bincount(code), equity, *band(possible, confidence), share, *band(shares, confidence))
    return pd.DataFrame(dict(zip(_SHARES, columns, strict=True)))


_SHARES = ("group", "customers", "equity", "equity_low", "equity_high", "share", "share_low", "share_high")


def _coded(groups: Any, customers: int) -> tuple[Numbers, list[Any]]:
    """Which of the sorted labels each customer has; missing ones are the last, None."""
    if not customers:
        raise ValueError("the summary has no customers, so that there is nothing to share; give one with rows")
    given = pd.Series(list(groups), dtype=object)
    if len(given) != customers:
        raise ValueError(f"groups has {len(given)} labels for {customers} customers; give one per row of the summary")
    labels = sorted_labels(given.dropna().unique())
    code = pd.Index(labels, dtype=object).get_indexer(given)
    missing = code < 0
    return np.where(missing, len(labels), code), [*labels, None] if missing.any() else labels


def top_fifth(values: pd.DataFrame) -> Numbers:
    """Whether each customer is among the fifth with the highest ``clv``; equal values by their order in the table.

    >>> top_fifth(pd.DataFrame({"clv": [1.0, 9.0, 2.0, 3.0, 0.0]})).tolist()
    [False, True, False, False, False]
    """
    order = np.argsort(-values["clv"].to_numpy(), kind="stable")
    chosen = np.zeros(len(values), dtype=bool)
    chosen[order[: -(-len(values) // 5)]] = True
    return chosen


def equity_concentration(values: pd.DataFrame) -> pd.DataFrame:
    """How the expected value is spread: customers from the most valuable down, and the share of value they hold.

    ``values``: with ``clv``. One row per hundredth of customers from 0 to 1: ``share_of_customers,
    share_of_equity``. Empty if there is no value.

    >>> equity_concentration(pd.DataFrame({"clv": [6.0, 1.0, 3.0, 0.0]})).iloc[[0, 25, 50, 100]]
         share_of_customers  share_of_equity
    0                  0.00              0.0
    25                 0.25              0.6
    50                 0.50              0.9
    100                1.00              1.0
    """
    sorted_values = np.sort(values["clv"].to_numpy(dtype=float))[::-1]
    total = sorted_values.sum()
    if not total > 0:
        return pd.DataFrame({"share_of_customers": [], "share_of_equity": []}, dtype=float)
    at = np.linspace(0, 1, 101)
    held = np.append(0.0, np.cumsum(sorted_values)) / total
    return pd.DataFrame(
        {"share_of_customers": at, "share_of_equity": np.interp(at * len(sorted_values), np.arange(len(held)), held)}
    )


def alive_grid(values: pd.DataFrame) -> pd.DataFrame:
    """What the model says of customers by how often they came back and how long they have been silent.

    ``values``: from :func:`customer_values`. One row per occupied cell: ``frequency`` ("0", "1", … "4–5", "10+"
    repeat orders) and ``silence`` (weeks, "0–4", … "52+"), with ``frequency_order, silence_order`` to sort by;
    ``customers``; ``p_alive, expected_orders``, means; ``value_at_risk``, sum.
    """
    starts = np.array(FREQUENCIES)
    line = np.searchsorted(starts, values["frequency"].to_numpy(), side="right") - 1
    # A class ends with its last week: four weeks of silence are still "0–4".
    column = np.searchsorted(SILENCES, values["silence_weeks"].to_numpy() - 1e-9, side="left")
    grid = (
        values.assign(frequency_order=line, silence_order=column)
        .groupby(["frequency_order", "silence_order"], as_index=False)
        .agg(
            customers=("customer_id", "size"),
            p_alive=("p_alive", "mean"),
            expected_orders=("expected_orders", "mean"),
            value_at_risk=("value_at_risk", "sum"),
        )
    )
    ends = [*(starts[1:] - 1), None]
    lines = [f"{a}+" if b is None else str(a) if a == b else f"{a}–{b}" for a, b in zip(starts, ends, strict=True)]
    edges = [0, *SILENCES]
    columns = [f"{a}–{b}" for a, b in zip(edges, SILENCES, strict=False)] + [f"{SILENCES[-1]}+"]
    grid.insert(0, "frequency", [lines[i] for i in grid["frequency_order"]])
    grid.insert(1, "silence", [columns[i] for i in grid["silence_order"]])
    return grid


def still_at_risk(values: pd.DataFrame) -> pd.DataFrame:
    """The customers who are at least 5 % likely to be still there, the highest ``value_at_risk`` first.

    ``values``: from :func:`customer_values`.
    """
    there = values[values["p_alive"] >= LOST]
    return there.sort_values("value_at_risk", ascending=False, kind="stable", ignore_index=True)


def in_doubt(values: pd.DataFrame) -> pd.DataFrame:
    """Of :func:`still_at_risk`, those less than 90 % likely to be still there, the highest ``clv`` first.

    In the models leaving is for good. So a contact can only change what those bring who are still there, and by how
    much is the same share of each as long as no test says otherwise: the order is that of value × chance of being still
    there, not of value × chance of having left. Where nobody is in doubt, all who are not lost.

    >>> values = pd.DataFrame({"p_alive": [0.95, 0.5, 0.3, 0.01], "value_at_risk": [5.0, 20, 70, 99],
    ...                        "clv": [95.0, 20, 30, 1]})
    >>> in_doubt(values)["clv"].tolist()
    [30.0, 20.0]
    """
    there = still_at_risk(values)
    doubtful = there[there["p_alive"] < SURE]
    return (there if doubtful.empty else doubtful).sort_values("clv", ascending=False, kind="stable", ignore_index=True)


def risk_by_tenth(values: pd.DataFrame) -> pd.DataFrame:
    """With which customers the value at risk lies: tenths of all who are not lost, the most at risk first.

    ``values``: from :func:`customer_values`. Columns: ``tenth`` (1 to 10), ``customers, value_at_risk, share``. Empty
    with fewer than ten customers, or if nothing is at risk.

    >>> values = pd.DataFrame({"p_alive": 0.5, "value_at_risk": [5.0, 1, 1, 1, 1, 1, 0, 0, 0, 0]})
    >>> risk_by_tenth(values).head(2)
       tenth  customers  value_at_risk  share
    0      1          1            5.0    0.5
    1      2          1            1.0    0.1
    """
    most = still_at_risk(values)["value_at_risk"].to_numpy(dtype=float)
    if len(most) < 10 or not most.sum() > 0:
        return pd.DataFrame({"tenth": [], "customers": [], "value_at_risk": [], "share": []})
    parts = np.array_split(most, 10)
    sums = np.array([part.sum() for part in parts])
    return pd.DataFrame(
        {"tenth": range(1, 11), "customers": [*map(len, parts)], "value_at_risk": sums, "share": sums / sums.sum()}
    )


def value_by_group(
    summary: Any,
    groups: Any,
    horizon: Horizon = "365D",
    *,
    by: str = "channel",
    as_of: Horizon | None = None,
    margin: float = 1.0,
    discount_rate: float = 0.0,
    draws: int = 100,
    seed: int = 0,
    earlier: Any = None,
    fitted: FittedModels | None = None,
) -> pd.DataFrame:
    """What customers of each group are worth, with intervals: today's, and newcomers by models of the group's own.

    ``summary``: in weeks. ``groups``: a table (pandas or Ibis) with ``customer_id`` and the column ``by``; beyond the
    twelve largest, groups are taken together. ``horizon`` and ``as_of`` as for
    :func:`~crmlib.lifecycle.clv.predict`. One row per group, the most valuable newcomers first, customers
    without a group last. Raises ``ValueError`` for ``groups`` without its columns, or whose ids are of another type:

    ``by``; ``customers``; ``repeat_buyers``; ``customer_equity`` over the horizon, with ``equity_low, equity_high``
    (95 %, parameters and chance); ``equity_per_customer``; ``new_customer_value``, expected discounted contribution
    of a newcomer within the horizon after the first order, with ``new_low, new_high`` (95 %, parameters) and
    ``new_error`` (standard error). Empty where a group is too small for models of its own; ``note`` is "too few" there,
    and "prior" where a weak prior was needed.

    ``earlier`` (pandas or Ibis: ``customer_id``, of :mod:`crmlib.newcomers`): customers older than the data. What they
    will bring is counted, because for each customer, orders after any order go on alike. But who is still there after
    years is no measure of newcomers, whose models are fitted without them.

    ``fitted``: from :func:`~crmlib.lifecycle.clv.fit_models` with the same groups. Today's customers are then valued as
    it values them one by one, so that a group's equity is the sum of theirs; without, by the group's own models.
    """
    check_draws(draws, seed)
    check_money(margin, discount_rate)
    frame = to_pandas(summary)
    label = labels_of(frame["customer_id"], groups, by)
    is_old = frame["customer_id"].isin([] if earlier is None else to_pandas(earlier)["customer_id"])
    days = horizon_days(horizon, as_of)
    kind = None if fitted is None or fitted.orders_model is None else type(fitted.orders_model)
    rows = []
    for name in [*sorted_labels(label.dropna().unique()), None]:
        some = frame[label.isna() if name is None else label == name]
        if len(some):
            own = None if name is None else fit_models(some, orders_model=kind)
            came = some[~is_old[some.index]]
            of_new = own if len(came) == len(some) or name is None else fit_models(came, orders_model=kind)
            value = _group_value(some, fitted or own, of_new, days, margin, discount_rate, draws, seed)
            rows.append(
                {by: name, "customers": len(some), "repeat_buyers": int((some["frequency"] > 0).sum()), **value}
            )
    # Rows are in the order of the labels, those without one last, which equal and empty values keep.
    table = pd.DataFrame(rows, columns=[by, "customers", "repeat_buyers", *_VALUES])
    return table.sort_values("new_customer_value", ascending=False, ignore_index=True, kind="stable")


_VALUES = (
    "customer_equity", "equity_low", "equity_high", "equity_per_customer",
    "new_customer_value", "new_low", "new_high", "new_error", "note",
)  # fmt: skip


def _group_value(
    some: pd.DataFrame,
    fitted: FittedModels | None,
    of_new: FittedModels | None,
    days: int,
    margin: float,
    discount_rate: float,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(_VALUES, np.nan) | {"note": "too few"}
    if fitted is None or not fitted.complete:
        return found
    money: Any = {**fitted.models, "margin": margin, "discount_rate": discount_rate}
    table = customer_equity(some, f"{days}D", residual=False, draws=draws, seed=seed, **money)
    equity = table.set_index("measure").loc["customer_equity"]
    found |= {
        "customer_equity": equity["value"],
        "equity_low": equity["low"],
        "equity_high": equity["high"],
        "equity_per_customer": equity["value"] / len(some),
    }
    if of_new is None or not of_new.complete:
        return found
    ends, factors = discount_factors(days, discount_rate)

    def newcomer(orders_model: Any, spend_model: Any) -> float:
        orders = np.diff(orders_model.expected_orders_new(ends / days_per_unit(orders_model.unit)), prepend=0.0)
        spend = spend_model.expected_spend(0, 0.0, when_undefined="observed_mean")
        return float(margin * (factors @ orders) * spend)

    orders_models = drawn_models(of_new.orders_model, draws, seed)
    spend_models = drawn_models(of_new.spend_model, draws, seed + 1)
    drawn = [newcomer(one, other) for one, other in zip(orders_models, spend_models, strict=True)]
    check_finite(np.array(drawn))
    value = newcomer(of_new.orders_model, of_new.spend_model)
    error = value * float(np.std(np.log(np.maximum(drawn, 1e-300)), ddof=1))
    z = standard_errors()
    return found | {
        "new_customer_value": value,
        "new_low": value * np.exp(-z * error / value) if value > 0 else 0.0,
        "new_high": value * np.exp(z * error / value) if value > 0 else 0.0,
        "new_error": error,
        "note": "prior" if fitted.weak_prior or of_new.weak_prior else "",
    }


_OF_MATRIX = (
    "cell", "now", "to_come", "customers", "share_of_customers", "value_now", "value_to_come", "share_of_value_now",
    "share_of_value_to_come",
)  # fmt: skip


_CELLS = {
    "keep": ("high", "high"), "win_back": ("high", "low"), "develop": ("low", "high"), "automate": ("low", "low")
}  # fmt: skip


def value_matrix(summary: Any, values: pd.DataFrame, *, value_now: Any = None, margin: float = 1.0) -> pd.DataFrame:
    """Value so far × value to come (当前价值 × 潜在价值): how many customers are where, and what to do with them.

    ``summary`` (pandas or Ibis) and ``values`` (with ``clv``, from ``predict`` or ``customer_values``): a row per
    customer, in the same order. ``value_now``: what each has been worth, in money; by default ``margin`` × all repeat
    spend so far, frequency × monetary, which leaves out the first order (give the contribution of all orders so far
    where you have it: the picture calls it value so far).

    Four rows, one per ``cell`` (none without values): ``keep`` (both high), ``win_back`` (only now high), ``develop``
    (only to come high), ``automate`` (both low); ``now, to_come``: "high" for customers above the mean of all, else
    "low"; ``customers, share_of_customers``; ``value_now, value_to_come``, sums, and
    ``share_of_value_now, share_of_value_to_come`` (0 where there is none at all). Raises ``CustomerBaseInvalid``.

    >>> customers = pd.DataFrame({"customer_id": list("abcd"), "frequency": [9, 0, 8, 0], "monetary": [5.0, 0, 5, 0]})
    >>> value_matrix(customers, pd.DataFrame({"clv": [50.0, 40, 2, 2]}))[["cell", "customers", "value_to_come"]]
           cell  customers  value_to_come
    0      keep          1           50.0
    1  win_back          1            2.0
    2   develop          1           40.0
    3  automate          1            2.0
    """
    if values.empty:
        return pd.DataFrame(columns=list(_OF_MATRIX))
    frame, to_come = to_pandas(summary), values["clv"].to_numpy(dtype=float)
    if not (np.isfinite(to_come) & (to_come >= 0)).all():
        raise CustomerBaseInvalid(f"{int((~(to_come >= 0)).sum())} values are missing or below 0; predict them first")
    names = np.asarray(customer_names(frame))
    mixed = "customer_id" in values.columns and not np.array_equal(names, values["customer_id"].to_numpy())
    if len(frame) != len(values) or mixed:
        raise CustomerBaseInvalid(
            f"summary ({len(frame)} rows) and values ({len(values)} rows) are not of the same customers in the same "
            "order; predict from this summary"
        )
    spent = margin * (frame["frequency"] * frame["monetary"]) if value_now is None else value_now
    now = np.asarray(spent, dtype=float)
    if now.shape != to_come.shape or not np.isfinite(now).all():
        raise CustomerBaseInvalid("value_now must be one finite amount per customer, in the order of the summary")
    each = pd.DataFrame({"value_now": now, "value_to_come": to_come})
    sides = {f"is_{name}": np.where(each[name] > each[name].mean(), "high", "low") for name in each}
    found = each.assign(**sides, customers=1).groupby(list(sides)).sum()
    table = found.reindex(list(_CELLS.values()), fill_value=0).reset_index(names=["now", "to_come"])
    for name in ("customers", "value_now", "value_to_come"):
        total = table[name].sum()
        table[f"share_of_{name}"] = table[name] / total if total > 0 else 0.0
    return table.assign(cell=list(_CELLS))[list(_OF_MATRIX)]
