"""The vault: who the customers are, encrypted, apart from every table that is analysed."""

from __future__ import annotations

import datetime as dt
import getpass
import io
import json
import os
import struct
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crmlib.intake.identities.private import alone, append_private, private_folder, replacing, write_private
from crmlib.intake.identities.pseudonyms import is_pseudonym
from crmlib.intake.identities.vault_key import Key, wrong_key
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words

_WORDS = Words(__file__)

COLUMNS = ("pseudonym", "customer_id", "name", "email", "phone", "address")
_MAGIC = b"crmlib vault 1\n"
_CHUNK = 1 << 20
_NONCE = 12
_LEAD = struct.Struct(">QIB")
"""Position, length of the plain text, and whether it is the last: authenticated with each chunk."""


class Vault:
    """The identities of one client: ``folder`` is the client's, the vault lies in ``.crmlib/vault`` there.

    An identity table is an Arrow table of texts with at least ``pseudonym`` and ``customer_id``; ``name``, ``email``,
    ``phone``, ``address`` and any further columns may follow. Every access is written to ``access.log``: when, who,
    by which command, what, why and how many rows, and never who it was about. An older whole file that is put back
    in place of a newer one cannot be told from it.
    """

    def __init__(self, folder: Path, key: Key) -> None:
        self.folder = private_folder(folder, "vault")
        self._key = key
        self._identities = self.folder / "identities.sealed"
        self._forgotten = self.folder / "forgotten.sealed"

    def write(self, table: Any, why: str) -> None:
        """Replace the identities by ``table``; rows of forgotten persons are left out.

        Raises:
            ValueError: the table lacks ``pseudonym`` or ``customer_id``, or has a column that is not text.
            UnusableInput: the vault cannot be written, or has another key.
        """
        _check_identities(table)
        with self._accessed("write", why) as rows, alone(self.folder):
            rows.append(self._store(table))

    def read(self, why: str) -> Any:
        """All identities as an Arrow table; an empty one where nothing was written.

        Raises:
            UnusableInput: the key is another one, or the file is damaged.
        """
        with self._accessed("read", why) as rows:
            table = self._load()
            rows.append(table.num_rows)
        return table

    def lookup(self, pseudonyms: Collection[str], why: str) -> Any:
        """The identities of these persons as an Arrow table.

        Raises:
            UnusableInput: as :meth:`read`.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        with self._accessed("look up", why) as rows:
            table = self._load()
            table = table.filter(pc.is_in(table["pseudonym"], pa.array(sorted(pseudonyms), table["pseudonym"].type)))
            rows.append(table.num_rows)
        return table

    def forgotten(self, why: str = "leave out forgotten persons") -> frozenset[str]:
        """The pseudonyms of the persons that are to stay forgotten.

        Raises:
            UnusableInput: as :meth:`read`.
        """
        with self._accessed("read forgotten", why) as rows:
            known = self._tombstones()
            rows.append(len(known))
        return known

    def forget(self, pseudonym: str, why: str = "forget a person") -> int:
        """Remove a person and keep the pseudonym as forgotten; answers how many rows the person had.

        Raises:
            ValueError: the text is no pseudonym.
            UnusableInput: as :meth:`read`.
        """
        if not is_pseudonym(pseudonym):
            raise ValueError("a pseudonym is P and 16 hexadecimal characters")
        with self._accessed("forget", why) as rows, alone(self.folder):
            table = self._load()
            known = sorted(self._tombstones() | {pseudonym})
            # First the tombstone: if this is interrupted, the next intake still leaves the person out.
            self._seal_bytes(self._forgotten, json.dumps(known).encode())
            kept = self._store(table) if self._identities.exists() else 0
            rows.append(table.num_rows - kept)
        return rows[0]

    def _load(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._identities.exists():
            return pa.table({name: pa.array([], pa.string()) for name in COLUMNS})
        return pq.read_table(pa.BufferReader(self._opened(self._identities)))

    def _store(self, table: Any) -> int:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        gone = pa.array(sorted(self._tombstones()), table["pseudonym"].type)
        # In Arrow, a text that is missing is in no list: guests without an id stay.
        table = table.filter(pc.invert(pc.is_in(table["pseudonym"], gone)))
        with replacing(self._identities) as staged:
            write_private(staged, b"")
            with staged.open("wb") as file:
                sealing = _Sealing(file, self._key, self._identities.name)
                pq.write_table(table, pa.PythonFile(sealing, mode="w"), compression="zstd", use_dictionary=False)
                sealing.finish()
                file.flush()
                os.fsync(file.fileno())
        return int(table.num_rows)

    def _tombstones(self) -> frozenset[str]:
        if not self._forgotten.exists():
            return frozenset()
        return frozenset(json.loads(self._opened(self._forgotten)))

    def _seal_bytes(self, file: Path, content: bytes) -> None:
        target = io.BytesIO()
        sealing = _Sealing(target, self._key, file.name)
        sealing.write(content)
        sealing.finish()
        write_private(file, target.getvalue())

    def _opened(self, file: Path) -> bytes:
        """The plain content of a file of the vault."""
        try:
            return _unsealed(file.read_bytes(), self._key, file.name)
        except _WrongKey:
            raise UnusableInput([wrong_key(self._key)]) from None
        except _Damaged as damage:
            raise UnusableInput([Problem.said(_WORDS, f"damaged.{damage}", str(file))]) from None
        except OSError:
            raise UnusableInput([Problem.said(_WORDS, "closed_vault", str(file))]) from None

    @contextmanager
    def _accessed(self, what: str, why: str) -> Iterator[list[int]]:
        """Log an access when it is over, a refused one as well; the caller appends the number of rows."""
        rows: list[int] = []
        try:
            yield rows
        except BaseException:
            what = f"{what} (refused)"
            raise
        finally:
            entry = {
                "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                "user": _user(),
                "command": Path(sys.argv[0] if sys.argv else "").name,
                "what": what,
                "why": why,
                "rows": sum(rows),
            }
            append_private(self.folder / "access.log", json.dumps(entry, ensure_ascii=False))


def _check_identities(table: Any) -> None:
    import pyarrow.types as kinds

    missing = [name for name in ("pseudonym", "customer_id") if name not in table.column_names]
    if missing:
        raise ValueError(f"identities without {' and '.join(missing)}")
    wrong = [f.name for f in table.schema if not (kinds.is_string(f.type) or kinds.is_large_string(f.type))]
    if wrong:
        raise ValueError(f"identities are texts; {', '.join(wrong)} is not")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # A process without a name in the system's list of users.
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


class _WrongKey(Exception):
    """The file was sealed with another key."""


class _Damaged(Exception):
    """The file is not as it was written; holds the key of the words that say in what way."""


class _Sealing(io.RawIOBase):
    """A stream that encrypts with AES-256-GCM, chunk by chunk, what is written to it.

    A file has a key of its own (HKDF with 16 random bytes of its head); each chunk has a random nonce, and its
    position, its length and whether it is the last are authenticated, so that no chunk can be left out or moved.
    """

    def __init__(self, target: Any, key: Key, name: str) -> None:
        super().__init__()
        self._target = target
        salt = os.urandom(16)
        self._head = _MAGIC + bytes.fromhex(key.check) + salt
        self._cipher = _cipher(key, salt)
        self._context = self._head + name.encode()
        self._waiting = bytearray()
        self._position = 0
        target.write(self._head)

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def write(self, content: Any) -> int:
        """Take plain bytes."""
        size = memoryview(content).nbytes
        self._waiting += content
        at = 0
        while len(self._waiting) - at > _CHUNK:
            self._seal(bytes(self._waiting[at : at + _CHUNK]), last=False)
            at += _CHUNK
        del self._waiting[:at]
        return size

    def close(self) -> None:
        """Arrow closes what it has written to; the last chunk is sealed by :meth:`finish`."""

    def finish(self) -> None:
        """Seal the last chunk: without it the file counts as cut off."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        lead = _LEAD.pack(self._position, len(plain), last)
        nonce = os.urandom(_NONCE)
        self._target.write(lead + nonce + self._cipher.encrypt(nonce, plain, self._context + lead))
        self._position += 1


