"""The names by which engines are called for."""

from __future__ import annotations

import re

ENGINES = ("duckdb", "spark", "spark://…", "sc://…")
"""DuckDB here; Spark here; the cluster of a Spark master; a Spark Connect server."""


def is_address(engine: str) -> bool:
    """Whether an engine can be called for by this name.

    >>> [is_address(engine) for engine in ("duckdb", "spark", "sc://spark.example:15002", "sc://", "oracle")]
    [True, True, True, False, False]
    """
    return engine in ENGINES[:2] or re.fullmatch(r"(sc|spark)://[\w.-]+(:\d+)?(/\S*)?", engine) is not None
