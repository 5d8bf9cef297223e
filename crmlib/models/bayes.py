"""The same customers through PyMC-Marketing: another program, by other people, that samples what is fitted here.

An extra (``pip install "crmlib[bayes]"``), for whoever wants a second opinion. Both start from the same prior, flat on
the logarithm of each parameter unless told otherwise, so that what they answer is the same posterior: ours by Laplace
and importance resampling on merged histories, theirs by a Markov chain on one row a customer. PyMC-Marketing's own
default priors are informative (for BG/NBD, a + b > 1) and are not used.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import check_histories, check_spend, customer_names
from crmlib.models.errors import FitDidNotConverge
from crmlib.models.orders_model import OrdersModel

Model = Literal["BetaGeoNBD", "ModifiedBetaGeoNBD", "ParetoNBD", "GammaGamma"]
# map: the maximum only; mcmc: Hamiltonian (NUTS); demz: differential evolution, which needs no gradients.
Method = Literal["mcmc", "demz", "map"]

THEIR_NAMES: dict[str, str] = {
    "BetaGeoNBD": "BetaGeoModel",
    "ModifiedBetaGeoNBD": "ModifiedBetaGeoModel",
    "ParetoNBD": "ParetoNBDModel",
    "GammaGamma": "GammaGammaModel",
}
CHAINS = 2
# The standard deviation of their normal prior on log-parameters: a factor of 20,000 either way, as good as flat.
FLAT = 10.0
# Chains that disagree by more (Gelman & Rubin's R-hat) have not yet seen the whole posterior.
LARGEST_R_HAT = 1.05
# Our draws are independent, so that these tell more than a chain of many times the length.
OUR_DRAWS = 1000
# Expected orders are averaged over so many draws of the parameters.
DRAWS_OF_ORDERS = 200


class PymcMarketingMissing(ImportError):
    """The extra ``bayes`` is not installed; the message says how to install it."""


@dataclass(frozen=True)
class PymcFit:
    """A model as PyMC-Marketing sees it.

    ``draws``: one row a draw (one row in all for ``method="map"``), one column a parameter; ``seconds`` it took.
    """

    model: Model
    draws: pd.DataFrame
    seconds: float
    theirs: Any = field(repr=False)

    @property
    def params(self) -> pd.DataFrame:
        """``parameter, mean, low, high`` (95 %); after ``method="map"``, which knows no interval, no ``low, high``."""
        table = pd.DataFrame({"parameter": self.draws.columns, "mean": self.draws.mean().to_numpy()})
        return table if len(self.draws) == 1 else table.assign(**_band(self.draws))

    def expected_orders(self, summary: Any, t: float) -> Numbers:
        """PyMC-Marketing's expected orders of each customer in the next ``t`` (in the summary's unit).

        The mean over (at most 200 of) the draws; what its formulas cannot tell, for heavy buyers, is NaN or infinite
        there, and raises ``ArithmeticError`` here.
        """
        expected = np.asarray(self.theirs.expected_purchases(_customers(summary, self.model), future_t=t))
        expected = expected.reshape(-1, expected.shape[-1]).mean(axis=0)
        bad = ~np.isfinite(expected)
        if bad.any():
            raise ArithmeticError(f"PyMC-Marketing has no finite expectation for {int(bad.sum())} customers")
        return expected


@dataclass(frozen=True)
class PymcComparison:
    """Ours and theirs side by side.

    ``parameters``: ``parameter, ours, ours_low, ours_high, theirs, theirs_low, theirs_high`` (means and 95 %
    intervals of the posterior); ``orders``: ``customer_id, ours, theirs, same_parameters``, expected orders in the
    time asked for, by each program's own draws, and by our formulas at their draws (empty for gamma-gamma);
    ``ours_seconds, theirs_seconds``: to fit and to draw.
    """

    parameters: pd.DataFrame
    orders: pd.DataFrame
    ours_seconds: float
    theirs_seconds: float

    @property
    def largest_difference(self) -> float:
        """Of one customer's expected orders, ours over theirs, less 1: both programs' sampling error is in it."""
        return _largest(self.orders["ours"] / self.orders["theirs"])

    @property
    def largest_difference_of_formulas(self) -> float:
        """The same at the same parameters: what is left is arithmetic."""
        return _largest(self.orders["same_parameters"] / self.orders["theirs"])


def fit_by_pymc(
    summary: Any,
    model: Model = "BetaGeoNBD",
    *,
    method: Method = "mcmc",
    draws: int = 1000,
    prior_spread: float | None = None,
    seed: int = 0,
) -> PymcFit:
    """The model fitted by PyMC-Marketing to the same customers, under the prior that our ``fit`` has.

    ``summary`` (pandas or Ibis): ``frequency, recency, T``, or for gamma-gamma ``frequency, monetary``; and, if at
    hand, ``customer_id``. ``draws`` are kept from each of two chains, after as many to tune. ``method="map"`` finds
    the maximum likelihood. ``prior_spread`` as for our ``fit``: None is flat.

    Raises ``PymcMarketingMissing`` without the extra, ``CustomerBaseInvalid`` for histories that cannot be true, and
    ``FitDidNotConverge`` where the two chains disagree.
    """
    if model not in THEIR_NAMES:
        raise ValueError(f"model {model!r} is not known to both; use one of {', '.join(THEIR_NAMES)}")
    if method == "map" and prior_spread is not None:
        raise ValueError('method="map" finds the maximum likelihood, which knows no prior; leave prior_spread out')
    clv, prior = _require_pymc_marketing()
    customers = _customers(summary, model)
    symbols, centre = _ours(model).symbols, _centre(_ours(model), customers)
    options: dict[str, Any] = {"progressbar": False}
    # A maximum is sought on the parameters themselves, where flat is flat; a sample on their logarithms.
    priors = dict.fromkeys(symbols, prior("HalfFlat"))
    if method != "map":
        spread = prior_spread or FLAT
        priors = {s: prior("LogNormal", mu=float(mu), sigma=spread) for s, mu in zip(symbols, centre, strict=True)}
        # Chains run one after the other: to start others as processes, the caller's program would have to be a module.
        options |= {"draws": draws, "tune": draws, "chains": CHAINS, "cores": 1, "random_seed": seed}
        options |= {"initvals": dict(zip(symbols, np.exp(centre).tolist(), strict=True))}
    with _quiet():
        start = time.perf_counter()
        theirs = getattr(clv, THEIR_NAMES[model])(model_config=priors)
        theirs.fit(data=customers, method=method, **options)
        seconds = time.perf_counter() - start
    posterior = theirs.idata.posterior
    drawn = pd.DataFrame({symbol: np.asarray(posterior[symbol]).ravel() for symbol in symbols})
    if method != "map":
        _check_chains(posterior, symbols, method, draws)
    keep_every = -(-len(drawn) // DRAWS_OF_ORDERS)
    theirs.idata.posterior = posterior.isel(draw=slice(None, None, keep_every))
    return PymcFit(model, drawn, seconds, theirs)


def compare_with_pymc(
    summary: Any,
    model: Model = "BetaGeoNBD",
    *,
    t: float = 52.0,
    method: Method = "mcmc",
    draws: int = 1000,
    prior_spread: float | None = None,
    seed: int = 0,
) -> PymcComparison:
    """The same customers fitted here and by PyMC-Marketing: parameters, expected orders, and seconds of each.

    ``t``: the time for which orders are expected, in the summary's unit (52 weeks); other arguments and errors as for
    :func:`fit_by_pymc`. Both answer means over draws from one posterior, so that they differ by sampling only.

    Where a flat prior leaves a parameter without bound, as CDNOW does s and beta of Pareto/NBD (the likelihood falls
    by 5.4 and no further as both run to infinity), means and intervals say how far each program looked, and nothing
    else: compare with ``prior_spread=2``.
    """
    theirs = fit_by_pymc(summary, model, method=method, draws=draws, prior_spread=prior_spread, seed=seed)
    start = time.perf_counter()
    fitted = _ours(model).fit(to_pandas(summary), prior_spread=prior_spread)
    drawn = fitted.draws(OUR_DRAWS, seed=seed).values
    seconds = time.perf_counter() - start
    ours = pd.DataFrame(drawn, columns=list(fitted.symbols))
    parameters = pd.DataFrame({"parameter": ours.columns})
    for name, values in (("ours", ours), ("theirs", theirs.draws)):
        parameters[name] = values.mean().to_numpy()
        if len(values) > 1:
            band = _band(values)
            parameters[f"{name}_low"], parameters[f"{name}_high"] = band["low"], band["high"]
    orders = pd.DataFrame({"customer_id": [], "ours": [], "theirs": [], "same_parameters": []})
    if model != "GammaGamma":
        customers = _customers(summary, model)
        kept = np.column_stack([np.asarray(theirs.theirs.idata.posterior[s]).ravel() for s in fitted.symbols])
        orders = pd.DataFrame(
            {
                "customer_id": customers["customer_id"],
                "ours": _expected_orders(fitted, drawn[:: -(-len(drawn) // DRAWS_OF_ORDERS)], customers, t),
                "theirs": theirs.expected_orders(summary, t),
                "same_parameters": _expected_orders(fitted, kept, customers, t),
            }
        )
    return PymcComparison(parameters, orders, seconds, theirs.seconds)


def _require_pymc_marketing() -> tuple[Any, Any]:
    """PyMC-Marketing's models, and what its priors are written in."""
    try:
        with _quiet():
            return import_module("pymc_marketing.clv"), import_module("pymc_extras.prior").Prior
    except ImportError as missing:
        raise PymcMarketingMissing(
            f"comparing with PyMC-Marketing needs a package that is not in this installation ({missing.name}): "
            'pip install "crmlib[bayes]", or, beside this repository, make bayes'
        ) from missing


