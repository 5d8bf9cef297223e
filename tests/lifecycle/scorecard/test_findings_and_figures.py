"""What is said, and what is drawn."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import scorecard
from crmlib.lifecycle.scorecard.figures import biggest_driver
from crmlib.lifecycle.scorecard.settings import check_settings
from crmlib.words import use
from tests.conftest import empty
from tests.lifecycle.scorecard.conftest import grown, measured, orders_of, series


def test_a_change_whose_interval_holds_zero_is_neither_good_nor_bad():
    for change, sign in ((1.1, "more"), (0.9, "less")):
        tree = scorecard.driver_tree(grown(change), as_of="2025-12-31")
        finding = scorecard.finding_revenue_change(tree)
        assert (finding.direction, finding.plays, finding.money) == ("neutral", (), None)
        assert f"$1,000 or 10% {sign}" in finding.sentence
        assert "includes 0, so chance" in finding.certainty


def test_the_driver_named_has_the_sign_of_the_change():
    # Twice as many customers who pay little more than half: revenue rises, though order value moved it a lot.
    early = [(f"a{i}", dt.date(2024, 1, 1) + dt.timedelta(days=i), 100) for i in range(100)]
    late = [(f"b{i}", dt.date(2025, 1, 1) + dt.timedelta(days=i), 49) for i in range(200)]
    tree = scorecard.driver_tree(orders_of(*early, *late), as_of="2025-12-31")
    node = tree.set_index("driver")["contribution"]
    assert node["revenue"] < 0 < node["customers"]
    assert "“Average order value”" in scorecard.finding_revenue_change(tree).sentence
    turned = tree.assign(contribution=tree["contribution"].where(tree["driver"] != "revenue", 200.0))
    assert biggest_driver(turned) == "customers"


def test_times_that_are_no_years_say_that_seasons_differ():
    rows = [(f"c{i % 40}", dt.date(2025, 11, 1) + dt.timedelta(days=i % 60), 10) for i in range(120)]
    tree = scorecard.driver_tree(orders_of(*rows), as_of="2025-12-31")
    finding = scorecard.finding_revenue_change(tree)
    assert finding.sentence.startswith("Revenue of the 1 month to")
    assert "may be seasonal" in finding.certainty
    assert "may be seasonal" in scorecard.plot_driver_tree(tree).reading
    year = scorecard.driver_tree(grown(1.5), as_of="2025-12-31")
    assert "seasonal" not in scorecard.finding_revenue_change(year).certainty


def test_the_finding_says_by_how_much_revenue_changed_and_through_what():
    up = scorecard.finding_revenue_change(scorecard.driver_tree(grown(1.5), as_of="2025-12-31"))
    assert (up.direction, up.money) == ("good", pytest.approx(5000))
    assert "$5,000 or 50% more" in up.sentence
    assert "because more customers bought: +$5,000 (new +$15,000, lost -$10,000)" in up.sentence
    assert up.certainty.startswith("The data begin on Jan 1, 2024, so part of the growth is only the customer base")
    assert up.money_low < 5000 < up.money_high
    down = scorecard.finding_revenue_change(scorecard.driver_tree(grown(0.5), as_of="2025-12-31"))
    assert (down.direction, down.money, down.plays) == ("bad", pytest.approx(5000), ("win_back",))
    assert down.money_low < 5000 < down.money_high
    assert "filling up" not in down.certainty
    assert "$5,000 or 50% less" in down.sentence


def test_where_nobody_was_won_of_late_a_fall_is_built_in_and_not_bad_news():
    first = dt.date(2024, 1, 1)
    early = [(f"a{i % 100}", first + dt.timedelta(days=i % 270), 10) for i in range(300)]
    late = [(f"a{i % 60}", first + dt.timedelta(days=275 + 4 * i), 10) for i in range(65)]
    won = [(f"b{i}", first + dt.timedelta(days=300 + i), 10) for i in range(20)]
    tree = scorecard.driver_tree(orders_of(*early, *late), as_of="2025-06-30")
    assert scorecard.won_before(tree) == dt.date(2024, 10, 1)
    finding = scorecard.finding_revenue_change(tree)
    assert (finding.direction, finding.money, finding.plays) == ("neutral", None, ())
    assert "$2,350 or 78% less than in the 9 months before" in finding.sentence
    assert "These data hold only customers won before Oct 1, 2024. A fall of revenue is therefore" in finding.certainty
    open_tree = scorecard.driver_tree(orders_of(*early, *late, *won), as_of="2025-06-30")
    assert scorecard.won_before(open_tree) is None
    finding = scorecard.finding_revenue_change(open_tree)
    # Nine months are no year: the amount stands in the sentence, which tells the months.
    assert (finding.direction, finding.money) == ("bad", None)
    kpis = {"average_order_value": scorecard.load_kpis()["average_order_value"]}
    values = [50.0, 52, 49, 51, 50, 48, 50, 51, 70]
    measures = measured(revenue=[100 * v for v in values], orders=[100] * 9, revenue_squares=[1e6] * 9)
    card = scorecard.scorecard(measures, kpis)
    assert scorecard.finding_signals(card, kpis, tree=open_tree).direction == "good"
    cautious = scorecard.finding_signals(card, kpis, tree=tree)
    assert cautious.direction == "neutral"
    assert "won before Oct 1, 2024" in cautious.certainty


def test_the_dearest_missed_target_is_the_finding():
    kpis = scorecard.load_kpis(targets={"churn_rate": 0.05, "nps": 90})
    measures = measured(
        active_at_start=[1000] * 12, lapsed=[100] * 12, revenue=[5000] * 12, orders=[50] * 12, promoters=[10] * 12,
        detractors=[10] * 12, nps_answers=[400] * 12,
    )  # fmt: skip
    chosen = {key: kpis[key] for key in ("churn_rate", "nps")}
    finding = scorecard.finding_off_target(scorecard.scorecard(measures, chosen), chosen)
    assert finding.sentence.startswith("Churn rate, per month: 10.0% in Dec 2024, and the target is 5.0%")
    assert "Of 2 targets, 2 are clearly missed" in finding.sentence
    assert finding.money == pytest.approx(60000)
    unpriced = {"nps": kpis["nps"]}
    finding = scorecard.finding_off_target(scorecard.scorecard(measures, unpriced), unpriced)
    assert finding.money is None
    assert finding.plays == ("close_the_loop",)
    assert "cannot be read from these data" in finding.certainty


def test_a_calm_period_is_reported_as_noise_and_a_jump_as_a_signal():
    kpis = {"average_order_value": scorecard.load_kpis()["average_order_value"]}
    calm = [50.0, 52, 49, 51, 50, 48, 50, 51]
    for last, direction in ((51, "neutral"), (70, "good"), (30, "bad")):
        values = [*calm, last]
        measures = measured(revenue=[100 * v for v in values], orders=[100] * 9, revenue_squares=[1e6] * 9)
        finding = scorecard.finding_signals(scorecard.scorecard(measures, kpis), kpis)
        assert finding.direction == direction
    few = measured(revenue=[5000] * 3, orders=[100] * 3, revenue_squares=[1e6] * 3)
    assert scorecard.finding_signals(scorecard.scorecard(few, kpis), kpis) is None


@pytest.fixture(scope="module")
def shown(aurora, counted):
    """Everything that the chapter shows and concludes on the sample, made anew in the language in use."""
    measures, kpis = counted
    card = scorecard.scorecard(measures, kpis, has=aurora.has)
    values = scorecard.kpi_values(measures, kpis)
    limits, coming = scorecard.natural_limits(values), scorecard.forecast(values, kpis)
    tree = scorecard.driver_tree(aurora.table("orders"), as_of=aurora.as_of)
    groups = scorecard.drill_down(aurora.table("orders"), by="store", as_of=aurora.as_of)
    assert (card["state"] == "known").all()
    exhibits = [
        lambda: scorecard.plot_limits(limits, kpis), lambda: scorecard.plot_forecast(values, coming, kpis),
        lambda: scorecard.plot_driver_tree(tree), lambda: scorecard.drill_down_table(groups),
        lambda: scorecard.scorecard_tiles(card, kpis), lambda: scorecard.kpi_glossary(kpis), scorecard.measures_table,
        lambda: scorecard.scorecard_table(card, kpis, has_contracts=True),
    ]  # fmt: skip
    findings = [
        lambda: scorecard.finding_revenue_change(tree), lambda: scorecard.finding_off_target(card, kpis),
        lambda: scorecard.finding_signals(card, kpis, tree=tree),
    ]  # fmt: skip
    return exhibits, findings


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_that_the_chapter_shows_and_concludes_is_said_in_both_languages(shown, language):
    use(language, "CNY")
    exhibits, findings = shown
    for exhibit in (draw() for draw in exhibits):
        said = " ".join([exhibit.title, exhibit.reading, exhibit.description, str(dict(exhibit.fields))])
        svg = exhibit.picture.svg(label=exhibit.description) if exhibit.picture else ""
        assert not set(re.findall(r"\w+", said + svg)) & {"nan", "None", "inf", "NaN", "NaT"}, exhibit.name
        assert exhibit.title
        assert exhibit.reading or exhibit.name in ("kpis", "measures")
    for finding in (conclude() for conclude in findings):
        said = finding.sentence + finding.certainty + finding.action
        assert not set(re.findall(r"\w+|[{}]", said)) & {"nan", "None", "inf", "NaN", "NaT", "{", "}"}
        assert (language == "zh") == bool(re.search("[一-鿿]{4}", said))


def test_no_orders_make_no_findings_and_exhibits_that_say_why():
    kpis, nothing = scorecard.load_kpis(), orders_of()
    measures = scorecard.base_measures(orders=nothing, as_of="2025-02-28")
    values = scorecard.kpi_values(measures, kpis)
    limits, coming = scorecard.natural_limits(values), scorecard.forecast(values, kpis)
    tree, groups = (
        scorecard.driver_tree(nothing, as_of="2025-02-28"),
        scorecard.drill_down(nothing, by="store", as_of="2025-02-28"),
    )
    card = scorecard.scorecard(measures, kpis)
    shown = [
        scorecard.plot_limits(limits, kpis), scorecard.plot_forecast(values, coming, kpis),
        scorecard.plot_driver_tree(tree), scorecard.drill_down_table(groups),
        scorecard.scorecard_table(card.assign(state="missing"), kpis),
    ]  # fmt: skip
    assert all(exhibit.kind == "nothing" and exhibit.title and exhibit.reading for exhibit in shown)
    assert scorecard.finding_revenue_change(tree) is None
    assert scorecard.finding_off_target(card, kpis) is None
    assert scorecard.finding_signals(card, kpis, tree=tree) is None


def test_empty_optional_tables_are_as_those_that_are_not_given():
    orders = orders_of(*[("a", f"2025-{month:02d}-01", 10) for month in range(1, 6)])
    tables = {name: empty(name) for name in ("leads", "spend", "surveys", "tickets")}
    with_empty = scorecard.base_measures(orders=orders, **tables, as_of="2025-05-31")
    pd.testing.assert_frame_equal(with_empty, scorecard.base_measures(orders=orders, as_of="2025-05-31"))


def test_a_client_drops_revenue_and_the_next_kpi_is_forecast():
    kpis = scorecard.load_kpis()
    kpis.pop("revenue")
    values = series(50 + np.arange(24.0) % 5)
    exhibit = scorecard.plot_forecast(values, scorecard.forecast(values, kpis), kpis)
    assert exhibit.reading.startswith("Average order value: we expect $5")


def test_a_target_of_no_kpi_and_one_out_of_reach_are_refused(make_client):
    client = make_client("targets: {npss: 50, churn_rate: 45, repurchase_rate: 0.4}\n", orders="order_id\n")
    found = [(problem.place, problem.remedy) for problem in check_settings(client, {})]
    assert found == [("targets.npss", "did you mean 'nps'?"), ("targets.churn_rate", "write 45% as 0.45")]
