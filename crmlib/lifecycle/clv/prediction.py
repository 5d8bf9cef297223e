"""What each customer, and the whole base, will be worth over a horizon, how sure that is, and what is at risk.

Value is contribution: margin × spend × orders. It is discounted by a yearly rate: expected orders are cut into
steps of a twelfth of a year (365 days), each discounted from its middle. It counts orders after the summary's
``as_of`` only, and ends with the horizon; residual value is what is still to come without an end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np
import pandas as pd

from crmlib.calendar import as_day
from crmlib.lifecycle.clv.futures import Ends, intervals
from crmlib.lifecycle.clv.group_models import GroupModels
from crmlib.lifecycle.clv.history_values import KEYS, HistoryValues, band, read_spending_histories, value_histories
from crmlib.lifecycle.clv.opportunity_time import Season
from crmlib.lifecycle.clv.options import Horizon, Valuation, check_interval, check_models
from crmlib.lifecycle.clv.preparation import Day
from crmlib.lifecycle.clv.totals import MEASURES, Cells, expected_totals, possible_totals
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import customer_names
from crmlib.models.orders_model import OrdersModel
from crmlib.models.time_units import days_per_unit

# The seeds of two parts lie so far apart that none of theirs is another's.
SEEDS_APART = 1000

PREDICTED = ("p_alive", "expected_orders", "expected_spend", "clv")


def predict(
    summary: Any,
    horizon: Horizon = "365D",
    *,
    confidence: float | None = 0.95,
    draws: int = 200,
    seed: int = 0,
    **valuation: Unpack[Valuation],
) -> Any:
    """What each customer will be worth: still alive?, how many orders, how much each, what value, and how sure.

    ``summary``: from :func:`~crmlib.lifecycle.clv.summary` (pandas or Ibis), in the unit of ``orders_model``; that and
    ``spend_model`` must be given, and may be None where there is no model. ``horizon``: ``"365D"`` days, ``"52W"``
    weeks, ``"12M"`` calendar months, ``"2Y"`` calendar years or a date; months, years and dates need ``as_of``, the
    summary's. ``margin``: contribution per unit of spend, 0 to 1 (1 if not given). ``discount_rate``: per year (0 if
    not given). ``group_models``: groups with models of their own, of :func:`~crmlib.lifecycle.clv.fit_models`;
    ``season``: the one of the summary, so that the horizon counts in its time.
    ``confidence``: of the intervals, None for none.

    One row per row of ``summary``. pandas: in its order and with its index. Ibis: an Ibis table, scored by a join in
    the engine, so that only distinct histories are read. Without both models: no row. ``customer_id``, and each of
    these with ``_low``, ``_high``:

    ``p_alive`` at as_of (the interval: parameters only); ``expected_orders`` over the horizon, not discounted (the
    interval: between what numbers those that will be *seen* lie, from parameters, the customer's own rate, leaving
    and chance); ``expected_spend`` per order, before margin (the interval: of the customer's true mean); ``clv``,
    expected discounted contribution within the horizon (the interval: of what will be *made*); with ``discount_rate``
    above 0 ``residual_clv``, the expected discounted contribution of everything still to come, without a horizon: it
    is at least ``clv``, and the two must not be added. An order is a day with purchases here.

    An expectation may lie above its interval: who places 0.01 orders on average will be seen to place none. Intervals
    come from ``draws`` futures per history and hold at least the confidence. Within the horizon, simulated orders are
    discounted by the share expected of that history. Customers with equal histories share them: the part of a clv's
    interval that comes from the spend model's parameters is exact for their mean spend, else to first order. Models
    with given parameters leave chance only. Where gamma-gamma has no mean, the observed mean spend is used.

    Raises ``HorizonInvalid``, ``CustomerBaseInvalid``, ``MeanSpendUndefined`` (unfitted models with q ≤ 1),
    ``PredictionNotFinite``, ``ValueError`` (options out of range), ``TypeError`` (not such models: of a model with
    covariates, give that of one group of customers, ``at(…)``). Source: Fader, Hardie & Lee (2005), "RFM and CLV".

    >>> from crmlib.models import BetaGeoNBD, GammaGamma
    >>> customers = pd.DataFrame({"customer_id": [1, 3], "frequency": [2, 0], "recency": [30.43, 0.0],
    ...                           "T": [38.86, 38.86], "monetary": [22.35, 0.0]})
    >>> models = {"orders_model": BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259),
    ...           "spend_model": GammaGamma(p=6.25, q=3.74, v=15.44)}
    >>> predict(customers, **models, margin=0.5, confidence=None).round(2)
       customer_id  p_alive  expected_orders  expected_spend    clv
    0            1     0.73             1.56           24.66  19.26
    1            3     1.00             0.25           35.22   4.44
    >>> predict(customers, "12M", as_of="1997-09-30", **models)[["expected_orders_low", "expected_orders_high"]]
       expected_orders_low  expected_orders_high
    0                  0.0                   8.0
    1                  0.0                   2.0
    """
    if confidence is not None:
        check_interval(confidence, draws, seed)
    if not (parts := valued_parts(summary, horizon, **valuation)):
        ends = [""] if confidence is None else ["", "_low", "_high"]
        names = [*PREDICTED, *["residual_clv"] * (valuation.get("discount_rate", 0.0) > 0)]
        return _nobody(summary, [f"{name}{end}" for name in names for end in ends])

    def told(part: Part) -> Any:
        values = part.values
        found = {} if confidence is None else intervals(values, confidence=confidence, draws=draws, seed=seed)
        return spread(
            part.summary, values, of_histories(values, found), functools.partial(of_customers, v=values.spend_model.v)
        )

    return _together(parts, told)


def value_at_risk(summary: Any, horizon: Horizon = "365D", **valuation: Unpack[Valuation]) -> Any:
    """How much value is lost because customers may already be gone: what they would be worth if surely alive, less.

    Arguments and errors as for :func:`predict`. One row per customer, of the kind of ``summary``: ``customer_id,
    p_alive, value_if_alive, expected_value, value_at_risk`` (the difference of the two; all discounted contribution
    over the horizon). It is what winning a customer back for sure would bring, so the most that one may spend on it. It
    is no order in which to call: in these models leaving is for good, and who is still there comes anyway. The total
    with its interval is in :func:`customer_equity`.

    >>> from crmlib.models import BetaGeoNBD, GammaGamma
    >>> customers = pd.DataFrame({"customer_id": [1], "frequency": [2], "recency": [30.43], "T": [38.86],
    ...                           "monetary": [22.35]})
    >>> value_at_risk(customers, orders_model=BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259),
    ...               spend_model=GammaGamma(p=6.25, q=3.74, v=15.44)).round(1)
       customer_id  p_alive  value_if_alive  expected_value  value_at_risk
    0            1      0.7            53.0            38.5           14.5
    """
    if not (parts := valued_parts(summary, horizon, residual=False, **valuation)):
        return _nobody(summary, ["p_alive", "value_if_alive", "expected_value", "value_at_risk"])
    return _together(parts, lambda part: spread(part.summary, part.values, of_histories(part.values, {}), at_risk))


def customer_equity(
    summary: Any,
    horizon: Horizon = "365D",
    *,
    residual: bool = True,
    confidence: float = 0.95,
    draws: int = 200,
    seed: int = 0,
    **valuation: Unpack[Valuation],
) -> pd.DataFrame:
    """What the whole customer base will bring over the horizon, with intervals.

    Arguments and errors as for :func:`predict`; an Ibis summary is summed in its engine. A pandas table with the
    columns ``measure, value, low, high`` and these rows: ``expected_orders`` (days with purchases, as there);
    ``customer_equity``, the sum of all ``clv``; ``value_at_risk``, what is lost of it because customers may be gone;
    ``came_back_alive``, how many of those who came back are still customers; ``alive``, how many of all, missing
    where the model takes everybody who bought once for alive by construction (BG/NBD) and so cannot tell; with
    ``discount_rate`` above 0 ``residual_equity``, the sum of all ``residual_clv``, which holds ``customer_equity``; it
    costs most of the time, and is left out where ``residual`` is False.

    The intervals of orders, equity and those alive hold both what is not known of the parameters and chance (who
    orders, how often, how much: exact variances under the model, summed over customers; fewer than 30 customers are
    simulated one by one). That of value at risk, which is an expectation and never seen, holds parameters only. Without
    both models the table is empty.
    """
    check_interval(confidence, draws, seed)
    if not (parts := valued_parts(summary, horizon, residual=residual, **valuation)):
        return pd.DataFrame(columns=["measure", "value", "low", "high"])
    expected, possible = totals(parts, lambda part: Cells.of_all(part.values), draws=draws, seed=seed)
    low, high = band(possible[:, :, 0], confidence)
    table = pd.DataFrame({"measure": MEASURES, "value": expected[:, 0], "low": low, "high": high})
    values = [part.values for part in parts]
    hidden = [] if values[0].discounting else ["residual_equity"]
    if not all(of.orders_model.log_odds_gone(0.0, 0.0, 1.0) > -np.inf for of in values):
        hidden.append("alive")
    return table[~table["measure"].isin(hidden)].reset_index(drop=True)


class Part(NamedTuple):
    """Customers who are valued by the same two models: their summary, their places in that of all, and their values."""

    summary: Any
    places: Any
    values: HistoryValues


def known_values(
    summary: Any, horizon: Horizon = "365D", *, orders_model: Any, spend_model: Any, **how: Any
) -> HistoryValues:
    """What two models say of every distinct history of the summary, once it and the options have been checked."""
    check_models(orders_model, spend_model)
    histories = read_spending_histories(summary, unit=orders_model.unit)
    return value_histories(histories, horizon=horizon, orders_model=orders_model, spend_model=spend_model, **how)


def valued_parts(
    summary: Any, horizon: Horizon = "365D", *, group_models: GroupModels | None = None, **how: Any
) -> list[Part]:
    """The customers by the models that value them: all as one part; with ``group_models``, those groups and the others.

    No part without both models.
    """
    models: dict[str, Any] = {name: how.pop(name) for name in ("orders_model", "spend_model")}
    if None in models.values():
        return []
    whole: list[tuple[Any, Any, Any]] = [(None, summary, slice(None))]
    found = group_models.parts(summary) if group_models is not None else whole
    return [
        Part(some, places, known_values(some, horizon, **(of or models), **how)) for of, some, places in found or whole
    ]


def _together(parts: list[Part], told: Callable[[Part], Any]) -> Any:
    """What is told of each part's customers, as one table; that of pandas in the order of the summary."""
    tables = [told(part) for part in parts]
    if len(tables) == 1:
        return tables[0]
    if not isinstance(tables[0], pd.DataFrame):
        return functools.reduce(lambda one, other: one.union(other), tables)
    table = pd.concat(tables)
    return table.iloc[np.argsort(np.concatenate([part.places for part in parts]), kind="stable")]


