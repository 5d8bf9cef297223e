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


def changed(orders, as_of="2025-12-31"):
    return scorecard.finding_revenue_change(scorecard.revenue_bridge(orders, as_of=as_of))


def test_a_change_whose_interval_holds_zero_is_neither_good_nor_bad():
    for change in (1.1, 0.9):
        finding = changed(grown(change))
        assert (finding.direction, finding.plays, finding.money) == ("neutral", (), None)
        assert finding.headline.endswith("no real change")
        assert "includes 0, so chance" in finding.certainty


def test_the_driver_named_has_the_sign_of_the_change():
    # Twice as many customers who pay little more than half: revenue rises, though order value moved it a lot.
    early = [(f"a{i}", dt.date(2024, 1, 1) + dt.timedelta(days=i), 100) for i in range(100)]
    late = [(f"b{i}", dt.date(2025, 1, 1) + dt.timedelta(days=i), 49) for i in range(200)]
    tree = scorecard.driver_tree(orders_of(*early, *late), as_of="2025-12-31")
    node = tree.set_index("driver")["contribution"]
    assert node["revenue"] < 0 < node["customers"]
    assert biggest_driver(tree) == "order_value"
    turned = tree.assign(contribution=tree["contribution"].where(tree["driver"] != "revenue", 200.0))
    assert biggest_driver(turned) == "customers"


def test_times_that_are_no_years_say_that_seasons_differ():
    rows = [(f"c{i % 40}", dt.date(2025, 11, 1) + dt.timedelta(days=i % 60), 10) for i in range(120)]
    tree = scorecard.driver_tree(orders_of(*rows), as_of="2025-12-31")
    assert "may be seasonal" in changed(orders_of(*rows)).certainty
    assert "may be seasonal" in scorecard.plot_driver_tree(tree).reading
    assert "seasonal" not in changed(grown(1.5)).certainty


def test_the_finding_says_in_cash_by_how_much_sales_changed_and_through_whom():
    up = changed(grown(1.5))
    assert (up.direction, up.money, up.owner, up.sure) == ("good", None, "", "counted")
    assert up.headline == "Sales rose by $5,000 to $15,000"
    left = "customers who left \N{MINUS SIGN}\N{WORD JOINER}$10,000"
    assert up.evidence == f"From $10,000, above all: {left}, new customers +$15,000."
    assert up.certainty.startswith("The data begin on Jan 1, 2024, so part of the growth is only the customer base")
    assert up.plays == ("second_order",)
    down = changed(grown(0.5))
    assert (down.direction, down.money, down.plays) == ("bad", None, ("win_back",))
    assert "filling up" not in down.certainty
    assert down.headline == "Sales fell by $5,000 to $5,000"
    assert not up.decides
    assert not down.decides


def test_where_nobody_was_won_of_late_a_fall_is_built_in_and_not_bad_news():
    first = dt.date(2024, 1, 1)
    early = [(f"a{i % 100}", first + dt.timedelta(days=i % 270), 10) for i in range(300)]
    late = [(f"a{i % 60}", first + dt.timedelta(days=275 + 4 * i), 10) for i in range(65)]
    won = [(f"b{i}", first + dt.timedelta(days=300 + i), 10) for i in range(20)]
    bridge = scorecard.revenue_bridge(orders_of(*early, *late), as_of="2025-06-30")
    assert scorecard.is_closed(bridge)
    assert set(bridge.changes) == {dt.date(2024, 10, 1)}
    finding = changed(orders_of(*early, *late), "2025-06-30")
    assert (finding.direction, finding.money, finding.plays) == ("neutral", None, ())
    assert finding.headline == "Sales fell to $650, as they must without new customers"
    assert "These data hold only customers won before Oct 1, 2024. A fall of revenue is therefore" in finding.certainty
    assert not scorecard.is_closed(scorecard.revenue_bridge(orders_of(*early, *late, *won), as_of="2025-06-30"))
    assert changed(orders_of(*early, *late, *won), "2025-06-30").direction == "bad"
    kpis = {"average_order_value": scorecard.load_kpis()["average_order_value"]}
    closed, opened = (
        scorecard.revenue_bridge(orders_of(*early, *late, *more), as_of="2025-06-30") for more in ([], won)
    )
    card = scorecard.scorecard(order_values([*CALM, 70]), kpis)
    told = [
        scorecard.finding_signals(scorecard.last_verdicts(card, kpis, bridge), kpis, bridge=bridge)
        for bridge in (opened, closed)
    ]
    assert told[0].direction == "good"
    assert told[1] is None


