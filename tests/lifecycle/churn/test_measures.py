"""What the measures answer: against peers, by a second way, as of a day, on thin and on empty tables."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from crmlib.contract import TABLES
from crmlib.engine import connect, empty_table, summaries_only
from crmlib.lifecycle import churn
from crmlib.lifecycle.churn.coming_back import cox_fit
from crmlib.lifecycle.churn.model import inputs
from crmlib.lifecycle.experiments import play_effect
from crmlib.lifecycle.scorecard.measures import contract_measures
from tests.lifecycle.churn.conftest import orders_of
from tests.test_large_data import shop

AS_OF = dt.date(2025, 12, 31)
DAY = pd.Timestamp("2025-06-30")


# Features look back, and never past their day


def a_past(draw):
    """Orders, complaints, answers and lines of two customers, some before and some after a day."""
    at = st.integers(-200, 200).map(lambda n: DAY + pd.Timedelta(days=n, hours=12))
    who = st.sampled_from(["a", "b"])
    orders = draw(st.lists(st.tuples(who, at, st.floats(1, 99), st.booleans()), min_size=1, max_size=12))
    orders = pd.DataFrame(orders, columns=["customer_id", "ordered_at", "amount", "reduced"])
    orders = orders.assign(order_id=[f"o{n}" for n in range(len(orders))], discount=orders.reduced.astype(float))
    tickets = draw(st.lists(st.tuples(who, at, st.integers(1, 500), st.booleans()), max_size=5))
    tickets = pd.DataFrame(tickets, columns=["customer_id", "opened_at", "hours", "is_complaint"])
    tickets["resolved_at"] = pd.to_datetime(tickets.opened_at) + pd.to_timedelta(tickets.hours, unit="h")
    tickets = tickets.assign(opened_at=pd.to_datetime(tickets.opened_at), category="service")
    surveys = draw(st.lists(st.tuples(who, at, st.integers(0, 10)), max_size=5))
    surveys = pd.DataFrame(surveys, columns=["customer_id", "answered_at", "score"])
    surveys = surveys.assign(kind="nps", score=surveys.score.astype(float))
    surveys["answered_at"] = pd.to_datetime(surveys.answered_at)
    lines = orders[["order_id"]].assign(category=[f"k{n % 3}" for n in range(len(orders))])
    return orders.drop(columns="reduced"), tickets, surveys, lines


pasts = st.composite(a_past)()


@settings(max_examples=15, deadline=None)
@given(pasts)
def test_no_feature_looks_past_its_day(past):
    orders, tickets, surveys, lines = past
    some = pd.DataFrame({"customer_id": ["a", "b"], "day": DAY})
    whole = churn.features(some, orders, tickets, surveys, lines)
    end = DAY + pd.Timedelta(days=1)
    known = orders[orders.ordered_at < end]
    # What was known on the day: later rows are not there, and what was solved later is open.
    then = tickets[tickets.opened_at < end]
    then = then.assign(resolved_at=then.resolved_at.where(then.resolved_at < end))
    before = churn.features(some, known, then, surveys[surveys.answered_at < end], lines)
    pd.testing.assert_frame_equal(whole, before)
    # And what comes later may be anything.
    later = orders.assign(amount=orders.amount.where(orders.ordered_at < end, 1e6), discount=orders.discount.where(
        orders.ordered_at < end, 5.0))  # fmt: skip
    pd.testing.assert_frame_equal(churn.features(some, later, tickets, surveys, lines), whole)


def test_features_say_what_was_known():
    orders = orders_of(a=["2025-01-01", "2025-01-11", "2025-03-01"], b=["2025-07-15"])
    orders["coupon"] = ["X", None, None, None]
    tickets = pd.DataFrame({
        "customer_id": ["a", "a"], "is_complaint": True, "category": "product", "reason": ["broken", "broken"],
        "opened_at": pd.to_datetime(["2025-06-29 12:00", "2025-01-12 00:00"]),
        "resolved_at": pd.to_datetime(["2025-07-05 00:00", "2025-01-12 06:00"]),
    })  # fmt: skip
    surveys = pd.DataFrame({
        "customer_id": ["a", "a"], "kind": "nps", "score": [10.0, 3.0],
        "answered_at": pd.to_datetime(["2025-01-05", "2025-03-05"]),
    })  # fmt: skip
    lines = pd.DataFrame({"order_id": ["o0", "o1", "o2"], "category": ["mask", "mask", "serum"]})
    running = pd.DataFrame({"customer_id": ["a"], "started_at": pd.to_datetime(["2025-02-01"]), "ended_at": pd.NaT})
    some = pd.DataFrame({"customer_id": ["a", "b"], "day": DAY})
    row = churn.features(some, orders, tickets, surveys, lines, running)
    assert row.customer_id.tolist() == ["a"]  # b has not bought yet
    told = row.iloc[0]
    assert (told.silence_days, told.tenure_days, told.purchases, told.spend) == (121, 180, 3, 10.0)
    # Own gaps of 10 and 49 days, and the average of 29.5: 88.5 / 3.
    assert told.overdue == pytest.approx(121 / 29.5)
    signs = {"waited": 1, "quality": 1, "service": 0, "price": 0, "unhappy": 1, "discounts": 0, "drifted": 1}
    assert {name: told[name] for name in signs} == signs
    assert told.under_contract == 1
    assert churn.with_outcomes(row, orders, within=90).bought.tolist() == [0]


# Models and their peers


def test_the_logistic_regression_is_that_of_statsmodels(made):
    x = sm.add_constant(inputs(made.test, made.model.names))
    peer = sm.Logit(made.test.bought.to_numpy(), x).fit(disp=0)
    errors = np.sqrt(np.diag(made.model.covariance))
    # The weak prior moves no coefficient by more than a hundredth of its error.
    assert np.abs((made.model.coefficients - peer.params) / peer.bse).max() < 0.01
    assert errors == pytest.approx(peer.bse, rel=0.001)


def test_the_risk_of_the_engine_is_that_of_the_model(made):
    risk = churn.with_risk(made.test, made.model).risk.to_numpy()
    design = np.column_stack([np.ones(len(made.test)), inputs(made.test, made.model.names)])
    assert risk == pytest.approx(1 / (1 + np.exp(design @ made.model.coefficients)))
    assert risk.mean() == pytest.approx(1 - made.test.bought.mean(), abs=1e-4)
    assert churn.with_risk(made.test, None).risk.isna().all()


def test_auc_and_brier_score_are_those_of_scikit_learn(made):
    for row in made.judged.itertuples():
        risk = made.risks[row.model]
        assert row.auc == pytest.approx(roc_auc_score(made.risks.left, risk))
        assert row.brier == pytest.approx(brier_score_loss(made.risks.left, risk))
        assert row.low < row.auc < row.high
    assert made.judged.picked.sum() == 1
    best = made.judged.set_index("model")
    assert best.gain_low["logistic"] > 0


def test_calibration_counts_everybody_once_and_what_is_reached_adds_up(made):
    groups = churn.calibration(made.risks)
    assert groups.customers.sum() == len(made.risks)
    assert groups.expected.is_monotonic_increasing
    assert (groups.customers * groups.observed).sum() == pytest.approx(made.risks.left.sum())
    assert groups.reached[0] == 1
    assert (groups.expected - groups.observed).abs().mean() < 0.05


def test_a_contact_pays_above_its_cost_by_what_it_saves():
    random = np.random.default_rng(1)
    risk = random.uniform(0, 1, 40_000)
    risks = pd.DataFrame({"left": (random.uniform(0, 1, 40_000) < risk).astype(int), "logistic": risk})
    gains = churn.gain_by_threshold(risks, cost=10, saved=100, success=0.25)
    best = gains.threshold[gains.is_best].iloc[0]
    assert best == pytest.approx(10 / (100 * 0.25), abs=0.051)
    assert gains.gain.iloc[0] == pytest.approx(25 * gains.reached.iloc[0] - 10 * gains.contacted.iloc[0])


def spells_of_formula():
    n = np.arange(400)
    first, second = ((n * 7) % 10) / 10, ((n * 13) % 4 == 0).astype(float)
    stop = np.ceil(1 + ((n * 37) % 97) * (1 + second * 0.6) * np.exp(-0.5 * first))
    came_back = ((n * 11) % 5 != 0).astype(int)
    return pd.DataFrame(
        {"customer_id": n, "start": 0.0, "stop": stop, "came_back": came_back, "first": first, "second": second}
    )


def test_the_cox_model_is_that_of_lifelines():
    """Values of lifelines 0.30.3: CoxPHFitter (and its cluster_col) and proportional_hazard_test with ranks."""
    spells = spells_of_formula()
    found, errors, p_values = cox_fit(spells, spells[["first", "second"]].to_numpy())
    assert found == pytest.approx([1.790088, -1.038253], abs=1e-5)
    assert errors == pytest.approx([0.194245, 0.165162], rel=0.01)
    assert p_values == pytest.approx([0.000740, 0.000074], rel=0.5)


def test_the_cox_model_with_what_changes_over_time_is_that_of_lifelines():
    """Values of lifelines 0.30.3: CoxTimeVaryingFitter."""
    spells = spells_of_formula()
    cut = np.ceil(spells.stop / 3)
    has = (spells.customer_id % 3 == 0) & (cut < spells.stop)
    early = spells.assign(stop=spells.stop.where(~has, cut), came_back=spells.came_back.where(~has, 0), third=0.0)
    both = pd.concat([early, spells[has].assign(start=cut[has], third=1.0)], ignore_index=True)
    found, _, _ = cox_fit(both, both[["first", "second", "third"]].to_numpy())
    assert found == pytest.approx([1.785868, -1.032870, 0.359482], abs=1e-4)


def test_the_cox_model_finds_a_published_effect():
    """6-MP in leukaemia (Freireich et al. 1963): 1.57 by Efron's method (Kalbfleisch & Prentice 2002)."""
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    relapsed, left = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    stop = np.array(placebo + relapsed + left, dtype=float)
    spells = pd.DataFrame({"customer_id": range(42), "start": 0.0, "stop": stop, "came_back": [1] * 30 + [0] * 12})
    found, _, p_values = cox_fit(spells, np.r_[np.ones(21), np.zeros(21)][:, None])
    assert found == pytest.approx([1.572], abs=0.001)
    assert p_values[0] > 0.5


