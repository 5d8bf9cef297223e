"""Keyed pseudonyms: the same person has the same one in every run of a client, and another one at another client."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from typing import Any

from crmlib.engine import identifier
from crmlib.engine.statements import Statements
from crmlib.intake.identities.vault_key import Key
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)

_LENGTH = 16
_BLOCK = 64
_WRITTEN = re.compile(f"P[0-9a-f]{{{_LENGTH}}}")


def pseudonym(key: Key, customer_id: str) -> str:
    """The pseudonym of a customer's own id: ``P`` and the first 16 hexadecimal characters of its HMAC-SHA256.

    The macro of :func:`install` answers the same inside DuckDB. Source: RFC 2104.

    >>> pseudonym(Key("a1", "nowhere", bytes(32)), "张三-1")
    'P254489601ea29b6b'
    """
    return "P" + hmac.new(key.derived("pseudonyms"), customer_id.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym.

    >>> is_pseudonym("P0123456789abcdef"), is_pseudonym("P42")
    (True, False)
    """
    return _WRITTEN.fullmatch(text) is not None


def install(connection: Any, key: Key) -> None:
    """Create the macro ``pseudonym(customer_id)`` for this DuckDB connection only; an empty id (NULL) stays empty.

    The macro is HMAC-SHA256 written out in SQL, so that millions of ids never pass through Python. It holds what
    the pseudonyms' key was turned into; it is temporary and never reaches a database file.
    """
    block = key.derived("pseudonyms").ljust(_BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block).hex() for pad in (0x36, 0x5C))
    if isinstance(connection, Statements):
        _install_on_spark(connection, inner, outer)
        return
    connection.execute(
        "CREATE OR REPLACE TEMP MACRO pseudonym(customer_id) AS 'P' || left(sha256(unhex('"
        + outer
        + "') || unhex(sha256(unhex('"
        + inner
        + f"') || encode(CAST(customer_id AS VARCHAR))))), {_LENGTH})"
    )


def _install_on_spark(statements: Statements, inner: str, outer: str) -> None:
    """The same on Spark, in a function that reads the key from a view of one row.

    So the key stands in no query: neither plans nor logs of events show what a row holds.
    """
    session = statements.session
    session.createDataFrame([(inner, outer)], "i string, o string").createOrReplaceTempView("crmlib_pads")
    pads = {name: f"(SELECT unhex({name}) FROM crmlib_pads)" for name in "io"}
    said = "encode(customer_id, 'UTF-8')"
    session.sql(
        "CREATE OR REPLACE TEMPORARY FUNCTION pseudonym(customer_id STRING) RETURNS STRING RETURN concat('P', left("
        f"sha2(concat({pads['o']}, unhex(sha2(concat({pads['i']}, {said}), 256))), 256), {_LENGTH}))"
    )


def check_distinct(connection: Any, relation: str, *, customer: str = "customer_id", shown: str = "pseudonym") -> int:
    """How many customers a relation has, after checking that each has one pseudonym and no two share one.

    Args:
        connection: DuckDB.
        relation: the relation's SQL name, with the ids and their pseudonyms.
        customer: the column of the ids.
        shown: the column of the pseudonyms.

    Raises:
        UnusableInput: two ids have the same pseudonym, or one id has two.
    """
    ids, shared = connection.execute(
        f"SELECT count(DISTINCT i), count(*) FILTER (n > 1) FROM ("
        f"SELECT p, any_value(i) AS i, count(DISTINCT i) AS n FROM "
        f"(SELECT {identifier(customer)} AS i, {identifier(shown)} AS p FROM {relation}) "
        "WHERE i IS NOT NULL GROUP BY p)"
    ).fetchone()
    all_ids, pairs = connection.execute(
        f"SELECT count(DISTINCT i), count(*) FROM (SELECT DISTINCT {identifier(customer)} AS i, "
        f"{identifier(shown)} AS p FROM {relation}) WHERE i IS NOT NULL"
    ).fetchone()
    problems = []
    if shared:
        problems.append(Problem.said(_WORDS, "pseudonyms.shared", _WORDS.say("pseudonyms"), n=shared))
    if pairs != all_ids:
        problems.append(Problem.said(_WORDS, "pseudonyms.several", _WORDS.say("pseudonyms"), n=pairs - all_ids))
    if problems:
        raise UnusableInput(problems)
    return int(ids)


def forgotten_sql(column: str, forgotten: Collection[str]) -> str:
    """The SQL condition that is true for rows of forgotten persons; ``column`` is the SQL of their pseudonym.

    >>> forgotten_sql("customer_id", {"P0123456789abcdef"})
    "coalesce(customer_id IN ('P0123456789abcdef'), false)"
    >>> forgotten_sql("customer_id", set())
    'false'
    """
    if strange := [name for name in forgotten if not is_pseudonym(name)]:
        raise ValueError(f"{len(strange)} texts that are no pseudonyms")
    listed = ", ".join(f"'{name}'" for name in sorted(forgotten))
    return f"coalesce({column} IN ({listed}), false)" if listed else "false"
