"""What a customer is worth: from orders to probabilities of being alive, future orders, spend and value.

The way through: ``summary(orders, as_of=…)`` → ``fit_models(…)`` (or ``fit`` of a model in :mod:`crmlib.models`) →
``customer_values(…)``, ``customer_equity(…)``, ``value_by_group(…)``; and ``holdout_total``, ``holdout_comparison``,
``tracking`` and ``baseline_comparison`` to see whether the model would have been right. Contracts, whose end is seen,
go through ``contract_model``, ``contract_values`` and ``contract_equity``. Where the customers are too few for a model,
measures answer empty tables. Importing this package is light; scipy loads with the first model.
"""

from importlib import import_module
from typing import Any

# The public names of each room.
_ROOMS = {
    "assumptions": "regularity spend_and_frequency",
    "comparison": "KINDS compare held_out model_choice",
    "contracts": "contract_equity contract_model contract_values",
    "figures": """
        account_table baselines_table contract_models_table equity_table groups_table independence_table models_table
        plot_alive_grid plot_alive_path plot_calibration plot_concentration plot_contracts plot_holdout plot_lift
        plot_parameter_posterior plot_tracking plot_value_at_risk plot_value_matrix regularity_table
    """,
    "first_year": "first_year_by_group",
    "findings": """
        finding_concentration finding_contracts finding_equity finding_groups finding_holdout finding_one_time_buyers
        finding_value_at_risk
    """,
    "fitting": "FittedModels fit_models parameter_posterior",
    "groups": """
        alive_grid customer_values equity_concentration equity_shares risk_by_tenth to_cents top_fifth
        value_by_group value_matrix
    """,
    "holdout": "calibration_by_decile calibration_end holdout_comparison holdout_total tracking",
    "opportunity_time": "Season",
    "options": "HorizonInvalid",
    "past_equity": "equity_on",
    "prediction": "alive_path customer_equity predict value_at_risk",
    "preparation": "contribution_margin opportunities summary summary_account",
    "ranking": "baseline_comparison lift",
    "season": "find_season",
    "trust": "trust_in_model",
}
_PUBLIC = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
