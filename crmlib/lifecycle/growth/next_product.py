"""What a customer is likely to buy next: neighbours of what he has, held against what is simply popular."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.calendar import as_day
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.statistics import wald

METHODS = ("popular", "own", "neighbours")
MOST_CUSTOMERS = 20_000
MOST_ITEMS = 500
FEWEST_CUSTOMERS = 100
RECALL = ["method", "k", "customers", "items", "recall", "low", "high", "gain", "gain_low", "gain_high", "lead",
          "lead_low", "lead_high"]  # fmt: skip


def recall(baskets: Any, *, as_of: Any, test_days: int = 180, k: int = 3, most_customers: int = MOST_CUSTOMERS) -> Any:
    """Which way of choosing ``k`` items per customer meets most of what they then bought: a test on time.

    Everything until ``test_days`` before ``as_of`` is learned from; customers are judged who bought before and after.
    Of the different items that a customer bought after, ``recall`` is the share among the ``k`` suggested, or of ``k``
    where there were more. A pandas frame, one row per ``method``:

    - ``popular``: what most customers have bought, the same for all;
    - ``own``: what this customer has bought most often, then what is popular;
    - ``neighbours``: item-based collaborative filtering: items whose buyers are those of his items (cosine of the
      customers, item by item, the item itself included), then what is popular.

    ``customers`` (judged: with more than ``most_customers`` a sample, every so-many-th), ``items`` (different ones, the
    500 most frequent at most), ``recall`` with ``low, high``, and ``gain``: recall less that of ``popular``, from the
    same customers, with its interval; ``lead``: the same, less that of ``own``. Empty with fewer than 100 customers to
    judge.

    Source: Sarwar, Karypis, Konstan & Riedl (2001), "Item-based collaborative filtering recommendation algorithms".
    """
    import numpy as np
    import pandas as pd

    split = as_day(as_of) - dt.timedelta(days=test_days)
    table = to_ibis(baskets)
    before, after = table.filter(table.day <= split), table.filter(table.day > split)
    judged = to_pandas(_sampled(before, after, most_customers=most_customers))
    items = _popular(before)
    if len(judged) < FEWEST_CUSTOMERS or len(items) <= k:
        return pd.DataFrame(columns=RECALL)
    bought, then = (
        _matrix(to_pandas(_counts(part, ids=judged)), judged.customer_id, items["item"]) for part in (before, after)
    )
    held = then > 0
    most = np.minimum(held.sum(axis=1), k)
    kept = most > 0
    rates = {}
    for method, scores in _scores(bought, items, similarities(before, items["item"])).items():
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        hits = np.take_along_axis(held, best, axis=1).sum(axis=1)
        rates[method] = hits[kept] / most[kept]
    count = int(kept.sum())
    if count < FEWEST_CUSTOMERS:
        return pd.DataFrame(columns=RECALL)
    rows = []
    for method in METHODS:
        row = [method, k, count, len(items)]
        for values in (rates[method], rates[method] - rates["popular"], rates[method] - rates["own"]):
            low, high = wald(values.mean(), values.std(ddof=1) / count**0.5)
            row += [values.mean(), low, high]
        rows.append(row)
    return pd.DataFrame(rows, columns=RECALL)


def next_items(baskets: Any, customers: Any, *, k: int = 3) -> Any:
    """For each of the ``customers`` (a frame with ``customer_id``) the ``k`` nearest items that he has not bought yet.

    A pandas frame, one row per customer and item: ``customer_id``, ``place`` (1 to k), ``item``, ``score`` (sum of the
    cosines to what he has). Customers who have bought nothing get nothing. ``baskets``: from
    :func:`~crmlib.lifecycle.growth.baskets`.
    """
    import numpy as np
    import pandas as pd

    items = _popular(baskets)
    if items.empty or not len(customers):
        return pd.DataFrame(columns=["customer_id", "place", "item", "score"])
    ids = customers.customer_id.drop_duplicates().sort_values(ignore_index=True, kind="stable")
    bought = _matrix(to_pandas(_counts(to_ibis(baskets), ids=ids.to_frame())), ids, items["item"])
    scores = _scores(bought, items, similarities(baskets, items["item"]))["neighbours"]
    scores = np.where((bought > 0) | (bought.sum(axis=1) == 0)[:, None], -1.0, scores)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    rows = pd.DataFrame({
        "customer_id": ids.repeat(best.shape[1]).to_numpy(), "place": np.tile(np.arange(best.shape[1]) + 1, len(ids)),
        "item": items["item"].to_numpy()[best.ravel()], "score": np.take_along_axis(scores, best, axis=1).ravel(),
    })  # fmt: skip
    return rows[rows.score > 0].reset_index(drop=True)


def similarities(baskets: Any, items: Any) -> Any:
    """The cosine of each two of the ``items`` over the customers who bought them: a matrix in the order of ``items``.

    Customers who bought both / √(buyers of the one × buyers of the other), counted by the engine.
    """
    import numpy as np

    counted = to_pandas(_common_buyers(to_ibis(baskets), most_items=len(items)))
    place = {name: at for at, name in enumerate(items)}
    counted = counted[counted["item"].isin(place) & counted.other.isin(place)]
    both = np.zeros((len(place), len(place)))
    both[counted["item"].map(place), counted.other.map(place)] = counted.customers
    buyers = np.sqrt(np.diag(both))
    return both / np.maximum(np.outer(buyers, buyers), 1e-12)


def _scores(bought: Any, items: Any, cosines: Any) -> dict[str, Any]:
    """How much each method is for each item; what is popular parts what is equal."""
    import numpy as np

    # Popularity between 0 and 1, without ties: it decides only among what a method holds for equal.
    popular = (len(items) - np.arange(len(items))) / (len(items) + 1)
    return {
        "popular": np.broadcast_to(popular, bought.shape),
        "own": bought + popular,
        "neighbours": np.round((bought > 0) @ cosines, 9) + 1e-6 * popular,
    }


def _popular(baskets: Any) -> Any:
    return to_pandas(_buyers(to_ibis(baskets)))


def _matrix(counts: Any, customers: Any, items: Any) -> Any:
    import numpy as np

    across, down = ({name: at for at, name in enumerate(names)} for names in (items, customers))
    counts = counts[counts["item"].isin(across)]
    matrix = np.zeros((len(down), len(across)))
    matrix[counts.customer_id.map(down), counts["item"].map(across)] = counts.orders
    return matrix


@same_kind
def _buyers(baskets: Any) -> Any:
    """``item, buyers``, the most frequent first."""
    known = baskets.filter(baskets.customer_id.notnull())
    counted = known.group_by("item").agg(buyers=known.customer_id.nunique())
    return counted.order_by(counted.buyers.desc(), "item").limit(MOST_ITEMS)


@same_kind
def _common_buyers(baskets: Any, *, most_items: int) -> Any:
    known = baskets.filter(baskets.customer_id.notnull())
    counted = known.group_by("item").agg(buyers=known.customer_id.nunique())
    kept = counted.order_by(counted.buyers.desc(), "item").limit(most_items)
    each = made_once(known.semi_join(kept, "item").select("customer_id", "item").distinct())
    pairs = each.join(each.select("customer_id", other="item"), "customer_id")
    return pairs.group_by("item", "other").agg(customers=pairs.count()).order_by("item", "other")


@same_kind
def _sampled(before: Any, after: Any, *, most_customers: int) -> Any:
    """Customers who bought before and after; every so-many-th, in the order of their ids."""
    import ibis

    both = before.semi_join(after.filter(after.customer_id.notnull()), "customer_id").select("customer_id").distinct()
    every = both.mutate(
        place=ibis.row_number().over(ibis.window(order_by="customer_id")), n=both.count().over(ibis.window())
    )
    step = ibis.greatest((every.n / most_customers).ceil(), 1)
    return every.filter((every.place % step) == 0).select("customer_id").order_by("customer_id")


@same_kind
def _counts(baskets: Any, *, ids: Any) -> Any:
    kept = baskets.semi_join(ids, "customer_id")
    counted = kept.group_by("customer_id", "item").agg(orders=kept.order_id.nunique())
    return counted.order_by("customer_id", "item")
