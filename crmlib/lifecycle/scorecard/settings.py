"""What the scorecard reads of a client's settings, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmlib.lifecycle.scorecard.definitions import load_kpis
from crmlib.problems import Problem, UnusableInput, nearest
from crmlib.words import Words

if TYPE_CHECKING:
    from crmlib.client import Client

_WORDS = Words(__file__)


def targets_of(client: Client) -> dict[str, float]:
    """The targets that a client has set, by KPI: those of its YAML, and below them those of its own file of KPIs."""
    own = client.parameters.get("13_scorecard", {}).get("definitions", "")
    kpis = load_kpis(client.beside(own), targets=client.targets)
    return {key: kpi.target for key, kpi in kpis.items() if kpi.target is not None}


def check_settings(client: Client, parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the client's KPI definitions, and with targets: of no KPI, out of reach, or without aim."""
    try:
        kpis = load_kpis(client.beside(parameters.get("definitions", "")))
    except UnusableInput as unusable:
        return unusable.problems
    problems = []
    for name, target in client.targets.items():
        low, high = kpis[name].possible if name in kpis else (target, target)
        aimless = name in kpis and kpis[name].better == "neither"
        if name in kpis and low <= target <= high and not aimless:
            continue
        key = "neither" if aimless else "rate" if high == 1 and name in kpis else "number" if name in kpis else "no_kpi"
        values = {"name": name, "value": target, "low": low, "high": high, "nearest": nearest(name, list(kpis))}
        problems.append(Problem.said(_WORDS, f"target.{key}", client.path.name, f"targets.{name}", **values))
    return problems
