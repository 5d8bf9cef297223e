"""What changed since the last briefing: which decisions are new, open, taken up or gone, and which numbers turned.

A run keeps ``briefing.json`` in its folder: the headline, the tiles, the decisions with keys and amounts, and the day
as of which they stand; and, as ``before``, the briefing with which it was compared. A run as of a later day is compared
with what stands there; one as of the same day with the same earlier briefing as before.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from crmlib.files import write_whole
from crmlib.lifecycle.scorecard.bridge import change_interval
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words, short

words = Words(__file__)

BRIEFING = "briefing.json"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class KeptDecision(_Kept):
    """A decision as an earlier briefing told it."""

    key: str
    headline: str
    money: float | None = None
    kind: str = ""
    plays: tuple[str, ...] = ()


class KeptTile(_Kept):
    """A number as an earlier briefing showed it."""

    label: str
    value: str
    status: str
    word: str


class Snapshot(_Kept):
    """A briefing as its run keeps it: enough to compare it with a later one, and to list it among other clients'."""

    client: str
    language: Literal["en", "zh"]
    currency: str
    as_of: dt.date
    headline: str
    chapters: tuple[str, ...] = ()
    decisions: tuple[KeptDecision, ...] = ()
    tiles: tuple[KeptTile, ...] = ()
    sales: float | None = None
    sales_before: float | None = None
    by_chance: bool = False
    months: int = 0
    before: Snapshot | None = None


def read_snapshot(folder: Path) -> Snapshot | None:
    """The briefing that a run has kept in its folder; None where there is none, or none that can be read."""
    try:
        return Snapshot.model_validate_json((folder / BRIEFING).read_bytes())
    except (OSError, ValidationError):
        return None


def earlier_briefing(run: Any, since: Path | None = None) -> Snapshot | None:
    """The briefing with which this one is compared: that in ``since``, else the one that the run's folder holds.

    Raises:
        UnusableInput: in ``since`` there is none, or that of another client, or none of an earlier day.
    """
    as_of = dt.date.fromisoformat(run.workspace.account["as_of"])
    if since is None:
        kept: Snapshot | None = read_snapshot(run.folder)
        if kept is not None and kept.as_of >= as_of:
            kept = kept.before
        return kept if kept is not None and _fits(kept, run, as_of) else None
    kept = read_snapshot(since)
    if kept is None:
        raise UnusableInput([Problem.said(words, "since", "--since", folder=str(since))])
    if (kept.client, kept.currency) != (run.client.name, run.client.currency):
        values = {"name": kept.client, "client": run.client.name}
        raise UnusableInput([Problem.said(words, "other_client", "--since", **values)])
    if kept.as_of >= as_of:
        raise UnusableInput([Problem.said(words, "not_earlier", "--since", day=kept.as_of, as_of=as_of)])
    return kept


def _fits(kept: Snapshot, run: Any, as_of: dt.date) -> bool:
    return (kept.client, kept.currency) == (run.client.name, run.client.currency) and kept.as_of < as_of


