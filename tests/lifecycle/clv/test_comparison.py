"""Models side by side: what each says of a time held out, and which is taken and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from crmlib.lifecycle.clv import compare, fit_models
from crmlib.lifecycle.clv.comparison import _all_alive, _Candidate, _pick
from crmlib.lifecycle.clv.fitting import WEAK_PRIOR
from crmlib.lifecycle.clv.holdout import (
    _same_mean_and_variance,
    count_probability,
    count_probability_if_alive,
    log_scores,
)
from crmlib.lifecycle.clv.ranking import RULES
from crmlib.models import BetaGeoNBD, CustomerBaseInvalid, FitDidNotConverge, ModifiedBetaGeoNBD, ParetoNBD
from crmlib.models.customer_base import read_histories

MODELS = [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD]
GIVEN = [
    BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259),
    ModifiedBetaGeoNBD(r=0.5248, alpha=6.1831, a=0.8914, b=1.6140),
    ParetoNBD(r=0.55328, alpha=10.5777, s=0.60624, beta=11.6687),
]
HISTORIES = [(0.0, 0.0, 39.0), (2.0, 30.43, 38.86), (26.0, 30.857143, 31.0)]


def observed(x, t_x, T, later, length: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"frequency": x, "recency": t_x, "T": T, "holdout_orders": later, "holdout_length": length,
         "last_period_orders": 0}
    )  # fmt: skip


def pareto_customers(count: int, *, seed: int, r=0.8, alpha=8.0, s=0.9, beta=20.0, held=40.0) -> pd.DataFrame:
    """Customers who order at random times and leave at a random time."""
    random = np.random.default_rng(seed)
    rate, until = random.gamma(r, 1 / alpha, count), random.exponential(1 / random.gamma(s, 1 / beta, count))
    T = random.uniform(30, 60, count)
    x = random.poisson(rate * np.minimum(until, T))
    t_x = np.where(x > 0, np.minimum(until, T) * random.random(count) ** (1 / np.maximum(x, 1)), 0.0)
    later = random.poisson(rate * np.clip(until - T, 0, held))
    return observed(x, t_x, T, later, held)


def leaving_customers(
    count: int, *, seed: int, at_first: bool, r=0.8, alpha=8.0, a=0.8, b=2.0, held=40.0
) -> pd.DataFrame:
    """Customers who may leave after an order: also after the first (MBG/NBD), or not (BG/NBD)."""
    random = np.random.default_rng(seed)
    rate, p = random.gamma(r, 1 / alpha, count), random.beta(a, b, count)
    last = random.geometric(p) - int(at_first)
    T = random.uniform(30, 60, count)
    would, later = random.poisson(rate * T), random.poisson(rate * held)
    x = np.minimum(would, last)
    t_x = np.where(x > 0, T * random.beta(np.maximum(x, 1), np.maximum(would - x, 0) + 1), 0.0)
    return observed(x, t_x, T, np.where(would < last, np.minimum(later, last - x), 0), held)


@pytest.mark.parametrize("model", GIVEN, ids=repr)
@pytest.mark.parametrize("history", HISTORIES)
def test_count_probabilities_have_the_models_own_mean_and_variance(model, history) -> None:
    n = np.arange(600.0)
    chance = count_probability(model, n, 39.0, *history)
    assert chance.sum() == pytest.approx(1, rel=1e-10)
    assert chance @ n == pytest.approx(float(model.expected_orders(39.0, *history)), rel=1e-9)
    pairs = model.p_alive(*history) * model.expected_order_pairs_if_alive(39.0, history[0], history[2])
    assert chance @ (n * (n - 1)) == pytest.approx(float(pairs), rel=1e-8)


def test_count_probabilities_of_pareto_are_those_of_the_integral_over_rates_and_lifetimes() -> None:
    model, (x, _, T), t = GIVEN[2], HISTORIES[1], 39.0
    rates = stats.gamma(model.r + x, scale=1 / (model.alpha + T))

    def orders(tau: float, n: int) -> float:
        return integrate.quad(lambda rate: rates.pdf(rate) * stats.poisson.pmf(n, rate * tau), 0, 1.0)[0]

    shape, scale = model.s, model.beta + T

    def left(tau: float, n: int) -> float:
        return shape / scale * (1 + tau / scale) ** (-shape - 1) * orders(tau, n)

    for n in (0, 1, 4):
        truth = (1 + t / scale) ** -shape * orders(t, n) + integrate.quad(left, 0, t, args=(n,), epsrel=1e-10)[0]
        assert count_probability_if_alive(model, n, t, x, T) == pytest.approx(truth, rel=1e-7)


def test_rare_counts_of_heavy_buyers_are_exact_too() -> None:
    # Thousands of orders are expected, so that one order leaves a narrow peak just after today.
    model, x, T, t = ParetoNBD(r=50.0, alpha=0.5, s=0.01, beta=1000.0), 100.0, 50.0, 1000.0
    shape, scale = model.s, model.beta + T

    def left(log_tau: float, n: int) -> float:
        tau = np.exp(log_tau)
        orders = stats.nbinom.pmf(n, model.r + x, (model.alpha + T) / (model.alpha + T + tau))
        return tau * shape / scale * (1 + tau / scale) ** (-shape - 1) * orders

    for n in (1, 50):
        truth = integrate.quad(left, np.log(1e-9), np.log(t), args=(n,), epsrel=1e-11, limit=500)[0]
        assert count_probability_if_alive(model, n, t, x, T) == pytest.approx(truth, rel=1e-8)


def test_a_new_customers_count_probabilities_are_the_models_own() -> None:
    n = np.arange(8.0)
    for model in (GIVEN[0], GIVEN[2]):  # MBG/NBD's new customer may have left after the first order
        np.testing.assert_allclose(count_probability_if_alive(model, n, 20.0, 0.0, 0.0), model.pmf(n, 20.0), rtol=1e-9)


def test_an_unknown_model_is_scored_by_its_mean_and_variance() -> None:
    n, zero = np.arange(4000.0), np.zeros(4000)
    chance = _same_mean_and_variance(GIVEN[0], n, zero + 39, zero + 2, zero + 38.86)
    assert chance.sum() == pytest.approx(1, rel=1e-6)
    assert chance @ n == pytest.approx(float(GIVEN[0].expected_orders_if_alive(39, 2, 38.86)), rel=1e-6)


def test_the_score_prefers_the_truth() -> None:
    customers = leaving_customers(3000, seed=1, at_first=True)
    truth = ModifiedBetaGeoNBD(r=0.8, alpha=8.0, a=0.8, b=2.0)
    for wrong in ({"r": 1.2}, {"alpha": 12.0}, {"a": 1.6}, {"b": 1.0}):
        other = ModifiedBetaGeoNBD(**{"r": 0.8, "alpha": 8.0, "a": 0.8, "b": 2.0, **wrong})
        assert log_scores(customers, truth).mean() > log_scores(customers, other).mean()


def test_cdnow_takes_the_model_without_the_defect_because_the_data_do_not_decide(cdnow: pd.DataFrame) -> None:
    found = compare(MODELS, cdnow)
    table = found.table.set_index("model")
    assert table.index.tolist() == ["BetaGeoNBD", "ModifiedBetaGeoNBD", "ParetoNBD", *RULES]
    np.testing.assert_allclose(table["log_likelihood"][:3].astype(float), [-9582.429, -9582.136, -9594.976], atol=1e-3)
    assert table["bic"].iloc[0] == pytest.approx(4 * np.log(2357) + 2 * 9582.429, abs=2e-3)
    assert (table["actual_total"] == 1882).all()
    assert table["p_alive_one_time"].iloc[0] == 1
    assert 0.2 < table["p_alive_one_time"].iloc[2] < table["p_alive_one_time"].iloc[1] < 0.5
    assert table.loc[list(RULES), "bic"].isna().all()
    assert table["converged"][:3].all()
    assert found.pick == "ModifiedBetaGeoNBD"
    assert found.picked is found.models["ModifiedBetaGeoNBD"]
    assert "about as likely under all models" in found.why
    assert "strongly against Pareto/NBD (BIC at least 25.7 larger)" in found.why
    assert "BG/NBD calls every one-time buyer surely still a customer" in found.why


def test_on_simulated_customers_the_truth_is_picked() -> None:
    assert compare(MODELS, pareto_customers(6000, seed=3)).pick == "ParetoNBD"
    assert compare(MODELS, leaving_customers(6000, seed=4, at_first=True)).pick == "ModifiedBetaGeoNBD"


def test_bg_nbd_is_picked_where_the_holdout_is_surely_better_under_it() -> None:
    found = compare(MODELS[:2], leaving_customers(6000, seed=5, at_first=False))
    assert found.pick == "BetaGeoNBD"
    assert "surely more likely under BG/NBD than under MBG/NBD" in found.why


def test_new_customers_of_the_last_day_do_not_make_a_model_defective() -> None:
    base = read_histories(observed([0.0, 0, 3], [0.0, 0, 20], [0.0, 30, 30], 0, 40.0))
    assert GIVEN[2].p_alive(0, 0, 0) == 1
    assert [_all_alive(model, base) for model in GIVEN] == [True, False, False]


def test_without_a_holdout_the_histories_decide(cdnow: pd.DataFrame) -> None:
    known = cdnow[["frequency", "recency", "T"]]
    found = compare(MODELS, known)
    assert found.pick == "ModifiedBetaGeoNBD"
    assert "no time held out" in found.why
    assert "log_score" not in found.table
    assert len(found.table) == 3


def clockwork(count: int, *, seed: int, long_ago: int = 0, of_late: int = 0) -> pd.DataFrame:
    """Customers who order every 30 ± 3 days, whom random times do not describe, and some who bought only once."""
    random = np.random.default_rng(seed)
    T, held = random.integers(200, 700, count).astype(float), 180.0
    at = np.cumsum(random.integers(27, 34, (count, 40)), axis=1)
    until = np.where(at <= T[:, None], at, 0)
    later = ((at > T[:, None]) & (at <= T[:, None] + held)).sum(axis=1)
    once = [observed(0.0, 0.0, np.full(many, age / 7), 0, held / 7) for many, age in ((long_ago, 600), (of_late, 10))]
    regular = observed((until > 0).sum(axis=1), until.max(axis=1) / 7, T / 7, later, held / 7)
    return pd.concat([regular, *once], ignore_index=True).astype(float)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("held", [True, False])
def test_customers_like_clockwork_are_compared_with_a_weak_prior_and_it_is_said(seed: int, held: bool) -> None:
    customers = clockwork(300, seed=seed)
    for kind in MODELS:
        with pytest.raises(FitDidNotConverge):
            kind.fit(customers)
    found = compare(MODELS, customers if held else customers[["frequency", "recency", "T"]])
    assert found.pick is not None
    assert found.picked is found.models[found.pick]
    assert list(found.models) == [kind.__name__ for kind in MODELS]
    table = found.table[:3]
    assert table["converged"].all()
    assert (table["reason"] == "prior").all()
    assert np.isfinite(table[["log_likelihood", "aic", "bic"]].astype(float)).all(axis=None)
    for kind in MODELS:
        same = kind.fit(customers, prior_spread=WEAK_PRIOR)
        assert found.models[kind.__name__].log_parameters.tolist() == same.log_parameters.tolist()
    if held:
        # Nobody left, so totals are those of the common rate; it misses the half gap on average that is open at T.
        rate = found.table.set_index("model").loc["overall_mean", "expected_total"]
        np.testing.assert_allclose(table["expected_total"].astype(float), rate, rtol=0.003)
        assert table["missed"].between(0.5 * 30 / 450 - 0.01, 0.5 * 30 / 450 + 0.01).all()
    # The stronger hold that was asked for is kept, and then nothing was done that must be said.
    asked = compare([BetaGeoNBD], customers, prior_spread=1.0)
    assert asked.table["reason"][0] == ""
    wanted = BetaGeoNBD.fit(customers, prior_spread=1.0).log_parameters
    assert asked.models["BetaGeoNBD"].log_parameters.tolist() == wanted.tolist()


@pytest.mark.parametrize("long_ago", [1, 3, 100])
@pytest.mark.parametrize("held", [True, False])
def test_one_time_buyers_of_long_ago_are_not_taken_for_alive_under_a_weak_prior(long_ago: int, held: bool) -> None:
    customers = clockwork(300, seed=1, long_ago=long_ago)
    found = compare(MODELS, customers if held else customers[["frequency", "recency", "T"]])
    assert found.pick in ("ModifiedBetaGeoNBD", "ParetoNBD")
    table = found.table.set_index("model")
    assert table.loc[found.pick, "reason"] == "prior"
    assert table.loc["BetaGeoNBD", "p_alive_one_time"] == 1
    assert table.loc[found.pick, "p_alive_one_time"] < 1e-3
    assert found.picked.p_alive(0, 0, 600 / 7) < 1e-3


def test_among_models_that_tie_under_a_weak_prior_the_one_with_the_defect_is_left() -> None:
    # One-time buyers of ten days ago tell nothing of BG/NBD's defect, so that histories cannot decide against it.
    found = compare(MODELS[:2], clockwork(300, seed=1, of_late=5)[["frequency", "recency", "T"]])
    assert np.ptp(found.table["bic"].astype(float)) < 6
    assert found.pick == "ModifiedBetaGeoNBD"
    assert "BG/NBD calls every one-time buyer surely still a customer" in found.why
    assert found.picked.p_alive(0, 0, 600 / 7) < 0.01


def test_a_model_that_the_data_settle_needs_no_prior(cdnow: pd.DataFrame) -> None:
    found = compare(MODELS, cdnow)
    assert (found.table["reason"][:3] == "").all()
    assert found.models["ParetoNBD"].log_parameters.tolist() == ParetoNBD.fit(cdnow).log_parameters.tolist()


def candidate(name: str, bic: float, score: float, all_alive: bool = False, noise: float = 1.0) -> _Candidate:
    return _Candidate(name, bic, score + noise * np.tile([-1.0, 1.0], 5000), all_alive)


def test_the_rule_of_the_pick() -> None:
    best = candidate("A", 100.0, -1.00)
    # A difference that all customers share is no noise, whatever BIC says.
    assert _pick([best, candidate("B", 50.0, -1.01)])[0] == "A"
    # One within the noise of the paired difference is a tie: BIC decides if strong …
    noisy = _Candidate("B", 90.0, -1.01 + np.tile([-1.0, 1.0, 1.0, -1.0], 2500), False)
    assert _pick([best, noisy])[0] == "B"
    # … else the defect, else the score.
    near = _Candidate("B", 95.0, noisy.scores, True)
    assert _pick([best, near])[0] == "A"
    assert _pick([best, _Candidate("B", 95.0, noisy.scores, False)])[0] == "A"
    assert _pick([_Candidate("A", 5.9, None, True), _Candidate("B", 0.0, None, False)])[0] == "B"
    assert _pick([_Candidate("A", 0.0, None, True), _Candidate("B", 5.9, None, False)])[0] == "B"
    assert _pick([_Candidate("A", 0.0, None, True), _Candidate("B", 6.0, None, False)])[0] == "A"


def test_a_model_that_cannot_be_fitted_is_a_row_with_the_reason() -> None:
    few = observed([0.0, 1, 0], [0.0, 2, 0], 5.0, [0, 1, 0], 5.0)
    found = compare([BetaGeoNBD, ModifiedBetaGeoNBD], few)
    assert found.pick is None
    assert found.models == {}
    assert "No model could be fitted" in found.why
    assert not found.table["converged"][:2].any()
    assert (found.table["reason"][:2] == "too_few").all()
    assert found.table["actual_total"].iloc[-1] == 1


def test_models_may_be_given_fitted_and_each_only_once(cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD) -> None:
    found = compare([cdnow_model], cdnow)
    assert found.pick == "BetaGeoNBD"
    assert found.models["BetaGeoNBD"] is cdnow_model
    with pytest.raises(ValueError, match="BetaGeoNBD was given twice"):
        compare([BetaGeoNBD, cdnow_model], cdnow)
    with pytest.raises(CustomerBaseInvalid, match="no customers"):
        compare([BetaGeoNBD], cdnow[:0])


def test_the_pick_can_be_fitted_with_spend(cdnow: pd.DataFrame) -> None:
    fitted = fit_models(cdnow, orders_model=ParetoNBD)
    assert isinstance(fitted.orders_model, ParetoNBD)
    assert fitted.complete
    assert fitted.message == "Fitted to 2,357 customers, of whom 946 bought again."
