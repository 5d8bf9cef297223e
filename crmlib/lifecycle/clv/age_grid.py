"""Expected orders at a few ages, which tell those at all others: many models in the time of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import CustomerBase
from crmlib.models.orders_model import OrdersModel

# Over log(shift + T), with a shift no larger than any parameter that is added to T, logarithms of expectations are
# analytic as far as iπ/2 off the axis at least: pieces of this width, with so many nodes, err by some 1e-8.
NODES = 12
WIDTH = 1.5
# What is allowed, and how many pairs (x, T) tell whether it is kept; else pieces are halved, so often at most.
ALLOWED_ERROR = 1e-6
CHECKED_PAIRS = 48
MOST_HALVINGS = 3
# Drawn parameters lie so many standard errors below their estimate at the very most.
STANDARD_ERRORS = 4.0


@dataclass(frozen=True)
class AgeGrid:
    """Piecewise Chebyshev interpolation over the age T, for every distinct x: a few points (x, T) stand for all.

    What is interpolated is a logarithm or a share, over log(shift + T). Where a piece has no more ages than nodes,
    these ages are points themselves, and exact.
    """

    x: Numbers  # the points
    T: Numbers
    shift: float
    pairs: tuple[Numbers, Numbers]  # the distinct (x, T) themselves
    first: Numbers  # per distinct (x, T): its point, or the first of the nodes around it
    between: Numbers  # which of the distinct (x, T) are interpolated
    weights: Numbers  # per interpolated (x, T): how much of each of its nodes
    pair: Numbers  # per history: which distinct (x, T)

    @classmethod
    def of(cls, base: CustomerBase, model: OrdersModel, t: float) -> AgeGrid:
        """The grid for models whose parameters are those of ``model``, or drawn around them, over times up to ``t``.

        It checks itself against ``model``, and has smaller pieces, in the end only exact points, if it must.
        """
        width = WIDTH
        for _ in range(MOST_HALVINGS + 1):
            grid = cls.with_pieces(base, safe_shift(base, model), width)
            if grid.error(model, t) <= ALLOWED_ERROR:
                return grid
            width /= 2
        return cls.with_pieces(base, grid.shift, 0.0)

    @classmethod
    def with_pieces(cls, base: CustomerBase, shift: float, width: float) -> AgeGrid:
        """The grid whose pieces are at most so wide in log(shift + T); all points are exact for a width of 0."""
        values, line = np.unique(base.x, return_inverse=True)
        ages, age = np.unique(base.T, return_inverse=True)
        keys, pair = np.unique(line * len(ages) + age, return_inverse=True)
        line, age = np.divmod(keys, max(len(ages), 1))
        pairs = values[line], ages[age]
        if not width or len(ages) <= NODES:
            everything = np.arange(len(keys))
            return cls(*pairs, shift, pairs, everything, np.empty(0, dtype=int), np.empty((0, NODES)), pair)
        u = np.log(shift + ages)
        pieces = max(int(np.ceil((u[-1] - u[0]) / width)), 1)
        half = max((u[-1] - u[0]) / (2 * pieces), 1e-9)  # ages may differ by rounding only
        piece = np.minimum((u - u[0]) / (2 * half), pieces - 1).astype(int)
        cells, cell, ages_of = np.unique(line * pieces + piece[age], return_inverse=True, return_counts=True)
        crowded = ages_of > NODES
        between = np.flatnonzero(crowded[cell])
        exact = np.flatnonzero(~crowded[cell])
        k = np.arange(NODES)
        nodes = np.cos(np.pi * k / (NODES - 1))
        middle = u[0] + half * (2 * np.arange(pieces) + 1)
        lines, pieces_of = np.divmod(cells[crowded], pieces)
        at_nodes = np.maximum(np.exp(middle[pieces_of, None] + half * nodes) - shift, 0.0)
        first = np.empty(len(keys), dtype=int)
        first[exact] = np.arange(len(exact))
        first[between] = len(exact) + NODES * (np.cumsum(crowded) - 1)[cell[between]]
        return cls(
            x=np.append(pairs[0][exact], np.repeat(values[lines], NODES)),
            T=np.append(pairs[1][exact], at_nodes.ravel()),
            shift=shift,
            pairs=pairs,
            first=first,
            between=between,
            weights=_weights(((u - middle[piece]) / half), nodes)[age[between]],
            pair=pair,
        )

    def interpolate(self, at_points: Numbers) -> Numbers:
        """From values at ``x, T`` to values per history."""
        values = at_points[self.first]
        if len(self.between):
            around = at_points[self.first[self.between][:, None] + np.arange(NODES)]
            values[self.between] = np.einsum("ij,ij->i", around, self.weights)
        return values[self.pair]

    def by_log(self, at_points: Numbers) -> Numbers:
        """From expectations at ``x, T`` to those per history, whose logarithms are interpolated."""
        return np.exp(self.interpolate(bounded_log(at_points)))

    def orders_if_alive(self, model: OrdersModel, t: float) -> Numbers:
        """Expected orders per history of those alive, over the time ``t``."""
        return self.by_log(model.expected_orders_if_alive(t, self.x, self.T))

    def error(self, model: OrdersModel, t: float) -> float:
        """The largest relative error of expected orders, and of pairs of these, at some of the interpolated ages."""
        if not len(self.between):
            return 0.0
        some = np.unique(np.linspace(0, len(self.between) - 1, CHECKED_PAIRS).astype(int))
        x, T = (of[self.between[some]] for of in self.pairs)
        points = self.first[self.between[some]][:, None] + np.arange(NODES)
        largest = 0.0
        for expected in (model.expected_orders_if_alive, model.expected_order_pairs_if_alive):
            around = bounded_log(expected(t, self.x[points], self.T[points]))
            found = np.einsum("ij,ij->i", around, self.weights[some])
            largest = max(largest, float(np.abs(np.expm1(found - bounded_log(expected(t, x, T)))).max()))
        return largest


def safe_shift(base: CustomerBase, model: OrdersModel) -> float:
    """A shift of ages below every parameter that the model adds to them, at its estimate and where drawn ones lie."""
    spread = np.zeros(len(model.symbols))
    if model.estimate is not None:
        spread = np.sqrt(np.maximum(np.diag(model.estimate.covariance), 0.0))
    lowest = [
        getattr(model, symbol) * np.exp(-STANDARD_ERRORS * min(spread[model.symbols.index(symbol)], 5.0))
        for symbol in model.times
    ]
    mean = float(base.customers @ base.T) / max(float(base.customers.sum()), 1.0)
    return max(min([*lowest, mean / 10 if mean > 0 else 1.0]), 1e-12)


def _weights(place: Numbers, nodes: Numbers) -> Numbers:
    """Barycentric weights of the Chebyshev nodes on (−1, 1), for each place."""
    signs = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0)
    signs[[0, -1]] /= 2
    gaps = place[:, None] - nodes
    exact = np.abs(gaps) < 1e-13
    weights = signs / np.where(exact, 1.0, gaps)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.where(exact.any(axis=1, keepdims=True), exact.astype(float), weights)


def bounded_log(values: Numbers) -> Numbers:
    """The logarithm of numbers that may be 0, which count as 1e-300."""
    return np.log(np.maximum(values, 1e-300))
