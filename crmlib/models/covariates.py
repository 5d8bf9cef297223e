"""What customers are like, and how it changes how often they order and when they leave: static covariates.

Each customer has their own scale parameters. Of orders, log α_i = log α − γ·z_i: an effect γ multiplies the rate of
ordering by exp(γ) per unit of z. Of leaving, under Pareto/NBD, log β_i = log β − γ·z_i: exp(γ) multiplies the rate of
leaving. Under BG/NBD (and its modification), log a_i = log a + γ·z_i: exp(γ) multiplies a / b, the odds of leaving
after an order. That differs from others: Fader & Hardie let b vary, too, with effects of its own; CLVTools multiplies
a and b by the same factor, which leaves the mean chance a / (a + b) as it is and changes only how much customers differ
in it. Here b is one for all, so that a covariate has one effect on leaving, which can be read. Effects on leaving in
BG/NBD can so not be compared with those of CLVTools; all others can.

Source: Fader & Hardie (2007), "Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models",
brucehardie.com/notes/019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg, special, stats

from crmlib.engine import to_pandas
from crmlib.models.arrays import Numbers
from crmlib.models.convergence import in_words
from crmlib.models.customer_base import CustomerBase, customer_names, read_histories
from crmlib.models.errors import CovariateInvalid, FitDidNotConverge
from crmlib.models.maximum_likelihood import Fitted, most_likely, parameter_table
from crmlib.models.orders_model import OrdersModel
from crmlib.models.posterior import NOT_ASKED, Likelihood, ParameterDraws, draw
from crmlib.models.time_units import Unit

# More values than this make a text column a name rather than a trait.
MOST_VALUES = 30
# What is left of a column once all others have explained it, as a share of its spread: below, it says nothing new.
LEAST_OWN = 1e-6
# Of a number's standard deviation: beyond, its square is no number any more.
LEAST_SPREAD, MOST_SPREAD = 1e-100, 1e100
# A ratio is e to at most so much, up or down: the largest powers that are still numbers.
MOST_LOG_RATIO = 700.0
# Nobody orders, or leaves, e^50 = 5·10²¹ times as readily as another: then a value is far out of what was learnt from.
FARTHEST = 50.0
SHOWN = 5


@dataclass(frozen=True)
class Covariate:
    """How a column of the summary is read.

    A number counts from ``reference``, its mean, in units of ``spread`` (only while fitting). Text counts 0 or 1 for
    each of ``values``, all but the most frequent, which is ``reference``.
    """

    name: str
    reference: Any
    values: tuple[Any, ...] = ()
    spread: float = 1.0
    is_number: bool = False

    @property
    def columns(self) -> list[str]:
        """What its effects are called: ``age``, or ``channel=store``."""
        return [self.name] if self.is_number else [f"{self.name}={value}" for value in self.values]

    def coded(self, column: Any, who: Callable[[Numbers], str]) -> Numbers:
        """One row per value, one column per effect; raises ``CovariateInvalid`` for unknown and missing values."""
        if self.is_number:
            numbers = _as_numbers(self.name, column, who)
            return ((numbers - self.reference) / self.spread)[:, None]
        values, known = np.asarray(column, dtype=object), [self.reference, *self.values]
        codes = pd.Index(known, dtype=object).get_indexer(values)
        unknown = codes < 0
        if unknown.any():
            found = sorted({str(value) for value in values[unknown]})
            raise CovariateInvalid(
                f"{who(unknown)}: {self.name} is {_listed(found)}, which was not there when the model was fitted; "
                f"known are {_listed([str(value) for value in known])}. Rename such values to a known one, "
                "or fit again with them"
            )
        return (codes[:, None] == np.arange(1, len(known))).astype(float)

    def too_far(self, who: str, away: float) -> CovariateInvalid:
        """What is wrong with customers whose value, coded, moves a rate beyond all that was learnt from."""
        if not self.is_number:
            return CovariateInvalid(
                f"{who}: with their {self.name}, the model would be asked for rates beyond all numbers, because the "
                "effect of that value is not known; leave it out, or fit with prior_spread=2"
            )
        return CovariateInvalid(
            f"{who}: {self.name} is far out of what the model was fitted to (first: "
            f"{self.reference + away * self.spread:g}, {abs(away):.3g} standard deviations from the mean "
            f"{self.reference:g}), so that its effect there is not known; is the value, or its unit, an error? "
            f"Correct it, or leave such customers out; if such values are common, fit to the logarithm of {self.name}"
        )


@dataclass(frozen=True)
class LikelihoodRatioTest:
    """Whether customers with different covariates differ more than by chance.

    ``statistic``: twice the gain in log-likelihood; ``p_value``: the chance of so large a gain, or a larger one, if
    the covariates had no effect (chi-squared with ``degrees_of_freedom``).
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float


