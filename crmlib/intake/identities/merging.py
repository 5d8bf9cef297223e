"""Merging customers that are one person: by reviewed rules or a reviewed list, as a map that can be taken back."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlib.intake.identities.contacts import RULES, as_view, birthday, columns_of, gender
from crmlib.problems import Problem, UnusableInput, nearest
from crmlib.words import Words

_WORDS = Words(__file__)

LIST_COLUMNS = ("customer_id", "merge_into", "decision")
_PROPOSAL = ("customer_id", "merge_into", "rules", "note", "decision")
_YES = ("yes", "y", "ja", "是")
_NO = ("no", "n", "nein", "否")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_LISTED = "listed"


@dataclass(frozen=True)
class _Decision:
    row: int
    customer_id: str
    merge_into: str
    yes: bool


def clusters(pairs: Any, customers: Any = None, *, limit: int = 10) -> Any:
    """Who is whom: all customers in ``pairs``, with the person that each is.

    Args:
        pairs: ``customer_id, duplicate_of``, as from :func:`~crmlib.intake.identities.duplicates.duplicate_pairs`.
        customers: Arrow table, frame or DuckDB relation: ``customer_id`` and any of ``first_seen_at, birthday,
            gender``; decides who was seen first, and that nobody has two birthdays.
        limit: larger clusters are not merged: too many people for one person (the phone of a shop).

    Returns:
        Arrow table ``customer_id, person`` (first seen, of equals the smallest id; oneself where the cluster is set
        apart), ``cluster`` (its first customer), ``customers`` (how many it has), ``set_apart`` (why it is not merged:
        ``too_many``, ``kept_apart``, ``birthdays``, ``genders``; else empty).

    >>> import pyarrow as pa
    >>> pairs = pa.table({"customer_id": ["b", "c"], "duplicate_of": ["a", "b"]})
    >>> clusters(pairs).select(["customer_id", "person"]).to_pylist()[-1]
    {'customer_id': 'c', 'person': 'a'}
    """
    edges = list(zip(*(pairs[name].to_pylist() for name in ("customer_id", "duplicate_of")), strict=True))
    return _clusters(edges, customers, limit=limit)


def _clusters(
    edges: Sequence[tuple[str, str]],
    customers: Any,
    *,
    limit: int,
    targets: Collection[str] = (),
    kept_apart: Iterable[tuple[str, str]] = (),
) -> Any:
    """As :func:`clusters`; ``targets`` are preferred as the person, pairs ``kept_apart`` are never in one cluster."""
    import duckdb
    import pyarrow as pa

    component = _components(edges)
    forbidden = {component[a] for a, b in kept_apart if a in component and component[a] == component.get(b)}
    connection = duckdb.connect()
    nodes = sorted(component)
    later = {one for one, _ in edges}
    table = pa.table(
        {
            "customer_id": pa.array(nodes, pa.string()),
            "component": pa.array([component[n] for n in nodes], pa.int64()),
            "later": pa.array([n in later for n in nodes], pa.bool_()),
            "target": pa.array([n in targets for n in nodes], pa.bool_()),
            "forbidden": pa.array([component[n] in forbidden for n in nodes], pa.bool_()),
        }
    )
    connection.register("nodes", table)
    with as_view(connection, customers if customers is not None else table, "customers") as view:
        return connection.sql(_clusters_sql(view, columns_of(connection, view), limit)).to_arrow_table()


def _clusters_sql(view: str, present: set[str], limit: int) -> str:
    def fact(column: str, sql: str) -> str:
        return sql if column in present else "NULL"

    return f"""
        WITH facts AS (
            SELECT CAST(customer_id AS VARCHAR) AS customer_id,
                min({fact("first_seen_at", "TRY_CAST(first_seen_at AS TIMESTAMP)")}) AS first_seen,
                min({fact("birthday", birthday("birthday"))}) AS born,
                min({fact("gender", gender("gender"))}) AS gender
            FROM {view} WHERE customer_id IN (SELECT customer_id FROM nodes) GROUP BY ALL
        ),
        described AS (
            SELECT nodes.*, count(*) OVER whole AS customers, count(DISTINCT born) OVER whole AS birthdays,
                count(DISTINCT gender) OVER whole AS genders,
                first_value(nodes.customer_id) OVER (
                    PARTITION BY component ORDER BY target DESC, first_seen NULLS LAST, later, nodes.customer_id
                ) AS first_one
            FROM nodes LEFT JOIN facts ON nodes.customer_id = facts.customer_id
            WINDOW whole AS (PARTITION BY component)
        ),
        judged AS (
            SELECT *, CASE
                WHEN customers > {int(limit)} THEN 'too_many'
                WHEN forbidden THEN 'kept_apart'
                WHEN birthdays > 1 THEN 'birthdays'
                WHEN genders > 1 THEN 'genders'
                ELSE '' END AS set_apart
            FROM described
        )
        SELECT customer_id, CASE WHEN set_apart = '' THEN first_one ELSE customer_id END AS person,
            first_one AS cluster, customers, set_apart
        FROM judged ORDER BY cluster, customer_id"""


def _components(edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The number of the connected component of each end of an edge."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = list(edges)
    place = {node: n for n, node in enumerate(sorted({node for edge in edges for node in edge}))}
    if not place:
        return {}
    rows = np.fromiter((place[a] for a, _ in edges), dtype=np.int64, count=len(edges))
    columns = np.fromiter((place[b] for _, b in edges), dtype=np.int64, count=len(edges))
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (rows, columns)), shape=(len(place), len(place)))
    labels = connected_components(graph, directed=False)[1]
    return {node: int(labels[n]) for node, n in place.items()}


def merge_map(
    pairs: Any,
    rules: Sequence[str] = (),
    listed: Path | None = None,
    customers: Any = None,
    *,
    limit: int = 10,
    place: str = "client.yaml",
) -> Any:
    """Which customer is merged into which, and why; applied to every ``customer_id`` at intake, so it can be undone.

    Args:
        pairs: ``customer_id, duplicate_of, rule``.
        rules: rules that a person has reviewed; none of them: only the list merges.
        listed: CSV ``customer_id, merge_into, decision``; ``yes`` merges, ``no`` keeps a pair apart against the rules,
            an empty decision is none. Other columns are for the reader.
        customers: as in :func:`clusters`, but all of them; with them ids in the list that nobody has are found.
        limit: as in :func:`clusters`; for the rules only, the list is believed.
        place: where rules and list are set, for messages.

    Returns:
        Arrow table ``customer_id, merged_id, reason``. Customers of a cluster that is set apart stand there with
        themselves as ``merged_id`` and the reason; who is merged into nobody else is not there.

    Raises:
        UnusableInput: an unknown rule, or a list that cannot be followed; every problem with its row, without ids.
    """
    problems = [
        Problem.said(_WORDS, "rule", place, "merge.rules", name=rule, nearest=nearest(rule, RULES))
        for rule in rules
        if rule not in RULES
    ]
    decisions, more = _read_list(listed) if listed else ([], [])
    problems += more
    known = None if customers is None else _known_ids(customers)
    problems += _objections(decisions, known, listed.name if listed else "")
    if problems:
        raise UnusableInput(problems)
    return _merge(pairs, rules, decisions, customers, limit)


def _merge(pairs: Any, rules: Sequence[str], decisions: Sequence[_Decision], customers: Any, limit: int) -> Any:
    import pyarrow as pa

    agreed = {d.customer_id: d.merge_into for d in decisions if d.yes}
    apart = [(d.customer_id, d.merge_into) for d in decisions if not d.yes]
    edges, reasons = _edges(pairs, rules, {frozenset(pair) for pair in apart})
    found = _clusters(
        [*edges, *agreed.items()], customers, limit=limit, targets=set(agreed.values()), kept_apart=apart
    ).to_pylist()
    rows = []
    for row in found:
        one, why = row["customer_id"], row["set_apart"]
        because = [*sorted(reasons.get(one, ())), *([_LISTED] if one in agreed else [])]
        if not why and row["person"] != one:
            rows.append((one, row["person"], ", ".join(because)))
        elif why and one in agreed:
            rows.append((one, agreed[one], _LISTED))
        elif why and one in reasons:
            rows.append((one, one, f"set_apart: {why}"))
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    names = ("customer_id", "merged_id", "reason")
    return pa.table({name: pa.array(values, pa.string()) for name, values in zip(names, columns, strict=True)})


def _edges(
    pairs: Any, rules: Sequence[str], apart: Collection[frozenset[str]]
) -> tuple[list[tuple[str, str]], dict[str, set[str]]]:
    """The pairs that the rules may merge, and by customer the rules that found them."""
    edges, reasons = [], defaultdict(set)
    for one, other, rule in zip(*(pairs[c].to_pylist() for c in ("customer_id", "duplicate_of", "rule")), strict=True):
        if rule in rules and frozenset((one, other)) not in apart:
            edges.append((one, other))
            reasons[one].add(rule)
            reasons[other].add(rule)
    return edges, dict(reasons)


def _known_ids(customers: Any) -> set[str]:
    import duckdb

    connection = duckdb.connect()
    with as_view(connection, customers, "customers") as view:
        return {row[0] for row in connection.execute(f"SELECT CAST(customer_id AS VARCHAR) FROM {view}").fetchall()}


def _read_list(file: Path) -> tuple[list[_Decision], list[Problem]]:
    """The decisions of a reviewed list, without the undecided rows, and what cannot be read."""
    try:
        text = _decode(file.read_bytes())
    except OSError:
        return [], [Problem.said(_WORDS, "list.closed", file.name)]
    if text is None:
        return [], [Problem.said(_WORDS, "list.encoding", file.name)]
    first_line = text.lstrip().split("\n", 1)[0]
    rows = list(csv.reader(io.StringIO(text.lstrip()), delimiter=max(",;\t", key=first_line.count)))
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    if any(heading.count(name) != 1 for name in LIST_COLUMNS):
        return [], [_wrong_row(file.name, 1, "headings", columns=LIST_COLUMNS)]
    decisions, problems = [], []
    for number, row in enumerate(rows[1:], start=2):
        cells = dict(zip(heading, row, strict=False))
        one, target, word = (_without_guard(cells.get(name, "").strip()) for name in LIST_COLUMNS)
        if not word:
            continue
        if word.lower() not in (*_YES, *_NO):
            problems.append(_wrong_row(file.name, number, "decision"))
        elif not one or not target:
            problems.append(_wrong_row(file.name, number, "one_id"))
        else:
            decisions.append(_Decision(number, one, target, word.lower() in _YES))
    return decisions, problems


def _wrong_row(file: str, row: int, key: str, **values: Any) -> Problem:
    return Problem.said(_WORDS, f"list.{key}", file, _WORDS.say("row", n=row), **values)


def _decode(content: bytes) -> str | None:
    """UTF-8, what Excel saves as "Unicode text", and what it saves as CSV in China."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _objections(decisions: Sequence[_Decision], known: Collection[str] | None, file: str) -> list[Problem]:
    """Why the decisions cannot all be followed; rows are named, ids are not."""
    problems = [
        _wrong_row(file, d.row, "unknown_id", column=column)
        for d in decisions
        for column, identity in (("customer_id", d.customer_id), ("merge_into", d.merge_into))
        if known is not None and identity not in known
    ]
    problems += [_wrong_row(file, d.row, "into_itself") for d in decisions if d.customer_id == d.merge_into]
    merged: dict[str, _Decision] = {}
    decided: dict[frozenset[str], _Decision] = {}
    for d in decisions:
        earlier = decided.setdefault(frozenset((d.customer_id, d.merge_into)), d)
        if earlier.yes != d.yes:
            problems.append(_wrong_row(file, d.row, "decided_twice", other=earlier.row))
        if d.yes and merged.setdefault(d.customer_id, d).merge_into != d.merge_into:
            problems.append(_wrong_row(file, d.row, "merged_twice", other=merged[d.customer_id].row))
    return problems + _chains(merged, file) + _kept_and_merged(decisions, merged, file)


