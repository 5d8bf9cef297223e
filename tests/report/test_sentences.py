"""What several findings say alike is said once, and no name is cut for it."""

from __future__ import annotations

import pytest

from crmlib.lifecycle.scorecard.findings import words
from crmlib.report.page import besides, sentences_of
from crmlib.words import joined, use

NAMES = [
    "Dr. Müller", "St. Gallen", "Praxis Dr. A. Öztürk", "Bernd & Co. KG", "Smith Inc. Boston", "No. 7 Lane",
    "J. R. Smith", "3.5 Sterne", "www.shop.Example.com", "Prof. 王", "王.李", "Yahoo! Japan", "Was?", "A.B.C.",
    "Mr. Ünal vs. Mrs. Élan", "“Who? Me”", "店。一", "店？二", "Ave. 5", "7. Stock",
]  # fmt: skip


def told(name: str) -> list[str]:
    """Three sentences of the kit's own, the first two with a name in quotation marks."""
    ends = {"before": "3.5%", "after": "4.5%", "since": "2025"}
    return [
        words.say("notes.signal", name=name, signal="7"),
        words.say("notes.step", ends, name=name),
        words.say("notes.zero"),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_sentences_end_where_we_end_them_and_never_within_a_name(language, name):
    use(language, "CNY")
    said = told(name)
    assert sentences_of(joined(said)) == said
    assert besides(joined(said), [said[2]]) == joined(said[:2])
    assert besides(joined(said), [said[0]]) == joined(said[1:])


@pytest.mark.parametrize(
    "name", ["Dr. Müller", "St. Gallen", "Bernd & Co. KG", "Smith Inc. Boston", "J. R. Smith", "3.5 Sterne", "No. 7"]
)
def test_names_outside_of_quotation_marks_stay_whole_too(name):
    use("en", "CNY")
    text = f"Most came from {name}, 3.5 of 4. 12 of {name} left. They were new."
    assert sentences_of(text) == [f"Most came from {name}, 3.5 of 4.", f"12 of {name} left.", "They were new."]
    use("zh", "CNY")
    text = f"多数来自{name}，共3.5万元。12人来自{name}。均为新客户。"
    assert sentences_of(text) == [f"多数来自{name}，共3.5万元。", f"12人来自{name}。", "均为新客户。"]
    assert besides(text, ["均为新客户。"]) == f"多数来自{name}，共3.5万元。12人来自{name}。"


def test_a_question_and_a_sentence_that_begins_with_a_number_or_a_quotation_are_sentences():
    use("en", "CNY")
    said = ["Was the target ever realistic?", "5 of 8 months were.", "“Churn” fell.", "(A hint only.)"]
    assert sentences_of(joined(said)) == said
    use("zh", "CNY")
    said = ["目标是否现实？", "8个月中5个月达到。", "“流失率”下降。"]
    assert sentences_of(joined(said)) == said
