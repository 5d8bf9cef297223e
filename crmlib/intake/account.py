"""Reading a client's tables row by row: which rows are accepted, which are set aside, and why; nothing is lost."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.client import Client, TableSource
from crmlib.contract import TABLES, Table
from crmlib.intake.accept import (
    BLANKED,
    FOUND,
    REASON,
    acceptance_sql,
    column_of,
    columns_found,
    identifier,
    literal,
    looks_like_thousands,
)
from crmlib.intake.readers import FILE, ROW, Source, open_source
from crmlib.problems import Problem, UnusableInput, nearest

TEST_CUSTOMER = "test customer"
GRACE_DAYS = 7
_HIDDEN = (FILE, ROW, REASON, BLANKED, FOUND)


@dataclass
class Accounting:
    """One reading of a client's files into ``folder``; :meth:`run` answers the account.

    Every table is staged in DuckDB with a reason beside each row (empty: accepted). The account of a table holds
    ``read`` = ``accepted`` + ``set_aside``, the ``reasons`` with their counts, the ``blanked`` optional values, the
    filled ``columns`` with their counts, and the rows of customers who are not in ``customers``.
    """

    client: Client
    files: dict[str, list[Path]]
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """Read, judge and write all tables.

        Raises:
            UnusableInput: with every problem of every table at once; then nothing was written.
        """
        from crmlib.engine import connect

        self.connection = connect().con
        for name in self.client.tables:
            self._stage(TABLES[name], self.client.tables[name])
        self._set_aside_test_customers()
        for name in self.accounts:
            self._count(TABLES[name])
        first, last = self._span()
        as_of = self._as_of(first, last)
        if self.problems:
            raise UnusableInput(self.problems)
        for name in self.accounts:
            self._write(TABLES[name])
        return {"as_of": as_of, "first_day": first, "last_day": last, "tables": self.accounts}

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    # Staging

    def _stage(self, table: Table, wanted: TableSource) -> None:
        opened: list[Source] = []
        for number, file in enumerate(self.files[table.name]):
            shown_as = _shown(file, self.client.folder)
            source = open_source(self.connection, file, shown_as=shown_as, name=f"{table.name}_{number}")
            if isinstance(source, Source):
                opened.append(source)
            else:
                self.problems += source
        problems = [p for source in opened for p in self._unusable_columns(table, wanted, source)]
        self.problems += problems
        if problems or not opened:
            return
        columns = self._columns(table, wanted, opened)
        tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).date().isoformat()
        union = " UNION ALL ".join(
            acceptance_sql(table, wanted, source, columns=columns, timezone=self.client.timezone, tomorrow=tomorrow)
            for source in opened
        )
        self.connection.execute(f'CREATE TEMP TABLE "{table.name}" AS {union}')
        if table.key:
            self._set_aside_duplicates(table.name, table.key)
        used = {c for source in opened for found in columns_found(table, wanted, source.types).values() for c in found}
        self.broken[table.name] = [(source.file, row, why) for source in opened for row, why in source.broken]
        self.accounts[table.name] = {
            "files": [source.file for source in opened],
            "unused_columns": sorted(set(_harmless(c for source in opened for c in source.types)) - used),
        }

    def _unusable_columns(self, table: Table, wanted: TableSource, source: Source) -> Iterator[Problem]:
        found = columns_found(table, wanted, source.types)
        settings = self.client.path.name
        if not found:
            remedy = f"add a row of headings, or name them in {settings} under tables.{table.name}.columns"
            yield Problem(source.file, "row 1", "no heading that is known", f"headings of {table.name}", remedy)
            return
        for name, mapped in wanted.columns.items():
            if name not in found:
                names = mapped if isinstance(mapped, str) else " or ".join(mapped)
                yield Problem(
                    source.file,
                    "row 1",
                    f"no column {names!r}, which {settings} gives as {table.name}.{name}",
                    "a column of that name",
                    nearest(names, _harmless(source.types)),
                )
        for name in table.required:
            if name not in found and name not in wanted.columns:
                yield Problem(
                    source.file,
                    "row 1",
                    f"no column {name!r} among {', '.join(_harmless(source.types))}",
                    f"the required column {name} of {table.name}",
                    f"name it in {settings} under tables.{table.name}.columns: {{{name}: its heading}}",
                )
        for name, headings in found.items():
            for heading in headings:
                yield from self._unusable_heading(table, name, heading, source)

    def _unusable_heading(self, table: Table, name: str, heading: str, source: Source) -> Iterator[Problem]:
        if heading in source.twice:
            remedy = "rename or remove one of the columns"
            yield Problem(source.file, "row 1", f"the heading {heading!r} twice", "it once", remedy)
        kind = source.types[heading]
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "INTERVAL", "BLOB")):
            remedy = "export it as plain text, numbers or times"
            yield Problem(source.file, heading, f"values of type {kind}", "one plain value per row", remedy)
        wanted = self.client.tables[table.name]
        numeric = column_of(table, name).kind == "number" and kind == "VARCHAR" and wanted.decimal is None
        if numeric and self._rows(looks_like_thousands(heading, source))[0][0]:
            found = "numbers whose every point has three digits after it, which may part thousands"
            place = f"tables.{table.name}.decimal in {self.client.path.name}"
            remedy = f"""set {place} to "," (1.377 is over a thousand) or to "." (it is a little over one)"""
            yield Problem(source.file, heading, found, "a known decimal sign", remedy)
        identities = {column.name for column in table.columns if column.identity}
        mapped = wanted.columns
        private = identities | {str(mapped[c]) for c in identities if c in mapped}
        if heading in private and name not in identities:
            yield Problem(
                source.file,
                heading,
                f"the identity column {heading!r} given as {table.name}.{name}",
                "a column that does not tell who a person is",
                "name another column; identities are not copied into the workspace",
            )

    @staticmethod
    def _columns(table: Table, wanted: TableSource, opened: list[Source]) -> list[str]:
        found = {name for source in opened for name in columns_found(table, wanted, source.types)}
        identity = {column.name for column in table.columns if column.identity}
        known = [name for name in table.names if name in found and name not in identity]
        return known + sorted(found - set(table.names))

    # Setting aside what only several rows together show

    def _set_aside_duplicates(self, name: str, key: str) -> None:
        self.connection.execute(
            f"""UPDATE "{name}" SET {REASON} = 'duplicate {key}', {FOUND} = '{key}=' || "{key}"
            FROM (SELECT rowid AS id, row_number() OVER (PARTITION BY "{key}" ORDER BY {FILE}, {ROW}) AS nth
                  FROM "{name}" WHERE {REASON} = '') ranked
            WHERE ranked.id = "{name}".rowid AND ranked.nth > 1"""
        )

    def _set_aside_test_customers(self) -> None:
        """Test customers and all that is theirs, down to the lines of their orders."""
        if "customers" not in self.accounts or "is_test" not in self._names("customers"):
            return
        self.connection.execute(
            "CREATE TEMP TABLE test_customers AS SELECT customer_id FROM customers "
            "WHERE is_test AND customer_id IS NOT NULL"
        )
        for name in self.accounts:
            if "customer_id" in self._names(name):
                self._set_aside_test(name, "customer_id IN (SELECT customer_id FROM test_customers)")
        for part, whole, key in (("order_lines", "orders", "order_id"), ("lead_stages", "leads", "lead_id")):
            if part in self.accounts and whole in self.accounts:
                self._set_aside_test(part, f"{key} IN (SELECT {key} FROM {whole} WHERE {REASON} = '{TEST_CUSTOMER}')")

    def _set_aside_test(self, name: str, condition: str) -> None:
        self.connection.execute(
            f"UPDATE \"{name}\" SET {REASON} = '{TEST_CUSTOMER}' WHERE {REASON} = '' AND {condition}"
        )

    # Counting and judging

    def _names(self, name: str) -> list[str]:
        return [column for column, *_ in self._rows(f'DESCRIBE "{name}"') if column not in _HIDDEN]

    def _count(self, table: Table) -> None:
        name = table.name
        account = self.accounts[name]
        accepted = f"FROM \"{name}\" WHERE {REASON} = ''"
        split, good = self._rows(f"SELECT count(*), count(*) FILTER ({REASON} = '') FROM \"{name}\"")[0]
        read = split + len(self.broken[name])
        reasons = dict(
            self._rows(f"SELECT {REASON}, count(*) FROM \"{name}\" WHERE {REASON} <> '' GROUP BY 1 ORDER BY 2 DESC, 1")
        )
        for _, _, why in self.broken[name]:
            reasons[why] = reasons.get(why, 0) + 1
        names = self._names(name)
        filled = self._rows(f"SELECT {', '.join(f'count({identifier(c)})' for c in names)} {accepted}")[0]
        account |= {
            "read": read,
            "accepted": good,
            "set_aside": read - good,
            "reasons": reasons,
            "blanked": dict(
                self._rows(f"SELECT c, count(*) FROM (SELECT unnest({BLANKED}) AS c {accepted}) GROUP BY 1 ORDER BY 1")
            ),
            "columns": {column: count for column, count in zip(names, filled, strict=True) if count},
            "without_customer": 0,
            "of_unknown_customers": 0,
        }
        if "customer_id" in names:
            account["without_customer"] = self._rows(f"SELECT count(*) {accepted} AND customer_id IS NULL")[0][0]
            if name != "customers" and "customers" in self.accounts:
                account["of_unknown_customers"] = self._rows(
                    f"SELECT count(*) {accepted} AND customer_id IS NOT NULL "
                    f"AND customer_id NOT IN (SELECT customer_id FROM customers WHERE {REASON} = '')"
                )[0][0]
        self._judge(table, account)

    def _judge(self, table: Table, account: dict[str, Any]) -> None:
        files = ", ".join(account["files"])
        example = self._example(table.name)
        if account["accepted"] == 0:
            found = "no rows" if account["read"] == 0 else f"{account['read']} rows, none of which can be used{example}"
            remedy = "export it again, or take the table out"
            self.problems.append(Problem(files, found=found, expected=f"rows of {table.name}", remedy=remedy))
            return
        unusable = account["set_aside"] - account["reasons"].get(TEST_CUSTOMER, 0)
        share = unusable / account["read"]
        if share > self.client.max_set_aside:
            self.problems.append(
                Problem(
                    files,
                    found=f"{unusable} of {account['read']} rows that cannot be used{example}",
                    expected=f"at most {self.client.max_set_aside:.0%} of the rows of {table.name}",
                    remedy=f"correct the rows or the mapping, or set max_set_aside: {min(1.0, share + 0.01):.2f}",
                )
            )

    def _example(self, name: str) -> str:
        reasons = self._rows(
            f"""SELECT {REASON}, count(*), min({ROW}), min_by({FOUND}, {ROW})
            FROM "{name}" WHERE {REASON} NOT IN ('', '{TEST_CUSTOMER}') GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3"""
        )
        texts = [f"{why} in {n} rows (row {row}{': ' + found if found else ''})" for why, n, row, found in reasons]
        if self.broken[name]:
            _, row, why = self.broken[name][0]
            texts.append(f"{why} in {len(self.broken[name])} rows (row {row})")
        return f" ({'; '.join(texts)})" if texts else ""

    # The days that the data cover

    def _span(self) -> tuple[str | None, str | None]:
        """The first and the last day on which anything happened, and of each table in its account."""
        known: list[str] = []
        for name, account in self.accounts.items():
            time = TABLES[name].time
            if time is None:
                continue
            day = f'CAST("{time}" AT TIME ZONE {literal(self.client.timezone)} AS DATE)'
            first, last = self._rows(f"SELECT min({day}), max({day}) FROM \"{name}\" WHERE {REASON} = ''")[0]
            if first is None:
                continue
            account["first_day"], account["last_day"] = first.isoformat(), last.isoformat()
            # A spend row stands for the whole period that begins on its day, so it says nothing of the last day.
            if name != "spend":
                known += [account["first_day"], account["last_day"]]
        return (min(known), max(known)) if known else (None, None)

    def _as_of(self, first: str | None, last: str | None) -> str | None:
        wanted = self.client.as_of
        place = self.client.path.name
        if last is None and not self.problems:
            remedy = "add tables.orders or another table of events"
            self.problems.append(Problem(place, "tables", "no table with times", "at least one", remedy))
        if wanted is None:
            return last
        if first and last:
            latest = dt.date.fromisoformat(last) + dt.timedelta(days=GRACE_DAYS)
            if not dt.date.fromisoformat(first) <= wanted <= latest:
                expected = f"a day of the data, which run from {first} to {last}"
                remedy = "correct as_of, or leave it out to use the last day"
                self.problems.append(Problem(place, "as_of", wanted.isoformat(), expected, remedy))
        return wanted.isoformat()

    # Writing

    def _write(self, table: Table) -> None:
        name = table.name
        columns = ", ".join(identifier(c) for c in self._names(name))
        target = self.folder / f"{name}.parquet"
        self.connection.execute(
            f"COPY (SELECT {columns} FROM \"{name}\" WHERE {REASON} = '') "
            f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        with target.open("rb") as stream:
            self.accounts[name]["checksum"] = hashlib.file_digest(stream, "sha256").hexdigest()
        if self.accounts[name]["set_aside"]:
            self._write_set_aside(table)

    def _write_set_aside(self, table: Table) -> None:
        name = table.name
        keys = [c for c in dict.fromkeys((table.key, "customer_id")) if c and c in self._names(name)]
        shown = "".join(f', "{c}"' for c in keys)
        lines = [
            f"SELECT {FILE} AS file, {ROW} AS row, {REASON} AS reason, {FOUND} AS found{shown} "
            f"FROM \"{name}\" WHERE {REASON} <> ''"
        ]
        for file, row, why in self.broken[name]:
            lines.append(f"SELECT {literal(file)}, {row}, {literal(why)}, ''{', NULL' * len(keys)}")
        (self.folder / "set_aside").mkdir(exist_ok=True)
        target = self.folder / "set_aside" / f"{name}.csv"
        self.connection.execute(
            f"COPY (SELECT * FROM ({' UNION ALL '.join(lines)}) ORDER BY file, row) TO {literal(str(target))} (HEADER)"
        )


def _harmless(headings: Iterable[str]) -> list[str]:
    """The headings that can be shown: what looks like an address, a number or a sentence may be somebody's data."""
    return [h for h in headings if "@" not in h and sum(c.isdigit() for c in h) < 5 and len(h) <= 60]


def _shown(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return file.name
