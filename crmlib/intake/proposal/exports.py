"""The exports that a proposal is made from: files, sheets and split files that belong together, opened."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crmlib.intake.proposal.content import Looks, look_at
from crmlib.intake.quarantine import QUARANTINE
from crmlib.intake.readers import find_files, open_source
from crmlib.intake.shape import as_text
from crmlib.intake.source import ROW, Source, plain_heading
from crmlib.mapping import FirstLook
from crmlib.problems import Problem

_ARCHIVES = (".zip",)


@dataclass(frozen=True)
class Export:
    """One table of the exports: what it is called, the ``from`` values that mean it, its sheet, its content.

    ``unpack`` names the archive that has to be unpacked first, because it holds tables of several kinds.
    """

    shown: str
    paths: tuple[str, ...]
    sheet: str | None
    source: Source
    looks: dict[str, Looks]
    rows: int
    files: int = 1
    unpack: str = ""

    @property
    def headings(self) -> list[str]:
        """The headings, in the file's order."""
        return list(self.source.types)

    @property
    def name(self) -> str:
        """What the file and the sheet are called, without suffix."""
        return f"{Path(self.paths[0]).name.split('.')[0]} {self.sheet or ''}".strip()


@dataclass(frozen=True)
class _Opened:
    file: Path
    sheet: str
    member: str
    source: Source


def open_exports(
    connection: Any, wanted: Sequence[str], *, client_folder: Path, scratch: Path
) -> tuple[list[Export], list[Problem]]:
    """All tables in the files that paths, folders and globs mean, split files as one; and what cannot be read.

    Args:
        connection: DuckDB.
        wanted: paths, folders or globs, relative to the working folder.
        client_folder: the folder that ``from:`` will be relative to.
        scratch: a private folder for unpacked copies.
    """
    opened: list[_Opened] = []
    problems: list[Problem] = []
    for number, file in enumerate(_files(wanted)):
        shown = file.name
        sources, wrong = open_source(
            connection, file, shown_as=shown, name=f"e{number}", reading=FirstLook(sheet="*"), scratch=scratch
        )
        problems += wrong
        opened += [_named(file, shown, source) for source in sources]
    groups: dict[tuple[Any, ...], list[_Opened]] = {}
    for one in opened:
        headings = tuple(map(plain_heading, one.source.types))
        kinds = {tuple(map(plain_heading, other.source.types)) for other in opened if other.file == one.file}
        alone = one.file.suffix.lower() in _ARCHIVES and len(kinds) > 1
        key = (one.file.parent, one.file.suffix.lower(), re.sub(r"\d+", "", one.file.name), headings)
        groups.setdefault((*key, one.member) if alone else key, []).append(one)
    return [_export(connection, group, opened, client_folder) for group in groups.values()], problems


def _files(wanted: Sequence[str]) -> list[Path]:
    found: dict[Path, None] = {}
    for pattern in wanted:
        for file in find_files(pattern, Path.cwd()):
            if QUARANTINE not in file.parts[:-1]:
                found[file.resolve()] = None
    return list(found)


def _named(file: Path, shown: str, source: Source) -> _Opened:
    rest = source.file.removeprefix(shown)
    return _Opened(file, source.sheet, rest if rest != f"/{source.sheet}" else "", source)


def _export(connection: Any, group: list[_Opened], opened: Sequence[_Opened], folder: Path) -> Export:
    """One table out of the files that belong to it."""
    files = list(dict.fromkeys(one.file for one in group))
    beside = [one for one in opened if one.file == files[0]]
    same = {id(one) for one in group}
    mixed = any(id(one) not in same for one in beside)
    sheet = group[0].sheet if mixed and group[0].sheet and len(files) == 1 else None
    unpack = files[0].name if mixed and group[0].member else ""
    pattern = _glob(files)
    paths = (_relative(files[0].parent / pattern, folder),) if pattern else tuple(_relative(f, folder) for f in files)
    shown = (pattern or ", ".join(f.name for f in files)) + (f"/{sheet}" if sheet else group[0].member)
    source = group[0].source if len(group) == 1 else _together([one.source for one in group])
    rows = connection.execute(f"SELECT count(*) FROM ({source.sql})").fetchone()[0]
    return Export(shown, paths, sheet, source, look_at(connection, source), rows, len(files), unpack)


def _glob(files: Sequence[Path]) -> str:
    """The name or the glob that means exactly these files of a folder; empty where no glob does."""
    if len(files) == 1:
        return files[0].name
    names = [file.name for file in files]
    before = re.sub(r"\d+$", "", _common_beginning(names))
    after = re.sub(r"^\d+", "", _common_beginning([name[::-1] for name in names])[::-1])
    pattern = f"{before}*{after}"
    if any(sign in before + after for sign in "*?["):
        return ""
    return pattern if find_files(pattern, files[0].parent) == sorted(files) else ""


def _common_beginning(names: Sequence[str]) -> str:
    same = 0
    for signs in zip(*names, strict=False):
        if len(set(signs)) > 1:
            break
        same += 1
    return names[0][:same]


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:
        return path.as_posix()


def _together(sources: Sequence[Source]) -> Source:
    """Split files under each other, as text."""
    first = sources[0]
    selects = []
    for source in sources:
        cells = []
        for number, heading in enumerate(first.types, 1):
            found = source.heading(heading) or list(source.types)[number - 1]
            cells.append(f"{as_text(source.names[found], source.types[found])} AS c{number}")
        selects.append(f"SELECT {', '.join([*cells, ROW])} FROM ({source.sql})")
    return replace(
        first,
        sql=" UNION ALL ".join(selects),
        types=dict.fromkeys(first.types, "VARCHAR"),
        names={heading: f"c{number}" for number, heading in enumerate(first.types, 1)},
    )
