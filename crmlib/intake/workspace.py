"""A run's workspace: the contract tables as Parquet and the account of every row that was read."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import filecmp
import functools
import hashlib
import itertools
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import crmlib
from crmlib.client import Client
from crmlib.contract import TABLES
from crmlib.engine import open_engine, serving
from crmlib.files import no_room
from crmlib.intake.databases import database_fingerprint
from crmlib.intake.identities.private import PRIVATE, room_for
from crmlib.intake.identities.runs import taking_in
from crmlib.intake.on_spark import SparkStaging, on_spark, unheeded_on_spark
from crmlib.intake.on_spark import fingerprint as fingerprint_on_spark
from crmlib.intake.profiles import resolved_tables
from crmlib.intake.quarantine import CORRECTED
from crmlib.intake.readers import find_files
from crmlib.intake.readers.opening import closed
from crmlib.intake.reasons import in_words
from crmlib.intake.staging import Opened, Staging, memory
from crmlib.newcomers import customers_start
from crmlib.problems import Problem, UnusableInput
from crmlib.reaching import engine_in_words
from crmlib.words import Saying, Voice, Words, voice

words = Words(__file__)
_CUSTOMER = "customer_id"
ACCOUNT = "account.json"
MADE = "made"
"""In a workspace: the tables that several chapters need, made once of the contract's."""
_VAULT = Path(PRIVATE, "vault")


