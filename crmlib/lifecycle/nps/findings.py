"""What the chapter concludes: sentences with computed numbers, money where it can be had, and how sure they
are."""

from __future__ import annotations

from typing import Any, Literal

from crmlib import text
from crmlib.answers import SMALL_BASE
from crmlib.calendar import Period
from crmlib.finding import Finding
from crmlib.lifecycle.nps.themes import OTHER
from crmlib.lifecycle.nps.wording import dimension_name, driver_name, group_name, period_name, points, times
from crmlib.statistics import wilson

Direction = Literal["good", "bad", "neutral"]


def finding_score(
    scores: Any, *, target: float | None = None, as_answered: Any = None, days: int = 365
) -> Finding | None:
    """The score, and whether its target is reached beyond chance; None without answers.

    ``scores``: a frame of one row from :func:`scores`, weighted where that can be done, and then
    ``as_answered``, the same without weights: the sentence tells both. ``target`` in points; answers of the
    last ``days``.
    """
    if not len(scores):
        return None
    score = scores.iloc[0]
    low, high = points(score.nps_low), points(score.nps_high)
    direction: Direction = "neutral"
    certainty = text.say(
        "95% interval: {low} to {high} points (customers who answered: {customers}). There is no target to "
        "compare it with.",
        low=low,
        high=high,
        customers=int(score.customers),
    )
    action = text.say("Set a target for the score, and judge it by the interval rather than by the number alone.")
    if target is not None:
        values = {"low": low, "high": high, "customers": int(score.customers), "target": points(target)}
        if score.nps_low >= target:
            direction = "good"
            certainty = text.say(
                "95% interval: {low} to {high} points (customers who answered: {customers}). The target of "
                "{target} is reached.",
                **values,
            )
            action = text.say("Keep what promoters praise, and ask them to recommend us.")
        elif score.nps_high < target:
            direction = "bad"
            certainty = text.say(
                "95% interval: {low} to {high} points (customers who answered: {customers}). The target of "
                "{target} is missed.",
                **values,
            )
            action = text.say("Start with the driver that matters most, and with the detractors who spend most.")
        else:
            certainty = text.say(
                "95% interval: {low} to {high} points (customers who answered: {customers}). The target of "
                "{target} lies within it: too close to tell whether it is reached.",
                **values,
            )
            action = text.say("Ask more customers before anyone is rewarded or blamed for this score.")
    small = bool(score.small_base)
    shares = {
        "nps": points(score.nps),
        "promoters": text.percent(score.promoters),
        "detractors": text.percent(score.detractors),
        "passives": text.percent(score.passives),
    }
    if as_answered is None or not len(as_answered):
        sentence = text.say(
            "The net promoter score is {nps}: {promoters} would recommend us, {detractors} are detractors (0–6), "
            "{passives} undecided (7–8).",
            **shares,
        )
    else:
        raw = as_answered.iloc[0]
        sentence = text.say(
            "The net promoter score of the last {days} days is {raw} as answered, {nps} weighted for those who kept "
            "silent: {promoters} would recommend us, {detractors} are detractors (0–6), {passives} undecided (7–8).",
            days=days,
            raw=points(raw.nps),
            **shares,
        )
        certainty = text.say(
            "{weighted} The interval and the shares are weighted; as answered, which is how the scorecard counts, the "
            "interval is {low} to {high}.",
            weighted=certainty,
            low=points(raw.nps_low),
            high=points(raw.nps_high),
        )
        if target is not None and raw.nps_low < target <= raw.nps_high and direction != "neutral":
            close = text.say("It contains the target: without the weights it would be too close to tell.")
            certainty = " ".join((certainty, close))
    return Finding(
        "nps.score",
        sentence,
        "neutral" if small else direction,
        certainty=certainty,
        action=action,
        plays=("ask_for_referral",) if direction == "good" and not small else (),
    )


