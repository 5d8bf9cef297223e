"""All exercises of all chapters, on the data of their practice notebooks (the sample and the notebooks' own tables).

The cells of each practice notebook are run here with their solutions, and each call of a check is kept: its answer and
the data that it was judged by.
"""

from __future__ import annotations

import functools
import importlib
import math
from dataclasses import dataclass
from typing import Any

import jupytext
import numpy as np
import pandas as pd
import pytest
import yaml

from crmlib.course.build import solution
from crmlib.course.exercise import HINTS, Choice, Exercise, Number, Several, Table
from crmlib.words import use

CHAPTERS = {
    "customer_data": "01_customer_data",
    "acquisition": "02_acquisition",
    "segmentation": "03_segmentation",
    "clv": "04_clv",
    "retention": "05_retention",
    "churn": "06_churn",
    "growth": "07_growth",
    "nps": "08_nps",
    "scorecard": "13_scorecard",
}
EXERCISES = [
    (chapter, name)
    for chapter in CHAPTERS
    for name in importlib.import_module(f"crmlib.course.{chapter}").practice.exercises
]


@dataclass
class Call:
    """A check that the practice notebook calls, with the answer of its solution."""

    exercise: Exercise
    answer: Any
    data: tuple[Any, ...]
    settings: dict[str, Any]

    def judge(self, answer: Any) -> Any:
        return self.exercise.judge(answer, *self.data, **self.settings)

    def solution(self) -> tuple[Any, dict[str, Any]]:
        return self.exercise.solution(*self.data, **self.settings)


@pytest.fixture(scope="session")
def calls(repository):
    """The calls of a chapter's practice notebook, by the name of the exercise."""
    kept: dict[str, dict[str, Call]] = {}

    def of(chapter: str) -> dict[str, Call]:
        if chapter not in kept:
            kept[chapter] = _run(repository, CHAPTERS[chapter])
        return kept[chapter]

    return of


def _once(rule: Any) -> Any:
    """The rule, computed once for the same data."""
    kept: dict[Any, Any] = {}

    @functools.wraps(rule)
    def answered(*data: Any, **settings: Any) -> Any:
        key = (*map(id, data), repr(settings))
        if key not in kept:
            kept[key] = (rule(*data, **settings), data)
        return kept[key][0]

    return answered


def _run(repository, notebook: str) -> dict[str, Call]:
    made: dict[str, Call] = {}

    def keep(self: Exercise, answer: Any, *data: Any, **settings: Any) -> None:
        made[self.name] = Call(self, answer, data, settings)
        self.rule = _once(self.rule)

    variables: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Exercise, "__call__", keep)
        patch.chdir(repository / "notebooks" / "exercises")
        cells = jupytext.read(repository / "notebooks" / "source" / "exercises" / f"{notebook}.py").cells
        for cell in cells:
            if cell.cell_type == "code":
                exec(solution(cell.source), variables)
    return made


@pytest.fixture(params=EXERCISES, ids=lambda one: ".".join(one))
def call(request, calls):
    chapter, name = request.param
    return calls(chapter)[name]


# What an exercise warns of must be told from the right value on the notebook's data; the codes here are the exceptions.
NOT_TOLD_APART: dict[str, list[str]] = {}


def test_what_an_exercise_warns_of_is_told_from_the_right_value(call):
    assert call.exercise.alike(*call.solution()) == NOT_TOLD_APART.get(call.exercise.name, [])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_right_value_is_right_and_each_mistake_gets_its_own_words(call, language):
    use(language, "CNY")
    right, mistakes = call.solution()
    assert call.judge(call.answer).verdict == "right"
    assert call.judge(right[0] if isinstance(right, tuple) else right).verdict == "right"
    alike = call.exercise.alike(right, mistakes)
    said = set()
    for code, wrong in mistakes.items():
        if code in alike:
            continue
        verdict = call.judge(wrong)
        assert (verdict.verdict, verdict.mistake) == ("not yet", code), wrong
        said.add(verdict.message)
    assert len(said) == len(mistakes) - len(alike)


