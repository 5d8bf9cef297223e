"""From opened files to the raw cells of one contract table: which heading fills what, which rows are records at all."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from crmlib.contract import Column, Table
from crmlib.engine import identifier, literal
from crmlib.intake.reasons import kept, words
from crmlib.intake.repairs import Cell, Repair
from crmlib.intake.repairs.cells import let
from crmlib.intake.repairs.flags import BARE_FALSE, BARE_TRUE, CONSENT, CROSSES, TICKS, says_no
from crmlib.intake.repairs.times import zone_of_heading
from crmlib.intake.source import FILE, MERGED, ROW, Source
from crmlib.mapping import Filling, TableSource, text_pieces
from crmlib.problems import Problem, nearest
from crmlib.settings import flow
from crmlib.words import Saying

LEFT = "_left"
SAME = "_same"
SHAPED = "_shaped"
MATCH = "_match"
CANCELS = "_cancels"
PIECES = "_pieces"
ORDER = "_order"
_EPOCH = "_epoch"
_DAYS_UNTIL_1904 = 1462
"""Between day 0 of a spreadsheet that counts from 1900 and of one that counts from 1904."""
PERSONAL_KEYS = ("customer_id", "lead_id", "response_id")
FREE_TEXT = ("comment", "text", "resolution")
_NUMBERS = ("product", "sum", "difference")


@dataclass(frozen=True)
class Shaped:
    """The raw cells of a source: a DuckDB view with one column per cell, and what fills each contract column.

    Beside the cells stand ``_file``, ``_row``, ``_left`` (why the row is no such record; empty: it is one), ``_same``
    (a hash of the whole row; NULL where rows have a key), ``_shaped`` (a value was carried into the row) and, with
    cancellations, ``_match`` and ``_cancels``.
    """

    relation: str
    cells: tuple[Cell, ...]
    fillings: dict[str, Filling]
    repairs: tuple[Repair, ...] = ()
    cancels: bool = False


def column_of(table: Table, name: str) -> Column:
    """The contract's column, or the number that an open column (``item_…``) holds."""
    try:
        return table[name]
    except KeyError:
        return Column(name, "number")


def fillings_of(table: Table, wanted: TableSource, headings: Sequence[str]) -> dict[str, Filling]:
    """What fills each contract column: as the settings say, else the heading of the column's own name.

    Under a profile only the required columns fall back to their own name: a system's ``discount`` may be a percentage
    and its ``gender`` a code.

    >>> from crmlib.contract import TABLES
    >>> found = fillings_of(TABLES["orders"], TableSource(columns={"amount": "Total"}), ["Total", "order_id"])
    >>> found["amount"].headings, found["order_id"].headings
    (['Total'], ['order_id'])
    """
    names = list(table.names)
    if table.open_columns:
        further = dict.fromkeys((*wanted.columns, *headings))
        names += [name for name in further if name.startswith(table.open_columns) and name not in names]
    if wanted.profile:
        names = [name for name in names if name in wanted.columns or name in table.required]
    return {name: wanted.columns.get(name) or Filling(first=[name]) for name in names}


def present(filling: Filling, source: Source) -> list[str]:
    """The headings of a file that fill a column; empty where the file cannot fill it.

    Of alternatives those that are there; of a calculation all or none.
    """
    found = [source.heading(wanted) for wanted in filling.headings]
    if filling.first is not None:
        return list(dict.fromkeys(heading for heading in found if heading))
    return [heading for heading in found if heading] if all(found) else []


def fills(filling: Filling, source: Source) -> bool:
    """Whether a file can fill a column."""
    return filling.alone or bool(present(filling, source))


