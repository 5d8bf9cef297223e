"""All words and number formats that a reader of the report sees: gettext catalogues and Babel.

Messages are written in English and looked up in the catalogue of the language in use. Numbers, money and dates are
formatted for that language before they go into a sentence. The language and the currency in use belong to the run and
are set once, by :func:`use`.
"""

from __future__ import annotations

import datetime as dt
import functools
import gettext
import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlib import calendar

UNKNOWN = "–"
_CATALOGUES = Path(__file__).parent / "locale"
_BABEL_LOCALES = {"en": "en_US", "zh": "zh_Hans_CN"}


@dataclass(frozen=True)
class Voice:
    """The language and the currency in which a run speaks."""

    language: str = "en"
    currency: str = "USD"

    @property
    def locale(self) -> str:
        """Babel's name of the locale."""
        return _BABEL_LOCALES[self.language]


_voice: ContextVar[Voice | None] = ContextVar("voice", default=None)


def use(language: str = "en", currency: str = "USD") -> None:
    """Set the language (``en``, ``zh``) and the currency (ISO 4217) of all text that follows.

    >>> use("en", "CNY"); money(1234.5); use()
    'CN¥1,234'
    """
    _voice.set(Voice(language, currency))


def spoken(language: str) -> str:
    """The language if there is a catalogue for it, else English: half a translation would mix two languages.

    >>> spoken("en")
    'en'
    """
    return language if language == "en" or (_CATALOGUES / language).is_dir() else "en"


def voice() -> Voice:
    """The language and currency in use."""
    return _voice.get() or Voice()


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


def _known(value: Any) -> bool:
    return value is not None and value == value and not (isinstance(value, float) and math.isinf(value))


def money(value: float | None, *, digits: int = 0, currency: str | None = None) -> str:
    """An amount in the client's currency; ``–`` where it is unknown. Never more digits than the currency has.

    >>> money(-12345.678), money(None), money(3.14159, digits=2), money(3.14159, digits=2, currency="JPY")
    ('-$12,346', '–', '$3.14', '¥3')
    """
    from babel.numbers import format_currency, get_currency_precision

    if not _known(value):
        return UNKNOWN
    digits = min(digits, get_currency_precision(currency or voice().currency))
    fraction = "." + "0" * digits if digits else ""
    return format_currency(
        round(float(value), digits) + 0.0,  # type: ignore[arg-type]
        currency or voice().currency,
        format=f"¤#,##0{fraction}",
        locale=voice().locale,
        currency_digits=False,
    )


def percent(value: float | None, *, digits: int = 0) -> str:
    """A rate between 0 and 1 as per cent; ``–`` where it is unknown.

    >>> percent(0.4567), percent(0.4567, digits=1), percent(float("nan"))
    ('46%', '45.7%', '–')
    """
    from babel.numbers import format_percent

    if not _known(value):
        return UNKNOWN
    fraction = "." + "0" * digits if digits else ""
    rounded = round(float(value), digits + 2) + 0.0  # type: ignore[arg-type]
    return format_percent(rounded, format=f"#,##0{fraction}%", locale=voice().locale)


def number(value: float | None, *, digits: int = 0) -> str:
    """A number with the language's separators; ``–`` where it is unknown.

    >>> number(1234567), number(2.34567, digits=2), number(None)
    ('1,234,567', '2.35', '–')
    """
    from babel.numbers import format_decimal

    if not _known(value):
        return UNKNOWN
    fraction = "." + "0" * digits if digits else ""
    return format_decimal(round(float(value), digits) + 0.0, format=f"#,##0{fraction}", locale=voice().locale)  # type: ignore[arg-type]


def day(value: dt.date | None) -> str:
    """A day in the language's usual form; ``–`` where it is unknown.

    >>> day(dt.date(2025, 12, 31))
    'Dec 31, 2025'
    """
    from babel.dates import format_date

    return format_date(value, format="medium", locale=voice().locale) if _known(value) else UNKNOWN


def last_span(history_days: int | None) -> str:
    """What "the last twelve months" truly are where the orders cover only ``history_days`` days.

    >>> last_span(400), last_span(213), last_span(84), last_span(9)
    ('last twelve months', 'last 7 months', 'last 12 weeks', 'last 9 days')
    """
    unit, count = calendar.last_span(history_days)
    if (unit, count) == ("months", 12):
        return say("last twelve months")
    return {
        "days": say("last {days} days", days=count),
        "weeks": say("last {weeks} weeks", weeks=count),
        "months": say("last {months} months", months=count),
    }[unit]


def month(value: dt.date | None) -> str:
    """A month and its year.

    >>> month(dt.date(2025, 12, 31))
    'Dec 2025'
    """
    from babel.dates import format_skeleton

    return format_skeleton("yMMM", value, locale=voice().locale) if _known(value) else UNKNOWN  # type: ignore[arg-type]


def interval(low: float | None, high: float | None, form: Callable[..., str] = number, **how: Any) -> str:
    """An interval in words.

    >>> interval(0.1, 0.25, percent)
    '10% to 25%'
    """
    return say("{low} to {high}", low=form(low, **how), high=form(high, **how))


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

    >>> definitions("05_retention")[0]
    ('Cohort', 'The customers whose first purchase fell into the same period.')
    >>> definitions("no such chapter")
    []
    """
    return [(say(term), say(about)) for term, about in _glossary().get(chapter, {}).items()]
