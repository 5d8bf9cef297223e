"""Value per customer and in total: what it is made of, how sure it is, and whether it comes true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.lifecycle.clv import (
    HorizonInvalid,
    age_grid,
    customer_equity,
    equity_shares,
    predict,
    prediction,
    totals,
    value_at_risk,
    value_by_group,
)
from crmlib.lifecycle.clv.age_grid import AgeGrid, bounded_log
from crmlib.models import (
    BetaGeoNBD,
    CustomerBaseInvalid,
    GammaGamma,
    MeanSpendUndefined,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    fit_with_covariates,
)
from crmlib.models.customer_base import CustomerBase


@pytest.fixture(scope="module")
def options(cdnow_model: BetaGeoNBD, cdnow_spend: GammaGamma) -> dict[str, Any]:
    return {"orders_model": cdnow_model, "spend_model": cdnow_spend, "margin": 0.5, "discount_rate": 0.1}


ENDS = ("", "_low", "_high")


def test_value_is_margin_times_spend_times_discounted_orders(
    cdnow: pd.DataFrame, options: dict[str, Any], cdnow_model: BetaGeoNBD, cdnow_spend: GammaGamma
) -> None:
    table = predict(cdnow, **options)
    measures = ["p_alive", "expected_orders", "expected_spend", "clv", "residual_clv"]
    assert list(table.columns) == ["customer_id"] + [name + end for name in measures for end in ENDS]
    x, t_x, T, m = (cdnow[name].to_numpy() for name in ("frequency", "recency", "T", "monetary"))
    np.testing.assert_allclose(table["p_alive"], cdnow_model.p_alive(x, t_x, T), rtol=1e-12)
    np.testing.assert_allclose(table["expected_orders"], cdnow_model.expected_orders(365 / 7, x, t_x, T), rtol=1e-12)
    np.testing.assert_allclose(table["expected_spend"], cdnow_spend.expected_spend(x, m), rtol=1e-12)
    ends = np.arange(13) * 365 / 12
    orders = np.diff([cdnow_model.expected_orders(end / 7, x, t_x, T) for end in ends], axis=0)
    factors = 1.1 ** (-(ends[1:] + ends[:-1]) / 2 / 365)
    np.testing.assert_allclose(table["clv"], 0.5 * table["expected_spend"] * (factors @ orders), rtol=1e-9)
    to_come = cdnow_model.residual_orders(x, t_x, T, np.log(1.1) * 7 / 365)
    np.testing.assert_allclose(table["residual_clv"], 0.5 * table["expected_spend"] * to_come, rtol=1e-12)


def test_without_intervals_only_values_are_told(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    plain = predict(cdnow, **options, confidence=None)
    measures = ["p_alive", "expected_orders", "expected_spend", "clv", "residual_clv"]
    assert list(plain.columns) == ["customer_id", *measures]
    pd.testing.assert_frame_equal(plain, predict(cdnow, **options)[plain.columns])
    assert "residual_clv" not in predict(cdnow, **{**options, "discount_rate": 0.0})


def test_residual_value_holds_that_of_any_horizon_and_is_reached_by_long_ones(
    cdnow: pd.DataFrame, options: dict[str, Any]
) -> None:
    some = cdnow[:50]
    values = [predict(some, f"{days}D", **options, confidence=None) for days in (30, 365, 3650, 36500)]
    for shorter, longer in pairwise(values):
        assert (shorter["clv"] < longer["clv"]).all()
        assert (longer["clv"] <= longer["residual_clv"] * (1 + 1e-4)).all()
    # Steps of a twelfth of a year discount from their middles.
    np.testing.assert_allclose(values[-1]["clv"], values[-1]["residual_clv"], rtol=2e-3)


def test_horizons_are_calendar_lengths(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    def orders(horizon: Any, as_of: Any = None) -> float:
        plain = predict(cdnow, horizon, **options, as_of=as_of, confidence=None)
        return plain["expected_orders"].sum()

    assert orders("12M", "1997-09-30") == orders("365D") == orders("1Y", dt.date(1997, 9, 30))
    assert orders("12M", "1999-09-30") == orders("366D") > orders("365D")  # a leap year
    assert orders("52W") == orders("364D")
    assert orders("1998-09-30", "1997-09-30") == orders(dt.date(1998, 9, 30), "1997-09-30") == orders("365D")
    assert orders("1M", "1997-01-31") == orders("28D")
    for make in (predict, value_at_risk, customer_equity):
        with pytest.raises(HorizonInvalid, match="say as_of"):
            make(cdnow, "12M", **options)


@pytest.mark.parametrize("horizon", ["0D", "12", "12m", "1.5Y", "-3M", "1997-09-30", 365, "2025-02-30", "9999Y"])
def test_horizons_that_mean_nothing_are_refused(horizon: Any, cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    with pytest.raises(HorizonInvalid, match="horizon"):
        predict(cdnow, horizon, **options, as_of="1997-09-30")


def test_without_discounting_value_is_orders_times_spend(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    table = predict(cdnow, **{**options, "margin": 1.0, "discount_rate": 0.0}, horizon="100D")
    np.testing.assert_allclose(table["clv"], table["expected_orders"] * table["expected_spend"], rtol=1e-12)


def test_rows_keep_their_order_and_index(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    shuffled = cdnow.sample(frac=1, random_state=5)
    table = predict(shuffled, **options)
    assert table.index.equals(shuffled.index)
    assert (table["customer_id"] == shuffled["customer_id"]).all()
    pd.testing.assert_frame_equal(table.sort_index(), predict(cdnow, **options), rtol=1e-12)


def test_a_model_in_days_and_one_in_weeks_value_customers_alike(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    in_days = cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7, unit="days")
    table = predict(in_days, **{**options, "orders_model": BetaGeoNBD.fit(in_days)}, confidence=None)
    with pytest.raises(CustomerBaseInvalid, match="the times are in days, and weeks are expected"):
        predict(in_days, **options)
    np.testing.assert_allclose(table["clv"], predict(cdnow, **options)["clv"], rtol=1e-6)


@pytest.mark.parametrize("given", ["orders", "spend", "both"])
def test_models_of_known_parameters_leave_chance_only(given: str, cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    known = dict(options)
    if given != "spend":
        known["orders_model"] = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    if given != "orders":
        known["spend_model"] = GammaGamma(p=6.2496, q=3.7442, v=15.4435)
    table, equity = predict(cdnow[:200], **known), customer_equity(cdnow, **known).set_index("measure")
    assert np.isfinite(table.drop(columns="customer_id")).all(axis=None)
    assert np.isfinite(equity).all(axis=None)
    if given != "spend":
        assert (table["p_alive_low"] == table["p_alive"]).all()
        assert (table["p_alive_high"] == table["p_alive"]).all()
    if given == "both":
        risk = equity.loc["value_at_risk"]
        assert risk["low"] == pytest.approx(risk["value"]) == risk["high"]
    fitted = customer_equity(cdnow, **options).set_index("measure")
    width, full = (table.loc["customer_equity", "high"] - table.loc["customer_equity", "low"]
                   for table in (equity, fitted))  # fmt: skip
    assert 0.3 * full < width < full


def test_equity_is_the_sum_of_customers(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    equity = customer_equity(cdnow, **options).set_index("measure")
    table, risk = predict(cdnow, **options), value_at_risk(cdnow, **options)
    assert equity.loc["customer_equity", "value"] == pytest.approx(table["clv"].sum(), rel=1e-12)
    assert equity.loc["expected_orders", "value"] == pytest.approx(table["expected_orders"].sum(), rel=1e-12)
    assert equity.loc["value_at_risk", "value"] == pytest.approx(risk["value_at_risk"].sum(), rel=1e-12)
    assert equity.loc["residual_equity", "value"] == pytest.approx(table["residual_clv"].sum(), rel=1e-12)
    assert ((equity["low"] < equity["value"]) & (equity["value"] < equity["high"])).all()
    assert list(equity.index) == [
        "expected_orders", "customer_equity", "value_at_risk", "came_back_alive", "residual_equity"
    ]  # fmt: skip
    pd.testing.assert_frame_equal(equity, customer_equity(cdnow, **options).set_index("measure"))
    horizon_only = customer_equity(cdnow, **options, residual=False).set_index("measure")
    pd.testing.assert_frame_equal(equity.drop("residual_equity"), horizon_only)


def test_where_a_model_can_tell_all_who_are_alive_are_counted(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    equity = customer_equity(cdnow, **{**options, "orders_model": ModifiedBetaGeoNBD.fit(cdnow)}, draws=20)
    alive = equity.set_index("measure").loc["alive"]
    table = predict(cdnow, **{**options, "orders_model": ModifiedBetaGeoNBD.fit(cdnow)}, confidence=None)
    assert alive["value"] == pytest.approx(table["p_alive"].sum())
    assert alive["low"] < alive["value"] < alive["high"]


def test_no_more_customers_can_be_still_there_than_there_are(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    recent = cdnow.assign(T=cdnow["recency"] + 0.5)  # nearly everybody is there
    model = {**options, "orders_model": ModifiedBetaGeoNBD.fit(cdnow)}
    for some in (recent, recent[:20]):  # many by their variance, few by simulation
        table = customer_equity(some, **model, draws=20).set_index("measure")
        assert table.loc["alive", "value"] < table.loc["alive", "high"] <= len(some)
        assert table.loc["came_back_alive", "high"] <= (some["frequency"] > 0).sum()


def test_value_at_risk_is_what_certainty_would_add(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    risk = value_at_risk(cdnow, **options)
    np.testing.assert_allclose(risk["expected_value"], predict(cdnow, **options)["clv"], rtol=1e-12)
    np.testing.assert_allclose(risk["expected_value"], risk["value_if_alive"] * risk["p_alive"], rtol=1e-12)
    assert (risk["value_at_risk"] >= 0).all()
    assert list(risk.columns) == ["customer_id", "p_alive", "value_if_alive", "expected_value", "value_at_risk"]
    assert (risk.loc[cdnow["frequency"] == 0, "value_at_risk"] == 0).all()  # BG/NBD: no occasion to leave


def test_chance_is_as_large_as_in_simulated_futures() -> None:
    random = np.random.default_rng(4)
    orders_model = BetaGeoNBD(r=0.8, alpha=60.0, a=0.8, b=2.5, unit="days")
    spend_model = GammaGamma(p=6.0, q=6.0, v=40.0)
    x, t_x, T, m, futures = 3, 200.0, 300.0, 9.0, 100_000
    customer = pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T], "monetary": [m]})
    known = prediction.known_values(customer, orders_model=orders_model, spend_model=spend_model, margin=0.5,
                                    discount_rate=0.1)  # fmt: skip
    cells = totals.Cells.of_all(known)

    alive = random.random(futures) < orders_model.p_alive(x, t_x, T)
    rate = random.gamma(0.8 + x, 1 / (60 + T), futures)
    leaving = rate * random.beta(0.8, 2.5 + x, futures)
    left_after = random.exponential(1 / leaving)
    orders = random.poisson((rate - leaving) * np.minimum(left_after, 365)) + (left_after < 365)
    orders = np.where(alive, orders, 0)
    scale = random.gamma(6.0 * x + 6.0, 1 / (40.0 + x * m), futures)
    value = 0.5 * random.gamma(np.maximum(6.0 * orders, 1e-9), 1 / scale) * (orders > 0)
    expected = totals.expected_totals(known, cells)[:, 0]
    share = known.discount[0]
    assert 0.93 < share < 0.97
    assert expected[1] == pytest.approx(share * value.mean(), rel=0.015)
    chance = totals._chance(known, cells, 0)[:, 0]
    np.testing.assert_allclose(chance[:2], [orders.std(), share * value.std()], rtol=0.015)
    # All orders to come, each discounted from its own time: while a customer stays, the next comes after 1/rate.
    discounted, clock = np.zeros((2, futures)), np.zeros(futures)
    here, discount = np.flatnonzero(alive), np.log(1.1) / 365
    while len(here):
        clock[here] += random.exponential(1 / rate[here])
        here = here[clock[here] < 365 * 60]
        worth = np.exp(-discount * clock[here])
        discounted[:, here] += worth * np.array([np.ones(len(here)), random.gamma(6.0, 1 / scale[here])])
        here = here[random.random(len(here)) > (leaving / rate)[here]]
    assert expected[5] == pytest.approx(0.5 * discounted[1].mean(), rel=0.015)
    assert chance[5] == pytest.approx(0.5 * discounted[1].std(), rel=0.03)


def test_few_customers_are_simulated_one_by_one_and_their_mean_and_spread_are_those_of_the_formulas() -> None:
    orders_model = BetaGeoNBD(r=0.8, alpha=60.0, a=0.8, b=2.5, unit="days")
    spend_model = GammaGamma(p=6.0, q=6.0, v=40.0)
    customers = pd.DataFrame({"frequency": [3, 3, 8, 0], "recency": [200.0, 200.0, 290.0, 0.0], "T": 300.0,
                              "monetary": [9.0, 20.0, 15.0, 0.0]})  # fmt: skip
    known = prediction.known_values(customers, orders_model=orders_model, spend_model=spend_model, margin=0.5,
                                    discount_rate=0.1)  # fmt: skip
    cells = totals.Cells.of_all(known)
    possible = totals.possible_totals(known, cells, draws=10_000, seed=3)[:, :, 0]
    np.testing.assert_allclose(possible.mean(axis=0), totals.expected_totals(known, cells)[:, 0], rtol=0.01)
    np.testing.assert_allclose(possible.std(axis=0), totals._chance(known, cells, 0)[:, 0], rtol=0.03, atol=1e-9)
    assert (possible[:, 0] == np.round(possible[:, 0])).all()  # orders are whole


def test_equity_intervals_hold_what_then_happens(simulate: Callable[..., pd.DataFrame]) -> None:
    held = []
    for seed in range(20):
        customers = simulate(1500, seed=200 + seed)
        orders_model, spend_model = BetaGeoNBD.fit(customers, unit="days"), GammaGamma.fit(customers)
        equity = customer_equity(customers, orders_model=orders_model, spend_model=spend_model, draws=100)
        happened = [customers["holdout_orders"].sum(), customers["holdout_spend"].sum()]
        held += [low <= value <= high for low, value, high in zip(equity.low, happened, equity.high, strict=False)]
    assert np.mean(held) >= 0.85  # of 40; 0.95 is meant


def test_interpolation_over_ages_is_exact_enough(simulate: Callable[..., pd.DataFrame]) -> None:
    customers = simulate(3000, seed=1).assign(T=lambda frame: frame["T"] + np.linspace(0, 0.9, 3000))
    customers.loc[:50, ["frequency", "recency", "T"]] = [0.0, 0.0, 0.0]  # some came today
    model = BetaGeoNBD.fit(customers, unit="days")
    known = prediction.known_values(
        customers, orders_model=model, spend_model=GammaGamma(p=6, q=4, v=20), margin=1.0, discount_rate=0.2
    )
    base = known.base
    np.testing.assert_allclose(known.orders_if_alive, model.expected_orders_if_alive(365, base.x, base.T), rtol=1e-12)
    assert len(known.ages.x) < 0.5 * len(base)  # or nothing is interpolated
    np.testing.assert_allclose(known.ages.orders_if_alive(model, 365.0), known.orders_if_alive, rtol=1e-7)
    ends = np.arange(13) * 365 / 12
    orders = np.diff([model.expected_orders_if_alive(end, base.x, base.T) for end in ends], axis=0)
    share = 1.2 ** (-(ends[1:] + ends[:-1]) / 2 / 365) @ orders / orders.sum(axis=0)
    np.testing.assert_allclose(known.discount, share, rtol=1e-8)


NEWCOMERS = np.r_[0.0, 3.0, np.repeat(2.0, 300_000), np.arange(4.0, 1001.0)]


@pytest.mark.parametrize(
    "model",
    [BetaGeoNBD(r=0.5, alpha=0.2, a=0.5, b=3), BetaGeoNBD(r=0.5, alpha=0.01, a=0.5, b=3),
     ParetoNBD(r=0.5, alpha=50, s=0.5, beta=0.05)],
    ids=["alpha", "small alpha", "beta"],
)  # fmt: skip
def test_intervals_hold_their_value_where_parameters_are_small_against_ages(model: Any) -> None:
    base = pd.DataFrame({"customer_id": np.arange(len(NEWCOMERS)), "frequency": 0, "recency": 0.0, "T": NEWCOMERS,
                         "monetary": 0.0, "unit": "weeks"})  # fmt: skip
    models = {"orders_model": model, "spend_model": GammaGamma(p=6.25, q=3.74, v=15.44)}
    row = customer_equity(base, **models).set_index("measure").loc["expected_orders"]
    assert row["value"] == pytest.approx(predict(base, **models, confidence=None)["expected_orders"].sum())
    t, ages, customers = 365 / 7, *np.unique(NEWCOMERS, return_counts=True)
    mean, alive = model.expected_orders(t, 0, 0, ages), model.p_alive(0, 0, ages)
    pairs = alive * model.expected_order_pairs_if_alive(t, 0, ages)
    error = np.sqrt(customers @ (mean + pairs - mean**2))
    # Known parameters leave chance only, of which 2000 futures tell the quantiles to some 5 %.
    np.testing.assert_allclose([row["low"], row["high"]], row["value"] + 1.96 * error * np.array([-1, 1]), rtol=0,
                               atol=0.25 * error)  # fmt: skip
    shares = equity_shares(base, np.where(base["T"] == 2, "new", "old"), **models)
    assert (shares["share_low"] <= shares["share"]).all()
    assert (shares["share"] <= shares["share_high"]).all()


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from([BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD]),
    shapes=st.tuples(*[st.floats(-2.5, 2.5)] * 3),
    scales=st.tuples(*[st.floats(-3, 5)] * 2),
    oldest=st.floats(1, 5),
    t=st.floats(0, 5),
    x=st.floats(0, 5),
)
def test_interpolation_over_ages_is_exact_whatever_the_parameters(
    kind: Any, shapes: Any, scales: Any, oldest: float, t: float, x: float
) -> None:
    r, second, third = (10.0**shape for shape in shapes)
    alpha, beta = (10.0**scale for scale in scales)
    others = {"s": second, "beta": beta} if kind is ParetoNBD else {"a": second, "b": third}
    model = kind(r=r, alpha=alpha, **others)
    T = np.unique(np.concatenate([[0.0], np.linspace(0, 10**oldest, 100), np.logspace(-3, oldest, 200)]))
    frequency = np.repeat([0.0, np.round(10**x)], len(T))
    T = np.tile(T, 2)
    base = CustomerBase(frequency, np.where(frequency > 0, T / 2, 0.0), T, np.ones(len(T)), np.arange(len(T)))
    grid = AgeGrid.of(base, model, 10**t)
    assert len(grid.x) < len(T)
    # Drawn parameters share the grid; theirs lie above the shift.
    drawn = kind(r=r * 1.5, **{name: 3 * value for name, value in {"alpha": alpha, **others}.items()})
    for one in (model, drawn):
        for expected in (one.expected_orders_if_alive, one.expected_order_pairs_if_alive):
            found = np.exp(grid.interpolate(bounded_log(expected(10**t, grid.x, grid.T))))
            np.testing.assert_allclose(found, expected(10**t, frequency, T), rtol=1e-6)


def test_the_grid_lies_below_all_drawn_parameters(simulate: Callable[..., pd.DataFrame]) -> None:
    customers = simulate(300, seed=3)
    model = BetaGeoNBD.fit(customers, unit="days")
    known = prediction.known_values(customers, orders_model=model, spend_model=GammaGamma(p=6, q=4, v=20))
    assert known.ages.shift < model.draws(1000, seed=0).values[:, model.symbols.index("alpha")].min()


def test_a_grid_that_errs_is_made_finer(monkeypatch: pytest.MonkeyPatch) -> None:
    T = np.linspace(0.0, 500.0, 400)
    base = CustomerBase(0 * T, 0 * T, T, np.ones(400), np.arange(400))
    model = BetaGeoNBD(r=0.5, alpha=0.5, a=0.5, b=3)
    monkeypatch.setattr(age_grid, "WIDTH", 12.0)
    assert AgeGrid.with_pieces(base, age_grid.safe_shift(base, model), 12.0).error(model, 52.0) > 1e-6
    grid = AgeGrid.of(base, model, 52.0)
    assert grid.error(model, 52.0) <= 1e-6
    np.testing.assert_allclose(grid.orders_if_alive(model, 52.0), model.expected_orders_if_alive(52, 0, T), rtol=1e-6)
    monkeypatch.setattr(age_grid, "ALLOWED_ERROR", 0.0)
    np.testing.assert_array_equal(AgeGrid.of(base, model, 52.0).T, T)


def test_one_customer_is_enough_to_ask_about(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    alone = predict(cdnow.iloc[[5]], **options)
    together = predict(cdnow, **options).iloc[[5]]
    exact = ["customer_id", "p_alive", "p_alive_low", "p_alive_high", "expected_orders", "expected_spend", "clv"]
    pd.testing.assert_frame_equal(alone[exact], together[exact], rtol=1e-8)


def test_nobody_is_an_empty_table(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    nobody = predict(cdnow[:0], **options)
    assert list(nobody.columns) == list(predict(cdnow[:2], **options).columns)
    assert len(nobody) == len(value_at_risk(cdnow[:0], **options)) == 0
    assert (customer_equity(cdnow[:0], **options)[["value", "low", "high"]] == 0).all(axis=None)


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("confidence", 95, "confidence is a probability such as 0.95"),
        ("confidence", 1, "confidence is a probability"),
        ("confidence", 0, "confidence is a probability"),
        ("confidence", "0.9", "confidence is a probability"),
        ("confidence", np.nan, "confidence is a probability"),
        ("draws", 1, "draws must be 2 or more"),
        ("draws", 2.5, "draws must be 2 or more, a whole number, not 2.5"),
        ("draws", None, "draws must be 2 or more"),
        ("seed", None, "seed is a whole number from 0 on"),
        ("seed", -1, "seed is a whole number"),
        ("seed", 1.5, "seed is a whole number"),
        ("margin", 55, "margin is a share of spend between 0 and 1"),
        ("margin", "0.5", "margin is a share of spend between 0 and 1, a number such as 0.5, not '0.5'"),
        ("margin", None, "margin is a share"),
        ("margin", np.nan, "margin is a share"),
        ("discount_rate", -1, "discount_rate is a yearly rate"),
        ("discount_rate", "0.1", "discount_rate is a yearly rate such as 0.10, a number above -1, not '0.1'"),
        ("discount_rate", None, "discount_rate is a yearly rate"),
        ("discount_rate", np.inf, "discount_rate is a yearly rate"),
    ],
)
def test_options_out_of_range_are_refused_alike_by_all_that_take_them(
    option: str, value: Any, complaint: str, cdnow: pd.DataFrame, options: dict[str, Any]
) -> None:
    wrong = {**options, option: value}
    with pytest.raises(ValueError, match=complaint):
        predict(cdnow, **wrong)
    with pytest.raises(ValueError, match=complaint):
        customer_equity(cdnow, **wrong)
    with pytest.raises(ValueError, match=complaint):
        equity_shares(cdnow, ["all"] * len(cdnow), **wrong)
    if option in ("margin", "discount_rate"):
        with pytest.raises(ValueError, match=complaint):
            value_at_risk(cdnow, **wrong)
    if option != "confidence":
        del wrong["orders_model"], wrong["spend_model"]
        with pytest.raises(ValueError, match=complaint):
            value_by_group(cdnow, cdnow[["customer_id"]].assign(channel="all"), **wrong)


def test_numbers_of_other_libraries_are_numbers(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    numpys = {**options, "margin": np.float64(0.5), "discount_rate": np.float32(0.125), "draws": np.int64(20)}
    assert len(predict(cdnow, **numpys, confidence=np.float64(0.9), seed=np.int32(1))) == len(cdnow)


def test_customers_without_a_mean_spend_are_counted(options: dict[str, Any]) -> None:
    base = pd.DataFrame({"frequency": [0] * 163 + [1, 2], "recency": [0.0] * 163 + [1.0, 2.0],
                         "T": 5.0, "monetary": [0.0] * 163 + [5.0, 6.0]})  # fmt: skip
    heavy = {**options, "spend_model": GammaGamma(p=2, q=0.5, v=5)}
    for question in (predict, customer_equity, value_at_risk):
        with pytest.raises(MeanSpendUndefined, match="163 of 165 customers have no finite expected spend"):
            question(base, **heavy)
    assert len(predict(base[163:], **heavy)) == 2


def test_models_that_cannot_be_asked_say_what_can(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    known = cdnow.assign(email=np.arange(len(cdnow)) % 2)
    fitted = fit_with_covariates(BetaGeoNBD, known, orders=["email"])
    with pytest.raises(TypeError, match=r"orders_model must be .*BetaGeoNBD.*, not a CovariateModel; at\(customer\)"):
        predict(known, **{**options, "orders_model": fitted})
    one = predict(known, **{**options, "orders_model": fitted.at({"email": 1})}, confidence=None)
    assert (one["clv"] > 0).all()
    with pytest.raises(TypeError, match="not BetaGeoNBD itself"):
        customer_equity(cdnow, **{**options, "orders_model": BetaGeoNBD})
    with pytest.raises(TypeError, match="spend_model must be a GammaGamma, not a str"):
        value_at_risk(cdnow, **{**options, "spend_model": "gamma-gamma"})
    assert value_at_risk(cdnow, **{**options, "spend_model": None}).empty


def test_merged_summaries_cannot_be_predicted(cdnow: pd.DataFrame, options: dict[str, Any]) -> None:
    with pytest.raises(CustomerBaseInvalid, match="predictions are per customer"):
        predict(cdnow.assign(customers=1), **options)
