"""Which engine stands behind a connection or an expression."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def room_of(connection: Any) -> Any:
    """The module of this package that knows the engine of a connection: :mod:`~crmlib.engine.duckdb` or ``spark``.

    >>> from crmlib.engine.duckdb import connect
    >>> room_of(connect()).__name__
    'crmlib.engine.duckdb'
    """
    return import_module(f"crmlib.engine.{'spark' if connection.name == 'pyspark' else 'duckdb'}")


def connection_of(expression: Any) -> Any:
    """The one connection whose tables an Ibis expression is made of; None where it has none, or several.

    >>> import ibis
    >>> connection_of(ibis.memtable({"n": [1]}).n) is None
    True
    """
    import ibis.expr.operations as ops

    sources = {id(one.source): one.source for one in expression.op().find(ops.DatabaseTable)}
    return next(iter(sources.values())) if len(sources) == 1 else None
