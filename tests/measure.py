"""Timing for ``make bench``: both sides in turn, in one run, and one line per result."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes, by the wall clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], *, turns: int) -> tuple[float, float, float]:
    """Both called in turn: the median seconds of each, and the median of the ratios ours / theirs, pair by pair."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(turns)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def say(what: str, measured: str, wanted: str, holds: bool) -> None:
    """One line of the result."""
    print(f"{'ok  ' if holds else 'MISS'}  {what}: {measured} (wanted: {wanted})", flush=True)
