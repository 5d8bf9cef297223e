"""Which parameters the data leave possible: draws from a posterior, by the cheapest way that is exact for it.

The posterior is the likelihood (times a prior, where there is one) as a density of the log-parameters, within a box of
``FARTHEST_DRAW`` either way around the maximum. So the prior is flat in the logarithms, and the box makes it proper:
where the data do not bound a parameter (the β of a Pareto/NBD in which hardly anybody leaves), draws go up to
e^20 times its estimate, beyond which no answer of a model changes.

Such posteriors are mostly a ridge: one parameter is known least, and for each value of it the others are nearly
normal. So the ridge is traced, draws are made along and across it, and weighed by the likelihood, which makes them
exact. Where the weights leave too few, or the ridge cannot be traced, chains of slice sampling take over.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from scipy import linalg, special, stats

from crmlib.models.arrays import Numbers
from crmlib.models.one_thread import one_thread


class Likelihood(Protocol):
    """Log-parameters → log-likelihood, its gradient and its Hessian; with ``curved=False`` only the first counts."""

    def __call__(self, log_parameters: Numbers, /, *, curved: bool = True) -> tuple[float, Numbers, Numbers]: ...


# Stands for slopes and curvatures that nobody asked for.
NOT_ASKED = np.array(np.nan)
Method = Literal["importance", "normal", "slice"]

# Of the Student t from which parameters across the ridge are drawn before they are weighed.
DEGREES_OF_FREEDOM = 6
# A parameter e^20 (5e8) times its estimate is as good as infinite: nothing that a model says changes beyond.
FARTHEST_DRAW = 20.0
# Draws must be worth this share of as many independent ones; up to MOST_TRIES times as many are weighed for it.
LEAST_EFFECTIVE = 0.5
MOST_TRIES = 16

# Steps along the ridge, in standard deviations first, growing, never longer than the last number (of a logarithm).
FIRST_STEP, GROWTH, LONGEST_STEP = 0.5, 1.15, 1.0
# The ridge ends where its density has fallen by this power of e: what lies beyond is a millionth of the posterior.
DEEPEST = 15.0

# Chains that explore the posterior together, how many moves they make at least and evaluate at most.
CHAINS = 8
FEWEST_SWEEPS = 50
MOST_EVALUATIONS = 60_000
# In standard deviations of the normal approximation.
SHORTEST_STEP = 0.3
# Chains walk on a lattice this fine. Each step would otherwise multiply the last digits, in which processors differ:
# after some hundred steps, two machines would draw other parameters.
LATTICE = 2.0**-20
# The first quarter of a chain is left out: it may still remember its start.
BURN_IN = 0.25
# Chains are alike if split R̂ is below: with some hundred independent draws, chance alone makes it 1.03.
LARGEST_R_HAT = 1.05

# A normal approximation is taken as it is if weights would leave this share of its draws.
NORMAL_ENOUGH = 0.9
NORMAL_PROBES = 60
# A normal has 0.00006 of its mass beyond four standard deviations.
NORMAL_BEYOND = 0.002


@dataclass(frozen=True)
class ParameterDraws:
    """Parameters that the data leave possible, one row a draw, all equally likely.

    ``method``: "importance" (drawn along a ridge and resampled by the likelihood), "slice" (chains of slice
    sampling) or "normal" (the normal approximation on the log-scale as it is). ``effective_sample_size``: as how many
    independent draws these count, at most their number. ``split_r_hat``: how much wider the chains are together than
    each alone; 1 for independent draws.
    """

    values: Numbers
    method: Method
    effective_sample_size: float
    split_r_hat: float = 1.0


@dataclass(frozen=True)
class Peak:
    """A posterior of log-parameters (value, gradient, Hessian), its maximum, and its covariance if it were normal."""

    likelihood: Likelihood
    place: Numbers
    covariance: Numbers

    @property
    def root(self) -> Numbers:
        """A matrix that makes standard normal draws as correlated and spread as the covariance says."""
        return linalg.cholesky(self.covariance, lower=True)

    def height(self, log_parameters: Numbers) -> float:
        """The log-density; −∞ outside the box and where it is no number."""
        if np.abs(log_parameters - self.place).max() > FARTHEST_DRAW:
            return -np.inf
        value = self.likelihood(log_parameters, curved=False)[0]
        return value if np.isfinite(value) else -np.inf

    def heights(self, log_values: Numbers) -> Numbers:
        """The log-density of each row."""
        return np.array([self.height(value) for value in log_values])


@one_thread
def draw(peak: Peak, count: int, random: np.random.Generator) -> ParameterDraws:
    """``count`` draws from the posterior, by importance where that is good enough, else by slice sampling."""
    ridge = trace_ridge(peak)
    if ridge is None:
        return draw_by_slices(peak, count, random)
    log_values, log_weights = ridge.weighed(count, random)
    while effective_size(log_weights) < LEAST_EFFECTIVE * count and len(log_values) < MOST_TRIES * count:
        more, their_weights = ridge.weighed(len(log_values), random)
        log_values, log_weights = np.concatenate([log_values, more]), np.append(log_weights, their_weights)
    effective = effective_size(log_weights)
    if effective < LEAST_EFFECTIVE * count:
        return draw_by_slices(peak, count, random)
    # Systematic resampling: one random number, the least noise. What is drawn twice stays together.
    bounds = np.cumsum(special.softmax(log_weights))
    places = np.searchsorted(bounds, (np.arange(count) + random.random()) / count * bounds[-1])
    places = np.minimum(places, int(np.flatnonzero(np.isfinite(log_weights))[-1]))
    return ParameterDraws(np.exp(log_values[places]), "importance", min(effective, float(count)))


def draw_normal(place: Numbers, covariance: Numbers, count: int, random: np.random.Generator) -> Numbers:
    """``count`` log-parameters from a normal distribution, each with its mirror image."""
    standard = _mirrored(random.standard_normal((-(-count // 2), len(place))))[:count]
    return place + standard @ linalg.cholesky(covariance, lower=True).T


@one_thread
def normal_share(peak: Peak) -> float:
    """Which share of draws from the normal approximation the posterior's weights would leave: 1 if it is normal.

    0 where there is more than a little mass farther along the ridge than such draws would go.
    """
    ridge = trace_ridge(peak)
    if ridge is None or ridge.share_beyond(4.0) > NORMAL_BEYOND:
        return 0.0
    standard = _mirrored(np.random.default_rng(0).standard_normal((NORMAL_PROBES // 2, len(peak.place))))
    log_weights = peak.heights(peak.place + standard @ peak.root.T) + 0.5 * (standard**2).sum(axis=1)
    return effective_size(log_weights) / NORMAL_PROBES


def effective_size(log_weights: Numbers) -> float:
    """How many equally likely draws these are worth (Kish).

    >>> round(effective_size(np.log([0.5, 0.5, 1e-300])), 6)
    2.0
    """
    return 1 / float(np.sum(special.softmax(log_weights) ** 2)) if np.isfinite(log_weights).any() else 0.0


def split_r_hat(chains: Numbers) -> float:
    """How much wider chains (chain, draw, parameter) are together than each half of one alone; the worst parameter.

    1 if they agree. On ranks, as Vehtari et al. (2021), "Rank-normalization, folding, and localization".
    """
    halves = _ranked(_split(chains))
    within, between = _variances(halves)
    return float(np.sqrt(1 - 1 / halves.shape[1] + between / within).max())


def chain_effective_size(chains: Numbers) -> float:
    """As how many independent draws chains (chain, draw, parameter) count; the worst parameter.

    The bulk effective sample size of Vehtari et al. (2021): on ranks, autocorrelations summed up to where pairs of
    them turn negative (Geyer 1992).
    """
    halves = _ranked(_split(chains))
    count, length = halves.shape[:2]
    within, between = _variances(halves)
    total = within * (length - 1) / length + between
    off = halves - halves.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(off, 2 * length, axis=1)) ** 2
    covariance = np.fft.irfft(power, axis=1)[:, :length].mean(axis=0) / length
    correlation = 1 - (within - covariance) / total
    correlation[0] = 1.0
    pairs = correlation[: length // 2 * 2].reshape(length // 2, 2, -1).sum(axis=1)
    pairs = np.minimum.accumulate(np.where(np.minimum.accumulate(pairs > 0), pairs, 0.0))
    time = np.maximum(2 * pairs.sum(axis=0) - 1, 1 / np.log10(count * length))
    return float((count * length / time).min())


@dataclass(frozen=True)
class Ridge:
    """The posterior along its least known parameter, in knots: there, where the others are likeliest, and how spread.

    ``centres`` (knot, parameter); ``roots`` (knot, other, other) of the covariance of the others; ``log_masses``: the
    log-density of the least known parameter by Laplace's approximation.
    """

    peak: Peak
    parameter: int
    centres: Numbers
    roots: Numbers
    log_masses: Numbers

    @cached_property
    def shares(self) -> Numbers:
        """How much of the mass lies between each two knots, if the density is exponential there."""
        widths = np.diff(self.centres[:, self.parameter])
        return special.softmax(self.log_masses[:-1] + np.log(widths) + _log_mean_exp(np.diff(self.log_masses)))

    def share_beyond(self, deviations: float) -> float:
        """How much of the mass lies farther from the maximum than so many standard deviations."""
        line, middle = self.centres[:, self.parameter], self.peak.place[self.parameter]
        spread = np.sqrt(self.peak.covariance[self.parameter, self.parameter])
        nearest = np.minimum(np.abs(line[:-1] - middle), np.abs(line[1:] - middle))
        return float(self.shares[nearest > deviations * spread].sum())

    def weighed(self, count: int, random: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Log-parameters along and across the ridge, in random order, and the logarithms of their weights."""
        others = _others(self.centres.shape[1], self.parameter)
        rise = np.diff(self.log_masses)
        bounds = np.append(0.0, np.cumsum(self.shares))
        spread_out = (random.permutation(count) + random.random(count)) / count * bounds[-1]
        bins = np.clip(np.searchsorted(bounds, spread_out, side="right") - 1, 0, len(rise) - 1)
        within = np.clip((spread_out - bounds[bins]) / np.diff(bounds)[bins], 0.0, 1.0)
        steep = np.where(np.abs(rise) < 1e-9, 1e-9, rise)[bins]
        share = np.clip(np.log1p(within * np.expm1(steep)) / steep, 0.0, 1.0)

        half = random.standard_normal((-(-count // 2), len(others)))
        half *= np.sqrt(DEGREES_OF_FREEDOM / random.chisquare(DEGREES_OF_FREEDOM, (len(half), 1)))
        standard = np.concatenate([half, -half])[:count]
        nearer = bins + (share > 0.5)
        log_values = self.centres[bins] + share[:, None] * np.diff(self.centres, axis=0)[bins]
        log_values[:, others] += np.einsum("nij,nj->ni", self.roots[nearer], standard)
        freedom, size = DEGREES_OF_FREEDOM, len(others)
        log_density = (
            self.log_masses[bins] + share * rise[bins]
            - (freedom + size) / 2 * np.log1p((standard**2).sum(axis=1) / freedom)
            - np.log(np.diagonal(self.roots, axis1=1, axis2=2)).sum(axis=1)[nearer]
        )  # fmt: skip
        return log_values, self.peak.heights(log_values) - self.peak.height(self.peak.place) - log_density


def trace_ridge(peak: Peak) -> Ridge | None:
    """The ridge of a posterior, from its maximum both ways to where it is low or the box ends; None if it breaks off.

    It breaks off where the others have no likeliest values: then they, too, are open.
    """
    parameter = int(np.argmax(np.diag(peak.covariance)))
    deviation = float(np.sqrt(peak.covariance[parameter, parameter]))
    top = _across(peak, parameter, peak.place)
    if top is None:
        return None
    knots = [top]
    for sign in (-1.0, 1.0):
        before, here, step = top, top, min(FIRST_STEP * deviation, LONGEST_STEP)
        slope = sign * peak.covariance[parameter] / deviation**2
        while here.log_mass > top.log_mass - DEEPEST:
            left = FARTHEST_DRAW - abs(here.place[parameter] - peak.place[parameter])
            if left <= 1e-9:
                break
            if here is not before:
                gone = abs(here.place[parameter] - before.place[parameter])
                slope = (here.place - before.place) / gone
            step = min(step, left)
            ahead = _across(peak, parameter, here.place + step * slope)
            if ahead is None:
                return None
            before, here, step = here, ahead, min(step * GROWTH, LONGEST_STEP)
            knots.append(here)
    knots.sort(key=lambda knot: knot.place[parameter])
    places, roots = np.array([knot.place for knot in knots]), np.array([knot.root for knot in knots])
    return Ridge(peak, parameter, places, roots, np.array([knot.log_mass for knot in knots]) - top.log_mass)


@dataclass(frozen=True)
class _Knot:
    place: Numbers
    root: Numbers
    log_mass: float


def _across(peak: Peak, parameter: int, start: Numbers) -> _Knot | None:
    """The likeliest values of the other parameters where one is held, by Newton's method; None if there are none.

    Near enough is good enough: draws from here are weighed.
    """
    others = _others(len(start), parameter)
    place = start.copy()
    value, gradient, hessian = peak.likelihood(place)
    for _ in range(30):
        if not (np.isfinite(value) and np.isfinite(hessian).all()):
            return None
        try:
            upper = linalg.cholesky(-hessian[np.ix_(others, others)])
        except linalg.LinAlgError:
            return None
        step = linalg.cho_solve((upper, False), gradient[others])
        if 0.5 * float(step @ gradient[others]) < 1e-3:
            root = linalg.solve_triangular(upper, np.eye(len(others)), lower=False)
            # Triangular the other way than usual; what matters is that root · rootᵀ is the covariance.
            return _Knot(place, root, value + float(np.log(np.diag(root)).sum()))
        step *= min(1.0, 2.0 / float(linalg.norm(step)))
        for _ in range(20):
            place[others] += step
            ahead = peak.likelihood(place)
            if np.isfinite(ahead[0]) and ahead[0] >= value:
                break
            place[others] -= step
            step = step / 2
        else:
            return None
        value, gradient, hessian = ahead
    return None


def _others(size: int, parameter: int) -> Numbers:
    return np.delete(np.arange(size), parameter)


def _log_mean_exp(rise: Numbers) -> Numbers:
    """log of the mean of e^(rise · u) over u from 0 to 1."""
    safe = np.where(np.abs(rise) < 1e-6, 1.0, rise)
    return np.where(np.abs(rise) < 1e-6, rise / 2, np.log(np.expm1(safe) / safe))


def draw_by_slices(peak: Peak, count: int, random: np.random.Generator) -> ParameterDraws:
    """Draws from chains of slice sampling that run until they agree and are long enough.

    Warns if they still differ after ``MOST_EVALUATIONS`` of the likelihood.
    """
    chains = _Chains(peak, _starts(peak, random), random)
    chains.run(FEWEST_SWEEPS)
    while True:
        kept = chains.history(BURN_IN)
        r_hat, effective = split_r_hat(kept), chain_effective_size(kept)
        enough = r_hat < LARGEST_R_HAT and effective >= LEAST_EFFECTIVE * count
        if enough or chains.evaluations >= MOST_EVALUATIONS:
            break
        chains.run(chains.sweeps // 2)
    if r_hat > 1.1:
        warnings.warn(
            f"the draws of parameters are rough: after {chains.evaluations} evaluations of the likelihood, chains of "
            f"slice sampling still differ (split R-hat {r_hat:.2f}, effective sample size {effective:.0f}). Intervals "
            "may be wrong; take more customers, a model with fewer parameters, or fit with prior_spread=2",
            stacklevel=4,
        )
    # Sweep by sweep and evenly thinned, so that neighbours come from different chains.
    states = kept.transpose(1, 0, 2).reshape(-1, kept.shape[2])
    chosen = states[np.linspace(0, len(states) - 1, count).round().astype(int)]
    return ParameterDraws(np.exp(chosen), "slice", min(effective, float(count)), r_hat)


def _starts(peak: Peak, random: np.random.Generator) -> Numbers:
    """Different places around the maximum, farther apart than the normal approximation, the likelier the sooner."""
    standard = random.standard_normal((10 * CHAINS, len(peak.place)))
    standard *= np.sqrt(DEGREES_OF_FREEDOM / random.chisquare(DEGREES_OF_FREEDOM, (len(standard), 1)))
    log_values = peak.place + standard @ peak.root.T
    heights = peak.heights(log_values)
    race = np.where(np.isfinite(heights), 0.5 * heights + random.gumbel(size=len(heights)), -np.inf)
    chosen = np.argsort(-race, kind="stable")[:CHAINS]
    return np.where(np.isfinite(race[chosen])[:, None], log_values[chosen], peak.place)


class _Chains:
    """Several chains of slice sampling along lines, in coordinates in which a normal posterior would be round.

    A line runs in a random direction, or from one of the other chains to another: so the chains learn where the
    posterior is long (Neal 2003, "Slice sampling"; Karamanis & Beutler 2021, "Ensemble slice sampling"). Nothing is
    tuned, so that every state after the burn-in counts.
    """

    def __init__(self, peak: Peak, starts: Numbers, random: np.random.Generator) -> None:
        self.peak, self.random, self.root = peak, random, peak.root
        self.states = _on_lattice(linalg.solve_triangular(self.root, (starts - peak.place).T, lower=True).T)
        self.evaluations = 0
        self.heights = np.array([self._height(state) for state in self.states])
        self.visited: list[Numbers] = []

    @property
    def sweeps(self) -> int:
        return len(self.visited)

    def history(self, burn_in: float) -> Numbers:
        """Log-parameters (chain, sweep, parameter) without the first share of the sweeps."""
        states = np.array(self.visited[int(burn_in * self.sweeps) :]).transpose(1, 0, 2)
        return self.peak.place + states @ self.root.T

    def run(self, sweeps: int) -> None:
        """Move every chain, so many times, by as many lines as there are parameters."""
        for _ in range(sweeps):
            for _ in range(self.states.shape[1]):
                for chain in range(len(self.states)):
                    self._move(chain)
            self.visited.append(self.states.copy())

    def _move(self, chain: int) -> None:
        """Slice sampling on a line: step out from the state, then shrink until a point is high enough."""
        state, direction = self.states[chain], self._direction(chain)
        level = self.heights[chain] - self.random.exponential()
        low = -self.random.random()
        high = low + 1
        while self._height(state + low * direction) > level:
            low -= 1
        while self._height(state + high * direction) > level:
            high += 1
        while True:
            step = self.random.uniform(low, high)
            ahead = _on_lattice(state + step * direction)
            height = self._height(ahead)
            if height > level or high - low < 1e-12:
                break
            low, high = (step, high) if step < 0 else (low, step)
        if height > level:
            self.states[chain], self.heights[chain] = ahead, height

    def _direction(self, chain: int) -> Numbers:
        """A line through the state that does not depend on it, about as long as the posterior is wide along it."""
        size = self.states.shape[1]
        if self.random.random() < 0.5:
            others = self.random.choice(len(self.states) - 1, 2, replace=False)
            first, second = self.states[others + (others >= chain)]
            apart = first - second
            length = float(linalg.norm(apart))
            if length > 0:  # two chains that are very close would make steps so short that stepping out never ends
                return apart * max(np.sqrt(6 / size), SHORTEST_STEP / length)
        direction = self.random.standard_normal(size)
        return 3 * direction / linalg.norm(direction)

    def _height(self, state: Numbers) -> float:
        self.evaluations += 1
        return self.peak.height(self.peak.place + self.root @ state)


def _on_lattice(states: Numbers) -> Numbers:
    return np.round(states / LATTICE) * LATTICE


def _mirrored(half: Numbers) -> Numbers:
    return np.concatenate([half, -half])


def _split(chains: Numbers) -> Numbers:
    """Each chain as two, so that one which drifts disagrees with itself."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def _ranked(chains: Numbers) -> Numbers:
    """Each parameter's values as the normal quantiles of their ranks."""
    flat = chains.reshape(-1, chains.shape[2])
    return special.ndtri((stats.rankdata(flat, axis=0) - 0.375) / (len(flat) + 0.25)).reshape(chains.shape)


def _variances(chains: Numbers) -> tuple[Numbers, Numbers]:
    """Per parameter: the mean variance within chains, and the variance between their means."""
    return np.maximum(chains.var(axis=1, ddof=1).mean(axis=0), 1e-300), chains.mean(axis=1).var(axis=0, ddof=1)
