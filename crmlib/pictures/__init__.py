"""The vocabulary of pictures that all chapters draw with.

A picture takes one pandas table and names of its columns, words that are already worded, tones by name and number
formats, and gives a :class:`Picture`. It knows no chapter and no language, and changes nothing that it is given.
Everything but the table is given by name. In all of them

- ``value``, ``low``, ``high``, ``x``, ``y`` … name columns of numbers; ``label``, ``group``, ``note``, ``text`` … name
  columns of words; ``hollow``, ``hatched``, ``framed``, ``total`` name columns that are true or false;
- ``tone`` is a tone (``main second good bad muted light ink teal purple ochre pink olive``) or a column of tones;
- ``form``, ``x_form`` … word a number (``float -> str``); ticks are as many as have different words;
- ``value_label``, ``x_label`` … are words for what runs along an axis, ``limits`` is ``(low or None, high or None)``;
- ``width`` and ``height`` are inches; most heights follow from the rows.

====================  ==================================================================================================
``dots``              ``dots(t, value="nps", label="who", low="low", high="high", tick="shrunk", group="dimension",
                      tone="tone", hollow="small", reference=20.0, form=points)``; ``vertical=True`` for periods
``pairs``             ``pairs(t, label="who", series=[Series("before", words, "muted", "low", "high"), Series("after",
                      words)], form=money)``; kind ``"bars"`` for bars, bars and dots lie over each other
``bars``              ``bars(t, value="sales", label="who", form=money, note="note", low="low", high="high")``
``stacked_shares``    ``stacked_shares(t, label="by", parts=[Series("yes", words, "good"), Series("no", words, "bad")],
                      form=percent)``
``bridge``            ``bridge(t, value="sales", label="step", total="is_total", form=short, change_form=gain)``
``heat_map``          ``heat_map(t, row="cohort", column="age", value="share", rows={key: words}, columns={key: words},
                      form=percent, hatched="unknown", framed="gap", margin={key: words})``; ``text="note"`` for words
                      in the fields, ``heading="name"`` for a bold line above them
``curves``            ``curves(t, x="age", series=[Series("share", words, low="low", high="high")], y_form=percent)``;
                      long: ``by="group"``; ``steps=True``, ``markers=True``, ``others=t, others_by="cohort"``,
                      ``references=[Reference(0.5, words)]``, ``points=[Point(0.2, 0.6, words)]``,
                      ``spans=[Span(0, 0.2, "A")]``, ``diagonal=words``; kinds ``line dashed dotted dots``
``control_chart``     ``control_chart(t, value="nps", label="period", centre="centre", lower="lower", upper="upper",
                      low="low", high="high", tone="tone", hollow="small", form=points)``
``scatter``           ``scatter(t, x="rating", y="weight", label="driver", x_low="x_low", …, x_line=0.6, y_line=0.2,
                      corners={"upper left": (words, "bad")}, shaded="upper left", x_form=percent)``
``timeline``          ``timeline(t, at="at", kind="kind", kinds={key: words}, day_form=month)``
``histogram``         ``histogram(t, value="days", references=[Reference(204.0, words)], x_form=number)``
``small_multiples``   ``small_multiples([picture, picture, None], titles=[words, words], columns=3)``
====================  ==================================================================================================

Values that are not known keep their place and are drawn as nothing, never as zero. ``picture.svg(label=…)`` is one
``<svg>`` element for a page that has :func:`tokens_css`; with ``paper=True`` it brings its own background, for places
whose background is not ours. ``picture.figure()`` is a matplotlib figure for those who want to go on drawing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmlib.pictures.picture import Form, Picture, Point, Reference, Series, Span, small_multiples
from crmlib.pictures.tokens import PALETTE, TOKENS, tokens_css

if TYPE_CHECKING:
    from crmlib.pictures.categories import bars, bridge, control_chart, dots, pairs, stacked_shares
    from crmlib.pictures.heat_maps import heat_map
    from crmlib.pictures.lines import curves
    from crmlib.pictures.points import histogram, scatter, timeline

__all__ = [
    "PALETTE", "TOKENS", "Form", "Picture", "Point", "Reference", "Series", "Span", "bars", "bridge", "control_chart",
    "curves", "dots", "heat_map", "histogram", "pairs", "scatter", "small_multiples", "stacked_shares", "timeline",
    "tokens_css",
]  # fmt: skip
_DRAWN_BY = ("categories", "heat_maps", "lines", "points")


def __getattr__(name: str) -> Any:
    """What draws loads matplotlib, and is loaded when it is first asked for."""
    if name in __all__:
        for module in _DRAWN_BY:
            if drawn := getattr(import_module(f"{__name__}.{module}"), name, None):
                return drawn
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
