"""Contracts: where the end of a relationship is seen, how many still run after each renewal, and how it goes
on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crmlib.engine import same_kind, to_pandas
from crmlib.statistics import kaplan_meier
from crmlib.subscriptions import TERM_MONTHS, renewals_due, unbroken

if TYPE_CHECKING:
    import pandas as pd

    from crmlib.models.renewal_comparison import RenewalComparison
    from crmlib.models.renewal_model import RenewalModel

Term = Literal["month", "quarter", "year"]
_FEWEST_LOST = 10
_DRAWS = 1000
_MODELS = ["model", "alpha", "beta", "c", "log_likelihood", "p_value", "picked"]
_OUTLOOK = ["contracts", "left", "left_low", "left_high", "contribution", "lost", "lost_low", "lost_high"]


@same_kind
def renewal_ages(subscriptions: Any, *, as_of: Any, term: Term | None = None) -> Any:
    """How many contracts came to each renewal, and how many ended there: one row per age, as far as observed.

    Columns: ``age`` (1: the first renewal, one ``term`` after the start), ``at_risk`` (contracts whose
    decision at this renewal has been seen by ``as_of``) and ``lost`` (of these, ended). A contract that
    still runs is counted at the renewals it has behind it and at no later one. An end between two renewals
    counts at the later one, an end within ``GRACE_DAYS`` after a renewal at that renewal; ends after
    ``as_of`` are not known yet. If a customer's next contract begins within ``GRACE_DAYS`` of the end of
    one, the first did not end: a change of plan is no loss.

    ``term`` (month, quarter, year) is the period between renewals: contracts of other terms are left out;
    without it the most frequent one is taken. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b", "c"],
    ...     "started_at": pd.to_datetime(["2025-01-01", "2025-01-15", "2025-02-01"]),
    ...     "ended_at": pd.to_datetime(["2025-03-01", None, "2025-03-01"])})
    >>> renewal_ages(subscriptions, as_of="2025-03-31")
       age  at_risk  lost
    0    1        3     1
    1    2        2     1
    """
    import ibis

    each = _contracts(subscriptions, as_of=as_of, term=term)
    counted = each.group_by("seen", "lost").agg(contracts=each.count())
    ages = counted.filter(counted.seen > 0).mutate(age=lambda t: ibis.range(1, t.seen + 1).unnest().cast("int64"))
    return (
        ages.group_by("age")
        .agg(
            at_risk=ages.contracts.sum(),
            lost=ages.contracts.sum(where=ages.lost & (ages.age == ages.seen)).fill_null(0),
        )
        .order_by("age")
    )


@same_kind
def running_subscriptions(subscriptions: Any, *, as_of: Any, term: Term | None = None) -> Any:
    """The contracts that run on the day ``as_of``, by the number of renewals that they have behind them.

    Columns: ``age``, ``contracts`` and ``revenue`` of one term (client's currency; empty without prices).
    Further as in :func:`renewal_ages`.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b"], "price": [9.0, 5.0], "ended_at": [None, None],
    ...     "started_at": pd.to_datetime(["2025-01-01", "2025-03-15"])})
    >>> running_subscriptions(subscriptions, as_of="2025-03-31")
       age  contracts  revenue
    0    0          1      5.0
    1    2          1      9.0
    """
    each = _contracts(subscriptions, as_of=as_of, term=term)
    running = each.filter(~each.lost & each.stop.isnull())
    return (
        running.group_by(age=running.seen).agg(contracts=running.count(), revenue=running.price.sum()).order_by("age")
    )


@same_kind
def subscription_terms(subscriptions: Any, *, as_of: Any) -> Any:
    """How many contracts there are of each term, the most frequent term first.

    Columns: ``term`` (as the client has it, in small letters), ``contracts`` (begun by ``as_of``) and ``running`` (on
    the day ``as_of``). Contracts that follow one another without a gap are one, of the first one's term. The other
    measures of contracts look at one term at a time, without a choice at the most frequent one. pandas or Ibis in,
    same kind out.

    >>> import pandas as pd
    >>> subscriptions = pd.DataFrame({"customer_id": ["a", "b", "c"], "period": ["month", "month", "year"],
    ...     "started_at": pd.to_datetime(["2025-01-01", "2025-01-15", "2025-02-01"]),
    ...     "ended_at": pd.to_datetime(["2025-03-01", None, None])})
    >>> subscription_terms(subscriptions, as_of="2025-03-31")
        term  contracts  running
    0  month          2        1
    1   year          1        1
    """
    return _terms(unbroken(subscriptions, as_of=as_of))


def _terms(contracts: Any) -> Any:
    import ibis

    running = contracts.count(where=contracts.stop.isnull())
    counted = contracts.group_by("term").agg(contracts=contracts.count(), running=running)
    return counted.order_by(ibis.desc("contracts"), "term")


def _contracts(subscriptions: Any, *, as_of: Any, term: Term | None) -> Any:
    """One row per unbroken contract: start, stop, price, renewals seen, and whether it was lost at the last
    of them."""
    terms = unbroken(subscriptions, as_of=as_of)
    term = term or most_frequent_term(_terms(terms))
    if term not in TERM_MONTHS:
        raise ValueError(f"term {term!r} is not known; use one of {', '.join(TERM_MONTHS)}")
    joined = terms.filter(terms.term == term)
    seen = renewals_due(joined, as_of=as_of, months=TERM_MONTHS[term])
    return seen.select("start", "stop", "price", "lost", "seen")


def most_frequent_term(terms: Any) -> Term:
    """The term of which there are most contracts, among those that can be counted (month, quarter, year).

    ``terms``: from :func:`subscription_terms`; ``month`` without any.
    """
    countable = [] if terms is None else [term for term in to_pandas(terms).term if term in TERM_MONTHS]
    return countable[0] if countable else "month"


def renewal_model(renewal_ages: Any) -> RenewalModel | None:
    """The model of how these contracts go on, sBG or BdW; None where they say too little to project them.

    ``renewal_ages``: a table from :func:`renewal_ages`. The sBG says that each contract's own chance to leave stays
    as it is, the BdW that it may rise or fall with age: it is taken where the data refute the sBG, as
    :func:`~crmlib.models.compare_renewals` decides, which also says why. Too little: fewer than ten ends,
    fewer than two renewals, or leaving that settles the parameters of neither model, as of contracts that do not
    differ (if they leave evenly, a plain rate says it all).

    >>> import pandas as pd
    >>> renewal_model(pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 631, 468], "lost": [369, 163, 86]}))
    ShiftedBetaGeometric(alpha=0.7837, beta=1.333)
    """
    compared = _compared(renewal_ages)
    return compared.picked if compared else None


def renewal_models(renewal_ages: Any) -> pd.DataFrame:
    """The models that these contracts settle, one row each, and which one is taken; empty where there is none.

    ``renewal_ages``: a table from :func:`renewal_ages`. Columns: ``model`` (sBG, BdW), ``alpha, beta, c`` (1 for the
    sBG), ``log_likelihood``; ``p_value`` of the test that c is 1 (empty unless both are settled); ``picked``
    as by :func:`~crmlib.models.compare_renewals`.

    >>> import pandas as pd
    >>> ages = pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 631, 468], "lost": [369, 163, 86]})
    >>> renewal_models(ages)[["model", "alpha", "beta", "c", "picked"]].round(2)
      model  alpha  beta     c  picked
    0   sBG   0.78  1.33  1.00    True
    1   BdW   0.47  0.80  1.26   False
    """
    import pandas as pd

    compared = _compared(renewal_ages)
    if compared is None:
        return pd.DataFrame(columns=_MODELS)
    table = compared.table.dropna(subset="alpha")
    table = table.assign(p_value=table.p_value.max(), picked=table.model == compared.pick)
    return table[_MODELS].reset_index(drop=True)


def _compared(renewal_ages: Any) -> RenewalComparison | None:
    from crmlib.models.errors import FitDidNotConverge
    from crmlib.models.renewal_comparison import compare_renewals

    frame = to_pandas(renewal_ages)
    if frame.empty or frame.lost.sum() < _FEWEST_LOST:
        return None
    try:
        return compare_renewals(frame)
    except FitDidNotConverge:
        return None


def project_renewals(renewal_ages: Any, model: RenewalModel | None, *, until: int | None = None) -> pd.DataFrame:
    """How many contracts are left after each renewal: observed as far as it goes, and projected beyond.

    ``renewal_ages``: a table from :func:`renewal_ages`; ``model``: from :func:`renewal_model`; ``until``
    which age, half as far again as observed unless given. One row per ``age`` from 0: ``at_risk, lost``; ``survival``
    observed (Kaplan–Meier) with its 95 % interval ``low, high`` (Greenwood, complementary log-log);
    ``projected`` with ``projected_low, projected_high``, and the ``model`` that it is from (sBG or BdW). Empty where
    unobserved, or where there is no model. A pandas frame.

    >>> import pandas as pd
    >>> ages = pd.DataFrame({"age": [1, 2, 3], "at_risk": [1000, 631, 468], "lost": [369, 163, 86]})
    >>> project_renewals(ages, renewal_model(ages), until=4)[["age", "survival", "projected"]].round(3)
       age  survival  projected
    0    0     1.000      1.000
    1    1     0.631      0.630
    2    2     0.468      0.471
    3    3     0.382      0.382
    4    4       NaN      0.323
    """
    import numpy as np
    import pandas as pd

    from crmlib.models import model_name

    frame = to_pandas(renewal_ages)
    last = int(frame.age.max()) if len(frame) else 0
    until = last + max(2, last // 2) if until is None else until
    observed = frame.assign(**kaplan_meier(frame.at_risk, frame.lost)._asdict())
    table = pd.DataFrame({"age": range(until + 1)}).merge(observed, on="age", how="left")
    table.loc[0, ["survival", "low", "high"]] = 1.0
    projected = ["projected", "projected_low", "projected_high"]
    if model is None:
        return table.assign(**dict.fromkeys(projected, np.nan), model=None)
    table[projected] = model.projection(table.age.to_numpy(), draws=_DRAWS)[["survival", "low", "high"]].to_numpy()
    return table.assign(model=model_name(type(model).__name__))


def renewal_outlook(
    subscriptions: Any,
    model: RenewalModel | None,
    *,
    as_of: Any,
    term: Term | None = None,
    margin: float = 1.0,
    until: int | None = None,
) -> pd.DataFrame:
    """What the contracts that run today will bring in the coming year, and what will be lost by those who leave.

    One row: ``contracts`` running; ``left`` of them after a year, with ``left_low, left_high``;
    ``contribution`` a year if nobody left (prices times ``margin``, client's currency); ``lost``, how much
    less it will be, with ``lost_low, lost_high``. ``model``: fitted, from :func:`renewal_model`. Each contract is
    projected from its own age. Intervals say how well the model is known. With ``until``, only contracts that have not
    come to this renewal yet count, and only ends up to it: what a reason to stay that is given by then can change.
    Empty where nothing runs, and without a model.
    """
    import numpy as np
    import pandas as pd

    running = to_pandas(running_subscriptions(subscriptions, as_of=as_of, term=term))
    running = running if until is None else running[running.age < until]
    if running.empty or model is None:
        return pd.DataFrame(columns=_OUTLOOK)
    # As many renewals as a year has; of yearly contracts one.
    renewals = 12 // TERM_MONTHS[term or most_frequent_term(subscription_terms(subscriptions, as_of=as_of))]
    age = running.age.to_numpy(dtype=float)
    ahead = np.minimum(age[:, None] + np.arange(1, renewals + 1), np.inf if until is None else until)
    contracts, revenue = running.contracts.to_numpy(dtype=float), running.revenue.to_numpy(dtype=float) * margin

    def outlook(one: RenewalModel) -> tuple[float, float]:
        kept = one.survival(ahead) / one.survival(age)[:, None]
        return float(contracts @ kept[:, -1]), float(revenue @ (1 - kept).sum(axis=1))

    drawn = np.array([outlook(model.with_log_parameters(np.log(row))) for row in model.draws(400).values])
    left, lost = outlook(model)
    (left_low, lost_low), (left_high, lost_high) = np.quantile(drawn, [0.025, 0.975], axis=0)
    year = float(revenue.sum()) * renewals
    row = [int(contracts.sum()), left, left_low, left_high, year, lost, lost_low, lost_high]
    return pd.DataFrame([row], columns=_OUTLOOK)
