"""The base measures of which KPIs are made: one row per period, counted from the contract's tables.

Two rules hold for all. Zero is a count, empty is not known: a period outside a table's time, or one whose follow-up
is not over, is empty. And a case is counted in the period in which it began (a lead when it came in, a buyer when
they bought), with a follow-up of fixed length, so that early and late periods had equal chances.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd
from ibis import _

from crmlib.answers import DETRACTORS_TO, PROMOTERS_FROM, respondent, tally, whole_score
from crmlib.calendar import (
    LONGEST_DAYS,
    PERIODS_A_YEAR,
    Period,
    as_day,
    end_of,
    first_whole_period,
    later,
    period_start,
    unit_of,
    whole_periods,
)
from crmlib.engine import same_kind, to_pandas
from crmlib.newcomers import WHOLE, Start
from crmlib.purchases import purchases

# What a scorecard can be counted by.
PERIODS = ("week", "month", "quarter")


@dataclass(frozen=True)
class BaseMeasure:
    """What a base measure reads."""

    table: str
    columns: tuple[str, ...]


# A table, the columns that are read, and the measures that need all of them.
_READ = {
    ("orders", "customer_id", "ordered_at", "amount"): "revenue orders revenue_squares guest_revenue buyers "
    "new_customers new_customers_again returning_customers buyers_again active_customers active_at_start lapsed "
    "silent_at_start won_back "
    "known_customers expected_value expected_value_low expected_value_high",
    ("spend", "spent_on", "cost"): "marketing_cost",
    ("leads", "created_at"): "leads",
    ("leads", "created_at", "converted_at"): "converted_leads",
    ("surveys", "answered_at", "kind", "score"): "nps_answers promoters detractors nps_effective_answers "
    "nps_effective_answers_in_quarter csat_answers csat_sum csat_satisfied",
    ("tickets", "opened_at", "csat"): "service_csat_answers service_csat_sum service_csat_satisfied",
    ("tickets", "opened_at", "is_complaint"): "complaints_opened",
    ("tickets", "opened_at", "is_complaint", "resolved_at"): "complaints_due complaints_resolved",
}
BASE_MEASURES = {
    name: BaseMeasure(table, tuple(columns)) for (table, *columns), names in _READ.items() for name in names.split()
}
"""The base measures by name; what each counts is told in ``names.measures`` of the words."""


# Sums of these over months are what a count over the quarter would give; nobody is in them twice, nothing is a stock.
ADDITIVE = frozenset(
    {"revenue", "orders", "revenue_squares", "guest_revenue", "new_customers"}
    | {name for name, measure in BASE_MEASURES.items() if measure.table != "orders"}
)


# What does not add up over months, and the measure that says it of their whole quarter.
OF_QUARTER = {"nps_effective_answers": "nps_effective_answers_in_quarter"}


def base_measures(
    *,
    orders: Any,
    leads: Any = None,
    spend: Any = None,
    surveys: Any = None,
    tickets: Any = None,
    equity: Any = None,
    as_of: Any,
    period: Period = "month",
    silent_days: int = 180,
    repurchase_days: int = 90,
    follow_up_days: int = 90,
    sla_hours: float = 24,
    start: Start = WHOLE,
    earlier: Any = None,
) -> Any:
    """Everything that KPIs can be made of: one row per whole period, one column per entry of ``BASE_MEASURES``.

    The tables are the contract's (pandas or Ibis); those that are empty or not given leave their measures
    empty. ``period`` is the first day of the period. Answers a pandas frame, because a period's counts are few. The
    parameters are those of :func:`order_measures`, :func:`lead_measures` and :func:`ticket_measures`. ``equity``: a
    frame from :func:`crmlib.lifecycle.clv.equity_on` at :func:`value_days`, what customers were expected to bring.

    Raises:
        ValueError: an unknown period, or ``silent_days`` shorter than a period.

    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-03-02", "2025-01-20"])})
    >>> base_measures(orders=orders, as_of="2025-03-31")[["period", "revenue", "buyers", "leads"]]
           period  revenue  buyers  leads
    0  2025-01-01     18.0     2.0    NaN
    1  2025-02-01      0.0     0.0    NaN
    2  2025-03-01      5.0     1.0    NaN
    """
    of_orders = {"silent_days": silent_days, "repurchase_days": repurchase_days, "start": start, "earlier": earlier}
    optional: list[tuple[Any, Any, dict[str, Any]]] = [
        (order_measures, orders, of_orders),
        (lead_measures, leads, {"follow_up_days": follow_up_days}),
        (spend_measures, spend, {}),
        (survey_measures, surveys, {}),
        (ticket_measures, tickets, {"sla_hours": sla_hours}),
    ]
    parts = [
        to_pandas(measure(table, as_of=as_of, period=period, **how))
        for measure, table, how in optional
        if table is not None
    ]
    if equity is not None:
        parts.append(equity.assign(period=[period_start(day, period) for day in equity["as_of"]]))
    frames = [part.assign(period=part["period"].map(as_day)).set_index("period") for part in parts]
    # Other tables may begin before the orders do; KPIs are shown for the time of the orders.
    table = pd.concat(frames, axis=1).reindex(index=frames[0].index, columns=list(BASE_MEASURES))
    return table.astype(float).rename_axis("period").reset_index()


def value_days(as_of: Any, *, period: Period = "month") -> list[dt.date]:
    """The days for which a scorecard asks what customers are worth: a year ago, one period ago, and now.

    Each is the last day of a whole period.

    >>> [str(day) for day in value_days("2025-06-15")]
    ['2024-05-31', '2025-04-30', '2025-05-31']
    """
    running = period_start(end_of(as_of), period)
    return [later(running, period, -back) - dt.timedelta(days=1) for back in (PERIODS_A_YEAR[period], 1, 0)]


# Orders


@same_kind
def order_measures(
    orders: Any,
    *,
    as_of: Any,
    period: Period = "month",
    silent_days: int = 180,
    repurchase_days: int = 90,
    start: Start = WHOLE,
    earlier: Any = None,
) -> Any:
    """What the orders say of each whole period: revenue, buyers, and who came, stayed, fell silent and came back.

    Columns: ``period`` and the entries of ``BASE_MEASURES`` that read orders, without the expected values. A
    customer is active at the end of a day if their last purchase lies at most ``silent_days`` before that day; a
    period begins with the end of the day before it. So long after the first purchase in the data, this is not known
    and empty; ``buyers_again`` is empty until ``repurchase_days``
    have passed since the period. Active customers change by who comes and goes: at the end there are as many as at
    the start, less ``lapsed``, plus ``new_customers``, plus ``won_back``. pandas or Ibis in, same kind out.

    Customers who are older than the data are not new: ``start`` and ``earlier`` are those of :mod:`crmlib.newcomers`
    (``customer_id``; None: nobody is). Until newcomers can be told (``start.settled``), ``new_customers`` and what is
    made of them are empty. Earlier customers whose first purchase in the data comes later than that are won back.

    Raises:
        ValueError: an unknown period, or ``silent_days`` shorter than a period (one could buy and lapse within it).

    >>> orders = pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": 9.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-20", "2025-04-05"])})
    >>> order_measures(orders, as_of="2025-04-30", silent_days=45)[["active_customers", "lapsed", "won_back"]]
       active_customers  lapsed  won_back
    0               NaN     NaN       NaN
    1               1.0     NaN       NaN
    2               0.0     1.0       0.0
    3               1.0     0.0       1.0
    """
    if period not in PERIODS:
        raise ValueError(f"period {period!r} is not known; use one of {', '.join(PERIODS)}")
    if silent_days < LONGEST_DAYS[period]:
        raise ValueError(f"silent_days is {silent_days}; it must not be shorter than a {period}")
    end = as_day(as_of)
    bought = purchases(orders, as_of=end, guests=True)
    first = bought.day.min().execute()
    first_day = end + dt.timedelta(days=1) if pd.isna(first) else as_day(first)
    taken = bought.group_by(at=_start(bought.day, period)).agg(
        revenue=_.spend.sum(),
        orders=_.count(),
        revenue_squares=(_.spend * _.spend).sum(),
        guest_revenue=_.spend.sum(where=_.customer_id.isnull()),
    )
    days = bought.filter(_.customer_id.notnull()).select("customer_id", "day").distinct()
    if earlier is None:
        days = days.mutate(is_old=ibis.literal(False))
    else:
        old = earlier.select("customer_id").distinct().mutate(is_old=ibis.literal(True))
        days = days.left_join(old, "customer_id").drop("customer_id_right").fill_null({"is_old": False})
    # A spell runs from one purchase day to the customer's next; every count below is a count of spells.
    # `lapses` is the first day at whose end the purchase lies more than silent_days back.
    by_customer = ibis.window(group_by="customer_id", order_by="day")
    spells = days.mutate(
        at=_start(days.day, period),
        previous=days.day.lag().over(by_customer),
        following=days.day.lead().over(by_customer),
        lapses=(days.day + ibis.interval(days=silent_days + 1)).cast("date"),
    )
    spells = spells.mutate(
        next_at=_start(spells.following, period),
        lapses_at=_start(spells.lapses, period),
        leaves_at=_start(ibis.least(spells.following.fill_null(spells.lapses), spells.lapses), period),
        first_in_period=spells.previous.isnull() | (_start(spells.previous, period) < spells.at),
        again=spells.following.delta(spells.day, unit="day") <= repurchase_days,
    )
    begun = spells.group_by("at").agg(
        spells=_.count(),
        buyers=_.first_in_period.sum(),
        begun=_.previous.isnull().sum(),
        new_customers=(_.previous.isnull() & ~_.is_old).sum(),
        new_customers_again=(_.previous.isnull() & ~_.is_old & _.again).sum(),
        buyers_again=(_.first_in_period & _.again).sum(),
    )
    ended = spells.group_by(at="leaves_at").agg(ended=_.count())
    gone = (
        spells.filter(_.following.isnull() | (_.next_at > _.lapses_at)).group_by(at="lapses_at").agg(lapsed=_.count())
    )
    back = spells.filter(_.lapses < _.next_at).group_by(at="next_at").agg(won_back=_.count())
    table = _per_period(_spine(first_day, end, period), taken, begun, ended, gone, back)
    before, until = (ibis.window(order_by="period", preceding=(None, back)) for back in (1, 0))
    stay, begun = table.spells - table.ended, table.begun
    at_start = stay.sum().over(before).fill_null(0.0)
    followed = _followed(table, end, repurchase_days)
    known_from = ibis.literal(first_day + dt.timedelta(days=silent_days + 1))
    new_is_told = table.period >= ibis.literal(start.settled or end + dt.timedelta(days=1))
    new = new_is_told.ifelse(table.new_customers, None)
    seen, seen_at_end = table.period >= known_from, table.next_period >= known_from
    return (
        table.mutate(
            new_customers=new,
            returning_customers=table.buyers - new,
            buyers_again=followed.ifelse(table.buyers_again, None),
            new_customers_again=(followed & new_is_told).ifelse(table.new_customers_again, None),
            active_customers=seen_at_end.ifelse(stay.sum().over(until), None),
            active_at_start=seen.ifelse(at_start, None),
            lapsed=seen.ifelse(table.lapsed, None),
            silent_at_start=seen.ifelse(begun.sum().over(before).fill_null(0.0) - at_start, None),
            won_back=seen.ifelse(table.won_back + begun - table.new_customers, None),
            known_customers=begun.sum().over(until),
        )
        .filter(_.period >= ibis.literal(first_whole_period(first_day, period)))
        .drop("next_period", "spells", "ended", "begun")
        .order_by("period")
    )


# Leads, spend, surveys, tickets


@same_kind
def lead_measures(leads: Any, *, as_of: Any, period: Period = "month", follow_up_days: int = 90) -> Any:
    """Leads by the period in which they came in, and how many of them became customers in time.

    Columns: ``period, leads, converted_leads`` (converted within ``follow_up_days``). ``converted_leads`` is empty
    for periods that have not been followed for so long, and without the column ``converted_at``. pandas
    or Ibis in, same kind out.

    >>> leads = pd.DataFrame({"created_at": pd.to_datetime(["2025-01-05", "2025-01-09", "2025-02-20"]),
    ...     "converted_at": pd.to_datetime(["2025-01-25", None, None])})
    >>> lead_measures(leads, as_of="2025-03-15", follow_up_days=30)
           period  leads  converted_leads
    0  2025-01-01    2.0              1.0
    1  2025-02-01    1.0              NaN
    """
    came = leads.filter(leads.created_at.notnull()).mutate(day=_.created_at.cast("date"))
    taken = _.converted_at.cast("date").delta(_.day, unit="day")
    counts = {"leads": _.count(), "converted_leads": (taken <= follow_up_days).sum()}
    return _by_period(came, counts, as_of=as_of, period=period, follow_up={"converted_leads": follow_up_days})


@same_kind
def spend_measures(spend: Any, *, as_of: Any, period: Period = "month") -> Any:
    """What marketing cost in each period: ``period, marketing_cost`` (client's currency).

    Empty throughout if the costs were booked for longer periods than these (by month, say, when weeks are asked
    for). pandas or Ibis in, same kind out.

    >>> days = pd.to_datetime(["2025-01-01", "2025-01-01", "2025-02-01"])
    >>> spend = pd.DataFrame({"spent_on": days, "cost": [5.0, 2.0, 4.0]})
    >>> spend_measures(spend, as_of="2025-02-28").marketing_cost.tolist()
    [7.0, 4.0]
    """
    spent = spend.filter(spend.spent_on.notnull() & spend.cost.notnull()).mutate(day=_.spent_on.cast("date"))
    booked = spent.aggregate(first=spent.day.min(), last=spent.day.max(), days=spent.day.nunique()).execute().iloc[0]
    table = _by_period(spent, {"marketing_cost": _.cost.sum()}, as_of=as_of, period=period)
    days = (pd.Timestamp(booked["last"]) - pd.Timestamp(booked["first"])).days
    coarse = days > 1.2 * LONGEST_DAYS[period] * (booked["days"] - 1)
    return table.mutate(marketing_cost=ibis.null("float64")) if coarse else table


@same_kind
def survey_measures(surveys: Any, *, as_of: Any, period: Period = "month") -> Any:
    """Answers to the NPS and CSAT questions by period.

    Columns: ``period, nps_answers, promoters`` (9 or 10)``, detractors`` (0 to 6)``, nps_effective_answers`` (how many
    independent answers these are worth, see :func:`crmlib.answers.tally`)``, nps_effective_answers_in_quarter`` (the
    same of the quarter, in the last month of it that has answers; empty unless by month)``, csat_answers, csat_sum,
    csat_satisfied`` (4 or 5).  no rows without scores. pandas or Ibis in, same kind out.

    >>> days = pd.to_datetime(["2025-01-01", "2025-01-09"])
    >>> surveys = pd.DataFrame({"answered_at": days, "kind": "nps", "score": [9, 3]})
    >>> survey_measures(surveys, as_of="2025-01-31")[["nps_answers", "promoters", "detractors"]]
       nps_answers  promoters  detractors
    0          2.0        1.0         1.0
    """
    if "score" not in surveys.columns:
        surveys = surveys.mutate(score=ibis.null("float64"))
    told = surveys.filter(surveys.answered_at.notnull() & surveys.score.notnull() & surveys.kind.isin(["nps", "csat"]))
    told = told.mutate(day=told.answered_at.cast("date"))
    csat = told.kind == "csat"
    nps = (told.kind == "nps") & (told.score >= 0) & (told.score <= 10)
    counts = {
        "nps_answers": nps.sum(),
        "promoters": (nps & (whole_score(told.score) >= PROMOTERS_FROM)).sum(),
        "detractors": (nps & (whole_score(told.score) <= DETRACTORS_TO)).sum(),
        "csat_answers": csat.sum(),
        "csat_sum": told.score.sum(where=csat),
        "csat_satisfied": (csat & (told.score >= 4)).sum(),
    }
    table = _by_period(told, counts, as_of=as_of, period=period)
    answers = told.filter(nps).mutate(at=_start(told.day, period), respondent=respondent(told))
    last_of_quarter = answers["at"].max().over(ibis.window(group_by=answers.day.truncate("Q")))
    places = {
        "nps_effective_answers": answers["at"],
        "nps_effective_answers_in_quarter": last_of_quarter if period == "month" else ibis.null("date"),
    }
    for name, at in places.items():
        worth = tally(answers.mutate(at=at), by=("at",)).select("at", **{name: "effective_answers"})
        table = table.left_join(worth, table.period == worth["at"]).drop("at")
    return table.order_by("period")


@same_kind
def ticket_measures(tickets: Any, *, as_of: Any, period: Period = "month", sla_hours: float = 24) -> Any:
    """Complaints and satisfaction with the service, by the period in which the ticket was opened.

    Columns: ``period, service_csat_answers, service_csat_sum, service_csat_satisfied`` (4 or 5)``,
    complaints_opened, complaints_due`` (opened at least ``sla_hours`` before the end of ``as_of``)``,
    complaints_resolved`` (of these, resolved within ``sla_hours``). What needs a column that is not there is empty.
    pandas or Ibis in, same kind out.

    >>> tickets = pd.DataFrame({"is_complaint": [True, True, True],
    ...     "opened_at": pd.to_datetime(["2025-01-01 09:00", "2025-01-02 09:00", "2025-01-31 20:00"]),
    ...     "resolved_at": pd.to_datetime(["2025-01-01 12:00", "2025-01-05 12:00", None])})
    >>> ticket_measures(tickets, as_of="2025-01-31")[["complaints_opened", "complaints_due", "complaints_resolved"]]
       complaints_opened  complaints_due  complaints_resolved
    0                3.0             2.0                  1.0
    """
    opened = tickets.filter(tickets.opened_at.notnull()).mutate(day=_.opened_at.cast("date"))
    window = ibis.interval(seconds=round(sla_hours * 3600))
    score, complaint = _.csat.cast("float64"), _.is_complaint.cast("boolean")
    due = complaint & (_.opened_at + window <= ibis.literal(end_of(as_of)))
    counts = {
        "service_csat_answers": score.count(),
        "service_csat_sum": score.sum(),
        "service_csat_satisfied": (score >= 4).sum(),
        "complaints_opened": complaint.sum(),
        "complaints_due": due.sum(),
        "complaints_resolved": (due & (_.resolved_at <= _.opened_at + window)).sum(),
    }
    return _by_period(opened, counts, as_of=as_of, period=period)


# Periods


def _start(day: Any, period: Period) -> Any:
    return day.truncate(unit_of(period)).cast("date")


def _spine(first: dt.date, end: dt.date, period: Period) -> Any:
    """The whole periods from the one of ``first`` on: their first days, and those of the next."""
    starts = whole_periods(period_start(first, period), end, period)
    frame = pd.DataFrame({"period": starts, "next_period": [later(start, period) for start in starts]})
    return ibis.memtable(frame.astype("datetime64[us]")).cast({"period": "date", "next_period": "date"})


def _per_period(spine: Any, *parts: Any) -> Any:
    """The spine with the counts of each part that has them by ``at``; 0 where there are none."""
    table = spine
    for part in parts:
        table = table.left_join(part, table.period == part["at"]).drop("at")
    return table.mutate(**{n: table[n].fill_null(0).cast("float64") for n in table.columns if n not in spine.columns})


def _followed(table: Any, end: dt.date, days: int) -> Any:
    """Whether ``days`` have passed since each period when ``end`` is over."""
    return table.next_period + ibis.interval(days=days) <= ibis.literal(end + dt.timedelta(days=1))


def _by_period(
    table: Any, counts: Mapping[str, Any], *, as_of: Any, period: Period, follow_up: Mapping[str, int] | None = None
) -> Any:
    """The counts of a table that has a ``day``, for the whole periods from its first row's to its last row's.

    What lies before and after these is not known: a table that ends in May says nothing of June. Nor are counts whose
    columns the table does not have, and those with a ``follow_up`` (in days) that is not over.
    """
    end = as_day(as_of)
    seen = table.filter(table.day <= ibis.literal(end)).aggregate(first=_.day.min(), last=_.day.max()).execute().iloc[0]
    first, last = map(as_day, seen) if seen.notna().all() else (end_of(end).date(), end)
    able = {name: count for name, count in counts.items() if {*BASE_MEASURES[name].columns} <= {*table.columns}}
    counted = table.group_by(at=_start(table.day, period)).agg(**able)
    joined = _per_period(_spine(first, end, period).filter(_.period <= ibis.literal(last)), counted)
    late = {
        name: _followed(joined, end, days).ifelse(joined[name], None)
        for name, days in (follow_up or {}).items()
        if name in able
    }
    absent = dict.fromkeys(counts.keys() - able.keys(), ibis.null("float64"))
    return joined.mutate(**late, **absent).drop("next_period").order_by("period")
