"""Growth: values that one can count on one's fingers, thin and dirty tables, and what is published."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from crmlib.client import load_client
from crmlib.contract import TABLES
from crmlib.engine import connect, empty_table, summaries_only
from crmlib.intake import take_in
from crmlib.lifecycle import growth
from crmlib.problems import UnusableInput
from tests.intake.test_online_retail import EXPORT, SETTINGS
from tests.lifecycle.growth.conftest import AS_OF, baskets_of

NOTHING = baskets_of(("1", "a", "2025-01-01", "A")).iloc[:0]
ORDERS = pd.DataFrame({
    "order_id": list("123456"), "customer_id": ["a", "a", "b", None, "c", "d"], "amount": [10.0, 20, 30, 40, 50, 60],
    "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-01-05", "2025-01-06", "2025-03-01", "2026-01-01"]),
    "status": ["paid", "paid", "cancelled", "PAID ", "refunded", "paid"],
})  # fmt: skip


def lines_of(*rows):
    table = pd.DataFrame(rows, columns=["order_id", "product_id", "quantity", "amount"])
    return table.assign(category=table.product_id.str[0], product_name=table.product_id + " name")


# Baskets


def test_a_basket_holds_what_was_bought_and_not_what_came_back():
    lines = lines_of(
        ("1", "A1", 1, 5.0), ("1", "A2", 2, 5.0), ("1", "B1", -1, -5.0), ("2", "A1", 0, 0.0), ("2", "C1", 1, 0.0),
        ("3", "A1", 1, 30.0), ("4", "A1", 1, 40.0), ("5", "A1", 1, 50.0), ("6", "A1", 1, 60.0), ("9", "A1", 1, 1.0),
        ("4", None, 1, 1.0),
    )  # fmt: skip
    found = growth.baskets(lines, ORDERS, as_of="2025-12-31", item="category")
    # 3 was cancelled, 5 refunded in full, 6 is later, 9 is no order; guests' orders count, free gifts too.
    assert found[["order_id", "item", "pieces", "amount"]].values.tolist() == [
        ["1", "A", 3.0, 10.0], ["2", "C", 1.0, 0.0], ["4", "A", 1.0, 40.0]
    ]  # fmt: skip
    by_product = growth.baskets(lines, ORDERS, as_of="2025-12-31", item="product")
    assert by_product["item"].tolist() == ["A1", "A2", "C1", "A1"]
    assert growth.item_names(lines, item="product").name.tolist() == ["A1 name", "A2 name", "B1 name", "C1 name"]


@pytest.mark.parametrize(
    ("category", "kind"),
    [(["x", "y", "z", "x"], "category"), (["x", "y", "x", "y"], "product"), (["x", "y", "z", None] * 1, "category"),
     ([None, " ", None, "x"], "product")],
)  # fmt: skip
def test_baskets_are_told_by_category_where_lines_name_enough_of_them(category, kind):
    assert growth.item_kind(pd.DataFrame({"product_id": list("abcd"), "category": category})) == kind


def test_how_full_baskets_are():
    held = baskets_of(("1", "a", "2025-01-01", "A B C"), ("2", "a", "2025-01-09", "A"), ("3", "b", "2025-02-01", "B"))
    found = growth.basket_trend(held)
    assert found[["orders", "items", "several"]].values.tolist() == [[2, 2.0, 0.5], [1, 1.0, 0.0]]


# Affinity


def test_lift_confidence_and_support_of_ten_baskets():
    held = baskets_of(*[(str(n), "a", "2025-01-01", "A B" if n < 24 else "A" if n < 30 else "B C") for n in range(60)])
    row = growth.affinities(held).set_index(["item", "other"]).loc[("A", "B")]
    assert (row.baskets, row.item_baskets, row.other_baskets, row.both) == (60, 30, 54, 24)
    assert (row.support, row.confidence, row.base) == pytest.approx((0.4, 0.8, 0.9))
    assert (row.expected, row.lift) == pytest.approx((27, 24 / 27))
    from scipy.stats import fisher_exact

    assert row.p >= fisher_exact([[24, 6], [30, 0]]).pvalue * 0.99


@settings(max_examples=10)
@given(some.lists(some.sampled_from(["A", "B", "A B", "A B C", "C", "B C"]), min_size=30, max_size=60))
def test_lift_is_the_same_both_ways_and_confidence_is_a_share(baskets):
    held = baskets_of(*[(str(n), "a", "2025-01-01", items) for n, items in enumerate(baskets)])
    found = growth.affinities(held)
    turned = found.set_index(["item", "other"])
    for (item, other), row in turned.iterrows():
        assert row.lift == pytest.approx(turned.loc[(other, item)].lift)
        assert 0 <= row.confidence_low <= row.confidence <= row.confidence_high <= 1
        assert row.p <= row.p_adjusted <= 1


def test_who_orders_often_has_more_of_everything_and_that_is_no_affinity():
    random = np.random.default_rng(4)
    rows = []
    for customer in range(600):
        for order in range(1 if customer % 2 else 8):
            item = random.choice(list("ABCDE"))
            rows.append((f"{customer}-{order}", f"c{customer}", f"2025-01-{order + 1:02d}", item))
    held = baskets_of(*rows)
    fair = growth.affinities(held, by="customer")
    assert not ((fair.p_adjusted < 0.05) & (fair.lift > 1)).any()
    naive = growth.affinities(held.assign(order_id=held.customer_id).drop_duplicates(["order_id", "item"]))
    assert ((naive.p_adjusted < 0.05) & (naive.lift > 1)).all()


def test_a_set_of_three_that_is_more_than_its_pairs_is_found():
    rows = [(str(n), "a", "2025-01-01", "A B C" if n < 40 else "D") for n in range(200)]
    random = np.random.default_rng(2)
    rows += [(str(n), "a", "2025-01-01", random.choice(list("ABC"))) for n in range(200, 600)]
    found = growth.item_sets(baskets_of(*rows))
    assert found["items"].tolist() == [("A", "B", "C")]
    assert (found.together.iloc[0], found.baskets.iloc[0]) == (40, 600)
    assert found.p_adjusted.iloc[0] < 0.001


def test_of_many_baskets_sets_are_looked_for_in_a_sample_that_is_always_the_same():
    held = baskets_of(*[(f"{n:04d}", "a", "2025-01-01", "A B C" if n % 3 else "D") for n in range(900)])
    found, again = (growth.item_sets(held, most_baskets=300) for _ in range(2))
    assert (found.baskets == 300).all()
    pd.testing.assert_frame_equal(found, again)


# Sequences


def test_what_follows_is_counted_of_purchases_with_a_next_one_in_time():
    rows = []
    for n in range(60):
        first, then = ("S", "T") if n < 30 else ("U", "V")
        rows += [(f"{n}a", f"c{n}", "2025-01-01", first), (f"{n}b", f"c{n}", "2025-01-22", then)]
    rows += [("x1", "x", "2025-01-01", "S"), ("x2", "x", "2025-09-01", "T"), ("y", "y", "2025-12-30", "S")]
    found = growth.sequences(baskets_of(*rows), as_of="2025-12-31", within=120).set_index(["item", "other"])
    row = found.loc[("S", "T")]
    assert (row.followed, row.with_next, row.both, row.confidence, row.median_days) == (60, 30, 30, 1.0, 21.0)
    assert row.lift == pytest.approx(2.0)


# Attach rate and measures


def test_an_attach_rate_counts_orders_or_next_orders():
    held = baskets_of(
        ("1", "a", "2025-01-01", "S M"), ("2", "b", "2025-01-02", "S"), ("3", "b", "2025-01-20", "M"),
        ("4", "c", "2025-02-01", "M"), ("5", "d", "2025-02-01", "S"), ("6", "d", "2025-08-01", "M"),
    )  # fmt: skip
    together = growth.attach_rate(growth.attachable(held, item="S", other="M")).iloc[0]
    assert (together.chances, together.taken) == (3, 1)
    after = growth.attachable(held, item="S", other="M", kind="next", within_days=60)
    assert after[["order_id", "outcome"]].values.tolist() == [["2", 1]]
    by_month = growth.attach_rate(growth.attachable(held, item="S", other="M"), period="month")
    assert by_month.chances.tolist() == [2, 1]


def roll_out(**stores):
    return growth.Rollout(name="set", item="S", other="M", stores=stores)


def test_a_measure_that_all_began_at_once_or_three_shops_tell_nothing():
    held = baskets_of(*[(str(n), "a", f"2025-0{1 + n % 8}-01", "S M" if n % 2 else "S") for n in range(80)])
    held["store"] = [f"S{int(order) % 5}" for order in held.order_id]
    at_once = roll_out(**{f"S{n}": "2025-04-01" for n in range(5)})
    assert growth.rollout_effect(held, at_once, as_of=AS_OF).empty
    assert growth.rollout_effect(held, roll_out(S0="2025-04-01", S1=None, S2=None), as_of=AS_OF).empty
    assert growth.rollout_effect(held, roll_out(X0="2025-04-01", X1=None), as_of=AS_OF).empty
    assert growth.rollout_effect(NOTHING, at_once, as_of=AS_OF).empty


def test_whom_a_measure_can_still_reach():
    held = baskets_of(
        ("1", "a", "2025-12-01", "S"), ("2", "b", "2025-12-01", "S"), ("3", "b", "2025-12-20", "M"),
        ("4", "c", "2025-01-01", "S"), ("5", "d", "2025-12-01", "S"),
    ).assign(store=["S1", "S1", "S1", "S1", "S2"])  # fmt: skip
    found = growth.rollout_customers(held, item="S", idle=("S1",), as_of=AS_OF, within_days=120)
    assert found.customer_id.tolist() == ["a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("measures:\n  set: {item: a, other: b, stores: {S1: }}\n", "a day of beginning for one shop at least"),
        ("measures:\n  set: {item: a, others: b, stores: {S1: 2025-01-01}}\n", "others"),
        ("measures:\n  set: {item: a, other: b, kind: later, stores: {S1: 2025-01-01}}\n", "together"),
        ("measures:\n  set: {item: a, other: b, stores: {S1: soon}}\n", "soon"),
    ],
)
def test_what_is_wrong_in_a_file_of_measures_is_told(tmp_path, text, said):
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UnusableInput, match=said):
        growth.read_rollouts(tmp_path / "own.yaml")


# Next product, replenishment


def with_tastes(customers=300, seed=3):
    """Customers who buy either of A B C or of D E F, and never the other three; G is popular with nobody."""
    random = np.random.default_rng(seed)
    rows = []
    for n in range(customers):
        own = "ABC" if n % 2 else "DEF"
        for at, day in enumerate(("2025-01-10", "2025-02-10", "2025-10-10", "2025-11-10")):
            rows.append((f"{n}-{at}", f"c{n:03d}", day, " ".join(random.choice(list(own), 2, replace=False))))
    return baskets_of(*rows)


def test_neighbours_meet_tastes_that_what_is_popular_does_not():
    found = growth.recall(with_tastes(), as_of=AS_OF).set_index("method")
    assert found.recall["neighbours"] == 1
    assert found.gain_low["neighbours"] > 0.2
    assert found.recall["popular"] < 0.7
    assert (found.customers == 300).all()


def test_recall_of_the_popular_is_what_one_counts_by_hand():
    held = with_tastes()
    before, after = held[held.day <= dt.date(2025, 7, 4)], held[held.day > dt.date(2025, 7, 4)]
    buyers = before.groupby("item").customer_id.nunique()
    best = set(buyers.to_frame("n").reset_index().sort_values(["n", "item"], ascending=[False, True])["item"][:3])
    then = after.groupby("customer_id")["item"].agg(set)
    by_hand = then.map(lambda items: len(items & best) / min(len(items), 3)).mean()
    assert growth.recall(held, as_of=AS_OF).set_index("method").recall["popular"] == pytest.approx(by_hand)


def test_a_sample_of_customers_is_judged_where_there_are_many():
    found = growth.recall(with_tastes(), as_of=AS_OF, most_customers=150)
    assert (found.customers == 150).all()


def test_the_next_items_are_neighbours_that_the_customer_does_not_have():
    held = with_tastes()
    one = held[held.customer_id == "c001"]["item"].unique()
    missing = sorted(set("ABC") - set(one))
    extra = pd.concat([held, baskets_of(("n1", "new", "2025-03-01", "A"))])
    found = growth.next_items(extra, pd.DataFrame({"customer_id": ["new", "c001", "nobody"]}))
    assert set(found[found.customer_id == "new"]["item"][:2]) == {"B", "C"}
    assert found[(found.customer_id == "c001") & found["item"].isin(list("ABC"))]["item"].tolist() == missing
    assert "nobody" not in set(found.customer_id)


def test_a_rhythm_is_told_from_chance():
    random = np.random.default_rng(1)
    rows = []
    for n in range(200):
        regular, by_chance = dt.date(2025, 1, 1), dt.date(2025, 1, 1)
        for at in range(6):
            rows += [(f"r{n}-{at}", f"c{n}", str(regular), "R"), (f"x{n}-{at}", f"c{n}", str(by_chance), "X")]
            regular += dt.timedelta(days=int(random.normal(40, 6)))
            by_chance += dt.timedelta(days=1 + int(random.exponential(40)))
    rhythms = growth.replenishment(baskets_of(*rows), as_of=AS_OF).set_index("item")
    assert rhythms.regular.to_dict() == {"R": True, "X": False}
    assert rhythms.median_days["R"] == pytest.approx(40, abs=2)
    assert rhythms.spread["X"] > 3.5


def test_who_is_due_by_his_own_rhythm_or_the_items():
    rows = [(f"{n}-{at}", f"c{n}", str(dt.date(2025, 1, 1) + dt.timedelta(days=30 * at)), "R") for n in range(40)
            for at in range(4)]  # fmt: skip
    for at in range(5):
        rows.append((f"o{at}", "own", str(dt.date(2025, 7, 1) + dt.timedelta(days=42 * at)), "R"))
    rows += [("p", "once", "2025-12-20", "R"), ("q", "long ago", "2025-06-01", "R")]
    held = baskets_of(*rows)
    found = growth.due(held, growth.replenishment(held, as_of=AS_OF), as_of=AS_OF).set_index("customer_id")
    assert set(found.index) == {"own", "once"}
    assert (found.days["own"], found.days["once"]) == (42, 30)
    assert found.due_on.astype(str).to_dict() == {"own": "2026-01-27", "once": "2026-01-19"}


# Prices


def orders_of(amounts, discounts=0.0, customers="a", at="2025-06-01"):
    ids = [str(n) for n in range(len(amounts))]
    return pd.DataFrame({"order_id": ids, "customer_id": customers, "amount": amounts, "discount": discounts,
                         "ordered_at": pd.Timestamp(at)})  # fmt: skip


def test_the_ladder_counts_who_is_just_below_a_step():
    orders = orders_of([80.0, 90.0, 95.0, 100.0, 79.0] * 20)
    row = growth.ladder(orders, as_of=AS_OF, steps=[100.0], margin=0.5).iloc[0]
    assert (row.orders, row.near, row.near_share) == (80, 60, 0.6)
    assert row.mean_gap == pytest.approx((20 + 10 + 5) / 3)
    assert row.gain == pytest.approx(0.5 * 0.1 * 60 * (35 / 3))
    assert growth.steps_of(orders.head(29), as_of=AS_OF) == []


def test_who_always_buys_at_a_discount_is_told_from_luck():
    people = [f"c{n}" for n in range(300) for _ in range(4)]
    random = np.random.default_rng(6)
    lucky = orders_of(np.full(1200, 10.0), (random.random(1200) < 0.3) * 2.0, people)
    found = growth.discount_dependence(lucky, as_of=AS_OF).set_index("group")
    assert found.low["always"] <= found.by_chance["always"] == pytest.approx(0.3**4, abs=0.003)
    half = np.repeat(np.arange(300) % 10 == 0, 4)
    hunters = orders_of(np.full(1200, 10.0), np.where(half | (random.random(1200) < 0.2), 2.0, 0.0), people)
    found = growth.discount_dependence(hunters, as_of=AS_OF)
    assert growth.finding_discounts(found).direction == "bad"
    assert found.set_index("group").customers["always"] >= 30


def test_without_any_discount_nobody_is_judged():
    orders = orders_of(np.full(200, 10.0), 0.0, [f"c{n // 4}" for n in range(200)])
    assert growth.discount_dependence(orders, as_of=AS_OF).empty
    assert growth.discount_trend(orders, as_of=AS_OF).empty
    assert growth.discount_trend(orders.drop(columns="discount"), as_of=AS_OF).empty
    assert growth.finding_discounts(growth.discount_dependence(orders, as_of=AS_OF)) is None


def test_depth_is_what_is_taken_off_a_reduced_order():
    orders = orders_of([90.0, 80.0, 100.0], [10.0, 20.0, 0.0])
    row = growth.discount_trend(orders, as_of=AS_OF).iloc[0]
    assert (row.orders, row.reduced, row.discount) == (3, 2, 30.0)
    assert row.depth == pytest.approx(30 / 200)


# Lives, white space


def test_first_orders_say_with_what_customers_began():
    held = baskets_of(("1", "a", "2025-01-01", "A"), ("2", "a", "2025-01-05", "B"), ("3", "b", "2025-01-09", "B"))
    everything, first = (growth.item_lives(held, of=of).set_index("item").share for of in ("all", "first"))
    assert everything.round(3).to_dict() == {"A": 0.333, "B": 0.667}
    assert first.to_dict() == {"A": 0.5, "B": 0.5}


def test_what_grows_is_told_against_the_same_season():
    rows = [(f"{year}-{n}", "a", f"{year}-{1 + n % 12:02d}-01", "A" if n % 10 < grown else "B")
            for year, grown in ((2024, 2), (2025, 6)) for n in range(240)]  # fmt: skip
    found = growth.item_changes(baskets_of(*rows), as_of=AS_OF).set_index("item")
    assert found.stage.to_dict() == {"A": "growing", "B": "fading"}
    assert (found.share_before["A"], found.share_after["A"]) == pytest.approx((0.2, 0.6))
    short = baskets_of(*[row for row in rows if row[2] >= "2024-06-01"])
    assert growth.item_changes(short, as_of=AS_OF).empty


def test_white_space_is_what_others_with_as_many_orders_buy():
    rows = [(f"{n}-{at}", f"c{n}", f"2025-0{1 + at}-01", "A B" if n % 2 == 0 or n % 10 == 1 else "A")
            for n in range(400) for at in range(2)]  # fmt: skip
    customers = pd.DataFrame({"customer_id": [f"c{n}" for n in range(400)], "channel": ["web", "shop"] * 200})
    found = growth.whitespace(baskets_of(*rows), customers, as_of=AS_OF, by="channel").set_index(["segment", "item"])
    assert found.missing[("shop", "B")] == pytest.approx(200 * (240 / 400) - 40)
    assert found.p_adjusted[("shop", "B")] < 0.001
    assert found.p_adjusted[("shop", "A")] > 0.05


# The club


def moves_of(*rows):
    table = pd.DataFrame(rows, columns=["customer_id", "at", "points_earned", "points_redeemed", "tier"])
    return table.assign(at=pd.to_datetime(table["at"]))


def test_points_are_paid_off_in_the_order_in_which_they_came():
    loyalty = moves_of(
        ("a", "2024-01-01", 100, 0, "bronze"),
        ("a", "2025-11-01", 50, 120, "silver"),
        ("b", "2025-12-01", 10, 0, "bronze"),
    )
    found = growth.points_by_age(loyalty, as_of=AS_OF)
    assert found.values.tolist() == [[0, 3, 60, 20, 40], [18, 1200, 100, 100, 0]]
    row = growth.points_liability(found, point_value=0.1).iloc[0]
    assert (row.open, row.redeemed_old, row.expected) == (40, 1.0, 40)
    assert (row.liability, row.liability_most) == pytest.approx((4.0, 4.0))
    assert np.isnan(growth.points_liability(found).liability.iloc[0])


def test_who_moved_from_which_tier():
    loyalty = moves_of(
        ("a", "2024-01-01", 1, 0, "bronze"), ("a", "2025-06-01", 1, 0, "gold"), ("b", "2024-01-01", 1, 0, "gold"),
        ("b", "2025-06-01", 1, 0, None), ("c", "2025-03-01", 1, 0, "bronze"),
    )  # fmt: skip
    found = growth.tier_migration(loyalty, as_of=AS_OF)
    assert found.values.tolist() == [["bronze", "gold", 1], ["gold", "gold", 1], ["no member", "bronze", 1]]


def club(times_as_often):
    """Customers of whom a third joins in 2025, and who bought so many times as often in 2024."""
    orders, loyalty = [], []
    random = np.random.default_rng(9)
    for n in range(300):
        joins = n % 3 == 0
        for _ in range(1 + random.poisson(2 * (times_as_often if joins else 1))):
            day = dt.date(2024, 1, 1) + dt.timedelta(days=int(random.integers(0, 360)))
            orders.append((f"c{n}", str(day), 10.0))
        orders.append((f"c{n}", f"2025-{1 + n % 12:02d}-15", 10.0))
        if joins:
            loyalty.append((f"c{n}", "2025-05-01", 1, 0, "bronze"))
    orders = pd.DataFrame(orders, columns=["customer_id", "ordered_at", "amount"])
    return moves_of(*loyalty), orders.assign(ordered_at=pd.to_datetime(orders.ordered_at))


def test_members_who_bought_more_before_they_joined_are_found_out():
    loyalty, orders = club(3)
    found = growth.joiners_before(loyalty, orders, as_of=AS_OF)
    row = found.iloc[0]
    assert (row.joiners, row.stayers, row.landmark) == (100, 200, dt.date(2024, 12, 31))
    in_time = orders[(orders.ordered_at > "2024-07-04") & (orders.ordered_at < "2025-01-01")]
    assert row.joiners_before == pytest.approx(in_time.customer_id.isin(set(loyalty.customer_id)).sum() / 100)
    assert row.low > 0
    at_once = growth.joined_with_first_order(loyalty, orders, as_of=AS_OF)
    assert at_once.at_once.iloc[0] == 0
    tiers = growth.tier_summary(loyalty, orders, as_of=AS_OF)
    finding = growth.finding_club(tiers, found, at_once)
    assert "as much before" in finding.evidence
    assert growth.joiners_table(found, at_once).kind == "table"
    same = growth.joiners_before(*club(1), as_of=AS_OF).iloc[0]
    assert same.low < 0 < same.high


def test_what_tiers_bring_adds_up_to_all_that_was_bought():
    loyalty, orders = club(2)
    tiers = growth.tier_summary(loyalty, orders, as_of=AS_OF, margin=0.5)
    assert tiers.customers.sum() == 300
    assert tiers.revenue.sum() == pytest.approx(orders[orders.ordered_at >= "2025-01-01"].amount.sum())
    assert tiers.contribution.sum() == pytest.approx(0.5 * tiers.revenue.sum())


# Empty, thin and large


def test_of_nothing_there_is_nothing():
    connection = connect()
    lines, orders, loyalty, customers = (
        empty_table(connection, name, TABLES[name].kinds) for name in ("order_lines", "orders", "loyalty", "customers")
    )
    held = growth.baskets(lines, orders, as_of=AS_OF)
    assert growth.item_kind(lines) == "product"
    rhythms = growth.replenishment(held, as_of=AS_OF)
    ages, tiers = growth.points_by_age(loyalty, as_of=AS_OF), growth.tier_summary(loyalty, orders, as_of=AS_OF)
    moves, names = growth.tier_migration(loyalty, as_of=AS_OF), growth.item_names(lines).to_pandas()
    joiners = growth.joiners_before(loyalty, orders, as_of=AS_OF)
    at_once = growth.joined_with_first_order(loyalty, orders, as_of=AS_OF)
    rates = growth.attach_rate(growth.attachable(held, item="A", other="B"), period="month")
    pairs, dependence = growth.affinities(held), growth.discount_dependence(orders, as_of=AS_OF)
    shown = [
        growth.plot_basket_trend(growth.basket_trend(held)), growth.plot_affinities(pairs, names=names),
        growth.plot_affinities(growth.affinities(held, by="customer"), by="customer"),
        growth.plot_sequences(growth.sequences(held, as_of=AS_OF)), growth.item_sets_table(growth.item_sets(held)),
        growth.plot_attach_rate(rates, item="A", other="B"),
        growth.rollouts_table(growth.rollout_effect(held, roll_out(S1="2025-01-01"), as_of=AS_OF)),
        growth.plot_recall(growth.recall(held, as_of=AS_OF)), growth.plot_replenishment(rhythms),
        growth.ladder_table(growth.ladder(orders, as_of=AS_OF)), growth.plot_discount_dependence(dependence),
        growth.plot_item_lives(growth.item_lives(held)),
        growth.plot_item_changes(growth.item_changes(held, as_of=AS_OF)),
        growth.plot_whitespace(growth.whitespace(held, customers, as_of=AS_OF, by="channel")),
        growth.tiers_table(tiers), growth.plot_tier_migration(moves, []),
        growth.plot_points(ages, growth.points_liability(ages)), growth.joiners_table(joiners, at_once),
    ]  # fmt: skip
    assert {one.kind for one in shown} == {"nothing"}
    assert growth.next_items(held, pd.DataFrame({"customer_id": ["a"]})).empty
    assert growth.due(held, rhythms, as_of=AS_OF).to_pandas().empty
    findings = [growth.finding_affinity(pairs), growth.finding_discounts(dependence),
                growth.finding_club(tiers, joiners, at_once)]  # fmt: skip
    assert findings == [None] * 3


@pytest.mark.parametrize(
    "held",
    [baskets_of(("1", "a", "2025-01-01", "A")), baskets_of(*[(str(n), None, "2025-01-01", "A B") for n in range(50)]),
     baskets_of(*[(str(n), f"c{n}", "2025-12-31", "A") for n in range(50)])],
    ids=["one line", "guests only", "one item on one day"],
)  # fmt: skip
def test_thin_baskets_make_shorter_answers_and_no_error(held):
    customers = pd.DataFrame({"customer_id": ["a"], "channel": ["web"]})
    for measure in (
        growth.affinities, growth.item_sets, growth.basket_trend, growth.item_lives,
        lambda b: growth.affinities(b, by="customer"), lambda b: growth.sequences(b, as_of=AS_OF),
        lambda b: growth.recall(b, as_of=AS_OF), lambda b: growth.replenishment(b, as_of=AS_OF),
        lambda b: growth.item_changes(b, as_of=AS_OF), lambda b: growth.next_items(b, customers),
        lambda b: growth.whitespace(b, customers, as_of=AS_OF, by="channel"),
        lambda b: growth.whitespace(b, customers, as_of=AS_OF, by=""),
    ):  # fmt: skip
        assert len(measure(held)) <= 2


def test_measures_take_summaries_out_of_the_engine(table, held):
    orders, loyalty = table("orders"), table("loyalty")
    with summaries_only(1500) as rows:
        growth.affinities(held)
        growth.affinities(held, by="customer")
        growth.sequences(held, as_of=AS_OF)
        growth.basket_trend(held)
        growth.discount_dependence(orders, as_of=AS_OF)
        growth.ladder(orders, as_of=AS_OF)
        growth.joined_with_first_order(loyalty, orders, as_of=AS_OF)
        growth.item_changes(held, as_of=AS_OF)
        growth.whitespace(held, table("customers"), as_of=AS_OF, by="channel")
        growth.attach_rate(growth.attachable(held, item="serum", other="mask"), period="month").to_pandas()
    assert sum(rows) > 0


def test_cdnow_has_orders_without_lines_and_still_a_ladder(cdnow_orders):
    orders = cdnow_orders.assign(order_id=range(len(cdnow_orders)))
    found = growth.ladder(orders, as_of="1998-06-30")
    assert found.step.tolist() == sorted(found.step)
    assert found.near.min() >= 30
    assert growth.discount_trend(orders, as_of="1998-06-30").empty


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    """The tables of the published retail data, the baskets of their products, and the products' names."""
    if not EXPORT.is_file():
        pytest.skip("the published retail data are not on this machine")
    folder = tmp_path_factory.mktemp("retail")
    (folder / "client.yaml").write_text(SETTINGS, encoding="utf-8")
    workspace = take_in(load_client(folder), folder / "w")
    lines, as_of = workspace.table("order_lines"), workspace.as_of
    held = growth.baskets(lines, workspace.table("orders"), as_of=as_of, item=growth.item_kind(lines))
    return workspace, held, held.to_pandas(), growth.item_names(lines, item="product").to_pandas()


