"""The data behind the pictures of a model: what it says of all possible customers, of one over time, and of value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.calendar import as_day
from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.predictions.horizon import Horizon, horizon_days
from crmlib.lifecycle.clv.preparation import Day
from crmlib.lifecycle.clv.validation.holdout import tracking
from crmlib.models.customer_base import Numbers, customer_names
from crmlib.models.errors import CustomerBaseInvalid
from crmlib.models.maximum_likelihood import FittedModel
from crmlib.models.orders_model import OrdersModel
from crmlib.models.time_units import days_per_unit

# Cells of a grid, from a customer's first day to their last.
SILENCE_STEPS = 26
MOST_FREQUENT = 20
# Classes of value end at these times powers of ten.
STEPS = (1, 2, 5)
MOST_CLASSES = 12


def frequency_recency_grid(
    model: OrdersModel,
    *,
    summary: Any = None,
    T: float | None = None,
    horizon: Horizon = "365D",
    as_of: Day | None = None,
    most: int | None = None,
) -> pd.DataFrame:
    """What a model says of every possible customer of one age: by repeat orders so far, and weeks of silence.

    ``T``: that age, in the model's unit; else the greatest age in ``summary`` (pandas or Ibis). ``most``: repeat orders
    up to which to go; else the 99th percentile in ``summary``, at most 20 (20 without summary). One row per cell:
    ``frequency, recency, T`` (in the model's unit), ``silence_weeks`` (T − recency), ``p_alive``, ``expected_orders``
    over ``horizon`` (with ``as_of`` as for :func:`~crmlib.lifecycle.clv.predictions.horizon.horizon_days`). Who never
    came back has one cell, at a silence of T.

    >>> from crmlib.models import BetaGeoNBD
    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> grid = frequency_recency_grid(model, T=39, most=2)
    >>> grid[["frequency", "silence_weeks", "p_alive"]].iloc[[0, 1, -1]].round(2)
        frequency  silence_weeks  p_alive
    0           0          39.00     1.00
    1           1           0.75     0.75
    52          2          38.25     0.04
    """
    frame = None if summary is None else to_pandas(summary)
    if frame is not None and frame.empty:
        raise CustomerBaseInvalid("the summary has no customers, so no typical ages; give T and most instead")
    if T is None:
        if frame is None:
            raise ValueError("give the age T of the customers, or a summary to read it from")
        T = float(frame["T"].max())
    if not T > 0:
        raise ValueError(f"the age T must be above 0, not {T!r}")
    if most is None:
        usual = MOST_FREQUENT if frame is None else int(np.ceil(np.quantile(frame["frequency"], 0.99)))
        most = int(np.clip(usual, 1, MOST_FREQUENT))
    silences = (np.arange(SILENCE_STEPS) + 0.5) / SILENCE_STEPS * T
    x = np.append(0.0, np.repeat(np.arange(1.0, most + 1), SILENCE_STEPS))
    t_x = np.append(0.0, np.tile(T - silences, most))
    days = days_per_unit(model.unit)
    return pd.DataFrame(
        {
            "frequency": x.astype(int),
            "recency": t_x,
            "T": T,
            "silence_weeks": (T - t_x) * days / 7,
            "p_alive": model.p_alive(x, t_x, T),
            "expected_orders": model.expected_orders(horizon_days(horizon, as_of) / days, x, t_x, T),
        }
    )


def tracking_of_models(
    orders: Any,
    models: Sequence[OrdersModel] | Mapping[str, OrdersModel],
    *,
    as_of: Day,
    calibration_end: Day,
    period_days: int = 7,
) -> pd.DataFrame:
    """Repeat orders period by period, actual and as several models expect them: ``tracking`` with a column ``model``.

    ``models``: by their class names, or by the names given; the rest as for
    :func:`~crmlib.lifecycle.clv.tracking`.
    """
    named = models if isinstance(models, Mapping) else {type(model).__name__: model for model in models}
    if not named:
        raise ValueError("give at least one model")
    tables = []
    for name, model in named.items():
        table = tracking(orders, model, as_of=as_of, calibration_end=calibration_end, period_days=period_days)
        table.insert(0, "model", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def alive_path(model: OrdersModel, order_days: Sequence[Any], *, as_of: Day) -> pd.DataFrame:
    """How sure the model was, day by day, that this customer was still one: it falls in silence, and orders lift it.

    ``order_days``: the days of the customer's orders (dates or ISO strings), in any order, equal ones counted once,
    those after ``as_of`` not at all. One row per day from the first order to ``as_of``: ``day``; ``ordered``;
    ``frequency``, repeat orders until then; ``silence_days`` since the last one; ``p_alive`` after that day.
    Raises ``ValueError`` if there is no order until ``as_of``.

    >>> from crmlib.models import BetaGeoNBD
    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> path = alive_path(model, ["2025-01-01", "2025-02-01"], as_of="2025-12-31")
    >>> path["p_alive"].iloc[[0, 30, 31, -1]].round(3).tolist()
    [1.0, 1.0, 0.754, 0.234]
    """
    end = as_day(as_of)
    days = sorted({as_day(day) for day in order_days})
    days = [day for day in days if day <= end]
    if not days:
        raise ValueError(f"this customer has no order until {end}")
    offsets = np.array([(day - days[0]).days for day in days])
    at = np.arange((end - days[0]).days + 1)
    x = np.searchsorted(offsets, at, side="right") - 1
    last = offsets[x]
    unit = days_per_unit(model.unit)
    return pd.DataFrame(
        {
            "day": pd.Timestamp(days[0]) + pd.to_timedelta(at, unit="D"),
            "ordered": np.isin(at, offsets),
            "frequency": x,
            "silence_days": at - last,
            "p_alive": model.p_alive(x.astype(float), last / unit, at / unit),
        }
    )


def value_distribution(values: pd.DataFrame) -> pd.DataFrame:
    """How many customers are worth how much, and how much of all value each class of them holds.

    ``values``: with ``clv`` ≥ 0. One row per class, from the lowest: from ``at_least`` to below ``below`` (1, 2, 5, 10,
    20, … in money; the first starts at 0), ``customers, value`` (sum), ``share_of_customers, share_of_value`` (0 if
    there is no value at all). At most 12 classes, the least taken together. Raises ``CustomerBaseInvalid`` for an
    empty table or a value below 0.

    >>> value_distribution(pd.DataFrame({"clv": [0.0, 1.5, 3.0, 3.0]}))[["at_least", "below", "customers", "value"]]
       at_least  below  customers  value
    0       0.0    1.0          1    0.0
    1       1.0    2.0          1    1.5
    2       2.0    5.0          2    6.0
    """
    clv = _known_values(values)
    top = float(clv.max())
    if top > 0:
        # The least valuable hundredth is taken together.
        lowest = float(np.quantile(clv[clv > 0], 0.01, method="lower"))
        powers = np.arange(int(np.floor(np.log10(lowest))), int(np.floor(np.log10(top))) + 2)
        edges = np.array([float(f"{step}e{power}") for power in powers for step in STEPS])
        first = int(np.searchsorted(edges, lowest, side="right")) - 1
        last = int(np.searchsorted(edges, top, side="right"))
        edges = np.append(0.0, edges[max(first, last - MOST_CLASSES + 1) : last + 1])
    else:
        edges = np.array([0.0, 1.0])
    place = np.searchsorted(edges, clv, side="right") - 1
    customers = np.bincount(place, minlength=len(edges) - 1)
    value = np.bincount(place, clv, minlength=len(edges) - 1)
    return pd.DataFrame(
        {
            "at_least": edges[:-1],
            "below": edges[1:],
            "customers": customers,
            "value": value,
            "share_of_customers": customers / len(clv),
            "share_of_value": value / value.sum() if top > 0 else np.zeros(len(value)),
        }
    )


def value_cells(summary: Any, values: pd.DataFrame, *, value_now: Any = None, margin: float = 1.0) -> pd.DataFrame:
    """Each customer's value so far and value to come, and which cell of the matrix that puts them into.

    ``summary`` (pandas or Ibis) and ``values`` (with ``clv``, from ``predict`` or ``customer_values``): a row per
    customer, in the same order. ``value_now``: what each has been worth, in money; by default ``margin`` × all repeat
    spend so far, frequency × monetary, which leaves out the first order (give the contribution of all orders so far
    where you have it: the picture calls it value so far). Answers ``customer_id, value_now, value_to_come, now,
    to_come, cell``: ``now`` and ``to_come`` are "high" for customers above the mean of all, else "low". ``cell``:
    ``keep`` (both high), ``develop`` (only to come high), ``win_back`` (only now high), ``automate`` (both low).

    >>> customers = pd.DataFrame({"customer_id": list("abcd"), "frequency": [9, 0, 8, 0], "monetary": [5.0, 0, 5, 0]})
    >>> value_cells(customers, pd.DataFrame({"clv": [50.0, 40, 2, 1]}))["cell"].tolist()
    ['keep', 'develop', 'win_back', 'automate']
    """
    frame, to_come = to_pandas(summary), _known_values(values)
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
    high_now, high_to_come = now > now.mean(), to_come > to_come.mean()
    cells = np.array(["automate", "win_back", "develop", "keep"])
    return pd.DataFrame(
        {
            "customer_id": names,
            "value_now": now,
            "value_to_come": to_come,
            "now": np.where(high_now, "high", "low"),
            "to_come": np.where(high_to_come, "high", "low"),
            "cell": cells[high_now + 2 * high_to_come],
        }
    )


def value_matrix(summary: Any, values: pd.DataFrame, *, value_now: Any = None, margin: float = 1.0) -> pd.DataFrame:
    """Value so far × value to come (当前价值 × 潜在价值): how many customers are where, and what to do with them.

    Arguments as for :func:`value_cells`. Always four rows, one per cell, high before low: ``cell, now, to_come``;
    ``name`` and ``action`` in words; ``customers, share_of_customers``; ``value_now, value_to_come``, sums, and
    ``share_of_value_now, share_of_value_to_come`` (0 where there is none at all).
    """
    each = value_cells(summary, values, value_now=value_now, margin=margin)
    told = _cells_in_words()
    rows = []
    for cell, now, to_come in (
        ("keep", "high", "high"), ("win_back", "high", "low"), ("develop", "low", "high"), ("automate", "low", "low")
    ):  # fmt: skip
        some = each[each["cell"] == cell]
        rows.append(
            {
                "cell": cell,
                "now": now,
                "to_come": to_come,
                "name": told[cell][0],
                "action": told[cell][1],
                "customers": len(some),
                "share_of_customers": len(some) / len(each),
                "value_now": float(some["value_now"].sum()),
                "value_to_come": float(some["value_to_come"].sum()),
            }
        )
    table = pd.DataFrame(rows)
    for column in ("value_now", "value_to_come"):
        total = float(table[column].sum())
        table[f"share_of_{column}"] = table[column] / total if total > 0 else 0.0
    return table


def parameter_posterior(model: FittedModel, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Parameters that the data leave possible, all equally likely: one row a draw, a column per parameter.

    Raises ``AttributeError`` for a model from given parameters, of which nothing is unknown.
    """
    return pd.DataFrame(model.draws(draws, seed=seed).values, columns=list(model.symbols))


def _known_values(values: pd.DataFrame) -> Numbers:
    clv = values["clv"].to_numpy(dtype=float)
    if not len(clv):
        raise CustomerBaseInvalid("the table of values has no customers")
    if not (np.isfinite(clv) & (clv >= 0)).all():
        raise CustomerBaseInvalid(f"{int((~(clv >= 0)).sum())} values are missing or below 0; predict them first")
    return clv


def _cells_in_words() -> dict[str, tuple[str, str]]:
    return {
        "keep": (text.say("Keep"), text.say("Best service, first access, ask them to recommend.")),
        "develop": (text.say("Develop"), text.say("Welcome them, show the range, lead to the next order.")),
        "win_back": (text.say("Win back"), text.say("Ask why they stay away; one good offer, then stop.")),
        "automate": (text.say("Automate"), text.say("Serve at low cost; automatic messages only.")),
    }
