"""Checks of the exercises of chapter 03: expected values are computed from the data at hand."""

from __future__ import annotations

import math
from typing import Any

from crmlib.course.checks import Answer, compare_choice, compare_number, compare_table

_TIERS = ("core", "potential", "ordinary", "sleeping")


def check_frequency_scores(answer: Any, orders: Any, *, as_of: Any) -> Answer:
    """Exercise 1: frequency scores 1 (none), 2 (one or two) and 3 (more), a row per customer."""
    import pandas as pd

    customers = _customers(orders, as_of)
    expected = pd.DataFrame(
        {
            "customer_id": customers.customer_id,
            "f_score": 1 + (customers.purchases_year > 0).astype(int) + (customers.purchases_year > 2).astype(int),
        }
    )
    hint = "Give 1 to no purchase in the year, 2 to one or two, 3 to more; pd.cut sorts values into given bounds."
    if isinstance(answer, pd.DataFrame) and {"customer_id", "f_score"} <= set(map(str, answer.columns)):
        answer = answer.assign(customer_id=answer.customer_id.astype(str))
        given = customers.merge(answer[["customer_id", "f_score"]], on="customer_id")
        if (given.groupby("purchases_year").f_score.nunique() > 1).any():
            hint = "Customers with the same number of purchases have different scores: rank them by value, not by row."
        elif _same(given, "f_score", 1 + (given.purchases > 1).astype(int) + (given.purchases > 3).astype(int)):
            hint = "Count the purchases of the last twelve months (purchases_year), not all of them."
        elif _same(given, "f_score", 4 - expected.set_index("customer_id").f_score.loc[given.customer_id].to_numpy()):
            hint = "The more often somebody buys, the higher the score: yours runs the other way."
    return compare_table(answer, expected, on="customer_id", hint=hint)


def _same(table: Any, column: str, values: Any) -> bool:
    import pandas as pd

    return bool(len(table)) and bool((pd.to_numeric(table[column], errors="coerce").to_numpy() == values).all())


def check_first_rule(answer: Any, thresholds: Any) -> Answer:
    """Exercise 2: the tier of a customer who spent much and is silent for a day too long."""
    import pandas as pd

    from crmlib.lifecycle import segmentation

    lines = thresholds.set_index("threshold").value
    customer = pd.DataFrame(
        {
            "customer_id": ["somebody"],
            "recency_days": [int(lines["sleeping_after"]) + 1],
            "tenure_days": [int(lines["sleeping_after"]) + 300],
            "purchases": [100],
            "purchases_year": [100],
            "revenue": [10 * lines["high_spend"] + 1],
            "revenue_year": [10 * lines["high_spend"] + 1],
        }
    )
    expected = str(segmentation.segments(customer, thresholds).tier.iloc[0])
    hint = "Rules are tried from the top, and the first that fits decides: where is the rule that looks at silence?"
    return compare_choice(answer, expected, options=_TIERS, hint=hint)


def check_best_fifth(answer: Any, orders: Any, *, as_of: Any) -> Answer:
    """Exercise 3: the share of the year's revenue that the best fifth of the year's buyers brings."""
    customers = _customers(orders, as_of)
    spent = customers[customers.purchases_year > 0].revenue_year.sort_values(ascending=False)
    if not spent.sum() > 0:
        return _not_here(answer)
    everybody = customers.revenue_year.sort_values(ascending=False)
    ever = customers.revenue.sort_values(ascending=False)
    hint = "Sort revenue_year of those with purchases_year above 0, add up the first fifth, divide by the sum of all."
    if _near(answer, everybody.head(len(everybody) // 5).sum() / everybody.sum()):
        hint = "That is a fifth of everybody who ever bought: take only those who bought in the last twelve months."
    elif _near(answer, ever.head(len(ever) // 5).sum() / ever.sum()):
        hint = "That is revenue of all times: take revenue_year."
    elif _near(answer, spent.tail(len(spent) // 5).sum() / spent.sum()):
        hint = "That is the share of the worst fifth: sort the other way."
    expected = float(spent.head(len(spent) // 5).sum() / spent.sum())
    return compare_number(answer, expected, hint=hint, tolerance=_three_digits(expected))


def check_asleep(answer: Any, orders: Any, *, as_of: Any) -> Answer:
    """Exercise 4: the revenue of the last twelve months from customers in the tier ``sleeping``."""
    segmented, _ = _segmented(orders, as_of)
    asleep = segmented[segmented.tier == "sleeping"]
    hint = "Keep the rows whose tier is sleeping and add up revenue_year."
    if _near(answer, asleep.revenue.sum()) and asleep.revenue.sum() != asleep.revenue_year.sum():
        hint = "That is everything they ever spent: take the revenue of the last twelve months, revenue_year."
    elif _near(answer, len(asleep)):
        hint = "That is how many customers sleep: add up their revenue_year."
    elif _near(answer, segmented.revenue_year.sum() - asleep.revenue_year.sum()):
        hint = "That is the revenue of those who are awake."
    return compare_number(answer, float(asleep.revenue_year.sum()), hint=hint, tolerance=1e-3)


def check_still_core(answer: Any, orders: Any, *, as_of: Any) -> Answer:
    """Exercise 5: the share of the core customers of the earlier day who are core today."""
    from crmlib.lifecycle import segmentation

    segmented, thresholds = _segmented(orders, as_of)
    earlier = segmentation.comparison_day(segmented, as_of=as_of)
    if earlier is None:
        return _not_here(answer)
    past = segmentation.segments(_customers(orders, earlier), thresholds)
    moves = segmentation.migration(past, segmented, since=earlier)
    then, now = moves[moves.before == "core"], moves[moves.after == "core"]
    stayed = int(then[then.after == "core"].customers.sum())
    if not then.customers.sum():
        return _not_here(answer)
    hint = "Among the rows of the migration whose `before` is core, divide the customers whose `after` is core by all."
    if now.customers.sum() and _near(answer, stayed / now.customers.sum()):
        hint = "That is the share of today's core that was core then: divide by those who were core then."
    elif _near(answer, 1 - stayed / then.customers.sum()):
        hint = "That is the share that left the core."
    elif _near(answer, stayed):
        hint = "That is how many stayed: divide by how many were core then."
    expected = float(stayed / then.customers.sum())
    return compare_number(answer, expected, hint=hint, tolerance=_three_digits(expected))


def _customers(orders: Any, as_of: Any) -> Any:
    from crmlib.engine import to_pandas
    from crmlib.lifecycle import segmentation

    return to_pandas(segmentation.customer_activity(orders, as_of=as_of))


def _segmented(orders: Any, as_of: Any) -> tuple[Any, Any]:
    from crmlib.engine import to_pandas
    from crmlib.lifecycle import segmentation

    customers = _customers(orders, as_of)
    rhythm = to_pandas(segmentation.purchase_rhythm(orders, as_of=as_of))
    thresholds = segmentation.thresholds(customers, rhythm)
    return segmentation.segments(customers, thresholds), thresholds


def _near(answer: Any, value: float) -> bool:
    try:
        return math.isclose(float(answer), float(value), rel_tol=1e-3)
    except (TypeError, ValueError, OverflowError):
        return False


def _three_digits(share: float) -> float:
    """The relative tolerance with which a share is right when it has been rounded to three digits."""
    return max(1e-3, 5.01e-4 / share) if share > 0 else 1e-3


def _not_here(answer: Any) -> Answer:
    """What is said where this client's data hold no answer."""
    return Answer("not attempted", "These data do not hold what the exercise asks for; try it on the sample brand.")
