"""The exercises' checks: right, wrong in known ways, blank and junk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib import models
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
def past(orders) -> pd.DataFrame:
    return clv.summary(orders, as_of=AS_OF, calibration_end=clv.calibration_end(orders, as_of=AS_OF))


@pytest.fixture(scope="module")
def ages() -> pd.DataFrame:
    """Contracts that were all begun at once; 131 of 1,000 ended at the first renewal (Fader & Hardie 2007)."""
    left = np.array([1000, 869, 743, 653, 593, 551, 517, 491])
    return pd.DataFrame({"age": range(1, 8), "at_risk": left[:-1], "lost": left[:-1] - left[1:]})


@pytest.fixture(scope="module")
def single(base) -> Any:
    once = base[base["frequency"] == 0]
    return once.iloc[len(once) // 2]


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


def test_p_alive_of_somebody_who_bought_once(base, single) -> None:
    model = clv.fit_models(base, orders_model=models.ModifiedBetaGeoNBD).orders_model
    other = clv.fit_models(base).orders_model
    grown = (model.alpha + single["T"]) / model.alpha
    right = 1 / (1 + model.a / model.b * grown**model.r)

    def judged(answer: Any) -> Any:
        return check.check_p_alive_one_time(answer, base, customer_id=single.customer_id)

    assert judged(right).verdict == "right"
    assert judged(round(right, 3)).verdict == "right"
    assert "by construction" in judged(1).message
    assert "being gone: take it from one" in judged(1 - right).message
    assert "odds of being gone" in judged(1 / right - 1).message
    assert "upside down" in judged(1 / (1 + model.a / model.b * grown**-model.r)).message
    assert "The silence since" in judged(model.b / (model.a + model.b)).message
    with_others = 1 / (1 + other.a / other.b * ((other.alpha + single["T"]) / other.alpha) ** other.r)
    assert "BG/NBD's parameters" in judged(with_others).message
    if model.b > 1:
        assert "b + x − 1" in judged(1 / (1 + model.a / (model.b - 1) * grown**model.r)).message


def test_p_alive_of_somebody_who_bought_once_needs_such_a_customer(base, customer) -> None:
    for nobody in (None, "nobody", customer.customer_id):
        judged = check.check_p_alive_one_time(0.5, base, customer_id=nobody)
        assert (judged.verdict, judged.message) == ("not attempted", "No customer who bought once is given.")


def test_best_fifth(past) -> None:
    model = clv.fit_models(past).orders_model
    expected = model.expected_orders(past["holdout_length"], past["frequency"], past["recency"], past["T"])
    forecast = past.assign(expected=expected)
    fifth, came = len(past) // 5, past["holdout_orders"].sum()
    top = forecast.nlargest(fifth, "expected")
    right = top["holdout_orders"].sum() / came

    def message(answer: Any) -> str:
        return check.check_best_fifth(answer, past).message

    assert check.check_best_fifth(right, past).verdict == "right"
    assert check.check_best_fifth(round(right, 3), past).verdict == "right"
    assert check.check_best_fifth(right + 0.02, past).verdict == "not yet"
    assert "orders expected" in message(top["expected"].sum() / forecast["expected"].sum())
    assert "who ordered most" in message(past["holdout_orders"].nlargest(fifth).sum() / came)
    assert "sort the other way" in message(forecast.nsmallest(fifth, "expected")["holdout_orders"].sum() / came)
    assert "the lift" in message(5 * right)
    assert "per customer" in message(top["holdout_orders"].mean())


def test_any_way_to_break_ties_and_to_round_a_fifth_is_right() -> None:
    came, score = np.array([3.0, 1, 0, 0, 0, 0]), np.array([2.0, 2, 1, 1, 1, 1])
    # One or two of six; of the first two, which are tied, either one.
    assert check._captured_by_fifth(came, score) == (0.25, 1.0)
    alone = np.array([9.0, 2, 1, 1, 1])
    assert check._captured_by_fifth(came[:5], alone) == (0.75, 0.75)


def test_best_fifth_of_nothing(past) -> None:
    nothing = past.assign(holdout_orders=0)
    assert "Nobody ordered" in check.check_best_fifth(0.5, nothing).message
    assert check.check_best_fifth(0.5, None).verdict == "not attempted"
    assert check.check_best_fifth(0.5, past.head(3)).message.startswith("No model: of 3 customers")


def test_inside(past) -> None:
    weeks = past["holdout_length"].max()
    forecast = clv.predict(past, f"{round(weeks * 7)}D", **clv.fit_models(past).models)
    came, low, high = past["holdout_orders"], forecast["expected_orders_low"], forecast["expected_orders_high"]
    within = (came >= low) & (came <= high)
    assert check.check_inside(within.mean(), past).verdict == "right"
    assert "share outside" in check.check_inside(1 - within.mean(), past).message
    assert "ends belong" in check.check_inside(((came > low) & (came < high)).mean(), past).message
    assert "divide by all" in check.check_inside(within.sum(), past).message
    assert (
        "expected number came"
        in check.check_inside(((came - forecast["expected_orders"]).abs() <= 0.5).mean(), past).message
    )
    assert "too short" in check.check_inside(0.95, None).message


def test_inside_of_futures_with_another_seed(past) -> None:
    weeks = past["holdout_length"].max()
    forecast = clv.predict(past, f"{round(weeks * 7)}D", **clv.fit_models(past).models, seed=5)
    came = past["holdout_orders"]
    within = (came >= forecast["expected_orders_low"]) & (came <= forecast["expected_orders_high"])
    assert check.check_inside(within.mean(), past).verdict == "right"


def test_two_years(base) -> None:
    client = {"margin": 0.5, "discount_rate": 0.1}
    options = {**clv.fit_models(base).models, **client, "as_of": AS_OF, "confidence": None}
    one, two, weeks = (clv.predict(base, horizon, **options) for horizon in ("12M", "24M", "24W"))
    right = two["clv"].sum() / one["clv"].sum()

    def judged(answer: Any) -> Any:
        return check.check_two_years(answer, base, as_of=AS_OF, **client)

    assert 1 < right < 2
    assert judged(right).verdict == "right"
    assert judged(round(right, 3)).verdict == "right"
    assert "Not twice" in judged(2).message
    assert "Turned round" in judged(1 / right).message
    assert "second year adds" in judged(right - 1).message
    assert "difference in money" in judged(two["clv"].sum() - one["clv"].sum()).message
    assert "W stands for weeks" in judged(weeks["clv"].sum() / one["clv"].sum()).message
    assert "value is discounted" in judged(two["expected_orders"].sum() / one["expected_orders"].sum()).message
    assert "no end" in judged(one["residual_clv"].sum() / one["clv"].sum()).message


def test_two_years_of_undiscounted_value(base) -> None:
    options = {**clv.fit_models(base).models, "as_of": AS_OF, "confidence": None}
    one, two = (clv.predict(base, horizon, **options)["clv"].sum() for horizon in ("12M", "24M"))
    assert check.check_two_years(two / one, base, as_of=AS_OF).verdict == "right"
    nothing = check.check_two_years(1.5, base, as_of=AS_OF, margin=0.0)
    assert (nothing.verdict, nothing.message[:26]) == ("not attempted", "These customers are worth ")


def test_renewal(ages) -> None:
    # The published fit: alpha 0.668, beta 3.806.
    assert check.check_renewal((3.806 + 5) / (0.668 + 3.806 + 5), ages, renewal=6).verdict == "right"

    def message(answer: float) -> str:
        return check.check_renewal(answer, ages, renewal=6).message

    model = models.ShiftedBetaGeometric.fit(ages)
    assert "take it from one" in message(0.668 / (0.668 + 3.806 + 5))
    assert "one renewal later" in message(float(model.retention(7)))
    assert "the first time" in message(3.806 / (0.668 + 3.806))
    assert "S(t)" in message(float(model.survival(6)))
    assert "observed" in message(517 / 551)
    assert check.check_renewal(0.5, ages, renewal=40).verdict == "not yet"


def test_renewal_without_contracts_or_without_a_model(ages) -> None:
    assert check.check_renewal(0.9, None, renewal=6).message == "This client has no contracts."
    assert check.check_renewal(0.9, ages.head(0), renewal=6).message == "This client has no contracts."
    nobody_left = check.check_renewal(0.9, ages.assign(lost=0), renewal=6)
    assert nobody_left.verdict == "not attempted"
    assert nobody_left.message


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
def test_blank_and_junk_never_raise(answer, orders, base, past, ages, values, customer, single) -> None:
    judged = [
        check.check_silence(answer, base, customer_id=customer.customer_id),
        check.check_chance_to_leave(answer, base),
        check.check_p_alive(answer, base, customer_id=customer.customer_id),
        check.check_belief(answer, base, repeats=2),
        check.check_sleeping_value(answer, values, weeks=13),
        check.check_miss(answer, orders, as_of=AS_OF, calibration_end="2024-08-31"),
        check.check_calling_rule(answer, values, calls=20),
        check.check_p_alive_one_time(answer, base, customer_id=single.customer_id),
        check.check_best_fifth(answer, past),
        check.check_inside(answer, past),
        check.check_two_years(answer, base, as_of=AS_OF, margin=0.5, discount_rate=0.1),
        check.check_renewal(answer, ages, renewal=6),
    ]
    wanted = "not attempted" if answer in (..., None) else "not yet"
    assert {one.verdict for one in judged} == {wanted}


def test_too_few_customers_are_said_and_not_judged(base, past) -> None:
    few = base.head(3)
    assert check.check_chance_to_leave(0.3, few).message.startswith("No model: of 3 customers")
    assert check.check_belief(0.3, few, repeats=2).verdict == "not attempted"
    assert check.check_p_alive_one_time(0.3, few, customer_id="c000").message.startswith("No model: of 3 customers")
    assert check.check_two_years(1.5, few, as_of=AS_OF).message.startswith("No model: of 3 customers")
    assert check.check_inside(0.9, past.head(3)).message.startswith("No model: of 3 customers")
    assert check.check_sleeping_value(1.0, None, weeks=13).verdict == "not attempted"
