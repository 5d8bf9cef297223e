"""Dots with intervals: one or several for each category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmlib.pictures.picture import Form, Picture, Series

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Limits = tuple[float | None, float | None]


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
    note: str | None = None,
    reference: float | None = None,
    reference_label: str = "",
    form: Form | None = None,
    value_label: str = "",
    label_label: str = "",
    limits: Limits | None = None,
    vertical: bool = False,
    width: float = 8.0,
    height: float | None = None,
) -> Picture:
    """One dot for each row, with its interval, in the table's order.

    ``label``: column of worded categories; ``tick``: column of a second estimate, drawn as a short line; ``group``:
    column of worded groups that becomes bold headings, rows of a group together; ``tone``: a tone or a column of tones;
    ``hollow``: column that is true where the base is small; ``note``: column of words beside the dots; ``reference``: a
    thin line across. Rows whose value is not known keep their place and get no dot.

    >>> import pandas as pd
    >>> dots(pd.DataFrame({"who": ["A", "B"], "score": [1.0, 2.0]}), value="score", label="who").empty
    False
    """
    headings = table[group].nunique() if group else 0
    rows = len(table) + headings

    def plan(axes: Axes) -> None:
        import numpy as np

        from crmlib.pictures.drawing import Lanes, column, numbers

        lanes = Lanes(axes, vertical=vertical)
        middle, lows, highs, ticks = (numbers(table, name) for name in (value, low, high, tick))
        tones, small, notes = column(table, tone, "main"), column(table, hollow, False), column(table, note, "")
        labels: list[str] = []
        bold: list[int] = []
        order: list[tuple[str | None, list[int]]] = [(None, list(range(len(table))))]
        if group:
            groups = column(table, group, "")
            order = [(name, [i for i, g in enumerate(groups) if g == name]) for name in dict.fromkeys(groups)]
        for heading, members in order:
            if heading is not None:
                bold.append(len(labels))
                labels.append(str(heading))
            for i in members:
                at = len(labels)
                labels.append(str(table[label].iloc[i]))
                if np.isfinite(middle[i]):
                    lanes.interval(at, lows[i], highs[i], tones[i])
                    lanes.dot(at, middle[i], tones[i], hollow=bool(small[i]))
                    lanes.tick(at, ticks[i])
                    end = highs[i] if np.isfinite(highs[i]) else middle[i]
                    lanes.words(at, end, str(notes[i]) if note else "")
        lanes.names(labels, range(len(labels)), bold=bold, label=label_label)
        lanes.reference(reference, reference_label)
        lanes.values(form, label=value_label, limits=limits)

    tall = 4.0 if vertical else min(1.1 + 0.3 * rows, 16.0)
    known = bool(len(table)) and bool(table[value].notna().any())
    return Picture(plan, width, tall if height is None else height, empty=not known)


def pairs(
    table: pd.DataFrame,
    *,
    label: str,
    series: Sequence[Series],
    form: Form | None = None,
    value_label: str = "",
    label_label: str = "",
    limits: Limits | None = None,
    vertical: bool = True,
    width: float = 8.0,
    height: float | None = None,
) -> Picture:
    """Two or more values for each category: side by side, or dots over bars.

    ``series`` of kind ``"bars"`` are drawn as bars, all others as dots with intervals. Bars and dots together lie over
    each other (came and expected); several of one kind stand side by side. Their names stand above, in their tones.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"who": ["A"], "before": [1.0], "after": [2.0]})
    >>> pairs(table, label="who", series=[Series("before", "Before"), Series("after", "After")]).empty
    False
    """

    def plan(axes: Axes) -> None:
        import numpy as np

        from crmlib.pictures.drawing import Lanes, above, column, key, numbers, places, toned

        lanes, tones = Lanes(axes, vertical=vertical), toned(series)
        for kind in (True, False):
            of_kind = [number for number, one in enumerate(series) if (one.kind == "bars") == kind]
            room = 0.7 / max(len(of_kind), 1) if kind else min(0.22, 0.7 / max(len(of_kind), 1))
            for place, number in enumerate(of_kind):
                one, tone = series[number], tones[number]
                values, lows, highs = (numbers(table, name) for name in (one.value, one.low, one.high))
                small, notes = column(table, one.hollow, False), column(table, one.note, "")
                shift = (place - (len(of_kind) - 1) / 2) * room
                for i in places(np.isfinite(values)):
                    if kind:
                        lanes.bar(i + shift, values[i], tone, thickness=room * 0.94)
                        lanes.interval(i + shift, lows[i], highs[i], "ink")
                    else:
                        lanes.interval(i + shift, lows[i], highs[i], tone)
                        lanes.dot(i + shift, values[i], tone, hollow=bool(small[i]))
                    if one.note:
                        lanes.words(i + shift, np.nanmax([values[i], highs[i]]), str(notes[i]))
        lanes.names([str(words) for words in table[label]], range(len(table)), label=label_label)
        lanes.values(form, label=value_label if not vertical else "", limits=limits)
        key(axes, series, tones)
        if vertical and value_label:
            above(axes, value_label)

    tall = 4.0 if vertical else min(1.4 + 0.22 * len(series) * len(table), 16.0)
    known = any(table[one.value].notna().any() for one in series)
    return Picture(plan, width, tall if height is None else height, empty=not known)
