"""Draws of parameters against posteriors that are known exactly: by formula, or by quadrature on a grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, special, stats

from crmlib.models import BetaGeoNBD, ShiftedBetaGeometric, posterior
from crmlib.models import orders_model as module
from crmlib.models.posterior import (
    FARTHEST_DRAW,
    ParameterDraws,
    Peak,
    chain_effective_size,
    draw,
    draw_by_slices,
    draw_normal,
    effective_size,
    normal_share,
    split_r_hat,
    trace_ridge,
)

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def by_importance(peak: Peak, count: int, seed: int = 0) -> ParameterDraws:
    answer = draw(peak, count, np.random.default_rng(seed))
    assert answer.method == "importance"
    return answer


def by_slices(peak: Peak, count: int, seed: int = 0) -> ParameterDraws:
    return draw_by_slices(peak, min(count, 600), np.random.default_rng(seed))


BOTH = pytest.mark.parametrize("sampler", [by_importance, by_slices])


def assert_shares(
    draws: ParameterDraws, values: np.ndarray, quantiles: np.ndarray, levels: np.ndarray = LEVELS
) -> None:
    """Below each true quantile lies its share of the draws, within three and a half standard errors."""
    share = (values[:, None] <= quantiles).mean(axis=0)
    error = np.sqrt(LEVELS * (1 - LEVELS) / draws.effective_sample_size)
    np.testing.assert_array_less(np.abs(share - LEVELS), 3.5 * error)


def gaussian(place: np.ndarray, covariance: np.ndarray) -> Peak:
    precision = linalg.inv(covariance)

    def likelihood(at: np.ndarray, *, curved: bool = True) -> tuple[float, np.ndarray, np.ndarray]:
        off = at - place
        return -0.5 * float(off @ precision @ off), -precision @ off, -precision

    return Peak(likelihood, place, covariance)


@BOTH
def test_a_normal_posterior_is_drawn_as_it_is(sampler: Callable[..., ParameterDraws]) -> None:
    root = np.array([[0.3, 0, 0, 0], [0.5, 0.1, 0, 0], [0.0, 0.2, 0.4, 0], [-0.6, 0.0, 0.3, 0.2]])
    place, covariance = np.array([0.2, 1.0, -2.0, 3.0]), root @ root.T
    draws = sampler(gaussian(place, covariance), 2000, seed=3)
    assert draws.effective_sample_size >= 0.5 * len(draws.values)
    for i in range(4):
        true = stats.norm(place[i], np.sqrt(covariance[i, i])).ppf(LEVELS)
        assert_shares(draws, np.log(draws.values[:, i]), true)
    # Also across: a sum whose spread depends on all correlations.
    true = stats.norm(place.sum(), np.sqrt(covariance.sum())).ppf(LEVELS)
    assert_shares(draws, np.log(draws.values).sum(axis=1), true)


def counts(first: int, second: int) -> Peak:
    """Two Poisson rates: under a flat prior on their logarithms, each is gamma with its count."""

    def likelihood(at: np.ndarray, *, curved: bool = True) -> tuple[float, np.ndarray, np.ndarray]:
        rate, seen = np.exp(at), np.array([first, second])
        return float(seen @ at - rate.sum()), seen - rate, -np.diag(rate)

    return Peak(likelihood, np.log([first, second]), np.diag([1 / first, 1 / second]))


@BOTH
def test_rates_seen_few_times_have_their_gamma_posterior(sampler: Callable[..., ParameterDraws]) -> None:
    draws = sampler(counts(2, 7), 2000)
    for i, seen in enumerate((2, 7)):
        assert_shares(draws, draws.values[:, i], stats.gamma(seen).ppf(LEVELS))


def banana(bend: float = 0.5) -> Peak:
    """u normal, and v normal around bend · u²: exact quantiles of v by quadrature over u."""

    def likelihood(at: np.ndarray, *, curved: bool = True) -> tuple[float, np.ndarray, np.ndarray]:
        u, v = at
        off = (v - bend * u**2) / 0.2
        gradient = np.array([-u + off * 2 * bend * u / 0.2, -off / 0.2])
        curve = -1 - (2 * bend * u / 0.2) ** 2 + off * 2 * bend / 0.2
        mixed = 2 * bend * u / 0.04
        return -0.5 * u**2 - 0.5 * off**2, gradient, np.array([[curve, mixed], [mixed, -25.0]])

    return Peak(likelihood, np.zeros(2), np.diag([1.0, 0.04]))


@BOTH
def test_a_bent_posterior_is_followed_around_its_bend(sampler: Callable[..., ParameterDraws]) -> None:
    draws = sampler(banana(), 2000, seed=5)
    u, v = np.linspace(-8, 8, 4001), np.linspace(-1, 30, 4001)
    below = np.array([stats.norm.pdf(u) @ special.ndtr((at - 0.5 * u**2) / 0.2) for at in v]) * (u[1] - u[0])
    assert_shares(draws, np.log(draws.values[:, 0]), stats.norm.ppf(LEVELS))
    assert_shares(draws, np.log(draws.values[:, 1]), np.interp(LEVELS, below, v))


# Contracts that hardly differ: nothing tells how large α + β is.
ALIKE = [400, 340, 287, 246, 209]


def grid_of(model: ShiftedBetaGeometric) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The exact posterior of (log β, log α / β) within the box, on a grid."""
    likelihood, centre = model.estimate.likelihood, model.log_parameters
    sizes = np.linspace(centre[1] - FARTHEST_DRAW, centre[1] + FARTHEST_DRAW, 300)
    ratios = np.linspace(-2.6, -0.9, 150)
    heights = np.array([[likelihood(np.array([size + ratio, size]))[0] for ratio in ratios] for size in sizes])
    inside = np.abs(sizes[:, None] + ratios - centre[0]) <= FARTHEST_DRAW
    return sizes, ratios, np.where(inside, np.exp(heights - heights.max()), 0.0)


