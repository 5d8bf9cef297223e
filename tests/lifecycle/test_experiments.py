import json

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import skew, t

from crmlib.lifecycle.experiments import draw_arms, play_effect, second_order_outcomes, staged_effect


@pytest.fixture(scope="module")
def aurora(repository):
    folder = repository / "data" / "aurora"
    orders = pd.read_csv(folder / "orders.csv", parse_dates=["ordered_at"], dtype={"customer_id": str})
    actions = pd.read_csv(folder / "actions.csv", parse_dates=["assigned_at"])
    customers = pd.read_csv(folder / "customers.csv")
    tests = customers.loc[customers.is_test, "customer_id"]
    return orders[~orders.customer_id.isin(tests)], actions, json.loads((folder / "truth.json").read_text())["measures"]


def test_a_staged_roll_out_shows_the_true_effect_and_before_after_does_not(aurora):
    orders, _, truth = aurora
    gift = truth["first_order_gift"]
    first = second_order_outcomes(orders, as_of="2025-12-31", within_days=gift["within_days"])
    first = first[first.store.isin(list(gift["shops"]))]
    start = pd.to_datetime(first.store.map(gift["shops"]))
    outcomes = first.assign(unit=first.store, period=first.month, treated=pd.to_datetime(first.first_day) >= start)
    found = staged_effect(outcomes).iloc[0]
    assert found.low < gift["effect"] < found.high
    assert found.low > 0
    assert found.naive > found.high
    assert (found.units, found.treated_units) == (12, 8)


def test_a_random_control_group_shows_the_true_effect_of_each_play(aurora):
    orders, actions, truth = aurora
    plays = {truth[name]["play"]: truth[name] for name in ("win_back", "birthday_greeting")}
    found = play_effect(actions, orders, within_days=60, as_of="2025-12-31").set_index("play")
    assert set(plays) <= set(found.index)
    for play, stated in plays.items():
        row = found.loc[play]
        assert row.low < stated["effect"] < row.high
        assert row.treated_rate - row.control_rate == pytest.approx(row.effect)
    win_back = found.loc[truth["win_back"]["play"]]
    assert win_back.low > 0
    assert win_back.treated_rate > 1.8 * win_back.effect


def test_the_half_price_offer_earns_nothing_after_its_cost(aurora):
    orders, actions, truth = aurora
    found = play_effect(actions, orders, within_days=60, as_of="2025-12-31", margin=0.55).set_index("play")
    row = found.loc[truth["win_back"]["play"]]
    assert (round(row.effect, 3), round(row.low, 3), round(row.high, 3)) == (0.084, 0.055, 0.113)
    assert (round(row.profit, 2), round(row.profit_low, 2), round(row.profit_high, 2)) == (-1.88, -8.36, 4.57)
    assert (row.treated, row.control, row.treated_year, row.cost_year) == (1190, 1158, 1190, 13_284.0)
    assert found.drawn.all()
    lazy = play_effect(ibis.memtable(actions), ibis.memtable(orders), within_days=60, as_of="2025-12-31", margin=0.55)
    pd.testing.assert_frame_equal(lazy.set_index("play"), found)


