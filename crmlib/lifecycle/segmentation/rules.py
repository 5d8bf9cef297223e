"""The rules that say which customer belongs where: read from YAML, checked, and turned into expressions."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, field_validator, model_validator

from crmlib.lifecycle.segmentation.rfm import SCORES
from crmlib.problems import Problem, nearest
from crmlib.settings import Mistake, Mistakes, Number, SettingsFile, Strict, open_settings
from crmlib.words import Words, voice

_WORDS = Words(__file__)
OWN_RULES = Path(__file__).parent / "rules.yaml"
RHYTHM = "days_to_return"
OTHERWISE = "otherwise"
By = Literal["tier", "stage"]
COLUMNS = ("purchases", "purchases_year", "revenue", "revenue_year", "recency_days", "tenure_days", *SCORES.values())
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

    def comparisons(self) -> Iterator[Comparison]:
        """Itself."""
        yield self

    def on(self, table: Any, values: Mapping[str, float]) -> Any:
        """The comparison as an Ibis expression; a missing value does not fulfil it."""
        return _COMPARE[self.sign](table[self.column], self.value(values)).fill_null(False)


@dataclass(frozen=True)
class Condition:
    """Parts that must all hold, or of which one suffices; without parts it always holds."""

    parts: tuple[Comparison | Condition, ...] = ()
    any_of: bool = False

    def comparisons(self) -> Iterator[Comparison]:
        """All comparisons in it."""
        for part in self.parts:
            yield from part.comparisons()

    def on(self, table: Any, values: Mapping[str, float]) -> Any:
        """The condition as an Ibis expression."""
        import ibis

        if not self.parts:
            return ibis.literal(True)
        return functools.reduce(
            operator.or_ if self.any_of else operator.and_, (p.on(table, values) for p in self.parts)
        )

    def __str__(self) -> str:
        parts = [
            f"({part})" if isinstance(part, Condition) and len(part.parts) > 1 else str(part) for part in self.parts
        ]
        return (" or " if self.any_of else " and ").join(parts) or OTHERWISE


def _names(info: ValidationInfo) -> Sequence[str]:
    """The names of the file's thresholds."""
    return (info.context or {}).get("thresholds", ())


def _condition(found: Any, info: ValidationInfo) -> Condition:
    """A condition as it stands in the YAML.

    Raises:
        Mistakes: of the condition, and of all that is in it.
    """
    mistakes: list[Mistake] = []
    made = _read_condition(found, _names(info), mistakes)
    if mistakes:
        raise Mistakes(mistakes)
    return made


def _read_condition(found: Any, thresholds: Sequence[str], mistakes: list[Mistake]) -> Condition:
    if found == OTHERWISE:
        return Condition()
    any_of = isinstance(found, dict) and set(found) == {"any"}
    parts = found["any"] if any_of else [found] if isinstance(found, str) else found
    if not isinstance(parts, list) or not parts:
        mistakes.append(Mistake(_WORDS, "condition"))
        return Condition()
    return Condition(
        tuple(
            _read_comparison(part, thresholds, mistakes)
            if isinstance(part, str)
            else _read_condition(part, thresholds, mistakes)
            for part in parts
        ),
        any_of,
    )


def _read_comparison(found: str, thresholds: Sequence[str], mistakes: list[Mistake]) -> Comparison | Condition:
    match = _CONDITION.fullmatch(found)
    if not match:
        mistakes.append(Mistake(_WORDS, "comparison", found=found))
        return Condition()
    column, sign, bound = match.groups()
    if column not in COLUMNS:
        mistakes.append(Mistake(_WORDS, "column", name=column, nearest=nearest(column, COLUMNS)))
    named = not re.match(r"-?\d", bound)
    if named and bound not in thresholds:
        mistakes.append(Mistake(_WORDS, "threshold", name=bound, nearest=nearest(bound, thresholds)))
    return Comparison(column, sign, bound if named else float(bound))


When = Annotated[Condition, PlainValidator(_condition)]


