"""The pictures and tables of the chapter: each draws one measure's table."""

from __future__ import annotations

from typing import Any

from crmlib import exhibits, pictures
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.churn.early_warning import RISKS, VALUES
from crmlib.lifecycle.churn.recurring import PARTS
from crmlib.lifecycle.churn.silence import compare_rules
from crmlib.lifecycle.churn.win_back import SMALL_BASE, tested_offer
from crmlib.statistics import wilson
from crmlib.words import Words, agreeing, interval, number, percent, quotation, short, sums

words = Words(__file__)

NEAR = 0.05
"""So far may predicted and observed shares lie apart, on average, in a model that is good enough to plan with."""


def plot_silence(rules: Any, *, days: int) -> Exhibit:
    """False alarms of a fixed number of days and of the own rhythm, by the share of the leavers that is caught.

    ``rules``: from :func:`~crmlib.lifecycle.churn.silence_rules`; ``days``: the line that is compared.
    """
    both = compare_rules(rules, days=days)
    if both.empty or both.flagged.min() < SMALL_BASE:
        return exhibits.nothing(words, "silence")
    shown = rules[rules.flagged >= SMALL_BASE].sort_values(["rule", "caught"], ascending=[True, True])
    shown = shown.assign(name=shown.rule.map(lambda rule: words.name("rules", rule)))
    fixed, own = both.iloc[0], both.iloc[1]
    picture = pictures.curves(
        shown, x="caught", series=[pictures.Series("false_alarms")], by="name",
        points=[pictures.Point(float(fixed.caught), float(fixed.false_alarms), words.say("axes.days", days=days))],
        x_label=words.say("axes.caught"), y_label=words.say("axes.false_alarms"), x_form=percent, y_form=percent,
        x_limits=(0, 1), y_limits=(0, None),
    )  # fmt: skip
    better = own.high < fixed.low
    worse = own.low > fixed.high
    return exhibits.figure(
        words, "silence", rules, picture, reading="better" if better else "worse" if worse else "alike", days=days,
        fixed=fixed.false_alarms, own=own.false_alarms, flagged=fixed.flagged, gaps=own.limit, low=fixed.low,
        high=fixed.high,
    )  # fmt: skip


def plot_return_hazard(hazard: Any) -> Exhibit:
    """The chance to buy within the next days, by how long the customer has been silent.

    ``hazard``: from :func:`~crmlib.lifecycle.churn.return_hazard`.
    """
    known = hazard[hazard.silent >= SMALL_BASE]
    if len(known) < 2:
        return exhibits.nothing(words, "hazard")
    drawn = known.assign(
        label=[words.say("axes.from_to", start=row.from_day, end=row.to_day) for row in known.itertuples()]
    )
    first, last = known.iloc[0], known.iloc[-1]
    picture = pictures.dots(
        drawn, value="share", label="label", low="low", high="high", vertical=True, form=percent,
        value_label=words.say("axes.back_in", days=first.to_day - first.from_day),
        label_label=words.say("axes.silent_days"), limits=(0, None),
    )  # fmt: skip
    return exhibits.figure(
        words, "hazard", hazard, picture, reading="falls" if last.high < first.low else "alike", first=first.share,
        last=last.share, days=first.to_day - first.from_day, silent=last.from_day,
    )  # fmt: skip


def odds_table(odds: Any, *, within: int) -> Exhibit:
    """What goes with buying again, in words: each input with its odds ratio.

    ``odds``: from :func:`~crmlib.lifecycle.churn.odds_ratios` of a model of ``within`` days.
    """
    if odds.empty:
        return exhibits.nothing(words, "odds", of="tables", days=within)
    shown = odds.assign(
        input=[words.name("inputs", name) for name in odds.input],
        range=[interval(row.low, row.high, times_of) for row in odds.itertuples()],
        effect=[words.name("effects", _side(row)) for row in odds.itertuples()],
    )
    most = odds.iloc[0]
    return exhibits.table(
        words, "odds", shown, columns=["input", "odds_ratio", "range", "effect"], kept=odds, days=within,
        most=words.name("inputs", most.input), ratio=most.odds_ratio,
    )  # fmt: skip


