"""Checks of chapter 08's exercises: each recomputes the answer from the data and knows the usual mistakes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from crmlib.course.checks import NOT_ATTEMPTED, Answer, compare_choice, compare_table

_NO_ANSWERS = Answer("not yet", "These data hold no answers that this exercise could be done with.")
# One decimal of a point is enough.
_POINTS = 0.06


def _blank(answer: Any) -> bool:
    return answer is None or answer is Ellipsis or (isinstance(answer, str) and not answer.strip())


def _judge(answer: Any, expected: float, *, hint: str, mistakes: Mapping[str, float], unit: float = _POINTS) -> Answer:
    """Judge a number in points (or money) to within ``unit``; ``mistakes`` are the values of the usual errors."""
    try:
        value = float(answer)
    except (TypeError, ValueError, OverflowError):
        return Answer("not yet", f"A single number is expected, this is a {type(answer).__name__}. {hint}")
    if not math.isfinite(expected):
        return _NO_ANSWERS
    if not math.isfinite(value):
        return Answer("not yet", f"This is not a number. {hint}")
    if abs(value - expected) <= unit:
        return Answer("right")
    for mistake, wrong in mistakes.items():
        if math.isfinite(wrong) and abs(wrong - expected) > unit and abs(value - wrong) <= unit:
            return Answer("not yet", mistake)
    if abs(expected) > 1.5 and abs(100 * value - expected) <= unit:
        return Answer("not yet", "This is a share. The score is told in points: times 100.")
    return Answer("not yet", hint)


def _shares(answers: Any) -> tuple[float, float, int]:
    scores = answers.score.astype(float)
    if not len(scores):
        return math.nan, math.nan, 0
    return float((scores >= 9).mean()), float((scores <= 6).mean()), len(scores)


def check_score(answer: Any, answers: Any) -> Answer:
    """Judge the net promoter score of all answers, in points.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"score": [10, 9, 8, 3]})
    >>> check_score(25, answers).verdict, check_score(..., answers).verdict
    ('right', 'not attempted')
    >>> check_score(7.5, answers).message
    'This is the mean of the answers. The score only counts who stands on which side.'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    promoters, detractors, count = _shares(answers)
    if not count:
        return _NO_ANSWERS
    scores = answers.score.astype(float)
    return _judge(
        answer,
        100 * (promoters - detractors),
        hint="Share of answers of 9 and 10, less the share of answers from 0 to 6, times 100.",
        mistakes={
            "This is the mean of the answers. The score only counts who stands on which side.": float(scores.mean()),
            "This is the share of promoters alone. Take off the detractors.": 100 * promoters,
            "You count 7s and 8s as promoters. They are passives.": 100 * (float((scores >= 7).mean()) - detractors),
            "You count only answers below 6 as detractors. A 6 is one too.": 100
            * (promoters - float((scores < 6).mean())),
            "You divide by promoters and detractors only. The base is everybody who answered, passives too.": (
                100 * (promoters - detractors) / (promoters + detractors) if promoters + detractors else math.nan
            ),
            "The sign is wrong: promoters less detractors.": 100 * (detractors - promoters),
        },
    )


