"""What grows and what fades: the share of orders that hold an item, from period to period and year to year."""

from __future__ import annotations

from typing import Any, Literal

from crmlib.calendar import Period, as_day, first_of_months, months_before, unit_of
from crmlib.engine import same_kind, to_pandas
from crmlib.statistics import holm, newcombe, wilson

Of = Literal["all", "first"]
FEWEST = 30
CHANGES = ["item", "before", "after", "orders_before", "orders_after", "share_before", "share_after", "change", "low",
           "high", "p_adjusted", "stage"]  # fmt: skip


@same_kind
def item_lives(baskets: Any, *, period: Period = "quarter", of: Of = "all", most_items: int = 15) -> Any:
    """The share of a period's orders that hold each item: one row per item and period in which there are orders.

    ``period`` (first day), ``item``, ``orders`` (of the period), ``holding``, ``share`` with Wilson's ``low, high``.
    ``of="first"``: first orders of customers only, so that a period is a cohort of new customers, and the table says
    with what they began. The ``most_items`` that most orders hold. pandas or Ibis in, same kind out. ``baskets``: from
    :func:`~crmlib.lifecycle.growth.baskets`.
    """
    import ibis

    rows = _first_orders(baskets) if of == "first" else baskets
    rows = rows.mutate(period=rows.day.truncate(unit_of(period)).cast("date"))
    counted = rows.group_by("item").agg(n=rows.count())
    kept = counted.order_by(counted.n.desc(), "item").limit(most_items).select("item")
    orders = rows.group_by("period").agg(orders=rows.order_id.nunique())
    holding = rows.semi_join(kept, "item").group_by("period", "item").agg(holding=lambda t: t.order_id.nunique())
    grid = orders.cross_join(kept)
    full = grid.left_join(holding, ["period", "item"])
    full = full.select("period", "item", "orders", holding=ibis.coalesce(full.holding, 0))
    low, high = wilson(full.holding, full.orders.cast("float64"))
    return full.mutate(share=full.holding / full.orders, low=low, high=high).order_by("item", "period")


@same_kind
def _first_orders(baskets: Any) -> Any:
    known = baskets.filter(baskets.customer_id.notnull())
    known = known.mutate(first=known.ordered_at.min().over(group_by="customer_id"))
    return known.filter(known.ordered_at == known["first"]).drop("first")


def item_changes(baskets: Any, *, as_of: Any) -> Any:
    """Which items take more, or less, of the orders than a year before: a pandas frame, one row per item.

    ``share_before`` and ``share_after`` of the orders of twelve months each, ``change`` with Newcombe's ``low, high``,
    ``p_adjusted`` (two-sided, Holm among all items), ``stage``: ``growing`` or ``fading`` where that is beyond chance,
    ``new`` and ``gone`` where it has none on one side, else ``steady``. The same season on both sides. Items with 30
    orders or more in both years together; empty where the orders do not cover two years (25 days may be missing).
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    end = as_day(as_of)
    middle = first_of_months(end, 12)
    begin = first_of_months(months_before(end, 12), 12)
    counts = to_pandas(_two_years(baskets, begin=begin, middle=middle))
    if counts.empty or (as_day(counts.first_day.iloc[0]) - begin).days > 25:
        return pd.DataFrame(columns=CHANGES)
    counts = counts[counts.before + counts.after >= FEWEST].reset_index(drop=True)
    n, m = counts.orders_before.astype(float), counts.orders_after.astype(float)
    if counts.empty or not (n.iloc[0] and m.iloc[0]):
        return pd.DataFrame(columns=CHANGES)
    share_before, share_after = counts.before / n, counts.after / m
    low, high = newcombe(counts.after, m, counts.before, n)
    pooled = (counts.before + counts.after) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    p = holm(2 * ndtr(-np.abs(share_after - share_before) / error.clip(lower=1e-12)))
    moved = np.where(share_after > share_before, "growing", "fading")
    stage = np.where(p < 0.05, moved, "steady")
    stage = np.where(
        (counts.before == 0) & (p < 0.05), "new", np.where((counts.after == 0) & (p < 0.05), "gone", stage)
    )
    frame = counts.assign(
        share_before=share_before, share_after=share_after, change=share_after - share_before, low=low, high=high,
        p_adjusted=p, stage=stage,
    )  # fmt: skip
    return frame.sort_values(["change", "item"], ascending=[False, True], kind="stable", ignore_index=True)[CHANGES]


@same_kind
def _two_years(baskets: Any, *, begin: Any, middle: Any) -> Any:
    import ibis

    rows = baskets.filter(baskets.day >= ibis.literal(begin)).mutate(late=lambda t: t.day >= ibis.literal(middle))
    counted = rows.group_by("item").agg(before=(~rows.late).sum(), after=rows.late.sum())
    orders = rows.agg(
        orders_before=rows.order_id.nunique(where=~rows.late), orders_after=rows.order_id.nunique(where=rows.late)
    )
    first = baskets.agg(first_day=baskets.day.min())
    return counted.cross_join(orders).cross_join(first).order_by("item")
