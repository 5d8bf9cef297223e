"""From when to when there are rows, and silences that chance does not explain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from crmlib import figures, text
from crmlib.calendar import months_before
from crmlib.finding import Finding

CHANCE_OF_A_GAP = 0.001
SHORTEST_END = 7

# Measures


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
    at first: by the pace around, its early silences are no gaps.
    """
    import pandas as pd

    until = dt.date.fromisoformat(account["as_of"])
    rows = []
    for name, covered in account["quality"]["coverage"].items():
        last = dt.date.fromisoformat(covered["last"])
        stretches = [(dt.date.fromisoformat(g["from"]), dt.date.fromisoformat(g["to"]), False) for g in covered["gaps"]]
        if name != "spend" and (until - last).days > SHORTEST_END:
            stretches.append((last + dt.timedelta(days=1), until, True))
        rows += [(name, start, end, at_end, *_judged(covered, start, end)) for start, end, at_end in stretches]
    columns = ["table", "from_day", "to_day", "at_end", "days", "expected_rows", "nearby_rows", "by_chance"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(unexplained=frame.by_chance.astype(float) < CHANCE_OF_A_GAP)


def _judged(covered: Mapping[str, Any], start: dt.date, end: dt.date) -> tuple[int, float, float, float]:
    """Days, rows expected on average and nearby, and how many such stretches chance would make."""
    months = {dt.date.fromisoformat(f"{month}-01"): rows for month, rows in covered["months"].items()}
    first, last = dt.date.fromisoformat(covered["first"]), max(dt.date.fromisoformat(covered["last"]), end)
    days, length, everything = (end - start).days + 1, (last - first).days + 1, sum(months.values())
    before, after = months_before(start.replace(day=1), 1), months_before(end.replace(day=1), -2)
    rows = sum(count for month, count in months.items() if before <= month < after)
    window = (min(after - dt.timedelta(days=1), last) - max(before, first)).days + 1
    around = window - days
    average = everything * days / (length - days)
    return days, average, rows * days / around, length * (1 - days / window) ** rows


# Figures


def plot_coverage(coverage: Any, found: Any) -> Any:
    """Tables by month: the darker, the nearer to the table's fullest month; unexplained gaps are framed.

    ``coverage`` from :func:`coverage_by_month`, ``found`` from :func:`gaps`.
    """
    import numpy as np
    import pandas as pd
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    tables = list(dict.fromkeys(coverage.table))
    months = [p.to_timestamp().date() for p in pd.period_range(coverage.month.min(), coverage.month.max(), freq="M")]
    grid = coverage.pivot(index="table", columns="month", values="rows").reindex(index=tables, columns=months)
    share = grid.div(grid.max(axis=1), axis=0).to_numpy(dtype=float)
    axes = figures.new_axes(8.6, 1.5 + 0.34 * len(tables))
    axes.grid(False)
    house = LinearSegmentedColormap.from_list("house", ["#f1f5f9", figures.COLOURS["main"]])
    axes.imshow(share, aspect="auto", cmap=house, vmin=0.0, vmax=1.0, interpolation="nearest")
    for lane, month in np.argwhere(np.nan_to_num(grid.to_numpy(dtype=float), nan=-1.0) == 0):
        axes.annotate("0", (month, lane), ha="center", va="center", fontsize=8, color=figures.COLOURS["bad"])
    real = found[found.unexplained] if len(found) else found
    for gap in real.itertuples():
        left, right = (_month_place(day, months[0]) for day in (gap.from_day, gap.to_day + dt.timedelta(days=1)))
        place = (left - 0.5, tables.index(gap.table) - 0.42)
        axes.add_patch(
            Rectangle(
                place, right - left, 0.84, fill=False, edgecolor=figures.COLOURS["bad"], linewidth=1.6, clip_on=False
            )
        )
    step = max(1, -(-len(months) // 8))
    axes.set_xticks(range(0, len(months), step), [text.month(month) for month in months[::step]])
    axes.set_yticks(range(len(tables)), [text.label(name) for name in tables])
    axes.set_xlim(-0.5, len(months) - 0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    reading = text.say(
        "Tables with times: {tables}, the earliest from {first}. Silences longer than chance explains: {gaps} "
        "(framed). Darker is nearer to the table's fullest month.",
        tables=len(tables),
        first=text.month(months[0]),
        gaps=len(real),
    )
    if not len(real):
        reading = text.say(
            "Tables with times: {tables}, the earliest from {first}. No silence is longer than chance explains. "
            "Darker is nearer to the table's fullest month.",
            tables=len(tables),
            first=text.month(months[0]),
        )
    description = text.say(
        "Heat map of rows by month: {tables}.",
        tables="; ".join(
            text.say("{table} {rows} rows", table=text.label(name), rows=int(grid.loc[name].sum())) for name in tables
        ),
    )
    title = text.say("What the tables cover")
    return figures.caption(axes, title=title, reading=reading, description=description)


def _month_place(day: dt.date, first: dt.date) -> float:
    length = (months_before(day.replace(day=1), -1) - day.replace(day=1)).days
    return 12 * (day.year - first.year) + day.month - first.month + (day.day - 1) / length


# Findings


def finding_gaps(found: Any, coverage: Any) -> Finding:
    """The silences that chance does not explain, the longest first. ``found`` from :func:`gaps`."""
    real = found[found.unexplained].sort_values("days", ascending=False, kind="stable") if len(found) else found
    tables = coverage.table.nunique()
    if not len(real):
        return Finding(
            "customer_data.gaps",
            text.say(
                "No table is silent for longer than chance explains (tables with times: {tables}).", tables=tables
            ),
            "good",
            certainty=text.say(
                "At each table's own pace, a silence that counts as a gap would come by chance in fewer than one of a "
                "thousand data sets like this."
            ),
            action=text.say("Trends by month can be read as they are."),
        )
    longest = real.iloc[0]
    said = {
        "table": text.label(longest.table),
        "days": int(longest.days),
        "first": text.day(longest.from_day),
        "last": text.day(longest.to_day),
        "rows": text.number(longest.nearby_rows),
        "count": len(real),
    }
    if longest.at_end:
        sentence = text.say("The table {table} has no row in the last {days} days, from {first} on.", **said)
    else:
        sentence = text.say("The table {table} has no row for {days} days, from {first} to {last}.", **said)
    more = text.say("It is one of {count} silences that chance does not explain.", **said) if len(real) > 1 else ""
    return Finding(
        "customer_data.gaps",
        " ".join(filter(None, (sentence, more))),
        "bad" if "orders" in set(real.table) else "neutral",
        certainty=text.say(
            "At the pace of the months around, {rows} rows were to be expected; such a silence comes by chance in "
            "fewer than one of a thousand data sets (Poisson).",
            **said,
        ),
        action=text.say(
            "Ask whether the business was closed, the export was cut, or a system stood still; until then, read no "
            "trend across it."
        ),
    )
