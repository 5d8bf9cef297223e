"""``report.xlsx``: the decisions, the numbers, the bridge and every table of the page, to calculate with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crmlib.report.forms.workbook import Sheet, write_workbook
from crmlib.report.page import noted
from crmlib.report.page import words as page_words
from crmlib.words import Words

words = Words(__file__)

DECISION = (
    *("number", "headline", "evidence", "action", "owner", "due"),
    *("money", "money_low", "money_high", "kind", "sure", "listed", "reachable"),
)
NUMBER = ("label", "now", "verdict", "note")
DEFINITION = ("chapter", "term", "meaning")


def write_tables(target: Path, content: Mapping[str, Any]) -> None:
    """Write the workbook of what a page says (``content``, from :func:`crmlib.report.briefing.content_of`)."""
    write_workbook(target, list(sheets_of(content)))


def sheets_of(content: Mapping[str, Any]) -> Iterator[Sheet]:
    """Decisions, numbers and bridge, then the tables of the sections, those of the folds, and what the words mean."""
    yield _sheet("decisions", DECISION, content, _decisions(content), reading=words.say("workbook.overlap"))
    if content["tiles"]:
        rows = [[*(tile[name] for name in ("label", "value", "word")), noted(tile)] for tile in content["tiles"]]
        yield _sheet("numbers", NUMBER, content, rows, reading=page_words.say("report.numbers_how"))
    if content["bridge"]:
        rows = [[bar["label"], bar["amount"]] for bar in content["bridge"]["bars"]]
        yield _sheet("bridge", ("part", "money"), content, rows, reading=content["bridge"]["title"])
    themes = [*content["themes"], content["data"]]
    shown = [one for theme in themes for one in theme.tables]
    shown += [
        one for theme in themes for _, exhibits, _ in theme.folds for one in exhibits
        if one["kind"] != "figure"
    ]  # fmt: skip
    for one in shown:
        yield _table(one)
    if content["definitions"]:
        rows = [[title, term, about] for title, terms in content["definitions"] for term, about in terms]
        yield _sheet("definitions", DEFINITION, content, rows)


def _sheet(key: str, columns: tuple[str, ...], content: Mapping[str, Any], rows: Any, *, reading: str = "") -> Sheet:
    headings = [words.heading(name, {"currency": content["currency"]}) for name in columns]
    name = words.say(f"workbook.{key}")
    return Sheet(name, headings, [words.unit(column) for column in columns], rows, name, reading)


def _decisions(content: Mapping[str, Any]) -> list[list[Any]]:
    return [
        [
            one.number,
            found.headline,
            found.evidence,
            found.action,
            content["owner"](found.owner),
            words.name("due", found.when),
            found.money,
            found.money_low,
            found.money_high,
            found.money_kind if found.money is not None else None,
            words.name("sure", found.sure),
            found.listed or None,
            one.listed.reachable if one.listed else None,
        ]
        for one in content["decisions"]
        for found in [one.finding]
    ]


def _table(exhibit: Mapping[str, Any]) -> Sheet:
    """A table of the page: numbers where the chapter has kept them, else what the page shows."""
    sheet = exhibit.get("sheet") or {"units": [""] * len(exhibit["headings"]), "cells": exhibit["rows"]}
    title, reading = exhibit["title"], exhibit["reading"]
    return Sheet(title, exhibit["headings"], sheet["units"], sheet["cells"], title, reading)