def shape(
    connection: Any,
    table: Table,
    wanted: TableSource,
    sources: Sequence[Source],
    *,
    name: str,
    identities: bool,
) -> Shaped:
    """Put the raw cells of all files of a source under each other.

    Args:
        connection: DuckDB.
        table: the contract table to be made.
        wanted: what the settings and the profile say.
        sources: the opened files; each fills at least the required columns.
        name: of the view that is made.
        identities: whether names, addresses and numbers of people are read too (for the vault).
    """
    headings = list(dict.fromkeys(heading for source in sources for heading in source.types))
    fillings = {
        column: filling
        for column, filling in fillings_of(table, wanted, headings).items()
        if any(fills(filling, source) for source in sources) and (identities or not column_of(table, column).identity)
    }
    parts = [_parts(table, wanted, source, fillings) for source in sources]
    ordered = _order_kind(connection, wanted, sources)
    kinds = {cell: _common({types[cell] for _, types in parts if types[cell]}) for cell in parts[0][1]}
    cells_made = {
        cell: replace(_cell(table, cell, kinds[cell], fillings), meant=_meant(wanted, cell, fillings))
        for cell in kinds
        if cell != ORDER
    }
    if ORDER in kinds:
        # The order is read like any other number or time, in whatever form it is written.
        cells_made[ORDER] = Cell(ORDER, ordered, ORDER, kinds[ORDER], heading=wanted.order_by or "")
    times = [cell for cell, made in cells_made.items() if made.kind == "time" and cell != ORDER and not wanted.timezone]
    zones = {cell: _zones(cell, fillings, sources) for cell in times}
    zones = {cell: found for cell, found in zones.items() if found}
    since_1904 = any(source.since_1904 for source in sources)
    repairs: list[Repair] = []
    selects = []
    for source, (raws, types) in zip(sources, parts, strict=True):
        rows, carried = _carried_down(connection, wanted, source)
        repairs += carried
        cells = [f"{_as(raws[cell], types[cell], kinds[cell])} AS {identifier(cell)}" for cell in kinds]
        cells += [f"{found[source.file]} AS {_zone_cell(cell)}" for cell, found in zones.items()]
        cells += [f"{_DAYS_UNTIL_1904 if source.since_1904 else 0} AS {_EPOCH}"] if since_1904 else []
        selects.append(
            f"SELECT {', '.join([*cells, *_row_facts(table, wanted, source)])}, {literal(source.file)} AS {FILE}, {ROW}"
            f" FROM ({rows})"
        )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {' UNION ALL '.join(selects)}")
    zoned = tuple(_in_zone(made, zones.get(cell), fillings, sources) for cell, made in cells_made.items())
    if since_1904:
        zoned = tuple(replace(cell, later_epoch=_EPOCH) for cell in zoned)
    return Shaped(name, zoned, fillings, tuple(_summed(repairs)), wanted.cancellations is not None)


def _parts(
    table: Table, wanted: TableSource, source: Source, fillings: Mapping[str, Filling]
) -> tuple[dict[str, str], dict[str, str]]:
    """The raw SQL and the type of every cell, by its name; NULL and no type where the file lacks it."""
    raws: dict[str, str] = {}
    types: dict[str, str] = {}
    for column, filling in fillings.items():
        found = present(filling, source)
        names = cell_names(column, filling)
        if filling.constant is not None:
            raws[column], types[column] = literal(filling.constant), "VARCHAR"
        elif filling.row_number is not None:
            raws[column], types[column] = source.row_key(filling.row_number), "VARCHAR"
        elif not found:
            raws |= dict.fromkeys(names, "NULL")
            types |= dict.fromkeys(names, "")
        elif filling.elapsed:
            for cell, part in zip(names, filling.elapsed, strict=True):
                heading = source.heading(part) or "" if isinstance(part, str) else ""
                raws[cell] = source.names[heading] if isinstance(part, str) else literal(part.constant)
                types[cell] = source.types[heading] if isinstance(part, str) else "VARCHAR"
        elif names != [column]:
            for cell, heading in zip(names, found, strict=True):
                raws[cell], types[cell] = source.names[heading], source.types[heading]
        else:
            raws[column], types[column] = _raw(column, filling, found, source, wanted.values.get(column, {}))
        added_up = column in wanted.adds_up
        if column_of(table, column).kind in ("number", "whole") and (added_up or not wanted.one_row_per):
            # A sum that is merged over several rows is the sum of all of them, and counts once.
            nothing = "'0'" if added_up else "NULL"
            for cell, heading in zip(names, found, strict=False):
                if heading not in source.merged:
                    continue
                once = f"NOT list_contains({MERGED}, {literal(source.names[heading])})"
                raws[cell] = f"CASE WHEN {once} THEN {raws[cell]} ELSE {nothing} END"
        if filling.where:
            raws |= {cell: f"CASE WHEN {_holds(filling.where, source)} THEN {raws[cell]} END" for cell in names}
    if wanted.cancellations and wanted.cancellations.quantity:
        quantity = source.heading(wanted.cancellations.quantity)
        raws[PIECES] = source.names[quantity] if quantity else "NULL"
        types[PIECES] = source.types[quantity] if quantity else ""
    if wanted.order_by:
        order = source.heading(wanted.order_by)
        raws[ORDER] = source.names[order] if order else "NULL"
        types[ORDER] = source.types[order] if order else ""
    return raws, types


