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

from collections.abc import Callable, Mapping, Sequence
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
from crmlib.models.maximum_likelihood import maximise, with_prior
from crmlib.models.orders_model import OrdersModel
from crmlib.models.posterior import NOT_ASKED, Likelihood, ParameterDraws, Peak, draw
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
        values = np.asarray(column, dtype=object)
        known = [self.reference, *self.values]
        place = {value: i for i, value in enumerate(known)}
        codes = np.array([place.get(value, -1) for value in values], dtype=int)
        unknown = codes < 0
        if unknown.any():
            found = sorted({str(value) for value in values[unknown]})
            raise CovariateInvalid(
                f"{who(unknown)}: {self.name} is {_listed(found)}, which was not there when the model was fitted; "
                f"known are {_listed([str(value) for value in known])}. Rename such values to a known one, "
                "or fit again with them"
            )
        return (codes[:, None] == np.arange(1, len(known))).astype(float)


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
    missing = [name for name in names if name not in summary.columns]
    if missing:
        raise CovariateInvalid(
            f"the customer summary has no column {', '.join(missing)}; join it to the summary, by customer_id"
        )
    frame = _counted(summary, names)
    base = read_histories(frame, rows=True, unit=unit)
    weights = frame["customers"].to_numpy(dtype=float) if "customers" in frame.columns else np.ones(len(frame))
    who = _caller(frame)
    found = [_read(name, frame[name], weights, who) for name in names]
    covariates = tuple(covariate for covariate, _, _ in found)
    merged, combination = _merged(base, weights, [codes for _, codes, _ in found])
    values = {c.name: z[combination[:, i]] for i, (c, _, z) in enumerate(found)}
    setup = _Setup(model, merged, values, covariates, tuple(orders), tuple(leaving), prior_spread)
    setup.check()
    return setup.fit()


