"""The exercises of chapter 08: right answers pass, usual mistakes are named, blanks and junk never raise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmlib.course import nps as check

ANSWERS = pd.DataFrame(
    {
        "score": [10.0] * 30 + [9.0] * 25 + [8.0] * 20 + [7.0] * 10 + [6.0] * 8 + [2.0] * 7,
        "channel": ["search"] * 60 + ["social"] * 35 + ["event"] * 5,
    }
)
ANSWERS["respondent"] = [str(n) for n in range(100)]
WEIGHTED = ANSWERS.assign(weight=np.where(ANSWERS.score >= 9, 1.5, 3.0))
TREND = pd.DataFrame(
    {
        "answers": [90, 80],
        "nps": [40.0, 10.0],
        "change": [None, -30.0],
        "change_low": [None, -45.0],
        "change_high": [None, -15.0],
    }
)
DRIVERS = pd.DataFrame(
    {"driver": ["wait", "service"], "mean_rating": [2.0, 4.0], "nps_gain": [5.0, 9.0], "importance": [0.3, 0.7]}
)
LATER = pd.DataFrame(
    {
        "category": ["promoter"] * 4 + ["detractor"] * 2 + ["passive"],
        "revenue_after": [100.0, 0.0, 40.0, 20.0, 30.0, 0.0, 7.0],
        "revenue_before": [50.0, 60.0, 70.0, 80.0, 10.0, 20.0, 1.0],
    }
)
BY_CHANNEL = pd.DataFrame({"channel": ["search", "social"], "nps": [100 * 55 / 60, 100 * -10 / 35]})
CHECKS = {
    check.check_score: ANSWERS,
    check.check_interval: ANSWERS,
    check.check_groups: ANSWERS,
    check.check_weighted: WEIGHTED,
    check.check_signal: TREND,
    check.check_driver: DRIVERS,
    check.check_later_revenue: LATER,
}


@pytest.mark.parametrize("judge", CHECKS)
@pytest.mark.parametrize("blank", [..., None, "", "  "])
def test_a_blank_is_not_attempted(judge, blank):
    assert judge(blank, CHECKS[judge]).verdict == "not attempted"
    assert judge(blank, CHECKS[judge].iloc[:0]).verdict == "not attempted"


@pytest.mark.parametrize("judge", CHECKS)
@pytest.mark.parametrize(
    "junk",
    [
        "forty",
        [1, 2],
        {},
        object(),
        float("nan"),
        float("inf"),
        pd.DataFrame(),
        pd.Series([1.0, 2.0]),
        10**400,
        1j,
        print,
    ],
)
def test_junk_is_never_right_and_never_raises(judge, junk):
    verdict = judge(junk, CHECKS[judge])
    assert verdict.verdict == "not yet"
    assert verdict.message


@pytest.mark.parametrize("judge", CHECKS)
def test_without_answers_nothing_is_judged(judge):
    assert "no answers" in judge(1.0, CHECKS[judge].iloc[:0]).message


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        (40, "right", ""),
        (40.04, "right", ""),
        (np.float64(40.0), "right", ""),
        (0.40, "not yet", "points"),
        (ANSWERS.score.mean(), "not yet", "mean of the answers"),
        (55, "not yet", "promoters alone"),
        (70, "not yet", "7s and 8s"),
        (48, "not yet", "A 6 is one too"),
        (100 * 40 / 70, "not yet", "everybody who answered"),
        (-40, "not yet", "sign"),
        (17, "not yet", "Share of answers"),
    ],
)
def test_the_score_and_its_usual_mistakes(answer, verdict, words):
    judged = check.check_score(answer, ANSWERS)
    assert judged.verdict == verdict
    assert words in judged.message


def test_the_interval_and_its_usual_mistakes():
    p, d = 55.75 / 103, 15.75 / 103
    error = ((p + d - (p - d) ** 2) / 103) ** 0.5
    plain = 40 - 196 * ((0.7 - 0.16) / 100) ** 0.5
    assert check.check_interval(100 * (p - d - 1.96 * error), ANSWERS).verdict == "right"
    for wrong, words in {
        plain: "plain Wald",
        100 * (p - d + 1.96 * error): "upper end",
        196 * error: "half width",
        100 * (p - d): "middle",
        100 * (p - d - error): "one standard error",
    }.items():
        judged = check.check_interval(wrong, ANSWERS)
        assert judged.verdict == "not yet"
        assert words in judged.message


def test_the_table_of_groups_and_its_usual_mistakes():
    assert check.check_groups(BY_CHANNEL, ANSWERS).verdict == "right"
    assert check.check_groups(BY_CHANNEL[::-1].assign(extra=1), ANSWERS).verdict == "right"
    assert check.check_groups(BY_CHANNEL.set_index("channel").nps, ANSWERS).verdict == "right"
    assert check.check_groups(BY_CHANNEL.round(1), ANSWERS).verdict == "right"
    small = pd.concat([BY_CHANNEL, pd.DataFrame({"channel": ["event"], "nps": [-100.0]})])
    assert "event" in check.check_groups(small, ANSWERS).message
    assert "times 100" in check.check_groups(BY_CHANNEL.assign(nps=BY_CHANNEL.nps / 100), ANSWERS).message
    assert check.check_groups(BY_CHANNEL.head(1), ANSWERS).verdict == "not yet"
    assert "search" in check.check_groups(BY_CHANNEL.assign(nps=[1.0, BY_CHANNEL.nps[1]]), ANSWERS).message


def test_the_weighted_score_and_its_usual_mistakes():
    total = 55 * 1.5 + 45 * 3
    right = 100 * (55 * 1.5 - 15 * 3) / total
    assert check.check_weighted(right, WEIGHTED).verdict == "right"
    assert "without weights" in check.check_weighted(40, WEIGHTED).message
    assert "sum of the weights" in check.check_weighted(55 * 1.5 - 15 * 3, WEIGHTED).message
    divided = 100 * (55 / 1.5 - 15 / 3) / (55 / 1.5 + 45 / 3)
    assert "divide by the weights" in check.check_weighted(divided, WEIGHTED).message


def test_signal_or_noise():
    assert check.check_signal("Yes", TREND).verdict == "right"
    assert "one side of zero" in check.check_signal("no", TREND).message
    assert "Choose one of" in check.check_signal("perhaps", TREND).message
    noise = TREND.assign(change_high=5.0)
    assert check.check_signal("no", noise).verdict == "right"
    assert "holds zero" in check.check_signal("yes", noise).message


def test_the_driver_to_begin_with():
    assert check.check_driver("service", DRIVERS).verdict == "right"
    assert check.check_driver("item_service", DRIVERS).verdict == "right"
    assert "rated lowest" in check.check_driver("wait", DRIVERS).message
    assert "Choose one of" in check.check_driver("price", DRIVERS).message


def test_later_revenue_and_its_usual_mistakes():
    assert check.check_later_revenue(25.0, LATER).verdict == "right"
    for wrong, words in {
        -25.0: "sign", 50.0: "before the answer", 130.0: "sums", 160 / 3 - 30: "bought nothing", 15.0: "medians",
    }.items():  # fmt: skip
        judged = check.check_later_revenue(wrong, LATER)
        assert judged.verdict == "not yet"
        assert words in judged.message
