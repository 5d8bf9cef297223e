"""A matrix of shares with a note in each cell, as the RFM grid and the migration matrix are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmlib import figures


def draw_heat_map(
    cells: Mapping[tuple[int, int], tuple[float, str]], rows: Sequence[str], columns: Sequence[str]
) -> Any:
    """Axes with a cell per (row, column): the larger the share, the darker; cells that are not given stay empty.

    >>> axes = draw_heat_map({(0, 0): (0.25, "few"), (0, 1): (0.75, "most")}, ["then"], ["a", "b"])
    >>> [note.get_text() for note in axes.texts]
    ['few', 'most']
    """
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    shares = np.full((len(rows), len(columns)), np.nan)
    highest = max((share for share, _ in cells.values()), default=0.0) or 1.0
    axes = figures.new_axes(8.4, 1.2 + 0.68 * len(rows))
    axes.grid(False)
    for (row, column), (share, note) in cells.items():
        shares[row, column] = share
        colour = "white" if share > 0.5 * highest else figures.COLOURS["ink"]
        axes.annotate(note, (column, row), ha="center", va="center", fontsize=8.5, color=colour)
    house = LinearSegmentedColormap.from_list("house", ["#f4f7fa", figures.COLOURS["main"]])
    axes.imshow(shares, aspect="auto", cmap=house, vmin=0.0, vmax=highest)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return axes
