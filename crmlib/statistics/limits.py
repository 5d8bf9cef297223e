"""Signal against noise: the limits that a process sets itself, and runs on one side."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

# 3 / d2 and d2 = 1.128 for moving ranges of two: Wheeler (2000), "Understanding Variation", appendix.
LIMIT_FACTOR = 2.66
# D4 for moving ranges of two: above this many mean moving ranges a change is more than noise.
RANGE_FACTOR = 3.268
FEWEST_FOR_LIMITS = 6
FEWEST_SILENCES = 5
# So many values in a row on one side of the centre are a signal.
RUN = 8
# A silence is a gap if chance would bring it in fewer than one of so many data sets: 1 of 1,000.
CHANCE_OF_A_GAP = 0.001


class ProcessLimits(NamedTuple):
    """Where a stable process stays (``lower`` to ``upper``), and the largest change between two of its values."""

    centre: float
    lower: float
    upper: float
    largest_change: float


def process_limits(values: Any) -> ProcessLimits:
    """The natural limits of a series of single values (XmR chart): the mean and 2.66 mean moving ranges around it.

    All NaN with fewer than six values.

    Source: Wheeler (2000), "Understanding Variation", chapters 3 and 4.

    >>> limits = process_limits([50.0, 52, 49, 51, 50, 48, 50])
    >>> [round(limit, 2) for limit in limits]
    [50.0, 44.68, 55.32, 6.54]
    """
    import numpy as np

    values = np.asarray(values, dtype=float)
    if len(values) < FEWEST_FOR_LIMITS:
        return ProcessLimits(*[float("nan")] * 4)
    centre, usual_change = float(values.mean()), float(np.abs(np.diff(values)).mean())
    reach = LIMIT_FACTOR * usual_change
    return ProcessLimits(centre, centre - reach, centre + reach, RANGE_FACTOR * usual_change)


def longer_silences(days: float, others: int, silent: float, length: float) -> float:
    """How many silences as long as this one chance makes where rows come in bursts: mailings, or waves of a survey.

    ``others``: how many silences there are besides, ``silent``: their days together, of ``length``. Silences between
    bursts are taken as exponential. 0 with fewer than five others, and where rows come on most days: what is silent
    now and then (holidays) is not bursty.

    >>> round(longer_silences(27, 23, 23 * 27, 703), 1), longer_silences(27, 23, 23 * 5, 703)
    (8.8, 0.0)
    """
    if others < FEWEST_SILENCES or silent < length / 2:
        return 0.0
    return (others + 1) * math.exp(-days * others / silent)


def run_lengths(sides: Iterable[int]) -> list[int]:
    """How many values in a row, up to each one, lie on its side of the centre (1, −1; 0: on it, which ends a run).

    >>> run_lengths([1, 1, -1, -1, -1, 0, 1])
    [1, 2, 1, 2, 3, 0, 1]
    """
    lengths: list[int] = []
    before = 0
    for side in sides:
        lengths.append((lengths[-1] + 1 if side == before else 1) if side else 0)
        before = side
    return lengths
