"""Words in any language, and words that mean harm."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.lifecycle import nps
from crmlib.lifecycle.nps.themes import Rules, Theme
from crmlib.problems import UnusableInput
from crmlib.words import quotation, use


def said(*comments: tuple[str | None, float]) -> pd.DataFrame:
    frame = pd.DataFrame(comments, columns=["comment", "score"])
    frame["category"] = ["promoter" if s >= 9 else "detractor" if s <= 6 else "passive" for s in frame.score]
    return frame.assign(respondent=[str(n) for n in range(len(frame))])


@pytest.mark.parametrize(
    ("comment", "terms"),
    [
        ("I'm waiting TOO long!!", ["i'm", "waiting", "too", "long"]),
        ("等待时间", ["等待", "待时", "时间"]),
        ("慢", ["慢"]),
        ("用app预约", ["用", "app", "预约"]),
        ("Très cher, größer", ["très", "cher", "grösser"]),
        ("とても遅い", ["とて", "ても", "も遅", "遅い"]),
        ("медленно", ["медленно"]),
        ("बहुत अच्छा", ["बहुत", "अच्छा"]),
        ("خدمة سيئة", ["خدمة", "سيئة"]),
        ("ＡＰＰ", ["app"]),
        ("123 !!! 🙂", []),
    ],
)
def test_terms_are_words_or_pairs_of_characters(comment, terms):
    assert nps.terms_of(comment) == terms


def found_in(comment: str) -> set[str]:
    return set(nps.themes(said((comment, 3.0)), fewest_comments=1).theme) - {"other"}


@pytest.mark.parametrize(
    ("comment", "themes"),
    [
        ("I had to WAIT far too long", {"wait"}),
        ("等待时间太长", {"wait"}),
        ("Prices are fine but the staff were rude", {"price", "service"}),
        ("用app预约很方便", {"app"}),
        ("I am happy", set()),  # "app" is not in "happy"
        ("The late delivery", {"wait"}),
        ("later, translated", set()),
        ("价格太贵，但是店员很专业", {"price", "service"}),
    ],
)
def test_a_comment_is_about_the_themes_whose_words_it_holds(comment, themes):
    assert found_in(comment) == themes


def test_themes_count_each_answer_once_per_theme_and_name_what_is_left():
    answers = said(
        ("wait wait waiting", 2.0), ("too slow", 10.0), ("lovely", 10.0), (None, 0.0), ("  ", 0.0), ("...", 1.0)
    )
    themes = nps.themes(answers, fewest_comments=1).set_index("theme")
    assert themes.answers.to_dict() == {"wait": 2, "other": 1}
    assert themes.share["wait"] == pytest.approx(2 / 3)
    assert themes.nps.to_dict() == {"wait": 0.0, "other": 100.0}
    assert themes.detractor_share["wait"] == 1.0
    assert themes.complaint["wait"] == "wait wait waiting"
    assert themes.praise["other"] == "lovely"
    assert themes.complaint["other"] == ""


def test_the_typical_comment_is_the_commonest():
    answers = said(*[("long queue", 3.0)] * 3, ("queue and an awful lot of other words nobody else uses", 2.0))
    assert nps.themes(answers, fewest_comments=1).complaint[0] == "long queue"


def test_a_consultant_can_bring_other_themes(tmp_path):
    file = tmp_path / "themes.yaml"
    file.write_text("themes:\n  smell:\n    label: Smell\n    words: [scent*, stinks, 气味]\n", encoding="utf-8")
    rules = nps.theme_rules(str(file))
    themes = nps.themes(said(("What a scented shop", 9.0), ("气味难闻", 2.0)), rules=rules, fewest_comments=1)
    assert themes[["theme", "answers"]].values.tolist() == [["smell", 2]]
    assert "Smell" in nps.themes_table(themes, labels=rules.labels).reading


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("themes: [", "not YAML"),
        ("- a list", "no keys"),
        ("themes:\n  a: {label: A}\n", "words"),
        ("themes:\n  a: {label: A, words: [1]}\n", r"themes.a.words.0: 1; expected text"),
        ("themes:\n  a: {label: A, words: ['*']}\n", "words or beginnings of words"),
        (
            "themes:\n  a: {words: [x]}\n",
            r"the theme a without a label.* write below it, .*label: \{en: Park",
        ),
        ("themes:\n  a: {label: {en: ' '}, words: [x]}\n", "without a label"),
        ("theme: {}\nthemes:\n  a: {label: A, words: [x]}\n", "did you mean 'themes'"),
    ],
)
def test_a_wrong_file_of_themes_says_what_to_mend(tmp_path, content, problem):
    file = tmp_path / "themes.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UnusableInput, match=problem):
        nps.theme_rules(str(file))


@pytest.mark.parametrize(("language", "named"), [("en", "Parking"), ("zh", "停车")])
def test_a_theme_is_called_as_its_label_says_and_those_of_the_kit_need_none(tmp_path, language, named):
    use(language, "CNY")
    file = tmp_path / "themes.yaml"
    both, one = "{en: Parking, zh: 停车}", f"{{{'zh' if language == 'en' else 'en'}: {named}}}"
    for label in (both, one):
        content = f"themes:\n  parking: {{label: {label}, words: [x]}}\n  wait: {{words: [queue]}}\n"
        (file := file.with_stem(f"{file.stem}_")).write_text(content, encoding="utf-8")
        assert nps.theme_rules(str(file)).labels == {"parking": named}


def test_every_theme_without_a_label_is_named_with_its_place(tmp_path):
    file = tmp_path / "themes.yaml"
    file.write_text("themes:\n  a: {words: [x]}\n  wait: {words: [y]}\n  b: {words: [z]}\n", encoding="utf-8")
    for language, said_of in (("en", "the theme b without a label"), ("zh", "主题b没有显示名称")):
        use(language, "CNY")
        with pytest.raises(UnusableInput) as refused:
            nps.theme_rules.__wrapped__(str(file))
        assert [problem.place for problem in refused.value.problems] == (
            ["line 2, column 3", "line 4, column 3"] if language == "en" else ["第2行第3列", "第4行第3列"]
        )
        assert said_of in str(refused.value)


def test_every_problem_of_a_file_is_told_at_once(tmp_path):
    file = tmp_path / "themes.yaml"
    file.write_text("themes:\n  a: {word: [x]}\n", encoding="utf-8")
    with pytest.raises(UnusableInput) as caught:
        nps.theme_rules(str(file))
    assert len(caught.value.problems) == 2


HOSTILE = [
    '=cmd|"/C calc"!A0',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "＝1",
    "<script>alert(1)</script>",
    "</td><img src=x onerror=alert(1)>",
    "$x^{2}$ | `code`",
    "\u202egnp.exe\u202c\u200b",
    "a\x07b\r\nc\td",
    "mail me at ann@example.com or +86 138-0013-8000",
]


@pytest.mark.parametrize("comment", HOSTILE)
def test_hostile_comments_are_shown_harmlessly(comment):
    shown = quotation(comment)
    assert not set(shown) & set("<>`|$\n\r\t\x07\u202e\u200b")
    assert shown[0] not in "=+-@＝"
    assert "ann@example.com" not in shown
    assert "8000" not in shown


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_whatever_is_written_a_quotation_is_one_short_harmless_line(comment):
    shown = quotation(comment)
    assert len(shown) <= 121
    assert not set(shown) & set("<>`|$\n\r\t\x00")
    assert not shown or shown[0] not in "=+-@"
    nps.terms_of(comment)


def test_ordinary_comments_stay_as_they_are():
    for comment in ("店员很专业，服务贴心", "I paid 25 € in 2024 – fine!", "5/5", "a@b"):
        assert quotation(comment) == comment


def test_hostile_comments_pass_through_every_analysis():
    answers = said(*[(c, float(n % 11)) for n, c in enumerate(HOSTILE * 8)])
    for table in (nps.themes(answers), nps.telling_terms(answers), nps.topics(answers)):
        shown = table.select_dtypes(exclude="number").astype(str).to_csv()
        assert "<script" not in shown
        assert "ann@example.com" not in shown


def test_telling_terms_are_the_log_odds_with_a_dirichlet_prior():
    import math

    answers = said(*[("slow shop", 2.0)] * 4, *[("nice shop", 10.0)] * 6)
    found = nps.telling_terms(answers, prior=10).set_index("term")
    # "slow": 4 of 20 terms in all, so its prior weight is 10 · 4/20 = 2; detractors' terms 8, promoters' 12.
    odds = math.log((4 + 2) / (8 + 10 - 6)) - math.log((0 + 2) / (12 + 10 - 2))
    assert found.log_odds["slow"] == pytest.approx(odds)
    assert found.z["slow"] == pytest.approx(odds / math.sqrt(1 / 6 + 1 / 2))
    assert found.log_odds["shop"] == pytest.approx(
        math.log((4 + 5) / (8 + 10 - 9)) - math.log((6 + 5) / (12 + 10 - 11))
    )
    assert list(found.index) == ["slow", "shop", "nice"]


def test_the_example_of_a_term_is_of_those_who_use_it_more():
    answers = said(*[("slow shop, very slow", 2.0)] * 6, *[("not slow", 10.0)] * 3, *[("nice shop", 9.0)] * 9)
    example = nps.telling_terms(answers).set_index("term").example
    assert example["slow"] == "slow shop, very slow"
    assert example["shop"] == "nice shop"


def test_a_term_seen_once_or_twice_tells_nothing():
    answers = said(("slow", 2.0), ("slow", 2.0), *[("good", 10.0)] * 5)
    assert "slow" not in set(nps.telling_terms(answers).term)


def test_terms_that_always_occur_together_are_shown_as_one():
    answers = said(*[("等待时间太长", 2.0)] * 5, *[("很好", 10.0)] * 5)
    assert nps.telling_terms(answers).term.tolist() == ["等待时间太长", "很好"]


def test_telling_terms_need_both_sides():
    assert nps.telling_terms(said(*[("good", 10.0)] * 9)).empty
    assert nps.telling_terms(said()).empty
    assert nps.telling_terms(said(*[("good", 10.0)] * 9).drop(columns="comment")).empty


def test_topics_separate_what_is_said_without_any_list():
    answers = said(
        *[("the queue was slow", 2.0)] * 20, *[("slow queue again", 3.0)] * 20,
        *[("great serum for skin", 10.0)] * 20, *[("skin serum is great", 9.0)] * 20,
    )  # fmt: skip
    topics = nps.topics(answers, topics=2)
    assert sorted(topics.answers) == [40, 40]
    by_words = {("queue" in row.terms): row.nps for row in topics.itertuples()}
    assert by_words == {True: -100.0, False: 100.0}


def test_topics_need_enough_comments():
    assert nps.topics(said(*[("slow queue", 2.0)] * 49)).empty
    assert nps.topics(said(*[("慢", 2.0)] * 60)).empty


def test_on_the_sample_both_languages_are_understood(answers):
    themes = nps.themes(answers).set_index("theme")
    assert {"wait", "service", "product", "price", "app"} <= set(themes.index)
    assert themes.share.get("other", 0.0) < 0.1
    chinese = answers[answers.comment.fillna("").str.contains("排队|等待")]
    assert set(nps.themes(chinese, fewest_comments=1).theme) >= {"wait"}
    telling = nps.telling_terms(answers, most=40)
    assert (telling[telling.term.str.contains("排队")].z > 1.96).all()


def test_a_theme_without_words_in_spaced_scripts_works():
    rules = Rules(themes={"slow": Theme(label={"en": "Slow"}, words=("慢",))})
    assert nps.themes(said(("太慢了", 3.0)), rules=rules, fewest_comments=1).theme.tolist() == ["slow"]
