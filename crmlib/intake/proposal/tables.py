"""Which contract tables a file of no known system gives, and what fills their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from crmlib.contract import TABLES
from crmlib.intake.consents import turned
from crmlib.intake.proposal.content import values_of
from crmlib.intake.proposal.doubts import (
    ask_about_cents,
    ask_about_masked,
    ask_about_negative_amounts,
    ask_about_test_people,
    nearest_table,
)
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.fitting import DOUBTED, Fit, Match, by_content, fit, looks_in_words
from crmlib.intake.proposal.headings import PERHAPS, called_like, names_of, quoted
from crmlib.intake.proposal.line_money import CONSTANT, pieces_times_price, whose_amount, with_told_price
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
from crmlib.intake.proposal.suggestion import Line, Suggested
from crmlib.intake.proposal.tested_money import with_tested_money
from crmlib.intake.repairs.flags import CONSENT, says_no
from crmlib.intake.scales import doubt, question, seen_of
from crmlib.intake.shape import shown_headings
from crmlib.mapping import FILL_IN
from crmlib.words import Words

_say = Words(__file__).say

_OF_A_CUSTOMER = (
    "customer_id", "region", "city", "gender", "birthday", "industry", "name", "email", "phone", "address",
)  # fmt: skip
_OF_ORDERS = ("orders", "order_lines")
_WHO = ("name", "email", "phone", "address")
_BESIDE_PEOPLE = ("surveys", "tickets")
"""Tables whose files tell who the customers are, where they hold more than the customer's number."""
_CALLED = 1.5
_TOLD = 0.5
_ONE_EACH = 0.9
_MANY_EACH = 0.5
_LEAST_POINTS = 2.5
_MOST_ANSWERS = 20


def own_tables(
    connection: Any, export: Export, keys: Mapping[tuple[str, str], Match] | None = None
) -> tuple[list[Suggested], list[str]]:
    """The contract tables that a file of no known system gives, and what a person has to decide about them.

    A file with a line per product gives orders, their lines and customers. Otherwise the table whose columns are best
    found; beside orders also customers, which are not `main`: another file may have them. ``keys`` are the columns that
    are keys by the values which files share. Where there is no table, the reason stands alone.
    """
    if export.source.numbered:
        return _without_headings(connection, export)
    fits = {name: _completed(with_keys(fit(table, export.looks), keys or {})) for name, table in TABLES.items()}
    shared = {table for table, _ in keys or {}}
    ranked = sorted((f for f in fits.values() if f.matches), key=lambda f: -_points(f, export))
    usable = [f for f in ranked if f.complete and (f.table in shared or _told(f, export, fits))]
    decisions: list[str] = []
    if usable and _points(usable[0], export) >= _LEAST_POINTS:
        made = _tables(connection, export, fits, usable, decisions)
        _runner_up(ranked, made)
    else:
        made = _nearest(connection, export, ranked, fits, decisions)
    if made:
        _dates(export, made, decisions)
        _test_rows(connection, export, made)
        ask_about_masked(export, made, decisions)
        ask_about_test_people(connection, export, made, decisions)
        ask_about_cents(connection, export, made, decisions)
        _say_unused(export, made)
    return made, decisions


def _tables(
    connection: Any, export: Export, fits: Mapping[str, Fit], usable: list[Fit], decisions: list[str]
) -> list[Suggested]:
    # A file of orders may tell more about the buyers than about the orders.
    main = next((f for f in usable if usable[0].table == "customers" and _numbered_orders(f)), usable[0])
    if main.table == "customers" and not called_like(export.name, "customers"):
        # So may a list of leads, which holds people as well.
        main = next((f for f in usable if called_like(export.name, f.table)), main)
    usable.sort(key=lambda one: one is not main)
    if main.table in ("orders", "order_lines"):
        fits = {**fits, "order_lines": with_told_price(connection, export, fits["order_lines"])}
        tested = with_tested_money(connection, export, fits)
        fits = tested.fits
        main, usable = fits[main.table], [fits[one.table] for one in usable]
        decisions += tested.decisions
    lined = fits["order_lines"].complete and (
        main.table == "order_lines" or (main.table == "orders" and fits["order_lines"].has("product_id", "quantity"))
    )
    if lined:
        made = _line_level(connection, export, fits, decisions)
    elif main.table == "surveys":
        made = _surveys(connection, export, main, decisions)
    else:
        made = [_suggested(connection, export, main, decisions)]
        made += _second_choice(connection, export, usable, decisions)
        if main.table == "orders":
            made += _several_rows(connection, export, fits, made[0])
        ask_about_negative_amounts(connection, export, main, decisions)
    if made[0].table in (*_OF_ORDERS, *_BESIDE_PEOPLE):
        made += _customers(connection, export, fits, made[0].table)
    return made


