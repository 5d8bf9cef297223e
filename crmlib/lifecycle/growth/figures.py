"""The pictures and tables of the chapter: each draws one measure's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlib import exhibits, pictures
from crmlib.calendar import Period, as_day
from crmlib.engine import to_pandas
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.growth.loyalty import NO_MEMBER
from crmlib.words import Words, agreeing, number, percent, place, quotation

words = Words(__file__)

_MOST, _MOST_ROWS = 10, 12
SURE = 0.05
"""Among so many comparisons, chance finds anything in one of twenty data sets."""


def item_name(item: Any, names: Any = None) -> str:
    """What an item is called: by the table of :func:`item_names`, else as it is, harmless and not too long.

    >>> item_name("serum")
    'serum'
    """
    known = {} if names is None else dict(zip(names["item"], names["name"], strict=True))
    return quotation(str(known.get(item, item)).replace("_", " "), length=32)


def period_name(first_day: Any, period: Period) -> str:
    """A period in words, by its first day."""
    return place(as_day(first_day), "day" if period == "week" else period)


def plot_basket_trend(trend: Any, *, period: Period = "month") -> Exhibit:
    """The share of orders with two items or more, from period to period; ``trend``: from :func:`basket_trend`."""
    frame = to_pandas(trend)
    if len(frame) < 2:
        return exhibits.nothing(words, "basket_trend")
    drawn = frame.assign(label=[period_name(day, period) for day in frame.period], at=range(len(frame)))
    picture = pictures.curves(
        drawn, x="at", x_names="label", series=[pictures.Series("several", "", "main", "low", "high")], markers=True,
        y_label=words.say("axes.several"), y_form=percent, y_limits=(0, min(1.0, 1.25 * float(frame.high.max()))),
    )  # fmt: skip
    first, last = frame.iloc[0], frame.iloc[-1]
    return exhibits.figure(
        words, "basket_trend", frame, picture, last, first=first.several, first_period=drawn.label.iloc[0],
        last_period=drawn.label.iloc[-1], periods=len(frame),
    )  # fmt: skip


def affinities_told(pairs: Any) -> Any:
    """The pairs that belong together beyond chance, one row each: from the more frequent item to the other.

    ``pairs``: from :func:`affinities`. Sorted by lift, the largest first.
    """
    sure = pairs[(pairs.p_adjusted < SURE) & (pairs.lift > 1)]
    turned = (sure.item_baskets > sure.other_baskets) | (
        (sure.item_baskets == sure.other_baskets) & (sure["item"] < sure.other)
    )
    return sure[turned].reset_index(drop=True)


def _beside_chance(frame: Any, labels: Sequence[str], *, axis: str) -> Any:
    """Shares as dots with intervals, beside the share of all as short lines."""
    drawn, most = frame.assign(label=labels), 1.1 * float(frame.confidence_high.max())
    return pictures.dots(
        drawn, value="confidence", label="label", low="confidence_low", high="confidence_high", tick="base",
        form=percent, value_label=words.say(f"axes.{axis}"), limits=(0, min(1.0, most)),
    )  # fmt: skip


def plot_affinities(pairs: Any, *, names: Any = None, by: str = "order") -> Exhibit:
    """How often an item comes with another, beside how often it comes at all; the ten pairs of the largest lift.

    ``pairs``: from :func:`affinities`, made with this ``by``.
    """
    told, message = affinities_told(pairs), words.say(f"figures.affinities.message.{by}")
    if told.empty:
        why = "nothing" if pairs.empty else "chance"
        return exhibits.nothing(words, "affinities", why=why, pairs=_judged(pairs), message=message)
    shown = told.head(_MOST)
    labels = [_arrow(row, names) for row in shown.itertuples()]
    picture = _beside_chance(shown, labels, axis=f"together.{by}")
    return exhibits.figure(
        words, "affinities", pairs, picture, _worded(shown.iloc[0], names), place="section",
        reading="crowded" if by == "order" and 2 * len(told) > _judged(pairs) else by,
        found=len(told), pairs=_judged(pairs), shown=len(shown), message=message,
    )  # fmt: skip


def _judged(pairs: Any) -> int:
    return 0 if pairs.empty else int(pairs.comparisons.iloc[0])


def _arrow(row: Any, names: Any) -> str:
    return words.say("axes.arrow", item=item_name(row.item, names), other=item_name(row.other, names))


def _worded(row: Any, names: Any) -> dict[str, Any]:
    return {**row, "item": item_name(row["item"], names), "other": item_name(row.other, names)}


def plot_sequences(steps: Any, *, names: Any = None, within: int = 120) -> Exhibit:
    """After which item the next purchase holds another more often than usual; ``steps``: from :func:`sequences`."""
    sure = steps[(steps.p_adjusted < SURE) & (steps.lift > 1)]
    told = sure.head(_MOST)
    if told.empty:
        pairs = 0 if steps.empty else int(steps.comparisons.iloc[0])
        return exhibits.nothing(
            words, "sequences", why="nothing" if steps.empty else "chance", pairs=pairs, days=within
        )
    labels = [
        words.say(
            "axes.after", item=item_name(row.item, names), other=item_name(row.other, names), days=row.median_days
        )
        for row in told.itertuples()
    ]
    picture = _beside_chance(told, labels, axis="next")
    return exhibits.figure(
        words, "sequences", steps, picture, _worded(told.iloc[0], names), days=within, found=len(sure),
        pairs=int(steps.comparisons.iloc[0]), median=told.median_days.iloc[0],
    )  # fmt: skip


def item_sets_table(sets: Any, *, names: Any = None) -> Exhibit:
    """Sets of three and more items that are more than their best pair; ``sets``: from :func:`item_sets`."""
    sure = sets[(sets.p_adjusted < SURE) & (sets.lift > 1)]
    if sure.empty:
        return exhibits.nothing(
            words, "item_sets", of="tables", why="nothing" if sets.empty else "chance", sets=len(sets)
        )
    shown = sure.head(_MOST_ROWS)
    shown = shown.assign(set=[" + ".join(item_name(item, names) for item in items) for items in shown["items"]])
    kept = sets.assign(items=[" + ".join(items) for items in sets["items"]])
    columns = ["set", "together", "support", "expected_share", "lift"]
    shown = shown.rename(columns={"base": "expected_share"})
    return exhibits.table(
        words,
        "item_sets",
        shown,
        shown.iloc[0],
        columns=columns,
        kept=kept,
        found=len(sure),
        sets=len(sets),
        fewest=int(sets.fewest.iloc[0]),
    )


def plot_attach_rate(rates: Any, *, item: str, other: str, names: Any = None, period: Period = "month") -> Exhibit:
    """How often the other item comes with one, from period to period; ``rates``: from :func:`attach_rate`."""
    frame = to_pandas(rates)
    if not item:
        return exhibits.nothing(words, "no_pair")
    told = {"item": item_name(item, names), "other": item_name(other, names)}
    if len(frame) < 2:
        return exhibits.nothing(words, "attach_rate", **told)
    drawn = frame.assign(label=[period_name(day, period) for day in frame.period], at=range(len(frame)))
    picture = pictures.curves(
        drawn, x="at", x_names="label", series=[pictures.Series("rate", "", "main", "low", "high")], markers=True,
        y_label=words.say("axes.attach", told), y_form=percent, y_limits=(0, min(1.0, 1.1 * float(frame.high.max()))),
    )  # fmt: skip
    first, last = frame.iloc[0], frame.iloc[-1]
    apart = "apart" if last.low > first.high or last.high < first.low else "near"
    return exhibits.figure(
        words, "attach_rate", frame, picture, told, reading=apart, first=first.rate, last=last.rate,
        first_period=drawn.label.iloc[0], last_period=drawn.label.iloc[-1], periods=len(frame),
    )  # fmt: skip


def points_told(row: Any) -> dict[str, str]:
    """An effect on a share and its two ranges in percentage points, in words."""
    ends = ("effect", "low", "high", "unit_low", "unit_high", "naive")
    return {f"{name}_points": number(100 * row[name], digits=1) for name in ends}


def rollouts_table(effects: Any, *, said: Any = None) -> Exhibit:
    """What measures changed that began in some shops first: before/after alone, and the fair comparison.

    ``effects``: rows of :func:`rollout_effect`; ``said``: what each measure is called, by its name.
    """
    if effects.empty:
        return exhibits.nothing(words, "rollouts", of="tables")
    rows = [points_told(row) for _, row in effects.iterrows()]
    shown = effects.assign(
        measure=[measure_name(name, said) for name in effects.measure],
        before_after=[words.say("axes.points", points=row["naive_points"]) for row in rows],
        fair=[words.say("axes.range", row, low=row["low_points"], high=row["high_points"]) for row in rows],
        by_shop=[words.say("axes.ends", low=row["unit_low_points"], high=row["unit_high_points"]) for row in rows],
    )
    first = shown.iloc[0]
    return exhibits.table(
        words, "rollouts", shown, first, columns=["measure", "before_after", "fair", "by_shop"], kept=effects,
        place="section", naive_points=rows[0]["naive_points"], effect_points=rows[0]["effect_points"],
    )  # fmt: skip


def measure_name(name: str, said: Any = None) -> str:
    """What a measure is called: by the client's file, else its name."""
    return quotation(str((said or {}).get(name, name)).replace("_", " "), length=40)


