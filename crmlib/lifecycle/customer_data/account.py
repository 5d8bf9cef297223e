"""The account of what was read: every row is accepted, repaired or quarantined, and the money adds up.

``account`` is everywhere what intake says of the tables: ``{"as_of": …, "tables": {name: {"read": …}}, "quality": …}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib import text
from crmlib.contract import TABLES
from crmlib.engine import same_kind, to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.customer_data.captioned import CaptionedTable

Account = Mapping[str, Any]
FEW_LOST = 0.01
_ROWS = ("read", "accepted", "repaired", "quarantined", "by_rule", "rows")
_ADDS_UP = ("money", "pieces")

# Measures


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
    """What was mended in cells: ``table``, ``column``, ``repair`` (in words), ``cells``.

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
    there = to_pandas(_summed(orders)).iloc[0]
    rows, amount = int(there["rows"]), float(there["amount"])
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


@same_kind
def _summed(orders: Any) -> Any:
    return orders.agg(rows=orders.count(), amount=orders.amount.cast("float64").sum().fill_null(0.0))


# Tables


def table_of_rows(rows: Any) -> CaptionedTable:
    """The rows of :func:`row_account` in words."""
    total = rows[["read", "accepted", "repaired", "quarantined", "by_rule"]].sum()
    reading = text.say(
        "{read} rows were read: {accepted} accepted as they were, {repaired} repaired, {quarantined} quarantined, of "
        "these {by_rule} on purpose. No row is missing.",
        **{name: int(value) for name, value in total.items()},
    )
    named = rows.assign(table=rows.table.map(text.label))
    return CaptionedTable(named, text.say("Every row that was read"), reading)


def table_of_bridge(bridge: Any) -> CaptionedTable:
    """The steps of :func:`amount_bridge` in words."""
    names = {
        "read": text.say("in the export"),
        "quarantined": text.say("quarantined"),
        "cancelled": text.say("cancellations, kept as refunds of their orders"),
        "made_into_orders": text.say("lines made into one order, and orders after the day looked at"),
        "in_the_table": text.say("in the table of orders"),
    }
    first, last = bridge.amount.iloc[0], bridge.amount.iloc[-1]
    reading = text.say(
        "The export comes to {read}, the table of orders to {there}; the rows between say how one becomes the other.",
        read=text.money(first),
        there=text.money(last),
    )
    return CaptionedTable(bridge.assign(step=bridge.step.map(names)), text.say("Where the money went"), reading)


# Findings


def finding_quarantine(account: Account) -> Finding:
    """How much of what was read can be used, and what could not be."""
    rows = row_account(account)
    read, unusable = int(rows.read.sum()), int((rows.quarantined - rows.by_rule).sum())
    share = unusable / read if read else 0.0
    said = {
        "read": read,
        "unusable": unusable,
        "by_rule": int(rows.by_rule.sum()),
        "repaired": int(rows.repaired.sum()),
    }
    why = reasons(account)
    certainty = text.say("Counted over all rows, not a sample: there is no interval.")
    if not unusable:
        sentence = text.say(
            "All {read} rows read are accounted for and none had to be given up; {by_rule} were left out on purpose "
            "and {repaired} repaired.",
            **said,
        )
        return Finding(
            "customer_data.quarantine",
            sentence,
            "good",
            certainty=certainty,
            action=text.say("Check the decisions taken for whole columns once, then build on these tables."),
        )
    most = why.sort_values("rows", ascending=False, kind="stable").iloc[0]
    sentence = text.say(
        "{unusable} of {read} rows read ({share}) could not be used; the most frequent reason is “{reason}” in "
        "{table}.",
        share=text.percent(share, digits=1),
        reason=str(most.reason),
        table=text.label(most.table),
        **said,
    )
    return Finding(
        "customer_data.quarantine",
        sentence,
        "bad" if share >= FEW_LOST else "neutral",
        certainty=certainty,
        action=text.say("Correct the rows in the quarantine folder and run again: they are read from there."),
    )
