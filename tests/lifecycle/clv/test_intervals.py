"""Intervals hold what then happens as often as they say: for parameters, for totals and for single customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import fit_models, futures, history_values, predict, prediction, totals
from crmlib.models import BetaGeoNBD, GammaGamma, ParetoNBD

MODELS = [BetaGeoNBD(r=1.2, alpha=12.0, a=1.0, b=4.0), ParetoNBD(r=1.2, alpha=12.0, s=1.0, beta=40.0)]
SPEND = GammaGamma(p=6.0, q=4.0, v=20.0)
BASES = 200
# Ends at 90 % and at 95 % are then draws themselves, the fourth and the second from each side.
# Each base has draws of its own: if all shared one seed, all would share the luck of its ends.
DRAWS = 79


def base_of(model: Any, customers: int, seed: int, holdout: float = 52.0) -> pd.DataFrame:
    """Customers of the model and of ``SPEND`` in weeks, on a grid of half weeks, and what they do afterwards."""
    random = np.random.default_rng(seed)
    T = random.choice([52.0, 78.0, 104.0], customers)
    rate = random.gamma(model.r, 1 / model.alpha, customers)
    if isinstance(model, ParetoNBD):
        leaving, end = np.zeros(customers), random.exponential(1 / random.gamma(model.s, 1 / model.beta, customers))
    else:
        leaving, end = random.beta(model.a, model.b, customers), np.full(customers, np.inf)
    scale = random.gamma(SPEND.q, 1 / SPEND.v, customers)
    clock, (x, t_x, spend, later, later_spend) = np.zeros(customers), np.zeros((5, customers))
    here = np.arange(customers)
    while len(here):
        clock[here] += random.exponential(1 / rate[here])
        here = here[clock[here] < np.minimum(T + holdout, end)[here]]
        paid, known = random.gamma(SPEND.p, 1 / scale[here]), clock[here] <= T[here]
        x[here[known]] += 1
        t_x[here[known]] = clock[here[known]]
        spend[here[known]] += paid[known]
        later[here[~known]] += 1
        later_spend[here[~known]] += paid[~known]
        here = here[random.random(len(here)) >= leaving[here]]
    recency = np.where(x > 0, np.maximum(np.round(t_x * 2), 1) / 2, 0.0)
    return pd.DataFrame({
        "customer_id": np.arange(customers), "frequency": x, "recency": recency, "T": T,
        "monetary": spend / np.maximum(x, 1), "holdout_orders": later, "holdout_spend": later_spend,
    })  # fmt: skip


@pytest.mark.parametrize("truth", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(("customers", "bases"), [(1000, BASES), (300, 60)])
def test_intervals_cover_parameters_orders_and_equity_as_often_as_they_say(
    truth: Any, customers: int, bases: int
) -> None:
    held = []
    for seed in range(bases):
        base = base_of(truth, customers, seed)
        # As chapters fit: a few small bases have no maximum, and get a weak prior.
        fitted = fit_models(base, orders_model=type(truth))
        model, spend_model = fitted.orders_model, fitted.spend_model
        drawn = model.draws(DRAWS, seed=seed)
        model.draws = lambda count, seed, drawn=drawn: drawn  # drawn once for all that follows
        known = prediction.known_values(base, "52W", orders_model=model, spend_model=spend_model)
        possible = totals.possible_totals(known, totals.Cells.of_all(known), draws=DRAWS, seed=seed)[:, :2, 0]
        happened = [base["holdout_orders"].sum(), base["holdout_spend"].sum()]
        for quantities, actual in ((drawn.values, np.exp(truth.log_parameters)), (possible, happened)):
            for confidence in (0.90, 0.95):
                low, high = prediction.band(quantities, confidence)
                held.append(((low <= actual) & (actual <= high)).tolist())
    at_90, at_95 = (np.mean([a + b for a, b in zip(held[i::4], held[i + 2 :: 4], strict=True)], axis=0) for i in (0, 1))
    # Three standard errors of such a share.
    assert (np.abs(at_90 - 0.90) <= 3 * np.sqrt(0.90 * 0.10 / bases)).all(), at_90
    assert (np.abs(at_95 - 0.95) <= 3 * np.sqrt(0.95 * 0.05 / bases)).all(), at_95


@pytest.mark.parametrize("truth", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("known", [False, True])
def test_single_customers_do_what_their_intervals_say(truth: Any, known: bool) -> None:
    base = base_of(truth, 6000, 7)
    fitted = (truth, SPEND) if known else (type(truth).fit(base, unit="weeks"), GammaGamma.fit(base))
    table = predict(base, "52W", orders_model=fitted[0], spend_model=fitted[1], confidence=0.9)
    orders, value = base["holdout_orders"], base["holdout_spend"]
    inside = (table["expected_orders_low"] <= orders) & (orders <= table["expected_orders_high"])
    assert 0.90 - 0.012 <= inside.mean() <= 0.985  # whole numbers hold rather more
    above = value > table["clv_high"]
    assert above.mean() == pytest.approx(0.05, abs=0.012)
    assert ((value >= table["clv_low"]) & ~above).mean() >= 0.90 - 0.012
    # Few intervals begin above 0; narrower ones do.
    narrow = predict(base, "52W", orders_model=fitted[0], spend_model=fitted[1], confidence=0.2)
    begins = narrow["clv_low"] > 0
    assert begins.sum() > 400
    assert (value < narrow["clv_low"])[begins].mean() == pytest.approx(0.4, abs=0.06)


def test_the_true_mean_spend_lies_in_its_interval() -> None:
    random = np.random.default_rng(5)
    x = random.poisson(2.0, 20_000).astype(float)
    scale = random.gamma(SPEND.q, 1 / SPEND.v, len(x))
    paid = random.gamma(SPEND.p * np.maximum(x, 1), 1 / scale) / np.maximum(x, 1)
    base = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 20.0, 0.0), "T": 52.0,
                         "monetary": np.where(x > 0, paid, 0.0)})  # fmt: skip
    for model in (SPEND, GammaGamma.fit(base[:300])):
        table = predict(base, orders_model=MODELS[0], spend_model=model, confidence=0.9, draws=20)
        true = SPEND.p / scale
        inside = (table["expected_spend_low"] <= true) & (true <= table["expected_spend_high"])
        assert inside.mean() == pytest.approx(0.90, abs=0.007 if model is SPEND else 0.03)


def test_a_mixture_of_spend_models_has_the_quantiles_of_simulated_ones() -> None:
    base = base_of(MODELS[0], 300, 3)
    model = GammaGamma.fit(base)
    known = prediction.known_values(base, orders_model=MODELS[0], spend_model=model)
    models = history_values.drawn_models(model, 200, 0)
    low, high = futures._mean_spend(known, models, 0.9)
    random = np.random.default_rng(0)
    for history in (0, len(known.base) // 2, len(known.base) - 1):
        x = known.base.x[history]
        alike = base[base["frequency"] == x]
        own = x * alike["monetary"].mean()
        means = [one.p * (one.v + own) / random.gamma(one.p * x + one.q, size=5000) for one in models]
        expected = np.quantile(means, [0.05, 0.95]) / (model.v + own)
        np.testing.assert_allclose([low[history], high[history]], expected, rtol=0.01)


def intervals(base: pd.DataFrame, model: Any, **options: Any) -> dict[str, futures.Ends]:
    known = prediction.known_values(base, "52W", orders_model=model, spend_model=SPEND, discount_rate=0.1)
    return futures.intervals(known, **{"confidence": 0.9, "draws": 2000, "seed": 1, **options})


@pytest.mark.parametrize("truth", MODELS, ids=lambda model: type(model).__name__)
def test_where_histories_are_many_quantiles_stay_right(truth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    base = base_of(truth, 3000, 11)
    model = type(truth).fit(base, unit="weeks")
    # Ages that all differ, so that they have to be rounded.
    base = base[:400].assign(T=lambda frame: frame["T"] + np.linspace(0, 3, len(frame)))
    exact, again = intervals(base, model), intervals(base, model, seed=2)
    monkeypatch.setattr(futures, "MANY_HISTORIES", 10)
    monkeypatch.setattr(futures, "MOST_KINDS", 150)
    rough = intervals(base, model)
    for end in (0, 1):
        # First order in the parameters: P(alive) is that of draws, to a fraction of its interval's width.
        width = (exact["p_alive"][1] - exact["p_alive"][0]).max()
        assert np.abs(rough["p_alive"][end] - exact["p_alive"][end]).max() < 0.15 * width
        for name in ("expected_orders", "clv", "residual_clv"):
            one, other, many = (found[name][end] for found in (exact, again, rough))
            noise = np.abs(one - other).mean()
            assert np.abs(many - one).mean() <= 2 * noise + 0.02 * one.mean(), name
            if end:
                assert many.mean() == pytest.approx(one.mean(), rel=0.03), name


def test_log_linear_totals_are_those_of_draws_where_parameters_are_well_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = base_of(MODELS[0], 4000, 12)
    options = {"orders_model": BetaGeoNBD.fit(base, unit="weeks"), "spend_model": GammaGamma.fit(base)}
    known = prediction.known_values(base, "52W", **options, discount_rate=0.1)
    cells = totals.Cells.of_all(known)
    exact = totals._drawn_totals(known, cells, 100, 0)[:, :, 0]
    monkeypatch.setattr(totals, "MANY_HISTORIES", 10)
    linear = totals._drawn_totals(known, cells, 100, 0)[:, :, 0]
    spread = exact.std(axis=0)
    assert (np.abs(linear - exact).max(axis=0) < 0.4 * spread + 1e-9).all()
    np.testing.assert_allclose(linear.std(axis=0), spread, rtol=0.05)


@pytest.mark.parametrize("of", ["one", "draws"])
def test_ends_are_order_statistics_with_who_is_gone_at_nothing(of: str) -> None:
    drawn = np.array([np.arange(1.0, 100.0)])  # 99 draws, so that 5 of 100 lie beyond each end

    def ends(alive: float) -> tuple[float, float]:
        weights = np.full((1, 1 if of == "one" else 99), alive)
        low, high = futures._ends(drawn[:, ::-1], np.array([0]), weights, 0.9)
        return low.item(), high.item()

    assert ends(1.0) == (5, 95)
    assert ends(0.5) == (0, 90)  # ten draws of half a chance
    assert ends(0.051) == (0, 2)
    assert ends(0.05) == ends(0.0) == (0, 0)
    assert ends(0.96) == (1, 95)  # 3.96 gone at 0, then a draw of .96


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    base = base_of(MODELS[0], 800, 13)
    monkeypatch.setattr(futures, "CHUNK", 50)
    one = intervals(base, MODELS[0], draws=50)
    monkeypatch.setattr(futures.os, "cpu_count", lambda: 1)
    other = intervals(base, MODELS[0], draws=50)
    np.testing.assert_array_equal(one["clv"], other["clv"])
    np.testing.assert_array_equal(one["residual_clv"], other["residual_clv"])


def test_intervals_order_as_they_must() -> None:
    table = predict(base_of(MODELS[0], 500, 14), orders_model=MODELS[0], spend_model=SPEND, discount_rate=0.1)
    for name in ("p_alive", "expected_orders", "expected_spend", "clv", "residual_clv"):
        assert (table[f"{name}_low"] >= 0).all()
        assert (table[f"{name}_low"] <= table[f"{name}_high"]).all()
    assert (table["expected_orders_high"] % 1 == 0).all()
    assert (table["clv"] <= table["residual_clv"]).all()
