"""Models of customers as numbers: what histories tell of later orders, spend and renewals. No words, no figures.

- :mod:`~crmlib.models.beta_geo_nbd`, :mod:`~crmlib.models.modified_beta_geo_nbd`, :mod:`~crmlib.models.pareto_nbd`:
  customers who order at any time and leave unseen; :mod:`~crmlib.models.covariates`: what moves their rates;
- :mod:`~crmlib.models.beta_geo_beta_binomial`: customers who have occasions and use them or not;
- :mod:`~crmlib.models.gamma_gamma`: what they spend on an order;
- :mod:`~crmlib.models.shifted_beta_geometric`, :mod:`~crmlib.models.beta_discrete_weibull`: contracts that are renewed
  or end; :mod:`~crmlib.models.renewal_comparison`: which of the two; :mod:`~crmlib.models.renewal_values`: their worth;
- :mod:`~crmlib.models.customer_base` reads histories, :mod:`~crmlib.models.maximum_likelihood` fits,
  :mod:`~crmlib.models.posterior` draws the parameters that the data leave possible; :mod:`~crmlib.models.bayes` asks
  PyMC-Marketing for the same.

Each model is made by ``fit`` or from known parameters, and says how sure it is. Importing this package is light; scipy
loads with the first model.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BetaDiscreteWeibull": "beta_discrete_weibull",
    "BetaGeoBetaBinomial": "beta_geo_beta_binomial",
    "BetaGeoNBD": "beta_geo_nbd",
    "CovariateInvalid": "errors",
    "CovariateModel": "covariates",
    "CustomerBaseInvalid": "errors",
    "FitDidNotConverge": "errors",
    "GammaGamma": "gamma_gamma",
    "MeanSpendUndefined": "errors",
    "ModifiedBetaGeoNBD": "modified_beta_geo_nbd",
    "ParetoNBD": "pareto_nbd",
    "PredictionNotFinite": "errors",
    "RenewalComparison": "renewal_comparison",
    "ShiftedBetaGeometric": "shifted_beta_geometric",
    "TooFewRepeatBuyers": "errors",
    "compare_renewals": "renewal_comparison",
    "compare_with_pymc": "bayes",
    "fit_by_pymc": "bayes",
    "fit_with_covariates": "covariates",
    "model_name": "model_names",
    "new_subscription_interval": "renewal_values",
    "new_subscription_value": "renewal_values",
    "rate_per_period": "renewal_values",
    "renewal_equity": "renewal_values",
    "renewal_value": "renewal_values",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