def _ours(model: Model) -> Any:
    return getattr(import_module("crmlib.models"), model)


def _customers(summary: Any, model: Model) -> pd.DataFrame:
    """The customers with the names that PyMC-Marketing gives to columns, checked."""
    frame = to_pandas(summary)
    names = {"customer_id": customer_names(frame)}
    x = frame["frequency"].to_numpy(dtype=float, na_value=np.nan)
    if model == "GammaGamma":
        m = frame["monetary"].to_numpy(dtype=float, na_value=np.nan)
        free = (x > 0) & (m == 0)
        check_spend(np.where(free, 0.0, x), m, names["customer_id"])
        return pd.DataFrame({**names, "frequency": x, "monetary_value": m})[(x > 0) & ~free]
    t_x, T = (frame[name].to_numpy(dtype=float, na_value=np.nan) for name in ("recency", "T"))
    check_histories(x, t_x, T, names["customer_id"])
    return pd.DataFrame({**names, "frequency": x, "recency": t_x, "T": T})


def _centre(ours: type[Any], customers: pd.DataFrame) -> Numbers:
    """The log-parameters of a typical base of this age and spend: our prior's centre, and where their chains start.

    Left alone, chains would start at the mean of a prior that is all but flat, which is e^50.
    """
    if issubclass(ours, OrdersModel):
        return ours.starts[0] + np.log(customers["T"].mean()) * np.isin(ours.symbols, ours.times)
    return ours.starts[0] + np.log([1.0, 1.0, customers["monetary_value"].median()])