# Silence


def test_alarms_are_counted_a_second_way(made, aurora):
    rules = churn.silence_rules(made.orders, as_of=aurora.as_of, within=90)
    day = aurora.as_of - dt.timedelta(days=90)
    known = churn.silence_on(made.orders, as_of=day, active_within=365).to_pandas()
    back = churn.bought_again(made.orders, since=day, within=90).to_pandas().customer_id
    flagged = known[known.silence_days >= 204]
    both = churn.compare_rules(rules, days=204)
    assert both.rule.tolist() == ["fixed days", "own rhythm"]
    assert both.flagged[0] == len(flagged)
    assert both.false_alarms[0] == pytest.approx(flagged.customer_id.isin(back).mean())
    assert abs(both.flagged[1] - both.flagged[0]) < 0.03 * len(known)
    assert (rules.groupby("rule").flagged.max() == len(known)).all()
    assert rules.groupby("rule").caught.max().tolist() == pytest.approx([1, 1])


def test_a_steady_rhythm_rings_fewer_false_alarms_than_a_fixed_line():
    days, rows = pd.date_range("2024-01-01", "2025-12-31"), {}
    for n in range(60):
        rows[f"weekly{n}"] = [str(day) for day in days[n % 7 :: 7] if n % 2 or day < pd.Timestamp("2025-08-01")]
        rows[f"rare{n}"] = [str(day) for day in days[n % 80 :: 80]]
    rules = churn.silence_rules(orders_of(**rows), as_of="2025-12-31", within=90)
    most = rules[rules.caught >= 0.9]
    best = most.groupby("rule").false_alarms.min()
    assert best["own rhythm"] < 0.1
    assert best["fixed days"] > 0.2


