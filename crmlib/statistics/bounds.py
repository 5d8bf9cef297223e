"""Keeping a value within bounds, whatever kind it is of."""

from __future__ import annotations

import sys
from typing import Any


def bounded(value: Any, low: Any, high: Any) -> Any:
    """The value, but not below ``low`` nor above ``high``; unknown stays unknown.

    >>> bounded(1.2, 0.0, 1.0), bounded(-1e-17, 0.0, 1.0)
    (1.0, 0.0)
    """
    ibis = sys.modules.get("ibis")
    if ibis is not None and isinstance(value, ibis.Value):
        return value.clip(low, high)
    if isinstance(value, float):
        return max(min(value, float(high)), float(low))
    import numpy as np

    return np.maximum(np.minimum(value, high), low)
