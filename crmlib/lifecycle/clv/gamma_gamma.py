"""Gamma-gamma: what a customer spends on an order, on average and in the long run.

Each customer's orders vary as a gamma (p, ν) around the customer's own mean p/ν; ν differs between customers as a
gamma (q, v). Spend and frequency are taken to be independent: check their correlation before use.

Source: Fader & Hardie (2013), "The gamma-gamma model of monetary value"; equation numbers below are theirs. The v
here is their γ.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from scipy import special

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.customer_base import FEWEST_REPEAT_BUYERS, Numbers, check_spend, customer_names
from crmlib.lifecycle.clv.errors import MeanSpendUndefined, TooFewRepeatBuyers
from crmlib.lifecycle.clv.maximum_likelihood import Estimate, FittedModel, Likelihood, maximise, positive, with_prior

# p, q, v over the median spend.
STARTS = list(np.log([(4.0, 4.0, 1.0), (1.0, 3.0, 3.0), (20.0, 5.0, 0.2)]))

MANY_CUSTOMERS = 20_000

WhenUndefined = Literal["raise", "observed_mean"]


class GammaGamma(FittedModel):
    """The gamma-gamma model of spend: from known parameters, or ``GammaGamma.fit(summary)``.

    p: how steady a customer's orders are; q, v: how customers' means differ (v in money).

    >>> model = GammaGamma(p=6.25, q=3.74, v=15.44)
    >>> model.expected_spend([0, 2], [0.0, 22.35]).round(2)
    array([35.22, 24.66])
    """

    symbols = ("p", "q", "v")

    def __init__(
        self,
        *,
        p: float,
        q: float,
        v: float,
        observed_mean: float | None = None,
        estimate: Estimate | None = None,
    ) -> None:
        positive(p=p, q=q, v=v)
        self.p, self.q, self.v, self.observed_mean, self.estimate = p, q, v, observed_mean, estimate

    @classmethod
    def fit(cls, summary: Any, monetary: Any = None, *, prior_spread: float | None = None) -> Self:
        """The model under which the mean spends of repeat buyers are most likely.

        ``summary`` (pandas or Ibis): ``frequency, monetary``; or two arrays, ``fit(frequency, monetary)``. Customers
        without repeat purchase tell nothing and are passed over, as are those whose repeat purchases were all free
        (spend 0). ``prior_spread`` as for ``BetaGeoNBD.fit``. Raises ``CustomerBaseInvalid`` for missing or negative
        spend, ``TooFewRepeatBuyers`` and ``FitDidNotConverge``.
        """
        if monetary is None:
            if not isinstance(summary, pd.DataFrame):
                summary = to_pandas(summary.filter(summary.frequency > 0).select(*_columns(summary)))
            x, m = (summary[name].to_numpy(dtype=float, na_value=np.nan) for name in ("frequency", "monetary"))
            names = customer_names(summary)
        else:
            x, m, names = np.asarray(summary, float), np.asarray(monetary, float), None
        free = (x > 0) & (m == 0)
        check_spend(np.where(free, 0.0, x), m, names)
        some = (x > 0) & ~free
        order = np.lexsort((m[some], x[some]))  # the same sums, whatever the order of the rows
        x, m = x[some][order], m[some][order]
        if len(x) < FEWEST_REPEAT_BUYERS or m.min() == m.max():
            raise TooFewRepeatBuyers(
                f"{len(x)} customers with repeat spend, {len(np.unique(m))} different mean spends: at least "
                f"{FEWEST_REPEAT_BUYERS} customers whose spends differ are needed"
            )
        # Money in medians, so that starts and steps mean the same in any currency.
        scale = float(np.median(m))
        likelihood = with_prior(_likelihood(x, m / scale), STARTS[0], prior_spread)
        place, value, hessian, iterations = maximise(likelihood, STARTS, cls.symbols)
        shift, height = np.array([0.0, 0.0, np.log(scale)]), len(x) * np.log(scale)

        def unscaled(log_parameters: Numbers) -> tuple[float, Numbers, Numbers]:
            value, gradient, hessian = likelihood(log_parameters - shift)
            return value - height, gradient, hessian

        estimate = Estimate(
            log_parameters=place + shift,
            covariance=np.linalg.inv(-hessian),
            log_likelihood=(value if prior_spread is None else _likelihood(x, m / scale)(place)[0]) - height,
            customers=len(x),
            iterations=iterations,
            likelihood=unscaled if len(x) <= MANY_CUSTOMERS else None,
        )
        p, q, v = np.exp(estimate.log_parameters).tolist()
        return cls(p=p, q=q, v=v, observed_mean=float(np.average(m, weights=x)), estimate=estimate)

    def with_log_parameters(self, log_parameters: Numbers) -> Self:
        """The same model at other parameters, in the order p, q, v."""
        p, q, v = np.exp(log_parameters).tolist()
        return type(self)(p=p, q=q, v=v, observed_mean=self.observed_mean)

    def log_likelihood(self, x: Any, m: Any) -> Numbers:
        """The log-density of the mean spend ``m`` over ``x`` > 0 repeat orders (equation 1a); 0 for x = 0.

        >>> GammaGamma(p=1, q=2, v=1).log_likelihood([0, 1], [0.0, 1.0]).round(4)
        array([ 0.    , -1.3863])
        """
        x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
        check_spend(x, m)
        p, q, v = self.p, self.q, self.v
        n, spend = np.maximum(x, 1.0), np.where(x > 0, m, 1.0)
        density = (
            special.gammaln(p * n + q) - special.gammaln(p * n) - special.gammaln(q) + q * np.log(v)
            + (p * n - 1) * np.log(spend) + p * n * np.log(n) - (p * n + q) * np.log(n * spend + v)
        )  # fmt: skip
        return np.where(x > 0, density, 0.0)

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
        below = self.p * x + self.q - 1
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

    def log_spend_spread(self, x: Any, m: Any) -> Numbers:
        """The standard error of log expected spend that comes from not knowing p, q and v exactly (delta method)."""
        if self.estimate is None:
            return np.zeros(np.broadcast_shapes(np.shape(x), np.shape(m)))
        x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
        below, own = self.p * x + self.q - 1, self.v + x * m
        slopes = np.stack(
            [1 - self.p * x / np.where(below > 0, below, np.inf), -self.q / np.where(below > 0, below, np.inf),
             self.v / own], axis=-1
        )  # fmt: skip
        return np.sqrt(np.einsum("...i,ij,...j->...", slopes, self.estimate.covariance, slopes))

    def spend_squares(self, x: Any, m: Any) -> tuple[Numbers, Numbers]:
        """E[M²] of one future order, and E[M₁M₂] of two by the same customer: with them goes the spread of totals.

        Infinite where p·x + q ≤ 2; there, p·x + q is taken as 2.5, so that the spread is large but finite.
        """
        x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
        shape = np.maximum(self.p * x + self.q, 2.5)
        square = (self.v + x * np.where(x > 0, m, 0.0)) ** 2 / ((shape - 1) * (shape - 2))
        return self.p * (self.p + 1) * square, self.p**2 * square


def _columns(summary: Any) -> list[str]:
    return [name for name in ("customer_id", "frequency", "monetary") if name in summary.columns]


def _likelihood(x: Numbers, m: Numbers) -> Likelihood:
    """The log-likelihood of mean spends with gradient and Hessian, in log-parameters; gammas once per distinct x."""
    values, place = np.unique(x, return_inverse=True)
    n = np.bincount(place).astype(float)
    total, spent = float(len(x)), x * m
    log_spent, log_m = np.log(spent), float(np.log(m).sum())
    x_log_spent = float(x @ log_spent)

    def likelihood(log_parameters: Numbers) -> tuple[float, Numbers, Numbers]:
        p, q, v = theta = np.exp(log_parameters)
        px, pxq = p * values, p * values + q
        one = 1 / (spent + v)
        log_all = np.log(spent + v)
        shape = p * x + q
        psi_pxq, psi1_pxq = special.psi(pxq), special.polygamma(1, pxq)
        value = (
            n @ (special.gammaln(pxq) - special.gammaln(px)) + total * (q * np.log(v) - special.gammaln(q))
            + p * x_log_spent - log_m - shape @ log_all
        )  # fmt: skip
        gradient = np.array([
            (n * values) @ (psi_pxq - special.psi(px)) + x_log_spent - x @ log_all,
            n @ psi_pxq + total * (np.log(v) - special.psi(q)) - log_all.sum(),
            total * q / v - shape @ one,
        ])  # fmt: skip
        h = np.empty((3, 3))
        h[0, 0] = (n * values**2) @ (psi1_pxq - special.polygamma(1, px))
        h[0, 1] = h[1, 0] = (n * values) @ psi1_pxq
        h[0, 2] = h[2, 0] = -(x @ one)
        h[1, 1] = n @ psi1_pxq - total * special.polygamma(1, q)
        h[1, 2] = h[2, 1] = total / v - one.sum()
        h[2, 2] = -total * q / v**2 + shape @ one**2
        return float(value), theta * gradient, np.outer(theta, theta) * h + np.diag(theta * gradient)

    return likelihood
