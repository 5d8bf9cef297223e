"""The room of models as a whole: light to import, and below the chapters."""

from __future__ import annotations

import subprocess
import sys

from crmlib import models

EVERY_MODULE = """
import pkgutil, sys
from importlib import import_module
import crmlib.models
print({"scipy", "pandas", "numpy", "ibis"} & set(sys.modules))
for module in pkgutil.iter_modules(crmlib.models.__path__):
    import_module(f"crmlib.models.{module.name}")
above = ("crmlib.lifecycle", "crmlib.words", "crmlib.finding", "matplotlib")
print([name for name in sys.modules if name.startswith(above)])
"""


def test_models_are_light_to_import_and_know_no_chapter_word_or_figure() -> None:
    said = subprocess.run([sys.executable, "-c", EVERY_MODULE], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["set()", "[]"]


def test_every_public_name_is_there() -> None:
    for name in models.__all__:
        assert callable(getattr(models, name))
