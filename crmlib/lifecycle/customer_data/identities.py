"""One person under two ids: what it does to the numbers, and that merging takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from crmlib.engine import same_kind, to_pandas
from crmlib.purchases import purchases, revenue_of

SECOND = "~2"
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)


class SplitOrders(NamedTuple):
    """Orders in which some customers have two ids, and the list that puts them together again."""

    orders: Any
    merges: Any


@same_kind
def orders_per_buyer(orders: Any, *, as_of: Any = None) -> Any:
    """How many purchases each customer made: ``customer_id``, ``purchases`` (orders), ``revenue``."""
    bought = purchases(orders, as_of=as_of)
    each = bought.group_by("customer_id").agg(purchases=bought.count(), revenue=revenue_of(bought.spend))
    return each.order_by("customer_id")


def repeat_measures(orders: Any, *, as_of: Any = None) -> dict[str, float]:
    """What an id too many distorts: buyers, repeat rate, one-time share, purchases and revenue per buyer.

    ``repeat_rate``: share of the buyers with two purchases or more; ``one_time_share``: the others.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": 5.0, "ordered_at": pd.Timestamp("2025-01-01")})
    >>> repeat_measures(orders)["repeat_rate"]
    0.5
    """
    each = to_pandas(orders_per_buyer(orders, as_of=as_of))
    again = (each.purchases > 1).mean()
    means = {
        "repeat_rate": again,
        "one_time_share": 1 - again,
        "purchases_per_buyer": each.purchases.mean(),
        "revenue_per_buyer": each.revenue.mean(),
    }
    return {"buyers": len(each), **{name: float(mean) if len(each) else 0.0 for name, mean in means.items()}}


def split_customers(orders: Any, *, share: float, seed: int = 0, as_of: Any = None) -> SplitOrders:
    """The orders as they would be if a share of the buyers had a second id for the later half of their orders.

    Drawn at random (``seed``) among those with two orders or more; a larger share holds the smaller one. Answers the
    orders with other ids (same kind) and ``merges`` (pandas: ``customer_id``, ``merged_id``), which takes it back.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"order_id": ["1", "2"], "customer_id": "a", "amount": 5.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-01"])})
    >>> split_customers(orders, share=1.0).orders.customer_id.tolist()
    ['a', 'a~2']
    """
    import numpy as np
    import pandas as pd

    each = to_pandas(orders_per_buyer(orders, as_of=as_of))
    possible = each[each.purchases > 1].customer_id.to_numpy(copy=True)
    chosen = np.random.default_rng(seed).permutation(possible)[: round(share * len(each))]
    merges = pd.DataFrame(
        {"customer_id": [f"{one}{SECOND}" for one in chosen], "merged_id": list(map(str, chosen))}, dtype="str"
    )
    if merges.empty:
        return SplitOrders(orders, merges)
    return SplitOrders(_with_second_ids(orders, _like(orders, merges)), merges)


def _like(orders: Any, frame: Any) -> Any:
    """The frame as a table of the orders' kind."""
    import ibis
    import pandas as pd

    return frame if isinstance(orders, pd.DataFrame) else ibis.memtable(frame)


@same_kind
def _with_second_ids(orders: Any, merges: Any) -> Any:
    import ibis

    columns = list(orders.columns)
    order = [c for c in ("ordered_at", "order_id", "amount") if c in columns]
    names = merges.select(second_id=merges.customer_id, first_id=merges.merged_id)
    own = ibis.window(group_by=orders.customer_id, order_by=[orders[c] for c in order])
    numbered = orders.mutate(_nth=ibis.row_number().over(own), _all=orders.count().over(group_by=orders.customer_id))
    joined = numbered.left_join(names, numbered.customer_id == names.first_id)
    later = joined.second_id.notnull() & (2 * joined["_nth"] >= joined["_all"])
    changed = joined.mutate(customer_id=ibis.ifelse(later, joined.second_id, joined.customer_id))
    return changed.order_by(order).select(columns)


def merged_orders(orders: Any, merges: Any) -> Any:
    """The orders with every id replaced by the one into which it is merged: same kind as ``orders``.

    ``merges`` (pandas): ``customer_id``, ``merged_id``.
    """
    return _with_merged_ids(orders, _like(orders, merges))


@same_kind
def _with_merged_ids(orders: Any, merges: Any) -> Any:
    names = merges.select(split_id=merges.customer_id.cast("string"), whole_id=merges.merged_id.cast("string"))
    joined = orders.left_join(names, orders.customer_id == names.split_id)
    return joined.mutate(customer_id=joined.whole_id.coalesce(joined.customer_id)).select(list(orders.columns))


def split_effect(orders: Any, *, shares: Sequence[float] = SHARES, seed: int = 0, as_of: Any = None) -> Any:
    """What ids too many do to the numbers: a row per share of buyers who are held twice.

    Columns: ``split_share`` and those of :func:`repeat_measures`.
    """
    import pandas as pd

    rows = []
    for share in shares:
        split = split_customers(orders, share=share, seed=seed, as_of=as_of).orders
        rows.append({"split_share": share, **repeat_measures(split, as_of=as_of)})
    return pd.DataFrame(rows)
