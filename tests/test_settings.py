"""YAML into a model: every problem of a file at once, where it stands, and the nearest name."""

from typing import Literal

import pytest
from pydantic import Field, RootModel, field_validator

from crmlib.problems import UnusableInput
from crmlib.settings import Mistake, Mistakes, Number, Strict, open_settings
from crmlib.words import Words


class Play(Strict):
    owner: Literal["sales", "service"] = "sales"
    weight: Number = 1.0
    steps: list[str] = Field(default=[], min_length=1)

    @field_validator("steps")
    @classmethod
    def _in_capitals(cls, steps: list[str]) -> list[str]:
        small = [n for n, step in enumerate(steps) if step.islower()]
        if small:
            raise Mistakes([Mistake(Words(open_settings.__code__.co_filename), "a_tab", [n]) for n in small])
        return steps


class Plays(RootModel[dict[str, Play]]):
    pass


def said_of(tmp_path, text: str, **more) -> list[str]:
    file = tmp_path / "plays.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableInput) as unusable:
        open_settings(file, name="plays.yaml").made(Plays, **more)
    return [str(problem) for problem in unusable.value.problems]


def test_every_problem_stands_at_its_key_with_the_nearest_name_of_its_own_level(tmp_path):
    said = said_of(tmp_path, "win_back: {ownr: sales, weight: many}\nthank:\n  owner: servise\n  steps: []\n")
    assert [one.partition(":")[0] for one in said] == [
        "plays.yaml, line 1, column 25",
        "plays.yaml, line 1, column 12",
        "plays.yaml, line 3, column 3",
        "plays.yaml, line 4, column 3",
    ]
    assert "did you mean 'owner'?" in said[1]
    assert "did you mean 'service'?" in said[2]


@pytest.mark.parametrize("weight", ["'3'", "true", ".nan", "[1]"])
def test_a_number_is_neither_text_nor_a_truth_value_nor_unknown(tmp_path, weight):
    (said,) = said_of(tmp_path, f"a: {{weight: {weight}}}\n")
    assert "expected a number" in said


def test_several_mistakes_of_one_validator_stand_each_at_its_own_place(tmp_path):
    said = said_of(tmp_path, "a:\n  steps:\n    - call\n    - CALL\n    - write\n")
    assert [one.partition(":")[0] for one in said] == ["plays.yaml, line 3, column 7", "plays.yaml, line 5, column 7"]


def test_what_comes_from_elsewhere_is_said_of_the_key_above_it(tmp_path):
    (said,) = said_of(tmp_path, "a: {owner: sales}\n", content={"a": {"owner": "sales", "weight": "x"}})
    assert said.startswith("plays.yaml, line 1, column 1: found a.weight: 'x'")
