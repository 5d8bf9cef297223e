"""Differences of two estimates, and what many comparisons at once cost."""

from __future__ import annotations

from typing import Any


def difference(
    estimate: Any, interval: tuple[Any, Any], other: Any, other_interval: tuple[Any, Any]
) -> tuple[Any, Any]:
    """The interval of ``estimate`` minus ``other``, two independent estimates, from the interval of each.

    Source: the method of variance estimates recovery, Zou & Donner (2008), Statistics in Medicine 27.

    >>> low, high = difference(50.0, (42.0, 56.0), 40.0, (30.0, 48.0))
    >>> round(low, 1), round(high, 1)
    (-1.3, 21.7)
    """
    (low, high), (other_low, other_high) = interval, other_interval
    down = ((estimate - low) ** 2 + (other_high - other) ** 2) ** 0.5
    up = ((high - estimate) ** 2 + (other - other_low) ** 2) ** 0.5
    return estimate - other - down, estimate - other + up


def bonferroni(comparisons: int, *, level: float = 0.95) -> float:
    """The level at which each of so many intervals is taken, so that all of them together hold with ``level``.

    >>> round(bonferroni(5), 4)
    0.99
    """
    return 1 - (1 - level) / comparisons


def holm(p_values: Any) -> Any:
    """p values adjusted for their number (an array): compare each with 1 − level as if it were the only one.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
    6. Not by statsmodels, which looks through all memory for garbage at each call.

    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    import numpy as np

    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted
