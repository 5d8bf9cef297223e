"""When a product is bought again: how long it lasts, how regular that is, and who is due."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day
from crmlib.engine import made_once, quantile, same_kind, to_pandas
from crmlib.statistics import wilson

FEWEST_AGAIN = 30
REGULAR = 0.625
"""A rhythm is regular if its spread is at most this part of what chance makes …"""
ERRORS = 3.5
"""… and so many standard errors below it: among 200 items without a rhythm, one seems to have it once in 20 times."""


@same_kind
def replenishment(baskets: Any, *, as_of: Any, horizon: int = 180) -> Any:
    """How many buy an item again within the ``horizon``, and after how many days: one row per item.

    Columns: ``item``; ``bought`` (days on which a customer bought it, and after which we have followed him for all of
    the horizon), ``again`` (of these, bought again in time), ``rate`` with Wilson's ``low, high``; ``quick_days,
    median_days, slow_days``: the quarter, half and three quarters of those who did; ``spread``: slow / quick;
    ``spread_by_chance``: what it would be if as many bought again in time, but with no rhythm: waits are exponential
    then, and cut off at the horizon, from 3 (hardly anybody buys again) to ln 4 / ln(4/3) = 4.8 (all do);
    ``regular``: at least 30 came again, the spread is at most 5/8 of that, and 3.5 standard errors below it. Sorted by
    item. pandas or Ibis in, same kind out. ``baskets``: from :func:`~crmlib.lifecycle.growth.baskets`.
    """
    import ibis

    end = ibis.literal(as_day(as_of) - dt.timedelta(days=horizon))
    days = _bought_days(baskets)
    wait = days.next_day.delta(days.day, unit="day")
    days = days.mutate(wait=ibis.ifelse(wait <= horizon, wait, None).cast("float64"))
    days = days.filter(days.day <= end)
    quarters = {"quick_days": 0.25, "median_days": 0.5, "slow_days": 0.75}
    counted = days.group_by("item").agg(
        bought=days.count(), again=days.wait.count(),
        **{name: quantile(days.wait, share) for name, share in quarters.items()},
    )  # fmt: skip
    low, high = wilson(counted.again, counted.bought.cast("float64"))
    spread = counted.slow_days / counted.quick_days.nullif(0)
    # All at once only where everybody came again; then the last wait is as good as endless.
    rate = ibis.least(counted.again / counted.bought, 1 - 1e-6)
    counted = counted.mutate(rate=counted.again / counted.bought, low=low, high=high, spread=spread)
    # Of waits cut off at the horizon, with rate = 1 - exp(-hazard * horizon): those of the quick and the slow quarter
    # in units of 1 / hazard, and what the log of each varies by (of a quantile: share (1 - share) / (n density²)).
    quick, slow = (-(1 - share * rate).log() for share in (0.25, 0.75))
    steep = [wait * (1 - share * rate) / rate for wait, share in ((quick, 0.25), (slow, 0.75))]
    variance = 3 / 16 * (1 / steep[0] ** 2 + 1 / steep[1] ** 2) - 2 / 16 / (steep[0] * steep[1])
    error = (variance / counted.again.cast("float64").nullif(0)).sqrt()
    counted = counted.mutate(spread_by_chance=(slow / quick).nullif(0), error=error)
    far = (counted.spread / counted.spread_by_chance).nullif(0).log() <= -ERRORS * counted.error
    regular = (counted.again >= FEWEST_AGAIN) & (counted.spread <= REGULAR * counted.spread_by_chance) & far
    return counted.select(
        "item", "bought", "again", "rate", "low", "high", *quarters, "spread", "spread_by_chance",
        regular=regular.fill_null(False),
    ).order_by("item")  # fmt: skip


@same_kind
def due(baskets: Any, rhythms: Any, *, as_of: Any, ahead: int = 30) -> Any:
    """Who will need an item again within ``ahead`` days, or has just run out: one row per customer and regular item.

    ``customer_id, item, last_day``, ``days`` (the customer's own median wait where he has bought it three times, else
    the item's), ``due_on`` (a day between ``ahead`` days ago and ``ahead`` days from ``as_of``), ``value`` (mean amount
    of his purchases of it). ``rhythms``: from :func:`replenishment`; only its ``regular`` items count. Sorted by
    customer and item.
    """
    import ibis

    regular = rhythms.filter(rhythms.regular).select("item", "median_days")
    days = _bought_days(baskets).semi_join(regular, "item")
    wait = days.next_day.delta(days.day, unit="day").cast("float64")
    days = days.mutate(wait=wait)
    each = days.group_by("customer_id", "item").agg(
        last_day=days.day.max(), waits=days.wait.count(), own=quantile(days.wait, 0.5), value=days.amount.mean()
    )
    each = each.join(regular, "item")
    span = ibis.ifelse(each.waits >= 2, each.own, each.median_days).round().cast("int64")
    since = ibis.literal(as_day(as_of)).delta(each.last_day, unit="day")
    each = each.mutate(days=span, left=span - since)
    kept = each.filter((each.left >= -ahead) & (each.left <= ahead))
    on = ibis.literal(as_day(as_of)) + kept.left.as_interval("D")
    return kept.select("customer_id", "item", "last_day", "days", due_on=on.cast("date"), value=kept.value).order_by(
        "customer_id", "item"
    )


@same_kind
def _bought_days(baskets: Any) -> Any:
    """``customer_id, item, day, amount, next_day`` on which the customer bought the item again."""
    import ibis

    known = baskets.filter(baskets.customer_id.notnull())
    days = known.group_by("customer_id", "item", "day").agg(amount=known.amount.sum())
    own = ibis.window(group_by=["customer_id", "item"], order_by="day")
    return made_once(days.mutate(next_day=days.day.lead().over(own)))


def most_regular(rhythms: Any) -> Any:
    """The rows of the items that are bought again most often, with enough cases; a pandas frame."""
    frame = to_pandas(rhythms)
    frame = frame[frame.again >= FEWEST_AGAIN]
    return frame.sort_values(["rate", "item"], ascending=[False, True], kind="stable", ignore_index=True)
