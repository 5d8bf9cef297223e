"""Intake on Spark: tables and Parquet that the engine reads, judged there by the rules of the files.

What is asked of the data are the statements of the other rooms of intake, said to Spark by
:class:`~crmlib.engine.statements.Statements`. What is said here is where Spark's sources are, what of a mapping is kept
to files, and how far text is read: where a cell would have to be mended, as only files are, nothing is taken in.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crmlib.client import Client
from crmlib.contract import TABLES, Table
from crmlib.engine import identifier, literal
from crmlib.engine.statements import NOT_COMPOSED, Statements, kinds_of
from crmlib.intake import rules
from crmlib.intake.accept import REASON
from crmlib.intake.databases import without_values
from crmlib.intake.identities.private import make_private
from crmlib.intake.people import IDENTITIES, People, give_pseudonyms
from crmlib.intake.quarantine import LEFT_OUT, QUARANTINE, clear_quarantine, quarantine_name
from crmlib.intake.reasons import deliberate, in_words, kept, together, words
from crmlib.intake.repairs import Habits, Mended, read_as_written
from crmlib.intake.rules import FORGOTTEN
from crmlib.intake.shape import FREE_TEXT, LEFT, Shaped, present
from crmlib.intake.source import FILE, ROW, Source
from crmlib.intake.staging import Opened, Staging
from crmlib.mapping import Filling, TableSource
from crmlib.problems import Problem, UnusableInput
from crmlib.settings import Mistake
from crmlib.words import Saying

SPARK = "spark"
"""Under ``database`` of a source: the engine of the client reads it."""
KEPT_TO_FILES = (
    "joins",
    "one_row_per",
    "adds_up",
    "latest_by",
    "first_by",
    "take",
    "columns_to_rows",
    "cancellations",
    "fill_down",
    "fill_down_within",
    "decimal",
    "dates",
    "calendar",
)
"""Keys of a source that are heeded for files only."""
_FILLINGS_OF_FILES = ("after", "before")
_REPAIRS = ("sign", "epoch_blank", "epochs", "serial_dates", "date_format", "months")
"""Repairs of cells that have a type, which may be switched off; all others are of text."""
_MOST_KINDS = 2_000
"""Different cells of a column, written in no form that is read as it stands, that are looked at one by one."""
_WRITES = "_ok"


def of_spark(source: TableSource) -> bool:
    """Whether the client's engine reads a source."""
    return (source.database or "").strip().lower() == SPARK


def on_spark(client: Client) -> bool:
    """Whether the client's engine takes any of the tables in."""
    return any(of_spark(one) for sources in client.tables.values() for one in sources)


def unheeded_on_spark(client: Client, resolved: Mapping[str, Sequence[TableSource]]) -> list[Problem]:
    """What the client's YAML asks of sources on Spark that is kept to files, each with its line."""
    problems: list[Problem] = []
    files = [name for name, sources in resolved.items() for one in sources if not of_spark(one)]
    for name, sources in resolved.items():
        for number, source in enumerate(sources):
            found: list[Mistake] = []
            if of_spark(source):
                if client.engine == "duckdb":
                    found.append(Mistake(words, "spark.engine", ["database"]))
                if files:
                    found.append(Mistake(words, "spark.mixed", ["database"], tables=list(dict.fromkeys(files))))
                found += _kept_to_files(source)
            problems += client.problems_of(name, number, found)
    said = {
        "merge.rules": client.merge.rules,
        "merge.list": client.merge.listed,
        "merge.probable": client.merge.probable,
    }
    said |= {"merge.same_gmail": client.merge.same_gmail}
    said |= {"known_names.mask": client.known_names.mask, "known_names.keep": client.known_names.keep}
    place = client.path.name
    problems += [Problem.said(words, "spark.people", place, key, key=key) for key, given in said.items() if given]
    return problems


def _kept_to_files(source: TableSource) -> Iterator[Mistake]:
    for key in KEPT_TO_FILES:
        if getattr(source, key):
            yield Mistake(words, "spark.key", [key])
    for column, filling in source.columns.items():
        for key in _FILLINGS_OF_FILES:
            if getattr(filling, key):
                yield Mistake(words, "spark.key", ["columns", column, key])
    for name in source.repairs:
        if name not in _REPAIRS:
            yield Mistake(words, "spark.key", ["repairs", name])


# Sources