def _order_kind(connection: Any, wanted: TableSource, sources: Sequence[Source]) -> Literal["number", "time"]:
    """Whether what orders the rows of one record are numbers or times."""
    for source in sources:
        heading = source.heading(wanted.order_by) if wanted.order_by else None
        if heading is None:
            continue
        if source.types[heading].startswith(("DATE", "TIME")):
            return "time"
        text = f"nullif(trim({_text_of(heading, source)}), '')"
        other = connection.execute(
            f"SELECT count(*) FROM ({source.sql}) WHERE {text} IS NOT NULL AND try_cast({text} AS DOUBLE) IS NULL"
        ).fetchone()[0]
        if other:
            return "time"
    return "number"


def cell_names(column: str, filling: Filling) -> list[str]:
    """The names of the cells that a column is put together from.

    >>> cell_names("amount", Filling(product=["Quantity", "UnitPrice"]))
    ['amount 1', 'amount 2']
    """
    parts = filling.elapsed or (filling.headings if filling.product or filling.sum or filling.difference else None)
    return [f"{column} {n}" for n in range(1, len(parts) + 1)] if parts else [column]


def _raw(
    column: str, filling: Filling, found: Sequence[str], source: Source, mapped: Mapping[str, str]
) -> tuple[str, str]:
    """One cell as it stands, with its type; text where it is put together or mapped."""
    texts = [as_text(source.names[heading], source.types[heading]) for heading in found]
    if filling.text is not None:
        cells = [f"nullif(trim({text}), '')" for text in texts]
        pieces = _pieces(filling.text, dict(zip(filling.headings, cells, strict=True)))
        if column.endswith("_id"):
            return "(" + " || ".join(pieces) + ")", "VARCHAR"
        # Of a name that is put together, one part may be missing; of a key none.
        return (
            f"CASE WHEN coalesce({', '.join(cells)}) IS NOT NULL THEN trim(concat({', '.join(pieces)})) END",
            "VARCHAR",
        )
    if filling.parts is not None:
        piece = f"nullif(trim(split_part({texts[0]}, {literal(filling.by)}, {filling.part})), '')"
        return (mapped_sql(piece, mapped) if mapped else piece), "VARCHAR"
    if len(found) == 1 and not mapped:
        return source.names[found[0]], source.types[found[0]]
    if len(found) == 1:
        return mapped_sql(texts[0], mapped), "VARCHAR"
    # Each alternative is replaced for itself, so that a word that means nothing leaves the next one its turn.
    known = {old: new for old, new in mapped.items() if old}
    words = [_turning(column, heading, known, found) for heading in found]
    cells = [
        f"nullif(nullif({_bare(mapped_sql(text, own) if own else text)}, ''), '-')"
        for text, own in zip(texts, words, strict=True)
    ]
    cell = f"coalesce({', '.join(cells)})"
    return (mapped_sql(cell, {"": mapped[""]}) if "" in mapped else cell), "VARCHAR"