def finding_trend(trend: Any, drift: Any, *, period: Period = "quarter") -> Finding | None:
    """Whether the score has changed beyond chance; None with fewer than two periods that have answers.

    ``trend`` and ``drift``: frames from the measures of these names.
    """
    known = trend[trend.answers > 0]
    if len(known) < 2:
        return None
    names = {row.period: period_name(row.period.date(), period) for row in known.itertuples(index=False)}
    signals = known[known.signal != "none"]
    certainty = text.say(
        "Periods: {count}, with {fewest} to {most} answers each; limits at three standard errors for the base of each.",
        fewest=int(known.answers.min()),
        most=int(known.answers.max()),
        count=len(known),
    )
    if len(signals):
        last = signals.iloc[-1]
        values = {
            "period": names[last.period],
            "nps": points(last.nps),
            "low": points(last.limit_low),
            "high": points(last.limit_high),
            "centre": points(last.centre),
        }
        sentences = {
            "above": text.say(
                "In {period} the score was {nps}, above what chance explains ({low} to {high}).", **values
            ),
            "below": text.say(
                "In {period} the score was {nps}, below what chance explains ({low} to {high}).", **values
            ),
            "run above": text.say(
                "Up to {period} the score has stayed above its mean of {centre} for eight periods.", **values
            ),
            "run below": text.say(
                "Up to {period} the score has stayed below its mean of {centre} for eight periods.", **values
            ),
        }
        return Finding(
            "nps.trend",
            sentences[last.signal],
            "good" if "above" in last.signal else "bad",
            certainty=certainty,
            action=text.say("Look for what changed in that period: shops, staff, prices, products, or whom we asked."),
        )
    if len(drift) and (drift.points_low.iloc[0] > 0 or drift.points_high.iloc[0] < 0):
        line = drift.iloc[0]
        values = {
            "points": points(abs(line.points_a_year)),
            "low": points(line.points_low, digits=1),
            "high": points(line.points_high, digits=1),
        }
        return Finding(
            "nps.trend",
            text.say("The score rises steadily, by {points} points a year.", **values)
            if line.points_a_year > 0
            else text.say("The score falls steadily, by {points} points a year.", **values),
            "good" if line.points_a_year > 0 else "bad",
            certainty=text.say(
                "95% interval of the yearly change: {low} to {high} points; no single period leaves its limits.",
                **values,
            ),
            action=text.say(
                "Look for what has been changing slowly: the mix of customers, waiting times, prices, expectations."
            ),
        )
    last = known.iloc[-1]
    return Finding(
        "nps.trend",
        text.say(
            "From {first} to {last} the score moved between {low} and {high}, by no more than chance explains.",
            first=names[known.period.iloc[0]],
            last=names[known.period.iloc[-1]],
            low=points(known.nps.min()),
            high=points(known.nps.max()),
        ),
        "neutral",
        certainty=certainty,
        action=text.say(
            "Explain or reward no single move; with this many answers a change of less than {points} points "
            "in a period cannot be told from chance.",
            points=points(max(1.0, float(last.limit_high - last.limit_low) / 2)),
        ),
    )


def finding_groups(groups: Any) -> Finding | None:
    """The group that scores worst beyond chance, else the best, else that none differs; None without groups.

    ``groups``: a frame from :func:`groups`.
    """
    judged = groups[~groups.small_base.astype(bool)]
    if len(judged) < 2:
        return None
    below, above = judged[judged.differs == "below"], judged[judged.differs == "above"]
    certainty = text.say(
        "Groups compared at once: {count}, and the comparison allows for that; groups not judged, with "
        "fewer than {least} customers: {small}.",
        count=len(judged),
        small=int(len(groups) - len(judged)),
        least=SMALL_BASE,
    )
    if not len(below) and not len(above):
        return Finding(
            "nps.groups",
            text.say(
                "None of {count} groups of customers scores differently from the rest beyond chance.",
                count=len(judged),
            ),
            "neutral",
            certainty=certainty,
            action=text.say("Do not rank shops, channels or people by these scores."),
        )
    group = below.loc[below.nps.idxmin()] if len(below) else above.loc[above.nps.idxmax()]
    values = {
        "group": group_name(group.dimension, group.group),
        "dimension": dimension_name(group.dimension),
        "nps": points(group.nps),
        "low": points(group.nps_low),
        "high": points(group.nps_high),
        "share": text.percent(group.detractors),
    }
    if len(below):
        return Finding(
            "nps.groups",
            text.say(
                "Customers of {group} ({dimension}) score lowest beyond chance: {nps} points ({low} to "
                "{high}), {share} are detractors.",
                **values,
            ),
            "bad",
            certainty=certainty,
            action=text.say(
                "Read what detractors of {group} write, and mend their first reason before anything else.",
                **values,
            ),
            plays=("close_the_loop",),
        )
    return Finding(
        "nps.groups",
        text.say(
            "Customers of {group} ({dimension}) score highest beyond chance: {nps} points ({low} to {high}).",
            **values,
        ),
        "good",
        certainty=certainty,
        action=text.say("Find out what is done differently for {group}, and try it elsewhere.", **values),
        plays=("ask_for_referral",),
    )


