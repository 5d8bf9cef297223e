"""Contracts: which model is taken for them, what those that run will still bring, and what a new one is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from crmlib.models.errors import CustomerBaseInvalid, FitDidNotConverge
from crmlib.models.renewal_comparison import compare_renewals
from crmlib.models.renewal_model import RenewalModel
from crmlib.models.renewal_values import (
    new_subscription_interval,
    new_subscription_value,
    rate_per_period,
    renewal_equity,
    renewal_value,
)

Reason = Literal["only_one_fits", "constant_chance", "rising_chance", "falling_chance", "too_few"]


@dataclass(frozen=True)
class ContractModel:
    """The models of contracts side by side (``table``), the one to take (None if none), and the ``reason``.

    ``reason``: that of :func:`~crmlib.models.compare_renewals`, or ``too_few``.
    """

    table: pd.DataFrame
    model: RenewalModel | None
    reason: Reason


def contract_model(ages: Any) -> ContractModel:
    """The model that these contracts allow, sBG or BdW; no raise for too few of them.

    ``ages``: from :func:`~crmlib.lifecycle.retention.renewal_ages`. The table has the columns of
    :func:`~crmlib.models.compare_renewals`, and no row where neither model can be fitted.

    >>> contract_model(pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 631, 468], "lost": [369, 163, 86]})).reason
    'constant_chance'
    >>> contract_model(pd.DataFrame({"age": [], "at_risk": [], "lost": []})).reason
    'too_few'
    """
    try:
        found = compare_renewals(ages)
    except (CustomerBaseInvalid, FitDidNotConverge):
        columns = ["model", "alpha", "beta", "c", "log_likelihood", "aic", "bic", "likelihood_ratio", "p_value"]
        return ContractModel(pd.DataFrame(columns=columns), None, "too_few")
    return ContractModel(found.table, found.picked, cast(Reason, found.reason))


def contract_values(
    running: pd.DataFrame, model: RenewalModel | None, *, term: str, margin: float, discount_rate: float
) -> pd.DataFrame:
    """What the contracts that run today will still bring, by how many renewals they have behind them.

    ``running``: from :func:`~crmlib.lifecycle.retention.running_subscriptions`, of one ``term`` (month, quarter, year);
    ``margin``: 0 to 1; ``discount_rate``: a year. One row per number of ``renewals``: ``contracts, value, value_low,
    value_high`` as in :func:`~crmlib.models.renewal_value`, and ``each``, the value of one. Empty without a model or a
    contract.
    """
    if model is None or running.empty:
        return pd.DataFrame(columns=["renewals", "contracts", "value", "value_low", "value_high", "each"])
    table = renewal_value(model, **_terms(running, term, margin, discount_rate))
    return table.assign(each=table["value"] / table["contracts"])


def contract_equity(
    running: pd.DataFrame, model: RenewalModel | None, *, term: str, margin: float, discount_rate: float
) -> pd.DataFrame:
    """What all contracts that run today will still bring, and what a new one is worth; one row.

    Arguments as for :func:`contract_values`. Columns: ``contracts, value, value_low, value_high``, in which chance and
    parameters are; ``price``, the mean of a term; ``new_value`` of a new contract at that price, its first term
    included, with ``new_low, new_high`` (parameters; equal to it where these were given). Empty as there.
    """
    columns = ["contracts", "value", "value_low", "value_high", "price", "new_value", "new_low", "new_high"]
    if model is None or running.empty:
        return pd.DataFrame(columns=columns)
    table = renewal_equity(model, **_terms(running, term, margin, discount_rate))
    price = float(running["revenue"].sum() / running["contracts"].sum())
    new: dict[str, Any] = {
        "price": price,
        "margin": margin,
        "discount_rate": rate_per_period(discount_rate, term),
    }
    low, high = new_subscription_interval(model, **new)
    return table.assign(price=price, new_value=new_subscription_value(model, **new), new_low=low, new_high=high)


def _terms(running: pd.DataFrame, term: str, margin: float, discount_rate: float) -> dict[str, Any]:
    return {
        "renewals": running["age"],
        "contracts": running["contracts"],
        "price": running["revenue"] / running["contracts"],
        "margin": margin,
        "discount_rate": rate_per_period(discount_rate, term),
    }
