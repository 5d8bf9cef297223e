"""What a customer is worth: from orders to probabilities of being alive, future orders, spend and value.

The way through: ``summary(orders, as_of=…)`` → ``fit_models(…)`` (or ``BetaGeoNBD.fit``, ``GammaGamma.fit``) →
``customer_values(…)``, ``customer_equity(…)``, ``value_by_group(…)``; and ``holdout_total``, ``holdout_comparison``,
``tracking`` and ``baseline_comparison`` to see whether the model would have been right. Importing this package is
light; scipy loads with the first model.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BetaDiscreteWeibull": "contracts.beta_discrete_weibull",
    "BetaGeoBetaBinomial": "models.beta_geo_beta_binomial",
    "BetaGeoNBD": "models.beta_geo_nbd",
    "Comparison": "trust.comparison",
    "ContractComparison": "contracts.comparison",
    "CovariateInvalid": "errors",
    "CovariateModel": "models.covariates",
    "CustomerBaseInvalid": "errors",
    "FitDidNotConverge": "errors",
    "FittedModels": "fitting",
    "GammaGamma": "models.gamma_gamma",
    "HorizonInvalid": "errors",
    "MeanSpendUndefined": "errors",
    "ModifiedBetaGeoNBD": "models.modified_beta_geo_nbd",
    "ParetoNBD": "models.pareto_nbd",
    "PredictionNotFinite": "errors",
    "ShiftedBetaGeometric": "contracts.shifted_beta_geometric",
    "TooFewRepeatBuyers": "errors",
    "alive_grid": "predictions.groups",
    "alive_path": "model_views",
    "baseline_comparison": "trust.ranking",
    "baseline_forecasts": "trust.ranking",
    "baselines_in_words": "figures",
    "calibration_by_decile": "trust.validation",
    "calibration_end": "trust.validation",
    "compare": "trust.comparison",
    "compare_contracts": "contracts.comparison",
    "compare_with_pymc": "models.bayes",
    "contract_equity": "contracts.values",
    "contract_value": "contracts.values",
    "contribution_margin": "predictions.margin",
    "count_probability": "trust.holdout_score",
    "customer_equity": "predictions.prediction",
    "customer_values": "predictions.groups",
    "equity_concentration": "predictions.groups",
    "equity_in_words": "figures",
    "equity_shares": "predictions.groups",
    "finding_concentration": "findings",
    "finding_contract_equity": "contracts.findings",
    "finding_equity": "findings",
    "finding_groups": "findings",
    "finding_holdout": "findings",
    "finding_one_time_buyers": "findings",
    "finding_value_at_risk": "findings",
    "fit_by_pymc": "models.bayes",
    "fit_models": "fitting",
    "fit_with_covariates": "models.covariates",
    "frequency_recency_grid": "model_views",
    "gini": "trust.ranking",
    "groups_in_words": "figures",
    "holdout_comparison": "trust.validation",
    "holdout_total": "trust.validation",
    "independence_in_words": "trust.independence",
    "lift": "trust.ranking",
    "method_in_words": "models.model_names",
    "model_name": "models.model_names",
    "new_contract_interval": "contracts.findings",
    "new_contract_value": "contracts.findings",
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
    "predict": "predictions.prediction",
    "rate_per_period": "contracts.findings",
    "recency_threshold": "trust.ranking",
    "regularity": "trust.order_timing",
    "regularity_in_words": "trust.order_timing",
    "spend_and_frequency": "trust.independence",
    "spend_by_frequency": "trust.independence",
    "successive_gaps": "trust.order_timing",
    "summary": "preparation",
    "summary_account": "preparation",
    "tells_of_all": "figures",
    "top_fifth": "predictions.groups",
    "tracking": "trust.validation",
    "tracking_of_models": "model_views",
    "trust_in_model": "trust.verdict",
    "value_at_risk": "predictions.prediction",
    "value_by_group": "predictions.groups",
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
