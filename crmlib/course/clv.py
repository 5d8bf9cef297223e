"""Checks of the exercises on customer lifetime value."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from crmlib.course.checks import NOT_ATTEMPTED, Answer, compare_choice, compare_number
from crmlib.lifecycle import clv

CALLING_RULES = ("lowest_p_alive", "highest_p_alive", "highest_value_at_risk")


def _is(answer: Any, value: float) -> bool:
    try:
        return math.isclose(float(answer), value, rel_tol=1e-6)
    except (TypeError, ValueError, OverflowError):
        return False


def _no_models(message: str) -> Answer:
    return Answer("not attempted", message)


def check_silence(answer: Any, summary: Any, *, customer_id: str) -> Answer:
    """How many weeks this customer has been silent, from ``summary`` (pandas, in weeks).

    >>> import pandas as pd
    >>> one = pd.DataFrame({"customer_id": ["a"], "frequency": [1], "recency": [4.0], "T": [10.0]})
    >>> check_silence(4.0, one, customer_id="a").message
    'This is recency, from the first to the last order; silence is what has passed since: T − recency.'
    """
    row = summary[summary["customer_id"] == customer_id]
    if row.empty:
        return NOT_ATTEMPTED
    age, recency = float(row["T"].iloc[0]), float(row["recency"].iloc[0])
    if _is(answer, recency) and not _is(answer, age - recency):
        return Answer(
            "not yet",
            "This is recency, from the first to the last order; silence is what has passed since: T − recency.",
        )
    if _is(answer, age) and recency:
        return Answer("not yet", "This is T, the time since the first order: take off the recency.")
    return compare_number(answer, age - recency, hint="Silence is T − recency, in weeks.")


def check_chance_to_leave(answer: Any, summary: Any) -> Answer:
    """The average chance of leaving after an order, a/(a + b), of the BG/NBD fitted to ``summary``."""
    fitted = clv.fit_models(summary)
    if fitted.orders_model is None:
        return _no_models(fitted.message)
    a, b = fitted.orders_model.a, fitted.orders_model.b
    if _is(answer, b / (a + b)):
        return Answer("not yet", "This is the average chance to stay, b/(a + b); asked for is the chance to leave.")
    if _is(answer, a / b):
        return Answer("not yet", "a/b are the odds of leaving. The mean of a beta distribution is a/(a + b).")
    return compare_number(answer, a / (a + b), hint="The mean of a beta distribution with a and b is a/(a + b).")


def check_p_alive(answer: Any, summary: Any, *, customer_id: str) -> Answer:
    """P(alive) of a customer who came back, under the BG/NBD fitted to ``summary``."""
    fitted, row = clv.fit_models(summary), summary[summary["customer_id"] == customer_id]
    if fitted.orders_model is None:
        return _no_models(fitted.message)
    if row.empty:
        return NOT_ATTEMPTED
    model = fitted.orders_model
    x, recency, age = (float(row[name].iloc[0]) for name in ("frequency", "recency", "T"))
    expected = float(model.p_alive(x, recency, age))

    def formula(repeats: float, until: float) -> float:
        odds = model.a / (model.b + repeats - 1) * ((model.alpha + age) / (model.alpha + until)) ** (model.r + repeats)
        return 1 / (1 + odds)

    if _is(answer, 1 - expected):
        return Answer("not yet", "This is the probability of being gone: take it from one.")
    if _is(answer, formula(x + 1, recency)):
        return Answer("not yet", "x counts repeat orders only: do not count the first order.")
    if not _is(expected, formula(x, age - recency)) and _is(answer, formula(x, age - recency)):
        return Answer("not yet", "t_x is recency, from the first to the last order, not the silence since.")
    if _is(answer, 1 / expected - 1):
        return Answer("not yet", "These are the odds of being gone; P(alive) is 1 / (1 + odds).")
    return compare_number(
        answer, expected, hint="odds = a/(b + x − 1) · ((α + T)/(α + t_x))^(r + x), and P(alive) = 1/(1 + odds)."
    )


def check_belief(answer: Any, summary: Any, *, repeats: int) -> Answer:
    """How far one believes a customer's own mean spend after ``repeats`` repeat orders: p·x/(p·x + q − 1)."""
    fitted = clv.fit_models(summary)
    if not fitted.complete or fitted.spend_model is None:
        return _no_models(fitted.message)
    p, q = fitted.spend_model.p, fitted.spend_model.q
    weight = p * repeats / (p * repeats + q - 1)
    if _is(answer, 1 - weight):
        return Answer("not yet", "This is the weight of the average customer; the customer's own mean has the rest.")
    if _is(answer, p * repeats / (p * repeats + q)):
        return Answer("not yet", "Nearly: mind the − 1 in the denominator.")
    return compare_number(answer, weight, hint="The weight is p·x / (p·x + q − 1).")


