"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import as_day, is_whole_year, months_before
from crmlib.engine import same_kind, to_pandas
from crmlib.finding import Finding, tell
from crmlib.lifecycle.segmentation.figures import YOUNG_DAYS, segment_name
from crmlib.lifecycle.segmentation.movement import EARLIER, NEWCOMER, SILENT, silent_by_segment
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.lifecycle.segmentation.summary import NO_CUSTOMER
from crmlib.lifecycle.segmentation.tiers import REACH
from crmlib.statistics import bonferroni, wilson
from crmlib.words import Words, last_span, short, sums

words = Words(__file__)

FEWEST = 30


def finding_sleeping(
    migration: Any,
    summary: Any,
    lines: Any,
    outcomes: Any,
    bound: Any,
    *,
    as_of: Any,
    since: Any = None,
    history_days: int | None = None,
    horizon: float | None = None,
    thresholds: Any = None,
    rules: Rules | None = None,
) -> Finding | None:
    """How many of the customers of an earlier day are silent today, and how many of the silent come back anyway.

    It informs and names no money: what the silent spent is not lost, because some of them come back by themselves. How
    much of it would be missing is told with how sure we are, where whole years before and after can be compared.

    Args:
        migration: from :func:`migration` by tier since the day ``since``; where it is empty, all customers are told of.
        summary: from :func:`segment_summary` by tier.
        lines: from :func:`sleeping_lines`, without the customers under contract.
        outcomes: from :func:`segment_outcomes` by tier since the day ``since``.
        bound: the row of :func:`sleepers_under_contract`, who are named, since they have not left.
        as_of, since: the days at whose end customers are looked at.
        history_days: how many days the orders cover.
        horizon: the days within which customers had to come back for the line of silence to be read from them
            (``horizon_days`` of :func:`purchase_rhythm`).
        thresholds: from :func:`thresholds`, to tell how many came back who had been silent for longer than the line.
        rules: the rules that the tiers follow.

    None where the rules have no line of silence, or fewer than 30 customers were there, or none of them is silent.
    """
    rules = rules or read_rules()
    then = silent_by_segment(migration, rules=rules)
    is_followed = int(then.customers.sum()) >= FEWEST
    known = summary[summary.segment != NO_CUSTOMER].set_index("segment")
    if lines.empty or "sleeping" not in known.index:
        return None
    if is_followed:
        base, asleep = then.customers.sum(), then.silent.sum()
    else:
        base, asleep = known.customers.sum(), known.customers["sleeping"]
    if base < FEWEST or not asleep:
        return None
    under = to_pandas(bound).iloc[0]
    back = outcomes[(outcomes.segment == "sleeping") & (outcomes.customers >= FEWEST)]
    said, at_line = _line(lines, rules, thresholds)
    values = {
        "customers": base, "silent": asleep, "share": asleep / base, "bound": int(under.customers),
        **at_line, "horizon": horizon,
    }  # fmt: skip
    headline, evidence = "now", "now"
    if is_followed:
        best = then.iloc[0]
        values |= {"day": as_day(since), "best": segment_name(best.segment, rules.labels), "best_share": best.share}
        headline = "year" if as_day(since) == months_before(as_of, 12) else "since"
        moved = to_pandas(migration)
        early = int(moved.buyers[moved.before.isin(then.segment) & moved.after.isin(SILENT)].sum())
        values |= {"only_early": early, "none": asleep - early}
        evidence = f"{'beat' if len(back) else 'plain'}.{'split' if 0 < early < asleep else 'whole'}"
    if len(back):
        values |= dict(back.iloc[0][["bought_share", "bought_share_low", "bought_share_high"]])
    if values["bound"]:
        said.append("contract")
    if said[0] != "rule" and horizon is not None and horizon < YOUNG_DAYS:
        said.append("young")
    slept = to_pandas(migration)
    slept = slept[slept.before == "sleeping"][["revenue_before", "revenue_after"]].sum()
    if len(back) and slept.revenue_before > 0 and _are_whole_years(since, as_of, history_days):
        kept = slept.revenue_after / slept.revenue_before
        revenue = float(known.revenue_year["sleeping"]) - float(under.revenue_year)
        if kept < 1:
            said.append("net")
            values |= {"kept": kept, "revenue": revenue, "missing": revenue * (1 - kept)}
    return tell(
        words, "sleeping", values | {"said": [words.say(f"findings.sleeping.line.{one}", values) for one in said]},
        direction="bad", headline=headline, evidence=evidence, action="beat" if len(back) else "plain", sure="counted",
        plays=("win_back",),
    )  # fmt: skip


