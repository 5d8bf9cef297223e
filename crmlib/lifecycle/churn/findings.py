"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from typing import Any

from crmlib.finding import Finding, tell
from crmlib.lifecycle.churn.figures import SMALL_BASE, play_name, told_effect
from crmlib.lifecycle.churn.win_back import tested_offer
from crmlib.words import Words

words = Words(__file__)


def finding_tested_offer(effects: Any) -> Finding | None:
    """What the test of the offer that cost most has shown: who came back, and whether it pays.

    ``effects``: from :func:`~crmlib.lifecycle.experiments.play_effect`. Where the range of the profit is not above
    zero, the play counts as failed, and decisions that rest on it alone are not told. None unless chance may have
    drawn both groups (``drawn``), and each has 30 people whom we could follow.
    """
    row = tested_offer(effects)
    if row is None:
        return None
    earns, loses, wakes = row.profit_low > 0, row.profit_high < 0, row.low > 0
    said = "earns" if earns else "loses" if loses else "wakes" if wakes else "nothing"
    shown = told_effect(row) | {"play": play_name(row.play)}
    a_year = {f"a_year{end}": row.treated_year * row[f"profit{end}"] for end in ("", "_low", "_high")}
    money, ended = "a_year" if earns else "cost_year", "" if row.runs else ".ended"
    return tell(
        words, "tested_offer", {**row, **shown, **a_year}, direction="good" if earns else "bad", headline=said,
        evidence="runs" if row.runs else "ended", action=f"{said}{ended or '.runs'}", sure="tested", owner="marketing",
        when="month" if earns or ended else "week",
        money=money if earns or row.cost_year > 0 else "", kind="profit" if earns else "spent",
        plays=(row.play,) if earns else (), failed_plays=() if earns else (row.play,),
    )  # fmt: skip


def finding_slow_complaints(
    slow: Any, waiting: Any = None, *, within: int = 180, sla_hours: float = 24
) -> Finding | None:
    """Where complaints that wait too long cost customers: the place with the surest loss.

    ``slow``: from :func:`~crmlib.lifecycle.churn.slow_complaints` of so many days ``within`` and hours; ``waiting``: a
    frame from :func:`~crmlib.lifecycle.churn.waiting_for_amends`; those of the place are the people of the decision.
    The money is what a year's slow complaints would bring if their customers came back like those of quick ones, each
    of whom brings so much. None where no place shows a loss beyond chance.
    """
    sure = slow[slow.high < 0]
    if sure.empty:
        return None
    row = sure.iloc[0]
    worth = row.quick_profit / row.quick_again if row.quick_again > 0 else 0.0
    stake = {f"stake{end}": row.slow_year * -row[name] * worth
             for end, name in (("", "difference"), ("_low", "high"), ("_high", "low"))}  # fmt: skip
    priced = stake["stake"] > 0
    others = slow[slow.place != row.place]
    elsewhere = others.iloc[0] if len(others) else row
    there = waiting if waiting is None else waiting[waiting.place == row.place]
    people = None if there is None or there.empty else _amends(there)
    values = {
        **row, **stake, "within": within, "hours": sla_hours, "where": words.name("places", row.place),
        "points": -100 * row.difference, "points_low": -100 * row.high, "points_high": -100 * row.low,
        "elsewhere": words.name("places", elsewhere.place), "other_points": 100 * elsewhere.difference,
        "other_low": 100 * elsewhere.low, "other_high": 100 * elsewhere.high, "worth": worth,
        "people": 0 if people is None else len(people), "one": -row.difference * worth,
    }  # fmt: skip
    certainty = f"{'two' if len(others) else 'one'}.{'priced' if priced else 'unpriced'}"
    return tell(
        words, "slow_complaints", values, direction="bad", certainty=certainty,
        headline="all" if row.place == "all" else "place",
        action="plain" if people is None else "listed", owner="service", when="month",
        money="stake" if priced else "", kind="profit", plays=("service_recovery",), customers=people,
    )  # fmt: skip


