"""Who bought in the last twelve months, what they brought, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind
from crmlib.purchases import purchases

KNOWN = "in_customers"
WHO = ("known_customer", "not_in_customers", "guest")


@same_kind
def buyers_of_the_year(orders: Any, customers: Any = None, *, as_of: Any, keep: Sequence[str] = ()) -> Any:
    """Customers who bought in the twelve months up to ``as_of``: a row per customer, with what is recorded of them.

    Columns: ``customer_id``, ``orders``, ``revenue_year``, ``in_customers`` (flag) and ``keep`` from ``customers``,
    empty for those who are not there. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [10.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2025-11-30", "2025-12-01"])})
    >>> buyers_of_the_year(orders, pd.DataFrame({"customer_id": ["a"]}), as_of="2025-12-31").in_customers.tolist()
    [True, False]
    """
    import ibis

    bought = _in_the_year(orders, as_of, guests=False)
    each = bought.group_by(customer_id=bought.customer_id.cast("string")).agg(
        orders=bought.count(), revenue_year=bought.spend.sum()
    )
    if customers is None:
        return each.mutate(**{KNOWN: ibis.literal(False)}).order_by("customer_id")
    recorded = customers.filter(customers.customer_id.notnull())
    recorded = recorded.select(
        recorded_id=recorded.customer_id.cast("string"), **{name: recorded[name] for name in keep}
    )
    joined = each.left_join(recorded, each.customer_id == recorded.recorded_id)
    return joined.select(
        "customer_id", "orders", "revenue_year", *keep, **{KNOWN: joined.recorded_id.notnull()}
    ).order_by("customer_id")


@same_kind
def revenue_by_identity(orders: Any, customers: Any = None, *, as_of: Any) -> Any:
    """Whose revenue the twelve months' revenue is: ``who``, ``orders``, ``revenue_year``.

    ``who``: ``known_customer``, ``not_in_customers`` (an id that the table of customers does not have; only told where
    there is that table) or ``guest`` (no id). pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", None, "x"], "amount": [10.0, 5.0, 1.0],
    ...     "ordered_at": pd.Timestamp("2025-11-30")})
    >>> revenue_by_identity(orders, pd.DataFrame({"customer_id": ["a"]}), as_of="2025-12-31").revenue_year.tolist()
    [5.0, 10.0, 1.0]
    """
    import ibis

    known, stranger, guest = WHO
    bought = _in_the_year(orders, as_of, guests=True)
    bought = bought.mutate(customer_id=bought.customer_id.cast("string"))
    if customers is None:
        named = bought.mutate(who=ibis.ifelse(bought.customer_id.isnull(), guest, known))
    else:
        ids = customers.filter(customers.customer_id.notnull()).select(recorded_id=customers.customer_id.cast("string"))
        joined = bought.left_join(ids.distinct(), bought.customer_id == ids.recorded_id)
        named = joined.mutate(
            who=ibis.ifelse(
                joined.customer_id.isnull(), guest, ibis.ifelse(joined.recorded_id.isnull(), stranger, known)
            )
        )
    return named.group_by("who").agg(orders=named.count(), revenue_year=named.spend.sum()).order_by("who")


def _in_the_year(orders: Any, as_of: Any, *, guests: bool) -> Any:
    import ibis

    bought = purchases(orders, as_of=as_of, guests=guests)
    return bought.filter(bought.day > ibis.literal(months_before(as_day(as_of), 12)))
