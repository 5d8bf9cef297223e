"""Words as data: every sentence, title, label and name that anybody reads stands in a ``words.yaml``.

A room (a chapter, intake, the command line) has one ``words.yaml``, English and Chinese side by side::

    findings:
      driver:
        sentence:
          en: "{driver:name.drivers} moves the score most: {importance:percent} of what the ratings explain."
          zh: "{driver:name.drivers}对得分影响最大：在各项评分的解释力中占{importance:percent}。"

Code chooses *which* sentence; it never composes one. A place says its kind: ``{n:count}``, ``{share:percent}``,
``{share:percent.1}`` (one decimal), ``{revenue:money}``, ``{gain:number.1}``, ``{at:day}``, ``{at:month}``,
``{at:quarter}``, ``{at:year}``, ``{ratio:times}``, ``{stores:list}`` (of worded parts),
``{tables:either}`` (of which one is enough), ``{notes:sentences}`` (of whole ones), ``{name:text}`` (as it is),
``{tier:name.tiers}`` (a code, named under ``names: tiers:``). English knows one
and many: ``{n:count|customer|customers}``, and without the number ``{n:plural|has|have}``.

Sections with a meaning of their own: ``columns`` (headings, each with the ``unit`` of its cells), ``names`` (codes in
words), ``findings``, ``figures``, ``tables``, ``problems``, ``glossary``. Columns and names that a room does not have
are looked up in the shared ``words.yaml`` of this package.
"""

from __future__ import annotations

import datetime as dt
import functools
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib import calendar
from crmlib.words.forms import (
    FORMS,
    LANGUAGES,
    MINUS,
    UNKNOWN,
    Voice,
    agreeing,
    day,
    digits_apart,
    gain,
    interval,
    joined,
    known,
    listed,
    money,
    month,
    number,
    percent,
    quarter,
    short,
    sums,
    times,
    use,
    voice,
    year,
)
from crmlib.words.quoting import invisible, quotation

__all__ = [
    "LANGUAGES", "MINUS", "SHARED", "UNKNOWN", "Saying", "Voice", "Words", "agreeing", "day", "digits_apart", "gain",
    "interval",
    "invisible", "is_numeric", "joined", "known", "last_span", "listed", "money", "month", "number", "percent", "place",
    "quarter", "quotation", "short", "sums", "times", "use", "values_of", "voice", "year",
]  # fmt: skip

_PACKAGE = Path(__file__).parent.parent
_LONGEST_CELL = 200  # characters: a name of ten thousand would leave no room for the page


