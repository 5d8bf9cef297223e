"""The pictures and tables of the chapter: each shows one measure's table."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from crmlib import exhibits, pictures
from crmlib.calendar import as_day, is_whole_year, months_before
from crmlib.engine import to_pandas
from crmlib.exhibits import Exhibit, Place
from crmlib.lifecycle.segmentation.k_means import STABLE, is_stable
from crmlib.lifecycle.segmentation.movement import EARLIER, NEWCOMER
from crmlib.lifecycle.segmentation.quantiles import DAYS, MONEY
from crmlib.lifecycle.segmentation.rfm import MEASURES
from crmlib.lifecycle.segmentation.rules import By, Comparison, Condition, Rules, read_rules
from crmlib.lifecycle.segmentation.summary import NO_CUSTOMER, stages_of_tier
from crmlib.lifecycle.segmentation.survey_answers import UNDECIDED
from crmlib.lifecycle.segmentation.tiers import values_of
from crmlib.words import UNKNOWN, Words, interval, known, last_span, money, number, percent

words = Words(__file__)

YOUNG_DAYS = 182
"""Where customers can be followed for fewer days, how long they stay away is known too little."""
_SIGNS = {">": "more", ">=": "at_least", "<": "less", "<=": "at_most", "!=": "other", "=": "exactly"}


# Names and numbers in words


def segment_name(segment: str, labels: Mapping[str, str] | None = None) -> str:
    """What a tier or stage is called: as the client's rules say (``rules.labels``), else in the kit's words.

    >>> segment_name("core"), segment_name("stars", {"stars": "Our stars"})
    ('Core', 'Our stars')
    """
    return (labels or {}).get(segment) or words.name("segments", segment)


def amount_in_words(column: str, value: float) -> str:
    """A value of a column as it is said: money, days or a number; ``–`` where it is unknown.

    >>> amount_in_words("revenue_year", 1200.0), amount_in_words("recency_days", 21), amount_in_words("purchases", 2.0)
    ('$1,200', '21 days', '2')
    """
    if not known(value):
        return UNKNOWN
    digits = 0 if float(value).is_integer() else 2
    if column in MONEY:
        return money(value, digits=digits)
    return words.say("axes.days", n=value) if column in DAYS else number(value, digits=digits)


def rule_in_words(when: Condition | Comparison, values: Mapping[str, float]) -> str:
    """A rule's condition as it is read aloud, with the values of the thresholds.

    >>> rule_in_words(read_rules().tiers.rules[0].when, {"sleeping_after": 120.0})
    'silent for more than 120 days'
    """
    if isinstance(when, Comparison):
        value = when.value(values)
        amount = words.say(f"amounts.{_SIGNS[when.sign]}", value=amount_in_words(when.column, value))
        return words.say(f"conditions.{when.column}", amount=amount, n=value)
    if not when.parts:
        return words.say("conditions.otherwise")
    first, *others = (_part_in_words(part, values) for part in when.parts)
    key = "conditions.any" if when.any_of else "conditions.all"
    return functools.reduce(lambda one, other: words.say(key, one=one, other=other), others, first)


def _part_in_words(part: Condition | Comparison, values: Mapping[str, float]) -> str:
    said = rule_in_words(part, values)
    several = isinstance(part, Condition) and len(part.parts) > 1
    return words.say("conditions.several", parts=said) if several else said


def bounds_in_words(measure: str, above: float, up_to: float) -> str:
    """Which values a score stands for: above a value (excluded), up to another (included); either may be missing.

    >>> bounds_in_words("recency", 21, 54), bounds_in_words("frequency", 5, float("nan"))
    ('22 to 54 days ago', '6 or more')
    """
    if not known(above):
        said = "any" if not known(up_to) else "zero" if up_to == 0 else "lowest"
    elif known(up_to):
        said = "single" if measure == "frequency" and up_to == above + 1 else "between"
    else:
        said = "highest"
    form = functools.partial(amount_in_words, MEASURES[measure]) if measure == "monetary" else number
    values = {"above": form(above), "first": number(above + 1) if known(above) else UNKNOWN, "up_to": form(up_to)}
    return words.say("bounds.any" if said == "any" else f"bounds.{measure}.{said}", values)


def _bounds_in_words(cut_points: Any) -> list[str]:
    columns = (cut_points.measure, cut_points.above, cut_points.up_to)
    return list(map(bounds_in_words, *columns))


# Recency, frequency, money


def cut_points_table(cut_points: Any) -> Exhibit:
    """The cut points as they are read aloud, for who reads the notebook.

    ``cut_points``: a frame from :func:`cut_points`.
    """
    shown = cut_points.assign(bounds=_bounds_in_words(cut_points))
    columns = ["measure", "score", "bounds", "collapsed"]
    together = int(cut_points.collapsed.sum())
    return exhibits.table(
        words, "cut_points", shown, columns=columns, place="notebook", scores=len(cut_points),
        reading="collapsed" if together else "apart", together=together,
    )  # fmt: skip


def plot_rfm_grid(grid: Any, cut_points: Any, *, history_days: int | None = None) -> Exhibit:
    """Customers and revenue by recency (rows) and frequency (columns); the fuller a field, the more revenue.

    ``grid`` from :func:`rfm_grid`, ``cut_points`` from :func:`cut_points`. ``history_days``: how many days the orders
    cover, where that may be less than a year.
    """
    grid = to_pandas(grid)
    if grid.empty:
        return exhibits.nothing(words, "rfm_grid")
    rows = cut_points[cut_points.measure == "recency"].sort_values("score", ascending=False, kind="stable")
    columns = cut_points[cut_points.measure == "frequency"].sort_values("score", kind="stable")
    drawn = grid.assign(
        share=grid.share.astype(float).fillna(0.0),
        people=grid.customers.map(number),
        amount=grid.revenue_year.map(money),
    )
    period = last_span(history_days)
    picture = pictures.heat_map(
        drawn, row="r_score", column="f_score", value="share", rows=_scores_in_words(rows),
        columns=_scores_in_words(columns), heading="people", text="amount", row_label=words.say("axes.recency"),
        column_label=words.say("axes.frequency", period=period),
    )  # fmt: skip
    best = drawn.sort_values(["share", "customers"], ascending=False).iloc[0]
    is_collapsed = (rows.collapsed > 0).any() or (columns.collapsed > 0).any()
    return exhibits.figure(
        words, "rfm_grid", grid, picture, best, reading="collapsed" if is_collapsed else "apart", period=period,
        cells=len(grid), total=grid.customers.sum(),
    )  # fmt: skip


def _scores_in_words(rows: Any) -> dict[int, str]:
    said = zip(rows.score, _bounds_in_words(rows), strict=True)
    return {score: words.say("axes.score", score=score, bounds=bounds) for score, bounds in said}


# Tiers and stages


def thresholds_table(thresholds: Any, *, rules: Rules | None = None) -> Exhibit:
    """What the rules' thresholds come to for this client, and how, for who reads the notebook.

    ``thresholds``: a frame from :func:`thresholds` with the same ``rules``.
    """
    rules = rules or read_rules()
    rows = [
        (row, functools.partial(amount_in_words, _column_of(row.threshold, rules)))
        for row in thresholds.itertuples(index=False)
    ]
    shown = thresholds.assign(
        value=[form(row.value) for row, form in rows],
        range=[interval(row.low, row.high, form) if known(row.low) else UNKNOWN for row, form in rows],
        how=[_way_in_words(row, rules) for row, _ in rows],
    )
    columns = ["threshold", "value", "range", "how"]
    return exhibits.table(words, "thresholds", shown, columns=columns, place="notebook", kept=thresholds)


def _column_of(name: str, rules: Rules) -> str:
    """The column whose unit a threshold's value has: its own, or that of the threshold of which it is a multiple."""
    of = rules.thresholds[name].of
    return _column_of(of, rules) if of in rules.thresholds else of


