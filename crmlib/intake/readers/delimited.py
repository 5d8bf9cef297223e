"""Text with delimiters: read by DuckDB where every line is regular, record by record where not."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crmlib.engine import file_pattern, identifier, literal
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
from crmlib.intake.readers.run_together import numbers_split_in_two, rows_within_a_cell
from crmlib.intake.readers.table import finished
from crmlib.intake.source import LINE, ROW, Source
from crmlib.mapping import Reading
from crmlib.problems import Problem
from crmlib.words import Saying, Words

words = Words(__file__)
WRONG_LENGTH = words.later("reasons.wrong_length")
BAD_QUOTES = words.later("reasons.bad_quotes")
LONGEST_LINE = 1 << 24
_DELIMITERS = (",", ";", "\t", "|", "^", "~")
_HEAD = 1 << 20
_HEAD_RECORDS = 200


@dataclass(frozen=True)
class Scan:
    """What the bytes of a file are: lines, blank ones among them (the first thousand), and whether they end alike."""

    lines: int
    blank: tuple[int, ...] = ()
    alike: bool = True
    quotes: bool = False
    escapes: bool = False
    marks_inside: bool = False


@dataclass
class Load:
    """Rows that did not become rows of the table, and the last records of the file."""

    broken: list[tuple[int, Saying]] = field(default_factory=list)
    not_data: list[tuple[int, Saying]] = field(default_factory=list)
    last: deque[tuple[int, Sequence[Any]]] = field(default_factory=lambda: deque(maxlen=LAST_ROWS))


def open_delimited(
    connection: Any, text: Path, *, shown_as: str, table: str, reading: Reading, notes: Sequence[Saying] = ()
) -> Source | Problem:
    """Open text in UTF-8 as a table of text; the delimiter is the one that makes a table of the first lines.

    Lines that do not have the header's number of values are not dropped but handed back as ``broken``.
    """
    scanned = _scan(text, shown_as)
    if isinstance(scanned, Problem):
        return scanned
    found = _layout(text, reading, shown_as)
    if isinstance(found, Problem):
        return found
    headings, delimiter, sample = found
    load = None
    beside = lines_beside(connection, table, len(headings.names))
    regular = scanned.alike and not any(headings.last < n < scanned.lines for n in scanned.blank)
    if regular and not (scanned.quotes and _blanks_before_quotes(_head(text), delimiter)):
        load = _read_fast(connection, text, table, headings, delimiter, scanned, sample)
    if load is None:
        escape = "\\" if scanned.escapes and _escaped_by_backslash(text, delimiter) else None
        if escape:
            notes = [*notes, words.later("notes.backslash")]
        slow = _read_slowly(connection, text, table, headings, delimiter, reading, escape)
        if isinstance(slow, int):
            return Problem.said(words, "never_closed", shown_as, row=slow)
        load = slow
    problem = rows_within_a_cell(connection, table, headings, delimiter, shown_as) if scanned.quotes else None
    problem = problem or numbers_split_in_two(connection, table, headings, delimiter, shown_as)
    if problem:
        return problem
    _tidy(connection, table, headings, reading, load, scanned.marks_inside)
    _keep_titles(connection, text, beside, headings, delimiter)
    said = [*notes, words.later("notes.separated", delimiter=delimiter)]
    source = finished(
        connection, table, shown_as=shown_as, headings=headings, notes=said, broken=load.broken, not_data=load.not_data
    )
    return replace(source, beside=beside)


def lines_beside(connection: Any, table: str, columns: int) -> str:
    """An empty table for the lines that are no rows: their cells, as far as they can be told, and the whole line."""
    name = f"{table}_beside"
    listed = ", ".join(f"c{n} VARCHAR" for n in range(1, columns + 1))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} ({listed}, {ROW} BIGINT, {LINE} VARCHAR)")
    return name


def _keep_titles(connection: Any, text: Path, beside: str, headings: Headings, delimiter: str) -> None:
    """Put the lines above the headings beside the rows, too."""
    titles = {row for row, _ in headings.not_data}
    with text.open(encoding="utf-8", newline="") as lines:
        above = [(row, line) for row, line in zip(range(1, headings.last), lines, strict=False) if row in titles]
    columns = len(headings.names)
    store(connection, beside, [as_read(_as_far_as_told(line, delimiter), columns, row, [line]) for row, line in above])


def _scan(file: Path, shown_as: str) -> Scan | Problem:
    """Whether the file is text, and how its lines end."""
    lines, returns, pairs, last, quotes, marks, since = 1, 0, 0, b"", False, False, 0
    escapes = False
    blank: list[int] = []
    with file.open("rb") as stream:
        while block := stream.read(_HEAD):
            if b"\0" in block:
                return Problem.said(words, "nul", shown_as, row=lines + block[: block.index(0)].count(10))
            joined = last + block
            if len(blank) < 1000 and (b"\n\n" in joined or b"\n\r\n" in joined):
                before = lines - last.count(b"\n")
                blank += [
                    before + joined.count(b"\n", 0, match.start() + 1) for match in re.finditer(rb"\n(?=\r?\n)", joined)
                ]
            ends_here = max(block.rfind(b"\n"), block.rfind(b"\r"))
            since = since + len(block) if ends_here < 0 else len(block) - ends_here
            if since > LONGEST_LINE:
                return Problem.said(words, "long_line", shown_as, row=lines)
            lines += block.count(b"\n")
            returns += block.count(b"\r")
            pairs += joined.count(b"\r\n") - last.count(b"\r\n")
            quotes = quotes or b'"' in block
            escapes = escapes or b'\\"' in joined
            marks = marks or b"\n\xef\xbb\xbf" in joined
            last = block[-4:]
    ended = last.endswith(b"\n")
    total = lines - 1 if ended else lines
    blank = sorted(set(blank))
    while blank and blank[-1] == total:
        # Blank lines after the last row move no row's number.
        blank.pop()
        total -= 1
    return Scan(total, tuple(blank), returns in (0, pairs) and pairs in (0, lines - 1), quotes, escapes, marks)


# The layout: delimiter and headings


def _layout(file: Path, reading: Reading, shown_as: str) -> tuple[Headings, str, Sequence[str] | None] | Problem:
    """The headings, the delimiter, and the first record below them."""
    with file.open(encoding="utf-8-sig", newline=None) as stream:
        head = stream.read(_HEAD)
        cut = bool(stream.read(1))
    tried: dict[str, tuple[float, Headings | Problem, list[tuple[int, list[str]]]]] = {}
    stated = re.match(r'"?sep=(.)"?\n', head)
    candidates = [reading.delimiter] if reading.delimiter else [stated.group(1)] if stated else list(_DELIMITERS)
    for delimiter in dict.fromkeys([*candidates, *_DELIMITERS]):
        rows = _first_records(head, delimiter, cut)
        if stated and rows and rows[0][0] == 1 and reading.header_row is None:
            rows = rows[1:]
        headings = find_headings(rows, reading, shown_as=shown_as)
        worth = _worth(headings, rows) * (1.0 if cut or _quotes_fit(head, delimiter) else 0.3)
        tried[delimiter] = (worth, headings, rows)
    best = max(candidates, key=lambda d: tried[d][0])
    _, headings, rows = tried[best]
    if isinstance(headings, Problem):
        return headings
    if len(headings.names) == 1 and not cut:
        # Where the rest of the file is within quotation marks, no delimiter seems to make a table.
        for delimiter, (_, others, records) in tried.items():
            wide = isinstance(others, Headings) and len(others.names) > 2 and others.row == headings.row
            if wide and not _quotes_fit(head, delimiter) and "\n" in "".join(records[-1][1]):
                return Problem.said(words, "never_closed", shown_as, row=records[-1][0])
    other = max(tried, key=lambda d: tried[d][0])
    other_headings = tried[other][1]
    alone = reading.delimiter is not None and len(headings.names) == 1
    if alone and isinstance(other_headings, Headings) and len(other_headings.names) > 1:
        counted = len(other_headings.names)
        return Problem.said(words, "one_heading", shown_as, "delimiter", own=best, other=other, n=counted)
    if stated and headings.last >= 1 and headings.row != 1:
        separator = (1, words.later("reasons.no_data.separator"))
        headings = replace(headings, not_data=(separator, *headings.not_data))
    return headings, best, next((cells for number, cells in rows if number > headings.last), None)


def _first_records(head: str, delimiter: str, cut: bool) -> list[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_LINE)
    rows: list[tuple[int, list[str]]] = []
    try:
        blanks = _blanks_before_quotes(head, delimiter)
        reader = csv.reader(io.StringIO(head), delimiter=delimiter, skipinitialspace=blanks)
        rows = list(enumerate(itertools.islice(reader, _HEAD_RECORDS), 1))
    except csv.Error:
        pass
    if cut and 1 < len(rows) < _HEAD_RECORDS:
        rows.pop()
    return [(number, cells) for number, cells in rows if filled(cells)]


def _head(file: Path) -> str:
    with file.open(encoding="utf-8-sig", newline=None) as stream:
        return stream.read(_HEAD)


def _blanks_before_quotes(head: str, delimiter: str) -> bool:
    """Whether blanks stand between the delimiters and the quotation marks: in at least half of the first lines."""
    lines = [line for line in head.split("\n", _HEAD_RECORDS)[:_HEAD_RECORDS] if line.strip()]
    found = sum(re.search(f'{re.escape(delimiter)} +"', line) is not None for line in lines)
    return 2 * found >= len(lines) > 0


def _quotes_fit(head: str, delimiter: str) -> bool:
    """Whether quotation marks open after this delimiter and close before it."""
    try:
        for _ in itertools.islice(csv.reader(io.StringIO(head), delimiter=delimiter, strict=True), _HEAD_RECORDS):
            pass
    except csv.Error:
        return False
    return True


def _worth(headings: Headings | Problem, rows: Sequence[tuple[int, list[str]]]) -> float:
    """How well a delimiter fits: the number of headings, times the share of records that have as many values.

    A single column, rows passed over as titles, and headings that are none make a delimiter less likely.
    """
    if isinstance(headings, Problem):
        widths = [len(cells) for _, cells in rows]
        columns, below, doubt = max(widths, key=widths.count, default=0), widths, 0.5
    else:
        columns = len(headings.names)
        below = [len(cells) for number, cells in rows if number > headings.last]
        doubt = 0.8 if headings.not_data else 1.0
    share = below.count(columns) / len(below) if below else float(doubt == 1.0)
    return columns * (share + 0.1) * doubt * (0.3 if columns == 1 else 1.0)


# Reading


def _read_fast(
    connection: Any, file: Path, table: str, headings: Headings, delimiter: str, scanned: Scan, sample: Any
) -> Load | None:
    """Let DuckDB read the file; None if it cannot, or not every line."""
    import duckdb

    columns = len(headings.names)
    listed = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(1, columns + 1))
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {identifier(table)} AS "
            f"SELECT *, row_number() OVER () + {headings.last} AS {ROW} FROM read_csv("
            f"{literal(file_pattern(file))}, auto_detect = false, header = false, skip = {headings.last}, "
            f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', columns = {{{listed}}}, "
            f"max_line_size = {LONGEST_LINE})"
        )
    except duckdb.Error:
        return None
    count, first = connection.execute(f"SELECT count(*), min({ROW}) FROM {identifier(table)}").fetchone()
    if not scanned.quotes and count != max(0, scanned.lines - headings.last):
        return None
    names = ", ".join(f"coalesce(c{n}, '')" for n in range(1, columns + 1))
    rows = connection.execute(
        f"SELECT {ROW}, {names} FROM {identifier(table)} WHERE {ROW} > {headings.last + count - LAST_ROWS} "
        f"OR {ROW} = {first or 0} ORDER BY {ROW}"
    ).fetchall()
    if sample is not None and (not rows or [c.replace("\r\n", "\n") for c in rows[0][1:]] != list(sample)):
        return None
    load = Load()
    load.last.extend((row, cells) for row, *cells in rows)
    return load


def _read_slowly(
    connection: Any,
    file: Path,
    table: str,
    headings: Headings,
    delimiter: str,
    reading: Reading,
    escape: str | None,
) -> Load | int:
    """Read a file with irregular lines record by record; the row of a quotation mark that is never closed."""
    columns = len(headings.names)
    listed = ", ".join(f"c{n} VARCHAR" for n in range(1, columns + 1))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(table)} ({listed}, {ROW} BIGINT)")
    load, good, ended = Load(), [], False
    beside: list[list[Any]] = []
    for row, record, lines in _records(file, delimiter, escape):
        if row <= headings.last or record == []:
            continue
        if record is None and len(lines) > 1:
            return row
        ended = ended or (record is not None and ends(record, reading.ends_at))
        if record is None:
            (load.not_data if ended else load.broken).append((row, FOOTER if ended else BAD_QUOTES))
            beside.append(as_read(_as_far_as_told(lines[0], delimiter), columns, row, lines))
            continue
        if len(record) != columns and not filled(record[columns:]) and len(record) > columns:
            record = record[:columns]
        if len(record) != columns and not filled(record):
            continue
        if ended:
            load.not_data.append((row, FOOTER))
            beside.append(as_read(record, columns, row, lines))
            continue
        load.last.append((row, record))
        if len(record) != columns:
            load.broken.append((row, WRONG_LENGTH))
            beside.append(as_read(record, columns, row, lines))
            continue
        good.append([*record, row])
        if len(good) >= 100_000:
            store(connection, table, good)
    store(connection, table, good)
    store(connection, f"{table}_beside", beside)
    return load


def as_read(cells: Sequence[str], columns: int, row: int, lines: Sequence[str]) -> list[Any]:
    """A line that is no row, for those who correct it: a cell for each column, its number, and the whole line."""
    filled_up = [*cells[:columns], *([""] * (columns - len(cells)))]
    return [*filled_up, row, "".join(lines).rstrip("\n")]


def _as_far_as_told(line: str, delimiter: str) -> list[str]:
    """The cells of a line with a stray quotation mark: one closes a cell only before a delimiter or the line's end.

    >>> _as_far_as_told('O3,"19" screen",5', ",")
    ['O3', '19" screen', '5']
    """
    d = re.escape(delimiter)
    cells = re.findall(rf'(?:"((?:[^"]|"(?!{d}|$))*)"|([^{d}]*))(?:{d}|$)', line.rstrip("\n") + delimiter)
    return [(quoted or plain).replace('""', '"') for quoted, plain in cells][:-1]


def _escaped_by_backslash(file: Path, delimiter: str) -> bool:
    """Whether quotation marks within values have a backslash before them, as MySQL writes: then every record fits.

    Without it some record does not, so that what is written decides.
    """
    widths: list[set[int | None]] = []
    for escape in ("\\", None):
        records = (record for _, record, _ in _records(file, delimiter, escape) if record != [])
        widths.append({None if record is None else len(record) for record in records})
    return len(widths[0]) == 1 and None not in widths[0] and len(widths[1]) > 1


def store(connection: Any, table: str, rows: list[list[Any]]) -> None:
    """Append rows of equal length to a table of as many columns, and empty the list, so that it can be filled again.

    ``table``: its name in the DuckDB ``connection``; the columns go by their order. Values are of one type in each
    column, or None; cells of files are text. Nothing happens without rows.

    Raises:
        ValueError: the rows are of different lengths.

    >>> import duckdb
    >>> connection, rows = duckdb.connect(), [["1", "a"], ["2", None]]
    >>> _ = connection.execute('CREATE TABLE "read" (v0 VARCHAR, v1 VARCHAR)')
    >>> store(connection, "read", rows)
    >>> connection.table("read").fetchall(), rows
    ([('1', 'a'), ('2', None)], [])
    """
    import pyarrow as pa

    if not rows:
        return
    arrays = [pa.array(list(values)) for values in zip(*rows, strict=True)]
    batch = pa.table(arrays, names=[f"v{n}" for n in range(len(arrays))])
    connection.register("batch", batch)
    connection.execute(f"INSERT INTO {identifier(table)} SELECT * FROM batch")
    connection.unregister("batch")
    rows.clear()


def _records(file: Path, delimiter: str, escape: str | None) -> Iterator[tuple[int, list[str] | None, list[str]]]:
    """Row number, values (none for a blank line, None for one that cannot be split) and the lines of each record."""
    csv.field_size_limit(LONGEST_LINE)
    blanks = _blanks_before_quotes(_head(file), delimiter)
    lines: list[str] = []
    empty = re.compile(rf"(?:(?<=^)|(?<={re.escape(delimiter)}))\\N(?=$|{re.escape(delimiter)})")

    def remembered(stream: Iterable[str]) -> Iterator[str]:
        for line in stream:
            lines.append(line)
            # Alone in a cell \\N is MySQL's empty cell, and no N with a backslash before it.
            yield empty.sub(r"\\\\N", line) if escape else line

    with file.open(encoding="utf-8-sig", newline=None) as stream:
        reader = csv.reader(
            remembered(stream), delimiter=delimiter, strict=True, skipinitialspace=blanks, escapechar=escape
        )
        row = 0
        while True:
            try:
                record: list[str] | None = next(reader)
            except StopIteration:
                return
            except csv.Error:
                record = None
            row += 1
            yield row, record, list(lines)
            lines.clear()


# Lines that are no data


def _tidy(connection: Any, table: str, headings: Headings, reading: Reading, load: Load, marks_inside: bool) -> None:
    """Take headings that come again, and what stands below the table's end, out of the rows."""
    name = identifier(table)
    if marks_inside:
        connection.execute(f"UPDATE {name} SET c1 = ltrim(c1, chr(65279)) WHERE starts_with(c1, chr(65279))")
    again = " AND ".join(f"trim(coalesce(c{n}, '')) = {literal(h)}" for n, h in enumerate(headings.names, 1))
    load.not_data += [(row, AGAIN) for row in _taken_out(connection, name, again)]
    if reading.ends_at:
        first = " OR ".join(f"starts_with(trim(c1), {literal(text)})" for text in reading.ends_at)
        below = f"{ROW} >= (SELECT min({ROW}) FROM {name} WHERE {first})"
        load.not_data += [(row, FOOTER) for row in _taken_out(connection, name, below)]
        return
    last = [(row, cells) for row, cells in load.last if not same_headings(cells, headings.names)]
    rows = set(footers(last, len(headings.names)))
    load.not_data += [(row, FOOTER) for row in sorted(rows)]
    load.broken[:] = [(row, why) for row, why in load.broken if row not in rows]
    if rows:
        _move_aside(connection, name, f"{ROW} IN ({', '.join(map(str, rows))})")
    if last and not all(filled(cells) for row, cells in last if row not in rows):
        something = ", ".join(f"nullif(trim(c{n}), '')" for n in range(1, len(headings.names) + 1))
        connection.execute(
            f"DELETE FROM {name} WHERE {ROW} > "
            f"(SELECT coalesce(max({ROW}), 0) FROM {name} WHERE coalesce({something}) IS NOT NULL)"
        )


def _taken_out(connection: Any, name: str, condition: str) -> list[int]:
    rows = [row for (row,) in connection.execute(f"SELECT {ROW} FROM {name} WHERE {condition} ORDER BY 1").fetchall()]
    if rows:
        _move_aside(connection, name, condition)
    return rows


def _move_aside(connection: Any, name: str, condition: str) -> None:
    beside = f'{name[:-1]}_beside"'
    connection.execute(f"INSERT INTO {beside} BY NAME SELECT * FROM {name} WHERE {condition}")
    connection.execute(f"DELETE FROM {name} WHERE {condition}")
