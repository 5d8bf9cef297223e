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

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import special

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.errors import CustomerBaseInvalid, FitDidNotConverge
from crmlib.lifecycle.clv.maximum_likelihood import Estimate, FittedModel, Likelihood, maximise, positive

Numbers = np.ndarray

# α, β: leaving that differs much, then contracts that are more and more alike, and that leave more rarely.
STARTS = np.log([(0.7, 1.5), (1.0, 5.0), (3.0, 3.0), (5.0, 30.0), (0.2, 1.0)])


class ShiftedBetaGeometric(FittedModel):
    """The sBG model: from known parameters, or ``ShiftedBetaGeometric.fit(survivors)``.

    alpha, beta: how the chance to leave at a renewal differs between contracts; its mean is alpha / (alpha +
    beta).

    >>> model = ShiftedBetaGeometric(alpha=0.668, beta=3.806)
    >>> model
    ShiftedBetaGeometric(alpha=0.668, beta=3.806)
    >>> model.survival([0, 1, 2, 12]).round(3)
    array([1.   , 0.851, 0.747, 0.378])
    """

    symbols = ("alpha", "beta")

    def __init__(self, *, alpha: float, beta: float, estimate: Estimate | None = None) -> None:
        positive(alpha=alpha, beta=beta)
        self.alpha, self.beta, self.estimate = alpha, beta, estimate

    @classmethod
    def fit(cls, survivors: Any) -> Self:
        """The model under which these contracts are most likely.

        ``survivors``: either a table (pandas or Ibis) with one row per ``age`` (1, 2, …: the how-manieth
        renewal), ``at_risk`` (contracts that came to this renewal and whose decision was seen) and ``lost``
        (of these, ended), or the numbers of one cohort that were left after 0, 1, 2, … renewals. In the
        table contracts may have started at different times: those that still run are counted at the renewals
        that they have behind them, and at no later one, which is all that right-censoring asks for.

        Raises ``CustomerBaseInvalid`` for numbers that cannot be true, and ``FitDidNotConverge`` where no
        parameters are best: nobody left, everybody did, fewer than two ages, or leaving that does not get
        rarer with age.

        >>> model = ShiftedBetaGeometric.fit([1000, 631, 468, 382, 326, 289, 262, 241])
        >>> model
        ShiftedBetaGeometric(alpha=0.7041, beta=1.182)
        >>> round(model.log_likelihood_, 2)
        -1680.27
        """
        age, at_risk, lost = _renewals(survivors)
        if len(age) < 2:
            raise FitDidNotConverge(
                "contracts were seen at fewer than two renewals, so that nothing says how the rate of leaving changes; "
                "wait for more renewals, or take a shorter period"
            )
        likelihood = _likelihood(age, at_risk, lost)
        place, value, hessian, iterations = maximise(likelihood, list(STARTS), cls.symbols)
        alpha, beta = np.exp(place).tolist()
        estimate = Estimate(
            log_parameters=place,
            covariance=np.linalg.inv(-hessian),
            log_likelihood=value,
            customers=float(at_risk.max()),
            iterations=iterations,
            likelihood=likelihood,
        )
        return cls(alpha=alpha, beta=beta, estimate=estimate)

    def with_log_parameters(self, log_parameters: Numbers) -> Self:
        """The same model at other parameters, in the order alpha, beta."""
        alpha, beta = np.exp(log_parameters).tolist()
        return type(self)(alpha=alpha, beta=beta)

    def log_likelihood(self, survivors: Any) -> float:
        """The log-likelihood of these contracts (the paper's appendix B, with contracts of any age);
        ``survivors`` as in ``fit``.

        >>> round(ShiftedBetaGeometric(alpha=1, beta=1).log_likelihood([2, 1]), 4)
        -1.3863
        """
        return _likelihood(*_renewals(survivors))(self.log_parameters)[0]

    def survival(self, t: Any) -> Numbers:
        """The share of contracts that are left after ``t`` renewals, S(t) = B(α, β + t) / B(α, β).

        >>> ShiftedBetaGeometric(alpha=1, beta=1).survival([0, 1, 3]).tolist()
        [1.0, 0.5, 0.25]
        """
        return _survival(np.array([[self.alpha, self.beta]]), _ages(t, least=0))[0].reshape(np.shape(t))

    def retention(self, t: Any) -> Numbers:
        """The share renewed at the ``t``-th renewal of those who came to it, r(t) = S(t) / S(t − 1).

        >>> ShiftedBetaGeometric(alpha=1, beta=1).retention([1, 3]).tolist()
        [0.5, 0.75]
        """
        age = _ages(t, least=1)
        return ((self.beta + age - 1) / (self.alpha + self.beta + age - 1)).reshape(np.shape(t))

    def churn(self, t: Any) -> Numbers:
        """The share of all contracts that end at the ``t``-th renewal, P(T = t).

        >>> ShiftedBetaGeometric(alpha=1, beta=1).churn([1, 2]).round(4).tolist()
        [0.5, 0.1667]
        """
        return self.survival(np.asarray(t) - 1) * (1 - self.retention(t))

    def projection(self, t: Any, *, level: float = 0.95, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
        """Survival with an interval: ``age, survival, low, high``, one row per element of ``t``.

        The interval says how well the parameters are known (draws from what the data leave possible). It is
        for a large cohort; a small one scatters around it besides.
        """
        age = _ages(t, least=0)
        curves = _survival(self.draws(draws, seed=seed).values, age)
        low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return pd.DataFrame({"age": age.astype(int), "survival": self.survival(age), "low": low, "high": high})

    def discounted_residual_lifetime(self, renewals: Any, *, discount_rate: float) -> Numbers:
        """Expected further periods, discounted, of a contract that comes to its next renewal after ``renewals`` ones.

        The next renewal counts in full, the one after it 1 / (1 + ``discount_rate``), and so on; the rate is
        per period. Source: Fader & Hardie (2010), where a customer in their n-th year has renewed n − 1
        times.

        >>> model = ShiftedBetaGeometric(alpha=3.80, beta=15.20)
        >>> model.discounted_residual_lifetime([0, 1, 2, 3, 4], discount_rate=0.1).round(1)
        array([3.3, 3.5, 3.6, 3.7, 3.8])
        """
        if not discount_rate > 0:
            raise ValueError(
                f"discount_rate must be above 0, not {discount_rate!r}: undiscounted lifetimes have no end"
            )
        n = np.asarray(renewals, float)
        renewed = (self.beta + n) / (self.alpha + self.beta + n)
        return renewed * special.hyp2f1(1, self.beta + n + 1, self.alpha + self.beta + n + 1, 1 / (1 + discount_rate))


def _ages(t: Any, *, least: int) -> Numbers:
    age = np.ravel(np.asarray(t, float))
    if np.any(~np.isfinite(age) | (age < least) | (age != np.floor(age))):
        raise ValueError(f"t counts renewals: whole numbers from {least} on, not {t!r}")
    return age


def _survival(parameters: Numbers, age: Numbers) -> Numbers:
    """One row of survival per row (α, β)."""
    alpha, beta = parameters[:, :1], parameters[:, 1:]
    return np.exp(special.betaln(alpha, beta + age) - special.betaln(alpha, beta))


def _renewals(survivors: Any) -> tuple[Numbers, Numbers, Numbers]:
    """Age, contracts at risk and contracts lost, for the ages at which any contract was at risk."""
    if hasattr(survivors, "columns"):
        frame = to_pandas(survivors)
        missing = [name for name in ("age", "at_risk", "lost") if name not in frame.columns]
        if missing:
            raise CustomerBaseInvalid(f"the table of renewals has no column {', '.join(missing)}")
        age, at_risk, lost = (frame[name].to_numpy(dtype=float, na_value=np.nan) for name in ("age", "at_risk", "lost"))
    else:
        left = np.asarray(survivors, float)
        if left.ndim != 1:
            raise CustomerBaseInvalid("survivors must be one row of numbers: left after 0, 1, 2, … renewals")
        age, at_risk, lost = np.arange(1.0, len(left)), left[:-1], left[:-1] - left[1:]
    if np.any(~np.isfinite(age) | ~np.isfinite(at_risk) | ~np.isfinite(lost)):
        raise CustomerBaseInvalid("a renewal has a missing or infinite number; leave ages out that were not observed")
    if np.any((age < 1) | (age != np.floor(age))) or len(np.unique(age)) < len(age):
        raise CustomerBaseInvalid("ages must be whole numbers from 1 on, each once")
    if np.any((lost < 0) | (lost > at_risk)):
        bad = int(age[np.argmax((lost < 0) | (lost > at_risk))])
        raise CustomerBaseInvalid(f"at renewal {bad} fewer than none or more contracts ended than were there")
    seen = at_risk > 0
    return age[seen], at_risk[seen], lost[seen]


def _likelihood(age: Numbers, at_risk: Numbers, lost: Numbers) -> Likelihood:
    """The log-likelihood with gradient and Hessian, in log-parameters.

    A contract's P(T = t) or S(t) is the product of r(1), r(2), … and, at its end, 1 − r(t). So the sum over
    contracts needs only how many came to each renewal and how many ended there, whenever they started.
    """
    kept = at_risk - lost
    ended, waited = float(lost.sum()), age - 1

    def likelihood(log_parameters: Numbers) -> tuple[float, Numbers, Numbers]:
        alpha, beta = theta = np.exp(log_parameters)
        stay, both = beta + waited, alpha + beta + waited
        value = float(ended * np.log(alpha) + kept @ np.log(stay) - at_risk @ np.log(both))
        shared, bend = float((at_risk / both).sum()), float((at_risk / both**2).sum())
        slope = np.array([ended / alpha - shared, float((kept / stay).sum()) - shared])
        curve = np.array([[bend - ended / alpha**2, bend], [bend, bend - float((kept / stay**2).sum())]])
        gradient = theta * slope
        return value, gradient, np.outer(theta, theta) * curve + np.diag(gradient)

    return likelihood
