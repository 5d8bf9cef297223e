"""Which contract tables a file of no known system gives, and what fills their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crmlib.contract import TABLES
from crmlib.intake.proposal.doubts import (
    ask_about_cents,
    ask_about_negative_amounts,
    ask_about_test_people,
    nearest_table,
)
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.fitting import Fit, Match, fit
from crmlib.intake.proposal.headings import called_like, names_of
from crmlib.intake.proposal.rows import (
    cancelling_orders,
    constant_within,
    day_or_month,
    mapped_values,
    odd_codes,
    score_kind,
    test_values,
)
from crmlib.intake.proposal.shared_keys import with_keys
from crmlib.intake.proposal.suggestion import FILL_IN, Line, Suggested
from crmlib.intake.shape import shown_headings

_OF_A_CUSTOMER = (
    "customer_id", "region", "city", "gender", "birthday", "industry", "name", "email", "phone", "address",
)  # fmt: skip
_CALLED = 1.5
_LEAST_POINTS = 2.5
_CONSTANT = 0.95
_BY_CONTENT = 60.0


def own_tables(
    connection: Any, export: Export, keys: Mapping[tuple[str, str], Match] | None = None
) -> tuple[list[Suggested], list[str]]:
    """The contract tables that a file of no known system gives, and what a person has to decide about them.

    A file with a line per product gives orders, their lines and customers. Otherwise the table whose columns are best
    found; beside orders also customers, which are not `main`: another file may have them. ``keys`` are the columns that
    are keys by the values which files share. Where there is no table, the reason stands alone.
    """
    fits = {name: _completed(with_keys(fit(table, export.looks), keys or {})) for name, table in TABLES.items()}
    ranked = sorted((f for f in fits.values() if _usable(f)), key=lambda f: -_points(f, export))
    if not ranked or _points(ranked[0], export) < _LEAST_POINTS:
        nearest = nearest_table(export, fits)
        said = f"{export.shown}: no table is recognised. {nearest}".rstrip()
        return [], [f"{said} Name its columns, or leave it out."]
    decisions: list[str] = []
    main = ranked[0]
    lined = fits["order_lines"].complete and (
        main.table == "order_lines" or (main.table == "orders" and fits["order_lines"].has("product_id", "quantity"))
    )
    if lined:
        made = _line_level(connection, export, fits, decisions)
    elif main.table == "surveys":
        made = _surveys(connection, export, main, decisions)
    else:
        made = [_suggested(connection, export, main, decisions)]
        made += _second_choice(connection, export, ranked, decisions)
        ask_about_negative_amounts(connection, export, main, decisions)
    if made[0].table in ("orders", "order_lines"):
        made += _customers(connection, export, fits, decisions)
    _dates(export, made, decisions)
    _test_rows(connection, export, made)
    ask_about_test_people(connection, export, made, decisions)
    ask_about_cents(connection, export, made, decisions)
    _say_unused(export, made)
    return made, decisions


def _usable(found: Fit) -> bool:
    tells = names_of(found.table).tells
    return found.complete and (not tells or any(found.has(column) for column in tells))


def _points(found: Fit, export: Export) -> float:
    return found.points + (_CALLED if called_like(export.name, found.table) else 0.0)


def _completed(found: Fit) -> Fit:
    """Columns that others make up: a line's amount from pieces and price, a product without code by its name."""
    matches = dict(found.matches)
    if found.table == "surveys" and "kind" not in matches and "score" in matches:
        matches["kind"] = Match("kind", {"constant": ""}, 60.0, "")
    if found.table == "order_lines":
        if "product_id" not in matches and found.heading("product_name"):
            reason = "no product code is there: a product's name is its code"
            matches["product_id"] = Match("product_id", found.heading("product_name"), 65.0, reason, check=True)
        if "amount" not in matches and found.heading("quantity") and found.heading("unit_price"):
            matches["amount"] = _product(found)
    return Fit(found.table, matches)


