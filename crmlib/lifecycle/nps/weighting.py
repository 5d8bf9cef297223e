"""Who was asked and did not answer: what weighting repairs, and how far off the score can still be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from crmlib.calendar import days_apart, end_of
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.lifecycle.nps.score import scores
from crmlib.purchases import purchases
from crmlib.statistics import wilson

TRAITS = ("channel", "tier", "recency", "frequency")
RECENCY = ((30, "to 30 days"), (90, "31 to 90 days"), (180, "91 to 180 days"), (365, "181 to 365 days"))
LONGER, NEVER = "more than 365 days", "no purchase"
FREQUENCY = ((0, "0"), (1, "1"), (2, "2"), (4, "3 to 4"))
MANY = "5 or more"
UNKNOWN_TRAIT = "unknown"
FEWEST_REQUESTS, FEWEST_ANSWERED = 200, 50
# Of the prior on the logit scale: Gelman et al. (2008), Annals of Applied Statistics 2.
PRIOR_SPREAD = 2.5


@same_kind
def requests(
    touches: Any,
    answers: Any,
    *,
    as_of: Any,
    customers: Any = None,
    orders: Any = None,
    loyalty: Any = None,
    kind: str = "survey_sent",
    campaign: str = "",
    within_days: int = 14,
) -> Any:
    """Everybody who was asked, one row per request, with what was known of them at that moment and whether
    they answered.

    A request is a touch of ``kind`` (whose campaign begins with ``campaign``); it was answered by the first
    answer of the same customer within ``within_days``, which belongs to the latest request before it.
    Requests less than ``within_days`` before the end of ``as_of`` are left out: who has not answered yet may
    still. ``answers``: from :func:`answers`. Columns: ``customer_id``, ``asked_at``, ``response_id`` (empty:
    no answer), ``answered`` (0 or 1), ``channel`` (that won the customer), ``tier`` (when asked, if
    ``loyalty`` tells; else today's, from ``customers``), ``recency`` and ``frequency`` (since the last and
    number of purchases before the request, in bands). A trait of which nothing is known is ``unknown``.
    pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> touches = pd.DataFrame({"customer_id": ["a", "b"], "kind": ["survey_sent"] * 2,
    ...     "touched_at": pd.to_datetime(["2025-03-01 10:00", "2025-03-01 10:00"])})
    >>> answers = pd.DataFrame({"response_id": ["1"], "customer_id": ["b"],
    ...     "answered_at": pd.to_datetime(["2025-03-02"])})
    >>> requests(touches, answers, as_of="2025-12-31")[["customer_id", "answered"]]
      customer_id  answered
    0           a         0
    1           b         1
    """
    import ibis

    end = end_of(as_of)
    chosen = (touches.kind == kind) & touches.customer_id.notnull() & touches.touched_at.notnull()
    if campaign and "campaign" in touches.columns:
        chosen &= touches.campaign.startswith(campaign)
    asked = (
        touches.filter(chosen)
        .select(customer_id=touches.customer_id.cast("string"), asked_at=touches.touched_at)
        .distinct()
    )
    given = answers.filter(answers.customer_id.notnull()).select(
        giver=answers.customer_id.cast("string"), answered_at=answers.answered_at, response_id=answers.response_id
    )
    window = ibis.interval(days=within_days)
    near = given.join(
        asked,
        [
            given.giver == asked.customer_id,
            given.answered_at >= asked.asked_at,
            given.answered_at < asked.asked_at + window,
        ],
    )
    own = near.group_by("response_id").agg(
        giver=near.giver.min(), answered_at=near.answered_at.min(), asked_at=near.asked_at.max()
    )
    own = own.mutate(first_at=own.answered_at.min().over(group_by=["giver", "asked_at"]))
    first = own.group_by("giver", "asked_at").agg(
        response_id=own.response_id.min(where=own.answered_at == own.first_at), answered_when=own.asked_at.max()
    )
    asked = asked.filter(asked.asked_at + window <= ibis.literal(end))
    table = asked.left_join(first, [asked.customer_id == first.giver, asked.asked_at == first.asked_at]).select(
        asked.customer_id, asked.asked_at, first.response_id
    )
    table = table.mutate(answered=table.response_id.notnull().cast("int64"))
    return _traits(table, at="asked_at", customers=customers, orders=orders, loyalty=loyalty).order_by(
        "asked_at", "customer_id"
    )


@same_kind
def active_customers(orders: Any, *, as_of: Any, customers: Any = None, loyalty: Any = None, days: int = 365) -> Any:
    """The customers for whom the score should speak: who bought in the ``days`` up to ``as_of``, with their
    traits.

    Columns: ``customer_id``, ``at`` (the end of ``as_of``) and the traits of :func:`requests`. pandas or Ibis
    in, same kind out.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-12-02", "2023-01-20"])})
    >>> active_customers(orders, as_of="2025-12-31")[["customer_id", "recency", "frequency"]]
      customer_id     recency frequency
    0           a  to 30 days         2
    """
    import ibis

    end = end_of(as_of)
    bought = purchases(orders, as_of=as_of)
    recent = bought.filter(bought.ordered_at >= ibis.literal(end - dt.timedelta(days=days)))
    table = recent.select("customer_id").distinct().mutate(at=ibis.literal(end))
    return _traits(table, at="at", customers=customers, orders=orders, loyalty=loyalty).order_by("customer_id")


def _traits(table: Any, *, at: str, customers: Any, orders: Any, loyalty: Any) -> Any:
    """The table with the four traits as they were at the time in column ``at``."""
    import ibis

    unknown = ibis.literal(UNKNOWN_TRAIT)
    keys = ["customer_id", at]
    for name in ("channel", "tier"):
        if customers is not None and name in customers.columns:
            known = customers.select(owner=customers.customer_id.cast("string"), trait=customers[name].cast("string"))
            table = table.left_join(known, table.customer_id == known.owner).drop("owner").rename(**{name: "trait"})
        else:
            table = table.mutate(**{name: ibis.null("string")})
    if loyalty is not None and "tier" in loyalty.columns:
        moves = loyalty.filter(loyalty.tier.notnull()).select(member="customer_id", moved_at="at", then="tier")
        past = table.select(*keys).join(moves, table.customer_id == moves.member)
        past = past.filter(past.moved_at <= past[at])
        past = past.mutate(last_at=past.moved_at.max().over(group_by=keys))
        now = past.group_by(*keys).agg(then=past.then.max(where=past.moved_at == past.last_at))
        table = table.left_join(now, keys).drop("customer_id_right", f"{at}_right")
        table = table.mutate(tier=table.then.fill_null("none")).drop("then")
    if orders is not None:
        bought = purchases(orders).select(buyer="customer_id", bought_at="ordered_at")
        past = table.select(*keys).join(bought, table.customer_id == bought.buyer)
        past = past.filter(past.bought_at < past[at])
        history = past.group_by(*keys).agg(last=past.bought_at.max(), times=past.count())
        table = table.left_join(history, keys).drop("customer_id_right", f"{at}_right")
        days = days_apart(table.last, table[at])
        recency: Any = ibis.literal(LONGER)
        for longest, band in reversed(RECENCY):
            recency = ibis.ifelse(days <= longest, band, recency)
        frequency: Any = ibis.literal(MANY)
        for most, band in reversed(FREQUENCY):
            frequency = ibis.ifelse(table.times.fill_null(0) <= most, band, frequency)
        table = table.mutate(recency=ibis.ifelse(table.last.isnull(), NEVER, recency), frequency=frequency).drop(
            "last", "times"
        )
    else:
        table = table.mutate(recency=unknown, frequency=unknown)
    return table.mutate(channel=table.channel.fill_null(unknown), tier=table.tier.fill_null(unknown))


def response_rates(requests: Any, *, level: float = 0.95) -> Any:
    """How many of those asked answered, by trait; a pandas frame with one row per trait and value.

    ``requests``: from :func:`requests`. Columns: ``trait``, ``value``, ``asked``, ``answered``,
    ``response_rate`` with its Wilson interval ``rate_low``, ``rate_high`` (0 to 1). The first row, trait
    ``all``, is everybody.

    >>> import pandas as pd
    >>> asked = pd.DataFrame({"answered": [1, 0, 0, 1], "tier": ["gold", "none", "none", "gold"]})
    >>> response_rates(asked)[["trait", "value", "asked", "response_rate"]]
      trait value  asked  response_rate
    0   all            4            0.5
    1  tier  gold      2            1.0
    2  tier  none      2            0.0
    """
    import pandas as pd

    columns = ["trait", "value", "asked", "answered", "response_rate", "rate_low", "rate_high"]
    cells = _cells(requests, [name for name in TRAITS if name in requests.columns]).assign(all="")
    parts = []
    for trait in ("all", *[name for name in TRAITS if name in cells.columns and cells[name].nunique() > 1]):
        sums = cells.groupby(trait)[["asked", "answered"]].sum().rename_axis("value").reset_index()
        ordered = sums.sort_values(
            "value", kind="stable", key=lambda values: values.map(lambda value: (_place(value), value))
        )
        parts.append(ordered.assign(trait=trait))
    table = pd.concat(parts, ignore_index=True)
    table["response_rate"] = table.answered / table.asked
    table["rate_low"], table["rate_high"] = wilson(table.answered, table.asked, level=level)
    return table[columns]


def _place(value: str) -> int:
    bands = [band for _, band in RECENCY] + [LONGER, NEVER] + [band for _, band in FREQUENCY] + [MANY]
    return bands.index(value) if value in bands else -1


def _cells(requests: Any, traits: Sequence[str]) -> Any:
    """The distinct combinations of traits with how many were asked and answered, as a small pandas frame."""
    table = to_ibis(requests)
    answered = table.answered.cast("int64").sum().cast("int64")
    return to_pandas(table.group_by(list(traits)).agg(asked=table.count(), answered=answered).order_by(*traits))


def response_model(requests: Any, *, trim: float = 5.0) -> Any:
    """How likely customers with the same traits are to answer, and the weight that an answer of theirs gets.

    A logistic model of the main effects of the traits that vary, on the distinct combinations of traits with
    their counts, so a million requests cost no more than a thousand. A weak prior (normal, standard deviation
    2.5 on the logit scale; Gelman et al. 2008) keeps traits for which all or nobody answered finite.
    ``weight`` is 1 / propensity, cut at ``trim`` times the median weight of the answers: one answer stands
    for that many customers who were asked. A pandas frame, one row per combination: the traits, ``asked``,
    ``answered``, ``propensity`` (0 to 1), ``weight``. Empty with fewer than 200 requests or 50 answered ones,
    or when all have answered.

    Rosenbaum & Rubin (1983), Biometrika 70; Little & Rubin, Statistical Analysis with Missing Data, ch. 3.

    >>> import pandas as pd
    >>> asked = pd.DataFrame({"tier": ["gold"] * 200 + ["none"] * 200, "answered": [1, 0] * 100 + [1, 0, 0, 0] * 50})
    >>> response_model(asked)[["tier", "propensity", "weight"]].round(2)
       tier  propensity  weight
    0  gold        0.50    2.00
    1  none        0.25    3.99
    """
    import numpy as np
    import pandas as pd

    traits = [name for name in TRAITS if name in requests.columns]
    columns = [*traits, "asked", "answered", "propensity", "weight"]
    if not traits:
        return pd.DataFrame(columns=columns)
    cells = _cells(requests, traits)
    asked, answered = int(cells.asked.sum()), int(cells.answered.sum())
    if asked < FEWEST_REQUESTS or answered < FEWEST_ANSWERED or asked == answered:
        return pd.DataFrame(columns=columns)
    design = [np.zeros(len(cells))]  # alone where no trait varies
    for trait in traits:
        sizes = cells.groupby(trait).asked.sum().sort_values(ascending=False, kind="stable")
        design += [(cells[trait] == value).to_numpy(dtype=float) for value in sizes.index[1:]]
    propensity = _logistic(np.column_stack(design), cells.answered.to_numpy(float), cells.asked.to_numpy(float))
    weight = 1 / propensity
    each = np.repeat(weight, cells.answered.to_numpy())
    cells["propensity"] = propensity
    cells["weight"] = np.minimum(weight, trim * np.median(each))
    return cells[columns]


def _logistic(traits: Any, successes: Any, trials: Any) -> Any:
    """Fitted probabilities of a logistic regression on counts, with a normal prior on the slopes."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=PRIOR_SPREAD**2, solver="newton-cholesky", tol=1e-12)
    answered = np.repeat([1, 0], len(trials))
    model.fit(np.vstack([traits, traits]), answered, sample_weight=np.concatenate([successes, trials - successes]))
    return model.predict_proba(traits)[:, 1]


