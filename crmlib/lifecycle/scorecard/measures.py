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

from crmlib.answers import DETRACTORS_TO, PROMOTERS_FROM, respondent, tally
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
from crmlib.purchases import purchases

# What a scorecard can be counted by.
PERIODS = ("week", "month", "quarter")


@dataclass(frozen=True)
class BaseMeasure:
    """What a base measure reads."""

    table: str
    columns: tuple[str, ...]


def _reads(table: str, *columns: str, measures: str) -> dict[str, BaseMeasure]:
    return {name: BaseMeasure(table, columns) for name in measures.split()}


_COMPLAINTS = "opened_at", "is_complaint"
BASE_MEASURES: dict[str, BaseMeasure] = {
    **_reads(
        "orders", "customer_id", "ordered_at", "amount",
        measures="revenue orders revenue_squares guest_revenue buyers new_customers returning_customers buyers_again "
        "active_customers active_at_start lapsed silent_at_start won_back known_customers expected_value "
        "expected_value_low expected_value_high",
    ),
    **_reads("spend", "spent_on", "cost", measures="marketing_cost"),
    **_reads("leads", "created_at", measures="leads"),
    **_reads("leads", "created_at", "converted_at", measures="converted_leads"),
    **_reads(
        "surveys", "answered_at", "kind", "score",
        measures="nps_answers promoters detractors nps_effective_answers nps_effective_answers_in_quarter csat_answers "
        "csat_sum csat_satisfied",
    ),
    **_reads(
        "tickets", "opened_at", "csat", measures="service_csat_answers service_csat_sum service_csat_satisfied"
    ),
    **_reads("tickets", *_COMPLAINTS, measures="complaints_opened"),
    **_reads("tickets", *_COMPLAINTS, "resolved_at", measures="complaints_due complaints_resolved"),
}  # fmt: skip
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
    as_of: Any,
    period: Period = "month",
    silent_days: int = 180,
    repurchase_days: int = 90,
    follow_up_days: int = 90,
    sla_hours: float = 24,
    margin: float = 1.0,
    discount_rate: float = 0.0,
) -> Any:
    """Everything that KPIs can be made of: one row per whole period, one column per entry of ``BASE_MEASURES``.

    The tables are the contract's (pandas or Ibis); those that are empty or not given leave their measures
    empty. ``period`` is the first day of the period. Answers a pandas frame, because a period's counts are few. The
    parameters are those of :func:`order_measures`, :func:`lead_measures`, :func:`ticket_measures` and
    :func:`value_measures`.

    Raises:
        ValueError: an unknown period, or ``silent_days`` shorter than a period.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-03-02", "2025-01-20"])})
    >>> base_measures(orders=orders, as_of="2025-03-31")[["period", "revenue", "buyers", "leads"]]
           period  revenue  buyers  leads
    0  2025-01-01     18.0     2.0    NaN
    1  2025-02-01      0.0     0.0    NaN
    2  2025-03-01      5.0     1.0    NaN
    """
    import pandas as pd

    of: dict[str, Any] = {"as_of": as_of, "period": period}
    parts = [order_measures(orders, silent_days=silent_days, repurchase_days=repurchase_days, **of)]
    optional: list[tuple[Any, Any, dict[str, Any]]] = [
        (lead_measures, leads, {"follow_up_days": follow_up_days}),
        (spend_measures, spend, {}),
        (survey_measures, surveys, {}),
        (ticket_measures, tickets, {"sla_hours": sla_hours}),
    ]
    parts += [measure(table, **of, **how) for measure, table, how in optional if table is not None]
    parts.append(value_measures(orders, margin=margin, discount_rate=discount_rate, **of))
    frames = [_plain(part) for part in parts]
    table = pd.concat(frames, axis=1).sort_index()
    whole = frames[0].index
    table = table.reindex(columns=list(BASE_MEASURES)).astype(float)
    # Other tables may begin before the orders do; KPIs are shown for the time of the orders.
    return table.loc[table.index.isin(whole)].rename_axis("period").reset_index()


def _plain(part: Any) -> Any:
    frame = to_pandas(part).set_index("period")
    frame.index = [as_day(day) for day in frame.index]
    return frame


# Orders