def times_of(value: float) -> str:
    """A ratio in words, with two digits.

    >>> times_of(0.5)
    '0.50'
    """
    return number(value, digits=2)


def _side(row: Any) -> str:
    return "more" if row.low > 1 else "less" if row.high < 1 else "open"


def models_table(judged: Any, *, within: int) -> Exhibit:
    """How well each model told who would not buy: ranks, errors, and what the riskiest tenth did.

    ``judged``: the first answer of :func:`~crmlib.lifecycle.churn.judge`.
    """
    if judged.empty:
        return exhibits.nothing(words, "models", of="tables", days=within)
    at = judged.set_index("model")
    shown = judged.assign(
        model=[words.name("models", name) for name in judged.model],
        auc_range=[interval(row.low, row.high, times_of) for row in judged.itertuples()],
    )
    picked, alone = judged[judged.picked].iloc[0], at.loc["silence alone"]
    said = "better" if picked.gain_low > 0 else "alike"
    return exhibits.table(
        words, "models", shown, columns=["model", "auc", "auc_range", "brier", "lift", "expected", "observed"],
        kept=judged, reading=said, days=within, customers=picked.customers, name=words.name("models", picked.model),
        auc=times_of(picked.auc), alone=times_of(alone.auc),
    )  # fmt: skip


def plot_calibration(groups: Any, *, within: int) -> Exhibit:
    """Whether it came as the model had said: expected and observed shares that left, by groups of risk.

    ``groups``: from :func:`~crmlib.lifecycle.churn.calibration`.
    """
    if groups.empty:
        return exhibits.nothing(words, "calibration", days=within)
    picture = pictures.curves(
        groups, x="expected", series=[pictures.Series("observed", "", "main", "low", "high", kind="dots")],
        diagonal=words.say("axes.as_said"), x_label=words.say("axes.expected"), y_label=words.say("axes.observed"),
        x_form=percent, y_form=percent, x_limits=(0, 1), y_limits=(0, 1),
    )  # fmt: skip
    held = ((groups.low <= groups.expected) & (groups.expected <= groups.high)).sum()
    missed, last = (groups.expected - groups.observed).abs().mean(), groups.iloc[-1]
    reading = "holds" if held >= 0.8 * len(groups) else "near" if missed <= NEAR else "misses"
    return exhibits.figure(
        words, "calibration", groups, picture, reading=reading, days=within, missed=100 * missed,
        held=held, groups=len(groups), expected=last.expected, observed=last.observed,
    )  # fmt: skip


def plot_gain(gains: Any, *, cost: float, saved: float, success: float) -> Exhibit:
    """What it would bring to contact everybody above a risk, by the risk.

    ``gains``: from :func:`~crmlib.lifecycle.churn.gain_by_threshold` of the same cost, value and success.
    """
    if gains.empty or not saved > 0 or not success > 0:
        return exhibits.nothing(words, "gain")
    best = gains.loc[gains.gain.idxmax()]
    picture = pictures.curves(
        gains, x="threshold", series=[pictures.Series("gain", "", "main")], markers=True,
        x_label=words.say("axes.threshold"), y_label=words.say("axes.gain"), x_form=percent, y_form=short,
        points=[pictures.Point(float(best.threshold), float(best.gain), words.say("axes.best"))],
    )  # fmt: skip
    return exhibits.figure(
        words, "gain", gains, picture, place="notebook", reading="pays" if best.gain > 0 else "never",
        cost=cost, saved=saved, success=success, threshold=best.threshold, break_even=cost / (saved * success),
        contacted=best.contacted, gain=best.gain,
    )  # fmt: skip


