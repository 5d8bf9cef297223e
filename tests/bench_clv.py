"""Speed and memory of the customer-base models, for ``make bench``: fits, predictions, scoring in a database."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from tests.measure import in_turn, say, seconds


def simulated_customers(count: int) -> pd.DataFrame:
    """A BG/NBD customer base: frequency, recency and T in weeks, monetary, with CDNOW's parameters."""
    random = np.random.default_rng(7)
    r, alpha, a, b = 0.2426, 4.4136, 0.7929, 2.4259
    rate = random.gamma(r, 1 / alpha, count)
    leave = random.beta(a, b, count)
    T = random.integers(190, 274, count) / 7
    frequency, recency = np.zeros(count), np.zeros(count)
    now = np.zeros(count)
    active = np.arange(count)
    while len(active):
        now[active] += random.exponential(1 / rate[active])
        active = active[now[active] <= T[active]]
        frequency[active] += 1
        recency[active] = np.ceil(now[active] * 7) / 7
        active = active[random.random(len(active)) > leave[active]]
    recency = np.minimum(recency, T)
    spend = np.where(frequency > 0, 15.44 * random.gamma(6.25 * 4, 1 / 4, count) / random.gamma(3.74, 1, count), 0.0)
    frame = pd.DataFrame({"customer_id": np.arange(count), "frequency": frequency, "recency": recency, "T": T})
    return frame.assign(frequency=frame.frequency.astype(int), monetary=spend.round(2))


def published_customers(times: int) -> pd.DataFrame:
    """CDNOW's 2,357 customers, so many times over: 1,016 distinct histories, in weeks."""
    from crmlib.lifecycle.clv import summary

    origin = importlib.util.find_spec("lifetimes")
    assert origin is not None
    assert origin.origin is not None
    file = Path(origin.origin).parent / "datasets" / "CDNOW_sample.txt"
    names = ["master_id", "customer_id", "day", "units", "amount"]
    orders = pd.read_csv(file, sep=r"\s+", header=None, names=names)
    orders["ordered_at"] = pd.to_datetime(orders["day"].astype(str))
    once = summary(orders, as_of="1997-09-30", unit="weeks")
    many = pd.concat([once] * times, ignore_index=True)
    return many.assign(customer_id=np.arange(len(many)))


def _against_lifetimes(what: str, ours: type, theirs: type, base: pd.DataFrame, *, turns: int, wanted: float) -> None:
    found = {}

    def our_fit() -> None:
        found["ours"] = ours.fit(base)  # type: ignore[attr-defined]

    def their_fit() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found["theirs"] = theirs().fit(base.frequency, base.recency, base["T"])

    mine, other, ratio = in_turn(our_fit, their_fit, turns=turns)
    theirs_r, ours_r = float(found["theirs"].params_.iloc[0]), float(found["ours"].params["estimate"].iloc[0])
    same = bool(np.isclose(ours_r, theirs_r, rtol=0.02))
    say(
        f"{what} fit of {len(base):,} customers against lifetimes",
        f"{mine:.2f} s against {other:.1f} s, {1 / ratio:.0f} times faster, same r: {'yes' if same else 'NO'}",
        f"≥ {wanted:.0f} times",
        1 / ratio >= wanted and same,
    )


def bench_fit() -> None:
    """BG/NBD and Pareto/NBD against lifetimes; all three models on a million customers with many histories."""
    from lifetimes import BetaGeoFitter, ParetoNBDFitter

    from crmlib.models import BetaGeoNBD, GammaGamma, ModifiedBetaGeoNBD, ParetoNBD
    from crmlib.models.customer_base import read_histories

    base = simulated_customers(1_000_000)
    _against_lifetimes("BG/NBD", BetaGeoNBD, BetaGeoFitter, base, turns=3, wanted=100)
    _against_lifetimes("Pareto/NBD", ParetoNBD, ParetoNBDFitter, published_customers(150), turns=1, wanted=100)
    histories = len(read_histories(base))
    for model in (ModifiedBetaGeoNBD, ParetoNBD, GammaGamma):
        taken = seconds(partial(model.fit, base))
        say(
            f"{model.__name__} fit of 1,000,000 customers, {histories:,} distinct histories",
            f"{taken:.2f} s",
            "≤ 10 s",
            taken <= 10,
        )


def bench_predict() -> None:
    """Point predictions and full intervals of a million customers."""
    from crmlib.lifecycle.clv import predict
    from crmlib.models import BetaGeoNBD, GammaGamma, ParetoNBD
    from crmlib.models.customer_base import read_histories

    for base in (published_customers(425)[:1_000_000], simulated_customers(1_000_000)):
        histories = len(read_histories(base))
        spend = GammaGamma.fit(base)
        for kind in (BetaGeoNBD, ParetoNBD):
            models = {"orders_model": kind.fit(base), "spend_model": spend, "discount_rate": 0.1}
            point = seconds(partial(predict, base, confidence=None, **models))
            full = seconds(partial(predict, base, **models))
            what = f"{kind.__name__}, 1,000,000 customers, {histories:,} distinct histories"
            say(f"predict, {what}", f"{point:.2f} s", "≤ 2 s", point <= 2)
            say(f"predict with intervals, {what}", f"{full:.2f} s", "≤ 10 s", full <= 10)


SCORE = """
import resource, sys, time
import ibis
from crmlib.lifecycle.clv import predict
from crmlib.models import BetaGeoNBD, GammaGamma
connection = ibis.duckdb.connect(sys.argv[1], memory_limit="1GB", threads=2)
base = connection.table("base")
before = time.perf_counter()
if sys.argv[2] == "score":
    models = {"orders_model": BetaGeoNBD.fit(base), "spend_model": GammaGamma.fit(base.filter(base.customer_id < 2357))}
    predict(base, **models, discount_rate=0.1).to_parquet(sys.argv[1] + ".parquet")
    assert connection.read_parquet(sys.argv[1] + ".parquet").count().execute() == base.count().execute()
print(time.perf_counter() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def bench_scoring() -> None:
    """Customers in a database are scored there: memory does not grow with their number."""
    peaks = {}
    for times in (400, 4_000):
        with tempfile.TemporaryDirectory() as folder:
            import ibis

            file = Path(folder) / "base.duckdb"
            connection = ibis.duckdb.connect(file)
            published_customers(1).to_parquet(Path(folder) / "once.parquet")
            connection.raw_sql(
                "CREATE TABLE base AS SELECT once.* REPLACE (CAST(once.customer_id + 2357 * copy AS BIGINT) AS "
                f"customer_id) FROM '{folder}/once.parquet' AS once, range({times}) AS copies(copy)"
            )
            count = connection.table("base").count().execute()
            connection.disconnect()
            done = subprocess.run(
                [sys.executable, "-c", SCORE, str(file), "score"], capture_output=True, text=True, check=True
            )
            taken, peaks[count] = map(float, done.stdout.split())
            say(f"scoring {count:,} customers in DuckDB", f"{taken:.1f} s, peak {peaks[count]:.2f} GB", "≤ 2 GB",
                peaks[count] <= 2)  # fmt: skip
    few, many = peaks.values()
    say("memory with ten times the customers", f"{many / few:.1f} times", "≤ 3 times", many / few <= 3)
