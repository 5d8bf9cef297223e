"""Lines over time or age: curves with bands, and control charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from crmlib.pictures.dots import Limits
from crmlib.pictures.picture import Form, Picture, Point, Reference, Series, Span

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_SERIES = 7
"""So many lines have a tone and a name of their own; the rest is muted."""


def curves(
    table: pd.DataFrame,
    *,
    x: str,
    series: Sequence[Series],
    by: str | None = None,
    tone: str | None = None,
    others: pd.DataFrame | None = None,
    others_by: str | None = None,
    others_label: str = "",
    references: Sequence[Reference] = (),
    points: Sequence[Point] = (),
    spans: Sequence[Span] = (),
    diagonal: str | None = None,
    steps: bool = False,
    markers: bool = False,
    x_label: str = "",
    y_label: str = "",
    x_form: Form | Callable[[Any], str] | None = None,
    y_form: Form | None = None,
    x_names: str | None = None,
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
    width: float = 8.0,
    height: float = 4.2,
) -> Picture:
    """Lines with bands (``low``, ``high`` of a series), each named at its end.

    A wide table has one column for each of ``series``. A long table has one series and ``by``, a column of worded
    groups: one line for each, in order of appearance, the first seven in the palette's tones or those of the column
    ``tone``, the rest muted and without names. A series of kind ``"dots"`` has no line, and intervals for bands.

    ``x``: numbers or times (``x_form`` then takes a timestamp); ``x_names``: column of words for x, not numbers.
    ``others``: a table like this one, drawn thin and muted behind (one line for each ``others_by``). ``diagonal``:
    words for the line from 0 to 1. ``steps``: each value holds until the next, as in survival curves. ``markers``: a
    dot at each value.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"day": [0, 1, 0, 1], "share": [1.0, 0.8, 1.0, 0.6], "who": ["A", "A", "B", "B"]})
    >>> curves(table, x="day", series=[Series("share")], by="who", steps=True).svg(label="").count('class="crm-line"')
    2
    """

    def plan(axes: Axes) -> None:
        import numpy as np
        import pandas as pd

        from crmlib.pictures import drawing
        from crmlib.pictures.tokens import colour

        drawing.dressed(axes, grid="y", baseline="bottom")
        is_time = pd.api.types.is_datetime64_any_dtype(table[x])
        lines = _lines(table, series, by, tone)
        tones = drawing.toned([one for _, one in lines])
        if others is not None:
            for _, part in others.groupby(others_by, sort=False):
                axes.plot(
                    _across(part[x]), drawing.numbers(part, series[0].value), color=colour("muted"), linewidth=0.7,
                    alpha=0.45, zorder=1, drawstyle="steps-post" if steps else "default", gid="crm-other",
                )  # fmt: skip
        for place, span in enumerate(spans):
            alpha = (0.17, 0.1, 0.04)[place % 3]
            axes.axvspan(span.start, span.end, color=colour(span.tone), alpha=alpha, linewidth=0, zorder=0)
            axes.annotate(
                span.label, ((span.start + span.end) / 2, 0), xytext=(0, 5), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", va="bottom", fontsize=drawing.SIZE, color=colour("muted"),
            )  # fmt: skip
        ends = []
        for (part, one), shade in reversed(list(zip(lines, tones, strict=True))):
            across = _across(part[x])
            values, low, high = (drawing.numbers(part, name) for name in (one.value, one.low, one.high))
            known = np.isfinite(values)
            style = {"dashed": "--", "dotted": ":"}.get(one.kind, "-")
            if one.kind == "dots":
                small = [bool(hollow) for hollow in drawing.column(part, one.hollow, False)]
                for i in drawing.places(known):
                    if np.isfinite([low[i], high[i]]).all():
                        axes.plot(
                            [across[i]] * 2, [low[i], high[i]], color=colour(shade), linewidth=1.4, gid="crm-interval",
                            zorder=3,
                        )  # fmt: skip
                    axes.plot(
                        [across[i]], [values[i]], "o", color=colour(shade), markersize=5.5, markeredgewidth=1.4,
                        markerfacecolor=colour("paper" if small[i] else shade), zorder=4, clip_on=False,
                        gid="crm-hollow" if small[i] else "crm-dot",
                    )  # fmt: skip
            else:
                banded = np.isfinite(low) & np.isfinite(high)
                if banded.any():
                    axes.fill_between(
                        across[banded], low[banded], high[banded], step="post" if steps else None, linewidth=0,
                        color=colour(shade), alpha=0.15, gid="crm-band", zorder=1,
                    )  # fmt: skip
                faint = by is not None and not one.label
                axes.plot(
                    across[known], values[known], linestyle=style, color=colour(shade), gid="crm-line",
                    linewidth=0.9 if faint else 2.0, alpha=0.5 if faint else 1.0, zorder=2,
                    drawstyle="steps-post" if steps else "default",
                )  # fmt: skip
                if markers:
                    axes.plot(
                        across[known], values[known], "o", color=colour(shade), markersize=4, clip_on=False, zorder=3,
                        gid="crm-dot",
                    )  # fmt: skip
            if known.any():
                ends.append((float(across[known][-1]), float(values[known][-1]), one.label, shade))
        if others is not None and len(others) and others_label:
            last = others[others[x] == others[x].max()]
            ends.append((float(_across(last[x])[-1]), float(last[series[0].value].median()), others_label, "muted"))
        if diagonal is not None:
            axes.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1, linestyle="--", gid="crm-diagonal")
            axes.annotate(
                diagonal, (0.62, 0.62), xytext=(10, -4), textcoords="offset points", va="top", fontsize=drawing.SIZE,
                color=colour("muted"),
            )  # fmt: skip
        for point in points:
            _point_out(axes, point)
        if len(table) or x_limits is not None:
            _scale_across(axes, table, x, x_form, x_names, x_limits, is_time=is_time)
        drawing.scale(axes.yaxis, y_form, limits=y_limits)
        for line in references:
            _refer(axes, line, ends)
        drawing.x_name(axes, x_label)
        drawing.end_labels(axes, ends)
        if y_label:
            drawing.above(axes, y_label)

    known = bool(len(table)) and any(table[one.value].notna().any() for one in series)
    return Picture(plan, width, height, empty=not known)


def _lines(table: Any, series: Sequence[Series], by: str | None, tone: str | None) -> list[tuple[Any, Series]]:
    """Each line's rows and how it is drawn."""
    from dataclasses import replace

    if by is None:
        return [(table, one) for one in series]
    lines = []
    for place, (name, part) in enumerate(table.groupby(by, sort=False)):
        own = str(part[tone].iloc[0]) if tone else ""
        for one in series:
            if place < MOST_SERIES:
                lines.append((part, replace(one, label=str(name), tone=own or one.tone)))
            else:
                lines.append((part, replace(one, label="", tone="muted")))
    return lines


