"""What the chapter on NPS reads of a client's settings, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmlib.lifecycle.nps.themes import theme_rules
from crmlib.problems import Problem, UnusableInput

if TYPE_CHECKING:
    from crmlib.client import Client


def check_settings(client: Client, parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the client's own themes."""
    try:
        theme_rules(client.beside(parameters.get("themes_file", "")))
    except UnusableInput as unusable:
        return unusable.problems
    return []
