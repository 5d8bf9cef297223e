"""Values with their intervals, signal and noise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew

from crmlib.lifecycle import scorecard
from crmlib.lifecycle.scorecard.signal import _against_mean
from tests.lifecycle.scorecard.conftest import measured, months, series


def test_a_share_has_wilsons_interval_and_few_cases_are_not_judged():
    from statsmodels.stats.proportion import proportion_confint

    kpis = {"lead_conversion": scorecard.load_kpis()["lead_conversion"]}
    measures = pd.DataFrame({"period": months(3), "leads": [200.0, 29, 40], "converted_leads": [50.0, 0, 40]})
    found = scorecard.kpi_values(measures, kpis)
    for row, k, n in zip(found.itertuples(), [50, 0, 40], [200, 29, 40], strict=True):
        assert (row.low, row.high) == pytest.approx(proportion_confint(k, n, method="wilson"))
    assert found["judged"].tolist() == [True, False, True]


def test_a_cost_per_case_has_nearly_the_exact_poisson_interval():
    from scipy.stats import chi2

    kpis = {"cac": scorecard.load_kpis()["cac"]}
    measures = pd.DataFrame({"period": months(2), "marketing_cost": 1000.0, "new_customers": [20.0, 400.0]})
    for row, n in zip(scorecard.kpi_values(measures, kpis).itertuples(), [20, 400], strict=True):
        exact = 1000 / (chi2.ppf(0.975, 2 * (n + 1)) / 2), 1000 / (chi2.ppf(0.025, 2 * n) / 2)
        assert (row.low, row.high) == pytest.approx(exact, rel=0.005)


def test_the_interval_of_nps_and_of_a_mean_by_hand():
    kpis = scorecard.load_kpis()
    nps = measured(promoters=[50.0], detractors=[20.0], nps_answers=[100.0], nps_effective_answers=[50.0])
    row = scorecard.kpi_values(nps, {"nps": kpis["nps"]}, period="quarter").iloc[0]
    # 100 answers worth 50 independent ones, and three more: 0.75 promoters, 0.75 detractors.
    p, d = 25.75 / 53, 10.75 / 53
    half = 1.959964 * math.sqrt((p + d - (p - d) ** 2) / 53)
    assert [row["low"], row["high"]] == pytest.approx([100 * (p - d - half), 100 * (p - d + half)], abs=1e-4)
    amounts = np.array([10.0, 20, 30, 60] * 10)
    powers = {"revenue": 1, "revenue_squares": 2, "revenue_cubes": 3, "orders": 0}
    sums = {name: [(amounts**power).sum()] for name, power in powers.items()}
    row = scorecard.kpi_values(
        pd.DataFrame({"period": months(1), **sums}), {"average_order_value": kpis["average_order_value"]}
    ).iloc[0]
    assert row["value"] == 30
    # Hall (1992): with a = skewness / √n, t + a t² / 3 + a² t³ / 27 + a / 6 is Student's, 2.0227 with 39 free.
    error, a = amounts.std(ddof=1) / math.sqrt(40), skew(amounts) / math.sqrt(40)
    for end, by_hand in (("low", 2.022691), ("high", -2.022691)):
        t = (30 - row[end]) / error
        assert t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6 == pytest.approx(by_hand, abs=1e-5)


def test_over_a_year_sums_come_first_and_the_ratio_then():
    measures = pd.DataFrame({"period": months(3), "revenue": [9.0, 100, 900], "orders": [3.0, 10, 30]})
    kpi = scorecard.load_kpis()["average_order_value"]
    assert scorecard.kpi_over(measures, kpi, periods=2) == 25.0
    assert math.isnan(scorecard.kpi_over(measures, kpi, periods=4))


def alone(values):
    """The limits around the mean, and the signals by them, before anything explains them."""
    return pd.DataFrame(_against_mean(np.asarray(values, float)))


def test_natural_process_limits_by_hand():
    # Mean 50, mean moving range (2 + 3 + 2 + 1 + 2 + 2) / 6 = 2; limits 50 ± 2.66 · 2; range limit 3.268 · 2.
    last = alone([50, 52, 49, 51, 50, 48, 50, 55.3]).iloc[-1]
    assert (last["centre"], last["lower"], last["upper"]) == pytest.approx((50, 44.68, 55.32))
    assert (last["signal"], bool(last["change_signal"])) == ("", False)
    assert alone([50, 52, 49, 51, 50, 48, 50, 55.4]).iloc[-1]["signal"] == "outside"
    assert alone([50, 52, 49, 51, 50, 48, 50, 56.6]).iloc[-1]["change_signal"]
    found = scorecard.natural_limits(series([50, 52, 49, 51, 50, 48, 50, 55.3])).iloc[-1]
    assert (found["lower"], found["upper"]) == pytest.approx((44.68, 55.32))


def test_the_judged_value_does_not_widen_its_own_limits():
    calm = [50, 52, 49, 51, 50, 48, 50]
    assert (
        scorecard.natural_limits(series([*calm, 60])).iloc[-1]["upper"]
        == scorecard.natural_limits(series([*calm, 600])).iloc[-1]["upper"]
    )


def test_eight_in_a_row_on_one_side_are_a_signal_and_seven_are_not():
    low = [10.0, 12, 9, 11, 10, 8, 10, 12, 9, 11]
    high = [14.0, 15, 14, 15, 14, 15, 14, 15]
    found = alone(low + high)
    assert found["signal"].tolist()[-2:] == ["", "run"]
    assert found["side"].tolist()[-8:] == [1] * 8


def test_what_happens_every_year_is_called_season():
    year = [10.0, 11, 10, 11, 10, 11, 10, 11, 10, 11, 10, 40]
    found = scorecard.natural_limits(series([*year, *year]))
    assert found["signal"].iloc[-1] == "season"
    assert scorecard.natural_limits(series([*year[:-1], 10, *year])).iloc[-1]["signal"] == "outside"


def test_there_are_no_limits_from_few_values_and_a_constant_series_is_no_signal():
    few = scorecard.natural_limits(series([1.0, 2, 1, 2, 1, 9]))
    assert few[["centre", "upper"]].isna().all(axis=None)
    assert (few["signal"] == "").all()
    # 0.1 + 0.2 and 0.3 differ in the last digit only.
    assert (scorecard.natural_limits(series([0.3] * 9 + [0.1 + 0.2]))["signal"] == "").all()


def test_unobserved_and_small_values_take_no_part_in_the_limits():
    values = series([50, 52, 49, 51, 50, 48, 50, 900, np.nan], judged=[True] * 7 + [False] * 2)
    assert scorecard.natural_limits(values)["value"].max() == 52


def test_a_stable_process_is_rarely_called_a_signal():
    rng = np.random.default_rng(5)
    values = pd.concat([series(rng.normal(100, 5, 24), kpi=f"k{i}") for i in range(200)])
    last = scorecard.natural_limits(values).groupby("kpi").tail(1)
    assert (last["signal"] == "outside").mean() < 0.03
    assert (last["signal"] == "run").mean() < 0.03


def test_steady_growth_is_a_trend_and_a_step_or_a_leap_beyond_it_is_a_signal():
    noise = np.tile([0.0, 1.0, -1.0, 0.5, -0.5], 5)[:24]
    growing = 100 + 2 * np.arange(24) + noise
    found = scorecard.natural_limits(series(growing))
    assert set(found["signal"]) == {"", "trend"}
    assert found["signal"].iloc[-1] == "trend"
    leapt = scorecard.natural_limits(series([*growing[:-1], growing[-1] + 20]))
    assert leapt["signal"].iloc[-1] == "outside"
    # Growth that pauses leaves a level above the average, and is news for the worse all the same.
    paused = scorecard.natural_limits(series([*growing[:-1], growing[-1] - 15])).iloc[-1]
    assert (paused["signal"], paused["side"]) == ("outside", -1)
    assert paused["value"] < paused["lower"]
    falling = scorecard.natural_limits(series(-growing + 300)).iloc[-1]
    assert (falling["signal"], falling["side"]) == ("trend", -1)
    # A new level is a signal while it is new; after a year nobody can tell it from growth, and it is no news.
    for since, signal in ((20, "outside"), (12, "trend")):
        stepped = scorecard.natural_limits(series(np.where(np.arange(24) < since, 100, 140) + noise))
        assert stepped["signal"].iloc[-1] == signal
    kpis = {"average_order_value": scorecard.load_kpis()["average_order_value"]}
    measures = measured(revenue=100 * growing, orders=[100] * 24, revenue_squares=100 * growing**2 + 9e4)
    card = scorecard.scorecard(measures, kpis)
    assert card["news"].item() == ""
    verdicts = scorecard.last_verdicts(card, kpis, pd.DataFrame())
    assert verdicts["verdict"].item() == "trend"
    assert scorecard.finding_signals(verdicts, kpis).direction == "neutral"
    note = scorecard.scorecard_tiles(card, kpis).fields["tiles"][0]["note"]
    assert "growing beyond its average: compare with a year ago" in note
    assert f"against a year ago (${growing[11]:,.0f})" in note


def chapter_and_scorecard(surveys, as_of, period="quarter"):
    """The score of each quarter with its interval, as the chapter on it tells it and as the scorecard does."""
    from crmlib.lifecycle import nps

    told = nps.trend(nps.answers(surveys, as_of=as_of), as_of=as_of)
    told = told[~told.unfinished].set_index("period")[["nps", "nps_low", "nps_high"]]
    measures = scorecard.survey_measures(surveys, as_of=as_of, period=period)
    measures["period"] = measures["period"].dt.date
    found = scorecard.kpi_values(measures, {"nps": scorecard.load_kpis()["nps"]}, period=period)
    return told, found.set_index("period")[["value", "low", "high"]]


@pytest.mark.parametrize("period", ["month", "quarter"])
def test_the_scorecard_and_the_chapter_give_the_score_one_interval(repository, period):
    surveys = pd.read_csv(repository / "data/aurora/surveys.csv", parse_dates=["answered_at"])
    # Some customers answer twice in a quarter, in different months: that is no independent news.
    again = surveys[surveys.kind == "nps"].iloc[::3]
    again = again.assign(response_id=again.response_id + "-again", answered_at=again.answered_at + pd.Timedelta("31D"))
    for asked in (surveys, pd.concat([surveys, again])):
        told, found = chapter_and_scorecard(asked, "2025-12-31", period)
        assert len(told) == len(found) == 8
        assert found.to_numpy() == pytest.approx(told.to_numpy(), abs=1e-9)


def test_twelve_promoters_of_twelve_are_no_certain_hundred_on_the_scorecard_either():
    surveys = pd.DataFrame({"response_id": [str(n) for n in range(12)], "kind": "nps", "score": 10,
        "answered_at": pd.date_range("2025-01-01", "2025-03-31", periods=12)})  # fmt: skip
    told, found = chapter_and_scorecard(surveys, "2025-03-31", "month")
    assert found.iloc[0].tolist() == pytest.approx(told.iloc[0].tolist())
    assert found.iloc[0].round(1).tolist() == [100.0, 54.2, 100.0]


def test_limits_are_set_after_a_step_and_not_across_it(counted):
    steps = scorecard.steps_in(scorecard.kpi_values(*counted)).set_index("kpi")
    assert steps.index.tolist() == ["repurchase_rate", "new_repurchase_rate", "marketing_cost"]
    assert [str(since) for since in steps["since"]] == ["2024-07-01", "2024-07-01", "2024-09-01"]
    assert (steps["p_value"] <= 0.01).all()
    limits = scorecard.natural_limits(scorecard.kpi_values(*counted))
    own = limits[limits["kpi"] == "repurchase_rate"].set_index("period")
    before = own.index < steps.loc["repurchase_rate", "since"]
    assert own.loc[before, "centre"].isna().all()
    history = own.loc[~before, "value"].iloc[:-1]
    assert own["centre"].iloc[-1] == pytest.approx(history.mean())
    assert own["upper"].iloc[-1] - history.mean() == pytest.approx(2.66 * history.diff().abs().mean())
    # Across the step, the last values would be eight in a row above average.
    assert own["signal"].iloc[-1] == ""


def made(kind, rng, n):
    at, noise = np.arange(n), rng.normal(0, 5, n)
    season = np.sin(2 * np.pi * (at + rng.integers(12)) / 12)
    spike = at % 12 == (n - 1) % 12
    return {
        "stable": 100 + noise, "one spike a year": 100 + 50 * spike + noise, "season": 100 + 15 * season + noise,
        "trend and season": 100 + 2 * at + 20 * season + noise,
        "growth times season": 100 * 1.05**at * np.exp(0.3 * season + noise / 100),
    }[kind]  # fmt: skip


def test_neither_growth_nor_a_season_is_a_step_and_a_step_is_one():
    rng = np.random.default_rng(8)

    def steps(kind, n=24, step=0.0):
        values = [series(made(kind, rng, n) + step * (np.arange(n) >= 6), kpi=f"k{i}") for i in range(60)]
        return scorecard.steps_in(pd.concat(values))

    for kind in ("stable", "season", "trend and season", "growth times season"):
        assert len(steps(kind)) <= 3, kind
    found = steps("stable", step=25.0)
    assert len(found) >= 54
    assert (found["since"] == months(24)[6]).mean() > 0.9
    # Fourteen months do not show whether it is a season.
    assert steps("stable", n=14, step=25.0).empty


@pytest.mark.parametrize(
    ("kind", "n"),
    [("one spike a year", 12), ("one spike a year", 24), ("season", 24), ("trend and season", 24), ("stable", 24),
     ("growth times season", 24), ("trend and season", 36)],
)  # fmt: skip
def test_growing_and_seasonal_series_rarely_give_false_alarms(kind, n):
    rng = np.random.default_rng(sum(map(ord, kind)) + n)
    values = pd.concat([series(made(kind, rng, n), kpi=f"k{i}") for i in range(150)])
    last = scorecard.natural_limits(values).groupby("kpi").tail(1)
    assert last["signal"].isin(["outside", "run"]).mean() <= 0.1


def test_a_leap_beyond_season_and_trend_is_still_a_signal():
    rng = np.random.default_rng(3)
    for kind in ("stable", "season", "trend and season"):
        leaps = [made(kind, rng, 24) for _ in range(60)]
        values = pd.concat([series([*x[:-1], x[-1] + 50], kpi=f"k{i}") for i, x in enumerate(leaps)])
        last = scorecard.natural_limits(values).groupby("kpi").tail(1)
        assert (last["signal"] == "outside").mean() > 0.7, kind


def test_what_lies_beyond_limits_in_little_more_than_a_year_is_too_early_to_judge():
    values = [50, 52, 49, 51, 50, 48, 50, 60.0]
    found = scorecard.natural_limits(series(values)).iloc[-1]
    assert (found["signal"], round(found["upper"], 2)) == ("early", 55.32)
    kpis = {"cac": scorecard.load_kpis()["cac"]}
    measures = measured(marketing_cost=[100 * value for value in values], new_customers=[100] * 8)
    card = scorecard.scorecard(measures, kpis)
    assert card["news"].item() == ""
    assert scorecard.last_verdicts(card, kpis, pd.DataFrame())["verdict"].item() == "early"
