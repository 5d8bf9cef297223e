"""What all pictures share: the look of axes, their ticks and words, and categories side by side.

Heavy: loaded when a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from crmlib.pictures.canvas import Sheet
from crmlib.pictures.measuring import shortened, widest, wrapped
from crmlib.pictures.picture import NARROW, Form, Limits, Series
from crmlib.pictures.tokens import PALETTE, colour

SIZE = 9.5
"""Font size of all words but names of categories and panels, in points; none is below 9."""


def plain(value: float) -> str:
    """A number without thousands separators or units, for pictures whose caller gives no form.

    >>> plain(0.5), plain(12.0)
    ('0.5', '12')
    """
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def column(table: pd.DataFrame, what: Any, default: Any) -> list[Any]:
    """The values of a column where ``what`` names one, else ``what`` (or the default) for every row."""
    if isinstance(what, str) and what in table.columns:
        return [default if _absent(value) else value for value in table[what].tolist()]
    return [default if what is None else what] * len(table)


def numbers(table: pd.DataFrame, name: str | None) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A column as floats, absent ones as NaN; all NaN where there is no such column."""
    if name is None:
        return np.full(len(table), np.nan)
    return np.asarray(pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan))


def keys(values: pd.Series[Any], words: Mapping[Any, str] | None) -> dict[Any, str]:
    """Which keys are shown, and their words; where none are given, the column's own in order of appearance."""
    return dict(words) if words is not None else {one: str(one) for one in dict.fromkeys(values)}


def places(chosen: Any) -> list[int]:
    """Where an array is true."""
    return [int(place) for place in np.flatnonzero(chosen)]


def toned(series: Sequence[Series]) -> list[str]:
    """The tone of each series: its own, else the next of the palette, else muted."""
    free = iter([tone for tone in PALETTE if tone not in {one.tone for one in series}])
    return [one.tone or next(free, "muted") for one in series]


def _absent(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and value != value)


def points_of(axes: Axes) -> tuple[float, float]:
    """Width and height of the sheet in points, before any layout."""
    width, height = axes.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    spec = axes.get_subplotspec()
    lines, columns = spec.get_gridspec().get_geometry() if spec else (1, 1)
    return 72 * width / columns, 72 * height / lines


def is_narrow(axes: Axes) -> bool:
    """Whether the picture is drawn for a phone."""
    return points_of(axes)[0] <= 72 * NARROW


def tall_for(words: Sequence[str], part: float, *, base: float, each: float) -> float:
    """How high a narrow picture of lanes must be, in inches, so that their names do not meet.

    ``part``: of the width, for the names; ``base``: what is needed besides; ``each``: the least for a lane.
    """
    room = 72 * NARROW * part / SIZE
    return base + len(words) * max([each, *(0.17 + 0.155 * wrapped(str(one), room).count("\n") for one in words)])


def sheet_of(axes: Axes) -> Sheet:
    """The figure on which these axes stand."""
    return cast(Sheet, axes.get_figure(root=True))


def note(axes: Axes, words: str, at: tuple[Any, Any], shift: tuple[float, float], tone: str, **how: Any) -> Any:
    """Words in a tone, ``shift`` points from a place."""
    how = {"textcoords": "offset points", "fontsize": SIZE, "annotation_clip": False, **how}
    return axes.annotate(words, at, xytext=shift, color=colour(tone), **how)


def mark(axes: Axes, x: float, y: float, tone: str, *, hollow: bool = False, size: float = 7.5, **how: Any) -> None:
    """A dot; a hollow one has paper inside."""
    how = {"markeredgewidth": 1.4, "zorder": 3, "gid": "crm-hollow" if hollow else "crm-dot", **how}
    inside = colour("paper" if hollow else tone)
    axes.plot([x], [y], "o", color=colour(tone), markersize=size, markerfacecolor=inside, **how)


def span(axes: Axes, x: Sequence[float], y: Sequence[float], tone: str, **how: Any) -> None:
    """The line of an interval; nothing where an end is not known."""
    if np.isfinite([*x, *y]).all():
        axes.plot(x, y, color=colour(tone), gid="crm-interval", **{"linewidth": 1.8, **how})


def above(axes: Axes, words: str, *, bold: bool = False) -> None:
    """Words above the axes at their left; later ones stand above earlier ones."""
    if not words:
        return
    size, weight, tone = (10.5, "bold", "ink") if bold else (SIZE, "normal", "muted")
    said = wrapped(words, _beside_names(axes) / size)
    over = heads_of(axes, (said.count("\n") + 1) * size * 1.3 + 2)
    note(
        axes, said, (0, 1), (0, over), tone, xycoords="axes fraction", ha="left", va="bottom", fontsize=size,
        fontweight=weight,
    )  # fmt: skip


