"""Finding the parameters that make the data most likely, knowing how sure they are, and saying so when it fails."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy import linalg, special

from crmlib.models.arrays import Numbers
from crmlib.models.errors import FitDidNotConverge
from crmlib.models.kept import Maximum, sought_once
from crmlib.models.one_thread import one_thread
from crmlib.models.posterior import NORMAL_ENOUGH, Likelihood, ParameterDraws, Peak, draw, draw_normal, normal_share

# Half the Newton decrement is how much log-likelihood is still to be gained: far below what statistics can see.
GAIN_LEFT = 1e-9
# A log-parameter known to no better than e^±30 is not known: the maximum lies at the edge (0 or infinity).
LEAST_CURVATURE = 1e-3
LONGEST_STEP = 2.0
# Of the vague prior under which parameters are drawn: a factor of 20 either way.
VAGUE_SPREAD = 3.0
# A parameter a thousand times as large, or as small, as a typical one, and still no maximum, runs to the edge.
FAR_AWAY = float(np.log(1000))

# From here on, Stirling's series with five terms is exact to the last digit; those of its slopes, with three.
LARGE_FOR_GAMMA, LARGE = 16.0, 100.0


@dataclass(frozen=True)
class Estimate:
    """A maximum of a likelihood: where, how high, how sharp (``covariance`` of the log-parameters).

    ``likelihood``: to weigh draws by; ``rough``: a peak of nearly the same shape that costs little to evaluate, where
    the likelihood itself costs much; ``typical``: log-parameters of a typical base, around which a vague prior of draws
    lies, if any does.
    """

    log_parameters: Numbers
    covariance: Numbers
    log_likelihood: float
    customers: float
    iterations: int
    likelihood: Likelihood | None = field(default=None, repr=False, compare=False)
    rough: Peak | None = field(default=None, repr=False, compare=False)
    typical: Numbers | None = field(default=None, repr=False, compare=False)

    @cached_property
    def normal_share(self) -> float:
        """Which share of normal draws the rough likelihood would leave; 1 where there is none to ask."""
        return 1.0 if self.rough is None else normal_share(self.rough)

    @property
    def peak(self) -> Peak:
        """The posterior of the fit; needs a likelihood."""
        assert self.likelihood is not None
        return Peak(self.likelihood, self.log_parameters, self.covariance)


@one_thread
def maximise(likelihood: Likelihood, starts: Sequence[Numbers], symbols: Sequence[str]) -> Maximum:
    """The maximum of a log-likelihood by Newton's method: place, height, Hessian and iterations.

    ``starts`` are tried in turn. A place counts as maximum only if the Hessian is negative definite there and the
    next step would gain nothing. Raises :class:`FitDidNotConverge`.
    """
    tried, ends = [], []
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
            if np.abs(place).max() > 40 or _at_the_edge(place - starts[0], gradient, hessian):
                break
        ends.append((value, place))
        parameters = ", ".join(f"{symbol} {np.exp(p):.4g}" for symbol, p in zip(symbols, place, strict=True))
        tried.append(
            f"from {np.exp(np.asarray(start)).round(4).tolist()}: {iteration} steps to {parameters} "
            f"(log-likelihood {value:.3f}, gradient {np.linalg.norm(gradient):.2g}, "
            f"least curvature {curvature[0]:.2g})"
        )
    runs_to = _ran_away(max(ends, key=lambda end: end[0])[1] - np.asarray(starts[0], float), symbols)
    raise FitDidNotConverge(
        "no maximum of the likelihood was found. Tried, in rescaled time or money: "
        + "; ".join(tried)
        + ". A parameter that runs to 0 or infinity says that customers hardly differ in it, or hardly ever leave: "
        "take more customers or a longer time, a model without that parameter, or prior_spread=2, which holds "
        "parameters near those of a typical customer base as far as the data do not say otherwise",
        runs_to=runs_to,
    )


def _at_the_edge(moved: Numbers, gradient: Numbers, hessian: Numbers) -> bool:
    """Whether a parameter has run away, and what is left is a plain that rises by nothing: no step finds a maximum."""
    level = float(np.linalg.norm(gradient)) < LEAST_CURVATURE
    return level and np.abs(moved).max() > FAR_AWAY and bool(linalg.eigvalsh(-hessian)[0] < LEAST_CURVATURE)


def _ran_away(moved: Numbers, symbols: Sequence[str]) -> dict[str, str]:
    return {
        symbol: "infinity" if way > 0 else "0"
        for symbol, way in zip(symbols, moved, strict=True)
        if abs(way) > FAR_AWAY
    }


def with_prior(likelihood: Likelihood, centre: Numbers, spread: float | None) -> Likelihood:
    """The likelihood times a prior: each log-parameter normal around ``centre`` with standard deviation ``spread``."""
    if spread is None:
        return likelihood
    precision = 1 / spread**2

    def posterior(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
        value, gradient, hessian = likelihood(log_parameters, curved=curved)
        off = log_parameters - centre
        return (
            value - 0.5 * precision * float(off @ off),
            gradient - precision * off,
            hessian - precision * np.eye(len(off)),
        )

    return posterior


def most_likely(
    likelihood: Likelihood,
    starts: Sequence[Numbers],
    symbols: Sequence[str],
    *,
    customers: float,
    prior_spread: float | None = None,
    first: Sequence[Numbers] = (),
    shift: Numbers | float = 0.0,
    height: float = 0.0,
    of: Sequence[Any] = (),
) -> Estimate:
    """The maximum of a log-likelihood, sought from ``first`` and then ``starts``, around the first of which a prior is.

    ``of``: which model's likelihood it is, and of which data; what was found of the same may be kept
    (:func:`~crmlib.models.kept.sought_once`).

    Where the likelihood is that of times or money in another unit, ``shift`` takes its log-parameters, and ``height``
    its value, to those of the data. Raises :class:`FitDidNotConverge`.
    """
    posterior = with_prior(likelihood, starts[0], prior_spread)
    begin = [*first, *starts]

    def seek() -> Maximum:
        return maximise(posterior, begin, symbols)

    known = [*of, *symbols, np.array(begin, float), np.array(starts[0], float), prior_spread]
    place, value, hessian, iterations = sought_once(seek, known) if of else seek()

    def unscaled(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
        value, gradient, hessian = posterior(log_parameters - shift, curved=curved)
        return value - height, gradient, hessian

    return Estimate(
        log_parameters=place + shift,
        covariance=np.linalg.inv(-hessian),
        log_likelihood=(value if prior_spread is None else likelihood(place)[0]) - height,
        customers=customers,
        iterations=iterations,
        likelihood=unscaled,
    )


@dataclass(kw_only=True, repr=False, eq=False)
class Fitted:
    """What can be said of anything fitted: how likely the data are under it."""

    estimate: Estimate | None = None

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
        return 2 * len(self._fitted.log_parameters) - 2 * self.log_likelihood_

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, k log N − 2 log L: smaller is better."""
        return len(self._fitted.log_parameters) * float(np.log(self._fitted.customers)) - 2 * self.log_likelihood_

    @property
    def _fitted(self) -> Estimate:
        if self.estimate is None:
            raise AttributeError(f"this {type(self).__name__} was made from given parameters; fit it to data for this")
        return self.estimate


