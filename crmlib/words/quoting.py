"""What customers or a client's files say, as it may be shown anywhere."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_DIGITS = re.compile(r"\+?\d(?:[\s\-./()]{0,2}\d){6,}")
_LOOK_ALIKES = str.maketrans({"<": "‹", ">": "›", "`": "'", "|": "¦", "$": "＄"})


def quotation(comment: Any, *, length: int = 120) -> str:
    """A comment (or a name) as it may be shown anywhere: one line, cut to ``length``, without what could do
    harm or identify.

    Control and direction characters go; e-mail addresses and long numbers are masked; characters that HTML,
    Markdown and formulas give a meaning are replaced by look-alikes; a leading sign that a spreadsheet would
    read as a formula gets an apostrophe before it.

    >>> quotation("=HYPERLINK(1)"), quotation("call me: 138 0013 8000 <b>now</b>")
    ("'=HYPERLINK(1)", 'call me: … ‹b›now‹/b›')
    """
    visible = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in str(comment)
        if unicodedata.category(character) not in ("Cf", "Co", "Cs", "Cn")
    )
    masked = _DIGITS.sub("…", _ADDRESS.sub("…", visible))
    plain = " ".join(masked.translate(_LOOK_ALIKES).split())
    if len(plain) > length:
        plain = plain[: length - 1].rstrip() + "…"
    return f"'{plain}" if unicodedata.normalize("NFKC", plain[:1]) in tuple("=+-@") else plain


def invisible(text: str) -> list[str]:
    """The characters of a text that nobody sees, or takes for a plain blank, each once.

    >>> invisible("1.234,56\\xa0€"), invisible("Order ID")
    (['\\xa0'], [])
    """
    if text.isascii() and "\t" not in text:
        return []
    unseen = (
        c for c in text if c == "\t" or (c not in " \n\r" and unicodedata.category(c) in ("Cf", "Zs", "Zl", "Zp"))
    )
    return list(dict.fromkeys(unseen))
