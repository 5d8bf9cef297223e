"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from typing import Any

from crmlib.engine import to_ibis
from crmlib.finding import Finding, tell
from crmlib.lifecycle.acquisition.figures import (
    ALONE,
    WIDE,
    _points,
    channel_name,
    payback_said,
    told_attribution,
    told_payback,
)
from crmlib.lifecycle.acquisition.leads import SMALL_BASE, UNKNOWN
from crmlib.lifecycle.acquisition.saturation import FEWEST_NEW
from crmlib.lifecycle.experiments import FEWEST_TO_COMPARE
from crmlib.words import Words

words = Words(__file__)

FEWEST_OVERDUE = 10
MANY = 0.05
"""From this share of all leads on, those that wait too long ask for a decision."""


def finding_payback(paid: Any) -> Finding | None:
    """After how many months customers have brought back what it cost to win them, and where they do not.

    ``paid``: from :func:`payback`. Asks for a decision where a channel surely does not earn what it costs. None
    without a channel of 30 customers whose cost is known.
    """
    told = paid[(paid.customers >= SMALL_BASE) & (paid.channel != UNKNOWN)]
    if told.empty:
        return None
    said = payback_said(told)
    surely = bool((told.sure == "short").any())
    if said == "short" and not surely:
        said = "unsure"
    if said in ("short", "unsure"):  # the channel that is named is one of those
        last = told.index[told.sure == "short" if surely else told.sure != "back"][-1]
        told = told.loc[[*told.index.drop(last), last]]
    decides = said == "short"
    if len(told) == 1 and said in ("later", "at_once"):
        said = ALONE[said]
    return tell(
        words, "payback", told_payback(told), direction="bad" if decides else "neutral", headline=said, evidence=said,
        action=said, sure="counted", owner="marketing" if decides else "", when="month" if decides else "",
    )  # fmt: skip


def finding_waiting(waiting: Any, late: Any, rates: Any) -> Finding | None:
    """How many open leads wait longer than leads that are won do, and what becomes of such leads.

    ``waiting``: from :func:`open_leads`; ``late``: from :func:`after_long_waits`; ``rates``: from :func:`conversion` by
    stage. Asks for a decision where at least one in twenty of all leads waits too long; a few late ones are the
    team's daily work. None with fewer than ten that are overdue, or 30 earlier ones to learn from.
    """
    table = to_ibis(waiting)
    counts = table.agg(leads=table.count(), overdue=table.overdue.sum()).to_pandas().fillna(0).iloc[0]
    if counts.overdue < FEWEST_OVERDUE or late.empty or late.leads.iloc[0] < SMALL_BASE:
        return None
    row = late.iloc[0]
    decides = counts.overdue >= MANY * rates.leads.max()
    return tell(
        words, "waiting", {**row, "earlier": int(row.leads)}, direction="bad", sure="counted",
        owner="sales" if decides else "", when="week" if decides else "", overdue=int(counts.overdue),
        open_leads=int(counts.leads),
    )  # fmt: skip


def finding_speed(effect: Any) -> Finding | None:
    """Whether leads that are contacted within a day are won more often. None with fewer than 30 on either side.

    ``effect``: from :func:`effect_of_speed`.
    """
    if effect.empty:
        return None
    row = effect.iloc[0]
    said = "more" if row.low > 0 else "less" if row.high < 0 else "alike"
    return tell(
        words, "speed", _points(row), direction="bad" if said == "more" else "neutral",
        headline=said, action=said, sure="hint", owner="sales" if said == "more" else "",
        when="month" if said == "more" else "",
    )  # fmt: skip


def finding_attribution(credits: Any, summary: Any) -> Finding | None:
    """For which channel the answer depends most on the rule by which customers are credited; informs.

    ``credits``: from :func:`attribution`; ``summary``: from :func:`path_summary`. None with fewer than 30 customers
    whose contacts are known, or two channels.
    """
    if len(credits) < 2 or summary.won.iloc[0] < SMALL_BASE:
        return None
    told = told_attribution(credits)
    said = "differ" if told["most"] - told["least"] >= WIDE else "alike"
    row = summary.iloc[0]
    return tell(
        words, "attribution", {**row, **told}, direction="neutral", headline=said, evidence=said, action=said,
        sure="hint", certainty="seen" if row.seen == row.seen else "plain",
    )  # fmt: skip


def finding_steps(steps: Any, response: Any) -> Finding | None:
    """Which step of a budget can be compared where nobody knows what more money buys, and when to stop.

    ``steps``: from :func:`budget_steps`; ``response``: from :func:`response_to_spend`. Informs: whether to move money
    at all is a decision of chapter 04. None without steps, and where even the last moves fewer than five customers.
    """
    if steps.empty or steps[["lost_customers", "won_customers"]].iloc[-1].min() < FEWEST_NEW:
        return None
    enough = steps[steps.comparable]
    row = enough.iloc[0] if len(enough) else steps.iloc[-1]
    step = "tenth" if row.share < steps.share.iloc[-1] else "quarter"
    of_target = response[response.channel == row.target]
    is_told = bool(of_target.elasticity.notna().any())
    untold = "untold" if (of_target.verdict == "still").any() else "few"
    return tell(
        words, "steps", row, direction="neutral", headline="told" if is_told else "untold",
        certainty="told" if is_told else untold, sure="hint",
        action=step if len(enough) else "longer", least=FEWEST_TO_COMPARE, part=words.name("parts", step),
        source_name=channel_name(row.source), target_name=channel_name(row.target),
        elasticity=of_target.elasticity.iloc[0] if is_told else None,
        low=of_target.low.iloc[0] if is_told else None, high=of_target.high.iloc[0] if is_told else None,
    )  # fmt: skip
