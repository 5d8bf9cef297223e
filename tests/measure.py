"""Timing for ``make bench``: both sides in turn, in one run; one line per result, and all of them as a page."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib import metadata

_said: list[tuple[str, str, str, bool]] = []
_grown: dict[str, Mapping[int, float]] = {}


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long one call takes, by the wall clock or another one."""
    began = clock()
    work()
    return clock() - began


def in_turn(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    turns: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float, float]:
    """Both called in turn: the median seconds of each, and the median of the ratios ours / theirs, pair by pair."""
    pairs = [(seconds(ours, clock), seconds(theirs, clock)) for _ in range(turns)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def say(what: str, measured: str, wanted: str, holds: bool) -> None:
    """One line of the result."""
    _said.append((what, measured, wanted, holds))
    print(f"{'ok  ' if holds else 'MISS'}  {what}: {measured} (wanted: {wanted})", flush=True)


def grown(what: str, by_size: Mapping[int, float]) -> None:
    """Seconds by size, for the picture of the page."""
    _grown[what] = dict(by_size)


def page() -> str:
    """All that was said, as Markdown: the machine, the results, and a picture of cost against size."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("duckdb", "ibis-framework", "pandas", "numpy"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each result is a ratio of two sides that ran in turn on the same data, or a size.",
        "",
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, {versions}. Load over the last minute, at the end: "
        f"{os.getloadavg()[0]:.1f}.",
        "",
        "| | what | measured | wanted |",
        "| --- | --- | --- | --- |",
        *(
            f"| {'ok' if holds else '**missed**'} | {what} | {found} | {wanted} |"
            for what, found, wanted, holds in _said
        ),
    ]
    if _grown:
        lines += ["", "## Cost against size", "", "Seconds of the processor; four signs more are ten times as long."]
        lines += ["", "```text", *_bars(), "```"]
    return "\n".join(lines) + "\n"


def _bars() -> list[str]:
    lines = []
    for what, by_size in _grown.items():
        lines.append(what)
        for size, took in by_size.items():
            bar = "█" * max(1, round(4 * (math.log10(max(took, 0.01)) + 2)))
            lines.append(f"  {size:>13,} orders  {bar:<20} {took:,.1f} s")
    return lines
