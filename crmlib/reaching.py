"""Reaching a client's engine; what keeps it from working is said to the person who can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmlib.client import Client
from crmlib.engine import EngineFailed, engine_failure, serving
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
    except Exception as error:
        failed = error if isinstance(error, EngineFailed) else engine_failure(type(error).__name__, str(error))
        if failed is None:
            raise
        raise UnusableInput([_problem(failed, file)]) from None


def failure_in_words(kind: str, said: str) -> str:
    """What an error in a chapter's cell says of the engine, by the name of its class and its text; else empty."""
    failed = engine_failure(kind, said)
    return str(_problem(failed, "client.yaml")) if failed else ""


def _problem(failed: EngineFailed, file: str) -> Problem:
    return Problem.said(_WORDS, f"engine.{failed.cause}", file, "engine", **failed.values)


@contextmanager
def reached(client: Client, folder: Path) -> Iterator[str]:
    """The address of the client's engine for all processes of a run, as long as this lasts (:func:`serving`).

    Raises:
        UnusableInput: it cannot be reached.
    """
    with engine_in_words(client.path.name), serving(client.engine, folder, client.spark_settings) as engine:
        yield engine
