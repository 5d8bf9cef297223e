"""What customers were worth on earlier days is told where its own chapter would put money on it, and only there."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import clv
from crmlib.lifecycle.clv.trust import Trust
from crmlib.models import BetaGeoNBD, ParetoNBD
from crmlib.models.orders_model import OrdersModel

END = dt.date(2025, 6, 30)


@pytest.fixture(scope="module")
def steady() -> pd.DataFrame:
    """Two years of 700 customers who order at random, each at a rate of their own, and leave after some order."""
    random, rows = np.random.default_rng(17), []
    for customer in range(700):
        day, rate, leaves = random.uniform(0, 600), random.gamma(1.5, 1 / 60), random.beta(1.0, 3.0)
        mean = random.gamma(4.0, 10.0)
        while day < 730:
            rows.append((f"c{customer}", END - dt.timedelta(days=729 - int(day)), random.gamma(4.0, mean / 4)))
            day += 730 if random.random() < leaves else random.exponential(1 / rate)
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"]))


def kind_of(orders: pd.DataFrame) -> type[OrdersModel]:
    """The model that chapter 04 takes."""
    kind = clv.model_choice(orders, as_of=END).kind
    assert kind is not None
    return kind


def verdict(orders: pd.DataFrame, day: dt.date) -> Trust:
    """As chapter 04 comes to it: a time held out, and how long the data are."""
    history = clv.summary(orders, as_of=day)
    until = clv.calibration_end(orders, as_of=day)
    if until is None:
        return clv.trust_in_model(history_weeks=history["T"].max())
    past = clv.summary(orders, as_of=day, calibration_end=until)
    then = kind_of(orders).fit(past)
    tested = clv.holdout_total(past, then), clv.baseline_comparison(past, then)
    return clv.trust_in_model(*tested, history_weeks=history["T"].max())


def test_a_steady_business_is_worth_what_its_models_say(steady: pd.DataFrame) -> None:
    assert verdict(steady, END).money
    row = clv.equity_on(steady, days=[END], margin=0.5, discount_rate=0.1).iloc[0]
    history = clv.summary(steady, as_of=END)
    by_hand = clv.predict(
        history,
        **clv.fit_models(history, orders_model=kind_of(steady)).models,
        margin=0.5,
        discount_rate=0.1,
        confidence=None,
    )
    assert row["expected_value"] == pytest.approx(by_hand["clv"].sum())
    assert row["expected_value_low"] < row["expected_value"] < row["expected_value_high"]


def test_no_value_is_told_on_a_day_on_which_the_model_had_failed_its_test(steady: pd.DataFrame) -> None:
    until = pd.Timestamp(clv.calibration_end(steady, as_of=END))
    late = steady[steady["ordered_at"] > until]
    again = late.assign(ordered_at=late["ordered_at"] - pd.Timedelta(days=3))
    doubled = pd.concat([steady, again[again["ordered_at"] > until]])
    assert verdict(doubled, END).verdict == "failed"
    assert clv.equity_on(doubled, days=[END]).empty
    # Before, nobody knew of it.
    assert clv.equity_on(doubled, days=[until.date(), END])["as_of"].tolist() == [until.date()]


def test_no_twelve_months_are_told_from_fewer_that_nothing_tested(steady: pd.DataFrame) -> None:
    begin = steady["ordered_at"].min().date()
    early, later = (begin + dt.timedelta(days=days) for days in (150, 500))
    assert verdict(steady, early).verdict == "too_short"
    assert clv.equity_on(steady, days=[early, later])["as_of"].tolist() == [later]


def test_chapter_13_fits_them_once(repository) -> None:
    source = (repository / "notebooks" / "source" / "13_scorecard.py").read_text(encoding="utf-8")
    assert source.count("equity_on(") == 1


def test_a_list_of_customers_that_is_newer_than_the_day_changes_nothing(steady: pd.DataFrame) -> None:
    newer = pd.DataFrame({"customer_id": ["n1", "n2"], "channel": ["ads", "shop"]})
    pd.testing.assert_frame_equal(
        clv.equity_on(steady, days=[END], groups=newer), clv.equity_on(steady, days=[END]), rtol=1e-12
    )


@pytest.fixture(scope="module")
def leaving_any_time() -> pd.DataFrame:
    """900 customers who may leave at any time, whether they have just ordered or not: a Pareto/NBD base."""
    random, rows = np.random.default_rng(2), []
    for customer in range(900):
        day = random.uniform(0, 800)
        leaves = min(900, day + random.exponential(150 / random.gamma(1.0)))
        rate, mean = random.gamma(3.0) / 60, random.gamma(4, 10)
        while day < leaves:
            rows.append((f"c{customer}", END - dt.timedelta(days=899 - int(day)), random.gamma(4, mean / 4)))
            day += random.exponential(1 / rate)
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"]))


def test_customers_are_valued_by_the_model_that_chapter_04_takes(leaving_any_time: pd.DataFrame) -> None:
    assert kind_of(leaving_any_time) is ParetoNBD
    told = clv.equity_on(leaving_any_time, days=[END], margin=0.5).iloc[0]["expected_value"]
    history = clv.summary(leaving_any_time, as_of=END)
    right, other = (
        clv.customer_equity(
            history, **clv.fit_models(history, orders_model=kind).models, margin=0.5, residual=False, draws=100
        ).set_index("measure")["value"]["customer_equity"]
        for kind in (ParetoNBD, BetaGeoNBD)
    )
    assert told == pytest.approx(right, rel=1e-9)
    assert told != pytest.approx(other, rel=1e-3)
    # Said by chapter 13, which has asked already, it is the same.
    again = clv.equity_on(leaving_any_time, days=[END], margin=0.5, kind=ParetoNBD).iloc[0]["expected_value"]
    assert again == pytest.approx(told, rel=1e-12)


def test_one_model_values_all_days(leaving_any_time: pd.DataFrame) -> None:
    days = [END - dt.timedelta(days=90), END]
    told = clv.equity_on(leaving_any_time, days=days)
    alone = clv.equity_on(leaving_any_time, days=days[:1], kind=ParetoNBD)
    assert told["expected_value"][0] == pytest.approx(alone["expected_value"][0], rel=1e-12)


@pytest.mark.parametrize("chapter", ["04_clv", "13_scorecard"])
def test_the_model_is_chosen_in_one_place(repository, chapter) -> None:
    source = (repository / "notebooks" / "source" / f"{chapter}.py").read_text(encoding="utf-8")
    assert source.count("clv.model_choice(") == 1
    assert "BetaGeoNBD" not in source
