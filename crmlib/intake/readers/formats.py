"""What only the number formats of a workbook's cells say: that 12.5 is shown as €12.50, $12.50 or 1250%."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

PERCENT = "%"
_PERCENT_IDS = ("9", "10")
"""The formats 0% and 0.00%, which every workbook knows by number (ECMA-376 18.8.30)."""
_SHOWN = re.compile(r'"([^"]*)"|\[\$([^]-]*)(?:-[^]]*)?\]|\[[^]]*\]|\\(.)|[_*].|([¥￥$€£৳₹₩₫₽₺฿₱₦₴₪%])')
_NO_NUMBER = re.compile(rb'\bt="(?:s|str|inlineStr|b|e|d)"')
_AT = re.compile(rb'\br="([A-Z]+)(\d+)"')
_STYLE = re.compile(rb'\bs="(\d+)"')


def shown_around(code: str) -> str:
    """The text that a number format writes around a number: its currency, or a percent sign.

    >>> [shown_around(c) for c in ('"€"#,##0.00', "[$$-409]#,##0.00", "0.00 [$EUR];[Red]-0", "0.0%", "0.00_);[Red]0")]
    ['€', '$', 'EUR', '%', '']
    """
    first = code.split(";")[0]
    return "".join("".join(part for part in found if part) for found in _SHOWN.findall(first)).strip().upper()


def shown_formats(file: Path) -> dict[int, str]:
    """Of each style of an .xlsx that writes something around its numbers, what it writes."""
    try:
        with zipfile.ZipFile(file) as archive:
            styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    except (KeyError, ElementTree.ParseError):
        return {}
    codes = {one.get("numFmtId", ""): one.get("formatCode", "") for one in styles.iter() if one.tag.endswith("}numFmt")}
    cells = next((one for one in styles.iter() if one.tag.endswith("}cellXfs")), ())
    made = {n: xf.get("numFmtId", "") for n, xf in enumerate(cells)}
    around = {n: PERCENT if i in _PERCENT_IDS else shown_around(codes.get(i, "")) for n, i in made.items()}
    return {n: shown for n, shown in around.items() if shown}


def formatted_rows(file: Path, part: str, shown: Mapping[int, str]) -> dict[int, dict[str, list[int]]]:
    """By column of a sheet, counted from 0, what is shown around its numbers, and in which rows."""
    if not shown:
        return {}
    wanted = "|".join(map(str, shown)).encode()
    cell = re.compile(rb'<c (?=[^>]*\bs="(?:' + wanted + rb')")([^>]*[^>/])>')
    found: dict[int, dict[str, dict[int, None]]] = {}
    tail = b""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(part) as stream:
            while block := stream.read(1 << 22):
                joined = tail + block
                for match in cell.finditer(joined):
                    at, style = _AT.search(match[1]), _STYLE.search(match[1])
                    if at and style and not _NO_NUMBER.search(match[1]):
                        column = found.setdefault(column_number(at[1]), {})
                        column.setdefault(shown[int(style[1])], {})[int(at[2])] = None
                tail = joined[-(1 << 10) :]
    except (KeyError, EOFError):
        return {}
    return {column: {mark: list(rows) for mark, rows in marks.items()} for column, marks in found.items()}


def column_number(letters: bytes) -> int:
    """The number of a column, counted from 0.

    >>> column_number(b"A"), column_number(b"AB")
    (0, 27)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
