"""The pictures of the chapter; each draws one measure's table and says what there is to see."""

from __future__ import annotations

from typing import Any

from crmlib import figures, text
from crmlib.calendar import Period
from crmlib.lifecycle.nps.themes import OTHER
from crmlib.lifecycle.nps.wording import (
    assumption_name,
    category_name,
    dimension_name,
    driver_name,
    group_name,
    period_name,
    points,
    times,
)
from crmlib.statistics import bonferroni, standard_errors


def plot_trend(trend: Any, *, period: Period = "quarter") -> Any:
    """Control chart of the score: every period with its interval, the centre line and the limits; answers the
    Axes.

    ``trend``: a frame from :func:`trend` for the same ``period``, with at least one row that has answers.
    """
    import numpy as np

    colours = figures.COLOURS
    axes = figures.new_axes()
    place = np.arange(len(trend))
    known = (trend.answers > 0).to_numpy()
    if trend.centre.notna().any():
        chance = {"color": colours["light"], "linewidth": 0}
        for low, high, at in zip(trend.limit_low[known], trend.limit_high[known], place[known], strict=True):
            axes.fill_between([at - 0.5, at + 0.5], low, high, **chance)
        axes.fill_between([], [], [], label=text.say("Within control limits: chance"), **chance)
        axes.axhline(trend.centre.iloc[0], color=colours["muted"], linewidth=1)
    axes.plot(place[known], trend.nps[known], color=colours["main"], linewidth=1.2, alpha=0.5)
    for row, at in zip(trend[known].itertuples(index=False), place[known], strict=True):
        colour = colours["main"] if row.signal == "none" else colours["bad" if "below" in row.signal else "good"]
        axes.vlines(at, row.nps_low, row.nps_high, color=colour, linewidth=1.5)
        axes.plot(
            at,
            row.nps,
            "o",
            color=colour,
            markersize=8,
            markerfacecolor="white" if row.small_base else colour,
        )
    names = [period_name(day.date(), period) for day in trend.period]
    step = max(1, -(-len(names) // 9))
    axes.set_xticks(
        place[::step],
        [f"{name}\n({count})" for name, count in zip(names, map(text.number, trend.answers), strict=True)][::step],
    )
    axes.set_ylabel(text.say("Net promoter score (points)"))
    axes.set_xlabel(text.say("Period (answers)"))
    if axes.get_legend_handles_labels()[0]:
        axes.set_ylim(top=axes.get_ylim()[1] + 0.1 * (axes.get_ylim()[1] - axes.get_ylim()[0]))
        axes.legend(loc="upper right")
    last = trend[known].iloc[-1]
    signals = [name for name, signal in zip(names, trend.signal, strict=True) if signal != "none"]
    if not trend.centre.notna().any():
        reading = text.say(
            "There are answers from one period only, so nothing can be said about a trend: the score is "
            "{nps} ({low} to {high}).",
            nps=points(last.nps), low=points(last.nps_low), high=points(last.nps_high),
        )  # fmt: skip
    elif signals:
        reading = text.say(
            "The score left its control limits in: {periods}. The other periods differ by no more than "
            "chance explains.",
            periods=", ".join(signals),
        )
    else:
        reading = text.say(
            "No period leaves its control limits: between {low} and {high} points the score moves by chance alone.",
            low=points(float(trend.limit_low[known].max())),
            high=points(float(trend.limit_high[known].min())),
        )
    return figures.caption(
        axes,
        title=text.say("The score over time, and what is noise"),
        reading=reading,
        description=text.say(
            "Control chart of the net promoter score, {first} to {last}: points with 95% intervals from "
            "{low} to {high}, the "
            "range within which chance moves them shaded; open points have fewer than 30 customers.",
            first=names[0],
            last=names[-1],
            low=points(float(trend.nps.min())),
            high=points(float(trend.nps.max())),
        ),
    )


def plot_groups(groups: Any, *, most: int = 12) -> Any:
    """The score of every group with its interval, best first within each dimension; answers the Axes.

    ``groups``: a frame from :func:`groups` with at least one row; of each dimension the ``most`` groups with
    the largest bases.
    """
    colours = figures.COLOURS
    largest = groups.groupby("dimension").customers.rank(ascending=False, method="first") <= most
    shown = groups[largest]
    rows = len(shown) + shown.dimension.nunique()
    axes = figures.new_axes(8.0, min(0.9 + 0.27 * rows, 14.0))
    axes.grid(False)
    axes.grid(True, axis="x")
    widest = groups[groups.dimension == groups.groupby("dimension").answers.sum().idxmax()]
    axes.axvline(float((widest.nps * widest.answers).sum() / widest.answers.sum()), color=colours["muted"], linewidth=1)
    labels, at, bold = [], 0, []
    for dimension, part in shown.groupby("dimension", sort=False):
        labels.append(dimension_name(str(dimension)))
        bold.append(at)
        at += 1
        for row in part.itertuples(index=False):
            colour = {"above": colours["good"], "below": colours["bad"]}.get(row.differs, colours["main"])
            colour = colours["muted"] if row.small_base else colour
            axes.hlines(at, row.nps_low, row.nps_high, color=colour, linewidth=1.5)
            axes.plot(
                row.nps,
                at,
                "o",
                color=colour,
                markersize=6.5,
                markerfacecolor="white" if row.small_base else colour,
            )
            axes.plot(row.nps_shrunk, at, "|", color=colours["ink"], markersize=9)
            labels.append(
                text.say("{group} ({count})", group=group_name(str(dimension), row.group), count=int(row.customers))
            )
            at += 1
    axes.set_yticks(range(at), labels, parse_math=False)
    for place in bold:
        axes.get_yticklabels()[place].set_fontweight("bold")
    axes.set_ylim(at - 0.4, -0.6)
    axes.set_xlabel(text.say("Net promoter score (points)"))
    differing = groups[groups.differs.isin(["above", "below"])]
    first, last = groups.loc[groups.nps.idxmax()], groups.loc[groups.nps.idxmin()]
    names = "; ".join(
        text.say("{group} ({nps})", group=group_name(row.dimension, row.group), nps=points(row.nps))
        for row in differing.itertuples(index=False)
    )
    reading = (
        text.say(
            "Of {count} groups these differ from the rest beyond chance: {names}. The rest cannot be told from "
            "chance with so few answers.",
            count=len(groups),
            names=names,
        )
        if len(differing)
        else text.say(
            "Of {count} groups none differs from the rest beyond chance: with so few answers their order cannot be "
            "told from it.",
            count=len(groups),
        )
    )
    return figures.caption(
        axes,
        title=text.say("Who recommends us, and who does not"),
        reading=reading,
        description=text.say(
            "Dot plot of the net promoter score with 95% intervals by group, number of customers in "
            "brackets, from {best} ({high}) to "
            "{worst} ({low}); coloured where a group differs beyond chance, open where it has fewer than 30 "
            "customers; a tick marks "
            "the estimate after small bases are drawn towards the mean.",
            best=group_name(first.dimension, first.group),
            high=points(first.nps),
            worst=group_name(last.dimension, last.group),
            low=points(last.nps),
        ),
    )


def _beside(low: float, high: float, line: float) -> bool:
    """Whether an interval lies wholly on one side of a line."""
    return high < line or low > line


def _place_words(driver: Any, middle: float) -> str:
    """Whether a driver is rated below or above the mean of all, or that it is not clear."""
    if not _beside(driver.performance_low, driver.performance_high, middle):
        return text.say("Whether that is below or above the mean of all is not clear.")
    if driver.performance < middle:
        return text.say("That is below the mean of all.")
    return text.say("That is above the mean of all.")


def plot_drivers(drivers: Any) -> Any:
    """Importance against performance of every driver, with the quadrant to mend first marked; answers the
    Axes.

    ``drivers``: a frame from :func:`drivers` with at least two rows.
    """
    from matplotlib.ticker import MultipleLocator

    colours = figures.COLOURS
    axes = figures.new_axes(7.2, 4.6)
    middle, usual = float(drivers.performance.mean()), float(drivers.importance.mean())
    axes.axvline(middle, color=colours["muted"], linewidth=1)
    axes.axhline(usual, color=colours["muted"], linewidth=1)
    # Never closer than ten points to either side: small differences should look small.
    left = min(float(drivers.performance_low.min()) - 0.02, middle - 0.1)
    right = max(float(drivers.performance_high.max()) + 0.06, middle + 0.1)
    top = min(1.0, float(drivers.importance_high.max()) * 1.12)
    axes.fill_between([left, middle], usual, top, color=colours["bad"], alpha=0.07, linewidth=0)
    axes.text(left, top, text.say(" Important and weak: mend first"), va="top", color=colours["bad"])
    axes.text(right, top, text.say("Important and strong: keep up "), va="top", ha="right", color=colours["good"])
    for row in drivers.itertuples(index=False):
        clear = _beside(row.performance_low, row.performance_high, middle) and _beside(
            row.importance_low, row.importance_high, usual
        )
        urgent = clear and row.performance < middle and row.importance > usual
        colour = colours["bad"] if urgent else colours["main" if clear else "muted"]
        axes.vlines(row.performance, row.importance_low, row.importance_high, color=colour, linewidth=1.5)
        axes.hlines(row.importance, row.performance_low, row.performance_high, color=colour, linewidth=1.5)
        axes.plot(row.performance, row.importance, "o", color=colour, markersize=8)
        axes.annotate(
            driver_name(row.driver) if clear else text.say("{driver} (not clear)", driver=driver_name(row.driver)),
            (row.performance_high, row.importance),
            xytext=(6, 4),
            textcoords="offset points",
            parse_math=False,
        )
    axes.set_xlim(left, right)
    axes.set_ylim(0, top)
    axes.xaxis.set_major_locator(MultipleLocator(0.05 if right - left < 0.5 else 0.2))
    figures.percent_axis(axes.yaxis)
    figures.percent_axis(axes.xaxis)
    axes.set_xlabel(text.say("Performance: mean rating, from the lowest (0%) to the highest possible (100%)"))
    axes.set_ylabel(text.say("Importance for the score"))
    first = drivers.iloc[0]
    listed = "; ".join(
        text.say("{driver} {share}", driver=driver_name(row.driver), share=text.percent(row.importance))
        for row in drivers.itertuples(index=False)
    )
    return figures.caption(
        axes,
        title=text.say("What drives the score"),
        reading=text.say(
            "{driver} matters most: {share} of what the ratings explain of the score ({low} to {high}), at "
            "a performance of {rating}. {place}",
            driver=driver_name(first.driver),
            share=text.percent(first.importance),
            low=text.percent(first.importance_low),
            high=text.percent(first.importance_high),
            rating=text.percent(first.performance),
            place=_place_words(first, middle),
        ),
        description=text.say(
            "Scatter chart: performance across, importance upwards, both with 95% intervals; important but "
            "weak "
            "drivers stand in the upper "
            "left quadrant; not clear are those whose interval crosses a line. Importance: {listed}.",
            listed=listed,
        ),
    )


def plot_non_response(non_response: Any) -> Any:
    """The score as answered, weighted, and under assumptions on what cannot be seen; answers the Axes.

    ``non_response``: a frame from :func:`non_response` with at least two rows.
    """
    colours = figures.COLOURS
    axes = figures.new_axes(8.0, 1.0 + 0.42 * len(non_response))
    axes.grid(False)
    axes.grid(True, axis="x")
    tones = {"as answered": colours["muted"], "weighted": colours["main"], "odds": colours["second"]}
    for at, row in enumerate(non_response.itertuples(index=False)):
        axes.hlines(at, row.nps_low, row.nps_high, color=tones[row.assumption], linewidth=1.8)
        axes.plot(row.nps, at, "o", color=tones[row.assumption], markersize=8)
    axes.set_yticks(
        range(len(non_response)),
        [assumption_name(r.assumption, r.odds) for r in non_response.itertuples(index=False)],
    )
    axes.set_ylim(len(non_response) - 0.5, -0.5)
    axes.set_xlabel(text.say("Net promoter score (points)"))
    raw, weighted, last = non_response.iloc[0], non_response.iloc[1], non_response.iloc[-1]
    return figures.caption(
        axes,
        title=text.say("What those who kept silent may change"),
        reading=text.say(
            "As answered the score is {raw}; weighted for those who were asked and kept silent it is "
            "{weighted} ({low} to {high}).",
            raw=points(raw.nps),
            weighted=points(weighted.nps),
            low=points(weighted.nps_low),
            high=points(weighted.nps_high),
        ),
        description=text.say(
            "Dot plot with 95% intervals of the score as answered ({raw}), weighted ({weighted}) and under "
            "the assumption that promoters "
            "answer up to {odds} times as readily as detractors who look alike ({last}).",
            raw=points(raw.nps),
            weighted=points(weighted.nps),
            odds=times(last.odds),
            last=points(last.nps),
        ),
    )


def plot_later_revenue(later: Any, *, days: int = 180) -> Any:
    """Revenue after the answer by category, raw and at equal earlier purchases, with intervals; answers the
    Axes.

    ``later``: a frame from :func:`later_by_category` for the same ``days``.
    """
    colours = figures.COLOURS
    axes = figures.new_axes(7.2, 4.0)
    pairs = (
        ("revenue_after", "revenue_low", "revenue_high", -0.1, colours["muted"], text.say("As observed")),
        (
            "adjusted_revenue",
            "adjusted_low",
            "adjusted_high",
            0.1,
            colours["main"],
            text.say("At equal earlier purchases"),
        ),
    )
    for value, low, high, shift, colour, name in pairs:
        known = later[later[low].notna()]
        if not len(known):
            continue
        axes.vlines(known.index + shift, known[low], known[high], color=colour, linewidth=1.8)
        axes.plot(known.index + shift, known[value], "o", color=colour, markersize=8, label=name)
        small = known[known.small_base]
        axes.plot(small.index + shift, small[value], "o", color=colour, markersize=8, markerfacecolor="white")
    names = [
        text.say("{category}\n({count})", category=category_name(row.category), count=int(row.customers))
        for row in later.itertuples(index=False)
    ]
    axes.set_xticks(range(len(later)), names)
    axes.set_xlim(-0.5, len(later) - 0.5)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.18)
    figures.money_axis(axes.yaxis)
    axes.set_ylabel(text.say("Revenue per customer in the {days} days after", days=days))
    axes.legend(loc="upper center", ncol=2)
    first, last = later.iloc[0], later.iloc[-1]
    listed = "; ".join(
        text.say("{category} {money}", category=category_name(row.category), money=text.money(row.revenue_after))
        for row in later.itertuples(index=False)
    )
    if len(later) > 1 and later.adjusted_revenue.notna().all():
        reading = text.say(
            "{first} spend {high} and {last} {low}; at equal earlier purchases it is {adjusted_high} and "
            "{adjusted_low}.",
            first=category_name(first.category),
            high=text.money(first.revenue_after),
            last=category_name(last.category),
            low=text.money(last.revenue_after),
            adjusted_high=text.money(first.adjusted_revenue),
            adjusted_low=text.money(last.adjusted_revenue),
        )
    else:
        reading = text.say(
            "Revenue per customer after the answer: {listed}. The bases are too small to adjust.",
            listed=listed,
        )
    return figures.caption(
        axes,
        title=text.say("What they spend afterwards"),
        reading=reading,
        description=text.say(
            "Dot plot of the revenue per customer in the {days} days after the answer with 95% intervals, "
            "as observed and at equal earlier "
            "purchases: {listed}.",
            days=days,
            listed=listed,
        ),
    )


def _lowest_beyond_chance(themes: Any) -> Any:
    """The theme that scores lowest, if it does so beyond chance; else None.

    Held against all other comments together, with an allowance for having picked the lowest (Bonferroni).
    """
    named = themes[(themes.theme != OTHER) & ~themes.small_base.astype(bool)]
    if len(named) < 2:
        return None
    worst = named.loc[named.nps.idxmin()]
    rest = themes[themes.theme != worst.theme]
    weight = rest.answers / rest.answers.sum()
    z = standard_errors()
    error = (rest.nps_high - rest.nps_low) / (2 * z)
    spread = float(((weight * error) ** 2).sum()) ** 0.5
    own = float(worst.nps_high - worst.nps_low) / (2 * z)
    apart = float((weight * rest.nps).sum()) - float(worst.nps)
    limit = standard_errors(bonferroni(len(named)))
    return worst if apart > limit * (own**2 + spread**2) ** 0.5 else None


def themes_table(themes: Any) -> dict[str, Any]:
    """What ``chapter.show_table`` needs to show the themes: ``table``, ``title`` and ``reading``.

    ``themes``: a frame from :func:`themes` with at least one row.
    """
    named = themes[themes.theme != OTHER]
    reading = text.say("No comment speaks of a theme on the list.")
    if len(named):
        words = {"share": text.percent(named.iloc[0].share), "theme": str(named.iloc[0].label)}
        worst = _lowest_beyond_chance(themes)
        if worst is None:
            reading = text.say(
                "{share} of comments are about {theme}, more than about anything else; no theme's score can be told "
                "from chance to be the lowest. Complaint and praise are quoted as written.",
                **words,
            )
        else:
            reading = text.say(
                "{share} of comments are about {theme}, more than about anything else; the lowest score, beyond "
                "chance, comes with {worst}: {nps} points ({low} to {high}). Complaint and praise are quoted as "
                "written.",
                worst=str(worst.label),
                nps=points(worst.nps),
                low=points(worst.nps_low),
                high=points(worst.nps_high),
                **words,
            )
    columns = ["label", "answers", "share", "nps", "nps_low", "nps_high", "complaint", "praise"]
    return {"table": themes[columns], "title": text.say("What they write about"), "reading": reading}


def bases_table(bases: Any) -> dict[str, Any]:
    """What ``chapter.show_table`` needs to show which analyses lack their base: ``table``, ``title`` and ``reading``.

    ``bases``: a frame from :func:`bases` with at least one row that is not ``enough``.
    """
    return {
        "table": bases[~bases.enough][["analysis", "base", "needed"]],
        "title": text.say("What these answers cannot tell"),
        "reading": text.say("Left out or shown as a small base, because less is on record than the analysis needs."),
    }
