"""What the chapter shows and concludes: which words are chosen, and how long they are, in both languages."""

import datetime as dt
import re

import pandas as pd
import pytest

from crmlib.lifecycle import churn
from crmlib.lifecycle.churn.figures import told_effect
from crmlib.words import use
from tests.lengths import too_long

JUNK = re.compile(r"nan|None|\{|\}|NaT|inf\b|–%")


def effect_of(**given):
    row = {
        "play": "spring_mailing", "within_days": 60, "treated": 500, "control": 400, "treated_rate": 0.3,
        "control_rate": 0.2, "effect": 0.1, "low": 0.04, "high": 0.16, "treated_profit": 12.0, "control_profit": 10.0,
        "profit": 2.0, "profit_low": -1.0, "profit_high": 5.0, "treated_year": 200, "cost_year": 900.0, "drawn": True,
        "last_on": dt.date(2025, 12, 9), "runs": True,
    }  # fmt: skip
    return pd.DataFrame([row | given])


def slow_of(**given):
    row = {
        "place": "shops", "quick": 276, "slow": 227, "quick_again": 0.55, "slow_again": 0.35, "difference": -0.2,
        "low": -0.29, "high": -0.12, "quick_profit": 264.0, "slow_profit": 211.0, "lost": 53.0, "lost_low": -85.0,
        "lost_high": 157.0, "slow_year": 269,
    }  # fmt: skip
    return pd.DataFrame([row | given])


def waiting_of(*places):
    days = [dt.date(2025, 12, 1)] * len(places)
    ids = [f"c{n}" for n in range(len(places))]
    return pd.DataFrame({"customer_id": ids, "place": places, "value": 10.0, "opened_on": days, "is_open": False})


# The tested offer


@pytest.mark.parametrize(
    ("given", "headline", "action", "money"),
    [
        ({}, "The “spring mailing” wakes customers but earns nothing yet", "Pause it.", 900.0),
        ({"low": -0.01}, "The “spring mailing” shows no effect yet", "Pause it.", 900.0),
        ({"profit_high": -0.1}, "The “spring mailing” costs more than it brings", "Stop it.", 900.0),
        ({"profit_low": 0.5}, "The “spring mailing” earns more than it costs", "Keep it.", 400.0),
        ({"cost_year": 0.0}, "The “spring mailing” wakes customers but earns nothing yet", "Pause it.", None),
    ],
)
def test_a_test_is_told_by_what_is_left_after_its_cost(given, headline, action, money):
    finding = churn.finding_tested_offer(effect_of(**given))
    assert (finding.headline, finding.money, finding.sure) == (headline, money, "tested")
    assert finding.action.startswith(action)
    assert finding.evidence.startswith("30% of 500 bought; 20% of 400 left alone did.")
    earns = "profit_low" in given
    assert (finding.kind, finding.direction) == (("profit", "good") if earns else ("spent", "bad"))
    assert (finding.plays, finding.failed_plays) == ((("spring_mailing",), ()) if earns else ((), ("spring_mailing",)))
    assert finding.decides


def test_the_range_of_a_difference_is_told_in_points():
    certainty = churn.finding_tested_offer(effect_of(low=0.066, high=0.129)).certainty
    assert "Difference in buying 7 to 13 percentage points" in certainty


def test_what_no_lot_has_drawn_or_few_have_got_is_not_told_as_tested():
    for given in ({"drawn": False}, {"control": 29}, {"treated": 29}):
        effects = effect_of(**given)
        assert churn.finding_tested_offer(effects) is None
        assert churn.tested_offer_table(effects).kind == "nothing"
        both = pd.concat([effects.assign(cost_year=9e9), effect_of(play="other")])
        assert "other" in churn.finding_tested_offer(both).headline
    none = effect_of()[:0]
    assert churn.finding_tested_offer(none) is None
    assert churn.tested_offer_table(none).title == "What the random test says"


# Complaints that wait


def test_the_place_with_a_sure_loss_is_told_with_its_people_and_its_money():
    both = pd.concat([slow_of(), slow_of(place="online", difference=-0.01, low=-0.1, high=0.1)], ignore_index=True)
    finding = churn.finding_slow_complaints(both, waiting_of("shops", "online", "shops"))
    assert finding.headline == "Complaints solved slowly cost customers in the shops"
    assert len(finding.customers) == 2
    assert finding.action.startswith("Contact the 2;")
    # 269 complaints a year, 0.2 customers each, at 264 / 0.55.
    assert finding.money == pytest.approx(269 * 0.2 * 264 / 0.55)
    assert finding.money_low < finding.money < finding.money_high
    assert "The difference online is" in finding.certainty
    assert (finding.owner, finding.sure, finding.kind) == ("service", "estimated", "profit")


