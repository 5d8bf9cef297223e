"""The exercises of chapter 01, customer data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlib.course.exercise import Practice, ratio
from crmlib.statistics import CHANCE_OF_A_GAP

practice = Practice(__file__)
SHARE = 0.0005
"""A share that is rounded to three decimals is right."""

AMOUNTS = ("¥1,299.50", "(20.00)", "80 元", "1 250,00 €")
"""Amounts as exports write them; the last has a comma before the fraction."""


@practice.number(within=SHARE, share=True)
def usable(rows: Any) -> Any:
    """The share of all rows that can be used, as they were or repaired."""
    read, accepted, repaired = (float(rows[name].sum()) for name in ("read", "accepted", "repaired"))
    return ratio(accepted + repaired, read), {
        "count": accepted + repaired,
        "quarantined": 1 - ratio(accepted + repaired, read),
        "unrepaired": ratio(accepted, read),
        "mean_of_shares": ((rows.accepted + rows.repaired) / rows.read).mean(),
    }


@practice.table(on="written", as_list=True)
def amounts() -> Any:
    """The four amounts as numbers, in their order."""

    def table(*values: float) -> Any:
        return pd.DataFrame({"written": AMOUNTS, "amount": values})

    return table(1299.5, -20.0, 80.0, 1250.0), {
        "parentheses": table(1299.5, 20.0, 80.0, 1250.0),
        "thousands": table(1.2995, -20.0, 80.0, 1250.0),
        "fraction": table(1299.5, -20.0, 80.0, 125000.0),
    }


@practice.number(digits=3, share=True)
def without_customer(bought: Any) -> Any:
    """The share of the twelve months' revenue for which no customer is recorded."""
    guest, spend = bought.customer_id.isna(), bought.spend.astype(float)
    if not guest.any():
        return None
    right = ratio(spend[guest].sum(), spend.sum())
    return right, {
        "money": spend[guest].sum(),
        "with_customer": 1 - right,
        "of_orders": guest.mean(),
        "of_known": ratio(spend[guest].sum(), spend[~guest].sum()),
    }


@practice.number(within=SHARE, share=True)
def reachable(said: Any, *, channel: str = "sms") -> Any:
    """The share of the buyers' revenue whose customers we may contact by a channel; unknown is no."""
    money = said.groupby(channel).revenue_year.sum().reindex(["yes", "no", "unknown"]).fillna(0.0)
    if (said[channel] == "unknown").all():
        return None
    everything = float(money.sum())
    return ratio(money["yes"], everything), {
        "unknown_is_yes": ratio(money["yes"] + money["unknown"], everything),
        "unknown_left_out": ratio(money["yes"], everything - money["unknown"]),
        "of_buyers": (said[channel] == "yes").mean(),
        "money": float(money["yes"]),
        "the_others": 1 - ratio(money["yes"], everything),
    }


@practice.several()
def same_person(people: Any) -> Any:
    """Which of the people are one person: pairs of ids; right is what the kit's rules find."""
    import duckdb

    from crmlib.intake.identities.duplicates import duplicate_pairs

    found = duplicate_pairs(duckdb.connect(), people).to_pylist()
    right = {frozenset((row["customer_id"], row["duplicate_of"])) for row in found}

    def sharing(column: str) -> set[frozenset[str]]:
        """Pairs that have the same in a column, however it is written."""
        of = people.set_index("customer_id")[column].str.lower().str.removeprefix("+86").str.removesuffix(".0")
        of = of.str.replace(" ", "")
        pairs = itertools.combinations(of[of != ""].index, 2)
        return {frozenset(pair) for pair in pairs if of[pair[0]] == of[pair[1]]}

    return right, {
        "same_name": right | sharing("name"),
        "same_email": right | sharing("email"),
        "same_phone": right | sharing("phone"),
        "written_email": right - sharing("email"),
        "written_phone": right - sharing("phone"),
    }


def sparsest_table(account: Mapping[str, Any]) -> tuple[str, int, float, float]:
    """The table with the fewest rows a day, of those whose rows stand for moments: its days, and two paces.

    Rows a day on average, and in the three months before the last one that has rows (or on average, in shorter data).

    >>> months = {"2025-01": 4, "2025-02": 8, "2025-03": 30, "2025-04": 51, "2025-05": 3}
    >>> tickets = {"first": "2025-01-01", "last": "2025-05-02", "months": months}
    >>> orders = {**tickets, "months": {"2025-05": 1000}}
    >>> sparsest_table({"quality": {"coverage": {"orders": orders, "tickets": tickets}}})
    ('tickets', 122, 0.7868852459016393, 1.0)
    """

    def of(name: str) -> tuple[str, int, float, float]:
        first, last = (pd.Timestamp(covered[name][end]) for end in ("first", "last"))
        rows = pd.Series(covered[name]["months"], dtype=float)
        rows.index = pd.PeriodIndex(rows.index, freq="M")
        length, recent = (last - first).days + 1, rows[rows.index < last.to_period("M")].tail(3)
        average = float(rows.sum()) / length
        whole = len(recent) == 3 and recent.index[0].start_time >= first
        return name, length, average, float(recent.sum() / sum(recent.index.days_in_month)) if whole else average

    covered = account["quality"]["coverage"]
    return min((of(name) for name in covered if name != "spend"), key=lambda one: one[2])


@practice.number()
def silent_days(length: int, average: float, nearby: float) -> Any:
    """The fewest silent days that chance does not explain at the pace nearby (rows a day) over so many days."""
    if not nearby:
        return None
    silent = math.log(length / CHANCE_OF_A_GAP) / nearby
    return max(1, math.ceil(silent)), {
        "average": max(1, math.ceil(silent * nearby / average)),
        "not_rounded": silent,
        "one_start": max(1, math.ceil(math.log(1 / CHANCE_OF_A_GAP) / nearby)),
        "rounded_down": math.floor(silent),
    }
