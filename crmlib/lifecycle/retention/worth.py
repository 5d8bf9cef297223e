"""What a second order is worth."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day
from crmlib.engine import to_ibis
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE, begun_since
from crmlib.purchases import purchases

if TYPE_CHECKING:
    import pandas as pd

_YEAR = 365
_WORTH = [
    "second_orders", "value", "low", "high", "with_a_year", "year_followed", "new_customers_a_year", "one_point",
    "one_point_low", "one_point_high",
]  # fmt: skip


def value_of_second_orders(
    orders: Any, *, as_of: Any, within: int = 90, margin: float = 1.0, since: Any = ""
) -> pd.DataFrame:
    """What one more second order brings, and what one percentage point more of them would bring in a year.

    One row, money in the client's currency and as contribution: an order's spend less its ``cost`` where the
    orders have it, else times ``margin`` (0 to 1). ``second_orders`` placed within ``within`` days;
    ``value`` of one of them (all that was spent on that day) with its 95 % interval ``low, high``;
    ``with_a_year``, what these customers brought from that day through the following year, of the
    ``year_followed`` for whom that year is over (NaN for fewer than 30); ``new_customers_a_year``;
    ``one_point, one_point_low, one_point_high``: a hundredth of a year's new customers, times the value.

    ``value`` is what is sure of an additional second order; ``with_a_year`` is an upper bound, because those
    who return unasked are better customers than those who must be asked. Empty with fewer than 30 second
    orders. pandas or Ibis in, a pandas frame out.
    """
    import ibis
    import numpy as np
    import pandas as pd
    from scipy.special import stdtrit

    end = as_day(as_of)
    bought = purchases(to_ibis(orders), as_of=end, keep=("cost",))
    cost = bought.cost.cast("float64")
    bought = bought.mutate(contribution=ibis.ifelse(cost.notnull(), bought.spend - cost, bought.spend * margin))
    daily = bought.group_by("customer_id", "day").agg(contribution=bought.contribution.sum())
    daily = daily.mutate(n=ibis.row_number().over(group_by="customer_id", order_by="day"))
    each = daily.group_by("customer_id").agg(first_day=daily.day.min(), second_day=daily.day.max(where=daily.n == 1))
    each = begun_since(each, since)
    a_year_ago = end - dt.timedelta(days=_YEAR)
    counts = each.agg(new=(each.first_day > ibis.literal(a_year_ago)).sum(), first=each.first_day.min()).to_pandas()
    quick = each.filter(each.second_day.delta(each.first_day, unit="day") <= within)
    joined = daily.join(quick.select("customer_id", "second_day"), "customer_id")
    after = joined.day.delta(joined.second_day, unit="day")
    per_customer = joined.group_by("customer_id", "second_day").agg(
        value=joined.contribution.sum(where=after == 0),
        year=joined.contribution.sum(where=(after >= 0) & (after < _YEAR)),
    )
    whole = per_customer.second_day <= ibis.literal(a_year_ago)
    sums = per_customer.agg(
        n=per_customer.count(),
        mean=per_customer.value.mean(),
        spread=per_customer.value.std(),
        year_n=whole.sum().fill_null(0),
        year_mean=per_customer.year.mean(where=whole),
    ).to_pandas()
    n = int(sums.n[0])
    if n < SMALL_BASE:
        return pd.DataFrame(columns=_WORTH)
    mean, error = float(sums["mean"][0]), float(sums.spread[0]) / np.sqrt(n)
    half = float(stdtrit(n - 1, 0.975)) * error
    observed = (end - pd.Timestamp(counts["first"][0]).date()).days + 1
    new = int(counts.new[0]) * max(1.0, _YEAR / observed)
    year_n = int(sums.year_n[0])
    with_a_year = float(sums.year_mean[0]) if year_n >= SMALL_BASE else np.nan
    low, high, point = mean - half, mean + half, new * 0.01
    row = [n, mean, low, high, with_a_year, year_n, float(new), point * mean, point * low, point * high]
    return pd.DataFrame([row], columns=_WORTH)
