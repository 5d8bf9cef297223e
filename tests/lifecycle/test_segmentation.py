"""Segmentation: equal customers alike, everybody in exactly one place, and every amount accounted for."""

import datetime as dt
import json
import re

import ibis
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import crmlib
from crmlib.lifecycle import segmentation
from crmlib.lifecycle.segmentation.quantiles import observed_quantiles, round_to_two_digits
from crmlib.lifecycle.segmentation.rules import OWN_RULES
from crmlib.problems import UnusableInput
from crmlib.purchases import purchases
from crmlib.words import short, use
from tests.lengths import too_long

AS_OF, SINCE = "2025-12-31", dt.date(2024, 12, 31)
JUNK = re.compile(r"\b(nan|none|inf|nat)\b|[{}]", re.IGNORECASE)
NOBODY_BOUND = pd.DataFrame({"customers": [0], "buyers": [0], "revenue_year": [0.0]})
NO_MOVES = pd.DataFrame(
    columns=["before", "after", "customers", "buyers", "revenue_before", "revenue_after", "change", "change_error"]
)
NO_OUTCOMES = pd.DataFrame(columns=["segment", "customers", "bought_share", "bought_share_low", "bought_share_high"])


def orders_of(*rows, **columns):
    """Orders from (customer, day, amount)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]).assign(**columns)
    return frame.assign(
        order_id=[str(n) for n in range(len(frame))],
        customer_id=frame.customer_id.astype("str"),
        ordered_at=pd.to_datetime(frame.ordered_at, format="mixed"),
        amount=frame.amount.astype(float),
    )


def customers_of(*rows):
    """Activity from (recency, purchases in the year, revenue in the year); tenure and totals are made to fit."""
    frame = pd.DataFrame(rows, columns=["recency_days", "purchases_year", "revenue_year"])
    return frame.assign(
        customer_id=[f"c{n:04d}" for n in range(len(frame))],
        tenure_days=frame.recency_days + 400,
        purchases=frame.purchases_year.clip(lower=1),
        revenue=frame.revenue_year + 1.0,
        last_day=pd.Timestamp(AS_OF) - pd.to_timedelta(frame.recency_days, unit="D"),
    )


LINES = pd.DataFrame({
    "threshold": ["usual_return", "sleeping_after", "lost_after", "high_spend", "frequent", "established"],
    "value": [40.0, 120.0, 240.0, 500.0, 3.0, 4.0],
    "low": [38.0, 110.0, 220.0, np.nan, np.nan, np.nan], "high": [43.0, 130.0, 260.0, np.nan, np.nan, np.nan],
})  # fmt: skip


@pytest.fixture(scope="module")
def aurora(repository):
    return crmlib.begin("03_segmentation", client=repository / "data/aurora/client.yaml")


@pytest.fixture(scope="module")
def activity(aurora):
    people = aurora.table("customers")
    return segmentation.customer_activity(aurora.table("orders"), people, as_of=aurora.as_of).to_pandas()


@pytest.fixture(scope="module")
def lines(aurora, activity):
    return segmentation.thresholds(activity, segmentation.purchase_rhythm(aurora.table("orders"), as_of=aurora.as_of))


@pytest.fixture(scope="module")
def segmented(activity, lines):
    return segmentation.segments(activity, lines)


@pytest.fixture(scope="module")
def earlier(aurora, lines):
    return segmentation.earlier_segments(aurora.table("orders"), None, lines, on=SINCE)


@pytest.fixture(scope="module")
def moves(earlier, segmented):
    return segmentation.migration(earlier, segmented, since=SINCE)


@pytest.fixture(scope="module")
def cdnow(repository):
    return crmlib.begin("03_segmentation", client=repository / "data/cdnow/client.yaml")


# What each customer has done


def test_several_orders_on_one_day_are_one_purchase():
    orders = orders_of(("a", "2025-05-01 09:00", 3), ("a", "2025-05-01 18:00", 4), ("a", "2025-06-01", 5))
    row = segmentation.customer_activity(orders, as_of=AS_OF).iloc[0]
    assert (row.purchases, row.purchases_year, row.revenue_year) == (2, 2, 12.0)


def test_the_year_begins_on_the_day_after_the_same_day_a_year_ago():
    orders = orders_of(("a", "2024-12-31 23:59", 3), ("a", "2025-01-01 00:00", 4), ("a", "2025-12-31 23:59", 5))
    row = segmentation.customer_activity(orders, as_of=AS_OF).iloc[0]
    assert (row.purchases, row.purchases_year, row.revenue_year, row.revenue) == (3, 2, 9.0, 12.0)
    assert (row.recency_days, row.tenure_days) == (0, 365)


def test_what_happens_after_the_day_is_not_seen_and_cancelled_orders_are_no_purchases():
    orders = orders_of(("a", "2025-05-01", 3), ("a", "2025-07-01", 4), ("a", "2026-01-01", 5)).assign(
        status=["paid", "cancelled", "paid"]
    )
    row = segmentation.customer_activity(orders, as_of=AS_OF).iloc[0]
    assert (row.purchases, row.revenue, row.last_day) == (1, 3.0, pd.Timestamp("2025-05-01"))


def test_prospects_are_known_people_without_a_purchase_who_had_been_seen_by_then():
    seen = pd.to_datetime(["2025-01-01", "2025-02-01", "2026-02-01", None])
    people = pd.DataFrame({"customer_id": ["a", "p", "later", "undated"], "first_seen_at": seen})
    table = segmentation.customer_activity(orders_of(("a", "2025-05-01", 3)), people, as_of=AS_OF)
    assert table.customer_id.tolist() == ["a", "p", "undated"]
    assert table.purchases.tolist() == [1, 0, 0]
    assert table.recency_days.isna().tolist() == [False, True, True]


def test_pandas_and_ibis_answer_the_same():
    def same(one, other):  # pandas has no dates: what was a date in Ibis is a timestamp at midnight
        assert_frame_equal(one, other, check_dtype=False)

    orders = orders_of(("a", "2025-05-01", 3), ("b", "2025-06-01", 4), ("a", "2025-08-01", 9))
    frames = segmentation.customer_activity(orders, as_of=AS_OF)
    tables = segmentation.customer_activity(ibis.memtable(orders), as_of=AS_OF)
    assert (type(frames), type(tables)) == (pd.DataFrame, ibis.Table)
    same(frames, tables.to_pandas())
    cut_points = segmentation.cut_points(tables, scores=2)
    same(cut_points, segmentation.cut_points(frames, scores=2))
    scored = segmentation.rfm_scores(tables, cut_points)
    same(segmentation.rfm_scores(frames, cut_points), scored.to_pandas())
    same(segmentation.segments(frames, LINES), segmentation.segments(tables, LINES).to_pandas())
    same(segmentation.clusters(frames, clusters=2), segmentation.clusters(tables, clusters=2).to_pandas())
    same(segmentation.spending(frames), segmentation.spending(tables).to_pandas())


# Cut points


def said_bounds(cut_points):
    return [row[2] for row in segmentation.cut_points_table(cut_points).fields["rows"]]


VALUES = st.lists(st.integers(0, 12), min_size=1, max_size=60)


@given(values=VALUES, scores=st.integers(2, 6))
@settings(max_examples=12, deadline=None)
def test_equal_values_get_equal_scores_and_better_values_never_lower_ones(values, scores):
    customers = customers_of(*((20 * v, v, 10.0 * v) for v in values))
    scored = segmentation.rfm_scores(customers, segmentation.cut_points(customers, scores=scores))
    assert len(scored) == len(customers)
    for column, value, sign in (
        ("r_score", "recency_days", -1), ("f_score", "purchases_year", 1), ("m_score", "revenue_year", 1),
    ):  # fmt: skip
        by_value = scored.groupby(value)[column].agg(["min", "max"])
        assert (by_value["min"] == by_value["max"]).all()
        assert (sign * by_value["min"]).is_monotonic_increasing
        assert scored[column].between(1, scores).all()


@given(values=VALUES, share=st.sampled_from([0.2, 0.25, 0.5, 0.6, 0.8]))
@settings(max_examples=25, deadline=None)
def test_quantiles_are_those_of_the_inverted_distribution_function(values, share):
    found = observed_quantiles(pd.DataFrame({"purchases": values}), "purchases", [share])
    assert found == [np.quantile(values, share, method="inverted_cdf")]


def test_without_ties_every_score_has_its_part_of_the_customers():
    customers = customers_of(*((n, n, 1.0) for n in range(1, 101)))
    scored = segmentation.rfm_scores(customers, segmentation.cut_points(customers))
    assert scored.r_score.value_counts().tolist() == scored.f_score.value_counts().tolist() == [20] * 5
    assert scored[scored.recency_days <= 20].r_score.eq(5).all()


def test_scores_that_cannot_be_told_apart_collapse_and_say_so():
    customers = customers_of(*[(10, 0, 0.0)] * 7, *[(10, 1, 5.0)] * 2, (10, 9, 90.0))
    cuts = segmentation.cut_points(customers)
    frequency = cuts[cuts.measure == "frequency"].set_index("score")
    assert said_bounds(cuts)[:4] == ["any value", "2 or more", "exactly 1", "no purchase"]
    assert frequency.collapsed.to_dict() == {5: 0, 4: 0, 1: 2}
    assert cuts[cuts.measure == "recency"][["score", "collapsed"]].values.tolist() == [[3, 4]]


def test_the_worst_keep_the_lowest_score_when_most_are_equally_bad():
    customers = customers_of(*[(365, 1, 1.0)] * 7, (3, 1, 1.0), (4, 1, 1.0), (5, 1, 1.0))
    scored = segmentation.rfm_scores(customers, segmentation.cut_points(customers))
    assert scored.r_score.tolist() == [1] * 7 + [5, 5, 4]


def test_cut_points_are_read_aloud_as_they_are_used():
    cuts = segmentation.cut_points(
        customers_of((1, 1, 1.0)),
        given={"recency": [21, 54, 100, 200], "frequency": [0, 1, 3, 5], "monetary": [0, 49.9, 100, 300]},
    )
    assert said_bounds(cuts) == [
        *("within 21 days", "22 to 54 days ago", "55 to 100 days ago", "101 to 200 days ago", "more than 200 days ago"),
        *("6 or more", "4 to 5", "2 to 3", "exactly 1", "no purchase"),
        *("more than $300", "more than $100, up to $300", "more than $49.90, up to $100", "more than $0, up to $49.90"),
        "nothing",
    ]
    at = customers_of((21, 5, 49.9), (22, 6, 49.91), (201, 0, 0.0))
    scored = segmentation.rfm_scores(at, cuts)
    assert scored[["r_score", "f_score", "m_score"]].values.tolist() == [[5, 4, 2], [4, 5, 3], [1, 1, 1]]
    use("en", "CNY")
    cuts = segmentation.cut_points(customers_of(*((1, 1, 10.0 * n) for n in range(1, 21))), scores=2)
    assert said_bounds(cuts)[-2:] == ["more than ¥100", "up to ¥100"]


def test_the_same_cut_points_score_another_date_alike():
    early, late = customers_of((10, 4, 9.0), (99, 1, 5.0)), customers_of((10, 4, 9.0), (300, 9, 1.0), (301, 9, 1.0))
    cuts = segmentation.cut_points(early, scores=2)
    assert segmentation.rfm_scores(late, cuts).iloc[0].r_score == segmentation.rfm_scores(early, cuts).iloc[0].r_score
    assert segmentation.rfm_scores(late, cuts).r_score.tolist() == [2, 1, 1]


WRONG = [({"recency": [30, 30]}, "numbers that rise"), ({"recency": [1, 2, 3, 4, 5]}, "at most 4 for 5 scores")]


@pytest.mark.parametrize(("wrong", "message"), [*WRONG, ({"luck": [1]}, "no such measure")])
def test_given_cut_points_are_checked(wrong, message):
    with pytest.raises(UnusableInput, match=message):
        segmentation.cut_points(customers_of((1, 1, 1.0)), given=wrong)


def test_cut_points_with_a_gap_are_refused():
    cuts = segmentation.cut_points(customers_of(*((n, n, 1.0) for n in range(20))))
    with pytest.raises(UnusableInput, match="a gap or an overlap"):
        segmentation.rfm_scores(customers_of((1, 1, 1.0)), cuts.drop(index=2))


@given(value=st.floats(0.001, 1e9))
@settings(max_examples=50, deadline=None)
def test_money_is_rounded_by_less_than_five_per_cent(value):
    assert abs(round_to_two_digits(value) / value - 1) < 0.0501


def test_the_grid_holds_everybody_and_all_revenue(activity):
    scored = segmentation.rfm_scores(activity, segmentation.cut_points(activity))
    grid = segmentation.rfm_grid(scored)
    assert grid.customers.sum() == (activity.purchases > 0).sum()
    assert grid.revenue_year.sum() == pytest.approx(activity.revenue_year.sum(), abs=0.01)
    assert grid.share.sum() == pytest.approx(1)


# The client's rhythm


def said_of(thresholds):
    """Value, range and origin of each threshold, as the table says them."""
    rows = segmentation.thresholds_table(thresholds.reset_index()).fields["rows"]
    return {name: said for name, *said in rows}


def test_a_purchase_counts_for_the_rhythm_only_if_it_could_be_followed():
    orders = orders_of(("a", "2024-01-01", 1), ("a", "2024-01-31", 1), ("a", "2025-06-01", 1), ("a", "2025-06-11", 1))
    rhythm = segmentation.purchase_rhythm(orders, as_of=AS_OF)
    # The return after ten days began in June 2025: nobody knows yet who of that time comes back within 365 days.
    assert rhythm[rhythm.returns > 0][["days_to_return", "returns"]].values.tolist() == [[30, 1]]


def test_every_customer_counts_once_for_the_rhythm():
    often = [("a", day, 1) for day in pd.date_range("2024-01-01", periods=21, freq="5D")]
    rhythm = segmentation.purchase_rhythm(
        orders_of(*often, ("b", "2024-01-01", 1), ("b", "2024-04-10", 1)), as_of=AS_OF
    )
    rhythm = rhythm[rhythm.returns > 0]
    assert rhythm.returns.tolist() == [20, 1]
    assert rhythm.weight.tolist() == pytest.approx([1.0, 1.0])


def test_young_data_are_followed_for_half_of_their_span():
    orders = orders_of(("a", "2025-10-02", 1), ("a", "2025-10-22", 1), ("b", "2025-12-01", 1))
    assert segmentation.purchase_rhythm(orders, as_of=AS_OF).horizon_days.unique().tolist() == [45]


def test_thresholds_follow_the_rhythm_and_the_multiples_follow_them():
    rhythm = pd.DataFrame({"days_to_return": range(1, 101), "returns": 1, "weight": 4.0, "horizon_days": 365})
    lines = segmentation.thresholds(customers_of(*((n, 1, 1.0) for n in range(40))), rhythm).set_index("threshold")
    assert lines.value[["usual_return", "sleeping_after", "lost_after"]].tolist() == [50, 80, 160]
    # 400 customers: the share of 0.8 is sure to 1.96 * sqrt(0.8 * 0.2 / 400) = 0.0392.
    assert lines.loc["sleeping_after", ["low", "high", "customers"]].tolist() == [77, 84, 400]
    assert lines.loc["sleeping_after", ["way", "horizon_days"]].tolist() == ["rhythm", 365]
    assert said_of(lines)["Sleeping after"] == [
        "80 days",
        "77 days to 84 days",
        "Of those who come back within 365 days of any purchase, 80% are back by then.",
    ]


def test_the_interval_of_a_quantile_holds_what_it_should_about_95_times_in_100():
    random = np.random.default_rng(5)
    customers, inside = customers_of((1, 1, 1.0)), 0
    rules = segmentation.read_rules()
    rules = rules.model_copy(update={"thresholds": dict(list(rules.thresholds.items())[:2])})
    for _ in range(60):
        days = pd.Series(random.geometric(0.01, 300)).value_counts().sort_index()
        rhythm = pd.DataFrame(
            {"days_to_return": days.index, "returns": days.to_numpy(), "weight": days.to_numpy() * 1.0}
        )
        lines = segmentation.thresholds(customers, rhythm.assign(horizon_days=365), rules=rules).set_index("threshold")
        inside += lines.low["sleeping_after"] <= np.ceil(np.log(0.2) / np.log(0.99)) <= lines.high["sleeping_after"]
    assert 52 <= inside <= 60


def test_the_line_of_silence_is_one_and_follows_the_clients_own_rules(aurora, lines, tmp_path):
    orders, day = aurora.table("orders"), {"as_of": aurora.as_of}
    assert segmentation.silent_after(orders, **day) == lines.set_index("threshold").value["sleeping_after"] == 204
    kit = segmentation.read_rules()
    fixed = kit.thresholds | {"sleeping_after": kit.thresholds["high_spend"].model_copy(update={"value": 45.0})}
    assert segmentation.silent_after(orders, rules=kit.model_copy(update={"thresholds": fixed}), **day) == 45
    without = kit.model_copy(update={"thresholds": {"usual_return": kit.thresholds["usual_return"]}})
    assert segmentation.silent_after(orders, rules=without, **day) == 204
    nobody = orders.filter(orders.customer_id == "nobody")
    assert segmentation.silent_after(nobody, **day) == 180


def test_too_few_customers_mean_the_threshold_set_by_rule_and_no_interval():
    rhythm = pd.DataFrame({"days_to_return": [3], "returns": [5], "weight": [5.0], "horizon_days": [365]})
    lines = segmentation.thresholds(customers_of((1, 1, 1.0)), rhythm).set_index("threshold")
    assert lines.value.to_dict() == {
        **{"usual_return": 60, "sleeping_after": 180, "lost_after": 360, "high_spend": 1},
        **{"frequent": 2, "established": 3},
    }
    assert lines.low.isna().all()
    assert lines.way["sleeping_after"] == "otherwise"
    assert said_of(lines)["Sleeping after"][:2] == ["180 days", "–"]


# Rules


def test_the_first_rule_that_fits_decides():
    table = segmentation.segments(
        customers_of((121, 9, 9000.0), (120, 9, 9000.0), (1, 3, 10.0), (1, 1, 500.0), (1, 2, 499.0), (500, 0, 0.0)),
        LINES,
    )
    assert table.tier.tolist() == ["sleeping", "core", "potential", "potential", "ordinary", "sleeping"]
    assert table.stage.tolist() == ["sleeping", "mature", "growing", "new", "growing", "lost"]


def test_prospects_have_a_stage_and_no_tier():
    people = pd.DataFrame({"customer_id": ["p"], "first_seen_at": pd.to_datetime(["2025-02-01"])})
    table = segmentation.customer_activity(orders_of(("a", "2025-12-01", 3)), people, as_of=AS_OF)
    found = segmentation.segments(table, LINES).set_index("customer_id")
    assert found.stage.to_dict() == {"a": "new", "p": "prospect"}
    assert found.tier["a"] == "ordinary"
    assert pd.isna(found.tier["p"])


@given(rows=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 9), st.floats(0, 2000)), min_size=1, max_size=40))
@settings(max_examples=7, deadline=None)
def test_everybody_is_in_exactly_one_tier_and_one_stage_and_all_revenue_is_there(rows):
    customers = customers_of(*rows)
    table = segmentation.segments(customers, LINES)
    assert table.customer_id.tolist() == customers.customer_id.tolist()
    for by in ("tier", "stage"):
        assert table[by].notna().all()
        summary = segmentation.segment_summary(table, by=by)
        assert summary.customers.sum() == len(customers)
        assert summary.revenue_year.sum() == pytest.approx(customers.revenue_year.sum())


def rules_with(tmp_path, **sections):
    content = yaml.safe_load(OWN_RULES.read_text(encoding="utf-8")) | sections
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def test_a_gap_in_the_rules_is_named_with_the_conditions_that_fail(tmp_path):
    rest = {"name": "core", "when": ["purchases_year >= 3"]}
    gap = {
        "shown": ["core", "sleeping"],
        "rules": [{"name": "sleeping", "when": ["recency_days > sleeping_after"]}, rest],
    }
    rules = segmentation.read_rules(rules_with(tmp_path, tiers=gap))
    with pytest.raises(UnusableInput) as error:
        segmentation.segments(customers_of((5, 1, 9.0), (6, 2, 9.0), (7, 3, 9.0)), LINES, rules=rules)
    message = str(error.value)
    assert "2 customers who fit no rule" in message
    assert "recency_days > sleeping_after (here 120), purchases_year >= 3 (here 3)" in message
    assert "every customer in exactly one tier" in message


def test_own_rules_may_use_scores_nested_conditions_and_other_names(tmp_path):
    when = {"any": [["f_score = 2", "purchases != 7"], "revenue_year > 1000"]}
    stars, others = {"name": "stars", "label": "Our stars", "when": when}, {"name": "others", "when": "otherwise"}
    own = {"shown": ["stars", "others"], "rules": [stars, others]}
    rules = segmentation.read_rules(rules_with(tmp_path, tiers=own))
    customers = customers_of((5, 9, 9.0), (6, 7, 9.0), (7, 1, 2000.0))
    with pytest.raises(UnusableInput, match=re.escape("f_score: found a column that these customers do not have")):
        segmentation.segments(customers, LINES, rules=rules)
    scored = segmentation.rfm_scores(customers, segmentation.cut_points(customers, scores=2, given={"frequency": [3]}))
    table = segmentation.segments(scored, LINES, rules=rules)
    assert table.tier.tolist() == ["stars", "others", "stars"]
    summary = segmentation.segment_summary(table, rules=rules)
    assert summary.segment.tolist() == ["stars", "others"]
    first, other = segmentation.tiers_table(summary, LINES, table, NOBODY_BOUND, rules=rules).fields["rows"]
    both, spent = (
        "(frequency score exactly 2 and other than 7 purchases ever)",
        "$1,000 spent in the last twelve months",
    )
    assert first[:3] == ["1", "Our stars", f"{both} or more than {spent}"]
    assert other[:3] == ["2", "others", "everybody else"]


def test_all_mistakes_of_a_rules_file_are_reported_at_once(tmp_path):
    wrong = rules_with(
        tmp_path,
        thresholds={"a": {"quantile": 2, "of": "recency_dais", "otherwise": 1}, "b": {"times": 2, "of": "c"}, "d": {}},
        tiers={"shown": ["x"], "rules": [{"name": "y", "when": ["purchases => 3", "luck > 1", "revenue > e"]}]},
        abc={"A": 0.9, "B": 0.5},
        colours={},
    )
    with pytest.raises(UnusableInput) as error:
        segmentation.read_rules(wrong)
    message = str(error.value)
    for expected in (
        "the unknown key 'colours'", "thresholds.a.quantile: 2; expected less than 1", "did you mean 'recency_days'?",
        "thresholds.b.of: 'c'", "thresholds.d: none of value, quantile and times",
        "tiers.rules.0.when: 'purchases => 3'", "the unknown column 'luck'", "the unknown threshold 'e'",
        "tiers.shown: ", "abc: {",
    ):  # fmt: skip
        assert expected in message


def test_a_missing_rules_file_or_one_that_is_no_yaml_is_said_in_words(tmp_path):
    with pytest.raises(UnusableInput, match="no such file"):
        segmentation.read_rules(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1", encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"bad.yaml, line \d+, column \d+: found text that is not YAML"):
        segmentation.read_rules(tmp_path / "bad.yaml")


def test_thresholds_of_other_rules_are_refused():
    with pytest.raises(UnusableInput, match="frequent: found no such row"):
        segmentation.segments(customers_of((1, 1, 1.0)), LINES[LINES.threshold != "frequent"])


# What each segment amounts to


def sleeping_of(summary, lines, outcomes=NO_OUTCOMES, bound=NOBODY_BOUND, moves=NO_MOVES, **more):
    return segmentation.finding_sleeping(moves, summary, lines, outcomes, bound, as_of=AS_OF, **more)


def test_the_tiers_and_the_guests_add_up_to_all_revenue_of_the_twelve_months(aurora, segmented):
    guests = segmentation.revenue_without_customer(aurora.table("orders"), as_of=aurora.as_of)
    summary = segmentation.segment_summary(segmented, guests=guests)
    everything = purchases(aurora.table("orders"), as_of=aurora.as_of, guests=True).to_pandas()
    in_year = everything[everything.ordered_at >= pd.Timestamp("2025-01-01")]
    assert summary.revenue_year.sum() == pytest.approx(in_year.spend.sum(), abs=0.01)
    assert summary.revenue_share.sum() == pytest.approx(1)
    assert summary.customers.sum() == everything.customer_id.nunique()
    stages = segmentation.segment_summary(segmented, by="stage")
    assert stages.revenue_year.sum() == pytest.approx(in_year[in_year.customer_id.notna()].spend.sum(), abs=0.01)


def test_the_interval_of_a_revenue_share_is_that_of_the_bootstrap():
    random = np.random.default_rng(3)
    revenue = random.lognormal(4, 1, 600)
    known = pd.DataFrame({"tier": np.where(revenue > 120, "core", "ordinary"), "revenue_year": revenue})
    summary = segmentation.segment_summary(known.assign(purchases_year=1, recency_days=9)).set_index("segment")
    draws = random.integers(0, 600, (800, 600))
    core = np.where(known.tier == "core", revenue, 0)
    low, high = np.percentile(core[draws].sum(axis=1) / revenue[draws].sum(axis=1), [2.5, 97.5])
    assert summary.revenue_share_low["core"] == pytest.approx(low, abs=0.012)
    assert summary.revenue_share_high["core"] == pytest.approx(high, abs=0.012)


def test_the_sleeping_money_is_what_a_few_lines_of_pandas_find(cdnow):
    orders = cdnow.table("orders")
    activity = segmentation.customer_activity(orders, as_of=cdnow.as_of).to_pandas()
    lines = segmentation.thresholds(activity, segmentation.purchase_rhythm(orders, as_of=cdnow.as_of))
    summary = segmentation.segment_summary(segmentation.segments(activity, lines)).set_index("segment")
    raw = purchases(orders, as_of=cdnow.as_of).to_pandas()
    silent = (pd.Timestamp("1998-06-30") - raw.groupby("customer_id").day.max()).dt.days
    asleep = silent[silent > lines.set_index("threshold").value["sleeping_after"]].index
    expected = raw[raw.customer_id.isin(asleep) & (raw.day > "1997-06-30")].spend.sum()
    assert summary.revenue_year["sleeping"] == pytest.approx(expected, abs=0.01)
    assert summary.customers["sleeping"] == len(asleep)
    finding = sleeping_of(summary.reset_index(), segmentation.sleeping_lines(activity, lines))
    assert finding.evidence.startswith(f"{len(asleep):,} of {raw.customer_id.nunique():,} who ever bought have not")
    assert re.search(r"it would be [\d,]+ or [\d,]+", finding.certainty)


def test_the_rhythm_of_cdnow_is_what_a_few_lines_of_pandas_find(cdnow):
    orders = cdnow.table("orders")
    rhythm = segmentation.purchase_rhythm(orders, as_of=cdnow.as_of).to_pandas()
    days = purchases(orders, as_of=cdnow.as_of).select("customer_id", "day").distinct().to_pandas()
    days = days.sort_values(["customer_id", "day"])
    days["gap"] = (days.groupby("customer_id").day.shift(-1) - days.day).dt.days
    followed = days[(days.day <= pd.Timestamp("1998-06-30") - pd.Timedelta(days=272)) & (days.gap <= 272)]
    assert rhythm.horizon_days.unique().tolist() == [272]
    assert rhythm.returns.sum() == len(followed)
    assert rhythm.weight.sum() == pytest.approx(followed.customer_id.nunique())


def test_a_later_line_leaves_fewer_asleep(activity, lines):
    moved = segmentation.sleeping_lines(activity, lines).set_index("line")
    assert moved.customers["low"] >= moved.customers["value"] >= moved.customers["high"]
    assert moved.revenue_year["low"] >= moved.revenue_year["value"] >= moved.revenue_year["high"]


def test_core_customers_will_truly_buy_more_than_potential_ones_and_so_on(segmented, repository):
    truth = pd.read_csv(repository / "data/aurora/truth_customers.csv", dtype={"customer_id": "str"})
    both = segmented.merge(truth, on="customer_id")
    expected = both.groupby("tier").expected_orders.mean()
    assert expected["core"] > expected["potential"] > expected["ordinary"] > expected["sleeping"]
    alive = both.groupby("stage").alive.mean()
    assert alive["mature"] > alive["sleeping"]


# Concentration


def test_if_one_customer_brings_everything_the_gini_is_as_high_as_it_can_be():
    found = segmentation.concentration(pd.DataFrame({"revenue_year": [100.0, 0.0], "customers": [1, 9]}), resamples=50)
    assert found.set_index("measure").value.tolist() == pytest.approx([1.0, 0.9])


def test_top_share_and_gini_of_a_pareto_distribution_are_recovered():
    # Share of the top p: p ** (1 - 1 / alpha); Gini: 1 / (2 alpha - 1).
    quantiles = (np.arange(6000) + 0.5) / 6000
    spend = pd.DataFrame({"revenue_year": np.round((1 - quantiles) ** (-1 / 3), 4), "customers": 1})
    found = segmentation.concentration(spend.groupby("revenue_year", as_index=False).sum()).set_index("measure")
    for measure, true in (("top_share", 0.2 ** (2 / 3)), ("gini", 0.2)):
        assert found.value[measure] == pytest.approx(true, abs=0.004)
        assert found.low[measure] < true < found.high[measure]


def test_the_interval_does_not_depend_on_whether_equal_amounts_stand_in_one_row():
    revenue = np.round(np.random.default_rng(8).lognormal(4, 0.5, 500))
    single = pd.DataFrame({"revenue_year": revenue, "customers": 1})
    found, together = (
        segmentation.concentration(spend, resamples=2000).set_index("measure")
        for spend in (single, single.groupby("revenue_year", as_index=False).sum())
    )
    top = np.sort(revenue)[-100:].sum() / revenue.sum()
    assert found.value["top_share"] == pytest.approx(top)
    for end in ("low", "high"):
        assert found[end].tolist() == pytest.approx(together[end].tolist(), abs=0.005)


def test_the_same_seed_gives_the_same_interval():
    spend = pd.DataFrame({"revenue_year": [9.0, 5.0, 1.0], "customers": [30, 90, 400]})
    assert_frame_equal(segmentation.concentration(spend), segmentation.concentration(spend))
    assert not segmentation.concentration(spend, seed=2).equals(segmentation.concentration(spend))


@given(amounts=st.lists(st.integers(1, 50), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_the_pareto_curve_rises_ever_more_slowly_from_nothing_to_all(amounts):
    spend = pd.Series(amounts, dtype=float).value_counts().rename_axis("revenue_year").reset_index(name="customers")
    curve = segmentation.pareto_curve(spend).revenue_share.to_numpy()
    assert (curve[0], curve[-1]) == (0, pytest.approx(1))
    assert (np.diff(curve) >= -1e-12).all()
    assert (np.diff(curve, 2) <= 1e-9).all()


def test_customers_who_spent_the_same_are_in_the_same_abc_class():
    classes = segmentation.abc_classes(pd.DataFrame({"revenue_year": [50.0, 10.0], "customers": [1, 5]}))
    assert classes.customers.tolist() == [6, 0, 0]
    classes = segmentation.abc_classes(pd.DataFrame({"revenue_year": [80.0, 5.0, 1.0], "customers": [1, 3, 5]}))
    assert classes[["segment", "customers", "revenue_year"]].values.tolist() == [
        ["A", 1, 80.0],
        ["B", 3, 15.0],
        ["C", 5, 5.0],
    ]


# Movement


def test_the_earlier_day_has_its_whole_twelve_months_in_the_data():
    begun = orders_of(("a", "1997-01-01", 1.0))
    assert segmentation.comparison_day(begun, as_of="1998-06-30") == dt.date(1997, 12, 31)
    assert segmentation.comparison_day(begun, as_of="1998-01-31") is None
    assert segmentation.comparison_day(begun, as_of="2000-06-30", months=6) == dt.date(1999, 12, 31)


def test_the_money_of_the_migration_is_the_revenue_of_both_years(earlier, segmented, moves):
    assert moves.revenue_before.sum() == pytest.approx(earlier.revenue_year.sum(), abs=0.01)
    assert moves.revenue_after.sum() == pytest.approx(segmented.revenue_year.sum(), abs=0.01)
    assert moves.change.sum() == pytest.approx(moves.revenue_after.sum() - moves.revenue_before.sum(), abs=0.01)
    assert moves.groupby("before").share.sum().tolist() == pytest.approx([1.0] * moves.before.nunique())
    assert moves.customers.sum() == segmented.tier.notna().sum()


def test_without_an_earlier_day_nobody_has_moved(aurora, segmented, lines):
    then = segmentation.earlier_segments(aurora.table("orders"), aurora.table("customers"), lines, on=None)
    assert len(then) == 0
    for by in ("tier", "stage"):
        moves = segmentation.migration(then, segmented, since=None, by=by)
        assert len(moves) == len(segmentation.segment_outcomes(moves, by=by)) == 0
        assert segmentation.finding_core_lost(moves, since=None, as_of=AS_OF) is None
        assert segmentation.plot_migration(moves, since=None, by=by).kind == "nothing"


def moved_between(random, *, later_rate=1.0, customers=6000):
    """Everybody buys at the own constant rate in both years, times ``later_rate`` in the later one."""
    usual = random.gamma(1.5, 60.0, customers)
    then, now = random.poisson(usual / 20) * 20.0, random.poisson(later_rate * usual / 20) * 20.0
    tiers = [np.where(spent >= 200, "core", "ordinary") for spent in (then, now)]
    ids = [f"c{n}" for n in range(customers)]
    before = pd.DataFrame({"customer_id": ids, "tier": tiers[0], "revenue_year": then})
    last = pd.Timestamp("2025-06-01")
    after = pd.DataFrame({"customer_id": ids, "tier": tiers[1], "revenue_year": now, "last_day": last})
    return segmentation.migration(before, after, since="2024-12-31")


def test_a_core_that_only_changes_its_members_has_lost_no_money():
    random = np.random.default_rng(4)
    findings = [segmentation.finding_core_lost(moved_between(random), since=SINCE, as_of=AS_OF) for _ in range(60)]
    # Chance alone says bad in one of forty.
    assert sum(finding.direction == "bad" for finding in findings) <= 5
    neutral = [finding for finding in findings if finding.direction == "neutral"]
    assert all(finding.money is None and finding.money_low is None for finding in neutral)


def test_a_core_that_spends_less_as_a_whole_has_lost_the_difference():
    moves = moved_between(np.random.default_rng(4), later_rate=0.8)
    finding = segmentation.finding_core_lost(moves, since=SINCE, as_of=AS_OF)
    either = moves[(moves.before == "core") | (moves.after == "core")]
    gone = moves[(moves.before == "core") & (moves.after != "core")]
    assert finding.direction == "bad"
    assert finding.money == pytest.approx(either.revenue_before.sum() - either.revenue_after.sum())
    assert finding.money < gone.revenue_before.sum() - gone.revenue_after.sum()
    assert 0 < finding.money_low < finding.money < finding.money_high
    assert finding.decides
    assert finding.headline.startswith("Known core customers spend")


def test_newcomers_do_not_hide_that_the_known_core_spends_less():
    moves = moved_between(np.random.default_rng(4), later_rate=0.8)
    fresh = {"before": "newcomer", "after": "core", "customers": 5000, "change": 1e6, "change_error": 1e4}
    finding = segmentation.finding_core_lost(
        pd.concat([moves, pd.DataFrame([fresh])]).fillna(0), since=SINCE, as_of=AS_OF
    )
    assert finding.money == segmentation.finding_core_lost(moves, since=SINCE, as_of=AS_OF).money
    assert "5,000 newcomers +$1.00m." in finding.evidence


def test_the_core_of_aurora_is_told_in_cash_by_who_stayed_left_rose_and_came(earlier, segmented, moves):
    then, now = (table.dropna(subset=["tier"]).set_index("customer_id") for table in (earlier, segmented))
    both = now[["tier", "revenue_year"]].join(then[["tier", "revenue_year"]], rsuffix="_then")
    gained = both.revenue_year - both.revenue_year_then.fillna(0)
    was, is_now, is_new = both.tier_then == "core", both.tier == "core", both.tier_then.isna()
    parts = [
        (was & is_now, 115, "+¥144.9k", 144_900), (was & ~is_now, 214, "−\u2060¥379.7k", -379_700),
        (~was & is_now & ~is_new, 208, "+¥300.6k", 300_600), (is_now & is_new, 484, "+¥1.24m", 1_240_000),
    ]  # fmt: skip
    use("en", "CNY")
    finding = segmentation.finding_core_lost(moves, since=SINCE, as_of=AS_OF)
    assert finding.headline == "484 of 807 core customers are new since Dec 31, 2024"
    for rows, count, said, amount in parts:
        assert rows.sum() == count
        # To a step of the last digit, since rounded parts and their total add up.
        assert gained[rows].sum() == pytest.approx(amount, abs=5000 if "m" in said else 100)
        assert f"{count}" in finding.evidence
        assert said in finding.evidence
    # Newcomers bring 95% of what the core gained.
    assert gained[is_now & is_new].sum() / gained[was | is_now].sum() == pytest.approx(0.95, abs=0.005)
    assert finding.money is None
    assert not finding.decides


def test_money_of_two_years_that_overlap_is_never_compared(moves, segmented, activity, lines):
    later = dt.date(2025, 3, 31)
    assert segmentation.finding_core_lost(moves, since=later, as_of=AS_OF) is None
    summary, outcomes = segmentation.segment_summary(segmented), segmentation.segment_outcomes(moves)
    at = segmentation.sleeping_lines(activity, lines)
    said = {day: sleeping_of(summary, at, outcomes, moves=moves, since=day).certainty for day in (SINCE, later)}
    assert "of yearly sales would be missing" in said[SINCE]
    assert "sales" not in said[later]


def test_who_bought_after_the_earlier_day_has_come_back():
    before = customers_of((10, 1, 5.0), (20, 1, 5.0)).assign(tier="core")
    after = before.assign(last_day=pd.to_datetime(["2024-12-31", "2025-01-01"]), tier=["sleeping", "core"])
    moves = segmentation.migration(before, after, since="2024-12-31")
    outcomes = segmentation.segment_outcomes(moves)
    assert outcomes[["segment", "customers", "bought_share"]].values.tolist() == [["core", 2, 0.5]]


def test_the_stages_of_a_year_ago_kept_their_promise(earlier, segmented):
    moves = segmentation.migration(earlier, segmented, since=SINCE, by="stage")
    outcomes = segmentation.segment_outcomes(moves, by="stage").set_index("segment")
    assert outcomes.bought_share_high["sleeping"] < outcomes.bought_share_low["new"]
    assert outcomes.bought_share["mature"] > outcomes.bought_share["new"]


# Clusters


@given(table=st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_the_adjusted_rand_index_is_that_of_scikit_learn(table):
    from sklearn.metrics import adjusted_rand_score

    counts = np.array(table)
    if counts.sum() < 2:
        return
    rows, columns = np.nonzero(counts)
    times = counts[rows, columns]
    expected = adjusted_rand_score(np.repeat(rows, times), np.repeat(columns, times))
    assert segmentation.adjusted_rand_index(counts) == pytest.approx(expected)


def blobs(random, centres, size):
    rows = [
        (round(r * random.lognormal(0, 0.1)), f, m * random.lognormal(0, 0.1))
        for r, f, m in centres
        for _ in range(size)
    ]
    return customers_of(*rows)


def test_groups_that_are_there_are_found_and_found_again():
    random = np.random.default_rng(2)
    customers = blobs(random, [(5, 9, 900.0), (60, 3, 200.0), (400, 1, 30.0)], 80)
    clustered = segmentation.clusters(customers, clusters=3)
    assert clustered.cluster.tolist() == [1] * 80 + [2] * 80 + [3] * 80
    stability = segmentation.cluster_stability(customers, clusters=[3, 5], resamples=8).set_index("clusters")
    assert stability.rand_index[3] == 1.0
    assert stability.rand_index[5] < 0.9
    assert stability.weakest[5] < stability.weakest[3]


def test_a_shapeless_cloud_has_no_stable_groups_and_the_table_says_so():
    random = np.random.default_rng(4)
    draws = [(random.lognormal(4, 1), random.integers(1, 9), random.lognormal(4, 1)) for _ in range(300)]
    cloud = customers_of(*((round(days), int(times), spent) for days, times, spent in draws))
    stability = segmentation.cluster_stability(cloud, clusters=[5], resamples=10)
    assert stability.rand_index[0] < 0.8
    segmented = segmentation.segments(cloud, LINES)
    beside = segmentation.clusters_beside_rules(segmentation.clusters(segmented, clusters=5))
    assert segmentation.clusters_table(beside, stability).reading.endswith("Do not build on them.")


def test_groups_that_can_be_relied_on_are_told_where_they_speak_against_the_rules():
    stability = pd.DataFrame({"clusters": [2], "rand_index": 0.95, "low": 0.9, "high": 1.0, "weakest": 0.9})
    beside = pd.DataFrame(
        {"cluster": [1, 2], "customers": [120, 300], "share": [0.3, 0.7], "recency_days": [9, 300],
         "purchases_year": [5, 0], "revenue_per_customer": [90.0, 4.0], "segment": ["core", "sleeping"],
         "segment_share": [0.45, 0.4], "revenue_share": [0.9, 0.1], "rand_index": 0.3}
    )  # fmt: skip
    table = segmentation.clusters_table(beside, stability)
    assert table.place == "notebook"
    assert "Group 1 brings 90% of revenue, but only 45% of its 120 customers are in one tier (Core)" in table.reading
    assert "to 0.95 of 1 (0.90 to 1.00)" in table.reading
    assert "Group" not in segmentation.clusters_table(beside.assign(rand_index=0.9), stability).reading


def test_more_clusters_than_different_customers_make_no_groups():
    customers = customers_of((1, 1, 1.0), (1, 1, 1.0), (9, 2, 5.0))
    clustered = segmentation.clusters(segmentation.segments(customers, LINES), clusters=3)
    assert len(clustered) == 0
    assert {"cluster", "tier"} <= set(clustered.columns)
    stability = segmentation.cluster_stability(customers, clusters=[3], resamples=2)
    beside = segmentation.clusters_beside_rules(clustered)
    assert len(stability) == len(beside) == 0
    assert segmentation.clusters_table(beside, stability).kind == "nothing"


# Who is in a segment, and what they say


def test_referrals_breed_the_most_core_customers_as_the_sample_was_made(aurora, segmented, repository):
    shares = segmentation.segment_shares(segmented, aurora.table("customers").to_pandas(), attribute="channel")
    truth = json.loads((repository / "data/aurora/truth.json").read_text(encoding="utf-8"))["customer_base"]["channels"]
    mean_spend = {name: c["gamma_gamma"]["mean_spend"] for name, c in truth.items()}
    assert shares.value.iloc[0] == max(mean_spend, key=mean_spend.get) == "referral"
    known = shares[shares.value.notna()]
    assert known.value.iloc[-1] == min(mean_spend, key=mean_spend.get) == "social"
    assert (known.low <= known.share).all()
    assert (known.share <= known.high).all()
    assert shares.customers.sum() == segmented.tier.notna().sum()
    finding = segmentation.finding_origin(shares)
    assert finding.headline == "22% of customers from referral are core, 2% from social media"
    assert not finding.decides


def test_only_the_latest_answer_to_the_first_question_counts():
    answers = [
        ("1", "a", "nps", "2025-03-01", 10), ("2", "a", "nps", "2025-09-01", 7), ("3", "a", "csat", "2025-10-01", 1),
        ("4", "b", "csat", "2025-10-01", 4), ("5", "c", "ces", "2025-10-01", 3), ("6", "d", "nps", "2024-12-31", 0),
        ("7", None, "nps", "2025-05-01", 0), ("8", "e", "nps", "2025-05-01", None),
    ]  # fmt: skip
    surveys = pd.DataFrame(answers, columns=["response_id", "customer_id", "kind", "answered_at", "score"])
    surveys = surveys.assign(answered_at=pd.to_datetime(surveys.answered_at))
    said = segmentation.satisfaction(surveys, as_of=AS_OF).set_index("customer_id").satisfaction
    assert said.to_dict() == {"a": "indifferent", "b": "satisfied", "c": "dissatisfied"}


def test_who_did_not_answer_is_neither_satisfied_nor_dissatisfied():
    known = customers_of((1, 1, 60.0), (2, 1, 40.0)).assign(tier="core")
    said = pd.DataFrame({"customer_id": ["c0000"], "satisfaction": ["satisfied"]})
    table = segmentation.segment_satisfaction(known, said).set_index("satisfaction")
    assert table.customers.to_dict() == {"satisfied": 1, "not_answered": 1}
    assert table.revenue_year.sum() == 100.0


def test_the_needs_of_the_sample_are_recovered(aurora, repository):
    needs = segmentation.needs(aurora.table("surveys"), as_of=aurora.as_of).to_pandas()
    truth = json.loads((repository / "data/aurora/truth.json").read_text(encoding="utf-8"))["surveys"]["need_groups"]
    for need, share in truth.items():
        found, base = (needs.need == need).sum(), (needs.need != "undecided").sum()
        assert abs(found / base - share) < 2.6 * np.sqrt(share * (1 - share) / base)


def test_equal_or_absent_needs_are_undecided():
    surveys = pd.DataFrame({
        "response_id": ["1", "2", "3"], "customer_id": ["a", "b", "c"], "kind": "needs",
        "answered_at": pd.Timestamp("2025-02-01"), "item_functional_ease": [3.0, np.nan, np.nan],
        "item_social_trend": [3.0, np.nan, 4.0],
    })  # fmt: skip
    needs = segmentation.needs(surveys, as_of=AS_OF)
    assert needs.need.tolist() == ["undecided", "undecided", "social"]
    shown = segmentation.needs_table(needs)
    assert shown.fields["rows"][1] == ["What it says about me (social)", "1", "33%"]
    assert shown.reading == "What it says about me (social): this leads for 33% of 3 customers."
    assert "nobody rates one need above the others" in segmentation.needs_table(needs[:2]).reading
    plain = surveys.drop(columns=["item_functional_ease", "item_social_trend"])
    assert segmentation.needs_table(segmentation.needs(plain, as_of=AS_OF)).kind == "nothing"


# What is said


@pytest.fixture(scope="module")
def findings(aurora, activity, lines, segmented, moves):
    summary, outcomes = segmentation.segment_summary(segmented), segmentation.segment_outcomes(moves)
    said = segmentation.satisfaction(aurora.table("surveys"), as_of=aurora.as_of).to_pandas()
    concentration = segmentation.concentration(segmentation.spending(activity), resamples=50)
    origin = segmentation.segment_shares(segmented, aurora.table("customers").to_pandas(), attribute="channel")
    at, shrunk = segmentation.sleeping_lines(activity, lines), moved_between(np.random.default_rng(4), later_rate=0.8)
    return lambda: [
        sleeping_of(summary, at, outcomes, moves=moves, since=SINCE),
        sleeping_of(summary, at, outcomes, moves=moves, since=dt.date(2025, 3, 31)),
        sleeping_of(summary, at), sleeping_of(summary, at, history_days=84, horizon=42),
        segmentation.finding_core_lost(moves, since=SINCE, as_of=AS_OF),
        segmentation.finding_core_lost(shrunk, since=SINCE, as_of=AS_OF),
        segmentation.finding_core_lost(moves[moves.before != "newcomer"], since=SINCE, as_of=AS_OF),
        segmentation.finding_potential(moves, summary, since=SINCE),
        segmentation.finding_concentration(concentration),
        segmentation.finding_concentration(concentration, history_days=84),
        segmentation.finding_dissatisfied(segmented, said),
        segmentation.finding_origin(origin), segmentation.finding_origin(origin.assign(attribute="region")),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_findings_are_short_and_whole_and_name_money_only_where_it_was_lost(findings, language):
    use(language, "CNY")
    for finding in findings():
        words = " ".join([finding.headline, finding.evidence, finding.certainty, finding.action])
        assert finding.evidence
        assert not JUNK.search(words), words
        assert language == "en" or not re.search("[a-z]{3}", re.sub("referral|social", "", words)), words
        assert not too_long(finding)
        is_loss = finding.key.endswith("core_lost") and finding.direction == "bad"
        assert (finding.money is not None) == is_loss
        assert finding.decides == (is_loss or finding.key.endswith("dissatisfied"))
        assert finding.kind == ("sales" if is_loss else "")


def test_the_silent_are_told_beside_those_who_come_back_by_themselves(moves, findings):
    use("en", "CNY")
    back = segmentation.segment_outcomes(moves).set_index("segment").bought_share["sleeping"]
    finding = findings()[0]
    assert finding.headline == "67% of the customers of a year ago are silent today"
    since = moves[~moves.before.isin(["newcomer", "earlier"])]
    stayed_away = (since.customers - since.buyers).sum()
    assert (stayed_away, 2550 - stayed_away) == (1922, 628)  # the first are those of the page's headline
    assert finding.evidence == (
        "2,550 of 3,790 have not bought for 204 days: 1,922 bought nothing since, 628 only early on. "
        f"Of those silent then, {back:.0%} returned."
    )
    assert f"{back:.0%} come back anyway" in finding.action
    ends = re.search(r"204 days \((\d+) to (\d+), 95% interval\)", finding.certainty)
    assert int(ends[1]) < 204 < int(ends[2])


def test_the_dissatisfied_come_with_a_list_of_who_they_are_and_what_they_said(aurora, segmented):
    said = segmentation.satisfaction(aurora.table("surveys"), as_of=aurora.as_of).to_pandas()
    use("en", "CNY")
    finding = segmentation.finding_dissatisfied(segmented, said)
    best = segmented[segmented.tier.isin(["core", "potential"])].merge(said, on="customer_id")
    unhappy = best[best.satisfaction == "dissatisfied"].set_index("customer_id")
    people = finding.customers.set_index("customer_id")
    assert finding.headline == f"{len(unhappy)} good customers say that they are dissatisfied"
    assert f"{len(unhappy) / len(best):.0%} of {len(best):,} who answered" in finding.evidence
    assert set(people.index) == set(unhappy.index)
    assert (people.value == unhappy.revenue_year[people.index]).all()
    one = unhappy.iloc[0]
    assert people.reason[unhappy.index[0]].startswith(f"{one.tier.capitalize()}; answered {one.score:g} on ")


def test_findings_are_silent_where_there_is_too_little():
    few = segmentation.segments(customers_of((1, 5, 900.0), (300, 1, 5.0)), LINES)
    summary, lines = segmentation.segment_summary(few), segmentation.sleeping_lines(few, LINES)
    moves = segmentation.migration(few, few, since="2024-12-31")
    assert sleeping_of(summary, lines) is None
    assert segmentation.finding_core_lost(moves, since=SINCE, as_of=AS_OF) is None
    assert segmentation.finding_potential(moves, summary, since="2024-12-31") is None
    assert segmentation.finding_concentration(segmentation.concentration(segmentation.spending(few))) is None
    known = pd.DataFrame({"customer_id": ["c0000"], "channel": ["search"]})
    shares = segmentation.segment_shares(few, known, attribute="channel")
    assert shares.value.iloc[0] == "search"
    assert pd.isna(shares.value.iloc[1])
    assert segmentation.finding_origin(shares) is None


def test_nobody_at_all_makes_empty_tables_and_figures_that_say_why():
    nobody = segmentation.customer_activity(orders_of(("a", "2026-05-01", 3)), as_of=AS_OF)
    segmented, cuts = segmentation.segments(nobody, LINES), segmentation.cut_points(nobody)
    summary, spend = segmentation.segment_summary(segmented), segmentation.spending(nobody)
    assert len(nobody) == len(segmentation.rfm_scores(nobody, cuts)) == summary.customers.sum() == 0
    assert cuts.score.tolist() == [3, 3, 3]
    assert segmentation.concentration(spend).empty
    shown = [
        segmentation.plot_rfm_grid(segmentation.rfm_grid(segmentation.rfm_scores(nobody, cuts)), cuts),
        segmentation.tiers_table(summary, LINES, segmented, NOBODY_BOUND),
        segmentation.stages_table(segmentation.segment_summary(segmented, by="stage"), LINES, NO_OUTCOMES),
        segmentation.plot_pareto(
            segmentation.pareto_curve(spend), segmentation.concentration(spend), segmentation.abc_classes(spend)
        ),
    ]
    assert all(exhibit.kind == "nothing" and exhibit.title and exhibit.reading for exhibit in shown)
    assert len(segmentation.clusters(nobody)) == 0


def test_tiers_and_stages_are_listed_in_the_order_in_which_their_rules_are_tried(lines, segmented, moves):
    rules = segmentation.read_rules()
    tiers = segmentation.tiers_table(segmentation.segment_summary(segmented), lines, segmented, NOBODY_BOUND)
    stages = segmentation.stages_table(segmentation.segment_summary(segmented, by="stage"), lines, NO_OUTCOMES)
    for exhibit, ruling in ((tiers, rules.tiers), (stages, rules.stages)):
        tried = [(str(place), rule.name.capitalize()) for place, rule in enumerate(ruling.rules, 1)]
        assert [tuple(row[:2]) for row in exhibit.fields["rows"]] == tried
        assert exhibit.table.segment.tolist() == list(ruling.shown)
    assert tiers.title == "The value tiers, in the order in which their rules are tried"
    assert tiers.reading.startswith("Start at rule 1: the first rule that fits decides.")
    assert (
        tiers.fields["rows"][0][2]
        == f"silent for more than {lines.set_index('threshold').value['sleeping_after']:g} days"
    )


def test_the_sleeping_tier_is_bridged_to_the_stages_and_to_those_who_brought_money(activity, lines, segmented):
    summary, asleep = segmentation.segment_summary(segmented), segmented[segmented.tier == "sleeping"]
    stages = asleep.stage.value_counts()
    assert stages.sum() == len(asleep)
    reading = segmentation.tiers_table(summary, lines, segmented, NOBODY_BOUND).reading
    assert reading.endswith(f"lifecycle stages: Sleeping ({stages['sleeping']:,}), Lost ({stages['lost']:,}).")
    finding = sleeping_of(summary, segmentation.sleeping_lines(activity, lines))
    known = segmented.tier.notna().sum()
    assert finding.headline == f"{len(asleep) / known:.0%} of all customers have gone silent"
    assert finding.evidence.startswith(f"{len(asleep):,} of {known:,} who ever bought")


def test_a_history_of_weeks_is_called_weeks_and_is_followed_for_too_short(activity, lines, segmented):
    summary, sleeping_lines = segmentation.segment_summary(segmented), segmentation.sleeping_lines(activity, lines)
    young = sleeping_of(summary, sleeping_lines, history_days=84, horizon=42)
    assert "follow customers for 42 days only, which is under half a year" in young.certainty
    whole = sleeping_of(summary, sleeping_lines, history_days=730, horizon=365)
    assert "under half a year" not in whole.certainty
    table = segmentation.tiers_table(summary, lines, segmented, NOBODY_BOUND, history_days=84)
    assert "of the last 12 weeks" in table.reading
    assert table.reading.endswith("means these days and not a year.")
    assert "Revenue, last 12 weeks" in table.fields["headings"]
    headings = segmentation.tiers_table(summary, lines, segmented, NOBODY_BOUND).fields["headings"]
    assert "Revenue, last twelve months" in headings


def test_the_days_covered_begin_with_the_first_purchase_of_anybody_also_of_a_guest():
    orders = orders_of(("a", "2025-12-01", 5), ("b", "2025-12-30", 5))
    guest = orders.assign(customer_id=None, ordered_at=pd.Timestamp("2025-11-02"))[:1]
    assert segmentation.history_days(orders, as_of="2025-12-31") == 31
    assert segmentation.history_days(pd.concat([orders, guest]), as_of="2025-12-31") == 60
    assert segmentation.history_days(orders[:0], as_of="2025-12-31") == 0


def test_thresholds_from_young_data_say_that_they_lie_early():
    customers = customers_of((5, 2, 50.0), (50, 1, 20.0))
    rhythm = pd.DataFrame({"days_to_return": [10, 20], "returns": 1, "weight": [30.0, 30.0], "horizon_days": 42})
    for horizon, is_young in ((42, True), (365, False)):
        how = said_of(segmentation.thresholds(customers, rhythm.assign(horizon_days=horizon)))["Sleeping after"][2]
        assert f"within {horizon} days" in how
        assert ("data are young" in how) == is_young


def test_revenue_of_nobody_known_is_a_row_only_where_there_is_any(lines, segmented):
    for amount, rows in ((0.0, 4), (9.5, 5)):
        guests = pd.DataFrame({"revenue_year": [amount]})
        summary = segmentation.segment_summary(segmented, guests=guests)
        exhibit = segmentation.tiers_table(summary, lines, segmented, NOBODY_BOUND)
        assert len(exhibit.fields["rows"]) == len(exhibit.table) == rows


def test_scores_that_stay_empty_are_explained(activity):
    few = customers_of(*((10 * n, 1 + (n > 8), 10.0) for n in range(1, 11)))
    for customers, explained in ((few, True), (activity, False)):
        cuts = segmentation.cut_points(customers)
        exhibit = segmentation.plot_rfm_grid(segmentation.rfm_grid(segmentation.rfm_scores(customers, cuts)), cuts)
        assert ("some scores stay empty" in exhibit.reading) == explained


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_shown_says_what_it_is_in_both_languages(activity, lines, segmented, moves, language):
    use(language, "CNY")
    cuts, spend, rules = segmentation.cut_points(activity), segmentation.spending(activity), segmentation.read_rules()
    stages = segmentation.segment_summary(segmented, by="stage")
    still = segmentation.migration(segmented, segmented, since=SINCE)
    by_stage = segmentation.migration(segmented, segmented, since=SINCE, by="stage")
    outcomes = segmentation.segment_outcomes(by_stage, by="stage")
    grid = segmentation.rfm_grid(segmentation.rfm_scores(activity, cuts))
    concentration = segmentation.concentration(spend, resamples=50)
    one, bought = pd.DataFrame({"customer_id": ["x"]}), orders_of(("x", AS_OF, 1))
    pareto = segmentation.pareto_curve(spend), concentration, segmentation.abc_classes(spend)
    shown = [
        segmentation.plot_rfm_grid(grid, cuts), segmentation.plot_migration(moves, since=SINCE),
        segmentation.plot_migration(still, since=SINCE), segmentation.plot_pareto(*pareto),
        segmentation.cut_points_table(cuts), segmentation.thresholds_table(lines, rules=rules),
        segmentation.tiers_table(segmentation.segment_summary(segmented), lines, segmented, NOBODY_BOUND),
        segmentation.stages_table(stages, lines, outcomes, since=SINCE),
        segmentation.plot_asleep_by_tier(segmentation.silent_by_segment(moves), since=SINCE, as_of=AS_OF),
        segmentation.counted_table(segmentation.counted(segmented, bought, one, as_of=AS_OF), lines),
    ]  # fmt: skip
    for exhibit in shown:
        said = exhibit.title + exhibit.reading + exhibit.description + exhibit.html().partition("<table>")[2]
        assert not JUNK.search(said), said
        assert language == "en" or not re.search(r"[a-z]{3}", re.sub(r"<[^>]+>", "", said)), said
        assert exhibit.picture is None or "<svg" in exhibit.picture.svg(label=exhibit.description)
    # Nobody moves between a day and itself.
    assert "100%" in shown[2].reading


def test_what_is_equal_is_not_said_to_be_more():
    needs = pd.DataFrame({"need": ["functional", "social", "social", "functional", "emotional"]})
    both = "That it works (functional), What it says about me (social)"
    assert segmentation.needs_table(needs).reading == f"These lead equally often, each for 40% of 5 customers: {both}."
    segmented = segmentation.segments(customers_of((5, 1, 9.0), (125, 1, 9.0)), LINES)
    stages = segmentation.segment_summary(segmented, by="stage")
    moves = segmentation.migration(segmented, segmented, since="2025-06-30", by="stage")
    table = segmentation.stages_table(stages, LINES, segmentation.segment_outcomes(moves, by="stage"), since=SINCE)
    assert table.reading == "50% of all known customers are in each of the largest stages: New, Sleeping."


# Contracts: who subscribes is not asleep


def subscribed(*rows):
    """Subscriptions from (customer, start, end or None)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "started_at", "ended_at"])
    return frame.assign(started_at=pd.to_datetime(frame.started_at), ended_at=pd.to_datetime(frame.ended_at))


