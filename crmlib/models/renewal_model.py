"""What models of contracts answer, and how they are fitted: contracts whose end is seen, counted by renewals.

A model file holds what is its own: the likelihood, the logarithm of survival, and how much of a lifetime is left when
nothing is discounted. What follows from these is here.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.models.arrays import Numbers
from crmlib.models.errors import CustomerBaseInvalid, FitDidNotConverge, PredictionNotFinite
from crmlib.models.maximum_likelihood import FittedModel, most_likely
from crmlib.models.period_sums import sum_of_falling
from crmlib.models.posterior import Likelihood

_COLUMNS = ("age", "at_risk", "lost")


@dataclass(kw_only=True, repr=False, eq=False)
class RenewalModel(FittedModel):
    """A model of how long contracts last, in renewals.

    Array functions take whole numbers of renewals in arrays of any shape, and raise ``ValueError`` for others.
    """

    # --- what each model says of itself

    @classmethod
    @abstractmethod
    def likelihood(cls, age: Numbers, at_risk: Numbers, lost: Numbers) -> Likelihood:
        """The log-likelihood of what was seen at each renewal, with gradient and Hessian, of log-parameters."""

    @classmethod
    @abstractmethod
    def log_survival(cls, parameters: Numbers, t: Numbers) -> Numbers:
        """log S(t) for each row of ``parameters``: one row of values per row of them, at the last axis of ``t``."""

    @abstractmethod
    def _block(self, t: Numbers, log_discount: float) -> Numbers:
        """Over how many renewals from ``t`` on discounted survival is smooth."""

    @abstractmethod
    def _undiscounted(self, t: Numbers) -> Numbers:
        """Expected further renewals of contracts with ``t`` renewals behind them; infinite where they have no end."""

    # --- what follows

    @classmethod
    def fit(cls, survivors: Any, *, prior_spread: float | None = None) -> Self:
        """The model under which these contracts are most likely.

        ``survivors``: either a table (pandas or Ibis) with one row per ``age`` (1, 2, …: the how-manieth
        renewal), ``at_risk`` (contracts that came to this renewal and whose decision was seen) and ``lost``
        (of these, ended), or the numbers of one cohort that were left after 0, 1, 2, … renewals. In the
        table contracts may have started at different times: those that still run are counted at the renewals
        that they have behind them, and at no later one, which is all that right-censoring asks for.

        ``prior_spread`` helps where the data have no maximum: each log-parameter then has a normal prior around a
        typical population with this standard deviation (2 is weak).

        Raises ``CustomerBaseInvalid`` for numbers that cannot be true, and ``FitDidNotConverge`` where no
        parameters are best: nobody left, everybody did at once, fewer renewals than parameters, or leaving
        that the model cannot follow (for the sBG, leaving that does not get rarer with age).
        """
        age, at_risk, lost = read_renewals(survivors)
        _check_enough(age, at_risk, lost, cls)
        likelihood, customers = cls.likelihood(age, at_risk, lost), float(at_risk.max())
        return cls.from_estimate(
            most_likely(likelihood, cls.starts, cls.symbols, customers=customers, prior_spread=prior_spread)
        )

    def log_likelihood(self, survivors: Any) -> float:
        """The log-likelihood of these contracts, each the product of its renewals; ``survivors`` as in ``fit``."""
        return self.likelihood(*read_renewals(survivors))(self.log_parameters)[0]

    def survival(self, t: Any) -> Numbers:
        """The share of contracts that are left after ``t`` renewals, S(t)."""
        return np.exp(self._log_survival(whole(t, least=0)))

    def retention(self, t: Any) -> Numbers:
        """The share renewed at the ``t``-th renewal of those who came to it, r(t) = S(t) / S(t − 1)."""
        return np.exp(self._log_retention(whole(t, least=1)))

    def churn(self, t: Any) -> Numbers:
        """The share of all contracts that end at the ``t``-th renewal, P(T = t)."""
        t = whole(t, least=1)
        return self.survival(t - 1) * -np.expm1(self._log_retention(t))

    def projection(self, t: Any, *, level: float = 0.95, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
        """Survival with an interval: ``age, survival, low, high``, one row per element of ``t``.

        The interval says how well the parameters are known (draws from what the data leave possible). It is
        for a large cohort; a small one scatters around it besides.
        """
        age = np.ravel(whole(t, least=0))
        curves = np.exp(self.log_survival(self.draws(draws, seed=seed).values, age))
        low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return pd.DataFrame({"age": age.astype(int), "survival": self.survival(age), "low": low, "high": high})

    def residual_lifetime(self, t: Any, discount: float) -> Numbers:
        """DERL: expected further periods, discounted, of a contract that has survived ``t`` renewals.

        The next renewal counts in full if it is made, the one after it 1 / (1 + ``discount``), and so on;
        ``discount`` is per period, 0 or more. Summed to the last digit, however slowly contracts leave. Raises
        ``PredictionNotFinite`` where undiscounted lifetimes have no mean. Source: Fader & Hardie (2010), where a
        customer in their n-th year has renewed n − 1 times.
        """
        if not (np.isfinite(discount) and discount >= 0):
            raise ValueError(f"discount is a rate per period, 0 or more, not {discount!r}")
        t = whole(t, least=0)
        if discount == 0:
            answer = self._undiscounted(t)
            if not np.isfinite(answer).all():
                raise PredictionNotFinite(
                    f"undiscounted, contracts of {self!r} last for ever on average: so few leave late that the mean "
                    "has no end. Give a discount above 0, say 0.1 a year"
                )
            return answer
        values, place = np.unique(np.ravel(t), return_inverse=True)
        rate, so_far = float(np.log1p(discount)), self._log_survival(values)

        def log_term(k: Numbers, rows: Numbers) -> Numbers:
            return self._log_survival(k + values[rows, None]) - so_far[rows, None] - rate * (k - 1)

        def reach(k: Numbers, rows: Numbers) -> Numbers:
            return self._block(k + values[rows], rate)

        # Survival never rises, so that all that is left is less than its value now for ever.
        remainder = (1 + discount) / discount
        return sum_of_falling(log_term, reach, np.ones(len(values)), remainder=remainder)[place].reshape(t.shape)

    def _log_survival(self, t: Numbers) -> Numbers:
        row = np.array([[getattr(self, symbol) for symbol in self.symbols]])
        return self.log_survival(row, np.ravel(t))[0].reshape(np.shape(t))

    def _log_retention(self, t: Numbers) -> Numbers:
        return self._log_survival(t) - self._log_survival(t - 1)


def whole(t: Any, *, least: int) -> Numbers:
    """Renewals as floats; raises ``ValueError`` unless they are whole numbers from ``least`` on."""
    age = np.asarray(t, float)
    if np.any(~np.isfinite(age) | (age < least) | (age != np.floor(age))):
        raise ValueError(f"t counts renewals: whole numbers from {least} on, not {t!r}")
    return age


def read_renewals(survivors: Any) -> tuple[Numbers, Numbers, Numbers]:
    """Age, contracts at risk and contracts lost, for the ages at which any contract was at risk, by age.

    ``survivors`` as in :meth:`RenewalModel.fit`. Raises ``CustomerBaseInvalid`` with all that is wrong.
    """
    if hasattr(survivors, "columns"):
        frame = to_pandas(survivors)
        missing = [name for name in _COLUMNS if name not in frame.columns]
        if missing:
            raise CustomerBaseInvalid(
                f"the table of renewals has no column {', '.join(missing)}; make it with renewal_ages(subscriptions, "
                "as_of=…), or give the numbers left after 0, 1, 2, … renewals"
            )
        age, at_risk, lost = (frame[name].to_numpy(dtype=float, na_value=np.nan) for name in _COLUMNS)
    else:
        left = np.asarray(survivors, float)
        if left.ndim != 1:
            raise CustomerBaseInvalid("survivors must be one row of numbers: left after 0, 1, 2, … renewals")
        age, at_risk, lost = np.arange(1.0, len(left)), left[:-1], left[:-1] - left[1:]
    _check_renewals(age, at_risk, lost)
    order = np.argsort(age, kind="stable")
    order = order[at_risk[order] > 0]
    return age[order], at_risk[order], lost[order]


def _check_renewals(age: Numbers, at_risk: Numbers, lost: Numbers) -> None:
    unknown = ~(np.isfinite(age) & np.isfinite(at_risk) & np.isfinite(lost))
    if unknown.any():
        raise CustomerBaseInvalid(
            f"row {_listed(np.flatnonzero(unknown))} of the renewals has a missing or infinite number; leave ages out "
            "that were not observed"
        )
    wrong = []
    if np.any((age < 1) | (age != np.floor(age))) or len(np.unique(age)) < len(age):
        wrong.append(f"ages must be whole numbers from 1 on, each once, not {_listed(age)}")
    if np.any(at_risk < 0):
        wrong.append(f"at renewal {_listed(age[at_risk < 0])} fewer than no contracts were there; count them, from 0")
    bad = (lost < 0) | ((lost > at_risk) & (at_risk >= 0))
    if bad.any():
        wrong.append(
            f"at renewal {_listed(age[bad])} fewer than none or more contracts ended than were there; contracts that "
            "ended can be counted once only and do not come back"
        )
    if wrong:
        raise CustomerBaseInvalid("; ".join(wrong))


def _listed(values: Numbers) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:5])
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown


def _check_enough(age: Numbers, at_risk: Numbers, lost: Numbers, model: type[RenewalModel]) -> None:
    """Refuse what has no best parameters whatever the model; raises ``FitDidNotConverge``."""
    if len(age) < len(model.symbols):
        raise FitDidNotConverge(
            f"contracts were seen at {len(age)} renewals, and {model.__name__} has {len(model.symbols)} parameters: "
            "nothing says how the rate of leaving changes. Wait for more renewals, take a shorter period, or a model "
            "with fewer parameters"
        )
    if not lost.any():
        raise FitDidNotConverge(
            f"none of {at_risk.max():g} contracts has ended, so that nothing says how many will. Wait for the first to "
            "leave, or check that ends are in the data"
        )
    if not (at_risk - lost).any():
        raise FitDidNotConverge(
            f"all of {at_risk.max():g} contracts ended at their first renewal seen, so that nothing is left to "
            "project. Check that running contracts are in the data"
        )
