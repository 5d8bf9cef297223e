"""What subscriptions bring every month, what moves it, and how much of a year's start is left."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day, months_before, whole_periods
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.purchases import revenue_of
from crmlib.statistics import wald, wilson
from crmlib.subscriptions import paid_contracts

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("new", "returned", "expansion", "contraction", "churned")


@same_kind
def recurring_movements(subscriptions: Any, *, as_of: Any) -> Any:
    """Monthly recurring revenue (MRR), month by month, and what moved it; money of one month, client's currency.

    One row per whole ``month`` (its first day): ``at_start`` (what ran on the evening before), ``new`` (customers who
    never paid before), ``returned`` (who had paid, and did not at the start), ``expansion``, ``contraction``,
    ``churned`` (the last two below 0), ``at_end``; ``customers_at_start``, ``customers_lost`` (paid at the start, and
    no longer at the end). ``at_end`` is the KPI recurring_revenue of the scorecard: prices of one month of what runs at
    the month's end, where a change of plan is paid once. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b"], "price": [9.0, 120.0], "period": ["month", "year"],
    ...     "started_at": pd.to_datetime(["2025-01-05", "2025-02-01"]),
    ...     "ended_at": pd.to_datetime(["2025-03-10", None])})
    >>> recurring_movements(subscriptions, as_of="2025-03-31")[["at_start", "new", "churned", "at_end"]].values.tolist()
    [[0.0, 9.0, 0.0, 9.0], [9.0, 10.0, 0.0, 19.0], [19.0, 0.0, -9.0, 10.0]]
    """
    import ibis
    import pandas as pd

    end = as_day(as_of)
    paid = _paid(subscriptions, as_of=end)
    first = paid.start.min().execute()
    begin = end if first is None or first != first else as_day(first)
    starts = whole_periods(begin.replace(day=1), end, "month")
    after = [(start.replace(day=28) + dt.timedelta(days=4)).replace(day=1) for start in starts]
    frame = pd.DataFrame({"month": starts, "after": after}).astype("datetime64[us]")
    months = ibis.memtable(frame, schema={"month": "timestamp", "after": "timestamp"})
    months = months.cast({"month": "date", "after": "date"})
    # What each customer pays at the evening before a month, and at its end.
    pairs = months.cross_join(paid)
    at_start = (pairs.start < pairs.month) & (pairs.stop.isnull() | (pairs.stop >= pairs.month))
    at_end = (pairs.start < pairs.after) & (pairs.stop.isnull() | (pairs.stop >= pairs.after))
    before = pairs.start < pairs.month
    each = pairs.group_by("month", "customer_id").agg(
        was=revenue_of(pairs.a_month, where=at_start).fill_null(0.0),
        has=revenue_of(pairs.a_month, where=at_end).fill_null(0.0),
        known=before.any(),
    )  # fmt: skip
    each = each.filter((each.was > 0) | (each.has > 0))
    change = each.has - each.was
    counted = each.group_by("month").agg(
        at_start=each.was.sum(),
        new=each.has.sum(where=(each.was == 0) & ~each.known).fill_null(0.0),
        returned=each.has.sum(where=(each.was == 0) & each.known).fill_null(0.0),
        expansion=change.sum(where=(each.was > 0) & (change > 0)).fill_null(0.0),
        contraction=change.sum(where=(each.has > 0) & (change < 0)).fill_null(0.0),
        churned=change.sum(where=each.has == 0).fill_null(0.0),
        at_end=each.has.sum(),
        customers_at_start=(each.was > 0).sum(),
        customers_lost=((each.was > 0) & (each.has == 0)).sum(),
    )
    joined = months.left_join(counted, "month").drop("month_right", "after")
    money = {name: joined[name].fill_null(0.0).round(6) for name in ("at_start", *PARTS, "at_end")}
    counts = {name: joined[name].fill_null(0).cast("int64") for name in ("customers_at_start", "customers_lost")}
    return joined.select("month", **money, **counts).order_by("month")


def _paid(subscriptions: Any, *, as_of: Any) -> Any:
    return made_once(paid_contracts(to_ibis(subscriptions), as_of=as_of).filter(lambda t: t.a_month > 0))


def revenue_retention(subscriptions: Any, *, as_of: Any, months: int = 12, level: float = 0.95) -> pd.DataFrame:
    """Of what ran ``months`` ago: how many customers left, how much revenue, and what is left with all changes.

    One row: ``since`` (the day), ``customers``, ``lost``, ``logo_churn`` (lost / customers) with its Wilson interval
    ``low, high``; ``at_start`` (MRR then, client's currency), ``churned``, ``contraction``, ``expansion``, ``at_end``
    (MRR today of the same customers); ``gross_retention`` (without expansion) and ``net_retention`` (at_end /
    at_start) with ``net_low, net_high`` (ratio of sums over customers, linearised). Customers who came since are not in
    it. Empty where nothing ran then.
    """
    import ibis
    import numpy as np
    import pandas as pd

    end = as_day(as_of)
    since = months_before(end, months)
    paid = _paid(subscriptions, as_of=end)
    then = (paid.start <= ibis.literal(since)) & (paid.stop.isnull() | (paid.stop > ibis.literal(since)))
    now = paid.stop.isnull() | (paid.stop > ibis.literal(end))
    each = paid.group_by("customer_id").agg(
        was=paid.a_month.sum(where=then).fill_null(0.0), has=paid.a_month.sum(where=now).fill_null(0.0)
    )
    each = each.filter(each.was > 0)
    change = each.has - each.was
    row = to_pandas(
        each.agg(
            customers=each.count(), lost=(each.has == 0).sum(), at_start=each.was.sum(), at_end=each.has.sum(),
            churned=each.was.sum(where=each.has == 0).fill_null(0.0),
            contraction=(each.was - each.has).sum(where=(each.has > 0) & (change < 0)).fill_null(0.0),
            expansion=change.sum(where=change > 0).fill_null(0.0),
            was2=(each.was * each.was).sum(), has2=(each.has * each.has).sum(), both=(each.was * each.has).sum(),
        )
    ).iloc[0]  # fmt: skip
    columns = [
        "since", "customers", "lost", "logo_churn", "low", "high", "at_start", "churned", "contraction", "expansion",
        "at_end", "gross_retention", "net_retention", "net_low", "net_high",
    ]  # fmt: skip
    if not row.customers:
        return pd.DataFrame(columns=columns)
    n, net = int(row.customers), row.at_end / row.at_start
    low, high = wilson(row.lost, row.customers, level=level)
    spread = max(row.has2 - 2 * net * row.both + net**2 * row.was2, 0.0)
    error = float(np.sqrt(spread * n / max(n - 1, 1))) / row.at_start
    net_low, net_high = wald(net, error, level=level)
    gross = 1 - (row.churned + row.contraction) / row.at_start
    return pd.DataFrame(
        [(since, n, int(row.lost), row.lost / n, low, high, row.at_start, row.churned, row.contraction, row.expansion,
          row.at_end, gross, net, max(net_low, 0.0), net_high)], columns=columns
    )  # fmt: skip
