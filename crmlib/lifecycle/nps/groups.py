"""The score by group: channel, tier, shop, touchpoint; with small bases marked and no ranking on noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlib.answers import tally
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.purchases import purchases
from crmlib.statistics import holm, net_score_variance

GROUPS = (
    "dimension", "group", "answers", "customers", "promoters", "detractors", "nps", "nps_low", "nps_high",
    "nps_shrunk", "differs", "small_base",
)  # fmt: skip
LAST_CONTACTS = ("complaint", "service", "purchase", "no contact")


@same_kind
def with_traits(
    answers: Any, *, customers: Any = None, orders: Any = None, tickets: Any = None, contact_days: int = 30
) -> Any:
    """The answers with what is known of who gave them, as far as the tables say so.

    Adds ``channel`` (that won the customer), ``tier`` and ``region`` from ``customers``; ``store`` of the
    last purchase before the answer from ``orders``; and, where orders or tickets are given, ``last_contact``:
    ``complaint``, ``service`` (another ticket), ``purchase`` or ``no contact`` within ``contact_days`` before
    the answer, the most telling first. Columns that the tables lack are not added; where nothing is known of
    a customer the value is empty. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"response_id": ["1", "2"], "customer_id": ["a", "b"], "score": [9.0, 3.0],
    ...     "answered_at": pd.to_datetime(["2025-02-01", "2025-02-01"])})
    >>> tickets = pd.DataFrame({"customer_id": ["b"], "opened_at": pd.to_datetime(["2025-01-20"]),
    ...     "is_complaint": [True]})
    >>> with_traits(answers, tickets=tickets)[["response_id", "last_contact"]]
      response_id last_contact
    0           1   no contact
    1           2    complaint
    """
    import ibis

    table = answers
    if customers is not None:
        traits = [name for name in ("channel", "tier", "region") if name in customers.columns]
        if traits:
            table = table.drop(*[name for name in traits if name in table.columns])
            known = customers.select("customer_id", *traits)
            table = table.left_join(known, "customer_id").drop("customer_id_right")
    moments = answers.filter(answers.customer_id.notnull()).select("response_id", "customer_id", "answered_at")
    recent = ibis.interval(days=contact_days)
    signs = []
    if orders is not None:
        bought = purchases(orders, keep=("store",)).rename(buyer="customer_id")
        seen = moments.join(bought, [moments.customer_id == bought.buyer, bought.ordered_at < moments.answered_at])
        # Of two orders at one moment, either would do; one of them it must be, whichever is read first.
        seen = seen.mutate(last_at=seen.ordered_at.max().over(group_by="response_id"))
        last = seen.group_by("response_id").agg(
            _store=seen.store.max(where=seen.ordered_at == seen.last_at), _bought=seen.ordered_at.max()
        )
        table = table.left_join(last, "response_id").drop("response_id_right")
        if "store" in orders.columns:
            table = table.rename(store="_store")
        else:
            table = table.drop("_store")
        signs.append(("purchase", "_bought"))
    if tickets is not None:
        complaint = tickets.is_complaint.fill_null(False) if "is_complaint" in tickets.columns else ibis.literal(False)
        asked = tickets.select(caller=tickets.customer_id, opened_at=tickets.opened_at, complaint=complaint)
        seen = moments.join(asked, [moments.customer_id == asked.caller, asked.opened_at < moments.answered_at])
        last = seen.group_by("response_id").agg(
            _complaint=seen.opened_at.max(where=seen.complaint), _service=seen.opened_at.max()
        )
        table = table.left_join(last, "response_id").drop("response_id_right")
        signs += [("service", "_service"), ("complaint", "_complaint")]
    if signs:
        contact: Any = ibis.literal("no contact")
        for name, column in signs:
            contact = ibis.ifelse((table[column] >= table.answered_at - recent).fill_null(False), name, contact)
        contact = ibis.ifelse(table.customer_id.isnull(), ibis.null("string"), contact)
        table = table.mutate(last_contact=contact).drop(*[column for _, column in signs])
    return table.order_by("answered_at", "response_id")


def groups(answers: Any, *, dimensions: Sequence[str], level: float = 0.95) -> Any:
    """The score of every group of every dimension, with what can be said of the differences; a pandas frame.

    ``answers``: from :func:`answers` or :func:`with_traits`; ``dimensions``: columns of it (those that it
    lacks, that are empty, or that know only one group, are left out). Columns: ``dimension``, ``group``,
    ``answers``, ``customers``, ``promoters``, ``detractors`` (shares), ``nps``, ``nps_low``, ``nps_high``
    (points; every interval by itself), ``nps_shrunk``: the score drawn towards the dimension's mean by as
    much as its base is small (DerSimonian & Laird 1986; Morris 1983), in the order of which the rows stand;
    ``differs``: ``above`` or ``below`` where the group's score differs from all other answers of the
    dimension, ``no`` where that may be chance, ``unknown`` on a small base (fewer than 30 customers). The
    promise of ``level`` holds for all groups of the table together (Holm 1979).

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"score": [10] * 40 + [9] * 40 + [2] * 35 + [8] * 5, "channel": ["a"] * 80 + ["b"] * 40,
    ...     "respondent": [str(n) for n in range(120)]})
    >>> groups(answers, dimensions=["channel"])[["group", "nps", "differs"]]
      group    nps differs
    0     a  100.0   above
    1     b  -87.5   below
    """
    import ibis
    import pandas as pd

    table = to_ibis(answers)
    named = [name for name in dict.fromkeys(dimensions) if name in table.columns]
    if not named:
        return pd.DataFrame(columns=list(GROUPS))
    long = ibis.union(*[_long(table, name) for name in named]) if len(named) > 1 else _long(table, named[0])
    tallied = to_pandas(tally(long, by=("dimension", "group"), level=level))
    parts = [
        tallied[tallied.dimension == name].sort_values("group", kind="stable", ignore_index=True) for name in named
    ]
    parts = [_compared(part) for part in parts if len(part) > 1]
    if not parts:
        return pd.DataFrame(columns=list(GROUPS))
    compared = pd.concat(parts, ignore_index=True)
    compared["differs"] = _differs(compared, level)
    return compared[list(GROUPS)]


def _long(table: Any, dimension: str) -> Any:
    """The answers whose group is known, with the columns that a tally needs."""
    import ibis

    group = table[dimension].cast("string")
    carried = [name for name in ("respondent", "weight") if name in table.columns]
    known = table.select("score", *carried, dimension=ibis.literal(dimension), group=group)
    return known.filter(known.group.notnull() & (known.group != ""))


def _compared(table: Any) -> Any:
    """The rows of one dimension, best first, with each group's test against the rest and the shrunken scores."""
    import numpy as np

    weight = table.weight.to_numpy(dtype=float)
    # As in a test of proportions, every group gets the spread of all: a group's own spread is small where its score
    # happens to be high, and would make it look surer than it is.
    shares = [float((weight * table[name]).sum() / weight.sum()) for name in ("promoters", "detractors")]
    worth = table.effective_answers.to_numpy(dtype=float)
    variance = 100**2 * net_score_variance(shares[0], shares[1], float(worth.sum())) / worth
    score = table.nps.to_numpy(dtype=float)
    others = weight.sum() - weight
    rest = ((weight * score).sum() - weight * score) / others
    rest_variance = ((weight**2 * variance).sum() - weight**2 * variance) / others**2
    table["_z"] = (score - rest) / np.sqrt(variance + rest_variance)
    precision = 1 / variance
    heterogeneity = (precision * (score - np.average(score, weights=precision)) ** 2).sum() - (len(table) - 1)
    between = max(0.0, heterogeneity / (precision.sum() - (precision**2).sum() / precision.sum()))
    centre = np.average(score, weights=1 / (variance + between))
    # Rounded, so that the order of summation cannot decide between groups that are drawn to the same score.
    table["nps_shrunk"] = np.round(centre + between / (between + variance) * (score - centre), 9)
    return table.sort_values(["nps_shrunk", "nps", "group"], ascending=[False, False, True], ignore_index=True)


def _differs(table: Any, level: float) -> list[str]:
    """What each group is against the rest: ``above``, ``below``, ``no``, or ``unknown`` on a small base."""
    import numpy as np
    from scipy.special import ndtr

    differs = np.where(table.small_base, "unknown", "no").astype(object)
    tested = np.flatnonzero(~table.small_base.to_numpy(dtype=bool))
    z = table._z.to_numpy(dtype=float)[tested]
    if len(tested):
        surely = holm(2 * ndtr(-np.abs(z))) <= 1 - level
        differs[tested[surely]] = np.where(z > 0, "above", "below")[surely]
    return differs.tolist()
