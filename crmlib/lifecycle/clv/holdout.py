"""Would the model have been right? Its forecast for a time held out, against what happened.

How many orders came, in all, by customer and by week, can be compared with what came. Whether a customer is still one
cannot: nobody sees it, so P(alive) has no calibration of its own.
"""

from __future__ import annotations

import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from crmlib.calendar import as_day
from crmlib.engine import made_once, to_ibis, to_pandas
from crmlib.lifecycle.clv.age_grid import AgeGrid
from crmlib.lifecycle.clv.history_values import STEP, check_finite, moved_models
from crmlib.lifecycle.clv.options import check_whole
from crmlib.lifecycle.clv.preparation import Day, FreeOrders
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import Problem, read_columns, read_histories
from crmlib.models.errors import CustomerBaseInvalid
from crmlib.models.leaving_at_orders import LeavingAtOrders, so_many_or_more
from crmlib.models.maximum_likelihood import log_gamma_step
from crmlib.models.orders_model import OrdersModel, broadcast, check_counts, check_times, histories
from crmlib.models.pareto_nbd import ParetoNBD
from crmlib.models.time_units import days_per_unit
from crmlib.purchases import history_days, purchase_days

if TYPE_CHECKING:
    from crmlib.lifecycle.clv.opportunity_time import Season

# With less than half a year of orders, what is held out and what is left are too short to judge by.
SHORTEST_SPAN_WEEKS = 26
LONGEST_HOLDOUT_WEEKS = 52

_GROUPED = (
    "customers", "actual_orders", "expected_orders", "actual_mean", "expected_mean", "expected_low", "expected_high"
)  # fmt: skip
_TRACKED = (
    "period", "ends_on", "actual_orders", "expected_orders", "actual_cumulative", "expected_cumulative",
    "in_calibration",
)  # fmt: skip
_OF_HOLDOUT = ("holdout_orders", "holdout_length", "last_period_orders")
_REMEDIES = {
    "holdout_orders": "count whole orders after calibration_end, 0 for none",
    "holdout_length": "it is the time from calibration_end to as_of, in the unit of T",
    "last_period_orders": "count whole orders in the equally long time before calibration_end, 0 for none",
}