@dataclass(frozen=True)
class CovariateModel:
    """A model of orders whose parameters depend on what customers are like; see :func:`fit_with_covariates`.

    ``base_model``: that of customers at the reference (the mean of numbers, the most frequent value of text);
    ``reference`` says what that is. ``log_effects`` and ``covariance`` (of the base model's log-parameters, then the
    effects) as ``effects`` tells them.
    """

    base_model: OrdersModel
    covariates: tuple[Covariate, ...]
    orders: tuple[str, ...]
    leaving: tuple[str, ...]
    log_effects: Numbers
    covariance: Numbers
    log_likelihood_: float
    customers: float
    iterations: int
    likelihood: Likelihood = field(repr=False, compare=False)
    setup: _Setup = field(repr=False, compare=False)

    @property
    def converged(self) -> bool:
        """Whether the parameters are a proven maximum: always, because a fit that is none raises."""
        return True

    @property
    def reference(self) -> dict[str, Any]:
        """The customer of whom ``base_model`` speaks: a value per covariate."""
        return {covariate.name: covariate.reference for covariate in self.covariates}

    @property
    def aic(self) -> float:
        """Akaike's information criterion, 2k − 2 log L: smaller is better."""
        return 2 * len(self.covariance) - 2 * self.log_likelihood_

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, k log N − 2 log L: smaller is better."""
        return len(self.covariance) * float(np.log(self.customers)) - 2 * self.log_likelihood_

    @property
    def params(self) -> pd.DataFrame:
        """The base model's parameters: index symbol; ``estimate, standard_error, low, high`` (95 %, log-scale)."""
        symbols = self.base_model.symbols
        values = np.exp(self.base_model.log_parameters)
        spread = np.sqrt(np.diag(self.covariance))[: len(symbols)]
        z = special.ndtri(0.975)
        return pd.DataFrame(
            {"estimate": values, "standard_error": values * spread, "low": values * np.exp(-z * spread),
             "high": values * np.exp(z * spread)},
            index=pd.Index(symbols, name="parameter"),
        )  # fmt: skip

    @property
    def effects(self) -> pd.DataFrame:
        """What each covariate does, per unit of its column, or against the most frequent value.

        ``covariate``, ``on`` ("orders" or "leaving"), ``effect`` (γ), ``ratio`` (exp γ: by what the rate of ordering,
        the rate of leaving or the odds of leaving are multiplied), ``standard_error``, ``z``, ``p_value`` (Wald,
        two-sided), ``low, high`` (95 %) and ``ratio_low, ratio_high``. ``ratio_per_sd``: of a number, the ratio per
        standard deviation of its column, whatever the unit; of text, ``ratio`` itself. Where the unit of a column is so
        small that a ratio per unit would be no number, it stands at e^700 or e^−700: read ``ratio_per_sd``.
        """
        spread = np.sqrt(np.diag(self.covariance))[len(self.base_model.symbols) :]
        z, width = self.log_effects / spread, special.ndtri(0.975) * spread
        low, high = self.log_effects - width, self.log_effects + width
        columns = self.setup.effect_names
        return pd.DataFrame(
            {
                "covariate": [name for name, _ in columns],
                "on": [on for _, on in columns],
                "effect": self.log_effects,
                "ratio": _ratio(self.log_effects),
                "standard_error": spread,
                "z": z,
                "p_value": 2 * special.ndtr(-np.abs(z)),
                "low": low,
                "high": high,
                "ratio_low": _ratio(low),
                "ratio_high": _ratio(high),
                "ratio_per_sd": _ratio(self.log_effects * self.setup.spreads),
            }
        )

    def draws(self, count: int = 200, *, seed: int = 0) -> ParameterDraws:
        """Parameters that the data leave possible: the base model's, then the ratio of each row of ``effects``."""
        place = np.concatenate([self.base_model.log_parameters, self.log_effects])
        # Drawn per standard deviation, because ratios per unit may be no numbers; and so the same in any unit.
        unscale = np.append(np.ones(len(self.base_model.symbols)), self.setup.spreads)

        def scaled(parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            value, gradient, hessian = self.likelihood(parameters / unscale, curved=curved)
            return value, gradient / unscale, hessian / np.outer(unscale, unscale)

        peak = Peak(scaled, place * unscale, self.covariance * np.outer(unscale, unscale))
        drawn = draw(peak, count, np.random.default_rng(seed))
        return replace(drawn, values=_ratio(np.log(drawn.values) / unscale))

    def likelihood_ratio_test(self) -> LikelihoodRatioTest:
        """Whether covariates tell customers apart at all: against the same model without any.

        Raises ``ValueError`` for a fit with a prior, whose likelihood is not at its maximum.
        """
        return self._against((), ())

    def tests_by_covariate(self) -> pd.DataFrame:
        """The likelihood-ratio test against the model without one covariate, for each.

        One row per covariate and process: ``covariate``, ``on``, ``statistic, degrees_of_freedom, p_value``. A text
        column is tested with all its values together. Raises as :meth:`likelihood_ratio_test`.
        """
        dropped = [("orders", name) for name in self.orders] + [("leaving", name) for name in self.leaving]
        rows = []
        for on, name in dropped:
            orders, leaving = (
                tuple(other for other in of if (on, name) != (process, other))
                for process, of in (("orders", self.orders), ("leaving", self.leaving))
            )
            test = self._against(orders, leaving)
            rows.append((name, on, test.statistic, test.degrees_of_freedom, test.p_value))
        return pd.DataFrame(rows, columns=["covariate", "on", "statistic", "degrees_of_freedom", "p_value"])

    def at(self, customer: Mapping[str, Any] | pd.Series) -> OrdersModel:
        """The model of customers with these covariates, from a mapping or a row that has them all.

        It has no standard errors, nor draws. Raises ``CovariateInvalid`` for a covariate that is missing, unknown, or a
        number far out of what the model was fitted to.
        """
        missing = [covariate.name for covariate in self.covariates if covariate.name not in customer]
        if missing:
            raise CovariateInvalid(f"the customer has no {', '.join(missing)}; give a value for each covariate")
        values = {c.name: c.coded([customer[c.name]], lambda _: "this customer") for c in self.covariates}
        orders, leaving = self._lines(values, lambda _: "this customer")
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

    def _against(self, orders: tuple[str, ...], leaving: tuple[str, ...]) -> LikelihoodRatioTest:
        if self.setup.prior_spread is not None:
            raise ValueError("a likelihood-ratio test needs a fit without prior_spread; fit again without it")
        restricted = replace(self.setup, orders=orders, leaving=leaving)
        freedom = len(self.setup.effect_names) - len(restricted.effect_names)
        gain = self.log_likelihood_ - restricted.fit().log_likelihood_
        statistic = max(float(2 * gain), 0.0) if freedom else 0.0
        return LikelihoodRatioTest(statistic, freedom, float(stats.chi2.sf(statistic, freedom)) if freedom else 1.0)

    def _lines(self, values: Mapping[str, Numbers], who: Callable[[Numbers], str]) -> tuple[Numbers, Numbers]:
        """By how much each customer's log rate of ordering, and log rate or odds of leaving, differ from the base."""
        many = len(next(iter(values.values()))) if values else 1
        scaled = self.log_effects * self.setup.spreads
        split = sum(on == "orders" for _, on in self.setup.effect_names)
        orders, leaving = (_design(values, of, many) for of in (self.orders, self.leaving))
        lines = orders @ scaled[:split], leaving @ scaled[split:]
        for line, names, design, effects in zip(
            lines, (self.orders, self.leaving), (orders, leaving), (scaled[:split], scaled[split:]), strict=True
        ):
            far = ~(np.abs(line) <= FARTHEST)
            if far.any():
                self._refuse_far(far, names, design * effects, values, who)
        return lines

    def _refuse_far(
        self, far: Numbers, names: Sequence[str], moves: Numbers, values: Mapping[str, Numbers],
        who: Callable[[Numbers], str],
    ) -> None:  # fmt: skip
        """Raise with the covariate that moves the first of these customers most."""
        first = int(np.argmax(far))
        owner = [name for name in names for _ in range(values[name].shape[1])]
        name = owner[int(np.argmax(np.abs(moves[first])))]
        covariate = next(one for one in self.covariates if one.name == name)
        if not covariate.is_number:
            raise CovariateInvalid(
                f"{who(far)}: with their {name}, the model would be asked for rates beyond all numbers, because the "
                "effect of that value is not known; leave it out, or fit with prior_spread=2"
            )
        away = float(values[name][first, 0])
        raise CovariateInvalid(
            f"{who(far)}: {name} is far out of what the model was fitted to (first: "
            f"{covariate.reference + away * covariate.spread:g}, {abs(away):.3g} standard deviations from the mean "
            f"{covariate.reference:g}), so that its effect there is not known; is the value, or its unit, an error? "
            f"Correct it, or leave such customers out; if such values are common, fit to the logarithm of {name}"
        )

    def _moved(self, orders: float, leaving: float) -> OrdersModel:
        log_parameters = self.base_model.log_parameters.copy()
        for (place, sign), line in zip(_places(type(self.base_model)), (orders, leaving), strict=True):
            log_parameters[place] += sign * line
        return self.base_model.with_log_parameters(log_parameters)

    def _per_row(self, summary: Any, answer: Callable[..., Numbers]) -> Numbers:
        frame = to_pandas(summary)
        base = read_histories(frame, rows=True, unit=self.base_model.unit)
        missing = [covariate.name for covariate in self.covariates if covariate.name not in frame.columns]
        if missing:
            raise CovariateInvalid(
                f"the customer summary has no column {', '.join(missing)}; join it to the summary, by customer_id"
            )
        who = _caller(frame)
        orders, leaving = (
            np.broadcast_to(line, len(frame))
            for line in self._lines({c.name: c.coded(frame[c.name], who) for c in self.covariates}, who)
        )
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
    covariates: tuple[Covariate, ...]
    orders: tuple[str, ...]
    leaving: tuple[str, ...]
    prior_spread: float | None

    @cached_property
    def effect_names(self) -> list[tuple[str, str]]:
        """(covariate, on) of each effect."""
        by_name = {covariate.name: covariate for covariate in self.covariates}
        return [
            (column, on)
            for on, names in (("orders", self.orders), ("leaving", self.leaving))
            for name in names
            for column in by_name[name].columns
        ]

    @cached_property
    def spreads(self) -> Numbers:
        """In units of what each effect was estimated."""
        by_column = {column: covariate.spread for covariate in self.covariates for column in covariate.columns}
        return np.array([by_column[column] for column, _ in self.effect_names])

    def check(self) -> None:
        """Refuse columns that the others tell already; raises ``CovariateInvalid``."""
        by_name = {covariate.name: covariate for covariate in self.covariates}
        for names in (self.orders, self.leaving):
            columns = [column for name in names for column in by_name[name].columns]
            _check_independent(columns, _design(self.values, names, len(self.base)), self.base.customers)

    def fit(self) -> CovariateModel:
        """The effects and parameters under which these customers are most likely."""
        model, base = self.model, self.base
        plain, plain_error = self._plain()
        symbols = [*model.symbols, *(f"ratio of {on} by {name}" for name, on in self.effect_names)]
        size, effects = len(model.symbols), len(self.effect_names)
        if not effects and plain is not None and plain.estimate is not None:
            estimate = plain.estimate
            assert estimate.likelihood is not None
            return CovariateModel(
                plain, self.covariates, (), (), np.empty(0), estimate.covariance, estimate.log_likelihood,
                estimate.customers, estimate.iterations, estimate.likelihood, self,
            )  # fmt: skip
        if plain_error is not None and not effects:
            raise plain_error
        customers = float(base.customers.sum())
        scale = float(base.customers @ base.T) / customers
        shift = np.append(np.log(scale) * np.isin(model.symbols, model.times), np.zeros(effects))
        height = float(base.customers @ base.x) * np.log(scale)
        free = self._likelihood(scale)
        centre = np.append(next(iter(model.starts())), np.zeros(effects))
        likelihood = with_prior(free, centre, self.prior_spread)
        starts = [np.append(start, np.zeros(effects)) for start in model.starts()]
        if plain is not None:
            starts.insert(0, np.append(plain.log_parameters - shift[:size], np.zeros(effects)))
        try:
            place, value, hessian, iterations = maximise(likelihood, starts, symbols)
        except FitDidNotConverge as error:
            raise self._explained(error) from None
        unscale = np.append(np.ones(size), self.spreads)

        def unscaled(parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            value, gradient, hessian = likelihood(parameters * unscale - shift, curved=curved)
            return value - height, gradient * unscale, hessian * np.outer(unscale, unscale)

        parameters = (place + shift) / unscale
        values = dict(zip(model.symbols, np.exp(parameters[:size]).tolist(), strict=True))
        return CovariateModel(
            base_model=model(**values, unit=base.unit or "weeks"),  # type: ignore[call-arg]
            covariates=self.covariates,
            orders=self.orders,
            leaving=self.leaving,
            log_effects=parameters[size:],
            covariance=np.linalg.inv(-hessian) / np.outer(unscale, unscale),
            log_likelihood_=(value if self.prior_spread is None else free(place)[0]) - height,
            customers=customers,
            iterations=iterations,
            likelihood=unscaled,
            setup=self,
        )

    def _plain(self) -> tuple[OrdersModel | None, FitDidNotConverge | None]:
        """The model without covariates, or why there is none."""
        base = self.base
        frame = pd.DataFrame({"frequency": base.x, "recency": base.t_x, "T": base.T, "customers": base.customers})
        try:
            return self.model.fit(frame, unit=base.unit, prior_spread=self.prior_spread), None
        except FitDidNotConverge as error:
            return None, error

    def _likelihood(self, scale: float) -> Likelihood:
        """The log-likelihood in the base's log-parameters and the effects, by the chain rule: all is linear."""
        base, size = self.base, len(self.model.symbols)
        t_x, T = base.t_x / scale, base.T / scale
        row_likelihood = self.model.row_likelihood  # type: ignore[attr-defined]
        blocks = []
        first = size
        for (place, sign), names in zip(_places(self.model), (self.orders, self.leaving), strict=True):
            design = sign * _design(self.values, names, len(base))
            blocks.append((place, design, slice(first, first + design.shape[1])))
            first += design.shape[1]

        def likelihood(parameters: Numbers, *, curved: bool = True) -> tuple[float, Numbers, Numbers]:
            own = np.tile(parameters[:size], (len(base), 1))
            for place, design, columns in blocks:
                own[:, place] += design @ parameters[columns]
            with np.errstate(all="ignore"):
                rows, slopes, curves = row_likelihood(own, base.x, t_x, T)
            n = base.customers
            if not curved:
                return float(n @ rows), NOT_ASKED, NOT_ASKED
            gradient, hessian = np.empty(first), np.empty((first, first))
            gradient[:size], hessian[:size, :size] = n @ slopes, np.einsum("n,nij->ij", n, curves)
            for place, design, columns in blocks:
                gradient[columns] = design.T @ (n * slopes[:, place])
                hessian[columns, :size] = design.T @ (n[:, None] * curves[:, place])
                hessian[:size, columns] = hessian[columns, :size].T
                for other_place, other, other_columns in blocks:
                    hessian[columns, other_columns] = design.T @ ((n * curves[:, place, other_place])[:, None] * other)
            return float(n @ rows), gradient, hessian

        return likelihood

    def _explained(self, error: FitDidNotConverge) -> FitDidNotConverge:
        """The error with what ran away, and the data, in words."""
        ran = [f"{symbol} runs to {end}" for symbol, end in error.runs_to.items() if symbol.startswith("ratio of ")]
        hint = (
            f"Here, {', '.join(ran)}: of the customers with that value, nobody or everybody ordered again or left. "
            "Leave that covariate out, or merge its value with another. "
            if ran
            else ""
        )
        return FitDidNotConverge(
            f"{error}. {hint}The data: {in_words(self.base, self.base.unit or 'weeks')}", runs_to=error.runs_to
        )


def _places(model: type[OrdersModel]) -> list[tuple[int, float]]:
    """Which log-parameter, and with which sign, moves with the effects on orders and on leaving."""
    leaving = ("a", 1.0) if "a" in model.symbols else ("beta", -1.0)
    return [(model.symbols.index("alpha"), -1.0), (model.symbols.index(leaving[0]), leaving[1])]


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
    codes = np.argsort(in_order)[codes]
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


def _design(values: Mapping[str, Numbers], names: Sequence[str], many: int) -> Numbers:
    return np.concatenate([np.empty((many, 0)), *(values[name] for name in names)], axis=1)


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
