"""Which model for these contracts: does a contract's own chance to leave change with its age, or not?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from crmlib.models.arrays import Numbers
from crmlib.models.beta_discrete_weibull import BetaDiscreteWeibull
from crmlib.models.errors import FitDidNotConverge
from crmlib.models.renewal_model import RenewalModel, read_renewals
from crmlib.models.shifted_beta_geometric import ShiftedBetaGeometric

# Why a model is taken: the other has no best parameters; it projects ages held out better; a chance to leave that does
# not change with age agrees with the data; it rises or falls.
Reason = Literal["only_one_fits", "projects_better", "constant_chance", "rising_chance", "falling_chance"]

_MODELS: dict[str, type[RenewalModel]] = {"sBG": ShiftedBetaGeometric, "BdW": BetaDiscreteWeibull}
# A difference that chance makes less often than this is taken as real.
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class RenewalComparison:
    """Models side by side (``table``), those that could be fitted, the one to take (``pick``), and the ``reason``."""

    table: pd.DataFrame
    models: dict[str, RenewalModel]
    pick: str
    reason: Reason

    @property
    def picked(self) -> RenewalModel:
        """The fitted model that was picked."""
        return self.models[self.pick]


def compare_renewals(survivors: Any, *, held_out: int = 0) -> RenewalComparison:
    """The sBG and the BdW fitted to the same contracts, side by side, and which one to take.

    ``survivors`` as in :meth:`~crmlib.models.renewal_model.RenewalModel.fit`. The last ``held_out``
    ages are kept from the fit, to see how well they are projected.

    ``table``: one row per ``model`` (sBG, BdW): ``alpha, beta, c`` (1 for the sBG), ``log_likelihood, aic, bic``;
    ``likelihood_ratio`` and ``p_value`` of the test that c is 1, in the BdW's row; ``projection_error``, the mean
    absolute error of the share left at the ages held out, if any. Empty where a model could not be fitted.

    With ages held out, the model that projects them better is picked; else the BdW if the test refutes c = 1 at the
    5 % level, else the sBG, which has a parameter less; ``reason`` says by which of these. Raises
    ``CustomerBaseInvalid``, ``ValueError``, and ``FitDidNotConverge`` if neither can be fitted.

    >>> comparison = compare_renewals([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> comparison.table[["model", "c", "log_likelihood", "p_value"]].round(4)
      model       c  log_likelihood  p_value
    0   sBG  1.0000      -1611.1581      NaN
    1   BdW  1.7236      -1605.3142   0.0006
    >>> comparison.pick, comparison.reason
    ('BdW', 'rising_chance')
    """
    age, at_risk, lost = read_renewals(survivors)
    if isinstance(held_out, bool) or held_out != int(held_out) or not 0 <= held_out < max(len(age), 1):
        raise ValueError(f"held_out must be a number of ages from 0 to {max(len(age) - 1, 0)}, not {held_out!r}")
    shown = len(age) - int(held_out)
    seen = pd.DataFrame({"age": age, "at_risk": at_risk, "lost": lost}).iloc[:shown]
    models: dict[str, RenewalModel] = {}
    failed: list[str] = []
    for name, kind in _MODELS.items():
        try:
            models[name] = kind.fit(seen)
        except FitDidNotConverge as error:
            failed.append(f"{name}: {error}")
    if not models:
        raise FitDidNotConverge("neither model could be fitted. " + "; ".join(failed))
    table = pd.DataFrame([_row(name, models.get(name)) for name in _MODELS])
    ratio = p_value = np.nan
    if len(models) == 2:
        ratio = max(2 * (models["BdW"].log_likelihood_ - models["sBG"].log_likelihood_), 0.0)
        p_value = float(special.chdtrc(1, ratio))
    table["likelihood_ratio"], table["p_value"] = [np.nan, ratio], [np.nan, p_value]
    errors = {name: _projection_error(one, age, at_risk, lost, shown) for name, one in models.items()}
    if held_out:
        table["projection_error"] = [errors.get(name, np.nan) for name in _MODELS]
    pick, reason = _pick(models, p_value, errors if held_out else None)
    return RenewalComparison(table, models, pick, reason)


def _row(name: str, model: RenewalModel | None) -> dict[str, Any]:
    if model is None:
        return {"model": name} | dict.fromkeys(("alpha", "beta", "c", "log_likelihood", "aic", "bic"), np.nan)
    parameters = {symbol: getattr(model, symbol, 1.0) for symbol in ("alpha", "beta", "c")}
    return {"model": name, **parameters, "log_likelihood": model.log_likelihood_, "aic": model.aic, "bic": model.bic}


def _projection_error(model: RenewalModel, age: Numbers, at_risk: Numbers, lost: Numbers, shown: int) -> float:
    """How far the projected share left is off at the ages held out, of those left at the last age shown."""
    if shown == len(age):
        return float("nan")
    actual = np.cumprod(1 - lost[shown:] / at_risk[shown:])
    projected = np.cumprod(model.retention(age[shown:]))
    before = float(model.survival(age[shown - 1]))
    return float(np.abs(projected - actual).mean() * before)


def _pick(models: dict[str, RenewalModel], p_value: float, errors: dict[str, float] | None) -> tuple[str, Reason]:
    if len(models) == 1:
        return next(iter(models)), "only_one_fits"
    if errors is not None:
        return min(errors, key=lambda name: errors[name]), "projects_better"
    if p_value >= _SIGNIFICANT:
        return "sBG", "constant_chance"
    return "BdW", "rising_chance" if models["BdW"].log_parameters[2] > 0 else "falling_chance"
