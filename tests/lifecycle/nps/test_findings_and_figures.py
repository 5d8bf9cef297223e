"""What is said, and what is drawn."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import nps
from crmlib.words import gain, use
from tests.lifecycle.nps.conftest import AS_OF, made_of, pooled, table
from tests.lifecycle.nps.test_drivers import simulated
from tests.lifecycle.nps.test_outcome import followed
from tests.lifecycle.nps.test_trend_and_groups import quarters

JUNK = re.compile(r"\b(nan|None|inf|NaT|NaN)\b|[{}]")


@pytest.mark.parametrize(
    ("target", "direction", "headline"),
    [
        (20, "good", "NPS 30 meets the target of 20"),
        (30, "neutral", "NPS 30, target 30: too close to call"),
        (60, "bad", "NPS 30 misses the target of 60"),
        (None, "neutral", "NPS 30, and no target is set"),
    ],
)
def test_a_target_is_reached_or_missed_only_beyond_chance(target, direction, headline):
    finding = nps.finding_score(nps.scores(made_of(250, 150, 100)), target=target)
    assert (finding.direction, finding.headline) == (direction, headline)
    assert "500 customers answered in 365 days: NPS 30 (23 to 37)" in finding.evidence


@pytest.mark.parametrize(
    ("weighted", "target", "headline"),
    [
        ((2000, 1500, 1500), 30, "NPS 30, target 30: too close to call, and likely lower"),
        ((3500, 1000, 500), 30, "NPS 30, target 30: too close to call, and likely higher"),
        ((2000, 1500, 1500), 20, "NPS 30 meets target 20 among those who answered, perhaps not overall"),
        ((3500, 1000, 500), 50, "NPS 30 misses target 50 among those who answered, perhaps not overall"),
    ],
)
def test_where_weights_lead_to_another_verdict_the_score_is_neither_good_nor_bad_news(weighted, target, headline):
    answered, weighted = nps.scores(made_of(250, 150, 100)), nps.scores(made_of(*weighted))
    finding = nps.finding_score(answered, weighted=weighted, target=target, days=90)
    assert (finding.direction, finding.headline) == ("neutral", headline)
    assert f"As answered 30 (23 to 37); weighted for the silent {weighted.nps[0]:.0f} (" in finding.evidence
    assert "in the last 90 days" in finding.certainty
    assert finding.action.startswith("Remind a random part of the silent")


def test_where_weights_lead_to_the_same_verdict_there_is_one():
    answered, weighted = nps.scores(made_of(250, 150, 100)), nps.scores(made_of(2000, 1500, 1500))
    missed = nps.finding_score(answered, weighted=weighted, target=50)
    assert (missed.direction, missed.headline) == ("bad", "NPS 30 misses the target of 50")
    for nothing_else in (answered.iloc[:0], answered, None):
        assert "silent" not in nps.finding_score(answered, weighted=nothing_else).evidence


def test_a_small_base_is_neither_good_nor_bad_news():
    assert nps.finding_score(nps.scores(made_of(20, 0, 0)), target=10).direction == "neutral"


def test_no_answers_make_no_findings_and_figures_that_say_why():
    nobody = made_of(0, 0, 0)
    trend, silence = nps.trend(nobody, as_of=AS_OF), nps.non_response(nobody.assign(weight=1.0))
    groups = nps.groups(pooled("store", a=(1, 1, 1)), dimensions=["store"])
    later, shortfall = followed(0.0).iloc[:0], nps.shortfall(followed(0.0).iloc[:0])
    findings = [
        nps.finding_score(nps.scores(made_of(1, 0, 0)).iloc[:0]), nps.finding_trend(trend, nps.drift(trend)),
        nps.finding_groups(groups), nps.finding_non_response(silence, pd.DataFrame()),
        nps.finding_driver(nps.drivers(nobody)), nps.finding_theme(nps.themes(nobody)),
        nps.finding_later_revenue(shortfall, detractors=0),
    ]  # fmt: skip
    assert findings == [None] * len(findings)
    shown = [
        nps.plot_trend(trend), nps.plot_groups(groups), nps.plot_drivers(nps.drivers(nobody)),
        nps.plot_non_response(silence), nps.plot_later_revenue(nps.later_by_category(later)),
        nps.themes_table(nps.themes(nobody)),
    ]  # fmt: skip
    assert all(exhibit.kind == "nothing" and exhibit.title and exhibit.reading for exhibit in shown)


@pytest.mark.parametrize(
    ("counts", "direction", "words"),
    [
        ([(600, 300, 100), (600, 300, 100), (450, 300, 250)], "bad", "2024 Q3: NPS 20, below what"),
        ([(450, 300, 250), (450, 300, 250), (600, 300, 100)], "good", "2024 Q3: NPS 50, above what"),
        ([(60, 30, 10), (62, 30, 8), (55, 30, 15)], "neutral", "by no more than chance explains"),
        ([(50 + 3 * n, 30, 30 - 3 * n) for n in range(8)], "good", "rises steadily"),
        ([(74 - 3 * n, 30, 9 + 3 * n) for n in range(8)], "bad", "falls steadily"),
    ],
)
def test_a_trend_is_told_as_signal_drift_or_noise(counts, direction, words):
    trend = nps.trend(quarters(*counts), as_of="2026-12-31")
    finding = nps.finding_trend(trend, nps.drift(trend))
    assert finding.direction == direction
    assert words in finding.sentence


def test_a_score_just_below_its_limit_is_not_told_as_the_limit():
    trend = nps.trend(quarters((600, 300, 100), (600, 300, 100), (450, 300, 250)), as_of="2026-12-31")
    near = trend.assign(limit_low=trend.nps.where(trend.signal == "none", trend.nps + 0.3), limit_high=60.0)
    finding = nps.finding_trend(near, nps.drift(near))
    assert "NPS 20.0, below" in finding.headline
    assert "the score was 20.0. Chance explains 20.3 to 60.0" in finding.evidence


def test_the_worst_group_beyond_chance_is_named():
    groups = nps.groups(
        pooled("store", S1=(160, 30, 10), S2=(150, 40, 10), S3=(60, 80, 60), S4=(0, 0, 5)), dimensions=["store"]
    )
    finding = nps.finding_groups(groups)
    assert finding.direction == "bad"
    assert finding.headline == "S3: lowest score of all groups, 0 points"
    assert finding.evidence.startswith("30% of these customers would")
    assert "would recommend us, 30% would not" in finding.evidence
    assert "3 groups were compared at once" in finding.certainty
    assert "1 group has fewer than 30 customers and is not judged" in finding.certainty


def test_among_groups_that_are_alike_nobody_is_named():
    finding = nps.finding_groups(nps.groups(pooled("store", S1=(60, 30, 10), S2=(58, 30, 12)), dimensions=["store"]))
    assert finding.direction == "neutral"
    assert "S1" not in finding.sentence + finding.certainty + finding.action


def test_non_response_says_how_far_the_score_flatters():
    weight = np.r_[np.full(60, 1.5), np.full(20, 2.0), np.full(20, 4.0)]
    rates = pd.DataFrame({"asked": [250], "answered": [100], "response_rate": [0.4]})
    finding = nps.finding_non_response(nps.non_response(made_of(60, 20, 20, weight=weight)), rates)
    by_hand = 100 * (60 * 1.5 - 20 * 4) / (60 * 1.5 + 20 * 2 + 20 * 4)
    assert finding.headline == f"Those who answer flatter us: 40, weighted for the silent {round(by_hand)}"
    assert finding.direction == "bad"
    assert finding.evidence.startswith("40% of 250 requests were answered")


def test_where_nobody_knows_who_was_asked_it_is_said():
    empty = nps.non_response(made_of(0, 0, 0, weight=1.0))
    assert "cannot say whom" in nps.finding_non_response(empty, pd.DataFrame(), answers=1).sentence


def test_the_driver_to_mend_is_the_one_with_the_largest_gain():
    table = nps.drivers(simulated())
    finding = nps.finding_driver(table)
    assert finding.sentence.startswith("A moves the score most")
    assert nps.finding_driver(table.assign(nps_gain_low=-1.0)) is None


@pytest.mark.parametrize(
    ("of_promoters", "direction", "words"),
    [
        (
            ["nice"] * 28 + ["rude staff"] * 2,
            "bad",
            "Waiting more often than others. It is in 67% of their comments and in 0%",
        ),
        (
            ["not slow"] * 18 + ["good staff"] * 12,
            "neutral",
            "most about Waiting: it is in 67% of their comments and in 60%",
        ),
        (
            ["not slow"] * 29 + ["nice"],
            "bad",
            "Service more often than others. It is in 33% of their comments and in 0%",
        ),
    ],
)
def test_a_theme_is_news_only_where_detractors_write_of_it_more_than_others(of_promoters, direction, words):
    of_detractors = ["too slow"] * 20 + ["rude staff"] * 10
    finding = nps.finding_theme(nps.themes(made_of(30, 0, 30, comment=of_promoters + of_detractors)))
    assert words in finding.sentence
    assert finding.direction == direction
    assert "from 30 comments of detractors, held against 30 others" in finding.certainty


def test_few_comments_of_detractors_or_of_others_make_no_finding():
    for promoters, detractors in ((30, 19), (19, 30)):
        comments = ["nice"] * promoters + ["slow"] * detractors
        assert nps.finding_theme(nps.themes(made_of(promoters, 0, detractors, comment=comments))) is None


@pytest.mark.parametrize(
    ("more", "direction", "words"),
    [
        (60.0, "bad", "spend less afterwards"),
        (0.0, "neutral", "not proven"),
        (-80.0, "neutral", "spend more afterwards"),
    ],
)
def test_a_shortfall_has_a_price_only_beyond_chance(more, direction, words):
    shortfall = nps.shortfall(followed(more))
    finding = nps.finding_later_revenue(shortfall, detractors=100.0, days=180)
    assert finding.direction == direction
    assert words in finding.sentence
    priced = pytest.approx(shortfall.shortfall[0] * 100 * 365 / 180) if direction == "bad" else None
    assert finding.money == priced
    assert f"they spent {gain(-shortfall.shortfall[0])} each in the 180 days after" in finding.evidence
    assert direction != "bad" or 0 < finding.money_low < finding.money < finding.money_high


def test_detractors_are_a_list_of_people_to_call_and_no_money_at_stake():
    standing = pd.DataFrame(
        {
            "customer_id": list("abcd"), "score": [2.0, 6, 0, 9], "revenue": [10.0, 700.0, 0.0, 9e6],
            "category": ["detractor"] * 3 + ["promoter"], "comment": ["too slow, too expensive", "!", "hm", "nice"],
            "answered_at": pd.to_datetime(["2025-03-01"] * 4),
        }
    )  # fmt: skip
    share = pd.DataFrame({"answered": [100], "share": [0.1], "share_low": [0.05], "share_high": [0.2]})
    people = nps.to_call(standing)
    finding = nps.finding_detractors(people, share, labels={"price": "Cost"})
    assert finding.headline == "3 customers would not recommend us, and we know who"
    assert finding.evidence == "They spent $710 in a year; 2 wrote why."
    assert "10% of sales come from detractors (95% interval 5% to 20%). That is what they bring" in finding.certainty
    assert (finding.money, finding.owner, finding.when) == (None, "customer_experience", "week")
    assert finding.customers.to_dict("list") == {
        "customer_id": ["b", "a", "c"],
        "value": [700.0, 10.0, 0.0],
        "reason": [
            "Rated us 6 on Mar 1, 2025",
            "Rated us 2 on Mar 1, 2025; wrote about: Waiting, Cost",
            "Rated us 0 on Mar 1, 2025 and wrote why",
        ],
    }
    assert "Projected" not in nps.finding_detractors(people).certainty
    assert "wrote why" not in nps.finding_detractors(nps.to_call(standing.drop(columns="comment"))).evidence
    assert nps.finding_detractors(nps.to_call(standing.iloc[3:])) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_finding_is_as_short_as_the_briefing_needs_it(language, findings):
    use(language, "CNY")
    for make in findings:
        finding = make()
        most = {"headline": (12, 24), "evidence": (25, 50), "action": (18, 36)}
        for part, (words, characters) in most.items():
            said = getattr(finding, part)
            length = len(said.split() if language == "en" else said)
            assert 0 < length <= (words if language == "en" else characters), said
            assert not JUNK.search(said), said
        assert not finding.headline.endswith((".", "。"))


@pytest.fixture(scope="module")
def findings(answers, orders, requests_sent, weighted):
    """All findings of the sample, and of thin and lopsided data."""
    days = {"as_of": AS_OF, "days": 365}
    recent = nps.answers(table("surveys"), **days)
    plain, silence = nps.scores(recent), nps.non_response(weighted)
    standing = nps.standing(recent, orders, as_of=AS_OF)
    trend, drifting = (
        nps.trend(given, as_of=AS_OF)
        for given in (answers, quarters(*[(50 + 3 * n, 30, 30 - 3 * n) for n in range(8)]))
    )
    low = nps.trend(quarters((600, 300, 100), (600, 300, 100), (450, 300, 250)), as_of=AS_OF)
    described = nps.with_traits(recent, customers=table("customers"), orders=orders)
    of_groups = [nps.groups(described, dimensions=[name]) for name in ("channel", "tier", "store")]
    later = nps.later_revenue(answers, orders, as_of=AS_OF)
    one = made_of(0, 0, 1, revenue=[0.0], comment="")
    targets = (None, 10, 45, 47, 50, 52, 80)
    return [
        *[lambda target=target, w=w: nps.finding_score(plain, weighted=w, target=target)
          for target in targets for w in (None, nps.scores(weighted))],
        lambda: nps.finding_score(nps.scores(one), target=50),
        *[lambda t=t: nps.finding_trend(t, nps.drift(t)) for t in (trend, drifting, low)],
        *[lambda g=g: nps.finding_groups(g) for g in of_groups],
        *[lambda s=s: nps.finding_non_response(s, nps.response_rates(requests_sent), answers=len(answers))
          for s in (silence, silence[::-1], silence.assign(nps=1.0), silence.iloc[:0])],
        lambda: nps.finding_driver(nps.drivers(answers)),
        *[lambda a=a: nps.finding_theme(nps.themes(a)) for a in (answers, recent)],
        lambda: nps.finding_detractors(nps.to_call(standing), nps.detractor_revenue(standing, orders, as_of=AS_OF)),
        lambda: nps.finding_detractors(nps.to_call(one)),
        *[lambda s=s: nps.finding_later_revenue(s, detractors=100)
          for s in (nps.shortfall(later), nps.shortfall(followed(60.0)), nps.shortfall(followed(-80.0)))],
    ]  # fmt: skip


@pytest.fixture(scope="module")
def shown():
    names = {"a$b$": (160, 30, 10), "<b>x</b>": (60, 80, 60), "=1": (0, 0, 5)}
    gap = nps.trend(quarters((60, 30, 10), (50, 30, 20), (9, 9, 2)).query("answered_at.dt.month != 4"), as_of=AS_OF)
    months = nps.trend(quarters(*[(9, 9, 2)] * 8), as_of=AS_OF, period="month")
    alone = nps.later_by_category(followed(1.0, count=9).assign(category="passive"))
    return {
        "trend": lambda: nps.plot_trend(nps.trend(quarters((60, 30, 10), (50, 30, 20), (9, 9, 2)), as_of=AS_OF)),
        "one quarter": lambda: nps.plot_trend(nps.trend(quarters((6, 3, 1)), as_of=AS_OF)),
        "a gap": lambda: nps.plot_trend(gap),
        "months": lambda: nps.plot_trend(months, period="month"),
        "groups": lambda: nps.plot_groups(nps.groups(pooled("store", **names), dimensions=["store"])),
        "drivers": lambda: nps.plot_drivers(nps.drivers(simulated())),
        "non-response": lambda: nps.plot_non_response(nps.non_response(made_of(60, 20, 20, weight=2.0))),
        "later revenue": lambda: nps.plot_later_revenue(nps.later_by_category(followed(10.0))),
        "one category": lambda: nps.plot_later_revenue(alone),
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_says_what_it_shows_in_both_languages(shown, language):
    use(language, "CNY")
    for name, draw in shown.items():
        exhibit = draw()
        for sentence in (exhibit.title, exhibit.reading, exhibit.description):
            assert sentence, name
            assert not JUNK.search(sentence), (name, sentence)
        assert "<svg" in exhibit.picture.svg(label=exhibit.description)


def test_a_figure_of_groups_says_how_many_are_drawn_and_always_draws_those_that_differ():
    of_shops = pooled("store", S1=(300, 150, 50), S2=(290, 150, 60), S3=(10, 10, 40), S4=(36, 18, 6))
    groups = nps.groups(of_shops, dimensions=["store"])
    groups["differs"] = np.where(groups.group == "S3", "below", "no")
    drawn = {most: nps.plot_groups(groups, most=most).picture.svg(label="") for most in (2, 4)}
    assert "3 of 4 drawn" in drawn[2]
    assert "S3 (60)" in drawn[2]
    assert "S4 (60)" not in drawn[2]
    assert "drawn" not in drawn[4]


def test_the_brief_figure_of_groups_draws_only_the_dimension_in_which_one_stands_out():
    answers = pooled("store", S1=(160, 30, 10), S2=(60, 80, 60)).assign(tier=["gold", "silver"] * 200)
    groups = nps.groups(answers, dimensions=["tier", "store"])
    whole, brief = (nps.plot_groups(groups, briefly=briefly) for briefly in (False, True))
    assert (whole.place, brief.place) == ("fold", "section")
    assert len(brief.table) == len(whole.table) == 4
    assert brief.title == "S2: customers recommend us least, beyond chance"
    assert "gold" in whole.picture.svg(label="")
    assert "gold" not in brief.picture.svg(label="")
    alike = nps.plot_groups(groups.assign(differs="no"), briefly=True)
    assert "gold" in alike.picture.svg(label="")


def test_names_of_groups_cannot_break_a_figure_or_a_sentence(shown):
    exhibit = shown["groups"]()
    said = exhibit.picture.svg(label="") + exhibit.reading
    assert "<b>" not in said
    assert "a＄b＄" in said
    assert "'=1" in said


def test_bases_say_what_is_possible(answers):
    full = nps.bases(answers, as_of=AS_OF)
    missing = full[~full.enough].analysis.tolist()
    assert missing == ["requests", "requests_answered", "followed"]
    assert len(nps.bases_table(full).fields["rows"]) == 3
    assert not nps.bases(answers.iloc[:0], as_of=AS_OF).enough.any()


def themes_of(**scores_: tuple[int, float, float, float]) -> pd.DataFrame:
    """Themes with so many answers, their score and its interval."""
    columns = ["answers", "nps", "nps_low", "nps_high"]
    frame = pd.DataFrame.from_dict(scores_, orient="index", columns=columns).rename_axis("theme").reset_index()
    shown = frame.assign(share=frame.answers / 400, complaint="", praise="", small_base=False)
    return shown.sort_values("answers", ascending=False, ignore_index=True)


def test_the_lowest_score_of_a_theme_is_named_only_beyond_chance():
    overlapping = themes_of(
        product=(300, 42.0, 35.0, 48.0), staff=(200, 44.0, 36.0, 52.0), price=(60, 33.0, 12.0, 51.0)
    )
    assert "Price" not in nps.themes_table(overlapping).reading
    apart = themes_of(product=(300, 42.0, 35.0, 48.0), staff=(200, 44.0, 36.0, 52.0), price=(60, -20.0, -40.0, 1.0))
    assert "Price: −\u206020 points (−\u206040 to 1)" in nps.themes_table(apart).reading


def test_a_driver_whose_interval_crosses_a_line_is_not_clear():
    table = nps.drivers(simulated())
    clear = table.assign(
        performance=[0.3, *[0.6] * (len(table) - 1)],
        performance_low=[0.25, *[0.55] * (len(table) - 1)],
        performance_high=[0.35, *[0.65] * (len(table) - 1)],
    )
    assert nps.plot_drivers(clear).reading.endswith("Its own rating, 30%, is below the mean of all.")
    unclear = nps.plot_drivers(clear.assign(performance_high=0.9, performance_low=0.1))
    assert unclear.picture.svg(label="").count("(not clear)") == len(table)
    assert unclear.reading.endswith("is not clear.")
