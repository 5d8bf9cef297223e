"""Which orders are purchases: the one rule that every analysis of orders follows."""

from __future__ import annotations

import datetime as dt
import itertools
import statistics
from collections.abc import Sequence
from typing import Any, Literal

from crmlib.calendar import as_day, end_of
from crmlib.engine import AnyTable, made_once, same_kind, to_pandas, wall_clock

NOT_A_PURCHASE = ("cancelled", "open")
FREE_ORDERS = ("count", "ignore")
# So many empty months in a row part two times, if the months after hold so many purchases on average that chance
# does not empty them.
_GAP_MONTHS = 2
_MANY_A_MONTH = 5


def check_free_orders(free_orders: Any) -> None:
    """Refuse to guess what shall happen to orders that cost nothing: ``ValueError`` unless "count" or "ignore"."""
    if free_orders not in FREE_ORDERS:
        raise ValueError(f'free_orders is {free_orders!r}; it is "count" (as visits with spend 0) or "ignore"')


def plain_times(orders: AnyTable) -> AnyTable:
    """The orders (an Ibis table) with times as a wall clock shows them, without time zone and to the microsecond.

    What happened on one day at the place whose time zone ``ordered_at`` carries is then on one day. A database keeps
    no such zone with its times: those it knows in UTC stay, and their days are those of the connection's time zone.
    """
    import ibis
    import ibis.expr.operations as ops
    import pandas as pd

    table = orders.op()
    if isinstance(table, ops.InMemoryTable) and isinstance(table.data.to_frame(), pd.DataFrame):
        frame = table.data.to_frame()
        changed = {}
        for name in frame.columns[[pd.api.types.is_datetime64_any_dtype(dtype) for dtype in frame.dtypes]]:
            times = frame[name]
            zoned, fine = name == "ordered_at" and times.dt.tz is not None, times.dt.unit == "ns"
            if zoned or fine:
                times = times.dt.tz_localize(None) if zoned else times
                # The engine counts microseconds, and refuses what would be lost.
                changed[name] = times.dt.floor("us").dt.as_unit("us") if fine else times
        return ibis.memtable(frame.assign(**changed)) if changed else orders
    zone = getattr(orders.ordered_at.type(), "timezone", None) if "ordered_at" in orders.columns else None
    if zone in (None, "UTC"):
        return orders
    return orders.mutate(ordered_at=wall_clock(orders.ordered_at, zone))


def status_of(orders: AnyTable) -> Any:
    """The status of each order in lower case and without blanks around it; ``paid`` where there is none."""
    import ibis

    if "status" not in orders.columns:
        return ibis.literal("paid")
    return orders.status.cast("string").strip().lower().fill_null("paid")


def after_refunds(orders: AnyTable) -> Any:
    """What is left of each order's amount after ``refunded_amount``; ``refunded`` without an amount means in full."""
    import ibis

    amount = orders.amount.cast("float64")
    back = orders.refunded_amount.cast("float64") if "refunded_amount" in orders.columns else ibis.null("float64")
    back = ibis.ifelse((status_of(orders) == "refunded") & back.isnull(), amount, back)
    return amount - back.fill_null(0.0)


def revenue_of(spend: Any, *, where: Any = None) -> Any:
    """The sum of what was spent (an Ibis column) to a millionth: below, the order in which amounts were added shows.

    Customers who spent the same are so equal, whichever of their orders a database read first.

    >>> import ibis
    >>> revenue_of(ibis.memtable({"spend": [0.1, 0.2]}).spend).execute()
    0.3
    """
    return spend.sum(where=where).round(6)