def _unsealed(content: bytes, key: Key, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    size = len(_MAGIC) + 8 + 16
    if len(content) < size or not content.startswith(_MAGIC):
        raise _Damaged("no_vault")
    if content[len(_MAGIC) : len(_MAGIC) + 8].hex() != key.check:
        raise _WrongKey
    cipher, context = _cipher(key, content[size - 16 : size]), content[:size] + name.encode()
    plain, at, position, last = bytearray(), size, 0, 0
    while not last:
        lead = content[at : at + _LEAD.size]
        if len(lead) < _LEAD.size:
            raise _Damaged("cut_off")
        _, length, last = _LEAD.unpack(lead)
        # The place where the chunk stands counts, not the one that it claims.
        expected = _LEAD.pack(position, length, bool(last))
        start = at + _LEAD.size
        at = start + _NONCE + length + 16
        nonce, sealed = content[start : start + _NONCE], content[start + _NONCE : at]
        if lead != expected or len(sealed) < length + 16:
            raise _Damaged("moved")
        try:
            plain += cipher.decrypt(nonce, sealed, context + expected)
        except InvalidTag:
            raise _Damaged("changed") from None
        position += 1
    if at != len(content):
        raise _Damaged("added_to")
    return bytes(plain)


def _cipher(key: Key, salt: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), 32, salt=salt, info=b"crmlib vault file").derive(key.derived("encryption")))
