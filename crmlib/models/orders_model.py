"""What every model of orders in continuous time answers, and how it is fitted: the shape that all of them share.

A model file holds what is its own: the likelihood, and what is expected of a customer who is surely alive. Everything
that follows from these by the laws of probability is here.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy import special

from crmlib.models.arrays import Numbers
from crmlib.models.convergence import in_words, meaning
from crmlib.models.customer_base import CustomerBase, check_enough, check_histories, merge_histories, read_histories
from crmlib.models.errors import FitDidNotConverge
from crmlib.models.maximum_likelihood import FittedModel, most_likely
from crmlib.models.posterior import Likelihood, Peak
from crmlib.models.time_units import Unit, days_per_unit

# Beyond so many distinct histories, a fit to rounded times comes first: it saves time, and its likelihood, of nearly
# the same shape, tells cheaply whether the normal approximation is good enough to draw parameters from.
MANY_HISTORIES = 20_000


@dataclass(frozen=True)
class Future:
    """What surely alive customers may do, one simulated future each.

    ``orders`` in the time asked for; ``residual_orders``, all orders they will ever place, discounted (0 where no
    discount was given).
    """

    orders: Numbers
    residual_orders: Numbers


@dataclass(kw_only=True, repr=False, eq=False)
class OrdersModel(FittedModel):
    """A model of how often customers order and until when; times in ``unit``.

    x repeat orders, the last of them t_x after the first order, seen until T after it. All array functions take
    arrays of one shape, or such as broadcast against each other, and raise ``CustomerBaseInvalid`` for histories that
    cannot be true, ``ValueError`` for times that are negative or not finite and for numbers of orders that are not
    whole.
    """

    unit: Unit = "weeks"
    # Which parameters are times, so that they grow with the unit.
    times: ClassVar[tuple[str, ...]] = ()
    # Beyond so many distinct histories it is fitted to every so many-th customer; None: to all, however many.
    most_histories: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        days_per_unit(self.unit)

    # --- what each model says of itself

    @classmethod
    @abstractmethod
    def likelihood(cls, base: CustomerBase) -> Likelihood:
        """The log-likelihood of distinct histories with gradient and Hessian, as a function of log-parameters."""

    @abstractmethod
    def log_likelihood(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The log-likelihood of each history."""

    @abstractmethod
    def log_odds_gone(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The logarithm of P(gone) / P(alive) at T; −∞ where a customer is surely alive."""

    @abstractmethod
    def expected_orders_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """Expected orders in the next ``t`` of customers who are surely alive after x repeat orders until T."""

    @abstractmethod
    def expected_order_pairs_if_alive(self, t: Any, x: Any, T: Any) -> Numbers:
        """E[Y(Y − 1)] of the orders Y in the next ``t`` of surely alive customers: with it goes Var(Y)."""

    @abstractmethod
    def residual_orders_if_alive(self, x: Any, T: Any, discount: float) -> Numbers:
        """All orders that surely alive customers will ever place, each discounted: E[Σ exp(−discount · time)]."""

    @abstractmethod
    def expected_orders_new(self, t: Any) -> Numbers:
        """Expected repeat orders of a new customer in the time ``t`` since their first order."""

    @abstractmethod
    def pmf(self, n: Any, t: Any) -> Numbers:
        """The probability that a new customer places n repeat orders in the time ``t``."""

    @abstractmethod
    def simulate_if_alive(
        self, t: float, x: Numbers, T: Numbers, random: np.random.Generator, *, discount: float = 0.0
    ) -> Future:
        """One future of each surely alive customer: rate and leaving drawn from what x and T leave possible."""

    # --- what follows

    def p_alive(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """The probability that a customer with this history has not left, in [0, 1]."""
        return special.expit(-self.log_odds_gone(x, t_x, T))

    def expected_orders(self, t: Any, x: Any, t_x: Any, T: Any) -> Numbers:
        """Expected orders in the next ``t`` (in ``unit``) of customers with this history.

        Raises ``ValueError`` for a ``t`` that is negative or not finite.
        """
        check_times(t=t)
        x, t_x, T = histories(x, t_x, T)
        return self.p_alive(x, t_x, T) * self.expected_orders_if_alive(t, x, T)

    def residual_orders(self, x: Any, t_x: Any, T: Any, discount: float) -> Numbers:
        """DERT: all orders that customers with this history will ever place, discounted to now.

        ``discount``: the continuously compounded rate per ``unit``, above 0; from a yearly rate d in weeks it is
        log(1 + d) · 7 / 365. Source: Fader, Hardie & Lee (2005), "RFM and CLV", appendix.
        """
        if not (np.isfinite(discount) and discount > 0):
            raise ValueError(f"discount must be above 0, not {discount!r}: undiscounted orders may have no end")
        x, t_x, T = histories(x, t_x, T)
        return self.p_alive(x, t_x, T) * self.residual_orders_if_alive(x, T, discount)

    @classmethod
    def fit(cls, summary: Any, *, unit: Unit | None = None, prior_spread: float | None = None) -> Self:
        """The model under which these customers' histories are most likely.

        ``summary`` (pandas or Ibis): ``frequency, recency, T`` with times in its column ``unit``, else in the argument
        ``unit`` (weeks, if neither says); optionally ``customers``, how many customers a row stands for. Equal
        histories are merged first, for an Ibis table in its database. Raises ``CustomerBaseInvalid`` for histories
        that cannot be true, ``TooFewRepeatBuyers`` and ``FitDidNotConverge``. Deterministic, whatever the order of
        rows. A model whose likelihood costs much is fitted to ``most_histories`` at most: to every so many-th customer
        of those sorted by history, who are of all kinds. The intervals are then those of so many customers.

        Small or uniform bases may have no maximum. ``prior_spread`` helps: each log-parameter then has a normal
        prior around a typical base with this standard deviation (2 is weak: a factor of 7 either way).
        """
        base = read_histories(summary, unit=unit)
        check_enough(base)
        base = every_so_many(base, most=cls.most_histories)
        customers = float(base.customers.sum())
        # Time in mean ages, so that starts and steps mean the same for days and weeks.
        scale = float(base.customers @ base.T) / customers
        scaled = CustomerBase(base.x, base.t_x / scale, base.T / scale, base.customers, base.row)
        shift = np.log(scale) * np.isin(cls.symbols, cls.times)
        rough = cls._rough_peak(scaled, prior_spread)
        try:
            estimate = most_likely(
                cls.likelihood(scaled), cls.starts, cls.symbols, customers=customers, prior_spread=prior_spread,
                first=[] if rough is None else [rough.place], shift=shift,
                height=float(base.customers @ base.x) * np.log(scale), of=cls._data(scaled),
            )  # fmt: skip
        except FitDidNotConverge as error:
            raise error.explained(meaning(error.runs_to), in_words(base, base.unit or "weeks")) from None
        typical = cls.starts[0] + shift if prior_spread is None else None
        return cls.from_estimate(replace(estimate, rough=rough, typical=typical), unit=base.unit or "weeks")

    @classmethod
    def _data(cls, base: CustomerBase) -> list[Any]:
        """What the likelihood of these histories is made of."""
        return [cls.__name__, base.x, base.t_x, base.T, base.customers]

    @classmethod
    def _rough_peak(cls, base: CustomerBase, prior_spread: float | None) -> Peak | None:
        """The posterior of the same customers with rounded times, so few histories that it costs nothing.

        None where histories are few anyway, and where it has no maximum.
        """
        if len(base) <= MANY_HISTORIES:
            return None
        # Rounding makes customers more regular than they are, which may take the maximum away: then, rounded less.
        for grains in (32, 128):
            grain = float(base.T.max()) / grains
            t_x, T = (np.ceil(time / grain) * grain for time in (base.t_x, base.T))
            rough = merge_histories(base.x, t_x, T, base.customers)
            if len(rough) > 0.8 * len(base):
                return None
            try:
                return most_likely(
                    cls.likelihood(rough), cls.starts, cls.symbols,
                    customers=float(base.customers.sum()), prior_spread=prior_spread, of=cls._data(rough),
                ).peak  # fmt: skip
            except FitDidNotConverge:
                continue
        return None


def every_so_many(base: CustomerBase, *, most: int | None) -> CustomerBase:
    """Every so many-th customer of a base sorted by history, if it has more than ``most`` distinct ones; else all.

    >>> base = merge_histories(np.arange(6.0), np.arange(6.0), np.full(6, 9.0))
    >>> every_so_many(base, most=3).x.tolist()
    [1.0, 3.0, 5.0]
    """
    if most is None or len(base) <= most:
        return base
    nth = -(-len(base) // most)
    until = np.cumsum(base.customers.astype(np.int64)) // nth
    customers = np.diff(until, prepend=0)
    kept = customers > 0
    left = (base.x[kept], base.t_x[kept], base.T[kept], customers[kept].astype(float))
    return CustomerBase(*left, base.row[:0], base.unit)


def histories(x: Any, t_x: Any, T: Any) -> list[Numbers]:
    """The three as float arrays of one shape, checked."""
    x, t_x, T = broadcast(x, t_x, T)
    check_histories(x, t_x, T)
    return [x, t_x, T]


def broadcast(*values: Any) -> list[Numbers]:
    """The values as float arrays of one shape."""
    return list(np.broadcast_arrays(*(np.asarray(value, float) for value in values)))


def futures(t: Any, x: Any, T: Any) -> list[Numbers]:
    """The time to look ahead, repeat orders so far and age as float arrays of one shape, checked."""
    check_times(t=t, T=T)
    check_counts(x=x)
    return broadcast(t, x, T)


def check_times(**times: Any) -> None:
    """Refuse times that cannot be: ``ValueError`` unless all are finite and 0 or more; arguments are called by name."""
    for name, given in times.items():
        values = np.asarray(given, float)
        if not np.all((values >= 0) & (values < np.inf)):
            raise ValueError(
                f"{name} is {_first(values, ~((values >= 0) & (values < np.inf)))}; times are finite and 0 or more, "
                "in the model's unit"
            )


def check_counts(**counts: Any) -> None:
    """Refuse numbers of orders that cannot be: ``ValueError`` unless all are whole, finite and 0 or more."""
    for name, given in counts.items():
        values = np.asarray(given, float)
        right = (values >= 0) & (values < np.inf) & (values == np.floor(values))
        if not np.all(right):
            raise ValueError(f"{name} is {_first(values, ~right)}; orders are counted: whole numbers from 0 on")


def _first(values: Numbers, bad: Numbers) -> str:
    """The first of the wrong values, and where it stands if there are several values."""
    places = np.flatnonzero(bad)
    where = f" at position {places[0]}" if values.size > 1 else ""
    more = f" (and {len(places) - 1} more are wrong)" if len(places) > 1 else ""
    return f"{values.ravel()[places[0]]:g}{where}{more}"