def fit_with_covariates(
    model: type[OrdersModel],
    summary: Any,
    *,
    orders: Sequence[str] = (),
    leaving: Sequence[str] = (),
    unit: Unit | None = None,
    prior_spread: float | None = None,
) -> CovariateModel:
    """How traits of customers change how often they order (``orders``) and how soon they leave (``leaving``).

    ``model``: ``BetaGeoNBD``, ``ModifiedBetaGeoNBD`` or ``ParetoNBD``. ``summary`` (pandas or Ibis): as for
    ``BetaGeoNBD.fit``, with the named columns, known of each customer from their first order on. Numbers are taken as
    they are, anything else as one trait per value, against the most frequent one. ``unit`` and ``prior_spread`` as
    for ``fit``; the prior of an effect is around 0, per standard deviation of a number.

    Raises ``CovariateInvalid`` for columns that are missing, constant, told by the others, or have missing values;
    else as ``fit``.
    """
    if not hasattr(model, "row_likelihood"):
        raise TypeError(f"{model.__name__} takes no covariates; use BetaGeoNBD, ModifiedBetaGeoNBD or ParetoNBD")
    orders, leaving = _names(orders, "orders"), _names(leaving, "leaving")
    names = list(dict.fromkeys([*orders, *leaving]))
    _check_columns(names, summary)
    frame = _counted(summary, names)
    base = read_histories(frame, rows=True, unit=unit)
    weights = frame["customers"].to_numpy(dtype=float) if "customers" in frame.columns else np.ones(len(frame))
    who = _caller(frame)
    found = [_read(name, frame[name], weights, who) for name in names]
    merged, combination = _merged(base, weights, [codes for _, codes, _ in found])
    values = {c.name: z[combination[:, i]] for i, (c, _, z) in enumerate(found)}
    setup = _Setup(
        model, merged, values, {c.name: c for c, _, _ in found}, {"orders": orders, "leaving": leaving}, prior_spread
    )
    for on in setup.processes:
        columns = [column for _, column, process in setup.effects if process == on]
        _check_independent(columns, setup.design(values, on, len(merged)), merged.customers)
    return setup.fit()


