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

import inspect
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


class Exercise:
    """What every kind of exercise does; the kinds say how an answer is compared."""

    def __init__(self, practice: Practice, rule: Callable[..., Any], read: Callable[..., Any] | None) -> None:
        self.name, self.rule = rule.__name__, rule
        self.__doc__ = rule.__doc__
        self._practice, self._read, self._hints = practice, read, 0

    def __call__(self, answer: Any, *data: Any, **settings: Any) -> Verdict:
        """Judge an answer and say how many exercises of the chapter are right so far."""
        if error := _session.judging():
            verdict = _said("not yet", "failed", error=error)
        else:
            verdict = self.judge(answer, *data, **settings)
        if verdict.verdict == "right":
            self._practice.solved.add(self.name)
        solved, exercises = len(self._practice.solved), len(self._practice.exercises)
        return replace(verdict, progress=WORDS.say("progress", n=solved, all=exercises))

    def hint(self) -> Hint:
        """The next of three hints; the third is given again."""
        _session.judging()
        self._hints = min(self._hints + 1, len(HINTS))
        return Hint(self._hints, self._practice.words.say(f"{self.name}.{HINTS[self._hints - 1]}", self._places()))

    def solution(self, *data: Any, **settings: Any) -> tuple[Any, dict[str, Any]]:
        """The right value and those of the mistakes; ``None`` where the data do not hold them."""
        empty = bool(data) and isinstance(data[0], pd.DataFrame) and data[0].empty
        right, mistakes = (None if empty else self.rule(*data, **settings)) or (None, {})
        return right, {code: wrong for code, wrong in mistakes.items() if _is_there(wrong)}

    def judge(self, answer: Any, *data: Any, **settings: Any) -> Verdict:
        """The verdict alone: no progress, and no look at the kernel."""
        if answer is None or answer is Ellipsis or (isinstance(answer, str) and not answer.strip()):
            return Verdict("not attempted")
        try:
            right, mistakes = self.solution(*data, **settings)
        except Exception:
            right = None  # too few data for a measure are no fault of the learner
        if not _is_there(right):
            return _said("not attempted", "nothing_here")
        try:
            answer = self._read(answer, *data) if self._read else answer
            given = answer if isinstance(answer, Verdict) else self._given(answer, right, data, settings)
            return given if isinstance(given, Verdict) else self._compared(given, right, mistakes, settings)
        except Exception:
            return self._unknown()

    def alike(self, right: Any, mistakes: Mapping[str, Any]) -> list[str]:
        """The mistakes whose value cannot be told from the right one on these data."""
        return [code for code, wrong in mistakes.items() if self._is(self._given(wrong, right, (), {}), right)]

    def _given(self, answer: Any, right: Any, data: tuple[Any, ...], settings: Mapping[str, Any]) -> Any:
        """The answer as it is compared, or the verdict that it is nothing of the kind."""
        return answer

    def _is(self, given: Any, wanted: Any) -> bool:
        raise NotImplementedError

    def _compared(self, given: Any, right: Any, mistakes: Mapping[str, Any], settings: Mapping[str, Any]) -> Verdict:
        if self._is(given, right):
            return self._right(right, mistakes, settings)
        for same in (self._is_just, self._shows):
            for code, wrong in mistakes.items():
                if same(given, wrong, right):
                    return Verdict("not yet", self._words(code, settings), code)
        return self._otherwise(given, right)

    def _is_just(self, given: Any, wrong: Any, right: Any) -> bool:
        """Whether the answer is what this mistake leads to."""
        return self._is(given, wrong)

    def _shows(self, given: Any, wrong: Any, right: Any) -> bool:
        """Whether the answer, wrong in other ways too, agrees with the mistake wherever that differs from right."""
        return False

    def _otherwise(self, given: Any, right: Any) -> Verdict:
        return self._unknown()

    def _right(self, right: Any, mistakes: Mapping[str, Any], settings: Mapping[str, Any]) -> Verdict:
        for code in self.alike(right, mistakes):
            return _said("right", "alike", mistake=self._words(code, settings))
        return Verdict("right")

    def _unknown(self) -> Verdict:
        return _said("not yet", "unknown", name=self.name)

    def _words(self, code: str, settings: Mapping[str, Any]) -> str:
        return self._practice.words.say(f"{self.name}.{code}", self._places(), **settings)

    def _places(self) -> dict[str, Any]:
        """The settings that the exercise has by default: its words may name them."""
        return {n: p.default for n, p in inspect.signature(self.rule).parameters.items() if p.default is not p.empty}