def weigh(answers: Any, requests: Any, model: Any) -> Any:
    """The answers with the ``weight`` that :func:`response_model` gives to customers like the one who gave
    them.

    Answers that belong to no request (nobody asked, or nobody noted it) are not in the table: it cannot be
    known whom they stand for. An empty model gives an empty table. The answers may be pandas or Ibis, same
    kind out.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"response_id": ["1", "2"], "score": [9.0, 3.0],
    ...     "answered_at": pd.to_datetime(["2025-01-02"] * 2)})
    >>> asked = pd.DataFrame({"response_id": ["1", None], "tier": ["gold", "none"], "answered": [1, 0]})
    >>> model = pd.DataFrame({"tier": ["gold", "none"], "weight": [2.0, 4.0]})
    >>> weigh(answers, asked, model)[["response_id", "weight"]]
      response_id  weight
    0           1     2.0
    """
    import ibis
    import pandas as pd

    model = to_pandas(model)
    framed = isinstance(answers, pd.DataFrame)
    if not len(model):
        return answers.iloc[:0].assign(weight=0.0) if framed else answers.mutate(weight=0.0).limit(0)
    given, asked = to_ibis(answers), to_ibis(requests)
    traits = [name for name in TRAITS if name in model.columns and name in asked.columns]
    asked = asked.filter(asked.response_id.notnull()).select("response_id", *traits)
    weights = asked.join(ibis.memtable(model[[*traits, "weight"]]), traits).select("response_id", "weight")
    given = given.drop("weight") if "weight" in given.columns else given
    table = given.join(weights, "response_id")
    table = table.drop(*[name for name in table.columns if name.endswith("_right")])
    table = table.order_by("answered_at", "response_id")
    return to_pandas(table) if framed else table


