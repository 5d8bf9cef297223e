"""Tables and queries of a database as sources: read once, read-only, in batches, with passwords kept out of files.

An address is ``sqlite:///exports/shop.db``, ``duckdb:///exports/shop.duckdb``, ``postgresql://reader@host:5432/shop``
or ``mysql://reader@host:3306/shop``. The password of ``reader`` at ``db.example.com`` is looked for in the environment
variable ``CRMLIB_DATABASE_PASSWORD_READER_DB_EXAMPLE_COM``, then in ``CRMLIB_DATABASE_PASSWORD``, then in the keyring
(service ``crmlib``, user name: the address as written). A password in the address itself is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from crmlib.engine import file_pattern, identifier, literal
from crmlib.intake.source import ROW, Source
from crmlib.mapping import TableSource
from crmlib.problems import Problem, UnusableInput, nearest
from crmlib.words import Saying, Words

words = Words(__file__)
PASSWORD = "CRMLIB_DATABASE_PASSWORD"
KEYRING_SERVICE = "crmlib"
EXPORTS = "exports"
"""The folder beside the YAML in which a query on DuckDB may read further files."""
BATCH = 50_000
PATIENCE = 10  # seconds until a server that does not answer is given up

_KINDS = {
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_PRODUCTS = {"sqlite": "SQLite", "duckdb": "DuckDB", "postgres": "PostgreSQL", "mysql": "MySQL"}
_PORTS = {"postgres": 5432, "mysql": 3306}
_OPTIONS = {
    "postgres": ("sslmode", "sslrootcert", "sslcert", "sslkey"),
    "mysql": ("ssl_mode",),
}
_EXAMPLES = {
    "sqlite": "sqlite:///shop.db",
    "duckdb": "duckdb:///shop.duckdb",
    "postgres": "postgresql://reader@host:5432/shop",
    "mysql": "mysql://reader@host:3306/shop",
}
_PASSWORD_IN_ADDRESS = re.compile(r"(://[^:/?#@]*):.*@", re.DOTALL)
_PASSWORD_AS_OPTION = re.compile(r"([?&;](?:pass\w*|pwd|sslpassword)=)[^&;]*", re.IGNORECASE)
_EXACT_INTEGERS = 2**53
_ANSWER = "answer_for_crmlib"  # must not be the name of a table of the client
_LONGEST_INTEGER = 18
"""Digits that every 64-bit integer can hold."""


class _ImpossibleDate(ValueError):
    """A date of no calendar, which MySQL stores where it is told to."""


@dataclass(frozen=True)
class Address:
    """Where a database is: its kind, and either a file or user, host, port and name on a server. Never a password."""

    url: str
    kind: str
    file: Path | None = None
    host: str = ""
    port: int = 0
    user: str = ""
    database: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def product(self) -> str:
        """The database's name in messages."""
        return _PRODUCTS[self.kind]

    @property
    def variable(self) -> str:
        """The environment variable in which the password of this user on this host is looked for first.

        >>> Address("", "postgres", user="reader", host="db.example.com").variable
        'CRMLIB_DATABASE_PASSWORD_READER_DB_EXAMPLE_COM'
        """
        return "_".join([PASSWORD, *(re.sub(r"\W+", "_", part).strip("_").upper() for part in (self.user, self.host))])


@dataclass(frozen=True)
class Column:
    """One column of an answer: its heading, the Arrow type it is kept as, and what is worth saying about that."""

    heading: str
    type: Any
    note: Saying | None = None


