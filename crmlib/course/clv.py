"""Checks of the exercises on customer lifetime value."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

from crmlib.course.checks import NOT_ATTEMPTED, Answer, compare_choice, compare_number
from crmlib.lifecycle import clv

CALLING_RULES = ("lowest_p_alive", "highest_p_alive", "highest_value_at_risk")


# Three digits are enough, of the answer and of the parameters that it is computed from.
RELATIVE = 1e-3
# A probability computed from rounded parameters and rounded itself, and a difference of weeks shown with two decimals.
OF_A_PROBABILITY, OF_WEEKS = 1e-3, 0.011


def _judged(
    answer: Any, expected: float, mistakes: Sequence[tuple[float, str]], *, hint: str, absolute: float = 0.0
) -> Answer:
    """Right if near enough to ``expected``; a typical mistake gets its message, unless it cannot be told from right.

    Whatever is hit exactly comes first, so that a mistake which happens to lie near the right value is still named.
    """

    def is_near(value: float, relative: float, distance: float) -> bool:
        try:
            return math.isclose(float(answer), value, rel_tol=relative, abs_tol=distance)
        except (TypeError, ValueError, OverflowError):
            return False

    for relative, distance in ((1e-6, 1e-12), (RELATIVE, absolute)):
        if is_near(expected, relative, distance):
            return Answer("right")
        for value, message in mistakes:
            if is_near(value, relative, distance):
                return Answer("not yet", message)
    return compare_number(answer, expected, hint=hint, tolerance=RELATIVE)


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
    mistakes = [
        (recency, "This is recency, from the first to the last order; silence is what has passed since: T − recency."),
        (age, "This is T, the time since the first order: take off the recency."),
    ]
    return _judged(answer, age - recency, mistakes, hint="Silence is T − recency, in weeks.", absolute=OF_WEEKS)


def check_chance_to_leave(answer: Any, summary: Any) -> Answer:
    """The average chance of leaving after an order, a/(a + b), of the BG/NBD fitted to ``summary``."""
    fitted = clv.fit_models(summary)
    if fitted.orders_model is None:
        return _no_models(fitted.message)
    a, b = fitted.orders_model.a, fitted.orders_model.b
    mistakes = [
        (b / (a + b), "This is the average chance to stay, b/(a + b); asked for is the chance to leave."),
        (a / b, "a/b are the odds of leaving. The mean of a beta distribution is a/(a + b)."),
    ]
    hint = "The mean of a beta distribution with a and b is a/(a + b)."
    return _judged(answer, a / (a + b), mistakes, hint=hint, absolute=OF_A_PROBABILITY)


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

    mistakes = [
        (1 - expected, "This is the probability of being gone: take it from one."),
        (formula(x + 1, recency), "x counts repeat orders only: do not count the first order."),
        (formula(x, age - recency), "t_x is recency, from the first to the last order, not the silence since."),
        (1 / expected - 1, "These are the odds of being gone; P(alive) is 1 / (1 + odds)."),
    ]
    hint = "odds = a/(b + x − 1) · ((α + T)/(α + t_x))^(r + x), and P(alive) = 1/(1 + odds)."
    return _judged(answer, expected, mistakes, hint=hint, absolute=OF_A_PROBABILITY)


def check_belief(answer: Any, summary: Any, *, repeats: int) -> Answer:
    """How far one believes a customer's own mean spend after ``repeats`` repeat orders: p·x/(p·x + q − 1)."""
    fitted = clv.fit_models(summary)
    if not fitted.complete or fitted.spend_model is None:
        return _no_models(fitted.message)
    p, q = fitted.spend_model.p, fitted.spend_model.q
    weight = p * repeats / (p * repeats + q - 1)
    mistakes = [
        (1 - weight, "This is the weight of the average customer; the customer's own mean has the rest."),
        (p * repeats / (p * repeats + q), "Nearly: mind the − 1 in the denominator."),
    ]
    return _judged(answer, weight, mistakes, hint="The weight is p·x / (p·x + q − 1).", absolute=OF_A_PROBABILITY)


def check_sleeping_value(answer: Any, values: Any, *, weeks: float) -> Answer:
    """The value at risk of all customers who have been silent for more than ``weeks``; ``values``: customer_values."""
    if values is None:
        return NOT_ATTEMPTED
    silent = values[values["silence_weeks"] > weeks]
    mistakes = [
        (
            float(values["value_at_risk"].sum()),
            "This is the value at risk of all customers: keep those silent for long enough only.",
        ),
        (
            float(silent["clv"].sum()),
            "This is what they are expected to bring; asked for is their value at risk.",
        ),
        (
            float(silent["value_if_alive"].sum()),
            "This is their value if surely still there: take off what is expected anyway.",
        ),
    ]
    hint = "Filter by silence_weeks, then add up value_at_risk."
    return _judged(answer, float(silent["value_at_risk"].sum()), mistakes, hint=hint)


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
    missed = (actual - expected) / expected
    mistakes = [
        (-missed, "The sign is turned: positive should mean that more orders came than expected."),
        *([((actual - expected) / actual, "Divide by what was expected, not by what came.")] if actual else []),
        (actual - expected, "This is the difference in orders; divide it by the expected orders."),
    ]
    hint = "(actual − expected) / expected, over all rows."
    return _judged(answer, missed, mistakes, hint=hint, absolute=OF_A_PROBABILITY)


def check_calling_rule(answer: Any, values: Any, *, calls: int) -> Answer:
    """Which rule for choosing ``calls`` customers reaches the most value at risk; ``values``: customer_values.

    The rule may be written with spaces: "highest value at risk", "lowest P(alive)".
    """
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
    if isinstance(answer, str):
        answer = "_".join(answer.lower().replace("_", " ").replace("(", " ").replace(")", " ").split())
    if answer == "highest_p_alive":
        hint = "Those with the highest P(alive) bought once or came yesterday: little of their value is at risk."
    return compare_choice(answer, best, options=CALLING_RULES, hint=hint)
