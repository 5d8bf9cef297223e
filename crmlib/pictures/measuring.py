"""How wide text is, also in scripts that no installed font has; and where it breaks into lines."""

from __future__ import annotations

import unicodedata

_NOT_FIRST = "，。；：！？、）】》”’,.;:!?)%]"


def is_wide(sign: str, *, among_wide: bool = False) -> bool:
    """Whether a character takes a full square, as in Chinese; quotes and dashes do so among such characters.

    >>> is_wide("客"), is_wide("a"), is_wide("“"), is_wide("“", among_wide=True)
    (True, False, False, True)
    """
    width = unicodedata.east_asian_width(sign)
    return width in "WF" or (among_wide and width == "A")


def has_wide(words: str) -> bool:
    """Whether a text has characters that take a full square."""
    return any(is_wide(sign) for sign in words)


def ems(words: str) -> float:
    """About how wide a line is, in units of its font size.

    >>> ems("客户数"), round(ems("abc"), 2)
    (3.0, 1.8)
    """
    among = has_wide(words)
    return float(sum(1.0 if is_wide(sign, among_wide=among) else 0.6 for sign in words))


def widest(words: str) -> float:
    """The width of the widest line, in units of its font size."""
    return max(map(ems, words.split("\n")), default=0.0)


def shortened(line: str, width: float) -> str:
    """A line that is at most ``width`` font sizes wide: what is longer ends in an ellipsis.

    >>> shortened("Gesellschaft", 4.0), shortened("shop", 4.0)
    ('Gesel…', 'shop')
    """
    if ems(line) <= width:
        return line
    while line and ems(line) + 1 > width:
        line = line[:-1]
    return line + "…"


def wrapped(words: str, width: float) -> str:
    """A text broken into lines of at most ``width`` font sizes: at spaces, and between Chinese characters.

    A word that is longer than a line stays whole. Lines are about equally long, so that no word is left alone.

    >>> wrapped("returned customers", 8.0)
    'returned\\ncustomers'
    >>> wrapped("回来的客户。", 5.0)
    '回来的\\n客户。'
    """
    return "\n".join("\n".join(_balanced(line, width)) for line in str(words).split("\n"))


def _balanced(line: str, width: float) -> list[str]:
    """The line broken into as few lines as fit, each about as long as the others."""
    widest_fit = _broken(line, width)
    if len(widest_fit) == 1:
        return widest_fit
    narrower = ems(line) / len(widest_fit)
    while narrower < width:
        lines = _broken(line, narrower)
        if len(lines) == len(widest_fit) and max(map(ems, lines)) <= width:
            return lines
        narrower += 0.5
    return widest_fit


def _broken(line: str, width: float) -> list[str]:
    lines, now = [], ""
    for part in _parts(line):
        if now and ems((now + part).rstrip()) > width:
            lines.append(now.rstrip())
            now = part.lstrip()
        else:
            now += part
    return [*lines, now.rstrip()]


def _parts(line: str) -> list[str]:
    """The pieces between which a line may break."""
    parts: list[str] = []
    for place, sign in enumerate(line):
        before = line[place - 1] if place else ""
        may_break = before == " " or (bool(before) and sign != " " and (is_wide(before) or is_wide(sign)))
        opens = before in "（【《“‘("
        if parts and (not may_break or sign in _NOT_FIRST or opens):
            parts[-1] += sign
        else:
            parts.append(sign)
    # A character that must not stand first takes the one before it along, so it never stands alone.
    return parts