def test_a_contract_runs_from_its_first_day_until_the_day_before_its_end():
    contracts = subscribed(
        ("runs", "2025-01-01", None), ("runs", "2024-01-01", "2024-06-01"), ("begins", "2025-12-31", None),
        ("later", "2026-01-01", None), ("over", "2025-01-01", "2025-12-31"), ("ends", "2025-01-01", "2026-01-01"),
        (None, "2025-01-01", None),
    )  # fmt: skip
    running = segmentation.under_contract(contracts, as_of=AS_OF)
    assert running.customer_id.tolist() == ["begins", "ends", "runs"]
    without_end = segmentation.under_contract(contracts.drop(columns="ended_at"), as_of=AS_OF)
    assert without_end.customer_id.tolist() == ["begins", "ends", "over", "runs"]


def test_sleepers_whose_contract_runs_are_not_counted_as_gone_and_named():
    # Twenty silent for 125 days with 10 each, of whom c0000 to c0004 subscribe; one awake subscriber; the line is at
    # 120 days, between 110 and 130.
    customers = customers_of(*[(125, 1, 10.0)] * 20, (5, 1, 100.0))
    segmented = segmentation.segments(customers, LINES)
    contracts = pd.DataFrame({"customer_id": [*(f"c{n:04d}" for n in range(5)), "c0020"]})
    bound = segmentation.sleepers_under_contract(segmented, contracts)
    assert bound.to_numpy().tolist() == [[5, 5, 50.0]]
    summary = segmentation.segment_summary(segmented)
    moved = segmentation.sleeping_lines(customers, LINES, under_contract=contracts)
    assert moved.set_index("line").customers.to_dict() == {"low": 15, "value": 15, "high": 0}
    finding = sleeping_of(summary, moved, bound=bound)
    assert finding is None  # of 21 customers
    many = pd.concat([customers, customers.assign(customer_id="x" + customers.customer_id)])
    twice = segmentation.segment_summary(segmentation.segments(many, LINES))
    certainty = sleeping_of(twice, moved, bound=bound).certainty
    assert (
        "Today 15 customers lie beyond it; with the line at the ends of the interval, it would be 0 or 15." in certainty
    )
    assert "5 more have a running contract; they have not left" in certainty
    reading = segmentation.tiers_table(summary, LINES, segmented, bound).reading
    assert reading.endswith("5 customers of this tier have a running contract and have not left.")