def check_interval(answer: Any, answers: Any) -> Answer:
    """Judge the lower end of the 95% adjusted Wald interval of independent answers, in points.

    >>> import pandas as pd
    >>> ten = pd.DataFrame({"score": [10, 10, 9, 9, 9, 9, 8, 7, 6, 0]})
    >>> check_interval(-12.6, ten).verdict
    'right'
    >>> check_interval(-9.6, ten).message
    'This is the plain Wald interval. Add three answers first: 0.75 promoters, 0.75 detractors, 1.5 passives.'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    from crmlib.lifecycle.nps import adjusted_wald

    promoters, detractors, count = _shares(answers)
    if not count:
        return _NO_ANSWERS

    def low(side: int = -1, **how: float) -> float:
        middle, half = adjusted_wald(promoters, detractors, count, **how)
        return 100 * (middle + side * half)

    middle, half = adjusted_wald(promoters, detractors, count)
    return _judge(
        answer,
        max(low(), -100.0),
        hint="With 3 answers added: p and d are the new shares, the spread is p + d − (p − d)², and the half width "
        "1.96 times the root of spread / (n + 3).",
        mistakes={
            "This is the plain Wald interval. Add three answers first: 0.75 promoters, 0.75 detractors, 1.5 "
            "passives.": low(pseudo_answers=0),
            "This is the upper end.": low(+1),
            "This is the half width. Take it off the middle.": 100 * half,
            "This is the middle of the interval. Take off the half width.": 100 * middle,
            "This takes off one standard error. For 95% it is 1.96 of them.": 100 * (middle - half / 1.959963984540054),
        },
    )


def check_groups(answer: Any, answers: Any, *, by: str = "channel") -> Answer:
    """Judge the table of scores (``nps``, points) by group, groups with fewer than 30 customers left out.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"score": [10] * 30 + [0] * 5, "channel": ["a"] * 30 + ["b"] * 5,
    ...     "respondent": [str(n) for n in range(35)]})
    >>> check_groups(pd.DataFrame({"channel": ["a", "b"], "nps": [100.0, -100.0]}), answers).message
    'Your table holds b, with fewer than 30 customers. Leave such groups out: their score is mostly chance.'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    import pandas as pd

    from crmlib.lifecycle.nps import scores

    hint = f"Use nps.scores(answers, by=[{by!r}]) and keep the rows that are not small_base."
    if by not in answers.columns or not len(answers):
        return _NO_ANSWERS
    table = scores(answers, by=[by])
    expected = table.loc[~table.small_base, [by, "nps"]]
    if not len(expected):
        return _NO_ANSWERS
    try:
        found = answer.to_frame("nps") if isinstance(answer, pd.Series) else answer
        found = found if by in found.columns else found.reset_index()
        small = sorted(set(found[by].astype(str)) & set(table.loc[table.small_base, by].astype(str)))
        if small:
            return Answer(
                "not yet",
                f"Your table holds {', '.join(small)}, with fewer than 30 customers. Leave such groups out: their "
                "score is mostly chance.",
            )
        wanted = expected.set_index(by).nps
        values = found.set_index(by).nps.astype(float).reindex(wanted.index)
        if len(found) == len(wanted) and ((values - wanted).abs() <= _POINTS).all():
            return Answer("right")
        if len(found) == len(wanted) and ((100 * values - wanted).abs() <= _POINTS).all():
            return Answer("not yet", "These are shares. The score is told in points: times 100.")
    except Exception as error:
        return Answer("not yet", f"A table with the columns {by} and nps is expected ({type(error).__name__}). {hint}")
    judged = compare_table(answer, expected, on=by, hint=hint, tolerance=1e-3)
    return judged if judged.verdict != "right" else Answer("right")


def check_weighted(answer: Any, weighted: Any) -> Answer:
    """Judge the weighted net promoter score of answers with a ``weight``, in points.

    >>> import pandas as pd
    >>> weighted = pd.DataFrame({"score": [10.0, 0.0], "weight": [1.0, 3.0]})
    >>> check_weighted(-50, weighted).verdict, check_weighted(0, weighted).message
    ('right', 'This is the score without weights: every answer counts its weight, not 1.')
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    if not len(weighted):
        return _NO_ANSWERS
    score, weight = weighted.score.astype(float), weighted.weight.astype(float)
    net = (score >= 9).astype(float) - (score <= 6).astype(float)
    return _judge(
        answer,
        float(100 * (net * weight).sum() / weight.sum()),
        hint="Sum of the weights of promoters, less that of detractors, divided by the sum of all weights, times 100.",
        mistakes={
            "This is the score without weights: every answer counts its weight, not 1.": float(100 * net.mean()),
            "You divide by the number of answers. Divide by the sum of the weights.": float(
                100 * (net * weight).mean()
            ),
            "You divide by the weights: a large weight is to count more, not less.": float(
                100 * (net / weight).sum() / (1 / weight).sum()
            ),
            "This is the weighted mean of the answers, not of who stands on which side.": float(
                (score * weight).sum() / weight.sum()
            ),
        },
    )


def check_signal(answer: Any, trend: Any) -> Answer:
    """Judge whether the last change of the score is more than chance: ``yes`` or ``no``.

    >>> import pandas as pd
    >>> trend = pd.DataFrame({"answers": [50, 60], "change": [None, -4.0], "change_low": [None, -14.0],
    ...     "change_high": [None, 6.0]})
    >>> check_signal("no", trend).verdict
    'right'
    >>> check_signal("yes", trend).message
    'The interval of the change holds zero: the change may be none at all.'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    known = trend[(trend.answers > 0) & trend.change.notna()]
    if not len(known):
        return _NO_ANSWERS
    last = known.iloc[-1]
    if last.change_low <= 0 <= last.change_high:
        expected, hint = "no", "The interval of the change holds zero: the change may be none at all."
    else:
        expected, hint = (
            "yes",
            "The interval of the change lies on one side of zero: chance alone does not explain it.",
        )
    return compare_choice(answer, expected, options=("yes", "no"), hint=hint)


