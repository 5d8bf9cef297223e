"""How numbers, money, days and lists are written in the language and the currency in use.

The language and the currency belong to the run and are set once, by :func:`use`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

UNKNOWN = "–"
MINUS = "\N{MINUS SIGN}\N{WORD JOINER}"
LANGUAGES = ("en", "zh")
_BABEL_LOCALES = {"en": "en_US", "zh": "zh_Hans_CN"}


@dataclass(frozen=True)
class Voice:
    """The language and the currency in which a run speaks, and what it calls the money that customers bring.

    ``margin``: whether it is known what is left of an order; else that money is sales, and no gross profit.
    ``several``: whether several currencies meet, so that a sign which two of them share (¥) tells whose it is.
    """

    language: str = "en"
    currency: str = "USD"
    margin: bool = True
    several: bool = False

    @property
    def kept(self) -> str:
        """The code of what customers bring: ``profit``, or ``sales`` where no margin is known."""
        return "profit" if self.margin else "sales"

    @property
    def locale(self) -> str:
        """Babel's name of the locale."""
        return _BABEL_LOCALES[self.language]


_voice: ContextVar[Voice | None] = ContextVar("voice", default=None)


def use(language: str = "en", currency: str = "USD", *, margin: bool = True, several: bool = False) -> None:
    """Set the language (``en``, ``zh``) and the currency (ISO 4217) of all words that follow.

    ``margin``: whether what customers bring may be called gross profit; else it is sales (``{kept:name.kept}``).
    ``several``: whether amounts in other currencies stand beside.

    Raises:
        ValueError: a language that the kit does not speak.

    >>> use("en", "CNY"); money(1234.5), money(5, currency="JPY"); use("en", "CNY", several=True); money(1234.5); use()
    ('¥1,234', '¥5')
    'CN¥1,234'
    """
    if language not in LANGUAGES:
        raise ValueError(f"the kit speaks {' and '.join(LANGUAGES)}, not {language!r}")
    _voice.set(Voice(language, currency, margin, several))


def voice() -> Voice:
    """The language and currency in use."""
    return _voice.get() or Voice()


_TOO_LONG = 1e20
"""Numbers from here on are nobody's to read out; they are written with their power of ten."""


def known(value: Any) -> bool:
    """Whether a value is there: not None, not NaN or NaT, not infinite.

    >>> known(0), known(None), known(float("nan")), known("")
    (True, False, False, True)
    """
    return value is not None and value == value and not (isinstance(value, float) and math.isinf(value))


def number(value: float | None, *, digits: int = 0) -> str:
    """A number with the language's separators and a minus that stays with it; ``–`` where it is unknown.

    >>> number(1234567), number(2.34567, digits=2), number(-10), number(None)
    ('1,234,567', '2.35', '−\u206010', '–')
    """
    from babel.numbers import format_decimal

    if not known(value):
        return UNKNOWN
    rounded = round(float(value), digits) + 0.0  # type: ignore[arg-type]
    if abs(rounded) >= _TOO_LONG:
        return _minus(f"{rounded:.3g}")
    return _minus(format_decimal(rounded, format=_pattern(digits), locale=voice().locale))


def percent(value: float | None, *, digits: int = 0) -> str:
    """A rate between 0 and 1 as per cent; ``–`` where it is unknown.

    >>> percent(0.4567), percent(0.4567, digits=1), percent(float("nan"))
    ('46%', '45.7%', '–')
    """
    from babel.numbers import format_percent

    if not known(value):
        return UNKNOWN
    rounded = round(float(value), digits + 2) + 0.0  # type: ignore[arg-type]
    return _minus(format_percent(rounded, format=f"{_pattern(digits)}%", locale=voice().locale))


def money(value: float | None, *, digits: int = 0, currency: str | None = None) -> str:
    """An amount in the client's currency; ``–`` where it is unknown. Never more digits than the currency has.

    Chinese counts in 万 and 亿 from ten thousand on, and names the currency behind the number.

    >>> money(-12345.678), money(None), money(3.14159, digits=2), money(3.14159, digits=2, currency="JPY")
    ('−\u2060$12,346', '–', '$3.14', '¥3')
    >>> use("zh", "CNY"); money(1234), money(44058), money(4325000), money(-218148400), money(9999.6); use()
    ('1,234元', '4.41万元', '432.5万元', '−\u20602.18亿元', '1.00万元')
    """
    from babel.numbers import get_currency_precision

    if not known(value):
        return UNKNOWN
    speaks, amount = voice(), float(value)  # type: ignore[arg-type]
    currency = currency or speaks.currency
    digits = min(digits, get_currency_precision(currency))
    if speaks.language == "zh":
        return _chinese_money(amount, digits, currency)
    amount = round(amount, digits)
    return f"{MINUS if amount < 0 else ''}{_sign(currency)}{number(abs(amount), digits=digits)}"


