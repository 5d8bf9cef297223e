"""The second order: who places one, when, how sure that is when many are still being waited for, and its worth."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from crmlib.calendar import Period, as_day, unit_of
from crmlib.engine import made_once, quantile, same_kind, to_ibis
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.newcomers import without
from crmlib.purchases import contribution, data_begin, purchase_days, purchases
from crmlib.statistics import mean_of_sums, wilson

if TYPE_CHECKING:
    import pandas as pd

Grouping = Literal["channel", "amount"]
UNKNOWN_CHANNEL = "not known"
_YEAR = 365
_WORTH = [
    "second_orders", "value", "low", "high", "with_a_year", "year_followed", "new_customers_a_year", "one_point",
    "one_point_low", "one_point_high",
]  # fmt: skip


@same_kind
def second_orders(
    orders: Any,
    customers: Any = None,
    *,
    as_of: Any,
    by: Grouping | None = None,
    period: Period = "month",
    earlier: Any = None,
) -> Any:
    """When each customer ordered first and again, one row per customer, sorted.

    Columns: ``customer_id``; ``cohort`` (first day of the ``period`` of the first order); ``first_day`` and
    ``first_spend`` (all that was spent on it); ``second_day`` and ``second_spend`` (empty: not yet);
    ``returned`` (whether there is a second day); ``days`` from the first day to the second, or to ``as_of``
    for those who have not returned, of whom we know only that it takes longer; ``followed_days`` from the
    first day to ``as_of``; ``group``. Orders of one day are one.

    ``by`` says what the groups are: ``channel``, from the table ``customers``, or ``amount``, thirds by the spend of
    the first day (``≤15``, ``15–32``, ``>32``); without it the channel where one is known, else the amount. ``earlier``
    leaves out customers who are older than the data (see ``cohorts``). pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-01-20"])})
    >>> second_orders(orders, as_of="2025-03-31")[["customer_id", "returned", "days", "followed_days"]]
      customer_id  returned  days  followed_days
    0           a      True    51             80
    1           b     False    70             70
    """
    import ibis

    end = as_day(as_of)
    days = purchase_days(orders, as_of=end)
    each = (
        days.filter(days.nth < 2)
        .group_by("customer_id")
        .agg(
            first_day=lambda t: t.day.min(),
            first_spend=lambda t: t.spend.sum(where=t.nth == 0),
            second_day=lambda t: t.day.max(where=t.nth == 1),
            second_spend=lambda t: t.spend.sum(where=t.nth == 1),
        )
    )
    each = _grouped(without(each, earlier), customers, by)
    followed = ibis.literal(end).delta(each.first_day, unit="day")
    returned = each.second_day.notnull()
    waited = ibis.ifelse(returned, each.second_day.delta(each.first_day, unit="day"), followed)
    return made_once(each.select(
        "customer_id", each.first_day.truncate(unit_of(period)).cast("date").name("cohort"), "first_day", "first_spend",
        "second_day", "second_spend", returned.name("returned"), waited.cast("int64").name("days"),
        followed.cast("int64").name("followed_days"), "group",
    ).order_by("customer_id"))  # fmt: skip


def grouping(customers: Any = None) -> Grouping:
    """By what customers are told apart where nobody says: the channel where the table knows any, else the amount.

    >>> import pandas as pd
    >>> grouping(), grouping(pd.DataFrame({"customer_id": ["a"], "channel": ["event"]}))
    ('amount', 'channel')
    """
    if customers is None or "channel" not in customers.columns:
        return "amount"
    return "channel" if to_ibis(customers).channel.count().execute() else "amount"


def _grouped(each: Any, customers: Any, by: Grouping | None) -> Any:
    import ibis

    by = by or grouping(customers)
    if by == "channel":
        if customers is None or "channel" not in customers.columns:
            raise ValueError("by='channel' needs the table customers with its column channel")
        known = customers.group_by(customer_id=customers.customer_id.cast("string")).agg(
            group=customers.channel.cast("string").max()
        )
        joined = each.left_join(known, "customer_id").drop("customer_id_right")
        return joined.mutate(group=joined.group.fill_null(UNKNOWN_CHANNEL))
    if by != "amount":
        raise ValueError(f"by={by!r} is not known; use channel or amount")
    bounds = each.agg(low=quantile(each.first_spend, 1 / 3), high=quantile(each.first_spend, 2 / 3)).to_pandas()
    if bounds.isna().to_numpy().any():
        return each.mutate(group=ibis.null("string"))
    # Bounds that one can say: two digits.
    low, high = (float(f"{bound:.2g}") for bound in bounds.iloc[0])
    return each.mutate(
        group=ibis.cases(
            (each.first_spend <= low, f"≤{low:g}"), (each.first_spend <= high, f"{low:g}–{high:g}"), else_=f">{high:g}"
        )
    )


def repeat_rate(second_orders: Any, *, within: int = 90, by: Literal["group", "cohort"] | None = None) -> pd.DataFrame:
    """What share of new customers order again ``within`` so many days: one row, or one per group or cohort.

    ``second_orders``: a table from :func:`second_orders` (pandas or Ibis). Columns: ``by``,
    ``new_customers``, ``followed`` (of these, known for at least ``within`` days: only they can be judged),
    ``returned`` (of the followed, ordered again in time), ``repeat_rate`` (returned / followed) and its 95 %
    Wilson interval ``low, high``; empty where nobody has been followed long enough. Answers a pandas frame.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"returned": [True, True, False, False], "days": [20, 95, 300, 10],
    ...     "followed_days": [200, 200, 300, 10]})
    >>> repeat_rate(table, within=90).round(3)
       new_customers  followed  returned  repeat_rate    low   high
    0              4         3         1        0.333  0.061  0.792
    """
    import ibis

    table = to_ibis(second_orders)
    followed = table.followed_days >= within
    in_time = followed & table.returned & (table.days <= within)
    sums = {
        "new_customers": table.count(),
        "followed": followed.sum().fill_null(0),
        "returned": in_time.sum().fill_null(0),
    }
    counted = table.group_by(by).agg(**sums).order_by(ibis.asc(by)) if by else table.agg(**sums)
    frame = counted.to_pandas().astype(dict.fromkeys(sums, "int64"))
    base = frame.followed.where(frame.followed > 0)
    low, high = wilson(frame.returned, base)
    return frame.assign(repeat_rate=frame.returned / base, low=low, high=high)


def time_to_return(second_orders: Any) -> pd.DataFrame:
    """Of those who order again within a ``horizon``, by which day a quarter, half and 80 % have done so.

    The horizon is the longest of 365, 180 and 90 days that at least 30 customers are known to have returned in.

    Only customers who were followed for the whole horizon count, so that the quick ones are not
    over-represented. One row per ``share_returned`` (0.25, 0.5, 0.8): ``day`` and its 95 % interval ``low,
    high`` from the order statistics (no assumption on the shape); ``returners`` they rest on; ``horizon``.
    No rows where nobody qualifies.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"days": range(1, 101), "followed_days": 400, "returned": True})
    >>> time_to_return(table)
       share_returned  day  low  high  returners  horizon
    0            0.25   25   17    35        100      365
    1            0.50   50   40    61        100      365
    2            0.80   80   72    89        100      365
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import binom

    table = to_ibis(second_orders)
    for horizon in (365, 180, 90):
        quick = table.filter((table.followed_days >= horizon) & table.returned & (table.days <= horizon))
        counted = quick.group_by("days").agg(customers=quick.count()).order_by("days").to_pandas()
        n = int(counted.customers.sum())
        if n >= SMALL_BASE:
            break
    if n == 0:
        return pd.DataFrame(columns=["share_returned", "day", "low", "high", "returners", "horizon"])
    shares = np.array([0.25, 0.5, 0.8])
    waits = np.repeat(counted.days.to_numpy(), counted.customers.to_numpy(dtype=int))
    places = [np.ceil(n * shares), binom.ppf(0.025, n, shares), binom.ppf(0.975, n, shares) + 1]
    day, low, high = (waits[np.clip(place.astype(int), 1, n) - 1].astype(int) for place in places)
    return pd.DataFrame(
        {"share_returned": shares, "day": day, "low": low, "high": high, "returners": n, "horizon": horizon}
    )


