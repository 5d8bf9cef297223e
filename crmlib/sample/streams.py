"""Random numbers: an independent, named stream per step, so that a change in one does not reshuffle the others."""

from __future__ import annotations

import hashlib

import numpy as np

from crmlib.sample.parameters import AURORA


def stream(*names: str) -> np.random.RandomState:
    """A generator whose numbers depend on the seed and the names only.

    ``RandomState`` is used because numpy has frozen its streams: the same bytes in every version.
    """
    digest = hashlib.sha256("/".join([str(AURORA.seed), *names]).encode()).digest()
    return np.random.RandomState(np.frombuffer(digest[:16], dtype="<u4"))


def choose(random: np.random.RandomState, options: list, weights: list[float] | None, size: int) -> np.ndarray:
    """``size`` draws from ``options`` with relative ``weights``."""
    relative = np.ones(len(options)) if weights is None else np.asarray(weights, dtype=float)
    bounds = np.cumsum(relative / relative.sum())
    bounds[-1] = 1.0
    return np.asarray(options, dtype=object)[np.searchsorted(bounds, random.random_sample(size), side="right")]