def _tells(found: Fit, export: Export) -> list[str]:
    """The columns by which a table can be told that a heading names surely; a customer's number where it is unique."""
    sure = [c for c in names_of(found.table).tells if c in found.matches and found.matches[c].score > PERHAPS]
    if found.table == "customers" and "customer_id" in sure:
        key = export.looks[found.matches["customer_id"].headings[0]]
        sure = sure if key.unique >= _ONE_EACH else [c for c in sure if c != "customer_id"]
    return sure


def _numbered_orders(found: Fit) -> bool:
    match = found.matches.get("order_id")
    return found.table == "orders" and match is not None and match.score > PERHAPS


def _told(found: Fit, export: Export, fits: Mapping[str, Fit]) -> bool:
    """Whether anything speaks for this very table, rather than for any table with a number and a date."""
    key = found.heading("customer_id") if found.table == "customers" else ""
    if key and export.looks[key].unique < _MANY_EACH:
        # A list of contacts or bookings is called after the customers as well.
        return False
    tells = _tells(found, export)
    if tells == ["customer_id"] and any(_has_own_key(one, key) for one in fits.values()):
        # The customer stands beside records that have a number of their own.
        tells = []
    return called_like(export.name, found.table) or bool(tells)


def _has_own_key(found: Fit, customer: str) -> bool:
    """Whether a heading other than the customer's surely names the number of a table's rows."""
    match = found.matches.get(TABLES[found.table].key or "")
    return match is not None and match.score > PERHAPS and found.table != "customers" and customer not in match.headings


def _points(found: Fit, export: Export) -> float:
    called = _CALLED if called_like(export.name, found.table) else 0.0
    return found.points + called + _TOLD * len(_tells(found, export))


def _nearest(
    connection: Any, export: Export, ranked: list[Fit], fits: Mapping[str, Fit], decisions: list[str]
) -> list[Suggested]:
    """The tables that a file comes nearest to, with what was found and the gaps to be filled in, and why.

    The second is commented out, and so is the first where it holds less than half of what its table needs.
    """
    near = [f for f in ranked if f.has_required][:2]
    if not near:
        decisions.append(_say("decide.no_table", file=export.shown))
        return []
    made = [_suggested(connection, export, _doubted(f), decisions if f is near[0] else []) for f in near]
    for one, found in zip(made, near, strict=True):
        there = sum(name in found.matches for name in TABLES[found.table].required)
        one.off = one is not made[0] or 2 * there < len(TABLES[found.table].required)
        one.main = one is made[0]
        one.why = [nearest_table(found)]
    decisions.insert(0, _say("decide.near_table", file=export.shown, nearest=made[0].why[0], mark=FILL_IN))
    if len(made) > 1:
        made[0].why.append(_say("found.runner_up", table=near[1].table))
    if made[0].table == "orders":
        _several_rows(connection, export, fits, made[0])
    return made


