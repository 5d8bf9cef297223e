"""What keeps an engine from working, as a code: whoever asked for it says it in words."""

from __future__ import annotations

import re
from typing import Any, Literal

Cause = Literal[
    "no_java", "old_java", "not_installed", "not_started", "not_reached",
    "full", "out_of_memory", "no_rights", "not_found", "interrupted", "lost",
]  # fmt: skip
_SIGNS: dict[Cause, str] = {
    "full": "No space left on device|Disk quota exceeded",
    "out_of_memory": "OutOfMemoryError|Java heap space",
    "no_rights": "AccessControlException|Permission denied|AccessDenied|INSUFFICIENT_PERMISSIONS|PERMISSION_DENIED"
    "|UNAUTHENTICATED|Access is denied",
    "not_found": "PATH_NOT_FOUND|TABLE_OR_VIEW_NOT_FOUND|UNABLE_TO_INFER_SCHEMA",
    "interrupted": "OPERATION_CANCELED|cancelled part of cancelled job group|INTERRUPTED",
    "lost": "RETRIES_EXCEEDED|UNAVAILABLE|INVALID_HANDLE|Connection reset"
    "|SparkContext was shut down|ExecutorLostFailure",
}
"""By what Spark says; the first that fits."""


class EngineFailed(Exception):
    """An engine cannot be reached, or has stopped; ``cause`` and ``values`` are those of a sentence."""

    def __init__(self, cause: Cause, **values: Any) -> None:
        self.cause, self.values = cause, values
        super().__init__(f"{cause}: {values}")


def engine_failure(kind: str, said: str) -> EngineFailed | None:
    """What an error of Spark's means, by the name of its class and its text; None of others, and of faults of the kit.

    >>> engine_failure("RetriesExceeded", "[RETRIES_EXCEEDED] The maximum number of retries has been exceeded.").cause
    'lost'
    >>> engine_failure("KeyError", "UNAVAILABLE") is None
    True
    """
    if not re.search("Spark|Analysis|RetriesExceeded|Rendezvous", kind):
        return None
    cause = next((cause for cause, sign in _SIGNS.items() if re.search(sign, said)), None)
    return EngineFailed(cause, said=last_words(said)) if cause else None


def last_words(said: str) -> str:
    """The line of a program's complaints that says most: the last that speaks of an error, Java's before Python's.

    >>> last_words("Traceback ...\\njava.io.IOException: No space left on device\\n\\tat Writer.java:7")
    'java.io.IOException: No space left on device'
    """
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    errors = [line for line in lines if re.search("error|exception", line, re.I)]
    of_java = [line for line in errors if re.search(r"\b(java|org|scala)\.[\w.$]+(Exception|Error)\b", line)]
    return (of_java or errors or lines or [""])[-1]
