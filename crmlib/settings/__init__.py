"""What a consultant writes in YAML, read into a model; all that is wrong in it is said at once, with line and column.

:func:`open_settings` reads the file, :meth:`SettingsFile.made` turns it into a model. A model says what pydantic cannot
know with :class:`Mistake` in its validators, in the words of its own room.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from crmlib.problems import Problem, UnusableInput, nearest
from crmlib.words import Words

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number that stands as a number in the YAML: neither text nor a truth value."""
Place = tuple[str, ...]
_Model = TypeVar("_Model", bound=BaseModel)
_WORDS = Words(__file__)


class Strict(BaseModel):
    """A part of a YAML file in which unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Mistake(ValueError):
    """Something in the settings that is wrong, in a room's words: ``problems.<key>``. Raised by validators of models.

    ``at``: where it is, below the part of the model that finds it. Places that every sentence may have: ``{key}``, the
    whole key, and ``{value}``, what was found there.
    """

    def __init__(self, words: Words, key: str, at: Iterable[Any] = (), /, **values: Any) -> None:
        self.words, self.key, self.values = words, key, values
        self.at = tuple(map(str, at))
        super().__init__(key)

    def below(self, *path: Any) -> Mistake:
        """The same, found below a part of the settings."""
        return Mistake(self.words, self.key, [*path, *self.at], **self.values)

    def __str__(self) -> str:
        problem = Problem.said(self.words, self.key, "", **{"key": ".".join(self.at), "value": "", **self.values})
        return str(problem)


class Mistakes(ValueError):
    """Several mistakes that one validator has found."""

    def __init__(self, several: Sequence[Mistake]) -> None:
        self.several = list(several)
        super().__init__("\n".join(map(str, several)))


@dataclass(frozen=True)
class SettingsFile:
    """A YAML file that was read: its name, its content, and the line and column of every key. Counted from 1."""

    name: str
    content: dict[str, Any]
    places: Mapping[Place, tuple[int, int]]

    def place(self, path: Iterable[Any]) -> str:
        """The line and column of a key, or of the nearest key above it, in words; empty where there is none.

        >>> SettingsFile("a.yaml", {}, {("tables",): (3, 1)}).place(["tables", "orders"])
        'line 3, column 1'
        """
        known = tuple(map(str, path))
        while known and known not in self.places:
            known = known[:-1]
        return _place(*self.places[known]) if known else ""

    def problem(self, mistake: Mistake) -> Problem:
        """A mistake as the problem of this file; words that do not say what was found name the key and its value."""
        path = self._path(mistake.at)
        values = {"key": ".".join(path), "value": _shown(self._value(path)), **mistake.values}
        problem = Problem.said(mistake.words, mistake.key, self.name, self.place(path), **values)
        found, remedy = _WORDS.say("wrong.found", values), _WORDS.say("wrong.remedy")
        return replace(problem, found=problem.found or found, remedy=problem.remedy or remedy)

    def made(
        self,
        model: type[_Model],
        *,
        content: Mapping[Any, Any] | None = None,
        also: Iterable[Problem] = (),
        context: Any = None,
        **more: Any,
    ) -> _Model:
        """The model that the file describes.

        Args:
            model: what it should become.
            content: instead of the file's own, such as the kit's content under a client's.
            also: what else is wrong with the file; said first.
            context: for the validators of the model.
            more: fields that do not stand in the file.

        Raises:
            UnusableInput: with every problem of the file.
        """
        problems = [*also, *(self._unknown((key,), keys_of(model)) for key in self.content if key in more)]
        given = {str(key): value for key, value in (self.content if content is None else content).items()}
        try:
            made = model.model_validate({**given, **more}, context=context, by_alias=True, by_name=False)
        except ValidationError as errors:
            for error in errors.errors(include_url=False):
                problems += self._in_words(model, error)
        if problems:
            # A value that may be of two kinds is refused by both: the first word on it is enough.
            raise UnusableInput(list({(one.place, one.found): one for one in reversed(problems)}.values())[::-1])
        return made

    def missing(self, path: Sequence[Any]) -> Problem:
        """A key that has to be there and is not."""
        return self.problem(Mistake(_WORDS, "missing", path, name=path[-1]))

    def _unknown(self, path: Place, known: Sequence[str]) -> Problem:
        key = "unknown_key.under" if len(path) > 1 else "unknown_key.top"
        values = {"name": path[-1], "under": ".".join(path[:-1]), "nearest": nearest(path[-1], known)}
        return self.problem(Mistake(_WORDS, key, path, **values))

    def _in_words(self, model: type[BaseModel], error: Any) -> Iterator[Problem]:
        path, kind, limits = self._path(error["loc"]), error["type"], error.get("ctx") or {}
        raised = limits.get("error")
        if isinstance(raised, Mistake | Mistakes):
            for one in raised.several if isinstance(raised, Mistakes) else [raised]:
                yield self.problem(one.below(*path))
        elif kind == "extra_forbidden":
            yield self._unknown(path, _keys_at(model, error["loc"][:-1]))
        elif kind == "missing":
            yield self.missing(path)
        else:
            wanted = _EXPECTED.get(kind, "otherwise")
            choices = re.findall(r"'([^']*)'", limits["expected"]) if wanted == "choice" else []
            remedy = nearest(str(error["input"]), choices) if choices else _WORDS.say("wrong.remedy")
            limit = next((value for value in limits.values() if isinstance(value, int | float)), 0)
            expected = _WORDS.say(f"expected.{wanted}", choices=choices, limit=limit)
            found = _WORDS.say("wrong.found", key=".".join(path), value=_shown(error["input"]))
            yield Problem(self.name, self.place(path), found, expected, remedy)

    def _path(self, loc: Iterable[Any]) -> Place:
        """Where pydantic's location stands in the YAML: a list that was written as its only part has no numbers, and
        the kinds that a value may be of are no keys."""
        path: Place = ()
        for part in loc:
            if (*path, str(part)) in self.places or not (str(part).isdigit() or part in _NO_KEYS):
                path = (*path, str(part))
        return path

    def _value(self, path: Place) -> Any:
        found: Any = self.content
        for part in path:
            if isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            elif isinstance(found, dict):
                found = next((value for key, value in found.items() if str(key) == part), None)
            else:
                return None
        return found


def open_settings(path: str | Path, *, name: str | None = None) -> SettingsFile:
    """Read a YAML file as this kit reads it: ``on`` and ``yes`` are words, and a day is the text that was written.

    ``name``: how problems call the file; by default as it was given.

    Raises:
        UnusableInput: there is no such file, it cannot be opened, it is neither UTF-8 nor YAML, it has no keys, or keys
            that stand twice beside each other.

    >>> open_settings("no/such/file.yaml")
    Traceback (most recent call last):
    crmlib.problems.UnusableInput: no/such/file.yaml: found no such file; expected a YAML file. To mend it: ...
    """
    name = name or str(path)

    def refuse(key: str, place: str = "", **values: Any) -> UnusableInput:
        return UnusableInput([Problem.said(_WORDS, key, name, place, **values)])

    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise refuse("no_file") from None
    except OSError as error:
        raise refuse("closed.folder" if isinstance(error, IsADirectoryError) else "closed.file") from None
    try:
        text = raw.decode("utf-8-sig")
        loader = _loader_of(text)
        if unbounded := _unbounded(text, loader):
            key, mark = unbounded
            raise refuse(key, _place(mark.line + 1, mark.column + 1), levels=_MOST_LEVELS, parts=_MOST_PARTS)
        nodes = yaml.compose(text, Loader=loader)
        repeated, places = list(_repeated(nodes)), dict(_places(nodes))
        content = yaml.load(text, Loader=loader)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", errors="replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise refuse("not_utf8", _place(line, column)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        tab = "'\\t'" in (getattr(error, "problem", None) or "")
        raise refuse("a_tab" if tab else "not_yaml", _place(mark.line + 1, mark.column + 1) if mark else "") from None
    if no_text := list(_no_text(nodes)):
        raise UnusableInput([Problem.said(_WORDS, "no_text", name, _place(*at), character=c) for c, at in no_text])
    if repeated:
        raise UnusableInput(
            [Problem.said(_WORDS, "repeated", name, _place(*at), key=key, line=line) for key, at, line in repeated]
        )
    if not isinstance(content, dict):
        raise refuse("no_keys")
    return SettingsFile(name, content, places)


def _unbounded(text: str, loader: Any) -> tuple[str, Any] | None:
    """What makes the content of a YAML too large to be walked, and where; None: it is not.

    The parts are counted as they would be written out: anchors within anchors make billions of them out of a few lines.
    """
    open_parts: list[tuple[str | None, int]] = []
    known: dict[str, int | None] = {}
    parts = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_parts.pop()
            if anchor:
                known[anchor] = parts - before
        elif isinstance(event, yaml.AliasEvent):
            size = known.get(str(event.anchor), 1)
            if size is None:
                return "in_itself", event.start_mark
            parts += size
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                open_parts.append((event.anchor, parts))
            if event.anchor:
                known[event.anchor] = None if isinstance(event, yaml.CollectionStartEvent) else 1
            parts += 1
        if len(open_parts) > _MOST_LEVELS:
            return "deep", event.start_mark
        if parts > _MOST_PARTS:
            return "many_parts", event.start_mark
    return None


_MOST_LEVELS = 50
_MOST_PARTS = 100_000


def _as_written(parser: Any) -> Any:
    """A loader for which only true and false are truth values, and a date stays the text that was written.

    >>> yaml.load("{on: yes, at: 2025-01-31}", Loader=_FastLoader)
    {'on': 'yes', 'at': '2025-01-31'}
    """

    class Loader(parser):  # type: ignore[misc]
        pass

    Loader.yaml_implicit_resolvers = {
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
    return Loader


_Loader = _as_written(yaml.SafeLoader)
_FastLoader = _as_written(getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _loader_of(text: str) -> Any:
    """What reads a YAML: the parser in C, ten times as fast, unless it finds a mistake, of which the other says more.

    It takes tabs where YAML forbids them, so text with tabs is not for it.
    """
    if "\t" in text:
        return _Loader
    try:
        for _ in yaml.parse(text, Loader=_FastLoader):
            pass
    except yaml.YAMLError:
        return _Loader
    return _FastLoader


def flow(value: Any) -> str:
    """A value as YAML in one line; text in quotes where it would be read as something else.

    >>> flow({"product": ["Quantity", "Price: net"]}), flow("no"), flow(["C*", "下单时间"])
    ('{product: [Quantity, "Price: net"]}', '"no"', '["C*", 下单时间]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    text = str(value)
    if (
        re.fullmatch(r"[A-Za-z㐀-鿿./][\w ./()-]*", text)
        and text.lower() not in _READ_OTHERWISE
        and yaml.safe_load(text) == text
    ):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in quoted)


