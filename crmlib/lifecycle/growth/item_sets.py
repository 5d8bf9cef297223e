"""Sets of three items and more that are bought together, found by a library's FP-growth."""

from __future__ import annotations

from typing import Any

from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.growth.affinity import FEWEST_EXPECTED
from crmlib.statistics import holm, wilson

MOST_BASKETS = 50_000
"""Sets are looked for in so many baskets at most: every so-many-th, in the order of their ids."""
MOST_ITEMS = 100
FEWEST = 10
MOST_SETS = 5_000
SETS = [
    "items", "size", "fewest", "baskets", "together", "support", "low", "high", "base", "lift", "p", "p_adjusted",
    "comparisons",
]  # fmt: skip


def item_sets(baskets: Any, *, largest: int = 4, most_baskets: int = MOST_BASKETS) -> Any:
    """Sets of three to ``largest`` items that come together more often than their best pair and the rest by chance.

    A pandas frame, one row per set that is in ``fewest`` baskets or more (ten, or as many as leave about 5,000 sets to
    be compared: baskets of thirty items hold millions): ``items`` (a tuple, sorted), ``size``; ``baskets``
    (looked at: with more than ``most_baskets`` a sample), ``together``, ``support`` with Wilson's ``low, high``;
    ``base``: the support that chance would give, if the likeliest part of the set met the rest of it by chance;
    ``lift`` (support / base); ``p`` (binomial, one-sided) and ``p_adjusted`` (Holm) among ``comparisons`` sets.
    ``baskets``: from :func:`~crmlib.lifecycle.growth.baskets`. Sorted by lift.

    Source: Han, Pei & Yin (2000), "Mining frequent patterns without candidate generation"; the algorithm is mlxtend's.
    """
    import pandas as pd
    from scipy.stats import binom

    rows = to_pandas(_sampled(baskets, most_baskets=most_baskets))
    count = int(rows.order_id.nunique())
    found, fewest = _frequent_sets(rows, count, largest) if count >= FEWEST else ({}, FEWEST)
    made = []
    for items, together in found.items():
        if len(items) < 3:
            continue
        base = max(found[part] / count * found[items - part] / count for part in _parts(items))
        made.append((tuple(sorted(items)), len(items), count, together, together / count, base))
    frame = pd.DataFrame(made, columns=["items", "size", "baskets", "together", "support", "base"])
    frame = frame[frame.base * count >= FEWEST_EXPECTED]
    if frame.empty:
        return pd.DataFrame(columns=SETS)
    low, high = wilson(frame.together, frame.baskets)
    p = binom.sf(frame.together - 1, frame.baskets, frame.base)
    frame = frame.assign(
        low=low,
        high=high,
        lift=frame.support / frame.base,
        p=p,
        p_adjusted=holm(p),
        comparisons=len(frame),
        fewest=fewest,
    )
    return frame[SETS].sort_values(["lift", "items"], ascending=[False, True], kind="stable", ignore_index=True)


def _parts(items: frozenset[str]) -> list[frozenset[str]]:
    """All parts of the set that leave a rest, each split once."""
    from itertools import combinations

    return [frozenset(part) for size in range(1, len(items) // 2 + 1) for part in combinations(sorted(items), size)]


def _frequent_sets(rows: Any, count: int, largest: int) -> tuple[dict[frozenset[str], int], int]:
    """The sets, how many baskets hold each, and how many have to: fewer and fewer, until there are sets enough."""
    import warnings

    import pandas as pd

    with warnings.catch_warnings():  # on import it switches warnings on for everybody
        from mlxtend.frequent_patterns import fpgrowth

    table = pd.crosstab(rows.order_id, rows["item"]) > 0  # without the baskets that hold no frequent item
    fewest = max(count // 8, FEWEST)
    while True:
        found = fpgrowth(table, min_support=fewest / max(len(table), 1), use_colnames=True, max_len=largest)
        if fewest == FEWEST or len(found) > MOST_SETS:
            break
        fewest = max(2 * fewest // 3, FEWEST)
    sets = zip(found.itemsets, found.support, strict=True)
    return {frozenset(items): round(share * len(table)) for items, share in sets}, fewest


@same_kind
def _sampled(baskets: Any, *, most_baskets: int) -> Any:
    """``order_id, item`` of the frequent items, of every so-many-th order."""
    import ibis

    counted = baskets.group_by("item").agg(n=baskets.count())
    frequent = counted.order_by(counted.n.desc(), "item").limit(MOST_ITEMS)
    orders = baskets.select("order_id").distinct()
    every = orders.mutate(
        place=ibis.row_number().over(ibis.window(order_by="order_id")), orders=orders.count().over(ibis.window())
    )
    step = ibis.greatest((every.orders / most_baskets).ceil(), 1)
    kept = every.filter((every.place % step) == 0)
    rows = baskets.select("order_id", "item").distinct().semi_join(kept, "order_id")
    left = kept.select("order_id").left_join(rows.semi_join(frequent, "item"), "order_id").drop("order_id_right")
    return left.order_by("order_id", "item")
