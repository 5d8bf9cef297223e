"""Who is falling silent now: regular customers whose silence is long for them, by their risk and what they bring."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.purchases import contribution, purchases

if TYPE_CHECKING:
    import pandas as pd

OVERDUE = 2.0
"""So many of the own usual gaps without a purchase are a warning."""
RISKS = ("low", "middle", "high")
_FROM = (0.0, 0.5, 0.8)
VALUES = ("least", "middle", "most")


@same_kind
def customer_risks(risks: Any, orders: Any, *, as_of: Any, silent_after: int, margin: float = 1.0) -> Any:
    """Each customer's risk and what they brought in a year, one row per customer, sorted.

    ``risks``: from :func:`~crmlib.lifecycle.churn.with_risk`, of the day ``as_of``. Adds ``value`` (contribution of the
    last 365 days: spend less cost, or times ``margin``; client's currency), ``risk_group`` (``low`` below 50 %,
    ``middle`` below 80 %, ``high``), ``value_group`` (thirds of the customers by value: ``least``, ``middle``,
    ``most``) and ``warned``: bought twice at least, silent for :data:`OVERDUE` of their usual gaps, and for no longer
    than ``silent_after`` days, after which it is no early warning. pandas or Ibis in, same kind out.
    """
    import ibis

    end = as_day(as_of)
    bought = purchases(orders, as_of=end, keep=("cost",))
    bought = bought.mutate(left=contribution(bought, margin=margin))
    year = bought.filter(bought.day > ibis.literal(end - dt.timedelta(days=365)))
    worth = year.group_by("customer_id").agg(value=year.left.sum().round(6))
    each = risks.left_join(worth, "customer_id").drop("customer_id_right")
    each = each.mutate(value=each.value.fill_null(0.0))
    third = ibis.ntile(3).over(order_by=[each.value, each.customer_id])
    each = each.mutate(third=third)
    return made_once(
        each.mutate(
            risk_group=ibis.cases((each.risk < _FROM[1], RISKS[0]), (each.risk < _FROM[2], RISKS[1]), else_=RISKS[2]),
            value_group=ibis.cases((each.third == 0, VALUES[0]), (each.third == 1, VALUES[1]), else_=VALUES[2]),
            warned=(each.purchases > 1) & (each.overdue >= OVERDUE) & (each.silence_days <= silent_after),
        )
        .drop("third")
        .order_by("customer_id")
    )


def risk_by_value(customers: Any) -> pd.DataFrame:
    """How many customers there are of each risk and value: one row per ``risk_group`` and ``value_group``.

    ``customers``: from :func:`customer_risks`. Columns: ``customers``, ``value`` (their sum, client's currency),
    ``warned``. Empty where no risk is known.
    """
    table = to_ibis(customers)
    table = table.filter(table.risk.notnull())
    counted = table.group_by("risk_group", "value_group").agg(
        customers=table.count(), value=table.value.sum(), warned=table.warned.sum()
    )
    frame = to_pandas(counted)
    return frame.sort_values(
        ["risk_group", "value_group"], key=lambda names: names.map([*RISKS, *VALUES].index), ignore_index=True
    )


def warned_customers(customers: Any, *, most: int = 200) -> pd.DataFrame:
    """The warned customers with most at risk (risk × value), at most ``most``, the first first: a list to look at.

    ``customers``: from :func:`customer_risks`. Columns: ``customer_id``, ``value``, ``risk``, ``at_risk``,
    ``silence_days``, ``usual_gap`` (days), ``waited`` (a complaint of the last 180 days took too long), ``unhappy``.
    """
    table = to_ibis(customers)
    table = table.filter(table.warned & table.risk.notnull())
    table = table.mutate(at_risk=(table.risk * table.value).round(6), usual_gap=table.silence_days / table.overdue)
    chosen = table.select("customer_id", "value", "risk", "at_risk", "silence_days", "usual_gap", "waited", "unhappy")
    return to_pandas(chosen.order_by(chosen.at_risk.desc(), "customer_id").limit(most))