@dataclass(kw_only=True, eq=False)
class CovariateModel(Fitted):
    """A model of orders whose parameters depend on what customers are like; see :func:`fit_with_covariates`.

    ``base_model``: that of customers at the reference (the mean of numbers, the most frequent value of text);
    ``reference`` says what that is. ``estimate``: of the base model's log-parameters, then of the effects, per standard
    deviation of a number; ``log_effects`` and ``covariance`` are per unit, as ``effects`` tells them.
    """

    base_model: OrdersModel
    setup: _Setup = field(repr=False)

    @property
    def _units(self) -> Numbers:
        """In units of what each element of ``estimate`` is."""
        return np.append(
            np.ones(len(self.base_model.symbols)), [covariate.spread for covariate, _, _ in self.setup.effects]
        )

    @property
    def log_effects(self) -> Numbers:
        """The effects γ, one for each row of ``effects``."""
        return (self._fitted.log_parameters / self._units)[len(self.base_model.symbols) :]

    @property
    def covariance(self) -> Numbers:
        """The covariance of the base model's log-parameters and the effects."""
        return self._fitted.covariance / np.outer(self._units, self._units)

    @property
    def reference(self) -> dict[str, Any]:
        """The customer of whom ``base_model`` speaks: a value per covariate."""
        return {name: covariate.reference for name, covariate in self.setup.covariates.items()}

    @property
    def params(self) -> pd.DataFrame:
        """The base model's parameters: index symbol; ``estimate, standard_error, low, high`` (95 %, log-scale)."""
        symbols, base = self.base_model.symbols, self.base_model.log_parameters
        return parameter_table(symbols, base, self.covariance[: len(symbols), : len(symbols)])

    @property
    def effects(self) -> pd.DataFrame:
        """What each covariate does, per unit of its column, or against the most frequent value.

        ``covariate``, ``on`` ("orders" or "leaving"), ``effect`` (γ), ``ratio`` (exp γ: by what the rate of ordering,
        the rate of leaving or the odds of leaving are multiplied), ``standard_error``, ``z``, ``p_value`` (Wald,
        two-sided), ``low, high`` (95 %) and ``ratio_low, ratio_high``. ``ratio_per_sd``: of a number, the ratio per
        standard deviation of its column, whatever the unit; of text, ``ratio`` itself. Where the unit of a column is so
        small that a ratio per unit would be no number, it stands at e^700 or e^−700: read ``ratio_per_sd``.
        """
        size = len(self.base_model.symbols)
        effect, spread = self.log_effects, np.sqrt(np.diag(self.covariance))[size:]
        z, width = effect / spread, special.ndtri(0.975) * spread
        return pd.DataFrame(
            {
                "covariate": [column for _, column, _ in self.setup.effects],
                "on": [on for _, _, on in self.setup.effects],
                "effect": effect,
                "ratio": _ratio(effect),
                "standard_error": spread,
                "z": z,
                "p_value": 2 * special.ndtr(-np.abs(z)),
                "low": effect - width,
                "high": effect + width,
                "ratio_low": _ratio(effect - width),
                "ratio_high": _ratio(effect + width),
                "ratio_per_sd": _ratio(self._fitted.log_parameters[size:]),
            }
        )

    def draws(self, count: int = 200, *, seed: int = 0) -> ParameterDraws:
        """Parameters that the data leave possible: the base model's, then the ratio of each row of ``effects``."""
        # Drawn per standard deviation, because ratios per unit may be no numbers; and so the same in any unit.
        drawn = draw(self._fitted.peak, count, np.random.default_rng(seed))
        return replace(drawn, values=_ratio(np.log(drawn.values) / self._units))

    def likelihood_ratio_test(self) -> LikelihoodRatioTest:
        """Whether covariates tell customers apart at all: against the same model without any.

        Raises ``ValueError`` for a fit with a prior, whose likelihood is not at its maximum.
        """
        return self._against(dict.fromkeys(self.setup.processes, ()))

    def tests_by_covariate(self) -> pd.DataFrame:
        """The likelihood-ratio test against the model without one covariate, for each.

        One row per covariate and process: ``covariate``, ``on``, ``statistic, degrees_of_freedom, p_value``. A text
        column is tested with all its values together. Raises as :meth:`likelihood_ratio_test`.
        """
        processes, rows = self.setup.processes, []
        for on, names in processes.items():
            for name in names:
                test = self._against({**processes, on: [other for other in names if other != name]})
                rows.append((name, on, test.statistic, test.degrees_of_freedom, test.p_value))
        return pd.DataFrame(rows, columns=["covariate", "on", "statistic", "degrees_of_freedom", "p_value"])

    def at(self, customer: Mapping[str, Any] | pd.Series) -> OrdersModel:
        """The model of customers with these covariates, from a mapping or a row that has them all.

        It has no standard errors, nor draws. Raises ``CovariateInvalid`` for a covariate that is missing, unknown, or a
        number far out of what the model was fitted to.
        """
        missing = [name for name in self.setup.covariates if name not in customer]
        if missing:
            raise CovariateInvalid(f"the customer has no {', '.join(missing)}; give a value for each covariate")
        orders, leaving = self._lines({name: [customer[name]] for name in self.setup.covariates}, 1, _this_customer)
        return self._moved(float(orders[0]), float(leaving[0]))

    def p_alive(self, summary: Any) -> Numbers:
        """The probability that each customer of the summary has not left: one value per row.

        ``summary`` as for :func:`fit_with_covariates`, in the unit of the fit. Raises ``CustomerBaseInvalid`` and
        ``CovariateInvalid``, also for a number that is far out of what the model was fitted to.
        """
        return self._per_row(summary, lambda model, pace, x, t_x, T: model.p_alive(x, t_x * pace, T * pace))

    def expected_orders(self, t: float, summary: Any) -> Numbers:
        """Expected orders of each customer of the summary in the next ``t`` (in its unit): one value per row."""
        return self._per_row(
            summary, lambda model, pace, x, t_x, T: model.expected_orders(t * pace, x, t_x * pace, T * pace)
        )

    def _against(self, processes: dict[str, Sequence[str]]) -> LikelihoodRatioTest:
        if self.setup.prior_spread is not None:
            raise ValueError("a likelihood-ratio test needs a fit without prior_spread; fit again without it")
        restricted = replace(self.setup, processes=processes)
        freedom = len(self.setup.effects) - len(restricted.effects)
        gain = self.log_likelihood_ - restricted.fit().log_likelihood_
        statistic = max(float(2 * gain), 0.0) if freedom else 0.0
        return LikelihoodRatioTest(statistic, freedom, float(stats.chi2.sf(statistic, freedom)) if freedom else 1.0)

    def _lines(self, columns: Mapping[str, Any], many: int, who: Callable[[Numbers], str]) -> list[Numbers]:
        """By how much each customer's log rate of ordering, and log rate or odds of leaving, differ from the base."""
        values = {name: covariate.coded(columns[name], who) for name, covariate in self.setup.covariates.items()}
        lines, first = [], len(self.base_model.symbols)
        for on in self.setup.processes:
            own = [covariate for covariate, _, process in self.setup.effects if process == on]
            moves = self.setup.design(values, on, many) * self._fitted.log_parameters[first : first + len(own)]
            first += len(own)
            lines.append(moves.sum(axis=1))
            far = ~(np.abs(lines[-1]) <= FARTHEST)
            if far.any():
                place = int(np.argmax(far))
                covariate = own[int(np.argmax(np.abs(moves[place])))]
                raise covariate.too_far(who(far), float(values[covariate.name][place, 0]))
        return lines

    def _moved(self, orders: float, leaving: float) -> OrdersModel:
        log_parameters = self.base_model.log_parameters.copy()
        for (place, sign), line in zip(_places(type(self.base_model)), (orders, leaving), strict=True):
            log_parameters[place] += sign * line
        return self.base_model.with_log_parameters(log_parameters)

    def _per_row(self, summary: Any, answer: Callable[..., Numbers]) -> Numbers:
        frame = to_pandas(summary)
        base = read_histories(frame, rows=True, unit=self.base_model.unit)
        _check_columns(self.setup.covariates, frame)
        orders, leaving = self._lines(frame, len(frame), _caller(frame))
        # Who orders k times as often is, in a time that runs k times as fast, like the base: so rates of ordering need
        # no model of their own, and there is one for each rate of leaving in that time.
        pace = np.exp(orders)
        own = leaving - orders if "beta" in self.base_model.symbols else leaving
        lines, line = np.unique(own, return_inverse=True)
        answers = np.empty(len(frame))
        in_order = np.argsort(line, kind="stable")
        bounds = np.searchsorted(line[in_order], np.arange(len(lines) + 1))
        for i, value in enumerate(lines):
            rows = in_order[bounds[i] : bounds[i + 1]]
            history = base.row[rows]
            model = self._moved(0.0, float(value))
            answers[rows] = answer(model, pace[rows], base.x[history], base.t_x[history], base.T[history])
        return answers