def plot_recall(recall: Any) -> Exhibit:
    """Which way of choosing products meets most of what customers then bought; ``recall``: from :func:`recall`."""
    if recall.empty:
        return exhibits.nothing(words, "recall")
    drawn = recall.assign(label=[words.name("methods", method) for method in recall.method])
    picture = pictures.dots(
        drawn, value="recall", label="label", low="low", high="high", form=percent,
        value_label=words.say("axes.recall", k=recall.k.iloc[0]), limits=(0, min(1.0, 1.2 * float(recall.high.max()))),
    )  # fmt: skip
    at = recall.set_index("method")
    near = at.loc["neighbours"]
    said = "better" if near.gain_low > 0 else "worse" if near.gain_high < 0 else "alike"
    if at.gain_low["own"] > 0 and not near.lead_low > 0:
        said = "own"
    return exhibits.figure(
        words, "recall", recall, picture, near, reading=said, popular=at.recall["popular"], own=at.recall["own"],
        neighbours=near.recall,
    )  # fmt: skip


def plot_replenishment(rhythms: Any, *, names: Any = None, horizon: int = 180) -> Exhibit:
    """After how many days items are bought again: half of the cases lie on the line; from :func:`replenishment`."""
    from crmlib.lifecycle.growth.replenishment import most_regular

    frame = to_pandas(rhythms)
    judged = most_regular(frame)
    if judged.empty:
        return exhibits.nothing(words, "replenishment", days=horizon)
    shown = judged.head(_MOST_ROWS)
    drawn = shown.assign(
        label=[words.say("axes.again", row, item=item_name(row["item"], names)) for _, row in shown.iterrows()],
        hollow=~shown.regular.astype(bool), days=shown.median_days.astype(float),
    )  # fmt: skip
    picture = pictures.dots(
        drawn, value="days", label="label", low="quick_days", high="slow_days", hollow="hollow", form=number,
        value_label=words.say("axes.days_again"), limits=(0, None),
    )  # fmt: skip
    regular = judged[judged.regular.astype(bool)]
    row = (regular if len(regular) else judged).iloc[0]
    return exhibits.figure(
        words, "replenishment", frame, picture, row, reading="regular" if len(regular) else "chance", days=horizon,
        item=item_name(row["item"], names), found=len(regular), judged=len(judged), quick=row.quick_days,
        median=row.median_days, slow=row.slow_days,
    )  # fmt: skip


