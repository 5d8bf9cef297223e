"""Bars: amounts, shares of a whole, and the way from one total to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmlib.pictures.dots import Limits
from crmlib.pictures.picture import Form, Picture, Series

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def bars(
    table: pd.DataFrame,
    *,
    value: str,
    label: str,
    low: str | None = None,
    high: str | None = None,
    tone: str = "main",
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
    """One bar for each row, from zero, with its value at its end.

    ``note``: column of words at the ends in place of values; with it the axis has ticks. ``low``, ``high``: columns of
    an interval, a thin line in the bar's end.

    >>> import pandas as pd
    >>> bars(pd.DataFrame({"who": ["A"], "sales": [12.0]}), value="sales", label="who").empty
    False
    """

    def plan(axes: Axes) -> None:
        import numpy as np

        from crmlib.pictures.drawing import Lanes, column, numbers, places, plain

        lanes = Lanes(axes, vertical=vertical)
        values, lows, highs = (numbers(table, name) for name in (value, low, high))
        tones, notes = column(table, tone, "main"), column(table, note, "")
        for i in places(np.isfinite(values)):
            lanes.bar(i, values[i], tones[i])
            lanes.interval(i, lows[i], highs[i], "ink")
            words = str(notes[i]) if note else (form or plain)(float(values[i]))
            ends = np.array([values[i], lows[i], highs[i]])
            below = values[i] < 0
            lanes.words(i, float(np.nanmin(ends) if below else np.nanmax(ends)), words, before=below)
        # Room for the words at the ends; those beyond bars to the left would meet the categories' words.
        some_below = bool((np.nan_to_num(values) < 0).any())
        if vertical or some_below:
            axes.margins(x=None if vertical else 0.14, y=0.14 if vertical else None)
        lanes.ground()
        lanes.names([str(words) for words in table[label]], range(len(table)), label=label_label)
        lanes.reference(reference, reference_label)
        lanes.values(form, label=value_label, limits=limits)

    tall = 4.0 if vertical else min(1.0 + 0.34 * len(table), 16.0)
    known = bool(len(table)) and bool(table[value].notna().any())
    return Picture(plan, width, tall if height is None else height, empty=not known)


def stacked_shares(
    table: pd.DataFrame,
    *,
    label: str,
    parts: Sequence[Series],
    form: Form,
    least: float = 0.06,
    value_label: str = "",
    label_label: str = "",
    width: float = 8.0,
    height: float | None = None,
) -> Picture:
    """What each row's whole is made of: bars of equal length, parts as shares with their per cent inside.

    ``parts``: amounts or shares, each row is divided by its sum; shares below ``least`` get no number. Rows that sum to
    nothing stay empty.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"by": ["mail"], "yes": [30.0], "no": [10.0]})
    >>> picture = stacked_shares(table, label="by", parts=[Series("yes"), Series("no")], form="{:.0%}".format)
    >>> "75%" in picture.svg(label="")
    True
    """

    def plan(axes: Axes) -> None:
        import numpy as np

        from crmlib.pictures.drawing import SIZE, Lanes, key, numbers, toned
        from crmlib.pictures.tokens import colour, readable_on

        lanes, tones = Lanes(axes, vertical=False), toned(parts)
        amounts = np.nan_to_num(np.array([numbers(table, part.value) for part in parts])).reshape(len(parts), -1)
        whole = amounts.sum(axis=0)
        shares = np.divide(amounts, whole, out=np.zeros_like(amounts), where=whole > 0)
        starts = np.cumsum(shares, axis=0) - shares
        for (part, row), share in np.ndenumerate(shares):
            if share <= 0:
                continue
            lanes.bar(row, share, tones[part], start=starts[part, row], thickness=0.7)
            if share >= least:
                axes.text(
                    starts[part, row] + share / 2, row, form(float(share)), ha="center", va="center", fontsize=SIZE,
                    color=colour(readable_on(tones[part], 1.0)),
                )  # fmt: skip
        lanes.names([str(words) for words in table[label]], range(len(table)), label=label_label)
        lanes.values(form, label=value_label, limits=(0.0, 1.0))
        from dataclasses import replace

        key(axes, [replace(part, kind="bars") for part in parts], tones)

    known = any((table[part.value].fillna(0) > 0).any() for part in parts)
    return Picture(plan, width, 1.4 + 0.36 * len(table) if height is None else height, empty=not known)


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
    value_label: str = "",
    width: float = 9.0,
    height: float = 4.4,
) -> Picture:
    """From one total to another, change by change (a waterfall).

    ``total``: column that is true for rows that stand on the ground (``value`` is their height); all others are changes
    from where the row before ended, good where they add and bad where they take. ``low``, ``high``: interval of a
    change. ``change_form`` words changes (with their sign).

    >>> import pandas as pd
    >>> table = pd.DataFrame({"what": ["2024", "new", "2025"], "sales": [10, 4, 14], "sum": [True, False, True]})
    >>> bridge(table, value="sales", label="what", total="sum").svg(label="").count('class="crm-bar"')
    3
    """

    def plan(axes: Axes) -> None:
        import numpy as np

        from crmlib.pictures.drawing import Lanes, column, numbers, plain
        from crmlib.pictures.tokens import colour

        lanes = Lanes(axes, vertical=True)
        values, lows, highs = (numbers(table, name) for name in (value, low, high))
        totals = [bool(one) for one in column(table, total, False)]
        level = 0.0
        for i, amount in enumerate(values):
            if not np.isfinite(amount):
                continue
            start = 0.0 if totals[i] else level
            tone = "main" if totals[i] else ("good" if amount >= 0 else "bad")
            if i:
                axes.plot([i - 0.68, i + 0.32], [level, level], color=colour("muted"), linewidth=0.8)
            lanes.bar(i, amount, tone, start=start)
            lanes.interval(i, start + lows[i], start + highs[i], "ink")
            words = (form if totals[i] else change_form or form) or plain
            tops = [start, start + amount, start + lows[i], start + highs[i]]
            lanes.words(i, float(np.nanmax(tops)), words(float(amount)))
            level = start + amount
        axes.margins(y=0.12)
        lanes.ground()
        lanes.names([str(words) for words in table[label]], range(len(table)))
        lanes.values(form, label=value_label)

    return Picture(plan, width, height, empty=not len(table))
