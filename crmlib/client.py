"""The client's configuration: everything that a consultant changes, in one YAML file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crmlib.contract import TABLES, Table
from crmlib.layout import Cancellations, Filling, Join, Strict, TableSource
from crmlib.problems import Problem, UnusableInput, nearest


class Merging(Strict):
    """Which customers are one person: reviewed ``rules`` (``same_email``, ``same_phone`` …) and a reviewed ``list``.

    The list is a CSV with ``customer_id, merge_into, decision``; taking rule or row out undoes the merge.
    ``probable``: pairs that are probably one person are proposed for the list too (the extra ``matching``).
    """

    probable: bool = False
    rules: list[str] = []
    listed: str | None = Field(default=None, alias="list")


class Client(BaseModel):
    """One client: name, money, time, sources, targets. Made by :func:`load_client`.

    Rates are between 0 and 1 (``margin``, ``discount_rate`` a year, ``max_set_aside`` share of a table's rows).
    ``parameters`` overrides the parameters of single chapters: ``{03_segmentation: {scores: 4}}``. ``customer_ids``:
    tables carry keyed ``pseudonyms``, or the ids as they are (synthetic and published data only). A table may have
    several sources, each read by its own rules.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    language: Literal["en", "zh"] = "en"
    currency: str
    timezone: str
    as_of: dt.date | None = None
    margin: float = Field(default=1.0, gt=0, le=1)
    discount_rate: float = Field(default=0.10, ge=0, lt=1)
    engine: Literal["duckdb"] = "duckdb"
    tables: dict[str, list[TableSource]] = Field(min_length=1)
    customer_ids: Literal["pseudonyms", "as they are"] = "pseudonyms"
    merge: Merging = Merging()
    targets: dict[str, float] = {}
    parameters: dict[str, dict[str, Any]] = {}
    max_set_aside: float = Field(default=0.2, ge=0, le=1)
    path: Path = Field(exclude=True)

    @property
    def folder(self) -> Path:
        """The folder that paths in the YAML are relative to."""
        return self.path.parent

    @field_validator("tables", mode="before")
    @classmethod
    def _several_sources(cls, tables: Any) -> Any:
        if not isinstance(tables, dict):
            return tables
        return {name: source if isinstance(source, list) else [source] for name, source in tables.items()}

    @field_validator("currency")
    @classmethod
    def _currency_exists(cls, code: str) -> str:
        from babel.numbers import is_currency

        if not is_currency(code):
            raise ValueError("an ISO 4217 code such as CNY, USD or EUR")
        return code

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        from zoneinfo import available_timezones

        if (
            zone not in available_timezones()
            or zone.startswith(("posix", "right/"))
            or zone in ("localtime", "Factory")
        ):
            raise ValueError("an IANA time zone such as Asia/Shanghai, Europe/Berlin or UTC")
        return zone

    @field_validator("as_of", mode="before")
    @classmethod
    def _day(cls, day: Any) -> Any:
        if day is not None and not isinstance(day, str | dt.date):
            raise ValueError("a date such as 2025-12-31")
        return day


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are truth values, and a date stays the text that was written."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def yaml_content(text: str) -> Any:
    """YAML as this kit reads it: ``on`` and ``yes`` are words, a date is text.

    >>> yaml_content("{on: yes, at: 2025-01-31}")
    {'on': 'yes', 'at': '2025-01-31'}
    """
    return yaml.load(text, Loader=_Loader)


def load_client(path: str | Path) -> Client:
    """Read and check a ``client.yaml``.

    Raises:
        UnusableInput: with every problem of the file at once: unknown keys (with the nearest known one), tables and
            columns that the contract does not have, values of the wrong type, currencies and zones that do not exist.

    >>> load_client("no/such/client.yaml")
    Traceback (most recent call last):
    crmlib.problems.UnusableInput: no/such/client.yaml: found no such file; expected the client's configuration...
    """
    path = Path(path)
    name = str(path)
    if path.is_dir():
        path = path / "client.yaml"
    if not path.is_file():
        raise UnusableInput(
            [
                Problem(
                    name,
                    found="no such file",
                    expected="the client's configuration",
                    remedy="give the path of a client.yaml (data/aurora/client.yaml is an example)",
                )
            ]
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        nodes = yaml.compose(text, Loader=_Loader)
        repeated = list(_repeated(nodes, name))
        if repeated:
            raise UnusableInput(repeated)
        content = yaml_content(text)
    except OSError as error:
        found, remedy = str(error.strerror).lower(), "let the file be read, or name another"
        raise UnusableInput([Problem(name, found=found, expected="a file", remedy=remedy)]) from None
    except RecursionError:
        found, remedy = "an anchor that contains itself", "write the keys out"
        raise UnusableInput([Problem(name, found=found, expected="plain keys", remedy=remedy)]) from None
    except UnicodeDecodeError as error:
        raise UnusableInput(
            [
                Problem(
                    name,
                    f"byte {error.start}",
                    "a character that is not UTF-8",
                    "UTF-8 text",
                    "save the file as UTF-8",
                )
            ]
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "text that is not YAML"
        raise UnusableInput(
            [Problem(name, place, reason, "YAML", "check indentation, colons and quotes around that line")]
        ) from None
    if not isinstance(content, dict):
        raise UnusableInput(
            [
                Problem(
                    name,
                    found="no keys",
                    expected="keys such as name, currency, timezone, tables",
                    remedy="see data/aurora/client.yaml",
                )
            ]
        )
    lines = dict(_lines(nodes))
    problems = list(_unknown_names(content, lines, name))
    try:
        client = Client(**{str(k): v for k, v in content.items()}, path=path.resolve())
    except ValidationError as errors:
        seen = {(problem.place, problem.found) for problem in problems}
        for wrong in errors.errors():
            if wrong["type"] == "extra_forbidden" and _said_already(wrong["loc"]):
                continue
            problem = _in_words(wrong, lines, name)
            if (problem.place, problem.found) not in seen:
                problems.append(problem)
        raise UnusableInput(problems) from None
    if problems:
        raise UnusableInput(problems)
    return client


def _lines(node: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """The line of every key, by its path."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _lines(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*at, str(number)), value.start_mark.line + 1
            yield from _lines(value, (*at, str(number)))


def _repeated(node: Any, file: str) -> Iterator[Problem]:
    """Keys that stand twice beside each other: YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in first:
                found = f"the key {key.value!r} again (first in line {first[str(key.value)]})"
                yield Problem(file, f"line {line}", found, "each key once", "join the two, or take one out")
            first.setdefault(str(key.value), line)
            yield from _repeated(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value, file)


def _place(lines: Mapping[tuple[str, ...], int], path: tuple[str, ...]) -> str:
    while path and path not in lines:
        path = path[:-1]
    return f"line {lines[path]}" if path else ""


_SOURCE_KEYS = [field.alias or key for key, field in TableSource.model_fields.items()]


def _unknown_names(content: dict[str, Any], lines: Mapping[tuple[str, ...], int], file: str) -> Iterator[Problem]:
    def unknown(path: tuple[str, ...], what: str, known: Sequence[str]) -> Problem:
        return Problem(file, _place(lines, path), f"{what} {path[-1]!r}", "a known name", nearest(path[-1], known))

    keys = [field.alias or key for key, field in Client.model_fields.items() if key != "path"]
    for key in content:
        if str(key) not in keys:
            yield unknown((str(key),), "the unknown key", keys)
    tables = content.get("tables")
    for name, source in tables.items() if isinstance(tables, dict) else ():
        if name not in TABLES:
            yield unknown(("tables", str(name)), "the unknown table", list(TABLES))
            continue
        if source == []:
            yield Problem(file, _place(lines, ("tables", name)), f"no source of {name}", "one or several", "add from:")
        for number, one in enumerate(source if isinstance(source, list) else [source]):
            here = ("tables", name, str(number)) if isinstance(source, list) else ("tables", name)
            yield from _unknown_in_source(one, here, TABLES[name], unknown, lines, file)


def _unknown_in_source(
    source: Any,
    here: tuple[str, ...],
    table: Table,
    unknown: Any,
    lines: Mapping[tuple[str, ...], int],
    file: str,
) -> Iterator[Problem]:
    if not isinstance(source, dict):
        return
    if not {"from", "query"} & source.keys():
        yield Problem(file, _place(lines, here), f"no {'.'.join(here)}.from", "this key", "add from:")
    for key in source:
        if str(key) not in _SOURCE_KEYS:
            yield unknown((*here, str(key)), "the unknown key", _SOURCE_KEYS)
    opened = table.open_columns
    for section in ("columns", "values"):
        named = source.get(section)
        for column in named if isinstance(named, dict) else ():
            if column not in table.names and not (opened and str(column).startswith(opened)):
                yield unknown((*here, section, str(column)), "the unknown column", table.names)
    for section in ("one_row_per", "adds_up"):
        listed = source.get(section) or []
        for column in [listed] if isinstance(listed, str) else listed:
            if column not in table.names:
                yield unknown((*here, section, str(column)), "the unknown column", table.names)


_INNER: dict[str, type[BaseModel]] = {
    "columns": Filling,
    "joins": Join,
    "cancellations": Cancellations,
    "merge": Merging,
}
"""What may stand below a key of a table, or of the client."""


def _inner(loc: Sequence[Any]) -> type[BaseModel] | None:
    return next((_INNER[part] for part in loc[:-1] if part in _INNER), None)


def _said_already(loc: Sequence[Any]) -> bool:
    """Whether :func:`_unknown_names` names the unknown key: one of the client or of a table's source."""
    return _inner(loc) is None


_EXPECTED = {
    "missing": "this key",
    "date_from_datetime_parsing": "a date such as 2025-12-31",
    "date_parsing": "a date such as 2025-12-31",
    "date_from_datetime_inexact": "a date such as 2025-12-31",
    "date_type": "a date such as 2025-12-31",
    "float_parsing": "a number",
    "float_type": "a number",
    "string_type": "text",
    "dict_type": "keys with values below it",
    "too_short": "at least one",
    "list_type": "a list, such as [a, b]",
    "string_too_long": "one character",
    "model_type": "keys such as from: orders.csv",
    "model_attributes_type": "keys such as from: orders.csv",
}


def _in_words(error: Any, lines: Mapping[tuple[str, ...], int], file: str) -> Problem:
    path = tuple(str(part) for part in error["loc"])
    if path[:1] == ("tables",) and path[2:3] == ("0",) and path[:3] not in lines:
        path = path[:2] + path[3:]
    key = ".".join(path)
    inner = _inner(error["loc"])
    if error["type"] == "extra_forbidden" and inner:
        known = [field.alias or name for name, field in inner.model_fields.items()]
        found = f"the unknown key {path[-1]!r} under {'.'.join(path[:-1])}"
        return Problem(file, _place(lines, path), found, "a known name", nearest(path[-1], known))
    if path[-2:-1] == ("after",):
        expected = "two headings: of the time, and of how much later"
        return Problem(file, _place(lines, path), f"{'.'.join(path[:-1])} of another length", expected, "give both")
    if error["type"] == "missing":
        return Problem(file, _place(lines, path[:-1]), f"no {key}", "this key", f"add {path[-1]}:")
    if inner is Filling and error["type"].startswith("model_"):
        return Problem(
            file, _place(lines, path), f"{key}: {error['input']!r}", "a heading", "name the export's heading"
        )
    expected = _EXPECTED.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    expected = expected.removeprefix("Input should be ")
    return Problem(file, _place(lines, path), f"{key}: {error['input']!r}", expected, "correct the value")
