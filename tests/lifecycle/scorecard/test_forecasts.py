"""Forecasts that compete on the past, and intervals that hold what they say."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.calendar import later
from crmlib.lifecycle import scorecard
from tests.lifecycle.scorecard.conftest import series


def ahead(values, steps=1, **how):
    return scorecard.forecast(series(values), scorecard.load_kpis(), steps=steps, **how)


def test_intervals_hold_about_as_many_values_as_they_say():
    rng = np.random.default_rng(7)
    kpis = {f"k{i}": scorecard.load_kpis()["average_order_value"] for i in range(70)}
    runs = {key: rng.normal(100, 5, 31) for key in kpis}
    values = pd.concat([series(run[:30], kpi=key) for key, run in runs.items()])
    found = scorecard.forecast(values, kpis, steps=1).set_index("kpi")
    coming = np.array([runs[key][30] for key in found.index])
    held = ((found["low"] <= coming) & (coming <= found["high"])).mean()
    assert 0.72 < held < 0.90
    assert 0.72 < found["covered"].sum() / found["tries"].sum() < 0.90


def test_a_trend_a_season_and_a_level_are_each_recognised():
    rng = np.random.default_rng(3)
    season = np.tile([10.0, 12, 30, 11, 9, 25, 10, 12, 11, 40, 14, 10], 3)
    assert ahead(season + rng.normal(0, 0.3, 36))["method"].item() in ("season", "season_trend", "season_growth")
    line = ahead(np.arange(30.0) + rng.normal(0, 0.2, 30))
    assert line["method"].item() in ("trend", "season_trend")  # of a line both say the same
    assert line["forecast"].item() == pytest.approx(30, abs=0.4)
    level = [ahead(50 + rng.normal(0, 1, 40)) for _ in range(20)]
    assert np.mean([found["method"].item() in ("mean", "smoothed") for found in level]) > 0.8
    assert [found["forecast"].item() for found in level] == pytest.approx([50] * 20, abs=2)


def test_a_season_is_repeated_in_the_right_month():
    year = [float(value) for value in range(1, 13)]
    found = ahead(year * 3, steps=3)
    assert found["method"].unique().tolist() == ["season"]
    assert found["forecast"].tolist() == [1, 2, 3]
    assert found["period"].tolist() == [dt.date(2027, 1, 1), dt.date(2027, 2, 1), dt.date(2027, 3, 1)]


def test_forecasts_stay_within_what_is_possible_and_need_some_history():
    kpis = scorecard.load_kpis()
    share = series([0.99, 0.6, 0.98, 0.7, 1.0, 0.9, 0.99, 0.6, 0.98, 0.7, 1.0, 0.9, 0.97], kpi="repurchase_rate")
    found = scorecard.forecast(share, kpis)
    assert found["high"].max() <= 1
    assert scorecard.forecast(share.head(10), kpis).empty


def test_values_that_come_irregularly_have_a_forecast_but_no_date():
    values = series(np.arange(20.0) % 3)
    found = scorecard.forecast(values.drop(index=[15, 16]), scorecard.load_kpis(), steps=1)
    assert found["period"].isna().all()
    quarterly = values.iloc[::3].assign(period=[later(dt.date(2024, 1, 1), "month", 3 * i) for i in range(7)])
    longer = pd.concat([quarterly.assign(period=[later(d, "month", -21) for d in quarterly["period"]]), quarterly])
    found = scorecard.forecast(longer, scorecard.load_kpis(), steps=1)
    assert found["period"].item() == dt.date(2025, 10, 1)
