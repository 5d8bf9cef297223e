"""Points: one for each thing, by two measures or by time; and how one measure is spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.patches import Rectangle

from crmlib.pictures import drawing
from crmlib.pictures.lines import refer
from crmlib.pictures.measuring import widest, wrapped
from crmlib.pictures.picture import Form, Limits, Picture, Reference
from crmlib.pictures.tokens import PALETTE, colour

MOST_VECTOR_POINTS = 2000
"""More points than these become one image inside the picture."""

_Box = tuple[float, float, float, float]

Corner = Literal["upper left", "upper right", "lower left", "lower right"]


def scatter(
    table: pd.DataFrame,
    *,
    x: str,
    y: str,
    label: str | None = None,
    x_low: str | None = None,
    x_high: str | None = None,
    y_low: str | None = None,
    y_high: str | None = None,
    tone: str = "main",
    x_line: float | None = None,
    y_line: float | None = None,
    corners: Mapping[Corner, tuple[str, str]] | None = None,
    shaded: Corner | None = None,
    x_label: str = "",
    y_label: str = "",
    x_form: Form | None = None,
    y_form: Form | None = None,
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
    size: float = 7.5,
) -> Picture:
    """One point for each row, with intervals both ways and its words beside it.

    ``x_line``, ``y_line``: thin lines that part the picture into quadrants; ``corners``: words and tone for quadrants;
    ``shaded``: the quadrant to look at. More than 2,000 points become one image inside the picture; they have no words
    and no intervals. Both axes end where the points do, unless limits are given.

    >>> picture = scatter(pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}), x="x", y="y")
    >>> picture.svg(label="").count('class="crm-dot"')
    2
    """

    def plan(axes: Axes) -> None:
        drawing.dressed(axes, grid="xy", baseline="left bottom")
        across, upwards = drawing.numbers(table, x), drawing.numbers(table, y)
        tones = drawing.column(table, tone, "main")
        known = np.flatnonzero(np.isfinite(across) & np.isfinite(upwards))
        ends = [drawing.numbers(table, name) for name in (x_low, x_high, y_low, y_high)]
        if len(known) > MOST_VECTOR_POINTS:
            for place, shade in enumerate(dict.fromkeys(tones)):
                own = known[[tones[i] == shade for i in known]]
                axes.scatter(
                    across[own], upwards[own], s=size**2 / 4, color=colour(shade), linewidths=0, rasterized=True,
                    alpha=max(0.12, min(1.0, 900 / len(known))), zorder=2 + place / 100,
                )  # fmt: skip
                # An empty line between two clouds keeps them two images, each of one tone.
                axes.plot([], [], zorder=2 + (place + 0.5) / 100)
        else:
            for i in known:
                left, right, low, high = (float(end[i]) for end in ends)
                drawing.span(axes, [left, right], [upwards[i]] * 2, tones[i], linewidth=1.5)
                drawing.span(axes, [across[i]] * 2, [low, high], tones[i], linewidth=1.5)
                drawing.mark(axes, across[i], upwards[i], tones[i], size=size)
        if not len(known):
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1)
        drawing.scale(axes.xaxis, x_form, limits=x_limits)
        if any("upper" in corner for corner in corners or {}):  # room for the words above the points
            low, high = axes.get_ylim()
            axes.set_ylim(low, high + (0.2 if drawing.is_narrow(axes) else 0.1) * (high - low))
        drawing.scale(axes.yaxis, y_form, limits=y_limits)
        if x_line is not None:
            axes.axvline(x_line, color=colour("muted"), linewidth=1, zorder=1, gid="crm-reference")
        if y_line is not None:
            axes.axhline(y_line, color=colour("muted"), linewidth=1, zorder=1, gid="crm-reference")
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        if shaded is not None and x_line is not None and y_line is not None:
            sides = (x_line, right) if "right" in shaded else (left, x_line)
            heights = (y_line, high) if "upper" in shaded else (low, y_line)
            shade = (corners or {}).get(shaded, ("", "bad"))[1]
            axes.add_patch(Rectangle(
                (sides[0], heights[0]), sides[1] - sides[0], heights[1] - heights[0], color=colour(shade), alpha=0.08,
                linewidth=0, zorder=0, gid="crm-quadrant",
            ))  # fmt: skip
        corner_room = drawing.points_of(axes)[0] * 0.38 / drawing.SIZE
        for corner, (words, shade) in (corners or {}).items():
            is_upper, is_right = "upper" in corner, "right" in corner
            told = wrapped(words, corner_room)
            drawing.note(
                axes, told, (float(is_right), float(is_upper)), (-6 if is_right else 6, -5 if is_upper else 5), shade,
                xycoords="axes fraction", ha="right" if is_right else "left", va="top" if is_upper else "bottom",
            )  # fmt: skip
        if label is not None and len(known) <= MOST_VECTOR_POINTS:
            said = [str(one) for one in drawing.column(table, label, "")]
            lines = [line for i in known for line in (
                (ends[0][i], upwards[i], ends[1][i], upwards[i]), (across[i], ends[2][i], across[i], ends[3][i])
            ) if np.isfinite(line).all()]  # fmt: skip
            named = [(float(across[i]), float(upwards[i]), said[i], tones[i]) for i in known if said[i]]
            _name_points(axes, named, lines)
        drawing.x_name(axes, x_label)
        drawing.above(axes, y_label)

    return Picture(plan, 7.6, 4.8)


def _name_points(axes: Axes, named: Sequence[tuple[float, float, str, str]], lines: Sequence[_Box]) -> None:
    """Words at points, at the side that has most room, clear of each other and of lines where there is a place."""
    how = {"va": "center", "ha": "left", "gid": "crm-name", "zorder": 4, "annotation_clip": None}
    notes = [drawing.note(axes, words, (x, y), (7, 7), tone, **how) for x, y, words, tone in named]
    for note in notes:
        note.set_in_layout(False)

    def finish() -> None:
        box = axes.get_window_extent()
        places = [axes.transData.transform((x, y)) for x, y, _, _ in named]
        taken: list[_Box] = [(px - 4, py - 4, px + 4, py + 4) for px, py in places]
        for x0, y0, x1, y1 in lines:
            (left, low), (right, high) = axes.transData.transform(((x0, y0), (x1, y1)))
            taken.append((left - 1, low - 1, right + 1, high + 1))
        for note, (px, py), (_x, _y, words, _tone) in zip(notes, places, named, strict=True):
            long, tall = widest(words) * drawing.SIZE, drawing.SIZE * 1.2

            def field(dx: float, dy: float, at: Any = (px, py), long: float = long, tall: float = tall) -> _Box:
                left = at[0] + dx - (long if dx < 0 else 0)
                return (left, at[1] + dy - tall / 2, left + long, at[1] + dy + tall / 2)

            def cost(shift: tuple[float, float], field: Any = field, long: float = long, tall: float = tall) -> float:
                left, low, right, high = field(*shift)
                covered = sum(_shared(field(*shift), other) for other in taken) + abs(shift[1]) / 100
                beside = 10 * (max(0, box.x0 - left) + max(0, right - box.x1)) * tall
                return covered + beside + 10 * (max(0, box.y0 - low) + max(0, high - box.y1)) * long

            shift = min(((dx, dy) for down in (8, 18) for dx in (7, -7) for dy in (down, -down)), key=cost)
            note.set_position(shift)
            note.set_horizontalalignment("right" if shift[0] < 0 else "left")
            taken.append(field(*shift))

    drawing.sheet_of(axes).finishing.append(finish)


def _shared(one: _Box, other: _Box) -> float:
    """The area that two boxes share."""
    wide, high = (min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1))
    return max(0.0, wide) * max(0.0, high)


def timeline(
    table: pd.DataFrame, *, at: str, kind: str, day_form: Callable[[Any], str], kinds: Mapping[Any, str] | None = None
) -> Picture:
    """Events over time, a lane for each kind.

    ``at``: column of times; ``kinds``: which kinds have a lane, in this order, and their words; left out, the kinds in
    order of appearance; ``day_form`` words a timestamp.

    >>> table = pd.DataFrame({"at": pd.to_datetime(["2025-01-01", "2025-03-01"]), "kind": ["order", "visit"]})
    >>> timeline(table, at="at", kind="kind", day_form="{:%b %Y}".format).svg(label="").count('class="crm-dot"')
    2
    """
    words = drawing.keys(table[kind], kinds)

    def plan(axes: Axes) -> None:
        drawing.dressed(axes, grid="x", baseline="bottom")
        known = pd.to_datetime(table[at]).dropna()
        for lane, one in enumerate(words):
            tone = PALETTE[lane] if lane < len(PALETTE) else "muted"
            axes.axhline(lane, color=colour("light"), linewidth=0.7, zorder=0)
            for day in known[table[kind] == one]:
                drawing.mark(
                    axes, date2num(day), lane, tone, size=6.5, alpha=0.6, markeredgewidth=0, clip_on=False, zorder=2
                )
        if len(known):
            first, last = date2num(known.min()), date2num(known.max())
            # What happened within a few days stands in the middle of four, so that they have dates at all.
            beside = 2 - (last - first) / 2
            limits = (first - beside, last + beside) if beside > 0 else None
            drawing.scale(axes.xaxis, day_form, limits=limits, time=True)
        drawing.lane_names(axes, list(words.values()), 0.34)
        axes.set_ylim(max(len(words), 1) - 0.5, -0.5)

    return Picture(plan, 8.6, 0.9 + 0.4 * len(words))


def histogram(
    table: pd.DataFrame, *, value: str, references: Sequence[Reference] = (), x_form: Form | None = None
) -> Picture:
    """How often values occur, in thirty classes of equal width; the heights have no scale.

    >>> histogram(pd.DataFrame({"days": [1.0, 1.0, 2.0]}), value="days").svg(label="").count('class="crm-bar"')
    30
    """

    def plan(axes: Axes) -> None:
        drawing.dressed(axes, baseline="bottom")
        values = drawing.numbers(table, value)
        values = values[np.isfinite(values)]
        reach = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        counts, edges = np.histogram(values, bins=30, range=reach)
        axes.bar(
            (edges[:-1] + edges[1:]) / 2, counts, width=np.diff(edges) * 0.92, color=colour("main"), alpha=0.8,
            linewidth=0, gid="crm-bar",
        )  # fmt: skip
        drawing.scale(axes.xaxis, x_form, limits=reach)
        axes.set_yticks([])
        for line in references:
            refer(axes, replace(line, axis="x"), [])

    return Picture(plan, height=3.6)
