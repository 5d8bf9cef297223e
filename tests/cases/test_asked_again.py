"""Scales with labels, months as numbers, formats of every workbook, and settings that nothing read."""

from __future__ import annotations

import pytest

from crmlib.intake.proposal import propose
from crmlib.intake.workspace import take_in


def account(client, table):
    return take_in(client, client.folder / "workspace").account["tables"][table]


# Scales whose numbers have labels


def proposed_scores(folder, answers, heading="Score"):
    """What is proposed for answers under a heading: the reasons of the kind, and the decisions."""
    folder.mkdir()
    lines = "".join(f"{n},2024-03-{n % 28 + 1:02d},K{n % 17},{answers[n % len(answers)]}\n" for n in range(120))
    file = folder / "nps.csv"
    file.write_text(f"Response ID,Submitted at,Customer ID,{heading}\n{lines}", encoding="utf-8")
    made = propose(folder / "c", [str(file)])
    (one,) = [o for o in made.suggested if o.table == "surveys" and not o.off]
    kind = next(line for line in one.columns if line.key == "kind")
    return kind.value["constant"], kind.reason, [said for said in made.decisions if "Score" in said or heading in said]


def labelled(low, high, form="{n}"):
    ends = {low: f"{low} – not at all", high: f"very = {high}"}
    return [ends.get(n, form.format(n=n)) for n in range(low, high + 1)]


@pytest.mark.parametrize(
    ("answers", "low", "high"),
    [
        (labelled(0, 11), 0, 11),
        (labelled(5, 11), 5, 11),
        (["0 - gar nicht", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11 = sehr"], 0, 11),
        (["0分", "3分", "6分", "11分"], 0, 11),
        ([f"{n}/11" for n in range(12)], 0, 11),
    ],
)
@pytest.mark.parametrize("heading", ["Score", "How likely are you to recommend us?"])
def test_a_scale_of_twelve_points_is_asked_about_whatever_labels_it_has(tmp_path, answers, low, high, heading):
    kind, reason, said = proposed_scores(tmp_path / "a", answers, heading)
    asked = [one for one in said if "one more than nps has (0 to 10)" in one]
    assert (kind, len(asked)) == ("nps", 1)
    assert f"from {low} to {high}" in asked[0]
    assert "check" in reason
    assert f"from {low} to {high}" in reason or heading != "Score"


@pytest.mark.parametrize("heading", ["Score (5 to 11)", "Score 0–11", "Score (2-8)"])
def test_a_heading_that_states_another_scale_is_asked_about(tmp_path, heading):
    answers = {"Score (5 to 11)": labelled(5, 11), "Score 0–11": labelled(0, 9), "Score (2-8)": labelled(2, 8)}[heading]
    _, _, said = proposed_scores(tmp_path / "a", answers, heading)
    assert any("states another scale" in one for one in said)


@pytest.mark.parametrize(
    ("answers", "kind", "low", "high"),
    [
        (labelled(0, 10), "nps", 0, 10),
        (["0 - unlikely", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10（非常愿意）"], "nps", 0, 10),
        (["★☆☆☆☆", "★★☆☆☆", "★★★☆☆", "★★★★☆", "★★★★★"], "csat", 1, 5),
        (["⭐️", "⭐️⭐️⭐️", "⭐️⭐️⭐️⭐️⭐️"], "csat", 1, 5),
        (["😡", "😐", "🙂", "😀", "🙁"], "csat", 1, 5),
        (["very good", "good", "poor", "very poor"], "csat", 1, 5),
        (["1 star", "3 stars", "5 stars", "2", "4"], "csat", 1, 5),
        (["😀 very satisfied", "🙂 satisfied", "😡 very dissatisfied"], "csat", 1, 5),
        (["★★★★★ (5)", "★★ (2)", "★ (1)", "★★★★ (4)"], "csat", 1, 5),
    ],
)
def test_stars_faces_words_and_labels_count_in_what_is_said_of_the_scale(tmp_path, answers, kind, low, high):
    found, reason, said = proposed_scores(tmp_path / "a", answers)
    assert (found, f"from {low} to {high}" in reason) == (kind, True)
    assert not any("one more than" in one or "states another" in one for one in said)


def test_answers_of_twelve_points_are_not_counted_and_a_code_for_no_answer_can_be_emptied(make_client):
    rows = "".join(f"{n},2024-03-01,{n % 12}{' – not at all' if n % 12 == 0 else ''}\n" for n in range(60))
    surveys = "response_id,answered_at,score\n" + rows
    settings = "max_set_aside: 1\ntables: {surveys: {from: surveys.csv, columns: {kind: {constant: nps}}%s}}\n"
    found = account(make_client(surveys=surveys, settings=settings % ""), "surveys")
    assert found["blanked"] == {"score": 60}
    assert ["one more than nps has" in one for one in found["questions"]] == [True]
    emptied = make_client(surveys=surveys, settings=settings % ', values: {score: {"11": ""}}', folder="b")
    made = take_in(emptied, emptied.folder / "workspace")
    scores = made.table("surveys").to_pandas().score
    assert (scores.count(), scores.max(), made.account["tables"]["surveys"]["questions"]) == (55, 10, [])
