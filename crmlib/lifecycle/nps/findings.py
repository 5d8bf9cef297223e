"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from typing import Any

from crmlib.answers import SMALL_BASE
from crmlib.calendar import Period
from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.nps.figures import apart_most, driver_name, group_name, theme_name
from crmlib.lifecycle.nps.themes import OTHER
from crmlib.statistics import bonferroni, newcombe, wilson
from crmlib.words import Words, agreeing, digits_apart, number, percent, place

words = Words(__file__)

_DIRECTIONS: dict[str, Direction] = {"reached": "good", "missed": "bad"}
_ONLY = {"reached": "only reached", "missed": "only missed"}
FEWEST_COMMENTS_OF_DETRACTORS = 20


def finding_score(
    answered: Any, *, weighted: Any = None, target: float | None = None, days: int = 365
) -> Finding | None:
    """The score as answered, and whether its target is reached beyond chance; None without answers.

    ``answered``: a frame of one row from :func:`scores`, without weights: what the scorecard shows, too; ``weighted``:
    the same with weights, where it can be had. Where the two do not lead to the same verdict, the finding says so, and
    is neither good nor bad news. ``target`` in points; answers of the last ``days``.
    """
    if answered.empty:
        return None
    score = answered.iloc[0]
    verdict = _against(target, score)
    values = {**score, **told_shares(score), "target": target, "days": days}
    counted, said = "plain", verdict
    if weighted is not None and len(weighted) and weighted.nps.iloc[0] != score.nps:
        other = weighted.iloc[0]
        values |= {"weighted": other.nps, "weighted_low": other.nps_low, "weighted_high": other.nps_high}
        counted = "weighted"
        if _against(target, other) != verdict:
            side = "lower" if other.nps < score.nps else "higher"
            said = _ONLY.get(verdict, side)
    agreed = said == verdict
    direction = _DIRECTIONS.get(verdict, "neutral") if agreed and not score.small_base else "neutral"
    return tell(
        words, "score", values, direction=direction, headline=said, evidence=counted, certainty=counted,
        action=verdict if agreed else "silent", plays=("ask_for_referral",) if direction == "good" else (),
    )  # fmt: skip


def told_shares(score: Any) -> dict[str, str]:
    """The shares of promoters and detractors in words; their difference is the score as it is printed."""
    (up, down), _ = agreeing([100 * score.promoters, -100 * score.detractors], score.nps)
    return {"promoters": percent(up / 100), "detractors": percent(-down / 100)}


def _against(target: float | None, score: Any) -> str:
    if target is None:
        return "none"
    return "reached" if score.nps_low >= target else "missed" if score.nps_high < target else "within"


def finding_trend(trend: Any, drift: Any, *, period: Period = "quarter") -> Finding | None:
    """Whether the score has changed beyond chance; None with fewer than two periods that have answers.

    ``trend`` and ``drift``: frames from the measures of these names.
    """
    known = trend[trend.answers > 0]
    if len(known) < 2:
        return None
    first, last = known.iloc[0], known.iloc[-1]
    values = {
        "periods": len(known), "fewest": known.answers.min(), "most": known.answers.max(),
        "lowest": known.nps.min(), "highest": known.nps.max(),
        "first": place(first.period, period), "last": place(last.period, period),
        "least": round(max(1.0, (last.limit_high - last.limit_low) / 2)),
    }  # fmt: skip
    signals = known[known.signal != "none"]
    if len(signals):
        signal = signals.iloc[-1]
        ends = [signal[name] for name in ("nps", "limit_low", "limit_high")]
        worded = [number(end, digits=digits_apart(*ends)) for end in ends]
        values |= {**signal, **dict(zip(("nps", "limit_low", "limit_high"), worded, strict=True))}
        values["period"] = place(signal.period, period)
        direction: Direction = "good" if "above" in signal.signal else "bad"
        return tell(
            words, "trend", values, direction=direction, headline=signal.signal, evidence="signal", certainty="limits",
            action="signal",
        )  # fmt: skip
    clear = drift[(drift.points_low > 0) | (drift.points_high < 0)]
    if len(clear):
        line = clear.iloc[0]
        rises = line.points_a_year > 0
        return tell(
            words, "trend", {**line, "points": round(abs(line.points_a_year))}, direction="good" if rises else "bad",
            headline="rises" if rises else "falls", evidence="drift", certainty="drift", action="drift",
        )  # fmt: skip
    return tell(
        words,
        "trend",
        values,
        direction="neutral",
        headline="noise",
        evidence="noise",
        certainty="limits",
        action="noise",
    )


def finding_groups(groups: Any) -> Finding | None:
    """The group that scores worst beyond chance, else the best, else that none differs; None without groups.

    ``groups``: a frame from :func:`groups`.
    """
    judged = groups[~groups.small_base.astype(bool)]
    if len(judged) < 2:
        return None
    counts = {"judged": len(judged), "small": len(groups) - len(judged), "least": SMALL_BASE}
    side, found = apart_most(groups)
    if found is None:
        return tell(words, "groups", counts, direction="neutral", headline="alike", evidence="alike", action="alike")
    name = group_name(found.dimension, found.group)
    values = {**found, **told_shares(found), **counts, "group": name, "start": name[:1].upper() + name[1:]}
    return tell(
        words, "groups", values, direction="bad" if side == "below" else "good", headline=side, evidence="apart",
        action=side, plays=("close_the_loop",) if side == "below" else ("ask_for_referral",),
    )  # fmt: skip


