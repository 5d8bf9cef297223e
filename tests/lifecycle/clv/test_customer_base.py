"""Equal histories are merged, impossible ones refused by name."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import BetaGeoNBD, CustomerBaseInvalid, TooFewRepeatBuyers
from crmlib.lifecycle.clv.customer_base import merge_histories, read_histories


@pytest.mark.parametrize(
    ("history", "complaint"),
    [
        ((2, 5.0, 4.0), "customer anna: T smaller than recency"),
        ((-1, 0.0, 4.0), "customer anna: a negative frequency"),
        ((1.5, 2.0, 4.0), "customer anna: a fractional frequency"),
        ((0, 2.0, 4.0), "customer anna: no repeat purchase but a recency above 0"),
        ((1, 0.0, 4.0), "customer anna: repeat purchases but recency 0"),
        ((1, -1.0, 4.0), "customer anna: a negative recency"),
        ((1, np.nan, 4.0), "customer anna: a missing or infinite value"),
        ((1, 1.0, np.inf), "customer anna: a missing or infinite value"),
    ],
)
def test_impossible_histories_are_named(history: tuple[float, float, float], complaint: str) -> None:
    x, t_x, T = history
    customers = pd.DataFrame(
        {"customer_id": ["anna", "bert"], "frequency": [x, 1], "recency": [t_x, 1.0], "T": [T, 2.0]}
    )
    with pytest.raises(CustomerBaseInvalid, match=complaint):
        BetaGeoNBD.fit(customers)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(CustomerBaseInvalid, match=r"no column recency, T; make it with summary"):
        BetaGeoNBD.fit(pd.DataFrame({"frequency": [1]}))


def test_too_few_repeat_buyers_are_refused() -> None:
    customers = pd.DataFrame({"frequency": [0.0] * 95 + [1.0] * 5, "recency": [0.0] * 95 + [1.0] * 5, "T": 4.0})
    with pytest.raises(TooFewRepeatBuyers, match="only 5 of 100 customers bought again"):
        BetaGeoNBD.fit(customers)


def test_identical_customers_are_refused() -> None:
    with pytest.raises(TooFewRepeatBuyers, match="all 50 customers have the same history"):
        BetaGeoNBD.fit(pd.DataFrame({"frequency": [1.0] * 50, "recency": 1.0, "T": 4.0}))


def test_merging_keeps_every_customer_and_finds_them_again() -> None:
    random = np.random.default_rng(1)
    x = random.integers(0, 4, 1000).astype(float)
    T = random.integers(3, 6, 1000) / 7
    t_x = np.where(x > 0, random.integers(1, 3, 1000) / 7, 0.0)
    base = merge_histories(x, t_x, T, rows=True)
    assert base.customers.sum() == 1000
    for merged, original in ((base.x, x), (base.t_x, t_x), (base.T, T)):
        assert np.array_equal(merged[base.row], original)
    assert len(base) == len({*zip(x, t_x, T, strict=True)})


def test_merging_survives_very_many_distinct_times_and_huge_counts() -> None:
    random = np.random.default_rng(2)
    x = np.floor(10 ** random.uniform(0, 12, 3000))
    T = random.uniform(2, 3, 3000)
    t_x = random.uniform(1, 2, 3000)
    x, T, t_x = (np.concatenate([value, value]) for value in (x, T, t_x))
    base = merge_histories(x, t_x, T, rows=True)
    assert len(base) == 3000
    assert (base.customers == 2).all()
    assert np.array_equal(base.x[base.row], x)
    assert np.array_equal(base.T[base.row], T)


def test_a_database_counts_histories_itself(cdnow: pd.DataFrame) -> None:
    here, there = read_histories(cdnow), read_histories(ibis.memtable(cdnow))
    assert len(there) == 1016
    for name in ("x", "t_x", "T", "customers"):
        assert np.array_equal(getattr(here, name), getattr(there, name))
