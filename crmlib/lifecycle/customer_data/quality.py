"""How far single columns can be relied on, and what is not known of those who buy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib import figures, text
from crmlib.engine import to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.customer_data.buyers import buyers_of_the_year

FAULTS = ("valid", "unique", "consistent", "timely")
DIMENSIONS = ("complete", "valid", "unique", "consistent", "timely")
EXPECTED = ("first_seen_at", "channel", "region", "birthday")
"""Columns of customers that should be known of everybody; of others an empty cell may be right."""
WORST = 16
NOTABLE = 0.1

# Measures


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


def worst_columns(scores: Any, *, most: int = WORST) -> Any:
    """The columns to look at first: those with a fault, then those with the most empty cells; ``most`` at most.

    Of a questionnaire's items only the worst stands for all. ``scores`` from :func:`quality_scores`.
    """
    faults = scores[list(FAULTS)].fillna(1.0).prod(axis=1)
    group = scores.table + "." + scores.column.where(~scores.column.str.startswith("item_"), "item_")
    ranked = scores.assign(_group=group, _faults=faults).sort_values(["_faults", "quality_score"], kind="stable")
    return ranked.drop_duplicates("_group").head(most).drop(columns=["_group", "_faults"]).reset_index(drop=True)


def unknown_of_buyers(customers: Any, orders: Any, *, as_of: Any) -> Any:
    """What is not known of the customers who bought in the twelve months up to ``as_of``: a row per column.

    Columns: ``column``, ``unknown_buyers``, ``share`` (of the buyers), ``revenue_year`` (theirs), ``revenue_share``,
    ``expected`` (whether it should be known of everybody), the most revenue first. Buyers who are not in ``customers``
    count as unknown. pandas or Ibis.
    """
    import pandas as pd

    names = [name for name in customers.columns if name not in ("customer_id", "is_test")]
    buyers = to_pandas(buyers_of_the_year(orders, customers, as_of=as_of, keep=names))
    if buyers.empty:
        return pd.DataFrame(columns=["column", "unknown_buyers", "share", "revenue_year", "revenue_share", "expected"])
    everything = buyers.revenue_year.sum()
    rows = []
    for name in names:
        unknown = buyers[buyers[name].isna()]
        revenue = float(unknown.revenue_year.sum())
        share = revenue / everything if everything else 0.0
        rows.append((name, len(unknown), len(unknown) / len(buyers), revenue, share, _should_be_known(name)))
    columns = ["column", "unknown_buyers", "share", "revenue_year", "revenue_share", "expected"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "revenue_year", ascending=False, kind="stable", ignore_index=True
    )


def _should_be_known(column: str) -> bool:
    return column in EXPECTED or column.startswith("consent_")


# Figures


def plot_quality(scores: Any, *, most: int = WORST) -> Any:
    """Heat map of the worst columns by dimension; ``scores`` from :func:`quality_scores`.

    First stand columns in which something is wrong or old, then those with the most empty cells.
    """
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    worst = worst_columns(scores, most=most)
    shown = [*DIMENSIONS, "quality_score"]
    cells = worst[shown].to_numpy(dtype=float)
    axes = figures.new_axes(8.6, 1.4 + 0.31 * len(worst))
    axes.grid(False)
    colours = LinearSegmentedColormap.from_list("quality", [figures.COLOURS["bad"], "#f3dcc9", "#e6f0ea"])
    axes.imshow(cells, aspect="auto", cmap=colours, vmin=0.0, vmax=1.0)
    for row, column in np.argwhere(~np.isnan(cells)):
        value = cells[row, column]
        ink = "white" if value < 0.3 else figures.COLOURS["ink"]
        axes.annotate(_percent(value), (column, row), ha="center", va="center", fontsize=8.5, color=ink)
    axes.set_xticks(range(len(shown)), [text.label(name) for name in shown])
    axes.set_yticks(range(len(worst)), [f"{row.table}.{row.column}" for row in worst.itertuples()])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    perfect = int((scores.quality_score >= 1).sum())
    faulty = int((scores[list(FAULTS)] < 1).any(axis=1).sum())
    reading = text.say(
        "{perfect} of {all} columns have the full score; in {faulty} something is invalid, repeated, inconsistent or "
        "old (shown first), the others have empty cells, which may be right. In an empty field the dimension does "
        "not apply.",
        perfect=perfect,
        all=len(scores),
        faulty=faulty,
    )
    if perfect == len(scores):
        reading = text.say(
            "All {all} columns have the full score. In an empty field the dimension does not apply.", all=len(scores)
        )
    description = text.say(
        "Heat map of {count} columns with a low score by quality dimension: {columns}.",
        count=len(worst),
        columns="; ".join(f"{row.table}.{row.column} {_percent(row.quality_score)}" for row in worst.itertuples()),
    )
    title = text.say("Quality of the columns")
    return figures.caption(axes, title=title, reading=reading, description=description)


def _percent(value: float) -> str:
    """A share in which only all is shown as 100 % and only none as 0 %."""
    if value in (0.0, 1.0) or 0.005 <= value < 0.995:
        return text.percent(value)
    return text.percent(min(max(value, 0.001), 0.999), digits=1)


# Findings


def finding_unknown(unknown: Any, *, history_days: int | None = None) -> Finding | None:
    """The expected column that is unknown of the most revenue; consent has a finding of its own.

    ``unknown`` from :func:`unknown_of_buyers`.
    """
    asked = unknown[unknown.expected.astype(bool) & ~unknown.column.astype(str).str.startswith("consent_")]
    missing = asked[asked.unknown_buyers > 0]
    if missing.empty:
        return None
    worst = missing.iloc[0]
    sentence = text.say(
        "{column} is unknown for {buyers} customers who bought in the {period} ({share} of them); they brought "
        "{money}, {revenue_share} of the revenue of known customers.",
        column=text.label(str(worst.column)),
        buyers=int(worst.unknown_buyers),
        share=text.percent(worst.share, digits=0 if worst.share >= 0.1 else 1),
        money=text.money(worst.revenue_year),
        revenue_share=text.percent(worst.revenue_share, digits=0 if worst.revenue_share >= 0.1 else 1),
        period=text.last_span(history_days),
    )
    return Finding(
        "customer_data.unknown",
        sentence,
        "bad" if worst.share >= NOTABLE else "neutral",
        certainty=text.say(
            "Counted over all buyers, not a sample: there is no interval. The revenue is not lost; it only cannot be "
            "looked at by this trait."
        ),
        action=text.say("Ask for it at the next order or contact, beginning with those who spend most."),
    )
