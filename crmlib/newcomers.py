"""Who is new: the start of the data is not the start of the customers.

An export begins on some day, and most businesses are older. Whoever bought before that day buys for the first time *in
the data* after it, and looks new. This is the one place that decides who is; every measure of newcomers takes its
answer (``earlier``: the customers whose first purchase in the data is not called their first).

The rule, first that fits:

1. **Said.** The client has said it (``customers_start`` in the YAML: ``with_data``, ``before_data``, or a day).
2. **First seen.** ``first_seen_at`` is known of nearly all buyers, and not after their first purchase: who was seen
   before the data begin is not new. Prospects may be registered long before they buy. So where registering and buying
   are not mostly one, those who first buy after the burn-in (rule 4) are new all the same.
3. **Few.** With fewer than a hundred customers nothing can be told, and nothing much be concluded: all count as new.
4. **The data tell.** In a business that is older than its data, first purchases begin high and fall, as old customers
   come by one after the other, the rare ones last; in one that began with its data, they do not. How steep that fall
   would be is known, because we know how long customers are silent (:func:`silences`). The observed fall, from the
   first to the second half of the burn-in, as a share of the predicted one is near 1 in a cut base and near 0 in one
   that begins. ``fall`` is that share with its 95 % interval (counts are Poisson). If all of it is below ½, the base
   begins with the data; if all is above ½ and reaches down to 1½, the data are a cut. Else nobody can tell (a shop
   whose doors opened to a crowd falls, too), and the client is asked; meanwhile the data count as a cut, because that
   invents nothing.

In a cut, customers whose first purchase in the data lies in the **burn-in** are not called new. It is as long as nine
in ten of the silences after which this client's customers came back, each customer counted once: frequent buyers would
otherwise hide those who come rarely, and these look new for longest. Later first purchases are "new, or back after a
longer silence". How many of them are the latter, the silences tell too (``returning_share``: fewer and fewer, so that
the last year has its own); from ``settled`` on they are at most a tenth, so that newcomers can be counted and compared.

Source of the tail: where customers differ in their rate of purchases by a gamma distribution, silences are Lomax
(Pareto type II) distributed (Ehrenberg 1959; Schmittlein, Morrison & Colombo 1987).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from crmlib.calendar import as_day
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.purchases import data_begin, purchase_days

if TYPE_CHECKING:
    import pandas as pd

Basis = Literal["said", "first_seen", "few", "begins", "cut", "unclear", "none"]

WITH_DATA, BEFORE_DATA = "with_data", "before_data"
BURN_IN_SHARE = 0.9
SETTLED_SHARE = 0.1
_OLD_TO_NEW = SETTLED_SHARE / (1 - SETTLED_SHARE)
NEARLY_ALL = 0.95
FEWEST_CUSTOMERS = 100
FEWEST_SILENCES = 30
# Silences are counted in as many steps as this at most, however long the data are.
_STEPS = 730
_YEAR = 365
_HALFWAY, _TOO_STEEP = 0.5, 1.5


@dataclass(frozen=True)
class Start:
    """Since when a first purchase in the data is called a first purchase, and how that is known.

    ``basis``: the rule that decided (see the module); ``cut``: whether customers are older than the data;
    ``data_begin``, ``since`` and ``settled``: days, ``since`` None where nobody can be called new, ``settled`` None
    where the data do not reach it; ``burn_in`` in days; ``customers`` all who bought, ``left_out`` those of them who
    are not called new; ``returning_share``: of those called new, the estimated share that are back after a longer
    silence (0 to 1), and ``returning_share_year`` of those called new in the last 365 days; ``fall`` with
    ``fall_low, fall_high``; ``registering_is_buying``: of rule 2.
    """

    basis: Basis
    cut: bool = False
    data_begin: dt.date | None = None
    since: dt.date | None = None
    settled: dt.date | None = None
    burn_in: int | None = None
    customers: int = 0
    left_out: int = 0
    returning_share: float = 0.0
    returning_share_year: float = 0.0
    fall: float | None = None
    fall_low: float | None = None
    fall_high: float | None = None
    registering_is_buying: bool = True

    def tells(self, day: dt.date) -> bool:
        """Whether newcomers can be counted from the day on: at most a tenth of them are back after a longer silence.

        >>> Start("cut").tells(dt.date(2025, 6, 1)), WHOLE.tells(dt.date(2025, 6, 1))
        (False, True)
        """
        return self.settled is not None and self.settled <= day

    def kept(self) -> dict[str, Any]:
        """What is kept of it in an account, as JSON knows it.

        >>> Start.of(Start("cut", since=dt.date(2025, 3, 1)).kept()).since
        datetime.date(2025, 3, 1)
        """
        found = dataclasses.asdict(self)
        return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in found.items()}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Start:
        """The start that an account keeps."""
        days = {name: dt.date.fromisoformat(kept[name]) for name in ("data_begin", "since", "settled") if kept[name]}
        return cls(**{**kept, **days})


_EVER = dt.date(1900, 1, 1)
WHOLE = Start("said", data_begin=_EVER, since=_EVER, settled=_EVER)
"""The start of customers who begin with the data, whenever that is: what measures take for granted if not told."""


def customers_start(orders: Any, customers: Any = None, *, as_of: Any, said: str | dt.date | None = None) -> Start:
    """Whether customers begin with the data, and since when a first purchase in the data is called a first one.

    ``orders`` and ``customers``: the contract's tables (pandas or Ibis), of which ``first_seen_at`` is read; ``said``:
    ``with_data``, ``before_data``, the day from which first purchases are first ones, or None.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-01-20"])})
    >>> customers_start(orders, as_of="2025-12-31", said="with_data").since
    datetime.date(2025, 1, 10)
    >>> seen = pd.to_datetime(["2024-05-01", "2025-01-20"])
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "first_seen_at": seen})
    >>> start = customers_start(orders, customers, as_of="2025-12-31")
    >>> start.basis, start.left_out
    ('first_seen', 1)
    """
    end = as_day(as_of)
    begin = data_begin(orders, as_of=end)
    if begin is None:
        return Start("none")
    length = (end - begin).days + 1
    counts = to_pandas(silences(orders, as_of=end, begin=begin))
    registered = _registered(orders, customers, end, begin) if said is None else None
    everybody = int(counts.purchases[counts.silence.isna()].sum())
    whole = Start("few", False, begin, begin, begin, customers=everybody)
    if said == WITH_DATA:
        found = dataclasses.replace(whole, basis="said")
    elif isinstance(said, dt.date):
        found = dataclasses.replace(whole, basis="said", cut=said > begin, since=said, settled=said)
    elif registered is not None:
        burn_in = _burn_in(counts)
        found = dataclasses.replace(whole, basis="first_seen", burn_in=burn_in, registering_is_buying=registered)
    elif said is None and everybody < FEWEST_CUSTOMERS:
        found = whole
    else:
        found = _told_by_data(counts, whole, length, said == BEFORE_DATA)
    left_out = int(to_ibis(earlier_customers(orders, customers, start=found, as_of=end)).count().to_pandas())
    customers_of_all = int(_first_days(to_ibis(orders), as_of=end).count().to_pandas())
    return dataclasses.replace(found, customers=customers_of_all, left_out=left_out, cut=found.cut or left_out > 0)


@same_kind
def earlier_customers(orders: Any, customers: Any = None, *, start: Start, as_of: Any) -> Any:
    """The customers whose first purchase in the data is not called their first: ``customer_id``, sorted.

    ``start``: from :func:`customers_start` of the same tables. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "amount": [5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-20"])})
    >>> start = Start("cut", data_begin=dt.date(2025, 1, 10), since=dt.date(2025, 3, 1))
    >>> earlier_customers(orders, start=start, as_of="2025-12-31").customer_id.tolist()
    ['a']
    """
    import ibis

    each = _first_days(orders, as_of=as_of)
    if start.since is None:
        return each.select("customer_id").order_by("customer_id")
    early = each.first_day < ibis.literal(start.since)
    if start.basis == "first_seen" and customers is not None:
        seen = _first_seen(customers)
        each = each.left_join(seen, "customer_id").drop("customer_id_right")
        old = (each.seen < ibis.literal(start.data_begin)).fill_null(False)
        if not start.registering_is_buying and start.burn_in is not None and start.data_begin is not None:
            old &= each.first_day < ibis.literal(start.data_begin + dt.timedelta(days=start.burn_in))
        early = old | (each.first_day < ibis.literal(start.data_begin))
    return each.filter(early).select("customer_id").order_by("customer_id")


def _first_days(orders: Any, *, as_of: Any) -> Any:
    """``customer_id`` and ``first_day`` of all who bought; an Ibis table."""
    days = purchase_days(orders, as_of=as_of)
    return days.filter(days.nth == 0).select("customer_id", first_day=days.day)


def without(each: Any, earlier: Any) -> Any:
    """The rows (an Ibis table with ``customer_id``) of customers who are not among the ``earlier``; all for None."""
    return each if earlier is None else each.anti_join(earlier, "customer_id")


# The silences


@same_kind
def silences(orders: Any, *, as_of: Any, begin: dt.date) -> Any:
    """How long customers were silent before each purchase, by how long the data had run: the table that tells a cut.

    Columns: ``age`` (days from ``begin`` to the purchase), ``silence`` (days since the customer's purchase before it;
    empty: it is their first in the data), ``purchases`` (days with a purchase), ``weight`` (the same, each customer
    counted once). A silence is seen only if it is not longer than ``age``. pandas or Ibis in, same kind out, sorted.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-20", "2025-01-20"])})
    >>> silences(orders, as_of="2025-12-31", begin=dt.date(2025, 1, 1))[["age", "silence", "purchases"]]
       age  silence  purchases
    0    0      NaN          1
    1   19     19.0          1
    2   19      NaN          1
    """
    import ibis

    days = purchase_days(orders, as_of=as_of)
    days = days.filter(days.day >= ibis.literal(begin))
    before = ibis.ifelse(days.previous_day >= ibis.literal(begin), days.previous_day, None)
    silence = days.day.delta(before, unit="day")
    seen = days.mutate(age=days.day.delta(ibis.literal(begin), unit="day").cast("int64"), silence=silence.cast("int64"))
    seen = seen.mutate(weight=1.0 / seen.silence.count().over(group_by="customer_id").nullif(0))
    counted = seen.group_by("age", "silence").agg(purchases=seen.count(), weight=seen.weight.sum())
    return counted.order_by("age", ibis.asc("silence", nulls_first=False))


def _burn_in(counts: pd.DataFrame) -> int | None:
    """So many days pass until nine in ten silences are over, each customer counted once; None with too few."""
    known = counts[counts.silence.notna()].sort_values("silence", kind="stable")
    if known.purchases.sum() < FEWEST_SILENCES:
        return None
    reached = known.weight.cumsum() / known.weight.sum()
    return int(known.silence[reached >= BURN_IN_SHARE].iloc[0])


def _told_by_data(counts: pd.DataFrame, whole: Start, length: int, is_cut: bool) -> Start:
    """The start as the data tell it; ``is_cut``: that they are a cut has been said."""
    nobody = dataclasses.replace(whole, basis="said" if is_cut else "unclear", cut=True, since=None, settled=None)
    burn_in = _burn_in(counts)
    if burn_in is None:
        return nobody
    late = counts[counts.age >= burn_in]
    seen = late[late.silence.notna()]
    if seen.purchases.sum() < FEWEST_SILENCES:
        return dataclasses.replace(nobody, burn_in=burn_in)
    tail = _tail(seen)
    fall = _fall(counts, tail, min(burn_in, length // 2))
    _, low, high = fall
    bounds = zip(("fall", "fall_low", "fall_high"), fall, strict=True)
    said: dict[str, Any] = {name: value for name, value in bounds if math.isfinite(value)}
    if not is_cut and high < _HALFWAY:
        return dataclasses.replace(whole, basis="begins", burn_in=burn_in, **said)
    basis: Basis = "said" if is_cut else "cut" if low > _HALFWAY and low <= _TOO_STEEP else "unclear"
    assert whole.data_begin is not None
    days = range(burn_in, length)
    old = _a_day(seen, tail, days) * tail.longer(days)
    called_new = int(late.purchases[late.silence.isna()].sum())
    share = _share_of(float(old.sum()), called_new)
    this_year = late[late.silence.isna() & (late.age >= length - _YEAR)]
    share_year = _share_of(float(old[-_YEAR:].sum()), int(this_year.purchases.sum()))
    new_a_day = called_new * (1 - share) / len(days) if days else 0.0
    settled = next((day for day, of_old in zip(days, old, strict=True) if of_old <= _OLD_TO_NEW * new_a_day), None)
    return dataclasses.replace(
        whole, basis=basis, cut=True, burn_in=burn_in, since=whole.data_begin + dt.timedelta(days=burn_in),
        settled=None if settled is None or not new_a_day else whole.data_begin + dt.timedelta(days=settled),
        returning_share=share, returning_share_year=share_year, **said,
    )  # fmt: skip


def _share_of(old: float, called_new: int) -> float:
    return min(1.0, old / called_new) if called_new else 0.0


@dataclass(frozen=True)
class _Tail:
    """P(silence > t) = (1 + t / scale)^−shape, in the middle of a day."""

    scale: float
    shape: float

    def longer(self, days: Any) -> Any:
        import numpy as np

        return np.exp(-self.shape * np.log1p((np.asarray(days, dtype=float) + 0.5) / self.scale))


def _a_day(seen: pd.DataFrame, tail: _Tail, days: range) -> float:
    """How many purchases after a silence of any length there are on each of the days: those seen, and those not."""
    return float(seen.purchases.sum()) / max(float((1 - tail.longer(days)).sum()), 1e-9)


def _tail(seen: pd.DataFrame) -> _Tail:
    """The Lomax distribution of silences, of which each is seen only if the data are older: maximum likelihood."""
    import numpy as np
    from scipy.optimize import minimize

    step = math.ceil((int(seen.age.max()) + 1) / _STEPS)
    sums = seen.groupby([seen.age // step, seen.silence // step]).purchases.sum()
    age = step * (sums.index.get_level_values(0).to_numpy(dtype=float) + 0.5)
    silence = step * (sums.index.get_level_values(1).to_numpy(dtype=float) + 0.5)
    counts = sums.to_numpy(dtype=float)
    silence = np.minimum(silence, age)

    def deviance(log_parameters: Any) -> float:
        scale, shape = np.exp(log_parameters)
        seen_at_all = -np.expm1(-shape * np.log1p(age / scale))
        density = np.log(shape / scale) - (shape + 1) * np.log1p(silence / scale)
        return float(counts @ (np.log(seen_at_all) - density) / counts.sum())

    begin = np.log([float(counts @ silence / counts.sum()), 2.0])
    # Beyond these the distribution is an exponential in all that can be seen.
    bounds = [(-2.0, 10.0), (-3.0, 5.0)]
    scale, shape = np.exp(minimize(deviance, begin, method="Nelder-Mead", bounds=bounds).x)
    return _Tail(float(scale), float(shape))


def _fall(counts: pd.DataFrame, tail: _Tail, window: int) -> tuple[float, float, float]:
    """By how much first purchases fall within the window, as a share of what a cut predicts, with its 95 % interval.

    In a cut, the purchases of old customers at age t are seen as repeats if their silence is shorter than t, and as
    first purchases if it is longer; how many there are of both is read from the repeats of the window.
    """
    from crmlib.statistics import wald

    early = counts[counts.age < window]
    longer = tail.longer(range(window))
    a_day = _a_day(early[early.silence.notna()], tail, range(window))
    half = window // 2
    predicted = a_day * float(longer[:half].sum() - longer[window - half :].sum())
    first = early[early.silence.isna()]
    one = int(first.purchases[first.age < half].sum())
    two = int(first.purchases[first.age >= window - half].sum())
    if predicted <= 0:
        return 0.0, -math.inf, math.inf
    found = float(one - two) / predicted
    low, high = wald(found, math.sqrt(one + two) / predicted)
    return found, float(low), float(high)


# What the customers table says


def _first_seen(customers: Any) -> Any:
    known = customers.filter(customers.customer_id.notnull() & customers.first_seen_at.notnull())
    return known.group_by(customer_id=known.customer_id.cast("string")).agg(seen=known.first_seen_at.cast("date").min())


def _registered(orders: Any, customers: Any, end: dt.date, begin: dt.date) -> bool | None:
    """Whether registering and buying are mostly one; None where ``first_seen_at`` does not tell who is new."""
    if customers is None or "first_seen_at" not in customers.columns:
        return None
    sums = to_pandas(_registrations(orders, customers, end=end, begin=begin)).iloc[0].fillna(0)
    if not sums.buyers or sums.seen < NEARLY_ALL * sums.buyers or sums.in_time < NEARLY_ALL * sums.seen:
        return None
    return bool(sums.at_once >= BURN_IN_SHARE * sums.within)


@same_kind
def _registrations(orders: Any, customers: Any, *, end: dt.date, begin: dt.date) -> Any:
    """Of all buyers, in one row: how many were ``seen`` first on a known day, ``in_time`` (not after they bought),
    ``within`` the data, and of these ``at_once`` with the first purchase."""
    import ibis

    each = _first_days(orders, as_of=end)
    each = each.left_join(_first_seen(customers), "customer_id")
    wait = each.first_day.delta(each.seen, unit="day")
    within = each.seen >= ibis.literal(begin)
    return each.agg(
        buyers=each.count(),
        seen=each.seen.count(),
        in_time=(wait >= -1).sum(),
        within=within.sum(),
        at_once=(within & wait.abs().isin([0, 1])).sum(),
    )
