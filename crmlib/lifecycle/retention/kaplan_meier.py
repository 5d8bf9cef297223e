"""When customers return, those included who are still being waited for: Kaplan–Meier curves and the log-rank
test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crmlib import figures, statistics, text
from crmlib.engine import same_kind, to_ibis
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.lifecycle.retention.empty_figure import nothing_to_show
from crmlib.lifecycle.retention.second_order import Grouping
from crmlib.statistics import kaplan_meier

if TYPE_CHECKING:
    import pandas as pd

By = Literal["group", "cohort"]

_MOST_CURVES = 7


# Measures


@same_kind
def waiting_times(second_orders: Any, *, by: By | None = "group") -> Any:
    """After how many days how many customers returned, of how many who could: all that Kaplan and Meier need.

    Columns: ``by`` (or nothing), ``days``, ``at_risk`` (not returned before that day, and followed so far),
    ``returned`` (on that day). However many customers there are, this table is as long as the longest wait. pandas or
    Ibis in, same kind out, sorted.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"group": ["a", "a", "a"], "days": [5, 5, 9], "returned": [True, True, False]})
    >>> waiting_times(table)
      group  days  at_risk  returned
    0     a     5        3         2
    1     a     9        1         0
    """
    import ibis

    keys = [by] if by else []
    counted = second_orders.group_by([*keys, "days"]).agg(
        customers=second_orders.count(), returned=second_orders.returned.cast("int64").sum()
    )
    later = ibis.window(group_by=keys, order_by=ibis.desc("days"), preceding=(None, 0))
    at_risk = counted.customers.sum().over(later)
    return counted.select(*keys, "days", at_risk=at_risk, returned=counted.returned).order_by(*keys, "days")


def return_curves(second_orders: Any, *, by: By | None = "group", least_at_risk: int = SMALL_BASE) -> pd.DataFrame:
    """What share have ordered again by which day: the Kaplan–Meier estimate, one row per group and day.

    Customers who have not returned count as long as they have been followed, and then leave the base; so
    recent customers are used for what is known of them. By group, those with fewer than ``least_at_risk``
    customers are taken together as "Other" (see :func:`with_small_groups_together`).
    Columns: ``by`` (or nothing), ``day``, ``at_risk``
    (not returned before that day and followed so far), ``returned`` (on that day), ``share`` (returned by
    the end of that day, 1 − S(t)) and its pointwise 95 % interval ``low, high`` (Greenwood, on the
    complementary log-log scale). A curve ends where fewer than ``least_at_risk`` customers are left at risk.
    Answers a pandas frame.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"days": [5, 8, 9, 9], "returned": [True, False, True, False]})
    >>> return_curves(table, by=None, least_at_risk=1)[["day", "at_risk", "returned", "share"]]
       day  at_risk  returned  share
    0    0        4         0  0.000
    1    5        4         1  0.250
    2    9        2         1  0.625
    """
    import pandas as pd

    waits = _waits(second_orders, by=by, least=least_at_risk)
    if by is None:
        return _curve(waits, least_at_risk)
    curves = [_curve(part, least_at_risk).assign(**{by: name}) for name, part in waits.groupby(by, sort=True)]
    columns = [by, "day", "at_risk", "returned", "share", "low", "high"]
    return pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns)


def with_small_groups_together(second_orders: Any, *, least: int = SMALL_BASE) -> Any:
    """The customers with all groups of fewer than ``least`` of them as one, named "Other"; an Ibis table.

    Many small groups say nothing each, but something together. Where no group is large enough there is nobody left
    for the others to be other than: the one group is then named "All customers".

    >>> import pandas as pd
    >>> table = pd.DataFrame({"group": ["a"] * 4 + ["b"] * 2 + ["c"], "days": [5] * 6 + [9], "returned": True})
    >>> waiting_times(with_small_groups_together(table, least=3)).execute()
       group  days  at_risk  returned
    0  Other     5        3         2
    1  Other     9        1         1
    2      a     5        4         4
    """
    table = to_ibis(second_orders)
    sizes = table.group_by("group").agg(customers=table.count()).to_pandas()
    small = sizes[sizes.customers < least].group
    if len(small) < 2:
        return table
    name = text.say("All customers") if len(small) == len(sizes) else text.say("Other")
    return table.mutate(group=table.group.isin(small.tolist()).ifelse(name, table.group))


def _waits(second_orders: Any, *, by: By | None, least: int) -> pd.DataFrame:
    table = to_ibis(second_orders)
    if by == "group":
        table = with_small_groups_together(table, least=least)
    return waiting_times(table, by=by).to_pandas()


def _curve(waits: pd.DataFrame, least_at_risk: int) -> pd.DataFrame:
    import pandas as pd

    total = int(waits.at_risk.max()) if len(waits) else 0
    start = pd.DataFrame({"day": [0], "at_risk": [total], "returned": [0], "share": [0.0], "low": [0.0], "high": [0.0]})
    happened = waits[waits.returned > 0]
    if happened.empty:
        return start
    survival, low, high = kaplan_meier(happened.at_risk, happened.returned)
    curve = pd.DataFrame(
        {
            "day": happened.days.to_numpy(dtype=int),
            "at_risk": happened.at_risk.to_numpy(dtype=int),
            "returned": happened.returned.to_numpy(dtype=int),
            "share": 1 - survival,
            "low": 1 - high,
            "high": 1 - low,
        }
    )
    return pd.concat([start, curve[curve.at_risk >= least_at_risk]], ignore_index=True)


def median_wait(curve: pd.DataFrame) -> float | None:
    """The day by which half of the customers have ordered again; None where the curve does not get that far.

    ``curve``: one group's rows of :func:`return_curves`.

    >>> import pandas as pd
    >>> median_wait(pd.DataFrame({"day": [0, 5, 9], "share": [0.0, 0.25, 0.625]}))
    9
    """
    reached = curve[curve.share >= 0.5]
    return None if reached.empty else int(reached.day.iloc[0])


def log_rank(second_orders: Any, *, by: By = "group", least: int = SMALL_BASE) -> dict[str, float]:
    """Whether the groups return alike: the log-rank test over all days, ``{"chi2": …, "groups": …, "p": …}``.

    p is the probability of differences as large as these if the groups did not differ. Groups with fewer than
    ``least`` customers are taken together as in :func:`return_curves`, or left out where even that is too few.
    NaN with fewer than two groups, or where nobody has returned.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"group": ["a"] * 4 + ["b"] * 4, "days": [1, 2, 3, 4, 9, 9, 9, 9],
    ...     "returned": [True] * 4 + [False] * 4})
    >>> round(log_rank(table, least=4)["p"], 4)
    0.0067
    """
    waits = _waits(second_orders, by=by, least=least)
    waits = waits[waits.groupby(by).at_risk.transform("max") >= least]
    groups = waits[by].nunique()
    if groups < 2 or not waits.returned.any():
        return {"chi2": float("nan"), "groups": float(groups), "p": float("nan")}
    table = waits.pivot(index="days", columns=by, values=["at_risk", "returned"])
    # On a day without a row, as many are at risk as on the group's next day with one.
    chi2, p = statistics.log_rank(table.at_risk.bfill().fillna(0), table.returned.fillna(0))
    return {"chi2": chi2, "groups": float(groups), "p": p}


# Figures


def plot_return_curves(curves: Any, *, test: dict[str, float] | None = None, by: Grouping | None = None) -> Any:
    """Share who have ordered again, by days since the first order and by group; answers the Axes.

    ``curves``: a frame from :func:`return_curves` by group; ``test``: its :func:`log_rank`; ``by``: what the
    groups are, for the words. At most seven groups are drawn, the largest.
    """
    title = text.say("When new customers order again")
    named = curves.rename(columns={"cohort": "group"}) if "group" not in curves.columns else curves
    drawn = named[named.day > 0] if len(named) else named
    if drawn.empty:
        return nothing_to_show(title, text.say("Too few customers have ordered a second time to draw a curve."))
    sizes = named[named.day == 0].set_index("group").at_risk.sort_values(ascending=False, kind="stable")
    groups = [g for g in sizes.index if (drawn.group == g).any()][:_MOST_CURVES]
    end = int(drawn[drawn.group.isin(groups)].groupby("group").day.max().median())
    day = min(180, end)
    at = {g: _share_by(named[named.group == g], day) for g in groups}
    groups.sort(key=lambda g: -at[g])
    axes = figures.new_axes()
    for place, group in enumerate(groups):
        curve = named[named.group == group]
        colour = figures.PALETTE[place % len(figures.PALETTE)]
        label = text.say("{group} ({customers})", group=str(group), customers=int(sizes[group]))
        axes.step(curve.day, curve.share, where="post", color=colour, linewidth=1.8, label=label)
        axes.fill_between(curve.day, curve.low, curve.high, step="post", color=colour, alpha=0.12, linewidth=0)
    legend = axes.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=9, frameon=False, title=text.say("Group (customers)")
    )
    for entry in legend.get_texts():
        entry.set_parse_math(False)  # two dollar signs are money, no formula
    figures.percent_axis(axes.yaxis)
    axes.set_xlim(0, end)
    axes.set_ylim(0, min(1.0, 1.1 * float(drawn[drawn.group.isin(groups)].high.max())))
    axes.set_xlabel(text.say("Days since the first order"))
    axes.set_ylabel(text.say("Share who have ordered again"))
    words = {
        "day": day,
        "best": str(groups[0]),
        "high": text.percent(at[groups[0]]),
        "worst": str(groups[-1]),
        "low": text.percent(at[groups[-1]]),
    }
    if len(groups) > 1 and by == "channel":
        reading = text.say(
            "By day {day}, {high} of customers won by “{best}” have ordered again, of those won by “{worst}” {low}. "
            "{test}",
            test=_test_words(test),
            **words,
        )
    elif len(groups) > 1:
        reading = text.say(
            "By day {day}, {high} of the group “{best}” have ordered again, of “{worst}” {low}. {test}",
            test=_test_words(test),
            **words,
        )
    elif len(sizes) > 1:
        reading = text.say("By day {day}, {high} of the group “{best}” have ordered again.", **words)
    else:
        reading = text.say("By day {day}, {high} of new customers have ordered again.", **words)
    return figures.caption(
        axes,
        title=title,
        reading=reading.strip(),
        description=text.say(
            "Step curves (Kaplan–Meier) of the share who have ordered again by days since the first order, with 95% "
            "intervals; groups shown: {count}; by day {day} they lie between {low} (“{worst}”) and {high} (“{best}”).",
            count=len(groups),
            **words,
        ),
    )


def _share_by(curve: Any, day: int) -> float:
    return float(curve[curve.day <= day].share.iloc[-1])


def _test_words(test: dict[str, float] | None) -> str:
    if test is None or test["p"] != test["p"]:
        return ""
    if test["p"] < 0.001:
        return text.say("Differences this large would hardly ever come by chance (log-rank test, p < 0.001).")
    p = text.number(test["p"], digits=3)
    if test["p"] < 0.05:
        return text.say("Differences this large would rarely come by chance (log-rank test, p = {p}).", p=p)
    return text.say("Differences of this size may be chance (log-rank test, p = {p}).", p=p)