def _way_in_words(row: Any, rules: Rules) -> str:
    threshold = rules.thresholds[row.threshold]
    values = {**row._asdict(), "share": threshold.quantile, "times": threshold.times, "base": threshold.of}
    way = "young" if row.way == "rhythm" and row.horizon_days < YOUNG_DAYS else row.way
    if way == "raised":
        values["most"] = threshold.back_at_most
        way = "open" if row.back > values["most"] else way
    return words.say(f"ways.{way}", values)


def tiers_table(
    summary: Any,
    thresholds: Any,
    segments: Any,
    bound: Any,
    *,
    rules: Rules | None = None,
    history_days: int | None = None,
) -> Exhibit:
    """The value tiers in the order in which their rules are tried, with customers and revenue.

    ``summary`` from :func:`segment_summary`, ``thresholds`` from :func:`thresholds`, ``segments`` from
    :func:`segments`: the reading says which lifecycle stages the tier ``sleeping`` holds. Where all revenue belongs to
    somebody known, the row of those unknown is left out. ``history_days`` (from :func:`history_days`): how many days
    the orders cover, where that may be less than a year. ``bound``: the row of :func:`sleepers_under_contract`, whom
    the reading names.
    """
    rules = rules or read_rules()
    if not summary.customers.fillna(0).sum():
        return exhibits.nothing(words, "tiers", of="tables")
    kept = summary[(summary.segment != NO_CUSTOMER) | (summary.revenue_year.abs() >= 0.005)]
    stages = to_pandas(stages_of_tier(segments))
    count = int(to_pandas(bound).customers.iloc[0])
    held = [
        words.say("axes.with_count", name=segment_name(stage, rules.labels), n=people)
        for stage, people in zip(stages.stage, stages.customers, strict=True)
    ]
    reading = "bound" if count else "asleep" if len(stages) else "awake"
    columns = [
        "tried", "segment", "rule", "customers", "share", "revenue_year", "revenue_share", "revenue_share_low",
        "revenue_share_high", "revenue_per_customer",
    ]  # fmt: skip
    return _ruled_table(
        "tiers", kept, thresholds, rules, "tier", columns, summary.iloc[0],
        reading=reading if is_whole_year(history_days) else "young", period=last_span(history_days), days=history_days,
        first=segment_name(summary.segment.iloc[0], rules.labels), sleeping=segment_name("sleeping", rules.labels),
        bound=count, stages=held,
    )  # fmt: skip


