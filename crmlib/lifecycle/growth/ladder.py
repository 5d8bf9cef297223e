"""The ladder: order values by steps, who stands just below one, and what it would bring if some of them took it."""

from __future__ import annotations

import math
from typing import Any

from crmlib.calendar import first_of_months
from crmlib.engine import quantile, same_kind, to_ibis, to_pandas
from crmlib.purchases import purchases

NEAR = 0.2
LADDER = [
    "step", "orders", "near", "mean_gap", "near_share", "gain", "gain_if", "history_orders",
]  # fmt: skip
FEWEST = 30


def steps_of(orders: Any, *, as_of: Any) -> list[float]:
    """Round amounts a little above the quarter, half and three quarters of a year's orders; none with fewer than 30.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": "a", "amount": range(1, 101), "ordered_at": pd.Timestamp("2025-06-01")})
    >>> steps_of(orders, as_of="2025-12-31")
    [30.0, 60.0, 80.0]
    """
    year = _year(to_ibis(orders), as_of=as_of)
    quarters = {str(share): quantile(year.spend, share) for share in (0.25, 0.5, 0.75)}
    found = to_pandas(year.agg(n=year.count(), **quarters)).iloc[0]
    if found.n < FEWEST:
        return []
    return sorted({_rounded_up(float(found[str(share)])) for share in (0.25, 0.5, 0.75)})


def _rounded_up(amount: float) -> float:
    """The next amount that has one digit, or one and a half: 10, 15, 20, 30 …"""
    size = 10.0 ** math.floor(math.log10(amount))
    return next(size * one for one in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15) if size * one > amount)


def ladder(
    orders: Any, *, as_of: Any, steps: list[float] | None = None, margin: float = 1.0, take_up: float = 0.1
) -> Any:
    """For each step of order values: how many orders end just below it, and what it brings if some are lifted to it.

    A pandas frame, one row per ``step`` (client's currency; by default :func:`steps_of`): ``orders`` of the last twelve
    months below it, and of these ``near`` (at most a fifth below), ``near_share`` of all orders (``history_orders``),
    ``mean_gap`` from those to the step, and ``gain``: contribution (× ``margin``) in a year if the share ``take_up`` of
    the near ones is lifted to the step. ``gain_if`` is the share. What a step costs (a gift, free shipping) is not
    taken off, also for those who are above it anyway.
    """
    import pandas as pd

    steps = steps_of(orders, as_of=as_of) if steps is None else sorted(steps)
    year = _year(to_ibis(orders), as_of=as_of)
    if not steps:
        return pd.DataFrame(columns=LADDER)
    sums: dict[str, Any] = {"n": year.count()}
    for place, step in enumerate(steps):
        near = (year.spend < step) & (year.spend >= (1 - NEAR) * step)
        sums |= {f"below{place}": (year.spend < step).sum(), f"near{place}": near.sum(),
                 f"gap{place}": (step - year.spend).sum(where=near)}  # fmt: skip
    found = to_pandas(year.agg(**sums)).fillna(0).iloc[0]
    rows = []
    for place, step in enumerate(steps):
        near, gap = found[f"near{place}"], found[f"gap{place}"]
        if near >= FEWEST:
            rows.append((step, int(found[f"below{place}"]), int(near), gap / near, near / found.n,
                         margin * take_up * gap, take_up, int(found.n)))  # fmt: skip
    return pd.DataFrame(rows, columns=LADDER)


@same_kind
def _year(orders: Any, *, as_of: Any) -> Any:
    import ibis

    bought = purchases(orders, as_of=as_of, guests=True)
    return bought.filter(bought.day >= ibis.literal(first_of_months(as_of, 12)))
