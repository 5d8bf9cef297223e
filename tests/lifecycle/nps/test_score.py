"""The score and its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.answers import SMALL_BASE
from crmlib.lifecycle import nps
from crmlib.statistics import adjusted_wald
from tests.lifecycle.nps.conftest import made_of

SURVEYS = pd.DataFrame(
    {
        "response_id": [str(n) for n in range(12)],
        "customer_id": ["a", "b", "c", "d", "e", "f", "g", "h", "i", None, "j", "k"],
        "answered_at": pd.to_datetime(["2025-03-01 12:00"] * 10 + ["2026-01-01 00:00", "2025-03-01 12:00"]),
        "kind": ["nps"] * 11 + ["csat"],
        "score": [10, 9, 8, 7, 6, 5, 0, None, 11, 9, 10, 5],
    }
)


def test_promoters_begin_at_nine_and_detractors_end_at_six():
    answers = nps.answers(SURVEYS, as_of="2025-12-31").set_index("response_id")
    assert answers.category.to_dict() == {
        "0": "promoter", "1": "promoter", "2": "passive", "3": "passive", "4": "detractor", "5": "detractor",
        "6": "detractor", "9": "promoter",
    }  # fmt: skip
    assert answers.net.tolist() == [1, 1, 0, 0, -1, -1, -1, 1]


def test_answers_without_score_beyond_the_scale_of_other_surveys_or_later_than_as_of_do_not_count():
    assert set(nps.answers(SURVEYS, as_of="2025-12-31").response_id) == {"0", "1", "2", "3", "4", "5", "6", "9"}
    assert "10" in set(nps.answers(SURVEYS, as_of="2026-01-01").response_id)


def test_answers_of_the_last_days_leave_out_older_ones():
    assert len(nps.answers(SURVEYS, as_of="2025-03-03", days=3)) == 8
    assert len(nps.answers(SURVEYS, as_of="2025-03-03", days=2)) == 0


def test_an_answer_without_a_customer_stands_for_itself():
    anonymous = nps.answers(SURVEYS.drop(columns="customer_id"), as_of="2025-12-31")
    assert anonymous.respondent.is_unique
    assert anonymous.customer_id.isna().all()


def test_the_score_is_promoters_less_detractors_in_points():
    score = nps.scores(made_of(50, 30, 20)).iloc[0]
    assert score.nps == pytest.approx(30)
    assert [score.promoters, score.passives, score.detractors] == pytest.approx([0.5, 0.3, 0.2])


def test_the_interval_is_the_adjusted_wald_interval_computed_by_hand():
    # 50, 30, 20 of 100: p = 50.75/103, d = 20.75/103
    p, d = 50.75 / 103, 20.75 / 103
    half = 1.959964 * ((p + d - (p - d) ** 2) / 103) ** 0.5
    score = nps.scores(made_of(50, 30, 20)).iloc[0]
    assert [score.nps_low, score.nps_high] == pytest.approx([100 * (p - d - half), 100 * (p - d + half)], abs=1e-4)
    assert score.effective_answers == 100


def test_a_wider_promise_gives_a_wider_interval():
    narrow, wide = (nps.scores(made_of(50, 30, 20), level=level).iloc[0] for level in (0.8, 0.99))
    assert wide.nps_low < narrow.nps_low < narrow.nps_high < wide.nps_high


def test_five_tens_do_not_prove_a_perfect_score():
    score = nps.scores(made_of(5, 0, 0)).iloc[0]
    assert score.nps == score.nps_high == 100
    assert score.nps_low < 30
    assert score.small_base


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=8, deadline=None)
def test_the_interval_holds_the_score_and_stays_on_the_scale(promoters, passives, detractors):
    if promoters + passives + detractors == 0:
        return
    score = nps.scores(made_of(promoters, passives, detractors)).iloc[0]
    assert -100 <= score.nps_low <= score.nps <= score.nps_high <= 100
    mirrored = nps.scores(made_of(detractors, passives, promoters)).iloc[0]
    assert mirrored.nps_low == pytest.approx(-score.nps_high)


@pytest.mark.parametrize(
    ("promoters", "detractors"), [(0.9, 0.02), (0.95, 0.01), (0.02, 0.9), (0.9, 0.1), (0.85, 0.05)]
)
def test_at_extreme_scores_and_few_answers_the_adjusted_interval_keeps_its_promise_and_the_plain_one_does_not(
    promoters, detractors
):
    held = nps.coverage(promoters, detractors, sizes=(10, 20, 30)).set_index("answers")
    assert (held.adjusted >= 0.91).all()
    assert (held.adjusted > held.plain).all()
    assert held.plain[10] < 0.9


def test_over_all_scores_the_adjusted_interval_holds_ninety_five_in_a_hundred():
    grid = [(p, d) for p in np.arange(0.05, 1, 0.15) for d in np.arange(0.05, 1, 0.15) if p + d < 1]
    held = pd.concat([nps.coverage(p, d, sizes=(10, 30)) for p, d in grid])
    assert held.groupby("answers").adjusted.mean().tolist() == pytest.approx([0.95, 0.95], abs=0.012)
    assert held.groupby("answers").plain.mean()[10] < 0.9


def test_exact_coverage_agrees_with_a_simulation():
    random = np.random.default_rng(1)
    counts = random.multinomial(10, [0.85, 0.1, 0.05], 20_000)
    low, high = adjusted_wald(counts[:, 0] / 10, counts[:, 2] / 10, 10.0)
    simulated = np.mean((low <= 0.8) & (high >= 0.8))
    assert nps.coverage(0.85, 0.05, sizes=(10,)).adjusted[0] == pytest.approx(simulated, abs=0.01)


def test_coverage_refuses_impossible_shares():
    with pytest.raises(ValueError, match="shares"):
        nps.coverage(0.8, 0.3)


def test_the_same_answer_given_four_times_is_worth_one():
    once = made_of(30, 20, 10)
    four_times = pd.concat([once] * 4, ignore_index=True)
    score = nps.scores(four_times).iloc[0]
    assert score.answers == 240
    assert score.customers == 60
    assert score.effective_answers == pytest.approx(60, rel=0.02)


def test_repeated_but_independent_answers_are_worth_nearly_their_number():
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"score": random.integers(4, 11, 3000).astype(float), "respondent": random.integers(0, 1000, 3000)}
    )
    assert nps.scores(frame).effective_answers[0] > 2700


def test_the_variance_behind_the_interval_is_that_of_a_cluster_bootstrap():
    random = np.random.default_rng(3)
    mood = np.repeat(random.normal(8, 1.5, 400), 3)
    score = np.clip(np.round(mood + random.normal(0, 1, 1200)), 0, 10)
    frame = pd.DataFrame({"score": score, "respondent": np.repeat(np.arange(400), 3)})
    found = nps.scores(frame).iloc[0]
    sums = ((score >= 9).astype(float) - (score <= 6)).reshape(400, 3).sum(axis=1)
    draws = [100 * sums[random.integers(0, 400, 400)].sum() / 1200 for _ in range(2000)]
    spread = found.promoters + found.detractors - (found.nps / 100) ** 2
    assert 100 * (spread / found.effective_answers) ** 0.5 == pytest.approx(np.std(draws), rel=0.06)


def test_weights_count_as_so_many_answers_but_not_as_so_much_certainty():
    heavy = made_of(1, 0, 3, weight=[3.0, 1.0, 1.0, 1.0])
    assert nps.scores(heavy).nps[0] == pytest.approx(0)
    equal = nps.scores(made_of(50, 30, 20, weight=7.0)).iloc[0]
    assert equal.effective_answers == 100
    uneven = nps.scores(made_of(50, 30, 20, weight=np.tile([1.0, 9.0], 50))).iloc[0]
    assert uneven.effective_answers < 70


def test_answers_without_a_weight_or_a_group_are_left_out():
    frame = made_of(2, 0, 2, weight=[1.0, None, 1.0, 1.0], shop=["x", "x", None, "x"])
    assert nps.scores(frame).answers.tolist() == [3]
    assert nps.scores(frame, by=["shop"]).answers.tolist() == [2]


def test_a_small_base_is_fewer_than_thirty_customers_not_answers():
    many_answers = pd.concat([made_of(10, 5, 5)] * 10)
    assert nps.scores(many_answers).small_base.tolist() == [True]
    assert nps.scores(made_of(SMALL_BASE, 0, 0)).small_base.tolist() == [False]


def test_no_answers_are_no_score_and_not_a_score_of_zero():
    nobody = nps.answers(SURVEYS[SURVEYS.kind == "csat"], as_of="2025-12-31")
    assert nps.scores(nobody).empty
    assert nps.scores(nobody.assign(shop="x"), by=["shop"]).empty


def test_the_score_of_the_sample_is_the_one_written_down(answers, truth):
    assert nps.scores(answers).nps[0] == pytest.approx(truth["nps_of_respondents"], abs=1e-4)
    assert len(answers) == truth["answered"]


def test_a_difference_is_surer_than_two_intervals_side_by_side_suggest():
    first, second = nps.scores(made_of(500, 300, 200)).iloc[0], nps.scores(made_of(550, 285, 165)).iloc[0]
    change, low, high = nps.difference(first, second)
    assert change == pytest.approx(8.5)
    assert first.nps_high > second.nps_low  # the intervals overlap …
    assert 0 < low < change < high  # … and yet the change is beyond chance
    error = 100 * ((0.7 - 0.3**2) / 1000 + (0.715 - 0.385**2) / 1000) ** 0.5
    assert [low, high] == pytest.approx([8.5 - 1.96 * error, 8.5 + 1.96 * error], abs=0.15)