def _without_headings(connection: Any, export: Export) -> tuple[list[Suggested], list[str]]:
    """A draft for a file without headings: its columns by number, what each looks like, and what has to be filled in.

    Of the tables that its columns could be, the one that the file is called like, else the one that they fill most of.
    """
    fits = [by_content(table, export.looks) for table in TABLES.values()]
    found = max(fits, key=lambda one: (called_like(export.name, one.table), _share_filled(one), one.points))
    made = _suggested(connection, export, found, [], why=_say("found.numbered"))
    made.headings = [Line(heading, "", looks_in_words(export.looks[heading])) for heading in export.looks]
    made.unused = []
    said = {"file": export.shown, "n": len(export.headings), "table": found.table, "mark": FILL_IN}
    decisions = [_say("decide.numbered", said)]
    _dates(export, [made], decisions)
    return [made], decisions


def _share_filled(found: Fit) -> float:
    """Which share of a table's required columns something could fill; of customers that nobody is told by, none."""
    required = TABLES[found.table].required
    if found.table == "customers" and not found.has_any(*_WHO):
        return 0.0
    return sum(name in found.matches for name in required) / len(required)


def _doubted(found: Fit) -> Fit:
    """A fit of a table that is not certain: no column of it is surer than the table."""
    required = TABLES[found.table].required
    most = min(DOUBTED, sum(found.matches[c].score for c in required if c in found.matches) / len(required))
    return Fit(found.table, {
        name: replace(m, score=min(most, m.score), rivals=tuple((h, min(most, s), why) for h, s, why in m.rivals))
        for name, m in found.matches.items()
    })  # fmt: skip


def _runner_up(ranked: list[Fit], made: list[Suggested]) -> None:
    """Name the next best table of which something required is there."""
    given = {one.table for one in made}
    other = next((f for f in ranked if f.table not in given and f.has_required), None)
    if other:
        lacks = [name for name in TABLES[other.table].required if name not in other.matches]
        made[0].why.append(
            _say("found.runner_up_lacks" if lacks else "found.runner_up", table=other.table, lacks=lacks)
        )


def _completed(found: Fit) -> Fit:
    """Columns that others make up: a line's amount from pieces and price, a product without code by its name."""
    matches = dict(found.matches)
    if found.table == "surveys" and "kind" not in matches and "score" in matches:
        matches["kind"] = Match("kind", {"constant": ""}, 60.0, "")
    if found.table == "order_lines":
        if "product_id" not in matches and found.heading("product_name"):
            reason = _say("reasons.name_is_code")
            matches["product_id"] = Match("product_id", found.heading("product_name"), 65.0, reason, check=True)
        if "amount" not in matches and found.heading("quantity") and found.heading("unit_price"):
            matches["amount"] = pieces_times_price(found)
    return Fit(found.table, matches)


# A table as it is written


def _suggested(connection: Any, export: Export, found: Fit, decisions: list[str], *, why: str = "") -> Suggested:
    table = TABLES[found.table]
    missing = [name for name in table.required if name not in found.matches]
    required = [found.matches[name].score for name in table.required if name not in missing]
    confidence = round(sum(required) / len(table.required), 0)
    called = "found.and_called" if called_like(export.name, found.table) else "found.columns"
    open_columns = [name for name in table.required if name in missing or found.matches[name].rivals]
    said = {"why": why or _say(called, columns=list(table.required)), "sure": confidence / 100, "open": open_columns}
    reason = _say("found.open" if open_columns else "found.sure", said)
    made = Suggested(found.table, export, [reason], confidence=confidence)
    for name in table.names:
        match = found.matches.get(name)
        if name in missing:
            made.columns.append(Line(name, FILL_IN, _say("notes.fill_in", about=table.about(name))))
        if match is None:
            continue
        # A heading of the column's own name would be taken unasked.
        own_name = bool(match.rivals) and (table[name].required or export.source.heading(name) is not None)
        made.columns += _lines(match, blocked=own_name)
        values = {"table": found.table, "column": name, "file": export.shown}
        if match.rivals:
            place = _say("places.required" if name in table.required else "places.column", values)
            rivals = quoted(heading for heading, _, _ in match.rivals)
            key = "decide.write" if own_name else "decide.uncomment"
            decisions.append(_say(key, place=place, headings=rivals, mark=FILL_IN))
        elif match.check:
            fillings = quoted(match.headings) or [str(match.filling)]
            decisions.append(_say("decide.check", values, headings=fillings, why=match.reason))
        if match.decided and table[name].allowed and match.headings:
            _map_values(connection, made, name, match.headings[0], decisions)
        if match.decided and name.startswith(CONSENT) and match.headings and says_no(match.headings[0]):
            _turn_consent(connection, made, name, match.headings[0], decisions)
    made.open_columns = tuple(open_columns)
    made.key = found.heading(table.key) if table.key else ""
    keyed = found.matches.get(table.key or "")
    made.keyed_by = tuple(keyed.headings) if keyed and keyed.decided else ()
    if made.key and table.key and made.table != "orders":
        _repeated_key(export, made, table.key, decisions)
    return made


