"""The client's configuration: everything that a consultant changes, in one YAML file."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from crmlib.contract import TABLES, Table
from crmlib.engine import ENGINES, is_address
from crmlib.mapping import FILL_IN, TableSource, Zone, unknown_columns
from crmlib.problems import Problem, UnusableInput, nearest
from crmlib.settings import Mistake, Mistakes, SettingsFile, Strict, open_settings
from crmlib.words import LANGUAGES, SHARED, Words, use

_WORDS = Words(__file__)

LEAST_CONTRAST = 4.5
"""Of text against its page, by WCAG 2.2."""
LARGEST_LOGO = 200_000


class Merging(Strict):
    """Which customers are one person: reviewed ``rules`` (``same_email``, ``same_phone`` …) and a reviewed ``list``.

    The list is a CSV with ``customer_id, merge_into, decision``; taking rule or row out undoes the merge.
    ``probable``: pairs that are probably one person are proposed for the list too (the extra ``matching``).
    ``same_gmail``: addresses of Gmail that differ in points and ``+…`` only are one, as Gmail itself delivers them.
    """

    probable: bool = False
    same_gmail: bool = False
    rules: list[str] = []
    listed: str | None = Field(default=None, alias="list")

    @field_validator("rules")
    @classmethod
    def _rules_exist(cls, rules: list[str]) -> list[str]:
        from crmlib.intake.identities.contacts import RULES

        _each_known("merge_rule", dict(enumerate(rules)), RULES)
        return rules


def _each_known(key: str, names: Mapping[str | int, str], known: Iterable[str]) -> None:
    """Refuse each name that is not known, with the nearest one that is, at its place in the YAML."""
    listed = list(known)
    said = [(place, name, nearest(name, listed)) for place, name in names.items() if name not in listed]
    if said:
        raise Mistakes([Mistake(_WORDS, key, [place], name=name, nearest=near) for place, name, near in said])


class NamesKnown(Strict):
    """Words that may be a customer's name or an ordinary word: those to ``mask`` in all free text, those to ``keep``.

    A name that is known beyond doubt is masked whatever stands here.
    """

    mask: list[str] = []
    keep: list[str] = []


class Client(Strict):
    """One client: name, money, time, sources, targets. Made by :func:`load_client`.

    Rates are between 0 and 1 (``margin``, ``discount_rate`` a year, ``max_set_aside`` share of a table's rows).
    ``country`` (ISO 3166, ``DE``): whose telephone numbers stand without a calling code.
    ``logo`` (a PNG or JPEG beside the YAML) and ``colour`` (``#1f5a8a``) are for the page of the report.
    ``customers_start`` says whether customers are older than the data (see :mod:`crmlib.newcomers`).
    ``parameters`` overrides the parameters of single chapters: ``{03_segmentation: {scores: 4}}``. ``customer_ids``:
    tables carry keyed ``pseudonyms``, or the ids as they are (synthetic and published data only). A table may have
    several sources, each read by its own rules. ``engine``: on what the chapters compute (:mod:`crmlib.engine`), with
    what is set of ``spark`` in Spark's own names: ``{spark.driver.memory: 8g}``.
    """

    name: str = Field(min_length=1)
    language: Literal["en", "zh"] = "en"
    currency: str
    timezone: Zone
    country: str = ""
    as_of: dt.date | None = None
    customers_start: Literal["with_data", "before_data"] | dt.date | None = None
    margin: float = Field(default=1.0, gt=0, le=1)
    discount_rate: float = Field(default=0.10, ge=0, lt=1)
    contact_cost: float = Field(default=0.0, ge=0)
    owners: dict[str, str] = {}
    logo: str = ""
    colour: str = ""
    engine: str = ENGINES[0]
    spark: dict[str, bool | int | str] = {}
    tables: dict[str, Annotated[list[TableSource], Field(min_length=1)]] = Field(min_length=1)
    customer_ids: Literal["pseudonyms", "as they are"] = "pseudonyms"
    merge: Merging = Merging()
    known_names: NamesKnown = NamesKnown()
    targets: dict[str, float] = {}
    parameters: dict[str, dict[str, Any]] = {}
    max_set_aside: float = Field(default=0.2, ge=0, le=1)
    path: Path = Field(exclude=True)

    @property
    def folder(self) -> Path:
        """The folder that paths in the YAML are relative to."""
        return self.path.parent

    def knows_margin(self, account: dict[str, Any] | None = None) -> bool:
        """Whether it is known what is left of an order: a margin is set, or orders carry their cost.

        ``account``: what intake says of the data; without it only what is set counts.
        """
        orders = (account or {}).get("tables", {}).get("orders", {})
        return "margin" in self.model_fields_set or "cost" in orders.get("columns", {})

    def problems_of(self, table: str, number: int, mistakes: Iterable[Mistake]) -> list[Problem]:
        """Mistakes in a source of a table, counted from 0, as problems of the YAML with their lines."""
        found = list(mistakes)
        file = open_settings(self.path, name=self.path.name) if found else None
        return [file.problem(one.below("tables", table, number)) for one in found] if file else []

    def beside(self, name: str) -> Path | None:
        """A file that settings name, relative to the YAML; None where they name none."""
        return self.folder / name if name else None

    @field_validator("tables", mode="before")
    @classmethod
    def _several_sources(cls, tables: Any) -> Any:
        if not isinstance(tables, dict):
            return tables
        return {name: source if isinstance(source, list) else [source] for name, source in tables.items()}

    @field_validator("currency")
    @classmethod
    def _currency_exists(cls, code: str) -> str:
        from babel.numbers import is_currency

        if not is_currency(code):
            raise Mistake(_WORDS, "currency")
        return code

    @field_validator("country")
    @classmethod
    def _country_exists(cls, country: str) -> str:
        from crmlib.intake.identities.countries import CALLING_CODES

        if country and country not in CALLING_CODES:
            raise Mistake(_WORDS, "country")
        return country

    @property
    def spark_settings(self) -> dict[str, str]:
        """What is set of Spark, as Spark reads it."""
        return {key: str(v).lower() if isinstance(v, bool) else str(v) for key, v in self.spark.items()}

    @property
    def calling_code(self) -> str:
        """The calling code of the client's country: as it is set, else told by zone or currency; empty: not known."""
        from crmlib.intake.identities.countries import CALLING_CODES, country_of

        return CALLING_CODES.get(self.country or country_of(self.timezone, self.currency), "")

    @field_validator("engine")
    @classmethod
    def _engine_exists(cls, engine: str) -> str:
        if not is_address(engine):
            raise Mistake(_WORDS, "engine.name", nearest=nearest(engine, ENGINES))
        return engine

    @field_validator("spark")
    @classmethod
    def _settings_are_of_spark(cls, settings: dict[str, bool | int | str]) -> dict[str, bool | int | str]:
        wrong = [Mistake(_WORDS, "spark", [key]) for key in settings if not key.startswith("spark.")]
        if wrong:
            raise Mistakes(wrong)
        return settings

    @field_validator("colour")
    @classmethod
    def _colour_can_be_read(cls, colour: str) -> str:
        from crmlib.pictures.tokens import contrast

        if not colour:
            return colour
        if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
            raise Mistake(_WORDS, "colour.hex")
        found = contrast(colour.lower(), "#ffffff")
        if found < LEAST_CONTRAST:
            raise Mistake(_WORDS, "colour.faint", found=math.floor(found * 10) / 10, least=LEAST_CONTRAST)
        return colour.lower()

    @field_validator("owners")
    @classmethod
    def _roles_exist(cls, owners: dict[str, str]) -> dict[str, str]:
        _each_known("role", {role: role for role in owners}, SHARED.names("owners"))
        return owners

    @field_validator("as_of", mode="before")
    @classmethod
    def _day(cls, day: Any) -> Any:
        if day is not None and not isinstance(day, str | dt.date):
            raise PydanticCustomError("date_type", "a day is text")
        return day

    @field_validator("customers_start", mode="before")
    @classmethod
    def _start(cls, said: Any) -> Any:
        if said is None or said in ("with_data", "before_data"):
            return said
        try:
            day = said if isinstance(said, dt.date) else dt.date.fromisoformat(str(said))
        except ValueError:
            raise Mistake(_WORDS, "customers_start.word") from None
        # As far as it is today anywhere.
        if day > dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1):
            raise Mistake(_WORDS, "customers_start.future")
        return day


def load_client(path: str | Path) -> Client:
    """Read and check a ``client.yaml``.

    Raises:
        UnusableInput: with every problem of the file at once: unknown keys (with the nearest known one), tables and
            columns that the contract does not have, values of the wrong type, currencies and zones that do not exist.

    >>> load_client("no/such/client.yaml")
    Traceback (most recent call last):
    crmlib.problems.UnusableInput: no/such/client.yaml: found no such file; expected a YAML file. To mend it: ...
    """
    path = Path(path)
    file = open_settings(path / "client.yaml" if path.is_dir() else path, name=str(path))
    at = (path / "client.yaml" if path.is_dir() else path).resolve()
    return file.made(Client, also=[*_not_in_the_contract(file), *_no_logo(file, at.parent)], path=at)


def picture_type(content: bytes) -> str:
    """What kind of picture a file is, by its first bytes: ``png``, ``jpeg``, or empty for all else.

    >>> picture_type(bytes.fromhex("89504e470d0a1a0a")), picture_type(b"<svg onload='alert(1)'/>")
    ('png', '')
    """
    kinds = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
    return next((kind for start, kind in kinds.items() if content.startswith(start)), "")


def _no_logo(file: SettingsFile, folder: Path) -> Iterator[Problem]:
    """A logo that is not there, is no picture that a page can hold without danger, or is too large."""
    named = file.content.get("logo")
    if not isinstance(named, str) or not named:
        return
    try:
        content = (folder / named).read_bytes()
    except OSError:
        yield file.problem(Mistake(_WORDS, "logo.missing", ["logo"]))
        return
    if not picture_type(content):
        yield file.problem(Mistake(_WORDS, "logo.kind", ["logo"]))
    elif len(content) > LARGEST_LOGO:
        sizes = {"size": math.ceil(len(content) / 1000), "most": LARGEST_LOGO // 1000}
        yield file.problem(Mistake(_WORDS, "logo.large", ["logo"], **sizes))


def speak(path: str | Path, language: str = "") -> None:
    """Use the language that is asked for, else the client's, from the first problem on.

    Raises:
        UnusableInput: a language that the kit does not speak.
    """
    use(language if language in LANGUAGES else language_of(path))
    if language not in ("", *LANGUAGES):
        raise UnusableInput([Problem.said(_WORDS, "language", "--language", value=language, languages=LANGUAGES)])


def language_of(path: str | Path) -> str:
    """The language that a ``client.yaml`` asks for, even where the file is otherwise wrong; English where it says none.

    >>> language_of("no/such/client.yaml")
    'en'
    """
    path = Path(path)
    try:
        raw = (path / "client.yaml" if path.is_dir() else path).read_bytes()
    except OSError:
        return LANGUAGES[0]
    asked = re.search(rb"^language:\s*[\"']?(\w+)", raw, re.MULTILINE)
    language = asked[1].decode("ascii", errors="replace") if asked else ""
    return language if language in LANGUAGES else LANGUAGES[0]


def _not_in_the_contract(file: SettingsFile) -> Iterator[Problem]:
    """Tables and columns that the contract does not have, and sources that do not say where they come from."""
    tables = file.content.get("tables")
    for name, sources in tables.items() if isinstance(tables, dict) else ():
        here: list[Any] = ["tables", name]
        if name not in TABLES:
            yield file.problem(
                Mistake(_WORDS, "unknown_table", here, name=str(name), nearest=nearest(str(name), list(TABLES)))
            )
            continue
        for number, source in enumerate(sources if isinstance(sources, list) else [sources]):
            below = [*here, number] if isinstance(sources, list) else here
            if not isinstance(source, dict):
                continue
            if not {"from", "query"} & source.keys():
                yield file.missing([*below, "from"])
            for mistake in unknown_columns(TABLES[name], source):
                yield file.problem(mistake.below(*below))
            yield from _to_fill_in(file, TABLES[name], source, below)


def _to_fill_in(file: SettingsFile, table: Table, source: dict[Any, Any], below: list[Any]) -> Iterator[Problem]:
    """The columns of a source that the proposal left to a person, and that nobody has filled in yet."""
    columns = source.get("columns")
    for column, filling in columns.items() if isinstance(columns, dict) else ():
        if column in table.names and FILL_IN in (filling if isinstance(filling, list) else [filling]):
            key = "fill_in.required" if column in table.required else "fill_in.optional"
            values = {"column": column, "table": table.name, "about": table.about(column), "file": source.get("from")}
            yield file.problem(Mistake(_WORDS, key, [*below, "columns", column], **values))
