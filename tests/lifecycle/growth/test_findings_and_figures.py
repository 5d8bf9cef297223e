"""Growth: what is said, and what is drawn, in both languages."""

import re

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import growth
from crmlib.words import use
from tests.lengths import too_long
from tests.lifecycle.growth.conftest import AS_OF, baskets_of

JUNK = re.compile(r"\b(nan|NaN|inf|NaT)\b|[{}*]|\b[Nn]one\b(?! of)")


@pytest.fixture(autouse=True)
def english():
    yield
    use()


def effect_of(low, high, unit_low, unit_high, *, kind="together", a_year=100.0, **more):
    row = {
        "measure": "a_set", "item": "serum", "other": "mask", "kind": kind, "within_days": 120, "units": 12,
        "treated_units": 6, "observations": 3000, "naive": 0.2, "effect": (low + high) / 2, "low": low, "high": high,
        "unit_low": unit_low, "unit_high": unit_high, "untreated_year": 900, "value": 50.0, "value_low": 45.0,
        "value_high": 55.0, "a_year": a_year, "a_year_low": a_year / 2, "a_year_high": 2 * a_year,
    }  # fmt: skip
    return pd.DataFrame([row | more])


@pytest.mark.parametrize(
    ("ranges", "words", "direction", "sure", "decides"),
    [
        ((0.05, 0.15, 0.02, 0.18), "works", "good", "estimated", True),
        ((0.05, 0.15, -0.02, 0.22), "seems to work", "good", "hint", True),
        ((-0.05, 0.15, -0.02, 0.22), "Nobody can say yet", "neutral", "hint", False),
        ((-0.15, -0.05, -0.18, -0.02), "harms", "bad", "estimated", True),
        ((-0.15, -0.05, -0.22, 0.02), "seems to harm", "bad", "hint", True),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_measure_works_only_where_both_ranges_leave_zero_out(ranges, words, direction, sure, decides, language):
    effect = effect_of(*ranges, a_year=100.0 if ranges[0] > 0 else -100.0)
    use(language, "CNY")
    told = growth.finding_rollout(effect, said={"a_set": "set" if language == "en" else "套装"}, idle=6)
    assert (told.direction, told.sure, told.decides) == (direction, sure, decides)
    assert (told.money == 100) == (direction == "good" and sure == "estimated")
    assert told.key == "growth.rollout_a_set"
    assert not too_long(told)
    if language == "en":
        assert words in told.headline


def test_a_measure_on_the_next_order_comes_with_a_list_and_one_that_all_have_asks_nothing():
    effect, people = effect_of(0.05, 0.15, 0.02, 0.18, kind="next"), pd.DataFrame({"customer_id": ["a", "b"]})
    told = growth.finding_rollout(effect, idle=6, customers=people)
    assert told.customers.value.tolist() == pytest.approx([5.0, 5.0])
    assert "listed customers first" in told.action
    assert growth.finding_rollout(effect, idle=6, customers=people.iloc[:0]).customers is None
    kept = growth.finding_rollout(effect, idle=0)
    assert (kept.decides, kept.money) == (False, None)


def test_without_a_comparison_there_is_no_finding(rollouts):
    held = baskets_of(("1", "a", "2025-01-01", "serum mask"))
    effects = [growth.rollout_effect(held, one, as_of=AS_OF) for one in rollouts.values()]
    assert growth.findings_of_rollouts(held, list(rollouts.values()), effects, as_of=AS_OF) == [None, None]
    assert growth.rollouts_table(growth.all_effects(effects)).kind == "nothing"
    assert growth.idle_before_after(growth.attachable(held, item="serum", other="mask"), []).empty


def test_the_pair_to_follow_is_that_of_the_measure_else_the_surest(held, rollouts):
    pairs = growth.affinities(held)
    assert growth.pair_to_follow(pairs, list(rollouts.values())) == ("serum", "mask")
    assert growth.pair_to_follow(pairs, []) == ("make-up", "remover")
    assert growth.pair_to_follow(pairs.iloc[:0], []) == ("", "")


def test_shops_that_never_began_improved_too(held, rollouts, csv):
    chances = growth.attachable(held, item="serum", other="mask")
    row = growth.idle_before_after(chances, [rollouts["serum_mask_set"]]).iloc[0]
    assert (row.chances_before, row.chances_after) == (563, 698)
    assert (round(row.rate_before, 3), round(row.rate_after, 3)) == (0.171, 0.288)


def test_who_hunts_discounts_is_bad_news_and_luck_is_none():
    def dependence(low, chance, never_low=0.3):
        return pd.DataFrame({
            "group": ["never", "sometimes", "mostly", "always"], "customers": [40, 30, 20, 10],
            "share": [0.4, 0.3, 0.2, 0.1], "low": [never_low, 0.2, 0.1, low], "high": [0.5, 0.4, 0.3, 0.2],
            "by_chance": [0.35, 0.3, 0.2, chance], "revenue": 1000.0, "discount": 50.0,
        })  # fmt: skip

    for table, direction, words in (
        (dependence(0.05, 0.02), "bad", "10 customers buy only at a discount"),
        (dependence(0.05, 0.06), "neutral", "Nobody seems to wait"),
        (dependence(0.05, 0.06, 0.36), "neutral", "Discounts reach only some"),
    ):
        told = growth.finding_discounts(table)
        assert told.direction == direction
        assert words in told.headline
        assert growth.plot_discount_dependence(table).kind == "figure"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_that_is_shown_of_the_sample_is_said_in_both_languages(held, table, rollouts, language):
    use(language, "CNY")
    orders, loyalty = table("orders"), table("loyalty")
    names = growth.item_names(table("order_lines")).to_pandas()
    measures = list(rollouts.values())
    effects = [growth.rollout_effect(held, one, as_of=AS_OF, margin=0.55) for one in measures]
    pairs, dependence = growth.affinities(held), growth.discount_dependence(orders, as_of=AS_OF)
    tiers = growth.tier_summary(loyalty, orders, as_of=AS_OF).to_pandas()
    ages, moves = growth.points_by_age(loyalty, as_of=AS_OF), growth.tier_migration(loyalty, as_of=AS_OF)
    joiners = growth.joiners_before(loyalty, orders, as_of=AS_OF)
    at_once = growth.joined_with_first_order(loyalty, orders, as_of=AS_OF)
    rates = growth.attach_rate(growth.attachable(held, item="serum", other="mask"), period="quarter")
    space = growth.whitespace(held, table("customers"), as_of=AS_OF, by="channel")
    shown = [
        growth.plot_basket_trend(growth.basket_trend(held)), growth.plot_affinities(pairs, names=names),
        growth.plot_affinities(growth.affinities(held, by="customer"), names=names, by="customer"),
        growth.plot_sequences(growth.sequences(held, as_of=AS_OF), names=names),
        growth.item_sets_table(growth.item_sets(held)),
        growth.plot_attach_rate(rates, item="serum", other="mask", period="quarter"),
        growth.rollouts_table(growth.all_effects(effects), said={one.name: one.said for one in measures}),
        growth.plot_recall(growth.recall(held, as_of=AS_OF)),
        growth.plot_replenishment(growth.replenishment(held, as_of=AS_OF)),
        growth.ladder_table(growth.ladder(orders, as_of=AS_OF)), growth.plot_discount_dependence(dependence),
        growth.plot_item_lives(growth.item_lives(held)), growth.plot_whitespace(space, by="channel"),
        growth.plot_item_changes(growth.item_changes(held, as_of=AS_OF)), growth.tiers_table(tiers),
        growth.plot_tier_migration(moves, tiers.tier.tolist()),
        growth.plot_points(ages, growth.points_liability(ages, point_value=0.1)),
        growth.joiners_table(joiners, at_once),
    ]  # fmt: skip
    for one in shown:
        said = f"{one.title} {one.reading} {one.description}"
        assert not JUNK.search(said), said
        assert ("。" in said) == (language == "zh"), said
    told = [
        growth.finding_affinity(pairs, names=names), growth.finding_discounts(dependence),
        growth.finding_club(tiers, joiners, at_once),
        *growth.findings_of_rollouts(held, measures, effects, as_of=AS_OF, names=names),
    ]  # fmt: skip
    for one in told:
        assert not too_long(one)
        assert not JUNK.search(f"{one.headline} {one.evidence} {one.certainty} {one.action}")
    by_key = {one.key: one for one in told}
    assert [one.key for one in told if one.decides and one.money] == ["growth.rollout_after_sun_guide"]
    assert (by_key["growth.rollout_serum_mask_set"].sure, by_key["growth.rollout_serum_mask_set"].decides) == (
        "hint", True
    )  # fmt: skip
    assert len(by_key["growth.rollout_after_sun_guide"].customers) == 168
    assert by_key["growth.club"].decides


def test_names_of_items_are_harmless_wherever_they_are_said():
    rows = [(str(n), f"c{n}", "2025-01-01", "A B" if n < 30 else "C") for n in range(60)]
    names = pd.DataFrame({"item": ["A", "B", "C"], "name": ["=cmd|' /C calc'!A0", "<b>x</b>", "y" * 500]})
    pairs = growth.affinities(baskets_of(*rows))
    figure, finding = growth.plot_affinities(pairs, names=names), growth.finding_affinity(pairs, names=names)
    for said in (figure.reading, figure.title, finding.headline, finding.evidence):
        assert "<b>" not in said
        assert "“=" not in said
    assert growth.plot_affinities(pairs, names=names).picture.svg(label="").count('class="crm-dot"') == 1


@pytest.mark.parametrize("liability", [True, False])
def test_points_have_a_price_only_where_it_is_known(liability):
    ages = pd.DataFrame({"months_from": [0, 18], "months_to": [3, 1200], "earned": [100.0, 100.0],
                         "redeemed": [10.0, 50.0], "open": [90.0, 50.0]})  # fmt: skip
    owed = growth.points_liability(ages, point_value=0.5 if liability else 0.0)
    assert owed.expected.iloc[0] == 40
    assert owed.breakage_most.iloc[0] == pytest.approx(1 - 40 / 140)
    assert np.isnan(owed.liability.iloc[0]) != liability
    assert ("$20 will be claimed at least" in growth.plot_points(ages, owed).reading) == liability
