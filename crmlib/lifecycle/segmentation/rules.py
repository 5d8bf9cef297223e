"""The rules that say which customer belongs where: read from YAML, checked, and turned into expressions."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlib import text
from crmlib.lifecycle.segmentation.quantiles import in_words
from crmlib.problems import Problem, UnusableInput, nearest

OWN_RULES = Path(__file__).parent / "rules.yaml"
RHYTHM = "days_to_return"
COLUMNS = (
    "purchases",
    "purchases_year",
    "revenue",
    "revenue_year",
    "recency_days",
    "tenure_days",
    "r_score",
    "f_score",
    "m_score",
)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_CONDITION = re.compile(r"\s*(\w+)\s*(>=|<=|!=|>|<|=)\s*(-?\d+(?:\.\d+)?|[a-z_]\w*)\s*")


@dataclass(frozen=True)
class Comparison:
    """A column compared with a number or with a threshold's value."""

    column: str
    sign: str
    bound: float | str

    def __str__(self) -> str:
        shown = f"{self.bound:g}" if isinstance(self.bound, float) else self.bound
        return f"{self.column} {self.sign} {shown}"

    def value(self, values: Mapping[str, float]) -> float:
        """The number compared with."""
        return values[self.bound] if isinstance(self.bound, str) else self.bound


@dataclass(frozen=True)
class Condition:
    """Parts that must all hold, or of which one suffices; without parts it always holds."""

    parts: tuple[Comparison | Condition, ...] = ()
    any_of: bool = False

    def comparisons(self) -> Iterator[Comparison]:
        """All comparisons in it."""
        for part in self.parts:
            if isinstance(part, Comparison):
                yield part
            else:
                yield from part.comparisons()

    def on(self, table: Any, values: Mapping[str, float]) -> Any:
        """The condition as an Ibis expression; a missing value fulfils no comparison."""
        import ibis

        if not self.parts:
            return ibis.literal(True)
        made = [
            _COMPARE[part.sign](table[part.column], part.value(values)).fill_null(False)
            if isinstance(part, Comparison)
            else part.on(table, values)
            for part in self.parts
        ]
        return functools.reduce(operator.or_ if self.any_of else operator.and_, made)

    def in_words(self, values: Mapping[str, float]) -> str:
        """The condition as it is read aloud, with the thresholds' values."""
        if not self.parts:
            return text.say("everybody else")
        said = [
            _comparison_in_words(part, values) if isinstance(part, Comparison) else part.in_words(values)
            for part in self.parts
        ]
        joined = said[0]
        for part in said[1:]:
            joined = (
                text.say("{one} or {other}", one=joined, other=part)
                if self.any_of
                else text.say("{one} and {other}", one=joined, other=part)
            )
        return joined


def _comparison_in_words(part: Comparison, values: Mapping[str, float]) -> str:
    what, value = text.label(part.column), in_words(part.column, part.value(values))
    if part.sign == ">":
        return text.say("{what}: more than {value}", what=what, value=value)
    if part.sign == ">=":
        return text.say("{what}: at least {value}", what=what, value=value)
    if part.sign == "<":
        return text.say("{what}: less than {value}", what=what, value=value)
    if part.sign == "<=":
        return text.say("{what}: at most {value}", what=what, value=value)
    if part.sign == "!=":
        return text.say("{what}: other than {value}", what=what, value=value)
    return text.say("{what}: exactly {value}", what=what, value=value)


@dataclass(frozen=True)
class Threshold:
    """How a threshold's value comes about: fixed, a quantile, or a multiple of another."""

    name: str
    value: float | None = None
    quantile: float | None = None
    times: float | None = None
    of: str = ""
    among: Condition = Condition()
    at_least: float | None = None
    otherwise: float | None = None


@dataclass(frozen=True)
class Rule:
    """A segment and the condition that puts a customer into it."""

    name: str
    when: Condition


