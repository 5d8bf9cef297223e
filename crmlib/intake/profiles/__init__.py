"""Known layouts of exports: one YAML file per system, one entry per kind of file it gives."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import model_validator

from crmlib.client import Client
from crmlib.contract import TABLES
from crmlib.intake.source import plain_heading
from crmlib.mapping import TableSource, at_odds, unknown_columns, with_defaults
from crmlib.problems import Problem, UnusableInput, nearest
from crmlib.settings import Mistake, Mistakes, Strict, open_settings
from crmlib.words import Saying, Words

FOLDER = Path(__file__).parent
_WORDS = Words(__file__)


class ProfileObject(Strict):
    """One kind of file of a system: how it is recognised, and the contract tables that come out of it.

    ``certain``: whether its headings were seen; what to confirm where they were not is said by :func:`to_confirm`.
    """

    about: str
    certain: bool = True
    recognise: list[str | list[str]]
    every_table: dict[str, Any] = {}
    tables: dict[str, TableSource]

    @model_validator(mode="before")
    @classmethod
    def _shared_keys(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("tables"), dict):
            return value
        shared = value.get("every_table") or {}
        return {**value, "tables": {name: {**shared, **(own or {})} for name, own in value["tables"].items()}}

    @model_validator(mode="after")
    def _known_names(self) -> ProfileObject:
        found = []
        for name, source in self.tables.items():
            if name not in TABLES:
                near = nearest(name, list(TABLES))
                found.append(Mistake(_WORDS, "unknown_table", ["tables", name], name=name, nearest=near))
                continue
            found += [one.below("tables", name) for one in unknown_columns(TABLES[name], dict(source))]
        if found:
            raise Mistakes(found)
        return self


class Profile(Strict):
    """One system with the kinds of files that it gives."""

    system: str
    names: list[str] = []
    about: str
    objects: dict[str, ProfileObject]


@dataclass(frozen=True)
class Recognised:
    """A profile that fits a file: its name (``shopify/orders``), and the share of its headings that are there."""

    name: str
    system: str
    part: ProfileObject
    share: float

    @property
    def unsure(self) -> str:
        """What a person has to confirm; empty where all is certain."""
        return str(to_confirm(self.name) or "")


@functools.cache
def load_profiles(folder: Path = FOLDER) -> dict[str, Profile]:
    """All profiles by file name.

    Raises:
        UnusableInput: a profile's YAML is wrong.

    >>> "orders" in load_profiles()["shopify"].objects
    True
    """
    loaded: dict[str, Profile] = {}
    problems: list[Problem] = []
    for file in sorted(set(folder.glob("*.yaml")) - {_WORDS.path}):
        try:
            loaded[file.stem] = open_settings(file, name=file.name).made(Profile)
        except UnusableInput as unusable:
            problems += unusable.problems
    if problems:
        raise UnusableInput(problems)
    return loaded


def profile_names() -> list[str]:
    """All that may stand under ``profile:``, ``system/object``."""
    return [f"{system}/{part}" for system, profile in load_profiles().items() for part in profile.objects]


def find_profile(name: str) -> ProfileObject | None:
    """The object that ``system/object`` names, if there is one."""
    system, _, part = name.partition("/")
    profile = load_profiles().get(system)
    return profile.objects.get(part) if profile else None


def to_confirm(name: str) -> Saying | None:
    """What is not certain about the profile ``system/object``; None where all is.

    >>> str(to_confirm("zoho/sales_order_lines"))
    'Confirm that the total of a line is after its discount and before tax.'
    """
    key = f"names.unsure.{name}"
    return _WORDS.later(key) if _WORDS.has(key) else None


def recognise(headings: Sequence[str]) -> list[Recognised]:
    """The profiles whose headings are all there, the one that knows most of the headings first.

    >>> recognise(["a", "b"])
    []
    """
    there = {plain_heading(heading) for heading in headings}
    found = []
    for system, profile in load_profiles().items():
        for name, part in profile.objects.items():
            wanted = [[one] if isinstance(one, str) else one for one in part.recognise]
            if all(any(_among(choice, there) for choice in choices) for choices in wanted):
                known = {plain_heading(h) for t in part.tables.values() for f in t.columns.values() for h in f.headings}
                known |= {plain_heading(choice) for choices in wanted for choice in choices}
                fitting = [heading for heading in there if any(fnmatchcase(heading, pattern) for pattern in known)]
                found.append(Recognised(f"{system}/{name}", profile.system, part, len(fitting) / len(there)))
    return sorted(found, key=lambda one: (-one.share, one.name))


def _among(wanted: str, there: set[str]) -> bool:
    plain = plain_heading(wanted)
    return plain in there or ("*" in plain and any(fnmatchcase(heading, plain) for heading in there))


def resolved_tables(client: Client) -> tuple[dict[str, list[TableSource]], list[Problem]]:
    """The client's sources over the profiles that they name, and the names that no profile has."""
    resolved: dict[str, list[TableSource]] = {}
    problems: list[Problem] = []
    for table, sources in client.tables.items():
        resolved[table] = []
        for number, source in enumerate(sources):
            wrong = list(_unknown_profile(client, table, source))
            problems += wrong
            part = find_profile(source.profile) if source.profile and not wrong else None
            merged = with_defaults(source, part.tables[table]) if part else source
            if part:
                odds = at_odds(merged, given=source.model_fields_set, merged=True)
                problems += client.problems_of(table, number, odds)
            resolved[table].append(merged)
    return resolved, problems


def customer_headings(client: Client) -> set[str]:
    """The headings under which the customer's id stands in any of the client's sources, profiles included."""
    resolved, _ = resolved_tables(client)
    fillings = (source.columns.get("customer_id") for sources in resolved.values() for source in sources)
    return {heading for filling in fillings if filling for heading in filling.headings}


def _unknown_profile(client: Client, table: str, source: TableSource) -> Iterator[Problem]:
    if source.profile is None:
        return
    place, part = f"tables.{table}.profile", find_profile(source.profile)
    values: dict[str, Any] = {"name": source.profile, "table": table}
    if part is None:
        values["nearest"] = nearest(source.profile, profile_names())
        yield Problem.said(_WORDS, "unknown_profile", client.path.name, place, **values)
    elif table not in part.tables:
        yield Problem.said(_WORDS, "other_table", client.path.name, place, tables=list(part.tables), **values)