class Words:
    """The words of one room.

    >>> words = Words(__file__)
    >>> words.say("units.customers", n=1), words.say("units.customers", n=1200)
    ('1 customer', '1,200 customers')
    """

    def __init__(self, beside: str | Path, name: str = "words.yaml") -> None:
        """``beside``: a file of the room, usually ``__file__``; its folder holds the ``words.yaml``."""
        self.path = Path(beside).resolve().with_name(name)

    @property
    def room(self) -> str:
        """The room's place in the package: ``lifecycle/nps``."""
        return self.path.parent.relative_to(_PACKAGE).as_posix()

    @property
    def tree(self) -> Mapping[str, Any]:
        """All of the room's words, as they stand in the file."""
        return _tree(self.path)

    def has(self, key: str) -> bool:
        """Whether there are words under a key, ``findings.driver.sentence``."""
        return _at(self.tree, key) is not None

    def say(self, key: str, values: Any = None, /, **more: Any) -> str:
        """The words under ``key`` with their places filled in.

        Args:
            key: where they stand, ``findings.driver.sentence``.
            values: a row or a mapping that brings values by name; what stands in no place is ignored.
            more: further values, which win.

        Raises:
            KeyError: there are no such words, or a place has no value.
        """
        pair = _at(self.tree, key)
        if not isinstance(pair, Mapping) or voice().language not in pair:
            raise KeyError(f"no words {key!r} in {self.path.parent.name}/{self.path.name}")
        given = values_of(values, more)
        try:
            return _Speaker(self).vformat(str(pair[voice().language]), (), given)
        except KeyError as missing:
            raise KeyError(f"the words {key!r} have the place {missing}, which got no value") from None

    def later(self, key: str, **values: Any) -> Saying:
        """The same words, to be said later in whatever language is then in use, and kept as data until then."""
        return Saying(self.room, key, values)

    def name(self, group: str, code: Any) -> str:
        """A code in words, from ``names``; a code without words is shown as it is, harmless.

        >>> Words(__file__).name("answers", "yes")
        'yes'
        """
        if not known(code):
            return UNKNOWN
        for words in (self, SHARED):
            if _at(words.tree, f"names.{group}", code) is not None:
                return words._pair_said(_at(words.tree, f"names.{group}", code))
        return quotation(code, length=40)

    def names(self, group: str) -> list[str]:
        """The codes that ``names`` knows in a group, in the order in which they stand."""
        return [*(_at(self.tree, f"names.{group}") or _at(SHARED.tree, f"names.{group}") or {})]

    def heading(self, column: str, values: Any = None) -> str:
        """The heading of a column, with its places filled in; a ``period`` that is not told is a whole year.

        Raises:
            KeyError: the column is in no ``words.yaml``; a raw name is never shown.

        >>> Words(__file__).heading("customer_id")
        'Customer'
        """
        given = {"period": last_span(None), **values_of(values, {})}
        return _Speaker(self).vformat(self._pair_said(self._column(column)), (), given)

    def cell(self, column: str, value: Any) -> str:
        """A cell of a table as a reader sees it, by the unit of its column.

        Units are the kinds of places, ``money``, ``percent.1``, ``name.tiers``. Without one, whole numbers, fractions,
        days and text are told apart by their type. Text that is too long for a cell is cut with an ellipsis.

        >>> Words(__file__).cell("share", 0.25), Words(__file__).cell("customer_id", "C-1")
        ('25%', 'C-1')
        """
        if not isinstance(value, list | tuple) and _missing(value):
            return UNKNOWN
        unit = str(self._column(column).get("unit") or _unit_of(value))
        if isinstance(value, str) and not unit.startswith("name."):
            return value if len(value) <= _LONGEST_CELL else value[: _LONGEST_CELL - 1].rstrip() + "…"
        return _Speaker(self).format_field(value, unit)

    def unit(self, column: str) -> str:
        """The unit that the words give the cells of a column, ``percent.1``; empty where they give none."""
        return str(self._column(column).get("unit") or "")

    def is_number(self, column: str) -> bool:
        """Whether the cells of a column are numbers, and stand to the right."""
        return is_numeric(self.unit(column))

    def glossary(self) -> list[tuple[str, str]]:
        """The room's terms and what they mean."""
        terms = self.tree.get("glossary") or {}
        return [(self._pair_said(about["term"]), self._pair_said(about["meaning"])) for about in terms.values()]

    def _column(self, column: str) -> Mapping[str, Any]:
        found = _at(self.tree, "columns", column) or _at(SHARED.tree, "columns", column)
        if found is None:
            raise KeyError(f"the column {column!r} has no heading in {self.room}/{self.path.name}")
        return found

    def _pair_said(self, pair: Mapping[str, Any]) -> str:
        return str(pair[voice().language])


