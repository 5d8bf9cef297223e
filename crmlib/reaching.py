"""Reaching a client's engine; what keeps it from working is said to the person who can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmlib.client import Client
from crmlib.engine import EngineFailed, serving
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)


@contextmanager
def engine_in_words(file: str = "client.yaml") -> Iterator[None]:
    """Say what keeps an engine from working as a problem of ``file``, in which it is named.

    >>> with engine_in_words():
    ...     raise EngineFailed("no_java", oldest=17)
    Traceback (most recent call last):
    crmlib.problems.UnusableInput: client.yaml, engine: found no Java on this computer; expected Java 17 or newer, ...
    """
    try:
        yield
    except EngineFailed as failed:
        problem = Problem.said(_WORDS, f"engine.{failed.cause}", file, "engine", **failed.values)
        raise UnusableInput([problem]) from None


@contextmanager
def reached(client: Client, folder: Path) -> Iterator[str]:
    """The address of the client's engine for all processes of a run, as long as this lasts (:func:`serving`).

    Raises:
        UnusableInput: it cannot be reached.
    """
    with engine_in_words(client.path.name), serving(client.engine, folder, client.spark_settings) as engine:
        yield engine
