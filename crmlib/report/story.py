"""The headline, the lead and the one caveat of the briefing, chosen by what moved the money.

The rules, first that fits:

1. **No revenue to speak of** (no orders, or no two times that can be compared): the strongest finding speaks.
2. **A closed base** (hardly anybody was won in the later time): sales can only fall; the headline says how far.
3. **Sales moved beyond chance** (the 95% interval of the change leaves 0 out): the headline says how far, and then what
   stands against it or behind it. For growth that is the buyers who left, where at least two in five did, else the
   largest part; for a fall the part that took most.
4. **Else** sales held, and the headline says what moved below the surface.

A change counts as *doubled* from 90 % to 115 % up, and as *halved* from 45 % to 55 % down.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crmlib.finding import Finding
from crmlib.statistics import wald
from crmlib.words import Words

words = Words(__file__)

MANY_LOST = 0.4
HARDLY_ANY = 0.01
SILENT_DAYS = 60
_LARGEST = {
    side: {part: f"{side}.{part}" for part in ("lost", "stayed", "returned", "new", "guests")}
    for side in ("more", "less")
}


@dataclass(frozen=True)
class Story:
    """What stands first: a headline (14 words), a lead (50) and at most one caveat (25)."""

    headline: str
    lead: str
    caveat: str = ""


def story(bridge: Any, findings: Sequence[Finding], account: Mapping[str, Any], *, margin_is_set: bool = True) -> Story:
    """What the briefing begins with.

    Args:
        bridge: from :func:`crmlib.lifecycle.scorecard.bridge.revenue_bridge`; None or empty where there is none.
        findings: of all chapters, those that matter most first.
        account: what intake says of the data.
        margin_is_set: whether the client has said what is left of an order; else money is revenue.
    """
    caveat = _caveat(bridge, account, margin_is_set)
    if bridge is None or bridge.empty:
        return _of_findings(findings, account, caveat)
    at = bridge.set_index("part")
    then, now = float(at.amount["before"]), float(at.amount["after"])
    change, low_high = now - then, wald(now - then, float(at.error["after"]))
    is_chance = low_high[0] <= 0 <= low_high[1]
    parts = at.drop(index=["before", "after"])
    buyers_then, buyers_now = int(at.customers["before"]), int(at.customers["after"])
    lost = int(at.customers["lost"])
    facts = {
        "then": then, "now": now, "change": change, "size": abs(change), "share": abs(change) / then,
        "buyers": buyers_then, "buyers_now": buyers_now, "lost": lost, "lost_share": lost / max(buyers_then, 1),
        "lost_amount": -float(at.amount["lost"]), "new": int(at.customers["new"]),
        "new_amount": float(at.amount["new"]), "stayed_amount": float(at.amount["stayed"]),
        "stayed_size": abs(float(at.amount["stayed"])), "stayed": int(at.customers["stayed"]),
        "months": int(bridge.months.iloc[0]), "needed": _rounded(lost / max(buyers_then, 1) * buyers_now),
        "since": bridge.changes.iloc[0],
    }  # fmt: skip
    closed = facts["new"] <= HARDLY_ANY * buyers_now
    if closed:
        kind = "closed.less" if change < 0 else "closed.more"
    elif is_chance:
        kind = "held.lost" if facts["lost_share"] >= MANY_LOST else "held.plain"
    elif change > 0:
        kind = "more.lost" if facts["lost_share"] >= MANY_LOST else _LARGEST["more"][str(parts.amount.idxmax())]
    else:
        kind = _LARGEST["less"][str(parts.amount.idxmin())]
    move = words.say(f"story.move.{_move(change / then)}", facts)
    headline = words.say(f"story.headline.{kind}", facts, move=move, lost_in_words=_in_words(facts["lost_share"]))
    said = [words.say(f"story.lead.{_lead(change, is_chance)}", facts)]
    said.append(words.say("story.lead.closed" if closed else "story.lead.parts", facts))
    if not closed and lost:
        said.append(words.say("story.lead.lost", facts))
        said.append(words.say("story.lead.needed", facts))
    return Story(headline, words.say("story.lead.all", said=said), caveat)


def _lead(change: float, is_chance: bool) -> str:
    return "held" if is_chance else "more" if change > 0 else "less"


def _of_findings(findings: Sequence[Finding], account: Mapping[str, Any], caveat: str) -> Story:
    """Where orders tell no story: the first finding is the headline, what it rests on the lead."""
    if not findings:
        return Story(words.say("story.nothing.headline"), words.say("story.nothing.lead"), caveat)
    first, *others = findings
    lead = [first.evidence or first.certainty, *(one.headline for one in others[:2])]
    return Story(first.headline, words.say("story.lead.all", said=lead), caveat)


def _move(share: float) -> str:
    if 0.9 <= share <= 1.15:
        return "doubled"
    if -0.55 <= share <= -0.45:
        return "halved"
    return "rose" if share > 0 else "fell"


def _in_words(share: float) -> str:
    """A share as one says it: half, two in three; else in per cent."""
    for said, low, high in (
        ("quarter", 0.23, 0.27), ("third", 0.31, 0.355), ("two_in_five", 0.38, 0.42), ("half", 0.47, 0.53),
        ("three_in_five", 0.58, 0.62), ("two_thirds", 0.645, 0.69), ("three_quarters", 0.73, 0.77),
    ):  # fmt: skip
        if low <= share <= high:
            return words.say(f"story.share.{said}")
    return words.say("story.share.percent", share=share)


def _rounded(value: float) -> int:
    """Two significant digits: it is a projection, and not a count."""
    digits = max(len(str(int(value))) - 2, 0)
    return int(round(value, -digits))


def _caveat(bridge: Any, account: Mapping[str, Any], margin_is_set: bool) -> str:
    """The one thing that a reader must know before the numbers, by what it would change most."""
    last = account["tables"].get("orders", {}).get("last_day")
    as_of = dt.date.fromisoformat(account["as_of"])
    if last is not None:
        day = dt.date.fromisoformat(last)
        if (as_of - day).days >= SILENT_DAYS:
            return words.say("story.caveat.silent", day=day, days=(as_of - day).days)
    if bridge is not None and not bridge.empty:
        months = int(bridge.months.iloc[0])
        if months < 12:
            return words.say("story.caveat.seasons", months=months)
        if bridge.data_begin.iloc[0] >= bridge.starts.iloc[0]:
            return words.say("story.caveat.filling", day=bridge.data_begin.iloc[0])
    if not margin_is_set and last is not None:
        return words.say("story.caveat.margin")
    return ""
