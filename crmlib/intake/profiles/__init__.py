"""Known layouts of exports: one YAML file per system, one entry per kind of file it gives."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError, model_validator

from crmlib.client import Client, yaml_content
from crmlib.contract import TABLES
from crmlib.intake.source import plain_heading
from crmlib.layout import Strict, TableSource, with_defaults
from crmlib.problems import Problem, UnusableInput, nearest

FOLDER = Path(__file__).parent


class ProfileObject(Strict):
    """One kind of file of a system: how it is recognised, and the contract tables that come out of it."""

    about: str
    certain: bool = True
    unsure: str = ""
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
        for name, source in self.tables.items():
            if name not in TABLES:
                raise ValueError(f"no contract table {name}")
            opened = TABLES[name].open_columns
            for column in (*source.columns, *source.values, *source.one_row_per, *source.adds_up):
                if column not in TABLES[name].names and not (opened and column.startswith(opened)):
                    raise ValueError(f"no contract column {name}.{column}")
        if not self.certain and not self.unsure:
            raise ValueError("what is not certain must be said under unsure")
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


@functools.cache
def load_profiles(folder: Path = FOLDER) -> dict[str, Profile]:
    """All profiles by file name.

    Raises:
        UnusableInput: a profile's YAML is wrong.

    >>> "orders" in load_profiles()["shopify"].objects
    True
    """
    loaded, problems = {}, []
    for file in sorted(folder.glob("*.yaml")):
        try:
            loaded[file.stem] = Profile.model_validate(yaml_content(file.read_text(encoding="utf-8")))
        except yaml.YAMLError as error:
            problems.append(Problem(file.name, found=str(error).replace("\n", " "), expected="YAML"))
        except ValidationError as errors:
            for wrong in errors.errors():
                place = ".".join(str(part) for part in wrong["loc"])
                problems.append(Problem(file.name, place, wrong["msg"], "a profile"))
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
        for source in sources:
            wrong = list(_unknown_profile(client, table, source))
            problems += wrong
            part = find_profile(source.profile) if source.profile and not wrong else None
            resolved[table].append(with_defaults(source, part.tables[table]) if part else source)
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
    if part is None:
        remedy = nearest(source.profile, profile_names())
        yield Problem(client.path.name, place, f"the unknown profile {source.profile!r}", "system/object", remedy)
    elif table not in part.tables:
        expected = f"a profile that gives {table}"
        remedy = f"{source.profile} gives {', '.join(part.tables)}"
        yield Problem(client.path.name, place, f"{source.profile!r}, which does not give {table}", expected, remedy)