def test_the_chance_to_come_back_counts_silences_that_are_not_over():
    orders = orders_of(a=["2025-01-01", "2025-01-21", "2025-04-01"], b=["2025-01-01"], c=["2025-03-25"])
    hazard = churn.return_hazard(orders, as_of="2025-04-10")
    # Up to 30 days: two silences of a, and b's; a's last and c's could not be followed so long. Nor could a's second
    # be followed to day 90.
    assert hazard[["from_day", "silent", "came_back"]].values.tolist() == [[0, 3, 1], [30, 2, 0], [60, 1, 0]]


# Winning back


def test_who_is_silent_and_who_was_helped():
    orders = orders_of(
        a=["2025-01-01"], b=["2025-01-01", "2025-05-01"], c=["2025-01-01", "2025-05-01"], d=["2025-01-01", "2025-02-01"]
    )
    actions = pd.DataFrame(
        {"customer_id": ["c", "a"], "arm": ["treat", "control"], "assigned_at": pd.to_datetime(["2025-04-20"] * 2)}
    )
    silent = churn.silent_customers(orders, actions, as_of="2025-12-31", silent_after=100, within=60, margin=0.5)
    told = silent.set_index("customer_id")
    assert silent.customer_id.tolist() == ["a", "b", "b", "c", "c", "d"]
    assert silent.silent_on.astype(str).iloc[0] == "2025-04-12"
    assert told.came_back["a"] == 0
    assert told.loc["b"].came_back.tolist() == [1, 0]
    assert told.loc["c"].helped.tolist() == [True, False]
    assert told.loc["b"].value.iloc[0] == 5.0
    rates = churn.win_back_rates(silent).set_index("helped")
    assert (rates.silent[False], rates.came_back[False]) == (5, 1)