def _chains(merged: dict[str, _Decision], file: str) -> list[Problem]:
    """A customer merged into one who is merged on: a chain, or a circle if it comes back."""
    problems = []
    for start in merged.values():
        if start.customer_id == start.merge_into or start.merge_into not in merged:
            continue
        rows, at, passed = [start.row], start.merge_into, {start.customer_id}
        while at in merged and at not in passed:
            passed.add(at)
            rows.append(merged[at].row)
            at = merged[at].merge_into
        kind = "circle" if at in passed else "chain"
        if kind == "chain" or start.row == min(rows):
            problems.append(_wrong_row(file, start.row, kind, rows=list(map(str, rows))))
    return problems


def _kept_and_merged(decisions: Sequence[_Decision], merged: dict[str, _Decision], file: str) -> list[Problem]:
    """A pair kept apart whose two customers other rows merge into one."""
    person = _components([(d.customer_id, d.merge_into) for d in merged.values()])
    direct = {frozenset((d.customer_id, d.merge_into)) for d in merged.values()}
    return [
        _wrong_row(file, d.row, "kept_and_merged")
        for d in decisions
        if not d.yes and d.customer_id in person and person[d.customer_id] == person.get(d.merge_into)
        if frozenset((d.customer_id, d.merge_into)) not in direct and d.customer_id != d.merge_into
    ]