def test_no_loss_beyond_chance_is_no_finding_and_nobody_to_call_is_no_list():
    assert churn.finding_slow_complaints(slow_of(high=0.01)) is None
    assert churn.finding_slow_complaints(slow_of()[:0]) is None
    alone = churn.finding_slow_complaints(slow_of(place="all"), waiting_of())
    assert alone.customers is None
    assert alone.headline == "Complaints solved slowly cost customers"
    free = churn.finding_slow_complaints(slow_of(quick_profit=0.0))
    assert free.money is None


def test_a_figure_says_whether_a_loss_is_sure():
    assert churn.plot_complaints(slow_of(), within=180).title == "Complaints that wait cost customers in the shops"
    assert "beyond chance" in churn.plot_complaints(slow_of(high=0.01), within=180).title
    assert churn.plot_complaints(slow_of()[:0], within=180).kind == "nothing"


# The others


def test_rules_are_told_by_their_intervals():
    rows = [("fixed days", 60.0, 400, 0.2, 0.18, 0.22, 0.5), ("own rhythm", 2.5, 410, 0.1, 0.08, 0.12, 0.6)]
    columns = ["rule", "limit", "flagged", "false_alarms", "low", "high", "caught"]
    rules = pd.DataFrame(rows, columns=columns)
    assert "fewer false alarms" in churn.plot_silence(rules, days=60).reading
    turned = rules.assign(rule=rules.rule[::-1].to_numpy(), limit=[2.5, 60.0])
    assert "more false alarms" in churn.plot_silence(turned, days=60).reading
    alike = rules.assign(low=0.05, high=0.3)
    assert "about as good" in churn.plot_silence(alike, days=60).reading
    assert churn.plot_silence(rules.assign(flagged=20), days=60).kind == "nothing"


def test_recurring_revenue_is_told_by_whether_it_surely_shrinks():
    row = {
        "since": dt.date(2024, 12, 31), "customers": 100, "lost": 20, "logo_churn": 0.2, "low": 0.13, "high": 0.29,
        "at_start": 1000.0, "churned": 200.0, "contraction": 0.0, "expansion": 300.0, "at_end": 1100.0,
        "gross_retention": 0.8, "net_retention": 1.1, "net_low": 1.05, "net_high": 1.2,
    }  # fmt: skip
    grows = churn.finding_recurring(pd.DataFrame([row]))
    assert (grows.direction, grows.headline) == ("good", "Subscribers of a year ago pay 110% of what they paid")
    assert "others added" in grows.evidence
    assert churn.finding_recurring(pd.DataFrame([row | {"net_low": 0.9}])).direction == "neutral"
    # What ends is bad news once: the decision of chapter 05 tells it.
    assert churn.finding_recurring(pd.DataFrame([row | {"net_high": 0.9, "net_low": 0.8}])).direction == "neutral"
    assert churn.finding_recurring(pd.DataFrame([row | {"customers": 29}])) is None


def test_profits_and_rates_of_an_effect_are_those_that_are_printed():
    told = told_effect(effect_of().iloc[0])
    assert (told["treated_rate"], told["control_rate"], told["points"]) == ("30%", "20%", "+10")


