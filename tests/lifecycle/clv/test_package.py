"""The package as a whole."""

from __future__ import annotations

import subprocess
import sys

from crmlib.lifecycle import clv


def test_importing_the_package_is_light() -> None:
    code = "import sys, crmlib.lifecycle.clv; print({'scipy', 'pandas', 'numpy', 'ibis'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_every_public_name_is_there() -> None:
    for name in clv.__all__:
        assert getattr(clv, name) is not None
