"""KPIs as data: read from YAML, checked as a whole, with every problem named at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crmlib import text
from crmlib.calendar import LONGEST_DAYS, Period
from crmlib.lifecycle.scorecard.formula import Formula, FormulaInvalid, read_formula
from crmlib.lifecycle.scorecard.measures import ADDITIVE, BASE_MEASURES, PERIODS
from crmlib.problems import Problem, UnusableInput, nearest

OWN_FILE = Path(__file__).with_name("kpis.yaml")

_KEYS = (
    "name", "about", "formula", "unit", "better", "target", "owner", "needs", "interval", "fewest", "worth",
    "period", "headline", "chart", "signal", "plays",
)  # fmt: skip
_REQUIRED = ("name", "about", "formula", "unit", "better")
_UNITS = ("money", "money2", "percent", "percent1", "number", "number1", "number2", "score")
_BETTER = ("higher", "lower", "neither")
_INTERVALS = {
    "proportion": ("successes", "cases"),
    "net_score": ("up", "down", "cases"),
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
class Words:
    """A text in both languages; shows itself in the language in use."""

    en: str
    zh: str

    def __str__(self) -> str:
        return getattr(self, text.voice().language)


@dataclass(frozen=True)
class Kpi:
    """One KPI as ``kpis.yaml`` defines it. Made by :func:`load_kpis`."""

    key: str
    name: Words
    about: Words
    formula: Formula
    unit: str
    better: Literal["higher", "lower", "neither"]
    target: float | None
    owner: Words
    needs: Mapping[str, tuple[str, ...]]
    interval: str | None
    interval_parts: Mapping[str, Formula]
    fewest: int
    worth: Formula | None
    worth_about: Words
    period: Period | None
    headline: bool
    chart: bool
    signal: bool
    plays: tuple[str, ...]

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

    >>> kpis = load_kpis(targets={"nps": 50})
    >>> kpis["cac"].formula.text, kpis["nps"].target, str(kpis["nps"].name)
    ('marketing_cost / new_customers', 50.0, 'Net promoter score (NPS)')
    """
    content = _read(OWN_FILE)
    name = OWN_FILE.name
    spoken = {**PARAMETERS, **(parameters or {})}
    if file:
        own, name = _read(Path(file)), str(file)
        for key, definition in own.items():
            if definition is None or not isinstance(content.get(key), dict) or not isinstance(definition, dict):
                content[key] = definition
            else:
                content[key] = {**content[key], **definition}
    problems: list[Problem] = []
    kpis = {}
    for key, definition in content.items():
        if definition is not None:
            kpi = _kpi(str(key), definition, name, problems, (targets or {}).get(str(key)), spoken)
            if kpi is not None:
                kpis[str(key)] = kpi
    if problems:
        raise UnusableInput(problems)
    return kpis


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


