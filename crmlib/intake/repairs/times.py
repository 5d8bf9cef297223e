"""Dates and times in every form that systems write; day or month first is decided on the whole column."""

from __future__ import annotations

import datetime
import re
import unicodedata
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from crmlib.engine import literal
from crmlib.intake.repairs.blanks import BUDDHIST_YEAR, surface
from crmlib.intake.repairs.cells import DIFFERENT, Cell, Habits, Lent, Plan, any_of, cases, let, matches, words
from crmlib.mapping import DayMonth
from crmlib.problems import Problem
from crmlib.words import Saying

_DATE = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = "[0-9]{1,2}:[0-9]{2}"
_SECONDS = "(:[0-9]{2}(?:[.][0-9]+)?)?"
_WALL_CLOCK = f"^{_DATE}([ T]{_CLOCK}{_SECONDS})?$"
_OFFSET = "(Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)"
_WITH_OFFSET = f"^({_DATE})[ T]({_CLOCK}){_SECONDS} ?{_OFFSET}$"

_TAIL = "((?:[ ,]+| ?T ?)[0-9AP].*)?"
_DAY_NAME = "(?:(?:MON|TUE|WED|THU|FRI|SAT|SUN)[A-Z]*[.]?,? )?"
_MONTH = "(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]*[.]?"
_POINTED_YEAR_FIRST = f"^([0-9]{{4}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){_TAIL}$"
_COMPACT = "^((?:19|20)[0-9]{2})(0[1-9]|1[0-2])([0-2][0-9]|3[01])"
_COMPACT_DATE = f"{_COMPACT}{_TAIL}$"
_COMPACT_TIME = f"{_COMPACT}[ T]?([0-2][0-9])([0-5][0-9])([0-5][0-9])?$"
_MONTH_FIRST_NAME = f"^{_DAY_NAME}{_MONTH} ([0-9]{{1,2}})(?:ST|ND|RD|TH)?,? ([0-9]{{4}}){_TAIL}$"
_DAY_FIRST_NAME = (
    f"^{_DAY_NAME}([0-9]{{1,2}})(?:ST|ND|RD|TH)?[ -/.]?{_MONTH}[ -/.,]?[ ]?([0-9]{{4}}|[0-9]{{2}}){_TAIL}$"
)
_YEAR_LAST_NAME = f"^{_DAY_NAME}{_MONTH} ([0-9]{{1,2}}) ([0-9:.]+(?: [A-Z]+)?) ([0-9]{{4}})$"
_DAY_MONTH = f"^([0-9]{{1,2}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{4}}|[0-9]{{2}}){_TAIL}$"
_SERIAL = "^[2-5][0-9]{4}([.][0-9]+)?$"
_EPOCH_SECONDS = "^[0-9]{9,10}([.][0-9]+)?$"
_EPOCH_MILLISECONDS = "^[0-9]{12,13}([.]0*)?$"
_EPOCH_MICROSECONDS = "^[0-9]{15,16}([.]0*)?$"
_SCIENTIFIC = "^[0-9][.][0-9]+E[+]?[0-9]{1,2}$"
_SHORTENED = "^[0-9]([.][0-9]{0,8})?E[+]?[0-9]{1,2}$"
"""1.71456E+12: the last digits of a moment are gone, unless a program that writes all of them wrote 1.7145648E12."""
_WRITTEN_OUT = "^[0-9][.][0-9]{6,}E[0-9]{1,2}$"
_NO_DATE = "^(0000-00-00|0001-01-01|1900-01-00|1899-12-3[01])([ T]00:00(:00)?([.]0+)?Z?)?$"
_NAMED_ZONE = " ?[(][^)]*[)]$"

_MONTH_NUMBER = "^(?:19|20)[0-9]{4}[.]0+$"
OF_A_PERIOD = ("spent_on",)
"""Columns whose value may be a whole month: what is said of it then holds for its first day."""
_MONTHS_OF_A_YEAR = (
    ("month", "^((?:19|20)[0-9]{2})[-/.](0?[1-9]|1[0-2])-?$", r"\1-\2-01"),
    ("month in digits", "^((?:19|20)[0-9]{2})(0[1-9]|1[0-2])$", r"\1-\2-01"),
    ("month last", "^(0?[1-9]|1[0-2])[-/.]((?:19|20)[0-9]{2})$", r"\2-\1-01"),
    ("month by name", f"^{_MONTH}[ ,/-]*((?:19|20)[0-9]{{2}})$", r"\2-\1-01"),
    ("year and month by name", f"^((?:19|20)[0-9]{{2}})[ ,/-]*{_MONTH}$", r"\1-\2-01"),
)
_LAST_OF_SHORT = "^[0-9]{1,2}[-/.][0-9]{1,2}[-/.]([0-9]{2})(?:[^0-9]|$)"
_MANY_DAYS, _FEW_YEARS = 20, 5
"""Twenty different first numbers beside five different last ones are days and years: nobody has twenty years of data
whose days are five."""

_MONTHS = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"


@dataclass(frozen=True)
class Form:
    """One way to write a moment: which repair reads it and where it stands (SQL of the plain text).

    Texts have a ``pattern`` and what makes year, month, day and clock of its groups; numbers have SQL of the
    ``moment`` or of the ``wall`` clock.
    """

    name: str
    repair: str
    condition: str
    pattern: str = ""
    order: str = ""
    moment: str = ""
    wall: str = ""


