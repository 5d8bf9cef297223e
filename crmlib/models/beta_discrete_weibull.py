"""BdW: contracts that last as in the sBG, but whose own chance to leave may rise or fall with their age.

A contract of age t is left after its t-th renewal with probability (1 − θ)^(t^c); θ differs between contracts as a beta
(α, β). With c = 1 each contract's own chance to leave never changes, which is the sBG; with c > 1 it rises with
age, with c < 1 it falls. What a cohort shows is this and that those who leave easily leave first.

Source: Fader, Hardie, Liu, Davin & Steenburgh (2018), "'How to project customer retention' revisited: the role of
duration dependence", Journal of Interactive Marketing 43, 1–16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from crmlib.models.arrays import Numbers
from crmlib.models.maximum_likelihood import log_beta_step, log_gamma_step, psi_step
from crmlib.models.period_sums import block_length, sum_of_falling
from crmlib.models.posterior import Likelihood
from crmlib.models.renewal_model import RenewalModel

# t^c is at most e^300: more would not be a number, and nobody is left long before.
_LARGEST_LOG = 300.0
_SHAPES = ((0.7, 1.5), (1.0, 5.0), (3.0, 3.0), (5.0, 30.0), (0.2, 1.0))


@dataclass(kw_only=True, repr=False, eq=False)
class BetaDiscreteWeibull(RenewalModel):
    """The BdW model: from known parameters, or ``BetaDiscreteWeibull.fit(survivors)``.

    alpha, beta: how the chance to leave at the first renewal differs between contracts; c: whether a contract's own
    chance to leave rises (c > 1) or falls (c < 1) with its age.

    >>> model = BetaDiscreteWeibull.fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> model, round(model.log_likelihood_, 3)
    (BetaDiscreteWeibull(alpha=0.2143, beta=1.427, c=1.724), -1605.314)
    >>> model.survival([0, 1, 2, 12]).round(3)
    array([1.   , 0.869, 0.74 , 0.404])
    """

    symbols = ("alpha", "beta", "c")
    starts = list(np.log([(alpha, beta, c) for c in (1.0, 1.6, 0.6) for alpha, beta in _SHAPES]))

    alpha: float
    beta: float
    c: float

    @classmethod
    def likelihood(cls, age: Numbers, at_risk: Numbers, lost: Numbers) -> Likelihood:
        """The log-likelihood with gradient and Hessian, in log-parameters: r(t) and 1 − r(t) of each renewal."""
        kept = at_risk - lost
        points = np.union1d(age, age - 1)
        at, just_before = np.searchsorted(points, age), np.searchsorted(points, age - 1)

        def likelihood(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            theta = np.exp(log_parameters)
            # log r(t) and its derivatives; neither it nor its square is ever 0: an impossible end is only unlikely
            steps, slope, curve = (each[..., at] - each[..., just_before] for each in _derivatives(theta, points))
            step = np.minimum(steps, -1e-100)
            share = np.exp(step)
            gone = -np.expm1(step)
            value = float(kept @ step + lost @ np.log(gone))
            first = kept - lost * share / gone
            second = -lost * share / gone**2
            gradient = theta * (slope @ first)
            bend = (slope * second) @ slope.T + curve @ first
            return value, gradient, np.outer(theta, theta) * bend + np.diag(gradient)

        return likelihood

    @classmethod
    def log_survival(cls, parameters: Numbers, t: Numbers) -> Numbers:
        """log S(t), S(t) = B(α, β + t^c) / B(α, β), one row per row (α, β, c)."""
        alpha, beta, c = parameters[:, :1], parameters[:, 1:2], parameters[:, 2:]
        return log_beta_step(alpha, beta, _power(t, c))

    def _rate(self, t: Numbers) -> Numbers:
        """How fast log S falls at t."""
        u = _power(t, np.asarray(self.c))
        return self.c * u / t * psi_step(self.beta + u, np.asarray(self.alpha))

    def _block(self, t: Numbers, log_discount: float) -> Numbers:
        # t^c is smooth but for 0; of the gamma function's poles, those at the angle π/c are nearest.
        longest = t * np.sin(np.pi / max(self.c, 2.0))
        return block_length(longest, lambda k: self._rate(k) + log_discount, t)

    def _undiscounted(self, t: Numbers) -> Numbers:
        if self.alpha * self.c <= 1:
            return np.full(t.shape, np.inf)
        values, place = np.unique(np.ravel(t), return_inverse=True)
        so_far = self._log_survival(values)
        # So late that the sum of what comes then is an integral, to more digits than a number has.
        late = np.ceil((float(values.max(initial=0)) + 2000) * (1 + self.alpha * self.c))
        early = sum_of_falling(
            lambda k, rows: self._log_survival(k) - so_far[rows, None],
            lambda k, rows: self._block(k, 0.0),
            values + 1,
            stop=late,
        )
        middle = np.array(late - 0.5)
        with np.errstate(over="ignore"):
            slope = -self._rate(middle) * np.exp(self._log_survival(middle) - so_far)
            total = early + np.exp(self._log_integral(float(middle)) - so_far) + slope / 24
        return total[place].reshape(t.shape)

    def _log_integral(self, start: float) -> float:
        """log ∫ S(t) dt from ``start`` on, over s = log t^c; where S has become a power of t, in closed form."""
        alpha, beta, c = self.alpha, self.beta, self.c
        s = c * np.log(start)
        # Where terms in (α + β)² e^(−s) are below the last digit, S is the power t^(−αc).
        end = max(s, np.log(1e17) + 2 * np.log1p(alpha + beta))
        pieces = int(np.ceil((end - s) / min(1.0, 4 / (1 / c + alpha)))) or 1
        nodes, weights = np.polynomial.legendre.leggauss(16)
        width = (end - s) / pieces
        at = s + width * (np.arange(pieces)[:, None] + (nodes + 1) / 2)

        def log_height(s: Numbers) -> Numbers:
            return s / c + log_gamma_step(beta, alpha) - log_gamma_step(beta + np.exp(s), alpha)

        with np.errstate(divide="ignore"):
            inner = special.logsumexp(log_height(at) + np.log(weights * width / 2))
        outer = log_height(np.array(end)) - np.log(alpha - 1 / c)
        return float(np.logaddexp(inner, outer) - np.log(c))


def _power(t: Numbers, c: Numbers) -> Numbers:
    """t^c, 0 for 0, and never infinite."""
    with np.errstate(divide="ignore"):
        return np.exp(np.minimum(c * np.log(t), _LARGEST_LOG))


def _derivatives(theta: Numbers, t: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """log S(t) without its constant in t = 0, and its first and second derivatives in α, β, c, one column per t."""
    alpha, beta, c = theta
    u = _power(t, c)
    log_t = np.log(np.maximum(t, 1.0))
    in_c = np.where(t > 0, u * log_t, 0.0)
    both, one = special.psi(alpha + beta + u), special.psi(beta + u)
    both_1, one_1 = special.polygamma(1, alpha + beta + u), special.polygamma(1, beta + u)
    fall = psi_step(beta + u, np.full(len(t), alpha))
    value = -log_gamma_step(beta + u, alpha)
    slope = np.array([-both, one - both, -fall * in_c])
    across = (one_1 - both_1) * in_c
    curve = np.array(
        [
            [-both_1, -both_1, -both_1 * in_c],
            [-both_1, one_1 - both_1, across],
            [-both_1 * in_c, across, across * in_c - fall * in_c * log_t],
        ]
    )
    return value, slope, curve
