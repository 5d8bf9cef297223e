"""One person is forgotten: in the vault, in every workspace and run, in what was quarantined and corrected."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.client import Client
from crmlib.engine import file_pattern, identifier, literal
from crmlib.files import half_written
from crmlib.intake.identities.known_names import KnownNames, duckdb_with_names
from crmlib.intake.identities.private import PRIVATE, replacing, room_for, write_private
from crmlib.intake.identities.pseudonyms import is_pseudonym, pseudonym
from crmlib.intake.identities.runs import made_by_a_run, registered_runs, removing
from crmlib.intake.identities.traces import (
    Person,
    plain_key,
    rows_naming,
    rows_with,
    stands_in,
    stands_in_parquet,
    without_rows,
)
from crmlib.intake.identities.vault import Vault
from crmlib.intake.identities.vault_key import client_key
from crmlib.intake.readers import find_files
from crmlib.intake.shape import FREE_TEXT
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)

ACCOUNT = "account.json"
ASIDE = ("quarantine", "corrected")
_LINKS = ("order_id", "lead_id")
_HEADINGS = ("customer_id", "merge_into", "merged_id", "other_id")
_NO_EXPORTS = (".yaml", ".yml", ".md", ".gitignore")
_SHOWN_ROWS = 20
_FILE = "as_it_was"


@dataclass(frozen=True)
class Step:
    """What was done, or would be, to one file: ``what`` in words, ``rows`` that went (none: the file as a whole)."""

    file: str
    what: str
    rows: int | None = None

    def __str__(self) -> str:
        return _WORDS.say("line", file=self.file, what=self.what)


@dataclass(frozen=True)
class Report:
    """What was done, file by file, and what remains because it is not the kit's to change."""

    done: tuple[Step, ...]
    remains: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([*map(str, self.done), *(_WORDS.say("remains.line", what=line) for line in self.remains)])


def forget(client: Client, customer: str, *, headings: Collection[str] = ()) -> Report:
    """Remove one person everywhere but in the client's own exports, and keep the person out of later intakes.

    Vault rows and workspace rows of the person go, with the lines of the person's orders; rows of quarantined and
    corrected files; and notebooks, tables and pages of registered runs in which an id, the pseudonym or an identity
    value stands (the next run makes them anew). The exports stay: the report names file and rows.

    Args:
        client: the client.
        customer: the client's own id of the person, or the pseudonym.
        headings: further headings under which exports keep the customer's id, as a profile names them.

    Raises:
        UnusableInput: no such person is known in the vault, in the tables or in the exports; a name or an address is
            given, and no id; the key is missing; a run or a check is at work on the client; or the disk is full: what
            was done then is done again next time.
    """
    with removing(client.folder), room_for(client.folder):
        return _Forgetting(client, customer, headings, pretend=False).run()


def plan_forget(client: Client, customer: str, *, headings: Collection[str] = ()) -> Report:
    """What :func:`forget` would do; nothing is changed.

    Raises:
        UnusableInput: as :func:`forget`.
    """
    with removing(client.folder):
        return _Forgetting(client, customer, headings, pretend=True).run()