@same_kind
def order_measures(
    orders: Any, *, as_of: Any, period: Period = "month", silent_days: int = 180, repurchase_days: int = 90
) -> Any:
    """What the orders say of each whole period: revenue, buyers, and who came, stayed, fell silent and came back.

    Columns: ``period`` and the entries of ``BASE_MEASURES`` that read orders, without the expected values. A
    customer is active at the end of a day if their last purchase lies at most ``silent_days`` before that day; a
    period begins with the end of the day before it. So long after the first purchase in the data, this is not known
    and empty; ``buyers_again`` is empty until ``repurchase_days``
    have passed since the period. Active customers change by who comes and goes: at the end there are as many as at
    the start, less ``lapsed``, plus ``new_customers``, plus ``won_back``. pandas or Ibis in, same kind out.

    Raises:
        ValueError: an unknown period, or ``silent_days`` shorter than a period (one could buy and lapse within it).

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": 9.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-20", "2025-04-05"])})
    >>> order_measures(orders, as_of="2025-04-30", silent_days=45)[["active_customers", "lapsed", "won_back"]]
       active_customers  lapsed  won_back
    0               NaN     NaN       NaN
    1               1.0     NaN       NaN
    2               0.0     1.0       0.0
    3               1.0     0.0       1.0
    """
    import ibis

    if period not in PERIODS:
        raise ValueError(f"period {period!r} is not known; use one of {', '.join(PERIODS)}")
    if silent_days < LONGEST_DAYS[period]:
        raise ValueError(f"silent_days is {silent_days}; it must not be shorter than a {period}")
    end, unit = as_day(as_of), unit_of(period)
    bought = purchases(orders, as_of=end, guests=True)
    first_day = bought.day.min().execute()
    first_day = None if first_day is None or first_day != first_day else as_day(first_day)
    starts = _starts(first_day, end, period)
    all_purchases = bought.mutate(at=bought.day.truncate(unit).cast("date"))
    guest = all_purchases.customer_id.isnull()
    taken = all_purchases.group_by("at").agg(
        revenue=all_purchases.spend.sum(),
        orders=all_purchases.count(),
        revenue_squares=(all_purchases.spend * all_purchases.spend).sum(),
        guest_revenue=all_purchases.spend.sum(where=guest),
    )
    known = bought.filter(bought.customer_id.notnull())
    days = known.select("customer_id", "day").distinct()
    # A spell runs from one purchase day to the customer's next; every count below is a count of spells.
    # `lapses` is the first day at whose end the purchase lies more than silent_days back.
    by_customer = ibis.window(group_by="customer_id", order_by="day")
    spells = days.mutate(following=days.day.lead().over(by_customer), previous=days.day.lag().over(by_customer))
    spells = spells.mutate(
        at=spells.day.truncate(unit).cast("date"),
        lapses=(spells.day + ibis.interval(days=silent_days + 1)).cast("date"),
    )
    spells = spells.mutate(
        leaves=ibis.ifelse(spells.following < spells.lapses, spells.following, spells.lapses).fill_null(spells.lapses)
    )
    first_in_period = spells.previous.isnull() | (spells.previous.truncate(unit) < spells.at)
    again = (spells.following.delta(spells.day, unit="day") <= repurchase_days).fill_null(False)
    begun = spells.group_by("at").agg(
        spells=spells.count(),
        buyers=first_in_period.sum(),
        new_customers=spells.previous.isnull().sum(),
        buyers_again=(first_in_period & again).sum(),
    )
    ended = spells.mutate(at=spells.leaves.truncate(unit).cast("date")).group_by("at").agg(ended=lambda t: t.count())
    gone = spells.mutate(at=spells.lapses.truncate(unit).cast("date"))
    gone = gone.filter(gone.following.isnull() | (gone.following.truncate(unit) > gone.at))
    gone = gone.group_by("at").agg(lapsed=gone.count())
    back = spells.filter(spells.following.notnull()).mutate(at=lambda t: t.following.truncate(unit).cast("date"))
    back = back.filter(back.lapses < back.at).group_by("at").agg(won_back=lambda t: t.count())
    table = _spine(starts, period)
    for part in (taken, begun, ended, gone, back):
        table = table.left_join(part, table.period == part["at"]).drop("at")
    counts = [name for name in table.columns if name not in ("period", "next_period")]
    table = table.mutate(**{name: table[name].fill_null(0).cast("float64") for name in counts})
    before = ibis.window(order_by="period", preceding=(None, 1))
    until = ibis.window(order_by="period", preceding=(None, 0))
    ever = table.new_customers.sum()
    start = ((table.spells - table.ended).sum().over(before)).fill_null(0.0)
    finish = (table.spells - table.ended).sum().over(until)
    known_from = ibis.literal((first_day or end) + dt.timedelta(days=silent_days + 1))
    seen, seen_at_end = table.period >= known_from, table.next_period >= known_from
    followed = table.next_period + ibis.interval(days=repurchase_days) <= ibis.literal(end + dt.timedelta(days=1))
    nothing = ibis.null("float64")
    result = table.select(
        "period",
        "revenue",
        "orders",
        "revenue_squares",
        "guest_revenue",
        "buyers",
        "new_customers",
        returning_customers=table.buyers - table.new_customers,
        buyers_again=ibis.ifelse(followed, table.buyers_again, nothing),
        active_customers=ibis.ifelse(seen_at_end, finish, nothing),
        active_at_start=ibis.ifelse(seen, start, nothing),
        lapsed=ibis.ifelse(seen, table.lapsed, nothing),
        silent_at_start=ibis.ifelse(seen, ever.over(before).fill_null(0.0) - start, nothing),
        won_back=ibis.ifelse(seen, table.won_back, nothing),
        known_customers=ever.over(until),
    )
    shown = ibis.literal(first_whole_period(first_day or end, period))
    return result.filter(result.period >= shown).order_by("period")


