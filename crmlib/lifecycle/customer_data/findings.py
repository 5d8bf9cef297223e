"""What the chapter concludes: each picks a row and tells it, with its base and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.calendar import is_whole_year
from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.customer_data.account import reasons, row_account
from crmlib.lifecycle.customer_data.buyers import ANY
from crmlib.words import Words, last_span, percent

words = Words(__file__)

FEW_LOST = 0.01
NOTABLE = 0.05
NOTABLE_UNKNOWN = 0.1


def finding_quarantine(account: Mapping[str, Any]) -> Finding:
    """How much of what was read can be used, and what could not be."""
    rows = row_account(account)
    read, unusable = int(rows.read.sum()), int((rows.quarantined - rows.by_rule).sum())
    values: dict[str, Any] = {"read": read, "by_rule": int(rows.by_rule.sum()), "repaired": int(rows.repaired.sum())}
    if not unusable:
        return tell(words, "quarantine", values, direction="good", sentence="none", action="none")
    by_rule = {(name, why) for name, one in account["tables"].items() for why in one.get("reasons_by_rule", ())}
    why = reasons(account)
    amiss = why[[pair not in by_rule for pair in zip(why.table, why.reason, strict=True)]]
    most = amiss.sort_values("rows", ascending=False, kind="stable").iloc[0]
    values |= {"unusable": unusable, "share": unusable / read, "reason": most.reason, "table": most.table}
    direction: Direction = "bad" if unusable / read >= FEW_LOST else "neutral"
    return tell(words, "quarantine", values, direction=direction, sentence="some", action="some")


def finding_unattributed(shares: Any, *, history_days: int | None = None) -> Finding | None:
    """Revenue of guests and of ids that nobody knows; None without any.

    ``shares``: a frame from :func:`attribution`; ``history_days``: how far back the orders go.
    """
    of = shares.set_index("who")
    nobodys = of.loc[["not_in_customers", "guest"]]
    if not nobodys.orders.sum():
        return None
    revenue, everything = nobodys.revenue_year.sum(), shares.revenue_year.sum()
    share = revenue / everything if everything else 0.0
    sentence, money = _of_a_year(history_days)
    return tell(
        words, "unattributed", direction="bad" if share >= NOTABLE else "neutral", sentence=sentence, money=money,
        revenue=revenue, share=share, guests=int(of.orders["guest"]), strangers=int(of.orders["not_in_customers"]),
        period=last_span(history_days),
    )  # fmt: skip


def finding_unreachable(reached: Any, *, history_days: int | None = None) -> Finding | None:
    """Revenue of customers who have allowed no channel; None where nobody bought.

    Data without any consent say nothing of the customers, only of the data: no money is at stake in them.
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
    values["period"] = last_span(history_days)
    said: str = "unrecorded" if int(whole.buyers_unknown) == buyers else "some" if out else "all"
    directions: dict[str, Direction] = {"all": "good", "some": "bad" if share >= NOTABLE else "neutral"}
    sentence, money = _of_a_year(history_days) if said == "some" else (said, "")
    return tell(
        words, "unreachable", values, direction=directions.get(said, "neutral"), sentence=sentence, certainty=said,
        action=said, money=money, plays=("ask_for_consent",) if said == "some" else (),
    )  # fmt: skip


def _of_a_year(history_days: int | None) -> tuple[str, str]:
    """Which sentence, and which money: beside a year's amount, the sentence need not name it."""
    return ("year", "revenue") if is_whole_year(history_days) else ("shorter", "")


def finding_unknown(unknown: Any, *, history_days: int | None = None) -> Finding | None:
    """The expected column that is unknown of the most revenue; consent has a finding of its own.

    ``unknown``: a frame from :func:`unknown_of_buyers`; ``history_days``: how far back the orders go.
    """
    asked = unknown[unknown.expected.astype(bool) & ~unknown.column.astype(str).str.startswith("consent_")]
    missing = asked[asked.unknown_buyers > 0]
    if missing.empty:
        return None
    worst = missing.iloc[0]
    shares = {name: percent(worst[name], digits=0 if worst[name] >= 0.1 else 1) for name in ("share", "revenue_share")}
    values = {**worst, **shares, "period": last_span(history_days)}
    return tell(words, "unknown", values, direction="bad" if worst.share >= NOTABLE_UNKNOWN else "neutral")


def finding_gaps(found: Any, coverage: Any) -> Finding:
    """The silences that chance does not explain, the longest first.

    ``found``: a frame from :func:`gaps`; ``coverage``: a frame from :func:`coverage_by_month`.
    """
    real = found[found.unexplained.astype(bool)].sort_values("days", ascending=False, kind="stable")
    if real.empty:
        counts = {"tables": coverage.table.nunique()}
        return tell(words, "gaps", counts, direction="good", sentence="none", certainty="none", action="none")
    longest = real.iloc[0]
    where, many = "end" if longest.at_end else "middle", "several" if len(real) > 1 else "one"
    return tell(
        words, "gaps", longest, gaps=len(real), sentence=f"{where}.{many}", certainty="some", action="some",
        direction="bad" if "orders" in set(real.table) else "neutral",
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
    return tell(words, "duplicates", values, direction=direction, sentence=said, certainty=certainty, action=said)


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
