"""Intervals by drawing the cases anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def poisson_resamples(counts: Any, *, resamples: int, seed: int, cells: int = 5_000_000) -> Iterator[Any]:
    """How often each case is in each resample, in blocks of rows: one row per resample (Poisson bootstrap).

    ``counts``: how many equal cases each entry stands for (ones: single cases); all of them are drawn together. A
    block has about ``cells`` numbers, so that large data need no more memory than small ones.

    Source: Efron & Tibshirani (1993), "An Introduction to the Bootstrap", ch. 13; Chamandy et al. (2012).

    >>> import numpy as np
    >>> [block.shape for block in poisson_resamples(np.ones(4), resamples=5, seed=1, cells=8)]
    [(2, 4), (2, 4), (1, 4)]
    """
    import numpy as np

    random = np.random.default_rng(seed)
    rows = max(1, cells // max(len(counts), 1))
    for start in range(0, resamples, rows):
        yield random.poisson(counts, (min(rows, resamples - start), len(counts)))


def percentiles(resampled: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """The interval that holds the middle of the resampled estimates (arrays, one row per resample).

    >>> import numpy as np
    >>> low, high = percentiles(np.arange(101.0), level=0.9)
    >>> round(float(low), 6), round(float(high), 6)
    (5.0, 95.0)
    """
    import numpy as np

    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
