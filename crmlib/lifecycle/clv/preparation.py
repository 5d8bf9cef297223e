"""From orders to one row per customer: how often, how recently, for how long, and how much."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from crmlib.calendar import as_day, end_of
from crmlib.engine import same_kind
from crmlib.models.errors import CustomerBaseInvalid
from crmlib.models.time_units import Unit, days_per_unit
from crmlib.purchases import NOT_A_PURCHASE, check_free_orders, plain_times, purchases, status_of

FreeOrders = Literal["count", "ignore"]
Day = datetime.date | str


@same_kind
def summary(
    orders: Any,
    *,
    as_of: Day,
    unit: Unit = "weeks",
    first_order: bool = False,
    calibration_end: Day | None = None,
    free_orders: FreeOrders = "count",
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

    bought = purchases(orders, as_of=as_of, free_orders=free_orders)
    if first_order:
        daily = bought.group_by("customer_id", "day").agg(spend=bought.spend.sum())
    else:
        # Repeats are summed without the first day: taken off a total, a large first order would swallow them.
        first_days = bought.group_by("customer_id").agg(first_day=bought.day.min())
        known_first = bought.join(first_days, "customer_id")
        daily = known_first.group_by("customer_id", "day", "first_day").agg(spend=known_first.spend.sum())
    # Without a holdout all days are known, and saying so would only cost the database time.
    known: Any = None if calibration_end is None else daily.day <= ibis.literal(end)
    measures = {
        "purchase_days": daily.count(where=known),
        "first": daily.day.min(),
        "last": daily.day.max(where=known),
    }
    if first_order:
        measures["total"] = daily.spend.sum(where=known)
    else:
        repeat = daily.day > daily.first_day
        measures["repeats"] = daily.spend.sum(where=repeat if known is None else known & repeat)
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
        monetary = ibis.ifelse(x > 0, each.repeats / x, 0.0)
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
    return each.select(**columns, unit=ibis.literal(unit)).order_by("customer_id")


# What happens to an order, in the order in which it is decided; then in words.
RULES = {
    "counted": "counted in full",
    "partly refunded": "refunded in part, counted with what is left",
    "free, counted": "of amount 0, counted as a visit with spend 0",
    "same day": "on a day on which the customer had bought already, counted as one purchase with that",
    "held out": "after calibration_end, counted in the holdout",
    "new after calibration_end": "by customers who first bought after calibration_end, left out",
    "cancelled or open": "cancelled or still open, no purchase",
    "refunded in full": "nothing left after the refund, no purchase",
    "negative amount": "of negative amount, a refund and no purchase",
    "free, ignored": "of amount 0, left out as asked for",
    "without amount": "without an amount, left out",
    "infinite amount": "of an infinite amount, left out",
    "after as_of": "after as_of, not yet known",
    "without customer": "without a customer, left out",
    "without time": "without a time, left out",
}


@same_kind
def summary_account(
    orders: Any, *, as_of: Day, calibration_end: Day | None = None, free_orders: FreeOrders = "count"
) -> Any:
    """What became of each order on the way into :func:`summary`: how many were counted, merged, or left out, and why.

    Arguments as for :func:`summary`. One row per rule, always the same: ``rule``; ``orders``, how many; ``amount``, the
    sum of their finite amounts as booked, before refunds, in the client's currency; ``in_words``. Each order is in
    exactly one row, so that the rows add up to the orders read. Purchases, Σ (frequency + 1) over the summary, are the
    first three rows; of several on one day, the first is there and the others are in "same day". With
    ``calibration_end``, Σ ``holdout_orders`` are those "held out".

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": [1, 1, 2], "amount": [9.0, 2.0, 0.0], "status": ["paid", "open", "paid"],
    ...     "ordered_at": pd.to_datetime(["2015-01-01", "2015-02-06", "2015-01-01"])})
    >>> account = summary_account(orders, as_of="2015-02-07")
    >>> account[account["orders"] > 0][["rule", "orders", "amount"]]
                    rule  orders  amount
    0            counted       1     9.0
    2      free, counted       1     0.0
    6  cancelled or open       1     2.0
    """
    import ibis

    end, _ = _holdout(as_of, calibration_end)
    orders = check_orders(orders)
    known = _with_rule(orders, as_of, free_orders)
    known = known.mutate(counted=known.rule.isin(["counted", "partly refunded", "free, counted"]))
    same_day = ibis.window(
        group_by=[known.customer_id, known.day, known.counted],
        order_by=[known.ordered_at, known.amount.desc(), known.spend.desc()],
    )
    cases = [(known.counted & (ibis.row_number().over(same_day) > 0), "same day")]
    if calibration_end is not None:
        first = known.day.min(where=known.counted).over(ibis.window(group_by=known.customer_id))
        cases = [
            (known.counted & (first > ibis.literal(end)), "new after calibration_end"),
            *cases,
            (known.counted & (known.day > ibis.literal(end)), "held out"),
        ]
    known = known.mutate(rule=ibis.cases(*cases, else_=known.rule))
    found = known.group_by("rule").agg(
        found=known.count(), sum=known.amount.sum(where=known.amount.abs() < float("inf"))
    )
    rules = ibis.memtable({"place": list(range(len(RULES))), "rule": list(RULES), "words": list(RULES.values())})
    table = rules.left_join(found, "rule")
    count = table.found.fill_null(0)
    return (
        table.select(
            "place",
            rule=table.rule,
            orders=count,
            amount=table.sum.fill_null(0.0),
            in_words=ibis.ifelse(count == 1, "1 order ", count.cast("string") + " orders ") + table.words,
        )
        .order_by("place")
        .drop("place")
    )


def _with_rule(orders: Any, as_of: Day, free_orders: FreeOrders) -> Any:
    """``customer_id, ordered_at, day, amount, spend, rule`` of every order, by the rule of ``purchases``."""
    import ibis

    check_free_orders(free_orders)
    amount = orders.amount.cast("float64")
    refunded = orders.refunded_amount.cast("float64") if "refunded_amount" in orders.columns else ibis.null("float64")
    status = status_of(orders) if "status" in orders.columns else ibis.literal("paid")
    refunded = ibis.ifelse((status == "refunded") & refunded.isnull(), amount, refunded).fill_null(0.0)
    table = orders.select(
        customer_id=orders.customer_id,
        ordered_at=orders.ordered_at,
        day=orders.ordered_at.cast("date"),
        amount=amount,
        spend=amount - refunded,
        status=status,
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


def _holdout(as_of: Day, calibration_end: Day | None) -> tuple[datetime.date, int]:
    """The day until which customers are described, and how many days are held out after it."""
    end = as_day(calibration_end or as_of)
    length = (as_day(as_of) - end).days
    if calibration_end is not None and length <= 0:
        raise ValueError(f"calibration_end {end} must be before as_of {as_day(as_of)}, so that a holdout is left")
    return end, length


def _days_between(first: Any, last: Any) -> Any:
    return last.delta(first, unit="day").cast("float64")
