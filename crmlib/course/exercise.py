"""One framework for all exercises.

An exercise is a function of the data at hand. It answers the right value, and the values to which usual mistakes
lead, each with a code; the words stand in the ``words.yaml`` beside it, under the function's name: three hints
(``nudge``, ``idea``, ``recipe``) and a sentence for each code. ``None`` says that the data do not hold the answer.

    practice = Practice(__file__)

    @practice.number(within=0.05)
    def score(answers):
        promoters, detractors = (answers.score >= 9).mean(), (answers.score <= 6).mean()
        return 100 * (promoters - detractors), {"promoters": 100 * promoters}

In a notebook, ``check.score(my_score, answers)`` judges and ``check.score.hint()`` gives the next hint. Nothing raises.
"""

from __future__ import annotations

import abc
import ast
import inspect
import itertools
import math
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from crmlib.words import Words

WORDS = Words(__file__)
HINTS = ("nudge", "idea", "recipe")
_MARKS = {"right": "✅", "not yet": "🔶", "not attempted": "⬜"}
_TRUTHS = {"true": "yes", "y": "yes", "是": "yes", "false": "no", "n": "no", "否": "no"}
_YES_NO = ("yes", "no")
_SHOWN = 8

Rule = Callable[..., Any]
"""What an exercise is: the data at hand in, the right value and those of the mistakes out."""


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer; ``mistake`` is the code of a usual mistake that leads to it."""

    verdict: Literal["right", "not yet", "not attempted"]
    message: str = ""
    mistake: str = ""
    progress: str = ""

    def _repr_markdown_(self) -> str:
        said = f"{_MARKS[self.verdict]} **{WORDS.say(f'verdict.{self.verdict}')}** {self.message}"
        return f"{said.strip()}\n\n{self.progress}".strip()

    def __str__(self) -> str:
        return self._repr_markdown_()


@dataclass(frozen=True)
class Hint:
    """A hint: the first nudges, the last is a recipe."""

    number: int
    words: str

    def _repr_markdown_(self) -> str:
        return f"💡 **{WORDS.say('hint', n=self.number, all=len(HINTS))}** {self.words}"


class Exercise(abc.ABC):
    """What every kind of exercise does; the kinds say what an answer is and when two are equal."""

    def __init__(self, practice: Practice, rule: Rule, *, read: Callable[..., Any] | None = None) -> None:
        """``read`` makes of an answer and the data what is compared, or the verdict that it is nothing of the kind."""
        self.name, self.rule, self.__doc__ = rule.__name__, rule, rule.__doc__
        self._practice, self._read, self._hints = practice, read, 0

    def __call__(self, answer: Any, *data: Any, **settings: Any) -> Verdict:
        """Judge an answer and say how many exercises of the chapter are right now."""
        solved = self._practice.solved
        if error := _session.judging():
            verdict = _said("not yet", "failed_first" if answer is Ellipsis else "failed", error=error)
        else:
            verdict = self.judge(answer, *data, **settings)
        (solved.add if verdict.verdict == "right" else solved.discard)(self.name)
        return replace(verdict, progress=WORDS.say("progress", n=len(solved), all=len(self._practice.exercises)))

    def hint(self) -> Hint:
        """The next of three hints; the third is given again."""
        _session.judging()
        self._hints = min(self._hints + 1, len(HINTS))
        return Hint(self._hints, self._words(HINTS[self._hints - 1], {}))

    def judge(self, answer: Any, *data: Any, **settings: Any) -> Verdict:
        """The verdict alone: no progress, and no look at the kernel."""
        if answer is None or answer is Ellipsis or (isinstance(answer, str) and not answer.strip()):
            return Verdict("not attempted")
        try:
            right, mistakes = self.solution(*data, **settings)
        except Exception:
            right = None  # too few data for a measure are no fault of the learner
        if right is None:
            return _said("not attempted", "nothing_here")
        try:
            answer = self._read(answer, *data) if self._read else answer
            given = answer if isinstance(answer, Verdict) else self._given(answer, right)
            if isinstance(given, Verdict):
                return given
            verdict, code = self._found(given, right, mistakes)
            if verdict == "right":
                return _said("right", "alike", mistake=self._words(code, settings)) if code else Verdict("right")
            if code:
                return Verdict("not yet", self._words(code, settings), code)
            return self._otherwise(given, right, *data, **settings)
        except Exception:
            return self._unknown()

    def solution(self, *data: Any, **settings: Any) -> tuple[Any, dict[str, Any]]:
        """The right value and those of the mistakes, as they are compared; None where the data do not hold them."""
        empty = bool(data) and isinstance(data[0], pd.DataFrame) and data[0].empty
        right, mistakes = (None if empty else self.rule(*data, **settings)) or (None, {})
        if not _is_there(right):
            return None, {}
        right = right if isinstance(right, tuple) else self._given(right, right)
        return right, {code: self._given(wrong, right) for code, wrong in mistakes.items() if _is_there(wrong)}

    def alike(self, right: Any, mistakes: Mapping[str, Any]) -> list[str]:
        """The mistakes whose value cannot be told from the right one on these data."""
        return [code for code, wrong in mistakes.items() if self._is(wrong, right)]

    @abc.abstractmethod
    def _given(self, answer: Any, right: Any) -> Any:
        """The answer as it is compared, or the verdict that it is nothing of the kind."""

    @abc.abstractmethod
    def _is(self, given: Any, wanted: Any) -> bool:
        """Whether an answer, as it is compared, is the wanted value."""

    def _found(self, given: Any, right: Any, mistakes: Mapping[str, Any]) -> tuple[str, str]:
        """Whether the answer is right, and which mistake it shows, or which one these data do not tell from it."""
        if self._is(given, right):
            return "right", next(iter(self.alike(right, mistakes)), "")
        just = (code for code, wrong in mistakes.items() if self._is(given, wrong))
        shown = (code for code, wrong in mistakes.items() if self._shows(given, wrong, right))
        return "not yet", next(itertools.chain(just, shown), "")

    def _shows(self, given: Any, wrong: Any, right: Any) -> bool:
        """Whether an answer that has other faults too agrees with the mistake wherever that differs from right."""
        return False

    def _otherwise(self, given: Any, right: Any, *data: Any, **settings: Any) -> Verdict:
        """What is said of an answer that is wrong in no usual way."""
        return self._unknown()

    def _unknown(self) -> Verdict:
        return _said("not yet", "unknown", name=self.name)

    def _words(self, code: str, settings: Mapping[str, Any]) -> str:
        """The exercise's words; they may name its settings."""
        parameters = inspect.signature(self.rule).parameters.values()
        usual = {one.name: one.default for one in parameters if one.default is not one.empty}
        return self._practice.words.say(f"{self.name}.{code}", {**usual, **settings})