def finding_non_response(non_response: Any, response_rates: Any, *, answers: int = 0) -> Finding | None:
    """How much the silence of those asked distorts the score, or that it cannot be known; None without answers.

    ``non_response`` and ``response_rates``: frames from the measures of these names; ``answers``: how many
    there are.
    """
    if len(non_response) < 2 or not len(response_rates):
        if not answers:
            return None
        return Finding(
            "nps.non_response",
            text.say("It cannot be said whom the score speaks for: too few requests are on record."),
            "neutral",
            certainty=text.say(
                "Known are those who answered ({answers}). How many kept silent, and who they are, is not; "
                "the interval of the score does not cover that.",
                answers=answers,
            ),
            action=text.say("From the next survey on, record everybody who is asked, as a contact of the customer."),
        )
    raw, weighted, last = non_response.iloc[0], non_response.iloc[1], non_response.iloc[-1]
    everybody = response_rates.iloc[0]
    gap = float(raw.nps - weighted.nps)
    values = {"raw": points(raw.nps), "weighted": points(weighted.nps)}
    if gap >= 1:
        sentence = text.say(
            "Those who answer flatter us: the score is {raw} as answered, {weighted} weighted for all who were asked.",
            **values,
        )
    elif gap <= -1:
        sentence = text.say(
            "Those who answer are harder on us: the score is {raw} as answered, {weighted} weighted for all "
            "who were asked.",
            **values,
        )
    else:
        sentence = text.say(
            "Weighting for all who were asked hardly moves the score: {raw} as answered, {weighted} weighted.",
            **values,
        )
    return Finding(
        "nps.non_response",
        sentence,
        "bad" if gap >= 1 else "neutral",
        certainty=text.say(
            "{rate} of {asked} requests were answered; weighted interval {low} to {high}. Weights repair "
            "what we know of the silent; if promoters also answer {odds} times as readily as detractors who "
            "look alike, it is {last}.",
            rate=text.percent(everybody.response_rate),
            asked=int(everybody.asked),
            low=points(weighted.nps_low),
            high=points(weighted.nps_high),
            odds=times(last.odds),
            last=points(last.nps),
        ),
        action=text.say(
            "Report the weighted score, and remind a random part of the silent: their answers show what weights cannot."
        ),
    )


def finding_driver(drivers: Any) -> Finding | None:
    """The driver to mend first; None where there are too few answers with ratings.

    ``drivers``: a frame from :func:`drivers`. First is the driver with the largest gain from one point more.
    """
    if not len(drivers):
        return None
    first = drivers.loc[drivers.nps_gain.idxmax()]
    if first.nps_gain_low <= 0:
        return None
    name = driver_name(first.driver)
    return Finding(
        "nps.driver",
        text.say(
            "{driver} moves the score most: {share} of what the ratings explain, and one point more in its "
            "rating goes with {gain} points.",
            driver=name,
            share=text.percent(first.importance),
            gain=points(first.nps_gain),
        ),
        "neutral",
        certainty=text.say(
            "95% intervals: {share_low} to {share_high}, {gain_low} to {gain_high} points, from {answers} "
            "answers. Ratings and score come from one questionnaire: this shows where to try, not what a "
            "change will bring.",
            share_low=text.percent(first.importance_low),
            share_high=text.percent(first.importance_high),
            gain_low=points(first.nps_gain_low),
            gain_high=points(first.nps_gain_high),
            answers=int(first.answers),
        ),
        action=text.say(
            "Try an improvement of {driver} in some shops or for a random half of customers, and compare.",
            driver=name,
        ),
        plays=("service_recovery",) if first.driver in ("service", "wait") else (),
    )


