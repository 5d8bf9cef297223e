"""What a customer is worth: from orders to probabilities of being alive, future orders, spend and value.

The way through: ``summary(orders, as_of=…)`` → ``BetaGeoNBD.fit(…)`` and ``GammaGamma.fit(…)`` → ``predict(…)``,
``customer_equity(…)``, ``value_at_risk(…)``; and ``holdout_comparison``, ``tracking`` and ``baseline_comparison``
to see whether the model would have been right. Importing this package is light; scipy loads with the first model.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BetaGeoNBD": "beta_geo_nbd",
    "CustomerBaseInvalid": "errors",
    "FitDidNotConverge": "errors",
    "GammaGamma": "gamma_gamma",
    "MeanSpendUndefined": "errors",
    "TooFewRepeatBuyers": "errors",
    "baseline_comparison": "validation",
    "customer_equity": "prediction",
    "holdout_comparison": "validation",
    "predict": "prediction",
    "summary": "preparation",
    "tracking": "validation",
    "value_at_risk": "prediction",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
