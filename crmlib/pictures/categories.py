"""Categories side by side: dots, pairs, bars, shares of a whole, bridges and control charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib.pictures.drawing import (
    SIZE,
    Lanes,
    above,
    column,
    end_labels,
    is_narrow,
    key,
    note,
    numbers,
    places,
    plain,
    points_of,
    sheet_of,
    tall_for,
    toned,
)
from crmlib.pictures.measuring import widest, wrapped
from crmlib.pictures.picture import Form, Limits, Picture, Series
from crmlib.pictures.tokens import colour, readable_on


def dots(
    table: pd.DataFrame,
    *,
    value: str,
    label: str,
    low: str | None = None,
    high: str | None = None,
    tick: str | None = None,
    group: str | None = None,
    tone: str = "main",
    hollow: str | None = None,
    reference: float | None = None,
    reference_label: str = "",
    form: Form | None = None,
    value_label: str = "",
    label_label: str = "",
    limits: Limits | None = None,
    vertical: bool = False,
) -> Picture:
    """One dot for each row, with its interval, in the table's order.

    ``label``: column of worded categories; ``tick``: column of a second estimate, drawn as a short line; ``group``:
    column of worded groups that becomes bold headings, rows of a group together; ``tone``: a tone or a column of tones;
    ``hollow``: column that is true where the base is small; ``reference``: a thin line across. Rows whose value is not
    known keep their place and get no dot.

    >>> table = pd.DataFrame({"who": ["A", "B"], "score": [1.0, 2.0]})
    >>> dots(table, value="score", label="who").svg(label="").count('class="crm-dot"')
    2
    """

    def plan(axes: Axes) -> None:
        lanes = Lanes(axes, vertical=vertical)
        middle, lows, highs, ticks = (numbers(table, name) for name in (value, low, high, tick))
        tones, small, groups = column(table, tone, "main"), column(table, hollow, False), column(table, group, "")
        labels: list[str] = []
        bold: list[int] = []
        for heading in dict.fromkeys(groups):
            if group:
                bold.append(len(labels))
                labels.append(str(heading))
            for i in [i for i, one in enumerate(groups) if one == heading]:
                at = len(labels)
                labels.append(str(table[label].iloc[i]))
                if np.isfinite(middle[i]):
                    lanes.interval(at, lows[i], highs[i], tones[i])
                    lanes.dot(at, middle[i], tones[i], hollow=bool(small[i]))
                    lanes.tick(at, ticks[i])
        lanes.names(labels, bold=bold, label=label_label)
        if reference is not None and np.isfinite(reference):
            _refer(lanes, reference, reference_label)
        lanes.values(form, label=value_label, limits=limits)

    rows = len(table) + (table[group].nunique() if group else 0)
    tall = None if vertical else tall_for(table[label], 0.38, base=1.1, each=0.3) + 0.3 * (rows - len(table))
    return Picture(plan, height=4.0 if vertical else min(1.1 + 0.3 * rows, 16.0), tall=tall)


def _refer(lanes: Lanes, value: float, label: str) -> None:
    """A thin line across all lanes with words at its end."""
    axes = lanes.axes
    line = axes.axhline if lanes.vertical else axes.axvline
    line(value, color=colour("muted"), linewidth=1, zorder=1, gid="crm-reference")
    if lanes.vertical:
        end_labels(axes, [(float(axes.get_xlim()[1]), value, label, "muted")])
    elif label:
        note(axes, label, (value, 1), (0, 4), "muted", xycoords=("data", "axes fraction"), ha="center", va="bottom")
        heads = sheet_of(axes).heads
        heads[axes] = max(heads.get(axes, 7.0), 7.0) + 14


def pairs(
    table: pd.DataFrame,
    *,
    label: str,
    series: Sequence[Series],
    form: Form | None = None,
    value_label: str = "",
    label_label: str = "",
) -> Picture:
    """Two or more values for each category: side by side, or dots over bars.

    ``series`` of kind ``"bars"`` are drawn as bars, all others as dots with intervals. Bars and dots together lie over
    each other (came and expected); several of one kind stand side by side. Their names stand above, in their tones.

    >>> table = pd.DataFrame({"who": ["A"], "before": [1.0], "after": [2.0]})
    >>> picture = pairs(table, label="who", series=[Series("before", "Before"), Series("after", "After")])
    >>> picture.svg(label="").count('class="crm-dot"')
    2
    """

    def plan(axes: Axes) -> None:
        lanes, tones = Lanes(axes, vertical=True), toned(series)
        for as_bars in (True, False):
            of_kind = [pair for pair in zip(series, tones, strict=True) if (pair[0].kind == "bars") == as_bars]
            room = min(0.7 if as_bars else 0.22, 0.7 / max(len(of_kind), 1))
            for place, (one, tone) in enumerate(of_kind):
                values, lows, highs = (numbers(table, name) for name in (one.value, one.low, one.high))
                small = column(table, one.hollow, False)
                shift = (place - (len(of_kind) - 1) / 2) * room
                for i in places(np.isfinite(values)):
                    if as_bars:
                        lanes.bar(i + shift, values[i], tone, thickness=room * 0.94)
                    lanes.interval(i + shift, lows[i], highs[i], "ink" if as_bars else tone)
                    if not as_bars:
                        lanes.dot(i + shift, values[i], tone, hollow=bool(small[i]))
        lanes.names(table[label], label=label_label)
        lanes.values(form)
        key(axes, series, tones)
        above(axes, value_label)

    return Picture(plan, height=4.0)


def bars(
    table: pd.DataFrame,
    *,
    value: str,
    label: str,
    low: str | None = None,
    high: str | None = None,
    tone: str = "main",
    note: str | None = None,
    form: Form | None = None,
    value_label: str = "",
    label_label: str = "",
    limits: Limits | None = None,
    vertical: bool = False,
) -> Picture:
    """One bar for each row, from zero, with its value at its end.

    ``note``: column of words at the ends in place of values; with it the axis has ticks. ``low``, ``high``: columns of
    an interval, a thin line in the bar's end.

    >>> table = pd.DataFrame({"who": ["A"], "sales": [12.0]})
    >>> bars(table, value="sales", label="who").svg(label="").count('class="crm-bar"')
    1
    """

    def plan(axes: Axes) -> None:
        lanes = Lanes(axes, vertical=vertical)
        values, lows, highs = (numbers(table, name) for name in (value, low, high))
        tones, notes = column(table, tone, "main"), column(table, note, "")
        for i in places(np.isfinite(values)):
            lanes.bar(i, values[i], tones[i])
            lanes.interval(i, lows[i], highs[i], "ink")
            words = str(notes[i]) if note else (form or plain)(float(values[i]))
            if vertical and is_narrow(axes):
                words = wrapped(words, points_of(axes)[0] * 0.7 / len(table) / SIZE)
            ends = np.array([values[i], lows[i], highs[i]])
            below = values[i] < 0
            lanes.words(i, float(np.nanmin(ends) if below else np.nanmax(ends)), words, before=below)
        # Room for the words at the ends; those beyond bars to the left would meet the categories' words.
        if vertical:
            axes.margins(y=0.25 if is_narrow(axes) else 0.14)
        elif (values < 0).any():
            axes.margins(x=0.14)
        lanes.ground()
        lanes.names(table[label], label=label_label)
        lanes.values(form, label=value_label, limits=limits)

    tall = None if vertical else tall_for(table[label], 0.38, base=1.0, each=0.34)
    return Picture(plan, height=4.0 if vertical else min(1.0 + 0.34 * len(table), 16.0), tall=tall)


def stacked_shares(
    table: pd.DataFrame, *, label: str, parts: Sequence[Series], form: Form, value_label: str = ""
) -> Picture:
    """What each row's whole is made of: bars of equal length, parts as shares with their per cent inside.

    ``parts``: amounts or shares, each row is divided by its sum; shares below 6% (on a phone, 15%) get no number.
    Rows that sum to nothing stay empty.

    >>> table = pd.DataFrame({"by": ["mail"], "yes": [30.0], "no": [10.0]})
    >>> picture = stacked_shares(table, label="by", parts=[Series("yes"), Series("no")], form="{:.0%}".format)
    >>> "75%" in picture.svg(label="")
    True
    """

    def plan(axes: Axes) -> None:
        lanes, tones = Lanes(axes, vertical=False), toned(parts)
        amounts = np.nan_to_num(np.array([numbers(table, part.value) for part in parts])).reshape(len(parts), -1)
        whole = amounts.sum(axis=0)
        shares = np.divide(amounts, whole, out=np.zeros_like(amounts), where=whole > 0)
        starts, least = np.cumsum(shares, axis=0) - shares, 0.15 if is_narrow(axes) else 0.06
        for (part, row), share in np.ndenumerate(shares):
            if share > 0:
                lanes.bar(row, share, tones[part], start=starts[part, row], thickness=0.7)
            if share >= least:
                middle, tone = starts[part, row] + share / 2, readable_on(tones[part])
                note(axes, form(float(share)), (middle, row), (0, 0), tone, ha="center", va="center")
        lanes.names(table[label])
        lanes.values(form, label=value_label, limits=(0.0, 1.0))
        key(axes, [replace(part, kind="bars") for part in parts], tones)

    return Picture(plan, height=1.4 + 0.36 * len(table), tall=tall_for(table[label], 0.38, base=1.8, each=0.36))


def bridge(
    table: pd.DataFrame,
    *,
    value: str,
    label: str,
    total: str,
    low: str | None = None,
    high: str | None = None,
    form: Form | None = None,
    change_form: Form | None = None,
) -> Picture:
    """From one total to another, change by change (a waterfall).

    ``total``: column that is true for rows that stand on the ground (``value`` is their height); all others are changes
    from where the row before ended, good where they add and bad where they take. ``low``, ``high``: interval of a
    change. ``change_form`` words changes (with their sign). On a phone it runs down instead of across, and
    values stand below the names.

    >>> table = pd.DataFrame({"what": ["2024", "new", "2025"], "sales": [10, 4, 14], "sum": [True, False, True]})
    >>> bridge(table, value="sales", label="what", total="sum").svg(label="").count('class="crm-bar"')
    3
    """

    def plan(axes: Axes) -> None:
        lanes = Lanes(axes, vertical=not is_narrow(axes))
        values, lows, highs = (numbers(table, name) for name in (value, low, high))
        totals = [bool(one) for one in column(table, total, False)]
        names = list(map(str, table[label]))
        level = 0.0
        for i in places(np.isfinite(values)):
            amount = values[i]
            start = 0.0 if totals[i] else level
            tone = "main" if totals[i] else ("good" if amount >= 0 else "bad")
            if i:
                axes.plot(*lanes.xy([i - 0.68, i + 0.32], [level, level]), color=colour("muted"), linewidth=0.8)
            lanes.bar(i, amount, tone, start=start)
            lanes.interval(i, start + lows[i], start + highs[i], "ink")
            said = ((form if totals[i] else change_form or form) or plain)(float(amount))
            if lanes.vertical:
                lanes.words(i, start + float(np.nanmax([0.0, amount, lows[i], highs[i]])), said)
            else:
                names[i] += f"\n{said}"
            level = start + amount
        if lanes.vertical:
            axes.margins(y=0.12)
        lanes.ground()
        lanes.names(names)
        lanes.values(form)

    return Picture(plan, 9.0, 4.4, tall=tall_for(table[label], 0.38, base=0.8, each=0.5))


def control_chart(
    table: pd.DataFrame,
    *,
    value: str,
    label: str,
    centre: str | None = None,
    lower: str | None = None,
    upper: str | None = None,
    low: str | None = None,
    high: str | None = None,
    tone: str = "main",
    hollow: str | None = None,
    limits_label: str = "",
    form: Form | None = None,
    value_label: str = "",
    label_label: str = "",
) -> Picture:
    """Values period by period, with the centre line and the limits within which chance moves them.

    ``label``: column of worded periods; ``centre``, ``lower``, ``upper``: columns, limits may differ by period;
    ``low``, ``high``: columns of each value's own interval; ``tone``: a tone or a column of tones (a signal is good or
    bad). Periods without a value leave a gap in the line's dots.

    >>> table = pd.DataFrame({"month": ["May", "June"], "score": [1.0, 9.0], "tone": ["main", "good"], "top": 5.0,
    ...     "bottom": 0.0})
    >>> chart = control_chart(table, value="score", label="month", lower="bottom", upper="top", tone="tone")
    >>> chart.svg(label="").count('class="crm-dot"')
    2
    """

    def plan(axes: Axes) -> None:
        lanes = Lanes(axes, vertical=True)
        columns = (value, centre, lower, upper, low, high)
        values, middle, bottom, top, lows, highs = (numbers(table, name) for name in columns)
        place = np.arange(len(table))
        tones, small = column(table, tone, "main"), column(table, hollow, False)
        # Periods with equal limits are one field, so that no seams show between them.
        for (below, over), run in groupby(enumerate(zip(bottom, top, strict=True)), key=lambda one: one[1]):
            if np.isfinite([below, over]).all():
                own = [i for i, _ in run]
                axes.bar(
                    [(own[0] + own[-1]) / 2], [over - below], bottom=below, width=len(own), color=colour("light"),
                    alpha=0.55, linewidth=0, zorder=0, gid="crm-limits",
                )  # fmt: skip
        if np.isfinite(middle).any():
            axes.plot(place, middle, color=colour("muted"), linewidth=1, gid="crm-centre", zorder=1)
        known = np.isfinite(values)
        axes.plot(place[known], values[known], color=colour("main"), linewidth=1.2, alpha=0.6, gid="crm-line")
        dense = points_of(axes)[0] / max(len(table), 1) < 16
        for i in places(known):
            lanes.interval(i, lows[i], highs[i], tones[i])
            faint = dense and tones[i] == "main"
            lanes.dot(i, values[i], tones[i], hollow=bool(small[i]), size=4 if faint else 7)
        lanes.values(form)
        # In a narrow panel the values' words take much of its width.
        before = max((widest(tick.get_text()) for tick in axes.get_yticklabels()), default=0.0) * SIZE
        width, beside = points_of(axes)[0], widest(limits_label) * SIZE if np.isfinite(top).any() else 0.0
        room = min(0.88 - min(beside / width, 0.3), 0.95 - (beside + before + 20) / width)
        lanes.names(table[label], label=label_label, room=room)
        if beside:
            end_labels(axes, [(len(table) - 0.5, float(top[np.isfinite(top)][-1]), limits_label, "muted")])
        above(axes, value_label)

    return Picture(plan)
