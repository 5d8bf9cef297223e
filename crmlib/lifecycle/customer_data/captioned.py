"""A small table as the report shows it: in words, with a title and a sentence that reads it."""

from __future__ import annotations

from typing import Any, NamedTuple


class CaptionedTable(NamedTuple):
    """A small table in words, its title and its reading."""

    frame: Any
    title: str
    reading: str
