"""What is bought next: after an item, another in the customer's next purchase."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day
from crmlib.engine import made_once, quantile, same_kind, to_pandas
from crmlib.lifecycle.growth.affinity import MOST_ITEMS, judged

SEQUENCES = ["item", "other", "followed", "with_next", "both", "confidence", "confidence_low", "confidence_high",
             "base", "expected", "lift", "lift_low", "lift_high", "median_days", "p", "p_adjusted",
             "comparisons"]  # fmt: skip


def sequences(baskets: Any, *, as_of: Any, within: int = 120, most_items: int = MOST_ITEMS) -> Any:
    """After which item the customer's next purchase holds another more, or less, often than by chance.

    A purchase is what a customer buys on one day. Those count after which we have followed the customer for ``within``
    days, and who came back in that time. A pandas frame, one row per pair of two different items, the largest lift
    first:

    - ``item``, ``other``; ``followed`` (all purchases with a next one in time), ``with_next`` (of these, such with the
      item), ``both`` (of these, the next one holds the other);
    - ``confidence`` (both / with_next) with ``confidence_low, confidence_high``, ``base`` (share of all next purchases
      that hold the other), ``expected``, ``lift`` with its interval, ``p`` and ``p_adjusted`` as for
      :func:`~crmlib.lifecycle.growth.affinities`;
    - ``median_days`` from the one to the other.

    ``baskets``: from :func:`~crmlib.lifecycle.growth.baskets`. What follows is not yet *because* of what was before:
    where both belong to a season, one comes after the other every year.
    """
    import pandas as pd

    steps = _steps(baskets, as_of=as_of, within=within, most_items=most_items)
    counts = to_pandas(_step_counts(steps))
    sizes = to_pandas(_followed(baskets, as_of=as_of, within=within)).set_index("stratum").units
    singles = counts[counts.kind != "both"].rename(columns={"kind": "side", "n": "units"}).assign(stratum=0)
    pairs = counts[counts.kind == "both"].rename(columns={"n": "both"}).assign(stratum=0)
    found = judged(sizes, singles, pairs, directed=True)
    days = pairs.set_index(["item", "other"]).median_days
    found = found.rename(columns={"baskets": "followed", "item_baskets": "with_next"})
    keys = pd.MultiIndex.from_frame(found[["item", "other"]])
    return found.assign(median_days=days.reindex(keys).to_numpy(float))[SEQUENCES]


@same_kind
def _days_with_next(baskets: Any, *, as_of: Any, within: int) -> Any:
    """``customer_id, day, next_day`` of the purchases that are followed long enough and have a next one in time."""
    import ibis

    end = ibis.literal(as_day(as_of) - dt.timedelta(days=within))
    days = baskets.filter(baskets.customer_id.notnull()).select("customer_id", "day").distinct()
    days = days.mutate(next_day=days.day.lead().over(ibis.window(group_by="customer_id", order_by="day")))
    return days.filter((days.day <= end) & (days.next_day.delta(days.day, unit="day") <= within))


@same_kind
def _followed(baskets: Any, *, as_of: Any, within: int) -> Any:
    days = _days_with_next(baskets, as_of=as_of, within=within)
    return days.agg(units=days.count()).mutate(stratum=0)


@same_kind
def _steps(baskets: Any, *, as_of: Any, within: int, most_items: int) -> Any:
    """``customer_id, day, side, item, next_day``: what a purchase holds (``item``), and what the next (``other``)."""
    import ibis

    days = made_once(_days_with_next(baskets, as_of=as_of, within=within))
    counted = baskets.group_by("item").agg(n=baskets.count())
    frequent = counted.order_by(counted.n.desc(), "item").limit(most_items)
    held = baskets.filter(baskets.customer_id.notnull()).semi_join(frequent, "item")
    held = held.select("customer_id", "day", "item").distinct()
    now = days.join(held, ["customer_id", "day"]).mutate(side=ibis.literal("item"))
    then = days.join(held.rename(next_day="day"), ["customer_id", "next_day"]).mutate(side=ibis.literal("other"))
    columns = ("customer_id", "day", "next_day", "item", "side")
    return now.select(*columns).union(then.select(*columns))


@same_kind
def _step_counts(steps: Any) -> Any:
    """``kind`` (item, other, both), ``item``, ``other``, ``n`` and, of pairs, ``median_days``."""
    import ibis

    singles = steps.group_by("side", "item").agg(n=steps.count())
    singles = singles.select(kind=singles.side, item=singles.item, other=ibis.null("string"), n=singles.n,
                             median_days=ibis.null("float64"))  # fmt: skip
    now, then = steps.filter(steps.side == "item"), steps.filter(steps.side == "other")
    pairs = now.join(then.select("customer_id", "day", other="item"), ["customer_id", "day"])
    days = pairs.next_day.delta(pairs.day, unit="day").cast("float64")
    pairs = (
        pairs.mutate(days=days)
        .group_by("item", "other")
        .agg(n=lambda t: t.count(), median_days=lambda t: quantile(t.days, 0.5))
    )
    pairs = pairs.select(kind=ibis.literal("both"), item=pairs.item, other=pairs.other, n=pairs.n,
                         median_days=pairs.median_days)  # fmt: skip
    return singles.union(pairs).order_by("kind", "item", "other")
