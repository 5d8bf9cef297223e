"""A picture: what is to be drawn, how large, and as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Form = Callable[[float], str]
"""How a number is written."""

Limits = tuple[float | None, float | None]
"""The least and the most that an axis shows; None: as the values need."""

NARROW = 3.5
"""How wide a picture is on a phone, in inches."""

Kind = Literal["line", "dashed", "dotted", "dots", "bars"]


@dataclass(frozen=True)
class Series:
    """One of several things drawn from the columns of a table.

    ``value``: its column; ``label``: its words; ``tone``: a tone's name (the next of the palette if not given);
    ``low``, ``high``: columns of its interval; ``hollow``: column that is true where a base is small; ``kind``: how it
    is drawn, where a picture knows several ways.
    """

    value: str
    label: str = ""
    tone: str = ""
    low: str | None = None
    high: str | None = None
    hollow: str | None = None
    kind: Kind = "line"


@dataclass(frozen=True)
class Reference:
    """A thin line across a picture at one value of ``axis``, with words at its end."""

    at: float
    label: str = ""
    axis: Literal["x", "y"] = "y"
    tone: str = "muted"


@dataclass(frozen=True)
class Point:
    """One point that is pointed out, with words beside it and an interval upwards."""

    x: float
    y: float
    label: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Span:
    """A shaded part of a picture from one value of x to another, with words at its foot."""

    start: float
    end: float
    label: str = ""


@dataclass(frozen=True)
class Picture:
    """What is to be drawn, and its size in inches.

    ``plan`` draws on the axes that it is given; ``tall`` is how high it is where narrow, if not as high as it is wide.
    Nothing is drawn before ``figure`` or ``svg`` ask for it, so one
    picture can also be a panel of :func:`~crmlib.pictures.small_multiples`.
    """

    plan: Callable[[Axes], None]
    width: float = 8.0
    height: float = 4.2
    tall: float | None = None
    panels: tuple[tuple[Picture | None, str], ...] = ()
    columns: int = 1

    def figure(self) -> Any:
        """The matplotlib figure, new each time, so that what one does with it changes no other."""
        from crmlib.pictures.canvas import Sheet, house_style
        from crmlib.pictures.drawing import above

        panels = self.panels or ((self, ""),)
        with house_style():
            sheet = Sheet(self.width, self.height)
            for place, (picture, title) in enumerate(panels):
                if picture is not None:
                    axes = sheet.add_subplot(-(-len(panels) // self.columns), self.columns, place + 1)
                    picture.plan(axes)
                    if title:
                        above(axes, title, bold=True)
            return sheet

    def svg(self, *, label: str, paper: bool = False) -> str:
        """The picture as one ``<svg>`` element to stand in a page; the same bytes each time.

        ``label``: the text alternative; ``paper``: with a background, for places that are not ours. Its natural width
        is ``width``; it shrinks with a narrower page. Colours are tokens (:func:`~crmlib.pictures.tokens_css`).

        >>> Picture(lambda axes: axes.set_title("Nobody has ordered yet.")).svg(label="Empty").count("Nobody")
        1
        """
        from crmlib.pictures.canvas import house_style, written

        with house_style():
            return written(self.figure(), label=label, paper=paper)

    def narrow(self) -> Picture:
        """The same picture for a phone: as wide as that, panels below each other, words as large as before."""
        lines = -(-len(self.panels) // self.columns) if self.panels else 1
        height = self.height / lines * len(self.panels) if self.panels else max(self.tall or self.height, 2.6)
        return replace(self, width=min(self.width, NARROW), height=height, columns=1)


def small_multiples(
    pictures: Sequence[Picture | None],
    *,
    titles: Sequence[str],
    columns: int,
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

    def plan(axes: object) -> None:
        raise TypeError("small multiples cannot be a panel of small multiples")

    height = panel_height * max(1, -(-len(pictures) // columns))
    return Picture(plan, width, height, panels=tuple(zip(pictures, titles, strict=True)), columns=columns)