def ladder_table(ladder: Any) -> Exhibit:
    """Who stands just below the next step of order values; ``ladder``: from :func:`ladder`."""
    if ladder.empty:
        return exhibits.nothing(words, "ladder", of="tables")
    best = ladder.loc[ladder.gain.idxmax()]
    return exhibits.table(words, "ladder", ladder, best, columns=["step", "near", "near_share", "mean_gap", "gain"])


def plot_discount_dependence(dependence: Any) -> Exhibit:
    """Customers by how often they buy at a discount, beside what chance alone would make of them."""
    if dependence.empty:
        return exhibits.nothing(words, "discounts")
    drawn = dependence.assign(label=[words.name("discount_groups", group) for group in dependence.group])
    series = [
        pictures.Series("by_chance", words.say("axes.by_chance"), "muted", kind="bars"),
        pictures.Series("share", words.say("axes.seen"), "main", "low", "high"),
    ]
    picture = pictures.pairs(drawn, label="label", series=series, form=percent, value_label=words.say("axes.customers"))
    at = dependence.set_index("group")
    return exhibits.figure(
        words, "discounts", dependence, picture, at.loc["always"], reading=depends(dependence),
        never=at.share["never"], never_chance=at.by_chance["never"], total=dependence.customers.sum(),
    )  # fmt: skip


