"""Who bought in the last twelve months, what they brought, what is recorded of them, and whom we may contact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.purchases import purchases, revenue_of

KNOWN = "in_customers"
WHO = ("known_customer", "not_in_customers", "guest")
EXPECTED = ("first_seen_at", "channel", "region", "birthday")
"""Columns of customers that should be known of everybody; of others an empty cell may be right."""
CHANNELS = ("email", "sms", "phone", "wechat")
ANY = "any_channel"
ANSWERS = ("yes", "no", "unknown")
TOGETHER = " + "


@same_kind
def buyers_of_the_year(orders: Any, customers: Any, *, as_of: Any, keep: Sequence[str] = ()) -> Any:
    """Customers who bought in the twelve months up to ``as_of``: a row per customer, with what is recorded of them.

    Columns: ``customer_id``, ``orders``, ``revenue_year``, ``in_customers`` (flag) and ``keep`` from ``customers``,
    empty for those who are not there. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [10.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2025-11-30", "2025-12-01"])})
    >>> buyers_of_the_year(orders, pd.DataFrame({"customer_id": ["a"]}), as_of="2025-12-31").in_customers.tolist()
    [True, False]
    """
    bought = _in_the_year(orders, as_of, guests=False)
    each = bought.group_by(customer_id=bought.customer_id.cast("string")).agg(
        orders=bought.count(), revenue_year=revenue_of(bought.spend)
    )
    recorded = customers.filter(customers.customer_id.notnull())
    recorded = recorded.select(
        recorded_id=recorded.customer_id.cast("string"), **{name: recorded[name] for name in keep}
    )
    joined = each.left_join(recorded, each.customer_id == recorded.recorded_id)
    return joined.select(
        "customer_id", "orders", "revenue_year", *keep, **{KNOWN: joined.recorded_id.notnull()}
    ).order_by("customer_id")


@same_kind
def revenue_by_identity(orders: Any, customers: Any, *, as_of: Any) -> Any:
    """Whose revenue the twelve months' revenue is: ``who``, ``orders``, ``revenue_year``.

    ``who``: ``known_customer``, ``not_in_customers`` (an id that the table of customers does not have) or ``guest`` (no
    id). Where the table of customers is empty, every id is taken as known. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", None, "x"], "amount": [10.0, 5.0, 1.0],
    ...     "ordered_at": pd.Timestamp("2025-11-30")})
    >>> revenue_by_identity(orders, pd.DataFrame({"customer_id": ["a"]}), as_of="2025-12-31").revenue_year.tolist()
    [5.0, 10.0, 1.0]
    """
    import ibis

    known, stranger, guest = WHO
    bought = _in_the_year(orders, as_of, guests=True)
    bought = bought.mutate(customer_id=bought.customer_id.cast("string"))
    ids = customers.filter(customers.customer_id.notnull()).select(recorded_id=customers.customer_id.cast("string"))
    joined = bought.left_join(ids.distinct(), bought.customer_id == ids.recorded_id)
    is_stranger = joined.recorded_id.isnull() & (ids.count().as_scalar() > 0)
    who = ibis.cases((joined.customer_id.isnull(), guest), (is_stranger, stranger), else_=known)
    named = joined.mutate(who=who)
    return named.group_by("who").agg(orders=named.count(), revenue_year=named.spend.sum()).order_by("who")


def _in_the_year(orders: Any, as_of: Any, *, guests: bool) -> Any:
    import ibis

    bought = purchases(orders, as_of=as_of, guests=guests)
    return bought.filter(bought.day > ibis.literal(months_before(as_day(as_of), 12)))


def attribution(by_identity: Any) -> Any:
    """Shares of the twelve months' orders and revenue by ``who`` it is: all three, also those with nothing.

    Columns: ``who``, ``orders``, ``orders_share``, ``revenue_year``, ``revenue_share``. ``by_identity`` from
    :func:`revenue_by_identity`, pandas or Ibis.
    """
    frame = to_pandas(by_identity).set_index("who").reindex(list(WHO)).fillna(0.0).rename_axis("who").reset_index()
    orders, revenue = frame.orders.sum(), frame.revenue_year.sum()
    return frame.assign(
        orders=frame.orders.astype(int),
        orders_share=frame.orders / orders if orders else 0.0,
        revenue_share=frame.revenue_year / revenue if revenue else 0.0,
    )[["who", "orders", "orders_share", "revenue_year", "revenue_share"]]


def unknown_of_buyers(customers: Any, orders: Any, *, as_of: Any) -> Any:
    """What is not known of the customers who bought in the twelve months up to ``as_of``: a row per column.

    Columns: ``column``, ``unknown_buyers``, ``share`` (of the buyers), ``revenue_year`` (theirs), ``revenue_share``,
    ``expected`` (whether it should be known of everybody), the most revenue first. Buyers who are not in ``customers``
    count as unknown; empty where there are no customers or no buyers. pandas or Ibis.
    """
    import pandas as pd

    columns = ["column", "unknown_buyers", "share", "revenue_year", "revenue_share", "expected"]
    names = [name for name in customers.columns if name not in ("customer_id", "is_test")]
    if to_pandas(customers.head(1)).empty:
        return pd.DataFrame(columns=columns)
    buyers = buyers_of_the_year(to_ibis(orders), to_ibis(customers), as_of=as_of, keep=names)
    sums = buyers.agg(
        buyers=buyers.count(),
        revenue=buyers.revenue_year.sum(),
        **{f"buyers_{n}": buyers.count(where=buyers[name].isnull()) for n, name in enumerate(names)},
        **{f"revenue_{n}": buyers.revenue_year.sum(where=buyers[name].isnull()) for n, name in enumerate(names)},
    )
    found = to_pandas(sums).fillna(0.0).iloc[0]
    count, everything = int(found.buyers), float(found.revenue)
    if not count:
        return pd.DataFrame(columns=columns)
    rows = []
    for n, name in enumerate(names):
        unknown, revenue = int(found[f"buyers_{n}"]), float(found[f"revenue_{n}"])
        share = revenue / everything if everything else 0.0
        expected = name in EXPECTED or name.startswith("consent_")
        rows.append((name, unknown, unknown / count, revenue, share, expected))
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("revenue_year", ascending=False, kind="stable", ignore_index=True)


def consents(customers: Any, orders: Any, *, as_of: Any) -> Any:
    """The buyers of the twelve months with their consents: a pandas row per customer.

    Columns: ``customer_id``, ``revenue_year``, and for each channel ``yes``, ``no`` or ``unknown``; ``any_channel`` is
    ``yes`` where one channel is, else ``unknown`` where one is unknown.
    """
    columns = [f"consent_{channel}" for channel in CHANNELS]
    there = [column for column in columns if column in customers.columns]
    buyers = to_pandas(buyers_of_the_year(orders, customers, as_of=as_of, keep=there)).reindex(
        columns=["customer_id", "revenue_year", *columns]
    )
    for channel, column in zip(CHANNELS, columns, strict=True):
        buyers[channel] = buyers[column].map({True: "yes", False: "no"}).fillna("unknown").astype(object)
    # One yes is enough, and an unknown leaves a no open: in the alphabet, too, no < unknown < yes.
    buyers[ANY] = buyers[list(CHANNELS)].max(axis=1)
    return buyers[["customer_id", "revenue_year", *CHANNELS, ANY]]


def reach(said: Any) -> Any:
    """How many buyers, and how much of their revenue, may be contacted: a row per channel and for any of them.

    Columns: ``reach_by`` (``email``, ``sms``, ``phone``, ``wechat``, ``any_channel``), ``buyers_yes``, ``buyers_no``,
    ``buyers_unknown``, ``share`` (of the buyers: yes), ``revenue_yes``, ``revenue_no``, ``revenue_unknown``,
    ``revenue_share`` (yes). ``said`` from :func:`consents`.
    """
    import pandas as pd

    rows = []
    everything = said.revenue_year.sum()
    for channel in (*CHANNELS, ANY):
        money = [said.revenue_year[said[channel] == answer] for answer in ANSWERS]
        buyers, revenue = [len(one) for one in money], [float(one.sum()) for one in money]
        shares = buyers[0] / max(1, len(said)), revenue[0] / everything if everything else 0.0
        rows.append((channel, *buyers, shares[0], *revenue, shares[1]))
    counts, sums = ([f"{what}_{answer}" for answer in ANSWERS] for what in ("buyers", "revenue"))
    return pd.DataFrame(rows, columns=["reach_by", *counts, "share", *sums, "revenue_share"])


def reach_overlap(said: Any) -> Any:
    """By which channels together we may contact buyers: each buyer is in exactly one row.

    Columns: ``channels`` (``email + sms``; ``none``), ``channels_count``, ``buyers_count``, ``share``,
    ``revenue_year``, ``revenue_share``, most revenue first. ``said`` from :func:`consents`.
    """
    allowed = (said[list(CHANNELS)] == "yes").to_numpy()
    codes = [TOGETHER.join(c for c, yes in zip(CHANNELS, row, strict=True) if yes) or "none" for row in allowed]
    each = said.assign(channels=codes, channels_count=allowed.sum(axis=1))
    together = each.groupby(["channels", "channels_count"], as_index=False, sort=True).agg(
        buyers_count=("customer_id", "size"), revenue_year=("revenue_year", "sum")
    )
    everything = together.revenue_year.sum()
    together = together.assign(
        share=together.buyers_count / max(1, len(said)),
        revenue_share=together.revenue_year / everything if everything else 0.0,
    )
    ordered = together.sort_values("revenue_year", ascending=False, kind="stable", ignore_index=True)
    return ordered[["channels", "channels_count", "buyers_count", "share", "revenue_year", "revenue_share"]]