class Threshold(Strict):
    """How a threshold's value comes about: fixed, a quantile, or a multiple of another."""

    value: Number | None = None
    quantile: Annotated[Number, Field(gt=0, lt=1)] | None = None
    times: Number | None = None
    of: str = ""
    among: When = Condition()
    at_least: Number | None = None
    otherwise: Number | None = None
    back_at_most: Annotated[Number, Field(gt=0, lt=1)] | None = None

    @field_validator("of")
    @classmethod
    def _known(cls, of: str, info: ValidationInfo) -> str:
        known = [RHYTHM, *COLUMNS, *_names(info)]
        if of not in known:
            raise Mistake(_WORDS, "of.unknown", name=of, nearest=nearest(of, known))
        return of

    @model_validator(mode="after")
    def _one_way(self, info: ValidationInfo) -> Threshold:
        ways = [way for way in ("value", "quantile", "times") if getattr(self, way) is not None]
        mistakes = []
        if len(ways) != 1:
            mistakes.append(Mistake(_WORDS, "ways.several" if ways else "ways.none", ways=ways))
        if self.quantile is not None and self.of not in (RHYTHM, *COLUMNS):
            mistakes.append(Mistake(_WORDS, "of.column", ["of"], rhythm=RHYTHM))
        if self.quantile is not None and self.otherwise is None:
            mistakes.append(Mistake(_WORDS, "too_few"))
        if self.back_at_most is not None and (self.quantile is None or self.of != RHYTHM):
            mistakes.append(Mistake(_WORDS, "back_at_most", ["back_at_most"], rhythm=RHYTHM))
        if self.times is not None and self.of not in _names(info):
            mistakes.append(Mistake(_WORDS, "of.threshold", ["of"]))
        if mistakes:
            raise Mistakes(mistakes)
        return self


class Rule(Strict):
    """A segment, the condition that puts a customer into it, and its label per language where the kit has no name."""

    name: str
    label: dict[str, str] = {}
    when: When

    @field_validator("label", mode="before")
    @classmethod
    def _of_all_languages(cls, label: Any) -> Any:
        return {"en": label} if isinstance(label, str) else label


class Ruling(Strict):
    """Rules in the order in which they are tried, and segment names in the order in which they are shown."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    shown: tuple[str, ...]

    def comparisons(self) -> list[Comparison]:
        """All comparisons in the rules, each once."""
        return list(dict.fromkeys(part for rule in self.rules for part in rule.when.comparisons()))

    def first_that_fits(self, customers: Any, values: Mapping[str, float]) -> Any:
        """The name of each customer's segment as an Ibis expression; missing where no rule fits."""
        import ibis

        return ibis.cases(*((rule.when.on(customers, values), rule.name) for rule in self.rules))


class Satisfaction(Strict):
    """How recent an answer must be, and from which scores on it is high and middle, by kind of question."""

    months: int = Field(default=12, gt=0)
    scores: dict[str, tuple[Number, Number]] = {}


class Rules(Strict):
    """Everything in a rules file. Made by :func:`read_rules`."""

    thresholds: dict[str, Threshold]
    tiers: Ruling
    stages: Ruling
    abc: dict[str, Number]
    satisfaction: Satisfaction
    needs: dict[str, str]

    @property
    def labels(self) -> dict[str, str]:
        """What the file calls its segments in the language in use, or in another where it does not say."""
        return {
            rule.name: rule.label.get(voice().language) or next(iter(rule.label.values()))
            for rule in (*self.tiers.rules, *self.stages.rules)
            if rule.label
        }

    def ruling(self, by: By) -> Ruling:
        """The rules of tiers or of stages."""
        return self.tiers if by == "tier" else self.stages

    @field_validator("thresholds")
    @classmethod
    def _from_the_top(cls, thresholds: dict[str, Threshold]) -> dict[str, Threshold]:
        above: set[str] = set()
        for name, threshold in thresholds.items():
            if threshold.times is not None and threshold.of not in above:
                raise Mistake(_WORDS, "of.threshold", [name, "of"])
            above.add(name)
        return thresholds

    @field_validator("abc")
    @classmethod
    def _rising_shares(cls, shares: dict[str, float]) -> dict[str, float]:
        if [*shares.values()] != sorted({share for share in shares.values() if 0 < share < 1}):
            raise Mistake(_WORDS, "abc")
        return shares


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
    file = open_settings(path or OWN_RULES, name=None if path else OWN_RULES.name)
    return file.made(Rules, also=_not_shown(file), context={"thresholds": list(file.content.get("thresholds") or {})})


def _not_shown(file: SettingsFile) -> Iterator[Problem]:
    """Segments that are to be shown and have no rule, or the other way round."""
    for section in ("tiers", "stages"):
        given = file.content.get(section)
        rules, shown = (given.get(part) if isinstance(given, dict) else None for part in ("rules", "shown"))
        if not isinstance(rules, list) or not isinstance(shown, list):
            continue
        names = list(dict.fromkeys(str(rule["name"]) for rule in rules if isinstance(rule, dict) and "name" in rule))
        if sorted(map(str, shown)) != sorted(names):
            yield file.problem(Mistake(_WORDS, "shown", [section, "shown"], names=names))
