"""What is said, and what is drawn."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import nps
from crmlib.words import use
from tests.lifecycle.nps.conftest import AS_OF, made_of, pooled
from tests.lifecycle.nps.test_drivers import simulated
from tests.lifecycle.nps.test_outcome import followed
from tests.lifecycle.nps.test_trend_and_groups import quarters

JUNK = re.compile(r"\b(nan|none|inf|nat)\b|[{}]", re.IGNORECASE)


@pytest.mark.parametrize(("target", "direction"), [(20, "good"), (30, "neutral"), (60, "bad"), (None, "neutral")])
def test_a_target_is_reached_or_missed_only_beyond_chance(target, direction):
    finding = nps.finding_score(nps.scores(made_of(250, 150, 100)), target=target)
    assert finding.direction == direction
    assert finding.sentence.startswith("The net promoter score is 30: 50% would recommend us")
    assert ("too close to tell" in finding.certainty) == (target == 30)


def test_a_weighted_score_is_told_beside_the_score_as_answered():
    plain, weighted = nps.scores(made_of(250, 150, 100)), nps.scores(made_of(2000, 1500, 1500))
    finding = nps.finding_score(weighted, as_answered=plain, target=30, days=90)
    assert "last 90 days is 30 as answered and 10 weighted" in finding.sentence
    assert finding.direction == "bad"
    assert "we miss the target of 30; as answered, it would be too close to tell" in finding.certainty
    assert "too close" not in nps.finding_score(weighted, as_answered=plain, target=50).certainty
    for nothing_else in (plain.iloc[:0], weighted):
        same = nps.finding_score(weighted, as_answered=nothing_else)
        assert same.sentence.startswith("The net promoter score is 10:")


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
        ([(600, 300, 100), (600, 300, 100), (450, 300, 250)], "bad", "In 2024 Q3 the score was 20, below"),
        ([(450, 300, 250), (450, 300, 250), (600, 300, 100)], "good", "In 2024 Q3 the score was 50, above"),
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
    assert "the score was 20.0, below what chance explains (20.3 to 60.0)" in finding.sentence


def test_the_worst_group_beyond_chance_is_named():
    groups = nps.groups(
        pooled("store", S1=(160, 30, 10), S2=(150, 40, 10), S3=(60, 80, 60), S4=(0, 0, 5)), dimensions=["store"]
    )
    finding = nps.finding_groups(groups)
    assert finding.direction == "bad"
    assert finding.sentence.startswith("Customers of S3 (Shop of the last purchase) score lowest beyond chance: 0 ")
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
    assert f"40 as answered and {round(by_hand)} weighted" in finding.sentence
    assert finding.direction == "bad"
    assert finding.certainty.startswith("40% of 250 requests were answered")


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
            "Waiting more often than others: it is in 67% of their comments and in 0%",
        ),
        (
            ["not slow"] * 18 + ["good staff"] * 12,
            "neutral",
            "most about Waiting: it is in 67% of their comments and in 60%",
        ),
        (
            ["not slow"] * 29 + ["nice"],
            "bad",
            "Service more often than others: it is in 33% of their comments and in 0%",
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
    [(60.0, "bad", "less in 180 days"), (0.0, "neutral", "not proven"), (-80.0, "neutral", "more in 180 days")],
)
def test_a_shortfall_has_a_price_only_beyond_chance(more, direction, words):
    shortfall = nps.shortfall(followed(more))
    finding = nps.finding_later_revenue(shortfall, detractors=100.0, days=180)
    assert finding.direction == direction
    assert words in finding.sentence
    priced = pytest.approx(shortfall.shortfall[0] * 100 * 365 / 180) if direction == "bad" else None
    assert finding.money == priced
    assert direction != "bad" or 0 < finding.money_low < finding.money < finding.money_high


def test_findings_speak_of_the_money_at_stake():
    exposed = pd.DataFrame(
        {
            "answered": [100], "detractor_customers": [20], "known_revenue": [900.0], "share": [0.1],
            "share_low": [0.05], "share_high": [0.2], "revenue": [1e5], "revenue_low": [5e4], "revenue_high": [2e5],
        }
    )  # fmt: skip
    assert nps.finding_detractor_revenue(exposed).at_stake == "$100,000 a year ($50,000 to $200,000)"
    assert nps.finding_detractor_revenue(exposed.assign(detractor_customers=0)) is None
    use("zh", "CNY")
    assert nps.finding_detractor_revenue(exposed).at_stake == "每年10.0万元（5.00万元至20.0万元）"


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
    assert "Price: -20 points (-40 to 1)" in nps.themes_table(apart).reading


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
