"""People leave the tables: pseudonyms for ids, the vault for identities, and one row for one person."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.client import Client
from crmlib.contract import TABLES
from crmlib.engine import identifier
from crmlib.intake import rules
from crmlib.intake.accept import REASON
from crmlib.intake.quarantine import MERGES, QUARANTINE
from crmlib.intake.shape import FREE_TEXT

IDENTITIES = ("name", "email", "phone", "address")
_PIECE = 6
_SHOWN_ROWS = 20


@dataclass
class People:
    """The customers of one reading: who each is in the tables. Made by :func:`know_people`.

    The DuckDB table ``people`` holds ``customer_id`` (as in the exports), ``pseudonym``, and ``shown``: the pseudonym
    of the person with whom the customer was merged, or the customer's own. ``identities``: whether names, addresses
    and numbers of people were read.
    """

    connection: Any
    client: Client
    account: dict[str, Any] = field(default_factory=dict)
    proposed: Any = None
    names: Any = None
    identities: bool = True

    def shown(self, name: str, rows: str, columns: Sequence[str]) -> str:
        """SQL of a table's rows as the workspace holds them: pseudonyms, masked words, no identity columns.

        Words that may be a known customer's name are counted in the account; see :meth:`_note_doubts`.
        """
        kept = [column for column in columns if column not in IDENTITIES]
        masked = "customer_id" in kept and any(column in FREE_TEXT for column in kept)
        words = [identifier(column) for column in kept if column in FREE_TEXT] if self.names else []
        for column in words:
            self._note_doubts(name, rows, column)
        # Whole names go before anything else: of a name whose parts are gone, nobody would know the rest.
        nameless = ", ".join(f"without_names({column}) AS {column}" for column in words)
        rows = f"SELECT * REPLACE ({nameless}) FROM ({rows})" if words else rows
        own = self._own_identities() if masked else {}
        naming = self._naming(name, rows, kept)
        cells = [self._cell(name, column, own, naming) for column in kept]
        joins = "LEFT JOIN people AS p ON p.customer_id = t.customer_id" if "customer_id" in kept else ""
        if own:
            joins += f" LEFT JOIN ({self._identities_of()}) AS i ON i.customer_id = t.customer_id"
        numbered = f"SELECT *, row_number() OVER () AS _n FROM ({rows})"
        return f"SELECT {', '.join(cells)} FROM ({numbered}) AS t {joins} ORDER BY t._n"

    def as_persons(self, rows: str) -> str:
        """SQL of rows with the id of the person into whom a customer is merged."""
        if not self.account.get("merged"):
            return rows
        return (
            f"SELECT t.* REPLACE (coalesce(m.merged_id, t.customer_id) AS customer_id) FROM ({rows}) AS t "
            "LEFT JOIN merges AS m ON m.customer_id = t.customer_id"
        )

    def _naming(self, table: str, rows: str, columns: Sequence[str]) -> set[str]:
        """The columns of ids and of things' names in which an address or a telephone stands: they name a person."""
        known = TABLES[table]
        ids = [
            column
            for column in columns
            if column in known.names
            and known[column].kind == "text"
            and not known[column].allowed
            and column not in ("customer_id", *FREE_TEXT)
        ]
        if not ids:
            return set()
        cells = {column: identifier(column) for column in ids}
        tests = ", ".join(f"bool_or({_telling(column, cell)})" for column, cell in cells.items())
        found = self.connection.execute(f"SELECT {tests} FROM ({rows})").fetchone()
        return {column for column, naming in zip(ids, found, strict=True) if naming}

    def _cell(self, table: str, column: str, own: Mapping[str, str], naming: set[str]) -> str:
        from crmlib.intake.identities.masking import mask_own, names_a_contact

        cell = f"t.{identifier(column)}"
        if column == "customer_id":
            return f"p.shown AS {identifier(column)}"
        kind = TABLES[table][column].kind if column in TABLES[table].names else "number"
        if kind != "text" or TABLES[table][column].allowed:
            return cell
        if column in FREE_TEXT:
            named = mask_own(cell, own) if own else cell
            return f"masked({named}) AS {identifier(column)}"
        if column in naming and not column.endswith("_id"):
            # A piece of the pseudonym keeps apart what was written differently: two shops stay two.
            apart = f"masked({cell}) || ' ' || left(pseudonym({cell}), {_PIECE})"
            return f"CASE WHEN {names_a_contact(cell)} THEN {apart} ELSE {cell} END AS {identifier(column)}"
        if column in naming:
            return f"CASE WHEN contains({cell}, '@') THEN pseudonym({cell}) ELSE {cell} END AS {identifier(column)}"
        return cell

    def _note_doubts(self, table: str, rows: str, column: str) -> None:
        """Count the texts in which a word stands that may be a known customer's name or an ordinary word, and where."""
        found = self.connection.execute(
            f"SELECT n FROM (SELECT row_number() OVER () AS n, {column} AS said FROM ({rows})) "
            "WHERE said IS NOT NULL AND names_in_doubt(said) > 0 ORDER BY n"
        ).fetchall()
        if found:
            at = [str(n) for (n,) in found[:_SHOWN_ROWS]] + ["…"] * (len(found) > _SHOWN_ROWS)
            listed = self.account.setdefault("names_in_doubt", [])
            listed.append({"table": table, "column": column.strip('"'), "texts": len(found), "rows": at})

    def _own_identities(self) -> dict[str, str]:
        known = self._identity_columns()
        return {column: f"i.{column}" for column in known}

    def _identity_columns(self) -> list[str]:
        if ("customers",) not in self.connection.execute("SHOW TABLES").fetchall():
            return []
        return [column for column in rules.names_of(self.connection, "customers") if column in IDENTITIES]

    def _identities_of(self) -> str:
        columns = ", ".join(f"arg_min({identifier(c)}, rowid) AS {c}" for c in self._identity_columns())
        return f"SELECT customer_id, {columns} FROM customers WHERE customer_id IS NOT NULL GROUP BY 1"


