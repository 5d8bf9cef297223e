"""How far the model is to be trusted with money: the verdict of the time held out, which all findings carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.lifecycle.clv.model_names import RULES
from crmlib.models.time_units import DAYS_PER_UNIT

if TYPE_CHECKING:
    from crmlib.lifecycle.clv.fitting import FittedModels

# How far the model may miss the orders of the holdout before its totals are not to be planned with.
TOLERABLE_MISS = 0.10
# Beyond this, if it is not chance, the model has failed.
FAILED_MISS = 0.20
# With fewer orders, expected and actual, a holdout tells nothing.
FEWEST_ORDERS = 30
# From this shape of the gaps between orders on (1: random times), a silence says much more than the model thinks.
REGULAR = 2.0
HORIZON_WEEKS = 365 / DAYS_PER_UNIT["weeks"]


@dataclass(frozen=True)
class Trust:
    """Whether money may be put on what the model says, and in words what is known of it."""

    said: str
    money: bool = True
    regular: bool = False  # whether customers order far more regularly than the model takes it


def is_test(total: pd.DataFrame | None) -> bool:
    """Whether enough orders were expected or came in the time held out to judge by.

    ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`; None without a holdout.

    >>> is_test(pd.DataFrame({"expected_orders": [50.0], "actual_orders": [0.0]}))
    True
    """
    if total is None:
        return False
    one = total.iloc[0]
    return bool(one["expected_orders"] > 0 and max(one["expected_orders"], one["actual_orders"]) >= FEWEST_ORDERS)


def within_chance(total: pd.DataFrame) -> bool:
    """Whether as many orders came in the time held out as chance allows."""
    one = total.iloc[0]
    return bool(one["expected_low"] <= one["actual_orders"] <= one["expected_high"])


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
    :func:`~crmlib.lifecycle.clv.baseline_comparison`, where there was a holdout; ``fitted``: the models, to
    say so where they needed a weak prior; ``history_weeks``: from the first order to today; ``timing``: from
    :func:`~crmlib.lifecycle.clv.regularity`, to say so where customers order surely more regularly than random. No
    money where the model failed (more than a fifth off and beyond chance, or a simple rule surely better), nor where it
    could not be tested and has seen less than the 12 months that it forecasts.

    >>> trust_in_model(history_weeks=20.0)
    Trust(said='Twelve months are forecast from 20 weeks of data, untested: no money is put on it.', money=False,
          regular=False)
    """
    verdict = _verdict(total, baselines, history_weeks)
    regular = timing is not None and bool(timing["low"].iloc[0] > REGULAR)
    said = [verdict.said]
    if fitted is not None and fitted.weak_prior:
        said.append(
            text.say(
                "Take it as rough: the data alone did not settle the model, so a weak prior from typical customer "
                "bases was used."
            )
        )
    if regular:
        said.append(
            text.say(
                "Customers order far more regularly than the model takes it: who is overdue is less likely still a "
                "customer than it says."
            )
        )
    return Trust(" ".join(said), verdict.money, regular)


def _verdict(total: pd.DataFrame | None, baselines: pd.DataFrame | None, history_weeks: float | None) -> Trust:
    if total is None or not is_test(total):
        if history_weeks is not None and history_weeks < HORIZON_WEEKS:
            return Trust(
                text.say(
                    "Twelve months are forecast from {weeks} weeks of data, untested: no money is put on it.",
                    weeks=int(history_weeks),
                ),
                money=False,
            )
        return Trust(
            text.say("It could not be tested on a time held out, and holds only while the business stays as it is.")
        )
    missed, within = float(total["missed"].iloc[0]), within_chance(total)
    values = {
        "actual": text.number(total["actual_orders"].iloc[0]),
        "expected": text.number(total["expected_orders"].iloc[0]),
        "missed": text.percent(abs(missed)),
        "more": text.say("more") if missed > 0 else text.say("fewer"),
    }
    if not within and abs(missed) > FAILED_MISS:
        return Trust(
            text.say(
                "Tested on a time held out, the model failed: {actual} orders came where it expected {expected}, more "
                "of a difference than chance makes. So no money is put on it.",
                **values,
            ),
            money=False,
        )
    if baselines is not None and better_rule(baselines)[1]:
        return Trust(
            text.say(
                "Tested on a time held out, the model failed: customer by customer, a simple rule surely forecast "
                "better. So no money is put on it."
            ),
            money=False,
        )
    if not within and not abs(missed) < TOLERABLE_MISS:
        return Trust(
            text.say(
                "On a time held out, {missed} {more} orders came than forecast, more of a difference than chance "
                "makes: plan with a reserve.",
                **values,
            )
        )
    if not within:
        return Trust(
            text.say(
                "It holds if the business stays as it is and the model is right; on a time held out, {missed} {more} "
                "orders came than forecast, a bit more of a difference than chance makes: read the interval wider.",
                **values,
            )
        )
    if values["missed"] == text.percent(0.0):
        return Trust(
            text.say("It holds if the business stays as it is; on a time held out, as many orders came as forecast.")
        )
    return Trust(
        text.say(
            "It holds if the business stays as it is; on a time held out, {missed} {more} orders came than forecast, "
            "which chance can make.",
            **values,
        )
    )


def saved_in_words(low: float, high: float) -> str:
    """Whose typical error is smaller, the model's or the rule's, as one sentence; percentages within ±100 %.

    >>> saved_in_words(-58.6, 20.1)
    'In typical error per customer, the model and the best of the simple rules cannot be told apart.'
    """
    if np.isinf(high):
        return text.say("One of the simple rules made no error at all.")
    if low > 0:
        return text.say(
            "Against the best of the simple rules, the model's typical error per customer is {saved} smaller (95% "
            "interval).",
            saved=text.interval(min(low, 1.0), min(high, 1.0), text.percent),
        )
    if high <= -1:
        return text.say(
            "The model's typical error per customer is at least twice as large as that of the best of the simple rules "
            "(95% interval)."
        )
    if high < 0:
        return text.say(
            "Against the best of the simple rules, the model's typical error per customer is {saved} larger (95% "
            "interval; 100%: twice as large or more).",
            saved=text.interval(min(-high, 1.0), min(-low, 1.0), text.percent),
        )
    return text.say("In typical error per customer, the model and the best of the simple rules cannot be told apart.")