@same_kind
def early_orders(orders: Any, *, as_of: Any, within: int = 90, then: int = 180, earlier: Any = None) -> Any:
    """What the first days say of the next: customers by the orders of their first ``within`` days.

    Columns: ``early_orders`` ("1", "2", "3", "4+"; orders of one day are one), ``customers`` (who can be
    followed for all of ``within + then`` days), ``still_buying`` (of these, bought again in the ``then``
    days after), ``share_buying`` with its 95 % Wilson interval ``share_low, share_high``, ``later_revenue`` (mean spend
    per customer in those days, client's currency). Shows what goes together; it does not show that a second
    order *makes* customers stay. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "amount": [10.0, 5.0, 7.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-05-01", "2025-01-20"])})
    >>> early_orders(orders, as_of="2025-12-31")[["early_orders", "customers", "still_buying", "later_revenue"]]
      early_orders  customers  still_buying  later_revenue
    0            1          1             0            0.0
    1            2          1             1            7.0
    """
    import ibis

    end = as_day(as_of)
    daily = purchase_days(orders, as_of=end)
    last_start = ibis.literal(end - dt.timedelta(days=within + then))
    daily = without(daily.filter(daily.first_day <= last_start), earlier)
    wait = daily.day.delta(daily.first_day, unit="day")
    early, later = wait <= within, (wait > within) & (wait <= within + then)
    each = daily.group_by("customer_id").agg(
        early=daily.count(where=early), later=daily.count(where=later), spend=daily.spend.sum(where=later)
    )
    each = each.mutate(early_orders=ibis.ifelse(each.early >= 4, "4+", each.early.cast("string")))
    counted = each.group_by("early_orders").agg(
        customers=each.count(), still_buying=(each.later > 0).sum(), revenue=each.spend.fill_null(0.0).sum()
    )
    low, high = wilson(counted.still_buying, counted.customers)
    return counted.select(
        "early_orders", "customers", "still_buying", share_buying=counted.still_buying / counted.customers,
        share_low=low, share_high=high, later_revenue=counted.revenue / counted.customers,
    ).order_by("early_orders")  # fmt: skip


