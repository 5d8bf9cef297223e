"""How good the data are: a score for every column, days that are covered, and keys that lead nowhere."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from crmlib.contract import TABLES, Table
from crmlib.engine import identifier, literal
from crmlib.intake.reasons import deliberate, kept, restored
from crmlib.intake.rules import repeats
from crmlib.statistics import CHANCE_OF_A_GAP, longer_silences

FOREIGN_KEYS = (
    ("orders", "customer_id", "customers", "customer_id"),
    ("order_lines", "order_id", "orders", "order_id"),
    ("leads", "customer_id", "customers", "customer_id"),
    ("lead_stages", "lead_id", "leads", "lead_id"),
    ("touches", "customer_id", "customers", "customer_id"),
    ("surveys", "customer_id", "customers", "customer_id"),
    ("tickets", "customer_id", "customers", "customer_id"),
    ("usage", "customer_id", "customers", "customer_id"),
    ("subscriptions", "customer_id", "customers", "customer_id"),
    ("loyalty", "customer_id", "customers", "customer_id"),
    ("actions", "customer_id", "customers", "customer_id"),
)
"""Which column leads to which: table, column, table there, column there."""

# Days without a row that are no silence.
_RESTS = 3

IN_ORDER = (
    ("leads", "created_at", "converted_at"),
    ("tickets", "opened_at", "first_response_at"),
    ("tickets", "opened_at", "resolved_at"),
    ("subscriptions", "started_at", "ended_at"),
    ("actions", "assigned_at", "done_at"),
)
"""Times of which the first cannot be later than the second."""

STALE_DAYS = 31


def foreign_keys(connection: Any, made: Mapping[str, str]) -> list[dict[str, Any]]:
    """Keys that lead nowhere, for every pair of tables that both are there.

    Args:
        connection: DuckDB.
        made: SQL of each table's rows.

    Returns:
        one entry per pair: ``table, column, into``, ``rows`` with a key, ``lost`` rows whose key is not there, and
        ``keys`` (how many different ones are not there).
    """
    found = []
    for table, column, there, key in FOREIGN_KEYS:
        if table not in made or there not in made:
            continue
        columns = [c for c, *_ in connection.execute(f"DESCRIBE {made[table]}").fetchall()]
        if column not in columns:
            continue
        rows, lost, keys = connection.execute(
            f"""SELECT count(*), count(*) FILTER (u.k IS NULL), count(DISTINCT t.{column}) FILTER (u.k IS NULL)
            FROM ({made[table]}) AS t LEFT JOIN (SELECT DISTINCT {key} AS k FROM ({made[there]})) AS u
            ON u.k = t.{column} WHERE t.{column} IS NOT NULL"""
        ).fetchone()
        found.append({"table": table, "column": column, "into": there, "rows": rows, "lost": lost, "keys": keys})
    return found


def coverage(connection: Any, table: Table, rows: str, *, timezone: str) -> dict[str, Any] | None:
    """Rows by month, and stretches without a row that chance does not explain; nothing for a table without times.

    A stretch of ``n`` days without a row is a gap if rows that come as evenly as on average (``rate`` a day) would
    leave any such stretch in the whole time with a chance below 0.1 %: days × exp(-rate × n), the expected number of
    such stretches of a Poisson process. Where rows come in bursts, it must be longer, too, than the other silences
    explain (:func:`crmlib.statistics.longer_silences`).

    Returns:
        ``first``, ``last`` (ISO days), ``months`` (``{"2025-01": rows}``, empty months with 0), ``gaps`` (``from``,
        ``to``, ``days``), ``silences`` (``count`` and ``days`` of all stretches of more than three days), and
        ``covered`` (share of days outside of gaps).
    """
    if table.time is None:
        return None
    local = identifier(table.time)
    if table[table.time].kind == "time":
        local = f"CAST({local} AT TIME ZONE {literal(timezone)} AS DATE)"
    days = connection.execute(
        f"SELECT {local} AS day, count(*) FROM ({rows}) WHERE {identifier(table.time)} IS NOT NULL GROUP BY 1 "
        "ORDER BY 1"
    ).fetchall()
    if not days:
        return None
    first, last = days[0][0], days[-1][0]
    months: dict[str, int] = {}
    month = first.replace(day=1)
    while month <= last:
        months[f"{month:%Y-%m}"] = 0
        month = (month + dt.timedelta(days=32)).replace(day=1)
    for day, count in days:
        months[f"{day:%Y-%m}"] += count
    every = [day for day, _ in days]
    found = gaps(every, sum(count for _, count in days)) if table.name != "spend" else []
    silent = silences(every)
    length = (last - first).days + 1
    empty = sum(gap["days"] for gap in found)
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "months": months,
        "gaps": found,
        "silences": {"count": len(silent), "days": _days_of(silent)},
        "covered": 1 - empty / length,
    }


def gaps(days: Sequence[dt.date], rows: int) -> list[dict[str, Any]]:
    """Stretches without a row, longer than chance explains, between sorted days on which there are rows.

    >>> week = [dt.date(2025, 1, n) for n in (1, 2, 3, 4, 5, 26, 27, 28)]
    >>> gaps(week, 160)
    [{'from': '2025-01-06', 'to': '2025-01-25', 'days': 20}]
    >>> gaps(week, 8)
    []
    """
    length = (days[-1] - days[0]).days + 1
    empty = silences(days)
    found = []
    for first, last in empty:
        n = (last - first).days + 1
        others = len(empty) - 1, _days_of(empty) - n, length - n
        by_chance = max(length * math.exp(-min(rows / length * n, 700)), longer_silences(n, *others))
        if by_chance < CHANCE_OF_A_GAP:
            found.append({"from": first.isoformat(), "to": last.isoformat(), "days": n})
    return found


def silences(days: Sequence[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """First and last day of the stretches of more than three days between sorted days.

    A closed weekend or a holiday is none: shops rest, and rows are not spread as evenly as chance would.
    """
    one = dt.timedelta(days=1)
    pairs = itertools.pairwise(days)
    return [(before + one, after - one) for before, after in pairs if (after - before).days > _RESTS + 1]


def _days_of(stretches: Sequence[tuple[dt.date, dt.date]]) -> int:
    return sum((last - first).days + 1 for first, last in stretches)


def column_scores(
    connection: Any,
    table: Table,
    rows: str,
    account: Mapping[str, Any],
    *,
    keys: Sequence[Mapping[str, Any]],
    as_of: str,
) -> dict[str, dict[str, float]]:
    """Scores between 0 and 1 of every column that holds anything, as far as each can be told.

    ``complete``: share of the rows in which it is filled. ``valid``: share of what stood there that could be read.
    ``unique``: share of the rows of a key that no earlier row had. ``consistent``: share that agrees with other
    columns: keys that are known in their table and stand for one customer, times in their order. ``timely``: 1 while
    the last time is within 31 days of ``as_of``, then 31 days over its age. ``score`` is their product: the share of
    cells to be relied on.

    ``rows`` is SQL of the table's rows, ``account`` its account, ``keys`` the foreign keys, ``as_of`` an ISO day.
    """
    scores: dict[str, dict[str, float]] = {}
    made = account["rows"]
    for column, filled in account["columns"].items():
        # Where the contract gives an empty cell a meaning (not yet resolved, a guest), emptiness is no fault.
        score = {} if column in table.names and table[column].may_be_empty else {"complete": filled / made}
        unread = account["blanked"].get(column, 0) + _unread(account["reasons"], column)
        # Where several rows were read for each one that was made, values are counted as they were read.
        read = account.get("values", {}).get(column, filled)
        score["valid"] = read / (read + unread)
        if column == table.key:
            repeated = account["reasons"].get(kept(repeats(column)), 0)
            score["unique"] = filled / (filled + repeated)
            shared = account.get("several_customers")
            if shared:
                score["consistent"] = 1 - shared["shared"] / shared["keys"]
        consistent = _consistent(connection, table, rows, column, keys)
        if consistent is not None:
            score["consistent"] = consistent
        if column == table.time and "last_day" in account:
            age = (dt.date.fromisoformat(as_of) - dt.date.fromisoformat(account["last_day"])).days
            score["timely"] = 1.0 if age <= STALE_DAYS else STALE_DAYS / age
        scores[column] = score | {"score": math.prod(score.values())}
    return scores


def _unread(reasons: Mapping[str, int], column: str) -> int:
    """Rows whose value in a column could not be read or was out of range."""
    return sum(
        count
        for why, count in reasons.items()
        if not deliberate(why)
        and any(one.key.startswith("reasons.cell.") and one.values["column"] == column for one in restored(why))
    )


def _consistent(
    connection: Any, table: Table, rows: str, column: str, keys: Sequence[Mapping[str, Any]]
) -> float | None:
    for key in keys:
        if (key["table"], key["column"]) == (table.name, column) and key["rows"]:
            return 1 - key["lost"] / key["rows"]
    columns = [c for c, *_ in connection.execute(f"DESCRIBE {rows}").fetchall()]
    for name, earlier, later in IN_ORDER:
        if (name, later) == (table.name, column) and earlier in columns:
            both, wrong = connection.execute(
                f"SELECT count(*), count(*) FILTER ({later} < {earlier}) FROM ({rows}) "
                f"WHERE {earlier} IS NOT NULL AND {later} IS NOT NULL"
            ).fetchone()
            return 1 - wrong / both if both else None
    return None


def quality(
    connection: Any, made: Mapping[str, str], accounts: Mapping[str, Mapping[str, Any]], *, timezone: str, as_of: str
) -> dict[str, Any]:
    """The quality of all tables: ``columns`` (scores by table and column), ``coverage``, ``foreign_keys``."""
    keys = foreign_keys(connection, made)
    return {
        "columns": {
            name: column_scores(connection, TABLES[name], made[name], accounts[name], keys=keys, as_of=as_of)
            for name in made
        },
        "coverage": {
            name: covered
            for name in made
            if (covered := coverage(connection, TABLES[name], made[name], timezone=timezone)) is not None
        },
        "foreign_keys": keys,
    }