def short(value: float | None, *, sign: bool = False, step: int = 0) -> str:
    """An amount as short as a manager says it: three significant digits, with a minus that stays with its number.

    ``sign``: a plus before gains, too; ``step``: the amount to which all are rounded that stand together
    (:func:`sums`), so that all have the same unit and decimals.

    >>> use("en", "CNY"); short(4325013.29), short(-943958), short(356515, sign=True), short(1594), short(79.2)
    ('¥4.33m', '−\u2060¥944k', '+¥357k', '¥1,594', '¥79')
    >>> use("zh", "CNY"); short(4325013.29), short(-943958), short(79.2); use()
    ('432.5万元', '−\u206094.4万元', '79元')
    >>> short(4325013, step=1000), short(10723, sign=True, step=1000), short(43251, step=1)
    ('$4,325k', '+$11k', '$43,251')
    >>> short(-400, sign=True, step=1000), short(-600, sign=True, step=1000)
    ('$0', '−\u2060$1k')
    """
    if not known(value):
        return UNKNOWN
    speaks, amount = voice(), float(value)  # type: ignore[arg-type]
    size = float(round(abs(amount) / step) * step) if step else abs(amount)
    before = "" if round(size) == 0 else f"{MINUS}" if amount < 0 else "+" if sign else ""
    if speaks.language == "zh":
        return before + _chinese_money(size, 0, speaks.currency, step=step if size else 0)
    symbol = _sign(speaks.currency)
    if step and size:
        unit, named = next((one for one in _THOUSANDS if one[0] >= step), _THOUSANDS[-1])
        return f"{before}{symbol}{number(size / unit, digits=max(0, round(math.log10(unit / step))))}{named}"
    for least, counted, name in ((999_500_000, 1e9, "bn"), (999_500, 1e6, "m"), (9_999.5, 1e3, "k")):
        if size >= least:
            digits = max(0, 2 - math.floor(math.log10(float(f"{size / counted:.3g}"))))
            return f"{before}{symbol}{number(size / counted, digits=digits)}{name}"
    return f"{before}{symbol}{number(size)}"


_THOUSANDS = ((1, ""), (1_000, "k"), (1_000_000, "m"), (1_000_000_000, "bn"))


def _sign(currency: str) -> str:
    """The sign of a currency in English; that of the yuan says whose it is only beside other currencies."""
    from babel.numbers import get_currency_symbol

    speaks = voice()
    sign = get_currency_symbol(currency, locale=speaks.locale)
    return sign if speaks.several or currency != speaks.currency else sign.removeprefix("CN")


def gain(value: float | None) -> str:
    """An amount in short with its sign: what was gained or lost.

    >>> gain(2716528), gain(-943958)
    ('+$2.72m', '−\u2060$944k')
    """
    return short(value, sign=True)


def _chinese_money(amount: float, digits: int, currency: str, *, step: int = 0) -> str:
    from babel.numbers import get_currency_name

    unit = "元" if currency == "CNY" else get_currency_name(currency, locale="zh_Hans_CN")
    if step:
        of, called = (1, "") if step == 1 else (10_000, "万") if step <= 10_000 else (100_000_000, "亿")
        return f"{number(amount / of, digits=max(0, round(math.log10(of / step))))}{called}{unit}"
    size = abs(round(amount, digits))
    for least, counted, name in ((99_995_000, 1e8, "亿"), (10_000, 1e4, "万")):
        if size >= least:
            # Three significant digits, one decimal at least: 4.41万, 44.1万, 432.5万.
            return f"{number(amount / counted, digits=2 if size < 10 * counted else 1)}{name}{unit}"
    return f"{number(amount, digits=digits)}{unit}"


def _minus(said: str) -> str:
    """A number as the library writes it, with a true minus that never parts from it."""
    return said.replace("-", MINUS)


def _pattern(digits: int) -> str:
    return "#,##0" + ("." + "0" * digits if digits else "")


def day(value: dt.date | None) -> str:
    """A day in the language's usual form; ``–`` where it is unknown.

    >>> day(dt.date(2025, 12, 31))
    'Dec 31, 2025'
    """
    from babel.dates import format_date

    return format_date(value, format="medium", locale=voice().locale) if known(value) else UNKNOWN


def month(value: dt.date | None) -> str:
    """A month and its year.

    >>> month(dt.date(2025, 12, 31))
    'Dec 2025'
    """
    from babel.dates import format_skeleton

    return format_skeleton("yMMM", value, locale=voice().locale) if known(value) else UNKNOWN


