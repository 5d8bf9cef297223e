"""The members' club: tiers and who moves between them, the points owed, and why members buy more."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day, first_of_months, months_before
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.purchases import contribution, data_begin, purchases
from crmlib.statistics import difference, mean_of_sums

FEWEST = 30
NO_MEMBER = "no member"
JOINERS = ["joiners", "stayers", "joiners_before", "joiners_low", "joiners_high", "stayers_before", "stayers_low",
           "stayers_high", "difference", "low", "high", "ratio", "landmark", "days"]  # fmt: skip
_AGES = ((0, 3), (3, 6), (6, 12), (12, 18), (18, 1200))


@same_kind
def tier_summary(loyalty: Any, orders: Any, *, as_of: Any, margin: float = 1.0) -> Any:
    """What customers of each tier bought in the last twelve months, and what they redeemed, beside those in none.

    One row per ``tier`` (today's: that of the last movement; ``no member`` for buyers without any): ``customers``, of
    these ``buyers`` in the twelve months, ``orders``, ``revenue``, ``contribution`` (spend less cost, or × ``margin``)
    and ``redeemed`` points; per customer ``orders_each``, ``contribution_each``, ``redeemed_each``; ``balance`` of
    points not redeemed. Sorted by contribution per customer, the largest first. Members of higher tiers bought more:
    that is how they came to be in them. pandas or Ibis in, same kind out.
    """
    import ibis

    begin = ibis.literal(first_of_months(as_of, 12))
    moves = _movements(loyalty, as_of=as_of)
    members = moves.group_by("customer_id").agg(
        tier=moves.tier.max(where=moves.is_last), balance=moves.earned.sum() - moves.redeemed.sum(),
        redeemed=moves.redeemed.sum(where=moves.day >= begin),
    )  # fmt: skip
    bought = purchases(orders, as_of=as_of, keep=("cost",))
    this_year = bought.day >= begin
    left = contribution(bought, margin=margin)
    buyers = bought.group_by("customer_id").agg(
        orders=this_year.sum(), revenue=bought.spend.sum(where=this_year), contribution=left.sum(where=this_year)
    )
    each = buyers.outer_join(members, "customer_id")
    nothing = {name: each[name].cast("float64").fill_null(0.0) for name in ("orders", "revenue", "contribution",
                                                                          "redeemed", "balance")}  # fmt: skip
    each = each.mutate(tier=each.tier.fill_null(NO_MEMBER), **nothing)
    tiers = each.group_by("tier").agg(
        customers=each.count(), buyers=(each.orders > 0).sum(),
        **{name: each[name].sum().round(6) for name in nothing},
    )  # fmt: skip
    tiers = tiers.mutate(**{f"{name}_each": tiers[name] / tiers.customers for name in ("orders", "contribution",
                                                                                    "redeemed")})  # fmt: skip
    any_member = (tiers.tier != NO_MEMBER).any().over()
    tiers = tiers.mutate(known=any_member)
    return tiers.filter(tiers.known).drop("known").order_by(tiers.contribution_each.desc(), "tier")


@same_kind
def tier_migration(loyalty: Any, *, as_of: Any, months: int = 12) -> Any:
    """From which tier to which members have moved in the last ``months``: one row per pair of tiers.

    ``before`` (the tier then; ``no member``: joined since), ``after`` (today's), ``members``. Sorted. pandas or Ibis
    in, same kind out.
    """
    now = _tier_at(loyalty, as_of=as_of).rename(after="tier")
    then = _tier_at(loyalty, as_of=months_before(as_of, months)).rename(before="tier")
    both = now.left_join(then, "customer_id").drop("customer_id_right")
    both = both.mutate(before=both.before.fill_null(NO_MEMBER))
    return both.group_by("before", "after").agg(members=both.count()).order_by("before", "after")


@same_kind
def points_by_age(loyalty: Any, *, as_of: Any) -> Any:
    """Points by how long ago they were earned: how many have been redeemed, if the oldest are redeemed first.

    One row per age class that has any: ``months_from``, ``months_to``, ``earned``, ``redeemed``, ``open``. The
    movements of each customer are paid off in the order in which they came (first in, first out). pandas or Ibis in,
    same kind out.
    """
    import ibis

    moves = _movements(loyalty, as_of=as_of)
    own = ibis.window(group_by="customer_id", order_by=["at", "earned", "redeemed", "tier"])
    upto = moves.earned.sum().over(ibis.cumulative_window(group_by="customer_id", order_by=own.orderings))
    spent = moves.redeemed.sum().over(group_by="customer_id")
    gone = ibis.least(ibis.greatest(spent - (upto - moves.earned), 0.0), moves.earned)
    age = ibis.literal(as_day(as_of)).delta(moves.day, unit="day") / 30.44
    label: Any = ibis.cases(*((age < high, low) for low, high in _AGES), else_=_AGES[-1][0]).cast("int64")
    rows = moves.mutate(months_from=label, gone=gone)
    counted = rows.group_by("months_from").agg(earned=rows.earned.sum(), redeemed=rows.gone.sum())
    counted = counted.filter(counted.earned > 0)
    upper = ibis.cases(*((counted.months_from == low, high) for low, high in _AGES), else_=0).cast("int64")
    return counted.select(
        "months_from", months_to=upper, earned=counted.earned, redeemed=counted.redeemed,
        open=counted.earned - counted.redeemed,
    ).order_by("months_from")  # fmt: skip


def points_liability(ages: Any, *, point_value: float = 0.0) -> Any:
    """The points that members can still redeem, and how many of them will be, judged by the oldest points.

    One row (a pandas frame; empty without points): ``earned``, ``redeemed``, ``open``; ``redeemed_old``: the share of
    the oldest points (18 months and more, else the oldest there are) that is redeemed, ``old_months``; ``expected``:
    open points that will be redeemed if all points come to that share at least: the smallest liability that fits these
    data; ``breakage_most``: the share of open points that will not be, at most; ``liability`` and ``liability_most``
    (all open points) in money, at ``point_value`` per point (client's currency; 0: unknown, and the money is, too).
    ``ages``: from :func:`points_by_age`.
    """
    import pandas as pd

    frame = to_pandas(ages)
    if frame.empty or frame.earned.sum() <= 0:
        return pd.DataFrame()
    frame = frame.sort_values("months_from", kind="stable")
    old = frame.iloc[-1]
    share = float(old.redeemed / old.earned)
    still = (share * frame.earned - frame.redeemed).clip(lower=0)
    left = float(frame.open.sum())
    value = point_value if point_value > 0 else float("nan")
    return pd.DataFrame([{
        "earned": float(frame.earned.sum()), "redeemed": float(frame.redeemed.sum()), "open": left,
        "redeemed_old": share, "old_months": int(old.months_from), "expected": float(still.sum()),
        "breakage_most": 1 - float(still.sum()) / left if left else 0.0,
        "liability": float(still.sum()) * value, "liability_most": left * value,
    }])  # fmt: skip


def joiners_before(loyalty: Any, orders: Any, *, as_of: Any, days: int = 180) -> Any:
    """Whether those who joined the club had bought more than others *before* they joined: one row.

    We stand at the ``landmark``, a year before ``as_of``, and take customers who had bought before it and were in no
    club. ``joiners`` joined in the year that followed, ``stayers`` did not. ``joiners_before`` and ``stayers_before``:
    purchases of a customer in the ``days`` before the landmark, when the club could not have changed anything, each
    with its interval; ``difference`` with ``low, high``; ``ratio``. A pandas frame, empty with fewer than 30 joiners or
    stayers: then nobody can tell. pandas or Ibis in.

    Source: Anderson, Cain & Gelber (1983), "Analysis of survival by tumor response", for the landmark.
    """
    import pandas as pd

    landmark = months_before(as_of, 12)
    begin = data_begin(orders, as_of=as_of)
    if begin is None or (landmark - begin).days < days:
        return pd.DataFrame(columns=JOINERS)
    sums = to_pandas(
        _before_joining(to_ibis(loyalty), to_ibis(orders), as_of=as_of, landmark=landmark, days=days)
    ).set_index("joined")
    if not {True, False} <= set(sums.index) or sums.customers.min() < FEWEST:
        return pd.DataFrame(columns=JOINERS)
    joined, others = sums.loc[True], sums.loc[False]
    means = [side.total / side.customers for side in (joined, others)]
    ranges = [mean_of_sums(side.total, side.squares, side.customers, cubes=side.cubes) for side in (joined, others)]
    low, high = difference(means[0], ranges[0], means[1], ranges[1])
    row = [int(joined.customers), int(others.customers), means[0], *map(float, ranges[0]), means[1],
           *map(float, ranges[1]), means[0] - means[1], float(low), float(high),
           means[0] / means[1] if means[1] else float("nan"), landmark, days]  # fmt: skip
    return pd.DataFrame([row], columns=JOINERS)


@same_kind
def _before_joining(loyalty: Any, orders: Any, *, as_of: Any, landmark: dt.date, days: int) -> Any:
    import ibis

    moves = _movements(loyalty, as_of=as_of)
    joins = moves.group_by("customer_id").agg(joined_on=moves.day.min())
    bought = purchases(orders, as_of=as_of)
    at = ibis.literal(landmark)
    earlier = bought.filter(bought.day <= at)
    age = at.delta(earlier.day, unit="day")
    each = earlier.group_by("customer_id").agg(n=(age < days).sum().cast("float64"))
    each = each.left_join(joins, "customer_id").drop("customer_id_right")
    each = each.filter(each.joined_on.isnull() | (each.joined_on > at))
    each = each.mutate(joined=each.joined_on.notnull())
    powers = {"total": each.n, "squares": each.n * each.n, "cubes": each.n * each.n * each.n}
    return each.group_by("joined").agg(
        customers=each.count(), **{name: column.sum() for name, column in powers.items()}
    ).order_by("joined")  # fmt: skip


def joined_with_first_order(loyalty: Any, orders: Any, *, as_of: Any) -> Any:
    """How many members joined on the day of their first purchase or before it, so that there is no *before*: one row.

    ``members`` who have bought, ``at_once`` of them, ``share``. A pandas frame, empty without members.
    """
    frame = to_pandas(_at_once(to_ibis(loyalty), to_ibis(orders), as_of=as_of))
    frame = frame[frame.members > 0]
    return frame.assign(share=frame.at_once / frame.members)


@same_kind
def _at_once(loyalty: Any, orders: Any, *, as_of: Any) -> Any:
    moves = _movements(loyalty, as_of=as_of)
    joins = moves.group_by("customer_id").agg(joined_on=moves.day.min())
    bought = purchases(orders, as_of=as_of)
    first = bought.group_by("customer_id").agg(first_day=bought.day.min())
    both = joins.join(first, "customer_id")
    return both.agg(members=both.count(), at_once=(both.joined_on <= both.first_day).sum().fill_null(0))


@same_kind
def _tier_at(loyalty: Any, *, as_of: Any) -> Any:
    moves = _movements(loyalty, as_of=as_of)
    return moves.group_by("customer_id").agg(tier=moves.tier.max(where=moves.is_last))


@same_kind
def _movements(loyalty: Any, *, as_of: Any) -> Any:
    """``customer_id, at, day, earned, redeemed, tier`` up to ``as_of``, and ``is_last``: the last that names a tier."""
    import ibis

    from crmlib.calendar import end_of

    def points(name: str) -> Any:
        return loyalty[name].cast("float64").fill_null(0.0) if name in loyalty.columns else ibis.literal(0.0)

    tier = loyalty.tier.cast("string").strip().nullif("") if "tier" in loyalty.columns else ibis.null("string")
    moves = loyalty.select(
        customer_id=loyalty.customer_id.cast("string"), at=loyalty.at, day=loyalty.at.cast("date"),
        earned=points("points_earned"), redeemed=points("points_redeemed"), tier=tier,
    )  # fmt: skip
    moves = moves.filter(moves.customer_id.notnull() & (moves.at < ibis.literal(end_of(as_of))))
    last = moves.at.max(where=moves.tier.notnull()).over(group_by="customer_id")
    return made_once(moves.mutate(is_last=(moves.at == last) & moves.tier.notnull()))