def test_the_offer_counts_as_help_and_the_control_group_does_not(made):
    rates = churn.win_back_rates(made.silent).set_index("helped")
    assert rates.rate[True] > rates.rate[False]
    # Who were left alone by lot came back as often as all others without help did.
    assert 0.10 < rates.low[False] < 0.145 < rates.high[False] < 0.17


# Subscriptions


def test_movements_add_up_and_end_as_the_scorecard_does(tables, aurora):
    moved = churn.recurring_movements(tables["subscriptions"], as_of=aurora.as_of).to_pandas()
    parts = moved[["new", "returned", "expansion", "contraction", "churned"]].sum(axis=1)
    assert (moved.at_start + parts).to_numpy() == pytest.approx(moved.at_end.to_numpy())
    assert moved.at_start[1:].to_numpy() == pytest.approx(moved.at_end[:-1].to_numpy())
    kpis = contract_measures(tables["subscriptions"], as_of=aurora.as_of).to_pandas()
    assert moved.set_index("month").at_end[kpis.period].to_numpy() == pytest.approx(kpis.recurring_revenue.to_numpy())
    kept = churn.revenue_retention(tables["subscriptions"], as_of=aurora.as_of).iloc[0]
    since = moved.set_index("month").at_start["2025-01-01"]
    assert kept.at_start == pytest.approx(since)
    raw = tables["subscriptions"].to_pandas()
    then = raw[(raw.started_at < "2025-01-01") & ~(raw.ended_at < "2025-01-01")]
    now = then[~(then.ended_at < "2026-01-01")]
    assert kept.net_retention == pytest.approx(now.price.sum() / then.price.sum())
    assert (kept.customers, kept.lost) == (len(then), len(then) - len(now))


def test_a_change_of_plan_is_expansion_and_a_pause_is_a_return():
    told = pd.DataFrame({
        "customer_id": ["a", "a", "b", "b", "c"], "price": [10.0, 25.0, 10.0, 10.0, 120.0],
        "period": ["month"] * 4 + ["year"],
        "started_at": pd.to_datetime(["2025-01-05", "2025-03-05", "2025-01-05", "2025-05-10", "2025-01-10"]),
        "ended_at": pd.to_datetime(["2025-03-05", None, "2025-02-10", None, None]),
    })  # fmt: skip
    moved = churn.recurring_movements(told, as_of="2025-05-31").set_index("month")
    moved.index = moved.index.astype(str).str[:7]
    assert moved.new["2025-01"] == 30.0
    assert moved.churned["2025-02"] == -10.0
    assert moved.expansion["2025-03"] == 15.0
    assert moved.returned["2025-05"] == 10.0
    kept = churn.revenue_retention(told, as_of="2025-05-31", months=4).iloc[0]
    assert (kept.customers, kept.lost, kept.at_start, kept.expansion) == (3, 0, 30.0, 15.0)


# Thin, empty and large


def thin(orders, **tables):
    """All measures of orders, whatever they are: no measure refuses to answer."""
    some = churn.moments(orders, as_of=AS_OF)
    known = churn.with_outcomes(churn.features(some, orders, **tables), orders, within=90)
    judged, risks = churn.judge(known, known)
    model = churn.fit_model(known, within=90)
    customers = churn.customer_risks(
        churn.with_risk(churn.features(some, orders, **tables), model), orders, as_of=AS_OF, silent_after=180
    )
    silent = churn.silent_customers(orders, as_of=AS_OF, silent_after=180)
    return {
        "rules": churn.silence_rules(orders, as_of=AS_OF), "hazard": churn.return_hazard(orders, as_of=AS_OF),
        "judged": judged, "calibration": churn.calibration(risks), "odds": churn.odds_ratios(model),
        "reasons": churn.reasons(known, model), "groups": churn.risk_by_value(customers),
        "warned": churn.warned_customers(customers), "cox": churn.cox_model(churn.return_spells(orders, as_of=AS_OF)),
        "rates": churn.win_back_rates(silent),
        "gain": churn.gain_by_threshold(risks, cost=1, saved=10, success=0.1),
    }  # fmt: skip


