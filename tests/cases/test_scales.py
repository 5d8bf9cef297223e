"""Scales of answers: read as people write them, and asked about where they cannot be what they are taken for."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.proposal import propose
from crmlib.intake.scales import SCALES, Seen, doubt
from crmlib.lifecycle import nps
from crmlib.problems import UnusableInput
from tests.conftest import write_client


def surveys(folder, scores, keys="", kind="nps", heading="Score"):
    """What comes out of answers under a heading: the scores, in their order, and the account."""
    rows = [{"response_id": n, "answered_at": "2025-01-02", heading: score} for n, score in enumerate(scores)]
    text = pd.DataFrame(rows).to_csv(index=False).encode()
    settings = f"""\
max_set_aside: 1
tables:
  surveys:
    from: s.csv
    columns: {{score: "{heading}", kind: {{constant: {kind}}}}}
    {keys}
"""
    made = take_in(load_client(write_client(folder / "client", settings, s=text)), folder / "workspace")
    frame = made.table("surveys").to_pandas()
    return [None if pd.isna(score) else score for score in frame.score], made.account["tables"]["surveys"]


@pytest.fixture
def reported(repository):
    """The answers of a reported case, as they stand in its file."""

    def read(name):
        file = Path(repository).parent / "shared" / "cases" / name / "exports" / "nps_survey.csv"
        if not file.is_file():
            pytest.skip(f"the reported case {name} is not beside this checkout")
        return pd.read_csv(file, dtype=str)["How likely are you to recommend us?"].tolist()

    return read


def score_of(scores):
    answers = pd.DataFrame({"response_id": map(str, range(len(scores))), "score": scores})
    answers["kind"], answers["answered_at"] = "nps", dt.datetime(2025, 1, 1)
    return nps.scores(nps.answers(answers)).nps.round(1).tolist()


# Asked, not reported


def test_answers_of_1_to_5_are_no_net_promoter_score(reported, tmp_path):
    scores, account = surveys(tmp_path, reported("nps_five_point"))
    assert scores == [None] * 60
    assert (account["rows"], account["blanked"], account["quarantined"]) == (60, {"score": 60}, 0)
    (asked,) = account["questions"]
    assert "60 answers under 'Score' go up to 5 only, and nps to 10" in asked
    assert "no result rests on them" in asked


def test_new_asks_about_the_scale_as_well(reported, tmp_path):
    answers = reported("nps_five_point")
    export = pd.DataFrame(
        {"Response ID": range(60), "Submitted at": "2025-01-02 10:00", "How likely to recommend?": answers}
    )
    export.to_csv(tmp_path / "nps.csv", index=False)
    proposal = propose(tmp_path / "client", [str(tmp_path / "nps.csv")])
    assert sum("go up to 5 only, and nps to 10" in said for said in proposal.decisions) == 1


def test_what_was_confirmed_is_reported_and_what_each_answer_stands_for_may_be_said(reported, tmp_path):
    answers = reported("nps_five_point")
    scores, account = surveys(tmp_path / "a", answers, "confirmed: true")
    assert (scores, account["questions"]) == ([float(answer) for answer in answers], [])
    meant = {"5": 10, "4": 8, "3": 6, "2": 3, "1": 0}
    keys = "values: {score: {" + ", ".join(f'"{old}": {new}' for old, new in meant.items()) + "}}"
    scores, account = surveys(tmp_path / "b", answers, keys)
    assert (scores, account["questions"]) == ([meant[answer] for answer in answers], [])


@pytest.mark.parametrize(
    ("kind", "answers", "heading", "said"),
    [
        ("nps", [str(n % 7 + 1) for n in range(42)], "Score", "go up to 7 only"),
        ("nps", [str(n * 5 % 101) for n in range(60)], "Score", "run from 0 to 100"),
        ("nps", [str(n % 10) for n in range(120)], "Score", "none of 120 answers under 'Score' is 10"),
        ("nps", ["3", "4", "5"], "Recommend us? (1-5)", "states another scale"),
        ("nps", ["3", "4", "10"], "推荐意愿（1到10分）", "states another scale"),
        ("nps", ["4/5", "3/5", "5/5"] * 5, "Score", "go up to 5 only"),
        ("csat", [str(n % 10 + 1) for n in range(30)], "Score", "run from 1 to 10"),
        ("csat", ["0", "1"] * 10, "Score", "run from 0 to 1"),
        ("csat", ["1", "2", "3", "3"] * 10, "Score", "go up to 3 only"),
        ("ces", [str(n % 5 + 1) for n in range(30)], "Score", "go up to 5 only"),
    ],
)
def test_other_scales_are_asked_about_and_no_answer_counts_meanwhile(tmp_path, kind, answers, heading, said):
    scores, account = surveys(tmp_path, answers, kind=kind, heading=heading)
    assert scores == [None] * len(answers)
    assert [said in asked for asked in account["questions"]] == [True]
    assert account["read"] == account["accepted"] + account["repaired"] + account["quarantined"] == len(answers)


@pytest.mark.parametrize(
    ("kind", "answers", "heading"),
    [
        ("nps", [str(n % 11) for n in range(44)], "How likely? (0-10)"),
        ("nps", ["6", "5", "3"], "Score"),
        ("nps", ["10", "9", "9", "99"] * 5, "Score"),
        ("nps", ["10", "9"] * 40 + ["55"], "Score"),
        ("csat", ["1", "5", "4"] * 10, "Rating 2024-05"),
        ("ces", ["1", "7", "6"] * 10, "Effort from 1 to 7"),
    ],
)
def test_answers_that_may_be_of_their_scale_are_counted_unasked(tmp_path, kind, answers, heading):
    scores, account = surveys(tmp_path, answers, kind=kind, heading=heading)
    high = SCALES[kind][1]
    assert scores == [float(answer) for answer in answers if float(answer) <= high]
    assert account["questions"] == []


def test_a_scale_without_zero_is_asked_about_and_counted(tmp_path):
    answers = [str(n % 10 + 1) for n in range(60)]
    scores, account = surveys(tmp_path, answers)
    assert scores == [float(answer) for answer in answers]
    assert ["Does the scale begin with 1?" in asked for asked in account["questions"]] == [True]


@pytest.mark.parametrize("kind", SCALES)
def test_nothing_is_doubted_of_answers_all_over_the_scale(kind):
    low, high = SCALES[kind]
    for many in (1, 10, 1000, 10**6):
        assert doubt(kind, Seen(many, low, high, high - low + 1, zeros=1), f"how much ({low:g}-{high:g})?") is None


def test_answers_beside_tickets_of_another_scale_are_not_counted(make_client, tmp_path):
    rows = "".join(f"{n},2025-01-01,{n % 10 + 1}\n" for n in range(40))
    made = take_in(make_client(tickets=f"ticket_id,opened_at,csat\n{rows}"), tmp_path / "w")
    account = made.account["tables"]["tickets"]
    assert ("csat" in account["columns"], account["rows"], account["blanked"]) == (False, 40, {"csat": 40})
    (asked,) = account["questions"]
    assert "20 of 40 values of csat are no answers from 1 to 5" in asked


# Read in every form


def test_words_before_the_number_are_read(reported, tmp_path):
    answers = reported("nps_words_first")
    scores, account = surveys(tmp_path, answers)
    assert scores == [10 if answer == "Extremely likely - 10" else float(answer) for answer in answers]
    assert score_of(scores) == [-3.3]
    assert (account["questions"], account["quarantined"]) == ([], 0)


@pytest.mark.parametrize(
    ("answers", "read"),
    [
        (["极有可能（10分）", "9分", "完全不可能0分", "8"], [10, 9, 0, 8]),
        (["10 = sehr wahrscheinlich", "Sehr unwahrscheinlich: 0", "(7) eher ja"], [10, 0, 7]),
        (["Very satisfied 5", "4 satisfied", "[1] never again"], [5, 4, 1]),
        (["4/5", "5 out of 5", "3 von 5 Sternen"], [4, 5, 3]),
        (["★★★★☆", "⭐⭐⭐", "★", "🌟🌟🌟🌟🌟"], [4, 3, 1, 5]),
        (["😀", "🙂", "😐", "☹️", "😡"], [5, 4, 3, 2, 1]),
        (["Very satisfied", "NEUTRAL", "dissatisfied"], [5, 3, 2]),
        (["sehr zufrieden", "Zufrieden", "unzufrieden"], [5, 4, 2]),
        (["très satisfait", "Plutôt insatisfait"], [5, 2]),
        (["muy satisfecho", "insatisfecho"], [5, 2]),
        (["非常满意", "满意", "一般", "不满意", "非常不满意"], [5, 4, 3, 2, 1]),
    ],
)
def test_scores_are_read_as_people_write_them(tmp_path, answers, read):
    scores, account = surveys(tmp_path, answers, kind="csat" if max(read) <= 5 else "nps")
    assert scores == read
    assert any("score" in said for said in account["decisions"])


def test_one_answer_that_is_none_loses_no_other(tmp_path):
    scores, account = surveys(tmp_path, ["Extremely likely - 10", "9", "8", "no idea", "7"])
    assert (scores, account["quarantined"]) == ([10, 9, 8, 7], 1)
    assert account["reasons"] == {"score of nps is not between 0 and 10": 1}


def test_maxima_that_differ_are_not_put_on_one_scale(tmp_path):
    with pytest.raises(UnusableInput, match=r"score of csat is not between 1 and 5 in 2 rows \(row 2: score=4/5\)"):
        surveys(tmp_path, ["4/5", "8/10"], kind="csat")


@pytest.mark.parametrize("text", ["about 5", "5 pcs", "★★★"])
def test_words_beside_other_numbers_are_no_scores(make_client, tmp_path, text):
    export = f"order_id,product_id,quantity,amount\n1,a,{text},5\n2,b,2,5\n"
    client = make_client(
        "max_set_aside: 1\n", order_lines=export, orders="order_id,ordered_at,amount\n1,2025-01-01,5\n"
    )
    assert take_in(client, tmp_path / "w").table("order_lines").to_pandas().quantity.tolist() == [2]


# Between two whole numbers


def test_halves_count_as_the_whole_number_below_and_are_asked_about(reported, tmp_path):
    answers = reported("nps_halves")
    scores, account = surveys(tmp_path, answers)
    assert scores == [float(answer) for answer in answers]
    whole = [int(score) for score in scores]
    by_hand = 100 * (sum(n >= 9 for n in whole) - sum(n <= 6 for n in whole)) / len(whole)
    assert score_of(scores) == [round(by_hand, 1)]
    halves = sum("." in answer for answer in answers)
    assert [f"{halves} answers under 'Score' are no whole numbers" in asked for asked in account["questions"]] == [True]


@pytest.mark.parametrize(
    ("score", "category"),
    [
        (6.001, "detractor"),
        (6.5, "detractor"),
        (6.9999999, "passive"),
        (8.99, "passive"),
        (9.5, "promoter"),
        (10.0, "promoter"),
    ],
)
def test_every_answer_is_in_one_class_by_one_rule_wherever_it_is_counted(score, category):
    table = pd.DataFrame(
        {"response_id": ["a"], "customer_id": ["c"], "kind": ["nps"], "score": [score],
         "answered_at": [dt.datetime(2025, 1, 1)]}
    )  # fmt: skip
    answers = nps.answers(table)
    assert answers.category.tolist() == [category]
    share = nps.scores(table[["score"]])[["promoters", "passives", "detractors"]].iloc[0]
    assert share[f"{category}s"] == 1