def screen(cell: Cell, habits: Habits) -> dict[str, str]:
    """SQL conditions that tell whether a column of times needs a closer look."""
    raw = cell.raw
    early = f"({raw} < '1970-01-02' AND {raw} >= '1969-12-31')" if cell.kind == "time" else "false"
    buddhist = f"({raw} LIKE '24__-%' OR {raw} LIKE '25__-%')"
    return {
        "dirty": f"{raw} IS NOT NULL AND (NOT {_fast(cell, raw)} OR {early} OR {buddhist})",
        "seen": f"{raw} IS NOT NULL",
    }


def is_as_written(cell: Cell) -> str:
    """SQL: whether a cell stands in a form of ISO 8601, if it is a time at all."""
    return f"{_fast(cell, cell.raw)} OR {matches(cell.raw, _WALL_CLOCK)} OR {matches(cell.raw, _WITH_OFFSET)}"


def as_written(cell: Cell) -> dict[str, str]:
    """SQL conditions counted over a column that is not mended."""
    zoned = f"(NOT {_fast(cell, cell.raw)} AND {matches(cell.raw, _WITH_OFFSET)})"
    return {
        "wall clock": f"{_fast(cell, cell.raw)} OR {matches(cell.raw, _WALL_CLOCK)}",
        "with offset": zoned,
        "moments": zoned,
        "midnights": f"{zoned} AND {matches(cell.raw, _MIDNIGHT)}",
        "no date": matches(cell.raw, _NO_DATE),
        "epoch zero": f"starts_with({cell.raw}, '1970') AND {matches(cell.raw, '^1970[-/]0?1[-/]0?1')} "
        f"OR starts_with({cell.raw}, '1969-12-31')",
        "buddhist": matches(cell.raw, BUDDHIST_YEAR),
        "empty": f"{cell.raw} = ''",
    }


def layers(cell: Cell, habits: Habits, text: str) -> list[tuple[str, str]]:
    """What is worked out of the cleaned text: in plain characters, and which form it has."""
    code = cases([(form.condition, str(i)) for i, form in enumerate(_forms(cell, "{plain}", "day first"), start=3)])
    strict = f"WHEN {matches(text, _WALL_CLOCK)} THEN 1 WHEN {matches(text, _WITH_OFFSET)} THEN 2"
    short = f"strlen({text}) = length({text}) AND NOT {matches(text, _NOT_PLAIN)}"
    return [
        ("fast", _fast(cell, text)),
        (
            "plain",
            f"CASE WHEN {text} IS NULL OR {{fast}} THEN NULL WHEN {short} THEN upper({text}) ELSE {_plain(text)} END",
        ),
        ("form", f"CASE WHEN {text} IS NULL THEN 0 WHEN {{fast}} THEN 1 {strict} ELSE {code} END"),
        ("first", f"CASE WHEN {{form}} = {_DAY_MONTH_CODE} THEN {_leading_number('{plain}', 0)} END"),
        ("second", f"CASE WHEN {{form}} = {_DAY_MONTH_CODE} THEN {_leading_number('{plain}', 1)} END"),
    ]


def evidence(cell: Cell, habits: Habits, names: Mapping[str, str]) -> dict[str, str]:
    """SQL conditions counted over the whole column."""
    form, plain, text, first, second = (names[n] for n in ("form", "plain", "t", "first", "second"))
    forms = [f.name for f in _forms(cell, plain, "day first")]
    other = f"{form} > 2"
    moment, midnight = _moments_and_midnights(form, plain, {f: i for i, f in enumerate(forms, start=3)})
    last = (
        f"CASE WHEN {form} = {_DAY_MONTH_CODE} THEN try_cast(regexp_extract({plain}, '{_LAST_OF_SHORT}', 1) AS INT) END"
    )
    return {
        **{name: f"{form} = {i}" for i, name in enumerate(forms, start=3)},
        "wall clock": f"{form} = 1",
        "with offset": f"{form} = 2",
        "early day": f"{form} = 1 AND {matches(text, '^[0-9]{4}[-/][0-9]{1,2}[-/](0?[1-9]|1[0-2])([^0-9]|$)')}",
        "own offset": f"{other} AND {matches(plain, _ENDS_IN_OFFSET)}",
        "meridiem": f"{other} AND {matches(plain, '[APL]M')}",
        "comma": f"{other} AND {matches(plain, '[0-9](,|T| T)')}",
        "short year": f"{other} AND {matches(plain, _SHORT_YEAR)}",
        "not plain": f"{other} AND {plain} <> upper({text})",
        "day first": f"{first} > 12 AND {second} <= 12",
        "month first": f"{second} > 12 AND {first} <= 12",
        "either": f"{first} <= 12 AND {second} <= 12 AND {first} <> {second}",
        "dotted": f"{first} IS NOT NULL AND {plain} LIKE '%.%.%'",
        "last may be day": f"{last} BETWEEN 1 AND 31 AND {first} <= 31 AND {second} BETWEEN 1 AND 12",
        "day is 0": f"{last} BETWEEN 1 AND 31 AND {first} = 0",
        "different first": f"{DIFFERENT} {first}",
        "different last": f"{DIFFERENT} {last}",
        "moments": moment,
        "midnights": midnight,
        "buddhist": matches(text, BUDDHIST_YEAR),
        "no date": matches(text, _NO_DATE),
        "shortened": matches(plain, _SHORTENED),
        "written out": matches(plain, _WRITTEN_OUT),
        "epoch zero": f"starts_with({text}, '1970') AND {matches(text, '^1970[-/]0?1[-/]0?1')} "
        f"OR starts_with({text}, '1969-12-31') OR {matches(text, '^0([.]0*)?$')}",
    }


