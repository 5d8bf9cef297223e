import datetime as dt
import os
import sqlite3
import stat
import subprocess
import sys
import textwrap

import duckdb
import pytest

from crmlib.intake import databases
from crmlib.intake.databases import database_fingerprint, open_database
from crmlib.mapping import TableSource
from tests import servers

SECRET = "s3cr/et@word"


@pytest.fixture(autouse=True)
def _no_passwords_from_outside(monkeypatch):
    for variable in [name for name in os.environ if name.startswith(databases.PASSWORD)]:
        monkeypatch.delenv(variable)


@pytest.fixture
def read(tmp_path):
    """Open a database and answer the source with its rows, or the problems: ``read(database=…, source=…)``."""
    connection = duckdb.connect()

    def opened(**wanted: str):
        sources, problems = open_database(
            connection,
            TableSource(**wanted),
            shown_as=wanted["database"],
            name="orders",
            folder=tmp_path,
            scratch=tmp_path / "scratch",
        )
        assert bool(sources) != bool(problems)
        if not sources:
            return problems
        table = connection.execute(sources[0].sql).to_arrow_table()
        return sources[0], list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    return opened


def refusal(problems) -> str:
    """The one problem as a sentence."""
    assert len(problems) == 1
    sentence = str(problems[0])
    assert "Traceback" not in sentence
    assert "\n" not in sentence
    return sentence


