"""All that only Spark understands: its session and server, opening tables, keeping what was made of them, its clock.

Spark is spoken to over Spark Connect only: the chapters' processes need no Java of their own and share one session's
memory and cores. Where there is no server (``engine: spark``), one is started for the run.
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crmlib.engine.failures import EngineFailed, last_words

JAVA = 17
"""The oldest Java that Spark 4 runs on."""
_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
}
"""Of every session, on whichever server."""
_SERVER = {
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.address": "localhost",
    "spark.connect.grpc.binding.port": "0",
    "spark.driver.memory": "4g",
    "spark.sql.shuffle.partitions": "4",  # of 200, nearly all would be empty
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
}
"""Of a server that a run has started."""
_LOCAL = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
_OF_CLIENTS = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
"""What pyspark sets where a process has connected before: a server started from it would take itself for a client."""
_opened: list[Any] = []
"""All sessions of this process. If one was collected as garbage, pyspark would close what all of them share, in the
middle of another one's query, which then fails or waits for ever."""
_KINDS = {
    "text": "STRING",
    "time": "TIMESTAMP",
    "date": "DATE",
    "number": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
}


@contextmanager
def server(engine: str, folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """The address of a Spark Connect server on this computer, which lasts as long as this does and this process.

    Its work is done here (``spark``) or by the cluster of the master ``spark://…``. Only who has the address can
    connect: there is a token in it.

    Raises:
        EngineFailed: Java is missing or too old, the extra ``spark`` is not installed, or the server does not start.
    """
    _java()
    token = secrets.token_hex(16)
    own = _SERVER | {"spark.master": "local[*]" if engine == "spark" else engine}
    own |= (_LOCAL if engine == "spark" else {}) | _SESSION | dict(settings)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "crmlib.engine.spark_server", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={k: v for k, v in os.environ.items() if k not in _OF_CLIENTS}
            | {"SPARK_CONNECT_AUTHENTICATE_TOKEN": token},
            start_new_session=True,  # Ctrl-C is for the run, which ends the server itself
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{json.dumps(own)}\n".encode())
            process.stdin.flush()
            port = process.stdout.readline().decode().strip()
            if not port.isdigit():
                process.wait()
                said.seek(0)
                why = said.read().decode(errors="replace")
                missing = "No module named 'pyspark'" in why
                raise EngineFailed("not_installed" if missing else "not_started", said=last_words(why))
            yield f"sc://localhost:{port}/;token={token}"
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def connect(address: str, settings: Mapping[str, str] = {}) -> Any:
    """A new session of a Spark Connect server behind Ibis, whose clock shows UTC and whose SQL is ANSI's.

    Raises:
        EngineFailed: nobody answers there, or does not let us in; or the extra ``spark`` is not installed.
    """
    try:
        import ibis
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
        from pyspark.sql.connect.client.retries import DefaultPolicy
    except ImportError:
        raise EngineFailed("not_installed") from None
    session = None
    try:
        session = SparkSession.builder.remote(address).create()
        _opened.append(session)
        session.client.set_retry_policies([DefaultPolicy(max_retries=4, max_backoff=2000)])
        connection = ibis.pyspark.connect(session)
        connection.compiler = _compiler()
        for key, value in (_SESSION | dict(settings)).items():
            session.conf.set(key, value)
    except PySparkException as error:
        if session is not None:
            session.stop()  # or what is done in other sessions would ask this one
        raise EngineFailed("not_reached", address=_public(address), said=_said(error)) from None
    return connection


@functools.cache
def _compiler() -> Any:
    """Ibis's SQL for Spark, in which 1.96 is a fraction in floating point and no rows are 0, as everywhere else.

    To Spark, 1.96 is a decimal, and what is computed of decimals alone is cut to six places. Rows that meet a condition
    are summed there, and the sum of none is empty.
    """
    import ibis.expr.datatypes as types
    import sqlglot.expressions as sql
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler

    class Compiler(PySparkCompiler):  # type: ignore[misc]
        def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
            if dtype.is_floating() and math.isfinite(value):
                return self.cast(sql.convert(value), types.float64)
            return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

        def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
            return super().visit_CountStar(op, arg=arg, where=where) if where is None else self.f.count_if(where)

    return Compiler()


def empty_table(connection: Any, name: str, kinds: Mapping[str, str]) -> Any:
    """An empty table with columns of the contract's kinds."""
    columns = ", ".join(f"{column} {_KINDS[kind]}" for column, kind in kinds.items())
    connection._session.createDataFrame([], schema=columns).createOrReplaceTempView(name)
    return connection.table(name)


def open_table(connection: Any, file: Path, *, name: str, timezone: str, until: str | None, time: str | None) -> Any:
    """A workspace table as analyses see it: times as the client's wall clock, rows up to the end of ``until``."""
    from pyspark.sql.types import TimestampType

    rows = connection._session.read.parquet(_pattern(file))
    rows.createOrReplaceTempView(f"{name}_in_utc")
    columns = {one.name: f"`{one.name.replace('`', '``')}`" for one in rows.schema.fields}
    times = {one.name for one in rows.schema.fields if isinstance(one.dataType, TimestampType)}
    shown = [f"from_utc_timestamp({c}, '{timezone}') AS {c}" if n in times else c for n, c in columns.items()]
    query = f"SELECT {', '.join(shown)} FROM `{name}_in_utc`"
    if until and time:
        query = f"SELECT * FROM ({query}) WHERE {columns[time]} < date_add(DATE '{until}', 1)"
    # In SQL, because functions of Python ask whichever session is the process's active one.
    connection._session.sql(query).createOrReplaceTempView(name)
    return connection.table(name)


def spill_to(connection: Any, folder: Path, *, memory: str = "") -> None:
    """Nothing: where Spark keeps what does not fit into its memory is said when it starts."""


def write(connection: Any, query: str, folder: Path) -> None:
    """Write what a query answers as a folder of Parquet files.

    Raises:
        OSError: it cannot be written.
    """
    from pyspark.errors import PySparkException

    try:
        connection._session.sql(query).write.parquet(f"file:{folder.absolute()}")
    except PySparkException as error:
        if re.search("Mkdirs failed|Permission denied|Read-only file system|No space left", str(error)):
            raise OSError(last_words(str(error))) from error
        raise


def read(connection: Any, folder: Path, *, name: str) -> Any:
    """The folder of Parquet files as an Ibis table."""
    connection._session.read.parquet(_pattern(folder)).createOrReplaceTempView(name)
    return connection.table(name)


def wall_clock(times: Any, zone: str) -> Any:
    """What a clock in the time ``zone`` shows at the times (an Ibis column in UTC), without a zone."""
    return _from_utc()(times, zone)


@functools.cache
def _from_utc() -> Any:
    import ibis
    import ibis.expr.datatypes as types

    def from_utc_timestamp(time, zone): ...  # type: ignore[no-untyped-def]

    signature = ((types.timestamp, types.string), types.timestamp)
    return ibis.udf.scalar.builtin(from_utc_timestamp, signature=signature)


def _pattern(file: Path) -> str:
    """The file's path for Spark, which reads paths as patterns: characters with a meaning there stand for themselves.

    >>> _pattern(Path("/a/orders[1]"))
    'file:/a/orders\\\\[1\\\\]'
    """
    return "file:" + re.sub(r"([\\*?\[\]{}])", r"\\\1", str(file.absolute()))


def _java() -> None:
    """Refuse to go on without a Java that Spark runs on."""
    home = os.environ.get("JAVA_HOME", "")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    try:
        told = subprocess.run([java or "java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise EngineFailed("no_java", oldest=JAVA) from None
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found and int(found[1]) < JAVA:
        raise EngineFailed("old_java", found=int(found[1]), oldest=JAVA, path=java)


def _said(error: BaseException) -> str:
    """What a server, or the way to it, has said."""
    details = getattr(error.__cause__, "details", None)
    return details() if callable(details) else last_words(str(error))


def _public(address: str) -> str:
    """An address without what lets people in.

    >>> _public("sc://localhost:15002/;token=abc;user_id=ann")
    'sc://localhost:15002'
    """
    return address.partition("/;")[0]
