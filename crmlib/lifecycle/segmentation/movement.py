"""Who moved where between two dates, what it cost or brought, and whether the segments kept their promise."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.segmentation.activity import customer_activity
from crmlib.lifecycle.segmentation.rules import By, Rules, read_rules
from crmlib.lifecycle.segmentation.tiers import segments
from crmlib.purchases import data_begin
from crmlib.statistics import wilson

NEWCOMER, EARLIER = "newcomer", "earlier"
SILENT = ("sleeping", "lost")
SHORTEST_DAYS = 80
_BEFORE_ALL = dt.date(1900, 1, 1)


def comparison_day(orders: Any, *, as_of: Any, months: int = 12) -> dt.date | None:
    """The earlier day with which ``as_of`` can be compared; None where the orders (pandas or Ibis) begin too late.

    It lies ``months`` before ``as_of``, or later where the twelve months before it would not be covered by orders; at
    least 80 days must remain between the two.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2023-05-02", "2025-03-01"])})
    >>> comparison_day(orders, as_of="2025-12-31"), comparison_day(orders[1:], as_of="2025-12-31")
    (datetime.date(2024, 12, 31), None)
    """
    end, begin = as_day(as_of), data_begin(orders, as_of=as_of)
    if begin is None:
        return None
    covered = months_before(begin - dt.timedelta(days=1), -12)
    day = max(months_before(end, months), covered)
    return day if (end - day).days >= SHORTEST_DAYS else None


def earlier_segments(
    orders: Any,
    customers: Any,
    thresholds: Any,
    *,
    on: dt.date | None,
    rules: Rules | None = None,
    earlier: Any = None,
) -> Any:
    """The customers as they were on an earlier day, in segments *with the thresholds of today*, as a pandas frame.

    Like what :func:`segments` answers for what :func:`customer_activity` knows of the day ``on``. Without such a day
    (None, from :func:`comparison_day`) the table is empty. ``orders`` and ``customers``: the contract's tables;
    ``earlier``: as for :func:`customer_activity`.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a"], "amount": [50.0, 40.0],
    ...     "ordered_at": pd.to_datetime(["2024-06-01", "2024-12-01"])})
    >>> lines = pd.DataFrame({"threshold": ["usual_return", "sleeping_after", "lost_after", "high_spend", "frequent",
    ...     "established"], "value": [30.0, 120.0, 240.0, 80.0, 2.0, 4.0]})
    >>> earlier_segments(orders, None, lines, on=dt.date(2024, 12, 31))[["customer_id", "tier"]]
      customer_id  tier
    0           a  core
    >>> len(earlier_segments(orders, None, lines, on=None))
    0
    """
    known = customer_activity(orders, customers if on else None, as_of=on or _BEFORE_ALL, earlier=earlier)
    return segments(to_pandas(known), thresholds, rules=rules)


@same_kind
def migration(before: Any, after: Any, *, since: Any, by: By = "tier") -> Any:
    """How customers moved between the segments of two dates, one row per pair of segments that occurs.

    Columns: ``before`` (segment at the earlier date; ``newcomer``: not yet a customer, or not known; ``earlier``: first
    bought in the data after that date, but may be older than these), ``after``, ``customers``, ``share`` (of the
    customers of ``before``), ``buyers`` (who bought after the earlier date), ``revenue_before`` and ``revenue_after``
    (the twelve months up to each date), ``change`` (their difference) and ``change_error`` (its standard error when
    customers are drawn anew). All of ``revenue_after`` together is the revenue of all customers in the twelve months to
    the later date.

    ``before`` and ``after`` come from :func:`segments` with the *same* thresholds, so that like is compared with like;
    ``since`` is the earlier date; without one (None) the table is empty. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> before = pd.DataFrame({"customer_id": ["a"], "tier": ["core"], "revenue_year": [90.0]})
    >>> after = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["sleeping", "ordinary"], "revenue_year": [0.0, 20.0],
    ...     "last_day": pd.to_datetime(["2024-03-01", "2025-06-01"])})
    >>> migration(before, after, since="2024-12-31")[["before", "after", "customers", "change"]]
         before     after  customers  change
    0      core  sleeping          1   -90.0
    1  newcomer  ordinary          1    20.0
    """
    import ibis

    day = ibis.literal(None if since is None else as_day(since), type="date")
    then = before.filter(before[by].notnull()).select("customer_id", before=by, revenue_before="revenue_year")
    now = after.filter(after[by].notnull() & day.notnull())
    came = ibis.ifelse(now.is_earlier, EARLIER, NEWCOMER) if "is_earlier" in now.columns else ibis.literal(NEWCOMER)
    now = now.select(
        "customer_id", after=by, revenue_after="revenue_year", last_day=now.last_day.cast("date"), came=came
    )
    both = now.left_join(then, "customer_id").fill_null({"revenue_before": 0.0})
    both = both.mutate(before=both.before.coalesce(both.came))
    moved = both.mutate(bought=(both.last_day > day).fill_null(False), change=both.revenue_after - both.revenue_before)
    table = moved.group_by("before", "after").agg(
        customers=moved.count(),
        buyers=moved.count(where=moved.bought),
        revenue_before=moved.revenue_before.sum(),
        revenue_after=moved.revenue_after.sum(),
        change=moved.change.sum(),
        change_error=(moved.change * moved.change).sum().sqrt(),
    )
    share = table.customers / table.customers.sum().over(group_by="before")
    return table.mutate(share=share).order_by("before", "after")


def segment_outcomes(migration: Any, *, by: By = "tier", rules: Rules | None = None) -> Any:
    """What became of each segment of the earlier date: the test of whether the segments mean anything.

    Columns: ``segment``, ``customers`` (then), ``bought_share`` (who have bought since) with its 95 % Wilson interval
    ``bought_share_low``, ``bought_share_high``, and ``revenue_per_customer`` (the twelve months to the later date).
    In the order in which the rules show them; segments that had nobody are left out.

    >>> import pandas as pd
    >>> moved = pd.DataFrame({"before": ["core", "core"], "after": ["core", "sleeping"], "customers": [30, 10],
    ...     "buyers": [30, 2], "revenue_after": [900.0, 20.0]})
    >>> segment_outcomes(moved)[["segment", "customers", "bought_share", "revenue_per_customer"]]
      segment  customers  bought_share  revenue_per_customer
    0    core         40           0.8                  23.0
    """
    rules = rules or read_rules()
    shown = rules.ruling(by).shown
    moved = to_pandas(migration)
    sums = moved.groupby("before")[["customers", "buyers", "revenue_after"]].sum()
    sums = sums.reindex([segment for segment in shown if segment in sums.index])
    low, high = wilson(sums.buyers, sums.customers)
    return (
        sums.assign(
            bought_share=sums.buyers / sums.customers,
            bought_share_low=low,
            bought_share_high=high,
            revenue_per_customer=sums.revenue_after / sums.customers,
        )
        .drop(columns=["buyers", "revenue_after"])
        .rename_axis("segment")
        .reset_index()
    )


def silent_by_segment(migration: Any, *, by: By = "tier", rules: Rules | None = None) -> Any:
    """How many customers of each segment of the earlier date are silent today, by the one line of silence.

    Columns: ``segment``, ``customers`` (then), ``silent`` (``sleeping`` or ``lost`` now), ``share``. In the order in
    which the rules show them; who came since, and segments that had nobody, are left out. ``migration`` from
    :func:`migration`. Subscribers who do not order count as silent, too.

    >>> import pandas as pd
    >>> moved = pd.DataFrame({"before": ["core", "core", "newcomer"], "after": ["core", "sleeping", "sleeping"],
    ...     "customers": [30, 10, 5]})
    >>> silent_by_segment(moved)
      segment  customers  silent  share
    0    core         40      10   0.25
    """
    moved = to_pandas(migration)
    table = moved.assign(silent=moved.customers.where(moved.after.isin(SILENT), 0))
    table = table.groupby("before")[["customers", "silent"]].sum()
    shown = (rules or read_rules()).ruling(by).shown
    table = table.reindex([segment for segment in shown if segment in table.index]).rename_axis("segment").reset_index()
    return table.assign(share=table.silent / table.customers)
