"""Which customers are one person under several ids, by keys that leave little doubt.

Works on the customers with their identities, inside intake only. What is answered holds customer ids, names of rules
and counts, no identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crmlib.intake.identities.contacts import (
    NEEDS,
    RULES,
    as_view,
    columns_of,
    keys,
    one_width,
    written_alike,
)
from crmlib.intake.identities.merging import clusters, merge_effect, merge_map, proposal_file

__all__ = ["Duplicates", "clusters", "duplicate_pairs", "duplicates", "merge_effect", "merge_map", "proposal_file"]

_PAIRS = "customer_id VARCHAR, duplicate_of VARCHAR, rule VARCHAR"
_SHARED = "rule VARCHAR, contact BIGINT, customer_id VARCHAR, customers BIGINT, why VARCHAR"
_COUNTS = (
    "rule VARCHAR, pairs BIGINT, contradicted BIGINT, shared_contacts BIGINT, sharing_customers BIGINT, "
    "without_evidence BIGINT, by_chance DOUBLE"
)


@dataclass(frozen=True)
class Duplicates:
    """Pairs of customers that are one person, and what was seen but not taken as evidence. All are Arrow tables.

    ``pairs``: ``customer_id, duplicate_of, rule``, one row per pair and rule; ``duplicate_of`` was seen first (of
    equals the smallest id). ``shared``: contacts of several people or of a role, ``rule, contact`` (a running
    number), ``customer_id, customers`` (how many share it), ``why``. ``counts``, one row per rule that could be looked
    for: ``pairs, contradicted`` (pairs taken out), ``shared_contacts, sharing_customers, without_evidence`` (customers
    whose cell is filled with what proves nothing: masked, made up, no full name), ``by_chance`` (pairs that would
    agree by chance alone; empty where that cannot be said).
    """

    pairs: Any
    shared: Any
    counts: Any


def duplicate_pairs(connection: Any, relation: Any, **options: Any) -> Any:
    """Which customers are one person: ``customer_id, duplicate_of, rule`` (Arrow). Options as in :func:`duplicates`.

    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> customers = connection.sql("SELECT unnest(['a', 'b']) AS customer_id, unnest(['L@x.com ', 'l@x.com']) AS email")
    >>> duplicate_pairs(connection, customers).to_pylist()
    [{'customer_id': 'b', 'duplicate_of': 'a', 'rule': 'same_email'}]
    """
    return duplicates(connection, relation, **options).pairs


def duplicates(
    connection: Any, relation: Any, *, calling_code: str = "86", most_sharing: int = 5, same_gmail: bool = False
) -> Duplicates:
    """Which customers are one person, which contacts are shared by several, and which pairs contradict themselves.

    Args:
        connection: DuckDB (raw).
        relation: name of a table or view, DuckDB relation, Arrow table or frame: ``customer_id`` and any of ``name,
            email, phone, address, birthday, gender, city, first_seen_at``.
        calling_code: of the country whose numbers are written without one.
        most_sharing: what more customers than this have in common is no evidence but a shared contact.
        same_gmail: Gmail addresses that differ in dots and ``+…`` only are one.

    A pair with different birthdays or genders, both known, is taken out (for the same name and address a different
    city too), since exact repetitions can be different people. A name alone is never a match.

    Raises:
        ValueError: the relation has no ``customer_id``.
    """
    with one_width(connection), as_view(connection, relation, "_customers_to_compare") as view:
        present = columns_of(connection, view)
        if "customer_id" not in present:
            raise ValueError("customers without customer_id cannot be compared")
        try:
            _prepare(connection, view, present)
            for rule in RULES:
                if set(NEEDS[rule]) <= present:
                    sql = keys(rule, "_written", calling_code=calling_code, same_gmail=same_gmail)
                    _look_for(connection, rule, sql, most_sharing)
            return _answer(connection)
        finally:
            _clear(connection)


def _prepare(connection: Any, view: str, present: set[str]) -> None:
    """Temporary tables: customers written alike, what is known of each, and the empty answers.

    Where one customer has several rows that disagree, the fact counts as not known.
    """
    connection.execute(f"CREATE TEMP TABLE _written AS {written_alike(view, present)}")
    facts = ", ".join(
        f"CASE WHEN min({fact}) = max({fact}) THEN min({fact}) END AS {fact}" for fact in ("birthday", "gender", "city")
    )
    connection.execute(
        f"CREATE TEMP TABLE _facts AS SELECT customer_id, min(first_seen) AS first_seen, {facts} "
        "FROM _written GROUP BY customer_id"
    )
    for name, columns in (("_pairs", _PAIRS), ("_shared", _SHARED), ("_counts", _COUNTS)):
        connection.execute(f"CREATE TEMP TABLE {name} ({columns})")


def _look_for(connection: Any, rule: str, keys_sql: str, most_sharing: int) -> None:
    """Add a rule's pairs, shared contacts and counts to the answers."""
    connection.execute(f"CREATE TEMP TABLE _keys AS {keys_sql}")
    connection.execute(
        f"""CREATE TEMP TABLE _members AS
        WITH groups AS (
            SELECT key, count(*) AS customers, min(customer_id) AS first_id,
                coalesce(min(set_apart), CASE WHEN count(*) > {int(most_sharing)}
                    THEN 'many' END) AS why
            FROM _keys GROUP BY key HAVING count(*) > 1
        )
        SELECT customer_id, key, customers, why, first_id FROM _keys JOIN groups USING (key)"""
    )
    connection.execute(
        f"""INSERT INTO _shared
        SELECT '{rule}', dense_rank() OVER (ORDER BY first_id, key), customer_id, customers, why
        FROM _members WHERE why IS NOT NULL"""
    )
    different_city = "OR coalesce(one.city <> other.city, false)" if rule == "same_name_and_address" else ""
    connection.execute(
        f"""CREATE TEMP TABLE _candidates AS
        WITH together AS (
            SELECT DISTINCT a.customer_id AS one_id, b.customer_id AS other_id
            FROM _members AS a JOIN _members AS b ON a.key = b.key AND a.customer_id < b.customer_id
            WHERE a.why IS NULL
        )
        SELECT one_id, other_id, other.first_seen IS NOT NULL
                AND (one.first_seen IS NULL OR other.first_seen < one.first_seen) AS other_first,
            coalesce(one.birthday <> other.birthday, false) OR coalesce(one.gender <> other.gender, false)
                {different_city}
                AS contradicted
        FROM together JOIN _facts AS one ON one.customer_id = one_id
        JOIN _facts AS other ON other.customer_id = other_id"""
    )
    connection.execute(
        f"""INSERT INTO _pairs
        SELECT CASE WHEN other_first THEN one_id ELSE other_id END,
            CASE WHEN other_first THEN other_id ELSE one_id END, '{rule}'
        FROM _candidates WHERE NOT contradicted"""
    )
    connection.execute(f"INSERT INTO _counts {_counts(rule)}")
    for name in ("_keys", "_members", "_candidates"):
        connection.execute(f"DROP TABLE {name}")