def open_database(
    connection: Any, wanted: TableSource, *, shown_as: str, name: str, folder: Path, scratch: Path
) -> tuple[list[Source], list[Problem]]:
    """Read the table ``from`` or the SELECT ``query`` of a database, without holding more than a batch in memory.

    The rows are written to ``scratch/source_<name>.parquet`` (readable by its owner only, as it may hold identities)
    and known to DuckDB as the temporary view ``source_<name>`` with ``c1``, ``c2`` … and ``_row`` from 1, in the
    database's order. Types are kept: whole numbers, double precision (decimals too), truth values, dates, times, times
    with zone (as UTC); decimals without a fraction of more than 18 digits, and everything else, become text. A SQLite
    column is what its cells are, not what it was declared as. MySQL's date 0000-00-00 becomes blank.

    Args:
        connection: DuckDB, in which the view is made.
        wanted: ``database`` with either ``source`` (``table`` or ``schema.table``) or ``query``.
        shown_as: how messages and the account name the source.
        name: name of the contract table; part of the view's name.
        folder: what file addresses are relative to.
        scratch: folder for the rows.

    Returns:
        The source, or the problems that keep it from being read.
    """
    shown = without_password(shown_as)
    rows = scratch / f"source_{name}.parquet"
    try:
        address = _address(wanted, folder, shown)
        columns = _copy(address, wanted, rows, shown, folder / EXPORTS)
    except UnusableInput as refused:
        rows.unlink(missing_ok=True)
        return [], refused.problems
    return [_as_source(connection, columns, rows, address, wanted, shown, name)], []


def database_fingerprint(wanted: TableSource, folder: Path) -> str | None:
    """The SHA-256 of a database file's bytes, changes not yet merged into it included.

    None for a database on a server, which cannot be told to be unchanged: the caller reads it again each time. None
    as well for what cannot be read; ``open_database`` says why.
    """
    try:
        address = _address(wanted, folder, "")
        if address.file is None:
            return None
        digest = hashlib.sha256()
        for part in (address.file, Path(f"{address.file}-wal"), Path(f"{address.file}.wal")):
            if part.is_file():
                digest.update(part.name.encode())
                with part.open("rb") as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
        return digest.hexdigest()
    except (OSError, UnusableInput):
        return None


def without_password(url: str) -> str:
    """An address that can be shown: without the password that should not have stood in it.

    >>> without_password("postgresql://reader:secret@host/shop?sslmode=require&password=secret")
    'postgresql://reader@host/shop?sslmode=require&password=…'
    """
    return _PASSWORD_AS_OPTION.sub(r"\1…", _PASSWORD_IN_ADDRESS.sub(r"\1@", url))


def _refuse(key: str, shown: str, place: str = "database", /, **values: Any) -> NoReturn:
    raise UnusableInput([Problem.said(words, f"database.{key}", shown, place, **values)]) from None


# --- the address -----------------------------------------------------------------------------------------------------


def _address(wanted: TableSource, folder: Path, shown: str) -> Address:
    url = (wanted.database or "").strip()
    if without_password(url) != url:
        _refuse("password", shown, variable=PASSWORD)
    scheme, separator, rest = url.partition("://")
    kind = _KINDS.get(scheme.lower().partition("+")[0])
    if not separator or kind is None:
        _refuse("address", shown, url=url, examples=list(_EXAMPLES.values()))
    if (wanted.query is None) == (wanted.source is None):
        _refuse("neither" if wanted.query is None else "both", shown)
    if kind in ("sqlite", "duckdb"):
        return Address(url, kind, _database_file(rest, folder, shown, kind))
    return _on_a_server(url, kind, shown)


def _database_file(written: str, folder: Path, shown: str, kind: str) -> Path:
    for path in (Path(written.removeprefix("/")), Path(unquote(written.removeprefix("/")))):
        path = path if path.is_absolute() else folder / path
        if path.is_file():
            return path
    _refuse("no_file", shown, path=written.removeprefix("/"), product=_PRODUCTS[kind])


def _on_a_server(url: str, kind: str, shown: str) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[kind]
    except ValueError:
        _refuse("host", shown, example=_EXAMPLES[kind])
    user, host, database = unquote(parts.username or ""), parts.hostname or "", unquote(parts.path.strip("/"))
    missing = [part for part, given in (("user", user), ("host", host), ("database", database)) if not given]
    if missing:
        _refuse("incomplete", shown, missing=[words.name("address", part) for part in missing], example=_EXAMPLES[kind])
    options = dict(parse_qsl(parts.query))
    unknown = [option for option in options if option not in _OPTIONS[kind]]
    if unknown:
        _refuse("option", shown, option=unknown[0], nearest=nearest(unknown[0], _OPTIONS[kind]))
    return Address(url, kind, None, host, port, user, database, options)


