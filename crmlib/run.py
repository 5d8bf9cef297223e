"""A finished run, as the runner leaves it and the report reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crmlib.chapters import ChapterFile
from crmlib.client import Client
from crmlib.intake import Workspace


@dataclass(frozen=True)
class ChapterRun:
    """What became of one chapter: ``done``, ``failed`` (with the error in plain words) or ``left out`` (with why).

    ``changed``: of what it is made of, what is not as it was when it ran before: names of tables, and ``code, chapter,
    settings, language, as_of``; ``unfinished`` where it had no result. Empty where it never ran, or is ``reused``.
    """

    file: ChapterFile
    status: Literal["done", "failed", "left out"]
    seconds: float = 0.0
    reused: bool = False
    why: str = ""
    thinner: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    notebook: Path | None = None


@dataclass(frozen=True)
class Run:
    """A finished run: where it is, what it ran on and what became of each chapter.

    ``headline``: what its page begins with; ``notes``: what is said of what it could not write; ``is_empty``: the
    data tell no story yet.
    """

    folder: Path
    client: Client
    language: str
    workspace: Workspace
    chapters: tuple[ChapterRun, ...]
    seconds: float
    headline: str = ""
    notes: tuple[str, ...] = ()
    is_empty: bool = False

    @property
    def exit_code(self) -> int:
        """0: all done; 1: done with failed chapters, or with nothing to tell."""
        return 1 if self.is_empty or any(chapter.status == "failed" for chapter in self.chapters) else 0
