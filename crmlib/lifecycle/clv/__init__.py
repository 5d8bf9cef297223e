"""What a customer is worth: from orders to probabilities of being alive, future orders, spend and value.

The way through: ``summary(orders, as_of=…)`` → ``fit_models(…)`` (or ``BetaGeoNBD.fit``, ``GammaGamma.fit``) →
``customer_values(…)``, ``customer_equity(…)``, ``value_by_group(…)``; and ``holdout_total``, ``holdout_comparison``,
``tracking`` and ``baseline_comparison`` to see whether the model would have been right. Importing this package is
light; scipy loads with the first model.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BetaGeoNBD": "beta_geo_nbd",
    "CustomerBaseInvalid": "errors",
    "FitDidNotConverge": "errors",
    "FittedModels": "fitting",
    "GammaGamma": "gamma_gamma",
    "MeanSpendUndefined": "errors",
    "PredictionNotFinite": "errors",
    "ShiftedBetaGeometric": "shifted_beta_geometric",
    "TooFewRepeatBuyers": "errors",
    "alive_grid": "groups",
    "baseline_comparison": "validation",
    "baselines_in_words": "figures",
    "calibration_end": "validation",
    "contribution_margin": "margin",
    "customer_equity": "prediction",
    "customer_values": "groups",
    "equity_concentration": "groups",
    "equity_in_words": "figures",
    "equity_shares": "groups",
    "finding_concentration": "findings",
    "finding_equity": "findings",
    "finding_groups": "findings",
    "finding_holdout": "findings",
    "finding_one_time_buyers": "findings",
    "finding_value_at_risk": "findings",
    "fit_models": "fitting",
    "groups_in_words": "figures",
    "holdout_comparison": "validation",
    "holdout_total": "validation",
    "plot_alive_grid": "figures",
    "plot_concentration": "figures",
    "plot_holdout": "figures",
    "predict": "prediction",
    "spend_and_frequency": "validation",
    "summary": "preparation",
    "top_fifth": "groups",
    "tracking": "validation",
    "trust_in_model": "trust",
    "value_at_risk": "prediction",
    "value_by_group": "groups",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
