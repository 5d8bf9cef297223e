"""What customers cost and leave: against what was planted, other chapters, and plain pandas."""

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import acquisition, clv, retention, scorecard
from crmlib.purchases import purchases
from crmlib.statistics import per_count
from tests.lifecycle.acquisition.conftest import NAMES, empties

AS_OF = "2025-12-31"


@pytest.fixture(scope="module")
def three(tables):
    return [tables[name] for name in NAMES[:3]]


def orders_of(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame.ordered_at), amount=frame.amount.astype(float))


# What was planted


def test_what_a_customer_of_each_channel_cost_is_recovered(tables, known, truth, three):
    costs = acquisition.acquisition_costs(*three, period="year", **known)
    both = costs[costs.channel.notna()].groupby("channel")[["cost", "new_customers"]].sum()
    found = (both.cost / both.new_customers).drop("not known")
    planted = {name: one["cost_per_customer_in_data"] for name, one in truth["acquisition"]["channels"].items()}
    assert found.to_dict() == pytest.approx(planted, rel=0.01)
    assert (round(found.min()), round(found.max())) == (24, 145)


def test_channels_stand_in_the_order_of_their_true_quality(tables, known, truth, three, aurora):
    """Planted: orders of the next year times mean spend of the customers of each channel, less the cost to win one."""
    returns = retention.second_orders(
        tables["orders"], tables["customers"], as_of=aurora.as_of, by="channel", earlier=aurora.earlier
    )
    rates = retention.repeat_rate(returns, by="group")
    costs = acquisition.acquisition_costs(*three, period=None, **known)
    quality = acquisition.source_quality(pd.DataFrame(columns=["group", "leads", "conversion"]), rates, costs)
    at = quality.set_index("channel")
    planted = truth["customer_base"]["channels"]
    second = {name: one["second_order"]["within_90_days"]["simulated"] for name, one in planted.items()}
    assert quality.channel.iloc[0] == "referral" == max(second, key=second.get)
    assert quality.channel.iloc[-1] == "social" == min(second, key=second.get)
    assert at.repeat_rate.round(3)[["referral", "social"]].tolist() == [0.573, 0.262]
    for name, share in second.items():
        reach = 1.35  # seven at once
        row = at.loc[name]
        low, high = (row.repeat_rate + reach * (end - row.repeat_rate) for end in (row.repeat_low, row.repeat_high))
        assert low <= share <= high, name
    assert at.cost_per_returning["referral"] == pytest.approx(at.cac["referral"] / at.repeat_rate["referral"])
    assert at.returning_low["social"] < at.cost_per_returning["social"] < at.returning_high["social"]


def test_what_customers_leave_in_a_year_is_recovered(earned, truth):
    """First order and a year after it: mean spend × margin × (1 + orders expected of a new customer), by channel."""
    paid = acquisition.payback(earned).set_index("channel")
    assert paid.months.unique().tolist() == [12]
    from crmlib.models import BetaGeoNBD

    for name in ("search", "social", "content"):  # in the web shop, nothing but the planted process acts
        planted = truth["customer_base"]["channels"][name]
        model = BetaGeoNBD(**{one: planted["bg_nbd"][one] for one in ("r", "alpha", "a", "b")}, unit="weeks")
        orders = 1 + float(model.expected_orders_new(365 / 7))
        expected = 0.55 * planted["gamma_gamma"]["mean_spend"] * orders
        assert paid.low[name] * 0.97 <= expected <= paid.high[name] * 1.03, name
    assert (paid.month[["social", "event"]] > 0).all()
    assert (paid.drop(index=["social", "event"]).month == 0).all()
    assert (paid.sure == "back").all()
    assert paid.index[-1] == "event"


# The same a second way


def test_the_year_is_that_of_chapter_04_and_the_month_that_of_the_scorecard(tables, known, three, aurora):
    year = acquisition.acquisition_costs(*three, period=None, **known).set_index("channel")
    groups = pd.DataFrame({"channel": ["social", "referral"], "new_customer_value": 1.0, "new_error": 1.0})
    of_clv = clv.first_year_by_group(
        groups, **dict(zip(NAMES, three, strict=False)), as_of=aurora.as_of, margin=0.55, start=aurora.start,
        earlier=aurora.earlier,
    ).set_index("channel")  # fmt: skip
    assert year.cac[of_clv.index].tolist() == pytest.approx(of_clv.cost_to_win.tolist())
    monthly = acquisition.acquisition_costs(*three, **known)
    together = monthly[monthly.channel.isna()].set_index("period")
    base = scorecard.base_measures(
        orders=three[0], spend=three[2], as_of=aurora.as_of, start=aurora.start, earlier=aurora.earlier
    )
    kpi = base.set_index(pd.to_datetime(base.period).dt.date)
    kpi = kpi[kpi.marketing_cost.notna() & kpi.new_customers.notna()]
    assert len(kpi) == 24
    assert together.cac[kpi.index].tolist() == pytest.approx((kpi.marketing_cost / kpi.new_customers).tolist())
    low, high = per_count(kpi.marketing_cost, kpi.new_customers)
    assert together.low[kpi.index].tolist() == pytest.approx(low.tolist())
    assert together.high[kpi.index].tolist() == pytest.approx(high.tolist())


