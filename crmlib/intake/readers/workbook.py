"""Workbooks (.xlsx, .xls, .xlsb, .ods): the sheet, its headings, and columns with the types of their cells."""

from __future__ import annotations

import datetime as dt
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from crmlib.engine import identifier
from crmlib.intake.readers.delimited import as_read, lines_beside, store
from crmlib.intake.readers.formats import column_number, formatted_rows, shown_formats
from crmlib.intake.readers.headings import (
    AGAIN,
    FOOTER,
    LAST_ROWS,
    Headings,
    ends,
    filled,
    find_headings,
    footers,
    same_headings,
)
from crmlib.intake.readers.merged import merged_cells
from crmlib.intake.readers.table import finished
from crmlib.intake.source import MERGED, ROW, Source, plain_heading
from crmlib.mapping import Reading
from crmlib.problems import Problem, nearest
from crmlib.words import Saying, Words

words = Words(__file__)
EVERY_SHEET = "*"
NOT_CALCULATED = "#NOT CALCULATED"
"""Stands for a formula whose value the program that wrote the workbook left to be calculated."""
_HEAD_ROWS = 200
_LONGEST_READING = 120
_READ_ALL = """
import sys, python_calamine
book = python_calamine.load_workbook(sys.argv[1])
for name in book.sheet_names:
    try:
        book.get_sheet_by_name(name).to_python()
    except BaseException:
        pass
"""
_FIRST_OF_XLS = b"\x09\x08\x10\0\0\x06\x05\0"
_SECTION_OF_XLS = 1 << 12
"""The record that begins a workbook, and how far behind it the one stands that tells its epoch."""
_LONGEST_WHOLE = 10**15
"""A spreadsheet keeps 15 digits; whole numbers from here on are read as text, so that their digits can be judged."""
_EXACT = 2**53
_MOST_CELLS = 200_000_000
_ERROR_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*?\bt="e"[^>]*>(.*?)</c>', re.S)
_FORMULA_CELL = re.compile(
    rb'<c (?![^>]*\bt="str")[^>]*?\br="([A-Z]+)(\d+)"[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)
_WITHOUT_VALUE = (b"</f></c>", b"</f><v/></c>", b"</f><v /></c>", b"</f><v></v></c>")
_VALUE = re.compile(rb"<v[^>]*>([^<]*)</v>")
_FAR_COLUMN = re.compile(rb'<c r="([A-Z]{3})\d')
_LAST_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]+)(\d+)"')


@dataclass(frozen=True)
class Sheet:
    """A sheet's rows that are not blank, with their numbers, and its headings (or why it has none).

    ``merged``: by row, the columns that take their value from a cell above, which is merged downwards over them.
    ``formats``: by column, what number formats show around its numbers, and in which rows.
    """

    name: str
    rows: list[tuple[int, list[Any]]]
    headings: Headings | Problem
    merged: Mapping[int, Sequence[int]] = field(default_factory=dict)
    formats: Mapping[int, Mapping[str, Sequence[int]]] = field(default_factory=dict)


