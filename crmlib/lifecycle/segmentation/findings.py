"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import as_day, is_whole_year
from crmlib.engine import to_pandas
from crmlib.finding import Finding, tell
from crmlib.lifecycle.segmentation.figures import YOUNG_DAYS, segment_name
from crmlib.lifecycle.segmentation.k_means import STABLE, is_stable
from crmlib.lifecycle.segmentation.movement import NEWCOMER
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.lifecycle.segmentation.survey_answers import LEVELS
from crmlib.lifecycle.segmentation.tiers import REACH
from crmlib.statistics import bonferroni, wilson
from crmlib.words import Words, last_span, money

words = Words(__file__)

FEWEST = 30
FEWEST_SLEEPERS = 10
FEWEST_RISEN = 10
FEWEST_CLUSTERED = 100


def finding_sleeping(
    summary: Any,
    lines: Any,
    outcomes: Any,
    bound: Any,
    *,
    since: Any = None,
    history_days: int | None = None,
    horizon: float | None = None,
) -> Finding | None:
    """The revenue of the last twelve months that came from customers who have since gone to sleep.

    ``summary`` from :func:`segment_summary` by tier, ``lines`` from :func:`sleeping_lines`, ``outcomes`` from
    :func:`segment_outcomes` by tier since the day ``since``. None where fewer than ten of the sleeping bought
    in the twelve months.

    ``history_days``: how many days the orders cover; where that is less than a year, the sentence says so and no money
    a year is named. ``horizon``: the days within which customers had to come back for the line of sleep to be read
    from them (``horizon_days`` of :func:`purchase_rhythm`). ``bound``: the row of :func:`sleepers_under_contract`, who
    are taken out of the sleepers and of the money, and named; then ``lines`` must be without them, too.
    """
    asleep = summary[summary.segment == "sleeping"]
    if lines.empty or asleep.empty:
        return None
    at, row = lines.set_index("line"), asleep.iloc[0]
    under = to_pandas(bound).iloc[0]
    buyers, revenue = int(row.buyers) - int(under.buyers), float(row.revenue_year) - float(under.revenue_year)
    if buyers < FEWEST_SLEEPERS or revenue <= 0:
        return None
    said, ends = _line(at)
    is_young = said != "rule" and horizon is not None and horizon < YOUNG_DAYS
    values = {
        "revenue": revenue, "buyers": buyers, "customers": int(row.customers) - int(under.customers),
        "share": row.revenue_share * revenue / row.revenue_year, "period": last_span(history_days),
        "days": at.loc["value", "days"], "horizon": horizon, **ends,
        "bound": int(under.customers), "bound_revenue": float(under.revenue_year),
    }  # fmt: skip
    back = outcomes[(outcomes.segment == "sleeping") & (outcomes.customers >= FEWEST)]
    if len(back):
        values |= {**back.iloc[0][["bought_share", "bought_share_low", "bought_share_high"]], "day": as_day(since)}
    return tell(
        words, "sleeping", values, direction="bad", sentence="contract" if values["bound"] else "plain",
        certainty=f"young.{said}" if is_young else said, action="beat" if len(back) else "plain",
        money="revenue" if is_whole_year(history_days) else "", plays=("win_back",),
    )  # fmt: skip


def _line(at: Any) -> tuple[str, dict[str, float]]:
    """How sure the line of sleep is, and the revenue with the line at either end of its interval, where it has one.

    ``at``: the rows of :func:`sleeping_lines` by ``line``.
    """
    if not {"low", "high"} <= set(at.index):
        return "rule", {}
    early, late = at.loc["low", "days"], at.loc["high", "days"]
    # A later line leaves fewer customers asleep, so less revenue.
    low, high = float(at.loc["high", "revenue_year"]), float(at.loc["low", "revenue_year"])
    if early == late:
        return "same_day", {}
    if money(low) == money(high):
        return "same_amount", {"early": early, "late": late}
    return "range", {"early": early, "late": late, "revenue_low": low, "revenue_high": high}


def finding_concentration(concentration: Any, *, top: float = 0.2, history_days: int | None = None) -> Finding | None:
    """How much of the revenue the best customers bring. None where fewer than 30 customers bought.

    It names no money at stake: what the best bring is not what could be lost or won. ``history_days``: how many days
    the orders cover, where that may be less than a year.
    """
    if concentration.empty or int(concentration.customers.iloc[0]) < FEWEST:
        return None
    found = concentration.set_index("measure")
    at, gini = found.loc["top_share"], found.loc["gini"]
    values = {**at, "share": at.value, "brought": at.value * at.revenue_year, "top": top}
    values |= {"gini": gini.value, "gini_low": gini.low, "gini_high": gini.high}
    return tell(
        words, "concentration", values, direction="neutral", plays=("core_care",), period=last_span(history_days)
    )