@pytest.fixture(scope="module")
def alike() -> ShiftedBetaGeometric:
    return ShiftedBetaGeometric.fit(ALIKE)


@pytest.mark.parametrize("kind", ["importance", "slice"])
def test_a_flat_direction_is_drawn_up_to_the_edge_of_the_box(kind: str, alike: ShiftedBetaGeometric) -> None:
    sizes, ratios, weights = grid_of(alike)
    peak = Peak(alike.estimate.likelihood, alike.log_parameters, alike.estimate.covariance)
    sampler = by_importance if kind == "importance" else by_slices
    draws = sampler(peak, 800, seed=1)
    log_values = np.log(draws.values)
    assert np.abs(log_values - peak.place).max() <= FARTHEST_DRAW + 1e-12
    cumulated = np.cumsum(weights.sum(axis=1)) / weights.sum()
    assert_shares(draws, log_values[:, 1], np.interp(LEVELS, cumulated, sizes))
    cumulated = np.cumsum(weights.sum(axis=0)) / weights.sum()
    assert_shares(draws, log_values[:, 0] - log_values[:, 1], np.interp(LEVELS, cumulated, ratios))


def crossed() -> Peak:
    """Two flat directions at once: both parameters may be anything from their estimate on, nearly independently."""

    def likelihood(at: np.ndarray, *, curved: bool = True) -> tuple[float, np.ndarray, np.ndarray]:
        # Each factor: a hump at 0, and a plateau of a third of its height to the right.
        value, gradient, curve = 0.0, np.zeros(2), np.zeros((2, 2))
        for i in range(2):
            hump, rise = np.exp(-0.5 * at[i] ** 2), special.expit(4 * (at[i] - 1))
            f = hump + rise / 3
            slope = -at[i] * hump + 4 * rise * (1 - rise) / 3
            bend = (at[i] ** 2 - 1) * hump + 16 * rise * (1 - rise) * (1 - 2 * rise) / 3
            value, gradient[i] = value + float(np.log(f)), slope / f
            curve[i, i] = bend / f - (slope / f) ** 2
        return value, gradient, curve

    return Peak(likelihood, np.zeros(2), np.eye(2))


def test_where_the_ridge_is_a_plain_slices_take_over() -> None:
    peak = crossed()
    draws = draw(peak, 400, np.random.default_rng(2))
    assert draws.method == "slice"
    assert 200 <= draws.effective_sample_size <= 400
    assert draws.split_r_hat < 1.05
    at = np.linspace(-FARTHEST_DRAW, FARTHEST_DRAW, 20001)
    density = np.exp(-0.5 * at**2) + special.expit(4 * (at - 1)) / 3
    cumulated = np.cumsum(density) / density.sum()
    for i in range(2):
        assert_shares(draws, np.log(draws.values[:, i]), np.interp(LEVELS, cumulated, at))


def test_too_few_effective_draws_switch_to_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    # A ridge whose sides are believed to be ten times as near as they are.
    peak = gaussian(np.zeros(4), np.eye(4))
    ridge = trace_ridge(peak)
    narrow = posterior.Ridge(ridge.peak, ridge.parameter, ridge.centres, ridge.roots / 10, ridge.log_masses)
    monkeypatch.setattr(posterior, "trace_ridge", lambda _: narrow)
    draws = draw(peak, 200, np.random.default_rng(0))
    assert draws.method == "slice"
    assert_shares(draws, np.log(draws.values[:, 2]), stats.norm.ppf(LEVELS))


def test_chains_that_cannot_agree_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posterior, "MOST_EVALUATIONS", 1)

    def two_peaks(at: np.ndarray, *, curved: bool = True) -> tuple[float, np.ndarray, np.ndarray]:
        value = float(np.logaddexp(-0.5 * np.sum((at + 4) ** 2) / 0.01, -0.5 * np.sum((at - 4) ** 2) / 0.01))
        return value, np.zeros(4), -np.eye(4)

    peak = Peak(two_peaks, np.zeros(4), 16 * np.eye(4))
    with pytest.warns(UserWarning, match="chains of slice sampling still differ"):
        draws = by_slices(peak, 100)
    assert draws.split_r_hat > 1.1
    assert np.isfinite(draws.effective_sample_size)


