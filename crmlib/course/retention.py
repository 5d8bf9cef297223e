"""Checks of chapter 05's exercises: each recomputes the answer from the data at hand and knows the usual mistakes."""

from __future__ import annotations

import math
from typing import Any

from crmlib.course.checks import NOT_ATTEMPTED, Answer, compare_number

# A rate rounded to three digits is right: absolute. Money, however large, to a thousandth: relative.
_RATE, _MONEY = 5.0e-4, 1e-3


def check_pooled_retention(answer: Any, orders: Any, *, as_of: Any, age: int = 3) -> Answer:
    """Judge the share of customers who bought at ``age`` months, over all cohorts that have come that far.

    >>> check_pooled_retention(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if answer is None or answer is Ellipsis:
        return NOT_ATTEMPTED
    from crmlib.engine import to_pandas
    from crmlib.lifecycle import retention

    cohorts = to_pandas(retention.cohorts(orders, as_of=as_of))
    at = cohorts[cohorts.age == age]
    customers, base = at.customers.sum(), at.cohort_customers.sum()
    everybody = cohorts[cohorts.age == 0].cohort_customers.sum()
    return _judge(
        answer,
        _ratio(customers, base),
        hint=f"Take the rows of age {age}; divide the sum of their customers by the sum of their cohort_customers.",
        mistakes={
            f"This counts cohorts that have not come to age {age} as if nobody had bought. Leave them out: they are "
            "not observed.": _ratio(customers, everybody),
            "This is the mean of the cohorts' percentages, so that a small cohort weighs as much as a large one. "
            "Divide sums instead.": float(at.retention.mean()) if len(at) else math.nan,
            f"This is the share at age {age - 1}. Age 0 is the period of the first purchase.": _pooled(
                cohorts[cohorts.age == age - 1]
            ),
            "This divides orders by customers. Count each customer once.": _ratio(at.orders.sum(), base),
        },
    )


def check_repeat_rate(answer: Any, orders: Any, *, as_of: Any, within: int = 60) -> Answer:
    """Judge the share of new customers who ordered again ``within`` days, of those followed for that long.

    >>> check_repeat_rate(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if answer is None or answer is Ellipsis:
        return NOT_ATTEMPTED
    each = _returns(orders, as_of)
    followed = each.followed_days >= within
    in_time = each.returned & (each.days <= within)
    return _judge(
        answer,
        _ratio((followed & in_time).sum(), followed.sum()),
        hint=f"Base: customers with followed_days of at least {within}; of these, count who returned in time.",
        mistakes={
            f"Your base holds customers who have not been followed for {within} days. They are neither a success nor a "
            "failure yet.": _ratio(in_time.sum(), len(each)),
            f"This counts second orders after more than {within} days too, so that old customers had more time than "
            "new ones.": _ratio((followed & each.returned).sum(), followed.sum()),
            "This is the share of all customers who have ordered again so far: the time to do so differs between "
            "them.": _ratio(each.returned.sum(), len(each)),
            f"Your base leaves out those who did not return: this is the share of returners who needed at most "
            f"{within} days.": _ratio((followed & in_time).sum(), (followed & each.returned).sum()),
            "This is the share who did not return. Take the others.": 1
            - _ratio((followed & in_time).sum(), followed.sum()),
        },
    )


def check_returned_by(answer: Any, orders: Any, *, as_of: Any, day: int = 30) -> Answer:
    """Judge the Kaplan–Meier estimate of the share who have ordered again by ``day``, from all customers.

    >>> check_returned_by(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if answer is None or answer is Ellipsis:
        return NOT_ATTEMPTED
    from crmlib.lifecycle import retention

    each = _returns(orders, as_of)
    curve = retention.return_curves(each, by=None, least_at_risk=1)
    expected = float(curve[curve.day <= day].share.iloc[-1]) if len(each) else math.nan
    followed = each.followed_days >= day
    quick = each.returned & (each.days <= day)
    before = curve[curve.day < day].share
    return _judge(
        answer,
        expected,
        hint="For each day up to that day: returned on it, divided by those at risk; subtract from 1, multiply, and "
        "subtract the product from 1.",
        mistakes={
            "This is the share still waiting. The share returned is 1 minus it.": 1 - expected,
            "This counts customers who have been followed for a shorter time as if they would not return. They leave "
            "the base when their follow-up ends.": _ratio(quick.sum(), len(each)),
            "This leaves out everybody with a shorter follow-up, a fair estimate too; but Kaplan and Meier also use "
            "what is known of them.": _ratio((followed & quick).sum(), followed.sum()),
            f"Day {day} itself belongs to it.": float(before.iloc[-1]) if len(before) else math.nan,
        },
    )


def check_survival(answer: Any, *, alpha: float, beta: float, renewals: int) -> Answer:
    """Judge the share of contracts left after so many renewals under the sBG model with these parameters.

    >>> check_survival(0.25, alpha=1.0, beta=1.0, renewals=3).verdict
    'right'
    >>> check_survival(0.75, alpha=1.0, beta=1.0, renewals=3).message
    'This is the share renewed at renewal 3 of those who came to it. Survival is the product of all shares up to it.'
    """
    if answer is None or answer is Ellipsis:
        return NOT_ATTEMPTED
    from crmlib.models.shifted_beta_geometric import ShiftedBetaGeometric

    model = ShiftedBetaGeometric(alpha=alpha, beta=beta)
    return _judge(
        answer,
        model.survival(renewals).item(),
        hint="The share renewed at renewal t is (β + t − 1) / (α + β + t − 1); multiply these for t = 1, 2, ….",
        mistakes={
            f"This is the share renewed at renewal {renewals} of those who came to it. Survival is the product of all "
            "shares up to it.": model.retention(renewals).item(),
            "This takes contracts to be alike, so that the same share leaves at each renewal. Those who leave easily "
            "leave first: the share renewed rises with t.": model.retention(1).item() ** renewals,
            "One renewal too few.": model.survival(renewals - 1).item(),
            "One renewal too many.": model.survival(renewals + 1).item(),
            "This is the share that has left. Take the others.": 1 - model.survival(renewals).item(),
        },
    )


def check_one_point(answer: Any, orders: Any, *, as_of: Any, within: int = 90, margin: float = 1.0) -> Answer:
    """Judge what one percentage point more second orders would be worth in a year, in contribution.

    >>> check_one_point(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if answer is None or answer is Ellipsis:
        return NOT_ATTEMPTED
    from crmlib.lifecycle import retention

    worth = retention.value_of_second_orders(orders, as_of=as_of, within=within, margin=margin)
    if worth is None or not worth.one_point.item() > 0:
        return Answer("not attempted", "These data hold too few second orders, or no new customers in the last year.")
    row = worth.iloc[0]
    each = _returns(orders, as_of)
    quick = each[each.returned & (each.days <= within)]
    point = float(row.new_customers_a_year) * 0.01
    return _judge(
        answer,
        float(row.one_point),
        hint="A hundredth of a year's new customers, times the value of one second order.",
        mistakes={
            "This is the worth of a second order by every new customer: a percentage point is a hundredth of them.": 100
            * float(row.one_point),
            "This is revenue. Take what is left of it after the cost of the goods: the column value.": point
            * float(quick.second_spend.mean()),
            "This lets the additional customers spend like those who returned by themselves for a whole year: an upper "
            "bound. Take the second order alone.": point * float(row.with_a_year),
            "This takes all customers there ever were. Take the new ones of a year.": len(each)
            * 0.01
            * float(row.value),
            "This is the worth of one second order. How many would a percentage point be in a year?": float(row.value),
        },
        money=True,
    )


def _returns(orders: Any, as_of: Any) -> Any:
    from crmlib.engine import to_pandas
    from crmlib.lifecycle import retention

    return to_pandas(retention.second_orders(orders, as_of=as_of, by="amount"))


def _ratio(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else math.nan


def _pooled(rows: Any) -> float:
    return _ratio(rows.customers.sum(), rows.cohort_customers.sum())


def _judge(answer: Any, expected: float, *, hint: str, mistakes: dict[str, float], money: bool = False) -> Answer:
    """Compare with the expected value, and name the mistake that leads to just this number.

    A typical mistake comes before a rounded right answer: it may lie as near. The rounded value itself is right.
    """
    if math.isnan(expected):
        return Answer("not attempted", "These data are too short for this exercise.")
    try:
        verdict = compare_number(answer, expected, hint=hint)
        if verdict.verdict != "not yet":
            return verdict
        value = float(answer)
    except Exception:
        return Answer("not yet", hint)
    unit = max(abs(expected) * _MONEY, 0.005) if money else _RATE
    rounded = abs(value - (round(expected, 2) if money else round(expected, 3))) < 1e-9
    near = {message: abs(value - wrong) for message, wrong in mistakes.items() if not math.isnan(wrong)}
    for message, distance in near.items():
        if distance <= 1e-9 * max(1.0, abs(value)) and not rounded:
            return Answer("not yet", message)
    if abs(value - expected) <= unit + 1e-9:
        return Answer("right")
    for message, distance in near.items():
        if distance <= unit + 1e-9:
            return Answer("not yet", message)
    if not money and abs(value / 100 - expected) <= unit + 1e-9 and value > 1:
        return Answer("not yet", "This is 100 times the expected value: rates here are between 0 and 1.")
    return verdict
