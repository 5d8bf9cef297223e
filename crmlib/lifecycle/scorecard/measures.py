"""The base measures of which KPIs are made: one row per period, counted from the contract's tables.

Two rules hold for all. Zero is a count, empty is not known: a period outside a table's time, or one whose follow-up
is not over, is empty. And a case is counted in the period in which it began (a lead when it came in, a buyer when
they bought), with a follow-up of fixed length, so that early and late periods had equal chances.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
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
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.newcomers import WHOLE, Start
from crmlib.purchases import data_begin, purchase_days, purchases, revenue_of
from crmlib.statistics import kaplan_meier
from crmlib.subscriptions import TERM_MONTHS, paid_contracts, renewals_due, unbroken

# What a scorecard can be counted by.
PERIODS = ("week", "month", "quarter")
_A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class BaseMeasure:
    """What a base measure reads."""

    table: str
    columns: tuple[str, ...]


# A table, the columns that are read, and the measures that need all of them.
_READ = {
    ("orders", "ordered_at", "amount"): "revenue orders revenue_squares revenue_cubes guest_revenue",
    ("orders", "customer_id", "ordered_at", "amount"): "buyers new_customers new_customers_again returning_customers "
    "buyers_again active_customers active_at_start lapsed "
    "silent_at_start won_back "
    "known_customers expected_value expected_value_low expected_value_high",
    ("spend", "spent_on", "cost"): "marketing_cost",
    ("leads", "created_at"): "leads",
    ("leads", "created_at", "converted_at"): "converted_leads",
    ("surveys", "answered_at", "kind", "score"): "nps_answers promoters detractors nps_effective_answers "
    "nps_effective_answers_in_quarter csat_answers csat_sum csat_satisfied",
    ("subscriptions", "customer_id", "started_at"): "contracts_at_start new_contracts active_contracts",
    ("subscriptions", "customer_id", "started_at", "ended_at"): "ended_contracts contracts_left renewals_due renewals",
    ("subscriptions", "customer_id", "started_at", "price"): "recurring_revenue",
    ("touches", "touched_at"): "contacts",
    ("usage", "customer_id", "used_at"): "users",
    ("loyalty", "customer_id", "at"): "members",
    ("loyalty", "at", "points_earned"): "points_earned",
    ("loyalty", "at", "points_redeemed"): "points_redeemed",
    ("tickets", "opened_at"): "tickets",
    ("tickets", "opened_at", "resolved_at"): "tickets_due tickets_resolved open_tickets "
    "resolution_hours resolution_hours_low resolution_hours_high resolution_tickets",
    ("tickets", "opened_at", "first_response_at"): "first_response_hours first_response_hours_low "
    "first_response_hours_high first_response_tickets",
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
    {"revenue", "orders", "revenue_squares", "revenue_cubes", "guest_revenue", "new_customers"}
    | {name for name, measure in BASE_MEASURES.items() if measure.table != "orders"}
    - {"contracts_at_start", "active_contracts", "recurring_revenue", "users", "members", "open_tickets"}
    - {name for name in BASE_MEASURES if "_hours" in name}
)


# Counts of customers who had bought before: the longer the data, the more of them are known.
OF_KNOWN_CUSTOMERS = frozenset(
    {"buyers_again", "returning_customers", "active_customers", "active_at_start", "lapsed", "silent_at_start"}
    | {"won_back", "known_customers"}
)


# What does not add up over months, and the measure that does: the month's share of what is true of the quarter.
OF_QUARTER = {"nps_effective_answers": "nps_effective_answers_in_quarter"}


def base_measures(
    *,
    orders: Any = None,
    leads: Any = None,
    spend: Any = None,
    surveys: Any = None,
    tickets: Any = None,
    subscriptions: Any = None,
    touches: Any = None,
    usage: Any = None,
    loyalty: Any = None,
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
    empty. Without a purchase in the orders, the periods are those of the other tables; else those of the orders.
    ``period`` is the first day of the period. Answers a pandas frame, because a period's counts are few. The
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
        (contract_measures, subscriptions, {}),
        (contact_measures, touches, {}),
        (usage_measures, usage, {}),
        (loyalty_measures, loyalty, {}),
    ]
    parts = [
        to_pandas(measure(table, as_of=as_of, period=period, **how))
        for measure, table, how in optional
        if table is not None and (measure is order_measures or _has_rows(table))
    ]
    if equity is not None:
        parts.append(equity.assign(period=[period_start(day, period) for day in equity["as_of"]]))
    frames = [part.assign(period=part["period"].map(as_day)).set_index("period") for part in parts]
    # Other tables may begin before the orders do; KPIs are shown for the time of the orders.
    index = frames[0].index if orders is not None and frames else pd.Index([])
    if index.empty:
        seen = [day for frame in frames for day in frame.index]
        index = pd.Index(whole_periods(min(seen), later(max(seen), period) - _A_DAY, period) if seen else [])
    joined = pd.concat(frames, axis=1) if frames else pd.DataFrame()
    table = joined.reindex(index=index, columns=list(BASE_MEASURES))
    return table.astype(float).rename_axis("period").reset_index()


def _has_rows(table: Any) -> bool:
    return bool(to_ibis(table).limit(1).count().execute())


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
    period begins with the end of the day before it. So long after the data begin, this is not known
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
    tomorrow = end + dt.timedelta(days=1)
    first_day, begin = tomorrow if pd.isna(first) else as_day(first), data_begin(orders, as_of=end) or tomorrow
    taken = bought.group_by(at=_start(bought.day, period)).agg(
        revenue=revenue_of(_.spend),
        orders=_.count(),
        revenue_squares=(_.spend * _.spend).sum(),
        revenue_cubes=(_.spend * _.spend * _.spend).sum(),
        guest_revenue=revenue_of(_.spend, where=_.customer_id.isnull()),
    )
    days = purchase_days(orders, as_of=end)
    if earlier is None:
        days = days.mutate(is_old=ibis.literal(False))
    else:
        old = earlier.select("customer_id").distinct().mutate(is_old=ibis.literal(True))
        days = days.left_join(old, "customer_id").drop("customer_id_right").fill_null({"is_old": False})
    # A spell runs from one purchase day to the customer's next; every count below is a count of spells.
    # `lapses` is the first day at whose end the purchase lies more than silent_days back.
    spells = days.mutate(
        at=_start(days.day, period),
        previous=days.previous_day,
        following=days.next_day,
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
    known_from = ibis.literal(begin + dt.timedelta(days=silent_days + 1))
    new_is_told = table.period >= ibis.literal(start.settled or tomorrow)
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
        .filter(_.period >= ibis.literal(first_whole_period(begin, period)))
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

    >>> leads = pd.DataFrame({"created_at": pd.to_datetime(["2025-01-02", "2025-01-09", "2025-02-20"]),
    ...     "converted_at": pd.to_datetime(["2025-01-25", None, None])})
    >>> lead_measures(leads, as_of="2025-03-15", follow_up_days=30)
           period  leads  converted_leads
    0  2025-01-01    2.0              1.0
    1  2025-02-01    1.0              NaN
    """
    came = leads.filter(leads.created_at.notnull()).mutate(day=_.created_at.cast("date"))
    taken = _.converted_at.cast("date").delta(_.day, unit="day")
    counts = {"leads": _.count(), "converted_leads": (taken <= follow_up_days).sum()}
    late = {"converted_leads": follow_up_days}
    return _by_period(came, counts, as_of=as_of, period=period, follow_up=late, volumes=("leads",))


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
    month's share, by its answers, of what all answers of the quarter are worth together: a customer who answers in two
    of its months is one; empty unless by month)``, csat_answers, csat_sum, csat_satisfied`` (4 or 5). No rows without
    scores. pandas or Ibis in, same kind out.

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
    running = period_start(end_of(as_of), period)
    answers = told.filter(nps & (told.day < ibis.literal(running))).mutate(respondent=respondent(told))
    worth = tally(answers.mutate(at=_start(_.day, period)), by=("at",))
    worth = worth.select("at", "answers", nps_effective_answers="effective_answers")
    of_quarter: Any = ibis.null("float64")
    if period == "month":
        whole = tally(answers.mutate(quarter=_start(_.day, "quarter")), by=("quarter",))
        whole = whole.select("quarter", each=whole.effective_answers / whole.answers)
        worth = worth.join(whole, _start(worth["at"], "quarter") == whole.quarter)
        of_quarter = worth.each * worth.answers
    worth = worth.select("at", "nps_effective_answers", nps_effective_answers_in_quarter=of_quarter)
    return table.left_join(worth, table.period == worth["at"]).drop("at").order_by("period")