def know_people(connection: Any, client: Client, staged: Sequence[str]) -> People:
    """Give every customer of the staged tables a pseudonym, learn the names that texts may hold, and leave out who is
    to be forgotten.

    Raises:
        UnusableInput: the vault's key is nowhere or is another one.
    """
    from crmlib.intake.identities.known_names import install_names
    from crmlib.intake.identities.masking import install as install_masks
    from crmlib.intake.identities.vault import Vault
    from crmlib.intake.identities.vault_key import client_key

    install_masks(connection)
    people = give_pseudonyms(connection, client, staged)
    if any(column in FREE_TEXT for name in staged for column in rules.names_of(connection, name)):
        people.names = _known_names(people, Vault(client.folder, client_key(client.folder)))
        install_names(connection, people.names)
    return people


def give_pseudonyms(connection: Any, client: Client, staged: Sequence[str]) -> People:
    """Give every customer of the staged tables a pseudonym, and leave out who is to be forgotten.

    Raises:
        UnusableInput: the vault's key is nowhere or is another one.
    """
    from crmlib.intake.identities.pseudonyms import check_distinct, forgotten_sql, install
    from crmlib.intake.identities.vault import Vault
    from crmlib.intake.identities.vault_key import client_key

    key = client_key(client.folder)
    install(connection, key)
    having = [name for name in staged if "customer_id" in rules.names_of(connection, name)]
    ids = " UNION ALL ".join(f"SELECT customer_id FROM {identifier(name)}" for name in having)
    ids = ids or "SELECT NULL::VARCHAR AS customer_id"
    connection.execute(
        "CREATE TEMP TABLE people AS SELECT customer_id, pseudonym, pseudonym AS shown FROM "
        "(SELECT customer_id, pseudonym(customer_id) AS pseudonym FROM "
        f"(SELECT DISTINCT customer_id FROM ({ids}) WHERE customer_id IS NOT NULL))"
    )
    check_distinct(connection, "people")
    forgotten = Vault(client.folder, key).forgotten()
    if forgotten:
        ids = f"SELECT customer_id FROM people WHERE {forgotten_sql('pseudonym', forgotten)}"
        rules.set_aside_people(connection, staged, ids, rules.FORGOTTEN)
    open_to_others = os.name == "posix" and bool(client.folder.stat().st_mode & 0o077)
    account = {"key": key.where, "people": _count(connection, "people"), "open_to_others": open_to_others}
    return People(connection, client, account)


