"""How far single columns can be relied on, which months the tables cover, and silences that chance does not explain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from crmlib.calendar import months_before
from crmlib.statistics import CHANCE_OF_A_GAP, longer_silences

FAULTS = ("valid", "unique", "consistent", "timely")
DIMENSIONS = ("complete", *FAULTS)
SHORTEST_END = 7


def quality_scores(account: Mapping[str, Any]) -> Any:
    """The scores of every column that holds anything, the worst first; between 0 and 1, empty where not defined.

    Columns: ``table``, ``column``, ``complete``, ``valid``, ``unique``, ``consistent``, ``timely`` and their product
    ``quality_score``: about the share of the cells that can be relied on.

    >>> scores = {"orders": {"amount": {"complete": 1.0, "valid": 0.9, "score": 0.9}}}
    >>> quality_scores({"quality": {"columns": scores}})[["column", "valid", "quality_score"]].values.tolist()
    [['amount', 0.9, 0.9]]
    """
    import pandas as pd

    rows = [
        {"table": name, "column": column, **{d: score.get(d) for d in DIMENSIONS}, "quality_score": score["score"]}
        for name, columns in account["quality"]["columns"].items()
        for column, score in columns.items()
    ]
    frame = pd.DataFrame(rows, columns=["table", "column", *DIMENSIONS, "quality_score"])
    frame = frame.astype(dict.fromkeys((*DIMENSIONS, "quality_score"), float))
    return frame.sort_values("quality_score", kind="stable").reset_index(drop=True)


def worst_columns(scores: Any) -> Any:
    """The columns to look at first: those with a fault, then those with the most empty cells; 16 at most.

    Of a questionnaire's items only the worst stands for all. ``scores`` from :func:`quality_scores`.
    """
    faults = scores[list(FAULTS)].fillna(1.0).prod(axis=1)
    group = scores.table + "." + scores.column.where(~scores.column.str.startswith("item_"), "item_")
    ranked = scores.assign(_group=group, _faults=faults).sort_values(["_faults", "quality_score"], kind="stable")
    return ranked.drop_duplicates("_group").head(16).drop(columns=["_group", "_faults"]).reset_index(drop=True)


def coverage_by_month(account: Mapping[str, Any]) -> Any:
    """Rows by month of every table that has times: ``table``, ``month`` (its first day), ``rows``.

    >>> orders = {"months": {"2025-01": 3, "2025-02": 0}}
    >>> coverage_by_month({"quality": {"coverage": {"orders": orders}}}).rows.tolist()
    [3, 0]
    """
    import pandas as pd

    rows = [
        (name, dt.date.fromisoformat(f"{month}-01"), count)
        for name, covered in account["quality"]["coverage"].items()
        for month, count in covered["months"].items()
    ]
    return pd.DataFrame(rows, columns=["table", "month", "rows"])


def gaps(account: Mapping[str, Any]) -> Any:
    """Stretches without a row, in the middle or up to the last day of the data, and whether chance explains them.

    Columns: ``table``, ``from_day``, ``to_day``, ``days``, ``at_end``, ``expected_rows`` (at the table's average
    pace), ``nearby_rows`` (at the pace of the months around, from the month before to the month after), ``by_chance``
    (how many such stretches were to be expected) and ``unexplained`` (fewer than one in a thousand).

    Of ``k`` rows spread at random over the ``w`` days around, none falls into ``n`` given days with the chance
    (1 - n/w)^k: nearly exp(-kn/w) of a Poisson process where rows are many, more cautious where they are few. It is
    multiplied by the days of the table, on each of which a silence may begin. A table that has only just begun is slow
    at first: by the pace around, its early silences are no gaps. Nor are those between bursts, such as mailings, unless
    they are much longer than usual (:func:`crmlib.statistics.longer_silences`).
    """
    import pandas as pd

    until = dt.date.fromisoformat(account["as_of"])
    rows = []
    for name, covered in account["quality"]["coverage"].items():
        last = dt.date.fromisoformat(covered["last"])
        stretches = [(dt.date.fromisoformat(g["from"]), dt.date.fromisoformat(g["to"]), False) for g in covered["gaps"]]
        if name != "spend" and (until - last).days > SHORTEST_END:
            stretches.append((last + dt.timedelta(days=1), until, True))
        rows += [(name, start, end, at_end, *_judged(covered, start, end, at_end)) for start, end, at_end in stretches]
    columns = ["table", "from_day", "to_day", "at_end", "days", "expected_rows", "nearby_rows", "by_chance"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(unexplained=frame.by_chance.astype(float) < CHANCE_OF_A_GAP)


def _judged(covered: Mapping[str, Any], start: dt.date, end: dt.date, at_end: bool) -> tuple[int, float, float, float]:
    """Days, rows expected on average and nearby, and how many such stretches chance would make."""
    months = {dt.date.fromisoformat(f"{month}-01"): rows for month, rows in covered["months"].items()}
    first, last = dt.date.fromisoformat(covered["first"]), max(dt.date.fromisoformat(covered["last"]), end)
    days, length, everything = (end - start).days + 1, (last - first).days + 1, sum(months.values())
    before, after = months_before(start.replace(day=1), 1), months_before(end.replace(day=1), -2)
    rows = sum(count for month, count in months.items() if before <= month < after)
    window = (min(after - dt.timedelta(days=1), last) - max(before, first)).days + 1
    around = window - days
    average = everything * days / (length - days)
    silent = covered.get("silences", {"count": 0, "days": 0})
    # A silence up to the last day is not among those between rows.
    own = (0, 0) if at_end else (1, days)
    bursts = longer_silences(days, silent["count"] - own[0], silent["days"] - own[1], length - days)
    return days, average, rows * days / around, max(length * (1 - days / window) ** rows, bursts)
