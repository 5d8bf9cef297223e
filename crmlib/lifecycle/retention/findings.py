"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.lifecycle.retention.figures import group_name, p_value
from crmlib.lifecycle.retention.kaplan_meier import median_wait
from crmlib.lifecycle.retention.renewals import TERM_MONTHS, Term, most_frequent_term
from crmlib.lifecycle.retention.second_order import Grouping, repeat_rate
from crmlib.statistics import wilson
from crmlib.words import Words

if TYPE_CHECKING:
    from crmlib.models.renewal_model import RenewalModel

words = Words(__file__)


def finding_second_order(rate: Any, worth: Any, *, within: int = 90) -> Finding | None:
    """How many new customers order again in time, and what one percentage point more would be worth a year.

    ``rate``: the single row of :func:`repeat_rate`; ``worth``: a frame from :func:`value_of_second_orders`. None with
    fewer than 30 customers who have been followed long enough.
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
        words, "second_order", values, direction="neutral", sentence=said, certainty=certainty,
        money="one_point" if said == "priced" else "", plays=("second_order",),
    )  # fmt: skip


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


def finding_newer(newer: Any, worth: Any) -> Finding | None:
    """Whether newer customers return more often than older ones did, and what the change is worth a year.

    ``newer``: from :func:`compare_newer`; ``worth``: from :func:`value_of_second_orders`. The money is the difference
    for a year's new customers, a second order each; its interval is that of the difference. None without a comparison.
    """
    if newer.empty:
        return None
    row = newer.iloc[0]
    said = "more" if row.low > 0 else "less" if row.high < 0 else "same"
    directions: dict[str, Direction] = {"more": "good", "less": "bad"}
    ends = sorted((abs(row.low), abs(row.high)))
    values = {**row, **_priced(worth, abs(row.difference), *ends)}
    priced = "stake" in values and said != "same"
    values |= {end: 100 * row[end] for end in ("low", "high")}
    compared = "season" if row.same_season else "halves"
    return tell(
        words, "newer_customers", values, direction=directions.get(said, "neutral"), sentence=said, action=said,
        certainty=f"{compared}.{'priced' if priced else 'plain'}", money="stake" if priced else "",
        plays=("second_order",) if said == "less" else (),
    )  # fmt: skip


def _priced(worth: Any, share: float, low: float, high: float) -> dict[str, float]:
    """What second orders by these shares of a year's new customers would bring; nothing where that is not known."""
    a_year = float((worth.new_customers_a_year * worth.value).sum())
    return {"stake": share * a_year, "stake_low": low * a_year, "stake_high": high * a_year} if a_year > 0 else {}


def finding_groups(
    second_orders: Any, groups: Any, worth: Any, *, within: int = 90, by: Grouping | None = None
) -> Finding | None:
    """Which group of customers returns most and which least, and what it would be worth if the last came up to average.

    ``groups``: from :func:`compare_groups` of these ``second_orders``; ``worth``: from :func:`value_of_second_orders`;
    ``by``: what the groups are. Money only where the difference is more than chance: the gap of the last group to all
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
        return tell(words, "groups", values, direction="neutral", sentence="alike", certainty="alike", action="alike")
    rates = repeat_rate(second_orders, within=within, by="group").set_index("group")
    worst, everybody = rates.loc[row.other], float(rates.returned.sum() / rates.followed.sum())
    low, high = wilson(int(worst.returned), int(worst.followed))
    part = float(worst.new_customers / rates.new_customers.sum())
    gaps = (everybody - float(worst.repeat_rate), max(0.0, everybody - high), everybody - low)
    values |= _priced(worth, *(part * gap for gap in gaps))
    priced = "priced" if "stake" in values else "plain"
    return tell(
        words, "groups", values, direction="bad", sentence="differ", certainty=priced, action="differ",
        money="stake" if "stake" in values else "", plays=("second_order",),
    )  # fmt: skip


def _customers(group: str, by: Grouping | None) -> str:
    """The customers of a group as one speaks of them: by their channel, or by their first order."""
    name = group_name(group)
    of = "channel" if by == "channel" else "group" if name == words.name("groups", group) else "amount"
    return words.say(f"axes.customers.{of}", name=name)


def finding_renewals(
    outlook: Any, model: RenewalModel | None, *, terms: Any, term: Term | None = None
) -> Finding | None:
    """How many of today's contracts will still run in a year, and what leaving will cost.

    ``outlook``: from :func:`renewal_outlook`; ``model``: from :func:`renewal_model`; ``terms``: from
    :func:`subscription_terms`. Where contracts of other terms than ``term`` (the most frequent one unless given) run,
    the sentence names its term, and the certainty says what is left aside. None without an outlook.
    """
    if outlook.empty or model is None:
        return None
    row, frame = outlook.iloc[0], terms.to_pandas() if hasattr(terms, "to_pandas") else terms
    term = term or most_frequent_term(frame)
    others = frame[(frame.term != term) & (frame.running > 0)]
    priced = row.lost == row.lost and row.contribution > 0
    number = max(2, 12 // TERM_MONTHS[term])
    renewed = model.retention(range(1, number + 1))
    lowest = int(renewed.argmin()) + 1
    said = "of_term" if len(others) else "plain"
    return tell(
        words, "contracts", row, direction="bad", sentence=said,
        certainty=f"{said}.{'priced' if priced else 'unpriced'}",
        action="first" if lowest == 1 else "later" if lowest == number else "until",
        money="lost" if priced else "", plays=("save_contract",),
        term=term, running=frame.running.sum(), number=number, renewed_first=renewed[0], renewed_last=renewed[-1],
        lowest=lowest, renewed_lowest=renewed[lowest - 1],
        others=[words.say("axes.of_term", other) for other in others.itertuples(index=False)],
    )  # fmt: skip
