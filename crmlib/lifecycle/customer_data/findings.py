"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from crmlib.finding import Direction, Finding, When, tell
from crmlib.lifecycle.customer_data.account import reasons, row_account
from crmlib.lifecycle.customer_data.buyers import ANY
from crmlib.words import Words, last_span, percent, quotation

words = Words(__file__)

FEW_LOST = 0.01
NOTABLE = 0.05
NOTABLE_UNKNOWN = 0.1
_LONGEST_REASON = 60


def finding_quarantine(account: Mapping[str, Any]) -> Finding:
    """How much of what was read can be used, and what could not be."""
    rows = row_account(account)
    read, unusable = int(rows.read.sum()), int((rows.quarantined - rows.by_rule).sum())
    values: dict[str, Any] = {"read": read, "by_rule": int(rows.by_rule.sum()), "repaired": int(rows.repaired.sum())}
    if not unusable:
        return _told("quarantine", values, "good", headline="none", evidence="none", action="none")
    by_rule = {(name, why) for name, one in account["tables"].items() for why in one.get("reasons_by_rule", ())}
    why = reasons(account)
    amiss = why[[pair not in by_rule for pair in zip(why.table, why.reason, strict=True)]]
    most = amiss.sort_values("rows", ascending=False, kind="stable").iloc[0]
    reason = quotation(most.reason, length=_LONGEST_REASON)
    values |= {"unusable": unusable, "share": unusable / read, "reason": reason, "table": most.table}
    direction: Direction = "bad" if unusable / read >= FEW_LOST else "neutral"
    return _told("quarantine", values, direction, when="week", headline="some", evidence="some", action="some")


def finding_unattributed(shares: Any, *, history_days: int | None = None) -> Finding | None:
    """Sales to guests and to ids that nobody knows; None without any.

    ``shares``: a frame from :func:`attribution`; ``history_days``: how far back the orders go.
    """
    of = shares.set_index("who")
    nobodys = of.loc[["not_in_customers", "guest"]]
    if not nobodys.orders.sum():
        return None
    revenue, everything = nobodys.revenue_year.sum(), shares.revenue_year.sum()
    values = {"revenue": revenue, "share": revenue / everything if everything else 0.0}
    values |= {"guests": int(of.orders["guest"]), "strangers": int(of.orders["not_in_customers"])}
    return _told("unattributed", values, "bad" if values["share"] >= NOTABLE else "neutral", history_days=history_days)


def finding_unreachable(reached: Any, *, history_days: int | None = None) -> Finding | None:
    """Customers who have allowed no channel, and what they brought; None where nobody bought.

    Data without any consent say nothing of the customers, only of the data.
    ``reached``: a frame from :func:`reach`; ``history_days``: how far back the orders go.
    """
    whole = reached.set_index("reach_by").loc[ANY]
    buyers = int(whole.buyers_yes + whole.buyers_no + whole.buyers_unknown)
    if not buyers:
        return None
    out, revenue = int(whole.buyers_no + whole.buyers_unknown), whole.revenue_no + whole.revenue_unknown
    everything = whole.revenue_yes + revenue
    share = revenue / everything if everything else 0.0
    values = {"buyers": buyers, "out": out, "revenue": revenue, "share": share, "unknown": whole.revenue_unknown}
    said: str = "unrecorded" if int(whole.buyers_unknown) == buyers else "some" if out else "all"
    directions: dict[str, Direction] = {"all": "good", "some": "bad" if share >= NOTABLE else "neutral"}
    return _told(
        "unreachable", values, directions.get(said, "neutral"), history_days=history_days,
        headline=said, evidence=said, certainty=said, action=said,
        plays=("ask_for_consent",) if said == "some" else (),
    )  # fmt: skip


