"""Differences: new cohorts against old ones, and groups against each other, fairly and with due caution."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day
from crmlib.engine import to_ibis
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.lifecycle.retention.second_order import repeat_rate
from crmlib.newcomers import WHOLE
from crmlib.statistics import bonferroni, holm, newcombe, standard_errors

if TYPE_CHECKING:
    import pandas as pd

_YEAR = 365
# Of the degrees of freedom, what is left after the correlation of neighbouring months.
_KEPT = 0.75
_SIDE = ("from", "to", "followed", "returned", "rate")
_NEWER = [*(f"{side}_{what}" for side in ("older", "newer") for what in _SIDE), "difference", "low", "high"]
_GROUPS = ["group", "other", "group_rate", "other_rate", "difference", "low", "high", "p", "p_adjusted"]


def compare_newer(second_orders: Any, *, as_of: Any, within: int = 90, settled: Any = WHOLE.settled) -> pd.DataFrame:
    """Whether customers who came lately order again more often than those before, both followed equally long.

    Of all customers who have been followed for ``within`` days, the newer ones are set against the older
    ones: where the data reach back far enough, against those who came on the same days of the year before,
    so that the season cannot be what differs; otherwise the later against the earlier half of the days. One
    row: ``older_from, older_to, older_followed, older_returned, older_rate`` and the same for ``newer``;
    ``difference`` (newer − older) with its 95 % interval ``low, high``; ``same_season``; ``within``; ``mix`` and
    ``unsteady``. Empty with fewer than 30 followed customers on either side.

    Only customers from the day ``settled`` on are compared (see :class:`crmlib.newcomers.Start`): before it, too many
    are old ones back after a long silence, and fewer from month to month, which alone makes rates differ. None, and
    nobody can be compared.

    ``mix`` is the part of the difference that comes from *which* groups came: what it would be if each group had kept
    its older rate (Kitagawa 1955, JASA 50; empty without groups). ``unsteady`` says how many times the interval is
    Newcombe's, because rates go up and down from month to month by more than chance: the square root of Pearson's χ²
    of the calendar months by its degrees of freedom, times Student's t by the normal quantile, and at least 1
    (quasi-likelihood: McCullagh & Nelder 1989, section 4.5). What makes a month better reaches into the next, so that
    χ² grows by twice their correlation where that is above 0, and a quarter of the degrees of freedom is given for it
    (Newey & West 1987, Econometrica 55).

    >>> import pandas as pd
    >>> days = pd.date_range("2025-01-01", "2025-06-29")
    >>> table = pd.DataFrame({"first_day": days, "days": 40, "followed_days": (pd.Timestamp("2025-09-30") - days).days,
    ...     "returned": days.month > 3})
    >>> compare_newer(table, as_of="2025-09-30")[["older_rate", "newer_rate", "same_season"]]
       older_rate  newer_rate  same_season
    0         0.0         1.0        False
    """
    import ibis
    import pandas as pd

    nothing = pd.DataFrame(columns=[*_NEWER, "same_season", "within", "mix", "unsteady"])
    if settled is None:
        return nothing
    table = to_ibis(second_orders)
    grouped = [name for name in ("group",) if name in table.columns]
    daily = (
        table.filter((table.followed_days >= within) & (table.first_day >= ibis.literal(as_day(settled))))
        .group_by("first_day", *grouped)
        .agg(followed=lambda t: t.count(), returned=lambda t: (t.returned & (t.days <= within)).sum())
        .order_by("first_day", *grouped)
        .to_pandas()
    )
    if daily.empty:
        return nothing
    days = pd.to_datetime(daily.first_day).dt.date
    first, last = days.iloc[0], min(days.iloc[-1], as_day(as_of) - dt.timedelta(days=within))
    same_season = (last - first).days >= _YEAR + within
    if same_season:
        length = min(_YEAR, (last - first).days - _YEAR + 1)
        older_to = last - dt.timedelta(days=_YEAR)
    else:
        length = ((last - first).days + 1) // 2
        older_to = first + dt.timedelta(days=length - 1)
    row: dict[str, Any] = {}
    parts: dict[str, pd.DataFrame] = {}
    for side, until in (("older", older_to), ("newer", last)):
        begin = until - dt.timedelta(days=length - 1)
        part = daily[(days >= begin) & (days <= until)]
        followed, returned = int(part.followed.sum()), int(part.returned.sum())
        if followed < SMALL_BASE:
            return nothing
        found = (begin, until, followed, returned, returned / followed)
        row |= {f"{side}_{what}": value for what, value in zip(_SIDE, found, strict=True)}
        # A day of the newer time is in the month of the day that it is compared with.
        back = older_to - until if same_season else dt.timedelta(0)
        of_month = [day + back for day in days[part.index]]
        parts[side] = part.assign(month=[12 * day.year + day.month for day in of_month])
    low, high = newcombe(row["newer_returned"], row["newer_followed"], row["older_returned"], row["older_followed"])
    difference, unsteady = row["newer_rate"] - row["older_rate"], _unsteady(**parts, same_season=same_season)
    low, high = (max(-1.0, min(1.0, difference + unsteady * (end - difference))) for end in (low, high))
    row |= {"difference": difference, "low": low, "high": high, "same_season": same_season, "within": within}
    return pd.DataFrame([row | {"mix": _mix(**parts) if grouped else float("nan"), "unsteady": unsteady}])


def _unsteady(older: pd.DataFrame, newer: pd.DataFrame, *, same_season: bool) -> float:
    """How many times wider an interval is than chance alone makes it, by how the months of both sides differ."""
    from scipy.special import stdtrit

    sums = [side.groupby("month")[["followed", "returned"]].sum() for side in (older, newer)]
    rate = sum(side.returned.sum() for side in sums) / sum(side.followed.sum() for side in sums)
    if not 0 < rate < 1:
        return 1.0
    if same_season:  # the season moves both sides alike, so the months are compared in pairs
        both = sums[0].join(sums[1], lsuffix="_older", how="inner")
        gaps = [both.returned / both.followed - both.returned_older / both.followed_older]
        weights = [1 / (1 / both.followed + 1 / both.followed_older)]
    else:
        gaps, weights = [side.returned / side.followed for side in sums], [side.followed for side in sums]
    free = sum(len(gap) - 1 for gap in gaps)
    if free < 1:
        return 1.0
    pairs = zip(gaps, weights, strict=True)
    off = [((gap - (gap * w).sum() / w.sum()) * w**0.5).to_numpy() for gap, w in pairs]
    squares = sum(float(of @ of) for of in off)
    if not squares:
        return 1.0
    # Around a mean of their own, neighbours seem to differ: by 1 / n for each mean.
    together = sum(float(of[1:] @ of[:-1]) for of in off) / squares + len(off) / sum(map(len, off))
    spread = (squares * (1 + 2 * max(together, 0.0)) / (rate * (1 - rate)) / free) ** 0.5
    return max(1.0, float(spread * stdtrit(_KEPT * free, 0.975) / standard_errors()))


def _mix(older: pd.DataFrame, newer: pd.DataFrame) -> float:
    """The difference that there would be if every group had kept its older rate (or its only one)."""
    then, now = (side.groupby("group")[["followed", "returned"]].sum() for side in (older, newer))
    rates = (then.returned / then.followed).combine_first(now.returned / now.followed)
    shares = [side.followed.reindex(rates.index, fill_value=0) / side.followed.sum() for side in (then, now)]
    return float(((shares[1] - shares[0]) * rates).sum()) if len(rates) else float("nan")


def compare_groups(second_orders: Any, *, within: int = 90) -> pd.DataFrame:
    """Every two groups of customers: who orders again more often, and is that more than chance?

    Rests on customers followed for ``within`` days; groups with fewer than 30 of them are left out.
    One row per pair, the largest difference first: ``group, other`` (the group has the higher rate),
    ``group_rate, other_rate``, ``difference`` with an interval ``low, high`` that holds for *all* pairs at
    once with 95 % (Bonferroni on Newcombe's interval), ``p`` (two shares, pooled) and ``p_adjusted`` for the
    number of pairs (Holm). Without the adjustment the best and the worst of many groups nearly always seem
    to differ.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "returned": [True] * 20 + [False] * 60,
    ...     "days": 10, "followed_days": 100})
    >>> compare_groups(table)[["group", "other", "difference", "low", "high"]].round(3)
      group other  difference    low   high
    0     a     b         0.5  0.328  0.648
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    rates = repeat_rate(second_orders, within=within, by="group")
    rates = rates[rates.followed >= SMALL_BASE].sort_values(["repeat_rate", "group"], ascending=[False, True])
    rates = rates.assign(place=range(len(rates)))
    pairs = rates.merge(rates, how="cross", suffixes=("", "_other"))
    pairs = pairs[pairs.place < pairs.place_other]
    if pairs.empty:
        return pd.DataFrame(columns=_GROUPS)
    low, high = newcombe(
        pairs.returned, pairs.followed, pairs.returned_other, pairs.followed_other, level=bonferroni(len(pairs))
    )
    pooled = (pairs.returned + pairs.returned_other) / (pairs.followed + pairs.followed_other)
    error = np.sqrt(pooled * (1 - pooled) * (1 / pairs.followed + 1 / pairs.followed_other))
    difference = pairs.repeat_rate - pairs.repeat_rate_other
    p = 2 * ndtr(-(difference / error).where(error > 0, 0.0).abs().to_numpy())
    names = {"group_other": "other", "repeat_rate": "group_rate", "repeat_rate_other": "other_rate"}
    frame = pairs.rename(columns=names).assign(difference=difference, low=low, high=high, p=p, p_adjusted=holm(p))
    order = ["difference", "group", "other"]
    return frame.sort_values(order, kind="stable", ascending=[False, True, True], ignore_index=True)[_GROUPS]
