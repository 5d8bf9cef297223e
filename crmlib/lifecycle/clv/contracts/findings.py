"""What a manager should know of contracts: what those that run will still bring, and what a new one is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.finding import Finding
from crmlib.lifecycle.clv.contracts.contract_model import ContractModel

PERIODS_PER_YEAR = {"month": 12, "quarter": 4, "year": 1}
# With a rate of nothing a lifetime may have no end; so little changes no number that anybody looks at.
LEAST_RATE = 1e-4


def rate_per_period(discount_rate: float, term: str) -> float:
    """The discount rate per period of a contract, from a yearly one; at least 0.01 %, so that sums have an end.

    >>> round(rate_per_period(0.10, "month"), 5)
    0.00797
    """
    return max(float((1 + discount_rate) ** (1 / PERIODS_PER_YEAR[term]) - 1), LEAST_RATE)


def new_contract_value(model: ContractModel, *, price: float, margin: float, discount_rate: float) -> float:
    """What a new contract is worth on average: its first period, and all renewals to come, discounted.

    ``price``: per period; ``margin``: contribution per unit of price, 0 to 1; ``discount_rate``: per period, above 0.
    The first period is paid at once and counts in full, the next renewal a period later: margin · price ·
    Σ S(k) / (1 + d)^k, k = 0, 1, 2, … (Fader & Hardie 2010: the lifetime value of a customer yet to be acquired).

    >>> from crmlib.lifecycle.clv import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric(alpha=3.80, beta=15.20)
    >>> round(new_contract_value(model, price=10, margin=0.5, discount_rate=0.1), 2)
    20.04
    """
    return margin * price * (1 + float(model.residual_lifetime(0, discount_rate)) / (1 + discount_rate))


def new_contract_interval(
    model: ContractModel,
    *,
    price: float,
    margin: float,
    discount_rate: float,
    confidence: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> tuple[float, float]:
    """Between what a new contract's mean value lies, because the parameters are not known exactly: (low, high).

    Arguments as for :func:`new_contract_value`. Without chance: a single contract may end at its first renewal. Both
    ends are the value itself where the parameters were given and not fitted.

    >>> from crmlib.lifecycle.clv import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric.fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> low, high = new_contract_interval(model, price=10, margin=0.5, discount_rate=0.1)
    >>> low < new_contract_value(model, price=10, margin=0.5, discount_rate=0.1) < high
    True
    """
    how: dict[str, Any] = {"price": price, "margin": margin, "discount_rate": discount_rate}
    if model.estimate is None:
        value = new_contract_value(model, **how)
        return value, value
    parameters = np.log(model.draws(draws, seed=seed).values)
    drawn = [new_contract_value(model.with_log_parameters(row), **how) for row in parameters]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def finding_contract_equity(
    equity: pd.DataFrame | None,
    model: ContractModel | None,
    *,
    term: str,
    price: float,
    margin: float,
    rate: float,
    outlook: pd.DataFrame | None = None,
) -> Finding | None:
    """What the contracts that run today will still bring, and how much may be spent on winning one; None without.

    ``equity``: from :func:`~crmlib.lifecycle.clv.contract_equity` of the contracts of one ``term`` (month, quarter,
    year); ``price``: mean price per period of those contracts; ``margin``: 0 to 1; ``rate``: discount rate per period.
    ``outlook``, from :func:`~crmlib.lifecycle.retention.contract_outlook`: the coming year, which is the money named.
    """
    if equity is None or model is None or equity.empty or not equity["value"].iloc[0] > 0:
        return None
    row: Any = equity.iloc[0]
    how: dict[str, Any] = {"price": price, "margin": margin, "discount_rate": rate}
    low, high = new_contract_interval(model, **how)
    new = {
        "price": text.money(price),
        "term": _term_in_words(term),
        "new": text.money(new_contract_value(model, **how)),
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
