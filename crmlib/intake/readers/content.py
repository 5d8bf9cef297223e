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
_SAVE_AS = "open it in a spreadsheet program and save it as .xlsx or as “CSV UTF-8”"
_ASK_AGAIN = "export the records as CSV or .xlsx"
_UNPACK = "unpack it, or pack it as .zip or .gz"
_SIGNATURES = (
    (b"%PDF", "a PDF document", _ASK_AGAIN),
    (b"\x89PNG", "a picture", _ASK_AGAIN),
    (b"\xff\xd8\xff", "a picture", _ASK_AGAIN),
    (b"GIF8", "a picture", _ASK_AGAIN),
    (b"{\\rtf", "a text document (RTF)", _ASK_AGAIN),
    (b"SQLite format 3\0", "an SQLite database", "name it under `database:` and the table under `query:` or `from:`"),
    (b"PARE", "an encrypted Parquet file", "export it without encryption"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"BZh", "a file compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ", "a file compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd", _UNPACK),
)
_OLD_WORKBOOKS = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")
_MARKUP = (
    (re.compile(r"<\?xml[^>]*>.{0,400}?<\?mso-application|urn:schemas-microsoft-com:office:spreadsheet", re.S | re.I),
     "a workbook in the XML of Excel 2003", _SAVE_AS),
    (re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body|meta|table|style|div)\b", re.S | re.I),
     "a web page (HTML), whatever its name says", _SAVE_AS + "; if it shows no table, the login may have expired: "
     "export it again"),
    (re.compile(r"mime-version:", re.I), "a web archive (MHTML), whatever its name says", _SAVE_AS),
    (re.compile(r"\s*<\?xml\b", re.I), "an XML file", _ASK_AGAIN),
    (re.compile(r"ID;P(WXL|CALC)"), "a workbook in the old SYLK format", _SAVE_AS),
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """The ``kind`` of a file: text, json, gzip, zip, parquet, xlsx, xlsb, ods, xls, empty or unreadable.

    ``found`` and ``remedy`` say of an unreadable one what it is and what to do about it.
    """

    kind: str
    found: str = ""
    remedy: str = ""


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
    if head.startswith(_OLD_WORKBOOKS):
        return Content("unreadable", "a workbook of an Excel before 1997", _SAVE_AS)
    for signature, found, remedy in _SIGNATURES:
        if head.startswith(signature):
            return Content("unreadable", found, remedy)
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
        return Content("unreadable", "binary data", "export the records as “CSV UTF-8” or .xlsx")
    for pattern, found, remedy in _MARKUP:
        if pattern.match(shown) or (found.startswith("a workbook in the XML") and pattern.search(shown[:2000])):
            return Content("unreadable", found, remedy)
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
        found = "binary data: a zip archive or workbook that is cut off or damaged"
        return Content("unreadable", found, "export or copy it again")
    if "opendocument.spreadsheet" in kind:
        return Content("ods")
    if "xl/workbook.bin" in names:
        return Content("xlsb")
    if "xl/workbook.xml" in names:
        return Content("xlsx")
    if "word/document.xml" in names or "ppt/presentation.xml" in names or kind:
        return Content("unreadable", "a document, not a workbook", _ASK_AGAIN)
    if "Index/Document.iwa" in names:
        return Content("unreadable", "a workbook of Apple Numbers", "export it from Numbers as CSV or .xlsx")
    return Content("zip")


def _compound(file: Path) -> Content:
    """An .xls, or something else in the same kind of container: names inside are in UTF-16."""
    whole = file.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in whole:
        return Content("unreadable", "a workbook with a password", "save it without the password")
    if any(name.encode("utf-16-le") + b"\0\0" in whole for name in ("Workbook", "Book", "WORKBOOK", "BOOK")):
        return Content("xls")
    return Content("unreadable", "an Office file that is no workbook, or one that is cut off", _ASK_AGAIN)