def test_where_no_sleeper_subscribes_contracts_are_not_mentioned():
    customers = customers_of(*[(125, 1, 10.0)] * 40)
    segmented, nobody = segmentation.segments(customers, LINES), pd.DataFrame({"customer_id": ["x"]})
    bound = segmentation.sleepers_under_contract(segmented, nobody)
    moved = segmentation.sleeping_lines(customers, LINES, under_contract=nobody)
    finding = sleeping_of(segmentation.segment_summary(segmented), moved, bound=bound)
    assert finding.headline == "100% of all customers have gone silent"
    assert "contract" not in finding.sentence + finding.certainty


@pytest.mark.parametrize(
    ("low", "high", "words"), [(120.0, 120.0, "are the same day"), (119.0, 121.0, "it would be 40 or 40")]
)
def test_an_interval_of_one_day_is_not_shown_as_an_interval(low, high, words):
    customers = customers_of(*[(125, 1, 10.0)] * 40)
    drawn = LINES.assign(low=LINES.low.replace(110.0, low), high=LINES.high.replace(130.0, high))
    summary = segmentation.segment_summary(segmentation.segments(customers, drawn))
    finding = sleeping_of(summary, segmentation.sleeping_lines(customers, drawn))
    assert words in finding.certainty
    assert "120 to 120" not in finding.certainty


