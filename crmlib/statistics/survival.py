"""Waiting times of which some are not over: the product-limit estimate and the log-rank test, on counts."""

from __future__ import annotations

from typing import Any, NamedTuple

from crmlib.statistics.means import standard_errors


class Survival(NamedTuple):
    """S(t) after each time, and its pointwise interval (arrays; empty where all or none are left)."""

    survival: Any
    low: Any
    high: Any


def kaplan_meier(at_risk: Any, events: Any, *, level: float = 0.95) -> Survival:
    """The share for whom nothing has happened yet by each time (arrays, in the order of time).

    ``at_risk``: for how many it could have happened at that time; ``events``: for how many it did. The interval is
    Greenwood's on the complementary log-log scale.

    Sources: Kaplan & Meier (1958), JASA 53; Greenwood (1926); Kalbfleisch & Prentice (2002), "The statistical analysis
    of failure time data", section 1.4. The example, 6-MP in leukaemia, is theirs (Freireich et al. 1963):

    >>> survival, low, high = kaplan_meier([21, 17, 15, 12, 11, 7, 6], [3, 1, 1, 1, 1, 1, 1])
    >>> survival.round(4).tolist()
    [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    >>> low.round(3).tolist()[0], high.round(3).tolist()[0]
    (0.62, 0.952)
    """
    import numpy as np

    n, d = np.asarray(at_risk, dtype=float), np.asarray(events, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - d / n)
        spread = np.sqrt(np.cumsum(d / (n * (n - d)))) / -np.log(survival)
        power = np.exp(standard_errors(level) * spread)
        inside = (survival > 0) & (survival < 1)
        low, high = (np.where(inside, survival**p, np.nan) for p in (power, 1 / power))
    return Survival(survival, low, high)


def log_rank(at_risk: Any, events: Any) -> tuple[float, float]:
    """Whether it happens to groups alike: the log-rank test, ``(chi2, p)``; its degrees of freedom are groups − 1.

    ``at_risk`` and ``events``: matrices with one row per time and one column per group. It takes counts, so that
    a million cases weigh no more than the times at which something happened. NaN where nothing can be said.

    Sources: Mantel (1966), Cancer Chemotherapy Reports 50; Peto & Peto (1972), JRSS A 135. The same data as for
    :func:`kaplan_meier`, with the placebo group:

    >>> import numpy as np
    >>> times = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23] + [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15,
    ...     17, 22, 23])
    >>> treated = np.arange(30) < 9
    >>> left = np.array([6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
    >>> when = np.unique(times)[:, None]
    >>> events = np.column_stack([(times == when)[:, treated].sum(1), (times == when)[:, ~treated].sum(1)])
    >>> at_risk = np.column_stack([(times >= when)[:, treated].sum(1) + (left >= when).sum(1),
    ...     (times >= when)[:, ~treated].sum(1)])
    >>> chi2, p = log_rank(at_risk, events)
    >>> round(chi2, 2), round(p, 5)
    (16.79, 4e-05)
    """
    import numpy as np
    from scipy.special import chdtrc

    n, d = np.asarray(at_risk, dtype=float), np.asarray(events, dtype=float)
    everybody, happened = n.sum(axis=1), d.sum(axis=1)
    # Of times at which one case is left nothing can be learnt: what happens, happens to that one.
    used = (happened > 0) & (everybody > 1)
    n, d, everybody, happened = n[used], d[used], everybody[used], happened[used]
    if (n.sum(axis=0) == 0).any():
        return float("nan"), float("nan")
    share = n / everybody[:, None]
    observed = (d - happened[:, None] * share).sum(axis=0)
    weight = happened * (everybody - happened) / (everybody - 1)
    covariance = np.diag((weight[:, None] * share).sum(axis=0)) - (weight[:, None] * share).T @ share
    try:
        chi2 = float(observed[1:] @ np.linalg.solve(covariance[1:, 1:], observed[1:]))
    except np.linalg.LinAlgError:
        return float("nan"), float("nan")
    return chi2, float(chdtrc(n.shape[1] - 1, chi2))