def parameter_table(symbols: Sequence[str], log_parameters: Numbers, covariance: Numbers | None) -> pd.DataFrame:
    """Parameters: index ``symbols``; ``estimate, standard_error, low, high`` (95 %, from the log-scale)."""
    values = np.exp(log_parameters)
    spread = np.full(len(values), np.nan) if covariance is None else np.sqrt(np.diag(covariance))
    z = special.ndtri(0.975)
    return pd.DataFrame(
        {
            "estimate": values,
            "standard_error": values * spread,
            "low": values * np.exp(-z * spread),
            "high": values * np.exp(z * spread),
        },
        index=pd.Index(symbols, name="parameter"),
    )


@dataclass(kw_only=True, repr=False, eq=False)
class FittedModel(Fitted, ABC):
    """What every model of this package can say of itself: parameters, how sure, how likely.

    A subclass names its ``symbols`` and has a field for each; all are positive, and all statistics are made on their
    logarithms. ``starts``: log-parameters from which a maximum is sought in turn; the first is typical.
    """

    symbols: ClassVar[tuple[str, ...]] = ()
    starts: ClassVar[Sequence[Numbers]] = ()

    def __post_init__(self) -> None:
        for symbol in self.symbols:
            value = getattr(self, symbol)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"parameter {symbol} must be a positive number, not {value!r}")

    @property
    def log_parameters(self) -> Numbers:
        """The logarithms of the parameters, in the order of ``symbols``."""
        return np.log([getattr(self, symbol) for symbol in self.symbols])

    @property
    def params(self) -> pd.DataFrame:
        """The parameters: index ``symbols``; ``estimate, standard_error, low, high`` (95 %, from the log-scale)."""
        return parameter_table(
            self.symbols, self.log_parameters, None if self.estimate is None else self.estimate.covariance
        )

    @property
    def covariance(self) -> pd.DataFrame:
        """The covariance matrix of the logarithms of the parameters."""
        return pd.DataFrame(self._fitted.covariance, index=list(self.symbols), columns=list(self.symbols))

    @classmethod
    def from_estimate(cls, estimate: Estimate, **options: Any) -> Self:
        """The model at the maximum of its likelihood."""
        values = np.exp(estimate.log_parameters).tolist()
        return cls(**dict(zip(cls.symbols, values, strict=True)), estimate=estimate, **options)

    def with_log_parameters(self, log_parameters: Numbers) -> Self:
        """The same model at other parameters, in the order of ``symbols``."""
        values = np.exp(np.asarray(log_parameters, float)).tolist()
        return replace(self, **dict(zip(self.symbols, values, strict=True)), estimate=None)

    def draws(self, count: int = 200, *, seed: int = 0) -> ParameterDraws:
        """Parameters that the data leave possible: ``count`` rows, columns in the order of ``symbols``.

        From the posterior under the prior of the fit. Where there was none, a model of orders takes a vague one, normal
        in the logarithms around a typical base with standard deviation 3 (a factor of 20 either way): without, small
        bases leave parameters open up to infinity, and intervals then cover less than they say. Models whose parameters
        have no typical size take a prior that is flat in the logarithms, within e^±20 times the estimate.

        Exact, by importance or slice sampling (``method`` of the answer says which; see
        :mod:`~crmlib.models.posterior`). From very many histories, the normal approximation on the
        log-scale is taken ("normal") if a check on a coarser likelihood finds nothing to correct, or where a model
        keeps no likelihood.
        """
        estimate = self._fitted
        random = np.random.default_rng(seed)
        if estimate.likelihood is None or (estimate.rough is not None and estimate.normal_share >= NORMAL_ENOUGH):
            log_values = draw_normal(estimate.log_parameters, estimate.covariance, count, random)
            return ParameterDraws(np.exp(log_values), "normal", count * estimate.normal_share)
        return draw(self._posterior, count, random)

    @cached_property
    def _posterior(self) -> Peak:
        estimate = self._fitted
        if estimate.typical is None:
            return estimate.peak
        return most_likely(
            estimate.peak.likelihood, [estimate.typical], self.symbols, customers=estimate.customers,
            prior_spread=VAGUE_SPREAD, first=[estimate.log_parameters],
        ).peak  # fmt: skip

    def posterior_summary(self, level: float = 0.95, *, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
        """The parameters as the data leave them possible: index ``symbols``; ``mean, median, low, high``.

        ``low, high`` hold the middle ``level`` of the draws. Where the likelihood is lopsided these are better than
        the ones of ``params``, and where it is not, the same. Raises ``ValueError`` for a ``level`` outside (0, 1).
        """
        if not 0 < level < 1:
            raise ValueError(f"level is a probability between 0 and 1, such as 0.95, not {level!r}")
        values = self.draws(draws, seed=seed).values
        low, median, high = np.quantile(values, [0.5 - level / 2, 0.5, 0.5 + level / 2], axis=0)
        return pd.DataFrame(
            {"mean": values.mean(axis=0), "median": median, "low": low, "high": high},
            index=pd.Index(self.symbols, name="parameter"),
        )

    def __repr__(self) -> str:
        values = ", ".join(f"{symbol}={getattr(self, symbol):.4g}" for symbol in self.symbols)
        return f"{type(self).__name__}({values})"


def log_gamma_step(z: float | Numbers, n: float | Numbers) -> Numbers:
    """log Γ(z + n) − log Γ(z), exact also where z is so large that the two are alike in all their digits.

    >>> log_gamma_step(np.array([2.0, 1e20]), np.array(2.0)).round(6).tolist()
    [1.791759, 92.103404]
    """

    def stirling(v: Numbers) -> Numbers:
        """What Stirling's formula leaves of log Γ(v)."""
        w = 1 / v**2
        return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / v

    return _step(special.gammaln, LARGE_FOR_GAMMA, z, n, stirling, lambda z: (
        (z - 0.5) * np.log1p(n / z) - n + n * np.log(z + n)
    ))  # fmt: skip


def log_beta_step(alpha: Numbers, beta: Numbers, n: Numbers) -> Numbers:
    """log B(α, β + n) − log B(α, β): by steps of n or of α, whichever is shorter, so that little cancels.

    >>> log_beta_step(np.array([[1.0], [2e8]]), np.array([[1.0], [2e8]]), np.array([1.0, 8.0])).round(12).tolist()
    [[-0.69314718056, -2.197224577336], [-0.69314718056, -5.54517737448]]
    """
    short = np.minimum(n, alpha)
    by_n = log_gamma_step(beta, short) - log_gamma_step(alpha + beta, short)
    by_alpha = log_gamma_step(beta, alpha) - log_gamma_step(beta + n, alpha)
    return np.where(n < alpha, by_n, by_alpha)


def psi_step(z: float | Numbers, n: float | Numbers) -> Numbers:
    """ψ(z + n) − ψ(z), the slope of :func:`log_gamma_step` in z."""

    def rest(v: Numbers) -> Numbers:
        return -1 / (12 * v**2) + 1 / (120 * v**4) - 1 / (252 * v**6)

    return _step(special.psi, LARGE, z, n, rest, lambda z: np.log1p(n / z) + n / (z + n) / (2 * z))


def psi1_step(z: float | Numbers, n: float | Numbers) -> Numbers:
    """ψ′(z + n) − ψ′(z), the curvature of :func:`log_gamma_step` in z."""

    def rest(v: Numbers) -> Numbers:
        return 1 / (6 * v**3) - 1 / (30 * v**5) + 1 / (42 * v**7)

    def leading(z: Numbers) -> Numbers:
        return -n / (z + n) / z * (1 + (1 / z + 1 / (z + n)) / 2)

    return _step(lambda v: special.polygamma(1, v), LARGE, z, n, rest, leading)


def steps(z: float | Numbers, n: Numbers) -> list[Numbers]:
    """log Γ(z + n) − log Γ(z) and its first two derivatives in z; where z is one for all, once per distinct n."""
    if np.size(z) > 1 and np.all(z == np.ravel(z)[0]):
        values, place = np.unique(n, return_inverse=True)
        return [each[place] for each in steps(np.ravel(z)[0], values)]
    return [log_gamma_step(z, n), psi_step(z, n), psi1_step(z, n)]


def _step(
    function: Callable[[Any], Numbers],
    large: float,
    z: float | Numbers,
    n: float | Numbers,
    rest: Callable[[Any], Any],
    leading: Callable[[Any], Any],
) -> Numbers:
    """function(z + n) − function(z); where z is ``large`` by its series, term by term, so that no digit cancels."""
    small = np.less(z, large)
    if small.all():
        return function(z + n) - function(z)
    v = np.where(small, large, z)
    series = leading(v) + rest(v + n) - rest(v)
    return np.where(small, function(z + n) - function(z), series) if small.any() else series