def proposal_file(pairs: Any, path: Path, customers: Any = None, *, probable: Any = None, limit: int = 10) -> Path:
    """Write the list of proposed merges for review: ids and rules only, the decision empty; answers the path.

    One row per customer, into the customer of the cluster who was seen first, so that "yes" to all rows is a list
    without chains. ``note`` says why a cluster is not merged by rules. ``probable``: pairs with ``probability,
    because``, as from :func:`~crmlib.intake.identities.matching.probable_pairs`. Cells that a spreadsheet would take
    for a formula start with an apostrophe, which is taken off when the list is read. Decisions that stand in a list
    that is there already are kept.

    Raises:
        UnusableInput: the list that is there cannot be read.
    """
    earlier, problems = _read_list(path) if path.exists() else ([], [])
    if problems:
        raise UnusableInput(problems)
    decided = {(d.customer_id, d.merge_into): "yes" if d.yes else "no" for d in earlier}
    edges, because = _proposed(pairs, probable)
    rows = []
    for row in _clusters(edges, customers, limit=limit).to_pylist():
        one, into = row["customer_id"], row["cluster"]
        if one != into:
            note = _WORDS.name("set_apart", row["set_apart"]) if row["set_apart"] else ""
            rows.append((one, into, "; ".join(sorted(because[one])), note, decided.pop((one, into), "")))
    earlier_said = _WORDS.say("note.decided_earlier")
    rows += [(one, into, "", earlier_said, decision) for (one, into), decision in decided.items()]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_PROPOSAL)
        writer.writerows([_with_guard(cell) for cell in row] for row in rows)
    return path


