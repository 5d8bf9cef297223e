"""How like a heading is to what a contract column is called, in both languages."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from crmlib.contract import TABLES

FOLDER = Path(__file__).parent
LEAST = 78.0
"""Below this a heading is not taken for a column at all."""
PERHAPS = 80.0
_FUZZY = 88.0
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IN_PARENTHESES = re.compile(r"\([^)]*\)|\[[^]]*\]|【[^】]*】")
_CJK = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True)
class Names:
    """What a table's columns are called: sure names and perhaps-names by column, names of files, telling columns."""

    sure: dict[str, tuple[str, ...]]
    perhaps: dict[str, tuple[str, ...]]
    files: tuple[str, ...]
    tells: tuple[str, ...]


@dataclass(frozen=True)
class Likeness:
    """How like a heading is to a column (0 to 100), and the known name that it is like."""

    score: float
    like: str


def plain(heading: str) -> str:
    """A heading as words: no case, width, underscores or units in parentheses; ``InvoiceNo`` is two words.

    >>> plain("InvoiceNo"), plain("customer_id"), plain("单价（元）"), plain("Order #")
    ('invoice no', 'customer id', '单价', 'order no')
    """
    text = unicodedata.normalize("NFKC", heading)
    text = _IN_PARENTHESES.sub(" ", text) if _IN_PARENTHESES.sub("", text).strip() else text
    text = text.replace("#", " no ").replace("№", " no ")
    text = _CAMEL.sub(" ", text)
    return " ".join(re.sub(r"[\W_]+", " ", text).casefold().split())


def quoted(headings: Iterable[str]) -> list[str]:
    """Headings as sentences name them.

    >>> quoted(["Paid", "Total"])
    ["'Paid'", "'Total'"]
    """
    return [f"'{heading}'" for heading in headings]


@functools.cache
def names_of(table: str) -> Names:
    """What the columns of a contract table are called elsewhere."""
    known = _dictionary()
    own = known[table]
    sure: dict[str, tuple[str, ...]] = {}
    perhaps: dict[str, tuple[str, ...]] = {}
    for column in TABLES[table].names:
        here, shared = own["columns"].get(column, {}), known["everywhere"].get(column, {})
        listed = [column, *here.get("names", []), *shared.get("names", [])]
        sure[column] = tuple(dict.fromkeys(plain(name) for name in listed))
        listed = [*here.get("perhaps", []), *shared.get("perhaps", [])]
        perhaps[column] = tuple(name for name in dict.fromkeys(map(plain, listed)) if name not in sure[column])
    return Names(sure, perhaps, tuple(map(plain, own["files"])), tuple(own.get("tells", ())))


@functools.cache
def likeness(heading: str, table: str, column: str) -> Likeness:
    """How like a heading is to a contract column.

    100: one of its names. 82 to 98: nearly one of them, or one of them with further words around it. 80: a name that
    may mean it. 0: unlike.

    >>> likeness("InvoiceDate", "orders", "ordered_at")
    Likeness(score=100.0, like='invoice date')
    >>> likeness("Created at", "orders", "ordered_at").score, likeness("Colour", "orders", "ordered_at").score
    (80.0, 0.0)
    """
    names = names_of(table)
    words = plain(heading)
    best = max((Likeness(_alike(words, name), name) for name in names.sure[column]), key=lambda one: one.score)
    if best.score >= PERHAPS:
        return best
    for name in names.perhaps[column]:
        if _squeezed(name) == _squeezed(words):
            return Likeness(PERHAPS, name)
    return Likeness(0.0, "")


def called_like(file: str, table: str) -> bool:
    """Whether a file (or sheet) is called like files that hold a contract table.

    >>> called_like("orders_2024-01", "orders"), called_like("会员资料", "customers"), called_like("x", "orders")
    (True, True, False)
    """
    words = f" {re.sub(r'[0-9]+', ' ', plain(file))} "
    return any(f" {name} " in " ".join(words.split()).join("  ") or (_CJK.search(name) and name in words)
               for name in names_of(table).files)  # fmt: skip


def _alike(words: str, name: str) -> float:
    if _squeezed(words) == _squeezed(name):
        return 100.0
    from rapidfuzz import fuzz

    if _CJK.search(name):
        # The last part of a Chinese name says what it is: 买家下单时间 is a 下单时间.
        inside = len(name) >= 3 and words.endswith(name)
        return 82.0 + 14.0 * len(name) / len(words) if inside else 0.0
    if len(name) >= 6:
        close = max(fuzz.ratio(words, name), fuzz.token_sort_ratio(words, name))
        if close >= _FUZZY and _digits(words) == _digits(name):
            return min(98.0, close)
    if " " in name and f" {name} " in f" {words} ":
        return max(82.0, 94.0 - 4.0 * (len(words.split()) - len(name.split())))
    return 0.0


def _squeezed(words: str) -> str:
    return words.replace(" ", "")


def _digits(words: str) -> str:
    return re.sub(r"\D", "", words)


@functools.cache
def _dictionary() -> dict[str, Any]:
    # The plainest loader: "no" is a heading here, not a truth value.
    loaded: dict[str, Any] = yaml.load((FOLDER / "headings.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return loaded
