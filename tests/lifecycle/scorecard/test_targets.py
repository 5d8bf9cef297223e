"""Every target that a client sets reaches the page, wherever it was set, and is judged by one rule."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.client import load_client
from crmlib.lifecycle import scorecard
from crmlib.lifecycle.scorecard.settings import check_settings
from crmlib.problems import UnusableInput
from crmlib.words import use
from tests.conftest import write_client
from tests.lifecycle.scorecard.conftest import measured

CALM = pd.DataFrame()


def hours(name, values, *, half=0.5, cases=200.0):
    """Medians of a service with the ends of their intervals."""
    values = np.asarray(values, float)
    tickets = f"{name.removesuffix('_hours')}_tickets"
    return {name: values, f"{name}_low": values - half, f"{name}_high": values + half, tickets: cases + 0 * values}


def expected(each):
    """What 1,000 customers are expected to bring a year ago, one month ago, and now."""
    values = np.full(24, np.nan)
    values[[11, 22, 23]] = np.array([each[0], each[1], each[1]]) * 1000.0
    return {"expected_value": values, "expected_value_low": 0.9 * values, "expected_value_high": 1.1 * values}


def everything(**columns):
    """All base measures, those that are not given unknown."""
    return measured(**columns).reindex(columns=["period", *scorecard.BASE_MEASURES])


@pytest.fixture
def measures():
    wave = [0.3, -0.2, 0.1, -0.3, 0.2, -0.1] * 2
    return everything(
        **hours("resolution_hours", [*(30.0 + np.array(wave)), *(20.0 - np.array(wave))]),
        **hours("first_response_hours", 24 * [4.0]),
        **expected((50.0, 40.0)),
        known_customers=24 * [1000.0],
        active_customers=[*range(400, 424)],
        points_redeemed=24 * [30.0],
        points_earned=24 * [100.0],
    )


AIMS = {
    "resolution_hours": (24.0, "met", 15.0, "missed"), "first_response_hours": (4.2, "unclear", 3.0, "missed"),
    "clv": (30.0, "met", 42.0, "unclear"), "active_customers": (420.0, "met", 500.0, "missed"),
    "points_used": (0.25, "met", 0.5, "missed"),
}  # fmt: skip


def judged(measures, targets):
    kpis = scorecard.load_kpis(targets=targets)
    return kpis, scorecard.year_against_year(measures, kpis, CALM).set_index("kpi")


@pytest.mark.parametrize("place", [0, 2])
def test_what_cannot_be_summed_over_a_year_is_held_against_its_target_by_its_last_value(measures, place):
    targets = {key: aim[place] for key, aim in AIMS.items()}
    _, years = judged(measures, targets)
    assert years.against_target.to_dict() == {key: aim[place + 1] for key, aim in AIMS.items()}
    assert years.target.to_dict() == targets
    assert set(years["at"]) == {dt.date(2025, 12, 1)}
    now = {"resolution_hours": 20.1, "first_response_hours": 4.0, "clv": 40.0, "active_customers": 423.0,
           "points_used": 0.3}  # fmt: skip
    assert years.now.to_dict() == pytest.approx(now)
    assert years.before.to_dict() == pytest.approx(
        now | {"resolution_hours": 29.9, "clv": 50.0, "active_customers": 411.0}
    )
    # A whole interval of hours less; the CLV's intervals, 36 to 44 and 45 to 55, leave it open.
    assert years.verdict[["resolution_hours", "first_response_hours"]].tolist() == ["better", "same"]
    reach = np.hypot(4.0, 5.0)
    assert years.loc["clv", "difference_low"] < -10 - reach < -10 + reach < years.loc["clv", "difference_high"]


def test_without_a_target_none_of_these_stands_beside_the_year(measures):
    assert judged(measures, {})[1].empty


def test_how_much_a_median_varies_from_year_to_year_makes_its_difference_wider(measures):
    rng = np.random.default_rng(5)
    noisy = measures.assign(**hours("resolution_hours", 30 + 6 * rng.normal(size=24)))
    row = judged(noisy, {"resolution_hours": 24.0})[1].loc["resolution_hours"]
    values = noisy.resolution_hours.to_numpy()
    assert row.month_error == pytest.approx((values[12:] - values[:12]).std(ddof=1))
    assert row.difference_high - (row.now - row.before) == pytest.approx(2.200985 * row.month_error, rel=1e-5)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_targets_stand_in_the_pages_scorecard_with_those_of_stocks_and_of_uncharted_kpis(measures, language):
    use(language, "CNY")
    kpis, years = judged(measures, {key: aim[2] for key, aim in AIMS.items()})
    values, card = scorecard.kpi_values(measures, kpis), scorecard.scorecard(measures, kpis)
    verdicts = scorecard.last_verdicts(card, kpis, CALM)
    assert set(verdicts.kpi) == set(AIMS)
    assert verdicts.set_index("kpi").verdict[["active_customers", "clv"]].tolist() == ["stock", "none"]
    shown = scorecard.verdicts_table(verdicts, kpis, values, years.reset_index())
    said = dict(zip(verdicts.kpi, ("\n".join(notes) for notes in shown.fields["notes"]), strict=True))
    assert all(("target" if language == "en" else "目标") in notes for notes in said.values())
    assert ("target 500: missed" if language == "en" else "目标500：未达到") in said["active_customers"]
    # They are no measures of which it is told how many left their range.
    calm = scorecard.finding_signals(verdicts, kpis)
    charted = int(verdicts.verdict.isin(["better", "worse", "usual", "season", "trend"]).sum())
    assert str(charted) in calm.headline
    assert charted == 3


def test_with_more_rows_than_fit_those_with_a_target_stay():
    base = scorecard.load_kpis()["cac"]
    kpis = {f"k{i}": base.model_copy(update={"key": f"k{i}", "own_name": "K", "target": 9.0 if i == 13 else None})
            for i in range(14)}  # fmt: skip
    verdicts = pd.DataFrame({"kpi": list(kpis), "period": dt.date(2025, 1, 1), "value": 1.0, "year_ago": np.nan,
        "lower": 0.0, "upper": 2.0, "since": None, "verdict": ["usual"] * 12 + ["worse", "usual"]})  # fmt: skip
    values = pd.DataFrame({"kpi": [], "value": [], "judged": pd.Series([], dtype=bool)})
    years = pd.DataFrame({"kpi": ["k13"], "against_target": "missed", "target": 9.0})
    shown = scorecard.verdicts_table(verdicts, kpis, values, years)
    assert len(shown.fields["rows"]) == 12
    assert shown.fields["shapes"][-2:] == ["down", "flat"]
    assert any("9" in note for note in shown.fields["notes"][-1])


@pytest.mark.parametrize(
    ("language", "said"), [("en", "In Dec 2025. Of 5 targets, 4 are"), ("zh", "2025年12月的数值；5项")]
)
def test_a_missed_target_of_a_last_value_is_told_with_the_month_of_that_value(measures, language, said):
    use(language, "CNY")
    targets = {key: aim[2] for key, aim in AIMS.items()}
    kpis, years = judged(measures, targets)
    card = scorecard.scorecard(measures, kpis)
    found = scorecard.finding_off_target(years.reset_index(), kpis, measures, card)
    assert said in found.evidence
    assert found.decides
    # Of these four nothing is in money; the CLV's and the hours' ranges are estimates, a full count is counted.
    counted = years.loc[["active_customers"]].reset_index()
    assert scorecard.finding_off_target(counted, kpis, measures, card).sure == "counted"
    assert scorecard.finding_off_target(years.loc[["resolution_hours"]].reset_index(), kpis, measures, card).sure == (
        "estimated"
    )


# Where targets are set


def client_of(tmp_path, own, more=""):
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    return load_client(
        write_client(tmp_path, f"parameters: {{13_scorecard: {{definitions: own.yaml}}}}\n{more}", orders="")
    )


def test_the_targets_of_a_clients_own_file_are_known_to_all_and_those_of_its_yaml_win(tmp_path):
    client = client_of(tmp_path, "nps: {target: 40}\nclv: {target: 80}\n", "targets: {clv: 90, cac: 12}\n")
    assert scorecard.targets_of(client) == {"nps": 40, "clv": 90, "cac": 12}
    assert {key: kpi.target for key, kpi in scorecard.load_kpis(
        client.beside("own.yaml"), targets=client.targets).items() if kpi.target is not None
    } == scorecard.targets_of(client)  # fmt: skip


def test_a_client_without_targets_has_none(tmp_path):
    assert scorecard.targets_of(load_client(write_client(tmp_path, orders=""))) == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_target_that_could_never_be_met_or_missed_is_refused_with_words(tmp_path, language):
    use(language, "CNY")
    client = client_of(tmp_path, "csat: {target: 0.8}\n", "targets: {marketing_cost: 1000, tickets: 50, csat: 0.9}\n")
    problems = check_settings(client, client.parameters["13_scorecard"])
    assert [problem.place for problem in problems] == ["targets.marketing_cost", "targets.tickets"]
    for problem in problems:
        assert ("neither more nor less" if language == "en" else "没有优劣方向") in problem.found
        assert f"{problem.place.removeprefix('targets.')}: {{better: lower}}" in problem.remedy
    better = client_of(tmp_path, "marketing_cost: {better: lower}\ntickets: {better: lower}\n",
                       "targets: {marketing_cost: 1000, tickets: 50}\n")  # fmt: skip
    assert check_settings(better, better.parameters["13_scorecard"]) == []


# How a year is counted is said once


@pytest.mark.parametrize(
    ("own", "interval"),
    [("average_order_value: {a_year: sum}", "mean"), ("nps: {a_year: last}", "net_score"),
     ("clv: {a_year: last}", "given"), ("resolution_hours: {a_year: sum}", "median"),
     ("mine: {name: M, definition: D, unit: percent, better: higher, a_year: sum, formula: lapsed / active_at_start,\n"
      "  interval: {proportion: {successes: lapsed, cases: active_at_start}}}", "proportion")],
)  # fmt: skip
def test_a_year_beside_an_interval_is_refused_with_words(tmp_path, own, interval):
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    for language, said in (("en", "leave out a_year"), ("zh", "请删去 `a_year`")):
        use(language, "CNY")
        with pytest.raises(UnusableInput) as refused:
            scorecard.load_kpis(tmp_path / "own.yaml")
        (problem,) = refused.value.problems
        assert problem.place
        assert interval in problem.found
        assert said in problem.remedy


@pytest.mark.parametrize("own", ["revenue: {a_year: sum}", "revenue: {a_year: last}",
    "revenue: {interval: {mean: {sum: revenue, squares: revenue_squares, cubes: revenue_cubes, cases: orders}}}",
    "buyers: {name: B, definition: D, unit: number, better: higher, a_year: last, formula: buyers}"])  # fmt: skip
def test_what_the_bridge_counts_has_one_row_whatever_its_definition(tmp_path, own):
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    kpis = scorecard.load_kpis(tmp_path / "own.yaml", targets={"revenue": 90.0, "buyers": 10.0})
    days = {"starts": "2024-01-01", "changes": "2025-01-01", "ends": "2025-12-31", "data_begin": "2020-01-01"}
    rows = [("before", 100, 1000.0, 9.0), ("lost", 50, -500.0, 9.0), ("stayed", 50, 0.0, 9.0),
            ("new", 50, 500.0, 9.0), ("guests", 0, 0.0, 0.0), ("after", 100, 1000.0, 30.0)]  # fmt: skip
    bridge = pd.DataFrame(rows, columns=["part", "customers", "amount", "error"])
    bridge = bridge.assign(months=12, **{name: pd.Timestamp(day).date() for name, day in days.items()})
    counts = everything(revenue=[100.0] * 24, revenue_squares=[900.0] * 24, orders=[20.0] * 24, buyers=[9.0] * 24)
    years = scorecard.year_against_year(counts, kpis, bridge)
    assert years.kpi.is_unique
    row = years.set_index("kpi").loc["revenue"]
    assert (row.now, row.target, row.against_target) == (1000.0, 12 * 90.0, "missed")
    values = scorecard.kpi_values(counts, kpis)
    assert scorecard.year_tiles(years, kpis, values, counts).kind == "tiles"
    # A month's target of buyers cannot be held against those of a year.
    assert years.set_index("kpi").against_target["buyers"] == ""


def test_any_kpi_over_known_customers_is_of_the_base_and_no_other():
    kpis = scorecard.load_kpis()
    assert {key for key, kpi in kpis.items() if kpi.of_the_base} == {
        "repurchase_rate", "retention_rate", "churn_rate", "win_back_rate", "active_customers", "clv",
    }  # fmt: skip


def test_a_clients_own_rate_over_the_base_is_filling_as_the_kits_are(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "back: {name: B, definition: D, unit: percent, better: higher, formula: won_back / silent_at_start,\n"
        "  interval: {proportion: {successes: won_back, cases: silent_at_start}}}\n", encoding="utf-8",
    )  # fmt: skip
    kpis = {"back": scorecard.load_kpis(tmp_path / "own.yaml")["back"]}
    counts = measured(won_back=[100.0] * 12 + [200.0] * 12, silent_at_start=[1000.0] * 24)
    bridge = pd.DataFrame({"part": ["before", "lost", "stayed", "new", "guests", "after"],
        "customers": [100, 50, 50, 50, 0, 100], "amount": 0.0, "error": 1.0, "months": 12})  # fmt: skip
    day = dt.date(2024, 1, 1)
    bridge = bridge.assign(starts=day, changes=dt.date(2025, 1, 1), ends=dt.date(2025, 12, 31), data_begin=day)
    assert scorecard.year_against_year(counts, kpis, bridge).set_index("kpi").verdict["back"] == "filling"