def plot_reasons(reasons: Any, *, within: int) -> Exhibit:
    """By how many points each sign goes with not buying again, among customers who are alike in all else.

    ``reasons``: from :func:`~crmlib.lifecycle.churn.reasons`.
    """
    if reasons.empty:
        return exhibits.nothing(words, "reasons", days=within)
    drawn = reasons.assign(
        label=[
            words.say("axes.counted", name=words.name("inputs", row.reason), n=row.customers)
            for row in reasons.itertuples()
        ],
        tone=["bad" if row.low > 0 else "good" if row.high < 0 else "muted" for row in reasons.itertuples()],
        **{name: 100 * reasons[name] for name in ("difference", "low", "high")},
    )
    picture = pictures.dots(
        drawn, value="difference", label="label", low="low", high="high", tone="tone", reference=0.0, form=number,
        value_label=words.say("axes.points_left"),
    )  # fmt: skip
    first, sure = reasons.iloc[0], reasons[reasons.low > 0]
    hides = first.low > 0 and first.share_left <= first.others_left
    return exhibits.figure(
        words, "reasons", reasons, picture, first,
        reading="none" if sure.empty else "hidden" if hides else "sure",
        name=words.name("inputs", first.reason), points=100 * first.difference, points_low=100 * first.low,
        points_high=100 * first.high, days=within, signs=len(reasons),
    )  # fmt: skip


def plot_complaints(slow: Any, *, within: int, sla_hours: float = 24) -> Exhibit:
    """Who buys again after a complaint: quick answers beside slow ones, by where the customer had bought.

    ``slow``: from :func:`~crmlib.lifecycle.churn.slow_complaints`.
    """
    if slow.empty:
        return exhibits.nothing(
            words, "complaints", message=words.say("figures.complaints.message.nothing"), least=SMALL_BASE
        )
    drawn = slow.assign(
        label=[words.say(f"axes.place.{row.place}", quick=row.quick, slow=row.slow) for row in slow.itertuples()]
    )
    for name in ("quick", "slow"):
        ends = wilson(slow[f"{name}_again"] * slow[name], slow[name].astype(float))
        drawn[f"{name}_low"], drawn[f"{name}_high"] = ends
    picture = pictures.pairs(
        drawn, label="label",
        series=[
            pictures.Series("quick_again", words.say("axes.quick", hours=sla_hours), "good", "quick_low", "quick_high"),
            pictures.Series("slow_again", words.say("axes.slow", hours=sla_hours), "bad", "slow_low", "slow_high"),
        ],
        form=percent, value_label=words.say("axes.bought_within", days=within),
    )  # fmt: skip
    first, sure = slow.iloc[0], slow[slow.high < 0]
    row = sure.iloc[0] if len(sure) else first
    message = words.say(
        f"figures.complaints.message.{'less' if len(sure) else 'alike'}", where=words.name("places", row.place)
    )
    others = slow[slow.place != row.place]
    reading = "alike" if sure.empty else "less_there" if len(others) else "less"
    other = others.iloc[0] if len(others) else row
    return exhibits.figure(
        words, "complaints", slow, picture, message=message, reading=reading, days=within,
        where=words.name("places", row.place), quick=row.quick_again, slow=row.slow_again, hours=sla_hours,
        elsewhere=words.name("places", other.place), other_quick=other.quick_again, other_slow=other.slow_again,
    )  # fmt: skip


def cox_table(cox: Any) -> Exhibit:
    """What changes the daily chance to come back: hazard ratios, and whether each is the same early and late.

    ``cox``: from :func:`~crmlib.lifecycle.churn.cox_model`.
    """
    if cox.empty:
        return exhibits.nothing(words, "cox", of="tables")
    shown = cox.assign(
        place=[words.name("places", place) for place in cox.place],
        term=[words.name("terms", term) for term in cox.term],
        range=[interval(row.low, row.high, times_of) for row in cox.itertuples()],
        proportional=[p_value(p) for p in cox.proportional_p],
    )
    slow = cox[cox.term == "slow"]
    reading = "none" if slow.empty else "slow"
    row = cox.iloc[0] if slow.empty else slow.loc[slow.hazard_ratio.idxmin()]
    return exhibits.table(
        words, "cox", shown, columns=["place", "term", "hazard_ratio", "range", "silences", "proportional"], kept=cox,
        reading=reading, where=words.name("places", row.place), ratio=times_of(row.hazard_ratio),
        range=interval(row.low, row.high, times_of),
    )  # fmt: skip


def p_value(p: float) -> str:
    """A probability as it stands in a table.

    >>> p_value(0.0234), p_value(1e-9)
    ('0.023', '< 0.001')
    """
    return number(p, digits=3) if p >= 0.001 else "< 0.001"


