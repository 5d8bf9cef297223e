"""The account of an intake as a page and as JSON: what was read, repaired and quarantined, and what can be analysed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crmlib.chapters import ChapterFile
from crmlib.client import Client
from crmlib.contract import TABLES
from crmlib.files import write_whole
from crmlib.words import Words, day, listed, number, percent, voice

DIMENSIONS = ("complete", "valid", "unique", "consistent", "timely")
words = Words(__file__)


def write_intake(client: Client, account: Mapping[str, Any], chapters: Sequence[ChapterFile], folder: Path) -> None:
    """Write ``intake.html`` and ``intake.json`` into ``folder``, each whole or not at all.

    The JSON holds the account as intake made it, and for each chapter whether it ``can run``, ``runs thinner`` (and
    ``without`` what) or ``cannot run`` (and ``why``).
    """
    from crmlib.report.page import render

    states = [chapter_state(chapter, account["tables"]) for chapter in chapters]
    content = _content(client, account, states)
    write_whole(folder / "intake.html", render("intake.html.j2", **content))
    kept = {key: value for key, value in account.items() if key != "fingerprint"}
    write_whole(folder / "intake.json", json.dumps({**kept, "chapters": states}, indent=1, ensure_ascii=False) + "\n")


def chapter_state(chapter: ChapterFile, tables: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a client's tables suffice for a chapter: ``name, title, state`` and ``why`` or ``without``."""
    answer: dict[str, Any] = {"name": chapter.name, "title": chapter.title}
    why, without = chapter.why_not(tables), chapter.thinner(tables)
    if why:
        return answer | {"state": "cannot run", "why": why}
    return answer | ({"state": "runs thinner", "without": without} if without else {"state": "can run"})


def _content(client: Client, account: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tables, silences = account["tables"], _silences(account)
    return {
        "language": "zh-Hans" if voice().language == "zh" else "en",
        "client": client.name,
        **{key: dt.date.fromisoformat(account[key]) for key in ("as_of", "first_day", "last_day")},
        "states": states,
        "tables": tables,
        "files": {file: one["read"] for table in tables.values() for file, one in table["by_file"].items()},
        "notes": _notes(tables),
        "questions": [*_each(tables, "questions"), *unset_margin(client, account)],
        "decisions": [
            (name, *_of_column(name, said))
            for name, table in tables.items()
            for said in dict.fromkeys(table["decisions"])
        ],
        "repairs": [{**repair, "table": name} for name, table in tables.items() for repair in table["repairs"]],
        "sums": [
            (name, column, TABLES[name][column].unit if column in TABLES[name].names else "", sums)
            for name, table in tables.items()
            for column, sums in table["sums"].items()
            if column in TABLES[name].names
            and TABLES[name][column].unit in ("money", "pieces")
            and column != "unit_price"
        ],
        "quality": account["quality"],
        "dimensions": DIMENSIONS,
        "coverage": {
            name: _bars(covered) | {"gaps": silences.get(name, [])}
            for name, covered in account["quality"]["coverage"].items()
        },
        "people": account.get("people"),
        "effect": [_effect(row) for row in account.get("people", {}).get("merge_effect", [])],
    }


def unset_margin(client: Client, account: Mapping[str, Any]) -> list[str]:
    """The question what is left of an order, where there are orders and nothing tells; else none."""
    if "orders" not in account["tables"] or client.knows_margin(dict(account)):
        return []
    return [words.say("questions.margin")]


def _notes(tables: Mapping[str, Any]) -> dict[str, str]:
    """What was found out, by the files that it is true of: files of which the same is said stand together."""
    alike: dict[str, list[str]] = {}
    for file, said in {file: " ".join(said) for t in tables.values() for file, said in t["notes"].items()}.items():
        alike.setdefault(said, []).append(file)
    return {listed(files): said for said, files in alike.items()}


def _of_column(table: str, said: str) -> tuple[str, str]:
    """The column that a sentence of the account begins with, and the rest; no column where it begins with none."""
    for stop in (": ", "："):
        column, found, rest = said.partition(stop)
        if found and column in TABLES[table].names:
            return column, rest
    return "", said


def _each(tables: Mapping[str, Any], key: str) -> list[str]:
    return list(dict.fromkeys(said for table in tables.values() for said in table[key]))


def _bars(covered: Mapping[str, Any]) -> dict[str, Any]:
    """Months as bars: each with its label, its rows and its height in percent of the fullest."""
    most = max(covered["months"].values())
    bars = [
        {"month": month, "rows": rows, "height": round(100 * rows / most, 1)}
        for month, rows in covered["months"].items()
    ]
    return {**covered, "bars": bars}


def _effect(row: Mapping[str, Any]) -> list[str]:
    """A measure before and after merging, in words and in its unit."""

    def shown(value: float) -> str:
        if row["measure"] in ("customers", "buyers"):
            return number(value)
        if row["measure"] == "orders_per_customer":
            return number(value, digits=3)
        return percent(value, digits=2)

    return [words.name("measures", row["measure"]), *(shown(row[key]) for key in ("before", "after", "difference"))]


def _silences(account: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The gaps of each table as chapter 01 judges them: by the pace of the months around."""
    from crmlib.lifecycle.customer_data import gaps

    found: dict[str, list[dict[str, Any]]] = {}
    frame = gaps(account)
    for row in frame[frame.unexplained].itertuples():
        gap = {"from": day(row.from_day), "to": day(row.to_day), "days": row.days}
        found.setdefault(row.table, []).append(gap)
    return found
