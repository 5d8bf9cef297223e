"""What each tier and stage amounts to: customers, revenue, and what it rests on."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from crmlib import text
from crmlib.calendar import is_whole_year
from crmlib.engine import quantile, same_kind, to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.lifecycle.segmentation.tiers import customers_in_tier

By = Literal["tier", "stage"]
NO_CUSTOMER = "no_customer"
FEWEST = 10
_HALF_YEAR_DAYS = 182


# Measures


def segment_summary(segments: Any, *, by: By = "tier", guests: Any = None, rules: Rules | None = None) -> Any:
    """How many customers each segment has and what it brought in the last twelve months, as a small frame.

    Columns: ``segment``, ``customers``, ``share`` (of the customers), ``buyers`` (who bought in the twelve months),
    ``revenue_year``, ``revenue_share`` (of all revenue of the twelve months) with its 95 % interval
    ``revenue_share_low``, ``revenue_share_high``, ``revenue_per_customer``, ``recency_days`` (median). Segments
    without customers are there with 0. With ``guests`` (from :func:`revenue_without_customer`) a last row
    ``no_customer`` holds the revenue that belongs to nobody known, so that ``revenue_year`` adds up to all revenue.

    The interval is that of a ratio of sums when customers are drawn anew (linearised bootstrap; guests are taken as
    they are).

    >>> import pandas as pd
    >>> known = pd.DataFrame({"tier": ["core", "ordinary", "ordinary"], "revenue_year": [80.0, 15.0, 5.0],
    ...     "purchases_year": [4, 1, 1], "recency_days": [3, 30, 40]})
    >>> segment_summary(known)[["segment", "customers", "revenue_year", "revenue_share"]]
         segment  customers  revenue_year  revenue_share
    0       core          1          80.0            0.8
    1  potential          0           0.0            0.0
    2   ordinary          2          20.0            0.2
    3   sleeping          0           0.0            0.0
    """
    import numpy as np
    import pandas as pd

    rules = rules or read_rules()
    shown = (rules.tiers if by == "tier" else rules.stages).shown
    sums = to_pandas(_sums(segments, by=by)).set_index("segment").reindex(list(shown))
    counted = ["customers", "buyers", "revenue_year", "squares"]
    sums[counted] = sums[counted].fillna(0.0)
    if guests is not None:
        amount = float(to_pandas(guests).revenue_year.sum())
        sums.loc[NO_CUSTOMER, ["revenue_year", "squares"]] = [amount, 0.0]
    total = float(sums.revenue_year.sum())
    share = sums.revenue_year / total if total else sums.revenue_year * np.nan
    variance = sums.squares * (1 - share) ** 2 + (sums.squares.sum() - sums.squares) * share**2
    margin = 1.96 * np.sqrt(variance) / total if total else share
    customers = sums.customers.where(sums.customers > 0)
    is_known = sums.index != NO_CUSTOMER
    return pd.DataFrame(
        {
            "segment": sums.index,
            "customers": sums.customers.astype("Int64"),
            "share": sums.customers / max(1.0, sums.customers.sum()),
            "buyers": sums.buyers.astype("Int64"),
            "revenue_year": sums.revenue_year,
            "revenue_share": share,
            "revenue_share_low": (share - margin).clip(lower=0).where(is_known),
            "revenue_share_high": (share + margin).clip(upper=1).where(is_known),
            "revenue_per_customer": sums.revenue_year / customers,
            "recency_days": sums.recency_days,
        }
    ).reset_index(drop=True)


@same_kind
def _sums(segments: Any, *, by: By) -> Any:
    known = segments.filter(segments[by].notnull())
    return (
        known.group_by(segment=known[by])
        .agg(
            customers=known.count(),
            buyers=known.count(where=known.purchases_year > 0),
            revenue_year=known.revenue_year.sum(),
            squares=(known.revenue_year * known.revenue_year).sum(),
            recency_days=quantile(known.recency_days, 0.5),
        )
        .order_by("segment")
    )


def segment_rules(thresholds: Any, *, by: By = "tier", rules: Rules | None = None) -> Any:
    """The rules in words with this client's thresholds, in the order in which they are tried.

    Columns: ``segment``, ``rule``. ``thresholds``: from :func:`thresholds`.

    >>> import pandas as pd
    >>> lines = pd.DataFrame({"threshold": ["sleeping_after", "high_spend", "frequent"], "value": [120.0, 900.0, 2.0]})
    >>> print(segment_rules(lines).rule[0])
    Days since the last purchase: more than 120 days
    """
    import pandas as pd

    rules = rules or read_rules()
    values = {str(row.threshold): float(row.value) for row in thresholds.itertuples()}
    ruling = rules.tiers if by == "tier" else rules.stages
    return pd.DataFrame({"segment": rule.name, "rule": rule.when.in_words(values)} for rule in ruling.rules)


def named(table: Any, *columns: str) -> Any:
    """The frame with the names of segments as the report shows them, in the columns given.

    >>> import pandas as pd
    >>> named(pd.DataFrame({"segment": ["core", "no_customer"]}), "segment").segment.tolist()
    ['Core', 'No customer recorded']
    """
    return table.assign(**{c: [text.label(v) if isinstance(v, str) else v for v in table[c]] for c in columns})


@same_kind
def sleepers_under_contract(segments: Any, under_contract: Any) -> Any:
    """How many of the tier ``sleeping`` have a contract that runs, and what they brought, in one row.

    Columns: ``customers``, ``buyers`` (who bought in the twelve months), ``revenue_year``. The tier looks at orders
    only, so it takes in subscribers who pay without ordering, or once a year. ``under_contract``: ``customer_id``, from
    :func:`under_contract`. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> known = pd.DataFrame({"customer_id": ["a", "b", "c"], "tier": ["sleeping", "sleeping", "core"],
    ...     "revenue_year": [80.0, 0.0, 5.0], "purchases_year": [4, 0, 1]})
    >>> sleepers_under_contract(known, pd.DataFrame({"customer_id": ["a", "c"]}))
       customers  buyers  revenue_year
    0          1       1          80.0
    """
    asleep = segments.filter((segments.tier == "sleeping").fill_null(False))
    bound = asleep.semi_join(under_contract, "customer_id")
    return bound.agg(
        customers=bound.count(),
        buyers=bound.count(where=bound.purchases_year > 0),
        revenue_year=bound.revenue_year.sum().fill_null(0.0),
    )


@same_kind
def _without(customers: Any, some: Any) -> Any:
    return customers.anti_join(some, "customer_id")


def sleeping_lines(customers: Any, thresholds: Any, *, rules: Rules | None = None, under_contract: Any = None) -> Any:
    """What would be asleep if the line were drawn at either end of the interval of ``sleeping_after``.

    Customers ``under_contract`` (``customer_id``, from :func:`under_contract`) are not counted: they have not left.

    One row per line: ``line`` (low, value, high), ``days``, ``customers`` and ``revenue_year`` of the sleeping tier.
    Only the row ``value`` where the threshold has no interval; no rows where the rules have no sleeping tier or
    threshold.

    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "recency_days": [115, 500], "tenure_days": [90, 500],
    ...     "purchases": [3, 1], "purchases_year": [3, 0], "revenue_year": [90.0, 0.0]})
    >>> lines = pd.DataFrame({"threshold": ["usual_return", "sleeping_after", "lost_after", "high_spend", "frequent",
    ...     "established"], "value": [30.0, 120.0, 240.0, 80.0, 2.0, 4.0], "low": [28, 110.0, 220.0, None, None, None],
    ...     "high": [33, 130.0, 260.0, None, None, None]})
    >>> sleeping_lines(customers, lines)[["line", "days", "customers", "revenue_year"]]
        line   days  customers  revenue_year
    0    low  110.0          2          90.0
    1  value  120.0          1           0.0
    2   high  130.0          1           0.0
    """
    import pandas as pd

    rules = rules or read_rules()
    found = thresholds[thresholds.threshold == "sleeping_after"]
    columns = ["line", "days", "customers", "revenue_year"]
    if found.empty or "sleeping" not in rules.tiers.shown:
        return pd.DataFrame(columns=columns)
    days = {line: float(found.iloc[0][line]) for line in ("low", "value", "high") if pd.notna(found.iloc[0][line])}
    values = {str(row.threshold): float(row.value) for row in thresholds.itertuples()}
    moved = {line: values | {"sleeping_after": at} for line, at in days.items()}
    customers = customers if under_contract is None else _without(customers, under_contract)
    asleep = to_pandas(customers_in_tier(customers, tier="sleeping", rules=rules, values=moved)).iloc[0]
    rows = [(line, at, int(asleep[f"{line}_customers"]), float(asleep[f"{line}_revenue"])) for line, at in days.items()]
    return pd.DataFrame(rows, columns=columns)


# Findings


def finding_sleeping(
    summary: Any,
    lines: Any,
    outcomes: Any = None,
    *,
    since: dt.date | None = None,
    history_days: int | None = None,
    horizon: int | None = None,
    bound: Any = None,
) -> Finding | None:
    """The revenue of the last twelve months that came from customers who have since gone to sleep.

    ``summary`` from :func:`segment_summary` by tier, ``lines`` from :func:`sleeping_lines`, ``outcomes`` from
    :func:`segment_outcomes` by tier since the day ``since``. None where fewer than ten of the sleeping bought
    in the twelve months.

    ``history_days``: how many days the orders cover; where that is less than a year, the sentence says so and no money
    a year is named. ``horizon``: the days within which customers had to come back for the line of sleep to be read
    from them (``horizon_days`` of :func:`purchase_rhythm`). ``bound``: the row of :func:`sleepers_under_contract`, who
    are taken out of the sleepers and of the money, and named; then ``lines`` must be without them, too.
    """
    at = lines.set_index("line") if len(lines) else None
    asleep = summary[summary.segment == "sleeping"]
    if at is None or asleep.empty:
        return None
    row = asleep.iloc[0]
    under, under_buyers, under_revenue = (0, 0, 0.0) if bound is None else _counts(to_pandas(bound).iloc[0])
    buyers, revenue = int(row.buyers) - under_buyers, float(row.revenue_year) - under_revenue
    if buyers < FEWEST:
        return None
    is_read = {"low", "high"} <= set(at.index)
    certainty, low, high = _line_in_words(at)
    if is_read and horizon is not None:
        certainty = text.say(
            "{certainty} The line is read from those who came back within {horizon} days.",
            certainty=certainty,
            horizon=horizon,
        )
        if horizon < _HALF_YEAR_DAYS:
            certainty = text.say(
                "{certainty} That is under half a year: whoever takes longer was not seen, so the line may lie too "
                "early and some who count as sleeping may still come.",
                certainty=certainty,
            )
    then = outcomes[outcomes.segment == "sleeping"] if outcomes is not None else None
    if then is not None and len(then) and int(then.customers.iloc[0]) >= 30 and since is not None:
        back = {
            "certainty": certainty,
            "day": text.day(since),
            "share": text.percent(then.bought_share.iloc[0]),
            "interval": text.interval(then.bought_share_low.iloc[0], then.bought_share_high.iloc[0], text.percent),
        }
        certainty = (
            text.say(
                "{certainty} Of those who were in the tier on {day}, with a contract or without, {share} ({interval}) "
                "have bought again since, with what was done until now.",
                **back,
            )
            if under
            else text.say(
                "{certainty} Of those who were sleeping on {day}, {share} ({interval}) have bought again since, with "
                "what was done until now.",
                **back,
            )
        )
    said = {
        "money": text.money(revenue),
        "share": text.percent(row.revenue_share * revenue / row.revenue_year if under else row.revenue_share),
        "buyers": buyers,
        "customers": int(row.customers) - under,
        "tier": text.label("sleeping"),
    }
    if under:
        certainty = text.say(
            "{certainty} {under} more of the tier have a contract that runs: they have not left, whatever their orders "
            "say, and neither they nor their {money} are counted here.",
            certainty=certainty,
            under=under,
            money=text.money(under_revenue),
        )
    yearly = is_whole_year(history_days)
    return Finding(
        "segmentation.sleeping",
        _sleepers_in_words(said, history_days, under > 0),
        "bad",
        certainty=certainty,
        action=text.say(
            "Wake them up with a personal offer, the most valuable first, and leave a random part alone to see what "
            "the offer really brings back."
        ),
        money=revenue if yearly else None,
        money_low=low if yearly else None,
        money_high=high if yearly else None,
        plays=("win_back",),
    )


def _counts(row: Any) -> tuple[int, int, float]:
    return int(row.customers), int(row.buyers), float(row.revenue_year)


def _line_in_words(at: Any) -> tuple[str, float | None, float | None]:
    """How sure the line of sleep is, and the revenue with the line at either end of its interval; None without one.

    ``at``: the rows of :func:`sleeping_lines` by ``line``. Where both ends are the same there is no interval to show.
    """
    days = text.number(at.loc["value", "days"])
    if not {"low", "high"} <= set(at.index):
        words = text.say(
            "A customer counts as sleeping after {days} days of silence, a line set by rule: too few customers have "
            "come back to read it from the data, so there is no interval.",
            days=days,
        )
        return words, None, None
    early, late = text.number(at.loc["low", "days"]), text.number(at.loc["high", "days"])
    if early == late:
        words = text.say(
            "A customer counts as sleeping after {days} days of silence; both ends of the 95% interval of this line "
            "are the same day, so the amount has no interval.",
            days=days,
        )
        return words, None, None
    # A later line leaves fewer customers asleep, so less revenue.
    low, high = float(at.loc["high", "revenue_year"]), float(at.loc["low", "revenue_year"])
    if text.money(low) == text.money(high):
        words = text.say(
            "A customer counts as sleeping after {days} days of silence; with the line at {late} or {early} days, the "
            "ends of its 95% interval, the amount would be the same.",
            days=days,
            late=late,
            early=early,
        )
        return words, None, None
    words = text.say(
        "A customer counts as sleeping after {days} days of silence; with the line at {late} or {early} days, "
        "the ends of its 95% interval, it would be {low} to {high}.",
        days=days,
        late=late,
        early=early,
        low=text.money(low),
        high=text.money(high),
    )
    return words, low, high


def _sleepers_in_words(said: dict[str, Any], history_days: int | None, is_bound: bool) -> str:
    """The sentence of the finding: in the twelve months or in what the orders cover, and without whom."""
    if not is_bound and is_whole_year(history_days):
        return text.say(
            "{money} of the last twelve months' revenue, {share} of it, came from {buyers} of the {customers} "
            "customers in the tier {tier}, who have gone to sleep since.",
            **said,
        )
    if not is_bound:
        return text.say(
            "{money} of the revenue of the {period}, {share} of it, came from {buyers} of the {customers} customers in "
            "the tier {tier}, who have gone to sleep since.",
            period=text.last_span(history_days),
            **said,
        )
    return text.say(
        "{money} of the revenue of the {period}, {share} of it, came from {buyers} of the {customers} customers in the "
        "tier {tier} who have no contract that runs: they have gone to sleep since.",
        period=text.last_span(history_days),
        **said,
    )
