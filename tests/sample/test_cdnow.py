"""The CDNOW customer base is whole, and its published sample can be told apart."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
import yaml

from crmlib.sample import cdnow

FOLDER = Path(__file__).resolve().parents[2] / "data" / "cdnow"


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "orders.csv", dtype={"customer_id": str}, parse_dates=["ordered_at"])


@pytest.fixture(scope="module")
def sample_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Purchase days of the published sample: several orders on one day are one."""
    sample = pd.read_csv(FOLDER / "sample_customers.csv", dtype=str)
    return orders[orders["customer_id"].isin(sample["customer_id"])].drop_duplicates(["customer_id", "ordered_at"])


def test_the_cohort_is_whole(orders: pd.DataFrame) -> None:
    assert len(orders) == 69_659
    assert orders["customer_id"].nunique() == 23_570
    assert orders["order_id"].is_unique
    assert (orders["ordered_at"].min(), orders["ordered_at"].max()) == (
        pd.Timestamp("1997-01-01"),
        pd.Timestamp("1998-06-30"),
    )
    assert (orders["amount"] == 0).sum() == 80


def test_the_published_sample_has_its_published_counts(sample_orders: pd.DataFrame) -> None:
    calibration = sample_orders[sample_orders["ordered_at"] <= "1997-09-30"]
    repeats = calibration.groupby("customer_id").size() - 1
    assert len(repeats) == 2_357
    assert (repeats > 0).sum() == 946
    assert repeats.sum() == 2_457
    assert len(sample_orders) - len(calibration) == 1_882


def test_the_settings_are_those_of_the_shop() -> None:
    client = yaml.safe_load((FOLDER / "client.yaml").read_text(encoding="utf-8"))
    assert (client["currency"], str(client["as_of"])) == ("USD", "1998-06-30")


@pytest.mark.skipif(importlib.util.find_spec("lifetimes") is None, reason="the published files are not installed")
def test_the_script_writes_the_committed_rows() -> None:
    written = list(cdnow.order_rows(cdnow.published_file("CDNOW_master.txt")))
    assert written == (FOLDER / "orders.csv").read_text(encoding="utf-8").splitlines()[1:]
    sample = list(cdnow.sample_rows(cdnow.published_file("CDNOW_sample.txt")))
    assert sample == (FOLDER / "sample_customers.csv").read_text(encoding="utf-8").splitlines()[1:]
