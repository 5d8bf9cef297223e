"""How like a heading is to what a contract column is called, in both languages."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from crmlib.contract import TABLES
from crmlib.intake.repairs.characters import remade_heading

FOLDER = Path(__file__).parent
LEAST = 78.0
"""Below this a heading is not taken for a column at all."""
PERHAPS = 80.0
_FUZZY = 88.0
CHOICES = ("owner", "stage", "channel", "campaign", "store", "currency", "industry", "region", "plan")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IN_PARENTHESES = re.compile(r"\([^)]*\)|\[[^]]*\]|【[^】]*】")
_WRAPPED = re.compile(r"^(properties|attributes|fields|data)\.(hs_)?(?=.)", re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*\d{1,3}\s*[、.．)）:：]\s*(?=\D)")
_ASKED = re.compile("^(请问|请填写|请输入|请选择)?(您的|你的|贵公司的?)?(?=.)")
_QUESTION = re.compile(r"^q\d{1,3} (?=\D)| \d{1,2}(?: (?:to|bis|à|al))? \d{1,3}$")
"""The number of a question before it, and its scale behind it."""
_CJK = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True)
class Names:
    """What a table's columns are called: sure names and perhaps-names by column, names of files, telling columns.

    ``never``: what says that a heading with it means something else than the column; ``holds``: what says that a whole
    sentence as a heading means it. ``about``: words for what the table is about, which stand before a column's name.
    """

    sure: dict[str, tuple[str, ...]]
    perhaps: dict[str, tuple[str, ...]]
    never: dict[str, tuple[str, ...]]
    holds: dict[str, tuple[str, ...]]
    about: tuple[str, ...]
    files: tuple[str, ...]
    tells: tuple[str, ...]


@dataclass(frozen=True)
class Likeness:
    """How like a heading is to a column (0 to 100), and the known name that it is like."""

    score: float
    like: str


def plain(heading: str) -> str:
    """A heading as words: no case, width, underscores or units in parentheses; ``InvoiceNo`` is two words.

    >>> plain("InvoiceNo"), plain("customer_id"), plain("单价（元）"), plain("Order #"), plain("2、您的手机号码")
    ('invoice no', 'customer id', '单价', 'order no', '手机号码')
    """
    text = unicodedata.normalize("NFKC", remade_heading(heading))
    text = _IN_PARENTHESES.sub(" ", text) if _IN_PARENTHESES.sub("", text).strip() else text
    text = _ASKED.sub("", _NUMBERED.sub("", text))
    text = _WRAPPED.sub("", text).replace("#", " no ").replace("№", " no ")
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
    never: dict[str, tuple[str, ...]] = {}
    holds: dict[str, tuple[str, ...]] = {}
    for column in TABLES[table].names:
        here, shared = own["columns"].get(column, {}), known["everywhere"].get(column, {})
        doubted = [*here.get("perhaps", []), *shared.get("perhaps", [])]
        listed = [*([] if column in doubted else [column]), *here.get("names", []), *shared.get("names", [])]
        sure[column] = tuple(dict.fromkeys(plain(name) for name in listed))
        listed = doubted
        perhaps[column] = tuple(name for name in dict.fromkeys(map(plain, listed)) if name not in sure[column])
        never[column] = tuple(map(plain, [*here.get("never", []), *shared.get("never", [])]))
        holds[column] = tuple(map(plain, here.get("holds", [])))
    about = tuple(sorted(map(plain, own.get("about", ())), key=len, reverse=True))
    return Names(sure, perhaps, never, holds, about, tuple(map(plain, own["files"])), tuple(own.get("tells", ())))


@functools.cache
def likeness(heading: str, table: str, column: str) -> Likeness:
    """How like a heading is to a contract column.

    100: one of its names. 82 to 98: one of them but for a letter, or with further words around it. 80: a name that may
    mean it, or nearly one of them. 0: unlike.

    >>> likeness("InvoiceDate", "orders", "ordered_at")
    Likeness(score=100.0, like='invoice date')
    >>> likeness("Created at", "orders", "ordered_at").score, likeness("Colour", "orders", "ordered_at").score
    (80.0, 0.0)
    >>> likeness("Mailing City", "customers", "city")
    Likeness(score=94.0, like='city')
    """
    names = names_of(table)
    words = plain(heading) if table != "surveys" else _QUESTION.sub("", plain(heading))
    if any(_holds(words, mark) for mark in names.never[column]):
        known = {_squeezed(name): (score, name) for listed, score in ((names.perhaps, PERHAPS), (names.sure, 100.0))
                 for name in listed[column]}  # fmt: skip
        return Likeness(*known.get(_squeezed(words), (0.0, "")))
    best = max((Likeness(_alike(words, name), name) for name in names.sure[column]), key=lambda one: one.score)
    if best.score < 100:
        own = {_squeezed(one) for one in _without_subject(words, names.about, column in CHOICES)}
        same = next((name for name in names.sure[column] if _squeezed(name) in own), "")
        asked = next((name for name in names.holds[column] if _holds(words, name)), "")
        best = max(best, Likeness(94.0, same), Likeness(84.0, asked), key=lambda one: one.score * bool(one.like))
        own.add(_squeezed(words))
    if best.score >= PERHAPS:
        return best
    for name in names.perhaps[column]:
        if _squeezed(name) in own:
            return Likeness(PERHAPS, name)
    return Likeness(0.0, "")


def called_like(file: str, table: str) -> bool:
    """Whether a file (or sheet) is called like files that hold a contract table.

    >>> called_like("orders_2024-01", "orders"), called_like("会员资料", "customers"), called_like("x", "orders")
    (True, True, False)
    """
    words = " ".join(re.sub(r"[0-9]+", " ", plain(file)).split())
    return any(_holds(words, name) for name in names_of(table).files)


def _without_subject(words: str, about: Sequence[str], choice: bool) -> set[str]:
    """A heading without what the table is about before it, and without "name" or "id" behind it where it is a choice.

    >>> sorted(_without_subject("deal stage name", ("deal",), True))
    ['deal stage', 'stage', 'stage name']
    """
    found = set()
    for subject in about:
        inner = words.removeprefix(subject if _CJK.search(subject) else f"{subject} ").strip()
        if inner and inner != words:
            found |= {inner, *_without_subject(inner, about, False)}
    ends = (" name", " id") if choice else ()
    return found | {one.removesuffix(end) for one in (words, *found) for end in ends if one.endswith(end)}


@functools.lru_cache(maxsize=100_000)  # columns of several tables share names
def _alike(words: str, name: str) -> float:
    if _squeezed(words) == _squeezed(name):
        return 100.0
    if _CJK.search(name):
        # The last part of a Chinese name says what it is: 买家下单时间 is a 下单时间.
        inside = len(name) >= 3 and words.endswith(name)
        return 82.0 + 14.0 * len(name) / len(words) if inside else 0.0
    if min(len(words), len(name)) >= 6:
        close = fuzz.ratio(words, name, score_cutoff=_FUZZY) or fuzz.token_sort_ratio(words, name, score_cutoff=_FUZZY)
        if close and _digits(words) == _digits(name):
            return 96.0 if Levenshtein.distance(words, name) == 1 else PERHAPS
    if " " in name and f" {name} " in f" {words} ":
        return max(82.0, 94.0 - 4.0 * (len(words.split()) - len(name.split())))
    return 0.0


def _holds(words: str, mark: str) -> bool:
    return mark in words if _CJK.search(mark) else f" {mark} " in f" {words} "


def _squeezed(words: str) -> str:
    return words.replace(" ", "")


def _digits(words: str) -> str:
    return re.sub(r"\D", "", words)


@functools.cache
def _dictionary() -> dict[str, Any]:
    # The plainest loader: "no" is a heading here, not a truth value.
    loaded: dict[str, Any] = yaml.load((FOLDER / "headings.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return loaded