def _turning(column: str, heading: str, known: Mapping[str, str], among: Sequence[str]) -> Mapping[str, str]:
    """What the words under one of several headings stand for.

    Beside a heading of the opposite (Email Opt Out), whose yes ``values`` turn into a no, a yes to a newsletter is one.
    """
    mixed = column.startswith(CONSENT) and len({says_no(one) for one in among}) > 1
    if not mixed or says_no(heading):
        return known
    plain_words = (*BARE_TRUE, *BARE_FALSE, *CROSSES, *TICKS)
    return {old: new for old, new in known.items() if old.casefold() not in plain_words}


def mapped_sql(cell: str, mapped: Mapping[str, str]) -> str:
    """SQL of a text cell whose known values are replaced; ``""`` stands for an empty cell, ``*`` for any
    other, ``20*`` for all that begin so. A value as written goes before one in other case or width.

    >>> import duckdb
    >>> words = {"Y": "paid", "y": "sent", "New": "open", "20*": "cancelled"}
    >>> read = mapped_sql("c", words)
    >>> duckdb.sql(f"SELECT {read} FROM (SELECT unnest(['y', 'ＮＥＷ', '2025', 'N']) AS c)").fetchall()
    [('sent',), ('open',), ('cancelled',), ('N',)]
    """
    cases = []
    for old, new in mapped.items():
        if old == "":
            cases.append(f"WHEN nullif(trim({cell}), '') IS NULL THEN {literal(new)}")
        elif "*" in old and old != "*":
            cases.append(f"WHEN {_is_one_of(cell, [old])} THEN {literal(new)}")
        elif old != "*":
            cases.append(f"WHEN trim({cell}) = {literal(old)} THEN {literal(new)}")
    other = cell
    if "*" in mapped:
        other = f"CASE WHEN nullif(trim({cell}), '') IS NOT NULL THEN {literal(mapped['*'])} ELSE {cell} END"
    alike = [
        f"WHEN {_is_one_of('w', [plain_word(old)])} THEN {literal(new)}"
        for old, new in mapped.items()
        if old.strip("*")
    ]
    if alike:
        other = let("w", plain_word_sql(cell), f"CASE {' '.join(alike)} ELSE {other} END")
    return f"CASE {' '.join(cases)} ELSE {other} END" if cases else other


def _pieces(pattern: str, cells: Mapping[str, str]) -> list[str]:
    made = []
    for before, heading in text_pieces(pattern):
        made += [literal(before)] if before else []
        made += [cells[heading]] if heading else []
    return made


def as_text(value: str, kind: str) -> str:
    """SQL of a value as text; a whole number that was stored as a fraction (an id beside empty cells) without ``.0``.

    >>> as_text("c1", "VARCHAR")
    'c1'
    """
    if kind == "VARCHAR":
        return value
    if kind.startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        whole = f"{value} = trunc({value}) AND abs({value}) < 1e18"
        return f"CASE WHEN {whole} THEN CAST(CAST({value} AS HUGEINT) AS VARCHAR) ELSE CAST({value} AS VARCHAR) END"
    return f"CAST({value} AS VARCHAR)"


def _common(kinds: set[str]) -> str:
    return next(iter(kinds)) if len(kinds) == 1 else "VARCHAR"


def _as(raw: str, kind: str, common: str) -> str:
    if not kind:
        return f"CAST(NULL AS {common})"
    return as_text(raw, kind) if common == "VARCHAR" else raw


def one_row_of_merged(table: Table, wanted: TableSource, sources: Sequence[Source]) -> TableSource:
    """The source of a table whose key is merged over several rows: they are one record, and its other numbers add up.

    Unchanged where the settings say which rows belong together, or no cell of the key is merged.
    """
    merged = {heading for source in sources for heading in source.merged}
    known = {heading for source in sources for heading in source.types}
    fillings = fillings_of(table, wanted, list(known))
    if wanted.one_row_per or not table.key or not merged:
        return wanted

    def read(name: str) -> set[str]:
        return {heading for source in sources for heading in present(fillings[name], source)}

    if not read(table.key) & merged:
        return wanted
    numbers = [
        name for name in fillings if column_of(table, name).unit == "money" and read(name) and not read(name) & merged
    ]
    return wanted.model_copy(update={"one_row_per": [table.key], "adds_up": numbers})


