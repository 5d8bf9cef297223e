"""Checks of the exercises on customer lifetime value."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from crmlib import models
from crmlib.course.checks import NOT_ATTEMPTED, Answer, compare_choice, compare_number
from crmlib.lifecycle import clv

CALLING_RULES = ("lowest_p_alive", "highest_p_alive", "highest_value_at_risk")


# Three digits are enough, of the answer and of the parameters that it is computed from.
RELATIVE = 1e-3
# A probability computed from rounded parameters and rounded itself, and a difference of weeks shown with two decimals.
OF_A_PROBABILITY, OF_WEEKS = 1e-3, 0.011
# Intervals come from simulated futures: another seed moves the share of customers within them by about this much.
OF_FUTURES = 4e-3

NO_HOLDOUT = Answer("not attempted", "These data are too short to hold a time out.")
NO_CONTRACTS = Answer("not attempted", "This client has no contracts.")


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


def check_p_alive_one_time(answer: Any, summary: Any, *, customer_id: str | None) -> Answer:
    """P(alive) of a customer who bought once, under the MBG/NBD fitted to ``summary``.

    ``customer_id``: None where nobody bought once; then there is nothing to judge.
    """
    fitted = clv.fit_models(summary, orders_model=models.ModifiedBetaGeoNBD)
    if fitted.orders_model is None:
        return _no_models(fitted.message)
    row = summary[(summary["customer_id"] == customer_id) & (summary["frequency"] == 0)]
    if row.empty:
        return Answer("not attempted", "No customer who bought once is given.")
    model, age = fitted.orders_model, float(row["T"].iloc[0])
    expected = float(model.p_alive(0.0, 0.0, age))

    def formula(of: Any, occasions: float) -> float:
        odds = of.a / occasions * ((of.alpha + age) / of.alpha) ** of.r
        return float(1 / (1 + odds))

    grown = ((model.alpha + age) / model.alpha) ** model.r
    mistakes = [
        (1.0, "So says BG/NBD of everybody who bought once, by construction. Asked for is the MBG/NBD's."),
        (1 - expected, "This is the probability of being gone: take it from one."),
        (1 / expected - 1, "These are the odds of being gone; P(alive) is 1 / (1 + odds)."),
        (1 / (1 + model.a / model.b / grown), "The ratio is upside down: (α + T) / α, so that it grows with silence."),
        (
            model.b / (model.a + model.b),
            "This is the chance to stay after the first order. The silence since speaks, too: ((α + T)/α)^r.",
        ),
    ]
    if model.b > 1:
        mistakes.append((formula(model, model.b - 1), "b + x − 1 is BG/NBD's. Under MBG/NBD it is b + x, so b here."))
    other = clv.fit_models(summary).orders_model
    if other is not None:
        mistakes.append((formula(other, other.b), "These are BG/NBD's parameters; take those of the MBG/NBD."))
    hint = "odds = a/b · ((α + T)/α)^r, and P(alive) = 1/(1 + odds), with the parameters of the MBG/NBD."
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
        return NO_HOLDOUT
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


def check_best_fifth(answer: Any, past: Any) -> Answer:
    """The share of the holdout's orders placed by the fifth of customers of whom the BG/NBD expected most.

    ``past``: a summary (pandas) with a holdout, or None. Of customers of whom equally much was expected any may be
    taken, and a fifth that is no whole number may be rounded up or down.

    >>> check_best_fifth(0.5, None).message
    'These data are too short to hold a time out.'
    """
    if past is None:
        return NO_HOLDOUT
    fitted = clv.fit_models(past)
    if fitted.orders_model is None:
        return _no_models(fitted.message)
    came = past["holdout_orders"].to_numpy(dtype=float)
    if came.sum() == 0:
        return Answer("not attempted", "Nobody ordered in the time held out: there is no share to compute.")
    columns = ("holdout_length", "frequency", "recency", "T")
    expected = fitted.orders_model.expected_orders(*(past[name].to_numpy(dtype=float) for name in columns))
    least, most = _captured_by_fifth(came, expected)
    right = _nearest(answer, least, most)
    fifth = max(len(came) // 5, 1)
    mistakes = [
        (
            float(np.sort(expected)[::-1][:fifth].sum() / expected.sum()),
            "This is the share of the orders expected; asked for is that of the orders that came (holdout_orders).",
        ),
        (
            float(np.sort(came)[::-1][:fifth].sum() / came.sum()),
            "This is the fifth who ordered most. Nobody knew them then: take the fifth of whom most was expected.",
        ),
        (
            _nearest(answer, *_captured_by_fifth(came, -expected)),
            "This is the fifth of whom least was expected: sort the other way.",
        ),
        (right * 5, "This is the lift, against customers taken at random; asked for is the share of orders."),
        (
            float(came[expected >= np.sort(expected)[-fifth]].mean()),
            "These are their orders per customer; asked for is their share of all orders.",
        ),
    ]
    hint = "Take the fifth with the most expected orders; divide their holdout_orders by those of all."
    return _judged(answer, right, mistakes, hint=hint, absolute=OF_A_PROBABILITY)


def _captured_by_fifth(came: Any, score: Any) -> tuple[float, float]:
    """The least and the most of all orders that the fifth with the highest score may have placed, by who is taken.

    >>> _captured_by_fifth(np.array([3.0, 1, 0, 0, 0]), np.array([9.0, 9, 1, 1, 1]))
    (0.25, 0.75)
    """
    shares = []
    for count in {max(math.floor(len(came) / 5), 1), math.ceil(len(came) / 5)}:
        last = np.sort(score)[-count]
        tied = np.isclose(score, last, rtol=1e-9, atol=0)
        surely = (score > last) & ~tied
        among, places = np.sort(came[tied]), count - int(surely.sum())
        shares += [came[surely].sum() + some.sum() for some in (among[:places], among[len(among) - places :])]
    return float(min(shares) / came.sum()), float(max(shares) / came.sum())


def _nearest(answer: Any, least: float, most: float) -> float:
    """Of all right values the one nearest to the answer; the middle for what is no number."""
    try:
        value = float(answer)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    return (least + most) / 2 if math.isnan(value) else min(max(value, least), most)


def check_inside(answer: Any, past: Any) -> Answer:
    """The share of customers whose holdout orders lay within the 95 % interval that was predicted for them.

    ``past``: a summary (pandas, in weeks) with a holdout, or None. BG/NBD and gamma-gamma are fitted to it.
    """
    if past is None:
        return NO_HOLDOUT
    fitted = clv.fit_models(past)
    if not fitted.complete:
        return _no_models(fitted.message)
    weeks = float(past["holdout_length"].max())
    forecast = clv.predict(past, f"{round(weeks * 7)}D", **fitted.models)
    came = past["holdout_orders"].to_numpy(dtype=float)
    low, high = (forecast[f"expected_orders_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    inside = (came >= low) & (came <= high)
    near = np.abs(came - forecast["expected_orders"].to_numpy(dtype=float))
    mistakes = [
        (float((~inside).mean()), "This is the share outside; take it from one."),
        (
            float(((came > low) & (came < high)).mean()),
            "The ends belong to an interval: who was to place 0 to 2 orders and placed none is inside. Use >= and <=.",
        ),
        (float((came < high).mean()), "The upper end belongs to an interval: use <=, and check the lower end, too."),
        (float(inside.sum()), "This is how many customers; divide by all of them."),
        (float((near <= 0.5).mean()), "This is how often the expected number came. Compare with the two ends."),
    ]
    hint = "Compare holdout_orders with expected_orders_low and expected_orders_high, row by row; take the mean."
    return _judged(answer, float(inside.mean()), mistakes, hint=hint, absolute=OF_FUTURES)


def check_two_years(
    answer: Any, summary: Any, *, as_of: dt.date | str, margin: float = 1.0, discount_rate: float = 0.0
) -> Answer:
    """How many times as much all customers are worth over 24 calendar months as over 12, as of ``as_of``.

    ``summary``: pandas, in weeks; BG/NBD and gamma-gamma are fitted to it.
    """
    fitted = clv.fit_models(summary)
    if not fitted.complete:
        return _no_models(fitted.message)
    options = {"margin": margin, "discount_rate": discount_rate, "as_of": as_of, "confidence": None}
    predicted = {
        horizon: clv.predict(summary, horizon, **fitted.models, **options) for horizon in ("12M", "24M", "24W", "24D")
    }
    worth = {horizon: float(table["clv"].sum()) for horizon, table in predicted.items()}
    if not worth["12M"] > 0:
        return Answer("not attempted", "These customers are worth nothing: there is nothing to divide by.")
    ratio = worth["24M"] / worth["12M"]
    orders = [float(predicted[horizon]["expected_orders"].sum()) for horizon in ("24M", "12M")]
    weeks_or_days = 'W stands for weeks and D for days: 24 months are "24M".'
    mistakes = [
        (2.0, "Not twice: some will have left by then, and later money counts for less. Predict both horizons."),
        (1 / ratio, "Turned round: divide the longer horizon's sum by the shorter one's."),
        (ratio - 1, "This is what the second year adds; asked for is both years against the first."),
        (worth["24M"] - worth["12M"], "This is a difference in money; divide the two sums."),
        (worth["24W"] / worth["12M"], weeks_or_days),
        (worth["24D"] / worth["12M"], weeks_or_days),
        (orders[0] / orders[1], "This compares orders; value is discounted. Add up clv."),
    ]
    if "residual_clv" in predicted["12M"]:
        residual = float(predicted["12M"]["residual_clv"].sum())
        mistakes.append((residual / worth["12M"], "residual_clv has no end; predict clv for 24 months."))
    hint = 'Predict with horizon "24M" and "12M" (both need as_of), add up clv, and divide.'
    return _judged(answer, ratio, mistakes, hint=hint)


def check_renewal(answer: Any, ages: Any, *, renewal: int) -> Answer:
    """The share of those who come to this ``renewal`` that the sBG expects to renew, (β + t − 1)/(α + β + t − 1).

    ``ages``: from :func:`~crmlib.lifecycle.retention.renewal_ages` (pandas), or None where there are no contracts.

    >>> check_renewal(0.9, None, renewal=6).message
    'This client has no contracts.'
    """
    if ages is None or len(ages) == 0:
        return NO_CONTRACTS
    try:
        model = models.ShiftedBetaGeometric.fit(ages)
    except (models.FitDidNotConverge, models.CustomerBaseInvalid) as problem:
        return _no_models(str(problem))
    alpha, beta = model.alpha, model.beta
    expected = float(model.retention(renewal))
    mistakes = [
        (1 - expected, "This is the share that ends there; take it from one."),
        (
            (beta + renewal) / (alpha + beta + renewal),
            "This is one renewal later: before renewal t there were t − 1 others.",
        ),
        (beta / (alpha + beta), "So many renew the first time. Later it is more, because the disloyal leave first."),
        (float(model.survival(renewal)), "This is the share of all that is left, S(t), not of those who came to it."),
    ]
    seen = ages[ages["age"] == renewal]
    if len(seen) and float(seen["at_risk"].iloc[0]) > 0:
        observed = 1 - float(seen["lost"].iloc[0]) / float(seen["at_risk"].iloc[0])
        mistakes.append((observed, "This is what was observed; asked for is what the model says."))
    hint = "(β + t − 1) / (α + β + t − 1), where t is the renewal."
    return _judged(answer, expected, mistakes, hint=hint, absolute=OF_A_PROBABILITY)


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
