"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crmlib.engine import to_pandas
from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.growth.attach import rollout_customers
from crmlib.lifecycle.growth.figures import affinities_told, depends, item_name, measure_name, points_told
from crmlib.lifecycle.growth.loyalty import NO_MEMBER
from crmlib.words import Words

if TYPE_CHECKING:
    from crmlib.lifecycle.growth.rollouts import Rollout

words = Words(__file__)

FEWEST_MEMBERS = 30


def finding_affinity(pairs: Any, *, names: Any = None) -> Finding | None:
    """The pair of items that belongs together most, and how many pairs were looked at; None without any.

    ``pairs``: from :func:`~crmlib.lifecycle.growth.affinities`, by order.
    """
    told = affinities_told(pairs)
    if told.empty:
        return None
    row = told.iloc[0]
    return tell(
        words, "affinity", {**row, "item": item_name(row["item"], names), "other": item_name(row.other, names)},
        direction="neutral", sure="counted", found=len(told), pairs=int(row.comparisons),
        back=row.both / row.other_baskets,
    )  # fmt: skip


def finding_rollout(
    effects: Any, *, said: Any = None, names: Any = None, idle: int = 0, customers: Any = None
) -> Finding | None:
    """What a measure changed that began in some shops first, and what it would bring in the others.

    ``effects``: the row of :func:`~crmlib.lifecycle.growth.rollout_effect`; ``said``: what measures are called, by
    name; ``idle``: how many shops do not have it yet; ``customers``: from
    :func:`~crmlib.lifecycle.growth.rollout_customers`, of a measure that works on the next order. Only where both
    ranges, order by order and shop by shop, leave zero out, is the effect more than a hint, and has money. None
    without a comparison.
    """
    if effects.empty:
        return None
    row = effects.iloc[0]
    works, harms = row.low > 0, row.high < 0
    steady = (row.unit_low > 0) if works else (row.unit_high < 0)
    verdict = "works" if works else "harms" if harms else "nothing"
    headline = f"{verdict}.{'sure' if steady else 'likely'}" if works or harms else "nothing"
    directions: dict[str, Direction] = {"works": "good", "harms": "bad"}
    values = {**row, **points_told(row), "measure": measure_name(row.measure, said), "idle": idle}
    values |= {"item": item_name(row["item"], names), "other": item_name(row.other, names)}
    more = works and idle > 0 and row.a_year > 0
    people = None
    if more and customers is not None:
        reached = to_pandas(customers)
        people = reached[["customer_id"]].assign(value=row.effect * row.value) if len(reached) else None
    action = ("list" if people is not None else "more") if more else "keep" if works else "stop"
    told = tell(
        words, "rollout", values, direction=directions.get(verdict, "neutral"), headline=headline,
        evidence=row.kind, action=action, certainty="steady" if steady else "unsteady",
        sure="estimated" if steady else "hint",
        owner="marketing" if more or harms else "", when="month" if more or harms else "",
        money="a_year" if more and steady else "", kind="profit", customers=people,
    )  # fmt: skip
    return replace(told, key=f"{told.key}_{row.measure}")


def findings_of_rollouts(
    baskets: Any, measures: Sequence[Rollout], effects: Sequence[Any], *, as_of: Any, names: Any = None
) -> list[Finding | None]:
    """:func:`finding_rollout` of each of the ``measures``, with whom it could still reach.

    ``effects``: of each the row of :func:`~crmlib.lifecycle.growth.rollout_effect`.
    """
    said = {one.name: one.said for one in measures}
    found = []
    for one, effect in zip(measures, effects, strict=True):
        idle = tuple(store for store, day in one.stores.items() if day is None)
        within = {"as_of": as_of, "within_days": one.within_days}
        people = rollout_customers(baskets, item=one.item, idle=idle, **within) if one.kind == "next" else None
        found.append(finding_rollout(effect, said=said, names=names, idle=len(idle), customers=people))
    return found


def finding_club(tiers: Any, joiners: Any, at_once: Any) -> Finding | None:
    """Whether the club makes its members buy more: what they buy now says nothing of it; None without members.

    ``tiers``, ``joiners``, ``at_once``: from :func:`~crmlib.lifecycle.growth.tier_summary`,
    :func:`~crmlib.lifecycle.growth.joiners_before`, :func:`~crmlib.lifecycle.growth.joined_with_first_order`.
    """
    frame = to_pandas(tiers)
    members, others = frame[frame.tier != NO_MEMBER], frame[frame.tier == NO_MEMBER]
    if members.customers.sum() < FEWEST_MEMBERS or others.customers.sum() < FEWEST_MEMBERS:
        return None
    each = [side.contribution.sum() / side.customers.sum() for side in (members, others)]
    values: dict[str, Any] = {"members": members.customers.sum(), "member_each": each[0], "other_each": each[1]}
    why = "nobody"
    if len(joiners):
        row = joiners.iloc[0]
        why = "before" if row.low > 0 else "not_before"
        values |= dict(row)
    elif len(at_once) and at_once.share.iloc[0] > 0.5:
        why = "at_once"
        values |= {"at_once": at_once.at_once.iloc[0]}
    return tell(
        words, "club", values, direction="neutral", evidence=why, certainty=why, sure="hint", owner="marketing",
        when="quarter",
    )  # fmt: skip


def finding_discounts(dependence: Any) -> Finding | None:
    """Whether some customers buy only at a discount, beyond chance; None where nobody can tell.

    ``dependence``: from :func:`~crmlib.lifecycle.growth.discount_dependence`.
    """
    if dependence.empty:
        return None
    at, said = dependence.set_index("group"), depends(dependence)
    return tell(
        words, "discounts", at.loc["never" if said == "never" else "always"],
        direction="bad" if said == "always" else "neutral", headline=said, evidence=said, action=said, sure="counted",
        total=dependence.customers.sum(), discount_sum=dependence.discount.sum(),
    )  # fmt: skip
