"""How much of the revenue hangs on how few customers: Pareto curve, ABC classes, top share and Gini with intervals."""

from __future__ import annotations

from typing import Any

from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.statistics import percentiles, poisson_resamples

_DRAWS = 200_000_000
# With fewer customers, or fewer for each unit of the variance of log amounts, no interval holds.
FEWEST_FOR_INTERVAL = 30
FEWEST_BY_VARIANCE = 300


@same_kind
def spending(customers: Any) -> Any:
    """How many of the customers who bought in the last twelve months spent how much: what concentration rests on.

    Columns: ``revenue_year`` (each amount that occurs, to the cent, the highest first), ``customers``. pandas or Ibis
    in, same kind out.

    >>> import pandas as pd
    >>> spending(pd.DataFrame({"purchases_year": [1, 2, 1, 0], "revenue_year": [5.0, 30.0, 5.0, 0.0]}))
       revenue_year  customers
    0          30.0          1
    1           5.0          2
    """
    import ibis

    bought = customers.filter(customers.purchases_year > 0).mutate(revenue_year=lambda t: t.revenue_year.round(2))
    return bought.group_by("revenue_year").agg(customers=bought.count()).order_by(ibis.desc("revenue_year"))


def pareto_curve(spending: Any) -> Any:
    """The share of revenue that the best customers bring, for each per cent of the customers.

    Columns: ``share`` (of the customers, best first, 0 to 1 in steps of 0.01), ``revenue_share``. A fraction of a
    customer counts as this fraction of what the customer spent, so ties do not matter. Empty without revenue.

    >>> import pandas as pd
    >>> curve = pareto_curve(pd.DataFrame({"revenue_year": [80.0, 10.0], "customers": [1, 2]}))
    >>> curve[curve.share == 0.2]
        share  revenue_share
    20    0.2           0.48
    """
    import numpy as np
    import pandas as pd

    amounts, counts = _columns(spending)
    if not amounts.sum() > 0:
        return pd.DataFrame({"share": [], "revenue_share": []})
    people, money = np.append(0, counts.cumsum()), np.append(0, (counts * amounts).cumsum())
    share = np.arange(101) / 100
    return pd.DataFrame({"share": share, "revenue_share": np.interp(share * people[-1], people, money) / money[-1]})


def _columns(spending: Any) -> tuple[Any, Any]:
    frame = to_pandas(spending).sort_values("revenue_year", ascending=False, kind="stable")
    return frame.revenue_year.to_numpy(dtype=float), frame.customers.to_numpy(dtype=float)


