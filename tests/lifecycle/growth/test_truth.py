"""What the sample holds in truth is found, with the interval that belongs to it; and nothing that it does not hold."""

import json

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import growth
from crmlib.lifecycle.experiments import staged_effect
from crmlib.lifecycle.growth.affinity import judged
from tests.lifecycle.growth.conftest import AS_OF, baskets_of

# What is planted as "if the basket holds the one, add the other", and makes the two likelier together than chance.
PLANTED = {("cleanser", "toner"), ("make-up", "remover"), ("body", "hair"), ("cleanser", "cream"), ("mask", "serum")}


@pytest.fixture(scope="module")
def truth(repository):
    return json.loads((repository / "data" / "aurora" / "truth.json").read_text(encoding="utf-8"))["measures"]


def test_the_planted_affinities_are_found_and_no_others(held):
    found = growth.affinities(held)
    sure = found[(found.p_adjusted < 0.05) & (found.lift > 1)]
    assert {tuple(sorted(pair)) for pair in zip(sure["item"], sure.other, strict=True)} == {
        tuple(sorted(pair)) for pair in PLANTED
    }
    assert len(growth.affinities_told(found)) == len(PLANTED)


def test_serum_brings_mask_along_at_the_stated_rate(held, csv):
    row = growth.affinities(held).set_index(["item", "other"]).loc[("serum", "mask")]
    assert (round(row.lift, 2), round(row.confidence, 3), round(row.base, 3)) == (2.52, 0.282, 0.112)
    assert row.confidence_low < 0.282 < row.confidence_high
    assert row.lift_low < 2.52 < row.lift_high
    # A second way: plain pandas on the files.
    orders, lines, customers = csv("orders"), csv("order_lines"), csv("customers")
    tests = customers.customer_id[customers.is_test.astype(bool)]
    bought = orders[orders.status.isin(["paid", "refunded"]) & ~orders.customer_id.isin(tests)]
    bought = bought[(bought.amount - bought.refunded_amount) > 0]
    has = lines[lines.order_id.isin(bought.order_id)].groupby("order_id").category.agg(set)
    serum = has[has.map(lambda items: "serum" in items)]
    assert (row.baskets, row.item_baskets) == (len(has), len(serum))
    assert row.both == serum.map(lambda items: "mask" in items).sum()


def test_by_customer_the_same_pairs_are_found_and_those_who_order_often_do_not_make_others(held):
    found = growth.affinities(held, by="customer")
    sure = found[(found.p_adjusted < 0.05) & (found.lift > 1)]
    pairs = {tuple(sorted(pair)) for pair in zip(sure["item"], sure.other, strict=True)}
    assert pairs == {("cleanser", "toner"), ("make-up", "remover"), ("body", "hair"), ("mask", "serum"),
                     ("after_sun", "sunscreen")}  # fmt: skip
    # Without regard to how often they order, nearly every pair would seem to belong together.
    naive = growth.affinities(held.filter(held.customer_id.notnull()).select("item", order_id="customer_id").distinct())
    assert ((naive.p_adjusted < 0.05) & (naive.lift > 1)).mean() > 0.9


def test_only_after_sun_care_follows_on_something(held):
    steps = growth.sequences(held, as_of=AS_OF)
    sure = steps[(steps.p_adjusted < 0.05) & (steps.lift > 1)]
    assert sure[["item", "other"]].values.tolist() == [["sunscreen", "after_sun"]]
    row = sure.iloc[0]
    assert (row.with_next, row.both, round(row.confidence, 3), row.median_days) == (1807, 314, 0.174, 31.0)


def test_no_set_of_three_is_more_than_its_best_pair(held):
    sets = growth.item_sets(held)
    assert len(sets) > 20
    assert not ((sets.p_adjusted < 0.05) & (sets.lift > 1)).any()


