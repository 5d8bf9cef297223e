"""Pseudonyms are stable, keyed, and the same in SQL and in Python."""

import hashlib
import hmac

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.intake.identities.pseudonyms import check_distinct, forgotten_sql, install, is_pseudonym, pseudonym
from crmlib.intake.identities.vault_key import Key, client_key
from crmlib.problems import UnusableInput

KEY = Key("a1", "nowhere", bytes(range(32)))
IDS = ["17850", "017850", "", " ", "张三丰", "zoë@example.com", "a'b\"c;--", "\U0001f600", "e\u0301", "é", "x" * 500]


def in_sql(key, ids):
    with duckdb.connect() as connection:
        install(connection, key)
        return [connection.execute("SELECT pseudonym(?::VARCHAR)", [i]).fetchone()[0] for i in ids]


def test_sql_and_python_answer_the_same():
    assert in_sql(KEY, IDS) == [pseudonym(KEY, i) for i in IDS]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
@settings(max_examples=30, deadline=None)
def test_sql_and_python_answer_the_same_for_any_text(ids):
    assert in_sql(KEY, ids) == [pseudonym(KEY, i) for i in ids]


def test_it_is_hmac_of_rfc_2104():
    digest = hmac.new(KEY.derived("pseudonyms"), "张三丰".encode(), hashlib.sha256).hexdigest()
    assert pseudonym(KEY, "张三丰") == f"P{digest[:16]}"


def test_an_unknown_customer_stays_unknown():
    assert in_sql(KEY, [None]) == [None]


def test_a_number_has_the_pseudonym_of_its_text():
    with duckdb.connect() as connection:
        install(connection, KEY)
        assert connection.execute("SELECT pseudonym(17850)").fetchone() == (pseudonym(KEY, "17850"),)


def test_pseudonyms_are_stable_between_runs_and_differ_between_clients(tmp_path):
    first = in_sql(client_key(tmp_path / "one"), IDS)
    assert in_sql(client_key(tmp_path / "one"), IDS) == first
    assert not set(first) & set(in_sql(client_key(tmp_path / "two"), IDS))


def test_without_the_key_the_ids_cannot_be_tried_out():
    assert pseudonym(KEY, "17850")[1:] not in hashlib.sha256(b"17850").hexdigest()
    assert pseudonym(Key("a1", "", bytes(32)), "17850") != pseudonym(KEY, "17850")
    assert pseudonym(Key("a2", "", KEY.secret), "17850") != pseudonym(KEY, "17850")


def test_all_of_them_look_like_pseudonyms():
    assert all(is_pseudonym(p) for p in in_sql(KEY, IDS))
    assert not any(is_pseudonym(i) for i in [*IDS, "P0123456789ABCDEF", "P0123456789abcdef\n"])


def test_distinct_ids_have_distinct_pseudonyms():
    with duckdb.connect() as connection:
        install(connection, KEY)
        connection.execute("CREATE TABLE people AS SELECT 'c' || i % 5000 AS customer_id FROM range(20000) AS r(i)")
        connection.execute("INSERT INTO people VALUES (NULL)")
        relation = "(SELECT customer_id, pseudonym(customer_id) AS pseudonym FROM people)"
        assert check_distinct(connection, relation) == 5000


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("('a', 'P1'), ('b', 'P1'), ('c', 'P2')", "found 1 shared by several ids"),
        ("('a', 'P1'), ('a', 'P2'), ('c', 'P3')", "found 1 id with more than one"),
        ("('a', NULL), ('b', NULL)", "found 1 shared by several ids"),
    ],
)
def test_a_collision_is_a_problem(rows, found):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE people AS FROM (VALUES {rows}) AS v(customer_id, pseudonym)")
        with pytest.raises(UnusableInput, match=found):
            check_distinct(connection, "people")


def test_rows_of_forgotten_persons_are_told_from_the_others():
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS FROM (VALUES ('P0123456789abcdef'), ('P0000000000000000'), (NULL)) v(p)")
        kept = connection.execute(f"SELECT p FROM t WHERE NOT {forgotten_sql('p', {'P0123456789abcdef'})}").fetchall()
        assert kept == [("P0000000000000000",), (None,)]
        assert len(connection.execute(f"SELECT p FROM t WHERE NOT {forgotten_sql('p', ())}").fetchall()) == 3
    with pytest.raises(ValueError, match="no pseudonyms"):
        forgotten_sql("p", {"x') OR true --"})


def test_a_pseudonyms_key_never_reaches_a_database_file(tmp_path):
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        install(connection, KEY)
        connection.execute("CREATE TABLE t AS SELECT pseudonym('a') AS p")
    block = KEY.derived("pseudonyms").ljust(64, b"\0")
    content = (tmp_path / "a.duckdb").read_bytes()
    assert pseudonym(KEY, "a").encode() in content
    for pad in (0x36, 0x5C):
        assert bytes(byte ^ pad for byte in block).hex().encode() not in content


def test_many_ids_keep_apart():
    with duckdb.connect() as connection:
        install(connection, KEY)
        connection.execute("CREATE TABLE ids AS SELECT 'customer-' || i AS i FROM range(500000) AS r(i)")
        distinct = connection.execute("SELECT count(DISTINCT p) FROM (SELECT pseudonym(i) AS p FROM ids)").fetchone()
        assert distinct == (500_000,)
