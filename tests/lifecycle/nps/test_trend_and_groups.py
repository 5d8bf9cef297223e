"""What is a signal, in time and among groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import nps
from tests.lifecycle.nps.conftest import frame, made_of, pooled


def quarters(*counts: tuple[int, int, int]) -> pd.DataFrame:
    """One quarter of answers after the other, from January 2024."""
    starts = pd.date_range("2024-01-01", periods=len(counts), freq="QS") + pd.Timedelta(days=14)
    answers = pooled("place", **{str(n): count for n, count in enumerate(counts)})
    return answers.assign(answered_at=starts[answers.place.astype(int)]).drop(columns="place").reset_index(drop=True)


def test_control_limits_are_three_standard_errors_for_the_base_of_the_period():
    trend = nps.trend(quarters((120, 60, 20), (30, 15, 5)), as_of="2024-12-31")
    p, d = (250 * 0.6 + 0.75) / 253, (250 * 0.1 + 0.75) / 253
    spread = 100 * (p + d - (p - d) ** 2) ** 0.5
    assert trend.centre.tolist() == pytest.approx([50, 50])
    assert trend.limit_low.tolist() == pytest.approx([50 - 3 * spread / 200**0.5, 50 - 3 * spread / 50**0.5])
    assert trend.limit_high.tolist() == pytest.approx([50 + 3 * spread / 200**0.5, 50 + 3 * spread / 50**0.5])


def test_the_same_fall_is_a_signal_on_a_large_base_and_noise_on_a_small_one():
    large = nps.trend(quarters((600, 300, 100), (600, 300, 100), (500, 300, 200)), as_of="2024-12-31")
    small = nps.trend(quarters((60, 30, 10), (60, 30, 10), (50, 30, 20)), as_of="2024-12-31")
    assert large.signal.iloc[-1] == "below"
    assert small.signal.tolist() == ["none"] * 3


def test_eight_periods_in_a_row_on_one_side_of_the_mean_are_a_signal():
    trend = nps.trend(quarters(*[(40, 60, 20)] * 8, *[(60, 60, 20)] * 8), as_of="2028-12-31")
    assert (trend.signal == "run below").tolist() == [False] * 7 + [True] + [False] * 8
    assert trend.signal.iloc[-1] == "run above"


def test_noise_rarely_makes_a_signal():
    random = np.random.default_rng(5)
    alarms = 0
    for _ in range(3):
        counts = [tuple(random.multinomial(80, [0.55, 0.3, 0.15])) for _ in range(20)]
        alarms += (nps.trend(quarters(*counts), as_of="2030-12-31").signal != "none").sum()
    assert alarms <= 2  # of 60 periods


def test_a_period_without_answers_is_a_gap_and_not_a_zero():
    answers = quarters((60, 30, 10), (60, 30, 10), (60, 30, 10))
    trend = nps.trend(answers[answers.answered_at.dt.month != 4], as_of="2024-12-31")
    assert trend.answers.tolist() == [100, 0, 100]
    assert np.isnan(trend.nps[1])
    assert trend.change.notna().tolist() == [False, False, True]


def test_a_period_that_is_not_over_is_marked():
    trend = nps.trend(quarters((60, 30, 10), (60, 30, 10)), as_of="2024-06-29")
    assert trend.unfinished.tolist() == [False, True]
    assert nps.trend(quarters((60, 30, 10), (60, 30, 10)), as_of="2024-06-30").unfinished.tolist() == [False, False]


def test_one_period_has_nothing_to_be_compared_with():
    trend = nps.trend(quarters((60, 30, 10)), as_of="2024-12-31")
    assert trend.centre.isna().all()
    assert trend.signal.tolist() == ["none"]
    assert nps.trend(made_of(0, 0, 0), as_of="2024-12-31").empty


def test_months_quarters_and_years_hold_the_same_answers():
    answers = quarters((60, 30, 10), (50, 30, 10), (40, 30, 10), (30, 30, 10), (20, 30, 10))
    tables = {p: nps.trend(answers, as_of="2026-12-31", period=p) for p in ("month", "quarter", "year")}
    assert {p: (len(t), t.answers.sum()) for p, t in tables.items()} == {
        "month": (13, 400), "quarter": (5, 400), "year": (2, 400),
    }  # fmt: skip


def test_a_slow_steady_rise_shows_as_drift_though_no_period_is_a_signal():
    rising = [(50 + 3 * n, 30, 30 - 3 * n) for n in range(8)]
    trend = nps.trend(quarters(*rising), as_of="2025-12-31")
    assert (trend.signal == "none").all()
    line = nps.drift(trend).iloc[0]
    assert line.points_low > 0
    assert line.points_low < line.points_a_year < line.points_high


def test_drift_needs_four_periods():
    assert nps.drift(nps.trend(quarters((60, 30, 10), (50, 30, 20), (9, 9, 9)), as_of="2024-12-31")).empty


def test_a_group_that_differs_is_found_and_a_small_one_is_never_judged():
    answers = pooled("shop", good=(160, 30, 10), bad=(60, 80, 60), tiny=(0, 0, 9))
    groups = nps.groups(answers, dimensions=["shop", "no such column"]).set_index("group")
    assert groups.differs.to_dict() == {"good": "above", "bad": "below", "tiny": "unknown"}
    assert groups.small_base.to_dict() == {"good": False, "bad": False, "tiny": True}


def test_groups_that_mean_nothing_differ_no_more_often_than_promised():
    random = np.random.default_rng(6)
    score = random.choice([10.0, 8.0, 3.0], p=[0.6, 0.28, 0.12], size=1200)
    alarms = 0
    for _ in range(10):
        answers = pd.DataFrame({"score": score, "digit": random.integers(0, 10, 1200).astype(str)})
        alarms += nps.groups(answers, dimensions=["digit"]).differs.isin(["above", "below"]).any()
    assert alarms <= 2  # 5% of 10 are 0.5


def test_a_small_base_is_drawn_to_the_mean_more_than_a_large_one():
    answers = pooled("shop", a=(400, 200, 100), b=(300, 250, 150), small=(9, 1, 0))
    groups = nps.groups(answers, dimensions=["shop"]).set_index("group")
    drawn = (groups.nps_shrunk - groups.nps).abs()
    assert drawn["small"] > 5 * drawn["a"]
    assert groups.nps_shrunk.between(groups.nps.min(), groups.nps.max()).all()


def test_groups_that_scatter_no_more_than_chance_are_all_given_the_same_shrunken_score():
    answers = pooled("shop", a=(51, 30, 20), b=(49, 30, 20), c=(50, 30, 21))
    assert nps.groups(answers, dimensions=["shop"]).nps_shrunk.round(6).nunique() == 1


def test_a_dimension_that_knows_one_group_only_is_left_out():
    assert nps.groups(made_of(20, 20, 20, shop="a"), dimensions=["shop"]).empty
    assert nps.groups(made_of(20, 20, 20, shop=None), dimensions=["shop"]).empty


ANSWERS = frame(
    response_id=list("1234"), customer_id=["a", "b", "c", None], answered_at=["2025-06-01"] * 4, score=[9.0, 2, 8, 8]
)
ORDERS = frame(
    customer_id=list("aaabc"), amount=[10.0] * 5, store=["S1", "S2", "S3", "S4", "S5"],
    ordered_at=["2025-01-01", "2025-05-20", "2025-06-02", "2025-05-25", "2024-01-01"],
)  # fmt: skip
TICKETS = frame(
    customer_id=list("bca"), opened_at=["2025-05-10", "2025-05-11", "2025-04-01"], is_complaint=[True, False, True]
)


def test_the_shop_is_that_of_the_last_purchase_before_the_answer():
    described = nps.with_traits(ANSWERS, orders=ORDERS).set_index("response_id")
    assert described.store[["1", "2", "3"]].tolist() == ["S2", "S4", "S5"]
    assert described.store.isna()["4"]


def test_the_most_telling_contact_of_the_thirty_days_before_counts():
    described = nps.with_traits(ANSWERS, orders=ORDERS, tickets=TICKETS).set_index("response_id")
    assert described.last_contact[["1", "2", "3"]].tolist() == ["purchase", "complaint", "service"]
    assert described.last_contact.isna()["4"]
    no_complaints = nps.with_traits(ANSWERS, tickets=TICKETS.drop(columns="is_complaint")).set_index("response_id")
    assert no_complaints.last_contact["2"] == "service"


def test_traits_neither_lose_nor_double_an_answer():
    customers = pd.DataFrame({"customer_id": ["a", "b"], "channel": ["search", "social"]})
    described = nps.with_traits(ANSWERS, customers=customers, orders=ORDERS, tickets=TICKETS)
    assert described.response_id.tolist() == ["1", "2", "3", "4"]
    assert described.channel.fillna("?").tolist() == ["search", "social", "?", "?"]
    assert nps.with_traits(ANSWERS).columns.tolist() == ANSWERS.columns.tolist()
