"""What cannot be used, said to the person who can mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where it is, what was found, what was expected, what to do.

    >>> print(Problem("client.yaml", "line 3", found="currency 'RMB'", expected="an ISO 4217 code",
    ...               remedy="write CNY"))
    client.yaml, line 3: found currency 'RMB'; expected an ISO 4217 code. To mend it: write CNY.
    """

    file: str
    place: str = ""
    found: str = ""
    expected: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.place) if part)
        what = "; ".join(
            part
            for part in (
                f"found {self.found}" if self.found else "",
                f"expected {self.expected}" if self.expected else "",
            )
            if part
        )
        remedy = f". To mend it: {self.remedy}" if self.remedy else ""
        return f"{where}: {what}{remedy}{'' if remedy.endswith('?') else '.'}"


class UnusableInput(ValueError):
    """The configuration or the data cannot be used; carries every problem that was found, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(name: str, known: Sequence[str]) -> str:
    """The sentence that proposes the nearest known name, or lists what is known.

    >>> nearest("tabels", ["name", "tables"])
    "did you mean 'tables'?"
    """
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
