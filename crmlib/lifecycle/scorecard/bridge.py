"""Where the change of revenue came from, in cash: who left, who stayed, who came, and what each of them paid.

Unlike the drivers, which split a change by notional averages, this counts what was paid, so every part can be found
in the books and the parts add up to the cent.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day
from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.scorecard.drivers import compared_times, each_customer, part_of
from crmlib.newcomers import WHOLE, Start
from crmlib.statistics import wald
from crmlib.words import sums

PARTS = ("lost", "stayed", "returned", "new", "new_or_returned", "guests")
"""What the change consists of, in the order in which it is told."""
HARDLY_ANY = 0.01
"""With a smaller share of new ones among those who bought, nobody was being won."""


def revenue_bridge(orders: Any, *, as_of: Any, months: int = 12, start: Start = WHOLE, earlier: Any = None) -> Any:
    """From the revenue of the ``months`` before to that of the last ``months``, by customers who left, stayed and came.

    ``orders``: the contract's orders (pandas or Ibis); the two times are those of
    :func:`~crmlib.lifecycle.scorecard.drivers.driver_tree`. A frame, one row per part: ``part``, ``customers``
    (guests have none), ``before`` and ``after`` (what these customers paid in either time, client's currency),
    ``amount`` (``after - before``; of ``before`` and ``after`` the whole revenue), ``error`` (standard error of the
    amount, if customers come by chance: Poisson), ``months, starts, changes, ends, data_begin`` and ``cut`` (whether
    customers are older than the data). Parts:

    - ``before``: all revenue of the earlier time, and how many customers bought;
    - ``lost``: bought in the earlier time and not in the later; ``stayed``: in both;
    - ``returned``: bought before both times and in the later; ``new``: first bought in the later;
    - ``new_or_returned`` instead of ``new``: where newcomers cannot be told from those who were long away;
    - ``guests``: orders without a customer;
    - ``after``: all revenue of the later time.

    Without revenue before both times, nobody can be seen to return: that part is then left out, unless ``earlier``
    customers are known by name (``start`` and ``earlier``: of :mod:`crmlib.newcomers`).
    No rows without two comparable times.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b", "a", "c"], "amount": [10.0, 10.0, 20.0, 10.0],
    ...     "ordered_at": pd.to_datetime(["2024-01-01", "2024-05-01", "2025-03-01", "2025-04-01"])})
    >>> revenue_bridge(orders, as_of="2025-12-31")[["part", "customers", "amount"]]
         part  customers  amount
    0  before          2    20.0
    1    lost          1   -10.0
    2  stayed          1    10.0
    3     new          1    10.0
    4  guests          0     0.0
    5   after          2    30.0
    """
    import numpy as np
    import pandas as pd

    columns = [
        "part", "customers", "before", "after", "amount", "error", "months", "starts", "changes", "ends", "data_begin",
        "cut",
    ]  # fmt: skip
    times = compared_times(orders, as_of=as_of, months=months)
    if times is None:
        return pd.DataFrame(columns=columns)
    days = {"starts": times["starts"], "changes": times["changes"], "begins": times["data_begin"]}
    is_told = start.tells(times["changes"])
    sums = to_pandas(part_sums(orders, **days, as_of=times["ends"], earlier=earlier if is_told else None))
    sums = sums.set_index("part").rename(index={} if is_told else {"new": "new_or_returned"})
    sums = sums.reindex([part for part in PARTS if part != ("new_or_returned" if is_told else "new")]).fillna(0.0)
    if sums.before.sum() <= 0 or sums.after.sum() <= 0:
        return pd.DataFrame(columns=columns)
    if times["data_begin"] >= times["starts"] and not sums.customers["returned"]:
        sums = sums.drop(index="returned")
    sums["amount"] = sums.after - sums.before
    sums["error"] = np.sqrt(sums.pop("squares"))
    bought = {"before": ["lost", "stayed"], "after": [name for name in sums.index if name not in ("lost", "guests")]}
    ends_of = {
        time: {
            "customers": sums.customers[list(who)].sum(), "before": sums.before.sum(), "after": sums.after.sum(),
            "amount": sums[time].sum(), "error": float(np.sqrt((sums.error**2).sum())),
        }
        for time, who in bought.items()
    }  # fmt: skip
    table = pd.concat([pd.DataFrame([ends_of["before"]], index=["before"]), sums])
    table = pd.concat([table, pd.DataFrame([ends_of["after"]], index=["after"])])
    table = table.rename_axis("part").reset_index().astype({"customers": "int64"})
    return table.assign(**times, cut=start.cut)[columns]


@same_kind
def part_sums(
    orders: Any, *, starts: dt.date, changes: dt.date, as_of: dt.date, begins: dt.date, earlier: Any = None
) -> Any:
    """What :func:`revenue_bridge` reads, one row per part: ``part, customers, before, after, squares``.

    ``squares``: the sum over customers (of guests, over orders) of the squared change. Purchases before ``begins`` do
    not count; customers among the ``earlier`` ones are never new. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [10.0, 4.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-01"])})
    >>> days = {"starts": dt.date(2025, 1, 1), "changes": dt.date(2025, 2, 1), "as_of": dt.date(2025, 2, 28)}
    >>> part_sums(orders, **days, begins=dt.date(2025, 1, 1)).sort_values("part")[["part", "before", "after"]]
       part  before  after
    0  lost    10.0    0.0
    1   new     0.0    4.0
    """
    import ibis

    each = each_customer(orders, starts=starts, changes=changes, as_of=as_day(as_of), begins=begins)
    each = each.mutate(part=part_of(each, changes=changes, earlier=earlier))
    each = each.filter(each.part.notnull())
    change = each.r1 - each.r0
    return (
        each.group_by("part")
        .agg(
            customers=each.customer_id.count(),
            before=each.r0.sum(),
            after=each.r1.sum(),
            squares=ibis.ifelse(each.customer_id.isnull(), each.squares, change * change).sum(),
        )
        .order_by("part")
    )


def amounts_told(bridge: Any) -> tuple[dict[str, float], int]:
    """The amounts of a bridge as they are told, so that the printed parts add up too, and their step (``short``).

    ``bridge``: not empty. Also ``change``, from ``before`` to ``after``.
    """
    parts = bridge.part.tolist()
    told, after, step = sums(bridge.amount.tolist()[:-1], float(bridge.amount.iloc[-1]), fixed=1)
    amounts = dict(zip(parts, [*told, after], strict=True))
    return amounts | {"change": after - amounts["before"]}, step


def change_interval(bridge: Any) -> tuple[float, float]:
    """The 95% interval of the change of revenue, if customers come by chance. ``bridge``: not empty.

    Means of money have Hall's interval (:func:`~crmlib.statistics.skewed`), because few large amounts make them. In a
    change, large amounts stand on both sides and cancel out; the skewness of a sample is then mostly noise, and Hall's
    interval holds less than a plain one. Coverage by simulation, log-normal amounts of σ 1.2 and 1.6: as many
    customers before as after, .97 and .98 (n = 30), .96 and .97 (100), .95 and .95 (1,000), Hall's .89 and .88, .90 and
    .89, .93 and .90; twice as many after as before, .94 and .92, .95 and .94, .94 and .94, Hall's .89 and .86, .90 and
    .88, .93 and .90. Where nobody bought before, a plain interval would hold too little (.87 and .77 at n = 30), but
    then there is no bridge.
    """
    at = bridge.set_index("part")
    low, high = wald(float(at.amount["after"] - at.amount["before"]), float(at.error["after"]))
    return float(low), float(high)


def part_of_new(bridge: Any) -> str:
    """The part of those who came: ``new``, or ``new_or_returned`` where newcomers cannot be told.

    >>> import pandas as pd
    >>> part_of_new(pd.DataFrame({"part": ["lost", "stayed", "new_or_returned"]}))
    'new_or_returned'
    """
    return "new" if (bridge.part == "new").any() else "new_or_returned"


def is_closed(bridge: Any) -> bool:
    """Whether hardly anybody was won in the later time: such a base can only shrink, while its rates improve.

    "Hardly anybody": of the known customers who bought in it, at most one in a hundred was new.
    """
    if bridge.empty:
        return False
    at = bridge.set_index("part").customers
    return bool(at["after"] > 0 and at.get(part_of_new(bridge), 0) <= HARDLY_ANY * at["after"])


def is_filling(bridge: Any) -> bool:
    """Whether the data begin with the earlier time, so that the known customers grow by themselves."""
    return not bridge.empty and bool(as_day(bridge.data_begin.iloc[0]) >= as_day(bridge.starts.iloc[0]))


def grows_by_itself(bridge: Any) -> bool:
    """Whether customers begin with the data and with the earlier time, so that part of a growth is their number.

    Where customers are older than the data, sales are whole from the first day on.
    """
    return is_filling(bridge) and not ("cut" in bridge.columns and bool(bridge["cut"].iloc[0]))
