"""Quantiles that are values which customers have, and amounts rounded to what can be said aloud."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from crmlib.engine import to_ibis

MONEY = ("revenue", "revenue_year")
DAYS = ("recency_days", "tenure_days", "days_to_return")


def observed_quantiles(table: Any, column: str, shares: Sequence[float], *, rounded: bool = True) -> list[float | None]:
    """For each share the smallest value in the column that at least this share of the rows do not exceed.

    It is a value that is there, never one in between (Hyndman and Fan 1996, definition 1); None without rows. Money is
    ``rounded`` to two significant digits, so that the number that is said is the number that is used.

    >>> import pandas as pd
    >>> observed_quantiles(pd.DataFrame({"purchases": [1, 1, 1, 2, 7]}), "purchases", [0.2, 0.6, 0.8])
    [1.0, 1.0, 2.0]
    """
    import ibis
    import pandas as pd

    ranked = _values(table, column)
    ranked = ranked.mutate(reached=ibis.cume_dist().over(order_by="value"))
    asked = {f"q{n}": ranked.value.min(where=ranked.reached >= share) for n, share in enumerate(shares)}
    row = ranked.agg(**asked).to_pandas().iloc[0]
    found = [None if pd.isna(value) else float(value) for value in row]
    if not rounded or column not in MONEY:
        return found
    return [value if value is None else round_to_two_digits(value) for value in found]


def next_lower(table: Any, column: str, value: float) -> float | None:
    """The largest value in the column below ``value``; None where there is none.

    >>> import pandas as pd
    >>> next_lower(pd.DataFrame({"purchases": [1, 2, 7, 7]}), "purchases", 7.0)
    2.0
    """
    import pandas as pd

    values = _values(table, column)
    found = values.agg(lower=values.value.max(where=values.value < value)).to_pandas().lower.iloc[0]
    return None if pd.isna(found) else float(found)


def _values(table: Any, column: str) -> Any:
    return to_ibis(table[[column]]).select(value=lambda t: t[column].cast("float64")).drop_null()


def round_to_two_digits(value: float) -> float:
    """The number with two significant digits.

    >>> round_to_two_digits(1234.5), round_to_two_digits(0.0), round_to_two_digits(8.77)
    (1200.0, 0.0, 8.8)
    """
    return round(value, 1 - math.floor(math.log10(abs(value)))) if value else 0.0
