"""The customers as the models see them: equal histories (x, t_x, T) merged, impossible ones refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.errors import CustomerBaseInvalid, TooFewRepeatBuyers
from crmlib.lifecycle.clv.preparation import Unit

Numbers = np.ndarray

# Four parameters cannot be read from fewer customers who came back; their standard errors would be meaningless.
FEWEST_REPEAT_BUYERS = 10


@dataclass(frozen=True)
class CustomerBase:
    """Distinct histories: repeat purchases ``x``, recency ``t_x``, age ``T``, and how many ``customers`` share each.

    ``row`` says for each customer which history is theirs (empty where nobody asked for it); ``unit`` is that of the
    times, if the summary or its reader said it.
    """

    x: Numbers
    t_x: Numbers
    T: Numbers
    customers: Numbers
    row: Numbers
    unit: Unit | None = None

    def __len__(self) -> int:
        return len(self.x)


def read_histories(summary: Any, *, rows: bool = False, unit: Unit | None = None) -> CustomerBase:
    """The distinct histories in a customer summary (pandas or Ibis), checked and counted.

    Reads ``frequency, recency, T`` and, where present, ``customers`` (how many customers a row stands for). An Ibis
    table is counted in its database, so that only distinct histories come here; with ``rows=True`` each customer's
    place among them is kept, and every row is read. Raises :class:`CustomerBaseInvalid`.
    """
    columns = ["frequency", "recency", "T"]
    if not rows and not isinstance(summary, pd.DataFrame) and "customers" not in summary.columns:
        keys = [*columns, "unit"] if "unit" in summary.columns else columns
        summary = summary.group_by(keys).agg(customers=summary.count())
    frame = to_pandas(summary)
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise CustomerBaseInvalid(
            f"the customer summary has no column {', '.join(missing)}; make it with summary(orders, as_of=…)"
        )
    x, t_x, T = (frame[name].to_numpy(dtype=float, na_value=np.nan) for name in columns)
    check_histories(x, t_x, T, customer_names(frame))
    weights = frame["customers"].to_numpy(dtype=float) if "customers" in frame.columns else None
    return replace(merge_histories(x, t_x, T, weights, rows=rows), unit=_unit_of(frame, unit))


def _unit_of(frame: pd.DataFrame, said: Unit | None) -> Unit | None:
    """The unit of the times: what the table says, else what its reader says; raises if these are several."""
    found = sorted(str(unit) for unit in frame["unit"].unique()) if "unit" in frame.columns else []
    if len({*found, *([said] if said and found else [])}) > 1:
        wanted = f", and {said} are expected" if said else ""
        raise CustomerBaseInvalid(
            f"the times are in {' and '.join(found)}{wanted}; make one summary, in one unit, with summary(…, unit=…)"
        )
    return found[0] if found else said  # type: ignore[return-value]


def customer_names(frame: pd.DataFrame) -> Sequence[Any]:
    """What to call each row in a message: its customer_id, or else its index."""
    return frame["customer_id"].to_numpy() if "customer_id" in frame.columns else frame.index.to_numpy()


def check_histories(x: Numbers, t_x: Numbers, T: Numbers, names: Sequence[Any] | None = None) -> None:
    """Refuse histories that cannot be true, saying whose they are and what to do; raises CustomerBaseInvalid."""
    x, t_x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float))
    wrong: list[tuple[Any, str]] = [
        (
            ~(np.isfinite(x) & np.isfinite(t_x) & np.isfinite(T)),
            "a missing or infinite value; leave such rows out",
        ),
        (x < 0, "a negative frequency; count repeat purchases, 0 for none"),
        (x != np.floor(x), "a fractional frequency; count whole purchases"),
        (t_x < 0, "a negative recency; measure it from the first purchase"),
        (t_x > T, "T smaller than recency; measure both from the first purchase, in one unit, as of one day"),
        (
            (x == 0) & (t_x > 0),
            "no repeat purchase but a recency above 0; recency is 0 until the second purchase",
        ),
        ((x > 0) & (t_x == 0), "repeat purchases but recency 0; merge purchases made at the same time"),
    ]
    for bad, complaint in wrong:
        if np.any(bad):
            raise CustomerBaseInvalid(f"{_who(np.ravel(bad), names)}: {complaint}")


def check_spend(x: Numbers, m: Numbers, names: Sequence[Any] | None = None) -> None:
    """Refuse mean spends that a spend model cannot hold: missing, or not above 0 for repeat buyers."""
    x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
    wrong: list[tuple[Any, str]] = [
        (~(np.isfinite(x) & np.isfinite(m)), "a missing or infinite value; leave such rows out"),
        ((x < 0) | (x != np.floor(x)), "a negative or fractional frequency; count whole repeat purchases"),
        (
            (x > 0) & (m <= 0),
            "repeat purchases with a mean spend of 0 or less; take refunds off before the summary, and leave out "
            "customers who only ever received free goods",
        ),
    ]
    for bad, complaint in wrong:
        if np.any(bad):
            raise CustomerBaseInvalid(f"{_who(np.ravel(bad), names)}: {complaint}")


def check_enough(base: CustomerBase) -> None:
    """Refuse a base from which nothing can be learnt; raises :class:`TooFewRepeatBuyers`."""
    repeaters = int(base.customers[base.x > 0].sum())
    if repeaters < FEWEST_REPEAT_BUYERS:
        raise TooFewRepeatBuyers(
            f"only {repeaters} of {int(base.customers.sum())} customers bought again; at least {FEWEST_REPEAT_BUYERS} "
            "are needed. Take a longer time, or more customers"
        )
    if len(base) == 1:
        raise TooFewRepeatBuyers(
            f"all {int(base.customers.sum())} customers have the same history; a model of how customers differ "
            "cannot be learnt from them. Check how the summary was made"
        )


def merge_histories(
    x: Numbers, t_x: Numbers, T: Numbers, weights: Numbers | None = None, *, rows: bool = False
) -> CustomerBase:
    """Equal histories merged, sorted by (x, t_x, T) and counted, whatever the order of the rows."""
    if len(x) and x.max() < 1 << 16:  # counts are their own codes
        x_code, x_values = x.astype(np.int64), np.arange(int(x.max()) + 1, dtype=float)
    else:
        x_code, x_values = _coded(x)
    t_x_code, t_x_values = _coded(t_x)
    T_code, T_values = _coded(T)
    # A history becomes one whole number, because sorting those is what numpy does fastest.
    times, width = t_x_code * len(T_values) + T_code, len(t_x_values) * len(T_values)
    pairs = None
    if len(x_values) * width >= 1 << 62:
        times, pairs = _coded(times)
        width = len(pairs)
    key = x_code * width + times
    if rows or weights is not None:
        distinct, row = np.unique(key, return_inverse=True)
        counts = np.bincount(row, weights, minlength=len(distinct))
    else:
        distinct, counts = np.unique(key, return_counts=True)
        row = np.empty(0, dtype=np.int64)
    x_code, times = np.divmod(distinct, max(width, 1))
    t_x_code, T_code = np.divmod(times if pairs is None else pairs[times], max(len(T_values), 1))
    return CustomerBase(x_values[x_code], t_x_values[t_x_code], T_values[T_code], counts.astype(float), row)


def _coded(values: Numbers) -> tuple[Numbers, Numbers]:
    codes, distinct = pd.factorize(values, sort=True)
    return codes.astype(np.int64), distinct


def _who(bad: Numbers, names: Sequence[Any] | None) -> str:
    places = np.flatnonzero(bad)
    shown = ", ".join(str(places[i] if names is None else names[places[i]]) for i in range(min(5, len(places))))
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    if names is None:
        return f"position{'s' if len(places) > 1 else ''} {shown}{more}"
    return f"customer{'s' if len(places) > 1 else ''} {shown}{more}"
