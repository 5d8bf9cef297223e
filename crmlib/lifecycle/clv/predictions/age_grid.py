"""Expected orders at a few ages, which tell those at all others: many models in the time of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.lifecycle.clv.customer_base import CustomerBase, Numbers
from crmlib.lifecycle.clv.models.orders_model import OrdersModel

# Expected orders change so smoothly with a customer's age that these many ages tell all others, to 1e-6 or better.
AGES = 12


@dataclass(frozen=True)
class AgeGrid:
    """Chebyshev interpolation over the age T, for every distinct x: a few ages stand for all.

    What is interpolated is a logarithm, over log(mean age / 10 + T), in which expected orders are nearly straight.
    """

    x: Numbers  # distinct x down, ages across
    T: Numbers
    line: Numbers  # per distinct (x, T): which x
    age: Numbers  # per distinct (x, T): the age itself
    weights: Numbers  # per distinct (x, T): how much of each age across
    pair: Numbers  # per history: which distinct (x, T)

    @classmethod
    def of(cls, base: CustomerBase) -> AgeGrid:
        values, line = np.unique(base.x, return_inverse=True)
        ages, age = np.unique(base.T, return_inverse=True)
        pairs, pair = np.unique(line * len(ages) + age, return_inverse=True)
        shift = max(float(ages.mean()) / 10, 1e-9) if len(ages) else 1.0
        u = np.log(shift + ages)
        if len(u) < 2 or u[-1] - u[0] < 1e-9:
            nodes, weights = u[:1], np.ones((len(ages), min(len(ages), 1)))
        else:
            k = np.arange(AGES)
            nodes = (u[0] + u[-1]) / 2 + (u[-1] - u[0]) / 2 * np.cos(np.pi * k / (AGES - 1))
            signs = np.where(k % 2, -1.0, 1.0) * np.where((k == 0) | (k == AGES - 1), 0.5, 1.0)
            gaps = u[:, None] - nodes
            with np.errstate(divide="ignore", invalid="ignore"):
                weights = signs / gaps
                weights /= weights.sum(axis=1, keepdims=True)
            exact = np.abs(gaps) < 1e-12
            weights = np.where(exact.any(axis=1, keepdims=True), exact.astype(float), weights)
        x, T = np.meshgrid(values, np.maximum(np.exp(nodes) - shift, 0.0), indexing="ij")
        lines, columns = np.divmod(pairs, max(len(ages), 1))
        return cls(x, T, lines, ages[columns], weights[columns], pair)

    @property
    def pairs(self) -> tuple[Numbers, Numbers]:
        """The distinct (x, T) themselves."""
        return self.x[self.line, 0] if len(self.line) else self.age, self.age

    def interpolate(self, at_nodes: Numbers) -> Numbers:
        """From values at ``x, T`` to values per history."""
        return np.einsum("ij,ij->i", at_nodes[self.line], self.weights)[self.pair]

    def orders_if_alive(self, model: OrdersModel, t: float) -> Numbers:
        """Expected orders per history of those alive, over the time ``t``."""
        return np.exp(self.interpolate(bounded_log(model.expected_orders_if_alive(t, self.x, self.T))))


def bounded_log(values: Numbers) -> Numbers:
    """The logarithm of numbers that may be 0, which count as 1e-300."""
    return np.log(np.maximum(values, 1e-300))
