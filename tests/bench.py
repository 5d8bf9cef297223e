"""``make bench``: speed as ratios, both sides in the same run on the same data, each the median of several turns."""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from tests import bench_clv, bench_size
from tests.measure import in_turn, page, say, seconds

ROOT = Path(__file__).resolve().parents[1]


def bench_import() -> None:
    """``import crmlib`` in a fresh interpreter, beside a bare interpreter."""

    def start(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    ours, bare, _ = in_turn(start("import crmlib"), start("pass"), turns=7)
    say("import crmlib", f"{ours - bare:.3f} s beyond a bare interpreter's {bare:.3f} s", "≤ 0.3 s", ours - bare <= 0.3)


def bench_small() -> None:
    """``crmlib check`` of a client with two orders, beside ``import pandas``, in seconds of the processor."""
    import resource

    folder = Path(tempfile.mkdtemp())
    file = folder / "client.yaml"
    (folder / "orders.csv").write_text("order_id,customer_id,ordered_at,amount\n1,a,2025-01-02,5\n2,b,2025-01-03,7\n")
    file.write_text("name: Small\ncurrency: CNY\ntimezone: Asia/Shanghai\ntables: {orders: {from: orders.csv}}\n")

    def taken(*command: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    try:
        check = ("-m", "crmlib.cli", "check", str(file), "--out", str(folder / "out"))
        pairs = [(taken(*check), taken("-c", "import pandas")) for _ in range(5)]
    finally:
        shutil.rmtree(folder)
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    said = f"{ours:.1f} s of the processor, {ratio:.1f} times import pandas ({theirs:.1f} s)"
    say("crmlib check of two orders", said, "≤ 8 times", ratio <= 8)


def bench_run() -> None:
    """All chapters on the sample at once, against the sum of each alone."""
    from crmlib import runner
    from crmlib.chapters import chapter_files

    client = ROOT / "data" / "aurora" / "client.yaml"

    def run(chapters: tuple[str, ...]) -> float:
        folder = Path(tempfile.mkdtemp())
        try:
            return seconds(lambda: runner.run(client, output=folder / "out", chapters=chapters))
        finally:
            shutil.rmtree(folder)

    together = run(())
    single = [run((file.name,)) for file in chapter_files()]
    ratio = together / sum(single)
    cores = os.cpu_count()
    say(
        f"{len(single)} chapters on the sample, {cores} cores",
        f"{together:.1f} s together, {sum(single):.1f} s one by one, ratio {ratio:.2f}",
        "≤ 30 s",
        together <= 30,
    )


HAND_WRITTEN = """
CREATE OR REPLACE TABLE by_hand AS
WITH daily AS (
  SELECT customer_id, CAST(ordered_at AS DATE) AS day, sum(amount) AS spend
  FROM orders WHERE customer_id IS NOT NULL AND ordered_at < DATE '2026-01-01' AND amount >= 0 GROUP BY ALL)
SELECT customer_id, count(*) - 1 AS frequency, date_diff('day', min(day), max(day)) / 7 AS recency,
  date_diff('day', min(day), DATE '2025-12-31') / 7 AS T,
  CASE WHEN count(*) > 1 THEN (sum(spend) - arg_min(spend, day)) / (count(*) - 1) ELSE 0 END AS monetary
FROM daily GROUP BY customer_id ORDER BY customer_id
"""


def bench_preparation() -> None:
    """RFM preparation of 20,000,000 orders in DuckDB, against the same SQL written by hand."""
    import ibis

    from crmlib.engine import connect
    from crmlib.lifecycle.clv import summary

    connection = connect()
    connection.raw_sql("SELECT setseed(0.5)")
    connection.raw_sql(
        "CREATE TABLE orders AS SELECT CAST(floor(pow(random(), 2) * 3000000) AS BIGINT)::VARCHAR AS customer_id, "
        "TIMESTAMP '2024-01-01' + to_seconds(CAST(random() * 731 * 86400 AS BIGINT)) AS ordered_at, "
        "round(random() * 100, 2) AS amount FROM range(20000000)"
    )
    orders = connection.table("orders")

    def ours() -> None:
        prepared = ibis.to_sql(summary(orders, as_of="2025-12-31"), dialect="duckdb")
        connection.raw_sql(f"CREATE OR REPLACE TABLE by_kit AS {prepared}")

    mine, other, ratio = in_turn(ours, lambda: connection.raw_sql(HAND_WRITTEN), turns=5)
    differing = connection.raw_sql(
        "SELECT count(*) FROM by_kit k FULL JOIN by_hand h USING (customer_id) "
        "WHERE k.frequency IS DISTINCT FROM h.frequency OR abs(k.recency - h.recency) > 1e-9 OR abs(k.T - h.T) > 1e-9 "
        "OR abs(k.monetary - h.monetary) > 1e-6"
    ).fetchone()[0]
    say(
        "RFM preparation of 20,000,000 orders against SQL by hand",
        f"{mine:.2f} s against {other:.2f} s, ratio {ratio:.2f}, customers that differ: {differing}",
        "≤ 1.2",
        ratio <= 1.2 and differing == 0,
    )


TEXTS = (
    "物流很慢 delivery was late",
    "请回电1380000{i:04d}谢谢，订单号2025{i:08d}",
    "mail person.{i}@mail.example.com or call (415) 555-{i:04d}",
    "加微信：zhangsan_{i}，花了1299元",
    "order #1380000{i:04d} is late, paid 1,299.00 on 2025-01-01 12:30:00",
)


def bench_masking() -> None:
    """Masking 100,000 free texts in DuckDB, against the same rules applied text by text with Python's ``re``."""
    from crmlib.intake.identities import masking

    texts = [TEXTS[i % len(TEXTS)].format(i=i % 10_000) for i in range(100_000)]
    narrow = str.maketrans(masking._WIDE, masking._NARROW, masking._MARKS)
    rules = [
        (masking._WRITTEN_ON, masking._PARTED),
        (masking._EVERYTHING, masking._GIVEN_BACK),
        *((pattern, masking.PLACEHOLDERS[kind]) for kind, pattern in masking._KINDS),
        (f"[{masking._MARKS}]", ""),
    ]
    may_hold = re.compile(masking._MAY_HOLD, re.ASCII)
    compiled = [(re.compile(pattern, re.ASCII), shown) for pattern, shown in rules]

    def by_hand() -> list[str]:
        masked = []
        for text in texts:
            if may_hold.search(text):
                text = text.translate(narrow)
                for pattern, shown in compiled:
                    text = pattern.sub(shown, text)
            masked.append(text)
        return masked

    _against_python(
        "masking 100,000 texts in DuckDB against Python's re", pd.DataFrame({"given": texts}), masking.install,
        "masked(given)", by_hand, most=0.5,
    )  # fmt: skip


def bench_pseudonyms() -> None:
    """Pseudonyms of 200,000 ids in DuckDB, against Python's ``hmac`` id by id."""
    from crmlib.intake.identities import pseudonyms
    from crmlib.intake.identities.vault_key import Key

    key = Key("a1", "nowhere", bytes(32))
    ids = [f"客户-{i}" for i in range(200_000)]
    secret = key.derived("pseudonyms")

    def by_hand() -> list[str]:
        return ["P" + hmac.new(secret, one.encode(), hashlib.sha256).hexdigest()[:16] for one in ids]

    _against_python(
        "pseudonyms of 200,000 ids in DuckDB against Python's hmac", pd.DataFrame({"given": ids}),
        lambda connection: pseudonyms.install(connection, key), "pseudonym(given)", by_hand, most=1.5,
    )  # fmt: skip


def _against_python(
    what: str,
    given: pd.DataFrame,
    install: Callable[[Any], None],
    macro: str,
    by_hand: Callable[[], list[str]],
    *,
    most: float,
) -> None:
    """A macro of DuckDB on one thread, against plain Python that must answer the same."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    connection.execute("CREATE TABLE texts AS SELECT * FROM given")
    install(connection)
    query = f"SELECT {macro} AS answer FROM texts ORDER BY rowid"
    ours, theirs, ratio = in_turn(lambda: connection.execute(query).fetchall(), by_hand, turns=5)
    differing = sum(a != b for (a,), b in zip(connection.execute(query).fetchall(), by_hand(), strict=True))
    say(
        what,
        f"{ours:.2f} s against {theirs:.2f} s, ratio {ratio:.2f}, answers that differ: {differing}",
        f"≤ {most:g}",
        ratio <= most and differing == 0,
    )


def bench_names() -> None:
    """Taking 2,000 known names out of 20,000 free texts, against one regular expression of all of them."""
    from crmlib.intake.identities.known_names import KnownNames

    first = [f"An{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(50)]
    last = [f"Schmi{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(40)]
    known = [f"{one} {other}" for one in first for other in last]
    texts = [f"{i} asked {known[i % len(known)]} for help, who called back on day {i % 31}" for i in range(20_000)]
    names = KnownNames(known)
    by_hand = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\b")

    def ours() -> list[str]:
        return [names.masked(text, "[name]") for text in texts]

    def theirs() -> list[str]:
        return [by_hand.sub("[name]", text) for text in texts]

    mine, other, ratio = in_turn(ours, theirs, turns=3)
    differing = sum(a != b for a, b in zip(ours(), theirs(), strict=True))
    say(
        "2,000 known names in 20,000 texts against one regular expression of them",
        f"{mine:.2f} s against {other:.2f} s, ratio {ratio:.2f}, texts that differ: {differing}",
        "≤ 4",  # either order, whatever the case and the accents, where the expression knows one way of writing
        ratio <= 4 and differing == 0,
    )


def bench_money() -> None:
    """Trying seven money columns of 100,000 rows against each other, beside reading them as numbers with pandas."""
    import duckdb

    from crmlib.intake.money import PRODUCT, Parts, judged, numbers_under
    from crmlib.intake.readers import open_source
    from crmlib.intake.repairs import Habits

    folder = Path(tempfile.mkdtemp())
    file = folder / "orders.csv"
    rows = pd.DataFrame({"Qty": [i % 5 + 1 for i in range(100_000)], "Price": [i % 90 + 9.9 for i in range(100_000)]})
    rows["Off"] = [i % 7 for i in range(100_000)]
    rows["Back"], rows["Post"] = rows.Off % 3, 4.9
    rows["Paid"] = (rows.Qty * rows.Price - rows.Off).round(2)
    rows["Total"] = (rows.Paid + rows.Post).round(2)
    try:
        rows.to_csv(file, index=False)
        connection = duckdb.connect(config={"threads": 1})
        (source,), _ = open_source(connection, file, shown_as=file.name, name="money", scratch=folder)
        parts = Parts(PRODUCT, (), "Qty", "Price", "Off", "Back", postage="Post", others=("Paid", "Total"))

        def ours() -> Any:
            return judged(numbers_under(connection, [source], parts.headings, Habits("UTC")), parts)

        verdict = ours()
        mine, other, ratio = in_turn(ours, lambda: pd.read_csv(file, dtype=str).apply(pd.to_numeric), turns=5)
    finally:
        shutil.rmtree(folder)
    say(
        "trying seven money columns of 100,000 rows against pandas reading them as numbers",
        f"{mine:.2f} s against {other:.2f} s, ratio {ratio:.1f}, taken as paid: {verdict.amount}",
        "≤ 10",
        ratio <= 10 and verdict.amount == "Paid",
    )


def bench_members() -> None:
    """Opening a zip of 60 small files, against opening the same files one by one."""
    import zipfile

    import duckdb

    from crmlib.intake.readers import open_source

    folder = Path(tempfile.mkdtemp())
    files = [folder / f"orders_{i}.csv" for i in range(60)]
    try:
        for i, file in enumerate(files):
            file.write_text(f"order_id,customer_id,ordered_at,amount\n{i},a,2024-03-05,5.50\n", encoding="utf-8")
        with zipfile.ZipFile(folder / "orders.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.name)
        connection = duckdb.connect(config={"threads": 1})

        def opened(file: Path, name: str) -> int:
            return len(open_source(connection, file, shown_as=file.name, name=name, scratch=folder)[0])

        mine, other, ratio = in_turn(
            lambda: opened(folder / "orders.zip", "z"),
            lambda: [opened(file, f"f{i}") for i, file in enumerate(files)],
            turns=3,
        )
        members = opened(folder / "orders.zip", "z")
    finally:
        shutil.rmtree(folder)
    say(
        "a zip of 60 files against the same files one by one",
        f"{mine:.2f} s against {other:.2f} s, ratio {ratio:.2f}, members read: {members}",
        "≤ 1.3",
        ratio <= 1.3 and members == len(files),
    )


ONLINE_RETAIL = """
name: Online Retail
currency: GBP
timezone: Europe/London
tables:
  orders:
    from: {file}
    columns: {{order_id: InvoiceNo, customer_id: CustomerID, ordered_at: InvoiceDate,
              amount: {{product: [Quantity, UnitPrice]}}}}
    one_row_per: order_id
    adds_up: amount
    cancellations: {{where: {{InvoiceNo: "C*"}}, match: [CustomerID, StockCode], quantity: Quantity}}
  order_lines:
    from: {file}
    columns: {{order_id: InvoiceNo, product_id: StockCode, product_name: Description, quantity: Quantity,
              unit_price: UnitPrice, amount: {{product: [Quantity, UnitPrice]}}}}
    cancellations: {{where: {{InvoiceNo: "C*"}}, match: [CustomerID, StockCode], quantity: Quantity}}
  customers:
    from: {file}
    columns: {{customer_id: CustomerID, region: Country}}
    one_row_per: customer_id
"""

LARGE = """
name: Large
currency: CNY
timezone: Asia/Shanghai
tables: {orders: {from: orders.parquet}}
"""


WATCHED = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def checked(folder: Path, settings: str) -> tuple[float, float]:
    """Wall-clock seconds and peak gigabytes of ``crmlib check`` in a process of its own, on a client never seen."""
    client = Path(tempfile.mkdtemp(dir=folder))
    (client / "client.yaml").write_text(settings, encoding="utf-8")
    if (folder / "orders.parquet").exists():
        os.link(folder / "orders.parquet", client / "orders.parquet")
    command = [sys.executable, "-m", "crmlib.cli", "check", str(client / "client.yaml"), "--out", str(client / "out")]
    environment = {**os.environ, "CRMLIB_VAULT_KEY": "5a" * 32}
    # Started by a small process: a child's peak begins with the size of the one that started it.
    answered = subprocess.run(
        [sys.executable, "-c", WATCHED, *command], env=environment, stdout=subprocess.PIPE, check=True, text=True
    )
    taken, kilobytes = map(float, answered.stdout.split()[-2:])
    return taken, kilobytes / 1e6


def bench_check() -> None:
    """``crmlib check`` of 541,909 dirty rows in three tables, beside reading the same file with pandas."""
    file = ROOT.parent / "shared" / "data" / "online_retail.csv.gz"
    if not file.exists():
        print(f"left out  check: {file.name} is not here")
        return
    folder = Path(tempfile.mkdtemp())
    try:
        turns = [
            (checked(folder, ONLINE_RETAIL.format(file=file)), seconds(lambda: pd.read_csv(file))) for _ in range(3)
        ]
    finally:
        shutil.rmtree(folder)
    taken = statistics.median(ours for (ours, _), _ in turns)
    memory = max(gigabytes for (_, gigabytes), _ in turns)
    ratio = statistics.median(ours / theirs for (ours, _), theirs in turns)
    say(
        "crmlib check of 541,909 rows, in full",
        f"{taken:.1f} s, {memory:.2f} GB, {ratio:.1f} times pandas.read_csv of the same file",
        "≤ 8 s and ≤ 1 GB",
        taken <= 8 and memory <= 1,
    )


def bench_large() -> None:
    """``crmlib check`` of 20,000,000 orders in Parquet, beside DuckDB copying the same file."""
    import duckdb

    folder = Path(tempfile.mkdtemp())
    file = folder / "orders.parquet"
    try:
        duckdb.sql(
            "SELECT 'O' || i AS order_id, 'C' || hash(i) % 2000000 AS customer_id, "
            "TIMESTAMP '2022-01-01' + to_seconds(CAST(hash(i + 1) % 126230400 AS BIGINT)) AS ordered_at, "
            "round(5 + hash(i + 2) % 20000 / 100.0, 2) AS amount, "
            "CASE WHEN i % 50 = 0 THEN 'cancelled' ELSE 'paid' END AS status FROM range(20000000) AS t(i)"
        ).write_parquet(str(file))
        copied = seconds(
            lambda: duckdb.execute(f"COPY (FROM '{file}') TO '{folder / 'copy'}' (FORMAT parquet, COMPRESSION zstd)")
        )
        taken, memory = checked(folder, LARGE)
    finally:
        shutil.rmtree(folder)
    say(
        "crmlib check of 20,000,000 orders in Parquet",
        f"{taken:.0f} s, {memory:.1f} GB, {taken / copied:.1f} times DuckDB copying the same file",
        "≤ 60 s and ≤ 4 GB",
        taken <= 60 and memory <= 4,
    )


def main() -> None:
    """Run the named benchmarks, or all: ``bench growth --largest 100000000 --write BENCHMARKS.md``."""
    benches = {
        "import": bench_import,
        "small": bench_small,
        "run": bench_run,
        "fit": bench_clv.bench_fit,
        "predict": bench_clv.bench_predict,
        "scoring": bench_clv.bench_scoring,
        "preparation": bench_preparation,
        "masking": bench_masking,
        "pseudonyms": bench_pseudonyms,
        "names": bench_names,
        "money": bench_money,
        "members": bench_members,
        "check": bench_check,
        "large": bench_large,
        "growth": lambda: bench_size.bench_growth(asked.largest),
    }
    parser = argparse.ArgumentParser(description="Speed as ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(benches)}; all without any")
    parser.add_argument("--largest", type=int, default=bench_size.MOST_IN_CHAPTERS, help="orders of the largest shop")
    parser.add_argument("--write", type=Path, help="a file for all results, as a page")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in benches]:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(benches)}")
    for name in asked.names or benches:
        benches[name]()
    if asked.write:
        asked.write.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
