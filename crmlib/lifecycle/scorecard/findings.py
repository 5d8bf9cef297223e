"""What the scorecard tells a manager: why revenue changed, which target is missed, and what is more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib import text
from crmlib.calendar import Period
from crmlib.finding import Finding
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.drivers import won_before
from crmlib.lifecycle.scorecard.figures import biggest_driver
from crmlib.lifecycle.scorecard.signal import JUDGED, MOVED
from crmlib.lifecycle.scorecard.words import driver_name, known, period_name, signal_in_words, signed, with_seasons

_A_YEAR = 12  # months


def finding_revenue_change(tree: Any) -> Finding | None:
    """By how much revenue changed, and the driver of its sign that moved it most; None for an empty tree.

    ``tree``: a frame from :func:`~crmlib.lifecycle.scorecard.drivers.driver_tree`. The money is the amount of the
    change, without its sign, where the times compared are years; for shorter ones the sentence alone tells it. Where
    the interval of the change holds 0, it is neutral, without money and plays: chance may be all of it. Where
    hardly anybody was won in the later time (:func:`~crmlib.lifecycle.scorecard.drivers.won_before`), a fall says
    nothing of the trade: the finding is neutral then.
    """
    if tree.empty:
        return None
    node = tree.set_index("driver")
    root, biggest = node.loc["revenue"], biggest_driver(tree)
    part = node.loc[biggest]
    months, change = int(root["months"]), float(root["contribution"])
    values = {
        "months": months,
        "day": text.day(root["ends"]),
        "after": text.money(root["after"]),
        "change": text.money(abs(change)),
        "share": text.percent(abs(change) / root["before"]),
        "cause": _cause(node, biggest),
    }
    if change >= 0:
        sentence = text.say(
            "Revenue of the {months}-month time to {day} was {after}, that is {change} or {share} more than in the "
            "{months}-month time before. {cause}",
            **values,
        )
    else:
        sentence = text.say(
            "Revenue of the {months}-month time to {day} was {after}, that is {change} or {share} less than in the "
            "{months}-month time before. {cause}",
            **values,
        )
    certainty = text.say(
        "The change is a full count; with the chance of who came, its 95% interval is {change}, and that of the "
        "driver {driver}.",
        change=_interval(root),
        driver=_interval(part),
    )
    if months % _A_YEAR:
        certainty = with_seasons(certainty)
    closed = won_before(tree)
    if closed and change < 0:
        return Finding(
            "scorecard.revenue_change",
            sentence,
            "neutral",
            certainty=text.say(
                "{only} So a fall is built in. {certainty}", only=_only_won_before(node, closed), certainty=certainty
            ),
            action=text.say("Compare cohorts instead: how each held its customers and their spending over its time."),
        )
    if change > 0 and root["data_begin"] >= root["starts"]:
        certainty = text.say(
            "The data begin on {day}; part of the growth is the base filling up. {certainty}",
            day=text.day(root["data_begin"]),
            certainty=certainty,
        )
    if root["contribution_low"] <= 0 <= root["contribution_high"]:
        return Finding(
            "scorecard.revenue_change",
            sentence,
            "neutral",
            certainty=text.say(
                "{certainty} It holds 0: the chance of who came may be all there is to the change.",
                certainty=certainty,
            ),
            action=text.say("Do not look for a cause of this change alone: it is no more than chance may bring."),
        )
    sign = 1 if change >= 0 else -1
    ends = sorted(sign * float(root[name]) for name in ("contribution_low", "contribution_high"))
    yearly = months == _A_YEAR
    return Finding(
        "scorecard.revenue_change",
        sentence,
        "good" if change >= 0 else "bad",
        certainty=certainty,
        action=_action(biggest, float(part["contribution"])),
        money=abs(change) if yearly else None,
        money_low=ends[0] if yearly else None,
        money_high=ends[1] if yearly else None,
        plays=_plays(biggest, float(part["contribution"])),
    )


def _cause(node: Any, biggest: str) -> str:
    """The driver that moved revenue most; for customers, who came and who went."""
    part, change = float(node.loc[biggest, "contribution"]), float(node.loc["revenue", "contribution"])
    contribution = signed(text.money(part), part)
    if biggest != "customers":
        return text.say(
            "The driver that moved it most is “{driver}” ({contribution}).",
            driver=driver_name(biggest),
            contribution=contribution,
        )
    new, lost = (
        signed(text.money(node.loc[driver, "contribution"]), node.loc[driver, "contribution"])
        for driver in ("new_customers", "lost_customers")
    )
    if "returned_customers" in node.index:
        back = node.loc["returned_customers", "contribution"]
        heads = text.say(
            "new {new}, returned {returned}, lost {lost}", new=new, returned=signed(text.money(back), back), lost=lost
        )
    else:
        heads = text.say("new {new}, lost {lost}", new=new, lost=lost)
    if abs(part) < abs(change) / 2:
        return text.say(
            "What moved it most is the number of customers who bought: {contribution} ({heads}).",
            contribution=contribution,
            heads=heads,
        )
    if part > 0:
        return text.say(
            "Most of it because more customers bought: {contribution} ({heads}).",
            contribution=contribution,
            heads=heads,
        )
    return text.say(
        "Most of it because fewer customers bought: {contribution} ({heads}).", contribution=contribution, heads=heads
    )


def _only_won_before(node: Any, day: Any) -> str:
    if node.loc["new_customers", "after"] > 0:
        return text.say("These data hold hardly any customers won since {day}.", day=text.day(day))
    return text.say("These data hold only customers won before {day}.", day=text.day(day))


def _interval(part: Any) -> str:
    return text.interval(part["contribution_low"], part["contribution_high"], text.money)


def _plays(driver: str, contribution: float) -> tuple[str, ...]:
    if driver == "customers":
        return ("second_order",) if contribution >= 0 else ("win_back",)
    return ("next_step",) if driver == "order_value" and contribution < 0 else ()


def _action(driver: str, contribution: float) -> str:
    if driver == "customers":
        if contribution >= 0:
            return text.say("Keep new customers coming, and turn more of them into second orders before they leave.")
        return text.say("Find out who left and why, and win back those worth it, before paying for more new customers.")
    if driver == "orders_per_customer":
        if contribution >= 0:
            return text.say("Find out what makes customers come more often, and do it for those who do not yet.")
        return text.say("Give customers a reason to come back sooner: reminders, refills, the next step.")
    if driver == "order_value":
        if contribution >= 0:
            return text.say("Check whether prices or fuller baskets made orders larger, and protect what did.")
        return text.say("Look at discounts and baskets: what makes orders smaller is decided there.")
    return text.say("Ask guests to register: without knowing them, nothing can be done for them.")


def finding_off_target(card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Finding | None:
    """The target that is surely missed and costs most; None if none is missed with certainty.

    ``card``: a frame from :func:`~crmlib.lifecycle.scorecard.overview.scorecard`. Without a price, the KPI that is
    furthest from its target, measured in widths of its interval.
    """
    missed = card[card["status"] == "missed"].copy()
    if missed.empty:
        return None
    width = (missed["high"] - missed["low"]).astype(float)
    missed["distance"] = (missed["value"] - missed["target"]).abs().astype(float) / width.where(width > 0)
    order = missed.sort_values(["money", "distance"], ascending=False, na_position="last", kind="stable")
    row = next(order.itertuples(index=False))
    kpi = kpis[row.kpi]
    of_targets = card[card["status"] != ""]
    values = {
        "kpi": str(kpi.name),
        "value": kpi.form(row.value),
        "period": period_name(row.period, kpi.period_in(period)),
        "target": kpi.form(kpi.target),
        "count": len(missed),
        "all": len(of_targets),
    }
    priced = known(row.money)
    if priced:
        sentence = text.say(
            "{kpi} stood at {value} in {period}, and the target is {target}; closing the gap would be worth about "
            "{money} a year. Targets surely missed: {count} of {all}.",
            money=text.money(row.money),
            **values,
        )
    else:
        sentence = text.say(
            "{kpi} stood at {value} in {period}, and the target is {target}. Targets surely missed: {count} of {all}.",
            **values,
        )
    if not known(row.low):
        certainty = text.say("This is a full count, without sampling error.")
    elif priced:
        certainty = text.say(
            "95% interval {interval}, from {cases} cases; the money counts {worth}, if the gap of {period} lasts.",
            interval=text.interval(row.low, row.high, kpi.form),
            cases=int(row.cases),
            worth=str(kpi.worth.about) if kpi.worth else "",
            period=values["period"],
        )
    else:
        certainty = text.say(
            "95% interval {interval}, from {cases} cases; what the gap costs cannot be read from these data.",
            interval=text.interval(row.low, row.high, kpi.form),
            cases=int(row.cases) if known(row.cases) else text.UNKNOWN,
        )
    return Finding(
        "scorecard.off_target",
        sentence,
        "bad",
        certainty=certainty,
        action=text.say(
            "Let {owner} say what would close the gap, or whether the target was ever within the process's usual "
            "range of {range}.",
            owner=str(kpi.owner),
            range=text.interval(row.lower, row.upper, kpi.form),
        )
        if known(row.lower)
        else text.say("Let {owner} say what would close the gap.", owner=str(kpi.owner)),
        money=float(row.money) if priced else None,
        money_low=float(row.money_low) if priced and known(row.money_low) else None,
        money_high=float(row.money_high) if priced and known(row.money_high) else None,
        plays=kpi.plays,
    )


def finding_signals(
    card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month", tree: Any = None
) -> Finding | None:
    """Which KPIs moved beyond noise in their last period; None if no KPI has enough history for limits.

    ``card``: a frame from :func:`~crmlib.lifecycle.scorecard.overview.scorecard`. KPIs with ``chart: false`` (which
    say the same as another one) are left out. ``tree``: from
    :func:`~crmlib.lifecycle.scorecard.drivers.driver_tree`; where it shows that hardly anybody was won of late, signals
    are neutral, since survivors look better and better by themselves.
    """
    charted = card["kpi"].map(lambda key: kpis[key].chart)
    judged = card[charted & (card["state"] == "known") & card["signal"].isin(JUDGED)]
    if judged.empty:
        return None
    moved = judged[judged["signal"].isin(MOVED)]
    chance = text.say(
        "A stable KPI gives a signal by chance once or twice in a hundred periods; limits from fewer than twelve "
        "values are rough, and seasons also cross them."
    )
    if moved.empty:
        return Finding(
            "scorecard.signals",
            text.say(
                "KPIs with enough history: {count}. None of them moved beyond its usual range in its last period; "
                "their ups and downs are noise.",
                count=len(judged),
            ),
            "neutral",
            certainty=chance,
            action=text.say(
                "Do not ask anyone to explain this period's changes; change the process if it is not good enough."
            ),
        )
    bad = moved[moved["news"] == "bad"]
    good = moved[moved["news"] == "good"]
    first = next((bad if len(bad) else moved).itertuples(index=False))
    kpi = kpis[first.kpi]
    if known(first.year_ago):
        certainty = text.say(
            "A year ago it stood at {year_ago}, which is the fairer comparison for what grows or has seasons. A "
            "stable KPI gives a signal by chance once or twice in a hundred periods.",
            year_ago=kpi.form(first.year_ago),
        )
    else:
        certainty = chance
    closed = None if tree is None else won_before(tree)
    if closed:
        certainty = text.say(
            "{only} Those who remain are the loyal ones, so their rates rise and their sums fall by themselves. {more}",
            only=_only_won_before(tree.set_index("driver"), closed),
            more=certainty,
        )
    return Finding(
        "scorecard.signals",
        text.say(
            "KPIs with a signal: {count} of {judged}, {good} for the better and {bad} for the worse. {kpi} stood at "
            "{value} in {period}, against {centre} on average before ({signal}).",
            count=len(moved),
            judged=len(judged),
            good=len(good),
            bad=len(bad),
            kpi=str(kpi.name),
            value=kpi.form(first.value),
            period=period_name(first.period, kpi.period_in(period)),
            centre=kpi.form(first.centre),
            signal=signal_in_words(first.signal, first.side),
        ),
        "neutral" if closed else "bad" if len(bad) else "good" if len(good) else "neutral",
        certainty=certainty,
        action=text.say("Compare cohorts at the same age before looking for a cause.")
        if closed
        else text.say(
            "Look for the cause of the signals ({names}), and let all other changes pass.",
            names=", ".join(str(kpis[key].name) for key in moved["kpi"]),
        ),
    )
