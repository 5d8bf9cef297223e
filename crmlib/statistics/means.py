"""Intervals from an estimate and its standard error, and standard errors from sums."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any


def standard_errors(level: float = 0.95) -> float:
    """How many standard errors an interval of a normal estimate reaches to either side.

    >>> round(standard_errors(), 4), round(standard_errors(0.99), 4)
    (1.96, 2.5758)
    """
    return NormalDist().inv_cdf((1 + level) / 2)


def wald(estimate: Any, error: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """The interval of an estimate that is normal with the standard error ``error``.

    Not for shares of few cases, and not for net scores: see :func:`~crmlib.statistics.wilson` and
    :func:`~crmlib.statistics.adjusted_wald`.

    >>> low, high = wald(10.0, 2.0)
    >>> round(low, 2), round(high, 2)
    (6.08, 13.92)
    """
    reach = standard_errors(level) * error
    return estimate - reach, estimate + reach


def mean_of_sums(total: Any, squares: Any, cases: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """The interval of a mean, from the sum, the sum of squares and the number of its cases (arrays).

    Unknown (NaN) with fewer than two cases.

    >>> low, high = mean_of_sums(*(float(n) for n in (60, 1000, 4)))
    >>> round(float(low), 2), round(float(high), 2)
    (9.34, 20.66)
    """
    import numpy as np

    cases = np.asarray(cases, dtype=float)
    mean = total / cases
    spread = np.sqrt(np.maximum(squares / cases - mean**2, 0) * cases / np.where(cases > 1, cases - 1, np.nan))
    return wald(mean, spread / np.sqrt(cases), level=level)


def per_count(amount: Any, cases: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """The interval of an amount per case where the number of cases is what chance decides (arrays).

    The count is Poisson; its limits are Wilson and Hilferty's approximation (1931, PNAS 17) of the exact ones. Without
    an upper end (infinite: NaN) where the count may be zero.

    >>> low, high = per_count(1000.0, 20.0)     # exact limits of a count of 20: 12.22 to 30.89
    >>> round(1000 / float(high), 2), round(1000 / float(low), 2)
    (12.21, 30.89)
    """
    import numpy as np

    n, z = np.asarray(cases, dtype=float), standard_errors(level)
    few = n * (1 - 1 / (9 * n) - z / (3 * np.sqrt(n))) ** 3
    many = (n + 1) * (1 - 1 / (9 * (n + 1)) + z / (3 * np.sqrt(n + 1))) ** 3
    return amount / many, amount / np.where(few > 0, few, np.nan)


def delta_error(slopes: Any, covariance: Any) -> Any:
    """The standard error of a function of estimates (delta method): √(gᵀ Σ g); for a matrix of slopes one per row.

    ``slopes`` g: the function's derivatives by the estimates, at them; ``covariance`` Σ of the estimates (arrays).

    >>> import numpy as np
    >>> round(float(delta_error(np.array([1.0, -1.0]), np.array([[4.0, 1.0], [1.0, 9.0]]))), 3)   # of a difference
    3.317
    """
    import numpy as np

    return np.sqrt(np.maximum(np.einsum("...j,jk,...k->...", slopes, covariance, slopes), 0.0))