def test_profit_is_counted_by_hand():
    """Two of three treated buy in time, for 10 and 40 with a margin of a half, at 3 each; one of two in the control."""
    orders = pd.DataFrame(
        [
            ("a", "2025-03-10", 10.0), ("b", "2025-03-31 09:00", 40.0), ("c", "2025-04-05", 99.0),
            ("d", "2025-03-02", 20.0), ("a", "2025-02-01", 70.0), ("d", "2025-02-02", 5.0),
        ],
        columns=["customer_id", "ordered_at", "amount"],
    ).assign(ordered_at=lambda t: pd.to_datetime(t.ordered_at, format="mixed"))  # fmt: skip
    actions = pd.DataFrame({"customer_id": list("abcde"), "arm": ["treat"] * 3 + ["control"] * 2, "play": "p"}).assign(
        action_id=lambda t: "A" + t.customer_id,
        assigned_at=pd.Timestamp("2025-03-01 10:00"),
        cost=[3.0, 3.0, None, None, None],
    )
    row = play_effect(actions, orders, within_days=30, as_of="2025-12-31", margin=0.5).iloc[0]
    assert (row.treated, row.control) == (3, 2)
    assert (row.treated_rate, row.control_rate) == (pytest.approx(2 / 3), 0.5)
    kept, left = [5 - 3, 20 - 3, 0], [10, 0]
    assert (row.treated_profit, row.control_profit) == (pytest.approx(np.mean(kept)), pytest.approx(np.mean(left)))
    # Each mean less its ends is t errors, where t + a t² / 3 + a² t³ / 27 + a / 6 is Student's (Hall 1992).
    down, up = [], []
    for some in (kept, left):
        a, student = skew(some) / np.sqrt(len(some)), t.ppf(0.975, len(some) - 1)
        ends = [brentq(lambda x, a=a, q=q: x + a * x**2 / 3 + a**2 * x**3 / 27 + a / 6 - q, -1e3, 1e3)
                for q in (student, -student)]  # fmt: skip
        down.append(ends[0] * np.std(some, ddof=1) / np.sqrt(len(some)))
        up.append(-ends[1] * np.std(some, ddof=1) / np.sqrt(len(some)))
    assert row.profit_high - row.profit == pytest.approx(np.hypot(up[0], down[1]))
    assert row.profit - row.profit_low == pytest.approx(np.hypot(down[0], up[1]))
    assert (row.treated_year, row.cost_year) == (3, 6.0)
    dear = play_effect(actions, orders.assign(cost=1.0), within_days=30, as_of="2025-12-31", margin=0.5).iloc[0]
    assert dear.treated_profit == pytest.approx((9 + 39 - 6) / 3)
    # Those who had no thirty days yet are not judged, and their cost was spent all the same.
    early = play_effect(actions, orders, within_days=30, as_of="2025-03-20")
    assert early.empty


def invented_test(random, *, people=2000, lift=0.0, worth=40.0, cost=1.0):
    """A play whose arms a lot has drawn, over half a year; one in five buys by themselves."""
    ids = [f"c{n}" for n in range(people)]
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 180, people), "D")
    treat = random.random(people) < 0.5
    actions = pd.DataFrame({"action_id": ids, "customer_id": ids, "play": "p", "assigned_at": at}).assign(
        arm=np.where(treat, "treat", "control"), cost=np.where(treat, cost, 0.0)
    )
    buys = random.random(people) < 0.2 + lift * treat
    before = random.poisson(2.0, people)
    orders = pd.DataFrame(
        {
            "customer_id": [*np.repeat(ids, before), *np.array(ids)[buys]],
            "ordered_at": [*(pd.Series(at).repeat(before) - pd.Timedelta(days=40)), *(at[buys] + pd.Timedelta(days=9))],
            "amount": worth,
        }
    )
    return actions, orders


def test_a_profitable_test_has_its_true_profit_in_the_range_and_above_zero():
    random, covered = np.random.default_rng(5), []
    for _ in range(12):
        actions, orders = invented_test(random, lift=0.15)
        row = play_effect(actions, orders, within_days=60, as_of="2025-12-31", margin=0.5).iloc[0]
        assert row.profit_low > 0
        covered.append((row.profit_low < 0.15 * 40 * 0.5 - 1 < row.profit_high, row.low < 0.15 < row.high))
    assert np.sum(covered, axis=0).min() >= 10


def test_arms_that_somebody_chose_are_no_test():
    random = np.random.default_rng(7)
    actions, orders = invented_test(random)

    def drawn(changed):
        return play_effect(changed, orders, within_days=60, as_of="2025-12-31").drawn.tolist()

    assert drawn(actions) == [True]
    started = actions.assign(arm=np.where(actions.assigned_at >= "2025-04-01", "treat", "control"))
    assert drawn(started) == [False]
    bought = orders[orders.ordered_at < actions.assigned_at.max()].groupby("customer_id").size()
    chosen = actions.customer_id.map(bought).fillna(0) + random.normal(0, 1, len(actions)) > 2
    assert drawn(actions.assign(arm=np.where(chosen, "treat", "control"))) == [False]
    assert drawn(actions.assign(arm="treat")) == []


def test_a_lot_is_hardly_ever_taken_for_a_choice():
    random = np.random.default_rng(8)
    assert (
        sum(
            play_effect(*invented_test(random, people=300), within_days=60, as_of="2025-12-31").drawn[0]
            for _ in range(12)
        )
        >= 11
    )


