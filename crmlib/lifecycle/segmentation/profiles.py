"""Who is in a segment: where they came from, how they buy and what they use."""

from __future__ import annotations

from typing import Any

from crmlib.bands import bands_in_order
from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.segmentation.rules import By
from crmlib.statistics import wilson


def segment_shares(segments: Any, customers: Any, *, attribute: str, segment: str = "core", by: By = "tier") -> Any:
    """The share of a segment among the customers with each value of an attribute, with its interval.

    Columns: ``attribute`` (its name), ``value``, ``customers`` (with this value, who ever bought), ``in_segment``,
    ``share``, ``low``, ``high`` (95 % Wilson), ``overall`` (the segment's share among all). The largest share first,
    bands of values (``65+``) in their own order; customers of whom the value is not known are the row ``value`` =
    missing, last.

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
    ordered = bands_in_order(table.value.dropna())
    if ordered:  # bands stand in their own order, whatever their shares
        place = table.value.map({value: place for place, value in enumerate(ordered)})
        table = table.assign(place=place).sort_values(["unknown", "place"], ignore_index=True)
    else:
        table = table.sort_values(["unknown", "share", "value"], ascending=[True, False, True], ignore_index=True)
    return table[["attribute", "value", "customers", "in_segment", "share", "low", "high", "overall"]]


@same_kind
def _counts(segments: Any, customers: Any, *, attribute: str, segment: str, by: By) -> Any:
    known = segments.filter(segments[by].notnull()).select("customer_id", by)
    value = customers[attribute].cast("string")
    both = known.left_join(
        customers.select(customer_id=customers.customer_id.cast("string"), value=value), "customer_id"
    )
    counted = both.group_by("value").agg(customers=both.count(), in_segment=both.count(where=both[by] == segment))
    return counted.order_by("value")


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
    table = table.mutate(share=table.users / table.customers, uses_per_user=table.uses / table.users.nullif(0))
    return table.drop("uses").order_by("segment")