def depends(dependence: Any) -> str:
    """``more``: more customers buy always at a discount than chance explains; ``never`` likewise; else ``chance``."""
    at = dependence.set_index("group")
    if at.low["always"] > at.by_chance["always"]:
        return "always"
    return "never" if at.low["never"] > at.by_chance["never"] else "chance"


def plot_item_lives(lives: Any, *, names: Any = None, period: Period = "quarter", of: str = "all") -> Exhibit:
    """The share of orders that hold each item, period by period; ``lives``: from :func:`item_lives`."""
    frame = to_pandas(lives)
    if frame.empty or frame.period.nunique() < 2:
        return exhibits.nothing(words, "item_lives", of_orders=of)
    means = frame.groupby("item").share.mean().sort_values(ascending=False, kind="stable")
    days = sorted(frame.period.unique())
    picture = pictures.heat_map(
        frame, row="item", column="period", value="share", rows={item: item_name(item, names) for item in means.index},
        columns={day: period_name(day, period) for day in days}, form=percent if len(days) <= 12 else None,
        scale_form=None if len(days) <= 12 else percent, width=9.0,
    )  # fmt: skip
    return exhibits.figure(
        words, "item_lives", frame, picture, of_orders=of, item=item_name(means.index[0], names), share=means.iloc[0],
        items=len(means), periods=len(days), place="notebook",
    )  # fmt: skip


def plot_item_changes(changes: Any, *, names: Any = None) -> Exhibit:
    """Which items take more or less of the orders than a year before; ``changes``: from :func:`item_changes`."""
    if changes.empty:
        return exhibits.nothing(words, "item_changes")
    sure = changes[changes.p_adjusted < SURE]
    ends = changes if len(changes) <= _MOST_ROWS else changes.iloc[[*range(6), *range(-6, 0)]]
    tones = {"growing": "good", "new": "good", "fading": "bad", "gone": "bad", "steady": "muted"}
    drawn = ends.assign(
        label=[item_name(item, names) for item in ends["item"]], tone=ends.stage.map(tones),
        **{name: 100 * ends[name] for name in ("change", "low", "high")},
    )  # fmt: skip
    picture = pictures.dots(
        drawn, value="change", label="label", low="low", high="high", tone="tone", reference=0.0, form=number,
        value_label=words.say("axes.change"),
    )  # fmt: skip
    row = (sure if len(sure) else changes).iloc[0]
    (after, before), _ = agreeing([row.share_after, -row.share_before], row.change, digits=3)
    return exhibits.figure(
        words, "item_changes", changes, picture, row, reading="moved" if len(sure) else "steady",
        item=item_name(row["item"], names), found=len(sure), judged=len(changes), share_after=after,
        share_before=-before,
    )  # fmt: skip


def plot_whitespace(space: Any, *, names: Any = None, by: str = "") -> Exhibit:
    """Which share of each segment buys each item, with what is beyond chance framed; from :func:`whitespace`."""
    if space.empty:
        return exhibits.nothing(words, "whitespace")
    less = space[(space.p_adjusted < SURE) & (space.missing > 0)].sort_values("missing", ascending=False, kind="stable")
    means = space.groupby("item").expected.mean().sort_values(ascending=False, kind="stable")
    sizes = space.drop_duplicates("segment").set_index("segment").customers
    drawn = space.assign(framed=(space.p_adjusted < SURE) & (space.missing > 0))
    picture = pictures.heat_map(
        drawn, row="item", column="segment", value="share", rows={item: item_name(item, names) for item in means.index},
        columns={one: segment_name(one) for one in sizes.index}, form=percent, framed="framed", width=9.0,
    )  # fmt: skip
    row = (less if len(less) else space).iloc[0]
    return exhibits.figure(
        words, "whitespace", space, picture, row, reading="less" if len(less) else "none",
        item=item_name(row["item"], names), segment=segment_name(row.segment), found=len(less), cells=len(space),
        items=len(means), segments=len(sizes),
    )  # fmt: skip


def segment_name(segment: Any) -> str:
    """What a segment is called: a channel by its words, else as the client writes it."""
    known = segment in words.names("channels")
    return words.name("channels", segment) if known else quotation(str(segment).replace("_", " "), length=24)


