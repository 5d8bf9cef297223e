"""Who did not answer, and what weights repair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import nps
from tests.conftest import empty
from tests.lifecycle.nps.conftest import AS_OF, frame, made_of, table

MARCH, JUNE, DECEMBER = pd.to_datetime(["2025-03-01 10:00", "2025-06-01 10:00", "2025-12-25 10:00"])
TOUCHES = frame(
    customer_id=list("aabcde"), touched_at=[MARCH, JUNE, MARCH, DECEMBER, MARCH, MARCH],
    kind=["survey_sent"] * 5 + ["opened"], campaign=["nps_1", "nps_2", "nps_1", "nps_3", "csat_1", "nps_1"],
)  # fmt: skip
ANSWERS = frame(
    response_id=["r1", "r2", "r3", "r4"], customer_id=["a", "a", "b", None], score=[9.0, 8.0, 3.0, 9.0],
    answered_at=["2025-03-03", "2025-03-04", "2025-04-20", "2025-03-02"],
)  # fmt: skip


def sent(**how: object) -> pd.DataFrame:
    return nps.requests(TOUCHES, ANSWERS, as_of=AS_OF, **how).set_index(["customer_id", "asked_at"])


def test_an_answer_belongs_to_the_latest_request_before_it_and_within_the_window():
    found = sent()
    assert found.answered.to_dict() == {("a", MARCH): 1, ("a", JUNE): 0, ("b", MARCH): 0, ("d", MARCH): 0}
    assert found.response_id[("a", MARCH)] == "r1"
    assert sent(within_days=60).answered[("b", MARCH)] == 1


def test_who_may_still_answer_is_not_counted_as_silent():
    assert ("c", DECEMBER) not in sent().index
    assert ("c", DECEMBER) in sent(within_days=5).index


def test_only_requests_of_the_named_campaigns_count():
    assert set(sent(campaign="nps").index.get_level_values(0)) == {"a", "b"}


def test_traits_are_those_of_the_moment_of_asking():
    orders = frame(customer_id=list("aaa"), ordered_at=["2024-11-15", "2025-02-20", "2025-05-30"], amount=5.0)
    loyalty = frame(customer_id=["a", "a"], at=["2025-01-01", "2025-04-01"], tier=["silver", "gold"])
    customers = frame(customer_id=["a", "b"], channel=["search", None], tier=["gold", "gold"])
    found = sent(orders=orders, loyalty=loyalty, customers=customers)
    march, june, other = (found.loc[key] for key in (("a", MARCH), ("a", JUNE), ("b", MARCH)))
    assert [march.tier, march.recency, march.frequency] == ["silver", "to 30 days", "2"]
    assert [june.tier, june.recency, june.frequency] == ["gold", "to 30 days", "3 to 4"]
    assert [other.channel, other.tier, other.recency, other.frequency] == ["unknown", "none", "no purchase", "0"]


def test_without_touches_everything_that_needs_them_is_empty():
    nobody = nps.requests(empty("touches"), ANSWERS, as_of=AS_OF)
    assert nps.non_response(nps.weighted_where_known(ANSWERS, nobody)).empty
    model = nps.response_model(nobody)
    weighted = nps.weigh(ANSWERS, nobody, model)
    tables = (nobody, nps.response_rates(nobody), model, weighted, nps.non_response(weighted))
    assert all(table.empty for table in tables)


def asked(**rates: tuple[int, int]) -> pd.DataFrame:
    """Requests by tier: how many were asked, how many answered."""
    rows = [
        pd.DataFrame({"tier": tier, "answered": [1] * answered + [0] * (count - answered)})
        for tier, (count, answered) in rates.items()
    ]
    return pd.concat(rows, ignore_index=True)


def test_response_rates_are_shares_with_wilson_intervals():
    rates = nps.response_rates(asked(gold=(100, 80), none=(300, 60))).set_index("value")
    assert rates.response_rate.to_dict() == {"": 0.35, "gold": 0.8, "none": 0.2}
    assert [rates.rate_low["gold"], rates.rate_high["gold"]] == pytest.approx([0.711, 0.867], abs=1e-3)


def test_the_response_model_is_a_logistic_regression_of_main_effects():
    from statsmodels.discrete.discrete_model import Logit

    random = np.random.default_rng(4)
    frame = pd.DataFrame({"tier": random.choice(["a", "b", "c"], 4000), "channel": random.choice(["x", "y"], 4000)})
    line = -0.5 + 0.8 * (frame.tier == "b") - 0.6 * (frame.tier == "c") + 0.5 * (frame.channel == "y")
    frame["answered"] = (random.random(4000) < 1 / (1 + np.exp(-line))).astype(int)
    design = pd.DataFrame(
        {"one": 1.0, "b": frame.tier == "b", "c": frame.tier == "c", "y": frame.channel == "y"}, dtype=float
    )
    expected = Logit(frame.answered, design).fit(disp=0).predict(design)
    found = frame.merge(nps.response_model(frame), on=["channel", "tier"], how="left", suffixes=("", "_"))
    assert found.propensity.to_numpy() == pytest.approx(expected.to_numpy(), abs=2e-3)
    assert found.weight.to_numpy() == pytest.approx(1 / found.propensity.to_numpy())


def test_a_group_in_which_nobody_answered_does_not_break_the_model():
    model = nps.response_model(asked(gold=(300, 150), none=(100, 0))).set_index("tier")
    assert 0 < model.propensity["none"] < 0.02
    assert model.propensity["gold"] == pytest.approx(0.5, abs=0.01)


def test_weights_are_cut():
    model = nps.response_model(asked(gold=(1000, 500), none=(3000, 30)), trim=3).set_index("tier")
    assert model.weight["none"] == pytest.approx(3 * model.weight["gold"])


def test_too_few_requests_give_no_weights():
    assert nps.response_model(asked(gold=(199, 100))).empty
    assert nps.response_model(asked(gold=(500, 49))).empty
    assert nps.response_model(asked(gold=(500, 500))).empty


def test_weighting_restores_a_score_that_depends_on_what_is_seen():
    # All gold customers are promoters, all others detractors; half are gold, but gold answers four times as often.
    requests = asked(gold=(500, 400), none=(500, 100))
    requests["response_id"] = [f"r{n}" if a else None for n, a in enumerate(requests.answered)]
    answers = requests[requests.answered == 1].assign(answered_at=pd.Timestamp("2025-06-01"))
    answers["score"] = np.where(answers.tier == "gold", 10.0, 0.0)
    answers = answers[["response_id", "answered_at", "score"]]
    weighted = nps.weigh(answers, requests, nps.response_model(requests))
    assert nps.scores(answers).nps[0] == pytest.approx(60)
    assert nps.scores(weighted).nps[0] == pytest.approx(0, abs=0.5)


def test_an_answer_that_nobody_asked_for_gets_no_weight():
    requests = asked(gold=(400, 200), none=(400, 100))
    requests["response_id"] = [f"r{n}" if a else None for n, a in enumerate(requests.answered)]
    answers = frame(response_id=["r0", "other"], answered_at=["2025-01-01"] * 2, score=9.0)
    assert nps.weigh(answers, requests, nps.response_model(requests)).response_id.tolist() == ["r0"]


def test_post_stratification_gives_every_segment_its_share_in_the_base():
    answers = made_of(60, 0, 40, tier=["gold"] * 60 + ["none"] * 38 + [None] * 2)
    base = pd.DataFrame({"tier": ["gold"] * 100 + ["none"] * 290 + ["unknown"] * 10})
    found = nps.post_stratify(answers, base)
    shares = found.groupby(found.tier.fillna("few")).weight.sum() / found.weight.sum()
    assert shares.to_dict() == pytest.approx({"gold": 0.25, "none": 0.725, "few": 0.025})
    assert found.weight.mean() == pytest.approx(1)


def test_post_stratification_needs_a_common_segment():
    with pytest.raises(ValueError, match="tier"):
        nps.post_stratify(made_of(5, 5, 5), pd.DataFrame({"tier": ["gold"]}))
    with pytest.raises(ValueError, match="no segment in common"):
        nps.post_stratify(made_of(50, 5, 5, tier="gold"), pd.DataFrame({"tier": ["none"]}))


def test_the_base_is_who_bought_in_the_last_year():
    moments = ["2025-12-31 23:00", "2024-12-31 23:00", "2025-01-01 01:00", "2025-06-01 09:00"]
    status = ["paid", "paid", "paid", "cancelled"]
    orders = frame(customer_id=list("abcd"), ordered_at=moments, amount=1.0, status=status)
    assert nps.active_customers(orders, as_of=AS_OF).customer_id.tolist() == ["a", "c"]


def test_if_promoters_answer_more_readily_the_true_score_is_lower():
    weighted = made_of(60, 20, 20, weight=4.0)
    table = nps.non_response(weighted, odds=(1.0, 1.5, 3.0))
    assert table.nps[:3].tolist() == pytest.approx([40, 40, 40])
    assert table.nps.iloc[-1] < table.nps.iloc[-2] < 40
    # By hand for 1.5: silent in proportion 60/√1.5 : 20 : 20·√1.5, 300 of them beside the 100 who answered.
    silent = np.array([60 / 1.5**0.5, 20, 20 * 1.5**0.5])
    silent *= 300 / silent.sum()
    assert table.nps.iloc[-2] == pytest.approx(100 * ((60 + silent[0]) - (20 + silent[2])) / 400)


def test_on_the_sample_weighting_comes_nearer_to_the_score_of_all_who_were_asked(
    requests_sent, answers, weighted, truth
):
    assert len(requests_sent) == truth["asked"]
    assert requests_sent.answered.sum() == truth["answered"]
    raw, repaired = nps.scores(answers).iloc[0], nps.scores(weighted).iloc[0]
    of_all = truth["nps_of_all_asked"]
    assert raw.nps_low > of_all  # as answered, the interval misses the truth …
    assert repaired.nps_low < of_all < repaired.nps_high  # … weighted, it holds it
    assert abs(repaired.nps - of_all) < 0.5 * abs(raw.nps - of_all)
    assert repaired.effective_answers < raw.effective_answers


def test_on_the_sample_the_response_rates_follow_recency_and_tier(requests_sent):
    rates = nps.response_rates(requests_sent).set_index("value").response_rate
    assert rates["to 30 days"] > rates["91 to 180 days"] > rates["181 to 365 days"]
    assert rates["platinum"] > rates["bronze"]


def test_on_the_sample_the_tier_when_asked_is_not_todays(requests_sent):
    today = table("customers").set_index("customer_id").tier
    then = requests_sent[requests_sent.tier != "none"]
    assert (then.tier != then.customer_id.map(today)).mean() > 0.05