def _proposed(pairs: Any, probable: Any) -> tuple[list[tuple[str, str]], dict[str, set[str]]]:
    """All pairs to be reviewed, and by customer what speaks for them."""
    edges, because = [], defaultdict(set)
    for row in pairs.to_pylist():
        edges.append((row["customer_id"], row["duplicate_of"]))
        for one in edges[-1]:
            because[one].add(row["rule"])
    for row in probable.to_pylist() if probable is not None else []:
        edges.append((row["customer_id"], row["duplicate_of"]))
        for one in edges[-1]:
            because[one].add(_WORDS.say("note.probable", row))
    return edges, because


def _with_guard(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _without_guard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def merge_effect(connection: Any, merges: Any, orders: Any, customers: Any) -> Any:
    """What merging changes: ``measure, before, after, difference`` (Arrow), computed in the database.

    Args:
        connection: DuckDB (raw).
        merges: ``customer_id, merged_id``, as from :func:`merge_map`.
        orders: name or table of the contract's orders.
        customers: name or table with ``customer_id``.

    ``customers`` (number), ``buyers`` (number), ``one_time_share`` (buyers with one purchase), ``orders_per_customer``
    (purchases per buyer), ``repeat_rate`` (buyers with two purchases or more), ``top_tenth_share`` (of the revenue,
    by the tenth of the buyers who spent most, rounded up). What a purchase is:
    :func:`crmlib.purchases.purchases`.
    """
    import ibis

    from crmlib.purchases import purchases

    with (
        as_view(connection, merges, "_merges") as into,
        as_view(connection, orders, "_orders_to_compare") as ordered,
        as_view(connection, customers, "_customers_to_count") as people,
    ):
        base = ibis.duckdb.from_connection(connection)
        bought = ibis.to_sql(purchases(base.sql(f"SELECT * FROM {ordered}")), dialect="duckdb")
        return connection.sql(_effect_sql(into, str(bought), people)).to_arrow_table()


def _effect_sql(merges: str, purchases: str, customers: str) -> str:
    def measured(kind: str, identity: str) -> str:
        return f"""
            SELECT '{kind}' AS state, count(*) AS buyers, avg((orders = 1)::INT) AS one_time_share,
                avg(orders) AS orders_per_customer, avg((orders > 1)::INT) AS repeat_rate,
                sum(revenue) FILTER (place <= ceil(buyers_there / 10)) / nullif(sum(revenue), 0) AS top_tenth_share,
                (SELECT count(DISTINCT {identity}) FROM customers AS t) AS customers
            FROM (
                SELECT count(*) AS orders, sum(spend) AS revenue, count(*) OVER () AS buyers_there,
                    row_number() OVER (ORDER BY sum(spend) DESC) AS place
                FROM bought AS t GROUP BY {identity}
            )"""

    names = ("customers", "buyers", "one_time_share", "orders_per_customer", "repeat_rate", "top_tenth_share")
    rows = " UNION ALL ".join(
        f"SELECT {n} AS place, '{name}' AS measure, CAST(b.{name} AS DOUBLE) AS before, "
        f"CAST(a.{name} AS DOUBLE) AS after FROM before AS b, after AS a"
        for n, name in enumerate(names)
    )
    mapped = "coalesce(m.merged_id, c.customer_id) AS merged_id"
    joined = "AS c LEFT JOIN merges AS m ON CAST(c.customer_id AS VARCHAR) = m.customer_id"
    return f"""
        WITH merges AS (SELECT customer_id, merged_id FROM {merges}),
        bought AS MATERIALIZED (SELECT c.customer_id, {mapped}, c.spend FROM ({purchases}) {joined}),
        customers AS MATERIALIZED (SELECT c.customer_id, {mapped} FROM {customers} {joined}),
        before AS ({measured("before", "t.customer_id")}),
        after AS ({measured("after", "t.merged_id")})
        SELECT measure, before, after, after - before AS difference FROM ({rows}) ORDER BY place"""