class Number(Exercise):
    """One number: right ``within`` a distance, or rounded to so many significant ``digits``; a ``share`` is 0 to 1.

    The right value may be a pair: the least and the most of what is right.
    """

    def __init__(self, *made: Any, within: float = 0.0, digits: int = 0, share: bool = False, **how: Any) -> None:
        super().__init__(*made, **how)
        self.within, self.digits, self.share = within, digits, share

    def tolerance(self, wanted: float) -> float:
        """How far from ``wanted`` an answer may lie."""
        within = self.within
        if self.digits and wanted:
            within = 0.5 * 10.0 ** (math.floor(math.log10(abs(wanted))) + 1 - self.digits)
        return within + 1e-9 * max(1.0, abs(wanted))

    def _given(self, answer: Any, right: Any) -> Any:
        value = _single(answer)
        try:
            number = None if isinstance(value, bool) else float(value)
        except Exception:
            number = None
        if number is None:
            return _said("not yet", "number", type=type(answer).__name__)
        return number if math.isfinite(number) else _said("not yet", "infinite")

    def _is(self, given: float, wanted: Any) -> bool:
        nearest = _nearest(given, wanted)
        return abs(given - nearest) <= self.tolerance(nearest)

    def _found(self, given: float, right: Any, mistakes: Mapping[str, float]) -> tuple[str, str]:
        nearest = _nearest(given, right)
        rounded = any(math.isclose(given, round(nearest, places), rel_tol=1e-9) for places in range(16))
        for code, wrong in mistakes.items():
            # What is hit exactly is a mistake, however near the right value it lies; unless that one was rounded.
            if not rounded and math.isclose(given, wrong, rel_tol=1e-9, abs_tol=1e-12):
                return "not yet", code
        return super()._found(given, right, dict(sorted(mistakes.items(), key=lambda one: abs(one[1] - given))))

    def _otherwise(self, given: float, right: Any, *data: Any, **settings: Any) -> Verdict:
        for key, other in {"sign": -given, "hundred_times": given / 100, "hundredth": given * 100}.items():
            if given and self._is(other, right):
                return _said("not yet", key)
        return self._unknown() if not self.share or 0 <= given <= 1 else _said("not yet", "no_share")


