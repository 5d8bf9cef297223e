"""What cannot be used, said to the person who can mend it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from crmlib.words import SHARED, Words, invisible


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

    @classmethod
    def said(cls, words: Words, key: str, file: str, place: str = "", /, **values: Any) -> Problem:
        """A problem in a room's words: ``place`` (unless it is given), ``found``, ``expected``, ``remedy`` or some of
        them, of ``problems.<key>``."""
        values = {name: visible(value) for name, value in values.items()}
        parts = {
            part: words.say(f"problems.{key}.{part}", values)
            for part in ("place", "found", "expected", "remedy")
            if words.has(f"problems.{key}.{part}")
        }
        return cls(file, **parts | ({"place": place} if place else {}))

    def __str__(self) -> str:
        where = SHARED.say("problem.place", file=self.file, place=self.place) if self.place else self.file
        kind = "both" if self.found and self.expected else "found" if self.found else "expected"
        what = SHARED.say(f"problem.{kind}", found=self.found, expected=self.expected)
        what = SHARED.say("problem.at", where=where, what=what) if where else what
        said = SHARED.say("problem.mended" if self.remedy else "problem.whole", what=what, remedy=self.remedy)
        return said.replace("?.", "?").replace("？。", "？")


class UnusableInput(ValueError):
    """The configuration or the data cannot be used; carries every problem that was found, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Stopped(UnusableInput):
    """What was under way could not go on; what was finished before is kept."""


def visible(value: Any) -> Any:
    """A value for a message, in which characters that nobody sees stand by their names; of a list, every part.

    >>> visible("1.234,56\\xa0€"), visible(["Order\\u200bID", 3]), visible("a\\u2066b")
    ('1.234,56‹no-break space›€', ['Order‹zero-width space›ID', 3], 'a‹left-to-right isolate›b')
    """
    if isinstance(value, list | tuple):
        return [visible(part) for part in value]
    if not isinstance(value, str):
        return value
    for character in invisible(value):
        name = unicodedata.name(character, f"u+{ord(character):04x}").lower()
        if SHARED.has(f"names.invisible.{ord(character):04x}"):
            name = SHARED.name("invisible", f"{ord(character):04x}")
        value = value.replace(character, f"‹{name}›")
    return value


def nearest(name: str, known: Sequence[str]) -> str:
    """The sentence that proposes the nearest known name, or lists what is known.

    >>> nearest("tabels", ["name", "tables"])
    "did you mean 'tables'?"
    """
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return SHARED.say("problem.nearest", name=close[0]) if close else SHARED.say("problem.use_one", names=list(known))
