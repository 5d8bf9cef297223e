"""Which orders are purchases: the one rule that every analysis of orders follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from crmlib.engine import same_kind

NOT_A_PURCHASE = ("cancelled", "open")


def as_day(day: Any) -> dt.date:
    """The calendar day of a date, a timestamp or an ISO string.

    >>> as_day("2015-02-07")
    datetime.date(2015, 2, 7)
    """
    if isinstance(day, dt.datetime):
        return day.date()
    return day if isinstance(day, dt.date) else dt.date.fromisoformat(str(day)[:10])


@same_kind
def purchases(
    orders: Any,
    *,
    as_of: Any = None,
    free_orders: Literal["count", "ignore"] = "count",
    guests: bool = False,
    keep: Sequence[str] = (),
) -> Any:
    """The orders that count as purchases, one row per order: ``customer_id, ordered_at, day, spend`` and ``keep``.

    An order counts if it happened on the day ``as_of`` or before, was neither cancelled nor is still open, and
    something was left of it after ``refunded_amount`` was taken off; ``refunded`` without an amount means in full.
    Negative amounts (refunds booked as orders) are no purchases. An order that cost nothing from the start (a voucher,
    a gift) is a visit and counts with spend 0, unless ``free_orders="ignore"``. Orders without a customer are left
    out unless ``guests=True``. ``spend`` is in the client's currency, ``day`` a date. Columns in ``keep`` that the
    table does not have come out empty. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"order_id": ["1", "2", "3"], "customer_id": ["a", "a", "b"], "amount": [9.0, 5.0, 4.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-06", "2025-02-07"]),
    ...     "status": ["paid", "cancelled", "refunded"], "refunded_amount": [None, None, 1.0]})
    >>> purchases(orders)[["customer_id", "spend"]]
      customer_id  spend
    0           a    9.0
    1           b    3.0
    """
    import ibis

    amount = orders.amount.cast("float64")
    spend = amount
    kept = orders.ordered_at.notnull()
    if not guests:
        kept &= orders.customer_id.notnull()
    if as_of is not None:
        midnight = dt.datetime.combine(as_day(as_of), dt.time()) + dt.timedelta(days=1)
        kept &= orders.ordered_at < ibis.literal(midnight)
    if "status" in orders.columns:
        status = orders.status.cast("string").fill_null("paid")
        refunded = (
            orders.refunded_amount.cast("float64") if "refunded_amount" in orders.columns else ibis.null("float64")
        )
        refunded = ibis.ifelse((status == "refunded") & refunded.isnull(), amount, refunded)
        spend = amount - refunded.fill_null(0.0)
        kept &= status.notin(NOT_A_PURCHASE)
    elif "refunded_amount" in orders.columns:
        spend = amount - orders.refunded_amount.cast("float64").fill_null(0.0)
    kept &= ~spend.isnan()  # which databases take for more than any number
    kept &= (spend > 0) | ((amount == 0) & (spend == 0)) if free_orders == "count" else spend > 0
    extra = {name: orders[name] if name in orders.columns else ibis.null("string") for name in keep}
    return orders.filter(kept).select(
        customer_id=orders.customer_id,
        ordered_at=orders.ordered_at,
        day=orders.ordered_at.cast("date"),
        spend=spend,
        **extra,
    )
