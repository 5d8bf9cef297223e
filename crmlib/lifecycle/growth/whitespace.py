"""White space: which items a segment buys less often than others who order as often."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import first_of_months
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.statistics import holm, wilson

SEGMENTS = ("tier", "channel", "region", "gender", "industry")
UNKNOWN_SEGMENT = "not known"
SPACE = ["segment", "item", "customers", "buyers", "share", "low", "high", "expected", "gap", "missing", "p",
         "p_adjusted"]  # fmt: skip
_MOST_STRATUM = 10
FEWEST = 30


def segment_column(customers: Any) -> str:
    """By what customers are told apart: the first of channel, tier and so on that knows two kinds; empty: by nothing.

    >>> import pandas as pd
    >>> segment_column(pd.DataFrame({"customer_id": ["a", "b"], "channel": ["web", "event"]}))
    'channel'
    """
    table = to_ibis(customers)
    for name in ("channel", *SEGMENTS):
        if name in table.columns and to_pandas(table.agg(n=table[name].nunique())).n.iloc[0] >= 2:
            return name
    return ""


def whitespace(baskets: Any, customers: Any, *, as_of: Any, by: str, most_items: int = 12) -> Any:
    """How many customers of each segment buy each item, beside how many would if they were like all others.

    Customers who bought in the last twelve months. A pandas frame, one row per ``segment`` (of the column ``by`` of
    ``customers``) and ``item``: ``customers``, ``buyers``, ``share`` with Wilson's ``low, high``; ``expected``: the
    share among all customers who ordered on as many days; ``gap`` (share − expected), ``missing`` (buyers fewer than
    expected; negative: more), ``p`` and ``p_adjusted`` (Holm among all segments and items). Segments with 30 customers
    or more. Without a column ``by``, empty.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    table = to_ibis(customers)
    if by not in table.columns:
        return pd.DataFrame(columns=SPACE)
    known = (
        table.filter(table.customer_id.notnull())
        .group_by(customer_id=table.customer_id.cast("string"))
        .agg(segment=table[by].cast("string").strip().nullif("").max())
    )
    counts = to_pandas(_counts(to_ibis(baskets), known, as_of=as_of, most_items=most_items))
    if counts.empty:
        return pd.DataFrame(columns=SPACE)
    sizes = counts[counts["item"].isna()].set_index(["segment", "stratum"]).customers
    held = counts[counts["item"].notna()]
    rate = held.groupby(["item", "stratum"]).customers.sum() / sizes.groupby("stratum").sum()
    rows = []
    for segment, own in sizes.groupby("segment"):
        if segment == UNKNOWN_SEGMENT or own.sum() < FEWEST:
            continue
        size = own.droplevel("segment")
        for item in sorted(held["item"].unique()):
            mine = held[(held.segment == segment) & (held["item"] == item)].customers.sum()
            chance = rate[item].reindex(size.index).fillna(0)
            expected, variance = float((chance * size).sum()), float((chance * (1 - chance) * size).sum())
            z = (mine - expected) / max(variance, 1e-9) ** 0.5
            rows.append((segment, item, int(size.sum()), int(mine), expected, 2 * ndtr(-abs(z))))
    frame = pd.DataFrame(rows, columns=["segment", "item", "customers", "buyers", "number", "p"])
    if frame.segment.nunique() < 2:
        return pd.DataFrame(columns=SPACE)
    low, high = wilson(frame.buyers, frame.customers)
    frame = frame.assign(
        share=frame.buyers / frame.customers, low=low, high=high, expected=frame.number / frame.customers,
        gap=(frame.buyers - frame.number) / frame.customers, missing=frame.number - frame.buyers,
        p_adjusted=holm(np.asarray(frame.p)),
    )  # fmt: skip
    return frame.sort_values(["segment", "item"], kind="stable", ignore_index=True)[SPACE]


@same_kind
def _counts(baskets: Any, segments: Any, *, as_of: Any, most_items: int) -> Any:
    """``segment, stratum, item, customers``; without an item: all of the segment and stratum."""
    import ibis

    year = baskets.filter(baskets.customer_id.notnull() & (baskets.day >= ibis.literal(first_of_months(as_of, 12))))
    counted = year.group_by("item").agg(n=year.customer_id.nunique())
    kept = counted.order_by(counted.n.desc(), "item").limit(most_items)
    each = year.group_by("customer_id").agg(days=year.day.nunique())
    each = each.left_join(segments, "customer_id").drop("customer_id_right")
    stratum = ibis.least(each.days, ibis.literal(_MOST_STRATUM)).cast("int64")
    each = each.select("customer_id", segment=each.segment.fill_null(UNKNOWN_SEGMENT), stratum=stratum)
    items = year.semi_join(kept, "item").select("customer_id", "item").distinct().join(each, "customer_id")
    whole = each.group_by("segment", "stratum").agg(customers=each.count())
    whole = whole.select("segment", "stratum", item=ibis.null("string"), customers=whole.customers)
    parts = items.group_by("segment", "stratum", "item").agg(customers=items.count())
    return whole.union(parts.select("segment", "stratum", "item", "customers")).order_by("segment", "stratum", "item")
