"""Waiting times of which some are not over: the product-limit estimate and the log-rank test, on counts."""

from __future__ import annotations

from typing import Any, NamedTuple

from crmlib.statistics.means import standard_errors
from crmlib.statistics.shares import wilson


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


class Incidence(NamedTuple):
    """F(t), the share to whom it has happened by each time, and its pointwise interval (arrays)."""

    share: Any
    low: Any
    high: Any


def cumulative_incidence(at_risk: Any, events: Any, others: Any, *, level: float = 0.95) -> Incidence:
    """The share to whom ``events`` have happened by each time, where ``others`` make it impossible (arrays, in time).

    A lead that is lost cannot be won any more: that is no missing observation, as ``1 - kaplan_meier`` would take it,
    but another end (competing risks). The interval is Wilson's with as many cases as the estimate is worth, so that it
    is Wilson's itself where everybody was followed.

    Sources: Aalen & Johansen (1978), Scandinavian Journal of Statistics 5; the variance (delta method) as in Marubini &
    Valsecchi (1995), "Analysing survival data from clinical trials and observational studies", section 10.3. Of ten
    leads 3 are won and 4 lost on day 1; of the three that are then still followed, one is won on day 2:

    >>> share, low, high = cumulative_incidence([10, 3], [3, 1], [4, 0])
    >>> share.round(4).tolist()
    [0.3, 0.4]
    >>> low.round(4).tolist()[0] == round(wilson(3, 10)[0], 4)
    True
    """
    import numpy as np

    n, d, o = (np.asarray(one, dtype=float) for one in (at_risk, events, others))
    first, n = n[:1].sum(), np.maximum(n, 1.0)  # where nobody is left, nothing happens
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.cumprod(1 - (d + o) / n)
        before = np.concatenate([[1.0], left[:-1]])
        share = np.cumsum(before * d / n)
        any_end = np.where(n > d + o, (d + o) / (n * (n - d - o)), 0.0)
        own, both = before**2 * d * (n - d) / n**3, before * d / n**2
        # Σ (F(t) − F(s))² a(s) + Σ own(s) − 2 Σ (F(t) − F(s)) both(s), each over s ≤ t, by its cumulative sums.
        sums = [np.cumsum(part) for part in (any_end, any_end * share, any_end * share**2, own, both, both * share)]
        a, a_f, a_ff, owns, b, b_f = sums
        variance = share**2 * a - 2 * share * a_f + a_ff + owns - 2 * (share * b - b_f)
        inside = (share > 0) & (share < 1) & (variance > 0)
        worth = np.where(inside, share * (1 - share) / np.where(inside, variance, 1.0), first)
        low, high = wilson(share * worth, worth, level=level)
    return Incidence(share, np.asarray(low), np.asarray(high))


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
