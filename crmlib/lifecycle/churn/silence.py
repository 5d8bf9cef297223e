"""When silence is a sign of leaving: a fixed number of days against each customer's own rhythm."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day
from crmlib.engine import made_once, same_kind, to_ibis
from crmlib.purchases import purchase_days

OWN, FIXED = "own rhythm", "fixed days"
_STEPS = 40


@same_kind
def silence_on(orders: Any, *, as_of: Any, active_within: int | None = None) -> Any:
    """How long each customer has been silent on a day, and how long they usually take: one row per customer, sorted.

    Columns: ``customer_id``; ``silence_days`` from the last purchase to ``as_of``; ``purchases`` (days with one);
    ``usual_gap`` (days between two purchases: the customer's own gaps, and one of the average length of all, so that
    somebody with few has nearly the average); ``overdue``, the silence divided by it. Only what happened by ``as_of``
    is looked at. ``active_within``: leave out who has been silent for longer. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "amount": 1.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-11", "2025-01-21", "2025-01-01"])})
    >>> silence_on(orders, as_of="2025-01-31").round(2)
      customer_id  silence_days  purchases  usual_gap  overdue
    0           a            10          3       10.0      1.0
    1           b            30          1       10.0      3.0
    """
    import ibis

    end = as_day(as_of)
    days = purchase_days(orders, as_of=end)
    each = days.group_by("customer_id").agg(
        first_day=days.day.min(), last_day=days.day.max(), purchases=days.count().cast("int64")
    )
    gaps = each.last_day.delta(each.first_day, unit="day").cast("float64")
    each = each.mutate(gap_days=gaps)
    each = each.cross_join(average_gap(orders, as_of=end))
    silence = ibis.literal(end).delta(each.last_day, unit="day").cast("int64")
    each = each.mutate(silence_days=silence, usual_gap=(each.gap_days + each.average_gap) / each.purchases)
    each = each.mutate(overdue=each.silence_days / each.usual_gap)
    if active_within is not None:
        each = each.filter(each.silence_days <= active_within)
    return each.select("customer_id", "silence_days", "purchases", "usual_gap", "overdue").order_by("customer_id")


@same_kind
def average_gap(orders: Any, *, as_of: Any) -> Any:
    """How many days lie between two purchases of a customer, on average: one row, ``average_gap``; empty without any.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a"], "amount": 1.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-11"])})
    >>> average_gap(orders, as_of="2025-01-31").average_gap.item()
    10.0
    """
    days = purchase_days(orders, as_of=as_of)
    gaps = days.day.delta(days.previous_day, unit="day").cast("float64")
    return days.agg(average_gap=gaps.mean())


@same_kind
def bought_again(orders: Any, *, since: Any, within: int) -> Any:
    """The customers who bought in the ``within`` days after the day ``since``: ``customer_id``, each once, sorted.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": 1.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-31", "2025-02-01"])})
    >>> bought_again(orders, since="2025-01-31", within=90).customer_id.tolist()
    ['b']
    """
    import ibis

    start = as_day(since)
    days = purchase_days(orders, as_of=start + dt.timedelta(days=within))
    return days.filter(days.day > ibis.literal(start)).select("customer_id").distinct().order_by("customer_id")


def silence_rules(orders: Any, *, as_of: Any, within: int = 90) -> Any:
    """How often an alarm is false when it rings after so many days, or after so many of the customer's own gaps.

    We stand on the day ``within`` days before ``as_of``, at customers who bought in the year before it, and look what
    they did since. A pandas frame, one row per ``rule`` (``fixed days``, ``own rhythm``) and ``limit`` (days; usual
    gaps): ``flagged`` (silent for longer), ``came_back`` (of these, bought in the days since: false alarms),
    ``customers``, ``left`` (of all, did not buy); ``false_alarms`` (came_back / flagged) with the 95 % Wilson interval
    ``low, high``; ``flagged_share`` (of all), ``caught`` (of those who left, the share that was flagged). Empty where
    nobody bought in that year. Orders: pandas or Ibis.
    """
    import ibis
    import numpy as np
    import pandas as pd

    from crmlib.statistics import wilson

    day = as_day(as_of) - dt.timedelta(days=within)
    orders = to_ibis(orders)
    known = silence_on(orders, as_of=day, active_within=365)
    back = bought_again(orders, since=day, within=within).mutate(back=1)
    table = made_once(known.left_join(back, "customer_id").select(
        "silence_days", "overdue", back=lambda t: t.back.fill_null(0)
    ))  # fmt: skip
    columns = {FIXED: table.silence_days.cast("float64"), OWN: table.overdue}
    frames = []
    for rule, value in columns.items():
        # In steps of a fortieth of what is flagged: a summary, whatever the number of customers.
        # Who is unknown stands last on every engine, and equals in one order.
        order = [value.isnull(), ibis.desc(value), table.back]
        step = ibis.ntile(_STEPS).over(order_by=order) if rule == OWN else value
        cut = table.mutate(value=value, step=step)
        counted = cut.group_by("step").agg(limit=cut.value.min(), flagged=cut.count(), came_back=cut.back.sum())
        frame = counted.to_pandas().dropna(subset="limit").sort_values("limit", ascending=False, kind="stable")
        frames.append(frame.assign(rule=rule)[["rule", "limit", "flagged", "came_back"]])
    every = []
    for frame in frames:
        running = frame.assign(flagged=frame.flagged.cumsum(), came_back=frame.came_back.cumsum())
        customers, everybody_back = frame.flagged.sum(), frame.came_back.sum()
        every.append(running.assign(customers=customers, left=customers - everybody_back))
    told = pd.concat(every, ignore_index=True)
    low, high = wilson(told.came_back.astype(float), told.flagged.astype(float))
    left = (told.flagged - told.came_back) / np.maximum(told.left, 1)
    return told.assign(
        false_alarms=told.came_back / told.flagged, low=low, high=high,
        flagged_share=told.flagged / told.customers, caught=left,
    )  # fmt: skip


def compare_rules(rules: Any, *, days: int) -> Any:
    """The rule of a fixed number of days beside the own rhythm that flags as many customers: two rows of
    :func:`silence_rules`, with ``rule, limit, flagged, false_alarms, low, high, caught``; empty where none is flagged.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"rule": ["fixed days", "own rhythm"], "limit": [60.0, 2.5], "flagged": [40, 41],
    ...     "false_alarms": [0.2, 0.1], "low": 0.1, "high": 0.3, "caught": [0.5, 0.6]})
    >>> compare_rules(table, days=60).limit.tolist()
    [60.0, 2.5]
    """
    import pandas as pd

    columns = ["rule", "limit", "flagged", "false_alarms", "low", "high", "caught"]
    fixed = rules[(rules.rule == FIXED) & (rules.limit >= days)].sort_values("limit", kind="stable").head(1)
    own = rules[rules.rule == OWN]
    if fixed.empty or own.empty:
        return rules[columns].head(0)
    nearest = own.loc[[(own.flagged - fixed.flagged.item()).abs().idxmin()]]
    return pd.concat([fixed, nearest])[columns].reset_index(drop=True)
