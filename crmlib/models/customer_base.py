"""The customers as the models see them: equal histories (x, t_x, T) merged, impossible ones refused by name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.models.arrays import Numbers
from crmlib.models.errors import CustomerBaseInvalid, TooFewRepeatBuyers
from crmlib.models.time_units import DAYS_PER_UNIT, Unit

# Four parameters cannot be read from fewer customers who came back; their standard errors would be meaningless.
FEWEST_REPEAT_BUYERS = 10

HISTORY = ("frequency", "recency", "T")

# So many customers are named in a message.
SHOWN = 5


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

    Reads ``frequency, recency, T`` and, where present, ``unit`` (of the times) and ``customers`` (how many customers a
    row stands for). An Ibis table is counted in its database, so that only distinct histories come here; with
    ``rows=True`` each customer's place among them is kept, and every row is read.

    Raises :class:`CustomerBaseInvalid`, which says all that is wrong at once and names customers: missing columns,
    text instead of numbers, missing values, several units or another than ``unit``, impossible histories, several rows
    of one customer (unless ``customers`` says that rows stand for several).
    """
    read = read_columns(summary, HISTORY, _history_problems, rows=rows, unit=unit)
    x, t_x, T = read.columns
    return replace(merge_histories(x, t_x, T, read.customers, rows=rows), unit=read.unit)


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with some rows: which (a mask), what, what to do, and the values that show it."""

    rows: Numbers
    what: str
    remedy: str
    shown: dict[str, Numbers]

    def in_words(self, names: Sequence[Any] | None, stands_for: Numbers | None = None) -> str:
        """As a sentence that begins with whom it concerns."""
        places = np.flatnonzero(self.rows)
        values = ", ".join(f"{name} {_value(np.ravel(v)[places[0]])}" for name, v in self.shown.items())
        found = f" ({'first: ' if len(places) > 1 else ''}{values})" if values else ""
        return f"{_who(places, names, stands_for)}: {self.what}{found}; {self.remedy}"


@dataclass(frozen=True)
class ReadColumns:
    """Checked columns of a summary; ``customers``, how many each row stands for, is None where it is one."""

    columns: list[Numbers]
    customers: Numbers | None
    unit: Unit | None


def read_columns(
    summary: Any,
    wanted: Sequence[str],
    problems_of: Callable[..., list[Problem]],
    *,
    rows: bool = False,
    unit: Unit | None = None,
) -> ReadColumns:
    """Columns of a customer summary as numbers, once ``problems_of`` (arrays in, problems out) finds none.

    Of an Ibis table, unless ``rows``, only distinct rows come here, counted by its database. If these are wrong, it is
    asked again for the first customers whose rows are so. Raises :class:`CustomerBaseInvalid`.
    """
    # Spend has no unit of time.
    more = ["unit", "customers"] if "recency" in wanted else ["customers"]
    if not isinstance(summary, pd.DataFrame):
        check_each_once(summary)
    keys = [name for name in (*wanted, *more) if name in summary.columns]
    if isinstance(summary, pd.DataFrame) or rows or not keys:
        frame = summary
        if not isinstance(summary, pd.DataFrame):
            frame = to_pandas(summary.select(*keys, *_names_in(summary))) if keys else pd.DataFrame()
        read, wrong = _read_frame(frame, wanted, problems_of, unit)
        if frame is summary:
            wrong = [*wrong, *_twice(frame)]
        refuse(wrong, lambda: customer_names(frame))
        return read
    frame = to_pandas(summary.group_by(keys).agg(**{_ROWS: summary.count()}))
    read, wrong = _read_frame(frame, wanted, problems_of, unit)
    if wrong:
        frame = _first_customers(summary, keys) if _names_in(summary) else frame
        names = (lambda: customer_names(frame)) if _names_in(summary) else None
        refuse(_read_frame(frame, wanted, problems_of, unit)[1], names, frame[_ROWS].to_numpy())
    counted = frame[_ROWS].to_numpy(dtype=float)
    return replace(read, customers=counted if read.customers is None else counted * read.customers)


_ROWS = "rows_alike"


def _names_in(summary: Any) -> list[str]:
    return ["customer_id"] if "customer_id" in summary.columns else []


def check_each_once(summary: Any) -> None:
    """Refuse a customer summary in which a ``customer_id`` has several rows; raises :class:`CustomerBaseInvalid`.

    Not where rows stand for several ``customers``, nor where there are no ids. An Ibis table is counted in its engine,
    unless it is grouped by customer and so cannot have one twice.
    """
    if isinstance(summary, pd.DataFrame):
        refuse(_twice(summary))
        return
    if "customer_id" not in summary.columns or "customers" in summary.columns or _by_customer(summary.op()):
        return
    ids = summary.customer_id
    # A missing id is one, too, which the number of distinct ids leaves out.
    found = summary.aggregate(rows=summary.count(), distinct=ids.nunique(), unnamed=ids.isnull().any()).execute()
    rows, distinct, unnamed = found.iloc[0]
    if rows in (0, distinct + bool(unnamed)):
        return
    several = summary.group_by("customer_id").agg(rows=summary.count())
    several = several.filter(several.rows > 1)
    count = int(several.count().execute())
    refuse([_twice_in_words(several.order_by("customer_id").limit(SHOWN).customer_id.to_list(), count)])


def _twice(frame: pd.DataFrame) -> list[Problem | str]:
    """That customers have several rows, if some do."""
    if "customer_id" not in frame.columns or "customers" in frame.columns:
        return []
    ids = frame["customer_id"]
    if _rises(ids) or ids.is_unique:
        return []
    several = ids[ids.duplicated()].drop_duplicates()
    with contextlib.suppress(TypeError):  # numbers among text have no order
        several = several.sort_values(kind="stable")
    return [_twice_in_words(several.head(SHOWN).to_list(), len(several))]


def _rises(ids: pd.Series) -> bool:
    """Whether each id is above the one before, as in a summary, which is sorted: much quicker to see than the rest."""
    values = ids.array
    try:
        return bool((values[1:] > values[:-1]).all(skipna=False))
    except TypeError:  # no order, or a type of array that knows none
        return False


def _twice_in_words(shown: Sequence[Any], count: int) -> str:
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return (
        f"customer{'s' if count > 1 else ''} {', '.join(map(str, shown))}{more}: several rows in the customer summary; "
        "one row per customer is expected, so drop the repeats, or say in a column customers how many a row stands for"
    )


def _by_customer(table: Any) -> bool:
    """Whether an Ibis table is grouped by ``customer_id``, whatever was then selected, sorted or left out."""
    import ibis.expr.operations as ops

    while isinstance(table, ops.Project | ops.Sort | ops.Filter | ops.Limit):
        if isinstance(table, ops.Project):
            id_ = table.values.get("customer_id")
            if not (isinstance(id_, ops.Field) and id_.name == "customer_id" and id_.rel == table.parent):
                return False
        table = table.parent
    return isinstance(table, ops.Aggregate) and list(table.groups) == ["customer_id"]


def _first_customers(summary: Any, keys: list[str]) -> pd.DataFrame:
    """The first five customers of each group of equal rows, and for how many customers each of them stands."""
    import ibis

    window = ibis.window(group_by=keys, order_by="customer_id")
    alike = summary.select("customer_id", *keys).mutate(place=ibis.row_number().over(window))
    alike = alike.mutate(**{_ROWS: alike.count().over(ibis.window(group_by=keys))})
    frame = to_pandas(alike.filter(alike.place < SHOWN).order_by("customer_id"))
    others = np.maximum(frame[_ROWS] - SHOWN, 0) + 1
    return frame.assign(**{_ROWS: np.where(frame["place"] == 0, others, 1)})


def _read_frame(
    frame: pd.DataFrame, wanted: Sequence[str], problems_of: Callable[..., list[Problem]], said: Unit | None
) -> tuple[ReadColumns, list[Problem | str]]:
    """The columns as numbers, and all that is wrong with them."""
    wrong: list[Problem | str] = []
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        wrong.append(f"the customer summary has no column {', '.join(missing)}; make it with summary(orders, as_of=…)")
    numbers: dict[str, Numbers] = {}
    named = np.zeros(len(frame), dtype=bool)
    for name in [*wanted, "customers"]:
        if name not in frame.columns:
            continue
        numbers[name], problem = _as_numbers(frame[name])
        if problem is not None:
            wrong.append(problem)
            # Whatever else these rows seem to be follows from that.
            named |= np.isnan(numbers[name]) if isinstance(problem, str) else problem.rows
    found = _weight_problems(numbers["customers"]) if "customers" in numbers else []
    if not missing:
        found = [*found, *problems_of(*(numbers[name] for name in wanted))]
    found = [replace(problem, rows=problem.rows & ~named) for problem in found] if named.any() else found
    unit, units = _unit_of(frame, said) if "recency" in wanted else (said, [])
    columns = [numbers[name] for name in wanted if name in numbers]
    read = ReadColumns(columns, numbers.get("customers"), unit)
    return read, [*wrong, *(problem for problem in found if problem.rows.any()), *units]


def _as_numbers(column: pd.Series) -> tuple[Numbers, Problem | str | None]:
    """The column as floats, NaN where it holds no number, and what is wrong if it does not hold numbers."""
    types = pd.api.types
    if types.is_any_real_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan), None
    if not (types.is_object_dtype(column) or types.is_string_dtype(column)):
        what = f"the column {column.name} holds {column.dtype}; numbers are expected, times as a number of units"
        return np.full(len(column), np.nan), what
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    text = np.array([isinstance(value, str) for value in column], dtype=bool)
    unread = text & np.isnan(numbers)
    remedy = "turn the column into numbers with pandas.to_numeric or a cast"
    if unread.any():
        shown = {str(column.name): column.to_numpy(dtype=object)}
        return numbers, Problem(unread, f"text in the column {column.name}", f"mend it, then {remedy}", shown)
    return numbers, f"the column {column.name} holds numbers written as text; {remedy}" if text.any() else None


def mean_spends(frame: pd.DataFrame) -> Numbers:
    """The column ``monetary`` as numbers, NaN where one is missing; refuses text, naming whose it is."""
    numbers, problem = _as_numbers(frame["monetary"])
    refuse([] if problem is None else [problem], lambda: customer_names(frame))
    return numbers


def _weight_problems(customers: Numbers) -> list[Problem]:
    bad = ~((customers > 0) & (customers == np.floor(customers)) & (customers < np.inf))
    remedy = "each row stands for a whole number of them, 1 or more; without the column, for one"
    return [Problem(bad, "a wrong number of customers", remedy, {"customers": customers})]


def _unit_of(frame: pd.DataFrame, said: Unit | None) -> tuple[Unit | None, list[Problem | str]]:
    """The unit of the times: what the table says, else what its reader says; and what is wrong if these are several."""
    if "unit" not in frame.columns or not len(frame):
        return said, []
    column, remedy = frame["unit"], "make one summary, in one unit, with summary(…, unit=…)"
    first = column.iloc[0]
    if first in DAYS_PER_UNIT and said in (first, None) and column.eq(first).fillna(False).all():
        return first, []
    counts = column.value_counts()
    known = sorted(unit for unit in counts.index if unit in DAYS_PER_UNIT)
    wrong: list[Problem | str] = []
    if len(known) > 1:
        usual: str = said if said and said in known else max(known, key=lambda unit: int(counts[unit]))
        rows = column.isin(known).to_numpy() & (column != usual).to_numpy(dtype=bool, na_value=False)
        wrong.append(Problem(rows, f"times in {_others(known, usual)}, where others are in {usual}", remedy, {}))
    elif known and said and known != [said]:
        wrong.append(f"the times are in {known[0]}, and {said} are expected; {remedy}")
    strange = ~column.isin(known).to_numpy()
    if strange.any():
        shown = {"unit": column.to_numpy(dtype=object)}
        wrong.append(Problem(strange, f"a unit that is none of {', '.join(DAYS_PER_UNIT)}", remedy, shown))
    return (known[0] if known else said), wrong


def _others(known: list[str], usual: str) -> str:
    return " and ".join(unit for unit in known if unit != usual)


def customer_names(frame: pd.DataFrame) -> Sequence[Any]:
    """What to call each row in a message: its customer_id, or else its index."""
    return frame["customer_id"].to_numpy() if "customer_id" in frame.columns else frame.index.to_numpy()


def refuse(
    wrong: Sequence[Problem | str],
    names: Callable[[], Sequence[Any]] | None = None,
    stands_for: Numbers | None = None,
) -> None:
    """Raise :class:`CustomerBaseInvalid` with all that is wrong, if anything is."""
    if not wrong:
        return
    called = names() if names else None
    said = [one if isinstance(one, str) else one.in_words(called, stands_for) for one in wrong]
    raise CustomerBaseInvalid(said[0] if len(said) == 1 else f"{len(said)} things are wrong:\n- " + "\n- ".join(said))


def check_histories(x: Numbers, t_x: Numbers, T: Numbers, names: Sequence[Any] | None = None) -> None:
    """Refuse histories that cannot be true, saying whose they are and what to do; raises CustomerBaseInvalid.

    Without ``names`` customers are called by their position, from 0.
    """
    x, t_x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float))
    wrong = _history_problems(x, t_x, T)
    refuse(wrong, None if names is None else lambda: names)


def _history_problems(x: Numbers, t_x: Numbers, T: Numbers) -> list[Problem]:
    right = (x >= 0) & (x == np.floor(x)) & (t_x >= 0) & (t_x <= T) & ((x > 0) == (t_x > 0)) & (x + T < np.inf)
    if np.all(right):
        return []
    return found_wrong(
        {"frequency": x, "recency": t_x, "T": T},
        (x < 0, "a negative frequency", "count repeat purchases, 0 for none", "frequency"),
        (x != np.floor(x), "a fractional frequency", "count whole purchases", "frequency"),
        (t_x < 0, "a negative recency", "measure it from the first purchase", "recency"),
        (T < 0, "a negative T", "measure it from the first purchase to a day not before it", "T"),
        ((t_x > T) & (T >= 0), "T smaller than recency",
         "measure both from the first purchase, in one unit, as of one day", "recency T"),
        ((x == 0) & (t_x > 0), "no repeat purchase but a recency above 0",
         "recency is 0 until the second purchase", "frequency recency"),
        ((x > 0) & (t_x == 0), "repeat purchases but recency 0",
         "merge purchases made at the same time", "frequency recency"),
    )  # fmt: skip


def check_spend(x: Numbers, m: Numbers, names: Sequence[Any] | None = None) -> None:
    """Refuse mean spends that a spend model cannot hold: missing, or not above 0 for repeat buyers."""
    x, m = np.broadcast_arrays(np.asarray(x, float), np.asarray(m, float))
    refuse(spend_problems(x, m), None if names is None else lambda: names)


def spend_problems(x: Numbers, m: Numbers) -> list[Problem]:
    """What is wrong with mean spends m over x repeat orders, if anything is."""
    if np.all((x >= 0) & (x == np.floor(x)) & ((m > 0) | ((x == 0) & (m == m))) & (x + np.abs(m) < np.inf)):
        return []
    return found_wrong(
        {"frequency": x, "monetary": m},
        ((x < 0) | (x != np.floor(x)), "a negative or fractional frequency", "count whole repeat purchases",
         "frequency"),
        ((x > 0) & (m <= 0), "repeat purchases with a mean spend of 0 or less",
         "take refunds off before the summary, and leave out customers who only ever received free goods", "monetary"),
    )  # fmt: skip


def found_wrong(columns: dict[str, Numbers], *checks: tuple[Numbers, str, str, str]) -> list[Problem]:
    """The problems that rows have: missing numbers, and of those that have all, what ``checks`` find.

    A check: which rows, what is wrong, what to do, and the columns that show it.
    """
    known = np.all([np.isfinite(values) for values in columns.values()], axis=0)
    missing = (~known, "a missing or infinite value", "leave such rows out", " ".join(columns))
    return [
        Problem(np.ravel(bad), what, remedy, {name: np.ravel(columns[name]) for name in shown.split()})
        for bad, what, remedy, shown in (missing, *((known & bad, *told) for bad, *told in checks))
        if np.any(bad)
    ]


def check_enough(base: CustomerBase, *, parameters: int = 4) -> None:
    """Refuse a base from which so many parameters cannot be learnt; raises :class:`TooFewRepeatBuyers`."""
    if len(base) == 0:
        raise TooFewRepeatBuyers(
            "the customer summary has no rows; were there orders until as_of, and not only cancelled ones?"
        )
    repeaters = int(base.customers[base.x > 0].sum())
    least = max(FEWEST_REPEAT_BUYERS, parameters + 1)
    if repeaters < least:
        raise TooFewRepeatBuyers(
            f"only {repeaters} of {int(base.customers.sum())} customers bought again; at least {least} "
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


def _who(places: Numbers, names: Sequence[Any] | None, stands_for: Numbers | None = None) -> str:
    count = len(places) if stands_for is None else int(stands_for[places].sum())
    if names is None and stands_for is not None:
        return f"{count} customer{'s' if count > 1 else ''}"
    shown = ", ".join(str(place if names is None else names[place]) for place in places[:SHOWN])
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    return f"{'position' if names is None else 'customer'}{'s' if count > 1 else ''} {shown}{more}"


def _value(value: Any) -> str:
    return repr(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