def _password(address: Address) -> str | None:
    """The password from the environment, else from the keyring, else none."""
    for variable in (address.variable, PASSWORD):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        return keyring.get_password(KEYRING_SERVICE, address.url)
    except (KeyringError, RuntimeError, OSError):  # a machine without a keyring, or one that stays locked
        return None


# --- connections -----------------------------------------------------------------------------------------------------


def _connect(address: Address, shown: str, scratch: Path, exports: Path) -> Any:
    """An Ibis backend on a connection that cannot write."""
    if address.kind == "sqlite":
        return _connect_sqlite(address, shown)
    if address.kind == "duckdb":
        return _connect_duckdb(address, shown, scratch, exports)
    try:
        return _connect_postgres(address, shown) if address.kind == "postgres" else _connect_mysql(address, shown)
    except ImportError:
        _refuse("driver", shown, product=address.product, extra=f"crmlib[{address.kind}]")


def _connect_sqlite(address: Address, shown: str) -> Any:
    import sqlite3

    import ibis

    assert address.file is not None
    url = f"{address.file.resolve().as_uri()}?mode=ro"
    try:
        try:
            connection = _opened_sqlite(url)
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error) or Path(f"{address.file}-wal").exists():
                raise
            connection = _opened_sqlite(f"{url}&immutable=1")  # nothing can be noted beside it, and nothing needs to be
    except sqlite3.Error as error:
        if "locked" in str(error):
            _refuse("in_use", shown)
        _refuse("beside_wal" if "readonly" in str(error) else "not_sqlite", shown)
    return ibis.sqlite.from_connection(connection)


def _opened_sqlite(url: str) -> Any:
    import sqlite3

    connection = sqlite3.connect(url, uri=True, timeout=PATIENCE)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect_duckdb(address: Address, shown: str, scratch: Path, exports: Path) -> Any:
    """DuckDB's own SQL can read any file of the machine: here it may read the database and the client's exports."""
    import duckdb
    import ibis

    try:
        backend = ibis.duckdb.connect(address.file, read_only=True, temp_directory=str(scratch / "spilled"))
        allowed = ", ".join(literal(str(path.resolve())) for path in (scratch, exports))
        for bound in (
            f"allowed_directories = [{allowed}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            backend.raw_sql(f"SET {bound}")
        return backend
    except duckdb.Error as error:
        locked = "lock" in str(error) or "different configuration" in str(error)
        _refuse("in_use" if locked else "not_duckdb", shown)


def _connect_postgres(address: Address, shown: str) -> Any:
    import ibis
    import psycopg

    password = _password(address)
    options: dict[str, Any] = dict(address.options)
    try:
        connection = psycopg.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=password,
            dbname=address.database,
            connect_timeout=PATIENCE,
            client_encoding="utf8",
            autocommit=True,
            **options,
        )
    except psycopg.Error as error:
        _unreachable(address, shown)
        said = str(error)
        if "password" in said or "authentication" in said:
            _not_let_in(address, shown, password)
        if f'database "{address.database}"' in said and "exist" in said:
            _no_such_database(address, shown)
        _cannot_connect(address, shown, said.partition("FATAL: ")[2] or said, password)
    connection.execute("SET default_transaction_read_only = on")
    connection.read_only = True
    return ibis.postgres.from_connection(connection)


