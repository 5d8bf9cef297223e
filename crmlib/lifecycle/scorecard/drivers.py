"""Why revenue changed: a tree of drivers whose contributions add up to the change, to the last cent.

Revenue is that of guests plus customers who bought × orders per customer × average order value, and the customers
who bought change by those who are new, those who returned after a pause and those who were lost. The change is split
by the logarithmic mean Divisia index (LMDI-I), which leaves no remainder and treats both times alike: read backwards,
every contribution changes its sign only. Arithmetic, not causes: that orders per customer fell may be the *work* of
many new customers, who had less time to order.

Source: Ang (2005), "The LMDI approach to decomposition analysis: a practical guide", Energy Policy 33(7), 867–871.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from crmlib.calendar import as_day, first_of_months
from crmlib.engine import made_once, same_kind, to_pandas
from crmlib.newcomers import WHOLE, Start
from crmlib.purchases import data_begin, purchases, revenue_of
from crmlib.statistics import delta_error, wald

# The order in which drivers are shown.
DRIVERS = (
    "new_customers", "new_or_returned", "returned_customers", "lost_customers", "orders_per_customer", "order_value",
    "guests",
)  # fmt: skip
_TOTALS = ("a0", "a1", "new", "returned", "lost", "o0", "o1", "r0", "r1")
# Data that begin this many days late still count as whole.
_LATE_DAYS = 7


def driver_tree(orders: Any, *, as_of: Any, months: int = 12, start: Start = WHOLE, earlier: Any = None) -> Any:
    """What made revenue change between the last ``months`` and as many months before.

    ``orders``: the contract's orders (pandas or Ibis). If the data do not reach back that far, the two times are
    the longest equal ones that they cover, in whole months, and the seasons differ. Stray orders of long before the
    others do not count: the data begin where :func:`crmlib.purchases.data_begin` says.

    A frame, one row per node: ``driver``, ``parent`` (empty at the root), ``before``, ``after`` (in the driver's own
    unit), ``change``, ``contribution`` to the change of revenue (client's currency) and its 95% interval
    ``contribution_low, contribution_high``; ``months``, ``ends`` (last day), ``starts`` (first day of the earlier
    time), ``changes`` (first of the later), ``data_begin`` (day of the first purchase that counts). Nodes:
    ``revenue`` ← ``customers``, ``orders_per_customer``, ``order_value``, ``guests``; ``customers`` ←
    ``new_customers`` (first purchase in the data), ``returned_customers`` (bought before both times and in the later),
    ``lost_customers`` (bought in the earlier only; shown as a negative number). Children add up to their parent.
    Where the data do not reach back before both times, nobody can be seen to return: that node is left out, unless
    ``earlier`` customers are known by name. Where newcomers cannot be told from those who were long away, the node is
    ``new_or_returned`` (``start`` and ``earlier``: of :mod:`crmlib.newcomers`).
    No rows if there are not two times with revenue of known customers.

    The intervals take the customers as a sample of those who might have come (Poisson, delta method on sums over
    customers), so they hold the chance of who came, not that of measurement: the change itself is a full count.

    >>> orders = pd.DataFrame({"customer_id": ["a", "b", "a", "c"], "amount": [10.0, 10.0, 20.0, 10.0],
    ...     "ordered_at": pd.to_datetime(["2024-01-01", "2024-05-01", "2025-03-01", "2025-04-01"])})
    >>> tree = driver_tree(orders, as_of="2025-12-31").set_index("driver")
    >>> tree.contribution[["new_customers", "lost_customers", "order_value", "revenue"]].round(2)
    driver
    new_customers     12.33
    lost_customers   -12.33
    order_value       10.00
    revenue           10.00
    Name: contribution, dtype: float64
    """
    columns = [
        "driver", "parent", "before", "after", "change", "contribution", "contribution_low", "contribution_high",
        "months", "starts", "changes", "ends", "data_begin",
    ]  # fmt: skip
    times = compared_times(orders, as_of=as_of, months=months)
    if times is None:
        return pd.DataFrame(columns=columns)
    days = {"starts": times["starts"], "changes": times["changes"], "begins": times["data_begin"]}
    is_told = start.tells(times["changes"])
    known = earlier if is_told else None
    sums = (
        to_pandas(customer_sums(orders, as_of=times["ends"], earlier=known, **days)).iloc[0].fillna(0.0).astype(float)
    )
    totals = sums[[*_TOTALS]].to_numpy()
    a0, a1, new, returned, lost, o0, o1, r0, r1 = totals.tolist()
    if min(r0, r1) <= 0:
        return pd.DataFrame(columns=columns)
    moments = np.array([[sums["_".join(sorted((one, two)))] for two in _TOTALS] for one in _TOTALS])
    parts, slopes = _contributions(totals), _slopes(totals)
    spread = delta_error(slopes, moments)
    before, after, squares = sums[["guests0", "guests1", "guest_squares"]]
    change_spread = math.sqrt(moments[7, 7] + moments[8, 8] - 2 * moments[7, 8] + squares)
    nodes = [
        ("revenue", "", r0 + before, r1 + after, r1 - r0 + after - before, change_spread),
        ("customers", "revenue", a0, a1, parts[:3].sum(), delta_error(slopes[:3].sum(axis=0), moments)),
        ("new_customers" if is_told else "new_or_returned", "customers", 0.0, new, parts[0], spread[0]),
        ("returned_customers", "customers", 0.0, returned, parts[1], spread[1]),
        ("lost_customers", "customers", 0.0, -lost, parts[2], spread[2]),
        ("orders_per_customer", "revenue", o0 / a0, o1 / a1, parts[3], spread[3]),
        ("order_value", "revenue", r0 / o0, r1 / o1, parts[4], spread[4]),
        ("guests", "revenue", before, after, after - before, math.sqrt(squares)),
    ]
    tree = pd.DataFrame(nodes, columns=["driver", "parent", "before", "after", "contribution", "error"])
    low, high = wald(tree["contribution"], tree["error"])
    tree = tree.assign(change=tree["after"] - tree["before"], contribution_low=low, contribution_high=high, **times)
    if times["data_begin"] >= times["starts"] and not returned:
        tree = tree[tree["driver"] != "returned_customers"]
    return tree[columns].reset_index(drop=True)


def comparable_times(first_day: dt.date, as_of: dt.date, months: int) -> tuple[dt.date, dt.date, dt.date, int] | None:
    """Start of the earlier time, start of the later, last day, months of each; None if not a month of each is there.

    >>> comparable_times(dt.date(2024, 1, 2), dt.date(2025, 12, 31), 12)
    (datetime.date(2024, 1, 1), datetime.date(2025, 1, 1), datetime.date(2025, 12, 31), 12)
    >>> comparable_times(dt.date(1997, 1, 1), dt.date(1998, 6, 30), 12)[3]
    9
    """
    for length in range(months, 0, -1):
        start = first_of_months(as_of, 2 * length)
        if first_day <= start + dt.timedelta(days=_LATE_DAYS):
            return start, first_of_months(as_of, length), as_of, length
    return None


def compared_times(orders: Any, *, as_of: Any, months: int) -> dict[str, Any] | None:
    """The two times that can be compared, and the day on which the data begin; None if there are no two."""
    end = as_day(as_of)
    first_day = data_begin(orders, as_of=end)
    times = first_day and comparable_times(first_day, end, months)
    if not times:
        return None
    return dict(zip(("starts", "changes", "ends", "months", "data_begin"), (*times, first_day), strict=True))


@same_kind
def customer_sums(
    orders: Any,
    *,
    starts: dt.date,
    changes: dt.date,
    as_of: dt.date,
    begins: dt.date | None = None,
    earlier: Any = None,
) -> Any:
    """The one row that :func:`driver_tree` reads: sums over customers, and sums of products of every two of them.

    Per customer 0 or 1: ``a0`` bought in the earlier time, ``a1`` in the later; ``new``, ``returned``, ``lost`` as
    :func:`part_of` says; and ``o0, o1`` orders, ``r0, r1`` revenue of the two times. ``guests0, guests1``: revenue
    without a customer, ``guest_squares``: the sum of its squared amounts. Purchases before ``begins`` do not count;
    customers among the ``earlier`` ones are never new. pandas or Ibis in, same kind out.

    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [10.0, 4.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-01"])})
    >>> days = {"starts": dt.date(2025, 1, 1), "changes": dt.date(2025, 2, 1), "as_of": dt.date(2025, 2, 28)}
    >>> customer_sums(orders, **days)[["new", "lost", "r1"]]
       new  lost   r1
    0    1     1  4.0
    """
    each = each_customer(orders, starts=starts, changes=changes, as_of=as_of, begins=begins)
    part = part_of(each, changes=changes, earlier=earlier)
    flags = {"a0": each.o0 > 0, "a1": each.o1 > 0} | {one: part == one for one in ("new", "returned", "lost")}
    known = each.filter(_.customer_id.notnull()).mutate(**{name: flag.cast("int64") for name, flag in flags.items()})
    sums = {name: known[name].sum() for name in _TOTALS}
    for i, one in enumerate(_TOTALS):
        for two in _TOTALS[i:]:
            sums["_".join(sorted((one, two)))] = (known[one] * known[two]).sum()
    guests = each.filter(_.customer_id.isnull())
    return known.aggregate(**sums).cross_join(
        guests.aggregate(guests0=_.r0.sum(), guests1=_.r1.sum(), guest_squares=_.squares.sum())
    )


def part_of(each: Any, *, changes: dt.date, earlier: Any = None) -> Any:
    """Which part of the change a customer belongs to, as an Ibis column over :func:`each_customer`.

    ``guests``; ``stayed`` (bought in both times), ``lost`` (in the earlier only), ``returned`` (in the later, and
    before both times or among the ``earlier`` customers), ``new`` (first in the later); nothing for who bought in
    neither.
    """
    before, after = each.o0 > 0, each.o1 > 0
    is_old = each["first"] < ibis.literal(changes)
    if earlier is not None:
        is_old |= each.customer_id.isin(earlier.customer_id)
    return ibis.cases(
        (~before & ~after, ibis.null("string")),
        (each.customer_id.isnull(), "guests"),
        (before & after, "stayed"),
        (before, "lost"),
        (is_old, "returned"),
        else_="new",
    )


def each_customer(
    orders: Any, *, starts: dt.date, changes: dt.date, as_of: dt.date, begins: dt.date | None = None, by: str = ""
) -> Any:
    """Orders and revenue of the two times per customer (guests together, without an id), and per value of ``by``.

    Columns: ``customer_id``, with ``by`` its value as ``group``; ``first``, the day of the first purchase; of the
    earlier and the later time ``o0, o1`` orders and ``r0, r1`` revenue; ``squares``, the squared amounts of both.
    """
    bought = purchases(orders, as_of=as_of, guests=True, keep=[by] if by else [])
    if begins is not None:
        bought = bought.filter(_.day >= ibis.literal(begins))
    is_later = bought.day >= ibis.literal(changes)
    is_earlier = (bought.day >= ibis.literal(starts)) & ~is_later
    groups = {"group": bought[by].cast("string").fill_null("–")} if by else {}
    each = bought.group_by(**groups, customer_id="customer_id").agg(
        first=_.day.min(),
        o0=bought.count(where=is_earlier),
        o1=bought.count(where=is_later),
        r0=revenue_of(bought.spend, where=is_earlier).fill_null(0.0),
        r1=revenue_of(bought.spend, where=is_later).fill_null(0.0),
        squares=(bought.spend * bought.spend).sum(where=is_earlier | is_later),
    )
    return made_once(each)


def logarithmic_mean(one: Any, two: Any) -> Any:
    """L(x, y) = (x − y) / (ln x − ln y), and x where both are equal: the weight of LMDI.

    >>> logarithmic_mean(2.0, 2.0), round(logarithmic_mean(1.0, 2.718281828459045), 6)
    (2.0, 1.718282)
    """
    ratio = one / two
    # Near equality the quotient is 0/0; log1p keeps its digits, and the series the rest.
    if abs(ratio - 1) < 1e-6:
        return (one + two) / 2
    return (one - two) / math.log(ratio)


def _contributions(totals: Any) -> Any:
    """New, returned, lost, orders per customer, order value: their shares of the change r1 − r0."""
    a0, a1, new, returned, lost, o0, o1, r0, r1 = (float(value) for value in totals)
    weight = logarithmic_mean(r1, r0)
    # ln(a1/a0) = (new + returned − lost) / L(a1, a0), so each head counts the same, whether it came or went.
    per_head = weight / logarithmic_mean(a1, a0)
    return np.array(
        [
            per_head * new,
            per_head * returned,
            -per_head * lost,
            weight * math.log((o1 / a1) / (o0 / a0)),
            weight * math.log((r1 / o1) / (r0 / o0)),
        ]
    )


def _slopes(totals: Any) -> Any:
    """How the contributions change with each total, by central differences."""
    steps = np.diag(1e-4 * np.maximum(np.abs(totals), 1.0))
    changes = [(_contributions(totals + step) - _contributions(totals - step)) / (2 * step.sum()) for step in steps]
    return np.column_stack(changes)


def drill_down(orders: Any, *, by: str, as_of: Any, months: int = 12, most: int = 12) -> Any:
    """The same change, split by a column of the orders: which store or channel it came from, and through what.

    ``by``: a column of ``orders`` (``channel``, ``store`` …). A frame, one row per value, those that changed most
    first and at most ``most`` of them (the others together as ``…``): ``group, revenue_before, revenue_after, change``
    (client's currency; the column adds up to the change of revenue), and what made it: ``through_customers,
    through_frequency`` (orders per customer)``, through_order_value, through_guests``, contributions that add up to
    ``change`` (the first three are empty where a group has revenue of customers in one time only). Customers count in
    each group in which
    they bought. No rows without two comparable times.

    >>> orders = pd.DataFrame({"customer_id": ["a", "b", "a", "c"], "amount": [10.0, 10.0, 20.0, 5.0],
    ...     "store": ["S1", "S2", "S1", "S2"],
    ...     "ordered_at": pd.to_datetime(["2024-01-01", "2024-05-01", "2025-03-01", "2025-04-01"])})
    >>> drill_down(orders, by="store", as_of="2025-12-31")[["group", "change", "through_order_value"]]
      group  change  through_order_value
    0    S1    10.0                 10.0
    1    S2    -5.0                 -5.0
    """
    columns = [
        "group", "revenue_before", "revenue_after", "change",
        "through_customers", "through_frequency", "through_order_value", "through_guests",
    ]  # fmt: skip
    times = compared_times(orders, as_of=as_of, months=months)
    if times is None or by not in orders.columns:
        return pd.DataFrame(columns=columns)
    days = {"starts": times["starts"], "changes": times["changes"]}
    rows = []
    for group in to_pandas(_group_sums(orders, by=by, as_of=times["ends"], **days)).itertuples(index=False):
        split = [np.nan, np.nan, np.nan]
        if min(group.r0, group.r1) > 0:
            totals = [group.a0, group.a1, group.a1, 0, group.a0, group.o0, group.o1, group.r0, group.r1]
            parts = _contributions(totals)
            split = [parts[:3].sum(), parts[3], parts[4]]
        before, after = group.r0 + group.guests0, group.r1 + group.guests1
        rows.append([group.group, before, after, after - before, *split, group.guests1 - group.guests0])
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values("change", key=lambda change: -change.abs(), kind="stable", ignore_index=True)
    if len(table) > most:
        rest = table.iloc[most - 1 :].drop(columns="group").sum(min_count=len(table) - most + 1)
        table = pd.concat([table.head(most - 1), pd.DataFrame([{"group": "…", **rest}])], ignore_index=True)
    return table


@same_kind
def _group_sums(orders: Any, *, by: str, starts: dt.date, changes: dt.date, as_of: dt.date) -> Any:
    each = each_customer(orders, starts=starts, changes=changes, as_of=as_of, begins=starts, by=by)
    known = each.customer_id.notnull()
    sums = {name: each[name].sum(where=known).fill_null(0) for name in ("o0", "o1", "r0", "r1")}
    guests = {f"guests{i}": each[f"r{i}"].sum(where=~known).fill_null(0.0) for i in (0, 1)}
    heads = {f"a{i}": each.count(where=known & (each[f"o{i}"] > 0)) for i in (0, 1)}
    return each.group_by("group").agg(**heads, **sums, **guests).order_by("group")