def calibration_end(orders: Any, *, as_of: Day, holdout_weeks: int = 0) -> datetime.date | None:
    """The last day of the time to fit to, so that the rest until ``as_of`` can be held out; None if it is too short.

    ``orders``: pandas or Ibis. ``holdout_weeks``: 0 for the last third of the time since the data begin, at most
    52 weeks. None if that time is shorter than half a year, or if the holdout asked for leaves less than 13 weeks.
    Raises ``ValueError`` for weeks that are not whole or negative.

    >>> two = pd.DataFrame({"customer_id": ["a", "b"], "amount": [1.0, 1.0],
    ...                     "ordered_at": pd.to_datetime(["2025-01-01", "2025-07-01"])})
    >>> calibration_end(two, as_of="2025-09-24"), calibration_end(two, as_of="2025-03-01")
    (datetime.date(2025, 7, 2), None)
    """
    check_whole("holdout_weeks", holdout_weeks, least=0)
    end, weeks = as_day(as_of), history_days(orders, as_of=as_of) // 7
    held = holdout_weeks or min(weeks // 3, LONGEST_HOLDOUT_WEEKS)
    if weeks < SHORTEST_SPAN_WEEKS or held < 1 or weeks - held < SHORTEST_SPAN_WEEKS // 2:
        return None
    return end - datetime.timedelta(days=7 * held)


def holdout_total(summary: Any, model: OrdersModel | None) -> pd.DataFrame:
    """All orders of the holdout, actual and expected: ``customers, actual_orders, expected_orders, expected_low,
    expected_high, weeks, missed`` in one row.

    ``summary``: made with ``calibration_end``. The interval (95 %) is of what should be *observed* if the model were
    right: parameters and chance. Orders are days with purchases. ``missed`` is (actual − expected) / expected
    (1 if orders came where none was expected).
    ``weeks``: length of the holdout. The interval of a model from given parameters holds chance only.
    Empty without a model.
    """
    if model is None:
        columns = "customers actual_orders expected_orders expected_low expected_high weeks missed"
        return pd.DataFrame(columns=columns.split())
    frame = with_holdout(summary)
    expected = float(expected_holdout_orders(frame, model).sum())
    low, high = _expected_interval(frame, model, np.zeros(len(frame), dtype=np.int64), np.array([expected]))
    actual = float(frame["holdout_orders"].sum())
    return pd.DataFrame(
        {
            "customers": [len(frame)],
            "actual_orders": [actual],
            "expected_orders": [expected],
            "expected_low": low,
            "expected_high": high,
            "weeks": [float(frame["holdout_length"].max()) * days_per_unit(model.unit) / 7],
            "missed": [(actual - expected) / expected if expected > 0 else float(actual > 0)],
        }
    )


def holdout_comparison(summary: Any, model: OrdersModel | None, *, most: int = 7) -> pd.DataFrame:
    """Orders in the holdout, actual and expected, by how often customers had bought before.

    ``summary``: made with ``calibration_end``. One row per calibration frequency, ``most`` and more in one
    (``frequency``: "0", "1", … "7+"): ``customers``; ``actual_orders, expected_orders``, sums;
    ``actual_mean, expected_mean``, per customer, with ``expected_low, expected_high``: within these the *actual* mean
    should be in 95 of 100 cases if the model were right (parameters and chance; chance only for a model from given
    parameters). Frequencies that nobody has are left out. Empty without a model.
    Raises ``CustomerBaseInvalid`` if the summary has no holdout, ``ValueError`` unless ``most`` is a whole number from
    0 on. Source: Fader, Hardie & Lee (2005), figure 3.

    >>> from crmlib.models import BetaGeoNBD
    >>> customers = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86],
    ...                           "holdout_orders": [1, 0], "holdout_length": 39.0, "last_period_orders": [3, 1]})
    >>> table = holdout_comparison(customers, BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259))
    >>> table[["frequency", "customers", "actual_orders", "expected_orders"]].round(2)
      frequency  customers  actual_orders  expected_orders
    0         0          1            0.0             0.19
    1         2          1            1.0             1.23
    """
    check_whole("most", most, least=0)
    if model is None:
        return pd.DataFrame(columns=["frequency", *_GROUPED])
    frame = with_holdout(summary)
    x, group = np.unique(np.minimum(frame["frequency"].to_numpy(), most), return_inverse=True)
    table = _by_group(frame, model, group, expected_holdout_orders(frame, model))
    table.insert(0, "frequency", [f"{int(value)}+" if value == most else str(int(value)) for value in x])
    return table


def calibration_by_decile(summary: Any, model: OrdersModel | None, *, groups: int = 10) -> pd.DataFrame:
    """Do customers with a higher forecast order as much more as it says? Tenths of customers, by expected orders.

    ``summary``: made with ``calibration_end``. One row per ``decile`` from 1, the lowest forecasts, as far as there are
    customers: ``customers``; ``actual_orders, expected_orders``, sums; ``actual_mean, expected_mean`` per customer,
    with ``expected_low, expected_high``: within these the *actual* mean should be in 95 of 100 cases if the model were
    right (parameters and chance). Customers with equal forecasts are in one decile, so deciles may differ in size, and
    with few different forecasts there are fewer than ten. Empty without a model.
    Raises ``CustomerBaseInvalid`` if the summary has no holdout, or no customers, ``ValueError`` unless ``groups`` is a
    whole number from 1 on.
    """
    check_whole("groups", groups, least=1)
    if model is None:
        return pd.DataFrame(columns=["decile", *_GROUPED])
    frame = with_holdout(summary)
    expected = expected_holdout_orders(frame, model)
    # A customer's decile is where the middle of those with the same forecast lies.
    place = pd.Series(expected.round(12)).rank(method="average").to_numpy() - 0.5
    decile = np.minimum(np.floor(place / len(expected) * groups), groups - 1).astype(int)
    found, group = np.unique(decile, return_inverse=True)
    table = _by_group(frame, model, group, expected)
    table.insert(0, "decile", found + 1)
    return table


def _by_group(frame: pd.DataFrame, model: OrdersModel, group: Numbers, expected: Numbers) -> pd.DataFrame:
    """Orders of each group, actual and expected, in all and per customer, with the interval of the actual mean."""
    customers = np.bincount(group)
    sums = np.bincount(group, expected)
    actual = np.bincount(group, frame["holdout_orders"].to_numpy(dtype=float))
    ends = _expected_interval(frame, model, group, sums)
    means = (of / customers for of in (actual, sums, *ends))
    return pd.DataFrame(dict(zip(_GROUPED, (customers, actual, sums, *means), strict=True)))


def tracking(
    orders: Any,
    model: OrdersModel | None,
    *,
    as_of: Day,
    calibration_end: Day | None,
    period_days: int = 7,
    free_orders: FreeOrders = "ignore",
    season: Season | None = None,
) -> pd.DataFrame:
    """Repeat orders of all customers, period by period since the first order ever: actual and expected.

    ``orders``: the contract's orders (pandas or Ibis), of which those count that :func:`purchases` names
    (``free_orders`` as there, and as for the model; ``season`` as for its summary), from customers who had bought by
    ``calibration_end``. One row per whole ``period_days`` until ``as_of``: ``period`` from 1, ``ends_on`` (last day),
    ``actual_orders, expected_orders`` in it, ``actual_cumulative, expected_cumulative``, and ``in_calibration``:
    whether it ended by ``calibration_end``.
    Empty without a model or a holdout.
    Raises ``ValueError`` if there is no purchase until ``calibration_end``, or if ``period_days`` is not a whole number
    from 1 on. Source: Fader, Hardie & Lee (2005), figures 4 and 5.
    """
    check_whole("period_days", period_days, least=1)
    if model is None or calibration_end is None:
        return pd.DataFrame(columns=list(_TRACKED))
    days = orders_by_day(orders, as_of=as_of, first_by=calibration_end, free_orders=free_orders)
    if days.empty:
        raise ValueError(f"there is no purchase until {as_day(calibration_end)}; take a later calibration_end")

    start = as_day(pd.Timestamp(days["day"].iloc[0]).to_pydatetime())
    offset = (pd.to_datetime(days["day"]) - pd.Timestamp(start)).dt.days.to_numpy()
    repeat = days["repeat"].to_numpy(dtype=float)
    periods = ((as_day(as_of) - start).days + 1) // period_days
    ends = np.arange(1, periods + 1) * period_days
    last_days = [start + datetime.timedelta(days=int(end) - 1) for end in ends]
    # As published, the day of the first order counts as one.
    expected = expected_repeats(model, days, pd.to_datetime(last_days) + pd.Timedelta(days=1), season=season)
    actual = np.bincount(offset // period_days, repeat, minlength=periods)[:periods]
    return pd.DataFrame(
        {
            "period": np.arange(1, periods + 1),
            "ends_on": pd.to_datetime(last_days),
            "actual_orders": actual,
            "expected_orders": np.diff(expected, prepend=0.0),
            "actual_cumulative": np.cumsum(actual),
            "expected_cumulative": expected,
            "in_calibration": [day <= as_day(calibration_end) for day in last_days],
        }
    )


def orders_by_day(
    orders: Any, *, as_of: Day, first_by: Day | None = None, free_orders: FreeOrders = "ignore"
) -> pd.DataFrame:
    """Customers who came for the first time and repeat orders by ``day``: ``day, new, repeat``, days with any.

    ``first_by``: only of customers whose first purchase lies no later.
    """
    import ibis

    daily = purchase_days(to_ibis(orders), as_of=as_of, free_orders=free_orders)
    daily = daily.filter(daily.first_day <= ibis.literal(as_day(first_by or as_of)))
    is_first = daily.nth == 0
    return to_pandas(made_once(daily.group_by("day").agg(new=is_first.sum(), repeat=(~is_first).sum()).order_by("day")))


def expected_repeats(model: OrdersModel, days: pd.DataFrame, ends: Any, *, season: Season | None = None) -> Numbers:
    """Repeat orders that a model expects until the end of each of the days ``ends``, of newcomers as they came.

    ``days``: from :func:`orders_by_day`.
    """
    new = days["new"].to_numpy(dtype=float)
    came = pd.to_datetime(days["day"]).to_numpy().astype("datetime64[D]")[new > 0]
    until = pd.DatetimeIndex(ends).to_numpy().astype("datetime64[D]")
    if season is None:
        ages = np.maximum((until[:, None] - came).astype(np.int64), 0).astype(float)
    else:
        ages = np.maximum(season.elapsed(came, ends[-1:])[None, :] - season.elapsed(until, ends[-1:])[:, None], 0.0)
    # Ages in whole days are few: expected orders are computed once for each.
    known, place = np.unique(ages, return_inverse=True)
    by_age = model.expected_orders_new(known / days_per_unit(model.unit))
    return np.asarray(by_age[place.reshape(ages.shape)] @ new[new > 0])


def with_holdout(summary: Any) -> pd.DataFrame:
    """The summary as a pandas table, if it has customers and a holdout that can be true.

    Raises ``CustomerBaseInvalid`` if not: orders must be whole numbers from 0 on, the holdout longer than 0.
    """
    frame = to_pandas(summary)
    if missing := set(_OF_HOLDOUT) - set(frame.columns):
        raise CustomerBaseInvalid(
            f"the summary has no {', '.join(sorted(missing))}; make it with summary(orders, as_of=…, calibration_end=…)"
        )
    if "customers" in frame.columns:
        raise CustomerBaseInvalid("a holdout is judged per customer; give a summary without the column customers")
    if frame.empty:
        raise CustomerBaseInvalid(
            "the summary has no customers: nobody had bought by calibration_end; take a later one"
        )
    read_columns(frame, _OF_HOLDOUT, _holdout_problems, rows=True)
    return frame


def _holdout_problems(came: Numbers, length: Numbers, last: Numbers) -> list[Problem]:
    """What of a holdout cannot be true: counts that are none, and lengths in which nobody could have ordered."""
    problems = []
    for name, values in zip(_OF_HOLDOUT, (came, length, last), strict=True):
        missing = ~np.isfinite(values)
        wrong, what = (values < 0) | (values != np.floor(values)), f"negative or fractional {name}"
        if name == "holdout_length":
            wrong, what = values <= 0, f"a {name} that is not above 0"
        for rows, said in ((missing, f"a missing or infinite {name}"), (wrong & ~missing, what)):
            if rows.any():
                problems.append(Problem(rows, said, _REMEDIES[name], {name: values}))
    return problems


def check_unit(frame: pd.DataFrame, model: OrdersModel) -> None:
    """Refuse a summary whose times are not in the model's unit, where it says its unit."""
    other = set(frame["unit"].astype(str)) - {model.unit} if "unit" in frame.columns else set()
    if other:
        raise CustomerBaseInvalid(
            f"the summary's times are in {' and '.join(sorted(other))}, the model's in {model.unit}; make the summary "
            f'with unit="{model.unit}", or fit the model to it'
        )


def expected_holdout_orders(frame: pd.DataFrame, model: OrdersModel) -> Numbers:
    """Expected holdout orders of each customer, worked out once for each distinct history."""
    return expected_of(frame, model, length="holdout_length")


def expected_of(frame: pd.DataFrame, model: OrdersModel, *, length: str) -> Numbers:
    """Expected orders of each customer in the time that stands in the column ``length``."""
    return _of_distinct(frame, model, [length, "frequency", "recency", "T"], model.expected_orders)


def _of_distinct(frame: pd.DataFrame, model: OrdersModel, columns: list[str], ask: Any) -> Numbers:
    """What ``ask`` answers for these columns of each customer, asked once for each distinct row of them."""
    check_unit(frame, model)
    group = frame.groupby(columns, sort=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    return ask(*(frame[name].to_numpy(dtype=float)[first] for name in columns))[group]


def _expected_interval(
    frame: pd.DataFrame, model: OrdersModel, group: Numbers, expected: Numbers
) -> tuple[Numbers, Numbers]:
    """Within what the sums of orders per group should come out: chance, and parameters by the delta method."""
    groups = len(expected)
    chance, slopes = np.zeros(groups), np.zeros((len(model.symbols), groups))
    for t, some in frame.groupby("holdout_length").indices.items():
        of_some = _chance_and_slopes(frame.iloc[some], model, group[some], groups, float(t))  # type: ignore[arg-type]
        chance, slopes = chance + of_some[0], slopes + of_some[1]
    variance = chance
    if model.estimate is not None:
        variance = chance + np.einsum("ig,ij,jg->g", slopes, model.estimate.covariance, slopes)
    check_finite(variance)
    width = 1.96 * np.sqrt(variance)
    return np.maximum(expected - width, 0.0), expected + width


def _chance_and_slopes(
    frame: pd.DataFrame, model: OrdersModel, group: Numbers, groups: int, t: float
) -> tuple[Numbers, Numbers]:
    """The variance of each group's orders in ``t``, and how their expectation moves with each log-parameter."""
    base = read_histories(frame, rows=True)
    ages = AgeGrid.of(base, model, t)
    p_alive = model.p_alive(base.x, base.t_x, base.T)
    mean = p_alive * ages.orders_if_alive(model, t)
    pairs = p_alive * ages.by_log(model.expected_order_pairs_if_alive(t, ages.x, ages.T))
    chance = np.bincount(group, np.maximum(mean + pairs - mean**2, 0.0)[base.row], minlength=groups)
    if model.estimate is None:
        return chance, np.zeros((len(model.symbols), groups))

    def sums(other: OrdersModel) -> Numbers:
        orders = other.p_alive(base.x, base.t_x, base.T) * ages.orders_if_alive(other, t)
        return np.bincount(group, orders[base.row], minlength=groups)

    return chance, np.array([(sums(ahead) - sums(behind)) / (2 * STEP) for ahead, behind in moved_models(model)])


# Of the Gauss–Legendre rule over the time at which a customer leaves; where more than so many orders are behind or
# ahead of a customer, each count has a narrow peak, and so many panels are taken.
NODES = 64
MANY = 100
PANELS = 12
# A count to which a model gives no chance at all would make every other count irrelevant.
LEAST_CHANCE = 1e-300


def count_probability(model: OrdersModel, n: Any, t: Any, x: Any, t_x: Any, T: Any) -> Numbers:
    """The probability that a customer with this history places exactly ``n`` orders in the next ``t``.

    Exact for BG/NBD, MBG/NBD and Pareto/NBD: given that they are alive, customers are like new ones from a base with
    other parameters. For another model, orders of those alive are taken as negative binomial with the model's mean
    and variance. ``t, t_x, T`` in the model's unit; arrays of one shape, or such as broadcast against each other.
    Raises ``CustomerBaseInvalid`` for histories that cannot be true, ``ValueError`` for an ``n`` that is no count and
    for a ``t`` that is negative or not finite.

    >>> from crmlib.models import BetaGeoNBD
    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> count_probability(model, [0, 1, 2], 39, x=2, t_x=30.43, T=38.86).round(3)
    array([0.445, 0.239, 0.144])
    """
    x, t_x, T = histories(x, t_x, T)
    n, t, x, t_x, T = broadcast(n, t, x, t_x, T)
    p_alive = model.p_alive(x, t_x, T)
    return p_alive * count_probability_if_alive(model, n, t, x, T) + (1 - p_alive) * (n == 0)


def count_probability_if_alive(model: OrdersModel, n: Any, t: Any, x: Any, T: Any) -> Numbers:
    """The probability that surely alive customers place exactly ``n`` orders in the next ``t``; see above."""
    check_counts(n=n, x=x)
    check_times(t=t, T=T)
    n, t, x, T = broadcast(n, t, x, T)
    given = {symbol: getattr(model, symbol) for symbol in model.symbols}
    if isinstance(model, LeavingAtOrders):
        return _leaving_at_orders(n, t, x, T, **given, occasions=x + model.occasions_at_first)
    if isinstance(model, ParetoNBD):
        return _leaving_any_time(n, t, x, T, **given)
    return _same_mean_and_variance(model, n, t, x, T)


def log_scores(frame: pd.DataFrame, model: OrdersModel) -> Numbers:
    """The log-probability that the model gave to each customer's holdout orders, before they were seen.

    ``frame``: a summary with a holdout. Parameters are held at their estimate.
    """
    columns = ["holdout_orders", "holdout_length", "frequency", "recency", "T"]
    chance = _of_distinct(frame, model, columns, partial(count_probability, model))
    return np.log(np.maximum(chance, LEAST_CHANCE))


def _log_orders(n: Numbers, t: Numbers, x: Numbers, T: Numbers, r: float, alpha: float) -> Numbers:
    """The log-probability of n orders in ``t`` from those who stay, after x orders until T: negative binomial."""
    # Gamma functions step from r, not from r + x, because only a number can be exact where it is huge.
    steps = log_gamma_step(r, x + n) - log_gamma_step(r, x)
    late = np.log1p(t / (alpha + T))
    share = np.log(np.maximum(t, 1e-300)) - np.log(alpha + T) - late
    return steps - special.gammaln(n + 1) - (r + x) * late + np.where(n > 0, n * share, 0.0)


def _leaving_at_orders(
    n: Numbers, t: Numbers, x: Numbers, T: Numbers, *, r: float, alpha: float, a: float, b: float,
    occasions: Numbers,
) -> Numbers:  # fmt: skip
    """They stay for n orders, or leave right after the n-th of at least n (Fader, Hardie & Lee 2005, equation 8)."""

    def step(z: float, more: Numbers) -> Numbers:
        return log_gamma_step(z, occasions + more) - log_gamma_step(z, occasions)

    stay = np.exp(step(b, n) - step(a + b, n) + _log_orders(n, t, x, T, r, alpha))
    some = np.maximum(n, 1.0)
    leave = a * np.exp(step(b, some - 1) - step(a + b, some)) * so_many_or_more(some, r + x, t / (alpha + T))
    return stay + np.where(n > 0, leave, 0.0)


def _leaving_any_time(
    n: Numbers, t: Numbers, x: Numbers, T: Numbers, *, r: float, alpha: float, s: float, beta: float
) -> Numbers:
    """They stay for all of ``t``, or leave at some τ in it and place n orders until then: an integral over τ."""
    shape = n.shape
    n, t, x, T = (np.ravel(values) for values in (n, t, x, T))
    stay = np.exp(-s * np.log1p(t / (beta + T)) + _log_orders(n, t, x, T, r, alpha))
    # Over v = log(1 + τ/(β + T)) the chance to leave is s·e^(−sv), and all is smooth.
    leave = np.zeros(len(n))
    many = (r + x > MANY) | ((r + x) * t > MANY * (alpha + T))
    for rows, (nodes, weights) in ((np.flatnonzero(~many), _rule(1, 1)), (np.flatnonzero(many), _rule(PANELS, 4))):
        for start in range(0, len(rows), 5_000):
            some = rows[start : start + 5_000]
            n_, t_, x_, T_ = (values[some, None] for values in (n, t, x, T))
            end = np.log1p(t_ / (beta + T_))
            v = end * nodes
            log_chance = np.log(s) - s * v + _log_orders(n_, (beta + T_) * np.expm1(v), x_, T_, r, alpha)
            leave[some] = (np.exp(log_chance) @ weights) * end[:, 0]
    return (stay + leave).reshape(shape)


def _rule(panels: int, power: int) -> tuple[Numbers, Numbers]:
    """Nodes and weights on [0, 1], in panels and dense near 0, where many orders leave only a narrow peak."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    u = ((np.arange(panels)[:, None] + (nodes + 1) / 2) / panels).ravel()
    return u**power, np.tile(weights / 2 / panels, panels) * power * u ** (power - 1)


def _same_mean_and_variance(model: OrdersModel, n: Numbers, t: Numbers, x: Numbers, T: Numbers) -> Numbers:
    mean = np.maximum(model.expected_orders_if_alive(t, x, T), LEAST_CHANCE)
    pairs = model.expected_order_pairs_if_alive(t, x, T)
    # E[Y(Y − 1)] = mean² (1 + 1/shape); without excess it is a Poisson, which a huge shape is.
    shape = 1 / np.maximum(pairs / mean**2 - 1, 1e-9)
    return np.exp(
        special.gammaln(shape + n) - special.gammaln(shape) - special.gammaln(n + 1)
        - shape * np.log1p(mean / shape) + n * (np.log(mean) - np.log(shape + mean))
    )  # fmt: skip