def _connect_mysql(address: Address, shown: str) -> Any:
    import ibis
    import MySQLdb

    password = _password(address)
    try:
        connection = MySQLdb.connect(
            host="127.0.0.1" if address.host == "localhost" else address.host,
            port=address.port,
            user=address.user,
            password=password or "",
            database=address.database,
            connect_timeout=PATIENCE,
            charset="utf8mb4",
            autocommit=True,
            conv=_mysql_conversions(),
            **address.options,
        )
    except MySQLdb.Error as error:
        number = error.args[0] if error.args else 0
        if number in (1045, 1698):
            _not_let_in(address, shown, password)
        if number in (1044, 1049):
            _no_such_database(address, shown)
        _unreachable(address, shown)
        _cannot_connect(address, shown, str(error.args[-1]), password)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ibis sets the zone by a name that many servers do not know
        backend = ibis.mysql.from_connection(connection)
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.execute("SET SESSION time_zone = '+00:00'")
    return backend


def _mysql_conversions() -> dict[int, Any]:
    """The driver's conversions, with decimals left as their digits and impossible dates not passed over."""
    from MySQLdb.constants import FIELD_TYPE
    from MySQLdb.converters import conversions

    def strictly(convert: Callable[[str], Any]) -> Callable[[str], Any]:
        def converted(written: str) -> Any:
            value = convert(written)
            if value is None and not written.startswith("0000-00-00"):
                raise _ImpossibleDate(written)
            return value

        return converted

    dates = (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP)
    return {
        **conversions,
        **{code: strictly(conversions[code]) for code in dates},
        FIELD_TYPE.DECIMAL: str,
        FIELD_TYPE.NEWDECIMAL: str,
    }


def _unreachable(address: Address, shown: str) -> None:
    """Say why nobody answers, if nobody does."""
    where = {"host": address.host, "port": address.port, "product": address.product}
    try:
        socket.create_connection((address.host, address.port), timeout=PATIENCE).close()
    except socket.gaierror:
        _refuse("unknown_host", shown, host=address.host)
    except ConnectionRefusedError:
        _refuse("nobody", shown, **where)
    except OSError:
        _refuse("silent", shown, seconds=PATIENCE, **where)


def _not_let_in(address: Address, shown: str, password: str | None) -> NoReturn:
    where = {"variable": address.variable, "general": PASSWORD, "service": KEYRING_SERVICE, "url": address.url}
    key = "no_password" if password is None else "wrong_password"
    _refuse(key, shown, user=address.user, host=address.host, **where)


def _no_such_database(address: Address, shown: str) -> NoReturn:
    _refuse("no_such_database", shown, database=address.database, host=address.host, user=address.user)


def _cannot_connect(address: Address, shown: str, message: str, password: str | None) -> NoReturn:
    said = next(iter(message.strip().splitlines()), "")
    said = said.replace(password, "…") if password else said
    _refuse("not_let_in", shown, product=address.product, said=said)


# --- what is read ----------------------------------------------------------------------------------------------------


def _copy(address: Address, wanted: TableSource, rows: Path, shown: str, exports: Path) -> list[Column]:
    """Write the wanted rows to a Parquet file and answer its columns."""
    select = _one_select(wanted.query, address, shown) if wanted.query is not None else ""
    rows.parent.mkdir(parents=True, exist_ok=True)
    rows.unlink(missing_ok=True)
    rows.touch(mode=0o600)
    backend = _connect(address, shown, rows.parent, exports)
    try:
        with _in_words(address, select, shown, password=_password(address) if address.host else None):
            select = select or _select_of_table(backend, address, str(wanted.source), shown)
            return _READERS[address.kind](backend, select, rows, shown)
    finally:
        with contextlib.suppress(Exception):  # a broken connection cannot be closed and need not be
            backend.disconnect()


