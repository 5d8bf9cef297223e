"""A page of the report: its template, its style, and how things are said on it."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import crmlib
from crmlib.pictures import tokens_css
from crmlib.words import Words, joined, number, percent, short, voice

words = Words(__file__)
_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **content: Any) -> str:
    """A page of the report: a template of this folder, in the style of all pages, with the ways to say things."""
    style = (_TEMPLATES / "briefing.css").read_text(encoding="utf-8") + tokens_css()
    return _pages().get_template(template).render(style=style, **content)


@functools.cache
def _pages() -> Any:
    """Jinja's environment, which keeps what it has compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"said": words.say, "named": words.name, "heading": words.heading, "share": _share}
    environment.globals |= {"noted": noted}
    environment.globals |= {"table_name": functools.partial(words.name, "tables")}
    environment.filters |= {
        "number": number,
        "exact": _exact,
        "coded": _coded,
        "names_coded": _names_coded,
        "spark": _spark,
        "short": short,
    }
    environment.filters |= {"besides": besides, "names_coded": _names_coded}
    return environment


def _spark(line: Sequence[float], alt: str) -> Any:
    """A small line of values, from the left to the right, with its last point marked."""
    from markupsafe import Markup, escape

    if len(line) < 2:
        return ""
    low, high = min(line), max(line)
    step, span = 112 / (len(line) - 1), (high - low) or 1.0
    points = [(2 + place * step, 22 - 18 * (value - low) / span) for place, value in enumerate(line)]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(
        f'<svg class="spark" viewBox="0 0 120 26" width="120" height="26" role="img" aria-label="{escape(alt)}">'
        f'<polyline points="{drawn}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
    )


_SHORTENED = (
    "Dr", "Mr", "Ms", "St", "No", "Nr", "Co", "Jr", "Sr", "vs", "Mt", "Mrs", "Ltd", "Inc", "Ste", "Str", "Ave", "Prof",
    "Corp", "Bros", "Blvd",
)  # fmt: skip
"""What ends in a full stop that ends no sentence; a single letter does so, too."""
_UNQUOTED = r"(?![^“”]*”)"
_ENDS = {
    "en": re.compile(
        r"(?<=[.?])(?<!\b[^\W\d_]\.)"
        + "".join(rf"(?<!\b(?i:{one})\.)" for one in _SHORTENED)
        + rf"\s+(?=[^\W_]|[“\"'(])(?![a-zà-ÿ]){_UNQUOTED}"
    ),
    "zh": re.compile(rf"(?<=[。？])\s*(?=\S){_UNQUOTED}"),
}
"""Where one of our sentences ends and the next one begins; the names of shops and people have stops, too."""


def sentences_of(text: str) -> list[str]:
    """The sentences of a text in the language in use.

    >>> sentences_of("It holds. We counted 3.5 of 4. 7 in St. Gallen asked Dr. Müller. Ask again.")
    ['It holds.', 'We counted 3.5 of 4.', '7 in St. Gallen asked Dr. Müller.', 'Ask again.']
    """
    return _ENDS[voice().language].split(text)


def besides(text: str, said: Collection[str]) -> str:
    """A text without the sentences that are said elsewhere."""
    return joined([one for one in sentences_of(text) if one not in said])


def noted(tile: Mapping[str, Any]) -> str:
    """What stands beside a tile's verdict: the year before, and how it stands to the target where there is one."""
    return str(tile["note"]) + (words.say("report.and_target", target=tile["target"]) if tile["target"] else "")


def _share(share: float) -> str:
    """A share of cells in percent; what is not quite all is never shown as all."""
    return percent(share if share in (0.0, 1.0) else min(max(share, 0.001), 0.999))


def _coded(said: str) -> Any:
    """What is said, with names of files and settings, which stand between backquotes, as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(said))))


def _names_coded(said: str) -> Any:
    """What is said, with names of tables and columns that stand in it as they are (``orders.cost``) as code."""
    return _coded(re.sub(r"\b[a-z]+(?:[._][a-z]+)+\b", r"`\g<0>`", str(said)))


def _exact(value: float) -> str:
    """A sum with as many places as it has, up to three."""
    return number(value, digits=0 if value == round(value) else 2 if round(value, 2) == round(value, 3) else 3)


def name_of(client: str, *, length: int = 60) -> str:
    """A client's name as a page has room for it: on one line, without signs that turn the text around.

    >>> name_of("Aurora Beauty"), name_of("a\u202eb\\n" + "c" * 100, length=10)
    ('Aurora Beauty', 'ab cccccc…')
    """
    seen = (" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in client)
    plain = " ".join("".join(one for one in seen if unicodedata.category(one) not in ("Cf", "Co", "Cs", "Cn")).split())
    return plain if len(plain) <= length else plain[: length - 1].rstrip() + "…"


def currency_name(code: str) -> str:
    """What a currency is called.

    >>> currency_name("USD"), currency_name("CNY")
    ('US dollars', 'Chinese yuan')
    """
    from babel.numbers import get_currency_name

    return get_currency_name(code, count=2, locale=voice().locale)


def versions() -> list[str]:
    """The kit and the libraries that the numbers rest on, with their versions."""
    import platform

    names = ("pandas", "statsmodels", "duckdb", "ibis-framework")
    made_with = [("crmlib", crmlib.__version__), ("Python", platform.python_version())]
    return [" ".join(one) for one in [*made_with, *((name, metadata.version(name)) for name in names)]]