def check_sleeping_value(answer: Any, values: Any, *, weeks: float) -> Answer:
    """The value at risk of all customers who have been silent for more than ``weeks``; ``values``: customer_values."""
    if values is None:
        return NOT_ATTEMPTED
    silent = values[values["silence_weeks"] > weeks]
    expected, total = float(silent["value_at_risk"].sum()), float(values["value_at_risk"].sum())
    if _is(answer, total) and not _is(total, expected):
        return Answer("not yet", "This is the value at risk of all customers: keep those silent for long enough only.")
    if _is(answer, float(silent["clv"].sum())):
        return Answer("not yet", "This is what they are expected to bring; asked for is their value at risk.")
    if _is(answer, float(silent["value_if_alive"].sum())):
        return Answer("not yet", "This is their value if surely still there: take off what is expected anyway.")
    return compare_number(answer, expected, hint="Filter by silence_weeks, then add up value_at_risk.")


def check_miss(answer: Any, orders: Any, *, as_of: dt.date | str, calibration_end: dt.date | str | None) -> Answer:
    """By how much the orders of the holdout differed from the forecast, (actual − expected) / expected."""
    if calibration_end is None:
        return NOT_ATTEMPTED
    from crmlib.engine import to_pandas

    past = to_pandas(clv.summary(orders, as_of=as_of, calibration_end=calibration_end))
    fitted = clv.fit_models(past)
    if fitted.orders_model is None:
        return _no_models(fitted.message)
    total = clv.holdout_total(past, fitted.orders_model).iloc[0]
    actual, expected = float(total["actual_orders"]), float(total["expected_orders"])
    if _is(answer, (expected - actual) / expected):
        return Answer("not yet", "The sign is turned: positive should mean that more orders came than expected.")
    if actual and _is(answer, (actual - expected) / actual):
        return Answer("not yet", "Divide by what was expected, not by what came.")
    if _is(answer, actual - expected):
        return Answer("not yet", "This is the difference in orders; divide it by the expected orders.")
    return compare_number(answer, (actual - expected) / expected, hint="(actual − expected) / expected, over all rows.")


def check_calling_rule(answer: Any, values: Any, *, calls: int) -> Answer:
    """Which rule for choosing ``calls`` customers reaches the most value at risk; ``values``: customer_values."""
    if values is None:
        return NOT_ATTEMPTED
    reached = {
        "lowest_p_alive": values.sort_values("p_alive", kind="stable"),
        "highest_p_alive": values.sort_values("p_alive", ascending=False, kind="stable"),
        "highest_value_at_risk": values.sort_values("value_at_risk", ascending=False, kind="stable"),
    }
    sums = {name: float(table.head(calls)["value_at_risk"].sum()) for name, table in reached.items()}
    best = max(CALLING_RULES[::-1], key=lambda name: sums[name])
    hint = "Sort by each rule, take the first customers, and add up their value_at_risk."
    if str(answer) == "highest_p_alive":
        hint = "Those with the highest P(alive) bought once or came yesterday: little of their value is at risk."
    return compare_choice(answer, best, options=CALLING_RULES, hint=hint)