def finding_unknown(unknown: Any, *, history_days: int | None = None) -> Finding | None:
    """The expected column that is unknown of the most revenue; consent has a finding of its own.

    It informs: a trait that nobody knows is no reason to act until somebody needs it.
    ``unknown``: a frame from :func:`unknown_of_buyers`; ``history_days``: how far back the orders go.
    """
    asked = unknown[unknown.expected.astype(bool) & ~unknown.column.astype(str).str.startswith("consent_")]
    missing = asked[asked.unknown_buyers > 0]
    if missing.empty:
        return None
    worst = missing.iloc[0]
    shares = {name: percent(worst[name], digits=0 if worst[name] >= 0.1 else 1) for name in ("share", "revenue_share")}
    direction: Direction = "bad" if worst.share >= NOTABLE_UNKNOWN else "neutral"
    return _told("unknown", {**worst, **shares}, direction, when="", history_days=history_days)


def finding_gaps(found: Any, coverage: Any) -> Finding:
    """The silences that chance does not explain, those of the orders first, then the longest.

    ``found``: a frame from :func:`gaps`; ``coverage``: a frame from :func:`coverage_by_month`.
    """
    real = found[found.unexplained.astype(bool)]
    if real.empty:
        counts = {"tables": coverage.table.nunique()}
        return _told("gaps", counts, "good", headline="none", evidence="none", certainty="none", action="none")
    real = real.assign(other=real.table != "orders").sort_values(
        ["other", "days"], ascending=[True, False], kind="stable"
    )
    first = real.iloc[0]
    where, many = "end" if first.at_end else "middle", "several" if len(real) > 1 else "one"
    return _told(
        "gaps", {**first, "gaps": len(real)}, "neutral" if first.other else "bad", when="week",
        headline=where, evidence=f"{where}.{many}", certainty="some", action="some",
    )  # fmt: skip


def _told(
    key: str,
    values: Mapping[str, Any],
    direction: Direction,
    *,
    when: When | Literal[""] = "month",
    history_days: int | None = None,
    **chosen: Any,
) -> Finding:
    """A finding on the data: a decision of those who keep them where the news is bad, and information elsewhere."""
    when = when if direction == "bad" else ""
    return tell(
        words, key, values, direction=direction, sure="counted", owner="data", when=when,
        period=last_span(history_days), **chosen,
    )  # fmt: skip


def finding_duplicates(account: Mapping[str, Any]) -> Finding | None:
    """Customers who are probably one person under several ids; None where identities were not compared.

    Says, too, who agrees and was not merged: sharers of a department's mailbox, and pairs that contradict each other.
    """
    people = account.get("people", {})
    duplicates = people.get("duplicates")
    everybody = _compared(account)
    if not duplicates or not people.get("people") or not everybody:
        return None
    found, merged = (int(people.get(key, 0)) for key in ("duplicate_customers", "merged"))
    apart = {key: _by_rule(duplicates, key) for key in ("sharing_customers", "contradicted", "without_evidence")}
    values = {
        "found": found, "merged": merged, "people": everybody, "share": found / everybody,
        "rules": [words.name("rules", rule) for rule in duplicates],
        "sharing": apart["sharing_customers"], "contradicted": apart["contradicted"],
        "apart": [words.say(f"apart.{key}", rules=said) for key, said in apart.items() if said],
    }  # fmt: skip
    said = "found" if found else next((key for key in ("sharing", "contradicted") if values[key]), "nobody")
    direction: Direction = "good" if said == "nobody" else "bad" if found > merged else "neutral"
    certainty = "apart" if values["apart"] else "plain"
    return _told("duplicates", values, direction, headline=said, evidence=said, certainty=certainty, action=said)


def _compared(account: Mapping[str, Any]) -> int:
    """How many customer records were compared: the rows that were kept, and those merged into one of them.

    Rows that were set aside (customers that are tests, rows without an id) are not among them.
    """
    people = account.get("people", {})
    kept = account.get("tables", {}).get("customers", {}).get("rows")
    return int(people.get("people", 0)) if kept is None else int(kept) + int(people.get("merged", 0))


def _by_rule(duplicates: Mapping[str, Mapping[str, Any]], count: str) -> list[str]:
    """A count of each rule in words; rules without any are left out."""
    counts = {rule: int(one.get(count, 0)) for rule, one in duplicates.items()}
    return [words.say("apart.by_rule", n=n, rule=rule) for rule, n in counts.items() if n]
