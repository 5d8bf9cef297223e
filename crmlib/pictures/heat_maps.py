"""Heat maps: a field for each row and column, the fuller the more; what is not known stays empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from crmlib.pictures import drawing
from crmlib.pictures.measuring import widest, wrapped
from crmlib.pictures.picture import NARROW, Form, Picture
from crmlib.pictures.tokens import colour

_SIZE = 9.0
_MARGIN = 8.0
"""How wide the words beside the rows of a narrow map may be, in font sizes."""


def heat_map(
    table: pd.DataFrame,
    *,
    row: str,
    column: str,
    value: str,
    rows: Mapping[Any, str] | None = None,
    columns: Mapping[Any, str] | None = None,
    text: str | None = None,
    heading: str | None = None,
    form: Form | None = None,
    tone: str = "main",
    bottom: float = 0.0,
    top: float | None = None,
    hatched: str | None = None,
    framed: str | None = None,
    margin: Mapping[Any, str] | None = None,
    margin_label: str = "",
    row_label: str = "",
    column_label: str = "",
    scale_form: Form | None = None,
    width: float = 8.4,
) -> Picture:
    """A field for each row of the table at (``row``, ``column``), filled from ``bottom`` (empty) to ``top`` (full).

    ``rows``, ``columns``: which keys are shown, in this order, and their words; left out, the keys themselves in order
    of appearance. ``text``: column of words in the fields, or ``form`` writes the values; neither: no
    words. Words are left out where they do not fit into the fields; then ``scale_form`` says what the colours mean.
    ``heading``: column of a bold first line. ``tone``: a tone or a column of tones; with ``bottom`` above ``top`` low
    values are full. ``hatched``: column that is true where a value cannot be told; ``framed``: column that is true for
    fields to be pointed out; ``margin``: words for each row's key in a column of their own at the right.
    ``scale_form`` adds a scale with words. Fields that the table does not have, and values that are not known, are
    drawn as nothing: never as zero.

    >>> table = pd.DataFrame({"cohort": ["a", "a", "b"], "age": [1, 2, 1], "share": [0.5, 0.2, None]})
    >>> heat_map(table, row="cohort", column="age", value="share", form="{:.0%}".format).svg(label="").count("crm-cell")
    2
    """
    row_words, column_words = drawing.keys(table[row], rows), drawing.keys(table[column], columns)

    def plan(axes: Axes) -> None:
        drawing.dressed(axes)
        down = {one: place for place, one in enumerate(row_words)}
        across = {one: place for place, one in enumerate(column_words)}
        values = drawing.numbers(table, value)
        known = np.isfinite(values)
        full = top if top is not None else float(values[known].max()) if known.any() else 1.0
        tones, heads, texts = (drawing.column(table, *of) for of in ((tone, "main"), (heading, ""), (text, "")))
        unsure, pointed = drawing.column(table, hatched, False), drawing.column(table, framed, False)
        wide, _ = drawing.points_of(axes)
        room = wide * 0.8 / max(len(across), 1)
        if drawing.is_narrow(axes):
            scale_room = 24 + drawing.SIZE * widest(scale_form(full)) if scale_form is not None else 0.0
            margin_room = _MARGIN * drawing.SIZE if margin else 0.0
            room = (_between(list(row_words.values())) - scale_room - margin_room) / max(len(across), 1)
        if form and not text:
            texts = [form(float(number)) if there else "" for number, there in zip(values, known, strict=True)]
        said = [
            [wrapped(part, room * 0.94 / _SIZE) for part in map(str, parts) if part and (there or not_told)]
            for *parts, there, not_told in zip(heads, texts, known, unsure, strict=True)
        ]
        if any(widest(part) * _SIZE > room for parts in said for part in parts):
            said = [[] for _ in said]
        # Words stay readable on light and dark pages up to half the tone; without words all of it is used.
        fullest = 0.5 if any(said) else 0.95

        def opacity(number: float) -> float:
            return 0.04 + (fullest - 0.04) * float(np.clip((number - bottom) / ((full - bottom) or 1.0), 0, 1))

        for i, (r, c) in enumerate(zip(table[row], table[column], strict=True)):
            if r not in down or c not in across:
                continue
            x, y = across[c], down[r]
            if pointed[i]:
                axes.add_patch(Rectangle(
                    (x - 0.5, y - 0.46), 1, 0.92, fill=False, edgecolor=colour("bad"), linewidth=1.6, zorder=3,
                    clip_on=False, gid="crm-frame",
                ))  # fmt: skip
            fill: dict[str, Any] = {"facecolor": colour(tones[i]), "gid": "crm-cell"}
            behind = None
            if unsure[i]:
                fill = {"facecolor": "none", "edgecolor": colour("muted"), "hatch": "////", "gid": "crm-hatched"}
                behind = {"facecolor": colour("paper"), "edgecolor": "none", "pad": 1.5}
            elif known[i]:
                fill["alpha"] = round(opacity(values[i]), 2)
            else:
                continue
            axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, linewidth=0, **fill))
            # A heading stands on the line above the words, both around the middle of the field.
            tall = [part.count("\n") + 1 for part in said[i]]
            for number, part in enumerate(said[i]):
                lower = (sum(tall[:number]) + tall[number] / 2 - sum(tall) / 2) * _SIZE * 1.35
                cell = drawing.note(
                    axes, part, (x, y), (0, -lower), "ink", ha="center", va="center", fontsize=_SIZE, linespacing=1.3,
                    bbox=behind, fontweight="bold" if heading and number == 0 else "normal",
                )  # fmt: skip
                cell.set_in_layout(False)
        beside = bool(margin) and drawing.is_narrow(axes)
        axes.set_xlim(-0.5, max(len(across), 1) - 0.5 + (1.0 if margin and not beside else 0.0))
        axes.set_ylim(max(len(down), 1) - 0.5, -0.5)
        shown, written = drawing.thinned(list(column_words.values()), room, size=9.5)
        if margin and beside:
            how = {"xycoords": ("axes fraction", "data"), "linespacing": 1.15}
            for one in filter(down.__contains__, margin):
                drawing.note(axes, wrapped(margin[one], _MARGIN), (1, down[one]), (6, 0), "ink", va="center", **how)
            over = {**how, "xycoords": "axes fraction"}
            drawing.note(axes, wrapped(margin_label, _MARGIN), (1, 0), (6, -5), "ink", va="top", **over)
        elif margin:
            for one in filter(down.__contains__, margin):
                axes.text(len(across) + 0.1, down[one], margin[one], ha="center", va="center", fontsize=drawing.SIZE)
            shown, written = [*shown, len(across)], [*written, wrapped(margin_label, max(room / 9.5, 8))]
        axes.set_xticks(shown, written, linespacing=1.25)
        drawing.apart(axes)
        drawing.lane_names(axes, list(row_words.values()), 0.34)
        drawing.x_name(axes, column_label)
        drawing.above(axes, row_label)
        if scale_form is not None:
            how = {"xycoords": "axes fraction", "va": "center"}
            for level, step in zip((0.9, 0.7, 0.5, 0.3, 0.1), np.linspace(bottom, full, 5), strict=True):
                square = tones[0] if tones else "main"
                drawing.note(axes, "■", (1, level), (10, 0), square, fontsize=12, alpha=opacity(step), **how)
                drawing.note(axes, scale_form(float(step)), (1, level), (24, 0), "muted", **how)

    lines = 1 + bool(heading) + (max((str(words).count("\n") for words in table[text]), default=0) if text else 0)
    height = 1.0 + len(row_words) * (0.12 + 0.19 * lines + (0.16 if lines > 1 else 0))
    tall = drawing.tall_for(list(row_words.values()), 0.34, base=1.0, each=height / max(len(row_words), 1))
    if text:
        room = _between(list(row_words.values())) / max(len(column_words), 1) * 0.94 / _SIZE
        told = zip(*(drawing.column(table, *of) for of in ((heading, ""), (text, ""))), strict=True)
        lines = max(
            (sum(wrapped(str(part), room).count("\n") + 1 for part in parts if part) for parts in told), default=1
        )
        tall = max(tall, 1.0 + len(row_words) * (0.2 + 0.19 * lines))
    return Picture(plan, width, min(height, 16.0), tall=min(tall, 16.0))


def _between(names: Sequence[str]) -> float:
    """How wide the fields of a narrow map are together, in points: what the names of its rows leave."""
    wide = 72 * NARROW
    return (
        wide * 0.95
        - drawing.SIZE * max((widest(wrapped(one, wide * 0.34 / drawing.SIZE)) for one in names), default=0)
        - 12
    )
