"""The 360° view: everything that is known of one customer, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.calendar import end_of
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.problems import Problem, UnusableInput
from crmlib.purchases import NOT_A_PURCHASE, after_refunds, status_of
from crmlib.words import Words

words = Words(__file__)

# Table, its time, the column whose codes the contract fixes, what else is said of an event in the client's own words,
# its money. A customer's own words are left out on purpose.
_EVENTS: tuple[tuple[str, str, str, tuple[str, ...], str], ...] = (
    ("customers", "first_seen_at", "", ("channel",), ""),
    ("leads", "created_at", "", ("channel", "stage"), ""),
    ("orders", "ordered_at", "status", ("channel",), "amount"),
    ("order_lines", "ordered_at", "", ("product_name", "category"), "amount"),
    ("subscriptions", "started_at", "period", ("plan",), "price"),
    ("loyalty", "at", "", ("tier",), ""),
    ("touches", "touched_at", "", ("kind", "channel"), ""),
    ("surveys", "answered_at", "kind", ("score",), ""),
    ("tickets", "opened_at", "", ("category", "reason"), ""),
    ("usage", "used_at", "", ("feature",), ""),
    ("actions", "assigned_at", "arm", ("play",), ""),
)
KINDS = tuple(name for name, *_ in _EVENTS)


def events(tables: Mapping[str, Any], *, as_of: Any) -> Any:
    """Everything that happened with a known customer up to the end of ``as_of``: one row per event.

    Columns: ``customer_id``, ``at`` (the client's wall clock), ``kind`` (the table it comes from; ``customers``: first
    seen), ``code`` (its status, term, kind of survey or arm, as the contract calls it), ``what`` (a few words of the
    client's own), ``amount`` (money, where there is any; of an order what was left after refunds, and
    none of one that is cancelled or open). Lines are dated by their order. ``tables`` are contract tables by name,
    pandas or Ibis; those that are not there are passed over. Answers an Ibis table, or pandas where the tables are.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", None], "ordered_at": pd.to_datetime(["2025-01-02", "2025-01-03"]),
    ...     "amount": [5.0, 6.0]})
    >>> events({"orders": orders}, as_of="2025-12-31")[["customer_id", "kind", "amount"]].values.tolist()
    [['a', 'orders', 5.0]]
    """
    names = list(tables)
    return same_kind(lambda *given: _united(dict(zip(names, given, strict=True)), as_of))(*tables.values())


def _united(tables: dict[str, Any], as_of: Any) -> Any:
    import ibis

    midnight = ibis.literal(end_of(as_of))
    lines, orders = tables.get("order_lines"), tables.get("orders")
    if lines is not None and orders is not None and {"order_id", "customer_id"} <= set(orders.columns):
        tables["order_lines"] = lines.inner_join(orders.select("order_id", "customer_id", "ordered_at"), "order_id")
    parts = []
    for name, time, code, told, money in _EVENTS:
        table = tables.get(name)
        if table is None or not {"customer_id", time} <= set(table.columns):
            continue
        happened = table.filter(table.customer_id.notnull() & table[time].notnull())
        parts.append(
            happened.select(
                customer_id=happened.customer_id.cast("string"),
                at=happened[time].cast("timestamp"),
                kind=ibis.literal(name),
                code=_together(happened, (code,)).strip().lower(),
                what=_together(happened, told),
                amount=_money_of(happened, name, money),
            )
        )
    if not parts:
        columns = {"customer_id": "string", "at": "timestamp(6)", "kind": "string", "code": "string"}
        parts = [ibis.memtable([], schema=ibis.schema({**columns, "what": "string", "amount": "float64"}))]
    together = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return together.filter(together["at"] < midnight)


def _money_of(happened: Any, name: str, column: str) -> Any:
    """The money of each event, as an Ibis column: of an order what was left of it, of a cancelled or open one none."""
    import ibis

    if column not in happened.columns:
        return ibis.null("float64")
    if name != "orders":
        return happened[column].cast("float64")
    return ibis.ifelse(status_of(happened).isin(NOT_A_PURCHASE), ibis.null("float64"), after_refunds(happened))


def _together(table: Any, columns: tuple[str, ...]) -> Any:
    import ibis

    said = [table[c].cast("string").re_replace(r"\.0$", "") for c in columns if c in table.columns]
    if not said:
        return ibis.literal("").cast("string")
    whole = said[0].fill_null("")
    for more in said[1:]:
        whole = whole + ibis.ifelse((whole == "") | more.isnull(), "", " · ") + more.fill_null("")
    return whole


@same_kind
def known_from(happened: Any) -> Any:
    """From how many sides each customer is known: ``customer_id``, ``kinds``, ``events``, the best known first.

    ``happened`` from :func:`events`. Of equals the one with more events, then the smaller id.
    """
    import ibis

    each = happened.group_by("customer_id").agg(kinds=happened.kind.nunique(), events=happened.count())
    return each.order_by(ibis.desc("kinds"), ibis.desc("events"), "customer_id")


def best_known(happened: Any) -> str:
    """The customer of whom most kinds of events are known; nobody (empty) where no event has a customer."""
    return "".join(to_pandas(known_from(happened).head(1)).customer_id)


def timeline(happened: Any, customer: str) -> Any:
    """One customer's events in the order of time, as a small frame: ``at, kind, code, what, amount``.

    ``happened`` from :func:`events`, pandas or Ibis. Nobody (an empty ``customer``) has no events.

    Raises:
        UnusableInput: nothing is known of a customer who is named.
    """
    table = to_ibis(happened)
    own = table.filter(table.customer_id == customer).to_pandas()
    if own.empty and customer:
        raise UnusableInput([Problem.said(words, "nobody", "client.yaml", "parameters: 01_customer_data: customer")])
    place = {kind: n for n, kind in enumerate(KINDS)}
    ordered = own.assign(place=own.kind.map(place)).sort_values(
        ["at", "place", "code", "what", "amount"], kind="stable"
    )
    return ordered[["at", "kind", "code", "what", "amount"]].reset_index(drop=True)
