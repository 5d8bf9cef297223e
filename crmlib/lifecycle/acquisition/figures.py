"""The pictures and tables of the chapter: each draws one measure's table."""

from __future__ import annotations

from typing import Any

from crmlib import exhibits, pictures
from crmlib.calendar import Period
from crmlib.engine import to_pandas
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.acquisition.attribution import MODELS
from crmlib.lifecycle.acquisition.leads import SMALL_BASE, UNKNOWN, compare_conversion
from crmlib.lifecycle.acquisition.saturation import FEWEST_NEW, FEWEST_PERIODS
from crmlib.lifecycle.experiments import FEWEST_TO_COMPARE
from crmlib.words import Words, interval, money, number, percent, place, short

words = Words(__file__)

_MOST = 7
WIDE = 0.05
"""From this difference between two rules on, the credit of a channel depends on the rule."""
ALONE = {"later": "later_one", "at_once": "at_once_one", "short": "short_one"}
"""How the stories of paying back are told of a single channel."""
_CONVERSION = {"channel": "conversion_channel", "owner": "conversion_owner"}


def channel_name(channel: Any, *, begins: bool = False) -> str:
    """A channel as sentences say it; ``begins``: with a capital, as a row begins.

    >>> channel_name("social"), channel_name("not known"), channel_name("spring fair")
    ('social media', 'channel not known', 'spring fair')
    """
    group = "channels" if channel in words.names("channels") else "other_channels"
    name = words.name(group, channel)
    return name[:1].upper() + name[1:] if begins else name


def stage_name(stage: Any) -> str:
    """A stage of a lead in words, or as the client calls it.

    >>> stage_name("skin_test"), stage_name("Demo held")
    ('Skin test', 'Demo held')
    """
    return words.name("stages", stage)


def plot_mix(mix: Any, *, period: Period = "quarter") -> Exhibit:
    """Through which channels new customers came: a bar per period; the six largest channels, and all others.

    ``mix``: a frame from :func:`channel_mix` for the same ``period``. The latest twelve periods are drawn.
    """
    shown = mix[mix.period.isin(sorted(mix.period.unique())[-12:])] if len(mix) else mix
    sizes = (
        shown[shown.channel != UNKNOWN]
        .groupby("channel")
        .new_customers.sum()
        .sort_values(ascending=False, kind="stable")
    )
    if sizes.empty or shown.period.nunique() < 2:
        return exhibits.nothing(words, "mix", why="nothing" if mix.empty else "one")
    largest = list(sizes.index[: _MOST if len(sizes) <= _MOST else _MOST - 1])
    named = shown.assign(channel=shown.channel.where(shown.channel.isin(largest), "(other)"))
    wide = named.pivot_table(index="period", columns="channel", values="new_customers", aggfunc="sum", fill_value=0)
    named_as = {"(other)": UNKNOWN} if len(sizes) <= _MOST else {}  # then nothing else is left over
    parts = [
        pictures.Series(name, channel_name(named_as.get(name, name), begins=True))
        for name in [*largest, "(other)"]
        if name in wide
    ]
    sums = wide.sum(axis=1)
    if (sums > 0).sum() < 2:
        return exhibits.nothing(words, "mix", why="one")
    drawn = wide.reset_index()
    labels = [words.say("axes.counted", name=place(day, period), n=n) for day, n in sums.items()]
    picture = pictures.stacked_shares(
        drawn.assign(label=labels), label="label", parts=parts, form=percent, value_label=words.say("axes.share_new")
    )
    shares = wide[sums > 0].div(sums[sums > 0], axis=0)
    change = (shares.iloc[-1] - shares.iloc[0]).drop("(other)", errors="ignore")
    up, down = change.idxmax(), change.idxmin()
    few = sums[[shares.index[0], shares.index[-1]]].min() < SMALL_BASE
    return exhibits.figure(
        words, "mix", mix, picture, least=SMALL_BASE,
        reading="one_channel" if len(change) < 2 else "small" if few else "moved", up=channel_name(up),
        up_then=shares[up].iloc[0], up_now=shares[up].iloc[-1], down=channel_name(down), down_then=shares[down].iloc[0],
        down_now=shares[down].iloc[-1], first=place(shares.index[0], period), last=place(shares.index[-1], period),
        periods=len(wide), customers=int(sums.sum()),
    )  # fmt: skip


