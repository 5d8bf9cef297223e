"""The headline, the lead and the one caveat of the briefing, chosen by what moved the money.

The rules, first that fits:

1. **Too little** (fewer than 30 orders) or **too young** (orders of less than 90 days): the headline says that nobody
   can tell yet. Where another table has news (contracts, leads, tickets, a score), these are told instead.
2. **No revenue to speak of** (no orders, or no two times of three months that can be compared): the first finding that
   informs is the headline, what the tables are about before whether a measure is as usual, and that before the state of
   the data; where all ask for a decision, the first of these. Without findings the headline says so, and the lead what
   was read.
3. **Buyers whom we do not know** (all of the sales are of guests, or more than half): nobody can say who came back.
4. **A closed base** (hardly anybody was won in the later time): sales can only fall; the headline says how far.
5. **Sales moved beyond chance** (the 95% interval of the change leaves 0 out): the headline says how far, and then what
   stands against it or behind it: the buyers who left, where at least two in five did, else the part that added (or
   took) most. What the new ones brought is held against what those who left had spent.
6. **Else** sales held, and the headline says what moved below the surface.

A change counts as *doubled* from 90 % to 115 % up, and as *halved* from 45 % to 55 % down.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crmlib.finding import Finding
from crmlib.lifecycle.scorecard.bridge import amounts_told, change_interval, grows_by_itself, is_closed, part_of_new
from crmlib.lifecycle.scorecard.year import FEWEST_MONTHS
from crmlib.words import Words, joined

words = Words(__file__)

MANY_LOST = 0.4
MANY_GUESTS = 0.5
SILENT_DAYS = 60
YOUNG_DAYS = 90
FEWEST_ORDERS = 30
_OF_ORDERS = ("acquisition", "churn", "clv", "customer_data", "growth", "retention", "scorecard", "segmentation")
_OF_OTHER_TABLES = (
    "acquisition.speed", "acquisition.waiting", "churn.recurring", "retention.renewals", "scorecard.counts_"
)  # fmt: skip
_OF_SALES = "scorecard.counts_revenue"
_AS_USUAL = "scorecard.signals"


@dataclass(frozen=True)
class Story:
    """What stands first: a headline (14 words), a lead (50) and at most one caveat (25).

    ``told``: the finding that the headline tells, where it tells one; ``is_young``: what is said of orders are first
    signs only; ``is_few``: and orders are too few for any number of theirs; ``is_empty``: there is nothing to tell yet.
    """

    headline: str
    lead: str
    caveat: str = ""
    told: Finding | None = None
    is_young: bool = False
    is_few: bool = False
    is_empty: bool = False


def story(bridge: Any, findings: Sequence[Finding], account: Mapping[str, Any], *, margin_is_set: bool = True) -> Story:
    """What the briefing begins with.

    Args:
        bridge: from :func:`crmlib.lifecycle.scorecard.bridge.revenue_bridge`; None or empty where there is none.
        findings: of all chapters, in the order in which they concluded them.
        account: what intake says of the data.
        margin_is_set: whether the client has said what is left of an order; else money is revenue.
    """
    caveat = _caveat(bridge, account, margin_is_set)
    orders = account["tables"].get("orders", {})
    if orders.get("first_day") and (findings or orders["rows"] < FEWEST_ORDERS):
        first, last = (dt.date.fromisoformat(orders[name]) for name in ("first_day", "last_day"))
        begin = (account.get("customers_start") or {}).get("data_begin")
        first = max(first, dt.date.fromisoformat(begin)) if begin else first
        days = (last - first).days + 1
        kind = "few" if orders["rows"] < FEWEST_ORDERS else "young"
        if kind == "few" or days < YOUNG_DAYS:
            others = [one for one in findings if not tells_of_orders(one)]
            if others:
                return replace(
                    _of_findings(others, account, _caveat(None, account, True)), is_young=True, is_few=kind == "few"
                )
            young = {"days": days, "orders": orders["rows"], "fewest": FEWEST_ORDERS, "first": first, "last": last}
            begins, lead = (words.say(f"story.{kind}.{part}", young) for part in ("headline", "lead"))
            return Story(begins, lead, _caveat(None, account, True), is_young=True, is_few=kind == "few")
    if bridge is None or bridge.empty or bridge.months.iloc[0] < FEWEST_MONTHS:
        return _of_findings(findings, account, caveat)
    at, came = bridge.set_index("part"), part_of_new(bridge)
    told, _ = amounts_told(bridge)
    then, now = float(at.amount["before"]), float(at.amount["after"])
    change, (low, high) = now - then, change_interval(bridge)
    is_chance = low <= 0 <= high
    buyers, buyers_now = int(at.customers["before"]), int(at.customers["after"])
    lost = int(at.customers["lost"])
    months = int(bridge.months.iloc[0])
    facts = {
        "then": then, "now": now, "share": abs(change) / then, "buyers": buyers, "lost": lost,
        "lost_share": lost / max(buyers, 1), "lost_amount": -told["lost"], "new_amount": told[came],
        "guest_share": float(at.after["guests"]) / now,
        "earlier_guest_share": float(at.before["guests"]) / then, "months": months,
        "needed": _rounded(lost / max(buyers, 1) * buyers_now), "since": bridge.changes.iloc[0],
    }  # fmt: skip
    direction = "more" if change > 0 else "less"
    kind = _kind(bridge, facts, direction, is_chance)
    headline = words.say(
        f"story.headline.{kind}", facts,
        move=words.say("story.move.held" if is_chance else f"story.move.{_move(change / then)}", facts),
        lost_in_words=_in_words(facts["lost_share"]),
        whose=words.say("story.buyers.year" if months == 12 else "story.buyers.before"),
    )  # fmt: skip
    said = [words.say(f"story.lead.{'held' if is_chance else direction}", facts)]
    if kind in ("guests", "unnamed", "nobody") or kind.startswith("closed"):
        said.append(words.say(f"story.lead.{kind.partition('.')[0]}", facts))
    else:
        said.append(words.say(f"story.lead.{'mixed' if came == 'new_or_returned' else 'parts'}", facts))
        if lost:
            said.append(words.say("story.lead.lost", facts))
        if facts["needed"]:
            said.append(words.say("story.lead.needed_a_year" if months == 12 else "story.lead.needed", facts))
    return Story(headline, joined(said), caveat)


def _kind(bridge: Any, facts: Mapping[str, Any], direction: str, is_chance: bool) -> str:
    """Which headline fits: the rules above, from the third on."""
    if facts["guest_share"] == facts["earlier_guest_share"] == 1:
        return "nobody"
    if facts["guest_share"] > MANY_GUESTS:
        return "guests"
    if facts["earlier_guest_share"] > MANY_GUESTS or not facts["buyers"]:
        return "unnamed"
    if is_closed(bridge):
        return f"closed.{direction if facts['lost'] or direction == 'more' else 'stayed'}"
    if facts["lost_share"] >= MANY_LOST:
        return f"lost.{'held' if is_chance else direction}"
    if is_chance:
        return "held"
    amount, came = bridge.set_index("part").amount, part_of_new(bridge)
    parts = amount.drop(["before", "after", "lost", came])
    if direction == "more":
        parts[came] = amount[came] + amount["lost"]
        return f"more.{parts.idxmax()}"
    parts["lost" if came == "new" else "lost_or_returned"] = amount[came] + amount["lost"]
    return f"less.{parts.drop('returned', errors='ignore').idxmin()}"


def tells_of_orders(one: Finding) -> bool:
    """Whether a finding rests on orders, of which little is known where they are few or young.

    >>> told = {"headline": "", "direction": "neutral", "certainty": "", "action": ""}
    >>> [tells_of_orders(Finding(key, **told)) for key in ("retention.timing", "retention.renewals", "nps.score")]
    [True, False, False]
    """
    return one.chapter in _OF_ORDERS and (one.key == _OF_SALES or not one.key.startswith(_OF_OTHER_TABLES))


def _of_findings(findings: Sequence[Finding], account: Mapping[str, Any], caveat: str) -> Story:
    """Where orders tell no story: what was found speaks, first what no decision below repeats."""
    if not findings:
        first, last = (dt.date.fromisoformat(account[name]) for name in ("first_day", "last_day"))
        read = [
            words.say("story.nothing.rows", n=table["rows"], table=words.name("tables", name))
            for name, table in account["tables"].items()
        ]
        lead = words.say("story.nothing.lead", read=read, first=first, last=last)
        return Story(words.say("story.nothing.headline"), lead, caveat, is_empty=True)
    ranked = sorted(findings, key=lambda one: (one.chapter == "customer_data", one.decides, one.key == _AS_USUAL))
    return Story(ranked[0].headline, ranked[0].evidence or ranked[0].certainty, caveat, told=ranked[0])


def _move(share: float) -> str:
    if 0.9 <= share <= 1.15:
        return "doubled"
    if -0.55 <= share <= -0.45:
        return "halved"
    return "rose" if share > 0 else "fell"


def _in_words(share: float) -> str:
    """A share as one says it: half, two in three; else in per cent."""
    for said, low, high in (
        ("quarter", 0.23, 0.27), ("third", 0.31, 0.355), ("half", 0.47, 0.53), ("two_thirds", 0.645, 0.69),
        ("three_quarters", 0.73, 0.77),
    ):  # fmt: skip
        if low <= share <= high:
            return words.say(f"story.share.{said}")
    return words.say("story.share.percent", share=share)


def _rounded(value: float) -> int:
    """Two significant digits: it is a projection, and not a count."""
    return int(float(f"{round(value):.2g}"))


def _caveat(bridge: Any, account: Mapping[str, Any], margin_is_set: bool) -> str:
    """The one thing that a reader must know before the numbers, by what it would change most."""
    last = account["tables"].get("orders", {}).get("last_day")
    as_of = dt.date.fromisoformat(account["as_of"])
    if last is not None:
        day = dt.date.fromisoformat(last)
        if (as_of - day).days >= SILENT_DAYS:
            return words.say("story.caveat.silent", day=day, days=(as_of - day).days)
    if bridge is not None and not bridge.empty and bridge.months.iloc[0] >= FEWEST_MONTHS:
        months = int(bridge.months.iloc[0])
        if months < 12:
            return words.say("story.caveat.seasons", months=months)
        at = bridge.set_index("part").amount
        start = account.get("customers_start")
        if start and start["left_out"]:
            facts = {"day": dt.date.fromisoformat(start["data_begin"])}
            return words.say("story.caveat.cut", facts, left_out=start["left_out"], customers=start["customers"])
        if grows_by_itself(bridge) and not is_closed(bridge) and at["after"] > at["before"]:
            return words.say("story.caveat.filling", day=bridge.data_begin.iloc[0])
    if not margin_is_set and last is not None:
        return words.say("story.caveat.margin")
    return ""