def stages_table(
    summary: Any,
    thresholds: Any,
    outcomes: Any,
    *,
    since: Any = None,
    rules: Rules | None = None,
    history_days: int | None = None,
) -> Exhibit:
    """The lifecycle stages in the order in which their rules are tried, and how many of each have bought since.

    ``summary`` from :func:`segment_summary` by stage, ``thresholds`` from :func:`thresholds`, ``outcomes`` from
    :func:`segment_outcomes` by stage since the day ``since``, for those who were in the stage then.
    ``history_days``: how many days the orders cover, where that may be less than a year.
    """
    rules = rules or read_rules()
    if not summary.customers.sum():
        return exhibits.nothing(words, "stages", of="tables")
    largest = summary[summary.customers == summary.customers.max()]
    names = [segment_name(segment, rules.labels) for segment in largest.segment]
    values = {"largest": names, "n": len(names), "share": largest.share.iloc[0], "period": last_span(history_days)}
    columns = ["tried", "segment", "rule", "customers", "share", "revenue_year", "revenue_share"]
    tested = outcomes[outcomes.segment != "prospect"].sort_values("bought_share", ascending=False, kind="stable")
    if len(tested):
        bought = ["bought_share", "bought_share_low", "bought_share_high"]
        columns, summary = columns + bought, summary.merge(outcomes[["segment", *bought]], on="segment", how="left")
        values |= {
            "best": segment_name(tested.segment.iloc[0], rules.labels), "most": tested.bought_share.iloc[0],
            "worst": segment_name(tested.segment.iloc[-1], rules.labels), "least": tested.bought_share.iloc[-1],
            "day": as_day(since),
        }  # fmt: skip
    reading = "tested" if tested.bought_share.nunique() > 1 else "alone"
    return _ruled_table("stages", summary, thresholds, rules, "stage", columns, values, reading=reading)


def _ruled_table(
    name: str, summary: Any, thresholds: Any, rules: Rules, by: By, columns: list[str], values: Any, **more: Any
) -> Exhibit:
    """A table of segments with their rules: shown in the order in which these are tried, kept in that of the file."""
    lines = values_of(thresholds)
    ruling = {rule.name: (place, rule.when) for place, rule in enumerate(rules.ruling(by).rules, 1)}
    found = [ruling.get(segment, (None, None)) for segment in summary.segment]
    kept = summary.assign(tried=[place for place, _ in found], rule=[when and str(when) for _, when in found])
    shown = kept.assign(
        segment=[segment_name(segment, rules.labels) for segment in kept.segment],
        rule=[when and rule_in_words(when, lines) for _, when in found],
    )
    shown = shown.sort_values("tried", kind="stable")
    return exhibits.table(words, name, shown, values, columns=columns, kept=kept[columns], **more)


# Concentration and movement


