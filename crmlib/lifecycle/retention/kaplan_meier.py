"""When customers return, those included who are still being waited for: Kaplan–Meier curves and the log-rank
test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crmlib import statistics
from crmlib.engine import same_kind, to_ibis
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.statistics import kaplan_meier

if TYPE_CHECKING:
    import pandas as pd

OTHER_GROUPS, ALL_CUSTOMERS = "other groups", "all customers"


@same_kind
def waiting_times(second_orders: Any, *, by: Literal["group"] | None = "group") -> Any:
    """After how many days how many customers returned, of how many who could: all that Kaplan and Meier need.

    Columns: ``group`` (unless ``by`` is None), ``days``, ``at_risk`` (not returned before, and followed so far),
    ``returned`` (on that day). However many customers there are, this table is as long as the longest wait. pandas or
    Ibis in, same kind out, sorted.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"group": ["a", "a", "a"], "days": [5, 5, 9], "returned": [True, True, False]})
    >>> waiting_times(table)
      group  days  at_risk  returned
    0     a     5        3         2
    1     a     9        1         0
    """
    import ibis

    keys = [by] if by else []
    counted = second_orders.group_by([*keys, "days"]).agg(
        customers=second_orders.count(), returned=second_orders.returned.cast("int64").sum()
    )
    later = ibis.window(group_by=keys, order_by=ibis.desc("days"), preceding=(None, 0))
    at_risk = counted.customers.sum().over(later)
    return counted.select(*keys, "days", at_risk=at_risk, returned=counted.returned).order_by(*keys, "days")


def return_curves(
    second_orders: Any, *, by: Literal["group"] | None = "group", least_at_risk: int = SMALL_BASE
) -> pd.DataFrame:
    """What share have ordered again by which day: the Kaplan–Meier estimate, one row per group and day.

    Customers who have not returned count as long as they have been followed, and then leave the base; so
    recent customers are used for what is known of them. By group, those with fewer than ``least_at_risk``
    customers are taken together as "other groups" (see :func:`with_small_groups_together`). Columns: ``group``
    (unless ``by`` is None), ``day``, ``at_risk`` (not returned before and followed so far), ``returned`` (that day),
    ``share`` (returned by the end of that day, 1 − S(t)) and its pointwise 95 % interval ``low, high`` (Greenwood, on
    the complementary log-log scale). A curve ends where fewer than ``least_at_risk`` customers are left at risk.
    Answers a pandas frame.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"days": [5, 8, 9, 9], "returned": [True, False, True, False]})
    >>> return_curves(table, by=None, least_at_risk=1)[["day", "at_risk", "returned", "share"]]
       day  at_risk  returned  share
    0    0        4         0  0.000
    1    5        4         1  0.250
    2    9        2         1  0.625
    """
    import pandas as pd

    if by is None:
        return _curve(waiting_times(to_ibis(second_orders), by=None).to_pandas(), least_at_risk)
    waits = _waits_by_group(second_orders, least=least_at_risk)
    curves = [_curve(part, least_at_risk).assign(group=name) for name, part in waits.groupby("group")]
    columns = ["group", "day", "at_risk", "returned", "share", "low", "high"]
    return pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns)


def with_small_groups_together(second_orders: Any, *, least: int = SMALL_BASE) -> Any:
    """The customers with all groups of fewer than ``least`` of them as one, "other groups"; an Ibis table.

    Many small groups say nothing each, but something together. Where no group is large enough there is nobody left
    for the others to be other than: the one group is then "all customers".

    >>> import pandas as pd
    >>> table = pd.DataFrame({"group": ["a"] * 4 + ["b"] * 2 + ["c"], "days": [5] * 6 + [9], "returned": True})
    >>> waiting_times(with_small_groups_together(table, least=3)).execute()
              group  days  at_risk  returned
    0             a     5        4         4
    1  other groups     5        3         2
    2  other groups     9        1         1
    """
    table = to_ibis(second_orders)
    sizes = table.group_by("group").agg(customers=table.count()).to_pandas()
    small = sizes[sizes.customers < least].group
    if len(small) < 2:
        return table
    name = ALL_CUSTOMERS if len(small) == len(sizes) else OTHER_GROUPS
    return table.mutate(group=table.group.isin(small.tolist()).ifelse(name, table.group))


def _waits_by_group(second_orders: Any, *, least: int) -> pd.DataFrame:
    return waiting_times(with_small_groups_together(second_orders, least=least)).to_pandas()


def _curve(waits: pd.DataFrame, least_at_risk: int) -> pd.DataFrame:
    import pandas as pd

    total = int(waits.at_risk.max()) if len(waits) else 0
    start = pd.DataFrame({"day": [0], "at_risk": [total], "returned": [0], "share": [0.0], "low": [0.0], "high": [0.0]})
    happened = waits[waits.returned > 0].rename(columns={"days": "day"})
    survival, low, high = kaplan_meier(happened.at_risk, happened.returned)
    curve = happened.assign(share=1 - survival, low=1 - high, high=1 - low)[list(start)]
    return pd.concat([start, curve[curve.at_risk >= least_at_risk]], ignore_index=True)


def median_wait(curve: pd.DataFrame) -> float | None:
    """The day by which half of the customers have ordered again; None where the curve does not get that far.

    ``curve``: one group's rows of :func:`return_curves`.

    >>> import pandas as pd
    >>> median_wait(pd.DataFrame({"day": [0, 5, 9], "share": [0.0, 0.25, 0.625]}))
    9
    """
    reached = curve[curve.share >= 0.5]
    return None if reached.empty else int(reached.day.iloc[0])


def log_rank(second_orders: Any, *, least: int = SMALL_BASE) -> pd.DataFrame:
    """Whether the groups return alike: the log-rank test over all days, one row of ``chi2, groups, p``.

    p is the probability of differences as large as these if the groups did not differ. Groups with fewer than
    ``least`` customers are taken together as in :func:`return_curves`, or left out where even that is too few.
    Empty with fewer than two groups, or where nobody has returned.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"group": ["a"] * 4 + ["b"] * 4, "days": [1, 2, 3, 4, 9, 9, 9, 9],
    ...     "returned": [True] * 4 + [False] * 4})
    >>> log_rank(table, least=4).round(4)
         chi2  groups       p
    0  7.3444       2  0.0067
    """
    import pandas as pd

    waits = _waits_by_group(second_orders, least=least)
    waits = waits[waits.groupby("group").at_risk.transform("max") >= least]
    groups = waits.group.nunique()
    if groups < 2 or not waits.returned.any():
        return pd.DataFrame(columns=["chi2", "groups", "p"])
    table = waits.pivot(index="days", columns="group", values=["at_risk", "returned"])
    # On a day without a row, as many are at risk as on the group's next day with one.
    chi2, p = statistics.log_rank(table.at_risk.bfill().fillna(0), table.returned.fillna(0))
    return pd.DataFrame({"chi2": [chi2], "groups": [groups], "p": [p]}).dropna()
