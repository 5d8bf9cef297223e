"""What stands on the briefing: the bridge in cash, the tiles of the year, and the scorecard of the last period."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from crmlib import exhibits, pictures
from crmlib.calendar import Period
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.scorecard.bridge import amounts_told
from crmlib.lifecycle.scorecard.definitions import Kpi
from crmlib.lifecycle.scorecard.figures import period_name
from crmlib.lifecycle.scorecard.verdicts import MOVED_VERDICTS
from crmlib.words import Words, interval, known, number, percent, short

words = Words(__file__)

# The order in which KPIs are given a tile, until six have one.
TILES = (
    "revenue", "buyers", "new_repurchase_rate", "cac", "nps", "complaint_resolution", "average_order_value",
    "lead_conversion", "csat", "service_csat", "repurchase_rate", "churn_rate", "recurring_revenue", "active_contracts",
    "contract_churn", "leads", "cost_per_lead", "tickets", "resolved_in_time", "open_tickets",
)  # fmt: skip
MOST_TILES = 6
MOST_ROWS = 12
_SMALL_RATE = 0.2
_SHAPES = {"better": "up", "worse": "down"}


def plot_bridge(bridge: Any) -> Exhibit:
    """From the revenue of the year before to that of the last year, in cash, by who left, stayed and came.

    ``bridge``: a frame from :func:`~crmlib.lifecycle.scorecard.bridge.revenue_bridge`.
    """
    import pandas as pd

    if bridge.empty:
        return exhibits.nothing(words, "no_bridge")
    # Where nobody came back and no guest bought, there is no bar to show; that nobody is new is news.
    has_some = bridge[["before", "after"]].any(axis="columns")
    told = bridge[has_some | ~bridge.part.isin(["returned", "guests"])]
    ends = told.part.isin(["before", "after"])
    labels = [_part_label(row) for row in told.itertuples(index=False)]
    amounts, step = amounts_told(bridge)
    said = [short(amounts[part], sign=part not in ("before", "after"), step=step) for part in told.part]
    drawn = pd.DataFrame({"value": [amounts[part] for part in told.part], "label": labels, "total": ends})
    form, change_form = (functools.partial(short, sign=sign, step=step) for sign in (False, True))
    picture = pictures.bridge(drawn, value="value", label="label", total="total", form=form, change_form=change_form)
    return exhibits.figure(
        words, "bridge", bridge, picture,
        place="section", fields={"bars": _bars(told, labels, said)}, change=short(abs(amounts["change"]), step=step),
        then=said[0], now=said[-1],
        parts=[f"{label} {amount}" for label, amount in zip(labels[1:-1], said[1:-1], strict=True)],
    )  # fmt: skip


def _part_label(row: Any) -> str:
    """What a part of the bridge is called; its ends by the year, where they are calendar years."""
    is_year = row.months == 12 and (row.changes.month, row.changes.day) == (1, 1)
    begins = {"before": row.starts, "after": row.changes}.get(row.part)
    key = "year" if is_year and isinstance(begins, dt.date) else row.part
    return words.say(f"bridge.{key}", customers=row.customers, months=row.months, begins=begins)


def _bars(bridge: Any, labels: list[str], said: list[str]) -> list[dict[str, Any]]:
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
            "said": told, "total": bool(total),
            "left": round(100 * low / whole, 2), "width": round(100 * (high - low) / whole, 2),
            "tone": "" if total else "good" if amount >= 0 else "bad",
        }
        for label, told, (low, high, amount, total) in zip(labels, said, spans, strict=True)
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
    young = [
        words.say("year.too_young", n=row.too_young, name=kpis[row.kpi].name_short)
        for row in years[years.too_young > 0].itertuples()
    ]
    return exhibits.tiles(
        words, "year", shown[:MOST_TILES], counts, reading="young" if young else "all", kept=years, place="section",
        young=young,
    )  # fmt: skip


def _tile(name: str, row: Any, kpi: Kpi | None, values: Any, measures: Any) -> dict[str, Any]:
    form = _form(kpi)
    if name == "buyers":
        form, line = number, measures["buyers"].dropna()
    else:
        line = values.loc[values.kpi.eq(name) & values.judged, "value"]
    counted = kpi is None or name == "revenue" or bool(kpi.a_year)
    change = row.now / row.before - 1 if row.before == row.before and row.before else None
    kind = "counted" if counted and change is not None and row.verdict in ("better", "worse") else row.verdict
    note = words.say(f"year.note.{kind}", before=form(row.before))
    return {
        "label": kpi.name_short if kpi is not None else words.say("year.buyers"),
        "value": form(row.now),
        "status": {"better": "good", "worse": "bad"}.get(row.verdict, "neutral"),
        "shape": _SHAPES.get(row.verdict, "flat"),
        "word": words.say(f"year.word.{kind}", change=abs(change) if change is not None else None),
        # Of leads a tile says it; of buyers the reading does, because page one has room for few words.
        "note": words.say("year.note_young", note=note, n=row.too_young) if _has_young_leads(row, kpi) else note,
        "target": words.say(f"year.{row.against_target}", target=form(row.target)) if row.against_target else "",
        **_small_line(line, form),
    }


def _has_young_leads(row: Any, kpi: Kpi | None) -> bool:
    return kpi is not None and "leads" in kpi.needs and row.too_young > 0


def _form(kpi: Kpi | None) -> Callable[[Any], str]:
    """How a KPI's values are told on the page: short money, whole per cents and points."""
    if kpi is None or kpi.unit.startswith("money"):
        return short
    if kpi.unit.startswith("percent"):
        return percent
    return number if kpi.unit == "score" else kpi.form


