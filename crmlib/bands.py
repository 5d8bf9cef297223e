"""Bands of values, such as ``$100 - $200``, ``35-49K`` and ``65+``: categories that have an order."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable

_NUMBER = r"\s*(?:[$€£¥₹]|US\$|HK\$|RMB|CNY|USD|EUR|GBP)?\s*(\d[\d,.' ]*?)\s*(k|m|mn|bn|千|万|萬|亿|%)?"
_UNIT = (
    r"\s*(?:[$€£¥₹元岁歲人年月天]|rmb|cny|usd|eur|gbp|years?(?: old)?|yrs?|jahre|ans|años|people|employees|mitarbeiter"
    r"|per\w* \w+)?"
)
_TO = r"(?:-|–|—|~|\bto\b|\bbis\b|\band\b|\bund\b|\bet\b|\ba\b|à|至|到)"
_OVER = r"(?:>=?|≥|over |above |more than |from |über |ab |mehr als |plus de |más de |超过|大于)"
_AND_MORE = r"(?:\+|以上|及以上|(?:and|or) (?:more|over|above|older)|und mehr|et plus|y más)"
_UNDER = r"(?:<=?|≤|under |below |less than |up to |unter |bis |weniger als |moins de |menos de |低于|小于|不到)"
_AND_LESS = r"(?:以下|及以下|(?:and|or) (?:less|under|below|younger))"
_BETWEEN = re.compile(
    rf"(?:from |von |de |entre |between )?{_NUMBER}{_UNIT}\s*{_TO}\s*{_NUMBER}{_UNIT}",
    re.I,
)
_MORE = re.compile(rf"{_OVER}{_NUMBER}{_UNIT}|{_NUMBER}{_UNIT}\s*{_AND_MORE}{_UNIT}", re.I)
_LESS = re.compile(rf"{_UNDER}{_NUMBER}{_UNIT}|{_NUMBER}{_UNIT}\s*{_AND_LESS}", re.I)
_ALONE = re.compile(_NUMBER + _UNIT, re.I)
_TIMES = {"k": 1e3, "千": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9, "万": 1e4, "萬": 1e4, "亿": 1e8}


def band(text: str) -> tuple[float, float] | None:
    """The ends of a band of values, without end where it is open; None: the text is no band.

    >>> band("$100 - $200"), band("35-49K"), band("65+"), band("under 1,000"), band("2024-01"), band("100")
    ((100.0, 200.0), (35000.0, 49000.0), (65.0, inf), (-inf, 1000.0), None, None)
    >>> band("3万至5万元"), band("60岁以上"), band("$500-1K")
    ((30000.0, 50000.0), (60.0, inf), (500.0, 1000.0))
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if found := _BETWEEN.fullmatch(plain):
        low, high = _value(found[1], found[2] or found[4]), _value(found[3], found[4])
        if low is not None and high is not None and low > high and not found[2]:
            low = _value(found[1], None)
        return (low, high) if low is not None and high is not None and low < high else None
    for pattern, more in ((_MORE, True), (_LESS, False)):
        if found := pattern.fullmatch(plain):
            end = _value(found[1] or found[3], found[2] or found[4])
            if end is not None:
                return (end, math.inf) if more else (-math.inf, end)
    return None


def bands_in_order(values: Iterable[str]) -> list[str]:
    """The different values from the lowest band to the highest; empty where they are not all bands.

    Single numbers may stand among them, such as the 0 before 1-5.

    >>> bands_in_order(["65+", "18-24", "25-64", "18-24"]), bands_in_order(["0", "6+", "1-5"])
    (['18-24', '25-64', '65+'], ['0', '1-5', '6+'])
    >>> bands_in_order(["North", "65+"])
    []
    """
    ends: dict[str, tuple[float, float]] = {}
    bands = 0
    for value in dict.fromkeys(values):
        found = band(value)
        bands += found is not None
        if found is None and (alone := _ALONE.fullmatch(unicodedata.normalize("NFKC", value).strip())):
            number = _value(alone[1], alone[2])
            found = (number, number) if number is not None else None
        if found is None:
            return []
        ends[value] = found
    return sorted(ends, key=lambda value: (*ends[value], value)) if bands > 1 else []


def _value(digits: str, unit: str | None) -> float | None:
    """A number with its thousands and its unit."""
    if re.match(r"0\d", digits):
        return None  # a code or a telephone number
    parted = re.sub(r"[,.' ](?=\d{3}(\D|$))", "", digits).replace(",", ".").replace(" ", "").rstrip(".")
    try:
        return float(parted) * _TIMES.get((unit or "").lower(), 1.0)
    except ValueError:
        return None
