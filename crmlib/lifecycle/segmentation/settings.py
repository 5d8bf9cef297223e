"""What segmentation reads of a client's settings, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmlib.lifecycle.segmentation.rules import read_rules
from crmlib.problems import Problem, UnusableInput

if TYPE_CHECKING:
    from crmlib.client import Client


def check_settings(client: Client, parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the client's own rules of tiers and stages."""
    try:
        read_rules(client.beside(parameters.get("rules", "")))
    except UnusableInput as unusable:
        return unusable.problems
    return []
