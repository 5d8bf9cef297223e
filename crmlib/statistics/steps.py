"""A lasting step in a series: where its level changed once, and whether chance makes such steps."""

from __future__ import annotations

from typing import Any, NamedTuple

from crmlib.statistics.limits import FEWEST_FOR_LIMITS

SHUFFLES = 999
# Of a hundred series without a step, one is said to have one.
LEVEL = 0.99


class Step(NamedTuple):
    """A step: the place of the first value after it, the means of both sides, and how often chance makes one."""

    at: int
    before: float
    after: float
    p_value: float


def find_step(values: Any, *, fewest: int = FEWEST_FOR_LIMITS, level: float = LEVEL) -> Step | None:
    """The one step of a series' mean that explains most, if chance hardly makes such a step; None if it does.

    At least ``fewest`` values lie on either side. The statistic is the likelihood ratio of two means against one; its p
    value is the share of shuffled series that have as large a step (999 shuffles, always the same), and it must not
    be above ``1 - level``. Mind: a shuffled series has no trend, no season and no memory. The caller has to rule those
    out.

    Source: Hinkley (1970), "Inference about the change-point in a sequence of random variables", Biometrika 57(1).

    >>> find_step([10.0, 12, 11, 10, 12, 11, 20, 22, 21, 20, 22, 21])
    Step(at=6, before=11.0, after=21.0, p_value=0.006)
    >>> find_step([10.0, 12, 11, 10, 12, 11, 10, 12, 11, 10, 12, 11]) is None
    True
    """
    import numpy as np

    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2 * fewest or values.std() == 0:
        return None
    shuffled = np.random.default_rng(n).permuted(np.tile(values, (SHUFFLES, 1)), axis=1)
    sums = np.cumsum(np.vstack([values, shuffled]), axis=1)
    first = np.arange(fewest, n - fewest + 1)
    # n / (k (n - k)) times the squared distance of the sum before k from its share: what two means explain more.
    explained = n / (first * (n - first)) * (sums[:, first - 1] - first / n * sums[:, [-1]]) ** 2
    largest = explained.max(axis=1)
    p_value = float((largest >= largest[0] * (1 - 1e-9)).mean())
    if p_value > 1 - level:
        return None
    at = int(first[explained[0].argmax()])
    return Step(at, float(values[:at].mean()), float(values[at:].mean()), round(p_value, 3))
