"""What the scorecard tells a manager: why revenue changed, which target is missed, and what is more than noise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from crmlib.calendar import Period
from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.drivers import won_before
from crmlib.lifecycle.scorecard.figures import biggest_driver, period_name, signed_money, told_signal
from crmlib.lifecycle.scorecard.signal import JUDGED, MOVED
from crmlib.words import Words, interval, known, money

words = Words(__file__)

_A_YEAR = 12  # months


def finding_revenue_change(tree: Any) -> Finding | None:
    """By how much revenue changed, and the driver of its sign that moved it most; None for an empty tree.

    ``tree``: a frame from :func:`driver_tree`. The money is the amount of the change, without its sign, where the times
    compared are years; for shorter ones the sentence alone tells it. Where the interval of the change holds 0, it is
    neutral, without money and plays: chance may be all of it. Where hardly anybody was won in the later time
    (:func:`won_before`), a fall says nothing of the trade: the finding is neutral then.
    """
    if tree.empty:
        return None
    node = tree.set_index("driver")
    root, biggest = node.loc["revenue"], biggest_driver(tree)
    change, part = float(root["contribution"]), float(node.loc[biggest, "contribution"])
    closed = won_before(tree)
    built_in, by_chance = closed is not None and change < 0, root["contribution_low"] <= 0 <= root["contribution_high"]
    notes = [words.say("notes.interval", whole=_interval(root), part=_interval(node.loc[biggest]))]
    if root["months"] % _A_YEAR:
        notes.append(words.say("notes.seasons"))
    if built_in:
        notes = [*_only_won_before(node, closed), words.say("notes.built_in"), *notes]
    elif change > 0 and root["data_begin"] >= root["starts"]:
        notes.insert(0, words.say("notes.filling", root))
    if by_chance and not built_in:
        notes.append(words.say("notes.zero"))
    says_something = not (built_in or by_chance)
    direction: Direction = "neutral" if not says_something else "good" if change >= 0 else "bad"
    low, high = sorted((1 if change >= 0 else -1) * root[name] for name in ("contribution_low", "contribution_high"))
    own = biggest if biggest == "guests" else f"{biggest}.{'up' if part >= 0 else 'down'}"
    return tell(
        words, "revenue_change", {**root, "amount": abs(change), "amount_low": low, "amount_high": high},
        direction=direction, sentence="more" if change >= 0 else "less",
        action="cohorts" if built_in else "chance" if by_chance else own,
        money="amount" if says_something and root["months"] == _A_YEAR else "",
        plays=_plays(biggest, part) if says_something else (),
        share=abs(change) / root["before"], cause=_cause(node, biggest), said=notes,
    )  # fmt: skip


def _cause(node: Any, biggest: str) -> str:
    """The driver that moved revenue most; for customers, who came and who went."""
    part, change = float(node.loc[biggest, "contribution"]), float(node.loc["revenue", "contribution"])
    heads = {name: signed_money(part) for name, part in node["contribution"].items()}
    two = "returned_customers" not in node.index
    said = "driver" if biggest != "customers" else "customers" if abs(part) < abs(change) / 2 else ""
    return words.say(
        f"findings.revenue_change.cause.{said or ('gained' if part > 0 else 'shrunk')}",
        driver=biggest,
        contribution=signed_money(part),
        heads=words.say(f"findings.revenue_change.heads.{'two' if two else 'all'}", heads),
    )


def _only_won_before(node: Any, day: dt.date | None) -> list[str]:
    """A sentence that the data hold (hardly) any customers won since a day; none without a day."""
    if day is None:
        return []
    some = node.loc["new_customers", "after"] > 0
    return [words.say("notes.hardly_since" if some else "notes.only_before", day=day)]


def _interval(part: Any) -> str:
    return interval(part["contribution_low"], part["contribution_high"], money)


def _plays(driver: str, contribution: float) -> tuple[str, ...]:
    plays = {("customers", True): "second_order", ("customers", False): "win_back", ("order_value", False): "next_step"}
    play = plays.get((driver, contribution >= 0))
    return (play,) if play else ()


def finding_off_target(card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Finding | None:
    """The target that is surely missed and costs most; None if none is missed with certainty.

    ``card``: a frame from :func:`scorecard`. Without a price, the KPI that is furthest from its target, measured in
    widths of its interval.
    """
    missed = card[card["status"] == "missed"].copy()
    if missed.empty:
        return None
    width = (missed["high"] - missed["low"]).astype(float)
    missed["distance"] = (missed["value"] - missed["target"]).abs().astype(float) / width.where(width > 0)
    order = missed.sort_values(["money", "distance"], ascending=False, na_position="last", kind="stable")
    row = order.iloc[0]
    kpi = kpis[row["kpi"]]
    priced = "priced" if known(row["money"]) else "unpriced"
    return tell(
        words, "off_target", {**row, **_told(row, kpi, period)}, direction="bad", sentence=priced,
        certainty=priced if known(row["low"]) else "full", action="range" if known(row["lower"]) else "plain",
        money="money" if priced == "priced" else "", plays=kpi.plays,
        missed=len(missed), targets=int((card["status"] != "").sum()), target=kpi.form(kpi.target), who=kpi.owner,
        interval=interval(row["low"], row["high"], kpi.form), range=interval(row["lower"], row["upper"], kpi.form),
        worth=kpi.worth_counts,
    )  # fmt: skip


def _told(row: Any, kpi: Kpi, period: Period) -> dict[str, str]:
    """A row's KPI, value and period in words."""
    when = period_name(row["period"], kpi.period_in(period))
    return {"name": kpi.name, "value": kpi.form(row["value"]), "period": when}


