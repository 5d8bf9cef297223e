"""Value tiers and lifecycle stages: thresholds from the client's own rhythm, and everybody in exactly one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.segmentation.quantiles import observed_quantiles
from crmlib.lifecycle.segmentation.rules import RHYTHM, Condition, Rules, Ruling, Threshold, read_rules
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)
FEWEST = 30
REACH = 1.96
"""How many standard errors the intervals of the chapter reach to either side."""


def thresholds(customers: Any, rhythm: Any, *, rules: Rules | None = None) -> Any:
    """The numbers at which the rules draw their lines for this client, one row per threshold.

    Columns: ``threshold``, ``value`` (days, money or purchases), ``low`` and ``high`` (95 % interval; missing where the
    threshold is not read from the rhythm), ``customers`` (that it was read from; missing for fixed ones), ``way`` (how
    it came about: ``fixed``, ``multiple``, ``rhythm``, ``customers``, ``otherwise``), ``horizon_days`` (within which
    those of the rhythm came back), ``reached`` (share of the customers looked at who reach it). Where fewer than 30
    customers have come back, or there is nobody to read a threshold from, its ``otherwise`` is used.
    Quantiles are values that occur; money is rounded to two significant digits.

    The interval turns the one of the share into one of the days (Woodruff 1952); each customer counts as one
    observation, which is cautious for those who came back more than once.

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

    rules = rules or read_rules()
    rhythm = to_pandas(rhythm)
    rows: list[dict[str, Any]] = []
    found: dict[str, dict[str, Any]] = {}
    for name, threshold in rules.thresholds.items():
        values = {known: row["value"] for known, row in found.items()}
        if threshold.value is not None:
            row = {"value": threshold.value, "way": "fixed"}
        elif threshold.times is not None:
            row = _multiple(threshold, found[threshold.of])
        elif threshold.of == RHYTHM:
            row = _from_rhythm(threshold, rhythm)
        else:
            row = _from_customers(threshold, customers, values)
        found[name] = {"threshold": name, **row}
        rows.append(found[name])
    columns = ["threshold", "value", "low", "high", "customers", "way", "horizon_days", "reached"]
    numbers = dict.fromkeys(["value", "low", "high", "horizon_days", "reached"], float)
    return pd.DataFrame(rows).reindex(columns=columns).astype(numbers)


def _at_least(threshold: Threshold, value: float) -> float:
    return value if threshold.at_least is None else max(value, threshold.at_least)


def _multiple(threshold: Threshold, base: Mapping[str, Any]) -> dict[str, Any]:
    times = threshold.times or 0.0
    scaled = {
        key: _at_least(threshold, times * base[key]) for key in ("value", "low", "high") if base.get(key) is not None
    }
    return scaled | {"customers": base.get("customers"), "way": "multiple"}


def _from_rhythm(threshold: Threshold, rhythm: Any) -> dict[str, Any]:
    import numpy as np

    base = float(rhythm.weight.sum())
    share = float(threshold.quantile or 0.0)
    if base < FEWEST:
        return _otherwise(threshold, round(base))
    reached = rhythm.weight.to_numpy().cumsum() / base
    days = rhythm.days_to_return.to_numpy()

    def at(wanted: float) -> float:
        return _at_least(threshold, float(days[min(np.searchsorted(reached, wanted - 1e-9), len(days) - 1)]))

    margin = REACH * float(np.sqrt(share * (1 - share) / base))
    return {
        "value": at(share),
        "low": at(share - margin),
        "high": at(min(1.0, share + margin)),
        "customers": round(base),
        "way": "rhythm",
        "horizon_days": rhythm.horizon_days.iloc[0],
    }


def _otherwise(threshold: Threshold, base: int) -> dict[str, Any]:
    return {"value": threshold.otherwise, "customers": base, "way": "otherwise"}


def _from_customers(threshold: Threshold, customers: Any, values: Mapping[str, float]) -> dict[str, Any]:
    share = float(threshold.quantile or 0.0)
    chosen = _among(customers, condition=threshold.among, values=values)
    base = len(chosen) if hasattr(chosen, "iloc") else int(chosen.count().to_pandas())
    quantile = observed_quantiles(chosen, threshold.of, [share])[0]
    if quantile is None:
        return _otherwise(threshold, base)
    value = _at_least(threshold, quantile)
    return {
        "value": value,
        "customers": base,
        "way": "customers",
        "reached": _reached(chosen, column=threshold.of, value=value) / base,
    }


