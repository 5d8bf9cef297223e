"""Workbooks that a reader can calculate with: text stays text, numbers are numbers, equal data give equal bytes."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlib.files import replacing
from crmlib.words import is_numeric, voice

LONGEST_CELL = 32_767
LONGEST_NAME = 31
MOST_ROWS = 1_000_000
_MADE = dt.datetime(2000, 1, 1)  # always the same day, so that equal data give equal bytes
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NARROWEST, _WIDEST, _LOOKED_AT = 9, 60, 1000


@dataclass(frozen=True)
class Sheet:
    """A table as a sheet: what it is called, its headings, the unit of each column (as in ``columns`` of the words),
    and its rows of numbers, days and texts; above it, where they are given, its title and what there is to see."""

    name: str
    headings: Sequence[str]
    units: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    reading: str = ""


def write_workbook(target: Path, sheets: Sequence[Sheet]) -> None:
    """Write sheets into an ``.xlsx``, whole or not at all; the heading stays in sight when a reader scrolls.

    No text is ever a formula or a link, whatever it begins with; a text that is too long for a cell is cut.
    """
    import xlsxwriter

    target.parent.mkdir(parents=True, exist_ok=True)
    names = sheet_names([sheet.name for sheet in sheets])
    with replacing(target) as staged:
        book = xlsxwriter.Workbook(str(staged), {"in_memory": True})
        book.set_properties({"created": _MADE, "author": "", "comments": ""})
        styles = _Styles(book)
        for name, sheet in zip(names, sheets, strict=True):
            _fill(book.add_worksheet(name), sheet, styles)
        book.close()


def sheet_names(names: Sequence[str]) -> list[str]:
    """Names as a workbook allows them: at most 31 characters, none of ``[]:*?/\\``, no two alike.

    >>> sheet_names(["Sales: 2025/26", "sales  2025 26", "", "History"])
    ['Sales 2025 26', 'sales 2025 26 (2)', 'Sheet', 'History (2)']
    """
    made: list[str] = []
    taken = {"history"}  # Excel keeps this name for itself
    for name in names:
        visible = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in name)
        plain = " ".join(re.sub(r"[\[\]:*?/\\]", " ", visible).split()).strip("'")
        plain = plain[:LONGEST_NAME].strip(" '") or "Sheet"
        unique, number = plain, 2
        while unique.casefold() in taken:
            mark = f" ({number})"
            unique, number = plain[: LONGEST_NAME - len(mark)].rstrip() + mark, number + 1
        taken.add(unique.casefold())
        made.append(unique)
    return made


def number_format(unit: str) -> str:
    """How a spreadsheet shows the cells of a unit.

    >>> number_format("percent.1"), number_format("money"), number_format("day"), number_format("")
    ('0.0%', '#,##0', 'yyyy-mm-dd', 'General')
    """
    from babel.numbers import get_currency_precision

    kind, _, places = unit.partition(".")
    digits = int(places) if places.isdigit() else 0
    if kind == "money":
        digits = min(digits, get_currency_precision(voice().currency))
    after = "." + "0" * digits if digits else ""
    if kind == "percent":
        return f"0{after}%"
    if kind == "times":
        return "0.00"
    if is_numeric(unit):
        return f"#,##0{after}"
    return "yyyy-mm-dd" if kind == "day" else "General"


class _Styles:
    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def __call__(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format({"valign": "top", **properties})
        return self._made[key]


def _fill(page: Any, sheet: Sheet, styles: _Styles) -> None:
    at = 0
    for said, style in ((sheet.title, {"bold": True, "font_size": 13}), (sheet.reading, {})):
        if said:
            _write(page, at, 0, said, styles, **style)
            at += 1
    at += 1 if at else 0
    for column, (heading, unit) in enumerate(zip(sheet.headings, sheet.units, strict=True)):
        side = "right" if is_numeric(unit) else "left"
        _write(page, at, column, heading, styles, bold=True, bottom=1, text_wrap=True, align=side)
        width = max(map(_width, [heading, *(row[column] for row in sheet.rows[:_LOOKED_AT])]))
        page.set_column(column, column, min(max(width + 2, _NARROWEST), _WIDEST))
    page.freeze_panes(at + 1, 1)
    for place, row in enumerate(sheet.rows, at + 1):
        for column, (value, unit) in enumerate(zip(row, sheet.units, strict=True)):
            _write(
                page, place, column, value, styles, num_format=number_format(unit), text_wrap=_width(value) > _WIDEST
            )
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(at)


def _write(page: Any, row: int, column: int, value: Any, styles: _Styles, **style: Any) -> None:
    if value is None or value != value:
        return
    if isinstance(value, str):
        # The mark of a quoted text keeps it a text when somebody edits the cell or saves the sheet as CSV.
        style = {**style, "num_format": "General", "quote_prefix": value.startswith(_FORMULAS)}
        page.write_string(row, column, _whole(value), styles(**style))
    elif isinstance(value, dt.date):
        page.write_datetime(row, column, value, styles(**style))
    else:
        page.write_number(row, column, value, styles(**style))


def _whole(text: str) -> str:
    """The text without what no XML can hold, cut to what a cell can hold."""
    sound = "".join("\ufffd" if unicodedata.category(sign) == "Cs" else sign for sign in text)
    return sound if len(sound) <= LONGEST_CELL else sound[: LONGEST_CELL - 1] + "…"


def _width(value: Any) -> int:
    """How wide a cell is in characters; those of East Asia are two wide."""
    if isinstance(value, float):
        return len(f"{value:,.0f}") + 3
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in str(value)[: _WIDEST * 2])
