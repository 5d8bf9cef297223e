"""sBG: how many of a cohort of contracts are still running after each renewal, beyond what has been observed.

At the end of every period a contract is ended with a probability θ of its own, the same at each renewal; θ
differs between contracts as a beta (α, β). Those who leave easily leave first, so the retention rate of a
cohort rises with its age although nobody changes. The model is for contracts, where an end is seen: a
shopper who is silent has not "ended", so do not fit it to shoppers.

Source: Fader & Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1),
76–90. Residual lifetime: Fader & Hardie (2010), "Customer-base valuation in a contractual setting: the
perils of ignoring heterogeneity", Marketing Science 29(1), 85–93.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.models.arrays import Numbers
from crmlib.models.maximum_likelihood import log_beta_step, psi_step
from crmlib.models.period_sums import block_length
from crmlib.models.posterior import Likelihood
from crmlib.models.renewal_model import RenewalModel


@dataclass(kw_only=True, repr=False, eq=False)
class ShiftedBetaGeometric(RenewalModel):
    """The sBG model: from known parameters, or ``ShiftedBetaGeometric.fit(survivors)``.

    alpha, beta: how the chance to leave at a renewal differs between contracts; its mean is alpha / (alpha +
    beta).

    >>> model = ShiftedBetaGeometric.fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> model, round(model.log_likelihood_, 2)
    (ShiftedBetaGeometric(alpha=0.6681, beta=3.806), -1611.16)
    >>> model.survival([0, 1, 2, 12]).round(3)
    array([1.   , 0.851, 0.747, 0.378])
    >>> ShiftedBetaGeometric(alpha=3.80, beta=15.20).residual_lifetime([0, 1, 2, 3, 4], discount=0.1).round(1)
    array([3.3, 3.5, 3.6, 3.7, 3.8])
    >>> ShiftedBetaGeometric(alpha=1, beta=1).retention([1, 3]).tolist()
    [0.5, 0.75]
    """

    symbols = ("alpha", "beta")
    # Leaving that differs much, then contracts that are more and more alike, and that leave more rarely.
    starts = list(np.log([(0.7, 1.5), (1.0, 5.0), (3.0, 3.0), (5.0, 30.0), (0.2, 1.0)]))

    alpha: float
    beta: float

    @classmethod
    def likelihood(cls, age: Numbers, at_risk: Numbers, lost: Numbers) -> Likelihood:
        """The log-likelihood with gradient and Hessian, in log-parameters.

        A contract's P(T = t) or S(t) is the product of r(1), r(2), … and, at its end, 1 − r(t). So the sum over
        contracts needs only how many came to each renewal and how many ended there, whenever they started.
        """
        kept = at_risk - lost
        ended, waited = float(lost.sum()), age - 1

        def likelihood(log_parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            alpha, beta = theta = np.exp(log_parameters)
            stay, both = beta + waited, alpha + beta + waited
            value = float(ended * np.log(alpha) + kept @ np.log(stay) - at_risk @ np.log(both))
            shared, bend = float((at_risk / both).sum()), float((at_risk / both**2).sum())
            slope = np.array([ended / alpha - shared, float((kept / stay).sum()) - shared])
            curve = np.array([[bend - ended / alpha**2, bend], [bend, bend - float((kept / stay**2).sum())]])
            gradient = theta * slope
            return value, gradient, np.outer(theta, theta) * curve + np.diag(gradient)

        return likelihood

    @classmethod
    def log_survival(cls, parameters: Numbers, t: Numbers) -> Numbers:
        """log S(t), S(t) = B(α, β + t) / B(α, β), one row per row (α, β)."""
        alpha, beta = parameters[:, :1], parameters[:, 1:]
        return log_beta_step(alpha, beta, t)

    def _log_retention(self, t: Numbers) -> Numbers:
        return -np.log1p(self.alpha / (self.beta + t - 1))

    def _block(self, t: Numbers, log_discount: float) -> Numbers:
        return block_length(self.beta + t, lambda k: psi_step(self.beta + k, np.asarray(self.alpha)) + log_discount, t)

    def _undiscounted(self, t: Numbers) -> Numbers:
        return (self.beta + t) / (self.alpha - 1) if self.alpha > 1 else np.full(t.shape, np.inf)
