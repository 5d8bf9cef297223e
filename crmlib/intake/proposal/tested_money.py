"""The money columns of a proposed file, tested against each other before anything is proposed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crmlib.contract import TABLES
from crmlib.intake.money import MEANT_BY_THE_CONTRACT, PRODUCT, Parts, Verdict, judged, numbers_under
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.fitting import DOUBTED, Fit, Match, called_so
from crmlib.intake.proposal.headings import likeness
from crmlib.intake.repairs import Habits
from crmlib.words import Words

_say = Words(__file__).say

_MONEY = ("amount", "discount", "refunded_amount", "quantity", "unit_price")
_NAMED = 80.0


@dataclass
class Tested:
    """What the tests make of the fits of a file, and what has to be decided about its money."""

    fits: dict[str, Fit]
    decisions: list[str] = field(default_factory=list)


def with_tested_money(connection: Any, export: Export, fits: Mapping[str, Fit]) -> Tested:
    """The fits of a file with the amount that its columns prove, the discount as what it is, and the open questions."""
    lines, orders = fits["order_lines"], fits["orders"]
    main = lines if lines.complete else orders
    if not main.has("amount"):
        return Tested(dict(fits))
    parts = _parts(export, lines, orders)
    numbers = numbers_under(connection, [export.source], parts.headings, Habits("UTC"))
    verdict = judged(numbers, parts)
    # A file in the contract's own form means what the contract says; only what contradicts it is asked.
    known = all(name in export.looks for name in TABLES[main.table].required)
    open_ = [one for one in verdict.asked if not known or one.key not in MEANT_BY_THE_CONTRACT]
    asked = [_say("decide.money", table=main.table, file=export.shown, asked=str(one)) for one in open_]
    own = "discount" if export.source.heading("discount") else ""
    return Tested({**fits, **{f.table: _with(f, verdict, parts, own, known=known) for f in (lines, orders)}}, asked)


def _parts(export: Export, lines: Fit, orders: Fit) -> Parts:
    by_main = (lines, orders) if lines.complete else (orders,)
    matches = [f.matches["amount"] for f in by_main if f.has("amount")]
    single = [m for m in matches if m.decided and isinstance(m.filling, str) and not _taken_off(m.filling)]
    product = any(isinstance(m.filling, dict) for m in matches)
    amount = single[0].filling if single else PRODUCT if product else ""
    named = {h for m in matches for h in m.headings if not isinstance(m.filling, dict) and not _taken_off(h)}
    taken = {h for f in (lines, orders) for c, m in f.matches.items() if c not in _MONEY for h in m.headings}
    numeric = [h for h, one in export.looks.items() if _is_number(one) and h not in taken]
    found = called_like_money([*numeric, *(h for h in named if h not in numeric)])
    return replace(
        found,
        amount=amount,
        amounts=tuple(h for h in export.looks if h in named and h != amount),
        quantity=lines.heading("quantity"),
        price=lines.heading("unit_price"),
        discount=orders.heading("discount") or lines.heading("discount") or found.discount,
        refund=orders.heading("refunded_amount") or found.refund,
        others=tuple(numeric),
    )


def _is_number(one: Any) -> bool:
    return bool(one.filled) and one.share("numbers") > 0.9 and one.share("dates", "phones") < 0.5 > one.share("stamps")


def called_like_money(headings: Sequence[str]) -> Parts:
    """Which headings are called like the parts of money; a part is empty where none is called so, or several are.

    >>> found = called_like_money(["Total", "Rabatt", "MwSt.", "Menge"])
    >>> found.discount, found.refund, found.tax, found.quantity
    ('Rabatt', '', 'MwSt.', 'Menge')
    """

    def only(listed: list[str]) -> str:
        return listed[0] if len(listed) == 1 else ""

    def like(table: str, column: str) -> str:
        return only([h for h in headings if likeness(h, table, column).score >= _NAMED])

    return Parts(
        quantity=like("order_lines", "quantity"),
        price=like("order_lines", "unit_price"),
        discount=like("orders", "discount"),
        refund=like("orders", "refunded_amount"),
        tax=only([h for h in headings if called_so(h, "tax_words") and not called_so(h, "no_tax_words")]),
        postage=only([h for h in headings if called_so(h, "postage_words")]),
        paid_words=frozenset(h for h in headings if called_so(h, "paid_words")),
        off_words=frozenset(filter(_taken_off, headings)),
    )


def _taken_off(heading: str) -> bool:
    """Whether a heading speaks of what was taken off, and not of what was paid."""
    return called_so(heading, "off_words") and not called_so(heading, "paid_words")


def _with(found: Fit, verdict: Verdict, parts: Parts, own_name: str, *, known: bool) -> Fit:
    """A fit with the amount and the discount that the tests prove.

    ``own_name``: the file has a heading of the contract's own name, which would be taken unasked. ``known``: the whole
    file is in the contract's own form.
    """
    matches = dict(found.matches)
    match = matches.get("amount")
    if match is not None and verdict.amount is None and {*match.headings} & parts.off_words and match.decided:
        del matches["amount"]
    elif match is not None and (verdict.amount is not None or verdict.evidence):
        matches["amount"] = _amount(match, verdict)
    discount = matches.get("discount")
    if discount is not None and verdict.form not in ("", "amount"):
        filling = _money_of(verdict.form, parts)
        if filling is None and own_name:
            matches["discount"] = Match("discount", {"constant": ""}, 100.0, _say("reasons.no_money"))
        elif filling is None or parts.discount not in discount.headings:
            del matches["discount"]
        else:
            matches["discount"] = Match("discount", filling, discount.score, _say("reasons.rate", why=discount.reason))
    elif discount and not known and verdict.discount not in discount.headings and not _says_money(discount):
        why = _say("reasons.discount_open", why=discount.reason)
        matches["discount"] = replace(discount, score=min(discount.score, DOUBTED), reason=why, check=True)
    elif discount is None and verdict.form == "amount" and verdict.evidence and "amount" in matches:
        matches["discount"] = Match("discount", verdict.discount, 100.0, _together(map(str, verdict.evidence[:1])))
    return Fit(found.table, matches)


def _says_money(match: Match) -> bool:
    """Whether the heading of a discount says that it is a sum of money, and neither a rate nor a percentage."""
    return any(called_so(heading, "money_words") for heading in match.headings)


def _amount(match: Match, verdict: Verdict) -> Match:
    evidence = [str(one) for one in verdict.evidence]
    if verdict.amount is None:
        if not match.decided:
            return match
        reason = _together([match.reason, *evidence])
        return Match("amount", match.filling, match.score, reason, match.rivals, match.check)
    return Match("amount", verdict.amount, 100.0, _together(evidence), check=not verdict.sure)


def _together(reasons: Iterable[str]) -> str:
    first, *rest = [reason for reason in reasons if reason] or [""]
    for reason in rest:
        first = _say("reasons.joined", first=first, then=reason)
    return first


def _money_of(form: str, parts: Parts) -> dict[str, Any] | None:
    """What fills a discount that is no money itself; None where it cannot be worked out."""
    if form == "each":
        return {"product": [parts.quantity, parts.discount]}
    if not parts.quantity or not parts.price or form not in ("rate", "percent"):
        return None
    whole: dict[str, Any] = {"product": [parts.quantity, parts.price, parts.discount]}
    return whole | ({"times": 0.01} if form == "percent" else {})
