"""What is concluded from the measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import clv
from crmlib.lifecycle.clv.figures import tells_of_all
from crmlib.words import use


def equity_of(**values: tuple[float, float, float]) -> pd.DataFrame:
    known = {
        "expected_orders": (100.0, 80.0, 120.0),
        "customer_equity": (5000.0, 4000.0, 6000.0),
        "value_at_risk": (900.0, 800.0, 1000.0),
        "came_back_alive": (50.0, 45.0, 55.0),
    }
    rows = [(name, *triple) for name, triple in (known | values).items()]
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high"])


# Of 70 customers, 40 of whom bought once: where the model can tell of them (MBG/NBD, Pareto/NBD), and where not.
TOLD = equity_of(alive=(62.0, 55.0, 69.0))
UNTOLD = equity_of()

MARGIN = pd.DataFrame({"margin": [0.5], "source": ["cost"], "priced_share": [1.0], "priced_orders": [9]})


def total_of(actual: float, expected: float = 1000.0, low: float = 940.0, high: float = 1060.0) -> pd.DataFrame:
    return pd.DataFrame(
        {"customers": [500], "actual_orders": [actual], "expected_orders": [expected], "expected_low": [low],
         "expected_high": [high], "weeks": [26.0], "missed": [(actual - expected) / expected]}
    )  # fmt: skip


def baselines_of(saved: float, low: float, high: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"method": ["BetaGeoNBD", "personal_rate", "last_period"], "root_mean_squared_error": [1.0, 1.3, 1.2],
         "top_fifth_share": [0.6, 0.5, 0.5], "error_saved": [np.nan, 0.4, saved], "saved_low": [np.nan, 0.3, low],
         "saved_high": [np.nan, 0.5, high]}
    )  # fmt: skip


def trust_of(actual: float, saved: tuple[float, float, float] = (0.3, 0.2, 0.4), **how: Any) -> Any:
    return clv.trust_in_model(total_of(actual), baselines_of(*saved), **how)


def customers_at_risk(*risk: float, lost: tuple[float, ...] = ()) -> pd.DataFrame:
    """Customers who are perhaps still there, and customers who are lost, by their value at risk."""
    known = {"value_at_risk": [*risk, *lost], "p_alive": [0.4] * len(risk) + [1e-10] * len(lost)}
    table = pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(risk) + len(lost))], **known})
    clv = table["value_at_risk"] * table["p_alive"] / (1 - table["p_alive"])
    return table.assign(clv=clv, silence_weeks=30.5)


def names_money(found: Any) -> bool:
    """Whether an amount of what the model expects is named anywhere."""
    return found.money is not None or "$" in found.sentence + found.certainty + found.action


def test_equity_names_the_margin_the_money_and_how_far_the_holdout_missed() -> None:
    found = clv.finding_equity(equity_of(), MARGIN, customers=70, discount_rate=0.1, trust=trust_of(1080.0))
    assert "bring $5,000 of gross profit in twelve months" in found.headline
    assert "margin of 50.0% comes from the cost of orders" in found.certainty
    assert "About $71 for each of 70 customers, with 100 orders" in found.evidence  # 5000 / 70
    assert "$4,000 to $6,000 (includes chance)" in found.certainty
    assert "8% more orders came than forecast, slightly more than chance" in found.certainty
    client = MARGIN.assign(source="client")
    untested = clv.finding_equity(equity_of(), client, customers=70, discount_rate=0.1)
    assert "is the one set for the client" in untested.certainty
    unset = clv.finding_equity(equity_of(), client.assign(margin=1.0), customers=70, discount_rate=0.1)
    assert "No margin is set, so this money is sales" in unset.certainty
    assert "$5,000 of sales" in unset.headline
    assert "profit" not in unset.sentence
    assert "could not be tested" in untested.certainty


def test_a_weak_prior_is_told_with_the_money() -> None:
    rough = clv.FittedModels(None, None, weak_prior=True)
    found = clv.finding_equity(
        equity_of(), MARGIN, customers=70, discount_rate=0.1, trust=clv.trust_in_model(fitted=rough)
    )
    assert "weak prior" in found.certainty


def test_nothing_expected_is_no_finding() -> None:
    nothing = equity_of(customer_equity=(0.0, 0.0, 0.0), value_at_risk=(0.0, 0.0, 0.0))
    assert clv.finding_equity(nothing, MARGIN, customers=7, discount_rate=0.1) is None
    assert clv.finding_value_at_risk(nothing, customers_at_risk(0.0)) is None


def test_value_at_risk_says_with_how_many_half_of_it_lies() -> None:
    found = clv.finding_value_at_risk(equity_of(), customers_at_risk(300.0, 200.0, 400.0, 0.0))
    assert found.headline == "2 customers in doubt should still bring $467 of profit"  # (400 + 300) · .4 / .6
    assert found.evidence == ("Half last bought 30 weeks ago or longer. All 4 should bring $600 in twelve months.")
    assert (found.money, found.kind, found.decides) == (None, "", True)
    assert found.plays == ("win_back",)
    assert found.customers["customer_id"].tolist() == ["c2", "c0"]
    assert found.customers["value"].tolist() == [266.67, 200.0]
    assert sorted(found.customers["arm"]) == ["control", "treat"]
    assert found.customers["reason"].iloc[0] == "Last bought 30 weeks ago; 40% likely still a customer"


def test_it_is_said_that_calling_brings_nobody_back_whom_the_model_knows_to_be_gone() -> None:
    found = clv.finding_value_at_risk(equity_of(), customers_at_risk(*[100.0] * 10))
    assert "by it about 3 of the 5 are gone and will not come back" in found.certainty  # 5 × 60 %
    assert "not in money" in found.certainty
    assert found.action.startswith("Contact the half that the list marks")
    many = clv.finding_value_at_risk(equity_of(), customers_at_risk(*[1.0] * 4002))
    assert many.action.startswith("Write to the half that the list marks")


def test_value_at_risk_holds_one_time_buyers_where_the_model_can_tell_of_them() -> None:
    at_risk = customers_at_risk(300.0, 200.0, 400.0)
    untold = clv.finding_value_at_risk(UNTOLD, at_risk).certainty
    assert "Those who bought once are not in it, because the model cannot see them leave" in untold
    assert "bought once" not in clv.finding_value_at_risk(TOLD, at_risk).certainty
    lost = customers_at_risk(lost=(400.0, 500.0))
    of_back, of_all = (clv.finding_value_at_risk(equity, lost).evidence for equity in (UNTOLD, TOLD))
    assert "Of the customers who came back before, all who may be gone are less than 5% likely" in of_back
    assert "All customers who may be gone are less than 5% likely" in of_all


def test_whether_a_model_tells_of_all_is_read_off_the_equity() -> None:
    assert tells_of_all(TOLD)
    assert not tells_of_all(UNTOLD)
    assert not tells_of_all(equity_of(alive=(np.nan, np.nan, np.nan)))


def shares_of(share: float, customers: int = 20) -> pd.DataFrame:
    return pd.DataFrame(
        {"group": [False, True], "customers": [100 - customers, customers],
         "equity": [1000 * (1 - share), 1000 * share],
         "equity_low": [0.0, 900 * share], "equity_high": [0.0, 1100 * share], "share": [1 - share, share],
         "share_low": [0.0, share - 0.01], "share_high": [0.0, share + 0.01]}
    )  # fmt: skip


def test_evenly_spread_value_calls_for_no_core_care() -> None:
    assert clv.finding_concentration(shares_of(0.6)).plays == ("core_care",)
    assert "one by one" in clv.finding_concentration(shares_of(0.6)).action
    many = shares_of(0.6).assign(customers=[20_000, 5_000])
    assert "one by one" not in clv.finding_concentration(many).action
    even = clv.finding_concentration(shares_of(0.22))
    assert even.plays == ()
    assert "evenly" in even.action
    assert clv.finding_concentration(shares_of(0.6).assign(customers=[4, 1])) is None


def test_one_time_buyers_are_named_as_what_the_model_cannot_know() -> None:
    found = clv.finding_one_time_buyers(shares_of(0.2, customers=40), equity=UNTOLD)
    assert found.headline == "40% of customers bought once and hold 20% of next year's value"
    assert "40 customers with about $5.00 of gross profit each, $200 in all" in found.evidence
    assert "Which of them have left, it does not know" in found.certainty
    assert clv.finding_one_time_buyers(shares_of(0.2)[:1]) is None


def test_one_time_buyers_are_told_as_alive_or_gone_where_the_model_can() -> None:
    shares, trust = shares_of(0.2, customers=40), trust_of(1010.0)
    found = clv.finding_one_time_buyers(shares, trust=trust, equity=TOLD)
    assert "about 12 of them (30%) are still customers" in found.certainty  # 62 of all, of them 50 who came back
    assert "it does not know" not in found.certainty
    nothing_said = clv.finding_one_time_buyers(shares, trust=trust).certainty
    assert "still customers" not in nothing_said
    assert "does not know" not in nothing_said
    assert nothing_said == nothing_said.strip()


def test_small_amounts_are_told_in_cents_and_others_are_not() -> None:
    large = shares_of(0.2, customers=40).assign(equity=[4000.0, 4376.8])
    assert "about $109 of gross profit each" in clv.finding_one_time_buyers(large).sentence


def test_intervals_of_shares_are_said_to_include_chance() -> None:
    assert "(includes chance)" in clv.finding_concentration(shares_of(0.6)).certainty
    assert "(includes chance)" in clv.finding_one_time_buyers(shares_of(0.2, customers=40)).certainty
    assert "does not include chance)" in clv.finding_value_at_risk(UNTOLD, customers_at_risk(300.0)).certainty


def groups_of(best: float, worst: float, error: float, names: tuple[Any, Any, Any] = ("a", "b", "c")) -> pd.DataFrame:
    return pd.DataFrame({"channel": names, "new_customer_value": [best, 50.0, worst], "new_error": error})


def test_groups_differ_only_beyond_what_picking_the_extremes_makes() -> None:
    sure = clv.finding_groups(groups_of(100.0, 20.0, 5.0, ("a", "b", "(other)")))
    assert sure.headline == "Our least valuable new customers come through other channels"
    assert "One brings $20 of gross profit in the year after the first order; one through a $100." in sure.evidence
    assert (sure.decides, sure.money) == (False, None)
    by_region = clv.finding_groups(groups_of(100.0, 20.0, 5.0).rename(columns={"channel": "region"}), by="region")
    assert by_region.headline == "Our least valuable new customers come from c"
    assert "all 3 pairs" in sure.certainty
    # 2.39 standard errors of a difference for three pairs, not 1.96: 15 is within 2.39 · √2 · 5 = 16.9
    assert "may be chance" in clv.finding_groups(groups_of(57.0, 42.0, 5.0)).sentence
    assert "may be chance" not in clv.finding_groups(groups_of(59.0, 41.0, 5.0)).sentence


def priced(*, left: tuple[float, ...], spent: tuple[float, ...]) -> pd.DataFrame:
    names = ("referral", "search", "social")
    return groups_of(100.0, 20.0, 5.0, names).assign(left_over=left, left_error=5.0, spent=spent, cost_to_win=0.5)


def test_what_is_left_after_the_cost_to_win_decides_about_the_budget() -> None:
    found = clv.finding_groups(priced(left=(80.0, -30.0, 10.0), spent=(100.0, 900.0, 500.0)))
    assert found.headline == "Our least valuable new customers come through search"
    assert (
        "won lately, partly forecast, leaves −\u2060$30 each after the cost to win; through referral $80."
        in found.evidence
    )
    assert found.action == "Move a quarter of the search budget to referral; compare after 90 days."
    small = clv.finding_groups(priced(left=(80.0, -30.0, 10.0), spent=(100.0, 200.0, 500.0)).assign(cost_to_win=0.5))
    assert small.action.endswith("compare once both have 30 customers.")  # 25 customers in three months
    assert (found.owner, found.when, found.money, found.kind) == ("marketing", "quarter", 225.0, "moved")
    use("zh", "CNY")
    assert clv.finding_groups(priced(left=(80.0, -30.0, 10.0), spent=(1.0, 9.0, 5.0))).headline.startswith("搜索")
    use()


def test_no_budget_is_moved_by_chance_or_where_none_is_known() -> None:
    by_chance = clv.finding_groups(priced(left=(80.0, 79.0, 78.0), spent=(100.0, 900.0, 500.0)))
    assert "may be chance" in by_chance.evidence
    unspent = clv.finding_groups(priced(left=(80.0, 50.0, 10.0), spent=(100.0, 900.0, 0.0)))
    nan = float("nan")
    unknown = clv.finding_groups(priced(left=(nan, nan, 10.0), spent=(nan, nan, 500.0)))
    assert "in the year after the first order" in unknown.evidence
    for found in (by_chance, unspent, unknown):
        assert (found.decides, found.money) == (False, None)


def test_customers_without_a_group_are_not_compared() -> None:
    assert clv.finding_groups(groups_of(100.0, np.nan, 5.0, ("a", None, "c"))) is None


@pytest.mark.parametrize(
    ("actual", "saved", "direction", "action"),
    [
        (1010.0, (0.3, 0.2, 0.4), "neutral", "plan totals for as long a time as was tested"),
        (1080.0, (0.3, 0.2, 0.4), "neutral", "plan totals for as long a time as was tested"),  # "too small to matter"
        (1150.0, (0.3, 0.2, 0.4), "neutral", "Rank customers by the model; plan totals with a reserve of $750"),
        (1300.0, (0.3, 0.2, 0.4), "bad", "Do not plan with this model"),
        (1300.0, (-0.5, -0.6, -0.4), "bad", "Do not plan with this model"),
        (1010.0, (0.1, -0.1, 0.3), "neutral", "Choose customers by the simple rule; plan totals by the model"),
        (1150.0, (0.1, -0.1, 0.3), "neutral", "simple rule; plan totals with a reserve of $750"),
        (1010.0, (-0.5, -0.6, -0.4), "bad", "use the simple rule; the model's money is left out"),
    ],
)
def test_the_holdout_says_how_far_to_trust_the_model(actual, saved, direction, action) -> None:
    found = clv.finding_holdout(total_of(actual), baselines_of(*saved), equity_of())
    assert found.direction == direction
    assert action in found.action
    # Where nothing but chance was seen, nothing has changed; where the model failed, nothing is planned with it.
    assert ("has changed" in found.action) == (actual == 1300.0)
    trust = trust_of(actual, saved)
    assert trust.money == ("money is left out" not in found.action)
    assert ("Chance alone explains" in found.certainty) == (not 940 <= actual <= 1060)


def test_a_rule_that_does_better_is_told_with_its_own_error() -> None:
    found = clv.finding_holdout(total_of(1000.0), baselines_of(-1.0, -1.2, -0.8))
    # The rule's squared error is half of the model's: 1 − √½.
    assert "the rule's typical error was 29% smaller" in found.evidence


def test_what_the_model_saves_is_told_as_typical_error() -> None:
    found = clv.finding_holdout(total_of(1010.0), baselines_of(0.36, 0.19, 0.51))
    assert "typical error per customer is 10% to 30% smaller" in found.certainty  # 1 − √0.81, 1 − √0.49


@pytest.mark.parametrize("word", ["parameters", "squared", "holdout"])
def test_a_manager_reads_no_jargon(word: str) -> None:
    said = [
        clv.finding_equity(equity_of(), MARGIN, customers=70, discount_rate=0.1, trust=trust_of(1080.0)),
        clv.finding_equity(equity_of(), MARGIN, customers=70, discount_rate=0.1),
        clv.finding_value_at_risk(equity_of(), customers_at_risk(500.0, 400.0)),
        clv.finding_concentration(shares_of(0.6)),
        clv.finding_one_time_buyers(shares_of(0.2, customers=40)),
        clv.finding_holdout(total_of(1080.0), baselines_of(0.3, 0.2, 0.4), equity_of()),
    ]
    for found in said:
        assert word not in " ".join([found.sentence, found.certainty, found.action])
        assert "contribution" not in found.sentence


def test_few_orders_are_no_test() -> None:
    assert clv.finding_holdout(total_of(29.0, expected=29.0), baselines_of(0.3, 0.2, 0.4)) is None


def test_orders_that_were_expected_and_did_not_come_are_a_test() -> None:
    none_came = total_of(0.0, expected=50.0, low=36.0, high=64.0)
    found = clv.finding_holdout(none_came, baselines_of(0.3, 0.2, 0.4), equity_of())
    assert found.headline == "The model expected orders, and none came"
    assert "it expected 50 orders of 500 customers" in found.evidence
    assert found.direction == "bad"
    assert "Do not plan" in found.action
    assert not clv.trust_in_model(none_came, baselines_of(0.3, 0.2, 0.4)).money


def all_findings(trust: Any) -> list[Any]:
    return [
        clv.finding_equity(equity_of(), MARGIN, customers=70, discount_rate=0.1, trust=trust),
        clv.finding_value_at_risk(equity_of(), customers_at_risk(500.0, 400.0), trust=trust),
        clv.finding_concentration(shares_of(0.6), trust=trust),
        clv.finding_one_time_buyers(shares_of(0.2, customers=40), trust=trust),
    ]


@pytest.mark.parametrize(
    ("actual", "saved", "why"),
    [
        (1300.0, (0.3, 0.2, 0.4), "the model failed: 1,300 orders came where it expected 1,000"),
        (700.0, (0.3, 0.2, 0.4), "the model failed: 700 orders came where it expected 1,000"),
        (1010.0, (-0.5, -0.6, -0.4), "a simple rule surely forecast better"),
    ],
)
def test_a_model_that_failed_its_test_names_no_money_and_says_why(actual, saved, why) -> None:
    rough = clv.FittedModels(None, None, weak_prior=True)
    trust = trust_of(actual, saved, fitted=rough)
    found, *others = all_findings(trust)
    assert why in found.certainty
    assert "weak prior" in found.certainty
    assert not names_money(found)
    assert (found.decides, found.plays) == (False, ())
    # What the model alone says is not told beside "do not plan by this", neither as a finding nor as a figure.
    assert others == [None] * 3
    curve = clv.equity_concentration(pd.DataFrame({"clv": [5.0, 4, 3, 2, 1]}))
    assert clv.plot_concentration(curve, shares_of(0.6)).kind == "figure"
    left_out = clv.plot_concentration(curve, shares_of(0.6), trust=trust)
    assert (left_out.kind, why in left_out.reading) == ("nothing", True)


def test_a_miss_that_the_model_survives_is_told_with_the_money_of_every_finding() -> None:
    for found in all_findings(trust_of(1150.0)):
        assert (
            "15% more orders came than forecast, more of a difference than chance makes: plan with a reserve"
            in found.certainty
        )
        assert names_money(found)
    by_chance = clv.trust_in_model(total_of(1300.0, low=500.0, high=1500.0), baselines_of(0.3, 0.2, 0.4))
    assert by_chance.money


def test_a_simple_rule_without_any_error_is_surely_better() -> None:
    perfect = baselines_of(np.nan, np.nan, np.nan).assign(root_mean_squared_error=[0.1, 0.2, 0.0])
    assert not clv.trust_in_model(total_of(1000.0), perfect).money


def test_a_year_forecast_from_less_than_a_year_untested_names_no_money() -> None:
    found, *others = all_findings(clv.trust_in_model(history_weeks=20.4))
    assert "Twelve months are forecast from 20 weeks of data, untested" in found.certainty
    assert not names_money(found)
    assert others == [None] * 3
    assert clv.trust_in_model(history_weeks=53.0).money
    assert clv.trust_in_model(total_of(1010.0), baselines_of(0.3, 0.2, 0.4), history_weeks=40.0).money


def test_nobody_is_sent_to_call_customers_who_are_lost() -> None:
    found = clv.finding_value_at_risk(equity_of(), customers_at_risk(200.0, 100.0, 0.0, lost=(400.0, 200.0)))
    assert "67% of it lies with customers less than 5% likely to be still there, who are left out" in found.certainty
    assert found.headline == "1 customer in doubt should still bring $133 of profit"  # 200 · .4 / .6
    assert found.customers["customer_id"].tolist() == ["c0"]
    all_lost = clv.finding_value_at_risk(equity_of(), customers_at_risk(lost=(400.0, 500.0)))
    assert "No value is left to win back" in all_lost.headline
    assert (all_lost.money, all_lost.plays) == (None, ())


def test_tables_and_pictures_of_money_leave_it_out_where_no_money_may_be_named() -> None:
    trust = clv.trust_in_model(history_weeks=2.0)
    base = pd.DataFrame({"frequency": [0, 2, 1]})
    shown = clv.equity_table(equity_of(), base, trust=trust)
    assert "Twelve months are forecast from 2 weeks of data" in shown.reading
    assert not any("$" in cell for row in shown.fields["rows"] for cell in row)
    assert any("$" in cell for row in clv.equity_table(equity_of(), base).fields["rows"] for cell in row)
    customers = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [3, 0], "monetary": [5.0, 0.0]})
    matrix = clv.value_matrix(customers, pd.DataFrame({"clv": [9.0, 2.0]}))
    groups = groups_of(100.0, 20.0, 5.0)
    for empty in (clv.plot_value_matrix(matrix, trust=trust), clv.groups_table(groups, trust=trust)):
        assert empty.kind == "nothing"
        assert "Twelve months are forecast from 2 weeks of data" in empty.reading
    assert clv.finding_groups(groups, trust=trust) is None


def test_a_few_one_time_buyers_are_no_finding() -> None:
    assert clv.finding_one_time_buyers(shares_of(0.2, customers=29)) is None
    assert clv.finding_one_time_buyers(shares_of(0.2, customers=30)) is not None


def test_a_model_and_a_rule_that_cannot_be_told_apart_are_not_compared_in_percent() -> None:
    found = clv.finding_holdout(total_of(1010.0), baselines_of(-19.0, -58.58, 20.07))
    assert "cannot be told apart" in found.certainty
    assert "%" not in found.certainty
    worse = clv.finding_holdout(total_of(1010.0), baselines_of(-30.0, -58.58, -8.0))
    assert "at least twice as large" in worse.certainty


def test_a_miss_beyond_chance_but_too_small_to_matter_is_no_change_of_business() -> None:
    found = clv.finding_holdout(total_of(992.0, low=995.0, high=1005.0), baselines_of(0.3, 0.2, 0.4))
    assert "too small to matter" in found.certainty
    assert "The business changed" not in found.certainty


def test_a_wide_interval_does_not_make_a_large_miss_good_news() -> None:
    found = clv.finding_holdout(total_of(1378.0, low=600.0, high=1400.0), baselines_of(0.3, 0.2, 0.4), equity_of())
    assert found.direction == "neutral"
    assert found.headline == "Tested on the past: 38% more orders came than were forecast"
    assert "with a reserve" in found.action


def test_a_forecast_that_came_true_is_said_to_be_right() -> None:
    found = clv.finding_holdout(total_of(1004.0), baselines_of(0.3, 0.2, 0.4))
    assert found.headline == "Tested on the past: as many orders came as were forecast"
    assert "forecast 1,000 orders; 1,004 came, 60% of them from the fifth ranked first" in found.evidence
    fewer = clv.finding_holdout(total_of(960.0), baselines_of(0.3, 0.2, 0.4))
    assert fewer.headline == "Tested on the past: 4% fewer orders came than were forecast"


def test_it_is_said_what_counts_as_an_order() -> None:
    assert "everal orders on one day count once" in all_findings(trust_of(1010.0))[0].certainty
    assert (
        "several on one day count once" in clv.finding_holdout(total_of(1010.0), baselines_of(0.3, 0.2, 0.4)).certainty
    )


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        (
            1010.0,
            "It holds if the business stays as it is. On a time held out, 1% more orders came than forecast, which",
        ),
        (
            960.0,
            "It holds if the business stays as it is. On a time held out, 4% fewer orders came than forecast, which",
        ),
        (1000.0, "It holds if the business stays as it is. On a time held out, as many orders came as forecast."),
        (
            1080.0,
            "8% more orders came than forecast, slightly more than chance explains, so the interval is too narrow",
        ),
        (
            920.0,
            "8% fewer orders came than forecast, slightly more than chance explains, so the interval is too narrow",
        ),
        (
            1150.0,
            "On a time held out, 15% more orders came than forecast, more of a difference than chance makes: plan",
        ),
        (
            850.0,
            "On a time held out, 15% fewer orders came than forecast, more of a difference than chance makes: plan",
        ),
        (1210.0, "the model failed: 1,210 orders came where it expected 1,000"),
        (790.0, "the model failed: 790 orders came where it expected 1,000"),
    ],
)
def test_a_miss_is_told_with_its_direction_and_as_gravely_as_it_is(actual: float, said: str) -> None:
    verdict = trust_of(actual)
    assert said in " ".join(verdict.said)
    assert verdict.money == (800 <= actual <= 1200)
    # Only a miss beyond chance casts doubt on the model itself.
    assert ("which chance can make" in " ".join(verdict.said)) == (actual in (1010.0, 960.0))
    assert ("and the model is right" in " ".join(verdict.said)) == (actual in (1080.0, 920.0))
    assert ("than chance" in " ".join(verdict.said)) == (not 940 <= actual <= 1060)
    assert not verdict.regular


def test_a_large_miss_within_chance_is_told_as_one_that_chance_can_make() -> None:
    wide = total_of(1300.0, low=500.0, high=1500.0)
    verdict = clv.trust_in_model(wide, baselines_of(0.3, 0.2, 0.4))
    assert verdict.money
    assert "30% more orders came than forecast, which chance can make" in " ".join(verdict.said)


def timing_of(k: float, low: float, high: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"customers": [200], "pairs": [800], "k": [k], "low": [low], "high": [high], "p_value": [0.001]}
    )


REGULARLY = "Customers order far more regularly than the model assumes."


@pytest.mark.parametrize(
    ("timing", "regular"),
    [
        (timing_of(8.0, 7.0, 9.0), True),
        (timing_of(2.5, 2.01, 3.1), True),
        (timing_of(2.5, 2.0, 3.1), False),  # more regular than random, but not surely far more
        (timing_of(9.0, 1.5, 50.0), False),
        (timing_of(1.0, 0.9, 1.1), False),
        (timing_of(0.4, 0.3, 0.5), False),
        (None, False),
    ],
)
def test_only_surely_regular_customers_are_told_of(timing: pd.DataFrame | None, regular: bool) -> None:
    verdict = trust_of(1010.0, timing=timing)
    assert verdict.regular == regular
    assert (REGULARLY in " ".join(verdict.said)) == regular
    assert verdict.money  # totals need no right P(alive) of each
    untested = clv.trust_in_model(timing=timing)
    assert "could not be tested" in " ".join(untested.said)
    assert (REGULARLY in " ".join(untested.said)) == regular


def test_value_at_risk_of_regular_customers_names_no_money_and_says_whom_to_call() -> None:
    trust = trust_of(1010.0, timing=timing_of(8.0, 7.0, 9.0))
    for at_risk in (customers_at_risk(500.0, 400.0), customers_at_risk(300.0, 200.0, lost=(400.0,))):
        found = clv.finding_value_at_risk(equity_of(), at_risk, trust=trust)
        assert not names_money(found)
        assert not found.decides
        assert found.plays == ()
        assert "when they are overdue by their own rhythm" in found.action
        assert REGULARLY in found.certainty
        assert found.direction == "bad"
    # Nobody who could be won back is left: then there is nobody to call either.
    all_lost = clv.finding_value_at_risk(equity_of(), customers_at_risk(lost=(400.0, 500.0)), trust=trust)
    assert "No value is left to win back" in all_lost.sentence
    assert "overdue" not in all_lost.action


def test_other_findings_of_regular_customers_keep_their_money_and_say_it() -> None:
    for found in all_findings(trust_of(1010.0, timing=timing_of(8.0, 7.0, 9.0))):
        assert REGULARLY in found.certainty
        assert names_money(found) == (found.key != "clv.value_at_risk")


def test_regular_customers_whose_model_failed_are_told_both() -> None:
    trust = trust_of(1300.0, timing=timing_of(8.0, 7.0, 9.0))
    assert not trust.money
    found, *others = all_findings(trust)
    assert "the model failed" in found.certainty
    assert REGULARLY in found.certainty
    assert not names_money(found)
    assert others == [None] * 3


def test_real_orders_like_clockwork_are_regular_to_the_verdict() -> None:
    random, start = np.random.default_rng(1), pd.Timestamp("2024-01-01")
    days = np.cumsum(random.integers(27, 34, (60, 10)), axis=1)
    orders = pd.DataFrame(
        {"customer_id": np.repeat(np.arange(60), 10), "ordered_at": start + pd.to_timedelta(days.ravel(), unit="D"),
         "amount": 1.0}
    )  # fmt: skip
    assert clv.trust_in_model(timing=clv.regularity(orders, as_of="2025-12-31")).regular


MOST = {"en": {"headline": 12, "evidence": 25, "action": 18}, "zh": {"headline": 24, "evidence": 50, "action": 36}}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_finding_is_longer_than_a_manager_reads(language: str) -> None:
    use(language, "CNY")
    large = equity_of(customer_equity=(1_595_792.8, 1e6, 2e6), expected_orders=(10_201.0, 9e3, 1e4))
    trusts = [trust_of(1010.0), trust_of(1300.0), trust_of(1010.0, timing=timing_of(8.0, 7.0, 9.0))]
    trusts += [clv.trust_in_model(history_weeks=2.0)]
    made = [found for trust in trusts for found in all_findings(trust)]
    made += [clv.finding_equity(large, MARGIN, customers=107_714, discount_rate=0.1)]
    made += [clv.finding_equity(large, MARGIN.assign(margin=1.0, source="client"), customers=9, discount_rate=0.1)]
    made += [clv.finding_value_at_risk(equity, customers_at_risk(lost=(4e5, 5e5))) for equity in (TOLD, UNTOLD)]
    made += [clv.finding_value_at_risk(equity_of(), customers_at_risk(*[1594.0] * 20_000))]
    made += [clv.finding_concentration(shares_of(0.2)), clv.finding_concentration(shares_of(0.6, 5000))]
    for actual in (0.0, 700.0, 960.0, 1000.0, 1150.0, 1300.0):
        for saved in ((0.3, 0.2, 0.4), (-0.5, -0.6, -0.4), (0.1, -0.1, 0.3)):
            made += [clv.finding_holdout(total_of(actual), baselines_of(*saved), large)]
    for left in ((763.0, 281.0, 70.0), (763.0, 762.0, 761.0), (763.0, 70.0, -1281.0)):
        table = priced(left=left, spent=(1e4, 1e4, 71_442.0))
        made += [clv.finding_groups(table), clv.finding_groups(table.assign(left_over=np.nan))]
    for found in filter(None, made):
        for part, most in MOST[language].items():
            said = getattr(found, part)
            assert 0 < len(said.split() if language == "en" else said) <= most, (found.key, said)
        assert not found.headline.endswith((".", "。"))
    use()
