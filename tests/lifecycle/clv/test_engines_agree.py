"""The same customers in a pandas frame and in DuckDB: the same summary and the same models."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib import models
from crmlib.engine import connect
from crmlib.lifecycle import clv

MODELS = ["BetaGeoNBD", "ModifiedBetaGeoNBD", "ParetoNBD", "GammaGamma"]


def in_duckdb(frame: pd.DataFrame) -> ibis.Table:
    """The frame as a table of a database, its rows in another order."""
    connection = connect()
    connection.con.register("frame", frame.sample(frac=1, random_state=4))
    connection.raw_sql("CREATE TABLE kept AS SELECT * FROM frame")
    return connection.table("kept")


@pytest.mark.parametrize("unit", ["days", "weeks", "months"])
@pytest.mark.parametrize("first_order", [False, True])
def test_a_summary_is_the_same_from_a_frame_and_from_duckdb(
    cdnow_orders: pd.DataFrame, unit: Any, first_order: bool
) -> None:
    options: dict[str, Any] = {"calibration_end": "1997-09-30", "unit": unit, "first_order": first_order}
    orders = cdnow_orders[["customer_id", "ordered_at", "amount"]]
    here = clv.summary(orders, as_of="1998-06-30", **options)
    there = clv.summary(in_duckdb(orders), as_of="1998-06-30", **options)
    assert isinstance(there, ibis.Table)
    money = ["monetary", "holdout_spend"]
    pd.testing.assert_frame_equal(there.to_pandas().drop(columns=money), here.drop(columns=money))
    # Sums of money depend on the order of the rows, in their last digit.
    np.testing.assert_allclose(there.to_pandas()[money], here[money], rtol=1e-14)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_the_same_from_a_frame_and_from_duckdb(
    model: str, cdnow: pd.DataFrame, cdnow_orders: pd.DataFrame
) -> None:
    here = getattr(models, model).fit(cdnow)
    table = in_duckdb(cdnow)
    day = {"as_of": "1998-06-30", "calibration_end": "1997-09-30"}
    straight = clv.summary(in_duckdb(cdnow_orders), **day, unit="weeks", free_orders="count")
    for there in (getattr(models, model).fit(table), getattr(models, model).fit(straight)):
        np.testing.assert_allclose(
            [getattr(there, symbol) for symbol in there.symbols],
            [getattr(here, symbol) for symbol in here.symbols],
            rtol=1e-10,
        )
        assert there.log_likelihood_ == pytest.approx(here.log_likelihood_, rel=1e-12)
        np.testing.assert_allclose(there.covariance, here.covariance, rtol=1e-6)
        assert getattr(there, "unit", "weeks") == getattr(here, "unit", "weeks")


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_the_same_whatever_kind_of_number_the_columns_hold(model: str, cdnow: pd.DataFrame) -> None:
    here = getattr(models, model).fit(cdnow)
    narrow = cdnow.astype({"frequency": "int16"}).drop(columns="customer_id")
    for table in (narrow, narrow.astype({"frequency": "Float64"}), in_duckdb(narrow)):
        assert getattr(models, model).fit(table).log_parameters.tolist() == here.log_parameters.tolist()