def _small_line(line: Any, form: Callable[[Any], str]) -> dict[str, Any]:
    points = [float(value) for value in line]
    ends = {
        "first": points[:1],
        "last": points[-1:],
        "low": [min(points, default=0.0)],
        "high": [max(points, default=0.0)],
    }
    told = {name: form(at[0]) for name, at in ends.items()} if len(points) > 1 else None
    return {"line": [round(point, 6) for point in points], "alt": words.say("year.alt", told) if told else ""}


def verdicts_table(
    verdicts: Any, kpis: Mapping[str, Kpi], values: Any, years: Any, *, period: Period = "month"
) -> Exhibit:
    """The scorecard of the page: the last value of each KPI beside a year ago and its usual range, with a verdict.

    ``verdicts``: from :func:`~crmlib.lifecycle.scorecard.verdicts.last_verdicts`; ``values``: from
    :func:`~crmlib.lifecycle.scorecard.values.kpi_values`; ``years``: from
    :func:`~crmlib.lifecycle.scorecard.year.year_against_year`, whose word on the targets stands below a KPI's name, so
    that page one and this table never differ on it. At most twelve rows: those that moved are kept first, then those
    with a target. :func:`other_verdicts_table` has the others.
    """
    shown, others = _shown_first(verdicts, kpis)
    if shown.empty:
        return exhibits.nothing(words, "scorecard", of="tables")
    reading = "all" if others.empty else "some"
    return _verdict_rows(
        "scorecard", shown, kpis, values, years, period, place="section", kept=verdicts, reading=reading,
        shown=len(shown), all=len(verdicts),
    )  # fmt: skip


def other_verdicts_table(
    verdicts: Any, kpis: Mapping[str, Kpi], values: Any, years: Any, *, period: Period = "month"
) -> Exhibit:
    """The KPIs for which :func:`verdicts_table` has no room, in the same columns; arguments as there."""
    _, others = _shown_first(verdicts, kpis)
    if others.empty:
        return replace(exhibits.nothing(words, "other_measures", of="tables"), place="notebook")
    return _verdict_rows("other_measures", others, kpis, values, years, period, place="fold")


def _shown_first(verdicts: Any, kpis: Mapping[str, Kpi]) -> tuple[Any, Any]:
    aimed = verdicts.kpi.map(lambda key: kpis[key].target is not None).astype(bool)
    place = (2 - aimed).where(~verdicts.verdict.isin(MOVED_VERDICTS), 0).sort_values(kind="stable").index
    return tuple(verdicts.loc[some].sort_index() for some in (place[:MOST_ROWS], place[MOST_ROWS:]))


def _verdict_rows(
    name: str, verdicts: Any, kpis: Mapping[str, Kpi], values: Any, years: Any, period: Period, **how: Any
) -> Exhibit:
    import pandas as pd

    latest, by_name = max(verdicts.period), years.set_index("kpi")
    rows, notes, lines = [], [], []
    for row in verdicts.itertuples(index=False):
        kpi, year = kpis[row.kpi], by_name.loc[row.kpi] if row.kpi in by_name.index else None
        rows.append(_verdict_cells(row, kpi))
        notes.append(_verdict_notes(row, kpi, latest, period, year))
        line = values.loc[values.kpi.eq(row.kpi) & values.judged, "value"]
        lines.append(_small_line(line, _fine_form(row, kpi)))
    made = exhibits.table(words, name, pd.DataFrame(rows), {"latest": period_name(latest, period)}, **how)
    shapes = [_SHAPES.get(verdict, "flat") for verdict in verdicts.verdict]
    more = {"notes": notes, "lines": lines, "shapes": shapes}
    return replace(made, kind="scorecard", fields={**made.fields, **more})


def _fine_form(row: Any, kpi: Kpi) -> Callable[[Any], str]:
    """As on the tiles, but small rates with the decimals that their changes need."""
    is_small = kpi.unit.startswith("percent") and row.value < _SMALL_RATE
    return kpi.form if is_small else _form(kpi)


def _verdict_cells(row: Any, kpi: Kpi) -> dict[str, str]:
    form, (least, most) = _fine_form(row, kpi), kpi.possible
    usual = interval(max(row.lower, least), min(row.upper, most), form) if known(row.lower) else form(None)
    return {
        "kpi": kpi.name_short, "now": form(row.value), "year_ago": form(row.year_ago), "usual_range": usual,
        "small_line": "", "verdict": words.say(f"verdicts.{row.verdict}"), "owner": kpi.owner,
    }  # fmt: skip


def _verdict_notes(row: Any, kpi: Kpi, latest: dt.date, period: Period, year: Any) -> list[str]:
    """What stands below a KPI's name: another period than the others', its step, and how it stands to the target."""
    form, own = _fine_form(row, kpi), kpi.period_in(period)
    notes = [] if row.period == latest and own == period else [period_name(row.period, own)]
    if known(row.since):
        ends = {"before": form(row.step_before), "after": form(row.step_after)}
        notes.append(words.say("verdicts.since", ends, since=period_name(row.since, own)))
    if year is not None and year.against_target:
        notes.append(words.say(f"year.{year.against_target}", target=form(year.target)))
    return notes
