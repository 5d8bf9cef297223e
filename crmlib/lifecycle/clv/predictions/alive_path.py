"""One customer over time: how the belief that they are still there falls in silence and rises with an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlib.calendar import as_day
from crmlib.lifecycle.clv.preparation import Day
from crmlib.models.orders_model import OrdersModel
from crmlib.models.time_units import days_per_unit


def alive_path(model: OrdersModel, order_days: Sequence[Any], *, as_of: Day) -> pd.DataFrame:
    """How sure the model was, day by day, that this customer was still one: it falls in silence, and orders lift it.

    ``order_days``: the days of the customer's orders (dates or ISO strings), in any order, equal ones counted once,
    those after ``as_of`` not at all. One row per day from the first order to ``as_of``: ``day``; ``ordered``;
    ``frequency``, repeat orders until then; ``silence_days`` since the last one; ``p_alive`` after that day.
    Raises ``ValueError`` if there is no order until ``as_of``.

    >>> from crmlib.models import BetaGeoNBD
    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> path = alive_path(model, ["2025-01-01", "2025-02-01"], as_of="2025-12-31")
    >>> path["p_alive"].iloc[[0, 30, 31, -1]].round(3).tolist()
    [1.0, 1.0, 0.754, 0.234]
    """
    end = as_day(as_of)
    days = sorted({as_day(day) for day in order_days})
    days = [day for day in days if day <= end]
    if not days:
        raise ValueError(f"this customer has no order until {end}")
    offsets = np.array([(day - days[0]).days for day in days])
    at = np.arange((end - days[0]).days + 1)
    x = np.searchsorted(offsets, at, side="right") - 1
    last = offsets[x]
    unit = days_per_unit(model.unit)
    return pd.DataFrame(
        {
            "day": pd.Timestamp(days[0]) + pd.to_timedelta(at, unit="D"),
            "ordered": np.isin(at, offsets),
            "frequency": x,
            "silence_days": at - last,
            "p_alive": model.p_alive(x.astype(float), last / unit, at / unit),
        }
    )
