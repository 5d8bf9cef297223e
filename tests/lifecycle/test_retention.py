"""Retention of shoppers: cohorts, the second order, and what may be compared with what."""

import datetime as dt
import json

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlib
from crmlib.lifecycle import retention
from crmlib.statistics import newcombe, wilson
from crmlib.words import use
from tests.conftest import empty
from tests.lengths import too_long


def orders_of(*rows, **columns):
    """Orders from (customer, day, amount)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]).assign(**columns)
    return frame.assign(
        order_id=[str(n) for n in range(len(frame))],
        customer_id=frame.customer_id.astype("str"),
        ordered_at=pd.to_datetime(frame.ordered_at, format="ISO8601"),
        amount=frame.amount.astype(float),
    )


def returns_of(*rows, **columns):
    """A table of second orders from (group, returned, days, followed_days)."""
    return pd.DataFrame(rows, columns=["group", "returned", "days", "followed_days"]).assign(**columns)


@pytest.fixture(scope="module")
def aurora(repository):
    return crmlib.begin("05_retention", client=repository / "data/aurora/client.yaml")


@pytest.fixture(scope="module")
def truth(repository):
    return json.loads((repository / "data/aurora/truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def aurora_returns(aurora):
    return retention.second_orders(
        aurora.table("orders"), aurora.table("customers"), as_of=aurora.as_of, by="channel", period="quarter"
    ).to_pandas()


# Cohorts


def test_a_month_in_which_nobody_at_all_bought_is_zero_and_not_missing():
    orders = orders_of(("a", "2025-01-10", 10), ("b", "2025-01-20", 8), ("a", "2025-05-02", 5))
    triangle = retention.cohort_triangle(retention.cohorts(orders, as_of="2025-06-30"), "customers")
    assert triangle.loc["2025-01-01"].tolist() == [2, 0, 0, 0, 1, 0]


def test_the_month_that_is_not_over_is_empty_even_if_somebody_bought_in_it():
    orders = orders_of(("a", "2025-01-10", 10), ("a", "2025-02-03", 5), ("b", "2025-02-05", 5), ("b", "2025-03-02", 5))
    by_day = {
        day: retention.cohort_triangle(retention.cohorts(orders, as_of=day), "customers").to_numpy()
        for day in ("2025-02-27", "2025-02-28", "2025-03-30", "2025-03-31")
    }
    assert np.array_equal(by_day["2025-02-27"], [[1]])
    assert np.array_equal(by_day["2025-02-28"], [[1, 1], [1, np.nan]], equal_nan=True)
    assert np.array_equal(by_day["2025-03-30"], by_day["2025-02-28"], equal_nan=True)
    assert np.array_equal(by_day["2025-03-31"], [[1, 1, 0], [1, 1, np.nan]], equal_nan=True)


def test_customers_orders_and_revenue_are_counted_apart():
    orders = orders_of(("a", "2025-01-10", 10), ("b", "2025-01-11", 20), ("a", "2025-02-03", 5), ("a", "2025-02-03", 7))
    row = retention.cohorts(orders, as_of="2025-02-28").query("age == 1").iloc[0]
    assert (row.customers, row.orders, row.revenue) == (1, 2, 12.0)
    assert (row.retention, row.revenue_per_customer) == (0.5, 6.0)


@pytest.mark.parametrize(
    ("period", "cohorts", "ages"),
    [
        ("week", ["2024-12-30", "2025-01-06"], {"2024-12-30": 53, "2025-01-06": 52}),
        ("month", ["2024-12-01", "2025-01-01"], {"2024-12-01": 13, "2025-01-01": 12}),
        ("quarter", ["2024-10-01", "2025-01-01"], {"2024-10-01": 5, "2025-01-01": 4}),
        ("year", ["2024-01-01", "2025-01-01"], {"2024-01-01": 2, "2025-01-01": 1}),
    ],
)
def test_periods_are_those_of_the_calendar(period, cohorts, ages):
    orders = orders_of(("old", "2024-12-31", 10), ("new", "2025-01-06", 10), ("old", "2025-12-28", 10))
    table = retention.cohorts(orders, as_of="2026-01-04" if period == "week" else "2025-12-31", period=period)
    assert [day.date().isoformat() for day in sorted(set(table.cohort))] == cohorts
    assert table.groupby("cohort").size().rename(lambda day: day.date().isoformat()).to_dict() == ages
    last = table[(table.cohort == cohorts[0]) & (table.customers > 0)].age.max()
    assert last == {"week": 51, "month": 12, "quarter": 4, "year": 1}[period]


def test_cancelled_and_refunded_orders_neither_found_a_cohort_nor_count_as_a_return():
    orders = orders_of(
        ("a", "2025-01-10", 10),
        ("b", "2024-12-10", 10),
        ("b", "2025-01-12", 10),
        ("a", "2025-02-03", 5),
        status=["paid", "cancelled", "paid", "refunded"],
    )
    triangle = retention.cohort_triangle(retention.cohorts(orders, as_of="2025-02-28"), "customers")
    assert triangle.to_dict("index") == {pd.Timestamp("2025-01-01"): {0: 2.0, 1: 0.0}}


def test_customers_older_than_the_data_are_left_out_with_all_their_orders():
    orders = orders_of(("old", "2024-12-20", 10), ("old", "2025-02-01", 10), ("new", "2025-02-10", 10))
    table = retention.cohorts(orders, as_of="2025-03-31", earlier=pd.DataFrame({"customer_id": ["old"]}))
    assert table[["age", "cohort_customers", "customers"]].to_numpy().tolist() == [[0, 1, 1], [1, 1, 0]]


def test_no_orders_give_no_cohorts():
    orders = orders_of(("a", "2025-01-10", 10))
    assert retention.cohorts(orders[:0], as_of="2025-03-31").empty
    assert retention.cohorts(orders, as_of="2024-12-31").empty
    assert retention.cohorts(orders, as_of="2025-01-30").empty
    assert retention.cohort_triangle(retention.cohorts(orders[:0], as_of="2025-03-31")).empty


def test_pandas_and_ibis_give_the_same_cohorts_and_second_orders():
    orders = orders_of(("a", "2025-01-10", 10), ("b", "2025-01-12", 9), ("a", "2025-02-03", 5))
    table = ibis.memtable(orders)
    for measure in (retention.cohorts, retention.second_orders, retention.last_seen, retention.early_orders):
        from_table = measure(table, as_of="2026-02-28")
        assert isinstance(from_table, ibis.Table)
        pd.testing.assert_frame_equal(from_table.to_pandas(), measure(orders, as_of="2026-02-28"))


days = st.integers(0, 200).map(lambda n: dt.date(2024, 11, 20) + dt.timedelta(days=n))


@given(
    rows=st.lists(st.tuples(st.sampled_from("abcde"), days, st.integers(1, 9)), min_size=1, max_size=25),
    end=days,
    period=st.sampled_from(["week", "month", "quarter", "year"]),
)
@settings(max_examples=25, deadline=None)
def test_cohorts_are_those_of_a_plain_count(rows, end, period):
    letter = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}[period]
    seen = [(who, pd.Period(day, letter), money) for who, day, money in rows if day <= end]
    over = [p for p in pd.period_range("2024-01-01", "2026-01-01", freq=letter) if p.end_time.date() <= end]
    first = {who: min(p for other, p, _ in seen if other == who) for who, _, _ in seen}
    expected = []
    for cohort in sorted({p for p in first.values() if p in over}):
        members = {who for who, p in first.items() if p == cohort}
        for age, later in enumerate(p for p in over if p >= cohort):
            bought = [(who, money) for who, p, money in seen if p == later and who in members]
            active, money = {who for who, _ in bought}, sum(m for _, m in bought)
            expected.append([cohort.start_time, age, len(members), len(active), len(bought), money])
    table = retention.cohorts(orders_of(*rows), as_of=end, period=period)
    found = table[["cohort", "age", "cohort_customers", "customers", "orders", "revenue"]].to_numpy().tolist()
    assert found == expected


def test_pooled_retention_weighs_customers_and_not_cohorts():
    table = pd.DataFrame({"cohort": ["x", "y"], "age": [1, 1], "cohort_customers": [900, 100], "customers": [90, 50]})
    row = retention.pooled_retention(table).iloc[0]
    assert row.retention == pytest.approx(0.14)
    assert (row.low, row.high) == pytest.approx((0.1199, 0.1629), abs=1e-4)


def test_last_seen_rises_when_one_waits_and_so_is_no_survival_curve(aurora):
    orders = aurora.table("orders")
    then = retention.last_seen(orders, as_of="2025-06-30").to_pandas().set_index(["cohort", "age"])
    now = retention.last_seen(orders, as_of="2025-12-31").to_pandas().set_index(["cohort", "age"]).loc[then.index]
    assert (now.customers >= then.customers).all()
    old = then.index.get_level_values("age") >= 12
    assert now.share[old].mean() > 1.5 * then.share[old].mean()


def test_last_seen_counts_who_bought_at_an_age_or_later():
    orders = orders_of(("a", "2025-01-10", 1), ("a", "2025-03-02", 1), ("b", "2025-01-20", 1), ("b", "2025-04-02", 1))
    assert retention.last_seen(orders, as_of="2025-04-15").customers.tolist() == [2, 2, 2]
    assert retention.last_seen(orders, as_of="2025-04-30").customers.tolist() == [2, 2, 2, 1]


def test_an_unknown_period_or_value_is_refused_by_name():
    orders = orders_of(("a", "2025-01-10", 10))
    with pytest.raises(ValueError, match="fortnight"):
        retention.cohorts(orders, as_of="2025-03-31", period="fortnight")
    with pytest.raises(ValueError, match="margin"):
        retention.cohort_triangle(retention.cohorts(orders, as_of="2025-03-31"), "margin")


# Intervals


def test_intervals_are_those_of_statsmodels():
    from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

    for count, base in ((0, 12), (5, 40), (40, 40), (300, 7000)):
        assert wilson(count, base) == pytest.approx(proportion_confint(count, base, method="wilson"), abs=1e-12)
    expected = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert newcombe(56, 70, 48, 80) == pytest.approx(expected, abs=1e-12)


# The second order


def test_the_second_order_is_on_another_day_and_the_others_are_still_waited_for():
    orders = orders_of(
        ("a", "2025-01-10 09:00", 10), ("a", "2025-01-10 18:00", 4), ("a", "2025-01-12", 3), ("a", "2025-01-20", 9),
        ("b", "2025-01-11", 7), ("b", "2025-01-11", 2),
    )  # fmt: skip
    table = retention.second_orders(orders, as_of="2025-01-31", by="amount").set_index("customer_id")
    columns = ["returned", "days", "followed_days", "first_spend"]
    assert table.loc["a", columns].tolist() == [True, 2, 21, 14.0]
    assert table.loc["b", columns].tolist() == [False, 20, 20, 9.0]
    assert table.loc["a", "second_spend"] == 3.0
    assert pd.isna(table.loc["b", "second_spend"])


def test_groups_come_from_the_channel_where_it_is_known():
    orders = orders_of(("a", "2025-01-10", 10), ("b", "2025-01-10", 20), ("c", "2025-01-10", 30))
    customers = pd.DataFrame({"customer_id": ["a", "b"], "channel": ["event", None]})
    table = retention.second_orders(orders, customers, as_of="2025-01-31")
    assert table.group.tolist() == ["event", "not known", "not known"]


def test_without_channels_groups_are_thirds_of_the_first_order():
    orders = orders_of(*((str(n), "2025-01-10", n) for n in range(100, 190)))
    groups = retention.second_orders(orders, pd.DataFrame({"customer_id": ["100"]}), as_of="2025-01-31").group
    assert groups.value_counts().to_dict() == {
        "≤130": 31,
        "130–160": 30,
        ">160": 29,
    }
    with pytest.raises(ValueError, match="customers"):
        retention.second_orders(orders, as_of="2025-01-31", by="channel")


def test_the_repeat_rate_rests_on_customers_who_were_followed_long_enough():
    table = returns_of(
        ("x", True, 90, 90),  # in time, to the day
        ("x", True, 91, 400),  # too late
        ("x", False, 89, 89),  # not judged yet
        ("x", True, 5, 30),  # quick, but not judged either: the slow of the same age are not
    )
    row = retention.repeat_rate(table, within=90).iloc[0]
    assert (row.new_customers, row.followed, row.returned, row.repeat_rate) == (4, 2, 1, 0.5)
    by_group = retention.repeat_rate(table.iloc[2:], within=90, by="group").iloc[0]
    assert by_group.followed == 0
    assert by_group[["repeat_rate", "low", "high"]].isna().all()


def test_kaplan_meier_uses_customers_as_long_as_they_were_followed():
    table = returns_of(
        ("x", True, 2, 50), ("x", False, 3, 3), ("x", True, 5, 50), ("x", True, 5, 50), ("x", False, 9, 9)
    )
    curve = retention.return_curves(table, by=None, least_at_risk=1)
    # S(2) = 4/5; one is censored at 3; S(5) = 4/5 · 1/3.
    assert curve.share.tolist() == pytest.approx([0, 1 / 5, 1 - 4 / 15])
    assert curve.at_risk.tolist() == [5, 5, 3]


def test_kaplan_meier_and_its_interval_are_those_of_every_single_customer():
    from statsmodels.duration.survfunc import SurvfuncRight

    random = np.random.default_rng(2)
    waits, ends = random.geometric(0.02, 500), random.integers(1, 200, 500)
    table = pd.DataFrame({"group": "x", "returned": waits <= ends, "days": np.minimum(waits, ends)})
    curve = retention.return_curves(table, by=None, least_at_risk=1).iloc[1:]
    single = SurvfuncRight(table.days, table.returned.astype(int))
    assert curve.share.to_numpy() == pytest.approx(1 - single.surv_prob)
    inside = single.surv_prob > 0
    survival, error = single.surv_prob[inside], single.surv_prob_se[inside]
    low = 1 - survival ** np.exp(1.959964 * error / (survival * np.log(survival)))
    assert curve.low.to_numpy()[inside] == pytest.approx(low, rel=1e-6)
    assert ((curve.low <= curve.share) & (curve.share <= curve.high))[curve.low.notna()].all()


def test_censoring_does_not_bias_the_curve():
    random = np.random.default_rng(4)
    waits, ends = random.geometric(0.01, 40_000), random.integers(0, 300, 40_000)
    table = pd.DataFrame({"group": "x", "returned": waits <= ends, "days": np.minimum(waits, ends)})
    curve = retention.return_curves(table, by=None).set_index("day")
    for day in (30, 90, 180):
        assert curve.low[day] < 1 - 0.99**day < curve.high[day]
    naive = (table.returned & (table.days <= 90)).mean()
    assert naive < 1 - 0.99**90 - 0.05


def test_a_median_is_told_only_if_it_is_reached():
    quick = returns_of(*[("x", True, n, 99) for n in range(1, 11)])
    assert retention.median_wait(retention.return_curves(quick, by=None, least_at_risk=1)) == 5
    slow = returns_of(*[("x", n < 5, n, 99) for n in range(1, 11)])
    assert retention.median_wait(retention.return_curves(slow, by=None, least_at_risk=1)) is None


def test_curves_end_where_too_few_are_left_and_groups_keep_apart():
    table = pd.concat([returns_of(*[("x", True, n, 99) for n in range(1, 51)]), returns_of(*[("y", False, 9, 9)] * 40)])
    curves = retention.return_curves(table)
    assert curves[curves.group == "x"].at_risk.min() == 30
    assert curves[curves.group == "y"].to_dict("records")[0]["share"] == 0.0


def returns_by_group(*sizes):
    rows = [(f"g{place:02d}", 10 + n, n % 10 > 0) for place, size in enumerate(sizes) for n in range(size)]
    return pd.DataFrame(rows, columns=["group", "days", "returned"]).assign(followed_days=400)


def test_sixty_small_groups_are_one_curve_of_all_customers():
    returns = returns_by_group(*[12] * 60)
    curves = retention.return_curves(returns)
    assert curves.group.unique().tolist() == ["all customers"]
    assert curves.at_risk.iloc[0] == 720
    everybody = retention.return_curves(returns, by=None)
    pd.testing.assert_frame_equal(curves.drop(columns="group"), everybody)


def test_small_groups_beside_large_ones_are_taken_together_as_other():
    returns = returns_by_group(50, 60, 12, 13, 14)
    curves = retention.return_curves(returns)
    assert curves[curves.day == 0].set_index("group").at_risk.to_dict() == {"other groups": 39, "g00": 50, "g01": 60}
    assert retention.log_rank(returns).groups[0] == 3
    # One small group alone would only lose its name.
    assert set(retention.return_curves(returns_by_group(50, 60, 12)).group) == {"g00", "g01", "g02"}


def test_the_log_rank_test_is_that_of_a_textbook():
    # Freireich et al. (1963), remission in weeks, 6-MP against placebo: chi-square 16.79, p 0.00004.
    treated = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    table = pd.DataFrame(
        {
            "group": ["6-MP"] * 21 + ["placebo"] * 21,
            "days": treated + placebo,
            "returned": [True] * 9 + [False] * 12 + [True] * 21,
        }
    )
    test = retention.log_rank(table, least=20).iloc[0]
    assert test.chi2 == pytest.approx(16.793, abs=0.001)
    assert test.p == pytest.approx(4.17e-5, rel=0.01)


def test_curves_and_test_take_no_more_rows_from_the_engine_than_there_are_days(monkeypatch, tmp_path):
    import ibis

    random = np.random.default_rng(6)
    waits, ends = random.geometric(0.02, 20_000), random.integers(1, 90, 20_000)
    each = pd.DataFrame({"group": random.choice(["a", "b", "c"], 20_000), "returned": waits <= ends})
    each["days"] = np.minimum(waits, ends)
    connection = ibis.duckdb.connect()
    each.to_parquet(tmp_path / "second_orders.parquet")
    table = connection.read_parquet(tmp_path / "second_orders.parquet")
    taken = []

    def counted(answer):
        def counting(*args, **kwargs):
            result = answer(*args, **kwargs)
            taken.append(np.size(result) if np.isscalar(result) else len(result))
            return result

        return counting

    for name in ("execute", "to_pandas", "to_pyarrow"):
        monkeypatch.setattr(type(connection), name, counted(getattr(type(connection), name)))
    everybody, by_group = retention.return_curves(table, by=None), retention.return_curves(table)
    test = retention.log_rank(table)
    assert max(taken) <= 3 * each.days.nunique()
    assert taken[0] <= each.days.nunique()
    pd.testing.assert_frame_equal(everybody, retention.return_curves(each, by=None))
    pd.testing.assert_frame_equal(by_group, retention.return_curves(each))
    pd.testing.assert_frame_equal(test, retention.log_rank(each))
    from statsmodels.duration.survfunc import survdiff

    assert (test.chi2[0], test.p[0]) == pytest.approx(survdiff(each.days, each.returned.astype(int), each.group))


def test_there_is_no_test_without_groups_or_returns():
    assert retention.log_rank(returns_of(*[("x", True, 3, 9)] * 40)).empty
    nobody = returns_of(*[("x", False, 3, 9)] * 40, *[("y", False, 3, 9)] * 40)
    assert retention.log_rank(nobody).empty
    never_at_risk = returns_of(*[("x", True, 30, 90)] * 40, *[("y", False, 0, 0)] * 40)
    assert retention.log_rank(never_at_risk).empty


def test_times_to_return_come_from_customers_followed_for_the_whole_horizon():
    whole = returns_of(*[("x", True, n, 400) for n in range(1, 101)])
    young = returns_of(*[("x", True, 1, 20)] * 500)
    timing = retention.time_to_return(pd.concat([whole, young]))
    assert timing.day.tolist() == [25, 50, 80]
    assert timing.returners.tolist() == [100] * 3
    recent = returns_of(*[("x", True, n, 200) for n in range(1, 101)])
    assert retention.time_to_return(recent).horizon[0] == 180
    assert retention.time_to_return(whole[:0]).empty


# Comparisons


def test_with_two_years_the_same_days_are_compared_so_that_season_plays_no_part():
    first = pd.date_range("2023-01-01", "2024-12-31").repeat(2)
    followed = (pd.Timestamp("2024-12-31") - first).days
    table = pd.DataFrame({"first_day": first, "followed_days": followed, "days": 10, "returned": first.month <= 3})
    row = retention.compare_newer(table, as_of="2024-12-31").iloc[0]
    assert row.same_season
    assert (row.newer_to.isoformat(), row.older_to.isoformat()) == ("2024-10-02", "2023-10-03")
    # Everybody who comes in the first quarter returns, in both years: one leap day is all that differs.
    assert row.difference == pytest.approx(0, abs=0.004)


def test_with_less_data_the_halves_are_compared_and_this_is_said():
    first = pd.date_range("2025-01-01", "2025-06-29")
    table = pd.DataFrame({"first_day": first, "followed_days": 100, "days": 10, "returned": first.month <= 3})
    newer = retention.compare_newer(table, as_of="2025-10-07")
    assert not newer.same_season[0]
    assert newer.high[0] < 0
    assert retention.compare_newer(table[:40], as_of="2025-10-07").empty


def two_years(random, rates, share, *, a_day=8, noise=0.0):
    """Customers of two groups over two years: their rates, and the share of the first group, in the older and newer."""
    first = pd.date_range("2024-01-01", "2025-12-31").repeat(a_day)
    newer = np.asarray(first >= "2025-01-01").astype(int)
    months = np.asarray((first.year - 2024) * 12 + first.month - 1)
    a = random.random(len(first)) < np.asarray(share)[newer]
    rate = np.where(a, np.asarray(rates)[newer, 0], np.asarray(rates)[newer, 1])
    rate = rate + random.normal(0, noise, 24)[months]
    return pd.DataFrame(
        {
            "first_day": first, "group": np.where(a, "a", "b"), "returned": random.random(len(first)) < rate,
            "days": 10, "followed_days": (pd.Timestamp("2026-03-31") - first).days,
        }
    )  # fmt: skip


def test_what_other_customers_explain_is_told_apart_from_what_changed():
    random = np.random.default_rng(2)
    # Groups as before, but more of the one that returns: all of it is the mix.
    row = retention.compare_newer(two_years(random, [(0.6, 0.2)] * 2, (0.3, 0.6)), as_of="2026-03-31").iloc[0]
    assert row.low > 0
    assert row["mix"] == pytest.approx(0.4 * 0.3, abs=0.02)
    assert row.difference == pytest.approx(row["mix"], abs=0.03)
    # Shares as before, and both groups better: none of it is.
    row = retention.compare_newer(two_years(random, [(0.4, 0.2), (0.5, 0.3)], (0.5, 0.5)), as_of="2026-03-31").iloc[0]
    assert row.difference == pytest.approx(0.1, abs=0.03)
    assert row["mix"] == pytest.approx(0, abs=0.01)
    # A group that is new has no older rate: all that it changes is the mix.
    fresh = two_years(random, [(0.6, 0.2)] * 2, (0.0, 0.5))
    assert retention.compare_newer(fresh, as_of="2026-03-31")["mix"][0] == pytest.approx(0.2, abs=0.02)


def test_months_that_differ_by_more_than_chance_widen_the_range_and_raise_few_false_alarms():
    random, alarms = np.random.default_rng(4), {0.0: 0, 0.04: 0}
    naive = 0
    for noise in alarms:
        for _ in range(60):
            row = retention.compare_newer(
                two_years(random, [(0.4, 0.4)] * 2, (0.5, 0.5), noise=noise), as_of="2026-03-31"
            ).iloc[0]
            assert row.unsteady >= 1
            alarms[noise] += row.low > 0 or row.high < 0
            ends = [row.difference + (end - row.difference) / row.unsteady for end in (row.low, row.high)]
            naive += noise > 0 and not ends[0] < 0 < ends[1]
    # Of sixty each, 5% are 3; more than 7 would be rarer than one in fifty.
    assert max(alarms.values()) <= 7
    assert naive > alarms[0.04]


def test_groups_that_are_alike_seldom_seem_to_differ_although_best_and_worst_are_picked():
    random = np.random.default_rng(9)
    seeming = 0
    for _ in range(20):
        returned = random.random(900) < 0.3
        table = pd.DataFrame(
            {"group": np.arange(900) % 6, "returned": returned, "days": 10, "followed_days": 99}
        ).astype({"group": str})
        top = retention.compare_groups(table).iloc[0]
        assert top.difference > 0
        seeming += top.low > 0
    assert seeming <= 3


def test_small_groups_are_not_compared():
    table = returns_of(*[("x", True, 3, 99)] * 40, *[("y", False, 99, 99)] * 29)
    assert retention.compare_groups(table).empty


# Worth


def test_the_value_of_a_second_order_is_what_it_leaves_after_cost():
    rows = [(str(n), "2024-03-01", 50) for n in range(40)] + [(str(n), "2024-03-20", 100) for n in range(40)]
    rows += [(str(n), "2024-05-01", 30) for n in range(40)] + [("new", "2025-06-01", 10)] * 1
    orders = orders_of(*rows)
    by_margin = retention.value_of_second_orders(orders, as_of="2025-12-31", margin=0.5).iloc[0]
    assert (by_margin.second_orders, by_margin.value, by_margin.with_a_year) == (40, 50.0, 65.0)
    assert by_margin.new_customers_a_year == 1
    assert by_margin.one_point == pytest.approx(0.5)
    by_cost = retention.value_of_second_orders(orders.assign(cost=20.0), as_of="2025-12-31", margin=0.5).iloc[0]
    assert (by_cost.value, by_cost.with_a_year) == (80.0, 90.0)


def test_the_year_after_is_told_only_of_customers_for_whom_it_is_over():
    rows = [(str(n), "2025-03-01", 50) for n in range(40)] + [(str(n), "2025-03-20", 100) for n in range(40)]
    worth = retention.value_of_second_orders(orders_of(*rows), as_of="2025-12-31").iloc[0]
    assert np.isnan(worth.with_a_year)
    # Ten months of data hold 40 new customers: a year would bring more.
    assert worth.new_customers_a_year == pytest.approx(40 * 365 / 306)


def test_early_orders_count_days_within_and_after():
    orders = orders_of(
        ("a", "2025-01-01", 10), ("a", "2025-04-01", 20), ("a", "2025-04-02", 30), ("a", "2025-09-29", 40),
        ("b", "2025-01-01", 10), ("late", "2025-09-01", 10),
    )  # fmt: skip
    table = retention.early_orders(orders, as_of="2025-12-31").set_index("early_orders")
    # Day 90 still belongs to the first 90 days; day 91 and day 270 to the following 180; day 271 does not.
    assert table.loc["2", ["customers", "still_buying", "later_revenue"]].tolist() == [1, 1, 30.0]
    assert table.loc["1", ["customers", "still_buying", "later_revenue"]].tolist() == [1, 0, 0.0]
    assert "late" not in table.index


def test_measures_of_too_little_are_empty_with_all_columns():
    few = returns_of(*[("x", True, 3, 99)] * 29, first_day=pd.Timestamp("2025-01-01"))
    worth = retention.value_of_second_orders(orders_of(("a", "2025-01-01", 5)), as_of="2025-12-31")
    assert worth.empty
    assert {"value", "one_point_low"} <= set(worth.columns)
    newer = retention.compare_newer(few, as_of="2025-12-31")
    assert newer.empty
    assert {"older_rate", "newer_rate", "difference", "same_season"} <= set(newer.columns)


def test_groups_are_channels_only_where_one_is_known():
    orders, nobody = orders_of(("a", "2025-01-10", 10), ("b", "2025-01-10", 20)), empty("customers")
    assert retention.grouping(nobody) == "amount"
    groups = retention.second_orders(orders, nobody.to_pandas(), as_of="2025-01-31").group
    assert set(groups) == {"≤13", ">17"}


def test_the_measures_do_not_change_what_they_are_given():
    orders = orders_of(("a", "2025-01-10", 10), ("a", "2025-02-10", 10))
    before = orders.copy()
    cohorts = retention.cohorts(orders, as_of="2025-03-31")
    kept = cohorts.copy()
    retention.pooled_retention(cohorts)
    pd.testing.assert_frame_equal(orders, before)
    pd.testing.assert_frame_equal(cohorts, kept)


# The sample brand: what is found is what was put in


@pytest.mark.parametrize("within", [90, 180])
def test_the_true_repeat_rates_lie_in_the_intervals(aurora_returns, truth, within):
    base, name = truth["customer_base"], f"within_{within}_days"
    row = retention.repeat_rate(aurora_returns, within=within).iloc[0]
    # Truth counts customers to the end of the simulation, the estimate those followed long enough: newer ones return
    # more often, so that for all together a point is allowed.
    assert row.repeat_rate == pytest.approx(base["totals"]["all"][f"second_order_{name}"], abs=0.025)
    by_channel = retention.repeat_rate(aurora_returns, within=within, by="group").set_index("group")
    covered = [
        by_channel.low[channel] <= facts["second_order"][name]["simulated"] <= by_channel.high[channel]
        for channel, facts in base["channels"].items()
    ]
    assert sum(covered) >= 6


def test_the_web_channels_lie_where_their_model_says(aurora_returns, truth):
    for within in (90, 180):
        rates = retention.repeat_rate(aurora_returns, within=within, by="group").set_index("group")
        for channel, facts in truth["customer_base"]["channels"].items():
            if facts["pure_bg_nbd"]:
                model = facts["second_order"][f"within_{within}_days"]["model_without_measures_or_trend"]
                spread = (rates.high[channel] - rates.low[channel]) / 2
                assert rates.repeat_rate[channel] == pytest.approx(model, abs=1.5 * spread)


def test_cohorts_that_were_followed_have_their_true_rate_in_the_interval(aurora_returns, truth):
    rates = retention.repeat_rate(aurora_returns, within=90, by="cohort")
    quarters = truth["customer_base"]["cohorts_by_quarter_of_first_order"]
    for row in rates[rates.followed == rates.new_customers].itertuples():
        name = f"{row.cohort.year}Q{row.cohort.quarter}"
        assert row.low <= quarters[name]["second_order_within_90_days"] <= row.high


def test_newer_customers_of_the_sample_return_more_often_as_was_put_in(aurora, aurora_returns):
    row = retention.compare_newer(aurora_returns, as_of=aurora.as_of).iloc[0]
    assert row.low > 0
    assert round(row["mix"], 4) == 0.0325


def test_second_orders_of_the_last_channel_are_worth_what_its_own_customers_bring(aurora, aurora_returns):
    orders, pairs = aurora.table("orders"), retention.compare_groups(aurora_returns)
    last = aurora_returns.loc[aurora_returns.group == pairs.other[0], ["customer_id"]]
    theirs = orders.semi_join(ibis.memtable(last), "customer_id")
    worth, everybody = (
        retention.value_of_second_orders(of, as_of=aurora.as_of, margin=0.55) for of in (theirs, orders)
    )
    assert (round(worth.value[0]), round(everybody.value[0])) == (107, 163)
    finding = retention.finding_groups(aurora_returns, pairs, worth, by="channel")
    # 7,650, and not the 11,824 of everybody's second orders.
    assert finding.money == pytest.approx(7650, abs=10)


def test_the_sample_s_best_and_worst_channels_are_found(aurora_returns):
    pairs = retention.compare_groups(aurora_returns)
    assert {pairs.group[0], pairs.other[0]} <= {"referral", "partner", "content", "social", "event"}
    assert pairs.p_adjusted[0] < 1e-9
    from statsmodels.stats.multitest import multipletests

    assert pairs.p_adjusted.to_numpy() == pytest.approx(multipletests(pairs.p, method="holm")[1], rel=1e-9)


def test_findings_agree_with_a_second_way_of_counting(aurora, repository):
    raw = pd.read_csv(repository / "data/aurora/orders.csv", parse_dates=["ordered_at"])
    tests = pd.read_csv(repository / "data/aurora/customers.csv").query("is_test == True").customer_id
    kept = raw[raw.customer_id.notna() & ~raw.customer_id.isin(tests) & ~raw.status.isin(["cancelled", "open"])]
    refunded = kept.refunded_amount.fillna(0).where(
        (kept.status != "refunded") | (kept.refunded_amount > 0), kept.amount
    )
    kept = kept.assign(day=kept.ordered_at.dt.normalize(), left=kept.amount - refunded).query("left > 0")
    daily = (
        kept.assign(brings=kept.left - kept.cost).groupby(["customer_id", "day"], as_index=False).brings.sum()
    ).sort_values(["customer_id", "day"])
    nth = daily.groupby("customer_id").cumcount()
    first = daily[nth == 0].set_index("customer_id").day
    second = daily[nth == 1].set_index("customer_id")
    waits = (second.day - first.reindex(second.index)).dt.days
    followed = first[first <= pd.Timestamp("2025-12-31") - pd.Timedelta(days=90)]
    share = (waits.reindex(followed.index) <= 90).mean()
    orders = aurora.table("orders")
    rate = retention.repeat_rate(retention.second_orders(orders, as_of=aurora.as_of)).iloc[0]
    worth = retention.value_of_second_orders(orders, as_of=aurora.as_of, margin=aurora.client.margin).iloc[0]
    assert rate.followed == pytest.approx(len(followed), rel=0.002)
    assert rate.repeat_rate == pytest.approx(share, abs=0.002)
    assert worth.value == pytest.approx(second.brings[waits <= 90].mean(), rel=0.005)
    new = (first > pd.Timestamp("2024-12-31")).sum()
    assert worth.one_point == pytest.approx(new * 0.01 * second.brings[waits <= 90].mean(), rel=0.005)


def test_the_chapter_runs_to_its_end_on_two_orders_and_without_contracts(repository, tmp_path):
    (tmp_path / "orders.csv").write_text("order_id,customer_id,ordered_at,amount\n1,a,2025-01-02,5\n2,b,2025-03-03,7\n")
    client = "name: Two orders\ncurrency: EUR\ntimezone: UTC\ntables:\n  orders: {from: orders.csv}\n"
    (tmp_path / "client.yaml").write_text(client)
    source = (repository / "notebooks" / "source" / "05_retention.py").read_text(encoding="utf-8")
    source = source.replace("../data/aurora/client.yaml", (tmp_path / "client.yaml").as_posix())
    names = {"__name__": "chapter"}
    exec(compile(source, "05_retention", "exec"), names)
    assert names["curves"].at_risk.tolist() == [2]
    assert names["outlook"].empty


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sample_s_findings_are_as_short_as_the_page_allows(aurora, aurora_returns, language):
    use(language, "CNY")
    orders = aurora.table("orders")
    worth = retention.value_of_second_orders(orders, as_of=aurora.as_of, margin=0.55)
    curve = retention.return_curves(aurora_returns, by=None)
    found = [
        retention.finding_second_order(retention.repeat_rate(aurora_returns), worth),
        retention.finding_timing(retention.time_to_return(aurora_returns), curve),
        retention.finding_newer(retention.compare_newer(aurora_returns, as_of=aurora.as_of)),
        retention.finding_groups(aurora_returns, retention.compare_groups(aurora_returns), worth, by="channel"),
    ]
    assert not [words for finding in found for words in too_long(finding)]
    assert [finding.key for finding in found if finding.decides] == []
