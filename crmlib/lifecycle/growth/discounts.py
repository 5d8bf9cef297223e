"""How much is sold at a discount, and whether some customers buy only then."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import Period, first_of_months, unit_of
from crmlib.engine import same_kind, to_pandas
from crmlib.purchases import purchases
from crmlib.statistics import wilson

FEWEST = 30
GROUPS = ("never", "sometimes", "mostly", "always")
DEPENDENCE = ["group", "customers", "share", "low", "high", "by_chance", "revenue", "discount"]
_MOST = 30


@same_kind
def _discounted(orders: Any, *, as_of: Any) -> Any:
    """Purchases with ``off``, the discount, and ``reduced``, whether there was any."""
    import ibis

    bought = purchases(orders, as_of=as_of, guests=True, keep=("discount",))
    off = bought.discount.cast("float64").fill_null(0.0).clip(lower=0.0)
    return bought.mutate(off=off, reduced=off > ibis.literal(0.0))


@same_kind
def discount_trend(orders: Any, *, as_of: Any, period: Period = "quarter") -> Any:
    """What is sold at a discount from period to period, and how deep it is.

    One row per ``period`` (first day): ``orders``, ``reduced`` (with a discount), ``share`` with Wilson's ``low,
    high``, ``revenue``, ``discount`` (client's currency), ``depth`` (discount / price before it, of reduced orders).
    Empty where no order has a discount: then nobody knows of any. pandas or Ibis in, same kind out.
    """
    bought = _discounted(orders, as_of=as_of)
    price = (bought.spend + bought.off).sum(where=bought.reduced)
    counted = bought.group_by(period=bought.day.truncate(unit_of(period)).cast("date")).agg(
        orders=bought.count(), reduced=bought.reduced.sum(), revenue=bought.spend.sum().round(6),
        discount=bought.off.sum().round(6), depth=bought.off.sum(where=bought.reduced) / price,
        any_off=bought.reduced.any(),
    )  # fmt: skip
    counted = counted.mutate(known=counted.any_off.any().over())
    counted = counted.filter(counted.known)
    low, high = wilson(counted.reduced, counted.orders.cast("float64"))
    return counted.select(
        "period", "orders", "reduced", share=counted.reduced / counted.orders, low=low, high=high,
        revenue=counted.revenue, discount=counted.discount, depth=counted.depth,
    ).order_by("period")  # fmt: skip


def discount_dependence(orders: Any, *, as_of: Any, fewest_orders: int = 3) -> Any:
    """Customers by how many of their orders were reduced, beside how many there would be by chance alone.

    Of the last twelve months, customers with ``fewest_orders`` or more. One row per ``group``: ``never``,
    ``sometimes`` (up to half of the orders), ``mostly``, ``always``; ``customers``, ``share`` with Wilson's ``low,
    high``; ``by_chance``: the share that the group would have if every order were reduced with the same chance, given
    how many orders each customer has (binomial); ``revenue`` and ``discount`` of the group (client's currency). Where
    share and by_chance agree, nobody depends on discounts: some have simply had more luck. A pandas frame; empty with
    fewer than 30 such customers, or without any discount.
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import binom

    counts = to_pandas(_by_customer(orders, as_of=as_of, fewest_orders=fewest_orders))
    total = int(counts.customers.sum())
    if total < FEWEST or not counts.reduced.sum():
        return pd.DataFrame(columns=DEPENDENCE)
    group = _group(counts.reduced, counts.orders)
    rate = float((counts.reduced * counts.customers).sum() / (counts.orders * counts.customers).sum())
    expected = dict.fromkeys(GROUPS, 0.0)
    for orders_each, customers in counts.groupby("orders").customers.sum().items():
        reduced = np.arange(int(orders_each) + 1)
        chance = pd.Series(binom.pmf(reduced, int(orders_each), rate)).groupby(
            _group(pd.Series(reduced), pd.Series(int(orders_each), index=reduced)).to_numpy()
        )
        for name, value in chance.sum().items():
            expected[name] += float(value) * float(customers) / total
    sums = counts.groupby(group)[["customers", "revenue", "discount"]].sum().reindex(list(GROUPS), fill_value=0)
    low, high = wilson(sums.customers, total)
    frame = sums.assign(share=sums.customers / total, low=low, high=high, by_chance=pd.Series(expected))
    return frame.rename_axis("group").reset_index()[DEPENDENCE]


def _group(reduced: Any, orders: Any) -> Any:
    import numpy as np
    import pandas as pd

    choice = np.select(
        [reduced == 0, reduced == orders, 2 * reduced <= orders], ["never", "always", "sometimes"], "mostly"
    )
    return pd.Series(choice, index=reduced.index)


@same_kind
def _by_customer(orders: Any, *, as_of: Any, fewest_orders: int) -> Any:
    """``orders, reduced, customers, revenue, discount``: customers with equal counts together; at most 30 orders."""
    import ibis

    bought = _discounted(orders, as_of=as_of)
    bought = bought.filter(bought.customer_id.notnull() & (bought.day >= ibis.literal(first_of_months(as_of, 12))))
    each = bought.group_by("customer_id").agg(
        orders=bought.count(), reduced=bought.reduced.sum(), revenue=bought.spend.sum(), discount=bought.off.sum()
    )
    each = each.filter((each.orders >= fewest_orders) & (each.orders <= _MOST))
    return each.group_by("orders", "reduced").agg(
        customers=each.count(), revenue=each.revenue.sum().round(6), discount=each.discount.sum().round(6)
    ).order_by("orders", "reduced")  # fmt: skip
