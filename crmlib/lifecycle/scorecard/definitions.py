"""KPIs as data: read from YAML, checked as a whole, with every problem named at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, RootModel, ValidationInfo, field_validator

from crmlib import text
from crmlib.calendar import LONGEST_DAYS, Period
from crmlib.lifecycle.scorecard.formula import Formula, read_formula
from crmlib.lifecycle.scorecard.measures import ADDITIVE, BASE_MEASURES
from crmlib.problems import nearest
from crmlib.settings import Mistake, Mistakes, Number, Strict, open_settings
from crmlib.words import Words

_WORDS = Words(__file__)
OWN_FILE = Path(__file__).with_name("kpis.yaml")

_INTERVALS = {
    "proportion": ("successes", "cases"),
    "net_score": ("up", "down", "cases", "effective"),
    "mean": ("sum", "squares", "cases"),
    "per_count": ("amount", "cases"),
    "given": ("low", "high"),
}


# What definitions may speak of as {silent_days} and so on, with the values of base_measures where none are given.
PARAMETERS: dict[str, Any] = {
    "silent_days": 180, "repurchase_days": 90, "follow_up_days": 90, "sla_hours": 24, "period": "month",
}  # fmt: skip
_PERIODS = {
    "en": {"week": "week", "month": "month", "quarter": "quarter"},
    "zh": {"week": "周", "month": "月", "quarter": "季度"},
}


def _money(value: Any) -> str:
    """Money as it is spoken of: small amounts with cents."""
    return text.money(value, digits=2 if value is not None and 0 < abs(value) < 100 else 0)


_FORMS: dict[str, Callable[[Any], str]] = {
    "money": _money,
    "money2": lambda value: text.money(value, digits=2),
    "percent": text.percent,
    "percent1": lambda value: text.percent(value, digits=1),
    "number": text.number,
    "number1": lambda value: text.number(value, digits=1),
    "number2": lambda value: text.number(value, digits=2),
    "score": lambda value: text.number(value, digits=1),
}


@dataclass(frozen=True)
class Spoken:
    """A text in both languages; shows itself in the language in use."""

    en: str
    zh: str

    def __str__(self) -> str:
        return getattr(self, text.voice().language)


def _filled(words: str, language: str, parameters: Mapping[str, Any]) -> str:
    """A definition's words with ``{silent_days}`` and the like filled in; other braces are the client's own."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in parameters:
            return found[0]
        given = parameters[name]
        return _PERIODS[language].get(given, given) if name == "period" else f"{given:g}"

    return re.sub(r"\{(\w+)\}", value, words)