def play_name(play: str, *, of: str = "plays") -> str:
    """What a play is called in a sentence: by its words, or as the client calls it.

    >>> play_name("win_back_friend_half_price"), play_name("spring_mailing")
    ('half-price offer', '“spring mailing”')
    """
    if play in words.names(of):
        return words.name(of, play)
    return words.say("axes.play", name=quotation(play.replace("_", " "), length=24))


def tested_offer_table(effects: Any) -> Exhibit:
    """The test of an offer in two rows: who bought again, and what was left of it.

    ``effects``: from :func:`~crmlib.lifecycle.experiments.play_effect`.
    """
    import pandas as pd

    row = tested_offer(effects)
    if row is None:
        return exhibits.nothing(words, "tested_offer", of="tables", test=words.say("axes.by_lot"))
    told = told_effect(row)
    points = {"difference": told["points"], "low": told["points_low"], "high": told["points_high"]}
    shown = pd.DataFrame(
        [
            (words.say("axes.bought_again"), told["treated_rate"], told["control_rate"],
             words.say("axes.points", points)),
            (words.say("axes.profit_each"), told["treated_profit"], told["control_profit"],
             words.say("axes.gained", told)),
        ],
        columns=["outcome", "treated", "control", "difference"],
    )  # fmt: skip
    tested = effects[effects.drawn & (effects[["treated", "control"]].min(axis=1) >= SMALL_BASE)]
    others = [
        words.say("axes.other_test", told_effect(other), name=play_name(other.play))
        for _, other in tested[tested.play != row.play].iterrows()
    ]
    return exhibits.table(
        words, "tested_offer", shown, row, kept=effects, test=play_name(row.play, of="tests"), others=others,
        reading="others" if others else "alone",
    )  # fmt: skip


def told_effect(row: Any) -> dict[str, str]:
    """The effect of a tested offer in words: rates, profits and their differences, which agree as they are printed.

    ``row``: of :func:`~crmlib.lifecycle.experiments.play_effect`. Differences of rates are ``points``.
    """
    rates, digits = agreeing([row.treated_rate, -row.control_rate], row.effect, digits=2, most=3)
    ends = {"points_low": row.low, "points_high": row.high}
    profits, profit, step = sums([row.treated_profit, -row.control_profit], row.profit)
    gains = {"profit": profit, "profit_low": row.profit_low, "profit_high": row.profit_high}
    plus = "+" if sum(rates) > 0 else ""
    return {
        "treated_rate": percent(rates[0], digits=digits - 2), "control_rate": percent(-rates[1], digits=digits - 2),
        "treated_profit": short(profits[0], step=step), "control_profit": short(-profits[1], step=step),
        "points": plus + number(100 * sum(rates), digits=digits - 2),
        **{name: number(100 * share, digits=digits - 2) for name, share in ends.items()},
        **{name: short(amount, sign=True, step=step) for name, amount in gains.items()},
    }  # fmt: skip


def plot_effect_by_risk(effects: Any) -> Exhibit:
    """Whom the tested offer changed: its effect in each third of the risk.

    ``effects``: from :func:`~crmlib.lifecycle.churn.effect_by_risk`.
    """
    if effects.empty:
        return exhibits.nothing(words, "effect_by_risk")
    drawn = effects.assign(
        label=[
            words.say("axes.risk_third", third=words.name("thirds", row.risk_group), n=row.treated + row.control)
            for row in effects.itertuples()
        ],
        tone=["good" if row.low > 0 else "muted" for row in effects.itertuples()],
        **{name: 100 * effects[name] for name in ("effect", "low", "high")},
    )
    picture = pictures.dots(
        drawn, value="effect", label="label", low="low", high="high", tone="tone", reference=0.0, form=number,
        value_label=words.say("axes.points_more"),
    )  # fmt: skip
    best = effects.loc[effects.effect.idxmax()]
    apart = effects.low.max() > effects.high.min()
    pays = (effects.profit_low > 0).any()
    return exhibits.figure(
        words, "effect_by_risk", effects, picture, 
        reading=f"{'apart' if apart else 'alike'}.{'pays' if pays else 'no'}",
        best=words.name("thirds", best.risk_group), effect=100 * best.effect, low=100 * best.low, high=100 * best.high,
        play=play_name(best.play),
    )  # fmt: skip