@dataclass(frozen=True)
class Workspace:
    """Contract tables that have been taken in, read through Ibis on DuckDB or on another ``engine``.

    Times are shown as the client's wall clock, and nothing after the day ``as_of`` is shown.
    """

    folder: Path
    kept: dict[str, Any]
    timezone: str
    engine: str = "duckdb"
    settings: Mapping[str, str] = field(default_factory=dict)
    _worded: dict[Voice, dict[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def account(self) -> dict[str, Any]:
        """What became of every row, column and table, worded in the language in use."""
        if voice() not in self._worded:
            self._worded[voice()] = worded(self.kept)
        return self._worded[voice()]

    @property
    def as_of(self) -> dt.date:
        """The day at whose end the analyses look at the data."""
        return dt.date.fromisoformat(self.kept["as_of"])

    @property
    def made(self) -> Path:
        """The folder of what is made once of these data, for all chapters."""
        return self.folder / MADE

    @property
    def tables(self) -> list[str]:
        """The tables that are there."""
        return list(self.kept["tables"])

    def columns(self, table: str) -> list[str]:
        """The columns of a table that hold anything."""
        return list(self.kept["tables"].get(table, {}).get("columns", []))

    def has(self, table: str, *columns: str) -> bool:
        """Whether a table is there and all the named columns hold something."""
        return table in self.kept["tables"] and set(columns) <= set(self.columns(table))

    def table(self, name: str) -> Any:
        """The table as an Ibis table; one that the client does not have is empty, in the contract's columns.

        A table whose customers nobody knows still has the column: it is empty, as that of guests is.

        Raises:
            KeyError: the contract has no such table.
        """
        import ibis

        from crmlib.engine import empty_table, open_table

        if name not in self.kept["tables"]:
            return empty_table(self._connection, name, TABLES[name].kinds)
        table = open_table(
            self._connection,
            self.folder / f"{name}.parquet",
            name=name,
            timezone=self.timezone,
            until=self.as_of.isoformat(),
            time=TABLES[name].time,
        )
        nameless = _CUSTOMER in TABLES[name].names and _CUSTOMER not in table.columns
        return table.mutate(**{_CUSTOMER: ibis.null("string")}) if nameless else table

    @functools.cached_property
    def _connection(self) -> Any:
        from crmlib.engine import keep_in, open_engine

        with engine_in_words():
            connection = open_engine(self.engine, self.made, self.settings)
        keep_in(connection, self.made, content=self.kept["fingerprint"], memory=memory())
        return connection


def open_workspace(client: Client, folder: Path, *, engine: str = "") -> Workspace:
    """The workspace that a run has made: nothing is taken in again, whatever has become of the exports meanwhile.

    ``engine``: where a run reaches the client's engine (:func:`crmlib.reaching.reached`); by default the client's.

    Raises:
        UnusableInput: there is no workspace in the folder.
    """
    account = _earlier(folder)
    if account is None:
        raise UnusableInput([Problem.said(words, "no_workspace", str(folder))])
    return _read_by(client, folder, account, engine)


def _read_by(client: Client, folder: Path, account: dict[str, Any], engine: str) -> Workspace:
    # A server that was started for the run has the client's settings already.
    settings = client.spark_settings if engine in ("", client.engine) else {}
    return Workspace(folder, account, client.timezone, engine or client.engine, settings)


def take_in(client: Client, folder: Path, *, engine: str = "", waits: Callable[[], None] = lambda: None) -> Workspace:
    """Turn a client's sources into the contract tables in ``folder``; what is there and unchanged is used again.

    ``engine``: as for :func:`open_workspace`. ``waits`` is called where another run, check or notebook takes the client
    in, which is waited for.

    Raises:
        UnusableInput: with every problem of every table at once.
    """
    sources, problems = locate(client)
    if problems:
        raise UnusableInput(problems)
    with taking_in(client.folder, waits=waits), _reading_engine(client, folder, engine) as (session, address):
        # What an interrupted reading left behind may hold people's data: it goes even if nothing is read again.
        _clear_abandoned(folder)
        fingerprint = _fingerprint(client, sources, session)
        earlier = _earlier(folder)
        if earlier and earlier["fingerprint"] == fingerprint and _has_vault(client):
            return _read_by(client, folder, earlier, engine)
        with room_for(folder), _whole_folder(folder) as staging, _private_folder(folder) as scratch:
            staged = Staging(client, sources, scratch)
            if session:
                staged = SparkStaging(client, sources, scratch, session=session)
            account = _run(staged, staging)
            account["fingerprint"] = fingerprint
            _add_start(account, Workspace(staging, json.loads(_text(account)), client.timezone, address), client)
            text = _text(account)
            (staging / ACCOUNT).write_text(text, encoding="utf-8")
        return _read_by(client, folder, json.loads(text), engine)


@contextmanager
def _reading_engine(client: Client, folder: Path, engine: str) -> Iterator[tuple[Any, str]]:
    """The session of Spark that reads the client's sources (None: DuckDB does) and its address."""
    if not on_spark(client):
        yield None, "duckdb"
        return
    settings = client.spark_settings if engine in ("", client.engine) else {}
    at = engine or client.engine
    with engine_in_words(client.path.name), serving(at, folder.parent, settings) as address:
        session = open_engine(address, folder.parent, settings)._session
        try:
            yield session, address
        finally:
            with contextlib.suppress(Exception):  # a server that is gone has no session left
                session.stop()


def _text(account: Any) -> str:
    return json.dumps(account, indent=1, ensure_ascii=False, default=Saying.as_dict)


def _add_start(account: dict[str, Any], made: Workspace, client: Client) -> None:
    """Put to the account since when a first purchase is called one, and ask the client where the data do not tell."""
    orders = {"customer_id", "ordered_at", "amount"}
    if not made.has("orders", *orders):
        return
    tables = {name: made.table(name) for name in ("orders", "customers")}
    start = customers_start(**tables, as_of=made.as_of, said=client.customers_start)
    account["customers_start"] = start.kept()
    if start.basis == "unclear":
        said = {"day": start.data_begin, "n": start.left_out, "all": start.customers}
        account["tables"]["orders"]["questions"].append(words.later("questions.customers_start", **said))


def worded(kept: Any) -> Any:
    """What is kept of a reading, with everything that is said of it in the language in use.

    >>> said = {"room": "intake", "key": "reasons.left_out.totals", "values": {}}
    >>> worded({"read": 3, "decisions": [said], "reasons": {json.dumps(said): 1}})["reasons"]
    {'left out: a totals line among the rows': 1}
    """
    if isinstance(kept, list):
        return [worded(one) for one in kept]
    if not isinstance(kept, dict):
        return kept
    if kept.keys() == {"room", "key", "values"}:
        return str(Saying.from_dict(kept))
    return {in_words(key) if key.startswith('{"room"') else key: worded(one) for key, one in kept.items()}


def _run(staged: Staging, folder: Path) -> dict[str, Any]:
    """The account of a reading whose tables are written into ``folder``."""
    import duckdb

    try:
        account = staged.run()
        staged.keep()
        staged.write(folder)
    except (MemoryError, duckdb.OutOfMemoryException):
        raise UnusableInput([Problem.said(words, "no_memory", staged.client.path.name)]) from None
    except duckdb.Error as error:
        damaged = [] if no_room(error) else staged.damaged()
        if damaged:
            raise UnusableInput(damaged) from None
        raise
    return account


def locate(client: Client) -> tuple[dict[str, list[Opened]], list[Problem]]:
    """The files that each source of each table means, and what cannot be found."""
    resolved, problems = resolved_tables(client)
    found: dict[str, list[Opened]] = {}
    for name, sources in resolved.items():
        found[name] = []
        for own, wanted in zip(client.tables[name], sources, strict=True):
            files = [] if wanted.database else find_files(wanted.source or "", client.folder)
            found[name].append(Opened(own, wanted, files))
            if not files and not wanted.database:
                said = {"table": name, "path": wanted.source, "folder": client.folder.name}
                problems.append(Problem.said(words, "no_file", client.path.name, **said))
        problems += _read_twice(found[name], name, client)
    return found, problems + (unheeded_on_spark(client, resolved) if on_spark(client) else [])


def _read_twice(opened: Sequence[Opened], table: str, client: Client) -> list[Problem]:
    """Files that would count twice in a table: named again with the same settings, or a copy of another of them."""
    problems: list[Problem] = []

    def problem(key: str, **values: str) -> None:
        problems.append(Problem.said(words, key, client.path.name, table=table, **values))

    seen: dict[str, dict[Path, int]] = {}
    for one in opened:
        earlier = seen.setdefault(one.wanted.model_dump_json(exclude={"source"}), {})
        for file in one.files:
            resolved, size = file.resolve(), _size(file)
            if resolved in earlier:
                problem("file_twice", file=file.name)
                continue
            copies = (known for known, length in earlier.items() if length == size > 0)
            same = next((known for known in copies if filecmp.cmp(known, resolved, shallow=False)), None)
            if same is not None and not _one_line(resolved):
                problem("same_content", one=same.name, file=file.name)
            earlier[resolved] = size
    return problems


def _size(file: Path) -> int:
    """Bytes of a file that can be read, else 0."""
    return file.stat().st_size if os.access(file, os.R_OK) else 0


def _one_line(file: Path) -> bool:
    """Whether there is at most one line: of months without a row only the headings are exported, and they are alike."""
    with file.open("rb") as stream:
        return not any(line.strip() for line in itertools.islice(stream, 1, 3))


@contextmanager
def _private_folder(folder: Path) -> Iterator[Path]:
    """A folder for what is read on the way, which only the user can open and which vanishes afterwards."""
    private = folder.with_name(f".{folder.name}-reading-{os.getpid()}")
    shutil.rmtree(private, ignore_errors=True)
    private.mkdir(mode=0o700)
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _earlier(folder: Path) -> dict[str, Any] | None:
    """The account of the tables in the folder, if it and they are whole."""
    try:
        account = json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))
        whole = all((folder / f"{name}.parquet").exists() for name in account["tables"])
        return account if whole and account["fingerprint"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fingerprint(client: Client, sources: dict[str, list[Opened]], session: Any) -> str:
    digest = hashlib.sha256(crmlib.__version__.encode())
    kit = Path(__file__).parent
    for module in sorted(
        [
            *kit.rglob("*.py"),
            *kit.rglob("*.yaml"),
            *kit.glob("../contract/*.py"),
            kit / "../mapping.py",
            kit / "../bands.py",
            kit / "../newcomers.py",
        ]
    ):
        digest.update(module.read_bytes())
    settings = {
        "timezone",
        "currency",
        "as_of",
        "max_set_aside",
        "customer_ids",
        "merge",
        "customers_start",
        "known_names",
    }
    digest.update(client.model_dump_json(include=settings, by_alias=True).encode())
    # What was corrected, the list of merges and who is to be forgotten are part of what is read.
    corrected = sorted(file for file in (client.folder / CORRECTED).glob("*") if file.is_file())
    listed = [client.folder / client.merge.listed] if client.merge.listed else []
    for file in [*corrected, *listed, client.folder / _VAULT / "forgotten.sealed"]:
        if file.is_file():
            digest.update(f"\0{file.name}\0".encode("utf-8", "replace") + _digest(file))
    seen: set[Path] = set()
    for name, opened in sources.items():
        for one in opened:
            digest.update(f"\0{name}\0{one.wanted.model_dump_json(by_alias=True)}".encode())
            if one.wanted.database and session:
                known = fingerprint_on_spark(session, one.wanted, client.folder)
                digest.update((known or secrets.token_hex()).encode())
            elif one.wanted.database:
                # A server's tables have no fingerprint: they are read again each time.
                digest.update((database_fingerprint(one.wanted, client.folder) or secrets.token_hex()).encode())
            joined = [file for join in one.wanted.joins for file in find_files(join.source, client.folder)]
            for file in [*one.files, *joined]:
                digest.update(f"\0{file.name}\0".encode("utf-8", "replace"))
                if file not in seen:
                    digest.update(_digest(file))
                    seen.add(file)
    return digest.hexdigest()


def _has_vault(client: Client) -> bool:
    """Whether the identities that belong to the tables are there, if they have any."""
    return (
        client.customer_ids != "pseudonyms"
        or on_spark(client)
        or (client.folder / _VAULT / "identities.sealed").is_file()
    )


def _digest(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise UnusableInput([closed(str(file), error)]) from None


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A staging folder that takes the place of ``folder`` when all of it is there, and vanishes otherwise.

    Raises:
        UnusableInput: the folder cannot be written, or holds something that is not a workspace.
    """
    if folder.exists() and not (folder / ACCOUNT).exists() and any(folder.iterdir()):
        raise UnusableInput([Problem.said(words, "not_ours", str(folder))])
    staging = folder.with_name(f".{folder.name}-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
    except OSError as error:
        why = errno.errorcode.get(error.errno or 0, str(error.strerror))
        raise UnusableInput([Problem.said(words, "no_folder", str(folder), why=why)]) from None
    try:
        yield staging
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(staging, folder)
        except OSError:
            # Another process put the same tables there between the two lines above: both are whole, theirs stays.
            if not (folder / ACCOUNT).is_file():
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _clear_abandoned(folder: Path) -> None:
    """Remove the staging and reading folders of processes that were ended in the middle."""
    for abandoned in folder.parent.glob(f".{folder.name}-*"):
        if not _runs(abandoned.name.rsplit("-", 1)[1]):
            shutil.rmtree(abandoned, ignore_errors=True)


def _runs(process: str) -> bool:
    """Whether a process of that number is there; where this cannot be told, it is taken to be."""
    if not process.isdigit() or os.name != "posix":
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
