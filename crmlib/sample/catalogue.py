"""What is sold and what customers write: the contents of ``catalogue.yaml``."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def catalogue() -> dict[str, Any]:
    """Sections ``products``, ``complaints``, ``requests``, ``frames`` and ``comments``."""
    return yaml.safe_load(resources.files("crmlib.sample").joinpath("catalogue.yaml").read_text(encoding="utf-8"))
