"""How far ahead to look (days, weeks, calendar months or years, a date), and what later money is worth today."""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from crmlib.calendar import as_day
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import CustomerBase
from crmlib.models.errors import MeanSpendUndefined
from crmlib.models.gamma_gamma import GammaGamma
from crmlib.models.orders_model import OrdersModel
from crmlib.models.time_units import days_per_unit

if TYPE_CHECKING:
    from crmlib.lifecycle.clv.group_models import GroupModels
    from crmlib.lifecycle.clv.opportunity_time import Season

Horizon = str | dt.date

DAYS_PER_YEAR = 365


class Valuation(TypedDict, total=False):
    """How value is told, by all that tell it: the two models, the day of the summary, and what money counts for.

    ``group_models``: of :class:`~crmlib.lifecycle.clv.FittedModels`, who is valued by models of their own; ``season``:
    in whose time the summary counts.
    """

    orders_model: OrdersModel | None
    spend_model: GammaGamma | None
    group_models: GroupModels | None
    season: Season | None
    as_of: Horizon | None
    margin: float
    discount_rate: float


class HorizonInvalid(ValueError):
    """The time to look ahead is not understood, does not lie ahead, or needs a day from which it counts."""


def horizon_days(horizon: Horizon, as_of: Horizon | None = None) -> int:
    """How many days a horizon has.

    ``horizon``: ``"365D"`` days, ``"52W"`` weeks of 7 days, ``"12M"`` calendar months, ``"2Y"`` calendar years, or a
    date (its own day included). Months have 28 to 31 days, so months, years and dates need ``as_of``, the last day
    that the summary knows. A month after the 31st ends with the month. Raises ``HorizonInvalid``.

    >>> horizon_days("52W"), horizon_days("1M", "2025-01-31"), horizon_days("2Y", "2023-12-31")
    (364, 28, 731)
    >>> horizon_days("2025-03-31", as_of="2025-01-31")
    59
    """
    found = re.fullmatch(r"(\d{1,6})([DWMY])", horizon) if isinstance(horizon, str) else None
    count, kind = (int(found[1]), found[2]) if found else (0, "date")
    end = None if found else _date(horizon)
    if kind in ("D", "W"):
        days = count * (7 if kind == "W" else 1)
    elif as_of is None:
        raise HorizonInvalid(
            f"horizon {horizon!r} has no fixed number of days; say as_of, the day as of which the summary was made, or "
            'give days or weeks, such as "365D"'
        )
    else:
        start = as_day(as_of)
        days = ((end or _months_later(start, count * (12 if kind == "Y" else 1), horizon)) - start).days
    if days <= 0:
        raise HorizonInvalid(f"horizon {horizon!r} ends before it begins; give a day after as_of, or at least 1 day")
    return days


def _date(horizon: Any) -> dt.date:
    try:
        return as_day(dt.date.fromisoformat(horizon) if isinstance(horizon, str) else horizon)
    except ValueError:
        raise HorizonInvalid(
            f'horizon {horizon!r} is not understood; use "365D" (days), "52W" (weeks), "12M" (calendar months), "2Y" '
            '(calendar years) or a date such as "2026-12-31"'
        ) from None


def _months_later(day: dt.date, months: int, horizon: Any) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > dt.MAXYEAR:
        raise HorizonInvalid(f"horizon {horizon!r} ends after the year {dt.MAXYEAR}; give a shorter one")
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def discount_factors(days: float, discount_rate: float) -> tuple[Numbers, Numbers]:
    """The ends of the steps of a horizon (days) and the factor by which each step is discounted from its middle.

    Steps are twelfths of a year of 365 days; the last one may be shorter.

    >>> ends, factors = discount_factors(365, 0.21)
    >>> len(ends), ends[-1].item(), factors[[0, -1]].round(4).tolist()
    (12, 365.0, [0.9921, 0.833])
    """
    steps = max(int(np.ceil(days / DAYS_PER_YEAR * 12 - 1e-9)), 1)
    ends = np.minimum(np.arange(1, steps + 1) * DAYS_PER_YEAR / 12, days)
    middles = (np.append(0.0, ends[:-1]) + ends) / 2
    return ends, (1 + discount_rate) ** (-middles / DAYS_PER_YEAR)


def discount_per_unit(discount_rate: float, unit: str) -> float:
    """The continuously compounded rate per time unit of a yearly rate.

    >>> round(discount_per_unit(0.15, "weeks"), 5)
    0.00268
    """
    return float(np.log1p(discount_rate)) * days_per_unit(unit) / DAYS_PER_YEAR


def check_interval(confidence: Any, draws: Any, seed: Any) -> None:
    """Raise ``ValueError`` unless an interval can be drawn so: a probability, 2 draws or more, a whole seed."""
    check_confidence(confidence)
    check_draws(draws, seed)


def check_confidence(confidence: Any) -> None:
    """Raise ``ValueError`` unless it is a probability between 0 and 1, both excluded."""
    if not (_number(confidence) and 0 < confidence < 1):
        raise ValueError(f"confidence is a probability such as 0.95, between 0 and 1, not {confidence!r}")


def check_draws(draws: Any, seed: Any) -> None:
    """Raise ``ValueError`` unless ``draws`` is a whole number from 2 on, and ``seed`` one from 0 on."""
    if not _whole(draws, least=2):
        raise ValueError(f"draws must be 2 or more, a whole number, not {draws!r}; 200 tell a 95% interval")
    if not _whole(seed, least=0):
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


def check_whole(name: str, value: Any, *, least: int) -> None:
    """Raise ``ValueError`` unless it is a whole number from ``least`` on.

    >>> check_whole("groups", 0, least=1)
    Traceback (most recent call last):
    ValueError: groups must be a whole number, 1 or more, not 0
    """
    if not _whole(value, least=least):
        raise ValueError(f"{name} must be a whole number, {least} or more, not {value!r}")


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _whole(value: Any, *, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_) and int(value) >= least


def _kind(value: Any) -> str:
    return value.__name__ + " itself (fit it first)" if isinstance(value, type) else f"a {type(value).__name__}"
