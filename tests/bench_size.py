"""``make bench``, work at size: how seconds and memory grow from 100,000 orders on, by step and by chapter.

``python -m tests.bench_size 1000000`` runs every chapter on an invented shop of so many customers, with about 20 orders
each, and says what it took: the table of ``docs/large_data.md``. ``python -m tests.bench growth --largest 100000000``
does the steps below on ten times as many orders again and again, up to so many.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.measure import grown, in_turn, say

ORDERS_EACH = 20
FEWEST = 100_000
MOST_IN_CHAPTERS = 1_000_000
"""Orders up to which ``growth`` also runs whole chapters."""

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
# Customers order and leave at rates of their own: the lives are those of Pareto/NBD with s = 1.5.
PEOPLE = """
CREATE TABLE people AS
SELECT *, 1 + least(2000, floor(rate * least(life, 1460 - first) + u(i, 9)))::BIGINT AS orders FROM (
  SELECT i, u(i, 1) * 1460 AS first, exp(1.6 * normal(i, 2)) * {rate} AS rate,
    700 * (pow(u(i, 4), -1 / 1.5) - 1) AS life,
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
    connection.execute(MACROS + PEOPLE.format(customers=customers, rate=0.0137))
    for name, rows in (("orders", ORDERS), ("customers", CUSTOMERS)):
        connection.execute(f"COPY ({rows}) TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    (folder / "client.yaml").write_text(CLIENT, encoding="utf-8")
    (orders,) = connection.execute("SELECT sum(orders) FROM people").fetchone() or (0,)
    return int(orders)


def taken(*line: str) -> tuple[bool, float, float, float]:
    """Whether a command of this interpreter did it; seconds by the clock and of the processor, and gigabytes of all its
    processes at once.

    Chapters and kernels are grandchildren that nobody waits for, so that the system's own account leaves them out.
    """
    began, seconds, most = time.perf_counter(), {}, 0.0
    environment = {**os.environ, "CRMLIB_VAULT_KEY": "5a" * 32}
    main = psutil.Popen([sys.executable, "-m", *line], env=environment, stdout=subprocess.DEVNULL)
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


def crmlib_does(folder: Path, command: str, *options: str) -> tuple[bool, float, float, float]:
    """What a command of ``crmlib`` took on the shop in the folder."""
    return taken("crmlib.cli", command, str(folder / "client.yaml"), "--out", str(folder / "out"), *options)


def chapters(folder: Path) -> dict[str, tuple[bool, float, float, float]]:
    """What each chapter that these data suffice for took, one after the other, after the intake."""
    return {f"chapter {n}": crmlib_does(folder, "run", "--chapter", n) for n in ("01", "03", "04", "05", "13")}


def _rfm(orders: Any, as_of: Any, folder: Path) -> None:
    from crmlib.lifecycle import clv

    clv.summary(orders, as_of=as_of)  # writes what is shared: purchases, days with purchases, and itself


def _cohorts(orders: Any, as_of: Any, folder: Path) -> None:
    from crmlib.lifecycle import retention

    retention.cohorts(orders, as_of=as_of).to_pandas()


def _values(orders: Any, as_of: Any, folder: Path) -> None:
    from crmlib.lifecycle import clv
    from crmlib.models import BetaGeoNBD, GammaGamma

    base = clv.summary(orders, as_of=as_of)
    models = {"orders_model": BetaGeoNBD.fit(base), "spend_model": GammaGamma.fit(base)}
    clv.predict(base, **models, discount_rate=0.1).to_parquet(folder / "values.parquet")


def _second_orders(orders: Any, as_of: Any, folder: Path) -> None:
    from crmlib.lifecycle import retention

    retention.repeat_rate(retention.second_orders(orders, as_of=as_of))


def _scorecard(orders: Any, as_of: Any, folder: Path) -> None:
    from crmlib.lifecycle import scorecard

    scorecard.base_measures(orders=orders, as_of=as_of)


STEPS: dict[str, Callable[[Any, Any, Path], None]] = {
    "RFM, and what is shared": _rfm,
    "cohorts": _cohorts,
    "CLV: fit and score": _values,
    "second orders": _second_orders,
    "scorecard": _scorecard,
}


def _orders_of(folder: Path) -> tuple[Any, Any]:
    """The orders of the shop whose intake is done, and the day at whose end they are looked at."""
    from crmlib.client import load_client
    from crmlib.intake import open_workspace

    workspace = open_workspace(load_client(folder / "client.yaml"), folder / "out" / "workspace")
    return workspace.table("orders"), workspace.as_of


# The same by hand: on the same file, with the same orders left out.
_COUNTED = """FROM '{file}' WHERE customer_id IS NOT NULL AND status NOT IN ('cancelled', 'open') AND amount > 0
  AND ordered_at < TIMESTAMPTZ '2025-12-31 16:00:00+00'"""
_DAY = "CAST(ordered_at AT TIME ZONE 'Asia/Shanghai' AS DATE)"
RFM_BY_HAND = f"""
WITH daily AS (SELECT customer_id, {_DAY} AS day, sum(amount) AS spend {_COUNTED} GROUP BY ALL)
SELECT customer_id, count(*) - 1 AS frequency, date_diff('day', min(day), max(day)) / 7 AS recency,
  date_diff('day', min(day), DATE '2025-12-31') / 7 AS T,
  CASE WHEN count(*) > 1 THEN (sum(spend) - arg_min(spend, day)) / (count(*) - 1) ELSE 0 END AS monetary
FROM daily GROUP BY customer_id ORDER BY customer_id
"""
COHORTS_BY_HAND = f"""
WITH months AS (SELECT customer_id, date_trunc('month', {_DAY}) AS month, count(*) AS orders, sum(amount) AS revenue
  {_COUNTED} GROUP BY ALL),
known AS (SELECT *, min(month) OVER (PARTITION BY customer_id) AS cohort FROM months)
SELECT cohort, date_diff('month', cohort, month) AS age, count(*) AS customers, sum(orders) AS orders,
  sum(revenue) AS revenue FROM known GROUP BY ALL ORDER BY ALL
"""


def ratios(folder: Path) -> dict[str, tuple[float, float, float, int]]:
    """RFM and cohorts against SQL by hand, on the same file: seconds of both, the ratio, and customers that differ.

    From the tables that a run shares, and alone: from the orders, as if nothing else asked for them.
    """
    import ibis

    from crmlib.engine import connect, file_pattern, open_table
    from crmlib.lifecycle import clv, retention

    shared, as_of = _orders_of(folder)
    file = folder / "out" / "workspace" / "orders.parquet"
    connection = connect()
    alone = open_table(
        connection, file, name="orders", timezone="Asia/Shanghai", until=as_of.isoformat(), time="ordered_at"
    )

    def into(query: str, name: str, on: Any) -> None:
        on.raw_sql(f"CREATE OR REPLACE TABLE {name} AS {query}")

    found = {}
    for what, measure, by_hand in (
        ("RFM", clv.summary, RFM_BY_HAND),
        ("cohorts", retention.cohorts, COHORTS_BY_HAND),
    ):
        hand = by_hand.format(file=file_pattern(file))
        for how, orders in (("from what a run shares", shared), ("alone", alone)):
            on = orders.get_backend()
            measure(orders, as_of=as_of)  # what is shared is there

            def ours(orders: Any = orders, on: Any = on, measure: Any = measure) -> None:
                into(str(ibis.to_sql(measure(orders, as_of=as_of), dialect="duckdb")), "by_kit", on)

            def theirs(on: Any = on, hand: str = hand) -> None:
                into(hand, "by_hand", on)

            mine, other, ratio = in_turn(ours, theirs, turns=3, clock=time.process_time)
            keys, value = (["customer_id"], "frequency") if what == "RFM" else (["cohort", "age"], "customers")
            differing = on.raw_sql(
                f"SELECT count(*) FROM by_hand h LEFT JOIN by_kit k USING ({', '.join(keys)}) "
                f"WHERE k.{value} IS DISTINCT FROM h.{value}"
            ).fetchone()[0]
            found[f"{what}, {how}"] = (mine, other, ratio, int(differing))
    return found


def bench_growth(largest: int = MOST_IN_CHAPTERS) -> None:
    """Every step on ten times as many orders: by which exponent its cost grows, its memory, ratios to SQL by hand."""
    sizes = [*(FEWEST * 10**n for n in range(9) if FEWEST * 10**n < largest), largest]
    found: dict[str, dict[int, tuple[bool, float, float, float]]] = {}
    for size in sizes:
        folder = Path(tempfile.mkdtemp())
        try:
            orders = made(folder, size // ORDERS_EACH)
            step = {"intake": crmlib_does(folder, "check")}
            step |= {name: taken("tests.bench_size", "--step", name, str(folder)) for name in STEPS}
            if size <= MOST_IN_CHAPTERS:
                step |= chapters(folder)
            for name, took in step.items():
                found.setdefault(name, {})[orders] = took
            if size == largest:
                _say_ratios(folder, orders)
        finally:
            shutil.rmtree(folder)
    for name, by_size in found.items():
        done = all(one[0] for one in by_size.values())
        memory = max(one[3] for one in by_size.values())
        seconds = {orders: one[2] for orders, one in by_size.items()}
        grown(name, seconds)
        exponent = _exponent(seconds)
        said = ", ".join(f"{took:.1f} s for {orders:,}" for orders, took in seconds.items())
        said = f"{said} orders (of the processor); exponent {exponent:.2f}; {memory:.1f} GB"
        say(name, said, "exponent ≤ 1.1 and ≤ 8 GB", done and exponent <= 1.1 and memory <= 8)


def _exponent(seconds: dict[int, float]) -> float:
    """By which power of the orders the seconds grow, by least squares of the logarithms."""
    return float(np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]) if len(seconds) > 1 else 0.0


def _say_ratios(folder: Path, orders: int) -> None:
    lines = subprocess.run(
        [sys.executable, "-m", "tests.bench_size", "--ratios", str(folder)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for what, (mine, other, ratio, differing) in json.loads(lines[-1]).items():
        said = f"{mine:.1f} s against {other:.1f} s of the processor, ratio {ratio:.2f}, rows that differ: {differing}"
        say(f"{what}, of {orders:,} orders against SQL by hand", said, "≤ 1.15", ratio <= 1.15 and differing == 0)


def main(words: Sequence[str] = tuple(sys.argv[1:])) -> None:
    """The table of ``docs/large_data.md`` for as many customers as are asked for; or one step of ``growth``."""
    if words[0] == "--step":
        folder = Path(words[2])
        STEPS[words[1]](*_orders_of(folder), folder)
        return
    if words[0] == "--ratios":
        print(json.dumps(ratios(Path(words[1]))))
        return
    folder = Path(tempfile.mkdtemp())
    try:
        print(f"{made(folder, int(words[0])):,} orders", flush=True)
        print("| step | seconds | of the processor | GB |\n| --- | ---: | ---: | ---: |")
        steps = {"intake": crmlib_does(folder, "check")} | chapters(folder)
        for name, (done, clock, processor, memory) in steps.items():
            print(f"| {name}{'' if done else ', failed'} | {clock:.0f} | {processor:.0f} | {memory:.1f} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