def test_empty_tables_answer_empty_tables():
    connection = connect()

    def empty(name):
        return empty_table(connection, name, TABLES[name].kinds)

    tables = {name: empty(name) for name in ("tickets", "surveys", "order_lines", "subscriptions")}
    assert all(table.empty for table in thin(empty("orders"), **tables).values())
    assert all(table.empty for table in thin(empty("orders").to_pandas(), **tables).values())
    outcomes = churn.complaint_outcomes(empty("orders"), empty("tickets"), as_of=AS_OF)
    assert churn.slow_complaints(outcomes, as_of=AS_OF).empty
    assert churn.waiting_for_amends(outcomes, empty("orders"), as_of=AS_OF).to_pandas().empty
    assert churn.revenue_retention(empty("subscriptions"), as_of=AS_OF).empty
    moved = churn.recurring_movements(empty("subscriptions"), as_of=AS_OF).to_pandas()
    assert moved.drop(columns="month").to_numpy().sum() == 0
    known = {"within_days": 90, "as_of": AS_OF}
    effects = play_effect(empty("actions"), empty("orders"), **known)
    none = churn.effect_by_risk(empty("actions"), empty("orders"), None, effects=effects, **known)
    assert none.empty


@pytest.mark.parametrize("days", [["2025-12-31"], ["2025-01-01"], ["2025-01-01", "2025-12-30"]])
def test_one_customer_is_no_model_and_no_crash(days):
    found = thin(orders_of(a=days))
    assert all(found[name].empty for name in ("judged", "odds", "reasons", "groups", "warned", "cox", "gain"))


def test_orders_with_nothing_but_what_is_required():
    bare = orders_of(a=["2025-01-01", "2025-06-01"], b=["2025-01-01"])[["customer_id", "ordered_at", "amount"]]
    bare = bare.assign(order_id=["1", "2", "3"])
    assert thin(bare)["hazard"].silent.iloc[0] == 3
    tickets = pd.DataFrame({"ticket_id": ["t"], "customer_id": ["a"], "opened_at": pd.to_datetime(["2025-02-01"])})
    assert churn.complaint_outcomes(bare, tickets, as_of=AS_OF).empty  # nobody says what is a complaint
    assert churn.features(churn.moments(bare, as_of=AS_OF), bare, tickets).waited.sum() == 0
    tickets = tickets.assign(is_complaint=True)
    assert churn.complaint_outcomes(bare, tickets, as_of=AS_OF).empty  # nobody says when one was solved
    tickets = pd.concat([tickets, tickets.assign(ticket_id="u", customer_id="z")])
    tickets["resolved_at"] = pd.to_datetime([None, "2025-02-01 03:00"])
    found = churn.complaint_outcomes(bare, tickets, as_of=AS_OF)
    assert found[["place", "slow", "again"]].values.tolist() == [["all", True, 1]]


@pytest.mark.parametrize("solved", [None, "2025-03-01"])
def test_where_no_ticket_says_when_it_was_solved_nobody_is_known_to_have_waited(solved):
    orders = orders_of(a=["2025-01-01"], b=["2025-01-01", "2025-01-20"])
    tickets = pd.DataFrame({
        "ticket_id": ["1", "2"], "customer_id": ["a", "b"], "is_complaint": True, "category": "late delivery",
        "opened_at": pd.to_datetime(["2025-02-01", "2025-02-02"]), "resolved_at": pd.to_datetime([None, solved]),
    })  # fmt: skip
    some = pd.DataFrame({"customer_id": ["a", "b"], "day": pd.Timestamp("2025-04-30")})
    known = solved is not None
    for table in [tickets] if known else [tickets, tickets.drop(columns="resolved_at")]:
        told = churn.features(some, orders, table)
        assert told.waited.tolist() == [int(known)] * 2
        assert told.service.tolist() == [1, 1]  # what it was about is known all the same
        assert len(churn.complaint_outcomes(orders, table, as_of=AS_OF)) == 2 * known
        assert churn.return_spells(orders, table, as_of=AS_OF).slow.sum() == 2 * known
        silent = churn.silent_customers(orders, tickets=table, as_of=AS_OF, silent_after=100)
        assert silent.known.fillna("not known").tolist() == [["not known", "waited"][known]] * 2