def test_pairs_of_online_retail_are_those_that_plain_pandas_counts(retail):
    _, held, frame, names = retail
    found = growth.affinities(held)
    told = growth.affinities_told(found)
    row, holders = told.iloc[0], frame.groupby("item").order_id.agg(set)
    assert {row["item"], row.other} == {"22745", "22748"}  # a doll's kitchen and its bedroom
    assert row.both == len(holders["22745"] & holders["22748"]) == 313
    assert row.lift == pytest.approx(row.both * frame.order_id.nunique() / row.item_baskets / row.other_baskets)
    assert (len(told), row.comparisons) == (31_573, 44_850)
    said = growth.plot_affinities(found, names=names).reading
    assert "POPPY'S PLAYHOUSE" in said
    assert "large orders hold more of everything" in said


def test_products_of_online_retail_are_called_as_most_lines_call_them(retail):
    workspace, _, _, names = retail
    lines = workspace.table("order_lines").select("product_id", "product_name").to_pandas().dropna()
    most = lines.groupby("product_id").product_name.agg(lambda called: called.str.strip().value_counts().max())
    at = names.set_index("item").name
    counted = lines.assign(name=lines.product_name.str.strip()).value_counts(["product_id", "name"])
    assert all(counted[item, at[item]] == most[item] for item in most.index)
    assert not at.isin(["test", "mailout"]).any()


