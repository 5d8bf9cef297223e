"""All words and number formats that a reader of the report sees: gettext catalogues and Babel.

Messages are written in English and looked up in the catalogue of the language in use. Numbers, money and dates are
formatted for that language before they go into a sentence. The language and the currency in use belong to the run and
are set once, by :func:`use`.
"""

from __future__ import annotations

import datetime as dt
import functools
import gettext
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crmlib.words import UNKNOWN, Voice, day, interval, last_span, money, month, number, percent, use, voice

__all__ = ["UNKNOWN", "Voice", "day", "interval", "last_span", "money", "month", "number", "percent", "use", "voice"]

_CATALOGUES = Path(__file__).parent / "locale"


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("crmlib", _CATALOGUES, languages=[language], fallback=True)


def say(message: str, **values: Any) -> str:
    """The message in the language in use, with its values filled in.

    Values are strings that :func:`money`, :func:`percent`, :func:`number` or :func:`day` have made; whole numbers are
    formatted here.

    >>> say("{count} customers spent {amount}.", count=1200, amount=money(3400000))
    '1,200 customers spent $3,400,000.'
    """
    shown = {k: number(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in values.items()}
    return _catalogue(voice().language).gettext(message).format(**shown)


@functools.cache
def _terms() -> dict[str, dict[str, str]]:
    import yaml

    return yaml.safe_load((Path(__file__).parent / "terms.yaml").read_text(encoding="utf-8"))


def label(column: str) -> str:
    """The heading of a measure's column, from ``terms.yaml``; a name without a term is shown in words.

    >>> label("customer_id"), label("some_new_column")
    ('Customer', 'Some new column')
    """
    term = _terms().get(column)
    return say(term["label"]) if term else column.replace("_", " ").capitalize()


def shown(column: str, value: Any) -> str:
    """A cell of a measure's table as the report shows it, by the unit that ``terms.yaml`` gives the column.

    Units: ``money``, ``percent``, ``percent1`` (one decimal), ``number`` (whole), ``number1``, ``number2``, ``day``,
    ``month``, ``text``. Without a term, whole numbers, fractions, dates and text are told apart by their type.

    >>> shown("share", 0.25), shown("some_new_column", 3), shown("some_new_column", None)
    ('25%', '3', '–')
    """
    import numpy as np
    import pandas as pd

    if value is None or (not isinstance(value, list | tuple | str) and pd.isna(value)):
        return UNKNOWN
    unit = (_terms().get(column) or {}).get("unit", "")
    forms: dict[str, Callable[[Any], str]] = {
        "money": money,
        "money2": lambda v: money(v, digits=2),
        "percent": percent,
        "percent1": lambda v: percent(v, digits=1),
        "number": number,
        "number1": lambda v: number(v, digits=1),
        "number2": lambda v: number(v, digits=2),
        "day": day,
        "month": month,
        "text": str,
    }
    if unit in forms and not (isinstance(value, str) and unit != "text"):
        return forms[unit](value)
    if isinstance(value, bool | np.bool_):
        return say("yes") if value else say("no")
    if isinstance(value, int | np.integer):
        return number(int(value))
    if isinstance(value, float | np.floating):
        return number(float(value), digits=2)
    if isinstance(value, dt.date | pd.Timestamp):
        return day(value)
    return str(value)


@functools.cache
def _glossary() -> dict[str, dict[str, str]]:
    import yaml

    return yaml.safe_load((Path(__file__).parent / "glossary.yaml").read_text(encoding="utf-8"))


def definitions(chapter: str) -> list[tuple[str, str]]:
    """The terms that a chapter's pages use and what they mean, from ``glossary.yaml``.

    >>> definitions("no such chapter")
    []
    """
    return [(say(term), say(about)) for term, about in _glossary().get(chapter, {}).items()]
