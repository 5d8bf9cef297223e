"""Within the value: UTF-8 that was read as something else, HTML's entities, characters that nobody sees, blanks of
every kind, letters composed of two."""

from __future__ import annotations

import html.entities
from typing import Any

from crmlib.engine import literal
from crmlib.intake.repairs.cells import Cell, matches

_ENTITY = "&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][0-9A-Za-z]{1,31});"
_ONCE_MORE = "&(?:amp;)+(#?[0-9A-Za-z]{1,31};)"
"""An entity whose ``&`` was written as an entity again: ``&amp;amp;``."""
_NAMED = "crmlib_entities"
_MAY_COMPOSE = "[\\p{M}\\x{1100}-\\x{11ff}\\x{2126}\\x{212a}\\x{212b}\\x{f900}-\\x{faff}]"
"""Marks, and the other characters that are written as another one where a text is composed."""

_OF_WINDOWS = dict(zip(
    "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ",
    map(chr, [0x80, *range(0x82, 0x8D), 0x8E, *range(0x91, 0x9D), 0x9E, 0x9F]), strict=True,
))  # fmt: skip
"""What Windows-1252 shows for the bytes from 0x80 on, for which Latin-1 has no sign."""
_NEXT = "[\\x{80}-\\x{bf}]"
_GARBLED = (
    f"[\\x{{c2}}-\\x{{df}}]{_NEXT}|\\x{{e0}}[\\x{{a0}}-\\x{{bf}}]{_NEXT}|\\x{{ed}}[\\x{{80}}-\\x{{9f}}]{_NEXT}"
    f"|[\\x{{e1}}-\\x{{ec}}\\x{{ee}}\\x{{ef}}]{_NEXT}{_NEXT}|\\x{{f0}}[\\x{{90}}-\\x{{bf}}]{_NEXT}{_NEXT}"
    f"|[\\x{{f1}}-\\x{{f3}}]{_NEXT}{_NEXT}{_NEXT}"
)
"""The bytes of one character in UTF-8, each shown as a character of its own: Ã© for é."""
_SIGNS = f"[{''.join(_OF_WINDOWS)}\\x{{80}}-\\x{{bf}}]"
_CERTAIN = (
    f"[ÂÃ]{_SIGNS}|[\\x{{c2}}-\\x{{df}}]{_NEXT}"
    f"|[\\x{{e0}}-\\x{{ef}}]{_SIGNS}{_SIGNS}|[\\x{{f0}}-\\x{{f3}}]{_SIGNS}{{3}}"
)
"""What hardly stands in any text that was read right; a letter before a quotation mark (‘Å’) does."""

NEVER_SEEN = "\xad\u034f\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff"
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_JOINERS = "\u200c\u200d"
"""Invisible, but a part of Persian and Indian words and of many an emoji."""
_VARIANTS = "\ufe0e\ufe0f"
BLANKS = "\t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Blanks that are no plain ones."""
UNSEEN = NEVER_SEEN + _DIRECTIONS + _JOINERS


def install(connection: Any) -> None:
    """Tell the connection what the named entities of HTML 4 stand for, and ``&apos;``."""
    known = {f"&{name};": chr(code) for name, code in html.entities.name2codepoint.items()}
    known = {"&amp;": "&", "&apos;": "'", **known}  # the most frequent one is found first
    lists = (f"[{', '.join(map(literal, part))}]" for part in (known, known.values()))
    connection.execute(f"SET VARIABLE {_NAMED} = MAP({', '.join(lists)})")


def screened(cell: Cell) -> list[str]:
    """Patterns of what may stand within a text and is mended; letters apart from their accents among them."""
    return [_CERTAIN, _ENTITY, f"[{_unseen(cell)}{_JOINERS}{'' if cell.free else BLANKS}]", _MAY_COMPOSE]