@pytest.fixture
def shop(tmp_path):
    """A SQLite file of orders."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(
            """
            CREATE TABLE orders
                (id INTEGER, "Ordered at" TIMESTAMP, amount DECIMAL(10, 2), pieces INTEGER, big INTEGER);
            INSERT INTO orders VALUES (1, '2025-01-01 00:30:00', 10.5, 1, 9007199254740993),
                                      (2, '02.01.2025', 3, 'two', 0.5), (3, NULL, NULL, NULL, NULL);
            CREATE VIEW paid AS SELECT id FROM orders WHERE amount > 5;
            """
        )
    connection.close()
    return "sqlite:///shop.db"


def test_a_sqlite_table_is_read_with_the_types_that_its_cells_have(read, shop):
    source, rows = read(database=shop, source="orders")
    assert source.types == {
        "id": "BIGINT",
        "Ordered at": "VARCHAR",
        "amount": "DOUBLE",
        "pieces": "VARCHAR",
        "big": "VARCHAR",
    }
    assert source.names["Ordered at"] == "c2"
    assert rows == [
        (1, "2025-01-01 00:30:00", 10.5, "1", "9007199254740993", 1),
        (2, "02.01.2025", 3.0, "two", "0.5", 2),
        (3, None, None, None, None, 3),
    ]
    assert "pieces holds numbers and text side by side, so it is read as text." in map(str, source.notes)
    assert str(source.notes[0]) == "Read from the table orders of the SQLite database shop.db."


def test_a_query_with_a_comment_and_a_semicolon_at_its_end_is_read(read, shop):
    query = "WITH x AS (SELECT sum(amount) AS total FROM orders)\nSELECT total FROM x; -- all of them"
    assert read(database=shop, query=query)[1] == [(13.5, 1)]
    assert read(database=shop, query="SELECT id FROM orders WHERE id > 1 -- later ones")[1] == [(2, 1), (3, 2)]


def test_a_view_and_a_name_in_other_case_are_found(read, shop):
    assert read(database=shop, source="PAID")[1] == [(1, 1)]
    assert read(database=shop, source="main.paid")[1] == [(1, 1)]


def test_an_answer_without_rows_is_a_source_without_rows(read, shop):
    source, rows = read(database=shop, query="SELECT id, amount FROM orders WHERE id > 99")
    assert (list(source.types), rows) == (["id", "amount"], [])


def test_rows_of_several_batches_keep_their_order_and_numbers(read, tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "BATCH", 7)
    connection = sqlite3.connect(tmp_path / "many.db")
    connection.execute("CREATE TABLE t (v)")
    connection.executemany("INSERT INTO t VALUES (?)", [(100 + n,) for n in range(100)])
    connection.commit()
    connection.close()
    assert read(database="sqlite:///many.db", source="t")[1] == [(100 + n, 1 + n) for n in range(100)]


def test_changes_that_another_program_has_not_yet_merged_into_a_sqlite_file_are_read(read, shop, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        before = database_fingerprint(TableSource(database=shop, source="orders"), tmp_path)
        writer.execute("INSERT INTO orders (id) VALUES (4)")
        writer.commit()
        assert [row[0] for row in read(database=shop, query="SELECT id FROM orders ORDER BY id")[1]] == [1, 2, 3, 4]
        assert database_fingerprint(TableSource(database=shop, source="orders"), tmp_path) != before
    writer.close()


def test_the_rows_kept_on_disk_are_readable_by_their_owner_only(read, shop, tmp_path):
    read(database=shop, source="orders")
    assert stat.S_IMODE((tmp_path / "scratch" / "source_orders.parquet").stat().st_mode) == 0o600


def test_a_duckdb_table_and_query_are_read_with_their_types(read, tmp_path):
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        connection.execute(
            """
            CREATE SCHEMA sales;
            CREATE TABLE sales.orders AS SELECT 1::INTEGER AS id, 12.345::DECIMAL(18, 3) AS amount,
                12345678901234567890::DECIMAL(20, 0) AS code, TIMESTAMPTZ '2025-01-01 08:00:00+08' AS at,
                TIMESTAMP_NS '2025-01-01 08:00:00' AS local, DATE '2025-01-02' AS day, true AS paid,
                'a1b2c3d4-0000-0000-0000-000000000001'::UUID AS token, ['x', 'y'] AS tags, {'k': 1} AS extra;
            """
        )
    source, rows = read(database="duckdb:///shop.duckdb", source="sales.orders")
    assert list(source.types.values()) == [
        "BIGINT",
        "DOUBLE",
        "VARCHAR",
        "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP",
        "DATE",
        "BOOLEAN",
        *["VARCHAR"] * 3,
    ]
    assert rows[0][:3] == (1, 12.345, "12345678901234567890")
    assert rows[0][3].astimezone(dt.UTC) == dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert rows[0][4:] == (
        dt.datetime(2025, 1, 1, 8),
        dt.date(2025, 1, 2),
        True,
        "a1b2c3d4-0000-0000-0000-000000000001",
        "[x, y]",
        "{'k': 1}",
        1,
    )
    summed = read(database="duckdb:///shop.duckdb", query="SELECT sum(id) AS n FROM sales.orders;")
    assert (summed[0].types, summed[1]) == ({"n": "DOUBLE"}, [(1.0, 1)])
    sentence = refusal(read(database="duckdb:///shop.duckdb", source="sails.orders"))
    assert "no schema 'sails' in the database" in sentence
    assert "did you mean 'sales'?" in sentence


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (
            {"source": "order"},
            "no table 'order' in the database; expected a table or view that it has. To mend it: did ",
        ),
        ({"source": "archive.orders"}, "no schema 'archive' in the database"),
        ({"query": "SELECT amuont FROM orders"}, "SQLite refuses this; it says: no such column: amuont"),
        ({"query": "DELETE FROM orders"}, "a query that begins with 'DELETE'; expected one SELECT"),
        ({"query": "SELECT 1; DROP TABLE orders"}, "found several statements"),
        ({"query": "WITH x AS (DELETE FROM orders RETURNING id) SELECT * FROM x"}, "a query that also changes"),
        ({"query": "SELECT id FROM"}, "SQL that cannot be understood at line 1"),
        ({"query": " ; "}, "an empty query"),
        ({"query": "SELECT a.id, b.id FROM orders a, orders b"}, "more than one column named 'id'"),
        ({}, "neither a table nor a query"),
        ({"source": "orders", "query": "SELECT 1"}, "both a table and a query"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(read, shop, wanted, expected):
    assert expected in refusal(read(database=shop, **wanted))


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("sqlite:///none.db", "no file 'none.db'"),
        ("sqlite:///text.db", "not a SQLite database"),
        ("duckdb:///text.db", "not a DuckDB database"),
        ("oracle://reader@host/shop", "the address 'oracle://reader@host/shop'"),
        ("postgresql://host/shop", "an address without user"),
        ("postgresql://reader@host:54x2/shop", "host or port cannot be read"),
        ("postgresql://reader@host/shop?sslmod=require", "did you mean 'sslmode'?"),
        ("postgresql://reader@127.0.0.1:1/shop", "no database at 127.0.0.1, port 1"),
        ("postgresql://reader@no-such-host.invalid/shop", "no computer of the name 'no-such-host.invalid'"),
    ],
)
def test_an_address_that_leads_nowhere_is_said_in_words(read, tmp_path, database, expected):
    (tmp_path / "text.db").write_text("id;amount\n1;2\n" * 500)
    assert expected in refusal(read(database=database, source="orders"))


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://reader:{SECRET}@host/shop",
        f"mysql://reader:{SECRET}@host:3306/shop",
        f"postgresql://reader@host/shop?password={SECRET}",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(read, address):
    sentence = refusal(read(database=address, source="orders"))
    assert "a password in the address" in sentence
    assert "CRMLIB_DATABASE_PASSWORD" in sentence
    assert SECRET not in sentence
    assert "word" not in sentence.replace("password", "").replace("PASSWORD", "")


def test_a_duckdb_file_that_another_program_writes_is_said_to_be_locked(read, tmp_path):
    writer = textwrap.dedent(
        f"""
        import duckdb
        connection = duckdb.connect({str(tmp_path / "busy.duckdb")!r})
        connection.execute("CREATE TABLE orders AS SELECT 1 AS id")
        print("open", flush=True)
        input()
        """
    )
    with subprocess.Popen([sys.executable, "-c", writer], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"open"
        sentence = refusal(read(database="duckdb:///busy.duckdb", source="orders"))
        process.communicate(b"\n")
    assert "another program has locked" in sentence
    assert read(database="duckdb:///busy.duckdb", source="orders")[1] == [(1, 1)]


def test_a_failed_read_leaves_no_rows_behind(read, shop, tmp_path):
    read(database=shop, source="orders")
    read(database=shop, query="SELECT nothing FROM orders")
    assert list((tmp_path / "scratch").glob("*.parquet")) == []


def test_values_of_rows_are_kept_out_of_messages(read, tmp_path):
    with duckdb.connect(tmp_path / "people.duckdb") as connection:
        connection.execute("CREATE TABLE people AS SELECT 'Anna O''Hara' AS name")
    sentence = refusal(read(database="duckdb:///people.duckdb", query="SELECT CAST(name AS INTEGER) AS n FROM people"))
    assert "Could not convert" in sentence
    assert "Anna" not in sentence
    assert "Hara" not in sentence


def test_text_that_is_not_utf8_in_a_sqlite_file_is_said_to_be_so(read, tmp_path):
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.execute("CREATE TABLE t (name TEXT)")
    connection.execute("INSERT INTO t VALUES (CAST(x'5ac3' AS TEXT))")
    connection.commit()
    connection.close()
    assert "text that is not UTF-8" in refusal(read(database="sqlite:///old.db", source="t"))


def test_a_missing_driver_names_the_extra_to_install(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setitem(sys.modules, "MySQLdb", None)
    assert "pip install 'crmlib[postgres]'" in refusal(read(database="postgresql://reader@host/shop", source="orders"))
    assert "pip install 'crmlib[mysql]'" in refusal(read(database="mysql://reader@host/shop", source="orders"))


def test_the_fingerprint_of_a_file_follows_its_bytes_and_a_server_has_none(shop, tmp_path):
    wanted = TableSource(database=shop, source="orders")
    before = database_fingerprint(wanted, tmp_path)
    assert before == database_fingerprint(wanted, tmp_path)
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("DELETE FROM orders WHERE id = 1")
    connection.close()
    assert database_fingerprint(wanted, tmp_path) not in (before, None)
    assert database_fingerprint(TableSource(database="mysql://r@host/shop", source="orders"), tmp_path) is None


# --- PostgreSQL: a real server ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server with a database ``shop`` and a user ``reader`` who may read some of it."""
    import psycopg

    with servers.postgres() as server:
        login = {"host": servers.HOST, "port": server.port, "user": server.user, "password": server.password}
        with psycopg.connect(**login, dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
            connection.execute(f"CREATE USER reader PASSWORD '{SECRET}'")
        with psycopg.connect(**login, dbname="shop", autocommit=True) as connection:
            connection.execute(
                """
                CREATE TYPE state AS ENUM ('paid', 'open');
                CREATE TABLE orders (
                    id bigint, code numeric(20, 0), pieces numeric(9, 0), amount numeric(12, 2), rate numeric,
                    at timestamptz, local timestamp, day date, paid boolean, state state, name text,
                    token uuid, extra jsonb, tags text[], took interval, photo bytea
                );
                INSERT INTO orders VALUES (
                    1, 12345678901234567890, 7, 12.34, 0.1, '2025-01-01 08:00:00+08', '2025-01-01 08:00:00.5',
                    '2025-01-02', true, 'paid', '王芳', 'a1b2c3d4-0000-0000-0000-000000000001', '{"b": [1, 2.50]}',
                    '{x,"y z"}', '90 minutes', '\\xff00'
                );
                INSERT INTO orders VALUES (2);
                CREATE SCHEMA sales;
                CREATE MATERIALIZED VIEW sales.paid AS SELECT id FROM orders WHERE paid;
                CREATE TABLE hidden (id int);
                CREATE TABLE people (name text);
                INSERT INTO people VALUES ('Anna');
                CREATE TABLE forever (until timestamp);
                INSERT INTO forever VALUES ('infinity');
                CREATE FUNCTION remember() RETURNS int LANGUAGE sql VOLATILE
                    AS 'INSERT INTO people VALUES (''Hans'') RETURNING 1';
                GRANT USAGE ON SCHEMA sales TO reader;
                GRANT ALL ON orders, people, forever, sales.paid TO reader;
                """
            )
        yield server


@pytest.fixture
def read_postgres(read, postgres, monkeypatch):
    monkeypatch.setenv("CRMLIB_DATABASE_PASSWORD_READER_127_0_0_1", SECRET)

    def opened(database: str = "shop", user: str = "reader", **wanted: str):
        return read(database=postgres.url("postgresql", database, user), **wanted)

    return opened


def test_a_postgresql_table_is_read_with_its_types(read_postgres):
    source, rows = read_postgres(source="orders")
    assert source.types == {
        "id": "BIGINT",
        "code": "VARCHAR",
        "pieces": "BIGINT",
        "amount": "DOUBLE",
        "rate": "DOUBLE",
        "at": "TIMESTAMP WITH TIME ZONE",
        "local": "TIMESTAMP",
        "day": "DATE",
        "paid": "BOOLEAN",
        **dict.fromkeys(("state", "name", "token", "extra", "tags", "took", "photo"), "VARCHAR"),
    }
    assert rows[0][:5] == (1, "12345678901234567890", 7, 12.34, 0.1)
    assert rows[0][5].astimezone(dt.UTC) == dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert rows[0][6:11] == (dt.datetime(2025, 1, 1, 8, 0, 0, 500_000), dt.date(2025, 1, 2), True, "paid", "王芳")
    assert rows[0][11:] == (
        "a1b2c3d4-0000-0000-0000-000000000001",
        '{"b": [1, 2.50]}',
        '{x,"y z"}',
        "01:30:00",
        "\\xff00",
        1,
    )
    assert rows[1] == (2, *[None] * 15, 2)
    assert SECRET not in repr(source)


def test_a_postgresql_query_of_many_rows_arrives_whole_and_in_order(read_postgres):
    query = "SELECT n, n * 0.5 AS half, 'row ' || n AS text FROM generate_series(1, 120001) AS n ORDER BY n DESC"
    source, rows = read_postgres(query=query)
    assert source.types == {"n": "BIGINT", "half": "DOUBLE", "text": "VARCHAR"}
    assert len(rows) == 120_001
    assert rows[0] == (120_001, 60_000.5, "row 120001", 1)
    assert all(number + row == 120_002 for number, _, _, row in rows)


def test_a_materialised_view_in_another_schema_is_found(read_postgres):
    assert read_postgres(source="sales.paid")[1] == [(1, 1)]


def test_a_postgresql_query_cannot_write_even_through_a_function(read_postgres):
    sentence = refusal(read_postgres(query="SELECT remember() AS done"))
    assert "cannot execute INSERT in a read-only transaction" in sentence
    assert read_postgres(query="SELECT name FROM people")[1] == [("Anna", 1)]
    assert "also changes" in refusal(read_postgres(query="SELECT * INTO copied FROM orders"))
    assert "also changes" in refusal(read_postgres(query="SELECT * FROM orders FOR UPDATE"))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"source": "odrers"}, "did you mean 'orders'?"),
        ({"source": "sale.paid"}, "did you mean 'sales'?"),
        ({"database": "shopp", "source": "orders"}, "no database 'shopp' at 127.0.0.1 that user 'reader' may read"),
        ({"user": "writer", "source": "orders"}, "no password for user 'writer' at 127.0.0.1"),
        ({"query": "SELECT amuont FROM orders"}, 'it says: column "amuont" does not exist'),
        ({"query": "SELECT id FROM hidden"}, "it says: permission denied for table hidden"),
        ({"query": "SELECT name::int AS n FROM people"}, "it says: invalid input syntax for type integer: …"),
        ({"source": "forever"}, "it says: timestamp too large"),
    ],
)
def test_what_postgresql_refuses_is_said_in_words(read_postgres, wanted, expected):
    sentence = refusal(read_postgres(**wanted))
    assert expected in sentence
    assert SECRET not in sentence
    assert "Anna" not in sentence