def _across(values: Any) -> Any:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        from matplotlib.dates import date2num

        return date2num(values.to_numpy())
    return pd.to_numeric(values).to_numpy(dtype=float)


def _scale_across(
    axes: Axes, table: Any, x: str, form: Any, names: str | None, limits: Limits | None, *, is_time: bool
) -> None:
    from crmlib.pictures import drawing

    across = _across(table[x])
    if names is not None:
        first = dict(zip(across, (str(one) for one in table[names]), strict=True))
        places = sorted(first)
        gap = min((b - a for a, b in pairwise(places)), default=1.0)
        steps = max((places[-1] - places[0]) / gap, 1) if places else 1
        shown, written = drawing.thinned([first[p] for p in places], drawing.points_of(axes)[0] * 0.8 / (steps + 1))
        axes.set_xticks([places[i] for i in shown], written, linespacing=1.25)
        if limits is not None:
            axes.set_xlim(*limits)
        return
    if limits is None:
        limits = (float(across.min()), float(across.max())) if len(across) else None
        if limits and limits[0] == limits[1]:
            limits = None
    if is_time:
        if limits is not None:
            axes.set_xlim(*limits)
        drawing.day_scale(axes, form or str)
    else:
        drawing.scale(axes.xaxis, form, limits=limits)


def _refer(axes: Axes, line: Reference, ends: list[tuple[float, float, str, str]]) -> None:
    from crmlib.pictures import drawing
    from crmlib.pictures.tokens import colour

    if line.axis == "y":
        axes.axhline(line.at, color=colour(line.tone), linewidth=1, zorder=1, gid="crm-reference")
        ends.append((float(axes.get_xlim()[1]), line.at, line.label, line.tone))
        return
    at = _moment(line.at)
    axes.axvline(at, color=colour(line.tone), linewidth=1, linestyle=(0, (3, 2)), zorder=1, gid="crm-reference")
    late = at > sum(axes.get_xlim()) / 2
    axes.annotate(
        line.label, (at, 1), xytext=(-4 if late else 4, -2), xycoords=("data", "axes fraction"), va="top",
        textcoords="offset points", ha="right" if late else "left", fontsize=drawing.SIZE, color=colour(line.tone),
    )  # fmt: skip


def _moment(at: Any) -> float:
    if isinstance(at, (int, float)):
        return float(at)
    from matplotlib.dates import date2num

    return float(date2num(at))


