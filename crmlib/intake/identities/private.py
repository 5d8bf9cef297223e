"""The private part of a client's folder: folders that only their owner enters, files that only their owner reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crmlib import files
from crmlib.problems import Problem, Stopped, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)

PRIVATE = ".crmlib"


def private_folder(client_folder: Path, *parts: str) -> Path:
    """The folder ``.crmlib`` of a client, or one below it, made if it is missing; every one of them has mode 0700.

    Raises:
        UnusableInput: it cannot be made, or a symbolic link would lead elsewhere.
    """
    folder = client_folder
    for part in (PRIVATE, *parts):
        folder = folder / part
        if folder.is_symlink():
            raise UnusableInput([Problem.said(_WORDS, "link", str(folder))])
        make_private(folder)
    keep_out_of_git(client_folder / PRIVATE)
    return folder


def keep_out_of_git(folder: Path) -> None:
    """Keep a folder out of version control, also where the client's folder was not made by ``crmlib new``.

    Raises:
        UnusableInput: the folder cannot be written.
    """
    ignored = folder / ".gitignore"
    if not ignored.exists():
        write_private(ignored, b"*\n")


def make_private(folder: Path) -> None:
    """Make a folder, or take an existing one, and close it to everybody but its owner, whatever the umask says.

    Raises:
        UnusableInput: the folder cannot be made or changed.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise unwritable(folder, error) from None


def write_private(file: Path, content: bytes) -> None:
    """Write a whole file with mode 0600, or leave what was there as it was."""
    with replacing(file) as staged, os.fdopen(_opened(staged, os.O_CREAT | os.O_EXCL), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def append_private(file: Path, line: str) -> None:
    """Add one line to a file of mode 0600; lines of processes that write at once do not mix."""
    handle = _opened(file, os.O_CREAT | os.O_APPEND)
    try:
        os.write(handle, line.encode() + b"\n")
    finally:
        os.close(handle)


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A name beside the file to write to; in the end it takes the file's place, or vanishes if anything went wrong.

    Raises:
        UnusableInput: the file cannot be written.
    """
    try:
        with files.replacing(file) as staged:
            yield staged
    except OSError as error:
        raise unwritable(file, error) from None


@contextmanager
def alone(folder: Path, name: str = ".lock", *, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until nobody else holds this private folder (by its file of that ``name``), and hold it.

    ``waits`` is called where somebody else holds it.

    Raises:
        UnusableInput: the folder cannot be written.
    """
    try:
        handle = _opened(folder / name, os.O_CREAT)
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        files.hold(handle, waits=waits)
        yield
    finally:
        os.close(handle)


@contextmanager
def room_for(place: Path) -> Iterator[None]:
    """Say in words that the disk is full, whoever notices it: Python, or DuckDB with an error of its own.

    Raises:
        UnusableInput: there was no room for what was to be written below ``place``.
    """
    try:
        yield
    except Exception as error:
        if not files.no_room(error):
            raise
        raise Stopped([Problem.said(_WORDS, "unwritable.full", str(place))]) from None


def unwritable(file: Path, error: OSError) -> UnusableInput:
    """That a place cannot be written, as a problem to mend; a full disk may have stopped what was under way."""
    if files.no_room(error):
        return Stopped([Problem.said(_WORDS, "unwritable.full", str(file))])
    return UnusableInput([Problem.said(_WORDS, "unwritable.closed", str(file))])


def _opened(file: Path, flags: int) -> int:
    handle = os.open(file, os.O_WRONLY | flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if hasattr(os, "fchmod"):
        os.fchmod(handle, 0o600)
    return handle
