"""What a customer is worth: from orders to probabilities of being alive, future orders, spend and value.

The way through: ``summary(orders, as_of=…)`` → ``fit_models(…)`` (or ``fit`` of a model in :mod:`crmlib.models`) →
``customer_values(…)``, ``customer_equity(…)``, ``value_by_group(…)``; and ``holdout_total``, ``holdout_comparison``,
``tracking`` and ``baseline_comparison`` to see whether the model would have been right. Importing this package is
light; scipy loads with the first model.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "FittedModels": "fitting",
    "HorizonInvalid": "predictions.horizon",
    "alive_grid": "predictions.groups",
    "alive_path": "predictions.alive_path",
    "baseline_comparison": "validation.ranking",
    "baselines_in_words": "figures",
    "calibration_by_decile": "validation.holdout",
    "calibration_end": "validation.holdout",
    "compare": "validation.comparison",
    "contribution_margin": "predictions.margin",
    "customer_equity": "predictions.prediction",
    "customer_values": "predictions.groups",
    "equity_concentration": "predictions.groups",
    "equity_in_words": "figures",
    "equity_shares": "predictions.groups",
    "finding_concentration": "findings",
    "finding_equity": "findings",
    "finding_groups": "findings",
    "finding_holdout": "findings",
    "finding_one_time_buyers": "findings",
    "finding_renewal_equity": "renewals",
    "finding_value_at_risk": "findings",
    "fit_models": "fitting",
    "groups_in_words": "figures",
    "holdout_comparison": "validation.holdout",
    "holdout_total": "validation.holdout",
    "independence_in_words": "validation.independence",
    "lift": "validation.ranking",
    "opportunities": "calendar_opportunities",
    "parameter_posterior": "fitting",
    "plot_alive_grid": "figures",
    "plot_alive_path": "figures",
    "plot_calibration": "figures",
    "plot_concentration": "figures",
    "plot_holdout": "figures",
    "plot_lift": "figures",
    "plot_parameter_posterior": "figures",
    "plot_tracking": "figures",
    "plot_value_matrix": "figures",
    "predict": "predictions.prediction",
    "regularity": "validation.order_timing",
    "regularity_in_words": "validation.order_timing",
    "renewals_in_words": "renewals",
    "spend_and_frequency": "validation.independence",
    "summary": "preparation",
    "summary_account": "preparation",
    "top_fifth": "predictions.groups",
    "tracking": "validation.holdout",
    "trust_in_model": "validation.verdict",
    "value_at_risk": "predictions.prediction",
    "value_by_group": "predictions.groups",
    "value_matrix": "predictions.value_matrix",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
