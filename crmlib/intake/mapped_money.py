"""Money as a client's YAML maps it, tested against the further columns of the same files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crmlib.contract import Table
from crmlib.engine import identifier
from crmlib.intake.reasons import words
from crmlib.intake.repairs import Habits
from crmlib.intake.shape import fillings_of, present
from crmlib.intake.source import Source
from crmlib.mapping import Filling, TableSource
from crmlib.words import Saying


def contradicted(
    connection: Any, table: Table, wanted: TableSource, sources: Sequence[Source], habits: Habits
) -> Iterator[Saying]:
    """What the data say against the columns that are taken as paid, as discount and as refund: a question each."""
    from crmlib.intake.money import PRODUCT, Parts, judged, numbers_under
    from crmlib.intake.proposal.tested_money import called_like_money

    fillings = fillings_of(table, wanted, list(sources[0].types))
    amount, discount, refund = (_single(fillings, n, sources[0]) for n in ("amount", "discount", "refunded_amount"))
    pieces = fillings["amount"].product or []
    if len(pieces) == 2 and not fillings["amount"].less:
        amount = PRODUCT
    if not amount:
        return
    mapped = {h for n, f in fillings.items() if n not in ("amount", "discount", "refunded_amount", "unit_price",
              "quantity") for h in present(f, sources[0])}  # fmt: skip
    free = _may_be_money(connection, sources[0], [h for h in sources[0].types if h not in mapped])
    named = called_like_money(free)
    quantity, price = pieces if amount == PRODUCT else (named.quantity, named.price)
    parts = Parts(
        amount=amount,
        quantity=sources[0].heading(quantity) or "",
        price=sources[0].heading(price) or "",
        discount=discount or named.discount,
        refund=refund,
        postage=named.postage,
        others=tuple(free),
        paid_words=named.paid_words,
        off_words=named.off_words,
    )
    verdict = judged(numbers_under(connection, sources, parts.headings, habits), parts)
    given = words.later("money.product", quantity=f"'{quantity}'", price=f"'{price}'")
    shown = given if amount == PRODUCT else f"'{amount}'"
    evidence = verdict.evidence[0] if verdict.evidence else ""
    if verdict.net_of_refund:
        form = next(iter(verdict.amount or {"sum": []}))
        yield words.later("money.mapped.net", form=form, amount=shown, refund=f"'{refund}'", equation=evidence)
    elif verdict.amount is not None:
        yield words.later("money.mapped.amount", given=shown, amount=f"'{verdict.amount}'", equation=evidence)
    if discount and verdict.form not in ("", "amount"):
        key = "rate" if evidence else "rate_by_content"
        yield words.later(f"money.mapped.{key}", discount=f"'{discount}'", equation=evidence)


def _single(fillings: dict[str, Filling], column: str, source: Source) -> str:
    """The one heading that fills a column as it stands; empty where several do, or a calculation."""
    filling = fillings.get(column)
    found = present(filling, source) if filling and filling.first and not filling.times else []
    return found[0] if len(found) == 1 else ""


def _may_be_money(connection: Any, source: Source, headings: Sequence[str]) -> list[str]:
    """Those of the headings under which the first rows are numbers, but for one in ten of what is filled."""
    asked = [h for h in headings if not (source.types[h].startswith(_NO_MONEY) or source.types[h].endswith("]"))]
    found: list[str] = []
    for first in range(0, len(asked), _AT_ONCE):
        together = asked[first : first + _AT_ONCE]
        cells = [f"trim(CAST({identifier(source.names[h])} AS VARCHAR)) AS c{n}" for n, h in enumerate(together)]
        shares = [
            f"count_if(regexp_matches(c{n}, '{_NUMBER}')) > 0.9 * count(nullif(c{n}, ''))" for n in range(len(together))
        ]
        rows = f"SELECT {', '.join(cells)} FROM ({source.sql}) LIMIT 1000"
        told = connection.execute(f"SELECT {', '.join(shares)} FROM ({rows})").fetchone()
        found += [heading for heading, numbers in zip(together, told, strict=True) if numbers]
    return found


_AT_ONCE = 250
"""Columns that are looked at in one reading of the rows."""
_NUMBER = "^[^0-9A-Za-z]{0,4}[0-9][0-9., ]*[^0-9A-Za-z]{0,3}$"
_NO_MONEY = ("DATE", "TIMESTAMP", "TIME", "BOOL", "STRUCT", "MAP", "BLOB")
