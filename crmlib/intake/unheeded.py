"""What a client's YAML says of a source and nothing heeds, because of the files that it means or of other keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crmlib.contract import TABLES, Table
from crmlib.engine import identifier, literal
from crmlib.intake.accept import BLANKED
from crmlib.intake.reasons import words
from crmlib.intake.shape import fillings_of, fills, present
from crmlib.intake.source import FILE, Source
from crmlib.mapping import Join, Reading, TableSource
from crmlib.settings import Mistake

WORKBOOKS = ("xlsx", "xls", "xlsb", "ods")
_SHEETS = ("text", *WORKBOOKS)
HEEDED = {
    "encoding": ("text", "json"),
    "delimiter": ("text",),
    "sheet": WORKBOOKS,
    "header_row": _SHEETS,
    "header_rows": _SHEETS,
    "heading_from": _SHEETS,
    "headings": _SHEETS,
    "ends_at": _SHEETS,
}
"""The kinds of files that a key of their opening says something about."""


def of_its_files(said: Reading | Join, sources: Sequence[Source]) -> Iterator[Mistake]:
    """The keys that say how a file is opened, and say nothing of any of the files that were opened.

    A lookup in another table of the client reads its files as that table says.
    """
    kinds = {source.kind for source in sources}
    elsewhere = isinstance(said, Join) and said.source in TABLES
    for name, heeded in HEEDED.items():
        given = name in said.model_fields_set and getattr(said, name, None) not in (None, [])
        if given and kinds and "" not in kinds and (elsewhere or not kinds & set(heeded)):
            files = list(dict.fromkeys(source.file for source in sources))
            yield Mistake(words, "unheeded.file", [name], name=name, files=files[:3], kinds=sorted(kinds))


def unheeded(
    table: Table, own: TableSource, wanted: TableSource, sources: Sequence[Source], *, looked_up: bool = True
) -> Iterator[Mistake]:
    """What a client's ``own`` keys say of columns that nothing fills and of lookups that nothing reads.

    ``wanted``: the same over its profile; ``sources``: the opened files, with what was ``looked_up``, unless that has
    failed.
    """
    yield from of_its_files(own, sources)
    fillings = [fillings_of(table, wanted, list(source.types)) for source in sources]
    filled = {
        n for source, each in zip(sources, fillings, strict=True) for n, one in each.items() if fills(one, source)
    }
    for section in ("values", "one_row_per", "adds_up", "take"):
        named = getattr(own if section != "one_row_per" else wanted, section)
        for column in named:
            if column not in filled and column not in own.columns:
                at = [section, column] if isinstance(named, dict) else [section]
                yield Mistake(words, "unheeded.column", at, section=section, column=column, table=table.name)
    read = {
        h for source, each in zip(sources, fillings, strict=True) for one in each.values() for h in present(one, source)
    }
    rules = [*wanted.leave_out, *wanted.keep_only, *wanted.fill_down, wanted.fill_down_within, wanted.order_by]
    rules += [heading for filling in wanted.columns.values() for heading in filling.where]
    if wanted.cancellations:
        rules += [*wanted.cancellations.where, *wanted.cancellations.match, wanted.cancellations.quantity]
    rules += [here for join in wanted.joins for here in join.on]
    read |= {source.heading(rule) or "" for source in sources for rule in rules if rule}
    known = {heading for source in sources for heading in source.types}
    for number, join in enumerate(own.joins if looked_up else []):
        taken = known & set(join.take.values())
        if taken and not taken & read:
            yield Mistake(words, "unheeded.join", ["joins", number], names=list(join.take.values()), file=join.source)


def unreadable_constants(
    connection: Any, table: Table, own: TableSource, sources: Sequence[Source]
) -> Iterator[Mistake]:
    """The constants that the kit cannot read as what their column holds, and so leave it empty in every row."""
    files = ", ".join(literal(source.file) for source in sources)
    for name, filling in own.columns.items():
        if filling.constant is None:
            continue
        blanked = f"count_if(list_contains({BLANKED}, {literal(name)}))"
        counted = f"SELECT {blanked}, count({identifier(name)}) FROM {identifier(table.name)} WHERE {FILE} IN ({files})"
        unread, there = connection.execute(counted).fetchone()
        if unread and not there:
            yield Mistake(words, "unheeded.constant", ["columns", name, "constant"], column=name, table=table.name)