@dataclass
class _Forgetting:
    client: Client
    customer: str
    headings: Collection[str]
    pretend: bool
    done: list[Step] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)

    def run(self) -> Report:
        self.vault = Vault(self.client.folder, key := client_key(self.client.folder))
        identities = self.vault.read("find a person to forget")
        self.person = self._who(identities, pseudonym(key, self.customer.strip()))
        known = self._in_vault(identities)
        runs = [folder for folder in registered_runs(self.client.folder) if folder.is_dir()]
        kept = self.client.folder / PRIVATE
        for folder in [*runs, *(f for f in sorted(kept.glob("*")) if f.is_dir() and f.name != "vault")]:
            self._in_run(folder, whole=folder not in runs)
        for name in ASIDE:
            for file in _files(self.client.folder / name):
                self._in_table_aside(file)
        found = self._in_exports(runs)
        if not (known or self.done or found or self.person.pseudonym in self.vault.forgotten()):
            raise UnusableInput([self._problem("unknown")])
        self._tombstone(known)
        return Report(tuple(self.done), tuple(self.remains))

    # Who it is

    def _who(self, identities: Any, computed: str) -> Person:
        rows = identities.select(["pseudonym", "customer_id"]).to_pydict()
        pairs = list(zip(rows["pseudonym"], rows["customer_id"], strict=True))
        wanted = self.customer.strip()
        by_id = {p for p, c in pairs if c == wanted} or {p for p, c in pairs if plain_key(c or "") == plain_key(wanted)}
        if len(by_id) > 1:
            raise UnusableInput([self._problem("several", n=len(by_id))])
        named = is_pseudonym(wanted)
        if not by_id and not named and (others := _called(identities, wanted)):
            raise UnusableInput([self._problem("no_id", n=len(others), ids=others)])
        shown = by_id.pop() if by_id else wanted if named else computed
        ids = {c for p, c in pairs if p == shown and c} or (set() if named else {wanted})
        if not ids:
            self._remains("exports")
        return Person(
            frozenset(ids),
            shown,
            _identities_of(identities, shown),
            frozenset({*_HEADINGS, *_own_headings(self.client), *self.headings}),
            shown=self.client.customer_ids != "pseudonyms",
            known=shown in rows["pseudonym"],
        )

    def _problem(self, key: str, **values: Any) -> Problem:
        return Problem.said(_WORDS, f"customer.{key}", _WORDS.say("customer"), **values)

    def _remains(self, key: str, **values: Any) -> None:
        self.remains.append(_WORDS.say(f"remains.{key}", values))

    # Vault

    def _in_vault(self, identities: Any) -> int:
        rows = identities.to_pylist()
        own = [row for row in rows if row["pseudonym"] == self.person.pseudonym]
        telling = {(k, row[k]) for row in own for k in ("email", "phone") if row.get(k)}
        alike = {row["pseudonym"] for row in rows if any((k, row.get(k)) in telling for k in ("email", "phone"))}
        alike -= {self.person.pseudonym, None}
        if alike:
            self._remains("alike", n=len(alike), customers=sorted(alike))
        return len(own)

    def _tombstone(self, known: int) -> None:
        if not self.pretend:
            self.vault.forget(self.person.pseudonym)
        what = _WORDS.say("removed.identities" if known else "removed.no_identity", n=known)
        self.done.insert(0, Step(f"{PRIVATE}/vault", what, known))

    # Runs and workspaces

    def _in_run(self, folder: Path, *, whole: bool) -> None:
        """Look through a run's folder; of what others keep in it nothing is removed (``whole``: all of it is ours)."""
        for file in list(_files(folder)):
            if not (whole or made_by_a_run(file.relative_to(folder).parts[0])):
                if self._holds(file):
                    self._remains("foreign_file", file=self._named(file))
                continue
            if half_written(file.name):
                self._remove(file, "half_written")
                continue
            if file.parent.suffix == ".parquet" and (file.parent.parent / ACCOUNT).is_file():
                continue  # a part of a table that Spark has written
            if (file.parent / ACCOUNT).is_file():
                if file.name == ACCOUNT:
                    self._in_workspace(file.parent)
                    continue
                if file.suffix == ".parquet":
                    continue
            if not file.is_file():
                continue
            if file.suffix == ".csv" and file.parent.name in ("set_aside", *ASIDE):
                self._in_table_aside(file)
            elif self._holds(file):
                self._remove(file, "made_anew")

    def _holds(self, file: Path) -> bool:
        try:
            if file.suffix == ".parquet":
                return stands_in_parquet(file, self.person)
            return stands_in(file.read_bytes(), self.person)
        except (OSError, ValueError):
            self._remains("unread", file=self._named(file))
            return False

    def _in_workspace(self, folder: Path) -> None:
        """Delete the person's rows, correct the account and make the next run take the data in again."""
        tables = sorted(folder.glob("*.parquet"))
        merged, on_spark = self.client.merge.rules or self.client.merge.listed, any(table.is_dir() for table in tables)
        if merged or on_spark:
            # Rows of a merged customer stand under another pseudonym: only a new intake can tell them. Tables of Spark
            # are folders of many files, which Spark writes anew.
            for file in [*tables, folder / ACCOUNT]:
                self._remove(file, "merged" if merged else "written_by_spark")
            return
        account = json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))
        gone = _rows_of_person(folder, self.person)
        for table, condition in gone.conditions.items():
            rows = gone.rows[table]
            if not rows:
                continue
            file = folder / f"{table}.parquet"
            if not self.pretend:
                _without(file, condition)
            self.done.append(Step(self._named(file), _WORDS.say("removed.rows", n=rows), rows))
            _subtract(account.get("tables", {}).get(table), rows, file)
        named = [file for file in sorted(folder.glob("*.parquet")) if self._in_others_words(file, account, gone)]
        if not any(gone.rows.values()) and not named:
            text = json.dumps(account, ensure_ascii=False).encode()
            if not stands_in(text, self.person):
                return
        account["fingerprint"] = ""
        content = json.dumps(account, indent=1, ensure_ascii=False).encode()
        if stands_in(content, self.person):
            self._remove(folder / ACCOUNT, "taken_in_anew")
            return
        if not self.pretend:
            write_private(folder / ACCOUNT, content)
        self.done.append(Step(self._named(folder / ACCOUNT), _WORDS.say("removed.counts")))

    def _in_others_words(self, file: Path, account: dict[str, Any], gone: _Rows) -> bool:
        """Take the person's whole name out of what others have written; where a part of it stands is said to remain."""
        names = self.person.identities.get("name", frozenset())
        if not names:
            return False
        parts = KnownNames.parts_of(names)
        theirs = [name for name in self.client.known_names.mask if name in names or parts.in_doubt(name)]
        known = KnownNames(names, mask=theirs)
        source = f"read_parquet({literal(file_pattern(file))}, file_row_number = true)"
        others = f"NOT {gone.conditions[file.stem]}" if gone.conditions.get(file.stem) else "true"
        with duckdb_with_names(known, parts) as connection:
            columns = [c for c, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall() if c in FREE_TEXT]
            texts = 0
            for column in columns:
                said = f"FROM {source} WHERE {identifier(column)} IS NOT NULL AND {others}"
                without = f"without_names({identifier(column)})"
                found = connection.execute(f"SELECT count(*) {said} AND {without} <> {identifier(column)}").fetchone()
                texts += found[0] if found else 0
                rows = connection.execute(
                    f"SELECT file_row_number + 1 {said} AND names_in_doubt({without}) > 0 ORDER BY 1"
                ).fetchall()
                if rows:
                    shown = [str(row) for (row,) in rows[:_SHOWN_ROWS]] + ["…"] * (len(rows) > _SHOWN_ROWS)
                    self._remains("words", file=self._named(file), column=column, n=len(rows), rows=shown)
            if texts and not self.pretend:
                masked = ", ".join(f"without_names({c}) AS {c}" for c in map(identifier, columns))
                _rewritten(connection, file, f"SELECT * REPLACE ({masked}) FROM {_FILE}")
        if texts:
            if not self.pretend:
                _subtract(account.get("tables", {}).get(file.stem), 0, file)
            self.done.append(Step(self._named(file), _WORDS.say("removed.named", n=texts)))
        return bool(texts)

    # Beside the exports

    def _in_table_aside(self, file: Path) -> None:
        try:
            content = file.read_bytes()
            if file.parent.suffix == ".parquet" and file.parent.parent.name in ("left_out", *ASIDE):
                # Spark writes the rows in quarantine anew, without the person's.
                if file.suffix == ".parquet" and rows_with(file, self.person):
                    self._remove(file, "made_anew")
                return
            if file.suffix.lower() not in (".csv", ".tsv", ".txt"):
                if stands_in(content, self.person) or rows_with(file, self.person):
                    self._remains("aside", file=self._named(file))
                return
            left, gone = without_rows(content, self.person)
        except (OSError, ValueError):
            self._remains("unread", file=self._named(file))
            return
        if gone:
            if not self.pretend:
                write_private(file, left)
            self.done.append(Step(self._named(file), _WORDS.say("removed.rows", n=gone), gone))
        if stands_in(left, self.person):
            self._remains("other_rows", file=self._named(file))

    # Exports

    def _in_exports(self, runs: Collection[Path]) -> int:
        """Name the rows of the exports in which the person stands; answers in how many files."""
        found = 0
        names = KnownNames(self.person.identities.get("name", frozenset()))
        for file in _exports(self.client, runs):
            if file == self.client.path or file.suffix.lower() in _NO_EXPORTS or file.name in _NO_EXPORTS:
                if stands_in(file.read_bytes(), self.person):
                    self._remains("yours", file=self._named(file))
                continue
            rows = rows_with(file, self.person)
            if rows is None:
                self._remains("not_searched", file=self._named(file))
            elif rows:
                found += 1
                more = len(rows) - _SHOWN_ROWS
                key = "export.more" if more > 0 else "export.one" if len(rows) == 1 else "export.several"
                self._remains(key, file=self._named(file), rows=list(map(str, rows[:_SHOWN_ROWS])), n=more)
            named = [row for row in rows_naming(file, names) if row not in (rows or [])] if names else []
            if named:
                shown = [str(row) for row in named[:_SHOWN_ROWS]] + ["…"] * (len(named) > _SHOWN_ROWS)
                self._remains("export.named", file=self._named(file), rows=shown, n=len(named))
        for name in _databases(self.client):
            self._remains("database_not_searched", table=name)
        return found

    def _remove(self, file: Path, why: str) -> None:
        if not self.pretend and file.is_dir():
            shutil.rmtree(file)
        elif not self.pretend:
            file.unlink(missing_ok=True)
        self.done.append(Step(self._named(file), _WORDS.say(f"removed.{why}")))

    def _named(self, file: Path) -> str:
        return str(file.relative_to(self.client.folder)) if file.is_relative_to(self.client.folder) else str(file)