def weighted_where_known(answers: Any, requests: Any) -> Any:
    """The answers that somebody was asked for, with their weights; all answers as they are where no model can be had.

    ``answers``: from :func:`answers`; ``requests``: from :func:`requests`, of these and earlier answers.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"response_id": ["1"], "score": [9.0], "answered_at": pd.to_datetime(["2025-01-02"])})
    >>> nobody_noted = pd.DataFrame({"response_id": [], "tier": [], "answered": []})
    >>> weighted_where_known(answers, nobody_noted).columns.tolist()
    ['response_id', 'score', 'answered_at']
    """
    weighted = weigh(answers, requests, response_model(requests))
    return weighted if len(weighted) else answers


def post_stratify(answers: Any, base: Any, *, by: Sequence[str] = ("tier",), smallest: int = 10) -> Any:
    """The answers with weights that give every segment its share in the customer base; pandas frames.

    For when nobody noted who was asked. ``answers`` and ``base`` (one row per customer, from
    :func:`active_customers`) share the columns ``by``. Segments with fewer than ``smallest`` answers are
    taken together. ``weight`` has mean 1. Answers without a segment in the base, and a base that shares none,
    come out unweighted (weight 1) or not at all: the first are dropped, the second raises.

    Raises:
        ValueError: a column of ``by`` is missing from either frame, or they have no segment in common.

    Holt & Smith (1979), Post stratification, JRSS A 142.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"score": [10.0] * 30 + [0.0] * 10, "tier": ["gold"] * 30 + ["none"] * 10})
    >>> base = pd.DataFrame({"tier": ["gold"] * 50 + ["none"] * 50})
    >>> scores(answers).promoters.tolist(), scores(post_stratify(answers, base)).promoters.round(6).tolist()
    ([0.75], [0.5])
    """
    by = list(by)
    missing = [name for name in by if name not in answers.columns or name not in base.columns]
    if missing:
        raise ValueError(f"no column {missing[0]!r} in both the answers and the base to stratify by")
    cell, base_cell = (
        frame[by].astype(object).fillna(UNKNOWN_TRAIT).astype(str).agg(" · ".join, axis=1) for frame in (answers, base)
    )
    counts = cell.value_counts()
    large = counts.index[counts >= smallest]
    cell, base_cell = (values.where(values.isin(large), "other") for values in (cell, base_cell))
    counts, sizes = cell.value_counts(), base_cell.value_counts()
    common = counts.index.intersection(sizes.index)
    if not len(common):
        raise ValueError("the answers and the base have no segment in common")
    kept = cell.isin(common)
    share = sizes[common] / sizes[common].sum()
    weight = (share / counts[common]).reindex(cell[kept]).to_numpy() * kept.sum()
    return answers[kept].assign(weight=weight)


