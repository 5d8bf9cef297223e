"""Whose money a column of a file of lines is: that of a piece, of a line, or of the order that the line belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from crmlib.contract import TABLES
from crmlib.intake.money import FITS, SURE_FROM, numbers_under
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.fitting import DOUBTED, Fit, Match, called_so
from crmlib.intake.proposal.rows import constant_within, text
from crmlib.intake.repairs import Habits
from crmlib.words import Words

_say = Words(__file__).say

CONSTANT = 0.95
"""In so many orders of several lines a value must be the same in all of them to be the order's."""
_BY_CONTENT = 60.0
_SAME = 1.005


def pieces_times_price(found: Fit) -> Match:
    """The amount of a line that is worked out of pieces and price."""
    headings = [found.heading("quantity"), found.heading("unit_price")]
    score = min(found.matches["quantity"].score, found.matches["unit_price"].score)
    return Match("amount", {"product": headings}, score, _say("reasons.pieces_times_price"))


# Of a piece, or of all pieces of a line


def with_told_price(connection: Any, export: Export, lines: Fit) -> Fit:
    """Lines whose price is that of all pieces take it for their amount; where nothing shows it, it is to be checked.

    Amazon's item-price is such a price. It shows where a product was bought in different numbers: is the price the same
    then, or the price by piece? A heading may say it as well (unit price, 单价).
    """
    pieces, price = lines.heading("quantity"), lines.heading("unit_price")
    amount = lines.matches.get("amount")
    if not pieces or not price or amount is None or not isinstance(amount.filling, dict) or amount.check:
        return lines
    told = _price_is_of(connection, export, lines.heading("product_id"), pieces, price)
    matches = dict(lines.matches)
    if told == "line":
        reason = _say("reasons.price_of_line", heading=price, pieces=pieces)
        matches["amount"] = Match("amount", price, DOUBTED, reason, check=True)
        del matches["unit_price"]
    elif not told and not called_so(price, "per_piece"):
        reason = _say("reasons.price_open", why=amount.reason, heading=price, pieces=pieces)
        matches["amount"] = replace(_doubted(amount), reason=reason)
        matches["unit_price"] = _doubted(matches["unit_price"])
    return Fit(lines.table, matches)


def _price_is_of(connection: Any, export: Export, product: str, pieces: str, price: str) -> str:
    """``piece`` or ``line``, by products that were bought in different numbers; empty where these do not tell."""
    q, p = (f"try_cast(replace({text(export.source, h)}, ',', '.') AS DOUBLE)" for h in (pieces, price))
    if connection.execute(f"SELECT count(*) FROM ({export.source.sql}) WHERE {q} > 1").fetchone() == (0,):
        return "piece"
    if not product:
        return ""
    of_piece, of_line = connection.execute(
        f"SELECT coalesce(count_if(max_p <= {_SAME} * min_p), 0), "
        f"coalesce(count_if(max_each <= {_SAME} * min_each), 0) FROM ("
        f"SELECT min(p) AS min_p, max(p) AS max_p, min(p / q) AS min_each, max(p / q) AS max_each FROM ("
        f"SELECT {text(export.source, product)} AS product, {q} AS q, {p} AS p FROM ({export.source.sql})) "
        "WHERE q > 0 AND p > 0 GROUP BY product HAVING count(DISTINCT q) > 1)"
    ).fetchone()
    if of_piece + of_line < SURE_FROM:
        return ""
    for told, count in (("piece", of_piece), ("line", of_line)):
        if count >= CONSTANT * (of_piece + of_line):
            return told
    return ""


# Of a line, or of the whole order


