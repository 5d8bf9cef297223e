"""The pictures and tables of the chapter: each draws one measure's table."""

from __future__ import annotations

from typing import Any

from crmlib import exhibits, pictures
from crmlib.calendar import Period
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.nps.themes import OTHER
from crmlib.statistics import bonferroni, standard_errors
from crmlib.words import Words, interval, money, number, percent, place

words = Words(__file__)


def plot_trend(trend: Any, *, period: Period = "quarter") -> Exhibit:
    """Control chart of the score: every period with its interval, the centre line and the limits.

    ``trend``: a frame from :func:`trend` for the same ``period``.
    """
    known = trend[trend.answers > 0]
    if known.empty:
        return exhibits.nothing(words, "trend", message=words.say("figures.trend.message.nothing"))
    names = [place(day, period) for day in trend.period]
    signals = [name for name, signal in zip(names, trend.signal, strict=True) if signal != "none"]
    drawn = trend.assign(
        label=[f"{name}\n({number(count)})" for name, count in zip(names, trend.answers, strict=True)],
        tone=trend.signal.map(lambda s: "main" if s == "none" else "bad" if "below" in s else "good"),
    )
    picture = pictures.control_chart(
        drawn, value="nps", label="label", low="nps_low", high="nps_high", centre="centre", lower="limit_low",
        upper="limit_high", tone="tone", hollow="small_base", limits_label=words.say("axes.chance"), form=number,
        value_label=words.say("axes.points"), label_label=words.say("axes.period"),
    )  # fmt: skip
    values = {
        **known.iloc[-1],
        "periods": signals,
        "limit_low": known.limit_low.max(),
        "limit_high": known.limit_high.min(),
        "first": names[0],
        "last": names[-1],
        "lowest": known.nps.min(),
        "highest": known.nps.max(),
    }
    reading = "alone" if trend.centre.isna().all() else "signals" if signals else "noise"
    message = words.say(f"figures.trend.message.{reading}")
    return exhibits.figure(words, "trend", trend, picture, values, reading=reading, place="section", message=message)


def plot_groups(groups: Any, *, most: int = 15, briefly: bool = False) -> Exhibit:
    """The score of every group with its interval, best first within each dimension.

    ``groups``: a frame from :func:`groups`; of each dimension the ``most`` groups with the largest bases are drawn, and
    those that differ from the rest. Where that is not all of them, the heading says how many are drawn. ``briefly``:
    only the dimension in which a group stands out is drawn (the first where none does), for the report's open section.
    """
    if groups.empty:
        return exhibits.nothing(words, "groups", message=words.say("figures.groups.message.nothing"))
    named = groups.assign(name=list(map(group_name, groups.dimension, groups.group)))
    differing = named.differs.isin(["above", "below"])
    shown = named[differing | (named.groupby("dimension").customers.rank(ascending=False, method="first") <= most)]
    side, found = apart_most(groups)
    if briefly:
        shown = shown[shown.dimension == (groups.iloc[0] if found is None else found).dimension]
    headings = {name: words.name("dimensions", name) for name in shown.dimension}
    for name, all_of_it in named.dimension.value_counts().items():
        if name in headings and (drawn := (shown.dimension == name).sum()) < all_of_it:
            headings[name] = words.say("axes.drawn", name=headings[name], drawn=drawn, all=all_of_it)
    tones = shown.differs.map({"above": "good", "below": "bad"}).fillna("main").mask(shown.small_base, "muted")
    drawn = shown.assign(
        tone=tones,
        label=[words.say("axes.with_count", name=row.name, n=row.customers) for row in shown.itertuples(index=False)],
        heading=shown.dimension.map(headings),
    )
    widest = groups[groups.dimension == groups.groupby("dimension").answers.sum().idxmax()]
    picture = pictures.dots(
        drawn, value="nps", label="label", low="nps_low", high="nps_high", tick="nps_shrunk", group="heading",
        tone="tone", hollow="small_base", reference=float((widest.nps * widest.answers).sum() / widest.answers.sum()),
        reference_label=words.say("axes.all"), form=number, value_label=words.say("axes.points"),
    )  # fmt: skip
    apart = [words.say("axes.with_count", name=row.name, n=row.nps) for row in named[differing].itertuples(index=False)]
    best, worst = shown.loc[shown.nps.idxmax()], shown.loc[shown.nps.idxmin()]
    group = "" if found is None else group_name(found.dimension, found.group)
    message = words.say(f"figures.groups.message.{side if briefly else 'all'}", start=group[:1].upper() + group[1:])
    return exhibits.figure(
        words, "groups", groups, picture, place="section" if briefly else "fold", message=message,
        reading="brief" if briefly else "differ" if apart else "alike", groups=len(groups), names=apart,
        best=best["name"], high=best.nps, worst=worst["name"], low=worst.nps,
    )  # fmt: skip


