"""The chapter's tables as the report shows them: named segments, a title and a sentence that reads them."""

from __future__ import annotations

from typing import Any, NamedTuple

from crmlib import text
from crmlib.calendar import as_day, is_whole_year
from crmlib.engine import quantile, same_kind, to_pandas
from crmlib.lifecycle.segmentation.k_means import is_stable
from crmlib.lifecycle.segmentation.summary import NO_CUSTOMER, named


class CaptionedTable(NamedTuple):
    """A small table in words, its title and its reading."""

    frame: Any
    title: str
    reading: str


def table_of_tiers(
    summary: Any, rules_in_words: Any, segments: Any = None, *, history_days: int | None = None, bound: Any = None
) -> CaptionedTable:
    """The value tiers with their rules, customers and revenue.

    ``summary`` from :func:`segment_summary`, ``rules_in_words`` from :func:`segment_rules`, both by tier. With
    ``segments`` (from :func:`segments`) the reading says which lifecycle stages the tier ``sleeping`` holds. Where all
    revenue belongs to somebody known, the row of those unknown is left out. ``history_days`` (from
    :func:`history_days`): how many days the orders cover, where that may be less than a year. ``bound``: the row of
    :func:`sleepers_under_contract`, whom the reading names.

    >>> import pandas as pd
    >>> summary = pd.DataFrame({"segment": ["core", "ordinary"], "customers": [1, 3], "share": [0.25, 0.75],
    ...     "revenue_year": [60.0, 40.0], "revenue_share": [0.6, 0.4], "revenue_share_low": 0.1,
    ...     "revenue_share_high": 0.9, "revenue_per_customer": [60.0, 13.0]})
    >>> rules = pd.DataFrame({"segment": ["core", "ordinary"], "rule": ["much", "everybody else"]})
    >>> table_of_tiers(summary, rules).reading
    'The first tier, Core, is 25% of the customers and brings 60% of the revenue of the last twelve months; ...'
    """
    columns = [
        "segment", "rule", "customers", "share", "revenue_year", "revenue_share", "revenue_share_low",
        "revenue_share_high", "revenue_per_customer",
    ]  # fmt: skip
    frame = summary.merge(rules_in_words, on="segment", how="left")[columns]
    frame = frame[(frame.segment != NO_CUSTOMER) | (frame.revenue_year.abs() >= 0.005)]
    first = summary.iloc[0]
    reading = text.say(
        "The first tier, {name}, is {share} of the customers and brings {revenue_share} of the revenue of the "
        "{period}; a customer belongs to the first rule that fits, tried in the order {order}.",
        name=text.label(first.segment),
        share=text.percent(first.share),
        revenue_share=text.percent(first.revenue_share),
        order=", ".join(text.label(segment) for segment in rules_in_words.segment),
        period=text.last_span(history_days),
    )
    if not is_whole_year(history_days):
        reading = text.say(
            "{reading} The orders reach back {days} days only: what is headed “last twelve months” is these days, not "
            "a year.",
            reading=reading,
            days=history_days,
        )
    stages = to_pandas(_stages_in(segments, tier="sleeping")) if segments is not None else None
    if stages is not None and len(stages):
        reading = text.say(
            "{reading} The tier {tier} holds these lifecycle stages: {stages}.",
            reading=reading,
            tier=text.label("sleeping"),
            stages=", ".join(
                text.say("{stage} {count}", stage=text.label(row.stage), count=int(row.customers))
                for row in stages.itertuples()
            ),
        )
    count = int(to_pandas(bound).customers.iloc[0]) if bound is not None else 0
    if count:
        reading = text.say(
            "{reading} Tiers and stages look at orders only: {count} customers of the tier {tier} have a contract that "
            "runs, and have not left.",
            reading=reading,
            count=count,
            tier=text.label("sleeping"),
        )
    return CaptionedTable(named(frame, "segment"), text.say("The value tiers"), reading)


@same_kind
def _stages_in(segments: Any, *, tier: str) -> Any:
    """The lifecycle stages of a tier's customers, the most recent buyers first."""
    import ibis

    some = segments.filter((segments.tier == tier).fill_null(False) & segments.stage.notnull())
    stages = some.group_by("stage").agg(customers=some.count(), days=quantile(some.recency_days, 0.5))
    return stages.order_by(ibis.asc("days"), "stage")


