"""The account of an intake as a page and as JSON: what was read, repaired and quarantined, and what can be analysed."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crmlib import text
from crmlib.chapters import ChapterFile
from crmlib.client import Client
from crmlib.contract import TABLES
from crmlib.intake.repairs import REPAIRS

DIMENSIONS = ("complete", "valid", "unique", "consistent", "timely")
_FURTHER_REPAIRS = {"fill_down": "values carried down from the row above"}


def write_intake(client: Client, account: Mapping[str, Any], chapters: Sequence[ChapterFile], folder: Path) -> None:
    """Write ``intake.html`` and ``intake.json`` into ``folder``, each whole or not at all.

    The JSON holds the account as intake made it, and for each chapter whether it ``can run``, ``runs thinner`` (and
    ``without`` what) or ``cannot run`` (and ``why``).
    """
    from crmlib.report.page import render

    states = [chapter_state(chapter, account["tables"]) for chapter in chapters]
    content = _content(client, account, states)
    _write(folder / "intake.html", render("intake.html.j2", **content))
    kept = {key: value for key, value in account.items() if key != "fingerprint"}
    _write(folder / "intake.json", json.dumps({**kept, "chapters": states}, indent=1, ensure_ascii=False) + "\n")


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
        "language": "zh-Hans" if client.language == "zh" else "en",
        "client": client.name,
        "as_of": _day(account["as_of"]),
        "first_day": _day(account["first_day"]),
        "last_day": _day(account["last_day"]),
        "states": states,
        "tables": tables,
        "files": {file: one["read"] for table in tables.values() for file, one in table["by_file"].items()},
        "notes": _notes(tables),
        "questions": _each(tables, "questions"),
        "decisions": [(name, said) for name, table in tables.items() for said in dict.fromkeys(table["decisions"])],
        "repairs": [
            {**repair, "table": name, "about": REPAIRS.get(repair["name"]) or _FURTHER_REPAIRS.get(repair["name"], "")}
            for name, table in tables.items()
            for repair in table["repairs"]
        ],
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


def _notes(tables: Mapping[str, Any]) -> dict[str, str]:
    """What was found out, by the files that it is true of: files of which the same is said stand together."""
    alike: dict[str, list[str]] = {}
    for file, said in {file: " ".join(said) for t in tables.values() for file, said in t["notes"].items()}.items():
        alike.setdefault(said, []).append(file)
    return {", ".join(files): said for said, files in alike.items()}


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
    words = {
        "customers": text.say("Customers"),
        "buyers": text.say("Customers who bought"),
        "one_time_share": text.say("Of these, bought once"),
        "repeat_rate": text.say("Of these, bought again"),
        "orders_per_customer": text.say("Purchases per buyer"),
        "top_tenth_share": text.say("Share of revenue of the best tenth"),
    }
    if row["measure"] in ("customers", "buyers"):
        shown = [text.number(row[key]) for key in ("before", "after", "difference")]
    elif row["measure"] == "orders_per_customer":
        shown = [text.number(row[key], digits=3) for key in ("before", "after", "difference")]
    else:
        shown = [text.percent(row[key], digits=2) for key in ("before", "after", "difference")]
    return [words[row["measure"]], *shown]


def _silences(account: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The gaps of each table as chapter 01 judges them: by the pace of the months around."""
    from crmlib.lifecycle.customer_data import gaps

    found: dict[str, list[dict[str, Any]]] = {}
    frame = gaps(account)
    for row in frame[frame.unexplained].itertuples():
        gap = {"from": text.day(row.from_day), "to": text.day(row.to_day), "days": row.days}
        found.setdefault(row.table, []).append(gap)
    return found


def _day(day: str) -> str:
    return text.day(dt.date.fromisoformat(day))


def _write(target: Path, content: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}-{os.getpid()}")
    staged.write_text(content, encoding="utf-8")
    os.replace(staged, target)