def win_back_table(rates: Any, *, within: int, silent_after: int) -> Exhibit:
    """Who came back after a long silence, without help and with an offer, and what they brought.

    ``rates``: from :func:`~crmlib.lifecycle.churn.win_back_rates`, by ``known`` or not.
    """
    if rates.empty:
        return exhibits.nothing(words, "win_back", of="tables", days=silent_after)
    shown = rates.assign(
        helped=[words.name("helped", name) for name in rates.helped.map({True: "yes", False: "no"}).fillna("unknown")],
        range=[interval(row.low, row.high, percent) for row in rates.itertuples()],
        value_range=[
            interval(row.value_low, row.value_high, short) if row.valued >= SMALL_BASE else "–"
            for row in rates.itertuples()
        ],
    )
    columns, name = ["helped", "silent", "came_back", "rate", "range", "value", "value_range"], "win_back"
    if "known" in rates:
        shown["known"] = [words.name("known", known) for known in rates.known.fillna("unknown")]
        columns, name = ["helped", "known", *columns[1:5]], "win_back_known"
    shown["value"] = shown.value.where(rates.valued >= SMALL_BASE)
    return exhibits.table(words, name, shown, columns=columns, kept=rates, days=silent_after, within=within)


def plot_risk_by_value(groups: Any) -> Exhibit:
    """How many customers there are of each risk and value.

    ``groups``: from :func:`~crmlib.lifecycle.churn.risk_by_value`.
    """
    if groups.empty:
        return exhibits.nothing(words, "risk_by_value")
    drawn = groups.assign(
        text=[words.say("axes.field", n=row.customers, warned=row.warned) for row in groups.itertuples()]
    )
    picture = pictures.heat_map(
        drawn, row="value_group", column="risk_group", value="customers",
        rows={name: words.name("values", name) for name in reversed(VALUES)},
        columns={name: words.name("risks", name) for name in RISKS}, text="text", form=number,
        column_label=words.say("axes.risk"), row_label=words.say("axes.value"),
    )  # fmt: skip
    high = groups[(groups.value_group == "most") & (groups.risk_group != "low")]
    return exhibits.figure(
        words, "risk_by_value", groups, picture, customers=groups.customers.sum(), high=high.customers.sum(),
        warned=groups.warned.sum(), value=high.value.sum(),
    )  # fmt: skip


def plot_movements(movements: Any, *, months: int = 12) -> Exhibit:
    """How monthly recurring revenue came from the start of the last ``months`` to their end, change by change.

    ``movements``: from :func:`~crmlib.lifecycle.churn.recurring_movements`.
    """
    import pandas as pd

    last = movements.tail(months)
    if last.empty or not (last.at_start.iloc[0] > 0 or last.at_end.iloc[-1] > 0):
        return exhibits.nothing(words, "movements")
    peak = last.at_end.idxmax()
    steps = [("start", float(last.at_start.iloc[0]), True)]
    steps += [(part, float(last[part].sum()), False) for part in PARTS if last[part].abs().sum() > 0]
    steps += [("end", float(last.at_end.iloc[-1]), True)]
    drawn = pd.DataFrame(steps, columns=["step", "amount", "total"])
    drawn["label"] = [
        words.say(f"axes.step.{step}", month=last.month.iloc[0 if step == "start" else -1]) for step in drawn.step
    ]
    picture = pictures.bridge(
        drawn,
        value="amount",
        label="label",
        total="total",
        form=short,
        change_form=lambda amount: short(amount, sign=True),
    )
    return exhibits.figure(
        words, "movements", movements, picture, months=len(last), start=steps[0][1], end=steps[-1][1],
        new=float(last.new.sum()), churned=-float(last.churned.sum()), peak=float(last.at_end[peak]),
        peak_on=last.month[peak], new_since=float(last.new[last.month > last.month[peak]].sum()),
        reading="fallen" if last.at_end[peak] > last.at_end.iloc[-1] else "highest",
    )  # fmt: skip
