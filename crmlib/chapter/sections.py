"""A chapter as it is run on a client's data: sections whose tables the client does not have are left out.

Cells say in their tags what they need: ``needs:touches``, ``needs:customers.tier``. Cells tagged ``lesson`` speak of
the sample brand, and no client's run has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crmlib.words import Words

NEEDS, LESSON = "needs:", "lesson"

words = Words(__file__)


def needed(cell: Mapping[str, Any]) -> list[str]:
    """What a cell's tags say that it needs, as ``table`` or ``table.column``.

    >>> needed({"metadata": {"tags": ["needs:touches", "needs:customers.tier"]}})
    ['touches', 'customers.tier']
    """
    tags = cell["metadata"].get("tags", [])
    return [tag.removeprefix(NEEDS) for tag in tags if tag.startswith(NEEDS)]


def for_client(notebook: Mapping[str, Any], has: Callable[..., bool]) -> dict[str, Any]:
    """The notebook without lessons, and with a line in place of each section that needs what is not there.

    ``has(table, *columns)`` answers whether the client has a table and something in its columns.
    """
    return {**notebook, "cells": list(_cells(notebook["cells"], has))}


def _cells(cells: list[dict[str, Any]], has: Callable[..., bool]) -> Iterator[dict[str, Any]]:
    told: list[str] = []
    for cell in cells:
        if LESSON in cell["metadata"].get("tags", []):
            continue
        missing = [need for need in needed(cell) if not has(*need.split("."))]
        if missing and missing != told:
            yield _line(missing, cell.get("id", ""))
        told = missing
        if not missing:
            yield cell


def _line(missing: list[str], at: str) -> dict[str, Any]:
    named = [_named(need) for need in missing]
    return {
        "cell_type": "markdown",
        "id": f"{at}-left"[-64:],
        "metadata": {},
        "source": words.say("left_out", needs=named),
    }


def _named(need: str) -> str:
    table, _, column = need.partition(".")
    name = words.name("tables", table)
    return words.say("column_of", table=name, column=column) if column else name
