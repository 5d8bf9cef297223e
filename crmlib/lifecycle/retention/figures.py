"""The pictures and tables of the chapter: each draws one measure's table."""

from __future__ import annotations

from typing import Any

from crmlib import exhibits, pictures
from crmlib.calendar import Period, as_day
from crmlib.engine import to_pandas
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE, Value, pooled_retention
from crmlib.lifecycle.retention.kaplan_meier import median_wait
from crmlib.lifecycle.retention.renewals import Term
from crmlib.lifecycle.retention.second_order import Grouping
from crmlib.words import Words, money, number, percent, place

words = Words(__file__)

_MOST_ROWS, _MOST_CURVES = 24, 7
_JUDGED_DAY = 180


def plot_triangle(cohorts: Any, value: Value = "retention", *, period: Period = "month") -> Exhibit:
    """The triangle of cohorts as a heat map: a row per cohort, a column per age; what is not over stays blank.

    ``cohorts``: a table from :func:`cohorts`, made with this ``period``. At most the latest 24 cohorts are drawn.
    """
    frame = to_pandas(cohorts)
    sizes = frame.drop_duplicates("cohort").set_index("cohort").cohort_customers.sort_index()
    latest = sizes.tail(_MOST_ROWS)
    shown = frame[frame.cohort.isin(latest.index) & (frame.age > (0 if value == "retention" else -1))]
    if 0 < sizes.sum() < SMALL_BASE:
        return exhibits.nothing(words, "cohorts", why="few", least=SMALL_BASE, value=value)
    if shown.empty:
        return exhibits.nothing(words, "cohorts", value=value)
    form = percent if value == "retention" else money if value.startswith("revenue") else number
    ages = sorted(shown.age.unique())
    written = len(ages) <= _MOST_ROWS and period != "week"
    later = shown[shown.age > 0][value] if (shown.age > 0).any() else shown[value]
    picture = pictures.heat_map(
        shown, row="cohort", column="age", value=value, columns={age: str(age) for age in ages},
        rows={day: words.say("axes.counted", name=period_name(day, period), n=n) for day, n in latest.items()},
        form=form if written else None, top=float(later.quantile(0.98)) or 1.0,
        scale_form=None if written else form,
        column_label=words.name("ages", period), row_label=words.say("axes.cohort"), width=9.0,
    )  # fmt: skip
    age = 1 if 1 in ages else ages[0]
    column = shown[shown.age == age].set_index("cohort")[value].astype(float)
    judged = column[sizes[column.index] >= SMALL_BASE]
    known = judged if len(judged) else column
    low, high = form(known.min()), form(known.max())
    reading = "alone" if len(column) == 1 else "small" if judged.empty else "one" if len(judged) == 1 else "between"
    return exhibits.figure(
        words, "cohorts", frame, picture,
        reading="equal" if reading == "between" and low == high else reading,
        value=value, least=SMALL_BASE, age=_age(age, period), low=low, high=high, cohorts=len(latest),
        best=period_name(known.idxmax(), period), worst=period_name(known.idxmin(), period),
        customers=latest.sum(), last=ages[-1],
    )  # fmt: skip


def period_name(first_day: Any, period: Period) -> str:
    """A period in words, by its first day.

    >>> period_name("2025-04-01", "quarter"), period_name("2025-04-01", "year")
    ('2025 Q2', '2025')
    """
    return place(as_day(first_day), "day" if period == "week" else period)


def _age(age: Any, period: Period) -> str:
    return words.say("axes.age", period=period, age=age)


def plot_retention(cohorts: Any, *, period: Period = "month") -> Exhibit:
    """Retention by age: all cohorts together with their interval, and thin behind it each single one.

    ``cohorts``: a table from :func:`cohorts`, made with this ``period``.
    """
    frame = to_pandas(cohorts)
    later = frame[frame.age > 0]
    if 0 < frame.drop_duplicates("cohort").cohort_customers.sum() < SMALL_BASE:
        return exhibits.nothing(words, "retention", why="few", least=SMALL_BASE)
    if later.empty:
        return exhibits.nothing(words, "retention")
    pooled = pooled_retention(later)
    highest = max(float(pooled.high.max()), float(later.retention.quantile(0.95)))
    picture = pictures.curves(
        pooled, x="age", series=[pictures.Series("retention", words.say("axes.all_cohorts"), "main", "low", "high")],
        others=later[later.cohort_customers >= SMALL_BASE], others_by="cohort", markers=True,
        others_label=words.say("axes.single_cohorts"), x_label=words.name("ages", period),
        y_label=words.say("axes.bought"), x_form=number, y_form=percent, y_limits=(0, min(1.0, 1.25 * highest)),
    )  # fmt: skip
    first, judged = pooled.iloc[0], pooled[pooled.cohort_customers >= SMALL_BASE]
    last = judged.iloc[-1] if len(judged) else first
    return exhibits.figure(
        words, "retention", pooled, picture,
        reading="first" if first.age == last.age else "path",
        first=first.retention, first_age=_age(first.age, period), last=last.retention,
        last_age=_age(last.age, period), cohorts=frame.cohort.nunique(),
    )  # fmt: skip


