"""What drives the score: an ordered logit on the survey's items, and each item's share in what they
explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crmlib.answers import DETRACTORS_TO, PROMOTERS_FROM
from crmlib.engine import to_pandas
from crmlib.statistics import delta_error, percentiles, poisson_resamples, wald

FEWEST_ANSWERS = 100
FEWEST_PER_ITEM = 20
DRIVERS = (
    "driver", "answers", "mean_rating", "performance", "performance_low", "performance_high",
    "coefficient", "coefficient_low", "coefficient_high",
    "odds_ratio", "contribution", "importance", "importance_low", "importance_high", "nps_gain", "nps_gain_low",
    "nps_gain_high",
)  # fmt: skip


@dataclass(frozen=True)
class OrderedLogit:
    """A fitted ordered logit: P(score ≤ k) = logistic(cut_k − Σ coefficient · item) (McCullagh 1980, JRSS B
    42).

    ``levels`` are the scores that occur; ``cuts`` lie between them. ``covariance`` is that of coefficients
    and cuts, in this order, robust to several answers of one respondent.
    """

    coefficients: Any
    cuts: Any
    levels: Any
    covariance: Any
    log_likelihood: float


def ordered_logit(items: Any, score: Any, *, respondent: Any = None) -> OrderedLogit:
    """Fit an ordered logit by Newton's method; the likelihood is concave, so there is one maximum (Pratt
    1981).

    ``items``: an array, one row per answer, one column per item, in the items' own units; ``score``: the
    answers; ``respondent``: who gave them, for a covariance that adds up scores per respondent (sandwich);
    without, every answer counts for itself.

    Raises:
        ValueError: fewer than two different scores, an item that does not vary, or items that determine one
        another.

    >>> import numpy as np
    >>> items = np.repeat([[1.0], [2.0]], 100, axis=0)
    >>> score = np.array([0] * 75 + [10] * 25 + [0] * 25 + [10] * 75)
    >>> ordered_logit(items, score).coefficients.round(3)          # log odds ratio: 2 log 3
    array([2.197])
    """
    import numpy as np
    from pandas import factorize
    from scipy.special import expit

    # Answers that are alike in everything are fitted as one, with their number: a million hold a few hundred kinds.
    given = np.column_stack([np.asarray(items, dtype=float), np.asarray(score, dtype=float)])
    kinds, kind, times = np.unique(given, axis=0, return_inverse=True, return_counts=True)
    items, times = kinds[:, :-1], times.astype(float)
    levels, place = np.unique(kinds[:, -1], return_inverse=True)
    if len(levels) < 2:
        raise ValueError("an ordered logit needs at least two different scores")
    centre = np.average(items, axis=0, weights=times)
    centred = items - centre
    if np.linalg.matrix_rank(centred) < items.shape[1]:
        raise ValueError("an item does not vary, or the items determine one another")
    width, cuts = items.shape[1], len(levels) - 1
    # P(score) = logistic(upper · θ) − logistic(lower · θ), where θ are the coefficients and then the cuts.
    upper = np.hstack([-centred, np.eye(cuts + 1, cuts)[place]])
    lower = np.hstack([-centred, np.eye(cuts + 1, cuts, k=-1)[place]])

    def parts(theta: Any) -> tuple[Any, ...]:
        high = np.where(place < cuts, expit(upper @ theta), 1.0)
        low = np.where(place > 0, expit(lower @ theta), 0.0)
        return high[:, None], low[:, None], np.maximum(high - low, 1e-300)[:, None]

    def likelihood(theta: Any) -> float:
        return float(times @ np.log(parts(theta)[2])[:, 0]) if (np.diff(theta[width:]) > 0).all() else -np.inf

    shares = np.cumsum(np.bincount(place, weights=times))[:-1] / times.sum()
    theta = np.concatenate([np.zeros(width), np.log(shares / (1 - shares))])
    value = likelihood(theta)
    for _ in range(100):
        high, low, chance = parts(theta)
        rise_high, rise_low = high * (1 - high) * upper / chance, low * (1 - low) * lower / chance
        each = rise_high - rise_low
        curve = (rise_high * (1 - 2 * high)).T @ (upper * times[:, None])
        curve -= (rise_low * (1 - 2 * low)).T @ (lower * times[:, None]) + each.T @ (each * times[:, None])
        step = np.linalg.solve(curve, -times @ each)
        while np.abs(step).max() > 1e-8 and likelihood(theta + step) < value - 1e-12:
            step = step / 2
        theta = theta + step
        value = likelihood(theta)
        if np.abs(step).max() < 1e-10:
            break
    bread = np.linalg.inv(-curve)
    covariance = bread
    if respondent is not None:
        sums = _sums(each[kind.ravel()], factorize(np.asarray(respondent))[0])
        covariance = bread @ (sums.T @ sums) @ bread * (len(sums) / max(len(sums) - 1, 1))
    # From centred items back to the items' own units.
    back = np.eye(width + cuts)
    back[width:, :width] = centre
    theta = back @ theta
    return OrderedLogit(theta[:width], theta[width:], levels, back @ covariance @ back.T, value)


def _sums(values: Any, who: Any) -> Any:
    """The columns added up per respondent, one row each."""
    import numpy as np

    return np.column_stack([np.bincount(who, weights=column) for column in values.T])


def item_columns(answers: Any) -> list[str]:
    """The ``item_…`` columns that the NPS questionnaire holds: rated on at least half of the answers, and
    varying.

    >>> import pandas as pd
    >>> item_columns(pd.DataFrame({"score": [9, 3], "item_wait": [4.0, 1.0], "item_joy": [None, None]}))
    ['item_wait']
    """
    frame = to_pandas(answers)
    return [
        str(name)
        for name in sorted(frame.columns)
        if str(name).startswith("item_") and frame[name].notna().mean() >= 0.5 and frame[name].nunique() > 1
    ]


def drivers(
    answers: Any, *, items: Sequence[str] = (), level: float = 0.95, resamples: int = 300, seed: int = 8
) -> Any:
    """What each item of the questionnaire has to do with the score; a pandas frame, the most important first.

    ``answers``: from :func:`answers`; ``items``: columns to use (default: every ``item_…`` column that at
    least half of the answers rate). Only answers that rate all of them are used (``answers`` says how many).
    Columns: ``driver`` (the column without ``item_``); ``mean_rating`` in the item's own scale;
    ``performance``, the same with its interval between 0 (the lowest rating that anyone gave to any item) and
    1 (the highest); ``coefficient`` of the ordered logit per point of the scale with its interval, and
    ``odds_ratio``; ``contribution``, the part of the variance of the score that the item explains, and
    ``importance``, its share in what all items explain (Johnson's relative weights: Johnson 2000,
    Multivariate Behavioral Research 35), with an interval from a bootstrap over customers; ``nps_gain``: by
    how many points the score of these answers would differ if everyone who rated the item below the top had
    rated it one point higher and all else had stayed (delta method). These are associations within one
    questionnaire, not effects of a change.

    Empty with fewer than 100 such answers or 20 per item, fewer than two items, or items that determine one
    another.

    >>> import numpy as np, pandas as pd
    >>> wait, joy = np.tile([1, 2, 3, 4, 5], 40), np.repeat([1, 2, 3, 4, 5], 40)
    >>> score = np.clip(2 + wait + np.arange(200) % 3, 0, 10)
    >>> drivers(pd.DataFrame({"score": score, "item_wait": wait, "item_joy": joy})).importance.round(2).tolist()
    [1.0, 0.0]
    """
    import numpy as np
    import pandas as pd

    nothing = pd.DataFrame(columns=list(DRIVERS))
    frame = to_pandas(answers)
    names = list(items) or item_columns(frame)
    if len(names) < 2 or any(name not in frame.columns for name in names):
        return nothing
    frame = frame.dropna(subset=[*names, "score"])
    if len(frame) < max(FEWEST_ANSWERS, FEWEST_PER_ITEM * len(names)):
        return nothing
    ratings, score = frame[names].to_numpy(dtype=float), frame.score.to_numpy(dtype=float)
    respondent = frame.respondent if "respondent" in frame.columns else pd.Series(np.arange(len(frame)))
    try:
        model = ordered_logit(ratings, score, respondent=respondent)
    except (ValueError, np.linalg.LinAlgError):
        return nothing
    error = np.sqrt(np.diag(model.covariance))[: len(names)]
    contribution = relative_weights(np.corrcoef(np.column_stack([ratings, score]), rowvar=False))
    who, _ = pd.factorize(respondent.astype(str), sort=True)
    importance = _resampled(ratings, score, who, resamples=resamples, seed=seed)
    gain, gain_error = _gains(model, ratings)
    lowest, highest = ratings.min(), ratings.max()
    performance = (ratings.mean(axis=0) - lowest) / (highest - lowest)
    sums = _sums(ratings - ratings.mean(axis=0), who)
    noise = np.sqrt((sums**2).sum(axis=0) * len(sums) / (len(sums) - 1)) / len(ratings) / (highest - lowest)
    intervals = {
        "performance": wald(performance, noise, level=level),
        "coefficient": wald(model.coefficients, error, level=level),
        "importance": percentiles(importance, level=level),
        "nps_gain": wald(gain, gain_error, level=level),
    }
    limits = {f"{name}_{side}": pair[n] for name, pair in intervals.items() for n, side in enumerate(("low", "high"))}
    table = pd.DataFrame(
        {
            "driver": [name.removeprefix("item_") for name in names],
            "answers": len(frame),
            "mean_rating": ratings.mean(axis=0),
            "performance": performance,
            "coefficient": model.coefficients,
            "odds_ratio": np.exp(model.coefficients),
            "contribution": contribution,
            "importance": contribution / contribution.sum(),
            "nps_gain": gain,
            **limits,
        }
    )
    return table.sort_values(["importance", "driver"], ascending=[False, True], ignore_index=True)[list(DRIVERS)]


def relative_weights(correlations: Any) -> Any:
    """Johnson's relative weights: how much of the outcome's variance each predictor explains; they sum to R².

    ``correlations``: of the predictors and, last, the outcome; also a stack of such matrices. The predictors
    are replaced by the orthogonal variables nearest to them (Λ = V D^½ Vᵀ), the outcome regressed on those (β
    = Λ⁻¹ r), and what each explains (β²) shared out among the predictors by their squared correlation with it
    (Λ²).

    >>> import numpy as np
    >>> relative_weights(np.array([[1, 0, 0.5], [0, 1, 0.4], [0.5, 0.4, 1]])).round(2)   # uncorrelated: r²
    array([0.25, 0.16])
    """
    import numpy as np

    correlations = np.asarray(correlations, dtype=float)
    among, with_outcome = correlations[..., :-1, :-1], correlations[..., :-1, -1:]
    values, vectors = np.linalg.eigh(among)
    root = (vectors * np.sqrt(np.maximum(values, 1e-12))[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    beta = np.linalg.solve(root, with_outcome)
    return ((root**2) @ (beta**2))[..., 0]


def _resampled(ratings: Any, score: Any, who: Any, *, resamples: int, seed: int) -> Any:
    """Importance in resamples of the respondents (Poisson bootstrap), one row per resample."""
    import numpy as np

    table = np.column_stack([ratings, score])
    table = np.column_stack([np.ones(len(table)), table - table.mean(axis=0)])
    # The sums of all products per respondent, so that a resample adds up respondents and not answers.
    products = np.column_stack([_sums(table * column[:, None], who) for column in table.T])
    blocks = poisson_resamples(np.ones(len(products)), resamples=resamples, seed=seed)
    sums = np.vstack([block @ products for block in blocks]).reshape(-1, table.shape[1], table.shape[1])
    moments = sums / sums[:, :1, :1]
    covariance = moments[:, 1:, 1:] - moments[:, 1:, :1] * moments[:, :1, 1:]
    spread = np.sqrt(np.maximum(np.einsum("bii->bi", covariance), 1e-12))
    weights = relative_weights(covariance / (spread[:, :, None] * spread[:, None, :]))
    return weights / weights.sum(axis=1, keepdims=True)


def _gains(model: OrderedLogit, ratings: Any) -> tuple[Any, Any]:
    """For every item the gain in points from one point more, and its standard error by the delta method."""
    import numpy as np
    from scipy.special import expit

    distinct, times = np.unique(ratings, axis=0, return_counts=True)
    share, width = times[:, None] / times.sum(), distinct.shape[1]
    edges = np.concatenate([[-np.inf], model.cuts, [np.inf]])
    marks = np.array([(model.levels < PROMOTERS_FROM).sum(), (model.levels <= DETRACTORS_TO).sum()])

    def score_of(rows: Any) -> tuple[float, Any]:
        """The model's score of these ratings, and its gradient in coefficients and cuts."""
        below = expit(edges[marks] - (rows @ model.coefficients)[:, None])
        density = share * below * (1 - below)
        slope = np.zeros(width + len(edges))
        slope[:width] = density.sum(axis=1) @ rows
        np.subtract.at(slope, width + marks, density.sum(axis=0))
        return 1 - float((share * below).sum()), np.delete(slope, [width, -1])

    now, now_slope = score_of(distinct)
    gain, error = np.empty(width), np.empty(width)
    for item in range(width):
        raised = distinct.copy()
        raised[:, item] = np.minimum(raised[:, item] + 1, np.maximum(ratings[:, item].max(), raised[:, item]))
        then, then_slope = score_of(raised)
        gain[item], error[item] = 100 * (then - now), 100 * delta_error(then_slope - now_slope, model.covariance)
    return gain, error