# What reference/numbers.md states for each measure: the effect and its interval.
@pytest.mark.parametrize(
    ("name", "stated", "low", "high"),
    [("serum_mask_set", 0.066, 0.005, 0.126), ("after_sun_guide", 0.159, 0.078, 0.239)],
)  # fmt: skip
def test_a_measure_of_some_shops_shows_its_true_effect_with_the_stated_interval(
    held, rollouts, truth, name, stated, low, high
):
    found = growth.rollout_effect(held, rollouts[name], as_of=AS_OF, margin=0.55).iloc[0]
    assert found.effect == pytest.approx(stated, abs=0.003)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
    assert found.low < truth[name]["effect"] < found.high
    assert found.unit_low < truth[name]["effect"] < found.unit_high
    assert found.naive > found.effect
    assert (found.units, found.treated_units) == (12, 6)
    assert found.a_year == pytest.approx(found.effect * found.untreated_year * found.value)


def test_before_and_after_alone_overstates_the_set(held, rollouts, truth):
    found = growth.rollout_effect(held, rollouts["serum_mask_set"], as_of=AS_OF).iloc[0]
    assert found.naive == pytest.approx(truth["serum_mask_set"]["naive_before_after"]["difference"], abs=0.03)
    assert found.naive > found.high


def test_the_starts_in_the_file_are_those_of_the_truth(rollouts, truth):
    for name, rollout in rollouts.items():
        stated = {store: day and pd.Timestamp(day).date() for store, day in truth[name]["shops"].items()}
        assert dict(rollout.stores) == stated


def test_the_effect_of_the_club_cannot_be_told(table):
    loyalty, orders = table("loyalty"), table("orders")
    joiners = growth.joiners_before(loyalty, orders, as_of=AS_OF)
    at_once = growth.joined_with_first_order(loyalty, orders, as_of=AS_OF)
    tiers = growth.tier_summary(loyalty, orders, as_of=AS_OF, margin=0.55)
    assert joiners.empty
    assert at_once.share.iloc[0] == 1
    finding = growth.finding_club(tiers, joiners, at_once)
    assert finding.headline == "Whether the club makes members buy more cannot be told"
    assert (finding.sure, finding.money) == ("hint", None)
    assert growth.joiners_table(joiners, at_once).kind == "nothing"


def test_nobody_depends_on_discounts_which_fall_by_chance(table):
    found = growth.discount_dependence(table("orders"), as_of=AS_OF).set_index("group")
    assert (found.low <= found.by_chance).all()
    assert (found.by_chance <= found.high).all()
    assert found.by_chance.sum() == pytest.approx(1)


def test_no_segment_is_found_to_lack_anything(table, held):
    found = growth.whitespace(held, table("customers"), as_of=AS_OF, by="channel")
    assert len(found) == 7 * 12
    assert (found.p_adjusted > 0.05).all()


def test_what_is_popular_serves_customers_without_tastes_best(held):
    found = growth.recall(held, as_of=AS_OF).set_index("method")
    assert found.gain_high["neighbours"] < 0


def test_no_item_is_bought_again_with_a_rhythm(held):
    assert not growth.replenishment(held, as_of=AS_OF).to_pandas().regular.any()


def test_masks_grow_and_little_else(held):
    found = growth.item_changes(held, as_of=AS_OF).set_index("item")
    assert set(found.index[found.stage == "growing"]) == {"mask", "after_sun"}
    assert not (found.stage == "fading").any()


def judged_of(held):
    """The pairs of a matrix of baskets and items."""
    names = np.array([f"I{n}" for n in range(held.shape[1])])
    both = held.T.astype(int) @ held.astype(int)
    rows, columns = np.nonzero(np.triu(np.ones_like(both), 1))
    pairs = pd.DataFrame({"item": names[rows], "other": names[columns], "both": both[rows, columns], "stratum": 0})
    singles = pd.DataFrame({"item": names, "units": np.diag(both), "stratum": 0})
    return judged(pd.Series({0: len(held)}), singles, pairs)


