"""What a manager should know of contracts: what those that run will still bring, and what a new one is worth."""

from __future__ import annotations

from typing import Any

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
    """What a new contract is worth: its first period, and all renewals to come, discounted (rate per period).

    >>> from crmlib.lifecycle.clv import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric(alpha=3.80, beta=15.20)
    >>> round(new_contract_value(model, price=10, margin=0.5, discount_rate=0.1), 1)
    20.1
    """
    return margin * price * (1 + float(model.residual_lifetime(0, discount_rate)) / (1 + discount_rate))


def finding_contract_equity(
    equity: pd.DataFrame | None, model: ContractModel | None, *, term: str, price: float, margin: float, rate: float
) -> Finding | None:
    """What the contracts that run today will still bring, and how much may be spent on winning one; None without.

    ``equity``: from :func:`~crmlib.lifecycle.clv.contract_equity`; ``price``: mean price per period of
    those contracts; ``rate``: discount rate per period.
    """
    if equity is None or model is None or equity.empty or not equity["value"].iloc[0] > 0:
        return None
    row: Any = equity.iloc[0]
    new = new_contract_value(model, price=price, margin=margin, discount_rate=rate)
    return Finding(
        "clv.contracts",
        text.say(
            "The {contracts} contracts that run today are expected to bring {value} of contribution from all their "
            "renewals to come, about {each} each.",
            contracts=int(row["contracts"]),
            value=text.money(row["value"]),
            each=text.money(row["value"] / max(row["contracts"], 1)),
        ),
        "neutral",
        certainty=text.say(
            "95% interval {interval}, parameters and chance, if contracts go on leaving as they did. It has no horizon "
            "and is discounted, so it must not be added to the value of orders in the next 12 months.",
            interval=text.interval(row["value_low"], row["value_high"], text.money),
        ),
        action=text.say(
            "A new contract at this price is worth {new}, its first {term} included: spend less than that on winning "
            "one.",
            new=text.money(new),
            term=_term_in_words(term),
        ),
    )


def _term_in_words(term: str) -> str:
    return {"month": text.say("month"), "quarter": text.say("quarter"), "year": text.say("year")}[term]
