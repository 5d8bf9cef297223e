"""One person under two ids: what it does to the numbers, and that merging takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from crmlib.engine import same_kind, to_ibis, to_pandas
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
    return _measures(**_sums(to_ibis(orders), as_of))


def _sums(orders: Any, as_of: Any) -> dict[str, float]:
    """Buyers, those of them who bought again, purchases and revenue."""
    each = orders_per_buyer(orders, as_of=as_of)
    sums = each.agg(
        buyers=each.count(),
        again=each.count(where=each.purchases > 1),
        purchases=each.purchases.sum(),
        revenue=each.revenue.sum(),
    )
    return to_pandas(sums).fillna(0).iloc[0].astype(float).to_dict()


def _measures(buyers: float, again: float, purchases: float, revenue: float) -> dict[str, float]:
    share, all_ = (again / buyers if buyers else 0.0), max(buyers, 1.0)
    return {
        "buyers": int(buyers), "repeat_rate": share, "one_time_share": 1 - share if buyers else 0.0,
        "purchases_per_buyer": purchases / all_, "revenue_per_buyer": revenue / all_,
    }  # fmt: skip


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
    import pandas as pd

    _, chosen = _chosen(to_ibis(orders), share, seed, as_of)
    names = to_pandas(chosen.order_by("place")).customer_id.astype("str")
    merges = pd.DataFrame({"customer_id": names + SECOND, "merged_id": names}, dtype="str")
    if merges.empty:
        return SplitOrders(orders, merges)
    changed = _with_second_ids(orders, _like(orders, merges))
    if isinstance(orders, pd.DataFrame):
        changed = changed.sort_values(_in_time(orders), kind="stable", ignore_index=True)
    return SplitOrders(changed, merges)


def _chosen(orders: Any, share: float, seed: int, as_of: Any) -> tuple[int, Any]:
    """How many buyers there are, and the drawn share of them (an Ibis table): ``customer_id, place`` of the draw."""
    import ibis
    import numpy as np
    import pandas as pd

    each = orders_per_buyer(orders, as_of=as_of)
    several = each.filter(each.purchases > 1)
    buyers, possible = (int(table.count().to_pandas()) for table in (each, several))
    nth = np.random.default_rng(seed).permutation(possible)[: round(share * buyers)]
    drawn = ibis.memtable(pd.DataFrame({"nth": nth, "place": np.arange(len(nth))}).astype("int64"))
    numbered = several.select("customer_id", nth=ibis.row_number().over(order_by="customer_id"))
    return buyers, numbered.join(drawn, "nth").select("customer_id", "place")


def _like(orders: Any, frame: Any) -> Any:
    """The frame as a table of the orders' kind."""
    import ibis
    import pandas as pd

    return frame if isinstance(orders, pd.DataFrame) else ibis.memtable(frame)


def _later_half(orders: Any) -> Any:
    """The orders (an Ibis table) with ``is_later``: whether each is in the later half of its customer's orders."""
    import ibis

    own = ibis.window(group_by="customer_id", order_by=_in_time(orders))
    numbered = orders.mutate(_nth=ibis.row_number().over(own), _all=orders.count().over(group_by="customer_id"))
    return numbered.mutate(is_later=2 * numbered["_nth"] >= numbered["_all"]).drop("_nth", "_all")


def _in_time(orders: Any) -> list[str]:
    return [column for column in ("ordered_at", "order_id", "amount") if column in orders.columns]


@same_kind
def _with_second_ids(orders: Any, merges: Any) -> Any:
    import ibis

    columns, names = list(orders.columns), merges.select(customer_id="merged_id", second_id="customer_id")
    theirs = _later_half(orders.semi_join(names, "customer_id")).left_join(names, "customer_id")
    theirs = theirs.mutate(customer_id=ibis.ifelse(theirs.is_later, theirs.second_id, theirs.customer_id))
    return orders.anti_join(names, "customer_id").union(theirs.select(columns))


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

    table = to_ibis(orders)
    buyers, chosen = _chosen(table, max(shares), seed, as_of)
    halves = _later_half(table.semi_join(chosen, "customer_id"))
    bought = purchases(halves, as_of=as_of, keep=("is_later",))
    each = bought.group_by("customer_id").agg(
        before=bought.count(where=~bought.is_later), after=bought.count(where=bought.is_later)
    )
    each = each.join(chosen, "customer_id")
    more_buyers = (each.before > 0) & (each.after > 0)
    more_again = (each.before > 1).cast("int64") + (each.after > 1).cast("int64") - 1
    sums = each.agg(
        **{f"buyers{n}": more_buyers.sum(where=each.place < round(s * buyers)) for n, s in enumerate(shares)},
        **{f"again{n}": more_again.sum(where=each.place < round(s * buyers)) for n, s in enumerate(shares)},
    )
    more = to_pandas(sums).fillna(0).iloc[0]
    of_all, rows = _sums(table, as_of), []
    for n, share in enumerate(shares):
        sums = of_all | {name: of_all[name] + more[f"{name}{n}"] for name in ("buyers", "again")}
        rows.append({"split_share": share, **_measures(**sums)})
    return pd.DataFrame(rows)