def test_the_clustered_interval_is_that_of_statsmodels(aurora):
    import statsmodels.formula.api as formula

    random = np.random.default_rng(3)
    grid = pd.MultiIndex.from_product([range(8), range(10), range(15)], names=["unit", "period", "n"])
    table = grid.to_frame(index=False)
    table["treated"] = ((table.unit < 4) & (table.period >= 3 + table.unit)).astype(int)
    table["outcome"] = 0.2 * table.treated + random.normal(size=len(table)) + random.normal(size=8)[table.unit]
    fit = formula.ols("outcome ~ treated + C(unit) + C(period)", table).fit(
        cov_type="cluster", cov_kwds={"groups": table.unit}, use_t=True
    )
    found = staged_effect(table).iloc[0]
    assert found.effect == pytest.approx(fit.params["treated"], rel=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int().loc["treated"]), rel=1e-6)


def test_the_interval_covers_the_truth_at_its_rate():
    random = np.random.default_rng(11)
    grid = pd.MultiIndex.from_product([range(12), range(12)], names=["unit", "period"]).to_frame(index=False)
    grid["treated"] = (grid.unit < 8) & (grid.period >= 4 + 3 * (grid.unit >= 4))
    covered = 0
    for _ in range(200):
        shock = random.normal(scale=0.5, size=12)[grid.unit] + random.normal(scale=0.5, size=12)[grid.period]
        outcome = 0.3 * grid.treated + shock + random.normal(size=len(grid))
        row = staged_effect(grid.assign(outcome=outcome)).iloc[0]
        covered += row.low < 0.3 < row.high
    assert 0.90 <= covered / 200 <= 0.99


def test_without_a_comparison_nothing_is_claimed():
    grid = pd.MultiIndex.from_product([range(5), range(6)], names=["unit", "period"]).to_frame(index=False)
    with pytest.raises(ValueError, match="nothing can be compared"):
        staged_effect(grid.assign(treated=grid.period >= 3, outcome=1.0))
    with pytest.raises(ValueError, match="at least 4 units"):
        staged_effect(grid[grid.unit < 2].assign(treated=0, outcome=1.0))


def test_only_those_who_had_the_time_count_and_the_same_day_is_no_second_order():
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b", "c", "c"],
            "ordered_at": pd.to_datetime(
                [
                    "2025-01-01 10:00",
                    "2025-04-01 10:00",
                    "2025-01-01 9:00",
                    "2025-01-01 18:00",
                    "2025-11-01 00:00",
                    "2025-11-02 00:00",
                ]
            ),
            "amount": 5.0,
            "store": ["S1", "S2", "S1", "S2", "S1", "S1"],
        }
    )
    found = second_order_outcomes(orders, as_of="2025-12-31", within_days=90)
    assert found.customer_id.tolist() == ["a", "b"]
    assert found.outcome.tolist() == [1, 0]
    assert found.store.tolist() == ["S1", "S1"]
    lazy = second_order_outcomes(ibis.memtable(orders), as_of="2025-12-31", within_days=90).to_pandas()
    pd.testing.assert_frame_equal(lazy, found)


# Who is left alone


def test_halves_are_equal_in_number_and_nearly_in_value_and_drawn_by_lot():
    ids = [f"C{n:05d}" for n in range(4000)]
    value = np.sort(np.random.default_rng(3).lognormal(4, 1.5, 4000))[::-1]
    arms = np.array(draw_arms(ids))
    treated = arms == "treat"
    assert treated.sum() == 2000
    assert abs(value[treated].sum() - value[~treated].sum()) <= value.max() - value.min()  # neighbours, pair by pair
    first = treated[::2].mean()
    assert abs(first - 0.5) < 3 * 0.5 / np.sqrt(2000)  # not always the dearer one of a pair
    assert 800 < np.count_nonzero(treated[::2][1:] != treated[::2][:-1]) < 1200  # nor by turns
    assert draw_arms(ids) == draw_arms(iter(ids))


def test_of_an_odd_number_one_is_drawn_on_his_own():
    alone = {draw_arms([f"{n}"])[0] for n in range(20)}
    assert alone == {"treat", "control"}
    assert len(draw_arms(["a", "b", "c"])) == 3
