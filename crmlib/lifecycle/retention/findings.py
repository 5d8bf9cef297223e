"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.lifecycle.retention.figures import group_name, p_value
from crmlib.lifecycle.retention.kaplan_meier import median_wait
from crmlib.lifecycle.retention.renewals import Term, most_frequent_term
from crmlib.lifecycle.retention.second_order import Grouping, repeat_rate
from crmlib.statistics import wilson
from crmlib.subscriptions import TERM_MONTHS
from crmlib.words import Words, agreeing, percent

if TYPE_CHECKING:
    from crmlib.models.renewal_model import RenewalModel

words = Words(__file__)

NOTABLE_MIX = 0.1
EARLY_RENEWALS = 3
"""Before which renewals a reason to stay is given, where most leave early."""


def finding_second_order(rate: Any, worth: Any, *, within: int = 90) -> Finding | None:
    """How many new customers order again in time, and what one percentage point more would bring.

    ``rate``: the single row of :func:`repeat_rate`; ``worth``: a frame from :func:`value_of_second_orders`. What a
    point would bring is told, and is no money of the finding: nobody knows what would bring the point. None with fewer
    than 30 customers who have been followed long enough.
    """
    row = rate.iloc[0]
    if row.followed < SMALL_BASE:
        return None
    values = {"days": within, **(worth.iloc[0] if len(worth) else {}), **row}
    said = "plain" if worth.empty else "priced" if values["one_point"] > 0 else "unpriced"
    certainty = said
    if said == "priced" and values["with_a_year"] == values["with_a_year"]:
        certainty, values["most"] = "bounded", values["new_customers_a_year"] * 0.01 * values["with_a_year"]
    return tell(
        words, "second_order", values, direction="neutral", evidence=said, certainty=certainty, plays=("second_order",)
    )


def finding_timing(timing: Any, curve: Any) -> Finding | None:
    """When those who return do so, and so when to remind them.

    ``timing``: from :func:`time_to_return`; ``curve``: from :func:`return_curves` of all customers (``by=None``). None
    with fewer than 30 returners.
    """
    if timing.empty or timing.returners.iloc[0] < SMALL_BASE:
        return None
    at = timing.set_index("share_returned")
    median, last = median_wait(curve), curve.iloc[-1]
    return tell(
        words, "timing", at.loc[0.5], direction="neutral", certainty="open" if median is None else "median",
        plays=("second_order", "win_back"), most=at.day[0.8], median=median, share=last.share, last=last.day,
    )  # fmt: skip


def finding_newer(newer: Any) -> Finding | None:
    """Whether newer customers return more often than older ones did, and how much of that is who came.

    ``newer``: from :func:`compare_newer`. No money: nobody has decided on what happened by itself. None without a
    comparison.
    """
    if newer.empty:
        return None
    row = newer.iloc[0]
    said = "more" if row.low > 0 else "less" if row.high < 0 else "same"
    directions: dict[str, Direction] = {"more": "good", "less": "bad"}
    part = row["mix"] / row.difference if said != "same" else 0.0
    mixed = "all" if part >= 1 else "part" if part >= NOTABLE_MIX else "plain"
    compared = "season" if row.same_season else "halves"
    shown: dict[str, Any] = {"low": 100 * row.low, "high": 100 * row.high}
    if mixed == "part":
        rates, _ = agreeing([row.newer_rate, -row.older_rate], row.difference, digits=3)
        shown |= {"newer_rate": percent(rates[0], digits=1), "older_rate": percent(-rates[1], digits=1)}
        shown |= {"points": 100 * abs(sum(rates)), "mix": 100 * abs(row.mix)}
    return tell(
        words, "newer_customers", {**row, **shown}, direction=directions.get(said, "neutral"),
        headline=f"{compared}.{said}", evidence=f"{compared}.{mixed}", action=said,
        certainty=f"{compared}.{'unsteady' if row.unsteady > 1 else 'steady'}",
        plays=("second_order",) if said == "less" else (),
    )  # fmt: skip


