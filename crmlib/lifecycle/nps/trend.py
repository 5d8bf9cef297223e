"""The score over time: what is a signal, and what is the noise of few answers."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from crmlib.calendar import Period, as_day, unit_of
from crmlib.engine import to_ibis, to_pandas
from crmlib.lifecycle.nps.score import difference, scores
from crmlib.statistics import net_score_variance, run_lengths, standard_errors, wald
from crmlib.statistics.limits import RUN

TREND = (
    "period", "answers", "customers", "nps", "nps_low", "nps_high", "effective_answers", "small_base", "centre",
    "limit_low", "limit_high", "signal", "change", "change_low", "change_high", "unfinished",
)  # fmt: skip


def trend(answers: Any, *, as_of: Any, period: Period = "quarter", sigma: float = 3.0, level: float = 0.95) -> Any:
    """The score of every period with its control limits; answers a pandas frame, one row per period.

    ``answers``: from :func:`answers` (pandas or Ibis). ``centre`` is the score of all answers together;
    between ``limit_low`` and ``limit_high`` (``sigma`` standard errors for the period's effective number of
    answers) a period is no different from the others, however its score moves. ``signal`` is ``above`` or
    ``below`` where the score lies outside of them, ``run above`` or ``run below`` for the eighth and later of
    successive periods on one side of the centre, else ``none``. ``change`` is the rise since the last period
    with answers, with its interval. A period without answers is in the table without a score. ``unfinished``:
    the period is not over on the day ``as_of``. All scores in points. With fewer than two periods that have
    answers there is nothing to compare: limits are empty.

    Shewhart's chart with limits that depend on the base, as in a p-chart (Montgomery 2013, Introduction to
    Statistical Quality Control, ch. 7), for the trinomial variance of the score.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"score": [10, 9, 8, 0] * 50 + [0, 5, 8, 10] * 50,
    ...     "answered_at": pd.to_datetime(["2025-01-15"] * 200 + ["2025-05-15"] * 200)})
    >>> trend(answers, as_of="2025-06-30")[["nps", "centre", "signal"]]
        nps  centre signal
    0  25.0     0.0  above
    1 -25.0     0.0  below
    """
    import numpy as np
    import pandas as pd

    dated = to_ibis(answers)
    dated = dated.mutate(period=dated.answered_at.truncate(unit_of(period)))
    table = to_pandas(scores(dated, by=("period",), level=level))
    if not len(table):
        return pd.DataFrame(columns=list(TREND))
    table["period"] = pd.to_datetime(table.period)
    pooled = to_pandas(scores(answers, level=level)).iloc[0]
    every = pd.date_range(table.period.min(), table.period.max(), freq=f"{unit_of(period)}S")
    table = table.set_index("period").reindex(every).rename_axis("period").reset_index()
    for name in ("answers", "customers"):
        table[name] = table[name].fillna(0).astype("int64")
    table["small_base"] = table.small_base.astype("boolean").fillna(True).astype(bool)
    known = table.answers > 0
    comparable = int(known.sum()) > 1
    # The spread of one answer, from the adjusted shares so that a score of 100 still has one.
    spread = 100 * net_score_variance(pooled.promoters, pooled.detractors, pooled.effective_answers) ** 0.5
    half = sigma * spread / np.sqrt(table.effective_answers.where(known))
    table["centre"] = pooled.nps if comparable else np.nan
    table["limit_low"] = (table.centre - half).clip(lower=-100)
    table["limit_high"] = (table.centre + half).clip(upper=100)
    table["signal"] = _signals(table)
    changes = ["change", "change_low", "change_high"]
    table[changes] = np.nan
    for (_, before), (index, row) in itertools.pairwise(table[known].iterrows()):
        table.loc[index, changes] = difference(before, row)
    over = as_day(as_of) + dt.timedelta(days=1)
    ends = table.period.dt.to_period(unit_of(period)).dt.end_time.dt.date
    table["unfinished"] = [end >= over for end in ends]
    return table[list(TREND)]


def _signals(table: Any) -> Any:
    import numpy as np

    signals = np.full(len(table), "none", dtype=object)
    known = table[(table.answers > 0) & table.centre.notna()]
    sides = np.sign(known.nps - known.centre)
    runs = np.array(run_lengths(sides.astype(int)), dtype=int) >= RUN
    found = np.select(
        [known.nps > known.limit_high + 1e-9, known.nps < known.limit_low - 1e-9, runs & (sides > 0), runs],
        ["above", "below", "run above", "run below"],
        default="none",
    )
    signals[known.index] = found
    return signals


def drift(trend: Any, *, level: float = 0.95) -> Any:
    """Whether the score rises or falls steadily: points a year with an interval; a frame of one row.

    ``trend``: from :func:`trend`, with the same ``level``. A straight line through the periods, weighted by
    their effective answers; where the periods scatter more than few answers explain, the interval grows with
    the scatter (Birge 1932). Columns: ``points_a_year``, ``points_low``, ``points_high``, ``periods``. Empty
    with fewer than four periods with answers.

    >>> import pandas as pd
    >>> steady = pd.DataFrame({"period": pd.date_range("2024-01-01", periods=5, freq="QS"), "answers": [100] * 5,
    ...     "nps": [40, 41, 42, 43, 44.0], "nps_low": [25.0] * 5, "nps_high": [55.0] * 5})
    >>> drift(steady).round()[["points_a_year", "periods"]]
       points_a_year  periods
    0            4.0        5
    """
    import numpy as np
    import pandas as pd

    columns = ["points_a_year", "points_low", "points_high", "periods"]
    known = trend[trend.answers > 0]
    if len(known) < 4:
        return pd.DataFrame(columns=columns)
    error = np.maximum((known.nps_high - known.nps_low).to_numpy(dtype=float) / (2 * standard_errors(level)), 1e-6)
    years = (known.period - known.period.iloc[0]).dt.days.to_numpy() / 365.25
    target = known.nps.to_numpy(dtype=float)
    line, covariance = np.polyfit(years, target, 1, w=1 / error, cov="unscaled")
    scatter = float((((target - np.polyval(line, years)) / error) ** 2).sum()) / (len(years) - 2)
    interval = wald(line[0], float(np.sqrt(covariance[0, 0] * max(1.0, scatter))), level=level)
    return pd.DataFrame([[line[0], *interval, len(years)]], columns=columns)
