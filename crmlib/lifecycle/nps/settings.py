"""What the chapter on NPS reads of a client's settings, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.client import Client
from crmlib.lifecycle.nps.themes import theme_rules
from crmlib.problems import Problem, UnusableInput


def check_settings(client: Client, parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the client's own themes."""
    try:
        theme_rules(client.beside(parameters.get("themes_file", "")))
    except UnusableInput as unusable:
        return unusable.problems
    return []