def _expected_orders(fitted: Any, drawn: Numbers, customers: pd.DataFrame, t: float) -> Numbers:
    """Each customer's expected orders by our formulas, as the mean over draws of the parameters."""
    histories, row = np.unique(customers[["frequency", "recency", "T"]].to_numpy(), axis=0, return_inverse=True)
    models = (fitted.with_log_parameters(np.log(parameters)) for parameters in drawn)
    return np.mean([model.expected_orders(t, *histories.T) for model in models], axis=0)[np.ravel(row)]


def _check_chains(posterior: Any, symbols: tuple[str, ...], method: str, draws: int) -> None:
    far = {symbol: float(import_module("arviz").rhat(posterior)[symbol]) for symbol in symbols}
    if not max(far.values()) <= LARGEST_R_HAT:
        said = ", ".join(f"{symbol} {value:.2f}" for symbol, value in far.items())
        raise FitDidNotConverge(
            f"PyMC-Marketing's {CHAINS} chains of {draws} draws ({method}) disagree: R-hat {said}, and {LARGEST_R_HAT} "
            "at most is sound. Take more draws, or another method"
        )


def _band(values: pd.DataFrame) -> dict[str, Numbers]:
    low, high = np.quantile(values.to_numpy(), [0.025, 0.975], axis=0)
    return {"low": low, "high": high}


def _largest(ratio: pd.Series) -> float:
    return float((ratio - 1).abs().max()) if len(ratio) else 0.0


@contextmanager
def _quiet() -> Iterator[None]:
    """What PyMC says while it works concerns its own developers; what went wrong is checked afterwards."""
    logger = logging.getLogger("pymc")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