def value_of_second_orders(
    orders: Any,
    *,
    as_of: Any,
    within: int = 90,
    margin: float = 1.0,
    earlier: Any = None,
    returning_share_year: float = 0.0,
) -> pd.DataFrame:
    """What one more second order brings, and what one percentage point more of them would bring in a year.

    One row, money in the client's currency and as contribution: an order's spend less its ``cost`` where the
    orders have it, else times ``margin`` (0 to 1). ``second_orders`` placed within ``within`` days;
    ``value`` of one of them (all that was spent on that day) with its 95 % interval ``low, high``;
    ``with_a_year``, what these customers brought from that day through the following year, of the
    ``year_followed`` for whom that year is over (NaN for fewer than 30); ``new_customers_a_year``: of those who are
    not among the ``earlier`` ones (see :func:`~crmlib.lifecycle.retention.cohorts`), less the
    ``returning_share_year`` of them who are back after a longer silence (0 to 1, see :class:`crmlib.newcomers.Start`);
    ``one_point, one_point_low, one_point_high``: a hundredth of a year's new customers, times the value.

    ``value`` is what is sure of an additional second order; ``with_a_year`` is an upper bound, because those
    who return unasked are better customers than those who must be asked. Empty with fewer than 30 second
    orders. pandas or Ibis in, a pandas frame out.
    """
    import ibis
    import numpy as np
    import pandas as pd

    end = as_day(as_of)
    bought = purchases(to_ibis(orders), as_of=end, keep=("cost",))
    daily = made_once(bought.group_by("customer_id", "day").agg(contribution=contribution(bought, margin=margin).sum()))
    days = purchase_days(to_ibis(orders), as_of=end)
    each = days.group_by("customer_id").agg(first_day=days.day.min(), second_day=days.day.max(where=days.nth == 1))
    each = without(each, None if earlier is None else to_ibis(earlier))
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
        total=per_customer.value.sum(),
        squares=(per_customer.value * per_customer.value).sum(),
        cubes=(per_customer.value * per_customer.value * per_customer.value).sum(),
        year_n=whole.sum().fill_null(0),
        year_mean=per_customer.year.mean(where=whole),
    ).to_pandas()
    n = int(sums.n[0])
    if n < SMALL_BASE:
        return pd.DataFrame(columns=_WORTH)
    mean = float(sums.total[0]) / n
    low, high = (float(limit) for limit in mean_of_sums(sums.total[0], sums.squares[0], n, cubes=sums.cubes[0]))
    begins = max(as_day(pd.Timestamp(counts["first"][0])), data_begin(orders, as_of=end) or end)
    observed = (end - begins).days + 1
    new = int(counts.new[0]) * max(1.0, _YEAR / observed) * (1 - returning_share_year)
    year_n = int(sums.year_n[0])
    with_a_year = float(sums.year_mean[0]) if year_n >= SMALL_BASE else np.nan
    point = new * 0.01
    row = [n, mean, low, high, with_a_year, year_n, float(new), point * mean, point * low, point * high]
    return pd.DataFrame([row], columns=_WORTH)
