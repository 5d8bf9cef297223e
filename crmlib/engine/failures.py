"""What keeps an engine from working, as a code: whoever asked for it says it in words."""

from __future__ import annotations

from typing import Any, Literal

Cause = Literal["no_java", "old_java", "not_installed", "not_started", "not_reached"]


class EngineFailed(Exception):
    """An engine cannot be reached; ``cause`` and ``values`` are those of a sentence."""

    def __init__(self, cause: Cause, **values: Any) -> None:
        self.cause, self.values = cause, values
        super().__init__(f"{cause}: {values}")
