"""Groups that the data form by themselves (k-means), how stable they are, and how they lie beside the rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.segmentation.rules import By
from crmlib.lifecycle.segmentation.summary import sums_by
from crmlib.statistics import percentiles

FEATURES = ("recency_days", "purchases_year", "revenue_year")
BESIDE = (
    "cluster", "customers", "share", "recency_days", "purchases_year", "revenue_per_customer", "revenue_share",
    "segment", "segment_share", "rand_index",
)  # fmt: skip
MOST_ROWS = 2000
STABLE = 0.8
BELIEVABLE = 0.6


def clusters(customers: Any, *, clusters: int = 4, seed: int = 1) -> Any:
    """The customers who ever bought with their ``cluster``, 1 being the one with the highest mean revenue.

    k-means on the logarithms of recency, purchases and revenue of the last twelve months, each brought to mean 0 and
    standard deviation 1, so that no unit of measure outweighs the others. Centres are found on at most 2,000
    customers (all, if there are no more; else those whose hashed number comes first) and everybody goes to the
    nearest. All columns stay. Fewer different customers than clusters make no groups: then the table is empty. pandas
    or Ibis in, same kind out.

    >>> import pandas as pd
    >>> customers = pd.DataFrame({"customer_id": list("abcd"), "purchases": 1, "recency_days": [1, 2, 300, 310],
    ...     "purchases_year": [9, 8, 1, 1], "revenue_year": [900.0, 800.0, 10.0, 12.0]})
    >>> clusters(customers, clusters=2).cluster.tolist()
    [1, 1, 2, 2]
    """
    import numpy as np

    features = _features(customers)
    if _different(features) < clusters:
        return _none_of(customers)
    scaler, points = _standardised(features)
    fitted = _k_means(points, clusters, seed, starts=4)
    revenue = [np.expm1(features[fitted.labels_ == k, 2]).mean() for k in range(clusters)]
    centres = fitted.cluster_centers_[np.argsort(-np.array(revenue), kind="stable")]
    return _nearest(customers, centres=centres.tolist(), scaler=scaler)


def _different(points: Any) -> int:
    import numpy as np

    return len(np.unique(points, axis=0)) if len(points) else 0


@same_kind
def _none_of(customers: Any) -> Any:
    import ibis

    return customers.filter(ibis.literal(False)).mutate(cluster=ibis.literal(0).cast("int64"))


def _standardised(features: Any) -> tuple[Any, Any]:
    """How features are brought to mean 0 and standard deviation 1, and the features so brought."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    return scaler, scaler.transform(features)


def _k_means(points: Any, clusters: int, seed: int, starts: int) -> Any:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    # A few thousand rows: threads would only wait for each other.
    with threadpool_limits(1):
        return KMeans(clusters, n_init=starts, random_state=seed).fit(points)


def _features(customers: Any) -> Any:
    """Logarithms of the features of at most ``MOST_ROWS`` customers, as an array."""
    import numpy as np

    return np.log1p(to_pandas(_some(customers))[list(FEATURES)].to_numpy(dtype=float).clip(min=0))


@same_kind
def _some(customers: Any) -> Any:
    bought = customers.filter(customers.purchases > 0)
    some = bought.order_by(bought.customer_id.hash(), "customer_id").limit(MOST_ROWS)
    return some.select("customer_id", *FEATURES).order_by("customer_id")


@same_kind
def _nearest(customers: Any, *, centres: list[list[float]], scaler: Any) -> Any:
    import ibis

    bought = customers.filter(customers.purchases > 0)
    logarithms = [(ibis.greatest(bought[name], 0).cast("float64") + 1.0).ln() for name in FEATURES]
    scales = zip(logarithms, scaler.mean_.tolist(), scaler.scale_.tolist(), strict=True)
    values = [(value - mean) / deviation for value, mean, deviation in scales]
    distances = [sum((v - c) * (v - c) for v, c in zip(values, centre, strict=True)) for centre in centres]
    nearest = ibis.least(*distances)
    cases = [(distance == nearest, number) for number, distance in enumerate(distances, start=1)]
    return bought.mutate(cluster=ibis.cases(*cases, else_=len(distances)).cast("int64")).order_by("customer_id")


