"""Value so far against value to come."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmlib import models
from crmlib.lifecycle import clv

BG = models.BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)


@pytest.fixture(scope="module")
def values(cdnow: pd.DataFrame) -> pd.DataFrame:
    p = models.GammaGamma.fit(cdnow)
    orders = BG.expected_orders(52, cdnow["frequency"], cdnow["recency"], cdnow["T"])
    return pd.DataFrame(
        {"customer_id": cdnow["customer_id"], "clv": orders * p.expected_spend(cdnow["frequency"], cdnow["monetary"])}
    )


def test_the_cells_of_the_matrix_part_the_customers(cdnow: pd.DataFrame, values: pd.DataFrame) -> None:
    matrix = clv.value_matrix(cdnow, values, margin=0.5).set_index("cell")
    assert matrix.index.tolist() == ["keep", "win_back", "develop", "automate"]
    assert matrix["customers"].sum() == 2357
    so_far = 0.5 * cdnow["frequency"] * cdnow["monetary"]
    assert matrix["value_now"].sum() == pytest.approx(so_far.sum())
    assert matrix["value_to_come"].sum() == pytest.approx(values["clv"].sum())
    lost = (so_far > so_far.mean()) & (values["clv"] <= values["clv"].mean())
    assert matrix.loc["win_back", "customers"] == lost.sum() > 0
    assert matrix.loc["win_back", "value_now"] == pytest.approx(so_far[lost].sum())
    for share in ("share_of_customers", "share_of_value_now", "share_of_value_to_come"):
        assert matrix[share].sum() == pytest.approx(1)
    # Who is to be developed may still have less before them than behind.
    assert matrix.loc["develop", "value_now"] > 0
    shown = clv.plot_value_matrix(matrix.reset_index())
    assert shown.reading.startswith(f"{matrix.loc['keep', 'customers']} customers are above average in both")
    assert f"{matrix.loc['develop', 'customers']} brought less than average so far" in shown.reading
    assert shown.picture.svg(label="").count("so far: $") == 4


def test_the_matrix_takes_any_value_so_far_and_refuses_mixed_customers(cdnow: pd.DataFrame, values) -> None:
    last_year = np.where(np.arange(2357) < 10, 100.0, 0.0)
    matrix = clv.value_matrix(cdnow, values, value_now=last_year).set_index("now")
    assert matrix.loc["high", "customers"].sum() == 10
    none = clv.value_matrix(cdnow, values, value_now=np.zeros(2357))
    assert (none["share_of_value_now"] == 0).all()
    assert none.loc[none["now"] == "high", "customers"].sum() == 0
    with pytest.raises(models.CustomerBaseInvalid, match="same customers in the same order"):
        clv.value_matrix(cdnow, values[::-1])
    with pytest.raises(models.CustomerBaseInvalid, match="one finite amount per customer"):
        clv.value_matrix(cdnow, values, value_now=[1.0])


def test_values_that_are_none_are_refused(cdnow: pd.DataFrame) -> None:
    assert clv.value_matrix(cdnow[:0], pd.DataFrame({"clv": []})).empty
    with pytest.raises(models.CustomerBaseInvalid, match="1 values are missing"):
        clv.value_matrix(cdnow[:2], pd.DataFrame({"clv": [1.0, np.nan]}))
