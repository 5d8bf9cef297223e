"""Measures that began in some shops before others: what a client says of them, in YAML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from crmlib.calendar import as_day
from crmlib.engine import to_ibis, to_pandas
from crmlib.lifecycle.growth.baskets import Item, item_kind
from crmlib.problems import nearest
from crmlib.settings import Mistake, Mistakes, Strict, open_settings
from crmlib.words import Words, voice

_WORDS = Words(__file__)
_MOST_NAMED = 12


@dataclass(frozen=True)
class _Known:
    """What the data know: shops, items (the most frequent first) and the last day."""

    stores: Sequence[str]
    items: Sequence[str]
    as_of: dt.date


class Rollout(Strict):
    """One measure: to which item the other is to be added, how that is counted, and since when in which shop.

    ``kind``: ``together`` (in the same order) or ``next`` (in the next order within ``within_days``); ``stores``: every
    shop that can be compared, with the day on which it began; empty: it has not.
    """

    name: str = ""
    label: dict[str, str] = {}
    item: str
    other: str
    kind: Literal["together", "next"] = "together"
    within_days: int = Field(default=120, gt=0)
    stores: dict[str, dt.date | None] = Field(min_length=1)

    @field_validator("label", mode="before")
    @classmethod
    def _of_all_languages(cls, label: object) -> object:
        return {"en": label} if isinstance(label, str) else label

    @field_validator("stores", mode="before")
    @classmethod
    def _named_by_text(cls, stores: object) -> object:
        return {str(store): day for store, day in stores.items()} if isinstance(stores, dict) else stores

    @field_validator("stores")
    @classmethod
    def _some_begun(cls, stores: dict[str, dt.date | None], info: ValidationInfo) -> dict[str, dt.date | None]:
        if not any(stores.values()):
            raise Mistake(_WORDS, "none_begun")
        if known := info.context:
            if not known.stores:
                raise Mistake(_WORDS, "no_stores")
            strange = [store for store in stores if store not in known.stores]
            late = [(store, day) for store, day in stores.items() if day is not None and day > known.as_of]
            wrong = [_unknown("store", name, sorted(known.stores)).below(name) for name in strange]
            wrong += [Mistake(_WORDS, "late", [store], day=day, as_of=known.as_of) for store, day in late]
            if wrong:
                raise Mistakes(wrong)
        return stores

    @field_validator("item", "other")
    @classmethod
    def _in_some_line(cls, item: str, info: ValidationInfo) -> str:
        if info.context and item not in info.context.items:
            raise _unknown("item", item, info.context.items)
        return item

    @model_validator(mode="after")
    def _of_two_items(self) -> Rollout:
        if self.item == self.other:
            raise Mistake(_WORDS, "same_item", ["other"])
        return self

    @property
    def said(self) -> str:
        """What the measure is called in the language in use, else in another, else its name."""
        return self.label.get(voice().language) or next(iter(self.label.values()), self.name.replace("_", " "))


class _Rollouts(Strict):
    measures: dict[str, Rollout]


def read_rollouts(
    path: str | Path | None = None,
    *,
    orders: Any = None,
    lines: Any = None,
    as_of: Any = None,
    item: Item | None = None,
    is_named: bool = False,
) -> list[Rollout]:
    """The measures of a client's own YAML file, in its order; none without a file.

    ``orders``, ``lines``, ``as_of``: the contract's tables and the last day, if the file is to be held against them;
    ``item``: what the lines are named by (by default :func:`~crmlib.lifecycle.growth.item_kind`). ``is_named``: the
    client names the file, so that it must be there; else none are known where it is not.

    Raises:
        UnusableInput: with every problem of the file at once: unknown keys, shops that no order and items that no line
            names, days after ``as_of``.

    >>> read_rollouts()
    []
    """
    if path is None or not (is_named or Path(path).is_file()):
        return []
    file = open_settings(path)
    known = None
    if orders is not None:
        kind = item or item_kind(lines)
        names = {"stores": (orders, "store"), "items": (lines, "category" if kind == "category" else "product_id")}
        known = _Known(**{key: _named(*where) for key, where in names.items()}, as_of=as_day(as_of))
    made = file.made(_Rollouts, context=known)
    return [one.model_copy(update={"name": name}) for name, one in made.measures.items()]


def _named(table: Any, column: str) -> list[str]:
    """The different values of a column, the most frequent first."""
    if column not in table.columns:
        return []
    table = to_ibis(table)
    names = table.select(name=table[column].cast("string").strip().nullif("")).filter(lambda t: t.name.notnull())
    counted = to_pandas(names.group_by("name").agg(n=names.count()))
    return counted.sort_values(["n", "name"], ascending=[False, True]).name.tolist()


def _unknown(kind: str, name: str, known: Sequence[str]) -> Mistake:
    shown = get_close_matches(name, known, n=1) or known[:_MOST_NAMED]
    return Mistake(_WORDS, kind, name=name, nearest=nearest(name, shown))
