"""What a chapter shows: figures, tables, KPI tiles and definitions, each with its title and its reading.

A chapter's figure or table function answers an :class:`Exhibit`; the notebook shows it with its title above and its
reading below, and the report takes it over.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

from crmlib.words import Words, values_of
from crmlib.words.forms import UNKNOWN

if TYPE_CHECKING:
    from crmlib.pictures import Picture

MIME = "application/vnd.crmlib.exhibit+json"
Place = Literal["section", "fold", "notebook"]


@dataclass(frozen=True)
class Exhibit:
    """A figure, a table, a scorecard, tiles, definitions, or nothing to show and why.

    Args:
        kind: ``figure``, ``table``, ``scorecard`` (a table whose rows have ``notes``, a small line of ``lines``
            and one of ``shapes`` each), ``tiles``, ``definitions`` or ``nothing``.
        name: what it is called among the chapter's exhibits; its table is kept as ``tables/NN_name.csv``.
        title: what it is, above it.
        reading: what there is to see, below it, with computed numbers.
        description: the text alternative of a figure.
        table: the measure's table behind it.
        picture: of a figure.
        fields: what the report needs besides: headings and rows, tiles, definitions.
        place: where the report shows it: in its theme's ``section``, in the closed ``fold`` below it, or nowhere
            (``notebook``: it serves those who read the chapter).
        sheet: of a table, its ``cells`` as numbers and the ``units`` of its columns, for the report's workbook.
        reports: whether a run shows it, whose report needs the sheet, and the picture for narrow screens, too.
    """

    kind: str
    name: str
    title: str
    reading: str = ""
    description: str = ""
    table: Any = None
    picture: Picture | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    place: Place = "fold"
    sheet: Mapping[str, Any] = field(default_factory=dict)
    reports: bool = False

    @property
    def in_report(self) -> bool:
        """Whether the report shows it."""
        return self.place != "notebook"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {
            "text/plain": "\n".join(part for part in (self.title, self.reading) if part),
            "text/html": self.html(),
        }
        if self.in_report and (self.kind != "nothing" or self.reports):
            told = ("kind", "name", "place", "title", "reading", "description")
            bundle[MIME] = {name: getattr(self, name) for name in told} | dict(self.fields)
            if self.picture is not None and self.reports:
                bundle[MIME]["narrow"] = self.picture.narrow().svg(label=self.description)
            if self.sheet and self.reports:
                bundle[MIME]["sheet"] = dict(self.sheet)
        return bundle

    def html(self) -> str:
        """Title, body and reading as the notebook shows them; a picture is an image that no notebook has to trust."""
        above = f"<p><strong>{escape(self.title)}</strong></p>"
        below = f"<p>{escape(self.reading)}</p>" if self.reading else ""
        return f"<div>{above}{self._body()}{below}</div>"

    def _body(self) -> str:
        if self.picture is not None:
            svg = base64.b64encode(self.picture.svg(label=self.description, paper=True).encode()).decode("ascii")
            return f'<img alt="{escape(self.description)}" src="data:image/svg+xml;base64,{svg}"/>'
        if self.kind in ("table", "scorecard"):
            head = "".join(f"<th>{escape(heading)}</th>" for heading in self.fields["headings"])
            body = "".join(map(_row, self.fields["rows"]))
            return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        if self.kind == "tiles":
            rows = ([tile["label"], tile["value"], tile.get("note", "")] for tile in self.fields["tiles"])
            return f"<table><tbody>{''.join(map(_row, rows))}</tbody></table>"
        if self.kind == "definitions":
            pairs = self.fields["definitions"]
            body = "".join(f"<dt><b>{escape(term)}</b></dt><dd>{escape(about)}</dd>" for term, about in pairs)
            return f"<dl>{body}</dl>"
        return ""


def _row(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def svg_of(html: str) -> str:
    """The picture out of a notebook's stored HTML; empty where it holds none.

    >>> svg_of('<img src="data:image/svg+xml;base64,PHN2Zy8+"/>')
    '<svg/>'
    """
    _, found, after = html.partition("data:image/svg+xml;base64,")
    return base64.b64decode(after.split('"')[0]).decode() if found else ""


def figure(
    words: Words,
    name: str,
    table: Any,
    picture: Picture,
    values: Any = None,
    /,
    *,
    reading: str = "",
    place: Place = "fold",
    fields: Mapping[str, Any] | None = None,
    **more: Any,
) -> Exhibit:
    """A figure with the words of ``figures.<name>``: ``title``, ``reading`` and ``description``.

    ``reading`` names which of several readings fits (``figures.<name>.reading.<reading>``); ``values`` and ``more``
    fill the places.
    """
    values = values_of(values, more)
    title, description = (words.say(f"figures.{name}.{part}", values) for part in ("title", "description"))
    said = _reading(words, f"figures.{name}", reading, values)
    return Exhibit("figure", name, title, said, description, table, picture, fields or {}, place=place)


def nothing(words: Words, name: str, /, *, why: str = "nothing", of: str = "figures", **values: Any) -> Exhibit:
    """A figure or table for which the data do not suffice: its title, and why (``figures.<name>.nothing``)."""
    at = f"{of}.{name}"
    return Exhibit("nothing", name, words.say(f"{at}.title", values), words.say(f"{at}.{why}", values))


def table(
    words: Words,
    name: str,
    frame: Any,
    values: Any = None,
    /,
    *,
    columns: Sequence[str] = (),
    reading: str = "",
    place: Place = "fold",
    kept: Any = None,
    worded: Mapping[str, Sequence[str]] | None = None,
    **more: Any,
) -> Exhibit:
    """A small table (at most some twenty rows) with the words of ``tables.<name>``: ``title`` and ``reading``.

    Headings and units of the ``columns`` (default: all) come from the room's ``columns`` (places in a heading, such as
    ``period``, are filled from the values, too); a reading may be left out of
    the words, or named like a figure's. ``kept``: the table to keep, where it is not the one shown. ``worded``: columns
    whose cells are worded already, such as amounts that must add up as they are printed.
    """
    values = values_of(values, more)
    chosen = [str(column) for column in (columns or frame.columns)]
    rows = [
        [words.cell(column, value) for column, value in zip(chosen, row, strict=True)]
        for row in frame[chosen].itertuples(index=False, name=None)
    ]
    for column, said in (worded or {}).items():
        for row, cell in zip(rows, said, strict=True):
            row[chosen.index(column)] = cell
    fields = {
        "headings": [words.heading(column, values) for column in chosen],
        "numeric": [words.is_number(column) for column in chosen],
        "rows": rows,
    }
    title, reads = words.say(f"tables.{name}.title", values), _reading(words, f"tables.{name}", reading, values)
    kept = frame if kept is None else kept
    units = [words.unit(column) for column in chosen]
    cells = [
        [_in_sheet(value, said, unit) for value, said, unit in zip(raw, row, units, strict=True)]
        for raw, row in zip(frame[chosen].itertuples(index=False, name=None), rows, strict=True)
    ]
    sheet = {"units": units, "cells": cells}
    return Exhibit("table", name, title, reads, table=kept, fields=fields, place=place, sheet=sheet)


def in_digits_that_hold(value: float) -> str:
    """A number with six significant digits, and hundredths in any case: far below these, processors differ.

    >>> [in_digits_that_hold(value) for value in (1 / 3, 1234567.891, 12.5, 2e-7 / 3, float("inf"))]
    ['0.333333', '1234567.89', '12.5', '6.66667e-08', 'inf']
    """
    if abs(value) < 1e4 or not math.isfinite(value):
        return f"{value:.6g}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _in_sheet(value: Any, said: str, unit: str) -> float | str | None:
    """A cell as a workbook keeps it: a number in digits that hold, nothing if unknown, else what is said."""
    if said == UNKNOWN:
        return None
    is_number = isinstance(value, Real) and not isinstance(value, bool) and not unit.startswith("name.")
    return float(in_digits_that_hold(float(value))) if is_number else said


def tiles(
    words: Words,
    name: str,
    shown: Sequence[Mapping[str, str]],
    values: Any = None,
    /,
    *,
    reading: str = "",
    kept: Any = None,
    place: Place = "fold",
    **more: Any,
) -> Exhibit:
    """A row of KPI tiles: each has ``label``, ``value``, ``status`` (good, bad, neutral) and ``note``.

    The words are those of ``tables.<name>``, as for :func:`table`.
    """
    values = values_of(values, more)
    title, said = words.say(f"tables.{name}.title", values), _reading(words, f"tables.{name}", reading, values)
    fields = {"tiles": [dict(tile) for tile in shown]}
    return Exhibit("tiles", name, title, said, table=kept, fields=fields, place=place)


def definitions(words: Words, name: str, pairs: Mapping[str, str], /) -> Exhibit:
    """Terms and what they mean, for the report's appendix."""
    shown = [[term, about] for term, about in pairs.items()]
    return Exhibit("definitions", name, words.say(f"tables.{name}.title"), fields={"definitions": shown})


def _reading(words: Words, at: str, which: str, values: Mapping[str, Any]) -> str:
    """The reading, the one named ``which`` or the only one; a table may do without the latter."""
    key = f"{at}.reading.{which}" if which else f"{at}.reading"
    return words.say(key, values) if which or at.startswith("figures.") or words.has(key) else ""