def test_without_actions_nobody_knows_who_came_back_by_themselves():
    orders = orders_of(**{f"c{n}": ["2025-01-01", *["2025-05-01"] * (n < 10)] for n in range(40)})
    actions = pd.DataFrame({"customer_id": ["x"], "arm": ["treat"], "assigned_at": pd.to_datetime(["2025-04-20"])})
    asked = {"as_of": dt.date(2025, 7, 31), "silent_after": 100, "within": 60}
    told = {}
    for name, offers in {"empty": actions.head(0), "unknown": None, "known": actions}.items():
        rates = churn.win_back_rates(churn.silent_customers(orders, offers, **asked))
        table = churn.win_back_table(rates, within=60, silent_after=100)
        told[name] = churn.finding_came_back(rates, within=60, silent_after=100), str(table)
        assert rates[["silent", "came_back"]].values.tolist() == [[40, 10]]
    assert told["known"][0].headline == "25% of those who fall silent come back without help"
    assert told["empty"] == told["unknown"]
    assert told["unknown"][0].headline == "25% of those who fall silent come back"
    assert "do not say who got an offer" in told["unknown"][0].certainty


@pytest.mark.parametrize(
    ("store", "place"),
    [
        ("天猫旗舰店", "online"),
        ("微信小程序", "online"),
        ("Tmall Global", "online"),
        ("南京路店", "shops"),
        ("", "shops"),
    ],
)
def test_where_a_purchase_was_made_is_read_from_the_name_of_the_store(store, place):
    orders = orders_of(a=["2025-01-01"], b=["2025-01-01"]).assign(store=[store, "Main Street"])
    assert churn.return_spells(orders, as_of=AS_OF).place.tolist() == [place, "shops"]


def test_cdnow_has_a_model_that_is_better_than_silence_alone(cdnow_orders):
    orders = cdnow_orders.assign(customer_id=cdnow_orders.customer_id.astype(str))
    days = [dt.date(1998, 6, 30) - dt.timedelta(days=n) for n in (360, 180)]
    train, test = (
        churn.with_outcomes(churn.features(churn.moments(orders, as_of=day), orders), orders, within=180)
        for day in days
    )
    judged, _ = churn.judge(train, test)
    at = judged.set_index("model")
    assert at.auc["logistic"] > 0.65
    assert at.customers["logistic"] == len(test)
    found = churn.odds_ratios(churn.fit_model(test, within=180)).set_index("input")
    assert found.low["purchases"] > 1


def test_measures_take_no_more_than_summaries_and_a_stated_sample_out_of_the_engine():
    connection = connect()
    orders, _ = shop(connection)
    with summaries_only(1500) as rows:
        churn.silence_rules(orders, as_of=AS_OF)
        churn.return_hazard(orders, as_of=AS_OF)
        silent = churn.silent_customers(orders, as_of=AS_OF, silent_after=60)
        churn.win_back_rates(silent)
        sample = churn.moments(orders, as_of=dt.date(2025, 9, 30), most=1000)
        known = churn.with_outcomes(churn.features(sample, orders), orders, within=90)
        model = churn.fit_model(known, within=90)
        now = churn.with_risk(churn.features(churn.moments(orders, as_of=AS_OF), orders), model)
        customers = churn.customer_risks(now, orders, as_of=AS_OF, silent_after=180)
        churn.risk_by_value(customers)
        churn.warned_customers(customers)
        churn.cox_model(churn.return_spells(orders, as_of=AS_OF, most=1400))
    assert sum(rows) > 0


def test_the_same_kind_comes_out_that_went_in(aurora, tables):
    orders = aurora.table("orders")
    day = dt.date(2025, 3, 31)
    lazy = churn.features(churn.moments(orders, as_of=day, most=50), orders, tables["tickets"], tables["surveys"])
    frames = [table.to_pandas() for table in (orders, tables["tickets"], tables["surveys"])]
    eager = churn.features(churn.moments(orders, as_of=day, most=50).to_pandas(), *frames)
    pd.testing.assert_frame_equal(lazy.to_pandas(), eager)
