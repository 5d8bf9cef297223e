"""Sums over the periods still to come, however many, without adding them one by one.

Terms that fall smoothly are added in blocks: 16 well-placed terms, weighted, tell the sum of a block of 2^k terms. The
places and weights are those of Gauss's rule for equally spaced points (Gram's polynomials), exact for polynomials up to
degree 31, so that a block may be as long as the term is smooth over it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import linalg

from crmlib.models.arrays import Numbers

_NODES = 16
_LARGEST_BLOCK = 61
# What is left is left off once it cannot change the last digit of the sum.
_NEGLIGIBLE = 1e-17
# Over one block a term may fall by a factor of e^10: beyond, 16 places do not tell its shape.
_FALL = 10.0


def block_length(longest: Numbers, rate: Callable[[Numbers], Numbers], place: Numbers) -> Numbers:
    """How long a block from ``place`` may be: up to ``longest``, and as far as the term falls by e^10 at its ``rate``.

    ``rate``: how fast the logarithm of the term falls at a place.
    """
    with np.errstate(divide="ignore"):
        length = np.minimum(longest, _FALL / rate(place))
        return np.minimum(length, _FALL / rate(place + length))


def sum_of_falling(
    log_term: Callable[[Numbers, Numbers], Numbers],
    reach: Callable[[Numbers, Numbers], Numbers],
    first: Numbers,
    *,
    stop: float | Numbers = np.inf,
    remainder: float = np.inf,
) -> Numbers:
    """Σ exp(log_term(k)) over k = first, first + 1, …, stop − 1, for each element of ``first``.

    ``log_term(k, rows)`` and ``reach(k, rows)`` take places k for the elements ``rows`` (k may have a second axis for
    the term); ``reach`` says how long a block from k may be. ``remainder``: all terms from k on add up to at most
    so many times the one at k, which ends an infinite sum.
    """
    first = np.asarray(first, float)
    stop = np.broadcast_to(np.asarray(stop, float), first.shape)
    total, place = np.zeros(len(first)), first.copy()
    rows = np.flatnonzero(place < stop)
    while len(rows):
        at = place[rows]
        length = np.minimum(np.maximum(reach(at, rows), _NODES), stop[rows] - at)
        exponent = np.clip(np.floor(np.log2(length)), 0, _LARGEST_BLOCK).astype(int)
        places, weights = _tables()
        total[rows] += (weights[exponent] * np.exp(log_term(at[:, None] + places[exponent], rows))).sum(axis=1)
        place[rows] = at + 2.0**exponent
        more = place[rows] < stop[rows]
        if np.isfinite(remainder):
            left = remainder * np.exp(log_term(place[rows][:, None], rows)[:, 0])
            more &= left > _NEGLIGIBLE * total[rows]
        rows = rows[more]
    return total


@cache
def _tables() -> tuple[Numbers, Numbers]:
    """For each block of 2^k terms, at which places to look, and how much each counts."""
    rules = [_rule(exponent) for exponent in range(_LARGEST_BLOCK + 1)]
    return np.array([rule[0] for rule in rules]), np.array([rule[1] for rule in rules])


def _rule(exponent: int) -> tuple[Numbers, Numbers]:
    size = 2.0**exponent
    if size <= _NODES:
        every = np.arange(float(_NODES))
        return np.minimum(every, size - 1), (every < size).astype(float)
    j = np.arange(1.0, _NODES)
    beside = j / 2 * np.sqrt((size - j) * (size + j) / (4 * j**2 - 1))
    places, vectors = linalg.eigh_tridiagonal(np.zeros(_NODES), beside)
    return places + (size - 1) / 2, size * vectors[0] ** 2
