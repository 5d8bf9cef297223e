"""The exercises of chapter 06, churn and win-back."""

from __future__ import annotations

import math
from typing import Any

from crmlib.course.exercise import Practice, ratio

practice = Practice(__file__)
RATE = 0.0005
"""A rate that is rounded to three decimals is right."""


@practice.number(within=RATE, share=True)
def false_alarms(known: Any, *, days: int = 120) -> Any:
    """Of the customers who were silent for so many days or longer, the share that came back."""
    flagged, back = known.silence_days >= days, known.came_back == 1
    both = (flagged & back).sum()
    return ratio(both, flagged.sum()), {
        "right_alarms": ratio((flagged & ~back).sum(), flagged.sum()),
        "of_all": ratio(both, len(known)),
        "of_returners": ratio(both, back.sum()),
        "not_flagged": ratio((~flagged & back).sum(), (~flagged).sum()),
        "flagged_share": ratio(flagged.sum(), len(known)),
    }


@practice.number(within=RATE, share=True)
def chance_after(*, chance: float = 0.3, odds_ratio: float = 2.0) -> Any:
    """The chance to buy again after the odds were multiplied by an odds ratio."""
    odds = chance / (1 - chance) * odds_ratio
    return odds / (1 + odds), {
        "times": chance * odds_ratio,
        "odds": odds,
        "odds_before": chance / (1 - chance),
        "divided": chance / (1 - chance) / odds_ratio / (1 + chance / (1 - chance) / odds_ratio),
        "chance_as_odds": chance * odds_ratio / (1 + chance * odds_ratio),
    }


@practice.number(within=RATE)
def brier(few: Any) -> Any:
    """The Brier score of a few risks."""
    error = few.left - few.risk
    return float((error**2).mean()), {
        "absolute": float(error.abs().mean()),
        "root": math.sqrt((error**2).mean()),
        "sum": float((error**2).sum()),
        "who_stayed": float(((1 - few.left - few.risk) ** 2).mean()),
        "wrong_side": float(((few.risk > 0.5) != (few.left == 1)).mean()),
    }


@practice.number(within=0.005)
def lift(known: Any, *, share: float = 0.1) -> Any:
    """How many times as many left among those silent longest as among all."""
    top = max(int(len(known) * share), 1)
    order = known.sort_values("silence_days", ascending=False, kind="stable")
    left = 1 - order.came_back
    everybody, first = left.mean(), left.head(top)
    return ratio(first.mean(), everybody), {
        "share_left": float(first.mean()),
        "reached": ratio(first.sum(), left.sum()),
        "shortest": ratio(left.tail(top).mean(), everybody),
        "came_back": ratio(1 - first.mean(), 1 - everybody),
        "difference": float(first.mean() - everybody),
    }


@practice.number(within=RATE, share=True)
def break_even(*, cost: float = 6.0, saved: float = 80.0, success: float = 0.15) -> Any:
    """The risk from which on a contact pays."""
    return cost / (saved * success), {
        "all_saved": cost / saved,
        "of_success": success * saved / 100,
        "no_value": cost * success,
        "success_alone": success,
    }


@practice.number(within=0.005)
def profit_each(arms: Any) -> Any:
    """What an offer left for each customer who got it, against those left alone and after its cost."""
    at = arms.set_index("arm")
    rate, left = at.bought / at.people, at.left_per_buyer
    treated, control, cost = rate["treat"] * left["treat"], rate["control"] * left["control"], at.cost["treat"]
    return treated - control - cost, {
        "no_cost": treated - control,
        "no_control": treated - cost,
        "buyers": treated - control - cost * rate["treat"],
        "more_buyers": (rate["treat"] - rate["control"]) * left["treat"] - cost,
        "difference": left["treat"] - left["control"] - cost,
    }


@practice.number(within=RATE)
def net_retention(payers: Any) -> Any:
    """Of what the subscribers of a year ago paid then, the share that they pay today."""
    old = payers[payers.then > 0]
    return ratio(old.now.sum(), old.then.sum()), {
        "with_new": ratio(payers.now.sum(), old.then.sum()),
        "gross": ratio(old[["then", "now"]].min(axis=1).sum(), old.then.sum()),
        "customers": ratio((old.now > 0).sum(), len(old)),
        "mean_of_ratios": float((old.now / old.then).mean()),
        "lost": 1 - ratio(old.now.sum(), old.then.sum()),
        "stayed": ratio(old.now.sum(), old.then[old.now > 0].sum()),
    }
