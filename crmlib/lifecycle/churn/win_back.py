"""Winning back: who comes back without help, what a returned customer brings, and whom an offer changes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.lifecycle.churn.features import features, solved_at
from crmlib.lifecycle.churn.model import BuyingModel, with_risk
from crmlib.lifecycle.experiments import play_effect
from crmlib.purchases import contribution, purchase_days, purchases, revenue_of
from crmlib.statistics import bonferroni, mean_of_sums, wilson

if TYPE_CHECKING:
    import pandas as pd

COMPLAINED, WAITED, NOTHING = "complained", "waited", "nothing known"
SMALL_BASE = 30


@same_kind
def silent_customers(
    orders: Any,
    actions: Any = None,
    tickets: Any = None,
    *,
    as_of: Any,
    silent_after: int,
    within: int = 90,
    sla_hours: float = 24,
    value_days: int = 180,
    margin: float = 1.0,
) -> Any:
    """Everybody whose silence grew longer than a line in the year that can be followed, and what they did then.

    One row per silence that passed ``silent_after`` days between 365 + ``within`` and ``within`` days before ``as_of``,
    sorted: ``customer_id``, ``silent_on`` (the day on which it did), ``came_back`` (1: bought in the next ``within``
    days), ``helped`` (an action of the arm ``treat`` was assigned in the silence before the customer came back, or
    before these days were over; empty without actions), ``known`` (what complaints since the last purchase tell:
    ``waited`` for more than ``sla_hours``, ``complained``, ``nothing known``; empty where no ticket says when it was
    solved), ``value`` (contribution from the purchase that ended the
    silence through the next ``value_days``; client's currency; empty for those who did not come back, or are not
    followed for so long). pandas or Ibis in, same kind out.
    """  # fmt: skip
    import ibis

    end = as_day(as_of)
    days = purchase_days(orders, as_of=end)
    line = ibis.interval(days=silent_after + 1)
    spells = days.select("customer_id", "day", "next_day", silent_on=(days.day + line).cast("date"))
    latest, first = end - dt.timedelta(days=within), end - dt.timedelta(days=within + 365)
    passed = spells.next_day.isnull() | (spells.next_day >= spells.silent_on)
    spells = spells.filter(
        passed & (spells.silent_on <= ibis.literal(latest)) & (spells.silent_on > ibis.literal(first))
    )
    wait = spells.next_day.delta(spells.silent_on, unit="day")
    spells = spells.mutate(
        came_back=((wait >= 0) & (wait < within)).fill_null(False).cast("int64"),
        until=ibis.least(
            spells.next_day.coalesce(ibis.literal(end)), (spells.silent_on + ibis.interval(days=within)).cast("date")
        ),
    )
    keys = ["customer_id", "day"]
    helped, known = ibis.null("boolean"), ibis.null("string")
    if actions is not None and "arm" in actions.columns and actions.count().execute():
        given = actions.filter(actions.arm == "treat").select(
            who=actions.customer_id.cast("string"), given_on=actions.assigned_at.cast("date")
        )
        pairs = spells.join(given, spells.customer_id == given.who)
        pairs = pairs.filter((pairs.given_on > pairs.day) & (pairs.given_on <= pairs.until))
        spells = spells.left_join(pairs.select(*keys, given=ibis.literal(True)).distinct(), keys)
        spells = spells.drop("customer_id_right", "day_right")
        helped = spells.given.fill_null(False)
    solved = None if tickets is None or "is_complaint" not in tickets.columns else solved_at(tickets)
    if solved is not None:
        hours = (solved.epoch_seconds() - tickets.opened_at.cast("timestamp").epoch_seconds()) / 3600
        told = tickets.filter(tickets.is_complaint.cast("boolean")).select(
            who=tickets.customer_id.cast("string"), opened_on=tickets.opened_at.cast("date"),
            slow=((hours > sla_hours) | hours.isnull()).cast("int64"),
        )  # fmt: skip
        pairs = spells.join(told, spells.customer_id == told.who)
        since = pairs.silent_on.delta(pairs.opened_on, unit="day")
        pairs = pairs.filter((since > 0) & (pairs.opened_on >= pairs.day))
        found = pairs.group_by(*keys).agg(slow=pairs.slow.max())
        spells = spells.left_join(found, keys).drop("customer_id_right", "day_right")
        known = ibis.cases((spells.slow == 1, WAITED), (spells.slow == 0, COMPLAINED), else_=NOTHING)
    spells = spells.select(*keys, "next_day", "silent_on", "came_back", helped=helped, known=known)
    bought = purchases(orders, as_of=end, keep=("cost",))
    bought = bought.select(who="customer_id", bought_on="day", left=contribution(bought, margin=margin))
    back = spells.filter(
        (spells.came_back == 1) & (spells.next_day <= ibis.literal(end - dt.timedelta(days=value_days)))
    )
    pairs = back.join(bought, back.customer_id == bought.who)
    since = pairs.bought_on.delta(pairs.next_day, unit="day")
    pairs = pairs.filter((since >= 0) & (since < value_days))
    worth = pairs.group_by(*keys).agg(value=revenue_of(pairs.left))
    joined = spells.left_join(worth, keys)
    return joined.select("customer_id", "silent_on", "came_back", "helped", "known", "value").order_by(
        "customer_id", "silent_on"
    )


def win_back_rates(silent: Any, *, by: str | None = None, level: float = 0.95) -> pd.DataFrame:
    """How many of the silent come back, with help and without: one row per ``helped`` (and ``by``, such as ``known``).

    ``silent``: from :func:`silent_customers`. Columns: ``helped``, ``silent``, ``came_back``, ``rate`` with its Wilson
    interval ``low, high``; ``value`` (mean contribution of those who came back and could be followed) with
    ``value_low, value_high``, of ``valued`` customers. Help was not drawn by lot here: the rates with and without are
    no comparison. Where it is empty, nobody knows who was helped. Empty without any.
    """
    table = to_ibis(silent)
    groups = ["helped", *([by] if by else [])]
    counted = to_pandas(
        table.group_by(*groups).agg(
            silent=table.count(), came_back=table.came_back.sum(), valued=table.value.count(),
            total=revenue_of(table.value).fill_null(0.0), squares=revenue_of(table.value**2).fill_null(0.0),
            cubes=revenue_of(table.value**3).fill_null(0.0),
        ).order_by(*groups)
    )  # fmt: skip
    low, high = wilson(counted.came_back.astype(float), counted.silent.astype(float), level=level)
    told = counted.assign(
        rate=counted.came_back / counted.silent, low=low, high=high, value=counted.total / counted.valued.where(
            counted.valued > 0)
    )  # fmt: skip
    told["value_low"], told["value_high"] = mean_of_sums(
        told.total, told.squares, told.valued, cubes=told.cubes, level=level
    )
    return told.drop(columns=["total", "squares", "cubes"])


def tested_offer(effects: Any) -> Any:
    """The row of the offer that is told: of those that chance drew, with 30 people on either side, the one that cost
    most; None without any.

    ``effects``: from :func:`~crmlib.lifecycle.experiments.play_effect`.
    """
    tested = effects[effects.drawn & (effects.treated >= SMALL_BASE) & (effects.control >= SMALL_BASE)]
    return None if tested.empty else tested.sort_values(["cost_year", "treated"], kind="stable").iloc[-1]


def effect_by_risk(
    actions: Any,
    orders: Any,
    model: BuyingModel | None,
    *,
    effects: Any,
    within_days: int,
    as_of: Any,
    margin: float = 1.0,
    tables: dict[str, Any] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Whom a tested offer changed: its effect among customers of low, middle and high risk when it was assigned.

    ``effects``: from :func:`~crmlib.lifecycle.experiments.play_effect`, of which :func:`tested_offer` is looked at.
    ``model``: from :func:`~crmlib.lifecycle.churn.fit_model`; risks are those of the day before the assignment.
    ``tables``: those of :func:`~crmlib.lifecycle.churn.features` that there are, by name. One row per third of the risk
    (``risk_group`` 1 to 3): ``risk_from``, ``risk_to``, and the columns of
    :func:`~crmlib.lifecycle.experiments.play_effect`, whose intervals hold for the three rows at once (Bonferroni).
    Empty without a model or an offer, or where a third has no 30 customers in either arm.
    """  # fmt: skip
    import ibis
    import numpy as np
    import pandas as pd

    offer = tested_offer(effects)
    if model is None or offer is None:
        return pd.DataFrame()
    mine = to_ibis(actions)
    mine = mine.filter(mine.play == offer.play)
    day_before = (mine.assigned_at.cast("date") - ibis.interval(days=1)).cast("date")
    asked = mine.select("action_id", customer_id=mine.customer_id.cast("string"), day=day_before)
    given = {name: to_ibis(table) for name, table in (tables or {}).items()}
    known = with_risk(features(asked.select("customer_id", "day"), to_ibis(orders), **given), model)
    each = to_pandas(asked.inner_join(known.select("customer_id", "day", "risk"), ["customer_id", "day"]).select(
        "action_id", "risk"
    ).order_by("action_id"))  # fmt: skip
    if len(each) < 6 * SMALL_BASE:
        return pd.DataFrame()
    rank = np.argsort(np.argsort(each.risk.to_numpy(), kind="stable"), kind="stable")
    each["risk_group"] = 1 + rank * 3 // len(each)
    rows = []
    for group, part in each.groupby("risk_group"):
        chosen = mine.semi_join(ibis.memtable(part[["action_id"]]), "action_id")
        found = play_effect(
            chosen,
            to_ibis(orders),
            within_days=within_days,
            as_of=as_of,
            margin=margin,
            level=bonferroni(3, level=level),
        )
        rows.append(found.assign(risk_group=group, risk_from=part.risk.min(), risk_to=part.risk.max()))
    table = pd.concat(rows, ignore_index=True)
    return table if len(table) == 3 and (table[["treated", "control"]] >= SMALL_BASE).all(axis=None) else table.head(0)