def _one_select(query: str, address: Address, shown: str) -> str:
    """The query without a closing semicolon, if it is one SELECT that changes nothing."""
    import sqlglot
    from sqlglot import exp

    def refuse(what: str) -> NoReturn:
        _refuse("not_select", shown, "query", what=what)

    try:
        tokens = sqlglot.tokenize(query, read=address.kind)
    except sqlglot.errors.SqlglotError:
        refuse("not_sql")
    while tokens and tokens[-1].text == ";":
        query = query[: tokens.pop().start]
    if not tokens:
        refuse("empty")
    if tokens[0].text.upper() not in ("SELECT", "WITH", "("):
        _refuse("begins_with", shown, "query", word=tokens[0].text.upper())
    if any(token.text == ";" for token in tokens):
        refuse("several")
    if address.kind == "mysql" and re.search(r"/\*M?!", query):
        refuse("comment")  # what stands in it would not be looked at here
    try:
        tree = sqlglot.parse_one(query, read=address.kind)
    except sqlglot.errors.ParseError as error:
        at = next(iter(error.errors), {})
        _refuse("not_understood", shown, "query", line=at.get("line", 1), column=at.get("col", 1))
    except sqlglot.errors.SqlglotError:
        refuse("not_understood")
    changing = (exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.Command, exp.Into, exp.Lock, exp.Merge)
    allowed = (exp.Select, exp.SetOperation, exp.Subquery)
    if not isinstance(tree, exp.Query) or any(
        isinstance(part, changing) and not isinstance(part, allowed) for part in tree.walk()
    ):
        refuse("changing")
    return query


def _select_of_table(backend: Any, address: Address, wanted: str, shown: str) -> str:
    import sqlglot.expressions as exp

    schema, table = _find_table(backend, address, wanted, shown)
    return exp.select("*").from_(exp.table_(table, db=schema, quoted=True)).sql(dialect=address.kind)


def _find_table(backend: Any, address: Address, wanted: str, shown: str) -> tuple[str | None, str]:
    """Schema (None: the connection's own) and table as the database spells them."""
    tables = _tables(backend, address, None)
    if table := _alike(wanted, tables):
        return None, table
    schema, dot, table_wanted = wanted.partition(".")
    if dot:
        schemas = sorted(set(backend.list_databases()))
        known = _alike(schema, schemas)
        if known is None:
            _refuse("no_schema", shown, "from", name=schema, nearest=_proposed(schema, schemas))
        tables = _tables(backend, address, known)
        if table := _alike(table_wanted, tables):
            return known, table
    if not tables:
        _refuse("no_tables", shown, "from", name=wanted)
    _refuse("no_table", shown, "from", name=wanted, nearest=_proposed(table_wanted if dot else wanted, tables))


def _tables(backend: Any, address: Address, schema: str | None) -> list[str]:
    found = set(backend.list_tables(database=schema) if schema else backend.list_tables())
    if address.kind == "postgres":  # the information schema, which Ibis asks, leaves them out
        where = "current_schema()" if schema is None else literal(schema)
        rows = backend.con.execute(f"SELECT matviewname FROM pg_matviews WHERE schemaname = {where}").fetchall()
        found |= {name for (name,) in rows}
    return sorted(found)


def _alike(wanted: str, known: Sequence[str]) -> str | None:
    """The name as written, else the only one that differs in case alone."""
    if wanted in known:
        return wanted
    alike = [name for name in known if name.casefold() == wanted.casefold()]
    return alike[0] if len(alike) == 1 else None


def _proposed(wanted: str, known: Sequence[str]) -> str:
    close = get_close_matches(wanted, known, n=1, cutoff=0.6)
    return nearest(wanted, known) if close or len(known) <= 12 else nearest("", known[:12]) + " …"


@contextlib.contextmanager
def _in_words(address: Address, select: str, shown: str, password: str | None) -> Iterator[None]:
    """Say what the database refuses in its own first line, without values of rows and without the password."""
    import pyarrow as pa

    place = "query" if select else "from"
    try:
        yield
    except UnicodeDecodeError:
        _refuse("not_unicode", shown, place)
    except (pa.ArrowException, OverflowError, _ImpossibleDate):
        _refuse("mixed_types", shown, place)
    except _driver_errors(address.kind) as error:
        if "UTF-8" in str(error) and address.kind == "sqlite":
            _refuse("not_unicode", shown, place)
        if address.kind == "duckdb" and "disabled by configuration" in str(error):
            _refuse("outside", shown, place, folder=EXPORTS)
        said = without_values(_first_line(error), select)
        said = said.replace(password, "…") if password else said
        _refuse("refused_query" if select else "refused_table", shown, place, product=address.product, said=said)


