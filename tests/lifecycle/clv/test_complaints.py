"""What users of such libraries complain of, and that it does not happen here: one complaint, one test."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib import models
from crmlib.lifecycle import clv
from crmlib.lifecycle.clv.holdout import count_probability
from crmlib.lifecycle.clv.options import horizon_days
from crmlib.models import BetaGeoNBD, GammaGamma, ModifiedBetaGeoNBD, ParetoNBD
from crmlib.models.customer_base import read_histories
from crmlib.models.maximum_likelihood import maximise

MODELS = [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD]
KNOWN = [
    BetaGeoNBD(r=0.2425945, alpha=4.4136019, a=0.7929199, b=2.4258881),
    ModifiedBetaGeoNBD(r=0.5248, alpha=6.1831, a=0.8914, b=1.6140),
    ParetoNBD(r=0.55328, alpha=10.5777, s=0.60624, beta=11.6687),
]
SPEND = GammaGamma(p=6.2496, q=3.7442, v=15.4435)

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
every_known_model = pytest.mark.parametrize("model", KNOWN, ids=lambda model: type(model).__name__)


def orders_of(*rows: tuple[Any, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"]))


# "Fits do not converge, or depend on a random start."


@every_model
def test_a_fit_is_the_same_every_time_in_any_order_and_from_any_start(model: Any, cdnow: pd.DataFrame) -> None:
    once = model.fit(cdnow)
    assert once.converged
    assert once.log_parameters.tolist() == model.fit(cdnow).log_parameters.tolist()
    assert once.log_parameters.tolist() == model.fit(cdnow.sample(frac=1, random_state=1)).log_parameters.tolist()
    likelihood = model.likelihood(read_histories(cdnow))
    for start in model.starts:
        assert maximise(likelihood, [start], model.symbols)[1] == pytest.approx(once.log_likelihood_, abs=1e-7)


@every_model
def test_small_bases_are_fitted_or_refused_with_reasons_but_never_half_fitted(model: Any, cdnow: pd.DataFrame) -> None:
    bases = [cdnow.sample(n=60, random_state=seed) for seed in range(8)]
    refused = []
    for base in bases:
        try:
            fitted = model.fit(base)
        except models.FitDidNotConverge:
            refused.append(base)
            continue
        _, gradient, hessian = model.likelihood(read_histories(base))(fitted.log_parameters)
        assert np.linalg.eigvalsh(-hessian)[0] > 0
        assert gradient @ np.linalg.solve(-hessian, gradient) < 1e-6
    assert len(refused) < len(bases)
    for base in refused:
        with pytest.raises(models.FitDidNotConverge, match="Tried"):
            model.fit(base)
        assert model.fit(base, prior_spread=2).converged


# "NaN or overflow for heavy buyers and long horizons."


@every_known_model
def test_heavy_buyers_and_long_horizons_have_finite_expectations(model: Any) -> None:
    x = np.array([0, 1, 10, 200, 1_000, 20_000, 100_000])
    # Half way silent since, silent for a little, and never.
    for t_x, T in ((50.0, 100.0), (90.0, 100.0), (99.9, 100.0), (100.0, 100.0)):
        t_x = np.where(x > 0, t_x, 0.0)
        assert np.isfinite(model.log_likelihood(x, t_x, T)).all()
        alive = model.p_alive(x, t_x, T)
        assert ((alive >= 0) & (alive <= 1)).all()
        over_time = np.array([model.expected_orders(t, x, t_x, T) for t in (1e-3, 1.0, 52.0, 1e3, 1e5)])
        assert np.isfinite(over_time).all()
        assert (over_time >= 0).all()
        assert (np.diff(over_time, axis=0) >= 0).all()
    # Who bought 100,000 times in 100 weeks, and just now, goes on at 1,000 a week.
    assert model.expected_orders(1e-3, 100_000, 100.0, 100.0) == pytest.approx(1.0, rel=0.15)


# "P(alive) = 1 for every one-time buyer under BG/NBD."


def test_one_time_buyers_may_be_gone_under_the_other_models() -> None:
    silent = np.array([1.0, 10.0, 39.0, 200.0])
    assert (KNOWN[0].p_alive(0, 0, silent) == 1).all()  # by construction, and said so
    for model in KNOWN[1:]:
        alive = model.p_alive(0, 0, silent)
        assert ((alive > 0) & (alive < 1)).all()
    assert (np.diff(KNOWN[2].p_alive(0, 0, silent)) < 0).all()  # the longer silent, the less likely alive


# "Time units are confused: a hard-coded month of 30 days."


def test_a_year_is_a_year_in_days_weeks_and_months(cdnow_orders: pd.DataFrame) -> None:
    orders = cdnow_orders.head(3000)
    answers = []
    for unit in ("days", "weeks", "months"):
        customers = clv.summary(orders, as_of="1998-06-30", unit=unit)  # type: ignore[arg-type]
        models = {"orders_model": BetaGeoNBD.fit(customers), "spend_model": SPEND, "confidence": None}
        for horizon in ("365D", "12M", "1Y"):
            table = clv.predict(customers, horizon, as_of="1998-06-30", discount_rate=0.1, **models)
            answers.append(table[["expected_orders", "clv", "residual_clv"]].to_numpy())
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], rtol=1e-6)


def test_a_calendar_month_has_its_own_days() -> None:
    customers = pd.DataFrame({"customer_id": [1], "frequency": [3], "recency": [30.0], "T": [38.0], "monetary": [20.0]})
    models = {"orders_model": KNOWN[0], "spend_model": SPEND, "confidence": None}
    for as_of, days in (("2025-01-31", 28), ("2025-02-28", 28), ("2025-03-31", 30), ("2025-06-30", 30)):
        by_month = clv.predict(customers, "1M", as_of=as_of, **models)
        pd.testing.assert_frame_equal(by_month, clv.predict(customers, f"{days}D", **models))
    assert horizon_days("12M", "2023-06-30") == 366  # a leap year is in it


# "Which CLV is meant?"


def test_value_within_a_horizon_and_residual_value_are_two_columns(cdnow: pd.DataFrame) -> None:
    models = {"orders_model": KNOWN[2], "spend_model": SPEND, "confidence": None, "discount_rate": 0.15}
    near = clv.predict(cdnow, "180D", **models)
    far = clv.predict(cdnow, "36500D", **models)
    assert (near["clv"] < near["residual_clv"]).all()
    np.testing.assert_allclose(near["residual_clv"], far["residual_clv"])
    # After a hundred years at 15 % nothing is left; steps of a month against exact time leave a little.
    np.testing.assert_allclose(far["clv"], far["residual_clv"], rtol=1e-3)


# "Negative CLV when gamma-gamma's q is below 1."


def test_value_is_never_negative_even_where_mean_spend_has_no_end(cdnow: pd.DataFrame) -> None:
    heavy_tailed = GammaGamma(p=0.4, q=0.3, v=10.0, observed_mean=33.0)
    table = clv.predict(cdnow, orders_model=KNOWN[0], spend_model=heavy_tailed, discount_rate=0.1)
    numbers = table.drop(columns="customer_id").to_numpy(dtype=float)
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (table.loc[cdnow["frequency"] == 0, "expected_spend"] == 33.0).all()


# "Zero, negative and refunded spend."


def test_refunds_reduce_spend_negatives_are_no_orders_nor_are_free_ones() -> None:
    orders = orders_of(
        (1, "2025-01-01", 10.0), (1, "2025-01-08", 20.0), (1, "2025-01-15", -20.0), (1, "2025-01-22", 0.0),
        (1, "2025-01-29", 12.0),
    ).assign(refunded_amount=[0.0, 5.0, 0.0, 0.0, 12.0])  # fmt: skip
    row = clv.summary(orders, as_of="2025-02-05", unit="weeks", free_orders="count").iloc[0]
    assert (row["frequency"], row["recency"], row["monetary"]) == (2, 3.0, 7.5)  # 15 left of the 8th, 0 on the 22nd
    assert clv.summary(orders, as_of="2025-02-05").iloc[0]["monetary"] == 15.0


# "Does the first order count?"


def test_the_first_order_is_no_repeat_order_and_counts_for_spend_only_when_asked_for() -> None:
    orders = orders_of((1, "2025-01-01", 100.0), (1, "2025-01-08", 20.0), (2, "2025-01-08", 50.0))
    repeat, all_orders = (
        clv.summary(orders, as_of="2025-02-05", first_order=first).set_index("customer_id") for first in (False, True)
    )
    assert repeat["frequency"].to_dict() == all_orders["frequency"].to_dict() == {1: 1, 2: 0}
    assert repeat["monetary"].to_dict() == {1: 20.0, 2: 0.0}
    assert all_orders["monetary"].to_dict() == {1: 60.0, 2: 50.0}


# "Spend is averaged per order in one half and per day in the other."


def test_spend_is_averaged_per_day_with_purchases_in_both_halves() -> None:
    half = [("2025-01-08", 10.0), ("2025-01-08", 30.0), ("2025-01-15", 20.0)]
    later = [(str(pd.Timestamp(day) + pd.Timedelta(weeks=10))[:10], amount) for day, amount in half]
    orders = orders_of((1, "2025-01-01", 5.0), *((1, *row) for row in half + later))
    row = clv.summary(orders, as_of="2025-05-01", calibration_end="2025-02-12").iloc[0]
    assert (row["frequency"], row["monetary"]) == (2, 30.0)
    assert (row["holdout_orders"], row["holdout_spend"] / row["holdout_orders"]) == (2, 30.0)


# "Results lose the customer index." "No intervals on predictions."


def test_predictions_keep_rows_index_and_names_and_have_intervals(cdnow: pd.DataFrame) -> None:
    customers = cdnow.sample(n=200, random_state=5)
    customers.index = pd.Index([f"row {i}" for i in range(200)], name="line")
    customers["customer_id"] = [f"c-{i:05d}" for i in customers["customer_id"]]
    table = clv.predict(customers, orders_model=KNOWN[1], spend_model=SPEND)
    assert table.index.equals(customers.index)
    assert table["customer_id"].tolist() == customers["customer_id"].tolist()
    np.testing.assert_allclose(
        table["p_alive"], KNOWN[1].p_alive(customers["frequency"], customers["recency"], customers["T"]), rtol=1e-9
    )
    for name in ("p_alive", "expected_orders", "expected_spend", "clv"):
        assert (table[f"{name}_low"] <= table[f"{name}_high"]).all()
        assert np.isfinite(table[[f"{name}_low", f"{name}_high"]].to_numpy()).all()


# "No baseline, and no lift or Gini on the holdout."


def test_a_model_stands_beside_baselines_with_gini_and_lift(cdnow: pd.DataFrame) -> None:
    table = clv.baseline_comparison(cdnow, [ParetoNBD.fit(cdnow)]).set_index("method")
    assert {"ParetoNBD", "personal_rate", "last_period", "recency_rule", "overall_mean"} <= set(table.index)
    # Who orders in the holdout is ranked better than by the rules, and by far better than by none at all.
    assert table.loc["ParetoNBD", "gini"] == table["gini"].max()
    assert table.loc["overall_mean", "gini"] == 0
    assert table.loc["ParetoNBD", "root_mean_squared_error"] == table["root_mean_squared_error"].min()
    lifted = clv.lift(cdnow, [ParetoNBD.fit(cdnow)]).set_index(["method", "share_contacted"])
    assert lifted.loc[("ParetoNBD", 0.05), "lift"] > 6
    assert lifted.loc[("ParetoNBD", 1.0), "lift"] == pytest.approx(1)


# "Minutes where seconds would do, because equal histories are not merged." "Gigabytes for 200,000 customers."


@every_model
def test_a_hundred_times_the_customers_are_the_same_histories(model: Any, cdnow: pd.DataFrame) -> None:
    many = pd.concat([cdnow] * 100, ignore_index=True).assign(customer_id=range(100 * len(cdnow)))
    assert len(read_histories(many)) == len(read_histories(cdnow)) == 1016
    once, hundredfold = model.fit(cdnow), model.fit(many)
    # A fit ends where less than 1e-9 of log-likelihood is to be gained: to 1e-4 of a standard error.
    off = (hundredfold.log_parameters - once.log_parameters) / np.sqrt(np.diag(once.covariance))
    assert np.abs(off).max() < 1e-4
    assert hundredfold.log_likelihood_ == pytest.approx(100 * once.log_likelihood_, rel=1e-10)
    assert hundredfold.params["standard_error"].iloc[0] == pytest.approx(
        once.params["standard_error"].iloc[0] / 10, rel=1e-4
    )


def test_two_hundred_thousand_customers_take_no_gigabytes(cdnow: pd.DataFrame) -> None:
    many = pd.concat([cdnow] * 85, ignore_index=True).assign(customer_id=range(85 * len(cdnow)))
    tracemalloc.start()
    try:
        table = clv.predict(many, orders_model=KNOWN[0], spend_model=SPEND, discount_rate=0.1)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(table) == 200_345
    assert most < 400e6


# "Impossible questions get answers, negative ones and NaN."


@every_known_model
def test_times_and_counts_that_cannot_be_are_refused(model: Any) -> None:
    for t in (-1, [5, -3], np.nan, np.inf, -np.inf):
        for ask in (
            lambda t: model.expected_orders(t, 2, 5, 10),
            lambda t: model.expected_orders_if_alive(t, 2, 10),
            lambda t: model.expected_order_pairs_if_alive(t, 2, 10),
            lambda t: model.expected_orders_new(t),
            lambda t: model.pmf(1, t),
            lambda t: count_probability(model, 1, t, 2, 5, 10),
        ):
            with pytest.raises(ValueError, match=r"^t is .*; times are finite and 0 or more"):
                ask(t)
    for n in (0.5, -1, np.nan, np.inf, [0, 1.5]):
        for count in (lambda n: model.pmf(n, 5), lambda n: count_probability(model, n, 5, 2, 5, 10)):
            with pytest.raises(ValueError, match=r"^n is .*; orders are counted: whole numbers from 0 on"):
                count(n)
    with pytest.raises(ValueError, match=r"^t is -3 at position 1 \(and 1 more are wrong\)"):
        model.expected_orders_new([1, -3, np.nan])
    with pytest.raises(ValueError, match=r"^T is -1;"):
        model.residual_orders_if_alive(1, -1, 0.1)
    with pytest.raises(ValueError, match=r"^x is -1;"):
        model.expected_orders_if_alive(1, -1, 10)
    assert model.expected_orders_new(0) == 0
    assert model.pmf([0, 1], 0).tolist() == pytest.approx([1, 0])
