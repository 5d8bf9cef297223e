"""How much of the revenue hangs on how few customers: Pareto curve, ABC classes, top share and Gini with intervals."""

from __future__ import annotations

from typing import Any

from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.statistics import percentiles, poisson_resamples

_DRAWS = 200_000_000


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
    frame = to_pandas(spending).sort_values("revenue_year", ascending=False)
    return frame.revenue_year.to_numpy(dtype=float), frame.customers.to_numpy(dtype=float)


def concentration(spending: Any, *, top: float = 0.2, resamples: int = 400, seed: int = 1) -> Any:
    """The share of the best customers in the revenue, and the Gini coefficient, each with a 95 % interval.

    One row per ``measure`` (``top_share``, ``gini``): ``value``, ``low``, ``high`` (percentile bootstrap over
    customers, in which each counts a Poisson(1) number of times: all with the same amount are drawn together),
    ``customers``, ``revenue_year``. Without revenue the table is empty.

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
    exact = _top_and_gini(counts[None, :], amounts, top)[:, 0]
    resamples = int(np.clip(_DRAWS // len(amounts), 50, resamples))
    drawn = [
        _top_and_gini(weights[(weights * amounts).sum(axis=1) > 0], amounts, top)
        for weights in poisson_resamples(counts, resamples=resamples, seed=seed)
    ]
    low, high = percentiles(np.concatenate(drawn, axis=1).T)
    base, revenue = int(counts.sum()), float((counts * amounts).sum())
    return pd.DataFrame(
        [(measure, exact[n], low[n], high[n], base, revenue) for n, measure in enumerate(("top_share", "gini"))],
        columns=columns,
    )


def _top_and_gini(weights: Any, amounts: Any, top: float) -> Any:
    """Top share and Gini for each row of weights; ``amounts`` fall."""
    import numpy as np

    people, money = weights.cumsum(axis=1), (weights * amounts).cumsum(axis=1)
    total, revenue = people[:, -1], money[:, -1]
    target = top * total
    at = (people < target[:, None]).sum(axis=1)
    row = np.arange(len(weights))
    share = (money[row, at] - (people[row, at] - target) * amounts[at]) / revenue
    area = (weights * (2 * money - weights * amounts)).sum(axis=1) / (2 * total * revenue)
    return np.stack([share, 2 * area - 1])


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