def check_driver(answer: Any, drivers: Any) -> Answer:
    """Judge which driver goes with the largest gain of the score from one point more.

    >>> import pandas as pd
    >>> drivers = pd.DataFrame({"driver": ["wait", "service"], "mean_rating": [2.0, 4.0], "nps_gain": [5.0, 9.0],
    ...     "importance": [0.3, 0.7]})
    >>> check_driver("service", drivers).verdict
    'right'
    >>> check_driver("wait", drivers).message
    'This one is rated lowest. A low rating alone does not make it matter: look at nps_gain.'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    if not len(drivers):
        return _NO_ANSWERS
    expected = str(drivers.loc[drivers.nps_gain.idxmax(), "driver"])
    lowest = str(drivers.loc[drivers.mean_rating.idxmin(), "driver"])
    hint = "Find the row with the largest nps_gain, and answer its driver."
    if str(answer).strip().removeprefix("item_").lower() == lowest.lower() != expected.lower():
        hint = "This one is rated lowest. A low rating alone does not make it matter: look at nps_gain."
    plain = str(answer).strip().removeprefix("item_")
    return compare_choice(plain, expected, options=tuple(drivers.driver.astype(str)), hint=hint)


def check_later_revenue(answer: Any, later: Any) -> Answer:
    """Judge the mean later revenue of promoters less that of detractors, of answers followed to the end.

    ``later``: from :func:`crmlib.lifecycle.nps.later_revenue`.

    >>> import pandas as pd
    >>> later = pd.DataFrame({"category": ["promoter", "promoter", "promoter", "detractor"],
    ...     "revenue_after": [30.0, 30.0, 0.0, 5.0], "revenue_before": [1.0, 1.0, 1.0, 1.0]})
    >>> check_later_revenue(15, later).verdict
    'right'
    >>> check_later_revenue(25, later).message
    'You leave out those who bought nothing afterwards. They belong to the mean, with zero.'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    promoters, detractors = later[later.category == "promoter"], later[later.category == "detractor"]
    if not len(promoters) or not len(detractors):
        return _NO_ANSWERS
    after = promoters.revenue_after.astype(float).mean() - detractors.revenue_after.astype(float).mean()
    before = promoters.revenue_before.astype(float).mean() - detractors.revenue_before.astype(float).mean()
    bought = [part.revenue_after[part.revenue_after > 0] for part in (promoters, detractors)]
    return _judge(
        answer,
        float(after),
        hint="Mean revenue_after of the rows with category promoter, less that of the rows with category detractor.",
        mistakes={
            "The sign is wrong: promoters less detractors.": float(-after),
            "This is the revenue before the answer.": float(before),
            "These are sums: there are more promoters than detractors. Compare means.": float(
                promoters.revenue_after.sum() - detractors.revenue_after.sum()
            ),
            "You leave out those who bought nothing afterwards. They belong to the mean, with zero.": float(
                bought[0].mean() - bought[1].mean()
            ),
            "These are medians. Revenue is skewed: the mean is what adds up to money.": float(
                promoters.revenue_after.median() - detractors.revenue_after.median()
            ),
        },
        unit=max(0.01, abs(float(after)) * 1e-3),
    )