def finding_core_lost(migration: Any, *, since: Any) -> Finding | None:
    """What the core has lost on balance: those who left it beside those who rose to it and those who stayed.

    Whoever is picked for a good year has, on average, a less good one next, so that the core always loses customers
    and always wins others; looked at together, the two cancel where nothing has changed. The amount is therefore the
    fall in the yearly revenue of all who were core at either date, with the 95 % interval of drawing customers anew.
    It is bad news, and money, only where that interval holds losses alone. None where fewer than 30 were core or none
    of them has left it.
    """
    moved = to_pandas(migration)
    core = moved[moved.before == "core"]
    rose = moved[(moved.before != "core") & (moved.after == "core")]
    base, count = int(core.customers.sum()), int(core[core.after != "core"].customers.sum())
    if base < FEWEST or not count:
        return None
    either = moved[(moved.before == "core") | (moved.after == "core")]
    change = float(either.change.sum())
    margin = REACH * float((either.change_error**2).sum()) ** 0.5
    said = "loss" if change + margin < 0 else "gain" if change - margin > 0 else "chance"
    values = {
        "left": count, "base": base, "day": as_day(since), "rose": rose[rose.before != NEWCOMER].customers.sum(),
        "fresh": rose[rose.before == NEWCOMER].customers.sum(),
        "before": either.revenue_before.sum(), "after": either.revenue_after.sum(),
        "low": change - margin, "high": change + margin,
        "loss": -change, "loss_low": -change - margin, "loss_high": -change + margin,
    }  # fmt: skip
    is_loss = said == "loss"
    return tell(
        words, "core_lost", values, direction="bad" if is_loss else "neutral", sentence="rose" if len(rose) else "none",
        certainty=said, action="loss" if is_loss else "kept", money="loss" if is_loss else "",
        plays=("core_care",) if is_loss else (),
    )  # fmt: skip


def finding_potential(migration: Any, summary: Any, *, since: Any, more: float = 0.05) -> Finding | None:
    """What it would be worth if more of the potential customers rose to core, judged by those who did.

    ``summary``: from :func:`segment_summary` by tier; ``more``: how many more of each hundred, as a share. None where
    fewer than 30 customers were potential or fewer than 10 rose.
    """
    moved = to_pandas(migration)
    potential = moved[moved.before == "potential"]
    rose = potential[potential.after == "core"]
    today = summary[summary.segment == "potential"]
    base, count = int(potential.customers.sum()), int(rose.customers.sum())
    if base < FEWEST or count < FEWEST_RISEN or today.empty or float(rose.change.sum()) <= 0:
        return None
    gain, error = float(rose.change.sum()) / count, float(rose.change_error.iloc[0]) / count
    people = more * int(today.customers.iloc[0])
    low, high = wilson(count, base)
    values = {
        "rose": count, "base": base, "share": count / base, "low": low, "high": high, "day": as_day(since),
        "gain": gain, "extra": more, "today": today.customers.iloc[0], "worth": people * gain,
        "worth_low": max(0.0, people * (gain - REACH * error)), "worth_high": people * (gain + REACH * error),
    }  # fmt: skip
    return tell(words, "potential", values, direction="good", money="worth", plays=("next_step",))


def finding_dissatisfied(by_satisfaction: Any, *, history_days: int | None = None) -> Finding | None:
    """The revenue that comes from core and potential customers who say that they are dissatisfied.

    ``by_satisfaction``: from :func:`segment_satisfaction` by tier. None where fewer than 30 of them answered.
    ``history_days``: how many days the orders cover; money is named where they cover a year.
    """
    table = to_pandas(by_satisfaction)
    table = table[table.segment.isin(["core", "potential"])]
    said = table[table.satisfaction.isin(LEVELS)]
    unhappy = said[said.satisfaction == "dissatisfied"]
    answered, count = int(said.customers.sum()), int(unhappy.customers.sum())
    if answered < FEWEST or not count:
        return None
    low, high = wilson(count, answered)
    values = {
        "answered": answered, "unhappy": count, "share": count / answered, "low": low, "high": high,
        "silent": int(table.customers.sum()) - answered, "revenue": float(unhappy.revenue_year.sum()),
    }  # fmt: skip
    return tell(
        words, "dissatisfied", values, direction="bad", period=last_span(history_days),
        money="revenue" if is_whole_year(history_days) else "", plays=("service_recovery",),
    )  # fmt: skip


def finding_origin(shares: Any) -> Finding | None:
    """Which value of an attribute breeds clearly more, and which clearly fewer, core customers than the average.

    ``shares``: from :func:`segment_shares` for the segment ``core``. Values with fewer than 30 customers are not
    judged, and the interval is widened for the number of values compared. None where nothing stands out.
    """
    judged = shares[(shares.customers >= FEWEST) & shares.value.notna()]
    if len(judged) < 2:
        return None
    # Bonferroni: as many comparisons with the average as there are values.
    low, high = wilson(judged.in_segment, judged.customers, level=bonferroni(len(judged)))
    judged = judged.assign(low=low, high=high)
    best, worst = judged.iloc[0], judged.iloc[-1]
    if not (best.low > best.overall and worst.high < worst.overall):
        return None
    values = {**best, **best.add_prefix("best_"), **worst.add_prefix("worst_"), "values": len(judged)}
    said = "channel" if best.attribute == "channel" else "other"
    return tell(words, "origin", values, direction="neutral", sentence=said)


def finding_clusters(stability: Any, beside: Any, *, rules: Rules | None = None) -> Finding | None:
    """Where the groups that the data form by themselves speak against the rules.

    ``stability``: from :func:`cluster_stability`; ``beside``: from :func:`clusters_beside_rules`. None where nothing
    follows: the groups are not reliably found again, or they confirm the rules, or there are fewer than 100 customers.
    """
    tested = stability[stability.clusters == len(beside)]
    if tested.empty or int(beside.customers.sum()) < FEWEST_CLUSTERED:
        return None
    row, agreement = tested.iloc[0], float(beside.rand_index.iloc[0])
    if not is_stable(row) or agreement >= STABLE:
        return None
    # The group with most of the revenue outside of its tier.
    mixed = beside.iloc[int(((1 - beside.segment_share) * beside.revenue_share.fillna(0.0)).to_numpy().argmax())]
    values = {**mixed, **row, "agreement": agreement, "clusters": len(beside)}
    tier = segment_name(mixed.segment, (rules or read_rules()).labels)
    return tell(words, "clusters", values, direction="neutral", tier=tier)