@same_kind
def ticket_measures(tickets: Any, *, as_of: Any, period: Period = "month", sla_hours: float = 24) -> Any:
    """Tickets, complaints, waiting times and satisfaction with the service, by the period in which they were opened.

    Columns: ``period, service_csat_answers, service_csat_sum, service_csat_satisfied`` (4 or 5)``, tickets,
    tickets_due`` (opened at least ``sla_hours`` before the end of ``as_of``)``, tickets_resolved`` (of these, resolved
    within ``sla_hours``)``, open_tickets`` (of all opened by the period's end, those not yet resolved then)``,
    complaints_opened, complaints_due, complaints_resolved`` (the same of complaints)``, resolution_hours``, the median
    time, with ``resolution_hours_low, resolution_hours_high`` and ``resolution_tickets`` of which it is, and the same
    of ``first_response_hours``: see :func:`median_hours`. What needs a column that is not there is empty. pandas or
    Ibis in, same kind out.

    >>> tickets = pd.DataFrame({"is_complaint": [True, True, False],
    ...     "opened_at": pd.to_datetime(["2025-01-01 09:00", "2025-01-02 09:00", "2025-01-31 20:00"]),
    ...     "resolved_at": pd.to_datetime(["2025-01-01 12:00", "2025-01-05 12:00", None])})
    >>> counted = ticket_measures(tickets, as_of="2025-01-31")
    >>> counted[["tickets", "tickets_due", "tickets_resolved", "open_tickets", "resolution_hours"]]
       tickets  tickets_due  tickets_resolved  open_tickets  resolution_hours
    0      3.0          2.0               1.0           1.0              75.0
    """
    opened = tickets.filter(tickets.opened_at.notnull()).mutate(day=_.opened_at.cast("date"))
    window = ibis.interval(seconds=round(sla_hours * 3600))
    score, complaint = _.csat.cast("float64"), _.is_complaint.cast("boolean")
    due, in_time = _.opened_at + window <= ibis.literal(end_of(as_of)), _.resolved_at <= _.opened_at + window
    counts = {
        "tickets": _.count(),
        "tickets_due": due.sum(),
        "tickets_resolved": (due & in_time).sum(),
        "service_csat_answers": score.count(),
        "service_csat_sum": score.sum(),
        "service_csat_satisfied": (score >= 4).sum(),
        "complaints_opened": complaint.sum(),
        "complaints_due": (complaint & due).sum(),
        "complaints_resolved": (complaint & due & in_time).sum(),
    }
    table = _by_period(opened, counts, as_of=as_of, period=period, volumes=("tickets",))
    absent = {"open_tickets": ibis.null("float64")}
    if "resolved_at" in tickets.columns:
        solved = opened.filter(_.resolved_at < ibis.literal(end_of(as_of)))
        solved = solved.group_by(at=_start(solved.resolved_at.cast("date"), period)).agg(solved=_.count())
        every = _by_period(opened, {"tickets": _.count()}, as_of=as_of, period=period)
        begun = every.left_join(solved, every.period == solved["at"]).drop("at")
        until = ibis.window(order_by="period", preceding=(None, 0))
        waiting = (begun.tickets - begun.solved.fill_null(0)).sum().over(until).cast("float64")
        stock = begun.select(at="period", open_tickets=waiting)
        table, absent = table.left_join(stock, table.period == stock["at"]).drop("at"), {}
    for name, column in (("resolution", "resolved_at"), ("first_response", "first_response_at")):
        columns = [f"{name}_hours", f"{name}_hours_low", f"{name}_hours_high", f"{name}_tickets"]
        if column not in tickets.columns:
            absent |= dict.fromkeys(columns, ibis.null("float64"))
            continue
        found = median_hours(opened.mutate(at=_start(_.day, period)), column, by="at", as_of=as_of)
        found = found.set_axis(["at", *columns], axis="columns").astype({"at": "datetime64[us]"})
        medians = ibis.memtable(found).cast({"at": "date"} | dict.fromkeys(columns, "float64"))
        table = table.left_join(medians, table.period == medians["at"]).drop("at")
    return table.mutate(**absent).order_by("period")


