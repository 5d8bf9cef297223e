"""The look of all figures, their captions, and how figures and tables are shown and kept for the report."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crmlib import text

MIME = "application/vnd.crmlib.exhibit+json"

COLOURS = {
    "main": "#1f5a8a",
    "second": "#d1773a",
    "good": "#2b8a5b",
    "bad": "#b4433c",
    "muted": "#8a949e",
    "light": "#dfe6ec",
    "ink": "#22303c",
}
PALETTE = ("#1f5a8a", "#d1773a", "#2b8a5b", "#8c5fa8", "#b4433c", "#5a9bb5", "#a08a3c", "#8a949e")
_CJK_FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "SimHei")


@dataclass(frozen=True)
class Caption:
    """What a figure says: a title, one sentence that reads it, and a text for those who cannot see it."""

    title: str
    reading: str
    description: str


def new_axes(width: float = 8.0, height: float = 4.2) -> Any:
    """New Axes in the house style; sizes in inches.

    The house style is set for all of matplotlib, so that a chapter's and a trainee's own figures look alike.

    >>> new_axes().get_figure().get_size_inches().tolist()
    [8.0, 4.2]
    """
    axes = new_panels(1, columns=1, width=width, height=height)[0]
    axes.grid(True, axis="y")
    return axes


def new_panels(count: int, *, columns: int, width: float, height: float) -> list[Any]:
    """Several Axes of one figure in the house style, row by row; sizes in inches. The caption goes to any of them.

    >>> len(new_panels(5, columns=3, width=11, height=6))
    5
    """
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(_style())
    figure = Figure(figsize=(width, height), layout="constrained")
    return [figure.add_subplot(-(-count // columns), columns, place + 1) for place in range(count)]


def _style() -> Any:
    from cycler import cycler
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return {
        "font.family": ["DejaVu Sans", *(font for font in _CJK_FONTS if font in installed)],
        "font.size": 10.5,
        # A client's names are text: a dollar sign in one must not start a formula.
        "text.parse_math": False,
        "axes.prop_cycle": cycler(color=PALETTE),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": COLOURS["muted"],
        "axes.labelcolor": COLOURS["ink"],
        "axes.axisbelow": True,
        "grid.color": COLOURS["light"],
        "text.color": COLOURS["ink"],
        "xtick.color": COLOURS["ink"],
        "ytick.color": COLOURS["ink"],
        "legend.frameon": False,
    }


def caption(axes: Any, *, title: str, reading: str, description: str) -> Any:
    """Say what a figure shows; answers the Axes. Every ``plot_…`` ends with this.

    ``reading`` is one sentence with computed numbers that says what there is to see; ``description`` is the text
    alternative: kind of chart, what is on each axis, and its main values.

    >>> axes = caption(new_axes(), title="Orders", reading="Orders rose by 4%.", description="Line chart of …")
    >>> caption_of(axes).reading
    'Orders rose by 4%.'
    """
    axes.get_figure().crmlib_caption = Caption(title, reading, description)
    return axes


def caption_of(axes: Any) -> Caption:
    """The caption of a figure.

    Raises:
        ValueError: the figure has none.
    """
    found = getattr(axes.get_figure(), "crmlib_caption", None)
    if found is None:
        raise ValueError("this figure has no caption; end the plot function with figures.caption(axes, …)")
    return found


def money_axis(axis: Any) -> None:
    """Label an axis (``axes.xaxis`` or ``axes.yaxis``) with money in the client's currency."""
    axis.set_major_formatter(lambda value, _position: text.money(value))


def percent_axis(axis: Any) -> None:
    """Label an axis with rates between 0 and 1 as per cent, at ticks whose labels are exact."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda value, _position: text.percent(value, digits=0 if _whole(100 * value) else 1))


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6


@dataclass(frozen=True)
class Exhibit:
    """A figure, a table or a row of tiles as the notebook shows it and the report takes it over."""

    fields: Mapping[str, Any]
    rich: Mapping[str, Any] = field(default_factory=dict)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            MIME: dict(self.fields),
            "text/plain": str(self.fields["reading"] or self.fields["title"]),
            **self.rich,
        }


def figure_exhibit(axes: Any, *, name: str) -> Exhibit:
    """The figure as a PNG with its caption."""
    about = caption_of(axes)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Where no installed font has a character, a box is drawn; that is no news for the reader of a notebook.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        axes.get_figure().savefig(buffer, format="png", dpi=144, metadata={"Software": None})
    return Exhibit(
        {
            "kind": "figure",
            "name": name,
            "title": about.title,
            "reading": about.reading,
            "description": about.description,
        },
        {"image/png": base64.b64encode(buffer.getvalue()).decode("ascii")},
    )


@dataclass(frozen=True)
class Drawing:
    """A figure that the notebook shows and the report does not."""

    fields: Mapping[str, Any]
    rich: Mapping[str, Any]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": str(self.fields["reading"] or self.fields["title"]), **self.rich}


def drawing(axes: Any) -> Drawing:
    """The figure as a PNG, for the notebook only."""
    exhibit = figure_exhibit(axes, name="drawing")
    return Drawing(exhibit.fields, exhibit.rich)


def table_exhibit(
    table: Any, *, name: str, title: str, reading: str = "", labels: Mapping[str, str] | None = None
) -> Exhibit:
    """A small table in words: headings and units from ``terms.yaml``, or a heading given in ``labels``."""
    from html import escape

    import pandas as pd

    frame = table if isinstance(table, pd.DataFrame) else table.to_pandas()
    headings = [(labels or {}).get(str(c)) or text.label(str(c)) for c in frame.columns]
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    rows = [
        [text.shown(str(c), value) for c, value in zip(frame.columns, row, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    head = "".join(f"<th>{escape(h)}</th>" for h in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return Exhibit(
        {
            "kind": "table",
            "name": name,
            "title": title,
            "reading": reading,
            "headings": headings,
            "numeric": numeric,
            "rows": rows,
        },
        {"text/html": f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"},
    )


def tiles_exhibit(tiles: Sequence[Mapping[str, str]], *, name: str, title: str, reading: str = "") -> Exhibit:
    """A row of KPI tiles: each has ``label``, ``value``, ``status`` (good, bad, neutral) and ``note``."""
    from html import escape

    body = "".join(
        f"<tr><td>{escape(t['label'])}</td><td>{escape(t['value'])}</td><td>{escape(t.get('note', ''))}</td></tr>"
        for t in tiles
    )
    return Exhibit(
        {
            "kind": "tiles",
            "name": name,
            "title": title,
            "reading": reading,
            "tiles": [dict(t) for t in tiles],
        },
        {"text/html": f"<table><tbody>{body}</tbody></table>"},
    )


def definitions_exhibit(definitions: Mapping[str, str], *, name: str, title: str) -> Exhibit:
    """Terms and what they mean, for the report's appendix.

    >>> definitions_exhibit({"Churn rate": "Share that …"}, name="kpis", title="KPIs").fields["definitions"]
    [['Churn rate', 'Share that …']]
    """
    from html import escape

    body = "".join(f"<dt><b>{escape(term)}</b></dt><dd>{escape(about)}</dd>" for term, about in definitions.items())
    pairs = [[term, about] for term, about in definitions.items()]
    return Exhibit(
        {"kind": "definitions", "name": name, "title": title, "reading": "", "definitions": pairs},
        {"text/html": f"<dl>{body}</dl>"},
    )