def test_the_sleepers_of_aurora_without_contract_are_what_a_few_lines_of_pandas_find(
    aurora, activity, lines, segmented, moves
):
    raw = aurora.table("subscriptions").to_pandas()
    begun, ended = pd.to_datetime(raw.started_at).dt.date, pd.to_datetime(raw.ended_at).dt.date
    day = dt.date(2025, 12, 31)
    running = raw[(begun <= day) & (ended.isna() | (ended > day))]
    asleep = segmented[segmented.tier == "sleeping"]
    free = asleep[~asleep.customer_id.isin(running.customer_id)]
    contracts = segmentation.under_contract(aurora.table("subscriptions"), as_of=aurora.as_of)
    bound = segmentation.sleepers_under_contract(segmented, contracts.to_pandas())
    assert bound.customers[0] == len(asleep) - len(free)
    moved = segmentation.sleeping_lines(activity, lines, under_contract=contracts.to_pandas())
    # What those silent a year ago spent in the year after, against the year before.
    slept = moves[moves.before == "sleeping"]
    kept = slept.revenue_after.sum() / slept.revenue_before.sum()
    use("en", "CNY")
    finding = sleeping_of(
        segmentation.segment_summary(segmented), moved, segmentation.segment_outcomes(moves), bound, moves, since=SINCE
    )
    assert f"Today {len(free):,} customers lie beyond it" in finding.certainty
    assert f"spent {short(free.revenue_year.sum())} in the last twelve months" in finding.certainty
    assert f"about {short(free.revenue_year.sum() * (1 - kept))} of yearly sales would be missing" in finding.certainty
    assert finding.money is None


