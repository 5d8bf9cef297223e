"""What counts as an answer to "how likely are you to recommend us?", and the score that answers add up to.

The one rule that every analysis of such answers follows: a score has the same interval wherever it is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from crmlib.calendar import end_of
from crmlib.engine import AnyTable, same_kind
from crmlib.statistics import adjusted_wald

PROMOTER, PASSIVE, DETRACTOR = "promoter", "passive", "detractor"
PROMOTERS_FROM, DETRACTORS_TO = 9, 6
SMALL_BASE = 30


@same_kind
def answers(surveys: AnyTable, *, as_of: Any = None, days: int | None = None) -> AnyTable:
    """The answers to "how likely are you to recommend us?", one row each: who answered what, and which side
    they are on.

    Keeps the rows of ``kind`` nps that hold a score from 0 to 10, given on the day ``as_of`` or before and,
    with ``days``, not earlier than that many days before its end. All columns of ``surveys`` stay, and four
    come: ``respondent`` (the customer; where the survey does not know, the answer itself), ``customer_id``
    (empty if the table has none), ``category`` (promoter 9–10, passive 7–8, detractor 0–6) and ``net`` (1, 0,
    −1). An answer between two whole numbers counts as the lower of them: 6.5 as 6. pandas or Ibis in, same kind out.

    Reichheld, F. (2003), The one number you need to grow, Harvard Business Review 81(12).

    >>> import pandas as pd
    >>> surveys = pd.DataFrame({"response_id": ["1", "2", "3", "4"], "customer_id": ["a", "b", None, "a"],
    ...     "answered_at": pd.to_datetime(["2025-01-10"] * 4), "kind": ["nps", "nps", "nps", "csat"],
    ...     "score": [10.0, 7.0, 6.0, 5.0]})
    >>> answers(surveys)[["respondent", "category", "net"]]
      respondent   category  net
    0          a   promoter    1
    1          b    passive    0
    2   answer 3  detractor   -1
    """
    import ibis

    score = surveys.score.cast("float64")
    given = surveys.filter(
        (surveys.kind == "nps") & surveys.answered_at.notnull() & score.notnull() & (score >= 0) & (score <= 10)
    )
    if as_of is not None:
        end = end_of(as_of)
        given = given.filter(given.answered_at < ibis.literal(end))
        if days is not None:
            given = given.filter(given.answered_at >= ibis.literal(end - dt.timedelta(days=days)))
    customer = given.customer_id.cast("string") if "customer_id" in given.columns else ibis.null("string")
    score = whole_score(given.score)
    side = ibis.ifelse(score >= PROMOTERS_FROM, 1, ibis.ifelse(score <= DETRACTORS_TO, -1, 0)).cast("int64")
    return (
        given.drop("kind")
        .mutate(
            customer_id=customer,
            score=score,
            respondent=respondent(given),
            category=ibis.ifelse(side == 1, PROMOTER, ibis.ifelse(side == -1, DETRACTOR, PASSIVE)),
            net=side,
        )
        .order_by("answered_at", "response_id")
    )


def whole_score(score: Any) -> Any:
    """Answers as whole numbers, as an Ibis column: of one between two of them the lower.

    What is a whole number but for the arithmetic of fractions stays that number.
    """
    return (score.cast("float64") + 1e-6).floor().cast("float64")


def respondent(surveys: AnyTable) -> Any:
    """Who gave each answer, as an Ibis column: the customer; where the survey does not know, the answer itself."""
    import ibis

    known = surveys.columns
    customer = surveys.customer_id.cast("string") if "customer_id" in known else ibis.null("string")
    own = surveys.response_id if "response_id" in known else ibis.row_number()
    return customer.fill_null(ibis.literal("answer ") + own.cast("string"))


def tally(answers: AnyTable, *, by: Sequence[str] = (), level: float = 0.95) -> Any:
    """The score of answers, one row per group of ``by``, as an Ibis expression in no order.

    ``answers``: an Ibis table with ``score`` and, where known, ``respondent`` and ``weight``. Columns: those of ``by``,
    ``answers``, ``customers``, ``weight`` (their sum), ``promoters``, ``passives``, ``detractors`` (shares), ``nps``,
    ``nps_low``, ``nps_high`` (points), ``effective_answers``, ``small_base`` (fewer than 30 customers). Answers whose
    group or weight is unknown are left out, and so are groups without answers.

    Several answers of one customer are no independent news: their number is brought down to ``effective_answers``, by
    the variance that follows from sums per customer (Taylor linearisation; weights are taken as given). The interval
    is :func:`~crmlib.statistics.adjusted_wald` for that number.

    >>> import ibis
    >>> twelve = ibis.memtable({"score": [10] * 12, "respondent": [str(n) for n in range(12)]})
    >>> tally(twelve).execute()[["nps", "nps_low", "nps_high", "effective_answers"]].round(1)
         nps  nps_low  nps_high  effective_answers
    0  100.0     54.2     100.0               12.0
    """
    import ibis

    score = whole_score(answers.score)
    weight = answers.weight.cast("float64") if "weight" in answers.columns else ibis.literal(1.0)
    rows = answers.select(
        **{name: answers[name] for name in by},
        _respondent=answers.respondent if "respondent" in answers.columns else ibis.row_number().cast("string"),
        _weight=weight,
        _promoter=(score >= PROMOTERS_FROM).cast("float64"),
        _detractor=(score <= DETRACTORS_TO).cast("float64"),
    )
    for name in (*by, "_weight"):
        rows = rows.filter(rows[name].notnull())
    each = rows.group_by([*by, "_respondent"]).agg(
        n=rows.count(),
        w=rows._weight.sum(),
        p=(rows._weight * rows._promoter).sum(),
        d=(rows._weight * rows._detractor).sum(),
    )
    net = each.p - each.d
    sums = each.group_by(list(by)) if by else each
    total = sums.agg(
        answers=each.n.sum().cast("int64"),
        customers=each.count(),
        weight=each.w.sum(),
        _p=each.p.sum(),
        _d=each.d.sum(),
        _ss=(net * net).sum(),
        _sw=(net * each.w).sum(),
        _ww=(each.w * each.w).sum(),
    )
    total = total.filter((total.answers > 0) & (total.weight > 0))
    total = total.mutate(promoters=total._p / total.weight, detractors=total._d / total.weight)
    mean = total.promoters - total.detractors
    spread = total.promoters + total.detractors - mean * mean
    count, customers = total.answers.cast("float64"), total.customers.cast("float64")
    variance = (total._ss - 2 * mean * total._sw + mean * mean * total._ww) / (total.weight * total.weight)
    # With one answer per customer and equal weights the correction is 1 and the effective number is the number.
    variance = variance * (customers / ibis.greatest(customers - 1, 1.0)) * ((count - 1) / count)
    usable = (customers > 1) & (variance > 1e-12) & (spread > 1e-12)
    worth = ibis.ifelse(usable, spread / ibis.ifelse(usable, variance, 1.0), total.weight**2 / total._ww)
    total = total.mutate(effective_answers=ibis.least(worth, count).round(6))
    low, high = adjusted_wald(total.promoters, total.detractors, total.effective_answers, level=level)
    return total.mutate(
        passives=ibis.greatest(1 - total.promoters - total.detractors, 0.0),
        nps=100 * (total.promoters - total.detractors),
        nps_low=100 * low,
        nps_high=100 * high,
        small_base=total.customers < SMALL_BASE,
    )
