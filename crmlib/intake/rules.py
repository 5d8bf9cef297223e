"""What only several rows together show: duplicates, cancellations and their orders, goods and what is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crmlib.contract import Table
from crmlib.engine import identifier, literal
from crmlib.intake.accept import BLANKED, FOUND, REASON, REPAIRED
from crmlib.intake.reasons import kept, words
from crmlib.intake.shape import CANCELS, MATCH, ORDER, PIECES, SAME
from crmlib.intake.source import FILE, ROW
from crmlib.mapping import Taken
from crmlib.words import Saying

TEST_CUSTOMER = words.later("reasons.left_out.test_customer")
FORGOTTEN = words.later("reasons.left_out.forgotten")
EXACT = words.later("reasons.left_out.repeated")
NOT_A_PRODUCT = words.later("reasons.left_out.not_a_product")
CANCELLATION_LINE = words.later("reasons.left_out.cancellation")
CANCELLED = words.later("reasons.unmatched")
POSITIVE = words.later("reasons.positive")
NEGATIVE = words.later("reasons.negative")


def repeats(key: str) -> Saying:
    """The reason of a row whose key an earlier row has."""
    return words.later("reasons.duplicate", column=key)


def exact_duplicates(connection: Any, name: str, files: Sequence[str] | None = None) -> int:
    """How many accepted rows of a staged table repeat an earlier row of these files in every cell of the source."""
    return connection.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {identifier(name)} "
        f"WHERE {REASON} = '' AND {SAME} IS NOT NULL AND {_from(files)} GROUP BY {SAME} HAVING n > 1)"
    ).fetchone()[0]


def _from(files: Sequence[str] | None) -> str:
    """SQL: whether a row comes from one of these files; from any where none are named."""
    return "true" if files is None else f"{FILE} IN ({', '.join(map(literal, files)) or 'NULL'})"


def drop_exact_duplicates(connection: Any, name: str, files: Sequence[str] | None = None) -> None:
    """Quarantine every accepted row that repeats an earlier one of these files in every cell of the source."""
    table, usable = identifier(name), f"{REASON} = '' AND {_from(files)}"
    connection.execute(
        f"""UPDATE {table} SET {REASON} = {literal(kept(EXACT))}
        FROM (SELECT rowid AS id, row_number() OVER (PARTITION BY {SAME} ORDER BY rowid) AS nth FROM {table}
              WHERE {usable} AND {SAME} IN (SELECT {SAME} FROM {table} WHERE {usable}
                                            AND {SAME} IS NOT NULL GROUP BY 1 HAVING count(*) > 1)) AS ranked
        WHERE ranked.id = {table}.rowid AND ranked.nth > 1"""
    )


def drop_repeated_keys(connection: Any, name: str, key: str, files: Sequence[str] | None = None) -> None:
    """Quarantine every accepted row whose key an earlier row has; one that is the same in all else is a duplicate.

    A row that cancels repeats nothing. With ``files`` only their rows are compared.
    """
    table, column = identifier(name), identifier(key)
    usable = f"{REASON} = '' AND {_from(files)}"
    if CANCELS in [c for c, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]:
        usable += f" AND NOT {CANCELS}"
    everything = ", ".join([*(identifier(c) for c in names_of(connection, name)), BLANKED])
    known = "false" if key == "customer_id" else f"NOT contains({column}, '@')"
    shown = f"CASE WHEN {known} THEN '{key}=' || {column} END"
    repeated = literal(kept(repeats(key)))
    connection.execute(
        f"""UPDATE {table} SET {REASON} = CASE WHEN same THEN {literal(kept(EXACT))} ELSE {repeated} END,
            {FOUND} = CASE WHEN NOT same THEN {shown} END
        FROM (SELECT rowid AS id, row_number() OVER keyed AS nth, hash({everything}) = first_value(hash({everything}))
              OVER keyed AS same FROM {table}
              WHERE {usable} AND {column} IN (SELECT {column} FROM {table} WHERE {usable}
                                              GROUP BY 1 HAVING count(*) > 1)
              WINDOW keyed AS (PARTITION BY {column} ORDER BY rowid)) AS ranked
        WHERE ranked.id = {table}.rowid AND ranked.nth > 1"""
    )


def set_aside(connection: Any, name: str, reason: Saying, condition: str) -> None:
    """Quarantine the accepted rows for which an SQL condition holds.

    Of a person who is to be forgotten also the rows that are in quarantine already: nothing that stood in them is kept.
    """
    changed, which = f"{REASON} = {literal(kept(reason))}", f"{REASON} = '' AND ({condition})"
    if reason == FORGOTTEN:
        changed, which = f"{changed}, {FOUND} = NULL", f"({condition})"
    connection.execute(f"UPDATE {identifier(name)} SET {changed} WHERE {which}")


def set_aside_people(connection: Any, staged: Sequence[str], people: str, reason: Saying) -> None:
    """Quarantine the rows of some customers in all staged tables, down to the lines of their orders.

    ``people`` is a query of customer ids.
    """
    for name in staged:
        if "customer_id" in names_of(connection, name):
            set_aside(connection, name, reason, f"customer_id IN ({people})")
    for part, whole, key in (("order_lines", "orders", "order_id"), ("lead_stages", "leads", "lead_id")):
        if part in staged and whole in staged:
            theirs = f"SELECT {key} FROM {whole} WHERE {REASON} = {literal(kept(reason))}"
            set_aside(connection, part, reason, f"{key} IN ({theirs})")


def names_of(connection: Any, name: str) -> list[str]:
    """The columns of a staged table that belong to the contract."""
    described = connection.execute(f"DESCRIBE {identifier(name)}").fetchall()
    return [column for column, *_ in described if not column.startswith("_")]


# Keys that are none


@dataclass(frozen=True)
class SharedKey:
    """A key of a staged table that several rows have: of ``keys`` in all, how many are ``repeated``, how many belong to
    several customers (``several``), and with which further column they would not (``beside``).

    ``together``: of the repeated, in how many the rows agree in customer and time, as the lines of an order do.
    """

    keys: int
    repeated: int
    several: int
    together: int
    beside: str


def shared_key(connection: Any, name: str, key: str, time: str | None) -> SharedKey:
    """What the accepted rows say of a key: whether it stands for one record."""
    columns = names_of(connection, name)
    marks = [c for c, *_ in connection.execute(f"DESCRIBE {identifier(name)}").fetchall()]
    usable = f"FROM {identifier(name)} WHERE {REASON} = ''" + (f" AND NOT {CANCELS}" if CANCELS in marks else "")
    column = identifier(key)
    people = "customer_id" if "customer_id" in columns and key != "customer_id" else "NULL"
    moment = identifier(time) if time in columns else "NULL"
    keys, repeated, several, together = connection.execute(
        f"""SELECT count(*), count(*) FILTER (n > 1), count(*) FILTER (p > 1),
            count(*) FILTER (n > 1 AND p <= 1 AND t <= 1)
        FROM (SELECT count(*) AS n, count(DISTINCT {people}) AS p, count(DISTINCT {moment}) AS t
              {usable} GROUP BY {column})"""
    ).fetchone()
    beside = time or "" if several else ""
    if several:
        # A customer's address has no place in the key of an order.
        address = connection.execute(f"SELECT count(*) {usable} AND contains(customer_id, '@')").fetchone()[0]
        others = ("store", "channel", time, *([] if address else ["customer_id"]))
        for other in (c for c in others if c and c in columns):
            left = connection.execute(
                f"SELECT count(*) FROM (SELECT 1 {usable} GROUP BY {column}, {identifier(other)} "
                "HAVING count(DISTINCT customer_id) > 1)"
            ).fetchone()[0]
            if not left:
                beside = other
                break
    return SharedKey(keys, repeated, several, together, beside)


# Cancellations


@dataclass(frozen=True)
class Cancelled:
    """Cancellations of a staged table of orders: rows and amounts, in all and matched to an earlier order."""

    rows: int
    matched: int
    amount: float
    matched_amount: float


def match_cancellations(connection: Any, name: str) -> Cancelled:
    """Match each cancelling row to the latest earlier row of the same match that has enough pieces left.

    Where no single row has enough, the pieces are taken from several, latest first. Matched rows stay accepted and
    are noted in the table ``cancelled`` (``id`` of the cancelling row, ``of_order``, ``amount`` taken back);
    the others are quarantined. Without pieces the amounts are matched.
    """
    table = identifier(name)
    set_aside(connection, name, POSITIVE, f"{CANCELS} AND amount > 0")
    pieces = PIECES if PIECES in [c for c, *_ in connection.execute(f"DESCRIBE {table}").fetchall()] else "amount"
    rows = connection.execute(
        f"""SELECT rowid AS id, {MATCH} AS match, {CANCELS} AS cancels, ordered_at, order_id, amount,
            abs({pieces}) AS pieces
        FROM {table} WHERE {REASON} = '' AND {MATCH} IN (SELECT {MATCH} FROM {table} WHERE {CANCELS} AND {REASON} = '')
            AND (({CANCELS} AND {pieces} IS NOT NULL) OR {pieces} > 0)
        ORDER BY match, ordered_at, cancels, id"""
    ).fetchnumpy()
    found = _allocate(rows)
    connection.execute("CREATE OR REPLACE TEMP TABLE cancelled (id BIGINT, of_order VARCHAR, amount DOUBLE)")
    if found:
        import pyarrow as pa

        ids, orders, amounts = zip(*found, strict=True)
        batch = pa.table({"id": list(map(int, ids)), "of_order": list(orders), "amount": list(map(float, amounts))})
        connection.register("batch", batch)
        connection.execute("INSERT INTO cancelled SELECT * FROM batch")
        connection.unregister("batch")
    set_aside(connection, name, CANCELLED, f"{CANCELS} AND rowid NOT IN (SELECT id FROM cancelled)")
    connection.execute(f"UPDATE {table} SET {REPAIRED} = true WHERE rowid IN (SELECT id FROM cancelled)")
    count, matched, amount, matched_amount = connection.execute(
        f"""SELECT count(*), count(*) FILTER ({REASON} = ''), -coalesce(sum(amount), 0),
            -coalesce(sum(amount) FILTER ({REASON} = ''), 0)
        FROM {table} WHERE {CANCELS} AND {REASON} IN ('', {literal(kept(CANCELLED))})"""
    ).fetchone()
    return Cancelled(count, matched, amount, matched_amount)


def _allocate(rows: dict[str, Any]) -> list[tuple[int, str, float]]:
    """Which order each cancelling row takes back, and how much of its amount: last in, first out."""
    found: list[tuple[int, str, float]] = []
    open_rows: list[list[Any]] = []
    current = None
    columns = (rows[key].tolist() for key in ("id", "match", "cancels", "order_id", "amount", "pieces"))
    for number, match, cancels, order, amount, pieces in zip(*columns, strict=True):
        if match != current:
            current, open_rows = match, []
        if not cancels:
            open_rows.append([order, pieces])
            continue
        enough = next((row for row in reversed(open_rows) if row[1] >= pieces), None)
        if enough is not None:
            enough[1] -= pieces
            found.append((number, enough[0], -amount))
        elif pieces > 0 and sum(row[1] for row in open_rows) >= pieces:
            left = pieces
            for row in reversed(open_rows):
                taken = min(left, row[1])
                if taken > 0:
                    found.append((number, row[0], -amount * taken / pieces))
                    row[1] -= taken
                    left -= taken
    return found


# One row per


def one_row_per(
    connection: Any,
    table: Table,
    *,
    keys: Sequence[str],
    adds_up: Sequence[str],
    take: Mapping[str, Taken] | None = None,
    latest_by: str = "",
    first_by: str = "",
) -> tuple[list[Saying], Saying | None]:
    """Make one row of all accepted rows with equal keys, into the table ``made_<name>``.

    Columns under ``adds_up`` are summed, and ``take`` says what is taken of others: ``latest`` or ``first`` (what
    stands in the latest or the first row, also if it is empty), ``latest filled``, ``any`` and ``all`` of flags, or the
    ``count`` of filled cells. Of the rest it is the latest row with ``latest_by`` (the heading whose values are in
    ``_order``), the first row with ``first_by``, and otherwise the earliest of times and the first that is filled.
    Rows that cancel give their amount to ``refunded_amount`` of the order that they take back.

    Returns:
        what was taken where the rows of one key differ; and the question which row counts, where states, choices or
        flags of a record differ and nothing says it.
    """
    name, staged = table.name, identifier(table.name)
    described = [c for c, *_ in connection.execute(f"DESCRIBE {staged}").fetchall()]
    columns = [c for c in described if not c.startswith("_")]
    cancels = f"AND NOT {CANCELS}" if CANCELS in described else ""
    group = ", ".join(identifier(key) for key in keys)
    accepted = f"FROM {staged} WHERE {REASON} = '' {cancels}"
    number = "rowid"
    order = f"{ORDER} NULLS FIRST, rowid" if ORDER in described else "rowid"
    if latest_by or first_by or take:
        ranked = (
            f"SELECT *, rowid AS _id, row_number() OVER (PARTITION BY {group} ORDER BY {order}) AS _rank {accepted}"
        )
        number, accepted = "_id", f"FROM ({ranked})"
    rest: Taken | None = "latest" if latest_by else "first" if first_by else None
    taken: dict[str, str] = {}
    made = []
    for column in columns:
        cell = identifier(column)
        of_time = column in table.names and table[column].kind == "time"
        how = (take or {}).get(column) or rest or ("earliest" if of_time else "first filled")
        if column in keys:
            made.append(cell)
        elif column in adds_up:
            made.append(f"fsum({cell}) AS {cell}")
        else:
            made.append(f"{_TAKEN[how].format(cell, number)} AS {cell}")
            taken[column] = how
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {identifier('made_' + name)} AS "
        f"SELECT {', '.join(made)}, min({FILE}) AS {FILE}, min({ROW}) AS {ROW} {accepted} GROUP BY {group} "
        f"ORDER BY min({number})"
    )
    if cancels:
        _take_back(connection, name, columns)
    tests = [f"min({identifier(c)}) <> max({identifier(c)}) AS d{n}" for n, c in enumerate(taken)]
    emptied = [c for c, how in taken.items() if how == "latest"]
    tests += [f"arg_max({{'v': {identifier(c)}}}, _rank).v IS NULL AND count({identifier(c)}) > 0 AS e{n}"
              for n, c in enumerate(emptied)]  # fmt: skip
    if ORDER in described:
        tests += [f"count(*) > count({ORDER}) AS unknown", f"count({ORDER}) > count(DISTINCT {ORDER}) AS equal"]
    if not tests:
        return [], None
    facts = [test.rpartition(" AS ")[2] for test in tests]
    row = connection.execute(
        f"SELECT {', '.join(f'count(*) FILTER ({fact})' for fact in facts)} "
        f"FROM (SELECT {', '.join(tests)} {accepted} GROUP BY {group})"
    ).fetchone()
    counts = dict(zip(facts, row, strict=True))
    said = {"keys": list(keys), "heading": latest_by or first_by}
    answer = [
        words.later(f"decisions.differs.{how}", column=column, n=counts[f"d{n}"], **said)
        for n, (column, how) in enumerate(taken.items())
        if counts[f"d{n}"]
    ]
    answer += [
        words.later("decisions.latest_is_empty", column=column, n=counts[f"e{n}"], **said)
        for n, column in enumerate(emptied)
        if counts[f"e{n}"]
    ]
    answer += [words.later(f"decisions.order.{fact}", n=counts[fact], **said)
               for fact in ("unknown", "equal") if counts.get(fact)]  # fmt: skip
    unsettled = {
        column: counts[f"d{n}"] for n, (column, how) in enumerate(taken.items())
        if how == "first filled" and counts[f"d{n}"] and _changes(table, column)
    }  # fmt: skip
    if not unsettled:
        return answer, None
    asked = {
        "keys": list(keys),
        "columns": list(unsettled),
        "n": max(unsettled.values()),
        "first": next(iter(unsettled)),
    }
    return answer, words.later("questions.several_states", **asked)


def _changes(table: Table, column: str) -> bool:
    """Whether a column of a record says how it stands, which a later row of a log changes; customers are collected."""
    if table.name == "customers" or column not in table.names:
        return False
    return bool(table[column].allowed) or table[column].kind == "flag" or column in _STATES


_STATES = ("stage", "priority", "owner", "resolution", "plan", "csat", "lost_reason", "reason")


_TAKEN = {
    "earliest": "min({0})",
    "first filled": "arg_min({0}, {1})",
    "latest": "arg_max({{'v': {0}}}, _rank).v",
    "latest filled": "arg_max({0}, _rank)",
    "first": "arg_min({{'v': {0}}}, _rank).v",
    "any": "bool_or({0})",
    "all": "bool_and({0})",
    "count": "count({0})",
}
"""SQL of what is taken of the rows of which one is made."""


def _take_back(connection: Any, name: str, columns: Sequence[str]) -> None:
    made = identifier("made_" + name)
    for column, kind in (("refunded_amount", "DOUBLE"), ("status", "VARCHAR")):
        if column not in columns:
            connection.execute(f"ALTER TABLE {made} ADD COLUMN {column} {kind}")
    if "status" not in columns:
        connection.execute(f"UPDATE {made} SET status = 'paid'")
    connection.execute(
        f"""UPDATE {made} SET refunded_amount = coalesce(refunded_amount, 0) + back.amount,
            status = CASE WHEN coalesce(refunded_amount, 0) + back.amount >= {made}.amount - 0.005 THEN 'refunded'
                     ELSE status END
        FROM (SELECT of_order, sum(amount) AS amount FROM cancelled GROUP BY 1) AS back
        WHERE {made}.order_id = back.of_order"""
    )