def table_of_stages(summary: Any, rules_in_words: Any, outcomes: Any = None, *, since: Any = None) -> CaptionedTable:
    """The lifecycle stages with their rules, customers and revenue, and how many of each have bought again.

    ``summary`` and ``rules_in_words`` by stage; ``outcomes`` from :func:`segment_outcomes` by stage since the day
    ``since``, for those who were in the stage then.

    >>> import pandas as pd
    >>> summary = pd.DataFrame({"segment": ["new", "lost"], "customers": [1, 3], "share": [0.25, 0.75],
    ...     "revenue_year": [60.0, 0.0], "revenue_share": [1.0, 0.0], "revenue_per_customer": [60.0, 0.0]})
    >>> rules = pd.DataFrame({"segment": ["lost", "new"], "rule": ["long silent", "everybody else"]})
    >>> table_of_stages(summary, rules).frame.columns.tolist()
    ['segment', 'rule', 'customers', 'share', 'revenue_year', 'revenue_share']
    """
    columns = ["segment", "rule", "customers", "share", "revenue_year", "revenue_share"]
    frame = summary[summary.segment != NO_CUSTOMER].merge(rules_in_words, on="segment", how="left")[columns]
    largest = frame.sort_values("customers", ascending=False, kind="stable").iloc[0]
    name, share = text.label(largest.segment), text.percent(largest.share)
    if outcomes is None or set(outcomes.segment) <= {"prospect"}:
        reading = text.say("The largest stage is {name} with {share} of all known customers.", share=share, name=name)
    else:
        columns = ["segment", "bought_share", "bought_share_low", "bought_share_high"]
        frame = frame.merge(outcomes[columns], on="segment", how="left")
        order = outcomes[outcomes.segment != "prospect"].sort_values("bought_share", ascending=False, kind="stable")
        reading = text.say(
            "The largest stage is {name} with {share} of all known customers; of those who were {best} on {day}, "
            "{most} have bought since, of those who were {worst}, {least}.",
            share=share,
            name=name,
            day=text.day(as_day(since)),
            best=text.label(order.segment.iloc[0]),
            most=text.percent(order.bought_share.iloc[0]),
            worst=text.label(order.segment.iloc[-1]),
            least=text.percent(order.bought_share.iloc[-1]),
        )
    return CaptionedTable(named(frame, "segment"), text.say("The lifecycle stages"), reading)


def table_of_clusters(beside: Any, stability: Any) -> CaptionedTable:
    """The groups that the data form by themselves, beside the rules.

    ``beside`` from :func:`clusters_beside_rules`, ``stability`` from :func:`cluster_stability`.

    >>> import pandas as pd
    >>> beside = pd.DataFrame({"cluster": [1], "customers": [9], "share": [1.0], "recency_days": [3],
    ...     "purchases_year": [2], "revenue_per_customer": [5.0], "revenue_share": [1.0],
    ...     "segment": ["core"], "segment_share": [0.8], "rand_index": [0.25]})
    >>> stability = pd.DataFrame({"clusters": [1], "rand_index": [0.9], "low": [0.8], "high": [1.0], "weakest": [0.8]})
    >>> table_of_clusters(beside, stability).reading
    'The groups and the rules agree to 0.25 (1: ...). From other customers much the same groups come out (0.90 ...'
    """
    row = stability[stability.clusters == len(beside)].iloc[0]
    frame = named(beside.drop(columns="rand_index").assign(cluster=beside.cluster.astype(str)), "segment")
    said = {
        "agreement": text.number(beside.rand_index.iloc[0], digits=2),
        "stability": text.number(row.rand_index, digits=2),
        "interval": text.interval(row.low, row.high, text.number, digits=2),
    }
    reading = (
        text.say(
            "The groups and the rules agree to {agreement} (1: completely, 0: as by chance). From other customers much "
            "the same groups come out ({stability} of 1, interval {interval}).",
            **said,
        )
        if is_stable(row)
        else text.say(
            "The groups and the rules agree to {agreement} (1: completely, 0: as by chance). From other customers "
            "other groups come out ({stability} of 1, interval {interval}): do not build on them.",
            **said,
        )
    )
    return CaptionedTable(frame, text.say("Groups that a computer forms from the data"), reading)
