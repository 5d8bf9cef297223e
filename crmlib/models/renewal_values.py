"""What running contracts will still bring, and what a new one is worth, with how sure.

A contract pays at each renewal that it makes. The next one counts in full, the one after it 1 / (1 + rate), and so on.
The period that is paid for already is not counted.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from crmlib.models.arrays import Numbers
from crmlib.models.errors import CustomerBaseInvalid
from crmlib.models.renewal_model import RenewalModel, whole

PERIODS_PER_YEAR = {"month": 12, "quarter": 4, "year": 1}
# With a rate of nothing a lifetime may have no end; so little changes no number that anybody looks at.
LEAST_RATE = 1e-4
# Fewer futures leave the ends of an interval to chance; of one, the interval would be a point.
FEWEST_DRAWS = 100
# Each of so many renewals ahead is looked at for itself; later ones in blocks that grow by a seventh.
_EACH = 24
_GROWTH = 7
# Later than this, contracts that still run are taken at their expected value.
_FARTHEST = 2000
# A share of a contract's value that nobody would miss.
_NEGLIGIBLE = 1e-6


def renewal_value(
    model: RenewalModel,
    *,
    renewals: Any,
    price: Any,
    discount_rate: float,
    contracts: Any = 1,
    margin: float = 1.0,
    confidence: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """What contracts will still bring, by how many renewals they have behind them: expected, discounted, how sure.

    ``renewals``: whole numbers, one per row of the answer; ``contracts``: how many such contracts run; ``price``: what
    one of them pays per period; both one number or one per row. ``margin``: contribution per unit of price, 0 to 1.
    ``discount_rate``: per period, above 0; from a yearly rate d in months it is (1 + d) ** (1 / 12) − 1.

    One row each: ``renewals, contracts, value, value_low, value_high``: contribution from all renewals to come of all
    these contracts, in the client's currency, and the interval that holds what they will really bring with
    ``confidence``: parameters are not known exactly, and who leaves when is chance (a single contract may end at its
    next renewal). With a model from given parameters, the interval holds chance only. Intervals of rows do not add up;
    for a total see :func:`renewal_equity`.

    ``draws``: so many possible futures are simulated, 100 or more. Raises ``ValueError`` and ``CustomerBaseInvalid``.

    >>> from crmlib.models import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric(alpha=3.80, beta=15.20)
    >>> worth = renewal_value(model, renewals=[0, 4], contracts=[1, 1000], price=10, discount_rate=0.1)
    >>> worth[["renewals", "contracts", "value"]].round(1)
       renewals  contracts    value
    0         0          1     33.1
    1         4       1000  38421.3
    >>> ((worth.value_high - worth.value_low) / worth.value).round(1).tolist()  # one may leave, a thousand even out
    [3.0, 0.1]
    """
    running = _Running(model, renewals, contracts, price, margin, discount_rate)
    low, high = _interval(running.simulated(draws, seed), confidence)
    return pd.DataFrame(
        {
            "renewals": running.renewals.astype(int),
            "contracts": running.contracts,
            "value": running.value(),
            "value_low": low,
            "value_high": high,
        }
    )


def renewal_equity(
    model: RenewalModel,
    *,
    renewals: Any,
    price: Any,
    discount_rate: float,
    contracts: Any = 1,
    margin: float = 1.0,
    confidence: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """What all these contracts together will still bring: one row ``contracts, value, value_low, value_high``.

    Further as in :func:`renewal_value`. What is not known of the parameters concerns all contracts alike, and does not
    even out; who leaves when does.

    >>> from crmlib.models import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric(alpha=3.80, beta=15.20)
    >>> renewal_equity(model, renewals=[0, 4], contracts=[500, 500], price=10, discount_rate=0.1).value.round(1).item()
    35759.8
    """
    running = _Running(model, renewals, contracts, price, margin, discount_rate)
    low, high = _interval(running.simulated(draws, seed).sum(axis=1), confidence)
    return pd.DataFrame(
        {
            "contracts": [int(running.contracts.sum())],
            "value": [float(running.value().sum())],
            "value_low": [float(low)],
            "value_high": [float(high)],
        }
    )


def rate_per_period(discount_rate: float, term: str) -> float:
    """The discount rate per period of a contract, from a yearly one; at least 0.01 %, so that sums have an end.

    >>> round(rate_per_period(0.10, "month"), 5)
    0.00797
    """
    return max(float((1 + discount_rate) ** (1 / PERIODS_PER_YEAR[term]) - 1), LEAST_RATE)


def new_subscription_value(model: RenewalModel, *, price: float, margin: float, discount_rate: float) -> float:
    """What a new contract is worth on average: its first period, and all renewals to come, discounted.

    ``price``: per period; ``margin``: contribution per unit of price, 0 to 1; ``discount_rate``: per period, above 0.
    The first period is paid at once and counts in full, the next renewal a period later: margin · price ·
    Σ S(k) / (1 + d)^k, k = 0, 1, 2, … (Fader & Hardie 2010: the lifetime value of a customer yet to be acquired).

    >>> from crmlib.models import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric(alpha=3.80, beta=15.20)
    >>> round(new_subscription_value(model, price=10, margin=0.5, discount_rate=0.1), 2)
    20.04
    """
    return margin * price * (1 + float(model.residual_lifetime(0, discount_rate)) / (1 + discount_rate))


def new_subscription_interval(
    model: RenewalModel,
    *,
    price: float,
    margin: float,
    discount_rate: float,
    confidence: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> tuple[float, float]:
    """Between what a new contract's mean value lies, because the parameters are not known exactly: (low, high).

    Arguments as for :func:`new_subscription_value`. Without chance: a single contract may end at its first renewal.
    Both ends are the value itself where the parameters were given and not fitted.

    >>> from crmlib.models import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric.fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> low, high = new_subscription_interval(model, price=10, margin=0.5, discount_rate=0.1)
    >>> low < new_subscription_value(model, price=10, margin=0.5, discount_rate=0.1) < high
    True
    """
    how: dict[str, Any] = {"price": price, "margin": margin, "discount_rate": discount_rate}
    if model.estimate is None:
        value = new_subscription_value(model, **how)
        return value, value
    parameters = np.log(model.draws(draws, seed=seed).values)
    drawn = [new_subscription_value(model.with_log_parameters(row), **how) for row in parameters]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _interval(simulated: Numbers, confidence: float) -> Numbers:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a share between 0 and 1, not {confidence!r}")
    return np.quantile(simulated, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)


class _Running:
    """The contracts that run, checked, and their futures."""

    def __init__(
        self, model: RenewalModel, renewals: Any, contracts: Any, price: Any, margin: float, discount_rate: float
    ) -> None:
        if not (np.isfinite(discount_rate) and discount_rate > 0):
            raise ValueError(f"discount_rate is a rate per period above 0, not {discount_rate!r}")
        if not 0 <= margin <= 1:
            raise ValueError(f"margin is a share of the price, 0 to 1, not {margin!r}")
        self.model, self.discount = model, discount_rate
        age = np.atleast_1d(whole(renewals, least=0))
        counts, prices = np.asarray(contracts, float), np.asarray(price, float)
        if age.ndim != 1 or any(values.shape not in ((), (1,), age.shape) for values in (counts, prices)):
            raise ValueError("contracts and price must be one number, or one for each element of renewals")
        self.renewals = age
        counts, prices = (np.broadcast_to(values, age.shape) for values in (counts, prices))
        wrong = ~(np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts)))
        if wrong.any():
            raise CustomerBaseInvalid(
                f"at row {int(np.argmax(wrong))}, contracts is {counts[wrong][0]:g}; count whole contracts, from 0"
            )
        wrong = ~(np.isfinite(prices) & (prices >= 0))
        if wrong.any():
            raise CustomerBaseInvalid(
                f"at row {int(np.argmax(wrong))}, price is {prices[wrong][0]:g}; give what a contract pays per period, "
                "0 or more"
            )
        self.contracts, self.worth = counts.astype(np.int64), prices * margin

    def value(self) -> Numbers:
        """The expected value of each row."""
        return self.contracts * self.worth * self.model.residual_lifetime(self.renewals, self.discount)

    def simulated(self, draws: int, seed: int) -> Numbers:
        """What each row will bring, one future per draw: parameters drawn from what the data leave possible."""
        if not isinstance(draws, Integral) or draws < FEWEST_DRAWS:
            raise ValueError(
                f"draws must be a whole number, {FEWEST_DRAWS} or more, not {draws!r}: fewer do not tell an interval"
            )
        random = np.random.default_rng([seed, 1])
        if self.model.estimate is None:
            parameters = np.exp(self.model.log_parameters)[None]
        else:
            parameters = self.model.draws(draws, seed=seed).values
        made = np.empty((draws, len(self.renewals)))
        bounds = _bounds(self.discount)
        ahead = np.arange(bounds[-1] + 1)
        # Survival is told once for each renewal that any contract comes to.
        times = np.unique(np.unique(self.renewals)[:, None] + ahead)
        log_survival = self.model.log_survival(parameters, times)
        for age in np.unique(self.renewals):
            begins = int(np.searchsorted(times, age))
            chances, worth = self._blocks(parameters, age, bounds, log_survival[:, begins : begins + len(ahead)])
            for column in np.flatnonzero(self.renewals == age):
                # Given the parameters, contracts end independently of one another: how many in which block is
                # multinomial.
                ended = random.multinomial(self.contracts[column], chances, size=draws)
                made[:, column] = (ended * worth).sum(axis=1)
        return made * self.worth

    def _blocks(
        self, parameters: Numbers, age: float, bounds: Numbers, log_survival: Numbers
    ) -> tuple[Numbers, Numbers]:
        """For each row of parameters: the chance that a contract ends in each block of renewals ahead or after the
        last, and how many discounted renewals it then has made.

        ``log_survival``: at the contract's age, and at each renewal ahead.
        """
        last = bounds[-1]
        k = np.arange(last + 1)
        # Discounted renewals of a contract that makes k of them.
        made = -np.expm1(-k * np.log1p(self.discount)) * (1 + self.discount) / self.discount
        left = np.exp(log_survival - log_survival[:, :1])
        ended = np.maximum(left[:, :-1] - left[:, 1:], 0.0)
        share = np.add.reduceat(ended, bounds[:-1], axis=1)
        mean = np.add.reduceat(ended * made[:-1], bounds[:-1], axis=1) / np.where(share > 0, share, 1.0)
        beyond = np.zeros(len(parameters))
        if (1 + self.discount) ** -last > _NEGLIGIBLE:
            drawn = (self.model.with_log_parameters(np.log(row)) for row in parameters)
            lifetimes = np.array([one.residual_lifetime(age + last, self.discount) for one in drawn])
            beyond = lifetimes * (1 + self.discount) ** -last
        chances = np.column_stack([share, left[:, -1]])
        return chances / chances.sum(axis=1, keepdims=True), np.column_stack([mean, made[-1] + beyond])


def _bounds(discount: float) -> Numbers:
    """Where blocks of renewals ahead begin, and where the last of them ends."""
    # Until what is still to come is worth nothing.
    end = min(_FARTHEST, max(_EACH, int(np.ceil(-np.log(_NEGLIGIBLE) / np.log1p(discount)))))
    bounds = list(range(_EACH + 1))
    while bounds[-1] < end:
        bounds.append(bounds[-1] + 1 + bounds[-1] // _GROWTH)
    return np.array(bounds)
