"""What can be analysed with these tables, and what would have to be there for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmlib import text
from crmlib.lifecycle.customer_data.captioned import CaptionedTable

STATES = ("can_run", "runs_thinner", "cannot_run")


def analyses(chapters: Sequence[Mapping[str, Any]]) -> Any:
    """Which analyses are possible: ``analysis``, ``state`` (``can_run``, ``runs_thinner``, ``cannot_run``), ``lacks``.

    Each of ``chapters`` has ``title``, ``missing`` (tables and columns without which it cannot run) and ``thinner``
    (those that would make it richer).

    >>> analyses([{"title": "Score", "missing": [], "thinner": ["surveys.comment"]}]).values.tolist()
    [['Score', 'runs_thinner', 'surveys.comment']]
    """
    import pandas as pd

    rows = []
    for one in chapters:
        state = STATES[2] if one["missing"] else STATES[1] if one["thinner"] else STATES[0]
        rows.append((one["title"], state, ", ".join(one["missing"] or one["thinner"])))
    return pd.DataFrame(rows, columns=["analysis", "state", "lacks"])


def table_of_analyses(possible: Any) -> CaptionedTable:
    """The analyses in words; ``possible`` from :func:`analyses`."""
    counts = {state: int((possible.state == state).sum()) for state in STATES}
    reading = text.say(
        "Of {all} analyses, {can_run} can run in full, {runs_thinner} run with less, and {cannot_run} cannot run with "
        "these data.",
        all=len(possible),
        **counts,
    )
    return CaptionedTable(
        possible.assign(state=possible.state.map(text.label)), text.say("What can be analysed"), reading
    )