def quarter(value: dt.date | None) -> str:
    """A quarter and its year, by any day in it.

    >>> quarter(dt.date(2025, 4, 1))
    '2025 Q2'
    """
    if not known(value):
        return UNKNOWN
    pattern = "{} Q{}" if voice().language == "en" else "{}年第{}季度"
    return pattern.format(value.year, (value.month + 2) // 3)  # type: ignore[union-attr]


def year(value: dt.date | int | None) -> str:
    """A year, by any day in it or by its number: without a thousands separator.

    >>> year(dt.date(2025, 4, 1)), year(2025)
    ('2025', '2025')
    """
    if not known(value):
        return UNKNOWN
    figure = getattr(value, "year", value)
    return f"{int(figure)}年" if voice().language == "zh" else str(int(figure))  # type: ignore[arg-type]


def times(value: float | None) -> str:
    """A ratio without needless digits.

    >>> times(2.0), times(1.25)
    ('2', '1.25')
    """
    if not known(value):
        return UNKNOWN
    fit = next((d for d in (0, 1) if abs(round(value, d) - value) < 1e-9), 2)  # type: ignore[arg-type,operator]
    return number(value, digits=fit)


def listed(parts: Sequence[str]) -> str:
    """Several things in one sentence.

    >>> listed(["Core", "Potential"])
    'Core, Potential'
    """
    return ("、" if voice().language == "zh" else ", ").join(parts)


def either(parts: Sequence[str]) -> str:
    """Several things of which one is enough.

    >>> either(["orders", "surveys", "tickets"]), either(["orders"])
    ('orders, surveys or tickets', 'orders')
    """
    first, last = listed(parts[:-1]), "".join(parts[-1:])
    return f"{first}{'或' if voice().language == 'zh' else ' or '}{last}" if first else last


def joined(parts: Sequence[str]) -> str:
    """Whole sentences, one after the other.

    >>> joined(["It rains.", "Take a coat."])
    'It rains. Take a coat.'
    """
    return ("" if voice().language == "zh" else " ").join(parts)


def digits_apart(value: float, *others: float, most: int = 2) -> int:
    """How many decimals tell a number from others: none, unless rounding makes it look like one that it is not.

    >>> digits_apart(-74.4, -73.6, -7.0), digits_apart(-74.4, -72.6), digits_apart(5.0, 5.0)
    (1, 0, 0)
    """
    unlike = [other for other in others if known(other) and other != value]
    return next((n for n in range(most) if all(round(value, n) != round(other, n) for other in unlike)), most)


def agreeing(
    parts: Sequence[float], total: float, *, digits: int = 0, most: int | None = None
) -> tuple[list[float], int]:
    """Parts rounded in such a way that a reader who adds them up gets the total as it is printed.

    ``parts`` with their signs; the ``total`` that they make up is printed with the same decimals. As many decimals as
    it takes from ``digits`` on, and where ``most`` of them do not do (money has no more), the parts that rounding moved
    most give way by one unit each. Answers the rounded parts, and the decimals.

    Source: the method of largest remainders (Hare & Niemeyer), as seats are shared out.

    >>> agreeing([0.2429, -0.1451], 0.0978, digits=2, most=3), agreeing([824.15, -61.59], 762.56)
    (([0.243, -0.145], 3), ([824.0, -61.0], 0))
    """
    most = digits if most is None else most
    for places in range(digits, most + 1):
        # Rounded as it is printed: 0.35 lies below the middle, ten times as much does not.
        *units, whole = (round(round(value, places) * 10.0**places) for value in (*parts, total))
        missing = whole - sum(units)
        if not missing:
            break
    way = 1 if missing > 0 else -1
    moved = sorted(range(len(units)), key=lambda at: (parts[at] == 0, way * (units[at] - parts[at] * 10.0**places)))
    for place in range(abs(missing) if units else 0):
        units[moved[place % len(moved)]] += way
    return [unit * 10.0**-places if places < 0 else unit / 10.0**places for unit in units], places


def sums(parts: Sequence[float], total: float, *, fixed: int = 0, step: int = 0) -> tuple[list[float], float, int]:
    """Amounts that stand together with their total, rounded to one step so that they add up (see :func:`agreeing`).

    ``fixed``: how many of the first parts are rounded as they are, because they stand elsewhere, too; ``step``: to
    what, else four significant digits of the largest, and whole units below 100,000. Answers the parts, the total, and
    the step for :func:`short`.

    >>> use("en", "CNY"); amounts, total, step = sums([2185204.89, -943957.7, 3083766.1], 4325013.29, fixed=1)
    >>> [short(one, step=step) for one in (*amounts, total)]; use()
    ['¥2,185k', '−\u2060¥944k', '¥3,084k', '¥4,325k']
    """
    size = max(abs(one) for one in (*parts, total))
    digits = -round(math.log10(step)) if step else 0 if size < 100_000 else 3 - math.floor(math.log10(size))
    step = 10**-digits
    kept = [round(part / step) * float(step) for part in parts[:fixed]]
    whole = round(total / step) * float(step)
    rest, _ = agreeing(parts[fixed:], whole - sum(kept), digits=digits)
    return [*kept, *rest], whole, step


def interval(low: float | None, high: float | None, form: Callable[..., str] = number, **how: Any) -> str:
    """An interval in words.

    >>> interval(0.1, 0.25, percent)
    '10% to 25%'
    """
    return f"{form(low, **how)}{' to ' if voice().language == 'en' else '至'}{form(high, **how)}"


FORMS: dict[str, Callable[..., str]] = {
    "number": number,
    "percent": percent,
    "money": money,
    "short": short,
    "gain": gain,
    "day": day,
    "month": month,
    "quarter": quarter,
    "year": year,
    "times": times,
    "list": listed,
    "either": either,
    "sentences": joined,
    "text": str,
}
"""The kinds of places that a sentence may have, beside ``count``, ``plural`` and ``name``."""
