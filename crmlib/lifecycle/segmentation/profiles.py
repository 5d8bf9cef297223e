"""Who is in a segment: where they came from, how they buy and what they use."""

from __future__ import annotations

from typing import Any

from crmlib import text
from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind, to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.segmentation.summary import By
from crmlib.statistics import bonferroni, wilson

FEWEST = 30


# Measures


def segment_shares(segments: Any, customers: Any, *, attribute: str, segment: str = "core", by: By = "tier") -> Any:
    """The share of a segment among the customers with each value of an attribute, with its interval.

    Columns: ``attribute`` (its name), ``value``, ``customers`` (with this value, who ever bought), ``in_segment``,
    ``share``, ``low``, ``high`` (95 % Wilson), ``overall`` (the segment's share among all). The largest share first;
    customers of whom the value is not known are the row ``value`` = missing, last.

    ``segments`` from :func:`segments`, ``customers`` the contract's table; pandas or Ibis.

    >>> import pandas as pd
    >>> known = pd.DataFrame({"customer_id": ["a", "b", "c"], "tier": ["core", "ordinary", "core"]})
    >>> customers = pd.DataFrame({"customer_id": ["a", "b", "c"], "channel": ["search", "search", "referral"]})
    >>> segment_shares(known, customers, attribute="channel")[["value", "customers", "in_segment", "share"]]
          value  customers  in_segment  share
    0  referral          1           1    1.0
    1    search          2           1    0.5
    """
    counts = to_pandas(_counts(segments, customers, attribute=attribute, segment=segment, by=by))
    low, high = wilson(counts.in_segment, counts.customers)
    table = counts.assign(
        attribute=attribute,
        share=counts.in_segment / counts.customers,
        low=low,
        high=high,
        overall=counts.in_segment.sum() / max(1, counts.customers.sum()),
        unknown=counts.value.isna(),
    )
    table = table.sort_values(["unknown", "share", "value"], ascending=[True, False, True], ignore_index=True)
    return table[["attribute", "value", "customers", "in_segment", "share", "low", "high", "overall"]]


@same_kind
def _counts(segments: Any, customers: Any, *, attribute: str, segment: str, by: By) -> Any:
    known = segments.filter(segments[by].notnull()).select("customer_id", by)
    about = customers.select(
        customer_id=customers.customer_id.cast("string"), value=customers[attribute].cast("string")
    )
    both = known.left_join(about, "customer_id")
    return (
        both.group_by("value")
        .agg(customers=both.count(), in_segment=both.count(where=both[by] == segment))
        .order_by("value")
    )


@same_kind
def segment_usage(segments: Any, usage: Any, *, as_of: Any, by: By = "tier") -> Any:
    """How many customers of each segment used the product or app in the last twelve months, and how often.

    Columns: ``segment``, ``customers``, ``users``, ``share`` (users / customers), ``uses_per_user`` (missing without
    users). ``usage``: the contract's table. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> known = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["core", "core"]})
    >>> usage = pd.DataFrame({"customer_id": ["a", "a"], "used_at": pd.to_datetime(["2025-05-01", "2025-06-01"])})
    >>> segment_usage(known, usage, as_of="2025-12-31")
      segment  customers  users  share  uses_per_user
    0    core          2      1    0.5            2.0
    """
    import ibis

    end = as_day(as_of)
    used = usage.filter(
        (usage.used_at.cast("date") > ibis.literal(months_before(end, 12)))
        & (usage.used_at.cast("date") <= ibis.literal(end))
    )
    times = used.group_by(customer_id=used.customer_id.cast("string")).agg(uses=used.count())
    known = segments.filter(segments[by].notnull())
    both = known.left_join(times, "customer_id").select(segment=known[by], uses=times.uses)
    table = both.group_by("segment").agg(customers=both.count(), users=both.uses.count(), uses=both.uses.sum())
    return table.select(
        "segment",
        "customers",
        "users",
        share=table.users / table.customers,
        uses_per_user=table.uses / table.users.nullif(0),
    ).order_by("segment")


# Findings


def finding_origin(shares: Any) -> Finding | None:
    """Which value of an attribute breeds clearly more, and which clearly fewer, core customers than the average.

    ``shares``: from :func:`segment_shares` for the segment ``core``. Values with fewer than 30 customers are not
    judged, and the interval is widened for the number of values compared. None where nothing stands out.
    """
    judged = shares[(shares.customers >= FEWEST) & shares.value.notna()]
    if len(judged) < 2:
        return None
    # Bonferroni: as many comparisons with the average as there are values.
    low, high = wilson(judged.in_segment, judged.customers, level=bonferroni(len(judged)))
    best, worst = judged.iloc[0], judged.iloc[-1]
    if not (low.iloc[0] > best.overall and high.iloc[-1] < worst.overall):
        return None
    said = {
        "best": str(best.value),
        "worst": str(worst.value),
        "attribute": text.label(best.attribute),
        "best_share": text.percent(best.share),
        "worst_share": text.percent(worst.share),
        "overall": text.percent(best.overall),
    }
    return Finding(
        "segmentation.origin",
        text.say(
            "{best_share} of the customers won by {best} are core, but only {worst_share} of those won by {worst}; the "
            "average is {overall}.",
            **said,
        )
        if best.attribute == "channel"
        else text.say(
            "{best_share} of the customers with {attribute} “{best}” are core, but only {worst_share} of those with "
            "“{worst}”; the average is {overall}.",
            **said,
        ),
        "neutral",
        certainty=text.say(
            "Intervals for {count} values compared at once: {best_interval} of {best_base} customers and "
            "{worst_interval} of {worst_base}. Newer customers have had less time to become core, so compare "
            "origins that have been used for equally long.",
            count=len(judged),
            best_interval=text.interval(low.iloc[0], high.iloc[0], text.percent),
            best_base=int(best.customers),
            worst_interval=text.interval(low.iloc[-1], high.iloc[-1], text.percent),
            worst_base=int(worst.customers),
        ),
        action=text.say("Win more customers where core customers come from, and check what the others cost to win."),
    )
