"""An opened source: a DuckDB relation of cells in which every row knows the line of the file that it came from."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from crmlib.engine import literal
from crmlib.words import Saying

ROW = "_row"
FILE = "_file"
MERGED = "_merged"
LINE = "_line"


@dataclass(frozen=True)
class Source:
    """One opened file, sheet or query: the relation's SQL, its headings, and lines that are no rows of it.

    The relation has the columns ``c1``, ``c2`` … and ``_row``; ``types`` and ``names`` answer DuckDB type and column
    by heading. Rows are counted as a spreadsheet shows them (row 1 is the file's first line); those of Parquet and of
    databases from 1. ``broken`` lists (row, reason) of lines that could not be read as a row: they are quarantined.
    ``not_data`` lists (row, what it is) of title, totals and footer lines: they count as read and are quarantined
    with that reason. ``twice`` are headings that stand there more than once, ``headings_at`` the last row of the
    headings, and ``apart`` names that would tell all columns apart. ``corrected`` names a table of the
    rows that a person has corrected, ``looked_up`` the headings that stand in another file or were made of others, and
    ``exported`` the SQL of the rows as they stand in the file, where each has become several. ``notes`` say what was
    found out about the file, one sentence each (encoding, separator, sheet, row of the headings), and ``asked`` what a
    person should confirm of it. ``sheet`` names the sheet where a workbook holds several tables, and ``part`` the
    column that tells the rows apart that one row of the file has become. ``beside`` names a table of the lines in
    ``broken`` and ``not_data`` as they were read, with the whole text in ``_line``. ``since_1904``: its day numbers
    count from 1904, not 1900. ``numbered``: no row of the file names its columns. ``merged``: headings with cells that
    are merged downwards, how many rows below were filled and the first of them; the relation then has the column
    ``_merged`` with the columns that are filled so.
    ``kind``: what the file is, as :func:`~crmlib.intake.readers.content.content_of` says it; empty for a database.
    ``formats``: by heading, the currency or percent sign that number formats show around its numbers, with the rows.
    """

    file: str
    sql: str
    types: dict[str, str]
    names: dict[str, str]
    broken: tuple[tuple[int, Saying], ...] = ()
    not_data: tuple[tuple[int, Saying], ...] = ()
    twice: tuple[str, ...] = ()
    headings_at: int = 0
    apart: tuple[str, ...] = ()
    notes: tuple[Saying, ...] = ()
    corrected: str = ""
    looked_up: tuple[str, ...] = ()
    sheet: str = ""
    exported: str = ""
    asked: tuple[Saying, ...] = ()
    part: str = ""
    beside: str = ""
    since_1904: bool = False
    numbered: bool = False
    merged: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    kind: str = ""
    formats: Mapping[str, Mapping[str, Sequence[int]]] = field(default_factory=dict)

    def row_key(self, before: str) -> str:
        """SQL of a key for rows that have none: file and row behind a text, and which part of the row it is."""
        key = f"{literal(f'{before}{self.file}:')} || {ROW}"
        return f"({key} || ':' || {self.part})" if self.part else f"({key})"

    def told_apart(self, header_rows: int = 1) -> dict[str, int | list[str]]:
        """The settings that give each column a name of its own, in the place of the file's headings.

        >>> Source("a.csv", "", {}, {}, headings_at=2, apart=("Total", "Total 2")).told_apart()
        {'header_row': 2, 'headings': ['Total', 'Total 2']}
        """
        return {"header_row": self.headings_at - header_rows + 1, "headings": list(self.apart)}

    def heading(self, wanted: str) -> str | None:
        """The heading that a name means: as it is written, else without regard to case, blanks and width.

        A ``*`` in the name stands for anything; a name that fits two headings means neither.

        >>> source = Source("a.csv", "", {"Order ID": "VARCHAR", "单价（元）": "VARCHAR"}, {})
        >>> source.heading("order id"), source.heading("单价(元)"), source.heading("price")
        ('Order ID', '单价（元）', None)
        """
        alike = self.headings_like(wanted)
        return alike[0] if len(alike) == 1 else None

    def headings_like(self, wanted: str) -> list[str]:
        """All headings that a name or pattern could mean."""
        if wanted in self.types:
            return [wanted]
        plain = plain_heading(wanted)
        if "*" in plain:
            return [known for known in self.types if fnmatchcase(plain_heading(known), plain)]
        return [known for known in self.types if plain_heading(known) == plain]


def plain_heading(heading: str) -> str:
    """A heading without differences of case, width and blanks, and without characters that nobody sees.

    >>> plain_heading(" Order  ID （EUR）"), plain_heading("Or\u200bder\xa0ID")
    ('order id (eur)', 'order id')
    """
    seen = "".join(c for c in heading if c.isascii() or unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).replace("(", " (").casefold().split())
