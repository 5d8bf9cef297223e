"""Growth on other clients' data: large baskets, notes among product names, rare purchases, and files of measures."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.chapters import chapter_files
from crmlib.intake import take_in
from crmlib.lifecycle import growth
from crmlib.problems import UnusableInput
from crmlib.runner import check_settings, check_tables
from crmlib.words import use
from tests.lifecycle.growth.conftest import AS_OF, baskets_of

ORDERS = "order_id,customer_id,ordered_at,amount,store\n" + "".join(
    f"{n},c{n % 9},2025-0{1 + n % 9}-0{1 + n % 7},30,{('S01', 'S02', '旗舰店', '7')[n % 4]}\n" for n in range(80)
)
LINES = "order_id,product_id,quantity,amount\n" + "".join(
    f"{n},{item},1,10\n" for n in range(80) for item in ("P1", "P2", "面膜")
)
MEASURES = "measures:\n  set:\n    item: P1\n    other: 面膜\n    stores:\n"


def wrong(make_client, tmp_path, measures, orders=ORDERS, lines=LINES):
    client = make_client("as_of: 2025-12-31\n", orders=orders, order_lines=lines)
    (client.folder / "rollouts.yaml").write_text(measures, encoding="utf-8")
    try:
        check_settings(client, chapter_files(None))
        check_tables(client, chapter_files(None), take_in(client, tmp_path / "w"))
    except UnusableInput as unusable:
        return list(map(str, unusable.problems))
    return []


def test_shops_that_no_order_names_and_days_to_come_are_told_with_their_lines(make_client, tmp_path):
    stores = "      S01: 2025-03-01\n      S20: 2025-03-01\n      旗舰店: 2026-03-01\n      7:\n"
    assert wrong(make_client, tmp_path, MEASURES + stores) == [
        "rollouts.yaml, line 7, column 7: found the shop 'S20', which no order names; expected a shop as the orders "
        "name it. To mend it: did you mean 'S02'?",
        "rollouts.yaml, line 8, column 7: found a beginning on Mar 1, 2026, after the last day of the data; expected "
        "a day up to Dec 31, 2025. To mend it: correct the day, or leave it empty until the data reach it.",
    ]


def test_the_last_day_of_the_data_is_a_beginning_like_others_and_shops_may_be_numbers(make_client, tmp_path):
    assert wrong(make_client, tmp_path, MEASURES + "      S01: 2025-12-31\n      7: 2025-03-01\n      旗舰店:\n") == []


@pytest.mark.parametrize(
    ("was", "becomes", "line", "said"),
    [
        ("other: 面膜", "others: 面膜", 4, "did you mean 'other'?"),
        ("other: 面膜", "other: serum", 4, "found the item 'serum', which no line names"),
        ("other: 面膜", "other: P1", 4, "expected another item than the first"),
        ("item: P1", "item: Pl", 3, "use one of P1, P2, 面膜"),
    ],
)
def test_what_else_the_data_or_the_kit_do_not_know_of_a_measure(make_client, tmp_path, was, becomes, line, said):
    found = wrong(make_client, tmp_path, MEASURES.replace(was, becomes) + "      S01: 2025-03-01\n      S02:\n")
    assert any(one.startswith(f"rollouts.yaml, line {line}, ") and said in one for one in found), found


def test_where_orders_name_no_shop_that_is_said_once(make_client, tmp_path):
    orders = pd.DataFrame([row.split(",")[:4] for row in ORDERS.splitlines()]).to_csv(index=False, header=False)
    (said,) = wrong(make_client, tmp_path, MEASURES + "      S01: 2025-03-01\n      S02:\n", orders=orders)
    assert said.startswith("rollouts.yaml, line 5, column 5: found shops; expected orders that name their shop")


def test_what_a_basket_holds_is_one_of_two(make_client):
    client = make_client("parameters: {07_growth: {item: sku}}\n", orders=ORDERS, order_lines=LINES)
    with pytest.raises(UnusableInput, match=r"parameters\.07_growth\.item: found 'sku'; expected category or product"):
        check_settings(client, chapter_files(None))


def test_an_item_is_called_as_most_of_its_lines_call_it():
    names = ["Green bag", "Green bag", "test", None, "wrongly marked", "Green bag"]
    lines = pd.DataFrame({"product_id": ["P1"] * 6 + ["P2"], "product_name": [*names, None]})
    assert growth.item_names(lines, item="product").name.tolist() == ["Green bag", "P2"]


def test_rare_purchases_without_a_rhythm_have_none():
    """Waits of 600 days on average, seen for 180, are spread evenly: three quarters of them are thrice one quarter."""
    random = np.random.default_rng(7)
    rows = []
    for item in range(40):
        for customer in range(200):
            day = dt.date(2023, 1, 1) + dt.timedelta(days=int(random.integers(0, 90)))
            while day <= AS_OF:
                rows.append((f"{item}-{customer}-{day}", f"c{customer}", str(day), f"I{item}"))
                day += dt.timedelta(days=1 + int(random.exponential(600)))
    found = growth.replenishment(baskets_of(*rows), as_of=AS_OF)
    assert (found.again >= 30).all()
    assert (found.spread <= 3).any()  # luck takes some of them below any fixed line
    assert found.spread_by_chance.between(3.0, 3.3).all()
    assert not found.regular.any()


def test_spread_by_chance_is_that_of_waits_cut_off_at_the_horizon():
    waits = np.random.default_rng(3).exponential(90, 400_000)
    quick, slow = np.quantile(waits[waits <= 180], [0.25, 0.75])
    rows = [(f"{n}{late}", f"c{n}", day, "A") for n in range(1000) for late, day in
            (("a", "2025-01-01"), ("b", "2025-02-01")) if late == "a" or n < 865]  # fmt: skip
    found = growth.replenishment(baskets_of(*rows), as_of="2025-07-15").iloc[0]
    assert found.rate == pytest.approx(1 - np.exp(-180 / 90), abs=0.001)
    assert found.spread_by_chance == pytest.approx(slow / quick, rel=0.01)


def test_baskets_of_thirty_items_hold_so_many_sets_that_only_the_frequent_are_compared():
    random = np.random.default_rng(2)
    rows = []
    for n in range(1500):
        items = set(random.choice(60, 20, replace=False))
        items |= {0, 1, 2} if n % 5 == 0 else set()
        rows.append((str(n), "c", "2025-01-01", " ".join(f"I{item:02d}" for item in sorted(items))))
    held = baskets_of(*rows)
    found = growth.item_sets(held)
    assert len(found) < 60_000
    assert found["items"].iloc[0] == ("I00", "I01", "I02")
    by_order = held.groupby("order_id")["item"].agg(set)
    assert found.together.iloc[0] == sum({"I00", "I01", "I02"} <= items for items in by_order)
    assert (found.together >= found.fewest).all()
    shown = growth.item_sets_table(found)
    sure = int(((found.p_adjusted < 0.05) & (found.lift > 1)).sum())
    assert f"{sure:,} of {len(found):,} sets in {found.fewest.iloc[0]:,} orders or more" in shown.reading


def test_few_sets_are_all_compared_down_to_ten_baskets():
    rows = [(str(n), "c", "2025-01-01", "A B C" if n % 20 == 0 else "A B" if n % 3 else "C") for n in range(240)]
    found = growth.item_sets(baskets_of(*rows))
    assert found.fewest.eq(10).all()
    assert found.together.tolist() == [12]


def faithful(customers=300):
    """Customers who buy their own two items again and again; everybody's are different."""
    random = np.random.default_rng(4)
    rows = []
    for n in range(customers):
        own = random.choice(40, 2, replace=False)
        for day in ("2025-01-10", "2025-03-10", "2025-09-10", "2025-11-10"):
            rows.append((f"{n}-{day}", f"c{n}", day, " ".join(f"I{item:02d}" for item in own)))
    return baskets_of(*rows)


