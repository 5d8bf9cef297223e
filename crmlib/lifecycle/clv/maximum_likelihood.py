"""Finding the parameters that make the data most likely, knowing how sure they are, and saying so when it fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy import linalg, special

from crmlib.lifecycle.clv.errors import FitDidNotConverge

Numbers = np.ndarray
# log-parameters → log-likelihood, its gradient and its Hessian
Likelihood = Callable[[Numbers], tuple[float, Numbers, Numbers]]

# Half the Newton decrement is how much log-likelihood is still to be gained: far below what statistics can see.
GAIN_LEFT = 1e-9
# A log-parameter known to no better than e^±30 is not known: the maximum lies at the edge (0 or infinity).
LEAST_CURVATURE = 1e-3
LONGEST_STEP = 2.0

# Of the Student t from which parameters are drawn before they are weighed.
DEGREES_OF_FREEDOM = 6
# A parameter e^20 (5e8) times its estimate is as good as infinite: nothing that a model says changes beyond.
FARTHEST_DRAW = 20.0
# Where the weights leave less than this share of the draws, up to so many times as many are tried.
LEAST_EFFECTIVE = 0.2
MOST_TRIES = 16

# From here on, differences of gamma functions are taken from Stirling's series, term by term, so that no digit cancels.
LARGE = 100.0


@dataclass(frozen=True)
class Estimate:
    """A maximum of a likelihood: where, how high, how sharp (``covariance`` of the log-parameters)."""

    log_parameters: Numbers
    covariance: Numbers
    log_likelihood: float
    customers: float
    iterations: int
    likelihood: Likelihood | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class ParameterDraws:
    """Parameters that the data leave possible, one row a draw, all equally likely.

    ``effective_sample_size`` says how many independent draws the importance weights left; it is NaN where the normal
    approximation was taken as it is.
    """

    values: Numbers
    effective_sample_size: float


def maximise(
    likelihood: Likelihood, starts: Sequence[Numbers], symbols: Sequence[str]
) -> tuple[Numbers, float, Numbers, int]:
    """The maximum of a log-likelihood by Newton's method: place, height, Hessian and iterations.

    ``starts`` are tried in turn. A place counts as maximum only if the Hessian is negative definite there and the
    next step would gain nothing. Raises :class:`FitDidNotConverge`.
    """
    tried = []
    for start in starts:
        place = np.asarray(start, float)
        value, gradient, hessian = likelihood(place)
        for iteration in range(1, 101):
            curvature, directions = linalg.eigh(-hessian)
            slope = directions.T @ gradient
            if curvature[0] > LEAST_CURVATURE and 0.5 * float(np.sum(slope**2 / curvature)) < GAIN_LEFT:
                return place, value, hessian, iteration
            # Uphill also where the likelihood is not concave; never farther than one can trust a parabola.
            step = directions @ (slope / np.maximum(np.abs(curvature), 1e-8 * np.abs(curvature).max() + 1e-12))
            step *= min(1.0, LONGEST_STEP / float(np.linalg.norm(step)))
            for _ in range(40):
                ahead = likelihood(place + step)
                if np.isfinite(ahead[0]) and ahead[0] >= value + 1e-4 * float(step @ gradient) - 1e-12 * abs(value):
                    break
                step = step / 2
            else:
                break
            place, (value, gradient, hessian) = place + step, ahead
            if np.abs(place).max() > 40:
                break
        parameters = ", ".join(f"{symbol} {np.exp(p):.4g}" for symbol, p in zip(symbols, place, strict=True))
        tried.append(
            f"from {np.exp(np.asarray(start)).round(4).tolist()}: {iteration} steps to {parameters} "
            f"(log-likelihood {value:.3f}, gradient {np.linalg.norm(gradient):.2g}, "
            f"least curvature {curvature[0]:.2g})"
        )
    raise FitDidNotConverge(
        "no maximum of the likelihood was found. Tried, in rescaled time or money: "
        + "; ".join(tried)
        + ". A parameter that runs to 0 or infinity says that customers hardly differ in it, or hardly ever leave: "
        "take more customers or a longer time, a model without that parameter, or prior_spread=2, which holds "
        "parameters near those of a typical customer base as far as the data do not say otherwise"
    )


def with_prior(likelihood: Likelihood, centre: Numbers, spread: float | None) -> Likelihood:
    """The likelihood times a prior: each log-parameter normal around ``centre`` with standard deviation ``spread``."""
    if spread is None:
        return likelihood
    precision = 1 / spread**2

    def posterior(log_parameters: Numbers) -> tuple[float, Numbers, Numbers]:
        value, gradient, hessian = likelihood(log_parameters)
        off = log_parameters - centre
        return (
            value - 0.5 * precision * float(off @ off),
            gradient - precision * off,
            hessian - precision * np.eye(len(off)),
        )

    return posterior


class FittedModel(ABC):
    """What every model of this package can say of itself: parameters, how sure, how likely.

    A subclass names its ``symbols`` and takes them as keyword arguments; all are positive, and all statistics are
    made on their logarithms.
    """

    symbols: ClassVar[tuple[str, ...]] = ()
    estimate: Estimate | None = None

    @property
    def log_parameters(self) -> Numbers:
        """The logarithms of the parameters, in the order of ``symbols``."""
        return np.log([getattr(self, symbol) for symbol in self.symbols])

    @property
    def params(self) -> pd.DataFrame:
        """The parameters: index ``symbols``; ``estimate, standard_error, low, high`` (95 %, from the log-scale)."""
        values = np.exp(self.log_parameters)
        spread = np.sqrt(np.diag(self.estimate.covariance)) if self.estimate else np.full(len(values), np.nan)
        z = special.ndtri(0.975)
        return pd.DataFrame(
            {
                "estimate": values,
                "standard_error": values * spread,
                "low": values * np.exp(-z * spread),
                "high": values * np.exp(z * spread),
            },
            index=pd.Index(self.symbols, name="parameter"),
        )

    @property
    def covariance(self) -> pd.DataFrame:
        """The covariance matrix of the logarithms of the parameters."""
        return pd.DataFrame(self._fitted.covariance, index=list(self.symbols), columns=list(self.symbols))

    @property
    def converged(self) -> bool:
        """Whether the parameters are a proven maximum of a likelihood (False: they were given)."""
        return self.estimate is not None

    @property
    def log_likelihood_(self) -> float:
        """The log-likelihood at its maximum."""
        return self._fitted.log_likelihood

    @property
    def aic(self) -> float:
        """Akaike's information criterion, 2k − 2 log L: smaller is better."""
        return 2 * len(self.symbols) - 2 * self.log_likelihood_

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, k log N − 2 log L: smaller is better."""
        return len(self.symbols) * float(np.log(self._fitted.customers)) - 2 * self.log_likelihood_

    @abstractmethod
    def with_log_parameters(self, log_parameters: Numbers) -> Self:
        """The same model at other parameters."""

    def draws(self, count: int = 200, *, seed: int = 0) -> ParameterDraws:
        """Parameters that the data leave possible: ``count`` rows, columns in the order of ``symbols``.

        Drawn from the normal approximation on the log-scale or, where the likelihood is at hand, from a wider one and
        resampled by how likely the data make them. Where that leaves too few (effective sample size below a fifth of
        ``count``), more are drawn first; if these do not suffice either, weights are flattened until a fifth is left,
        which makes intervals rather too wide than too narrow.
        """
        estimate = self._fitted
        random = np.random.default_rng(seed)
        if estimate.likelihood is None:
            standard = _mirrored(random.standard_normal((-(-count // 2), len(self.symbols))))[:count]
            return ParameterDraws(np.exp(self._moved(standard)), float("nan"))
        log_values, log_weights = self._weighed(count, random)
        while _effective(log_weights) < LEAST_EFFECTIVE * count and len(log_values) < MOST_TRIES * count:
            more, their_weights = self._weighed(len(log_values), random)
            log_values, log_weights = np.concatenate([log_values, more]), np.append(log_weights, their_weights)
        log_weights = _flattened(log_weights, LEAST_EFFECTIVE * count)
        # Systematic resampling: one random number, the least noise.
        bounds = np.cumsum(special.softmax(log_weights))
        places = np.searchsorted(bounds, (np.arange(count) + random.random()) / count * bounds[-1])
        last = int(np.flatnonzero(np.isfinite(log_weights))[-1])
        return ParameterDraws(np.exp(log_values[np.minimum(places, last)]), _effective(log_weights))

    def _weighed(self, count: int, random: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Log-parameters from a Student t, whose tails are wider than those of likelihoods, and their log-weights."""
        estimate, size = self._fitted, len(self.symbols)
        assert estimate.likelihood is not None
        half = random.standard_normal((-(-count // 2), size))
        half *= np.sqrt(DEGREES_OF_FREEDOM / random.chisquare(DEGREES_OF_FREEDOM, (len(half), 1)))
        standard = _mirrored(half)[:count]
        log_values = self._moved(standard)
        near = np.abs(log_values - estimate.log_parameters).max(axis=1) <= FARTHEST_DRAW
        heights = np.full(count, -np.inf)
        heights[near] = [estimate.likelihood(value)[0] for value in log_values[near]]
        squares = (standard**2).sum(axis=1)
        log_weights = (
            heights - estimate.log_likelihood
            + (DEGREES_OF_FREEDOM + size) / 2 * np.log1p(squares / DEGREES_OF_FREEDOM)
        )  # fmt: skip
        return log_values, np.where(np.isfinite(log_weights), log_weights, -np.inf)

    def _moved(self, standard: Numbers) -> Numbers:
        """Log-parameters from standard ones: around the estimate, correlated and spread as its covariance says."""
        estimate = self._fitted
        return estimate.log_parameters + standard @ linalg.cholesky(estimate.covariance, lower=True).T

    @property
    def _fitted(self) -> Estimate:
        if self.estimate is None:
            raise AttributeError(f"this {type(self).__name__} was made from given parameters; fit it to data for this")
        return self.estimate

    def __repr__(self) -> str:
        values = ", ".join(f"{symbol}={getattr(self, symbol):.4g}" for symbol in self.symbols)
        return f"{type(self).__name__}({values})"


def log_gamma_step(z: float, n: Numbers) -> Numbers:
    """log Γ(z + n) − log Γ(z), exact also where z is so large that the two are alike in all their digits.

    >>> log_gamma_step(1e20, np.array([0.0, 2.0])).round(6).tolist()
    [0.0, 92.103404]
    """
    if z < LARGE:
        return special.gammaln(z + n) - special.gammaln(z)
    rest = lambda v: 1 / (12 * v) - 1 / (360 * v**3) + 1 / (1260 * v**5)  # noqa: E731
    return (z - 0.5) * np.log1p(n / z) - n + n * np.log(z + n) + rest(z + n) - rest(z)


def psi_step(z: float, n: Numbers) -> Numbers:
    """ψ(z + n) − ψ(z), the slope of :func:`log_gamma_step` in z."""
    if z < LARGE:
        return special.psi(z + n) - special.psi(z)
    rest = lambda v: -1 / (12 * v**2) + 1 / (120 * v**4) - 1 / (252 * v**6)  # noqa: E731
    return np.log1p(n / z) + n / (z + n) / (2 * z) + rest(z + n) - rest(z)


def psi1_step(z: float, n: Numbers) -> Numbers:
    """ψ′(z + n) − ψ′(z), the curvature of :func:`log_gamma_step` in z."""
    if z < LARGE:
        return special.polygamma(1, z + n) - special.polygamma(1, z)
    rest = lambda v: 1 / (6 * v**3) - 1 / (30 * v**5) + 1 / (42 * v**7)  # noqa: E731
    return -n / (z + n) / z * (1 + (1 / z + 1 / (z + n)) / 2) + rest(z + n) - rest(z)


def _mirrored(half: Numbers) -> Numbers:
    return np.concatenate([half, -half])


def _effective(log_weights: Numbers) -> float:
    """How many equally likely draws these are worth (Kish)."""
    return 1 / float(np.sum(special.softmax(log_weights) ** 2)) if np.isfinite(log_weights).any() else 0.0


def _flattened(log_weights: Numbers, least: float) -> Numbers:
    """The weights, to the highest power up to 1 that leaves an effective sample size of ``least``."""
    if _effective(log_weights) >= least:
        return log_weights
    possible = np.isfinite(log_weights)
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        enough = _effective(np.where(possible, middle * np.where(possible, log_weights, 0.0), -np.inf)) >= least
        low, high = (middle, high) if enough else (low, middle)
    return np.where(possible, low * np.where(possible, log_weights, 0.0), -np.inf)


def positive(**parameters: Any) -> None:
    """Refuse parameters that are not positive numbers."""
    for symbol, value in parameters.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"parameter {symbol} must be a positive number, not {value!r}")
