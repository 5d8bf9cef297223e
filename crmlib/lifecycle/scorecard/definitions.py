"""KPIs as data: read from YAML, checked as a whole, with every problem named at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, RootModel, ValidationInfo, field_validator

from crmlib.calendar import LONGEST_DAYS, Period
from crmlib.lifecycle.scorecard.formula import Formula, read_formula
from crmlib.lifecycle.scorecard.measures import ADDITIVE, BASE_MEASURES, OF_KNOWN_CUSTOMERS
from crmlib.settings import Mistake, Mistakes, Number, Strict, open_settings
from crmlib.words import UNKNOWN, Words, known, place, voice

_WORDS = Words(__file__)
OWN_FILE = Path(__file__).with_name("kpis.yaml")

_INTERVALS = {
    "proportion": ("successes", "cases"),
    "net_score": ("up", "down", "cases", "effective"),
    "mean": ("sum", "squares", "cubes", "cases"),
    "per_count": ("amount", "cases"),
    "given": ("low", "high"),
    "median": ("low", "high", "cases"),
}
_MAY_LACK = {"cubes"}
_KINDS = {
    "money2": "money.2", "percent1": "percent.1", "number1": "number.1", "number2": "number.2", "score": "number.1",
}  # fmt: skip
"""Units that are called otherwise among the kinds of places."""

PARAMETERS: dict[str, Any] = {
    "silent_days": 180, "repurchase_days": 90, "follow_up_days": 90, "sla_hours": 24, "period": "month",
}  # fmt: skip
"""What names and definitions may speak of, with the values of ``base_measures`` where none are given."""


@dataclass(frozen=True)
class Spoken:
    """A client's own text in both languages; shows itself in the language in use."""

    en: str
    zh: str

    def __str__(self) -> str:
        return str(getattr(self, voice().language))


