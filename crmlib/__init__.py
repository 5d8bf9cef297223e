"""Customer lifecycle playbook: one kit for trainees, consultants and managers.

``import crmlib`` is light; heavy libraries load where they are used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {"begin": "crmlib.chapter", "load_client": "crmlib.client", "Finding": "crmlib.finding"}

__all__ = ["Finding", "__version__", "begin", "load_client"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'crmlib' has no attribute {name!r}")