def heads_of(axes: Axes, height: float) -> float:
    """How high above the axes the next words stand, which are as high as said."""
    heads = sheet_of(axes).heads
    over = heads.get(axes, 7.0)
    heads[axes] = over + height
    return over


def _beside_names(axes: Axes) -> float:
    """About how wide the axes are, in points: what the words at their left leave."""
    names = (tick.get_text() for tick in axes.get_yticklabels())
    return points_of(axes)[0] * 0.95 - SIZE * max(map(widest, names), default=0.0) - 12


def key(axes: Axes, series: Sequence[Series], tones: Sequence[str]) -> None:
    """The names of series in their own tones in a line above the axes, for series that have no ends to be named at."""
    from matplotlib.offsetbox import AnnotationBbox, DrawingArea, HPacker, TextArea, VPacker
    from matplotlib.patches import Circle, Rectangle

    named = [(one, tone) for one, tone in zip(series, tones, strict=True) if one.label]
    if not named:
        return
    width = _beside_names(axes)
    lines: list[list[Any]] = [[]]
    used = 0.0
    for one, tone in named:
        long = widest(one.label) * SIZE + 26
        if used and used + long > width:
            lines.append([])
            used = 0.0
        used += long
        area = DrawingArea(10, 9)
        sign = Rectangle((0, 0), 9, 9) if one.kind == "bars" else Circle((4.5, 4.5), 3.6)
        sign.set(facecolor=colour(tone), edgecolor="none", gid="crm-key")
        area.add_artist(sign)
        shade = colour("ink" if tone == "light" else tone)
        lines[-1].append(HPacker(
            children=[area, TextArea(one.label, textprops={"color": shade, "size": SIZE})], align="center", pad=0, sep=4
        ))  # fmt: skip
    box = VPacker(children=[HPacker(children=line, pad=0, sep=14) for line in lines], pad=0, sep=4, align="left")
    placed = AnnotationBbox(
        box, (0, 1), xybox=(0, heads_of(axes, len(lines) * SIZE * 1.5 + 3)), xycoords="axes fraction",
        boxcoords="offset points", box_alignment=(0, 0), frameon=False, pad=0, annotation_clip=False,
    )  # fmt: skip
    axes.add_artist(placed)


def dressed(axes: Axes, *, grid: str = "", baseline: str = "") -> None:
    """Thin grid lines across one or both axes (``x``, ``y``, ``xy``); a spine at ``left``, ``bottom`` or both."""
    for along in grid:
        axes.grid(True, axis=cast(Any, along))
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(side in baseline)
    axes.tick_params(length=0)


def lane_names(axes: Axes, words: Sequence[str], part: float) -> None:
    """Words for what stands one below the other, in at most so large a part of the sheet's width."""
    room = points_of(axes)[0] * part / SIZE
    said = ["\n".join(shortened(line, room) for line in wrapped(one, room).split("\n")) for one in words]
    axes.set_yticks(range(len(words)), said, linespacing=1.15)


def x_name(axes: Axes, words: str) -> None:
    """Words for what runs across, below the axes."""
    if words:
        width, _ = points_of(axes)
        axes.set_xlabel(wrapped(words, width * 0.85 / SIZE), linespacing=1.3)


