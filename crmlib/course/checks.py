"""How an exercise's answer is judged: right, not yet (with a hint), or not attempted. Nothing here raises."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Answer:
    """What a check says of an answer."""

    verdict: Literal["right", "not yet", "not attempted"]
    message: str = ""

    def __str__(self) -> str:
        return f"{self.verdict.capitalize()}{': ' + self.message if self.message else '.'}"

    def _repr_markdown_(self) -> str:
        mark = {
            "right": "✅ **Right.**",
            "not yet": "🔶 **Not yet.**",
            "not attempted": "⬜ **Not attempted.**",
        }
        return f"{mark[self.verdict]} {self.message}".strip()


NOT_ATTEMPTED = Answer("not attempted")


def _blank(answer: Any) -> bool:
    return answer is None or answer is Ellipsis or (isinstance(answer, str) and answer == "")


def compare_number(answer: Any, expected: float, *, hint: str, tolerance: float = 1e-6) -> Answer:
    """Judge a number against the value recomputed from the data at hand.

    ``tolerance`` is relative; a factor of 100 (per cent for a rate) is named in the hint.

    >>> compare_number(..., 0.25, hint="Divide by all customers.")
    Answer(verdict='not attempted', message='')
    >>> compare_number(25, 0.25, hint="Divide by all customers.").message
    'This is 100 times the expected value: rates here are between 0 and 1.'
    >>> compare_number(0.25, 0.25, hint="Divide by all customers.").verdict
    'right'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    try:
        value = float(answer)
    except (TypeError, ValueError, OverflowError):
        return Answer("not yet", f"A single number is expected, this is a {type(answer).__name__}. {hint}")
    if math.isclose(value, expected, rel_tol=tolerance, abs_tol=1e-12):
        return Answer("right")
    if expected and math.isclose(value, 100 * expected, rel_tol=tolerance):
        return Answer("not yet", "This is 100 times the expected value: rates here are between 0 and 1.")
    return Answer("not yet", hint)


def compare_choice(answer: Any, expected: str, *, options: tuple[str, ...], hint: str) -> Answer:
    """Judge a choice among named options.

    >>> compare_choice("a", "b", options=("a", "b"), hint="Look at the second row.").message
    'Look at the second row.'
    """
    if _blank(answer):
        return NOT_ATTEMPTED
    if str(answer).strip().lower() == expected.lower():
        return Answer("right")
    if str(answer).strip().lower() not in {option.lower() for option in options}:
        return Answer("not yet", f"Choose one of {', '.join(options)}.")
    return Answer("not yet", hint)


def compare_table(answer: Any, expected: Any, *, on: str, hint: str, tolerance: float = 1e-6) -> Answer:
    """Judge a data frame against the recomputed one, row by row of the key column ``on``, whatever the order.

    Columns beyond the expected ones are welcome. ``on`` may also be the index of the answer.

    >>> import pandas as pd
    >>> expected = pd.DataFrame({"segment": ["core", "new"], "share": [0.4, 0.6]})
    >>> compare_table(expected[::-1], expected, on="segment", hint="Count customers.").verdict
    'right'
    >>> compare_table(expected.assign(share=0.5), expected, on="segment", hint="Count customers.").message
    "Column 'share' differs for core. Count customers."
    """
    import numpy as np
    import pandas as pd

    if _blank(answer):
        return NOT_ATTEMPTED
    try:
        if isinstance(answer, pd.Series):
            answer = answer.to_frame()
        if not isinstance(answer, pd.DataFrame):
            return Answer("not yet", f"A table is expected, this is a {type(answer).__name__}. {hint}")
        found = answer.reset_index() if on not in answer.columns else answer
        if len(expected.columns) == 2 and len(found.columns) == 2 and on in found.columns:
            value = next(c for c in expected.columns if c != on)
            found = found.rename(columns={c: value for c in found.columns if c != on})
        missing = [c for c in expected.columns if c not in found.columns]
        if missing:
            return Answer("not yet", f"The column {missing[0]!r} is missing. {hint}")
        if len(found) != len(expected) or set(found[on]) != set(expected[on]):
            return Answer("not yet", f"{len(expected)} rows are expected, one per {on}; these are {len(found)}. {hint}")
        found, wanted = found.set_index(on).loc[list(expected[on])], expected.set_index(on)
        for column in wanted.columns:
            if pd.api.types.is_numeric_dtype(wanted[column]):
                left, right = found[column].astype(float).to_numpy(), wanted[column].astype(float).to_numpy()
                same = np.isclose(left, right, rtol=tolerance, atol=1e-9, equal_nan=True)
            else:
                same = (found[column].astype(str) == wanted[column].astype(str)).to_numpy()
            if not same.all():
                first = wanted.index[int(np.argmin(same))]
                return Answer("not yet", f"Column {column!r} differs for {first}. {hint}")
    except Exception as error:
        return Answer("not yet", f"This table could not be compared ({type(error).__name__}). {hint}")
    return Answer("right")
