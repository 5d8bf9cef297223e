"""Who was won by which channel, what that cost, and what those who were won have left since."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import (
    Period,
    as_day,
    first_whole_period,
    later,
    months_before,
    period_start,
    unit_of,
    whole_periods,
)
from crmlib.engine import made_once, same_kind, to_ibis
from crmlib.lifecycle.acquisition.leads import SMALL_BASE, UNKNOWN, column
from crmlib.newcomers import WHOLE, Start, without
from crmlib.purchases import contribution, data_begin, purchase_days, purchases, revenue_of
from crmlib.statistics import mean_of_sums, per_count, skewed, wilson

if TYPE_CHECKING:
    import pandas as pd

HORIZONS = (12, 6, 3)
"""Months over which what customers leave may be followed: the longest for which enough of them are known."""
_MONTH_DAYS = 365 / 12
_OF_COSTS = ["channel", "period", "new_customers", "cost", "cac", "low", "high"]
_OF_MIX = ["channel", "period", "new_customers", "share", "low", "high"]
_OF_EARNINGS = [
    "channel", "cohort", "customers", "cost", "cac", "month", "months", "earned", "low", "high", "ratio", "ratio_low",
    "ratio_high", "until",
]  # fmt: skip


@same_kind
def newcomers(orders: Any, customers: Any, *, as_of: Any, earlier: Any = None) -> Any:
    """The first day on which each customer bought, and the channel that won them: ``customer_id, first_day, channel``.

    Customers older than the data (``earlier``, see :mod:`crmlib.newcomers`) were not won in it. A channel that nobody
    has recorded is ``not known``. pandas or Ibis in, same kind out.
    """
    days = purchase_days(orders, as_of=as_of)
    first = without(days.filter(days.nth == 0).select("customer_id", first_day=days.day), earlier)
    known = customers.filter(customers.customer_id.notnull())
    known = known.select(customer_id=known.customer_id.cast("string"), channel=column(known, "channel"))
    known = known.group_by("customer_id").agg(channel=known.channel.max())
    both = first.left_join(known, "customer_id").drop("customer_id_right")
    return made_once(both.mutate(channel=both.channel.fill_null(UNKNOWN)).order_by("customer_id"))


def channel_mix(
    orders: Any, customers: Any, *, as_of: Any, period: Period = "quarter", earlier: Any = None, start: Start = WHOLE
) -> pd.DataFrame:
    """Through which channels new customers came, period by period.

    One row per whole ``period`` (its first day) and ``channel``: ``new_customers`` and their ``share`` with its 95 %
    Wilson interval ``low, high``. Periods in which newcomers cannot be told yet (``start``) are left out. Tables:
    pandas or Ibis.
    """
    import pandas as pd

    counts = _won(orders, customers, as_of=as_of, period=period, earlier=earlier)
    periods = _periods(orders, as_of=as_of, period=period, start=start)
    frame = counts[counts.period.isin(periods)]
    if frame.empty:
        return pd.DataFrame(columns=_OF_MIX)
    index = pd.MultiIndex.from_product([sorted(frame.channel.unique()), periods], names=["channel", "period"])
    full = frame.set_index(["channel", "period"]).new_customers.reindex(index, fill_value=0).reset_index()
    base = full.groupby("period").new_customers.transform("sum")
    base = base.where(base > 0)
    low, high = wilson(full.new_customers, base)
    return full.assign(share=full.new_customers / base, low=low, high=high)


def acquisition_costs(
    orders: Any,
    customers: Any,
    spend: Any,
    *,
    as_of: Any,
    period: Period | None = "month",
    lag: int = 0,
    earlier: Any = None,
    start: Start = WHOLE,
) -> pd.DataFrame:
    """What it cost to win a customer (CAC), by channel and period.

    **The definition.** ``cost``: all that is booked in ``spend`` on the channel in the period that began ``lag``
    periods earlier (months for ``period=None``); what is not booked there, such as salaries and discounts, does not
    count. ``new_customers``: those whose first purchase fell into the period, by the channel that is recorded as having
    won them. ``cac``: cost / new_customers, with the 95 % interval ``low, high`` of a count
    (:func:`crmlib.statistics.per_count`), as on the scorecard.

    One row per ``channel`` and whole ``period`` for which orders and spend are both known; the rows whose channel is
    None are all channels together. ``period=None``: one row per channel for all the months among the last twelve.
    Empty without spend. Tables: pandas or Ibis.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [90.0, 70.0],
    ...                        "ordered_at": pd.to_datetime(["2025-01-02", "2025-01-20"])})
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "channel": "ads"})
    >>> spend = pd.DataFrame({"spent_on": pd.to_datetime(["2025-01-01"]), "channel": ["ads"], "cost": [50.0]})
    >>> acquisition_costs(orders, customers, spend, as_of="2025-01-31")[["channel", "new_customers", "cac"]]
      channel  new_customers   cac
    0     ads              2  25.0
    1    None              2  25.0
    """
    import numpy as np
    import pandas as pd

    step: Period = period or "month"
    known = _periods(orders, as_of=as_of, period=step, start=start)
    costs = _costs(spend, as_of=as_of, period=step)
    booked = [] if costs.empty else [*pd.date_range(costs.period.min(), costs.period.max()).date]
    periods = [day for day in known if later(day, step, -lag) in set(booked)]
    if period is None:
        periods = [day for day in periods if day > months_before(as_of, 12)]
    if not periods:
        return pd.DataFrame(columns=_OF_COSTS)
    won = _won(orders, customers, as_of=as_of, period=step, earlier=earlier)
    won = won[won.period.isin(periods)]
    costs = costs.assign(period=[later(day, step, lag) for day in costs.period])
    costs = costs[costs.period.isin(periods)]
    keys = ["channel"] if period is None else ["channel", "period"]
    parts = [frame.groupby(keys)[name].sum() for frame, name in ((won, "new_customers"), (costs, "cost"))]
    table = pd.concat(parts, axis=1).reset_index()
    own = [name for name in keys if name != "channel"]
    total = [frame.groupby(own)[name].sum() if own else frame[name].sum() for frame, name in
             ((won, "new_customers"), (costs, "cost"))]  # fmt: skip
    if own:
        everybody = pd.concat(total, axis=1).reset_index()
    else:
        everybody = pd.DataFrame({"new_customers": [total[0]], "cost": [total[1]]})
    table = pd.concat([table, everybody.assign(channel=None)], ignore_index=True)
    table = table.assign(period=table.period if "period" in table else periods[0])
    new = table.new_customers.fillna(0).astype(int)
    cost = table.cost.astype(float)
    base = new.where(new > 0).astype(float)
    low, high = per_count(cost, base)
    table = table.assign(new_customers=new, cost=cost, cac=cost / base, low=low, high=high).replace({np.inf: np.nan})
    return table[_OF_COSTS]


def earnings(
    orders: Any,
    customers: Any,
    spend: Any,
    *,
    as_of: Any,
    margin: float = 1.0,
    by_cohort: Period | None = None,
    earlier: Any = None,
    start: Start = WHOLE,
) -> pd.DataFrame:
    """What customers have left, month by month since their first order, against what it cost to win them: counted.

    The customers are those won in whole months that lie so far back that each has been followed for all ``months``
    (the longest of 12, 6 and 3 for which 30 are known), and for which spend is booked. One row per ``channel``
    (and ``cohort``, the first day of the period ``by_cohort`` in which they came) and ``month`` from 0 (the day of the
    first order) to ``months``:

    ``customers``; ``cost`` and ``cac``, what was spent on the channel in the months in which they came, in all and for
    each; ``earned``, the mean contribution of a customer up to that month (its orders' spend less their ``cost``, else
    times ``margin``) with its 95 % interval ``low, high``; ``ratio``, what was earned for each unit of money spent
    (LTV:CAC so far), with ``ratio_low, ratio_high``, to which chance in how many were won counts, too; ``until``, the
    last month (its first day) in which they came. ``cost`` and what follows from it are missing where nothing is
    booked. Empty without customers who were followed for so long.
    """
    import numpy as np
    import pandas as pd

    step: Period = "month"
    costs = _costs(spend, as_of=as_of, period=step)
    each = to_ibis(newcomers(to_ibis(orders), to_ibis(customers), as_of=as_of, earlier=_as_ibis(earlier)))
    for months in HORIZONS:
        end = as_day(as_of) - dt.timedelta(days=round(months * _MONTH_DAYS))
        known = _periods(orders, as_of=end, period=step, start=start)
        if not costs.empty:
            known = [day for day in known if costs.period.min() <= day <= costs.period.max()]
        if not known:
            continue
        sums = _sums_by_month(
            to_ibis(orders), each, as_of=as_of, first=known[0], last=later(known[-1], step) - dt.timedelta(days=1),
            months=months, margin=margin, cohort=by_cohort,
        )  # fmt: skip
        if sums[sums.month == 0].customers.sum() >= SMALL_BASE:
            break
    else:
        return pd.DataFrame(columns=_OF_EARNINGS)
    booked = costs[costs.period.isin(known)]
    booked = booked.assign(cohort=[_cohort(day, by_cohort) for day in booked.period])
    keys = ["channel", "cohort"] if by_cohort else ["channel"]
    found = sums.join(booked.groupby(keys).cost.sum(), on=keys)
    n = found.customers.astype(float)
    low, high = mean_of_sums(found.total, found.squares, n, cubes=found.cubes)
    # Of the sum of a number of customers that chance decides, the variance is the sum of squares (compound Poisson).
    error = np.sqrt(found.squares.where(found.squares > 0))
    sum_low, sum_high = skewed(found.total, error, found.cubes / error**3, np.maximum(n - 1, 1))
    cost = found.cost.where(found.cost > 0)
    return found.assign(
        cac=cost / n, earned=found.total / n, low=low, high=high, months=months, ratio=found.total / cost,
        ratio_low=sum_low / cost, ratio_high=sum_high / cost, until=known[-1], customers=found.customers.astype(int),
    ).sort_values(["channel", "cohort", "month"], ignore_index=True)[_OF_EARNINGS]  # fmt: skip


def payback(earned: pd.DataFrame) -> pd.DataFrame:
    """After how many months a channel's customers have brought back what it cost to win them.

    ``earned``: from :func:`earnings`. One row per channel with a known cost: ``channel, customers, cac, months``;
    ``first_order``, what the first day leaves; ``month`` from which on ``earned`` is at least ``cac`` (missing: not
    within ``months``); ``sure``: ``back`` where even the lower end of the interval reaches the cost at the end,
    ``short`` where not even the upper one does, else ``unsure``; ``earned, low, high`` and ``ratio, ratio_low,
    ratio_high`` at the end; ``left``: earned less the cost; ``until`` as there. Those who leave most stand first.
    """
    import numpy as np
    import pandas as pd

    rows = []
    for channel, part in earned[earned.cac.notna()].groupby("channel", sort=False):
        last, first = part.iloc[-1], part.iloc[0]
        back = part.month[part.earned >= part.cac]
        sure = "back" if last.ratio_low >= 1 else "short" if last.ratio_high < 1 else "unsure"
        kept = {name: last[name] for name in ("customers", "cac", "months", "earned", "low", "high", "until")}
        ratios = {name: last[name] for name in ("ratio", "ratio_low", "ratio_high")}
        month = back.iloc[0] if len(back) else np.nan
        rows.append(
            {"channel": channel, **kept, "first_order": first.earned, "month": month, "sure": sure, **ratios,
             "left": last.earned - last.cac}
        )  # fmt: skip
    columns = ["channel", "customers", "cac", "months", "earned", "low", "high", "until", "first_order", "month",
               "sure", "ratio", "ratio_low", "ratio_high", "left"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("left", ascending=False, ignore_index=True, kind="stable")


def source_quality(
    rates: pd.DataFrame, returns: pd.DataFrame, costs: pd.DataFrame, paid: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How good the customers of each source are, beside how many of its leads are won.

    ``rates``: from :func:`~crmlib.lifecycle.acquisition.conversion` by group (the channel), may be empty;
    ``returns``: the share of each channel's new customers who order again (columns ``group, followed, returned,
    repeat_rate, low, high``); ``costs``: from :func:`acquisition_costs` with ``period=None``; ``paid``: from
    :func:`payback`. One row per channel with 30 customers who were followed: ``channel``; ``leads, conversion``;
    ``customers`` (followed), ``repeat_rate, repeat_low, repeat_high``; ``cac``; ``cost_per_returning``: what a customer
    who comes back has cost, cac / repeat_rate, with ``returning_low, returning_high`` (of the rate); ``earned`` so far
    by those followed for ``months``. The channel whose customers come back most stands first.
    """
    judged = returns[(returns.followed >= SMALL_BASE) & (returns.group != UNKNOWN)]
    table = judged.rename(
        columns={"group": "channel", "followed": "customers", "low": "repeat_low", "high": "repeat_high"}
    )[["channel", "customers", "repeat_rate", "repeat_low", "repeat_high"]]
    leads = rates.rename(columns={"group": "channel"})[["channel", "leads", "conversion"]]
    table = table.merge(leads.astype({"channel": object}), on="channel", how="left")
    table = table.merge(costs[costs.channel.notna()][["channel", "cac"]], on="channel", how="left")
    if paid is None or paid.empty:
        table = table.assign(earned=float("nan"))
    else:
        table = table.merge(paid[["channel", "earned"]], on="channel", how="left")
    shares = {end: table[name].where(table[name] > 0) for end, name in
              (("", "repeat_rate"), ("high", "repeat_low"), ("low", "repeat_high"))}  # fmt: skip
    table = table.assign(
        cost_per_returning=table.cac / shares[""],
        returning_low=table.cac / shares["low"],
        returning_high=table.cac / shares["high"],
    )
    return table.sort_values("repeat_rate", ascending=False, ignore_index=True, kind="stable")