def _line(lines: Any, rules: Rules, thresholds: Any) -> tuple[list[str], dict[str, Any]]:
    """How sure the line of silence is, how many are beyond it, also with the line at the ends of its interval, and how
    many came back who were: which sentences say it, and their values.

    ``lines``: from :func:`sleeping_lines`.
    """
    at, rule = lines.set_index("line"), rules.thresholds["sleeping_after"]
    values = {"days": at.days["value"], "now": at.customers["value"], "back": rule.quantile}
    found = None if thresholds is None else thresholds.set_index("threshold").loc["sleeping_after"]
    is_raised = found is not None and found.way == "raised"
    said = "moved" if is_raised else "rule"
    if {"low", "high"} <= set(at.index):
        # A later line leaves fewer customers beyond it.
        few, many, early, late = at.customers["high"], at.customers["low"], at.days["low"], at.days["high"]
        values |= {"early": early, "late": late, "few": few, "many": many}
        if early != late:
            said = "raised" if is_raised else "range"
        elif not is_raised:
            said = "same_day"
    if found is None or found.back != found.back:
        return [said], values
    values |= {"passed": found.silent, "returned": found.back, "within": found.horizon_days}
    values |= {"returned_low": found.back_low, "returned_high": found.back_high}
    return [said, "open" if is_raised and found.back > rule.back_at_most else "stay"], values


def _are_whole_years(since: Any, as_of: Any, history_days: int | None = None) -> bool:
    """Whether the twelve months up to ``since`` and those up to ``as_of`` are whole and do not overlap."""
    return since is not None and as_day(since) <= months_before(as_of, 12) and is_whole_year(history_days)


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
        words, "concentration", values, direction="neutral", sure="counted", plays=("core_care",),
        period=last_span(history_days), certainty="range" if at.low == at.low else "bare",
    )  # fmt: skip


def finding_core_lost(migration: Any, *, since: Any, as_of: Any) -> Finding | None:
    """What became of the core, in cash: who stayed in it, left it, rose to it, and came new.

    Customers picked for a good year have, on average, a less good one next, so the core always loses customers and
    always wins others; looked at together, the two cancel where nothing has changed. Newcomers are told apart, and so
    are those who first bought in the data since then but may be older than these: they had no year before. It is bad
    news, and money, only where the yearly revenue of all known customers who were core at either date has fallen by
    more than chance (95 % interval of drawing customers anew).

    None where fewer than 30 were core, or none of them has left it, or the twelve months up to ``since`` overlap with
    those up to ``as_of``: the same money would be in both.
    """
    moved = to_pandas(migration)
    was, is_now, has_come = moved.before == "core", moved.after == "core", moved.before.isin([NEWCOMER, EARLIER])
    is_new = moved.before == NEWCOMER
    parts = {
        "stayed": was & is_now, "left": was & ~is_now, "rose": ~was & is_now & ~has_come, "fresh": is_now & is_new,
        "back": is_now & has_come & ~is_new,
    }  # fmt: skip
    values: dict[str, Any] = {name: int(moved.customers[rows].sum()) for name, rows in parts.items()}
    values |= {f"{name}_change": float(moved.change[rows].sum()) for name, rows in parts.items()}
    base, core = values["stayed"] + values["left"], int(moved.customers[is_now].sum())
    if base < FEWEST or not values["left"] or not _are_whole_years(since, as_of):
        return None
    either = moved[(was | is_now) & ~has_come]
    change = float(either.change.sum())
    margin = REACH * float((either.change_error**2).sum()) ** 0.5
    said = "loss" if change + margin < 0 else "gain" if change - margin > 0 else "chance"
    is_loss = said == "loss"
    known_before = [f"{name}_change" for name in ("stayed", "left", "rose")]
    ends = [float(either[f"revenue_{time}"].sum()) for time in ("before", "after")]
    (before, *changes), after, step = sums([ends[0], *(values[name] for name in known_before)], ends[1], fixed=1)
    values |= {name: short(one, sign=True, step=step) for name, one in zip(known_before, changes, strict=True)}
    values |= {
        "base": base, "core": core, "day": as_day(since), "before": short(before, step=step),
        "after": short(after, step=step), "low": change - margin, "high": change + margin,
        "loss": -change, "loss_low": -change - margin, "loss_high": -change + margin,
    }  # fmt: skip
    return tell(
        words, "core_lost", values, direction="bad" if is_loss else "neutral", certainty=said, sure="counted",
        headline="loss" if is_loss else "fresh" if 2 * values["fresh"] > core else "moved",
        evidence="back" if values["back"] else "all",
        action="loss" if is_loss else "kept", money="loss" if is_loss else "", kind="sales" if is_loss else "",
        owner="customer_management" if is_loss else "", when="month" if is_loss else "",
        plays=("core_care",) if is_loss else (),
    )  # fmt: skip