@dataclass(frozen=True)
class Ruling:
    """Rules in the order in which they are tried, and segment names in the order in which they are shown."""

    rules: tuple[Rule, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """Everything in a rules file. Made by :func:`read_rules`."""

    thresholds: tuple[Threshold, ...]
    tiers: Ruling
    stages: Ruling
    abc: tuple[tuple[str, float], ...]
    satisfaction_months: int
    satisfaction_scores: tuple[tuple[str, float, float], ...]
    needs: tuple[tuple[str, str], ...]


def read_rules(path: str | Path | None = None) -> Rules:
    """The rules in a YAML file, or the kit's own; the file's head says how rules are written.

    Raises:
        UnusableInput: with every problem of the file at once.

    >>> rules = read_rules()
    >>> rules.tiers.shown
    ('core', 'potential', 'ordinary', 'sleeping')
    >>> str(rules.tiers.rules[0].when.parts[0])
    'recency_days > sleeping_after'
    """
    import yaml

    file = Path(path) if path else OWN_RULES
    name = file.name
    if not file.is_file():
        raise UnusableInput(
            [Problem(str(file), found="no such file", expected="a rules file", remedy="correct the path")]
        )
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        raise UnusableInput(
            [Problem(name, place, "text that is not YAML", "YAML", "check indentation and quotes")]
        ) from None
    return _Reader(name).rules(content)


class _Reader:
    """Reads a rules file and collects what is wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.known: list[str] = []

    def wrong(self, place: str, found: str, expected: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, place, found, expected, remedy))

    def rules(self, content: Any) -> Rules:
        sections = ("thresholds", "tiers", "stages", "abc", "satisfaction", "needs")
        content = self.mapping(content, "the file")
        for key in content:
            if key not in sections:
                self.wrong(str(key), "an unknown section", "a known section", nearest(str(key), sections))
        for key in sections:
            if key not in content:
                self.wrong(key, "no such section", "this section", "copy it from the kit's rules")
        thresholds = tuple(
            self.threshold(str(k), v) for k, v in self.mapping(content.get("thresholds"), "thresholds").items()
        )
        tiers, stages = (self.ruling(part, content.get(part)) for part in ("tiers", "stages"))
        satisfaction = self.mapping(content.get("satisfaction"), "satisfaction")
        scores = [
            (str(kind), *self.numbers(bounds, f"satisfaction.scores.{kind}", 2))
            for kind, bounds in self.mapping(satisfaction.get("scores", {}), "satisfaction.scores").items()
        ]
        abc = [(str(k), self.number(v, f"abc.{k}")) for k, v in self.mapping(content.get("abc"), "abc").items()]
        needs = [(str(k), str(v)) for k, v in self.mapping(content.get("needs"), "needs").items()]
        made = Rules(
            thresholds,
            tiers,
            stages,
            tuple(abc),
            int(self.number(satisfaction.get("months", 12), "satisfaction.months")),
            tuple(scores),  # type: ignore[arg-type]
            tuple(needs),
        )
        if [share for _, share in abc] != sorted({share for _, share in abc if 0 < share < 1}):
            self.wrong("abc", str(dict(abc)), "shares between 0 and 1 that rise", "write for example {A: 0.8, B: 0.95}")
        if self.problems:
            raise UnusableInput(self.problems)
        return made

    def mapping(self, found: Any, place: str) -> dict[Any, Any]:
        if isinstance(found, dict):
            return found
        if found is not None:
            self.wrong(place, repr(found), "keys with values below it", "see the kit's rules")
        return {}

    def number(self, found: Any, place: str) -> float:
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found)
        self.wrong(place, repr(found), "a number", "write a number")
        return 0.0

    def numbers(self, found: Any, place: str, count: int) -> list[float]:
        if isinstance(found, list) and len(found) == count:
            return [self.number(value, place) for value in found]
        self.wrong(place, repr(found), f"{count} numbers in brackets", "write for example [9, 7]")
        return [0.0] * count

    def threshold(self, name: str, found: Any) -> Threshold:
        place = f"thresholds.{name}"
        given = self.mapping(found, place)
        ways = [way for way in ("value", "quantile", "times") if way in given]
        allowed = ("value", "quantile", "times", "of", "among", "at_least", "otherwise")
        for key in given:
            if key not in allowed:
                self.wrong(place, f"the unknown key {key!r}", "a known key", nearest(str(key), allowed))
        if len(ways) != 1:
            self.wrong(
                place,
                " and ".join(ways) or "none of value, quantile and times",
                "one of value, quantile, times",
                "keep one",
            )
        amounts = {
            key: self.number(given[key], f"{place}.{key}")
            for key in ("value", "quantile", "times", "at_least", "otherwise")
            if key in given
        }
        of = str(given.get("of", ""))
        if "quantile" in given:
            if not 0 < amounts["quantile"] < 1:
                self.wrong(
                    place, f"the quantile {amounts['quantile']:g}", "a share between 0 and 1", "write for example 0.8"
                )
            if of not in (RHYTHM, *COLUMNS):
                self.wrong(place, f"of: {of!r}", f"{RHYTHM} or a column", nearest(of, (RHYTHM, *COLUMNS)))
            if "otherwise" not in given:
                self.wrong(
                    place, "no otherwise", "the value to use where there are too few customers", "add otherwise:"
                )
        if "times" in given and of not in self.known:
            self.wrong(place, f"of: {of!r}", "a threshold above it", nearest(of, self.known or ["value"]))
        among = self.condition(given["among"], f"{place}.among") if "among" in given else Condition()
        self.known.append(name)
        return Threshold(name, of=of, among=among, **amounts)

    def ruling(self, section: str, found: Any) -> Ruling:
        given = self.mapping(found, section)
        rules = []
        for number, rule in enumerate(given.get("rules") or [], start=1):
            place = f"{section}.rules, rule {number}"
            if not isinstance(rule, dict) or set(rule) != {"name", "when"}:
                self.wrong(place, repr(rule), "name: and when:", "give both and nothing else")
                continue
            rules.append(Rule(str(rule["name"]), self.condition(rule["when"], f"{place} ({rule['name']})")))
        shown = tuple(map(str, given.get("shown") or []))
        if not rules:
            self.wrong(f"{section}.rules", "no rules", "at least one rule", "copy them from the kit's rules")
        elif set(shown) != {rule.name for rule in rules} or len(set(shown)) != len(shown):
            names = list(dict.fromkeys(rule.name for rule in rules))
            self.wrong(f"{section}.shown", str(list(shown)), "every segment of the rules once", f"write {names}")
        return Ruling(tuple(rules), shown)

    def condition(self, found: Any, place: str) -> Condition:
        if found == "otherwise":
            return Condition()
        if isinstance(found, str):
            found = [found]
        any_of = isinstance(found, dict) and set(found) == {"any"}
        parts = found["any"] if any_of else found
        if not isinstance(parts, list) or not parts:
            self.wrong(place, repr(found), "a list of conditions, {any: [...]} or otherwise", "see the kit's rules")
            return Condition()
        return Condition(tuple(self.part(part, place) for part in parts), any_of)

    def part(self, found: Any, place: str) -> Comparison | Condition:
        if not isinstance(found, str):
            return self.condition(found, place)
        match = _CONDITION.fullmatch(found)
        if not match:
            self.wrong(
                place,
                repr(found),
                "a column, a comparison and a number or threshold",
                "write for example purchases >= 3",
            )
            return Condition()
        column, sign, bound = match.groups()
        if column not in COLUMNS:
            self.wrong(place, f"the unknown column {column!r}", "a known column", nearest(column, COLUMNS))
        named = not re.match(r"-?\d", bound)
        if named and bound not in self.known:
            self.wrong(
                place, f"the unknown threshold {bound!r}", "a threshold", nearest(bound, self.known or ["a number"])
            )
        return Comparison(column, sign, bound if named else float(bound))
