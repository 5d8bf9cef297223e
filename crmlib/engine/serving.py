"""Reaching an engine: the one that settings name, or a server that is started for as long as a run lasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from crmlib.engine import duckdb


@contextmanager
def serving(engine: str, folder: Path, settings: Mapping[str, str] = {}) -> Iterator[str]:
    """The address at which the processes of a run reach the engine as long as this lasts.

    ``spark`` and the cluster of ``spark://…`` are reached over a Spark Connect server on this computer, which is
    started here and keeps what it writes on the way below ``folder``. ``settings``: of Spark, before the kit's.

    Raises:
        EngineFailed: Java is missing or too old, the extra ``spark`` is not installed, or the server does not start.
    """
    if engine == "spark" or engine.startswith("spark://"):
        from crmlib.engine.spark import server

        with server(engine, folder, settings) as address:
            yield address
    else:
        yield engine


def open_engine(engine: str, folder: Path, settings: Mapping[str, str] = {}) -> Any:
    """A connection, through Ibis, to the engine of this name or address; a server that it takes ends with this process.

    Raises:
        EngineFailed: as in :func:`serving`, and where no server answers or it does not let us in.
    """
    if engine == "duckdb":
        return duckdb.connect()
    import atexit

    from crmlib.engine import spark

    with ExitStack() as stack:
        address = stack.enter_context(serving(engine, folder, settings))
        connection = spark.connect(address, settings)
        atexit.register(stack.pop_all().close)
    return connection
