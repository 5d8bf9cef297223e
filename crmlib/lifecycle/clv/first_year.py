"""What it costs to win a customer of each group, what the first year brings, and what is left over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.clv.group_models import OTHER, labels_of
from crmlib.newcomers import WHOLE, Start, without
from crmlib.purchases import data_begin, purchase_days

OF_FIRST_YEAR = ("new_customers", "first_order", "spent", "cost_to_win", "brings_in", "left_over", "left_error")
# Money for marketing is booked by the month, as a rule: a month without a row ends the bookings.
BOOKED_DAYS = 31


def first_year_by_group(
    groups: pd.DataFrame,
    *,
    orders: Any,
    customers: Any,
    spend: Any,
    as_of: Any,
    by: str = "channel",
    margin: float = 1.0,
    start: Start = WHOLE,
    earlier: Any = None,
) -> pd.DataFrame:
    """What a new customer of each group cost, brings in within the first year, and leaves over.

    ``groups``: from :func:`~crmlib.lifecycle.clv.value_by_group` with the same ``customers``, ``by`` and ``margin``;
    ``orders``, ``customers``, ``spend``: the contract's tables (pandas or Ibis). Its rows and columns, and:

    ``new_customers``, whose first order fell into the 12 months until ``as_of``, or into that part of them for which
    orders and spend are both known; ``first_order``, its mean contribution (all orders of that day); ``spent`` on the
    group in the same time; ``cost_to_win`` a customer; ``brings_in``, the first order and the
    ``new_customer_value`` of the year after it; ``left_over`` after the cost, with ``left_error`` (standard error:
    mean of first orders, parameters). Missing where nobody was won, and where nothing is booked as spent on the group.
    Customers older than the data were not won in it: only the time in which newcomers can be told counts (``start`` and
    ``earlier``: of :mod:`crmlib.newcomers`).

    >>> table = pd.DataFrame({"channel": ["ads"], "new_customer_value": [60.0], "new_error": [3.0]})
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [90.0, 70.0],
    ...                        "ordered_at": pd.to_datetime(["2025-01-05", "2025-01-20"])})
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "channel": "ads"})
    >>> spend = pd.DataFrame({"spent_on": pd.to_datetime(["2025-01-01"]), "channel": ["ads"], "cost": [50.0]})
    >>> known = {"orders": orders, "customers": customers, "spend": spend, "as_of": "2025-01-31"}
    >>> first_year_by_group(table, **known, margin=0.5)[["first_order", "cost_to_win", "brings_in", "left_over"]]
       first_order  cost_to_win  brings_in  left_over
    0         40.0         25.0      100.0       75.0
    """
    first = to_pandas(_first_days(orders, as_of=as_of, earlier=earlier))
    label = labels_of(first["customer_id"], customers, by)
    costs = to_pandas(_costs(spend, by=by, as_of=as_of)) if by in spend.columns else pd.DataFrame()
    begin = data_begin(orders, as_of=as_of)
    if begin is None or first.empty or costs.empty or start.settled is None:
        return groups.assign(**dict.fromkeys(OF_FIRST_YEAR, np.nan))
    came, booked, end = pd.to_datetime(first["day"]), pd.to_datetime(costs["day"]), pd.Timestamp(as_day(as_of))
    a_year_ago = pd.Timestamp(months_before(as_of, 12)) + pd.Timedelta(days=1)
    begins = max(a_year_ago, booked.min(), pd.Timestamp(begin).replace(day=1), pd.Timestamp(start.settled))
    end = min(end, booked.max() + pd.Timedelta(days=BOOKED_DAYS))
    won = came.between(begins, end)
    of = costs[by].where(costs[by].isin(set(label)), OTHER)
    spent = costs["cost"].astype(float)[booked.between(begins, end)].groupby(of).sum()
    each = (margin * first["spend"].astype(float))[won].groupby(label[won]).agg(["size", "mean", "sem"])
    found = groups[[by]].join(each, on=by).join(spent.rename("spent"), on=by)
    brings_in = found["mean"] + groups["new_customer_value"]
    cost = found["spent"] / found["size"]
    return groups.assign(
        new_customers=found["size"].fillna(0).astype(int), first_order=found["mean"], spent=found["spent"],
        cost_to_win=cost, brings_in=brings_in, left_over=brings_in - cost,
        left_error=np.hypot(groups["new_error"], found["sem"]),
    )  # fmt: skip


@same_kind
def _first_days(orders: Any, *, as_of: Any, earlier: Any = None) -> Any:
    """``customer_id, day, spend``: the first day with purchases of each customer, and what was spent on it."""
    days = purchase_days(orders, as_of=as_of)
    first = days.filter(days.nth == 0).select("customer_id", "day", "spend")
    return without(first, earlier).order_by("customer_id")


@same_kind
def _costs(spend: Any, *, by: str, as_of: Any) -> Any:
    """``day``, the group and ``cost`` of what is booked until ``as_of``."""
    import ibis

    known = spend.filter(spend.spent_on.notnull() & spend.cost.notnull() & spend[by].notnull())
    costs = known.group_by(day=known.spent_on.cast("date"), **{by: known[by]}).agg(cost=known.cost.sum())
    return costs.filter(costs.day <= ibis.literal(as_day(as_of))).order_by("day", by)
