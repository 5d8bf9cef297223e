"""What contracts will still bring: by hand, by simulation, and how often intervals hold what came."""

import numpy as np
import pandas as pd
import pytest

from crmlib.models import BetaDiscreteWeibull, CustomerBaseInvalid, ShiftedBetaGeometric, renewal_equity, renewal_value

SBG = ShiftedBetaGeometric(alpha=1.2, beta=6.0)


def lifetimes(model, renewals, contracts, random, most=600):
    """Further renewals of contracts with so many behind them, by inversion of their survival."""
    survival = model.survival(renewals + np.arange(most + 1.0)) / model.survival(renewals)
    return np.searchsorted(-survival[1:], -random.random(contracts), side="right")


def discounted(made, rate):
    return (1 - (1 + rate) ** -np.asarray(made, float)) * (1 + rate) / rate


def test_value_is_contracts_times_contribution_times_residual_lifetime():
    table = renewal_value(SBG, renewals=[0, 3], contracts=[10, 4], price=[20, 30], margin=0.5, discount_rate=0.1)
    lifetime = SBG.residual_lifetime([0, 3], 0.1)
    assert table.value.tolist() == pytest.approx([10 * 20 * 0.5 * lifetime[0], 4 * 30 * 0.5 * lifetime[1]], rel=1e-12)
    assert table.renewals.tolist() == [0, 3]
    assert table.contracts.tolist() == [10, 4]


@pytest.mark.parametrize("model", [SBG, BetaDiscreteWeibull(alpha=0.5, beta=4.0, c=1.4)])
@pytest.mark.parametrize("rate", [0.1, 0.02])
def test_intervals_of_given_parameters_are_those_of_contracts_simulated_one_by_one(model, rate):
    random = np.random.default_rng(3)
    for renewals, contracts in ((0, 1), (5, 200)):
        brought = discounted(lifetimes(model, renewals, 4000 * contracts, random), rate).reshape(4000, contracts)
        low, high = np.quantile(brought.sum(axis=1), [0.05, 0.95])
        row = renewal_value(
            model, renewals=renewals, contracts=contracts, price=1, discount_rate=rate, confidence=0.9, draws=4000
        ).iloc[0]
        width = high - low
        assert row.value_low == pytest.approx(low, abs=0.05 * width)
        assert row.value_high == pytest.approx(high, abs=0.05 * width)


def test_a_single_contract_may_bring_nothing_and_many_are_surer():
    one = renewal_value(SBG, renewals=0, price=10, discount_rate=0.1).iloc[0]
    many = renewal_value(SBG, renewals=0, contracts=10_000, price=10, discount_rate=0.1).iloc[0]
    assert one.value_low == 0.0
    assert one.value_high > 2 * one.value
    assert (many.value_high - many.value_low) / many.value < 0.05


def test_the_total_is_surer_than_its_parts_where_only_chance_counts():
    how = {"renewals": range(10), "contracts": 50, "price": 10, "discount_rate": 0.1}
    rows, total = renewal_value(SBG, **how), renewal_equity(SBG, **how).iloc[0]
    assert total.value == pytest.approx(rows.value.sum(), rel=1e-12)
    assert total.contracts == 500
    widths = rows.value_high - rows.value_low
    assert total.value_high - total.value_low == pytest.approx(np.sqrt((widths**2).sum()), rel=0.1)


def test_what_is_not_known_of_the_parameters_widens_the_interval():
    survivors = np.round(400 * SBG.survival(range(9)))
    model = ShiftedBetaGeometric.fit(survivors)
    how = {"renewals": 8, "contracts": 100_000, "price": 1, "discount_rate": 0.05, "draws": 400}
    fitted = renewal_equity(model, **how).iloc[0]
    given = renewal_equity(ShiftedBetaGeometric(alpha=model.alpha, beta=model.beta), **how).iloc[0]
    assert fitted.value_high - fitted.value_low > 5 * (given.value_high - given.value_low)
    pd.testing.assert_series_equal(fitted, renewal_equity(model, **how).iloc[0])


def test_ninety_per_cent_intervals_hold_what_came_in_nine_cases_of_ten():
    random, rate, inside, cohorts = np.random.default_rng(8), 0.05, 0, 200
    for cohort in range(cohorts):
        made = lifetimes(SBG, 0, 400, random)
        left = [int((made >= t).sum()) for t in range(11)]
        model = ShiftedBetaGeometric.fit(left)
        row = renewal_equity(
            model, renewals=10, contracts=left[10], price=1, discount_rate=rate, confidence=0.9, draws=200, seed=cohort
        ).iloc[0]
        came = discounted(made[made >= 10] - 10, rate).sum()
        inside += row.value_low <= came <= row.value_high
    # 90 % of 200 is 180; the number itself is known to ±4.2.
    assert 169 <= inside <= 191


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"renewals": 1.5}, ValueError, "whole numbers"),
        ({"discount_rate": 0.0}, ValueError, "above 0"),
        ({"margin": 20}, ValueError, "0 to 1"),
        ({"confidence": 95}, ValueError, "between 0 and 1"),
        ({"confidence": 1}, ValueError, "between 0 and 1"),
        ({"confidence": 0.0}, ValueError, "between 0 and 1"),
        ({"confidence": np.nan}, ValueError, "between 0 and 1"),
        ({"draws": 1}, ValueError, "draws must be a whole number, 100 or more, not 1: fewer do not tell an interval"),
        ({"draws": 99}, ValueError, "100 or more, not 99"),
        ({"draws": 200.5}, ValueError, "100 or more, not 200.5"),
        ({"contracts": [1, 2, 3]}, ValueError, "one for each"),
        ({"contracts": [1, 2.5]}, CustomerBaseInvalid, "row 1, contracts is 2.5"),
        ({"price": [1, np.nan]}, CustomerBaseInvalid, "row 1, price is nan"),
        ({"price": -1}, CustomerBaseInvalid, "row 0, price is -1"),
    ],
)
def test_impossible_input_is_refused_by_name(changed, error, words):
    how = {"renewals": [0, 1], "contracts": [1, 2], "price": 10, "discount_rate": 0.1} | changed
    for of in (renewal_value, renewal_equity):
        with pytest.raises(error, match=words):
            of(SBG, **how)


def test_the_fewest_draws_already_hold_the_value():
    for of in (renewal_value, renewal_equity):
        row = of(SBG, renewals=3, contracts=50, price=10, discount_rate=0.1, draws=100).iloc[0]
        assert row.value_low < row.value < row.value_high