def _meant(wanted: TableSource, cell: str, fillings: Mapping[str, Filling]) -> frozenset[str]:
    """The words that the settings write into a column: an ``unknown`` among them is meant, and no empty cell."""
    constant = fillings[cell].constant if cell in fillings else None
    return frozenset(filter(None, [*wanted.values.get(cell, {}).values(), constant]))


def _cell(table: Table, cell: str, kind: str, fillings: Mapping[str, Filling]) -> Cell:
    if cell == PIECES:
        return Cell(PIECES, "number", PIECES, kind)
    name, _, part = cell.rpartition(" ") if cell not in fillings else (cell, "", "")
    column, filling = column_of(table, name), fillings[name]
    wanted = column.kind
    if part:
        wanted = "number" if any(getattr(filling, n) for n in _NUMBERS) or part == "2" else "time"
    return Cell(
        cell,
        wanted,
        identifier(cell),
        kind,
        key=name.endswith("_id") or name in ("phone", "email"),
        free=name in FREE_TEXT,
        happened=column.happened,
        heading=", ".join(filling.headings),
        private=column.identity or name in FREE_TEXT or name in PERSONAL_KEYS,
        unit="" if part and filling.product and int(part) <= len(filling.product) else column.unit,
        low=None if part else column.low,
        required=column.required,
    )


# Zones that headings say


def _zones(cell: str, fillings: Mapping[str, Filling], sources: Sequence[Source]) -> dict[str, str]:
    """SQL of the zone that the headings of a time say, by file; empty where none says one."""
    filling, found = read_from(cell, fillings)
    zones = {source.file: _zone(filling, found(source), source) for source in sources}
    return zones if any(zone != "NULL" for zone in zones.values()) else {}


def read_from(cell: str, fillings: Mapping[str, Filling]) -> tuple[Filling, Callable[[Source], list[str]]]:
    """What fills a cell, and which headings of a file do."""
    if cell in fillings:
        return fillings[cell], lambda source: present(fillings[cell], source)
    name, _, part = cell.rpartition(" ")
    if elapsed := fillings[name].elapsed:
        named = elapsed[int(part) - 1]
        return fillings[name], lambda source: [h for h in [isinstance(named, str) and source.heading(named)] if h]
    return fillings[name], lambda source: present(fillings[name], source)[int(part) - 1 : int(part)]


def _zone(filling: Filling, found: Sequence[str], source: Source) -> str:
    said = [zone_of_heading(heading) for heading in found]
    zones = [literal(zone[0]) if zone else "NULL" for zone in said]
    if len(set(zones)) == 1:
        return zones[0]
    if filling.first is None:
        # Of a day and a clock that are put together, one heading speaks for both.
        named = set(zones) - {"NULL"}
        return named.pop() if len(named) == 1 else "NULL"
    filled = [f"nullif(nullif(trim({_text_of(heading, source)}), ''), '-') IS NOT NULL" for heading in found]
    return f"CASE {' '.join(f'WHEN {when} THEN {zone}' for when, zone in zip(filled, zones, strict=True))} END"


def _in_zone(
    cell: Cell, zones: Mapping[str, str] | None, fillings: Mapping[str, Filling], sources: Sequence[Source]
) -> Cell:
    """A cell of times that knows the zone which its headings say."""
    if not zones:
        return cell
    _, found = read_from(cell.name, fillings)
    headings = dict.fromkeys(heading for source in sources for heading in found(source))
    said = {heading: zone[1] for heading in headings if (zone := zone_of_heading(heading))}
    of_files = {zones[source.file] for source in sources if found(source)}
    if len(of_files) == 1 and (zone_sql := next(iter(of_files))).startswith("'"):
        return replace(cell, zone=zone_sql, zone_said=said)
    return replace(cell, zone=_zone_cell(cell.name), zone_said=said)


