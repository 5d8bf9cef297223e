"""Opening a file by what it is: each kind of content goes to its reader."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from crmlib.intake.readers.compressed import gunzipped, members, unzipped
from crmlib.intake.readers.content import content_of
from crmlib.intake.readers.delimited import open_delimited
from crmlib.intake.readers.encodings import as_utf8
from crmlib.intake.readers.files import UNFINISHED
from crmlib.intake.readers.json_lines import open_json
from crmlib.intake.readers.parquet import open_parquet
from crmlib.intake.readers.table import make_room
from crmlib.intake.readers.workbook import open_workbook
from crmlib.intake.source import Source
from crmlib.mapping import Reading
from crmlib.problems import Problem

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
        found, remedy = "a download or copy that is not finished", "wait until it is, or delete what is left of it"
        return [], [Problem(shown_as, found=found, expected="a whole file", remedy=remedy)]
    try:
        str(file).encode()
    except UnicodeEncodeError:
        found, remedy = "a file name in another encoding than UTF-8", "give the file (and its folder) a plain name"
        return [], [Problem(shown_as, found=found, expected="a name that can be shown", remedy=remedy)]
    try:
        with tempfile.TemporaryDirectory(dir=scratch, prefix="reading-") as folder:
            return _open(connection, file, shown_as, f"source_{name}", reading, Path(folder), unpacked=False)
    except OSError as error:
        found = str(error.strerror or error).lower()
        remedy = "check that the file is there, may be read and is not open elsewhere"
        return [], [Problem(shown_as, found=found, expected="a file that can be read", remedy=remedy)]


def _open(
    connection: Any, file: Path, shown_as: str, table: str, reading: Reading, scratch: Path, *, unpacked: bool
) -> Opened:
    make_room(connection, table)
    content = content_of(file)
    if content.kind == "unreadable":
        expected = "CSV, a workbook, JSON or Parquet"
        return [], [Problem(shown_as, found=content.found, expected=expected, remedy=content.remedy)]
    if content.kind == "empty":
        expected = "a row of headings and rows of data"
        return [], [Problem(shown_as, found="an empty file", expected=expected, remedy="export it again")]
    if content.kind in ("gzip", "zip") and unpacked:
        return [], [Problem(shown_as, "", "an archive within an archive", "files", "unpack the outer one")]
    if content.kind == "gzip":
        inside = gunzipped(file, shown_as=shown_as, scratch=scratch)
        if isinstance(inside, Problem):
            return [], [inside]
        return _open(connection, inside, shown_as, table, reading, scratch, unpacked=True)
    if content.kind == "zip":
        return _open_archive(connection, file, shown_as, table, reading, scratch)
    if content.kind == "parquet":
        return _one(open_parquet(connection, file, shown_as=shown_as, table=table, copied=unpacked))
    if content.kind in ("xlsx", "xls", "xlsb", "ods"):
        return open_workbook(connection, file, kind=content.kind, shown_as=shown_as, table=table, reading=reading)
    text = as_utf8(file, shown_as=shown_as, encoding=reading.encoding, scratch=scratch)
    if isinstance(text, Problem):
        return [], [text]
    if content.kind == "json":
        return _one(open_json(connection, text.path, shown_as=shown_as, table=table, notes=text.notes))
    return _one(
        open_delimited(connection, text.path, shown_as=shown_as, table=table, reading=reading, notes=text.notes)
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