def plot_stages(rates: Any) -> Exhibit:
    """What share of leads goes on from each stage, open ones counted as the others go.

    ``rates``: a frame from :func:`conversion` by stage.
    """
    told = rates[rates.conversion.notna()]
    if told.empty:
        return exhibits.nothing(words, "stages")
    drawn = told.assign(
        label=[words.say("axes.stage", row, name=stage_name(row.stage)) for row in told.itertuples()],
        small=told.leads < SMALL_BASE,
    )
    picture = pictures.dots(
        drawn, value="conversion", label="label", low="low", high="high", hollow="small", tick="naive", form=percent,
        value_label=words.say("axes.goes_on"), limits=(0, 1),
    )  # fmt: skip
    judged = told[told.leads >= SMALL_BASE]
    least = (judged if len(judged) else told).sort_values("conversion", kind="stable").iloc[0]
    said = "small" if judged.empty else "least" if len(told) > 1 else "one"
    return exhibits.figure(
        words, "stages", rates, picture, least, reading=said, name=stage_name(least.stage),
        lost_share=1 - least.conversion, stages=len(told), open_leads=int(told.open.sum()),
    )  # fmt: skip


def plot_conversion(rates: Any, compared: Any = None, *, by: str = "channel") -> Exhibit:
    """What share of leads becomes customers, by channel or owner, with intervals; a short line marks the naive rate.

    ``rates``: a frame from :func:`conversion` by group; at most the twenty largest groups are drawn. ``compared``: from
    :func:`compare_conversion` (found from ``rates`` unless given): the reading says whether anybody differs beyond
    chance.
    """
    name = channel_name if by == "channel" else owner_name
    told = rates[rates.conversion.notna()].sort_values("leads", ascending=False, kind="stable").head(20)
    if told.empty:
        return exhibits.nothing(words, _CONVERSION[by])
    told = told.sort_values("conversion", ascending=False, kind="stable")
    drawn = told.assign(
        label=[words.say("axes.counted", name=name(row.group, begins=True), n=row.leads) for row in told.itertuples()],
        small=told.leads < SMALL_BASE,
    )
    picture = pictures.dots(
        drawn, value="conversion", label="label", low="low", high="high", hollow="small", tick="naive", form=percent,
        value_label=words.say("axes.won"), limits=(0, min(1.0, 1.15 * float(told.high.max()))),
    )  # fmt: skip
    judged = told[(told.leads >= SMALL_BASE) & (told.group != UNKNOWN)]
    best, worst = (judged if len(judged) else told).iloc[[0, -1]].itertuples(index=False)
    compared = compare_conversion(rates) if compared is None else compared
    apart = [name(group) for group in compared[compared.differs != "chance"].group]
    between = "chance" if not apart else "between" if by == "channel" else "differ"
    return exhibits.figure(
        words, _CONVERSION[by], rates, picture, apart=apart, differing=len(apart),
        reading="small" if judged.empty else between if len(judged) > 1 else "one", best=name(best.group),
        worst=name(worst.group), high=best.conversion, low=worst.conversion, groups=len(told),
        open_leads=int(told.open.sum()), least=SMALL_BASE,
        place="fold" if by == "channel" else "notebook",
    )  # fmt: skip


def owner_name(owner: Any, *, begins: bool = False) -> str:
    """An owner of leads as the client calls them."""
    return words.name("no_owner", owner)


def plot_speed(bands: Any, effect: Any = None) -> Exhibit:
    """What share of leads is won, by how soon they were contacted.

    ``bands``: a frame from :func:`speed_bands`; ``effect``: from :func:`effect_of_speed`, which the reading tells.
    """
    told = bands[bands.leads > 0]
    if len(told) < 2 or effect is None or effect.empty:
        return exhibits.nothing(words, "speed")
    drawn = told.assign(
        label=[words.say("axes.counted", name=words.name("waits", row.wait), n=row.leads) for row in told.itertuples()],
        small=told.leads < SMALL_BASE,
    )
    picture = pictures.dots(
        drawn, value="conversion", label="label", low="low", high="high", hollow="small", form=percent,
        value_label=words.say("axes.won"), limits=(0, min(1.0, 1.25 * float(told.high.max()))),
    )  # fmt: skip
    row = effect.iloc[0]
    said = "more" if row.low > 0 else "less" if row.high < 0 else "alike"
    return exhibits.figure(words, "speed", bands, picture, _points(row), reading=said, bands=len(told))