def median_hours(tickets: Any, done: str, *, by: str, as_of: Any) -> Any:
    """How many hours tickets wait until ``done`` (``resolved_at`` or ``first_response_at``): the median of each group.

    ``tickets``: an Ibis table. Tickets that still wait at the end of ``as_of`` count for as long as they were seen
    waiting (Kaplan–Meier): to leave them out would make every slow month look quick. A frame, one row per value of
    ``by``: that, ``hours`` (empty where fewer than half are done), ``low`` and ``high`` of its 95% interval, and
    ``tickets``. Sources: Kaplan & Meier (1958), JASA 53; Brookmeyer & Crowley (1982), Biometrics 38, for the interval.

    >>> opened = pd.to_datetime(["2025-01-01"] * 4)
    >>> tickets = pd.DataFrame({"store": "a", "opened_at": opened, "resolved_at":
    ...     [*(opened[:3] + pd.to_timedelta([1, 5, 9], "h")), None]})
    >>> median_hours(ibis.memtable(tickets), "resolved_at", by="store", as_of="2025-01-31")[["hours", "tickets"]]
       hours  tickets
    0    5.0        4
    """
    end = end_of(as_of)
    each = tickets.filter(tickets.opened_at < ibis.literal(end))
    each = each.mutate(ends=each[done].cast("timestamp"))
    is_done = (each.ends < ibis.literal(end)).fill_null(False)
    until = ibis.ifelse(is_done, each.ends, ibis.literal(end).cast("timestamp"))
    minutes = (until.epoch_seconds() - each.opened_at.cast("timestamp").epoch_seconds()) // 60
    each = each.mutate(minutes=minutes, is_done=is_done).filter(_.minutes >= 0)
    counted = to_pandas(each.group_by(by, "minutes").agg(cases=_.count(), done=_.is_done.sum()))
    rows = []
    for group, part in counted.sort_values("minutes", kind="stable").groupby(by):
        at_risk = part.cases[::-1].cumsum()[::-1]
        hours, curve = part.minutes.to_numpy() / 60, kaplan_meier(at_risk, part.done)
        # No interval is known where nobody or everybody is done; there the band begins and ends.
        low, high = (pd.Series(band).fillna(pd.Series(curve.survival)) for band in (curve.low, curve.high))
        reached = [hours[band <= 0.5][:1] for band in (curve.survival, low, high)]
        rows.append([group, *(float(at[0]) if len(at) else float("nan") for at in reached), int(part.cases.sum())])
    return pd.DataFrame(rows, columns=[by, "hours", "low", "high", "tickets"])


