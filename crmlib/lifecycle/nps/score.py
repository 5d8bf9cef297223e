"""The score itself: promoters less detractors, with an interval that holds on small bases and at extreme
scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

from crmlib.calendar import end_of
from crmlib.engine import same_kind

PROMOTER, PASSIVE, DETRACTOR = "promoter", "passive", "detractor"
PROMOTERS_FROM, DETRACTORS_TO = 9, 6
SMALL_BASE = 30
PSEUDO_ANSWERS = 3.0


@same_kind
def answers(surveys: Any, *, as_of: Any = None, days: int | None = None) -> Any:
    """The answers to "how likely are you to recommend us?", one row each: who answered what, and which side
    they are on.

    Keeps the rows of ``kind`` nps that hold a score from 0 to 10, given on the day ``as_of`` or before and,
    with ``days``, not earlier than that many days before its end. All columns of ``surveys`` stay, and four
    come: ``respondent`` (the customer; where the survey does not know, the answer itself), ``customer_id``
    (empty if the table has none), ``category`` (promoter 9–10, passive 7–8, detractor 0–6) and ``net`` (1, 0,
    −1). pandas or Ibis in, same kind out.

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
    score = given.score.cast("float64")
    side = ibis.ifelse(score >= PROMOTERS_FROM, 1, ibis.ifelse(score <= DETRACTORS_TO, -1, 0)).cast("int64")
    return (
        given.drop("kind")
        .mutate(
            customer_id=customer,
            score=score,
            respondent=customer.fill_null(ibis.literal("answer ") + given.response_id.cast("string")),
            category=ibis.ifelse(side == 1, PROMOTER, ibis.ifelse(side == -1, DETRACTOR, PASSIVE)),
            net=side,
        )
        .order_by("answered_at", "response_id")
    )


@same_kind
def scores(answers: Any, *, by: Sequence[str] = (), level: float = 0.95) -> Any:
    """The net promoter score with its interval, one row per group of ``by`` (one row in all without).

    ``answers``: from :func:`answers`; with a column ``weight`` every figure is weighted by it, and answers
    without a weight are left out. Columns: those of ``by``, ``answers``, ``customers``, ``promoters``,
    ``passives``, ``detractors`` (shares, 0 to 1), ``nps``, ``nps_low``, ``nps_high`` (points, −100 to 100),
    ``effective_answers`` (how many independent, equally weighted answers these are worth) and ``small_base``
    (fewer than 30 customers). Groups without answers are not in the table; nor are answers whose group is
    unknown.

    The interval is the adjusted Wald interval: three answers are added, 3/4 promoters, 3/2 passives and 3/4
    detractors (Rocks 2016, Interval estimation for the "net promoter score", The American Statistician
    70(4)). Several answers of one customer are no independent news: their number is first brought down to
    ``effective_answers``, by the variance that follows from sums per customer (Taylor linearisation; weights
    are taken as given).

    >>> import pandas as pd
    >>> ten = pd.DataFrame({"score": [10, 10, 9, 9, 9, 9, 8, 7, 6, 0]})
    >>> scores(ten)[["answers", "nps", "nps_low", "nps_high"]].round(1)
       answers   nps  nps_low  nps_high
    0       10  40.0    -12.6      74.1
    """
    columns = (*by, "answers", "customers", "promoters", "passives", "detractors")
    more = ("nps", "nps_low", "nps_high", "effective_answers", "small_base")
    table = tally(answers, by=by, level=level).select(*columns, *more)
    return table.order_by(*by) if by else table