def write_snapshot(target: Path, run: Any, content: Mapping[str, Any]) -> None:
    """Keep what a page says for the next briefing, with the earlier one that it was compared with."""
    kept = snapshot_of(run, content).model_dump(mode="json")
    write_whole(target, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def snapshot_of(run: Any, content: Mapping[str, Any]) -> Snapshot:
    """What is kept of a page (``content``, from :func:`crmlib.report.briefing.content_of`)."""
    revenue, before = content["revenue"], content["before"]
    low, high = (1.0, 1.0) if revenue is None else change_interval(revenue)
    amounts = dict(zip(revenue.part, revenue.amount, strict=True)) if revenue is not None else {}
    return Snapshot(
        client=run.client.name,
        language=run.language,
        currency=run.client.currency,
        as_of=content["as_of"],
        headline=content["story"].headline,
        chapters=tuple(one.file.name[3:] for one in run.chapters if one.status == "done"),
        decisions=tuple(
            KeptDecision(**{name: getattr(one.finding, name) for name in KeptDecision.model_fields})
            for one in content["decisions"]
        ),
        tiles=tuple(KeptTile(**{name: tile[name] for name in KeptTile.model_fields}) for tile in content["tiles"]),
        sales=_rounded(amounts.get("after")),
        sales_before=_rounded(amounts.get("before")),
        by_chance=low <= 0 <= high,
        months=0 if revenue is None else int(revenue.months.iloc[0]),
        before=before.model_copy(update={"before": None}) if before is not None else None,
    )


def _rounded(amount: float | None) -> float | None:
    return None if amount is None else round(float(amount), 2)


def changed(
    before: Snapshot | None,
    decisions: Iterable[Any],
    tiles: Sequence[Mapping[str, Any]],
    *,
    chapters: Iterable[str],
    language: str,
    actions: Any = None,
) -> dict[str, Any] | None:
    """What the page tells of the time since an earlier briefing; None where there was none.

    A decision is *taken up* if the client has recorded actions of its plays since (``actions``, the contract's table).
    Of chapters that ran only once of the two times nothing is new or gone. A play ``win_back`` has the actions
    ``win_back`` and ``win_back_…``. Numbers are compared if both briefings are in one language.

    Returns:
        ``title``, ``was`` (the headline then), and ``groups``: each a heading and its sentences. None are empty.
    """
    if before is None:
        return None
    now = {one.finding.key: one.finding for one in decisions}
    then = {one.key: one for one in before.decisions}
    known, ran = set(before.chapters), set(chapters)
    acted = {key: _acted(one.plays, actions, before.as_of) for key, one in then.items()}
    groups = {
        "new": [one.headline for key, one in now.items() if key not in then and one.chapter in known],
        "taken_up": [
            words.say("changed.acted", headline=_headline(key, now, then), customers=acted[key])
            for key in then
            if acted[key]
        ],
        "open": [_moved(now[key], then[key]) for key in now if key in then and not acted[key]],
        "gone": [
            one.headline
            for key, one in then.items()
            if key not in now and not acted[key] and key.partition(".")[0] in ran
        ],
        "tiles": _turned(before, tiles) if before.language == language else [],
    }
    return {
        "title": words.say("changed.title", day=before.as_of),
        "short": words.say("changed.short"),
        "was": words.say("changed.was", headline=before.headline),
        "nothing": "" if any(said for name, said in groups.items() if name != "open") else words.say("changed.nothing"),
        "groups": [(words.say(f"changed.{name}"), said) for name, said in groups.items() if said],
    }


def _headline(key: str, now: Mapping[str, Any], then: Mapping[str, KeptDecision]) -> str:
    return str((now.get(key) or then[key]).headline)


def _moved(now: Any, then: KeptDecision) -> str:
    """A decision that is still open, with the amount that it had, where a reader sees that it is another now."""
    if now.money is None or then.money is None or now.kind != then.kind or short(now.money) == short(then.money):
        return str(now.headline)
    return words.say("changed.moved", headline=now.headline, before=short(then.money))


def _turned(before: Snapshot, tiles: Sequence[Mapping[str, Any]]) -> list[str]:
    then = {tile.label: tile for tile in before.tiles}
    return [
        words.say("changed.tile", tile, word_before=was.word, value_before=was.value)
        for tile in tiles
        if (was := then.get(tile["label"])) is not None and was.status != tile["status"]
    ]


def _acted(plays: Sequence[str], actions: Any, since: dt.date) -> int:
    """Of how many customers the client has recorded actions of these plays after a day; held-out ones do not count."""
    if actions is None or not plays:
        return 0
    import ibis

    of_plays = [actions.play.isin(list(plays)), *(actions.play.startswith(f"{play}_") for play in plays)]
    late = actions.assigned_at >= ibis.timestamp(dt.datetime.combine(since + dt.timedelta(days=1), dt.time()))
    done = actions.filter(late & (actions.arm == "treat") & ibis.or_(*of_plays))
    return int(done.customer_id.nunique().execute() or 0)
