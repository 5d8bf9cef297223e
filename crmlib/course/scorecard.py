"""Checks of chapter 13's exercises: each recomputes the answer from the data at hand and knows the usual mistakes."""

from __future__ import annotations

import math
from typing import Any

from crmlib.course.checks import NOT_ATTEMPTED, Answer, compare_choice, compare_number

# A rounded answer is welcome, as long as four digits are right.
_TOLERANCE = 1e-4
# Rates may be rounded to three digits.
_RATE_TOLERANCE = 5e-4
_TOO_SHORT = Answer("not attempted", "These data are too short for this exercise.")


def check_order_value(answer: Any, orders: Any, *, as_of: Any, period: str = "month") -> Answer:
    """Judge the average order value of the last whole period.

    >>> check_order_value(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    measures = _measures(orders, as_of, period)
    if measures.empty:
        return _TOO_SHORT
    last = measures.iloc[-1]
    return _judge(
        answer,
        _ratio(last["revenue"], last["orders"]),
        hint="Take the last row of measures and divide its revenue by its orders.",
        mistakes={
            "This is revenue per buyer: someone who bought twice counts once. Divide by orders.": _ratio(
                last["revenue"], last["buyers"]
            ),
            "This leaves out what guests paid, but counts their orders.": _ratio(
                last["revenue"] - last["guest_revenue"], last["orders"]
            ),
            "This is orders divided by revenue: turn it over.": _ratio(last["orders"], last["revenue"]),
            "This is the value over all periods. Only the last one is asked for.": _ratio(
                measures["revenue"].sum(), measures["orders"].sum()
            ),
        },
    )


def check_churn_of_the_year(
    answer: Any, orders: Any, *, as_of: Any, period: str = "month", periods: int = 12
) -> Answer:
    """Judge the churn rate over the last ``periods``, as a ratio of sums.

    >>> check_churn_of_the_year(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    known = _measures(orders, as_of, period)[["active_at_start", "lapsed"]].dropna()
    year = known.tail(periods)
    if len(year) < periods:
        return _TOO_SHORT
    sums = year.sum()
    rates = year["lapsed"] / year["active_at_start"]
    return _judge(
        answer,
        _ratio(sums["lapsed"], sums["active_at_start"]),
        hint=f"Sum lapsed and active_at_start over the last {periods} rows, then divide.",
        mistakes={
            "This is the mean of the rates, so that a period with few customers weighs as much as one with many. Sum "
            "first, then divide.": float(rates.mean()),
            "This takes all periods there are. Only the last ones are asked for.": _ratio(
                known["lapsed"].sum(), known["active_at_start"].sum()
            ),
            "This divides by the customers active at the first start only: those who came later can lapse too.": _ratio(
                sums["lapsed"], year["active_at_start"].iloc[0]
            ),
            "This is retention. Churn is the share that lapsed.": 1 - _ratio(sums["lapsed"], sums["active_at_start"]),
        },
        rounded=_RATE_TOLERANCE,
    )


def check_upper_limit(answer: Any, orders: Any, *, as_of: Any, period: str = "month") -> Answer:
    """Judge the upper natural process limit of the average order value, from all values but the last.

    >>> check_upper_limit(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    measures = _measures(orders, as_of, period)
    values = (measures["revenue"] / measures["orders"]).dropna()
    if len(values) < 4:
        return _TOO_SHORT
    history = values.iloc[:-1]
    mean, change = history.mean(), history.diff().abs().mean()
    return _judge(
        answer,
        mean + 2.66 * change,
        hint="The mean of history plus 2.66 times the mean of the absolute changes from one value to the next.",
        mistakes={
            "This is the lower limit.": mean - 2.66 * change,
            "This takes three standard deviations. Trends and steps widen these, and then hide themselves; the "
            "changes "
            "from one value to the next do not know of them.": mean + 3 * history.std(),
            "This takes 2.66 standard deviations. The factor 2.66 belongs to the mean absolute change.": mean
            + 2.66 * history.std(),
            "The value that is judged must not take part in its own limits: leave the last one out.": values.mean()
            + 2.66 * values.diff().abs().mean(),
            "Changes up and down cancel each other: take their absolute values.": mean + 2.66 * history.diff().mean(),
            "This is the distance from the mean. Add the mean.": 2.66 * change,
        },
    )


def check_formula(answer: Any, orders: Any, *, as_of: Any, period: str = "month") -> Answer:
    """Judge the formula of a KPI: the share of the buyers who had bought in an earlier period.

    Any formula that gives the same values is right.

    >>> check_formula(..., None, as_of="2025-12-31").verdict
    'not attempted'
    >>> check_formula("returning / buyers", None, as_of="2025-12-31").message
    "The formula holds the unknown measure 'returning'; did you mean 'returning_customers'?"
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    from crmlib.lifecycle import scorecard

    try:
        formula = scorecard.read_formula(answer, known=tuple(scorecard.BASE_MEASURES))
    except scorecard.FormulaInvalid as error:
        return Answer("not yet", f"The formula holds {error}")
    try:
        measures = _measures(orders, as_of, period)
        wanted = _formula("returning_customers / buyers", measures)
        if not len(wanted):
            return _TOO_SHORT
        found = formula.value(measures)
        for text, hint in {
            "returning_customers / buyers": "",
            "new_customers / buyers": "This is the share of the buyers who were new. The others are asked for.",
            "returning_customers / new_customers": "The base is all buyers, not only the new ones.",
            "returning_customers / orders": "The base is buyers, not orders: who bought twice counts once.",
            "returning_customers": "This is a count. Divide it by those among whom you count.",
            "buyers / returning_customers": "This is turned over: the part above, the whole below.",
            "100 * returning_customers / buyers": "This is 100 times the expected value: rates lie between 0 and 1.",
            "buyers_again / buyers": "buyers_again looks ahead. Here it is who had bought before.",
        }.items():
            if _same(found, _formula(text, measures)):
                return Answer("not yet", hint) if hint else Answer("right")
    except Exception:
        return Answer("not yet", "This formula has no value on these data.")
    return Answer("not yet", "Look in measures for those who had bought before, and for all who bought.")


def check_last_observed(
    answer: Any, orders: Any, *, as_of: Any, period: str = "month", repurchase_days: int = 90
) -> Answer:
    """Judge which is the last period whose repurchase rate is known, by its first day (``2025-09-01``).

    >>> check_last_observed(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    measures = _measures(orders, as_of, period, repurchase_days=repurchase_days)
    known = measures.loc[measures["buyers_again"].notna(), "period"]
    if known.empty:
        return _TOO_SHORT
    try:
        given = str(answer.start_time if hasattr(answer, "start_time") else answer).strip()[:10]
    except Exception:
        given = "?"
    if len(given) == 7:
        given += "-01"
    if given == str(measures["period"].iloc[-1]) != str(known.iloc[-1]):
        return Answer("not yet", "Those who bought in the last period have not had the time to buy again.")
    if given not in {str(start) for start in measures["period"]}:
        return Answer("not yet", "Answer with the month's first day, such as 2025-03-01.")
    return compare_choice(
        given,
        str(known.iloc[-1]),
        options=tuple(str(start) for start in measures["period"]),
        hint=f"The last buyer of the period, too, must have been followed for {repurchase_days} days.",
    )


def check_contribution(answer: Any, orders: Any, *, as_of: Any, months: int = 12) -> Answer:
    """Judge what the average order value contributed to the change of known customers' revenue, by LMDI.

    >>> check_contribution(..., None, as_of="2025-12-31").verdict
    'not attempted'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    from crmlib.lifecycle import scorecard

    tree = scorecard.driver_tree(orders, as_of=as_of, months=months)
    if tree.empty:
        return _TOO_SHORT
    node = tree.set_index("driver")
    value, frequency, customers = (node.loc[n] for n in ("order_value", "orders_per_customer", "customers"))
    change = value["after"] - value["before"]
    orders_before = customers["before"] * frequency["before"]
    orders_after = customers["after"] * frequency["after"]
    revenue = orders_before * value["before"], orders_after * value["after"]
    return _judge(
        answer,
        float(value["contribution"]),
        hint="logarithmic_mean(revenue after, revenue before) × ln(order value after / order value before).",
        mistakes={
            "This changes the order value first and leaves the orders as they were: the answer then depends on which "
            "factor is changed first.": change * orders_before,
            "This changes the order value last, at the new number of orders: the answer then depends on which factor "
            "is changed first.": change * orders_after,
            "The sign is turned: after over before.": -float(value["contribution"]),
            "This weighs with the plain mean of the revenues. Only the logarithmic mean leaves no remainder.": (
                sum(revenue) / 2 * math.log(value["after"] / value["before"])
            ),
            "Take the natural logarithm, ln.": float(value["contribution"]) / math.log(10),
            "This is the contribution of the orders per customer.": float(frequency["contribution"]),
        },
    )


def _measures(orders: Any, as_of: Any, period: str, *, repurchase_days: int = 90) -> Any:
    from crmlib.calendar import as_day
    from crmlib.engine import to_pandas
    from crmlib.lifecycle import scorecard

    measures = scorecard.order_measures(orders, as_of=as_of, period=period, repurchase_days=repurchase_days)  # type: ignore[arg-type]
    frame = to_pandas(measures)
    return frame.assign(period=[as_day(start) for start in frame["period"]])


def _formula(text: str, measures: Any) -> Any:
    from crmlib.lifecycle import scorecard

    return scorecard.read_formula(text).value(measures)


def _same(one: Any, two: Any) -> bool:
    import numpy as np

    return bool(np.allclose(one.to_numpy(dtype=float), two.to_numpy(dtype=float), rtol=1e-9, equal_nan=True))


def _blank(answer: Any) -> bool:
    return answer is None or answer is Ellipsis or (isinstance(answer, str) and answer.strip() == "")


def _ratio(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else math.nan


def _judge(answer: Any, expected: float, *, hint: str, mistakes: dict[str, float], rounded: float = 0.0) -> Answer:
    """Compare with the expected value; where it is wrong, name the mistake that leads to just this number.

    An answer that lies within ``rounded`` of the expected value, and is not just a mistake's number, is right, too.
    """
    if not math.isfinite(expected):
        return _TOO_SHORT
    try:
        verdict = compare_number(answer, expected, hint=hint, tolerance=_TOLERANCE)
        if verdict.verdict != "not yet" or verdict.message != hint:
            return verdict
        for mistake, value in mistakes.items():
            if math.isclose(float(answer), value, rel_tol=_TOLERANCE):
                return Answer("not yet", mistake)
        if abs(float(answer) - expected) <= rounded:
            return Answer("right")
    except Exception:
        return Answer("not yet", hint)
    return Answer("not yet", hint)
