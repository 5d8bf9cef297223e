"""Gamma-gamma: what a customer spends on an order, on average and in the long run.

Each customer's orders vary as a gamma (p, ν) around the customer's own mean p/ν; ν differs between customers as a
gamma (q, v). Spend and frequency are taken to be independent: check their correlation before use.

Source: Fader & Hardie (2013), "The gamma-gamma model of monetary value"; equation numbers below are theirs. The v
here is their γ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from scipy import special

from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import FEWEST_REPEAT_BUYERS, Problem, check_spend, read_columns, refuse, spend_problems
from crmlib.models.errors import FitDidNotConverge, MeanSpendUndefined, TooFewRepeatBuyers
from crmlib.models.maximum_likelihood import LARGE, FittedModel, most_likely
from crmlib.models.posterior import NOT_ASKED, Likelihood

MANY_CUSTOMERS = 20_000

# What it means if parameters run away in a fit; the first that fits is told.
NO_MAXIMUM = {
    (("p", "infinity"), ("q", "infinity")): "everybody spends nearly the same on every order",
    (("p", "infinity"),): "mean spends are no steadier over many orders than over one, as if all orders of a customer "
    "cost the same (p runs to infinity)",
    (("q", "infinity"),): "mean spends differ no more than chance would make them differ, as if all customers spent "
    "alike (q and v run to infinity)",
    (("q", "0"),): "a few customers spend beyond all measure (q runs to 0)",
    (("p", "0"),): "a few orders cost beyond all measure (p runs to 0)",
}

# Up to such shapes a sum of logarithms is exact to ten digits and more.
PLAIN = 1e4

# No simulated spend and no interval is larger: where the model has no mean, a few draws have no end.
LARGEST = 1e100
LOG_LARGEST = float(np.log(LARGEST))

WhenUndefined = Literal["raise", "observed_mean"]


@dataclass(kw_only=True, repr=False, eq=False)
class GammaGamma(FittedModel):
    """The gamma-gamma model of spend: from known parameters, or ``GammaGamma.fit(summary)``.

    p: how steady a customer's orders are; q, v: how customers' means differ (v in money). ``observed_mean``: the mean
    of all repeat orders it was fitted to; ``passed_over``: how many repeat buyers it was not fitted to, because all
    their repeat orders were free.

    >>> model = GammaGamma(p=6.25, q=3.74, v=15.44)
    >>> model.expected_spend([0, 2], [0.0, 22.35]).round(2)
    array([35.22, 24.66])
    """

    symbols = ("p", "q", "v")

    # p, q, v over the median spend.
    starts = list(np.log([(4.0, 4.0, 1.0), (1.0, 3.0, 3.0), (20.0, 5.0, 0.2)]))

    p: float
    q: float
    v: float
    observed_mean: float | None = None
    passed_over: int = 0

    @classmethod
    def fit(cls, summary: Any, monetary: Any = None, *, prior_spread: float | None = None) -> Self:
        """The model under which the mean spends of repeat buyers are most likely.

        ``summary`` (pandas or Ibis): ``frequency, monetary`` and, where present, ``customers``, how many customers a
        row stands for; or two arrays, ``fit(frequency, monetary)``. Customers without repeat purchase tell nothing and
        are left out, as are those whose repeat purchases were all free (spend 0): a gamma has no zeros. The latter are
        counted in ``passed_over``. ``prior_spread`` as for ``BetaGeoNBD.fit``. Raises ``CustomerBaseInvalid`` for
        missing or negative spend, ``TooFewRepeatBuyers`` and ``FitDidNotConverge``.
        """
        if monetary is None:
            read = read_columns(_with_orders(summary), ("frequency", "monetary"), _fit_problems)
            (x, m), weights = read.columns, read.customers
        else:
            x, m = np.broadcast_arrays(np.asarray(summary, float), np.asarray(monetary, float))
            refuse(_fit_problems(x, m))
            x, m, weights = x.ravel(), m.ravel(), None
        weights = np.ones(len(x)) if weights is None else weights
        free = (x > 0) & (m == 0)
        paid = (x > 0) & ~free
        passed_over = int(weights[free].sum())
        x, m, weights = _merged(x[paid], m[paid], weights[paid])
        customers = float(weights.sum())
        if customers < FEWEST_REPEAT_BUYERS or m.min() == m.max():
            raise TooFewRepeatBuyers(
                f"{customers:.0f} customers with repeat spend, {len(np.unique(m))} different mean spends: at least "
                f"{FEWEST_REPEAT_BUYERS} customers whose spends differ are needed"
            )
        # Money in medians, so that starts and steps mean the same in any currency.
        scale = _median(m, weights)
        try:
            estimate = most_likely(
                _likelihood(x, m / scale, weights), cls.starts, cls.symbols, customers=customers,
                prior_spread=prior_spread, shift=np.array([0.0, 0.0, np.log(scale)]), height=customers * np.log(scale),
                of=[cls.__name__, x, m / scale, weights],
            )  # fmt: skip
        except FitDidNotConverge as error:
            reasons = [words for ends, words in NO_MAXIMUM.items() if set(ends) <= set(error.runs_to.items())]
            raise error.explained(
                next(iter(reasons), ""),
                f"{customers:.0f} repeat buyers with mean spends from {m.min():g} to {m.max():g}, "
                f"half of them up to {scale:g}",
            ) from None
        if len(x) > MANY_CUSTOMERS:
            estimate = replace(estimate, likelihood=None)
        observed_mean = float(np.average(m, weights=weights * x))
        return cls.from_estimate(estimate, observed_mean=observed_mean, passed_over=passed_over)

    def log_likelihood(self, x: Any, m: Any) -> Numbers:
        """The log-density of the mean spend ``m`` over ``x`` > 0 repeat orders (equation 1a); 0 for x = 0.

        >>> GammaGamma(p=1, q=2, v=1).log_likelihood([0, 1], [0.0, 1.0]).round(4)
        array([ 0.    , -1.3863])
        """
        x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
        check_spend(x, m)
        some, spend = np.maximum(x, 1.0), np.where(x > 0, m, 1.0)
        share = _Share(self.p * some, self.q, some * spend, self.v)
        return np.where(x > 0, _log_beta_height(share.A, share.B) - share.deviance() - np.log(spend), 0.0)

    def expected_spend(self, x: Any, m: Any, *, when_undefined: WhenUndefined = "raise") -> Numbers:
        """Expected spend per order of customers with mean spend ``m`` over ``x`` repeat orders (equation 5).

        The mean is infinite where p·x + q ≤ 1, for q ≤ 1 so for one-time buyers. Such customers raise
        ``MeanSpendUndefined``, or get the observed mean over all repeat orders with
        ``when_undefined="observed_mean"`` (fitted models only). It is never negative.
        """
        x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
        check_spend(x, np.where((x > 0) & (m == 0), 1.0, m))
        base, weight = self.spend_line(x, when_undefined=when_undefined)
        return base + weight * np.where(x > 0, m, 0.0)

    def spend_line(self, x: Any, *, when_undefined: WhenUndefined = "raise") -> tuple[Numbers, Numbers]:
        """Expected spend as a line in the customer's own mean, base + weight · m, for each ``x``.

        The weight is how much one believes the customer's own orders, the base what is left to the average customer.
        """
        x = np.asarray(x, float)
        below = self.p * x + (self.q - 1)
        undefined = below <= 0
        if np.any(undefined):
            if when_undefined == "raise" or self.observed_mean is None:
                raise MeanSpendUndefined(
                    f"{int(np.sum(undefined))} customers have no finite expected spend (p·x + q ≤ 1, with "
                    f"p {self.p:.3g}, q {self.q:.3g}): spends are too unequal for this model. Look for a few huge "
                    'orders, or use when_undefined="observed_mean"'
                )
            below = np.where(undefined, 1.0, below)
        base, weight = self.p * self.v / below, self.p * x / below
        if np.any(undefined):
            base, weight = np.where(undefined, self.observed_mean, base), np.where(undefined, 0.0, weight)
        return base, weight

    def spend_squares(self, x: Any, m: Any) -> tuple[Numbers, Numbers]:
        """E[M²] of one future order, and E[M₁M₂] of two by the same customer: with them goes the spread of totals.

        Infinite where p·x + q ≤ 2; where it is below 2.1, it is taken as 2.1, so that the spread is large but finite.
        """
        x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
        two_below = np.maximum(self.p * x + (self.q - 2), 0.1)
        square = (self.v + x * np.where(x > 0, m, 0.0)) ** 2 / ((two_below + 1) * two_below)
        return self.p * (self.p + 1) * square, self.p**2 * square

    def simulate_total(self, orders: Any, x: Any, random: np.random.Generator) -> Numbers:
        """The simulated total spend of ``orders`` future orders each, divided by (v + x·m); 0 for no orders.

        ``orders``, ``x`` (repeat orders so far): arrays of one shape, or such as broadcast. A customer's ν given x and
        m is G / (v + x·m) with G gamma (p·x + q), and n orders sum up to a gamma (p·n) over ν. A total above 1e100,
        which only p·x + q far below 1 makes (no mean then is finite), counts as 1e100, so that sums stay numbers.

        >>> model = GammaGamma(p=6.25, q=3.74, v=15.44)
        >>> totals = model.simulate_total(np.full(100_000, 3), 2, np.random.default_rng(1)) * (15.44 + 2 * 22.35)
        >>> (totals.mean() / 3).round().item(), model.expected_spend(2, 22.35).round().item()
        (25.0, 25.0)
        """
        orders, x = np.broadcast_arrays(np.asarray(orders, float), np.asarray(x, float))
        totals = np.zeros(orders.shape)
        some = orders > 0
        logs = _log_gamma_drawn(self.p * orders[some], random) - _log_gamma_drawn(self.p * x[some] + self.q, random)
        totals[some] = np.exp(np.minimum(logs, LOG_LARGEST))
        return totals

    def spend_interval_factors(self, x: Any, confidence: float = 0.9) -> tuple[Numbers, Numbers]:
        """Low and high such that a customer's true mean spend lies in (v + x·m)·low … (v + x·m)·high.

        With probability ``confidence`` under the model, as much beyond either end; shapes as ``x``. A customer's mean
        is (v + x·m)·p / G with G gamma (p·x + q), so these are quantiles of a gamma. None is above 1e100.

        >>> low, high = GammaGamma(p=6.25, q=3.74, v=15.44).spend_interval_factors([0, 2, 50], 0.9)
        >>> low.round(3), high.round(3)
        (array([0.847, 0.267, 0.018]), array([5.134, 0.611, 0.022]))
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be between 0 and 1, such as 0.9, not {confidence!r}")
        shape, tail = self.p * np.asarray(x, float) + self.q, (1 - confidence) / 2
        ends = special.gammainccinv(shape, tail), special.gammaincinv(shape, tail)
        with np.errstate(divide="ignore", over="ignore"):
            low, high = (np.minimum(self.p / end, LARGEST) for end in ends)
        return low, high