def apart_most(groups: Any) -> tuple[str, Any]:
    """The group that scores lowest beyond chance, else the highest beyond chance, and on which side it is.

    ``groups``: a frame from :func:`groups`. ``alike`` and None where no group differs.
    """
    for side in ("below", "above"):
        found = groups[groups.differs == side]
        if len(found):
            return side, found.loc[found.nps.idxmin() if side == "below" else found.nps.idxmax()]
    return "alike", None


def group_name(dimension: str, group: str) -> str:
    """What a group is called in a sentence: a channel as the kit's sentences say it.

    >>> group_name("channel", "social"), group_name("store", "S07")
    ('social media', 'S07')
    """
    known = dimension == "channel" and group in words.names("channels")
    return words.name("channels" if known else dimension, group)


def plot_drivers(drivers: Any) -> Exhibit:
    """Importance against performance of every driver, with the quadrant to mend first marked.

    ``drivers``: a frame from :func:`drivers`.
    """
    if drivers.empty:
        return exhibits.nothing(words, "drivers")
    middle, usual = float(drivers.performance.mean()), float(drivers.importance.mean())
    beside = (drivers.performance_high < middle) | (drivers.performance_low > middle)
    clear = beside & ((drivers.importance_high < usual) | (drivers.importance_low > usual))
    urgent = clear & (drivers.performance < middle) & (drivers.importance > usual)
    names = [driver_name(driver) for driver in drivers.driver]
    drawn = drivers.assign(
        tone=clear.map({True: "main", False: "muted"}).mask(urgent, "bad"),
        label=[n if sure else words.say("axes.not_clear", name=n) for n, sure in zip(names, clear, strict=True)],
    )
    # Never closer than ten points to either side: small differences should look small.
    left = min(float(drivers.performance_low.min()) - 0.02, middle - 0.1)
    right = max(float(drivers.performance_high.max()) + 0.06, middle + 0.1)
    picture = pictures.scatter(
        drawn, x="performance", y="importance", label="label", x_low="performance_low", x_high="performance_high",
        y_low="importance_low", y_high="importance_high", tone="tone", x_line=middle, y_line=usual,
        corners={"upper left": (words.say("axes.mend"), "bad"), "upper right": (words.say("axes.keep"), "good")},
        shaded="upper left", x_label=words.say("axes.performance"), y_label=words.say("axes.importance"),
        x_form=percent, y_form=percent, x_limits=(left, right),
        y_limits=(0, min(1.0, float(drivers.importance_high.max()) * 1.12)),
    )  # fmt: skip
    first = drivers.iloc[0]
    reading = "unclear" if not beside.iloc[0] else "below" if first.performance < middle else "above"
    shares = zip(names, drivers.importance, strict=True)
    listed = [words.say("axes.driver_share", name=name, importance=share) for name, share in shares]
    return exhibits.figure(
        words, "drivers", drivers, picture, {**first, "driver": names[0]}, reading=reading, listed=listed
    )


def driver_name(driver: str) -> str:
    """What an item of the questionnaire is called; one that the kit does not know, by its column in words.

    >>> driver_name("wait"), driver_name("functional_ease")
    ('Waiting', 'Functional ease')
    """
    name = words.name("drivers", driver)
    return name if name != driver else words.name("drivers", driver.replace("_", " ").capitalize())


