"""The exercises of chapter 04, customer lifetime value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crmlib.course.exercise import Practice, ratio

practice = Practice(__file__)
PROBABILITY = 0.001
"""A probability is right if it was computed from parameters with three decimals and rounded to three."""


@practice.number(within=0.01)
def silence(customer: Any) -> Any:
    """For how many weeks a customer has been silent."""
    age, recency = float(customer["T"]), float(customer["recency"])
    return age - recency, {"recency": recency, "age": age}


@practice.number(within=PROBABILITY)
def chance_to_leave(model: Any) -> Any:
    """The average chance to leave after an order under BG/NBD."""
    a, b = model.a, model.b
    return a / (a + b), {"stay": b / (a + b), "odds": a / b}


@practice.number(within=PROBABILITY)
def p_alive(customer: Any, model: Any) -> Any:
    """P(alive) of a customer who came back, under BG/NBD (Fader, Hardie & Lee 2008)."""
    x, recency, age = (float(customer[name]) for name in ("frequency", "recency", "T"))

    def alive(x: float, t_x: float) -> float:
        odds = model.a / (model.b + x - 1) * ((model.alpha + age) / (model.alpha + t_x)) ** (model.r + x)
        return 1 / (1 + odds)

    right = alive(x, recency)
    return right, {
        "gone": 1 - right,
        "first_order": alive(x + 1, recency),
        "silence": alive(x, age - recency),
        "odds": 1 / right - 1,
    }


@practice.number(within=PROBABILITY)
def belief(spend: Any, *, repeats: int = 2) -> Any:
    """How much a customer's own mean weighs in the expected spend under gamma-gamma."""
    own = spend.p * repeats
    right = own / (own + spend.q - 1)
    return right, {"everybody": 1 - right, "minus_one": own / (own + spend.q)}


@practice.number(within=PROBABILITY)
def miss(table: Any) -> Any:
    """By how much the orders that came differed from the forecast."""
    actual, expected = float(table.actual_orders.sum()), float(table.expected_orders.sum())
    return ratio(actual - expected, expected), {
        "turned": ratio(expected - actual, expected),
        "by_actual": ratio(actual - expected, actual),
        "difference": actual - expected,
        "mean_of_rows": (table.actual_orders / table.expected_orders - 1).mean(),
        "ratio": ratio(actual, expected),
    }


@practice.number(within=PROBABILITY)
def best_fifth(forecast: Any) -> Any:
    """The share of the orders that came which the fifth of whom most was expected has placed.

    Of customers of whom equally much was expected any may be taken, and a fifth may be rounded up or down.
    """
    came, expected = forecast.holdout_orders.to_numpy(dtype=float), forecast.expected.to_numpy(dtype=float)
    fifth = max(len(came) // 5, 1)
    best = expected >= np.sort(expected)[-fifth]
    return _captured_by_fifth(came, expected), {
        "expected": ratio(expected[best].sum(), expected.sum()),
        "hindsight": ratio(np.sort(came)[::-1][:fifth].sum(), came.sum()),
        "least": sum(_captured_by_fifth(came, -expected)) / 2,
        "lift": 5 * sum(_captured_by_fifth(came, expected)) / 2,
        "per_customer": came[best].mean(),
    }


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
    return ratio(min(shares), came.sum()), ratio(max(shares), came.sum())


@practice.number(within=PROBABILITY)
def p_alive_of_single(single: Any, modified: Any, model: Any) -> Any:
    """P(alive) of a customer who bought once, under MBG/NBD (Batislam et al. 2007)."""
    age = float(single["T"])

    def alive(of: Any, b: float, power: float) -> float:
        return 1 / (1 + of.a / b * ((of.alpha + age) / of.alpha) ** power)

    right = alive(modified, modified.b, modified.r)
    return right, {
        "bg_nbd": 1.0,
        "gone": 1 - right,
        "odds": 1 / right - 1,
        "upside_down": alive(modified, modified.b, -modified.r),
        "no_silence": modified.b / (modified.a + modified.b),
        "other_formula": alive(modified, modified.b - 1, modified.r) if modified.b > 1 else None,
        "other_parameters": alive(model, model.b, model.r),
    }


@practice.number(within=0.0005)
def inside(promised: Any) -> Any:
    """The share of customers whose orders lay within the interval that was predicted for them."""
    came, low, high = promised.came, promised.expected_orders_low, promised.expected_orders_high
    held = (came >= low) & (came <= high)
    return held.mean(), {
        "outside": 1 - held.mean(),
        "open_ends": ((came > low) & (came < high)).mean(),
        "open_top": (came < high).mean(),
        "count": float(held.sum()),
        "expected": ((came - promised.expected_orders).abs() <= 0.5).mean(),
    }


@practice.number(digits=3)
def sleeping(values: Any, *, weeks: int = 26) -> Any:
    """The value at risk of all customers who have been silent for longer than some weeks."""
    silent = values[values.silence_weeks > weeks]
    return float(silent.value_at_risk.sum()), {
        "everybody": float(values.value_at_risk.sum()),
        "awake": float(values.value_at_risk.sum() - silent.value_at_risk.sum()),
        "expected": float(silent.clv.sum()),
        "if_alive": float(silent.value_if_alive.sum()),
        "count": float(len(silent)),
    }


@practice.choice(options=("lowest_p_alive", "highest_p_alive", "highest_value_at_risk"))
def calling_rule(values: Any, *, calls: int = 50) -> Any:
    """Which rule for choosing whom to call reaches the most value at risk."""
    reached = {
        "highest_value_at_risk": values.nlargest(calls, "value_at_risk"),
        "lowest_p_alive": values.nsmallest(calls, "p_alive"),
        "highest_p_alive": values.nlargest(calls, "p_alive"),
    }
    right = max(reached, key=lambda rule: reached[rule].value_at_risk.sum())
    return right, {rule: rule for rule in ("lowest_p_alive", "highest_p_alive") if rule != right}


@practice.number(digits=4)
def two_years(summary: Any, *, as_of: Any, **options: Any) -> Any:
    """How many times as much all customers are worth over 24 calendar months as over 12."""
    from crmlib.lifecycle import clv

    def total(horizon: str, column: str = "clv") -> float:
        return float(clv.predict(summary, horizon, as_of=as_of, confidence=None, **options)[column].sum())

    one, two = total("12M"), total("24M")
    if not one > 0:
        return None
    return two / one, {
        "twice": 2.0,
        "turned_over": one / two,
        "second_year": two / one - 1,
        "difference": two - one,
        "weeks": total("24W") / one,
        "days": total("24D") / one,
        "orders": ratio(total("24M", "expected_orders"), total("12M", "expected_orders")),
    }


@practice.number(within=PROBABILITY)
def renewal(*, alpha: float = 0.704, beta: float = 1.182, number: int = 6) -> Any:
    """The share of those who come to a renewal that renews under the sBG model (Fader & Hardie 2007)."""

    def renewed(t: int) -> float:
        return (beta + t - 1) / (alpha + beta + t - 1)

    right = renewed(number)
    return right, {
        "ends": 1 - right,
        "one_later": renewed(number + 1),
        "first": renewed(1),
        "left": math.prod(renewed(t) for t in range(1, number + 1)),
    }