def _called(identities: Any, wanted: str) -> list[str]:
    """The own ids (the pseudonym of who has none) of the persons who have this name, address or telephone number."""
    digits = re.sub(r"\D", "", wanted)[-11:]
    found = set()
    for row in identities.to_pylist():
        values = [v for c, v in row.items() if c not in ("pseudonym", "customer_id") and v]
        called = any(v.strip().casefold() == wanted.casefold() for v in values)
        phone = re.sub(r"\D", "", row.get("phone") or "")[-11:]
        if called or (len(digits) >= 7 and phone == digits and not re.search(r"[^\d\s().+/-]", wanted)):
            found.add(row["customer_id"] or row["pseudonym"])
    return sorted(found)


def _identities_of(identities: Any, shown: str) -> dict[str, frozenset[str]]:
    import pyarrow.compute as pc

    own = identities.filter(pc.equal(identities["pseudonym"], shown))
    columns = [name for name in own.column_names if name not in ("pseudonym", "customer_id")]
    values = {name: frozenset(v.strip() for v in own[name].to_pylist() if v and v.strip()) for name in columns}
    return {name: listed for name, listed in values.items() if listed}


def _sources(client: Client) -> Iterator[tuple[str, Any]]:
    for name, listed in client.tables.items():
        for source in listed:
            yield name, source


