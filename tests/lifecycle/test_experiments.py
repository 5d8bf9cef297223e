import json

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.experiments import play_effect, second_order_outcomes, staged_effect


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