def _points(row: Any) -> dict[str, Any]:
    """An effect with its differences in percentage points."""
    ends = ("difference", "low", "high", "plain", "naive")
    return {**row, **{name: 100 * row[name] for name in ends}}


def plot_costs(costs: Any, *, period: Period = "quarter") -> Exhibit:
    """What a new customer cost, by channel, period after period.

    ``costs``: a frame from :func:`acquisition_costs` for the same ``period``; the seven channels with most customers.
    """
    told = costs[costs.channel.notna() & costs.cac.notna() & (costs.channel != UNKNOWN)]
    if told.empty or told.period.nunique() < 2:
        return exhibits.nothing(words, "costs")
    largest = told.groupby("channel").new_customers.sum().sort_values(ascending=False, kind="stable").index[:_MOST]
    shown = told[told.channel.isin(largest)].sort_values(["channel", "period"])
    order = shown.groupby("channel").cac.last().sort_values(ascending=False, kind="stable").index
    shown = shown.set_index("channel").loc[list(order)].reset_index()
    drawn = shown.assign(
        label=shown.channel.map(lambda name: channel_name(name, begins=True)),
        at=[day.toordinal() for day in shown.period],
        name=[place(day, period) for day in shown.period],
    )
    picture = pictures.curves(
        drawn, x="at", by="label", x_names="name", series=[pictures.Series("cac")], markers=True,
        y_label=words.say("axes.cac"), y_form=money, y_limits=(0, 1.1 * float(drawn.cac.max())),
    )  # fmt: skip
    last = shown[shown.period == shown.period.max()].sort_values("cac", kind="stable")
    judged = last[last.new_customers >= FEWEST_NEW]
    dear, cheap = (judged if len(judged) else last).iloc[[-1, 0]].itertuples(index=False)
    return exhibits.figure(
        words, "costs", costs, picture, least=FEWEST_NEW,
        reading="small" if judged.empty else "between" if len(judged) > 1 else "one" if len(last) < 2 else "only",
        dear=channel_name(dear.channel), dear_cac=dear.cac, cheap=channel_name(cheap.channel), cheap_cac=cheap.cac,
        last=place(shown.period.max(), period), channels=len(order),
    )  # fmt: skip


def plot_payback(earned: Any, paid: Any) -> Exhibit:
    """What a customer has left since the first order, less what it cost to win one, month by month and by channel.

    ``earned``: a frame from :func:`earnings`; ``paid``: from :func:`payback`. The seven channels with most customers.
    """
    told = paid[(paid.customers >= SMALL_BASE) & (paid.channel != UNKNOWN)]
    largest = told.sort_values("customers", ascending=False, kind="stable").channel[:_MOST]
    order = told[told.channel.isin(list(largest))].channel
    if order.empty:
        return exhibits.nothing(words, "payback", why="nothing" if earned.empty else "no_cost")
    shown = earned.set_index("channel").loc[list(order)].reset_index()
    drawn = shown.assign(
        label=shown.channel.map(lambda name: channel_name(name, begins=True)), left=shown.earned - shown.cac
    )
    picture = pictures.curves(
        drawn, x="month", by="label", series=[pictures.Series("left")],
        references=[pictures.Reference(0, words.say("axes.money_back"))], x_label=words.say("axes.months"),
        y_label=words.say("axes.left"), x_form=number, y_form=money,
    )  # fmt: skip
    return exhibits.figure(
        words, "payback", earned, picture, told_payback(told), least=SMALL_BASE,
        reading=ALONE[payback_said(told)] if len(told) == 1 else payback_said(told),
    )  # fmt: skip


def payback_said(paid: Any) -> str:
    """Which of the stories of paying back these channels tell: ``short``, ``later`` or ``at_once``."""
    if (paid.sure != "back").any():
        return "short"
    return "later" if (paid.month > 0).any() else "at_once"