def plot_waiting(curve: Any) -> Exhibit:
    """How long all new customers take to order again, with the median where the curve reaches it.

    ``curve``: a frame from :func:`return_curves` of all customers (``by=None``).
    """
    if len(curve) < 2:
        return exhibits.nothing(words, "waiting")
    median = median_wait(curve)
    picture = pictures.curves(
        curve, x="day", series=[pictures.Series("share", "", "main", "low", "high")], steps=True,
        references=[pictures.Reference(0.5, words.say("axes.half"))], x_label=words.say("axes.days"),
        y_label=words.say("axes.again"), x_form=number, y_form=percent,
        y_limits=(0, min(1.0, max(0.55, 1.1 * float(curve.high.max())))),
    )  # fmt: skip
    last = curve.iloc[-1]
    return exhibits.figure(
        words, "waiting", curve, picture, last, reading="open" if median is None else "median", median=median,
        place="notebook",
    )  # fmt: skip


def plot_return_curves(curves: Any, *, test: Any = None, by: Grouping | None = None) -> Exhibit:
    """Share who have ordered again, by days since the first order and by group; at most seven groups, the largest.

    ``curves``: a frame from :func:`return_curves` by group; ``test``: its :func:`log_rank`; ``by``: what the groups
    are.
    """
    drawn = curves[curves.day > 0]
    if drawn.empty:
        return exhibits.nothing(words, "second_order")
    sizes = curves[curves.day == 0].set_index("group").at_risk.sort_values(ascending=False, kind="stable")
    largest = [group for group in sizes.index if (drawn.group == group).any()][:_MOST_CURVES]
    end = int(drawn[drawn.group.isin(largest)].groupby("group").day.max().median())
    day = min(_JUDGED_DAY, end)
    reached = curves[curves.day <= day].groupby("group").share.last()
    groups = sorted(largest, key=lambda group: -reached[group])
    shown = curves[curves.group.isin(groups) & (curves.day <= end)].set_index("group").loc[groups].reset_index()
    labels = {group: words.say("axes.counted", name=group_name(group, by), n=sizes[group]) for group in groups}
    picture = pictures.curves(
        shown.assign(label=shown.group.map(labels)), x="day", by="label", steps=True,
        series=[pictures.Series("share", low="low", high="high")], x_label=words.say("axes.days"),
        y_label=words.say("axes.again"), x_form=number, y_form=percent,
        y_limits=(0, min(1.0, 1.1 * float(shown.high.max()))),
    )  # fmt: skip
    p = float(test.p.iloc[0]) if test is not None and len(test) else None
    tested = "untested" if p is None else "hardly" if p < 0.001 else "rarely" if p < 0.05 else "chance"
    alone = "one" if len(sizes) > 1 else "alone"
    return exhibits.figure(
        words, "second_order", curves, picture,
        reading=tested if len(groups) > 1 else alone,
        day=day, by=by or "amount", p=p, groups=len(groups), best=group_name(groups[0], by), high=reached[groups[0]],
        worst=group_name(groups[-1], by), low=reached[groups[-1]],
    )  # fmt: skip


def group_name(group: Any, by: str | None = None) -> str:
    """What a group of customers is called: a channel as sentences say it, a range of amounts in money.

    >>> group_name("social", "channel"), group_name("≤15"), group_name("15–32"), group_name(">32")
    ('social media', 'first order up to $15', 'first order $15 to $32', 'first order over $32')
    """
    if by == "channel" and group in words.names("channels"):
        return words.name("channels", group)
    low, between, high = str(group).partition("–")
    try:
        bounds = [float(part) for part in ((low, high) if between else (low.lstrip("≤>"),))]
    except ValueError:
        return words.name("groups", group)
    said = "between" if between else "up_to" if low.startswith("≤") else "over"
    digits = 0 if bounds[-1] >= 10 else 2
    return words.say(f"axes.amount.{said}", low=money(bounds[0], digits=digits), high=money(bounds[-1], digits=digits))


