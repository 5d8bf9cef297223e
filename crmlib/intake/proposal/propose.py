"""From a folder of exports to a proposed client.yaml, with reasons, and with questions where two things fit."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.intake.proposal.doubts import ask_about_twice
from crmlib.intake.proposal.exports import Export, open_exports
from crmlib.intake.proposal.known import choose_profiles, profile_tables
from crmlib.intake.proposal.money_and_time import Setting, currency_of, zone_of
from crmlib.intake.proposal.rows import shared_keys
from crmlib.intake.proposal.shared_keys import ask_about_other_numbers, keys_across
from crmlib.intake.proposal.suggestion import Suggested
from crmlib.intake.proposal.tables import all_rows, own_tables
from crmlib.intake.proposal.write import yaml_text
from crmlib.intake.shape import shown_headings
from crmlib.mapping import FILL_IN
from crmlib.problems import Problem, UnusableInput
from crmlib.settings import flow
from crmlib.words import Words

_WORDS = Words(__file__)
_say = _WORDS.say

_SAME_RECORDS = 0.5


@dataclass
class Proposal:
    """A proposed client: the text of its YAML, what was recognised (lines to be shown), and what a person decides.

    ``unreadable`` are files that could not be opened, ``unknown`` those that are no known table.
    """

    text: str
    recognised: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    suggested: list[Suggested] = field(default_factory=list)


def propose(
    folder: Path,
    exports: Sequence[str],
    *,
    name: str = "",
    currency: str = "",
    timezone: str = "",
    language: str = "",
    file: str = "client.yaml",
) -> Proposal:
    """Propose a client.yaml for a folder from exports; nothing is written.

    Args:
        folder: the client's folder, which ``from:`` will be relative to; it need not be there.
        exports: files, folders or globs.
        name, currency, timezone, language: as given; otherwise proposed, or left to be filled in.
        file: how the YAML will be called.

    Raises:
        UnusableInput: there is no export that can be read, with the reason for each.
    """
    from crmlib.engine import connect

    with tempfile.TemporaryDirectory(prefix="crmlib-new-") as scratch:
        connection = connect(folder=Path(scratch)).con
        opened, unreadable = open_exports(connection, exports, client_folder=folder, scratch=Path(scratch))
        if not opened:
            raise UnusableInput(unreadable or [_nothing(exports)])
        made, decisions, unknown = _tables(connection, opened)
        settled = _settled(connection, opened, currency, timezone, decisions)
        if not _carries_cost(made):
            decisions.append(_say("decide.margin"))
        connection.close()
    known = [one for one in opened if one.shown in unknown]
    text = yaml_text(
        name=name or folder.resolve().name,
        currency=settled[0],
        zone=settled[1],
        language=language or "en",
        suggested=made,
        unknown=[(one.shown, shown_headings(one.source)) for one in known],
        decisions=decisions,
        path=(folder / file).as_posix(),
    )
    return Proposal(text, _said(opened, made), decisions, unreadable, unknown, made)


def _carries_cost(made: Sequence[Suggested]) -> bool:
    """Whether no margin is missing: every source of orders carries its cost, or there is none."""
    orders = [one for one in made if one.table == "orders" and not one.off]
    return all(one.profile or any(line.key == "cost" and not line.off for line in one.columns) for one in orders)


def _nothing(exports: Sequence[str]) -> Problem:
    return Problem.said(_WORDS, "no_export", "--from", paths=list(exports))


def _tables(connection: Any, opened: Sequence[Export]) -> tuple[list[Suggested], list[str], list[str]]:
    """What each export gives; customers that stand beside orders only where no file has them."""
    chosen = choose_profiles(opened)
    made: list[Suggested] = []
    decisions: list[str] = []
    unknown: list[str] = []
    rest = []
    for export, profile in zip(opened, chosen, strict=True):
        if profile:
            found, said = profile_tables(export, profile)
            made += found
            decisions += said
        if not profile or not any(one.export is export for one in made):
            rest.append(export)
    keys = keys_across(connection, rest)
    own = {id(e): own_tables(connection, e, keys.get(n)) for n, e in enumerate(rest)}
    _leave_gaps(made + [one for found, _ in own.values() for one in found])
    elsewhere = any(one.table == "customers" and one.main and not one.off for one in made) or any(
        found[0].table == "customers" and not found[0].off for found, _ in own.values() if found
    )
    for export in rest:
        found, said = own[id(export)]
        if not found:
            unknown.append(export.shown)
        made += found
        decisions += said
    if elsewhere:
        made = [one for one in made if one.table != "customers" or one.main or one.off]
    for one in made:
        if one.export.unpack and not one.off:
            one.off = True
    for archive in dict.fromkeys(one.export.unpack for one in made if one.export.unpack):
        decisions.append(_say("decide.unpack", file=archive))
    _same_records(connection, made, decisions)
    _same_people(made, decisions)
    ask_about_other_numbers(connection, made, decisions)
    ask_about_twice(made, decisions)
    return made, decisions, unknown


def _leave_gaps(made: Sequence[Suggested]) -> None:
    """Of sources with gaps to be filled in, comment those out whose table another file gives whole.

    Where all are commented out, the nearest of each file stands: something has to be filled in.
    """
    whole = {one.table for one in made if not one.off and not one.open_columns}
    for one in made:
        if one.gaps and one.table in whole:
            one.off = True
    if all(one.off for one in made):
        for one in made:
            one.off = not (one.gaps and one.main)


def _same_records(connection: Any, made: Sequence[Suggested], decisions: list[str]) -> None:
    """Comment a source out whose records another source of the same table holds already."""
    taken: list[Suggested] = []
    by_size = sorted(
        (one for one in made if one.key and not one.off),
        key=lambda one: (-len(one.columns) * one.export.rows, one.export.shown),
    )
    for one in by_size:
        twin = next(
            (
                t
                for t in taken
                if t.table == one.table
                and t.export is not one.export
                and shared_keys(connection, (t.export.source, t.key), (one.export.source, one.key)) > _SAME_RECORDS
            ),
            None,
        )
        if twin is None:
            taken.append(one)
            continue
        one.off = True
        decisions.append(_say("decide.same_records", table=one.table, file=one.export.shown, other=twin.export.shown))


def _same_people(made: Sequence[Suggested], decisions: list[str]) -> None:
    """Comment customers out who are known by their phone or address only, beside a file with customer numbers."""
    found = [one for one in made if one.table == "customers" and not one.off]
    numbered = next((one for one in found if one.keyed_by and not _personal(one)), None)
    for one in found:
        if numbered is None or one.export is numbered.export or not one.keyed_by or not _personal(one):
            continue
        # Files of one system are read side by side: its profiles say which of them know people by what.
        together = bool(one.profile) and one.profile.partition("/")[0] == numbered.profile.partition("/")[0]
        one.off = not together
        values = {"file": one.export.shown, "here": one.keyed_by[0]}
        values |= {"other": numbered.export.shown, "there": numbered.keyed_by[0]}
        decisions.append(_say("decide.same_people.both" if together else "decide.same_people.one", values))


def _personal(one: Suggested) -> bool:
    """Whether customers are told apart by what is somebody's phone or address rather than by a number."""
    return all(one.export.looks[h].person for h in one.keyed_by if one.export.looks[h].filled)


