"""What comes out of the engine is to be a summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


class TooManyRows(Exception):
    """A measure took more rows out of the engine than a summary has."""


@contextmanager
def summaries_only(most: int) -> Iterator[list[int]]:
    """As long as this lasts, refuse every result of more than ``most`` rows: what comes here is to be a summary.

    Answers a list that grows by the rows of each result.

    Raises:
        TooManyRows: where a larger result is asked for; its rows are counted and stay where they are.

    >>> import ibis
    >>> with summaries_only(2):
    ...     ibis.memtable({"n": [1, 2, 3]}).execute()
    Traceback (most recent call last):
    crmlib.engine.guard.TooManyRows: 3 rows, where a summary has at most 2
    """
    import ibis.backends.duckdb as here

    rooms = [here, *filter(None, [sys.modules.get("ibis.backends.pyspark")])]
    taken: list[int] = []
    with ExitStack() as undone:
        for backend in (room.Backend for room in rooms):
            undone.callback(setattr, backend, "execute", backend.execute)
            backend.execute = _checked(backend.execute, most, taken)
        yield taken


def _checked(execute: Any, most: int, taken: list[int]) -> Any:
    def checked(self: Any, expression: Any, /, *, limit: Any = None, **options: Any) -> Any:
        result = execute(self, expression, limit=most + 1 if limit is None else limit, **options)
        rows = len(result) if hasattr(result, "__len__") else 1
        if rows > most:
            rows = execute(self, expression.as_table().count())
            taken.append(rows)
            raise TooManyRows(f"{rows} rows, where a summary has at most {most}")
        taken.append(rows)
        return result

    return checked