def _moments_and_midnights(form: str, plain: str, codes: Mapping[str, int]) -> tuple[str, str]:
    """SQL: whether a cell says a moment, with its offset or as seconds since 1970, and whether that is a midnight."""
    with_offset = f"({form} = 2 OR {form} > 2 AND {matches(plain, _ENDS_IN_OFFSET)})"
    moments, midnights = [with_offset], [f"{with_offset} AND {matches(plain, _MIDNIGHT)}"]
    for name, day in _SECONDS_OF_A_DAY.items():
        moments.append(f"{form} = {codes[name]}")
        midnights.append(f"{form} = {codes[name]} AND try_cast({plain} AS DOUBLE) % {day} = 0")
    return any_of(moments), any_of(midnights)


def _are_days(counts: Mapping[str, int]) -> bool:
    """Whether every moment of a column is a midnight on its own clock: then days were exported, and no moments."""
    return 0 < counts.get("moments", 0) == counts.get("midnights", 0)


def own_dates(counts: Mapping[str, int]) -> DayMonth | None:
    """What a column's own cells say: day or month first; None: nothing, or both."""
    day, month = counts.get("day first", 0), counts.get("month first", 0)
    if may_be_year_first(counts):
        return "day first" if _spreads_like_days(counts, "different first", "different last") else None
    if day and not month:
        return "day first"
    if month and not day:
        return "month first"
    if not day and not month and counts.get("dotted"):
        return "day first"
    return None


def may_be_year_first(counts: Mapping[str, int]) -> bool:
    """Whether all dates of a column, of which every number has two digits, may begin with the year: 23-09-03."""
    return 0 < counts.get("day month", 0) == counts.get("last may be day", 0)


def _spreads_like_days(counts: Mapping[str, int], days: str, years: str) -> bool:
    """Whether so many different numbers stand in one place, and so few in the other, that they are days and years."""
    return counts[days] >= _MANY_DAYS and counts[years] <= _FEW_YEARS and not counts["day is 0"]


def plan(cell: Cell, habits: Habits, counts: Mapping[str, int], lent: Lent, place: str) -> Plan:
    """How a column of times is read."""
    around = surface(cell, habits, counts)
    text, mendings = around.text, list(around.mendings)
    if "wall clock" not in counts:
        decisions = [_zone_said(cell, habits, counts["seen"])] if cell.kind == "time" and counts["seen"] else []
        return Plan(_as_kind(cell, habits, wall=f"try_cast({text} AS TIMESTAMP)"), around.filled, (), tuple(decisions))
    order, decisions, problems = _decide(cell, habits, counts, lent, place)
    if habits.calendar is None and 2 * counts["buddhist"] > counts["seen"]:
        said = {"n": counts["buddhist"], "all": counts["seen"]}
        problems.append(Problem.said(words, "buddhist", place, cell.shown, **said))
    if _are_days(counts):
        cell = replace(cell, days=True)
        decisions.append(cell.decision("days", n=counts["moments"]))
    plain = _plain(text) if counts["not plain"] else f"upper({text})"
    forms = [f for f in _forms(cell, "p", order) if counts.get(f.name)]
    branches = [(_fast(cell, text), _as_kind(cell, habits, wall=f"try_cast({text} AS TIMESTAMP)"))]
    if counts.get("with offset"):
        branches.append((matches(text, _WITH_OFFSET), _with_offset(cell, habits, text)))
    if counts.get("wall clock"):
        branches.append((matches(text, _WALL_CLOCK), _as_kind(cell, habits, wall=f"try_cast({text} AS TIMESTAMP)")))
    strict = any_of([when for when, _ in branches])
    further = []
    for form in forms:
        if habits.mends(form.repair):
            read = _form_value(cell, habits, form, counts)
            further.append((form.condition, read))
            mended = let("p", plain, f"{form.condition} AND ({read}) IS NOT NULL")
            mendings.append((form.repair, f"CASE WHEN NOT {strict} THEN {mended} END"))
    if further:
        branches.append(("true", let("p", plain, cases(further))))
    value, filled = cases(branches), around.filled
    value, filled, mendings = _without_zero_dates(cell, habits, counts, text, (value, filled, mendings))
    clocks = sum(counts.get(n, 0) for n in ("wall clock", *(f.name for f in forms if not f.moment)))
    clocks -= counts.get("own offset", 0) + counts.get("epoch zero", 0)
    if cell.kind == "time" and clocks > 0:
        decisions.append(_zone_said(cell, habits, clocks))
    decisions += _said_of_numbers(cell, counts, [form.name for form in forms])
    months = sum(counts[form.name] for form in forms if form.repair == "months")
    decisions += [cell.decision("months", n=months)] if months and habits.mends("months") else []
    refused = matches(f"upper({text})", _SHORTENED) if counts["shortened"] and not counts["written out"] else ""
    return Plan(value, filled, tuple(_merged(mendings)), tuple(decisions), tuple(problems), refused, "shortened_times")


