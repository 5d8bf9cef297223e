"""What only a person can say of tables that look right: credit notes, cents, stand-ins, keys of another system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmlib.contract import TABLES
from crmlib.engine import identifier
from crmlib.intake.lookups import DIGITS, comparable
from crmlib.intake.repairs.cells import matches
from crmlib.intake.source import FILE, ROW
from crmlib.words import Saying, Words

words = Words(__file__)

MOSTLY_LOST = 0.9
MOSTLY = 0.5
TIMES_OF_CENTS = 10
"""A cost of 30 % of the amount is 30 times the amount where it stands in cents."""
STAND_IN_SHARE = 0.2
FEWEST_ORDERS = 20
FEWEST_AMOUNTS = 50
CENTS_FROM = 500
PRICE_ENDINGS = (0, 50, 90, 95, 98, 99)
ENDING_SHARE = 0.6
MASKED = "[*＊•]{2,}|^[^*＊]{1,3}[*＊]$|[xX]{4,}"
"""What a masked value looks like: 138****1234, 张*, XXXX1234. It tells nobody apart and cannot be called."""
MASKED_SHARE = 0.3
OUT_OF_LINE = 1000
"""So many times the amount of the middle order, and no order is believed without asking."""
NAMED = 3
_KEY = "{key}"
_OF_SALESFORCE = "^[a-zA-Z0-9]{15}([A-Z0-5]{3})?$"
"""An id of Salesforce: 15 characters in which small and capital letters differ, and three that check their case."""


def questions(
    connection: Any,
    made: Mapping[str, str],
    foreign_keys: Sequence[Mapping[str, Any]],
    *,
    fraction_digits: int,
    turned: Sequence[str] = (),
    calling_code: str = "",
) -> Iterator[tuple[str, Saying]]:
    """Table and question, for what may be right and would be a grave mistake if it is not.

    Args:
        connection: DuckDB.
        made: SQL of each table's rows.
        foreign_keys: of :func:`crmlib.intake.quality.foreign_keys`.
        fraction_digits: how many digits the client's currency has after the point; with none there are no cents.
        turned: columns of orders that stand with a minus in the export.
        calling_code: of the client's country, by which telephone numbers that are keys are compared.
    """
    if "orders" in made:
        columns = [column for column, *_ in connection.execute(f"DESCRIBE {made['orders']}").fetchall()]
        yield from _negative_orders(connection, made["orders"])
        yield from _free_orders(connection, made["orders"])
        yield from _largest(connection, made["orders"])
        if "refunded_amount" in columns:
            form = "difference" if "refunded_amount" in turned else "sum"
            yield from _more_refunded(connection, made["orders"], form)
        if "order_lines" in made and "order_id" in columns:
            yield from _lines_differ(connection, made["orders"], made["order_lines"], "discount" in columns)
        if fraction_digits:
            yield from _cents(connection, made["orders"])
        if "customer_id" in columns:
            yield from _stand_in(connection, made["orders"])
    for name, rows in made.items():
        if fraction_digits and name in ("orders", "order_lines"):
            yield from _cost_in_cents(connection, name, rows)
        yield from _masked_keys(connection, name, rows)
    for key in foreign_keys:
        if key["rows"] and key["lost"] >= MOSTLY_LOST * key["rows"]:
            yield key["table"], _other_keys(connection, made, key, calling_code)


def _negative_orders(connection: Any, rows: str) -> Iterator[tuple[str, Saying]]:
    negative, count, amount = connection.execute(
        f"SELECT count(*) FILTER (amount < 0), count(*), sum(amount) FILTER (amount < 0) FROM ({rows})"
    ).fetchone()
    if negative:
        yield "orders", words.later("questions.negative_orders", n=negative, all=count, amount=amount)


def _free_orders(connection: Any, rows: str) -> Iterator[tuple[str, Saying]]:
    free, count = connection.execute(f"SELECT count_if(amount = 0), count(*) FROM ({rows})").fetchone()
    if free:
        yield "orders", words.later("questions.free_orders", n=free, all=count)


def _largest(connection: Any, rows: str) -> Iterator[tuple[str, Saying]]:
    middle, count = connection.execute(f"SELECT median(amount), count(*) FROM ({rows}) WHERE amount > 0").fetchone()
    if count < FEWEST_ORDERS:
        return
    out_of_line = connection.execute(
        f"SELECT amount, {FILE}, {ROW} FROM ({rows}) WHERE amount >= ? ORDER BY 1 DESC, 3", [OUT_OF_LINE * middle]
    ).fetchall()
    if out_of_line:
        named = [words.later("places.amount", amount=a, file=f, row=r) for a, f, r in out_of_line[:NAMED]]
        said = {"n": len(out_of_line), "times": OUT_OF_LINE, "middle": middle, "named": named}
        yield "orders", words.later("questions.largest", **said)


def _more_refunded(connection: Any, rows: str, form: str) -> Iterator[tuple[str, Saying]]:
    more, refunds = connection.execute(
        "SELECT count_if(refunded_amount > amount + 0.005 AND amount >= 0), count_if(refunded_amount > 0) "
        f"FROM ({rows})"
    ).fetchone()
    if more:
        yield "orders", words.later("questions.more_refunded", n=more, all=refunds, form=form)


def _lines_differ(connection: Any, orders: str, lines: str, discounted: bool) -> Iterator[tuple[str, Saying]]:
    """Orders whose lines add up neither to their amount nor to what it was before their discount."""
    off = "coalesce(o.discount, 0)" if discounted else "0"
    count, differ, whole, summed, hundred = connection.execute(
        f"SELECT count(*), count_if(d), sum(amount) FILTER (d), sum(lines) FILTER (d), count_if(d AND h) FROM ("
        f"SELECT o.amount, l.lines, l.n, {_unlike('l.lines')} AND {_unlike(f'l.lines - {off}')} AS d, "
        f"NOT {_unlike('l.lines / 100')} OR NOT {_unlike('l.lines * 100')} AS h FROM ({orders}) o "
        f"JOIN (SELECT order_id, sum(amount) AS lines, count(*) AS n FROM ({lines}) GROUP BY 1) l USING (order_id) "
        "WHERE o.amount > 0)"
    ).fetchone()
    if count >= FEWEST_ORDERS and differ > MOSTLY * count:
        said = {"n": differ, "all": count, "orders": whole, "lines": summed}
        why = "cents" if hundred > MOSTLY_LOST * differ else "open"
        yield "orders", words.later("questions.lines_differ", **said, why=why)


def _unlike(lines: str) -> str:
    """SQL: whether a sum of lines is another than the order's amount by more than the rounding of each line."""
    return f"abs({lines} - o.amount) > 0.0105 * l.n"