def _product(found: Fit) -> Match:
    headings = [found.heading("quantity"), found.heading("unit_price")]
    score = min(found.matches["quantity"].score, found.matches["unit_price"].score)
    return Match("amount", {"product": headings}, score, "no amount of the line is there: pieces times price")


# A table as it is written


def _suggested(connection: Any, export: Export, found: Fit, decisions: list[str], *, why: str = "") -> Suggested:
    table = TABLES[found.table]
    required = [found.matches[name].score for name in table.required]
    confidence = round(sum(required) / len(required), 0)
    named = ", and the file is called so" if called_like(export.name, found.table) else ""
    why = why or f"{', '.join(table.required)} {'are' if len(table.required) > 1 else 'is'} there{named}"
    open_columns = [name for name in table.required if found.matches[name].rivals]
    still = f"; to decide: {', '.join(open_columns)}" if open_columns else ""
    made = Suggested(found.table, export, [f"{why} (confidence {confidence:.0f} %{still})."], confidence=confidence)
    for name in table.names:
        match = found.matches.get(name)
        if match is None:
            continue
        own_name = bool(match.rivals) and export.source.heading(name) is not None
        made.columns += _lines(match, blocked=own_name)
        place = f"{found.table}.{name} from {export.shown}"
        if match.rivals:
            options = " or ".join(repr(heading) for heading, _, _ in match.rivals)
            must = " (required)" if name in table.required else ""
            how = f"Write it where {FILL_IN} stands." if own_name else "Take the # away before the right line."
            decisions.append(f"{place}{must}: {options}? {how}")
        elif match.check:
            decisions.append(f"{place}: please check {_shown(match)}, {match.reason}.")
        if match.decided and table[name].allowed and match.headings:
            _map_values(connection, made, name, match.headings[0], decisions)
    made.open_columns = tuple(open_columns)
    made.key = found.heading(table.key) if table.key else ""
    key = found.matches.get(table.key or "")
    made.keyed_by = tuple(key.headings) if key and key.decided else ()
    if made.key and table.key and made.table != "orders":
        _repeated_key(export, made, table.key, decisions)
    return made


def _lines(match: Match, *, blocked: bool) -> list[Line]:
    """The lines of a column. ``blocked``: a heading is the column's own name, which would be taken unasked."""
    if match.rivals:
        block = [Line(match.column, FILL_IN, "to decide between these:")] if blocked else []
        return block + [
            Line(match.column, h, f"to decide: {why} ({score:.0f} %)", off=True) for h, score, why in match.rivals
        ]
    check = "please check: " if match.check else ""
    return [Line(match.column, match.filling, f"{check}{match.reason} ({match.score:.0f} %)")]


def _shown(match: Match) -> str:
    return " and ".join(map(repr, match.headings)) or str(match.filling)


def _repeated_key(export: Export, made: Suggested, column: str, decisions: list[str]) -> None:
    looks = export.looks[made.key]
    if looks.distinct < looks.filled and not made.settings:
        decisions.append(
            f"{made.table} from {export.shown}: {looks.filled - looks.distinct:,} rows repeat a {column}. They will be "
            f"set aside as duplicates; where rows of one {column} belong together, add one_row_per: {column}."
        )


def _map_values(connection: Any, made: Suggested, column: str, heading: str, decisions: list[str]) -> None:
    allowed = TABLES[made.table][column].allowed
    if made.export.looks[heading].person:
        return
    mapped = mapped_values(connection, made.export.source, heading, f"{made.table}.{column}", allowed)
    choice = ", ".join(allowed)
    place = f"{made.table}.{column} from {made.export.shown}"
    if not mapped.counted:
        decisions.append(
            f"{place}: {heading!r} has more than 60 different values; say under values which mean {choice}."
        )
        return
    lines = [Line(old, new) for old, new in mapped.known.items()]
    lines += [Line(old, "?", f"{count:,} rows: one of {choice}", off=True) for old, count in mapped.unknown.items()]
    if lines:
        made.values[column] = lines
    if mapped.unknown:
        listed = ", ".join(repr(value) for value in mapped.unknown)
        verb, whose = ("mean", "their") if len(mapped.unknown) > 1 else ("means", "its")
        decisions.append(f"{place}: say what {listed} {verb} ({choice}); until then {whose} rows are set aside.")