def _lines(match: Match, *, blocked: bool) -> list[Line]:
    """The lines of a column. ``blocked``: nothing is read until it is decided."""
    if match.rivals:
        block = [Line(match.column, FILL_IN, _say("notes.between"))] if blocked else []
        return block + [
            Line(match.column, h, _say("notes.rival", why=why, sure=score / 100), off=True)
            for h, score, why in match.rivals
        ]
    reason = _say("notes.check" if match.check else "notes.sure", why=match.reason, sure=match.score / 100)
    return [Line(match.column, match.filling, reason)]


def _repeated_key(export: Export, made: Suggested, column: str, decisions: list[str]) -> None:
    looks = export.looks[made.key]
    if looks.distinct < looks.filled and not made.settings:
        repeated = looks.filled - looks.distinct
        decisions.append(_say("decide.repeated_key", table=made.table, file=export.shown, n=repeated, column=column))


def _map_values(connection: Any, made: Suggested, column: str, heading: str, decisions: list[str]) -> None:
    allowed = TABLES[made.table][column].allowed
    if made.export.looks[heading].person:
        return
    mapped = mapped_values(connection, made.export.source, heading, f"{made.table}.{column}", allowed)
    values = {"table": made.table, "column": column, "file": made.export.shown, "choice": allowed}
    if not mapped.counted:
        decisions.append(_say("decide.many_values", values, heading=heading))
        return
    lines = [Line(old, new) for old, new in mapped.known.items()]
    lines += [
        Line(old, "?", _say("notes.one_of", n=count, choice=allowed), off=True) for old, count in mapped.unknown.items()
    ]
    if lines:
        made.values[column] = lines
    if mapped.unknown:
        decisions.append(_say("decide.unknown_values", values, unknown=quoted(mapped.unknown)))


def _turn_consent(connection: Any, made: Suggested, column: str, heading: str, decisions: list[str]) -> None:
    """Turn the words under a heading such as Email Opt Out, and have it confirmed."""
    found = values_of(connection, made.export.source, heading, most=_MOST_ANSWERS) or []
    made.values[column] = [Line(old, new) for old, new in turned([value for value, _ in found]).items()]
    said = {"table": made.table, "column": column, "file": made.export.shown, "heading": heading}
    decisions.append(_say("decide.consent_turned", said))


def _several_rows(connection: Any, export: Export, fits: Mapping[str, Fit], orders: Suggested) -> list[Suggested]:
    """Put orders together that take up several rows, though no column was taken for their products; the lines' gaps."""
    found = fits["orders"]
    order_id = found.heading("order_id")
    if not order_id or export.looks[order_id].unique == 1:
        return []
    same = [h for name in ("ordered_at", "customer_id", "status") if (h := found.heading(name))]
    shares = [constant_within(connection, export.source, order_id, heading) for heading in same]
    if any(share is None or share <= CONSTANT for share in shares):
        return []
    orders.settings.append(Line("one_row_per", "order_id"))
    added = _of_lines(connection, export, found, order_id, ("amount", *_FURTHER_MONEY))
    if added:
        orders.settings.append(Line("adds_up", added))
    if not fits["order_lines"].matches.keys() & {"product_id", "product_name", "quantity"}:
        return []
    lines = _suggested(connection, export, fits["order_lines"], [])
    lines.off, lines.main = True, False
    return [lines]


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
    decisions.append(_say("decide.which_table", file=export.shown, first=first.table, second=second.table))
    return [other]