def told_payback(paid: Any) -> dict[str, Any]:
    """What is told of how channels pay back: the best, the worst, and those that do it late or not surely.

    ``paid``: a frame from :func:`payback` of channels with customers enough.
    """
    best, worst = paid.iloc[0], paid.iloc[-1]
    late = paid[paid.month > 0]
    short_of = paid[paid.sure != "back"]
    return {
        "best": channel_name(best.channel), "best_left": best.left, "best_ratio": best.ratio,
        "worst": channel_name(worst.channel), "worst_left": worst.left, "worst_ratio": worst.ratio,
        "worst_low": worst.ratio_low, "worst_high": worst.ratio_high, "worst_cac": worst.cac,
        "worst_earned": worst.earned, "worst_first": worst.first_order, "months": int(worst.months),
        "until": worst.until,
        "channels": len(paid), "customers": int(paid.customers.sum()),
        "late": [channel_name(name) for name in late.channel], "late_channels": len(late),
        "slow": channel_name(late.channel[late.month.idxmax()]) if len(late) else "",
        "slowest": late.month.max() if len(late) else 0,
        "short_of": [channel_name(name) for name in short_of.channel],
    }  # fmt: skip


def plot_cohort_ratio(earned: Any, *, period: Period = "quarter") -> Exhibit:
    """What each cohort of each channel has left for one unit of money spent on winning it (LTV:CAC).

    ``earned``: a frame from :func:`earnings` with ``by_cohort`` of this ``period``.
    """
    told = earned[(earned.month == earned.months) & earned.ratio.notna() & (earned.channel != UNKNOWN)]
    told = told[told.customers >= SMALL_BASE]
    if told.empty:
        return exhibits.nothing(words, "cohort_ratio")
    order = told.groupby("channel").ratio.mean().sort_values(ascending=False, kind="stable").index[:12]
    shown = told[told.channel.isin(order)]
    low, high = shown.ratio.min(), shown.ratio.max()
    rows = {name: channel_name(name, begins=True) for name in order}
    columns = {day: place(day, period) for day in sorted(shown.cohort.unique())}
    picture = pictures.heat_map(
        shown, row="channel", column="cohort", value="ratio", rows=rows, columns=columns,
        form=lambda value: number(value, digits=1), top=float(shown.ratio.quantile(0.95)) or 1.0,
        column_label=words.say("axes.cohort"),
    )  # fmt: skip
    below = shown[shown.ratio_high < 1]
    return exhibits.figure(
        words, "cohort_ratio", earned, picture, reading="below" if len(below) else "above", low=low, high=high,
        months=int(shown.months.iloc[0]), below=len(below), cells=len(shown), least=SMALL_BASE,
    )  # fmt: skip


def quality_table(quality: Any, *, within: int = 90) -> Exhibit:
    """How good the customers of each source are, beside how many of its leads are won.

    ``quality``: a frame from :func:`source_quality`.
    """
    if quality.empty:
        return exhibits.nothing(words, "quality", of="tables", days=within)
    shown = quality.assign(
        channel=[channel_name(name, begins=True) for name in quality.channel],
        repeat_range=_ranges(quality, "repeat_low", "repeat_high", percent),
        returning_range=_ranges(quality, "returning_low", "returning_high", short),
    )
    columns = ["channel", "conversion", "repeat_rate", "repeat_range", "cost_per_returning", "returning_range"]
    if quality.conversion.isna().all():
        columns.remove("conversion")
    if quality.cost_per_returning.isna().all():
        columns = columns[:-2]
    best, worst = quality.iloc[0], quality.iloc[-1]
    return exhibits.table(
        words, "quality", shown, columns=columns, kept=quality, days=within,
        reading="between" if len(quality) > 1 else "one", best=channel_name(best.channel), high=best.repeat_rate,
        worst=channel_name(worst.channel), low=worst.repeat_rate,
    )  # fmt: skip


def _ranges(frame: Any, low: str, high: str, form: Any) -> list[str]:
    return [interval(*ends, form) for ends in zip(frame[low], frame[high], strict=True)]


