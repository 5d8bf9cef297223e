"""Who buys again within a time: a model that can be read, beside one that is only strong, and how good they are."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.churn.features import AMOUNTS, GAPS, SIGNS
from crmlib.models.one_thread import one_thread
from crmlib.statistics import bonferroni, delta_error, percentiles, poisson_resamples, standard_errors, wald, wilson

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST = 100
"""Fewer customers, or fewer than 30 on either side, teach no model."""
_FEWEST_OF_A_KIND = 30
_RESAMPLES, _SEED = 200, 6
_WEAK = 100.0
"""A prior so weak that it moves nothing but coefficients of which the data say nothing (variance, in deviations²)."""
SILENCE, LOGISTIC, BOOSTED = "silence alone", "logistic", "boosted trees"


@dataclass(frozen=True)
class BuyingModel:
    """A logistic regression of buying again, with the means of what it was fed with.

    ``names``: what it uses; ``coefficients`` with the constant first, per doubling of an amount, per usual gap overdue,
    and for a sign against none; ``covariance`` of these; ``means`` of the inputs; ``customers`` it was taught
    by; ``within`` days.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray[Any, np.dtype[np.float64]]
    covariance: np.ndarray[Any, np.dtype[np.float64]]
    means: Mapping[str, float]
    customers: int
    within: int


def inputs(frame: pd.DataFrame, names: Any) -> Any:
    """What a model is fed with: amounts in doublings (log₂ of one more), gaps and signs as they are; a matrix."""
    import numpy as np

    columns = [np.log2(1 + frame[name].astype(float)) if name in AMOUNTS else frame[name] for name in names]
    return np.column_stack([column.to_numpy(dtype=float) for column in columns])


