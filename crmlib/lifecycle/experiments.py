"""Experiments: what an action really changed, from random control groups and from staged roll-outs."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from crmlib.engine import same_kind, to_pandas
from crmlib.purchases import contribution, purchases
from crmlib.statistics import difference, mean_of_sums, newcombe

if TYPE_CHECKING:
    import pandas as pd


@same_kind
def second_order_outcomes(orders: Any, *, as_of: Any, within_days: int) -> Any:
    """Whether each new customer ordered again in time, with the shop and the month of the first order.

    One row per customer whose first purchase is at least ``within_days`` old on the day ``as_of``, so that everybody
    had the same time: ``customer_id``, ``store`` (of the first purchase), ``first_day`` (a date), ``month`` (its first
    day), ``outcome`` (1: purchased again on a later day within ``within_days``). pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": 1.0, "store": "S1",
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-01-05"])})
    >>> second_order_outcomes(orders, as_of="2025-12-31", within_days=90).outcome.tolist()
    [1, 0]
    """
    import datetime as dt

    import ibis

    from crmlib.calendar import as_day

    bought = purchases(orders, as_of=as_of, keep=("store",))
    by_time = ibis.window(group_by="customer_id", order_by=["ordered_at", "spend", "store"])
    bought = bought.mutate(first_day=bought.day.min().over(ibis.window(group_by="customer_id")))
    first_store = bought.mutate(nth=ibis.row_number().over(by_time)).filter(lambda t: t.nth == 0)
    later = bought.filter(bought.day > bought.first_day).group_by("customer_id").agg(second_day=lambda t: t.day.min())
    table = first_store.left_join(later, "customer_id")
    followed = as_day(as_of) - dt.timedelta(days=within_days)
    in_time = table.second_day.delta(table.first_day, unit="day") <= within_days
    return (
        table.filter(table.first_day <= ibis.literal(followed))
        .select(
            customer_id=table.customer_id,
            store=table.store,
            first_day=table.first_day,
            month=table.first_day.truncate("M"),
            outcome=in_time.fill_null(False).cast("int64"),
        )
        .order_by("customer_id")
    )


def draw_arms(customer_ids: Iterable[str]) -> list[str]:
    """Who is acted on (``treat``) and who is left alone (``control``): one of each two neighbours, drawn by lot.

    Customers in the order of their value make halves that are worth nearly the same. The lot is a hash of the two ids
    (BLAKE2b), so that the same list has the same halves in every run. Of an odd number, one is drawn on his own. The
    names are those of ``arm`` in the table ``actions``.

    >>> draw_arms(["a", "b", "c", "d"])
    ['control', 'treat', 'treat', 'control']
    """
    ids, arms = list(customer_ids), list[str]()
    for start in range(0, len(ids), 2):
        pair = ids[start : start + 2]
        lot = blake2b("\n".join(pair).encode(), digest_size=1).digest()[0] % 2
        arms += [("treat", "control"), ("control", "treat")][lot][: len(pair)]
    return arms


def staged_effect(
    outcomes: pd.DataFrame, *, level: float = 0.95, errors: Literal["units", "observations"] = "units"
) -> pd.DataFrame:
    """What a measure changed that started in different units (shops) at different times: difference in differences.

    ``outcomes``: one row per observation with ``unit``, ``period``, ``treated`` (whether the measure was running) and
    ``outcome`` (a number, or 0 and 1); or, made by an engine, one row per unit, period and ``treated`` with
    ``observations``, ``total`` and ``squares`` (sums of the outcomes and of their squares). Answers one row:
    ``effect``, ``low``, ``high`` (of the outcome's unit), ``naive`` (treated minus untreated observations of the units
    that were ever treated: what a before/after comparison would claim), ``units``, ``treated_units`` and
    ``observations``.

    The effect is that of least squares with an effect for every unit and every period. Errors are clustered by unit
    and judged by the t distribution with units − 1 degrees of freedom (Cameron & Miller 2015, *A practitioner's guide
    to cluster-robust inference*, section VI): shops, not customers, were assigned. With ``errors="observations"`` each
    observation counts as drawn by itself (White's HC1): right where units differ in nothing but their level, and too
    sure where a unit has good and bad months of its own. It assumes that without the measure all units would have moved
    alike, and that the effect is about the same in each.

    Raises:
        ValueError: no unit is untreated in some period in which another is treated, or fewer than four units.

    >>> import numpy as np, pandas as pd
    >>> grid = pd.MultiIndex.from_product([range(6), range(8), range(20)], names=["unit", "period", "n"])
    >>> table = grid.to_frame(index=False)
    >>> table["treated"] = (table.unit < 3) & (table.period >= 4)
    >>> table["outcome"] = table.unit + 0.1 * table.period + 0.5 * table.treated + 0.01 * (table.n % 2)
    >>> staged_effect(table)[["effect", "naive"]].round(3).values.tolist()
    [[0.5, 0.9]]
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import t as student

    cells = _cells(outcomes)
    units = pd.Index(cells.unit.unique())
    if len(units) < 4:
        raise ValueError(f"a staged roll-out needs at least 4 units to say how sure it is; these are {len(units)}")
    effects = pd.get_dummies(cells[["unit", "period"]].astype("category"), drop_first=True).to_numpy(float)
    constant = np.ones((len(cells), 1))
    size = cells.observations.to_numpy(float)
    weight, mean = np.sqrt(size)[:, None], cells.total.to_numpy(float) / size
    others = np.hstack([constant, effects]) * weight
    treated = cells.treated.to_numpy()[:, None] * weight
    answer = mean[:, None] * weight
    # Frisch-Waugh: what is left of treatment and outcome once units and periods are accounted for.
    treated_left = treated - others @ np.linalg.lstsq(others, treated, rcond=None)[0]
    if float((treated_left**2).sum()) < 1e-9 * float((treated**2).sum() + 1e-300) or not treated.any():
        raise ValueError("no unit was untreated while another was treated, so nothing can be compared")
    answer_left = answer - others @ np.linalg.lstsq(others, answer, rcond=None)[0]
    spread = float((treated_left**2).sum())
    effect = float((treated_left * answer_left).sum()) / spread
    residual = answer_left - effect * treated_left
    count, columns = int(size.sum()), others.shape[1] + 1
    if errors == "units":
        scores = (treated_left * residual).ravel()
        clusters = np.array([scores[(cells.unit == unit).to_numpy()].sum() for unit in units])
        correction = len(units) / (len(units) - 1) * (count - 1) / (count - columns)
        meat, reach = (clusters**2).sum(), student.ppf(0.5 + level / 2, len(units) - 1)
    else:
        # Squared residuals of a cell's observations: those of its mean, and what varies within it.
        within = np.maximum(cells.squares.to_numpy(float) - size * mean**2, 0.0)
        correction = count / (count - columns)
        meat = ((treated_left.ravel() ** 2 / size) * (residual.ravel() ** 2 + within)).sum()
        reach = student.ppf(0.5 + level / 2, count - columns)
    reach = float(reach) * float(np.sqrt(correction * meat)) / spread
    ever = cells[cells.unit.isin(cells.loc[cells.treated > 0, "unit"].unique())]
    sums = ever.groupby("treated")[["total", "observations"]].sum()
    means = sums.total / sums.observations
    return pd.DataFrame(
        {
            "effect": [effect],
            "low": [effect - reach],
            "high": [effect + reach],
            "naive": [means.get(1.0, np.nan) - means.get(0.0, np.nan)],
            "units": [len(units)],
            "treated_units": [ever.unit.nunique()],
            "observations": [count],
        }
    )


def _cells(outcomes: pd.DataFrame) -> pd.DataFrame:
    """One row per unit, period and treatment, with ``observations, total, squares``."""
    if "observations" in outcomes.columns:
        return outcomes.assign(treated=outcomes.treated.astype(float)).reset_index(drop=True)
    outcome = outcomes.outcome.astype(float)
    table = outcomes.assign(treated=outcomes.treated.astype(float), total=outcome, squares=outcome**2)
    sums = {"observations": ("total", "size"), "total": ("total", "sum"), "squares": ("squares", "sum")}
    return table.groupby(["unit", "period", "treated"], sort=True).agg(**sums).reset_index()


def play_effect(
    actions: Any, orders: Any, *, within_days: int, as_of: Any, margin: float = 1.0, level: float = 0.95
) -> pd.DataFrame:
    """What each play changed: customers who were treated against those whom chance left untreated.

    ``actions`` and ``orders`` are contract tables (pandas or Ibis). One row per play that has both arms:

    - ``play``, ``within_days``, ``treated``, ``control`` (assignments followed for all of ``within_days`` by the day
      ``as_of``);
    - ``treated_rate``, ``control_rate`` (share with a purchase within ``within_days`` of ``assigned_at``), ``effect``
      with ``low`` and ``high``: Newcombe's interval for a difference of proportions (1998, *Statistics in Medicine* 17,
      method 10);
    - ``treated_profit``, ``control_profit``: what is left of these purchases (spend less cost, or times ``margin``),
      less the cost of the action, per assignment in the client's currency; ``profit`` their difference, with
      ``profit_low`` and ``profit_high``, from the interval of each mean;
    - ``treated_year``, ``cost_year``: assignments to the action in the last 365 days, and what they cost;
    - ``last_on``: the day of the last assignment to the action, ``runs``: whether that is at most 31 days before
      ``as_of``;
    - ``drawn``: whether the arms may have been drawn by lot. They may not if they came at other times (of each month,
      another share was treated), or had bought more or less often before, by more than chance does in one of 1,000
      tests. A staged start, or a list of the best customers, is no test.

    Everybody assigned counts in the arm that chance drew, whether or not the action was done.
    """
    import pandas as pd

    from crmlib.calendar import as_day

    table = to_pandas(_responses(actions, orders, within_days=within_days, as_of=as_of, margin=margin))
    last_on = table[table.arm == "treat"].groupby("play").last_on.max().map(as_day)
    rows = []
    for play, months in table.groupby("play"):
        arms = months.drop(columns=["play", "month", "last_on"]).groupby("arm").sum()
        if not {"treat", "control"} <= set(arms.index[arms.assigned > 0]):
            continue
        treated, control = arms.loc["treat"], arms.loc["control"]
        low, high = newcombe(treated.responses, treated.assigned, control.responses, control.assigned, level=level)
        rates = treated.responses / treated.assigned, control.responses / control.assigned
        ranges = [
            mean_of_sums(arm.profit, arm.profit_squares, arm.assigned, cubes=arm.profit_cubes, level=level)
            for arm in (treated, control)
        ]
        means = [arm.profit / arm.assigned for arm in (treated, control)]
        profit_low, profit_high = difference(means[0], ranges[0], means[1], ranges[1])
        rows.append(
            (
                play, within_days, int(treated.assigned), int(control.assigned), *rates, rates[0] - rates[1], low, high,
                *means, means[0] - means[1], float(profit_low), float(profit_high), int(treated.assigned_year),
                treated.cost_year, _may_be_drawn(months, treated, control), last_on[play],
                (as_day(as_of) - last_on[play]).days <= _RUNS,
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=_EFFECT).astype({"drawn": bool, "runs": bool})


_EFFECT = [
    "play", "within_days", "treated", "control", "treated_rate", "control_rate", "effect", "low", "high",
    "treated_profit", "control_profit", "profit", "profit_low", "profit_high", "treated_year", "cost_year", "drawn",
    "last_on", "runs",
]  # fmt: skip
_YEAR = 365
_RUNS = 31
_NOT_BY_LOT = 0.001


def _may_be_drawn(months: pd.DataFrame, treated: Any, control: Any) -> bool:
    """Whether the arms are as alike, in when they came and how often they had bought, as a lot makes them."""
    import numpy as np
    from scipy.special import ndtr
    from scipy.stats import chi2_contingency

    counts = months.pivot_table(index="arm", columns="month", values="assigned", aggfunc="sum", fill_value=0)
    counts = counts.loc[:, counts.sum() > 0]
    by_time = chi2_contingency(counts, correction=False).pvalue if counts.shape[1] > 1 else 1.0
    means = [arm.earlier / arm.assigned for arm in (treated, control)]
    spreads = [
        (arm.earlier_squares / arm.assigned - mean**2) / arm.assigned
        for arm, mean in zip((treated, control), means, strict=True)
    ]
    error = np.sqrt(max(sum(spreads), 0.0))
    by_history = 2 * ndtr(-abs(means[0] - means[1]) / error) if error > 0 else float(means[0] == means[1])
    return bool(2 * min(by_time, by_history) >= _NOT_BY_LOT)


@same_kind
def _responses(actions: Any, orders: Any, *, within_days: int, as_of: Any, margin: float) -> Any:
    """Per play, arm and month of the assignment: those followed long enough, with sums of what they bought.

    ``assigned``, ``responses`` (with a purchase in time), ``profit, profit_squares, profit_cubes`` (after the action's
    cost), ``earlier, earlier_squares`` (purchases before); of all, followed or not, ``assigned_year, cost_year`` and
    ``last_on``, the day of the last.
    """
    import datetime as dt

    import ibis

    from crmlib.calendar import as_day

    end = dt.datetime.combine(as_day(as_of), dt.time()) + dt.timedelta(days=1)
    cost = actions.cost.cast("float64").fill_null(0.0) if "cost" in actions.columns else ibis.literal(0.0)
    assigned = actions.filter(actions.assigned_at < ibis.literal(end)).select(
        "action_id", "play", "arm", "customer_id", "assigned_at", paid=cost
    )
    bought = purchases(orders, as_of=as_of, keep=("cost",))
    bought = bought.select("customer_id", "ordered_at", left=contribution(bought, margin=margin))
    pairs = assigned.select("action_id", "customer_id", "assigned_at").join(bought, "customer_id")
    lag = pairs.ordered_at.delta(pairs.assigned_at, unit="second")
    in_time = (lag >= 0) & (lag < within_days * 86400)
    found = pairs.group_by("action_id").agg(
        orders=pairs.count(where=in_time), left=pairs.left.sum(where=in_time), earlier=pairs.count(where=lag < 0)
    )
    each = assigned.left_join(found, "action_id")
    followed = each.assigned_at <= ibis.literal(end - dt.timedelta(days=within_days))
    this_year = (each.arm == "treat") & (each.assigned_at >= ibis.literal(end - dt.timedelta(days=_YEAR)))
    each = each.mutate(
        month=each.assigned_at.truncate("M"),
        profit=each.left.fill_null(0.0) - each.paid,
        earlier=each.earlier.fill_null(0).cast("float64"),
        followed=followed,
        this_year=this_year,
    )
    sums = {name: each[name].sum(where=each.followed).fill_null(0.0) for name in ("profit", "earlier")}
    squares = {f"{name}_squares": (each[name] * each[name]).sum(where=each.followed).fill_null(0.0) for name in sums}
    cubes = (each.profit * each.profit * each.profit).sum(where=each.followed).fill_null(0.0)
    return (
        each.group_by("play", "arm", "month")
        .agg(
            assigned=each.followed.sum(),
            responses=(each.followed & (each.orders.fill_null(0) > 0)).sum(),
            assigned_year=each.this_year.sum(),
            cost_year=each.paid.sum(where=each.this_year).fill_null(0.0),
            last_on=each.assigned_at.max().cast("date"),
            **sums,
            **squares,
            profit_cubes=cubes,
        )
        .order_by("play", "arm", "month")
    )


FEWEST_TO_COMPARE = 30
"""So many customers on either side are enough to compare what one of them costs."""


def enough_to_compare(moved: float, *costs: float) -> bool:
    """Whether so much money wins, and loses, enough customers to compare what one costs (client's currency).

    ``costs``: of a new customer where the money is taken from, and where it goes.

    >>> enough_to_compare(1786.0, 144.0, 62.0), enough_to_compare(4465.0, 144.0, 62.0)
    (False, True)
    """
    return all(moved >= FEWEST_TO_COMPARE * cost for cost in costs)
