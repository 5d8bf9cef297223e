"""Contracts: renewals counted without bias, and projections that the sample's truth bears out."""

import datetime as dt
import json

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crmlib
from crmlib.lifecycle import retention
from crmlib.models import BetaDiscreteWeibull, ShiftedBetaGeometric, compare_renewals


def contracts_of(*rows, **columns):
    """Subscriptions from (customer, start, end or None)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "started_at", "ended_at"]).assign(**columns)
    return frame.assign(started_at=pd.to_datetime(frame.started_at), ended_at=pd.to_datetime(frame.ended_at))


def counts(contracts, as_of, **options):
    """Per renewal: came to it, ended there."""
    table = retention.renewal_ages(contracts, as_of=as_of, **options)
    assert table.age.tolist() == list(range(1, len(table) + 1))
    return list(zip(table.at_risk.tolist(), table.lost.tolist(), strict=True))


@pytest.fixture(scope="module")
def aurora(repository):
    return crmlib.begin("05_retention", client=repository / "data/aurora/client.yaml")


@pytest.fixture(scope="module")
def truth(repository):
    return json.loads((repository / "data/aurora/truth.json").read_text(encoding="utf-8"))["refill_box"]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (None, [(1, 0), (1, 0), (1, 0)]),
        ("2025-04-15", [(1, 0), (1, 0), (1, 1)]),  # at its third renewal
        ("2025-04-18", [(1, 0), (1, 0), (1, 1)]),  # within the days of grace
        ("2025-04-14", [(1, 0), (1, 0), (1, 1)]),  # the day before
        ("2025-03-19", [(1, 0), (1, 0), (1, 1)]),  # between renewals: not renewed at the next
        ("2025-02-01", [(1, 1)]),
        ("2025-04-29", [(1, 0), (1, 0), (1, 0)]),  # ended, but its fourth renewal is not yet due
        ("2025-12-01", [(1, 0), (1, 0), (1, 0)]),  # announced for later than as_of
    ],
)
def test_an_end_counts_at_the_renewal_that_was_not_made(end, expected):
    assert counts(contracts_of(("a", "2025-01-15", end)), "2025-05-01") == expected


def test_a_renewal_counts_when_its_grace_is_over_for_the_loyal_and_the_lost_alike():
    loyal, lost = ("a", "2025-01-15", None), ("b", "2025-01-15", "2025-02-15")
    assert counts(contracts_of(loyal, lost), "2025-02-17") == []
    assert counts(contracts_of(loyal, lost), "2025-02-18") == [(2, 1)]


def test_month_ends_are_those_of_the_calendar():
    contracts = contracts_of(("a", "2025-01-31", "2025-02-28"), ("b", "2025-01-31", "2025-03-31"))
    assert counts(contracts, "2025-12-31") == [(2, 1), (1, 1)]


def test_a_change_of_plan_is_no_loss_but_a_pause_is():
    change = contracts_of(("a", "2025-01-01", "2025-03-01"), ("a", "2025-03-02", None))
    pause = contracts_of(("a", "2025-01-01", "2025-03-01"), ("a", "2025-05-01", None))
    assert counts(change, "2025-06-30") == [(1, 0)] * 5
    assert counts(pause, "2025-06-30") == [(2, 0), (1, 1)]


def test_contracts_at_the_same_time_are_one_relationship():
    both = contracts_of(("a", "2025-01-01", "2025-04-01"), ("a", "2025-02-01", "2025-03-01"))
    assert counts(both, "2025-12-31") == [(1, 0), (1, 0), (1, 1)]


def test_terms_are_not_mixed_and_the_most_frequent_is_taken():
    contracts = contracts_of(
        ("a", "2024-01-01", None), ("b", "2024-01-01", "2025-01-01"), ("c", "2025-01-01", None),
        period=["year", "Year", "month"],
    )  # fmt: skip
    assert counts(contracts, "2025-12-31") == [(2, 1)]
    assert len(counts(contracts, "2025-12-31", term="month")) == 11
    assert counts(contracts, "2025-12-31", term="quarter") == []
    with pytest.raises(ValueError, match="week"):
        retention.renewal_ages(contracts, as_of="2025-12-31", term="week")


def test_without_ends_prices_or_terms_all_contracts_run_by_the_month():
    contracts = contracts_of(("a", "2025-01-01", None))[["customer_id", "started_at"]]
    assert counts(contracts, "2025-04-10") == [(1, 0)] * 3
    running = retention.running_subscriptions(contracts, as_of="2025-04-10")
    assert running.contracts.tolist() == [1]
    assert running.revenue.isna().all()


def test_running_contracts_are_priced_by_their_latest_plan():
    contracts = contracts_of(
        ("a", "2025-01-01", "2025-03-01"), ("a", "2025-03-01", None), ("b", "2025-01-01", "2025-02-01"),
        price=[9.0, 15.0, 7.0],
    )  # fmt: skip
    running = retention.running_subscriptions(contracts, as_of="2025-04-10")
    assert running.to_numpy().tolist() == [[3, 1, 15.0]]


def test_pandas_and_ibis_give_the_same_renewals():
    contracts = contracts_of(("a", "2025-01-15", "2025-04-15"), ("b", "2025-02-01", None))
    for measure in (retention.renewal_ages, retention.running_subscriptions):
        table = measure(ibis.memtable(contracts), as_of="2025-12-31")
        assert isinstance(table, ibis.Table)
        pd.testing.assert_frame_equal(table.to_pandas(), measure(contracts, as_of="2025-12-31"))


def test_no_contracts_are_no_error():
    contracts = contracts_of(("a", "2025-01-15", None))
    assert counts(contracts[:0], "2025-12-31") == []
    assert counts(contracts, "2024-12-31") == []
    empty = retention.renewal_ages(contracts[:0], as_of="2025-12-31")
    assert retention.renewal_model(empty) is None
    assert retention.renewal_models(empty).empty
    assert retention.plot_projection(retention.project_renewals(empty, None)).kind == "nothing"
    assert retention.renewal_models_table(retention.renewal_models(empty)).kind == "nothing"
    outlook = retention.renewal_outlook(contracts[:0], None, as_of="2025-12-31")
    assert outlook.empty
    terms = retention.subscription_terms(contracts[:0], as_of="2025-12-31")
    assert retention.most_frequent_term(terms) == "month"
    assert retention.finding_renewals(outlook, None, terms=terms, reached=outlook) is None


def test_observed_survival_is_kaplan_meier():
    ages = pd.DataFrame({"age": [1, 2, 3], "at_risk": [100, 50, 20], "lost": [20, 10, 0]})
    table = retention.project_renewals(ages, None)
    assert table.survival.tolist()[:4] == pytest.approx([1, 0.8, 0.64, 0.64])
    assert table.survival[4:].isna().all()
    assert table.projected.isna().all()
    # Greenwood: Var(log S) = 20/(100·80) + 10/(50·40)
    spread = np.sqrt(20 / 8000 + 10 / 2000) / -np.log(0.64)
    assert table.low[2] == pytest.approx(0.64 ** np.exp(1.959964 * spread))
    words = retention.plot_projection(table).reading
    assert "64.0%" in words
    assert "Too few" in words


def test_where_contracts_are_alike_there_is_no_model_and_no_invention():
    ages = pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 900, 700], "lost": [100, 200, 350]})
    assert retention.renewal_model(ages) is None
    few = pd.DataFrame({"age": [1, 2], "at_risk": [20, 14], "lost": [6, 2]})
    assert retention.renewal_model(few) is None


def test_the_outlook_follows_each_contract_from_its_own_age():
    contracts = contracts_of(("a", "2025-12-20", None), ("b", "2024-06-15", None), price=[100.0, 10.0])
    model = ShiftedBetaGeometric.fit([1000, 631, 468, 382, 326, 289, 262, 241])
    row = retention.renewal_outlook(contracts, model, as_of="2025-12-31", margin=0.5).iloc[0]
    s = model.survival(np.arange(0, 40))
    assert row.left == pytest.approx(s[12] + s[30] / s[18])
    lost = 50 * (1 - s[1:13]).sum() + 5 * (1 - s[19:31] / s[18]).sum()
    assert row.lost == pytest.approx(lost)
    assert row.contribution == 12 * 55
    assert row.lost_low < row.lost < row.lost_high
    # A reason to stay before the third renewal reaches only the young contract, and only its first three renewals.
    reached = retention.renewal_outlook(contracts, model, as_of="2025-12-31", margin=0.5, until=3).iloc[0]
    assert reached.contracts == 1
    assert reached.lost == pytest.approx(50 * ((1 - s[1]) + (1 - s[2]) + 10 * (1 - s[3])))
    assert retention.renewal_outlook(contracts[1:], model, as_of="2025-12-31", until=3).empty
    yearly = retention.renewal_outlook(contracts.assign(period="year"), model, as_of="2025-12-31").iloc[0]
    assert yearly.left == pytest.approx(s[1] + s[2] / s[1])
    assert yearly.contribution == 110


# Contracts whose own chance to leave rises with age (BdW, c = 1.6)

RISING = {"alpha": 0.6, "beta": 10.0, "c": 1.6}
MONTHS = pd.date_range("2024-01-01", "2027-01-01", freq="MS")


def simulated(seed, *, alpha, beta, c, contracts=1500):
    """Monthly contracts begun in 2024 and the first half of 2025, their ends known to the end of 2026.

    The end T is the first t with (1 − θ)^(t^c) below a uniform number, θ from a beta (α, β).
    """
    random = np.random.default_rng(seed)
    theta = random.beta(alpha, beta, contracts)
    ends_at = np.ceil((np.log(random.random(contracts)) / np.log1p(-theta)) ** (1 / c))
    start = random.integers(0, 18, contracts)
    stop = start + np.minimum(ends_at, 99).astype(int)
    ended = pd.Series([MONTHS[at] if at < len(MONTHS) else pd.NaT for at in stop])
    return pd.DataFrame(
        {"customer_id": np.arange(contracts).astype(str), "started_at": MONTHS[start], "ended_at": ended, "price": 10.0}
    )


@pytest.fixture(scope="module")
def rising():
    return simulated(1, **RISING)


@pytest.fixture(scope="module")
def rising_model(rising):
    return retention.renewal_model(retention.renewal_ages(rising, as_of="2025-12-31"))


def test_of_contracts_whose_chance_to_leave_rises_the_truth_is_recovered(rising, rising_model):
    assert isinstance(rising_model, BetaDiscreteWeibull)
    params = rising_model.params
    for symbol, true in RISING.items():
        assert params.low[symbol] < true < params.high[symbol]
    assert params.low["c"] > 1
    ages = retention.renewal_ages(rising, as_of="2025-12-31")
    table = retention.project_renewals(ages, rising_model)
    assert set(table.model) == {"BdW"}
    assert "Projected (BdW)" in retention.plot_projection(table).picture.svg(label="")
    fitted = retention.renewal_models(ages).set_index("model")
    assert fitted.picked["BdW"]
    assert "changes with its age (BdW): it rises" in retention.renewal_models_table(fitted.reset_index()).reading


def test_of_contracts_whose_chance_to_leave_rises_the_outlook_holds_what_is_left_in_a_year(rising, rising_model):
    row = retention.renewal_outlook(rising, rising_model, as_of="2025-12-31", margin=0.5).iloc[0]
    running = rising[rising.ended_at.isna() | (rising.ended_at > "2025-12-31")]
    assert row.contracts == len(running)
    left = int((running.ended_at.isna() | (running.ended_at > "2026-12-31")).sum())
    assert row.left_low < left < row.left_high
    age = retention.running_subscriptions(rising, as_of="2025-12-31")
    survival = BetaDiscreteWeibull(**RISING).survival
    expected = age.contracts @ (survival(age.age + 12) / survival(age.age))
    assert row.left_low < expected < row.left_high
    # Whoever takes each contract's chance to leave as constant misses both, and does not know it.
    sbg = ShiftedBetaGeometric.fit(retention.renewal_ages(rising, as_of="2025-12-31"))
    assert retention.renewal_outlook(rising, sbg, as_of="2025-12-31").left_high.item() < min(left, expected)


def test_the_outlook_takes_the_very_model_that_it_is_given(rising, rising_model):
    row = retention.renewal_outlook(rising, rising_model, as_of="2025-12-31").iloc[0]
    running = retention.running_subscriptions(rising, as_of="2025-12-31")
    age, contracts = running.age.to_numpy(), running.contracts.to_numpy()
    drawn = rising_model.draws(400).values
    kept = np.exp(rising_model.log_survival(drawn, age + 12.0) - rising_model.log_survival(drawn, age * 1.0))
    low, high = np.quantile(kept @ contracts, [0.025, 0.975])
    assert (row.left_low, row.left_high) == pytest.approx((low, high), rel=1e-9)


def test_the_model_is_the_one_that_the_comparison_picks_also_where_both_fit():
    left = [1000, 869, 743, 653, 593, 551, 517, 491]  # Fader & Hardie's high-end customers: c is not 1
    ages = pd.DataFrame({"age": range(1, 8), "at_risk": left[:-1], "lost": -np.diff(left)})
    comparison = compare_renewals(left)
    assert set(comparison.models) == {"sBG", "BdW"}
    assert repr(retention.renewal_model(ages)) == repr(comparison.picked)
    assert comparison.pick == "BdW"


def advice(model, term="month"):
    outlook = pd.DataFrame(
        [dict.fromkeys(("contracts", "left", "left_low", "left_high", "contribution", "lost", "lost_low"), 9.0)]
    ).assign(lost_high=9.0)
    terms = pd.DataFrame({"term": [term], "contracts": [9], "running": [9]})
    reached = outlook.assign(contracts=7)
    finding = retention.finding_renewals(outlook, model, term=term, terms=terms, reached=reached)
    return f"{finding.evidence} {finding.action}"


def test_to_spend_on_the_first_renewals_is_advised_only_where_later_ones_lose_less():
    for model in (ShiftedBetaGeometric(alpha=0.7, beta=1.3), BetaDiscreteWeibull(alpha=1.5, beta=20, c=0.8)):
        assert (np.diff(model.retention(range(1, 13))) > 0).all()
        assert advice(model).endswith(". Give a reason to stay before renewals one to three.")
    falling = BetaDiscreteWeibull(alpha=20, beta=2000, c=1.6)
    assert (np.diff(falling.retention(range(1, 13))) < 0).all()
    assert advice(falling) == (
        f"1.0% end at the first renewal, {1 - falling.retention(12).item():.1%} at renewal 12: leaving rises with age. "
        "The amount counts the 7 before it. Ask before renewal 12 what would make them stay."
    )


def test_where_leaving_rises_and_then_falls_the_worst_renewal_is_named():
    model = BetaDiscreteWeibull(alpha=1.5, beta=20, c=1.6)
    renewed = model.retention(range(1, 13))
    assert (np.diff(renewed[:5]) < 0).all()
    assert (np.diff(renewed[4:]) > 0).all()
    assert advice(model).startswith(
        f"7.0% end at the first renewal, {1 - renewed[4]:.1%} at renewal 5: until then leaving rises. The amount"
    )
    # Of yearly contracts two renewals are looked at, and at the second more leave.
    assert advice(model, "year").startswith(
        "7.0% end at the first renewal, 12.8% at renewal 2: leaving rises with age."
    )


@given(alpha=st.floats(-2, 4).map(np.exp), beta=st.floats(-2, 6).map(np.exp), c=st.floats(-1, 1.5).map(np.exp))
def test_under_the_bdw_leaving_never_falls_before_it_rises(alpha, beta, c):
    rate = np.diff(BetaDiscreteWeibull(alpha=alpha, beta=beta, c=c).retention(range(1, 13)))
    rate = rate[np.abs(rate) > 1e-12]
    turns = np.diff(np.sign(rate))
    assert (turns >= 0).all()


# The sample's refill boxes, whose α and β are known


def test_of_the_sample_the_sbg_is_taken_as_it_is_true(aurora):
    ages = retention.renewal_ages(aurora.table("subscriptions"), as_of=aurora.as_of)
    model = retention.renewal_model(ages)
    assert isinstance(model, ShiftedBetaGeometric)
    table = retention.project_renewals(ages, model)
    assert "Projected (sBG)" in retention.plot_projection(table).picture.svg(label="")
    assert (
        "stays the same (sBG): the data agree with it"
        in retention.renewal_models_table(retention.renewal_models(ages)).reading
    )


def test_the_true_parameters_lie_in_their_intervals(aurora, truth):
    ages = retention.renewal_ages(aurora.table("subscriptions"), as_of=aurora.as_of)
    params = retention.renewal_model(ages).params
    assert params.low["alpha"] < truth["alpha"] < params.high["alpha"]
    assert params.low["beta"] < truth["beta"] < params.high["beta"]


def test_the_true_survival_lies_in_the_band_where_it_is_projected(aurora, truth):
    ages = retention.renewal_ages(aurora.table("subscriptions"), as_of=aurora.as_of).to_pandas()
    table = retention.project_renewals(ages, retention.renewal_model(ages), until=36)
    expected = ShiftedBetaGeometric(alpha=truth["alpha"], beta=truth["beta"]).survival(table.age)
    known = truth["true_survival_by_month"]
    assert expected[: len(known)] == pytest.approx(known, abs=1e-5)
    inside = (table.projected_low <= expected) & (expected <= table.projected_high)
    assert inside[table.survival.isna()].all()
    # Of many pointwise 95% intervals some may miss, but not by much.
    half = (table.projected_high - table.projected_low)[1:] / 2
    assert ((table.projected - expected)[1:].abs() / half).max() < 1.5


def test_half_a_year_ago_the_model_would_have_foreseen_today(aurora):
    contracts = aurora.table("subscriptions")
    old = retention.renewal_model(retention.renewal_ages(contracts, as_of="2025-06-30"))
    now = retention.project_renewals(retention.renewal_ages(contracts, as_of=aurora.as_of), old, until=18)
    overlap = (now.projected_low <= now.high) & (now.low <= now.projected_high)
    assert overlap[now.survival.notna()].all()


def test_contracts_known_earlier_are_not_counted_with_later_knowledge(aurora):
    contracts = aurora.table("subscriptions").to_pandas()
    early = contracts[contracts.started_at <= "2025-06-30"]
    blinded = early.assign(ended_at=early.ended_at.where(early.ended_at <= "2025-06-30"))
    pd.testing.assert_frame_equal(
        retention.renewal_ages(contracts, as_of="2025-06-30"), retention.renewal_ages(blinded, as_of="2025-06-30")
    )


def test_the_finding_says_how_many_will_be_left_and_what_it_costs(aurora):
    contracts = aurora.table("subscriptions")
    model = retention.renewal_model(retention.renewal_ages(contracts, as_of=aurora.as_of))
    outlook = retention.renewal_outlook(contracts, model, as_of=aurora.as_of, margin=0.55)
    terms = retention.subscription_terms(contracts, as_of=aurora.as_of)
    until = retention.renewal_to_save(model)
    reached = retention.renewal_outlook(contracts, model, as_of=aurora.as_of, margin=0.55, until=until)
    finding = retention.finding_renewals(outlook, model, terms=terms, reached=reached)
    running = contracts.filter(contracts.ended_at.isnull()).count().to_pandas()
    assert finding.headline == f"Half of the {running} subscriptions will end within a year"
    young = contracts.filter(contracts.ended_at.isnull(), contracts.started_at.date() > dt.date(2025, 9, 30))
    assert finding.evidence == (
        "15% end at the first renewal, 6% at renewal 12. "
        f"The amount counts the {young.count().to_pandas()} before renewal 3."
    )
    assert finding.money == reached.lost[0] < outlook.lost[0]
    assert finding.certainty.startswith(f"{outlook.left[0]:.0f} will still be running in a year")
    assert (finding.kind, finding.owner, finding.when) == ("profit_missing", "customer_management", "month")
    assert finding.money_low < finding.money < finding.money_high
    assert finding.direction == "bad"


# Contracts of several terms


def of_two_terms():
    """Monthly contracts of whom ever fewer leave, 90 of them running, and 30 yearly ones that run."""
    lost = [369, 163, 86, 56, 37, 27, 21, 17]
    gone = [(f"m{n}-{k}", "2025-01-01", f"2025-{n + 2:02d}-01") for n, count in enumerate(lost) for k in range(count)]
    running = [(f"r{k}", "2025-01-01", None) for k in range(90)]
    months = contracts_of(*gone, *running, period="month", price=10.0)
    years = contracts_of(*[(f"y{k}", "2025-01-01", None) for k in range(30)], period="year", price=100.0)
    return pd.concat([months, years], ignore_index=True)


def test_contracts_of_every_term_are_counted_also_of_one_that_is_not_known():
    contracts = pd.concat([of_two_terms(), contracts_of(("w", "2025-01-01", None), period="Week", price=1.0)])
    terms = retention.subscription_terms(contracts, as_of="2025-12-31")
    assert terms.to_numpy().tolist() == [["month", 866, 90], ["year", 30, 30], ["week", 1, 1]]
    assert retention.most_frequent_term(terms) == "month"
    assert retention.most_frequent_term(terms[terms.term == "week"]) == "month"
    earlier = retention.subscription_terms(contracts, as_of="2025-02-15")
    assert earlier.running.tolist() == [866 - 369, 30, 1]


def test_contracts_of_other_terms_are_named_and_not_dropped_without_a_word():
    contracts = of_two_terms()
    model = retention.renewal_model(retention.renewal_ages(contracts, as_of="2025-12-31"))
    outlook = retention.renewal_outlook(contracts, model, as_of="2025-12-31")
    terms = retention.subscription_terms(contracts, as_of="2025-12-31")
    finding = retention.finding_renewals(outlook, model, terms=terms, reached=outlook[:0])
    assert "of the 90 monthly subscriptions will end" in finding.headline
    assert "In all, 120 subscriptions run." in finding.certainty
    assert "cannot be counted together: 30 yearly." in finding.certainty
    alone = retention.finding_renewals(outlook, model, terms=terms[terms.term == "month"], reached=outlook[:0])
    assert "of the 90 subscriptions will end" in alone.headline
    assert "yearly" not in alone.certainty


def test_of_yearly_contracts_the_second_renewal_is_looked_at_and_not_the_twelfth():
    model = ShiftedBetaGeometric.fit([1000, 631, 468, 382, 326, 289, 262, 241])
    contracts = contracts_of(("a", "2024-06-15", None), price=[100.0], period="year")
    outlook = retention.renewal_outlook(contracts, model, as_of="2025-12-31", term="year")
    terms = retention.subscription_terms(contracts, as_of="2025-12-31")
    finding = retention.finding_renewals(outlook, model, term="year", terms=terms, reached=outlook[:0])
    assert f"{1 - model.retention(2).item():.0%} at renewal 2." in finding.evidence
    assert finding.action == "Give a reason to stay before the first renewal."
