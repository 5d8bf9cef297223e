"""What growth reads of a client's settings, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmlib.lifecycle.growth.rollouts import read_rollouts
from crmlib.problems import Problem, UnusableInput

if TYPE_CHECKING:
    from crmlib.client import Client


def check_settings(client: Client, parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the client's own file of measures that began in some shops before others."""
    try:
        read_rollouts(client.beside(parameters.get("rollouts", "rollouts.yaml")), is_named="rollouts" in parameters)
    except UnusableInput as unusable:
        return unusable.problems
    return []