def _zone_cell(cell: str) -> str:
    return identifier(f"zone of {cell}")


# What is said of a whole row


def _row_facts(table: Table, wanted: TableSource, source: Source) -> list[str]:
    facts = [f"{_left_out(wanted, source)} AS {LEFT}", f"{SHAPED}"]
    if (wanted.adds_up or not (table.key or wanted.one_row_per)) and wanted.duplicates != "keep":
        everything = ", ".join(f"c{n}" for n in range(1, len(source.names) + 1) if f"c{n}" in source.names.values())
        # A row that is read twice, each time for other columns, repeats nothing.
        read = literal(wanted.model_dump_json(include={"columns", "values"}))
        facts.append(f"hash({everything}, {read}) AS {SAME}")
    else:
        facts.append(f"CAST(NULL AS UBIGINT) AS {SAME}")
    rule = wanted.cancellations
    if rule:
        headings = [source.heading(heading) for heading in rule.match]
        texts = [f"nullif(trim({_text_of(heading, source)}), '')" for heading in headings if heading]
        complete = len(texts) == len(headings)
        match = " || chr(31) || ".join(texts) if complete else "NULL"
        tests = [_is_like_one_of(_text_of(h, source), [p]) for w, p in rule.where.items() if (h := source.heading(w))]
        facts += [f"{match} AS {MATCH}", f"coalesce({' AND '.join(tests) or 'false'}, false) AS {CANCELS}"]
    return facts


def _text_of(heading: str, source: Source) -> str:
    return as_text(source.names[heading], source.types[heading])


def _left_out(wanted: TableSource, source: Source) -> str:
    cases = []
    for heading, values in wanted.leave_out.items():
        found = source.heading(heading)
        for test in (_is_one_of, _is_like_one_of) if found else ():
            for value in values:
                said = words.later("reasons.left_out.is", heading=heading, value=_said(value))
                cases.append(f"WHEN {test(_text_of(found or '', source), [value])} THEN {literal(kept(said))}")
    for heading, values in wanted.keep_only.items():
        found = source.heading(heading)
        if found:
            shown = list(map(_said, values))
            said = words.later("reasons.left_out.is_none_of", heading=heading, values=shown)
            if len(shown) == 1:
                said = words.later("reasons.left_out.is_not", heading=heading, value=shown[0])
            fits = _is_like_one_of(_text_of(found, source), values)
            cases.append(f"WHEN NOT coalesce({fits}, false) THEN {literal(kept(said))}")
    return f"CASE {' '.join(cases)} ELSE '' END" if cases else "''"


def _holds(where: Mapping[str, Sequence[str]], source: Source) -> str:
    """SQL: whether one of these headings has one of its values; false where the file has none of them."""
    found = [(h, values) for wish, values in where.items() if (h := source.heading(wish))]
    tests = [_is_like_one_of(_text_of(heading, source), values) for heading, values in found]
    return f"coalesce({' OR '.join(tests) or 'false'}, false)"


def _said(value: str) -> str | Saying:
    if value.strip("*"):
        return value.replace("*", "…")
    return words.later("values.filled" if value else "values.empty")


def _is_one_of(text: str, values: Sequence[str]) -> str:
    tests = []
    for value in values:
        if value == "":
            tests.append(f"nullif({_bare(text)}, '') IS NULL")
        elif set(value) == {"*"}:
            tests.append(f"nullif({_bare(text)}, '') IS NOT NULL")
        elif "*" in value:
            escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
            tests.append(f"{_bare(text)} LIKE {literal(escaped)} ESCAPE '\\'")
        else:
            tests.append(f"{_bare(text)} = {literal(value)}")
    return "(" + " OR ".join(tests) + ")"


def _bare(text: str) -> str:
    """SQL of a text without blanks and tabs around it: some systems put a tab behind every value, also an empty one."""
    return f"trim({text}, {literal(_AROUND)})"


