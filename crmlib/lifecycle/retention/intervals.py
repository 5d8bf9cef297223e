"""Intervals of shares and of their differences, for numbers, arrays and expressions of the engine alike."""

from __future__ import annotations

from typing import Any

Z95 = 1.959963984540054


def wilson(count: Any, base: Any, *, z: float = Z95) -> tuple[Any, Any]:
    """The Wilson interval of a share, 95 % unless another ``z`` is given.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.

    >>> low, high = wilson(10, 40)
    >>> round(low, 3), round(high, 3)
    (0.142, 0.402)
    """
    middle = (count + z**2 / 2) / (base + z**2)
    half = z * (count * (base - count) / base + z**2 / 4) ** 0.5 / (base + z**2)
    return middle - half, middle + half


def newcombe(count: Any, base: Any, other_count: Any, other_base: Any, *, z: float = Z95) -> tuple[Any, Any]:
    """The interval of a difference of two shares, first minus other, from their Wilson intervals.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, method 10; its first example:

    >>> low, high = newcombe(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    (low, high), (other_low, other_high) = wilson(count, base, z=z), wilson(other_count, other_base, z=z)
    share, other = count / base, other_count / other_base
    down = ((share - low) ** 2 + (other_high - other) ** 2) ** 0.5
    up = ((high - share) ** 2 + (other - other_low) ** 2) ** 0.5
    return share - other - down, share - other + up
