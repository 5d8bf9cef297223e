"""From orders to opportunities taken: in how many calendar periods each customer bought."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from crmlib.calendar import as_day
from crmlib.engine import same_kind
from crmlib.purchases import purchases

Period = Literal["years", "quarters", "months"]
_MONTHS: dict[str, int] = {"years": 12, "quarters": 3, "months": 1}


@same_kind
def opportunities(
    orders: Any,
    *,
    as_of: Any,
    period: Period = "years",
    first: Any = None,
    free_orders: Literal["count", "ignore"] = "count",
) -> Any:
    """In how many calendar periods after their first each customer bought again: the table that the BG/BB reads.

    ``orders``: the contract's orders (pandas or Ibis); which of them count says
    :func:`crmlib.purchases.purchases`. Each calendar year, quarter or month is one opportunity, taken by
    one order or more. Only whole periods count: if ``as_of`` is not the last day of its period, orders in that period
    are left out, and so are customers who first bought in it. With ``first``, a day, customers who bought before it
    are left out too: take it where older orders are not in the data for all.

    One row per customer, sorted: ``customer_id``; ``frequency`` x, periods with an order after that of the first order;
    ``recency`` t_x, the number of the last of them (the first order's period is 0); ``periods`` n, whole periods since
    that of the first order. Raises ``ValueError`` for an unknown period. Source: Fader, Hardie & Shang (2010),
    section 2.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": [1, 1, 1, 2], "amount": [9.0, 2.0, 2.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2015-05-01", "2017-02-06", "2017-03-01", "2016-12-31"])})
    >>> opportunities(orders, as_of="2018-12-31")
       customer_id  frequency  recency  periods
    0            1          1        2        3
    1            2          0        0        2
    """
    import ibis

    if period not in _MONTHS:
        raise ValueError(f"period {period!r} is not known; use one of {', '.join(_MONTHS)}")
    months = _MONTHS[period]
    last = _last_whole(as_day(as_of), months)
    bought = purchases(orders, as_of=as_of, free_orders=free_orders)
    place = ((12 * bought.day.year() + bought.day.month() - 1) // months).cast("int64")
    taken = bought.mutate(place=place)
    each = taken.group_by("customer_id").agg(
        start=taken.place.min(),
        first_day=taken.day.min(),
        taken=taken.place.nunique(where=taken.place <= last),
        end=taken.place.max(where=taken.place <= last),
    )
    each = each.filter(each.start <= last)
    if first is not None:
        each = each.filter(each.first_day >= ibis.literal(as_day(first)))
    return each.select(
        customer_id=each.customer_id,
        frequency=each.taken - 1,
        recency=each.end - each.start,
        periods=last - each.start,
    ).order_by("customer_id")


def _last_whole(day: dt.date, months: int) -> int:
    """The number of the last period that has ended by the end of ``day``."""
    tomorrow = day + dt.timedelta(days=1)
    return (12 * tomorrow.year + tomorrow.month - 1) // months - 1
