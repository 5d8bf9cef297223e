"""Heat maps: a field for each row and column, the fuller the more; what is not known stays empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmlib.pictures.picture import Form, Picture

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


_SIZE = 9.0


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
    height: float | None = None,
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

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cohort": ["a", "a", "b"], "age": [1, 2, 1], "share": [0.5, 0.2, None]})
    >>> heat_map(table, row="cohort", column="age", value="share", form="{:.0%}".format).svg(label="").count("crm-cell")
    2
    """
    row_words = dict(rows) if rows is not None else {one: str(one) for one in dict.fromkeys(table[row])}
    column_words = dict(columns) if columns is not None else {one: str(one) for one in dict.fromkeys(table[column])}

    def plan(axes: Axes) -> None:
        import numpy as np
        from matplotlib.patches import Rectangle

        from crmlib.pictures import drawing
        from crmlib.pictures.measuring import widest, wrapped
        from crmlib.pictures.tokens import colour

        drawing.dressed(axes)
        down = {one: place for place, one in enumerate(row_words)}
        across = {one: place for place, one in enumerate(column_words)}
        values = drawing.numbers(table, value)
        full = top
        if full is None:
            finite = values[np.isfinite(values)]
            full = float(finite.max()) if len(finite) else 1.0
        reach = (full - bottom) or 1.0
        texts, heads = drawing.column(table, text, ""), drawing.column(table, heading, "")
        wide, _ = drawing.points_of(axes)
        room = wide * 0.8 / max(len(across), 1)
        unsure, pointed = drawing.column(table, hatched, False), drawing.column(table, framed, False)
        said = [
            [part for part in (str(head), str(words) if text else _written(form, number)) if part]
            if np.isfinite(number) or bool(not_told)
            else []
            for head, words, number, not_told in zip(heads, texts, values, unsure, strict=True)
        ]
        said = [[wrapped(part, room * 0.94 / _SIZE) for part in parts] for parts in said]
        if any(widest(part) * _SIZE > room for parts in said for part in parts):
            said = [[] for _ in said]
        # Words stay readable on light and dark pages up to half the tone; without words all of it is used.
        fullest = 0.5 if any(said) else 0.95

        def opacity(number: float) -> float:
            return 0.04 + (fullest - 0.04) * float(np.clip((number - bottom) / reach, 0, 1))

        tones = drawing.column(table, tone, "main")
        for i, (r, c) in enumerate(zip(table[row], table[column], strict=True)):
            if r not in down or c not in across:
                continue
            x, y = across[c], down[r]
            if bool(pointed[i]):
                axes.add_patch(Rectangle(
                    (x - 0.5, y - 0.46), 1, 0.92, fill=False, edgecolor=colour("bad"), linewidth=1.6, zorder=3,
                    clip_on=False, gid="crm-frame",
                ))  # fmt: skip
            if not np.isfinite(values[i]) and not bool(unsure[i]):
                continue
            fill: dict[str, Any] = {"facecolor": colour(tones[i]), "linewidth": 0}
            if not bool(unsure[i]):
                fill["alpha"] = round(opacity(values[i]), 2)
            else:
                fill = {"facecolor": "none", "edgecolor": colour("muted"), "hatch": "////", "linewidth": 0}
            axes.add_patch(Rectangle(
                (x - 0.48, y - 0.46), 0.96, 0.92, gid="crm-hatched" if bool(unsure[i]) else "crm-cell", **fill
            ))  # fmt: skip
            lines = said[i]
            behind = {"facecolor": colour("paper"), "edgecolor": "none", "pad": 1.5} if bool(unsure[i]) else None
            count = sum(part.count("\n") + 1 for part in lines)
            for number, part in enumerate(lines):
                # A heading stands on the line above the words, both around the middle of the field.
                before = sum(one.count("\n") + 1 for one in lines[:number])
                middle = before + (part.count("\n") + 1) / 2 - count / 2
                cell = axes.annotate(
                    part, (x, y), xytext=(0, -middle * _SIZE * 1.35), textcoords="offset points", ha="center",
                    va="center", fontsize=_SIZE, color=colour("ink"), linespacing=1.3, bbox=behind,
                    fontweight="bold" if heading and number == 0 else "normal",
                )  # fmt: skip
                cell.set_in_layout(False)
        axes.set_xlim(-0.5, max(len(across), 1) - 0.5 + (1.0 if margin else 0.0))
        axes.set_ylim(max(len(down), 1) - 0.5, -0.5)
        names = list(column_words.values())
        shown, written = drawing.thinned(names, room, size=9.5)
        if margin:
            for key, words in margin.items():
                if key in down:
                    axes.text(len(across) + 0.1, down[key], words, ha="center", va="center", fontsize=drawing.SIZE)
            shown, written = [*shown, len(across)], [*written, wrapped(margin_label, max(room / 9.5, 8))]
        axes.set_xticks(shown, written, linespacing=1.25)
        label_room = wide * 0.34 / drawing.SIZE
        axes.set_yticks(
            range(len(down)), [wrapped(words, label_room) for words in row_words.values()], linespacing=1.15
        )  # fmt: skip
        drawing.x_name(axes, column_label)
        if row_label:
            drawing.above(axes, row_label)
        if scale_form is not None:
            steps = np.linspace(bottom, full, 5)
            for place, step in enumerate(steps):
                level = 0.9 - 0.2 * place
                alpha = opacity(step)
                axes.annotate(
                    "■", (1, level), xytext=(10, 0), xycoords="axes fraction", textcoords="offset points", va="center",
                    fontsize=12, color=colour(tones[0] if tones else "main"), alpha=alpha, annotation_clip=False,
                )  # fmt: skip
                axes.annotate(
                    scale_form(float(step)), (1, level), xytext=(24, 0), xycoords="axes fraction", va="center",
                    textcoords="offset points", fontsize=drawing.SIZE, color=colour("muted"), annotation_clip=False,
                )  # fmt: skip

    lines = 1
    if text or form:
        found = [str(words).count("\n") + 1 for words in table[text]] if text else [1]
        lines = max(found, default=1) + (1 if heading else 0)
    tall = 1.0 + len(row_words) * (0.12 + 0.19 * lines + (0.16 if lines > 1 else 0))
    known = bool(len(table)) and bool(table[value].notna().any())
    return Picture(plan, width, min(tall, 16.0) if height is None else height, empty=not known)


def _written(form: Form | None, number: float) -> str:
    return form(float(number)) if form and number == number else ""