# Who is counted


def test_the_customers_of_aurora_are_counted_once_and_add_up(aurora, activity, lines, segmented):
    day = dt.date(2025, 12, 31)
    contracts = segmentation.under_contract(aurora.table("subscriptions"), as_of=aurora.as_of)
    table = segmentation.counted(segmented, aurora.table("orders"), contracts, as_of=aurora.as_of, history_days=731)
    n = table.set_index("group").customers
    bought = purchases(aurora.table("orders"), as_of=aurora.as_of).to_pandas()
    years = {year: set(bought.customer_id[pd.to_datetime(bought.day).dt.year == year]) for year in (2024, 2025)}
    last = pd.to_datetime(bought.groupby("customer_id").day.max()).dt.date
    line = lines.set_index("threshold").value["sleeping_after"]
    assert n.to_dict() == {
        "known": len(activity), "never_bought": len(activity) - len(last), "ever_bought": len(last),
        "once": (bought.groupby("customer_id").day.nunique() == 1).sum(), "again": len(last) - n["once"],
        "bought_year": len(years[2025]), "bought_before": len(years[2024]),
        "bought_both": len(years[2024] & years[2025]), "not_since": len(years[2024] - years[2025]),
        "not_before": len(years[2025] - years[2024]), "not_silent": (last.map(lambda d: (day - d).days) <= line).sum(),
        "silent": (segmented.tier == "sleeping").sum(), "silent_contract": 155, "silent_free": 3218,
    }  # fmt: skip
    # The bridge of the first page names the same customers.
    assert (n["bought_before"], n["bought_year"], n["not_since"], n["bought_both"]) == (3790, 5792, 1922, 1868)
    exhibit = segmentation.counted_table(table, lines)
    assert exhibit.place == "fold"
    assert exhibit.reading.startswith("Silent means no purchase for more than 204 days.")
    assert exhibit.fields["rows"][11] == ["Silent", "3,373", "Ever bought", "44%"]