@dataclass(frozen=True)
class _Setup:
    """Everything a fit needs: distinct customers (history and coded covariates) and which covariates count where."""

    model: type[OrdersModel]
    base: CustomerBase
    values: Mapping[str, Numbers]
    covariates: Mapping[str, Covariate]
    processes: dict[str, Sequence[str]]
    prior_spread: float | None

    @cached_property
    def effects(self) -> list[tuple[Covariate, str, str]]:
        """(covariate, its column, on which process) of each effect."""
        return [
            (self.covariates[name], column, on)
            for on, names in self.processes.items()
            for name in names
            for column in self.covariates[name].columns
        ]

    def design(self, values: Mapping[str, Numbers], on: str, many: int) -> Numbers:
        """What the effects on a process are multiplied by, one row a customer."""
        return np.concatenate([np.empty((many, 0)), *(values[name] for name in self.processes[on])], axis=1)

    def fit(self) -> CovariateModel:
        """The effects and parameters under which these customers are most likely."""
        model, base, size = self.model, self.base, len(self.model.symbols)
        frame = pd.DataFrame({"frequency": base.x, "recency": base.t_x, "T": base.T, "customers": base.customers})
        plain, none = None, np.zeros(len(self.effects))
        try:
            plain = model.fit(frame, unit=base.unit, prior_spread=self.prior_spread)
        except FitDidNotConverge:
            if not self.effects:
                raise
        if plain is not None and not self.effects:
            return CovariateModel(base_model=plain, estimate=plain.estimate, setup=self)
        customers, unit = float(base.customers.sum()), base.unit or "weeks"
        scale = float(base.customers @ base.T) / customers
        shift = np.append(np.log(scale) * np.isin(model.symbols, model.times), none)
        try:
            estimate = most_likely(
                self._likelihood(scale),
                [np.append(start, none) for start in model.starts],
                [*model.symbols, *(f"ratio of {on} by {column}" for _, column, on in self.effects)],
                customers=customers,
                prior_spread=self.prior_spread,
                first=[] if plain is None else [np.append(plain.log_parameters, none) - shift],
                shift=shift,
                height=float(base.customers @ base.x) * np.log(scale),
            )
        except FitDidNotConverge as error:
            ran = [f"{symbol} runs to {end}" for symbol, end in error.runs_to.items() if symbol.startswith("ratio of ")]
            why = (
                f"{', '.join(ran)}: of the customers with that value, nobody or everybody ordered again or left. "
                "Leave that covariate out, or merge its value with another"
            )
            raise error.explained(why if ran else "", in_words(base, unit)) from None
        values = np.exp(estimate.log_parameters[:size]).tolist()
        base_model = model(**dict(zip(model.symbols, values, strict=True)), unit=unit)
        return CovariateModel(base_model=base_model, estimate=estimate, setup=self)

    def _likelihood(self, scale: float) -> Likelihood:
        """The log-likelihood in the base's log-parameters and the effects, by the chain rule: all is linear."""
        base, size = self.base, len(self.model.symbols)
        t_x, T, n = base.t_x / scale, base.T / scale, base.customers
        row_likelihood = self.model.row_likelihood  # type: ignore[attr-defined]
        # Which of a customer's own parameters each parameter moves, and by how much.
        columns, moved = [np.ones((len(base), size))], list(range(size))
        for (place, sign), on in zip(_places(self.model), self.processes, strict=True):
            columns.append(sign * self.design(self.values, on, len(base)))
            moved += [place] * columns[-1].shape[1]
        moves, places = np.concatenate(columns, axis=1), np.array(moved)

        def likelihood(parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            with np.errstate(all="ignore"):
                rows, slopes, curves = row_likelihood((moves * parameters) @ np.eye(size)[places], base.x, t_x, T)
            if not curved:
                return float(n @ rows), NOT_ASKED, NOT_ASKED
            weighted = n[:, None] * moves
            gradient = (weighted * slopes[:, places]).sum(axis=0)
            hessian = np.empty((len(places), len(places)))
            for place in range(size):
                own = places == place
                hessian[own] = weighted[:, own].T @ (curves[:, place, places] * moves)
            return float(n @ rows), gradient, hessian

        return likelihood


def _places(model: type[OrdersModel]) -> list[tuple[int, float]]:
    """Which log-parameter, and with which sign, moves with the effects on orders and on leaving."""
    leaving = ("a", 1.0) if "a" in model.symbols else ("beta", -1.0)
    return [(model.symbols.index("alpha"), -1.0), (model.symbols.index(leaving[0]), leaving[1])]


def _check_columns(names: Iterable[str], summary: Any) -> None:
    missing = [name for name in names if name not in summary.columns]
    if missing:
        raise CovariateInvalid(
            f"the customer summary has no column {', '.join(missing)}; join it to the summary, by customer_id"
        )


def _names(names: Sequence[str], argument: str) -> list[str]:
    if isinstance(names, str):
        raise TypeError(f"{argument} is a list of column names, such as [{names!r}], not one name")
    return list(dict.fromkeys(names))


def _counted(summary: Any, names: list[str]) -> pd.DataFrame:
    """The summary in memory; of an Ibis table only its distinct rows, counted by its database."""
    if isinstance(summary, pd.DataFrame):
        return summary
    keys = [name for name in ("frequency", "recency", "T", "unit", *names) if name in summary.columns]
    count = summary.customers.sum() if "customers" in summary.columns else summary.count()
    return to_pandas(summary.group_by(list(dict.fromkeys(keys))).agg(customers=count))


def _this_customer(_: Numbers) -> str:
    return "this customer"


def _caller(frame: pd.DataFrame) -> Callable[[Numbers], str]:
    """How to call the rows of a mask in a message."""

    def who(bad: Numbers) -> str:
        if "customers" in frame.columns and "customer_id" not in frame.columns:
            return f"{frame['customers'].to_numpy()[bad].sum():.0f} customers"
        kind = "customer" if "customer_id" in frame.columns else "row"
        names = [str(name) for name in np.asarray(customer_names(frame), dtype=object)[bad]]
        return f"{kind}{'s' if len(names) > 1 else ''} {_listed(names)}"

    return who


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _read(
    name: str, column: pd.Series, weights: Numbers, who: Callable[[Numbers], str]
) -> tuple[Covariate, Numbers, Numbers]:
    """How to read a column, each row's place among its distinct values, and these values coded."""
    missing = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise CovariateInvalid(
            f"{who(missing)}: no value in the column {name}; fill in what is not known (with a value of its own, "
            'such as "unknown"), or leave such customers out'
        )
    if _holds_numbers(column):
        numbers = _as_numbers(name, column, who)
        values, codes = np.unique(numbers, return_inverse=True)
        share = np.bincount(codes, weights) / weights.sum()
        _check_varies(name, len(values), f"{values[0]:g}")
        mean = float(share @ values)
        spread = _spread(name, share, values, mean)
        covariate = Covariate(name, mean, spread=spread, is_number=True)
        return covariate, codes, covariate.coded(values, who)
    codes, found = pd.factorize(column.astype(object))
    in_order = np.array(sorted(range(len(found)), key=lambda i: (str(type(found[i])), str(found[i]))), dtype=int)
    _check_varies(name, len(found), found[0])
    if len(found) > MOST_VALUES:
        raise CovariateInvalid(
            f"the column {name} has {len(found)} different values, more than {MOST_VALUES}: too few customers share "
            "one to see its effect. Group its values, or leave it out; if it is a number, make it one"
        )
    codes = np.argsort(in_order, kind="stable")[codes]
    values = np.asarray(found, dtype=object)[in_order]
    most = int(np.argmax(np.bincount(codes, weights)))
    covariate = Covariate(name, values[most], tuple(np.delete(values, most)))
    return covariate, codes, covariate.coded(values, who)


def _spread(name: str, share: Numbers, values: Numbers, mean: float) -> float:
    """The standard deviation; raises ``CovariateInvalid`` for a column in a unit in which it cannot be told."""
    away = values - mean
    farthest = float(np.abs(away).max())
    spread = farthest * float(np.sqrt(share @ (away / farthest) ** 2)) if 0 < farthest < np.inf else farthest
    if not LEAST_SPREAD <= spread <= MOST_SPREAD:
        raise CovariateInvalid(
            f"the numbers in the column {name} differ by {spread:g} (their standard deviation), too "
            f"{'little' if spread < 1 else 'much'} to reckon with; give it in another unit"
        )
    return spread


def _ratio(log_ratio: Numbers) -> Numbers:
    return np.exp(np.clip(log_ratio, -MOST_LOG_RATIO, MOST_LOG_RATIO))


def _holds_numbers(column: pd.Series) -> bool:
    types = pd.api.types
    if types.is_bool_dtype(column):
        return False
    if types.is_object_dtype(column):
        return all(isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in column)
    if types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column):
        raise CovariateInvalid(f"the column {column.name} holds dates; make it a number, such as the days since a day")
    return bool(types.is_numeric_dtype(column))


