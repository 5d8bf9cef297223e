"""What was known of customers on a day, and nothing later: what models of coming back are fed with."""

from __future__ import annotations

import datetime as dt
import functools
import re
from pathlib import Path
from typing import Any

from crmlib.calendar import as_day
from crmlib.engine import made_once, same_kind
from crmlib.lifecycle.churn.silence import average_gap
from crmlib.purchases import every_so_many, purchase_days, purchases

SLA_HOURS = 24
_RECENT, _YEAR = 180, 365
MOST_MODELLED = 20_000
"""So many customers teach a model at most; of more, every so many-th."""
AMOUNTS = ("tenure_days", "purchases", "spend")
GAPS = ("overdue",)
MOST_OVERDUE = 10.0
"""A silence of more of a customer's gaps says no more than one of so many."""
SIGNS = ("waited", "service", "quality", "price", "unhappy", "discounts", "drifted", "under_contract")
REASONS = ("price", "quality", "service", "need")


@same_kind
def moments(orders: Any, *, as_of: Any, active_within: int = _YEAR, most: int | None = None) -> Any:
    """The customers to be looked at on a day: who bought by then, and last at most ``active_within`` days before.

    Columns: ``customer_id``, ``day``; one row per customer, sorted. ``most``: of more buyers, every
    so many-th is looked at, the same in every run. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": 1.0,
    ...     "ordered_at": pd.to_datetime(["2024-01-31", "2025-02-01"])})
    >>> moments(orders, as_of="2025-03-01").customer_id.tolist()
    ['b']
    """
    import ibis

    end = as_day(as_of)
    days = purchase_days(orders, as_of=end)
    last = days.group_by("customer_id").agg(last_day=days.day.max())
    known = last.filter(last.last_day >= ibis.literal(end - dt.timedelta(days=active_within)))
    some = None if most is None else every_so_many(orders, as_of=end, most=most)[1]
    if some is not None:
        known = known.semi_join(some, "customer_id")
    return known.select("customer_id", day=ibis.literal(end)).order_by("customer_id")


@same_kind
def features(
    moments: Any,
    orders: Any,
    tickets: Any = None,
    surveys: Any = None,
    order_lines: Any = None,
    subscriptions: Any = None,
    *,
    sla_hours: float = SLA_HOURS,
) -> Any:
    """What was known of each customer at the end of a day: one row per moment (``customer_id``, ``day``), sorted.

    ``silence_days`` and ``tenure_days`` (from the last and the first purchase to the day), ``purchases`` (days with
    one), ``spend`` (client's currency, of a day with a purchase on average), ``overdue`` (the silence in the customer's
    own usual gaps, as in :func:`~crmlib.lifecycle.churn.silence_on`, at most 10; the average gap is that of the first
    of the days). And signs, 0 or 1: ``waited`` (a complaint
    of the last 180 days took longer than ``sla_hours``, as far as was known on the day), ``service``, ``quality``,
    ``price`` (what the complaints of these days were about, by ``reasons.yaml``), ``unhappy`` (last answer of the year
    to the NPS question 6 or less, or CSAT 2 or less), ``discounts`` (half of the orders or more had one),
    ``drifted`` (nothing of the last purchase is of a category bought before), ``under_contract`` (a subscription runs).
    A sign whose table or column is not there is 0 throughout, and so is ``waited`` where no ticket says when it was
    solved. Who had not bought by the day has no row. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"order_id": ["1", "2", "3"], "customer_id": ["a", "a", "a"], "amount": [4.0, 6.0, 9.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-11", "2025-02-20"])})
    >>> some = pd.DataFrame({"customer_id": ["a"], "day": pd.to_datetime(["2025-01-31"])})
    >>> features(some, orders)[["silence_days", "tenure_days", "purchases", "spend"]]
       silence_days  tenure_days  purchases  spend
    0            20           30          2    5.0
    """
    import ibis

    asked = moments.select(customer_id=moments.customer_id.cast("string"), day=moments.day.cast("date")).distinct()
    begin, end = _ends(asked.day)
    people = asked.select("customer_id").distinct()
    bought = purchases(orders, as_of=end, keep=("discount", "coupon", "order_id")).semi_join(people, "customer_id")
    reduced = (bought.discount.cast("float64").fill_null(0.0) > 0) | bought.coupon.notnull()
    daily = bought.group_by("customer_id", bought_on="day").agg(
        spend=bought.spend.sum(), orders=bought.count(), reduced=reduced.sum()
    )
    pairs = asked.join(daily, "customer_id").filter(lambda t: t.bought_on <= t.day)
    each = pairs.group_by("customer_id", "day").agg(
        first_day=pairs.bought_on.min(), last_day=pairs.bought_on.max(), purchases=pairs.count().cast("int64"),
        spend=pairs.spend.mean().round(6), reduced=pairs.reduced.sum() / pairs.orders.sum(),
    )  # fmt: skip
    each = each.mutate(
        silence_days=each.day.delta(each.last_day, unit="day").cast("int64"),
        tenure_days=each.day.delta(each.first_day, unit="day").cast("int64"),
        discounts=(each.reduced >= 0.5).cast("int64"),
    )
    each = each.cross_join(average_gap(orders, as_of=begin))
    gap = (each.last_day.delta(each.first_day, unit="day") + each.average_gap) / each.purchases
    each = each.mutate(overdue=ibis.least(each.silence_days / gap, MOST_OVERDUE))
    parts = {
        **_complaints(asked, tickets, sla_hours), **_answers(asked, surveys),
        **_drift(asked, bought, order_lines), **_contract(asked, subscriptions),
    }  # fmt: skip
    for name, part in parts.items():
        if part is None:
            each = each.mutate(**{name: ibis.literal(0, type="int64")})
            continue
        each = each.left_join(part.select("customer_id", "day", name), ["customer_id", "day"])
        each = each.drop("customer_id_right", "day_right")
    columns = {name: each[name].fill_null(0).cast("int64") for name in SIGNS}
    table = each.select("customer_id", "day", "silence_days", *AMOUNTS, *GAPS, **columns)
    return made_once(table.order_by("customer_id", "day"))