def test_neighbours_that_beat_the_popular_but_not_what_was_bought_before_are_not_praised():
    found = growth.recall(faithful(), as_of=AS_OF, k=2)
    at = found.set_index("method")
    assert at.recall["own"] == 1
    assert at.gain_low["neighbours"] > 0
    assert at["lead"].round(9).tolist() == (at.recall - 1).round(9).tolist()
    said = growth.plot_recall(found).reading
    assert "Offer them again what they have" in said
    assert "worth its effort" not in said


def test_all_pairs_in_sequence_are_counted_not_only_those_that_are_drawn():
    rows = []
    for first, second in zip("ABCDEFGHIJKL", "abcdefghijkl", strict=True):
        for n in range(80):
            who = f"{first}{second}{n}"
            rows += [(f"{who}1", who, "2025-01-10", first), (f"{who}2", who, "2025-02-10", second)]
    steps = growth.sequences(baskets_of(*rows), as_of=AS_OF)
    sure = int(((steps.p_adjusted < 0.05) & (steps.lift > 1)).sum())
    assert sure > 10
    assert f"{sure} of {len(steps)} pairs" in growth.plot_sequences(steps).description


def test_where_large_orders_make_most_pairs_meet_that_is_said():
    random = np.random.default_rng(6)
    rows = []
    for n in range(1200):
        size = 16 if n % 4 == 0 else 2
        items = random.choice(20, size, replace=False)
        rows.append((str(n), "c", "2025-01-01", " ".join(f"I{item:02d}" for item in sorted(items))))
    said = growth.plot_affinities(growth.affinities(baskets_of(*rows))).reading
    assert "large orders hold more of everything" in said


def test_sets_are_counted_in_all_baskets_also_those_without_a_frequent_item():
    rows = [(f"s{n}", "c", "2025-01-01", "A B C") for n in range(40)]
    rows += [(f"a{n}", "c", "2025-01-01", "ABC"[n % 3]) for n in range(300)]
    rows += [(f"f{n}", "c", "2025-01-01", f"F{n:03d}") for n in range(97 * 2)]  # 97 frequent fillers, 97 others
    rows += [(f"g{n}", "c", "2025-01-01", f"F{n:03d}") for n in range(97)]
    found = growth.item_sets(baskets_of(*rows)).iloc[0]
    assert (found["items"], found.together, found.baskets) == (("A", "B", "C"), 40, 631)
    assert found.support == pytest.approx(40 / 631)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_no_pair_stands_out_none_is_named(language):
    use(language)
    shown = growth.plot_attach_rate(pd.DataFrame(), item="", other="")
    use()
    assert shown.kind == "nothing"
    assert "“”" not in shown.title
