"""Lines over time or age: curves with bands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from crmlib.pictures import drawing
from crmlib.pictures.measuring import wrapped
from crmlib.pictures.picture import Form, Limits, Picture, Point, Reference, Series, Span
from crmlib.pictures.tokens import PALETTE, colour

Ends = list[tuple[float, float, str, str]]
"""Where lines end (x, y), their words and tones."""


def curves(
    table: pd.DataFrame,
    *,
    x: str,
    series: Sequence[Series],
    by: str | None = None,
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
    height: float = 4.2,
) -> Picture:
    """Lines with bands (``low``, ``high`` of a series), each named at its end.

    A wide table has one column for each of ``series``. A long table has one series and ``by``, a column of worded
    groups: one line for each, in order of appearance, the first seven in the palette's tones, the rest muted and
    without names. A series of kind ``"dots"`` has no line, and intervals for bands.

    ``x``: numbers or times (``x_form`` then takes a timestamp); ``x_names``: column of words for x, not numbers.
    ``others``: a table like this one, drawn thin and muted behind (one line for each ``others_by``). ``diagonal``:
    words for the line from 0 to 1. ``steps``: each value holds until the next, as in survival curves. ``markers``: a
    dot at each value.

    >>> table = pd.DataFrame({"day": [0, 1, 0, 1], "share": [1.0, 0.8, 1.0, 0.6], "who": ["A", "A", "B", "B"]})
    >>> curves(table, x="day", series=[Series("share")], by="who", steps=True).svg(label="").count('class="crm-line"')
    2
    """
    style = "steps-post" if steps else "default"

    def plan(axes: Axes) -> None:
        drawing.dressed(axes, grid="y", baseline="bottom")
        lines = [(table, one) for one in series] if by is None else _lines(table, series[0], by)
        tones = drawing.toned([one for _, one in lines])
        ends: Ends = []
        if others is not None:
            for _, part in others.groupby(others_by, sort=False):
                axes.plot(
                    _across(part[x]), drawing.numbers(part, series[0].value), color=colour("muted"), linewidth=0.7,
                    alpha=0.45, zorder=1, drawstyle=style, gid="crm-other",
                )  # fmt: skip
        for place, one in enumerate(spans):
            alpha = (0.17, 0.1, 0.04)[place % 3]
            axes.axvspan(one.start, one.end, color=colour("muted"), alpha=alpha, linewidth=0, zorder=0)
            at = ((one.start + one.end) / 2, 0)
            within = ("data", "axes fraction")
            drawing.note(axes, one.label, at, (0, 5), "muted", xycoords=within, ha="center", va="bottom")
        for (part, one), tone in reversed(list(zip(lines, tones, strict=True))):
            across, values = _across(part[x]), drawing.numbers(part, one.value)
            known = np.isfinite(values)
            if one.kind == "dots":
                _draw_dots(axes, part, one, across, tone)
            else:
                _draw_line(axes, part, one, across, tone, style, faint=by is not None and not one.label)
                if markers:
                    axes.plot(
                        across[known], values[known], "o", color=colour(tone), markersize=4, clip_on=False, zorder=3,
                        gid="crm-dot",
                    )  # fmt: skip
            if known.any():
                ends.append((float(across[known][-1]), float(values[known][-1]), one.label, tone))
        if others is not None and len(others) and others_label:
            last = others[others[x] == others[x].max()]
            ends.append((float(_across(last[x])[-1]), float(last[series[0].value].median()), others_label, "muted"))
        if diagonal is not None:
            axes.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1, linestyle="--", gid="crm-diagonal")
            if drawing.is_narrow(axes):
                words = wrapped(diagonal, 8)
                drawing.note(axes, words, (1, 0.5), (0, 0), "muted", va="top", ha="right")
            else:
                drawing.note(axes, diagonal, (0.62, 0.62), (10, -4), "muted", va="top")
        for point in points:
            if point.low is not None and point.high is not None:
                drawing.span(axes, [point.x] * 2, [point.low, point.high], "second", zorder=4)
            drawing.mark(axes, point.x, point.y, "second", size=7, markeredgewidth=1, zorder=5)
            beside, words = (point.x, point.y), wrapped(point.label, 26)
            drawing.note(axes, words, beside, (10, -6), "second", va="top", zorder=5, linespacing=1.25)
        if len(table) or x_limits is not None:
            _scale_across(axes, table, x, x_form, x_names, x_limits)
        drawing.scale(axes.yaxis, y_form, limits=y_limits)
        for line in references:
            refer(axes, line, ends)
        drawing.x_name(axes, x_label)
        drawing.end_labels(axes, ends)
        drawing.above(axes, y_label)

    return Picture(plan, height=height)


def _lines(table: pd.DataFrame, one: Series, by: str) -> list[tuple[Any, Series]]:
    """Each group's rows and how its line is drawn: the rest has no name, and no tone of its own."""
    rest = replace(one, label="", tone="muted")
    return [
        (part, replace(one, label=str(name)) if place < len(PALETTE) else rest)
        for place, (name, part) in enumerate(table.groupby(by, sort=False))
    ]


