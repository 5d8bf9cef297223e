"""How sure one can be that rows which read well are also true: a few are looked up in the source, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlib.engine import same_kind, to_pandas
from crmlib.statistics import wilson


def audit_intervals(*, checked: int, wrong: Sequence[int] = (0, 1, 2, 5, 10)) -> Any:
    """What so many wrong rows among ``checked`` say of all rows: ``wrong_rows``, ``error_share``, 95 % interval.

    The interval is Wilson's, ``error_low`` to ``error_high``.

    Raises:
        ValueError: no row is checked.

    >>> audit_intervals(checked=100, wrong=[0]).round(3).values.tolist()
    [[0.0, 0.0, 0.0, 0.037]]
    """
    import pandas as pd

    if checked < 1:
        raise ValueError("at least one row must be checked")
    rows = [(k, k / checked, *wilson(k, checked)) for k in wrong if k <= checked]
    return pd.DataFrame(rows, columns=["wrong_rows", "error_share", "error_low", "error_high"])


def rows_to_check(orders: Any, *, rows: int, seed: int = 0) -> Any:
    """A random sample of orders to be looked up in the source system, in the order of their ids (small frame).

    Columns: ``order_id, customer_id, ordered_at, amount``, as far as there. ``orders``: pandas or Ibis.
    """
    import numpy as np

    ids = to_pandas(_ids(orders)).order_id.sort_values().to_numpy()
    drawn = np.random.default_rng(seed).permutation(ids)[:rows]
    return to_pandas(_of_ids(orders, ids=list(drawn))).sort_values("order_id", ignore_index=True)


@same_kind
def _ids(orders: Any) -> Any:
    return orders.select("order_id")


@same_kind
def _of_ids(orders: Any, *, ids: Sequence[str]) -> Any:
    kept = [c for c in ("order_id", "customer_id", "ordered_at", "amount") if c in orders.columns]
    return orders.filter(orders.order_id.isin(ids)).select(kept)
