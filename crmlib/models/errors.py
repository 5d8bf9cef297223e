"""What can go wrong between histories and a model of them, by name."""

from __future__ import annotations


class CustomerBaseInvalid(ValueError):
    """Rows of the customer summary cannot be true (or are not numbers); the message names the customers."""


class CovariateInvalid(ValueError):
    """A covariate cannot be used: missing, constant, told by others, or unknown values; the message says which rows."""


class TooFewRepeatBuyers(ValueError):
    """The customers tell too little to estimate a model: nearly nobody came back, or all did alike."""


class FitDidNotConverge(RuntimeError):
    """No maximum of the likelihood was found; the message says from where it was sought and where it ended.

    ``runs_to``: the parameters that ran away, each to "0" or "infinity".
    """

    def __init__(self, message: str, *, runs_to: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.runs_to = runs_to or {}

    def explained(self, why: str, data: str) -> FitDidNotConverge:
        """The same with why it is so, as far as it is known, and with what the data are."""
        return FitDidNotConverge(f"{self}. {f'Here, {why}. ' if why else ''}The data: {data}", runs_to=self.runs_to)


class MeanSpendUndefined(ValueError):
    """The spend model has no finite mean for these customers (gamma-gamma with p·x + q ≤ 1)."""


class PredictionNotFinite(ArithmeticError):
    """A prediction is not a number, or infinite, for parameters that the data leave possible; no interval is true."""