def test_a_wrong_password_is_said_to_be_refused_and_not_repeated(read_postgres, monkeypatch):
    monkeypatch.setenv("CRMLIB_DATABASE_PASSWORD_READER_127_0_0_1", "wrong-" + SECRET)
    monkeypatch.setenv("CRMLIB_DATABASE_PASSWORD", SECRET)
    sentence = refusal(read_postgres(source="orders"))
    assert "a password or user that the database refuses for 'reader' at 127.0.0.1" in sentence
    assert SECRET not in sentence


def test_the_password_comes_from_the_environment_else_from_the_keyring(read_postgres, postgres, monkeypatch):
    keyring = pytest.importorskip("keyring", reason="passwords in a keyring need the package keyring")
    monkeypatch.delenv("CRMLIB_DATABASE_PASSWORD_READER_127_0_0_1")

    class Ring(keyring.backend.KeyringBackend):
        priority = 1
        asked: list[tuple[str, str]] = []

        def get_password(self, service, username):
            self.asked.append((service, username))
            return SECRET

        def set_password(self, service, username, password):
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        assert len(read_postgres(source="orders")[1]) == 2
        assert set(Ring.asked) == {("crmlib", postgres.url("postgresql", "shop", "reader"))}
        Ring.asked.clear()
        monkeypatch.setenv("CRMLIB_DATABASE_PASSWORD", SECRET)
        assert len(read_postgres(source="orders")[1]) == 2
        assert Ring.asked == []
    finally:
        keyring.set_keyring(before)


