"""What the scorecard shows: tiles, table, limit charts, forecast, the bridge of revenue, and definitions."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlib import exhibits, pictures
from crmlib.calendar import Period
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.drivers import DRIVERS
from crmlib.lifecycle.scorecard.forecasting import FEWEST_TRIED, LEVEL
from crmlib.lifecycle.scorecard.measures import BASE_MEASURES
from crmlib.lifecycle.scorecard.signal import JUDGED, MOVED
from crmlib.words import UNKNOWN, Words, interval, known, number, percent, place, short, sums

words = Words(__file__)

MOST_PANELS = 6
_STATUS = {"met": "good", "missed": "bad", "unclear": "neutral"}
_HEADS = ("new_customers", "new_or_returned", "returned_customers", "lost_customers")


def scorecard_tiles(card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Exhibit:
    """The headline KPIs as tiles, and every KPI that misses its target or moved beyond noise.

    ``card``: a frame from :func:`scorecard`. Green and red say whether a target is met or surely missed; without
    target whether a signal is good or bad news.
    """
    with_value = card[card["state"] == "known"]
    shown = [
        _tile(row, kpis[row.kpi], period)
        for row in with_value.itertuples(index=False)
        if kpis[row.kpi].headline or row.status == "missed" or (row.news and kpis[row.kpi].chart)
    ]
    counts = {name: int((card["status"] == name).sum()) for name in _STATUS}
    reading = "targets" if any(counts.values()) else "none"
    return exhibits.tiles(
        words, "tiles", shown, counts, reading=reading, place="notebook", known=len(with_value), all=len(card)
    )


def _tile(row: Any, kpi: Kpi, period: Period) -> dict[str, str]:
    own = kpi.period_in(period)
    moved = row.signal in JUDGED[1:]
    notes = [
        period_name(row.period, own),
        words.say("told.interval", interval=interval(row.low, row.high, kpi.form)) if known(row.low) else "",
        words.say(f"told.{row.status}", target=kpi.form(kpi.target)) if row.status else "",
        told_signal(row.signal, row.side) if moved else _compared(kpi, row, own),
        _since_last_year(kpi, row) if row.signal == "trend" and known(row.year_ago) else "",
    ]
    status = _STATUS.get(row.status) or row.news or "neutral"
    return {"label": kpi.name, "value": kpi.form(row.value), "status": status, "note": "\n".join(filter(None, notes))}


def scorecard_table(
    card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month", has_contracts: bool = False, margin: float = 0.0
) -> Exhibit:
    """The scorecard: one row per KPI, those without value with the reason; those whose tables are missing are named.

    ``card``: a frame from :func:`scorecard`, kept as it is; ``has_contracts``: the client has
    subscriptions, so a sentence tells that churn here is something else; ``margin``: with which customers were valued,
    so a sentence tells where none is set (1) and value is revenue.
    """
    rows = [_cells(row, kpis[row.kpi], period) for row in card[card["state"] != "missing"].itertuples(index=False)]
    if not rows:
        return exhibits.nothing(words, "card", of="tables")
    said = _notes_on(card, kpis, has_contracts=has_contracts, margin=margin)
    return exhibits.table(words, "card", pd.DataFrame(rows), kept=card, said=said, place="notebook")


def _cells(row: Any, kpi: Kpi, period: Period) -> dict[str, str]:
    there = row.state == "known"
    has_range = known(row.forecast_low)
    expected = interval(row.forecast_low, row.forecast_high, kpi.form) if has_range else kpi.form(row.forecast)
    return {
        "kpi": kpi.name,
        "period": period_name(row.period, kpi.period_in(period)),
        "actual": kpi.form(row.value),
        "target": kpi.form(kpi.target),
        "previous": kpi.form(row.previous),
        "year_ago": kpi.form(row.year_ago),
        "expected": expected,
        "signal": told_signal(row.signal, row.side) if there else words.say(f"told.{row.state}", fewest=kpi.fewest),
        "owner": kpi.owner,
    }


def _notes_on(card: Any, kpis: Mapping[str, Kpi], *, has_contracts: bool, margin: float) -> list[str]:
    """What lies beyond noise, how good the forecasts were, and which KPIs need what the client does not have.

    KPIs with ``chart: false`` (which say the same as another one) and stocks are not counted.
    """
    charted = card[card["kpi"].map(lambda key: kpis[key].chart)]
    judged = charted[(charted["state"] == "known") & charted["signal"].isin(JUDGED)]
    tries, covered = charted[["tries", "covered"]].fillna(0).sum()
    lacking = card[card["state"] == "missing"]
    counts = {"judged": len(judged), "signals": int(judged["signal"].isin(MOVED).sum())}
    notes = [
        words.say("notes.judged" if len(judged) else "notes.unjudged", counts),
        words.say("notes.tried", level=LEVEL, held=covered / tries)
        if tries >= FEWEST_TRIED
        else words.say("notes.untried"),
    ]
    if has_contracts and (card["kpi"] == "churn_rate").any():
        notes.append(words.say("notes.contracts", name=kpis["churn_rate"].name))
    if margin == 1 and (card.loc[card["state"] == "known", "kpi"] == "clv").any():
        notes.append(words.say("notes.revenue", name=kpis["clv"].name))
    if len(lacking):
        needs = dict.fromkeys(", ".join(lacking["missing"]).split(", "))
        names = [kpis[key].name for key in lacking["kpi"]]
        notes.append(words.say("notes.lacking", names=names, missing=list(map(_table_or_column, needs))))
    return notes


def _table_or_column(need: str) -> str:
    table, _, column = need.partition(".")
    name = words.name("tables", table)
    return words.say("told.column", table=name, column=column) if column else name


def plot_limits(limits: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Exhibit:
    """Up to six KPIs over time with their natural process limits, signals in the colour of good or bad news.

    ``limits``: a frame from :func:`natural_limits`. KPIs whose last value is a signal come first, then those that have
    a tile, then the others in the order of their definitions; KPIs with ``chart: false`` or without limits are left
    out.
    """
    last = limits.groupby("kpi", sort=False).tail(1).set_index("kpi")
    able = [key for key in kpis if key in last.index and kpis[key].chart and known(last.loc[key, "centre"])]
    moved = {key: last.loc[key, "signal"] in MOVED for key in able}
    drawn = sorted(able, key=lambda key: (not moved[key], not kpis[key].headline))[:MOST_PANELS]
    if not drawn:
        return exhibits.nothing(words, "limits")
    columns = 2 if len(drawn) in (2, 4) else min(3, len(drawn))
    panels = [_limit_chart(limits[limits["kpi"] == key], kpis[key], period) for key in drawn]
    names = [kpis[key].name for key in drawn]
    picture = pictures.small_multiples(
        panels, titles=names, columns=columns, width=9.6 if columns == 3 else 4.6 * columns, panel_height=2.9
    )
    shown = limits[limits["kpi"].isin(drawn)]
    signals = [kpis[key].name for key in drawn if moved[key]]
    counts = {
        "points": len(shown),
        "beyond": int(shown["signal"].isin(MOVED).sum()),
        "explained": int(shown["signal"].isin(["season", "trend"]).sum()),
    }
    reading = "signals" if signals else "noise"
    return exhibits.figure(words, "limits", limits, picture, counts, reading=reading, names=signals, drawn=names)


def _limit_chart(limits: Any, kpi: Kpi, period: Period) -> pictures.Picture:
    least, most = kpi.possible

    def tone(row: Any) -> str:
        if row.signal not in MOVED:
            return "muted" if row.signal else "main"
        return {True: "good", False: "bad", None: "second"}[kpi.improved(row.value, row.centre)]

    drawn = limits.assign(
        label=[period_name(start, kpi.period_in(period)) for start in limits["period"]],
        lower=limits["lower"].clip(lower=least),
        upper=limits["upper"].clip(upper=most),
        tone=[tone(row) for row in limits.itertuples(index=False)],
    )
    return pictures.control_chart(
        drawn, value="value", label="label", centre="centre", lower="lower", upper="upper", tone="tone", form=kpi.form
    )


def plot_forecast(values: Any, ahead: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Exhibit:
    """The past of the first KPI that has a forecast, and what to expect next with its interval.

    ``values`` from :func:`kpi_values`, ``ahead`` from :func:`forecast`.
    """
    coming = ahead[ahead["low"].notna()]
    kpi = next((kpi for key, kpi in kpis.items() if key in set(coming["kpi"])), None)
    if kpi is None:
        return exhibits.nothing(words, "forecast")
    past, coming = values[(values["kpi"] == kpi.key) & values["judged"]], coming[coming["kpi"] == kpi.key]
    now, step, last = past["value"].iloc[-1], coming.iloc[0], coming.iloc[-1]
    # The dashed line and its band begin at the last value.
    from_now = past[["period", "value"]].tail(1).assign(forecast=now, low=now, high=now)
    lines = pd.concat([past[["period", "value"]].iloc[:-1], from_now, coming[["period", "forecast", "low", "high"]]])
    periods = [period_name(day, kpi.period_in(period)) for day in lines["period"]]
    picture = pictures.curves(
        lines.assign(at=range(len(lines)), label=periods),
        x="at", x_names="label", markers=True, y_form=kpi.form,
        y_limits=(0.0 if kpi.possible[0] == 0 else None, None),
        series=[
            pictures.Series("value", tone="main"),
            pictures.Series("forecast", words.say("axes.expected"), "second", "low", "high", kind="dashed"),
        ],
    )  # fmt: skip
    ends = {"value": step["forecast"], "low": step["low"], "high": step["high"], "last": now, "end": last["forecast"]}
    worded = {name: kpi.form(end) for name, end in ends.items()}
    return exhibits.figure(
        words, "forecast", ahead, picture, {**step[["method", "covered", "tries"]], **worded},
        name=kpi.name, level=LEVEL, periods=len(past), steps=len(coming),
        reading="tried" if step["tries"] >= FEWEST_TRIED else "untried",
    )  # fmt: skip


def plot_driver_tree(tree: Any) -> Exhibit:
    """From the revenue before to the revenue after, driver by driver, with 95% intervals.

    ``tree``: a frame from :func:`driver_tree`.
    """
    if tree.empty:
        return exhibits.nothing(words, "drivers")
    node = tree.set_index("driver")
    root = node.loc["revenue"]
    changes = node.loc[[name for name in DRIVERS if name in node.index and node.loc[name, "contribution"] != 0]]
    months = int(root["months"])
    told, after, step = sums([root["before"], *changes["contribution"]], root["after"], fixed=1)
    before, parts = told[0], dict(zip(changes.index, told[1:], strict=True))
    form, change_form = (functools.partial(short, sign=sign, step=step) for sign in (False, True))
    ends = pd.DataFrame({"value": [before, after], "total": True}).assign(
        label=[words.say("axes.before", months=months), words.say("axes.after", months=months)]
    )
    bars = pd.DataFrame({"value": parts, "total": False}).assign(
        low=changes["contribution_low"], high=changes["contribution_high"],
        label=[words.name("drivers", driver) for driver in changes.index],
    )  # fmt: skip
    drawn = pd.concat([ends.head(1), bars, ends.tail(1)])
    picture = pictures.bridge(
        drawn, value="value", label="label", total="total", low="low", high="high", form=form, change_form=change_form
    )
    biggest = biggest_driver(tree)
    moved = parts.get(biggest, node.loc[biggest, "contribution"])
    return exhibits.figure(
        words, "drivers", tree, picture, reading="seasons" if months % 12 else "years", months=months,
        before=form(before), after=form(after), driver=biggest, contribution=change_form(moved),
        parts=[
            words.say("axes.driver_change", driver=driver, contribution=change_form(part))
            for driver, part in parts.items()
        ],
    )  # fmt: skip


def biggest_driver(tree: Any) -> str:
    """The driver with the largest contribution of the change's own sign. Customers count as one driver, net.

    Who came and who went are large numbers in any trade; what moves revenue is what is left of them.
    """
    node = tree.set_index("driver")["contribution"]
    net = node.drop(["revenue", *_HEADS], errors="ignore")
    change = node["revenue"]
    return str((net * change if change else net.abs()).idxmax())


def drill_down_table(groups: Any) -> Exhibit:
    """Where the change of revenue came from, and through what.

    ``groups``: a frame from :func:`drill_down`; nothing to show for fewer than two groups.
    """
    if len(groups) < 2:
        return exhibits.nothing(words, "drill_down", of="tables")
    worded = _worded_split(groups)
    return exhibits.table(
        words, "drill_down", groups, worded=worded, group=words.cell("group", groups["group"].iloc[0]),
        change=worded["change"][0],
    )  # fmt: skip


def _worded_split(groups: Any) -> dict[str, list[str]]:
    """The money of :func:`drill_down` in words, all in one step, so that each row adds up as it is printed."""
    through = [str(column) for column in groups.columns if str(column).startswith("through_")]
    step = sums([*groups.revenue_before, *groups.revenue_after], 0.0)[2]
    rows = []
    for row in groups.to_dict("records"):
        (before, after), _, _ = sums([-row["revenue_before"], row["revenue_after"]], row["change"], fixed=2, step=step)
        given = [name for name in through if known(row[name])]
        parts, _, _ = sums([row[name] for name in given], before + after, step=step)
        told = dict(zip(given, parts, strict=True)) if len(given) == len(through) else row
        rows.append(
            {"revenue_before": short(-before, step=step), "revenue_after": short(after, step=step)}
            | {"change": short(before + after, sign=True, step=step)}
            | {name: short(told[name], sign=True, step=step) for name in through}
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def kpi_glossary(kpis: Mapping[str, Kpi]) -> Exhibit:
    """Every KPI with its definition in words, for the report's appendix."""
    return exhibits.definitions(words, "kpis", {kpi.name: kpi.definition for kpi in kpis.values()})


