"""The vocabulary of pictures that all chapters draw with.

A picture takes one pandas table and names of its columns, words that are already worded, tones by name and number
formats, and gives a :class:`Picture`. It knows no chapter and no language, and changes nothing that it is given.
"""

from crmlib.pictures.bars import bars, bridge, stacked_shares
from crmlib.pictures.curves import control_chart, curves
from crmlib.pictures.dots import dots, pairs
from crmlib.pictures.heat_maps import heat_map
from crmlib.pictures.panels import small_multiples
from crmlib.pictures.picture import Form, Picture, Point, Reference, Series, Span, nothing
from crmlib.pictures.scatter import histogram, scatter, timeline
from crmlib.pictures.tokens import PALETTE, TOKENS, tokens_css

__all__ = [
    "PALETTE",
    "TOKENS",
    "Form",
    "Picture",
    "Point",
    "Reference",
    "Series",
    "Span",
    "bars",
    "bridge",
    "control_chart",
    "curves",
    "dots",
    "heat_map",
    "histogram",
    "nothing",
    "pairs",
    "scatter",
    "small_multiples",
    "stacked_shares",
    "timeline",
    "tokens_css",
]