def screen_typed(cell: Cell, habits: Habits) -> dict[str, str]:
    """SQL conditions that tell what a column of times holds that is no text: moments, or numbers of days or seconds."""
    raw, kind = cell.raw, cell.type.upper()
    if kind.startswith("TIMESTAMP"):
        clock = f"CAST({raw} AT TIME ZONE 'UTC' AS TIME)" if kind.startswith("TIMESTAMP WITH") else "NULL"
        return {
            "seen": f"{raw} IS NOT NULL",
            "epoch zero": f"CAST({raw} AS TIMESTAMP) = TIMESTAMP '1970-01-01'",
            "moments": f"{clock} IS NOT NULL",
            "midnights": f"{clock} = TIME '00:00'",
        }
    if _is_number(kind):
        number = f"CAST({raw} AS DOUBLE)"
        conditions = {name: condition for name, condition, _, _ in _numbers(cell, number)}
        midnights = [f"{conditions[name]} AND {number} % {day} = 0" for name, day in _SECONDS_OF_A_DAY.items()]
        return {
            "seen": f"{raw} IS NOT NULL",
            "epoch zero": f"{number} = 0",
            **conditions,
            "moments": any_of([conditions[name] for name in _SECONDS_OF_A_DAY]),
            "midnights": any_of(midnights),
        }
    return {"seen": f"{raw} IS NOT NULL"}


def typed(cell: Cell, habits: Habits, counts: Mapping[str, int]) -> Plan:
    """How a column of times is read that is no text."""
    raw, kind = cell.raw, cell.type.upper()
    filled, mendings, decisions = f"{raw} IS NOT NULL", [], []
    if kind == "DATE" and cell.kind == "date":
        return Plan(raw, filled)
    if _are_days(counts):
        cell = replace(cell, days=True)
        decisions.append(cell.decision("days", n=counts["moments"]))
    if _is_number(kind):
        return _typed_numbers(cell, habits, counts, decisions)
    if kind.startswith("TIMESTAMP WITH"):
        value = _as_kind(cell, habits, moment=raw)
    else:
        value = _as_kind(cell, habits, wall=f"try_cast({raw} AS TIMESTAMP)")
        if cell.kind == "time" and counts.get("seen"):
            decisions.append(_zone_said(cell, habits, counts["seen"]))
    if counts.get("epoch zero") and habits.mends("epoch_blank") and cell.kind == "time":
        zero = f"CAST({raw} AS TIMESTAMP) = TIMESTAMP '1970-01-01'"
        value, filled = f"CASE WHEN NOT {zero} THEN {value} END", f"coalesce(NOT {zero}, false)"
        mendings.append(("epoch_blank", zero))
    return Plan(value, filled, tuple(mendings), tuple(decisions))


def _typed_numbers(cell: Cell, habits: Habits, counts: Mapping[str, int], said: Sequence[Saying]) -> Plan:
    """How a column of numbers is read as times: days since 1900, seconds since 1970, 20230903."""
    number = f"CAST({cell.raw} AS DOUBLE)"
    filled, mendings, branches = f"{cell.raw} IS NOT NULL", [], []
    found = [form for form in _numbers(cell, number) if counts.get(form[0])]
    for name, condition, moment, wall in found:
        if habits.mends(_REPAIR_OF[name]):
            branches.append((condition, _as_kind(cell, habits, moment=moment, wall=wall)))
            mendings.append((_REPAIR_OF[name], condition))
    if counts.get("epoch zero") and habits.mends("epoch_blank"):
        filled = f"coalesce({number} <> 0, false)"
        mendings.append(("epoch_blank", f"{number} = 0"))
    null = f"CAST(NULL AS {'DATE' if cell.kind == 'date' else 'TIMESTAMPTZ'})"
    walls = sum(counts[name] for name, _, moment, _ in found if not moment)
    decisions = [*said, *([_zone_said(cell, habits, walls)] if walls and cell.kind == "time" else [])]
    decisions += _said_of_numbers(cell, counts, [name for name, *_ in found])
    months = counts.get("month number", 0)
    decisions += [cell.decision("months", n=months)] if months and habits.mends("months") else []
    return Plan(cases(branches) if branches else null, filled, tuple(_merged(mendings)), tuple(decisions))


