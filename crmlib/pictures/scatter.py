"""Points: one for each thing, by two measures or by time; and how one measure is spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from crmlib.pictures.dots import Limits
from crmlib.pictures.picture import Form, Picture, Reference

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

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
    hollow: str | None = None,
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
    width: float = 7.6,
    height: float = 4.8,
) -> Picture:
    """One point for each row, with intervals both ways and its words beside it.

    ``x_line``, ``y_line``: thin lines that part the picture into quadrants; ``corners``: words and tone for quadrants;
    ``shaded``: the quadrant to look at. More than 2,000 points become one image inside the picture; they have no words
    and no intervals. Both axes end where the points do, unless limits are given.

    >>> import pandas as pd
    >>> picture = scatter(pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}), x="x", y="y")
    >>> picture.svg(label="").count('class="crm-dot"')
    2
    """

    def plan(axes: Axes) -> None:
        import numpy as np
        from matplotlib.patches import Rectangle

        from crmlib.pictures import drawing
        from crmlib.pictures.tokens import colour

        drawing.dressed(axes, grid="xy", baseline="left bottom")
        across, upwards = drawing.numbers(table, x), drawing.numbers(table, y)
        tones, small = drawing.column(table, tone, "main"), drawing.column(table, hollow, False)
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
                if np.isfinite([left, right]).all():
                    axes.plot(
                        [left, right], [upwards[i]] * 2, color=colour(tones[i]), linewidth=1.5, gid="crm-interval"
                    )
                if np.isfinite([low, high]).all():
                    axes.plot([across[i]] * 2, [low, high], color=colour(tones[i]), linewidth=1.5, gid="crm-interval")
                axes.plot(
                    [across[i]], [upwards[i]], "o", color=colour(tones[i]), markersize=size, markeredgewidth=1.4,
                    markerfacecolor=colour("paper" if bool(small[i]) else tones[i]), zorder=3,
                    gid="crm-hollow" if bool(small[i]) else "crm-dot",
                )  # fmt: skip
        if not len(known):
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1)
        drawing.scale(axes.xaxis, x_form, limits=x_limits)
        if any("upper" in corner for corner in corners or {}):  # room for the words above the points
            low, high = axes.get_ylim()
            axes.set_ylim(low, high + 0.1 * (high - low))
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
        for corner, (words, shade) in (corners or {}).items():
            is_upper, is_right = "upper" in corner, "right" in corner
            axes.annotate(
                words, (1.0 if is_right else 0.0, 1.0 if is_upper else 0.0), xycoords="axes fraction",
                xytext=(-6 if is_right else 6, -5 if is_upper else 5), textcoords="offset points",
                ha="right" if is_right else "left", va="top" if is_upper else "bottom", fontsize=drawing.SIZE,
                color=colour(shade),
            )  # fmt: skip
        if label is not None and len(known) <= MOST_VECTOR_POINTS:
            said = [str(one) for one in drawing.column(table, label, "")]
            lines = [
                (float(a), float(b), float(c), float(d))
                for i in known
                for a, b, c, d in (
                    (ends[0][i], upwards[i], ends[1][i], upwards[i]),
                    (across[i], ends[2][i], across[i], ends[3][i]),
                )
                if np.isfinite([a, b, c, d]).all()
            ]
            named = [(float(across[i]), float(upwards[i]), said[i], tones[i]) for i in known if said[i]]
            _name_points(axes, named, lines)
        drawing.x_name(axes, x_label)
        if y_label:
            drawing.above(axes, y_label)

    known = bool(len(table)) and bool((table[x].notna() & table[y].notna()).any())
    return Picture(plan, width, height, empty=not known)


def _name_points(axes: Axes, named: Sequence[tuple[float, float, str, str]], lines: Sequence[_Box]) -> None:
    """Words at points, at the side that has most room, clear of each other and of lines where there is a place."""
    from crmlib.pictures import drawing
    from crmlib.pictures.measuring import widest
    from crmlib.pictures.tokens import colour

    notes = [
        axes.annotate(
            words,
            (x, y),
            xytext=(7, 7),
            textcoords="offset points",
            fontsize=drawing.SIZE,
            color=colour(tone),
            va="center",
            ha="left",
            gid="crm-name",
            zorder=4,
        )
        for x, y, words, tone in named
    ]
    for note in notes:
        note.set_in_layout(False)

    def finish() -> None:
        box = axes.get_window_extent()
        places = [axes.transData.transform((x, y)) for x, y, _, _ in named]
        taken: list[_Box] = [(px - 4, py - 4, px + 4, py + 4) for px, py in places]
        for x0, y0, x1, y1 in lines:
            (left, low), (right, high) = axes.transData.transform(((x0, y0), (x1, y1)))
            taken.append((float(left) - 1, float(low) - 1, float(right) + 1, float(high) + 1))
        for note, (px, py), (_x, _y, words, _tone) in zip(notes, places, named, strict=True):
            long, tall = widest(words) * drawing.SIZE, drawing.SIZE * 1.2
            best: tuple[float, tuple[float, float, str], _Box] | None = None
            for dx, dy, side in ((7, 8, "left"), (7, -8, "left"), (-7, 8, "right"), (-7, -8, "right"),
                                 (7, 18, "left"), (7, -18, "left"), (-7, 18, "right"), (-7, -18, "right")):  # fmt: skip
                left = px + dx - (long if side == "right" else 0)
                own = (left, py + dy - tall / 2, left + long, py + dy + tall / 2)
                cost: float = sum(_shared(own, other) for other in taken) + abs(dy) / 100
                cost += 10 * (max(0, box.x0 - own[0]) + max(0, own[2] - box.x1)) * tall
                cost += 10 * (max(0, box.y0 - own[1]) + max(0, own[3] - box.y1)) * long
                if best is None or cost < best[0]:
                    best = (cost, (dx, dy, side), own)
            assert best is not None
            *shift, side = best[1]
            note.set_position((shift[0], shift[1]))
            note.set_horizontalalignment(cast(Any, side))
            taken.append(best[2])

    drawing.sheet_of(axes).finishing.append(finish)


def _shared(one: _Box, other: _Box) -> float:
    return max(0.0, min(one[2], other[2]) - max(one[0], other[0])) * max(
        0.0, min(one[3], other[3]) - max(one[1], other[1])
    )


def timeline(
    table: pd.DataFrame,
    *,
    at: str,
    kind: str,
    day_form: Callable[[Any], str],
    kinds: Mapping[Any, str] | None = None,
    tone: str | None = None,
    width: float = 8.6,
    height: float | None = None,
) -> Picture:
    """Events over time, a lane for each kind.

    ``at``: column of times; ``kinds``: which kinds have a lane, in this order, and their words; left out, the kinds in
    order of appearance; ``tone``: a tone or a column of tones (left out, the palette); ``day_form`` words a timestamp.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"at": pd.to_datetime(["2025-01-01", "2025-03-01"]), "kind": ["order", "visit"]})
    >>> timeline(table, at="at", kind="kind", day_form="{:%b %Y}".format).svg(label="").count('class="crm-dot"')
    2
    """
    words = dict(kinds) if kinds is not None else {one: str(one) for one in dict.fromkeys(table[kind])}

    def plan(axes: Axes) -> None:
        import pandas as pd
        from matplotlib.dates import date2num

        from crmlib.pictures import drawing
        from crmlib.pictures.measuring import wrapped
        from crmlib.pictures.tokens import PALETTE, colour

        drawing.dressed(axes, grid="x", baseline="bottom")
        shades = drawing.column(table, tone, "main")
        known = pd.to_datetime(table[at]).notna()
        for lane, one in enumerate(words):
            own = PALETTE[lane % len(PALETTE)] if lane < len(PALETTE) else "muted"
            axes.axhline(lane, color=colour("light"), linewidth=0.7, zorder=0)
            for i in [i for i, k in enumerate(table[kind]) if k == one and known.iloc[i]]:
                axes.plot(
                    [date2num(pd.Timestamp(table[at].iloc[i]))], [lane], "o", color=colour(shades[i] if tone else own),
                    markersize=6.5, alpha=0.6, markeredgewidth=0, gid="crm-dot", clip_on=False,
                )  # fmt: skip
        if known.any():
            drawing.day_scale(axes, day_form)
        room = drawing.points_of(axes)[0] * 0.34 / drawing.SIZE
        axes.set_yticks(range(len(words)), [wrapped(one, room) for one in words.values()], linespacing=1.15)
        axes.set_ylim(max(len(words), 1) - 0.5, -0.5)

    tall = 0.9 + 0.4 * len(words)
    return Picture(plan, width, tall if height is None else height, empty=not len(table))


def histogram(
    table: pd.DataFrame,
    *,
    value: str,
    bins: int = 30,
    references: Sequence[Reference] = (),
    tone: str = "main",
    x_label: str = "",
    y_label: str = "",
    x_form: Form | None = None,
    y_form: Form | None = None,
    x_limits: Limits | None = None,
    width: float = 8.0,
    height: float = 3.6,
) -> Picture:
    """How often values occur, in classes of equal width; without ``y_form`` the heights have no scale.

    >>> import pandas as pd
    >>> histogram(pd.DataFrame({"days": [1.0, 1.0, 2.0]}), value="days", bins=2).svg(label="").count('class="crm-bar"')
    2
    """

    def plan(axes: Axes) -> None:
        import numpy as np

        from crmlib.pictures import drawing
        from crmlib.pictures.curves import _refer
        from crmlib.pictures.tokens import colour

        drawing.dressed(axes, grid="y" if y_form else "", baseline="bottom")
        values = drawing.numbers(table, value)
        values = values[np.isfinite(values)]
        low, high = x_limits or (None, None)
        reach = (
            float(values.min()) if low is None and len(values) else low or 0.0,
            float(values.max()) if high is None and len(values) else high or 1.0,
        )
        counts, edges = np.histogram(values, bins=bins, range=reach)
        axes.bar(
            (edges[:-1] + edges[1:]) / 2, counts, width=np.diff(edges) * 0.92, color=colour(tone), alpha=0.8,
            linewidth=0, gid="crm-bar",
        )  # fmt: skip
        drawing.scale(axes.xaxis, x_form, limits=reach)
        if y_form:
            drawing.scale(axes.yaxis, y_form)
        else:
            axes.set_yticks([])
        for line in references:
            _refer(axes, Reference(line.at, line.label, "x", line.tone), [])
        drawing.x_name(axes, x_label)
        if y_label:
            drawing.above(axes, y_label)

    known = bool(len(table)) and bool(table[value].notna().any())
    return Picture(plan, width, height, empty=not known)
