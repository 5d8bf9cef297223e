"""What a customer is worth: from orders to probabilities of being alive, future orders, spend and value.

The way through: ``summary(orders, as_of=…)`` → ``fit_models(…)`` (or ``fit`` of a model in :mod:`crmlib.models`) →
``customer_values(…)``, ``customer_equity(…)``, ``value_by_group(…)``; and ``holdout_total``, ``holdout_comparison``,
``tracking`` and ``baseline_comparison`` to see whether the model would have been right. Contracts, whose end is seen,
go through ``contract_model``, ``contract_values`` and ``contract_equity``. Where the customers are too few for a model,
measures answer empty tables. Importing this package is light; scipy loads with the first model.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "FittedModels": "fitting",
    "HorizonInvalid": "options",
    "account_table": "figures",
    "alive_grid": "groups",
    "alive_path": "prediction",
    "baseline_comparison": "ranking",
    "baselines_table": "figures",
    "calibration_by_decile": "holdout",
    "calibration_end": "holdout",
    "compare": "comparison",
    "contract_equity": "contracts",
    "contract_model": "contracts",
    "contract_models_table": "figures",
    "contract_values": "contracts",
    "contribution_margin": "preparation",
    "customer_equity": "prediction",
    "customer_values": "groups",
    "equity_concentration": "groups",
    "equity_on": "past_equity",
    "equity_shares": "groups",
    "equity_table": "figures",
    "finding_concentration": "findings",
    "finding_contracts": "findings",
    "finding_equity": "findings",
    "finding_groups": "findings",
    "finding_holdout": "findings",
    "finding_one_time_buyers": "findings",
    "finding_value_at_risk": "findings",
    "fit_models": "fitting",
    "groups_table": "figures",
    "holdout_comparison": "holdout",
    "holdout_total": "holdout",
    "independence_table": "figures",
    "lift": "ranking",
    "models_table": "figures",
    "opportunities": "preparation",
    "parameter_posterior": "fitting",
    "plot_alive_grid": "figures",
    "plot_alive_path": "figures",
    "plot_calibration": "figures",
    "plot_concentration": "figures",
    "plot_contracts": "figures",
    "plot_holdout": "figures",
    "plot_lift": "figures",
    "plot_parameter_posterior": "figures",
    "plot_tracking": "figures",
    "plot_value_matrix": "figures",
    "predict": "prediction",
    "regularity": "assumptions",
    "regularity_table": "figures",
    "spend_and_frequency": "assumptions",
    "summary": "preparation",
    "summary_account": "preparation",
    "to_cents": "groups",
    "top_fifth": "groups",
    "tracking": "holdout",
    "trust_in_model": "trust",
    "value_at_risk": "prediction",
    "value_by_group": "groups",
    "value_matrix": "groups",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
