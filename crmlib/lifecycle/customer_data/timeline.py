"""The 360° view: everything that is known of one customer, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib import figures, text
from crmlib.calendar import end_of
from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.customer_data.captioned import CaptionedTable

# Table, its time, what is said of an event, its money. A customer's own words are left out on purpose.
_EVENTS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("customers", "first_seen_at", ("channel",), ""),
    ("leads", "created_at", ("channel", "stage"), ""),
    ("orders", "ordered_at", ("status", "channel"), "amount"),
    ("order_lines", "ordered_at", ("product_name", "category"), "amount"),
    ("subscriptions", "started_at", ("plan", "period"), "price"),
    ("loyalty", "at", ("tier",), ""),
    ("touches", "touched_at", ("kind", "channel"), ""),
    ("surveys", "answered_at", ("kind", "score"), ""),
    ("tickets", "opened_at", ("category", "reason"), ""),
    ("usage", "used_at", ("feature",), ""),
    ("actions", "assigned_at", ("play", "arm"), ""),
)
KINDS = tuple(name for name, *_ in _EVENTS)
TABLE_ROWS = 15

# Measures


def events(tables: Mapping[str, Any], *, as_of: Any) -> Any:
    """Everything that happened with a known customer up to the end of ``as_of``: one row per event.

    Columns: ``customer_id``, ``at`` (the client's wall clock), ``kind`` (the table it comes from; ``customers``: first
    seen), ``what`` (a few words), ``amount`` (money, where there is any). Lines are dated by their order. ``tables``
    are contract tables by name, pandas or Ibis; those that are not there are passed over. Answers an Ibis table, or
    pandas where the tables are.

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
    for name, time, words, money in _EVENTS:
        table = tables.get(name)
        if table is None or not {"customer_id", time} <= set(table.columns):
            continue
        happened = table.filter(table.customer_id.notnull() & table[time].notnull())
        parts.append(
            happened.select(
                customer_id=happened.customer_id.cast("string"),
                at=happened[time].cast("timestamp"),
                kind=ibis.literal(name),
                what=_in_words(happened, words),
                amount=happened[money].cast("float64") if money in happened.columns else ibis.null("float64"),
            )
        )
    together = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return together.filter(together["at"] < midnight)


def _in_words(table: Any, columns: tuple[str, ...]) -> Any:
    import ibis

    said = [table[c].cast("string").re_replace(r"\.0$", "") for c in columns if c in table.columns]
    if not said:
        return ibis.literal("")
    words = said[0].fill_null("")
    for more in said[1:]:
        words = words + ibis.ifelse((words == "") | more.isnull(), "", " · ") + more.fill_null("")
    return words


@same_kind
def known_from(happened: Any) -> Any:
    """From how many sides each customer is known: ``customer_id``, ``kinds``, ``events``, the best known first.

    ``happened`` from :func:`events`. Of equals the one with more events, then the smaller id.
    """
    import ibis

    each = happened.group_by("customer_id").agg(kinds=happened.kind.nunique(), events=happened.count())
    return each.order_by(ibis.desc("kinds"), ibis.desc("events"), "customer_id")


def best_known(happened: Any) -> str | None:
    """The customer of whom most kinds of events are known; nobody where no event has a customer."""
    first = to_pandas(known_from(happened).head(1))
    return str(first.customer_id.iloc[0]) if len(first) else None


def timeline(happened: Any, customer: str) -> Any:
    """One customer's events in the order of time, as a small frame: ``at``, ``kind``, ``what``, ``amount``.

    ``happened`` from :func:`events`, pandas or Ibis.

    Raises:
        ValueError: nothing is known of such a customer.
    """
    own = to_pandas(_of_one(happened, customer=customer))
    if own.empty:
        raise ValueError(
            "no event of this customer is known; name one as the tables do, by pseudonym where there are any"
        )
    place = {kind: n for n, kind in enumerate(KINDS)}
    ordered = own.assign(place=own.kind.map(place)).sort_values(["at", "place", "what", "amount"], kind="stable")
    return ordered[["at", "kind", "what", "amount"]].reset_index(drop=True)


@same_kind
def _of_one(happened: Any, *, customer: str) -> Any:
    return happened.filter(happened.customer_id == customer)


# Tables and figures


def table_of_timeline(events_of_one: Any, *, most: int = TABLE_ROWS) -> CaptionedTable:
    """The last events of one customer in words."""
    last = events_of_one.tail(most)
    frame = last.assign(
        at=[f"{at:%Y-%m-%d %H:%M}" for at in last["at"]],
        kind=last.kind.map(_kind),
        amount=[text.money(amount, digits=2) if amount == amount else "" for amount in last.amount],
    )
    reading = text.say(
        "The last {shown} of {all} events known of this customer; the table among the run's files holds them all.",
        shown=len(last),
        all=len(events_of_one),
    )
    return CaptionedTable(frame, text.say("What is known of one customer"), reading)


def plot_timeline(events_of_one: Any) -> Any:
    """A lane for each kind of event over time. ``events_of_one`` from :func:`timeline`."""
    import matplotlib.dates as dates

    kinds = [kind for kind in KINDS if (events_of_one.kind == kind).any()]
    axes = figures.new_axes(8.6, 1.2 + 0.42 * len(kinds))
    for lane, kind in enumerate(kinds):
        own = events_of_one[events_of_one.kind == kind]
        colour = figures.PALETTE[KINDS.index(kind) % len(figures.PALETTE)]
        axes.scatter(own["at"], [lane] * len(own), s=42, alpha=0.6, color=colour, edgecolors="white", linewidths=0.5)
    labels = [
        text.say("{kind} ({count})", kind=_kind(kind), count=int((events_of_one.kind == kind).sum())) for kind in kinds
    ]
    axes.set_yticks(range(len(kinds)), labels)
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    locator = dates.AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    spent = events_of_one[events_of_one.kind == "orders"].amount.sum()
    first, last = events_of_one["at"].min(), events_of_one["at"].max()
    reading = text.say(
        "{count} events (kinds: {kinds}) are known of this customer, from {first} to {last}; the orders come to "
        "{spent}.",
        count=len(events_of_one),
        kinds=len(kinds),
        first=text.day(first),
        last=text.day(last),
        spent=text.money(spent),
    )
    description = text.say("Dots over time, one lane for each kind of event: {lanes}.", lanes="; ".join(labels))
    return figures.caption(
        axes, title=text.say("One customer from all sides"), reading=reading, description=description
    )


def _kind(kind: str) -> str:
    return text.say("First seen") if kind == "customers" else text.label(kind)
