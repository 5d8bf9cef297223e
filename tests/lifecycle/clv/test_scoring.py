"""Scoring in the engine: the same values as in memory, customers who stay in the database, and named errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import customer_equity, predict, value_at_risk
from crmlib.models import BetaGeoNBD, CustomerBaseInvalid, GammaGamma


@pytest.fixture(scope="module")
def options(cdnow_model: BetaGeoNBD, cdnow_spend: GammaGamma) -> dict[str, Any]:
    return {"orders_model": cdnow_model, "spend_model": cdnow_spend, "margin": 0.5, "discount_rate": 0.1}


@pytest.fixture(scope="module")
def on_disk(cdnow: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("scoring")
    cdnow.sample(frac=1, random_state=3).reset_index(drop=True).to_parquet(folder / "customers.parquet")
    connection = ibis.duckdb.connect(str(folder / "scoring.duckdb"))
    connection.raw_sql(f"CREATE TABLE histories AS SELECT * FROM '{folder / 'customers.parquet'}'")
    return connection.table("histories")


@pytest.mark.parametrize("measure", [predict, value_at_risk])
def test_scores_from_the_engine_are_those_from_memory(
    measure: Any, on_disk: Any, cdnow: pd.DataFrame, options: dict[str, Any]
) -> None:
    scored = measure(on_disk, **options)
    assert isinstance(scored, ibis.Table)
    by_customer = scored.to_pandas().set_index("customer_id")
    assert by_customer.index.is_unique
    expected = measure(cdnow, **options).set_index("customer_id")
    pd.testing.assert_frame_equal(by_customer.loc[expected.index], expected, rtol=1e-12, atol=0)


def test_equity_from_the_engine_is_that_from_memory(on_disk: Any, cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    pd.testing.assert_frame_equal(customer_equity(on_disk, **options), customer_equity(cdnow, **options), rtol=1e-12)


def test_whole_and_decimal_columns_find_their_histories(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    days = cdnow.head(200).assign(recency=lambda f: f["recency"] * 7, T=lambda f: f["T"] * 7, unit="days").round(0)
    model = BetaGeoNBD(r=0.24, alpha=31.0, a=0.79, b=2.4, unit="days")
    known = {**options, "orders_model": model, "confidence": None}
    table = ibis.memtable(days.astype({"frequency": "int32", "recency": "int64", "T": "int64"}))
    table = table.mutate(monetary=table.monetary.cast("decimal(18, 4)"), T=table["T"].cast("decimal(9, 0)"))
    scored = predict(table, **known).to_pandas().set_index("customer_id")
    expected = predict(days, **known).set_index("customer_id")
    pd.testing.assert_frame_equal(scored.loc[expected.index], expected, rtol=1e-4)
    assert scored["clv"].sum() == pytest.approx(expected["clv"].sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("monetary", None, "customer 7: a missing or infinite value"),
        ("monetary", np.inf, "customer 7: a missing or infinite value"),
        ("monetary", -1.0, "customer 7: repeat purchases with a mean spend of 0 or less"),
        ("recency", 99.0, "customer 7: T smaller than recency"),
        ("frequency", 1.5, "customer 7: a negative or fractional|customer 7: a fractional frequency"),
        ("T", None, "customer 7: a missing or infinite value"),
    ],
)
def test_wrong_rows_are_named_alike_from_both(column: str, value: Any, complaint: str, options: dict[str, Any]) -> None:
    rows = pd.DataFrame({"customer_id": [5, 7, 8], "frequency": [2.0, 3.0, 0.0], "recency": [10.0, 12.0, 0.0],
                         "T": [30.0, 30.0, 20.0], "monetary": [20.0, 22.0, 0.0]})  # fmt: skip
    rows.loc[1, column] = value
    for table in (rows, ibis.memtable(rows)):
        with pytest.raises(CustomerBaseInvalid, match=complaint):
            predict(table, **options)


MANY = """
import resource

import ibis
import numpy as np
from crmlib.lifecycle.clv import customer_equity, predict
from crmlib.models import BetaGeoNBD, GammaGamma

connection = ibis.duckdb.connect(FILE, threads=1, memory_limit="256MB")
connection.raw_sql('''
    CREATE TABLE customers AS SELECT range AS customer_id, (range % 7)::DOUBLE AS frequency,
    CASE WHEN range % 7 = 0 THEN 0.0 ELSE 1.0 + range % 13 END AS recency, 20.0 + range % 3 AS "T",
    CASE WHEN range % 7 = 0 THEN 0.0 ELSE 5.0 + (range * 7919) % 1000 / 10.0 END AS monetary
    FROM range(COUNT)
''')
models = {
    "orders_model": BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259),
    "spend_model": GammaGamma(p=6.25, q=3.74, v=15.44),
}
scored = predict(connection.table("customers"), **models)
found = scored.aggregate(rows=scored.count(), clv=scored.clv.sum(), high=scored.clv_high.max())
print("\\nscored", *found.execute().iloc[0])
print("\\nequity", customer_equity(connection.table("customers"), **models, draws=10).value[1])
print("\\nmemory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * SIZE)
"""


def test_customers_never_pass_through_memory(tmp_path: Path) -> None:
    def peak(customers: int) -> float:
        code = MANY.replace("FILE", repr(str(tmp_path / f"{customers}.duckdb"))).replace("COUNT", str(customers))
        code = code.replace("SIZE", "1" if sys.platform == "darwin" else "1024")
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        found = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip()}  # past progress bars
        assert float(found["scored"][0]) == customers
        assert float(found["scored"][1]) == pytest.approx(float(found["equity"][0]), rel=1e-9)
        return float(found["memory"][0])

    # Two million customers with 14 columns of results would be a quarter of a gigabyte; DuckDB holds pages of its own.
    assert peak(2_000_000) - peak(2_000) < 300e6
