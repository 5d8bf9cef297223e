"""What is concluded of contracts: what a new one is worth, and what those that run will still bring."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.lifecycle.clv import finding_renewal_equity, renewals_in_words
from crmlib.models import (
    BetaDiscreteWeibull,
    ShiftedBetaGeometric,
    compare_renewals,
    new_subscription_interval,
    new_subscription_value,
    rate_per_period,
    renewal_equity,
)

# The high-end customers of Fader & Hardie (2007), years 0 to 7.
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]


@pytest.fixture(scope="module")
def fitted() -> ShiftedBetaGeometric:
    return ShiftedBetaGeometric.fit(HIGH_END)


def by_hypergeometric(alpha: float, beta: float, rate: float) -> float:
    """Σ S(k) / (1 + d)^k of the sBG in closed form, S(k) = B(α, β + k) / B(α, β)."""
    return float(mpmath.hyp2f1(1, beta, alpha + beta, 1 / (1 + mpmath.mpf(rate))))


@given(
    alpha=st.floats(0.05, 50), beta=st.floats(0.05, 50), yearly=st.floats(0.02, 0.5),
    term=st.sampled_from(["month", "quarter", "year"]),
)  # fmt: skip
def test_a_new_contract_pays_its_first_period_at_once_and_each_renewal_later(alpha, beta, yearly, term) -> None:
    rate = rate_per_period(yearly, term)
    found = new_subscription_value(
        ShiftedBetaGeometric(alpha=alpha, beta=beta), price=20, margin=0.25, discount_rate=rate
    )
    assert found == pytest.approx(5 * by_hypergeometric(alpha, beta, rate), rel=1e-8)


def test_contracts_that_all_end_at_their_first_renewal_are_worth_one_period() -> None:
    leaving = ShiftedBetaGeometric(alpha=1e6, beta=1e-6)
    assert new_subscription_value(leaving, price=30, margin=0.5, discount_rate=0.01) == pytest.approx(15, rel=1e-9)


def test_a_new_contract_under_bdw_is_worth_the_sum_of_its_periods() -> None:
    model = BetaDiscreteWeibull(alpha=0.5, beta=4.0, c=1.4)
    k = np.arange(400.0)
    by_hand = (model.survival(k) / 1.2**k).sum()
    assert new_subscription_value(model, price=1, margin=1, discount_rate=0.2) == pytest.approx(by_hand, rel=1e-10)


@pytest.mark.parametrize(
    ("yearly", "term", "rate"), [(0.21, "year", 0.21), (0.21, "month", 0.016012), (0.0, "year", 1e-4)]
)
def test_rates_per_period_make_up_the_yearly_one(yearly, term, rate) -> None:
    assert rate_per_period(yearly, term) == pytest.approx(rate, rel=1e-4)


def test_the_interval_is_of_the_mean_over_parameters_that_the_data_leave_possible(fitted) -> None:
    how = {"price": 10, "margin": 0.5, "discount_rate": 0.1}
    values = [5 * by_hypergeometric(a, b, 0.1) for a, b in fitted.draws(200, seed=0).values]
    assert new_subscription_interval(fitted, **how) == pytest.approx(
        tuple(np.quantile(values, [0.025, 0.975])), rel=1e-8
    )
    low, high = new_subscription_interval(ShiftedBetaGeometric.fit([100 * left for left in HIGH_END]), **how)
    wide = np.subtract(*new_subscription_interval(fitted, **how)[::-1])
    assert (high - low) / wide == pytest.approx(0.1, rel=0.15)  # a hundred times the contracts
    assert low < new_subscription_value(fitted, **how) < high
    given_model = ShiftedBetaGeometric(alpha=0.668, beta=3.806)
    assert new_subscription_interval(given_model, **how) == (new_subscription_value(given_model, **how),) * 2


def test_why_a_model_is_taken_is_said_with_its_numbers() -> None:
    regular = [1000, 631, 468, 382, 326, 289, 262, 241]
    said = [renewals_in_words(compare_renewals(left)) for left in (regular, HIGH_END)]
    assert "agrees with the data (p value 0.25" in said[0]
    assert "rises with its age" in said[1]
    assert "p value below 0.001" in said[1]
    falling = np.round(50_000 * BetaDiscreteWeibull(alpha=2.0, beta=3.0, c=0.6).survival(range(11)))
    assert "falls with its age" in renewals_in_words(compare_renewals(falling))
    assert "missed the share left" in renewals_in_words(compare_renewals([*HIGH_END, 468, 445], held_out=2))


def finding_of(model: Any, **changed: Any) -> Any:
    rate = rate_per_period(0.1, "month")
    equity = renewal_equity(
        model, renewals=[0, 5], contracts=[300, 102], price=[90, 100], margin=0.5, discount_rate=rate
    )
    how = {"equity": equity, "model": model, "term": "month", "price": 92.54, "margin": 0.5, "rate": rate}
    return finding_renewal_equity(**(how | changed)), equity


def test_the_finding_says_what_runs_what_it_brings_and_what_a_new_one_may_cost(fitted) -> None:
    found, equity = finding_of(fitted)
    value = equity["value"][0]
    assert (
        f"The 402 contracts that run today, renewed every month, are expected to bring ${value:,.0f} of"
        in found.sentence
    )
    assert f"about ${value / 402:,.0f} each" in found.sentence
    how = {"price": 92.54, "margin": 0.5, "discount_rate": rate_per_period(0.1, "month")}
    low, high = new_subscription_interval(fitted, **how)
    worth = new_subscription_value(fitted, **how)
    assert f"at the mean price ($93 a month) is worth ${worth:,.0f} of contribution" in found.action
    assert f"on average (${low:,.0f} to ${high:,.0f}), its first month included" in found.action
    assert f"${equity['value_low'][0]:,.0f} to ${equity['value_high'][0]:,.0f} (includes chance)" in found.certainty
    assert "must not be added" in found.certainty
    # Its money is of all time, so that it is not ranked among those of twelve months.
    assert found.money is None


def test_of_given_parameters_no_interval_of_a_new_contract_is_told() -> None:
    found, _ = finding_of(ShiftedBetaGeometric(alpha=3.8, beta=15.2), term="year")
    assert "on average, its first year included" in found.action
    assert "renewed every year" in found.sentence


def test_without_contracts_or_value_there_is_no_finding(fitted) -> None:
    _, equity = finding_of(fitted)
    assert finding_of(fitted, equity=None)[0] is None
    how = {"term": "month", "price": 90.0, "margin": 0.5, "rate": 0.01}
    assert finding_renewal_equity(equity, None, **how) is None
    assert finding_of(fitted, equity=equity[:0])[0] is None
    assert finding_of(fitted, equity=equity.assign(value=0.0))[0] is None


def test_a_manager_reads_no_jargon_of_contracts(fitted) -> None:
    found, _ = finding_of(fitted)
    said = " ".join([found.sentence, found.certainty, found.action])
    for word in ("parameter", "horizon", "discounted", "sBG"):
        assert word not in said


def test_the_money_named_is_that_of_the_coming_year_less_what_leaves() -> None:
    model = ShiftedBetaGeometric(alpha=3.8, beta=15.2)
    equity = pd.DataFrame({"contracts": [10], "value": [300.0], "value_low": [250.0], "value_high": [350.0]})
    outlook = pd.DataFrame({"contribution": [120.0], "lost": [20.0], "lost_low": [15.0], "lost_high": [30.0]})
    how = {"term": "month", "price": 2.0, "margin": 0.5, "rate": 0.01}
    found = finding_renewal_equity(equity, model, **how, outlook=outlook)
    assert (found.money, found.money_low, found.money_high) == (100.0, 90.0, 105.0)
    assert finding_renewal_equity(equity, model, **how).money is None