# Contracts, contacts, usage, loyalty


@same_kind
def contract_measures(subscriptions: Any, *, as_of: Any, period: Period = "month") -> Any:
    """What the contracts say of each whole period: who began, who left, who renewed, and what they pay.

    Columns: ``period, contracts_at_start`` (running on the evening before)``, new_contracts, ended_contracts,
    contracts_left`` (of those running at the start, ended in the period)``, active_contracts`` (running at its end: at
    the start, and the new, less the ended)``, renewals_due`` (renewals in the period whose outcome has been
    seen)``, renewals`` (of these, those after which the contract went on)``, recurring_revenue`` (prices of one month
    of what runs at the end, client's currency; contracts without a price, or of a term that is neither month, quarter
    nor year, add nothing). A customer's contracts that run side by side or follow one another count as one, and pay
    what those that run cost together; in a change of plan, neither both nor none is paid: see
    :func:`crmlib.subscriptions.unbroken` and :func:`~crmlib.subscriptions.paid_contracts`. pandas or Ibis in, same
    kind out.

    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b", "c"], "price": [9.0, 120.0, 9.0],
    ...     "period": ["month", "year", "month"],
    ...     "started_at": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-02-01"]),
    ...     "ended_at": pd.to_datetime([None, None, "2025-03-01"])})
    >>> counted = contract_measures(subscriptions, as_of="2025-03-31")
    >>> counted[["contracts_left", "active_contracts", "renewals_due", "renewals", "recurring_revenue"]]
       contracts_left  active_contracts  renewals_due  renewals  recurring_revenue
    0             0.0               2.0           0.0       0.0               19.0
    1             0.0               3.0           1.0       1.0               28.0
    2             1.0               2.0           2.0       1.0               19.0
    """
    end = as_day(as_of)
    whole = unbroken(subscriptions, as_of=end)
    whole = whole.mutate(at=_start(whole.start, period), stop_at=_start(whole.stop, period))
    begun = whole.group_by("at").agg(new_contracts=_.count())
    ended = whole.filter(_.stop.notnull()).group_by(at="stop_at")
    ended = ended.agg(ended_contracts=_.count(), contracts_left=(_.at < _.stop_at).sum())
    months = ibis.cases(*((whole.term == term, length) for term, length in TERM_MONTHS.items()), else_=None)
    seen = whole.mutate(months=months.cast("int64")).filter(_.months.notnull())
    seen = renewals_due(seen, as_of=end, months=seen.months).filter(_.seen > 0)
    each = seen.mutate(age=ibis.range(1, seen.seen + 1).unnest().cast("int64"))
    day = (each.start + (each.age * each.months).as_interval("M")).cast("date")
    due = each.group_by(at=_start(day, period)).agg(
        renewals_due=_.count(), renewals=(~(_.lost & (_.age == _.seen))).sum()
    )
    paid = paid_contracts(subscriptions, as_of=end)
    more = paid.group_by(at=_start(paid.start, period)).agg(more=_.a_month.sum())
    less = paid.filter(_.stop.notnull()).group_by(at=_start(_.stop, period)).agg(less=_.a_month.sum())
    first = whole.start.min().execute()
    first_day = end + dt.timedelta(days=1) if pd.isna(first) else as_day(first)
    table = _per_period(_spine(first_day, end, period), begun, ended, due, more, less)
    before, until = (ibis.window(order_by="period", preceding=(None, back)) for back in (1, 0))
    net = table.new_contracts - table.ended_contracts
    columns = {
        "contracts_at_start": net.sum().over(before).fill_null(0.0),
        "active_contracts": net.sum().over(until),
        "recurring_revenue": (table.more - table.less).sum().over(until),
    }
    table = table.mutate(**columns).filter(_.period >= ibis.literal(first_whole_period(first_day, period)))
    able = {name for name, read in BASE_MEASURES.items() if {*read.columns} <= {*subscriptions.columns}}
    absent = [name for name, read in BASE_MEASURES.items() if read.table == "subscriptions" and name not in able]
    table = table.mutate(**dict.fromkeys(absent, ibis.null("float64"))) if absent else table
    return table.drop("next_period", "more", "less").order_by("period")


