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


def test_hints_come_one_by_one(said):
    assert "Hint 1 of 3" in said[4]
    assert "Hint 2 of 3" in said[12]