# --- MySQL: a real server, where there is one ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mysql():
    """A MySQL server with a database ``shop``; its address."""
    if servers.mysql_program() is None:
        pytest.skip("no MySQL or MariaDB server on this machine, and no Python package brings one")
    MySQLdb = pytest.importorskip("MySQLdb", reason="the extra crmlib[mysql] is not installed")
    with servers.mysql() as server:
        connection = MySQLdb.connect(
            host=servers.HOST, port=server.port, user=server.user, password=server.password, charset="utf8mb4"
        )
        with connection.cursor() as cursor:
            for statement in (
                "SET time_zone = '+08:00', sql_mode = ''",
                "CREATE DATABASE shop CHARACTER SET utf8mb4",
                "CREATE TABLE shop.orders (id INT, number BIGINT UNSIGNED, amount DECIMAL(12, 2), code DECIMAL(20, 0), "
                "rate DOUBLE, at TIMESTAMP NULL, local DATETIME(3), day DATE, year YEAR, paid TINYINT(1), "
                "state ENUM('paid', 'open'), name TEXT, extra JSON, took TIME)",
                "INSERT INTO shop.orders VALUES (1, 18446744073709551615, 12.34, 12345678901234567890, 0.5, "
                "'2025-01-01 08:00:00', '2025-01-01 08:00:00.5', '2025-01-02', 2025, 1, 'paid', '王芳', "
                "'{\"b\": 2.50}', '01:30:00')",
                "INSERT INTO shop.orders (id, day) VALUES (2, '0000-00-00')",
                "SET sql_mode = 'ALLOW_INVALID_DATES'",
                "CREATE TABLE shop.impossible (day DATE)",
                "INSERT INTO shop.impossible VALUES ('2025-02-30')",
            ):
                cursor.execute(statement)
        connection.commit()
        connection.close()
        yield server


