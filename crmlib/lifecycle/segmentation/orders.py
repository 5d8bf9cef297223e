"""What the orders say without a customer behind them: who leaves no name, and in which months people buy."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import as_day, first_whole_period, months_before, whole_periods
from crmlib.engine import same_kind, to_pandas
from crmlib.purchases import data_begin, purchases, revenue_of
from crmlib.statistics import mean_of_sums


def orders_by_name(orders: Any, *, as_of: Any) -> Any:
    """The purchases of the last twelve months with and without a customer: a frame, one row each.

    Columns: ``buyer`` (``named``, ``guests``), ``orders``, ``order_share``, ``revenue_year``, ``revenue_share``
    (client's currency, shares of all), ``order_value`` and its 95% interval ``order_value_low, order_value_high``.
    Empty without a purchase. ``orders``: pandas or Ibis.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", None, None], "amount": [10.0, 6.0, 4.0],
    ...     "ordered_at": pd.to_datetime(["2025-11-30", "2025-12-01", "2025-12-02"])})
    >>> orders_by_name(orders, as_of="2025-12-31")[["buyer", "orders", "revenue_share", "order_value"]]
        buyer  orders  revenue_share  order_value
    0   named       1            0.5         10.0
    1  guests       2            0.5          5.0
    """
    import pandas as pd

    sums = to_pandas(_sums(orders, as_of=as_of))
    columns = ["buyer", "orders", "order_share", "revenue_year", "revenue_share"]
    columns += ["order_value", "order_value_low", "order_value_high"]
    if not sums.orders.sum():
        return pd.DataFrame(columns=columns)
    sums = sums.set_index("is_guest").reindex([False, True]).fillna(0.0).reset_index()
    low, high = mean_of_sums(sums.revenue, sums.squares, sums.orders, cubes=sums.cubes)
    return pd.DataFrame(
        {
            "buyer": ["named", "guests"],
            "orders": sums.orders.astype("int64"),
            "order_share": sums.orders / sums.orders.sum(),
            "revenue_year": sums.revenue,
            "revenue_share": sums.revenue / (sums.revenue.sum() or float("nan")),
            "order_value": sums.revenue / sums.orders.where(sums.orders > 0),
            "order_value_low": low,
            "order_value_high": high,
        }
    )


@same_kind
def _sums(orders: Any, *, as_of: Any) -> Any:
    import ibis

    end = as_day(as_of)
    bought = purchases(orders, as_of=end, guests=True)
    lately = bought.filter(bought.day > ibis.literal(months_before(end, 12)))
    return lately.group_by(is_guest=lately.customer_id.isnull()).agg(
        orders=lately.count(),
        revenue=revenue_of(lately.spend),
        squares=(lately.spend * lately.spend).sum(),
        cubes=(lately.spend * lately.spend * lately.spend).sum(),
    )


def seasons(orders: Any, *, as_of: Any) -> Any:
    """How much of a year's revenue falls into each of its months: a frame, one row per month of the year.

    Columns: ``month`` (1 to 12), ``years`` (how many of it were seen whole), ``revenue`` (their mean, client's
    currency) and ``share`` of the twelve together. Each month counts as often as it was seen, so that a year and a half
    does not make its half look strong. Guests are included. Empty unless each month was seen whole at least once.
    ``orders``: pandas or Ibis.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": None, "amount": [3.0] + 11 * [1.0],
    ...     "ordered_at": pd.date_range("2025-01-01", periods=12, freq="MS")})
    >>> seasons(orders, as_of="2025-12-31").head(2).round(3)
       month  years  revenue  share
    0      1      1      3.0  0.214
    1      2      1      1.0  0.071
    """
    import pandas as pd

    by_month, begin = to_pandas(_by_month(orders, as_of=as_of)), data_begin(orders, as_of=as_of)
    table = pd.DataFrame(columns=["month", "years", "revenue", "share"])
    if begin is None:
        return table
    first = first_whole_period(begin, "month")
    index = pd.to_datetime(whole_periods(first, as_day(as_of), "month"))
    revenue = by_month.set_index(pd.to_datetime(by_month["at"])).revenue.reindex(index).fillna(0.0)
    each = revenue.groupby(revenue.index.month).agg(["count", "mean"])
    if len(each) < 12 or not each["mean"].sum():
        return table
    shares = each["mean"] / each["mean"].sum()
    return pd.DataFrame(
        {"month": each.index, "years": each["count"].to_numpy(), "revenue": each["mean"].to_numpy(), "share": shares}
    ).reset_index(drop=True)


@same_kind
def _by_month(orders: Any, *, as_of: Any) -> Any:
    bought = purchases(orders, as_of=as_day(as_of), guests=True)
    return bought.group_by(at=bought.day.truncate("M")).agg(revenue=revenue_of(bought.spend))
