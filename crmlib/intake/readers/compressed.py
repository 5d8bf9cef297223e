"""Gzip and zip: unpacked into a private folder, checked on the way."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from crmlib.intake.readers.files import READABLE
from crmlib.problems import Problem

_BLOCK = 1 << 20
_DAMAGED = "export or copy it again"


def gunzipped(file: Path, *, shown_as: str, scratch: Path) -> Path | Problem:
    """The unpacked content of a gzip file, under the name without ``.gz``."""
    inner = file.name[:-3] if file.name.lower().endswith(".gz") else file.name
    target = scratch / f"unpacked{Path(inner).suffix}"
    try:
        with gzip.open(file) as packed, target.open("wb") as copy:
            while block := packed.read(_BLOCK):
                _room(scratch, len(block))
                copy.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        found = "a gzip file that is cut off or damaged"
        return Problem(shown_as, found=found, expected="a whole gzip file", remedy=_DAMAGED)
    except _NoRoom:
        return _too_large(shown_as)
    return target


@contextmanager
def unzipped(file: Path, member: zipfile.ZipInfo, *, shown_as: str, scratch: Path) -> Iterator[Path | Problem]:
    """One file of a zip archive, unpacked; the copy is gone afterwards."""
    target = scratch / f"member{PurePosixPath(member.filename).suffix.lower()}"
    try:
        yield _extracted(file, member, target, shown_as, scratch)
    finally:
        target.unlink(missing_ok=True)


def _extracted(file: Path, member: zipfile.ZipInfo, target: Path, shown_as: str, scratch: Path) -> Path | Problem:
    try:
        with zipfile.ZipFile(file) as archive, archive.open(member) as packed, target.open("wb") as copy:
            while block := packed.read(_BLOCK):
                _room(scratch, len(block))
                copy.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        found = "a zip archive in which this file is cut off or damaged"
        return Problem(shown_as, found=found, expected="a whole archive", remedy=_DAMAGED)
    except (NotImplementedError, RuntimeError):
        found = "a zip archive with a method of compression that is not known"
        return Problem(shown_as, found=found, expected="a usual zip archive", remedy="unpack it, or pack it anew")
    except _NoRoom:
        return _too_large(shown_as)
    return target


def members(file: Path, *, shown_as: str) -> tuple[list[tuple[zipfile.ZipInfo, str]], list[str], list[Problem]]:
    """The files of a zip archive that can be read, with the names under which they are shown; notes; problems."""
    readable: list[tuple[zipfile.ZipInfo, str]] = []
    passed: list[str] = []
    problems: list[Problem] = []
    with zipfile.ZipFile(file) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.filename)
    for info in infos:
        name = _name(info)
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if info.is_dir() or any(part.startswith((".", "~$", "__MACOSX")) and part != ".." for part in parts):
            continue
        shown = f"{shown_as}/{name}"
        if ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":":
            found = "an archive with a name that leads outside of it"
            problems.append(Problem(shown_as, name[:80], found, "plain names", "do not trust it; ask for another"))
        elif info.flag_bits & 1:
            found = "an archive with a password"
            problems.append(Problem(shown, "", found, "one without", "unpack it with the password"))
        elif Path(name).suffix.lower() == ".zip":
            problems.append(Problem(shown, "", "an archive within an archive", "files", "unpack the outer one"))
        elif Path(name).suffix.lower() in READABLE:
            readable.append((info, shown))
        else:
            passed.append(name)
    if not readable and not problems:
        found = f"an archive without a file that can be read{': ' + ', '.join(passed[:5]) if passed else ''}"
        remedy = "pack CSV, workbooks, JSON or Parquet"
        problems.append(Problem(shown_as, "", found, f"one of {', '.join(READABLE)}", remedy))
    notes = [f"Other files in the archive are not read: {', '.join(passed)}."] if passed else []
    return readable, notes, problems


def _name(info: zipfile.ZipInfo) -> str:
    """A name in an archive; those of Chinese Windows are GB18030 but not marked so."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return info.filename


class _NoRoom(Exception):
    pass


def _room(scratch: Path, wanted: int) -> None:
    if shutil.disk_usage(scratch).free < wanted + (1 << 28):
        raise _NoRoom


def _too_large(shown_as: str) -> Problem:
    found = "an archive that unpacks to more than the disk can hold"
    return Problem(shown_as, found=found, expected="room on the disk", remedy="make room, or unpack it elsewhere")
