"""The last year against the year before, tiles of it, and the page's scorecard beside them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import scorecard
from crmlib.words import use
from tests.lifecycle.scorecard.conftest import measured, months

CALM = pd.DataFrame()


@pytest.fixture(scope="module")
def years(aurora, counted):
    measures, kpis = counted
    bridge = scorecard.revenue_bridge(aurora.table("orders"), as_of=aurora.as_of)
    return scorecard.year_against_year(measures, kpis, bridge), bridge


def bridge_of(*, new=50, after=100, data_begin="2020-01-01"):
    days = {"starts": "2024-01-01", "changes": "2025-01-01", "ends": "2025-12-31", "data_begin": data_begin}
    days = {name: pd.Timestamp(day).date() for name, day in days.items()}
    rows = [("before", 100, 1000.0, 9.0), ("lost", 50, -500.0, 9.0), ("stayed", after - new, 0.0, 9.0),
            ("new", new, 500.0, 9.0), ("guests", 0, 0.0, 0.0), ("after", after, 1000.0, 30.0)]  # fmt: skip
    return pd.DataFrame(rows, columns=["part", "customers", "amount", "error"]).assign(months=12, **days)


def resolved(before, now, due=400.0):
    return measured(complaints_resolved=[*before, *now], complaints_due=[due] * 24)


def judged(measures, key="complaint_resolution", bridge=CALM, **targets):
    kpis = scorecard.load_kpis(targets=targets)
    table = scorecard.year_against_year(measures, {key: kpis[key]}, bridge).set_index("kpi")
    return table.loc[key]


def test_the_samples_verdicts(years):
    table = years[0].set_index("kpi")
    assert table.verdict.to_dict() == {
        "revenue": "better", "buyers": "better", "average_order_value": "same", "cac": "same",
        "lead_conversion": "same", "repurchase_rate": "filling", "new_repurchase_rate": "better",
        "retention_rate": "filling", "churn_rate": "filling", "win_back_rate": "filling", "nps": "same",
        "csat": "same", "service_csat": "same", "complaint_resolution": "same", "resolved_in_time": "same",
        "cost_per_lead": "same", "cost_per_conversion": "same", "contract_churn": "same", "renewal_rate": "same",
        "tickets": "more", "open_tickets": "same", "leads": "same", "marketing_cost": "more",
        "recurring_revenue": "better", "active_contracts": "better", "new_contracts": "better",
        "ended_contracts": "more", "contacts": "more", "users": "better", "members": "same",
    }  # fmt: skip
    assert table.loc["revenue", ["now", "before"]].tolist() == pytest.approx([4325013.29, 2185204.89])
    assert table.loc["buyers", ["now", "before"]].tolist() == [5792, 3790]
    assert table.loc["new_repurchase_rate", ["now", "before", "months"]].tolist() == pytest.approx(
        [0.435, 0.368, 9], abs=5e-4
    )
    assert table.against_target[table.against_target != ""].to_dict() == {"repurchase_rate": "met", "nps": "unclear"}


def test_only_targets_that_the_client_has_set_are_judged():
    measures = resolved([200] * 12, [200] * 12)
    assert judged(measures)["against_target"] == ""
    for target, against in ((0.9, "missed"), (0.51, "unclear"), (0.3, "met")):
        assert judged(measures, complaint_resolution=target)["against_target"] == against


def test_a_base_that_wins_nobody_is_closed_for_what_is_counted_of_orders_only():
    bridge = bridge_of(new=1)
    churn = measured(active_at_start=[1000] * 24, lapsed=[200] * 12 + [100] * 12)
    assert judged(churn, "churn_rate", bridge)["verdict"] == "closed"
    assert judged(churn, "churn_rate", bridge_of(new=2))["verdict"] == "better"
    assert judged(resolved([200] * 12, [300] * 12), bridge=bridge)["verdict"] == "better"


def test_a_business_of_guests_is_no_base_that_wins_nobody():
    assert not scorecard.is_closed(bridge_of(new=0, after=0))


def test_a_target_of_revenue_is_one_of_a_month_and_held_against_as_many_as_are_compared():
    revenue = measured(revenue=[100.0] * 24)
    for target, against in ((80.0, "met"), (90.0, "missed")):  # the bridge's twelve months hold 1,000
        row = judged(revenue, "revenue", bridge_of(), revenue=target)
        assert (row["now"], row["target"], row["against_target"]) == (1000, 12 * target, against)
        assert math.isnan(row["now_low"])
    row = judged(revenue, "revenue", bridge_of())
    assert [row["difference_low"], row["difference_high"]] == pytest.approx([-58.799, 58.799], abs=1e-3)


def test_what_is_not_known_to_be_sure_is_no_verdict():
    one = measured(revenue=[50.0] * 12 + [90.0] + [0.0] * 11, revenue_squares=[2500.0] * 12 + [8100.0] + [0.0] * 11,
                   orders=[1.0] * 13 + [0.0] * 11)  # fmt: skip
    kpi = scorecard.load_kpis()["average_order_value"].model_copy(update={"fewest": 0})
    row = scorecard.year_against_year(one, {kpi.key: kpi}, CALM).iloc[0]
    assert (row["now"], row["before"], row["verdict"]) == (90.0, 50.0, "alone")


def test_a_survey_of_one_month_a_year_is_compared_by_its_cases():
    wave = [0.0] * 5 + [300.0] + [0.0] * 6
    measures = measured(complaints_resolved=[*wave, *[0.9 * count for count in wave]], complaints_due=[*wave, *wave])
    row = judged(measures)
    assert (row["month_error"], row["verdict"]) == (pytest.approx(0.0, abs=1e-12), "worse")


def test_a_kpi_that_has_no_better_side_meets_and_misses_nothing():
    kpi = scorecard.load_kpis(targets={"complaint_resolution": 0.9})["complaint_resolution"]
    kpi = kpi.model_copy(update={"better": "neither"})
    row = scorecard.year_against_year(resolved([200] * 12, [300] * 12), {kpi.key: kpi}, CALM).iloc[0]
    assert (row["verdict"], row["against_target"]) == ("more", "")


def test_where_the_data_begin_with_the_earlier_year_rates_over_the_base_are_filling():
    churn = measured(active_at_start=[1000] * 24, lapsed=[200] * 12 + [100] * 12)
    assert judged(churn, "churn_rate", bridge_of(data_begin="2024-01-01"))["verdict"] == "filling"
    assert judged(churn, "churn_rate", bridge_of(data_begin="2023-12-31"))["verdict"] == "better"


def test_the_same_months_are_compared_so_that_a_season_is_no_news():
    season = [200, 220, 240, 260, 280, 300, 320, 300, 280, 260, 240, 220]
    row = judged(resolved(season, season))
    assert (row["verdict"], row["now"] - row["before"]) == ("same", 0)
    # Of the year before only the second half is known: of the last year, only the second half counts.
    late = resolved([np.nan] * 6 + season[6:], season)
    row = judged(late)
    assert (row["months"], row["now"], row["before"]) == (6, *[pytest.approx(sum(season[6:]) / 2400)] * 2)
    # Two months are no comparison.
    assert judged(resolved([np.nan] * 10 + season[10:], season))["verdict"] == "alone"


def test_the_error_of_months_is_that_of_a_jackknife_by_hand():
    rng = np.random.default_rng(4)
    before, now = rng.integers(100, 300, 12), rng.integers(100, 300, 12)
    left_out = [(np.delete(now, i).sum() - np.delete(before, i).sum()) / (11 * 400) for i in range(12)]
    by_hand = math.sqrt(11 / 12 * sum((one - np.mean(left_out)) ** 2 for one in left_out))
    row = judged(resolved(before, now))
    assert row["month_error"] == pytest.approx(by_hand)
    # A single comparison: t of 11 degrees of freedom, wider here than what single cases give.
    assert row["difference_high"] - (row["now"] - row["before"]) == pytest.approx(2.200985 * by_hand, rel=1e-5)


def test_months_that_differ_by_themselves_make_no_more_false_alarms_than_promised():
    kpis = {"complaint_resolution": scorecard.load_kpis()["complaint_resolution"]}
    rng = np.random.default_rng(sum(map(ord, "months differ")))
    alarms = []
    for _ in range(300):
        shares = np.clip(rng.normal(0.5, 0.05, 24), 0, 1)
        measures = resolved(*rng.binomial(400, shares).reshape(2, 12))
        alarms.append(scorecard.year_against_year(measures, kpis, CALM).verdict.item() != "same")
    assert np.mean(alarms) <= 0.075
    # Without the variation of months there would be many more.
    assert np.mean(alarms) < 0.5 * 0.2


def test_many_kpis_at_once_are_judged_more_carefully():
    measures = resolved([200] * 12, [226] * 12, due=400.0).assign(leads=400.0, converted_leads=200.0)
    kpis = scorecard.load_kpis()
    one, two = ["complaint_resolution"], ["complaint_resolution", "lead_conversion"]
    alone, together = (
        scorecard.year_against_year(measures, {key: kpis[key] for key in keys}, CALM).set_index("kpi").loc[one[0]]
        for keys in (one, two)
    )
    assert together.difference_low < alone.difference_low < alone.difference_high < together.difference_high


@pytest.mark.parametrize("language", ["en", "zh"])
def test_six_tiles_with_short_labels_and_one_verdict_each(years, counted, language):
    use(language, "CNY")
    measures, kpis = counted
    kpis = scorecard.load_kpis(targets={"nps": 50, "repurchase_rate": 0.45})
    exhibit = scorecard.year_tiles(years[0], kpis, scorecard.kpi_values(measures, kpis), measures)
    tiles = exhibit.fields["tiles"]
    assert (len(tiles), exhibit.place) == (6, "section")
    labels = [tile["label"] for tile in tiles]
    assert all(len(label.split()) <= 5 for label in labels) if language == "en" else max(map(len, labels)) <= 12
    assert [(tile["value"], tile["shape"]) for tile in tiles] == [
        ("¥4.33m" if language == "en" else "432.5万元", "up"), ("5,792", "up"), ("44%", "up"),
        ("¥79" if language == "en" else "79元", "flat"), ("49", "flat"), ("56%", "flat"),
    ]  # fmt: skip
    assert [tile["word"] for tile in tiles][:3] == (
        ["98%", "53%", "Better"] if language == "en" else ["98%", "53%", "改善"]
    )
    assert [bool(tile["target"]) for tile in tiles] == [False] * 4 + [True, False]
    assert all(tile["alt"] and len(tile["line"]) > 1 for tile in tiles)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_scorecard_has_one_verdict_for_each_kpi_and_names_the_step(years, counted, language):
    use(language, "CNY")
    measures, kpis = counted
    values, card = scorecard.kpi_values(measures, kpis), scorecard.scorecard(measures, kpis)
    verdicts = scorecard.last_verdicts(card, kpis, years[1])
    shown = scorecard.verdicts_table(verdicts, kpis, values, years[0])
    assert (shown.kind, shown.name, shown.place) == ("scorecard", "scorecard", "section")
    assert len(shown.fields["rows"]) == 12
    assert verdicts.kpi.is_unique
    assert set(verdicts.verdict) == {"usual", "trend"}
    row = verdicts.set_index("kpi").loc["repurchase_rate"]
    assert (str(row.since), round(row.step_before, 3), round(row.step_after, 3)) == ("2024-07-01", 0.383, 0.486)
    at = list(verdicts.kpi).index("repurchase_rate")
    said = "\n".join(shown.fields["notes"][at])
    assert ("since Jul 2024 (from 38% to 49%)" if language == "en" else "范围自2024年7月起") in said
    cells = shown.fields["rows"][list(verdicts.kpi).index("churn_rate")]
    assert cells[1:4] == ["12.1%", "12.8%", "5.8% to 12.7%" if language == "en" else "5.8%至12.7%"]
    assert not set(" ".join(map(str, shown.fields["rows"])).split()) & {"nan", "None", "NaT"}


def test_a_signal_is_better_or_worse_but_not_judged_where_rates_move_by_themselves():
    usual = np.random.default_rng(2).normal(100, 4, 24).round()
    kpis = {"churn_rate": scorecard.load_kpis()["churn_rate"]}
    for last, word in ((160.0, "worse"), (40.0, "better"), (101.0, "usual")):
        card = scorecard.scorecard(measured(active_at_start=[1000.0] * 25, lapsed=[*usual, last]), kpis)

        def verdict(bridge, card=card):
            return scorecard.last_verdicts(card, kpis, bridge).verdict.item()

        assert verdict(CALM) == word
        assert verdict(bridge_of(new=0)) == "closed"
        assert verdict(bridge_of(data_begin="2024-01-01")) == ("usual" if word == "usual" else "filling")


def test_the_table_keeps_what_moved_when_there_is_more_than_fits():
    base = scorecard.load_kpis()["cac"]
    kpis = {f"k{i}": base.model_copy(update={"key": "cac"}) for i in range(14)}
    verdicts = pd.DataFrame({"kpi": list(kpis), "period": months(1)[0], "value": 1.0, "year_ago": np.nan, "lower": 0.0,
        "upper": 2.0, "since": None, "verdict": ["usual"] * 13 + ["worse"]})  # fmt: skip
    values = pd.DataFrame({"kpi": [], "value": [], "judged": pd.Series([], dtype=bool)})
    years = pd.DataFrame({"kpi": [], "against_target": []})
    shown = scorecard.verdicts_table(verdicts, kpis, values, years)
    assert len(shown.fields["rows"]) == 12
    assert shown.fields["shapes"] == ["flat"] * 11 + ["down"]
