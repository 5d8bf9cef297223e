"""What the scorecard tells a manager: who changed sales, which target is missed, and what is more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from crmlib.calendar import PERIODS_A_YEAR, Period
from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.scorecard.bridge import amounts_told, change_interval, grows_by_itself, is_closed, part_of_new
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.figures import period_name, told_signal
from crmlib.lifecycle.scorecard.values import worth_a_year
from crmlib.lifecycle.scorecard.verdicts import GIVEN, MOVED_VERDICTS
from crmlib.words import Words, interval, known, short

words = Words(__file__)

_A_YEAR = 12  # months
# Parts smaller than this share of the largest stand in the bridge only.
_WORTH_TELLING = 0.01
# What a table says by itself, the most important first, and what else is told of it.
_ALONE: dict[str, tuple[str, ...]] = {
    "revenue": ("average_order_value",),
    "recurring_revenue": ("active_contracts", "contract_churn"),
    "active_contracts": ("new_contracts", "contract_churn"),
    "leads": ("lead_conversion", "cost_per_lead"),
    "tickets": ("resolved_in_time", "open_tickets"),
    "users": (),
    "members": ("points_used",),
    "contacts": (),
    "marketing_cost": (),
}
_PLAYS = {"new.up": "second_order", "lost.down": "win_back"}


def finding_revenue_change(bridge: Any) -> Finding | None:
    """By how much sales changed in cash, and which customers changed them; None for an empty bridge.

    ``bridge``: from :func:`~crmlib.lifecycle.scorecard.bridge.revenue_bridge`. It informs, and names no money of its
    own: the bridge is the money. Where the interval of the change holds 0, it is neutral: chance may be all of it.
    Where hardly anybody was won in the later time, a fall says nothing of the trade: it is neutral, too.
    """
    if bridge.empty:
        return None
    at = bridge.set_index("part")
    then, now = float(at.amount["before"]), float(at.amount["after"])
    change, parts = now - then, at.drop(index=["before", "after"])
    told, step = amounts_told(bridge)
    low, high = change_interval(bridge)
    closed = is_closed(bridge) and change < 0
    by_chance = low <= 0 <= high
    biggest = str((parts.amount * (1 if change >= 0 else -1)).idxmax())
    own = f"{biggest}.{'up' if parts.amount[biggest] >= 0 else 'down'}"
    notes = [words.say("notes.interval", whole=interval(low, high, short))]
    if closed:
        notes = [_closed_since(bridge), words.say("notes.built_in"), *notes]
    elif change > 0 and grows_by_itself(bridge):
        notes.insert(0, words.say("notes.filling", data_begin=bridge.data_begin.iloc[0]))
    if bridge.months.iloc[0] % _A_YEAR:
        notes.append(words.say("notes.seasons"))
    if by_chance and not closed:
        notes.append(words.say("notes.zero"))
    quiet = closed or by_chance
    direction: Direction = "neutral" if quiet else "good" if change >= 0 else "bad"
    moved = parts[parts.amount.abs() >= _WORTH_TELLING * parts.amount.abs().max()]
    return tell(
        words, "revenue_change", bridge.iloc[0], direction=direction, sure="counted",
        headline="closed" if closed else "chance" if by_chance else "more" if change >= 0 else "less",
        action="cohorts" if closed else "chance" if by_chance else own,
        plays=(_PLAYS[own],) if not quiet and own in _PLAYS else (),
        now=short(told["after"], step=step), then=short(told["before"], step=step),
        size=short(abs(told["change"]), step=step), share=abs(change) / then, said=notes,
        parts=[
            words.say(
                f"findings.revenue_change.part.{name}", customers=row.customers,
                amount=short(told[name], sign=True, step=step),
            )
            for name, row in moved.iterrows()
        ],
    )  # fmt: skip


def _closed_since(bridge: Any) -> str:
    """Since when a closed base has won nobody, or hardly anybody."""
    came = bridge.set_index("part").customers.get(part_of_new(bridge), 0)
    return words.say(f"notes.{'hardly_since' if came else 'only_before'}", day=bridge.changes.iloc[0])


def findings_of_counts(
    years: Any, kpis: Mapping[str, Kpi], measures: Any, bridge: Any, *, period: Period = "month"
) -> list[Finding]:
    """What each table says by itself, the most important first, where no two times of sales tell the story.

    ``years``: from :func:`~crmlib.lifecycle.scorecard.year.year_against_year`; ``measures``: the base measures behind
    it; ``bridge``: none of these is told where it has rows. They inform, and ask for no decision.
    """
    if not bridge.empty or measures.empty:
        return []
    at = years.set_index("kpi")
    rows = {key: at.loc[key].to_dict() for key in _ALONE if key in at.index and at.now[key] > 0}
    sales = measures["revenue"].dropna().tail(PERIODS_A_YEAR[period])
    if sales.sum() > 0 and "revenue" in kpis:
        months = round(len(sales) * _A_YEAR / PERIODS_A_YEAR[period])
        rows = {"revenue": {"now": sales.sum(), "months": months, "verdict": "alone"}} | rows
    if "recurring_revenue" in rows:
        rows.pop("active_contracts", None)
    return [_count(row, kpis[key], at, kpis, measures, period) for key, row in rows.items()]


def _count(
    row: Mapping[str, Any], kpi: Kpi, at: Any, kpis: Mapping[str, Kpi], measures: Any, period: Period
) -> Finding:
    known_of = measures.loc[measures[list(kpi.formula.measures)].notna().all(axis="columns"), "period"]
    when = {"at": period_name(known_of.iloc[-1], period)}
    own = kpi.a_year or "sum"
    moved = "alone" if row["verdict"] == "alone" else "same"
    form = short if kpi.unit.startswith("money") else kpi.form
    facts = {"months": row["months"], "what": words.say(f"findings.counts.what.{kpi.key}", n=round(row["now"]),
             amount=form(row["now"]))}  # fmt: skip
    said = [words.say(f"findings.counts.at.{own}", when)]
    if moved == "same":
        change = row["now"] - row["before"]
        if row["verdict"] != "same" and row["before"]:
            moved = "more" if change > 0 else "less"
            facts["share"] = abs(change) / row["before"]
        said = [words.say(f"findings.counts.before.{own}", when, before=form(row["before"]))]
        facts |= {name: kpi.form(row[f"difference_{name}"]) for name in ("low", "high")}
    for other in _ALONE[kpi.key]:
        if other in at.index and known(at.now[other]):
            value = kpis[other].form(at.now[other])
            young = at.too_young[other]
            also = "also_young" if young > 0 else "also"
            said.append(words.say(f"findings.counts.{also}", n=young, name=kpis[other].name_short, value=value))
    direction = {"better": "good", "worse": "bad"}.get(row["verdict"], "neutral")
    told = tell(
        words, "counts", facts, direction=cast(Direction, direction), sure="counted", headline=f"{own}.{moved}",
        certainty="alone" if moved == "alone" else "compared", action=kpi.key, said=said,
    )  # fmt: skip
    return replace(told, key=f"{told.key}_{kpi.key}")


def finding_off_target(
    years: Any, kpis: Mapping[str, Kpi], measures: Any, card: Any, *, period: Period = "month"
) -> Finding | None:
    """The target that the last year surely missed and that costs most; None if none is missed with certainty.

    ``years``: from :func:`~crmlib.lifecycle.scorecard.year.year_against_year`, whose verdict the tiles show, too;
    ``measures``: the base measures behind it; ``card``: from
    :func:`~crmlib.lifecycle.scorecard.overview.scorecard`, for the usual range of one period. Only targets that the
    client has set count: the kit sets none. Without a price, the KPI that is furthest from its target, measured in
    widths of its interval.
    """
    missed = years[years.against_target == "missed"]
    if missed.empty:
        return None
    gap = (missed.now - missed.target).abs()
    worth = [worth_a_year(measures, kpis[key], periods=PERIODS_A_YEAR[period]) for key in missed.kpi]
    missed = missed.assign(money=gap * worth, distance=gap / (missed.now_high - missed.now_low))
    row = missed.sort_values(["money", "distance"], ascending=False, na_position="last", kind="stable").iloc[0]
    kpi = kpis[row.kpi]
    sign = 1 if kpi.better == "higher" else -1
    unit_worth = worth[list(missed.kpi).index(row.kpi)]
    sampled = known(row.now_low)
    ends = (row.now_low, row.now_high) if sampled else (row.now, row.now)
    low, high = sorted(max(sign * (row.target - end) * unit_worth, 0.0) for end in ends)
    usual = card.set_index("kpi").loc[row.kpi]
    priced = known(row.money)
    told = words.say("findings.off_target.interval", interval=interval(*ends, kpi.form)) if sampled else ""
    notes = [told] if sampled else []
    notes.append(words.say(f"findings.off_target.{'priced' if priced else 'unpriced'}", worth=kpi.worth_counts))
    if known(usual["lower"]):
        usual_range = interval(usual["lower"], usual["upper"], kpi.form)
        notes.append(words.say("findings.off_target.usual", period=period, range=usual_range))
    return tell(
        words, "off_target", {"money": row.money, "money_low": low, "money_high": high}, direction="bad",
        evidence="last" if known(row["at"]) else "year", at=period_name(row["at"], kpi.period_in(period)),
        sure="estimated" if sampled or priced else "counted", owner=kpi.role.en, when="quarter",
        money="money" if priced else "", kind="sales",
        plays=kpi.plays, name=kpi.name_short, value=kpi.form(row.now), target=kpi.form(row.target), missed=len(missed),
        targets=int((years.against_target != "").sum()), months=row.months, said=notes,
    )  # fmt: skip


def finding_signals(
    verdicts: Any, kpis: Mapping[str, Kpi], *, period: Period = "month", bridge: Any = None
) -> Finding | None:
    """Which KPIs moved beyond their usual range in their last period; None if none could be judged.

    ``verdicts``: from :func:`~crmlib.lifecycle.scorecard.verdicts.last_verdicts`. Only one for the worse asks for a
    decision. Those that stand there for their target only (stocks, ``chart: false``) are not counted. ``bridge``: where
    it shows that hardly anybody was won of late, a sentence says that survivors look better
    and better by themselves.
    """
    verdicts = verdicts[verdicts.kpi.map(lambda key: kpis[key].chart).astype(bool)]
    judged = verdicts[verdicts.verdict.isin(GIVEN)]
    closed = bridge is not None and is_closed(bridge)
    moved = judged[judged.verdict.isin(MOVED_VERDICTS)]
    notes = [words.say("notes.chance"), words.say("notes.rough")]
    if closed:
        notes = [_closed_since(bridge), words.say("notes.loyal"), *notes]
    if judged.empty:
        return None
    counts = {"judged": len(judged), "moved": len(moved), "period": period}
    notes += [_step(row, kpis[row.kpi], period) for row in verdicts.itertuples(index=False) if known(row.since)]
    if moved.empty:
        return tell(
            words, "signals", counts, direction="neutral", headline="calm", evidence="calm", action="calm", said=notes
        )
    bad, good = moved[moved.verdict == "worse"], moved[moved.verdict == "better"]
    first = (bad if len(bad) else moved).iloc[0]
    kpi = kpis[first.kpi]
    signal = words.say("notes.signal", name=kpi.name, signal=told_signal(first.signal, first.side))
    asks: dict[str, Any] = {"owner": kpi.role.en, "when": "month"} if len(bad) else {}
    return tell(
        words, "signals", counts, direction="bad" if len(bad) else "good" if len(good) else "neutral",
        headline="moved", evidence="moved", action="moved", name=kpi.name_short, value=kpi.form(first.value),
        at=period_name(first.period, kpi.period_in(period)), centre=kpi.form(first.centre), better=len(good),
        worse=len(bad), said=[signal, *notes], **asks,
    )  # fmt: skip


def _step(row: Any, kpi: Kpi, period: Period) -> str:
    ends = {"before": kpi.form(row.step_before), "after": kpi.form(row.step_after)}
    return words.say("notes.step", ends, name=kpi.name_short, since=period_name(row.since, kpi.period_in(period)))
