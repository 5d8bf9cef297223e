"""Reading a client's sources into staged tables: every row typed, judged and counted; nothing is lost."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.bands import bands_in_order
from crmlib.client import Client
from crmlib.contract import TABLES, Table
from crmlib.engine import connect, identifier, literal
from crmlib.intake import rules
from crmlib.intake.accept import BLANKED, FOUND, REASON, REPAIRED, acceptance_sql
from crmlib.intake.consents import unturned
from crmlib.intake.lookups import with_lookup
from crmlib.intake.mapped_money import contradicted
from crmlib.intake.people import People, find_duplicates, keep_identities, know_people, note_effect
from crmlib.intake.profiles import find_profile, to_confirm
from crmlib.intake.quality import quality
from crmlib.intake.quarantine import QUARANTINE, unused_corrections, with_corrections, write_quarantine
from crmlib.intake.questions import questions
from crmlib.intake.readers import find_files, open_source
from crmlib.intake.readers.formats import PERCENT
from crmlib.intake.readers.workbook import NOT_CALCULATED
from crmlib.intake.reasons import deliberate, in_words, kept, words
from crmlib.intake.repairs import HIDDEN, Cell, Habits, Mended, Repair, examine
from crmlib.intake.repairs import words as repair_words
from crmlib.intake.repairs.currencies import foreign_money, together
from crmlib.intake.scales import questions_of_scale, questions_of_tickets
from crmlib.intake.shape import (
    CANCELS,
    FREE_TEXT,
    LEFT,
    ORDER,
    PIECES,
    Shaped,
    column_of,
    fillings_of,
    fills,
    one_row_of_merged,
    present,
    read_from,
    shape,
    shown_headings,
    unusable_headings,
)
from crmlib.intake.source import FILE, ROW, Source
from crmlib.intake.unheeded import of_its_files, unheeded, unreadable_constants
from crmlib.intake.wide import columns_to_rows
from crmlib.mapping import Join, Reading, TableSource
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Saying

GRACE_DAYS = 7
_FEW_SHARED = 0.01
_UNIT_OF_MONEY = re.compile(
    r"万元|万円|千元|百万|亿元?|[（(_ ](万|千|分|k|m|cents?|pence|thousands?|millions?|mn|minor units?)(?=[)）]|$)",
    re.I,
)
MOST_BANDS = 60
_LONGEST_EXAMPLE = 200
MOST_MEMORY = 2500
"""Megabytes that DuckDB may hold; what is more goes to the scratch folder."""


@dataclass
class Opened:
    """One source of a table: what the client's YAML says, the same over its profile, and the files that it means."""

    own: TableSource
    wanted: TableSource
    files: Sequence[Path]
    sources: list[Source] = field(default_factory=list)