def _both_languages(value: Any) -> Spoken:
    """A text of the YAML, one for both languages or one for each."""
    given = {"en": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not given or not set(given) <= {"en", "zh"}:
        raise Mistake(_WORDS, "text")
    english = str(given.get("en") or given.get("zh"))
    return Spoken(english, str(given.get("zh") or english))


def _filled(text: str, parameters: Mapping[str, Any]) -> str:
    """A client's text with ``{silent_days}`` and the like filled in; other braces are the client's own."""

    def value(found: re.Match[str]) -> str:
        given = parameters.get(found[1])
        if given is None:
            return found[0]
        return _WORDS.name("periods", given) if found[1] == "period" else f"{given:g}"

    return re.sub(r"\{(\w+)\}", value, text)


Said = Annotated[Spoken, PlainValidator(_both_languages)]
Arithmetic = Annotated[Formula, PlainValidator(lambda written: read_formula(written, tuple(BASE_MEASURES)))]


class Worth(Strict):
    """What one unit of a KPI is worth in money a year; ``about``: a client's own words for what that counts."""

    formula: Arithmetic
    about: Said | None = None


Needs = dict[str, tuple[str, ...]]


def _formulas(info: ValidationInfo) -> list[Formula]:
    """The formulas of a KPI that is being read: its own, and those of its interval."""
    parts: dict[str, Formula] = next(iter((info.data.get("intervals") or {}).values()), {})
    return [formula for formula in (info.data.get("formula"), *parts.values()) if formula]


class Kpi(BaseModel):
    """One KPI as ``kpis.yaml`` defines it. Made by :func:`load_kpis`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(default="", exclude=True)
    parameters: dict[str, Any] = Field(default=PARAMETERS, exclude=True)
    own_name: Said | None = Field(default=None, alias="name")
    own_definition: Said | None = Field(default=None, alias="definition")
    formula: Arithmetic
    unit: Literal["money", "money2", "percent", "percent1", "number", "number1", "number2", "score"]
    better: Literal["higher", "lower", "neither"]
    target: Number | None = None
    role: Said = Field(default=Spoken(UNKNOWN, UNKNOWN), alias="owner")
    intervals: dict[
        Literal["proportion", "net_score", "mean", "per_count", "given", "median"], dict[str, Arithmetic]
    ] = Field(default={}, alias="interval", max_length=1)
    fewest: int = 0
    worth: Worth | None = None
    period: Literal["week", "month", "quarter"] | None = None
    a_year: Literal["sum", "last"] | None = None
    headline: bool = False
    signal: bool = True
    chart: bool = Field(default=True, validate_default=True)
    plays: tuple[str, ...] = ()
    needs: Needs = Field(default={}, validate_default=True)

    @field_validator("intervals")
    @classmethod
    def _all_parts(cls, intervals: dict[str, dict[str, Formula]]) -> dict[str, dict[str, Formula]]:
        if len(intervals) != 1:
            raise Mistake(_WORDS, "interval.kinds", kinds=[*_INTERVALS])
        for kind, parts in intervals.items():
            if set(parts) | _MAY_LACK != set(_INTERVALS[kind]) | _MAY_LACK:
                raise Mistake(_WORDS, "interval.parts", [kind], parts=_INTERVALS[kind])
        return intervals

    @field_validator("period")
    @classmethod
    def _adds_up(cls, period: Period | None, info: ValidationInfo) -> Period | None:
        counted = sorted({measure for formula in _formulas(info) for measure in formula.measures} - ADDITIVE)
        if period and counted:
            raise Mistakes([Mistake(_WORDS, "does_not_add_up", measure=measure) for measure in counted])
        return period

    @field_validator("a_year")
    @classmethod
    def _is_a_count(cls, a_year: str | None, info: ValidationInfo) -> str | None:
        if a_year and info.data.get("intervals"):
            raise Mistake(_WORDS, "a_year", interval=next(iter(info.data["intervals"])))
        return a_year

    @property
    def of_the_base(self) -> bool:
        """Whether it counts customers who were known before: it moves by itself while the data hold more of these."""
        formulas = (self.formula, *self.interval_parts.values())
        return any(OF_KNOWN_CUSTOMERS & set(formula.measures) for formula in formulas)

    @property
    def adds_up(self) -> bool:
        """Whether a year's value is made of the sums of its periods, with an interval of its own."""
        return self.interval not in (None, "given", "median")

    @field_validator("needs")
    @classmethod
    def _all_that_is_read(cls, needs: Needs, info: ValidationInfo) -> Needs:
        read: dict[str, tuple[str, ...]] = {}
        for measure in (BASE_MEASURES[name] for formula in _formulas(info) for name in formula.measures):
            read[measure.table] = tuple(dict.fromkeys((*read.get(measure.table, ()), *measure.columns)))
        lacking = [f"{t}.{c}" for t, columns in read.items() for c in columns if c not in (needs or read).get(t, ())]
        if lacking:
            raise Mistakes([Mistake(_WORDS, "needs", name=name) for name in lacking])
        return needs or read

    @field_validator("chart")
    @classmethod
    def _has_signals(cls, chart: bool, info: ValidationInfo) -> bool:
        return chart and info.data.get("signal", True)

    def _said(self, group: str, own: Spoken | None) -> str:
        """The client's own words, else the kit's, with the parameters in use."""
        if own is not None:
            return _filled(str(own), self.parameters)
        return _WORDS.say(f"names.{group}.{self.key}", self.parameters)

    @property
    def name(self) -> str:
        """What it is called, in the language in use."""
        return self._said("kpis", self.own_name)

    @property
    def name_short(self) -> str:
        """Its name in a few words, where it has one; else its name."""
        has_own = self.own_name is not None or self.key not in _WORDS.names("short")
        return self.name if has_own else self._said("short", None)

    @property
    def definition(self) -> str:
        """What it counts, on which people must agree."""
        return self._said("definitions", self.own_definition)

    @property
    def owner(self) -> str:
        """Who answers for it."""
        return _WORDS.name("owners", str(self.role))

    @property
    def worth_counts(self) -> str:
        """What the money counts that it is worth; empty where it has no worth."""
        return self._said("worth", self.worth.about) if self.worth else ""

    @property
    def interval(self) -> str | None:
        """Which kind of interval its values have; None: a full count, no sampling."""
        return next(iter(self.intervals), None)

    @property
    def interval_parts(self) -> Mapping[str, Formula]:
        """The formulas that the interval is counted from, by name."""
        return next(iter(self.intervals.values()), {})

    def period_in(self, counted_by: Period) -> Period:
        """The period of its values where counts are by ``counted_by``: its own if whole ones of these make it up."""
        own = self.period
        nested = own and counted_by != "week" and LONGEST_DAYS[own] > LONGEST_DAYS[counted_by]
        return own if own and nested else counted_by

    def form(self, value: Any) -> str:
        """A value in words, by the KPI's unit; ``–`` where it is unknown."""
        small = self.unit == "money" and known(value) and 0 < abs(value) < 100
        return place(value, "money.2" if small else _KINDS.get(self.unit, self.unit))

    @property
    def possible(self) -> tuple[float, float]:
        """The least and the greatest value that the unit allows."""
        if self.unit.startswith("percent"):
            return 0.0, 1.0
        return (-100.0, 100.0) if self.unit == "score" else (0.0, float("inf"))

    def improved(self, new: float, old: float) -> bool | None:
        """Whether ``new`` is better than ``old``; None if neither is."""
        if self.better == "neither" or new == old:
            return None
        return (new > old) == (self.better == "higher")

    def missing(self, has: Callable[..., bool]) -> list[str]:
        """What it needs and ``has(table, column)`` denies: tables, or ``table.column``."""
        lacking: list[str] = []
        for table, columns in self.needs.items():
            lacking += [f"{table}.{name}" for name in columns if not has(table, name)] if has(table) else [table]
        return lacking


class _Kpis(RootModel[dict[str, Kpi]]):
    """A file of KPIs."""


def load_kpis(
    file: str | Path | None = None,
    *,
    targets: Mapping[str, float] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Kpi]:
    """The KPIs by their keys, in the order in which they are shown.

    Args:
        file: a YAML file with a client's own definitions; its keys win over those of ``kpis.yaml``, key by key, new
            KPIs come after, and ``revenue: null`` drops one.
        targets: by KPI (``chapter.client.targets``); they win over the files. Targets of things that are no KPIs
            are left alone.
        parameters: those that :func:`~crmlib.lifecycle.scorecard.measures.base_measures` was given (``silent_days``,
            ``period`` …): names and definitions tell their values. Without them, its own defaults.

    Raises:
        UnusableInput: with every problem of the file at once: keys, units and measures that are not known (the
            nearest one is proposed), formulas that are not arithmetic, missing keys, new KPIs without ``name`` or
            ``definition``, tables missing in ``needs``.

    >>> kpis = load_kpis(targets={"nps": 50.0})
    >>> kpis["cac"].formula.text, kpis["nps"].target, kpis["nps"].name
    ('marketing_cost / new_customers', 50.0, 'Net promoter score (NPS)')
    """
    kit = open_settings(OWN_FILE, name=OWN_FILE.name)
    own = open_settings(file) if file else kit
    content = dict(kit.content)
    for key, definition in own.content.items():
        under = content.get(key)
        merged = isinstance(under, dict) and isinstance(definition, dict)
        content[key] = {**under, **definition} if under and merged else definition
    content = {key: definition for key, definition in content.items() if definition is not None}
    unnamed = [own.missing((key, *part)) for key, definition in content.items() for part in _unnamed(key, definition)]
    made = own.made(_Kpis, content=content, also=unnamed).root
    in_use = {**PARAMETERS, **(parameters or {})}
    return {
        key: kpi.model_copy(update={"key": key, "parameters": in_use, "target": (targets or {}).get(key, kpi.target)})
        for key, kpi in made.items()
    }


def _unnamed(key: str, definition: Any) -> list[tuple[str, ...]]:
    """Which words a KPI needs that neither the file nor the kit has."""
    if not isinstance(definition, dict):
        return []
    needed: dict[tuple[str, ...], str] = {("name",): "kpis", ("definition",): "definitions"}
    worth, given = definition.get("worth"), set(definition)
    if isinstance(worth, dict):
        needed[("worth", "about")] = "worth"
        given |= {"about"} & set(worth)
    return [part for part, group in needed.items() if part[-1] not in given and not _WORDS.has(f"names.{group}.{key}")]


def kpi_definitions(kpis: Mapping[str, Kpi]) -> Any:
    """What is defined for each KPI: a frame ``kpi, formula, unit, better, target, owner, needs`` of codes.

    >>> kpi_definitions(load_kpis()).set_index("kpi").loc["churn_rate", ["formula", "better"]].tolist()
    ['lapsed / active_at_start', 'lower']
    """
    columns = ["kpi", "formula", "unit", "better", "target", "owner", "needs"]
    rows = [
        (key, kpi.formula.text, kpi.unit, kpi.better, kpi.target, str(kpi.role), ", ".join(kpi.needs))
        for key, kpi in kpis.items()
    ]
    return pd.DataFrame(rows, columns=columns)