def _ends(days: Any) -> tuple[dt.date, dt.date]:
    """The first and the last of the days (an Ibis column)."""
    found = days.as_table().agg(first=days.min(), last=days.max()).to_pandas().iloc[0]
    nobody = dt.date(1900, 1, 1)
    return tuple(nobody if day is None or day != day else as_day(day) for day in found)  # type: ignore[return-value]


def _complaints(asked: Any, tickets: Any, sla_hours: float) -> dict[str, Any]:
    import ibis

    names = ("waited", "service", "quality", "price")
    if tickets is None or "is_complaint" not in tickets.columns:
        return dict.fromkeys(names)
    told = [tickets[name].cast("string") for name in ("category", "reason", "text") if name in tickets.columns]
    text = functools.reduce(lambda one, other: one + " " + other, [part.fill_null("") for part in told]) if told else ""
    solved = solved_at(tickets)
    complaints = tickets.filter(tickets.is_complaint.cast("boolean") & tickets.customer_id.notnull()).select(
        customer_id=tickets.customer_id.cast("string"), opened_at=tickets.opened_at.cast("timestamp"),
        solved_at=ibis.null("timestamp") if solved is None else solved, text=text if told else ibis.literal(""),
    )  # fmt: skip
    complaints = complaints.mutate(
        opened_on=complaints.opened_at.cast("date"),
        **{name: about(complaints.text.lower(), name).cast("int64") for name in ("service", "quality", "price")},
    )
    pairs = asked.join(complaints, "customer_id")
    ago = pairs.day.delta(pairs.opened_on, unit="day")
    pairs = pairs.filter((ago >= 0) & (ago <= _RECENT))
    # Until the end of the day: what was solved later was still open then.
    end = (pairs.day + ibis.interval(days=1)).cast("timestamp")
    until = ibis.ifelse(pairs.solved_at < end, pairs.solved_at, end).fill_null(end)
    hours = (until.epoch_seconds() - pairs.opened_at.epoch_seconds()) / 3600
    pairs = pairs.mutate(waited=(hours > sla_hours).cast("int64"))
    found = pairs.group_by("customer_id", "day").agg(**{name: pairs[name].max() for name in names})
    return {**dict.fromkeys(names, found), **({"waited": None} if solved is None else {})}


def solved_at(tickets: Any) -> Any:
    """When each ticket was solved (Ibis timestamps); None where no ticket says so: then nobody knows who waited."""
    known = "resolved_at" in tickets.columns and tickets.resolved_at.count().execute()
    return tickets.resolved_at.cast("timestamp") if known else None


def about(text: Any, reason: str) -> Any:
    """Whether a text in small letters (an Ibis column) speaks of a reason, by the words of ``reasons.yaml``."""
    return text.re_search("|".join(re.escape(word) for word in reason_words()[reason]))