_READ_OTHERWISE = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}


def _places(node: Any, at: Place = ()) -> Iterator[tuple[Place, tuple[int, int]]]:
    """The line and column of every key and of every part of a list, by its path."""
    parts: list[tuple[str, Any, Any]] = []
    if isinstance(node, yaml.MappingNode):
        parts = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        parts = [(str(number), value, value) for number, value in enumerate(node.value)]
    for name, marked, value in parts:
        yield (*at, name), (marked.start_mark.line + 1, marked.start_mark.column + 1)
        yield from _places(value, (*at, name))


def _repeated(node: Any) -> Iterator[tuple[str, tuple[int, int], int]]:
    """Keys that stand twice beside each other, of which YAML would silently keep the last; and the first one's line."""
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in first:
                yield str(key.value), (line, key.start_mark.column + 1), first[str(key.value)]
            first.setdefault(str(key.value), line)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value)


def _no_text(node: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    """Keys and values with a character that no export and no file name can hold, and where: NUL, half a character."""
    if isinstance(node, yaml.ScalarNode):
        strange = re.search("[\0\ud800-\udfff]", node.value)
        if strange:
            yield f"\\u{ord(strange.group()):04x}", (node.start_mark.line + 1, node.start_mark.column + 1)
    elif isinstance(node, yaml.CollectionNode):
        for part in node.value:
            for one in part if isinstance(part, tuple) else [part]:
                yield from _no_text(one)


def _place(line: int, column: int) -> str:
    return _WORDS.say("place", line=line, column=column)


def _shown(value: Any) -> str:
    """A value as it may be written in YAML, on one line."""
    if value is None:
        return _WORDS.say("nothing")
    said = f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return said if len(said) <= 80 else f"{said[:79]}…"


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a part of a YAML file may have.

    >>> keys_of(Strict)
    []
    """
    return [field.alias or name for name, field in model.model_fields.items() if not field.exclude]


def _keys_at(model: type[BaseModel], loc: Iterable[Any]) -> list[str]:
    """The keys that are known at a place of the model."""
    kind: Any = model
    for part in loc:
        kind = _inside(kind)
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            fields = kind.model_fields
            field = fields.get(part) or next((f for f in fields.values() if f.alias == part), None)
            kind = field.annotation if field else None
        else:
            kind = next(iter(get_args(kind)[-1:]), None)
    kind = _inside(kind)
    return keys_of(kind) if inspect.isclass(kind) and issubclass(kind, BaseModel) else []


def _inside(kind: Any) -> Any:
    """A kind without what only wraps it: ``X | None``, ``Annotated[X, …]``, a model that is a mapping."""
    while True:
        if get_origin(kind) in (Union, types.UnionType):
            kind = next((one for one in get_args(kind) if one is not type(None)), None)
        elif get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif inspect.isclass(kind) and issubclass(kind, RootModel):
            kind = kind.model_fields["root"].annotation
        else:
            return kind


_NO_KEYS = ("[key]", "str", "int", "float", "bool")

_EXPECTED = {
    **dict.fromkeys(("float_parsing", "float_type", "finite_number"), "number"),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "whole"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "truth"),
    **dict.fromkeys(("string_type", "string_too_short"), "text"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "keys"),
    **dict.fromkeys(("list_type", "tuple_type"), "several"),
    **dict.fromkeys(("date_from_datetime_parsing", "date_parsing", "date_from_datetime_inexact", "date_type"), "day"),
    "literal_error": "choice",
    "too_short": "at_least_one",
    "string_too_long": "characters",
    "greater_than": "more_than",
    "greater_than_equal": "not_less",
    "less_than": "less_than",
    "less_than_equal": "not_more",
}
"""Which words say what pydantic expects."""