@given(rows=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1000), st.booleans()), max_size=25))
@settings(max_examples=15)
def test_the_parts_of_a_count_add_up_whatever_the_orders(rows):
    orders = orders_of(*((c, pd.Timestamp(AS_OF) - pd.Timedelta(days=d), 5.0) for c, d, _ in rows))
    people = pd.DataFrame({"customer_id": [str(n) for n in range(12)]})
    contracts = pd.DataFrame({"customer_id": sorted({str(c) for c, _, bound in rows if bound})}, dtype="str")
    segmented = segmentation.segments(segmentation.customer_activity(orders, people, as_of=AS_OF), LINES)
    table = segmentation.counted(segmented, orders, contracts, as_of=AS_OF)
    n = table.set_index("group").customers
    assert n["known"] == 12 == n["never_bought"] + n["ever_bought"]
    assert n["ever_bought"] == n["once"] + n["again"]
    assert n["bought_year"] == n["bought_both"] + n["not_before"]
    assert n["bought_before"] == n["bought_both"] + n["not_since"]
    assert n["ever_bought"] == n["not_silent"] + n["silent"]
    assert n["silent"] == n["silent_contract"] + n["silent_free"]
    in_ibis = segmentation.counted(ibis.memtable(segmented), ibis.memtable(orders), contracts, as_of=AS_OF)
    assert_frame_equal(table, in_ibis)