def _known_names(people: People, vault: Any) -> Any:
    """The names of all customers, of these exports and of earlier ones."""
    from crmlib.intake.identities.known_names import KnownNames

    before = vault.read("mask the names of earlier customers")
    found = before["name"].to_pylist() if "name" in before.column_names else []
    if "name" in people._identity_columns():
        found += [name for (name,) in people.connection.execute("SELECT DISTINCT name FROM customers").fetchall()]
    said = people.client.known_names
    return KnownNames((str(name) for name in found if name), mask=said.mask, keep=said.keep)


def _telling(column: str, cell: str) -> str:
    """SQL of whether a cell of an id or of a thing's name tells who somebody is; order numbers may look like any."""
    from crmlib.intake.identities.masking import names_a_contact

    return f"contains({cell}, '@')" if column.endswith("_id") else names_a_contact(cell)


def find_duplicates(people: People, rows: str) -> int:
    """Look for customers who are one person, and merge those that a reviewed rule or list names.

    What is found goes to the account in numbers, and to ``duplicates.csv`` beside the client's YAML for review.
    ``rows`` is SQL of the customers; of merged ones one row is made, in the table ``made_customers``. Answers how many
    customers are merged into another one.
    """
    from crmlib.intake.identities.duplicates import duplicates
    from crmlib.intake.identities.merging import merge_map, proposal_file

    connection, client = people.connection, people.client
    columns = rules.names_of(connection, "customers")
    known = [c for c in (*IDENTITIES, "birthday", "gender", "region", "city", "first_seen_at") if c in columns]
    listed = "".join(f", {identifier(column)}" for column in known)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW known_customers AS SELECT customer_id{listed} FROM customers "
        f"WHERE {REASON} = '' AND customer_id IS NOT NULL"
    )
    found = duplicates(
        connection,
        "known_customers",
        calling_code=client.calling_code,
        same_gmail=client.merge.same_gmail,
    )
    people.account["duplicates"] = {
        row["rule"]: {key: value for key, value in row.items() if key != "rule"} for row in found.counts.to_pylist()
    }
    people.account["duplicate_customers"] = len(set(found.pairs["customer_id"].to_pylist()))
    facts = ", ".join(["customer_id", *(c for c in known if c in ("first_seen_at", "birthday", "gender"))])
    customers = connection.sql(f"SELECT {facts} FROM known_customers").to_arrow_table()
    probable = None
    if client.merge.probable:
        from crmlib.intake.identities.matching import probable_pairs

        probable = probable_pairs(connection, "known_customers", calling_code=client.calling_code)
        people.account["probable_pairs"] = probable.num_rows
    if found.pairs.num_rows or (probable is not None and probable.num_rows):
        from crmlib.intake.identities.private import make_private

        make_private(client.folder / QUARANTINE)
        proposal_file(found.pairs, client.folder / QUARANTINE / MERGES, customers, probable=probable)
    people.proposed = merge_map(found.pairs, sorted(set(found.pairs["rule"].to_pylist())), None, customers)
    if client.merge.rules or client.merge.listed:
        path = client.folder / client.merge.listed if client.merge.listed else None
        merged = merge_map(found.pairs, client.merge.rules, path, customers, place=client.path.name)
        connection.register("merged", merged)
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE merges AS "
            "SELECT customer_id, merged_id FROM merged WHERE customer_id <> merged_id"
        )
        connection.unregister("merged")
        connection.execute(
            "UPDATE people SET shown = into_.pseudonym FROM merges, people AS into_ "
            "WHERE people.customer_id = merges.customer_id AND into_.customer_id = merges.merged_id"
        )
        people.account["merged"] = _count(connection, "merges")
        people.proposed = connection.sql("SELECT * FROM merges").to_arrow_table()
        if people.account["merged"]:
            _one_row_per_person(connection, people, rows)
    return people.account.get("merged", 0)