# Leads, spend, surveys, tickets


@same_kind
def lead_measures(leads: Any, *, as_of: Any, period: Period = "month", follow_up_days: int = 90) -> Any:
    """Leads by the period in which they came in, and how many of them became customers in time.

    Columns: ``period, leads, converted_leads`` (converted within ``follow_up_days``). ``converted_leads`` is empty
    for periods that have not been followed for so long, and without the column ``converted_at``. pandas
    or Ibis in, same kind out.

    >>> import pandas as pd
    >>> leads = pd.DataFrame({"created_at": pd.to_datetime(["2025-01-05", "2025-01-09", "2025-02-20"]),
    ...     "converted_at": pd.to_datetime(["2025-01-25", None, None])})
    >>> lead_measures(leads, as_of="2025-03-15", follow_up_days=30)
           period  leads  converted_leads
    0  2025-01-01    2.0              1.0
    1  2025-02-01    1.0              NaN
    """
    import ibis

    came = leads.filter(leads.created_at.notnull()).mutate(day=lambda t: t.created_at.cast("date"))
    if "converted_at" in leads.columns:
        taken = came.converted_at.cast("date").delta(came.day, unit="day")
        converted = (taken <= follow_up_days).fill_null(False)
    else:
        converted = ibis.literal(False)
    came = came.mutate(converted=converted)
    table = _by_period(
        came, {"leads": came.count(), "converted_leads": came.converted.sum()}, as_of=as_of, period=period
    )
    if "converted_at" not in leads.columns:
        return table.mutate(converted_leads=ibis.null("float64")).drop("next_period")
    followed = table.next_period + ibis.interval(days=follow_up_days) <= _day_after(as_of)
    return table.mutate(converted_leads=ibis.ifelse(followed, table.converted_leads, ibis.null("float64"))).drop(
        "next_period"
    )


@same_kind
def spend_measures(spend: Any, *, as_of: Any, period: Period = "month") -> Any:
    """What marketing cost in each period: ``period, marketing_cost`` (client's currency).

    Empty throughout if the costs were booked for longer periods than these (by month, say, when weeks are asked
    for). pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2025-01-01", "2025-01-01", "2025-02-01"])
    >>> spend = pd.DataFrame({"spent_on": days, "cost": [5.0, 2.0, 4.0]})
    >>> spend_measures(spend, as_of="2025-02-28").marketing_cost.tolist()
    [7.0, 4.0]
    """
    import ibis

    spent = spend.filter(spend.spent_on.notnull() & spend.cost.notnull())
    spent = spent.mutate(day=spent.spent_on.cast("date"))
    booked = spent.aggregate(first=spent.day.min(), last=spent.day.max(), days=spent.day.nunique()).execute()
    table = _by_period(spent, {"marketing_cost": spent.cost.sum()}, as_of=as_of, period=period).drop("next_period")
    count = int(booked.days.iloc[0])
    if count > 1:
        gap = (as_day(booked["last"].iloc[0]) - as_day(booked["first"].iloc[0])).days / (count - 1)
        if gap > 1.2 * LONGEST_DAYS[period]:
            return table.mutate(marketing_cost=ibis.null("float64"))
    return table


