"""Seasons: time that runs faster where the year is strong, so that a forecast does not take its last months for all.

The models know no season. After a strong time they take the customers' rates for higher than they are, and after a weak
one a season's silence for leaving. Counted in *opportunity time*, which runs with the season's pace, orders come evenly
again, and a year of it is a year.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from crmlib.calendar import as_day, first_whole_period, later, whole_periods
from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.fitting import fit_models
from crmlib.lifecycle.clv.holdout import expected_of, expected_repeats, orders_by_day
from crmlib.lifecycle.clv.opportunity_time import FEWEST_MONTHS, MONTH_DAYS, MONTHS, Season
from crmlib.lifecycle.clv.preparation import summary
from crmlib.models.arrays import Numbers

# From two whole years on each month has a pace of its own; before, the year has the two slowest waves.
_WAVES = {False: 2, True: 6}
# With fewer repeat orders a season cannot be told.
_FEWEST_ORDERS = 100
# One of a hundred bases without a season is said to have one.
_CHANCE = 0.01
# A season that moves the coming year by less than this share is left alone.
LEAST_EFFECT = 0.02


def find_season(orders: Any, *, as_of: Any) -> Season | None:
    """The season of a customer base, if it surely has one that matters; None without.

    ``orders``: the contract's (pandas or Ibis). The repeat orders of each whole month are set against those that a
    model without seasons (BG/NBD) expects of its customers, and a quasi-Poisson regression with a trend asks whether
    the months of the year differ: by an F test, whose scatter comes from the same months of different years. The season
    must be one that chance makes in one of a hundred bases, and move the orders of the coming year by 2 % or more:
    otherwise calendar time is kept. Paces are drawn towards 1 by what chance makes of them (1 − 1 / F).

    None, too, with fewer than 18 whole months: growth and season cannot be told apart then; and without an ``as_of``,
    as where no time is held out.

    Sources: McCullagh & Nelder (1989), "Generalized linear models", chapter 6; Fader & Hardie (2001), "Forecasting
    repeat sales at CDNOW", Interfaces 31; James & Stein (1961).

    >>> one = pd.DataFrame({"customer_id": ["a"], "amount": 9.0, "ordered_at": pd.to_datetime(["2025-01-01"])})
    >>> find_season(one, as_of="2025-12-31") is None
    True
    """
    if as_of is None:
        return None
    end = as_day(as_of)
    daily = orders_by_day(orders, as_of=end)
    if daily.empty or daily["repeat"].sum() < _FEWEST_ORDERS:
        return None
    months = whole_periods(first_whole_period(as_day(daily["day"].iloc[0]), "month"), end, "month")
    if len(months) < FEWEST_MONTHS:
        return None
    even = to_pandas(summary(orders, as_of=end))
    model = fit_models(even).orders_model
    if model is None:
        return None
    edges = pd.to_datetime([start - dt.timedelta(days=1) for start in [*months, later(months[-1], "month")]])
    expected = np.diff(expected_repeats(model, daily, edges))
    until = np.searchsorted(pd.to_datetime(daily["day"]).to_numpy(), edges.to_numpy(), side="right")
    came = np.diff(np.append(0.0, np.cumsum(daily["repeat"]))[until])
    pace = _pace(came, expected, np.array([start.month for start in months]))
    if pace is None:
        return None
    found = Season(pace, end, 0.0)
    own = to_pandas(summary(orders, as_of=end, season=found))
    of_season = fit_models(own).orders_model
    if of_season is None:
        return None
    in_calendar, in_season = (_coming(frame, of) for frame, of in ((even, model), (own, of_season)))
    effect = in_calendar / in_season - 1
    return Season(pace, end, effect) if abs(effect) >= LEAST_EFFECT else None


def _pace(came: Numbers, expected: Numbers, month: Numbers) -> tuple[float, ...] | None:
    """The pace of the twelve months, if they surely differ."""
    from scipy.special import fdtrc
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    known = expected > 0
    came, expected, month = came[known], expected[known], month[known]
    waves = _WAVES[len(came) >= 2 * MONTHS]
    angle = 2 * np.pi * np.arange(MONTHS) / MONTHS
    # The sine of the fastest wave is 0 in every month.
    basis = np.column_stack([wave(k * angle) for k in range(1, waves + 1) for wave in (np.cos, np.sin)])[
        :, : MONTHS - 1
    ]
    trend = np.column_stack([np.ones(len(came)), np.linspace(-1, 1, len(came))])
    free = len(came) - trend.shape[1] - basis.shape[1]
    if free < 1:
        return None

    def fit(columns: Numbers) -> Any:
        return GLM(came, columns, family=Poisson(), offset=np.log(expected)).fit()

    none, some = fit(trend), fit(np.hstack([trend, basis[month - 1]]))
    scatter = max(float(some.pearson_chi2) / free, 1.0)
    f = float(none.deviance - some.deviance) / basis.shape[1] / scatter
    if not (f > 1 and fdtrc(basis.shape[1], free, f) <= _CHANCE):
        return None
    pace = np.exp(basis @ some.params[trend.shape[1] :] * (1 - 1 / f))
    return tuple((pace * MONTH_DAYS.sum() / (pace @ MONTH_DAYS)).tolist())


def _coming(frame: pd.DataFrame, model: Any) -> float:
    """Expected orders of all customers in a year of even pace."""
    return float(expected_of(frame.assign(year=MONTH_DAYS.sum() / 7), model, length="year").sum())
