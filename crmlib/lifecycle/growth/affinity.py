"""What goes together: pairs of items with support, confidence and lift, and how many would do so by chance."""

from __future__ import annotations

from typing import Any, Literal

from crmlib.engine import made_once, same_kind, to_pandas
from crmlib.statistics import holm, standard_errors, wilson

By = Literal["order", "customer"]
FEWEST_EXPECTED = 5.0
"""Pairs that chance would bring together less often than this are not judged."""
MOST_ITEMS = 300
"""Pairs are made of so many items at most, those in most baskets."""
_MOST_STRATUM = 10
PAIRS = [
    "item", "other", "baskets", "item_baskets", "other_baskets", "both", "support", "confidence", "confidence_low",
    "confidence_high", "base", "expected", "lift", "lift_low", "lift_high", "p", "p_adjusted", "comparisons",
]  # fmt: skip


def affinities(baskets: Any, *, by: By = "order", most_items: int = MOST_ITEMS, level: float = 0.95) -> Any:
    """Which items are bought together more, or less, often than by chance: two rows per pair, one each way.

    ``baskets``: from :func:`~crmlib.lifecycle.growth.baskets`. ``by="order"``: in one order. ``by="customer"``: by one
    customer at any time; customers are then compared with those who ordered on as many days, because who orders often
    has bought more of everything. Columns of the pandas frame:

    - ``item``, ``other``; ``baskets`` (orders or customers), ``item_baskets``, ``other_baskets``, ``both``;
    - ``support`` (both / baskets), ``confidence`` (both / item_baskets) with Wilson's ``confidence_low,
      confidence_high``, ``base`` (other_baskets / baskets);
    - ``expected`` (how often both by chance), ``lift`` (both / expected) with ``lift_low, lift_high`` (delta method on
      the log; unknown where the pair never occurs);
    - ``p`` (two-sided, exact: hypergeometric; by customer a binomial of the same mean and variance), ``p_adjusted``
      (Holm) among ``comparisons`` pairs: all that could have been found, not only those that were.

    Only a lift above 1 says something: orders in which nobody bought anything are in no table, which alone pushes pairs
    apart. Judged are pairs of the ``most_items`` most frequent items that chance would bring together five times or
    more. Sorted by lift, the largest first. Empty with fewer than two items.

    Sources: Agrawal, Imieliński & Swami (1993); Brin, Motwani, Ullman & Tsur (1997) for lift; Mantel & Haenszel (1959)
    for what is expected within strata.

    >>> import pandas as pd
    >>> rows = [(n, i) for n in range(40) for i in (["A", "B"] if n < 20 else ["A"] if n < 25 else ["C"])]
    >>> found = affinities(pd.DataFrame(rows, columns=["order_id", "item"]).assign(customer_id="x", day="2025-01-01"))
    >>> found[["item", "other", "both", "expected", "confidence", "lift"]].head(2)
      item other  both  expected  confidence  lift
    0    A     B    20      12.5         0.8   1.6
    1    B     A    20      12.5         1.0   1.6
    """
    units = _units(baskets, by=by)
    sizes = to_pandas(_stratum_sizes(units)).set_index("stratum").units.sort_index()
    singles = to_pandas(_item_counts(units, most_items=most_items))
    pairs = to_pandas(_pair_counts(units, most_items=most_items))
    return judged(sizes, singles, pairs, level=level)