def _as_numbers(name: str, column: Any, who: Callable[[Numbers], str]) -> Numbers:
    try:
        numbers = pd.Series(column).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise CovariateInvalid(f"the column {name} held numbers when the model was fitted and now holds text") from None
    bad = ~np.isfinite(numbers)
    if bad.any():
        raise CovariateInvalid(f"{who(bad)}: {name} is missing or infinite; fill it in or leave such customers out")
    return numbers


def _check_varies(name: str, values: int, only: Any) -> None:
    if values < 2:
        raise CovariateInvalid(
            f"the column {name} is {only} for all customers, so that it cannot tell them apart; leave it out"
        )


def _merged(base: CustomerBase, weights: Numbers, codes: list[Numbers]) -> tuple[CustomerBase, Numbers]:
    """Distinct (history, covariates) and counts; and for each the place of its value in each covariate."""
    key = base.row
    for code in codes:
        # Renumbered each time, so that keys stay small.
        key = np.unique(key.astype(np.int64) * (int(code.max()) + 1) + code, return_inverse=True)[1]
    _, first, row = np.unique(key, return_index=True, return_inverse=True)
    history = base.row[first]
    merged = CustomerBase(
        base.x[history], base.t_x[history], base.T[history], np.bincount(row, weights), row, base.unit
    )
    combination = np.array([code[first] for code in codes], dtype=int).T.reshape(len(first), len(codes))
    return merged, combination


def _check_independent(columns: list[str], design: Numbers, customers: Numbers) -> None:
    """Refuse columns that are sums of others: which of them has an effect, nobody could tell."""
    centred = np.sqrt(customers)[:, None] * (design - customers @ design / customers.sum())
    lengths = linalg.norm(centred, axis=0)
    centred = centred / np.where(lengths > 0, lengths, 1.0)
    for i, column in enumerate(columns):
        if i == 0:
            continue
        shares, *_ = linalg.lstsq(centred[:, :i], centred[:, i])
        if linalg.norm(centred[:, i] - centred[:, :i] @ shares) < LEAST_OWN:
            by = [other for other, share in zip(columns, shares, strict=False) if abs(share) > LEAST_OWN]
            raise CovariateInvalid(
                f"{column} is told already by {', '.join(by)} (a sum or multiple of it for all customers), so that "
                "their effects cannot be told apart; leave one of them out"
            )
