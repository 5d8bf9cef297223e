"""Opening a file by what it is: each kind of content goes to its reader."""

from __future__ import annotations

import dataclasses
import errno
import tempfile
from pathlib import Path
from typing import Any

from crmlib.intake.readers.compressed import gunzipped, members, unzipped
from crmlib.intake.readers.content import content_of
from crmlib.intake.readers.delimited import open_delimited
from crmlib.intake.readers.empty_end import without_empty_end
from crmlib.intake.readers.encodings import as_utf8
from crmlib.intake.readers.files import UNFINISHED
from crmlib.intake.readers.json_lines import open_json
from crmlib.intake.readers.parquet import open_parquet
from crmlib.intake.readers.table import make_room
from crmlib.intake.readers.workbook import open_workbook
from crmlib.intake.source import Source
from crmlib.mapping import Reading
from crmlib.problems import Problem
from crmlib.words import Words

words = Words(__file__)
Opened = tuple[list[Source], list[Problem]]


def open_source(
    connection: Any,
    file: Path,
    *,
    shown_as: str,
    name: str,
    reading: Reading | None = None,
    scratch: Path | None = None,
) -> Opened:
    """Open a file of any readable kind; what it is decides its content, not its suffix.

    Args:
        connection: DuckDB. Each source gets a temporary table or view ``source_<name>`` in it, further ones of the
            same file ``source_<name>_part2`` and so on.
        file: the file.
        shown_as: how the file is called in messages and in the account.
        name: what the tables are named after.
        reading: what is set about the file; everything left out is found out.
        scratch: a folder for unpacked and transcoded copies, which are gone when this answers.

    Returns:
        The sources (a workbook or an archive may hold several), and the problems that keep others from being read.
    """
    reading = reading or Reading()
    if file.suffix.lower() in (*UNFINISHED, ".tmp"):
        return [], [Problem.said(words, "unfinished", shown_as)]
    try:
        str(file).encode()
    except UnicodeEncodeError:
        return [], [Problem.said(words, "name_encoding", shown_as)]
    try:
        with tempfile.TemporaryDirectory(dir=scratch, prefix="reading-") as folder:
            return _open(connection, file, shown_as, f"source_{name}", reading, Path(folder), unpacked=False)
    except OSError as error:
        return [], [closed(shown_as, error)]


def closed(shown_as: str, error: OSError) -> Problem:
    """What the operating system says of a file that it does not let us read."""
    return Problem.said(words, "closed", shown_as, why=errno.errorcode.get(error.errno or 0, str(error.strerror)))


def _open(
    connection: Any, file: Path, shown_as: str, table: str, reading: Reading, scratch: Path, *, unpacked: bool
) -> Opened:
    make_room(connection, table)
    content = content_of(file)
    if content.kind == "unreadable":
        return [], [Problem.said(words, "unreadable", shown_as, what=content.what)]
    if content.kind == "empty":
        return [], [Problem.said(words, "empty", shown_as)]
    if content.kind in ("gzip", "zip") and unpacked:
        return [], [Problem.said(words, "nested", shown_as)]
    if content.kind == "gzip":
        inside = gunzipped(file, shown_as=shown_as, scratch=scratch)
        if isinstance(inside, Problem):
            return [], [inside]
        return _open(connection, inside, shown_as, table, reading, scratch, unpacked=True)
    if content.kind == "zip":
        return _open_archive(connection, file, shown_as, table, reading, scratch)
    sources, problems = _read(connection, file, content.kind, shown_as, table, reading, scratch, unpacked=unpacked)
    return [dataclasses.replace(source, kind=content.kind) for source in sources], problems


def _read(
    connection: Any,
    file: Path,
    kind: str,
    shown_as: str,
    table: str,
    reading: Reading,
    scratch: Path,
    *,
    unpacked: bool,
) -> Opened:
    """What a file of a known kind holds, that is neither packed nor empty."""
    if reading.headings and kind in ("parquet", "json"):
        return [], [Problem.said(words, "headings_known", shown_as, "headings")]
    if kind == "parquet":
        return _one(open_parquet(connection, file, shown_as=shown_as, table=table, copied=unpacked))
    if kind in ("xlsx", "xls", "xlsb", "ods"):
        return open_workbook(connection, file, kind=kind, shown_as=shown_as, table=table, reading=reading)
    text = as_utf8(file, shown_as=shown_as, encoding=reading.encoding, scratch=scratch)
    if isinstance(text, Problem):
        return [], [text]
    if kind == "json":
        return _one(open_json(connection, text.path, shown_as=shown_as, table=table, notes=text.notes))
    table_only = without_empty_end(text.path, scratch)
    return _one(
        open_delimited(connection, table_only, shown_as=shown_as, table=table, reading=reading, notes=text.notes)
    )


def _one(opened: Source | Problem) -> Opened:
    return ([], [opened]) if isinstance(opened, Problem) else ([opened], [])


def _open_archive(connection: Any, file: Path, shown_as: str, table: str, reading: Reading, scratch: Path) -> Opened:
    readable, notes, problems = members(file, shown_as=shown_as)
    sources: list[Source] = []
    for info, shown in readable:
        with unzipped(file, info, shown_as=shown, scratch=scratch) as inside:
            if isinstance(inside, Problem):
                problems.append(inside)
                continue
            name = table if not sources else f"{table}_part{len(sources) + 1}"
            found, wrong = _open(connection, inside, shown, name, reading, scratch, unpacked=True)
        sources += [dataclasses.replace(source, notes=(*source.notes, *notes)) for source in found]
        problems += wrong
    return sources, problems
