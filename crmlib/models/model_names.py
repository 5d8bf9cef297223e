"""What the models are called in the field."""

from __future__ import annotations

_MODELS = {
    "BetaGeoNBD": "BG/NBD",
    "ModifiedBetaGeoNBD": "MBG/NBD",
    "ParetoNBD": "Pareto/NBD",
    "ShiftedBetaGeometric": "sBG",
    "BetaDiscreteWeibull": "BdW",
}


def model_name(kind: str) -> str:
    """The field's name of a model, from that of its class; any other name as it is.

    >>> model_name("ModifiedBetaGeoNBD")
    'MBG/NBD'
    """
    return _MODELS.get(kind, kind)