def test_earnings_are_those_of_plain_pandas(three, earned, aurora):
    bought = purchases(three[0], as_of=aurora.as_of, keep=("cost",)).to_pandas()
    bought["left"] = (bought.spend - bought.cost).fillna(0.55 * bought.spend)
    channels = three[1].select("customer_id", "channel").to_pandas().set_index("customer_id").channel
    first = bought.groupby("customer_id").day.min()
    some = first[(first <= "2024-12-31") & (first.index.map(channels) == "partner")]
    rows = bought[bought.customer_id.isin(some.index)]
    wait = (rows.day - rows.customer_id.map(some)).dt.days
    for month, days in ((0, 0), (6, 182), (12, 365)):
        left = rows.left[wait <= days].groupby(rows.customer_id).sum()
        row = earned[(earned.channel == "partner") & (earned.month == month)].iloc[0]
        assert row.customers == len(some)
        assert row.earned == pytest.approx(left.reindex(some.index).mean())
    spent = three[2].to_pandas()
    spent = spent[(spent.channel == "partner") & (spent.spent_on < "2025-01-01")].cost.sum()
    assert row.cac == pytest.approx(spent / len(some))
    assert row.ratio == pytest.approx(row.earned / row.cac)
    assert row.ratio_low < row.low / row.cac < row.high / row.cac < row.ratio_high


def test_the_range_of_the_ratio_holds_what_it_promises():
    """Customers arrive by chance (Poisson) and leave gamma distributed money; the cost is fixed."""
    from crmlib.statistics import skewed

    random, held = np.random.default_rng(2), 0
    for _ in range(1500):
        amounts = random.gamma(0.8, 100.0, random.poisson(150))
        total, squares, cubes = (float((amounts**n).sum()) for n in (1, 2, 3))
        low, high = skewed(total, squares**0.5, cubes / squares**1.5, len(amounts) - 1)
        held += low <= 150 * 80 <= high
    assert 0.93 <= held / 1500 <= 0.97


def test_cohorts_add_up_to_all(three, known, earned):
    by_cohort = acquisition.earnings(*three, margin=0.55, by_cohort="quarter", **known)
    at_end = by_cohort[by_cohort.month == 12]
    sums = (
        at_end.assign(total=at_end.customers * at_end.earned).groupby("channel")[["customers", "cost", "total"]].sum()
    )
    whole = earned[earned.month == 12].set_index("channel")
    assert sums.customers.to_dict() == whole.customers.to_dict()
    assert (sums.total / sums.customers).to_dict() == pytest.approx(whole.earned.to_dict())
    assert sums.cost.drop("not known").to_dict() == pytest.approx(whole.cost.drop("not known").to_dict())


def test_the_channel_mix_adds_up_to_the_new_customers(three, known):
    mix = acquisition.channel_mix(*three[:2], period="quarter", **known)
    assert mix.groupby("period").share.sum().tolist() == pytest.approx([1.0] * 8)
    assert mix.new_customers.sum() == 7714
    partner = mix[mix.channel == "partner"].set_index("period").new_customers
    assert partner.iloc[:2].tolist() == [0, 0]  # it began in September 2024, and zero is a count


# Definitions


def test_a_lag_takes_the_spend_of_the_month_before():
    orders = orders_of(
        ("z", "2025-01-01", 1), ("a", "2025-02-03", 10), ("b", "2025-02-10", 10), ("c", "2025-03-05", 10)
    )
    customers = pd.DataFrame({"customer_id": list("zabc"), "channel": "ads"})
    spend = pd.DataFrame(
        {"spent_on": pd.to_datetime(["2025-01-01", "2025-02-01"]), "channel": "ads", "cost": [40.0, 90.0]}
    )
    costs = acquisition.acquisition_costs(orders, customers, spend, as_of="2025-03-31", lag=1)
    ads = costs[costs.channel == "ads"]
    assert ads.cac.tolist() == [20.0, 90.0]
    same = acquisition.acquisition_costs(orders, customers, spend, as_of="2025-03-31")
    assert same[same.channel == "ads"].cac.tolist() == [40.0, 45.0]


