"""Records that were read without an error and yet are wrong: rows within a cell, numbers split over two columns."""

from __future__ import annotations

import re
from typing import Any

from crmlib.engine import identifier, literal
from crmlib.intake.readers.headings import Headings
from crmlib.intake.source import ROW
from crmlib.problems import Problem
from crmlib.words import Words

words = Words(__file__)


def rows_within_a_cell(
    connection: Any, table: str, headings: Headings, delimiter: str, shown_as: str
) -> Problem | None:
    """A quotation mark that opens in one row and closes in a later one swallows the rows between: the first such cell.

    A line within a cell is taken for a row if it begins as the records of this file do and the values before and
    behind the line's end add up to those of a record; a comment of several lines does neither.
    """
    columns = len(headings.names)
    table = identifier(table)
    for n in range(1, columns + 1):
        cells = connection.execute(
            f"SELECT {ROW}, coalesce(c1, ''), c{n} FROM {table} WHERE contains(c{n}, chr(10)) "
            f"AND contains(c{n}, {literal(delimiter)}) ORDER BY {ROW}"
        )
        while found := cells.fetchmany(10_000):
            for row, first, cell in found:
                began = first.split("\n")[0].split(delimiter)[0] if n == 1 else first
                if _holds_rows(cell, began, columns, delimiter, n):
                    return Problem.said(words, "rows_in_a_cell", shown_as, row=row)
    return None


def _holds_rows(cell: str, first: str, columns: int, delimiter: str, place: int) -> bool:
    before, *lines = cell.split("\n")
    begins = [line for line in lines if _alike(line.split(delimiter)[0].strip(), first.strip())]
    if any(line.count(delimiter) == columns - 1 for line in begins):
        return True
    # The first line is the end of this record, the last one the beginning of the record that is swallowed in part.
    ends_here = before.count(delimiter) == columns - place and columns > place
    return ends_here and bool(begins) and begins[-1] is lines[-1] and lines[-1].count(delimiter) == place - 1


def _alike(one: str, other: str) -> bool:
    """Whether two values look alike, as the identifiers of one column do.

    >>> _alike("A-1001", "B-998"), _alike("3f9a", "f93a"), _alike("3", "Thank you")
    (True, True, False)
    """
    if len(one) == len(other) and re.search("[0-9]", one) and re.search("[0-9]", other):
        return True
    return _form(one) == _form(other)


def _form(text: str) -> str:
    return re.sub("[0-9]+", "9", re.sub("[^\\W\\d_]", "a", text))


def numbers_split_in_two(
    connection: Any, table: str, headings: Headings, delimiter: str, shown_as: str
) -> Problem | None:
    """``10,50`` without quotation marks between commas becomes 10 and, in a column without a heading, 50."""
    names = headings.names
    if delimiter != ",":
        return None
    for n in (n for n in range(2, len(names) + 1) if not names[n - 1] and names[n - 2]):
        filled, split, row = connection.execute(
            f"SELECT count(*), count_if(regexp_matches(trim(c{n - 1}), '^[-+]?[0-9][0-9.]*$') "
            f"AND regexp_matches(trim(c{n}), '^[0-9]{{1,3}}$')), min({ROW}) "
            f"FROM {identifier(table)} WHERE trim(coalesce(c{n}, '')) <> ''"
        ).fetchone()
        if filled and filled == split:
            return Problem.said(words, "split_numbers", shown_as, row=row, heading=names[n - 2])
    return None