def _second_choice(connection: Any, export: Export, ranked: list[Fit], decisions: list[str]) -> list[Suggested]:
    """The next best table, commented out, where it fits about as well and the file's name does not tell."""
    if len(ranked) < 2 or called_like(export.name, ranked[0].table):
        return []
    first, second = ranked[0], ranked[1]
    if second.points < 0.92 * first.points or {first.table, second.table} == {"orders", "customers"}:
        return []
    other = _suggested(connection, export, second, [])
    other.off = True
    other.main = False
    decisions.append(f"{export.shown}: {first.table} or {second.table}? Proposed is {first.table}.")
    return [other]


# Files with a line per product


def _line_level(connection: Any, export: Export, fits: Mapping[str, Fit], decisions: list[str]) -> list[Suggested]:
    """Order lines, and the orders put together from them."""
    lines, orders = fits["order_lines"], fits["orders"]
    lines, orders, total = _whose_amount(connection, export, lines, orders)
    order_id = lines.heading("order_id")
    made = []
    if orders.complete and order_id:
        looks = export.looks[order_id]
        why = f"{looks.distinct:,} different {order_id} in {looks.filled:,} rows with products and pieces: a line each"
        one = _suggested(connection, export, orders, decisions, why=why)
        one.settings.append(Line("one_row_per", "order_id"))
        added = ["amount"] if not total else []
        added += _of_lines(connection, export, orders, order_id)
        if added:
            one.settings.append(Line("adds_up", added))
        made.append(one)
    one = _suggested(connection, export, lines, decisions)
    one.main = not made
    made.append(one)
    discount = lines.heading("discount")
    if discount and "product" in _filling(lines, "amount"):
        decisions.append(
            f"order_lines.amount from {export.shown}: is {discount!r} money that is still to be taken off pieces times "
            f"price? Then write less: {discount} beside product."
        )
    _cancellations(connection, export, orders, lines, made, decisions)
    _not_products(connection, export, lines, made[-1], decisions)
    return made


def _of_lines(connection: Any, export: Export, orders: Fit, order_id: str) -> list[str]:
    """The further money of orders that differs between the lines of an order, so that it has to be added up."""
    money = [name for name in ("discount", "cost", "refunded_amount") if orders.heading(name)]
    shares = {name: constant_within(connection, export.source, order_id, orders.heading(name)) for name in money}
    return [name for name, share in shares.items() if share is None or share <= _CONSTANT]


def _filling(found: Fit, column: str) -> dict[str, Any]:
    match = found.matches.get(column)
    return match.filling if match and isinstance(match.filling, dict) else {}


