"""The data behind the pictures of models, and that the pictures say what the data say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib import models
from crmlib.figures import caption_of
from crmlib.lifecycle import clv

BG = models.BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
MODELS = [
    BG,
    models.ModifiedBetaGeoNBD(r=0.5248, alpha=6.1831, a=0.8914, b=1.6140),
    models.ParetoNBD(r=0.55328, alpha=10.5777, s=0.60624, beta=11.6687),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_grid_is_what_the_model_says(model, cdnow: pd.DataFrame) -> None:
    grid = clv.frequency_recency_grid(model, summary=cdnow, horizon="39W")
    assert grid["frequency"].max() == 11  # the 99th percentile
    assert (grid["T"] == cdnow["T"].max()).all()
    some = grid[(grid["frequency"] == 7)].iloc[4]
    assert some["p_alive"] == pytest.approx(float(model.p_alive(7, some["recency"], some["T"])))
    weeks = some["T"] - some["recency"]
    assert some["silence_weeks"] == pytest.approx(weeks)
    assert some["expected_orders"] == pytest.approx(float(model.expected_orders(39, 7, some["recency"], some["T"])))
    came_back = grid[grid["frequency"] > 0].sort_values("silence_weeks")
    assert (came_back.groupby("frequency")["p_alive"].diff().dropna() < 0).all()


def test_the_grid_of_a_model_in_days_tells_silence_in_weeks() -> None:
    days = models.BetaGeoNBD(r=0.2426, alpha=7 * 4.4136, a=0.7929, b=2.4259, unit="days")
    weeks = clv.frequency_recency_grid(BG, T=39)
    found = clv.frequency_recency_grid(days, T=7 * 39)
    for column in ("silence_weeks", "p_alive", "expected_orders"):
        np.testing.assert_allclose(found[column], weeks[column])
    with pytest.raises(ValueError, match="age T"):
        clv.frequency_recency_grid(BG)
    with pytest.raises(models.CustomerBaseInvalid, match="no customers"):
        clv.frequency_recency_grid(BG, summary=pd.DataFrame({"frequency": [], "T": []}))


def test_the_heat_map_reads_one_customer_group_right() -> None:
    grid = clv.frequency_recency_grid(MODELS[2], T=39, most=11)
    said = caption_of(clv.plot_frequency_recency(grid)).reading
    last = grid[(grid["frequency"] == 11) & (grid["p_alive"] < 0.5)]["silence_weeks"].min()
    assert f"with 11 repeat orders, {last:.0f} weeks of it" in said
    loyal = models.BetaGeoNBD(r=0.5, alpha=200.0, a=0.01, b=10.0)
    assert (
        "No silence up to"
        in caption_of(clv.plot_frequency_recency(clv.frequency_recency_grid(loyal, T=39, most=3))).reading
    )


@pytest.mark.parametrize("model", MODELS, ids=repr)
@given(gaps=st.lists(st.integers(1, 90), min_size=0, max_size=12), after=st.integers(0, 200))
def test_belief_falls_in_silence_and_an_order_lifts_it(model, gaps: list[int], after: int) -> None:
    first = pd.Timestamp("2024-01-01")
    days = [first + pd.Timedelta(int(d), "D") for d in np.cumsum([0, *gaps])]
    end = days[-1] + pd.Timedelta(after, "D")
    path = clv.alive_path(model, days, as_of=end.date())
    assert len(path) == (end - first).days + 1
    assert path["ordered"].sum() == len(days)
    assert path["p_alive"].between(0, 1).all()
    moves = path["p_alive"].diff().iloc[1:]
    silent = ~path["ordered"].iloc[1:]
    assert (moves[silent] <= 1e-12).all()
    if model is not BG:  # under which who never came back is surely there, so that the first order back lowers it
        assert (moves[~silent & (path["silence_days"].shift().iloc[1:] > 30)] > 0).all()
    now = path.iloc[-1]
    whole = model.p_alive(len(days) - 1, (days[-1] - first).days / 7, (end - first).days / 7)
    assert now["p_alive"] == pytest.approx(float(whole))


def test_a_path_needs_an_order_and_counts_a_day_once() -> None:
    path = clv.alive_path(BG, ["2025-02-01", "2025-01-01", "2025-02-01", "2026-01-01"], as_of="2025-03-01")
    assert path["frequency"].iloc[-1] == 1
    assert path["silence_days"].iloc[-1] == 28
    with pytest.raises(ValueError, match="no order until 2024-12-31"):
        clv.alive_path(BG, ["2025-01-01"], as_of="2024-12-31")
    said = caption_of(clv.plot_alive_path(path))
    assert (
        "after 2 days with orders and 28 days of silence, the customer was still one with probability " in said.reading
    )
    assert f"{path['p_alive'].iloc[-1]:.0%}" in said.reading
    assert "Until the second order it is 100%" in said.reading
    told = clv.alive_path(MODELS[1], ["2025-02-01", "2025-01-01"], as_of="2025-03-01")
    assert "Until the second order" not in caption_of(clv.plot_alive_path(told)).reading


def test_several_models_track_the_same_orders(cdnow_orders: pd.DataFrame) -> None:
    options = {"as_of": "1998-06-30", "calibration_end": "1997-09-30"}
    weeks = clv.tracking_of_models(cdnow_orders, MODELS, **options)
    assert weeks["model"].unique().tolist() == ["BetaGeoNBD", "ModifiedBetaGeoNBD", "ParetoNBD"]
    assert weeks.groupby("model")["actual_orders"].sum().unique().tolist() == [2457 + 1882]
    one = clv.tracking(cdnow_orders, MODELS[2], **options)
    pd.testing.assert_frame_equal(
        weeks[weeks["model"] == "ParetoNBD"].drop(columns="model").reset_index(drop=True), one
    )
    said = caption_of(clv.plot_tracking(weeks)).reading
    held = weeks[~weeks["in_calibration"]].groupby("model")["expected_orders"].sum()
    assert f"1,882 repeat orders came. Expected were: BG/NBD: {held['BetaGeoNBD']:,.0f}" in said
    assert "Expected were: 1," in caption_of(clv.plot_tracking(one)).reading
    with pytest.raises(ValueError, match="at least one"):
        clv.tracking_of_models(cdnow_orders, [], **options)


def test_calibration_and_lift_say_what_their_tables_say(cdnow: pd.DataFrame) -> None:
    deciles = clv.calibration_by_decile(cdnow, BG)
    inside = deciles["actual_mean"].between(deciles["expected_low"], deciles["expected_high"]).sum()
    said = caption_of(clv.plot_calibration(deciles))
    assert said.reading.startswith(f"In {inside} of 10 groups")
    assert f"10: {deciles['actual_mean'].iloc[-1]:.2f} against" in said.description
    table = clv.lift(cdnow, BG)
    share = table[(table["method"] == "BetaGeoNBD") & (table["share_contacted"] == 0.2)]["share_captured"].iloc[0]
    assert f"placed {share:.0%} of the orders, {share / 0.2:.1f} times" in caption_of(clv.plot_lift(table)).reading


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_classes_of_value_hold_every_customer_once(values: list[float]) -> None:
    table = clv.value_distribution(pd.DataFrame({"clv": values}))
    assert table["customers"].sum() == len(values)
    assert table["value"].sum() == pytest.approx(sum(values))
    assert len(table) <= 12
    assert (table["at_least"].iloc[1:].to_numpy() == table["below"].iloc[:-1].to_numpy()).all()
    assert table["share_of_customers"].sum() == pytest.approx(1)
    for row in table.itertuples():
        assert row.customers == sum(row.at_least <= value < row.below for value in values)


def test_values_that_are_none_are_refused() -> None:
    with pytest.raises(models.CustomerBaseInvalid, match="no customers"):
        clv.value_distribution(pd.DataFrame({"clv": []}))
    with pytest.raises(models.CustomerBaseInvalid, match="1 values are missing"):
        clv.value_distribution(pd.DataFrame({"clv": [1.0, np.nan]}))


@pytest.fixture(scope="module")
def values(cdnow: pd.DataFrame) -> pd.DataFrame:
    p = models.GammaGamma.fit(cdnow)
    orders = BG.expected_orders(52, cdnow["frequency"], cdnow["recency"], cdnow["T"])
    return pd.DataFrame(
        {"customer_id": cdnow["customer_id"], "clv": orders * p.expected_spend(cdnow["frequency"], cdnow["monetary"])}
    )


def test_the_cells_of_the_matrix_part_the_customers(cdnow: pd.DataFrame, values: pd.DataFrame) -> None:
    matrix = clv.value_matrix(cdnow, values, margin=0.5).set_index("cell")
    each = clv.value_cells(cdnow, values, margin=0.5)
    assert matrix.index.tolist() == ["keep", "win_back", "develop", "automate"]
    assert matrix["customers"].sum() == 2357
    assert matrix["customers"].to_dict() == each["cell"].value_counts().to_dict()
    so_far = 0.5 * cdnow["frequency"] * cdnow["monetary"]
    assert matrix["value_now"].sum() == pytest.approx(so_far.sum())
    assert matrix["value_to_come"].sum() == pytest.approx(values["clv"].sum())
    lost = (so_far > so_far.mean()) & (values["clv"] <= values["clv"].mean())
    assert matrix.loc["win_back", "customers"] == lost.sum() > 0
    assert matrix.loc["win_back", "value_now"] == pytest.approx(so_far[lost].sum())
    for share in ("share_of_customers", "share_of_value_now", "share_of_value_to_come"):
        assert matrix[share].sum() == pytest.approx(1)
    said = caption_of(clv.plot_value_matrix(matrix.reset_index())).reading
    assert said.startswith(f"{matrix.loc['keep', 'customers']} customers are above average in both")
    # Who is to be developed may still have less before them than behind.
    assert matrix.loc["develop", "value_now"] > 0
    assert f"{matrix.loc['develop', 'customers']} have brought less than average so far" in said
    cells = [drawn.get_text() for drawn in clv.plot_value_matrix(matrix.reset_index()).texts]
    assert sum("so far: $" in cell for cell in cells) == 4


def test_the_matrix_takes_any_value_so_far_and_refuses_mixed_customers(cdnow: pd.DataFrame, values) -> None:
    last_year = np.where(np.arange(2357) < 10, 100.0, 0.0)
    matrix = clv.value_matrix(cdnow, values, value_now=last_year).set_index("now")
    assert matrix.loc["high", "customers"].sum() == 10
    none = clv.value_matrix(cdnow, values, value_now=np.zeros(2357))
    assert (none["share_of_value_now"] == 0).all()
    assert none.loc[none["now"] == "high", "customers"].sum() == 0
    with pytest.raises(models.CustomerBaseInvalid, match="same customers in the same order"):
        clv.value_matrix(cdnow, values[::-1])
    with pytest.raises(models.CustomerBaseInvalid, match="one finite amount per customer"):
        clv.value_matrix(cdnow, values, value_now=[1.0])


def test_the_distribution_reads_its_largest_classes(values: pd.DataFrame) -> None:
    table = clv.value_distribution(values)
    said = caption_of(clv.plot_value_distribution(table)).reading
    assert f"{table['share_of_customers'].max():.0%} of customers" in said
    assert f"holds most, {table['share_of_value'].max():.0%}" in said


def test_the_posterior_is_that_of_the_fit(cdnow_model: models.BetaGeoNBD) -> None:
    draws = clv.parameter_posterior(cdnow_model, draws=1000)
    assert draws.columns.tolist() == ["r", "alpha", "a", "b"]
    low, high = np.quantile(draws["r"], [0.025, 0.975])
    known = cdnow_model.params.loc["r"]
    assert low == pytest.approx(known["low"], rel=0.03)
    assert high == pytest.approx(known["high"], rel=0.03)
    said = caption_of(clv.plot_parameter_posterior(draws)).reading
    assert f"r: {low:.3f} to {high:.3f}" in said
    assert "a and b go together most" in said
    with pytest.raises(AttributeError, match="given parameters"):
        clv.parameter_posterior(BG)
