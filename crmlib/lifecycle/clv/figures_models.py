"""The pictures of models: what they say of any customer, whether it came true, and where the value lies.

Every picture takes the table that its twin in ``model_views``, ``validation`` or ``ranking`` answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib import figures, text
from crmlib.lifecycle.clv.model_names import SURELY_ALIVE, method_in_words, model_name


def plot_frequency_recency(grid: pd.DataFrame) -> Any:
    """What the model says by repeat orders and weeks of silence: P(alive) left, expected orders right; answers the
    left Axes.

    ``grid``: from :func:`~crmlib.lifecycle.clv.frequency_recency_grid`. Who bought once has one possible
    silence, their age, and is a column of their own, left.
    """
    axes = figures.new_panels(2, columns=2, width=10.0, height=4.4)
    for panel, column, title in zip(
        axes,
        ("p_alive", "expected_orders"),
        (text.say("Probability of still being a customer"), text.say("Expected orders")),
        strict=True,
    ):
        _draw_grid(panel, grid, column)
        panel.set_title(title, fontsize=10.5, loc="left")
    came_back = grid[grid["frequency"] > 0]
    once = grid[grid["frequency"] == 0].iloc[0]
    top = came_back.loc[came_back["expected_orders"].idxmax()]
    last = came_back[came_back["frequency"] == came_back["frequency"].max()]
    doubtful = last[last["p_alive"] < 0.5]["silence_weeks"]
    values = {
        "frequency": int(top["frequency"]),
        "orders": text.number(top["expected_orders"], digits=1),
        "once": text.percent(once["p_alive"]),
        "weeks": text.number(doubtful.min()) if len(doubtful) else text.number(last["silence_weeks"].max()),
        "most": int(last["frequency"].iloc[0]),
    }
    reading = (
        text.say(
            "The same silence says more of a frequent buyer: with {most} repeat orders, {weeks} weeks of it make it "
            "more likely than not that they have left. Most orders are expected of those with {frequency} repeat "
            "orders and hardly any silence ({orders}).",
            **values,
        )
        if len(doubtful)
        else text.say(
            "No silence up to {weeks} weeks makes it more likely than not that customers with {most} repeat orders "
            "have left. Most orders are expected of those with {frequency} repeat orders and hardly any silence "
            "({orders}).",
            **values,
        )
    )
    return figures.caption(
        axes[0],
        title=text.say("What the model says, by how often and how recently customers ordered"),
        reading=reading,
        description=text.say(
            "Two heat maps. Across: repeat orders so far; up: weeks since the last order. Left: the probability of "
            "still being a customer, which falls from bottom to top, and the faster the further right; for those who "
            "bought once it is {once}. Right: expected orders, highest at the bottom right ({orders}).",
            **values,
        ),
    )


def _draw_grid(axes: Any, grid: pd.DataFrame, column: str) -> None:
    came_back = grid[grid["frequency"] > 0]
    cells = came_back.pivot(index="silence_weeks", columns="frequency", values=column)
    weeks, top = cells.index.to_numpy(), float(grid["T"].iloc[0]) * _weeks_per_unit(grid)
    edges = np.linspace(0, top, len(weeks) + 1)
    across = np.append(0.5, cells.columns.to_numpy() + 0.5)
    highest = 1.0 if column == "p_alive" else float(grid[column].max())
    image = axes.pcolormesh(across, edges, cells.to_numpy(), cmap=_shades(), vmin=0.0, vmax=highest, shading="flat")
    once = grid.loc[grid["frequency"] == 0, column].iloc[0]
    axes.pcolormesh([-0.5, 0.5], edges[-2:], [[once]], cmap=_shades(), vmin=0.0, vmax=highest)
    axes.text(
        0, 0.5 * top, text.say("bought once: only the top cell"), rotation=90, ha="center", va="center", fontsize=8.5,
        color=figures.COLOURS["muted"],
    )  # fmt: skip
    axes.axvline(0.5, color="white", linewidth=3)
    most = int(cells.columns.max())
    step = max(1, -(-most // 10))
    axes.set_xticks(range(0, most + 1, step))
    axes.set_xlim(-0.5, most + 0.5)
    axes.set_ylim(0, top)
    axes.set_xlabel(text.say("Repeat orders so far"))
    axes.set_ylabel(text.say("Weeks since the last order"))
    axes.spines[["left", "bottom"]].set_visible(False)
    bar = axes.get_figure().colorbar(image, ax=axes, fraction=0.06, pad=0.02)
    bar.outline.set_visible(False)
    if column == "p_alive":
        figures.percent_axis(bar.ax.yaxis)


def _weeks_per_unit(grid: pd.DataFrame) -> float:
    """The table tells silences in weeks and T in the model's unit: those who bought once are silent for all of T."""
    once = grid[grid["frequency"] == 0].iloc[0]
    return float(once["silence_weeks"] / once["T"])