@pytest.fixture(scope="module")
def shown(made, aurora, tables):
    """All that the notebook shows of the sample, to be said in a language."""
    from crmlib.lifecycle.experiments import play_effect

    orders, day = made.orders, aurora.as_of
    rules, hazard = churn.silence_rules(orders, as_of=day), churn.return_hazard(orders, as_of=day)
    odds, reasons = churn.odds_ratios(made.model), churn.reasons(made.test, made.model)
    groups, warned = churn.risk_by_value(made.customers), churn.warned_customers(made.customers)
    cox = churn.cox_model(churn.return_spells(orders, tables["tickets"], as_of=day, most=5000))
    rates, known = churn.win_back_rates(made.silent), churn.win_back_rates(made.silent, by="known")
    effects = play_effect(aurora.table("actions"), orders, within_days=90, as_of=day, margin=0.55)
    moved = churn.recurring_movements(tables["subscriptions"], as_of=day).to_pandas()
    kept = churn.revenue_retention(tables["subscriptions"], as_of=day)
    amends = churn.waiting_for_amends(made.outcomes, orders, as_of=day, margin=0.55).to_pandas()
    by_risk = effects[effects.play.str.startswith("win")].assign(risk_group=1, risk_from=0.5, risk_to=0.8)
    by_risk = pd.concat([by_risk.assign(risk_group=n, effect=n / 20) for n in (1, 2, 3)], ignore_index=True)
    example = {"cost": 10.0, "saved": 150.0, "success": 0.1}
    gains = churn.gain_by_threshold(made.risks, **example)
    figures = [
        lambda: churn.plot_silence(rules, days=204), lambda: churn.plot_return_hazard(hazard),
        lambda: churn.odds_table(odds, within=90), lambda: churn.models_table(made.judged, within=90),
        lambda: churn.plot_calibration(churn.calibration(made.risks), within=90),
        lambda: churn.plot_gain(gains, **example), lambda: churn.plot_reasons(reasons, within=90),
        lambda: churn.plot_complaints(made.slow, within=180), lambda: churn.cox_table(cox),
        lambda: churn.tested_offer_table(effects), lambda: churn.plot_effect_by_risk(by_risk),
        lambda: churn.win_back_table(rates, within=90, silent_after=204),
        lambda: churn.win_back_table(known, within=90, silent_after=204),
        lambda: churn.plot_risk_by_value(groups), lambda: churn.plot_movements(moved),
    ]  # fmt: skip
    findings = [
        lambda: churn.finding_tested_offer(effects), lambda: churn.finding_slow_complaints(made.slow, amends),
        lambda: churn.finding_early_warning(warned, groups, made.judged),
        lambda: churn.finding_came_back(rates, within=90, silent_after=204), lambda: churn.finding_recurring(kept),
    ]  # fmt: skip
    return figures, findings


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_says_what_it_shows_in_both_languages(shown, language):
    use(language, "CNY")
    for draw in shown[0]:
        exhibit = draw()
        assert exhibit.kind in ("figure", "table")
        for sentence in (exhibit.title, exhibit.reading, exhibit.description):
            assert not JUNK.search(sentence), sentence
        assert exhibit.title
        assert exhibit.reading
        assert exhibit.picture is None or "<svg" in exhibit.picture.svg(label=exhibit.description)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sample_s_findings_are_told_and_as_short_as_the_page_allows(shown, language):
    use(language, "CNY")
    found = [tell() for tell in shown[1]]
    assert not [words for finding in found for words in too_long(finding)]
    for finding in found:
        said = " ".join([finding.headline, finding.evidence, finding.certainty, finding.action])
        assert not JUNK.search(said), said
    assert [finding.key for finding in found if finding.decides] == ["churn.tested_offer", "churn.slow_complaints"]
    lists = [finding for finding in found if finding.customers is not None]
    assert [finding.key for finding in lists] == ["churn.slow_complaints", "churn.early_warning"]
    for finding in lists:
        assert not finding.customers.customer_id.duplicated().any()
        assert finding.customers.reason.str.len().min() > 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_that_an_offer_may_show_is_short_enough(language):
    use(language, "CNY")
    found = [
        churn.finding_tested_offer(effect_of(play=play, treated=12_345, control=12_345, **given))
        for play in ("win_back_friend_half_price", "spring_mailing_to_old_customers_in_the_south")
        for given in ({}, {"low": -0.1}, {"profit_high": -0.1}, {"profit_low": 0.1}, {"runs": False})
    ]
    assert not [words for finding in found for words in too_long(finding)]


def test_the_sample_s_half_price_offer_is_told_as_it_was(shown, truth):
    use("en", "CNY")
    finding = shown[1][0]()
    assert finding.headline == "The half-price offer wakes customers but earns nothing yet"
    assert finding.evidence.replace("\u2060", "").replace("CN", "") == (
        "Last made in Oct 2025. 24.3% of 1,190 bought, 14.5% of 1,158 left alone. "
        "Profit after cost: +¥2 each (\u2212¥6 to +¥10)."
    )
    assert (finding.money, finding.kind) == (13284.0, "spent")
    assert finding.failed_plays == (truth["measures"]["win_back"]["play"],)


def test_recurring_revenue_that_has_fallen_from_its_peak_is_said_to_have_fallen():
    months = pd.date_range("2025-01-01", periods=4, freq="MS").date
    table = pd.DataFrame({"month": months, "at_start": [10.0, 14.0, 20.0, 18.0], "new": [4.0, 6.0, 0.0, 1.0]})
    table = table.assign(returned=0.0, expansion=0.0, contraction=0.0, churned=[0.0, 0.0, -2.0, -3.0])
    table["at_end"] = [14.0, 20.0, 18.0, 16.0]
    said = churn.plot_movements(table).reading
    assert "it has fallen since Feb 2025 ($20)" in said
    assert "of which $1 after that month" in said
    assert "fallen" not in churn.plot_movements(table.head(2)).reading