def scale(axis: Any, form: Callable[[Any], str] | None, *, limits: Limits | None = None, time: bool = False) -> None:
    """Round ticks on an axis, as many as have different words; labels are muted because values are read at marks.

    ``time``: the ticks are round dates, and ``form`` takes a timestamp.
    """
    (low, high), (least, most) = axis.get_view_interval(), limits or (None, None)
    low, high = (low if least is None else least), (high if most is None else most)
    if not high > low:
        low, high = low - 0.5, low + 0.5
    across = axis.axis_name == "x"
    (axis.axes.set_xlim if across else axis.axes.set_ylim)(low, high)
    room = points_of(axis.axes)[0 if across else 1] * 0.8
    for count in (7, 6, 5, 4, 3, 2) if time else (6, 5, 4, 3, 2):
        ticks, values = (_days if time else _steps)(low, high, count)
        words = [(form or (str if time else plain))(value) for value in values]
        each = max(map(widest, words), default=0) * SIZE + (10 if time else 8) if across else 22
        if len(set(words)) == len(words) and each * len(ticks) <= room:
            break
    else:
        # No number of ticks has different words: each word is written once, in the middle of where it holds.
        alike = [[place for place, word in enumerate(words) if word == one] for one in dict.fromkeys(words)]
        middle = [places[len(places) // 2] for places in alike]
        ticks, words = [ticks[place] for place in middle], [words[place] for place in middle]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter(words))
    axis.set_tick_params(labelcolor=colour("muted"))
    if across:
        apart(axis.axes)


def apart(axes: Axes) -> None:
    """Leave out every other word below the axes until they are apart, once the layout tells how wide the axes are."""

    def finish() -> None:
        ticks, words = list(axes.get_xticks()), [tick.get_text() for tick in axes.get_xticklabels()]
        at = [float(axes.transData.transform((tick, 0))[0]) for tick in ticks]
        half = [widest(one) * SIZE / 2 + 1 for one in words]
        for step in range(1, len(at)):
            if all(at[b] - half[b] >= at[a] + half[a] for a, b in pairwise(range(0, len(at), step))):
                break
        else:
            return
        if step > 1:
            axes.xaxis.set_major_locator(FixedLocator(ticks[::step]))
            axes.xaxis.set_major_formatter(FixedFormatter(words[::step]))

    sheet_of(axes).finishing.append(finish)


def _steps(low: float, high: float, most: int) -> tuple[list[float], list[float]]:
    """Round numbers between two, and the same without what floating point adds."""
    ticks = np.asarray(MaxNLocator(nbins=most, steps=[1, 2, 5, 10]).tick_values(low, high))
    edge = 1e-9 * (high - low)
    ticks = ticks[(ticks >= low - edge) & (ticks <= high + edge)]
    return list(ticks), [float(np.round(tick, 12)) + 0.0 for tick in ticks]


def _days(low: float, high: float, most: int) -> tuple[list[float], list[pd.Timestamp]]:
    """Round dates between two numbers of days, as such numbers and as timestamps."""
    locator = AutoDateLocator(minticks=min(3, most), maxticks=most)
    dates: Any = locator.tick_values(num2date(low), num2date(high))
    ticks = [float(tick) for tick in dates if low <= tick <= high]
    return ticks, [pd.Timestamp(num2date(tick)).tz_localize(None) for tick in ticks]


def thinned(labels: Sequence[str], room: float, *, size: float = SIZE) -> tuple[list[int], list[str]]:
    """Which labels of categories side by side are written, where each place is ``room`` points wide.

    Up to twelve are wrapped; more are periods, of which some are left out instead.

    >>> thinned(["January", "February", "March"], 40.0)
    ([0, 2], ['January', 'March'])
    """
    for step in range(1, max(len(labels), 1) + 1):
        width = (room * step - 6) / size
        written = [wrapped(label, width) if len(labels) <= 12 else label for label in labels[::step]]
        longest = max((words.count("\n") + 1 for words in written), default=1)
        if all(widest(words) <= width for words in written) and longest <= 4:
            break
    return list(range(0, len(labels), step)) if labels else [], written if labels else []


def spread(wanted: Sequence[float], gap: Sequence[float], low: float, high: float) -> list[float]:
    """Places near the wanted ones that keep their distance and lie between two bounds, where there is room.

    ``gap``: the height of each.

    >>> spread([10.0, 11.0], [10.0, 10.0], 0.0, 100.0)
    [5.5, 15.5]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups: list[list[int]] = []

    def centre(group: list[int]) -> float:
        """Where the middle of a group's stack should be."""
        tall = sum(gap[i] for i in group)
        middle = sum(wanted[i] for i in group) / len(group)
        return min(max(middle, low + tall / 2), max(high - tall / 2, low + tall / 2))

    for i in order:
        groups.append([i])
        while len(groups) > 1:
            below, over = groups[-2], groups[-1]
            reach = (sum(gap[j] for j in below) + sum(gap[j] for j in over)) / 2
            if centre(over) - centre(below) >= reach - 1e-9:
                break
            groups[-2:] = [below + over]
    placed = [0.0] * len(wanted)
    for group in groups:
        at = centre(group) - sum(gap[i] for i in group) / 2
        for i in group:
            placed[i] = at + gap[i] / 2
            at += gap[i]
    return placed


def end_labels(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names of lines at the right edge, at the height of their ends (x, y, words, tone), moved apart if they meet."""
    ends = [end for end in ends if end[2] and np.isfinite(end[1])]
    if not ends:
        return
    width, _ = points_of(axes)
    room = max(width * 0.3 / SIZE, 9.0)
    notes = [
        note(
            axes, wrapped(words, room), (1, y), (8, 0), tone, xycoords=("axes fraction", "data"), va="center",
            ha="left", gid="crm-name",
        )
        for _x, y, words, tone in ends
    ]  # fmt: skip

    def finish() -> None:
        box = axes.get_window_extent()
        heights = [(name.get_text().count("\n") + 1) * SIZE * 1.25 for name in notes]
        at = [float(axes.transData.transform((0, y))[1]) for _x, y, _words, _tone in ends]
        places = spread(at, heights, box.y0 - 8, box.y1 + 8)
        for name, now, place, (x, y, _words, tone) in zip(notes, at, places, ends, strict=True):
            name.set_position((8, place - now))
            from_x = float(axes.transData.transform((x, y))[0])
            if abs(place - now) > 3 or from_x < box.x1 - 6:
                to = axes.transData.inverted().transform((box.x1 + 6, place))
                axes.plot(
                    [x, to[0]], [y, to[1]], color=colour(tone), linewidth=0.6, alpha=0.6, clip_on=False,
                    scalex=False, scaley=False,
                )  # fmt: skip

    sheet_of(axes).finishing.append(finish)


class Lanes:
    """Categories side by side, values along: across where horizontal, upwards where vertical."""

    def __init__(self, axes: Axes, *, vertical: bool) -> None:
        self.axes = axes
        self.vertical = vertical
        dressed(axes, grid="y" if vertical else "x", baseline="bottom" if vertical else "")

    def xy(self, at: Any, value: Any) -> tuple[Any, Any]:
        """What runs across and what upwards, of a lane and a value."""
        return (at, value) if self.vertical else (value, at)

    def names(self, words: Iterable[Any], *, bold: Sequence[int] = (), label: str = "", room: float = 0.88) -> None:
        """The categories' words, one for each lane; those numbered in ``bold`` are headings.

        ``room``: the part of the sheet's width that vertical lanes share.
        """
        axes, (width, _), labels = self.axes, points_of(self.axes), list(map(str, words))
        last = max(len(labels), 1) - 1
        if self.vertical:
            shown, written = thinned(labels, width * room / (last + 1))
            axes.set_xticks(shown, written, linespacing=1.25)
            apart(axes)
            axes.set_xlim(-0.6, last + 0.6)
            x_name(axes, label)
            return
        lane_names(axes, labels, 0.38)
        for number in bold:
            axes.get_yticklabels()[number].set_fontweight("bold")
        axes.set_ylim(last + 0.6, -0.6)
        above(axes, label)

    def values(self, form: Form | None, *, label: str = "", limits: Limits | None = None) -> None:
        """Ticks and words for what runs along."""
        scale(self.axes.yaxis if self.vertical else self.axes.xaxis, form, limits=limits)
        (above if self.vertical else x_name)(self.axes, label)

    def dot(self, at: float, value: float, tone: str, *, hollow: bool = False, size: float = 7.5) -> None:
        """A dot; a hollow one has paper inside."""
        mark(self.axes, *self.xy(at, value), tone, hollow=hollow, size=size, markeredgewidth=1.6, clip_on=False)

    def interval(self, at: float, low: float, high: float, tone: str) -> None:
        """A line from low to high; nothing where either is not known."""
        span(self.axes, *self.xy([at, at], [low, high]), tone, solid_capstyle="butt", zorder=2)

    def tick(self, at: float, value: float) -> None:
        """A short line across the lane."""
        if np.isfinite(value):
            x, y = self.xy([at], [value])
            self.axes.plot(
                x, y, "_" if self.vertical else "|", color=colour("ink"), markersize=11, markeredgewidth=1.6,
                gid="crm-tick", zorder=4,
            )  # fmt: skip

    def bar(self, at: float, length: float, tone: str, *, start: float = 0.0, thickness: float = 0.64) -> None:
        """A bar from ``start``."""
        draw: Any = self.axes.bar if self.vertical else self.axes.barh
        size, base = ("width", "bottom") if self.vertical else ("height", "left")
        draw([at], [length], color=colour(tone), linewidth=0, gid="crm-bar", **{size: thickness, base: start})

    def words(self, at: float, value: float, words: str, *, tone: str = "ink", before: bool = False) -> None:
        """Words just beyond a value, or just before it."""
        if not words or not np.isfinite(value):
            return
        side = -1 if before else 1
        shift, ha, va = (0, 6 * side), "center", "top" if before else "bottom"
        if not self.vertical:
            shift, ha, va = (8 * side, 0), "right" if before else "left", "center"
        note(self.axes, words, self.xy(at, value), shift, tone, ha=ha, va=va, linespacing=1.2)

    def ground(self) -> None:
        """A line at zero, from which bars rise and fall."""
        line = self.axes.axhline if self.vertical else self.axes.axvline
        line(0.0, color=colour("muted"), linewidth=0.8, zorder=2.5, gid="crm-ground")
        if self.vertical and self.axes.get_ylim()[0] < 0:
            self.axes.spines["bottom"].set_visible(False)