class Table(Exercise):
    """A table with a row per value of ``on``, in any order; numbers are right ``within`` a distance.

    ``on`` may be the index, further columns are welcome, and a single column of values may have any name, or come as
    a list in the order of the rows; ``as_list`` says that the exercise asks for that.
    """

    def __init__(self, *made: Any, on: str, within: float = 0.0, as_list: bool = False, **how: Any) -> None:
        super().__init__(*made, **how)
        self.on, self.within, self.as_list = on, within, as_list

    def _given(self, answer: Any, right: Any) -> Any:
        right = right if right.index.name == self.on else right.set_index(self.on)
        columns = list(right.columns)
        if isinstance(answer, dict):
            answer = pd.Series(answer)
        if len(columns) == 1 and (isinstance(answer, list | tuple) or type(answer) is np.ndarray):
            if len(answer) != len(right):
                return _said("not yet", "length", n=len(right), found=len(answer))
            answer = pd.Series(list(answer), index=right.index)
        if hasattr(answer, "to_pandas"):
            answer = answer.to_pandas()
        found = answer.to_frame() if isinstance(answer, pd.Series) else answer
        if not isinstance(found, pd.DataFrame):
            wanted = "values" if self.as_list else "table"
            return _said("not yet", wanted, n=len(right), type=type(answer).__name__)
        if self.on not in found.columns:
            found = found.rename_axis(index=self.on).reset_index()
        others = [column for column in found.columns if column != self.on]
        if len(columns) == 1 == len(others):
            found = found.rename(columns={others[0]: columns[0]})
        missing = [f"`{column}`" for column in columns if column not in found.columns]
        if missing:
            return _said("not yet", "columns", columns=missing)
        found = found.set_index(self.on)[columns]
        twice = found.index[found.index.duplicated()]
        return _said("not yet", "twice", row=twice[0]) if len(twice) else found

    def _rows(self, found: pd.DataFrame, wanted: pd.DataFrame) -> Any:
        """For each row that is wanted, whether the row that was found equals it."""
        aligned, same = found.reindex(wanted.index), wanted.index.isin(found.index)
        for column in wanted.columns:
            if pd.api.types.is_numeric_dtype(wanted[column]):
                values = pd.to_numeric(aligned[column], errors="coerce").to_numpy(dtype=float)
                target = wanted[column].to_numpy(dtype=float)
                same &= np.isclose(values, target, rtol=1e-6, atol=self.within + 1e-9, equal_nan=True)
            else:
                same &= (aligned[column].map(_plain) == wanted[column].map(_plain)).to_numpy()
        return pd.Series(same, index=wanted.index)

    def _is(self, given: pd.DataFrame, wanted: pd.DataFrame) -> bool:
        return len(given) == len(wanted) and bool(self._rows(given, wanted).all())

    def _shows(self, given: pd.DataFrame, wrong: pd.DataFrame, right: pd.DataFrame) -> bool:
        telling, left_out = ~self._rows(right, wrong), right.index.difference(wrong.index)
        agrees = self._rows(given, wrong)[telling].all() and not given.index.isin(left_out).any()
        return bool(agrees) and bool(telling.any() or len(left_out))

    def _otherwise(self, given: pd.DataFrame, right: pd.DataFrame, *data: Any, **settings: Any) -> Verdict:
        missing, extra = right.index.difference(given.index), given.index.difference(right.index)
        for key, rows in {"missing": missing, "extra": extra}.items():
            if len(rows):
                return _said("not yet", key, n=len(rows), rows=[str(row) for row in rows[:3]])
        numbers = given.apply(pd.to_numeric, errors="coerce")
        for key, factor in {"hundred_times": 0.01, "hundredth": 100}.items():
            if self._is(numbers * factor, right):
                return _said("not yet", key)
        return _said("not yet", "differs", row=self._rows(given, right).idxmin(), name=self.name)


