"""One person under two ids: what it does to the numbers, and that merging takes it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from crmlib import figures, text
from crmlib.engine import same_kind, to_pandas
from crmlib.finding import Finding
from crmlib.purchases import purchases

SECOND = "~2"
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)


class SplitOrders(NamedTuple):
    """Orders in which some customers have two ids, and the list that puts them together again."""

    orders: Any
    merges: Any


# Measures


@same_kind
def orders_per_buyer(orders: Any, *, as_of: Any = None) -> Any:
    """How many purchases each customer made: ``customer_id``, ``purchases`` (orders), ``revenue``."""
    bought = purchases(orders, as_of=as_of)
    each = bought.group_by("customer_id").agg(purchases=bought.count(), revenue=bought.spend.sum())
    return each.order_by("customer_id")


def repeat_measures(orders: Any, *, as_of: Any = None) -> dict[str, float]:
    """What an id too many distorts: buyers, repeat rate, one-time share, purchases and revenue per buyer.

    ``repeat_rate``: share of the buyers with two purchases or more; ``one_time_share``: the others.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": 5.0, "ordered_at": pd.Timestamp("2025-01-01")})
    >>> repeat_measures(orders)["repeat_rate"]
    0.5
    """
    each = to_pandas(orders_per_buyer(orders, as_of=as_of))
    buyers = len(each)
    again = float((each.purchases > 1).mean()) if buyers else 0.0
    return {
        "buyers": buyers,
        "repeat_rate": again,
        "one_time_share": 1 - again if buyers else 0.0,
        "purchases_per_buyer": float(each.purchases.mean()) if buyers else 0.0,
        "revenue_per_buyer": float(each.revenue.mean()) if buyers else 0.0,
    }


def split_customers(orders: Any, *, share: float, seed: int = 0, as_of: Any = None) -> SplitOrders:
    """The orders as they would be if a share of the buyers had a second id for the later half of their orders.

    Drawn at random (``seed``) among those with two orders or more; a larger share holds the smaller one. Answers the
    orders with other ids (same kind) and ``merges`` (pandas: ``customer_id``, ``merged_id``), which takes it back.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"order_id": ["1", "2"], "customer_id": "a", "amount": 5.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-01"])})
    >>> split_customers(orders, share=1.0).orders.customer_id.tolist()
    ['a', 'a~2']
    """
    import numpy as np
    import pandas as pd

    each = to_pandas(orders_per_buyer(orders, as_of=as_of))
    possible = each[each.purchases > 1].customer_id.to_numpy()
    chosen = np.random.default_rng(seed).permutation(possible)[: round(share * len(each))]
    merges = pd.DataFrame(
        {"customer_id": [f"{one}{SECOND}" for one in chosen], "merged_id": list(map(str, chosen))}, dtype="str"
    )
    if merges.empty:
        return SplitOrders(orders, merges)
    return SplitOrders(_with_second_ids(orders, _like(orders, merges)), merges)


def _like(orders: Any, frame: Any) -> Any:
    """The frame as a table of the orders' kind."""
    import ibis
    import pandas as pd

    return frame if isinstance(orders, pd.DataFrame) else ibis.memtable(frame)


@same_kind
def _with_second_ids(orders: Any, merges: Any) -> Any:
    import ibis

    columns = list(orders.columns)
    order = [c for c in ("ordered_at", "order_id", "amount") if c in columns]
    names = merges.select(second_id=merges.customer_id, first_id=merges.merged_id)
    own = ibis.window(group_by=orders.customer_id, order_by=[orders[c] for c in order])
    numbered = orders.mutate(_nth=ibis.row_number().over(own), _all=orders.count().over(group_by=orders.customer_id))
    joined = numbered.left_join(names, numbered.customer_id == names.first_id)
    later = joined.second_id.notnull() & (2 * joined["_nth"] >= joined["_all"])
    changed = joined.mutate(customer_id=ibis.ifelse(later, joined.second_id, joined.customer_id))
    return changed.order_by(order).select(columns)


def merged_orders(orders: Any, merges: Any) -> Any:
    """The orders with every id replaced by the one into which it is merged: same kind as ``orders``.

    ``merges`` (pandas): ``customer_id``, ``merged_id``.
    """
    return _with_merged_ids(orders, _like(orders, merges))