@dataclass(frozen=True)
class Saying:
    """Words chosen now and said later: the room, the key and the values.

    >>> saying = Words(__file__).later("units.customers", n=3)
    >>> str(saying), str(Saying.from_dict(saying.as_dict()))
    ('3 customers', '3 customers')
    """

    room: str
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return Words(_PACKAGE / self.room / "words.yaml").say(self.key, {k: _said(v) for k, v in self.values.items()})

    def __hash__(self) -> int:
        return hash((self.room, self.key, repr(self.values)))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; days become text, and come back from it as days."""
        return {"room": self.room, "key": self.key, "values": {k: _kept(v) for k, v in self.values.items()}}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Saying:
        """What :meth:`as_dict` has kept."""
        return cls(kept["room"], kept["key"], {k: _restored(v) for k, v in kept["values"].items()})


def _said(value: Any) -> Any:
    if isinstance(value, Saying):
        return str(value)
    return [_said(part) for part in value] if isinstance(value, list | tuple) else value


def _kept(value: Any) -> Any:
    if isinstance(value, Saying):
        return value.as_dict()
    if isinstance(value, list | tuple):
        return [_kept(part) for part in value]
    if isinstance(value, dt.date):
        return {"day": value.isoformat()}
    return value.item() if hasattr(value, "item") else value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(part) for part in value]
    if isinstance(value, Mapping):
        return dt.date.fromisoformat(value["day"][:10]) if "day" in value else Saying.from_dict(value)
    return value


class _Speaker(string.Formatter):
    """Fills places by their kind."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """The value of a place; what customers bring is called by what is known of it."""
        return voice().kept if key == "kept" and key not in kwargs else super().get_value(key, args, kwargs)

    def format_field(self, value: Any, spec: str) -> str:
        kind, *nouns = spec.split("|")
        form, _, detail = kind.partition(".")
        if form in ("count", "plural"):
            return _counted(value, form, nouns)
        if form == "name":
            return self._words.name(detail, value)
        if form not in FORMS:
            raise ValueError(
                f"the place {spec!r} has no kind such as percent or money ({self._words.path.parent.name})"
            )
        if isinstance(value, str):
            return value  # worded already
        return FORMS[form](value, digits=int(detail)) if detail else FORMS[form](value)


def _counted(value: Any, form: str, nouns: list[str]) -> str:
    noun = nouns[0 if known(value) and value == 1 else -1] if nouns else ""
    if form == "plural":
        return noun
    return f"{number(value)} {noun}".strip()


def values_of(values: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """What fills the places of a sentence: a row or a mapping (or None), and further values, which win.

    >>> values_of({"n": 1}, {"n": 2, "share": 0.5})
    {'n': 2, 'share': 0.5}
    """
    given = values._asdict() if hasattr(values, "_asdict") else dict(values if values is not None else {})
    return {**{str(name): value for name, value in given.items()}, **more}


def _missing(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and (str(value) in ("NaT", "<NA>") or not known(value)))


def _unit_of(value: Any) -> str:
    import numpy as np

    if isinstance(value, bool | np.bool_):
        return "name.answers"
    if isinstance(value, int | np.integer):
        return "number"
    if isinstance(value, float | np.floating):
        return "number.2"
    return "day" if isinstance(value, dt.date) else "text"


@functools.cache
def _tree(path: Path) -> Mapping[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_plain(loader)) or {}


@functools.cache
def _plain(loader: Any) -> Any:
    """The loader with every plain word a text: ``no`` and ``on`` are codes here, and no truth values."""

    class Plain(loader):  # type: ignore[misc]
        pass

    Plain.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
        for first, resolvers in loader.yaml_implicit_resolvers.items()
    }
    return Plain


def _at(tree: Any, key: str, *codes: Any) -> Any:
    for part in [*key.split("."), *map(str, codes)]:
        if not isinstance(tree, Mapping) or part not in tree:
            return None
        tree = tree[part]
    return tree


def is_numeric(unit: str) -> bool:
    """Whether cells of a unit (``percent.1``, ``name.tiers``) are numbers."""
    return unit.partition(".")[0] in ("number", "percent", "money", "short", "gain", "times", "count")


def place(value: Any, kind: str) -> str:
    """A value as a place of that kind shows it: ``count``, ``percent.1``, ``money``, ``name.segments``.

    >>> place(0.1234, "percent.1"), place(1200, "count")
    ('12.3%', '1,200')
    """
    return _Speaker(SHARED).format_field(value, kind)


def all_words() -> Iterator[Words]:
    """Every room's words, for the tests that hold both languages complete."""
    for path in sorted(_PACKAGE.rglob("words.yaml")):
        yield Words(path)


SHARED = Words(__file__)
"""Columns and names that several rooms use."""


def last_span(history_days: int | None) -> str:
    """What "the last twelve months" truly are where the orders cover only ``history_days`` days.

    >>> last_span(400), last_span(213), last_span(84), last_span(9)
    ('last twelve months', 'last 7 months', 'last 12 weeks', 'last 9 days')
    """
    unit, count = calendar.last_span(history_days)
    return SHARED.say("spans.year" if (unit, count) == ("months", 12) else f"spans.{unit}", n=count)
