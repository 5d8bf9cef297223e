"""The sample brand's web channels follow the models exactly: what generated them must be found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crmlib.lifecycle.clv import FittedModels, contribution_margin, customer_equity, fit_models, summary, value_by_group

PURE = ["search", "social", "content"]
SAMPLE = Path(__file__).resolve().parents[3] / "data" / "aurora"


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))["customer_base"]["channels"]


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    return pd.read_csv(SAMPLE / "orders.csv", parse_dates=["ordered_at"])


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    people = pd.read_csv(SAMPLE / "customers.csv", dtype={"phone": str})
    return people[~people["is_test"].astype(bool)]


@pytest.fixture(scope="module")
def base(orders: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    each = summary(orders, as_of="2025-12-31")
    known = each.merge(people[["customer_id", "channel"]], on="customer_id")
    future = pd.read_csv(SAMPLE / "truth_customers.csv")
    return known.merge(future, on="customer_id", how="left")


@pytest.fixture(scope="module")
def channels(base: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, FittedModels]]:
    """Each pure channel's customers and the models fitted to them."""
    return {name: (some := base[base["channel"] == name], fit_models(some)) for name in PURE}


@pytest.mark.parametrize("channel", PURE)
def test_true_order_parameters_lie_in_the_intervals(channel, channels, truth) -> None:
    fitted = channels[channel][1]
    assert not fitted.weak_prior
    for symbol in ("r", "alpha", "a", "b"):
        row = fitted.orders_model.params.loc[symbol]
        assert row["low"] <= truth[channel]["bg_nbd"][symbol] <= row["high"], symbol


@pytest.mark.parametrize("channel", PURE)
def test_true_spend_parameters_lie_in_the_intervals(channel, channels, truth) -> None:
    model, true = channels[channel][1].spend_model, truth[channel]["gamma_gamma"]
    for symbol in ("p", "q", "v"):
        row = model.params.loc[symbol]
        assert row["low"] <= true[symbol] <= row["high"], symbol
    mean = model.expected_spend(0, 0.0).item()
    assert mean == pytest.approx(true["mean_spend"], rel=0.1)


@pytest.mark.parametrize("channel", PURE)
def test_true_number_alive_and_orders_of_the_next_year_lie_in_the_intervals(channel, channels, truth) -> None:
    some, fitted = channels[channel]
    # Nine intervals are looked at together, here and in the other channels: 95 % for all of them (Bonferroni).
    equity = customer_equity(some, **fitted.models, confidence=1 - 0.05 / 9, draws=1000).set_index("measure")
    alive, expected = equity.loc["came_back_alive"], equity.loc["expected_orders"]
    # A few customers' orders are in the data, but not their channel: what is true is summed over those who have one.
    # With those who bought once, of whom the model takes all for alive: cancelled orders may hide that one has left.
    once = int((some["frequency"] == 0).sum())
    assert alive["low"] + once <= some["alive"].sum() <= alive["high"] + once
    assert expected["low"] <= some["expected_orders"].sum() <= expected["high"]
    assert len(some) >= 0.99 * truth[channel]["customers"]
    assert expected["low"] <= truth[channel]["simulated_orders_next_365_days"] <= expected["high"]


@pytest.mark.parametrize("channel", PURE)
def test_p_alive_means_what_it_says(channel, channels) -> None:
    some, fitted = channels[channel]
    some = some[some["frequency"] > 0]
    p_alive = fitted.orders_model.p_alive(some["frequency"], some["recency"], some["T"])
    by = pd.DataFrame({"p": p_alive, "alive": some["alive"].astype(float), "third": pd.qcut(p_alive, 3, labels=False)})
    for _, third in by.groupby("third"):
        error = (third["p"] * (1 - third["p"])).sum() ** 0.5 / len(third)
        assert third["alive"].mean() == pytest.approx(third["p"].mean(), abs=3 * error + 0.03)


def test_true_value_of_newcomers_lies_in_the_intervals(base, truth) -> None:
    from crmlib.models import BetaGeoNBD

    table = value_by_group(base[base["channel"].isin(PURE)], base[["customer_id", "channel"]]).set_index("channel")
    for channel in PURE:
        parameters = {k: v for k, v in truth[channel]["bg_nbd"].items() if k != "unit_of_time"}
        orders = BetaGeoNBD(**parameters).expected_orders_new(365 / 7).item()
        true = orders * truth[channel]["gamma_gamma"]["mean_spend"]
        assert table.loc[channel, "new_low"] <= true <= table.loc[channel, "new_high"]
    assert table.index.tolist() == ["content", "search", "social"]  # as in truth


def test_the_margin_is_computed_from_the_cost_of_orders(orders) -> None:
    found = contribution_margin(orders, as_of="2025-12-31", fallback=0.3).iloc[0]
    assert found["source"] == "cost"
    assert found["margin"] == pytest.approx(0.55, abs=0.01)
    without = contribution_margin(orders.drop(columns="cost"), as_of="2025-12-31", fallback=0.3).iloc[0]
    assert (without["source"], without["margin"]) == ("client", 0.3)
