"""Complaints that wait: whether their customers come back less often, and what that costs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day, end_of
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.lifecycle.churn.features import SLA_HOURS, solved_at
from crmlib.purchases import contribution, purchase_days, purchases, revenue_of
from crmlib.statistics import difference, mean_of_sums, newcombe

if TYPE_CHECKING:
    import pandas as pd

SHOPS, ONLINE, ALL = "shops", "online", "all"
_ONLINE = (
    "web|online|e-?shop|e-?commerce|taobao|tmall|shopify"
    "|网店|官网|电商|线上|网上|淘宝|天猫|京东|拼多多|抖音|小程序|微商城"
)


@same_kind
def complaint_outcomes(
    orders: Any,
    tickets: Any,
    *,
    as_of: Any,
    within: int = 180,
    sla_hours: float = SLA_HOURS,
    margin: float = 1.0,
) -> Any:
    """What each complaint's customer did afterwards: one row per complaint of a customer who had bought, sorted.

    Columns: ``ticket_id``, ``customer_id``, ``opened_on``; ``place`` of the purchase before it (``shops``, ``online``
    where no store is known or its name says so, ``all`` where no order knows a store); ``slow`` (it waited for more
    than ``sla_hours``, or is open and has waited for so long); ``followed`` (``within`` days have passed since, up to
    ``as_of``); ``again`` (1: bought in these days, on a later day than that of the complaint); ``profit`` of these
    purchases (spend less cost, or times ``margin``; client's currency). Complaints that are open and too young to be
    judged slow have no row, and none has where no ticket says when it was solved. pandas or Ibis in, same kind out.
    """
    import ibis

    end = ibis.literal(end_of(as_of))
    bought = purchases(orders, as_of=as_of, keep=("store", "cost"))
    bought = bought.select(
        "customer_id", bought_on="day", place=place_of(orders, bought), left=contribution(bought, margin=margin)
    )
    solved = solved_at(tickets)
    told = solved is not None and "is_complaint" in tickets.columns
    flag = tickets.is_complaint.cast("boolean") if told else ibis.literal(False)
    known = tickets.mutate(
        complaint=flag,
        solved=ibis.null("timestamp") if solved is None else solved,
        opened=tickets.opened_at.cast("timestamp"),
    )
    known = known.filter(known.complaint & known.customer_id.notnull() & (known.opened < end))
    known = known.select(
        "ticket_id", "opened", customer_id=known.customer_id.cast("string"), opened_on=known.opened.cast("date"),
        is_open=(known.solved.isnull() | (known.solved >= end)),
        hours=(ibis.coalesce(known.solved, end.cast("timestamp")).epoch_seconds() - known.opened.epoch_seconds())
        / 3600,
    )  # fmt: skip
    known = known.filter(~known.is_open | (known.hours > sla_hours))
    pairs = known.join(bought, "customer_id")
    days = pairs.bought_on.delta(pairs.opened_on, unit="day")
    pairs = pairs.mutate(days=days)
    before = pairs.filter(pairs.days <= 0)
    last = before.group_by("ticket_id").agg(last_days=before.days.max())
    place = before.join(last, "ticket_id").filter(lambda t: t.days == t.last_days)
    place = place.group_by("ticket_id").agg(place=place.place.min())
    after = pairs.filter((pairs.days > 0) & (pairs.days <= within))
    after = after.group_by("ticket_id").agg(orders=after.count(), left=after.left.sum())
    each = known.inner_join(place, "ticket_id").left_join(after, "ticket_id").drop("ticket_id_right")
    followed = each.opened_on <= ibis.literal(as_day(as_of) - dt.timedelta(days=within))
    return made_once(
        each.select(
            "ticket_id", "customer_id", "opened_on", "place", "is_open", slow=each.hours > sla_hours,
            followed=followed, again=(each.orders.fill_null(0) > 0).cast("int64"), profit=each.left.fill_null(0.0),
        ).order_by("ticket_id")
    )  # fmt: skip


def place_of(orders: Any, bought: Any) -> Any:
    """Where each purchase (an Ibis table with ``store``) was made: ``shops``, ``online``; ``all`` if no order says."""
    import ibis

    if "store" not in orders.columns or not orders.store.count().execute():
        return ibis.literal(ALL)
    store = bought.store.cast("string").lower()
    return ibis.ifelse(store.isnull() | store.re_search(_ONLINE), ONLINE, SHOPS)


def slow_complaints(outcomes: Any, *, as_of: Any, level: float = 0.95) -> pd.DataFrame:
    """Whether customers whose complaint waited too long come back less often than those with a quick answer.

    ``outcomes``: from :func:`complaint_outcomes`. One row per ``place`` with at least 30 followed complaints of either
    kind: ``quick``, ``slow`` (followed complaints), ``quick_again``, ``slow_again`` (share of their customers who
    bought in time), ``difference`` (slow less quick) with ``low, high`` (Newcombe), ``quick_profit``, ``slow_profit``
    (mean per complaint, client's currency), ``lost`` (quick less slow) with ``lost_low, lost_high``; ``slow_year``,
    slow complaints opened in the last 365 days up to ``as_of``. Nobody drew by lot who waits; what complaints are
    about, and where, may differ. The first row is the place in which most complaints waited. Empty without any.
    """
    import ibis
    import pandas as pd

    table = to_ibis(outcomes)
    a_year_ago = ibis.literal(as_day(as_of) - dt.timedelta(days=365))
    is_followed = table.followed
    counted = to_pandas(
        table.group_by("place", "slow")
        .agg(
            cases=is_followed.sum().fill_null(0),
            again=(is_followed & (table.again == 1)).sum().fill_null(0),
            profit=table.profit.sum(where=is_followed).fill_null(0.0),
            squares=(table.profit * table.profit).sum(where=is_followed).fill_null(0.0),
            cubes=(table.profit * table.profit * table.profit).sum(where=is_followed).fill_null(0.0),
            year=(table.opened_on > a_year_ago).sum().fill_null(0),
        )
        .order_by("place", "slow")
    )
    rows = []
    for place, part in counted.groupby("place", sort=True):
        arms = part.set_index("slow")
        if set(arms.index) != {False, True} or (arms.cases < _FEWEST).any():
            continue
        quick, slow = arms.loc[False], arms.loc[True]
        rates = [arm.again / arm.cases for arm in (quick, slow)]
        low, high = newcombe(slow.again, slow.cases, quick.again, quick.cases, level=level)
        means = [arm.profit / arm.cases for arm in (quick, slow)]
        ranges = [
            mean_of_sums(arm.profit, arm.squares, arm.cases, cubes=arm.cubes, level=level) for arm in (quick, slow)
        ]
        lost_low, lost_high = difference(means[0], ranges[0], means[1], ranges[1])
        rows.append(
            (place, int(quick.cases), int(slow.cases), *rates, rates[1] - rates[0], low, high, *means,
             means[0] - means[1], float(lost_low), float(lost_high), int(slow.year))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=_SLOW).sort_values("slow", ascending=False, kind="stable", ignore_index=True)


_FEWEST = 30
_SLOW = [
    "place", "quick", "slow", "quick_again", "slow_again", "difference", "low", "high", "quick_profit", "slow_profit",
    "lost", "lost_low", "lost_high", "slow_year",
]  # fmt: skip


@same_kind
def waiting_for_amends(outcomes: Any, orders: Any, *, as_of: Any, days: int = 90, margin: float = 1.0) -> Any:
    """Customers whose complaint of the last ``days`` days waited too long, and who have not bought since.

    ``outcomes``: from :func:`complaint_outcomes`. One row per customer, sorted: ``customer_id``, ``place`` (of the
    purchase before), ``value`` (profit of the customer's last 365 days, client's currency), ``opened_on`` (the last
    such complaint), ``is_open`` (one is open). pandas or Ibis in, same kind out.
    """
    import ibis

    end = as_day(as_of)
    recent = outcomes.filter(outcomes.slow & (outcomes.opened_on > ibis.literal(end - dt.timedelta(days=days))))
    each = recent.group_by("customer_id").agg(
        place=recent.place.max(), opened_on=recent.opened_on.max(), is_open=recent.is_open.any()
    )
    days_of = purchase_days(orders, as_of=end)
    last = days_of.group_by("customer_id").agg(last_day=days_of.day.max())
    bought = purchases(orders, as_of=end, keep=("cost",))
    bought = bought.mutate(left=contribution(bought, margin=margin))
    year = bought.filter(bought.day > ibis.literal(end - dt.timedelta(days=365)))
    worth = year.group_by("customer_id").agg(value=revenue_of(year.left))
    each = each.inner_join(last, "customer_id").left_join(worth, "customer_id").drop("customer_id_right")
    each = each.filter(each.last_day <= each.opened_on)
    return each.select(
        "customer_id", "place", value=each.value.fill_null(0.0).round(2), opened_on="opened_on", is_open="is_open"
    ).order_by("customer_id")
