"""What growth reads of a client's settings, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from crmlib.lifecycle.growth.baskets import Item
from crmlib.lifecycle.growth.rollouts import read_rollouts
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

if TYPE_CHECKING:
    from crmlib.client import Client
    from crmlib.intake.workspace import Workspace

_WORDS = Words(__file__)


def check_settings(client: Client, parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the client's own file of measures that began in some shops before others."""
    problems = []
    item = parameters.get("item", "")
    if item not in ("", *get_args(Item)):
        place = "parameters.07_growth.item"
        problems.append(Problem.said(_WORDS, "item_kind", client.path.name, place, value=item))
    return problems + _of_rollouts(client, parameters)


def check_tables(client: Client, parameters: Mapping[str, Any], tables: Workspace) -> list[Problem]:
    """What the data do not know of that file: shops, items, and days after the last one."""
    known = {"orders": tables.table("orders"), "lines": tables.table("order_lines"), "as_of": tables.as_of}
    return _of_rollouts(client, parameters, **known, item=parameters.get("item") or None)


def _of_rollouts(client: Client, parameters: Mapping[str, Any], **known: Any) -> list[Problem]:
    path = client.beside(parameters.get("rollouts", "rollouts.yaml"))
    try:
        read_rollouts(path, is_named="rollouts" in parameters, **known)
    except UnusableInput as unusable:
        # A file that is not named is found beside the client's YAML, and called as that is.
        if path is None or "rollouts" in parameters:
            return unusable.problems
        return [replace(one, file=path.name) for one in unusable.problems]
    return []