_REPAIR_OF = {
    "compact date": "date_format",
    "compact time": "date_format",
    "serial": "serial_dates",
    "seconds": "epochs",
    "milliseconds": "epochs",
    "microseconds": "epochs",
    "month number": "months",
}
_DAY_MONTH_CODE = 3
_NIGHT = "半夜|午夜|深夜|夜里|夜裡|夜间|夜間"
_EVENING = "晚上|晚间|晚間|夜晚"
_PARTS_OF_DAY = (
    (f"(?:上午|凌晨|淩晨|早上|{_NIGHT}) ?(00?)", ""),
    (f"(?:中午|下午|傍晚|{_EVENING}|{_NIGHT}) ?(1[3-9]|2[0-3])", ""),
    ("(?:上午|凌晨|淩晨) ?(0?[1-9]|1[0-2])", "AM"),
    ("(?:早上|早晨|清晨) ?(0?[1-9]|1[01])", "AM"),
    ("中午 ?(1[0-2])", ""),
    ("中午 ?(0?[1-3])", "PM"),
    ("下午 ?(0?[1-9]|1[0-2])", "PM"),
    ("傍晚 ?(0?[4-9])", "PM"),
    (f"(?:{_EVENING}) ?(0?[5-9]|1[01])", "PM"),
    (f"(?:{_EVENING}) ?(12)", "LM"),
    (f"(?:{_NIGHT}) ?(0?[1-5])", "AM"),
    (f"(?:{_NIGHT}) ?(0?[6-9]|1[01])", "PM"),
)
"""What a part of the day makes of an hour: 晚上8点 is 20:00, 中午11点 is 11:00, 晚上12点 begins the next day. What is
not listed, such as 半夜12点 or 早上12点, can mean two moments and is not read."""
_PART_OF_DAY = f"上午|早上|早晨|清晨|中午|下午|傍晚|凌晨|淩晨|{_EVENING}|{_NIGHT}"
_SHORT_YEAR = "^[0-9]{1,2}[^0-9]+[0-9]{1,2}[^0-9][0-9]{2}([^0-9]|$)|[A-Z][^0-9]?[0-9]{2}([^0-9]|$)"
_NOT_PLAIN = "  |[(\\t]|[AaPp][.]?[Mm]|[0-9] ?[hH] ?[0-9]|[./:] | [./:]"
_CLOCK_TEXT = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]+)?)?"
_MIDNIGHT = (
    "(?:[ T]0?0:00(?::00(?:[.]0+)?)?|[ T]12:00(?::00)? AM) ?(?:Z|UTC|GMT|(?:GMT|UTC)?[+-][0-9]{2}(?::?[0-9]{2})?)$"
)
_SECONDS_OF_A_DAY = {"seconds": "86400", "milliseconds": "86400000", "microseconds": "86400000000"}
_ENDS_IN_OFFSET = "[0-9MP] ?(Z|UTC|GMT|(?:GMT|UTC)?[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})$"


def _forms(cell: Cell, plain: str, order: DayMonth) -> list[Form]:
    """Every form that is not year-month-day, in the order in which they are tried."""
    numbers = {
        name: (inside, moment, wall) for name, inside, moment, wall in _numbers(cell, f"try_cast({plain} AS DOUBLE)")
    }

    def numbered(name: str, pattern: str) -> Form:
        inside, moment, wall = numbers[name]
        return Form(name, _REPAIR_OF[name], f"{matches(plain, pattern)} AND {inside}", moment=moment, wall=wall)

    def written(name: str, pattern: str, order: str, repair: str = "date_format") -> Form:
        return Form(name, repair, matches(plain, pattern), pattern, order)

    return [
        written("day month", _DAY_MONTH, r"\3-\2-\1\4" if order == "day first" else r"\3-\1-\2\4", "day_month"),
        written("year first", _POINTED_YEAR_FIRST, r"\1-\2-\3\4"),
        written("compact date", _COMPACT_DATE, r"\1-\2-\3\4"),
        written("compact time", _COMPACT_TIME, r"\1-\2-\3 \4:\5:\6"),
        written("month name first", _MONTH_FIRST_NAME, r"\3-\1-\2\4"),
        written("day before month name", _DAY_FIRST_NAME, r"\3-\2-\1\4"),
        written("year last", _YEAR_LAST_NAME, r"\4-\1-\2 \3"),
        *(
            written(name, pattern, order, "months")
            for name, pattern, order in (_MONTHS_OF_A_YEAR if cell.name in OF_A_PERIOD else ())
        ),
        *([numbered("month number", _MONTH_NUMBER)] if cell.name in OF_A_PERIOD else []),
        numbered("serial", _SERIAL),
        numbered("seconds", _EPOCH_SECONDS),
        numbered("milliseconds", f"{_EPOCH_MILLISECONDS}|{_SCIENTIFIC}"),
        numbered("microseconds", _EPOCH_MICROSECONDS),
    ]


def _numbers(cell: Cell, number: str) -> list[tuple[str, str, str, str]]:
    """Numbers that stand for times: name, where, SQL of the moment, or of the wall clock (Excel counts days of it).

    Each is safe wherever it is evaluated: outside of its range it is NULL.
    """
    whole = f"{number} = trunc({number})"
    ranges = {
        "compact date": f"({number} BETWEEN 19000101 AND 21001231 AND {whole})",
        "compact time": f"({number} BETWEEN 19000101000000 AND 21001231235959 AND {whole})",
        "serial": f"({number} >= 20000 AND {number} < 60000)",
        "seconds": f"({number} >= 1e8 AND {number} < 5e9)",
        "milliseconds": f"({number} >= 1e11 AND {number} < 5e12)",
        "microseconds": f"({number} >= 1e14 AND {number} < 5e15)",
    }
    if cell.name in OF_A_PERIOD:
        month = f"{number} % 100 BETWEEN 1 AND 12"
        ranges["month number"] = f"({number} BETWEEN 190001 AND 210012 AND {whole} AND {month})"

    def within(name: str, factor: str = "") -> str:
        return f"CAST(CASE WHEN {ranges[name]} THEN round({number}{factor}) END AS BIGINT)"

    later = f" + to_days({cell.later_epoch})" if cell.later_epoch else ""
    walls = {
        "compact date": f"try_strptime(CAST({within('compact date')} AS VARCHAR), '%Y%m%d')",
        "compact time": f"try_strptime(CAST({within('compact time')} AS VARCHAR), '%Y%m%d%H%M%S')",
        "serial": f"(TIMESTAMP '1899-12-30' + to_milliseconds({within('serial', ' * 86400000')}){later})",
    }
    if "month number" in ranges:
        walls["month number"] = f"try_strptime(CAST({within('month number')} AS VARCHAR) || '01', '%Y%m%d')"
    moments = {
        "seconds": f"make_timestamptz({within('seconds', ' * 1e6')})",
        "milliseconds": f"make_timestamptz({within('milliseconds')} * 1000)",
        "microseconds": f"make_timestamptz({within('microseconds')})",
    }
    return [(name, inside, moments.get(name, ""), walls.get(name, "")) for name, inside in ranges.items()]