def test_independent_baskets_hold_a_false_pair_in_at_most_one_of_twenty_data_sets():
    random = np.random.default_rng(7)
    shares = np.array([0.5, 0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05])
    false = together = 0
    for _ in range(400):
        held = random.random((400, len(shares))) < shares
        false += (judged_of(held).p_adjusted < 0.05).any()
        # Orders with nothing are in no table. That alone pushes pairs apart, and is why only lifts above 1 are told.
        found = judged_of(held[held.any(axis=1)])
        together += ((found.p_adjusted < 0.05) & (found.lift > 1)).any()
    assert false <= 20
    assert together <= 10


def test_a_lift_has_its_truth_in_the_interval_nineteen_times_of_twenty():
    random = np.random.default_rng(8)
    covered = 0
    for _ in range(400):
        first = random.random(2000) < 0.2
        second = random.random(2000) < np.where(first, 0.3, 0.1)
        row = judged_of(np.column_stack([first, second])).iloc[0]
        covered += row.lift_low < 0.3 / (0.2 * 0.3 + 0.8 * 0.1) < row.lift_high
    assert 0.92 <= covered / 400 <= 0.98


def test_the_interval_of_each_observation_is_that_of_statsmodels():
    import statsmodels.formula.api as formula

    random = np.random.default_rng(5)
    grid = pd.MultiIndex.from_product([range(6), range(8), range(25)], names=["unit", "period", "n"])
    table = grid.to_frame(index=False)
    table["treated"] = ((table.unit < 3) & (table.period >= 4)).astype(int)
    table["outcome"] = (random.random(len(table)) < 0.2 + 0.02 * table.unit + 0.2 * table.treated).astype(int)
    fit = formula.ols("outcome ~ treated + C(unit) + C(period)", table).fit(cov_type="HC1", use_t=True)
    found = staged_effect(table, errors="observations").iloc[0]
    assert found.effect == pytest.approx(fit.params["treated"], rel=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int().loc["treated"]), rel=1e-6)
    sums = table.groupby(["unit", "period", "treated"]).outcome.agg(
        observations="size", total="sum", squares=lambda outcome: (outcome**2).sum()
    )
    for errors in ("units", "observations"):
        of_sums = staged_effect(sums.reset_index(), errors=errors)
        pd.testing.assert_frame_equal(of_sums, staged_effect(table, errors=errors))


def test_pairs_are_those_of_mlxtend(held):
    from mlxtend.frequent_patterns import association_rules, fpgrowth

    rows = held.select("order_id", "item").to_pandas()
    table = pd.crosstab(rows.order_id, rows["item"]) > 0
    rules = association_rules(fpgrowth(table, min_support=1e-9, use_colnames=True, max_len=2), min_threshold=0.0)
    peer = pd.DataFrame({
        "item": [next(iter(items)) for items in rules.antecedents], "other": [next(iter(i)) for i in rules.consequents],
        "support": rules.support, "confidence": rules.confidence, "lift": rules.lift,
    }).set_index(["item", "other"]).sort_index()  # fmt: skip
    ours = growth.affinities(held).set_index(["item", "other"]).sort_index()[["support", "confidence", "lift"]]
    shared = ours[ours["support"] > 0]
    assert len(shared) > 150
    pd.testing.assert_frame_equal(shared, peer.loc[shared.index], rtol=1e-9)


def test_frames_and_engine_tables_answer_alike(held):
    frame = held.to_pandas()
    pd.testing.assert_frame_equal(growth.affinities(frame), growth.affinities(held))
    pd.testing.assert_frame_equal(growth.sequences(frame, as_of=AS_OF), growth.sequences(held, as_of=AS_OF))
    lazy = growth.replenishment(ibis.memtable(frame), as_of=AS_OF)
    pd.testing.assert_frame_equal(growth.replenishment(frame, as_of=AS_OF), lazy.to_pandas())
    assert baskets_of(("1", "a", "2025-01-01", "A B")).shape == (2, 8)