@dataclass
class Staging:
    """One reading of a client's sources, in a DuckDB database in a private folder; :meth:`run` answers the account.

    The account of a table holds ``read`` = ``accepted`` + ``repaired`` + ``quarantined``, the ``reasons`` with their
    counts, the ``repairs`` and ``decisions``, the ``blanked`` optional values, the number of ``rows`` that came out
    and the filled ``columns`` with their counts.
    """

    client: Client
    opened: Mapping[str, Sequence[Opened]]
    scratch: Path
    problems: list[Problem] = field(default_factory=list)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: People | None = None

    def run(self) -> dict[str, Any]:
        """Read and judge all tables; nothing is written yet.

        Raises:
            UnusableInput: with every problem of every table at once.
        """
        self.connection = self._connected()
        self._shared: dict[str, rules.SharedKey] = {}
        self._read: dict[tuple[str, str], tuple[list[Source], list[Problem]]] = {}
        for name, opened in self.opened.items():
            self._stage(TABLES[name], opened)
        self.problems += unused_corrections(self._correctable(), self.client.folder)
        self._set_aside_people()
        if self.client.customer_ids == "pseudonyms" and not self.problems:
            self.people = self._know_people()
        for name, opened in self.opened.items():
            if name in self.accounts:
                self._join_rows(TABLES[name], opened)
                self._count(TABLES[name])
                self._bands(TABLES[name], self.accounts[name], self.made(name))
        if self.people and self.people.identities and "customers" in self.accounts and not self.problems:
            merged = find_duplicates(self.people, self.made("customers"))
            if "orders" in self.accounts:
                note_effect(self.people, self.made("orders"))
            if merged:
                self._count(TABLES["customers"])
                self.accounts["customers"]["decisions"].append(words.later("decisions.merged", n=merged))
        first, last = self._span()
        as_of = self._as_of(first, last)
        if self.problems:
            raise UnusableInput(self.problems)
        made = {name: self._as_persons(name) for name in self.accounts}
        measured = quality(
            self.connection, made, self.accounts, timezone=self.client.timezone, as_of=as_of or last or first or ""
        )
        self._ask(made, measured["foreign_keys"])
        answer = {"as_of": as_of, "first_day": first, "last_day": last, "tables": self.accounts}
        answer |= {"quality": measured}
        return answer | ({"people": self.people.account} if self.people else {})

    def _connected(self) -> Any:
        return connect(folder=self.scratch, memory=memory()).con

    def _ask(self, made: Mapping[str, str], foreign_keys: Sequence[Mapping[str, Any]]) -> None:
        """Put to the account what only a person can say, unless the sources of the table are confirmed."""
        from babel.numbers import get_currency_precision

        digits = get_currency_precision(self.client.currency)
        orders = self.accounts.get("orders", {"repairs": []})
        turned = [repair["column"] for repair in orders["repairs"] if repair["name"] == "sign"]
        code = self.client.calling_code
        found = questions(self.connection, made, foreign_keys, fraction_digits=digits, turned=turned, calling_code=code)
        for name, asked in found:
            if not all(one.wanted.confirmed for one in self.opened[name]):
                self.accounts[name]["questions"].append(words.later("questions.confirm", about=name, asked=asked))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    # Staging

    def _stage(self, table: Table, opened: Sequence[Opened]) -> None:
        place = words.say("places.table", table=table.name, file=self.client.path.name)
        problems: list[Problem] = []
        for number, one in enumerate(opened):
            if one.wanted.database:
                sources, wrong = self._open_database(one.wanted, table, number)
                one.sources += sources
                problems += wrong
            for file in one.files:
                sources, wrong = self._open(file, one.wanted)
                one.sources += sources
                problems += wrong
            problems += self._turned(one, place)
            wrong = self._looked_up(one, table, number)
            mistakes = unheeded(table, one.own, one.wanted, one.sources, looked_up=not wrong)
            problems += wrong
            problems += self.client.problems_of(table.name, number, mistakes)
            for source in one.sources:
                problems += unusable_headings(
                    table,
                    one.own,
                    one.wanted,
                    source,
                    place,
                    pseudonyms=self.client.customer_ids == "pseudonyms",
                )
                problems += unturned(self.connection, table, one.wanted, source, place)
        self.problems += [problem for problem in problems if problem not in self.problems]
        if problems or not all(one.sources for one in opened):
            return
        merged = _joined_as_merged(table, opened)
        differing = _rules_differ(table, opened, place)
        self.problems += differing
        if differing:
            return
        columns = self._columns(table, opened)
        account: dict[str, Any] = {
            "files": [source.file for one in opened for source in one.sources],
            "notes": {source.file: list(source.notes) for one in opened for source in one.sources if source.notes},
            "unused_columns": self._unused(table, opened),
            "repairs": [],
            "decisions": [],
            "bands": {},
            "questions": [*self._questions(opened), *self._asked(table, opened), *merged],
        }
        selects = []
        for number, one in enumerate(opened):
            shaped = self._shape(table, one, number)
            habits = Habits(
                timezone=one.wanted.timezone or self.client.timezone,
                decimal=one.wanted.decimal,
                dates=one.wanted.dates,
                calendar=one.wanted.calendar,
                repairs=one.wanted.repairs,
            )
            mended, undecided, asked = self._examined(table, one, shaped, habits, place)
            self.problems += undecided
            account["questions"] += [*asked, *_units_in_headings(table, one.wanted, one.sources)]
            if table.name in ("orders", "order_lines") and not one.wanted.confirmed:
                account["questions"] += self._contradicted(table, one, habits)
            repairs = [*shaped.repairs, *(repair for cell in mended.values() for repair in cell.repairs)]
            account["repairs"] += [_told(repair) for repair in repairs]
            account["decisions"] += [said for cell in mended.values() for said in cell.decisions]
            if not undecided:
                selects.append(
                    acceptance_sql(
                        table,
                        shaped,
                        mended,
                        columns=columns,
                        guests=table.name == "customers" and bool(one.wanted.one_row_per),
                        timezone=self.client.timezone,
                        tomorrow=_tomorrow(),
                    )
                )
        if len(selects) < len(opened):
            return
        union = " UNION ALL BY NAME ".join(selects)
        self.connection.execute(f"CREATE TEMP TABLE {identifier(table.name)} AS {union}")
        if len(selects) > 1 and any(one.wanted.cancellations for one in opened):
            # A source that has no cancellations has no row that cancels.
            self.connection.execute(f"UPDATE {identifier(table.name)} SET {CANCELS} = false WHERE {CANCELS} IS NULL")
        for number, one in enumerate(opened):
            unread = unreadable_constants(self.connection, table, one.own, one.sources)
            self.problems += self.client.problems_of(table.name, number, unread)
        self.accounts[table.name] = account
        self._ordered(table, opened, place)
        self._rules(table, opened)

    def _examined(
        self, table: Table, one: Opened, shaped: Shaped, habits: Habits, place: str
    ) -> tuple[dict[str, Mended], list[Problem], list[Saying]]:
        """How each cell of a source is read, what keeps it from being read, and what is asked of its money."""
        mended, undecided = examine(
            self.connection,
            shaped.relation,
            shaped.cells,
            habits,
            place=place,
            beside=_unread(table, one),
            among=f"{LEFT} = ''",
        )
        formats = _formats(shaped, one)
        currencies, asked = foreign_money(
            self.connection,
            shaped.relation,
            shaped.cells,
            mended,
            among=f"{LEFT} = ''",
            currency=self.client.currency,
            place=place,
            formats={name: {m: n for m, (n, *_) in marks.items()} for name, marks in formats.items()},
        )
        return mended, [*undecided, *currencies, *_percent_of_money(shaped, formats, place)], asked

    def _contradicted(self, table: Table, one: Opened, habits: Habits) -> Iterable[Saying]:
        return contradicted(self.connection, table, one.wanted, one.sources, habits)

    def _know_people(self) -> People:
        return know_people(self.connection, self.client, list(self.accounts))

    def _open(self, file: Path, wanted: TableSource) -> tuple[list[Source], list[Problem]]:
        """The sources in a file; a file that several tables are made from is opened once."""
        reading = Reading(**{name: getattr(wanted, name) for name in Reading.model_fields})
        key = (str(file), reading.model_dump_json())
        if key in self._read:
            return self._read[key]
        shown_as = shown(file, self.client.folder)
        sheets = {one.wanted.sheet for opened in self.opened.values() for one in opened if file in one.files}
        if len(sheets) > 1 and wanted.sheet is not None:
            # Rows are known by file and number: two sheets of one workbook are two files.
            shown_as += f"/{wanted.sheet}"
        name = f"f{len(self._read)}"
        sources, problems = open_source(
            self.connection, file, shown_as=shown_as, name=name, reading=reading, scratch=self.scratch
        )
        for number, source in enumerate(sources):
            corrected, wrong = with_corrections(
                self.connection, source, self.client.folder, name=f"corrected_{name}_{number}"
            )
            sources[number] = corrected
            problems += wrong
        self._read[key] = sources, problems
        return sources, problems

    def _open_database(self, wanted: TableSource, table: Table, number: int) -> tuple[list[Source], list[Problem]]:
        from crmlib.intake.databases import open_database, without_password

        key = (f"{wanted.database}", f"{wanted.source} {wanted.query}")
        if key in self._read:
            return self._read[key]
        shown_as = f"{wanted.source or 'query'} ({without_password(wanted.database or '')})"
        sources, problems = open_database(
            self.connection,
            wanted,
            shown_as=shown_as,
            name=f"f{len(self._read)}",
            folder=self.client.folder,
            scratch=self.scratch,
        )
        self._read[key] = sources, problems
        return sources, problems

    def _turned(self, one: Opened, place: str) -> list[Problem]:
        """Make rows of the columns that stand side by side, in the sources of a table that says so."""
        rule = one.wanted.columns_to_rows
        if rule is None:
            return []
        turned = [columns_to_rows(source, rule, place) for source in one.sources]
        one.sources[:] = [source for source, _ in turned]
        return [problem for _, problems in turned for problem in problems]

    def _looked_up(self, one: Opened, table: Table, number: int) -> list[Problem]:
        """Give the sources of a table the columns that its joins take from other files."""
        problems: list[Problem] = []
        for join_number, join in enumerate(one.wanted.joins):
            if join in one.own.joins:
                mistakes = (wrong.below("joins", join_number) for wrong in of_its_files(join, self._open_join(join)[0]))
                problems += self.client.problems_of(table.name, number, mistakes)
            for source_number, source in enumerate(one.sources):
                if join not in one.own.joins and not all(source.heading(here) for here in join.on):
                    continue  # a profile's lookup, for other layouts than this file's
                name = f"lookup_{table.name}_{number}_{join_number}_{source_number}"
                joined, wrong = with_lookup(
                    self.connection, source, join, self._open_join, name=name, calling_code=self.client.calling_code
                )
                one.sources[source_number] = joined
                problems += [problem for problem in wrong if problem not in problems]
        return problems

    def _open_join(self, join: Join) -> tuple[list[Source], list[Problem]]:
        if join.source in TABLES:
            return self._sources_knowing(join)
        files = find_files(join.source, self.client.folder)
        if not files:
            return [], [Problem.said(words, "no_join_file", self.client.path.name, "joins", path=join.source)]
        reading = TableSource(
            encoding=join.encoding, sheet=join.sheet, header_row=join.header_row, headings=join.headings
        )
        opened = [self._open(file, reading) for file in files]
        return [source for sources, _ in opened for source in sources], [p for _, wrong in opened for p in wrong]

    def _sources_knowing(self, join: Join) -> tuple[list[Source], list[Problem]]:
        """The files that another table of this client is read from, as far as they have the headings of a join."""
        known: list[Source] = []
        problems: list[Problem] = []
        for one in self.opened.get(join.source, []):
            for file in one.files:
                sources, wrong = self._open(file, one.wanted)
                known += [s for s in sources if all(s.heading(h) for h in (*join.on.values(), *join.take))]
                problems += wrong
        return known, problems

    def _shape(self, table: Table, one: Opened, number: int) -> Shaped:
        return shape(
            self.connection,
            table,
            one.wanted,
            one.sources,
            name=f"cells_{table.name}_{number}",
            identities=self._keeps_identities(),
        )

    def _correctable(self) -> list[str]:
        """The sources whose rows a person may correct beside them."""
        return [source.file for sources, _ in self._read.values() for source in sources]

    def _keeps_identities(self) -> bool:
        """Whether names, addresses and numbers of people are read, for the vault."""
        return self.client.customer_ids == "pseudonyms"

    def _columns(self, table: Table, opened: Sequence[Opened]) -> list[str]:
        """The contract's columns that any source fills, then the open ones (``item_…``)."""
        found = {
            name
            for one in opened
            for source in one.sources
            for name, filling in fillings_of(table, one.wanted, list(source.types)).items()
            if fills(filling, source)
        }
        if not self._keeps_identities():
            found -= {column.name for column in table.columns if column.identity}
        return [name for name in table.names if name in found] + sorted(found - set(table.names))

    def _unused(self, table: Table, opened: Sequence[Opened]) -> list[str]:
        used, shown = set(), set()
        for one in opened:
            for source in one.sources:
                shown |= set(shown_headings(source))
                for filling in fillings_of(table, one.wanted, list(source.types)).values():
                    used |= set(present(filling, source))
        return sorted(shown - used)

    def _questions(self, opened: Sequence[Opened]) -> list[Saying]:
        """What a profile is not certain of and nobody has confirmed."""
        asked = []
        for one in opened:
            part = find_profile(one.wanted.profile) if one.wanted.profile else None
            if part and not part.certain and not one.wanted.confirmed:
                unsure = to_confirm(one.wanted.profile or "")
                asked.append(words.later("questions.profile", profile=one.wanted.profile, unsure=unsure))
        return list(dict.fromkeys(asked))

    def _asked(self, table: Table, opened: Sequence[Opened]) -> list[Saying]:
        """What should be confirmed of the files themselves, such as a first row that may hold data."""
        asked = [said for one in opened if not one.wanted.confirmed for source in one.sources for said in source.asked]
        return [words.later("questions.confirm", about=table.name, asked=said) for said in dict.fromkeys(asked)]

    # What several rows show together

    def _rules(self, table: Table, opened: Sequence[Opened]) -> None:
        name, account = table.name, self.accounts[table.name]
        described = {column for column, *_ in self._rows(f"DESCRIBE {identifier(name)}")}
        dropping = [source.file for one in opened if one.wanted.duplicates == "drop" for source in one.sources]
        asking = [source.file for one in opened if one.wanted.duplicates == "ask" for source in one.sources]
        if dropping:
            rules.drop_exact_duplicates(self.connection, name, dropping if asking else None)
        repeated = rules.exact_duplicates(self.connection, name, asking) if asking else 0
        if repeated:
            account["exact_duplicates"] = repeated
            asked = words.later("questions.repeated_rows", files=list(dict.fromkeys(asking)), n=repeated)
            account["questions"].append(asked)
        if CANCELS in described and name != "orders":
            rules.set_aside(self.connection, name, rules.CANCELLATION_LINE, CANCELS)
        pieces = PIECES if PIECES in described else "quantity" if "quantity" in described else ""
        if CANCELS in described and pieces:
            for one in opened:
                if one.wanted.repairs.get("negative_quantities") is not False:
                    negative = f"{pieces} < 0 AND NOT {CANCELS} AND {_within(one)}"
                    rules.set_aside(self.connection, name, rules.NEGATIVE, negative)
        if table.name == "orders" and "currency" in described:
            self._one_currency(account)
        if table.name in ("surveys", "tickets") and described & {"score", "csat"}:
            account["questions"] += self._scales(table, opened)
        for one in opened:
            if one.wanted.not_products and "product_id" in described:
                listed = ", ".join(literal(code.casefold()) for code in one.wanted.not_products)
                charges = f"lower(product_id) IN ({listed}) AND {_within(one)}"
                rules.set_aside(self.connection, name, rules.NOT_A_PRODUCT, charges)

    def _scales(self, table: Table, opened: Sequence[Opened]) -> list[Saying]:
        """Questions about answers that cannot be of the scale that they are taken for."""
        asked = []
        for one in opened:
            files, confirmed = [source.file for source in one.sources], one.wanted.confirmed
            if table.name == "tickets":
                asked += questions_of_tickets(self.connection, files, confirmed=confirmed)
                continue
            filling = one.wanted.columns.get("score")
            heading = ", ".join(filling.headings) if filling else "score"
            stated = not one.wanted.values.get("score") and not (filling and filling.times)
            asked += questions_of_scale(self.connection, files, heading, stated=stated, confirmed=confirmed)
        return asked

    def _ordered(self, table: Table, opened: Sequence[Opened], place: str) -> None:
        """What should tell the latest row and cannot be read in any row."""
        headings = [(one.wanted.order_by, one.sources) for one in opened if one.wanted.order_by]
        if headings and not self._rows(f"SELECT count({ORDER}) FROM {identifier(table.name)}")[0][0]:
            heading, sources = headings[0]
            files = ", ".join(source.file for source in sources)
            self.problems.append(Problem.said(words, "order_unreadable", files, heading=heading, place=place))

    def _one_currency(self, account: dict[str, Any]) -> None:
        """Orders in several currencies cannot be added up; all in one other than the client's are asked about."""
        own = self.client.currency
        found = self._rows(
            f"SELECT upper(coalesce(currency, {literal(own)})) AS code, count(*) FROM orders WHERE {REASON} = '' "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        codes = [code for code, _ in found]
        marks = [words.later("places.mark", mark=code, n=count) for code, count in found[:6]]
        if codes and not together(codes):
            said = {"marks": list(map(str, marks)), "currency": own}
            files = ", ".join(account["files"])
            self.problems.append(Problem.said(words, "currencies", files, "currency", **said))
        elif codes and own not in together(codes):
            asked = words.later("questions.currency", files=account["files"], marks=marks, currency=own)
            account["questions"].append(asked)

    def _set_aside_people(self) -> None:
        """Test customers, and all that is theirs."""
        if "customers" in self.accounts and "is_test" in rules.names_of(self.connection, "customers"):
            self.connection.execute(
                "CREATE TEMP TABLE test_customers AS SELECT DISTINCT customer_id FROM customers "
                "WHERE is_test AND customer_id IS NOT NULL"
            )
            people = "SELECT customer_id FROM test_customers"
            rules.set_aside_people(self.connection, list(self.accounts), people, rules.TEST_CUSTOMER)

    def _join_rows(self, table: Table, opened: Sequence[Opened]) -> None:
        """One row per key: rows that belong together become one, rows that repeat a key are quarantined."""
        keys = next((one.wanted.one_row_per for one in opened if one.wanted.one_row_per), [])
        if table.key:
            self._shared[table.name] = rules.shared_key(self.connection, table.name, table.key, table.time)
            if keys in ([], [table.key]):
                self._ask_about_key(table, opened)
        single = [source.file for one in opened if not one.wanted.one_row_per for source in one.sources]
        cancels = table.name == "orders" and any(one.wanted.cancellations for one in opened)
        if table.key and keys and single:
            rules.drop_repeated_keys(self.connection, table.name, table.key, single)
        if table.key and cancels and not keys:
            rules.drop_repeated_keys(self.connection, table.name, table.key)
            keys = [table.key]
        if cancels:
            matched = rules.match_cancellations(self.connection, table.name)
            self.accounts[table.name]["cancellations"] = vars(matched)
        if keys:
            adds_up = next((one.wanted.adds_up for one in opened if one.wanted.adds_up), [])
            said, unsettled = rules.one_row_per(
                self.connection,
                table,
                keys=keys,
                adds_up=adds_up,
                take={column: how for one in opened for column, how in one.wanted.take.items()},
                latest_by=next((one.wanted.latest_by for one in opened if one.wanted.latest_by), ""),
                first_by=next((one.wanted.first_by for one in opened if one.wanted.first_by), ""),
            )
            self.accounts[table.name]["decisions"] += said
            if unsettled and not all(one.wanted.confirmed for one in opened):
                asked = words.later("questions.confirm", about=table.name, asked=unsettled)
                self.accounts[table.name]["questions"].append(asked)
        elif table.key and self._shared[table.name].repeated:
            rules.drop_repeated_keys(self.connection, table.name, table.key)

    def _ask_about_key(self, table: Table, opened: Sequence[Opened]) -> None:
        """Whether a key that several customers have is one, with the composite key that would do."""
        found, account = self._shared[table.name], self.accounts[table.name]
        if found.several < max(2, _FEW_SHARED * found.keys):
            return
        account["several_customers"] = {"keys": found.keys, "shared": found.several}
        if not all(one.wanted.confirmed for one in opened):
            asked = words.later("questions.shared_key", **self._composite(table, opened))
            account["questions"].append(words.later("questions.confirm", about=table.name, asked=asked))

    def _composite(self, table: Table, opened: Sequence[Opened]) -> dict[str, Any]:
        """What is said of a key that is none: how often, and the key with the further column beside it."""
        found, one = self._shared[table.name], opened[0]
        fillings = fillings_of(table, one.wanted, list(one.sources[0].types))
        named = [present(fillings[c], one.sources[0]) for c in (table.key, found.beside) if c in fillings]
        pattern = "-".join(f"{{{headings[0]}}}" for headings in named if headings)
        return {"n": found.several, "all": found.keys, "column": table.key, "beside": found.beside, "pattern": pattern}

    def made(self, name: str) -> str:
        """The relation of a table's rows as they go into the workspace: an SQL query."""
        if self._as_read(name):
            return f"SELECT * FROM {identifier(name)} WHERE {REASON} = ''"
        return f"SELECT * FROM {identifier('made_' + name)}"

    def _as_read(self, name: str) -> bool:
        """Whether each row of a table is one that was read, rather than made of several."""
        return (f"made_{name}",) not in self._rows("SHOW TABLES")

    def damaged(self) -> list[Problem]:
        """The sources that cannot be read to their end: damage within a Parquet file shows only then."""
        import duckdb

        problems = []
        for source in {s.file: s for opened in self.opened.values() for one in opened for s in one.sources}.values():
            try:
                self._rows(f"SELECT max(hash({', '.join(source.names.values())})) FROM ({source.sql})")
            except duckdb.Error:
                problems.append(Problem.said(words, "damaged", source.file))
        return problems

    def _as_persons(self, name: str) -> str:
        """The rows of :meth:`made`, with the id of the person into whom a customer is merged."""
        rows = self.made(name)
        if self.people and name != "customers" and "customer_id" in rules.names_of(self.connection, name):
            return self.people.as_persons(rows)
        return rows

    # Counting and judging

    def _count(self, table: Table) -> None:
        name, account = table.name, self.accounts[table.name]
        staged = identifier(name)
        sources = [source for one in self.opened[name] for source in one.sources]
        accepted = f"FROM ({self.made(name)})"
        reasons: dict[str, int] = dict(
            self._rows(f"SELECT {REASON}, count(*) FROM {staged} WHERE {REASON} <> '' GROUP BY 1")
        )
        for why in (kept(why) for source in sources for _, why in (*source.broken, *source.not_data)):
            reasons[why] = reasons.get(why, 0) + 1
        account["by_file"] = self._by_file(name, sources)
        for key in ("read", "accepted", "repaired", "quarantined"):
            account[key] = sum(one[key] for one in account["by_file"].values())
        account["reasons"] = dict(sorted(reasons.items(), key=lambda one: (-one[1], one[0])))
        account["reasons_by_rule"] = {why: count for why, count in account["reasons"].items() if deliberate(why)}
        account["by_rule"] = sum(account["reasons_by_rule"].values())
        names = rules.names_of(self.connection, name)
        made = [c for c, *_ in self._rows(f"DESCRIBE {self.made(name)}") if not c.startswith("_")]
        rows, filled = self._filled(accepted, made)
        as_read = f"FROM {staged} WHERE {REASON} = ''"
        account |= {
            "rows": rows,
            "values": filled if names == made and self._as_read(name) else self._filled(as_read, names)[1],
            "sums": self._sums(table, names),
            "blanked": dict(
                self._rows(
                    f"SELECT c, count(*) FROM (SELECT unnest({BLANKED}) AS c FROM {staged} "
                    f"WHERE {REASON} = '' AND {BLANKED} IS NOT NULL) GROUP BY 1 ORDER BY 1"
                )
            ),
            "columns": {
                column: count for column, count in filled.items() if count and not column_of(table, column).identity
            },
            "without_customer": rows - filled.get("customer_id", rows),
            "of_unknown_customers": 0,
        }
        if "customer_id" in made and name != "customers" and "customers" in self.accounts:
            account["of_unknown_customers"] = self._rows(
                f"SELECT count(*) {accepted} AS t WHERE customer_id IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM customers AS c WHERE c.{REASON} = '' AND c.customer_id = t.customer_id)"
            )[0][0]
        self._judge(table, account)

    def _filled(self, rows: str, columns: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many rows there are, and how many are filled in each column."""
        count, *filled = self._rows(f"SELECT count(*), {', '.join(f'count({identifier(c)})' for c in columns)} {rows}")[
            0
        ]
        return count, dict(zip(columns, filled, strict=True))

    def _by_file(self, name: str, sources: Sequence[Source]) -> dict[str, dict[str, int]]:
        counted = {source.file: {"read": 0, "accepted": 0, "repaired": 0, "quarantined": 0} for source in sources}
        for source in sources:
            lines = len(source.broken) + len(source.not_data)
            counted[source.file]["read"] += lines
            counted[source.file]["quarantined"] += lines
        for file, rows, unchanged, repaired in self._rows(
            f"SELECT {FILE}, count(*), count(*) FILTER ({REASON} = '' AND NOT {REPAIRED}), "
            f"count(*) FILTER ({REASON} = '' AND {REPAIRED}) FROM {identifier(name)} GROUP BY 1 ORDER BY 1"
        ):
            one = counted[file]
            one["read"] += rows
            one["accepted"] += unchanged
            one["repaired"] += repaired
            one["quarantined"] += rows - unchanged - repaired
        return counted

    def _sums(self, table: Table, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """Sum of every number as it was read, and how much of it is in the accepted and in the quarantined rows."""
        numbers = [c for c in names if column_of(table, c).kind in ("number", "whole")]
        if not numbers:
            return {}
        cells = [f"fsum({identifier(c)}), fsum({identifier(c)}) FILTER ({REASON} = '')" for c in numbers]
        row = self._rows(f"SELECT {', '.join(cells)} FROM {identifier(table.name)}")[0]
        pairs = zip(numbers, row[::2], row[1::2], strict=True)
        return {
            c: {"read": read or 0.0, "accepted": good or 0.0, "quarantined": (read or 0.0) - (good or 0.0)}
            for c, read, good in pairs
        }

    def _judge(self, table: Table, account: dict[str, Any]) -> None:
        unusable, read = account["quarantined"] - account["by_rule"], account["read"]
        out_of_orders = table.name == "customers" and any(one.wanted.one_row_per for one in self.opened[table.name])
        if out_of_orders and 0 < read == account["by_rule"]:
            return  # all of them are guests
        if account["rows"] == 0:
            said: dict[str, Any] = {"table": table.name, "n": read, "examples": self._examples(table.name)}
            key = "no_row_usable_example" if said["examples"] else "no_row_usable" if read else "no_rows"
        elif unusable > self.client.max_set_aside * read:
            said = {"table": table.name, "n": unusable, "read": read, "most": self.client.max_set_aside}
            said |= {"examples": self._examples(table.name), "share": f"{min(1.0, unusable / read + 0.01):.2f}"}
            key = "many_unusable"
            shared = self._shared.get(table.name)
            repeated = sum(n for why, n in account["reasons"].items() if why == kept(rules.repeats(table.key or "")))
            if shared and 2 * repeated > unusable:
                said |= self._composite(table, self.opened[table.name]) | {"rows": repeated}
                adds_up = [
                    c for c in rules.names_of(self.connection, table.name) if column_of(table, c).unit == "money"
                ]
                said |= {"adds_up": f", adds_up: [{', '.join(adds_up)}]" if adds_up else ""}
                key = "shared_key" if shared.several > shared.together else "repeated_key"
        else:
            return
        empty = f"coalesce(count_if(contains({FOUND}::VARCHAR, {literal(NOT_CALCULATED)})), 0)"
        formulas = self._rows(f"SELECT {empty} FROM {identifier(table.name)} WHERE {REASON} <> ''")[0][0]
        if 2 * formulas > unusable:
            key, said = "not_calculated", said | {"formulas": formulas, "read": read}
        self.problems.append(Problem.said(words, key, ", ".join(account["files"]), **said))

    def _examples(self, name: str) -> list[str]:
        """The most frequent reasons for which rows are unusable, each with its first row and what stood there."""
        found = [
            row
            for row in self._rows(
                f"""SELECT {REASON}, count(*), min({ROW}), min_by({FOUND}, {ROW}) FROM {identifier(name)}
                WHERE {REASON} <> '' GROUP BY 1 ORDER BY 2 DESC, 1"""
            )
            if not deliberate(row[0])
        ]
        examples = [(in_words(why), *more) for why, *more in found[:3]]
        broken = [line for one in self.opened[name] for source in one.sources for line in source.broken]
        if broken:
            examples.append((str(broken[0][1]), len(broken), broken[0][0], ""))
        # Where columns have slipped, an address may stand under any heading.
        keys = ["places.example_found" if cell and "@" not in cell else "places.example" for *_, cell in examples]
        return [
            words.say(key, why=why, n=n, row=row, found=_beginning(cell))
            for key, (why, n, row, cell) in zip(keys, examples, strict=True)
        ]

    def _bands(self, table: Table, account: dict[str, Any], rows: str) -> None:
        """The columns of text whose values are bands, such as ages or incomes, with the bands in their order."""
        texts = [c for c in account["columns"] if column_of(table, c).kind == "text" and not c.endswith("_id")]
        texts = [c for c in texts if c not in FREE_TEXT and not column_of(table, c).allowed]
        for column in texts:
            cell = identifier(column)
            found = self._rows(f"SELECT DISTINCT {cell} FROM ({rows}) WHERE {cell} IS NOT NULL LIMIT {MOST_BANDS + 1}")
            ordered = bands_in_order(value for (value,) in found) if len(found) <= MOST_BANDS else []
            if ordered:
                account["bands"][column] = ordered
                account["decisions"].append(words.later("decisions.bands", column=column, names=ordered))

    # The days that the data cover

    def _span(self) -> tuple[str | None, str | None]:
        """The first and the last day on which anything happened, and of each table in its account."""
        known: list[str] = []
        zone = literal(self.client.timezone)
        for name, account in self.accounts.items():
            time = TABLES[name].time
            if time is None or time not in account["columns"]:
                continue
            # The days of the first and the last moment: converting two moments is cheaper than converting all.
            found = f"SELECT min({identifier(time)}) AS a, max({identifier(time)}) AS b FROM ({self.made(name)})"
            local = "{0}" if TABLES[name][time].kind == "date" else "CAST({0} AT TIME ZONE " + zone + " AS DATE)"
            first, last = self._rows(f"SELECT {local.format('a')}, {local.format('b')} FROM ({found})")[0]
            if first is None:
                continue
            account["first_day"], account["last_day"] = first.isoformat(), last.isoformat()
            # A spend row stands for the whole period that begins on its day, so it says nothing of the last day, unless
            # there is nothing else.
            if name != "spend" or len(self.accounts) == 1:
                known += [account["first_day"], account["last_day"], *self._outcomes(name, zone)]
        return (min(known), max(known)) if known else (None, None)

    def _outcomes(self, name: str, zone: str) -> list[str]:
        """The last days of what became of a table's records: what was resolved later shows that time went on."""
        columns = self.accounts[name]["columns"]
        later = [c.name for c in TABLES[name].columns if c.kind == "time" and c.happened and c.name in columns]
        days = ", ".join(f"CAST(max({identifier(c)}) AT TIME ZONE {zone} AS DATE)" for c in later)
        return [day.isoformat() for day in self._rows(f"SELECT {days} FROM ({self.made(name)})")[0]] if later else []

    def _as_of(self, first: str | None, last: str | None) -> str | None:
        wanted = self.client.as_of
        place = self.client.path.name
        if last is None and not self.problems:
            self.problems.append(Problem.said(words, "no_times", place, "tables"))
        if wanted is None:
            return last
        if first and last:
            said = {"day": wanted.isoformat(), "first": first, "last": last}
            if not first <= wanted.isoformat() <= max(last, _tomorrow()):
                self.problems.append(Problem.said(words, "as_of", place, "as_of", **said))
            elif (wanted - dt.date.fromisoformat(last)).days > GRACE_DAYS:
                # Asked where the latest of the tables is accounted for.
                name = max(self.accounts, key=lambda one: self.accounts[one].get("last_day", ""))
                if not all(one.wanted.confirmed for one in self.opened[name]):
                    asked = words.later("questions.as_of", **said)
                    about = words.later("questions.confirm", about=name, asked=asked)
                    self.accounts[name]["questions"].append(about)
        return wanted.isoformat()

    # Writing

    def keep(self) -> None:
        """Write what stays in the client's own folder: the rows in quarantine, and identities in the vault."""
        sources = {name: [s for one in opened for s in one.sources] for name, opened in self.opened.items()}
        folder = self.client.folder / QUARANTINE
        written = write_quarantine(self.connection, sources, folder)
        for account in self.accounts.values():
            account["to_correct"] = {file: written[file] for file in account["files"] if file in written}
        if self.people:
            keep_identities(self.people, self.client.folder)

    def write(self, folder: Path) -> None:
        """Write the contract tables as Parquet into ``folder``; identity columns are left out."""
        for name, account in self.accounts.items():
            columns = [c for c, *_ in self._rows(f"DESCRIBE {self.made(name)}") if not c.startswith("_")]
            if self.people:
                rows = self.people.shown(name, self.made(name), columns)
            else:
                rows = f"SELECT {', '.join(map(identifier, columns))} FROM ({self.made(name)})"
            target = folder / f"{name}.parquet"
            copied = self.connection.execute(
                f"COPY ({rows}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
            ).fetchone()[0]
            if copied != account["rows"]:
                raise RuntimeError(f"{name}: {account['rows']} rows were counted, {copied} were written")
            with target.open("rb") as stream:
                account["checksum"] = hashlib.file_digest(stream, "sha256").hexdigest()


def _formats(shaped: Shaped, one: Opened) -> dict[str, dict[str, tuple[int, str, int]]]:
    """By cell of money what number formats show around it: how often, and the file and row of the first."""
    found: dict[str, dict[str, tuple[int, str, int]]] = {}
    for cell in shaped.cells:
        _, headings = read_from(cell.name, shaped.fillings) if cell.unit == "money" else (None, lambda _: [])
        for source in one.sources:
            for mark, rows in ((m, r) for h in headings(source) for m, r in source.formats.get(h, {}).items()):
                n, file, row = found.setdefault(cell.name, {}).get(mark, (0, source.file, min(rows)))
                found[cell.name][mark] = n + len(rows), file, row
    return found


def _percent_of_money(
    shaped: Shaped, formats: Mapping[str, Mapping[str, tuple[int, str, int]]], place: str
) -> list[Problem]:
    """Numbers that a workbook shows as percentages where sums of money should stand."""
    told = [(cell, formats.get(cell.name, {}).get(PERCENT)) for cell in shaped.cells]
    return [
        Problem.said(repair_words, "percent_of_money", place, cell.shown, n=one[0], file=one[1], row=one[2])
        for cell, one in told
        if one
    ]


def _within(one: Opened) -> str:
    """SQL: the rows of one source of a table."""
    return f"{FILE} IN ({', '.join(literal(source.file) for source in one.sources)})"


def _rules_of_one_row(one: Opened) -> dict[str, Any]:
    """What a source says about the rows of which one is made; its own heading may tell which row is the latest."""
    wanted = one.wanted
    rest = "latest_by" if wanted.latest_by else "first_by" if wanted.first_by else ""
    return {"one_row_per": wanted.one_row_per, "adds_up": set(wanted.adds_up), "take": wanted.take, "rest": rest}


def _rules_differ(table: Table, opened: Sequence[Opened], place: str) -> list[Problem]:
    """The sources whose rows would become one by other rules than those of the first: one table has one rule."""
    ruled = [one for one in opened if one.wanted.one_row_per]
    problems = []
    for one in ruled[1:]:
        first, own = _rules_of_one_row(ruled[0]), _rules_of_one_row(one)
        keys = [key for key in first if first[key] != own[key]]
        if keys:
            named = [name for key in keys for name in (("latest_by", "first_by") if key == "rest" else (key,))]
            said: dict[str, Any] = {
                "files": [s.file for s in one.sources],
                "other": [s.file for s in ruled[0].sources],
                "keys": named,
            }
            both = list(dict.fromkeys([*ruled[0].wanted.adds_up, *one.wanted.adds_up]))
            said |= {"example": f"adds_up: [{', '.join(both)}]" if "adds_up" in keys else f"{named[0]}: …"}
            problems.append(Problem.said(words, "rules_differ", place, **said))
    return problems


def _joined_as_merged(table: Table, opened: Sequence[Opened]) -> list[Saying]:
    """Let rows over which a key is merged become one; questions about what that adds up."""
    asked = []
    for one in opened:
        joined = one_row_of_merged(table, one.wanted, one.sources)
        if joined is not one.wanted:
            said = {"files": [source.file for source in one.sources], "table": table.name, "column": table.key}
            which = "questions.merged_sums" if joined.adds_up else "questions.merged"
            asked.append(words.later(which, **said, names=joined.adds_up))
            one.wanted = joined
    return asked


def _unread(table: Table, one: Opened) -> list[tuple[str, list[Cell]]]:
    """The columns of a table's files that fill nothing, as numbers, if they are any."""
    found = []
    for source in one.sources:
        fillings = fillings_of(table, one.wanted, list(source.types)).values()
        used = {heading for filling in fillings for heading in present(filling, source)}
        free = [h for h in shown_headings(source) if h not in used and source.types[h] == "VARCHAR"]
        found.append((f"({source.sql})", [Cell(h, "number", source.names[h]) for h in free]))
    return found


def _units_in_headings(table: Table, wanted: TableSource, sources: Sequence[Source]) -> list[Saying]:
    """Questions about sums of money whose heading says that they are counted in 万元, in cents or in thousands."""
    asked = []
    for source in sources:
        for name, filling in fillings_of(table, wanted, list(source.types)).items():
            if column_of(table, name).unit != "money" or filling.product:
                continue
            for heading in present(filling, source):
                unit = _UNIT_OF_MONEY.search(heading)
                if unit:
                    said = {"file": source.file, "column": name, "heading": heading}
                    asked.append(words.later("questions.unit", unit=unit.group().strip(" (（_"), **said))
    return list(dict.fromkeys(asked))


def _told(repair: Repair) -> dict[str, Any]:
    """A repair in the account, with what it mends; its example names nobody: an id may be an e-mail address."""
    named = "@" in f"{repair.before}{repair.after}"
    about = repair_words.later("repair", name=repair.name)
    shown = {name: HIDDEN if named else _beginning(getattr(repair, name)) for name in ("before", "after")}
    return {**vars(repair), "about": about, **shown}


def _beginning(cell: Any) -> Any:
    """A cell as an example: of a very long one the beginning."""
    return f"{cell[: _LONGEST_EXAMPLE - 1]}…" if isinstance(cell, str) and len(cell) > _LONGEST_EXAMPLE else cell


def memory() -> str:
    """What DuckDB may hold in memory: no more than a third of what this process is allowed and the computer has."""
    free = [MOST_MEMORY]
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
        has = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        free += [size // 3_000_000 for size in (allowed, has) if size > 0]
    return f"{max(100, min(free))}MB"


def _tomorrow() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).date().isoformat()


def shown(file: Path, folder: Path) -> str:
    """A file's path as messages and accounts show it: relative to the client's folder."""
    try:
        path = Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:
        path = file.name
    # A name that is not UTF-8 is shown with \N{REPLACEMENT CHARACTER} where it is not.
    return os.fsencode(path).decode("utf-8", "replace")