def _read(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        raise UnusableInput(
            [Problem(str(path), "", "no such file", "KPI definitions", "correct the path, or leave it empty")]
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        raise UnusableInput(
            [Problem(str(path), place, "text that is not YAML", "YAML in UTF-8", "check indentation and quotes")]
        ) from None
    if not isinstance(content, dict):
        raise UnusableInput(
            [Problem(str(path), "", "no KPIs", "a key for each KPI", "see kpis.yaml beside this module")]
        )
    return content


def _filled(words: str, language: str, parameters: Mapping[str, Any]) -> str:
    """A definition's words with ``{silent_days}`` and the like filled in; other braces are the client's own."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in parameters:
            return found[0]
        given = parameters[name]
        return _PERIODS[language].get(given, given) if name == "period" else f"{given:g}"

    return re.sub(r"\{(\w+)\}", value, words)


def _kpi(
    key: str,
    definition: Any,
    file: str,
    problems: list[Problem],
    target: float | None,
    parameters: Mapping[str, Any],
) -> Kpi | None:
    found: list[Problem] = []

    def wrong(place: str, what: str, expected: str, remedy: str = "correct the value") -> None:
        found.append(Problem(file, f"{key}{'.' if place else ''}{place}", what, expected, remedy))

    def formula(place: str, value: Any) -> Formula | None:
        try:
            return read_formula(value, tuple(BASE_MEASURES))
        except FormulaInvalid as error:
            what, _, remedy = str(error).partition("; ")
            wrong(place, what, "arithmetic over base measures", remedy or "correct the formula")
            return None

    def words(place: str, value: Any) -> Words:
        if isinstance(value, str):
            return Words(_filled(value, "en", parameters), _filled(value, "zh", parameters))
        if isinstance(value, dict) and value and set(value) <= {"en", "zh"}:
            english = str(value.get("en") or value.get("zh"))
            chinese = str(value.get("zh") or english)
            return Words(_filled(english, "en", parameters), _filled(chinese, "zh", parameters))
        wrong(place, repr(value), "a text, or one for each language", "write {en: …, zh: …}")
        return Words("", "")

    if not isinstance(definition, dict):
        wrong("", repr(definition), "keys such as name, formula, unit")
        problems += found
        return None
    for name in definition:
        if name not in _KEYS:
            wrong(str(name), f"the unknown key {name!r}", "a known key", nearest(str(name), _KEYS))
    for name in _REQUIRED:
        if definition.get(name) is None:
            wrong("", f"no {name}", "this key", f"add {name}:")
    main = formula("formula", definition["formula"]) if definition.get("formula") is not None else None
    for name, allowed in (("unit", _UNITS), ("better", _BETTER)):
        if definition.get(name) is not None and definition[name] not in allowed:
            wrong(name, repr(definition[name]), f"one of {', '.join(allowed)}", nearest(str(definition[name]), allowed))
    for name in ("target", "fewest"):
        value = definition.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            wrong(name, repr(value), "a number")
    if not isinstance(definition.get("plays") or [], list):
        wrong("plays", repr(definition["plays"]), "a list of plays, such as [win_back]")
    kind, parts = _interval(definition.get("interval"), formula, wrong)
    worth = definition.get("worth") or {}
    if not isinstance(worth, dict) or not set(worth) <= {"formula", "about"}:
        wrong("worth", repr(worth), "the keys formula and about")
        worth = {}
    worth_formula = formula("worth.formula", worth["formula"]) if worth else None
    period = definition.get("period")
    if period is not None and period not in PERIODS:
        wrong("period", repr(period), f"one of {', '.join(PERIODS)}", nearest(str(period), PERIODS))
    elif period is not None:
        for measure in sorted({m for f in (main, *parts.values()) if f for m in f.measures} - ADDITIVE):
            wrong("period", f"{measure}, whose values of several periods cannot be added up", "counts", "leave it out")
    needs = _needs(definition.get("needs"), [main, *parts.values()], wrong)
    shown = {
        name: words(name, definition[name]) for name in ("name", "about", "owner") if definition.get(name) is not None
    }
    worth_about = words("worth.about", worth.get("about", ""))
    problems += found
    if found or main is None:
        return None
    wanted = target if target is not None else definition.get("target")
    return Kpi(
        key=key,
        name=shown["name"],
        about=shown["about"],
        formula=main,
        unit=definition["unit"],
        better=definition["better"],
        target=None if wanted is None else float(wanted),
        owner=shown.get("owner", Words(text.UNKNOWN, text.UNKNOWN)),
        needs=needs,
        interval=kind,
        interval_parts=parts,
        fewest=int(definition.get("fewest") or 0),
        worth=worth_formula,
        worth_about=worth_about,
        period=period,
        headline=bool(definition.get("headline", False)),
        chart=bool(definition.get("chart", True)) and bool(definition.get("signal", True)),
        signal=bool(definition.get("signal", True)),
        plays=tuple(map(str, definition.get("plays") or ())),
    )


def _interval(value: Any, formula: Any, wrong: Any) -> tuple[str | None, dict[str, Formula]]:
    if value is None:
        return None, {}
    kind = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
    if kind not in _INTERVALS:
        wrong("interval", repr(value), f"one of {', '.join(_INTERVALS)}", nearest(str(kind), list(_INTERVALS)))
        return None, {}
    given = value[kind]
    if not isinstance(given, dict) or set(given) != set(_INTERVALS[kind]):
        wrong(f"interval.{kind}", repr(given), f"the keys {', '.join(_INTERVALS[kind])}")
        return None, {}
    parts = {name: formula(f"interval.{kind}.{name}", given[name]) for name in _INTERVALS[kind]}
    return kind, {name: part for name, part in parts.items() if part is not None}


def _needs(value: Any, formulas: list[Formula | None], wrong: Any) -> dict[str, tuple[str, ...]]:
    read: dict[str, list[str]] = {}
    for formula in formulas:
        for measure in formula.measures if formula else ():
            source = BASE_MEASURES[measure]
            columns = read.setdefault(source.table, [])
            columns += [column for column in source.columns if column not in columns]
    if value is None:
        return {table: tuple(columns) for table, columns in read.items()}
    if not isinstance(value, dict) or not all(isinstance(columns, list) for columns in value.values()):
        wrong("needs", repr(value), "tables with lists of columns, such as {orders: [amount]}")
        return {}
    for table, columns in read.items():
        for column in columns:
            if column not in value.get(table, []):
                wrong(
                    "needs",
                    f"no {table}.{column}, which the formula reads",
                    "all that it reads",
                    "add it, or leave needs out",
                )
    return {str(table): tuple(map(str, columns)) for table, columns in value.items()}
