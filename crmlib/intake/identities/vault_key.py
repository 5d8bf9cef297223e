"""The key of a client: made on first use, kept outside the client's folder, never made anew in silence."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.intake.identities.private import PRIVATE, alone, make_private, private_folder, write_private
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Saying, Words

_WORDS = Words(__file__)

VARIABLE = "CRMLIB_VAULT_KEY"
SERVICE = "crmlib"
_BYTES = 32


@dataclass(frozen=True)
class Key:
    """The key of one client's vault; ``where`` says in words where it lives. Its text form does not show it."""

    vault: str
    where: str | Saying
    secret: bytes = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF with SHA-256, RFC 5869; the salt is the vault's id).

        Because of the salt, two clients that share one key in the environment still have different pseudonyms.

        >>> key = Key("a1", "nowhere", bytes(32))
        >>> key.derived("pseudonyms") == key.derived("encryption")
        False
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), _BYTES, salt=self.vault.encode(), info=f"crmlib {purpose}".encode()).derive(self.secret)

    @property
    def check(self) -> str:
        """What tells this key from another without saying anything about it (16 hexadecimal characters)."""
        return self.derived("check").hex()[:16]


def client_key(folder: Path) -> Key:
    """The key of the client in ``folder`` (where its YAML is), made if the client has no vault yet.

    It is looked for in the environment variable ``CRMLIB_VAULT_KEY`` (64 hexadecimal characters, or base64 of 32
    bytes), then in the system's keyring (service ``crmlib``, user: the vault's id), then in a file of your own
    configuration folder. A new key goes to the keyring, or to that file where no keyring works.

    Raises:
        UnusableInput: the variable is malformed; the client has a vault but its key is nowhere, or is another one.
    """
    vault = private_folder(folder, "vault")
    with alone(vault):
        name = _vault_id(vault)
        key = _from_environment(name) or _from_keyring(name) or _from_file(name)
        known = vault / "key_check"
        in_use = known.exists() or _has_content(vault)
        if key is None:
            if in_use:
                raise UnusableInput([_problem("no_key", service=SERVICE, name=name, kept=key_file(name))])
            key = _made(name)
        if known.exists():
            if not hmac.compare_digest(known.read_bytes().strip(), key.check.encode()):
                raise UnusableInput([wrong_key(key)])
        elif not in_use:
            write_private(known, key.check.encode())
    return key


def forget_key(folder: Path) -> list[str]:
    """Remove a client's key from the keyring and from your configuration folder; answers what was done, in words."""
    file = folder / PRIVATE / "vault" / "id"
    if not file.is_file() or not (name := _as_id(file)):
        return []
    done = []
    if _removed_from_keyring(name):
        done.append(_WORDS.say("key.keyring_entry", name=name, service=SERVICE))
    if key_file(name).is_file():
        key_file(name).unlink()
        done.append(_WORDS.say("removed.file", file=key_file(name)))
    return done


def key_in_environment() -> list[str]:
    """That a key in the environment cannot be removed from here, in words; nothing where there is none."""
    return [_WORDS.say("key.stays_in_environment", variable=VARIABLE)] if os.environ.get(VARIABLE) else []


def key_file(vault: str) -> Path:
    """Where the key of a vault lies on a machine without a keyring: in your own configuration folder."""
    import platformdirs

    return Path(platformdirs.user_config_dir("crmlib", appauthor=False)) / "keys" / vault


def wrong_key(key: Key) -> Problem:
    """A key that is not the one of this client's vault."""
    return _problem("other_key", where=str(key.where))


def _problem(key: str, file: str | Path = "", **values: Any) -> Problem:
    return Problem.said(_WORDS, key, str(file) or _WORDS.say("key.of_vault"), **{"variable": VARIABLE, **values})


def _vault_id(vault: Path) -> str:
    file = vault / "id"
    if file.is_file():
        if name := _as_id(file):
            return name
        wrong = "id.no_id"
    elif _has_content(vault) or (vault / "key_check").exists():
        wrong = "id.missing"
    else:
        write_private(file, secrets.token_hex(16).encode())
        return _as_id(file)
    raise UnusableInput([_problem(wrong, file)])


def _as_id(file: Path) -> str:
    name = file.read_bytes().decode("ascii", errors="replace").strip()
    return name if re.fullmatch("[0-9a-f]{32}", name) else ""


def _has_content(vault: Path) -> bool:
    return any(vault.glob("*.sealed"))


def _from_environment(name: str) -> Key | None:
    written = os.environ.get(VARIABLE, "").strip()
    if not written:
        return None
    secret = _as_bytes(written)
    if secret is None:
        raise UnusableInput([_problem("no_key_in_environment", n=len(written))])
    return Key(name, _WORDS.later("key.in_environment", variable=VARIABLE), secret)


def _as_bytes(written: str) -> bytes | None:
    """The 32 bytes that a text means.

    >>> _as_bytes("00" * 32) == _as_bytes("A" * 43 + "=") == bytes(32), _as_bytes("secret")
    (True, None)
    """
    if re.fullmatch("[0-9a-fA-F]{64}", written):
        return bytes.fromhex(written)
    padded = written + "=" * (-len(written) % 4)
    try:
        secret = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if len(secret) == _BYTES else None


def _from_keyring(name: str) -> Key | None:
    written = _asked_keyring("get_password", name)
    secret = _as_bytes(written) if isinstance(written, str) else None
    return Key(name, _WORDS.later("key.in_keyring", service=SERVICE, name=name), secret) if secret else None


def _from_file(name: str) -> Key | None:
    file = key_file(name)
    try:
        secret = _as_bytes(file.read_text(encoding="ascii", errors="replace").strip())
    except FileNotFoundError:
        return None
    except OSError:
        raise UnusableInput([_problem("closed_key", file)]) from None
    if secret is None:
        raise UnusableInput([_problem("no_key_in_file", file)])
    return Key(name, _WORDS.later("key.in_file", file=str(file)), secret)


def _made(name: str) -> Key:
    """A new key, read back from where it was put: a keyring that keeps nothing must not lose the vault."""
    written = secrets.token_bytes(_BYTES).hex()
    _asked_keyring("set_password", name, written)
    kept = _from_keyring(name)
    if kept and kept.secret == bytes.fromhex(written):
        return kept
    make_private(key_file(name).parent)
    write_private(key_file(name), written.encode())
    key = _from_file(name)
    assert key is not None
    return key


def _removed_from_keyring(name: str) -> bool:
    if _from_keyring(name) is None:
        return False
    _asked_keyring("delete_password", name)
    return _from_keyring(name) is None


def _asked_keyring(action: str, name: str, *more: str) -> Any:
    """What the system's keyring answers; None where none works: back ends fail with errors of their own kinds."""
    import keyring

    try:
        return getattr(keyring, action)(SERVICE, name, *more)
    except Exception:
        return None