def _own_headings(client: Client) -> set[str]:
    """The headings that fill ``customer_id`` in any table of the YAML."""
    fillings = (source.columns.get("customer_id") for _, source in _sources(client))
    return {heading for filling in fillings if filling is not None for heading in filling.headings}


def _databases(client: Client) -> list[str]:
    named = (f"tables.{name}" for name, source in _sources(client) if source.database or source.query)
    return list(dict.fromkeys(named))


def _exports(client: Client, runs: Collection[Path]) -> list[Path]:
    """All files in the client's folder that are not the kit's own, and the sources that lie elsewhere."""
    own = [client.folder / name for name in (PRIVATE, *ASIDE)] + [run.resolve() for run in runs]
    files = {f for f in _files(client.folder) if not any(f.is_relative_to(folder) for folder in own)}
    for _, source in _sources(client):
        for pattern in [source.source, *(join.source for join in source.joins)]:
            files |= set(find_files(pattern, client.folder)) if pattern else set()
    return sorted(files)


def _files(folder: Path) -> Iterator[Path]:
    """The files below a folder; symbolic links are not followed."""
    for parent, _, names in os.walk(folder, followlinks=False):
        for name in sorted(names):
            file = Path(parent) / name
            if file.is_file() and not file.is_symlink():
                yield file


