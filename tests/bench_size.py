"""``make bench``, chapters at size: how seconds and memory grow from 100,000 orders on, chapter by chapter.

``python -m tests.bench_size 1000000`` runs every chapter on an invented shop of so many customers, with about 27 orders
each, and says what it took: the table of ``docs/large_data.md``.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.measure import say

CLIENT = """
name: Large
currency: CNY
timezone: Asia/Shanghai
customer_ids: as they are
margin: 0.4
as_of: 2025-12-31
tables: {customers: {from: customers.parquet}, orders: {from: orders.parquet}}
"""

# u(i, k): numbers between 0 and 1; normal(i, k): of the standard normal distribution; the same in every run.
MACROS = """
CREATE MACRO u(i, k) AS (hash(i * 64 + k) % 1000000007 + 1) / 1000000008.0;
CREATE MACRO normal(i, k) AS sqrt(-2 * ln(u(i, k))) * cos(2 * pi() * u(i, k + 1));
"""
PEOPLE = """
CREATE TABLE people AS
SELECT *, 1 + least(2000, floor(rate * least(life, 1460 - first) + u(i, 9)))::BIGINT AS orders FROM (
  SELECT i, u(i, 1) * 1460 AS first, exp(1.6 * normal(i, 2)) * 0.018 AS rate, -ln(u(i, 4)) * 700 AS life,
    exp(0.5 * normal(i, 5)) AS size, floor(u(i, 7) * 6)::INT AS region, floor(u(i, 8) * 5)::INT AS channel
  FROM range({customers}) AS t(i))
"""
ORDERS = """
SELECT 'O' || printf('%09d', row_number() OVER ()) AS order_id, 'C' || printf('%09d', i) AS customer_id,
  TIMESTAMP '2022-01-01 01:00:00' + to_seconds(((first + CASE WHEN k = 0 THEN 0 ELSE
    u(i * 4096 + k, 10) * least(life, 1460 - first) END) * 86400)::BIGINT) AS ordered_at,
  round(60 * size * exp(0.6 * normal(i * 4096 + k, 11)), 2) AS amount,
  'store ' || floor(u(i * 4096 + k, 13) * 12)::INT AS store, 'channel ' || channel AS channel,
  CASE WHEN u(i * 4096 + k, 14) < 0.02 THEN 'cancelled' ELSE 'paid' END AS status
FROM (SELECT *, unnest(range(orders)) AS k FROM people) ORDER BY ordered_at
"""
CUSTOMERS = """
SELECT 'C' || printf('%09d', i) AS customer_id, 'channel ' || channel AS channel, 'region ' || region AS region,
  TIMESTAMP '2022-01-01 01:00:00' + to_seconds((first * 86400)::BIGINT) AS first_seen_at,
  u(i, 21) < 0.6 AS consent_email, u(i, 22) < 0.4 AS consent_sms FROM people
"""


def made(folder: Path, customers: int) -> int:
    """Write a shop of so many customers into ``folder``; how many orders it has."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(MACROS + PEOPLE.format(customers=customers))
    for name, rows in (("orders", ORDERS), ("customers", CUSTOMERS)):
        connection.execute(f"COPY ({rows}) TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    (folder / "client.yaml").write_text(CLIENT, encoding="utf-8")
    (orders,) = connection.execute("SELECT sum(orders) FROM people").fetchone() or (0,)
    return int(orders)


def taken(folder: Path, *command: str) -> tuple[bool, float, float, float]:
    """Whether ``crmlib`` did it; seconds by the clock and of the processor, and gigabytes of all its processes at once.

    Chapters and kernels are grandchildren that nobody waits for, so that the system's own account leaves them out.
    """
    client, out = str(folder / "client.yaml"), str(folder / "out")
    line = [sys.executable, "-m", "crmlib.cli", command[0], client, "--out", out, *command[1:]]
    began, seconds, most = time.perf_counter(), {}, 0.0
    main = psutil.Popen(line, env={**os.environ, "CRMLIB_VAULT_KEY": "5a" * 32}, stdout=subprocess.DEVNULL)
    while main.poll() is None:
        now = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in [main, *main.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess), one.oneshot():
                    used = one.cpu_times()
                    seconds[one.pid] = used.user + used.system
                    now += one.memory_info().rss / 1e9
        most = max(most, now)
        time.sleep(0.1)
    return main.returncode == 0, time.perf_counter() - began, sum(seconds.values()), most


def chapters(folder: Path) -> dict[str, tuple[bool, float, float, float]]:
    """What the intake and then each chapter that these data suffice for took, one after the other."""
    steps = {"intake": ("check",)} | {f"chapter {n}": ("run", "--chapter", n) for n in ("01", "03", "04", "05", "13")}
    return {name: taken(folder, *command) for name, command in steps.items()}


def bench_growth() -> None:
    """Every chapter on ten times as many orders: no more than ten times as long, and what sorting adds to that."""
    found = []
    for customers in (4_000, 40_000):
        folder = Path(tempfile.mkdtemp())
        try:
            found.append((made(folder, customers), chapters(folder)))
        finally:
            shutil.rmtree(folder)
    (few, small), (many, large) = found
    most = many * math.log(many) / (few * math.log(few))
    for name, (done, _, seconds, memory) in large.items():
        ratio = seconds / small[name][2]
        said = f"{small[name][2]:.0f} s, then {seconds:.0f} s of the processor and {memory:.1f} GB, ratio {ratio:.1f}"
        say(f"{name} of {few:,} and of {many:,} orders", said, f"≤ {most:.1f}", done and ratio <= most)


def main() -> None:
    """The table of ``docs/large_data.md`` for as many customers as are asked for."""
    folder = Path(tempfile.mkdtemp())
    try:
        print(f"{made(folder, int(sys.argv[1])):,} orders", flush=True)
        print("| step | seconds | of the processor | GB |\n| --- | ---: | ---: | ---: |")
        for name, (done, clock, processor, memory) in chapters(folder).items():
            print(f"| {name}{'' if done else ', failed'} | {clock:.0f} | {processor:.0f} | {memory:.1f} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
