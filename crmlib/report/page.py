"""One self-contained page: at a glance, a section per chapter, and what it all rests on."""

from __future__ import annotations

import datetime as dt
import functools
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import crmlib
from crmlib.files import write_whole
from crmlib.finding import Finding
from crmlib.pictures import tokens_css
from crmlib.report.collect import Section, section
from crmlib.run import ChapterRun, Run
from crmlib.words import Words, number, percent

words = Words(__file__)
_TEMPLATES = Path(__file__).parent / "templates"
_SHOWN_FINDINGS = 8
_SILENT_DAYS = 60


def write_report(run: Run, target: Path) -> None:
    """Write the report of a finished run to ``target``, whole or not at all."""
    write_whole(target, render("report.html.j2", **_content(run)))


def render(template: str, **content: Any) -> str:
    """A page of the report: a template of this folder, with its style and the ways in which things are said."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"said": words.say, "named": words.name, "heading": words.heading, "share": _share}
    environment.globals |= {"table_name": functools.partial(words.name, "tables")}
    environment.filters |= {"number": number, "exact": _exact, "coded": _coded}
    return environment.get_template(template).render(
        style=(_TEMPLATES / "report.css").read_text(encoding="utf-8") + tokens_css(), **content
    )


def _share(share: float) -> str:
    """A share of cells in percent; what is not quite all is never shown as all."""
    return percent(share if share in (0.0, 1.0) else min(max(share, 0.001), 0.999))


def _coded(said: str) -> Any:
    """What is said, with names of files and settings, which stand between backquotes, as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(said))))


def _exact(value: float) -> str:
    """A sum with as many places as it has, up to three."""
    return number(value, digits=0 if value == round(value) else 2 if round(value, 2) == round(value, 3) else 3)


def _content(run: Run) -> dict[str, Any]:
    sections = {
        chapter.file.name: section(chapter.notebook) if chapter.status == "done" and chapter.notebook else Section()
        for chapter in run.chapters
    }
    account = run.workspace.account
    findings = ranked([(f, chapter) for chapter in run.chapters for f in sections[chapter.file.name].findings])
    return {
        "language": "zh-Hans" if run.language == "zh" else "en",
        "client": run.client.name,
        **{name: dt.date.fromisoformat(account[name]) for name in ("as_of", "first_day", "last_day")},
        "silent": _silent(account),
        "tiles": [tile for s in sections.values() for tile in s.tiles],
        "findings": findings[:_SHOWN_FINDINGS],
        "chapters": [(chapter, sections[chapter.file.name]) for chapter in run.chapters if chapter.status == "done"],
        "failed": [chapter for chapter in run.chapters if chapter.status == "failed"],
        "left_out": [chapter for chapter in run.chapters if chapter.status == "left out"],
        "thinner": [chapter for chapter in run.chapters if chapter.status == "done" and chapter.thinner],
        "tables": account["tables"],
        "definitions": [
            (chapter, [*chapter.file.glossary, *sections[chapter.file.name].definitions])
            for chapter in run.chapters
            if chapter.status == "done"
        ],
        "versions": _versions(run),
    }


def _silent(account: dict[str, Any]) -> str:
    """The sentence that warns of a client whose orders ended long before the day of the report; else empty."""
    last = account["tables"].get("orders", {}).get("last_day")
    if last is None:
        return ""
    days = (dt.date.fromisoformat(account["as_of"]) - dt.date.fromisoformat(last)).days
    if days < _SILENT_DAYS:
        return ""
    return words.say("report.silent", day=dt.date.fromisoformat(last), days=days)


def ranked(findings: list[tuple[Finding, ChapterRun]]) -> list[tuple[Finding, ChapterRun]]:
    """Findings by the money at stake, most first; those without money after them, bad news before good."""
    order = {"bad": 0, "good": 1, "neutral": 2}
    return sorted(findings, key=lambda pair: (-abs(pair[0].money or 0.0), order[pair[0].direction], pair[0].key))


def _versions(run: Run) -> list[tuple[str, str]]:
    import platform

    names = ("pandas", "statsmodels", "duckdb", "ibis-framework")
    return [("crmlib", crmlib.__version__), ("Python", platform.python_version())] + [
        (name, metadata.version(name)) for name in names
    ]
