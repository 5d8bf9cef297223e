"""Where a person stands: in text files as they are, and in exports by row."""

from __future__ import annotations

import codecs
import csv
import functools
import gzip
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from crmlib.intake.identities.known_names import KnownNames

TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
WORKBOOKS = (".xls", ".xlsx", ".xlsm", ".xlsb", ".ods")
_TELLING_KINDS = ("email", "phone")
_PACKED = (b"\x1f\x8b", b"PK\x03\x04")


@dataclass(frozen=True)
class Person:
    """What a person is known by: own ids, the pseudonym, and the values of the identity columns by column.

    ``headings`` are the headings under which the client's exports keep the customer's id. A short id such as ``7`` is
    looked for in tables under these only: elsewhere it may be a quantity. ``shown``: the client's tables show the ids
    as they are, so that even a short one in a run's files may be this person. ``known``: the vault knows the person;
    what it does not know is an id only where an export has it under such a heading.
    """

    ids: frozenset[str]
    pseudonym: str
    identities: Mapping[str, frozenset[str]] = field(default_factory=dict)
    headings: frozenset[str] = frozenset({"customer_id"})
    shown: bool = False
    known: bool = True

    @property
    def keys(self) -> frozenset[str]:
        """The ids and the pseudonym."""
        return self.ids | {self.pseudonym}

    @property
    def telling(self) -> frozenset[str]:
        """E-mail addresses and telephone numbers: what hardly two persons share."""
        return frozenset(v for kind in _TELLING_KINDS for v in self.identities.get(kind, ()) if len(v) >= 6)

    @property
    def everything(self) -> frozenset[str]:
        """Every value, with the other forms in which a telephone number is written; single characters left out."""
        ids = frozenset(key for key in self.ids if self.shown or is_telling(key))
        values = (
            ids | {self.pseudonym} | frozenset(v for listed in self.identities.values() for v in listed if len(v) > 1)
        )
        return values | frozenset(form for v in self.identities.get("phone", ()) for form in _phone_forms(v))


def _phone_forms(phone: str) -> Iterator[str]:
    digits = re.sub(r"\D", "", phone)
    if len(digits) >= 7:
        yield digits
        yield digits[-11:]


def stands_in(content: bytes, person: Person) -> bool:
    """Whether a file's content holds the person's id, pseudonym or any identity value, packed content included.

    A value counts where no further letter or digit (of ASCII) touches it. It is looked for as it is and as JSON,
    HTML and addresses of pages write it.

    >>> anna = Person(frozenset({"A-11"}), "P0123456789abcdef", {"name": frozenset({"安娜"})})
    >>> stands_in(b"A-112 A-11B", anna), stands_in(b"<td>a-11</td>", anna), stands_in(b'"\\\\u5b89\\\\u5a1c"', anna)
    (False, True, True)
    """
    forms = {form.lower() for value in person.everything for form in _forms(value)}
    return any(_holds(part.lower(), forms) for part in _unpacked(content))


def _forms(value: str) -> Iterator[bytes]:
    yield value.encode()
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield html.escape(value).encode()
    yield quote(value).encode()
    yield value.encode("utf-16-le")
    with suppress(UnicodeEncodeError):
        yield value.encode("gb18030")


def _holds(content: bytes, forms: Collection[bytes]) -> bool:
    for form in forms:
        if form in content:
            before = rb"(?<![a-z0-9])" if form[:1].isalnum() else b""
            behind = rb"(?![a-z0-9])" if form[-1:].isalnum() else b""
            if re.search(before + re.escape(form) + behind, content):
                return True
    return False


def _unpacked(content: bytes) -> Iterator[bytes]:
    yield content
    with suppress(OSError, EOFError, zipfile.BadZipFile, RuntimeError, ValueError):
        if content.startswith(_PACKED[0]):
            yield gzip.decompress(content)
        elif content.startswith(_PACKED[1]):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    yield archive.read(name)


def stands_in_parquet(file: Path, person: Person) -> bool:
    """Whether any cell of a Parquet file is the person's id or pseudonym, or holds an e-mail address or telephone."""
    return bool(_rows_of_parquet(file, person, limit=1))


def rows_with(file: Path, person: Person) -> list[int] | None:
    """The rows of an export in which the person stands, as a spreadsheet counts (Parquet from 1); None: unreadable.

    A row counts if a cell is the person's id or pseudonym (blanks, an apostrophe, ``="…"`` and ``.0`` aside), or
    holds the person's e-mail address or telephone number. Names are no sign: several people may share one.
    """
    if file.suffix.lower() == ".parquet":
        try:
            return _rows_of_parquet(file, person)
        except (OSError, ValueError):
            return None
    return _rows_where(file, lambda records: _rows_of(records, person))