def measures_table() -> Exhibit:
    """The base measures that formulas may hold, for who writes definitions."""
    rows = [(name, of.table, words.name("measures", name)) for name, of in BASE_MEASURES.items()]
    frame = pd.DataFrame(rows, columns=["measure", "table", "meaning"])
    return exhibits.table(words, "measures", frame, place="notebook")


# Values, changes and periods as they are told


def signed(worded: str, value: float) -> str:
    """A worded number with a plus before it where it is above zero."""
    return f"+{worded}" if value > 0 else worded


def period_name(start: Any, period: Period) -> str:
    """What a period is called; ``–`` where there is none.

    >>> import datetime as dt
    >>> period_name(dt.date(2025, 10, 1), "month"), period_name(dt.date(2025, 10, 6), "week"), period_name(None, "week")
    ('Oct 2025', 'week of Oct 6, 2025', '–')
    """
    if not known(start):
        return UNKNOWN
    return words.say("axes.week", start=start) if period == "week" else place(start, period)


def told_signal(signal: str, side: int) -> str:
    """What the limits say of the last value's level."""
    at = f"signals.{signal or 'noise'}"
    of_side = f"{at}.{'above' if side > 0 else 'below'}"
    return words.say(of_side if words.has(of_side) else at)


def _change(kpi: Kpi, new: float, old: float) -> str:
    """The change of a KPI: in points for rates and scores, else in per cent of the old value."""
    rate = kpi.unit.startswith("percent")
    if rate or kpi.unit == "score":
        points = (new - old) * (100 if rate else 1)
        change = signed(number(points, digits=1), round(points, 1))
        return words.say("told.points" if rate else "told.score", change=change)
    if not old:
        return signed(kpi.form(new - old), new - old)
    share = new / old - 1
    return signed(percent(share, digits=1), round(share, 3))


def _compared(kpi: Kpi, row: Any, period: Period) -> str:
    """The change against the value before, and whether it means something.

    A change within the usual ones is noise. But if the value's own interval leaves the value before out, it is real,
    though small: then it is called what it may be, a season.
    """
    if not known(row.previous):
        return words.say("compared.first")
    within = not known(row.low) or row.low <= row.previous <= row.high
    said = (
        "plain" if row.signal in ("none", "stock")
        else "signal" if row.change_signal
        else "noise" if within
        else "season" if _as_a_year_ago(row)
        else "usual"
    )  # fmt: skip
    values = {"change": _change(kpi, row.value, row.previous), "before": period_name(row.previous_period, period)}
    return words.say(f"compared.{said}", values, year_ago=kpi.form(row.year_ago))


def _as_a_year_ago(row: Any) -> bool:
    """Whether the value is at least twice as near to that of a year ago as to the one before."""
    return bool(known(row.year_ago) and 2 * abs(row.value - row.year_ago) <= abs(row.value - row.previous))


def _since_last_year(kpi: Kpi, row: Any) -> str:
    change = _change(kpi, row.value, row.year_ago)
    return words.say("compared.year", change=change, year_ago=kpi.form(row.year_ago))