@functools.cache
def reason_words() -> dict[str, list[str]]:
    """The words that stand for each reason: ``reasons.yaml``.

    >>> sorted(reason_words())
    ['need', 'price', 'quality', 'service']
    """
    import yaml

    return yaml.safe_load((Path(__file__).parent / "reasons.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _answers(asked: Any, surveys: Any) -> dict[str, Any]:
    import ibis

    if surveys is None or "score" not in surveys.columns:
        return {"unhappy": None}
    told = surveys.filter(surveys.score.notnull() & surveys.customer_id.notnull() & surveys.kind.isin(["nps", "csat"]))
    bad = ibis.ifelse(told.kind == "nps", told.score.cast("float64") <= 6, told.score.cast("float64") <= 2)
    told = told.select(
        customer_id=told.customer_id.cast("string"), at=told.answered_at.cast("date"), bad=bad.cast("int64")
    )
    pairs = asked.join(told, "customer_id")
    ago = pairs.day.delta(pairs["at"], unit="day")
    pairs = pairs.filter((ago >= 0) & (ago <= _YEAR))
    last = pairs.group_by("customer_id", "day").agg(last_at=pairs["at"].max())
    latest = pairs.join(last, ["customer_id", "day"]).filter(lambda t: t["at"] == t.last_at)
    return {"unhappy": latest.group_by("customer_id", "day").agg(unhappy=latest.bad.max())}


def _drift(asked: Any, bought: Any, lines: Any) -> dict[str, Any]:
    """Whether the last purchase by the day holds only categories that were new with it."""
    if lines is None or "category" not in lines.columns:
        return {"drifted": None}
    kinds = lines.filter(lines.category.notnull())
    kinds = kinds.select(line_order=kinds.order_id.cast("string"), kind=kinds.category).distinct()
    held = bought.join(kinds, bought.order_id.cast("string") == kinds.line_order)
    first = held.group_by("customer_id", "kind").agg(kind_since=held.day.min())
    held = held.select("customer_id", "kind", bought_on="day").distinct().join(first, ["customer_id", "kind"])
    held = held.mutate(old=(held.kind_since < held.bought_on).cast("int64"))
    visits = held.group_by("customer_id", "bought_on").agg(old=held.old.max())
    pairs = asked.join(visits, "customer_id").filter(lambda t: t.bought_on <= t.day)
    last = pairs.group_by("customer_id", "day").agg(last_on=pairs.bought_on.max(), visits=pairs.count())
    latest = pairs.join(last, ["customer_id", "day"]).filter(lambda t: t.bought_on == t.last_on)
    drifted = ((latest.old == 0) & (latest.visits > 1)).cast("int64")
    return {"drifted": latest.select("customer_id", "day", drifted=drifted)}


def _contract(asked: Any, subscriptions: Any) -> dict[str, Any]:
    import ibis

    if subscriptions is None or "customer_id" not in subscriptions.columns:
        return {"under_contract": None}
    stop = subscriptions.ended_at.cast("date") if "ended_at" in subscriptions.columns else ibis.null("date")
    terms = subscriptions.filter(subscriptions.customer_id.notnull()).select(
        customer_id=subscriptions.customer_id.cast("string"), start=subscriptions.started_at.cast("date"), stop=stop
    )
    pairs = asked.join(terms, "customer_id")
    runs = pairs.filter((pairs.start <= pairs.day) & (pairs.stop.isnull() | (pairs.stop > pairs.day)))
    return {"under_contract": runs.select("customer_id", "day", under_contract=ibis.literal(1)).distinct()}


@same_kind
def with_outcomes(features: Any, orders: Any, *, within: int) -> Any:
    """The features with ``bought``: whether the customer bought in the ``within`` days after the day (0 or 1).

    Take moments of which so many days are over: what came later is not looked at. pandas or Ibis in, same kind out.
    """
    import ibis

    table = features.mutate(day=features.day.cast("date"))
    _, end = _ends(table.day)
    days = purchase_days(orders, as_of=end + dt.timedelta(days=within)).select("customer_id", bought_on="day")
    pairs = table.select("customer_id", "day").join(days, "customer_id")
    later = pairs.bought_on.delta(pairs.day, unit="day")
    found = (
        pairs.filter((later > 0) & (later <= within)).select("customer_id", "day", bought=ibis.literal(1)).distinct()
    )
    joined = table.left_join(found, ["customer_id", "day"]).drop("customer_id_right", "day_right")
    return joined.mutate(bought=joined.bought.fill_null(0).cast("int64")).order_by("customer_id", "day")