# Files with a line per product


def _line_level(connection: Any, export: Export, fits: Mapping[str, Fit], decisions: list[str]) -> list[Suggested]:
    """Order lines, and the orders put together from them."""
    lines, orders = fits["order_lines"], fits["orders"]
    lines, orders, total = whose_amount(connection, export, lines, orders)
    lines = with_told_price(connection, export, lines)
    order_id = lines.heading("order_id")
    made = []
    if orders.complete and order_id:
        looks = export.looks[order_id]
        why = _say("found.lines", n=looks.distinct, heading=order_id, rows=looks.filled)
        one = _suggested(connection, export, orders, decisions, why=why)
        one.settings.append(Line("one_row_per", "order_id"))
        added = ["amount"] if not total else []
        added += _of_lines(connection, export, orders, order_id, _FURTHER_MONEY)
        if added:
            one.settings.append(Line("adds_up", added))
        made.append(one)
    one = _suggested(connection, export, lines, decisions)
    one.main = not made
    made.append(one)
    _cancellations(connection, export, orders, lines, made, decisions)
    _not_products(connection, export, lines, made[-1], decisions)
    return made


_FURTHER_MONEY = ("discount", "cost", "refunded_amount")


def _of_lines(connection: Any, export: Export, orders: Fit, order_id: str, columns: Iterable[str]) -> list[str]:
    """The money of orders that differs between the lines of an order, so that it has to be added up."""
    money = [name for name in columns if orders.heading(name)]
    plain = [name for name in money if not _filling(orders, name)]  # What is worked out of pieces is the line's.
    shares = {
        name: constant_within(connection, export.source, order_id, orders.heading(name), least=1) for name in plain
    }
    return [name for name in money if (share := shares.get(name)) is None or share <= CONSTANT]


def _filling(found: Fit, column: str) -> dict[str, Any]:
    match = found.matches.get(column)
    return match.filling if match and isinstance(match.filling, dict) else {}


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
        decisions.append(_say("decide.returns", file=export.shown, n=below, heading=pieces))


def _not_products(connection: Any, export: Export, lines: Fit, made: Suggested, decisions: list[str]) -> None:
    product = lines.heading("product_id")
    if not product:
        return
    codes = odd_codes(connection, export.source, product, lines.heading("product_name"))
    sure = [one for one in codes if one.sure]
    if sure:
        examples = [f"{one.code} {one.called}".strip() for one in sure[:2]]
        reason = _say("notes.charges", examples=examples)
        made.settings.append(Line("not_products", [one.code for one in sure], reason))
    unsure = [one.code for one in codes if not one.sure]
    if unsure:
        made.settings.append(Line("not_products", unsure, _say("notes.other_shape"), off=True))
        listed = [*unsure[:6], *(["…"] if len(unsure) > 6 else [])]
        decisions.append(_say("decide.products", file=export.shown, codes=listed))


def _customers(connection: Any, export: Export, fits: Mapping[str, Fit], beside: str) -> list[Suggested]:
    """Customers out of a file of orders, answers or tickets: who they are stands beside each of them."""
    found = fits["customers"]
    theirs = [fits[name] for name in (_OF_ORDERS if beside in _OF_ORDERS else (beside,))]
    number = next((h for one in theirs if (h := one.heading(TABLES[one.table].key or "order_id"))), "")
    named = theirs[0].matches.get("customer_id")
    customer = found.matches.get("customer_id")
    if customer is None or customer.headings == [number]:
        customer = named
    if customer is None or not customer.decided or (beside in _BESIDE_PEOPLE and not found.has_any(*_WHO)):
        return []
    taken = {h for one in theirs for c, m in one.matches.items() for h in m.headings
             if c != "customer_id" and h != number and one.complete}  # fmt: skip
    matches = {
        name: match
        for name, match in found.matches.items()
        if name in _OF_A_CUSTOMER and not set(match.headings) & (taken - set(customer.headings))
    }
    matches["customer_id"] = named if named and named.decided else customer
    made = _suggested(connection, export, Fit("customers", matches), [], why=_say("found.beside", table=beside))
    for column in TABLES["customers"].columns:
        # The contract's own name fills a column unasked; here it would be theirs.
        if column.name not in matches and (taken_as := export.source.heading(column.name)):
            reason = _say("notes.of_the_record", heading=taken_as, table=beside)
            made.columns.append(Line(column.name, {"constant": ""}, reason))
    made.settings.append(Line("one_row_per", "customer_id"))
    made.main = False
    return [made]