def _plain(text: str) -> str:
    """SQL of a time in capitals and plain characters: 下午2时05分 as 2:05 PM, 14h30 as 14:30, 5 . 3 as 5.3."""
    plain = f"upper(translate({text}, {literal('０１２３４５６７８９：／－．　')}, {literal('0123456789:/-. ')}))"
    chinese = f"regexp_replace({plain}, '([0-9]{{1,2}} ?[:时時點点][^ ]*) ?({_PART_OF_DAY})$', '\\2\\1')"
    for hours, meridiem in _PARTS_OF_DAY:
        chinese = f"regexp_replace({chinese}, '(?:{hours})( ?[:时時點点])', ' {meridiem} \\1\\2', 'g')"
    chinese = f"regexp_replace({chinese}, '星期.|周.', ' ', 'g')"
    chinese = f"regexp_replace(regexp_replace({chinese}, ' ?[年月] ?', '-', 'g'), '[日号] ?', ' ')"
    chinese = f"regexp_replace(regexp_replace({chinese}, '([时時點点分]) ?([0-9])', ':\\2', 'g'), '[时時點点]', ':00')"
    chinese = f"replace(replace({chinese}, '分', ''), '秒', '')"
    plain = f"CASE WHEN strlen({text}) = length({text}) THEN {plain} ELSE {chinese} END"
    plain = f"regexp_replace({plain}, ' ?[(][^)]*[)]$', '')"
    plain = f"regexp_replace({plain}, '[ \\t]+', ' ', 'g')"
    plain = f"regexp_replace({plain}, '([0-9]) ?([./:]) ?', '\\1\\2', 'g')"
    plain = f"regexp_replace({plain}, '([0-9]) ?H ?([0-9]{{2}})', '\\1:\\2')"
    plain = f"regexp_replace({plain}, '([AP])[.]M[.]?', '\\1M')"
    plain = f"regexp_replace({plain}, '([APL]M) ?({_CLOCK_TEXT})', '\\2 \\1')"
    plain = f"regexp_replace({plain}, '([0-9])([APL]M)', '\\1 \\2')"
    return f"trim({plain})"


def _form_value(cell: Cell, habits: Habits, form: Form, counts: Mapping[str, int]) -> str:
    """SQL of the value of a cell (its plain text is ``p``) in one form; only what occurs is looked for."""
    if not form.pattern:
        return _as_kind(cell, habits, moment=form.moment, wall=form.wall)
    text = f"regexp_replace(p, {literal(form.pattern)}, {literal(form.order)})"
    if form.name == "compact time":
        text = f"rtrim({text}, ':')"
    if counts["short year"]:
        text = let("y", text, f"CASE WHEN substr(y, 3, 1) = '-' THEN {_century(cell)} || y ELSE y END")
    if "name" in form.name or form.name == "year last":
        number = f"CAST((instr('{_MONTHS}', substr(m, 6, 3)) + 2) // 3 AS VARCHAR)"
        text = let("m", text, f"substr(m, 1, 5) || {number} || substr(m, 9)")
    if counts["comma"]:
        text = f"regexp_replace({text}, '^([0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}})[ ,T]+', '\\1 ')"
    plain_clock = "try_cast(c AS TIMESTAMP)"
    wall = _of_twelve_hours("c") if counts["meridiem"] else plain_clock
    value = _as_kind(cell, habits, wall=wall)
    if counts["own offset"]:
        zoned = f"^(.* {_CLOCK_TEXT}(?: [AP]M)?) ?(?:Z|UTC|GMT|(?:GMT|UTC)?([+-][0-9]{{2}}):?([0-9]{{2}})?)$"
        clock, hours, minutes = (f"regexp_extract(c, {literal(zoned)}, {g})" for g in (1, 2, 3))
        shift = f"coalesce(nullif({hours}, ''), '+00') || ':' || coalesce(nullif({minutes}, ''), '00')"
        moment = f"try_cast(CAST({_of_twelve_hours(clock)} AS VARCHAR) || {shift} AS TIMESTAMPTZ)"
        own = {"wall": _of_twelve_hours(clock)} if cell.days else {"moment": moment}
        value = f"CASE WHEN {matches('c', zoned)} THEN {_as_kind(cell, habits, **own)} ELSE {value} END"
    return let("c", text, value)


