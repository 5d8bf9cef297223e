"""What was bought together: one row per order and item. An item is a product, or the category to which it belongs."""

from __future__ import annotations

from typing import Any, Literal

from crmlib.calendar import Period, unit_of
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.purchases import purchases
from crmlib.statistics import wald, wilson

Item = Literal["category", "product"]
FEWEST_CATEGORIES = 3


def item_kind(lines: Any) -> Item:
    """Whether baskets are told by ``category`` (most lines name one, and there are three at least) or ``product``.

    ``lines``: the contract's order_lines (pandas or Ibis).

    >>> import pandas as pd
    >>> item_kind(pd.DataFrame({"order_id": ["1"], "product_id": ["P1"], "category": [None]}))
    'product'
    """
    if "category" not in lines.columns:
        return "product"
    table = to_ibis(lines)
    known = table.category.cast("string").strip().nullif("")
    row = table.agg(lines=table.count(), known=known.count(), kinds=known.nunique()).to_pandas().iloc[0]
    return "category" if row.kinds >= FEWEST_CATEGORIES and 2 * row.known >= row.lines else "product"


@same_kind
def baskets(lines: Any, orders: Any, *, as_of: Any, item: Item = "category") -> Any:
    """The items of each purchase, one row per order and item, guests' orders included.

    Columns: ``order_id``, ``customer_id`` (empty: a guest), ``ordered_at``, ``day``, ``store``, ``item``, ``pieces``
    and ``amount`` (client's currency). Only orders count that are purchases up to ``as_of``
    (:func:`crmlib.purchases.purchases`), and only lines of more than no piece and no negative amount: what came back is
    in no basket. Lines that do not name the item are left out. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"order_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [9.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-06"])})
    >>> lines = pd.DataFrame({"order_id": ["1", "1", "1", "2"], "product_id": ["P1", "P2", "P1", "P2"],
    ...     "quantity": [1, 1, 2, -1], "amount": [3.0, 3.0, 3.0, -5.0]})
    >>> baskets(lines, orders, as_of="2025-12-31", item="product")[["order_id", "item", "pieces", "amount"]]
      order_id item  pieces  amount
    0        1   P1     3.0     6.0
    1        1   P2     1.0     3.0
    """
    import ibis

    bought = purchases(orders, as_of=as_of, guests=True, keep=("order_id", "store"))
    bought = bought.mutate(order_id=bought.order_id.cast("string"), store=bought.store.cast("string"))
    name = "category" if item == "category" else "product_id"
    called = lines[name].cast("string").strip().nullif("") if name in lines.columns else ibis.null("string")
    parts = lines.select(
        order_id=lines.order_id.cast("string"), item=called, pieces=lines.quantity.cast("float64"),
        amount=lines.amount.cast("float64"),
    )  # fmt: skip
    parts = parts.filter(parts.item.notnull() & (parts.pieces > 0) & (parts.amount >= 0))
    whole = parts.group_by("order_id", "item").agg(pieces=parts.pieces.sum(), amount=parts.amount.sum().round(6))
    joined = bought.join(whole, "order_id")
    return made_once(joined.select(
        "order_id", "customer_id", "ordered_at", "day", "store", "item", "pieces", "amount"
    ).order_by("order_id", "item"))  # fmt: skip


@same_kind
def item_names(lines: Any, *, item: Item = "category") -> Any:
    """What each item is called, one row per ``item``: ``item, name``; its own id where the lines do not say.

    The name that most of its lines have: now and then somebody writes a note there.

    >>> import pandas as pd
    >>> item_names(pd.DataFrame({"product_id": ["P1"], "product_name": ["Dew Serum"]}), item="product").name.tolist()
    ['Dew Serum']
    """
    import ibis

    column = "category" if item == "category" else "product_id"
    if column not in lines.columns:
        return ibis.memtable({"item": [], "name": []}, schema={"item": "string", "name": "string"})
    key = lines[column].cast("string").strip().nullif("")
    said = lines.product_name.cast("string") if item == "product" and "product_name" in lines.columns else key
    table = lines.select(item=key, name=said.strip().nullif(""))
    counted = table.filter(table.item.notnull()).group_by("item", "name").agg(lines=lambda t: t.name.count())
    most = ibis.window(group_by="item", order_by=[counted.lines.desc(), "name"])
    named = counted.mutate(place=ibis.row_number().over(most)).filter(lambda t: t.place == 0)
    return named.select("item", name=named.name.fill_null(named.item)).order_by("item")


def basket_trend(baskets: Any, *, period: Period = "month") -> Any:
    """How full baskets are from period to period: a small pandas frame, one row per period.

    ``period`` (first day), ``orders``, ``items`` (different ones per order, mean) with its 95 % interval ``items_low,
    items_high``, ``pieces`` (per order), ``several`` (share of orders with two items or more) with ``low, high``
    (Wilson). ``baskets``: from :func:`baskets`.
    """
    frame = to_pandas(_sizes(baskets, period=period))
    error = ((frame.squares / frame.orders - frame["items"] ** 2).clip(lower=0) / frame.orders) ** 0.5
    low, high = wilson(frame.more, frame.orders)
    items_low, items_high = wald(frame["items"], error)
    return frame.assign(
        items_low=items_low, items_high=items_high, several=frame.more / frame.orders, low=low, high=high
    )[["period", "orders", "items", "items_low", "items_high", "pieces", "several", "low", "high"]]


@same_kind
def _sizes(baskets: Any, *, period: Period) -> Any:
    each = baskets.group_by("order_id", period=baskets.day.truncate(unit_of(period)).cast("date")).agg(
        size=baskets.count().cast("float64"), pieces=baskets.pieces.sum()
    )
    counted = each.group_by("period").agg(
        orders=each.count(), items=each["size"].mean(), squares=(each["size"] * each["size"]).sum(),
        pieces=each.pieces.mean(), more=(each["size"] > 1).sum(),
    )  # fmt: skip
    return counted.order_by("period")
