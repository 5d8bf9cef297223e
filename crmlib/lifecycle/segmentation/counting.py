"""Who is counted: the numbers of customers that a report names, from one pass, so that they add up."""

from __future__ import annotations

from typing import Any

from crmlib.calendar import as_day, is_whole_year, months_before
from crmlib.engine import same_kind, to_pandas
from crmlib.purchases import purchase_days

PARTS = {
    "known": "", "never_bought": "known", "ever_bought": "known", "once": "ever_bought", "again": "ever_bought",
    "bought_year": "ever_bought", "bought_before": "ever_bought",
    "bought_both": "bought_before", "not_since": "bought_before", "not_before": "bought_year",
    "not_silent": "ever_bought", "silent": "ever_bought", "silent_contract": "silent", "silent_free": "silent",
}  # fmt: skip
"""The groups, in the order in which they are told, and the group that each is a part of."""
_OF_TWO_YEARS = ("bought_before", "bought_both", "not_since", "not_before")
_OF_THE_LINE = ("not_silent", "silent", "silent_contract", "silent_free")
_ONE_YEAR = 365


def counted(
    segments: Any,
    orders: Any,
    under_contract: Any,
    *,
    as_of: Any,
    history_days: int | None = None,
    silence: bool = True,
) -> Any:
    """How many customers there are, and how many of them bought when and are silent: one row per group.

    Columns: ``group``, ``customers``, ``part_of`` (the group that it is a part of), ``share`` (of that group). Groups:

    - ``known`` = ``never_bought`` + ``ever_bought``, and ``ever_bought`` = ``once`` + ``again`` (on another day);
    - ``bought_year`` (the twelve months up to ``as_of``) = ``bought_both`` + ``not_before``;
    - ``bought_before`` (the twelve months before these) = ``bought_both`` + ``not_since``;
    - ``ever_bought`` = ``not_silent`` + ``silent`` (in the tier ``sleeping``), and ``silent`` = ``silent_contract``
      (a contract runs: they have not left) + ``silent_free``.

    ``segments`` from :func:`segments` for all known customers, ``orders`` the contract's table, ``under_contract`` from
    :func:`under_contract` (each pandas or Ibis). What needs two years is left out where the orders cover fewer
    (``history_days``), and what needs the tier ``sleeping`` where the rules have none (``silence=False``).

    >>> import pandas as pd
    >>> known = pd.DataFrame({"customer_id": ["a", "b", "c"], "tier": ["core", "sleeping", None],
    ...     "purchases": [2, 1, 0], "purchases_year": [2, 0, 0]})
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": 5.0,
    ...     "ordered_at": pd.to_datetime(["2025-02-01", "2025-12-01", "2024-05-01"])})
    >>> table = counted(known, orders, pd.DataFrame({"customer_id": ["b"]}), as_of="2025-12-31").set_index("group")
    >>> table.customers[["known", "ever_bought", "bought_before", "not_since", "silent", "silent_contract"]].tolist()
    [3, 2, 1, 1, 1, 1]
    """
    import pandas as pd

    counts = to_pandas(_counts(segments, orders, under_contract, as_of=as_of)).iloc[0].astype("int64")
    has_two_years = history_days is None or is_whole_year(history_days - _ONE_YEAR)
    left_out = {*(() if has_two_years else _OF_TWO_YEARS), *(() if silence else _OF_THE_LINE)}
    shown = [group for group in PARTS if group not in left_out]
    of = [PARTS[group] or None for group in shown]
    share = [
        counts[group] / counts[part] if part and counts[part] else None for group, part in zip(shown, of, strict=True)
    ]
    return pd.DataFrame(
        {
            "group": shown,
            "customers": counts[shown].to_numpy(),
            "part_of": of,
            "share": pd.array(share, dtype="Float64"),
        }
    )


@same_kind
def _counts(segments: Any, orders: Any, under_contract: Any, *, as_of: Any) -> Any:
    """The number of customers in each group, in one row."""
    import ibis

    end = as_day(as_of)
    year, before = (ibis.literal(months_before(end, months)) for months in (12, 24))
    bought = purchase_days(orders, as_of=months_before(end, 12))
    then = bought.filter((bought.day > before) & (bought.day <= year)).select("customer_id").distinct()
    known = segments.mutate(
        ever=segments.purchases > 0,
        now=segments.purchases_year > 0,
        then=segments.customer_id.isin(then.customer_id),
        asleep=(segments.tier == "sleeping").fill_null(False),
        bound=segments.customer_id.isin(under_contract.customer_id),
    )
    where = {
        "never_bought": ~known.ever, "ever_bought": known.ever, "once": known.purchases == 1,
        "again": known.purchases > 1, "bought_year": known.now, "bought_before": known.then,
        "bought_both": known.now & known.then, "not_since": known.then & ~known.now,
        "not_before": known.now & ~known.then, "not_silent": known.ever & ~known.asleep, "silent": known.asleep,
        "silent_contract": known.asleep & known.bound, "silent_free": known.asleep & ~known.bound,
    }  # fmt: skip
    return known.agg(known=known.count(), **{group: known.count(where=is_in) for group, is_in in where.items()})