def _driver_errors(kind: str) -> type[Exception]:
    if kind == "sqlite":
        import sqlite3

        return sqlite3.Error
    if kind == "duckdb":
        import duckdb

        return duckdb.Error
    if kind == "postgres":
        import psycopg

        return psycopg.Error
    import MySQLdb

    found: type[Exception] = MySQLdb.Error
    return found


def _first_line(error: Exception) -> str:
    diagnosis = getattr(getattr(error, "diag", None), "message_primary", None)
    message = diagnosis or str(error.args[-1] if error.args else error)
    return next((line.strip() for line in message.splitlines() if line.strip()), "…")


def without_values(message: str, select: str) -> str:
    """The message up to the first quoted words that do not stand in the query: they may be a person's.

    >>> without_values('column "amuont" does not exist', "SELECT amuont FROM orders")
    'column "amuont" does not exist'
    >>> without_values("Could not convert string 'Anna O'Hara' to INT32", "SELECT cast(name AS int) FROM people")
    'Could not convert string … to INT32'
    """
    for quoted in re.finditer(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`", message):
        inside = next(part for part in quoted.groups() if part is not None)
        if inside.casefold() not in select.casefold():
            end = max(message.rfind(mark) for mark in "\"'`") + 1
            return message[: quoted.start()] + "…" + message[end:]
    return message


# --- rows ------------------------------------------------------------------------------------------------------------


def _read_sqlite(backend: Any, select: str, rows: Path, shown: str) -> list[Column]:
    """A column's type is that of its cells, found by a first pass: SQLite does not hold anyone to a declared type."""
    connection = backend.con
    connection.execute("BEGIN")  # both passes see the same rows
    described = connection.execute(select)
    headings = _once_each([name for name, *_ in described.description], shown)
    described.close()
    listed = [f"c{n}" for n in range(1, len(headings) + 1)]
    large = f"NOT BETWEEN -{_EXACT_INTEGERS} AND {_EXACT_INTEGERS}"
    facts = ", ".join(
        f"group_concat(DISTINCT typeof({c})), max(typeof({c}) = 'integer' AND {c} {large})" for c in listed
    )
    answer = connection.execute(
        f"WITH {_ANSWER}({', '.join(listed)}) AS (\n{select}\n) SELECT {facts} FROM {_ANSWER}"
    ).fetchone()
    columns = [
        _sqlite_column(heading, set((answer[2 * n] or "").split(",")) - {"null", ""}, bool(answer[2 * n + 1]))
        for n, heading in enumerate(headings)
    ]
    cursor = connection.execute(select)
    _write(columns, iter(lambda: cursor.fetchmany(BATCH), []), rows)
    return columns


def _sqlite_column(heading: str, stored: set[str], large: bool) -> Column:
    import pyarrow as pa

    if stored == {"integer"}:
        return Column(heading, pa.int64())
    if stored and stored <= {"integer", "real"} and not large:
        return Column(heading, pa.float64())
    mixed = len(stored) > 1 and stored & {"integer", "real"}
    return Column(heading, pa.string(), words.later("notes.mixed_column", column=heading) if mixed else None)


def _read_duckdb(backend: Any, select: str, rows: Path, shown: str) -> list[Column]:
    connection = backend.con
    described = connection.execute(f"DESCRIBE {select}").fetchall()
    headings = _once_each([name for name, *_ in described], shown)
    kinds = [_duckdb_type(kind) for _, kind, *_ in described]
    listed = [f"c{n}" for n in range(1, len(headings) + 1)]
    cells = ", ".join(f"CAST({c} AS {kind}) AS {c}" for c, kind in zip(listed, kinds, strict=True))
    connection.execute(
        f"COPY (WITH {_ANSWER}({', '.join(listed)}) AS (\n{select}\n) SELECT {cells} FROM {_ANSWER}) "
        f"TO {literal(str(rows))} (FORMAT parquet, COMPRESSION zstd)"
    )
    return [Column(heading, kind) for heading, kind in zip(headings, kinds, strict=True)]


def _duckdb_type(kind: str) -> str:
    """The DuckDB type as which a column is kept.

    >>> [_duckdb_type(kind) for kind in ("DECIMAL(18,3)", "DECIMAL(30,0)", "HUGEINT", "TIMESTAMP_NS", "UUID", "DATE")]
    ['DOUBLE', 'VARCHAR', 'DOUBLE', 'TIMESTAMP', 'VARCHAR', 'DATE']
    """
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        digits, scale = map(int, decimal.groups())
        return "DOUBLE" if scale else "BIGINT" if digits <= _LONGEST_INTEGER else "VARCHAR"
    if kind in ("HUGEINT", "UHUGEINT", "FLOAT"):  # a sum of integers is a HUGEINT
        return "DOUBLE"
    if kind in ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
        return "TIMESTAMP"
    if re.fullmatch(r"U?(TINY|SMALL|BIG)?INT(EGER)?", kind):
        return "UBIGINT" if kind == "UBIGINT" else "BIGINT"
    return kind if kind in ("BOOLEAN", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE") else "VARCHAR"


def _read_postgres(backend: Any, select: str, rows: Path, shown: str) -> list[Column]:
    """Through a cursor on the server, so that the driver never holds the whole answer."""
    connection = backend.con
    with connection.transaction(), connection.cursor(name="crmlib") as cursor:
        _load_as_written(cursor)
        cursor.execute(select)
        headings = _once_each([column.name for column in cursor.description], shown)
        columns = [
            Column(heading, _postgres_type(column.type_code, column.precision, column.scale))
            for heading, column in zip(headings, cursor.description, strict=True)
        ]
        _write(columns, iter(lambda: cursor.fetchmany(BATCH), []), rows)
    return columns


def _postgres_type(code: int, digits: int | None, scale: int | None) -> Any:
    """The Arrow type for a PostgreSQL type number (catalogue pg_type)."""
    import pyarrow as pa

    if code == 1700:
        return _decimal(digits, scale)
    return {
        16: pa.bool_(),
        20: pa.int64(),
        21: pa.int64(),
        23: pa.int64(),
        26: pa.int64(),
        700: pa.float64(),
        701: pa.float64(),
        1082: pa.date32(),
        1114: pa.timestamp("us"),
        1184: pa.timestamp("us", tz="UTC"),
    }.get(code, pa.string())


def _decimal(digits: int | None, scale: int | None) -> Any:
    """Decimals are double precision; without a fraction they may be identifiers, of which no digit may be lost."""
    import pyarrow as pa

    if scale == 0 and digits:
        return pa.int64() if digits <= _LONGEST_INTEGER else pa.string()
    return pa.float64()


def _load_as_written(cursor: Any) -> None:
    """Let everything that is not kept as a type of its own come as PostgreSQL writes it: uuid, json, lists, times."""
    import psycopg
    import pyarrow as pa
    from psycopg.types.string import TextLoader

    for known in psycopg.adapters.types:
        for code in (known.oid, known.array_oid):
            if code and (code == 1700 or pa.types.is_string(_postgres_type(code, None, None))):
                cursor.adapters.register_loader(code, TextLoader)


def _read_mysql(backend: Any, select: str, rows: Path, shown: str) -> list[Column]:
    """Through a cursor that leaves the answer on the server, as the driver would else hold all of it."""
    from MySQLdb.constants import FLAG
    from MySQLdb.cursors import SSCursor

    with contextlib.closing(backend.con.cursor(SSCursor)) as cursor:
        cursor.execute(select)
        headings = _once_each([name for name, *_ in cursor.description], shown)
        columns = [
            Column(heading, _mysql_type(column[1], column[4], column[5], unsigned=bool(flags & FLAG.UNSIGNED)))
            for heading, column, flags in zip(headings, cursor.description, cursor.description_flags, strict=True)
        ]
        _write(columns, iter(lambda: list(cursor.fetchmany(BATCH)), []), rows)
    return columns


def _mysql_type(code: int, length: int | None, scale: int | None, *, unsigned: bool) -> Any:
    import pyarrow as pa
    from MySQLdb.constants import FIELD_TYPE as known

    if code in (known.DECIMAL, known.NEWDECIMAL):
        return _decimal(length, scale)
    if code == known.LONGLONG and unsigned:
        return pa.uint64()
    if code in (known.TINY, known.SHORT, known.INT24, known.LONG, known.LONGLONG, known.YEAR):
        return pa.int64()
    if code in (known.FLOAT, known.DOUBLE):
        return pa.float64()
    return {
        known.DATE: pa.date32(),
        known.DATETIME: pa.timestamp("us"),
        known.TIMESTAMP: pa.timestamp("us", tz="UTC"),  # the connection's zone is UTC
    }.get(code, pa.string())


_READERS: dict[str, Callable[[Any, str, Path, str], list[Column]]] = {
    "sqlite": _read_sqlite,
    "duckdb": _read_duckdb,
    "postgres": _read_postgres,
    "mysql": _read_mysql,
}


def _once_each(headings: list[str], shown: str) -> list[str]:
    twice = [heading for heading, times in Counter(headings).items() if times > 1]
    if twice:
        _refuse("columns_twice", shown, "query", names=list(map(repr, twice)), name=twice[0])
    return headings


def _write(columns: Sequence[Column], batches: Iterable[Sequence[Sequence[Any]]], rows: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(f"c{n}", column.type) for n, column in enumerate(columns, 1)])
    with pq.ParquetWriter(rows, schema, compression="zstd") as writer:
        for batch in batches:
            values = zip(*batch, strict=True)
            cells = [_cells(cell, column.type) for cell, column in zip(values, columns, strict=True)]
            writer.write_batch(pa.record_batch(cells, schema=schema))


def _cells(values: Sequence[Any], kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_string(kind):
        return pa.array([value if value is None or type(value) is str else _as_text(value) for value in values], kind)
    first = next((value for value in values if value is not None), None)
    if isinstance(first, str):  # digits of a decimal
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


def _as_text(value: Any) -> str:
    r"""A value that has no type of its own here, as a database writes it.

    >>> [_as_text(value) for value in (1.5, b"Z\xc3\xbcrich", b"\xff\x00", ["a"])]
    ['1.5', 'Zürich', 'ff00', '["a"]']
    """
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.hex()
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)


def _as_source(
    connection: Any, columns: Sequence[Column], rows: Path, address: Address, wanted: TableSource, shown: str, name: str
) -> Source:
    """Make the rows known to DuckDB."""
    listed = [f"c{n}" for n in range(1, len(columns) + 1)]
    view = identifier(f"source_{name}")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {', '.join(listed)}, file_row_number + 1 AS {ROW} "
        f"FROM read_parquet({literal(file_pattern(rows))}, file_row_number = true)"
    )
    described = connection.execute(f"DESCRIBE FROM {view}").fetchall()
    headings = [column.heading for column in columns]
    where = address.file.name if address.file else f"{address.database}@{address.host}"
    said = {"product": address.product, "where": where}
    read = words.later("notes.from_query", **said)
    if wanted.query is None:
        read = words.later("notes.from_table", table=wanted.source, **said)
    return Source(
        shown,
        f"SELECT * FROM {view}",
        {heading: kind for heading, (_, kind, *_) in zip(headings, described, strict=False)},
        dict(zip(headings, listed, strict=True)),
        notes=(read, *(column.note for column in columns if column.note)),
    )
