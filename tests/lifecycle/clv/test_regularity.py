"""Whether customers order at random times, more regularly, or in clumps: known shapes are found again."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import regularity, regularity_table
from crmlib.lifecycle.clv.assumptions import _variance, successive_gaps

START = pd.Timestamp("2024-01-01")


def orders_with_gamma_gaps(
    k: float, *, customers: int, seed: int, days: float = 365.0, mean_gap: float = 25.0, leaving: float = 0.1
) -> pd.DataFrame:
    """Customers whose gaps are gamma of shape k at their own pace, who may leave after any order, seen for a while."""
    random = np.random.default_rng(seed)
    pace = mean_gap * random.gamma(3.0, 1 / 3.0, customers)
    gaps = random.gamma(k, 1 / k, (customers, 60)) * pace[:, None]
    gaps[:, 0] = random.uniform(0, 60, customers)
    at = np.cumsum(gaps, axis=1)
    stayed = np.cumsum(random.random(at.shape) < leaving, axis=1) == 0
    stayed = np.column_stack([np.ones(customers, bool), stayed[:, :-1]])
    who, which = np.nonzero((at < days) & stayed)
    moments = (START + pd.to_timedelta(at[who, which], unit="D")).floor("s")
    return pd.DataFrame({"customer_id": who, "ordered_at": moments, "amount": 10.0})


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("most_pairs", [1, 10])
def test_the_shape_is_found_again_although_the_window_ends_and_customers_leave(k: float, most_pairs: int) -> None:
    found = [
        regularity(
            orders_with_gamma_gaps(k, customers=1500, seed=seed), as_of="2024-12-30", most_pairs=most_pairs
        ).iloc[0]
        for seed in range(3)
    ]
    estimates = np.array([one["k"] for one in found])
    error = np.mean([np.log(one["high"] / one["low"]) / 3.92 for one in found]) / np.sqrt(len(found))
    assert error < 0.06
    if k < 1:  # of orders in clumps, several fall on one day and are one: more than k says, as the docstring tells
        assert 0.4 < estimates.mean() < 0.55
    else:
        assert abs(np.log(estimates).mean() - np.log(k)) < 3.5 * error
    if k != 1:
        assert all(one["p_value"] < 0.01 for one in found)
        assert all((one["low"] > 1) == (k > 1) and (one["high"] < 1) == (k < 1) for one in found)


def test_random_times_are_called_regular_as_rarely_as_the_p_value_says_even_in_a_short_window() -> None:
    # A window of two mean gaps, and merged days: the worst case for other estimates.
    found = pd.concat(
        [
            regularity(orders_with_gamma_gaps(1.0, customers=250, seed=seed, days=110, mean_gap=25), as_of="2024-12-30")
            for seed in range(40)
        ]
    )
    assert (found["p_value"] < 0.05).mean() <= 0.15  # of 40; 0.05 is meant
    assert 0.3 < (found["p_value"] < 0.5).mean() < 0.7
    assert ((found["low"] < 1) & (found["high"] > 1)).mean() >= 0.85  # 0.95 is meant
    assert np.log(found["k"]).mean() == pytest.approx(0.0, abs=0.06)


def test_frequent_random_orders_are_not_taken_for_regular_because_days_are_whole() -> None:
    orders = orders_with_gamma_gaps(1.0, customers=3000, seed=8, days=200, mean_gap=5)
    found = regularity(orders, as_of="2024-12-30").iloc[0]
    pairs = successive_gaps(orders, as_of="2024-12-30")
    naive = ((pairs["first_gap"] / pairs["both_gaps"] - 0.5) ** 2).mean()
    naive = (1 - 4 * naive) / (8 * naive)  # Wheat & Morrison, as if days were moments
    assert naive > 1.12
    assert found["k"] == pytest.approx(1.0, abs=0.08)


def test_the_variance_of_whole_days_is_exact_at_random_times_and_that_of_a_beta_for_long_gaps() -> None:
    sums = np.array([8.0, 31.0, 400.0])
    np.testing.assert_allclose(_variance(1.0, sums), (1 - 2 / sums) / 12, rtol=1e-12)
    np.testing.assert_allclose(_variance(1.0, np.array([4000.0])), (1 - 2 / 4000) / 12, rtol=1e-6)
    for k in (0.5, 2.0, 5.0):
        np.testing.assert_allclose(_variance(k, np.array([1e9])), 1 / (4 * (2 * k + 1)), rtol=1e-6)


def test_pairs_start_at_the_first_order_and_do_not_overlap() -> None:
    days = [0, 10, 30, 31, 61, 62, 100]
    orders = pd.DataFrame({"customer_id": "a", "ordered_at": [START + pd.Timedelta(d, "D") for d in days], "amount": 1})
    twice = pd.concat([orders, orders[2:4]])  # a second order on a day is no gap
    pairs = successive_gaps(twice, as_of="2025-12-31", most_pairs=9)
    assert pairs[["pair", "first_gap", "both_gaps"]].values.tolist() == [[1, 10, 30], [2, 1, 31], [3, 1, 39]]
    assert len(successive_gaps(twice, as_of="2025-12-31", most_pairs=1)) == 1
    assert len(successive_gaps(twice, as_of="2024-01-20")) == 0
    pd.testing.assert_frame_equal(pairs, successive_gaps(ibis.memtable(twice), as_of="2025-12-31", most_pairs=9))


def test_clockwork_is_as_regular_as_can_be_told() -> None:
    days = START + pd.to_timedelta(np.arange(5) * 30, unit="D")
    orders = pd.DataFrame({"customer_id": np.repeat(range(30), 5), "ordered_at": np.tile(days, 30), "amount": 1.0})
    found = regularity(orders, as_of="2025-12-31").iloc[0]
    assert found["k"] == pytest.approx(200)
    assert np.isfinite([found["low"], found["high"]]).all()
    assert found["p_value"] == pytest.approx(0.001)
    assert "more regularly" in regularity_table(found.to_frame().T).reading


def test_of_too_few_customers_with_three_orders_nothing_is_said() -> None:
    orders = orders_with_gamma_gaps(1.0, customers=12, seed=1)
    assert regularity(orders, as_of="2024-12-30").empty
    assert "k" in regularity(orders[:0], as_of="2024-12-30")


def test_options_that_cannot_be_meant_are_refused() -> None:
    orders = orders_with_gamma_gaps(1.0, customers=60, seed=1)
    for most_pairs in (0, -1, 1.5, np.nan):
        for of in (regularity, successive_gaps):
            with pytest.raises(ValueError, match="most_pairs must be a whole number, 1 or more, not"):
                of(orders, as_of="2024-12-30", most_pairs=most_pairs)
    for confidence in (95, 1, 1.0, 0, -0.5, np.nan):
        with pytest.raises(ValueError, match="confidence is a probability such as"):
            regularity(orders, as_of="2024-12-30", confidence=confidence)
    narrow, wide = (regularity(orders, as_of="2024-12-30", confidence=sure).iloc[0] for sure in (0.5, 0.99))
    assert np.log(wide["high"] / narrow["k"]) / np.log(narrow["high"] / narrow["k"]) == pytest.approx(
        2.575829 / 0.674490, rel=1e-5
    )


@pytest.mark.parametrize(
    ("k", "low", "high", "said"),
    [
        (1.1, 1.05, 1.15, "sure but small"),
        (2.0, 1.8, 2.2, "Somebody who is overdue is less likely still a customer"),
        (0.6, 0.5, 0.7, "in clumps"),
        (1.5, 0.9, 2.4, "random times, as the models assume"),
    ],
)
def test_what_regularity_means_is_said(k: float, low: float, high: float, said: str) -> None:
    timing = pd.DataFrame({"customers": [50], "pairs": [90], "k": [k], "low": [low], "high": [high]})
    assert said in regularity_table(timing).reading