def _counts(rule: str) -> str:
    """SQL of the rule's row of counts.

    Pairs by chance: pairs of namesakes times the probability that two people share their day of birth.
    """
    filled = " AND ".join(f"has_{column}" for column in NEEDS[rule])
    chance = "NULL"
    if rule == "same_name_and_birthday":
        chance = """(
            SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM _keys GROUP BY split_part(key, chr(31), 1))
        ) * (
            SELECT sum(n * (n - 1)) / nullif(sum(n) * (sum(n) - 1), 0)
            FROM (SELECT count(*) AS n FROM _keys GROUP BY split_part(key, chr(31), 2))
        )"""
    return f"""
        SELECT '{rule}', (SELECT count(*) FROM _candidates WHERE NOT contradicted),
            (SELECT count(*) FROM _candidates WHERE contradicted),
            (SELECT count(DISTINCT key) FROM _members WHERE why IS NOT NULL),
            (SELECT count(DISTINCT customer_id) FROM _members WHERE why IS NOT NULL),
            (SELECT count(DISTINCT customer_id) FROM _written WHERE {filled})
                - (SELECT count(DISTINCT customer_id) FROM _keys),
            {chance}"""


def _answer(connection: Any) -> Duplicates:
    def table(sql: str) -> Any:
        return connection.sql(sql).to_arrow_table()

    return Duplicates(
        pairs=table("SELECT * FROM _pairs ORDER BY duplicate_of, customer_id, rule"),
        shared=table("SELECT * FROM _shared ORDER BY rule, contact, customer_id"),
        counts=table("SELECT * FROM _counts ORDER BY rule"),
    )


def _clear(connection: Any) -> None:
    """Nothing of the identities stays behind, also after an error."""
    for name in ("_written", "_facts", "_pairs", "_shared", "_counts", "_keys", "_members", "_candidates"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