def concentration(spending: Any, *, top: float = 0.2, resamples: int = 400, seed: int = 1) -> Any:
    """The share of the best customers in the revenue, and the Gini coefficient, each with a 95 % interval.

    One row per ``measure`` (``top_share``, ``gini``): ``value``, ``low``, ``high``, ``customers``, ``revenue_year``.
    Without revenue the table is empty.

    The interval is a bootstrap-t over customers, in which each counts a Poisson(1) number of times (all with the same
    amount are drawn together), on the log odds of the measure: a few very large customers pull it to one side. It is
    empty (NaN) where none holds: with fewer than 30 customers, or than 300 times the variance of log amounts, because
    customers larger than all seen would then change the measure.

    Sources: Efron & Tibshirani (1993), "An Introduction to the Bootstrap", section 12.5; standard errors by
    linearisation: Langel & Tillé (2013), "Variance estimation of the Gini index", JRSS A 176(2).

    >>> import pandas as pd
    >>> even = pd.DataFrame({"revenue_year": [10.0], "customers": [50]})
    >>> concentration(even)[["measure", "value", "low", "high"]].round(6)
         measure  value  low  high
    0  top_share    0.2  0.2   0.2
    1       gini    0.0  0.0   0.0
    """
    import numpy as np
    import pandas as pd

    amounts, counts = _columns(spending)
    columns = ["measure", "value", "low", "high", "customers", "revenue_year"]
    if not amounts.sum() > 0:
        return pd.DataFrame(columns=columns)
    exact, error = (of[:, 0] for of in _top_and_gini(counts[None, :], amounts, top))
    base, revenue = int(counts.sum()), float((counts * amounts).sum())
    resamples = int(np.clip(_DRAWS // len(amounts), 50, resamples))
    drawn = [
        _top_and_gini(weights[(weights * amounts).sum(axis=1) > 0], amounts, top)
        for weights in poisson_resamples(counts, resamples=resamples, seed=seed)
    ]
    low, high = _bootstrap_t(exact, error, *(np.concatenate(of, axis=1) for of in zip(*drawn, strict=True)))
    paid = amounts > 0
    variance = (
        float(np.cov(np.log(amounts[paid]), fweights=counts[paid].astype(int))) if counts[paid].sum() > 1 else 0.0
    )
    if base < max(FEWEST_FOR_INTERVAL, FEWEST_BY_VARIANCE * variance):
        low = high = np.full(2, np.nan)
    return pd.DataFrame(
        [(measure, exact[n], low[n], high[n], base, revenue) for n, measure in enumerate(("top_share", "gini"))],
        columns=columns,
    )


def _bootstrap_t(exact: Any, error: Any, drawn: Any, errors: Any) -> tuple[Any, Any]:
    """The intervals of measures between 0 and 1, on their log odds; where nothing varies, the measures themselves."""
    import numpy as np

    def log_odds(share: Any) -> Any:
        inside = np.clip(share, 1e-9, 1 - 1e-9)
        return np.log(inside / (1 - inside))

    own = error / np.clip(exact * (1 - exact), 1e-9, None)
    varies = own > 1e-9
    theirs = np.maximum(errors / np.clip(drawn * (1 - drawn), 1e-9, None), 1e-12)
    upper, lower = percentiles(((log_odds(drawn) - log_odds(exact)[:, None]) / theirs).T)
    low, high = (1 / (1 + np.exp(np.clip(t * own, -500, 500) - log_odds(exact))) for t in (lower, upper))
    return np.where(varies, low, exact), np.where(varies, high, exact)


def _top_and_gini(weights: Any, amounts: Any, top: float) -> tuple[Any, Any]:
    """Top share and Gini for each row of weights, and their standard errors; ``amounts`` fall."""
    import numpy as np

    people, money = weights.cumsum(axis=1), (weights * amounts).cumsum(axis=1)
    total, revenue = people[:, -1], money[:, -1]
    target = top * total
    at = (people < target[:, None]).sum(axis=1)
    row = np.arange(len(weights))
    last, mean = amounts[at], revenue / total
    share = (money[row, at] - (people[row, at] - target) * last) / revenue
    gini = 2 * (weights * (2 * money - weights * amounts)).sum(axis=1) / (2 * total * revenue) - 1
    # How much one more customer of each amount moves the measure (influence functions).
    ahead = (2 * people - weights) / (2 * total[:, None])
    held = (2 * money - weights * amounts) / (2 * revenue[:, None])
    relative = amounts / mean[:, None]
    of_share = (np.maximum(amounts - last[:, None], 0) + top * last[:, None]) / mean[:, None] - share[
        :, None
    ] * relative
    of_gini = 2 * (relative * (1 - ahead) + held) - (gini[:, None] + 1) * relative
    errors = [
        np.sqrt((weights * (of - (weights * of).sum(axis=1, keepdims=True) / total[:, None]) ** 2).sum(axis=1)) / total
        for of in (of_share, of_gini)
    ]
    return np.stack([share, gini]), np.stack(errors)


def abc_classes(spending: Any, *, rules: Rules | None = None) -> Any:
    """The ABC classes: A the best customers who together make the first 80 % of revenue, B to 95 %, C the rest.

    One row per class: ``segment``, ``customers``, ``share`` (of the customers), ``revenue_year``, ``revenue_share``,
    ``at_least`` (the smallest amount in the class). The customer in whom a limit falls belongs to the better class, and
    so do all who spent the same. Shares come from the rules.

    >>> import pandas as pd
    >>> abc_classes(pd.DataFrame({"revenue_year": [80.0, 16.0, 2.0], "customers": [1, 1, 2]}))[
    ...     ["segment", "customers", "revenue_year", "at_least"]]
      segment  customers  revenue_year  at_least
    0       A          1          80.0      80.0
    1       B          1          16.0      16.0
    2       C          2           4.0       2.0
    """
    import numpy as np
    import pandas as pd

    shares = (rules or read_rules()).abc
    amounts, counts = _columns(spending)
    money = counts * amounts
    total = money.sum()
    ahead = (money.cumsum() - money) / total if total else np.zeros(len(money))
    place = np.searchsorted([share - 1e-12 for share in shares.values()], ahead, side="right")
    table = pd.DataFrame({"customers": counts, "revenue_year": money, "at_least": amounts})
    sums = table.groupby(place).agg({"customers": "sum", "revenue_year": "sum", "at_least": "min"})
    sums = sums.reindex(range(len(shares) + 1)).fillna({"customers": 0.0, "revenue_year": 0.0})
    return pd.DataFrame(
        {
            "segment": [*shares, chr(ord("A") + len(shares))],
            "customers": sums.customers.astype(int),
            "share": sums.customers / max(1.0, counts.sum()),
            "revenue_year": sums.revenue_year,
            "revenue_share": sums.revenue_year / total if total else np.nan,
            "at_least": sums.at_least,
        }
    )
