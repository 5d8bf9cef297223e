"""Value tiers and lifecycle stages: thresholds from the client's own rhythm, and everybody in exactly one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from crmlib.calendar import as_day
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.lifecycle.segmentation.activity import as_rules_count, customer_activity, purchase_rhythm
from crmlib.lifecycle.segmentation.quantiles import observed_quantiles
from crmlib.lifecycle.segmentation.rules import RHYTHM, Comparison, Rules, Ruling, Threshold, read_rules
from crmlib.problems import Problem, UnusableInput
from crmlib.statistics import wilson
from crmlib.words import Words

_WORDS = Words(__file__)
FEWEST = 30
REACH = 1.96
"""How many standard errors the intervals of the chapter reach to either side."""


def thresholds(customers: Any, rhythm: Any, *, rules: Rules | None = None) -> Any:
    """The numbers at which the rules draw their lines for this client, one row per threshold.

    Columns: ``threshold``, ``value`` (days, money or purchases), ``low`` and ``high`` (95 % interval; missing where the
    threshold is not read from the rhythm), ``customers`` (that it was read from; missing for fixed ones), ``way`` (how
    it came about: ``fixed``, ``multiple``, ``rhythm``, ``raised``, ``customers``, ``otherwise``), ``horizon_days``
    (within which those of the rhythm came back), ``reached`` (share of the customers looked at who reach it). Where
    fewer than 30 customers have come back, or there is nobody to read a threshold from, its ``otherwise`` is used.
    Quantiles are values that occur; money is rounded to two significant digits.

    A quantile of returns is no line of silence where customers buy in bursts: most returns are of the same burst, and
    nearly everybody beyond the line comes for the next one. So a threshold with ``back_at_most`` is ``raised`` to the
    first day at which at most that share of those whose silence grew longer came back within the horizon after it, and
    after which the share is not above it beyond chance (95 %). ``silent`` says how many customers that was read from,
    ``back`` (``back_low``, ``back_high``: 95 % Wilson interval) which share of them came back. Days whose silence fewer
    than 30 customers reached say nothing. Where even the last day that says something is not late enough, the line
    comes after it, and ``back``, which is of that day, is above what was asked for.

    The interval turns the one of the share into one of the days (Woodruff 1952); each customer counts as one
    observation, which is cautious for those who came back more than once. That of a raised threshold goes from the
    first day at which the share may be low enough to the first at which it is so beyond chance. The share promised
    is that of a steady base: where more and more new customers come, or fewer, another share may come back.

    Args:
        customers: from :func:`customer_activity`, pandas or Ibis.
        rhythm: from :func:`purchase_rhythm`, pandas or Ibis.
        rules: from :func:`read_rules`; without them the kit's own.

    >>> import pandas as pd
    >>> rhythm = pd.DataFrame({"days_to_return": [10, 20, 30], "returns": 1, "weight": [30.0, 30.0, 40.0],
    ...     "horizon_days": 365})
    >>> customers = pd.DataFrame({"recency_days": [5, 50], "purchases": [2, 1], "purchases_year": [2, 1],
    ...     "revenue_year": [50.0, 20.0]})
    >>> thresholds(customers, rhythm)[["threshold", "value", "low", "high"]].head(3)
            threshold  value   low  high
    0    usual_return   20.0  20.0  20.0
    1  sleeping_after   30.0  30.0  30.0
    2      lost_after   60.0  60.0  60.0
    """
    import pandas as pd

    rhythm = to_pandas(rhythm)
    found: dict[str, dict[str, Any]] = {}
    for name, threshold in (rules or read_rules()).thresholds.items():
        if threshold.value is not None:
            row: dict[str, Any] = {"value": threshold.value, "way": "fixed"}
        elif threshold.times is not None:
            base = found[threshold.of]
            parts = [part for part in ("value", "low", "high") if part in base]
            row = {part: _at_least(threshold, threshold.times * base[part]) for part in parts}
            row |= {"customers": base.get("customers"), "way": "multiple"}
        elif threshold.of == RHYTHM:
            row = _from_rhythm(threshold, rhythm)
        else:
            row = _from_customers(threshold, customers, {known: row["value"] for known, row in found.items()})
        found[name] = {"threshold": name, **row}
    columns = [
        "threshold", "value", "low", "high", "customers", "way", "horizon_days", "reached", "silent", "back",
        "back_low", "back_high",
    ]  # fmt: skip
    numbers = dict.fromkeys(set(columns) - {"threshold", "customers", "way", "silent"}, float)
    return pd.DataFrame(list(found.values())).reindex(columns=columns).astype(numbers)


def silent_after(
    orders: Any, customers: Any = None, *, as_of: Any, rules: Rules | None = None, earlier: Any = None
) -> int:
    """After how many days without a purchase a customer is silent: the one line of all chapters.

    It is the threshold ``sleeping_after`` of the rules; where a client's rules have none, that of the kit's. Rules may
    read it from the customers, so that it takes the same as :func:`customer_activity`.

    >>> import pandas as pd
    >>> days = [pd.Timestamp("2024-01-01") + pd.Timedelta(days=20 * n) for n in range(30)]
    >>> orders = pd.DataFrame({"customer_id": "a", "amount": 1.0, "ordered_at": days})
    >>> silent_after(orders, as_of="2025-12-31")
    180
    """
    rules = rules or read_rules()
    drawn = rules if "sleeping_after" in rules.thresholds else read_rules()
    as_of = as_day(as_of)
    activity = customer_activity(orders, customers, as_of=as_of, earlier=earlier)
    rhythm = purchase_rhythm(orders, as_of=as_of)
    return round(values_of(thresholds(activity, rhythm, rules=drawn))["sleeping_after"])


def values_of(thresholds: Any) -> dict[str, float]:
    """The values of the thresholds by name."""
    return thresholds.set_index("threshold").value.astype(float).to_dict()


def _at_least(threshold: Threshold, value: float) -> float:
    return value if threshold.at_least is None else max(value, threshold.at_least)


def _from_rhythm(threshold: Threshold, rhythm: Any) -> dict[str, Any]:
    import numpy as np

    share = float(threshold.quantile or 0.0)
    base = float(rhythm.weight.sum())
    if base < FEWEST:
        return _checked(_otherwise(threshold, round(base)), rhythm, threshold.back_at_most)
    margin = REACH * float(np.sqrt(share * (1 - share) / base))
    wanted = np.array([share, share - margin, min(1.0, share + margin)])
    reached = rhythm.weight.to_numpy().cumsum() / base
    days = rhythm.days_to_return.to_numpy()[np.searchsorted(reached[:-1], wanted - 1e-9)]
    value, low, high = (_at_least(threshold, float(day)) for day in days)
    row = {"value": value, "low": low, "high": high, "customers": round(base), "way": "rhythm"}
    return _checked(row | {"horizon_days": rhythm.horizon_days.iloc[0]}, rhythm, threshold.back_at_most)


def _checked(row: dict[str, Any], rhythm: Any, at_most: float | None) -> dict[str, Any]:
    """The row of a threshold that was found, raised where more than this share of those beyond it come back."""
    import numpy as np

    if at_most is None or rhythm.empty or "silent" not in rhythm.columns:
        return row
    # The counts of the last row before a day are those of the day.
    after = rhythm[rhythm.days_to_return.shift(-1, fill_value=np.inf) > row["value"]]
    days = np.maximum(after.days_to_return.to_numpy(dtype=float), row["value"])
    judged = (after.silent >= FEWEST).to_numpy()
    base = after.silent.clip(lower=1)
    share = (after.came_back / base).to_numpy()
    low, high = (np.asarray(bound) for bound in wilson(after.came_back, base))
    too_early, last = np.flatnonzero(judged & (low > at_most)), len(days) - 1
    possible = min(int(too_early[-1]) + 1 if len(too_early) else 0, last)

    def first(late_enough: Any) -> int:
        """The first day of those possible that is late enough, or about which nothing is known."""
        found = np.flatnonzero((late_enough | ~judged)[possible:])
        return possible + int(found[0]) if len(found) else last

    at = first(share <= at_most)
    known = np.flatnonzero(judged[: at + 1])
    if not len(known):
        return row
    told = known[-1]
    row |= {"silent": int(base.iloc[told]), "back": share[told], "back_low": low[told], "back_high": high[told]}
    row["horizon_days"] = rhythm.horizon_days.iloc[0]
    if at == 0:
        return row
    return row | {"value": days[at], "low": days[possible], "high": days[first(high <= at_most)], "way": "raised"}


def _otherwise(threshold: Threshold, base: int) -> dict[str, Any]:
    return {"value": threshold.otherwise, "customers": base, "way": "otherwise"}


def _from_customers(threshold: Threshold, customers: Any, values: Mapping[str, float]) -> dict[str, Any]:
    known, share = as_rules_count(to_ibis(customers)), float(threshold.quantile or 0.0)
    _check_columns(known, threshold.among.comparisons())
    chosen = known.filter((known.purchases > 0) & threshold.among.on(known, values))
    base = int(chosen.count().to_pandas())
    quantile = observed_quantiles(chosen, threshold.of, [share])[0]
    if quantile is None:
        return _otherwise(threshold, base)
    value = _at_least(threshold, quantile)
    reached = int(chosen.count(where=chosen[threshold.of] >= value).to_pandas())
    return {"value": value, "customers": base, "way": "customers", "reached": reached / base}


def _check_columns(customers: Any, comparisons: Iterable[Comparison]) -> None:
    lacking = [name for name in dict.fromkeys(one.column for one in comparisons) if name not in customers.columns]
    if lacking:
        place, known = _WORDS.say("places.rules"), list(customers.columns)
        raise UnusableInput([Problem.said(_WORDS, "lacking", place, column, known=known) for column in lacking])


def segments(customers: Any, thresholds: Any, *, rules: Rules | None = None) -> Any:
    """The customers with their ``tier`` (missing for those who never bought) and ``stage``, by the rules.

    All columns of ``customers`` stay. Rules are tried from the top and the first that fits decides, so nobody is in two
    segments; that everybody is in one is checked. With thresholds from another date, the dates compare like with like.
    pandas or Ibis in, same kind out.

    Raises:
        UnusableInput: some customers fit no rule (the message names how many, and which conditions fail for them), or a
            rule asks for a column that is not there.

    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "recency_days": [5, 500], "tenure_days": [90, 500],
    ...     "purchases": [3, 1], "purchases_year": [3, 0], "revenue_year": [90.0, 0.0]})
    >>> lines = pd.DataFrame({"threshold": ["usual_return", "sleeping_after", "lost_after", "high_spend", "frequent",
    ...     "established"], "value": [30.0, 120.0, 240.0, 80.0, 2.0, 4.0]})
    >>> segments(customers, lines)[["customer_id", "tier", "stage"]]
      customer_id      tier    stage
    0           a      core  growing
    1           b  sleeping     lost
    """
    rules = rules or read_rules()
    values = values_of(thresholds)
    bounds = [one.bound for one in (*rules.tiers.comparisons(), *rules.stages.comparisons())]
    lacking = list(dict.fromkeys(bound for bound in bounds if isinstance(bound, str) and bound not in values))
    if lacking:
        place = _WORDS.say("places.thresholds")
        raise UnusableInput([Problem.said(_WORDS, "no_threshold", place, name) for name in lacking])
    return _assigned(customers, rules=rules, values=values)


@same_kind
def _assigned(customers: Any, *, rules: Rules, values: Mapping[str, float]) -> Any:
    import ibis

    _check_columns(customers, [*rules.tiers.comparisons(), *rules.stages.comparisons()])
    counted = as_rules_count(customers)
    tier = ibis.ifelse(counted.purchases > 0, rules.tiers.first_that_fits(counted, values), ibis.null("string"))
    table = counted.mutate(tier=tier, stage=rules.stages.first_that_fits(counted, values))
    uncovered = {"tier": (table.purchases > 0) & table.tier.isnull(), "stage": table.stage.isnull()}
    counts = to_pandas(table.agg(**{kind: table.count(where=lacks) for kind, lacks in uncovered.items()}))
    for kind, ruling in (("tier", rules.tiers), ("stage", rules.stages)):
        if counts[kind][0]:
            _refuse_uncovered(table.filter(uncovered[kind]), ruling, values, kind)
    if "is_earlier" in table.columns:
        table = table.mutate(purchases=table.purchases - table.is_earlier.cast("int64"))
    return table.order_by("customer_id")


@same_kind
def customers_in_tier(customers: Any, *, tier: str, rules: Rules, values: Mapping[str, float]) -> Any:
    """The ``customers`` in a tier and their ``revenue_year``, in one row. ``values``: of the thresholds, by name."""
    _check_columns(customers, rules.tiers.comparisons())
    customers = as_rules_count(customers)
    inside = customers.filter((customers.purchases > 0) & (rules.tiers.first_that_fits(customers, values) == tier))
    return inside.agg(customers=inside.count(), revenue_year=inside.revenue_year.sum().fill_null(0.0))


def _refuse_uncovered(uncovered: Any, ruling: Ruling, values: Mapping[str, float], kind: str) -> NoReturn:
    """Say which conditions fail for most of those whom no rule fits."""
    comparisons = ruling.comparisons()
    outcome = {f"c{n}": part.on(uncovered, values) for n, part in enumerate(comparisons)}
    counted = uncovered.mutate(**outcome).group_by(list(outcome)).agg(customers=lambda t: t.count())
    patterns = counted.order_by(counted.customers.desc(), *outcome).to_pandas()
    most = patterns.iloc[0]
    holds = [str(part) for n, part in enumerate(comparisons) if most[f"c{n}"]]
    others = [part for part in comparisons if str(part) not in holds]
    fails = [_WORDS.say("places.here", part=str(part), value=f"{part.value(values):g}") for part in others]
    counts = {"customers": int(patterns.customers.sum()), "most": int(most.customers)}
    key = f"uncovered.{'some' if holds else 'none'}.{kind}"
    place = _WORDS.say("places.rules")
    raise UnusableInput([Problem.said(_WORDS, key, place, f"{kind}s", **counts, fails=fails, holds=holds)])
