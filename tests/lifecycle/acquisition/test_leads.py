"""What becomes of leads: shares with open leads in them, stage by stage; and whether speed wins."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.lifecycle import acquisition, scorecard
from crmlib.statistics import cumulative_incidence, wilson
from tests.lifecycle.acquisition.conftest import empties, leads_of, stages_of

AS_OF = "2025-12-31"

# What was planted in the sample


def test_the_conversion_of_each_channel_is_recovered(of_leads, truth):
    rates = of_leads["rates"].set_index("group")
    for channel, planted in truth["acquisition"]["channels"].items():
        row = rates.loc[channel]
        # Seven intervals at once: each at 99.3 %.
        reach = 2.69 / 1.96
        low = row.conversion - reach * (row.conversion - row.low)
        high = row.conversion + reach * (row.high - row.conversion)
        assert low <= planted["lead_conversion"] <= high, channel
        assert row.leads == planted["leads"]
    rounded = {name: round(share, 2) for name, share in rates.conversion.items()}
    assert rounded == {
        "walk_in": 0.66, "referral": 0.52, "event": 0.32, "partner": 0.46, "search": 0.36, "social": 0.21,
        "content": 0.30,
    }  # fmt: skip


def test_the_conversion_of_each_stage_is_recovered(of_leads, truth, aurora, tables):
    """The planted shares of the channels, weighed by the leads that entered each stage."""
    planted = truth["acquisition"]["channels"]
    stages = of_leads["stages"].set_index("stage")
    assert list(stages.index) == ["new", "contacted", "skin_test", "offer"]
    entered = {name: float(channel["leads"]) for name, channel in planted.items()}
    for place, stage in enumerate(stages.index):
        share = np.average([planted[name]["stage_conversion"][place] for name in entered], weights=[*entered.values()])
        row = stages.loc[stage]
        # Leads of a channel that were won are drawn by its truth, not by its shares: twice the width of chance.
        assert row.low - (row.high - row.low) <= share <= row.high + (row.high - row.low), stage
        entered = {name: n * planted[name]["stage_conversion"][place] for name, n in entered.items()}


def test_open_leads_are_not_lost_ones(of_leads):
    rates = of_leads["rates"]
    assert (rates.conversion > rates.naive).all()
    assert rates.open.sum() == 116
    # Where leads have had all their time, nothing is left to correct.
    assert (rates.conversion - rates.naive).max() < 0.01


def test_the_first_contact_does_not_win_by_being_quick_and_looks_as_if_it_did(of_leads):
    effect = acquisition.effect_of_speed(of_leads["speed"]).iloc[0]
    assert effect.low < 0 < effect.high
    assert abs(effect.difference) < 0.01
    assert effect.naive > 0.14  # those who were never contacted cannot be won


def test_no_owner_is_better_and_the_reasons_are_as_planted(aurora, tables):
    times = acquisition.lead_times(tables["leads"], tables["lead_stages"], as_of=aurora.as_of, by="owner")
    owners = acquisition.compare_conversion(acquisition.conversion(times, by="group"))
    assert set(owners.group) == {"Berger", "Lin", "Qiao", "Zhou"}
    assert (owners.differs == "chance").all()
    reasons = acquisition.lost_reasons(tables["leads"]).set_index("reason")
    planted = {"price": 0.30, "no_reply": 0.35, "bought_elsewhere": 0.20, "not_now": 0.15}
    assert list(reasons.index) == ["no_reply", "price", "bought_elsewhere", "not_now"]
    for reason, share in planted.items():
        assert abs(reasons.share[reason] - share) < 0.02


def test_leads_that_wait_long_are_seldom_won_any_more(of_leads, aurora, tables):
    late = acquisition.after_long_waits(of_leads["times"], of_leads["slow"]).iloc[0]
    assert late.high < 0.35 < 0.9 < late.share_in_time
    waiting = acquisition.open_leads(
        tables["leads"], tables["lead_stages"], as_of=aurora.as_of, slow=acquisition_ibis(of_leads["slow"])
    ).to_pandas()
    assert (len(waiting), int(waiting.overdue.sum())) == (116, 67)
    assert waiting.waiting.is_monotonic_decreasing


def acquisition_ibis(frame):
    import ibis

    return ibis.memtable(frame)


# The same a second way


def test_the_scorecard_counts_the_same_conversion(aurora, tables):
    """Chapter 13: of leads followed for 90 days, those converted in 90 days; month by month."""
    counted = scorecard.base_measures(leads=tables["leads"], as_of=aurora.as_of).dropna(subset=["converted_leads"])
    leads = tables["leads"].to_pandas()
    for row in counted.itertuples():
        month = leads[leads.created_at.dt.to_period("M") == pd.Timestamp(row.period).to_period("M")]
        times = acquisition.lead_times(month.assign(owner="x"), as_of=aurora.as_of)
        found = acquisition.conversion(times, within=90).iloc[0]
        assert found.conversion == pytest.approx(row.converted_leads / row.leads)
        low, high = wilson(row.converted_leads, row.leads)
        assert (found.low, found.high) == pytest.approx((low, high))


def test_the_estimate_by_hand(aurora, tables, of_leads):
    """Aalen and Johansen in a loop over days, on the leads of one channel, with plain pandas."""
    leads = tables["leads"].to_pandas()
    leads = leads[leads.channel == "search"]
    stages = tables["lead_stages"].to_pandas()
    lost = leads.lead_id.map(stages[stages.stage == "lost"].set_index("lead_id").entered_at.dt.normalize())
    won = leads.converted_at.dt.normalize()
    end = won.fillna(lost).fillna(pd.Timestamp(aurora.as_of))
    days = (end - leads.created_at.dt.normalize()).dt.days
    left, share = 1.0, 0.0
    for day in sorted(days.unique()):
        at_risk = (days >= day).sum()
        share += left * ((days == day) & won.notna()).sum() / at_risk
        left *= 1 - ((days == day) & (won.notna() | lost.notna())).sum() / at_risk
    assert of_leads["rates"].set_index("group").conversion["search"] == pytest.approx(share)


def test_without_open_leads_it_is_a_share_with_its_wilson_interval():
    times = pd.DataFrame({"days": [2, 5, 9], "moved": [10, 20, 0], "lost": [30, 0, 40], "open": [0, 0, 0]})
    row = acquisition.conversion(times).iloc[0]
    assert row.conversion == pytest.approx(0.3)
    assert (row.low, row.high) == pytest.approx(wilson(30, 100))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_the_estimate_lies_between_all_open_lost_and_all_open_won(rows):
    times = pd.DataFrame(rows, columns=["days", "moved", "lost", "open"])
    n = times[["moved", "lost", "open"]].to_numpy().sum()
    found = acquisition.conversion(times[times[["moved", "lost", "open"]].sum(axis=1) > 0])
    if n == 0:
        assert found.empty
        return
    row = found.iloc[0]
    assert row.naive - 1e-9 <= row.conversion <= (row.won + row.open) / n + 1e-9
    assert row.low - 1e-9 <= row.conversion <= row.high + 1e-9


def test_the_interval_of_the_incidence_holds_what_it_promises():
    random = np.random.default_rng(3)
    held, widths, estimates = 0, [], []
    for _ in range(1500):
        is_won = random.random(200) < 0.35
        happens = np.ceil(random.exponential(np.where(is_won, 10, 18)))
        followed = random.integers(0, 60, 200)
        end, seen = np.minimum(happens, followed), happens <= followed
        days = np.arange(41)
        at_risk = (end >= days[:, None]).sum(axis=1)
        won, lost = (((end == days[:, None]) & seen & some).sum(axis=1) for some in (is_won, ~is_won))
        share, low, high = (part[-1] for part in cumulative_incidence(at_risk, won, lost))
        held += low <= 0.35 * (1 - np.exp(-4)) <= high
        estimates.append(share)
        widths.append((high - low) / 3.92)
    assert 0.92 <= held / 1500 <= 0.975
    assert np.mean(widths) == pytest.approx(np.std(estimates), rel=0.08)


# What exports look like


def test_stages_are_told_from_the_data_and_the_last_of_the_lost_is_none():
    leads = leads_of(
        ("a", "2025-01-01", "2025-01-20", None), ("b", "2025-01-02", None, "价格"), ("c", "2025-01-03", None, None)
    )
    stages = stages_of(
        ("a", "线索", "2025-01-01"), ("a", "报价", "2025-01-09"), ("a", "成交", "2025-01-20"),
        ("b", "线索", "2025-01-02"), ("b", "报价", "2025-01-05"), ("b", "输单", "2025-02-01"),
        ("c", "线索", "2025-01-03"),
    )  # fmt: skip
    order = acquisition.stage_order(leads, stages, as_of=AS_OF)
    assert order.stage.tolist() == ["线索", "报价", "成交"]
    rates = acquisition.conversion(acquisition.stage_times(leads, stages, as_of=AS_OF), by="stage").set_index("stage")
    assert rates.loc["线索", ["leads", "won", "lost", "open"]].tolist() == [3, 2, 0, 1]
    assert rates.loc["报价", ["leads", "won", "lost", "open"]].tolist() == [2, 1, 1, 0]
    assert list(rates.index) == ["线索", "报价"]  # what is won has nothing left to do


def test_where_nobody_knows_when_leads_were_lost_the_share_is_that_of_those_followed():
    rows = [(f"w{n}", "2025-01-01", "2025-01-11", None) for n in range(3)]
    rows += [(f"l{n}", "2025-01-01", None, "price") for n in range(7)]
    rows += [(f"o{n}", "2025-12-30", None, None) for n in range(10)]
    row = acquisition.conversion(acquisition.lead_times(leads_of(*rows), as_of=AS_OF)).iloc[0]
    assert row.conversion == pytest.approx(0.3)
    assert row.naive == pytest.approx(0.15)


def test_dirty_leads():
    """Won before it came in, lost and won, no day, an entry of tomorrow, the same stage twice."""
    leads = leads_of(
        ("early", "2025-03-01", "2025-02-01", None), ("both", "2025-03-01", "2025-03-05", "price"),
        ("dayless", None, None, None), ("late", "2026-03-01", None, None), (None, "2025-01-01", None, None),
    )  # fmt: skip
    times = acquisition.lead_times(leads, as_of=AS_OF)
    assert times[["moved", "lost", "open"]].sum().tolist() == [2, 0, 0]
    assert times.days.min() == 0
    stages = stages_of(
        ("both", "new", "2025-03-01"), ("both", "new", "2025-03-04"), ("both", "offer", "2026-05-01"),
        ("stranger", "new", "2025-03-01"), ("both", None, "2025-03-02"),
    )  # fmt: skip
    found = acquisition.stage_times(leads, stages, as_of=AS_OF)
    assert found[["moved", "lost", "open"]].sum().tolist() == [1, 0, 0]


def test_nothing_in_nothing_out():
    leads, stages = (empties()[name] for name in ("leads", "lead_stages"))
    times = acquisition.lead_times(leads, stages, as_of=AS_OF)
    assert acquisition.conversion(times).empty
    assert acquisition.conversion(times, by="group").empty
    in_stages = acquisition.stage_times(leads, stages, as_of=AS_OF)
    slow = acquisition.slow_after(in_stages)
    assert slow.empty
    assert acquisition.after_long_waits(in_stages, slow).empty
    assert acquisition.open_leads(leads, stages, as_of=AS_OF).to_pandas().empty
    assert acquisition.lost_reasons(leads).empty
    speed = acquisition.contact_speed(leads, stages, as_of=AS_OF)
    assert acquisition.effect_of_speed(speed).empty
    assert acquisition.speed_bands(speed).empty
    rates = acquisition.conversion(in_stages, by="stage")
    waiting = acquisition.open_leads(leads, stages, as_of=AS_OF)
    assert acquisition.pipeline(rates, waiting).empty
    assert acquisition.velocity(acquisition.conversion(times), waiting, value=100.0).empty
    assert acquisition.compare_conversion(acquisition.conversion(times, by="group")).empty


def test_leads_without_the_optional_columns():
    leads = pd.DataFrame({"lead_id": ["a", "b"], "created_at": pd.to_datetime(["2025-01-01", "2025-01-02"])})
    row = acquisition.conversion(acquisition.lead_times(leads, as_of=AS_OF, by="owner"), by="group").iloc[0]
    assert (row.group, row.leads, row.open, row.conversion) == ("not known", 2, 2, 0.0)
    assert acquisition.lost_reasons(leads).empty


# The effect of speed


def test_a_true_effect_of_speed_is_found_within_channels():
    """Channels differ in conversion and in speed; within each, a quick contact adds ten points."""
    rows = []
    for group, base, quick, slow in (("good", 0.6, 4000, 1000), ("bad", 0.2, 1000, 4000)):
        rows += [(group, "0", quick, int((base + 0.1) * quick)), (group, "4+", slow, int(base * slow))]
    effect = acquisition.effect_of_speed(pd.DataFrame(rows, columns=["group", "wait", "leads", "won"])).iloc[0]
    assert effect.difference == pytest.approx(0.1)
    assert effect.plain == pytest.approx(0.34)
    assert effect.low > 0.07


def test_the_error_of_the_difference_is_that_of_repeated_samples():
    random = np.random.default_rng(5)
    differences, errors = [], []
    for _ in range(120):
        rows = []
        for group, share, n, m in (("a", 0.6, 80, 40), ("b", 0.2, 60, 120), ("c", 0.35, 50, 50)):
            rows += [(group, "0", n, random.binomial(n, share + 0.05)), (group, "4+", m, random.binomial(m, share))]
        row = acquisition.effect_of_speed(pd.DataFrame(rows, columns=["group", "wait", "leads", "won"])).iloc[0]
        differences.append(row.difference)
        errors.append((row.high - row.low) / 3.92)
    assert np.mean(differences) == pytest.approx(0.05, abs=0.008)
    assert np.mean(errors) == pytest.approx(np.std(differences), rel=0.15)


# Pipeline


def test_the_pipeline_multiplies_the_shares_that_are_still_before_a_lead():
    rates = pd.DataFrame({"stage": ["new", "offer"], "conversion": [0.5, 0.4]})
    waiting = pd.DataFrame(
        {
            "lead_id": list("abc"),
            "stage": ["new", "new", "offer"],
            "position": [0, 0, 1],
            "overdue": [True, False, False],
        }
    )
    table = acquisition.pipeline(rates, waiting).set_index("stage")
    assert table.chance.tolist() == pytest.approx([0.2, 0.4])
    assert table.expected.tolist() == pytest.approx([0.2, 0.4])
    won = pd.DataFrame({"conversion": [0.2], "median_days": [10.0]})
    assert acquisition.velocity(won, waiting, value=50.0).a_day.item() == pytest.approx(3 * 0.2 * 50 / 10)


@pytest.mark.parametrize(
    ("called", "reasons"),
    [("Closed lost", 9), ("Closed lost", 0), ("输单", 5), ("输单", 0), ("Verloren", 0), ("closed", 10), ("closed", 9)],
)
def test_the_stage_of_the_lost_is_no_stage_to_pass_also_where_reasons_are_missing(called, reasons):
    """Ten of twenty are lost before their second stage. Their stage tells, be it by its name or by the reasons."""
    lost = [(f"l{n}", "2025-01-01", None, "price" if n < reasons else None) for n in range(10)]
    won = [(f"w{n}", "2025-01-01", "2025-01-09", None) for n in range(10)]
    leads = leads_of(*lost, *won)
    stages = stages_of(
        *[(one[0], "new", "2025-01-01") for one in [*lost, *won]], *[(one[0], called, "2025-01-03") for one in lost],
        *[(one[0], "offer", "2025-01-05") for one in won],
    )  # fmt: skip
    order = acquisition.stage_order(leads, stages, as_of="2025-03-31")
    assert order.stage.tolist() == ["new", "offer"]
    times = acquisition.lead_times(leads, stages, as_of="2025-03-31")
    assert times[["days", "moved", "lost", "open"]].values.tolist() == [[2, 0, 10, 0], [8, 10, 0, 0]]
    rates = acquisition.conversion(acquisition.stage_times(leads, stages, as_of="2025-03-31"), by="stage")
    assert rates[["stage", "won", "lost", "open"]].values.tolist() == [["new", 10, 10, 0], ["offer", 10, 0, 0]]


def test_a_lead_that_was_lost_and_came_back_is_open():
    leads = leads_of(("a", "2025-01-01", None, None), ("b", "2025-01-01", None, None))
    stages = stages_of(
        ("a", "new", "2025-01-01"), ("a", "Lost", "2025-01-03"), ("a", "offer", "2025-01-05"),
        ("b", "new", "2025-01-01"), ("b", "Lost", "2025-01-08"),
    )  # fmt: skip
    times = acquisition.lead_times(leads, stages, as_of="2025-01-31")
    assert times[["days", "lost", "open"]].values.tolist() == [[7, 1, 0], [30, 0, 1]]


def test_without_stages_the_state_of_the_lead_tells_that_it_is_lost():
    leads = leads_of(*[(name, "2025-01-01", None, None) for name in "abc"])
    leads = leads.assign(stage=["Closed Lost", "Offer", "战败"])
    assert acquisition.lead_times(leads, as_of="2025-01-31")[["lost", "open"]].values.tolist() == [[2, 1]]


@pytest.mark.parametrize("called", ["Won", "Closed Won", "成交", "赢单"])
def test_a_lead_that_has_entered_the_stage_of_the_won_is_won_on_that_day(called):
    leads = leads_of(("a", "2025-01-01", None, None), ("b", "2025-01-01", "2025-01-06", None))
    stages = stages_of(*[(one, "new", "2025-01-01") for one in "ab"], *[(one, called, "2025-01-06") for one in "ab"])
    times = acquisition.lead_times(leads.drop(columns="lost_reason"), stages, as_of="2025-01-31")
    assert times[["days", "moved", "open"]].values.tolist() == [[5, 2, 0]]
    rates = acquisition.conversion(acquisition.stage_times(leads, stages, as_of="2025-01-31"), by="stage")
    assert rates[["stage", "won", "open"]].values.tolist() == [["new", 2, 0]]