# Parts


def _as_ibis(table: Any) -> Any:
    return None if table is None else to_ibis(table)


def _periods(orders: Any, *, as_of: Any, period: Period, start: Start) -> list[dt.date]:
    """The whole periods in which newcomers can be told: since orders are known, and old customers are not new ones."""
    begin = data_begin(orders, as_of=as_of)
    if begin is None or (start.settled is None and start is not WHOLE):
        return []
    first = first_whole_period(begin, period)
    settled = start.settled or first
    return [day for day in whole_periods(first, as_day(as_of), period) if later(day, period) > settled and
            day >= first_whole_period(settled, period)]  # fmt: skip


def _won(orders: Any, customers: Any, *, as_of: Any, period: Period, earlier: Any) -> pd.DataFrame:
    """``channel, period, new_customers``."""
    each = newcomers(to_ibis(orders), to_ibis(customers), as_of=as_of, earlier=_as_ibis(earlier))
    start = each.first_day.truncate(unit_of(period)).cast("date")
    counted = each.group_by("channel", period=start).agg(new_customers=each.count()).order_by("channel", "period")
    frame = counted.to_pandas()
    return frame.assign(period=[as_day(day) for day in frame.period])


def _costs(spend: Any, *, as_of: Any, period: Period) -> pd.DataFrame:
    """``channel, period, cost``."""
    import ibis

    table = to_ibis(spend)
    known = table.filter(table.spent_on.notnull() & table.cost.notnull())
    known = known.filter(known.spent_on.cast("date") <= ibis.literal(as_day(as_of)))
    channel = column(known, "channel").fill_null(UNKNOWN)
    at = known.spent_on.cast("date").truncate(unit_of(period)).cast("date")
    frame = known.group_by(channel=channel, period=at).agg(cost=known.cost.sum()).order_by("channel", "period")
    frame = frame.to_pandas()
    return frame.assign(period=[as_day(day) for day in frame.period], cost=frame.cost.astype(float))


