"""Static covariates: known effects found again, tests that err as often as they say, columns that cannot be used."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.models import (
    BetaGeoNBD,
    CovariateInvalid,
    CovariateModel,
    FitDidNotConverge,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    fit_with_covariates,
)

TRUTH = {"r": 0.8, "alpha": 60.0, "a": 0.8, "b": 2.5, "s": 0.9, "beta": 150.0}


def customers(
    count: int,
    seed: int,
    *,
    kind: type = BetaGeoNBD,
    store_orders: float = 0.0,
    age_orders: float = 0.0,
    store_leaving: float = 0.0,
) -> pd.DataFrame:
    """A base in which 40 % come from a store and ages differ, with effects on the rates of ordering and leaving."""
    random = np.random.default_rng(seed)
    store, age = random.random(count) < 0.4, random.integers(20, 60, count)
    rate = random.gamma(TRUTH["r"], 1 / TRUTH["alpha"], count)
    rate = rate * np.exp(store_orders * store + age_orders * (age - 40))
    T = np.floor(random.uniform(100, 500, count))
    if kind is ParetoNBD:
        chance = np.zeros(count)
        life = random.exponential(
            1 / (random.gamma(TRUTH["s"], 1 / TRUTH["beta"], count) * np.exp(store_leaving * store))
        )
    else:
        chance, life = random.beta(TRUTH["a"] * np.exp(store_leaving * store), TRUTH["b"]), np.full(count, np.inf)
    clock, x, t_x = np.zeros(count), np.zeros(count), np.zeros(count)
    alive = np.arange(count)
    if kind is ModifiedBetaGeoNBD:
        alive = alive[random.random(count) > chance]
    while len(alive):
        clock[alive] += random.exponential(1 / rate[alive])
        alive = alive[clock[alive] <= np.minimum(T, life)[alive]]
        x[alive] += 1
        t_x[alive] = clock[alive]
        alive = alive[random.random(len(alive)) > chance[alive]]
    channel = np.where(store, "store", "web")
    return pd.DataFrame(
        {"customer_id": np.arange(count), "frequency": x, "recency": t_x, "T": T, "channel": channel, "age": age}
    )


def fitted(frame: pd.DataFrame, kind: type = BetaGeoNBD, **covariates: Any) -> CovariateModel:
    return fit_with_covariates(kind, frame, unit="days", **covariates)


@pytest.fixture(scope="module")
def base() -> pd.DataFrame:
    return customers(2000, 1, store_orders=0.5, age_orders=0.02, store_leaving=-0.7)


@pytest.fixture(scope="module")
def model(base: pd.DataFrame) -> CovariateModel:
    return fitted(base, orders=["channel", "age"], leaving=["channel"])


@pytest.mark.parametrize("kind", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD])
def test_known_effects_are_found_again(kind: type) -> None:
    effects = {"store_orders": 0.5, "age_orders": 0.02, "store_leaving": -0.7}
    model = fitted(customers(4000, 7, kind=kind, **effects), kind, orders=["channel", "age"], leaving=["channel"])
    table = model.effects
    assert list(zip(table["covariate"], table["on"], strict=True)) == [
        ("channel=store", "orders"), ("age", "orders"), ("channel=store", "leaving"),
    ]  # fmt: skip
    assert (np.abs(table["effect"] - list(effects.values())) < 3 * table["standard_error"]).all()
    assert (table["standard_error"] < [0.08, 0.004, 0.2]).all()
    np.testing.assert_allclose(table["ratio"], np.exp(table["effect"]))
    np.testing.assert_allclose(table["ratio_high"] / table["ratio"], np.exp(1.959964 * table["standard_error"]))
    np.testing.assert_allclose(table["p_value"], 2 * stats.norm.sf(np.abs(table["z"])))
    assert (table["p_value"] < 1e-3).all()
    # The base model is that of a web customer of mean age.
    assert model.reference["channel"] == "web"
    assert model.reference["age"] == pytest.approx(39.5, abs=0.6)
    params = model.params
    for symbol in kind.symbols:
        off = np.log(params.loc[symbol, "estimate"] / TRUTH[symbol])
        assert abs(off) < 3 * params.loc[symbol, "standard_error"] / params.loc[symbol, "estimate"] + 0.02


def test_intervals_of_effects_cover_the_truth_and_tests_err_as_often_as_they_say() -> None:
    covered, chances, found = [], [], 0
    for seed in range(60):
        frame = customers(500, 100 + seed, store_orders=0.4)
        table = fitted(frame, orders=["channel"], leaving=["channel"]).effects
        width = 1.644854 * table["standard_error"]
        covered.append((np.abs(table["effect"] - [0.4, 0.0]) <= width).to_numpy())
        # Effects are none among customers whose channel was shuffled.
        shuffled = frame.assign(channel=frame["channel"].sample(frac=1, random_state=seed).to_numpy())
        null = fitted(shuffled, orders=["channel"], leaving=["channel"])
        test = null.likelihood_ratio_test()
        assert test.degrees_of_freedom == 2
        chances.append(test.p_value)
        found += bool(table["p_value"].iloc[0] < 0.05)
    # Within three standard errors of 90 % of 120.
    assert abs(np.mean(covered) - 0.9) < 3 * np.sqrt(0.09 / 120)
    assert stats.kstest(chances, "uniform").pvalue > 0.05
    # An effect of 0.4 stands out from standard errors of 0.15 in three of four bases.
    assert 0.6 < found / 60 < 0.95


def test_a_fit_without_covariates_is_the_plain_fit(base: pd.DataFrame) -> None:
    for kind in (BetaGeoNBD, ParetoNBD):
        model, plain = fitted(base, kind), kind.fit(base, unit="days")
        assert model.base_model.log_parameters.tolist() == plain.log_parameters.tolist()
        assert model.log_likelihood_ == plain.log_likelihood_
        assert (model.aic, model.bic) == (plain.aic, plain.bic)
        assert model.effects.empty
        x, t_x, T = (base[name] for name in ("frequency", "recency", "T"))
        np.testing.assert_array_equal(model.p_alive(base), plain.p_alive(x, t_x, T))
        assert model.likelihood_ratio_test().p_value == 1


@pytest.mark.parametrize("kind", [BetaGeoNBD, ParetoNBD])
def test_a_covariate_that_says_nothing_leaves_all_as_it_is(kind: type) -> None:
    frame = customers(300, 3, kind=kind)
    # Every customer twice, once in each group: no group differs.
    both = pd.concat([frame.assign(channel=group) for group in ("store", "web")], ignore_index=True)
    both["customer_id"] = both.index
    model, plain = fitted(both, kind, orders=["channel"], leaving=["channel"]), kind.fit(frame, unit="days")
    np.testing.assert_allclose(model.effects["effect"], 0, atol=1e-5)
    np.testing.assert_allclose(model.base_model.log_parameters, plain.log_parameters, atol=1e-4)
    assert model.log_likelihood_ == pytest.approx(2 * plain.log_likelihood_, abs=1e-6)
    assert model.likelihood_ratio_test().p_value == pytest.approx(1, abs=1e-6)


def test_all_is_maximal_and_its_slopes_are_those_of_finite_differences(model: CovariateModel) -> None:
    estimate = model.estimate
    place, likelihood = estimate.log_parameters, estimate.likelihood
    value, gradient, hessian = likelihood(place)
    assert value == pytest.approx(model.log_likelihood_, abs=1e-9)
    assert 0.5 * gradient @ estimate.covariance @ gradient < 1e-8
    np.testing.assert_allclose(np.linalg.inv(-hessian), estimate.covariance, rtol=1e-6)
    there, step = place + np.array([0.1, -0.1, 0.2, 0.1, 0.05, 0.002, -0.1]), 1e-5
    _, gradient, hessian = likelihood(there)
    for i, move in enumerate(np.eye(7) * step):
        ahead, behind = likelihood(there + move), likelihood(there - move)
        assert gradient[i] == pytest.approx((ahead[0] - behind[0]) / (2 * step), rel=1e-5, abs=1e-3)
        np.testing.assert_allclose(hessian[i], (ahead[1] - behind[1]) / (2 * step), rtol=1e-5, atol=2e-2)


@pytest.mark.parametrize("kind", [BetaGeoNBD, ParetoNBD])
def test_each_customer_is_told_by_the_model_of_customers_like_them(kind: type) -> None:
    frame = customers(400, 5, kind=kind, store_orders=0.5, store_leaving=-0.7)
    model = fitted(frame, kind, orders=["channel", "age"], leaving=["channel", "age"])
    alive, orders = model.p_alive(frame), model.expected_orders(90, frame)
    x, t_x, T = (frame[name].to_numpy() for name in ("frequency", "recency", "T"))
    summed = 0.0
    for i, (_, row) in enumerate(frame.iterrows()):
        own = model.at(row)
        summed += own.log_likelihood(x[i], t_x[i], T[i]).item()
        if i < 60:
            assert alive[i] == pytest.approx(own.p_alive(x[i], t_x[i], T[i]).item(), rel=1e-9)
            assert orders[i] == pytest.approx(own.expected_orders(90, x[i], t_x[i], T[i]).item(), rel=1e-8)
    assert summed == pytest.approx(model.log_likelihood_, rel=1e-10)
    # A mapping will do, and what it says is what the effects say.
    web, store = (model.at({"channel": channel, "age": model.reference["age"]}) for channel in ("web", "store"))
    np.testing.assert_allclose(web.log_parameters, model.base_model.log_parameters, rtol=1e-12)
    ratio = model.effects.set_index(["covariate", "on"])["ratio"]
    assert web.alpha / store.alpha == pytest.approx(ratio["channel=store", "orders"])
    leaving = store.a / web.a if kind is BetaGeoNBD else web.beta / store.beta
    assert leaving == pytest.approx(ratio["channel=store", "leaving"])


def test_numbers_in_other_units_tell_the_same(base: pd.DataFrame, model: CovariateModel) -> None:
    months = fitted(base.assign(age=base["age"] * 12 + 7.0), orders=["channel", "age"], leaving=["channel"])
    np.testing.assert_allclose(months.effects["effect"], model.effects["effect"] / [1, 12, 1], rtol=1e-6)
    np.testing.assert_allclose(months.effects["z"], model.effects["z"], rtol=1e-6)
    assert months.log_likelihood_ == pytest.approx(model.log_likelihood_, abs=1e-7)
    weeks = base.assign(recency=base["recency"] / 7, T=base["T"] / 7)
    weekly = fit_with_covariates(BetaGeoNBD, weeks, orders=["channel", "age"], leaving=["channel"], unit="weeks")
    np.testing.assert_allclose(weekly.effects["effect"], model.effects["effect"], rtol=1e-6)
    assert weekly.base_model.alpha == pytest.approx(model.base_model.alpha / 7, rel=1e-7)


def test_row_order_kind_and_merging_change_nothing(base: pd.DataFrame, model: CovariateModel) -> None:
    whole = base.assign(recency=np.ceil(base["recency"]), T=np.ceil(base["T"] / 20) * 20, age=base["age"] // 10 * 10)
    names = ["frequency", "recency", "T", "channel", "age"]
    counted = whole.groupby(names, as_index=False).size().rename(columns={"size": "customers"})
    assert len(counted) < 0.9 * len(whole)
    first, *others = (
        fitted(frame, orders=["channel", "age"], leaving=["channel"])
        for frame in (whole, whole.sample(frac=1, random_state=3), counted, ibis.memtable(whole))
    )
    for other in others:
        assert other.base_model.log_parameters.tolist() == first.base_model.log_parameters.tolist()
        assert other.log_effects.tolist() == first.log_effects.tolist()
        assert other.estimate.customers == first.estimate.customers == 2000
    assert len(first.setup.base) == len(counted)


def test_the_test_tells_what_each_covariate_adds(base: pd.DataFrame, model: CovariateModel) -> None:
    test = model.likelihood_ratio_test()
    plain = BetaGeoNBD.fit(base, unit="days")
    assert test.degrees_of_freedom == 3
    assert test.statistic == pytest.approx(2 * (model.log_likelihood_ - plain.log_likelihood_), abs=1e-6)
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 3))
    assert test.p_value < 0.001
    table = model.tests_by_covariate().set_index(["covariate", "on"])
    assert table.index.tolist() == [("channel", "orders"), ("age", "orders"), ("channel", "leaving")]
    without_age = fitted(base, orders=["channel"], leaving=["channel"])
    gain = 2 * (model.log_likelihood_ - without_age.log_likelihood_)
    assert table.loc[("age", "orders"), "statistic"] == pytest.approx(gain, abs=1e-6)
    # Where the likelihood is nearly normal, Wald's z² is nearly the statistic.
    z = model.effects.set_index(["covariate", "on"])["z"]
    assert table.loc[("age", "orders"), "statistic"] == pytest.approx(z["age", "orders"] ** 2, rel=0.1)


def test_text_of_several_values_is_one_covariate_with_an_effect_each(base: pd.DataFrame) -> None:
    band = pd.cut(base["age"], [0, 29, 39, 49, 99], labels=["under 30", "30s", "40s", "50s"])
    frame = base.assign(band=band, member=base["age"] % 2 == 0)
    model = fitted(frame, orders=["band", "member"])
    most = band.value_counts().index[0]
    assert model.reference["band"] == most
    assert set(model.effects["covariate"]) == {f"band={b}" for b in band.unique() if b != most} | {
        f"member={not model.reference['member']}"
    }
    tests = model.tests_by_covariate().set_index("covariate")
    assert tests["degrees_of_freedom"].to_dict() == {"band": 3, "member": 1}
    assert tests.loc["band", "p_value"] < 0.01 < tests.loc["member", "p_value"]


def test_draws_of_effects_are_spread_as_their_standard_errors_say() -> None:
    model = fitted(customers(500, 2, store_orders=0.5), orders=["channel"])
    draws = model.draws(200, seed=1)
    assert draws.values.shape == (200, 5)
    ratio = np.log(draws.values[:, 4])
    assert ratio.mean() == pytest.approx(model.effects["effect"].item(), abs=0.3 * ratio.std())
    assert ratio.std() == pytest.approx(model.effects["standard_error"].item(), rel=0.2)


def test_a_group_in_which_nobody_came_back_is_named_and_a_prior_holds_it(base: pd.DataFrame) -> None:
    few = base.head(800)
    silent = (few["frequency"] == 0) & (few["age"] < 25)
    frame = few.assign(channel=np.where(silent, "app", few["channel"]))
    with pytest.raises(FitDidNotConverge, match="ratio of orders by channel=app runs to 0: of the customers with that"):
        fitted(frame, orders=["channel"])
    held = fitted(frame, orders=["channel"], prior_spread=2)
    ratio = held.effects.set_index("covariate")["ratio"]
    assert 0 < ratio["channel=app"] < 0.1
    # Of those of whom enough is known, the prior changes next to nothing.
    free = fitted(few, orders=["channel"])
    gentle = fitted(few, orders=["channel"], prior_spread=2)
    assert gentle.log_effects[0] == pytest.approx(free.log_effects[0], abs=0.02)
    assert free.log_likelihood_ - 0.1 < gentle.log_likelihood_ < free.log_likelihood_
    with pytest.raises(ValueError, match="needs a fit without prior_spread"):
        gentle.likelihood_ratio_test()


@pytest.mark.parametrize("scale", [1e-12, 1e-90, 1e12, 1e90])
@pytest.mark.filterwarnings("error")
def test_a_number_in_a_tiny_or_huge_unit_tells_the_same_per_standard_deviation(
    base: pd.DataFrame, scale: float
) -> None:
    few = base.head(800)
    how = {"orders": ["channel", "age"], "leaving": ["age"]}
    plain, scaled = fitted(few, **how), fitted(few.assign(age=few["age"] * scale), **how)
    table = scaled.effects
    assert np.isfinite(table.drop(columns=["covariate", "on"])).all(axis=None)
    columns = ["ratio_low", "ratio", "ratio_high"]
    assert (table[columns] > 0).all(axis=None)
    assert (table["ratio_low"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["ratio_high"]).all()
    same = ["ratio_per_sd", "z", "p_value"]
    np.testing.assert_allclose(table[same], plain.effects[same], rtol=1e-6)
    spread = few["age"].std(ddof=0)
    np.testing.assert_allclose(plain.effects["ratio_per_sd"][1:], plain.effects["ratio"][1:] ** spread, rtol=1e-9)
    assert table["ratio_per_sd"][0] == table["ratio"][0]
    draws = scaled.draws(100, seed=2).values
    assert np.isfinite(draws).all()
    np.testing.assert_allclose(draws[:, :5], plain.draws(100, seed=2).values[:, :5], rtol=1e-4)
    np.testing.assert_allclose(scaled.p_alive(few.assign(age=few["age"] * scale)), plain.p_alive(few), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e-310, 1e200, 1e306])
@pytest.mark.filterwarnings("error")
def test_a_unit_in_which_no_spread_can_be_told_is_refused(base: pd.DataFrame, scale: float) -> None:
    refused(base.assign(age=base["age"] * scale), "the numbers in the column age differ by .* give it in another unit")


@pytest.mark.parametrize("kind", [BetaGeoNBD, ParetoNBD])
@pytest.mark.parametrize("process", ["orders", "leaving"])
@pytest.mark.filterwarnings("error")
def test_a_number_far_out_of_what_was_fitted_is_named_not_the_history(kind: type, process: str) -> None:
    frame = customers(800, 4, kind=kind, age_orders=0.02)
    model = fitted(frame, kind, **{process: ["age"], "orders" if process == "leaving" else "leaving": ["channel"]})
    for far in (1e6, -1e6, 1e300):
        few = frame.head(4).assign(age=[30.0, far, 31.0, far])
        words = "customers 1, 3: age is far out of what the model was fitted to .first: .* from the mean"
        for answer in (model.p_alive, lambda summary: model.expected_orders(90, summary)):
            with pytest.raises(CovariateInvalid, match=words):
                answer(few)
        with pytest.raises(CovariateInvalid, match="this customer: age is far out"):
            model.at({"age": far, "channel": "web"})
    # Unusual is not far out: whatever is answered is a number.
    unusual = frame.head(4).assign(age=[0.0, 90.0, 200.0, -50.0])
    assert np.isfinite([model.p_alive(unusual), model.expected_orders(90, unusual)]).all()


def refused(frame: pd.DataFrame, words: str, **covariates: Any) -> None:
    with pytest.raises(CovariateInvalid, match=words):
        fitted(frame, **(covariates or {"orders": ["age"]}))


def test_columns_that_cannot_be_used_are_refused_by_name(base: pd.DataFrame) -> None:
    refused(base, "has no column city; join it", orders=["city"])
    refused(base.assign(age=30), "the column age is 30 for all customers")
    refused(base.assign(channel="web"), "the column channel is web for all", leaving=["channel"])
    holes = base.assign(age=base["age"].where(~base.index.isin([4, 7])))
    refused(holes, "customers 4, 7: no value in the column age; fill in")
    refused(
        base.assign(channel=base["channel"].where(base.index != 9)), "customer 9: no value in the", orders=["channel"]
    )
    refused(base.assign(age=base["age"].where(base.index != 9, np.inf)), "customer 9: age is missing or infinite")
    refused(base.assign(age=base["age"] * 1.0, born=2026 - base["age"]), "born is told already by age",
            orders=["age", "born"])  # fmt: skip
    refused(
        base.assign(shop=base["channel"].map({"web": "no", "store": "yes"})), "shop=yes is told already by channel=",
        leaving=["channel", "shop"],
    )  # fmt: skip
    refused(base.assign(age=base["customer_id"].astype(str)), "has 2000 different values, more than 30")
    refused(base.assign(age=pd.Timestamp("2026-01-01")), "the column age holds dates")
    with pytest.raises(TypeError, match="orders is a list of column names"):
        fitted(base, orders="age")


def test_unknown_values_at_prediction_are_refused_by_name(base: pd.DataFrame, model: CovariateModel) -> None:
    new = base.head(9).assign(channel=["web"] * 5 + ["kiosk"] * 4)
    with pytest.raises(
        CovariateInvalid, match=r"customers 5, 6, 7, 8: channel is kiosk, which was not there .* web, st"
    ):
        model.p_alive(new)
    with pytest.raises(CovariateInvalid, match="this customer: channel is fair"):
        model.at({"channel": "fair", "age": 30})
    with pytest.raises(CovariateInvalid, match="the customer has no age"):
        model.at({"channel": "web"})
    with pytest.raises(CovariateInvalid, match="customer 2: age is missing or infinite"):
        model.expected_orders(30, base.head(5).assign(age=[30.0, 31, np.nan, 33, 34]))
    with pytest.raises(CovariateInvalid, match="has no column age"):
        model.p_alive(base.drop(columns="age"))