def _settled(
    connection: Any, opened: Sequence[Export], currency: str, timezone: str, decisions: list[str]
) -> tuple[Setting | None, Setting | None]:
    money = Setting(currency, "", check=False) if currency else currency_of(connection, opened)
    zone = Setting(timezone, "", check=False) if timezone else zone_of(connection, opened)
    for key, setting in (("currency", money), ("timezone", zone)):
        if setting is None:
            decisions.append(_say("decide.not_shown", key=key, mark=FILL_IN))
        elif setting.check:
            decisions.append(_say("decide.setting", key=key, value=setting.value, why=setting.reason))
    return money, zone


def _said(opened: Sequence[Export], made: Sequence[Suggested]) -> list[str]:
    """What was recognised, for the screen: per file the tables, and of own proposals every column with its reason."""
    lines = []
    for export in opened:
        found = [one for one in made if one.export is export and not one.off]
        if not found:
            continue
        tables = list(dict.fromkeys(one.table for one in found))
        profiles = list(dict.fromkeys(one.profile for one in found if one.profile))
        values = {"file": export.shown, "rows": all_rows(export), "tables": tables, "profiles": profiles}
        lines.append(_say("screen.by_profile" if profiles else "screen.gives", values))
        for one in found:
            lines += [_say("screen.why", table=one.table, why=why) for why in one.why]
            for line in one.columns:
                if not line.off:
                    shown = ", ".join(line.value) if isinstance(line.value, list) else _shown(line.value)
                    lines.append(_say("screen.column", column=line.key, filling=shown, why=line.reason))
    return [f"{line[: len(line) - len(line.lstrip())]}{' '.join(line.split())}" for line in lines]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else flow(value).strip("{}")