@pytest.fixture
def read_mysql(read, mysql, monkeypatch):
    monkeypatch.setenv("CRMLIB_DATABASE_PASSWORD", mysql.password)
    return lambda database="shop", **wanted: read(database=mysql.url("mysql", database), **wanted)


def test_a_mysql_table_is_read_with_its_types(read_mysql):
    source, rows = read_mysql(source="orders")
    assert source.types == {
        "id": "BIGINT",
        "number": "UBIGINT",
        "amount": "DOUBLE",
        "code": "VARCHAR",
        "rate": "DOUBLE",
        "at": "TIMESTAMP WITH TIME ZONE",
        "local": "TIMESTAMP",
        "day": "DATE",
        "year": "BIGINT",
        "paid": "BIGINT",
        **dict.fromkeys(("state", "name", "extra", "took"), "VARCHAR"),
    }
    assert rows[0][:5] == (1, 18446744073709551615, 12.34, "12345678901234567890", 0.5)
    assert rows[0][5].astimezone(dt.UTC) == dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert rows[0][6:12] == (
        dt.datetime(2025, 1, 1, 8, 0, 0, 500_000),
        dt.date(2025, 1, 2),
        2025,
        1,
        "paid",
        "王芳",
    )
    assert rows[0][12:] == ('{"b": 2.50}', "1:30:00", 1)
    assert rows[1] == (2, *[None] * 13, 2)


