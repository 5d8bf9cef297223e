"""From orders to one row per customer: how often, how recently, for how long, and how much."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from crmlib.engine import same_kind
from crmlib.lifecycle.purchases import as_day, purchases

Unit = Literal["days", "weeks"]
Day = datetime.date | str

# A month is not a fixed number of days, so it is no unit here.
DAYS_PER_UNIT: dict[str, int] = {"days": 1, "weeks": 7}


def days_per_unit(unit: str) -> int:
    """How many days a time unit has.

    >>> days_per_unit("weeks")
    7
    """
    if unit not in DAYS_PER_UNIT:
        raise ValueError(f"unit {unit!r} is not known; use one of {', '.join(DAYS_PER_UNIT)}")
    return DAYS_PER_UNIT[unit]


@same_kind
def summary(
    orders: Any,
    *,
    as_of: Day,
    unit: Unit = "weeks",
    first_order: bool = False,
    calibration_end: Day | None = None,
    free_orders: Literal["count", "ignore"] = "count",
) -> Any:
    """How often, how recently, for how long and how much each customer bought: the table customer-base models read.

    ``orders``: the contract's orders (pandas or Ibis): ``customer_id, ordered_at, amount`` and, where present,
    ``status`` and ``refunded_amount``; which of them count says
    :func:`crmlib.lifecycle.purchases.purchases`. Orders of one customer on one day are one purchase.

    One row per customer, sorted: ``customer_id``; ``frequency`` x, repeat purchases; ``recency`` t_x, from the
    first purchase to the last, and ``T``, from the first to ``as_of``, both in ``unit`` ("days" or "weeks" of 7
    days); ``monetary``, mean spend of a repeat purchase, 0 for none (``first_order=True``: of all purchases).

    With ``calibration_end`` these describe the time until that day, for customers who had bought by then, and the
    time after it is held out: ``holdout_orders``, ``holdout_spend`` (their sum), ``holdout_length`` (in ``unit``);
    ``last_period_orders``, repeat purchases in an equally long time before ``calibration_end``.

    Raises ``ValueError`` for an unknown unit or if ``calibration_end`` is not before ``as_of``.
    Source: Fader, Hardie & Lee (2005), "RFM and CLV", section 2.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": [1, 1, 2], "amount": [9.0, 2.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2015-01-01", "2015-02-06", "2015-01-01"])})
    >>> summary(orders, as_of="2015-02-07", unit="days")
       customer_id  frequency  recency     T  monetary
    0            1          1     36.0  37.0       2.0
    1            2          0      0.0  37.0       0.0
    """
    import ibis

    days = days_per_unit(unit)
    end = as_day(calibration_end or as_of)
    length = (as_day(as_of) - end).days
    if calibration_end is not None and length <= 0:
        raise ValueError(f"calibration_end {end} must be before as_of {as_day(as_of)}, so that a holdout is left")

    bought = purchases(orders, as_of=as_of, free_orders=free_orders)
    daily = bought.group_by("customer_id", "day").agg(spend=bought.spend.sum())
    # Without a holdout all days are known, and saying so would only cost the database time.
    known: Any = None if calibration_end is None else daily.day <= ibis.literal(end)
    measures = {
        "purchase_days": daily.count(where=known),
        "first": daily.day.min(),
        "last": daily.day.max(where=known),
        "total": daily.spend.sum(where=known),
    }
    if not first_order:
        measures["first_spend"] = daily.spend.argmin(daily.day)
    period_start = ibis.literal(end - datetime.timedelta(days=length))
    if calibration_end is not None:
        measures |= {
            "holdout_orders": daily.count(where=~known),
            "holdout_spend": daily.spend.sum(where=~known),
            "last_period_days": daily.count(where=known & (daily.day > period_start)),
        }
    each = daily.group_by("customer_id").agg(**measures)
    if calibration_end is not None:
        each = each.filter(each.first <= ibis.literal(end))

    x = each.purchase_days - 1
    if first_order:
        monetary = each.total / each.purchase_days
    else:
        monetary = ibis.ifelse(x > 0, (each.total - each.first_spend) / x, 0.0)
    columns = {
        "customer_id": each.customer_id,
        "frequency": x,
        "recency": _days_between(each.first, each.last) / days,
        "T": _days_between(each.first, ibis.literal(end)) / days,
        "monetary": monetary,
    }
    if calibration_end is not None:
        columns |= {
            "holdout_orders": each.holdout_orders,
            "holdout_spend": each.holdout_spend.fill_null(0.0),
            "holdout_length": ibis.literal(length / days),
            "last_period_orders": each.last_period_days - (each.first > period_start).cast("int64"),
        }
    return each.select(**columns).order_by("customer_id")


def _days_between(first: Any, last: Any) -> Any:
    return last.delta(first, unit="day").cast("float64")
