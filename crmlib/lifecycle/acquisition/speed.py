"""Speed to lead: how soon leads are contacted first, and whether those contacted sooner are won more often."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib.calendar import as_day
from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.acquisition.leads import SMALL_BASE, _entered, each_lead, stage_order
from crmlib.statistics import standard_errors, wilson

if TYPE_CHECKING:
    import pandas as pd

WAITS = (0, 1, 3)
"""Last days of the bands of waits: the same day, the next, up to the third; and longer."""
NEVER = "never"


@same_kind
def contact_speed(leads: Any, lead_stages: Any, *, as_of: Any, within: int = 90, by: str = "channel") -> Any:
    """How many leads were contacted how soon, and how many of them were won, by group.

    The first contact is the entry into the second stage (see :func:`~crmlib.lifecycle.acquisition.stage_order`).
    Only leads that came in at least ``within`` days before ``as_of`` count, so that each had its time. ``group`` (of
    the column ``by``); ``wait``: ``0`` days, ``1``, ``2-3``, ``4+``, or ``never``; ``leads``; ``won`` within
    ``within`` days after they came in. pandas or Ibis in, same kind out.
    """
    import ibis

    end = as_day(as_of)
    each = each_lead(leads, lead_stages, as_of=as_of, by=by)
    each = each.filter(each.created <= ibis.literal(end - dt.timedelta(days=within)))
    second = stage_order(leads, lead_stages, as_of=as_of).filter(lambda t: t.position == 1).select("stage")
    contacts = _entered(lead_stages, as_of).semi_join(second, "stage")
    contacts = contacts.select("lead_id", contact=contacts.entered_at.cast("date"))
    both = each.left_join(contacts, "lead_id").drop("lead_id_right")
    days = both.contact.delta(both.created, unit="day")
    first, *later = WAITS
    bands = [(days <= first, str(first))]
    lowest = first + 1
    for last in later:
        bands.append((days <= last, str(last) if last == lowest else f"{lowest}-{last}"))
        lowest = last + 1
    wait = ibis.ifelse(both.contact.isnull(), NEVER, ibis.cases(*bands, else_=f"{lowest}+"))
    won = (both.moved == 1) & (both.ended.delta(both.created, unit="day") <= within)
    rows = both.mutate(wait=wait, won=won.cast("int64"))
    return (
        rows.group_by("group", "wait")
        .agg(leads=rows.count(), won=rows.won.sum().cast("int64"))
        .order_by("group", "wait")
    )


def speed_bands(speed: Any) -> pd.DataFrame:
    """The share won of the leads contacted within each time: ``wait, leads, won, conversion, low, high``.

    ``speed``: from :func:`contact_speed`. 95 % Wilson intervals. Leads that were never contacted are left out.
    """
    frame = to_pandas(speed)
    rows = frame[frame.wait != NEVER].groupby("wait", as_index=False)[["leads", "won"]].sum()
    low, high = wilson(rows.won, rows.leads)
    return rows.assign(conversion=rows.won / rows.leads, low=low, high=high)


def effect_of_speed(speed: Any, *, within_days: int = 1) -> pd.DataFrame:
    """By how much more leads that were contacted within so many days are won than those contacted later.

    ``speed``: from :func:`contact_speed`. The two are compared within each group (channel) and the differences
    weighted by how much each tells (Mantel-Haenszel), because channels that convert well may also be called sooner.
    One row: ``fast, fast_rate, slow, slow_rate``; ``difference`` with its 95 % interval ``low, high``; ``plain``, the
    difference without regard to groups; ``naive``, where leads that were never contacted count among the slow, who
    then look worse whatever speed does. Empty with fewer than 30 leads on either side, or none won.

    Sources: Mantel & Haenszel (1959), JNCI 22; variance of the risk difference: Greenland & Robins (1985), Biometrics
    41.

    >>> import pandas as pd
    >>> rows = [("a", "0", 100, 40), ("a", "4+", 100, 30), ("b", "0", 50, 5), ("b", "4+", 150, 0)]
    >>> rows += [("b", "never", 50, 0)]
    >>> speed = pd.DataFrame(rows, columns=["group", "wait", "leads", "won"])
    >>> effect_of_speed(speed)[["difference", "plain", "naive"]].round(3).values.tolist()
    [[0.1, 0.18, 0.2]]
    """
    import numpy as np
    import pandas as pd

    frame = to_pandas(speed)
    last = pd.to_numeric(frame.wait.str.extract(r"(\d+)$")[0], errors="coerce")
    side = np.select([frame.wait == NEVER, last.notna() & (last <= within_days)], ["never", "fast"], "slow")
    sums = frame.assign(side=side).groupby(["side", "group"])[["leads", "won"]].sum()
    total = sums.groupby("side").sum().reindex(["fast", "slow", "never"], fill_value=0)
    if min(total.leads["fast"], total.leads["slow"]) < SMALL_BASE or not total.won.sum():
        columns = ["fast", "fast_rate", "slow", "slow_rate", "difference", "low", "high", "plain", "naive"]
        return pd.DataFrame(columns=columns)
    fast, slow = (sums.loc[name] for name in ("fast", "slow"))
    both = fast.join(slow, how="inner", lsuffix="_fast", rsuffix="_slow").astype(float)
    n, m, x, y = both.leads_fast, both.leads_slow, both.won_fast, both.won_slow
    weight = n * m / (n + m)
    difference = float((weight * (x / n - y / m)).sum() / weight.sum())
    spread = (n**2 * y / m - m**2 * x / n + n * m * (m - n) / 2) / (n + m) ** 2
    of_both = (x * (m - y) + y * (n - x)) / (2 * (n + m))
    error = float(np.sqrt(max((difference * spread.sum() + of_both.sum()) / weight.sum() ** 2, 0.0)))
    reach = standard_errors() * error
    rate = total.won / total.leads
    everybody_else = total.loc[["slow", "never"]].sum()
    return pd.DataFrame(
        [
            {
                "fast": int(total.leads["fast"]), "fast_rate": rate["fast"],
                "slow": int(total.leads["slow"]), "slow_rate": rate["slow"],
                "difference": difference, "low": difference - reach, "high": difference + reach,
                "plain": rate["fast"] - rate["slow"],
                "naive": rate["fast"] - everybody_else.won / everybody_else.leads,
            }
        ]
    )  # fmt: skip
