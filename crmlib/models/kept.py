"""Fits that are kept: what was fitted to the same histories by the same code is read, and not sought again.

Several chapters fit the same models to the same customers. Where a folder was named, whoever needs a fit first makes
it, others at the same time wait for it, and all later ones read it. Its name is made of the histories, of the settings
and of this package's source: other data or other code is another fit. Only parameters are kept, and no customer.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from crmlib.files import hold
from crmlib.models.arrays import Numbers
from crmlib.models.errors import FitDidNotConverge

Maximum = tuple[Numbers, float, Numbers, int]
"""Where a likelihood is highest, how high, its Hessian there, and after how many steps that was found."""

_place: list[Path] = []
"""The folder in which fits are kept; none until one is named."""


def keep_fits_in(folder: Path | None) -> None:
    """Keep fits in a private ``folder`` from now on, in this process; None: keep none."""
    _place[:] = [] if folder is None else [folder]


def sought_once(seek: Callable[[], Maximum], of: Sequence[Any]) -> Maximum:
    """What ``seek`` finds, or what it found before ``of`` the same: names, numbers and arrays that say all about it.

    That there is no maximum is kept, too: raises :class:`FitDidNotConverge`, then as now. Where nothing is to be kept
    or can be written, it is sought.
    """
    if not _place:
        return seek()
    file = _place[0] / f"{_name(of)}.fit.json"
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        stream = file.open("a+", encoding="utf-8")
    except OSError:
        return seek()
    with stream:
        hold(stream)
        found = _read(stream)
        if found is None:
            found = _found(seek)
            stream.seek(0)
            stream.truncate()  # of a process that was ended while it wrote
            stream.write(json.dumps(found))
    if "wrong" in found:
        raise FitDidNotConverge(found["wrong"], runs_to=found["runs_to"])
    return np.array(found["place"]), found["value"], np.array(found["hessian"]), found["iterations"]


def _found(seek: Callable[[], Maximum]) -> dict[str, Any]:
    try:
        place, value, hessian, iterations = seek()
    except FitDidNotConverge as error:
        return {"wrong": str(error), "runs_to": error.runs_to}
    return {"place": place.tolist(), "value": float(value), "hessian": hessian.tolist(), "iterations": iterations}


def _read(stream: TextIO) -> dict[str, Any] | None:
    stream.seek(0)
    try:
        found: dict[str, Any] = json.load(stream)
    except ValueError:
        return None
    return found


def _name(of: Sequence[Any]) -> str:
    digest = hashlib.sha256(_code())
    for one in of:
        if isinstance(one, np.ndarray):
            digest.update(f"\0{one.dtype}{one.shape}".encode())
            digest.update(one.tobytes())
        else:
            digest.update(f"\0{one!r}".encode())
    return digest.hexdigest()[:32]


@functools.cache
def _code() -> bytes:
    import scipy

    digest = hashlib.sha256(f"{np.__version__} {scipy.__version__}".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.digest()
