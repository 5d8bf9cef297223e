"""The exercises' checks: right, wrong in known ways, blank and junk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib.course import clv as check
from crmlib.lifecycle import clv

AS_OF = "2024-12-29"


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    random = np.random.default_rng(3)
    rows = []
    for customer in range(400):
        day, rate, leaving = random.integers(0, 250), random.gamma(0.9, 1 / 60), random.beta(0.8, 2.5)
        while day < 364:
            rows.append(
                (f"c{customer:03}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day)), random.gamma(6, 5))
            )
            if random.random() < leaving:
                break
            day += 1 + random.exponential(1 / rate)
    return pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])


@pytest.fixture(scope="module")
def base(orders) -> pd.DataFrame:
    return clv.summary(orders, as_of=AS_OF)


@pytest.fixture(scope="module")
def values(base) -> pd.DataFrame:
    return clv.customer_values(base, **clv.fit_models(base).models, margin=0.5, discount_rate=0.1)


@pytest.fixture(scope="module")
def customer(base) -> Any:
    return base[(base["frequency"] >= 2) & (base["recency"] > 0)].iloc[0]


def test_silence(base, customer) -> None:
    right = customer["T"] - customer["recency"]
    assert check.check_silence(right, base, customer_id=customer.customer_id).verdict == "right"
    assert "This is T" in check.check_silence(customer["T"], base, customer_id=customer.customer_id).message
    assert check.check_silence(right, base, customer_id="nobody").verdict == "not attempted"


def test_chance_to_leave(base) -> None:
    model = clv.fit_models(base).orders_model
    a, b = model.a, model.b
    assert check.check_chance_to_leave(a / (a + b), base).verdict == "right"
    assert "odds" in check.check_chance_to_leave(a / b, base).message
    assert "chance to stay" in check.check_chance_to_leave(b / (a + b), base).message


def test_p_alive(base, customer) -> None:
    model = clv.fit_models(base).orders_model
    x, t_x, T = customer["frequency"], customer["recency"], customer["T"]
    right = float(model.p_alive(x, t_x, T))

    def judged(answer: Any) -> Any:
        return check.check_p_alive(answer, base, customer_id=customer.customer_id)

    assert judged(right).verdict == "right"
    assert "of being gone: take it from one" in judged(1 - right).message
    assert "do not count the first" in judged(float(model.p_alive(x + 1, t_x, T))).message
    assert "odds" in judged(1 / right - 1).message
    assert "not the silence" in judged(float(model.p_alive(x, T - t_x, T))).message


def test_belief(base) -> None:
    model = clv.fit_models(base).spend_model
    weight = 2 * model.p / (2 * model.p + model.q - 1)
    assert check.check_belief(weight, base, repeats=2).verdict == "right"
    assert "average customer" in check.check_belief(1 - weight, base, repeats=2).message
    assert "− 1" in check.check_belief(2 * model.p / (2 * model.p + model.q), base, repeats=2).message


def test_sleeping_value(values) -> None:
    silent = values[values["silence_weeks"] > 13]
    assert check.check_sleeping_value(silent["value_at_risk"].sum(), values, weeks=13).verdict == "right"
    assert "all customers" in check.check_sleeping_value(values["value_at_risk"].sum(), values, weeks=13).message
    assert "expected to bring" in check.check_sleeping_value(silent["clv"].sum(), values, weeks=13).message


def test_miss(orders) -> None:
    end = clv.calibration_end(orders, as_of=AS_OF)
    past = clv.summary(orders, as_of=AS_OF, calibration_end=end)
    table = clv.holdout_comparison(past, clv.fit_models(past).orders_model)
    actual, expected = table["actual_orders"].sum(), table["expected_orders"].sum()

    def judged(answer: Any) -> Any:
        return check.check_miss(answer, orders, as_of=AS_OF, calibration_end=end)

    assert judged(actual / expected - 1).verdict == "right"
    assert "sign" in judged(1 - actual / expected).message
    assert "not by what came" in judged((actual - expected) / actual).message
    assert check.check_miss(0.1, orders, as_of=AS_OF, calibration_end=None).verdict == "not attempted"


def test_calling_rule(values) -> None:
    assert check.check_calling_rule("highest_value_at_risk", values, calls=20).verdict == "right"
    assert check.check_calling_rule("lowest_p_alive", values, calls=20).verdict == "not yet"
    assert "bought once" in check.check_calling_rule("highest_p_alive", values, calls=20).message
    assert "Choose one of" in check.check_calling_rule("by name", values, calls=20).message


def test_three_digits_are_enough_and_a_rounded_mistake_is_still_named(base, values, customer) -> None:
    fitted = clv.fit_models(base)
    r, alpha, a, b = (round(getattr(fitted.orders_model, name), 3) for name in ("r", "alpha", "a", "b"))
    x, t_x, T = (round(float(customer[name]), 2) for name in ("frequency", "recency", "T"))
    p_alive = 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))
    p, q = round(fitted.spend_model.p, 3), round(fitted.spend_model.q, 3)
    rounded = [
        check.check_silence(T - t_x, base, customer_id=customer.customer_id),
        check.check_chance_to_leave(round(a / (a + b), 3), base),
        check.check_p_alive(round(p_alive, 3), base, customer_id=customer.customer_id),
        check.check_belief(round(2 * p / (2 * p + q - 1), 3), base, repeats=2),
    ]
    assert {judged.verdict for judged in rounded} == {"right"}
    asleep = values.loc[values["silence_weeks"] > 13, "value_at_risk"].sum()
    assert check.check_sleeping_value(asleep * 1.0009, values, weeks=13).verdict == "right"
    assert check.check_sleeping_value(asleep * 1.002, values, weeks=13).verdict == "not yet"
    gone = check.check_p_alive(round(1 - p_alive, 3), base, customer_id=customer.customer_id)
    assert "take it from one" in gone.message
    assert "chance to stay" in check.check_chance_to_leave(round(b / (a + b), 3), base).message
    assert check.check_chance_to_leave(a / (a + b) + 0.01, base).verdict == "not yet"


def test_a_mistake_near_the_right_value_is_named_when_hit_exactly() -> None:
    one = pd.DataFrame({"customer_id": ["a"], "frequency": [1], "recency": [5.0], "T": [10.004]})
    assert check.check_silence(5.004, one, customer_id="a").verdict == "right"
    assert check.check_silence(5.005, one, customer_id="a").verdict == "right"
    assert "This is recency" in check.check_silence(5.0, one, customer_id="a").message


@pytest.mark.parametrize("answer", ["highest value at risk", "Highest_Value_at_Risk", " highest  value at risk "])
def test_a_rule_may_be_written_with_spaces(answer, values) -> None:
    assert check.check_calling_rule(answer, values, calls=20).verdict == "right"
    assert "bought once" in check.check_calling_rule("highest P(alive)", values, calls=20).message


@pytest.mark.parametrize("answer", [..., None, "junk", [1, 2], {"a": 1}, float("nan"), float("inf"), object()])
def test_blank_and_junk_never_raise(answer, orders, base, values, customer) -> None:
    judged = [
        check.check_silence(answer, base, customer_id=customer.customer_id),
        check.check_chance_to_leave(answer, base),
        check.check_p_alive(answer, base, customer_id=customer.customer_id),
        check.check_belief(answer, base, repeats=2),
        check.check_sleeping_value(answer, values, weeks=13),
        check.check_miss(answer, orders, as_of=AS_OF, calibration_end="2024-08-31"),
        check.check_calling_rule(answer, values, calls=20),
    ]
    wanted = "not attempted" if answer in (..., None) else "not yet"
    assert {one.verdict for one in judged} == {wanted}


def test_too_few_customers_are_said_and_not_judged(base) -> None:
    few = base.head(3)
    assert check.check_chance_to_leave(0.3, few).message.startswith("No model: of 3 customers")
    assert check.check_belief(0.3, few, repeats=2).verdict == "not attempted"
    assert check.check_sleeping_value(1.0, None, weeks=13).verdict == "not attempted"
