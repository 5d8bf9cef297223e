"""The interval of a net score: promoters less detractors, the mean of answers that count +1, 0 or −1."""

from __future__ import annotations

from typing import Any

from crmlib.statistics.bounds import bounded
from crmlib.statistics.means import wald

PSEUDO_ANSWERS = 3.0


def adjusted_wald(
    promoters: Any, detractors: Any, answers: Any, *, level: float = 0.95, pseudo_answers: float = PSEUDO_ANSWERS
) -> tuple[Any, Any]:
    """The interval of a net score, between −1 and 1, from the shares of promoters and detractors.

    ``answers``: how many independent answers these are worth. ``pseudo_answers`` are added to them, a quarter
    promoters, a quarter detractors, the rest passives: without any (0) it is the plain Wald interval, which is none
    where all answer alike. The interval holds the score itself.

    Source: Rocks (2016), "Interval estimation for the 'net promoter score'", The American Statistician 70(4).

    >>> low, high = adjusted_wald(0.6, 0.2, 10)
    >>> round(low, 3), round(high, 3)
    (-0.126, 0.741)
    >>> [round(limit, 2) for limit in adjusted_wald(1.0, 0.0, 12)], adjusted_wald(1.0, 0.0, 12, pseudo_answers=0)
    ([0.54, 1.0], (1.0, 1.0))
    """
    total = answers + pseudo_answers
    score = promoters - detractors
    middle = answers * score / total
    variance = net_score_variance(promoters, detractors, answers, pseudo_answers=pseudo_answers)
    low, high = wald(middle, (variance / total) ** 0.5, level=level)
    return bounded(low, -1.0, score), bounded(high, score, 1.0)


def net_score_variance(promoters: Any, detractors: Any, answers: Any, *, pseudo_answers: float = PSEUDO_ANSWERS) -> Any:
    """The variance of one answer that counts +1, 0 or −1, with ``pseudo_answers`` added: a score of 100 has one too.

    >>> round(net_score_variance(1.0, 0.0, 12), 3), net_score_variance(0.5, 0.5, 10, pseudo_answers=0)
    (0.26, 1.0)
    """
    total = answers + pseudo_answers
    p = (answers * promoters + pseudo_answers / 4) / total
    d = (answers * detractors + pseudo_answers / 4) / total
    return p + d - (p - d) ** 2