def test_chains_are_judged_as_theory_says() -> None:
    random = np.random.default_rng(4)
    noise = random.standard_normal((8, 4000, 1))
    alone = noise.copy()
    for i in range(1, 4000):  # autoregression: an effective share of (1 − ρ)/(1 + ρ)
        alone[:, i] = 0.8 * alone[:, i - 1] + 0.6 * noise[:, i]
    assert chain_effective_size(alone) == pytest.approx(32000 * 0.2 / 1.8, rel=0.15)
    assert chain_effective_size(noise) == pytest.approx(32000, rel=0.05)
    assert split_r_hat(noise) == pytest.approx(1, abs=2e-3)
    # One chain of eight that is three standard deviations off, and all that drift.
    assert split_r_hat(noise + 3 * (np.arange(8) == 0)[:, None, None]) > 1.2
    assert split_r_hat(noise + np.linspace(0, 3, 4000)[:, None]) > 1.2


def test_effective_size_counts_draws_of_equal_weight() -> None:
    assert effective_size(np.log([0.25, 0.25, 0.25, 0.25])) == pytest.approx(4)
    assert effective_size(np.array([0.0, -np.inf, -np.inf])) == pytest.approx(1)
    assert effective_size(np.array([-np.inf, -np.inf])) == 0


def test_draws_of_a_real_base_are_those_of_chains_that_know_no_ridge(cdnow_model: BetaGeoNBD) -> None:
    estimate = cdnow_model.estimate
    peak = Peak(estimate.likelihood, cdnow_model.log_parameters, estimate.covariance)
    chains, draws = by_slices(peak, 100), cdnow_model.draws(1500, seed=8)
    assert draws.method == "importance"
    assert draws.effective_sample_size > 1200
    for i in range(4):
        assert_shares(chains, chains.values[:, i], np.quantile(draws.values[:, i], LEVELS))


def test_draws_are_the_same_for_the_same_seed_and_need_no_more_than_asked(cdnow_model: BetaGeoNBD) -> None:
    for count in (1, 200):
        first, second, third = (cdnow_model.draws(count, seed=seed) for seed in (4, 4, 5))
        assert first.values.shape == (count, 4)
        assert np.array_equal(first.values, second.values)
        assert not np.array_equal(first.values, third.values)
        assert 0 < first.effective_sample_size <= count
    peak = counts(3, 9)
    assert np.array_equal(by_slices(peak, 50, seed=1).values, by_slices(peak, 50, seed=1).values)


def test_rows_of_two_models_draws_are_not_in_step(cdnow_model: BetaGeoNBD) -> None:
    # They are joined row by row: rows sorted by size would make orders and spend seem to go together.
    values = cdnow_model.draws(1000, seed=0).values
    assert abs(stats.spearmanr(np.arange(1000), values[:, 3]).statistic) < 0.12


def test_many_histories_are_drawn_from_the_normal_once_it_is_checked(
    cdnow: pd.DataFrame, cdnow_model: BetaGeoNBD, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY_HISTORIES", 100)
    # Thirty times as many customers: the posterior is normal, and a rough likelihood says so.
    model = BetaGeoNBD.fit(cdnow.assign(customers=30))
    draws = model.draws(300, seed=2)
    assert draws.method == "normal"
    share = normal_share(Peak(model.estimate.likelihood, model.log_parameters, model.estimate.covariance))
    assert draws.effective_sample_size / 300 == pytest.approx(share, abs=0.05)
    assert share > 0.98
    expected = draw_normal(model.log_parameters, model.estimate.covariance, 300, np.random.default_rng(2))
    np.testing.assert_allclose(draws.values, np.exp(expected), rtol=1e-12)
    # A fifth of them: a and b may be huge, where no normal goes.
    model = BetaGeoNBD.fit(cdnow.sample(500, random_state=2))
    assert model.estimate.rough is not None
    assert model.estimate.normal_share == 0
    assert model.draws(100).method == "importance"


def test_the_summary_of_the_posterior_is_that_of_its_draws(cdnow_model: BetaGeoNBD) -> None:
    summary = cdnow_model.posterior_summary(0.9, draws=500, seed=3)
    values = cdnow_model.draws(500, seed=3).values
    assert summary.columns.tolist() == ["mean", "median", "low", "high"]
    assert summary.index.tolist() == ["r", "alpha", "a", "b"]
    np.testing.assert_allclose(summary["low"], np.quantile(values, 0.05, axis=0))
    np.testing.assert_allclose(summary["mean"], values.mean(axis=0))
    # r is known so well that both ways agree; a and b are lopsided, with a longer way up.
    params = cdnow_model.params
    assert summary.loc["r", "median"] == pytest.approx(params.loc["r", "estimate"], rel=0.02)
    wide = cdnow_model.posterior_summary(0.95)
    assert wide.loc["b", "high"] > params.loc["b", "high"]
    with pytest.raises(ValueError, match="level is a probability between 0 and 1"):
        cdnow_model.posterior_summary(95)
