"""Files of known systems: which profile fits a file best, and the contract tables that come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crmlib.contract import TABLES
from crmlib.intake.profiles import Recognised, load_profiles, recognise
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.suggestion import Line, Suggested
from crmlib.intake.shape import fillings_of, fills
from crmlib.intake.source import Source
from crmlib.mapping import TableSource
from crmlib.words import Words

_say = Words(__file__).say

CLEARLY = 0.15
_SAME_SYSTEM = 0.3
_LEAST = 0.1


@dataclass(frozen=True)
class Chosen:
    """The profiles for a file: those that are taken, and those that fit about as well."""

    taken: tuple[Recognised, ...]
    others: tuple[Recognised, ...] = ()


def choose_profiles(exports: Sequence[Export]) -> list[Chosen | None]:
    """The best profiles for each file; None where none fits.

    A profile is clearly better when it knows 15 % more of the headings; the system of the other files counts as well.
    Several questionnaires in one file of a survey system are all taken.
    """
    found = [[one for one in recognise(export.headings) if one.share >= _LEAST] for export in exports]
    sure = [one[0].system if one and _clear(one) else "" for one in found]
    return [
        _chosen(one, {system for m, system in enumerate(sure) if system and m != n}) if one else None
        for n, one in enumerate(found)
    ]


def _clear(found: Sequence[Recognised]) -> bool:
    other = [one for one in found if one.system != found[0].system]
    return not other or found[0].share - other[0].share >= CLEARLY


def _chosen(found: Sequence[Recognised], beside: set[str]) -> Chosen:
    """The best profile of a file; ``beside`` are the systems of the other files, which count if they are one."""

    def points(one: Recognised) -> float:
        return one.share + (_SAME_SYSTEM if beside == {one.system} else 0.0)

    def place(one: Recognised) -> int:
        system, _, part = one.name.partition("/")
        return list(load_profiles()[system].objects).index(part)

    ranked = sorted(found, key=lambda one: (-round(points(one), 3), one.system, place(one)))
    best = ranked[0]
    close = [one for one in ranked[1:] if points(best) - points(one) < CLEARLY or one.share > best.share]
    questions = [one for one in close if one.system == best.system and _main(one) == _main(best) == "surveys"]
    return Chosen((best, *questions), tuple(one for one in close if one not in questions))


def _main(one: Recognised) -> str:
    return next(iter(one.part.tables))


def profile_tables(export: Export, chosen: Chosen) -> tuple[list[Suggested], list[str]]:
    """The contract tables that a file gives by its profile, and what a person has to decide or confirm."""
    made: list[Suggested] = []
    decisions: list[str] = []
    for number, one in enumerate((*chosen.taken, *chosen.others)):
        off = number >= len(chosen.taken)
        for table, wanted in one.part.tables.items():
            if not _fills_required(table, wanted, export.source):
                continue
            if table != "surveys" and number and not off:
                continue
            first = table == _main(one) and not off
            why = [_say("found.profile", profile=one.name, share=one.share)]
            suggested = Suggested(table, export, why, profile=one.name, off=off, main=first, confidence=100 * one.share)
            suggested.keyed_by = _key_headings(table, wanted, export)
            if not one.part.certain:
                suggested.why.append(_say("found.not_certain", unsure=one.unsure))
                suggested.settings.append(Line("confirmed", True, _say("notes.confirmed"), off=True))
            made.append(suggested)
        if not one.part.certain and not off:
            decisions.append(_say("decide.unsure", file=export.shown, profile=one.name, unsure=one.unsure))
    if chosen.others:
        others = [one.name for one in chosen.others]
        decisions.append(_say("decide.profile", file=export.shown, profile=chosen.taken[0].name, others=others))
    return made, decisions


def _fills_required(table: str, wanted: TableSource, source: Source) -> bool:
    """Whether a file (with what joins look up) has a heading for every required column."""
    looked_up = {heading for join in wanted.joins for heading in join.take.values()}
    fillings = fillings_of(TABLES[table], wanted, [*source.types, *looked_up])
    return all(
        fills(fillings[name], source) or looked_up & set(fillings[name].headings) for name in TABLES[table].required
    )


def _key_headings(table: str, wanted: TableSource, export: Export) -> tuple[str, ...]:
    """The headings of a file that fill the key of a table."""
    key = TABLES[table].key
    if not key:
        return ()
    named = fillings_of(TABLES[table], wanted, list(export.source.types))[key].headings
    return tuple(found for name in named if (found := export.source.heading(name)) in export.looks and found)