def plot_pareto(
    curve: Any, concentration: Any, abc: Any, *, top: float = 0.2, history_days: int | None = None
) -> Exhibit:
    """The share of revenue by share of customers, best first, with the top share and the ABC classes.

    ``curve`` from :func:`pareto_curve`, ``concentration`` from :func:`concentration`, ``abc`` from :func:`abc_classes`;
    ``history_days``: how many days the orders cover, where that may be less than a year.
    """
    if curve.empty:
        return exhibits.nothing(words, "pareto")
    at, best = concentration.set_index("measure").loc["top_share"], abc.iloc[0]
    spans = [
        pictures.Span(end - share, end, str(name))
        for name, share, end in zip(abc.segment, abc.share, abc.share.cumsum(), strict=True)
        if share > 0
    ]
    said = words.say("axes.best", top=top, share=at.value)
    has_range = bool(at.low == at.low)
    ends = {"low": at.low, "high": at.high} if has_range else {}
    picture = pictures.curves(
        curve, x="share", series=[pictures.Series("revenue_share")], spans=spans,
        points=[pictures.Point(top, at.value, said, **ends)], diagonal=words.say("axes.alike"),
        x_label=words.say("axes.customers", period=last_span(history_days)), y_label=words.say("axes.revenue"),
        x_form=percent, y_form=percent, x_limits=(0, 1), y_limits=(0, 1.02),
    )  # fmt: skip
    values = {**at[["low", "high"]], "share": at.value, "top": top, "name": str(best.segment)}
    return exhibits.figure(
        words, "pareto", curve, picture, values, few=best.share, most=best.revenue_share,
        reading="range" if has_range else "bare",
    )  # fmt: skip


def plot_migration(migration: Any, *, since: Any, by: By = "tier", rules: Rules | None = None) -> Exhibit:
    """Where the customers of the earlier date are now. Rows add up to all customers of a segment then.

    ``migration``: from :func:`migration`; ``since``: its earlier date.
    """
    rules, moved = rules or read_rules(), to_pandas(migration)
    then = moved[~moved.before.isin([NEWCOMER, EARLIER])]
    if then.empty:
        return exhibits.nothing(words, "migration")
    shown = rules.ruling(by).shown
    names = {segment: segment_name(segment, rules.labels) for segment in (*shown, EARLIER, NEWCOMER)}
    rows = {segment: name for segment, name in names.items() if segment in set(moved.before)}
    columns = {segment: names[segment] for segment in shown if segment in set(moved.after)}
    sizes = moved.groupby("before").customers.sum()
    drawn = moved.assign(part=moved.share.map(percent), people=moved.customers.map(number))
    picture = pictures.heat_map(
        drawn, row="before", column="after", value="share", rows=rows, columns=columns, heading="part", text="people",
        margin={segment: number(size) for segment, size in sizes.items()}, margin_label=words.say("axes.then"),
        row_label=words.say("axes.on_day", day=as_day(since)), column_label=words.say("axes.now"),
    )  # fmt: skip
    stayed, total = then[then.before == then.after], then.customers.sum()
    same = stayed.customers.sum()
    return exhibits.figure(
        words, "migration", moved, picture, reading="all" if same == total else "moved", day=as_day(since),
        total=total, stayed=same, share=same / total, rows=len(rows), columns=len(columns),
        listed=[words.say("axes.with_share", name=names[row.before], share=row.share) for row in stayed.itertuples()],
    )  # fmt: skip


def plot_asleep_by_tier(silent: Any, *, since: Any, as_of: Any, rules: Rules | None = None) -> Exhibit:
    """What share of each tier of the earlier day is silent today.

    ``silent`` from :func:`silent_by_segment`, ``since`` its earlier day, ``as_of`` today.
    """
    rules = rules or read_rules()
    is_a_year = since is not None and as_day(since) == months_before(as_of, 12)
    then = words.say("axes.a_year_ago") if is_a_year or since is None else words.say("axes.that_day", day=as_day(since))
    if silent.empty or not silent.silent.sum():
        return exhibits.nothing(words, "asleep_by_tier", then=then)
    names = [_name_then(segment, rules.labels) for segment in silent.segment]
    labels = [words.say("axes.with_count", name=name, n=n) for name, n in zip(names, silent.customers, strict=True)]
    shares = [
        words.say("axes.with_share", name=name, share=share) for name, share in zip(names, silent.share, strict=True)
    ]
    picture = pictures.bars(
        silent.assign(label=labels), value="share", label="label", form=percent, limits=(0, 1),
        value_label=words.say("axes.silent_today"),
    )  # fmt: skip
    total, asleep = silent.customers.sum(), silent.silent.sum()
    return exhibits.figure(
        words, "asleep_by_tier", silent, picture, place="section", then=then, customers=total, silent=asleep,
        share=asleep / total, listed=shares,
    )  # fmt: skip


def _name_then(segment: str, labels: Mapping[str, str]) -> str:
    """What a segment of the earlier day is called; who was silent then was so already."""
    return words.say("axes.already_silent") if segment == "sleeping" else segment_name(segment, labels)


