"""The pictures and tables of the chapter: who is likely still there, was the model right, where the value lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlib import figures, text
from crmlib.lifecycle.clv.model_names import SURELY_ALIVE, method_in_words
from crmlib.lifecycle.clv.validation.verdict import TOLERABLE_MISS, within_chance


def plot_alive_grid(grid: pd.DataFrame) -> Any:
    """P(alive) and expected orders by repeat orders and weeks of silence; answers the Axes.

    ``grid``: from :func:`~crmlib.lifecycle.clv.alive_grid`, not empty. Where the model takes all customers who
    bought once for alive by construction (BG/NBD), their line is hatched.
    """
    from matplotlib.patches import Rectangle

    lines = grid.drop_duplicates("frequency_order").sort_values("frequency_order")
    columns = grid.drop_duplicates("silence_order").sort_values("silence_order")
    row = {order: i for i, order in enumerate(lines["frequency_order"])}
    column = {order: i for i, order in enumerate(columns["silence_order"])}
    axes = figures.new_axes(8.0, max(1.6 + 0.52 * len(lines), 2.8))
    axes.grid(False)
    shade = _shades()
    of_once = grid.loc[grid["frequency_order"] == 0, "p_alive"]
    cannot_tell = bool((of_once >= SURELY_ALIVE).all())
    for cell in grid.itertuples(index=False):
        at = (column[cell.silence_order] - 0.5, row[cell.frequency_order] - 0.5)
        known = cell.frequency_order > 0 or not cannot_tell
        axes.add_patch(
            Rectangle(
                at, 1, 1, linewidth=1.5, edgecolor="white", hatch=None if known else "////",
                facecolor=shade(cell.p_alive) if known else figures.COLOURS["light"],
            )
        )  # fmt: skip
        axes.text(
            at[0] + 0.5, at[1] + 0.5,
            text.say("{p_alive} · {orders}", p_alive=text.percent(cell.p_alive) if known else text.UNKNOWN,
                     orders=text.number(cell.expected_orders, digits=1)),
            ha="center", va="center", fontsize=9.5,
            color="white" if known and cell.p_alive > 0.6 else figures.COLOURS["ink"],
            bbox=None if known else {"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(-0.5, len(lines) - 0.5)
    axes.set_xticks(range(len(columns)), columns["silence"])
    axes.set_yticks(range(len(lines)), lines["frequency"])
    axes.set_xlabel(
        text.say("Weeks since the last order")
        + "\n"
        + text.say("(in each cell: probability of still being a customer · orders expected in the next 12 months)")
    )
    axes.set_ylabel(text.say("Repeat orders so far"))
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    told = grid[grid["frequency_order"] > 0] if cannot_tell else grid
    values = {
        "doubtful": int(told.loc[told["p_alive"] < 0.5, "customers"].sum()),
        "told": int(told["customers"].sum()),
        "once": int(grid.loc[grid["frequency_order"] == 0, "customers"].sum()),
        "cells": "; ".join(
            text.say(
                "{frequency} repeat orders, {silence} weeks: {p_alive}, orders {orders}, customers {customers}",
                frequency=cell.frequency,
                silence=cell.silence,
                p_alive=text.percent(cell.p_alive),
                orders=text.number(cell.expected_orders, digits=1),
                customers=int(cell.customers),
            )
            for cell in told.itertuples(index=False)
        ),
    }
    title = text.say("Who is probably still a customer")
    if not cannot_tell:
        return figures.caption(
            axes,
            title=title,
            reading=text.say(
                "{doubtful} of the {told} customers are in cells where they are more likely gone than not.", **values
            ),
            description=text.say(
                "Grid. Across: weeks since the last order; up: repeat orders so far. Each cell shows the mean "
                "probability of still being a customer and the mean of the orders expected in the next 12 months. "
                "{cells}.",
                **values,
            ),
        )
    return figures.caption(
        axes,
        title=title,
        reading=text.say(
            "{doubtful} of the {told} customers who came back are in cells where they are more likely gone than not; "
            "of the {once} who bought once, the model cannot tell.",
            **values,
        ),
        description=text.say(
            "Grid. Across: weeks since the last order; up: repeat orders so far. Each cell shows the mean probability "
            "of still being a customer and the mean of the orders expected in the next 12 months. {cells}. The line "
            "of 0 repeat orders is hatched, because the model takes everyone in it for alive.",
            **values,
        ),
    )


def _shades() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("alive", [figures.COLOURS["light"], figures.COLOURS["main"]])


def plot_holdout(comparison: pd.DataFrame, weeks: pd.DataFrame, total: pd.DataFrame) -> Any:
    """Was the model right about the time held out: by earlier frequency, and week by week; answers the left Axes.

    ``comparison``: from :func:`~crmlib.lifecycle.clv.holdout_comparison`; ``weeks``: from
    :func:`~crmlib.lifecycle.clv.tracking`; ``total``: from
    :func:`~crmlib.lifecycle.clv.holdout_total`, all of the same model.
    """
    axes = figures.new_axes(10.0, 4.2)
    whole = axes.get_figure().add_gridspec(1, 2, width_ratios=[5, 6])
    axes.set_subplotspec(whole[0])
    course = axes.get_figure().add_subplot(whole[1])
    _draw_by_frequency(axes, comparison)
    _draw_weeks(course, weeks)
    one = total.iloc[0]
    values = {
        "expected": text.number(one["expected_orders"]),
        "interval": text.interval(one["expected_low"], one["expected_high"]),
        "actual": text.number(one["actual_orders"]),
        "weeks": round(float(one["weeks"])),
    }
    if within_chance(total):
        reading = text.say(
            "In the {weeks} weeks held out (right of the dashed line), {actual} orders (several on one day count once) "
            "came where the model expected {expected} ({interval}): no more of a difference than chance makes.",
            **values,
        )
    elif abs(one["missed"]) < TOLERABLE_MISS:
        reading = text.say(
            "In the {weeks} weeks held out (right of the dashed line), {actual} orders (several on one day count once) "
            "came where the model expected {expected} ({interval}): more of a difference than chance makes, but "
            "smaller than what matters.",
            **values,
        )
    else:
        reading = text.say(
            "In the {weeks} weeks held out (right of the dashed line), {actual} orders (several on one day count once) "
            "came where the model expected {expected} ({interval}): more of a difference than chance makes, so "
            "something has changed that the model does not know.",
            **values,
        )
    return figures.caption(
        axes,
        title=text.say("Would the model have been right?"),
        reading=reading,
        description=text.say(
            "Two charts. Left: orders per customer in the time held out, actual and expected with its 95% interval, by "
            "repeat orders before. {groups}. Right: repeat orders of all customers since the beginning, added up week "
            "by week, actual and expected; a line marks the day from which on the model was not shown the data. At "
            "the end there are {actual} actual and {expected} expected orders.",
            groups="; ".join(
                text.say(
                    "{frequency}: {actual} against {expected}",
                    frequency=row.frequency,
                    actual=text.number(row.actual_mean, digits=2),
                    expected=text.number(row.expected_mean, digits=2),
                )
                for row in comparison.itertuples(index=False)
            ),
            actual=text.number(weeks["actual_cumulative"].iloc[-1]) if len(weeks) else text.UNKNOWN,
            expected=text.number(weeks["expected_cumulative"].iloc[-1]) if len(weeks) else text.UNKNOWN,
        ),
    )


def _draw_by_frequency(axes: Any, comparison: pd.DataFrame) -> None:
    place = np.arange(len(comparison))
    mean = comparison["expected_mean"].to_numpy()
    reach = np.nan_to_num(
        np.array([mean - comparison["expected_low"], comparison["expected_high"] - mean], dtype=float), nan=0.0
    )
    axes.bar(
        place,
        comparison["actual_mean"],
        width=0.65,
        color=figures.COLOURS["muted"],
        alpha=0.5,
        label=text.say("actual"),
    )
    axes.errorbar(
        place, mean, yerr=np.maximum(reach, 0.0), fmt="o", color=figures.COLOURS["main"], capsize=3,
        label=text.say("expected (95% interval)"),
    )  # fmt: skip
    axes.set_xticks(place, comparison["frequency"])
    axes.set_xlabel(text.say("Repeat orders before the holdout"))
    axes.set_ylabel(text.say("Orders per customer in the holdout"))
    axes.legend(loc="upper left")


def _draw_weeks(axes: Any, weeks: pd.DataFrame) -> None:
    colours = figures.COLOURS
    axes.plot(
        weeks["ends_on"], weeks["actual_cumulative"], color=colours["muted"], linewidth=3, label=text.say("actual")
    )
    axes.plot(weeks["ends_on"], weeks["expected_cumulative"], color=colours["main"], label=text.say("expected"))
    known = weeks.loc[weeks["in_calibration"], "ends_on"]
    if len(known):
        axes.axvline(known.iloc[-1], color=colours["second"], linewidth=1.2, linestyle="--")
    step = max(1, len(weeks) // 5)
    shown = list(weeks["ends_on"])[step - 1 :: step]
    axes.set_xticks(shown, [text.month(day.date()) for day in shown], fontsize=8.5)
    axes.yaxis.set_major_formatter(lambda value, _position: text.number(value))
    axes.set_ylabel(text.say("Repeat orders, added up"))
    axes.grid(True, axis="y", color=colours["light"])
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False)


def plot_concentration(curve: pd.DataFrame, shares: pd.DataFrame) -> Any:
    """How the expected value is spread over customers, the most valuable first; answers the Axes.

    ``curve``: from :func:`~crmlib.lifecycle.clv.equity_concentration`, not empty; ``shares``: from
    :func:`~crmlib.lifecycle.clv.equity_shares` by :func:`~crmlib.lifecycle.clv.top_fifth`.
    """
    top = shares[shares["group"].astype(bool)].iloc[0]
    axes = figures.new_axes(8.0, 4.4)
    axes.plot(curve["share_of_customers"], curve["share_of_equity"], color=figures.COLOURS["main"], linewidth=2)
    axes.plot([0, 1], [0, 1], color=figures.COLOURS["muted"], linestyle="--", linewidth=1)
    axes.vlines(0.2, 0, top["share"], color=figures.COLOURS["second"], linewidth=1.2)
    axes.errorbar(
        0.2, top["share"], yerr=[[max(top["share"] - top["share_low"], 0)], [max(top["share_high"] - top["share"], 0)]],
        fmt="o", color=figures.COLOURS["second"], capsize=4,
    )  # fmt: skip
    axes.annotate(
        text.say("{share} of the value", share=text.percent(top["share"])),
        (0.2, top["share"]), (12, -14), textcoords="offset points",
    )  # fmt: skip
    axes.annotate(
        text.say("if all were worth the same"), (0.62, 0.62), (8, -14), textcoords="offset points",
        color=figures.COLOURS["muted"], fontsize=9,
    )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    figures.percent_axis(axes.xaxis)
    figures.percent_axis(axes.yaxis)
    axes.set_xlabel(text.say("Share of customers, the most valuable first"))
    axes.set_ylabel(text.say("Share of the value of the next 12 months"))
    values = {
        "share": text.percent(top["share"]),
        "interval": text.interval(top["share_low"], top["share_high"], text.percent, digits=1),
        "half": text.percent(float(np.interp(0.5, curve["share_of_equity"], curve["share_of_customers"]))),
    }
    return figures.caption(
        axes,
        title=text.say("How the value of the next 12 months is spread over customers"),
        reading=text.say(
            "The most valuable fifth of customers holds {share} ({interval}) of the expected value; half of the value "
            "lies with {half} of customers.",
            **values,
        ),
        description=text.say(
            "Curve. Across: share of customers, from the most valuable down; up: the share of the next 12 months' "
            "value that they hold. A fifth of customers holds {share}, {half} of customers hold half. The diagonal "
            "is what the curve would be if all were worth the same.",
            **values,
        ),
    )


def plot_tracking(weeks: pd.DataFrame) -> Any:
    """Repeat orders period by period and added up, actual and as a model expects; answers the left Axes.

    ``weeks``: from :func:`~crmlib.lifecycle.clv.tracking`, not empty.
    """
    axes = figures.new_panels(2, columns=2, width=10.0, height=4.2)
    for panel, kind, label in zip(
        axes,
        ("orders", "cumulative"),
        (text.say("Repeat orders per period"), text.say("Repeat orders, added up")),
        strict=True,
    ):
        panel.plot(
            weeks["ends_on"], weeks[f"actual_{kind}"], color=figures.COLOURS["muted"], linewidth=2.6, alpha=0.8,
            label=text.say("actual"),
        )  # fmt: skip
        panel.plot(
            weeks["ends_on"], weeks[f"expected_{kind}"], color=figures.PALETTE[0], linewidth=1.6,
            label=text.say("expected"),
        )  # fmt: skip
        known = weeks.loc[weeks["in_calibration"], "ends_on"]
        if len(known):
            panel.axvline(known.iloc[-1], color=figures.COLOURS["ink"], linewidth=1.0, linestyle=(0, (2, 3)))
        _month_ticks(panel, weeks["ends_on"])
        panel.set_ylim(bottom=0)
        panel.yaxis.set_major_formatter(lambda value, _position: text.number(value))
        panel.set_ylabel(label)
        panel.grid(True, axis="y")
    axes[1].legend(loc="upper left")
    held = weeks[~weeks["in_calibration"]]
    values = {kind: text.number(held[f"{kind}_orders"].sum()) for kind in ("actual", "expected")}
    return figures.caption(
        axes[0],
        title=text.say("Repeat orders over time, actual and expected"),
        reading=text.say(
            "In the time that the models were not shown (right of the line), {actual} repeat orders came. Expected "
            "were: {expected}.",
            **values,
        )
        if len(held)
        else text.say("All of this time was shown to the models, so it is no test."),
        description=text.say(
            "Two line charts over time. Left: repeat orders in each period, right: added up. One line is what came, "
            "one for each model what it expects; a vertical line marks where the time begins that it was not shown. "
            "Expected there: {expected}; came: {actual}.",
            **values,
        ),
    )


def plot_calibration(deciles: pd.DataFrame) -> Any:
    """Did customers with a higher forecast order as much more? Actual and expected orders by tenth; answers the Axes.

    ``deciles``: from :func:`~crmlib.lifecycle.clv.calibration_by_decile`.
    """
    axes = figures.new_axes(7.6, 4.2)
    mean = deciles["expected_mean"].to_numpy()
    reach = np.maximum(np.array([mean - deciles["expected_low"], deciles["expected_high"] - mean]), 0.0)
    place = deciles["decile"].to_numpy()
    axes.bar(
        place, deciles["actual_mean"], width=0.65, color=figures.COLOURS["muted"], alpha=0.5, label=text.say("actual")
    )
    axes.errorbar(
        place, mean, yerr=reach, fmt="o", color=figures.COLOURS["main"], capsize=3,
        label=text.say("expected (95% interval)"),
    )  # fmt: skip
    axes.set_xticks(place, [text.number(int(one)) for one in place])
    axes.set_xlabel(text.say("Tenth of customers, by expected orders"))
    axes.set_ylabel(text.say("Orders per customer in the holdout"))
    axes.legend(loc="upper left")
    inside = int(deciles["actual_mean"].between(deciles["expected_low"], deciles["expected_high"]).sum())
    top = deciles.iloc[-1]
    values = {
        "inside": inside,
        "count": len(deciles),
        "actual": text.number(top["actual_mean"], digits=2),
        "expected": text.number(top["expected_mean"], digits=2),
    }
    return figures.caption(
        axes,
        title=text.say("Forecast and outcome, by how much was expected"),
        reading=text.say(
            "In {inside} of {count} groups, what came lies within what the model allows for; the group with the "
            "highest forecasts placed {actual} orders each where {expected} were expected.",
            **values,
        ),
        description=text.say(
            "Bars: actual orders per customer in the holdout, by tenth of customers from the lowest to the highest "
            "forecast. Points: expected orders with the 95% interval of what should be seen. {groups}.",
            groups="; ".join(
                text.say(
                    "{decile}: {actual} against {expected}",
                    decile=int(row.decile),
                    actual=text.number(row.actual_mean, digits=2),
                    expected=text.number(row.expected_mean, digits=2),
                )
                for row in deciles.itertuples(index=False)
            ),
        ),
    )


def plot_lift(table: pd.DataFrame) -> Any:
    """Which share of orders the best-ranked customers placed, method by method; answers the Axes.

    ``table``: from :func:`~crmlib.lifecycle.clv.lift`.
    """
    axes = figures.new_axes(10.0, 4.4)
    colours = iter(figures.PALETTE)
    for i, (method, one) in enumerate(table.groupby("method", sort=False)):
        best = method == "actual_orders"
        if method == "overall_mean":  # ranks nobody: it is the choice at random
            continue
        axes.plot(
            np.append(0.0, one["share_contacted"]), np.append(0.0, one["share_captured"]),
            color=figures.COLOURS["muted"] if best else next(colours), linewidth=1.7,
            linestyle=":" if best else ("-", "--", "-.")[i % 3], label=method_in_words(str(method)),
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=figures.COLOURS["muted"], linewidth=1, label=text.say("A choice at random"))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    figures.percent_axis(axes.xaxis)
    figures.percent_axis(axes.yaxis)
    axes.set_xlabel(text.say("Share of customers contacted, the highest forecast first"))
    axes.set_ylabel(text.say("Share of the holdout's orders"))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=9)
    at = table.loc[(table["share_contacted"] - 0.2).abs().idxmin(), "share_contacted"]
    some = table[table["share_contacted"] == at].set_index("method")["share_captured"]
    values = {
        "contacted": text.percent(at),
        "captured": text.percent(some.iloc[0]),
        "times": text.number(some.iloc[0] / at, digits=1),
    }
    return figures.caption(
        axes,
        title=text.say("How many of the orders the best-ranked customers placed"),
        reading=text.say(
            "The {contacted} of customers whom the model ranked first placed {captured} of the orders, {times} times "
            "as many as customers taken at random.",
            **values,
        ),
        description=text.say(
            "Curves, one a method. Across: share of customers contacted, the highest forecast first; up: the share of "
            "the holdout's orders that these placed. The diagonal is a choice at random. At {contacted}: "
            "{methods}.",
            contacted=values["contacted"],
            methods="; ".join(
                text.say("{method} {share}", method=method_in_words(str(name)), share=text.percent(share))
                for name, share in some.items()
            ),
        ),
    )


def plot_alive_path(path: pd.DataFrame) -> Any:
    """How the model's belief that a customer is still one fell in silence and rose with orders; answers the Axes.

    ``path``: from :func:`~crmlib.lifecycle.clv.alive_path`.
    """
    axes = figures.new_axes(8.0, 3.8)
    ordered = path[path["ordered"]]
    axes.plot(path["day"], path["p_alive"], color=figures.COLOURS["main"], linewidth=1.8)
    axes.scatter(
        ordered["day"], ordered["p_alive"], color=figures.COLOURS["second"], s=28, zorder=3, label=text.say("an order")
    )
    axes.axhline(0.5, color=figures.COLOURS["muted"], linewidth=1, linestyle="--")
    axes.set_ylim(0, 1.04)
    figures.percent_axis(axes.yaxis)
    _month_ticks(axes, path["day"])
    axes.set_ylabel(text.say("Probability of still being a customer"))
    axes.legend(loc="lower left")
    now = path.iloc[-1]
    least = path.loc[path["p_alive"].idxmin()]
    values = {
        "orders": len(ordered),
        "now": text.percent(now["p_alive"]),
        "silence": int(now["silence_days"]),
        "least": text.percent(least["p_alive"]),
        "day": text.day(least["day"].date()),
        "last": text.day(now["day"].date()),
    }
    reading = text.say(
        "On {last}, after {orders} days with orders and {silence} days of silence, the customer was still one with "
        "probability {now}; the lowest was {least}, on {day}.",
        **values,
    )
    if (path.loc[path["frequency"] == 0, "p_alive"] >= SURELY_ALIVE).all():
        reading = text.say(
            "{reading} Until the second order it is 100%, because this model takes everybody who bought once for a "
            "customer still.",
            reading=reading,
        )
    return figures.caption(
        axes,
        title=text.say("One customer: still there or gone?"),
        reading=reading,
        description=text.say(
            "Line chart over time of the probability that one customer is still one. It falls in silence, and jumps at "
            "orders, which are points ({orders}). It ends at {now} on {last}.",
            **values,
        ),
    )


def plot_value_matrix(matrix: pd.DataFrame) -> Any:
    """Value so far × value to come: who is where, what they hold, what to do; answers the Axes.

    ``matrix``: from :func:`~crmlib.lifecycle.clv.value_matrix`, with ``value_now`` of all time so far.
    """
    from matplotlib.patches import Rectangle

    axes = figures.new_axes(9.0, 4.8)
    axes.grid(False)
    fills = {"keep": "good", "develop": "main", "win_back": "second", "automate": "muted"}
    for cell in matrix.itertuples(index=False):
        x, y = float(cell.to_come == "high"), float(cell.now == "high")
        colour = figures.COLOURS[fills[str(cell.cell)]]
        axes.add_patch(Rectangle((x + 0.01, y + 0.015), 0.98, 0.97, facecolor=colour, alpha=0.16, edgecolor="none"))
        axes.text(x + 0.05, y + 0.86, cell.name, fontsize=13, fontweight="bold", color=colour, va="center")
        axes.text(
            x + 0.05, y + 0.52,
            "\n".join([
                text.say(
                    "{customers} customers ({share})", customers=int(cell.customers),
                    share=text.percent(cell.share_of_customers),
                ),
                text.say(
                    "so far: {value} ({share})", value=text.money(cell.value_now),
                    share=text.percent(cell.share_of_value_now),
                ),
                text.say(
                    "to come: {value} ({share})", value=text.money(cell.value_to_come),
                    share=text.percent(cell.share_of_value_to_come),
                ),
            ]),
            va="center", linespacing=1.5,
        )  # fmt: skip
        axes.text(x + 0.05, y + 0.14, cell.action, fontsize=9, style="italic", va="center")
    axes.set_xlim(0, 2)
    axes.set_ylim(0, 2)
    axes.set_xticks([0.5, 1.5], [text.say("below average"), text.say("above average")])
    axes.set_yticks(
        [0.5, 1.5], [text.say("below average"), text.say("above average")], rotation=90, va="center"
    )  # fmt: skip
    axes.set_xlabel(text.say("Value to come"))
    axes.set_ylabel(text.say("Value so far"))
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    by = matrix.set_index("cell")
    values = {
        "keep": int(by.loc["keep", "customers"]),
        "kept": text.percent(by.loc["keep", "share_of_value_to_come"]),
        "back": int(by.loc["win_back", "customers"]),
        "lost": text.percent(by.loc["win_back", "share_of_value_now"]),
        "develop": int(by.loc["develop", "customers"]),
    }
    return figures.caption(
        axes,
        title=text.say("Value so far and value to come"),
        reading=text.say(
            "{keep} customers are above average in both and hold {kept} of the value to come; {back} who brought "
            "{lost} of the value so far are below average from here on; {develop} have brought less than average so "
            "far and are above it from here on.",
            **values,
        ),
        description=text.say(
            "A square of four cells. Across: value to come below or above the average customer; up: value so far. "
            "{cells}.",
            cells="; ".join(
                text.say(
                    "{name}: {customers} customers, {now} so far, {to_come} to come",
                    name=row.name,
                    customers=int(row.customers),
                    now=text.money(row.value_now),
                    to_come=text.money(row.value_to_come),
                )
                for row in matrix.itertuples(index=False)
            ),
        ),
    )


def plot_parameter_posterior(draws: pd.DataFrame) -> Any:
    """How sure each parameter is, and which go together: histograms and pairs; answers the first Axes.

    ``draws``: from :func:`~crmlib.lifecycle.clv.parameter_posterior`. Logarithmic scales.
    """
    symbols, count = list(draws.columns), len(draws.columns)
    panels = figures.new_panels(count * count, columns=count, width=8.4, height=7.6)
    logs = {symbol: np.log10(draws[symbol].to_numpy()) for symbol in symbols}
    limits = {symbol: _reach(log) for symbol, log in logs.items()}
    for i, down in enumerate(symbols):
        for j, across in enumerate(symbols):
            panel = panels[i * count + j]
            if j > i:
                panel.set_visible(False)
                continue
            if i == j:
                panel.hist(logs[down], bins=30, range=limits[down], color=figures.COLOURS["main"], alpha=0.75)
                for bound in np.quantile(logs[down], [0.025, 0.975]):
                    panel.axvline(bound, color=figures.COLOURS["second"], linewidth=1.2)
                panel.set_title(down, fontsize=10.5)
                panel.set_yticks([])
                panel.spines["left"].set_visible(False)
            else:
                panel.scatter(
                    logs[across], logs[down], s=3, alpha=min(1.0, 300 / len(draws)), color=figures.COLOURS["main"],
                    linewidths=0,
                )  # fmt: skip
                panel.set_ylim(limits[down])
                _log_ticks(panel.yaxis, limits[down], labelled=j == 0)
            panel.set_xlim(limits[across])
            _log_ticks(panel.xaxis, limits[across], labelled=i == count - 1)
            if i == count - 1:
                panel.set_xlabel(across)
            if j == 0 and i > 0:
                panel.set_ylabel(down)
    intervals = "; ".join(
        text.say(
            "{symbol}: {interval}",
            symbol=symbol,
            interval=text.interval(low, high, _three_digits),
        )
        for symbol in symbols
        for low, high in [np.quantile(draws[symbol], [0.025, 0.975])]
    )
    linked = np.corrcoef(np.array(list(logs.values())))
    np.fill_diagonal(linked, 0.0)
    linked = np.triu(np.nan_to_num(linked))
    first, second = divmod(int(np.abs(linked).argmax()), count)
    values = {
        "intervals": intervals,
        "first": symbols[first],
        "second": symbols[second],
        "correlation": text.number(float(linked[first, second]), digits=2),
    }
    return figures.caption(
        panels[0],
        title=text.say("What the data leave possible of the parameters"),
        reading=text.say(
            "95% intervals: {intervals}. {first} and {second} go together most (correlation of logarithms "
            "{correlation}): their pair is known better than either.",
            **values,
        ),
        description=text.say(
            "A triangle of panels on logarithmic scales. On its diagonal a histogram of each parameter with the bounds "
            "of its 95% interval ({intervals}); below, each pair as points. {first} and {second} have the strongest "
            "correlation of logarithms, {correlation}.",
            **values,
        ),
    )


def _reach(log: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(log, [0.002, 0.998])
    room = max(0.08 * (high - low), 1e-6)
    return float(low - room), float(high + room)


def _log_ticks(axis: Any, limits: tuple[float, float], *, labelled: bool) -> None:
    """Two to three round values on an axis of base-10 logarithms."""
    from matplotlib.ticker import MaxNLocator

    low, high = (10**limit for limit in limits)
    if high / low > 100:
        ticks = [10.0**power for power in range(int(np.ceil(limits[0])), int(np.floor(limits[1])) + 1)]
        ticks = ticks[:: max(1, -(-len(ticks) // 3))]
    else:
        found = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        ticks = [tick for tick in found if low <= tick <= high][-3:]
    axis.set_ticks(np.log10(ticks), [f"{tick:.3g}" for tick in ticks] if labelled else [""] * len(ticks), fontsize=8.5)


def _three_digits(value: float) -> str:
    """A positive number with about three digits that tell something."""
    return text.number(value, digits=int(np.clip(2 - np.floor(np.log10(max(value, 1e-9))), 0, 6)))


def _month_ticks(axes: Any, days: pd.Series) -> None:
    days = pd.Series(days.unique())
    step = max(1, len(days) // 4)
    shown = list(days)[step // 2 :: step]
    axes.set_xticks(shown, [text.month(day.date()) for day in shown], fontsize=8.5)


def tells_of_all(equity: pd.DataFrame) -> bool:
    """Whether the model gives those who bought once a probability of still being customers; BG/NBD cannot.

    ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`, which then has a row ``alive``.

    >>> tells_of_all(pd.DataFrame({"measure": ["customer_equity"], "value": [100.0]}))
    False
    """
    alive = equity.loc[equity["measure"] == "alive", "value"]
    return bool(len(alive) and alive.notna().all())


def equity_in_words(equity: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """The table of customer equity as the report shows it: ``measure, value, low, high``, all in words.

    ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity` of the customers in ``summary``. Where the
    model can tell it of all customers (``alive``), how many are probably still there; else that of those who came back,
    and a row of its own counts those who bought once. Value without the limit of 12 months stands last, where there is
    one (``residual_equity``).
    """
    once = int((summary["frequency"] == 0).sum())
    by_measure = equity.set_index("measure")
    of_all = tells_of_all(equity)
    alive = (
        {"alive": text.say("Of all {count} customers, probably still there", count=len(summary))}
        if of_all
        else {
            "came_back_alive": text.say("Of the {count} who came back, probably still there", count=len(summary) - once)
        }
    )
    names = alive | {
        "expected_orders": text.say("Orders expected in the next 12 months"),
        "customer_equity": text.say("Customer equity: value of these orders"),
        "value_at_risk": text.say("Value at risk: how much more, if all were surely still there")
        if of_all
        else text.say("Value at risk: how much more, if all who came back were surely still there"),
        "residual_equity": text.say(
            "Another question: all value still to come, after the 12 months too, if nothing ever changes (includes "
            "customer equity: do not add)"
        ),
    }
    names = {name: said for name, said in names.items() if name in by_measure.index}
    rows = by_measure.loc[list(names)]
    money = [name in ("customer_equity", "value_at_risk", "residual_equity") for name in rows.index]
    shown = {
        column: [
            text.money(value) if is_money else text.number(value)
            for value, is_money in zip(rows[column], money, strict=True)
        ]
        for column in ("value", "low", "high")
    }
    table = pd.DataFrame({"measure": list(names.values()), **shown})
    if of_all:
        return table
    unknown = {
        "measure": text.say("Bought once only: cannot be told"),
        "value": text.number(once),
        "low": "",
        "high": "",
    }
    return pd.concat([table[:1], pd.DataFrame([unknown]), table[1:]], ignore_index=True)


def baselines_in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison of forecasts as the report shows it, methods in words.

    ``table``: from :func:`~crmlib.lifecycle.clv.baseline_comparison`. What the model saves, there a part of
    the squared error, is here a part of the typical error (its root), which the table shows too; within ±100 %.
    """
    columns = ["method", "expected_total", "actual_total", "root_mean_squared_error", "gini", "top_fifth_share"]
    shown = table[[*columns, "error_saved", "saved_low", "saved_high"]]
    saved = {
        name: typical_error_saved(table[name]).clip(-1.0, 1.0) for name in ("error_saved", "saved_low", "saved_high")
    }
    return shown.assign(method=[method_in_words(name) for name in table["method"]], **saved)