def _is_like_one_of(text: str, values: Sequence[str]) -> str:
    """SQL: whether a text is one of the values in any case and width."""
    words = [value for value in values if value.strip("*")]
    tests = [_is_one_of(text, [value for value in values if value not in words])] if len(words) < len(values) else []
    tests += [_is_one_of(plain_word_sql(text), [plain_word(value) for value in words])] if words else []
    return "(" + " OR ".join(tests) + ")"


_AROUND = " \t\r\n\u00a0\u3000"
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F)))
_NARROW = "".join(map(chr, range(0x21, 0x7F)))


def plain_word(value: str) -> str:
    """A value without differences of case and width, its letters composed (Unicode's form NFC).

    >>> plain_word(" ＮＰＳ（中文） "), plain_word("Jose\u0301") == "josé"
    ('nps(中文)', True)
    """
    return unicodedata.normalize("NFC", value.translate(str.maketrans(_WIDE, _NARROW)).lower().strip(_AROUND))


def plain_word_sql(text: str) -> str:
    """SQL of a text without blanks around it and without differences of case and width, as :func:`plain_word`."""
    return f"nfc_normalize(lower({_bare(one_width_sql(text))}))"


def one_width_sql(text: str) -> str:
    """SQL of a text with full-width letters, digits and signs as plain ones."""
    narrow = f"translate({text}, {literal(_WIDE)}, {literal(_NARROW)})"
    return f"CASE WHEN regexp_matches({text}, '[！-～]') THEN {narrow} ELSE {text} END"


def _carried_down(connection: Any, wanted: TableSource, source: Source) -> tuple[str, list[Repair]]:
    """The rows with the values of ``fill_down`` carried down, and how many cells that and merged cells filled."""
    found = [heading for wish in wanted.fill_down if (heading := source.heading(wish))]
    empty, above = words.later("values.empty"), words.later("values.above")
    repairs = [
        Repair("merged", heading, count, source.file, row, empty, above)
        for heading, (count, row) in source.merged.items()
    ]
    corrected = f"{ROW} IN (SELECT {ROW} FROM {identifier(source.corrected)})" if source.corrected else "false"
    if source.merged:
        corrected = f"({corrected} OR coalesce(len({MERGED}) > 0, false))"
    if not found or wanted.repairs.get("fill_down") is False:
        return f"SELECT *, {corrected} AS {SHAPED} FROM ({source.sql})", repairs
    within = source.heading(wanted.fill_down_within) if wanted.fill_down_within else None
    group = f"PARTITION BY {source.names[within]} " if within else ""
    over = f"OVER ({group}ORDER BY {ROW} ROWS UNBOUNDED PRECEDING)"
    filled, changed = [], []
    for heading in found:
        cell = source.names[heading]
        blank = f"nullif(trim(CAST({cell} AS VARCHAR)), '') IS NULL"
        value = f"CASE WHEN {blank} THEN NULL ELSE {cell} END"
        filled.append(f"last_value({value} IGNORE NULLS) {over} AS {cell}")
        changed.append(f"({blank} AND last_value({value} IGNORE NULLS) {over} IS NOT NULL)")
    # Groups come out of the engine in any order; what is read keeps the order of the export.
    rows = (
        f"SELECT * REPLACE ({', '.join(filled)}), {' OR '.join([*changed, corrected])} AS {SHAPED} FROM ({source.sql})"
        f" ORDER BY {ROW}"
    )
    for heading, change in zip(found, changed, strict=True):
        count, row = connection.execute(
            f"SELECT count(*), min({ROW}) FROM (SELECT {ROW}, {change} AS carried FROM ({source.sql})) WHERE carried"
        ).fetchone()
        if count:
            repairs.append(Repair("fill_down", heading, count, source.file, row, empty, above))
    return rows, repairs


def _summed(repairs: Sequence[Repair]) -> Iterator[Repair]:
    first: dict[tuple[str, str], Repair] = {}
    for repair in repairs:
        key = (repair.name, repair.column)
        earlier = first.get(key)
        first[key] = replace(earlier, cells=earlier.cells + repair.cells) if earlier else repair
    yield from first.values()


