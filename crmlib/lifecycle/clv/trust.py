"""How far the model is to be trusted with money: the verdict of the time held out, which all findings carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from crmlib.lifecycle.clv.opportunity_time import FEWEST_MONTHS
from crmlib.lifecycle.clv.ranking import RULES
from crmlib.models.time_units import DAYS_PER_UNIT
from crmlib.words import Words

if TYPE_CHECKING:
    from crmlib.lifecycle.clv.fitting import FittedModels

words = Words(__file__)

# How far the model may miss the orders of the holdout before its totals are not to be planned with.
TOLERABLE_MISS = 0.10
# Beyond this, if it is not chance, the model has failed.
FAILED_MISS = 0.20
# With fewer orders, expected and actual, a holdout tells nothing.
FEWEST_ORDERS = 30
# From this shape of the gaps between orders on (1: random times), a silence says much more than the model thinks.
REGULAR = 2.0
HORIZON_WEEKS = 365 / DAYS_PER_UNIT["weeks"]
WEEKS_A_MONTH = HORIZON_WEEKS / 12


@dataclass(frozen=True)
class Trust:
    """Whether money may be put on what the model says, and what is known of it.

    ``verdict``: one of ``verdicts`` in the words, with its ``values``; ``money``: whether money may be named;
    ``rough``: whether a weak prior was needed; ``regular``: whether customers order far more regularly than the model
    takes it; ``season``: the effect of the season that was taken out (:class:`~crmlib.lifecycle.clv.Season`), 0 for
    none; ``season_unknown``: whether the data are too short to tell one.
    """

    verdict: str = "untested"
    values: Mapping[str, float] = field(default_factory=dict)
    money: bool = True
    rough: bool = False
    regular: bool = False
    season: float = 0.0
    season_unknown: bool = False

    @property
    def said(self) -> list[str]:
        """What is known of the model, in whole sentences."""
        known = {
            "rough": self.rough, "regular": self.regular, "season.high": self.season > 0, "season.low": self.season < 0,
            "season.unknown": self.season_unknown,
        }  # fmt: skip
        values = {**self.values, "season": abs(self.season), "months": FEWEST_MONTHS}
        return [words.say(f"verdicts.{name}", values) for name in (self.verdict, *(n for n in known if known[n]))]


# What is known of a model of which nothing was tested.
UNTESTED = Trust()


def is_test(total: pd.DataFrame) -> bool:
    """Whether enough orders were expected or came in the time held out to judge by.

    ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`, empty without a holdout.

    >>> is_test(pd.DataFrame({"expected_orders": [50.0], "actual_orders": [0.0]}))
    True
    """
    if total.empty:
        return False
    one = total.iloc[0]
    return bool(one["expected_orders"] > 0 and max(one["expected_orders"], one["actual_orders"]) >= FEWEST_ORDERS)


def within_chance(total: pd.DataFrame) -> bool:
    """Whether as many orders came in the time held out as chance allows."""
    one = total.iloc[0]
    return bool(one["expected_low"] <= one["actual_orders"] <= one["expected_high"])


def within(total: pd.DataFrame) -> str:
    """How the orders of the holdout lie to the forecast: "chance", "small" (beyond chance, but little) or "changed".

    ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`, not empty.
    """
    if within_chance(total):
        return "chance"
    return "small" if abs(float(total["missed"].iloc[0])) < TOLERABLE_MISS else "changed"


def better_rule(baselines: pd.DataFrame) -> tuple[pd.Series, bool]:
    """The simple rule with the smaller error, and whether it surely forecast better than the model.

    ``baselines``: from :func:`~crmlib.lifecycle.clv.baseline_comparison`. A rule without any error is surely
    better than a model with one, though no share of its error can be told.
    """
    rules = baselines[baselines["method"].isin(RULES)]
    rule = rules.sort_values("root_mean_squared_error", kind="stable").iloc[0]
    errors = rule["root_mean_squared_error"], baselines["root_mean_squared_error"].iloc[0]
    return rule, bool(rule["saved_high"] < 0 or errors[0] == 0 < errors[1])


def trust_in_model(
    total: pd.DataFrame | None = None,
    baselines: pd.DataFrame | None = None,
    *,
    fitted: FittedModels | None = None,
    history_weeks: float | None = None,
    timing: pd.DataFrame | None = None,
) -> Trust:
    """Whether money may be put on the model's forecast of the next 12 months, and why, or why not.

    ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`, ``baselines``: from
    :func:`~crmlib.lifecycle.clv.baseline_comparison`, both empty or None without a holdout; ``fitted``: the models, to
    say so where they needed a weak prior; ``history_weeks``: from the first order to today; ``timing``: from
    :func:`~crmlib.lifecycle.clv.regularity`, to say so where customers order surely more regularly than random. Where
    money is named, it is said what season was taken out, or that the data are too short to tell one. No
    money where the model failed (more than a fifth off and beyond chance, or a simple rule surely better), nor where it
    could not be tested and has seen less than the 12 months that it forecasts.

    >>> trust_in_model(history_weeks=20.0).said
    ['Twelve months are forecast from 20 weeks of data, untested: no money is put on it.']
    """
    verdict, values, money = _verdict(total, baselines, history_weeks)
    regular = timing is not None and bool((timing["low"] > REGULAR).any())
    season = 0.0 if fitted is None or fitted.season is None else fitted.season.effect
    short = history_weeks is not None and history_weeks < FEWEST_MONTHS * WEEKS_A_MONTH
    rough = fitted is not None and fitted.weak_prior
    return Trust(verdict, values, money, rough, regular, season if money else 0.0, money and short and not season)


def _verdict(
    total: pd.DataFrame | None, baselines: pd.DataFrame | None, history_weeks: float | None
) -> tuple[str, dict[str, float], bool]:
    """Which verdict, the values of its sentence, and whether money may be named."""
    if total is None or not is_test(total):
        if history_weeks is not None and history_weeks < HORIZON_WEEKS:
            return "too_short", {"weeks": int(history_weeks)}, False
        return "untested", {}, True
    one = total.iloc[0]
    missed, within = float(one["missed"]), within_chance(total)
    values = {"actual": one["actual_orders"], "expected": one["expected_orders"], "missed": abs(missed)}
    more = "more" if missed > 0 else "fewer"
    if not within and abs(missed) > FAILED_MISS:
        return "failed", values, False
    if baselines is not None and len(baselines) and better_rule(baselines)[1]:
        return "worse_than_rule", values, False
    if not within:
        return ("reserve" if abs(missed) >= TOLERABLE_MISS else "narrow") + f".{more}", values, True
    return ("as_forecast" if round(abs(missed), 2) == 0 else f"chance.{more}"), values, True
