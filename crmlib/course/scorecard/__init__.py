"""The exercises of chapter 13, KPI scorecard."""

from __future__ import annotations

import math
from typing import Any

from crmlib.course.exercise import Practice, Verdict, ratio

practice = Practice(__file__)


@practice.number(digits=4)
def order_value(measures: Any) -> Any:
    """The average order value of the last whole month."""
    last = measures.iloc[-1]
    return ratio(last.revenue, last.orders), {
        "per_buyer": ratio(last.revenue, last.buyers),
        "without_guests": ratio(last.revenue - last.guest_revenue, last.orders),
        "turned_over": ratio(last.orders, last.revenue),
        "all_months": ratio(measures.revenue.sum(), measures.orders.sum()),
    }


@practice.number(within=0.0005)
def churn(shop: Any) -> Any:
    """The churn rate of a year, as a ratio of sums."""
    lost, active = shop.lapsed.astype(float), shop.active_at_start.astype(float)
    right = ratio(lost.sum(), active.sum())
    return right, {
        "mean_of_rates": (lost / active).mean(),
        "first_base": ratio(lost.sum(), active.iloc[0]),
        "sum_of_rates": (lost / active).sum(),
        "last_month": ratio(lost.iloc[-1], active.iloc[-1]),
        "retention": 1 - right,
    }


@practice.number(digits=4)
def upper_limit(measures: Any) -> Any:
    """The upper natural process limit of the average order value, from all months but the last."""
    values = (measures.revenue / measures.orders).dropna().astype(float)
    if len(values) < 4:
        return None
    history = values.iloc[:-1]
    mean, change = history.mean(), history.diff().abs().mean()
    return mean + 2.66 * change, {
        "lower": mean - 2.66 * change,
        "three_deviations": mean + 3 * history.std(),
        "wrong_factor": mean + 2.66 * history.std(),
        "with_last": values.mean() + 2.66 * values.diff().abs().mean(),
        "signed": mean + 2.66 * history.diff().mean(),
        "distance": 2.66 * change,
    }


def _values(formula: Any, measures: Any) -> Any:
    """What a formula gives in each month (who answers these values themselves may), or the verdict that it is none."""
    import pandas as pd

    from crmlib.lifecycle import scorecard

    if isinstance(formula, pd.DataFrame):
        return formula
    try:
        read = scorecard.read_formula(formula, known=tuple(scorecard.BASE_MEASURES))
    except scorecard.FormulaInvalid as problem:
        return Verdict("not yet", str(problem))
    return pd.DataFrame({"period": measures.period, "value": read.value(measures).to_numpy(dtype=float)})


@practice.table(on="period", read=_values)
def formula(measures: Any) -> Any:
    """The share of the month's buyers who had bought before; any formula that gives the same values."""
    usual = {
        "new": "new_customers / buyers",
        "of_new": "returning_customers / new_customers",
        "of_orders": "returning_customers / orders",
        "count": "returning_customers",
        "turned_over": "buyers / returning_customers",
        "ahead": "buyers_again / buyers",
        "active": "returning_customers / active_at_start",
    }
    right = _values("returning_customers / buyers", measures)
    return right, {code: _values(wrong, measures) for code, wrong in usual.items()}


def _first_day(answer: Any, measures: Any) -> str:
    """A month by its first day, from a text, a day or a period."""
    given = str(getattr(answer, "start_time", answer)).strip()[:10]
    return f"{given}-01" if len(given) == 7 else given


@practice.choice(options=lambda measures: [str(first)[:10] for first in measures.period], read=_first_day)
def last_known(measures: Any) -> Any:
    """The last month whose repurchase rate is known, by its first day."""
    months = [str(first)[:10] for first in measures.period]
    known = [month for month, again in zip(months, measures.buyers_again, strict=True) if not math.isnan(again)]
    if not known:
        return None
    after = months[months.index(known[-1]) + 1 :]
    return known[-1], {code: after[at] for code, at in {"followed_in_part": 0, "last": -1}.items() if len(after) > 1}


@practice.number(digits=3)
def contribution(factors: Any) -> Any:
    """What the order value contributed to the change of revenue, by the logarithmic mean (LMDI)."""
    before, after = factors.before.astype(float), factors.after.astype(float)
    revenue, later = before.prod(), after.prod()
    weight = (later - revenue) / math.log(later / revenue) if later != revenue else revenue
    growth = {name: math.log(after[name] / before[name]) for name in factors.index}
    change = after["order_value"] - before["order_value"]
    return weight * growth["order_value"], {
        "first": change * revenue / before["order_value"],
        "last": change * later / after["order_value"],
        "turned": -weight * growth["order_value"],
        "plain_mean": (revenue + later) / 2 * growth["order_value"],
        "log_10": weight * growth["order_value"] / math.log(10),
        "other_factor": weight * growth["orders_per_customer"],
        "all_factors": later - revenue,
    }
