"""How models and simple rules are called where people read of them, and the one defect that all must know."""

from __future__ import annotations

from crmlib import text
from crmlib.models import model_name

# Forecasts that anyone could make without a model.
RULES = ("personal_rate", "last_period", "recency_rule", "overall_mean")
# A model that says so of one-time buyers says it by construction, and not because of the data.
SURELY_ALIVE = 1 - 1e-9


def method_in_words(method: str) -> str:
    """A model or rule, as :func:`~crmlib.lifecycle.clv.baseline_comparison` names it, in words.

    >>> method_in_words("BetaGeoNBD"), method_in_words("last_period")
    ('Model: BG/NBD', 'Rule: everyone repeats the last period')
    """
    rules = {
        "personal_rate": text.say("Rule: everyone goes on at their own rate"),
        "last_period": text.say("Rule: everyone repeats the last period"),
        "recency_rule": text.say("Rule: the long silent are gone, others go on at their own rate"),
        "overall_mean": text.say("Rule: everyone orders as often as the average"),
        "actual_orders": text.say("The best ranking there could have been"),
    }
    return rules.get(method) or text.say("Model: {name}", name=model_name(method))