def test_a_mysql_query_of_many_rows_arrives_whole(read_mysql):
    numbers = "WITH RECURSIVE n AS (SELECT 1 AS v UNION ALL SELECT v + 1 FROM n WHERE v < 900)"
    query = f"{numbers} SELECT a.v * 1000 + b.v AS v FROM n a, n b WHERE b.v <= 130"
    _, rows = read_mysql(query=query)
    assert len(rows) == len({value for value, _ in rows}) == 117_000


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"source": "odrers"}, "did you mean 'orders'?"),
        ({"source": "shopp.orders"}, "did you mean 'shop'?"),
        ({"database": "shopp", "source": "orders"}, "no database 'shopp'"),
        ({"query": "SELECT amuont FROM orders"}, "it says: Unknown column 'amuont'"),
        ({"source": "impossible"}, "a value that its column's type cannot hold"),
        ({"query": "SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */"}, "a comment that MySQL executes"),
        ({"query": "SELECT id FROM orders INTO OUTFILE 'x'"}, "cannot be understood"),
    ],
)
def test_what_mysql_refuses_is_said_in_words(read_mysql, mysql, wanted, expected):
    sentence = refusal(read_mysql(**wanted))
    assert expected in sentence
    assert mysql.password not in sentence


def test_a_wrong_password_and_a_port_without_mysql_are_said_in_words(read_mysql, read, monkeypatch):
    monkeypatch.setenv("CRMLIB_DATABASE_PASSWORD", SECRET)
    assert "that the database refuses for 'root'" in refusal(read_mysql(source="orders"))
    assert "no database at 127.0.0.1, port 1" in refusal(read(database="mysql://reader@127.0.0.1:1/shop", source="a"))