def _of_twelve_hours(text: str) -> str:
    """SQL of a wall clock that may end in AM or PM, or in LM: midnight and after, of an evening that began the day
    before."""
    clock = f"try_cast(rtrim({text}, ' APLM') AS TIMESTAMP)"
    return (
        f"CASE WHEN {text} LIKE '%LM' THEN {clock} + INTERVAL 12 HOUR "
        f"WHEN {text} LIKE '%PM' AND hour({clock}) < 12 THEN {clock} + INTERVAL 12 HOUR "
        f"WHEN {text} LIKE '%AM' AND hour({clock}) = 12 THEN {clock} - INTERVAL 12 HOUR ELSE {clock} END"
    )


def _leading_number(text: str, which: int) -> str:
    """SQL of the first or second number of a text."""
    pattern = "^[0-9]{1,2}[-/.]([0-9]{1,2})" if which else "^([0-9]{1,2})"
    return f"try_cast(regexp_extract({text}, {literal(pattern)}, 1) AS INTEGER)"


def _as_kind(cell: Cell, habits: Habits, *, moment: str = "", wall: str = "") -> str:
    """SQL of a moment or a wall clock as what the column holds: a moment, or a day in the client's zone."""
    if cell.days and not wall:
        moment, wall = "", f"({moment}) AT TIME ZONE 'UTC'"
    if cell.kind == "date":
        return f"CAST({wall} AS DATE)" if wall else f"CAST({moment} AT TIME ZONE {literal(habits.timezone)} AS DATE)"
    return f"({wall}) AT TIME ZONE {_zone(cell, habits)}" if wall else moment


def _zone(cell: Cell, habits: Habits) -> str:
    """SQL of the zone of times without offset: what their heading says, else the source's."""
    return f"coalesce({cell.zone}, {literal(habits.timezone)})" if cell.zone else literal(habits.timezone)


def zone_of_heading(heading: str) -> tuple[str, str] | None:
    """The zone that the heading of a time says, as a zone's name and as it is said there; None: it says none.

    >>> zone_of_heading("created_at_utc"), zone_of_heading("时间(北京时间)"), zone_of_heading("Created (GMT+8)")
    (('UTC', 'UTC'), ('Asia/Shanghai', '北京时间'), ('Etc/GMT-8', 'GMT+8'))
    >>> zone_of_heading("Created (America/Los_Angeles)"), zone_of_heading("Date/Time"), zone_of_heading("Created")
    (('America/Los_Angeles', 'America/Los_Angeles'), None, None)
    """
    plain = unicodedata.normalize("NFKC", heading)
    named = re.search(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_]+)?", plain)
    if named and named.group() in zoneinfo.available_timezones():
        return named.group(), named.group()
    chinese = re.search(r"北京时间|中国标准时间|beijing(?=[ _]?time)", plain, re.I)
    if chinese:
        return "Asia/Shanghai", chinese.group()
    # Written together (createdAtUtc) a zone is a word only with its capital.
    found = re.search(rf"(?:(?<![A-Za-z])(?i:UTC|GMT)|(?<=[a-z])(?:UTC|GMT|Utc|Gmt))(?![A-Za-z]){_SHIFT}", plain)
    if not found:
        return ("UTC", "Z") if re.search(r"[(\[]Z[)\]]|[_ ]Z$|_z$", plain) else None
    sign, hours, minutes = found.groups()
    said = found.group().upper()
    if not sign or int(hours) == int(minutes or 0) == 0:
        return "UTC", said
    if (sign, int(hours), minutes) == ("+", 5, "30"):
        return "Asia/Kolkata", said
    if int(minutes or 0) or int(hours) > 12:
        return None
    return f"Etc/GMT{'-' if sign == '+' else '+'}{int(hours)}", said


_SHIFT = r"(?: ?([+-]) ?([0-9]{1,2})(?::?([0-9]{2}))?(?![0-9]))?"


def _fast(cell: Cell, text: str) -> str:
    """SQL: the two most common forms of a date that exists, without a regular expression."""
    shape = f"({text} LIKE '____-__-__ __:__:__' OR {text} LIKE '____-__-__')"
    return f"coalesce({shape} AND try_cast({text} AS TIMESTAMP) IS NOT NULL, false)"


def _with_offset(cell: Cell, habits: Habits, text: str) -> str:
    """SQL of a time with its offset; where the column holds days, of the day that is written there."""
    date, clock, seconds, offset = (f"regexp_extract({text}, {literal(_WITH_OFFSET)}, {g})" for g in (1, 2, 3, 4))
    shift = (
        f"CASE WHEN upper({offset}) IN ('Z', 'UTC', 'GMT') THEN '+00' "
        f"ELSE regexp_replace({offset}, '^([+-][0-9]{{2}}):?([0-9]{{2}})$', '\\1:\\2') END"
    )
    if cell.days:
        return _as_kind(cell, habits, wall=f"try_cast({date} AS TIMESTAMP)")
    whole = f"{date} || ' ' || {clock} || coalesce(nullif({seconds}, ''), ':00') || {shift}"
    return _as_kind(cell, habits, moment=f"try_cast({whole} AS TIMESTAMPTZ)")


