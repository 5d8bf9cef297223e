"""What a customer is worth: from orders to probabilities of being alive, future orders, spend and value.

The way through: ``summary(orders, as_of=…)`` → ``fit_models(…)`` (or ``BetaGeoNBD.fit``, ``GammaGamma.fit``) →
``customer_values(…)``, ``customer_equity(…)``, ``value_by_group(…)``; and ``holdout_total``, ``holdout_comparison``,
``tracking`` and ``baseline_comparison`` to see whether the model would have been right. Importing this package is
light; scipy loads with the first model.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BetaDiscreteWeibull": "beta_discrete_weibull",
    "BetaGeoBetaBinomial": "beta_geo_beta_binomial",
    "BetaGeoNBD": "beta_geo_nbd",
    "Comparison": "comparison",
    "ContractComparison": "contract_comparison",
    "CovariateInvalid": "errors",
    "CovariateModel": "covariates",
    "CustomerBaseInvalid": "errors",
    "FitDidNotConverge": "errors",
    "FittedModels": "fitting",
    "GammaGamma": "gamma_gamma",
    "HorizonInvalid": "errors",
    "MeanSpendUndefined": "errors",
    "ModifiedBetaGeoNBD": "modified_beta_geo_nbd",
    "ParetoNBD": "pareto_nbd",
    "PredictionNotFinite": "errors",
    "ShiftedBetaGeometric": "shifted_beta_geometric",
    "TooFewRepeatBuyers": "errors",
    "alive_grid": "groups",
    "alive_path": "model_views",
    "baseline_comparison": "ranking",
    "baseline_forecasts": "ranking",
    "baselines_in_words": "figures",
    "calibration_by_decile": "validation",
    "calibration_end": "validation",
    "compare": "comparison",
    "compare_contracts": "contract_comparison",
    "compare_with_pymc": "bayes",
    "contract_equity": "contract_values",
    "contract_value": "contract_values",
    "contribution_margin": "margin",
    "count_probability": "holdout_score",
    "customer_equity": "prediction",
    "customer_values": "groups",
    "equity_concentration": "groups",
    "equity_in_words": "figures",
    "equity_shares": "groups",
    "finding_concentration": "findings",
    "finding_contract_equity": "contract_findings",
    "finding_equity": "findings",
    "finding_groups": "findings",
    "finding_holdout": "findings",
    "finding_one_time_buyers": "findings",
    "finding_value_at_risk": "findings",
    "fit_by_pymc": "bayes",
    "fit_models": "fitting",
    "fit_with_covariates": "covariates",
    "frequency_recency_grid": "model_views",
    "gini": "ranking",
    "groups_in_words": "figures",
    "holdout_comparison": "validation",
    "holdout_total": "validation",
    "independence_in_words": "independence",
    "lift": "ranking",
    "method_in_words": "model_names",
    "model_name": "model_names",
    "new_contract_value": "contract_findings",
    "opportunities": "calendar_opportunities",
    "parameter_posterior": "model_views",
    "plot_alive_grid": "figures",
    "plot_alive_path": "figures_models",
    "plot_calibration": "figures_models",
    "plot_concentration": "figures",
    "plot_frequency_recency": "figures_models",
    "plot_holdout": "figures",
    "plot_lift": "figures_models",
    "plot_parameter_posterior": "figures_models",
    "plot_tracking": "figures_models",
    "plot_value_distribution": "figures_models",
    "plot_value_matrix": "figures_models",
    "predict": "prediction",
    "rate_per_period": "contract_findings",
    "recency_threshold": "ranking",
    "regularity": "order_timing",
    "regularity_in_words": "order_timing",
    "spend_and_frequency": "independence",
    "spend_by_frequency": "independence",
    "successive_gaps": "order_timing",
    "summary": "preparation",
    "summary_account": "preparation",
    "top_fifth": "groups",
    "tracking": "validation",
    "tracking_of_models": "model_views",
    "trust_in_model": "trust",
    "value_at_risk": "prediction",
    "value_by_group": "groups",
    "value_cells": "model_views",
    "value_distribution": "model_views",
    "value_matrix": "model_views",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
