"""What each customer has done: the one row per customer that every segmentation starts from."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import as_day, end_of, months_before
from crmlib.engine import made_once, same_kind
from crmlib.purchases import history_days, purchase_days, purchases, revenue_of
from crmlib.subscriptions import contracts

LONGEST_HORIZON_DAYS = 365
# More days than any orders span.
_NEVER = 1_000_000


@same_kind
def customer_activity(orders: Any, customers: Any = None, *, as_of: Any, earlier: Any = None) -> Any:
    """What each customer has done up to the end of the day ``as_of``, one row per customer.

    Columns: ``customer_id``, ``first_day``, ``last_day`` (dates of the first and last purchase), ``tenure_days`` and
    ``recency_days`` (days from these to ``as_of``), ``purchases`` (days with a purchase, ever), ``purchases_year``,
    ``revenue`` (ever), ``revenue_year`` and ``is_earlier``. ``…_year`` are the twelve months up to ``as_of``; money is
    in the client's currency. Several orders on one day are one purchase. With ``customers`` (the contract's table),
    those who never bought and were first seen by ``as_of`` are there too, with 0 purchases and without days.
    ``is_earlier``: bought, and among the ``earlier`` customers (``customer_id``, of :mod:`crmlib.newcomers`), who may
    be older than the data. Rules count what came before as one purchase more (:func:`as_rules_count`): nobody who may
    be old is new by one order. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2024-11-30", "2025-12-01", "2025-12-31"])})
    >>> customer_activity(orders, as_of="2025-12-31")[["customer_id", "recency_days", "purchases", "revenue_year"]]
      customer_id  recency_days  purchases  revenue_year
    0           a            30          2           5.0
    1           b             0          1           8.0
    """
    import ibis

    end = as_day(as_of)
    days = purchase_days(orders, as_of=end)
    in_year = days.day > ibis.literal(months_before(end, 12))
    did = days.group_by("customer_id").agg(
        first_day=days.day.min(),
        last_day=days.day.max(),
        purchases=days.count(),
        purchases_year=days.count(where=in_year),
        revenue=revenue_of(days.spend),
        revenue_year=revenue_of(days.spend, where=in_year),
    )
    did = did.mutate(is_earlier=ibis.literal(False) if earlier is None else did.customer_id.isin(earlier.customer_id))
    everybody = did.select("customer_id")
    if customers is not None:
        known = customers.filter(customers.customer_id.notnull())
        if "first_seen_at" in known.columns:
            midnight = end_of(end)
            known = known.filter(known.first_seen_at.isnull() | (known.first_seen_at < ibis.literal(midnight)))
        everybody = everybody.union(known.select(customer_id=known.customer_id.cast("string")), distinct=True)
    table = everybody.left_join(did, "customer_id")
    today = ibis.literal(end)
    each = table.select(
        customer_id=everybody.customer_id,
        first_day=table.first_day,
        last_day=table.last_day,
        tenure_days=today.delta(table.first_day, unit="day"),
        recency_days=today.delta(table.last_day, unit="day"),
        purchases=table.purchases.fill_null(0),
        purchases_year=table.purchases_year.fill_null(0),
        revenue=table.revenue.fill_null(0.0),
        revenue_year=table.revenue_year.fill_null(0.0),
        is_earlier=table.is_earlier.fill_null(False),
    )
    return made_once(each.order_by("customer_id"))


def as_rules_count(customers: Any) -> Any:
    """The customers (an Ibis table) with ``purchases`` as rules count them: one more for those who ``is_earlier``."""
    if "is_earlier" not in customers.columns:
        return customers
    return customers.mutate(purchases=customers.purchases + customers.is_earlier.cast("int64"))


@same_kind
def under_contract(subscriptions: Any, *, as_of: Any) -> Any:
    """Which customers have a contract that runs at the end of the day ``as_of``: ``customer_id``, each once.

    Begun by that day, and not ended by then. Who has one has not left, however long the last order is ago.
    ``subscriptions`` as in the contract; pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b", "c"],
    ...     "started_at": pd.to_datetime(["2024-05-01", "2024-05-01", "2026-01-01"]),
    ...     "ended_at": pd.to_datetime([None, "2025-12-31", None])})
    >>> under_contract(subscriptions, as_of="2025-12-31").customer_id.tolist()
    ['a']
    """
    begun = contracts(subscriptions, as_of=as_of)
    return begun.filter(begun.stop.isnull()).select("customer_id").distinct().order_by("customer_id")


@same_kind
def revenue_without_customer(orders: Any, *, as_of: Any) -> Any:
    """The revenue of the last twelve months that no customer is known for (guests), in one row.

    Columns: ``orders``, ``revenue_year``. Together with the customers' ``revenue_year`` it is all revenue of the twelve
    months. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", None], "amount": [10.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2025-11-30", "2025-12-01"])})
    >>> revenue_without_customer(orders, as_of="2025-12-31")
       orders  revenue_year
    0       1           5.0
    """
    import ibis

    end = as_day(as_of)
    bought = purchases(orders, as_of=end, guests=True)
    guests = bought.filter(bought.customer_id.isnull() & (bought.day > ibis.literal(months_before(end, 12))))
    return guests.agg(orders=guests.count(), revenue_year=guests.spend.sum().fill_null(0.0))


@same_kind
def purchase_rhythm(orders: Any, *, as_of: Any) -> Any:
    """How many days customers take to come back, and how many come back after a silence: one row per number of days.

    Columns: ``days_to_return``, ``returns`` (purchases that were followed by the next after so many days), ``weight``
    (the same with every customer counted once, however often they come), ``horizon_days``, ``silent`` (customers whose
    silence grew longer than so many days), ``came_back`` (those of them who bought again within the horizon after
    that). Only purchases that could be followed for the whole horizon are looked at, and only returns within it, so
    that long gaps are neither cut off nor missed: the horizon is 365 days, or half of the time that the orders span
    where that is shorter. pandas or Ibis in, same kind out.

    ``silent`` looks at one horizon of days, the last that leaves a whole horizon to follow: whose silence passed the
    line then. Each customer counts once, by the first time in these days. The share is what renewal theory calls
    1 − S(line + horizon) / S(line), the chance to come back within the horizon of who has been silent up to the line
    (Cox 1962, *Renewal Theory*, ch. 5), read from counts, without a model. There is a row for each number of days at
    which one of the columns changes, so that some have 0 returns; between two rows both counts of the silent stay.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "a", "b", "b"], "amount": 1.0, "ordered_at": pd.to_datetime(
    ...     ["2024-01-01", "2024-01-11", "2024-01-31", "2024-01-01", "2024-01-31"])})
    >>> purchase_rhythm(orders, as_of="2025-12-31").iloc[2:5]
       days_to_return  returns  weight  horizon_days  silent  came_back
    2              10        1     0.5           365       2          2
    3              20        1     0.5           365       2          1
    4              30        1     1.0           365       2          0
    """
    import ibis

    history = history_days(orders, as_of=as_of)
    horizon = min(max(history - 1, 0) // 2, LONGEST_HORIZON_DAYS)
    end = ibis.literal(as_day(as_of))
    days = purchase_days(orders, as_of=as_of)
    coming = days.select(
        "customer_id",
        days_to_return=days.next_day.delta(days.day, unit="day").cast("int64"),
        followed_days=end.delta(days.day, unit="day").cast("int64"),
    )
    back = coming.filter((coming.followed_days >= horizon) & (coming.days_to_return <= horizon))
    back = back.mutate(weight=1.0 / back.count().over(group_by="customer_id"))
    returned = back.group_by(day=back.days_to_return).agg(returns=back.count(), weight=back.weight.sum())
    steps = _silent(coming.filter(coming.followed_days < history), horizon).outer_join(returned, "day")
    steps = steps.select(
        day=steps.day.coalesce(steps.day_right),
        **{name: steps[name].fill_null(0) for name in ("silent", "came_back", "returns", "weight")},
    )
    # Each step changes how many there are from its day on.
    until = ibis.window(order_by="day", preceding=None, following=0)
    return made_once(
        steps.select(
            days_to_return=steps.day,
            returns=steps.returns,
            weight=steps.weight,
            horizon_days=ibis.literal(horizon, type="int64"),
            silent=steps.silent.sum().over(until),
            came_back=steps.came_back.sum().over(until),
        ).order_by("days_to_return")
    )


def _silent(coming: Any, horizon: int) -> Any:
    """By how much the customers who passed a line of so many days change at a ``day``: ``silent``, and ``came_back``.

    A purchase passes all lines from ``first`` to ``last`` days; for those from ``back`` on the next one follows in the
    horizon. Who does not come back in it passes the line no second time in these days. So a customer who ever came back
    after passing a line came back after passing it for the first time.
    """
    import ibis

    again = coming.days_to_return.fill_null(ibis.literal(_NEVER, type="int64"))
    passed = coming.select(
        "customer_id",
        first=ibis.greatest(coming.followed_days - 2 * horizon + 1, 0),
        last=ibis.least(coming.followed_days - horizon, again - 1),
        back=again - horizon,
    )
    back = passed.mutate(first=ibis.greatest(passed["first"], passed.back))
    nobody = ibis.literal(0, type="int64")
    changes = [step.select("day", silent=step.change, came_back=nobody) for step in _once_a_customer(passed)]
    changes += [step.select("day", silent=nobody, came_back=step.change) for step in _once_a_customer(back)]
    every = ibis.union(*changes)
    return every.group_by("day").agg(silent=every.silent.sum(), came_back=every.came_back.sum())


def _once_a_customer(passed: Any) -> list[Any]:
    """Where the number of customers with a line between ``first`` and ``last`` grows, and where it falls.

    Of a customer's stretches, each counts where it goes on beyond those that begin before it.
    """
    import ibis

    some = passed.filter(passed["first"] <= passed["last"])
    before = ibis.window(group_by="customer_id", order_by=["first", "last"], preceding=(None, 1))
    some = some.mutate(new=ibis.greatest(some["first"], (some["last"].max().over(before) + 1).fill_null(0)))
    new = some.filter(some.new <= some["last"])
    one = ibis.literal(1, type="int64")
    return [new.select(day=new.new, change=one), new.select(day=new["last"] + 1, change=-one)]