# Surveys


def _surveys(connection: Any, export: Export, found: Fit, decisions: list[str]) -> list[Suggested]:
    """One source per question: each column of scores is one, unless a column says which question was asked."""
    score = found.matches.get("score")
    if score is None or not isinstance(found.matches["kind"].filling, dict):
        return [_suggested(connection, export, found, decisions)]
    made: list[Suggested] = []
    headings = score.headings
    kinds: list[str] = []
    for heading in headings:
        kind, reason, certain = score_kind(heading, export.looks[heading])
        kinds.append(kind)
        decisions += _scale(export, kind, heading)
        matches = dict(found.matches)
        why = {h: w for h, _, w in score.rivals}.get(heading, score.reason)
        matches["score"] = Match("score", heading, score.score, why)
        matches["kind"] = Match("kind", {"constant": kind}, 100.0 if certain else 70.0, reason, check=not certain)
        response = found.heading("response_id")
        if len(headings) > 1 and response and not set(response) & set("{}"):
            again = f"-{kinds.count(kind)}" if kinds.count(kind) > 1 else ""
            text = f"{{{response}}}-{kind}{again}"
            matches["response_id"] = Match("response_id", {"text": text}, 90.0, _say("reasons.answer_a_row"))
        made.append(_suggested(connection, export, Fit("surveys", matches), decisions))
        made[-1].main = heading == headings[0]
    if len(set(kinds)) < len(kinds):
        decisions.append(_say("decide.same_question", file=export.shown))
    return made


def _scale(export: Export, kind: str, heading: str) -> list[str]:
    """A question where the answers under a heading are hardly of the scale of their kind."""
    looks = export.looks[heading]
    seen = seen_of(kind, looks.scores)
    found = doubt(kind, seen, heading)
    return [str(question(found, kind, seen, heading, [export.shown]))] if found else []


# What holds for all tables of a file


def _dates(export: Export, made: Iterable[Suggested], decisions: list[str]) -> None:
    for one in made:
        if one.off and one.open_columns:
            continue
        timed = {c.name for c in TABLES[one.table].columns if c.kind in ("time", "date")}
        lines = [line for line in one.columns if line.key in timed and not line.off and isinstance(line.value, str)]
        looks = [export.looks[line.value] for line in lines if line.value in export.looks]
        order, reason = day_or_month(looks)
        if order == "?":
            one.settings.append(Line("dates", "day first", _say("notes.day_or_month"), off=True))
            decisions.append(_say("decide.day_or_month", table=one.table, file=export.shown))
        elif order:
            one.settings.append(Line("dates", order, reason))


def _test_rows(connection: Any, export: Export, made: Iterable[Suggested]) -> None:
    marks = test_values(connection, export.source)
    for one in made:
        used = {line.value for line in one.columns if line.key == "is_test"}
        left = {heading: values for heading, values in marks.items() if heading not in used}
        if left:
            one.settings.append(Line("leave_out", left, _say("notes.marked_tests")))


def _say_unused(export: Export, made: list[Suggested]) -> None:
    used = {h for one in made for line in one.columns for h in _headings_in(line.value)}
    if len(export.headings) > len(export.looks):
        made[0].why.append(_say("found.first_columns", n=len(export.looks), whole=len(export.headings)))
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
    return _say("rows.in_files" if export.files > 1 else "rows.alone", n=export.rows, files=export.files)