def _without_zero_dates(
    cell: Cell,
    habits: Habits,
    counts: Mapping[str, int],
    text: str,
    read: tuple[str, str, list[tuple[str, str]]],
) -> tuple[str, str, list[tuple[str, str]]]:
    """The reading of a column in which 1970-01-01 and 0000-00-00 are empty cells. (A birthday may well be in 1970.)"""
    value, filled, mendings = read
    zeros = []
    if counts.get("no date"):
        zeros.append(matches(text, _NO_DATE))
    if counts.get("epoch zero") and cell.kind == "time":
        wall = f"({value}) AT TIME ZONE {_zone(cell, habits)} = TIMESTAMP '1970-01-01'"
        at_zero = f"({value}) = TIMESTAMPTZ '1970-01-01 00:00:00+00' OR {wall}"
        early = f"({matches(text, '^(1970-0?1-0?1|1969-12-31)')} AND ({at_zero}))"
        zeros += [early, matches(text, "^0([.]0*)?$")]
    if not zeros or not habits.mends("epoch_blank"):
        return value, filled, mendings
    zero = any_of(zeros)
    mendings = [*mendings, ("epoch_blank", zero)]
    return f"CASE WHEN NOT {zero} THEN {value} END", f"{filled} AND NOT {zero}", mendings


def _decide(
    cell: Cell, habits: Habits, counts: Mapping[str, int], lent: Lent, place: str
) -> tuple[DayMonth, list[Saying], list[Problem]]:
    """Day or month first in this column, what is to be said about it, and what cannot be decided."""
    day, month, either = (counts.get(name, 0) for name in ("day first", "month first", "either"))
    number = counts.get("day month", 0)
    if not number or not habits.mends("day_month"):
        return "day first", [], []

    def undecided(key: str, **values: int) -> tuple[DayMonth, list[Saying], list[Problem]]:
        return "day first", [], [Problem.said(words, key, place, cell.shown, **values)]

    if habits.dates:
        against = month if habits.dates == "day first" else day
        said = [cell.decision("order_set", order=habits.dates)]
        return habits.dates, said + ([cell.decision("order_set_against", n=against)] if against else []), []
    if _turned_by_a_spreadsheet(counts):
        return undecided("dates_turned", text=day + month, real=counts["wall clock"])
    own = own_dates(counts)
    if may_be_year_first(counts):
        if own is None and lent.dates == "day first" and not counts["day is 0"]:
            return "day first", [cell.decision("order_as", order=lent.dates, other=lent.dates_from)], []
        if own is None:
            return undecided("year_first" if _begins_with_years(counts) else "year_either", n=number)
        spread = {"first": counts["different first"], "last": counts["different last"]}
        return own, [cell.decision("order_spread", order=own, **spread)], []
    if own is not None:
        sure = day or month
        key = "order_sure" if sure else "order_points"
        return own, [cell.decision(key, order=own, n=sure, all=number)], []
    if not day and not month and lent.dates and either:
        return lent.dates, [cell.decision("order_as", order=lent.dates, other=lent.dates_from)], []
    if day and month:
        return undecided("dates_both", day=day, month=month, either=either)
    return undecided("dates_either", n=either) if either else ("day first", [], [])


def _begins_with_years(counts: Mapping[str, int]) -> bool:
    """Whether dates such as 23-09-03 surely begin with the year, rather than may."""
    if counts["day is 0"]:
        return True
    return _spreads_like_days(counts, "different last", "different first")


def _turned_by_a_spreadsheet(counts: Mapping[str, int]) -> bool:
    """Whether a spreadsheet program has read 04/03/2025 as 3 April, and left 13/03/2025, which it cannot read, as text.

    Then every date in text has a day after the 12th and none of the others has.
    """
    sure = (counts.get("day first", 0), counts.get("month first", 0))
    others = counts.get("wall clock", 0)
    return min(sure) == 0 and max(sure) >= 3 <= others == counts.get("early day", 0) and not counts.get("either", 0)


def _century(cell: Cell) -> str:
    """SQL of the century of the year ``y`` of two digits: 69 is 1969, 68 is 2068; a birthday in 30 was in 1930 as long
    as 2030 is to come."""
    last = datetime.date.today().year % 100 if cell.kind == "date" and cell.happened else 68
    return f"CASE WHEN try_cast(substr(y, 1, 2) AS INTEGER) <= {last} THEN '20' ELSE '19' END"


def _zone_said(cell: Cell, habits: Habits, clocks: int) -> Saying:
    if not cell.zone:
        return cell.decision("zone", zone=habits.timezone, n=clocks)
    if cell.zone.startswith("'"):  # the same in every row
        return cell.decision("zone_of_heading", said=next(iter(cell.zone_said.values())), n=clocks)
    said = [words.later("decisions.heading_says", heading=h, zone=zone) for h, zone in cell.zone_said.items()]
    return cell.decision("zone_of_headings", said=said, zone=habits.timezone, n=clocks)


def _said_of_numbers(cell: Cell, counts: Mapping[str, int], forms: Iterable[str]) -> list[Saying]:
    shown = [form for form in forms if _REPAIR_OF.get(form, "months") != "months" and counts.get(form)]
    return [cell.decision("numbers", n=counts[form], form=form) for form in shown]


def _merged(mendings: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """One condition for each repair."""
    by_name: dict[str, list[str]] = {}
    for name, condition in mendings:
        by_name.setdefault(name, []).append(condition)
    return [(name, any_of(conditions)) for name, conditions in by_name.items()]


def _is_number(kind: str) -> bool:
    return ("INT" in kind and "INTERVAL" not in kind) or kind.startswith(("FLOAT", "DOUBLE", "DECIMAL", "REAL"))
