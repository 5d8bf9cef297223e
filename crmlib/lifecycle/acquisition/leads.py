"""Leads: what becomes of them, stage by stage, and how long it takes. An open lead is not a lost one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from crmlib.calendar import as_day
from crmlib.engine import same_kind, to_ibis, to_pandas
from crmlib.statistics import bonferroni, cumulative_incidence, difference

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "not known"
"""What leads and customers without a channel, an owner or a reason are counted under."""
SMALL_BASE = 30
_ENDS = ("moved", "lost", "open")
_MOSTLY = 0.8
"""From this share of its leads on, those with a reason of the loss tell that a stage is the end of the lost."""
_LOST = "(?i)lost|disqualif|unqualif|reject|verloren|perdu|perdid|输单|丢单|失单|战败|流失|无效"
"""What systems call the stage of lost leads. It is the sign where nobody has written down why they were lost."""
_WON = "(?i)^(closed[ _-]*)?won$|^gewonnen$|^gagn|^已?成交$|^赢单$|^已?成单$"
"""What systems call the stage of leads that are won: whoever has entered it is won, also where no day is filled in."""
LeadGrouping = Literal["channel", "owner", "campaign"]
OF_CONVERSION = ["leads", "won", "lost", "open", "naive", "conversion", "low", "high", "median_days"]


@same_kind
def stage_order(leads: Any, lead_stages: Any, *, as_of: Any) -> Any:
    """The stages in the order in which leads pass them: ``stage, position`` (from 0) and ``leads`` that entered it.

    The data tell the order: stages that leads enter earlier, on average over leads, stand first. A stage that is called
    lost (``Closed lost``, 输单), or in which every lead ends and at least four in five have a reason of the loss, is no
    stage to pass and is left out.
    pandas or Ibis in, same kind out.

    >>> import pandas as pd
    >>> leads = pd.DataFrame({"lead_id": ["a", "b"], "lost_reason": [None, "price"]})
    >>> stages = pd.DataFrame({"lead_id": ["a", "a", "b", "b"], "stage": ["new", "offer", "new", "lost"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-02", "2025-01-09"])})
    >>> stage_order(leads, stages, as_of="2025-12-31")[["stage", "position"]]
       stage  position
    0    new         0
    1  offer         1
    """
    import ibis

    entered = _entered(lead_stages, as_of)
    reason = column(leads, "lost_reason")
    known = leads.select(lead_id=leads.lead_id.cast("string"), is_lost=reason.notnull()).distinct()
    own = ibis.window(group_by="lead_id", order_by=["entered_at", "stage"])
    rows = entered.join(known, "lead_id")
    rows = rows.mutate(nth=ibis.row_number().over(own), following=rows.stage.lead().over(own))
    of = rows.group_by("stage").agg(
        place=rows.nth.mean(),
        leads=rows.count(),
        ended=rows.following.isnull().sum(),
        were_lost=rows.is_lost.sum(),
        later=(rows.nth > 0).sum(),
    )
    is_end = (of.ended == of.leads) & (of.were_lost >= _MOSTLY * of.leads) & (of.later > 0)
    passed = of.filter(~(is_end | of.stage.re_search(_LOST)))
    ranked = passed.mutate(position=ibis.row_number().over(ibis.window(order_by=["place", "stage"])))
    return ranked.select("stage", ranked.position.cast("int64").name("position"), "leads").order_by("position")


@same_kind
def lead_times(leads: Any, lead_stages: Any = None, *, as_of: Any, by: LeadGrouping | None = None) -> Any:
    """What became of leads, and on which day after they came in: ``group, days, moved, lost, open`` (counts).

    ``moved``: won on that day (``converted_at``, else when the lead entered a stage called won, 成交); ``lost``: given
    up on it, which is the day on which the lead entered a last stage of the lost (see :func:`stage_order`), or
    ``as_of`` where no such day is known. A lead is lost that has a reason of the loss, or whose last stage is one of
    the lost. ``open``: neither until ``as_of``, so that it is known only that it takes longer. ``group``: of the column
    ``by``; without it there is one group. pandas or Ibis in, same kind out. :func:`conversion` reads it.

    >>> import pandas as pd
    >>> leads = pd.DataFrame({"lead_id": ["a", "b", "c"], "channel": "ads", "lost_reason": [None, "price", None],
    ...     "created_at": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-20"]),
    ...     "converted_at": pd.to_datetime(["2025-01-05", None, None])})
    >>> lead_times(leads, as_of="2025-01-31")
           group  days  moved  lost  open
    0  not known     4      1     0     0
    1  not known    11      0     0     1
    2  not known    29      0     1     0
    """
    each = each_lead(leads, lead_stages, as_of=as_of, by=by)
    return _counted(each.mutate(days=each.ended.delta(each.created, unit="day")), "group")


@same_kind
def stage_times(leads: Any, lead_stages: Any, *, as_of: Any) -> Any:
    """What became of leads in each stage, and on which day after they entered it.

    ``stage``, its ``position``, and ``days, moved, lost, open`` as for :func:`lead_times`: ``moved`` leads went on to a
    later stage or were won. pandas or Ibis in, same kind out.
    """
    rows = _in_stages(leads, lead_stages, as_of=as_of)
    return _counted(rows.mutate(days=rows.ended.delta(rows.entered, unit="day")), "position", "stage")


def conversion(times: Any, *, by: str | None = None, within: int | None = None) -> pd.DataFrame:
    """Which share of leads is won, or moves on, if the open ones go the way of the others.

    ``times``: from :func:`lead_times` (``by="group"``) or :func:`stage_times` (``by="stage"``). One row, or one per
    ``by``: ``leads``; ``won``, ``lost`` and ``open`` ones; ``naive``, won / leads, which counts open leads as if they
    were lost; ``conversion`` with its 95 % interval ``low, high``, the Aalen-Johansen estimate with losing a lead as
    the competing end (:func:`crmlib.statistics.cumulative_incidence`); ``median_days``, by when half of those who will
    be won are. ``within``: of the first so many days only. Without open leads it is naive, and the interval Wilson's.

    >>> import pandas as pd
    >>> times = pd.DataFrame({"days": [4, 9, 11], "moved": [1, 0, 0], "lost": [0, 1, 0], "open": [0, 0, 2]})
    >>> conversion(times)[["leads", "won", "naive", "conversion"]]
       leads  won  naive  conversion
    0      4    1   0.25        0.25
    """
    import pandas as pd

    frame = to_pandas(times).dropna(subset=["days"])
    parts = [(None, frame)] if by is None else list(frame.groupby(by, sort=False))
    rows = [{} if by is None else {by: name} for name, part in parts if len(part)]
    found = [_one_conversion(part, within) for _, part in parts if len(part)]
    columns = [*([by] if by else []), *OF_CONVERSION]
    return pd.DataFrame([row | values for row, values in zip(rows, found, strict=True)], columns=columns)


def _one_conversion(part: pd.DataFrame, within: int | None) -> dict[str, Any]:
    import numpy as np

    at = part.groupby("days")[list(_ENDS)].sum().sort_index()
    risk = at.sum(axis=1)[::-1].cumsum()[::-1]
    if within is not None:
        at, risk = at[at.index <= within], risk[risk.index <= within]
    all_of = part[list(_ENDS)].sum()
    counts = {"leads": int(all_of.sum()), "won": int(all_of.moved), "lost": int(all_of.lost), "open": int(all_of.open)}
    found: dict[str, Any] = counts | {"naive": counts["won"] / counts["leads"]}
    if at.empty:
        return found | dict.fromkeys(("conversion", "low", "high", "median_days"), np.nan)
    share, low, high = cumulative_incidence(risk, at.moved, at.lost)
    half = at.index[np.searchsorted(share, share[-1] / 2)] if share[-1] > 0 else np.nan
    return found | {"conversion": share[-1], "low": low[-1], "high": high[-1], "median_days": half}


def compare_conversion(rates: pd.DataFrame, *, by: str = "group") -> pd.DataFrame:
    """Every group of leads against all others together: ``difference`` of conversion, and its interval.

    ``rates``: from :func:`conversion` by group. One row per group with at least 30 leads on either side: ``by``,
    ``leads``, ``conversion``, ``others`` (that of all others), ``difference, low, high`` at a level that holds for all
    groups at once (Bonferroni), and ``differs``: ``above``, ``below`` or ``chance``. Empty with fewer than two groups.
    """
    import numpy as np
    import pandas as pd

    columns = [by, "leads", "conversion", "others", "difference", "low", "high", "differs"]
    judged = rates[rates.conversion.notna() & (rates.leads >= SMALL_BASE) & (rates[by] != UNKNOWN)]
    if len(judged) < 2:
        return pd.DataFrame(columns=columns)
    level = bonferroni(len(judged))
    worth = judged.leads.to_numpy(dtype=float)
    from crmlib.statistics import wilson

    rows = []
    share = judged.conversion.to_numpy(dtype=float)
    for place, row in enumerate(judged.itertuples(index=False)):
        rest = np.arange(len(judged)) != place
        others, base = float(np.average(share[rest], weights=worth[rest])), float(worth[rest].sum())
        of_row = wilson(share[place] * worth[place], worth[place], level=level)
        low, high = difference(share[place], of_row, others, wilson(others * base, base, level=level))
        differs = "above" if low > 0 else "below" if high < 0 else "chance"
        rows.append((getattr(row, by), row.leads, row.conversion, others, row.conversion - others, low, high, differs))
    return pd.DataFrame(rows, columns=columns).sort_values(
        "conversion", ascending=False, ignore_index=True, kind="stable"
    )


def lost_reasons(leads: Any) -> pd.DataFrame:
    """Why leads were lost: ``reason, leads, share`` with its 95 % interval ``low, high``, most frequent first.

    >>> import pandas as pd
    >>> lost_reasons(pd.DataFrame({"lost_reason": ["price", "price", "no_reply", None]}))[["reason", "leads", "share"]]
         reason  leads     share
    0     price      2  0.666667
    1  no_reply      1  0.333333
    """
    import ibis

    from crmlib.statistics import wilson

    table = to_ibis(leads)
    lost = table.select(reason=column(table, "lost_reason")).drop_null("reason")
    counted = lost.group_by("reason").agg(leads=lost.count())
    frame = counted.order_by(ibis.desc("leads"), "reason").limit(200).to_pandas()
    base = int(frame.leads.sum())
    low, high = wilson(frame.leads, base) if base else (frame.leads, frame.leads)
    return frame.assign(share=frame.leads / base if base else 0.0, low=low, high=high)


def after_long_waits(times: Any, slow: pd.DataFrame) -> pd.DataFrame:
    """What became of leads that waited longer in a stage than nine in ten of those who moved on.

    ``times``: from :func:`stage_times`; ``slow``: from :func:`slow_after`. One row: ``leads`` whose wait ended so late,
    ``moved`` on of them, their ``share`` with its 95 % Wilson interval ``low, high``, and ``share_in_time``, that of
    the leads whose wait ended earlier. Empty without any.
    """
    import pandas as pd

    from crmlib.statistics import wilson

    frame = to_pandas(times).merge(slow.rename(columns={"days": "usual"}), on="stage")
    ended = frame.moved + frame.lost
    late = frame.days > frame.usual
    leads, moved = int(ended[late].sum()), int(frame.moved[late].sum())
    if not leads or not ended[~late].sum():
        return pd.DataFrame(columns=["leads", "moved", "share", "low", "high", "share_in_time"])
    low, high = wilson(moved, leads)
    in_time = float(frame.moved[~late].sum() / ended[~late].sum())
    found = {"leads": leads, "moved": moved, "share": moved / leads, "low": low, "high": high}
    return pd.DataFrame([found | {"share_in_time": in_time}])


@same_kind
def open_leads(leads: Any, lead_stages: Any, *, as_of: Any, slow: Any = None) -> Any:
    """The leads that are neither won nor lost, one row each, those that have waited longest first.

    ``lead_id``, ``customer_id`` (where the lead left its contact), ``channel``, ``owner``, ``stage`` and its
    ``position``, ``waiting`` (days in this stage until ``as_of``), ``usual`` (days after which nine in ten of those who
    moved on from this stage had done so: ``slow``, from :func:`slow_after`), ``overdue``: whether it waits longer.
    pandas or Ibis in, same kind out.
    """
    import ibis

    rows = _in_stages(leads, lead_stages, as_of=as_of, keep=("channel", "owner", "customer_id"))
    waits = rows.filter(rows.open > 0)
    waits = waits.mutate(waiting=waits.ended.delta(waits.entered, unit="day").cast("int64"))
    if slow is None:
        waits = waits.mutate(usual=ibis.null("float64"))
    else:
        usual = slow.select("stage", usual=slow.days.cast("float64"))
        waits = waits.left_join(usual, "stage").drop("stage_right")
    waits = waits.mutate(overdue=(waits.waiting > waits.usual).fill_null(False))
    columns = ["lead_id", "customer_id", "channel", "owner", "stage", "position", "waiting", "usual", "overdue"]
    return waits.select(*columns).order_by(ibis.desc("waiting"), "lead_id")


def slow_after(times: Any, *, share: float = 0.9) -> pd.DataFrame:
    """By how many days ``share`` of the leads that move on from a stage have done so: ``stage, days``.

    ``times``: from :func:`stage_times`. Stages from which fewer than 30 leads have moved on have no row.
    """
    import pandas as pd

    rows = []
    for stage, part in to_pandas(times).sort_values(["position", "days"]).groupby("stage", sort=False):
        moved = part.moved.cumsum()
        if moved.iloc[-1] >= SMALL_BASE:
            rows.append((stage, int(part.days[moved >= share * moved.iloc[-1]].iloc[0])))
    return pd.DataFrame(rows, columns=["stage", "days"])


def pipeline(rates: pd.DataFrame, waiting: Any) -> pd.DataFrame:
    """How many of today's open leads will be won: one row per stage, in order, that holds any.

    ``rates``: from :func:`conversion` of :func:`stage_times` by stage; ``waiting``: from :func:`open_leads`.
    ``stage``; ``leads`` that are open in it; ``overdue`` of them; ``chance`` to be won from the start of this stage,
    the product of the shares that move on; ``expected`` to be won, counting leads that are overdue as lost.
    """
    import ibis
    import numpy as np
    import pandas as pd

    table = to_ibis(waiting)
    counted = table.group_by("position", "stage").agg(leads=table.count(), overdue=table.overdue.sum())
    frame = counted.order_by(ibis.asc("position")).to_pandas()
    if frame.empty or rates.empty:
        return pd.DataFrame(columns=["stage", "leads", "overdue", "chance", "expected"])
    onward = rates.set_index("stage").conversion
    chance = onward[::-1].cumprod()[::-1]
    found = frame.assign(chance=frame.stage.map(chance).astype(float), overdue=frame.overdue.astype(int))
    found["expected"] = (found.leads - found.overdue) * found.chance
    return found[["stage", "leads", "overdue", "chance", "expected"]].replace({np.inf: np.nan})


def velocity(won: pd.DataFrame, waiting: Any, *, value: float) -> pd.DataFrame:
    """How much money leads bring in a day: open leads × conversion × value / days to win (sales velocity).

    ``won``: the single row of :func:`conversion` of all leads; ``waiting``: from :func:`open_leads`; ``value``: what
    a lead that is won brings (client's currency). One row: ``open, conversion, value, median_days, a_day``; none where
    a part is not known.
    """
    import pandas as pd

    table = to_ibis(waiting)
    live = int(table.count().execute())
    known = won[(won.conversion > 0) & (won.median_days > 0)]
    if known.empty or not live or not value > 0:
        return pd.DataFrame(columns=["open", "conversion", "value", "median_days", "a_day"])
    row = known.iloc[0]
    a_day = live * row.conversion * value / row.median_days
    return pd.DataFrame(
        [{"open": live, "conversion": row.conversion, "value": value, "median_days": row.median_days, "a_day": a_day}]
    )


# One row per lead, or per lead and stage


def column(table: Any, name: str, kind: str = "string") -> Any:
    """A column of an Ibis table, empty where the table has none of this name."""
    import ibis

    return table[name].cast(kind) if name in table.columns else ibis.null(kind)


def each_lead(leads: Any, lead_stages: Any = None, *, as_of: Any, by: str | None = None) -> Any:
    """One row per lead (Ibis): ``lead_id, group, created, ended`` (a day) and how: ``moved, lost, open`` (0 or 1)."""
    import ibis

    end = as_day(as_of)
    came = leads.filter(leads.created_at.notnull() & leads.lead_id.notnull())
    won_on = column(came, "converted_at", "timestamp").cast("date")
    each = came.select(
        lead_id=came.lead_id.cast("string"),
        group=column(came, by or "").fill_null(UNKNOWN),
        created=came.created_at.cast("date"),
        won_on=won_on,
        is_lost=column(came, "lost_reason").notnull() | column(came, "stage").re_search(_LOST).fill_null(False),
    )
    each = each.filter(each.created <= ibis.literal(end))
    # Where nobody knows when a lead was lost, it counts among those who could be won for as long as we have looked:
    # that is right for the share won by each day, because how long we have looked is known of every lead.
    if lead_stages is None:
        each = each.mutate(last=ibis.literal(end))
    else:
        passed = stage_order(leads, lead_stages, as_of=as_of).select("stage", "position")
        entered = _entered(lead_stages, as_of).left_join(passed, "stage")
        is_end = entered.position.isnull()
        last = entered.group_by("lead_id").agg(
            last=entered.entered_at.max(where=is_end),
            onward=entered.entered_at.max(where=~is_end),
            reached=entered.entered_at.min(where=entered.stage.re_search(_WON)).cast("date"),
        )
        each = each.left_join(last, "lead_id").drop("lead_id_right")
        ended = each["last"].notnull() & (each.onward.isnull() | (each.onward <= each["last"]))
        each = each.mutate(
            is_lost=each.is_lost | ended, last=each["last"].cast("date").fill_null(ibis.literal(end)),
            won_on=each.won_on.fill_null(each.reached),
        ).drop("onward", "reached")  # fmt: skip
    each = each.mutate(is_lost=each.is_lost & each.won_on.isnull())
    return _with_end(each, end, begun=each.created)


def _with_end(each: Any, end: dt.date, *, begun: Any) -> Any:
    """``ended``, not before ``begun``, and how: won until ``end``, lost, or neither."""
    import ibis

    moved = each.won_on.notnull() & (each.won_on <= ibis.literal(end))
    lost = ~moved & each.is_lost
    ended = ibis.ifelse(moved, each.won_on, ibis.ifelse(lost, each["last"], ibis.literal(end)))
    return each.mutate(
        ended=ibis.greatest(ended, begun),
        moved=moved.cast("int64"),
        lost=lost.cast("int64"),
        open=(~moved & ~lost).cast("int64"),
    )


def _entered(lead_stages: Any, as_of: Any) -> Any:
    """The first entry of each lead into each stage, until ``as_of``: ``lead_id, stage, entered_at``."""
    import ibis

    known = lead_stages.filter(lead_stages.lead_id.notnull() & lead_stages.stage.notnull())
    known = known.filter(known.entered_at.cast("date") <= ibis.literal(as_day(as_of)))
    keys = {"lead_id": known.lead_id.cast("string"), "stage": known.stage.cast("string")}
    return known.group_by(**keys).agg(entered_at=known.entered_at.min())


def _in_stages(leads: Any, lead_stages: Any, *, as_of: Any, keep: tuple[str, ...] = ()) -> Any:
    """One row per lead and stage that it has passed or is in (Ibis), with how and when that ended."""
    import ibis

    each = each_lead(leads, lead_stages, as_of=as_of)
    if keep:
        of = leads.select(lead_id=leads.lead_id.cast("string"), **{name: column(leads, name) for name in keep})
        each = each.left_join(of, "lead_id").drop("lead_id_right")
    order = stage_order(leads, lead_stages, as_of=as_of)
    rows = _entered(lead_stages, as_of).join(order.select("stage", "position"), "stage")
    own = ibis.window(group_by="lead_id", order_by="position")
    rows = rows.mutate(next_on=rows.entered_at.lead().over(own).cast("date"), entered=rows.entered_at.cast("date"))
    both = rows.join(each.select("lead_id", "created", "won_on", "is_lost", "last", *keep), "lead_id")
    # The last stage of all is where winning takes one, on the day itself: nothing is left to happen in it.
    both = both.filter(both.next_on.notnull() | both.won_on.isnull() | (both.entered < both.won_on))
    both = both.mutate(won_on=both.next_on.fill_null(both.won_on), is_lost=both.is_lost & both.next_on.isnull())
    return _with_end(both, as_day(as_of), begun=both.entered)


def _counted(rows: Any, *keys: str) -> Any:
    """How many rows ended in which way on each of the ``days``, by ``keys``."""
    rows = rows.mutate(days=rows.days.cast("int64"))
    sums = {name: rows[name].sum().cast("int64") for name in _ENDS}
    return rows.group_by(*keys, "days").agg(**sums).order_by(*keys, "days")