def test_sets_of_online_retail_are_few_enough_and_counted_right(retail):
    _, held, frame, _ = retail
    found = growth.item_sets(held)
    assert 1000 < len(found) < 60_000
    best, holders = found.iloc[0], frame.groupby("item").order_id.agg(set)
    assert best.together == len(set.intersection(*(holders[item] for item in best["items"])))


def test_online_retail_wants_again_what_it_bought_before(retail):
    workspace, held, frame, _ = retail
    split = workspace.as_of - dt.timedelta(days=180)
    known = frame.dropna(subset="customer_id").assign(day=pd.to_datetime(frame.day).dt.date)
    before, after = known[known.day <= split], known[known.day > split]
    found = growth.recall(held, as_of=workspace.as_of).set_index("method")
    # A second way: most orders before, then the more popular, among the 500 items of most buyers.
    order = before.groupby("item").customer_id.nunique().to_frame("n").reset_index()
    order = order.sort_values(["n", "item"], ascending=[False, True]).head(500)["item"].tolist()
    place = {item: at for at, item in enumerate(order)}
    hits = []
    for customer, then in after[after["item"].isin(place)].groupby("customer_id")["item"].agg(set).items():
        mine = before[(before.customer_id == customer)].groupby("item").order_id.nunique()
        if mine.empty:
            continue
        best = sorted(place, key=lambda item, mine=mine: (-mine.get(item, 0), place[item]))[:3]
        hits.append(len(then & set(best)) / min(len(then), 3))
    assert found.recall["own"] == pytest.approx(np.mean(hits))
    assert found.customers["own"] == len(hits)
    assert found.lead_high["neighbours"] < 0 < found.gain_low["neighbours"]


def test_hardly_any_product_of_online_retail_has_a_rhythm(retail):
    workspace, held, frame, _ = retail
    found = growth.replenishment(held, as_of=workspace.as_of).to_pandas()
    days = frame.dropna(subset="customer_id").drop_duplicates(["customer_id", "item", "day"])
    days = days[days["item"] == "85123A"].sort_values(["customer_id", "day"])
    wait = (pd.to_datetime(days.groupby("customer_id").day.shift(-1)) - pd.to_datetime(days.day)).dt.days
    wait = wait[pd.to_datetime(days.day) <= pd.Timestamp(workspace.as_of) - pd.Timedelta(days=180)]
    heart = found.set_index("item").loc["85123A"]
    assert (heart.bought, heart.again) == (len(wait), (wait <= 180).sum())
    assert heart.spread == pytest.approx(np.divide(*wait[wait <= 180].quantile([0.75, 0.25])))
    judged = found[found.again >= 30]
    assert len(judged) > 400
    assert judged.regular.mean() < 0.05
