"""How much of the revenue hangs on how few customers: Pareto curve, ABC classes, top share and Gini with intervals."""

from __future__ import annotations

from typing import Any

from crmlib import figures, text
from crmlib.engine import same_kind, to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.statistics import percentiles, poisson_resamples

_DRAWS = 200_000_000


# Measures


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

    rules = rules or read_rules()
    amounts, counts = _columns(spending)
    money = counts * amounts
    total = money.sum()
    names = [*rules.abc, chr(ord("A") + len(rules.abc))]
    ahead = (money.cumsum() - money) / total if total else np.zeros(len(money))
    place = np.searchsorted([share - 1e-12 for share in rules.abc.values()], ahead, side="right")
    table = pd.DataFrame({"place": place, "customers": counts, "revenue_year": money, "at_least": amounts})
    sums = (
        table.groupby("place")
        .agg({"customers": "sum", "revenue_year": "sum", "at_least": "min"})
        .reindex(range(len(names)))
    )
    sums[["customers", "revenue_year"]] = sums[["customers", "revenue_year"]].fillna(0.0)
    return pd.DataFrame(
        {
            "segment": names,
            "customers": sums.customers.astype(int),
            "share": sums.customers / max(1.0, counts.sum()),
            "revenue_year": sums.revenue_year,
            "revenue_share": sums.revenue_year / total if total else np.nan,
            "at_least": sums.at_least,
        }
    ).reset_index(drop=True)


# Figures


def plot_pareto(curve: Any, concentration: Any, abc: Any, *, top: float = 0.2, history_days: int | None = None) -> Any:
    """The share of revenue by share of customers, best first, with the top share and the ABC classes; answers the Axes.

    ``curve`` from :func:`pareto_curve`, ``concentration`` from :func:`concentration`, ``abc`` from :func:`abc_classes`;
    ``history_days``: how many days the orders cover, where that may be less than a year.
    """
    axes = figures.new_axes()
    at = concentration.set_index("measure").loc["top_share"]
    axes.plot([0, 1], [0, 1], color=figures.COLOURS["muted"], linewidth=1, linestyle="--")
    axes.plot(curve.share, curve.revenue_share, color=figures.COLOURS["main"], linewidth=2.5)
    begin = 0.0
    for number, row in enumerate(abc.itertuples()):
        axes.axvspan(
            begin,
            begin + row.share,
            color=figures.COLOURS["light"],
            alpha=(0.75, 0.45, 0.2)[min(number, 2)],
            linewidth=0,
        )
        axes.annotate(row.segment, (begin + row.share / 2, 0.03), ha="center", color=figures.COLOURS["muted"])
        begin += row.share
    axes.plot([top], [at.value], marker="o", color=figures.COLOURS["second"])
    axes.vlines([top], at.low, at.high, color=figures.COLOURS["second"], linewidth=2)
    axes.annotate(
        text.say("best {top}: {share} of revenue", top=text.percent(top), share=text.percent(at.value)),
        (top, at.value),
        xytext=(10, -12),
        textcoords="offset points",
    )
    figures.percent_axis(axes.xaxis)
    figures.percent_axis(axes.yaxis)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(
        text.say("Share of the customers who bought in the {period}, best first", period=text.last_span(history_days))
    )
    axes.set_ylabel(text.say("Share of their revenue"))
    top_class = abc.iloc[0]
    said = {
        "top": text.percent(top),
        "share": text.percent(at.value),
        "interval": text.interval(at.low, at.high, text.percent),
        "name": str(top_class.segment),
        "few": text.percent(top_class.share),
        "most": text.percent(top_class.revenue_share),
    }
    return figures.caption(
        axes,
        title=text.say("How much revenue hangs on how few customers"),
        reading=text.say(
            "The best {top} of the customers bring {share} of the revenue ({interval}); class {name}, {few} of the "
            "customers, brings {most}.",
            **said,
        ),
        description=text.say(
            "Pareto curve of the share of revenue by the share of customers, best first, above the diagonal of "
            "equal spending; it passes {share} at {top} of the customers, and class {name} ends at {few} of the "
            "customers.",
            **said,
        ),
    )


# Findings


def finding_concentration(concentration: Any, *, top: float = 0.2, history_days: int | None = None) -> Finding | None:
    """How much of the revenue the best customers bring. None where fewer than 30 customers bought.

    It names no money at stake: what the best bring is not what could be lost or won. ``history_days``: how many days
    the orders cover, where that may be less than a year.
    """
    if concentration.empty or int(concentration.customers.iloc[0]) < 30:
        return None
    found = concentration.set_index("measure")
    at, gini = found.loc["top_share"], found.loc["gini"]
    return Finding(
        "segmentation.concentration",
        text.say(
            "The best {top} of the customers bring {share} of the revenue of the {period}, {money}.",
            period=text.last_span(history_days),
            top=text.percent(top),
            share=text.percent(at.value),
            money=text.money(at.value * at.revenue_year),
        ),
        "neutral",
        certainty=text.say(
            "95% interval of the share: {interval}, from {customers} customers who bought; Gini coefficient {gini} "
            "({gini_interval}).",
            interval=text.interval(at.low, at.high, text.percent),
            customers=int(at.customers),
            gini=text.number(gini.value, digits=2),
            gini_interval=text.interval(gini.low, gini.high, text.number, digits=2),
        ),
        action=text.say(
            "Spend service and attention in proportion: know the best customers by name, serve the many well at low "
            "cost."
        ),
        plays=("core_care",),
    )
