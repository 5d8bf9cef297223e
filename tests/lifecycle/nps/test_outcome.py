"""What promoters and detractors spend afterwards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import nps
from tests.conftest import empty
from tests.lifecycle.nps.conftest import AS_OF, frame

ANSWERS = frame(
    response_id=["r1", "r2", "r3", "r4", "r5"], customer_id=["a", "a", "b", "c", None], score=[2.0, 9.0, 8.0, 3.0, 9.0],
    answered_at=["2024-06-01", "2025-03-01", "2025-08-01", "2025-02-01", "2025-02-01"],
    category=["detractor", "promoter", "passive", "detractor", "promoter"],
)  # fmt: skip
ORDERS = pd.DataFrame(
    [
        ("a", "2024-02-01", 1000.0, "paid"),  # more than a year before
        ("a", "2025-02-19", 10.0, "paid"),
        ("a", "2025-02-20", 99.0, "cancelled"),
        ("a", "2025-03-02", 20.0, "paid"),
        ("a", "2025-08-27", 30.0, "paid"),
        ("a", "2025-08-29", 500.0, "paid"),  # the 181st day
        ("b", "2025-09-01", 77.0, "paid"),
    ],
    columns=["customer_id", "ordered_at", "amount", "status"],
).assign(ordered_at=lambda t: pd.to_datetime(t.ordered_at))


def test_only_answers_followed_to_the_end_count_and_of_each_customer_the_latest():
    later = nps.later_revenue(ANSWERS, ORDERS, as_of=AS_OF).set_index("customer_id")
    assert later.response_id.to_dict() == {"a": "r2", "c": "r4"}
    earlier = nps.later_revenue(ANSWERS, ORDERS, as_of="2025-07-31").set_index("customer_id")
    assert earlier.response_id.to_dict() == {"a": "r1", "c": "r4"}


def test_revenue_is_counted_from_the_answer_to_the_end_of_the_window():
    later = nps.later_revenue(ANSWERS, ORDERS, as_of=AS_OF).set_index("customer_id")
    assert later.revenue_after.to_dict() == {"a": 50.0, "c": 0.0}
    assert later.orders_after.to_dict() == {"a": 2, "c": 0}
    assert later.revenue_before.to_dict() == {"a": 10.0, "c": 0.0}
    assert later.days_since.to_dict() == {"a": 10.0, "c": 365.0}


def test_the_last_day_of_the_window_must_be_over():
    answer = ANSWERS[ANSWERS.response_id == "r2"]
    assert len(nps.later_revenue(answer, ORDERS, as_of="2025-08-27")) == 1
    assert len(nps.later_revenue(answer, ORDERS, as_of="2025-08-26")) == 0


def test_without_orders_everything_that_needs_them_is_empty():
    orders = empty("orders")
    later = nps.later_revenue(ANSWERS, orders, as_of=AS_OF)
    standing = nps.standing(ANSWERS, orders, as_of=AS_OF)
    assert [len(t) for t in (later, nps.later_by_category(later), nps.shortfall(later), standing)] == [0] * 4
    assert nps.detractor_revenue(standing, orders, as_of=AS_OF).empty


def followed(effect: float, *, confounded: float = 0.0, count: int = 900, seed: int = 3) -> pd.DataFrame:
    """Customers whose later revenue follows earlier revenue, and ``effect`` more if they are no detractors.

    ``confounded``: how much more those who are no detractors had spent before.
    """
    random = np.random.default_rng(seed)
    category = random.choice(["promoter", "passive", "detractor"], count, p=[0.5, 0.3, 0.2])
    content = (category != "detractor").astype(float)
    before = random.gamma(2.0, 100.0, count) + confounded * content
    after = 0.5 * before + effect * content + random.gamma(1.0, 80.0, count)
    return pd.DataFrame(
        {
            "category": category,
            "revenue_before": before,
            "orders_before": random.poisson(3, count),
            "days_since": random.uniform(1, 300, count),
            "revenue_after": after,
            "orders_after": random.integers(0, 3, count),
        }
    )


def test_a_true_shortfall_lies_within_its_interval():
    found = nps.shortfall(followed(60.0)).iloc[0]
    assert 0 < found.shortfall_low < 60 < found.shortfall_high


def test_who_had_spent_more_before_is_not_taken_for_an_effect():
    found = nps.shortfall(followed(0.0, confounded=200.0)).iloc[0]
    assert found.raw > 70  # half of what they had spent more before
    assert found.shortfall_low < 0 < found.shortfall_high


def test_the_shortfall_is_the_robust_regression_of_statsmodels():
    from statsmodels.regression.linear_model import OLS

    later = followed(30.0)
    design = pd.DataFrame(
        {
            "one": 1.0,
            "others": (later.category != "detractor").astype(float),
            "before": later.revenue_before,
            "log_before": np.log1p(later.revenue_before),
            "orders": later.orders_before.astype(float),
            "since": np.log1p(later.days_since),
        }
    )
    expected = OLS(later.revenue_after, design).fit(cov_type="HC1")
    found = nps.shortfall(later).iloc[0]
    assert found.shortfall == pytest.approx(expected.params["others"])
    theirs = expected.conf_int().loc["others"].tolist()
    assert [found.shortfall_low, found.shortfall_high] == pytest.approx(theirs, rel=0.03)
    assert found.shortfall_high - found.shortfall_low > theirs[1] - theirs[0]  # t for normal, and a longer tail


def test_equal_earlier_purchases_take_a_confounded_difference_away():
    table = nps.later_by_category(followed(0.0, confounded=200.0)).set_index("category")
    raw = table.revenue_after["promoter"] - table.revenue_after["detractor"]
    adjusted = table.adjusted_revenue["promoter"] - table.adjusted_revenue["detractor"]
    assert raw > 70
    assert abs(adjusted) < 20
    assert table.adjusted_low["promoter"] < table.adjusted_revenue["promoter"] < table.adjusted_high["promoter"]


def test_intervals_of_a_mean_are_those_of_theory_where_many_spend_alike():
    later = followed(0.0, count=3000)
    table = nps.later_by_category(later).set_index("category")
    promoters = later.revenue_after[later.category == "promoter"]
    error = promoters.std() / len(promoters) ** 0.5
    width = table.revenue_high["promoter"] - table.revenue_low["promoter"]
    assert width == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_categories_come_in_order_and_small_ones_are_marked_and_not_adjusted():
    later = followed(0.0, count=60)
    later.loc[later.category == "detractor", "category"] = "passive"
    table = nps.later_by_category(pd.concat([later, later.head(3).assign(category="detractor")]))
    assert table.category.tolist() == ["promoter", "passive", "detractor"]
    assert table.small_base.iloc[-1]
    assert table.adjusted_revenue.isna().all()  # three detractors cannot be adjusted
    assert nps.shortfall(later.assign(category="promoter")).empty


def test_standing_is_the_latest_answer_of_the_year_worst_first():
    standing = nps.standing(ANSWERS, ORDERS, as_of=AS_OF)
    assert standing.customer_id.tolist() == ["c", "b", "a"]
    assert standing.category.tolist() == ["detractor", "passive", "promoter"]
    assert standing.revenue.tolist() == [0.0, 77.0, 560.0]


def test_revenue_of_detractors_is_projected_to_all_customers():
    standing = pd.DataFrame({"category": ["detractor"] * 20 + ["promoter"] * 80, "revenue": [50.0] * 20 + [100.0] * 80})
    moments = ["2025-05-01", "2025-06-01", "2024-06-01", "2025-06-01"]
    orders = frame(customer_id=["x", "y", "y", None], ordered_at=moments, amount=[600.0, 300.0, 5000.0, 5000.0])
    found = nps.detractor_revenue(standing, orders, as_of=AS_OF).iloc[0]
    assert found.share == pytest.approx(1000 / 9000)
    assert found.total_revenue == 900
    assert found.active_customers == 2
    assert found.revenue == pytest.approx(100)
    assert found.known_revenue == 1000
    assert found.revenue_low < 100 < found.revenue_high


def test_one_customer_with_most_of_the_revenue_makes_the_share_unsure():
    even = pd.DataFrame({"category": ["detractor", "promoter"] * 50, "revenue": 10.0})
    uneven = even.assign(revenue=[5000.0, *[10.0] * 99])
    orders = pd.DataFrame({"customer_id": ["x"], "ordered_at": pd.to_datetime(["2025-05-01"]), "amount": [1.0]})
    sure, unsure = (nps.detractor_revenue(t, orders, as_of=AS_OF).iloc[0] for t in (even, uneven))
    assert unsure.share_high - unsure.share_low > 3 * (sure.share_high - sure.share_low)


def test_on_the_sample_the_money_adds_up(answers, orders):
    recent = answers[answers.answered_at > pd.Timestamp("2025-01-01")]
    standing = nps.standing(recent, orders, as_of=AS_OF)
    found = nps.detractor_revenue(standing, orders, as_of=AS_OF).iloc[0]
    paid = orders[orders.status.isin(["paid"]) & orders.customer_id.notna() & (orders.ordered_at >= "2025-01-01")]
    kept = paid.amount - paid.refunded_amount.fillna(0)
    assert found.total_revenue == pytest.approx(kept[kept >= 0].sum(), rel=0.005)
    by_hand = standing.groupby("category").revenue.sum()
    assert found.share == pytest.approx(by_hand["detractor"] / by_hand.sum())
