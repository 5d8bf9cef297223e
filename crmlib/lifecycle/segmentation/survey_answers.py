"""Satisfaction tiers and needs, where surveys exist: what customers say, beside what they spend."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind
from crmlib.lifecycle.segmentation.rules import By, Rules, read_rules

LEVELS = ("satisfied", "indifferent", "dissatisfied")
NOT_ASKED = "not_answered"
UNDECIDED = "undecided"
_CLOSE = 1e-9


@same_kind
def satisfaction(surveys: Any, *, as_of: Any, rules: Rules | None = None) -> Any:
    """The satisfaction of each customer who answered lately: ``satisfied``, ``indifferent`` or ``dissatisfied``.

    Columns: ``customer_id``, ``kind`` (the question: the first in the rules that the customer answered), ``score`` (the
    latest answer), ``answered_on`` (date), ``satisfaction``. Only answers of the months that the rules name, up to
    ``as_of``; answers without a customer or a score are left out. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> surveys = pd.DataFrame({"response_id": ["1", "2", "3"], "customer_id": ["a", "a", "b"], "kind": "nps",
    ...     "answered_at": pd.to_datetime(["2025-02-01", "2025-09-01", "2025-05-01"]), "score": [9, 6, 8]})
    >>> satisfaction(surveys, as_of="2025-12-31")[["customer_id", "score", "satisfaction"]]
      customer_id  score  satisfaction
    0           a    6.0  dissatisfied
    1           b    8.0   indifferent
    """
    import ibis

    end, asked = as_day(as_of), (rules or read_rules()).satisfaction
    kinds = list(asked.scores)
    texts = {name: surveys[name].cast("string") for name in ("customer_id", "response_id")}
    answered_on, score = surveys.answered_at.cast("date"), surveys.score.cast("float64")
    answers = surveys.mutate(**texts, score=score, answered_on=answered_on)
    answers = answers.filter(
        answers.customer_id.notnull()
        & answers.score.notnull()
        & answers.kind.isin(kinds)
        & (answers.answered_on > ibis.literal(months_before(end, asked.months)))
        & (answers.answered_on <= ibis.literal(end))
    )
    place = ibis.cases(*((answers.kind == kind, number) for number, kind in enumerate(kinds)), else_=len(kinds))
    answers = _first(answers, place, answers.answered_at.desc(), answers.response_id.desc())
    levels = [
        ((answers.kind == kind) & (answers.score >= least), level)
        for kind, bounds in asked.scores.items()
        for least, level in zip(bounds, LEVELS[:2], strict=True)
    ]
    return answers.select(
        "customer_id", "kind", "score", "answered_on", satisfaction=ibis.cases(*levels, else_="dissatisfied")
    ).order_by("customer_id")


def _first(answers: Any, *order_by: Any) -> Any:
    """The first answer of each customer in an order."""
    import ibis

    place = ibis.row_number().over(group_by="customer_id", order_by=order_by)
    return answers.filter(place == 0)


@same_kind
def segment_satisfaction(segments: Any, satisfaction: Any, *, by: By = "tier") -> Any:
    """Customers and revenue by segment and satisfaction.

    Columns: ``segment``, ``satisfaction`` (as in :func:`satisfaction`, or ``not_answered``), ``customers``,
    ``revenue_year``. Who did not answer is a row of their own: not satisfied, not dissatisfied, unknown. pandas or
    Ibis in, same kind out.

    >>> import pandas as pd
    >>> known = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["core", "core"], "revenue_year": [70.0, 30.0]})
    >>> said = pd.DataFrame({"customer_id": ["a"], "satisfaction": ["dissatisfied"]})
    >>> segment_satisfaction(known, said)
      segment  satisfaction  customers  revenue_year
    0    core  dissatisfied          1          70.0
    1    core  not_answered          1          30.0
    """
    known = segments.filter(segments[by].notnull()).select("customer_id", "revenue_year", segment=by)
    both = known.left_join(satisfaction.select("customer_id", "satisfaction"), "customer_id")
    both = both.select("segment", "revenue_year", satisfaction=both.satisfaction.fill_null(NOT_ASKED))
    return (
        both.group_by("segment", "satisfaction")
        .agg(customers=both.count(), revenue_year=both.revenue_year.sum())
        .order_by("segment", "satisfaction")
    )


@same_kind
def needs(surveys: Any, *, as_of: Any, rules: Rules | None = None) -> Any:
    """Which need leads for each customer who answered a needs survey: functional, emotional, social, or ``undecided``.

    Columns: ``customer_id``, one mean per group of items, ``need`` (the group rated highest; ``undecided`` where two
    are equal or nothing was answered). The latest needs survey of each customer up to ``as_of``; groups by the rules.
    Without such surveys or items the table is empty. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> surveys = pd.DataFrame({"response_id": ["1"], "customer_id": ["a"], "kind": "needs",
    ...     "answered_at": pd.to_datetime(["2025-02-01"]), "item_functional_ease": [4], "item_social_trend": [2]})
    >>> needs(surveys, as_of="2025-12-31")[["customer_id", "functional", "social", "need"]]
      customer_id  functional  social        need
    0           a         4.0     2.0  functional
    """
    import ibis

    answers = surveys.filter(
        (surveys.kind == "needs")
        & surveys.customer_id.notnull()
        & (surveys.answered_at.cast("date") <= ibis.literal(as_day(as_of)))
    )
    answers = _first(answers, answers.answered_at.desc(), answers.response_id.cast("string").desc())
    means = {}
    for need, prefix in (rules or read_rules()).needs.items():
        items = [answers[name].cast("float64") for name in answers.columns if name.startswith(prefix)]
        if items:
            count = sum(item.notnull().cast("int64") for item in items)
            means[need] = sum(item.fill_null(0.0) for item in items) / count.nullif(0)
    table = answers.select(customer_id=answers.customer_id.cast("string"), **means)
    if not means:
        return table.mutate(need=ibis.literal(UNDECIDED)).filter(ibis.literal(False))
    best = ibis.greatest(*(table[need].fill_null(-1.0) for need in means))
    leads = {need: (table[need] > best - _CLOSE).fill_null(False) for need in means}
    how_many = sum(lead.cast("int64") for lead in leads.values())
    cases = [(how_many != 1, UNDECIDED), *((lead, need) for need, lead in leads.items())]
    return table.mutate(need=ibis.cases(*cases, else_=UNDECIDED)).order_by("customer_id")