def non_response(weighted: Any, *, odds: Sequence[float] = (1.25, 1.5, 2.0), level: float = 0.95) -> Any:
    """The score as answered, as weighted, and as it would be if the satisfied answer more readily than we can
    see.

    ``weighted``: from :func:`weigh` (weights of at least 1); without weights the table is empty.
    For each ratio in ``odds``: the score of all who
    were asked if, among customers alike in every trait, promoters' odds of answering are that many times
    detractors' (passives in between), so that more of the silent are detractors. Columns: ``assumption``
    (``as answered``, ``weighted``, ``odds``), ``odds`` (empty for the first), ``answers``, ``nps``,
    ``nps_low``, ``nps_high``, ``effective_answers``. The interval is that of chance given the assumption; no
    data can say which ratio is true. A pandas frame.

    Exponential tilting: Kim & Yu (2011), A semiparametric estimation of mean functionals with nonignorable
    missing data, JASA 106.

    >>> import pandas as pd
    >>> weighted = pd.DataFrame({"score": [10.0] * 60 + [0.0] * 40, "net": [1] * 60 + [-1] * 40, "weight": 2.0})
    >>> non_response(weighted, odds=(1.5,))[["assumption", "nps"]].round(1)
        assumption   nps
    0  as answered  20.0
    1     weighted  20.0
    2         odds  10.0
    """
    import numpy as np
    import pandas as pd

    columns = ["assumption", "odds", "answers", "nps", "nps_low", "nps_high", "effective_answers"]
    weighted = to_pandas(weighted)
    if "weight" not in weighted.columns or not len(weighted):
        return pd.DataFrame(columns=columns)
    silent = np.maximum(weighted.weight.to_numpy(dtype=float) - 1, 0.0)
    weights = [np.ones(len(weighted)), weighted.weight.to_numpy(dtype=float)]
    for ratio in odds:
        tilted = silent * float(ratio) ** (-weighted.net.to_numpy() / 2)
        weights.append(1 + tilted * (silent.sum() / tilted.sum() if tilted.sum() > 0 else 0.0))
    every = pd.concat([weighted.assign(weight=w, _row=n) for n, w in enumerate(weights)], ignore_index=True)
    table = scores(every, by=["_row"], level=level)
    table["assumption"] = ["as answered", "weighted", *["odds"] * len(odds)]
    table["odds"] = [np.nan, 1.0, *[float(ratio) for ratio in odds]]
    return table[columns]