@same_kind
def purchases(
    orders: AnyTable,
    *,
    as_of: Any = None,
    free_orders: Literal["count", "ignore"] = "ignore",
    guests: bool = False,
    keep: Sequence[str] = (),
) -> AnyTable:
    """The orders that count as purchases, one row per order: ``customer_id, ordered_at, day, spend`` and ``keep``.

    An order counts if it happened on the day ``as_of`` or before, was neither cancelled nor is still open, and
    something was left of it after ``refunded_amount`` was taken off; ``refunded`` without an amount means in full.
    Statuses are read in any case of letters. Negative amounts (refunds booked as orders) are no purchases, nor are
    missing or infinite ones, nor is an order that cost nothing from the start (a voucher, a gift, a replacement);
    with ``free_orders="count"`` it is a visit and counts with spend 0. Orders without a customer are left out unless
    ``guests=True``. ``spend`` is in the client's currency, ``day`` a date: that of the time zone in ``ordered_at``,
    where times of a frame carry one. Columns in ``keep`` that the table does not have come out
    empty. pandas or Ibis in, same kind out. Raises ``ValueError`` for an ``as_of`` that is no day.

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

    check_free_orders(free_orders)
    orders = plain_times(orders)
    amount, spend = orders.amount.cast("float64"), after_refunds(orders)
    kept = orders.ordered_at.notnull() & status_of(orders).notin(NOT_A_PURCHASE)
    kept &= spend.abs() < float("inf")  # NaN, too, is not: databases take it for more than any number
    kept &= (spend > 0) | ((amount == 0) & (spend == 0)) if free_orders == "count" else spend > 0
    bought = made_once(orders.filter(kept).mutate(day=orders.ordered_at.cast("date"), spend=spend))
    if not guests:
        bought = bought.filter(bought.customer_id.notnull())
    if as_of is not None:
        bought = bought.filter(bought.ordered_at < ibis.literal(end_of(as_of)))
    extra = {name: bought[name] if name in orders.columns else ibis.null("string") for name in keep}
    return bought.select("customer_id", "ordered_at", "day", "spend", **extra)


@same_kind
def purchase_days(orders: AnyTable, *, as_of: Any, free_orders: Literal["count", "ignore"] = "ignore") -> AnyTable:
    """The days on which each customer bought, up to ``as_of``, one row per customer and day, sorted: what most
    measures of customers count, since several orders of one day are one purchase.

    Columns: ``customer_id``, ``day``, ``orders`` (how many) and ``spend`` (their sum) of that day; ``nth`` (0 for the
    first), ``first_day``, and the customer's ``previous_day`` and ``next_day`` with a purchase (empty: none until
    ``as_of``). ``orders`` and which of them count as for :func:`purchases`. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "a"], "amount": [9.0, 5.0, 4.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-01", "2025-02-07"])})
    >>> purchase_days(orders, as_of="2025-12-31")[["orders", "spend", "nth", "next_day"]]
       orders  spend  nth   next_day
    0       2   14.0    0 2025-02-07
    1       1    4.0    1        NaT
    """
    import ibis

    bought = purchases(orders, free_orders=free_orders)
    days = bought.group_by("customer_id", "day").agg(orders=bought.count(), spend=revenue_of(bought.spend))
    own = ibis.window(group_by="customer_id", order_by="day")
    days = days.mutate(
        nth=ibis.row_number().over(own),
        first_day=days.day.first().over(own),
        previous_day=days.day.lag().over(own),
        next_day=days.day.lead().over(own),
    )
    days = made_once(days.order_by("customer_id", "day"))
    end = ibis.literal(as_day(as_of))
    days = days.filter(days.day <= end)
    # What was before a day is not changed by what comes after it; only the next day may be too late to be known.
    return days.mutate(next_day=ibis.ifelse(days.next_day <= end, days.next_day, None)).order_by("customer_id", "day")


def every_so_many(orders: Any, *, as_of: Any, most: int) -> tuple[int, Any]:
    """How many customers have bought until ``as_of``, and every so many-th of them, in the order of their ids, so that
    at most ``most`` are left (Ibis: ``customer_id``); None where they are no more than that.

    >>> import ibis
    >>> day = dt.datetime(2025, 1, 2)
    >>> orders = ibis.memtable({"customer_id": ["a", "b", "c"], "amount": [5.0] * 3, "ordered_at": [day] * 3})
    >>> count, some = every_so_many(orders, as_of="2025-12-31", most=2)
    >>> count, some.customer_id.to_list()
    (3, ['a', 'c'])
    """
    import ibis

    days = purchase_days(orders, as_of=as_of)
    buyers = days.filter(days.nth == 0).select("customer_id")
    count = int(buyers.count().execute())
    if count <= most:
        return count, None
    numbered = buyers.mutate(place=ibis.row_number().over(ibis.window(order_by="customer_id")))
    return count, made_once(numbered.filter(numbered.place % -(-count // most) == 0).select("customer_id"))


def contribution(bought: Any, *, margin: float) -> Any:
    """What is left of each purchase (an Ibis column): its spend less its ``cost`` where that is known, else times
    ``margin`` (0 to 1).

    ``bought``: Ibis purchases with ``cost`` (``purchases(…, keep=("cost",))``).
    """
    import ibis

    cost = bought.cost.cast("float64")
    return ibis.ifelse(cost.notnull(), bought.spend - cost, bought.spend * margin)


def data_begin(orders: Any, *, as_of: Any) -> dt.date | None:
    """The day from which the purchases are without a gap, guests' included; None without any. pandas or Ibis.

    Stray orders of long before the others do not count: the data begin after the last gap of two whole months and more,
    unless purchases are so few that such gaps are chance, or months without any are usual (the gap must be two months
    longer than twice the usual one), or the gap is a season: shorter than a year, and most of the same months are empty
    in another year, too.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a"], "amount": [5.0], "ordered_at": pd.to_datetime(["2025-12-25"])})
    >>> data_begin(orders, as_of="2025-12-31")
    datetime.date(2025, 12, 25)
    """
    end = as_day(as_of)
    months = to_pandas(_months(orders, as_of=end))
    days, counts = [as_day(day) for day in months["first"]], [int(count) for count in months["count"]]
    if not days:
        return None
    at = [12 * day.year + day.month for day in days]
    there, now = set(at), 12 * end.year + end.month

    def is_empty_in_another_year(month: int) -> bool:
        other = month + 12 if month + 12 <= now else month - 12
        return at[0] <= other and other not in there

    between = [later - earlier - 1 for earlier, later in itertools.pairwise(at)]
    for i in range(len(at) - 1, 0, -1):
        empty = range(at[i - 1] + 1, at[i])
        usual = statistics.median(between[i:] or [0])
        many = sum(counts[i:]) >= _MANY_A_MONTH * (at[-1] - at[i] + 1)
        # A year after a month of a longer gap lies in the same gap, and would prove it a season.
        seasonal = len(empty) < 12 and 2 * sum(map(is_empty_in_another_year, empty)) > len(empty)
        if len(empty) >= _GAP_MONTHS + 2 * usual and many and not seasonal:
            return days[i]
    return days[0]


@same_kind
def _months(orders: Any, *, as_of: dt.date) -> Any:
    """First day and number of the purchases of each month that has any, in order."""
    bought = purchases(orders, as_of=as_of, guests=True)
    months = bought.group_by(month=bought.day.truncate("M"))
    return made_once(months.agg(first=bought.day.min(), count=bought.count()).order_by("month"))


def history_days(orders: Any, *, as_of: Any) -> int:
    """How many days the purchases cover, from :func:`data_begin` to the end of ``as_of``; 0 without any.

    Where they are fewer than a year, "the last twelve months" are these days only. ``orders``: pandas or Ibis.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a"], "amount": [5.0], "ordered_at": pd.to_datetime(["2025-12-25"])})
    >>> history_days(orders, as_of="2025-12-31")
    7
    """
    begin = data_begin(orders, as_of=as_of)
    return 0 if begin is None else (as_day(as_of) - begin).days + 1
