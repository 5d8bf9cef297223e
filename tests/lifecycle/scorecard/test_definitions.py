"""KPIs as data, and formulas that are arithmetic and nothing else."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.lifecycle import scorecard
from crmlib.lifecycle.scorecard.formula import FormulaInvalid, read_formula
from crmlib.problems import UnusableInput
from crmlib.words import use

ASKED_FOR = (
    "cac", "retention_rate", "churn_rate", "repurchase_rate", "average_order_value", "clv", "nps", "csat",
    "complaint_resolution", "lead_conversion", "win_back_rate",
)  # fmt: skip


@pytest.mark.parametrize(
    "text_",
    [
        "__import__('os').system('true')", "revenue.real", "revenue ** 9", "revenue[0]", "lambda: 1", "[revenue]",
        "(revenue, orders)", "revenue if orders else buyers", "revenue < orders", "revenue and orders", "'a' * 3",
        "True * revenue", "revenue;1", "", "42", "revenue // orders", "revenue @ orders", "orders := 1",
        "f'{revenue}'", "revenue" + "+1" * 200,
    ],
)  # fmt: skip
def test_a_formula_is_arithmetic_over_measures_and_nothing_else(text_):
    with pytest.raises(FormulaInvalid):
        read_formula(text_)


@given(a=st.floats(1, 1e6), b=st.floats(1, 1e6), c=st.floats(1, 1e6))
def test_a_formula_follows_the_rules_of_arithmetic(a, b, c):
    assert read_formula("a + b * -c / (a - 2 * b)").value({"a": a, "b": b, "c": c}) == pytest.approx(
        a + b * -c / (a - 2 * b) if a != 2 * b else math.nan, nan_ok=True
    )


def test_a_rate_without_a_base_is_unknown_not_zero_and_not_infinite():
    measures = pd.DataFrame({"lapsed": [1.0, 0.0, 3.0], "active_at_start": [4.0, 0.0, np.nan]})
    assert read_formula("lapsed / active_at_start").value(measures).tolist() == pytest.approx(
        [0.25, math.nan, math.nan], nan_ok=True
    )


def test_an_unknown_measure_is_answered_with_the_nearest_one():
    with pytest.raises(FormulaInvalid, match="did you mean 'marketing_cost'"):
        read_formula("marketing_costs / new_customers", tuple(scorecard.BASE_MEASURES))


def test_the_kpis_that_were_asked_for_are_defined_in_both_languages_with_owner_and_needs():
    kpis = scorecard.load_kpis()
    assert set(ASKED_FOR) <= set(kpis)
    english = {key: (kpi.name, kpi.definition, kpi.owner) for key, kpi in kpis.items()}
    use("zh", "CNY")
    for key, kpi in kpis.items():
        assert kpi.needs
        for said, before in zip((kpi.name, kpi.definition, kpi.owner), english[key], strict=True):
            assert said
            assert said != before
    assert kpis["repurchase_rate"].name == "复购率（全部购买客户，90天内）"
    assert scorecard.load_kpis(parameters={"period": "week"})["churn_rate"].name == "流失率（每周）"


def test_the_clients_file_changes_adds_and_drops_kpis_and_the_clients_targets_win(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "churn_rate: {target: 0.07}\nnps: null\nguests: {name: {en: Guests, zh: 游客},\n"
        "  definition: 'Guests per {period}', unit: percent, better: neither, owner: Team 7,\n"
        "  formula: guest_revenue / revenue}\n",
        encoding="utf-8",
    )
    kpis = scorecard.load_kpis(own, targets={"churn_rate": 0.05})
    assert "nps" not in kpis
    assert kpis["churn_rate"].target == 0.05
    assert kpis["churn_rate"].formula.text == "lapsed / active_at_start"
    assert kpis["guests"].needs == {"orders": ("ordered_at", "amount")}
    guests = kpis["guests"]
    assert (guests.name, guests.definition, guests.owner) == ("Guests", "Guests per month", "Team 7")
    assert scorecard.load_kpis(own)["churn_rate"].target == 0.07
    use("zh", "CNY")
    assert (guests.name, guests.definition) == ("游客", "Guests per 月")


def test_every_problem_of_a_definition_file_is_named_at_once_with_what_to_write(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "one: {name: One, definition: x, unit: monei, better: higher, formula: revenu / orders}\n"
        "two: {definition: x, unit: money, better: more, formulae: revenue}\n"
        "three: {name: Three, definition: x, unit: money, better: lower, formula: 'marketing_cost / buyers',\n"
        "  needs: {orders: [customer_id, ordered_at, amount]}, interval: {share: {}}, target: many}\n"
        "nps: {worth: {formula: orders}}\n",
        encoding="utf-8",
    )
    with pytest.raises(UnusableInput) as refused:
        scorecard.load_kpis(own)
    said = str(refused.value)
    for part in (
        "the unknown measure 'revenu'", "did you mean 'revenue'?", "did you mean 'money'?",
        "the unknown key 'formulae' under two", "no two.formula", "no two.name", "two.better: ",
        "three.needs without spend.cost", "three.interval", "three.target: 'many'", "line 1, column 62",
        "line 4, column ", "no nps.worth.about",
    ):  # fmt: skip
        assert part in said


@pytest.mark.parametrize("content", ["- a\n", "a: [\n", "plain text", "one: 3\n"])
def test_a_definition_file_that_holds_no_kpis_is_refused_in_words(tmp_path, content):
    own = tmp_path / "own.yaml"
    own.write_text(content, encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"own\.yaml"):
        scorecard.load_kpis(own)
    with pytest.raises(UnusableInput, match="no such file"):
        scorecard.load_kpis(tmp_path / "none.yaml")


def test_what_does_not_add_up_over_months_cannot_be_taken_by_the_quarter(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("churn_rate: {period: quarter}\ncsat: {period: year}\n", encoding="utf-8")
    with pytest.raises(UnusableInput) as refused:
        scorecard.load_kpis(own)
    for part in ("churn_rate.period over lapsed", "over active_at_start", "csat.period: 'year'"):
        assert part in str(refused.value)


def test_definitions_tell_the_values_of_parameters_and_no_program_names():
    kpis = scorecard.load_kpis(parameters={"silent_days": 200, "sla_hours": 36.0, "period": "quarter"})
    said = {key: f"{kpi.name} {kpi.definition}" for key, kpi in kpis.items()}
    assert not re.search(r"[a-z]_[a-z]|[{}`]|hapter", " ".join(said.values()))
    assert "silent for more than 200 days" in said["churn_rate"]
    assert "Churn rate, per quarter" in said["churn_rate"]
    assert "within 36 hours" in said["complaint_resolution"]
    assert "(all buyers, 90 days)" in said["repurchase_rate"]
