"""Differences: new cohorts against old ones, and groups against each other, fairly and with due caution."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib import text
from crmlib.calendar import as_day
from crmlib.engine import to_ibis
from crmlib.finding import Finding
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.lifecycle.retention.second_order import Grouping, repeat_rate
from crmlib.statistics import bonferroni, holm, newcombe, wilson

if TYPE_CHECKING:
    import pandas as pd

_YEAR = 365


# Measures


def compare_newer(second_orders: Any, *, as_of: Any, within: int = 90) -> pd.DataFrame | None:
    """Whether customers who came lately order again more often than those before, both followed equally long.

    Of all customers who have been followed for ``within`` days, the newer ones are set against the older
    ones: where the data reach back far enough, against those who came on the same days of the year before,
    so that the season cannot be what differs; otherwise the later against the earlier half of the days. One
    row: ``older_from, older_to, older_followed, older_returned, older_rate`` and the same for ``newer``;
    ``difference`` (newer − older) with its 95 % interval ``low, high``; ``same_season``; ``within``. None
    with fewer than 30 followed customers on either side.

    >>> import pandas as pd
    >>> days = pd.date_range("2025-01-01", "2025-06-29")
    >>> table = pd.DataFrame({"first_day": days, "days": 40, "followed_days": (pd.Timestamp("2025-09-30") - days).days,
    ...     "returned": days.month > 3})
    >>> compare_newer(table, as_of="2025-09-30")[["older_rate", "newer_rate", "same_season"]]
       older_rate  newer_rate  same_season
    0         0.0         1.0        False
    """
    import pandas as pd

    table = to_ibis(second_orders)
    daily = (
        table.filter(table.followed_days >= within)
        .group_by("first_day")
        .agg(followed=lambda t: t.count(), returned=lambda t: (t.returned & (t.days <= within)).sum())
        .order_by("first_day")
        .to_pandas()
    )
    if daily.empty:
        return None
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
    for side, until in (("older", older_to), ("newer", last)):
        begin = until - dt.timedelta(days=length - 1)
        part = daily[(days >= begin) & (days <= until)]
        followed, returned = int(part.followed.sum()), int(part.returned.sum())
        if followed < SMALL_BASE:
            return None
        row |= {
            f"{side}_from": begin,
            f"{side}_to": until,
            f"{side}_followed": followed,
            f"{side}_returned": returned,
            f"{side}_rate": returned / followed,
        }
    low, high = newcombe(row["newer_returned"], row["newer_followed"], row["older_returned"], row["older_followed"])
    row |= {"difference": row["newer_rate"] - row["older_rate"], "low": low, "high": high}
    return pd.DataFrame([row | {"same_season": same_season, "within": within}])


def compare_groups(second_orders: Any, *, within: int = 90, least: int = SMALL_BASE) -> pd.DataFrame:
    """Every two groups of customers: who orders again more often, and is that more than chance?

    Rests on customers followed for ``within`` days; groups with fewer than ``least`` of them are left out.
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
    from itertools import combinations

    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    rates = repeat_rate(second_orders, within=within, by="group")
    rates = rates[rates.followed >= least].sort_values(["repeat_rate", "group"], ascending=[False, True])
    pairs = list(combinations(rates.itertuples(index=False), 2))
    columns = ["group", "other", "group_rate", "other_rate", "difference", "low", "high", "p", "p_adjusted"]
    if not pairs:
        return pd.DataFrame(columns=columns)
    frame = pd.DataFrame(
        {
            "group": [a.group for a, _ in pairs],
            "other": [b.group for _, b in pairs],
            "group_rate": [a.repeat_rate for a, _ in pairs],
            "other_rate": [b.repeat_rate for _, b in pairs],
        }
    )
    count, base, other_count, other_base = np.array(
        [(a.returned, a.followed, b.returned, b.followed) for a, b in pairs], float
    ).T
    low, high = newcombe(count, base, other_count, other_base, level=bonferroni(len(pairs)))
    pooled = (count + other_count) / (base + other_base)
    error = np.sqrt(pooled * (1 - pooled) * (1 / base + 1 / other_base))
    difference = count / base - other_count / other_base
    score = np.divide(difference, error, out=np.zeros_like(error), where=error > 0)
    p = 2 * ndtr(-np.abs(score))
    frame = frame.assign(difference=difference, low=low, high=high, p=p, p_adjusted=holm(p))
    return frame.sort_values(["difference", "group", "other"], ascending=[False, True, True])[columns].reset_index(
        drop=True
    )


# Findings