def counted_table(counted: Any, thresholds: Any) -> Exhibit:
    """The numbers of customers that the report names, and how they add up.

    ``counted`` from :func:`counted`, ``thresholds`` from :func:`thresholds`.
    """
    if not counted.customers.iloc[0]:
        return exhibits.nothing(words, "counted", of="tables")
    days = values_of(thresholds).get("sleeping_after")
    shown = set(counted.group)
    reading = "plain" if days is None or "silent" not in shown else "years" if "bought_both" in shown else "line"
    columns = ["counted", "customers", "part_of", "share"]
    named = counted.rename(columns={"group": "counted"})
    return exhibits.table(words, "counted", named, columns=columns, kept=counted, reading=reading, days=days)


# Groups and needs


def clusters_table(
    beside: Any, stability: Any, *, rules: Rules | None = None, history_days: int | None = None
) -> Exhibit:
    """The groups that the data form by themselves, beside the rules, for who reads the notebook.

    Where the groups are reliable and speak against the rules, the reading names the group with most revenue outside of
    its tier. ``beside`` from :func:`clusters_beside_rules`, ``stability`` from :func:`cluster_stability`.
    """
    rules, tested = rules or read_rules(), stability[stability.clusters == len(beside)]
    if beside.empty or tested.empty:
        return exhibits.nothing(words, "clusters", of="tables")
    shown = beside.assign(segment=[segment_name(segment, rules.labels) for segment in beside.segment])
    kept = beside.drop(columns="rand_index")
    row, agreement = tested.iloc[0], float(beside.rand_index.iloc[0])
    mixed = beside.iloc[int(((1 - beside.segment_share) * beside.revenue_share.fillna(0.0)).to_numpy().argmax())]
    values = {
        **mixed, **row, "agreement": agreement, "mixed_share": mixed.revenue_share,
        "tier": segment_name(mixed.segment, rules.labels),
    }  # fmt: skip
    reading = "unstable" if not is_stable(row) else "apart" if agreement < STABLE else "stable"
    return exhibits.table(
        words, "clusters", shown, values, columns=list(kept.columns), reading=reading, kept=kept,
        period=last_span(history_days), place="notebook",
    )  # fmt: skip


def needs_table(needs: Any) -> Exhibit:
    """How many customers each need leads for, for who reads the notebook.

    ``needs``: from :func:`needs`.
    """
    needs = to_pandas(needs)
    if needs.empty:
        return exhibits.nothing(words, "needs", of="tables")
    counted = needs.need.value_counts().rename_axis("need").rename("customers").reset_index()
    shown = counted.assign(share=counted.customers / counted.customers.sum())
    decided = shown[shown.need != UNDECIDED]
    first = decided[decided.customers == decided.customers.max()]
    return exhibits.table(
        words, "needs", shown, reading={0: "none", 1: "one"}.get(len(first), "tie"), total=len(needs),
        needs=[words.name("needs", need) for need in first.need], share=first.share.max(), place="notebook",
    )  # fmt: skip


def orders_by_name_table(buyers: Any, *, history_days: int | None = None) -> Exhibit:
    """The purchases with and without a customer behind them; it stands open where no order has one.

    ``buyers`` from :func:`orders_by_name`, ``history_days``: how many days the orders cover.
    """
    if buyers.empty:
        return exhibits.nothing(words, "by_name", of="tables")
    columns = ["buyer", "orders", "order_share", "revenue_year", "revenue_share", "order_value"]
    guests = buyers.set_index("buyer").loc["guests"]
    return exhibits.table(
        words, "by_name", buyers[buyers.orders > 0], columns=columns, period=last_span(history_days),
        orders=buyers.orders.sum(), guest_share=guests.revenue_share, place=_open_without_names(buyers),
    )  # fmt: skip


def plot_seasons(seasons: Any, buyers: Any) -> Exhibit:
    """The share of a year's revenue in each of its months; it stands open where no order has a customer.

    ``seasons`` from :func:`seasons`, ``buyers`` from :func:`orders_by_name`.
    """
    if seasons.empty:
        return exhibits.nothing(words, "no_seasons")
    labels = [words.name("months_of_year", str(month)) for month in seasons.month]
    picture = pictures.bars(seasons.assign(label=labels), value="share", label="label", form=percent)
    most, least = (seasons.loc[place] for place in (seasons.share.idxmax(), seasons.share.idxmin()))
    return exhibits.figure(
        words, "seasons", seasons, picture, month=str(int(most.month)), share=most.share,
        weak=str(int(least.month)), weak_share=least.share, place=_open_without_names(buyers),
    )  # fmt: skip


def _open_without_names(buyers: Any) -> Place:
    has_names = buyers.loc[buyers.buyer == "named", "orders"].sum() > 0
    return "fold" if has_names else "section"
