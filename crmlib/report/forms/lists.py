"""The customers of a decision as a workbook: for the people who call them, beside the CSV for their systems."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import crmlib
from crmlib.report.forms.workbook import MOST_ROWS, Sheet, write_workbook
from crmlib.run import Run
from crmlib.words import Words, is_numeric

words = Words(__file__)

FIRST = ("customer_id", "arm", "reason", "value", "last_order", "contact")
"""The columns that stand first; what else a chapter tells of a customer, and has words for, follows."""


def write_lists(run: Run) -> list[Path]:
    """Write ``lists/NN_key.xlsx`` beside each published ``lists/NN_key.csv`` of a run; answers the files.

    Headings and codes are in the run's language. The CSV keeps code headings, because systems read it.
    """
    rooms = {chapter.file.name[:2]: chapter.file.name[3:] for chapter in run.chapters}
    made = []
    for file in sorted((run.folder / "lists").glob("*.csv")):
        if file.name[:2] not in rooms:
            continue
        target = file.with_suffix(".xlsx")
        write_workbook(target, sheets_of(file, _words_of(rooms[file.name[:2]]), run))
        made.append(target)
    return made


def sheets_of(file: Path, room: Words, run: Run) -> list[Sheet]:
    """The list in a CSV as sheets, a million customers on each, in the words of the chapter that has made it."""
    with file.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    names = {"customer_id": "pseudonym"} if run.client.customer_ids == "pseudonyms" else {}
    shown = [name for name in FIRST if name in head]
    shown += [name for name in head if name not in FIRST and _speaks(room, name)]
    headings, units, rooms = [], [], []
    for name in shown:
        spoken = words if name in FIRST[1:] or name in names else room
        rooms.append(spoken)
        # What the money of a list is, the chapter says that has made it.
        titled = (room, "listed_value") if name == "value" and _speaks(room, "listed_value") else (spoken, name)
        headings.append(titled[0].heading(names.get(name, titled[1]), {"currency": run.client.currency}))
        units.append(spoken.unit(names.get(name, name)))
    places = [head.index(name) for name in shown]
    typed = [
        [
            _typed(name, row[place], unit, spoken)
            for name, place, unit, spoken in zip(shown, places, units, rooms, strict=True)
        ]
        for row in rows
    ]
    parts = [typed[start : start + MOST_ROWS] for start in range(0, max(len(typed), 1), MOST_ROWS)]
    names_of_parts = (
        [words.say("lists.sheet")]
        if len(parts) == 1
        else [words.say("lists.part", number=number) for number in range(1, len(parts) + 1)]
    )
    return [Sheet(name, headings, units, part) for name, part in zip(names_of_parts, parts, strict=True)]


def _typed(name: str, cell: str, unit: str, room: Words) -> Any:
    """A cell of the CSV as a number, a day, or words; None where it is empty."""
    if cell == "":
        return None
    if name == "contact":
        return words.say("lists.contacts", ways=[words.name("contact", way) for way in cell.split("+")])
    kind, _, group = unit.partition(".")
    try:
        if is_numeric(unit):
            return float(cell)
        if kind == "day":
            return dt.date.fromisoformat(cell[:10])
    except ValueError:
        return cell
    if kind == "name":
        return room.name(group, cell)
    return _as_it_was(cell)


def _as_it_was(cell: str) -> str:
    """A text without the apostrophe that keeps a CSV's cell from being a formula: a workbook knows what is text."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t", "\r") else cell


def _speaks(room: Words, column: str) -> bool:
    try:
        room.unit(column)
    except KeyError:
        return False
    return True


def _words_of(chapter: str) -> Words:
    """The words of a chapter's room; these here for a chapter that has none."""
    room = Words(Path(crmlib.__file__).parent / "lifecycle" / chapter / "words.yaml")
    return room if room.path.is_file() else words