def finding_signals(
    card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month", tree: Any = None
) -> Finding | None:
    """Which KPIs moved beyond noise in their last period; None if no KPI has enough history for limits.

    ``card``: a frame from :func:`scorecard`. KPIs with ``chart: false`` (which say the same as another one) are left
    out. ``tree``: from :func:`driver_tree`; where it shows that hardly anybody was won of late, signals are neutral,
    since survivors look better and better by themselves.
    """
    charted = card["kpi"].map(lambda key: kpis[key].chart)
    judged = card[charted & (card["state"] == "known") & card["signal"].isin(JUDGED)]
    if judged.empty:
        return None
    moved = judged[judged["signal"].isin(MOVED)]
    counts = {"judged": len(judged), "moved": len(moved)}
    chance = words.say("notes.chance")
    if moved.empty:
        said = [chance, words.say("notes.rough")]
        return tell(words, "signals", counts, direction="neutral", sentence="calm", action="calm", said=said)
    news = {name: moved[moved["news"] == name] for name in ("bad", "good")}
    first = (news["bad"] if len(news["bad"]) else moved).iloc[0]
    kpi = kpis[first["kpi"]]
    year_ago = known(first["year_ago"])
    notes = [words.say("notes.year_ago", year_ago=kpi.form(first["year_ago"])) if year_ago else "", chance]
    notes += [] if year_ago else [words.say("notes.rough")]
    closed = None if tree is None else won_before(tree)
    if closed:
        notes = [*_only_won_before(tree.set_index("driver"), closed), words.say("notes.loyal"), *notes]
    direction: Direction = next((side for side in ("bad", "good") if len(news[side]) and not closed), "neutral")
    return tell(
        words, "signals", {**counts, **_told(first, kpi, period)}, direction=direction, sentence="moved",
        action="cohorts" if closed else "moved", good=len(news["good"]), bad=len(news["bad"]),
        centre=kpi.form(first["centre"]), signal=told_signal(first["signal"], first["side"]),
        names=[kpis[key].name for key in moved["kpi"]], said=[note for note in notes if note],
    )  # fmt: skip
