"""The chapters on disk: which there are, what each declares, and whether a client's data suffice for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from crmlib.words import Words

_WORDS = Words(__file__)


def notebooks_folder() -> Path:
    """Where the chapters are: beside ``crmlib`` in a checkout, inside it in an installed package."""
    package = Path(__file__).parent
    checkout = package.parent / "notebooks"
    return checkout if checkout.is_dir() else package / "_notebooks"


@dataclass(frozen=True)
class ChapterFile:
    """A chapter's notebook with what its metadata declare."""

    path: Path

    @property
    def name(self) -> str:
        """The file name without suffix, ``05_retention``."""
        return self.path.stem

    @cached_property
    def _notebook(self) -> dict[str, Any]:
        return json.loads(self.path.read_text(encoding="utf-8"))

    @cached_property
    def _declared(self) -> dict[str, Any]:
        return self._notebook["metadata"]["crmlib"]

    @property
    def title(self) -> str:
        """The chapter's title, in the language in use."""
        return self._said("title")

    @property
    def question(self) -> str:
        """The manager's question that the chapter answers, in the language in use."""
        return self._said("question")

    @property
    def glossary(self) -> list[tuple[str, str]]:
        """The terms that the chapter's pages use and what they mean."""
        return self._words.glossary() if self._has("glossary") else []

    @property
    def _words(self) -> Words:
        return Words(Path(__file__).parent / "lifecycle" / self.path.stem[3:] / "words.yaml")

    def _said(self, key: str) -> str:
        return self._words.say(key) if self._has(key) else self._declared[key]

    def _has(self, key: str) -> bool:
        return self._words.path.is_file() and bool(self._words.tree.get(key))

    @property
    def minutes(self) -> int:
        """How long a trainee needs."""
        return int(self._declared["minutes"])

    @property
    def needs(self) -> list[dict[str, list[str]]]:
        """The tables and columns that it can run on: of several such sets, one is enough."""
        declared = self._declared["needs"]
        return [declared] if isinstance(declared, dict) else declared

    @property
    def reads(self) -> set[str]:
        """All tables that its header names."""
        return {table for wanted in (*self.needs, self.optional) for table in wanted}

    @property
    def optional(self) -> dict[str, list[str]]:
        """The tables and columns that make it richer."""
        return self._declared.get("optional") or {}

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the cell tagged ``parameters``, with their defaults."""
        import ast

        for cell in self._notebook["cells"]:
            if "parameters" in cell["metadata"].get("tags", []):
                assignments = ast.parse("".join(cell["source"])).body
                return {
                    ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]): ast.literal_eval(
                        node.value
                    )
                    for node in assignments
                    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
                }
        return {}

    def missing(self, tables: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
        """What a workspace's account of tables lacks for the chapter, as ``table.column``; empty where it can run.

        One list for each of the sets of tables that would do, the nearest first: one of which the table is there, and
        only columns are not.
        """
        lacking = [_lacking(wanted, tables) for wanted in self.needs]
        return [] if [] in lacking else sorted(lacking, key=lambda one: sum("." not in name for name in one))

    def thinner(self, tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """The tables and columns that are not there and would add something."""
        lacking = [_lacking(wanted, tables) for wanted in (*self.needs, self.optional)]
        return list(dict.fromkeys(name for one in lacking for name in one))

    def why_not(self, tables: Mapping[str, Mapping[str, Any]]) -> str:
        """The sentence that says why the chapter is left out; empty where it can run."""
        ways = [" + ".join(lacking) for lacking in self.missing(tables)]
        return _WORDS.say("chapter.left_out", missing=ways) if ways else ""


def _lacking(wanted: Mapping[str, list[str]], tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        name
        for table, columns in wanted.items()
        for name in (
            [f"{table}.{column}" for column in columns if column not in tables[table]["columns"]]
            if table in tables
            else [table]
        )
    ]


def chapter_files(folder: Path | None = None) -> list[ChapterFile]:
    """All chapters, in the order of their numbers.

    >>> [chapter.name for chapter in chapter_files()][:2] == sorted(c.name for c in chapter_files())[:2]
    True
    """
    return [ChapterFile(path) for path in sorted((folder or notebooks_folder()).glob("[0-9][0-9]_*.ipynb"))]
