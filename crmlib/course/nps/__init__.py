"""The exercises of chapter 08, net promoter score. Scores are in points; one decimal is enough."""

from __future__ import annotations

from typing import Any

from crmlib.course.exercise import Practice, ratio

practice = Practice(__file__)
POINTS = 0.05
"""An answer that is rounded to one decimal is right."""


@practice.number(within=POINTS)
def score(answers: Any) -> Any:
    """The net promoter score of all answers."""
    given = answers.score.astype(float)
    promoters, detractors = (given >= 9).mean(), (given <= 6).mean()
    return 100 * (promoters - detractors), {
        "mean": given.mean(),
        "promoters": 100 * promoters,
        "from_seven": 100 * ((given >= 7).mean() - detractors),
        "without_six": 100 * (promoters - (given < 6).mean()),
        "without_passives": 100 * ratio(promoters - detractors, promoters + detractors),
        "turned": 100 * (detractors - promoters),
    }


@practice.number(within=POINTS)
def interval(few: Any) -> Any:
    """The lower end of the 95% adjusted Wald interval of a few independent answers."""
    promoters, detractors, count = (few.score >= 9).sum(), (few.score <= 6).sum(), len(few)

    def middle_and_half(added: float) -> tuple[float, float]:
        p, d = (promoters + added / 4) / (count + added), (detractors + added / 4) / (count + added)
        return 100 * (p - d), 196 * ((p + d - (p - d) ** 2) / (count + added)) ** 0.5

    middle, half = middle_and_half(3)
    plain, plain_half = middle_and_half(0)
    return middle - half, {
        "plain": plain - plain_half,
        "upper": middle + half,
        "half": half,
        "middle": middle,
        "one_error": middle - half / 1.96,
        "middle_of_plain": plain - half,
    }


@practice.table(on="channel", within=POINTS)
def groups(answers: Any) -> Any:
    """The scores by channel, groups with fewer than 30 customers left out."""
    from crmlib.lifecycle import nps

    each = nps.scores(answers, by=["channel"])
    shown = each.loc[~each.small_base.astype(bool), ["channel", "nps"]]
    by = answers.assign(promoter=answers.score >= 9).groupby("channel")
    return shown, {
        "small": each[["channel", "nps"]],
        "mean": shown.assign(nps=by.score.mean().loc[shown.channel].to_numpy()),
        "promoters": shown.assign(nps=100 * by.promoter.mean().loc[shown.channel].to_numpy()),
    }


@practice.choice()
def signal(trend: Any) -> Any:
    """Whether the last change of the score is more than chance explains."""
    last = trend[trend.change.notna()].iloc[-1]
    if last.change_low <= 0 <= last.change_high:
        return "no", {"holds_zero": "yes"}
    return "yes", {"beside_zero": "no"}


@practice.number(within=POINTS)
def weighted(answers: Any) -> Any:
    """The score of answers with a weight."""
    given, weight = answers.score.astype(float), answers.weight.astype(float)
    net = (given >= 9).astype(float) - (given <= 6).astype(float)
    return 100 * ratio((net * weight).sum(), weight.sum()), {
        "unweighted": 100 * net.mean(),
        "by_answers": 100 * (net * weight).mean(),
        "divided": 100 * ratio((net / weight).sum(), (1 / weight).sum()),
        "mean": ratio((given * weight).sum(), weight.sum()),
    }


@practice.choice(options=lambda drivers: drivers.driver, prefix="item_")
def driver(drivers: Any) -> Any:
    """The driver of which one point more goes with the largest gain of the score."""
    by = drivers.set_index("driver")
    return by.nps_gain.astype(float).idxmax(), {
        "lowest": by.mean_rating.astype(float).idxmin(),
        "last": by.nps_gain.astype(float).idxmin(),
    }


@practice.number(within=POINTS)
def later(each: Any) -> Any:
    """By how much promoters spend more than detractors after they have answered."""
    of = {
        name: (part.revenue_after.astype(float), part.revenue_before.astype(float))
        for name, part in each.groupby("category")
    }
    (after, before), (other, other_before) = of["promoter"], of["detractor"]
    return after.mean() - other.mean(), {
        "turned": other.mean() - after.mean(),
        "before": before.mean() - other_before.mean(),
        "sums": after.sum() - other.sum(),
        "buyers": after[after > 0].mean() - other[other > 0].mean(),
        "medians": after.median() - other.median(),
    }
