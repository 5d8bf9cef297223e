"""One page over many clients: what moved, what it means, how much is to be decided, and the way to each briefing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crmlib.files import write_whole
from crmlib.problems import Problem, UnusableInput
from crmlib.report.changed import BRIEFING, Snapshot, read_snapshot
from crmlib.report.page import name_of, render
from crmlib.words import Words, day, percent, short, use, voice

words = Words(__file__)

PORTFOLIO = "portfolio.html"


def write_portfolio(folder: Path, language: str = "") -> tuple[Path, list[Problem]]:
    """Write ``portfolio.html`` over the runs in the folders of ``folder``; answers it, and what could not be read.

    ``language``: ``en`` or ``zh``; by default that of most of the briefings.

    Raises:
        UnusableInput: no folder in ``folder`` holds a run that can be read.
    """
    found = sorted(folder.glob(f"*/{BRIEFING}"))
    kept = {file.parent.name: read_snapshot(file.parent) for file in found}
    damaged = [Problem.said(words, "damaged", f"{name}/{BRIEFING}") for name, one in kept.items() if one is None]
    runs = {name: one for name, one in kept.items() if one is not None}
    if not runs:
        raise UnusableInput(damaged or [Problem.said(words, "portfolio", str(folder))])
    speaks = language or Counter(one.language for one in runs.values()).most_common(1)[0][0]
    was = voice()
    try:
        several = len({one.currency for one in runs.values()}) > 1
        rows = [_row(name, one, speaks, several) for name, one in sorted(runs.items(), key=lambda run: _rank(run[1]))]
        use(speaks)
        headings = [words.heading(name) for name in ("client", "as_of", "sales", "change", "news", "decisions")]
        said = {name: words.say(f"portfolio.{name}", n=len(rows)) for name in ("title", "how", "table")}
        page = render(
            "portfolio.html.j2",
            language="zh-Hans" if speaks == "zh" else "en",
            rows=rows,
            headings=headings,
            **said,
        )
    finally:
        use(was.language, was.currency, margin=was.margin, several=was.several)
    write_whole(folder / PORTFOLIO, page)
    return folder / PORTFOLIO, damaged


def _rank(one: Snapshot) -> tuple[bool, float, str]:
    change = _change(one)
    return change is None, change or 0.0, one.client


def _change(one: Snapshot) -> float | None:
    return one.sales / one.sales_before - 1 if one.sales is not None and one.sales_before else None


def _span(one: Snapshot) -> str:
    """The day of a briefing, with the months that it compares where these are no year."""
    if one.months in (0, 12):
        return day(one.as_of)
    return words.say("portfolio.months", day=one.as_of, months=one.months)


def _row(name: str, one: Snapshot, language: str, several: bool) -> dict[str, Any]:
    """A client's line, its money in its own currency (one of ``several``); the headline stays in its own language."""
    use(language, one.currency, several=several)
    change = _change(one)
    said = "" if change is None else ("+" if change > 0 else "") + percent(change)
    return {
        "client": name_of(one.client),
        "as_of": _span(one),
        "sales": short(one.sales),
        "change": words.say("portfolio.chance", change=said) if said and one.by_chance else said or short(None),
        "headline": one.headline,
        "lang": "zh-Hans" if one.language == "zh" else "en",
        "decisions": len(one.decisions),
        "link": f"{quote(name)}/index.html",
        "open": words.say("portfolio.open", client=name_of(one.client)),
    }