def test_the_dearest_missed_target_is_the_finding_by_the_year_that_the_tiles_show():
    kpis = scorecard.load_kpis(targets={"churn_rate": 0.05, "nps": 90})
    measures = measured(
        active_at_start=[1000] * 12, lapsed=[100] * 12, revenue=[5000] * 12, orders=[50] * 12, promoters=[10] * 12,
        detractors=[10] * 12, nps_answers=[400] * 12, nps_effective_answers_in_quarter=[400] * 12,
    )  # fmt: skip

    def told(*names):
        chosen = {key: kpis[key] for key in names}
        years = scorecard.year_against_year(measures, chosen, pd.DataFrame())
        return scorecard.finding_off_target(years, chosen, measures, scorecard.scorecard(measures, chosen))

    finding = told("churn_rate", "nps")
    assert finding.headline == "Newly silent (180 days) missed the target: 10.0%, not 5.0%"
    assert "Of 2 targets, 2 are clearly missed" in finding.evidence
    # 5 points of 12,000 customer-months, each an order of 100.
    assert (finding.money, finding.kind) == (pytest.approx(60000), "sales")
    assert 0 < finding.money_low < 60000 < finding.money_high
    assert (finding.owner, finding.decides) == ("customer_management", True)
    finding = told("nps")
    assert finding.money is None
    assert finding.plays == ("close_the_loop",)
    assert "cannot be read from these data" in finding.certainty
    # The kit sets no target, so nothing is off one.
    kpis = scorecard.load_kpis()
    assert all(kpi.target is None for kpi in kpis.values())
    assert told("churn_rate", "nps") is None


CALM = [50.0, 52, 49, 51, 50, 48, 50, 51, 49, 52, 50, 48, 51, 50, 49, 50, 52, 48, 51, 50, 49, 51, 50, 50]


def order_values(values):
    return measured(revenue=[100 * v for v in values], orders=[100] * len(values), revenue_squares=[1e6] * len(values))


def test_a_calm_period_is_reported_as_noise_and_a_jump_as_a_signal():
    kpis = {"average_order_value": scorecard.load_kpis()["average_order_value"]}
    for last, direction in ((51, "neutral"), (70, "good"), (30, "bad")):
        card = scorecard.scorecard(order_values([*CALM, last]), kpis)
        finding = scorecard.finding_signals(scorecard.last_verdicts(card, kpis, pd.DataFrame()), kpis)
        assert finding.direction == direction
        assert (finding.owner, finding.when) == (("sales", "month") if direction == "bad" else ("", ""))
        if direction != "neutral":
            assert finding.headline == "Of 1 measure, 1 left its usual range"
            assert f"Average order: ${last}.00 in Jan 2026, $5" in finding.evidence
    few = scorecard.scorecard(order_values([50.0] * 3), kpis)
    assert scorecard.finding_signals(scorecard.last_verdicts(few, kpis, pd.DataFrame()), kpis) is None


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
    bridge = scorecard.revenue_bridge(aurora.table("orders"), as_of=aurora.as_of)
    hard = scorecard.load_kpis(targets={"complaint_resolution": 0.9})
    years, hard_years = (scorecard.year_against_year(measures, one, bridge) for one in (kpis, hard))
    verdicts = scorecard.last_verdicts(card, kpis, bridge)
    exhibits += [
        lambda: scorecard.plot_bridge(bridge), lambda: scorecard.year_tiles(years, kpis, values, measures),
        lambda: scorecard.verdicts_table(verdicts, kpis, values, years),
    ]  # fmt: skip
    findings = [
        *(
            lambda one=one: scorecard.findings_of_counts(years, kpis, measures, bridge.iloc[:0])[one]
            for one in range(7)
        ),
        lambda: scorecard.finding_revenue_change(bridge),
        lambda: scorecard.finding_off_target(hard_years, hard, measures, card),
        lambda: scorecard.finding_signals(verdicts, kpis, bridge=bridge),
        lambda: scorecard.finding_signals(
            verdicts.assign(verdict=["worse", *verdicts.verdict[1:]], signal="outside"), kpis
        ),
    ]
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
        limits = (("headline", 12, 24), ("evidence", 25, 50), ("action", 18, 36))
        for part, words, characters in limits:
            text = getattr(finding, part)
            assert len(text.split()) <= words if language == "en" else len(text) <= characters, (part, text)
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
    bridge = scorecard.revenue_bridge(nothing, as_of="2025-02-28")
    years, verdicts = scorecard.year_against_year(measures, kpis, bridge), scorecard.last_verdicts(card, kpis, bridge)
    for exhibit in (
        scorecard.plot_bridge(bridge), scorecard.year_tiles(years, kpis, values, measures),
        scorecard.verdicts_table(verdicts, kpis, values, years),
    ):  # fmt: skip
        assert exhibit.kind == "nothing"
    assert scorecard.finding_revenue_change(bridge) is None
    assert scorecard.finding_off_target(years, kpis, measures, card) is None
    assert scorecard.finding_signals(verdicts, kpis, bridge=bridge) is None


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