def _cost_in_cents(connection: Any, name: str, rows: str) -> Iterator[tuple[str, Saying]]:
    columns = [column for column, *_ in connection.execute(f"DESCRIBE {rows}").fetchall()]
    if not {"cost", "amount"} <= {*columns}:
        return
    count, above, times, whole = connection.execute(
        f"SELECT count(*), count_if(cost > amount), median(cost / amount), count_if(cost = trunc(cost)) FROM ({rows}) "
        "WHERE amount > 0 AND cost > 0"
    ).fetchone()
    if count >= FEWEST_ORDERS and above >= MOSTLY_LOST * count and whole == count and times >= TIMES_OF_CENTS:
        yield name, words.later("questions.cost_in_cents", n=above, all=count, times=round(times))


def _cents(connection: Any, rows: str) -> Iterator[tuple[str, Saying]]:
    endings = ", ".join(map(str, PRICE_ENDINGS))
    count, whole, ending, middle = connection.execute(
        f"SELECT count(*), count(*) FILTER (amount = trunc(amount)), "
        f"count(*) FILTER (abs(amount) % 100 IN ({endings})), median(abs(amount)) "
        f"FROM ({rows}) WHERE amount <> 0"
    ).fetchone()
    if count >= FEWEST_AMOUNTS and whole == count and ending >= ENDING_SHARE * count and middle >= CENTS_FROM:
        yield "orders", words.later("questions.cents", n=count)


def _stand_in(connection: Any, rows: str) -> Iterator[tuple[str, Saying]]:
    most, count = connection.execute(
        f"SELECT max(n), sum(n) FROM (SELECT count(*) AS n FROM ({rows}) WHERE customer_id IS NOT NULL "
        "GROUP BY customer_id)"
    ).fetchone()
    if most and most >= FEWEST_ORDERS and most >= STAND_IN_SHARE * count:
        yield "orders", words.later("questions.stand_in", n=most, all=count)


def _masked_keys(connection: Any, name: str, rows: str) -> Iterator[tuple[str, Saying]]:
    if "customer_id" not in TABLES[name].names:
        return
    columns = [column for column, *_ in connection.execute(f"DESCRIBE {rows}").fetchall()]
    if "customer_id" not in columns:
        return
    masked, count = connection.execute(
        f"SELECT count_if({matches('customer_id', MASKED)}), count(customer_id) FROM ({rows})"
    ).fetchone()
    if (masked or 0) > MASKED_SHARE * count:
        yield name, words.later("questions.masked_keys", n=masked, all=count)


def _other_keys(connection: Any, made: Mapping[str, str], key: Mapping[str, Any], calling_code: str) -> Saying:
    """A question about keys that are not there, compared with those that are as a join would compare them."""
    column = identifier(key["column"])
    there = "order_id" if key["into"] == "orders" else "lead_id" if key["into"] == "leads" else "customer_id"
    pairs = {
        "salesforce": f"CASE WHEN regexp_matches({_KEY}, '{_OF_SALESFORCE}') THEN left({_KEY}, 15) END",
        "other_keys_alike": DIGITS.format(comparable(_KEY, calling_code=calling_code or None)),
    }
    said = "questions.other_keys"
    for name, plain in reversed(pairs.items()):
        alike = connection.execute(
            f"SELECT count(*) FROM (SELECT DISTINCT {plain.replace(_KEY, column)} AS k FROM ({made[key['table']]})) "
            f"JOIN (SELECT DISTINCT {plain.replace(_KEY, there)} AS k FROM ({made[key['into']]})) USING (k)"
        ).fetchone()[0]
        said = f"questions.{name}" if alike >= 0.5 * key["keys"] else said
    return words.later(
        said, n=key["lost"], all=key["rows"], column=key["column"], table=key["into"], about=key["table"]
    )