def test_what_needs_two_years_or_a_line_of_silence_is_left_out_without(aurora, lines, segmented):
    contracts = pd.DataFrame({"customer_id": ["x"]})
    young = segmentation.counted(
        segmented, aurora.table("orders").to_pandas(), contracts, as_of=AS_OF, history_days=500
    )
    assert young.group.tolist() == [
        "known", "never_bought", "ever_bought", "once", "again", "bought_year", "not_silent", "silent",
        "silent_contract", "silent_free",
    ]  # fmt: skip
    plain = segmentation.counted(segmented, aurora.table("orders").to_pandas(), contracts, as_of=AS_OF, silence=False)
    assert not any("silent" in group for group in plain.group)
    assert "ilent" not in segmentation.counted_table(plain, lines).reading
    nobody = segmentation.counted(segmented[:0], aurora.table("orders").to_pandas(), contracts, as_of=AS_OF)
    assert segmentation.counted_table(nobody, lines).kind == "nothing"


def test_the_silent_of_each_tier_a_year_ago_are_what_a_few_lines_of_pandas_find(earlier, segmented, moves):
    then = earlier.dropna(subset=["tier"]).set_index("customer_id").tier
    now = segmented.set_index("customer_id").tier.reindex(then.index) == "sleeping"
    silent = segmentation.silent_by_segment(moves).set_index("segment")
    assert silent.customers.to_dict() == then.value_counts().to_dict()
    assert silent.silent.to_dict() == now.groupby(then).sum().to_dict()
    assert silent.share.round(2).to_dict() == {"core": 0.47, "potential": 0.60, "ordinary": 0.68, "sleeping": 0.83}
    exhibit = segmentation.plot_asleep_by_tier(silent.reset_index(), since=SINCE, as_of=AS_OF)
    assert (exhibit.place, exhibit.title) == ("section", "Silent today, by value tier a year ago")
    picture = exhibit.picture.svg(label="")
    assert all(label in picture for label in ("Core (329)", "Potential (1,217)", "Already silent (914)"))
    later = segmentation.plot_asleep_by_tier(silent.reset_index(), since="2025-03-31", as_of=AS_OF)
    assert later.title == "Silent today, by value tier on Mar 31, 2025"
    nobody = segmentation.silent_by_segment(moves[:0])
    assert segmentation.plot_asleep_by_tier(nobody, since=None, as_of=AS_OF).kind == "nothing"