class Number(Exercise):
    """One number: right ``within`` a distance, or rounded to so many significant ``digits``.

    The right value may be a pair: the least and the most of what is right.
    """

    def __init__(self, *made: Any, within: float = 0.0, digits: int = 0) -> None:
        super().__init__(*made)
        self.within, self.digits = within, digits

    def tolerance(self, wanted: float) -> float:
        """How far from ``wanted`` an answer may lie."""
        of_digits = 0.5 * 10.0 ** (math.floor(math.log10(abs(wanted))) + 1 - self.digits) if wanted else 0.0
        return (self.within or (of_digits if self.digits else 0.0)) + 1e-9 * max(1.0, abs(wanted))

    def _given(self, answer: Any, right: Any, data: Any, settings: Any) -> Any:
        value = answer.item() if hasattr(answer, "item") and getattr(answer, "size", 0) == 1 else answer
        try:
            value = None if isinstance(value, bool) else float(value)
        except Exception:
            value = None
        if value is None:
            return _said("not yet", "number", type=type(answer).__name__)
        return value if math.isfinite(value) else _said("not yet", "infinite")

    def _is(self, given: float, wanted: Any) -> bool:
        wanted = _nearest(given, wanted)
        return abs(given - wanted) <= self.tolerance(wanted)

    def _compared(self, given: Any, right: Any, mistakes: Mapping[str, Any], settings: Mapping[str, Any]) -> Verdict:
        nearest = _nearest(given, right)
        rounded = any(math.isclose(given, round(nearest, places), rel_tol=1e-9) for places in range(8))
        # A mistake that is hit exactly is one, however near the right value it lies; unless that one was rounded.
        for code, wrong in mistakes.items():
            if not rounded and not _equal(given, nearest) and _equal(given, wrong):
                return Verdict("not yet", self._words(code, settings), code)
        nearest_first = dict(sorted(mistakes.items(), key=lambda one: abs(one[1] - given)))
        return super()._compared(given, right, nearest_first, settings)

    def _otherwise(self, given: float, right: Any) -> Verdict:
        for key, other in {"sign": -given, "hundred_times": given / 100, "hundredth": given * 100}.items():
            if given and self._is(other, right):
                return _said("not yet", key)
        return self._unknown()


class Table(Exercise):
    """A table with a row per value of ``on``, in any order; numbers are right ``within`` a distance.

    ``on`` may be the index, further columns are welcome, and a single column of values may have any name, or come as
    a list in the order of the rows.
    """

    def __init__(self, *made: Any, on: str, within: float = 0.0) -> None:
        super().__init__(*made)
        self.on, self.within = on, within

    def _given(self, answer: Any, right: Any, data: Any, settings: Any) -> Any:
        keys, columns = list(right[self.on]), [column for column in right.columns if column != self.on]
        if isinstance(answer, dict):
            answer = pd.Series(answer)
        if len(columns) == 1 and (
            isinstance(answer, list | tuple) or getattr(answer, "ndim", 0) == 1 != hasattr(answer, "index")
        ):
            if len(answer) != len(keys):
                return _said("not yet", "length", n=len(keys), found=len(answer))
            answer = pd.Series(list(answer), index=pd.Index(keys, name=self.on))
        answer = answer.to_frame() if isinstance(answer, pd.Series) else answer
        answer = answer.to_pandas() if hasattr(answer, "to_pandas") else answer
        if not isinstance(answer, pd.DataFrame):
            return _said("not yet", "table", type=type(answer).__name__)
        found = self._with_key(answer.rename(columns=lambda name: str(name).strip()))
        others = [column for column in found.columns if column != self.on]
        if len(columns) == 1 == len(others):
            found = found.rename(columns={others[0]: columns[0]})
        missing = [column for column in [self.on, *columns] if column not in found.columns]
        if missing:
            return _said("not yet", "columns", columns=[f"`{column}`" for column in missing])
        found = found.assign(**{self.on: found[self.on].map(_plain_key)}).set_index(self.on)[columns]
        twice = found.index[found.index.duplicated()]
        return _said("not yet", "twice", row=twice[0]) if len(twice) else found

    def _with_key(self, found: pd.DataFrame) -> pd.DataFrame:
        if self.on in found.columns:
            return found
        found = found.reset_index()
        return found if self.on in found.columns else found.rename(columns={found.columns[0]: self.on})

    def _rows(self, found: pd.DataFrame, wanted: pd.DataFrame) -> Any:
        """For each row that is wanted, whether the row that was found equals it."""
        wanted = wanted if wanted.index.name == self.on else self._given(wanted, wanted, (), {})
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
        same = self._rows(given, wanted)
        return bool(same.all()) and len(same) == len(given)

    def _shows(self, given: pd.DataFrame, wrong: pd.DataFrame, right: pd.DataFrame) -> bool:
        wrong, right = self._given(wrong, wrong, (), {}), self._given(right, right, (), {})
        telling = ~self._rows(right, wrong)
        left_out = right.index.difference(wrong.index)
        agrees = self._rows(given, wrong)[telling].all() and not given.index.isin(left_out).any()
        return bool(agrees) and bool(telling.any() or len(left_out))

    def _otherwise(self, given: pd.DataFrame, right: pd.DataFrame) -> Verdict:
        right = self._given(right, right, (), {})
        for key, rows in {
            "missing": right.index.difference(given.index),
            "extra": given.index.difference(right.index),
        }.items():
            if len(rows):
                return _said("not yet", key, n=len(rows), rows=[str(row) for row in rows[:3]])
        numbers = given.apply(pd.to_numeric, errors="coerce")
        for key, factor in {"hundred_times": 0.01, "hundredth": 100}.items():
            if self._is(numbers * factor, right):
                return _said("not yet", key)
        return _said("not yet", "differs", row=self._rows(given, right).idxmin(), name=self.name)


