"""Millions of empty rows below a table, as some programs leave them: cut off before anything reads them."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK = 1 << 20
_EMPTY = b",;|^~\t \r\n"


def without_empty_end(file: Path, scratch: Path) -> Path:
    """A text file without the empty rows at its end, where there is more than a megabyte of them.

    A copy in ``scratch`` is cut; any other file is left as it is, and its beginning copied. Rows in the middle stay:
    they have a number. So does an end with a quotation mark that is not closed.
    """
    size = end = file.stat().st_size
    quoted = b""
    with file.open("rb") as stream:
        while end:
            stream.seek(max(0, end - _BLOCK))
            block = stream.read(end - stream.tell())
            end -= len(block)
            if left := block.rstrip(_EMPTY + b'"'):
                end += len(left)
                break
            quoted = quoted or (block if b'"' in block else b"")
        stream.seek(end)
        line, ended, _ = stream.read(_BLOCK).partition(b"\n")
    if size - end <= _BLOCK or not ended or any(b'"' in one.replace(b'""', b"") for one in quoted.splitlines()[1:]):
        return file
    end += len(line) + 1
    if scratch in file.parents:
        os.truncate(file, end)
        return file
    copy = scratch / f"begun{file.suffix}"
    with file.open("rb") as stream, copy.open("wb") as begun:
        for start in range(0, end, _BLOCK):
            begun.write(stream.read(min(_BLOCK, end - start)))
    return copy
