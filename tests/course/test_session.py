"""A real kernel: what a learner sees when a cell fails, asks for hints and gets on."""

import nbformat
import pytest
from nbclient import NotebookClient

SETTING_UP = """
import pandas as pd
from crmlib.course import nps as check
answers = pd.DataFrame({"score": [10, 9, 8, 3]})
score = 25
"""
CELLS = [
    SETTING_UP,
    "check.score(score, answers)",
    "score = (",
    "check.score(score, answers)",
    "check.score.hint()",
    "check.score(score, answers)",
    "score = 7.5",
    "check.score(score, answers)",
    "score = 1 / 0",
    "check.score(score, answers)",
    "score = 25.0",
    "check.score(score, answers)",
    "check.score.hint()",
    "low = (",
    "check.interval(low, answers)",
    "low = 3",
    "check.interval(low, answers)",
    "check.groups(never_run, answers)",
    "score = -25.0",
    "check.score(score, answers)",
]


@pytest.fixture(scope="module")
def said():
    """What each cell shows."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    NotebookClient(book, timeout=120, kernel_name="python3", allow_errors=True).execute()
    return [
        "".join(output.get("data", {}).get("text/markdown", "") for output in cell.get("outputs", []))
        for cell in book.cells
    ]


def test_an_answer_is_judged_and_counted(said):
    assert said[1].startswith("✅")
    assert said[1].endswith("1 of 7 right")


def test_after_a_cell_that_failed_the_answer_of_before_is_not_judged(said):
    for check, error in {3: "SyntaxError", 5: "SyntaxError", 9: "ZeroDivisionError"}.items():
        assert said[check].startswith("🔶")
        assert f"ended in an error (`{error}`)" in said[check]


def test_once_the_cell_is_mended_the_answer_is_judged_again(said):
    assert "mean of the answers" in said[7]
    assert said[11].startswith("✅")


def test_a_first_answer_in_a_cell_that_cannot_be_read_is_no_answer_yet(said):
    assert said[14].startswith("🔶")
    assert "ended in an error (`SyntaxError`), so there is no answer yet" in said[14]
    assert "no answer yet" not in said[16]
    assert said[16].startswith("🔶")


def test_an_answer_whose_cell_was_not_run_is_not_attempted(said):
    assert said[17].startswith("⬜")


def test_an_exercise_that_is_wrong_now_does_not_count_as_right(said):
    assert said[11].endswith("1 of 7 right")
    assert said[19].startswith("🔶")
    assert said[19].endswith("0 of 7 right")


def test_hints_come_one_by_one(said):
    assert "Hint 1 of 3" in said[4]
    assert "Hint 2 of 3" in said[12]