def _both_languages(value: Any, info: ValidationInfo) -> Spoken:
    """A text of the YAML, one for both languages or one for each, with the parameters' values filled in."""
    given = {"en": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not given or not set(given) <= {"en", "zh"}:
        raise Mistake(_WORDS, "text")
    english = str(given.get("en") or given.get("zh"))
    chinese = str(given.get("zh") or english)
    spoken = info.context or PARAMETERS
    return Spoken(_filled(english, "en", spoken), _filled(chinese, "zh", spoken))


Said = Annotated[Spoken, PlainValidator(_both_languages)]
Arithmetic = Annotated[Formula, PlainValidator(lambda text: read_formula(text, tuple(BASE_MEASURES)))]


class Worth(Strict):
    """What one unit of a KPI is worth in money a year, and what that counts."""

    formula: Arithmetic
    about: Said = Spoken("", "")


Needs = dict[str, tuple[str, ...]]


def _formulas(info: ValidationInfo) -> list[Formula]:
    """The formulas of a KPI that is being read: its own, and those of its interval."""
    parts: dict[str, Formula] = next(iter((info.data.get("intervals") or {}).values()), {})
    return [formula for formula in (info.data.get("formula"), *parts.values()) if formula]


class Kpi(BaseModel):
    """One KPI as ``kpis.yaml`` defines it. Made by :func:`load_kpis`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(default="", exclude=True)
    name: Said
    about: Said
    formula: Arithmetic
    unit: Literal["money", "money2", "percent", "percent1", "number", "number1", "number2", "score"]
    better: Literal["higher", "lower", "neither"]
    target: Number | None = None
    owner: Said = Spoken(text.UNKNOWN, text.UNKNOWN)
    intervals: dict[Literal["proportion", "net_score", "mean", "per_count", "given"], dict[str, Arithmetic]] = Field(
        default={}, alias="interval", max_length=1
    )
    fewest: int = 0
    worth: Worth | None = None
    period: Literal["week", "month", "quarter"] | None = None
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
            if set(parts) != set(_INTERVALS[kind]):
                raise Mistake(_WORDS, "interval.parts", [kind], parts=_INTERVALS[kind])
        return intervals

    @field_validator("period")
    @classmethod
    def _adds_up(cls, period: Period | None, info: ValidationInfo) -> Period | None:
        counted = sorted({measure for formula in _formulas(info) for measure in formula.measures} - ADDITIVE)
        if period and counted:
            raise Mistakes([Mistake(_WORDS, "does_not_add_up", measure=measure) for measure in counted])
        return period

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
        nested = (
            self.period is not None and counted_by != "week" and LONGEST_DAYS[self.period] > LONGEST_DAYS[counted_by]
        )
        return self.period if nested and self.period else counted_by

    def form(self, value: Any) -> str:
        """A value in words, by the KPI's unit; ``–`` where it is unknown."""
        return _FORMS[self.unit](value)

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
        lacking = []
        for table, columns in self.needs.items():
            if not has(table):
                lacking.append(table)
            else:
                lacking += [f"{table}.{column}" for column in columns if not has(table, column)]
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
            are left alone: :func:`unknown_targets` names them.
        parameters: those that :func:`~crmlib.lifecycle.scorecard.measures.base_measures` was given (``silent_days``,
            ``period`` …): names and definitions tell their values. Without them, its own defaults.

    Raises:
        UnusableInput: with every problem of the file at once: keys, units and measures that are not known (the
            nearest one is proposed), formulas that are not arithmetic, missing keys, tables missing in ``needs``.

    >>> kpis = load_kpis(targets={"nps": 50.0})
    >>> kpis["cac"].formula.text, kpis["nps"].target, str(kpis["nps"].name)
    ('marketing_cost / new_customers', 50.0, 'Net promoter score (NPS)')
    """
    kit = open_settings(OWN_FILE, name=OWN_FILE.name)
    own = open_settings(file) if file else kit
    content = dict(kit.content)
    for key, definition in own.content.items():
        under = content.get(key)
        merged = isinstance(under, dict) and isinstance(definition, dict)
        content[key] = {**(under or {}), **definition} if merged else definition
    content = {key: definition for key, definition in content.items() if definition is not None}
    made = own.made(_Kpis, content=content, context={**PARAMETERS, **(parameters or {})}).root
    return {
        key: kpi.model_copy(update={"key": key, "target": (targets or {}).get(key, kpi.target)})
        for key, kpi in made.items()
    }


def unknown_targets(kpis: Mapping[str, Kpi], targets: Mapping[str, float]) -> list[str]:
    """A sentence for each target that belongs to no KPI, with the nearest KPI proposed.

    >>> unknown_targets(load_kpis(), {"npss": 50})
    ["The target 'npss' belongs to no KPI; did you mean 'nps'?"]
    """
    return [
        f"The target {target!r} belongs to no KPI; {nearest(target, list(kpis))}"
        for target in targets
        if target not in kpis
    ]


def kpi_definitions(kpis: Mapping[str, Kpi]) -> Any:
    """The definitions as a table, in the language in use: one row per KPI.

    A frame ``kpi, name, formula, unit, better, target, owner, needs, about``.

    >>> kpi_definitions(load_kpis()).set_index("kpi").loc["churn_rate", ["formula", "better"]].tolist()
    ['lapsed / active_at_start', 'lower']
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "kpi": key,
            "name": str(kpi.name),
            "formula": kpi.formula.text,
            "unit": kpi.unit,
            "better": kpi.better,
            "target": text.UNKNOWN if kpi.target is None else kpi.form(kpi.target),
            "owner": str(kpi.owner),
            "needs": ", ".join(kpi.needs),
            "about": str(kpi.about),
        }
        for key, kpi in kpis.items()
    )
