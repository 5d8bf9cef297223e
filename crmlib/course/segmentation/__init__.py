"""The exercises of chapter 03, segmentation."""

from __future__ import annotations

from typing import Any

from crmlib.course.exercise import Practice, ratio

practice = Practice(__file__)
SHARE = 0.0005
"""A share that is rounded to three decimals is right."""


@practice.table(on="customer_id")
def frequency_scores(few: Any) -> Any:
    """Scores from 1 to 3 by thirds, with cut points that are values."""
    bought = few.purchases_year
    cuts = [bought.quantile(part / 3, interpolation="lower") for part in (1, 2)]
    scored = few[["customer_id"]].assign(f_score=1 + sum((bought > cut).astype(int) for cut in cuts))
    by_rank = 1 + (bought.rank(method="first") - 1) * 3 // len(few)
    return scored, {
        "by_rank": scored.assign(f_score=by_rank.astype(int)),
        "edge": scored.assign(f_score=1 + sum((bought >= cut).astype(int) for cut in cuts)),
        "backwards": scored.assign(f_score=4 - scored.f_score),
    }


@practice.choice(options=("core", "potential", "ordinary", "sleeping"))
def first_rule(thresholds: Any) -> Any:
    """The tier of a customer who has spent much and has been silent for a day too long."""
    import pandas as pd

    from crmlib.lifecycle import segmentation

    lines = thresholds.set_index("threshold").value
    silent, spent = int(lines["sleeping_after"]) + 1, 10 * float(lines["high_spend"]) + 1
    customer = {"customer_id": "somebody", "recency_days": silent, "tenure_days": silent + 300}
    bought = {"purchases": 100, "purchases_year": 100, "revenue": spent, "revenue_year": spent}
    right = str(segmentation.segments(pd.DataFrame([customer | bought]), thresholds).tier.iloc[0])
    return right, {name: name for name in ("core", "potential", "ordinary") if name != right}


@practice.number(within=SHARE)
def best_fifth(few: Any) -> Any:
    """The share of the year's revenue that the best fifth of the year's buyers bring."""
    buyers = few[few.purchases_year > 0]

    def share(revenue: Any, *, best: bool = True) -> float:
        ordered = revenue.sort_values(ascending=not best, kind="stable")
        return ratio(ordered.head(len(ordered) // 5).sum(), ordered.sum())

    return share(buyers.revenue_year), {
        "everybody": share(few.revenue_year),
        "ever": share(few.revenue),
        "ever_of_buyers": share(buyers.revenue),
        "worst": share(buyers.revenue_year, best=False),
        "money": buyers.revenue_year.nlargest(len(buyers) // 5).sum(),
    }


@practice.number(digits=3)
def asleep(customers: Any, thresholds: Any) -> Any:
    """What a customer who is in the tier sleeping today brought in the last twelve months, on average."""
    from crmlib.lifecycle import segmentation

    segmented = segmentation.segments(customers, thresholds)
    sleeping = segmented[segmented.tier == "sleeping"]
    if sleeping.empty:
        return None
    return float(sleeping.revenue_year.mean()), {
        "by_stage": segmented[segmented.stage == "sleeping"].revenue_year.mean(),
        "buyers_only": sleeping[sleeping.purchases_year > 0].revenue_year.mean(),
        "ever": sleeping.revenue.mean(),
        "total": sleeping.revenue_year.sum(),
        "awake": segmented[segmented.tier != "sleeping"].revenue_year.mean(),
        "everybody": segmented.revenue_year.mean(),
        "of_all": sleeping.revenue_year.sum() / len(segmented),
    }


@practice.number(within=SHARE)
def still_core(orders: Any, *, as_of: Any) -> Any:
    """The share of the core customers of an earlier day who are core today, by the thresholds of today."""
    from crmlib.lifecycle import segmentation

    def known(day: Any) -> tuple[Any, Any]:
        customers = segmentation.customer_activity(orders, as_of=day).to_pandas()
        rhythm = segmentation.purchase_rhythm(orders, as_of=day).to_pandas()
        return customers, segmentation.thresholds(customers, rhythm)

    customers, today = known(as_of)
    earlier = segmentation.comparison_day(orders, as_of=as_of)
    if earlier is None:
        return None
    now = segmentation.segments(customers, today)
    past, of_then = known(earlier)

    def counts(thresholds: Any) -> tuple[float, float, float]:
        moves = segmentation.migration(segmentation.segments(past, thresholds), now, since=earlier)
        was, is_now = moves.before == "core", moves.after == "core"
        return tuple(float(moves.customers[rows].sum()) for rows in (was & is_now, was, is_now))  # type: ignore[return-value]

    stayed, then, core_now = counts(today)
    own_stayed, own_then, _ = counts(of_then)
    return ratio(stayed, then), {
        "own_thresholds": ratio(own_stayed, own_then),
        "of_today": ratio(stayed, core_now),
        "left": 1 - ratio(stayed, then),
        "count": stayed,
        "net": ratio(core_now, then),
    }
