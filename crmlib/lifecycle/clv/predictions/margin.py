"""What part of the money customers pay is left to us: from the cost of orders, or else from what the client says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmlib.engine import same_kind, to_pandas
from crmlib.purchases import purchases

# With cost on fewer purchases than this, those that carry it may be a special kind.
ENOUGH_PRICED = 0.5


def contribution_margin(orders: Any, *, as_of: Any, fallback: float) -> pd.DataFrame:
    """The contribution margin to use, and where it comes from.

    ``orders``: the contract's orders (pandas or Ibis), with or without ``cost``. Where at least half of the spend
    carries a cost, the margin is (spend − cost) / spend over those purchases, after refunds; otherwise, or if goods
    cost more than they bring, it is ``fallback`` (the client's, 0 to 1). One row: ``margin``; ``source``, "cost" or
    "client"; ``priced_share``, the share of spend whose cost is known; ``priced_orders``. Raises ``ValueError`` for a
    ``fallback`` outside 0 to 1.

    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-02"]),
    ...                        "amount": [100.0, 100.0], "cost": [40.0, 50.0]})
    >>> contribution_margin(orders, as_of="2025-12-31", fallback=0.3)[["margin", "source"]]
       margin source
    0    0.55   cost
    """
    if not 0 <= fallback <= 1:
        raise ValueError(f"fallback is a margin, a share of the price from 0 to 1, not {fallback!r}")
    spent, priced, cost, count = (
        float(value or 0.0) for value in to_pandas(_priced(orders, as_of=as_of)).fillna(0.0).iloc[0]
    )
    share = priced / spent if spent > 0 else 0.0
    margin = (priced - cost) / priced if priced > 0 else 0.0
    from_cost = share >= ENOUGH_PRICED and 0 < margin <= 1
    return pd.DataFrame(
        {
            "margin": [margin if from_cost else float(fallback)],
            "source": ["cost" if from_cost else "client"],
            "priced_share": [share],
            "priced_orders": [int(count)],
        }
    )


@same_kind
def _priced(orders: Any, *, as_of: Any) -> Any:
    bought = purchases(orders, as_of=as_of, keep=["cost"])
    cost = bought.cost.cast("float64")
    return bought.aggregate(
        spent=bought.spend.sum(),
        priced=bought.spend.sum(where=cost.notnull()),
        cost=cost.sum(),
        count=cost.count(),
    )