def _whose_amount(connection: Any, export: Export, lines: Fit, orders: Fit) -> tuple[Fit, Fit, bool]:
    """Tell the amount of a line from the total of an order: the total is the same in all lines of an order."""
    order_id = lines.heading("order_id")
    line, whole = lines.matches.get("amount"), orders.matches.get("amount")
    others = {h for name, m in lines.matches.items() if name != "amount" for h in m.headings}
    if whole and (whole.score <= _BY_CONTENT or others & set(whole.headings)):
        whole = _narrowed(whole, set(whole.headings) - others) if whole.score > _BY_CONTENT else None
    wished = {h for m in (line, whole) if m and not isinstance(m.filling, dict) for h in m.headings}
    if not order_id or not wished:
        match = lines.matches["amount"]
        return lines, Fit("orders", {**orders.matches, "amount": match}), False
    shares = {h: constant_within(connection, export.source, order_id, h) for h in wished}
    totals = [h for h, share in shares.items() if share is not None and share > _CONSTANT]
    of_lines = [h for h in wished if h not in totals]
    line_match = _narrowed(line, of_lines)
    if line_match is None and lines.heading("quantity") and lines.heading("unit_price"):
        line_match = _product(lines)
    whole_match = _narrowed(whole, totals)
    if whole_match is not None:
        reason = f"{whole_match.reason}; it is the same in all lines of an order"
        whole_match = Match("amount", whole_match.filling, whole_match.score, reason, whole_match.rivals)
    chosen = whole_match or line_match or line
    kept = {name: m for name, m in lines.matches.items() if name != "amount"}
    kept |= {"amount": line_match or line} if line_match or line else {}  # type: ignore[dict-item]
    made = Fit("orders", {**orders.matches, **({"amount": chosen} if chosen else {})})
    return Fit("order_lines", kept), made, whole_match is not None


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


def _cancellations(
    connection: Any, export: Export, orders: Fit, lines: Fit, made: list[Suggested], decisions: list[str]
) -> None:
    order, pieces = lines.heading("order_id"), lines.heading("quantity")
    customer, product = orders.heading("customer_id"), lines.heading("product_id")
    if not order or not pieces:
        return
    found = cancelling_orders(connection, export.source, order, pieces)
    below = export.looks[pieces].negative
    if found and product:
        match = [heading for heading in (customer, product) if heading]
        value = {"where": {order: found.pattern}, "match": match, "quantity": pieces}
        for one in made:
            one.settings.append(Line("cancellations", value, found.reason))
    elif below:
        decisions.append(
            f"orders from {export.shown}: {below:,} rows have a negative {pieces}, and nothing shows what they "
            "take back. If they are returns, add cancellations: with where, match and quantity."
        )


def _not_products(connection: Any, export: Export, lines: Fit, made: Suggested, decisions: list[str]) -> None:
    product = lines.heading("product_id")
    if not product:
        return
    codes = odd_codes(connection, export.source, product, lines.heading("product_name"))
    sure = [one for one in codes if one.sure]
    if sure:
        said = "; ".join(f"{one.code} {one.called}".strip() for one in sure[:2])
        reason = f"codes unlike at least 95 % of the others, and called like charges ({said})"
        made.settings.append(Line("not_products", [one.code for one in sure], reason))
    unsure = [one.code for one in codes if not one.sure]
    if unsure:
        made.settings.append(Line("not_products", unsure, "codes of another shape too: products, or not?", off=True))
        decisions.append(
            f"order_lines from {export.shown}: are {', '.join(unsure[:6])}{' …' if len(unsure) > 6 else ''} products? "
            "Their codes look different. If not, add them to not_products."
        )


def _customers(connection: Any, export: Export, fits: Mapping[str, Fit], decisions: list[str]) -> list[Suggested]:
    """Customers out of a file of orders: who they are stands beside each order."""
    found = fits["customers"]
    customer = found.matches.get("customer_id") or fits["orders"].matches.get("customer_id")
    if customer is None or not customer.decided:
        return []
    taken = {h for name in ("orders", "order_lines") for c, m in fits[name].matches.items() for h in m.headings
             if c not in ("customer_id", "order_id") and fits[name].complete}  # fmt: skip
    matches = {
        name: match
        for name, match in found.matches.items()
        if name in _OF_A_CUSTOMER and not set(match.headings) & (taken - set(customer.headings))
    }
    order_customer = fits["orders"].matches.get("customer_id")
    matches["customer_id"] = order_customer if order_customer and order_customer.decided else customer
    made = _suggested(
        connection,
        export,
        Fit("customers", matches),
        [],
        why="customers stand beside their orders, and in no file of their own",
    )
    for column in TABLES["customers"].columns:
        # The contract's own name fills a column unasked; here it would be the order's.
        if column.name not in matches and (taken_as := export.source.heading(column.name)):
            made.columns.append(Line(column.name, {"constant": ""}, f"left empty: {taken_as!r} is the order's"))
    made.settings.append(Line("one_row_per", "customer_id"))
    made.main = False
    return [made]