def typical_error_saved(squared: Any) -> Any:
    """The part of a typical (root mean squared) error that is saved, from the part of the squared error.

    >>> float(typical_error_saved(0.75)), float(typical_error_saved(-3.0))
    (0.5, -1.0)
    """
    return 1 - np.maximum(1 - squared, 0.0) ** 0.5


def groups_in_words(table: pd.DataFrame, *, by: str = "channel") -> pd.DataFrame:
    """The value by group as the report shows it.

    ``table``: from :func:`~crmlib.lifecycle.clv.value_by_group`. Without standard errors; the note in words, if there
    is any. Customers whose group is not known are the row "Not recorded".
    """
    notes = {
        "": "",
        "prior": text.say("weak prior used: rough"),
        "too few": text.say("too few repeat buyers"),
    }
    columns: Sequence[str] = (
        by, "customers", "equity_per_customer", "customer_equity", "equity_low", "equity_high",
        "new_customer_value", "new_low", "new_high",
    )  # fmt: skip
    unnamed = table[by].isna()
    said = ["" if none else notes[note] for none, note in zip(unnamed, table["note"], strict=True)]
    shown = table[list(columns)].assign(**{by: table[by].where(~unnamed, text.say("Not recorded"))})
    return shown.assign(note=said) if any(said) else shown
