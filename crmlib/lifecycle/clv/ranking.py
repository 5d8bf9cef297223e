"""Does a model forecast and rank single customers better than rules that anyone could use, and by how much?

The rules read what was known at the end of the calibration period; nothing of the holdout but its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from crmlib.lifecycle.clv.holdout import expected_holdout_orders, with_holdout
from crmlib.models.arrays import Numbers
from crmlib.models.orders_model import OrdersModel

Models = OrdersModel | Sequence[OrdersModel]

# Forecasts that anyone could make without a model.
RULES = ("personal_rate", "last_period", "recency_rule", "overall_mean")
# A silence that fewer than one gap in ten reaches is taken for a goodbye.
LONG_GAPS = 0.1


def baseline_forecasts(summary: Any, *, recency_threshold: float | None = None) -> dict[str, Numbers]:
    """What simple rules expect of each customer in the holdout, one array per rule, in the order of the rows.

    ``summary``: made with ``calibration_end``. ``personal_rate``: everyone goes on at their own rate x/T;
    ``last_period``: everyone repeats what they did in the equally long time before; ``recency_rule``: who has been
    silent for longer than a threshold orders nothing, all others go on at their own rate; ``overall_mean``: everyone
    orders at the rate of all customers together, Σx/ΣT.

    The threshold of the recency rule, in the summary's unit, is that of :func:`longest_usual_gap` unless
    given.
    Source of that rule: Wübben & von Wangenheim (2008), "Instant customer base analysis: managerial heuristics often
    'get it right'".
    """
    if recency_threshold is not None and not (np.isfinite(recency_threshold) and recency_threshold >= 0):
        raise ValueError(f"recency_threshold is a time of silence, 0 or more, not {recency_threshold!r}")
    frame = with_holdout(summary)
    x, t_x, T, length, last = (
        frame[name].to_numpy(dtype=float)
        for name in ("frequency", "recency", "T", "holdout_length", "last_period_orders")
    )
    own = np.divide(x, T, out=np.zeros(len(x)), where=T > 0) * length
    threshold = longest_usual_gap(frame) if recency_threshold is None else recency_threshold
    return {
        "personal_rate": own,
        "last_period": last,
        "recency_rule": np.where(T - t_x > threshold, 0.0, own),
        "overall_mean": x.sum() / T.sum() * length if T.sum() > 0 else np.zeros(len(x)),
    }


def longest_usual_gap(summary: pd.DataFrame) -> float:
    """The silence that one gap between orders in ten is longer than, in the summary's unit; 0 if nobody came back.

    A summary tells only each customer's mean gap t_x/x, so the gaps of one customer are taken as exponential around
    it, and the threshold h solves Σ x·exp(−h·x/t_x) = Σx/10.

    >>> round(longest_usual_gap(pd.DataFrame({"frequency": [0, 4], "recency": [0.0, 8.0]})), 4)  # 2 log 10
    4.6052
    """
    x, t_x = (summary[name].to_numpy(dtype=float) for name in ("frequency", "recency"))
    x, gap = x[x > 0], t_x[x > 0] / x[x > 0]
    if not len(x):
        return 0.0
    longer = lambda h: float(x @ np.exp(-h / gap) / x.sum()) - LONG_GAPS  # noqa: E731
    return float(optimize.brentq(longer, 0.0, gap.max() * np.log(1 / LONG_GAPS) + 1e-9, xtol=1e-12))


def forecasts(frame: pd.DataFrame, models: Models, recency_threshold: float | None) -> dict[str, Numbers]:
    """What each model (by its class name) and each simple rule expects of each customer; ``frame``: with a holdout."""
    named = {type(model).__name__: model for model in ([models] if isinstance(models, OrdersModel) else models)}
    expected = {name: expected_holdout_orders(frame, model) for name, model in named.items()}
    return expected | baseline_forecasts(frame, recency_threshold=recency_threshold)


_COMPARED = (
    "method", "actual_total", "expected_total", "mean_absolute_error", "root_mean_squared_error", "correlation", "gini",
    "top_fifth_share", "error_saved", "saved_low", "saved_high",
)  # fmt: skip
_LIFTED = ("method", "share_contacted", "customers", "share_captured", "lift")


def baseline_comparison(summary: Any, models: Models | None, *, recency_threshold: float | None = None) -> pd.DataFrame:
    """Does a model forecast single customers better than rules that anyone could use?

    ``summary``: made with ``calibration_end``. A row per ``method``: the models by their class names, and the rules
    of :func:`baseline_forecasts`.

    Columns: ``actual_total, expected_total``, orders of all customers in the holdout; ``mean_absolute_error,
    root_mean_squared_error``, per customer; ``correlation`` of expected with actual orders (0 if one of them does not
    vary); ``gini``, how well the method ranks (1: as well as the actual orders themselves, 0: as chance would, and
    where all ordered the same); ``top_fifth_share``, the share of actual orders placed by the fifth of customers
    ranked first; ``error_saved``, the part of the method's mean squared error that the first model is spared (its own
    row: 0; −∞ where a rule made no error and the model did), with ``saved_low, saved_high`` (95 %, over customers).
    Tied customers count as in random order. P(alive) is no orders, and never seen: it can only be judged by these.
    Empty without a model. Raises ``CustomerBaseInvalid`` if the summary has no holdout, or no customers.
    """
    if models is None:
        return pd.DataFrame(columns=list(_COMPARED))
    frame = with_holdout(summary)
    actual = frame["holdout_orders"].to_numpy(dtype=float)
    methods = forecasts(frame, models, recency_threshold)
    of_model = (actual - next(iter(methods.values()))) ** 2
    rows: list[dict[str, Any]] = []
    for method, expected in methods.items():
        saved, error = _saved((actual - expected) ** 2, of_model)
        rows.append(
            {
                "method": method,
                **errors_and_ranking(actual, expected),
                "error_saved": saved,
                "saved_low": saved - 1.96 * error,
                "saved_high": saved + 1.96 * error,
            }
        )
    return pd.DataFrame(rows)


def errors_and_ranking(actual: Numbers, expected: Numbers) -> dict[str, float]:
    """The totals and errors of forecasts and how well they rank, as :func:`baseline_comparison` names them.

    >>> found = errors_and_ranking(np.array([0.0, 1.0, 3.0]), np.array([0.5, 1.0, 2.0]))
    >>> found["mean_absolute_error"], round(found["gini"], 6)
    (0.5, 1.0)
    """
    varies = np.ptp(expected) > 0 and np.ptp(actual) > 0
    return {
        "actual_total": float(actual.sum()),
        "expected_total": float(expected.sum()),
        "mean_absolute_error": float(np.abs(actual - expected).mean()),
        "root_mean_squared_error": float(np.sqrt(((actual - expected) ** 2).mean())),
        "correlation": float(np.corrcoef(actual, expected)[0, 1]) if varies else 0.0,
        "gini": gini(actual, expected),
        "top_fifth_share": float(np.interp(0.2, *captured(actual, expected))),
    }


def lift(
    summary: Any,
    models: Models | None,
    *,
    shares: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    recency_threshold: float | None = None,
) -> pd.DataFrame:
    """If only the best-ranked customers are contacted, which share of the holdout's orders do they place?

    ``summary`` and ``models`` as for :func:`baseline_comparison`; ``shares`` of customers contacted, 0 to 1. One row
    per ``method`` and ``share_contacted``: ``customers`` contacted (may be a fraction), ``share_captured`` of actual
    orders, and ``lift``, how many times as many as among as many customers taken at random. ``method``: models, rules,
    and ``actual_orders``, the best ranking there could have been. Without an order in the holdout every ranking is
    as good as chance: lift 1. Empty without a model.
    """
    if models is None:
        return pd.DataFrame(columns=list(_LIFTED))
    if not all(0 < share <= 1 for share in shares):
        raise ValueError(f"shares of customers are above 0 and at most 1, not {list(shares)!r}")
    frame = with_holdout(summary)
    actual = frame["holdout_orders"].to_numpy(dtype=float)
    methods = forecasts(frame, models, recency_threshold) | {"actual_orders": actual}
    at = np.asarray(shares, float)
    found = {method: np.interp(at, *captured(actual, expected)) for method, expected in methods.items()}
    table = pd.DataFrame(found).assign(share_contacted=at, customers=at * len(frame))
    table = table.melt(["share_contacted", "customers"], var_name="method", value_name="share_captured")
    table["lift"] = table["share_captured"] / table["share_contacted"]
    return table[list(_LIFTED)]


def gini(actual: Numbers, score: Numbers) -> float:
    """How well a score ranks customers by what they then did: 1 as they did themselves, 0 as chance, −1 upside down.

    >>> orders = np.array([0.0, 0, 1, 3])
    >>> gini(orders, orders * 7), gini(orders, np.ones(4)), gini(orders, -orders), gini(np.ones(4), orders)
    (1.0, 0.0, -1.0, 0.0)
    """
    best = _area_between(actual, actual)
    return _area_between(actual, score) / best if best > 1e-12 else 0.0


def captured(actual: Numbers, score: Numbers) -> tuple[Numbers, Numbers]:
    """The share of actual orders (second) placed by the share of customers ranked first (first), ties as one step."""
    score = np.round(score, 12)  # equal histories have equal scores, but for the last digits of a processor
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])) + 1, len(score))
    orders = np.append(0.0, np.cumsum(actual[order]))
    at = np.append(0, ends) / len(score)
    return at, np.append(0.0, orders[ends]) / orders[-1] if orders[-1] > 0 else at


def _area_between(actual: Numbers, score: Numbers) -> float:
    across, up = captured(actual, score)
    return float(np.trapezoid(up, across)) - 0.5


def _saved(of_rule: Numbers, of_model: Numbers) -> tuple[float, float]:
    """The part of the rule's mean squared error that the model is spared, and its standard error over customers."""
    level = of_rule.mean()
    if not level > 0:
        return (0.0 if not of_model.mean() > 0 else -np.inf), 0.0
    saved = float(1 - of_model.mean() / level)
    return saved, float(np.std((1 - saved) * of_rule - of_model) / level / np.sqrt(len(of_rule)))
