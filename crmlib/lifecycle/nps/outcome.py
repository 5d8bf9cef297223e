"""What the score is worth: what promoters, passives and detractors spend afterwards."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.answers import DETRACTOR, PASSIVE, PROMOTER, SMALL_BASE
from crmlib.calendar import days_apart, end_of
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.purchases import purchases, revenue_of
from crmlib.statistics import mean_of_sums, skewed, wilson

_ANSWER = ("customer_id", "response_id", "answered_at", "score", "category")
_HISTORY = ("revenue_before", "orders_before", "days_since", "revenue_after", "orders_after")
CATEGORIES = (PROMOTER, PASSIVE, DETRACTOR)
LATER = (
    "category", "customers", "bought", "bought_low", "bought_high", "revenue_before", "revenue_after",
    "revenue_low", "revenue_high", "adjusted_revenue", "adjusted_low", "adjusted_high", "small_base",
)  # fmt: skip


@same_kind
def later_revenue(answers: Any, orders: Any, *, as_of: Any, days: int = 180, before: int = 365) -> Any:
    """What each customer spent before and after answering, one row per customer.

    ``answers``: from :func:`answers`. Of every customer the latest answer counts whose following ``days`` are
    over on the day ``as_of``: a window that still runs would look like little revenue. Without any purchase on record
    there is nothing to follow, and the table is empty. Columns:
    ``customer_id``, ``response_id``, ``answered_at``, ``score``, ``category``, ``revenue_before`` and
    ``orders_before`` (the ``before`` days up to the answer), ``days_since`` (from the last purchase to the
    answer; ``before`` at most), ``revenue_after`` and ``orders_after`` (the ``days`` after it). Revenue in
    the client's currency. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"response_id": ["1"], "customer_id": ["a"], "score": [9.0], "category": ["promoter"],
    ...     "answered_at": pd.to_datetime(["2025-03-01"])})
    >>> orders = pd.DataFrame({"customer_id": ["a", "a"], "amount": [10.0, 40.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-04-02"])})
    >>> later_revenue(answers, orders, as_of="2025-12-31")[["revenue_before", "revenue_after"]]
       revenue_before  revenue_after
    0            10.0           40.0
    """
    import ibis

    end = end_of(as_of)
    after, earlier = ibis.interval(days=days), ibis.interval(days=before)
    given = answers.filter(answers.customer_id.notnull()).select(*_ANSWER)
    given = given.mutate(customer_id=given.customer_id.cast("string"))
    given = given.filter(given.answered_at + after <= ibis.literal(end))
    last = _latest(given)
    bought = purchases(orders, as_of=as_of).select(buyer="customer_id", bought_at="ordered_at", spend="spend")
    last = last.filter(bought.count().as_scalar() > 0)
    pairs = last.join(bought, last.customer_id == bought.buyer)
    past = (pairs.bought_at <= pairs.answered_at) & (pairs.bought_at > pairs.answered_at - earlier)
    later = (pairs.bought_at > pairs.answered_at) & (pairs.bought_at <= pairs.answered_at + after)
    sums = pairs.group_by("customer_id").agg(
        revenue_before=pairs.spend.sum(where=past),
        orders_before=past.cast("int64").sum(),
        last=pairs.bought_at.max(where=past),
        revenue_after=pairs.spend.sum(where=later),
        orders_after=later.cast("int64").sum(),
    )
    table = last.left_join(sums, "customer_id").drop("customer_id_right")
    amounts = {name: table[name].fill_null(0.0) for name in ("revenue_before", "revenue_after")}
    counts = {name: table[name].fill_null(0).cast("int64") for name in ("orders_before", "orders_after")}
    since = days_apart(table.last, table.answered_at)
    table = table.mutate(**amounts, **counts, days_since=since.fill_null(float(before)))
    return table.select(*_ANSWER, *_HISTORY).order_by("customer_id")


def _latest(given: Any) -> Any:
    """The latest answer of each customer."""
    import ibis

    order = ibis.window(group_by=given.customer_id, order_by=[given.answered_at.desc(), given.response_id.desc()])
    return given.mutate(_rank=ibis.row_number().over(order)).filter(lambda t: t._rank == 0).drop("_rank")


def later_by_category(later: Any, *, level: float = 0.95) -> Any:
    """Later revenue of promoters, passives and detractors, raw and at equal earlier spending; a pandas frame.

    ``later``: from :func:`later_revenue`. Columns: ``category``, ``customers``, ``bought`` (share that bought
    again) with its Wilson interval, ``revenue_before`` and ``revenue_after`` per customer, the latter with the
    interval of a mean of money (:func:`crmlib.statistics.mean_of_sums`), ``adjusted_revenue``: what the category
    would spend if all three had bought before what all customers here bought on average, with its interval, and
    ``small_base`` (fewer than 30 customers). The adjustment is a linear regression on the
    category, earlier revenue and its logarithm, earlier orders and the logarithm of the days since the last
    purchase; it is empty when fewer than two categories have 30 customers. An association, not an effect of
    the opinion.

    Lin (2013), Annals of Applied Statistics 7.

    >>> import pandas as pd
    >>> later = pd.DataFrame({"category": ["promoter"] * 2 + ["detractor"] * 2, "revenue_before": [10.0] * 4,
    ...     "orders_before": [1] * 4, "days_since": [9.0] * 4, "revenue_after": [20.0, 40.0, 0.0, 10.0],
    ...     "orders_after": [1, 1, 0, 1]})
    >>> later_by_category(later)[["category", "customers", "bought", "revenue_after"]]
        category  customers  bought  revenue_after
    0   promoter          2     1.0           30.0
    1  detractor          2     0.5            5.0
    """
    import numpy as np
    import pandas as pd

    later = to_pandas(later)
    present = [name for name in CATEGORIES if (later.category == name).any()]
    if not present:
        return pd.DataFrame(columns=list(LATER))
    members = np.column_stack([(later.category == name).to_numpy(dtype=float) for name in present])
    revenue = later.revenue_after.to_numpy(dtype=float)
    of_category = later.assign(again=later.orders_after > 0).groupby("category")
    means = of_category[["again", "revenue_before", "revenue_after"]].mean().rename(columns={"again": "bought"})
    table = means.assign(customers=of_category.size()).loc[present].reset_index()
    table["small_base"] = table.customers < SMALL_BASE
    table["bought_low"], table["bought_high"] = wilson(table.bought * table.customers, table.customers, level=level)
    total, squares, cubes = (members.T @ revenue**power for power in (1, 2, 3))
    table["revenue_low"], table["revenue_high"] = mean_of_sums(
        total, squares, table.customers, cubes=cubes, level=level
    )
    known = (table.customers >= SMALL_BASE).sum() >= 2 and table.customers.min() >= 5
    line = _line(np.column_stack([members, _history(later)]), revenue, level=level) if known else [np.nan] * 3
    for name, found in zip(("adjusted_revenue", "adjusted_low", "adjusted_high"), line, strict=True):
        table[name] = found[: len(present)] if known else np.nan
    return table[list(LATER)]


def shortfall(later: Any, *, level: float = 0.95) -> Any:
    """How much less detractors spend afterwards than the others with the same earlier purchases; a frame of
    one row.

    ``later``: from :func:`later_revenue`. Columns: ``detractor_customers``, ``other_customers``, ``raw``
    (others' mean later revenue less the detractors'), ``shortfall`` (the same at equal earlier purchases, by
    the regression of :func:`later_by_category`), ``shortfall_low``, ``shortfall_high``
    (heteroscedasticity-robust, HC1: White 1980, Econometrica 48; skewed as what a few large customers spend: see
    :func:`crmlib.statistics.skewed`). Money per customer in the window of
    ``later``. Empty with fewer than 30 customers on either side.

    >>> import pandas as pd
    >>> later = pd.DataFrame({"category": ["promoter", "detractor"] * 40,
    ...     "revenue_before": [10.0, 30.0] * 20 + [20.0] * 40,
    ...     "orders_before": [1, 2] * 40, "days_since": [9.0] * 80, "revenue_after": [50.0, 40.0] * 40})
    >>> shortfall(later)[["detractor_customers", "other_customers", "raw"]]
       detractor_customers  other_customers   raw
    0                   40               40  10.0
    """
    import numpy as np
    import pandas as pd

    columns = ["detractor_customers", "other_customers", "raw", "shortfall", "shortfall_low", "shortfall_high"]
    later = to_pandas(later)
    detractor = (later.category == DETRACTOR).to_numpy()
    if min(detractor.sum(), (~detractor).sum()) < SMALL_BASE:
        return pd.DataFrame(columns=columns)
    revenue = later.revenue_after.to_numpy(dtype=float)
    design = np.column_stack([np.ones(len(later)), ~detractor, _history(later)])
    of_others = [float(found[1]) for found in _line(design, revenue, level=level)]
    raw = revenue[~detractor].mean() - revenue[detractor].mean()
    return pd.DataFrame([[detractor.sum(), (~detractor).sum(), raw, *of_others]], columns=columns)


def _line(design: Any, revenue: Any, *, level: float) -> tuple[Any, Any, Any]:
    """The coefficients of least squares, and the low and high ends of their intervals (HC1, skewed)."""
    import numpy as np

    inverse = np.linalg.pinv(design.T @ design)
    line = inverse @ design.T @ revenue
    # What each customer moves each coefficient by.
    moved = (design @ inverse) * (revenue - design @ line)[:, None]
    squares, cubes = (moved**2).sum(axis=0), (moved**3).sum(axis=0)
    free = max(len(revenue) - design.shape[1], 1)
    skewness = np.divide(cubes, squares**1.5, out=np.zeros(len(line)), where=squares > 1e-18 * line**2)
    return line, *skewed(line, np.sqrt(squares * len(revenue) / free), skewness, free, level=level)


def _history(later: Any) -> Any:
    """Earlier purchases as regressors, each with mean zero."""
    import numpy as np

    before, since = (later[name].to_numpy(dtype=float) for name in ("revenue_before", "days_since"))
    orders = later.orders_before.to_numpy(dtype=float)
    columns = np.column_stack([before, np.log1p(np.maximum(before, 0.0)), orders, np.log1p(np.maximum(since, 0.0))])
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    return centred[:, spread > 1e-9] / spread[spread > 1e-9]


@same_kind
def standing(answers: Any, orders: Any, *, as_of: Any, days: int = 365) -> Any:
    """Where each customer stands today: the latest answer of the last ``days``, and what the customer spent
    in them.

    One row per customer who answered: ``customer_id``, ``answered_at``, ``score``, ``category``, ``weight`` and
    ``comment`` (where the answers have them), ``revenue`` and ``orders`` of the ``days`` up to ``as_of``; those who
    answered worst first, and among them those who spent most. The list to close the loop with. pandas or Ibis
    in, same kind out.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"response_id": ["1", "2"], "customer_id": ["a", "a"], "score": [3.0, 9.0],
    ...     "category": ["detractor", "promoter"], "answered_at": pd.to_datetime(["2025-03-01", "2025-06-01"])})
    >>> orders = pd.DataFrame({"customer_id": ["a"], "amount": [10.0], "ordered_at": pd.to_datetime(["2025-01-10"])})
    >>> standing(answers, orders, as_of="2025-12-31")[["category", "revenue"]]
       category  revenue
    0  promoter     10.0
    """
    import ibis

    end = end_of(as_of)
    since = ibis.literal(end - dt.timedelta(days=days))
    given = answers.filter(
        answers.customer_id.notnull() & (answers.answered_at >= since) & (answers.answered_at < ibis.literal(end))
    )
    given = given.mutate(customer_id=given.customer_id.cast("string"))
    last = _latest(given)
    more = [name for name in ("weight", "comment") if name in last.columns]
    last = last.select("customer_id", "answered_at", "score", "category", *more)
    bought = purchases(orders, as_of=as_of)
    last = last.filter(bought.count().as_scalar() > 0)
    bought = bought.filter(bought.ordered_at >= since)
    sums = bought.group_by(buyer=bought.customer_id).agg(revenue=revenue_of(bought.spend), orders=bought.count())
    table = last.left_join(sums, last.customer_id == sums.buyer).drop("buyer")
    table = table.mutate(revenue=table.revenue.fill_null(0.0), orders=table.orders.fill_null(0).cast("int64"))
    return table.order_by(table.score, table.revenue.desc(), table.customer_id)


def detractor_revenue(standing: Any, orders: Any, *, as_of: Any, days: int = 365, level: float = 0.95) -> Any:
    """How much of a year's revenue comes from customers who would not recommend us; a frame of one row.

    ``standing``: from :func:`standing`, with the same ``as_of`` and ``days``. Columns: ``answered``
    (customers who answered), ``detractor_customers`` among them and their ``known_revenue``; ``share`` of
    detractors in the revenue of those who answered (weighted, where there are weights), with its interval
    ``share_low``, ``share_high`` (Wilson's for the number of equal customers that the unequal revenues are
    worth); ``active_customers`` and ``total_revenue`` of all known customers in the ``days`` up to ``as_of``;
    and ``revenue``, ``revenue_low``, ``revenue_high``, the share of it. Client's currency. Empty with fewer
    than 30 customers who answered or without revenue of theirs.

    >>> import pandas as pd
    >>> standing = pd.DataFrame({"category": ["detractor", "promoter"] * 20, "revenue": [10.0, 30.0] * 20})
    >>> orders = pd.DataFrame({"customer_id": ["a"], "amount": [1000.0], "ordered_at": pd.to_datetime(["2025-01-10"])})
    >>> detractor_revenue(standing, orders, as_of="2025-12-31")[["share", "revenue"]]
       share  revenue
    0   0.25    250.0
    """
    import ibis
    import numpy as np
    import pandas as pd

    columns = ["answered", "detractor_customers", "known_revenue", "share", "share_low", "share_high"]
    more = ["active_customers", "total_revenue", "revenue", "revenue_low", "revenue_high"]
    standing = to_pandas(standing)
    weight = standing.weight.to_numpy(dtype=float) if "weight" in standing.columns else np.ones(len(standing))
    detractor = (standing.category == DETRACTOR).to_numpy(dtype=float)
    amount = weight * standing.revenue.to_numpy(dtype=float)
    if len(standing) < SMALL_BASE or amount.sum() <= 0:
        return pd.DataFrame(columns=[*columns, *more])
    share = float((amount * detractor).sum() / amount.sum())
    worth = float(amount.sum() ** 2 / (amount**2).sum())
    if 0 < share < 1:
        # Never more than the customers' revenues are worth: one large customer must not look like many.
        linear = share * (1 - share) * amount.sum() ** 2 / float((amount**2 * (detractor - share) ** 2).sum())
        worth = min(linear, worth)
    low, high = wilson(share * worth, worth, level=level)
    bought = purchases(to_ibis(orders), as_of=as_of)
    end = end_of(as_of)
    recent = bought.filter(bought.ordered_at >= ibis.literal(end - dt.timedelta(days=days)))
    sums = to_pandas(recent.agg(total=recent.spend.sum(), active=recent.customer_id.nunique())).iloc[0]
    total, active = float(sums.total), int(sums.active)
    known = float((standing.revenue.to_numpy(dtype=float) * detractor).sum())
    of_those = [len(standing), int(detractor.sum()), known, share, float(low), float(high)]
    projected = [active, total, share * total, float(low) * total, float(high) * total]
    return pd.DataFrame([[*of_those, *projected]], columns=[*columns, *more])
