"""What the scorecard shows: tiles, table, limit charts, forecast and the tree of drivers."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

from crmlib import figures, text
from crmlib.calendar import Period
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.drivers import DRIVERS
from crmlib.lifecycle.scorecard.signal import JUDGED, MOVED
from crmlib.lifecycle.scorecard.words import (
    compared_in_words,
    driver_name,
    known,
    method_in_words,
    period_name,
    signal_in_words,
    signed,
    since_last_year_in_words,
    target_in_words,
    why_not_in_words,
    with_seasons,
)

_STATUS = {"met": "good", "missed": "bad", "unclear": "neutral", "": "neutral"}
MOST_PANELS = 6
_MARKS = (("outside", "bad"), ("run", "second"), ("season", "muted"), ("trend", "muted"))


def show_tiles(card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month", name: str = "tiles") -> figures.Exhibit:
    """The headline KPIs as tiles, and every KPI that misses its target or moved beyond noise.

    ``card``: a frame from :func:`~crmlib.lifecycle.scorecard.overview.scorecard`. Green and red say whether a target
    is met or surely missed; without target whether a signal is good or bad news.
    """
    tiles = []
    for row in card.itertuples(index=False):
        kpi = kpis[row.kpi]
        if row.state != "known" or not (kpi.headline or row.status == "missed" or (row.news and kpi.chart)):
            continue
        interval = text.interval(row.low, row.high, kpi.form)
        notes = [
            period_name(row.period, kpi.period_in(period)),
            text.say("95% interval {interval}", interval=interval) if known(row.low) else "",
            target_in_words(kpi, row.status),
            signal_in_words(row.signal, row.side)
            if row.signal in JUDGED[1:]
            else compared_in_words(kpi, row, kpi.period_in(period)),
            since_last_year_in_words(kpi, row) if row.signal == "trend" else "",
        ]
        status = _STATUS[row.status] if row.status else row.news or "neutral"
        tiles.append(
            {
                "label": str(kpi.name),
                "value": kpi.form(row.value),
                "status": status,
                "note": "\n".join(note for note in notes if note),
            }
        )
    has_target = card[card["status"] != ""]
    return figures.tiles_exhibit(
        tiles,
        name=name,
        title=text.say("Where we stand"),
        reading=text.say(
            "KPIs with a value: {known} of {all}. Targets: {met} met, {missed} missed, {unclear} too close to tell.",
            known=int((card["state"] == "known").sum()),
            all=len(card),
            met=int((has_target["status"] == "met").sum()),
            missed=int((has_target["status"] == "missed").sum()),
            unclear=int((has_target["status"] == "unclear").sum()),
        ),
    )


def scorecard_rows(card: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Any:
    """The scorecard in words, as a table for the report: one row per KPI, those without value with the reason.

    KPIs whose tables or columns are missing have no row: :func:`scorecard_reading` names them.

    A frame of texts: ``kpi_name, kpi_period, actual, target, previous, year_ago, expected, kpi_signal, kpi_owner``.
    """
    import pandas as pd

    rows = []
    for row in card[card["state"] != "missing"].itertuples(index=False):
        kpi = kpis[row.kpi]
        texts = [str(kpi.name), *[text.UNKNOWN] * 6, "", str(kpi.owner)]
        texts[3] = text.UNKNOWN if kpi.target is None else kpi.form(kpi.target)
        if row.state == "known":
            texts[1], texts[2] = period_name(row.period, kpi.period_in(period)), kpi.form(row.value)
            texts[4], texts[5] = kpi.form(row.previous), kpi.form(row.year_ago)
            texts[6] = _expected(row, kpi)
            texts[7] = signal_in_words(row.signal, row.side)
        else:
            texts[7] = why_not_in_words(row, kpi)
        rows.append(texts)
    columns = [
        "kpi_name", "kpi_period", "actual", "target", "previous", "year_ago", "expected", "kpi_signal", "kpi_owner",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _expected(row: Any, kpi: Kpi) -> str:
    if not known(row.forecast):
        return text.UNKNOWN
    if not known(row.forecast_low):
        return kpi.form(row.forecast)
    return text.interval(row.forecast_low, row.forecast_high, kpi.form)


def scorecard_reading(card: Any, kpis: Mapping[str, Kpi], *, level: float = 0.8, has_contracts: bool = False) -> str:
    """One sentence that reads the scorecard's table: what lies beyond noise, and how good the forecasts were.

    KPIs with ``chart: false`` (which say the same as another one) and stocks are not counted. A second sentence names
    the KPIs that need what the client does not have. ``has_contracts``: the client has subscriptions, so a sentence
    tells that churn here is something else.
    """
    reading, lacking = _signals_and_forecasts(card, kpis, level), card[card["state"] == "missing"]
    if has_contracts and (card["kpi"] == "churn_rate").any():
        reading = text.say(
            "{reading} {churn} counts customers whose orders fell silent, not contracts that ended: for these see "
            "Retention.",
            reading=reading,
            churn=str(kpis["churn_rate"].name),
        )
    if lacking.empty:
        return reading
    return text.say(
        "{reading} Not available: {names}; they need {missing}.",
        reading=reading,
        names=", ".join(str(kpis[key].name) for key in lacking["kpi"]),
        missing=", ".join(dict.fromkeys(part for parts in lacking["missing"] for part in parts.split(", "))),
    )


def _signals_and_forecasts(card: Any, kpis: Mapping[str, Kpi], level: float) -> str:
    card = card[card["kpi"].map(lambda key: kpis[key].chart)]
    shown = card[(card["state"] == "known") & card["signal"].isin(JUDGED)]
    tries = card["tries"].fillna(0).sum()
    if not tries:
        return text.say(
            "Of {judged} KPIs with enough history {signals} show a signal; there are too few periods to try out "
            "forecasts.",
            judged=len(shown),
            signals=int(shown["signal"].isin(["outside", "run"]).sum()),
        )
    return text.say(
        "Of {judged} KPIs with enough history {signals} show a signal. Intervals of expected values are meant to "
        "hold {level} of what comes; tried out on the past, they held {held}.",
        judged=len(shown),
        signals=int(shown["signal"].isin(["outside", "run"]).sum()),
        level=text.percent(level),
        held=text.percent(card["covered"].fillna(0).sum() / tries),
    )


def plot_limits(limits: Any, kpis: Mapping[str, Kpi], *, period: Period = "month") -> Any:
    """Up to six KPIs over time with their natural process limits, signals marked; answers the Axes of the first.

    ``limits``: a frame from :func:`~crmlib.lifecycle.scorecard.signal.natural_limits`. KPIs whose last value is a
    signal come first, then those that have a tile, then the others in the order of their definitions; KPIs with
    ``chart: false`` or without limits are left out. None if no KPI has limits.
    """
    drawn = _to_draw(limits, kpis)
    if not drawn:
        return None
    columns = 2 if len(drawn) in (2, 4) else min(3, len(drawn))
    lines = -(-len(drawn) // columns)
    size = (11.0 if columns == 3 else 4.6 * columns, 2.9 * lines)
    panels = figures.new_panels(len(drawn), columns=columns, width=size[0], height=size[1])
    for axes, key in zip(panels, drawn, strict=True):
        _draw_limits(axes, limits[limits["kpi"] == key], kpis[key], period)
    _mark(panels[0].get_figure())
    last = limits[limits["kpi"].isin(drawn)].groupby("kpi").tail(1).set_index("kpi").loc[drawn]
    signals = [str(kpis[key].name) for key in drawn if last.loc[key, "signal"] in MOVED]
    if signals:
        reading = text.say(
            "Signals in the last period: {names}. Points between the dotted limits are noise, whatever they seem to "
            "tell.",
            names=", ".join(signals),
        )
    else:
        reading = text.say("No signal in the last period: what moved between the dotted limits is noise.")
    return figures.caption(
        panels[0],
        title=text.say("Signal or noise"),
        reading=reading,
        description=text.say(
            "Small line charts of {names} over time, each with its mean and its natural process limits; of the "
            "{points} points {beyond} lie beyond the limits or eight in a row on one side, and {explained} more as a "
            "year ago or on a trend.",
            names=", ".join(str(kpis[key].name) for key in drawn),
            points=int(limits["kpi"].isin(drawn).sum()),
            beyond=int((limits["kpi"].isin(drawn) & limits["signal"].isin(MOVED)).sum()),
            explained=int((limits["kpi"].isin(drawn) & limits["signal"].isin(["season", "trend"])).sum()),
        ),
    )


def _to_draw(limits: Any, kpis: Mapping[str, Kpi]) -> list[str]:
    last = limits.groupby("kpi", sort=False).tail(1).set_index("kpi")
    able = [key for key in kpis if key in last.index and kpis[key].chart and known(last.loc[key, "centre"])]
    rank = {key: (last.loc[key, "signal"] not in MOVED, not kpis[key].headline) for key in able}
    return sorted(able, key=lambda key: rank[key])[:MOST_PANELS]


def _mark(figure: Any) -> None:
    """What the colours of the points mean, below the panels."""
    from matplotlib.lines import Line2D

    said = {
        "bad": text.say("signal: beyond a limit"),
        "second": text.say("signal: eight or more in a row on one side"),
        "muted": text.say("beyond, but as a year ago or on its trend"),
    }
    points = [
        Line2D([], [], linestyle="", marker="o", markersize=5.5, color=figures.COLOURS[colour], label=words)
        for colour, words in said.items()
    ]
    figure.legend(handles=points, loc="outside lower center", ncols=len(points), fontsize=9)


def _draw_limits(axes: Any, limits: Any, kpi: Kpi, period: Period) -> None:
    import numpy as np

    x = np.arange(len(limits))
    value = limits["value"].to_numpy(dtype=float)
    centre = limits["centre"].iloc[0]
    lower, upper = max(limits["lower"].iloc[0], kpi.possible[0]), min(limits["upper"].iloc[0], kpi.possible[1])
    axes.axhspan(lower, upper, color=figures.COLOURS["light"], alpha=0.45, linewidth=0)
    axes.axhline(centre, color=figures.COLOURS["muted"], linewidth=1)
    for limit in (lower, upper):
        axes.axhline(limit, color=figures.COLOURS["muted"], linewidth=1, linestyle=":")
    axes.plot(x, value, color=figures.COLOURS["main"], linewidth=1.4, marker="o", markersize=3)
    for signal, colour in _MARKS:
        there = (limits["signal"] == signal).to_numpy()
        axes.plot(x[there], value[there], "o", color=figures.COLOURS[colour], markersize=5.5)
    ticks = sorted({0, len(x) // 2, len(x) - 1})
    axes.set_xticks(ticks, [period_name(limits["period"].iloc[i], kpi.period_in(period)) for i in ticks], fontsize=8.5)
    axes.yaxis.set_major_formatter(lambda tick, _position: kpi.form(tick))
    axes.tick_params(axis="y", labelsize=8.5)
    axes.set_title(str(kpi.name), fontsize=10, loc="left")


def plot_forecast(values: Any, ahead: Any, kpi: Kpi, *, period: Period = "month", level: float = 0.8) -> Any:
    """One KPI's past and what to expect next with its interval; answers the Axes, None without a forecast.

    ``values`` from :func:`~crmlib.lifecycle.scorecard.values.kpi_values`, ``ahead`` from
    :func:`~crmlib.lifecycle.scorecard.forecasting.forecast`.
    """
    past = values[(values["kpi"] == kpi.key) & values["judged"]]
    coming = ahead[(ahead["kpi"] == kpi.key) & ahead["low"].notna()]
    if coming.empty:
        return None
    axes = figures.new_axes()
    x = list(range(len(past)))
    x_ahead = list(range(len(past), len(past) + len(coming)))
    axes.plot(x, past["value"], color=figures.COLOURS["main"], marker="o", markersize=3.5)
    axes.fill_between(x_ahead, coming["low"], coming["high"], color=figures.COLOURS["second"], alpha=0.25, linewidth=0)
    for at, low, high in zip(x_ahead, coming["low"], coming["high"], strict=True):
        axes.plot([at, at], [low, high], color=figures.COLOURS["second"], linewidth=1)
    axes.plot(
        [x[-1], *x_ahead], [past["value"].iloc[-1], *coming["forecast"]], color=figures.COLOURS["second"], marker="o",
        markersize=3.5, linestyle="--",
    )  # fmt: skip
    names = [period_name(start, kpi.period_in(period)) for start in [*past["period"], *coming["period"]]]
    ticks = range(len(names) - 1, -1, -max(1, -(-len(names) // 7)))
    axes.set_xticks(ticks, [names[i] for i in ticks])
    axes.yaxis.set_major_formatter(lambda tick, _position: kpi.form(tick))
    axes.set_ylim(bottom=0 if kpi.possible[0] == 0 else None)
    step = coming.iloc[0]
    return figures.caption(
        axes,
        title=text.say("What to expect: {kpi}", kpi=str(kpi.name)),
        reading=text.say(
            "Expected next is {value}, with {level} probability between {low} and {high}; forecast from {method}, "
            "whose intervals held {covered} of {tries} values of the past.",
            value=kpi.form(step["forecast"]),
            level=text.percent(level),
            low=kpi.form(step["low"]),
            high=kpi.form(step["high"]),
            method=method_in_words(step["method"]),
            covered=int(step["covered"]),
            tries=int(step["tries"]),
        ),
        description=text.say(
            "Line chart of {kpi} over {count} periods, last {last}, then {steps} expected values from {first} to "
            "{end} in a band that is their interval.",
            kpi=str(kpi.name),
            count=len(past),
            last=kpi.form(past["value"].iloc[-1]),
            steps=len(coming),
            first=kpi.form(coming["forecast"].iloc[0]),
            end=kpi.form(coming["forecast"].iloc[-1]),
        ),
    )


def plot_driver_tree(tree: Any) -> Any:
    """From the revenue before to the revenue after, driver by driver, with 95% intervals; answers the Axes.

    ``tree``: a frame from :func:`~crmlib.lifecycle.scorecard.drivers.driver_tree`. None for an empty one.
    """
    if tree.empty:
        return None
    node = tree.set_index("driver")
    root = node.loc["revenue"]
    drivers = [driver for driver in DRIVERS if driver in node.index and node.loc[driver, "contribution"] != 0]
    axes = figures.new_axes(9.0, 4.4)
    level = root["before"]
    axes.bar(0, level, color=figures.COLOURS["main"], width=0.62)
    for place, driver in enumerate(drivers, start=1):
        part = node.loc[driver]
        change = part["contribution"]
        axes.bar(place, change, bottom=level, color=figures.COLOURS["good" if change > 0 else "bad"], width=0.62)
        axes.plot([place - 0.69, place + 0.31], [level, level], color=figures.COLOURS["muted"], linewidth=0.8)
        ends = [level + part["contribution_low"], level + part["contribution_high"]]
        axes.plot([place, place], ends, color=figures.COLOURS["ink"], linewidth=1)
        top = max(level, level + change, *ends)
        axes.annotate(
            signed(text.money(change), change), (place, top), ha="center", va="bottom", fontsize=9,
            xytext=(0, 3), textcoords="offset points",
        )  # fmt: skip
        level += change
    axes.bar(len(drivers) + 1, root["after"], color=figures.COLOURS["main"], width=0.62)
    for place, amount in ((0, root["before"]), (len(drivers) + 1, root["after"])):
        axes.annotate(
            text.money(amount), (place, amount), ha="center", va="bottom", fontsize=9,
            xytext=(0, 3), textcoords="offset points",
        )  # fmt: skip
    months = int(root["months"])
    names = [
        text.say("{months}-month time before", months=months),
        *[driver_name(driver) for driver in drivers],
        text.say("last {months}-month time", months=months),
    ]
    axes.set_xticks(range(len(names)), [_broken(name) for name in names])
    axes.margins(y=0.1)
    figures.money_axis(axes.yaxis)
    biggest = biggest_driver(tree)
    reading = text.say(
        "Revenue went from {before} to {after}; the driver that moved it most is “{driver}” with {contribution}.",
        before=text.money(root["before"]),
        after=text.money(root["after"]),
        driver=driver_name(biggest),
        contribution=signed(text.money(node.loc[biggest, "contribution"]), node.loc[biggest, "contribution"]),
    )
    return figures.caption(
        axes,
        title=text.say("Why revenue changed"),
        reading=reading if months % 12 == 0 else with_seasons(reading),
        description=text.say(
            "Waterfall chart from the revenue of a {months}-month time, {before}, to that of the {months}-month time "
            "after it, {after}: {parts}.",
            months=months,
            before=text.money(root["before"]),
            after=text.money(root["after"]),
            parts=", ".join(
                text.say(
                    "{driver} {contribution}",
                    driver=driver_name(driver),
                    contribution=signed(text.money(node.loc[driver, "contribution"]), node.loc[driver, "contribution"]),
                )
                for driver in drivers
            ),
        ),
    )


def biggest_driver(tree: Any) -> str:
    """The driver with the largest contribution of the change's own sign. Customers count as one driver, net.

    Who came and who went are large numbers in any trade; what moves revenue is what is left of them.
    """
    node = tree.set_index("driver")["contribution"]
    net = node.drop(["revenue", "new_customers", "returned_customers", "lost_customers"], errors="ignore")
    change = node["revenue"]
    return str((net * change if change else net.abs()).idxmax())


def driver_rows(tree: Any) -> Any:
    """The tree in words, for a small table: ``driver_name, before, after, contribution`` as texts.

    Money for revenue, order value and guests; counts for customers; orders per customer with two decimals.
    """
    import pandas as pd

    forms = {"revenue": text.money, "guests": text.money}
    rows = []
    for row in tree.itertuples(index=False):
        form = forms.get(row.driver, text.number)
        if row.driver == "order_value":
            before, after = text.money(row.before, digits=2), text.money(row.after, digits=2)
        elif row.driver == "orders_per_customer":
            before, after = text.number(row.before, digits=2), text.number(row.after, digits=2)
        else:
            before, after = form(row.before), form(row.after)
        rows.append((driver_name(row.driver), before, after, signed(text.money(row.contribution), row.contribution)))
    return pd.DataFrame(rows, columns=["driver_name", "node_before", "node_after", "contribution"])


def _broken(name: str) -> str:
    """A label on several lines, so that labels do not run into each other."""
    return fill(name, 11, break_long_words=False)