def is_path(source: str, folder: Path) -> bool:
    """Whether ``from`` is a file or folder of Parquet, here or in a store, and no table's name.

    >>> [is_path(s, Path("/nowhere")) for s in ("s3a://shop/orders", "exports/orders", "a.parquet", "lake.shop.orders")]
    [True, True, True, False]
    """
    return "/" in source or source.endswith(".parquet") or (folder / source).exists()


def path_on_spark(source: str, folder: Path) -> str:
    """A path as Spark reads it; without a scheme it is relative to the client's folder.

    >>> path_on_spark("s3a://shop/orders", Path("/a")), path_on_spark("exports/orders", Path("/a"))
    ('s3a://shop/orders', 'file:/a/exports/orders')
    """
    if re.match(r"[a-z][a-z0-9+.-]*:/", source, re.I):
        return source
    return f"file:{Path(os.path.normpath((folder / source).absolute()))}"


def fingerprint(session: Any, source: TableSource, folder: Path) -> str | None:
    """What tells whether a source is as it was: names, sizes and times of its files, or the version of its table.

    None for what cannot tell it (a query, a view, a table of another database): it is read again each time.
    """
    from pyspark.errors import PySparkException

    try:
        if source.query is not None or source.source is None:
            return None
        if is_path(source.source, folder):
            return _of_files(session, [path_on_spark(source.source, folder)])
        told = {row[0]: row[1] for row in session.sql(f"DESCRIBE TABLE EXTENDED {source.source}").collect()}
        provider = (told.get("Provider") or "").lower()
        if provider == "delta":
            return str(session.sql(f"DESCRIBE HISTORY {source.source} LIMIT 1").collect()[0][:2])
        if provider == "iceberg":
            latest = f"SELECT snapshot_id FROM {source.source}.snapshots ORDER BY committed_at DESC LIMIT 1"
            return str(session.sql(latest).collect())
        if provider in ("parquet", "orc", "csv", "json") and told.get("Type") in ("MANAGED", "EXTERNAL"):
            return _of_files(session, session.table(source.source).inputFiles())
    except PySparkException:
        pass
    return None


def _of_files(session: Any, paths: Sequence[str]) -> str | None:
    if not paths:
        return None
    listed = session.read.format("binaryFile").option("recursiveFileLookup", "true").load(list(paths))
    rows = listed.selectExpr("path", "length", "CAST(modificationTime AS STRING)").collect()
    return hashlib.sha256("\n".join(sorted(map(repr, map(tuple, rows)))).encode()).hexdigest()


def open_on_spark(
    statements: Statements, wanted: TableSource, *, shown_as: str, name: str, folder: Path
) -> tuple[list[Source], list[Problem]]:
    """Open Parquet, a table or a query as a source; its rows are counted through all files, by their names.

    A table and the answer to a query have no order: they are kept first, in an order that their values make, so that
    the same rows are read the same way again.
    """
    from pyspark.sql import functions

    session = statements.session
    with in_words_of_spark(shown_as, wanted):
        if wanted.query is not None:
            rows = session.sql(f"SELECT * FROM (\n{wanted.query.strip().rstrip(';')}\n)")
        elif is_path(wanted.source or "", folder):
            rows = session.read.parquet(path_on_spark(wanted.source or "", folder))
        else:
            rows = session.table(wanted.source)
        kinds = kinds_of(rows)
        twice = [heading for heading, n in Counter(heading for heading, _ in rows.dtypes).items() if n > 1]
        if twice:
            return [], [Problem.said(words, "database.columns_twice", shown_as, names=twice, name=twice[0])]
        columns = {heading: f"c{number}" for number, heading in enumerate(kinds, 1)}
        renamed = [functions.col(f"`{heading.replace('`', '``')}`").alias(cell) for heading, cell in columns.items()]
        if wanted.query is not None or not is_path(wanted.source or "", folder):
            plain = [cell for heading, cell in columns.items() if "(" not in kinds[heading].replace("DECIMAL(", "")]
            rows = rows.select(renamed)
            rows = rows.orderBy(functions.xxhash64(*plain), *plain)
            target = f"file:{(statements.folder / f'source_{name}').absolute()}"
            rows.write.parquet(target)
            rows = session.read.parquet(target).select("*", "_metadata.file_path", "_metadata.row_index")
        else:
            rows = rows.select(*renamed, "_metadata.file_path", "_metadata.row_index")
        statements.show(f"source_{name}", _numbered(session, rows, list(columns.values())))
    note = words.later("notes.on_spark", source=shown_as)
    source = Source(shown_as, f"SELECT * FROM {identifier(f'source_{name}')}", kinds, columns, notes=(note,))
    return [source], []


