"""The kernel that runs a notebook: this interpreter and this package, whatever kernels and settings a user has."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_OF_THE_USER = ("PYTHONSTARTUP", "JUPYTER_DEFAULT_PROVISIONER_NAME")


def with_own_kernel(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which the kernel ``python3`` is the interpreter that runs this, before all others.

    Jupyter looks for kernels along a path, on which another environment's may come first. Where a kernel's command
    is ``python``, as in our ``kernels/python3``, Jupyter puts the running interpreter.
    """
    found = [str(Path(__file__).parent), environment.get("JUPYTER_PATH", "")]
    return {**environment, "JUPYTER_PATH": os.pathsep.join(filter(None, found))}


def with_own_settings(environment: Mapping[str, str], private: str | Path) -> dict[str, str]:
    """An environment for kernels that read no settings of the user's and import what this process would import.

    Args:
        environment: to begin with.
        private: an empty folder, in place of the user's folders of IPython and Jupyter.
    """
    plotting = importlib.util.find_spec("matplotlib")
    places = plotting.submodule_search_locations if plotting else None
    own = {
        "IPYTHONDIR": str(private),
        "JUPYTER_CONFIG_DIR": str(private),
        "JUPYTER_RUNTIME_DIR": str(private),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in sys.path),
    }
    if places:
        own["MATPLOTLIBRC"] = str(Path(places[0], "mpl-data", "matplotlibrc"))
    kept = {name: value for name, value in environment.items() if name not in _OF_THE_USER}
    return with_own_kernel(kept | own)
