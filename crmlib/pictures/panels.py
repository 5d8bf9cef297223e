"""Several pictures in one."""

from __future__ import annotations

from collections.abc import Sequence

from crmlib.pictures.picture import Picture


def small_multiples(
    pictures: Sequence[Picture | None],
    *,
    titles: Sequence[str] = (),
    columns: int = 3,
    width: float = 9.6,
    panel_height: float = 2.7,
) -> Picture:
    """Pictures side by side, row by row, each under its title; None leaves a place empty.

    >>> import pandas as pd
    >>> from crmlib.pictures import bars
    >>> one = bars(pd.DataFrame({"who": ["A"], "sales": [12.0]}), value="sales", label="who")
    >>> small_multiples([one, one], titles=["2024", "2025"], columns=2).svg(label="").count('class="crm-bar"')
    2
    """
    columns = max(1, min(columns, len(pictures)))
    named = [*titles, *[""] * (len(pictures) - len(titles))]
    lines = max(1, -(-len(pictures) // columns))

    def plan(axes: object) -> None:
        raise TypeError("small multiples cannot be a panel of small multiples")

    return Picture(
        plan,
        width,
        panel_height * lines,
        empty=all(one is None or one.empty for one in pictures),
        panels=tuple(zip(pictures, named, strict=True)),
        columns=columns,
    )