def test_what_these_data_do_not_tell_apart_is_said(call):
    right, mistakes = call.solution()
    alike = call.exercise.alike(right, mistakes)
    verdict = call.judge(right[0] if isinstance(right, tuple) else right)
    assert ("common mistake" in verdict.message) == bool(alike), alike


def test_every_mistake_has_words_and_every_exercise_three_hints(call):
    rule = call.exercise
    words = yaml.safe_load(rule._practice.words.path.read_text(encoding="utf-8"))[rule.name]
    assert set(call.solution()[1]) | set(HINTS) <= set(words)
    assert [rule.hint().number for _ in range(4)] == [1, 2, 3, 3]


class Spiteful:
    """Whatever one asks of it, it fails."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __str__(self):
        raise RuntimeError

    __float__ = __iter__ = __len__ = __eq__ = __str__


JUNK = [
    "forty", [1, 2], [], {}, {1: 2}, (), object(), Spiteful(), math.nan, math.inf, -math.inf, 10**400, 1j, print, b"x",
    True, pd.NA, pd.NaT, np.array([]), np.array([[1, 2]]), pd.Series([1.0, 2.0]), pd.Series(dtype=float),
    pd.DataFrame(),
    pd.DataFrame({"x": [1]}), {"a", 1}, range(3), [("a", "b", "c")], [[]], pd.Timestamp("2025-01-01"), type,
]  # fmt: skip


def test_junk_is_never_right_and_never_raises(call):
    for junk in JUNK:
        if isinstance(junk, bool) and isinstance(call.exercise, Choice):
            continue
        verdict = call.judge(junk)
        assert verdict.verdict == "not yet", junk
        assert verdict.message


def test_a_blank_is_not_attempted(call):
    assert {call.judge(blank).verdict for blank in (..., None, "", "  ")} == {"not attempted"}


def test_without_data_nothing_is_judged(call):
    """Empty tables instead of those of the notebook: the exercise says that there is nothing to answer."""
    data = [one.head(0) if hasattr(one, "head") else one for one in call.data]
    if any(hasattr(one, "head") for one in data):
        verdict = call.exercise.judge(1.0, *data, **call.settings)
        assert verdict.verdict == "not attempted"
        assert verdict.message


def test_rounding_and_the_factor_of_a_hundred(call):
    if isinstance(call.exercise, Number):
        right = call.solution()[0]
        value = right[0] if isinstance(right, tuple) else right
        edge = call.exercise.tolerance(value)
        assert call.judge(value + 0.99 * edge).verdict == "right"
        beyond = [call.judge(value + 3 * side * edge) for side in (-1, 1)]
        assert {verdict.verdict for verdict in beyond} == {"not yet"} or isinstance(right, tuple)
        for wrong in (100 * value, value / 100):
            verdict = call.judge(wrong)
            assert verdict.verdict == "not yet"
            assert verdict.mistake or "100 times" in verdict.message


def test_tables_are_judged_whatever_their_shape(call):
    if isinstance(call.exercise, Table) and call.exercise._read is None:
        on, right = call.exercise.on, call.solution()[0].reset_index()
        value = right.columns[1]
        for shape in (
            right[::-1],
            right.assign(more=1),
            right.set_index(on),
            right.set_index(on)[value],
            list(right[value]),
        ):
            assert call.judge(shape).verdict == "right", type(shape)
        assert value in call.judge(right.drop(columns=value).assign(a=1, b=2)).message
        assert ("Answer a table" in call.judge(7).message) != call.exercise.as_list
        assert call.judge(right.iloc[1:]).verdict == "not yet"
        assert call.judge(pd.concat([right, right.head(1)])).verdict == "not yet"


def test_a_choice_knows_every_option(call):
    if isinstance(call.exercise, Choice):
        right = call.solution()[0]
        choices = call.exercise.choices(*call.data, **call.settings)
        for option in choices:
            said = {call.judge(o).verdict for o in (option, option.upper(), f"{call.exercise.prefix}{option}")}
            assert said == {"right" if call.exercise._given(option, right) == right else "not yet"}
        assert f"Choose one of `{choices[0]}`" in call.judge("nothing of the kind").message
        if call.exercise.options == ("yes", "no"):
            for truth in (True, np.bool_(True), "Yes", "是", "true"):
                assert (call.judge(truth).verdict == "right") == (right == "yes")
            for lie in (False, np.bool_(False), "n", "否"):
                assert (call.judge(lie).verdict == "right") == (right == "no")


def test_a_set_may_come_in_any_order(call):
    if isinstance(call.exercise, Several):
        items = list(call.solution()[0])
        assert call.judge(set(items)).verdict == call.judge([*items[::-1], items[0]]).verdict == "right"
        assert call.judge(items[1:]).verdict == "not yet"


def test_nps_few_answers_tell_the_adjusted_interval_from_the_plain_one_and_small_groups_from_large_ones(calls):
    of = calls("nps")
    assert abs(of["interval"].solution()[0] - of["interval"].solution()[1]["plain"]) > 5
    right, mistakes = of["groups"].solution()
    assert set(mistakes["small"].index) - set(right.index) == {"fair"}


def test_nps_the_driver_with_the_lowest_rating_is_not_the_one_to_begin_with(calls):
    assert calls("nps")["driver"].judge("wait").mistake == "lowest"


def test_nps_no_may_be_said_as_false_and_one_decimal_is_enough(calls):
    assert calls("nps")["signal"].judge(False).verdict == "right"
    later = calls("nps")["later"]
    assert later.judge(round(later.solution()[0], 1)).verdict == "right"


def test_segmentation_scores_by_rank_are_recognised_and_the_thresholds_of_then_are_told_from_those_of_today(calls):
    of = calls("segmentation")
    (few,) = of["frequency_scores"].data
    ranked = pd.qcut(few.purchases_year.rank(method="first"), 3, labels=False) + 1
    judged = of["frequency_scores"].judge(few[["customer_id"]].assign(f_score=ranked))
    assert judged.mistake == "by_rank"
    right, mistakes = of["still_core"].solution()
    assert abs(right - mistakes["own_thresholds"]) > 0.005


def test_segmentation_revenue_of_all_times_is_not_that_of_the_year(calls):
    right, mistakes = calls("segmentation")["best_fifth"].solution()
    assert min(abs(right - mistakes[code]) for code in ("ever", "ever_of_buyers", "everybody")) > 0.03


def test_segmentation_the_stage_sleeping_is_not_the_tier_sleeping(calls):
    asleep = calls("segmentation")["asleep"]
    customers, thresholds = asleep.data
    segmented = importlib.import_module("crmlib.lifecycle.segmentation").segments(customers, thresholds)
    judged = asleep.judge(segmented[segmented.stage == "sleeping"].revenue_year.mean())
    assert (judged.verdict, judged.mistake) == ("not yet", "by_stage")


def test_where_the_data_do_not_tell_a_mistake_from_the_right_value_the_verdict_says_so():
    score = importlib.import_module("crmlib.course.nps").score
    nobody_between = pd.DataFrame({"score": [10, 10, 3]})
    verdict = score.judge(33.3, nobody_between)
    assert verdict.verdict == "right"
    assert "gives the same value" in verdict.message


def test_a_mistake_that_is_hit_exactly_is_named_even_if_a_rounded_answer_could_not_be_told_from_right():
    weighted = importlib.import_module("crmlib.course.nps").weighted
    answers = pd.DataFrame({"score": [10, 9, 3] * 333, "weight": [1.0] * 998 + [1.3]})
    right, mistakes = weighted.solution(answers)
    assert 0.005 < abs(right - mistakes["unweighted"]) < weighted.tolerance(right)
    assert weighted.judge(mistakes["unweighted"], answers).mistake == "unweighted"
    assert "gives the same value" in weighted.judge(round(right, 2), answers).message


def test_what_cannot_be_a_share_is_said_to_be_none(calls):
    for answer in (-0.3, 1.2):
        assert calls("retention")["repeat_rate"].judge(answer).message == "A share lies between 0 and 1."


def test_a_list_is_asked_for_where_a_list_is_wanted(calls):
    said = calls("customer_data")["amounts"].judge(5).message
    assert said == "Answer a list of 4 values. Yours is of the type `int`."
