"""In which currency sums of money are written: sums in two currencies must not be added up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from crmlib.engine import literal
from crmlib.intake.repairs.cells import Cell, Mended, is_text, words
from crmlib.intake.repairs.numbers import CURRENCY
from crmlib.problems import Problem
from crmlib.words import Saying

_DOLLARS = "USD HKD TWD AUD CAD SGD MXN BRL NZD CLP COP ARS"
_POSSIBLE = {
    "$": _DOLLARS, "US$": "USD", "HK$": "HKD", "NT$": "TWD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD",
    "R$": "BRL", "S$": "SGD", "¥": "CNY JPY", "￥": "CNY JPY", "CN¥": "CNY", "CN￥": "CNY", "JP¥": "JPY", "JP￥": "JPY",
    "RMB": "CNY", "人民币": "CNY", "元": "CNY HKD TWD", "元整": "CNY", "圆": "CNY JPY", "块": "CNY", "块钱": "CNY",
    "円": "JPY", "日元": "JPY", "美元": "USD", "欧元": "EUR", "英镑": "GBP", "港币": "HKD", "港元": "HKD", "€": "EUR",
    "£": "GBP EGP", "৳": "BDT", "TK": "BDT", "TK.": "BDT", "₹": "INR", "RS": "INR PKR LKR NPR",
    "RS.": "INR PKR LKR NPR",
    "₩": "KRW", "₫": "VND", "₽": "RUB", "₺": "TRY", "฿": "THB", "₱": "PHP", "₦": "NGN", "₴": "UAH", "₪": "ILS",
    "KR": "SEK NOK DKK ISK", "KR.": "SEK NOK DKK ISK", "ZŁ": "PLN", "FR": "CHF", "FR.": "CHF",
}  # fmt: skip


def currencies_meant(mark: str) -> frozenset[str]:
    """The currencies, as ISO 4217 codes, that a sign, word or code may mean; one that is not known means itself.

    >>> sorted(currencies_meant("￥")), sorted(currencies_meant("hkd"))
    (['CNY', 'JPY'], ['HKD'])
    """
    mark = mark.strip().upper()
    return frozenset(_POSSIBLE.get(mark, mark).split())


def together(marks: Sequence[str]) -> frozenset[str]:
    """The currencies that all of several marks may mean; none: they cannot be one currency.

    >>> sorted(together(["￥", "元"])), together(["￥", "$"])
    (['CNY'], frozenset())
    """
    return frozenset.intersection(*map(currencies_meant, marks)) if marks else frozenset()


def foreign_money(
    connection: Any,
    relation: str,
    cells: Sequence[Cell],
    mended: Mapping[str, Mended],
    *,
    among: str,
    currency: str,
    place: str,
    formats: Mapping[str, Mapping[str, int]],
) -> tuple[list[Problem], list[Saying]]:
    """What is wrong with the currencies that are written beside numbers.

    Args:
        connection: DuckDB.
        relation: with the raw cells.
        cells: the columns.
        mended: how each is read.
        among: SQL condition of the rows that count.
        currency: the client's, as ISO 4217 code.
        place: where settings are made, for messages.
        formats: by cell, what number formats of a workbook show around its numbers, and how often.

    Returns:
        a problem for each column in which several currencies stand; a question for one that is not the client's.
    """
    problems, questions = [], []
    for cell in cells:
        counted = Counter[str]()
        for shown, n in formats.get(cell.name, {}).items():
            if mark := re.fullmatch(rf"\W*?({CURRENCY})\W*", shown):
                counted[mark.group(1)] += n
        plain = f"upper(trim({cell.raw}))"
        if is_text(cell) and any(repair.name == "money" for repair in mended[cell.name].repairs):
            counted.update(dict(connection.execute(
                f"SELECT regexp_extract({plain}, {literal(CURRENCY)}) AS mark, count(*) FROM {relation} "
                f"WHERE ({among}) AND ({mended[cell.name].value}) IS NOT NULL AND mark <> '' GROUP BY 1"
            ).fetchall()))  # fmt: skip
        found = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
        marks = [mark for mark, _ in found]
        said = {"marks": [words.later("places.mark", mark=mark, n=n) for mark, n in found], "currency": currency}
        if marks and not together(marks):
            said |= {"marks": list(map(str, said["marks"])), "mark": marks[-1], "heading": cell.heading or cell.name}
            key = "currencies_in_formats" if formats.get(cell.name) else "currencies"
            problems.append(Problem.said(words, key, place, cell.shown, **said))
        elif marks and currency not in together(marks):
            meant = sorted(together(marks))[:3]
            questions.append(words.later("questions.currency", column=cell.name, meant=meant, **said))
    return problems, questions
