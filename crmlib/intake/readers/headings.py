"""Which row holds the headings, and which rows above and below the table are no data."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crmlib.mapping import FirstLook, Reading
from crmlib.problems import Problem
from crmlib.words import Saying, Words

words = Words(__file__)
TITLE = words.later("reasons.no_data.title")
FURTHER = words.later("reasons.no_data.further")
AGAIN = words.later("reasons.no_data.again")
FOOTER = words.later("reasons.no_data.footer")
MOST_COLUMNS = 4096
LAST_ROWS = 12

Rows = Sequence[tuple[int, Sequence[Any]]]

_NUMBER = re.compile(r"[-+(]?[$€£¥￥]?\s*\d[\d.,\s]*%?\)?")
_DAY = re.compile(r"(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}/\d{1,2}/\d{2}\b).*", re.S)
_TOTAL = r"(grand )?totals?|sub-?totals?|sum|summe|gesamt(summe)?|合计|总计|小计|共计"
_ONLY_TOTAL = re.compile(rf"({_TOTAL})\s*[:：]?\s*([(（].*[)）])?", re.I)
_BEGINS = re.compile(
    rf"(({_TOTAL})(?![a-z])|confidential\b|copyright\b|©|\(c\)|共\s*[\d,]+\s*[条行笔个单]|[\d,]+ (records?|rows?)\b)",
    re.I,
)


@dataclass(frozen=True)
class Headings:
    """The headings of a table: their names, the row that names them, the last row of the heading, and rows above.

    Row 0: no row names them, the settings do. ``asked``: what a person should confirm of them.
    """

    names: tuple[str, ...]
    row: int
    last: int
    not_data: tuple[tuple[int, Saying], ...] = ()
    asked: tuple[Saying, ...] = ()

    @property
    def twice(self) -> tuple[str, ...]:
        """The headings that stand there more than once."""
        return tuple(dict.fromkeys(n for n in self.names if n and self.names.count(n) > 1))

    @property
    def apart(self) -> tuple[str, ...]:
        """Names that tell all columns apart: those of later columns are counted on.

        >>> Headings(("id", "Total", "", "Total"), 1, 1).apart
        ('id', 'Total', 'column 3', 'Total 2')
        """
        made: list[str] = []
        for number, name in enumerate(self.names, 1):
            named = name or f"column {number}"
            further = (f"{named} {n}" for n in itertools.count(2) if f"{named} {n}" not in self.names)
            made.append(named if named not in made else next(one for one in further if one not in made))
        return tuple(made)


def filled(cells: Sequence[Any]) -> list[Any]:
    """The cells in which something stands.

    >>> filled(["", " ", "a", None, 0])
    ['a', 0]
    """
    return [c for c in cells if c is not None and not (isinstance(c, str) and not c.strip())]


def find_headings(rows: Rows, reading: Reading, *, shown_as: str, spans: int = 1) -> Headings | Problem:
    """The headings among the first rows of a table.

    Without ``header_row`` it is the first row that fills more than half as many cells as a typical row does: titles
    fill far fewer. A row of dates and numbers is never taken for headings, unless ``header_row`` says so; it is then
    asked about. Headings that the settings give stand in no row, or in place of ``header_row``. At a first look the
    columns of a table without headings are numbered.

    Args:
        rows: the first rows that are not blank, each with its number.
        reading: ``headings``, ``header_row``, ``header_rows`` and ``heading_from``.
        shown_as: the file, for messages.
        spans: how many rows merged headings take up (the last names the columns) where ``header_rows`` does not say.
    """
    if not rows:
        return Problem.said(words, "empty", shown_as)
    if reading.headings:
        return _given(rows, reading, shown_as)
    height = reading.header_rows if reading.header_rows > 1 else spans
    take = reading.heading_from if reading.header_rows > 1 or reading.heading_from > 1 else height
    if take > height:
        return Problem.said(words, "heading_from", shown_as, "heading_from", take=take, height=height)
    first = reading.header_row or _likely(rows)
    row = first + take - 1
    named = dict(rows).get(row)
    if named is None:
        return Problem.said(words, "headings_blank", shown_as, row=row)
    if reading.header_row is None and values_only(named):
        if isinstance(reading, FirstLook):
            numbered = example(max(_extent(cells) for _, cells in rows)).split(", ")
            return _given(rows, reading.model_copy(update={"headings": numbered}), shown_as)
        return Problem.said(words, "headings_are_values", shown_as, row=first, example=example(len(named)))
    names = tuple("" if name is None else str(name).replace("\ufeff", "").strip() for name in named)
    while names and not names[-1] and not any(len(cells) >= len(names) for n, cells in rows if n >= first + height):
        names = names[:-1]
    if not any(names):
        return Problem.said(words, "no_headings", shown_as, row=row)
    if len(names) > MOST_COLUMNS:
        place = words.say("problems.no_headings.place", row=first)
        return Problem.said(words, "many_columns", shown_as, place, n=len(names), most=MOST_COLUMNS)
    above = [(number, TITLE) for number, _ in rows if number < first]
    further = [(n, FURTHER) for n, _ in rows if first <= n < first + height and n != row]
    asked: tuple[Saying, ...] = ()
    if values_only(named):
        asked = (words.later("questions.header_row", file=shown_as, row=row, example=example(len(named))),)
    return Headings(names, row, first + height - 1, (*above, *further), asked)


def _given(rows: Rows, reading: Reading, shown_as: str) -> Headings | Problem:
    """The headings that the settings give: as many as there are columns."""
    names = tuple(reading.headings)
    last = reading.header_row + reading.header_rows - 1 if reading.header_row else rows[0][0] - 1
    widths = [len(cells) for number, cells in rows if number > last]
    columns = max((_extent(cells) for number, cells in rows if number > last), default=len(names))
    if len(names) not in (columns, max(widths, key=widths.count, default=columns)):
        return Problem.said(words, "headings_number", shown_as, "headings", n=len(names), columns=columns)
    above = [(number, TITLE) for number, _ in rows if number <= last and number < (reading.header_row or 0)]
    return Headings(names, 0, last, tuple(above))


def example(columns: int) -> str:
    """Headings for a file without any, to be named better in the YAML.

    >>> example(3)
    'column 1, column 2, column 3'
    """
    return ", ".join(f"column {number}" for number in range(1, columns + 1))


def _likely(rows: Rows) -> int:
    """The number of the row that is most likely the headings'."""
    first = rows[:100]
    counts = [len(filled(cells)) for _, cells in first]
    typical = sorted(counts)[(len(counts) * 3) // 4 if len(counts) > 1 else 0]
    for (number, cells), count in zip(first, counts, strict=True):
        if 2 * count > typical:
            # "From: | 2025-01-01": a label and its value, above wider headings.
            if typical > 2 and _extent(cells) <= 2:
                later = [n for n, c in first[:20] if n > number and len(filled(c)) >= typical and _words(c)]
                if later:
                    return later[0]
            return number
    return rows[0][0]


def _extent(cells: Sequence[Any]) -> int:
    return max((n for n, cell in enumerate(cells, 1) if filled([cell])), default=0)


def _words(cells: Sequence[Any]) -> bool:
    """Whether all cells are words, each another one."""
    there = filled(cells)
    words = all(
        isinstance(c, str) and not _NUMBER.fullmatch(c.strip()) and not _DAY.fullmatch(c.strip()) for c in there
    )
    return words and len(set(there)) == len(there)


def values_only(cells: Sequence[Any]) -> bool:
    """Whether a row can be no row of headings: a day stands in it, or at least half of it are numbers.

    >>> values_only(["1", "Eva", "2025-01-03"]), values_only(["id", "name", "2024"])
    (True, False)
    """
    there = filled(cells)
    if any(isinstance(c, dt.date | dt.time) or (isinstance(c, str) and _DAY.fullmatch(c.strip())) for c in there):
        return True
    return 2 * sum(map(_number, there)) >= len(there) > 0


def _number(cell: Any) -> bool:
    return isinstance(cell, int | float) or (isinstance(cell, str) and _NUMBER.fullmatch(cell.strip()) is not None)


def same_headings(cells: Sequence[Any], names: Sequence[str]) -> bool:
    """Whether a row repeats the headings, as where files were put together."""
    if len(cells) < len(names):
        return False
    return all(str(c or "").replace("\ufeff", "").strip() == name for c, name in zip(cells, names, strict=False))


def ends(cells: Sequence[Any], beginnings: Sequence[str]) -> bool:
    """Whether a row's first cell begins as the table's end is said to."""
    return bool(beginnings and cells) and str(cells[0] or "").strip().startswith(tuple(beginnings))


def footers(last: Rows, columns: int) -> list[int]:
    """Totals and legal lines at the very end of a table, of which the last rows (in order) are given.

    Such a line begins with a word like ``Total``, ``合计`` or ``Copyright`` and fills at most half of the columns, or
    it is a total's word alone and otherwise numbers.

    Answers their row numbers.

    >>> footers([(8, ["a", "Total Gym", 3.0]), (9, ["合计", "", 3.0]), (10, ["Confidential - do not copy", "", ""])], 3)
    [9, 10]
    """
    found: list[int] = []
    for number, cells in reversed(last):
        there = filled(cells)
        if there and not _footer(there, columns):
            break
        if there:
            found.append(number)
    return found[::-1]


def _footer(there: Sequence[Any], columns: int) -> bool:
    first = there[0].strip() if isinstance(there[0], str) else ""
    if not _BEGINS.match(first):
        return False
    few = 2 * len(there) <= columns or (columns > 1 and len(there) == 1)
    return few or (_ONLY_TOTAL.fullmatch(first) is not None and len(there) > 1 and all(map(_number, there[1:])))
