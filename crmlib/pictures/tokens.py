"""Colours by name, each with a value for light and one for dark pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

TOKENS: dict[str, tuple[str, str]] = {
    "main": ("#1f5a8a", "#82b9e8"),
    "second": ("#b0541c", "#f0a36b"),
    "good": ("#1c7448", "#66c796"),
    "bad": ("#ad362f", "#f2918a"),
    "muted": ("#5f6b76", "#9aa7b2"),
    "light": ("#d9e0e6", "#36414b"),
    "ink": ("#1b2733", "#e7edf2"),
    "paper": ("#ffffff", "#141a20"),
    "teal": ("#137673", "#5fc4bf"),
    "purple": ("#7a4c9b", "#c5a2e2"),
    "ochre": ("#806200", "#d8bf57"),
    "pink": ("#ad3573", "#f092c3"),
    "olive": ("#4b7320", "#a6cc70"),
}
"""Name: (hex on light pages, hex on dark pages)."""

PALETTE = ("main", "second", "teal", "purple", "ochre", "pink", "olive")
"""The tones of up to seven series; further ones are ``muted``."""

_NAMES = {light: name for name, (light, _) in TOKENS.items()}


def colour(tone: str) -> str:
    """The hex by which a tone is drawn; :func:`as_tokens` makes it a token again.

    Raises:
        ValueError: there is no tone of this name.

    >>> colour("main")
    '#1f5a8a'
    """
    if tone not in TOKENS:
        raise ValueError(f"no tone is called {tone!r}; there are {', '.join(TOKENS)}")
    return TOKENS[tone][0]


def tone_of(red: int, green: int, blue: int) -> str:
    """The tone whose light value is nearest to this colour.

    >>> tone_of(0x1F, 0x5A, 0x8A)
    'main'
    """

    def distance(tone: str) -> float:
        return sum((255 * a - b) ** 2 for a, b in zip(_channels(colour(tone)), (red, green, blue), strict=True))

    return min(TOKENS, key=distance)


def token(tone: str) -> str:
    """A tone as CSS: the page's colour, or the light one where the page has none.

    >>> token("main")
    'var(--crm-main, #1f5a8a)'
    """
    return f"var(--crm-{tone}, {colour(tone)})"


def as_tokens(style: str) -> str:
    """A style in which each hex of a tone has become its token.

    >>> as_tokens("fill: #ffffff; opacity: 0.5")
    'fill: var(--crm-paper, #ffffff); opacity: 0.5'
    """
    return re.sub("#[0-9a-f]{6}", lambda found: token(_NAMES[found[0]]) if found[0] in _NAMES else found[0], style)


def tokens_css() -> str:
    """The style sheet of a page that shows pictures: colours for light, dark and printed pages.

    >>> "--crm-main:#82b9e8" in tokens_css()
    True
    """
    light, dark = (";".join(f"--crm-{name}:{values[page]}" for name, values in TOKENS.items()) for page in (0, 1))
    return (
        f":root{{{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"@media print{{:root{{{light}}}}}\n"
        ".crm-picture{display:block;max-width:100%;height:auto}\n"
    )


def contrast(first: str, second: str) -> float:
    """The contrast of two hex colours, 1 to 21 (WCAG 2.2, relative luminance).

    >>> round(contrast("#000000", "#ffffff"), 1)
    21.0
    """
    brighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def readable_on(tone: str) -> str:
    """The tone of text on a field of this tone, readable on light and dark pages.

    >>> readable_on("main"), readable_on("light")
    ('paper', 'ink')
    """

    def worst(text: str) -> float:
        return min(map(contrast, TOKENS[tone], TOKENS[text]))

    return max(("ink", "paper"), key=worst)


def _channels(shade: str) -> Iterator[float]:
    return (int(shade[place : place + 2], 16) / 255 for place in (1, 3, 5))


def _luminance(shade: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _channels(shade)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
