"""The SQL of intake on Spark: written once, as DuckDB reads it, and said again as Spark reads it.

What intake asks of a database is a connection with ``execute``. :class:`Statements` is one whose tables are Spark's:
every statement is translated (sqlglot), so that the rules of intake are written once. Where the two databases mean
different things by one word, what DuckDB means is said in Spark's words; see :func:`translated`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from crmlib.engine.sql import identifier

ROWID = "rowid"
"""The order of the rows of a table that was read: by source, then by row."""
_FILE, _ROW = "_file", "_row"
_ROWS_OF_A_FILE = 1 << 44
NOT_COMPOSED = "CRMLIB_NOT_COMPOSED"
_FUNCTIONS = {
    # Of an hour that the clock shows twice, DuckDB means the later one and Spark the earlier.
    "crmlib_moment(wall TIMESTAMP_NTZ, zone STRING) RETURNS TIMESTAMP": (
        "CASE WHEN CAST(from_utc_timestamp({late}, zone) AS TIMESTAMP_NTZ) = wall THEN {late} ELSE {first} END"
    ).format(
        first="to_utc_timestamp(CAST(wall AS TIMESTAMP), zone)",
        late="(CAST(wall AS TIMESTAMP) - (from_utc_timestamp(to_utc_timestamp(CAST(wall AS TIMESTAMP), zone) "
        "+ INTERVAL 3 HOURS, zone) - (to_utc_timestamp(CAST(wall AS TIMESTAMP), zone) + INTERVAL 3 HOURS)))",
    ),
    # Spark's own reading takes 1d and 1f for numbers, and 2025 for a day.
    "crmlib_number(cell STRING) RETURNS DOUBLE": (
        "CASE WHEN cell RLIKE '^ *[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)? *$' "
        "THEN try_cast(cell AS DOUBLE) END"
    ),
    "crmlib_wall(cell STRING) RETURNS TIMESTAMP_NTZ": (
        "CASE WHEN cell RLIKE '^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
        "([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?$' "
        "THEN try_cast(translate(cell, '/', '-') AS TIMESTAMP_NTZ) END"
    ),
    # Spark cannot compose letters: where that could matter, nothing is read.
    "nfc_normalize(cell STRING) RETURNS STRING": (
        r"CASE WHEN cell RLIKE '[\\p{M}\\x{1100}-\\x{11ff}\\x{2126}\\x{212a}\\x{212b}\\x{f900}-\\x{faff}]' "
        f"THEN raise_error('{NOT_COMPOSED}') ELSE cell END"
    ),
    "make_timestamptz(n BIGINT) RETURNS TIMESTAMP": "timestamp_micros(n)",
    "to_milliseconds(n BIGINT) RETURNS INTERVAL DAY TO SECOND": (
        "make_dt_interval(0, 0, 0, CAST(n AS DECIMAL(18, 0)) / CAST(1000 AS DECIMAL(4, 0)))"
    ),
    "try_strptime(cell STRING, form STRING) RETURNS TIMESTAMP_NTZ": (
        "CAST(try_to_timestamp(cell, CASE form WHEN '%Y%m%d' THEN 'yyyyMMdd' ELSE 'yyyyMMddHHmmss' END) "
        "AS TIMESTAMP_NTZ)"
    ),
    "isfinite(x DOUBLE) RETURNS BOOLEAN": "NOT isnan(x) AND abs(x) < CAST('Infinity' AS DOUBLE)",
}
_KINDS = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "date": "DATE",
    "double": "DOUBLE",
    "float": "FLOAT",
    "bigint": "BIGINT",
    "int": "INTEGER",
    "smallint": "SMALLINT",
    "tinyint": "TINYINT",
    "boolean": "BOOLEAN",
    "binary": "BLOB",
    "void": "VARCHAR",
}


class Answer:
    """What a statement answers."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = list(rows)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return self._rows[0] if self._rows else None