def finding_newer(newer: pd.DataFrame | None, worth: pd.DataFrame | None = None) -> Finding | None:
    """Whether newer customers return more often than older ones did, and what the change is worth a year.

    ``newer``: the row of :func:`compare_newer`; ``worth``: the row of ``value_of_second_orders``. The money
    is the difference for a year's new customers, a second order each; its interval is that of the
    difference. None without a comparison.
    """
    if newer is None:
        return None
    row = newer.iloc[0]
    words = {
        "new": text.percent(row.newer_rate, digits=1),
        "old": text.percent(row.older_rate, digits=1),
        "days": int(row.within),
        "older_from": text.day(row.older_from),
        "older_to": text.day(row.older_to),
        "newer_from": text.day(row.newer_from),
        "newer_to": text.day(row.newer_to),
    }
    if row.low > 0:
        direction = "good"
        sentence = text.say(
            "Newer customers return more often: {new} order again within {days} days, against {old} before.", **words
        )
        action = text.say(
            "Find out what changed (channels, offer, service) before crediting a measure: a comparison over time "
            "shows that something improved, not what."
        )
    elif row.high < 0:
        direction = "bad"
        sentence = text.say(
            "Newer customers return less often: {new} order again within {days} days, against {old} before.", **words
        )
        action = text.say("Look first at which channels brought the newer customers, then at their first experience.")
    else:
        direction = "neutral"
        sentence = text.say(
            "Newer customers return about as often as older ones: {new} order again within {days} days, against {old} "
            "before.",
            **words,
        )
        action = text.say("Do not report the difference as a trend; look again when more customers have been followed.")
    bases = {"older": int(row.older_followed), "newer": int(row.newer_followed)}
    interval = text.interval(row.low * 100, row.high * 100, text.number, digits=1)
    if row.same_season:
        certainty = text.say(
            "Difference {interval} percentage points (95% interval): {newer} customers won {newer_from} – {newer_to} "
            "against {older} won on the same days a year earlier, all followed for {days} days.",
            interval=interval,
            **bases,
            **words,
        )
    else:
        certainty = text.say(
            "Difference {interval} percentage points (95% interval): {newer} customers won {newer_from} – {newer_to} "
            "against {older} won {older_from} – {older_to}, all followed for {days} days; the season may play a part.",
            interval=interval,
            **bases,
            **words,
        )
    money = None if direction == "neutral" else _per_year(worth)
    if money:
        meaning = text.say(
            "At stake is the contribution of a year's second orders that make this difference, and of no later ones."
        )
        certainty = " ".join((certainty, meaning))
    return Finding(
        "retention.newer_customers",
        sentence,
        direction,  # type: ignore[arg-type]
        certainty=certainty,
        action=action,
        money=money and abs(row.difference) * money,
        money_low=money and min(abs(row.low), abs(row.high)) * money,
        money_high=money and max(abs(row.low), abs(row.high)) * money,
        plays=("second_order",) if direction == "bad" else (),
    )


def _per_year(worth: pd.DataFrame | None) -> float | None:
    """What a second order by every new customer of a year would bring; None where nothing can be said."""
    if worth is None or worth.empty:
        return None
    row = worth.iloc[0]
    money = float(row.new_customers_a_year * row.value)
    return money if money > 0 else None


def finding_groups(
    second_orders: Any,
    groups: pd.DataFrame,
    *,
    within: int = 90,
    worth: pd.DataFrame | None = None,
    by: Grouping | None = None,
) -> Finding | None:
    """Which group of customers returns most and which least, and what it would be worth if the last came up
    to average.

    ``groups``: :func:`compare_groups` of these ``second_orders``; ``worth``: the row of
    ``value_of_second_orders``; ``by``: what the groups are, for the words. Money only where the difference is
    more than chance: the gap of the last group to all customers, for its new customers of a year. None with
    fewer than two groups.
    """
    if groups.empty:
        return None
    row = groups.iloc[0]
    words = {
        "best": str(row.group),
        "worst": str(row.other),
        "high": text.percent(row.group_rate, digits=1),
        "low": text.percent(row.other_rate, digits=1),
        "days": within,
        "interval": text.interval(row.low * 100, row.high * 100, text.number, digits=1),
        "pairs": len(groups),
        "p": text.number(row.p_adjusted, digits=3),
    }
    if not row.low > 0:
        return Finding(
            "retention.groups",
            text.say(
                "No channel stands out: {high} of customers won by “{best}” order again within {days} days, {low} of "
                "those won by “{worst}”.",
                **words,
            )
            if by == "channel"
            else text.say(
                "No group stands out: {high} of the group “{best}” order again within {days} days, {low} of “{worst}”.",
                **words,
            ),
            "neutral",
            certainty=text.say(
                "Difference {interval} percentage points (95% interval that allows for the number of "
                "comparisons, {pairs}).",
                **words,
            ),
            action=text.say("Treat the groups alike until more customers have been followed."),
        )
    rates = repeat_rate(second_orders, within=within, by="group").set_index("group")
    worst = rates.loc[row.other]
    everybody = float(rates.returned.sum() / rates.followed.sum())
    gap = everybody - float(worst.repeat_rate)
    low, high = wilson(int(worst.returned), int(worst.followed))
    a_year = _per_year(worth)
    share = float(worst.new_customers / rates.new_customers.sum())
    money = a_year * share if a_year else None
    return Finding(
        "retention.groups",
        text.say(
            "{high} of customers won by “{best}” order again within {days} days, but only {low} of those won by "
            "“{worst}”.",
            **words,
        )
        if by == "channel"
        else text.say(
            "{high} of the group “{best}” order again within {days} days, but only {low} of “{worst}”.",
            **words,
        ),
        "bad",
        certainty=text.say(
            "Difference {interval} percentage points (95% interval that allows for the number of comparisons, {pairs}; "
            "adjusted p {p}); best and worst were picked after the fact, and the groups may differ in more than their "
            "name. {money}",
            money=text.say(
                "At stake is the contribution of the second orders alone that a year's new customers of “{worst}” "
                "would add if they returned like the average.",
                **words,
            )
            if money
            else "",
            **(words | {"p": text.say("below 0.001") if row.p_adjusted < 0.001 else words["p"]}),
        ).rstrip(),
        action=text.say(
            "Give customers won by “{worst}” a reason to return before all others, and weigh what winning them may "
            "cost against how few of them come back.",
            **words,
        )
        if by == "channel"
        else text.say(
            "Give the customers of “{worst}” a reason to return before all others, and weigh what winning them may "
            "cost against how few of them come back.",
            **words,
        ),
        money=money and gap * money,
        money_low=money and max(0.0, everybody - high) * money,
        money_high=money and (everybody - low) * money,
        plays=("second_order",),
    )
