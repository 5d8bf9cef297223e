"""Which files a path, folder or glob in a client's YAML means."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

READABLE = (
    ".csv", ".tsv", ".tab", ".psv", ".txt",
    ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods",
    ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".zip",
)  # fmt: skip
UNFINISHED = (".crdownload", ".part", ".partial", ".download")
"""Downloads that are still under way: found, so that they are said to be unfinished rather than left out."""


def find_files(pattern: str, folder: Path) -> list[Path]:
    """The files that a path, folder or glob means, relative to the folder of the client's YAML, in a fixed order.

    Hidden files and folders, and the lock files that a spreadsheet program leaves, are passed over. In a folder only
    files with a readable suffix count, and downloads that are not finished; a path or glob that names a file is taken
    at its word.

    >>> find_files("no_such_*.csv", Path("."))
    []
    """
    try:
        path = Path(pattern)
        path = path if path.is_absolute() else folder / path
        if path.is_file():
            return [path]
        if path.is_dir():
            suffixes = (*READABLE, *UNFINISHED)
            inside = (p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
            return _each_once(p for p in inside if not _hidden(p.relative_to(path)))
        absolute = pattern if Path(pattern).is_absolute() else str(Path(glob.escape(str(folder))) / pattern)
        found = (Path(p) for p in glob.glob(absolute, recursive=True))
        return _each_once(p for p in found if p.is_file() and not p.name.startswith("~$"))
    except (OSError, ValueError):
        return []


def _each_once(files: Iterable[Path]) -> list[Path]:
    """The files in order; one that links lead to again is taken once, under its shortest path."""
    shortest = sorted(files, key=lambda file: (len(file.parts), file))
    return sorted({file.resolve(): file for file in reversed(shortest)}.values())


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "~$")) for part in path.parts)