@same_kind
def survey_measures(surveys: Any, *, as_of: Any, period: Period = "month") -> Any:
    """Answers to the NPS and CSAT questions by period.

    Columns: ``period, nps_answers, promoters`` (9 or 10)``, detractors`` (0 to 6)``, nps_effective_answers`` (how many
    independent answers these are worth, see :func:`crmlib.answers.tally`)``, nps_effective_answers_in_quarter`` (the
    same of the quarter, in the last month of it that has answers; empty unless by month)``, csat_answers, csat_sum,
    csat_satisfied`` (4 or 5).  no rows without scores. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2025-01-01", "2025-01-09"])
    >>> surveys = pd.DataFrame({"answered_at": days, "kind": "nps", "score": [9, 3]})
    >>> survey_measures(surveys, as_of="2025-01-31")[["nps_answers", "promoters", "detractors"]]
       nps_answers  promoters  detractors
    0          2.0        1.0         1.0
    """
    import ibis

    if "score" not in surveys.columns:
        surveys = surveys.mutate(score=ibis.null("float64"))
    told = surveys.filter(surveys.answered_at.notnull() & surveys.score.notnull() & surveys.kind.isin(["nps", "csat"]))
    told = told.mutate(day=told.answered_at.cast("date"))
    csat = told.kind == "csat"
    nps = (told.kind == "nps") & (told.score >= 0) & (told.score <= 10)
    counts = {
        "nps_answers": nps.sum(),
        "promoters": (nps & (told.score >= PROMOTERS_FROM)).sum(),
        "detractors": (nps & (told.score <= DETRACTORS_TO)).sum(),
        "csat_answers": csat.sum(),
        "csat_sum": told.score.sum(where=csat),
        "csat_satisfied": (csat & (told.score >= 4)).sum(),
    }
    table = _by_period(told, counts, as_of=as_of, period=period).drop("next_period")
    answers = told.filter(nps).mutate(
        at=told.day.truncate(unit_of(period)).cast("date"), respondent=respondent(told), quarter=told.day.truncate("Q")
    )
    worth = tally(answers, by=("at",)).select("at", nps_effective_answers="effective_answers")
    table = table.left_join(worth, table.period == worth["at"]).drop("at")
    if period == "month":
        last = answers["at"].max().over(ibis.window(group_by="quarter"))
        worth = tally(answers.mutate(at=last), by=("at",))
        worth = worth.select("at", nps_effective_answers_in_quarter="effective_answers")
        table = table.left_join(worth, table.period == worth["at"]).drop("at")
    else:
        table = table.mutate(nps_effective_answers_in_quarter=ibis.null("float64"))
    return table.order_by("period")


@same_kind
def ticket_measures(tickets: Any, *, as_of: Any, period: Period = "month", sla_hours: float = 24) -> Any:
    """Complaints and satisfaction with the service, by the period in which the ticket was opened.

    Columns: ``period, service_csat_answers, service_csat_sum, service_csat_satisfied`` (4 or 5)``,
    complaints_opened, complaints_due`` (opened at least ``sla_hours`` before the end of ``as_of``)``,
    complaints_resolved`` (of these, resolved within ``sla_hours``). What needs a column that is not there is empty.
    pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> tickets = pd.DataFrame({"is_complaint": [True, True, True],
    ...     "opened_at": pd.to_datetime(["2025-01-01 09:00", "2025-01-02 09:00", "2025-01-31 20:00"]),
    ...     "resolved_at": pd.to_datetime(["2025-01-01 12:00", "2025-01-05 12:00", None])})
    >>> ticket_measures(tickets, as_of="2025-01-31")[["complaints_opened", "complaints_due", "complaints_resolved"]]
       complaints_opened  complaints_due  complaints_resolved
    0                3.0             2.0                  1.0
    """
    import ibis

    opened = tickets.filter(tickets.opened_at.notnull()).mutate(day=lambda t: t.opened_at.cast("date"))
    nothing = ibis.null("float64")
    counts = dict.fromkeys(
        (
            "service_csat_answers", "service_csat_sum", "service_csat_satisfied",
            "complaints_opened", "complaints_due", "complaints_resolved",
        ),
        nothing,
    )  # fmt: skip
    if "csat" in tickets.columns:
        score = opened.csat.cast("float64")
        counts |= {
            "service_csat_answers": score.count(),
            "service_csat_sum": score.sum(),
            "service_csat_satisfied": (score >= 4).sum(),
        }
    if "is_complaint" in tickets.columns:
        complaint = opened.is_complaint.cast("boolean").fill_null(False)
        counts["complaints_opened"] = complaint.sum()
        if "resolved_at" in tickets.columns:
            window = ibis.interval(seconds=round(sla_hours * 3600))
            midnight = end_of(as_of)
            due = complaint & (opened.opened_at + window <= ibis.literal(midnight))
            in_time = (opened.resolved_at <= opened.opened_at + window).fill_null(False)
            counts |= {"complaints_due": due.sum(), "complaints_resolved": (due & in_time).sum()}
    table = _by_period(opened, counts, as_of=as_of, period=period).drop("next_period")
    absent = [name for name, count in counts.items() if count is nothing]
    return table.mutate(**dict.fromkeys(absent, nothing)) if absent else table


