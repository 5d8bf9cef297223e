"""How a contract table is made from an export: where it is, how it is read, and what fills each column.

The same keys stand in a client's YAML (``tables: orders: …``) and in a profile; a client's own keys win.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from crmlib.contract import Table
from crmlib.problems import nearest
from crmlib.settings import Mistake, Mistakes, Strict
from crmlib.words import Words

Duplicates = Literal["drop", "keep", "ask"]
Taken = Literal["latest", "latest filled", "first", "any", "all", "count"]
DayMonth = Literal["day first", "month first"]
Calendar = Literal["common", "buddhist"]
FILL_IN = "FILL IN"
"""What stands in a proposal where only a person can tell; the check says in words what belongs there."""
_WORDS = Words(__file__)

NEEDS: dict[str, tuple[str, ...]] = {
    "unit": ("after", "before"),
    "part": ("parts",),
    "by": ("parts",),
    "less": ("product", "sum", "difference"),
    "query": ("database",),
    "fill_down_within": ("fill_down",),
    "latest_by": ("one_row_per",),
    "first_by": ("one_row_per",),
    "take": ("one_row_per",),
    "adds_up": ("one_row_per",),
}
"""Keys that say nothing by themselves: beside each stands one of these."""
OF_FILES = ("encoding", "delimiter", "sheet", "header_row", "header_rows", "heading_from", "headings", "ends_at")
"""Keys that say how a file is opened, and so nothing of a database."""


def _zone_exists(zone: str) -> str:
    from zoneinfo import available_timezones

    known = zone in available_timezones() and not zone.startswith(("posix", "right/"))
    if not known or zone in ("localtime", "Factory"):
        raise Mistake(_WORDS, "timezone")
    return zone


Zone = Annotated[str, AfterValidator(_zone_exists)]
"""A time zone by its IANA name."""


class Constant(Strict):
    """A value that is the same for every row, where a heading could stand."""

    constant: str

    @field_validator("constant", mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        return as_written(value)


class Filling(Strict):
    """What fills a contract column: exactly one of the keys is given.

    ``first``: the first of these headings that is filled (a plain heading or list in YAML means this). ``product``,
    ``sum``, ``difference``: of the numbers under these headings. ``text``: a pattern of headings,
    ``"{ResponseId}-nps"``. ``constant``: the same for every row. ``after``: a time and how many ``hours`` (or another
    ``unit``) later, ``before``: how many earlier; either of the two is a heading or ``{constant: …}``, and months are
    those of the calendar. ``row_number``: the file and the row, for rows that have no key, behind a text that is given
    instead of ``true``. ``parts``: the first part of a list such as ``12;15``, or another ``part`` of it, parted
    ``by`` another character.
    ``where`` fills the column in those rows only in which one of these headings has one of its values, such as the
    closing day of a won deal as the day of conversion; headings that the file lacks are passed over. ``less``: a
    further heading whose number is taken off a ``product``, ``sum`` or ``difference``, such as a line's discount.
    ``times`` multiplies a number: 0.01 where it stands in cents, 10000 where it stands in 万, -1 where what is given
    back stands without a minus.

    >>> Filling.model_validate(["Customer ID", "Email"]).headings
    ['Customer ID', 'Email']
    >>> Filling.model_validate({"text": "{Order}/{Line}"}).headings
    ['Order', 'Line']
    >>> Filling.model_validate({"product": ["Pieces", "Price"], "less": "Discount"}).headings
    ['Pieces', 'Price', 'Discount']
    >>> Filling.model_validate({"before": [{"constant": "2025-01-31"}, "Tenure"], "unit": "months"}).headings
    ['Tenure']
    """

    first: list[str] | None = None
    product: list[str] | None = None
    sum: list[str] | None = None
    difference: list[str] | None = None
    text: str | None = None
    constant: str | None = None
    after: tuple[str | Constant, str | Constant] | None = None
    before: tuple[str | Constant, str | Constant] | None = None
    unit: Literal["seconds", "minutes", "hours", "days", "weeks", "months", "years"] = "hours"
    row_number: str | None = None
    parts: str | None = None
    by: str = ";"
    part: int = Field(default=1, ge=1, le=99)
    where: dict[str, list[str]] = {}
    less: str | None = None
    times: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str | int | float):
            return {"first": [as_written(value)]}
        if isinstance(value, list):
            return {"first": [as_written(heading) for heading in value]}
        if not isinstance(value, Mapping):
            raise Mistake(_WORDS, "filling", ways=FILLINGS)
        made = dict(value)
        if "constant" in made:
            made["constant"] = as_written(made["constant"])
        for name in ("first", "product", "sum", "difference"):
            if isinstance(made.get(name), str):
                made[name] = [made[name]]
        if isinstance(made.get("where"), Mapping):
            made["where"] = _lists_as_written(made["where"])
        if made.get("row_number") is True:
            made["row_number"] = ""
        return made

    @field_validator("after", "before", mode="before")
    @classmethod
    def _two_headings(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise Mistake(_WORDS, "after")
        if all(isinstance(part, Mapping) for part in value):
            raise Mistake(_WORDS, "after")
        return [part if isinstance(part, Mapping) else as_written(part) for part in value]

    @model_validator(mode="after")
    def _exactly_one(self) -> Filling:
        given = [n for n in FILLINGS if getattr(self, n) is not None]
        if len(given) != 1 or [] in (self.first, self.product, self.sum, self.difference) or "" in self.headings:
            raise Mistake(_WORDS, "filling", ways=FILLINGS)
        found = list(lacking(self, given=self.model_fields_set))
        if self.times == 0:
            found.append(Mistake(_WORDS, "times", ["times"]))
        if found:
            raise Mistakes(found)
        if self.text is not None and (not self.headings or "{" in "".join(said for said, _ in text_pieces(self.text))):
            raise Mistake(_WORDS, "pattern", ["text"], example="{Order}-{Line}")
        return self

    @property
    def headings(self) -> list[str]:
        """The headings that are read, in the order given."""
        if self.elapsed:
            return [part for part in self.elapsed if isinstance(part, str)]
        listed = self.first or self.product or self.sum or self.difference
        if listed is not None:
            return [*listed, *([self.less] if self.less else [])]
        if self.parts is not None:
            return [self.parts]
        return [heading for _, heading in text_pieces(self.text or "") if heading]

    @property
    def elapsed(self) -> tuple[str | Constant, str | Constant] | None:
        """A time and how much later or earlier, where the column is filled so."""
        return self.after or self.before

    @property
    def alone(self) -> bool:
        """Whether no heading is needed to fill the column."""
        return self.constant is not None or self.row_number is not None


def text_pieces(pattern: str) -> list[tuple[str, str]]:
    """A pattern as pairs of what stands there and the heading that follows it (empty at the end).

    >>> text_pieces("{Q1: wait}-nps")
    [('', 'Q1: wait'), ('-nps', '')]
    """
    said = re.split(r"\{([^{}]+)\}", pattern)
    pairs = list(zip(said[::2], [*said[1::2], ""], strict=True))
    return [pair for pair in pairs if any(pair)]


FILLINGS = ("first", "product", "sum", "difference", "text", "constant", "after", "before", "parts", "row_number")


class Join(Strict):
    """Columns looked up in another file: ``on`` names heading here: heading there; the match must be unique there.

    ``from`` is a file, or a table of the same client (``customers``): then the files that this is read from.
    """

    source: str = Field(alias="from")
    on: dict[str, str] = Field(min_length=1, max_length=3)
    take: dict[str, str] = Field(min_length=1)
    """Heading there: heading under which it is known here."""
    encoding: str | None = None
    sheet: str | int | None = None
    header_row: int | None = Field(default=None, ge=1)
    headings: list[str] = []

    @field_validator("headings", mode="before")
    @classmethod
    def _named(cls, headings: Any) -> Any:
        return _each_once(headings)


class ColumnsToRows(Strict):
    """Columns side by side that become rows: each row gives one for each of ``headings`` (``*`` stands for anything).

    ``name`` is the heading under which the column's own heading is then known, ``value`` that of what stands there.
    """

    headings: list[str] = Field(min_length=1)
    name: str = Field(min_length=1)
    value: str = Field(min_length=1)

    @field_validator("headings", mode="before")
    @classmethod
    def _as_written(cls, headings: Any) -> Any:
        return [as_written(heading) for heading in headings] if isinstance(headings, list) else [as_written(headings)]


class Cancellations(Strict):
    """Rows that take back an earlier row: ``where`` tells them, ``match`` finds the row (latest earlier one wins).

    ``where``: heading: pattern (``"C*"``). ``match``: headings that agree between the two, such as customer and
    product. ``quantity``: the heading of the pieces, negative on the cancellation.
    """

    where: dict[str, str] = Field(min_length=1)
    match: list[str] = Field(min_length=1)
    quantity: str | None = None


class Reading(Strict):
    """How a file is opened. Everything left out is found out from the file itself and stated in the account.

    ``headings``: the names of all columns, in their order, where no row of the file says them; beside ``header_row``
    they take the place of what stands there.
    ``header_row``: the row of the headings, as a spreadsheet counts. ``header_rows``: how many rows the heading takes
    up; ``heading_from`` says which of them names the columns (1 the first). ``ends_at``: beginnings of a first cell
    that mark totals and legal footers; such rows and all after them are no data.
    """

    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    sheet: str | int | None = None
    header_row: int | None = Field(default=None, ge=1)
    header_rows: int = Field(default=1, ge=1, le=9)
    heading_from: int = Field(default=1, ge=1, le=9)
    headings: list[str] = []
    ends_at: list[str] = []
    database: str | None = None
    query: str | None = None

    @field_validator("headings", mode="before")
    @classmethod
    def _named(cls, headings: Any) -> Any:
        return _each_once(headings)


class FirstLook(Reading):
    """How a file is opened before anything is set about it: where no row holds headings, the columns are numbered."""


class TableSource(Reading):
    """Where one contract table comes from, how it is read, and what fills its columns.

    ``calendar``: which years its dates are written in; 2567 of the Buddhist calendar is 2024.
    ``decimal`` is the character before the fraction of a number; the other of ``.`` and ``,`` then parts thousands.
    ``leave_out``: heading: values (``*`` stands for anything, ``""`` for an empty cell) of rows that are no such
    record. ``one_row_per``: contract columns of which each combination becomes one row; ``adds_up``: columns summed
    then (of the others the first that is filled, of times the earliest). ``latest_by``: the heading of a number or
    time by which the latest row of such a combination is told: what stands there is taken, as from a log. ``first_by``:
    the first row likewise. ``take`` says it for single columns. ``columns_to_rows``: columns that become rows.
    ``fill_down``: headings whose value is carried to the rows below,
    within equal ``fill_down_within``. ``not_products``: codes under ``product_id`` that are no goods.
    ``confirmed``: the consultant has checked what the proposal or the profile was not sure of.
    """

    source: str | None = Field(default=None, alias="from")
    profile: str | None = None
    columns: dict[str, Filling] = {}
    values: dict[str, dict[str, str]] = {}
    decimal: Literal[".", ","] | None = None
    dates: DayMonth | None = None
    calendar: Calendar | None = None
    timezone: Zone | None = None
    leave_out: dict[str, list[str]] = {}
    keep_only: dict[str, list[str]] = {}
    fill_down: list[str] = []
    fill_down_within: str | None = None
    joins: list[Join] = []
    one_row_per: list[str] = []
    adds_up: list[str] = []
    latest_by: str | None = Field(default=None, min_length=1)
    first_by: str | None = Field(default=None, min_length=1)
    take: dict[str, Taken] = {}
    columns_to_rows: ColumnsToRows | None = None
    cancellations: Cancellations | None = None
    not_products: list[str] = []
    duplicates: Duplicates = "ask"
    repairs: dict[str, bool] = {}
    confirmed: bool = False

    @field_validator("values", mode="before")
    @classmethod
    def _values_as_written(cls, values: Any) -> Any:
        """A value such as 1 or true in the YAML stands for the same characters in the export."""
        if not isinstance(values, dict):
            return values
        return {
            column: {as_written(old): as_written(new) for old, new in mapped.items()}
            if isinstance(mapped, dict)
            else mapped
            for column, mapped in values.items()
        }

    @field_validator("leave_out", "keep_only", mode="before")
    @classmethod
    def _listed(cls, rules: Any) -> Any:
        return _lists_as_written(rules) if isinstance(rules, dict) else rules

    @field_validator("one_row_per", "adds_up", "fill_down", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @property
    def order_by(self) -> str | None:
        """The heading that orders the rows of which one is made."""
        return self.latest_by or self.first_by

    @field_validator("repairs")
    @classmethod
    def _known_repairs(cls, repairs: dict[str, bool]) -> dict[str, bool]:
        from crmlib.intake.repairs import words

        known = words.names("repairs")
        unknown = [name for name in repairs if name not in known]
        if unknown:
            said = [(name, nearest(name, known)) for name in unknown]
            raise Mistakes([Mistake(_WORDS, "repair", [name], name=name, nearest=near) for name, near in said])
        return repairs

    @model_validator(mode="after")
    def _each_key_says_something(self) -> TableSource:
        found = list(at_odds(self))
        if found:
            raise Mistakes(found)
        return self


def lacking(of: Strict, *, given: Iterable[str]) -> Iterator[Mistake]:
    """The given keys of a source or of a filling that lack what :data:`NEEDS` names, and so say nothing."""
    for name, needs in NEEDS.items():
        if name in given and getattr(of, name) and not any(getattr(of, need) for need in needs):
            key = "rows_of_one" if needs == ("one_row_per",) else "less" if name == "less" else "needs"
            yield Mistake(_WORDS, key, [name], name=name, needs=list(needs))


def at_odds(source: TableSource, *, given: Iterable[str] | None = None, merged: bool = False) -> Iterator[Mistake]:
    """The keys of a source that say nothing, or something else than another key.

    ``given``: the keys that are asked about, by default all that are set. ``merged``: the source stands over its
    profile already; before, a key may have what it needs there.
    """
    given = set(source.model_fields_set if given is None else given)
    whole = merged or not source.profile
    if whole:
        yield from lacking(source, given=given)
    if source.database:
        for name in OF_FILES:
            if name in given and getattr(source, name) not in (None, []):
                yield Mistake(_WORDS, "headings_known" if name == "headings" else "of_files", [name], name=name)
    if source.latest_by and source.first_by:
        yield Mistake(_WORDS, "either_order", ["first_by"])
    for name, taken in source.take.items() if whole and "take" in given else ():
        if taken.startswith("latest") and not source.order_by and source.one_row_per:
            yield Mistake(_WORDS, "no_order", ["take", name])
    for section, others in (("take", ("adds_up", "one_row_per")), ("adds_up", ("one_row_per",))):
        for column in getattr(source, section) if section in given else ():
            for other in others:
                if column in getattr(source, other):
                    at = [section, column] if section == "take" else [section]
                    yield Mistake(_WORDS, "said_twice", at, column=column, one=section, other=other)


def _each_once(headings: Any) -> Any:
    """Headings as they are written; each another one."""
    if not isinstance(headings, list):
        return headings
    named = [as_written(heading) for heading in headings]
    twice = next((name for name in named if named.count(name) > 1 or name == ""), None)
    if twice is not None:
        raise Mistake(_WORDS, "headings_twice", name=twice)
    return named


def _lists_as_written(rules: Mapping[Any, Any]) -> dict[Any, list[Any]]:
    """Values by heading, one or several, as they are written."""
    return {
        as_written(heading): [as_written(v) for v in (values if isinstance(values, list) else [values])]
        for heading, values in rules.items()
    }


def as_written(value: Any) -> Any:
    """A YAML scalar as the characters of an export: ``true`` and ``1`` rather than Python's.

    >>> as_written(True), as_written(1), as_written(None)
    ('true', '1', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def with_defaults(own: TableSource, default: TableSource) -> TableSource:
    """A client's source over a profile's: keys that the client gives win; columns, values and repairs merge by name.

    >>> profile = TableSource(columns={"order_id": "Name", "amount": "Total"}, timezone="UTC")
    >>> merged = with_defaults(TableSource(source="a.csv", columns={"amount": "Paid"}), profile)
    >>> merged.columns["order_id"].headings, merged.columns["amount"].headings, merged.timezone
    (['Name'], ['Paid'], 'UTC')
    """
    changed: dict[str, Any] = {name: getattr(own, name) for name in own.model_fields_set}
    for name in ("columns", "values", "repairs", "leave_out", "keep_only", "take"):
        if name in changed:
            changed[name] = {**getattr(default, name), **changed[name]}
    return default.model_copy(update=changed)


def unknown_columns(table: Table, sections: Mapping[str, Any]) -> Iterator[Mistake]:
    """The columns that a source speaks of (``columns``, ``values`` …) and the contract's table does not have."""
    opened = table.open_columns
    for section in ("columns", "values", "one_row_per", "adds_up", "take"):
        named = sections.get(section) or []
        for column in [named] if isinstance(named, str) else named:
            of_a_kind = section in ("columns", "values", "take") and opened and str(column).startswith(opened)
            if column not in table.names and not of_a_kind:
                near = nearest(str(column), table.names)
                at = [section, column] if isinstance(named, Mapping) else [section]
                yield Mistake(_WORDS, "unknown_column", at, name=str(column), table=table.name, nearest=near)
    taken = sections.get("take")
    for column, how in taken.items() if isinstance(taken, Mapping) else ():
        kinds = {"any": ("flag",), "all": ("flag",), "count": _NUMBERS}.get(str(how))
        if kinds and column in table.names and table[column].kind not in kinds:
            yield Mistake(_WORDS, "count_of" if how == "count" else "any_of", ["take", column], how=how)
    summed = sections.get("adds_up") or []
    for column in [summed] if isinstance(summed, str) else summed:
        if column in table.names and table[column].kind not in _NUMBERS:
            yield Mistake(_WORDS, "sum_of", ["adds_up"], name=column, table=table.name)
    columns = sections.get("columns")
    for column, filling in columns.items() if isinstance(columns, Mapping) else ():
        times = filling.get("times") if isinstance(filling, Mapping) else getattr(filling, "times", None)
        if times is not None and column in table.names and table[column].kind not in _NUMBERS:
            yield Mistake(_WORDS, "times_of", ["columns", column, "times"], name=column)
    if sections.get("not_products") and "product_id" not in table.names:
        yield Mistake(_WORDS, "not_products", ["not_products"], table=table.name)


_NUMBERS = ("number", "whole")
