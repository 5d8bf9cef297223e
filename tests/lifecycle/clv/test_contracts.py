"""What is concluded of contracts: what a new one is worth, and what those that run will still bring."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.lifecycle.clv import (
    contract_equity,
    contract_model,
    contract_models_table,
    contract_values,
    finding_contracts,
)
from crmlib.models import (
    BetaDiscreteWeibull,
    ShiftedBetaGeometric,
    new_subscription_interval,
    new_subscription_value,
    rate_per_period,
    renewal_equity,
)
from crmlib.words import short

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


def ages_of(left: Any) -> pd.DataFrame:
    left = np.asarray(left, dtype=float)
    return pd.DataFrame({"age": range(1, len(left)), "at_risk": left[:-1], "lost": -np.diff(left)})


def test_why_a_model_is_taken_is_said_with_its_numbers() -> None:
    regular = [1000, 631, 468, 382, 326, 289, 262, 241]
    falling = np.round(50_000 * BetaDiscreteWeibull(alpha=2.0, beta=3.0, c=0.6).survival(range(11)))
    said = [contract_models_table(contract_model(ages_of(left))).reading for left in (regular, HIGH_END, falling)]
    assert "stays the same (sBG): the data agree with it (p value 0.25" in said[0]
    assert "it rises, which the simpler model (sBG) cannot say" in said[1]
    assert "p value below 0.001" in said[1]
    assert "it falls, which" in said[2]


RUNNING = pd.DataFrame({"age": [0, 5], "contracts": [300, 102], "revenue": [300 * 90.0, 102 * 100.0]})


def finding_of(model: Any, **changed: Any) -> Any:
    how = {"term": "month", "margin": 0.5, "discount_rate": 0.1} | changed
    equity = contract_equity(RUNNING, model, **how)
    return finding_contracts(equity, term=how["term"]), equity


def test_what_runs_is_valued_as_the_models_do(fitted) -> None:
    rate = rate_per_period(0.1, "month")
    equity = finding_of(fitted)[1]
    by_hand = renewal_equity(fitted, renewals=[0, 5], contracts=[300, 102], price=[90, 100], margin=0.5,
                             discount_rate=rate)  # fmt: skip
    pd.testing.assert_frame_equal(equity[list(by_hand)], by_hand)
    price = (300 * 90 + 102 * 100) / 402
    assert equity["new_value"][0] == new_subscription_value(fitted, price=price, margin=0.5, discount_rate=rate)
    each = contract_values(RUNNING, fitted, term="month", margin=0.5, discount_rate=0.1)
    assert each["value"].sum() == pytest.approx(equity["value"][0])
    np.testing.assert_allclose(each["each"] * RUNNING["contracts"], each["value"])


def test_the_finding_says_what_runs_what_it_brings_and_what_a_new_one_may_cost(fitted) -> None:
    found, equity = finding_of(fitted)
    one = equity.iloc[0]
    assert found.headline == f"402 running contracts are worth {short(one['value'])} of gross profit"
    assert f"That is {short(one['value'] / 402)} each." in found.evidence
    assert found.action == f"Spend less than {short(one['new_value'])} on winning a new one."
    assert f"at the mean price ($93 a month), its first month included; its interval is ${one['new_low']:,.0f} to" in (
        found.certainty
    )
    assert f"${one['value_low']:,.0f} to ${one['value_high']:,.0f} (includes chance)" in found.certainty
    assert "must not be added" in found.certainty
    # It informs: what may be missing of it within a year is told by the chapter on retention.
    assert (found.money, found.decides) == (None, False)
    assert len(found.headline.split()) <= 12
    assert len(found.evidence.split()) <= 25


def test_of_given_parameters_no_interval_of_a_new_contract_is_told() -> None:
    found, _ = finding_of(ShiftedBetaGeometric(alpha=3.8, beta=15.2), term="year")
    assert found.certainty.endswith("its first year included.")


def test_without_contracts_or_value_there_is_no_finding(fitted) -> None:
    how = {"term": "month", "margin": 0.5, "discount_rate": 0.1}
    assert finding_of(None)[0] is None
    assert finding_contracts(contract_equity(RUNNING[:0], fitted, **how), term="month") is None
    assert contract_values(RUNNING, None, **how).empty
    assert finding_contracts(finding_of(fitted)[1].assign(value=0.0), term="month") is None


def test_a_manager_reads_no_jargon_of_contracts(fitted) -> None:
    found, _ = finding_of(fitted)
    said = " ".join([found.sentence, found.certainty, found.action])
    for word in ("parameter", "horizon", "discounted", "sBG"):
        assert word not in said


def test_where_nobody_can_leave_the_likelihood_and_its_slopes_stay_numbers() -> None:
    of = BetaDiscreteWeibull.likelihood(np.array([1.0, 2.0]), np.array([9.0, 9.0]), np.array([0.0, 1.0]))
    with np.errstate(all="raise", under="ignore"):
        assert all(np.isfinite(each).all() for each in of(np.array([-460.0, 0.0, 0.0])))
