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


def skewed(estimate: Any, error: Any, skewness: Any, free: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """The interval of an estimate that is the sum of independent parts, some of which are much larger than most.

    ``error``: its standard error √Σ ψ², with ψ what each case moves it by; ``skewness``: Σ ψ³ / (Σ ψ²)^1.5, which is
    the skewness of the cases by √n for a mean; ``free``: degrees of freedom of the error (arrays). Where few large
    cases make the estimate, a sample that holds none of them is low *and* looks sure, so the interval reaches further
    up than down. Student's where the skewness is 0.

    Source: Hall (1992), "On the removal of skewness by transformation", JRSS B 54: the inverse of his cubic,
    (3 / a)·((1 + a·(t − a / 6))^(1/3) − 1).

    >>> low, high = skewed(10.0, 2.0, 0.5, 50)
    >>> round(float(low), 2), round(float(high), 2)
    (6.98, 26.3)
    >>> [round(float(end), 2) for end in skewed(10.0, 2.0, 0.0, 50)]
    [5.98, 14.02]
    """
    import numpy as np
    from scipy.special import stdtrit

    a, t = np.asarray(skewness, dtype=float), stdtrit(free, (1 + level) / 2)
    is_even = np.abs(a) < 1e-6
    a = np.where(is_even, 1.0, a)
    up, down = (np.where(is_even, q, 3 / a * (np.cbrt(1 + a * (q - a / 6)) - 1)) for q in (t, -t))
    return estimate - up * error, estimate - down * error


def mean_of_sums(total: Any, squares: Any, cases: Any, *, cubes: Any = None, level: float = 0.95) -> tuple[Any, Any]:
    """The interval of a mean, from the sums of the cases, of their squares and cubes, and their number (arrays).

    Amounts of money have a long tail, and cubes tell how long it is: see :func:`skewed`. Without them (None) the
    interval is Student's, which is too low and too short for such amounts. Unknown (NaN) with fewer than two cases.

    >>> import numpy as np
    >>> amounts = np.array([5.0, 10.0, 10.0, 35.0])
    >>> low, high = mean_of_sums(amounts.sum(), (amounts**2).sum(), 4, cubes=(amounts**3).sum())
    >>> round(float(low), 2), round(float(high), 2)
    (0.31, 88.45)
    >>> low, high = mean_of_sums(amounts.sum(), (amounts**2).sum(), 4)
    >>> round(float(low), 2), round(float(high), 2)
    (-6.55, 36.55)
    """
    import numpy as np

    cases = np.asarray(cases, dtype=float)
    cases = np.where(cases > 1, cases, np.nan)
    mean = total / cases
    variance = np.maximum(squares / cases - mean**2, 0)
    third = 0.0 if cubes is None else cubes / cases - 3 * mean * squares / cases + 2 * mean**3
    # Of cases that are all alike the arithmetic leaves a trace, and no skewness.
    varies = variance > 1e-12 * mean**2
    skewness = np.where(varies, third / np.where(varies, variance, 1.0) ** 1.5 / np.sqrt(cases), 0.0)
    return skewed(mean, np.sqrt(variance / (cases - 1)), skewness, cases - 1, level=level)


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
