"""Which contracts run when: the one rule that every analysis of subscriptions follows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day, periods_between

TERM_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
GRACE_DAYS = 3
"""An end so many days after a renewal is an end at this renewal, and a pause as short is none."""


def contracts(subscriptions: Any, *, as_of: Any) -> Any:
    """The contracts (an Ibis table) begun by the day ``as_of``, one row each.

    Columns: ``customer_id``; ``start``, a day; ``stop``, the first day without it, empty where it runs or ends later
    than ``as_of``; ``price`` of one term (client's currency); ``term`` in small letters, ``month`` where none is told.
    Without a customer or a start, a contract is none.

    >>> import ibis, pandas as pd
    >>> told = pd.DataFrame({"customer_id": ["a", None], "started_at": pd.to_datetime(["2025-01-01", "2025-01-01"])})
    >>> contracts(ibis.memtable(told), as_of="2025-01-31").execute()[["customer_id", "term"]]
      customer_id   term
    0           a  month
    """
    import ibis

    def column(name: str, kind: str) -> Any:
        return subscriptions[name].cast(kind) if name in subscriptions.columns else ibis.null(kind)

    end, stop = ibis.literal(as_day(as_of)), column("ended_at", "date")
    begun = subscriptions.select(
        customer_id=subscriptions.customer_id.cast("string"),
        start=subscriptions.started_at.cast("date"),
        stop=ibis.ifelse(stop <= end, stop, None).cast("date"),
        price=column("price", "float64"),
        term=column("period", "string").lower().fill_null("month"),
    )
    return begun.filter(begun.customer_id.notnull() & (begun.start <= end))


def paid_contracts(subscriptions: Any, *, as_of: Any) -> Any:
    """The :func:`contracts` for the time in which each is paid: one ends when another takes its place.

    That is one of the same customer that begins at most ``GRACE_DAYS`` before or after its end: a change of plan, in
    which neither both are paid nor none. Contracts that run side by side for longer are paid side by
    side. The same columns, and ``a_month``, the price of one month: 0 without a price, or for a term that is neither
    month, quarter nor year.

    >>> import ibis, pandas as pd
    >>> days = [pd.Timestamp("2025-01-01"), pd.Timestamp("2025-02-01")]
    >>> told = pd.DataFrame({"customer_id": "a", "started_at": days, "ended_at": [pd.Timestamp("2025-01-30"), None]})
    >>> paid_contracts(ibis.memtable(told), as_of="2025-02-28").stop.min().cast("date").cast("string").execute()
    '2025-02-01'
    """
    import ibis

    each = contracts(subscriptions, as_of=as_of)
    begun = each.select("customer_id", begins="start")
    pairs = each.filter(each.stop.notnull()).join(begun, "customer_id")
    apart = pairs.begins.delta(pairs.stop, unit="day").abs()
    takes = pairs.filter((pairs.begins > pairs.start) & (apart <= GRACE_DAYS))
    takes = takes.group_by("customer_id", "start", "stop").agg(begins=takes.begins.min())
    paid = each.left_join(takes, ["customer_id", "start", "stop"])
    price = paid.price.fill_null(0.0)
    a_month = ibis.cases(*((paid.term == term, price / length) for term, length in TERM_MONTHS.items()), else_=0.0)
    paid = paid.mutate(stop=paid.begins.coalesce(paid.stop), a_month=a_month)
    return paid.select("customer_id", "start", "stop", "price", "term", "a_month")


def unbroken(subscriptions: Any, *, as_of: Any) -> Any:
    """The contracts of which those of a customer that follow one another without a gap, or run side by side, are one.

    The columns of :func:`contracts`, with the first one's term; ``price``: what those that run at the end cost together
    for one such term. A change of plan is no loss, and a pause of ``GRACE_DAYS`` no gap, as for
    :func:`paid_contracts`.

    >>> import ibis, pandas as pd
    >>> days = pd.to_datetime(["2025-01-01", "2025-01-15"])
    >>> told = pd.DataFrame({"customer_id": "a", "started_at": days, "price": [9.0, 120.0],
    ...     "period": ["month", "year"]})
    >>> unbroken(ibis.memtable(told), as_of="2025-01-31").execute()[["customer_id", "price", "term"]]
      customer_id  price   term
    0           a   19.0  month
    """
    import ibis

    forever = ibis.literal(dt.date(9999, 1, 1))
    each = paid_contracts(subscriptions, as_of=as_of)
    each = each.mutate(stop=each.stop.fill_null(forever))
    order = [each.start, each.stop]
    earlier = ibis.window(group_by="customer_id", order_by=order, preceding=(None, 1))
    upto = ibis.window(group_by="customer_id", order_by=order, preceding=(None, 0))
    until = each.stop.max().over(earlier)
    marked = each.mutate(new=(until.isnull() | (each.start > until)).cast("int64"))
    marked = marked.mutate(spell=marked.new.sum().over(upto))
    spell = ibis.window(group_by=["customer_id", "spell"])
    marked = marked.mutate(
        last=marked.stop == marked.stop.max().over(spell),
        first_term=marked.term.first().over(
            ibis.window(group_by=["customer_id", "spell"], order_by=[marked.start, marked.stop, marked.term])
        ),
    )
    # The price of the same term is taken as it is: a third of it, times three, would be another number.
    months = ibis.cases(*((marked.first_term == term, length) for term, length in TERM_MONTHS.items()), else_=0)
    price = ibis.ifelse(marked.term == marked.first_term, marked.price, marked.a_month * months)
    priced = marked.mutate(price=ibis.ifelse(marked["last"] & marked.price.notnull(), price, None))
    joined = priced.group_by("customer_id", "spell").agg(
        start=priced.start.min(), stop=priced.stop.max(), price=priced.price.sum(), term=priced.first_term.min()
    )
    return joined.mutate(stop=joined.stop.nullif(forever))


def renewals_due(terms: Any, *, as_of: Any, months: Any) -> Any:
    """How many renewals of each contract have been seen by ``as_of``, and whether it ended at the last of them.

    ``terms``: from :func:`unbroken`; ``months``: the length of their term, a number or a column. Adds ``seen`` and
    ``lost``. An end between two renewals counts at the later one, an end within ``GRACE_DAYS`` after a renewal at that
    renewal.
    """
    import ibis

    # Renewals whose grace is over: the same rule for those who left and those who stayed, or the last renewals
    # would know of the losses and not yet of the loyal.
    decided = _renewals(terms.start, ibis.literal(as_day(as_of) - dt.timedelta(days=GRACE_DAYS)), months)
    renewal = _renewals(terms.start, terms.stop - ibis.interval(days=GRACE_DAYS + 1), months) + 1
    lost = terms.stop.notnull() & (renewal <= decided)
    return terms.mutate(lost=lost, seen=ibis.ifelse(lost, renewal, decided))


def _renewals(start: Any, day: Any, months: Any) -> Any:
    """How many renewals, every so many months, were due from ``start`` to ``day``; month ends as the
    calendar has them."""
    import ibis

    passed = periods_between(start, day, "month")
    due = (start + passed.as_interval("M")).cast("date")
    whole = passed - ibis.ifelse(due > day, 1, 0)
    return ibis.greatest(whole // months, 0).cast("int64")
