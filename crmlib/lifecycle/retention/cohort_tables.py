"""Cohorts: how many of those who came together came back, by age; unobserved is empty, never zero."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, get_args

from crmlib.calendar import Period, as_day, periods_between, unit_of
from crmlib.engine import same_kind, to_pandas
from crmlib.newcomers import without
from crmlib.purchases import purchase_days, revenue_of
from crmlib.statistics import wilson

Value = Literal["retention", "customers", "orders", "revenue", "revenue_per_customer"]
# A share of fewer customers than this moves by more than three points when one of them comes back.
SMALL_BASE = 30


@same_kind
def cohorts(orders: Any, *, as_of: Any, period: Period = "month", earlier: Any = None) -> Any:
    """How each cohort of new customers came back, one row per cohort and age.

    A cohort is the customers whose first purchase fell into the same ``period`` (week, month, quarter or
    year of the calendar); ``age`` counts whole periods since (0: the period of the first purchase). Columns:
    ``cohort`` (first day of the period), ``age``, ``cohort_customers``, ``customers`` (of the cohort who
    bought at that age), ``orders``, ``revenue`` (client's currency), ``retention`` (customers /
    cohort_customers, 0 to 1) and ``revenue_per_customer`` (revenue / cohort_customers). Only periods that
    are over on the day ``as_of`` are answered: what has not been observed is not in the table, and a period
    in which nobody bought is there with zeros. ``earlier`` (a table with ``customer_id``) leaves customers out who
    are older than the data: see :mod:`crmlib.newcomers`, because they look like new ones at the beginning of an export.

    Retention of shoppers is *activity*: who is missing in one period may be there in the next. For contracts
    see ``renewal_ages``. pandas or Ibis in, same kind out. Raises ``ValueError`` for an unknown period.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-01-20"])})
    >>> cohorts(orders, as_of="2025-04-15")[["age", "customers", "retention"]]
       age  customers  retention
    0    0          2        1.0
    1    1          0        0.0
    2    2          1        0.5
    """
    days, each, unfinished = _begun(orders, as_of, period, earlier)
    days = days.mutate(age=periods_between(days.cohort, days.period, period))
    is_again = (days.previous_day >= days.period).fill_null(False)
    seen = days.group_by("cohort", "age").agg(
        customers=(~is_again).sum(), orders=days.orders.sum(), revenue=revenue_of(days.spend)
    )
    table = _of_ages(seen, each, unfinished, period)
    shares = {
        "retention": table.customers / table.cohort_customers,
        "revenue_per_customer": table.revenue / table.cohort_customers,
    }
    return table.mutate(**shares).order_by("cohort", "age")


@same_kind
def last_seen(orders: Any, *, as_of: Any, period: Period = "month", earlier: Any = None) -> Any:
    """What share of each cohort bought at an age *or later*, as known today: one row per cohort and age.

    This looks like a survival curve and is none. Who has been silent for a while may yet return, so the end
    of the curve is always too low and rises when one looks again later: do not fit a model of leaving to it.
    Columns: ``cohort``, ``age``, ``cohort_customers``, ``customers`` (bought at this age or later),
    ``share``. Ages, ``earlier`` and kinds as in :func:`cohorts`.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-01-20"])})
    >>> last_seen(orders, as_of="2025-04-15")[["age", "customers", "share"]]
       age  customers  share
    0    0          2    1.0
    1    1          1    0.5
    2    2          1    0.5
    """
    import ibis

    _, each, unfinished = _begun(orders, as_of, period, earlier)
    each = each.mutate(
        # The last purchase may lie in the period that is not over: it was at this or any earlier age or later.
        upto=ibis.least(
            periods_between(each.cohort, each.last, period), periods_between(each.cohort, unfinished, period) - 1
        )
    )
    counted = each.filter(each.cohort < unfinished).group_by("cohort", "upto").agg(customers=lambda t: t.count())
    reached = counted.mutate(age=ibis.range(0, counted.upto + 1).unnest().cast("int64"))
    reached = reached.group_by("cohort", "age").agg(customers=reached.customers.sum())
    table = _of_ages(reached, each, unfinished, period)
    return table.mutate(share=table.customers / table.cohort_customers).order_by("cohort", "age")


def _begun(orders: Any, as_of: Any, period: Period, earlier: Any) -> tuple[Any, Any, Any]:
    """The days with purchases and their period; each customer's first and last; the first period that is not over."""
    import ibis

    end = as_day(as_of)
    days = without(purchase_days(orders, as_of=end), earlier)
    cohort, at = (day.truncate(unit_of(period)).cast("date") for day in (days.first_day, days.day))
    days = days.mutate(cohort=cohort, period=at)
    each = days.filter(days.next_day.isnull()).select("customer_id", "cohort", last="period")
    # The day after as_of begins the first period that is not over.
    unfinished = ibis.literal(end + dt.timedelta(days=1)).truncate(unit_of(period)).cast("date")
    return days, each, unfinished