# Value


def value_measures(
    orders: Any, *, as_of: Any, period: Period = "month", margin: float = 1.0, discount_rate: float = 0.0
) -> Any:
    """What the customers known at a period's end are expected to bring in the 12 months after it.

    Fits the models of :mod:`crmlib.lifecycle.clv` (BG/NBD and gamma-gamma) on the orders until then, for three
    periods: the last whole one, the one before it, and the same a year before. A frame ``period, expected_value,
    expected_value_low, expected_value_high`` (95%): contribution at ``margin``, discounted by ``discount_rate`` a
    year; where a model cannot be fitted, not even by :func:`~crmlib.lifecycle.clv.fit_models` with its weak
    prior (few customers came back), its row is missing.

    Source: Fader, Hardie & Lee (2005); Fader & Hardie (2013).
    """
    import pandas as pd

    end = as_day(as_of)
    last = later(period_start(end + dt.timedelta(days=1), period), period, -1)
    rows = []
    for start in (later(last, period, -PERIODS_A_YEAR[period]), later(last, period, -1), last):
        equity = _equity(orders, later(start, period) - dt.timedelta(days=1), margin, discount_rate)
        if equity is not None:
            rows.append((start, *equity))
    columns = ["period", "expected_value", "expected_value_low", "expected_value_high"]
    return pd.DataFrame(rows, columns=columns)


def _equity(orders: Any, day: dt.date, margin: float, discount_rate: float) -> tuple[float, float, float] | None:
    from crmlib import models
    from crmlib.lifecycle import clv

    try:
        histories = to_pandas(clv.summary(orders, as_of=day, free_orders="ignore"))
        fitted = clv.fit_models(histories)
        if not fitted.complete:
            return None
        answer = clv.customer_equity(
            histories,
            **fitted.models,
            margin=margin,
            discount_rate=discount_rate,
            draws=100,
        )
    except (models.CustomerBaseInvalid, models.FitDidNotConverge, models.MeanSpendUndefined, models.TooFewRepeatBuyers):
        return None
    equity = answer.set_index("measure").loc["customer_equity"]
    return float(equity.value), float(equity.low), float(equity.high)


# Periods


def _starts(first_day: Any, end: dt.date, period: Period) -> list[dt.date]:
    return whole_periods(period_start(first_day, period), end, period) if first_day else []


def _spine(starts: list[dt.date], period: Period) -> Any:
    import ibis
    import pandas as pd

    ends = [later(start, period) for start in starts]
    table = ibis.memtable(pd.DataFrame({"period": starts, "next_period": ends}, dtype="datetime64[us]"))
    return table.select(period=table.period.cast("date"), next_period=table.next_period.cast("date"))


def _by_period(table: Any, counts: Mapping[str, Any], *, as_of: Any, period: Period) -> Any:
    """The counts of a table that has a ``day``, for the whole periods from its first row's to its last row's.

    What lies before and after these is not known: a table that ends in May says nothing of June.
    """
    end = as_day(as_of)
    seen = table.filter(table.day < _day_after(end)).aggregate(first=lambda t: t.day.min(), last=lambda t: t.day.max())
    first, last = (None if day is None or day != day else as_day(day) for day in seen.execute().iloc[0])
    starts = [start for start in _starts(first, end, period) if last and start <= last]
    counted = table.group_by(at=table.day.truncate(unit_of(period)).cast("date")).agg(**counts)
    spine = _spine(starts, period)
    joined = spine.left_join(counted, spine.period == counted.at)
    return joined.select(
        "period", "next_period", **{name: joined[name].fill_null(0).cast("float64") for name in counts}
    ).order_by("period")


def _day_after(as_of: Any) -> Any:
    import ibis

    return ibis.literal(as_day(as_of) + dt.timedelta(days=1))