def plot_tracking(weeks: pd.DataFrame) -> Any:
    """Repeat orders period by period and added up, actual and as one or more models expect; answers the left Axes.

    ``weeks``: from :func:`~crmlib.lifecycle.clv.tracking`, or of several models from
    :func:`~crmlib.lifecycle.clv.tracking_of_models`, not empty.
    """
    by_model = [(model_name(str(name)), one) for name, one in weeks.groupby("model", sort=False)] if (
        "model" in weeks.columns
    ) else [(text.say("expected"), weeks)]  # fmt: skip
    axes = figures.new_panels(2, columns=2, width=10.0, height=4.2)
    first = by_model[0][1]
    for panel, kind, label in zip(
        axes,
        ("orders", "cumulative"),
        (text.say("Repeat orders per period"), text.say("Repeat orders, added up")),
        strict=True,
    ):
        panel.plot(
            first["ends_on"], first[f"actual_{kind}"], color=figures.COLOURS["muted"], linewidth=2.6, alpha=0.8,
            label=text.say("actual"),
        )  # fmt: skip
        for i, (name, one) in enumerate(by_model):
            panel.plot(
                one["ends_on"], one[f"expected_{kind}"], color=figures.PALETTE[i % len(figures.PALETTE)], linewidth=1.6,
                linestyle=("-", "--", ":", "-.")[i % 4], label=name,
            )  # fmt: skip
        known = first.loc[first["in_calibration"], "ends_on"]
        if len(known):
            panel.axvline(known.iloc[-1], color=figures.COLOURS["ink"], linewidth=1.0, linestyle=(0, (2, 3)))
        _month_ticks(panel, first["ends_on"])
        panel.set_ylim(bottom=0)
        panel.yaxis.set_major_formatter(lambda value, _position: text.number(value))
        panel.set_ylabel(label)
        panel.grid(True, axis="y")
    axes[1].legend(loc="upper left")
    held = [one[~one["in_calibration"]] for _, one in by_model]
    came = float(held[0]["actual_orders"].sum())
    sums = [text.number(one["expected_orders"].sum()) for one in held]
    expected = sums[0] if len(sums) == 1 else "; ".join(
        text.say("{model}: {orders}", model=name, orders=orders)
        for (name, _), orders in zip(by_model, sums, strict=True)
    )  # fmt: skip
    return figures.caption(
        axes[0],
        title=text.say("Repeat orders over time, actual and expected"),
        reading=text.say(
            "In the time that the models were not shown (right of the line), {actual} repeat orders came. Expected "
            "were: {expected}.",
            actual=text.number(came),
            expected=expected,
        )
        if len(held[0])
        else text.say("All of this time was shown to the models, so it is no test."),
        description=text.say(
            "Two line charts over time. Left: repeat orders in each period, right: added up. One line is what came, "
            "one for each model what it expects; a vertical line marks where the time begins that it was not shown. "
            "Expected there: {expected}; came: {actual}.",
            actual=text.number(came),
            expected=expected,
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


def plot_value_distribution(classes: pd.DataFrame) -> Any:
    """How many customers are worth how much, and what each class of value holds; answers the Axes.

    ``classes``: from :func:`~crmlib.lifecycle.clv.value_distribution`.
    """
    axes = figures.new_axes(8.0, 4.2)
    place = np.arange(len(classes))
    axes.bar(
        place - 0.2, classes["share_of_customers"], width=0.38, color=figures.COLOURS["muted"],
        label=text.say("share of customers"),
    )  # fmt: skip
    axes.bar(
        place + 0.2, classes["share_of_value"], width=0.38, color=figures.COLOURS["main"],
        label=text.say("share of value"),
    )  # fmt: skip
    digits = 0 if (classes["below"] == classes["below"].round()).all() else 2
    names = [text.money(one, digits=digits) for one in classes["at_least"]]
    axes.set_xticks(place, names, fontsize=9)
    figures.percent_axis(axes.yaxis)
    axes.set_xlabel(text.say("Value to come per customer, from … up to the next"))
    axes.set_ylabel(text.say("Share"))
    axes.legend(loc="upper right")
    many = classes.loc[classes["share_of_customers"].idxmax()]
    rich = classes.loc[classes["share_of_value"].idxmax()]
    form = {"digits": digits}
    values = {
        "crowd": text.percent(many["share_of_customers"]),
        "crowd_is": text.interval(many["at_least"], many["below"], text.money, **form),
        "crowd_holds": text.percent(many["share_of_value"]),
        "rich": text.percent(rich["share_of_value"]),
        "rich_is": text.interval(rich["at_least"], rich["below"], text.money, **form),
        "rich_are": text.percent(rich["share_of_customers"]),
    }
    return figures.caption(
        axes,
        title=text.say("How value is spread over customers"),
        reading=text.say(
            "The largest class, {crowd} of customers, is worth {crowd_is} each and holds {crowd_holds} of the value; "
            "the class of {rich_is} holds most, {rich}, with {rich_are} of customers.",
            **values,
        ),
        description=text.say(
            "Pairs of bars by class of value to come per customer, each class two to two and a half times the one "
            "before: the share of customers in it and the share of all value that these hold. {classes}.",
            classes="; ".join(
                text.say(
                    "from {at_least}: {customers} of customers, {value} of value",
                    at_least=text.money(row.at_least, digits=digits),
                    customers=text.percent(row.share_of_customers),
                    value=text.percent(row.share_of_value),
                )
                for row in classes.itertuples(index=False)
            ),
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


def _shades() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("value", [figures.COLOURS["light"], figures.COLOURS["main"]])