def finding_theme(themes: Any) -> Finding | None:
    """What detractors write about most; None with fewer than 20 detractors' comments.

    ``themes``: a frame from :func:`themes`.
    """
    named = themes[(themes.theme != OTHER) & (themes.detractor_comments > 0)]
    if not len(named):
        return None
    first = named.loc[named.detractor_comments.idxmax()]
    base = round(first.detractor_comments / first.detractor_share)
    if base < 20:
        return None
    low, high = wilson(int(first.detractor_comments), base)
    return Finding(
        "nps.theme",
        text.say(
            "{share} of the detractors who write, write about: {theme}.",
            share=text.percent(first.detractor_share),
            theme=str(first.label),
        ),
        "bad",
        certainty=text.say(
            "95% interval {low} to {high}, from {count} comments of detractors; found by keywords, and "
            "those who write are not all who answer.",
            low=text.percent(float(low)),
            high=text.percent(float(high)),
            count=base,
        ),
        action=text.say(
            "Read these comments one by one, answer them, and give the commonest reason an owner and a date."
        ),
        plays=("close_the_loop",),
    )


def finding_detractor_revenue(detractor_revenue: Any) -> Finding | None:
    """The revenue of a year that hangs on detractors; None on a small base or without any.

    ``detractor_revenue``: a frame from :func:`detractor_revenue`.
    """
    if not len(detractor_revenue) or detractor_revenue.detractor_customers.iloc[0] == 0:
        return None
    found = detractor_revenue.iloc[0]
    return Finding(
        "nps.detractor_revenue",
        text.say(
            "An estimated {share} of revenue ({low} to {high}), {money} a year, comes from detractors, who answer "
            "0 to 6.",
            share=text.percent(found.share),
            low=text.percent(found.share_low),
            high=text.percent(found.share_high),
            money=text.money(found.revenue),
        ),
        "bad",
        certainty=text.say(
            "95% interval {low} to {high}, projected from those who answered in the year ({answered}); the "
            "detractors among them ({detractors}) spent {known}.",
            low=text.money(found.revenue_low),
            high=text.money(found.revenue_high),
            answered=int(found.answered),
            detractors=int(found.detractor_customers),
            known=text.money(found.known_revenue),
        ),
        action=text.say(
            "Call the detractors we know by name, those who spend most first, and close each case with a reason."
        ),
        money=float(found.revenue),
        money_low=float(found.revenue_low),
        money_high=float(found.revenue_high),
        plays=("close_the_loop",),
    )


def finding_later_revenue(shortfall: Any, *, detractors: float, days: int = 180) -> Finding | None:
    """What detractors spend less than others who had bought as much; None on a small base.

    ``shortfall``: a frame from :func:`shortfall` for the same ``days``; ``detractors``: how many of the
    active customers are detractors (their weighted share times the customers), for the money in a year.
    """
    if not len(shortfall):
        return None
    found = shortfall.iloc[0]
    yearly = detractors * 365 / days
    certain = found.shortfall_low > 0
    values = {
        "money": text.money(abs(found.shortfall)),
        "days": days,
        "low": text.money(found.shortfall_low),
        "high": text.money(found.shortfall_high),
        "count": int(found.detractor_customers),
        "others": int(found.other_customers),
    }
    certainty = text.say(
        "Others less detractors at equal earlier purchases: 95% interval {low} to {high} per customer, "
        "{count} detractors and {others} others followed for the full time. An association: it does not say "
        "that a better score brings revenue.",
        **values,
    )
    if certain:
        return Finding(
            "nps.later_revenue",
            text.say(
                "Detractors go on to spend {money} less in {days} days than others who had bought as much.",
                **values,
            ),
            "bad",
            certainty=certainty,
            action=text.say("Treat a low score as an early warning: act on it before the next purchase is missed."),
            money=float(found.shortfall * yearly),
            money_low=float(found.shortfall_low * yearly),
            money_high=float(found.shortfall_high * yearly),
            plays=("close_the_loop",),
        )
    if found.shortfall_high < 0:
        return Finding(
            "nps.later_revenue",
            text.say(
                "Detractors go on to spend {money} more in {days} days than others who had bought as much.",
                **values,
            ),
            "neutral",
            certainty=certainty,
            action=text.say(
                "Ask why: heavy buyers see more of what goes wrong. Do not read the score as a forecast of revenue."
            ),
        )
    return Finding(
        "nps.later_revenue",
        text.say(
            "What detractors spend in the {days} days after answering is not shown to differ from others "
            "who had bought as much.",
            **values,
        ),
        "neutral",
        certainty=certainty,
        action=text.say("Use the score to find reasons and people to talk to, not to forecast revenue."),
    )