def _log_gamma_drawn(shape: Numbers, random: np.random.Generator) -> Numbers:
    """Logarithms of standard gamma variates, also where they are smaller than any number."""
    # gamma(s) is gamma(s + 1) · U^(1/s), and −log U is exponential.
    shape = np.clip(shape, 1e-290, 1e290)
    return np.log(random.standard_gamma(shape + 1)) - random.standard_exponential(shape.shape) / shape


def _with_orders(summary: Any) -> Any:
    """An Ibis table without the customers who tell nothing, so that they do not leave their database."""
    if isinstance(summary, pd.DataFrame) or not {"frequency", "monetary"} <= set(summary.columns):
        return summary
    x, m = summary.frequency, summary.monetary
    if not (x.type().is_numeric() and m.type().is_numeric()):
        return summary
    once = (x == 0) & (m.cast("float64").abs() < float("inf"))
    return summary.filter(~once.fill_null(False))


def _fit_problems(x: Numbers, m: Numbers) -> list[Problem]:
    return spend_problems(np.where((x > 0) & (m == 0), 0.0, x), m)


def _merged(x: Numbers, m: Numbers, weights: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Equal (x, m) merged and sorted: the same sums, whatever the order of the rows."""
    order = np.lexsort((m, x))
    x, m, weights = x[order], m[order], weights[order]
    first = np.flatnonzero(np.append(True, (np.diff(x) != 0) | (np.diff(m) != 0))) if len(x) else order
    return x[first], m[first], np.add.reduceat(weights, first) if len(x) else weights


def _median(values: Numbers, weights: Numbers) -> float:
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(upto, upto[-1] / 2)])


# Mean spend m over x orders, as a share w = x·m / (x·m + v), is a beta (A = p·x, B = q). Gamma functions of large
# arguments cancel to nothing, so that the density is written as its height at the mean less a deviance, which is a sum
# of two positive terms. Source of the form: Loader (2000), "Fast and accurate computation of binomial probabilities".


@dataclass(frozen=True)
class _Share:
    """Shares w = s / (s + v) beside their mean A / (A + B), for shapes A, B; s and v positive."""

    A: Numbers
    B: Numbers | float
    s: Numbers
    v: Numbers | float

    @cached_property
    def off(self) -> Numbers:
        """(B·s − A·v) / (s + v): w·(A + B) is A plus that, (1 − w)·(A + B) is B less it."""
        return (self.B * self.s - self.A * self.v) / (self.s + self.v)

    @cached_property
    def log_w(self) -> Numbers:
        """The logarithm of w over its mean."""
        return np.log1p(self.B / self.A) - np.log1p(self.v / self.s)

    @cached_property
    def log_rest(self) -> Numbers:
        """The logarithm of 1 − w over its mean."""
        return np.log1p(self.A / self.B) - np.log1p(self.s / self.v)

    def deviance(self) -> Numbers:
        """−A·log_w − B·log_rest, never negative."""
        # A·off/A and B·off/B, which cancel in the sum, make each of the two positive.
        return self.A * _excess(self.off / self.A, self.log_w) + self.B * _excess(-self.off / self.B, self.log_rest)


def _excess(u: Numbers, log_1_u: Numbers) -> Numbers:
    """u − log(1 + u), given log(1 + u), which serves where u is not small."""
    z = np.where(np.abs(u) < 0.1, u / (2 + u), 0.0)
    z2 = z * z
    series = u * z - 2 * z * z2 * np.polyval([1 / 15, 1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3], z2)
    return np.where(np.abs(u) < 0.1, series, u - log_1_u)


def _log_beta_height(A: Numbers, B: Numbers | float) -> Numbers:
    """−log B(A, B) + A·log(A / N) + B·log(B / N), where N = A + B."""
    N = A + B
    return 0.5 * np.log(A / N * B / (2 * np.pi)) + _stirling_rest(N) - _stirling_rest(A) - _stirling_rest(B)


def _stirling_rest(z: Numbers | float) -> Numbers:
    """log Γ(z) − (z − ½) log z + z − ½ log 2π, which goes to 0."""
    z = np.asarray(z, float)
    large, small = np.maximum(z, 10.0), np.minimum(z, 10.0)
    series = np.polyval([-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12], large**-2.0) / large
    direct = special.gammaln(small) - (small - 0.5) * np.log(small) + small - 0.5 * np.log(2 * np.pi)
    return np.where(z > 10, series, direct)


def _psi_rest(z: Numbers) -> Numbers:
    """ψ(z) − log z, which goes to 0."""
    large, small = np.maximum(z, LARGE), np.minimum(z, LARGE)
    series = -1 / (2 * large) - large**-2.0 * np.polyval([1 / 252, -1 / 120, 1 / 12], large**-2.0)
    return np.where(z > LARGE, series, special.psi(small) - np.log(small))


def _psi1_rest(z: Numbers) -> Numbers:
    """ψ′(z) − 1/z, which goes to 0."""
    large, small = np.maximum(z, LARGE), np.minimum(z, LARGE)
    series = large**-2.0 * (0.5 + np.polyval([1 / 42, -1 / 30, 1 / 6], large**-2.0) / large)
    return np.where(z > LARGE, series, special.polygamma(1, small) - 1 / small)


def _likelihood(x: Numbers, m: Numbers, weights: Numbers) -> Likelihood:
    """The log-likelihood of mean spends, ``weights`` customers each, with gradient and Hessian, in log-parameters.

    Sorted by x, so that what depends on x alone is computed once. Exact also where p, or q and v, run to infinity.
    """
    values, place = np.unique(x, return_inverse=True)
    n, s = np.bincount(place, weights), x * m
    log_m = float(weights @ np.log(m))

    def likelihood(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
        p, q, v = np.exp(log_parameters)
        A = p * values
        share = _Share(p * x, q, s, v)
        w, rest = s / (s + v), v / (s + v)
        log_w, log_rest, wA = share.log_w, share.log_rest, weights * share.A
        # The plain form will do until shapes are so large that their logarithms cancel.
        few = max(float(A[-1]), q) < PLAIN
        deviance = -(wA @ log_w + q * (weights @ log_rest)) if few else weights @ share.deviance()
        value = n @ _log_beta_height(A, q) - deviance - log_m
        if not curved:
            return float(value), NOT_ASKED, NOT_ASKED

        rest_of = _psi_rest(A + q)
        psi_A, psi_B = rest_of - _psi_rest(A), rest_of - _psi_rest(np.array([q]))
        gradient = np.array([
            wA @ log_w + (n * A) @ psi_A,
            q * (weights @ log_rest + n @ psi_B),
            weights @ share.off,
        ])  # fmt: skip
        # ψ′ is written as 1/z and the rest, whose large parts cancel along a ridge before they are summed.
        bend, shared = _psi1_rest(A + q), A / (A + q) * q
        h = np.empty((3, 3))
        h[0, 0] = gradient[0] + n @ (A**2 * (bend - _psi1_rest(A)) - shared)
        h[0, 1] = h[1, 0] = n @ (shared + A * q * bend)
        h[0, 2] = h[2, 0] = -(wA @ rest)
        h[1, 1] = gradient[1] + n @ (q**2 * (bend - _psi1_rest(np.array([q]))) - shared)
        h[1, 2] = h[2, 1] = q * (weights @ w)
        h[2, 2] = -(wA @ (w * rest)) - q * (weights @ (w * rest))
        return float(value), gradient, h

    return likelihood
