"""What is asked and answered about the cells of one column: the cell, the habits of its source, how it is mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crmlib.contract.tables import Kind
from crmlib.engine import literal
from crmlib.mapping import Calendar, DayMonth
from crmlib.problems import Problem
from crmlib.words import Saying, Words

words = Words(__file__)
HIDDEN = words.later("examples.hidden")
"""Stands for a cell that may be a person's."""
DIFFERENT = "DIFFERENT"
"""Before evidence of which different values are counted, where else the cells that meet a condition are."""


@dataclass(frozen=True)
class Cell:
    """One column of raw cells that is to become values of a contract kind.

    ``raw`` is the SQL identifier of the cell in the relation, ``type`` its DuckDB type (VARCHAR: as in the export;
    anything else: already typed by Parquet, a workbook or a database). ``key``: an identifier (ids, codes) in which
    every character counts. ``free``: a customer's own words. ``happened``: a time that cannot lie in the future.
    ``private``: a person's data, of which no example is shown. ``unit``, ``low`` and ``required`` as in the contract
    (``money`` is never a percentage); a cell that is only a part of a value has no ``low``. ``meant``: words that
    the settings write into the column, which therefore never stand for an empty cell. ``zone``: SQL of the zone
    that the headings of times say, NULL in rows whose heading says none, and ``zone_said`` how they say it (heading:
    zone); empty: the source's zone. ``days``: every moment of the column is a midnight, so that it stands for a day.
    ``later_epoch``: SQL of how many days after 1900 a spreadsheet's day numbers begin; empty: none.
    """

    name: str
    kind: Kind
    raw: str
    type: str = "VARCHAR"
    key: bool = False
    free: bool = False
    happened: bool = False
    heading: str = ""
    private: bool = False
    unit: str = ""
    low: float | None = None
    required: bool = False
    meant: frozenset[str] = frozenset()
    zone: str = ""
    zone_said: Mapping[str, str] = field(default_factory=dict, hash=False)
    days: bool = False
    later_epoch: str = ""

    @property
    def called(self) -> str:
        """The column's name; of a cell that fills no column of the contract its heading."""
        return self.heading if self.name.startswith("_") and self.heading else self.name

    @property
    def shown(self) -> str:
        """How messages name the column: with the heading that fills it, where that is another name."""
        if not self.heading or self.heading == self.called:
            return self.called
        return words.say("places.column", column=self.name, heading=self.heading)

    def decision(self, key: str, **values: Any) -> Saying:
        """What was decided for the whole column."""
        return words.later(f"decisions.{key}", column=self.called, **values)


@dataclass(frozen=True)
class Repair:
    """What one repair did in one column: how many cells, and the first of them as it was and as it is now."""

    name: str
    column: str
    cells: int
    file: str
    row: int
    before: str | Saying
    after: str | Saying


@dataclass(frozen=True)
class Mended:
    """How one cell is read: SQL of the value (typed; NULL: blank or unreadable), of "something stands there", and of
    "a repair changed it". ``decisions`` say what was decided for the whole column, with the evidence."""

    value: str
    filled: str
    changed: str
    repairs: tuple[Repair, ...] = ()
    decisions: tuple[Saying, ...] = ()


@dataclass(frozen=True)
class Habits:
    """What the source's settings say about its cells: ``decimal``, ``dates`` and ``calendar`` where they are known, the
    zone of times without offset, and the repairs that are switched off (``{"epochs": False}``)."""

    timezone: str
    decimal: str | None = None
    dates: DayMonth | None = None
    calendar: Calendar | None = None
    repairs: Mapping[str, bool] = field(default_factory=dict)

    def mends(self, name: str) -> bool:
        """Whether a repair is switched on.

        >>> Habits("UTC", repairs={"epochs": False}).mends("epochs")
        False
        """
        return self.repairs.get(name, True) is not False


@dataclass(frozen=True)
class Lent:
    """What other columns of the same source decide for one that holds no evidence of its own, and which columns.

    ``decimals_differ``: they hold evidence of both characters before the fraction, and so decide nothing.
    """

    decimal: str | None = None
    decimals_differ: bool = False
    decimal_from: str = ""
    dates: DayMonth | None = None
    dates_from: str = ""


@dataclass(frozen=True)
class Plan:
    """How a column is to be read: SQL over its raw cell, and of each repair where it changes a cell.

    ``refused``: SQL of the cells that must not be read, and ``because`` the problem that they are: percentages where
    money should be, times that have lost their last digits.
    """

    value: str
    filled: str
    mendings: tuple[tuple[str, str], ...] = ()
    decisions: tuple[Saying, ...] = ()
    problems: tuple[Problem, ...] = ()
    refused: str = ""
    because: str = "percent_of_money"


def is_text(cell: Cell) -> bool:
    """Whether a cell stands as it was exported, so that it has to be read."""
    return cell.type.upper() in ("VARCHAR", "TEXT", "STRING") or cell.type.upper().startswith("VARCHAR(")


def matches(text: str, pattern: str) -> str:
    """SQL: whether a text matches a regular expression somewhere.

    >>> matches("cell", "^a'b$")
    "regexp_matches(cell, '^a''b$')"
    """
    return f"regexp_matches({text}, {literal(pattern)})"


def cases(pairs: list[tuple[str, str]]) -> str:
    """SQL of the first value whose condition holds, else NULL.

    >>> cases([("a", "1"), ("b", "2")]), cases([])
    ('CASE WHEN a THEN 1 WHEN b THEN 2 END', 'NULL')
    """
    return f"CASE {' '.join(f'WHEN {when} THEN {then}' for when, then in pairs)} END" if pairs else "NULL"


def let(name: str, value: str, body: str) -> str:
    """SQL of an expression in which a value that is worked out once has a name.

    (A list of one is transformed: without this DuckDB works the value out again wherever it is written.)

    >>> import duckdb
    >>> duckdb.sql("SELECT " + let("p", "upper('ab')", "p || p")).fetchone()
    ('ABAB',)
    """
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def any_of(conditions: list[str]) -> str:
    """SQL: whether one of several conditions holds (an unknown one does not).

    >>> any_of([]), any_of(["a"]), any_of(["a", "b"])
    ('false', 'coalesce(a, false)', 'coalesce((a) OR (b), false)')
    """
    if not conditions:
        return "false"
    return f"coalesce({' OR '.join(f'({c})' for c in conditions) if len(conditions) > 1 else conditions[0]}, false)"