def _numbered(session: Any, rows: Any, columns: Sequence[str]) -> Any:
    """Rows with their number through all files, from 1."""
    from pyspark.sql import functions

    counted = rows.groupBy("file_path").agg(functions.count("*").alias("n")).collect()
    before, offsets = 0, []
    for path, number in sorted(tuple(row) for row in counted):
        offsets.append((path, before))
        before += number
    if len(offsets) <= 1:
        return rows.select(*columns, (functions.col("row_index") + 1).cast("bigint").alias(ROW))
    parts = session.createDataFrame(offsets, "file_path string, before bigint")
    joined = rows.join(functions.broadcast(parts), "file_path")
    return joined.select(*columns, (functions.col("before") + functions.col("row_index") + 1).alias(ROW))


# What Spark refuses, in words

_NO_RIGHTS = (
    r"permission denied|AccessControlException|not authorized|unauthorized|INSUFFICIENT_PERMISSIONS|AccessDenied|403"
    r"|does not have .*(privilege|permission)"
)
_GONE = (
    r"UNAVAILABLE|INVALID_HANDLE|SESSION_(CLOSED|NOT_FOUND|CHANGED)|Connection refused|Socket closed"
    r"|SparkContext.*(stopped|shut ?down)"
)
_NO_MEMORY = r"OutOfMemoryError|Java heap space|GC overhead|exceeds.*memory"
_NO_ROOM = r"No space left on device|Disk quota exceeded"
_NOT_THERE = ("TABLE_OR_VIEW_NOT_FOUND", "PATH_NOT_FOUND", "SCHEMA_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE")


@contextmanager
def in_words_of_spark(shown: str, wanted: TableSource | None = None) -> Iterator[None]:
    """Say what Spark refuses as a problem to mend: what is not there, closed, changed or lost.

    Raises:
        UnusableInput: in place of Spark's error.
    """
    try:
        from grpc import RpcError
        from pyspark.errors import PySparkException
    except ImportError:
        yield
        return
    try:
        yield
    except (PySparkException, RpcError) as error:
        said = str(error)
        condition = getattr(error, "getCondition", lambda: None)() or ""
        place = "query" if wanted and wanted.query else "from"
        line = next((line.strip() for line in said.splitlines() if line.strip()), "…")
        line = without_values(line, wanted.query or wanted.source or "" if wanted else "")
        for key, pattern in (
            ("not_composed", NOT_COMPOSED),
            ("no_room", _NO_ROOM),
            ("no_memory", _NO_MEMORY),
            ("lost", _GONE),
            ("no_rights", _NO_RIGHTS),
            ("changed", "FileNotFoundException|FAILED_READ_FILE.FILE_NOT_EXIST"),
        ):
            if re.search(pattern, said, re.I):
                raise UnusableInput([Problem.said(words, f"spark.{key}", shown, place, said=line)]) from None
        if wanted is None:
            raise
        key = "spark.not_there" if condition.startswith(_NOT_THERE) else "spark.refused"
        raise UnusableInput([Problem.said(words, key, shown, place, said=line)]) from None


# Reading