class Choice(Exercise):
    """One of the named ``options``, in upper or lower case, with or without their ``prefix``; yes or no by default."""

    def __init__(
        self, *made: Any, options: Collection[str] | Callable[..., Any] = _YES_NO, prefix: str = "", **how: Any
    ) -> None:
        super().__init__(*made, **how)
        self.options, self.prefix = options, prefix

    def choices(self, *data: Any, **settings: Any) -> list[str]:
        """The options on these data."""
        return [str(o) for o in (self.options(*data, **settings) if callable(self.options) else self.options)]

    def _given(self, answer: Any, right: Any) -> str:
        plain = _plain(_single(answer)).removeprefix(_plain(self.prefix)).strip()
        return _TRUTHS.get(plain, plain) if self.options == _YES_NO else plain

    def _is(self, given: str, wanted: str) -> bool:
        return given == wanted

    def _otherwise(self, given: str, right: str, *data: Any, **settings: Any) -> Verdict:
        choices = self.choices(*data, **settings)
        if given in (self._given(option, right) for option in choices):
            return self._unknown()
        shown = [f"`{option}`" for option in choices[:_SHOWN]] + ["…"] * (len(choices) > _SHOWN)
        return _said("not yet", "option", options=shown)


class Several(Exercise):
    """A set of things, or of pairs of things, in any order."""

    def _given(self, answer: Any, right: Any) -> Any:
        try:
            given, size = set(map(_thing, answer)), _size(_thing(next(iter(right))))
        except Exception:
            return _said("not yet", "several", type=type(answer).__name__)
        return given if all(_size(thing) == size for thing in given) else _said("not yet", "pair")

    def _is(self, given: set[Any], wanted: set[Any]) -> bool:
        return given == wanted

    def _shows(self, given: set[Any], wrong: set[Any], right: set[Any]) -> bool:
        telling = wrong ^ right
        return bool(telling) and given & telling == wrong & telling

    def _otherwise(self, given: set[Any], right: set[Any], *data: Any, **settings: Any) -> Verdict:
        if extra := given - right:
            one = min(sorted(thing) if isinstance(thing, frozenset) else [thing] for thing in extra)
            return _said("not yet", "extra", n=len(extra), rows=["–".join(one)])
        return _said("not yet", "more", n=len(right - given))