def cluster_stability(
    customers: Any, *, clusters: Sequence[int] = (2, 3, 4, 5, 6), resamples: int = 20, seed: int = 1
) -> Any:
    """Whether k-means finds the same groups again when the customers are drawn anew, for several numbers of clusters.

    Each resample is clustered afresh and everybody put to the nearest of its centres; the adjusted Rand index (1: the
    same groups, 0: no more alike than by chance) compares that with the clusters found first. One row per number of
    clusters: ``clusters``, ``rand_index`` (mean), ``low`` and ``high`` (2.5 and 97.5 percentiles over the resamples),
    ``weakest`` (mean Jaccard similarity of the cluster that is found again least well; below 0.6 it should not be
    believed), ``explained`` (share of the variance between clusters). Numbers of clusters that the customers cannot
    form are left out.

    Source: Hubert and Arabie 1985 (adjusted Rand index); Hennig 2007 (cluster-wise stability by bootstrap).

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> two = pd.DataFrame({"customer_id": [str(n) for n in range(60)], "purchases": 1,
    ...     "recency_days": [3] * 30 + [300] * 30, "purchases_year": [9] * 30 + [1] * 30,
    ...     "revenue_year": np.r_[rng.normal(900, 9, 30), rng.normal(90, 9, 30)]})
    >>> cluster_stability(two, clusters=[2], resamples=5)[["clusters", "rand_index", "weakest"]]
       clusters  rand_index  weakest
    0         2         1.0      1.0
    """
    import numpy as np
    import pandas as pd

    features = _features(customers)
    random = np.random.default_rng(seed)
    draws = [random.integers(0, len(features), len(features)) for _ in range(resamples if len(features) else 0)]
    rows = []
    for count in clusters:
        if _different(features) < count:
            continue
        _, points = _standardised(features)
        first = _k_means(points, count, seed, starts=4)
        alike = []
        for number, draw in enumerate(draws):
            if _different(points[draw]) < count:
                continue
            again = _k_means(points[draw], count, seed + number, starts=2).predict(points)
            table = np.zeros((count, count))
            np.add.at(table, (first.labels_, again), 1)
            alike.append((adjusted_rand_index(table), *_jaccard(table)))
        if not alike:
            continue
        index, of_clusters = np.split(np.array(alike), [1], axis=1)
        low, high = percentiles(index[:, 0])
        explained = 1 - first.inertia_ / max((points**2).sum(), 1e-12)
        rows.append((count, index.mean(), low, high, of_clusters.mean(axis=0).min(), explained))
    return pd.DataFrame(rows, columns=["clusters", "rand_index", "low", "high", "weakest", "explained"])


def _jaccard(table: Any) -> Any:
    """For each row cluster the Jaccard similarity with the column cluster that it is most alike."""
    union = table.sum(axis=1)[:, None] + table.sum(axis=0)[None] - table
    return (table / union.clip(min=1e-12)).max(axis=1)


def adjusted_rand_index(table: Any) -> float:
    """How alike two groupings are, from their contingency table: 1 the same, 0 as by chance (Hubert and Arabie 1985).

    >>> adjusted_rand_index([[2, 0], [0, 3]]), round(adjusted_rand_index([[1, 1], [1, 1]]), 2)
    (1.0, -0.5)
    """
    import numpy as np

    counts = np.asarray(table, dtype=float)

    def pairs(n: Any) -> Any:
        return n * (n - 1) / 2

    together = pairs(counts).sum()
    rows, columns = pairs(counts.sum(axis=1)).sum(), pairs(counts.sum(axis=0)).sum()
    total = pairs(counts.sum())
    by_chance = rows * columns / total if total else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == by_chance else float((together - by_chance) / (most - by_chance))


def clusters_beside_rules(clustered: Any, *, by: By = "tier") -> Any:
    """What each cluster is like, and which segment of the rules most of it belongs to.

    One row per cluster: ``cluster``, ``customers``, ``share``, medians ``recency_days`` and ``purchases_year``,
    ``revenue_per_customer`` and ``revenue_share`` (last twelve months), ``segment`` (the most frequent one) and
    ``segment_share`` (of the cluster's customers); ``rand_index`` repeats how alike clusters and rules are as a whole.
    ``clustered``: customers with ``cluster`` and ``tier`` or ``stage``.

    >>> import pandas as pd
    >>> both = pd.DataFrame({"cluster": [1, 1, 2], "tier": ["core", "core", "sleeping"], "recency_days": [1, 3, 300],
    ...     "purchases_year": [9, 7, 0], "revenue_year": [60.0, 40.0, 0.0]})
    >>> clusters_beside_rules(both)[["cluster", "customers", "segment", "segment_share", "rand_index"]]
       cluster  customers   segment  segment_share  rand_index
    0        1          2      core            1.0         1.0
    1        2          1  sleeping            1.0         1.0
    """
    import pandas as pd

    profile = to_pandas(sums_by(clustered, by="cluster")).rename(columns={"segment": "cluster"})
    if profile.empty:
        return pd.DataFrame(columns=list(BESIDE))
    cross = to_pandas(_cross(clustered, by=by)).pivot_table(
        index="cluster", columns="segment", values="customers", fill_value=0
    )
    revenue = profile.revenue_year.sum()
    return profile.assign(
        share=profile.customers / profile.customers.sum(),
        revenue_per_customer=profile.revenue_year / profile.customers,
        revenue_share=profile.revenue_year / revenue if revenue else float("nan"),
        segment=cross.idxmax(axis=1).loc[profile.cluster].to_numpy(),
        segment_share=(cross.max(axis=1) / cross.sum(axis=1)).loc[profile.cluster].to_numpy(),
        rand_index=adjusted_rand_index(cross.to_numpy()),
    )[list(BESIDE)]


@same_kind
def _cross(clustered: Any, *, by: By) -> Any:
    known = clustered.filter(clustered[by].notnull())
    return known.group_by("cluster", segment=known[by]).agg(customers=known.count()).order_by("cluster", "segment")


def is_stable(stability: Any) -> bool:
    """Whether groups are found again reliably enough to be believed: a row of :func:`cluster_stability`."""
    return bool(stability.rand_index >= STABLE and stability.weakest >= BELIEVABLE)