@same_kind
def contact_measures(touches: Any, *, as_of: Any, period: Period = "month") -> Any:
    """How often customers were contacted in each period: ``period, contacts``. pandas or Ibis in, same kind out.

    >>> touches = pd.DataFrame({"touched_at": pd.to_datetime(["2025-01-01", "2025-01-09"])})
    >>> contact_measures(touches, as_of="2025-01-31").contacts.tolist()
    [2.0]
    """
    had = touches.filter(touches.touched_at.notnull()).mutate(day=_.touched_at.cast("date"))
    return _by_period(had, {"contacts": _.count()}, as_of=as_of, period=period, volumes=("contacts",))


@same_kind
def usage_measures(usage: Any, *, as_of: Any, period: Period = "month") -> Any:
    """How many customers used the product in each period: ``period, users``. pandas or Ibis in, same kind out.

    >>> usage = pd.DataFrame({"customer_id": ["a", "a"], "used_at": pd.to_datetime(["2025-01-01", "2025-01-09"])})
    >>> usage_measures(usage, as_of="2025-01-31").users.tolist()
    [1.0]
    """
    used = usage.filter(usage.used_at.notnull()).mutate(day=_.used_at.cast("date"))
    return _by_period(used, {"users": _.customer_id.nunique()}, as_of=as_of, period=period, volumes=("users",))


@same_kind
def loyalty_measures(loyalty: Any, *, as_of: Any, period: Period = "month") -> Any:
    """What members of the loyalty programme did in each period.

    Columns: ``period, members`` (with any movement of points or tier)``, points_earned, points_redeemed``. pandas or
    Ibis in, same kind out.

    >>> loyalty = pd.DataFrame({"customer_id": ["a", "b"], "at": pd.to_datetime(["2025-01-01", "2025-01-09"]),
    ...     "points_earned": [5, 3], "points_redeemed": [0, 4]})
    >>> loyalty_measures(loyalty, as_of="2025-01-31")[["members", "points_earned", "points_redeemed"]]
       members  points_earned  points_redeemed
    0      2.0            8.0              4.0
    """
    moved = loyalty.filter(loyalty["at"].notnull()).mutate(day=_["at"].cast("date"))
    counts = {
        "members": _.customer_id.nunique(),
        "points_earned": _.points_earned.sum(),
        "points_redeemed": _.points_redeemed.sum(),
    }
    return _by_period(moved, counts, as_of=as_of, period=period, volumes=("members",))


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
    table: Any,
    counts: Mapping[str, Any],
    *,
    as_of: Any,
    period: Period,
    follow_up: Mapping[str, int] | None = None,
    volumes: Sequence[str] = (),
) -> Any:
    """The counts of a table that has a ``day``, for the whole periods from its first row's to its last row's.

    What lies before and after these is not known: a table that ends in May says nothing of June. Nor are counts whose
    columns the table does not have, and those with a ``follow_up`` (in days) that is not over. ``volumes`` are not
    known of a period in the middle of which the table begins.
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
    whole = joined.period >= ibis.literal(first_whole_period(first, period))
    begun = {name: whole.ifelse(joined[name], None) for name in volumes if name in able}
    absent = dict.fromkeys(counts.keys() - able.keys(), ibis.null("float64"))
    return joined.mutate(**late, **begun, **absent).drop("next_period").order_by("period")