@one_thread
def fit_model(known: Any, *, within: int) -> BuyingModel | None:
    """The logistic regression of ``bought``; None where too few customers or too few of a kind would teach it.

    ``known``: from :func:`~crmlib.lifecycle.churn.with_outcomes` (pandas or Ibis). What is the same for nearly all
    (fewer than 30 customers differ) is left out. Coefficients are maximum likelihood under a prior so weak that it
    matters only where the data say nothing; their covariance is the inverse of the information.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    frame = to_pandas(known)
    if len(frame) < FEWEST or min(frame.bought.sum(), len(frame) - frame.bought.sum()) < _FEWEST_OF_A_KIND:
        return None
    names = tuple(name for name in (*GAPS, *AMOUNTS, *SIGNS) if _differs(frame[name]))
    raw = inputs(frame, names)
    centre, scale = raw.mean(axis=0), raw.std(axis=0)
    x = (raw - centre) / scale
    fitted = LogisticRegression(C=_WEAK, max_iter=1000, tol=1e-10).fit(x, frame.bought.to_numpy())
    design = np.column_stack([np.ones(len(x)), x])
    bought = fitted.predict_proba(x)[:, 1]
    information = design.T @ (design * (bought * (1 - bought))[:, None])
    information[1:, 1:] += np.eye(len(names)) / _WEAK
    covariance = np.linalg.inv(information)
    # Back from deviations to doublings: β = γ / s, and the constant takes what the means bring.
    back = np.zeros((len(names) + 1, len(names) + 1))
    back[0, 0], back[0, 1:] = 1.0, -centre / scale
    back[1:, 1:] = np.diag(1 / scale)
    found = np.concatenate([fitted.intercept_, fitted.coef_[0]])
    means = dict(zip(names, map(float, centre), strict=True))
    return BuyingModel(names, back @ found, back @ covariance @ back.T, means, len(frame), within)


def _differs(column: Any) -> bool:
    """Whether at least 30 customers differ from the others in it."""
    return len(column) - int(column.value_counts().iloc[0]) >= _FEWEST_OF_A_KIND


@same_kind
def with_risk(features: Any, model: BuyingModel | None) -> Any:
    """The features with ``risk``: the model's probability that the customer does *not* buy in time; empty without one.

    It is computed in the engine, so that a million customers are no frame. pandas or Ibis in, same kind out.
    """
    import ibis

    if model is None:
        return features.mutate(risk=ibis.null("float64"))
    one = ibis.literal(1.0)
    terms = [
        float(weight) * ((one + features[name].cast("float64")).log2() if name in AMOUNTS else features[name])
        for name, weight in zip(model.names, model.coefficients[1:], strict=True)
    ]
    odds = functools.reduce(operator.add, terms, ibis.literal(float(model.coefficients[0])))
    return features.mutate(risk=one / (one + odds.exp()))


def odds_ratios(model: BuyingModel | None, *, level: float = 0.95) -> pd.DataFrame:
    """What goes with buying again: one row per input, those that say most first.

    Columns: ``input``, ``is_amount`` (the ratio is for twice as much; else for one usual gap more, or for having the
    sign), ``odds_ratio`` with ``low, high``, ``p_value``. Empty without a model.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    columns = ["input", "is_amount", "odds_ratio", "low", "high", "p_value"]
    if model is None:
        return pd.DataFrame(columns=columns)
    weights, errors = model.coefficients[1:], np.sqrt(np.diag(model.covariance))[1:]
    low, high = wald(weights, errors, level=level)
    table = pd.DataFrame(
        {
            "input": model.names,
            "is_amount": [name in AMOUNTS for name in model.names],
            "odds_ratio": np.exp(weights),
            "low": np.exp(low),
            "high": np.exp(high),
            "p_value": 2 * ndtr(-abs(weights / errors)),
        }
    )
    order = (-abs(weights / errors)).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def reasons(known: Any, model: BuyingModel | None, *, level: float = 0.95) -> pd.DataFrame:
    """By how much each sign goes with not buying again, among customers who are alike in all else.

    ``known``: from :func:`~crmlib.lifecycle.churn.with_outcomes`; ``model``: fitted to them. One row per sign that the
    model uses, the largest first: ``reason``; ``customers`` with it; ``share_left`` of them, and ``others_left`` of the
    others, as counted; ``difference``, the same after adjustment: the model's mean chance not to buy with the sign less
    that without it, over all who have it; ``low, high``, which hold for all rows at once (Bonferroni, delta method).
    Nobody drew the signs by lot: the difference may be due to what we do not see. Empty without a model or signs.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import expit

    columns = ["reason", "customers", "share_left", "others_left", "difference", "low", "high"]
    signs = [name for name in SIGNS if model is not None and name in model.names]
    if model is None or not signs:
        return pd.DataFrame(columns=columns)
    frame = to_pandas(known)
    x = np.column_stack([np.ones(len(frame)), inputs(frame, model.names)])
    rows = []
    for sign in signs:
        has = frame[sign].to_numpy(dtype=bool)
        at = 1 + model.names.index(sign)
        with_it, without = x[has].copy(), x[has].copy()
        with_it[:, at], without[:, at] = 1.0, 0.0
        buys, buys_without = expit(with_it @ model.coefficients), expit(without @ model.coefficients)
        slope = without * (buys_without * (1 - buys_without))[:, None] - with_it * (buys * (1 - buys))[:, None]
        error = delta_error(slope.mean(axis=0), model.covariance)
        difference = float((buys_without - buys).mean())
        reach = standard_errors(bonferroni(len(signs), level=level)) * float(error)
        left = 1 - frame.bought
        rows.append(
            (sign, int(has.sum()), float(left[has].mean()), float(left[~has].mean()), difference, difference - reach,
             difference + reach)
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("difference", ascending=False, kind="stable", ignore_index=True)


@one_thread
def judge(train: Any, test: Any, *, level: float = 0.95) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How well models that learnt from an earlier day tell who does not buy after a later one, and each one's risks.

    ``train`` and ``test``: from :func:`~crmlib.lifecycle.churn.with_outcomes`, the outcomes of the first known on the
    day of the second. First answer, one row per ``model`` (``silence alone``: a logistic curve of the silence;
    ``logistic``; ``boosted trees``): ``auc`` (the chance that of two customers the one who left had the higher risk)
    with ``low, high``; ``brier`` (mean squared error of the risk); ``brier_gain`` with ``gain_low, gain_high``: by how
    much the Brier score is better than that of silence alone; ``lift`` (of the riskiest tenth, the share that left over
    that of all); ``expected`` and ``observed`` share that left; ``picked``: the logistic one, unless the trees are
    surely better. Intervals by drawing the test's customers anew (Poisson bootstrap). Second answer: ``left`` (1: did
    not buy) and one column of risks per model, one row per customer of the test. Both empty where no model is taught.

    Sources: Brier (1950), Monthly Weather Review 78; Hanley & McNeil (1982), Radiology 143, for the AUC.
    """
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    columns = [
        "model", "customers", "auc", "low", "high", "brier", "brier_gain", "gain_low", "gain_high", "lift", "expected",
        "observed", "picked",
    ]  # fmt: skip
    learnt, asked = to_pandas(train), to_pandas(test)
    model = fit_model(learnt, within=0)
    left = 1 - asked.bought.to_numpy() if len(asked) else np.zeros(0)
    if model is None or len(asked) < FEWEST or min(left.sum(), len(left) - left.sum()) < _FEWEST_OF_A_KIND:
        return pd.DataFrame(columns=columns), pd.DataFrame(columns=["left", SILENCE, LOGISTIC, BOOSTED])
    y = 1 - learnt.bought.to_numpy()
    alone = LogisticRegression(C=1e6, max_iter=1000).fit(_silence(learnt), y)
    fed = ["silence_days", *model.names]
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=8, min_samples_leaf=50, random_state=_SEED
    ).fit(learnt[fed].astype(float), y)
    risks = pd.DataFrame({
        "left": left,
        SILENCE: alone.predict_proba(_silence(asked))[:, 1],
        LOGISTIC: with_risk(asked, model).risk.to_numpy(),
        BOOSTED: trees.predict_proba(asked[fed].astype(float))[:, 1],
    })  # fmt: skip
    drawn = {name: [] for name in (SILENCE, LOGISTIC, BOOSTED)}  # type: dict[str, list[Any]]
    errors = {name: (risks[name].to_numpy() - left) ** 2 for name in drawn}
    losses = {name: [] for name in drawn}  # type: dict[str, list[Any]]
    for weights in poisson_resamples(np.ones(len(left)), resamples=_RESAMPLES, seed=_SEED):
        for name in drawn:
            drawn[name].append(_auc(risks[name].to_numpy(), left, weights))
            losses[name].append(weights @ errors[name] / weights.sum(axis=1))
    rows = []
    tenth = max(1, len(left) // 10)
    for name in drawn:
        risk = risks[name].to_numpy()
        low, high = percentiles(np.concatenate(drawn[name]), level=level)
        gains = np.concatenate(losses[SILENCE]) - np.concatenate(losses[name])
        gain_low, gain_high = percentiles(gains, level=level)
        top = np.argsort(-risk, kind="stable")[:tenth]
        rows.append(
            (name, len(left), float(_auc(risk, left, np.ones((1, len(left))))[0]), float(low), float(high),
             errors[name].mean(), errors[SILENCE].mean() - errors[name].mean(), float(gain_low), float(gain_high),
             left[top].mean() / left.mean(), risk.mean(), left.mean(), False)
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    surely = percentiles(np.concatenate(losses[LOGISTIC]) - np.concatenate(losses[BOOSTED]), level=level)[0] > 0
    return table.assign(picked=table.model == (BOOSTED if surely else LOGISTIC)), risks


def _silence(frame: pd.DataFrame) -> Any:
    import numpy as np

    return np.log2(1 + frame[["silence_days"]].to_numpy(dtype=float))


def _auc(risk: Any, left: Any, weights: Any) -> Any:
    """The area under the ROC curve for each row of weights; ties count half."""
    import numpy as np

    _, group = np.unique(risk, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    gone = np.add.reduceat(weights[:, order] * left[order], starts, axis=1)
    came = np.add.reduceat(weights[:, order] * (1 - left[order]), starts, axis=1)
    below = np.cumsum(came, axis=1) - came
    return (gone * (below + came / 2)).sum(axis=1) / (gone.sum(axis=1) * came.sum(axis=1))


def calibration(risks: pd.DataFrame, *, of: str = LOGISTIC, groups: int = 10) -> pd.DataFrame:
    """Whether it comes as the model says: customers of the test in ``groups`` of equal size, by their risk.

    ``risks``: from :func:`judge`. One row per group, the least risky first: ``group``, ``customers``, ``expected``
    (mean risk), ``observed`` (share that left) with its 95 % Wilson interval ``low, high``; ``reached`` (of all who
    left, the share in this group and all riskier ones). Empty without risks.
    """
    import numpy as np
    import pandas as pd

    columns = ["group", "customers", "expected", "observed", "low", "high", "reached"]
    if risks.empty:
        return pd.DataFrame(columns=columns)
    order = risks[of].argsort(kind="stable").to_numpy()
    rank = np.empty(len(risks), dtype=int)
    rank[order] = np.arange(len(risks)) * groups // len(risks)
    cut = (
        risks.assign(group=rank + 1)
        .groupby("group")
        .agg(customers=("left", "size"), expected=(of, "mean"), left=("left", "sum"))
    )
    cut["observed"] = cut.left / cut.customers
    cut["low"], cut["high"] = wilson(cut.left.astype(float), cut.customers.astype(float))
    cut["reached"] = cut.left[::-1].cumsum()[::-1] / cut.left.sum()
    return cut.reset_index()[columns]


def gain_by_threshold(risks: pd.DataFrame, *, cost: float, saved: float, success: float, of: str = LOGISTIC) -> Any:
    """What it brings to contact everybody whose risk is above a threshold: one row per ``threshold`` (.05 to .95).

    ``cost`` of a contact and ``saved``, what a customer brings who stays (client's currency); ``success``: of those who
    would leave, the share that a contact keeps. Columns: ``threshold``, ``contacted``, ``reached`` (of these, would
    leave), ``gain`` (success × saved × reached − cost × contacted), ``is_best``. Above the threshold
    cost / (saved × success) a contact pays, if the risk is right, and the success the same for all.
    """
    import numpy as np
    import pandas as pd

    columns = ["threshold", "contacted", "reached", "gain", "is_best"]
    if risks.empty:
        return pd.DataFrame(columns=columns)
    thresholds = np.arange(0.05, 0.96, 0.05).round(2)
    above = risks[of].to_numpy()[:, None] >= thresholds
    contacted, reached = above.sum(axis=0), (above & (risks.left.to_numpy()[:, None] == 1)).sum(axis=0)
    gain = success * saved * reached - cost * contacted
    best = gain == gain.max()
    return pd.DataFrame(dict(zip(columns, (thresholds, contacted, reached, gain, best), strict=True)))
