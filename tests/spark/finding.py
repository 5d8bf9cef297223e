"""Finds the measures: every public function that computes on the engine, by what its code names."""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

SHARED = ["purchases", "answers", "newcomers", "subscriptions", "chapter.lists", "lifecycle.experiments"]
CHAPTERS = [
    "acquisition", "churn", "clv", "customer_data", "growth", "nps", "retention", "scorecard", "segmentation"
]  # fmt: skip


def public_functions() -> dict[str, Callable[..., Any]]:
    """What rooms offer, by ``room.name``; figures and findings tell what measures have found, and
    a file of roll-outs is only held against the data."""
    found = {}
    for room in [*SHARED, *(f"lifecycle.{name}" for name in CHAPTERS)]:
        module = importlib.import_module(f"crmlib.{room}")
        for name, value in vars(module).items() if room in SHARED else ((n, getattr(module, n)) for n in dir(module)):
            if name.startswith("_") or not inspect.isfunction(value):
                continue
            at = value.__module__
            if at.startswith(module.__name__) and not at.endswith(("figures", "findings", "rollouts")):
                found[f"{room.rpartition('.')[2]}.{name}"] = value
    return found


def computes_on_the_engine(function: Callable[..., Any]) -> bool:
    """Whether a function, or one that it calls, makes an Ibis expression."""
    seen: set[Any] = set()

    def reached(one: Any) -> bool:
        if hasattr(one, "__wrapped__") and not hasattr(one, "cache_info"):
            return True  # same_kind
        one = inspect.unwrap(one)
        if one in seen or not isinstance(one, types.FunctionType):
            return False
        seen.add(one)
        names = set(_names(one.__code__))
        if names & {"ibis", "to_ibis", "made_once"}:
            return True
        called = (one.__globals__.get(name) for name in names)
        return any(reached(f) for f in called if getattr(f, "__module__", "").startswith("crmlib"))

    return reached(function)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


MEASURES = {name: function for name, function in public_functions().items() if computes_on_the_engine(function)}
