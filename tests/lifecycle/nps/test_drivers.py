"""Ordered logit, relative importance, and what a point more goes with."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import nps
from crmlib.lifecycle.nps.drivers import DRIVERS


def simulated(count: int = 3000, seed: int = 7) -> pd.DataFrame:
    """Scores that follow an ordered logit with coefficients 1.0, 0.5 and 0 on three correlated items."""
    random = np.random.default_rng(seed)
    shared = random.normal(size=(count, 1))
    items = np.clip(np.round(3 + shared * 0.7 + random.normal(size=(count, 3))), 1, 5)
    line = items @ [1.0, 0.5, 0.0] + random.logistic(size=count)
    score = np.searchsorted([1, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.8, 7], line).astype(float)
    frame = pd.DataFrame(items, columns=["item_a", "item_b", "item_c"]).assign(score=score)
    return frame.assign(respondent=np.arange(count).astype(str))


def test_the_ordered_logit_agrees_with_statsmodels():
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    frame = simulated(800)
    items = frame[["item_a", "item_b", "item_c"]]
    expected = OrderedModel(frame.score.astype(int), items, distr="logit").fit(method="bfgs", disp=0, maxiter=300)
    found = nps.ordered_logit(items.to_numpy(), frame.score.to_numpy())
    assert found.coefficients == pytest.approx(expected.params[:3].to_numpy(), abs=1e-3)
    assert np.sqrt(np.diag(found.covariance))[:3] == pytest.approx(expected.bse[:3].to_numpy(), rel=1e-2)
    assert found.log_likelihood == pytest.approx(expected.llf, abs=1e-3)
    cuts = expected.model.transform_threshold_params(expected.params.to_numpy())[1:-1]
    assert found.cuts == pytest.approx(cuts, abs=1e-2)


def test_with_two_scores_the_ordered_logit_is_a_logistic_regression():
    items = np.repeat([[0.0], [1.0]], 100, axis=0)
    score = np.array([0] * 60 + [10] * 40 + [0] * 20 + [10] * 80)
    model = nps.ordered_logit(items, score)
    assert model.coefficients[0] == pytest.approx(math.log(80 * 60 / (20 * 40)))
    assert model.cuts[0] == pytest.approx(math.log(60 / 40))
    assert model.covariance[0, 0] == pytest.approx(1 / 60 + 1 / 40 + 1 / 20 + 1 / 80)


def test_the_scale_of_an_item_does_not_matter():
    frame = simulated(1000)
    items = frame[["item_a", "item_b"]].to_numpy()
    once, tenfold = (nps.ordered_logit(items * factor, frame.score) for factor in (1.0, 10.0))
    assert once.coefficients == pytest.approx(10 * tenfold.coefficients)
    assert once.log_likelihood == pytest.approx(tenfold.log_likelihood)


def test_answers_given_twice_by_the_same_customer_do_not_make_it_surer():
    frame = simulated(600)
    twice = pd.concat([frame, frame])
    items = ["item_a", "item_b", "item_c"]
    once = nps.ordered_logit(frame[items], frame.score, respondent=frame.respondent)
    again = nps.ordered_logit(twice[items], twice.score, respondent=twice.respondent)
    naive = nps.ordered_logit(twice[items], twice.score)
    assert np.sqrt(again.covariance[0, 0]) == pytest.approx(np.sqrt(once.covariance[0, 0]), rel=0.01)
    assert np.sqrt(naive.covariance[0, 0]) < 0.8 * np.sqrt(again.covariance[0, 0])


def test_items_that_determine_one_another_are_refused():
    items = np.column_stack([np.tile([1.0, 2.0, 3.0], 50)] * 2)
    with pytest.raises(ValueError, match="determine"):
        nps.ordered_logit(items, np.tile([1, 5, 9, 10, 0], 30))
    with pytest.raises(ValueError, match="two different"):
        nps.ordered_logit(items[:, :1], np.full(150, 9))


def shapley(correlations: np.ndarray) -> np.ndarray:
    """R² shared out by averaging over all orders in which predictors can enter (Lindeman, Merenda & Gold 1980)."""
    width = len(correlations) - 1

    def explained(chosen: tuple[int, ...]) -> float:
        if not chosen:
            return 0.0
        with_outcome = correlations[list(chosen), -1]
        return float(with_outcome @ np.linalg.solve(correlations[np.ix_(chosen, chosen)], with_outcome))

    shares = np.zeros(width)
    for order in itertools.permutations(range(width)):
        for place, item in enumerate(order):
            shares[item] += explained(order[: place + 1]) - explained(order[:place])
    return shares / math.factorial(width)


def test_relative_weights_of_two_predictors_are_their_shapley_values():
    correlations = np.array([[1, 0.6, 0.5], [0.6, 1, 0.3], [0.5, 0.3, 1]])
    assert nps.relative_weights(correlations) == pytest.approx(shapley(correlations))


def test_relative_weights_sum_to_r_squared_and_stay_near_the_shapley_values():
    correlations = simulated()[["item_a", "item_b", "item_c", "score"]].corr().to_numpy()
    weights = nps.relative_weights(correlations)
    assert weights.sum() == pytest.approx(shapley(correlations).sum())
    assert weights == pytest.approx(shapley(correlations), abs=0.01)


def test_relative_weights_of_the_published_example():
    # Johnson (2000) and Tonidandel & LeBreton (2011): for uncorrelated predictors the weights are squared correlations.
    correlations = np.eye(4)
    correlations[:3, 3] = correlations[3, :3] = [0.6, 0.3, 0.1]
    assert nps.relative_weights(correlations) == pytest.approx([0.36, 0.09, 0.01])


def test_drivers_recover_what_made_the_scores():
    drivers = nps.drivers(simulated()).set_index("driver")
    assert list(drivers.index) == ["a", "b", "c"]
    for name, coefficient in {"a": 1.0, "b": 0.5, "c": 0.0}.items():
        assert drivers.coefficient_low[name] < coefficient < drivers.coefficient_high[name]
    assert drivers.importance.sum() == pytest.approx(1)
    assert drivers.importance_low["a"] > drivers.importance_high["b"] > drivers.importance_high["c"]


def test_importance_intervals_are_those_of_an_ordinary_bootstrap():
    frame = simulated(500)
    found = nps.drivers(frame, resamples=1000).set_index("driver")
    random = np.random.default_rng(1)
    columns = frame[["item_a", "item_b", "item_c", "score"]].to_numpy()
    draws = []
    for _ in range(600):
        weights = nps.relative_weights(np.corrcoef(columns[random.integers(0, 500, 500)], rowvar=False))
        draws.append(weights / weights.sum())
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    assert found.importance_low[["a", "b", "c"]].to_numpy() == pytest.approx(low, abs=0.025)
    assert found.importance_high[["a", "b", "c"]].to_numpy() == pytest.approx(high, abs=0.025)


def test_a_point_more_gains_what_the_fitted_model_predicts():
    frame = simulated()
    drivers = nps.drivers(frame).set_index("driver")
    items = frame[["item_a", "item_b", "item_c"]].to_numpy()
    model = nps.ordered_logit(items, frame.score)

    def score(rows: np.ndarray) -> float:
        below = [1 / (1 + np.exp(rows @ model.coefficients - model.cuts[k])) for k in (8, 6)]  # P(≤ 8), P(≤ 6)
        return 100 * float((1 - below[0] - below[1]).mean())

    raised = items.copy()
    raised[:, 0] = np.minimum(raised[:, 0] + 1, 5)
    assert drivers.nps_gain["a"] == pytest.approx(score(raised) - score(items), abs=1e-6)
    assert drivers.nps_gain_low["c"] < 0 < drivers.nps_gain_high["c"]
    actual = 100 * ((frame.score >= 9).mean() - (frame.score <= 6).mean())
    assert score(items) == pytest.approx(actual, abs=1.5)


def test_items_of_other_questionnaires_are_no_drivers():
    frame = simulated(200).assign(item_needs=np.nan, item_same=3.0)
    assert nps.item_columns(frame) == ["item_a", "item_b", "item_c"]


@pytest.mark.parametrize(
    "frame",
    [
        simulated(99),
        simulated(300)[["item_a", "score"]],
        simulated(300)[["score"]],
        simulated(300).assign(item_b=lambda f: f.item_a, item_c=lambda f: f.item_a),
        simulated(300).assign(score=9.0),
        simulated(300).iloc[:0],
    ],
)
def test_too_little_to_go_by_gives_no_drivers(frame):
    drivers = nps.drivers(frame)
    assert drivers.empty
    assert list(drivers.columns) == list(DRIVERS)


def test_only_answers_that_rate_everything_are_used():
    frame = simulated(400)
    frame.loc[:49, "item_b"] = np.nan
    assert (nps.drivers(frame).answers == 350).all()


def test_on_the_sample_the_coefficients_that_made_the_scores_lie_within_their_intervals(answers, truth):
    drivers = nps.drivers(answers).set_index("driver")
    for item, coefficient in truth["coefficients"].items():
        name = item.removeprefix("item_")
        assert drivers.coefficient_low[name] < coefficient < drivers.coefficient_high[name]
    assert list(drivers.index) == ["product", "service", "wait"]
    assert (drivers.nps_gain_low > 0).all()
