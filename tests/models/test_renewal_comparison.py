"""sBG and BdW side by side: on the published example, and where one of them is true."""

import numpy as np
import pytest

from crmlib.models import BetaDiscreteWeibull, FitDidNotConverge, ShiftedBetaGeometric, compare_renewals

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]


def test_the_published_segments_are_told_apart():
    regular, high_end = compare_renewals(REGULAR[:8]), compare_renewals(HIGH_END[:8])
    # Twice the difference of the published log-likelihoods, and its chi-squared tail with one degree of freedom.
    assert regular.table.likelihood_ratio[1] == pytest.approx(2 * (1680.265 - 1679.603), abs=0.002)
    assert regular.table.p_value[1] == pytest.approx(0.250, abs=0.001)
    assert high_end.table.likelihood_ratio[1] == pytest.approx(2 * (1611.158 - 1605.314), abs=0.002)
    assert high_end.table.p_value[1] == pytest.approx(0.00063, abs=0.00001)
    assert (regular.pick, high_end.pick) == ("sBG", "BdW")
    assert isinstance(regular.picked, ShiftedBetaGeometric)
    assert (regular.reason, high_end.reason) == ("constant_chance", "rising_chance")


def test_criteria_and_parameters_are_those_of_the_models():
    comparison = compare_renewals(HIGH_END[:8])
    for row in comparison.table.itertuples():
        model = comparison.models[row.model]
        assert (row.log_likelihood, row.aic, row.bic) == (model.log_likelihood_, model.aic, model.bic)
        assert (row.alpha, row.beta, row.c) == (model.alpha, model.beta, getattr(model, "c", 1.0))


def test_ages_held_out_decide_and_their_error_is_that_of_the_share_left():
    comparison = compare_renewals(HIGH_END, held_out=5)
    assert comparison.models["sBG"].log_likelihood_ == pytest.approx(-1611.158, abs=0.001)
    for name, error in zip(comparison.table.model, comparison.table.projection_error, strict=True):
        model = comparison.models[name]
        level = model.survival(7) / 0.491
        by_hand = np.abs(model.survival(range(8, 13)) - level * np.array(HIGH_END[8:]) / 1000).mean()
        assert error == pytest.approx(by_hand, rel=1e-9)
    assert comparison.pick == "BdW"
    assert comparison.reason == "projects_better"
    # The regular segment's projection is good by either.
    assert compare_renewals(REGULAR, held_out=5).table.projection_error.max() < 0.005


def test_where_the_sbg_is_true_the_test_refutes_it_about_as_often_as_it_should():
    random, refuted = np.random.default_rng(1), 0
    truth = ShiftedBetaGeometric(alpha=1.2, beta=6.0)
    chances = np.append(truth.churn(range(1, 11)), truth.survival(10))
    for _ in range(100):
        ends = random.multinomial(5000, chances / chances.sum())
        refuted += compare_renewals(5000 - np.append(0, np.cumsum(ends[:-1]))).pick == "BdW"
    # 5 % of 100; the number itself is known to ±2.2.
    assert refuted <= 11


def test_falling_chances_to_leave_are_found_and_said():
    truth = BetaDiscreteWeibull(alpha=2.0, beta=3.0, c=0.6)
    comparison = compare_renewals(np.round(50_000 * truth.survival(range(11))))
    assert (comparison.pick, comparison.reason) == ("BdW", "falling_chance")


def test_what_only_one_model_can_follow_is_left_to_it():
    two_ages = compare_renewals([1000, 631, 468])
    assert two_ages.pick == "sBG"
    assert two_ages.table.alpha.isna().tolist() == [False, True]
    assert two_ages.reason == "only_one_fits"


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(FitDidNotConverge, match=r"neither.*none of 100 contracts has ended"):
        compare_renewals([100, 100, 100, 100])
    with pytest.raises(ValueError, match="0 to 6"):
        compare_renewals(HIGH_END[:8], held_out=7)