def finding_non_response(non_response: Any, response_rates: Any, *, answers: int = 0) -> Finding | None:
    """How much the silence of those asked distorts the score, or that it cannot be known; None without answers.

    ``non_response`` and ``response_rates``: frames from the measures of these names; ``answers``: how many there are.
    """
    if len(non_response) < 2 or not len(response_rates):
        if not answers:
            return None
        return tell(
            words, "non_response", {"answers": answers}, direction="neutral", headline="unknown", evidence="unknown",
            certainty="unknown", action="unknown", sure="counted", owner="data", when="quarter",
        )  # fmt: skip
    raw, weighted, last = (non_response.iloc[n] for n in (0, 1, -1))
    values = {**weighted, **response_rates.iloc[0][["asked", "response_rate"]], "raw": raw.nps}
    values |= {"odds": last.odds, "last": last.nps}
    gap = raw.nps - weighted.nps
    said = "flatters" if gap >= 1 else "harder" if gap <= -1 else "same"
    return tell(
        words, "non_response", values, direction="bad" if said == "flatters" else "neutral", headline=said,
        evidence="known", certainty="known", action="known",
    )  # fmt: skip


def finding_driver(drivers: Any) -> Finding | None:
    """The driver with the largest gain from one point more; None where there are too few answers with ratings.

    ``drivers``: a frame from :func:`drivers`.
    """
    gaining = drivers[drivers.nps_gain_low > 0] if len(drivers) else drivers
    if gaining.empty or drivers.nps_gain.idxmax() not in gaining.index:
        return None
    first = drivers.loc[drivers.nps_gain.idxmax()]
    plays = ("service_recovery",) if first.driver in ("service", "wait") else ()
    return tell(
        words, "driver", first, name=driver_name(first.driver), direction="neutral", plays=plays, sure="hint",
        owner="customer_experience", when="quarter",
    )  # fmt: skip


def finding_theme(themes: Any, *, labels: Any = None) -> Finding | None:
    """What detractors write about more often than the others beyond chance, or that there is no such theme.

    The commonest of those themes, else of all; None with fewer than 20 comments of detractors or of others.

    ``themes``: a frame from :func:`themes`; ``labels``: the names that a client's own list gives its themes.
    """
    named = themes[(themes.theme != OTHER) & (themes.detractor_comments > 0)]
    if named.empty:
        return None
    base = round(named.detractor_comments.iloc[0] / named.detractor_share.iloc[0])
    others = round(named.answers.iloc[0] / named.share.iloc[0]) - base
    if min(base, others) < FEWEST_COMMENTS_OF_DETRACTORS:
        return None
    count, other = named.detractor_comments, named.answers - named.detractor_comments
    more, _ = newcombe(count, base, other, others, level=bonferroni(len(named)))
    told = named[more > 0] if (more > 0).any() else named
    first = told.loc[told.detractor_comments.idxmax()]
    low, high = wilson(int(first.detractor_comments), base)
    values = {**first, "theme": theme_name(first.theme, labels), "base": base, "others": others}
    values |= {"low": float(low), "high": float(high), "other_share": other[first.name] / others}
    if not (more > 0).any():
        return tell(words, "theme", values, direction="neutral", headline="alike", evidence="alike", action="alike")
    return tell(
        words,
        "theme",
        values,
        direction="bad",
        headline="more",
        evidence="more",
        action="more",
        plays=("close_the_loop",),
    )


def finding_detractors(people: Any, detractor_revenue: Any = None, *, labels: Any = None) -> Finding | None:
    """The detractors to call, with what they spent and why each is called; None without any.

    ``people``: a frame from :func:`to_call`; ``detractor_revenue``: from the measure of this name, for how much of
    sales comes from detractors, which is no loss; ``labels``: the names that a client's own list gives its themes.
    """
    if people.empty:
        return None
    reasons = []
    for row in people.itertuples(index=False):
        said = "about" if row.themes else "wrote" if row.wrote else "rated"
        about = [theme_name(theme, labels) for theme in row.themes]
        reasons.append(words.say(f"reasons.{said}", score=row.score, at=row.answered_at, themes=about))
    known = detractor_revenue is not None and len(detractor_revenue)
    values = dict(detractor_revenue.iloc[0]) if known else {}
    values |= {"customers": len(people), "spent": people.value.sum(), "wrote": people.wrote.sum()}
    return tell(
        words, "detractors", values, direction="bad", evidence="wrote" if values["wrote"] else "silent",
        certainty="projected" if known else "counted", sure="counted", owner="customer_experience", when="week",
        plays=("close_the_loop",), customers=people[["customer_id", "value"]].assign(reason=reasons),
    )  # fmt: skip


def finding_later_revenue(shortfall: Any, *, detractors: float, days: int = 180) -> Finding | None:
    """What detractors spend less than others who had bought as much; None on a small base.

    ``shortfall``: a frame from :func:`shortfall` for the same ``days``; ``detractors``: how many of the active
    customers are detractors (their weighted share times the customers), for the money in a year.
    """
    if shortfall.empty:
        return None
    found = shortfall.iloc[0]
    yearly = detractors * 365 / days
    said = "less" if found.shortfall_low > 0 else "more" if found.shortfall_high < 0 else "same"
    values = {**found, "days": days, "gap": -found.shortfall}
    values |= {"gap_low": -found.shortfall_high, "gap_high": -found.shortfall_low}
    values |= {f"sales{end}": found[f"shortfall{end}"] * yearly for end in ("", "_low", "_high")}
    less = said == "less"
    return tell(
        words, "later_revenue", values, direction="bad" if less else "neutral", headline=said, action=said,
        money="sales" if less else "", kind="sales" if less else "", plays=("close_the_loop",) if less else (),
    )  # fmt: skip