def _draw_dots(axes: Axes, part: pd.DataFrame, one: Series, across: Any, tone: str) -> None:
    values, low, high = (drawing.numbers(part, name) for name in (one.value, one.low, one.high))
    small = drawing.column(part, one.hollow, False)
    for i in drawing.places(np.isfinite(values)):
        drawing.span(axes, [across[i]] * 2, [low[i], high[i]], tone, linewidth=1.4, zorder=3)
        drawing.mark(axes, across[i], values[i], tone, hollow=bool(small[i]), size=5.5, zorder=4, clip_on=False)


def _draw_line(axes: Axes, part: pd.DataFrame, one: Series, across: Any, tone: str, style: Any, *, faint: bool) -> None:
    values, low, high = (drawing.numbers(part, name) for name in (one.value, one.low, one.high))
    known, banded = np.isfinite(values), np.isfinite(low) & np.isfinite(high)
    if banded.any():
        axes.fill_between(
            across[banded], low[banded], high[banded], step="post" if style == "steps-post" else None, linewidth=0,
            color=colour(tone), alpha=0.15, gid="crm-band", zorder=1,
        )  # fmt: skip
    axes.plot(
        across[known], values[known], linestyle={"dashed": "--", "dotted": ":"}.get(one.kind, "-"),
        color=colour(tone), zorder=2, linewidth=0.9 if faint else 2.0, alpha=0.5 if faint else 1.0, drawstyle=style,
        gid="crm-line",
    )  # fmt: skip


def _across(values: Any) -> Any:
    if pd.api.types.is_datetime64_any_dtype(values):
        return date2num(values.to_numpy())
    return pd.to_numeric(values).to_numpy(dtype=float)


def _scale_across(axes: Axes, table: Any, x: str, form: Any, names: str | None, limits: Limits | None) -> None:
    across = _across(table[x])
    if names is not None:
        first = dict(zip(across, table[names].map(str), strict=True))
        places = sorted(first)
        gap = min((b - a for a, b in pairwise(places)), default=1.0)
        steps = max((places[-1] - places[0]) / gap, 1) if places else 1
        shown, written = drawing.thinned([first[p] for p in places], drawing.points_of(axes)[0] * 0.8 / (steps + 1))
        axes.set_xticks([places[i] for i in shown], written, linespacing=1.25)
        drawing.apart(axes)
        if limits is not None:
            axes.set_xlim(*limits)
        return
    if limits is None and len(set(across)) > 1:
        limits = (float(across.min()), float(across.max()))
    drawing.scale(axes.xaxis, form, limits=limits, time=pd.api.types.is_datetime64_any_dtype(table[x]))


def refer(axes: Axes, line: Reference, ends: Ends) -> None:
    """A thin line at a value: named at the right where lines end, or at the top."""
    if line.axis == "y":
        axes.axhline(line.at, color=colour(line.tone), linewidth=1, zorder=1, gid="crm-reference")
        ends.append((float(axes.get_xlim()[1]), line.at, line.label, line.tone))
        return
    at = float(date2num(line.at)) if isinstance(line.at, dt.date) else float(line.at)
    axes.axvline(at, color=colour(line.tone), linewidth=1, linestyle=(0, (3, 2)), zorder=1, gid="crm-reference")
    late = at > sum(axes.get_xlim()) / 2
    drawing.note(
        axes, line.label, (at, 1), (-4 if late else 4, -2), line.tone, xycoords=("data", "axes fraction"), va="top",
        ha="right" if late else "left",
    )  # fmt: skip