@same_kind
def _with_merged_ids(orders: Any, merges: Any) -> Any:
    names = merges.select(split_id=merges.customer_id.cast("string"), whole_id=merges.merged_id.cast("string"))
    joined = orders.left_join(names, orders.customer_id == names.split_id)
    return joined.mutate(customer_id=joined.whole_id.coalesce(joined.customer_id)).select(list(orders.columns))


def split_effect(orders: Any, *, shares: Sequence[float] = SHARES, seed: int = 0, as_of: Any = None) -> Any:
    """What ids too many do to the numbers: a row per share of buyers who are held twice.

    Columns: ``split_share`` and those of :func:`repeat_measures`.
    """
    import pandas as pd

    rows = []
    for share in shares:
        split = split_customers(orders, share=share, seed=seed, as_of=as_of).orders
        rows.append({"split_share": share, **repeat_measures(split, as_of=as_of)})
    return pd.DataFrame(rows)


def duplicates_found(account: Mapping[str, Any]) -> Any:
    """Which customers intake found to be one person: ``rule``, ``pairs``, ``contradicted``, ``shared_contacts``,
    ``sharing_customers`` (who share a contact that is no evidence by itself and were not merged).

    Empty where identities were not compared (ids as they are, or no identities in the data).
    """
    import pandas as pd

    columns = ["rule", "pairs", "contradicted", "shared_contacts", "sharing_customers"]
    found = account.get("people", {}).get("duplicates", {})
    return pd.DataFrame([(rule, *(one.get(c, 0) for c in columns[1:])) for rule, one in found.items()], columns=columns)


# Figures


def plot_split_effect(effect: Any) -> Any:
    """How far the numbers move by the share of buyers who are held twice. ``effect`` from :func:`split_effect`."""
    columns = {"one_time_share": "second", "repeat_rate": "main", "purchases_per_buyer": "good"}
    axes = figures.new_axes(8.0, 3.8)
    first, last = effect.iloc[0], effect.iloc[-1]
    for column, colour in columns.items():
        change = effect[column] / first[column] - 1 if first[column] else 0 * effect[column]
        axes.plot(effect.split_share, change, marker="o", color=figures.COLOURS[colour])
        place = (last.split_share, change.iloc[-1])
        words = text.say("{measure} {change}", measure=text.label(column), change=_signed(change.iloc[-1]))
        offset = (8, {"purchases_per_buyer": 7, "repeat_rate": -7}.get(column, 0))
        axes.annotate(
            words, place, xytext=offset, textcoords="offset points", va="center", color=figures.COLOURS[colour]
        )
    axes.axhline(0, color=figures.COLOURS["muted"], linewidth=1)
    figures.percent_axis(axes.yaxis)
    figures.percent_axis(axes.xaxis)
    axes.margins(y=0.12)
    axes.set_xlim(0, last.split_share * 1.45)
    axes.set_xticks(effect.split_share)
    axes.set_xlabel(text.say("Share of buyers held under two ids"))
    axes.set_ylabel(text.say("Away from the truth by"))
    reading = text.say(
        "With {share} of the buyers held twice, the repeat rate would read {after} instead of {before}, although "
        "nobody bought any differently.",
        share=text.percent(last.split_share),
        before=text.percent(first.repeat_rate, digits=1),
        after=text.percent(last.repeat_rate, digits=1),
    )
    description = text.say(
        "Lines of the relative change by the share of buyers split in two; repeat rate and share of one-time buyers "
        "themselves: {points}.",
        points="; ".join(
            f"{text.percent(row.split_share)}: {text.percent(row.repeat_rate, digits=1)}, "
            f"{text.percent(row.one_time_share, digits=1)}"
            for row in effect.itertuples()
        ),
    )
    title = text.say("What duplicate customers do to the numbers")
    return figures.caption(axes, title=title, reading=reading, description=description)


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else ''}{text.percent(change)}"


# Findings


def _compared(account: Mapping[str, Any]) -> int:
    """How many customer records were compared: the rows that were kept, and those merged into one of them.

    Rows that were set aside (customers that are tests, rows without an id) are not among them.
    """
    people = account["people"]
    kept = account.get("tables", {}).get("customers", {}).get("rows")
    return int(people.get("people", 0)) if kept is None else int(kept) + int(people.get("merged", 0))


