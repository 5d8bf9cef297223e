"""Contracts: where the end of a relationship is seen, how many still run after each renewal, and how it goes
on."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from crmlib import figures, text
from crmlib.calendar import as_day, periods_between
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.retention.empty_figure import nothing_to_show
from crmlib.statistics import kaplan_meier

if TYPE_CHECKING:
    import pandas as pd

    from crmlib.models.renewal_model import RenewalModel

Term = Literal["month", "quarter", "year"]
_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
_FEWEST_LOST = 10
_DRAWS = 1000


# Measures


@same_kind
def renewal_ages(subscriptions: Any, *, as_of: Any, term: Term | None = None, grace_days: int = 3) -> Any:
    """How many contracts came to each renewal, and how many ended there: one row per age, as far as observed.

    Columns: ``age`` (1: the first renewal, one ``term`` after the start), ``at_risk`` (contracts whose
    decision at this renewal has been seen by ``as_of``) and ``lost`` (of these, ended). A contract that
    still runs is counted at the renewals it has behind it and at no later one. An end between two renewals
    counts at the later one, an end within ``grace_days`` after a renewal at that renewal; ends after
    ``as_of`` are not known yet. If a customer's next contract begins within ``grace_days`` of the end of
    one, the first did not end: a change of plan is no loss.

    ``term`` (month, quarter, year) is the period between renewals: contracts of other terms are left out;
    without it the most frequent one is taken. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b", "c"],
    ...     "started_at": pd.to_datetime(["2025-01-01", "2025-01-15", "2025-02-01"]),
    ...     "ended_at": pd.to_datetime(["2025-03-01", None, "2025-03-01"])})
    >>> renewal_ages(subscriptions, as_of="2025-03-31")
       age  at_risk  lost
    0    1        3     1
    1    2        2     1
    """
    import ibis

    each = _contracts(subscriptions, as_of=as_of, term=term, grace_days=grace_days)
    counted = each.group_by("seen", "lost").agg(contracts=each.count())
    ages = counted.filter(counted.seen > 0).mutate(age=lambda t: ibis.range(1, t.seen + 1).unnest().cast("int64"))
    return (
        ages.group_by("age")
        .agg(
            at_risk=ages.contracts.sum(),
            lost=ages.contracts.sum(where=ages.lost & (ages.age == ages.seen)).fill_null(0),
        )
        .order_by("age")
    )


@same_kind
def running_subscriptions(subscriptions: Any, *, as_of: Any, term: Term | None = None, grace_days: int = 3) -> Any:
    """The contracts that run on the day ``as_of``, by the number of renewals that they have behind them.

    Columns: ``age``, ``contracts`` and ``revenue`` of one term (client's currency; empty without prices).
    Further as in :func:`renewal_ages`.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b"], "price": [9.0, 5.0], "ended_at": [None, None],
    ...     "started_at": pd.to_datetime(["2025-01-01", "2025-03-15"])})
    >>> running_subscriptions(subscriptions, as_of="2025-03-31")
       age  contracts  revenue
    0    0          1      5.0
    1    2          1      9.0
    """
    each = _contracts(subscriptions, as_of=as_of, term=term, grace_days=grace_days)
    running = each.filter(~each.lost & each.stop.isnull())
    return (
        running.group_by(age=running.seen).agg(contracts=running.count(), revenue=running.price.sum()).order_by("age")
    )


@same_kind
def subscription_terms(subscriptions: Any, *, as_of: Any, grace_days: int = 3) -> Any:
    """How many contracts there are of each term, the most frequent term first.

    Columns: ``term`` (as the client has it, in small letters), ``contracts`` (begun by ``as_of``) and ``running`` (on
    the day ``as_of``). Contracts that follow one another without a gap are one, of the first one's term. The other
    measures of contracts look at one term at a time, without a choice at the most frequent one. pandas or Ibis in,
    same kind out.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b", "c"], "period": ["month", "month", "year"],
    ...     "started_at": pd.to_datetime(["2025-01-01", "2025-01-15", "2025-02-01"]),
    ...     "ended_at": pd.to_datetime(["2025-03-01", None, None])})
    >>> subscription_terms(subscriptions, as_of="2025-03-31")
        term  contracts  running
    0  month          2        1
    1   year          1        1
    """
    import ibis

    joined = _unbroken(_known(subscriptions, as_day(as_of)), grace_days)
    counted = joined.group_by("term").agg(contracts=joined.count(), running=joined.count(where=joined.stop.isnull()))
    return counted.order_by(ibis.desc("contracts"), "term")


def _known(subscriptions: Any, end: dt.date) -> Any:
    """The contracts begun by the day ``end``: customer, start, stop (empty if later than ``end``), price and term."""
    import ibis

    columns = subscriptions.columns
    stop = subscriptions.ended_at.cast("date") if "ended_at" in columns else ibis.null("date")
    known = subscriptions.filter(subscriptions.customer_id.notnull() & subscriptions.started_at.notnull()).select(
        customer_id=subscriptions.customer_id.cast("string"),
        start=subscriptions.started_at.cast("date"),
        stop=ibis.ifelse(stop <= ibis.literal(end), stop, ibis.null("date")),
        price=subscriptions.price.cast("float64") if "price" in columns else ibis.null("float64"),
        term=subscriptions.period.cast("string").lower() if "period" in columns else ibis.literal("month"),
    )
    return known.filter(known.start <= ibis.literal(end)).mutate(term=lambda t: t.term.fill_null("month"))


def _contracts(subscriptions: Any, *, as_of: Any, term: Term | None, grace_days: int) -> Any:
    """One row per unbroken contract: start, stop, price, renewals seen, and whether it was lost at the last
    of them."""
    import ibis

    end = as_day(as_of)
    known = _known(subscriptions, end)
    term = term or _most_frequent(known)
    if term not in _MONTHS:
        raise ValueError(f"term {term!r} is not known; use one of {', '.join(_MONTHS)}")
    joined = _unbroken(known, grace_days).filter(lambda t: t.term == term)
    months = _MONTHS[term]
    # Renewals whose grace is over: the same rule for those who left and those who stayed, or the last renewals
    # would know of the losses and not yet of the loyal.
    decided = _renewals(joined.start, ibis.literal(end - dt.timedelta(days=grace_days)), months)
    renewal = _renewals(joined.start, joined.stop - ibis.interval(days=grace_days + 1), months) + 1
    lost = joined.stop.notnull() & (renewal <= decided)
    return joined.select(
        start=joined.start,
        stop=joined.stop,
        price=joined.price,
        lost=lost,
        seen=ibis.ifelse(lost, renewal, decided),
    )


def most_frequent_term(terms: Any) -> Term:
    """The term of which there are most contracts, among those that can be counted (month, quarter, year).

    ``terms``: from :func:`subscription_terms`; ``month`` without any.
    """
    if terms is None:
        return "month"
    countable = [term for term in to_pandas(terms).term if term in _MONTHS]
    return countable[0] if countable else "month"


def _most_frequent(contracts: Any) -> Any:
    import ibis

    counted = contracts.filter(contracts.term.isin(list(_MONTHS))).group_by("term").agg(n=lambda t: t.count())
    first = counted.order_by(ibis.desc("n"), "term").limit(1).to_pandas()
    return "month" if first.empty else str(first.term[0])


def _unbroken(contracts: Any, grace_days: int) -> Any:
    """Contracts that follow one another without a gap made one, with the first one's term and the last one's price."""
    import ibis

    forever = ibis.literal(dt.date(9999, 1, 1))
    order = [contracts.start, contracts.stop.fill_null(forever)]
    earlier = ibis.window(group_by="customer_id", order_by=order, preceding=(None, 1))
    upto = ibis.window(group_by="customer_id", order_by=order, preceding=(None, 0))
    until = contracts.stop.fill_null(forever).max().over(earlier)
    # Compared as numbers of days, so that no date lies beyond the calendar.
    gap = contracts.start.delta(until, unit="day")
    marked = contracts.mutate(new=(until.isnull() | (gap > grace_days)).cast("int64"))
    marked = marked.mutate(spell=marked.new.sum().over(upto))
    joined = marked.group_by("customer_id", "spell").agg(
        start=marked.start.min(),
        stop=marked.stop.fill_null(forever).max(),
        price=marked.price.argmax(marked.start),
        term=marked.term.argmin(marked.start),
    )
    return joined.mutate(stop=joined.stop.nullif(forever))


def _renewals(start: Any, day: Any, months: int) -> Any:
    """How many renewals, every so many months, were due from ``start`` to ``day``; month ends as the
    calendar has them."""
    import ibis

    passed = periods_between(start, day, "month")
    due = (start + passed.as_interval("M")).cast("date")
    whole = passed - ibis.ifelse(due > day, 1, 0)
    return ibis.greatest(whole // months, 0).cast("int64")


def renewal_model(renewal_ages: Any) -> RenewalModel | None:
    """The model of how these contracts go on, sBG or BdW; None where they say too little to project them.

    ``renewal_ages``: a table from :func:`renewal_ages`. The sBG says that each contract's own chance to leave stays
    as it is, the BdW that it may rise or fall with age: it is taken where the data refute the sBG, as
    :func:`~crmlib.models.compare_renewals` decides, which also says why. Too little: fewer than ten ends,
    fewer than two renewals, or leaving that settles the parameters of neither model, as of contracts that do not
    differ (if they leave evenly, a plain rate says it all).

    >>> import pandas as pd
    >>> renewal_model(pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 631, 468], "lost": [369, 163, 86]}))
    ShiftedBetaGeometric(alpha=0.7837, beta=1.333)
    """
    from crmlib.models.errors import FitDidNotConverge
    from crmlib.models.renewal_comparison import compare_renewals

    frame = to_pandas(renewal_ages)
    if frame.empty or frame.lost.sum() < _FEWEST_LOST:
        return None
    try:
        return compare_renewals(frame).picked
    except FitDidNotConverge:
        return None


def project_renewals(renewal_ages: Any, model: RenewalModel | None, *, until: int | None = None) -> pd.DataFrame:
    """How many contracts are left after each renewal: observed as far as it goes, and projected beyond.

    ``renewal_ages``: a table from :func:`renewal_ages`; ``model``: from :func:`renewal_model`; ``until``
    which age, twice the observed unless given. One row per ``age`` from 0: ``at_risk, lost``; ``survival``
    observed (Kaplan–Meier) with its 95 % interval ``low, high`` (Greenwood, complementary log-log);
    ``projected`` with ``projected_low, projected_high``, and the ``model`` that it is from (sBG or BdW). Empty where
    unobserved, or where there is no model. A pandas frame.

    >>> import pandas as pd
    >>> ages = pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 631, 468], "lost": [369, 163, 86]})
    >>> project_renewals(ages, renewal_model(ages), until=4)[["age", "survival", "projected"]].round(3)
       age  survival  projected
    0    0     1.000      1.000
    1    1     0.631      0.630
    2    2     0.468      0.471
    3    3     0.382      0.382
    4    4       NaN      0.323
    """
    import numpy as np
    import pandas as pd

    from crmlib.models import model_name

    frame = to_pandas(renewal_ages)
    last = int(frame.age.max()) if len(frame) else 0
    every = pd.DataFrame({"age": range(0, (last + max(2, last // 2) if until is None else until) + 1)})
    table = every.merge(frame, on="age", how="left")
    observed = pd.DataFrame({"age": frame.age, **kaplan_meier(frame.at_risk, frame.lost)._asdict()})
    start = pd.DataFrame({"age": [0], "survival": [1.0], "low": [1.0], "high": [1.0]})
    table = table.merge(pd.concat([start, observed], ignore_index=True), on="age", how="left")
    if model is None:
        return table.assign(projected=np.nan, projected_low=np.nan, projected_high=np.nan, model=None)
    projected = model.projection(table.age.to_numpy(), draws=_DRAWS)
    return table.assign(
        projected=projected.survival.to_numpy(),
        projected_low=projected.low.to_numpy(),
        projected_high=projected.high.to_numpy(),
        model=model_name(type(model).__name__),
    )


def renewal_outlook(
    subscriptions: Any,
    model: RenewalModel,
    *,
    as_of: Any,
    term: Term | None = None,
    margin: float = 1.0,
) -> pd.DataFrame | None:
    """What the contracts that run today will bring in the coming year, and what will be lost by those who leave.

    One row: ``contracts`` running; ``left`` of them after a year, with ``left_low, left_high``;
    ``contribution`` a year if nobody left (prices times ``margin``, client's currency); ``lost``, how much
    less it will be, with ``lost_low, lost_high``. ``model``: fitted, from :func:`renewal_model`. Each contract is
    projected from its own age. Intervals say how well the model is known. None where nothing runs.
    """
    import numpy as np
    import pandas as pd

    running = to_pandas(running_subscriptions(subscriptions, as_of=as_of, term=term))
    if running.empty:
        return None
    # As many renewals as a year has; of yearly contracts one.
    table = to_ibis(subscriptions)
    if term is None and "period" in table.columns:
        term = _most_frequent(table.select(term=table.period.cast("string").lower()))
    renewals = 12 // _MONTHS[term or "month"]
    age = running.age.to_numpy(dtype=float)
    ahead = age[:, None] + np.arange(1, renewals + 1)
    contracts, revenue = running.contracts.to_numpy(dtype=float), running.revenue.to_numpy(dtype=float) * margin

    def outlook(one: RenewalModel) -> tuple[float, float]:
        kept = one.survival(ahead) / one.survival(age)[:, None]
        return float(contracts @ kept[:, -1]), float(revenue @ (1 - kept).sum(axis=1))

    drawn = np.array([outlook(model.with_log_parameters(np.log(row))) for row in model.draws(400).values])
    left, lost = outlook(model)
    (left_low, lost_low), (left_high, lost_high) = np.quantile(drawn, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "contracts": [int(contracts.sum())],
            "left": [left],
            "left_low": [left_low],
            "left_high": [left_high],
            "contribution": [float(revenue.sum()) * renewals],
            "lost": [lost],
            "lost_low": [lost_low],
            "lost_high": [lost_high],
        }
    )


# Figures


def plot_projection(projection: pd.DataFrame, *, term: Term = "month") -> Any:
    """Contracts left after each renewal, observed and projected, with intervals; answers the Axes.

    ``projection``: a frame from :func:`project_renewals`; the legend names its model.
    """
    title = text.say("How many contracts are left after each renewal")
    observed = projection[projection.survival.notna()]
    if len(observed) < 2:
        return nothing_to_show(title, text.say("No contract has come to its first renewal yet."))
    axes = figures.new_axes()
    modelled = projection.projected.notna().any()
    if modelled:
        axes.fill_between(
            projection.age,
            projection.projected_low,
            projection.projected_high,
            color=figures.COLOURS["second"],
            alpha=0.25,
            linewidth=0,
        )
        axes.plot(
            projection.age,
            projection.projected,
            color=figures.COLOURS["second"],
            linewidth=2,
            label=text.say("Projected ({model}), with 95% interval", model=projection.model.iloc[0]),
        )
    axes.errorbar(
        observed.age,
        observed.survival,
        yerr=[
            (observed.survival - observed.low).fillna(0.0).clip(lower=0),
            (observed.high - observed.survival).fillna(0.0).clip(lower=0),
        ],
        fmt="o",
        markersize=4,
        color=figures.COLOURS["main"],
        elinewidth=1,
        label=text.say("Observed (Kaplan–Meier), with 95% interval"),
    )
    axes.legend(loc="upper right", frameon=False)
    figures.percent_axis(axes.yaxis)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    labels = {
        "month": text.say("Renewals (months since the start)"),
        "quarter": text.say("Renewals (quarters since the start)"),
        "year": text.say("Renewals (years since the start)"),
    }
    axes.set_xlabel(labels[term])
    axes.set_ylabel(text.say("Share of contracts still running"))
    last_seen, last = observed.iloc[-1], projection.iloc[-1]
    words = {
        "first": text.percent(observed.survival.iloc[1], digits=1),
        "seen": text.percent(last_seen.survival, digits=1),
        "seen_age": int(last_seen.age),
        "last_age": int(last.age),
        "contracts": int(observed.at_risk.iloc[1]),
    }
    if modelled:
        reading = text.say(
            "{first} of contracts outlive their first renewal and {seen} their renewal {seen_age}; {projected} "
            "({low} to {high}) are expected to be left after {last_age} renewals.",
            projected=text.percent(last.projected, digits=1),
            low=text.percent(last.projected_low, digits=1),
            high=text.percent(last.projected_high, digits=1),
            **words,
        )
    else:
        reading = text.say(
            "{first} of contracts outlive their first renewal and {seen} their renewal {seen_age}; too few "
            "have ended, or contracts differ too little, for a projection.",
            **words,
        )
    return figures.caption(
        axes,
        title=title,
        reading=reading,
        description=text.say(
            "Dots for the observed share of {contracts} contracts still running after each renewal, from {first} to "
            "{seen} at renewal {seen_age}, and a line with a band for the projection up to renewal {last_age}.",
            **words,
        ),
    )


# Findings


def _in_words(term: str) -> str:
    words = {"month": text.say("monthly"), "quarter": text.say("quarterly"), "year": text.say("yearly")}
    return words.get(term, term)


def _other_terms(terms: Any, term: Term) -> str:
    """What runs beside the contracts of this term, in words; empty if nothing does."""
    others = terms[(terms.term != term) & (terms.running > 0)]
    if others.empty:
        return ""
    return text.say(
        "In all {running} contracts run; {others} are left aside here, because renewals of different terms cannot be "
        "counted together.",
        running=int(terms.running.sum()),
        others=", ".join(
            text.say("{count} {term} ones", count=int(row.running), term=_in_words(row.term))
            for row in others.itertuples()
        ),
    )


def _where_to_act(model: RenewalModel, number: int) -> str:
    """What to do about leaving, by the renewal, of the first ``number``, at which the smallest share renews."""
    renewed = model.retention(range(1, number + 1))
    lowest = int(renewed.argmin()) + 1
    if lowest == 1:
        return text.say(
            "Spend on the first renewals: that is where most contracts are lost, and those who stay longer leave less "
            "by themselves."
        )
    words = {
        "lowest": lowest,
        "share": text.percent(renewed[lowest - 1].item(), digits=1),
        "first": text.percent(renewed[0].item(), digits=1),
    }
    if lowest == number:
        return text.say(
            "Look at what happens at later renewals: leaving rises with age. {first} renew at the first renewal, "
            "{share} of those who come to renewal {lowest}.",
            **words,
        )
    return text.say(
        "Look at what happens up to renewal {lowest}: until then leaving rises with age ({first} renew at the first "
        "renewal, {share} of those who come to renewal {lowest}); those who stay longer leave less again.",
        **words,
    )


def finding_renewals(
    outlook: pd.DataFrame | None, model: RenewalModel | None, *, term: Term | None = None, terms: Any = None
) -> Finding | None:
    """How many of today's contracts will be left in a year, and what leaving will cost.

    ``outlook``: the row of :func:`renewal_outlook`; ``model``: from :func:`renewal_model`. None without
    them. ``terms``, from :func:`subscription_terms`: contracts of how many terms run; where others than those of
    ``term`` (the most frequent one unless given) do, the sentence names its term, and the certainty says what is left
    aside.
    """
    if outlook is None or model is None:
        return None
    row = outlook.iloc[0]
    priced = row.lost == row.lost and row.contribution > 0
    frame = to_pandas(terms) if terms is not None else None
    spoken_of = term or most_frequent_term(frame)
    aside = _other_terms(frame, spoken_of) if frame is not None else ""
    said = {"contracts": int(row.contracts), "left": text.number(row.left)}
    number = max(2, 12 // _MONTHS[spoken_of])
    return Finding(
        "retention.contracts",
        text.say(
            "Of {contracts} {term} contracts that run today, {left} will be left in a year.",
            term=_in_words(spoken_of),
            **said,
        )
        if aside
        else text.say("Of {contracts} contracts that run today, {left} will be left in a year.", **said),
        "bad",
        certainty=text.say(
            "95% interval {low} to {high}, if contracts go on leaving as they did: {first} renew at the first renewal, "
            "{later} at renewal {number}. {aside} {money}",
            aside=aside,
            number=number,
            low=text.number(row.left_low),
            high=text.number(row.left_high),
            first=text.percent(model.retention(1).item()),
            later=text.percent(model.retention(number).item()),
            money=text.say(
                "At stake is the contribution (prices times margin) that those who leave will not bring that year."
            )
            if priced
            else "",
        )
        .replace("  ", " ")
        .rstrip(),
        action=_where_to_act(model, number),
        money=float(row.lost) if priced else None,
        money_low=float(row.lost_low) if priced else None,
        money_high=float(row.lost_high) if priced else None,
        plays=("save_contract",),
    )