@dataclass
class SparkStaging(Staging):
    """One reading of a client's sources by Spark; see :class:`~crmlib.intake.staging.Staging`."""

    session: Any = None

    def _connected(self) -> Statements:
        """The session, once it is known that what it writes is found here."""
        tried = self.scratch / _WRITES
        self.session.range(1).write.parquet(f"file:{tried.absolute()}")
        if not any(tried.glob("*.parquet")):
            raise UnusableInput(
                [Problem.said(words, "spark.not_shared", self.client.path.name, folder=str(self.scratch))]
            )
        return Statements(self.session, self.scratch)

    def run(self) -> dict[str, Any]:
        """Read and judge all tables; nothing is written yet."""
        with in_words_of_spark(self.client.path.name):
            return super().run()

    def _open_database(self, wanted: TableSource, table: Table, number: int) -> tuple[list[Source], list[Problem]]:
        key = (SPARK, f"{wanted.source} {wanted.query}")
        if key not in self._read:
            shown = wanted.source or f"query of {table.name}{f' {number + 1}' if number else ''}"
            try:
                self._read[key] = open_on_spark(
                    self.connection, wanted, shown_as=shown, name=f"f{len(self._read)}", folder=self.client.folder
                )
            except UnusableInput as refused:
                self._read[key] = [], refused.problems
            self.connection.files += [source.file for source in self._read[key][0]]
        sources, problems = self._read[key]
        return list(sources), [*problems, *self._personal(table, wanted, sources)]

    def _personal(self, table: Table, wanted: TableSource, sources: Sequence[Source]) -> Iterator[Problem]:
        """Customers' own words, which are masked in files only, where the YAML asks for them."""
        for column in FREE_TEXT:
            if column in wanted.columns and self._keeps_identities_elsewhere():
                place = words.say("places.table", table=table.name, file=self.client.path.name)
                yield Problem.said(words, "spark.free_text", sources[0].file if sources else place, column, place=place)

    def _correctable(self) -> list[str]:
        return []

    def _keeps_identities(self) -> bool:
        return False

    def _keeps_identities_elsewhere(self) -> bool:
        """Whether people are known by pseudonyms, so that what tells who they are stays where it is."""
        return self.client.customer_ids == "pseudonyms"

    def _columns(self, table: Table, opened: Sequence[Opened]) -> list[str]:
        return [c for c in super()._columns(table, opened) if not self._stays(c)]

    def _stays(self, column: str) -> bool:
        return column in FREE_TEXT and self._keeps_identities_elsewhere()

    def _shape(self, table: Table, one: Opened, number: int) -> Shaped:
        shaped = super()._shape(table, one, number)
        cells = tuple(cell for cell in shaped.cells if not self._stays(cell.name))
        fillings = {name: filling for name, filling in shaped.fillings.items() if not self._stays(name)}
        return replace(shaped, cells=cells, fillings=fillings)

    def _examined(
        self, table: Table, one: Opened, shaped: Shaped, habits: Habits, place: str
    ) -> tuple[dict[str, Mended], list[Problem], list[Saying]]:
        mended, problems = read_as_written(
            self.connection, shaped.relation, shaped.cells, habits, place=place, among=f"{LEFT} = ''", most=_MOST_KINDS
        )
        return mended, problems, []

    def _contradicted(self, table: Table, one: Opened, habits: Habits) -> Iterable[Saying]:
        return []

    def _join_rows(self, table: Table, opened: Sequence[Opened]) -> None:
        super()._join_rows(table, opened)
        self.connection.settle(table.name)

    def _know_people(self) -> People:
        people = give_pseudonyms(self.connection, self.client, list(self.accounts))
        people.identities = False
        for name, opened in self.opened.items():
            left = sorted(
                {h for one in opened for source in one.sources for h in self._left(TABLES[name], one, source)}
            )
            if left and name in self.accounts:
                self.accounts[name]["decisions"].append(words.later("decisions.left_on_spark", names=left))
            self.problems += self._naming(name) if name in self.accounts else []
        return people

    def _left(self, table: Table, one: Opened, source: Source) -> Iterator[str]:
        fillings = one.wanted.columns
        for column in table.columns:
            if column.name in IDENTITIES or column.name in FREE_TEXT:
                yield from present(fillings.get(column.name) or Filling(first=[column.name]), source)

    def _naming(self, name: str) -> Iterator[Problem]:
        """Columns of things' names in which an address or a telephone stands, which is masked in files only."""
        table = TABLES[name]
        known = [c for c in rules.names_of(self.connection, name) if c in table.names and table[c].kind == "text"]
        for column in [c for c in known if not table[c].allowed and not c.endswith("_id")]:
            cell = identifier(column)
            found = self._rows(
                f"SELECT count(*), min({ROW}) FROM {identifier(name)} WHERE {REASON} = '' AND "
                f"(contains({cell}, '@') OR regexp_matches({cell}, '[0-9]{{3}}[ -]?[0-9]{{4}}[ -]?[0-9]{{4}}'))"
            )[0]
            if found[0]:
                said = {"n": found[0], "row": found[1]}
                yield Problem.said(words, "spark.naming", ", ".join(self.accounts[name]["files"]), column, **said)

    # Writing

    def keep(self) -> None:
        """Write the rows in quarantine as Parquet, in the client's own folder, readable by its owner only."""
        with in_words_of_spark(self.client.path.name):
            self._write_quarantine(self.client.folder / QUARANTINE)

    def _write_quarantine(self, folder: Path) -> None:
        """What was read of every row in quarantine, with its number and why it is there, one folder for each source."""
        from pyspark.sql.functions import collect_list, sort_array, struct

        clear_quarantine(folder)
        by_file: dict[str, tuple[Source, list[str]]] = {}
        for table, opened in self.opened.items():
            for source in (source for one in opened for source in one.sources):
                by_file.setdefault(source.file, (source, []))[1].append(table)
        written: dict[str, str] = {}
        for file, (source, tables) in by_file.items():
            reasons = " UNION ALL ".join(
                f"SELECT {ROW}, {literal(table)} AS t, {REASON} AS why FROM {identifier(table)} "
                f"WHERE {REASON} <> '' AND {FILE} = {literal(file)}"
                for table in tables
            )
            # Reasons are few: they are put into words here, and the rows never leave Spark.
            of_rows = self.connection.asked(reasons)
            of_rows = of_rows.groupBy(ROW).agg(sort_array(collect_list(struct("t", "why"))).alias("whys"))
            gone = kept(FORGOTTEN)
            told = []
            for (whys,) in of_rows.select("whys").distinct().collect():
                said = together([words.say("places.of_table", table=t, why=in_words(why)) for t, why in whys])
                pairs = [(t, why) for t, why in whys]
                told.append(
                    (pairs, said, all(deliberate(why) for _, why in pairs), any(why == gone for _, why in pairs))
                )
            if not told:
                continue
            kinds = "whys array<struct<t:string,why:string>>, _reason string, by_rule boolean, gone boolean"
            self.session.createDataFrame(told, kinds).createOrReplaceTempView("crmlib_told")
            of_rows.createOrReplaceTempView("crmlib_why")
            cells = ", ".join(
                f"CASE WHEN NOT w.gone THEN s.{cell} END AS `{heading.replace('`', '``')}`"
                for heading, cell in source.names.items()
            )
            for by_rule in sorted({rule for _, _, rule, _ in told}):
                target = folder / LEFT_OUT if by_rule else folder
                make_private(target)
                name = quarantine_name(file, ending=".parquet")
                rows = self.session.sql(
                    f"SELECT s.{ROW}, w._reason, {cells} FROM `source_{self._name_of(file)}` AS s JOIN "
                    f"(SELECT y.{ROW}, t._reason, t.by_rule, t.gone FROM crmlib_why AS y JOIN crmlib_told AS t "
                    f"ON y.whys = t.whys) AS w ON w.{ROW} = s.{ROW} WHERE w.by_rule = {str(by_rule).lower()}"
                )
                rows.write.parquet(f"file:{(target / name).absolute()}")
                for part in [target / name, *(target / name).rglob("*")]:
                    part.chmod(0o700 if part.is_dir() else 0o600)
                if not by_rule:
                    written[file] = name
        for account in self.accounts.values():
            account["to_correct"] = {file: written[file] for file in account["files"] if file in written}

    def _name_of(self, file: str) -> str:
        sources = (source for found, _ in self._read.values() for source in found)
        relation = next(source.sql for source in sources if source.file == file)
        return relation.rpartition("source_")[2].strip('"')

    def write(self, folder: Path) -> None:
        """Write the contract tables as folders of Parquet files; ids of customers become pseudonyms."""
        with in_words_of_spark(self.client.path.name):
            for name, account in self.accounts.items():
                columns = [c for c, *_ in self._rows(f"DESCRIBE {self.made(name)}") if not c.startswith("_")]
                shown = ", ".join(self._cell(name, column) for column in columns)
                target = folder / f"{name}.parquet"
                copied = self._rows(f"COPY (SELECT {shown} FROM ({self.made(name)})) TO {literal(str(target))}")[0][0]
                if copied != account["rows"]:
                    raise RuntimeError(f"{name}: {account['rows']} rows were counted, {copied} were written")
                account["checksum"] = checksum(target)

    def _cell(self, table: str, column: str) -> str:
        cell = identifier(column)
        if not self.people:
            return cell
        if column == "customer_id":
            return f"pseudonym({cell}) AS {cell}"
        if column.endswith("_id") and column in TABLES[table].names:
            return f"CASE WHEN contains({cell}, '@') THEN pseudonym({cell}) ELSE {cell} END AS {cell}"
        return cell


def checksum(table: Path) -> str:
    """The SHA-256 of a table's file, or of all files of its folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "part-0.parquet").write_bytes(b"rows")
    ...     checksum(Path(folder)) == hashlib.sha256(hashlib.sha256(b"rows").digest()).hexdigest()
    True
    """
    digest = hashlib.sha256()
    for file in sorted(table.glob("*.parquet")) if table.is_dir() else [table]:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
