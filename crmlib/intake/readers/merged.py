"""Merged cells of .ods and .xlsb, which the reader of workbooks does not tell."""

from __future__ import annotations

import functools
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

Merged = tuple[tuple[int, int], tuple[int, int]]
"""The first and the last cell that one stands for, each as its row and column from 0."""
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_SHEET, _MERGED = 156, 176
"""Records of .xlsb: BrtBundleSh names a sheet's part, BrtMergeCell holds a range ([MS-XLSB], 2.4.304 and 2.4.697)."""


def merged_cells(file: Path, kind: str) -> list[list[Merged]]:
    """The merged cells of each sheet of an .ods or .xlsb file, in the order of the sheets."""
    stat = file.stat()
    return _merged_cells(file, kind, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _merged_cells(file: Path, kind: str, *_: int) -> list[list[Merged]]:
    with zipfile.ZipFile(file) as archive:
        return _of_ods(archive) if kind == "ods" else _of_xlsb(archive)


def _of_ods(archive: zipfile.ZipFile) -> list[list[Merged]]:
    """Cells that span rows or columns; rows and cells that repeat are counted as often."""
    sheets: list[list[Merged]] = []
    row = column = 0
    with archive.open("content.xml") as content:
        for event, element in ElementTree.iterparse(content, ("start", "end")):
            tag = element.tag.removeprefix(_TABLE)
            if event == "start" and tag == "table":
                sheets.append([])
                row = 0
            elif event == "start" and tag == "table-row":
                column = 0
            elif event == "start" and tag in ("table-cell", "covered-table-cell"):
                down, across = (int(element.get(f"{_TABLE}number-{n}-spanned", 1)) for n in ("rows", "columns"))
                if (down, across) != (1, 1) and sheets:
                    sheets[-1].append(((row, column), (row + down - 1, column + across - 1)))
                column += int(element.get(f"{_TABLE}number-columns-repeated", 1))
            elif event == "end" and tag == "table-row":
                row += int(element.get(f"{_TABLE}number-rows-repeated", 1))
                element.clear()
    return sheets


def _of_xlsb(archive: zipfile.ZipFile) -> list[list[Merged]]:
    parts = {
        one.get("Id", ""): one.get("Target", "")
        for one in ElementTree.fromstring(archive.read("xl/_rels/workbook.bin.rels"))
    }
    named = [_text(body, 8) for kind, body in _records(archive.read("xl/workbook.bin")) if kind == _SHEET]
    found: list[list[Merged]] = []
    for relation in named:
        target = parts.get(relation, "")
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        ranges = []
        if part in archive.namelist():
            for kind, body in _records(archive.read(part)):
                if kind == _MERGED and len(body) >= 16:
                    top, low, left, right = struct.unpack_from("<4I", body)
                    ranges.append(((top, left), (low, right)))
        found.append(ranges)
    return found


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a part of an .xlsb file: their kind, and what they hold."""
    at = 0
    while at < len(data):
        kind, at = _number(data, at, 2)
        length, at = _number(data, at, 4)
        yield kind, data[at : at + length]
        at += length


def _number(data: bytes, at: int, most: int) -> tuple[int, int]:
    """A number of which each byte gives seven bits, the lowest first, and says whether another one follows."""
    number = 0
    for place in range(most):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return number, at


def _text(body: bytes, at: int) -> str:
    """A text with its length before it."""
    (length,) = struct.unpack_from("<I", body, at)
    return body[at + 4 : at + 4 + 2 * length].decode("utf-16-le")