def _point_out(axes: Axes, point: Point) -> None:
    from crmlib.pictures import drawing
    from crmlib.pictures.measuring import wrapped
    from crmlib.pictures.tokens import colour

    shade = colour(point.tone)
    if point.low is not None and point.high is not None:
        axes.plot([point.x] * 2, [point.low, point.high], color=shade, linewidth=1.8, gid="crm-interval", zorder=4)
    axes.plot([point.x], [point.y], "o", color=shade, markersize=7, gid="crm-dot", zorder=5)
    axes.annotate(
        wrapped(point.label, 26), (point.x, point.y), xytext=(10, -6), textcoords="offset points", va="top",
        fontsize=drawing.SIZE, color=shade, zorder=5, linespacing=1.25,
    )  # fmt: skip


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
    note: str | None = None,
    centre_label: str = "",
    limits_label: str = "",
    form: Form | None = None,
    value_label: str = "",
    label_label: str = "",
    limits: Limits | None = None,
    width: float = 8.0,
    height: float = 4.2,
) -> Picture:
    """Values period by period, with the centre line and the limits within which chance moves them.

    ``label``: column of worded periods; ``centre``, ``lower``, ``upper``: columns, limits may differ by period;
    ``low``, ``high``: columns of each value's own interval; ``tone``: a tone or a column of tones (a signal is good or
    bad); ``note``: column of words at the points that are signals. Periods without a value leave a gap in the line's
    dots.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"month": ["May", "June"], "score": [1.0, 9.0], "tone": ["main", "good"], "top": 5.0,
    ...     "bottom": 0.0})
    >>> chart = control_chart(table, value="score", label="month", lower="bottom", upper="top", tone="tone")
    >>> chart.svg(label="").count('class="crm-dot"')
    2
    """

    def plan(axes: Axes) -> None:
        import numpy as np

        from crmlib.pictures import drawing
        from crmlib.pictures.measuring import widest
        from crmlib.pictures.tokens import colour

        lanes = drawing.Lanes(axes, vertical=True)
        values, middle, bottom, top, lows, highs = (
            drawing.numbers(table, name) for name in (value, centre, lower, upper, low, high)
        )
        place = np.arange(len(table))
        tones, small = drawing.column(table, tone, "main"), drawing.column(table, hollow, False)
        notes = drawing.column(table, note, "")
        # Periods with equal limits are one field, so that no seams show between them.
        for (below, over), run in groupby(enumerate(zip(bottom, top, strict=True)), key=lambda one: one[1]):
            if np.isfinite([below, over]).all():
                own = [i for i, _ in run]
                axes.bar(
                    [(own[0] + own[-1]) / 2], [over - below], bottom=below, width=len(own), color=colour("light"),
                    alpha=0.55, linewidth=0, zorder=0, gid="crm-limits",
                )  # fmt: skip
        ends = []
        if np.isfinite(middle).any():
            axes.plot(place, middle, color=colour("muted"), linewidth=1, gid="crm-centre", zorder=1)
            last = middle[np.isfinite(middle)][-1]
            ends.append((float(len(table)) - 0.4, float(last), centre_label, "muted"))
        if limits_label and np.isfinite(top).any():
            ends.append((float(len(table)) - 0.5, float(top[np.isfinite(top)][-1]), limits_label, "muted"))
        known = np.isfinite(values)
        axes.plot(place[known], values[known], color=colour("main"), linewidth=1.2, alpha=0.6, gid="crm-line")
        dense = drawing.points_of(axes)[0] / max(len(table), 1) < 16
        for i in drawing.places(known):
            lanes.interval(i, lows[i], highs[i], tones[i])
            plain = dense and tones[i] == "main"
            lanes.dot(i, values[i], tones[i], hollow=bool(small[i]), size=4 if plain else 7)
            if note and notes[i]:
                lanes.words(i, np.nanmax([values[i], highs[i]]), str(notes[i]), tone=tones[i])
        beside = max((widest(words) for *_, words, _ in ends if words), default=0.0) * drawing.SIZE
        lanes.values(form, limits=limits)
        # In a narrow panel the values' words take much of its width.
        before = max((widest(tick.get_text()) for tick in axes.get_yticklabels()), default=0.0) * drawing.SIZE
        width_of_all = drawing.points_of(axes)[0]
        room = min(0.88 - min(beside / width_of_all, 0.3), 0.95 - (beside + before + 20) / width_of_all)
        lanes.names([str(words) for words in table[label]], range(len(table)), label=label_label, room=room)
        drawing.end_labels(axes, ends)
        if value_label:
            drawing.above(axes, value_label)

    known = bool(len(table)) and bool(table[value].notna().any())
    return Picture(plan, width, height, empty=not known)
