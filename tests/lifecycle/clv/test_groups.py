"""Value by customer and by group."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import (
    alive_grid,
    customer_equity,
    customer_values,
    equity_concentration,
    equity_shares,
    fit_models,
    groups,
    predict,
    top_fifth,
    value_at_risk,
    value_by_group,
)
from crmlib.models import BetaGeoNBD


@pytest.fixture(scope="module")
def options(cdnow: pd.DataFrame) -> dict[str, Any]:
    return {**fit_models(cdnow).models, "margin": 0.5, "discount_rate": 0.1}


@pytest.fixture(scope="module")
def values(cdnow: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    return customer_values(cdnow, **options)


def test_values_of_customers_are_those_predicted(cdnow, values, options) -> None:
    pd.testing.assert_series_equal(values["clv"], predict(cdnow, **options)["clv"])
    np.testing.assert_allclose(values["value_if_alive"] - values["value_at_risk"], values["clv"], atol=1e-9)
    np.testing.assert_allclose(values["silence_weeks"], cdnow["T"] - cdnow["recency"])
    assert (values.loc[values["frequency"] == 0, "p_alive"] == 1).all()


def test_silence_is_told_in_weeks_whatever_the_unit(cdnow, options) -> None:
    in_days = cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7, unit="days")
    fitted = {**options, **fit_models(in_days, unit="days").models}
    found = customer_values(in_days, **fitted)
    np.testing.assert_allclose(found["silence_weeks"], cdnow["T"] - cdnow["recency"], atol=1e-9)


def test_shares_of_groups_add_up_to_the_equity(cdnow, values, options) -> None:
    shares = equity_shares(cdnow, top_fifth(values), **options)
    equity = customer_equity(cdnow, **options).set_index("measure").loc["customer_equity"]
    assert shares["equity"].sum() == pytest.approx(equity["value"], rel=1e-9)
    assert shares["share"].sum() == pytest.approx(1)
    assert shares["customers"].tolist() == [2357 - 472, 472]
    best = values["clv"].nlargest(472).sum()
    assert shares.loc[1, "equity"] == pytest.approx(best)
    assert (shares["share_low"] < shares["share"]).all()
    assert (shares["share"] < shares["share_high"]).all()


def test_intervals_of_groups_hold_chance_and_that_of_all_is_that_of_the_equity(cdnow, options) -> None:
    one = equity_shares(cdnow, ["all"] * len(cdnow), "100D", **options, draws=200).iloc[0]
    equity = customer_equity(cdnow, "100D", **options, draws=200).set_index("measure").loc["customer_equity"]
    assert [one["equity"], one["equity_low"], one["equity_high"]] == pytest.approx(equity.tolist(), rel=1e-9)


def test_a_group_of_few_customers_is_as_uncertain_as_its_customers(cdnow, values, options) -> None:
    best = values["clv"].rank(ascending=False, method="first") == 1
    shares = equity_shares(cdnow, best, **options, draws=200).set_index("group")
    alone, table = shares.loc[True], values[best].iloc[0]
    assert alone["equity"] == pytest.approx(table["clv"])
    assert alone["equity_low"] == pytest.approx(table["clv_low"], rel=0.25)
    assert alone["equity_high"] == pytest.approx(table["clv_high"], rel=0.25)
    assert 0 <= alone["share_low"] < alone["share"] < alone["share_high"] < 1


def test_a_base_without_value_has_shares_of_nothing(cdnow, options) -> None:
    shares = equity_shares(cdnow, top_fifth(predict(cdnow, **options, confidence=None)), **{**options, "margin": 0.0})
    assert (shares[["equity", "share", "share_low", "share_high"]] == 0).all(axis=None)


def test_everybody_in_one_group_holds_everything(cdnow, options) -> None:
    one = equity_shares(cdnow, ["all"] * len(cdnow), **options).iloc[0]
    assert (one["share"], one["share_low"], one["share_high"]) == (1, 1, 1)


def test_concentration_meets_the_share_of_the_top_fifth(cdnow, values, options) -> None:
    curve = equity_concentration(values)
    at_fifth = curve.loc[curve["share_of_customers"] == 0.2, "share_of_equity"].item()
    assert at_fifth == pytest.approx(equity_shares(cdnow, top_fifth(values), **options)["share"].iloc[1], abs=2e-3)
    assert (np.diff(curve["share_of_equity"]) >= 0).all()
    assert equity_concentration(values.assign(clv=0.0)).empty


def test_the_grid_holds_every_customer_once(values) -> None:
    grid = alive_grid(values)
    assert grid["customers"].sum() == len(values)
    assert grid["value_at_risk"].sum() == pytest.approx(values["value_at_risk"].sum())
    assert (grid.loc[grid["frequency"] == "0", "p_alive"] == 1).all()


def test_classes_of_the_grid_end_with_their_last_week() -> None:
    some = pd.DataFrame(
        {"customer_id": list("abcd"), "frequency": [1, 5, 10, 99], "silence_weeks": [4.0, 4.1, 52.0, 60.0],
         "p_alive": 0.5, "expected_orders": 1.0, "value_at_risk": 2.0}
    )  # fmt: skip
    cells = alive_grid(some)[["frequency", "silence", "customers"]].values.tolist()
    assert cells == [["1", "0–4", 1], ["4–5", "4–8", 1], ["10+", "26–52", 1], ["10+", "52+", 1]]


def test_groups_have_models_of_their_own_and_small_ones_say_so(cdnow, options) -> None:
    names = np.where(np.arange(len(cdnow)) < 8, "tiny", np.where(np.arange(len(cdnow)) % 2 == 0, "even", "odd"))
    groups = pd.DataFrame({"customer_id": cdnow["customer_id"], "channel": names})
    groups.loc[20:40, "channel"] = None
    table = value_by_group(cdnow, groups, margin=0.5, discount_rate=0.1)
    assert table["customers"].sum() == len(cdnow)
    assert set(table["channel"][:2]) == {"even", "odd"}
    tiny = table[table["channel"] == "tiny"].iloc[0]
    assert tiny["note"] == "too few"
    assert np.isnan(tiny["new_customer_value"])
    assert pd.isna(table["channel"].iloc[-1])
    even = table[table["channel"] == "even"].iloc[0]
    some = cdnow[(names == "even") & groups["channel"].notna().to_numpy()]
    fitted = fit_models(some)
    alone = customer_equity(some, **fitted.models, margin=0.5, discount_rate=0.1).set_index("measure")
    assert even["customer_equity"] == pytest.approx(alone.loc["customer_equity", "value"])
    assert even["new_low"] < even["new_customer_value"] < even["new_high"]
    from_database = value_by_group(cdnow, ibis.memtable(groups), margin=0.5, discount_rate=0.1)
    pd.testing.assert_frame_equal(table, from_database)


def test_a_newcomers_year_is_that_of_the_model(cdnow) -> None:
    groups = cdnow[["customer_id"]].assign(channel="all")
    row = value_by_group(cdnow, groups, draws=20).iloc[0]
    fitted = fit_models(cdnow)
    two_years = value_by_group(cdnow, groups, "2Y", as_of="1997-09-30", draws=20).iloc[0]
    assert two_years["new_customer_value"] == pytest.approx(
        fitted.orders_model.expected_orders_new(730 / 7).item() * fitted.spend_model.expected_spend(0, 0.0).item()
    )
    orders = BetaGeoNBD.fit(cdnow).expected_orders_new(365 / 7).item()
    assert row["new_customer_value"] == pytest.approx(orders * fitted.spend_model.expected_spend(0, 0.0).item())


def test_beyond_twelve_groups_the_rest_are_taken_together(cdnow) -> None:
    some = cdnow[:240]  # twelve in a group: too few for models of their own
    groups = pd.DataFrame({"customer_id": some["customer_id"], "channel": [f"g{i % 20:02}" for i in range(240)]})
    table = value_by_group(some, groups, draws=5)
    assert len(table) == 12
    assert table.set_index("channel")["customers"]["(other)"] == 9 * 12
    assert table["customers"].sum() == 240


def test_shares_take_any_labels_and_keep_those_without_one(cdnow, options) -> None:
    quick = {**options, "draws": 10}
    labels = np.where(np.arange(len(cdnow)) < 100, None, np.where(np.arange(len(cdnow)) % 2, "odd", "even"))
    table = equity_shares(cdnow, labels, **quick)
    assert table["group"].tolist() == ["even", "odd", None]
    assert table["customers"].tolist() == [1129, 1128, 100]
    assert table["share"].sum() == pytest.approx(1)
    assert table["equity"].iloc[-1] == pytest.approx(predict(cdnow[:100], **quick, confidence=None)["clv"].sum())
    numbers = equity_shares(cdnow, np.where(np.arange(len(cdnow)) < 100, np.nan, 2.0), **quick)
    assert numbers["group"].tolist() == [2.0, None]
    np.testing.assert_allclose(numbers["equity"].iloc[-1], table["equity"].iloc[-1])
    mixed = equity_shares(cdnow, [1, "a"] * 1178 + [1], **quick)
    assert mixed["group"].tolist() == [1, "a"]
    assert mixed["customers"].tolist() == [1179, 1178]
    nobody_knows = equity_shares(cdnow, [None] * len(cdnow), **quick)
    assert nobody_knows["group"].tolist() == [None]
    assert nobody_knows["share"].tolist() == [1]


def test_shares_need_a_label_for_each_customer(cdnow, options) -> None:
    with pytest.raises(ValueError, match="groups has 10 labels for 2357 customers; give one per row"):
        equity_shares(cdnow, ["a"] * 10, **options)
    with pytest.raises(ValueError, match="the summary has no customers"):
        equity_shares(cdnow[:0], [], **options)


def test_many_groups_of_a_category_and_of_unlike_labels_are_taken_as_they_come(cdnow) -> None:
    ids = cdnow["customer_id"]
    table = cdnow[["customer_id"]].assign(channel=[f"g{i % 20:02}" for i in range(len(cdnow))])
    text = groups.labels_of(ids, table, "channel")
    assert text.value_counts().sort_index().to_dict() == {"(other)": 6 * 118 + 3 * 117, **dict.fromkeys(
        [f"g{i:02}" for i in range(11)], 118)}  # fmt: skip
    for kind in ("category", "string"):
        pd.testing.assert_series_equal(groups.labels_of(ids, table.astype({"channel": kind}), "channel"), text)
    unlike = groups.labels_of(ids, table.assign(channel=[1, "a", *range(30, 60), None] * 71 + [1] * 14), "channel")
    assert unlike.nunique() == 12
    assert (unlike == 1).sum() == 71 + 14
    assert unlike.isna().sum() == 71


def test_labels_of_unlike_kinds_are_groups(cdnow) -> None:
    some = cdnow[:30]
    table = value_by_group(some, some[["customer_id"]].assign(channel=pd.Series([1, "a", None] * 10)), draws=2)
    assert table["channel"].tolist()[:2] == [1, "a"]
    assert pd.isna(table["channel"].iloc[-1])
    assert table["customers"].tolist() == [10, 10, 10]


def test_groups_that_cannot_be_joined_are_refused(cdnow) -> None:
    table = cdnow[["customer_id"]].assign(channel="all")
    with pytest.raises(ValueError, match=r"groups has no column segment \(it has customer_id, channel"):
        value_by_group(cdnow, table, by="segment")
    with pytest.raises(ValueError, match="groups has no column segment"):
        value_by_group(cdnow, ibis.memtable(table), by="segment")
    with pytest.raises(ValueError, match=r"no customer_id of the summary is in groups: .* \(int64\), .* give both the"):
        value_by_group(cdnow, table.assign(customer_id=table["customer_id"].astype(str)))


def test_a_list_of_customers_that_holds_nobody_of_the_summary_pools_them_all(cdnow) -> None:
    newer = pd.DataFrame({"customer_id": cdnow["customer_id"] + 1_000_000, "channel": "ads"})
    pooled = fit_models(cdnow)
    for known in (newer, newer.astype({"customer_id": "int32"}), newer.astype({"customer_id": float}), newer[:0]):
        fitted = fit_models(cdnow, groups=known)
        assert fitted.group_models is None
        assert fitted.orders_model.log_likelihood_ == pooled.orders_model.log_likelihood_
    table = value_by_group(cdnow, newer, draws=5)
    assert table["customers"].tolist() == [len(cdnow)]
    assert table["channel"].isna().all()
    text = cdnow.assign(customer_id="c" + cdnow["customer_id"].astype(str))
    of_text = newer.assign(customer_id="n" + newer["customer_id"].astype(str))
    for kind in ("string", "category", object):
        assert groups.labels_of(text["customer_id"], of_text.astype({"customer_id": kind}), "channel").isna().all()
    with pytest.raises(ValueError, match="give both the same type"):
        groups.labels_of(text["customer_id"], newer, "channel")


@pytest.fixture(scope="module")
def two_kinds(cdnow: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    """Half of the customers come three times as often: they have models of their own, and some have no group."""
    often = np.arange(len(cdnow)) % 2 == 0
    some = cdnow.assign(customer_id="c" + cdnow["customer_id"].astype(str))
    some["frequency"] = np.where(often, 3 * some["frequency"], some["frequency"])
    known = some[["customer_id"]].assign(channel=np.where(often, "often", "seldom"))[: len(some) - 50]
    return some, fit_models(some, groups=known)


def test_groups_with_models_of_their_own_are_joined_and_valued_in_the_engine(two_kinds) -> None:
    some, fitted = two_kinds
    assert set(fitted.group_models.models) == {"often", "seldom"}
    there = ibis.memtable(some.sample(frac=1, random_state=3))
    money: dict[str, Any] = {**fitted.models, "margin": 0.5, "discount_rate": 0.1}
    for measure in (lambda table: predict(table, draws=20, **money), lambda table: value_at_risk(table, **money)):
        here, answer = measure(some), measure(there)
        assert isinstance(answer, ibis.Table)
        found = answer.to_pandas().set_index("customer_id").loc[some["customer_id"]].reset_index()
        pd.testing.assert_frame_equal(found, here.reset_index(drop=True), check_dtype=False, rtol=1e-10)
    # Each customer is valued by the models of their own group, and those without one by the models of all.
    for name, at in (("often", 0), ("seldom", 1), (None, len(some) - 1)):
        own = fitted if name is None else fitted.group_models.models[name]
        models = {"orders_model": own.orders_model, "spend_model": own.spend_model}
        alone = predict(some[at : at + 1], **models, margin=0.5, confidence=None)["clv"].item()
        customer = some["customer_id"].iloc[at]
        joined = predict(there, **fitted.models, margin=0.5, confidence=None)
        assert joined.filter(joined.customer_id == customer).clv.execute().item() == pytest.approx(alone, rel=1e-10)
    pd.testing.assert_frame_equal(
        customer_equity(there, **money, draws=20), customer_equity(some, **money, draws=20), rtol=1e-9
    )


def test_who_of_a_database_is_in_no_group_is_valued_by_the_models_of_all(two_kinds) -> None:
    some, fitted = two_kinds
    others = some.assign(customer_id="x" + some["customer_id"])[:40]
    numbered = others.assign(customer_id=range(40))
    pooled = {"orders_model": fitted.orders_model, "spend_model": fitted.spend_model}
    expected = predict(others, **pooled, confidence=None)["clv"]
    for table in (others, numbered):
        found = predict(ibis.memtable(table), **fitted.models, confidence=None).to_pandas().set_index("customer_id")
        np.testing.assert_allclose(found.loc[table["customer_id"], "clv"], expected, rtol=1e-10)


def test_without_models_the_answer_is_of_the_kind_of_the_summary_too(cdnow) -> None:
    none: dict[str, Any] = {"orders_model": None, "spend_model": None}
    for measure in (predict, value_at_risk):
        here, there = measure(cdnow, **none), measure(ibis.memtable(cdnow), **none)
        assert isinstance(there, ibis.Table)
        assert list(there.columns) == list(here.columns)
        assert there.count().execute() == 0