def finding_potential(migration: Any, summary: Any, *, since: Any) -> Finding | None:
    """How many of the potential customers rose to core, and how many fell silent instead.

    It informs and names no money: those who rose are picked by their success, and tell nothing of what an offer would
    bring. ``summary``: from :func:`segment_summary` by tier. None where fewer than 30 customers were potential.
    """
    moved = to_pandas(migration)
    potential = moved[moved.before == "potential"]
    today = summary[summary.segment == "potential"]
    base, rose, asleep = (
        int(potential.customers[rows].sum())
        for rows in (potential.after.notna(), potential.after == "core", potential.after.isin(SILENT))
    )
    if base < FEWEST or today.empty:
        return None
    low, high = wilson(rose, base)
    values = {
        "base": base, "rose": rose, "share": rose / base, "low": low, "high": high, "day": as_day(since),
        "asleep": asleep, "asleep_share": asleep / base, "today": today.customers.iloc[0],
    }  # fmt: skip
    return tell(words, "potential", values, direction="neutral", sure="counted", plays=("next_step",))


def finding_dissatisfied(
    segments: Any, satisfaction: Any, *, history_days: int | None = None, rules: Rules | None = None
) -> Finding | None:
    """The core and potential customers who say that they are dissatisfied, with their list.

    It names no money: what they spent is not what would be lost. ``segments`` from :func:`segments`, ``satisfaction``
    from :func:`satisfaction`. None where fewer than 30 of these customers answered or none of them is dissatisfied.
    ``history_days``: how many days the orders cover.
    """
    labels = (rules or read_rules()).labels
    known = to_pandas(_answers_of_the_best(segments, satisfaction))
    said = known[known.satisfaction.notna()]
    unhappy = said[said.satisfaction == "dissatisfied"]
    if len(said) < FEWEST or unhappy.empty:
        return None
    reasons = [
        words.say(
            "findings.dissatisfied.reason", tier=segment_name(row.tier, labels), kind=row.kind, score=row.score,
            day=as_day(row.answered_on),
        )
        for row in unhappy.itertuples(index=False)
    ]  # fmt: skip
    low, high = wilson(len(unhappy), len(said))
    values = {
        "answered": len(said), "unhappy": len(unhappy), "share": len(unhappy) / len(said), "low": low, "high": high,
        "silent": len(known) - len(said), "revenue": float(unhappy.revenue_year.sum()),
    }  # fmt: skip
    people = unhappy[["customer_id"]].assign(value=unhappy.revenue_year, reason=reasons)
    return tell(
        words, "dissatisfied", values, direction="bad", period=last_span(history_days), sure="counted",
        owner="customer_experience", when="month", plays=("service_recovery",), customers=people,
    )  # fmt: skip


@same_kind
def _answers_of_the_best(segments: Any, satisfaction: Any) -> Any:
    """The core and potential customers with their answer, where they gave one."""
    best = segments.filter(segments.tier.isin(["core", "potential"])).select("customer_id", "tier", "revenue_year")
    answers = satisfaction.select("customer_id", "kind", "score", "answered_on", "satisfaction")
    return best.left_join(answers, "customer_id").drop("customer_id_right").order_by("customer_id")


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
    judged = judged.assign(low=low, high=high).sort_values(["share", "value"], ascending=[False, True])
    best, worst = judged.iloc[0], judged.iloc[-1]
    if not (best.low > best.overall and worst.high < worst.overall):
        return None
    values = {**best, **best.add_prefix("best_"), **worst.add_prefix("worst_"), "values": len(judged)}
    said = "channel" if best.attribute == "channel" else "other"
    return tell(words, "origin", values, direction="neutral", headline=said, evidence=said)