def _reached(chosen: Any, *, column: str, value: float) -> int:
    reach = chosen[chosen[column] >= value] if hasattr(chosen, "iloc") else chosen.filter(chosen[column] >= value)
    return len(reach) if hasattr(reach, "iloc") else int(reach.count().to_pandas())


@same_kind
def _among(customers: Any, *, condition: Condition, values: Mapping[str, float]) -> Any:
    _check_columns(customers, condition)
    return customers.filter((customers.purchases > 0) & condition.on(customers, values))


def _check_columns(customers: Any, *conditions: Condition) -> None:
    asked = dict.fromkeys(part.column for condition in conditions for part in condition.comparisons())
    lacking = [column for column in asked if column not in customers.columns]
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
    values = {str(row.threshold): float(row.value) for row in thresholds.itertuples()}
    asked = [
        part.bound
        for ruling in (rules.tiers, rules.stages)
        for rule in ruling.rules
        for part in rule.when.comparisons()
    ]
    lacking = list(dict.fromkeys(bound for bound in asked if isinstance(bound, str) and bound not in values))
    if lacking:
        place = _WORDS.say("places.thresholds")
        raise UnusableInput([Problem.said(_WORDS, "no_threshold", place, name) for name in lacking])
    return _assigned(customers, rules=rules, values=values)


@same_kind
def _assigned(customers: Any, *, rules: Rules, values: Mapping[str, float]) -> Any:
    import ibis

    _check_columns(customers, *(rule.when for part in (rules.tiers, rules.stages) for rule in part.rules))
    tier = ibis.ifelse(customers.purchases > 0, _first_that_fits(customers, rules.tiers, values), ibis.null("string"))
    table = customers.mutate(tier=tier, stage=_first_that_fits(customers, rules.stages, values))
    _check_covered(table.filter((table.purchases > 0) & table.tier.isnull()), rules.tiers, values, "tier")
    _check_covered(table.filter(table.stage.isnull()), rules.stages, values, "stage")
    return table.order_by("customer_id")


def _first_that_fits(customers: Any, ruling: Ruling, values: Mapping[str, float]) -> Any:
    import ibis

    return ibis.cases(*((rule.when.on(customers, values), rule.name) for rule in ruling.rules))


@same_kind
def customers_in_tier(customers: Any, *, tier: str, rules: Rules, values: Mapping[str, Mapping[str, float]]) -> Any:
    """Customers and revenue in a tier under several sets of thresholds, in one row: ``…_customers``, ``…_revenue``."""
    _check_columns(customers, *(rule.when for rule in rules.tiers.rules))
    counted = {}
    for name, given in values.items():
        inside = (_first_that_fits(customers, rules.tiers, given) == tier) & (customers.purchases > 0)
        counted[f"{name}_customers"] = customers.count(where=inside)
        counted[f"{name}_revenue"] = customers.revenue_year.sum(where=inside).fill_null(0.0)
    return customers.agg(**counted)


def _check_covered(uncovered: Any, ruling: Ruling, values: Mapping[str, float], kind: str) -> None:
    """Raise if there is anybody, naming the conditions that fail for most of them."""
    comparisons = list(dict.fromkeys(c for rule in ruling.rules for c in rule.when.comparisons()))
    outcome = {f"c{n}": Condition((part,)).on(uncovered, values) for n, part in enumerate(comparisons)}
    patterns = uncovered.mutate(**outcome).group_by(list(outcome)).agg(customers=lambda t: t.count()).to_pandas()
    if patterns.empty:
        return
    most = patterns.sort_values("customers", ascending=False).iloc[0]
    fails = [
        _WORDS.say("places.here", part=str(part), value=f"{part.value(values):g}")
        for n, part in enumerate(comparisons)
        if not most[f"c{n}"]
    ]
    holds = [str(part) for n, part in enumerate(comparisons) if most[f"c{n}"]]
    counts = {"customers": int(patterns.customers.sum()), "most": int(most.customers)}
    key = f"uncovered.{'some' if holds else 'none'}.{kind}"
    place = _WORDS.say("places.rules")
    raise UnusableInput([Problem.said(_WORDS, key, place, f"{kind}s", **counts, fails=fails, holds=holds)])