def _cohort(day: Any, period: Period | None) -> Any:
    return None if period is None else period_start(day, period)


def _sums_by_month(
    orders: Any, each: Any, *, as_of: Any, first: dt.date, last: dt.date, months: int, margin: float, cohort: Any
) -> pd.DataFrame:
    """Sums, squares and cubes over customers of what each has left by each month: a few rows per channel."""
    import ibis
    import pandas as pd

    some = each.filter((each.first_day >= ibis.literal(first)) & (each.first_day <= ibis.literal(last)))
    bought = purchases(orders, as_of=as_of, keep=("cost",))
    bought = bought.mutate(left=contribution(bought, margin=margin))
    days = bought.group_by("customer_id", "day").agg(left=revenue_of(bought.left))
    both = days.join(some, "customer_id")
    wait = both.day.delta(both.first_day, unit="day")
    upto = [round(month * _MONTH_DAYS) for month in range(months + 1)]
    at = both.first_day.truncate(unit_of(cohort)).cast("date") if cohort else ibis.null("date")
    both = both.mutate(cohort=at)
    sums = {f"m{month}": revenue_of(both.left, where=wait <= day).fill_null(0.0) for month, day in enumerate(upto)}
    wide = both.group_by("channel", "cohort", "customer_id").agg(**sums)
    parts: dict[str, Any] = {}
    for name in sums:
        one = wide[name]
        powers = {f"{name}_1": one, f"{name}_2": one * one, f"{name}_3": one * one * one}
        parts |= {power: revenue_of(value) for power, value in powers.items()}
    frame = wide.group_by("channel", "cohort").agg(customers=wide.count(), **parts)
    frame = frame.order_by("channel", "cohort").to_pandas()
    cohorts = [None if pd.isna(day) else as_day(day) for day in frame.cohort]
    frame = frame.assign(cohort=pd.Series(cohorts, index=frame.index, dtype=object))
    longer = [
        frame[["channel", "cohort", "customers"]].assign(
            month=month, total=frame[f"m{month}_1"], squares=frame[f"m{month}_2"], cubes=frame[f"m{month}_3"]
        )
        for month in range(months + 1)
    ]
    return pd.concat(longer, ignore_index=True)
