"""The exercises of chapter 05, retention."""

from __future__ import annotations

import math
from typing import Any

from crmlib.course.exercise import Practice, ratio

practice = Practice(__file__)
RATE = 0.0005
"""A rate that is rounded to three decimals is right."""


@practice.number(within=RATE, share=True)
def pooled_retention(cohorts: Any, *, age: int = 3) -> Any:
    """The share of customers who bought at an age, over all cohorts that have come that far."""

    def pooled(at: int) -> float:
        rows = cohorts[cohorts.age == at]
        return ratio(rows.customers.sum(), rows.cohort_customers.sum())

    rows = cohorts[cohorts.age == age]
    everybody = cohorts[cohorts.age == 0].cohort_customers.sum()
    return pooled(age), {
        "not_observed": ratio(rows.customers.sum(), everybody),
        "mean_of_rates": (rows.customers / rows.cohort_customers).mean(),
        "age_before": pooled(age - 1),
        "age_after": pooled(age + 1),
        "orders": ratio(rows.orders.sum(), rows.cohort_customers.sum()),
    }


@practice.number(within=RATE, share=True)
def repeat_rate(each: Any, *, within: int = 60) -> Any:
    """The share of new customers who order again in time, of those whom we have followed for that long."""
    followed, returned = each.followed_days >= within, each.returned.astype(bool)
    in_time = returned & (each.days <= within)
    right = ratio((followed & in_time).sum(), followed.sum())
    return right, {
        "too_short": ratio(in_time.sum(), len(each)),
        "too_late": ratio((followed & returned).sum(), followed.sum()),
        "day_before": ratio((followed & returned & (each.days < within)).sum(), followed.sum()),
        "so_far": ratio(returned.sum(), len(each)),
        "of_returners": ratio((followed & in_time).sum(), (followed & returned).sum()),
        "others": 1 - right,
    }


@practice.number(within=RATE, share=True)
def returned_by(few: Any, *, day: int = 30) -> Any:
    """The Kaplan-Meier estimate of the share who have ordered again by a day."""
    followed, returned = few.followed_days >= day, few.returned.astype(bool)
    in_time = returned & (few.days <= day)

    def by(last: int) -> float:
        """One minus the product of the shares that keep waiting, on each day until the last."""
        days = sorted(few.days[returned & (few.days <= last)].unique())
        return 1 - math.prod(1 - ratio((few.days[returned] == d).sum(), (few.days >= d).sum()) for d in days)

    return by(day), {
        "waiting": 1 - by(day),
        "no_return": ratio(in_time.sum(), len(few)),
        "left_out": ratio((followed & in_time).sum(), followed.sum()),
        "day_before": by(day - 1),
        "sum": sum(ratio((few.days[in_time] == d).sum(), (few.days >= d).sum()) for d in few.days[in_time].unique()),
    }


@practice.number(within=RATE, share=True)
def survival(*, alpha: float = 0.668, beta: float = 3.806, renewals: int = 12) -> Any:
    """The share of contracts left after so many renewals under the sBG model (Fader & Hardie 2007)."""

    def left(count: int) -> float:
        return math.prod((beta + t - 1) / (alpha + beta + t - 1) for t in range(1, count + 1))

    right = left(renewals)
    return right, {
        "one_renewal": (beta + renewals - 1) / (alpha + beta + renewals - 1),
        "constant": (beta / (alpha + beta)) ** renewals,
        "one_too_few": left(renewals - 1),
        "one_too_many": left(renewals + 1),
        "gone": 1 - right,
    }


@practice.number(digits=3)
def one_point(worth: Any, each: Any, *, margin: float) -> Any:
    """What one percentage point more of second orders would be worth in a year."""
    row = worth.iloc[0]
    point = float(row.new_customers_a_year) / 100
    if not point * float(row.value) > 0:
        return None
    return point * float(row.value), {
        "everyone": 100 * point * float(row.value),
        "revenue": ratio(point * float(row.value), margin) if margin < 1 else None,
        "whole_year": point * float(row.with_a_year),
        "all_customers": len(each) / 100 * float(row.value),
        "second_orders": float(row.second_orders) / 100 * float(row.value),
        "one_order": float(row.value),
    }
