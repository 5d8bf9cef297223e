"""The committed sample brand, read once per session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture(scope="session")
def aurora() -> dict[str, pd.DataFrame]:
    """The thirteen tables of Aurora Beauty by name, times parsed (local wall time)."""
    tables = {}
    for path in sorted((DATA / "aurora").glob("*.csv")):
        if path.stem == "truth_customers":
            continue
        columns = pd.read_csv(path, nrows=0).columns
        times = [column for column in columns if column == "at" or column.endswith(("_at", "_on"))]
        tables[path.stem] = pd.read_csv(path, parse_dates=times, low_memory=False)
    return tables


@pytest.fixture(scope="session")
def truth() -> dict[str, Any]:
    return json.loads((DATA / "aurora" / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def purchases(aurora: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Orders that count (paid or open) of real customers, in order of time, with ``home`` and ``acquired`` channel."""
    customers = aurora["customers"]
    real = customers[~customers["is_test"]].set_index("customer_id")
    orders = aurora["orders"]
    counted = orders[orders["status"].isin(["paid", "open"]) & orders["customer_id"].isin(real.index)]
    counted = counted.sort_values(["customer_id", "ordered_at"])
    home = counted.groupby("customer_id")["store"].first()
    return counted.assign(home=counted["customer_id"].map(home), acquired=counted["customer_id"].map(real["channel"]))
