"""The card: targets, seasons, and what is missing."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import clv, scorecard
from tests.lifecycle.scorecard.conftest import measured, orders_of, rows_of


def test_a_target_is_met_missed_or_too_close_to_tell():
    kpis = scorecard.load_kpis(targets={"nps": 50})
    # 55 ± 12 and 47 ± 12 hold the target of 50, from above and from below; 75 ± 10 and 25 ± 11 do not.
    for promoters, status in ((80, "met"), (60, "unclear"), (52, "unclear"), (30, "missed")):
        measures = measured(promoters=[promoters], detractors=[5], nps_answers=[100])
        card = scorecard.scorecard(measures, {"nps": kpis["nps"]}, period="quarter")
        assert card["status"].item() == status
        tile = scorecard.scorecard_tiles(card, kpis, period="quarter").fields["tiles"][0]
        assert (tile["status"] == "neutral") == (status == "unclear")
        assert ("too close to tell" in tile["note"]) == (status == "unclear")


def test_a_full_count_meets_its_target_or_does_not():
    kpis = {"revenue": scorecard.load_kpis(targets={"revenue": 100})["revenue"]}
    for revenue, status in ((100, "met"), (99, "missed")):
        assert scorecard.scorecard(measured(revenue=[revenue]), kpis)["status"].item() == status


def test_lower_is_better_for_churn_and_its_gap_has_a_price():
    kpis = {"churn_rate": scorecard.load_kpis(targets={"churn_rate": 0.05})["churn_rate"]}
    measures = measured(active_at_start=[1000] * 12, lapsed=[100] * 12, revenue=[5000] * 12, orders=[50] * 12)
    row = scorecard.scorecard(measures, kpis).iloc[0]
    assert row["status"] == "missed"
    # 5 points of 12,000 customer-months, each an order of 100.
    assert row["money"] == pytest.approx(0.05 * 12000 * 100)
    assert 0 < row["money_low"] < row["money"] < row["money_high"]
    assert row["over_a_year"] == pytest.approx(0.1)


def test_the_last_value_is_the_last_that_is_known_and_a_wave_is_compared_with_the_wave_before():
    kpis = {"csat": scorecard.load_kpis()["csat"]}
    answers = [100, 0, 0, 100, 5, np.nan]
    measures = measured(csat_satisfied=[60, 0, 0, 50, 5, np.nan], csat_answers=answers)
    row = scorecard.scorecard(measures, kpis).iloc[0]
    assert (row["period"], row["value"], row["previous_period"], row["previous"]) == (
        dt.date(2024, 4, 1), 0.5, dt.date(2024, 1, 1), 0.6,
    )  # fmt: skip


def test_nps_is_taken_by_the_quarter_so_that_a_wave_is_not_cut_in_two():
    kpis = {"nps": scorecard.load_kpis()["nps"]}
    # A wave from January to February, another in May, a few stray answers, and a quarter that is not over.
    measures = measured(
        promoters=[60, 20, 0, 0, 70, 0, 0, 0, 0, 0, 1, np.nan, 9], detractors=[0] * 11 + [np.nan, 0],
        nps_answers=[100, 50, 0, 0, 100, 0, 0, 0, 0, 0, 2, np.nan, 9],
    )  # fmt: skip
    found = scorecard.kpi_values(measures, kpis)
    assert found["period"].tolist() == [dt.date(2024, month, 1) for month in (1, 4, 7, 10)]
    assert found["value"].tolist() == pytest.approx([100 * 80 / 150, 70, math.nan, 50], nan_ok=True)
    assert found["judged"].tolist() == [True, True, False, False]
    card = scorecard.scorecard(measures, kpis)
    assert card[["value", "previous"]].iloc[0].tolist() == pytest.approx([70, 100 * 80 / 150])
    assert rows_of(card, kpis)["Period"].tolist() == ["2024 Q2"]
    # Weeks do not make up a quarter.
    assert kpis["nps"].period_in("week") == "week"


def test_a_season_within_the_limits_is_not_called_noise():
    kpis = {"churn_rate": scorecard.load_kpis()["churn_rate"]}

    def note(lapsed):
        measures = measured(active_at_start=[4000] * len(lapsed), lapsed=lapsed)
        card = scorecard.scorecard(measures, kpis)
        assert card["signal"].item() == ""
        return scorecard.scorecard_tiles(card, kpis).fields["tiles"][0]["note"]

    year = [300, 500, 320, 480, 350, 510, 300, 490, 310, 500, 330, 520]
    again = [330, 460, 350, 440, 330, 550, 330, 450, 340, 460, 360, 520]
    assert note([*year, *again]).endswith("+4.0 points against Nov 2025, as a year ago (13.0%)")
    # A year ago it was above the mean as well, but far from here.
    assert note([*year[:-1], 415, *again]).endswith("no more than it usually changes")
    assert note([*year[:-1], 380, *again]).endswith("no more than it usually changes")
    assert note([*year[:-1], 500, *again[:-2], 500, 505]).endswith("which is noise")


def test_what_is_missing_is_listed_with_what_it_needs_and_the_rest_is_there():
    orders = orders_of(*[(f"c{i % 7}", dt.date(2024, 1, 1) + dt.timedelta(days=5 * i), 10 + i % 3) for i in range(140)])
    kpis = scorecard.load_kpis()
    measures = scorecard.base_measures(orders=orders, as_of="2025-11-30")
    card = scorecard.scorecard(measures, kpis, has=lambda table, *columns: table == "orders").set_index("kpi")
    assert card.loc["cac", "missing"] == "spend"
    assert card.loc["complaint_resolution", "state"] == "missing"
    assert card.loc["revenue", "state"] == "known"
    # Seven customers are too few to judge a rate by.
    assert card.loc["churn_rate", "state"] == "few"
    rows = rows_of(card.reset_index(), kpis)["Signal or noise"]
    assert "Lead conversion" not in rows.index
    reading = scorecard.scorecard_table(card.reset_index(), kpis).reading
    assert "Not available: Cost per new customer (CAC), Lead conversion, " in reading
    assert reading.endswith(
        "The data for them are missing: Spend, Leads, Surveys, Service tickets, "
        "Subscriptions, Contacts, Usage, Points and tiers."
    )
    assert rows["Churn rate, per month"] == "not judged: fewer than 30 cases in every period"


def test_a_missing_column_is_named_and_a_period_that_nobody_followed_is_unobserved():
    kpis = scorecard.load_kpis()
    lacking = kpis["complaint_resolution"].missing(lambda table, *columns: "resolved_at" not in columns)
    assert lacking == ["tickets.resolved_at"]
    measures = scorecard.base_measures(orders=orders_of(("a", "2025-01-01", 5)), as_of="2025-01-31")
    card = scorecard.scorecard(measures, {"repurchase_rate": kpis["repurchase_rate"]})
    assert card["state"].item() == "unobserved"


def test_why_a_kpi_has_no_value_is_told_as_it_is():
    kpis = scorecard.load_kpis()
    rows = [(f"c{i}", dt.date(2025, 1, 1) + dt.timedelta(days=i), 10) for i in range(150)]
    surveys = pd.DataFrame({"answered_at": pd.to_datetime(["2025-01-05"]), "kind": "csat", "score": [5]})
    orders, days = orders_of(*rows), scorecard.value_days("2025-05-31")
    equity = clv.equity_on(orders, days=days)
    measures = scorecard.base_measures(orders=orders, surveys=surveys, equity=equity, as_of="2025-05-31")
    chosen = {key: kpis[key] for key in ("clv", "nps", "churn_rate", "csat")}
    card = scorecard.scorecard(measures, chosen)
    assert card["state"].tolist() == ["unfitted", "no_cases", "unobserved", "few"]
    rows = rows_of(card, chosen)["Signal or noise"].tolist()
    assert "or the model failed its test" in rows[0]
    assert "no whole period holds such cases" in rows[1]
    assert "observed long enough" in rows[2]


def test_a_stock_gives_no_signal_and_is_neither_charted_nor_news():
    kpis = scorecard.load_kpis()
    chosen = {"active_customers": kpis["active_customers"]}
    measures = measured(active_customers=[*[100.0, 102, 99, 101, 100, 98, 100, 101, 100] * 3, 160])
    card = scorecard.scorecard(measures, chosen)
    assert card[["signal", "news", "change_signal"]].iloc[0].tolist() == ["stock", "", False]
    limits = scorecard.natural_limits(scorecard.kpi_values(measures, chosen))
    assert limits["signal"].iloc[-1] == "outside"
    assert scorecard.plot_limits(limits, chosen).kind == "nothing"
    assert scorecard.last_verdicts(card, chosen, pd.DataFrame()).empty
    assert [tile["status"] for tile in scorecard.scorecard_tiles(card, chosen).fields["tiles"]] == ["neutral"]
    assert "No KPI has enough history" in scorecard.scorecard_table(card, chosen).reading


def test_where_no_margin_is_set_the_scorecard_says_that_value_is_revenue():
    kpis = {"clv": scorecard.load_kpis()["clv"]}
    worth = {"expected_value": [900.0], "expected_value_low": [800.0], "expected_value_high": [999.0]}
    card = scorecard.scorecard(measured(known_customers=[10.0], **worth), kpis)
    assert "No margin is set" in scorecard.scorecard_table(card, kpis, margin=1.0).reading
    assert "margin" not in scorecard.scorecard_table(card, kpis, margin=0.55).reading


def test_where_there_are_contracts_the_scorecard_says_that_its_churn_is_silence():
    kpis = {"churn_rate": scorecard.load_kpis()["churn_rate"]}
    card = scorecard.scorecard(measured(active_at_start=[100.0] * 3, lapsed=[5.0] * 3), kpis)
    assert "not contracts that ended" in scorecard.scorecard_table(card, kpis, has_contracts=True).reading
    assert "contracts" not in scorecard.scorecard_table(card, kpis).reading