def _amends(waiting: Any) -> Any:
    """Whom to call about a complaint: ``customer_id``, ``value`` and the ``reason`` in words."""
    import pandas as pd

    said = [
        words.say(f"amends.{'open' if row.is_open else 'closed'}", day=row.opened_on) for row in waiting.itertuples()
    ]
    return pd.DataFrame({"customer_id": waiting.customer_id, "value": waiting.value.round(2), "reason": said})


def finding_early_warning(warned: Any, groups: Any, judged: Any, *, within: int = 90) -> Finding | None:
    """How many regular customers are silent for longer than is usual for them, and what they bring; informs.

    ``warned``: from :func:`~crmlib.lifecycle.churn.warned_customers`; ``groups``: from
    :func:`~crmlib.lifecycle.churn.risk_by_value`; ``judged``: from :func:`~crmlib.lifecycle.churn.judge`, for how good
    the risk is. It asks for no decision: nobody has tested whether a call keeps those whom it warns of. None without a
    model, and where fewer than 30 are warned.
    """
    if len(groups) == 0 or groups.warned.sum() < SMALL_BASE or judged.empty:
        return None
    row, count = judged[judged.picked].iloc[0], int(groups.warned.sum())
    people = _warned(warned)
    values = {
        **row, "warned": count, "listed": len(people), "value": warned.value.sum(), "within": within,
        "gone": warned.risk.mean(), "model": words.name("models", row.model),
    }  # fmt: skip
    return tell(
        words, "early_warning", values, direction="neutral", evidence="all" if count == len(people) else "most",
        customers=people,
    )  # fmt: skip


def _warned(warned: Any) -> Any:
    """The list of the warned: ``customer_id``, ``value``, ``risk``, and the ``reason`` in words."""
    import pandas as pd

    said = []
    for row in warned.itertuples():
        why = "waited" if row.waited else "unhappy" if row.unhappy else "silent"
        said.append(words.say(f"warned.{why}", days=row.silence_days, gap=row.usual_gap))
    return pd.DataFrame(
        {
            "customer_id": warned.customer_id,
            "value": warned.value.round(2),
            "risk": warned.risk.round(2),
            "reason": said,
        }
    )


def finding_came_back(rates: Any, *, within: int, silent_after: int, value_days: int = 180) -> Finding | None:
    """How many of the silent come back without help, and what one of them brings; informs.

    ``rates``: from :func:`~crmlib.lifecycle.churn.win_back_rates` of these days. It is what every win-back rate has to
    be held against, where actions tell who was helped. None with fewer than 30 of them.
    """
    own = rates[rates.helped.ne(True)] if len(rates) else rates
    if own.empty or own.silent.iloc[0] < SMALL_BASE:
        return None
    row = own.iloc[0]
    said = "valued" if row.valued >= SMALL_BASE else "plain"
    asked = "unknown" if row.helped is None or row.helped != row.helped else "known"
    return tell(
        words, "came_back", row, direction="neutral", headline=asked, evidence=said, certainty=f"{asked}.{said}",
        days=silent_after, within=within, value_days=value_days,
    )  # fmt: skip


def finding_recurring(retention: Any) -> Finding | None:
    """What is left of the recurring revenue of a year ago, from the same customers; informs.

    It is news where it grows only: what ends is a decision of chapter 05.

    ``retention``: from :func:`~crmlib.lifecycle.churn.revenue_retention`. None with fewer than 30 customers then.
    """
    if retention.empty or retention.customers.iloc[0] < SMALL_BASE:
        return None
    row = retention.iloc[0]
    said = "grows" if row.net_low > 1 else "shrinks" if row.net_high < 1 else "holds"
    moved = row.expansion + row.contraction > 0
    return tell(
        words, "recurring", row, direction="good" if said == "grows" else "neutral", headline=said,
        evidence="moved" if moved else "plain", action=said, sure="counted",
    )  # fmt: skip
