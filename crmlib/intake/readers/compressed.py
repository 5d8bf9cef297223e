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
from crmlib.words import Saying, Words

words = Words(__file__)
_BLOCK = 1 << 20
MOST_FILES = 1000
"""Three years of daily files; each is opened on its own."""


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
        return Problem.said(words, "gzip_damaged", shown_as)
    except _NoRoom:
        return Problem.said(words, "too_large", shown_as)
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
        return Problem.said(words, "member_damaged", shown_as)
    except (NotImplementedError, RuntimeError):
        return Problem.said(words, "member_method", shown_as)
    except _NoRoom:
        return Problem.said(words, "too_large", shown_as)
    return target


def members(file: Path, *, shown_as: str) -> tuple[list[tuple[zipfile.ZipInfo, str]], list[Saying], list[Problem]]:
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
            problems.append(Problem.said(words, "leads_outside", shown_as, name[:80]))
        elif info.flag_bits & 1:
            problems.append(Problem.said(words, "locked_archive", shown))
        elif Path(name).suffix.lower() == ".zip":
            problems.append(Problem.said(words, "nested", shown))
        elif Path(name).suffix.lower() in READABLE:
            readable.append((info, shown))
        else:
            passed.append(name)
    if len(readable) > MOST_FILES:
        return [], [], [Problem.said(words, "many_inside", shown_as, n=len(readable), most=MOST_FILES)]
    if not readable and not problems:
        key = "only_others_inside" if passed else "nothing_inside"
        problems.append(Problem.said(words, key, shown_as, others=passed[:5], kinds=READABLE))
    notes = [words.later("notes.others_in_archive", names=passed)] if passed else []
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