def tally(answers: Any, *, by: Sequence[str], level: float) -> Any:
    """What :func:`scores` answers and, beyond it, the sum of the weights, as an Ibis expression in no
    order."""
    import ibis

    score = answers.score.cast("float64")
    weight = answers.weight.cast("float64") if "weight" in answers.columns else ibis.literal(1.0)
    if "respondent" in answers.columns:
        respondent = answers.respondent
    else:
        respondent = ibis.row_number().cast("string")
    rows = answers.select(
        **{name: answers[name] for name in by},
        _respondent=respondent,
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
    middle, half = adjusted_wald(total.promoters, total.detractors, total.effective_answers, level=level)
    point = total.promoters - total.detractors
    return total.mutate(
        passives=ibis.greatest(1 - total.promoters - total.detractors, 0.0),
        nps=100 * point,
        nps_low=100 * ibis.greatest(ibis.least(middle - half, point), -1.0),
        nps_high=100 * ibis.least(ibis.greatest(middle + half, point), 1.0),
        small_base=total.customers < SMALL_BASE,
    )


def adjusted_wald(
    promoters: Any,
    detractors: Any,
    answers: Any,
    *,
    level: float = 0.95,
    pseudo_answers: float = PSEUDO_ANSWERS,
) -> tuple[Any, Any]:
    """Middle and half width (−1 to 1) of the interval, from shares and a number of answers; plain arithmetic
    on any kind.

    A quarter of ``pseudo_answers`` goes to the promoters, a quarter to the detractors, the rest to the
    passives; 0 gives the plain Wald interval.

    >>> middle, half = adjusted_wald(0.6, 0.2, 10)
    >>> round(middle - half, 3), round(middle + half, 3)
    (-0.126, 0.741)
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    total = answers + pseudo_answers
    p = (answers * promoters + pseudo_answers / 4) / total
    d = (answers * detractors + pseudo_answers / 4) / total
    middle = p - d
    return middle, z * ((p + d - middle * middle) / total) ** 0.5


def coverage(
    promoters: float, detractors: float, *, sizes: Sequence[int] = (5, 10, 20, 50, 100), level: float = 0.95
) -> Any:
    """How often an interval holds the true score, for the plain and the adjusted Wald interval; exact, not
    simulated.

    ``promoters`` and ``detractors`` are the true shares (0 to 1). For every number of answers in ``sizes``
    all possible outcomes are listed with their trinomial probability. Columns: ``answers``, ``plain``,
    ``adjusted`` (probability that the interval holds the true score; ``level`` is what was promised). Answers
    a pandas frame.

    Raises:
        ValueError: shares that are negative or sum to more than 1.

    >>> coverage(0.9, 0.02, sizes=(10,)).round(2)
       answers  plain  adjusted
    0       10   0.65      0.93
    """
    import math

    import numpy as np
    import pandas as pd

    passives = 1.0 - promoters - detractors
    if min(promoters, detractors) < 0 or passives < -1e-9:
        raise ValueError("promoters and detractors are shares between 0 and 1 that sum to 1 at most")
    rows = []
    for size in sizes:
        p, d = (grid.ravel() for grid in np.meshgrid(np.arange(size + 1), np.arange(size + 1), indexing="ij"))
        p, d = p[p + d <= size], d[p + d <= size]
        factorial = np.array([math.lgamma(k + 1) for k in range(size + 1)])
        ways = factorial[size] - factorial[p] - factorial[d] - factorial[size - p - d]

        def power(share: float, times: Any) -> Any:
            return np.where(times == 0, 0.0, times * (math.log(share) if share > 1e-12 else -np.inf))

        with np.errstate(invalid="ignore"):
            chance = np.exp(ways + power(promoters, p) + power(detractors, d) + power(passives, size - p - d))
        row: dict[str, float] = {"answers": size}
        for name, pseudo in (("plain", 0.0), ("adjusted", PSEUDO_ANSWERS)):
            middle, half = adjusted_wald(p / size, d / size, float(size), level=level, pseudo_answers=pseudo)
            truth = promoters - detractors
            low, high = np.clip(middle - half, -1, 1), np.clip(middle + half, -1, 1)
            row[name] = float(chance[(low <= truth + 1e-9) & (truth - 1e-9 <= high)].sum())
        rows.append(row)
    return pd.DataFrame(rows).astype({"answers": "int64"})


def difference(first: Any, second: Any) -> tuple[float, float, float]:
    """How much a score rose from ``first`` to ``second``, with its interval, in points.

    Both are rows of :func:`scores` (or mappings with ``nps``, ``nps_low``, ``nps_high``) of different
    answers. The two intervals are combined by the method of variance estimates recovery (Zou & Donner 2008,
    Statistics in Medicine 27).

    >>> before = {"nps": 40.0, "nps_low": 30.0, "nps_high": 48.0}
    >>> after = {"nps": 50.0, "nps_low": 42.0, "nps_high": 56.0}
    >>> [round(points, 1) for points in difference(before, after)]
    [10.0, -1.3, 21.7]
    """
    change = second["nps"] - first["nps"]
    down = ((second["nps"] - second["nps_low"]) ** 2 + (first["nps_high"] - first["nps"]) ** 2) ** 0.5
    up = ((second["nps_high"] - second["nps"]) ** 2 + (first["nps"] - first["nps_low"]) ** 2) ** 0.5
    return float(change), float(change - down), float(change + up)