def judged(sizes: Any, singles: Any, pairs: Any, *, directed: bool = False, level: float = 0.95) -> Any:
    """Pairs held against chance, within strata: see :func:`affinities`.

    ``sizes``: units by stratum (a series); ``singles``: ``stratum, item, units`` and, for ``directed`` pairs (an item
    now, another later), a ``side`` (``item``, ``other``); ``pairs``: ``stratum, item, other, both`` (pandas frames).
    """
    import numpy as np
    import pandas as pd

    sides = {side: singles[singles.side == side] if directed else singles for side in ("item", "other")}
    tables = {
        side: rows.pivot_table(index="item", columns="stratum", values="units", aggfunc="sum", fill_value=0)
        .reindex(columns=sizes.index, fill_value=0)
        .sort_index()
        for side, rows in sides.items()
    }
    if min(map(len, tables.values())) < 1 or len(tables["item"].index.union(tables["other"].index)) < 2:
        return pd.DataFrame(columns=PAIRS)
    names, others = tables["item"].index, tables["other"].index
    a, b = (table.to_numpy(float) for table in (tables["item"], tables["other"]))
    n = sizes.to_numpy(float)
    expected = (a / n) @ b.T
    wanted = (expected >= FEWEST_EXPECTED) & (names.to_numpy()[:, None] != others.to_numpy()[None, :])
    if not directed:
        wanted = np.triu(wanted)
    rows, columns = np.nonzero(wanted)
    if not len(rows):
        return pd.DataFrame(columns=PAIRS)
    grid = pd.MultiIndex.from_arrays([names[rows], others[columns]], names=["item", "other"])
    both = pairs.pivot_table(index=["item", "other"], columns="stratum", values="both", aggfunc="sum", fill_value=0)
    ab = both.reindex(index=grid, columns=sizes.index).fillna(0).to_numpy(float)
    a, b = a[rows], b[columns]
    observed, chance = ab.sum(axis=1), (a * b / n).sum(axis=1)
    lift = observed / chance
    # What each unit moves the lift by: 1 where it holds both, less the lift times what it adds to the expected number.
    pa, pb, cells = a / n, b / n, {"both": ab, "a": a - ab, "b": b - ab, "none": n - a - b + ab}
    moves = {"both": 1 - lift[:, None] * (pa + pb - pa * pb), "a": -lift[:, None] * (pb - pa * pb),
             "b": -lift[:, None] * (pa - pa * pb), "none": lift[:, None] * pa * pb}  # fmt: skip
    mean = sum(cells[cell] * moves[cell] for cell in cells) / n
    variance = sum(cells[cell] * (moves[cell] - mean) ** 2 for cell in cells).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.exp(standard_errors(level) * np.sqrt(variance) / np.where(observed > 0, observed, np.nan))
    p = _chances(ab, a, b, n, observed, chance)
    frame = pd.DataFrame({
        "item": names[rows], "other": others[columns], "baskets": int(n.sum()), "item_baskets": a.sum(axis=1),
        "other_baskets": b.sum(axis=1), "both": observed, "expected": chance, "lift": lift, "lift_low": lift / reach,
        "lift_high": lift * reach, "p": p, "p_adjusted": holm(p), "comparisons": len(p),
    })  # fmt: skip
    if not directed:
        turned = {"item": "other", "other": "item", "item_baskets": "other_baskets", "other_baskets": "item_baskets"}
        frame = pd.concat([frame, frame.rename(columns=turned)], ignore_index=True)
    counts = ["item_baskets", "other_baskets", "both"]
    frame = frame.astype(dict.fromkeys(counts, "int64"))
    low, high = wilson(frame.both, frame.item_baskets, level=level)
    frame = frame.assign(
        support=frame.both / frame.baskets, confidence=frame.both / frame.item_baskets, confidence_low=low,
        confidence_high=high, base=frame.other_baskets / frame.baskets,
    )  # fmt: skip
    order = frame.assign(by_lift=-frame.lift.round(9)).sort_values(["by_lift", "item", "other"], kind="stable").index
    return frame.loc[order, PAIRS].reset_index(drop=True)


def _chances(ab: Any, a: Any, b: Any, n: Any, observed: Any, expected: Any) -> Any:
    """Two-sided p of as many together, given how often each occurs."""
    import numpy as np
    from scipy.stats import binom, hypergeom

    if len(n) == 1:
        one = hypergeom(int(n[0]), a[:, 0].astype(int), b[:, 0].astype(int))
        up, down = one.sf(observed - 1), one.cdf(observed)
    else:
        rest = np.maximum(n - 1, 1)
        variance = (a * b * (n - a) * (n - b) / (n**2 * rest)).sum(axis=1)
        share = np.clip(1 - variance / expected, 1e-9, 1 - 1e-9)
        draws = np.maximum(expected / share, observed)
        share = expected / draws
        up, down = binom.sf(observed - 1, np.round(draws), share), binom.cdf(observed, np.round(draws), share)
    return np.minimum(2 * np.minimum(up, down), 1.0)


@same_kind
def _units(baskets: Any, *, by: By) -> Any:
    """``unit, stratum, item``, each once: of an order, or of a customer and on how many days he ordered."""
    import ibis

    if by == "order":
        return baskets.select(unit=baskets.order_id, stratum=ibis.literal(0), item=baskets["item"])
    known = baskets.filter(baskets.customer_id.notnull())
    days = known.group_by("customer_id").agg(days=known.day.nunique())
    each = known.select("customer_id", "item").distinct().join(days, "customer_id")
    stratum = ibis.least(each.days, ibis.literal(_MOST_STRATUM)).cast("int64")
    return made_once(each.select(unit=each.customer_id, stratum=stratum, item=each["item"]))


@same_kind
def _stratum_sizes(units: Any) -> Any:
    return units.group_by("stratum").agg(units=units.unit.nunique()).order_by("stratum")


def _frequent(units: Any, most_items: int) -> Any:
    """The items in most units."""
    counted = units.group_by("item").agg(units=units.count())
    return counted.order_by(counted.units.desc(), "item").limit(most_items).select("item")


@same_kind
def _item_counts(units: Any, *, most_items: int) -> Any:
    kept = units.semi_join(_frequent(units, most_items), "item")
    return kept.group_by("stratum", "item").agg(units=kept.count()).order_by("stratum", "item")


@same_kind
def _pair_counts(units: Any, *, most_items: int) -> Any:
    kept = units.semi_join(_frequent(units, most_items), "item")
    other = kept.select(unit=kept.unit, other=kept.item)
    pairs = kept.join(other, [kept.unit == other.unit, kept.item < other.other])
    return pairs.group_by("stratum", "item", "other").agg(both=pairs.count()).order_by("stratum", "item", "other")