class Practice:
    """The exercises of one chapter, and which of them were right when they were last checked."""

    def __init__(self, beside: str) -> None:
        """``beside``: the chapter's ``__file__``; its folder holds the ``words.yaml``."""
        self.words = Words(beside)
        self.exercises: dict[str, Exercise] = {}
        self.solved: set[str] = set()

    def number(self, **how: Any) -> Callable[[Rule], Number]:
        """An exercise answered by one number: ``within``, ``digits``, ``share``, ``read`` as for :class:`Number`."""
        return lambda rule: self._kept(Number(self, rule, **how))

    def table(self, **how: Any) -> Callable[[Rule], Table]:
        """An exercise that is answered by a table: ``on``, ``within``, ``read`` as for :class:`Table`."""
        return lambda rule: self._kept(Table(self, rule, **how))

    def choice(self, **how: Any) -> Callable[[Rule], Choice]:
        """An exercise that is answered by an option: ``options``, ``prefix``, ``read`` as for :class:`Choice`."""
        return lambda rule: self._kept(Choice(self, rule, **how))

    def several(self, **how: Any) -> Callable[[Rule], Several]:
        """An exercise that is answered by a set of things: ``read`` as for :class:`Several`."""
        return lambda rule: self._kept(Several(self, rule, **how))

    def _kept(self, exercise: Any) -> Any:
        self.exercises[exercise.name] = exercise
        return exercise


def ratio(part: Any, whole: Any) -> float:
    """A part of a whole; not a number where there is no whole.

    >>> ratio(1, 4), ratio(1, 0)
    (0.25, nan)
    """
    return float(part) / float(whole) if whole else math.nan


def _said(verdict: Any, key: str, **values: Any) -> Verdict:
    return Verdict(verdict, WORDS.say(f"said.{key}", values))


def _is_there(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return math.isfinite(value)
    return value is not None and not (isinstance(value, pd.DataFrame) and value.empty)


def _nearest(given: float, right: Any) -> float:
    return min(max(given, float(right[0])), float(right[1])) if isinstance(right, tuple) else float(right)


def _single(answer: Any) -> Any:
    """The one value of an array or a column that holds no more; everything else as it is."""
    return answer.item() if getattr(answer, "size", 0) == 1 and hasattr(answer, "item") else answer


def _thing(item: Any) -> Any:
    return frozenset(map(_plain, item)) if isinstance(item, list | tuple | set | frozenset) else _plain(item)


def _size(thing: Any) -> int:
    return len(thing) if isinstance(thing, frozenset) else 1


def _plain(value: Any) -> str:
    """Text as it is compared: lower case, and signs between words do not matter."""
    kept = str(value).strip().strip("\"'").lower()
    return " ".join(kept.translate(str.maketrans("_()", "   ")).split())


class _Session:
    """What the running kernel knows: whether the last cell that judged nothing ended in an error."""

    def __init__(self, names: dict[str, Any] | None = None) -> None:
        """``names``: those that the learner has defined."""
        self._judging, self._failed, self._names = False, "", {} if names is None else names

    def before_cell(self, info: Any) -> None:
        """Called by IPython: an answer that a check names and that does not exist is blank, and no ``NameError``."""
        try:
            tree = ast.parse(info.raw_cell)
        except SyntaxError:
            return
        for call in ast.walk(tree):
            match call:
                case ast.Call(ast.Attribute(ast.Name(course), exercise), [ast.Name(answer), *_]):
                    if isinstance(getattr(self._names.get(course), exercise, None), Exercise):
                        self._names.setdefault(answer, ...)

    def judging(self) -> str:
        """Say that this cell judges or hints; answers the error in which the cell before it ended."""
        self._judging = True
        return self._failed

    def after_cell(self, result: Any) -> None:
        """Called by IPython when a cell has ended; a cell that cannot be read has run nothing, and is told as well."""
        error = result.error_before_exec or result.error_in_exec
        if not self._judging or error:
            self._failed = type(error).__name__ if error else ""
        self._judging = False


_shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
_session = _Session(_shell.user_ns if _shell else None)
if _shell:
    _shell.events.register("pre_run_cell", _session.before_cell)
    _shell.events.register("post_run_cell", _session.after_cell)