# What keeps a file from filling a table


def unusable_headings(
    table: Table, own: TableSource, wanted: TableSource, source: Source, place: str, *, pseudonyms: bool
) -> Iterator[Problem]:
    """What is wrong with a file's headings for a contract table, one problem each.

    ``own`` is what the client's YAML says, ``wanted`` the same over its profile: a heading that only the profile
    names may be missing. ``place`` is where settings are made, ``tables.orders in client.yaml``. Where ids become
    ``pseudonyms``, an e-mail address may be a customer's id.
    """
    fillings = fillings_of(table, wanted, list(source.types))
    known = shown_headings(source)

    def problem(key: str, **values: Any) -> Problem:
        return Problem.said(words, key, source.file, table=table.name, place=place, **values)

    if not any(present(filling, source) for filling in fillings.values()):
        yield problem("unknown_headings")
        return
    for name, filling in own.columns.items():
        if not fills(filling, source):
            missing = [wish for wish in filling.headings if source.heading(wish) is None]
            said = {"names": list(map(repr, missing)), "nearest": nearest(missing[0], known)}
            yield problem("no_such_column", column=name, **said)
    for name in table.required:
        if name not in own.columns and not fills(fillings[name], source):
            key = "required" if known else "required_unshown"
            yield problem(key, column=name, names=list(map(repr, fillings[name].headings)), known=known)
    wishes = [wish for filling in wanted.columns.values() for wish in filling.headings]
    for wish in dict.fromkeys([*wishes, *wanted.leave_out, *wanted.keep_only, *wanted.fill_down]):
        alike = source.headings_like(wish)
        if len(alike) > 1:
            yield problem("ambiguous", wish=wish, names=list(map(repr, alike)))
    rules = {"leave_out": list(own.leave_out), "keep_only": list(own.keep_only), "fill_down": own.fill_down}
    rules |= {key: [h] for key in ("fill_down_within", "latest_by", "first_by") if (h := getattr(own, key))}
    if own.cancellations:
        told = own.cancellations
        rules["cancellations"] = [*told.where, *told.match, *([told.quantity] if told.quantity else [])]
    for name, filling in own.columns.items():
        if filling.where and not any(source.heading(heading) for heading in filling.where):
            rules[f"columns.{name}.where"] = list(filling.where)
    for rule, named in rules.items():
        for heading in named:
            if source.heading(heading) is None:
                yield problem("rule_column", rule=rule, heading=heading, nearest=nearest(heading, known))
    if wanted.keep_only and not any(source.heading(heading) for heading in wanted.keep_only):
        yield problem("telling_column", names=list(map(repr, wanted.keep_only)))
    for name, filling in fillings.items():
        for heading in present(filling, source):
            yield from _unusable_heading(table, wanted, source, name, heading, pseudonyms)


def _unusable_heading(
    table: Table, wanted: TableSource, source: Source, name: str, heading: str, pseudonyms: bool
) -> Iterator[Problem]:
    if heading in source.twice:
        mended = {key: flow(value) for key, value in source.told_apart(wanted.header_rows).items()}
        yield Problem.said(words, "heading_twice", source.file, heading=heading, **mended)
    kind = source.types[heading]
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "INTERVAL", "BLOB")):
        yield Problem.said(words, "strange_type", source.file, heading, kind=kind)
    private = {
        found
        for column in table.columns
        if column.identity
        for found in present(wanted.columns.get(column.name) or Filling(first=[column.name]), source)
    }
    if heading in private and not column_of(table, name).identity and not (pseudonyms and name == "customer_id"):
        said = {"heading": heading, "table": table.name, "column": name}
        yield Problem.said(words, "identity", source.file, heading, **said)


def shown_headings(source: Source) -> list[str]:
    """The headings that can be shown: what looks like an address, a number or a sentence may be somebody's data."""
    return [h for h in source.types if "@" not in h and sum(c.isdigit() for c in h) < 5 and len(h) <= 60]
