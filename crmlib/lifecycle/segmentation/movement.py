"""Who moved where between two dates, what it cost or brought, and whether the segments kept their promise."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib import figures, text
from crmlib.calendar import as_day, months_before
from crmlib.engine import same_kind, to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.segmentation.heat_map import draw_heat_map
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.lifecycle.segmentation.summary import By
from crmlib.statistics import wilson

NEWCOMER = "newcomer"
SHORTEST_DAYS = 80
FEWEST = 30


# Measures


def comparison_day(customers: Any, *, as_of: Any, months: int = 12) -> dt.date | None:
    """The earlier day with which ``as_of`` can be compared; None where the orders do not go back far enough.

    It lies ``months`` before ``as_of``, or later where the twelve months before it would not be covered by orders; at
    least 80 days must remain between the two.

    >>> import pandas as pd
    >>> customers = pd.DataFrame({"first_day": pd.to_datetime(["2023-05-02", "2025-03-01"])})
    >>> comparison_day(customers, as_of="2025-12-31"), comparison_day(customers[1:], as_of="2025-12-31")
    (datetime.date(2024, 12, 31), None)
    """
    import pandas as pd

    end = as_day(as_of)
    begin = customers.first_day.min()
    begin = begin.to_pandas() if hasattr(begin, "to_pandas") else begin
    if pd.isna(begin):
        return None
    covered = months_before(as_day(pd.Timestamp(begin)) - dt.timedelta(days=1), -12)
    day = max(months_before(end, months), covered)
    return day if (end - day).days >= SHORTEST_DAYS else None


@same_kind
def migration(before: Any, after: Any, *, since: Any, by: By = "tier") -> Any:
    """How customers moved between the segments of two dates, one row per pair of segments that occurs.

    Columns: ``before`` (segment at the earlier date; ``newcomer``: not yet a customer, or not known), ``after``,
    ``customers``, ``share`` (of the customers of ``before``), ``buyers`` (who bought after the earlier date),
    ``revenue_before`` and ``revenue_after`` (the twelve months up to each date), ``change`` (their difference) and
    ``change_error`` (its standard error when customers are drawn anew). All of ``revenue_after`` together is the
    revenue of all customers in the twelve months to the later date.

    ``before`` and ``after`` come from :func:`segments` with the *same* thresholds, so that like is compared with like;
    ``since`` is the earlier date. pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> before = pd.DataFrame({"customer_id": ["a"], "tier": ["core"], "revenue_year": [90.0]})
    >>> after = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["sleeping", "ordinary"], "revenue_year": [0.0, 20.0],
    ...     "last_day": pd.to_datetime(["2024-03-01", "2025-06-01"])})
    >>> migration(before, after, since="2024-12-31")[["before", "after", "customers", "change"]]
         before     after  customers  change
    0      core  sleeping          1   -90.0
    1  newcomer  ordinary          1    20.0
    """
    import ibis

    day = ibis.literal(as_day(since))
    then = before.filter(before[by].notnull()).select(
        customer_id=before.customer_id, before=before[by], revenue_before=before.revenue_year
    )
    now = after.filter(after[by].notnull())
    now = now.select(
        customer_id=now.customer_id,
        after=now[by],
        revenue_after=now.revenue_year,
        bought=(now.last_day.cast("date") > day).fill_null(False),
    )
    both = now.left_join(then, "customer_id")
    moved = both.select(
        before=both.before.fill_null(NEWCOMER),
        after=both.after,
        bought=both.bought,
        revenue_before=both.revenue_before.fill_null(0.0),
        revenue_after=both.revenue_after,
        change=both.revenue_after - both.revenue_before.fill_null(0.0),
    )
    table = moved.group_by("before", "after").agg(
        customers=moved.count(),
        buyers=moved.count(where=moved.bought),
        revenue_before=moved.revenue_before.sum(),
        revenue_after=moved.revenue_after.sum(),
        change=moved.change.sum(),
        change_error=(moved.change * moved.change).sum().sqrt(),
    )
    return table.select(
        "before",
        "after",
        "customers",
        "buyers",
        "revenue_before",
        "revenue_after",
        "change",
        "change_error",
        share=table.customers / table.customers.sum().over(group_by="before"),
    ).order_by("before", "after")


def segment_outcomes(migration: Any, *, by: By = "tier", rules: Rules | None = None) -> Any:
    """What became of each segment of the earlier date: the test of whether the segments mean anything.

    Columns: ``segment``, ``customers`` (then), ``bought_share`` (who have bought since) with its 95 % Wilson interval
    ``bought_share_low``, ``bought_share_high``, and ``revenue_per_customer`` (the twelve months to the later date).
    In the order in which the rules show them; segments that had nobody are left out.

    >>> import pandas as pd
    >>> moved = pd.DataFrame({"before": ["core", "core"], "after": ["core", "sleeping"], "customers": [30, 10],
    ...     "buyers": [30, 2], "revenue_after": [900.0, 20.0]})
    >>> segment_outcomes(moved)[["segment", "customers", "bought_share", "revenue_per_customer"]]
      segment  customers  bought_share  revenue_per_customer
    0    core         40           0.8                  23.0
    """
    rules = rules or read_rules()
    shown = (rules.tiers if by == "tier" else rules.stages).shown
    moved = to_pandas(migration)
    sums = moved.groupby("before")[["customers", "buyers", "revenue_after"]].sum()
    sums = sums.reindex([segment for segment in shown if segment in sums.index])
    low, high = wilson(sums.buyers, sums.customers)
    return (
        sums.assign(
            bought_share=sums.buyers / sums.customers,
            bought_share_low=low,
            bought_share_high=high,
            revenue_per_customer=sums.revenue_after / sums.customers,
        )
        .drop(columns=["buyers", "revenue_after"])
        .rename_axis("segment")
        .reset_index()
    )


# Figures


def plot_migration(migration: Any, *, since: Any, by: By = "tier", rules: Rules | None = None) -> Any:
    """Where the customers of the earlier date are now, as a matrix; answers the Axes.

    ``migration``: from :func:`migration`; ``since``: its earlier date. Rows add up to all customers of a segment then.
    """
    moved = to_pandas(migration)
    rules = rules or read_rules()
    shown = list((rules.tiers if by == "tier" else rules.stages).shown)
    rows = [segment for segment in [*shown, NEWCOMER] if segment in set(moved.before)]
    columns = [segment for segment in shown if segment in set(moved.after)]
    place = {
        (rows.index(cell.before), columns.index(cell.after)): (
            cell.share,
            text.say("{share}\n({count})", share=text.percent(cell.share), count=int(cell.customers)),
        )
        for cell in moved.itertuples()
    }
    axes = draw_heat_map(place, [text.label(row) for row in rows], [text.label(column) for column in columns])
    axes.set_xlabel(text.say("Now\n(in the cells: share of the row, and customers)"))
    axes.set_ylabel(text.say("On {day}", day=text.day(as_day(since))))
    known = moved[moved.before != NEWCOMER]
    stayed = int(known[known.before == known.after].customers.sum())
    total = int(known.customers.sum())
    listed = "; ".join(
        text.say("{segment}: {share}", segment=text.label(cell.before), share=text.percent(cell.share))
        for cell in known[known.before == known.after].itertuples()
    )
    return figures.caption(
        axes,
        title=text.say("Where the customers of {day} are now", day=text.day(as_day(since))),
        reading=text.say(
            "Of the {total} customers of {day}, {stayed} are in the same segment now, {share}; the others have moved.",
            total=total,
            day=text.day(as_day(since)),
            stayed=stayed,
            share=text.percent(stayed / total) if total else text.UNKNOWN,
        ),
        description=text.say(
            "Matrix of {rows} segments then by {columns} segments now with the share of each row and the customers; "
            "share that stayed: {listed}.",
            rows=len(rows),
            columns=len(columns),
            listed=listed,
        ),
    )


# Findings


def finding_core_lost(migration: Any, *, since: Any) -> Finding | None:
    """What the core has lost on balance: those who left it beside those who rose to it and those who stayed.

    Whoever is picked for a good year has, on average, a less good one next, so that the core always loses customers
    and always wins others; looked at together, the two cancel where nothing has changed. The amount is therefore the
    fall in the yearly revenue of all who were core at either date, with the 95 % interval of drawing customers anew.
    It is bad news, and money, only where that interval holds losses alone. None where fewer than 30 were core or none
    of them has left it.
    """
    moved = to_pandas(migration)
    core = moved[moved.before == "core"]
    rose = moved[(moved.before != "core") & (moved.after == "core")]
    base, count = int(core.customers.sum()), int(core[core.after != "core"].customers.sum())
    if base < FEWEST or not count:
        return None
    either = moved[(moved.before == "core") | (moved.after == "core")]
    change = float(either.change.sum())
    margin = 1.96 * float((either.change_error**2).sum()) ** 0.5
    is_loss = change + margin < 0
    said = {
        "count": count,
        "base": base,
        "day": text.day(as_day(since)),
        "rose": int(rose.customers.sum()),
        "before": text.money(either.revenue_before.sum()),
        "after": text.money(either.revenue_after.sum()),
    }
    if is_loss:
        certainty = text.say(
            "95% interval of the loss: {interval}. Those who rose are counted too, so that it is more than chance "
            "evening out among customers picked for a good year.",
            interval=text.interval(-change - margin, -change + margin, text.money),
        )
    elif change - margin > 0:
        certainty = text.say(
            "95% interval of the gain: {interval}. Some leave every year: customers picked for a good year have, on "
            "average, a less good one next.",
            interval=text.interval(change - margin, change + margin, text.money),
        )
    else:
        certainty = text.say(
            "95% interval of the change: {interval}, so it may be chance. Some leave every year: customers picked for "
            "a good year have, on average, a less good one next.",
            interval=text.interval(change - margin, change + margin, text.money),
        )
    return Finding(
        "segmentation.core_lost",
        text.say(
            "The core has lost {count} of its {base} customers of {day} and won {rose}; the yearly revenue of all who "
            "were core then or are now went from {before} to {after}.",
            **said,
        )
        if len(rose)
        else text.say(
            "The core has lost {count} of its {base} customers of {day}, and nobody else rose to core in the same "
            "time; the yearly revenue of all who were core then or are now went from {before} to {after}.",
            **said,
        ),
        "bad" if is_loss else "neutral",
        certainty=certainty,
        action=text.say(
            "Give every core customer a named person who calls when the usual time to the next purchase has passed."
        )
        if is_loss
        else text.say(
            "Take no alarm at the number of those who left: judge the core by those who left and those who rose "
            "together."
        ),
        money=-change if is_loss else None,
        money_low=-change - margin if is_loss else None,
        money_high=-change + margin if is_loss else None,
        plays=("core_care",) if is_loss else (),
    )


def finding_potential(migration: Any, summary: Any, *, since: Any, more: float = 0.05) -> Finding | None:
    """What it would be worth if more of the potential customers rose to core, judged by those who did.

    ``summary``: from :func:`segment_summary` by tier; ``more``: how many more of each hundred, as a share. None where
    fewer than 30 customers were potential or fewer than 10 rose.
    """
    moved = to_pandas(migration)
    potential = moved[moved.before == "potential"]
    rose = potential[potential.after == "core"]
    today = summary[summary.segment == "potential"]
    base, count = int(potential.customers.sum()), int(rose.customers.sum())
    if base < FEWEST or count < 10 or today.empty or float(rose.change.sum()) <= 0:
        return None
    gain, error = float(rose.change.sum()) / count, float(rose.change_error.iloc[0]) / count
    people = more * int(today.customers.iloc[0])
    low, high = wilson(count, base)
    return Finding(
        "segmentation.potential",
        text.say(
            "{share} of the potential customers of {day} are core now and bring {gain} more revenue a year each; if "
            "another {more} of today's {today} potential customers rose, it would bring {money} of revenue a year.",
            share=text.percent(count / base),
            day=text.day(as_day(since)),
            gain=text.money(gain),
            more=text.percent(more),
            today=int(today.customers.iloc[0]),
            money=text.money(people * gain),
        ),
        "good",
        certainty=text.say(
            "{count} of {base} rose (95% interval of the share: {interval}). Those who rose by themselves are the "
            "keenest, so take the amount as the most that can be hoped for.",
            count=count,
            base=base,
            interval=text.interval(low, high, text.percent),
        ),
        action=text.say(
            "Offer a reward for the next step: a larger basket to those who come often, a second visit to those who "
            "spend much."
        ),
        money=people * gain,
        money_low=max(0.0, people * (gain - 1.96 * error)),
        money_high=people * (gain + 1.96 * error),
        plays=("next_step",),
    )
