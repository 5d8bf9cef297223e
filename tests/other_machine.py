"""Another machine's arithmetic and manners on this one: `python -m tests.other_machine -m pytest …` runs Python there.

Plain instructions in place of the widest ones, another kernel and one thread for linear algebra, and another
order of sets, time zone and locale.
"""

from __future__ import annotations

import locale
import os
import platform
import subprocess
import sys

LOCALES = ("de_DE.UTF-8", "tr_TR.UTF-8", "C")  # in one a comma stands in numbers, in one i is not the small I


def settings() -> dict[str, str]:
    """Environment variables of the other machine, for this processor: only what can be turned off here."""
    from numpy._core import _multiarray_umath as numpy_core

    features = [name for name in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__[name]]
    arm = platform.machine().lower() in ("arm64", "aarch64")
    environment = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(features),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4",  # exp and log of the C library
        "ARROW_USER_SIMD_LEVEL": "NONE",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "20260229",
        "TZ": "America/St_Johns",
        "LC_ALL": next(name for name in LOCALES if _known(name)),
    }
    # Where a machine says which kernel it bears, that is left alone.
    if "OPENBLAS_CORETYPE" not in os.environ:
        environment["OPENBLAS_CORETYPE"] = "ARMV8" if arm else "Prescott"
    return environment


def _known(name: str) -> bool:
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_ALL, before)
    return True


if __name__ == "__main__":
    sys.exit(subprocess.run([sys.executable, *sys.argv[1:]], env=os.environ | settings(), check=False).returncode)
