"""A picture: what is to be drawn, how large, and as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Form = Callable[[float], str]
"""How a number is written."""

Kind = Literal["line", "dashed", "dotted", "dots", "bars"]


@dataclass(frozen=True)
class Series:
    """One of several things drawn from the columns of a table.

    ``value``: its column; ``label``: its words; ``tone``: a tone's name (the next of the palette if not given);
    ``low``, ``high``: columns of its interval; ``hollow``: column that is true where a base is small; ``note``: column
    of words at its marks; ``kind``: how it is drawn, where a picture knows several ways.
    """

    value: str
    label: str = ""
    tone: str = ""
    low: str | None = None
    high: str | None = None
    hollow: str | None = None
    note: str | None = None
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
    tone: str = "second"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Span:
    """A shaded part of a picture from one value of x to another, with words at its foot."""

    start: float
    end: float
    label: str = ""
    tone: str = "muted"


@dataclass(frozen=True)
class Picture:
    """What is to be drawn, its size in inches, and whether there is nothing in it.

    ``plan`` draws on the axes that it is given. Nothing is drawn before ``figure`` or ``svg`` ask for it, so one
    picture can also be a panel of :func:`~crmlib.pictures.small_multiples`.
    """

    plan: Callable[[Axes], None]
    width: float = 8.0
    height: float = 4.2
    empty: bool = False
    panels: tuple[tuple[Picture | None, str], ...] = ()
    columns: int = 1

    def figure(self) -> Any:
        """The matplotlib figure, new each time, so that what one does with it changes no other."""
        from crmlib.pictures.canvas import Sheet, house_style
        from crmlib.pictures.drawing import above

        with house_style():
            sheet = Sheet(self.width, self.height)
            if not self.panels:
                self.plan(sheet.add_subplot())
                return sheet
            lines = -(-len(self.panels) // self.columns)
            for place, (picture, title) in enumerate(self.panels):
                if picture is not None:
                    axes = sheet.add_subplot(lines, self.columns, place + 1)
                    picture.plan(axes)
                    if title:
                        above(axes, title, bold=True)
            return sheet

    def svg(self, *, label: str, paper: bool = False) -> str:
        """The picture as one ``<svg>`` element to stand in a page; the same bytes each time.

        ``label``: the text alternative; ``paper``: with a background, for places that are not ours. Its natural width
        is ``width``; it shrinks with a narrower page. Colours are tokens (:func:`~crmlib.pictures.tokens_css`).

        >>> from crmlib.pictures import nothing
        >>> nothing("Nobody has ordered yet.").svg(label="Empty").count("Nobody has ordered yet.")
        1
        """
        from crmlib.pictures.canvas import house_style, written

        with house_style():
            return written(self.figure(), label=label, paper=paper)

    def or_nothing(self, reason: str) -> Picture:
        """This picture, or one that says why it is empty."""
        return nothing(reason, width=self.width) if self.empty else self


def nothing(reason: str, *, width: float = 8.0, height: float = 1.3) -> Picture:
    """A picture that says why there is nothing to draw."""
    from crmlib.pictures.measuring import wrapped

    def plan(axes: Axes) -> None:
        from crmlib.pictures.tokens import colour

        axes.set_axis_off()
        said = wrapped(reason, width * 72 / 10 * 0.9)
        axes.text(
            0.5, 0.5, said, ha="center", va="center", color=colour("muted"), transform=axes.transAxes, linespacing=1.4
        )

    return Picture(plan, width, height, empty=True)