@dataclass(frozen=True)
class _Rows:
    conditions: dict[str, str]
    rows: dict[str, int]


def _rows_of_person(folder: Path, person: Person) -> _Rows:
    """By table of a workspace the SQL condition of the person's rows and their number."""
    import duckdb

    keys = ", ".join(literal(key) for key in sorted(person.keys))
    conditions, rows = {}, {}
    with duckdb.connect() as connection:
        files = {file.stem: f"read_parquet({literal(file_pattern(file))})" for file in sorted(folder.glob("*.parquet"))}
        columns = {t: [c for c, *_ in connection.execute(f"DESCRIBE FROM {f}").fetchall()] for t, f in files.items()}
        links: dict[str, set[str]] = {}
        for table, file in files.items():
            if "customer_id" in columns[table]:
                for link in (link for link in _LINKS if link in columns[table]):
                    found = connection.execute(
                        f"SELECT DISTINCT CAST({link} AS VARCHAR) FROM {file} "
                        f"WHERE customer_id IN ({keys}) AND {link} IS NOT NULL"
                    ).fetchall()
                    links.setdefault(link, set()).update(value for (value,) in found)
        for table, file in files.items():
            parts = [f"customer_id IN ({keys})"] if "customer_id" in columns[table] else []
            parts += [
                f"CAST({identifier(link)} AS VARCHAR) IN ({', '.join(map(literal, sorted(values)))})"
                for link, values in links.items()
                if link in columns[table] and values and "customer_id" not in columns[table]
            ]
            if parts:
                conditions[table] = f"coalesce({' OR '.join(parts)}, false)"
                counted = connection.execute(f"SELECT count(*) FROM {file} WHERE {conditions[table]}").fetchone()
                rows[table] = int(counted[0]) if counted else 0
    return _Rows(conditions, rows)


def _without(file: Path, condition: str) -> None:
    import duckdb

    with duckdb.connect() as connection:
        _rewritten(connection, file, f"SELECT * FROM {_FILE} WHERE NOT {condition}")


def _rewritten(connection: Any, file: Path, query: str) -> None:
    """Write a Parquet file anew as the query makes it of the view ``as_it_was``."""
    with replacing(file) as staged:
        connection.execute("SET TimeZone = 'UTC'")
        before = f"read_parquet({literal(file_pattern(file))})"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {_FILE} AS SELECT * FROM {before}")
        connection.execute(f"COPY ({query}) TO {literal(str(staged))} (FORMAT parquet, COMPRESSION zstd)")
        staged.chmod(file.stat().st_mode & 0o777)


def _subtract(account: Any, rows: int, file: Path) -> None:
    """Take rows out of the counts so that they still add up."""
    if not isinstance(account, dict):
        return
    account["read"] = account.get("read", rows) - rows
    for name in ("accepted", "repaired"):
        part = min(rows, account.get(name, 0))
        if name in account:
            account[name] -= part
        rows -= part
    if "checksum" in account:
        with file.open("rb") as stream:
            account["checksum"] = hashlib.file_digest(stream, "sha256").hexdigest()