class Choice(Exercise):
    """One of the named ``options``, in upper or lower case, with or without their ``prefix``."""

    def __init__(self, *made: Any, options: Collection[str] | Callable[..., Any], prefix: str = "") -> None:
        super().__init__(*made)
        self.options, self.prefix = options, prefix

    def choices(self, *data: Any, **settings: Any) -> list[str]:
        """The options on these data."""
        return [str(o) for o in (self.options(*data, **settings) if callable(self.options) else self.options)]

    def _given(self, answer: Any, right: Any, data: Any, settings: Any) -> Any:
        answer = answer.item() if hasattr(answer, "item") and getattr(answer, "size", 0) == 1 else answer
        plain = self._plain(answer)
        if not data and callable(self.options):
            return plain
        choices = self.choices(*data, **settings)
        if plain not in map(self._plain, choices):
            shown = [f"`{option}`" for option in choices[:_SHOWN]] + ["…"] * (len(choices) > _SHOWN)
            return _said("not yet", "option", options=shown)
        return plain

    def _plain(self, value: Any) -> str:
        plain = _plain(value).removeprefix(_plain(self.prefix)).strip()
        return _TRUTHS.get(plain, plain) if self.options == _YES_NO else plain

    def _is(self, given: str, wanted: str) -> bool:
        return given == self._plain(wanted)


class Several(Exercise):
    """A set of things, or of pairs of things, in any order."""

    def _given(self, answer: Any, right: Any, data: Any, settings: Any) -> Any:
        try:
            given = self._set([answer] if isinstance(answer, str) else answer)
        except Exception:
            return _said("not yet", "several", type=type(answer).__name__)
        sizes = {len(item) if isinstance(item, frozenset) else 0 for item in self._set(right)}
        if any((len(item) if isinstance(item, frozenset) else 0) not in sizes for item in given):
            return _said("not yet", "pair")
        return given

    def _set(self, items: Any) -> set[Any]:
        return {
            frozenset(map(_plain, i)) if isinstance(i, list | tuple | set | frozenset) else _plain(i) for i in items
        }

    def _is(self, given: set[Any], wanted: Any) -> bool:
        return given == self._set(wanted)

    def _shows(self, given: set[Any], wrong: Any, right: Any) -> bool:
        telling = self._set(wrong) ^ self._set(right)
        return bool(telling) and given & telling == self._set(wrong) & telling

    def _otherwise(self, given: set[Any], right: Any) -> Verdict:
        extra, missing = given - self._set(right), self._set(right) - given
        if extra:
            one = min(sorted(item) if isinstance(item, frozenset) else [item] for item in extra)
            return _said("not yet", "extra", n=len(extra), rows=["–".join(one)])
        return _said("not yet", "more", n=len(missing))


class Practice:
    """The exercises of one chapter, and which of them have been right in this session."""

    def __init__(self, beside: str) -> None:
        """``beside``: the chapter's ``__file__``; its folder holds the ``words.yaml``."""
        self.words = Words(beside)
        self.exercises: dict[str, Exercise] = {}
        self.solved: set[str] = set()

    def number(
        self, *, within: float = 0.0, digits: int = 0, read: Callable[..., Any] | None = None
    ) -> Callable[[Callable[..., Any]], Number]:
        """An exercise that is answered by one number, :class:`Number`."""
        return lambda rule: self._kept(Number(self, rule, read, within=within, digits=digits))

    def table(
        self, *, on: str, within: float = 0.0, read: Callable[..., Any] | None = None
    ) -> Callable[[Callable[..., Any]], Table]:
        """An exercise that is answered by a table, :class:`Table`."""
        return lambda rule: self._kept(Table(self, rule, read, on=on, within=within))

    def choice(
        self,
        options: Collection[str] | Callable[..., Any] = _YES_NO,
        *,
        prefix: str = "",
        read: Callable[..., Any] | None = None,
    ) -> Callable[[Callable[..., Any]], Choice]:
        """An exercise that is answered by one of some options, or by yes or no, :class:`Choice`."""
        return lambda rule: self._kept(Choice(self, rule, read, options=options, prefix=prefix))

    def several(self, rule: Callable[..., Any]) -> Several:
        """An exercise that is answered by a set of things, :class:`Several`."""
        return self._kept(Several(self, rule, None))

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


def _equal(one: float, two: float) -> bool:
    return math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-12)


def _plain(value: Any) -> str:
    """Text as it is compared: lower case, and signs between words do not matter."""
    kept = str(value).strip().strip("\"'").lower()
    return " ".join(kept.translate(str.maketrans("_()", "   ")).split())


def _plain_key(value: Any) -> Any:
    return int(value) if isinstance(value, float | np.floating) and value.is_integer() else value


class _Session:
    """What the running kernel knows: whether the last cell that judged nothing ended in an error."""

    def __init__(self) -> None:
        self._judging, self._failed = False, ""

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


_session = _Session()
if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
    shell.events.register("post_run_cell", _session.after_cell)