def note_effect(people: People, orders: str) -> None:
    """Put to the account what merging does to the numbers, or what it would do if nothing is merged yet.

    ``orders`` is SQL of the orders with the customers' own ids.
    """
    from crmlib.intake.identities.merging import merge_effect

    connection = people.connection
    if people.proposed is None or not people.proposed.num_rows:
        return
    connection.execute(f"CREATE OR REPLACE TEMP VIEW orders_before AS {orders}")
    customers = connection.sql("SELECT customer_id FROM known_customers").to_arrow_table()
    effect = merge_effect(connection, people.proposed, "orders_before", customers)
    people.account["merge_effect"] = effect.to_pylist()


def _one_row_per_person(connection: Any, people: People, rows: str) -> None:
    """One row of customers per person: what the one who stays has, and the first that is filled of the others.

    A consent counts only if none of them has refused it.
    """
    described = [column for column, *_ in connection.execute(f"DESCRIBE {rows}").fetchall()]
    kept = [column for column in described if column != "customer_id" and not column.startswith("_same")]
    cells = ", ".join(
        f"bool_and({identifier(column)}) AS {identifier(column)}"
        if column.startswith("consent_")
        else f"arg_min({identifier(column)}, _rank) AS {identifier(column)}"
        for column in kept
    )
    ranked = (
        f"SELECT t.*, t._n * (t.customer_id <> coalesce(m.merged_id, t.customer_id))::BIGINT AS _rank, "
        "coalesce(m.merged_id, t.customer_id) AS _person "
        f"FROM (SELECT *, row_number() OVER () AS _n FROM ({rows})) AS t "
        "LEFT JOIN merges AS m ON m.customer_id = t.customer_id"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE persons AS SELECT _person AS customer_id, {cells} FROM ({ranked}) "
        "GROUP BY _person ORDER BY min(_n)"
    )
    connection.execute("DROP TABLE IF EXISTS made_customers")
    connection.execute("ALTER TABLE persons RENAME TO made_customers")


def keep_identities(people: People, path: Path) -> None:
    """Put names, addresses and numbers of all customers, with their ids, into the vault; keep those of earlier runs.

    ``path`` is the client's folder.

    Raises:
        UnusableInput: the vault cannot be written, or has another key.
    """
    import pyarrow as pa

    from crmlib.intake.identities.vault import Vault
    from crmlib.intake.identities.vault_key import client_key

    columns = people._identity_columns()
    cells = "".join(f", i.{column}" for column in columns)
    join = f"LEFT JOIN ({people._identities_of()}) AS i USING (customer_id)" if columns else ""
    now = people.connection.sql(
        f"SELECT pseudonym, customer_id{cells} FROM people {join} ORDER BY pseudonym"
    ).to_arrow_table()
    vault = Vault(path, client_key(path))
    before = vault.read("keep the identities of earlier readings")
    if before.num_rows:
        people.connection.register("before", before)
        people.connection.register("now", now)
        now = people.connection.sql(
            "SELECT * FROM now UNION ALL BY NAME "
            "SELECT * FROM before WHERE pseudonym NOT IN (SELECT pseudonym FROM now) ORDER BY pseudonym"
        ).to_arrow_table()
    texts = [column if pa.types.is_string(column.type) else column.cast(pa.string()) for column in now.columns]
    vault.write(pa.table(dict(zip(now.column_names, texts, strict=True))), "take in")


def _count(connection: Any, relation: str) -> int:
    return connection.execute(f"SELECT count(*) FROM {relation}").fetchone()[0]
