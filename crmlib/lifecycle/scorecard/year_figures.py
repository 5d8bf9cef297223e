"""The last year against the year before it, as a bridge in cash and as tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib import exhibits, pictures
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.words import Words, gain, number, percent, short

words = Words(__file__)

# The order in which KPIs are given a tile, until six have one.
TILES = (
    "revenue", "buyers", "new_repurchase_rate", "cac", "nps", "complaint_resolution", "average_order_value",
    "lead_conversion", "csat", "service_csat", "repurchase_rate", "churn_rate",
)  # fmt: skip
MOST_TILES = 6
_SHAPES = {"better": "up", "worse": "down"}


def plot_bridge(bridge: Any) -> Exhibit:
    """From the revenue of the year before to that of the last year, in cash, by who left, stayed and came.

    ``bridge``: a frame from :func:`~crmlib.lifecycle.scorecard.bridge.revenue_bridge`.
    """
    import pandas as pd

    if bridge.empty:
        return exhibits.nothing(words, "bridge", change=None)
    at = bridge.set_index("part")
    # Where nobody came back and no guest bought, there is no bar to show; that nobody is new is news.
    has_some = bridge[["before", "after"]].any(axis="columns")
    shown = bridge[has_some | ~bridge.part.isin(["returned", "guests"])].reset_index(drop=True)
    ends = shown.part.isin(["before", "after"])
    months = int(bridge.months.iloc[0])
    labels = [
        words.say(f"bridge.{row.part}", customers=row.customers, months=months) for row in shown.itertuples(index=False)
    ]
    drawn = pd.DataFrame({"value": shown.amount, "label": labels, "total": ends})
    picture = pictures.bridge(drawn, value="value", label="label", total="total", form=short, change_form=gain)
    change = float(at.amount["after"] - at.amount["before"])
    return exhibits.figure(
        words, "bridge", bridge, picture,
        place="section", fields={"bars": _bars(shown, labels)}, change=abs(change),
        then=at.amount["before"], now=at.amount["after"],
        parts=[f"{label} {gain(amount)}" for label, amount in zip(labels[1:-1], shown.amount[1:-1], strict=True)],
    )  # fmt: skip


def _bars(bridge: Any, labels: list[str]) -> list[dict[str, Any]]:
    """Each part as a bar: its label, its amount in words, where it begins and ends (shares of the whole), its tone."""
    running, spans = 0.0, []
    for row in bridge.itertuples(index=False):
        total = row.part in ("before", "after")
        start, running = (0.0, row.amount) if total else (running, running + row.amount)
        spans.append((min(start, running), max(start, running), row.amount, total))
    whole = max(high for _, high, _, _ in spans)
    return [
        {
            "label": label, "amount": round(float(amount), 2),
            "said": short(amount) if total else gain(amount), "total": bool(total),
            "left": round(100 * low / whole, 2), "width": round(100 * (high - low) / whole, 2),
            "tone": "" if total else "good" if amount >= 0 else "bad",
        }
        for label, (low, high, amount, total) in zip(labels, spans, strict=True)
    ]  # fmt: skip


def year_tiles(years: Any, kpis: Mapping[str, Kpi], values: Any, measures: Any) -> Exhibit:
    """At most six KPIs of the last year beside those of the year before, each with a verdict and its small line.

    ``years``: from :func:`~crmlib.lifecycle.scorecard.year.year_against_year`; ``values``: from
    :func:`~crmlib.lifecycle.scorecard.values.kpi_values`; ``measures``: the base measures behind both.
    """
    if years.empty:
        return exhibits.nothing(words, "year", of="tables")
    at = years.set_index("kpi")
    names = [name for name in (*TILES, *kpis) if name in at.index]
    shown = [_tile(name, at.loc[name], kpis.get(name), values, measures) for name in dict.fromkeys(names)]
    counts = {one: int((years.verdict == one).sum()) for one in ("better", "worse", "same")}
    return exhibits.tiles(words, "year", shown[:MOST_TILES], counts, kept=years, place="section")


def _tile(name: str, row: Any, kpi: Kpi | None, values: Any, measures: Any) -> dict[str, Any]:
    form = short if kpi is None or kpi.unit.startswith("money") else kpi.form
    if name == "buyers":
        form, line = number, measures["active_customers"].dropna()
    else:
        line = values.loc[values.kpi.eq(name) & values.judged, "value"]
    if kpi is not None and kpi.unit.startswith("percent"):
        form = percent
    elif kpi is not None and kpi.unit == "score":
        form = lambda value: number(value).replace("-", "\N{MINUS SIGN}")  # noqa: E731
    counted = name in ("revenue", "buyers")
    kind = "counted" if counted and row.verdict in ("better", "worse") else row.verdict
    change = row.now / row.before - 1 if row.before == row.before and row.before else None
    line = [float(value) for value in line]
    return {
        "label": kpi.name_short if kpi is not None else words.say("year.buyers"),
        "value": form(row.now),
        "status": {"better": "good", "worse": "bad"}.get(row.verdict, "neutral"),
        "shape": ("up" if change and change > 0 else "down") if kind == "counted" else _SHAPES.get(row.verdict, "flat"),
        "word": words.say(f"year.word.{kind}", change=abs(change) if change is not None else None),
        "note": words.say(f"year.note.{row.verdict if not counted else kind}", before=form(row.before)),
        "target": words.say(f"year.{row.against_target}", target=form(row.target)) if row.against_target else "",
        "line": [round(value, 6) for value in line],
        "alt": words.say(
            "year.alt", first=form(line[0]), last=form(line[-1]), low=form(min(line)), high=form(max(line))
        )
        if len(line) > 1
        else "",
    }