def rows_naming(file: Path, names: KnownNames) -> list[int]:
    """The rows of an export in which one of the names stands; counted as by :func:`rows_with`, none if unreadable."""

    def naming(records: Iterator[list[str]]) -> Iterator[int]:
        return (number for number, record in enumerate(records, 1) if any(names.stands_in(cell) for cell in record))

    if file.suffix.lower() == ".parquet":
        try:
            return list(naming(_records_of_parquet(file)))
        except (OSError, ValueError):
            return []
    return _rows_where(file, naming) or []


def _rows_where(file: Path, rows_of: Callable[[Iterator[list[str]]], Iterator[int]]) -> list[int] | None:
    suffix = file.suffix.lower()
    try:
        if suffix in WORKBOOKS:
            return sorted({row for sheet in _sheets(file) for row in rows_of(sheet)})
        if suffix in (*TEXTS, ".gz", ".zip"):
            return sorted({row for opened in _openers(file) for row in rows_of(_records(opened))})
    except (OSError, EOFError, ValueError, csv.Error, zipfile.BadZipFile):
        pass
    return None


def _records_of_parquet(file: Path) -> Iterator[list[str]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(file).iter_batches():
        for row in batch.to_pylist():
            yield [str(value) for value in row.values() if value is not None]


def without_rows(content: bytes, person: Person) -> tuple[bytes, int]:
    """A CSV without the person's rows, every other byte as it was; and how many rows went. The heading stays."""
    text, encoding, mark = _decoded(content)
    lines = text.splitlines(keepends=True) if "\r" not in text.replace("\r\n", "") else re.split(r"(?<=[\r\n])", text)
    reader = csv.reader(lines, delimiter=_delimiter(text))
    kept: list[str] = []
    before, gone, matches = 0, 0, None
    for number, record in enumerate(reader, 1):
        span = lines[before : reader.line_num]
        before = reader.line_num
        if matches is None:
            matches = _Matching(person, record)
        if number > 1 and matches(record):
            gone += 1
        else:
            kept += span
    if not gone:
        return content, 0
    return mark + "".join(kept).encode(encoding), gone


class _Matching:
    """Whether a record is about the person, given the headings of its table."""

    def __init__(self, person: Person, headings: list[str]) -> None:
        known = {heading.strip().casefold() for heading in person.headings}
        self.at = [n for n, heading in enumerate(headings) if heading.strip().strip("\ufeff").casefold() in known]
        self.keys = {plain_key(key) for key in person.keys}
        self.far = self.keys if not self.at else {key for key in self.keys if person.known and is_telling(key)}
        self.telling = [value.casefold() for value in person.telling]
        digits = (re.sub(r"\D", "", value)[-11:] for value in person.identities.get("phone", ()))
        self.digits = [number for number in digits if len(number) >= 7]
        self._hints = [*self.keys, *self.telling, *(number[-2:] for number in self.digits)]

    def __call__(self, record: list[str]) -> bool:
        # Most records are somebody else's: one look at the whole of it tells that.
        whole = "\n".join(record).casefold()
        if not any(hint in whole for hint in self._hints):
            return False
        if any(n < len(record) and plain_key(record[n]) in self.keys for n in self.at):
            return True
        return any(self._tells(cell) for cell in record if cell)

    def _tells(self, cell: str) -> bool:
        if plain_key(cell) in self.far or any(value in cell.casefold() for value in self.telling):
            return True
        written = re.sub(r"[\s().+-]", "", cell) if self.digits and len(cell) >= 7 else ""
        return any(number in written for number in self.digits)


def is_telling(key: str) -> bool:
    """Whether an id can hardly be anything else where it stands outside its own column.

    >>> is_telling("c-1001"), is_telling("7"), is_telling("17850")
    (True, False, False)
    """
    return len(key) >= 6 or (len(key) >= 4 and not key.isdigit())


def plain_key(cell: str) -> str:
    """An id without what exports put around it.

    >>> [plain_key(cell) for cell in ('="0017"', "'17", " C-17\\t", "17850.0")]
    ['0017', '17', 'c-17', '17850']
    """
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"'):
        cell = cell[2:-1]
    cell = cell.lstrip("'").strip().casefold()
    return cell[:-2] if cell.endswith(".0") and cell[:-2].isdigit() else cell


def _rows_of(records: Iterator[list[str]], person: Person) -> Iterator[int]:
    matches = None
    for number, record in enumerate(records, 1):
        if matches is None or not matches.at:
            # Title rows may stand above the headings.
            candidate = _Matching(person, record)
            if matches is None or candidate.at:
                matches = candidate
        if matches(record):
            yield number


def _records(opened: Callable[[], IO[bytes]]) -> Iterator[list[str]]:
    csv.field_size_limit(1 << 30)
    encoding, start = _encoding(opened)
    with io.TextIOWrapper(opened(), encoding=encoding, errors="replace", newline="") as stream:
        if start.lstrip()[:1] in ("{", "["):
            yield from ([str(value) for value in _values(line)] for line in stream)
        else:
            yield from csv.reader((line.replace("\0", "") for line in stream), delimiter=_delimiter(start))


def _encoding(opened: Callable[[], IO[bytes]]) -> tuple[str, str]:
    """The encoding by the ladder of the readers, and the beginning of the text."""
    with opened() as stream:
        head = stream.read(1 << 16)
    for mark, encoding in _MARKED:
        if head.startswith(mark):
            return encoding, head.decode(encoding, errors="replace")
    for encoding in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with opened() as stream:
                while block := stream.read(1 << 20):
                    decoder.decode(block)
        except UnicodeDecodeError:
            continue
        return encoding, head.decode(encoding, errors="replace")
    return "latin-1", head.decode("latin-1")


_MARKED = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def _values(line: str) -> Iterator[Any]:
    """All scalar values of a line of JSON; of a line that is only a part of it, the quoted texts and the words."""
    try:
        waiting = [json.loads(line.strip().rstrip(","))]
    except ValueError:
        yield from (quoted or word for quoted, word in re.findall(r'"([^"]*)"|([^\s",:{}\[\]]+)', line))
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif value is not None:
            yield value


def _openers(file: Path) -> list[Callable[[], IO[bytes]]]:
    """Ways to open the texts of a file: one, or one for each member of a zip."""
    with file.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(_PACKED[0]):
        return [functools.partial(_gunzipped, file)]
    if start == _PACKED[1]:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
        if any(Path(name).suffix.lower() not in TEXTS for name in names):
            raise ValueError("a zip that holds more than texts")
        return [functools.partial(_unzipped, file, name) for name in names]
    return [functools.partial(_plain, file)]


def _plain(file: Path) -> IO[bytes]:
    return file.open("rb")


def _gunzipped(file: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(file, "rb"))


def _unzipped(file: Path, name: str) -> IO[bytes]:
    return zipfile.ZipFile(file).open(name)


def _sheets(file: Path) -> Iterator[Iterator[list[str]]]:
    try:
        from python_calamine import CalamineWorkbook
    except ImportError:
        raise ValueError("workbooks cannot be read here") from None
    try:
        book = CalamineWorkbook.from_path(str(file))
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            yield ([str(cell) for cell in row] for row in rows)
    except Exception as error:  # The reader has errors of many kinds of its own.
        raise ValueError(str(error)) from None


def _rows_of_parquet(file: Path, person: Person, limit: int | None = None) -> list[int]:
    import duckdb

    from crmlib.engine import file_pattern, identifier, literal

    path = f"read_parquet({literal(file_pattern(file))}, file_row_number = true)"
    try:
        with duckdb.connect() as connection:
            described = connection.execute(f"DESCRIBE FROM {path}").fetchall()
            columns = [name for name, *_ in described if name != "file_row_number"]
            matching = _Matching(person, columns)
            keys, far = (_listed(found) for found in (matching.keys, matching.far))
            conditions = []
            for n, name in enumerate(columns):
                cell = f"lower(trim(CAST({identifier(name)} AS VARCHAR)))"
                listed = keys if n in matching.at else far
                if listed:
                    conditions.append(f"regexp_replace({cell}, '^([0-9]+)\\.0$', '\\1') IN ({listed})")
                conditions += [f"contains({cell}, {literal(value)})" for value in matching.telling]
            end = f" LIMIT {limit}" if limit else ""
            where = " OR ".join(f"coalesce({condition}, false)" for condition in conditions) or "false"
            rows = connection.execute(
                f"SELECT file_row_number + 1 FROM {path} WHERE {where} ORDER BY 1{end}"
            ).fetchall()
    except duckdb.Error:
        raise ValueError("a Parquet file that cannot be read") from None
    return [row for (row,) in rows]


def _listed(values: Collection[str]) -> str:
    from crmlib.engine import literal

    return ", ".join(literal(value) for value in sorted(values))


def _decoded(content: bytes) -> tuple[str, str, bytes]:
    """The text, its encoding and its byte order mark, by the ladder of the readers."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace"), encoding, mark
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return content.decode(encoding), encoding, b""
    return content.decode("latin-1"), "latin-1", b""


def _delimiter(text: str) -> str:
    head = text[: 1 << 16]
    return max((",", ";", "\t", "|"), key=head.count)
