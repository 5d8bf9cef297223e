"""Revenue that cannot be attributed to a known customer."""

from __future__ import annotations

from typing import Any

from crmlib import text
from crmlib.calendar import is_whole_year
from crmlib.engine import to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.customer_data.buyers import WHO
from crmlib.lifecycle.customer_data.captioned import CaptionedTable

NOTABLE = 0.05


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


def table_of_attribution(shares: Any, *, history_days: int | None = None) -> CaptionedTable:
    """Whose revenue it is, in words; ``shares`` from :func:`attribution`."""
    known = shares.iloc[0]
    reading = text.say(
        "{share} of the revenue of the {period} belongs to customers who are known.",
        share=text.percent(known.revenue_share, digits=1),
        period=text.last_span(history_days),
    )
    return CaptionedTable(shares.assign(who=shares.who.map(text.label)), text.say("Whose revenue it is"), reading)


def finding_unattributed(shares: Any, *, history_days: int | None = None) -> Finding | None:
    """Revenue of guests and of ids that nobody knows; None without any. ``shares`` from :func:`attribution`."""
    of = shares.set_index("who")
    money = float(of.revenue_year[["not_in_customers", "guest"]].sum())
    orders = int(of.orders[["not_in_customers", "guest"]].sum())
    if not orders:
        return None
    share = money / shares.revenue_year.sum() if shares.revenue_year.sum() else 0.0
    sentence = text.say(
        "{money} of the revenue of the {period} ({share}, {orders} orders) cannot be attributed to a known customer: "
        "{guests} orders have no customer, {strangers} one whom the table of customers does not have.",
        money=text.money(money),
        share=text.percent(share, digits=1),
        orders=orders,
        guests=int(of.orders["guest"]),
        strangers=int(of.orders["not_in_customers"]),
        period=text.last_span(history_days),
    )
    return Finding(
        "customer_data.unattributed",
        sentence,
        "bad" if share >= NOTABLE else "neutral",
        certainty=text.say(
            "Counted over all orders, not a sample: there is no interval. The revenue is there; what is missing is the "
            "chance to win these buyers a second time."
        ),
        action=text.say("Ask for a phone number or a membership at the till, and load the missing customers."),
        money=money if is_whole_year(history_days) else None,
    )
