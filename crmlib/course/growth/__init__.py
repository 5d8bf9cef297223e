"""The exercises of chapter 07, growth."""

from __future__ import annotations

from typing import Any

from crmlib.course.exercise import Practice, ratio

practice = Practice(__file__)
RATE = 0.0005
"""A rate that is rounded to three decimals is right."""
CLUB = ("the club works", "the club does not work", "cannot be told")


@practice.number(within=RATE, share=True)
def confidence(counts: Any) -> Any:
    """Of the orders with the first item, the share that also hold the second."""
    row = counts.iloc[0]
    return ratio(row.both, row["first"]), {
        "support": ratio(row.both, row.orders),
        "turned": ratio(row.both, row.second),
        "base": ratio(row.second, row.orders),
        "either": ratio(row.both, row["first"] + row.second - row.both),
    }


@practice.number(within=0.005)
def lift(counts: Any) -> Any:
    """How many times as often the two items meet as chance would bring them together."""
    row = counts.iloc[0]
    right = ratio(row.both * row.orders, row["first"] * row.second)
    return right, {
        "confidence": ratio(row.both, row["first"]),
        "inverse": ratio(1, right),
        "expected": ratio(row["first"] * row.second, row.orders),
        "points": ratio(row.both, row["first"]) - ratio(row.second, row.orders),
    }


@practice.number()
def beyond_chance(tests: Any, *, level: float = 0.05) -> Any:
    """How many of the tests are left after Holm's correction."""
    p = tests.p.sort_values(kind="stable").to_numpy()
    ranks = range(len(p), 0, -1)
    kept = [value * rank < level for value, rank in zip(p, ranks, strict=True)]
    rising = [value * len(p) / place < level for place, value in enumerate(p, 1)]
    return float(kept.index(False) if False in kept else len(p)), {
        "careless": float((p < level).sum()),
        "bonferroni": float((p * len(p) < level).sum()),
        "false_share": float(max((place for place, ok in enumerate(rising, 1) if ok), default=0)),
    }


@practice.number(within=RATE)
def effect(rates: Any) -> Any:
    """The difference in differences of four rates."""
    with_it, without = rates["with_measure"], rates["without"]
    change, other = with_it["after"] - with_it["before"], without["after"] - without["before"]
    return float(change - other), {
        "before_after": float(change),
        "side_by_side": float(with_it["after"] - without["after"]),
        "others": float(other),
        "sum": float(change + other),
    }


@practice.number(within=RATE, share=True)
def recall(customers: Any, *, k: int = 3) -> Any:
    """The mean over customers of the share of what they bought that was among k suggestions."""
    most = customers.bought.clip(upper=k)
    return float((customers.hits / most).mean()), {
        "pooled": ratio(customers.hits.sum(), customers.bought.sum()),
        "precision": float((customers.hits / k).mean()),
        "uncapped": float((customers.hits / customers.bought).mean()),
        "any_hit": float((customers.hits > 0).mean()),
    }


@practice.number(within=0.05)
def by_luck(*, customers: int = 500, orders: int = 3, rate: float = 0.2) -> Any:
    """How many customers would buy only at a discount by chance alone."""
    return customers * rate**orders, {
        "once": customers * rate,
        "never": customers * (1 - rate) ** orders,
        "at_least_once": customers * (1 - (1 - rate) ** orders),
        "divided": customers * rate / orders,
    }


@practice.choice(options=CLUB)
def club(tiers: Any, at_once: Any) -> Any:
    """Whether members buy more because of the club."""
    if not len(tiers) or not len(at_once):
        return None
    return "cannot be told", {"works": "the club works", "no_effect": "the club does not work"}
