"""How often one item comes with another, from period to period, and what a measure of some shops changed in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from crmlib.calendar import Period, as_day, unit_of
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.lifecycle.experiments import staged_effect
from crmlib.statistics import mean_of_sums, wilson

if TYPE_CHECKING:
    from crmlib.lifecycle.growth.rollouts import Rollout

FEWEST_UNITS = 4
EFFECTS = [
    "measure", "item", "other", "kind", "within_days", "units", "treated_units", "observations", "naive", "effect",
    "low", "high", "unit_low", "unit_high", "untreated_year", "value", "value_low", "value_high", "a_year",
    "a_year_low", "a_year_high",
]  # fmt: skip


@same_kind
def attachable(
    baskets: Any,
    *,
    item: str,
    other: str,
    kind: Literal["together", "next"] = "together",
    within_days: int = 120,
) -> Any:
    """Each purchase that could hold the other item, and whether it does: one row per chance.

    ``kind="together"``: orders with ``item``; ``outcome`` is 1 where the same order holds ``other``. ``kind="next"``:
    a customer's orders with ``item`` whose next order comes within ``within_days``; ``outcome`` is 1 where that one
    holds ``other``. Columns: ``order_id, customer_id, ordered_at, day, store, outcome``. pandas or Ibis in, same kind
    out. ``baskets``: from :func:`~crmlib.lifecycle.growth.baskets`.
    """
    import ibis

    columns = ("order_id", "customer_id", "ordered_at", "day", "store")
    # A frame without rows does not say what its columns are.
    baskets = baskets.mutate(day=baskets.day.cast("date"), ordered_at=baskets.ordered_at.cast("timestamp"))
    each = baskets.group_by(*columns).agg(has=(baskets["item"] == item).any(), holds=(baskets["item"] == other).any())
    if kind == "together":
        return each.filter(each.has).select(*columns, outcome=each.holds.cast("int64")).order_by("order_id")
    known = each.filter(each.customer_id.notnull())
    own = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"])
    known = known.mutate(next_at=known.ordered_at.lead().over(own), next_holds=known.holds.lead().over(own))
    wait = known.next_at.delta(known.ordered_at, unit="second")
    kept = known.filter(known.has & (wait <= within_days * 86400))
    return kept.select(*columns, outcome=kept.next_holds.cast("int64")).order_by("order_id")


@same_kind
def attach_rate(chances: Any, *, period: Period | None = None) -> Any:
    """The share of chances that were taken: one row, or one per ``period`` (its first day).

    ``chances``, ``taken``, ``rate`` with Wilson's ``low, high``. ``chances``: from :func:`attachable`. Empty without
    any. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> attach_rate(pd.DataFrame({"day": pd.to_datetime(["2025-01-01"] * 4), "outcome": [1, 0, 0, 0]})).round(3)
       chances  taken  rate    low   high
    0        4      1  0.25  0.046  0.699
    """
    sums = {"chances": chances.count(), "taken": chances.outcome.sum()}
    if period:
        counted = chances.group_by(period=chances.day.truncate(unit_of(period)).cast("date")).agg(**sums)
        counted = counted.order_by("period")
    else:
        counted = chances.agg(**sums)
        counted = counted.filter(counted.chances > 0)
    low, high = wilson(counted.taken, counted.chances.cast("float64"))
    return counted.mutate(rate=counted.taken / counted.chances, low=low, high=high)


def rollout_effect(baskets: Any, rollout: Rollout, *, as_of: Any, margin: float = 1.0, level: float = 0.95) -> Any:
    """What a measure that some shops began earlier, later or never has changed in the share that takes the other item.

    One row (a pandas frame): ``measure, item, other, kind, within_days``; ``naive``: after less before, in the shops
    that have it; ``effect`` with ``low, high`` of :func:`~crmlib.lifecycle.experiments.staged_effect` over shops and
    months, each order for itself, and ``unit_low, unit_high`` with shops for it, which is the more careful of the two
    where shops have good and bad months of their own; ``units, treated_units, observations``; ``untreated_year``:
    chances of the last 365 days in shops without it; ``value`` of one more of the other item (mean amount in an order
    × ``margin``) with its interval; ``a_year``: effect × chances × value, with ``a_year_low, a_year_high`` from the
    effect's interval. Empty where nothing can be compared: fewer than four shops, or all began at once.
    """
    import datetime as dt

    import ibis
    import pandas as pd

    chances = attachable(
        to_ibis(baskets), item=rollout.item, other=rollout.other, kind=rollout.kind, within_days=rollout.within_days
    )
    known = chances.filter(chances.store.isin([*rollout.stores]))
    starts = {store: day for store, day in rollout.stores.items() if day is not None}
    begun: Any = ibis.literal(False)
    for store, day in sorted(starts.items()):
        begun = begun | ((known.store == store) & (known.day >= ibis.literal(as_day(day))))
    counted = known.group_by(unit=known.store, period=known.day.truncate("M").cast("date"), treated=begun).agg(
        observations=known.count(), total=known.outcome.sum(), squares=(known.outcome * known.outcome).sum()
    )
    cells = to_pandas(counted.order_by("unit", "period", "treated"))
    try:
        one, careful = (staged_effect(cells, level=level, errors=kind) for kind in ("observations", "units"))
    except ValueError:  # nobody was untreated while another was treated, or there are fewer than four shops
        return pd.DataFrame(columns=EFFECTS)
    year_ago = ibis.literal(as_day(as_of) - dt.timedelta(days=365))
    idle = to_pandas(known.agg(n=(~begun & (known.day > year_ago)).sum())).n.fillna(0).iloc[0]
    held = to_ibis(baskets)
    held = held.filter(held["item"] == rollout.other)
    powers = {"total": held.amount, "squares": held.amount**2, "cubes": held.amount**3}
    sums = to_pandas(held.agg(n=held.count(), **{name: column.sum() for name, column in powers.items()})).iloc[0]
    value = margin * sums.total / sums.n
    low, high = mean_of_sums(sums.total, sums.squares, sums.n, cubes=sums.cubes)
    return one.assign(
        measure=rollout.name, item=rollout.item, other=rollout.other, kind=rollout.kind,
        within_days=rollout.within_days, unit_low=careful.low, unit_high=careful.high, untreated_year=int(idle),
        value=value, value_low=margin * float(low), value_high=margin * float(high),
        **{f"a_year{end}": one[f"{end[1:]}" if end else "effect"] * int(idle) * value for end in ("", "_low", "_high")},
    )[EFFECTS]  # fmt: skip


@same_kind
def rollout_customers(baskets: Any, *, item: str, idle: tuple[str, ...], as_of: Any, within_days: int = 120) -> Any:
    """Whom a measure that works on the next order could still reach: customers of shops that do not have it yet.

    ``customer_id, bought_on`` of those whose last order, at most ``within_days`` ago and in one of the ``idle`` shops,
    holds ``item``. Sorted. pandas or Ibis in, same kind out.
    """
    import ibis

    columns = ("order_id", "customer_id", "ordered_at", "day", "store")
    each = baskets.filter(baskets.customer_id.notnull()).group_by(*columns).agg(
        has=lambda t: (t["item"] == item).any()
    )  # fmt: skip
    own = ibis.window(group_by="customer_id", order_by=[each.ordered_at.desc(), each.order_id.desc()])
    last = each.mutate(place=ibis.row_number().over(own)).filter(lambda t: t.place == 0)
    age = ibis.literal(as_day(as_of)).delta(last.day, unit="day")
    kept = last.filter(last.has & last.store.isin([*idle]) & (age <= within_days))
    return kept.select("customer_id", bought_on=kept.day).order_by("customer_id")


def pair_to_follow(pairs: Any, measures: Sequence[Rollout]) -> tuple[str, str]:
    """The two items that a chapter follows: those of the first measure, else the pair of the largest sure lift.

    ``pairs``: from :func:`~crmlib.lifecycle.growth.affinities`. Two empty names where there is neither.
    """
    if measures:
        return measures[0].item, measures[0].other
    sure = pairs[(pairs.p_adjusted < 0.05) & (pairs.lift > 1) & (pairs.item_baskets >= pairs.other_baskets)]
    return (str(sure["item"].iloc[0]), str(sure.other.iloc[0])) if len(sure) else ("", "")


def all_effects(effects: Sequence[Any]) -> Any:
    """The rows of :func:`rollout_effect` of several measures in one frame; empty without any."""
    import pandas as pd

    known = [frame for frame in effects if len(frame)]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=EFFECTS)


def idle_before_after(chances: Any, measures: Sequence[Rollout]) -> Any:
    """What before and after says of shops that never began: one row per measure, a pandas frame.

    ``measure``, ``chances_before, rate_before, chances_after, rate_after``; cut on the first day on which any shop
    began. A difference here is nothing that the measure did. ``chances``: from :func:`attachable`.
    """
    import ibis
    import pandas as pd

    rows = []
    for one in measures:
        begun = min(day for day in one.stores.values() if day is not None)
        idle = [store for store, day in one.stores.items() if day is None]
        table = to_ibis(chances)
        table = table.filter(table.store.isin(idle)).mutate(after=lambda t, begun=begun: t.day >= ibis.literal(begun))
        sums = to_pandas(table.group_by("after").agg(n=table.count(), rate=table.outcome.mean())).set_index("after")
        if {True, False} <= set(sums.index):
            rows.append((one.name, *(sums.loc[late, name] for late in (False, True) for name in ("n", "rate"))))
    columns = ["measure", "chances_before", "rate_before", "chances_after", "rate_after"]
    return pd.DataFrame(rows, columns=columns)
