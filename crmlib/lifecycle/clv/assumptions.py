"""What the models take for granted: spend and frequency are independent, and orders come at random times.

If gaps between a customer's orders are gamma with shape k, whatever the customer's own rate, then of two successive
gaps the first has the share Δ1/(Δ1 + Δ2) ~ beta(k, k), with variance 1/(4(2k + 1)). k = 1 is a Poisson process.

The share says nothing of the sum Δ1 + Δ2, nor of other pairs. So neither the end of the data, nor customers who leave,
nor the choice of those with many orders biases k, as long as pairs are counted from a customer's first order on and do
not overlap: whether a pair is seen depends on sums only.

Source: Wheat & Morrison (1990), "Estimating purchase regularity with two interpurchase times", Journal of Marketing
Research 27(1), 87–93.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special

from crmlib.engine import to_ibis, to_pandas
from crmlib.lifecycle.clv.options import check_confidence, check_whole
from crmlib.lifecycle.clv.preparation import Day
from crmlib.models.arrays import Numbers
from crmlib.purchases import purchase_days
from crmlib.statistics import standard_errors

# Beyond this, values of frequent buyers are biased so much that it matters.
STRONG = 0.3
FEWEST = 10


def spend_and_frequency(summary: Any) -> pd.DataFrame:
    """Do those who buy more often spend more on an order? The model of spend takes it that they do not.

    ``summary`` (pandas or Ibis): ``frequency, monetary``. One row: ``customers`` with paid repeat orders;
    ``correlation`` of the two, with ``low, high`` (95 %, valid whatever the shape of the distributions: the
    correlation's influence function, on Fisher's scale). For fewer than ten customers, or if one of the two does not
    vary, nothing is known: 0 with the interval −1 to 1.
    Source: Fader, Hardie & Lee (2005), "RFM and CLV", section 3.2.
    """
    frame = to_pandas(summary)
    paid = frame[(frame["frequency"] > 0) & (frame["monetary"] > 0)]
    x, m = (paid[name].to_numpy(dtype=float) for name in ("frequency", "monetary"))
    correlation, low, high = 0.0, -1.0, 1.0
    if len(x) >= FEWEST and np.ptp(x) > 0 and np.ptp(m) > 0:
        u, w = (x - x.mean()) / x.std(), (m - m.mean()) / m.std()
        correlation = float(np.clip(np.mean(u * w), -1 + 1e-12, 1 - 1e-12))
        influence = u * w - correlation / 2 * (u**2 + w**2)
        error = float(influence.std() / np.sqrt(len(x))) / (1 - correlation**2)
        low, high = np.tanh(np.arctanh(correlation) + np.array([-1.96, 1.96]) * error)
    return pd.DataFrame({"customers": [len(x)], "correlation": [correlation], "low": [low], "high": [high]})


FEWEST_CUSTOMERS = 20
# Whole days hide the timing of pairs shorter than this; leaving them out biases nothing, as the share knows no sum.
SHORTEST_PAIR_DAYS = 8
# k is sought between these; beyond, orders come like clockwork, or all at once.
LEAST, MOST = 0.05, 200.0
# Beyond so many days, that days are whole hardly matters and is taken as proportional to 1/days.
LONGEST_COUNTED = 400
REPLICATES = 1999
MOST_SIMULATED = 5_000
# So near to 1, k changes nothing that a model says.
NEARLY_RANDOM = (0.8, 1.25)


def regularity(
    orders: Any, *, as_of: Day, most_pairs: int = 5, confidence: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """How regularly customers order: the shape k of the gaps between their orders, 1 for random times.

    ``orders``: the contract's orders (pandas or Ibis), of which those count that :func:`purchases` names, until
    ``as_of``; orders of one customer on one day are one. Each customer with three orders or more gives up to
    ``most_pairs`` pairs of successive gaps, from the first order on and not overlapping; a few, so that the heaviest
    buyers do not decide.

    One row: ``customers``, ``pairs``; ``k`` with ``low, high``; ``p_value`` of the hypothesis of random times: exact,
    because then, given a pair's sum of s days, every split into whole days is equally likely. For the same reason
    ``k`` is where the shares' variance is that of a beta(k, k) restricted to whole days, which for long gaps is Wheat &
    Morrison's (1 − 4V)/(8V). Where orders come in clumps, those of one day are one, which makes a small k smaller still
    (0.43 for 0.5 at a mean gap of 25 days). The interval lets customers differ in k (a sandwich over customers). A pace
    that changes between one gap and the next (a season, a campaign) makes k smaller.

    Empty if fewer than 20 customers have a pair of at least 8 days. Raises ``ValueError`` for a ``confidence`` outside
    0 to 1 or ``most_pairs`` that are not a whole number from 1 on.
    """
    check_confidence(confidence)
    pairs = successive_gaps(orders, as_of=as_of, most_pairs=most_pairs)
    customers = pairs["customer_id"].nunique()
    if customers < FEWEST_CUSTOMERS:
        return pd.DataFrame(columns=["customers", "pairs", "k", "low", "high", "p_value"])
    first, both = (pairs[name].to_numpy(dtype=float) for name in ("first_gap", "both_gaps"))
    square = (first / both - 0.5) ** 2
    sums, place, counts = np.unique(both, return_inverse=True, return_counts=True)

    def excess(log_k: float) -> float:
        return float(square.sum() - counts @ _variance(np.exp(log_k), sums))

    bounds = np.log([LEAST, MOST])
    least, most = (excess(bound) for bound in bounds)
    inside = least < 0 < most
    log_k = float(optimize.brentq(excess, *bounds, xtol=1e-10) if inside else bounds[int(least < 0)])
    off = square - _variance(np.exp(log_k), sums)[place]
    by_customer = np.bincount(pd.factorize(pairs["customer_id"])[0], off)
    slope = (excess(log_k + 1e-4) - excess(log_k - 1e-4)) / 2e-4
    error = float(np.sqrt(by_customer @ by_customer)) / max(slope, 1e-12)
    width = standard_errors(confidence) * error
    return pd.DataFrame(
        {
            "customers": [customers],
            "pairs": [len(pairs)],
            "k": [float(np.exp(log_k))],
            "low": [float(np.exp(max(log_k - width, bounds[0])))],
            "high": [float(np.exp(min(log_k + width, bounds[1])))],
            "p_value": [_chance_of_random_times(square.sum(), both, seed)],
        }
    )


def successive_gaps(orders: Any, *, as_of: Day, most_pairs: int = 5) -> pd.DataFrame:
    """Pairs of successive gaps between orders, from each customer's first order on, not overlapping.

    ``orders`` and ``most_pairs`` as for :func:`regularity`. One row per pair of at least 8 days: ``customer_id``;
    ``pair`` from 1; ``first_gap``, ``both_gaps`` in whole days.
    """
    check_whole("most_pairs", most_pairs, least=1)
    daily = purchase_days(to_ibis(orders), as_of=as_of)
    daily = daily.filter(daily.nth <= 2 * most_pairs).select("customer_id", "day", place="nth")
    days = to_pandas(daily.order_by("customer_id", "day"))
    day = pd.to_datetime(days["day"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    place, who = days["place"].to_numpy(dtype=np.int64), days["customer_id"].to_numpy()
    ends = np.flatnonzero((place > 0) & (place % 2 == 0))
    pairs = pd.DataFrame(
        {
            "customer_id": who[ends],
            "pair": place[ends] // 2,
            "first_gap": day[ends - 1] - day[ends - 2],
            "both_gaps": day[ends] - day[ends - 2],
        }
    )
    return pairs[pairs["both_gaps"] >= SHORTEST_PAIR_DAYS].reset_index(drop=True)


def _variance(k: float, sums: Numbers) -> Numbers:
    """The variance of the first gap's share around ½, where its days are whole: weights (d(s − d))^(k−1), d < s."""
    counted = np.minimum(sums, LONGEST_COUNTED)
    distinct, place = np.unique(counted, return_inverse=True)
    d = np.arange(1, LONGEST_COUNTED, dtype=float)
    s = distinct[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(d < s, d / s, 0.5)
        log_weight = np.where(d < s, (k - 1) * np.log(4 * share * (1 - share)), -np.inf)
    weight = special.softmax(log_weight, axis=1)
    whole = (weight * (share - 0.5) ** 2).sum(axis=1)[place]
    smooth = 1 / (4 * (2 * k + 1))
    return np.where(sums <= LONGEST_COUNTED, whole, smooth + (whole - smooth) * counted / sums)


def _chance_of_random_times(observed: float, both: Numbers, seed: int) -> float:
    """How often random times would give shares that vary so much more, or less, than they should: two-sided."""
    if len(both) > MOST_SIMULATED:
        # Of the uniform on 1 … s − 1: second and fourth moments about the centre, in parts of s.
        n = both - 1
        second = (n**2 - 1) / 12 / both**2
        fourth = (n**2 - 1) * (3 * n**2 - 7) / 240 / both**4
        z = (observed - second.sum()) / np.sqrt((fourth - second**2).sum())
        return float(2 * special.ndtr(-abs(z)))
    random = np.random.default_rng(seed)
    totals = np.array([
        (((1 + np.floor(random.random(len(both)) * (both - 1))) / both - 0.5) ** 2).sum() for _ in range(REPLICATES)
    ])  # fmt: skip
    above, below = int((totals >= observed - 1e-12).sum()), int((totals <= observed + 1e-12).sum())
    return min(2 * (1 + min(above, below)) / (REPLICATES + 1), 1.0)