def whose_amount(connection: Any, export: Export, lines: Fit, orders: Fit) -> tuple[Fit, Fit, bool]:
    """Tell the amount of a line from the total of an order: the total is the same in all lines of an order.

    Where hardly an order has several lines, pieces times price may tell it; else both amounts are to be checked.

    Returns:
        the lines and the orders with their amounts, and whether that of the orders is the total of an order.
    """
    order_id = lines.heading("order_id")
    line, whole = lines.matches.get("amount"), orders.matches.get("amount")
    others = {h for name, m in lines.matches.items() if name != "amount" for h in m.headings}
    if whole and (whole.score <= _BY_CONTENT or others & set(whole.headings)):
        whole = _narrowed(whole, set(whole.headings) - others) if whole.score > _BY_CONTENT else None
    wished = {h for m in (line, whole) if m and not isinstance(m.filling, dict) for h in m.headings}
    if not order_id or not wished:
        match = lines.matches["amount"]
        return lines, Fit("orders", {**orders.matches, "amount": match}), False
    told = {h: _is_total(connection, export, lines, order_id, h) for h in wished}
    totals = {h for h, (total, _) in told.items() if total}
    line_match = _narrowed(line, wished - totals)
    if line_match is None and lines.heading("quantity") and lines.heading("unit_price"):
        line_match = pieces_times_price(lines)
    whole_match = _narrowed(whole, totals)
    if whole_match is not None:
        whole_match = replace(whole_match, reason=_say("reasons.same_in_order", why=whole_match.reason))
    if line_match is None and line is not None:
        # The total of an order is all there is: on its lines it would count as often as there are lines.
        line_match = replace(_doubted(line), reason=_say("reasons.total_on_lines", why=line.reason))
    line_match, whole_match = (_open(match, told, order_id) for match in (line_match, whole_match))
    kept = {name: m for name, m in lines.matches.items() if name != "amount"}
    kept |= {"amount": line_match} if line_match else {}
    off = lines.heading("discount")
    if off and off not in TABLES["order_lines"].names and _repeated(connection, export, order_id, off):
        del kept["discount"]
    chosen = whole_match or line_match
    made = Fit("orders", {**orders.matches, **({"amount": chosen} if chosen else {})})
    return Fit("order_lines", kept), made, whole_match is not None


def _is_total(connection: Any, export: Export, lines: Fit, order_id: str, heading: str) -> tuple[bool, bool]:
    """Whether the numbers under a heading are totals of orders rather than of lines, and whether that is certain."""
    share = constant_within(connection, export.source, order_id, heading, least=1)
    if share is not None and share <= CONSTANT:
        return False, True
    certain = constant_within(connection, export.source, order_id, heading) is not None
    named = TABLES["order_lines"].names
    pieces, price = lines.heading("quantity"), lines.heading("unit_price")
    if certain or heading in named or not pieces or not price or heading in (pieces, price):
        return share is not None, certain or heading in named
    found = numbers_under(connection, [export.source], [pieces, price, heading], Habits("UTC"))
    if len(found) < 3:
        return share is not None, False
    # A line may cost less by its discount; what the order adds (postage, tax) makes its total more.
    of_line = bool((found[heading] <= found[pieces] * found[price] + 0.0105).mean() >= FITS)
    return not of_line, of_line


def _repeated(connection: Any, export: Export, order_id: str, heading: str) -> bool:
    share = constant_within(connection, export.source, order_id, heading)
    return share is not None and share > CONSTANT


def _open(match: Match | None, told: dict[str, tuple[bool, bool]], order_id: str) -> Match | None:
    """An amount of which nothing certain tells whose it is, as one to be checked."""
    if match is None or match.rivals or isinstance(match.filling, dict) or told.get(match.headings[0], (0, True))[1]:
        return match
    return replace(_doubted(match), reason=_say("reasons.whose_open", why=match.reason, heading=order_id))


def _doubted(match: Match) -> Match:
    return replace(match, score=min(match.score, DOUBTED), check=True)


def _narrowed(match: Match | None, headings: Iterable[str]) -> Match | None:
    """A match of which only some of the headings are possible."""
    if match is None or isinstance(match.filling, dict):
        return None
    wanted = set(headings)
    rivals = [one for one in match.rivals if one[0] in wanted]
    if not match.rivals:
        return match if set(match.headings) <= wanted else None
    if len(rivals) == 1:
        heading, score, reason = rivals[0]
        return Match(match.column, heading, score, reason)
    return Match(match.column, [h for h, _, _ in rivals], match.score, "", tuple(rivals)) if rivals else None