class Statements:
    """A connection on which DuckDB's statements run on Spark, with the tables that they make below ``folder``.

    Args:
        session: Spark's.
        folder: private, for the tables that are made on the way; the engine's workers can write there.
    """

    def __init__(self, session: Any, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self.files: list[str] = []
        """The sources by the name under which ``_file`` knows them, in the order in which they are read."""
        self.schemas: dict[str, dict[str, str]] = {}
        self._written = 0
        self._changed: set[str] = set()
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # errors are said once, in words
        # As moments, which every reader of Parquet takes for such.
        session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        for function, body in _FUNCTIONS.items():
            session.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {function} RETURN {body}")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Answer:
        """Run a statement of DuckDB's."""
        import sqlglot
        from sqlglot import exp

        said = statement.strip()
        if said.upper().startswith("DESCRIBE "):
            about = said[len("DESCRIBE ") :].strip()
            query = (
                about
                if about.upper().startswith(("SELECT", "WITH", "("))
                else f"SELECT * FROM {about.removeprefix('FROM ')}"
            )
            return Answer([(name, kind) for name, kind in kinds_of(self.asked(query)).items() if name != ROWID])
        if said.upper() == "SHOW TABLES":
            return Answer([(name,) for name in self.schemas])
        tree = sqlglot.parse_one(said, read="duckdb")
        for place, value in zip(list(tree.find_all(exp.Placeholder)), values, strict=True):
            place.replace(exp.convert(value))
        if isinstance(tree, exp.Create):
            name, query = tree.this.name, tree.expression
            if tree.kind == "VIEW":
                self.show(name, self._rows_of(query))
            else:
                self.keep(name, self._rows_of(query))
            return Answer([])
        if isinstance(tree, exp.Update):
            self._update(tree)
            return Answer([])
        if isinstance(tree, exp.Copy):
            return Answer([(self.write(tree.this.this, Path(tree.args["files"][0].name)),)])
        if isinstance(tree, exp.Drop):
            self.session.catalog.dropTempView(tree.this.name)
            self.schemas.pop(tree.this.name, None)
            return Answer([])
        return Answer([tuple(map(_plain, row)) for row in self._rows_of(tree).collect()])

    def show(self, name: str, rows: Any) -> None:
        """Know a Spark frame by a name."""
        rows.createOrReplaceTempView(identifier(name).strip('"'))
        self.schemas[name] = kinds_of(rows)

    def keep(self, name: str, rows: Any) -> None:
        """Work a Spark frame out and know it by a name; rows that were read have their order in ``rowid``."""
        from pyspark.sql import functions

        if {_FILE, _ROW} <= set(rows.columns) and ROWID not in rows.columns:
            files = functions.array(*map(functions.lit, self.files))
            number = functions.array_position(files, functions.col(_FILE)) * functions.lit(_ROWS_OF_A_FILE)
            rows = rows.withColumn(ROWID, number + functions.col(_ROW))
        for name_of_nothing in (column for column, kind in rows.dtypes if kind == "void"):
            rows = rows.withColumn(name_of_nothing, functions.col(name_of_nothing).cast("string"))
        self._written += 1
        target = self.folder / f"{self._written}"
        rows.write.parquet(f"file:{target.absolute()}")
        self.show(name, self.session.read.parquet(f"file:{target.absolute()}"))

    def settle(self, name: str) -> None:
        """Work out a table of which only the changes are known, so that the next questions need not."""
        if name in self._changed:
            self._changed.discard(name)
            self.keep(name, self.session.table(f"`{name}`"))

    def write(self, query: Any, target: Path) -> int:
        """Write what a query answers as a folder of Parquet files; answers how many rows there are in it."""
        rows = self._rows_of(query)
        rows.write.option("compression", "zstd").parquet(f"file:{target.absolute()}")
        return int(self.session.read.parquet(f"file:{target.absolute()}").count())

    def asked(self, query: str) -> Any:
        """What a query of DuckDB's answers, as a frame of Spark's."""
        import sqlglot

        return self._rows_of(sqlglot.parse_one(query, read="duckdb"))

    def _rows_of(self, tree: Any) -> Any:
        return self.session.sql(translated(tree, self.schemas))

    def _update(self, tree: Any) -> None:
        """A table with its changes: Spark's tables on the way cannot be written over."""
        from sqlglot import exp

        name = tree.this.name
        table = f"`{name}`"
        columns = list(self.schemas[name])
        changes = {one.this.name: one.expression for one in tree.expressions}
        others = tree.args.get("from_")
        new = ", ".join(
            f"{translated(change, self.schemas, scope=name)} AS `new {column}`" for column, change in changes.items()
        )
        where = tree.args.get("where")
        beside = f", {translated(others.this, self.schemas, scope=name)}" if isinstance(others, exp.From) else ""
        when = f" WHERE {translated(where.this, self.schemas, scope=name)}" if where is not None else ""
        found = f"SELECT {table}.{ROWID} AS id, {new} FROM {table}{beside}{when}"
        cells = ", ".join(
            f"CASE WHEN m.id IS NOT NULL THEN m.`new {column}` ELSE t.`{column}` END AS `{column}`"
            if column in changes
            else f"t.`{column}`"
            for column in columns
        )
        rows = self.session.sql(f"SELECT {cells} FROM {table} AS t LEFT JOIN ({found}) AS m ON m.id = t.{ROWID}")
        self.show(name, rows)
        self._changed.add(name)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def kinds_of(rows: Any) -> dict[str, str]:
    """The columns of a Spark frame with DuckDB's names of their types."""
    return {name: _kind(kind) for name, kind in rows.dtypes}


def _kind(kind: str) -> str:
    """DuckDB's name of a type of Spark's.

    >>> [_kind(kind) for kind in ("string", "decimal(10,2)", "timestamp_ntz", "array<string>", "struct<a:int>")]
    ['VARCHAR', 'DECIMAL(10,2)', 'TIMESTAMP', 'VARCHAR[]', 'STRUCT(a:int)']
    """
    if kind.startswith("decimal"):
        return kind.upper()
    if kind.startswith(("varchar", "char")):
        return "VARCHAR"
    if kind.startswith("array<"):
        return f"{_kind(kind[len('array<') : -1])}[]"
    if "<" in kind:
        return f"{kind.partition('<')[0].upper()}({kind.partition('<')[2][:-1]})"
    return _KINDS.get(kind, kind.upper())


def translated(tree: Any, schemas: Mapping[str, Mapping[str, str]] | None = None, *, scope: str = "") -> str:
    """A statement of DuckDB's as Spark reads it; ``schemas`` are the types of the columns of known tables.

    >>> import sqlglot
    >>> translated(sqlglot.parse_one("SELECT hash(a) FROM t", read="duckdb"))
    'SELECT XXHASH64(a, a IS NULL) FROM t'
    """
    from sqlglot import exp

    tree = tree.copy()
    tables = {scope, *(table.name for table in tree.find_all(exp.Table))}
    known: dict[str, str] = {}
    for table in tables:
        known |= (schemas or {}).get(table, {})

    def typed(node: Any) -> bool:
        return isinstance(node, exp.Column) and known.get(node.name, "VARCHAR") != "VARCHAR"

    def changed(node: Any) -> Any:
        if isinstance(node, exp.AtTimeZone):
            if _shows_a_clock(node.this):
                return exp.Anonymous(this="crmlib_moment", expressions=[node.this, node.args["zone"]])
            clock = exp.Anonymous(this="from_utc_timestamp", expressions=[node.this, node.args["zone"]])
            return exp.cast(clock, "TIMESTAMP_NTZ")
        if isinstance(node, exp.TryCast) and not typed(node.this):
            if node.to.this == exp.DataType.Type.DOUBLE:
                return exp.Anonymous(this="crmlib_number", expressions=[exp.cast(node.this, "TEXT")])
            if _is_wall(node.to):
                return exp.Anonymous(this="crmlib_wall", expressions=[exp.cast(node.this, "TEXT")])
        if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.TIME:
            # Spark 4.0 has no times of day: they are compared as text.
            if isinstance(node.this, exp.Literal):
                return exp.Literal.string(f"{node.this.name}:00.000000")
            return exp.Anonymous(this="date_format", expressions=[node.this, exp.Literal.string("HH:mm:ss.SSSSSS")])
        if isinstance(node, exp.Union) and node.args.get("by_name"):
            node.set("by_name", False)
        if isinstance(node, exp.ArgMin | exp.ArgMax) and not isinstance(node.parent, exp.Filter):
            return exp.Filter(this=node.copy(), expression=exp.Where(this=node.this.copy().is_(exp.null()).not_()))
        if isinstance(node, exp.RegexpReplace) and isinstance(node.args["replacement"], exp.Literal):
            # A group is $1 there.
            shown = re.sub(r"\\([0-9])", r"$\1", node.args["replacement"].name.replace("$", r"\$"))
            node.set("replacement", exp.Literal.string(shown))
        if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.UBIGINT:
            return exp.DataType.build("BIGINT")
        if isinstance(node, exp.Anonymous | exp.Func):
            return _function(node, exp)
        return node

    for node in reversed(list(tree.walk())):  # what stands inside first
        other = changed(node)
        if other is not node and node is tree:
            tree = other
        elif other is not node:
            node.replace(other)
    return str(tree.sql(dialect="spark"))


def _function(node: Any, exp: Any) -> Any:
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
    cells = node.expressions if isinstance(node, exp.Anonymous) else []
    if name == "hash":
        cells = cells or [node.this, *node.args.get("expressions", [])]
        both = [one for cell in cells for one in (cell, exp.Is(this=cell.copy(), expression=exp.null()))]
        return exp.Anonymous(this="XXHASH64", expressions=both)
    if name == "fsum":
        # In whichever order the parts come, the sum is the same.
        return exp.Anonymous(this="TRY_SUM", expressions=[exp.cast(cells[0], "DECIMAL(38, 9)")])
    if name == "strlen":
        return exp.Anonymous(this="OCTET_LENGTH", expressions=cells)
    return node


def _is_wall(kind: Any) -> bool:
    from sqlglot import exp

    return kind.this in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ)


def _shows_a_clock(node: Any) -> bool:
    """Whether an expression is a wall clock rather than a moment: it is cast to one, wherever a case leads."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _shows_a_clock(node.this)
    if isinstance(node, exp.Cast):
        return _is_wall(node.to)
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower() in ("crmlib_wall", "try_strptime")
    if isinstance(node, exp.Add | exp.Sub):
        return _shows_a_clock(node.this)
    if isinstance(node, exp.Case):
        return any(_shows_a_clock(one.args["true"]) for one in node.args["ifs"])
    return isinstance(node, exp.AtTimeZone) and not _shows_a_clock(node.this)
