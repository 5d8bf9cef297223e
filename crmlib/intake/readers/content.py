"""What a file really is, told by its bytes: suffixes of exports are often wrong."""

from __future__ import annotations

import codecs
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

HEAD = 1 << 16
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"{\\rtf", "rtf"),
    (b"SQLite format 3\0", "sqlite"),
    (b"PARE", "encrypted_parquet"),
    (b"7z\xbc\xaf\x27\x1c", "7zip"),
    (b"Rar!", "rar"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x09\x00\x04\x00", "old_workbook"),
    (b"\x09\x02\x06\x00", "old_workbook"),
    (b"\x09\x04\x06\x00", "old_workbook"),
)
_MARKUP = (
    (re.compile(r"<\?xml[^>]*>.{0,400}?<\?mso-application|urn:schemas-microsoft-com:office:spreadsheet", re.S | re.I),
     "xml_workbook"),
    (re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body|meta|table|style|div)\b", re.S | re.I),
     "web_page"),
    (re.compile(r"mime-version:", re.I), "web_archive"),
    (re.compile(r"\s*<\?xml\b", re.I), "xml"),
    (re.compile(r"ID;P(WXL|CALC)"), "sylk"),
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """The ``kind`` of a file: text, json, gzip, zip, parquet, xlsx, xlsb, ods, xls, empty or unreadable.

    ``what`` names an unreadable one: a code of ``names: contents`` and ``names: remedies``.
    """

    kind: str
    what: str = ""


def content_of(file: Path) -> Content:
    """What a file is, judged by how it begins; its name only tells JSON from other text.

    Raises:
        OSError: if it cannot be opened.
    """
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        return Content("empty")
    if head.startswith(b"\x1f\x8b"):
        return Content("gzip")
    if head.startswith(b"PAR1"):
        return Content("parquet")
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _packed(file)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound(file)
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return Content("unreadable", what)
    return _text(head, file.suffix.lower())


def utf16_without_mark(head: bytes) -> str | None:
    """UTF-16's byte order where NUL bytes stand unmistakably at every other place only, else None.

    >>> utf16_without_mark("id;name\\r\\n1;Eva".encode("utf-16-le"))
    'utf-16-le'
    >>> utf16_without_mark(b"id;name") is None
    True
    """
    even, odd = head[0::2].count(0), head[1::2].count(0)
    enough = max(2, len(head) // 20)
    if odd >= enough and even == 0:
        return "utf-16-le"
    if even >= enough and odd == 0:
        return "utf-16-be"
    return None


def _text(head: bytes, suffix: str) -> Content:
    codec = next((codec for mark, codec in BYTE_ORDER_MARKS if head.startswith(mark)), None)
    codec = codec or utf16_without_mark(head)
    shown = head.decode(codec or "latin-1", "ignore").lstrip("\ufeff")
    if codec is None and _binary(head):
        return Content("unreadable", "binary")
    for pattern, what in _MARKUP:
        if pattern.match(shown) or (what == "xml_workbook" and pattern.search(shown[:2000])):
            return Content("unreadable", what)
    if suffix in (".json", ".jsonl", ".ndjson") or re.match(r'\s*(\[\s*\{\s*"|\{\s*"[^"]*"\s*:|\{\s*$)', shown, re.M):
        return Content("json")
    return Content("text")


def _binary(head: bytes) -> bool:
    """Whether the bytes hold more control characters than text with stray ones would."""
    strange = len(head) - len(head.translate(None, bytes(b for b in range(32) if b not in b"\t\n\v\f\r\x1a\x1b")))
    return 50 * head.count(0) > len(head) or (len(head) > 200 and 20 * strange > len(head))


def _packed(file: Path) -> Content:
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            kind = archive.read("mimetype")[:200].decode("latin-1") if "mimetype" in names else ""
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        return Content("unreadable", "cut_off")
    if "opendocument.spreadsheet" in kind:
        return Content("ods")
    if "xl/workbook.bin" in names:
        return Content("xlsb")
    if "xl/workbook.xml" in names:
        return Content("xlsx")
    if "word/document.xml" in names or "ppt/presentation.xml" in names or kind:
        return Content("unreadable", "document")
    if "Index/Document.iwa" in names:
        return Content("unreadable", "numbers")
    return Content("zip")


def _compound(file: Path) -> Content:
    """An .xls, or something else in the same kind of container: names inside are in UTF-16."""
    whole = file.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in whole:
        return Content("unreadable", "locked_workbook")
    if any(name.encode("utf-16-le") + b"\0\0" in whole for name in ("Workbook", "Book", "WORKBOOK", "BOOK")):
        return Content("xls")
    return Content("unreadable", "office")
