"""Measures that began in some shops before others: what a client says of them, in YAML."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from crmlib.settings import Mistake, Strict, open_settings
from crmlib.words import Words, voice

_WORDS = Words(__file__)


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

    @field_validator("stores")
    @classmethod
    def _some_begun(cls, stores: dict[str, dt.date | None]) -> dict[str, dt.date | None]:
        if not any(stores.values()):
            raise Mistake(_WORDS, "none_begun")
        return stores

    @property
    def said(self) -> str:
        """What the measure is called in the language in use, else in another, else its name."""
        return self.label.get(voice().language) or next(iter(self.label.values()), self.name.replace("_", " "))


class _Rollouts(Strict):
    measures: dict[str, Rollout]


def read_rollouts(path: str | Path | None = None, *, is_named: bool = False) -> list[Rollout]:
    """The measures of a client's own YAML file, in its order; none without a file.

    ``is_named``: the client names the file, so that it must be there; else none are known where it is not.

    Raises:
        UnusableInput: with every problem of the file at once.

    >>> read_rollouts()
    []
    """
    if path is None or not (is_named or Path(path).is_file()):
        return []
    file = open_settings(path)
    made = file.made(_Rollouts)
    return [one.model_copy(update={"name": name}) for name, one in made.measures.items()]
