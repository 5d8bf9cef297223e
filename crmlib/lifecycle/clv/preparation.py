"""From orders to one row per customer: how often, how recently, for how long, and how much."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from crmlib.calendar import as_day, end_of
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.models.errors import CustomerBaseInvalid
from crmlib.models.time_units import Unit, days_per_unit
from crmlib.purchases import (
    NOT_A_PURCHASE,
    after_refunds,
    check_free_orders,
    plain_times,
    purchase_days,
    purchases,
    status_of,
)

if TYPE_CHECKING:
    from crmlib.lifecycle.clv.opportunity_time import Season

FreeOrders = Literal["count", "ignore"]
Day = dt.date | str


@same_kind
def summary(
    orders: Any,
    *,
    as_of: Day,
    unit: Unit = "weeks",
    first_order: bool = False,
    calibration_end: Day | None = None,
    free_orders: FreeOrders = "ignore",
    season: Season | None = None,
) -> Any:
    """How often, how recently, for how long and how much each customer bought: the table customer-base models read.

    ``orders``: the contract's orders (pandas or Ibis): ``customer_id, ordered_at, amount`` and, where present,
    ``status`` and ``refunded_amount``; which of them count says
    :func:`crmlib.purchases.purchases`, and :func:`summary_account` how many did not, and why. Orders of one
    customer on one day are one purchase. Where ``ordered_at`` carries a time zone, days are those of that zone (in a
    database, whose times carry none, those of the connection's); times are read to the microsecond.

    One row per customer, sorted: ``customer_id``; ``frequency`` x, repeat purchases; ``recency`` t_x, from the
    first purchase to the last, and ``T``, from the first to ``as_of``, both in ``unit``; ``monetary``, mean spend of a
    repeat purchase, 0 for none (``first_order=True``: of all purchases); last, ``unit`` itself, so that models know it.
    A unit is an exact length: "days", "weeks" of 7 days, or "months" of 365.25 / 12 days, the calendar's average, so
    that 12 of them are a year. A calendar month, now 28 days and now 31, would bend time; predictions take it as
    horizon.

    With ``calibration_end`` these describe the time until that day, for customers who had bought by then, and the
    time after it is held out: ``holdout_orders``, ``holdout_spend`` (their sum), ``holdout_length`` (in ``unit``);
    ``last_period_orders``, repeat purchases in an equally long time before ``calibration_end``.

    With ``season``, of :func:`~crmlib.lifecycle.clv.find_season`, ``recency``, ``T`` and ``holdout_length`` are in
    opportunity time, which runs with the season; ``silence``, since the last purchase, is in calendar time.

    Raises ``ValueError`` for an unknown unit, an ``as_of`` that is no day, an unknown way with ``free_orders``, or if
    ``calibration_end`` is not before ``as_of``, and
    :class:`CustomerBaseInvalid` for orders without these columns or with text in them.
    Source: Fader, Hardie & Lee (2005), "RFM and CLV", section 2.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": [1, 1, 2], "amount": [9.0, 2.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2015-01-01", "2015-02-06", "2015-01-01"])})
    >>> summary(orders, as_of="2015-02-07", unit="days")
       customer_id  frequency  recency     T  monetary  unit
    0            1          1     36.0  37.0       2.0  days
    1            2          0      0.0  37.0       0.0  days
    """
    import ibis

    days = days_per_unit(unit)
    end, length = _holdout(as_of, calibration_end)
    orders = check_orders(orders)

    daily = purchase_days(orders, as_of=as_of, free_orders=free_orders)
    # Without a holdout all days are known, and saying so would only cost the database time.
    known: Any = ibis.literal(True) if calibration_end is None else daily.day <= ibis.literal(end)
    measures = {
        "purchase_days": daily.count(where=known),
        "last": daily.day.max(where=known),
        # Repeats are summed without the first day: taken off a total, a large first order would swallow them.
        "paid": daily.spend.sum(where=known if first_order else known & (daily.nth > 0)),
    }
    period_start = ibis.literal(end - dt.timedelta(days=length))
    if calibration_end is not None:
        measures |= {
            "holdout_orders": daily.count(where=~known),
            "holdout_spend": daily.spend.sum(where=~known),
            "last_period_days": daily.count(where=known & (daily.day > period_start)),
        }
    each = daily.group_by("customer_id").agg(first=daily.first_day.min(), **measures)
    if calibration_end is not None:
        each = each.filter(each.first <= ibis.literal(end))

    calendar = {}
    if season is None:
        recency = each.last.delta(each.first, unit="day").cast("float64")
        age = ibis.literal(end).delta(each.first, unit="day").cast("float64")
    else:
        each = _with_pace(each, end, season)
        calendar = {"silence": ibis.literal(end).delta(each.last, unit="day").cast("float64") / days}
        recency, age = each.since_first - each.since_last, each.since_first
    x = each.purchase_days - 1
    paid_days = each.purchase_days if first_order else x
    columns = {
        "customer_id": each.customer_id,
        "frequency": x,
        "recency": recency / days,
        "T": age / days,
        "monetary": ibis.ifelse(paid_days > 0, each.paid / paid_days, 0.0),
    }
    if calibration_end is not None:
        columns |= {
            "holdout_orders": each.holdout_orders,
            "holdout_spend": each.holdout_spend.fill_null(0.0),
            "holdout_length": ibis.literal((season.elapsed(end, as_day(as_of)).item() if season else length) / days),
            "last_period_orders": each.last_period_days - (each.first > period_start).cast("int64"),
        }
    return made_once(each.select(**columns, **calendar, unit=ibis.literal(unit)).order_by("customer_id"))


def _with_pace(each: Any, end: dt.date, season: Season) -> Any:
    """Customers with ``since_first`` and ``since_last``: days of even pace from those days to ``end``."""
    import ibis

    begin = each["first"].min().execute()
    days = pd.date_range(end if pd.isna(begin) else as_day(begin), end)
    known = pd.DataFrame({"at": days, "left": season.elapsed(days, end)})
    for name in ("first", "last"):
        clock = ibis.memtable(known.set_axis([f"at_{name}", f"since_{name}"], axis="columns"))
        clock = clock.cast({f"at_{name}": "date"})
        each = each.left_join(clock, each[name] == clock[f"at_{name}"]).drop(f"at_{name}")
    return each


# What happens to an order, in the order in which it is decided.
RULES = (
    "counted",
    "partly refunded",
    "free, counted",
    "same day",
    "held out",
    "new after calibration_end",
    "cancelled or open",
    "refunded in full",
    "negative amount",
    "free, ignored",
    "without amount",
    "infinite amount",
    "after as_of",
    "without customer",
    "without time",
)


@same_kind
def summary_account(
    orders: Any, *, as_of: Day, calibration_end: Day | None = None, free_orders: FreeOrders = "ignore"
) -> Any:
    """What became of each order on the way into :func:`summary`: how many were counted, merged, or left out, and why.

    Arguments as for :func:`summary`. One row per rule, always the same: ``rule``; ``orders``, how many; ``amount``, the
    sum of their finite amounts as booked, before refunds, in the client's currency. Each order is in exactly one
    row, so that the rows add up to the orders read. Purchases, Σ (frequency + 1) over the summary, are the
    first three rows; of several on one day, the first is there and the others are in "same day". With
    ``calibration_end``, Σ ``holdout_orders`` are those "held out".

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": [1, 1, 2], "amount": [9.0, 2.0, 0.0], "status": ["paid", "open", "paid"],
    ...     "ordered_at": pd.to_datetime(["2015-01-01", "2015-02-06", "2015-01-01"])})
    >>> account = summary_account(orders, as_of="2015-02-07")
    >>> account[account["orders"] > 0][["rule", "orders", "amount"]]
                    rule  orders  amount
    0            counted       1     9.0
    6  cancelled or open       1     2.0
    9      free, ignored       1     0.0
    """
    import ibis

    end, _ = _holdout(as_of, calibration_end)
    orders = check_orders(orders)
    known = _with_rule(orders, as_of, free_orders)
    known = known.mutate(counted=known.rule.isin(["counted", "partly refunded", "free, counted"]))
    days = purchase_days(orders, as_of=as_of, free_orders=free_orders)
    # Putting orders in order costs most, so only those are whose customer has several on that day.
    several = days.filter(days.orders > 1).select("customer_id", "day", several=True)
    known = known.left_join(several, ["customer_id", "day"])
    known = known.select(*_KNOWN, "counted", several=known.several.notnull() & known.counted)
    ordered = known.filter(known.several)
    same_day = ibis.window(
        group_by=[ordered.customer_id, ordered.day],
        order_by=[ordered.ordered_at, ordered.amount.desc(), ordered.spend.desc()],
    )
    ordered = ordered.mutate(place=ibis.row_number().over(same_day))
    known = known.filter(~known.several).mutate(place=ibis.literal(0, "int64")).union(ordered)
    cases = [(known.place > 0, "same day")]
    if calibration_end is not None:
        came = days.filter(days.nth == 0).select("customer_id", first="first_day")
        known = known.left_join(came, "customer_id").select(*_KNOWN, "counted", "place", "first")
        cases = [
            (known.counted & (known["first"] > ibis.literal(end)), "new after calibration_end"),
            (known.place > 0, "same day"),
            (known.counted & (known.day > ibis.literal(end)), "held out"),
        ]
    known = known.mutate(rule=ibis.cases(*cases, else_=known.rule))
    found = known.group_by("rule").agg(
        found=known.count(), sum=known.amount.sum(where=known.amount.abs() < float("inf"))
    )
    rules = ibis.memtable({"place": list(range(len(RULES))), "rule": list(RULES)})
    table = rules.left_join(found, "rule")
    counted = table.select("place", "rule", orders=table.found.fill_null(0), amount=table.sum.fill_null(0.0))
    return counted.order_by("place").drop("place")


_KNOWN = ("customer_id", "ordered_at", "day", "amount", "spend", "rule")


def _with_rule(orders: Any, as_of: Day, free_orders: FreeOrders) -> Any:
    """``customer_id, ordered_at, day, amount, spend, rule`` of every order, by the rule of ``purchases``."""
    import ibis

    check_free_orders(free_orders)
    table = orders.select(
        customer_id=orders.customer_id,
        ordered_at=orders.ordered_at,
        day=orders.ordered_at.cast("date"),
        amount=orders.amount.cast("float64"),
        spend=after_refunds(orders),
        status=status_of(orders),
    )
    amount, spend = table.amount, table.spend
    midnight = end_of(as_of)
    rule = ibis.cases(
        (table.ordered_at.isnull(), "without time"),
        (table.customer_id.isnull(), "without customer"),
        (table.ordered_at >= ibis.literal(midnight), "after as_of"),
        (table.status.isin(NOT_A_PURCHASE), "cancelled or open"),
        (spend.isnull() | spend.isnan(), "without amount"),
        (spend.abs() == float("inf"), "infinite amount"),
        ((amount == 0) & (spend == 0), "free, counted" if free_orders == "count" else "free, ignored"),
        ((spend <= 0) & (amount < 0), "negative amount"),
        (spend <= 0, "refunded in full"),
        (spend < amount, "partly refunded"),
        else_="counted",
    )
    return table.mutate(rule=rule)


def check_orders(orders: Any) -> Any:
    """The orders with plain times, unless they cannot be summarised: columns missing, text instead of numbers or times.

    Looks at types; rows are read only where amounts are text. Raises :class:`CustomerBaseInvalid`.
    """
    orders = plain_times(orders)
    missing = [name for name in ("customer_id", "ordered_at", "amount") if name not in orders.columns]
    wrong = [f"the orders have no column {', '.join(missing)}; see the contract of orders"] if missing else []
    if "ordered_at" in orders.columns:
        kind = orders.ordered_at.type()
        if not (kind.is_timestamp() or kind.is_date() or kind.is_null()):
            wrong.append(f"ordered_at holds {kind}; dates or times are expected: convert it with pandas.to_datetime")
    for name in ("amount", "refunded_amount"):
        if name in orders.columns and orders[name].type().is_string():
            wrong += _unread(orders, name)
    if wrong:
        raise CustomerBaseInvalid(
            wrong[0] if len(wrong) == 1 else f"{len(wrong)} things are wrong:\n- " + "\n- ".join(wrong)
        )
    return orders


def _unread(orders: Any, name: str) -> list[str]:
    """What is wrong with a column of amounts that is text: the values in it that are no numbers."""
    text = orders.filter(orders[name].notnull() & orders[name].try_cast("float64").isnull())[name]
    count = text.count().execute()
    if not count:
        return []
    shown = ", ".join(repr(value) for value in text.as_table().distinct().order_by(name).limit(5)[name].to_list())
    return [f"{name} is text and no number in {count} order{'s' if count > 1 else ''} ({shown}); mend it, then cast it"]


def _holdout(as_of: Day, calibration_end: Day | None) -> tuple[dt.date, int]:
    """The day until which customers are described, and how many days are held out after it."""
    end = as_day(calibration_end or as_of)
    length = (as_day(as_of) - end).days
    if calibration_end is not None and length <= 0:
        raise ValueError(f"calibration_end {end} must be before as_of {as_day(as_of)}, so that a holdout is left")
    return end, length


Period = Literal["years", "quarters", "months"]
_MONTHS: dict[str, int] = {"years": 12, "quarters": 3, "months": 1}


@same_kind
def opportunities(
    orders: Any,
    *,
    as_of: Any,
    period: Period = "years",
    first: Any = None,
    free_orders: FreeOrders = "ignore",
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
    months, tomorrow = _MONTHS[period], as_day(as_of) + dt.timedelta(days=1)
    last = (12 * tomorrow.year + tomorrow.month - 1) // months - 1  # the number of the last period that has ended
    bought = purchases(orders, as_of=as_of, free_orders=free_orders)
    taken = bought.mutate(place=((12 * bought.day.year() + bought.day.month() - 1) // months).cast("int64"))
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


# With cost on fewer purchases than this, those that carry it may be a special kind.
ENOUGH_PRICED = 0.5


def contribution_margin(orders: Any, *, as_of: Any, fallback: float) -> pd.DataFrame:
    """The contribution margin to use, and where it comes from.

    ``orders``: the contract's orders (pandas or Ibis), with or without ``cost``. Where at least half of the spend
    carries a cost, the margin is (spend − cost) / spend over those purchases, after refunds; otherwise, or if goods
    cost more than they bring, it is ``fallback`` (the client's, 0 to 1). One row: ``margin``; ``source``, "cost" or
    "client"; ``priced_share``, the share of spend whose cost is known; ``priced_orders``. Raises ``ValueError`` for a
    ``fallback`` outside 0 to 1.

    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-02"]),
    ...                        "amount": [100.0, 100.0], "cost": [40.0, 50.0]})
    >>> contribution_margin(orders, as_of="2025-12-31", fallback=0.3)[["margin", "source"]]
       margin source
    0    0.55   cost
    """
    if not 0 <= fallback <= 1:
        raise ValueError(f"fallback is a margin, a share of the price from 0 to 1, not {fallback!r}")
    bought = purchases(to_ibis(orders), as_of=as_of, keep=["cost"])
    costs = bought.cost.cast("float64")
    sums = bought.aggregate(
        spent=bought.spend.sum(), priced=bought.spend.sum(where=costs.notnull()), cost=costs.sum(), count=costs.count()
    )
    spent, priced, cost, count = to_pandas(sums).astype(float).fillna(0.0).iloc[0]
    share = priced / spent if spent > 0 else 0.0
    margin = (priced - cost) / priced if priced > 0 else 0.0
    from_cost = share >= ENOUGH_PRICED and 0 < margin <= 1
    return pd.DataFrame(
        {
            "margin": [margin if from_cost else float(fallback)],
            "source": ["cost" if from_cost else "client"],
            "priced_share": [share],
            "priced_orders": [int(count)],
        }
    )
