"""Files that are whole or not there at all, and files that one process holds while others wait."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A name beside the file to write to; in the end it takes the file's place, or vanishes if anything went wrong.

    It may become a folder, where there is none of the file's name.

    Raises:
        OSError: the file cannot be written.
    """
    staged = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        yield staged
        os.replace(staged, file)
    finally:
        if staged.is_dir():
            shutil.rmtree(staged, ignore_errors=True)
        else:
            staged.unlink(missing_ok=True)


def half_written(name: str) -> bool:
    """Whether a file has such a name as :func:`replacing` gives, left behind by a process that was ended.

    >>> half_written(".index.html.0a1b2c3d"), half_written("index.html"), half_written(".gitignore")
    (True, False, False)
    """
    return re.fullmatch(r"\..+\.[0-9a-f]{8}", name) is not None


def write_whole(file: Path, text: str) -> None:
    """Write a text in UTF-8, or leave what was there as it was; missing folders are made.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "new", "a.txt"), "whole")
    ...     Path(folder, "new", "a.txt").read_text(), len(list(Path(folder, "new").iterdir()))
    ('whole', 1)
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as staged:
        staged.write_text(text, encoding="utf-8")


def hold(handle: Any, *, wait: bool = True, shared: bool = False, waits: Callable[[], None] = lambda: None) -> None:
    """Hold an open file (or its number) until it is closed, so that other processes that hold it too take turns.

    Several may hold it ``shared`` at once, but nobody else then. The system lets go of it when a process ends in
    whatever way. ``waits`` is called once where another process has to be waited for.

    Raises:
        BlockingIOError: another process holds it, and we do not ``wait``.
    """
    number = handle if isinstance(handle, int) else handle.fileno()
    try:
        import fcntl
    except ImportError:
        _hold_on_windows(number, wait, shared, waits)
        return
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(number, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            raise
        waits()
        fcntl.flock(number, kind)


def _hold_on_windows(number: int, wait: bool, shared: bool, waits: Callable[[], None]) -> None:
    """Windows locks bytes, each for one process only: who shares takes any one of them, who is alone takes all.

    They lie far behind the end of the file, since nobody else may read what is locked.
    """
    import msvcrt

    def taken(first: int, bytes_: int) -> bool:
        os.lseek(number, first, os.SEEK_SET)
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, bytes_)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True

    told, at = False, os.lseek(number, 0, os.SEEK_CUR)
    try:
        while True:
            free = (_FAR + n for n in range(_AT_ONCE))
            if any(taken(one, 1) for one in free) if shared else taken(_FAR, _AT_ONCE):
                return
            if not wait:
                raise BlockingIOError(errno.EACCES, os.strerror(errno.EACCES))
            if not told:
                waits()
                told = True
            time.sleep(_BETWEEN_TRIES)
    finally:
        os.lseek(number, at, os.SEEK_SET)


_FAR, _AT_ONCE, _BETWEEN_TRIES = 1 << 30, 64, 0.2
"""The first of the bytes that are locked on Windows, how many processes may share them, and seconds between tries."""
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else []))


def no_room(error: BaseException) -> bool:
    """Whether an error says that the disk, the user's part of it or a file is full, in Python's words or DuckDB's.

    >>> no_room(OSError(errno.ENOSPC, "No space left on device")), no_room(FileNotFoundError(errno.ENOENT, "gone"))
    (True, False)
    """
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return any(os.strerror(number) in str(error) for number in _NO_ROOM)


_SOCKET_ROOM = 60
"""Bytes of a folder's path that leave room for the names that Python, Jupyter and ZeroMQ put behind it: a socket's path
has at most 103."""


def short_folder() -> str | None:
    """A folder for temporary things in which a socket's path is not too long; None where there is none.

    >>> folder = short_folder()
    >>> folder is None or len(folder) <= 60
    True
    """
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        if len(os.fsencode(folder)) <= _SOCKET_ROOM and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None
