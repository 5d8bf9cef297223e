"""The same on any machine: no order of equals, no draw and no file hangs on the last digits of a processor."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlib.chapter.lists import call_list
from crmlib.lifecycle.clv.futures import _ends
from crmlib.lifecycle.clv.ranking import captured
from crmlib.lifecycle.experiments import second_order_outcomes
from crmlib.lifecycle.nps.groups import with_traits
from crmlib.lifecycle.nps.weighting import requests
from crmlib.lifecycle.segmentation import customer_activity
from crmlib.models import (
    BetaDiscreteWeibull,
    BetaGeoBetaBinomial,
    BetaGeoNBD,
    GammaGamma,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    ShiftedBetaGeometric,
    fit_with_covariates,
)
from tests.conftest import write_client
from tests.other_machine import settings
from tests.report.clients import shop, subscriptions, surveys

# Orders of equals


def test_every_sort_says_what_becomes_of_equals(repository):
    """numpy sorts by the widest instructions there are, and these leave equals in another order than others do."""
    silent = []
    for file in sorted((repository / "crmlib").rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            by = given.get("by", call.args[0] if call.args else None)
            by_several = call.func.attr == "sort_values" and isinstance(by, ast.List) and len(by.elts) > 1
            if call.func.attr in ("sort_values", "argsort") and "kind" not in given and not by_several:
                silent.append(f"{file.relative_to(repository)}:{call.lineno}")
    assert silent == []


def test_futures_of_equal_orders_count_in_the_order_in_which_they_were_drawn():
    """Nine in ten futures bring one order; whether the customer is there differs between them."""
    random = np.random.default_rng(1)
    drawn = np.where(random.random((50, 200)) < 0.9, 1.0, 2.0)
    weights = random.uniform(0.01, 1.0, (50, 200))
    low, high = _ends(drawn, np.arange(50), weights, 0.95)
    for row in range(50):
        in_order = sorted(range(200), key=lambda draw: (drawn[row, draw], draw))
        for end, ranked, before in ((high, in_order[::-1], 0.0), (low, in_order, 200 - weights[row].sum())):
            reached, last = before, 0.0
            for draw in ranked:
                reached += weights[row, draw]
                if reached > 201 * 0.025 + 1e-9:
                    break
                last = drawn[row, draw]
            assert end[row] == last


def test_customers_who_spent_the_same_are_equal_whichever_order_came_first():
    parts = [0.1, 0.2, 0.3, 1e6, 0.7]
    rows = [(name, amount) for name, order in (("a", parts), ("b", parts[::-1])) for amount in order]
    orders = pd.DataFrame(rows, columns=["customer_id", "amount"]).assign(ordered_at=pd.Timestamp("2025-06-01"))
    found = customer_activity(orders, as_of="2025-12-31").revenue_year
    assert found[0] == found[1] == 1000001.3


def test_equal_values_on_a_list_stay_in_the_order_of_the_table():
    people = pd.DataFrame({"customer_id": ["a", "b", "c"], "value": [0.3, 0.1 + 0.2, 0.3]})
    orders = pd.DataFrame({"customer_id": ["a"], "amount": [3.0], "ordered_at": pd.to_datetime(["2025-01-02"])})
    customers = pd.DataFrame({"customer_id": ["a", "b", "c"]})
    assert call_list(people, orders=orders, customers=customers, as_of="2025-01-31").customer_id.tolist() == [*"abc"]


def test_scores_that_differ_in_the_last_digit_are_one_step():
    actual = np.array([3.0, 0.0, 1.0])
    at, share = captured(actual, np.array([0.3, 0.1 + 0.2, 0.05]))
    assert at.tolist() == [0.0, 2 / 3, 1.0]
    assert share.tolist() == [0.0, 0.75, 1.0]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_orders_at_one_moment_the_same_store_is_meant_in_any_order_of_rows(turned):
    at = pd.to_datetime(["2025-01-03", "2025-01-03", "2025-01-01"])
    orders = pd.DataFrame({"customer_id": "a", "amount": 5.0, "ordered_at": at, "store": ["North", "South", "West"]})
    orders = orders[::-1] if turned else orders
    answers = pd.DataFrame({"response_id": ["1"], "customer_id": ["a"], "answered_at": pd.to_datetime(["2025-02-01"])})
    answers = answers.assign(score=9.0, category="promoter", touchpoint=None)
    assert with_traits(answers, orders=orders).store.tolist() == ["South"]
    first = orders.assign(ordered_at=at[0])
    assert second_order_outcomes(first, as_of="2025-12-31", within_days=90).store.tolist() == ["North"]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_answers_at_one_moment_the_same_is_the_first_in_any_order_of_rows(turned):
    day = pd.Timestamp("2025-03-01")
    touches = pd.DataFrame({"customer_id": ["a"], "touched_at": [day], "kind": ["survey"]})
    answers = pd.DataFrame({"customer_id": "a", "answered_at": day + pd.Timedelta(hours=9), "response_id": ["7", "8"]})
    moves = pd.DataFrame({"customer_id": "a", "at": day - pd.Timedelta(days=9), "tier": ["gold", "silver"]})
    answers, moves = (table[::-1] if turned else table for table in (answers, moves))
    found = requests(touches, answers, loyalty=moves, kind="survey", as_of="2025-12-31")
    assert found[["response_id", "tier"]].to_numpy().tolist() == [["7", "silver"]]


# Models


def a_hair_off(table: pd.DataFrame, columns: list[str], seed: int) -> pd.DataFrame:
    """The table with each number of these columns one unit in the last place up, down, or as it is."""
    random = np.random.default_rng(seed)
    moved = table.copy()
    for column in columns:
        values = table[column].to_numpy(dtype=float)
        aim = np.choose(random.integers(0, 3, len(values)), [-np.inf, np.inf, values])
        moved[column] = np.where(values == 0, values, np.nextafter(values, aim))
    if {"recency", "T"} <= set(columns):
        moved["recency"] = np.minimum(moved["recency"], moved["T"])
    return moved


def assert_same_model(model, other):
    """Parameters and draws to nine digits, though the data differ in the sixteenth."""
    assert np.abs(other.log_parameters - model.log_parameters).max() < 1e-9
    assert other.log_likelihood_ == pytest.approx(model.log_likelihood_, rel=1e-12)
    spread, others = (np.sqrt(np.diag(each.covariance)) for each in (model, other))
    assert others == pytest.approx(spread, rel=1e-8)
    drawn, again = (each.draws(100, seed=3) for each in (model, other))
    assert again.method == drawn.method
    # Not one other draw was taken.
    assert np.abs(np.log(again.values / drawn.values)).max() < 1e-7


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD])
def test_data_a_hair_off_have_the_same_models_of_orders(simulate, kind, seed):
    base = simulate(400, seed=seed)
    assert_same_model(kind.fit(base), kind.fit(a_hair_off(base, ["recency", "T"], seed)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_data_a_hair_off_have_the_same_model_of_spend(simulate, seed):
    base = simulate(400, seed=seed)
    assert_same_model(GammaGamma.fit(base), GammaGamma.fit(a_hair_off(base, ["monetary"], seed)))


@pytest.mark.parametrize("kind", [BetaDiscreteWeibull, ShiftedBetaGeometric])
def test_data_a_hair_off_have_the_same_models_of_renewal(kind):
    """Of the first, draws walk in chains, where a last digit grows with each step unless they keep to a lattice."""
    table = pd.DataFrame({"left": 10 * np.array([100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1])})
    assert_same_model(kind.fit(table.left.to_numpy()), kind.fit(a_hair_off(table, ["left"], 1).left.to_numpy()))


def test_histories_added_up_in_another_order_have_the_same_model_of_occasions():
    origin = importlib.util.find_spec("lifetimes").origin
    table = pd.read_csv(Path(origin).parent / "datasets" / "donations.csv").rename(columns={"weights": "customers"})
    # Whole numbers cannot be a hair off; what is added up in another order is.
    assert_same_model(BetaGeoBetaBinomial.fit(table), BetaGeoBetaBinomial.fit(table.sample(frac=1.0, random_state=1)))


@pytest.mark.parametrize("kind", [BetaGeoNBD, ParetoNBD])
def test_data_a_hair_off_have_the_same_effects_of_covariates(simulate, kind):
    base = simulate(500, seed=4).assign(age=lambda t: 20.0 + t.customer_id % 40)
    fits = [
        fit_with_covariates(kind, each, unit="days", orders=["age"])
        for each in (base, a_hair_off(base, ["recency", "T", "age"], 5))
    ]
    assert fits[1].params["estimate"].to_numpy() == pytest.approx(fits[0].params["estimate"].to_numpy(), rel=1e-8)
    assert fits[1].log_effects == pytest.approx(fits[0].log_effects, rel=1e-8, abs=1e-10)


# Files


def test_a_run_writes_the_same_bytes_with_other_arithmetic_hash_seed_time_zone_and_locale(tmp_path):
    """Page, tables, lists, workbook and the notebooks' outputs; a run's own times are no data."""
    tables = {
        "orders": shop(3, lambda month: 14.0, months=24), "surveys": surveys(4), "subscriptions": subscriptions(5),
    }  # fmt: skip
    texts = {name: table.to_csv(index=False) for name, table in tables.items()}
    here, there = (_run(tmp_path / name, other, texts) for name, other in (("here", {}), ("there", settings())))
    assert {"index.html", "report.xlsx", "summary.md", "intake.html", "tables/04_clv.csv"} <= set(here)
    assert any(name.startswith("lists/") for name in here)
    assert [name for name in sorted(here | there) if here.get(name) != there.get(name)] == []


def _run(folder: Path, environment: dict[str, str], texts: dict[str, str]) -> dict[str, object]:
    write_client(folder / "client", "margin: 0.4\n", **texts)
    command = [sys.executable, "-c", "from crmlib.cli import app; app()", "run", "client/client.yaml", "--out", "out"]
    path = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path} | environment, capture_output=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")[-2000:]
    told: dict[str, object] = {}
    for file in sorted((folder / "out").rglob("*")):
        name = file.relative_to(folder / "out").as_posix()
        # What is made once for several chapters holds sums with all their digits; what is shown of them does not.
        if file.is_dir() or name.startswith((".", "workspace/made/")) or name == "manifest.json":
            continue
        if file.suffix == ".ipynb":
            cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
            told[name] = [cell.get("outputs") for cell in cells]
        else:
            told[name] = file.read_bytes()
    return told
