"""What is said of contracts: which model is taken for them, what those that run will bring, what a new one is worth."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmlib import text
from crmlib.finding import Finding
from crmlib.models.renewal_comparison import RenewalComparison
from crmlib.models.renewal_model import RenewalModel
from crmlib.models.renewal_values import new_subscription_interval, new_subscription_value


def renewals_in_words(comparison: RenewalComparison) -> str:
    """Why this model is taken for these contracts; ``comparison`` from :func:`~crmlib.models.compare_renewals`.

    >>> from crmlib.models import compare_renewals
    >>> renewals_in_words(compare_renewals([1000, 631, 468]))
    'sBG is taken, because the data settle no parameters of BdW.'
    """
    pick = comparison.pick
    other = "BdW" if pick == "sBG" else "sBG"
    if comparison.reason == "only_one_fits":
        return text.say("{name} is taken, because the data settle no parameters of {other}.", name=pick, other=other)
    table = comparison.table.set_index("model")
    if comparison.reason == "projects_better":
        return text.say(
            "{name} is taken: it missed the share left at the ages held out by {error} on average, {other} by "
            "{other_error}.",
            name=pick,
            other=other,
            error=text.percent(table.projection_error[pick], digits=2),
            other_error=text.percent(table.projection_error[other], digits=2),
        )
    p_value = float(table.p_value["BdW"])
    words = {"p_value": text.number(p_value, digits=3) if p_value >= 0.001 else text.say("below 0.001")}
    if comparison.reason == "constant_chance":
        return text.say(
            "sBG is taken: that a contract's own chance to leave does not change with its age agrees with the data "
            "(p value {p_value}), and it needs a parameter less.",
            **words,
        )
    if comparison.reason == "rising_chance":
        return text.say(
            "BdW is taken: a contract's own chance to leave rises with its age, which sBG cannot say (p value "
            "{p_value}).",
            **words,
        )
    return text.say(
        "BdW is taken: a contract's own chance to leave falls with its age, which sBG cannot say (p value {p_value}).",
        **words,
    )


def finding_renewal_equity(
    equity: pd.DataFrame | None,
    model: RenewalModel | None,
    *,
    term: str,
    price: float,
    margin: float,
    rate: float,
    outlook: pd.DataFrame | None = None,
) -> Finding | None:
    """What the contracts that run today will still bring, and how much may be spent on winning one; None without.

    ``equity``: from :func:`~crmlib.models.renewal_equity` of the contracts of one ``term`` (month, quarter,
    year); ``price``: mean price per period of those contracts; ``margin``: 0 to 1; ``rate``: discount rate per period.
    ``outlook``, from :func:`~crmlib.lifecycle.retention.renewal_outlook`: the coming year, which is the money named.
    """
    if equity is None or model is None or equity.empty or not equity["value"].iloc[0] > 0:
        return None
    row: Any = equity.iloc[0]
    how: dict[str, Any] = {"price": price, "margin": margin, "discount_rate": rate}
    low, high = new_subscription_interval(model, **how)
    new = {
        "price": text.money(price),
        "term": _term_in_words(term),
        "new": text.money(new_subscription_value(model, **how)),
        "interval": text.interval(low, high, text.money),
    }
    return Finding(
        "clv.contracts",
        text.say(
            "The {contracts} contracts that run today, renewed every {term}, are expected to bring {value} of "
            "contribution from all their renewals to come, about {each} each.",
            contracts=int(row["contracts"]),
            term=_term_in_words(term),
            value=text.money(row["value"]),
            each=text.money(row["value"] / max(row["contracts"], 1)),
        ),
        "neutral",
        certainty=text.say(
            "95% interval {interval} (includes chance), if contracts go on ending as they did. It goes beyond the next "
            "12 months (later money counts for less), so it must not be added to the value of orders in these.",
            interval=text.interval(row["value_low"], row["value_high"], text.money),
        ),
        action=text.say(
            "A new contract at the mean price ({price} a {term}) is worth {new} of contribution on average, its first "
            "{term} included: spend less than that on winning one.",
            **new,
        )
        if model.estimate is None
        else text.say(
            "A new contract at the mean price ({price} a {term}) is worth {new} of contribution on average ({interval}"
            "), its first {term} included: spend less than that on winning one.",
            **new,
        ),
        **_coming_year(outlook),
    )


def _coming_year(outlook: pd.DataFrame | None) -> dict[str, Any]:
    if outlook is None or outlook.empty or not outlook["contribution"].iloc[0] > 0:
        return {}
    year: Any = outlook.iloc[0]
    return {
        "money": float(year["contribution"] - year["lost"]),
        "money_low": float(year["contribution"] - year["lost_high"]),
        "money_high": float(year["contribution"] - year["lost_low"]),
    }


def _term_in_words(term: str) -> str:
    return {"month": text.say("month"), "quarter": text.say("quarter"), "year": text.say("year")}[term]
