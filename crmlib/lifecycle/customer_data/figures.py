"""The pictures and tables of the chapter: each draws one measure's table."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib import exhibits, pictures
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.customer_data.account import STATES
from crmlib.lifecycle.customer_data.buyers import ANSWERS, ANY, TOGETHER
from crmlib.lifecycle.customer_data.quality import DIMENSIONS, FAULTS, worst_columns
from crmlib.lifecycle.customer_data.timeline import KINDS
from crmlib.words import Words, last_span, month, percent

words = Words(__file__)


def timeline_table(events_of_one: Any) -> Exhibit:
    """The last 15 events of one customer. ``events_of_one`` from :func:`timeline`."""
    if events_of_one.empty:
        return exhibits.nothing(words, "one_customer", of="tables")
    last = events_of_one.tail(15)
    shown = last.assign(
        at=[f"{at:%Y-%m-%d %H:%M}" for at in last["at"]],
        kind=[*map(_kind, last.kind)],
        what=[_what(*event) for event in zip(last.kind, last.code, last.what, strict=True)],
    ).drop(columns="code")
    return exhibits.table(
        words,
        "one_customer",
        shown,
        shown=len(last),
        all=len(events_of_one),
        kept=last,
        place="notebook",
    )


def plot_timeline(events_of_one: Any) -> Exhibit:
    """A lane for each kind of event over time. ``events_of_one`` from :func:`timeline`."""
    if events_of_one.empty:
        return exhibits.nothing(words, "timeline")
    counts = events_of_one.kind.value_counts()
    lanes = {k: words.say("axes.lane", kind=_kind(k), n=int(counts[k])) for k in KINDS if k in counts.index}
    picture = pictures.timeline(events_of_one, at="at", kind="kind", kinds=lanes, day_form=month)
    return exhibits.figure(
        words, "timeline", events_of_one, picture, place="notebook",
        events=len(events_of_one), kinds=len(lanes), lanes=list(lanes.values()),
        first=events_of_one["at"].min(), last=events_of_one["at"].max(),
        spent=events_of_one[events_of_one.kind == "orders"].amount.sum(),
    )  # fmt: skip


def _kind(kind: str) -> str:
    return words.say("axes.first_seen") if kind == "customers" else words.name("tables", kind)


def _what(kind: str, code: str, own: str) -> str:
    """What happened: the contract's code in words, then the client's own ones."""
    said = words.name(f"codes_of_{kind}", code) if code else ""
    return " · ".join(part for part in (said, own) if part)


def rows_table(rows: Any) -> Exhibit:
    """What became of the rows of each table. ``rows`` from :func:`row_account`."""
    counts = rows[["read", "accepted", "repaired", "quarantined", "by_rule"]].sum()
    shown = rows.rename(columns={"rows": "rows_made"})
    return exhibits.table(words, "rows", shown, counts, kept=rows, place="notebook")


def bridge_table(bridge: Any) -> Exhibit:
    """The way of the money from the export into the table. ``bridge`` from :func:`amount_bridge`."""
    ends = {"read": bridge.amount.iloc[0], "there": bridge.amount.iloc[-1]}
    return exhibits.table(words, "money", bridge, ends, place="notebook")


def plot_quality(scores: Any) -> Exhibit:
    """The columns with the lowest scores by dimension: first those with a fault, then those with most empty cells.

    ``scores``: a frame from :func:`quality_scores`.
    """
    if scores.empty:
        return exhibits.nothing(words, "quality")
    worst = worst_columns(scores)
    names = [words.say("axes.column", row) for row in worst.itertuples(index=False)]
    shown = [name for name in (*DIMENSIONS, "quality_score") if worst[name].notna().any()]
    drawn = worst[shown].assign(place=range(len(worst))).melt("place", var_name="dimension", value_name="value")
    picture = pictures.heat_map(
        drawn, row="place", column="dimension", value="value", rows=dict(enumerate(names)),
        columns={name: words.name("dimensions", name) for name in shown}, form=_share, tone="bad", bottom=1.0, top=0.0,
    )  # fmt: skip
    perfect, faulty = int((scores.quality_score >= 1).sum()), int((scores[list(FAULTS)] < 1).any(axis=1).sum())
    said = zip(names, worst.quality_score, strict=True)
    return exhibits.figure(
        words, "quality", scores, picture, place="notebook",
        reading="perfect" if perfect == len(scores) else "faulty" if faulty else "empty",
        all=len(scores), perfect=perfect, faulty=faulty, shown=len(worst),
        columns=[words.say("axes.score", name=name, score=_share(score)) for name, score in said],
    )  # fmt: skip


def _share(value: float) -> str:
    """A share in which only all is shown as 100 % and only none as 0 %."""
    if value in (0.0, 1.0) or 0.005 <= value < 0.995:
        return percent(value)
    return percent(min(max(value, 0.001), 0.999), digits=1)


def attribution_table(shares: Any, *, history_days: int | None = None) -> Exhibit:
    """Whose revenue it is. ``shares`` from :func:`attribution`; ``history_days``: how far back the orders go."""
    period = last_span(history_days)
    if not shares.orders.any():
        return exhibits.nothing(words, "attribution", of="tables", period=period)
    return exhibits.table(words, "attribution", shares, share=shares.iloc[0].revenue_share, period=period)


def plot_coverage(coverage: Any, found: Any) -> Exhibit:
    """Tables by month: the fuller, the nearer to the table's fullest month; months with an unexplained gap are framed.

    ``coverage`` from :func:`coverage_by_month`, ``found`` from :func:`gaps`.
    """
    import pandas as pd

    if coverage.empty:
        return exhibits.nothing(words, "coverage")
    real = found[found.unexplained.astype(bool)]
    silent = pd.DataFrame(
        [(gap.table, start) for gap in real.itertuples() for start in _months(gap.from_day, gap.to_day)],
        columns=["table", "month"],
    ).drop_duplicates()
    fullest = coverage.groupby("table").rows.transform("max")
    drawn = coverage.assign(share=coverage.rows / fullest).merge(
        silent.assign(silent=True), on=["table", "month"], how="outer"
    )
    drawn["silent"] = drawn.silent.eq(True)
    tables = list(dict.fromkeys(coverage.table))
    first = coverage.month.min()
    picture = pictures.heat_map(
        drawn, row="table", column="month", value="share", rows={name: words.name("tables", name) for name in tables},
        columns={start: month(start) for start in _months(first, drawn.month.max())}, framed="silent", top=1.0,
        scale_form=percent,
    )  # fmt: skip
    rows = coverage.groupby("table", sort=False, as_index=False).rows.sum()
    return exhibits.figure(
        words, "coverage", coverage, picture, place="notebook",
        reading="gaps" if len(real) else "none", tables=len(tables), first=first,
        gaps=len(real), listed=[words.say("axes.table_rows", row) for row in rows.itertuples(index=False)],
    )  # fmt: skip


def _months(first: dt.date, last: dt.date) -> list[dt.date]:
    """The first days of all months from that of one day to that of another."""
    import pandas as pd

    return list(pd.date_range(first.replace(day=1), last, freq="MS").date)


def plot_split_effect(effect: Any) -> Exhibit:
    """How far the numbers move by the share of buyers who are held twice. ``effect`` from :func:`split_effect`."""
    first, last = effect.iloc[0], effect.iloc[-1]
    if not first.buyers:
        return exhibits.nothing(words, "duplicates_effect")
    measures = {"one_time_share": "second", "repeat_rate": "main", "purchases_per_buyer": "good"}
    drawn = effect.assign(**{name: effect[name] / first[name] - 1 if first[name] else 0.0 for name in measures})
    end = drawn.iloc[-1]
    picture = pictures.curves(
        drawn, x="split_share",
        series=[
            pictures.Series(name, words.say("axes.change", measure=name, change=_signed(end[name])), tone)
            for name, tone in measures.items()
        ],
        markers=True, x_form=percent, y_form=_signed, x_label=words.say("axes.split"), y_label=words.say("axes.away"),
    )  # fmt: skip
    return exhibits.figure(
        words, "duplicates_effect", effect, picture, place="notebook",
        reading="moved" if last.buyers > first.buyers else "same",
        share=last.split_share, before=first.repeat_rate, after=last.repeat_rate,
        points=[words.say("axes.point", row) for row in effect.itertuples(index=False)],
    )  # fmt: skip


def _signed(change: float) -> str:
    return f"{'+' if round(change, 2) > 0 else ''}{percent(change)}"


def plot_reach(reached: Any, *, history_days: int | None = None) -> Exhibit:
    """The revenue by what its customers have allowed, for each channel; nothing where no consent is on record.

    ``reached`` from :func:`reach`; ``history_days``: how far back the orders go.
    """
    if not (reached.buyers_yes + reached.buyers_no).any():
        return exhibits.nothing(words, "reach")
    tones = dict(zip(ANSWERS, ("good", "bad", "light"), strict=True))
    picture = pictures.stacked_shares(
        reached.assign(label=[words.name("channels", name) for name in reached.reach_by]), label="label",
        parts=[pictures.Series(f"revenue_{one}", words.name("consents", one), tone) for one, tone in tones.items()],
        form=percent, value_label=words.say("axes.revenue", period=last_span(history_days)),
    )  # fmt: skip
    return exhibits.figure(
        words, "reach", reached, picture, share=reached.set_index("reach_by").revenue_share[ANY],
        shares=[words.say("axes.reach_share", row) for row in reached.itertuples(index=False)],
    )  # fmt: skip


def overlap_table(overlap: Any, *, history_days: int | None = None) -> Exhibit:
    """The ten largest groups of customers by the channels that they allow together; nothing where nobody allows any.

    ``overlap`` from :func:`reach_overlap`; ``history_days``: how far back the orders go.
    """
    if not overlap.channels_count.any():
        return exhibits.nothing(words, "overlap", of="tables")
    columns = ["channels", "buyers_count", "share", "revenue_year", "revenue_share"]
    largest = overlap[columns].head(10)
    named = [[words.name("channels", one) for one in codes.split(TOGETHER)] for codes in largest.channels]
    return exhibits.table(
        words, "overlap", largest.assign(channels=named), kept=largest, place="notebook",
        period=last_span(history_days),
        reading="all" if len(largest) == len(overlap) else "largest", shown=len(largest), groups=len(overlap),
        covered=largest.revenue_share.sum(), single=overlap.revenue_share[overlap.channels_count == 1].sum(),
    )  # fmt: skip


def analyses_table(possible: Any) -> Exhibit:
    """Which analyses can run, and what the others lack. ``possible`` from :func:`analyses`."""
    counts = {state: int((possible.state == state).sum()) for state in STATES}
    named = [[_lacking(one) for one in lacks.split(", ") if one] for lacks in possible.lacks]
    shown = possible.assign(lacks=named)
    return exhibits.table(words, "analyses", shown, counts, all=len(possible), kept=possible, place="notebook")


def _lacking(need: str) -> str:
    table, _, column = need.partition(".")
    return words.say("axes.column", table=table, column=column) if column else words.name("tables", table)
