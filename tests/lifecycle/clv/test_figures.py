"""What the pictures and tables say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib import figures, models, text
from crmlib.figures import caption_of
from crmlib.lifecycle import clv

BG = models.BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)


@pytest.fixture(scope="module")
def all_of(cdnow: pd.DataFrame, cdnow_orders: pd.DataFrame, cdnow_model: Any) -> dict[str, Any]:
    fitted = clv.fit_models(cdnow)
    options = {**fitted.models, "margin": 0.3, "discount_rate": 0.1}
    values = clv.customer_values(cdnow, **options)
    return {
        "summary": cdnow,
        "values": values,
        "equity": clv.customer_equity(cdnow, **options),
        "shares": clv.equity_shares(cdnow, clv.top_fifth(values), **options),
        "total": clv.holdout_total(cdnow, cdnow_model),
        "comparison": clv.holdout_comparison(cdnow, cdnow_model),
        "weeks": clv.tracking(cdnow_orders, cdnow_model, as_of="1998-06-30", calibration_end="1997-09-30"),
        "baselines": clv.baseline_comparison(cdnow, cdnow_model),
    }


def test_the_grid_leaves_out_what_the_model_cannot_know(all_of) -> None:
    axes = clv.plot_alive_grid(clv.alive_grid(all_of["values"]))
    cells = [cell.get_text() for cell in axes.texts]
    once = [cell for cell in cells if cell.startswith(text.UNKNOWN)]
    assert once
    assert not any(cell.startswith("100%") for cell in once)
    assert "1,411 who bought once" in caption_of(axes).reading
    assert "of the 946 customers who came back" in caption_of(axes).reading


def test_a_model_that_can_tell_of_one_time_buyers_hatches_nobody(cdnow: pd.DataFrame) -> None:
    fitted = clv.fit_models(cdnow, orders_model=models.ModifiedBetaGeoNBD)
    grid = clv.alive_grid(clv.customer_values(cdnow, **fitted.models))
    axes = clv.plot_alive_grid(grid)
    assert not any(cell.get_text().startswith(text.UNKNOWN) for cell in axes.texts)
    doubtful = grid.loc[grid["p_alive"] < 0.5, "customers"].sum()
    assert caption_of(axes).reading.startswith(f"{doubtful:,} of the 2,357 customers are in cells")
    equity = clv.customer_equity(cdnow, **fitted.models)
    table = clv.equity_in_words(equity, cdnow)
    alive = fitted.orders_model.p_alive(cdnow["frequency"], cdnow["recency"], cdnow["T"]).sum()
    assert table.iloc[0, :2].tolist() == ["Of all 2,357 customers, probably still there", text.number(alive)]
    assert len(table) == 4
    assert table.iloc[3, 0] == "Value at risk: how much more, if all were surely still there"


def test_value_without_an_end_stands_last_and_is_not_to_be_added(all_of, cdnow: pd.DataFrame) -> None:
    table = clv.equity_in_words(all_of["equity"], all_of["summary"])
    known = all_of["equity"].set_index("measure")
    assert known.loc["residual_equity", "value"] > known.loc["customer_equity", "value"]
    assert table["measure"].iloc[-1].startswith("Another question: all value still to come")
    assert "do not add" in table["measure"].iloc[-1]
    shown = [text.money(known.loc["residual_equity", column]) for column in ("value", "low", "high")]
    assert table.iloc[-1, 1:].tolist() == shown
    without = clv.customer_equity(cdnow, **clv.fit_models(cdnow).models)
    assert len(clv.equity_in_words(without, cdnow)) == len(table) - 1


def test_the_holdout_picture_says_whether_chance_explains_the_difference(all_of) -> None:
    def reading(actual: float) -> str:
        expected = all_of["total"]["expected_orders"]
        total = all_of["total"].assign(actual_orders=actual, missed=(actual - expected) / expected)
        return caption_of(clv.plot_holdout(all_of["comparison"], all_of["weeks"], total)).reading

    low, high = all_of["total"][["expected_low", "expected_high"]].iloc[0]
    assert reading((low + high) / 2).endswith("no more of a difference than chance makes.")
    assert "something has changed" in reading(high + 200)
    assert "something has changed" in reading(low - 200)


def test_the_holdout_picture_calls_no_change_what_is_too_small_to_matter(all_of) -> None:
    sure = all_of["total"].assign(
        actual_orders=992.0, expected_orders=1000.0, expected_low=995.0, expected_high=1005.0, missed=-0.008
    )
    reading = caption_of(clv.plot_holdout(all_of["comparison"], all_of["weeks"], sure)).reading
    assert reading.endswith("more of a difference than chance makes, but smaller than what matters.")


def test_the_holdout_picture_tells_actual_and_expected_of_each_group(all_of) -> None:
    axes = clv.plot_holdout(all_of["comparison"], all_of["weeks"], all_of["total"])
    row = all_of["comparison"].iloc[1]
    said = f"1: {row.actual_mean:.2f} against {row.expected_mean:.2f}"
    assert said in caption_of(axes).description
    assert len(axes.get_figure().axes) == 2


def test_concentration_tells_the_share_of_the_fifth(all_of) -> None:
    axes = clv.plot_concentration(clv.equity_concentration(all_of["values"]), all_of["shares"])
    share = all_of["shares"]["share"].iloc[1]
    assert f"holds {share:.0%}" in caption_of(axes).reading


def test_equity_in_words_shows_money_as_money(all_of) -> None:
    table = clv.equity_in_words(all_of["equity"], all_of["summary"]).set_index("measure")
    value = all_of["equity"].set_index("measure").loc["customer_equity", "value"]
    assert table.loc["Customer equity: value of these orders", "value"] == text.money(value)
    assert not table.loc["Of the 946 who came back, probably still there", "value"].startswith("$")


def test_who_bought_once_is_not_counted_as_probably_still_there(all_of) -> None:
    table = clv.equity_in_words(all_of["equity"], all_of["summary"])
    values = all_of["values"]
    came_back = values[values["frequency"] > 0]
    assert table["value"][0] == text.number(came_back["p_alive"].sum())
    assert came_back["p_alive"].sum() < len(came_back) == 946
    assert table.iloc[1].tolist() == ["Bought once only: cannot be told", "1,411", "", ""]
    low, high = (float(table[name][0].replace(",", "")) for name in ("low", "high"))
    assert low < came_back["p_alive"].sum() < high < 946


def test_tables_in_words_name_their_methods_and_notes(all_of) -> None:
    assert clv.baselines_in_words(all_of["baselines"])["method"].tolist() == [
        "Model: BG/NBD",
        "Rule: everyone goes on at their own rate",
        "Rule: everyone repeats the last period",
        "Rule: the long silent are gone, others go on at their own rate",
        "Rule: everyone orders as often as the average",
    ]
    groups = pd.DataFrame({"channel": ["a", "b"], "note": ["", "too few"]}).reindex(
        columns=["channel", "customers", "equity_per_customer", "customer_equity", "equity_low", "equity_high",
                 "new_customer_value", "new_low", "new_high", "new_error", "note"]
    )  # fmt: skip
    shown = clv.groups_in_words(groups)
    assert shown["note"].tolist() == ["", "too few repeat buyers"]
    assert "new_error" not in shown
    unknown = clv.groups_in_words(groups.assign(channel=["a", None]))
    assert unknown["channel"].tolist() == ["a", "Not recorded"]
    assert "note" not in unknown  # nothing to be noted


def test_the_typical_error_saved_is_the_one_the_table_shows(all_of) -> None:
    table = clv.baselines_in_words(all_of["baselines"]).set_index("method")
    errors = table["root_mean_squared_error"]
    for rule in errors.index[1:]:
        assert table.loc[rule, "error_saved"] == pytest.approx(1 - errors["Model: BG/NBD"] / errors[rule])


def test_no_more_than_all_of_an_error_is_shown_as_saved_or_lost(all_of) -> None:
    table = clv.baselines_in_words(all_of["baselines"].assign(saved_low=-58.58))
    assert (table["saved_low"] == -1.0).all()


def test_a_drawing_is_for_the_notebook_and_not_for_the_report() -> None:
    deciles = pd.DataFrame(
        {"decile": [1, 2], "customers": [5, 5], "actual_orders": [1.0, 9.0], "expected_orders": [2.0, 8.0],
         "actual_mean": [0.2, 1.8], "expected_mean": [0.4, 1.6],
         "expected_low": [0.1, 1.0], "expected_high": [0.9, 2.2]}
    )  # fmt: skip
    shown = figures.drawing(clv.plot_calibration(deciles))._repr_mimebundle_()
    assert figures.MIME not in shown
    assert shown["image/png"]
    assert figures.MIME in figures.figure_exhibit(clv.plot_calibration(deciles), name="x")._repr_mimebundle_()


def test_calibration_and_lift_say_what_their_tables_say(cdnow: pd.DataFrame) -> None:
    deciles = clv.calibration_by_decile(cdnow, BG)
    inside = deciles["actual_mean"].between(deciles["expected_low"], deciles["expected_high"]).sum()
    said = caption_of(clv.plot_calibration(deciles))
    assert said.reading.startswith(f"In {inside} of 10 groups")
    assert f"10: {deciles['actual_mean'].iloc[-1]:.2f} against" in said.description
    table = clv.lift(cdnow, BG)
    share = table[(table["method"] == "BetaGeoNBD") & (table["share_contacted"] == 0.2)]["share_captured"].iloc[0]
    assert f"placed {share:.0%} of the orders, {share / 0.2:.1f} times" in caption_of(clv.plot_lift(table)).reading


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


def test_tracking_tells_of_the_time_that_the_model_was_not_shown(cdnow_orders: pd.DataFrame) -> None:
    pareto = models.ParetoNBD(r=0.55328, alpha=10.5777, s=0.60624, beta=11.6687)
    weeks = clv.tracking(cdnow_orders, pareto, as_of="1998-06-30", calibration_end="1997-09-30")
    held = weeks[~weeks["in_calibration"]]["expected_orders"].sum()
    assert f"1,882 repeat orders came. Expected were: {held:,.0f}." in caption_of(clv.plot_tracking(weeks)).reading