def remade(text: str) -> str:
    """SQL of a text in which UTF-8 that was read as Latin-1 or Windows-1252, once or twice, is what was meant.

    Only where all of the cell was read so: where nothing but such characters stands beside plain letters.

    >>> import duckdb
    >>> cells = "['CafÃ© ZÃ¼rich', 'FranÃƒÂ§ois', 'donâ€™t', 'å¼\xa0ä¸‰', '‘Å’ and Ã©', 'São Ângelo']"
    >>> duckdb.execute(f"SELECT {remade('c')} FROM (SELECT unnest({cells}) AS c)").fetchall()
    [('Café Zürich',), ('François',), ('don’t',), ('张三',), ('‘Å’ and Ã©',), ('São Ângelo',)]
    """
    shown, meant = literal("".join(_OF_WINDOWS)), literal("".join(_OF_WINDOWS.values()))
    bits = [f"(unicode(e[{n}]) & 63)" for n in range(1, 5)]
    code = (
        f"CASE length(e) WHEN 2 THEN ((unicode(e[1]) & 31) << 6) + {bits[1]} "
        f"WHEN 3 THEN ((unicode(e[1]) & 15) << 12) + ({bits[1]} << 6) + {bits[2]} "
        f"ELSE ((unicode(e[1]) & 7) << 18) + ({bits[1]} << 12) + ({bits[2]} << 6) + {bits[3]} END"
    )
    plain = f"translate(a, {shown}, {meant})"
    whole = f"regexp_full_match({plain}, '(?:[\\x{{00}}-\\x{{7f}}]|{_GARBLED})+')"
    read = f"list_reduce(regexp_extract_all({plain}, '{_GARBLED}'), lambda t, e: replace(t, e, chr({code})), {plain})"
    once = f"CASE WHEN {matches('a', _CERTAIN)} AND {whole} THEN {read} ELSE a END"
    twice = f"list_reduce([{text}, '', ''], lambda a, b: {once})"
    return f"CASE WHEN {matches(text, _CERTAIN)} THEN {twice} ELSE {text} END"


def remade_heading(heading: str) -> str:
    """A heading in which UTF-8 that was read as Windows-1252 or Latin-1 is what was meant.

    >>> remade_heading("KÃ¤ufer"), remade_heading("Käufer"), remade_heading("è®¢å\x8d•å\x8f·")
    ('Käufer', 'Käufer', '订单号')
    """
    plain = "".join(_OF_WINDOWS.get(sign, sign) for sign in heading)
    try:
        return heading if heading.isascii() else plain.encode("latin-1").decode()
    except UnicodeError:
        return heading


def unescaped(text: str) -> str:
    """SQL of a text in which HTML's entities, also written several times over, are the characters that they mean.

    Only whole ones that HTML 4 knows; the connection needs :func:`install`.

    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> install(connection)
    >>> cells = "['Men &amp;amp; Women', 'Caf&eacute; &#8211; &#x4f60;', 'AT&T; &copy=1 &#0;']"
    >>> connection.execute(f"SELECT {unescaped('c')} FROM (SELECT unnest({cells}) AS c)").fetchall()
    [('Men & Women',), ('Café – 你',), ('AT&T; &copy=1 &#0;',)]
    """
    once = f"regexp_replace({text}, '{_ONCE_MORE}', '&\\1', 'g')"
    code = "try_cast(CASE WHEN e[3] IN ('x', 'X') THEN '0x' || e[4:-2] ELSE e[3:-2] END AS INTEGER)"
    sign = f"CASE WHEN {code} BETWEEN 32 AND 55295 OR {code} BETWEEN 57344 AND 1114111 THEN chr({code}) END"
    meant = f"coalesce(CASE WHEN starts_with(e, '&#') THEN {sign} ELSE getvariable('{_NAMED}')[e] END, e)"
    read = f"list_reduce(regexp_extract_all({once}, '{_ENTITY}'), lambda t, e: replace(t, e, {meant}), {once})"
    return f"CASE WHEN contains({text}, '&') THEN {read} ELSE {text} END"


def composed(text: str) -> str:
    """SQL of a text whose letters are composed: an ``e`` and its accent are one character (Unicode's form NFC)."""
    return f"nfc_normalize({text})"


def seen(text: str, cell: Cell) -> str:
    """SQL of a text without characters that nobody sees, its blanks plain ones.

    Where every character counts, the joiners go too; in words they stay where a script or an emoji needs them. In a
    customer's own words blanks and directions stay as they are.
    """
    shown = f"regexp_replace({text}, '[{_unseen(cell)}]+', '', 'g')"
    if _is_word(cell):
        shown = f"regexp_replace({shown}, '([\\p{{Latin}}\\p{{Han}}0-9])[{_JOINERS}]+', '\\1', 'g')"
    return shown if cell.free else f"translate({shown}, {literal(BLANKS)}, {literal(' ' * len(BLANKS))})"


def seen_key(text: str) -> str:
    """SQL of a key as :func:`seen` writes it, with its letters composed."""
    return composed(seen(text, Cell("", "text", "", key=True)))


def _unseen(cell: Cell) -> str:
    if cell.free:
        return NEVER_SEEN
    return NEVER_SEEN + _DIRECTIONS + ("" if _is_word(cell) else _JOINERS + _VARIANTS)


def _is_word(cell: Cell) -> bool:
    return cell.kind == "text" and not cell.key