def test_a_month_without_customers_has_a_cost_and_no_cac():
    orders = orders_of(("a", "2025-01-01", 10), ("a", "2025-03-30", 10))
    customers = pd.DataFrame({"customer_id": ["a"], "channel": ["ads"]})
    spend = pd.DataFrame(
        {"spent_on": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"]), "channel": "ads", "cost": 40.0}
    )
    costs = acquisition.acquisition_costs(orders, customers, spend, as_of="2025-03-31")
    ads = costs[costs.channel == "ads"].sort_values("period")
    assert ads.cost.tolist() == [40.0] * 3
    assert ads.new_customers.tolist() == [1, 0, 0]
    assert ads.cac.isna().tolist() == [False, True, True]


def test_money_that_never_comes_back_is_short():
    rows = [(f"c{n}", f"2025-01-{1 + n % 28:02d}", 10) for n in range(40)] + [("late", "2025-12-20", 10)]
    customers = pd.DataFrame({"customer_id": [row[0] for row in rows], "channel": "ads"})
    spend = pd.DataFrame({"spent_on": pd.to_datetime(["2025-01-01"]), "channel": ["ads"], "cost": [4000.0]})
    found = acquisition.earnings(orders_of(*rows), customers, spend, as_of=AS_OF, margin=0.5)
    row = acquisition.payback(found).iloc[0]
    assert (row.cac, row.earned, row.ratio, row.sure) == (100.0, 5.0, 0.05, "short")
    assert np.isnan(row.month)
    assert row.months == 6  # nobody has been followed for twelve


def test_what_is_not_there_is_empty():
    tables = empties()
    three = [tables[name] for name in NAMES[:3]]
    assert acquisition.acquisition_costs(*three, as_of=AS_OF).empty
    assert acquisition.channel_mix(*three[:2], as_of=AS_OF).empty
    found = acquisition.earnings(*three, as_of=AS_OF)
    assert found.empty
    assert acquisition.payback(found).empty


def test_without_spend_earnings_are_told_and_no_cost(three, known, tables):
    spend = tables["spend"].filter(tables["spend"].cost < 0)
    found = acquisition.earnings(*three[:2], spend, margin=0.55, **known)
    assert found.earned.notna().all()
    assert found.cac.isna().all()
    assert acquisition.payback(found).empty


def test_customers_without_a_channel_are_counted_and_customers_older_than_the_data_are_not():
    orders = orders_of(("old", "2025-01-02", 10), ("new", "2025-01-20", 10))
    customers = pd.DataFrame({"customer_id": ["old"]})
    earlier = pd.DataFrame({"customer_id": ["old"]})
    mix = acquisition.channel_mix(orders, customers, as_of="2025-01-31", period="month", earlier=earlier)
    assert mix[["channel", "new_customers", "share"]].values.tolist() == [["not known", 1, 1.0]]


# What more money would bring


def monthly(elasticity, *, spread, seed=1, months=36, noise=0.05, channel="ads"):
    random = np.random.default_rng(seed)
    periods = [day.date() for day in pd.date_range("2023-01-01", periods=months, freq="MS")]
    moved = random.choice([-1.0, 1.0], months) * spread
    trend = np.linspace(0, 0.5, months)
    won = np.exp(6 + trend + elasticity * moved + noise * random.standard_normal(months))
    table = pd.DataFrame({"channel": channel, "period": periods, "cost": 1000 * np.exp(moved + trend)})
    return table.assign(new_customers=won.round().astype(int))


@pytest.mark.parametrize(("elasticity", "verdict"), [(0.5, "saturates"), (1.0, "proportional")])
def test_a_budget_that_was_moved_on_purpose_tells_how_channels_saturate(elasticity, verdict):
    held = 0
    for seed in range(40):
        row = acquisition.response_to_spend(monthly(elasticity, spread=0.4, seed=seed)).iloc[0]
        held += row.low <= elasticity <= row.high
    assert held >= 34
    assert acquisition.response_to_spend(monthly(elasticity, spread=0.4, seed=3)).verdict.item() == verdict


def test_a_budget_that_stood_still_tells_nothing_and_neither_do_few_months():
    still = acquisition.response_to_spend(monthly(0.5, spread=0.1)).iloc[0]
    assert still.verdict == "still"
    assert np.isnan(still.elasticity)
    few = acquisition.response_to_spend(monthly(0.5, spread=0.4, months=12)).iloc[0]
    assert few.verdict == "few"


def test_in_the_sample_spend_follows_customers_and_no_elasticity_is_named(three, known):
    """Planted: spend is a fee for each customer won. A regression would call that a perfect response."""
    table = acquisition.response_to_spend(acquisition.acquisition_costs(*three, **known))
    assert set(table.verdict) == {"still", "few"}
    assert table.elasticity.isna().all()


def test_steps_of_the_budget_say_up_to_which_cost_they_pay():
    year = pd.DataFrame(
        {"channel": ["bad", "good", None], "spent": [8000.0, 4000.0, np.nan], "new_customers": [80, 80, 3],
         "cost_to_win": [100.0, 50.0, np.nan], "brings_in": [150.0, 300.0, 90.0], "left_over": [50.0, 250.0, np.nan]}
    )  # fmt: skip
    steps = acquisition.budget_steps(year)
    assert steps[["source", "target"]].drop_duplicates().values.tolist() == [["bad", "good"]]
    assert steps.moved.tolist() == [200.0, 500.0]
    row = steps.iloc[1]  # the quarter
    assert (row.lost_customers, row.won_customers) == (5.0, 10.0)
    # 500 bring in 750 at the source (5 × 150); at the target 300 each, so they must win 2.5: 200 each at most.
    assert (row.cost_now, row.cost_most, row.room) == (50.0, 200.0, 4.0)
    assert acquisition.budget_steps(year[year.channel == "good"]).empty
    assert acquisition.budget_steps(year.drop(columns="left_over")).empty
    assert acquisition.budget_steps(year, trusted=False).empty
