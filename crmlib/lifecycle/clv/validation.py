"""Would the model have been right? Its forecast for a time held out, against what happened and simple rules.

And are spend and frequency as independent as the model of spend takes them to be?
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.customer_base import Numbers, read_histories
from crmlib.lifecycle.clv.errors import CustomerBaseInvalid
from crmlib.lifecycle.clv.prediction import AgeGrid, OrdersModel, bounded_log, check_finite
from crmlib.lifecycle.clv.preparation import Day, as_day, days_per_unit, purchases

# With less than half a year of orders, what is held out and what is left are too short to judge by.
SHORTEST_SPAN_WEEKS = 26
LONGEST_HOLDOUT_WEEKS = 52


def calibration_end(orders: Any, *, as_of: Day, holdout_weeks: int = 0) -> datetime.date | None:
    """The last day of the time to fit to, so that the rest until ``as_of`` can be held out; None if it is too short.

    ``orders``: pandas or Ibis. ``holdout_weeks``: 0 for the last third of the time since the first purchase, at most
    52 weeks. None if that time is shorter than half a year, or if the holdout asked for leaves less than 13 weeks.

    >>> two = pd.DataFrame({"customer_id": ["a", "b"], "amount": [1.0, 1.0],
    ...                     "ordered_at": pd.to_datetime(["2025-01-01", "2025-07-01"])})
    >>> calibration_end(two, as_of="2025-09-24"), calibration_end(two, as_of="2025-03-01")
    (datetime.date(2025, 7, 2), None)
    """
    import ibis

    table = ibis.memtable(orders) if isinstance(orders, pd.DataFrame) else orders
    bought = purchases(table, as_of=as_of)
    first = to_pandas(bought.aggregate(first=bought.day.min()))["first"].iloc[0]
    if pd.isna(first):
        return None
    end = as_day(as_of)
    weeks = ((end - as_day(pd.Timestamp(first).to_pydatetime())).days + 1) // 7
    held = holdout_weeks or min(weeks // 3, LONGEST_HOLDOUT_WEEKS)
    if weeks < SHORTEST_SPAN_WEEKS or held < 1 or weeks - held < SHORTEST_SPAN_WEEKS // 2:
        return None
    return end - datetime.timedelta(days=7 * held)


def spend_and_frequency(summary: Any) -> pd.DataFrame:
    """Do those who buy more often spend more on an order? The model of spend takes it that they do not.

    ``summary`` (pandas or Ibis): ``frequency, monetary``. One row: ``customers`` with paid repeat orders;
    ``correlation`` of the two, with ``low, high`` (95 %, valid whatever the shape of the distributions: the
    correlation's influence function, on Fisher's scale). NaN for fewer than ten customers, or if one does not vary.
    Source: Fader, Hardie & Lee (2005), "RFM and CLV", section 3.2.
    """
    frame = to_pandas(summary)
    frame = frame[(frame["frequency"] > 0) & (frame["monetary"] > 0)]
    x, m = (frame[name].to_numpy(dtype=float) for name in ("frequency", "monetary"))
    correlation = low = high = np.nan
    if len(x) >= 10 and np.ptp(x) > 0 and np.ptp(m) > 0:
        u, w = (x - x.mean()) / x.std(), (m - m.mean()) / m.std()
        correlation = float(np.clip(np.mean(u * w), -1 + 1e-12, 1 - 1e-12))
        influence = u * w - correlation / 2 * (u**2 + w**2)
        error = float(influence.std() / np.sqrt(len(x))) / (1 - correlation**2)
        low, high = np.tanh(np.arctanh(correlation) + np.array([-1.96, 1.96]) * error)
    return pd.DataFrame({"customers": [len(x)], "correlation": [correlation], "low": [low], "high": [high]})


def holdout_total(summary: Any, model: OrdersModel) -> pd.DataFrame:
    """All orders of the holdout, actual and expected: ``customers, actual_orders, expected_orders, expected_low,
    expected_high, weeks, missed`` in one row.

    ``summary``: made with ``calibration_end``. The interval (95 %) is of what should be *observed* if the model were
    right: parameters and chance. Orders are days with purchases. ``missed`` is (actual − expected) / expected.
    ``weeks``: length of the holdout.
    """
    frame = _with_holdout(summary)
    expected = float(_expected(frame, model).sum())
    low, high = _expected_interval(frame, model, np.zeros(len(frame), dtype=np.int64), np.array([expected]))
    actual = float(frame["holdout_orders"].sum())
    return pd.DataFrame(
        {
            "customers": [len(frame)],
            "actual_orders": [actual],
            "expected_orders": [expected],
            "expected_low": low,
            "expected_high": high,
            "weeks": [float(frame["holdout_length"].max()) * days_per_unit(model.unit) / 7 if len(frame) else 0.0],
            "missed": [(actual - expected) / expected if expected > 0 else np.nan],
        }
    )


def holdout_comparison(summary: Any, model: OrdersModel, *, most: int = 7) -> pd.DataFrame:
    """Orders in the holdout, actual and expected, by how often customers had bought before.

    ``summary``: made with ``calibration_end``. One row per calibration frequency, ``most`` and more in one
    (``frequency``: "0", "1", … "7+"): ``customers``; ``actual_orders, expected_orders``, sums;
    ``actual_mean, expected_mean``, per customer, with ``expected_low, expected_high``: within these the *actual* mean
    should be in 95 of 100 cases if the model were right (parameters and chance; NaN for a model from given
    parameters). Frequencies that nobody has are left out.
    Raises ``CustomerBaseInvalid`` if the summary has no holdout. Source: Fader, Hardie & Lee (2005), figure 3.

    >>> from crmlib.lifecycle.clv import BetaGeoNBD
    >>> customers = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86],
    ...                           "holdout_orders": [1, 0], "holdout_length": 39.0, "last_period_orders": [3, 1]})
    >>> table = holdout_comparison(customers, BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259))
    >>> table[["frequency", "customers", "actual_orders", "expected_orders"]].round(2)
      frequency  customers  actual_orders  expected_orders
    0         0          1            0.0             0.19
    1         2          1            1.0             1.23
    """
    frame = _with_holdout(summary)
    x = np.minimum(frame["frequency"].to_numpy(), most)
    by = (
        pd.DataFrame(
            {"frequency": x, "actual_orders": frame["holdout_orders"], "expected_orders": _expected(frame, model)}
        )
        .groupby("frequency")
        .agg(
            customers=("frequency", "size"),
            actual_orders=("actual_orders", "sum"),
            expected_orders=("expected_orders", "sum"),
        )
        .reset_index()
    )
    by["actual_orders"] = by["actual_orders"].astype(float)
    by["frequency"] = [f"{int(value)}+" if value == most else str(int(value)) for value in by["frequency"]]
    by["actual_mean"] = by["actual_orders"] / by["customers"]
    by["expected_mean"] = by["expected_orders"] / by["customers"]
    group = np.unique(x, return_inverse=True)[1]
    low, high = _expected_interval(frame, model, group, by["expected_orders"].to_numpy())
    by["expected_low"], by["expected_high"] = low / by["customers"], high / by["customers"]
    return by


def baseline_comparison(summary: Any, model: OrdersModel) -> pd.DataFrame:
    """Does the model forecast single customers better than rules that anyone could use?

    ``summary``: made with ``calibration_end``. A row per ``method``: the model by its class name;
    ``personal_rate``, everyone goes on at their own rate x/T; ``last_period``, everyone does what they did in the
    equally long time before.

    Columns: ``actual_total, expected_total``, orders of all customers in the holdout; ``mean_absolute_error,
    root_mean_squared_error``, per customer; ``correlation`` of expected with actual orders; ``gini``, how well the
    method ranks (1: as well as the actual orders themselves, 0: as chance would); ``top_fifth_share``, the share of
    actual orders placed by the fifth of customers ranked first; ``error_saved``, the part of the rule's mean squared
    error that the model is spared, with ``saved_low, saved_high`` (95 %, over customers). Tied customers count as in
    random order.
    Raises ``CustomerBaseInvalid`` if the summary has no holdout.
    """
    frame = _with_holdout(summary)
    actual = frame["holdout_orders"].to_numpy(dtype=float)
    x, T = (frame[name].to_numpy(dtype=float) for name in ("frequency", "T"))
    length = frame["holdout_length"].to_numpy(dtype=float)
    methods = {
        type(model).__name__: _expected(frame, model),
        "personal_rate": np.divide(x, T, out=np.zeros(len(x)), where=T > 0) * length,
        "last_period": frame["last_period_orders"].to_numpy(dtype=float),
    }
    best = _area_between(actual, actual)
    of_model = (actual - next(iter(methods.values()))) ** 2
    rows: list[dict[str, Any]] = []
    for method, expected in methods.items():
        varies = np.ptp(expected) > 0 and np.ptp(actual) > 0
        saved, error = _saved((actual - expected) ** 2, of_model)
        rows.append(
            {
                "method": method,
                "actual_total": actual.sum(),
                "expected_total": expected.sum(),
                "mean_absolute_error": np.abs(actual - expected).mean(),
                "root_mean_squared_error": np.sqrt(((actual - expected) ** 2).mean()),
                "correlation": np.corrcoef(actual, expected)[0, 1] if varies else np.nan,
                "gini": _area_between(actual, expected) / best if best > 0 else np.nan,
                "top_fifth_share": float(np.interp(0.2, *_captured(actual, expected))),
                "error_saved": saved if rows else np.nan,
                "saved_low": saved - 1.96 * error if rows else np.nan,
                "saved_high": saved + 1.96 * error if rows else np.nan,
            }
        )
    return pd.DataFrame(rows)


def tracking(
    orders: Any, model: OrdersModel, *, as_of: Day, calibration_end: Day, period_days: int = 7
) -> pd.DataFrame:
    """Repeat orders of all customers, period by period since the first order ever: actual and expected.

    ``orders``: the contract's orders (pandas or Ibis), of which those count that :func:`purchases` names, from
    customers who had bought by ``calibration_end``. One row per whole ``period_days`` until ``as_of``: ``period``
    from 1, ``ends_on`` (last day), ``actual_orders, expected_orders`` in it, ``actual_cumulative,
    expected_cumulative``, and ``in_calibration``: whether it ended by ``calibration_end``.
    Raises ``ValueError`` if there is no purchase until ``calibration_end``.
    Source: Fader, Hardie & Lee (2005), figures 4 and 5.
    """
    import ibis

    table = ibis.memtable(orders) if isinstance(orders, pd.DataFrame) else orders
    daily = purchases(table, as_of=as_of).select("customer_id", "day").distinct()
    daily = daily.mutate(first=daily.day.min().over(ibis.window(group_by="customer_id")))
    daily = daily.filter(daily.first <= ibis.literal(as_day(calibration_end)))
    is_first = daily.day == daily.first
    days = to_pandas(daily.group_by("day").agg(new=is_first.sum(), repeat=(~is_first).sum()).order_by("day"))
    if days.empty:
        raise ValueError(f"there is no purchase until {as_day(calibration_end)}; take a later calibration_end")

    start = as_day(pd.Timestamp(days["day"].iloc[0]).to_pydatetime())
    offset = (pd.to_datetime(days["day"]) - pd.Timestamp(start)).dt.days.to_numpy()
    new, repeat = days["new"].to_numpy(dtype=float), days["repeat"].to_numpy(dtype=float)
    periods = ((as_day(as_of) - start).days + 1) // period_days
    ends = np.arange(1, periods + 1) * period_days

    # Ages in whole days are few: expected orders are computed once for each.
    unit = days_per_unit(model.unit)
    by_age = model.expected_orders_if_alive(np.arange(periods * period_days + 1) / unit, 0.0, 0.0)
    ages = np.maximum(ends[:, None] - offset[new > 0], 0)
    expected = by_age[ages] @ new[new > 0]
    actual = np.bincount(offset // period_days, repeat, minlength=periods)[:periods]
    last_days = [start + datetime.timedelta(days=int(end) - 1) for end in ends]
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


def _with_holdout(summary: Any) -> pd.DataFrame:
    frame = to_pandas(summary)
    missing = {"holdout_orders", "holdout_length", "last_period_orders"} - set(frame.columns)
    if missing:
        raise CustomerBaseInvalid(
            f"the summary has no {', '.join(sorted(missing))}; make it with summary(orders, as_of=…, calibration_end=…)"
        )
    return frame


def _expected(frame: pd.DataFrame, model: OrdersModel) -> Numbers:
    """Expected holdout orders, once for each distinct history."""
    columns = ["holdout_length", "frequency", "recency", "T"]
    group = frame.groupby(columns, sort=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    t, x, t_x, T = (frame[name].to_numpy(dtype=float)[first] for name in columns)
    return (model.p_alive(x, t_x, T) * model.expected_orders_if_alive(t, x, T))[group]


def _expected_interval(
    frame: pd.DataFrame, model: OrdersModel, group: Numbers, expected: Numbers
) -> tuple[Numbers, Numbers]:
    """Within what the sums of orders per group should come out: chance, and parameters by the delta method."""
    groups, lengths = len(expected), frame["holdout_length"].unique()
    if model.estimate is None or len(lengths) != 1:
        return np.full(groups, np.nan), np.full(groups, np.nan)
    t, base = float(lengths[0]), read_histories(frame, rows=True)
    ages = AgeGrid.of(base)
    p_alive = model.p_alive(base.x, base.t_x, base.T)
    mean = p_alive * ages.orders_if_alive(model, t)
    pairs = p_alive * np.exp(ages.interpolate(bounded_log(model.expected_order_pairs_if_alive(t, ages.x, ages.T))))
    chance = np.bincount(group, np.maximum(mean + pairs - mean**2, 0.0)[base.row], minlength=groups)

    def sums(log_parameters: Numbers) -> Numbers:
        other = model.with_log_parameters(log_parameters)
        orders = other.p_alive(base.x, base.t_x, base.T) * ages.orders_if_alive(other, t)
        return np.bincount(group, orders[base.row], minlength=groups)

    centre, step = model.estimate.log_parameters, 1e-3
    slopes = np.array([(sums(centre + move) - sums(centre - move)) / (2 * step) for move in np.eye(len(centre)) * step])
    variance = chance + np.einsum("ig,ij,jg->g", slopes, model.estimate.covariance, slopes)
    check_finite(variance)
    width = 1.96 * np.sqrt(variance)
    return np.maximum(expected - width, 0.0), expected + width


def _saved(of_rule: Numbers, of_model: Numbers) -> tuple[float, float]:
    """The part of the rule's mean squared error that the model is spared, and its standard error over customers."""
    level = of_rule.mean()
    if not level > 0:
        return np.nan, np.nan
    saved = float(1 - of_model.mean() / level)
    return saved, float(np.std((1 - saved) * of_rule - of_model) / level / np.sqrt(len(of_rule)))


def _captured(actual: Numbers, score: Numbers) -> tuple[Numbers, Numbers]:
    """The share of actual orders (second) placed by the share of customers ranked first (first), ties as one step."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])) + 1, len(score))
    orders = np.append(0.0, np.cumsum(actual[order]))
    return np.append(0, ends) / len(score), np.append(0.0, orders[ends]) / max(orders[-1], 1e-300)


def _area_between(actual: Numbers, score: Numbers) -> float:
    return float(np.trapezoid(_captured(actual, score)[1], _captured(actual, score)[0])) - 0.5
