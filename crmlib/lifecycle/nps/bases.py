"""What the answers at hand allow: which analyses have the base they need."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crmlib.answers import SMALL_BASE
from crmlib.calendar import as_day
from crmlib.engine import to_pandas
from crmlib.lifecycle.nps.drivers import FEWEST_ANSWERS, FEWEST_PER_ITEM, item_columns
from crmlib.lifecycle.nps.weighting import FEWEST_ANSWERED, FEWEST_REQUESTS

FEWEST_COMMENTS = 20


def bases(answers: Any, *, as_of: Any, days: int = 365, requests: Any = None, later: Any = None) -> Any:
    """For every analysis of the chapter the base it has and the base it needs; a pandas frame.

    ``answers``: from :func:`answers`; ``requests``: from :func:`requests`; ``later``: from
    :func:`later_revenue`; lately is in the ``days`` up to ``as_of``. Columns: ``analysis`` (a code),
    ``base``, ``needed``, ``enough``. An analysis without its base answers an empty table, or one marked as a
    small base.

    >>> import pandas as pd
    >>> few = pd.DataFrame({"score": [9.0, 3.0], "answered_at": pd.to_datetime(["2025-01-10", "2025-02-10"])})
    >>> print(*bases(few, as_of="2025-12-31").iloc[0])
    score 2 30 False
    """
    import pandas as pd

    frame = to_pandas(answers)
    start = as_day(as_of) - dt.timedelta(days=days)
    lately = frame[[moment.date() > start for moment in frame.answered_at]]
    known = int(frame.customer_id.notna().sum()) if "customer_id" in frame.columns else 0
    items = item_columns(frame) if len(frame) else []
    rated = int(frame[items].notna().all(axis=1).sum()) if len(items) > 1 else 0
    said = int(frame.comment.fillna("").astype(str).str.contains(r"\w").sum()) if "comment" in frame.columns else 0
    months = frame.answered_at.dt.to_period("M").nunique() if len(frame) else 0
    asked = to_pandas(requests) if requests is not None else pd.DataFrame()
    answered = int(asked.answered.sum()) if len(asked) else 0
    followed = to_pandas(later) if later is not None else pd.DataFrame()
    detractors = int((followed.category == "detractor").sum()) if len(followed) else 0
    rows = [
        ("score", _customers(frame), SMALL_BASE),
        ("score_today", _customers(lately), SMALL_BASE),
        ("trend", months, 2),
        ("groups", known, 2 * SMALL_BASE),
        ("requests", len(asked), FEWEST_REQUESTS),
        ("requests_answered", answered, FEWEST_ANSWERED),
        ("items", len(items), 2),
        ("items_rated", rated, max(FEWEST_ANSWERS, FEWEST_PER_ITEM * len(items))),
        ("comments", said, FEWEST_COMMENTS),
        ("followed", detractors, SMALL_BASE),
    ]
    table = pd.DataFrame(rows, columns=["analysis", "base", "needed"])
    return table.assign(enough=table.base >= table.needed)


def _customers(frame: Any) -> int:
    return int(frame.respondent.nunique()) if "respondent" in frame.columns else len(frame)