def _of_ages(sums: Any, each: Any, unfinished: Any, period: Period) -> Any:
    """The sums at every age that a cohort has behind it: a period without any buyer is a zero, not a gap."""
    import ibis

    size = each.group_by("cohort").agg(cohort_customers=each.count())
    age = ibis.range(0, periods_between(size.cohort, unfinished, period)).unnest().cast("int64").name("age")
    table = size.select("cohort", age, "cohort_customers").left_join(sums, ["cohort", "age"])
    counted = [name for name in sums.columns if name not in ("cohort", "age")]
    return table.drop("cohort_right", "age_right").fill_null(dict.fromkeys(counted, 0))


def cohort_triangle(cohorts: Any, value: Value = "retention") -> Any:
    """The cohorts as the triangle that one draws: a row per cohort, a column per age, empty where unobserved.

    ``cohorts``: a table from :func:`cohorts`; ``value``: retention, customers, orders, revenue or
    revenue_per_customer. Answers a pandas frame: index ``cohort`` (first day of the period), columns ``age``
    (0, 1, …); NaN for every period that is not over.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-02-20"])})
    >>> cohort_triangle(cohorts(orders, as_of="2025-03-31"), "customers")
    age           0    1    2
    cohort
    2025-01-01  1.0  0.0  1.0
    2025-02-01  1.0  0.0  NaN
    """
    frame = to_pandas(cohorts)
    if value not in get_args(Value):
        raise ValueError(f"value {value!r} is not known; use one of {', '.join(get_args(Value))}")
    wide = frame.assign(**{value: frame[value].astype(float)}).pivot(index="cohort", columns="age", values=value)
    return wide.sort_index().sort_index(axis="columns")


def pooled_retention(cohorts: Any) -> Any:
    """Retention by age over all cohorts that have reached it, with intervals: the curve of the cohorts together.

    ``cohorts``: a table from :func:`cohorts`. Answers a pandas frame, one row per ``age``: ``cohorts`` (how
    many have reached it), ``cohort_customers`` (in these), ``customers`` (active), ``retention`` and its 95
    % Wilson interval ``low, high``. Customers are pooled, so that a large cohort weighs more than a small
    one; young ages rest on all cohorts, old ages on the oldest only.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cohort": ["x", "x", "y"], "age": [0, 1, 0], "cohort_customers": [40, 40, 10],
    ...     "customers": [40, 10, 10]})
    >>> pooled_retention(table).round(3)
       age  cohorts  cohort_customers  customers  retention    low   high
    0    0        2                50         50       1.00  0.929  1.000
    1    1        1                40         10       0.25  0.142  0.402
    """
    frame = to_pandas(cohorts)
    pooled = frame.groupby("age", as_index=False).agg(
        cohorts=("cohort", "nunique"), cohort_customers=("cohort_customers", "sum"), customers=("customers", "sum")
    )
    low, high = wilson(pooled.customers, pooled.cohort_customers)
    return pooled.assign(retention=pooled.customers / pooled.cohort_customers, low=low, high=high)