def plot_non_response(non_response: Any) -> Exhibit:
    """The score as answered, weighted, and under assumptions on what cannot be seen.

    ``non_response``: a frame from :func:`non_response`.
    """
    if non_response.empty:
        return exhibits.nothing(words, "non_response")
    drawn = non_response.assign(
        label=[words.say(f"axes.{row.assumption}", odds=row.odds) for row in non_response.itertuples(index=False)],
        tone=non_response.assumption.map({"as answered": "muted", "weighted": "main", "odds": "second"}),
    )
    picture = pictures.dots(
        drawn, value="nps", label="label", low="nps_low", high="nps_high", tone="tone", form=number,
        value_label=words.say("axes.points"),
    )  # fmt: skip
    raw, weighted, last = (non_response.iloc[n] for n in (0, 1, -1))
    values = {**weighted, "raw": raw.nps, "last": last.nps, "most": last.odds}
    return exhibits.figure(words, "non_response", non_response, picture, values)


def plot_later_revenue(later: Any, *, days: int = 180) -> Exhibit:
    """Revenue after the answer by category, raw and at equal earlier purchases, with intervals.

    ``later``: a frame from :func:`later_by_category` for the same ``days``.
    """
    if later.empty:
        return exhibits.nothing(words, "later_revenue")
    names = [words.name("categories", category) for category in later.category]
    counted = zip(names, later.customers, strict=True)
    drawn = later.assign(label=[words.say("axes.with_count", name=name, n=count) for name, count in counted])
    observed, adjusted = words.say("axes.observed"), words.say("axes.adjusted")
    picture = pictures.pairs(
        drawn,
        label="label",
        series=[
            pictures.Series("revenue_after", observed, "muted", "revenue_low", "revenue_high", hollow="small_base"),
            pictures.Series("adjusted_revenue", adjusted, "main", "adjusted_low", "adjusted_high", hollow="small_base"),
        ],
        form=money,
        value_label=words.say("axes.revenue", days=days),
    )
    listed, equal = (
        [words.say("axes.category_money", name=name, money=amount) for name, amount in zip(names, amounts, strict=True)]
        for amounts in (later.revenue_after, later.adjusted_revenue.fillna(0))
    )
    reading = "adjusted" if len(later) > 1 and later.adjusted_revenue.notna().all() else "observed"
    return exhibits.figure(
        words, "later_revenue", later, picture, reading=reading, days=days, listed=listed, equal=equal
    )


def themes_table(themes: Any, *, labels: Any = None) -> Exhibit:
    """What the comments are about, with the score of those who write about it.

    ``themes``: a frame from :func:`themes`; ``labels``: the names that a client's own list gives its themes.
    """
    if themes.empty:
        return exhibits.nothing(words, "themes", of="tables")
    named = themes[themes.theme != OTHER]
    shown = themes.assign(theme=[theme_name(theme, labels) for theme in themes.theme])
    shown["nps_range"] = [interval(row.nps_low, row.nps_high) for row in shown.itertuples(index=False)]
    columns = ["theme", "answers", "share", "nps", "nps_range", "complaint", "praise"]
    if named.empty:
        return exhibits.table(words, "themes", shown, columns=columns, reading="none", kept=themes)
    worst = _lowest_beyond_chance(themes)
    values = {**(named.iloc[0] if worst is None else worst), "share": named.iloc[0].share}
    values["theme"] = theme_name(named.iloc[0].theme, labels)
    values["worst"] = theme_name(worst.theme, labels) if worst is not None else ""
    return exhibits.table(
        words, "themes", shown, values, columns=columns, reading="alike" if worst is None else "worst", kept=themes,
        place="fold" if worst is None else "section",
    )  # fmt: skip


def theme_name(theme: str, labels: Any = None) -> str:
    """What a theme is called: as the client's list says, else in the kit's words.

    >>> theme_name("wait"), theme_name("wait", {"wait": "Queueing"})
    ('Waiting', 'Queueing')
    """
    return (labels or {}).get(theme) or words.name("themes", theme)


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


def bases_table(bases: Any) -> Exhibit:
    """Which analyses lack the base that they need.

    ``bases``: a frame from :func:`bases`.
    """
    lacking = bases[~bases.enough.astype(bool)]
    if lacking.empty:
        return exhibits.nothing(words, "bases", of="tables")
    return exhibits.table(words, "bases", lacking, columns=["analysis", "base", "needed"], place="notebook")
