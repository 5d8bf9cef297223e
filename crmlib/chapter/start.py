"""What a chapter says of the start of the data: who is not called new, and how that is known."""

from __future__ import annotations

import pandas as pd

from crmlib import exhibits
from crmlib.exhibits import Exhibit, Place
from crmlib.newcomers import Start
from crmlib.words import Words

words = Words(__file__)


def start_told(start: Start) -> Exhibit:
    """One row: since when first purchases count as first ones, and how many customers are left out for it.

    It stands in the report where anybody is left out. The reading says how it was decided, and how many of those called
    new are probably back after a longer silence.

    >>> start_told(Start("none")).kind
    'nothing'
    """
    if start.data_begin is None:
        return exhibits.nothing(words, "start", of="tables")
    shown = pd.DataFrame(
        {
            "data_begin": [start.data_begin],
            "new_since": [start.since],
            "customers": [start.customers],
            "left_out": [start.left_out],
            "returning_share": [start.returning_share],
        }
    )
    place: Place = "fold" if start.left_out else "notebook"
    return exhibits.table(words, "start", shown, vars(start), reading=_reading(start), place=place)


def _reading(start: Start) -> str:
    if not start.cut:
        assert start.basis in ("said", "first_seen", "few", "begins"), start.basis
        return start.basis
    if start.basis == "first_seen":
        how = "first_seen"
    elif start.since is None:
        how = "nobody"
    elif start.since == start.data_begin:
        how = "gap"
    else:
        how = "day" if start.burn_in is None else "burn_in"
    return ".".join(["cut", how])