def finding_groups(
    second_orders: Any, groups: Any, worth: Any, *, within: int = 90, by: Grouping | None = None
) -> Finding | None:
    """Which group of customers returns most and which least, and what it would bring if the last came up to average.

    ``groups``: from :func:`compare_groups` of these ``second_orders``; ``worth``: from :func:`value_of_second_orders`
    of the orders of the *last* group alone (``groups.other[0]``), since theirs are worth what they are worth; ``by``:
    what the groups are. Money only where the difference is more than chance: the gap of the last group to all
    customers, for its new customers of a year. None with fewer than two groups.
    """
    if groups.empty:
        return None
    row = groups.iloc[0]
    values = {
        **row, "best": _customers(row.group, by), "worst": _customers(row.other, by), "days": within,
        "pairs": len(groups), "low": 100 * row.low, "high": 100 * row.high, "p": p_value(row.p_adjusted),
    }  # fmt: skip
    if not row.low > 0:
        return tell(words, "groups", values, direction="neutral", headline="alike", certainty="alike", action="alike")
    rates = repeat_rate(second_orders, within=within, by="group").set_index("group")
    worst, everybody = rates.loc[row.other], float(rates.returned.sum() / rates.followed.sum())
    low, high = wilson(int(worst.returned), int(worst.followed))
    a_year = float((worth.new_customers_a_year * worth.value).sum())
    if a_year > 0:
        gaps = {"": everybody - float(worst.repeat_rate), "_low": max(0.0, everybody - high), "_high": everybody - low}
        values |= {f"stake{end}": a_year * gap for end, gap in gaps.items()} | {"value": worth.value.iloc[0]}
    return tell(
        words, "groups", values, direction="bad", headline="differ", certainty="priced" if a_year > 0 else "plain",
        action="differ", money="stake" if a_year > 0 else "", kind="profit", plays=("second_order",),
    )  # fmt: skip


def _customers(group: str, by: Grouping | None) -> str:
    """The customers of a group as one speaks of them: by their channel, or by their first order."""
    name = group_name(group, by)
    of = "channel" if by == "channel" else "group" if name == words.name("groups", group) else "amount"
    return words.say(f"axes.customers.{of}", name=name)


def renewal_to_save(model: RenewalModel | None, *, term: Term = "month") -> int:
    """Up to which renewal a reason to stay is given: the first ones where most leave early, else that of most ends.

    ``model``: from :func:`renewal_model`; 0 without one. It looks at as many renewals as a year has, and at two at
    least.

    >>> from crmlib.models import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric(alpha=0.7, beta=1.3)
    >>> renewal_to_save(model), renewal_to_save(model, term="year")
    (3, 1)
    """
    if model is None:
        return 0
    number = max(2, 12 // TERM_MONTHS[term])
    lowest = int((1 - model.retention(range(1, number + 1))).argmax()) + 1
    return lowest if lowest > 1 else EARLY_RENEWALS if number > 2 else 1


def finding_renewals(
    outlook: Any, model: RenewalModel | None, *, terms: Any, reached: Any, term: Term | None = None
) -> Finding | None:
    """How many of today's contracts will end within a year, and what leaving costs that a reason to stay can change.

    ``outlook``: from :func:`renewal_outlook`; ``model``: from :func:`renewal_model`; ``terms``: from
    :func:`subscription_terms`; ``reached``: from :func:`renewal_outlook` until :func:`renewal_to_save`, for the
    contracts that have the renewals still before them of which the action speaks, and the money. Where contracts of
    other terms than ``term`` (the most frequent one unless given) run, the headline names its term, and the certainty
    says what is left aside. None without an outlook.
    """
    if outlook.empty or model is None:
        return None
    row, frame = outlook.iloc[0], terms.to_pandas() if hasattr(terms, "to_pandas") else terms
    term = term or most_frequent_term(frame)
    others = frame[(frame.term != term) & (frame.running > 0)]
    number = max(2, 12 // TERM_MONTHS[term])
    ends = 1 - model.retention(range(1, number + 1))
    lowest, until = int(ends.argmax()) + 1, renewal_to_save(model, term=term)
    ended = 1 - row.left / row.contracts
    said = "of_term" if len(others) else "plain"
    action = "later" if lowest > 1 else "first" if number > 2 else "first_of_two"
    leave = "first" if lowest == 1 else "later" if lowest == number else "until"
    saved = reached.iloc[0] if len(reached) else row * 0
    priced = saved.lost == saved.lost and saved.contribution > 0
    money = "priced" if priced else "unpriced"
    return tell(
        words, "contracts", row, direction="bad", headline=f"{'half' if abs(ended - 0.5) < 0.03 else 'share'}.{said}",
        evidence=f"{leave}.{money}", certainty=f"{said}.{money}", action=action,
        owner="customer_management", when="month", money="saved" if priced else "", kind="profit_missing",
        plays=("save_contract",), ended=ended, term=term, running=frame.running.sum(), number=number,
        ends_first=ends[0], ends_last=ends[-1], lowest=lowest, ends_lowest=ends[lowest - 1],
        until=until, ahead=int(saved.contracts),
        saved=saved.lost, saved_low=saved.lost_low, saved_high=saved.lost_high,
        others=[words.say("axes.of_term", other) for other in others.itertuples(index=False)],
    )  # fmt: skip