def tier_name(tier: Any) -> str:
    """What a tier is called."""
    return words.name("no_member", tier) if tier == NO_MEMBER else quotation(str(tier), length=24)


def tiers_table(tiers: Any) -> Exhibit:
    """What customers of each tier bought in a year; ``tiers``: from :func:`tier_summary`."""
    frame = to_pandas(tiers)
    if frame.empty:
        return exhibits.nothing(words, "tiers", of="tables")
    shown = frame.assign(tier=[tier_name(tier) for tier in frame.tier]).head(_MOST_ROWS)
    columns = ["tier", "customers", "orders_each", "contribution_each", "redeemed_each"]
    return exhibits.table(words, "tiers", shown, shown.iloc[0], columns=columns, kept=frame, tiers=len(frame))


def plot_tier_migration(moves: Any, order: Sequence[str]) -> Exhibit:
    """How many members moved from which tier to which; ``moves``: from :func:`tier_migration`, ``order``: of tiers."""
    frame = to_pandas(moves)
    if frame.empty:
        return exhibits.nothing(words, "tier_migration")
    ranks = [*[tier for tier in order if tier != NO_MEMBER][::-1]]
    names = {tier: tier_name(tier) for tier in [NO_MEMBER, *ranks]}
    rows = {tier: name for tier, name in names.items() if (frame.before == tier).any()}
    columns = {tier: name for tier, name in names.items() if (frame.after == tier).any()}
    picture = pictures.heat_map(
        frame, row="before", column="after", value="members", rows=rows, columns=columns, form=number,
        row_label=words.say("axes.before"), column_label=words.say("axes.now"),
    )  # fmt: skip
    place_of = {tier: at for at, tier in enumerate(names)}
    stayed = frame[frame.before != NO_MEMBER]
    rank = {side: stayed[side].map(place_of) for side in ("before", "after")}
    up, down = (
        stayed.members[rank["after"] > rank["before"]].sum(),
        stayed.members[rank["after"] < rank["before"]].sum(),
    )
    return exhibits.figure(
        words, "tier_migration", frame, picture, up=up, down=down, members=stayed.members.sum(), place="notebook",
        joined=frame.members[frame.before == NO_MEMBER].sum(),
    )  # fmt: skip


def plot_points(ages: Any, liability: Any) -> Exhibit:
    """Points by age: redeemed, and open; ``ages``: from :func:`points_by_age`, ``liability``: from its sums."""
    frame = to_pandas(ages)
    if frame.empty or liability.empty:
        return exhibits.nothing(words, "points")
    last = len(frame) - 1
    labels = [
        words.say(f"axes.age.{'over' if at == last else 'between'}", row)
        for at, row in enumerate(frame.to_dict("records"))
    ]
    parts = [pictures.Series("redeemed", words.say("axes.redeemed"), "main"),
             pictures.Series("open", words.say("axes.open"), "muted")]  # fmt: skip
    picture = pictures.stacked_shares(
        frame.assign(label=labels), label="label", parts=parts, form=percent, value_label=words.say("axes.of_points")
    )
    row = liability.iloc[0]
    return exhibits.figure(
        words, "points", frame, picture, row, reading="priced" if row.liability == row.liability else "unpriced"
    )


def joiners_table(joiners: Any, at_once: Any) -> Exhibit:
    """What later members and others bought before anybody joined; else why nobody can tell.

    ``joiners``: from :func:`joiners_before`; ``at_once``: from :func:`joined_with_first_order`.
    """
    import pandas as pd

    if joiners.empty:
        some = len(at_once) and at_once.at_once.iloc[0] > 0
        return exhibits.nothing(
            words, "joiners", of="tables", why="at_once" if some else "nothing", **(at_once.iloc[0] if some else {})
        )
    row = joiners.iloc[0]
    sides = {"joiners": words.say("axes.joined"), "stayers": words.say("axes.stayed_out")}
    rows = []
    for side, who in sides.items():
        low, high = (number(row[f"{side}_{end}"], digits=2) for end in ("low", "high"))
        rows.append((who, row[side], row[f"{side}_before"], words.say("axes.ends", low=low, high=high)))
    shown = pd.DataFrame(rows, columns=["who", "customers", "orders_before", "ends"])
    said = "more" if row.low > 0 else "less" if row.high < 0 else "alike"
    return exhibits.table(words, "joiners", shown, row, kept=joiners, reading=said)