def plot_attribution(credits: Any) -> Exhibit:
    """The share of new customers that each rule credits to each channel: the more the rows differ, the less is known.

    ``credits``: a frame from :func:`attribution`.
    """
    import pandas as pd

    if credits.empty:
        return exhibits.nothing(words, "attribution")
    shown = credits.head(12)
    longer = pd.concat(
        [shown[["channel"]].assign(model=model, share=shown[model]) for model in MODELS], ignore_index=True
    )
    picture = pictures.heat_map(
        longer, row="channel", column="model", value="share",
        rows={name: channel_name(name, begins=True) for name in shown.channel},
        columns={model: words.name("models", model) for model in MODELS},
        form=percent, top=float(longer.share.max()) or 1.0,
    )  # fmt: skip
    return exhibits.figure(words, "attribution", credits, picture, told_attribution(credits), reading=_differs(credits))


def _differs(credits: Any) -> str:
    return "one" if len(credits) < 2 else "differ" if (credits.most - credits.least).max() >= WIDE else "alike"


def told_attribution(credits: Any) -> dict[str, Any]:
    """The channel whose credit depends most on the rule, and by which rules it has least and most."""
    widest = credits.loc[(credits.most - credits.least).idxmax()]
    models = widest[list(MODELS)].astype(float)
    return {
        "channel": channel_name(widest.channel), "least": float(widest.least), "most": float(widest.most),
        "least_by": words.name("rules", models.idxmin()), "most_by": words.name("rules", models.idxmax()),
        "markov": float(widest.markov), "markov_low": float(widest.markov_low),
        "markov_high": float(widest.markov_high), "channels": len(credits), "models": len(MODELS),
    }  # fmt: skip


def response_table(response: Any) -> Exhibit:
    """What more money would bring by channel, where its spend has moved by itself.

    ``response``: a frame from :func:`response_to_spend`.
    """
    if response.empty:
        return exhibits.nothing(words, "response", of="tables")
    shown = response.assign(
        channel=[channel_name(name, begins=True) for name in response.channel],
        elasticity_range=_ranges(response, "low", "high", lambda value: number(value, digits=2)),
    )
    told, still = response.elasticity.notna(), (response.verdict == "still").all()
    columns = ["channel", "periods", "spread", "elasticity", "elasticity_range", "verdict"]
    if not told.any():
        columns = ["channel", "periods", "spread", "verdict"]
    return exhibits.table(
        words, "response", shown, columns=columns, kept=response,
        reading="all" if told.all() else "some" if told.any() else "none" if still else "few", told=int(told.sum()),
        channels=len(response), least=FEWEST_PERIODS,
    )  # fmt: skip


def steps_table(steps: Any) -> Exhibit:
    """What to move first, in steps, and up to which cost each of them pays.

    ``steps``: a frame from :func:`budget_steps`.
    """
    if steps.empty:
        return exhibits.nothing(words, "steps", of="tables")
    first = steps.iloc[0]
    columns = ["step", "share", "moved", "lost_customers", "won_customers", "comparable"]
    return exhibits.table(
        words, "steps", steps, first, columns=columns, source_name=channel_name(first.source),
        target_name=channel_name(first.target), kept=steps, least=FEWEST_TO_COMPARE,
    )  # fmt: skip


def pipeline_table(stages: Any) -> Exhibit:
    """Today's open leads by stage, and how many of them will be won.

    ``stages``: a frame from :func:`pipeline`.
    """
    if stages.empty:
        return exhibits.nothing(words, "pipeline", of="tables")
    shown = stages.assign(stage=stages.stage.map(stage_name))
    return exhibits.table(
        words, "pipeline", shown, kept=stages, leads=int(stages.leads.sum()), overdue=int(stages.overdue.sum()),
        expected=float(stages.expected.sum()),
    )  # fmt: skip


def plot_reasons(reasons: Any) -> Exhibit:
    """Why leads were lost: shares with intervals, the ten most frequent reasons.

    ``reasons``: a frame from :func:`lost_reasons`.
    """
    if reasons.leads.sum() < SMALL_BASE:
        return exhibits.nothing(words, "reasons", least=SMALL_BASE)
    shown = to_pandas(reasons).head(10)
    drawn = shown.assign(label=[words.name("reasons", reason) for reason in shown.reason])
    picture = pictures.bars(
        drawn, value="share", label="label", low="low", high="high", form=percent, value_label=words.say("axes.of_lost")
    )
    first = shown.iloc[0]
    return exhibits.figure(
        words, "reasons", reasons, picture, first, reading="first",
        name=words.name("reasons", first.reason), reasons=len(reasons), lost=int(reasons.leads.sum()),
        place="notebook",
    )  # fmt: skip
