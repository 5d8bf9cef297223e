"""What the pictures and tables say."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib import models
from crmlib.lifecycle import clv
from crmlib.words import UNKNOWN, number, short, use

BG = models.BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
JUNK = re.compile(r"\b(nan|none|inf|nat)\b|[{}]", re.IGNORECASE)


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
        "deciles": clv.calibration_by_decile(cdnow, cdnow_model),
        "lift": clv.lift(cdnow, cdnow_model),
        "weeks": clv.tracking(cdnow_orders, cdnow_model, as_of="1998-06-30", calibration_end="1997-09-30"),
        "baselines": clv.baseline_comparison(cdnow, cdnow_model),
        "models": clv.compare([models.BetaGeoNBD, models.ModifiedBetaGeoNBD], cdnow),
        "matrix": clv.value_matrix(cdnow, values),
        "draws": clv.parameter_posterior(cdnow_model, draws=500),
        "path": clv.alive_path(BG, ["2025-01-01", "2025-02-01"], as_of="2025-06-30"),
        "account": clv.summary_account(cdnow_orders, as_of="1998-06-30"),
    }


def shown_of(all_of: dict[str, Any]) -> list[Any]:
    groups = pd.DataFrame(
        {"channel": ["a", "(other)", None], "customers": 5, "equity_per_customer": 2.0, "customer_equity": 10.0,
         "equity_low": 8.0, "equity_high": 12.0, "new_customer_value": [3.0, 2.0, np.nan], "new_low": 1.0,
         "new_high": 4.0, "new_error": 0.5, "note": ["", "prior", "too few"]}
    )  # fmt: skip
    priced = groups.assign(
        new_customers=[9, 4, 0], spent=[90.0, 4.0, np.nan], cost_to_win=[10.0, 1.0, np.nan],
        brings_in=[12.0, 8.0, np.nan], left_over=[2.0, 7.0, np.nan],
    )  # fmt: skip
    timing = pd.DataFrame({"customers": [50], "pairs": [90], "k": [2.4], "low": [2.1], "high": [2.8], "p_value": [0.0]})
    return [
        clv.plot_alive_grid(clv.alive_grid(all_of["values"])),
        clv.plot_holdout(all_of["comparison"], all_of["weeks"], all_of["total"]),
        clv.plot_calibration(all_of["deciles"]), clv.plot_lift(all_of["lift"]), clv.plot_alive_path(all_of["path"]),
        clv.plot_concentration(clv.equity_concentration(all_of["values"]), all_of["shares"]),
        clv.plot_value_matrix(all_of["matrix"]), clv.plot_parameter_posterior(all_of["draws"]),
        clv.plot_tracking(all_of["weeks"]), clv.equity_table(all_of["equity"], all_of["summary"]),
        clv.baselines_table(all_of["baselines"]), clv.models_table(all_of["models"]), clv.groups_table(groups),
        clv.groups_table(priced), clv.plot_value_at_risk(clv.risk_by_tenth(all_of["values"])),
        clv.regularity_table(timing), clv.account_table(all_of["account"]),
        clv.independence_table(clv.spend_and_frequency(all_of["summary"])),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_exhibit_says_what_it_shows_in_both_languages(all_of, language) -> None:
    use(language, "CNY")
    for exhibit in shown_of(all_of):
        cells = [cell for row in exhibit.fields.get("rows", []) for cell in row]
        assert exhibit.title
        assert not any(map(JUNK.search, [exhibit.title, exhibit.reading, exhibit.description, *cells])), exhibit
        if exhibit.picture is not None:
            assert exhibit.reading
            assert "<svg" in exhibit.picture.svg(label=exhibit.description)
        if language == "zh":
            assert not re.search(r"[a-z]{4,}", exhibit.title + exhibit.reading.replace("Pareto", ""))


def test_without_models_or_a_holdout_all_is_empty_and_says_why() -> None:
    none: dict[str, Any] = {"orders_model": None, "spend_model": None}
    few = pd.DataFrame({"customer_id": ["a"], "frequency": [0], "recency": [0.0], "T": [5.0], "monetary": [0.0]})
    values = clv.customer_values(few, **none, margin=0.5, discount_rate=0.1)
    assert {"clv", "clv_low", "residual_clv", "value_at_risk", "silence_weeks"} <= set(values)
    shares = clv.equity_shares(few, clv.top_fifth(values), **none)
    equity, total = clv.customer_equity(few, **none), clv.holdout_total(few, None)
    baselines, compared = clv.baseline_comparison(few, None), clv.compare([models.BetaGeoNBD], few)
    assert (compared.picked, compared.kind, compared.tested) == (None, None, None)
    contracts = clv.contract_model(pd.DataFrame({"age": [], "at_risk": [], "lost": []}))
    running = pd.DataFrame({"age": [], "contracts": [], "revenue": []})
    worth = clv.contract_equity(running, contracts.model, term="month", margin=0.5, discount_rate=0.1)
    orders = pd.DataFrame({"customer_id": ["a"], "amount": [1.0], "ordered_at": pd.to_datetime(["2025-01-01"])})
    weeks = clv.tracking(orders, None, as_of="2025-12-31", calibration_end=None)
    exhibits = [
        clv.plot_alive_grid(clv.alive_grid(values)), clv.plot_holdout(clv.holdout_comparison(few, None), weeks, total),
        clv.plot_calibration(clv.calibration_by_decile(few, None)), clv.plot_lift(clv.lift(few, None)),
        clv.plot_alive_path(clv.alive_path(None, [], as_of="2025-12-31")), clv.plot_tracking(weeks),
        clv.plot_concentration(clv.equity_concentration(values), shares),
        clv.plot_value_matrix(clv.value_matrix(few, values)), clv.plot_value_at_risk(clv.risk_by_tenth(values)),
        clv.plot_parameter_posterior(clv.parameter_posterior(None)), clv.equity_table(equity, few),
        clv.baselines_table(baselines), clv.regularity_table(clv.regularity(orders, as_of="2025-12-31")),
        clv.contract_models_table(contracts),
    ]  # fmt: skip
    assert all(shown.kind == "nothing" and shown.title and shown.reading for shown in exhibits)
    margin = clv.contribution_margin(orders, as_of="2025-12-31", fallback=0.5)
    trust = clv.trust_in_model(total, baselines, fitted=clv.fit_models(few), history_weeks=5.0)
    findings = [
        clv.finding_equity(equity, margin, customers=1, discount_rate=0.1, trust=trust),
        clv.finding_value_at_risk(equity, values, trust=trust), clv.finding_concentration(shares, trust=trust),
        clv.finding_one_time_buyers(shares, trust=trust, equity=equity),
        clv.finding_holdout(total, baselines, equity), clv.finding_contracts(worth, term="month"),
    ]  # fmt: skip
    assert findings == [None] * len(findings)


def test_the_grid_leaves_out_what_the_model_cannot_know(all_of) -> None:
    exhibit = clv.plot_alive_grid(clv.alive_grid(all_of["values"]))
    picture = exhibit.picture.svg(label="")
    assert picture.count("crm-hatched") == (exhibit.table["frequency_order"] == 0).sum()
    assert "? · " in picture
    assert "1,411 who bought once" in exhibit.reading
    assert "Of the 946 customers who came back" in exhibit.reading


def test_a_model_that_can_tell_of_one_time_buyers_hatches_nobody(cdnow: pd.DataFrame) -> None:
    fitted = clv.fit_models(cdnow, orders_model=models.ModifiedBetaGeoNBD)
    grid = clv.alive_grid(clv.customer_values(cdnow, **fitted.models))
    exhibit = clv.plot_alive_grid(grid)
    assert "crm-hatched" not in exhibit.picture.svg(label="")
    doubtful = grid.loc[grid["p_alive"] < 0.5, "customers"].sum()
    assert f"{doubtful:,} of 2,357 customers are in cells" in exhibit.reading
    rows = clv.equity_table(clv.customer_equity(cdnow, **fitted.models), cdnow).fields["rows"]
    alive = fitted.orders_model.p_alive(cdnow["frequency"], cdnow["recency"], cdnow["T"]).sum()
    assert rows[0][:2] == ["Of all 2,357 customers, probably still there", number(alive)]
    assert len(rows) == 4
    assert rows[3][0] == "Value at risk: more, if nobody had left"


def test_value_without_an_end_stands_last_and_is_not_to_be_added(all_of, cdnow: pd.DataFrame) -> None:
    rows = clv.equity_table(all_of["equity"], cdnow).fields["rows"]
    known = all_of["equity"].set_index("measure").loc["residual_equity"]
    assert "do not add" in rows[-1][0]
    assert rows[-1][1:] == [short(known["value"]), f"{short(known['low'])} to {short(known['high'])}"]
    without = clv.customer_equity(cdnow, **clv.fit_models(cdnow).models)
    assert len(clv.equity_table(without, cdnow).fields["rows"]) == len(rows) - 1


def test_who_bought_once_is_not_counted_as_probably_still_there(all_of) -> None:
    exhibit = clv.equity_table(all_of["equity"], all_of["summary"])
    rows, values = exhibit.fields["rows"], all_of["values"]
    alive = values.loc[values["frequency"] > 0, "p_alive"].sum()
    assert rows[0][:2] == ["Of the 946 who came back, probably still there", number(alive)]
    assert rows[1] == ["Bought once only: the model cannot tell", "1,411", ""]
    equity = all_of["equity"].set_index("measure").loc["customer_equity", "value"]
    assert ["Customer equity: value of these orders", short(equity)] in [row[:2] for row in rows]
    assert exhibit.table is all_of["equity"]


@pytest.mark.parametrize(
    ("total", "said"),
    [
        ({"actual_orders": 1000.0, "missed": 0.0}, "no more of a difference than chance makes"),
        ({"actual_orders": 1200.0, "missed": 0.2}, "Something has changed"),
        ({"actual_orders": 800.0, "missed": -0.2}, "Something has changed"),
        ({"actual_orders": 989.0, "missed": -0.011}, "more of a difference than chance makes, but too small to matter"),
    ],
)
def test_the_holdout_picture_says_whether_chance_explains_the_difference(all_of, total, said) -> None:
    expected = {"expected_orders": 1000.0, "expected_low": 990.0, "expected_high": 1010.0}
    exhibit = clv.plot_holdout(all_of["comparison"], all_of["weeks"], all_of["total"].assign(**expected, **total))
    assert said in exhibit.reading
    row = all_of["comparison"].iloc[1]
    assert f"1: {row.actual_mean:.2f} came, {row.expected_mean:.2f} expected" in exhibit.description


def test_pictures_say_what_their_tables_say(all_of) -> None:
    share = all_of["shares"]["share"].iloc[1]
    curve = clv.equity_concentration(all_of["values"])
    assert f"holds {share:.0%} (" in clv.plot_concentration(curve, all_of["shares"]).reading
    deciles, table = all_of["deciles"], all_of["lift"]
    inside = deciles["actual_mean"].between(deciles["expected_low"], deciles["expected_high"]).sum()
    assert clv.plot_calibration(deciles).reading.startswith(f"In {inside} of 10 groups")
    first = table[(table["method"] == "BetaGeoNBD") & (table["share_contacted"] == 0.2)]["share_captured"].iloc[0]
    assert f"placed {first:.0%} of the orders, {first / 0.2:.1f} times" in clv.plot_lift(table).reading
    held = all_of["weeks"][~all_of["weeks"]["in_calibration"]]["expected_orders"].sum()
    assert f"1,882 repeat orders came where {held:,.0f} were expected." in clv.plot_tracking(all_of["weeks"]).reading
    once = clv.plot_alive_path(all_of["path"])
    assert "after 2 days with orders and 149 days of silence" in once.reading
    assert "Until the second order it is 100%" in once.reading
    told = clv.alive_path(models.ModifiedBetaGeoNBD(r=0.5, alpha=8, a=0.8, b=2), ["2025-01-01"], as_of="2025-03-01")
    assert "Until the second order" not in clv.plot_alive_path(told).reading


def test_the_posterior_is_that_of_the_fit(cdnow_model: models.BetaGeoNBD) -> None:
    draws = clv.parameter_posterior(cdnow_model, draws=1000)
    assert draws.columns.tolist() == ["r", "alpha", "a", "b"]
    low, high = np.quantile(draws["r"], [0.025, 0.975])
    known = cdnow_model.params.loc["r"]
    assert low == pytest.approx(known["low"], rel=0.03)
    assert high == pytest.approx(known["high"], rel=0.03)
    said = clv.plot_parameter_posterior(draws).reading
    assert f"r: {low:.3f} to {high:.3f}" in said
    assert "a and b go together most" in said
    with pytest.raises(AttributeError, match="given parameters"):
        clv.parameter_posterior(BG)


def test_tables_name_their_methods_and_notes(all_of) -> None:
    shown = shown_of(all_of)
    baselines, compared, groups = (next(e for e in shown if e.name == n) for n in ("baselines", "models", "by_group"))
    assert [row[0] for row in baselines.fields["rows"]] == [
        "Model: may leave after a repeat order (BG/NBD)",
        "Rule: everyone goes on at their own rate",
        "Rule: everyone repeats the last period",
        "Rule: the long silent are gone, others keep their rate",
        "Rule: everyone orders as often as the average",
    ]
    assert compared.fields["rows"][1][0] == "Model: may leave after any order (MBG/NBD)"
    assert compared.fields["rows"][-1][4] == UNKNOWN  # a rule has no log score
    assert [row[0] for row in groups.fields["rows"]] == ["A", "Other channels", "Not recorded"]
    assert [row[-1] for row in groups.fields["rows"]] == ["–", "Rough: a weak prior was used", "–"]


def test_what_may_be_lost_is_shown_by_tenth_and_titled_with_what_the_first_holds(all_of) -> None:
    values = all_of["values"]
    exhibit = clv.plot_value_at_risk(clv.risk_by_tenth(values))
    there = values.loc[values["p_alive"] >= 0.05, "value_at_risk"].sort_values(ascending=False)
    first = there.head(len(there) // 10 + 1).sum() / there.sum()  # 2,340 or so customers: the first parts hold one more
    assert exhibit.table["share"].sum() == pytest.approx(1)
    assert exhibit.table["customers"].sum() == len(there)
    assert exhibit.title == f"A tenth of customers holds {first:.0%} of the profit we may lose"
    assert short(there.sum()) in exhibit.reading
    drawn = exhibit.picture.svg(label="").count('class="crm-bar"')
    assert (exhibit.place, drawn) == ("section", (exhibit.table["value_at_risk"] > 0).sum())
    assert "In tenths not shown the model sees no risk." in exhibit.reading  # BG/NBD: those who bought once


def test_channels_are_shown_by_what_they_leave_where_the_cost_is_known(all_of) -> None:
    plain, priced = (e for e in shown_of(all_of) if e.name == "by_group")
    assert priced.fields["headings"][:5] == ["Group", "New customers", "Cost to win one", "Brings in", "Left over"]
    assert [row[:5] for row in priced.fields["rows"]] == [
        ["Other channels", "4", "$1", "$8", "$7"], ["A", "9", "$10", "$12", "$2"]
    ]  # fmt: skip
    assert plain.fields["rows"][0][3:5] == ["$3", "$1 to $4"]
    assert "trust this table for what a group is worth" in plain.reading


def test_the_typical_error_saved_is_the_one_the_table_shows(all_of) -> None:
    table = clv.baselines_table(all_of["baselines"]).table.set_index("method")
    errors = table["root_mean_squared_error"]
    for rule in errors.index[1:]:
        assert table.loc[rule, "error_saved"] == pytest.approx(1 - errors["BetaGeoNBD"] / errors[rule])
    wide = clv.baselines_table(all_of["baselines"].assign(saved_low=-58.58)).table
    assert (wide["saved_low"] == -1.0).all()
