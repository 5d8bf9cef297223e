"""What each tier and stage amounts to: customers, revenue, and what it rests on."""

from __future__ import annotations

from typing import Any

from crmlib.engine import quantile, same_kind, to_pandas
from crmlib.lifecycle.segmentation.rules import By, Rules, read_rules
from crmlib.lifecycle.segmentation.tiers import REACH, customers_in_tier, values_of

NO_CUSTOMER = "no_customer"


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
    shown = rules.ruling(by).shown
    sums = to_pandas(sums_by(segments, by=by)).set_index("segment").reindex(list(shown))
    sums = sums.fillna(dict.fromkeys(["customers", "buyers", "revenue_year", "squares"], 0.0))
    if guests is not None:
        amount = float(to_pandas(guests).revenue_year.sum())
        sums.loc[NO_CUSTOMER, ["revenue_year", "squares"]] = [amount, 0.0]
    total = float(sums.revenue_year.sum())
    share = sums.revenue_year / total if total else sums.revenue_year * np.nan
    variance = sums.squares * (1 - share) ** 2 + (sums.squares.sum() - sums.squares) * share**2
    margin = REACH * np.sqrt(variance) / total if total else share
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
def sums_by(customers: Any, *, by: str) -> Any:
    """Sums and medians of the ``customers`` of each ``segment``; ``by``: the column that holds it."""
    known = customers.filter(customers[by].notnull())
    sums = known.group_by(segment=known[by]).agg(
        customers=known.count(),
        buyers=known.count(where=known.purchases_year > 0),
        revenue_year=known.revenue_year.sum(),
        squares=(known.revenue_year * known.revenue_year).sum(),
        recency_days=quantile(known.recency_days, 0.5),
        purchases_year=quantile(known.purchases_year, 0.5),
    )
    return sums.order_by("segment")


@same_kind
def stages_of_tier(segments: Any, *, tier: str = "sleeping") -> Any:
    """The lifecycle stages of a tier's customers, the most recent buyers first.

    Columns: ``stage``, ``customers``, ``recency_days`` (median). pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> known = pd.DataFrame({"tier": ["sleeping", "sleeping", "core"], "stage": ["lost", "sleeping", "mature"],
    ...     "recency_days": [500, 210, 3]})
    >>> stages_of_tier(known)
          stage  customers  recency_days
    0  sleeping          1         210.0
    1      lost          1         500.0
    """
    import ibis

    some = segments.filter((segments.tier == tier).fill_null(False) & segments.stage.notnull())
    stages = some.group_by("stage").agg(customers=some.count(), recency_days=quantile(some.recency_days, 0.5))
    return stages.order_by(ibis.asc("recency_days"), "stage")


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

    rules, values = rules or read_rules(), values_of(thresholds)
    columns = ["line", "days", "customers", "revenue_year"]
    if "sleeping_after" not in values or "sleeping" not in rules.tiers.shown:
        return pd.DataFrame(columns=columns)
    if under_contract is not None:
        customers = same_kind(lambda some, others: some.anti_join(others, "customer_id"))(customers, under_contract)
    days = thresholds.set_index("threshold").loc["sleeping_after", ["low", "value", "high"]].dropna().astype(float)
    asleep = [
        customers_in_tier(customers, tier="sleeping", rules=rules, values=values | {"sleeping_after": at})
        for at in days
    ]
    return (
        pd.concat(map(to_pandas, asleep)).assign(line=days.index, days=days.to_numpy())[columns].reset_index(drop=True)
    )
