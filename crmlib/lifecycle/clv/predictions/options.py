"""The options that predictions share, checked in one place, in words."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from crmlib.models.customer_base import CustomerBase
from crmlib.models.errors import MeanSpendUndefined
from crmlib.models.gamma_gamma import GammaGamma
from crmlib.models.orders_model import OrdersModel


def check_interval(confidence: Any, draws: Any, seed: Any) -> None:
    """Raise ``ValueError`` unless an interval can be drawn so: a probability, 2 draws or more, a whole seed."""
    if not (_number(confidence) and 0 < confidence < 1):
        raise ValueError(f"confidence is a probability such as 0.95, between 0 and 1, not {confidence!r}")
    check_draws(draws, seed)


def check_draws(draws: Any, seed: Any) -> None:
    """Raise ``ValueError`` unless ``draws`` is a whole number from 2 on, and ``seed`` one from 0 on."""
    if not (_whole(draws) and draws >= 2):
        raise ValueError(f"draws must be 2 or more, a whole number, not {draws!r}; 200 tell a 95% interval")
    if not (_whole(seed) and seed >= 0):
        raise ValueError(f"seed is a whole number from 0 on, not {seed!r}; the same seed tells the same intervals")


def check_money(margin: Any, discount_rate: Any) -> None:
    """Raise ``ValueError`` unless ``margin`` is a share and ``discount_rate`` a finite yearly rate above −1."""
    if not (_number(discount_rate) and math.isfinite(discount_rate) and discount_rate > -1):
        raise ValueError(f"discount_rate is a yearly rate such as 0.10, a number above -1, not {discount_rate!r}")
    if not (_number(margin) and 0 <= margin <= 1):
        raise ValueError(f"margin is a share of spend between 0 and 1, a number such as 0.5, not {margin!r}")


def check_models(orders_model: Any, spend_model: Any) -> None:
    """Raise ``TypeError`` unless the models are one of orders in continuous time, and one of spend."""
    if not isinstance(orders_model, OrdersModel):
        group = "; at(customer) of yours gives that of one group of customers" if hasattr(orders_model, "at") else ""
        raise TypeError(
            "orders_model must be a model of orders in continuous time (BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD), "
            f"not {_kind(orders_model)}{group}"
        )
    if not isinstance(spend_model, GammaGamma):
        raise TypeError(f"spend_model must be a GammaGamma, not {_kind(spend_model)}")


def check_mean_spend(base: CustomerBase, model: GammaGamma) -> None:
    """Raise ``MeanSpendUndefined``, with how many customers, where the model knows neither a mean nor an observed one.

    A fitted model has the observed mean.
    """
    undefined = model.p * base.x + (model.q - 1) <= 0
    if model.observed_mean is None and undefined.any():
        raise MeanSpendUndefined(
            f"{int(base.customers[undefined].sum())} of {int(base.customers.sum())} customers have no finite expected "
            f"spend (p·x + q ≤ 1, with p {model.p:.3g}, q {model.q:.3g}): spends are too unequal for this model. Look "
            "for a few huge orders, or give a model from GammaGamma.fit, which takes the observed mean for them"
        )


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def _kind(value: Any) -> str:
    return value.__name__ + " itself (fit it first)" if isinstance(value, type) else f"a {type(value).__name__}"