# Surveys


def _surveys(connection: Any, export: Export, found: Fit, decisions: list[str]) -> list[Suggested]:
    """One source per question: each column of scores is one, unless a column says which question was asked."""
    score = found.matches["score"]
    if not isinstance(found.matches["kind"].filling, dict):
        return [_suggested(connection, export, found, decisions)]
    made: list[Suggested] = []
    headings = score.headings
    kinds: list[str] = []
    for heading in headings:
        kind, reason, certain = score_kind(heading, export.looks[heading])
        kinds.append(kind)
        matches = dict(found.matches)
        why = {h: w for h, _, w in score.rivals}.get(heading, score.reason)
        matches["score"] = Match("score", heading, score.score, why)
        matches["kind"] = Match("kind", {"constant": kind}, 100.0 if certain else 70.0, reason, check=not certain)
        response = found.heading("response_id")
        if len(headings) > 1 and response and not set(response) & set("{}"):
            again = f"-{kinds.count(kind)}" if kinds.count(kind) > 1 else ""
            text = f"{{{response}}}-{kind}{again}"
            matches["response_id"] = Match("response_id", {"text": text}, 90.0, "each answer of a response is a row")
        made.append(_suggested(connection, export, Fit("surveys", matches), decisions))
        made[-1].main = heading == headings[0]
    if len(set(kinds)) < len(kinds):
        decisions.append(f"surveys from {export.shown}: several columns of scores are taken for the same question.")
    return made


# What holds for all tables of a file


def _dates(export: Export, made: Iterable[Suggested], decisions: list[str]) -> None:
    for one in made:
        timed = {c.name for c in TABLES[one.table].columns if c.kind in ("time", "date")}
        looks = [export.looks[line.value] for line in one.columns
                 if line.key in timed and isinstance(line.value, str) and not line.off]  # fmt: skip
        order, reason = day_or_month(looks)
        if order == "?":
            one.settings.append(Line("dates", "day first", "to decide: day first or month first", off=True))
            decisions.append(f"{one.table} from {export.shown}: {reason}: set dates: day first, or dates: month first.")
        elif order:
            one.settings.append(Line("dates", order, reason))


def _test_rows(connection: Any, export: Export, made: Iterable[Suggested]) -> None:
    marks = test_values(connection, export.source)
    for one in made:
        used = {line.value for line in one.columns if line.key == "is_test"}
        left = {heading: values for heading, values in marks.items() if heading not in used}
        if left:
            one.settings.append(Line("leave_out", left, "rows marked as tests"))


def _say_unused(export: Export, made: list[Suggested]) -> None:
    used = {h for one in made for line in one.columns for h in _headings_in(line.value)}
    if len(export.headings) > len(export.looks):
        made[0].why.append(
            f"Only the first {len(export.looks)} of its {len(export.headings):,} columns were looked at."
        )
    opened = tuple(TABLES[one.table].open_columns for one in made if TABLES[one.table].open_columns)
    rest = [h for h in shown_headings(export.source) if h not in used and not h.startswith(opened or ("\0",))]
    made[0].unused = rest


def _headings_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return value
    found = [h for one in value.values() if isinstance(one, list) for h in one]
    return found + str(value.get("text", "")).replace("}", "{").split("{")[1::2]


def all_rows(export: Export) -> str:
    """How many rows of how many files an export has, in words."""
    files = f" in {export.files} files" if export.files > 1 else ""
    return f"{export.rows:,} row{'' if export.rows == 1 else 's'}{files}"
