"""Options that cannot be meant, refused by name."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np


def check_whole(name: str, value: Any, *, least: int) -> None:
    """Raise ``ValueError`` unless it is a whole number from ``least`` on.

    >>> check_whole("groups", 0, least=1)
    Traceback (most recent call last):
    ValueError: groups must be a whole number, 1 or more, not 0
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {value!r}")


def check_confidence(confidence: float) -> None:
    """Raise ``ValueError`` unless it is a share between 0 and 1, both excluded."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a share between 0 and 1, such as 0.95, not {confidence!r}")


def check_threshold(threshold: float | None) -> None:
    """Raise ``ValueError`` unless it is None or a length of time."""
    if threshold is not None and not (np.isfinite(threshold) and threshold >= 0):
        raise ValueError(f"recency_threshold is a time of silence, 0 or more, not {threshold!r}")
