"""The account of what was read: every row is accepted, repaired or quarantined, and the money adds up.

``account`` is everywhere what intake says of the tables: ``{"as_of": …, "tables": {name: {"read": …}}, "quality": …}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmlib.contract import TABLES
from crmlib.engine import to_ibis, to_pandas
from crmlib.statistics import wilson

Account = Mapping[str, Any]
STATES = ("can_run", "runs_thinner", "cannot_run")
_ROWS = ("read", "accepted", "repaired", "quarantined", "by_rule", "rows")
_ADDS_UP = ("money", "pieces")


def row_account(account: Account) -> Any:
    """What became of the rows of each table, one row per table.

    Columns: ``table``, ``read`` (= ``accepted`` + ``repaired`` + ``quarantined``), ``by_rule`` (of the quarantined:
    left out on purpose), ``rows`` (of the table that came out; fewer where several rows became one).

    >>> orders = {"read": 8, "accepted": 2, "repaired": 3, "quarantined": 3, "by_rule": 1, "rows": 5}
    >>> row_account({"tables": {"orders": orders}}).quarantined.tolist()
    [3]
    """
    import pandas as pd

    rows = [{"table": name, **{key: int(one[key]) for key in _ROWS}} for name, one in account["tables"].items()]
    return pd.DataFrame(rows, columns=["table", *_ROWS])


def amount_account(account: Account) -> Any:
    """Sums of what adds up (money, pieces) as read, in accepted and in quarantined rows: one row per column.

    Columns: ``table``, ``column``, ``sum_read``, ``sum_accepted``, ``sum_quarantined``.
    """
    import pandas as pd

    rows = [
        (name, column, sums["read"], sums["accepted"], sums["quarantined"])
        for name, one in account["tables"].items()
        for column, sums in one["sums"].items()
        if column in TABLES[name].names and TABLES[name][column].unit in _ADDS_UP and column != "unit_price"
    ]
    return pd.DataFrame(rows, columns=["table", "column", "sum_read", "sum_accepted", "sum_quarantined"])


def reasons(account: Account) -> Any:
    """Why rows were quarantined: ``table``, ``reason``, ``rows``, the most frequent first within a table."""
    import pandas as pd

    rows = [(n, why, count) for n, one in account["tables"].items() for why, count in one["reasons"].items()]
    return pd.DataFrame(rows, columns=["table", "reason", "rows"])


def repairs(account: Account) -> Any:
    """What was mended in cells: ``table``, ``column``, ``repair`` (as intake says it), ``cells``.

    No example is shown: what stood in a cell may be a person's.
    """
    import pandas as pd

    rows = [
        (name, one["column"], one["about"], one["cells"])
        for name, table in account["tables"].items()
        for one in table["repairs"]
    ]
    frame = pd.DataFrame(rows, columns=["table", "column", "repair", "cells"])
    return frame.groupby(["table", "column", "repair"], sort=False, as_index=False).cells.sum()


def decisions(account: Account) -> Any:
    """What was decided for whole columns, with the evidence: ``table``, ``decision``."""
    import pandas as pd

    rows = [(name, said) for name, one in account["tables"].items() for said in dict.fromkeys(one["decisions"])]
    return pd.DataFrame(rows, columns=["table", "decision"])


def amount_bridge(orders: Any, account: Account) -> Any:
    """The way of the orders' money from the export into the table: ``step``, ``rows``, ``amount``.

    ``read`` (all rows of the export); less ``quarantined``; ``cancelled`` (where there are any: rows that take an order
    back leave the sum and become the order's ``refunded_amount``); ``in_the_table`` (summed from ``orders``, pandas or
    Ibis, by itself). What is left between them is ``made_into_orders``: lines that became one order, and orders after
    the day looked at. In money it is 0 where no order is later.

    >>> import pandas as pd
    >>> sums = {"amount": {"read": 100.0, "accepted": 90.0, "quarantined": 10.0}}
    >>> one = {"read": 3, "quarantined": 1, "sums": sums}
    >>> amount_bridge(pd.DataFrame({"amount": [60.0, 30.0]}), {"tables": {"orders": one}}).amount.tolist()
    [100.0, -10.0, 0.0, 90.0]
    """
    import pandas as pd

    one = account["tables"]["orders"]
    sums = one["sums"]["amount"]
    table = to_ibis(orders)
    there = table.agg(rows=table.count(), amount=table.amount.cast("float64").sum().fill_null(0.0)).to_pandas()
    rows, amount = int(there.rows[0]), float(there.amount[0])
    cancelled = one.get("cancellations") or {"matched": 0, "matched_amount": 0.0}
    # What cancels counts with its sign: taking negative amounts out of the sum makes it larger.
    taken_out = abs(float(cancelled["matched_amount"]))
    left = one["read"] - one["quarantined"] - cancelled["matched"]
    steps = [
        ("read", one["read"], sums["read"]),
        ("quarantined", -one["quarantined"], -sums["quarantined"]),
        ("cancelled", -cancelled["matched"], taken_out),
        ("made_into_orders", rows - left, round(amount - sums["accepted"] - taken_out, 2)),
        ("in_the_table", rows, amount),
    ]
    steps = [step for step in steps if step[0] != "cancelled" or step[1]]
    frame = pd.DataFrame(steps, columns=["step", "rows", "amount"])
    return frame.assign(amount=frame.amount + 0.0)


def duplicates_found(account: Account) -> Any:
    """Which customers intake found to be one person: ``rule``, ``pairs``, ``contradicted``, ``shared_contacts``,
    ``sharing_customers`` (who share a contact that proves nothing by itself and were not merged).

    Empty where identities were not compared (ids as they are, or no identities in the data).
    """
    import pandas as pd

    columns = ["rule", "pairs", "contradicted", "shared_contacts", "sharing_customers"]
    found = account.get("people", {}).get("duplicates", {})
    return pd.DataFrame([(rule, *(one.get(c, 0) for c in columns[1:])) for rule, one in found.items()], columns=columns)


def analyses(chapters: Sequence[Any], account: Account) -> Any:
    """Which analyses are possible: ``analysis``, ``state`` (``can_run``, ``runs_thinner``, ``cannot_run``), ``lacks``.

    Each of ``chapters`` has a ``title`` and says of the account's tables what it is ``missing`` and without what it is
    ``thinner``: tables and columns, ``surveys.comment``.
    """
    import pandas as pd

    lacks = [(one.title, one.missing(account["tables"]), one.thinner(account["tables"])) for one in chapters]
    can_run, thinner, cannot = STATES
    rows = [(title, cannot if m else thinner if t else can_run, ", ".join(m[0] if m else t)) for title, m, t in lacks]
    return pd.DataFrame(rows, columns=["analysis", "state", "lacks"])


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
    import ibis
    import numpy as np

    table = to_ibis(orders)
    nth = np.random.default_rng(seed).permutation(int(table.count().to_pandas()))[:rows]
    numbered = table.select("order_id", nth=ibis.row_number().over(order_by="order_id"))
    drawn = numbered.filter(numbered.nth.isin(nth.tolist()))
    kept = [c for c in ("order_id", "customer_id", "ordered_at", "amount") if c in table.columns]
    found = to_pandas(table.semi_join(drawn, "order_id").select(kept))
    return found.sort_values("order_id", kind="stable", ignore_index=True)
