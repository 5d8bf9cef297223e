"""The score itself: promoters less detractors, with an interval that holds on small bases and at extreme
scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlib import statistics
from crmlib.answers import tally
from crmlib.engine import same_kind
from crmlib.statistics.net_score import PSEUDO_ANSWERS, adjusted_wald


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
    import numpy as np
    import pandas as pd
    from scipy.stats import multinomial

    passives = 1.0 - promoters - detractors
    if min(promoters, detractors) < 0 or passives < -1e-9:
        raise ValueError("promoters and detractors are shares between 0 and 1 that sum to 1 at most")
    rows = []
    for size in sizes:
        p, d = (grid.ravel() for grid in np.indices((size + 1, size + 1)))
        p, d = p[p + d <= size], d[p + d <= size]
        shares = [promoters, detractors, max(passives, 0.0)]
        chance = multinomial.pmf(np.column_stack([p, d, size - p - d]), size, shares)
        row: dict[str, float] = {"answers": size}
        for name, pseudo in (("plain", 0.0), ("adjusted", PSEUDO_ANSWERS)):
            low, high = adjusted_wald(p / size, d / size, float(size), level=level, pseudo_answers=pseudo)
            truth = promoters - detractors
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
    low, high = statistics.difference(
        second["nps"], (second["nps_low"], second["nps_high"]), first["nps"], (first["nps_low"], first["nps_high"])
    )
    return float(second["nps"] - first["nps"]), float(low), float(high)
