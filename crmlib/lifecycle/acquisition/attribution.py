"""Attribution: by which rule a new customer is credited to the channels of the contacts before the first order.

Rules that look at one path at a time are counted in the engine (:func:`rule_credits`). The Markov chain needs only how
often one channel follows another (:func:`transitions`, :func:`removal_effects`), Shapley values only which channels a
path holds (:func:`channel_sets`, :func:`shapley_credits`). None of them knows what would have happened without a
contact.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day
from crmlib.engine import made_once, same_kind, to_ibis, to_pandas
from crmlib.newcomers import without
from crmlib.purchases import purchase_days
from crmlib.statistics import percentiles, poisson_resamples

if TYPE_CHECKING:
    import pandas as pd

RULES = ("first", "last", "linear", "time_decay", "position")
MODELS = (*RULES, "markov", "shapley")
START, WON, NOT_WON = "(start)", "(won)", "(not won)"
GROUPS = 200
"""Into how many parts customers are put for the bootstrap; fewer customers than that are a part each."""
_MOST_CHANNELS = 12
"""Further channels, those with the fewest contacts, are taken together."""
OTHERS = "(other)"


@same_kind
def paths(touches: Any, orders: Any, *, as_of: Any, window: int = 90, kinds: str = "", earlier: Any = None) -> Any:
    """The contacts on the way to a first order, one row each.

    Of buyers, the contacts in the ``window`` days before the first order, until its day; of people who have not bought,
    all within ``window`` days up to their last, if that lies at least ``window`` days before ``as_of``: theirs is a way
    that led nowhere, while a younger one is not over and is left out. ``kinds``: which kinds of contact count,
    separated by commas; empty: all but those that tell of ourselves (``sent``, ``survey_sent``, ``unsubscribe``).
    Customers older than the data (``earlier``) are left out.

    Columns: ``customer_id``; ``won`` (1 or 0); ``channel``; ``nth`` (from 1) of ``touches``; ``days_before`` the first
    order, or the last contact. pandas or Ibis in, same kind out.
    """
    import ibis

    end = as_day(as_of)
    days = purchase_days(orders, as_of=end)
    bought = days.filter(days.nth == 0).select("customer_id", first_day=days.day)
    met = touches.filter(touches.customer_id.notnull() & touches.touched_at.notnull() & touches.channel.notnull())
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    met = met.filter(met.kind.isin(wanted) if wanted else met.kind.notin(_OF_OURSELVES))
    met = met.select(
        customer_id=met.customer_id.cast("string"), channel=met.channel.cast("string"), at=met.touched_at,
        day=met.touched_at.cast("date"),
    )  # fmt: skip
    met = without(met.filter(met.day <= ibis.literal(end)), earlier)
    both = met.left_join(bought, "customer_id").drop("customer_id_right")
    own = ibis.window(group_by="customer_id")
    both = both.mutate(won=both.first_day.notnull(), last_day=both.day.max().over(own))
    over = both.last_day <= ibis.literal(end - dt.timedelta(days=window))
    both = both.filter(ibis.ifelse(both.won, both.day <= both.first_day, over))
    until = both.first_day.fill_null(both.last_day)
    both = both.mutate(days_before=until.delta(both.day, unit="day").cast("int64"))
    both = both.filter(both.days_before <= window)
    in_time = ibis.window(group_by="customer_id", order_by=["at", "channel"])
    both = both.mutate(
        won=both.won.cast("int64"),
        nth=(ibis.row_number().over(in_time) + 1).cast("int64"),
        touches=both.count().over(own).cast("int64"),
    )
    kept = _few_channels(both)
    return made_once(
        kept.select("customer_id", "won", "channel", "nth", "touches", "days_before").order_by("customer_id", "nth")
    )


_OF_OURSELVES = ("sent", "delivered", "survey_sent", "unsubscribe")


def _few_channels(rows: Any) -> Any:
    """The rows with the channels that have the fewest contacts taken together, where there are many."""
    import ibis

    counted = rows.group_by("channel").agg(rows=rows.count()).order_by(ibis.desc("rows"), "channel")
    names = counted.limit(_MOST_CHANNELS + 1).to_pandas().channel.tolist()
    if len(names) <= _MOST_CHANNELS:
        return rows
    kept = names[: _MOST_CHANNELS - 1]
    return rows.mutate(channel=ibis.ifelse(rows.channel.isin(kept), rows.channel, OTHERS))


def path_summary(paths: Any, orders: Any = None, *, as_of: Any = None, earlier: Any = None) -> pd.DataFrame:
    """Of how many people contacts are known: one row.

    ``paths``: from :func:`paths`. ``won`` and ``not_won`` people with contacts; ``touches`` of the won on average;
    ``several``: the share of the won with contacts through more than one channel; ``new_customers`` in all (of
    ``orders``), and ``seen``, the share of them with contacts. Tables: pandas or Ibis.
    """
    import numpy as np

    table = to_ibis(paths)
    each = table.group_by("customer_id", "won").agg(touches=table.count(), channels=table.channel.nunique())
    found = each.agg(
        won=each.won.sum(),
        not_won=(1 - each.won).sum(),
        touches=each.touches.cast("float64").mean(where=each.won == 1),
        several=(each.channels > 1).cast("float64").mean(where=each.won == 1),
    ).to_pandas()
    found = found.fillna({"won": 0, "not_won": 0}).astype({"won": "int64", "not_won": "int64"})
    everybody = np.nan
    if orders is not None:
        days = purchase_days(to_ibis(orders), as_of=as_of)
        first = without(days.filter(days.nth == 0), None if earlier is None else to_ibis(earlier))
        everybody = int(first.count().execute())
    return found.assign(new_customers=everybody, seen=found.won / everybody if everybody else np.nan)


@same_kind
def rule_credits(paths: Any, *, half_life: float = 7.0) -> Any:
    """How many customers each rule credits to each channel: ``channel`` and a column per rule.

    ``first``: the first contact; ``last``: the last; ``linear``: all alike; ``time_decay``: half as much for each
    ``half_life`` days before the first order; ``position``: 40 % each to the first and the last, the rest shared by
    those between (halves of two, all of one). Each rule's column sums to the customers won. pandas or Ibis in, same
    kind out.

    >>> import pandas as pd
    >>> path = pd.DataFrame({"customer_id": "a", "won": 1, "channel": ["x", "y", "y", "x", "z"], "nth": range(1, 6),
    ...     "touches": 5, "days_before": [14, 7, 7, 0, 0]})
    >>> rule_credits(path)[["channel", "first", "last", "linear", "position"]].round(3)
      channel  first  last  linear  position
    0       x    1.0   0.0     0.4     0.467
    1       y    0.0   0.0     0.4     0.133
    2       z    0.0   1.0     0.2     0.400
    """
    import ibis

    won = paths.filter(paths.won == 1)
    decay = (won.days_before.cast("float64") * (-0.6931471805599453 / half_life)).exp()
    rows = won.mutate(decay=decay, n=won.touches.cast("float64"))
    rows = rows.mutate(all_decay=rows.decay.sum().over(ibis.window(group_by="customer_id")))
    first, last = rows.nth == 1, rows.nth == rows.touches
    end = first | last
    position = ibis.cases(
        (rows.touches == 1, 1.0),
        (rows.touches == 2, 0.5),
        (end, 0.4),
        else_=0.2 / (rows.n - 2).nullif(0),
    )
    credits = {
        "first": first.cast("float64"), "last": last.cast("float64"), "linear": 1 / rows.n,
        "time_decay": rows.decay / rows.all_decay, "position": position.cast("float64"),
    }  # fmt: skip
    rows = rows.mutate(**{f"by_{name}": value for name, value in credits.items()})
    sums = {name: rows[f"by_{name}"].sum().round(9) for name in credits}
    return rows.group_by("channel").agg(**sums).order_by("channel")


@same_kind
def transitions(paths: Any, *, groups: int = GROUPS) -> Any:
    """How often one channel follows another: ``part, source, target, count``.

    Every path begins at ``(start)`` and ends at ``(won)`` or ``(not won)``. ``part``: customers, in the order of their
    ids, are dealt into ``groups`` parts, from which :func:`removal_effects` draws; so the table stays small however
    many there are. pandas or Ibis in, same kind out.
    """
    import ibis

    own = ibis.window(group_by="customer_id", order_by="nth")
    people = paths.select("customer_id").distinct()
    people = people.mutate(part=ibis.row_number().over(ibis.window(order_by="customer_id")) % groups)
    rows = paths.join(people, "customer_id")
    rows = rows.mutate(before=rows.channel.lag().over(own))
    goal = ibis.ifelse(rows.won == 1, WON, NOT_WON)
    steps = rows.select("part", source=rows.before.fill_null(START), target=rows.channel)
    last = rows.filter(rows.nth == rows.touches)
    ends = last.select("part", source=last.channel, target=goal)
    both = steps.union(ends)
    counted = both.group_by(part=both.part.cast("int64"), source=both.source, target=both.target)
    return counted.agg(count=both.count()).order_by("part", "source", "target")


def removal_effects(steps: Any, *, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """What share of conversions a Markov chain of contacts loses without a channel, and what is credited to it.

    ``steps``: from :func:`transitions`. One row per ``channel``: ``removal_effect`` (0 to 1): by what share the chance
    to get from the start to an order falls if whoever would meet the channel is lost instead; ``share``: the effect as
    a share of the sum of all effects, with its interval ``low, high`` (bootstrap of customers: the parts of ``steps``
    are drawn anew, all chains are solved at once); ``credit``: the share times the customers won. Empty without
    anybody who was won.

    Source: Anderl, Becker, von Wangenheim & Schumann (2016), "Mapping the customer journey: Lessons learned from
    graph-based online attribution modeling", International Journal of Research in Marketing 33(3). Whoever follows the
    paths c1 → c2 → c3 → order, c1, and c2 → c3 finds the effects ½, 1 and 1 by hand:

    >>> import pandas as pd
    >>> rows = [("(start)", "c1"), ("c1", "c2"), ("c2", "c3"), ("c3", "(won)"), ("(start)", "c1"), ("c1", "(not won)"),
    ...     ("(start)", "c2"), ("c2", "c3"), ("c3", "(not won)")]
    >>> steps = pd.DataFrame(rows, columns=["source", "target"]).assign(part=0, count=1)
    >>> removal_effects(steps, resamples=10)[["channel", "removal_effect", "share"]]
      channel  removal_effect  share
    0      c1             0.5    0.2
    1      c2             1.0    0.4
    2      c3             1.0    0.4
    """
    import numpy as np
    import pandas as pd

    frame = to_pandas(steps)
    columns = ["channel", "removal_effect", "share", "low", "high", "credit"]
    won = float(frame["count"][frame.target == WON].sum())
    if not won:
        return pd.DataFrame(columns=columns)
    channels = sorted(set(frame.source) - {START})
    states = [START, *channels, WON, NOT_WON]
    place = {name: n for n, name in enumerate(states)}
    part = frame.part.rank(method="dense").astype(int).to_numpy() - 1
    counts = np.zeros((part.max() + 1, len(states) - 2, len(states)))
    np.add.at(counts, (part, frame.source.map(place), frame.target.map(place)), frame["count"].to_numpy(dtype=float))
    effects = _effects(counts.sum(axis=0)[None])[0]
    share = effects / effects.sum()
    drawn = []
    for block in poisson_resamples(np.ones(len(counts)), resamples=resamples, seed=seed, cells=200_000):
        some = _effects(np.einsum("rp,pst->rst", block, counts))
        drawn.append(some / some.sum(axis=1, keepdims=True))
    low, high = percentiles(np.nan_to_num(np.concatenate(drawn), nan=0.0), level=level)
    if len(counts) == 1:  # nothing to draw from
        low = high = np.full(len(channels), np.nan)
    return pd.DataFrame(
        {"channel": channels, "removal_effect": effects, "share": share, "low": low, "high": high,
         "credit": share * won}
    )  # fmt: skip


def _effects(counts: Any) -> Any:
    """The removal effect of each channel in each of many chains: ``counts`` by chain, source and target."""
    import numpy as np

    channels = counts.shape[1] - 1
    totals = counts.sum(axis=2, keepdims=True)
    chance = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    inner, goal = chance[:, :, : channels + 1], chance[:, :, channels + 1]
    eye = np.eye(channels + 1)

    def reached(keep: Any) -> Any:
        """The chance to get from the start to an order through the states that are kept."""
        matrix = eye - inner * keep[None, None, :] * keep[None, :, None]
        # Every path that is drawn ends, so that from each state that somebody enters there is a way out.
        return np.linalg.solve(matrix, (goal * keep[None, :])[:, :, None])[:, 0, 0]

    whole = reached(np.ones(channels + 1))
    without_one = []
    for gone in range(1, channels + 1):
        keep = np.ones(channels + 1)
        keep[gone] = 0.0
        without_one.append(reached(keep))
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - np.column_stack(without_one) / whole[:, None]


@same_kind
def channel_sets(paths: Any) -> Any:
    """How many people met which channels, whatever the order: ``channels`` (joined by ``" + "``), ``won``, ``not_won``.

    pandas or Ibis in, same kind out.
    """
    import ibis

    names = sorted(paths.select("channel").distinct().to_pandas().channel)
    if not names:
        empty = paths.select(channels="channel", won="won", not_won="won")
        return empty.limit(0)
    met = {f"met_{place}": (paths.channel == name).max() for place, name in enumerate(names)}
    each = paths.group_by("customer_id", "won").agg(**met)
    flags = list(met)
    counted = each.group_by(flags).agg(won=each.won.sum().cast("int64"), people=each.count())
    worded = [ibis.ifelse(counted[flag], f" + {name}", "") for flag, name in zip(flags, names, strict=True)]
    joined = worded[0]
    for one in worded[1:]:
        joined = joined.concat(one)
    sets = counted.select(channels=joined.substr(3), won=counted.won, not_won=counted.people - counted.won)
    return sets.order_by("channels")


def shapley_credits(sets: Any) -> pd.DataFrame:
    """The Shapley value of each channel: ``channel, credit`` (customers), summing to those won.

    ``sets``: from :func:`channel_sets`. A team of channels is worth the customers who met no channel outside of it, and
    each channel is credited with what it adds to a team, on average over all orders in which teams are formed. In this
    game that is the same as sharing each customer equally among the channels met, which needs no list of all teams.

    Source: Shapley (1953); Zhao, Mahboobi & Bagheri (2018), "Shapley value methods for attribution modeling in online
    advertising", arXiv:1804.05327, eq. 9.

    >>> import pandas as pd
    >>> shapley_credits(pd.DataFrame({"channels": ["a", "a + b"], "won": [3, 2], "not_won": [1, 0]}))
      channel  credit
    0       a     4.0
    1       b     1.0
    """
    import pandas as pd

    frame = to_pandas(sets)
    parts = frame.assign(channel=frame.channels.str.split(" + ", regex=False))
    parts = parts.assign(credit=frame.won / parts.channel.map(len)).explode("channel")
    found = (
        parts.groupby("channel", as_index=False).credit.sum()
        if len(parts)
        else pd.DataFrame(columns=["channel", "credit"])
    )
    return found.astype({"credit": float})


def attribution(rules: Any, markov: pd.DataFrame, shapley: pd.DataFrame) -> pd.DataFrame:
    """All answers side by side, as shares of the customers won, one row per channel.

    ``rules``: from :func:`rule_credits`; ``markov``: from :func:`removal_effects`; ``shapley``: from
    :func:`shapley_credits`. ``channel``; a share (0 to 1) for each of ``first, last, linear, time_decay, position,
    markov, shapley``; ``markov_low, markov_high`` (95 %); ``least`` and ``most`` of all seven. The channel with most by
    the last contact stands first. Empty where nobody was won.
    """
    import pandas as pd

    columns = ["channel", *MODELS, "markov_low", "markov_high", "least", "most"]
    frame = to_pandas(rules)
    if frame.empty or markov.empty:
        return pd.DataFrame(columns=columns)
    table = markov[["channel", "share", "low", "high"]].merge(frame, on="channel", how="left")
    table = table.merge(shapley.rename(columns={"credit": "shapley"}), on="channel", how="left").fillna(
        dict.fromkeys((*RULES, "shapley"), 0.0)
    )
    table = table.rename(columns={"share": "markov", "low": "markov_low", "high": "markov_high"})
    for name in (*RULES, "shapley"):
        table[name] = table[name] / table[name].sum()
    models = table[list(MODELS)]
    table = table.assign(least=models.min(axis=1), most=models.max(axis=1))
    return table.sort_values(["last", "channel"], ascending=[False, True], ignore_index=True)[columns]
