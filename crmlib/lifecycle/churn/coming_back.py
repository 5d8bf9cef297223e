"""How the chance to come back changes while a customer is silent, and what a complaint that waits does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.lifecycle.churn.complaints import complaint_outcomes, place_of
from crmlib.lifecycle.churn.features import SLA_HOURS
from crmlib.purchases import every_so_many, purchase_days, purchases
from crmlib.statistics import wald, wilson

if TYPE_CHECKING:
    import pandas as pd

MOST_SPELLS = 30_000
"""So many silences teach the Cox model at most, about; of more, those of every so many-th customer."""
_FEWEST_EVENTS = 30


def return_hazard(orders: Any, *, as_of: Any, width: int = 30, until: int = 360) -> pd.DataFrame:
    """Of those who have been silent for so long, the share that buys within the next ``width`` days.

    Every silence counts, from a purchase to the next, and one that is not over for as long as it was seen. One row per
    step of ``width`` days up to ``until``: ``from_day``, ``to_day``, ``silent`` (silences that came to ``from_day`` and
    could be followed to ``to_day``), ``came_back`` (of these, ended in the step), ``share`` with its 95 % Wilson
    interval ``low, high``. Steps with nobody are left out. Orders: pandas or Ibis.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": 1.0,
    ...     "ordered_at": pd.to_datetime(["2025-01-01", "2025-02-20", "2025-01-01"])})
    >>> return_hazard(orders, as_of="2025-03-31")[["from_day", "silent", "came_back"]].values.tolist()
    [[0, 3, 0], [30, 2, 1]]
    """
    import ibis
    import pandas as pd

    days = purchase_days(to_ibis(orders), as_of=as_of)
    followed = ibis.literal(as_day(as_of)).delta(days.day, unit="day").cast("int64")
    waits = days.next_day.delta(days.day, unit="day").cast("int64")
    spells = days.select(steps=followed // width, ends=(waits - 1) // width)
    counted = to_pandas(spells.group_by("steps", "ends").agg(silences=spells.count()))
    rows = []
    for step in range(until // width):
        could = counted[(counted.steps > step) & (counted.ends.isna() | (counted.ends >= step))]
        silent, back = int(could.silences.sum()), int(could.silences[could.ends == step].sum())
        if silent:
            low, high = wilson(back, silent)
            rows.append((step * width, (step + 1) * width, silent, back, back / silent, low, high))
    return pd.DataFrame(rows, columns=["from_day", "to_day", "silent", "came_back", "share", "low", "high"])


def _part(orders: Any, days: Any, *, as_of: Any, most: int) -> Any:
    """Every so many-th customer, so that about ``most`` silences are left (Ibis); None where they are no more."""
    silences = int(days.count().execute())
    if silences <= most:
        return None
    customers = int(days.filter(days.nth == 0).count().execute())
    return every_so_many(orders, as_of=as_of, most=max(1, customers * most // silences))[1]


@same_kind
def return_spells(
    orders: Any, tickets: Any = None, *, as_of: Any, sla_hours: float = SLA_HOURS, most: int | None = None
) -> Any:
    """The silences of customers, cut where a complaint begins to tell: rows of a counting process.

    Columns: ``customer_id``, ``place`` of the purchase (see :func:`~crmlib.lifecycle.churn.complaint_outcomes`),
    ``start``, ``stop`` (days since the purchase), ``came_back`` (1: the next purchase ended it), ``purchases`` so far,
    ``quick`` and ``slow`` (1: the customer complained in this silence, and by now it is known that the answer came
    within ``sla_hours``, or did not). So nobody is called slow before it was known. ``most``: of more silences, about
    so many, of every so many-th customer. pandas or Ibis in, same kind out.
    """
    import ibis

    end = as_day(as_of)
    days = purchase_days(orders, as_of=end)
    some = None if most is None else _part(orders, days, as_of=end, most=most)
    if some is not None:
        days = days.semi_join(some, "customer_id")
    followed = ibis.literal(end).delta(days.day, unit="day")
    wait = days.next_day.delta(days.day, unit="day").coalesce(followed).cast("int64")
    spells = days.select(
        "customer_id", "day", "next_day", wait=wait, purchases=days.nth + 1,
        came_back=days.next_day.notnull().cast("int64"),
    )  # fmt: skip
    spells = spells.filter(spells.wait > 0)
    nobody = {"known_at": ibis.null("int64"), "slow": ibis.null("boolean")}
    if tickets is None or "is_complaint" not in tickets.columns:
        cut = spells.mutate(**nobody)
    else:
        told = complaint_outcomes(orders, tickets, as_of=as_of, sla_hours=sla_hours)
        told = told.select(complainer="customer_id", opened_on="opened_on", slow="slow")
        pairs = spells.join(told, [spells.customer_id == told.complainer])
        since = pairs.opened_on.delta(pairs.day, unit="day").cast("int64")
        # What is slow, and what is not, is known the day after.
        pairs = pairs.mutate(known_at=since + 1).filter((since >= 0) & (since + 1 < pairs.wait))
        first = pairs.group_by("customer_id", "day").agg(known_at=pairs.known_at.min())
        told_first = pairs.join(first, ["customer_id", "day", "known_at"])
        told_first = told_first.group_by("customer_id", "day").agg(
            known_at=told_first.known_at.min(), slow=told_first.slow.any()
        )
        cut = spells.left_join(told_first, ["customer_id", "day"]).drop("customer_id_right", "day_right")
    plain = cut.select(
        "customer_id", "day", "purchases", start=ibis.literal(0, type="int64"), stop=cut.known_at.coalesce(cut.wait),
        came_back=ibis.ifelse(cut.known_at.isnull(), cut.came_back, 0), quick=ibis.literal(0, type="int64"),
        slow=ibis.literal(0, type="int64"),
    )  # fmt: skip
    later = cut.filter(cut.known_at.notnull())
    later = later.select(
        "customer_id", "day", "purchases", start=later.known_at, stop=later.wait, came_back=later.came_back,
        quick=(~later.slow).cast("int64"), slow=later.slow.cast("int64"),
    )  # fmt: skip
    rows = plain.union(later.cast(plain.schema()))
    bought = purchases(orders, as_of=end, keep=("store",))
    where = bought.select("customer_id", "day", place=place_of(orders, bought))
    where = where.group_by("customer_id", "day").agg(place=where.place.min())
    rows = rows.inner_join(where, ["customer_id", "day"])
    return rows.select(
        "customer_id", "place", "start", "stop", "came_back", "purchases", "quick", "slow", "day"
    ).order_by("customer_id", "day", "start").drop("day")  # fmt: skip


def cox_model(spells: Any, *, level: float = 0.95) -> pd.DataFrame:
    """What raises and lowers the chance to come back on any day of a silence: Cox models, one for each place.

    ``spells``: from :func:`return_spells`, of MOST_SPELLS silences. One row per ``place`` and ``term`` (``purchases``,
    per doubling; ``quick``, ``slow`` complaint): ``hazard_ratio`` with ``low, high``, ``p_value``; ``silences`` with
    such a complaint (of all, for ``purchases``) and ``events`` among them; ``proportional_p``, the test that the ratio
    is the same early and late in a silence (small: it is not). Ties as by Efron; errors allow for several silences of
    one customer. Places with fewer than 30 returns, and complaints of which fewer than 30 silences are known, are left
    out. Empty without any.

    Sources: Cox (1972), JRSS B 34; Andersen & Gill (1982), Annals of Statistics 10, for what changes over time;
    Grambsch & Therneau (1994), Biometrika 81, for the test.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    columns = [
        "place", "term", "hazard_ratio", "low", "high", "p_value", "silences", "events", "proportional_p",
    ]  # fmt: skip
    frame = to_pandas(spells)
    rows = []
    for place, part in frame.groupby("place", sort=True):
        if part.came_back.sum() < _FEWEST_EVENTS:
            continue
        x = pd.DataFrame({"purchases": np.log2(part.purchases.astype(float))})
        for name in ("quick", "slow"):
            if part[name].sum() >= _FEWEST_EVENTS and part.came_back[part[name] == 1].sum() > 0:
                x[name] = part[name].astype(float)
        x = x.loc[:, x.nunique() > 1]
        if x.empty:
            continue
        found, errors, p_values = cox_fit(part, x.to_numpy())
        low, high = wald(found, errors, level=level)
        for at, term in enumerate(x.columns):
            has = part[part[term] == 1] if term != "purchases" else part[part.start == 0]
            rows.append(
                (place, term, np.exp(found[at]), np.exp(low[at]), np.exp(high[at]),
                 2 * ndtr(-abs(found[at] / errors[at])), len(has), int((has if term != "purchases" else part)
                 .came_back.sum()), p_values[at])
            )  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def cox_fit(part: pd.DataFrame, x: Any) -> tuple[Any, Any, Any]:
    """The Cox model of spells (``start, stop, came_back, customer_id``) on a matrix of what it is fed with.

    Coefficients, their errors clustered by customer, and p of the test of proportional hazards (on ranks of time).
    """
    import numpy as np
    from scipy.special import chdtrc
    from statsmodels.duration.hazard_regression import PHReg

    stop = part.stop.to_numpy(dtype=float)
    # What happens on the very day on which a row begins belongs to the row that ends then.
    entry = part.start.to_numpy(dtype=float) + np.where(part.start > 0, 0.5, 0.0)
    model = PHReg(stop, x, status=part.came_back.to_numpy(), entry=entry, ties="efron")
    fitted = model.fit(disp=0)
    ids = part.customer_id.astype("category").cat.codes.to_numpy()
    plain = np.atleast_2d(fitted.cov_params())
    residuals = fitted.schoenfeld_residuals
    events = np.isfinite(residuals).all(axis=1)
    scores = np.zeros((ids.max() + 1, x.shape[1]))
    np.add.at(scores, ids, np.nan_to_num(fitted.score_residuals))
    robust = plain @ (scores.T @ scores) @ plain
    r = residuals[events] @ plain * events.sum()
    rank = np.argsort(np.argsort(stop[events], kind="stable"), kind="stable").astype(float)
    g = rank - rank.mean()
    chi2 = (g @ r) ** 2 / (events.sum() * np.diag(plain) * (g @ g))
    return fitted.params, np.sqrt(np.diag(robust)), chdtrc(1, chi2)