def open_workbook(
    connection: Any, file: Path, *, kind: str, shown_as: str, table: str, reading: Reading
) -> tuple[list[Source], list[Problem]]:
    """Open the sheet that ``reading.sheet`` names (by name, number from 1, or ``*`` for all that hold a table).

    Without it: the first visible sheet with a table, and with it all sheets of the same headings (Excel's rows end at
    1,048,576, so exports go on in a further sheet). Tables with other headings beside it are a Problem, because one
    of them would be lost. A column whose cells are all of one kind gets that type (whole numbers BIGINT, numbers
    DOUBLE, times TIMESTAMP, days DATE, BOOLEAN), any other is text: days as ISO, 17850.0 as ``17850``.
    """
    import python_calamine

    if kind != "xlsx" and not ((kind != "ods" or _well_formed(file)) and _survives(file)):
        return [], [Problem.said(words, "workbook_damaged", shown_as)]
    try:
        with _quietly():
            book = python_calamine.load_workbook(str(file))
            chosen, skipped = _chosen(book, kind, file, shown_as, reading)
    except python_calamine.PasswordError:
        return [], [Problem.said(words, "workbook_password", shown_as)]
    except (python_calamine.CalamineError, OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return [], [Problem.said(words, "workbook_damaged", shown_as)]
    except _Unusable as unusable:
        return [], [unusable.problem]
    except BaseException as error:
        # The reader of workbooks panics on some damaged ones, with an exception that is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        return [], [Problem.said(words, "workbook_damaged", shown_as)]
    problems = [sheet.headings for sheet in chosen if isinstance(sheet.headings, Problem)]
    if problems:
        return [], problems
    sources = []
    since_1904 = _counts_from_1904(file, kind)
    if since_1904:
        skipped = [*skipped, words.later("notes.since_1904")]
    for number, sheet in enumerate(chosen, 1):
        several = len(chosen) > 1
        shown = f"{shown_as}/{sheet.name}" if several else shown_as
        name = table if number == 1 else f"{table}_part{number}"
        source = _loaded(connection, sheet, shown, name, reading, skipped)
        sources.append(replace(source, sheet=sheet.name if several else "", since_1904=since_1904))
    return sources, []


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what compiled code writes to the terminal when it panics from it."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _survives(file: Path) -> bool:
    """Whether a process of its own reads the workbook to its end.

    Damaged workbooks of the binary kinds can make the reader ask for more memory than there is, which ends the
    process at once, or keep it busy for ever.
    """
    command = [sys.executable, "-c", _READ_ALL, str(file)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST_READING)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode >= 0


def _well_formed(file: Path) -> bool:
    """Whether the content of an .ods is whole XML; in what is cut off the reader would never find the end."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open("content.xml") as stream:
            expat.ParserCreate().ParseFile(stream)
    except (KeyError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, expat.ExpatError):
        return False
    return True


def _counts_from_1904(file: Path, kind: str) -> bool:
    """Whether a workbook's days count from 1904, as those of old Macs do; ECMA-376 18.2.28, MS-XLSB 2.4.822,
    MS-XLS 2.4.77.

    The reader of workbooks knows it of cells that are shown as dates, but not of plain numbers.
    """
    if kind == "xls":
        raw = file.read_bytes()
        at = end = raw.find(_FIRST_OF_XLS)
        while 0 <= at < end + _SECTION_OF_XLS:
            record, size = struct.unpack_from("<HH", raw, at) if at + 4 <= len(raw) else (10, 0)
            if record in (10, 34):
                return record == 34 and raw[at + 4 : at + 6] == b"\1\0"
            at += 4 + size
        return False
    part = {"xlsx": "xl/workbook.xml", "xlsb": "xl/workbook.bin"}.get(kind)
    if part is None:
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            book = archive.read(part)
    except KeyError:
        return False
    if kind == "xlsb":
        at = book.find(b"\x99\x01")
        return at >= 0 and bool(book[at + 3] & 1)
    return re.search(rb'<(?:\w+:)?workbookPr\b[^>]*\bdate1904="(?:1|true|on)"', book) is not None


class _Unusable(Exception):
    def __init__(self, key: str, shown_as: str, place: str = "", **values: Any) -> None:
        self.problem = Problem.said(words, key, shown_as, place, **values)


# Which sheet


def _chosen(book: Any, kind: str, file: Path, shown_as: str, reading: Reading) -> tuple[list[Sheet], list[Saying]]:
    """The sheets to be read, and sentences on those that are not."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    names = [meta.name for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
    hidden = {meta.name for meta in book.sheets_metadata if meta.visible != SheetVisibleEnum.Visible}
    wanted = reading.sheet

    def sheet(name: str) -> Sheet:
        return _sheet(book, name, kind, file, shown_as, reading)

    if isinstance(wanted, int) or (isinstance(wanted, str) and wanted not in names and wanted.isdigit()):
        if not 1 <= int(wanted) <= len(names):
            raise _Unusable("sheet_number", shown_as, "sheet", number=wanted, n=len(names), names=names)
        return [sheet(names[int(wanted) - 1])], []
    if wanted is not None and wanted != EVERY_SHEET:
        alike = [name for name in names if plain_heading(name) == plain_heading(wanted)]
        name = wanted if wanted in names else alike[0] if len(alike) == 1 else None
        if name is None:
            raise _Unusable("no_such_sheet", shown_as, "sheet", name=wanted, nearest=nearest(wanted, names))
        return [sheet(name)], []
    opened = [sheet(name) for name in names if wanted == EVERY_SHEET or name not in hidden]
    opened = [s for s in opened if s.rows] or [sheet(name) for name in names if name in hidden]
    opened = [s for s in opened if s.rows]
    if not opened:
        raise _Unusable("no_table", shown_as)
    tables = [s for s in opened if _holds_table(s)]
    if wanted == EVERY_SHEET or not tables:
        return tables or opened[:1], []
    key = _key(tables[0])
    same = [s for s in tables if _key(s) == key]
    different = [s.name for s in tables if _key(s) != key]
    if different:
        raise _Unusable("different_sheets", shown_as, "sheet", names=[s.name for s in tables])
    passed = [name for name in names if name in hidden and name not in {s.name for s in same}]
    return same, [words.later("notes.hidden", names=passed)] if passed else []


def _holds_table(sheet: Sheet) -> bool:
    """Whether there are headings and rows below: a sheet of one column is a list or a note."""
    if isinstance(sheet.headings, Problem):
        return False
    return len(filled(sheet.headings.names)) > 1 and any(row > sheet.headings.last for row, _ in sheet.rows)


def _key(sheet: Sheet) -> list[str]:
    return [plain_heading(n) for n in sheet.headings.names] if isinstance(sheet.headings, Headings) else []


# A sheet's cells


def _sheet(book: Any, name: str, kind: str, file: Path, shown_as: str, reading: Reading) -> Sheet:
    parts = _xml_of_sheets(file) if kind == "xlsx" else {}
    errors = _error_cells(file, parts[name], shown_as) if name in parts else {}
    sheet = book.get_sheet_by_name(name)
    down, across = sheet.start or (0, 0)
    rows: list[tuple[int, list[Any]]] = []
    for number, cells in enumerate(sheet.to_python(), down + 1):
        row = [""] * across + cells if across else cells
        for column, error in errors.get(number, ()):
            row += [""] * (column + 1 - len(row))
            row[column] = error
        if filled(row):
            rows.append((number, row))
    if kind in ("xlsx", "xls"):
        merged = sheet.merged_cell_ranges or []
    else:
        merged = merged_cells(file, kind)[book.sheet_names.index(name)]
    headings = _headings_of(rows, merged, shown_as, reading)
    formats = formatted_rows(file, parts[name], shown_formats(file)) if name in parts else {}
    below = {} if isinstance(headings, Problem) else _filled_down(rows, merged, headings)
    return Sheet(name, rows, headings, below, formats)


def _filled_down(
    rows: Sequence[tuple[int, list[Any]]], merged: Sequence[Any], headings: Headings
) -> dict[int, list[int]]:
    """Give the rows that a cell is merged over its value, and answer which columns of which rows got one."""
    by_row = dict(rows)
    found: dict[int, list[int]] = {}
    for (top, left), (low, _) in merged:
        above = by_row.get(top + 1, [])
        if top + 1 <= headings.last or left >= len(above) or not filled(above[left : left + 1]):
            continue
        for number in range(top + 2, low + 2):
            if number in by_row:
                cells = by_row[number]
                cells += [""] * (left + 1 - len(cells))
                cells[left] = above[left]
                found.setdefault(number, []).append(left)
    return found


def _headings_of(
    rows: list[tuple[int, list[Any]]], merged: Sequence[Any], shown_as: str, reading: Reading
) -> Headings | Problem:
    """The headings, in which a merged cell stands for all that it covers; merged downwards, they take up its rows."""
    head = rows[:_HEAD_ROWS]
    found = find_headings(head, reading, shown_as=shown_as)
    if isinstance(found, Problem) or not merged or reading.headings:
        return found
    first = found.last if reading.header_row is None else reading.header_row
    covering = [(top, left, low, right) for (top, left), (low, right) in merged if top + 1 == first]
    spans = max([low - top + 1 for top, _, low, _ in covering], default=1)
    height = reading.header_rows if reading.header_rows > 1 else spans
    by_row = {number: list(cells) for number, cells in head}
    for (top, left), (low, right) in merged:
        if not first <= top + 1 < first + height or top + 1 not in by_row or left >= len(by_row[top + 1]):
            continue
        value = by_row[top + 1][left]
        for number in range(top + 1, min(low + 1, first + height - 1) + 1):
            cells = by_row.setdefault(number, [])
            cells += [""] * (right + 1 - len(cells))
            cells[left : right + 1] = [value] * (right + 1 - left)
    settled = reading if reading.header_row else reading.model_copy(update={"header_row": first})
    return find_headings(sorted(by_row.items()), settled, shown_as=shown_as, spans=spans)


def _xml_of_sheets(file: Path) -> dict[str, str]:
    """Of each sheet of an .xlsx, where its XML is in the archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
            links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    except (KeyError, ElementTree.ParseError):
        return {}
    target = {link.get("Id"): link.get("Target", "") for link in links}
    found = {}
    for element in book.iter():
        if element.tag.endswith("}sheet"):
            link = next((v for k, v in element.attrib.items() if k.endswith("}id")), None)
            path = target.get(link, "")
            found[element.get("name", "")] = path.lstrip("/") if path.startswith("/") else f"xl/{path}"
    return found


def _error_cells(file: Path, part: str, shown_as: str) -> dict[int, list[tuple[int, str]]]:
    """The formula errors of a sheet (``#N/A``), and formulas without a value, by row: (column, error).

    The reader of workbooks leaves both empty, and an empty refund would be none.

    Raises:
        _Unusable: if a stray cell far away from the table would make the sheet too large to be read.
    """
    errors: dict[int, list[tuple[int, str]]] = {}
    tail, bottom, right = b"", 0, 0
    try:
        with zipfile.ZipFile(file) as archive, archive.open(part) as stream:
            while block := stream.read(1 << 22):
                joined = tail + block
                if b't="e"' in joined:
                    for match in _ERROR_CELL.finditer(joined):
                        value = _VALUE.search(match.group(3))
                        if value:
                            cell = (column_number(match.group(1)), value.group(1).decode("utf-8", "replace"))
                            at = errors.setdefault(int(match.group(2)), [])
                            if cell not in at:
                                at.append(cell)
                if any(ending in joined for ending in _WITHOUT_VALUE):
                    for match in _FORMULA_CELL.finditer(joined):
                        cell = (column_number(match.group(1)), NOT_CALCULATED)
                        at = errors.setdefault(int(match.group(2)), [])
                        if cell not in at:
                            at.append(cell)
                right = max([right, *(column_number(far) + 1 for far in _FAR_COLUMN.findall(joined))])
                last = joined.rfind(b'<c r="')
                if last >= 0 and (cell_at := _LAST_CELL.match(joined, last)):
                    right, bottom = max(right, column_number(cell_at.group(1)) + 1), int(cell_at.group(2))
                tail = joined[-(1 << 14) :]
    except (KeyError, EOFError):
        return {}
    if right * bottom > _MOST_CELLS:
        raise _Unusable("far_cell", shown_as, row=bottom, column=right)
    return errors


# Rows into a table


def _loaded(
    connection: Any, sheet: Sheet, shown_as: str, table: str, reading: Reading, skipped: Sequence[Saying]
) -> Source:
    import pyarrow as pa

    headings = sheet.headings
    assert isinstance(headings, Headings)
    width = max([len(headings.names), *(_width(cells) for row, cells in sheet.rows if row > headings.last)])
    headings = replace(headings, names=headings.names + ("",) * (width - len(headings.names)))
    rows, not_data = _data(sheet.rows, headings, reading)
    columns = [_typed([cells[n] if n < len(cells) else "" for _, cells in rows]) for n in range(width)]
    arrays = [array for array, _ in columns]
    batch = pa.table(
        [*arrays, pa.array([number for number, _ in rows], pa.int64())],
        names=[*(f"c{n}" for n in range(1, width + 1)), ROW],
    )
    if sheet.merged:
        taken = [[f"c{n + 1}" for n in sheet.merged.get(number, ())] for number, _ in rows]
        batch = batch.append_column(MERGED, pa.array(taken, pa.list_(pa.string())))
    connection.register("batch", batch)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(table)} AS SELECT * FROM batch")
    connection.unregister("batch")
    source = finished(
        connection,
        table,
        shown_as=shown_as,
        headings=headings,
        notes=[words.later("notes.sheet", name=sheet.name), *skipped],
        not_data=not_data,
        types=[kind for _, kind in columns],
    )
    data = {number for number, _ in rows}
    beside = lines_beside(connection, table, width)
    titles = {number for number, _ in source.not_data}
    texts = [(number, ["" if c is None else str(c) for c in cells]) for number, cells in sheet.rows if number in titles]
    store(connection, beside, [as_read(cells, width, number, ["\t".join(cells)]) for number, cells in texts])
    formats = {}
    for heading, cell in source.names.items():
        marks = sheet.formats.get(int(cell[1:]) - 1, {})
        formats[heading] = {mark: kept for mark, seen in marks.items() if (kept := [r for r in seen if r in data])}
    return replace(source, merged=_by_heading(sheet, source, data), beside=beside, formats=formats)


def _by_heading(sheet: Sheet, source: Source, data: set[int]) -> dict[str, tuple[int, int]]:
    """Of each heading how many rows of data take their value from a merged cell above, and the first of them."""
    found = {}
    for heading, cell in source.names.items():
        rows = [row for row, columns in sheet.merged.items() if int(cell[1:]) - 1 in columns and row in data]
        if rows:
            found[heading] = len(rows), min(rows)
    return found


def _width(cells: Sequence[Any]) -> int:
    """How far to the right something stands."""
    width = len(cells)
    while width and not filled(cells[width - 1 : width]):
        width -= 1
    return width


def _data(
    rows: list[tuple[int, list[Any]]], headings: Headings, reading: Reading
) -> tuple[list[tuple[int, list[Any]]], list[tuple[int, Saying]]]:
    data: list[tuple[int, list[Any]]] = []
    not_data: list[tuple[int, Saying]] = []
    ended = False
    for number, cells in rows:
        if number <= headings.last:
            continue
        ended = ended or ends(cells, reading.ends_at)
        if ended or same_headings(cells, headings.names):
            not_data.append((number, FOOTER if ended else AGAIN))
        else:
            data.append((number, cells))
    if not reading.ends_at:
        below = footers(data[-LAST_ROWS:], len(filled(headings.names)))
        not_data += [(number, FOOTER) for number in below]
        data = [(number, cells) for number, cells in data if number not in below]
    return data, not_data


def _typed(cells: list[Any]) -> tuple[Any, str]:
    """A column as an Arrow array, and its DuckDB type."""
    import pyarrow as pa

    cells = [None if c is None or (isinstance(c, str) and not c) else c for c in cells]
    kinds = {type(c) for c in cells if c is not None}
    if kinds == {bool}:
        return pa.array(cells, pa.bool_()), "BOOLEAN"
    if kinds and kinds <= {int, float}:
        if any(c is not None and abs(c) >= _LONGEST_WHOLE and float(c).is_integer() for c in cells):
            return pa.array([None if c is None else as_text(c) for c in cells], pa.string()), "VARCHAR"
        if all(c is None or float(c).is_integer() for c in cells):
            return pa.array([None if c is None else int(c) for c in cells], pa.int64()), "BIGINT"
        return pa.array([None if c is None else float(c) for c in cells], pa.float64()), "DOUBLE"
    if kinds == {dt.date}:
        return pa.array(cells, pa.date32()), "DATE"
    if kinds and kinds <= {dt.date, dt.datetime}:
        times = [c if c is None or isinstance(c, dt.datetime) else dt.datetime.combine(c, dt.time()) for c in cells]
        return pa.array(times, pa.timestamp("us")), "TIMESTAMP"
    return pa.array([None if c is None else as_text(c) for c in cells], pa.string()), "VARCHAR"


def as_text(cell: Any) -> str:
    """A cell of a column of mixed kinds as text.

    A spreadsheet keeps 15 digits of a number. Of a longer one it is shown that digits are missing: an identifier
    that was stored so is lost, and two of them may have become one.

    >>> as_text(17850.0), as_text(2.5), as_text(True), as_text(dt.datetime(2025, 1, 2, 10))
    ('17850', '2.5', 'true', '2025-01-02 10:00:00')
    >>> as_text(6217001234567890123.0)
    '6.21700123456789E+18'
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float) and abs(cell) >= _EXACT and float(cell).is_integer():
        return f"{cell:.14E}"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)
