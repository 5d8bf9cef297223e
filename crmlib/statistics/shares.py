"""Intervals of shares and of their differences."""

from __future__ import annotations

from typing import Any

from crmlib.statistics.bounds import bounded
from crmlib.statistics.comparisons import difference
from crmlib.statistics.means import standard_errors


def wilson(count: Any, base: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """The interval of a share: ``count`` of ``base`` cases. It never leaves 0 to 1, and holds the share itself.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22. The
    example is the first of Newcombe (1998), Statistics in Medicine 17, 857–872, table I:

    >>> low, high = wilson(81, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    >>> [round(limit, 4) for limit in wilson(0, 20)]
    [0.0, 0.1611]
    """
    z = standard_errors(level)
    share = count / base
    middle = (count + z**2 / 2) / (base + z**2)
    half = z * (count * (1 - share) + z**2 / 4) ** 0.5 / (base + z**2)
    return bounded(middle - half, 0.0, share), bounded(middle + half, share, 1.0)


def newcombe(count: Any, base: Any, other_count: Any, other_base: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """The interval of a difference of two shares, first minus other, from their Wilson intervals.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, 873–890, method 10; its first example:

    >>> low, high = newcombe(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    first = wilson(count, base, level=level)
    return difference(count / base, first, other_count / other_base, wilson(other_count, other_base, level=level))
