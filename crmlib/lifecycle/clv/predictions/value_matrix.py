"""Value so far against value to come: who is to be kept, developed, won back, or served at low cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.engine import to_pandas
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import customer_names
from crmlib.models.errors import CustomerBaseInvalid


def value_matrix(summary: Any, values: pd.DataFrame, *, value_now: Any = None, margin: float = 1.0) -> pd.DataFrame:
    """Value so far × value to come (当前价值 × 潜在价值): how many customers are where, and what to do with them.

    ``summary`` (pandas or Ibis) and ``values`` (with ``clv``, from ``predict`` or ``customer_values``): a row per
    customer, in the same order. ``value_now``: what each has been worth, in money; by default ``margin`` × all repeat
    spend so far, frequency × monetary, which leaves out the first order (give the contribution of all orders so far
    where you have it: the picture calls it value so far).

    Always four rows, one per ``cell``: ``keep`` (both high), ``win_back`` (only now high), ``develop`` (only to come
    high), ``automate`` (both low); ``now, to_come``: "high" for customers above the mean of all, else "low"; ``name``
    and ``action`` in words; ``customers, share_of_customers``; ``value_now, value_to_come``, sums, and
    ``share_of_value_now, share_of_value_to_come`` (0 where there is none at all). Raises ``CustomerBaseInvalid``.

    >>> customers = pd.DataFrame({"customer_id": list("abcd"), "frequency": [9, 0, 8, 0], "monetary": [5.0, 0, 5, 0]})
    >>> value_matrix(customers, pd.DataFrame({"clv": [50.0, 40, 2, 2]}))[["cell", "customers", "value_to_come"]]
           cell  customers  value_to_come
    0      keep          1           50.0
    1  win_back          1            2.0
    2   develop          1           40.0
    3  automate          1            2.0
    """
    frame, to_come = to_pandas(summary), _known_values(values)
    names = np.asarray(customer_names(frame))
    mixed = "customer_id" in values.columns and not np.array_equal(names, values["customer_id"].to_numpy())
    if len(frame) != len(values) or mixed:
        raise CustomerBaseInvalid(
            f"summary ({len(frame)} rows) and values ({len(values)} rows) are not of the same customers in the same "
            "order; predict from this summary"
        )
    spent = margin * (frame["frequency"] * frame["monetary"]) if value_now is None else value_now
    now = np.asarray(spent, dtype=float)
    if now.shape != to_come.shape or not np.isfinite(now).all():
        raise CustomerBaseInvalid("value_now must be one finite amount per customer, in the order of the summary")
    high_now, high_to_come = now > now.mean(), to_come > to_come.mean()
    told = _cells_in_words()
    rows = []
    for cell, is_now, is_to_come in (
        ("keep", True, True), ("win_back", True, False), ("develop", False, True), ("automate", False, False)
    ):  # fmt: skip
        some = (high_now == is_now) & (high_to_come == is_to_come)
        rows.append(
            {
                "cell": cell,
                "now": "high" if is_now else "low",
                "to_come": "high" if is_to_come else "low",
                "name": told[cell][0],
                "action": told[cell][1],
                "customers": int(some.sum()),
                "share_of_customers": float(some.mean()),
                "value_now": float(now[some].sum()),
                "value_to_come": float(to_come[some].sum()),
            }
        )
    table = pd.DataFrame(rows)
    for column in ("value_now", "value_to_come"):
        total = float(table[column].sum())
        table[f"share_of_{column}"] = table[column] / total if total > 0 else 0.0
    return table


def _known_values(values: pd.DataFrame) -> Numbers:
    clv = values["clv"].to_numpy(dtype=float)
    if not len(clv):
        raise CustomerBaseInvalid("the table of values has no customers")
    if not (np.isfinite(clv) & (clv >= 0)).all():
        raise CustomerBaseInvalid(f"{int((~(clv >= 0)).sum())} values are missing or below 0; predict them first")
    return clv


def _cells_in_words() -> dict[str, tuple[str, str]]:
    return {
        "keep": (text.say("Keep"), text.say("Best service, first access, ask them to recommend.")),
        "develop": (text.say("Develop"), text.say("Welcome them, show the range, lead to the next order.")),
        "win_back": (text.say("Win back"), text.say("Ask why they stay away; one good offer, then stop.")),
        "automate": (text.say("Automate"), text.say("Serve at low cost; automatic messages only.")),
    }