def totals(parts: list[Part], cells: Callable[[Part], Cells], *, draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Expected totals (measure, group), and what they may come out at (future, measure, group), over all parts.

    Models of different parts were fitted to different customers, so that what is not known of them is independent.
    """
    of = [(part.values, cells(part), seed + place * SEEDS_APART) for place, part in enumerate(parts)]
    expected = sum(expected_totals(values, some) for values, some, _ in of)
    possible = sum(possible_totals(values, some, draws=draws, seed=own) for values, some, own in of)
    return np.asarray(expected), np.asarray(possible)


def _nobody(summary: Any, columns: Sequence[str]) -> Any:
    """No predictions, with their columns, of the kind of ``summary``."""
    if not isinstance(summary, pd.DataFrame):
        import ibis

        return summary.select("customer_id", **dict.fromkeys(columns, ibis.null("float64"))).limit(0)
    return pd.DataFrame(columns=["customer_id", *columns]).astype(dict.fromkeys(columns, float))


def alive_path(
    model: OrdersModel | None, order_days: Sequence[Any], *, as_of: Day, season: Season | None = None
) -> pd.DataFrame:
    """How sure the model was, day by day, that this customer was still one: it falls in silence, and orders lift it.

    ``order_days``: the days of the customer's orders (dates or ISO strings), in any order, equal ones counted once,
    those after ``as_of`` not at all. One row per day from the first order to ``as_of``: ``day``; ``ordered``;
    ``frequency``, repeat orders until then; ``silence_days`` since the last one; ``p_alive`` after that day.
    ``season``: the one of the model's summary.
    Empty without a model or an order until ``as_of``.

    >>> from crmlib.models import BetaGeoNBD
    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> path = alive_path(model, ["2025-01-01", "2025-02-01"], as_of="2025-12-31")
    >>> path["p_alive"].iloc[[0, 30, 31, -1]].round(3).tolist()
    [1.0, 1.0, 0.754, 0.234]
    """
    end = as_day(as_of)
    days = sorted({as_day(day) for day in order_days})
    days = [day for day in days if day <= end]
    if model is None or not days:
        return pd.DataFrame(columns=["day", "ordered", "frequency", "silence_days", "p_alive"])
    offsets = np.array([(day - days[0]).days for day in days])
    at = np.arange((end - days[0]).days + 1)
    x = np.searchsorted(offsets, at, side="right") - 1
    last = offsets[x]
    age = at.astype(float)
    if season is not None:
        age = season.elapsed(days[0], pd.Timestamp(days[0]) + pd.to_timedelta(at, unit="D"))
    unit = days_per_unit(model.unit)
    return pd.DataFrame(
        {
            "day": pd.Timestamp(days[0]) + pd.to_timedelta(at, unit="D"),
            "ordered": np.isin(at, offsets),
            "frequency": x,
            "silence_days": at - last,
            "p_alive": model.p_alive(x.astype(float), age[last] / unit, age / unit),
        }
    )


def of_histories(values: HistoryValues, found: Mapping[str, Ends]) -> dict[str, Numbers]:
    """What :func:`of_customers` needs to know of each history; ``found``: intervals, none where they are not told."""
    columns = {
        "spend_base": values.spend_base,
        "spend_weight": values.spend_weight,
        "p_alive": values.p_alive,
        "expected_orders": values.orders,
        "clv": values.per_order * values.orders,
        "clv_if_alive": values.per_order * values.orders_if_alive,
    }
    if values.discounting > 0:
        columns["residual_clv"] = values.margin * values.p_alive * values.residual_if_alive
    ends = {f"{name}{end}": of for name, both in found.items() for end, of in zip(("_low", "_high"), both, strict=True)}
    return columns | ends


def of_customers(history: Any, x: Any, m: Any, v: float) -> dict[str, Any]:
    """The columns of a prediction, from those of the customer's history and the customer's own mean spend ``m``.

    Only + and ×, so that columns may be arrays or parts of an Ibis expression. ``v``: of the spend model.
    """
    own = v + x * m
    spend = history["spend_base"] + history["spend_weight"] * m
    columns = {}
    for name in (*PREDICTED, "residual_clv"):
        money = name in ("clv", "residual_clv")
        if name == "expected_spend":
            columns[name] = spend
        elif name in history:
            columns[name] = history[name] * spend if money else history[name]
        for end in (f"{name}_low", f"{name}_high"):
            if name in columns and end in history:
                columns[end] = history[end] * own if money or name == "expected_spend" else history[end]
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
