"""JSON: one object per line, an array of objects, or an object that holds one list of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crmlib.engine import identifier
from crmlib.intake.readers.headings import MOST_COLUMNS
from crmlib.intake.source import ROW, Source
from crmlib.problems import Problem
from crmlib.words import Saying, Words

words = Words(__file__)
NOT_JSON = words.later("reasons.not_json_line")
LARGEST_WHOLE = 1 << 30
_LONGEST = 1 << 24
_BATCH = 50_000


def flattened(record: dict[str, Any], prefix: str = "") -> dict[str, str | None]:
    """An object as cells: nested keys joined with points, lists with ``;``, numbers as they are written.

    >>> flattened({"id": "7", "properties": {"amount": "2.50", "tags": ["a", "b"]}, "gone": None, "vip": True})
    {'id': '7', 'properties.amount': '2.50', 'properties.tags': 'a;b', 'gone': None, 'vip': 'true'}
    >>> flattened({"lines": [{"sku": "A", "pieces": 2}, {"sku": "B"}]})
    {'lines.sku': 'A;B', 'lines.pieces': '2;'}
    """
    cells: dict[str, str | None] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            cells |= flattened(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            cells |= _side_by_side(value, f"{prefix}{key}.")
        else:
            cells[_whole_characters(prefix + key)] = None if value is None or value == [] else _written(value)
    return cells


def _side_by_side(records: list[dict[str, Any]], prefix: str) -> dict[str, str | None]:
    """A list of objects as cells: of each key all values in their order, parted by ``;``."""
    parts = [flattened(record, prefix) for record in records]
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: ";".join(part.get(key) or "" for part in parts) for key in keys}


def _whole_characters(text: str) -> str:
    """A text that can be stored: half of a character that JSON escapes in two (``\\ud83d`` alone) becomes \ufffd."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _written(value: Any) -> str:
    if isinstance(value, str):
        return _whole_characters(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(v, dict | list) for v in value):
        return ";".join(_written(v) for v in value if v is not None)
    return json.dumps(value, ensure_ascii=False)


def open_json(connection: Any, text: Path, *, shown_as: str, table: str, notes: tuple[Saying, ...]) -> Source | Problem:
    """Open JSON in UTF-8 as a table of text; rows are lines, or objects counted from 1."""
    broken: list[tuple[int, Saying]] = []
    found = _objects(text, shown_as, broken)
    if isinstance(found, Problem):
        return found
    records, how = found
    columns: dict[str, int] = {}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(table)} ({ROW} BIGINT)")
    batch: list[tuple[int, dict[str, str | None]]] = []
    for row, record in records:
        cells = flattened(record)
        for name in [name for name in cells if name not in columns]:
            if len(columns) == MOST_COLUMNS:
                return Problem.said(words, "many_keys", shown_as, row=row, most=MOST_COLUMNS)
            columns[name] = len(columns) + 1
            connection.execute(f"ALTER TABLE {identifier(table)} ADD COLUMN c{columns[name]} VARCHAR")
        batch.append((row, cells))
        if len(batch) == _BATCH:
            _store(connection, table, batch, columns)
    _store(connection, table, batch, columns)
    if not columns:
        return Problem.said(words, "no_record", shown_as)
    return Source(
        shown_as,
        f"SELECT {', '.join(f'c{n}' for n in columns.values())}, {ROW} FROM {identifier(table)}",
        dict.fromkeys(columns, "VARCHAR"),
        {name: f"c{n}" for name, n in columns.items()},
        broken=tuple(broken),
        notes=(*notes, how),
    )


def _objects(
    text: Path, shown_as: str, broken: list[tuple[int, Saying]]
) -> tuple[Iterator[tuple[int, dict[str, Any]]], Saying] | Problem:
    first, several = _first_lines(text)
    if several and isinstance(_parsed(first), dict):
        return _lines(text, broken), words.later("notes.json_lines")
    if text.stat().st_size > LARGEST_WHOLE:
        return Problem.said(words, "json_in_one_piece", shown_as)
    try:
        whole = json.loads(text.read_text("utf-8-sig"), parse_float=str, parse_int=str)
    except (json.JSONDecodeError, RecursionError) as error:
        if several and first[:1] == "{":
            return _lines(text, broken), words.later("notes.json_lines")
        return Problem.said(words, "not_json", shown_as, row=getattr(error, "lineno", 1))
    return _listed(whole, shown_as)


def _listed(whole: Any, shown_as: str) -> tuple[Iterator[tuple[int, dict[str, Any]]], Saying] | Problem:
    said = words.later("notes.json_list")
    if isinstance(whole, dict):
        lists = {k: v for k, v in whole.items() if isinstance(v, list) and v and all(isinstance(o, dict) for o in v)}
        if len(lists) > 1:
            return Problem.said(words, "several_lists", shown_as, names=list(lists))
        if lists:
            name, whole = next(iter(lists.items()))
            said = words.later("notes.json_list_inside", name=name)
        else:
            whole, said = [whole], words.later("notes.json_one")
    if not isinstance(whole, list) or not all(isinstance(o, dict) for o in whole):
        return Problem.said(words, "no_list", shown_as)
    return enumerate(whole, 1), said


def _first_lines(text: Path) -> tuple[str, bool]:
    """The first line with something in it, and whether another one follows."""
    first = ""
    with text.open(encoding="utf-8-sig") as stream:
        while line := stream.readline(_LONGEST):
            if not line.strip():
                continue
            if first:
                return first, True
            first = line.strip()
    return first, False


def _parsed(line: str) -> Any:
    try:
        return json.loads(line, parse_float=str, parse_int=str)
    except (json.JSONDecodeError, RecursionError):
        return None


def _lines(text: Path, broken: list[tuple[int, Saying]]) -> Iterator[tuple[int, dict[str, Any]]]:
    with text.open(encoding="utf-8-sig") as stream:
        for row, line in enumerate(stream, 1):
            if not line.strip():
                continue
            record = _parsed(line)
            if isinstance(record, dict):
                yield row, record
            else:
                broken.append((row, NOT_JSON))


def _store(
    connection: Any, table: str, batch: list[tuple[int, dict[str, str | None]]], columns: dict[str, int]
) -> None:
    import pyarrow as pa

    if not batch:
        return
    arrays = {ROW: pa.array([row for row, _ in batch])}
    for name, number in columns.items():
        arrays[f"c{number}"] = pa.array([cells.get(name) for _, cells in batch], pa.string())
    connection.register("batch", pa.table(arrays))
    connection.execute(f"INSERT INTO {identifier(table)} BY NAME SELECT * FROM batch")
    connection.unregister("batch")
    batch.clear()
