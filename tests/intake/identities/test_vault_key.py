"""Where a client's key lives, and that it is never replaced in silence."""

import base64
import os
import secrets
import shutil
import stat
import threading

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from crmlib.intake.identities.private import private_folder, write_private
from crmlib.intake.identities.vault_key import Key, client_key, forget_key, key_in_environment
from crmlib.problems import UnusableInput

HEX = "0f" * 32


class InMemory(KeyringBackend):
    """A keyring that works, as long as the test runs."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


class Forgetful(InMemory):
    """A keyring that takes everything and keeps nothing."""

    def set_password(self, service, username, password):
        pass


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_made_once_and_then_found_again(tmp_path):
    first, second = client_key(tmp_path), client_key(tmp_path)
    assert first.secret == second.secret
    assert len(first.secret) == 32
    assert first.secret != client_key(tmp_path / "other").secret


def test_without_a_keyring_the_key_lies_in_the_users_configuration_and_never_beside_the_data(
    tmp_path, own_configuration
):
    folder = tmp_path / "client"
    key = client_key(folder)
    (file,) = (own_configuration / "keys").iterdir()
    assert file.read_text() == key.secret.hex()
    assert str(file) in str(key.where)
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert key.secret.hex().encode() not in everything
    assert key.secret not in everything


def test_a_working_keyring_keeps_the_key(tmp_path, own_configuration):
    ring = InMemory()
    keyring.set_keyring(ring)
    key = client_key(tmp_path / "client")
    assert list(ring.kept) == [("crmlib", key.vault)]
    assert ring.kept["crmlib", key.vault] == key.secret.hex()
    assert "keyring" in str(key.where)
    assert not own_configuration.exists()
    assert client_key(tmp_path / "client").secret == key.secret


def test_a_keyring_that_keeps_nothing_does_not_lose_the_key(tmp_path):
    keyring.set_keyring(Forgetful())
    assert client_key(tmp_path).secret == client_key(tmp_path).secret


@pytest.mark.parametrize("written", [HEX, HEX.upper(), base64.b64encode(bytes.fromhex(HEX)).decode(), f" {HEX}\n"])
def test_the_environment_comes_first_and_is_stored_nowhere(tmp_path, monkeypatch, written, own_configuration):
    ring = InMemory()
    keyring.set_keyring(ring)
    monkeypatch.setenv("CRMLIB_VAULT_KEY", written)
    key = client_key(tmp_path)
    assert key.secret == bytes.fromhex(HEX)
    assert "CRMLIB_VAULT_KEY" in str(key.where)
    assert not ring.kept
    assert not own_configuration.exists()


@pytest.mark.parametrize("written", ["secret", HEX[:-1], HEX + "00", "ä" * 64, base64.b64encode(b"short").decode()])
def test_a_malformed_key_is_a_problem_that_does_not_show_it(tmp_path, monkeypatch, written):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", written)
    with pytest.raises(UnusableInput, match="64 hexadecimal characters") as raised:
        client_key(tmp_path)
    assert written not in str(raised.value)


def test_a_vault_whose_key_is_gone_is_a_problem_and_gets_no_new_key(tmp_path, own_configuration):
    key = client_key(tmp_path)
    shutil.rmtree(own_configuration)
    for _ in range(2):
        with pytest.raises(UnusableInput, match="no key, although this client has a vault") as raised:
            client_key(tmp_path)
    assert "CRMLIB_VAULT_KEY" in str(raised.value)
    assert key.vault in str(raised.value)
    assert not own_configuration.exists()


def test_another_clients_key_is_refused(tmp_path, monkeypatch):
    client_key(tmp_path)
    monkeypatch.setenv("CRMLIB_VAULT_KEY", HEX)
    with pytest.raises(UnusableInput, match="another client's key"):
        client_key(tmp_path)


def test_a_vaults_id_that_is_gone_or_damaged_is_a_problem(tmp_path):
    client_key(tmp_path)
    name = tmp_path / ".crmlib" / "vault" / "id"
    name.write_text("../../etc/passwd")
    with pytest.raises(UnusableInput, match="no vault's id"):
        client_key(tmp_path)
    name.unlink()
    with pytest.raises(UnusableInput, match="although there is a vault"):
        client_key(tmp_path)


def test_the_same_key_in_the_environment_of_two_clients_gives_different_keys_for_each_purpose(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", HEX)
    one, two = client_key(tmp_path / "one"), client_key(tmp_path / "two")
    made = {k.derived(purpose) for k in (one, two) for purpose in ("pseudonyms", "encryption")}
    assert len(made) == 4
    assert one.secret not in made


def test_the_derivation_is_hkdf_of_rfc_5869():
    """Computed by hand from HMAC: extract with the vault's id as salt, then one block of expand."""
    import hashlib
    import hmac

    secret = secrets.token_bytes(32)
    extracted = hmac.new(b"a1", secret, hashlib.sha256).digest()
    expected = hmac.new(extracted, b"crmlib pseudonyms\x01", hashlib.sha256).digest()
    assert Key("a1", "", secret).derived("pseudonyms") == expected


def test_a_key_does_not_show_itself():
    assert "0f0f" not in repr(Key("a1", "nowhere", bytes.fromhex(HEX)))
    assert "\\x0f" not in repr(Key("a1", "nowhere", bytes.fromhex(HEX)))


def test_everything_private_is_closed_to_others_whatever_the_umask_says(tmp_path):
    before = os.umask(0)
    try:
        client_key(tmp_path)
    finally:
        os.umask(before)
    inside = [tmp_path / ".crmlib", *(tmp_path / ".crmlib").rglob("*")]
    assert {mode(path) for path in inside if path.is_dir()} == {0o700}
    assert {mode(path) for path in inside if path.is_file()} == {0o600}


def test_an_open_private_folder_of_earlier_is_closed(tmp_path):
    (tmp_path / ".crmlib").mkdir(mode=0o755)
    private_folder(tmp_path, "vault")
    assert mode(tmp_path / ".crmlib") == 0o700


def test_a_private_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".crmlib").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusableInput, match="symbolic link"):
        client_key(tmp_path)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "full").write_text("x")
    with pytest.raises(UnusableInput, match="expected a place that you can write to"):
        write_private(tmp_path / "a", b"new")
    assert [p.name for p in tmp_path.iterdir() if p.name != "configuration"] == ["a"]
    assert (tmp_path / "a" / "full").read_text() == "x"


def test_threads_that_come_first_together_get_one_key(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(client_key(tmp_path).secret)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("ring", [None, InMemory()])
def test_a_removed_key_is_nowhere(tmp_path, own_configuration, ring):
    if ring:
        keyring.set_keyring(ring)
    client_key(tmp_path)
    (done,) = forget_key(tmp_path)
    assert "removed" in done
    assert not (ring.kept if ring else list((own_configuration / "keys").iterdir()))
    with pytest.raises(UnusableInput, match="no key, although"):
        client_key(tmp_path)


def test_a_key_in_the_environment_is_said_to_remain(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLIB_VAULT_KEY", HEX)
    client_key(tmp_path)
    assert forget_key(tmp_path) == []
    (said,) = key_in_environment()
    assert "CRMLIB_VAULT_KEY" in said
