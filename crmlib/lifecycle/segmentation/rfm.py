"""RFM: how recently, how often and for how much each customer buys, scored by stated cut points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from crmlib.engine import same_kind, to_ibis
from crmlib.lifecycle.segmentation.quantiles import MONEY, next_lower, observed_quantiles, round_to_two_digits
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)
MEASURES = {"recency": "recency_days", "frequency": "purchases_year", "monetary": "revenue_year"}
SCORES = {"recency": "r_score", "frequency": "f_score", "monetary": "m_score"}


def cut_points(customers: Any, *, scores: int = 5, given: Mapping[str, Sequence[float]] | None = None) -> Any:
    """Which values of recency, frequency and money get which score, as a small frame.

    One row per measure and score that is given out, the best first. Columns: ``measure`` (recency, frequency,
    monetary), ``score`` (1 to ``scores``; the higher the better), ``above`` (excluded; missing: no lower bound),
    ``up_to`` (included; missing: no upper bound), ``collapsed`` (how many further scores fell together with this
    one).

    The cut points are the quantiles of those who have ever bought, or the ``given`` ones per measure, in days,
    purchases and money. Bounds are values, so equal values always get the same score. Where many customers have the
    same value, several quantiles are equal and scores collapse: the best values keep the highest score, the worst the
    lowest, and in between the lowest of the scores that fell together is given out. Where all values are equal, all
    get the middle score.

    Args:
        customers: from :func:`customer_activity`, pandas or Ibis.
        scores: how many scores are asked for, at least 2.
        given: cut points from the smallest value to the largest, as ``{"recency": [30, 90, 180, 365], …}``.

    Raises:
        UnusableInput: given cut points do not rise, are too many, or belong to no measure.

    Source: Hughes, Strategic Database Marketing (1994), for the scores.

    >>> import pandas as pd
    >>> customers = pd.DataFrame({"recency_days": [3, 9, 30, 80, 200], "purchases_year": [9, 4, 1, 1, 1],
    ...     "revenue_year": [900.0, 310.0, 80.0, 60.0, 20.0], "purchases": [9, 4, 1, 1, 1]})
    >>> cuts = cut_points(customers)
    >>> cuts[cuts.measure == "frequency"][["score", "above", "up_to", "collapsed"]]
       score  above  up_to  collapsed
    5      5    4.0    NaN          0
    6      4    1.0    4.0          0
    7      1    NaN    1.0          2
    """
    import pandas as pd

    if scores < 2:
        raise UnusableInput([_problem("scores", "", scores=scores)])
    edges = _given_edges(given or {}, scores)
    bought = to_ibis(customers).filter(lambda t: t.purchases > 0)
    shares = [number / scores for number in range(1, scores)]
    rows = []
    for measure, column in MEASURES.items():
        found, highest = (edges[measure], None) if measure in edges else _quantile_edges(bought, column, shares)
        rows += _rows(measure, found, scores, highest)
    return pd.DataFrame(rows, columns=["measure", "score", "above", "up_to", "collapsed"])


def _quantile_edges(bought: Any, column: str, shares: Sequence[float]) -> tuple[list[float], float | None]:
    """The quantiles as cut points, and the highest value; both empty where nobody has bought."""
    *found, highest = observed_quantiles(bought, column, [*shares, 1.0], rounded=False)
    edges = [edge for edge in found if edge is not None]
    if highest in edges:
        # Many have the highest value: the first cut point that reaches it is drawn just below, so that they are apart.
        first = edges.index(highest)
        lower = next_lower(bought, column, highest)
        if lower is not None and (first == 0 or lower > edges[first - 1]):
            edges[first] = lower
    return [round_to_two_digits(edge) if column in MONEY else edge for edge in edges], highest


def _given_edges(given: Mapping[str, Sequence[float]], scores: int) -> dict[str, list[float]]:
    problems = []
    for measure, edges in given.items():
        if measure not in MEASURES:
            problems.append(_problem("cut_points.unknown", measure, names=list(MEASURES)))
        elif list(edges) != sorted(set(edges)):
            problems.append(_problem("cut_points.order", measure, given=str(list(edges))))
        elif len(edges) > scores - 1:
            problems.append(_problem("cut_points.many", measure, given=len(edges), most=scores - 1, scores=scores))
    if problems:
        raise UnusableInput(problems)
    return {measure: [float(edge) for edge in edges] for measure, edges in given.items()}


def _problem(key: str, measure: str, **values: Any) -> Problem:
    return Problem.said(_WORDS, key, _WORDS.say("places.cut_points"), measure, **values)


def _rows(measure: str, edges: list[float], scores: int, highest: float | None) -> list[tuple[Any, ...]]:
    """The scores of one measure, best first: from the edges that were asked for to the bins that can be told apart."""
    told_apart = sorted({edge for edge in edges if highest is None or edge < highest})
    bins = list(zip([None, *told_apart], [*told_apart, None], strict=True))
    asked = list(range(1, scores + 1)) if edges else [scores]
    # Which of the scores asked for, from the smallest value up, fell into each bin.
    fell: list[list[int]] = [[] for _ in bins]
    for score, edge in zip_longest(asked[::-1] if measure == "recency" else asked, edges):
        fell[told_apart.index(edge) if edge in told_apart else -1].append(score)
    rows: list[tuple[Any, ...]] = []
    for (above, up_to), together in zip(bins, fell, strict=True):
        extreme = scores if scores in together else min(together)
        score = extreme if len(bins) > 1 else (scores + 1) // 2
        rows.append((measure, score, above, up_to, len(together) - 1))
    return rows if measure == "recency" else rows[::-1]


def rfm_scores(customers: Any, cut_points: Any) -> Any:
    """The customers who have ever bought, with their ``r_score``, ``f_score`` and ``m_score``.

    All columns of ``customers`` stay. Every customer gets exactly one score per measure, the one in whose bounds the
    value lies; with cut points from another date, scores are comparable between the dates. pandas or Ibis in, same kind
    out.

    Raises:
        UnusableInput: the cut points have gaps or overlap, so that a value would have no score or two.

    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "recency_days": [3, 90], "purchases_year": [2, 1],
    ...     "revenue_year": [50.0, 20.0], "purchases": [2, 1]})
    >>> rfm_scores(customers, cut_points(customers, scores=2))[["customer_id", "r_score", "f_score", "m_score"]]
      customer_id  r_score  f_score  m_score
    0           a        2        2        2
    1           b        1        1        1
    """
    bounds = {measure: _checked_bounds(cut_points, measure) for measure in MEASURES}
    return _scored(customers, bounds=bounds)


def _checked_bounds(cut_points: Any, measure: str) -> list[tuple[int, float | None]]:
    """Score and upper bound of each bin of a measure, from the smallest value up."""
    import pandas as pd

    rows = cut_points[cut_points.measure == measure].sort_values("up_to", kind="stable", na_position="last")
    bounds = [(int(r.score), None if pd.isna(r.up_to) else float(r.up_to)) for r in rows.itertuples()]
    starts = [None if pd.isna(v) else float(v) for v in rows.above]
    if not bounds or bounds[-1][1] is not None or starts != [None, *(up_to for _, up_to in bounds[:-1])]:
        raise UnusableInput([_problem("cut_points.gap", measure)])
    return bounds


@same_kind
def _scored(customers: Any, *, bounds: Mapping[str, list[tuple[int, float | None]]]) -> Any:
    import ibis

    bought = customers.filter(customers.purchases > 0)
    scored = {}
    for measure, column in MEASURES.items():
        *closed, (last, _) = bounds[measure]
        cases = [(bought[column] <= up_to, score) for score, up_to in closed]
        scored[SCORES[measure]] = (ibis.cases(*cases, else_=last) if cases else ibis.literal(last)).cast("int64")
    return bought.mutate(**scored).order_by("customer_id")


@same_kind
def rfm_grid(scored: Any) -> Any:
    """How many customers and how much revenue there are for each pair of recency and frequency scores.

    Columns: ``r_score``, ``f_score``, ``customers``, ``revenue_year`` (last twelve months), ``share`` (of the
    customers' revenue in the twelve months; missing where there is none). Pairs without customers are not in the
    table. ``scored``: from :func:`rfm_scores`. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> scored = pd.DataFrame({"r_score": [2, 2, 1], "f_score": [1, 1, 2], "revenue_year": [10.0, 20.0, 70.0]})
    >>> rfm_grid(scored)
       r_score  f_score  customers  revenue_year  share
    0        2        1          2          30.0    0.3
    1        1        2          1          70.0    0.7
    """
    import ibis

    cells = scored.group_by("r_score", "f_score").agg(customers=scored.count(), revenue_year=scored.revenue_year.sum())
    return cells.mutate(share=cells.revenue_year / cells.revenue_year.sum().over().nullif(0.0)).order_by(
        ibis.desc("r_score"), "f_score"
    )