def plot_repeat_rate(rates: Any, newer: Any = None, *, within: int = 90, period: Period = "quarter") -> Exhibit:
    """Repeat-purchase rate by cohort with intervals; cohorts that cannot be followed long enough stay empty.

    ``rates``: a frame from :func:`repeat_rate` by cohort, of cohorts of this ``period``; ``newer``: from
    :func:`compare_newer`, which the title then tells.
    """
    known = rates[rates.followed > 0]
    if newer is None or newer.empty:
        message = words.say("figures.repeat_rate.message.plain", days=within)
    else:
        row = newer.iloc[0]
        said = "same" if row.low <= 0 <= row.high else "moved" if row.same_season else "shifted"
        message = words.say(f"figures.repeat_rate.message.{said}", row)
    if len(known) < 2:
        why = "nothing" if known.empty else "one"
        return exhibits.nothing(words, "repeat_rate", why=why, days=within, message=message)
    names = [period_name(cohort, period) for cohort in rates.cohort]
    counts = zip(names, rates.followed, rates.new_customers, strict=True)
    drawn = rates.assign(
        label=[words.say("axes.followed", name=name, followed=f, customers=n) for name, f, n in counts],
        small=rates.followed < SMALL_BASE,
        tone=(rates.followed < SMALL_BASE).map({True: "muted", False: "main"}),
    )
    picture = pictures.dots(
        drawn, value="repeat_rate", label="label", low="low", high="high", tone="tone", hollow="small", vertical=True,
        form=percent, value_label=words.say("axes.in_time", days=within), label_label=words.say("axes.cohort_followed"),
        limits=(0, min(1.0, 1.1 * float(known.high.max()))),
    )  # fmt: skip
    judged = known[known.followed >= SMALL_BASE]
    first, last = (judged if len(judged) else known).iloc[[0, -1]].itertuples(index=False)
    return exhibits.figure(
        words, "repeat_rate", rates, picture, place="section", message=message,
        reading="small" if judged.empty else "one" if len(judged) == 1 else "open" if drawn.small.any() else "path",
        days=within, least=SMALL_BASE, cohorts=len(known), first=first.repeat_rate, last=last.repeat_rate,
        first_cohort=period_name(first.cohort, period), last_cohort=period_name(last.cohort, period),
    )  # fmt: skip


def plot_early_orders(early: Any, *, within: int = 90, then: int = 180) -> Exhibit:
    """Who goes on buying, by the orders of the first days.

    ``early``: a table from :func:`early_orders`, made with these ``within`` and ``then``.
    """
    frame = to_pandas(early)
    days: dict[str, Any] = {"days": within, "then": then, "whole": within + then}
    if frame.empty:
        return exhibits.nothing(words, "first_days", **days)
    rows = list(frame.itertuples(index=False))
    drawn = frame.assign(
        label=[words.say("axes.counted", name=row.early_orders, n=row.customers) for row in rows],
        note=[words.say("axes.per_customer", row) for row in rows],
        tone=(frame.customers < SMALL_BASE).map({True: "muted", False: "main"}),
    )
    picture = pictures.bars(
        drawn, value="share_buying", label="label", low="share_low", high="share_high", tone="tone", note="note",
        form=percent, value_label=words.say("axes.then", **days), label_label=words.say("axes.early", **days),
        vertical=True, limits=(0, min(1.15, 1.2 * float(frame.share_high.max()))),
    )  # fmt: skip
    first, last = rows[0], rows[-1]
    return exhibits.figure(
        words, "first_days", frame, picture, days,
        reading="compared" if len(rows) > 1 else "alone",
        few=first.early_orders, many=last.early_orders, first=first.share_buying, last=last.share_buying,
        first_revenue=first.later_revenue, last_revenue=last.later_revenue,
    )  # fmt: skip


def renewal_models_table(models: Any) -> Exhibit:
    """The models of contracts side by side, and why one of them is taken.

    ``models``: a frame from :func:`renewal_models`.
    """
    if models.empty:
        return exhibits.nothing(words, "renewal_models", of="tables")
    picked = models[models.picked].iloc[0]
    columns = ["model", "alpha", "beta", "c", "log_likelihood"]
    changes = "rises" if picked.c > 1 else "falls"
    both = picked.p_value == picked.p_value
    return exhibits.table(
        words, "renewal_models", models, picked, columns=columns, place="notebook", p=p_value(picked.p_value),
        reading="settled" if not both else "constant" if picked.model == "sBG" else changes,
    )  # fmt: skip


def p_value(p: float) -> str:
    """A p value as it stands in a sentence.

    >>> p_value(0.0234), p_value(1e-9)
    ('= 0.023', '< 0.001')
    """
    return f"= {number(p, digits=3)}" if p >= 0.001 else "< 0.001"


def plot_projection(projection: Any, *, term: Term = "month") -> Exhibit:
    """Contracts left after each renewal, observed and projected, with intervals.

    ``projection``: a frame from :func:`project_renewals`, which names its model.
    """
    observed = projection[projection.survival.notna()]
    if len(observed) < 2:
        return exhibits.nothing(words, "contracts")
    modelled = bool(projection.projected.notna().any())
    projected = words.say("axes.projected", model=projection.model.iloc[0] or "")
    series = [
        pictures.Series("survival", words.say("axes.observed"), "main", "low", "high", kind="dots"),
        pictures.Series("projected", projected, "second", "projected_low", "projected_high"),
    ]
    picture = pictures.curves(
        projection, x="age", series=series[: 1 + modelled], x_label=words.name("renewals", term),
        y_label=words.say("axes.running"), x_form=number, y_form=percent, y_limits=(0, 1.02),
    )  # fmt: skip
    seen, last = observed.iloc[-1], projection.iloc[-1]
    return exhibits.figure(
        words, "contracts", projection, picture, last,
        reading="projected" if modelled else "observed" if len(observed) > 2 else "first",
        first=observed.survival.iloc[1], seen=seen.survival, seen_age=seen.age, last_age=last.age,
        contracts=observed.at_risk.iloc[1],
    )  # fmt: skip