def _by_rule(duplicates: Mapping[str, Mapping[str, Any]], count: str) -> str:
    """A count of each rule in words, rules without any left out: ``100 by e-mail, 4 by phone``; empty if all are 0."""
    return ", ".join(
        text.say("{count} by {rule}", count=int(one[count]), rule=_in_words(rule))
        for rule, one in duplicates.items()
        if one.get(count)
    )


def _in_words(rule: str) -> str:
    words = {
        "same_email": text.say("e-mail"),
        "same_phone": text.say("phone"),
        "same_name_and_birthday": text.say("name with birthday"),
        "same_name_and_address": text.say("name with address"),
    }
    return words.get(rule, rule)


def _certainty(duplicates: Mapping[str, Mapping[str, Any]]) -> str:
    """What was compared, and what was seen and not taken as evidence."""
    said = [
        text.say(
            "Compared were {rules}, which had to agree exactly: people who changed all of these are not found. It is a "
            "lower bound, without an interval.",
            rules=", ".join(map(_in_words, duplicates)),
        )
    ]
    shared, contradicted, unusable = (
        _by_rule(duplicates, count) for count in ("sharing_customers", "contradicted", "without_evidence")
    )
    if shared:
        said.append(
            text.say(
                "Customers who share a contact that is no evidence by itself (a department's mailbox, a number used by "
                "many), not merged: {shared}.",
                shared=shared,
            )
        )
    if contradicted:
        said.append(
            text.say(
                "Pairs that agree and were left out because they differ in birthday, gender or city: {pairs}.",
                pairs=contradicted,
            )
        )
    if unusable:
        said.append(
            text.say(
                "Customers who could not be compared because the value is masked, made up or incomplete: {customers}.",
                customers=unusable,
            )
        )
    return " ".join(said)


def _nobody_found(duplicates: Mapping[str, Mapping[str, Any]], everybody: int) -> Finding:
    """The finding where no customer was taken for a second record of another."""
    shared, contradicted = (_by_rule(duplicates, count) for count in ("sharing_customers", "contradicted"))
    said = {"people": everybody, "rules": ", ".join(map(_in_words, duplicates))}
    if not shared and not contradicted:
        return Finding(
            "customer_data.duplicates",
            text.say("Among {people} customers no two agree in what was compared ({rules}).", **said),
            "good",
            certainty=_certainty(duplicates),
            action=text.say("Nothing needs to be merged."),
        )
    if shared:
        sentence = text.say(
            "None of {people} customers was taken for a second record of another, but some share a contact that is no "
            "evidence by itself ({shared}): they were not merged.",
            shared=shared,
            **said,
        )
        action = text.say(
            "Look by hand at those who share a contact, and name those who are one person in a list under merge: "
            "(merge: {{list: FILE.csv}}) in the client's YAML."
        )
    else:
        sentence = text.say(
            "None of {people} customers was taken for a second record of another: pairs that agree ({contradicted}) "
            "contradict each other elsewhere and were not merged.",
            contradicted=contradicted,
            **said,
        )
        action = text.say(
            "Nothing needs to be merged, unless the birthday, gender or city of one of a pair is wrong: then correct "
            "it where it comes from."
        )
    return Finding("customer_data.duplicates", sentence, "neutral", certainty=_certainty(duplicates), action=action)


def finding_duplicates(account: Mapping[str, Any]) -> Finding | None:
    """Customers who are probably one person under several ids; None where identities were not compared.

    Says, too, who agrees and was not merged: sharers of a department's mailbox, and pairs that contradict each other.
    """
    people = account.get("people", {})
    duplicates = people.get("duplicates")
    if not duplicates or not people.get("people"):
        return None
    found, merged = (int(people.get(key, 0)) for key in ("duplicate_customers", "merged"))
    everybody, certainty = _compared(account), _certainty(duplicates)
    if not everybody:
        return None
    if not found:
        return _nobody_found(duplicates, everybody)
    sentence = text.say(
        "{found} of {people} customer records ({share}) look like a second record of somebody known; {merged} of them "
        "have been merged.",
        found=found,
        people=everybody,
        share=text.percent(found / everybody, digits=1),
        merged=merged,
    )
    return Finding(
        "customer_data.duplicates",
        sentence,
        "neutral" if merged >= found else "bad",
        certainty=certainty,
        action=text.say(
            "Review duplicates.csv in the quarantine folder, write yes or no beside each pair, and name the list under "
            "merge: in the client's YAML."
        ),
    )
